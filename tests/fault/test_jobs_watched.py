"""Jobs that are not heard of or run too long, by the real daemon with a clock that is set by hand:
from its configuration and the event socket to the mail, across restarts, suspended machines and
clocks that are set.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.clocked_daemon import Clocked
from tests.support.daemon import Daemon
from tests.support.sink import Mail, Sink
from tests.support.waiting import until
from zaiond.delivery.scheduler import LOOK

HOUR, DAY = 3600.0, 86400.0
TWO = datetime(2026, 6, 2, 2, tzinfo=UTC).timestamp()  # when the job is due, each day
GRACE = 2.0
CONFIG = """
mail_server: {{host: 127.0.0.1, port: {port}}}
sender: zaionnex@example.co.jp
admins: a@example.co.jp
language: en
route_defaults: {{max_mails: null}}
jobs:
  nightly: {{schedule: "0 2 * * *", timezone: UTC, grace: 2s, max_runtime: 1h}}
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


@pytest.fixture
def daemon(tmp_path: Path, sink: Sink) -> Iterator[Clocked]:
    made = Clocked(tmp_path, CONFIG.format(port=sink.port), TWO - HOUR)
    yield made
    made.end()


def starts_before_two(daemon: Clocked) -> None:
    """It runs, and the job is due in a second."""
    daemon.set(TWO - 60)
    daemon.start()
    daemon.set(TWO - 1)


def tells(daemon: Clocked, type: str) -> list[dict[str, Any]]:
    """The events of this type that the daemon has recorded, oldest first."""
    found = daemon.document("history", "--type", type, "--limit", "100")["events"]
    whole = [daemon.document("history", one["id"])["events"][0] for one in found]
    return sorted(whole, key=lambda one: str(one["id"]))


def slots(event: dict[str, Any]) -> list[float]:
    return [datetime.fromisoformat(slot).timestamp() for slot in event["data"]["slots"]]


def emit(daemon: Clocked, type: str) -> None:
    (reply,) = daemon.emit({"type": type, "job": "nightly", "source": "cron"})
    assert reply["status"] == "ok"


def shows(daemon: Clocked) -> None:
    """It has had its time to look at the jobs, by something that comes after."""
    before = len(daemon.document("history", "--limit", "100")["events"])
    daemon.emit({"type": "a.b"})
    daemon.becomes(
        lambda h: len(h["events"]) > before and h["events"][-1]["outcome"] == "delivered",
        "history", "--limit", "100",
    )  # fmt: skip


def waits(daemon: Clocked, time: float) -> None:
    """Its clock shows `time`, and it has had its time to look at the jobs."""
    until(lambda: daemon.now >= time, lambda: f"its clock shows {daemon.now}")
    shows(daemon)


def of(mails: list[Mail], word: str) -> list[Mail]:
    return [mail for mail in mails if word in mail.subject]


def test_a_job_that_is_not_heard_of_is_mailed_one_grace_after_it_was_due_and_once(
    daemon: Clocked, sink: Sink
) -> None:
    starts_before_two(daemon)
    (mail,) = sink.wait(1)
    assert daemon.now >= TWO + GRACE
    assert "nightly" in mail.subject
    (event,) = tells(daemon, "job.missed")
    assert event["id"] == mail.event_ids[0] == f"job.missed/nightly/{int(TWO)}"
    assert (event["severity"], event["source"], event["job"]) == ("err", "zaiond", "nightly")
    assert slots(event) == [TWO]
    assert "daemon_down" not in event["data"]
    assert event["data"]["grace"] == GRACE
    daemon.restart()
    shows(daemon)
    assert len(sink.mails) == 2  # and what shows it
    assert len(tells(daemon, "job.missed")) == 1


def test_a_job_that_is_heard_of_in_time_is_not_mailed(daemon: Clocked, sink: Sink) -> None:
    starts_before_two(daemon)
    emit(daemon, "job.started")
    emit(daemon, "job.succeeded")
    waits(daemon, TWO + GRACE + 1)
    assert tells(daemon, "job.missed") == []
    assert of(sink.mails, "nightly") == []


def test_slots_that_passed_while_the_daemon_was_down_are_one_mail_after_one_grace(
    daemon: Clocked, sink: Sink
) -> None:
    daemon.start()
    emit(daemon, "job.succeeded")
    daemon.stop()
    daemon.set(TWO + 2 * DAY + HOUR)
    began = daemon.now
    daemon.start()
    (mail,) = sink.wait(1)
    assert daemon.now >= began + GRACE
    (event,) = tells(daemon, "job.missed")
    assert slots(event) == [TWO, TWO + DAY, TWO + 2 * DAY]
    assert event["data"]["daemon_down"] is True
    assert "zaiond was not running when it was due" in mail.body
    daemon.restart()
    shows(daemon)
    assert len(tells(daemon, "job.missed")) == 1


def test_a_slot_that_passed_while_the_daemon_was_down_for_seconds_waits_one_grace_too(
    daemon: Clocked, sink: Sink
) -> None:
    daemon.set(TWO - 60)
    daemon.start()
    shows(daemon)
    daemon.kill()
    daemon.set(TWO + 2 * GRACE)
    began = daemon.now
    daemon.start()
    sink.wait(2)
    assert daemon.now >= began + GRACE
    (event,) = tells(daemon, "job.missed")
    assert slots(event) == [TWO]
    assert event["data"]["daemon_down"] is True


def test_what_the_spool_has_to_tell_of_a_job_is_heard_before_it_is_judged(
    daemon: Clocked, sink: Sink
) -> None:
    daemon.start()
    daemon.stop()
    time = datetime.fromtimestamp(TWO + 60, UTC).isoformat()
    left = {"type": "job.succeeded", "job": "nightly", "id": "by-cron", "source": "cron",
            "time": time}  # fmt: skip
    told = daemon.ctl("emit", "--from", "-", given=json.dumps(left) + "\n")
    assert told.returncode == 0, told
    daemon.set(TWO + HOUR)
    began = daemon.now
    daemon.start()
    waits(daemon, began + 2 * GRACE + 1)
    assert tells(daemon, "job.missed") == []


def test_a_machine_that_was_suspended_was_down(daemon: Clocked, sink: Sink) -> None:
    daemon.start()
    emit(daemon, "job.succeeded")
    daemon.set(TWO + DAY + HOUR)
    shows(daemon)
    daemon.becomes(lambda h: h["events"], "history", "--type", "job.missed")
    (event,) = tells(daemon, "job.missed")
    assert slots(event) == [TWO, TWO + DAY]
    assert event["data"]["daemon_down"] is True


def test_a_clock_that_is_set_back_and_forth_tells_nothing_twice(
    daemon: Clocked, sink: Sink
) -> None:
    starts_before_two(daemon)
    sink.wait(1)
    for _ in range(2):
        daemon.set(TWO - 3)
        shows(daemon)
        waits(daemon, TWO + GRACE + 1)
    assert len(tells(daemon, "job.missed")) == 1
    assert len(of(sink.mails, "nightly")) == 1


def test_a_run_that_takes_too_long_is_mailed_once(daemon: Clocked, sink: Sink) -> None:
    daemon.set(TWO - 5 * HOUR)
    daemon.start()
    emit(daemon, "job.started")
    shows(daemon)
    daemon.set(daemon.now + HOUR + 200)
    daemon.becomes(lambda h: h["events"], "history", "--type", "job.overdue")
    (event,) = tells(daemon, "job.overdue")
    assert event["severity"] == "warning"
    assert event["job"] == "nightly"
    assert event["data"]["max_runtime"] == HOUR
    assert event["data"]["running"] >= HOUR
    daemon.restart()
    shows(daemon)
    assert len(tells(daemon, "job.overdue")) == 1
    assert len(of(sink.mails, "nightly")) == 1


def test_a_missed_job_is_an_alarm_of_status_too_until_it_is_known(
    daemon: Clocked, sink: Sink
) -> None:
    starts_before_two(daemon)
    sink.wait(1)
    status = daemon.ctl("status")
    assert status.returncode == daemon.ctl("jobs").returncode == 1
    assert "- jobs that need a look: nightly (missed)\n    More: zaiond-ctl jobs" in status.stdout
    done = daemon.ctl("problems", "close", "nightly", "--comment", "the disk is being replaced")
    assert done.returncode == 0, done
    for _ in range(2):
        assert daemon.ctl("status").returncode == daemon.ctl("jobs").returncode == 0
        daemon.restart()


def test_the_job_that_comes_after_all_closes_its_problem(daemon: Clocked, sink: Sink) -> None:
    starts_before_two(daemon)
    sink.wait(1)
    emit(daemon, "job.succeeded")
    mail = sink.wait(2)[1]
    assert "nightly" in mail.subject
    assert str(mail.message["References"]) != "None"


def test_a_run_that_has_just_begun_is_overdue_in_time(tmp_path: Path, sink: Sink) -> None:
    jobs = "  nightly: {every: 1h, max_runtime: 1s}\n"
    config = CONFIG.format(port=sink.port).partition("  nightly:")[0] + jobs
    with Daemon(tmp_path, config) as daemon:
        daemon.emit({"type": "job.started", "job": "nightly"})
        # Before the scheduler looks in any case.
        (mail,) = sink.wait(1, timeout=LOOK * 2 / 3)
    assert "overdue" in mail.body
