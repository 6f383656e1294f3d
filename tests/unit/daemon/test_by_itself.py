"""What the daemon tells of jobs and silences by itself."""

from typing import Any

from msgspec.structs import replace

from tests.support.store import NOW
from tests.support.told import Told
from zaiond.config.schema import Config, Cron, Job, MailServer
from zaiond.daemon.by_itself import MOST_PROBLEMS, silence_hides
from zaiond.daemon.words import local
from zaiond.message.known import fields_of
from zaiond.net.machine import rfc3339
from zaiond.routing.decision import Expired, Missed, Overdue
from zaiond.routing.records import JobState, Problem, Silence

NIGHTLY = Job(schedule=Cron("0 2 * * *", "Asia/Tokyo"), grace=7200.0, max_runtime=21600.0)
HOURLY = Job(every=3600.0)
CONFIG = Config(
    mail_server=MailServer(host="mailhost"),
    admins=("a@x",),
    jobs={"nightly": NIGHTLY, "hourly": HOURLY},
)
SLOT = NOW - 7 * 3600  # 2 o'clock in Tokyo


async def tell(told: Told, *about: Any) -> list[dict[str, Any]]:
    told.reports.configure(CONFIG)
    await told.tell(told.reports.by_itself, about)
    return told.events


async def test_a_job_that_was_not_heard_of_is_an_event_with_its_slots(told: Told) -> None:
    state = JobState(declared=NOW - 9e5, succeeded=NOW - 1e5, told_through=SLOT)
    one = Missed("nightly", state, (SLOT - 86400, SLOT), 2, True, "job.missed/nightly/1369413600")
    (event,) = await tell(told, one, one)
    assert event == {
        "type": "job.missed", "source": "zaiond", "severity": "err", "job": "nightly",
        "data": {
            "slots": [rfc3339(SLOT - 86400), rfc3339(SLOT)],
            "daemon_down": True, "grace": 7200.0, "schedule": "0 2 * * *",
            "timezone": "Asia/Tokyo", "last_success": rfc3339(NOW - 1e5),
            "next_run": rfc3339(SLOT + 86400),
        },
    }  # fmt: skip
    assert told.accepted[0].events[0].id == "job.missed/nightly/1369413600"
    assert told.accepted[0].events[0].lane == "job nightly"
    assert told.accepted[0].events[0].notice


async def test_of_very_many_slots_it_says_how_many_there_were(told: Told) -> None:
    state = JobState(declared=0.0, told_through=NOW)
    (event,) = await tell(told, Missed("hourly", state, (NOW - 3600, NOW), 5000, False, "x"))
    assert len(event["data"]["slots"]) == 2
    assert event["data"]["count"] == 5000
    assert event["data"]["every"] == 3600.0
    assert "daemon_down" not in event["data"]


async def test_a_run_that_takes_too_long_is_a_warning(told: Told) -> None:
    started = NOW - 30000
    state = JobState(declared=0.0, started=started, running=started, overdue=started)
    one = Overdue("nightly", state, started, 21600.0, "job.overdue/nightly/1")
    (event,) = await tell(told, one)
    assert (event["type"], event["severity"], event["job"]) == ("job.overdue", "warning", "nightly")
    assert event["data"]["running"] == 30000
    assert event["data"]["max_runtime"] == 21600.0
    assert event["data"]["started_at"] == rfc3339(started)


async def test_a_job_that_is_watched_no_more_is_told_of_no_more(told: Told) -> None:
    assert await tell(told, Missed("gone", JobState(), (NOW,), 1, False, "x")) == []


def hidden(number: int) -> tuple[Problem, ...]:
    return tuple(
        Problem(uid=1, key=f"disk{n}", since=NOW, last=NOW, worst="err") for n in range(number)
    )


SILENCE = Silence(
    id="S1", comment="maintenance", by="tanaka", created=NOW - 3600, due=NOW, hidden=9
)


async def test_a_silence_that_ends_tells_of_the_problems_that_it_hides_if_there_are_any(
    told: Told,
) -> None:
    (event,) = await tell(told, Expired(SILENCE), Expired(SILENCE, hidden(1)))
    assert event["type"] == "zaiond.silence.hides"
    assert event["severity"] == "warning"
    assert "there: 1" in event["subject"]
    assert f"- disk0 (since {local(NOW)})" in event["message"]
    assert "tanaka" in event["message"]
    assert "maintenance" in event["message"]
    assert event["data"] == {"silence": "S1", "hidden": 9}


def test_of_many_problems_not_all_are_named() -> None:
    notice = silence_hides(Expired(SILENCE, hidden(MOST_PROBLEMS + 5)))
    assert notice is not None
    assert notice.message is not None
    assert notice.message.en.endswith("- and 5 more")


async def test_a_mail_shows_all_that_it_says_with_labels(told: Told) -> None:
    state = JobState(declared=0.0, told_through=SLOT)
    for name in ("nightly", "hourly"):
        await tell(told, Missed(name, state, (SLOT,), 500, True, f"job.missed/{name}/1"))
    for event in told.events:
        shown = fields_of(event["type"])
        assert set(event["data"]) <= {field.name for field in shown}
    late = Overdue("nightly", state, NOW - 9, 3.0, "job.overdue/nightly/1")
    (*_, event) = await tell(told, late)
    assert set(event["data"]) <= {field.name for field in fields_of("job.overdue")}


def test_a_problem_that_its_producer_dates_to_the_year_1_hides_no_notice() -> None:
    (problem,) = hidden(1)
    notice = silence_hides(Expired(SILENCE, (replace(problem, since=-62135596800.0),)))
    assert notice is not None
    assert notice.message is not None
    assert "(since 1-01-01 00:00:00 +0000)" in notice.message.en
