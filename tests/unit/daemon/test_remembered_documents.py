"""What is told of silences, problems and jobs, by what routing remembers."""

from datetime import datetime
from typing import Any

import pytest

from tests.support.routed import A, B, Book, configured
from zaiond.daemon import remembered_documents as documents
from zaiond.routing import silence
from zaiond.routing.matcher import RoutingTable
from zaiond.routing.records import JobState


def book(text: str = "") -> Book:
    return Book(RoutingTable(configured(text)))


def at(moment: str | None) -> float | None:
    return None if moment is None else datetime.fromisoformat(moment).timestamp()


def name_of(uid: int) -> str:
    return f"user{uid}"


# -- silences


def test_silences_in_force_are_told_by_their_end() -> None:
    b = book()
    for id_, seconds in (("later", 7200), ("sooner", 3600), ("over", 60)):
        silence.add(
            b.state, id=id_, match=(("type", "db.*"),), seconds=seconds, comment="c", by="root",
            now=b.now,
        )  # fmt: skip
    b.tell(type="db.x")
    found = documents.silences(b.state, b.now + 60)
    assert [one["id"] for one in found] == ["sooner", "later"]
    assert found[1]["events"] == 1
    assert found[1]["matchers"] == ["type=db.*"]
    assert (found[1]["comment"], found[1]["user"]) == ("c", "root")
    assert at(found[1]["until"]) == b.now + 7200


# -- problems


def problems(b: Book) -> list[dict[str, Any]]:
    return documents.problems(b.state, b.table, name_of)


def test_problems_are_told_the_worst_first_with_who_was_told_and_when_they_are_again() -> None:
    b = book("routes: {db: {match: {type: db.*}, to: [b@example.jp], repeat_interval: 4h}}")
    b.tell(type="x", key="disk", status="problem", severity="warning", uid=7, subject="full")
    b.now += 10
    b.tell(type="db.x", key="replica", status="problem", severity="crit")
    b.now += 10
    b.tell(type="db.x", key="replica", status="problem", severity="err")
    replica, disk = problems(b)
    assert (replica["key"], replica["severity"], replica["count"]) == ("replica", "crit", 2)
    assert (replica["to"], disk["to"]) == ([B], [A])
    assert at(replica["reminder"]) == b.now - 10 + 4 * 3600
    assert disk["reminder"] is None
    assert (disk["uid"], disk["user"], disk["subject"]) == (7, "user7", "full")
    assert at(replica["since"]) == b.now - 10
    assert at(replica["last"]) == b.now
    assert disk["event_id"] == "e0"
    b.tell(type="x", key="disk", status="ok", uid=7)
    assert [one["key"] for one in problems(b)] == ["replica"]


def test_a_job_that_failed_is_a_problem_of_the_job() -> None:
    b = book()
    b.tell(type="job.failed", job="nightly", severity="err")
    (one,) = problems(b)
    assert (one["key"], one["job"]) == (None, "nightly")


def test_a_problem_that_nobody_was_told_of_says_by_which_silence() -> None:
    b = book()
    silence.add(b.state, id="s", match=(), seconds=60, comment="c", by="root", now=b.now)
    b.tell(key="disk", status="problem")
    (one,) = problems(b)
    assert (one["silence"], one["to"]) == ("s", [])
    b.wait(61)
    (one,) = problems(b)
    assert one["silence"] is None


def test_a_problem_is_named_by_its_key_and_user_or_by_its_job() -> None:
    b = book()
    for uid in (7, 8):
        b.tell(key="disk", status="problem", uid=uid)
    b.tell(type="job.failed", job="disk", severity="err")
    b.tell(type="job.failed", job="nightly", severity="err")

    def named(name: str, uid: int | None = None) -> list[tuple[int, str | None]]:
        return [(one.uid, one.job) for one in documents.named(b.state, name, uid).values()]

    assert named("disk") == [(7, None), (8, None)]
    assert named("disk", 8) == [(8, None)]
    assert named("nightly") == [(1000, "nightly")]
    assert named("disk", 1000) == [(1000, "disk")]
    assert named("dis*") == []


# -- jobs


def jobs(b: Book) -> dict[str, dict[str, Any]]:
    return {one["job"]: one for one in documents.jobs(b.state, b.table, b.now)}


JOBS = "jobs: {nightly: {schedule: '0 2 * * *', timezone: UTC, grace: 2h, max_runtime: 6h}}"


def test_a_job_is_told_from_when_it_is_declared_on() -> None:
    b = book(JOBS)
    one = jobs(b)["nightly"]
    assert one == {
        "job": "nightly", "declared": True, "schedule": "0 2 * * * UTC", "state": "unknown",
        "last_run": None, "last_success": None, "running_since": None, "failures": 0,
        "next_run": one["next_run"], "silence": None,
    }  # fmt: skip
    next_run = datetime.fromisoformat(one["next_run"])
    assert b.now < next_run.timestamp() <= b.now + 86400
    assert (next_run.utctimetuple().tm_hour, next_run.minute) == (2, 0)


def test_how_often_a_job_runs_is_shown_as_it_is_written() -> None:
    assert jobs(book("jobs: {a: {every: 24h}}"))["a"]["schedule"] == "every 1d"
    assert jobs(book("jobs: {a: {every: 90s}}"))["a"]["schedule"] == "every 90s"


def test_a_job_runs_then_is_well_then_runs_for_too_long() -> None:
    b = book(JOBS)
    b.tell(type="job.started", job="nightly")
    one = jobs(b)["nightly"]
    assert (one["state"], at(one["running_since"])) == ("running", b.now)
    b.now += 60
    b.tell(type="job.succeeded", job="nightly")
    one = jobs(b)["nightly"]
    assert (one["state"], one["running_since"]) == ("ok", None)
    assert at(one["last_run"]) == at(one["last_success"]) == b.now
    b.tell(type="job.started", job="nightly", time=b.now + 1, accepted=b.now + 1)
    b.wait(7 * 3600, 30)
    assert jobs(b)["nightly"]["state"] == "overdue"


def test_a_job_that_was_not_heard_of_was_missed_until_it_is() -> None:
    b = book(JOBS)
    b.wait(27 * 3600, 30)
    assert jobs(b)["nightly"]["state"] == "missed"
    b.tell(type="job.started", job="nightly")
    assert jobs(b)["nightly"]["state"] == "running"


def test_a_job_has_failed_from_the_number_on_from_which_it_is_mailed() -> None:
    b = book("jobs: {hourly: {every: 1h, failures: 2}}")
    for state, failures in (("ok", 1), ("failed", 2), ("failed", 3)):
        b.now += 60
        b.tell(type="job.failed", job="hourly", severity="err")
        one = jobs(b)["hourly"]
        assert (one["state"], one["failures"]) == (state, failures)
        assert at(one["next_run"]) == b.now + 3600
    b.now += 60
    b.tell(type="job.started", job="hourly")
    assert jobs(b)["hourly"]["state"] == "failed"  # until it succeeds
    b.tell(type="job.succeeded", job="hourly")
    assert jobs(b)["hourly"]["state"] == "ok"


def test_an_undeclared_job_is_told_once_it_was_heard_of() -> None:
    b = book()
    assert jobs(b) == {}
    b.tell(type="job.failed", job="adhoc", severity="err")
    one = jobs(b)["adhoc"]
    assert (one["declared"], one["state"], one["next_run"]) == (False, "failed", None)


def test_without_a_configuration_what_is_known_is_told_all_the_same() -> None:
    b = book(JOBS)
    b.tell(type="job.succeeded", job="nightly")
    b.tell(key="disk", status="problem")
    (one,) = documents.jobs(b.state, None, b.now)
    assert (one["declared"], one["state"]) == (False, "ok")
    (problem,) = documents.problems(b.state, None, name_of)
    assert problem["to"] == []


def test_status_counts_all_of_them() -> None:
    b = book("routes: {r: {match: {type: g}, group_wait: 1m}}\njobs: {nightly: {every: 24h}}")
    b.tell(type="g")
    b.tell(key="disk", status="problem")
    b.tell(type="job.failed", job="adhoc", severity="err")
    silence.add(b.state, id="s", match=(), seconds=60, comment="c", by="root", now=b.now)
    assert documents.counts(b.state, b.table, b.now) == {
        "problems": 2, "silences": 1, "mails_to_come": 1, "jobs": {"unknown": 1, "failed": 1},
    }  # fmt: skip
    assert documents.counts(b.state, b.table, b.now + 60)["silences"] == 0


@pytest.mark.parametrize(
    ("state", "standing"),
    [
        (JobState(), "unknown"),
        (JobState(heard=100.0, told_through=103.0), "ok"),  # a clock elsewhere may be behind
        (JobState(heard=100.0, told_through=500.0), "missed"),
        (JobState(told_through=500.0, failures=1), "failed"),
    ],
)
def test_the_worst_says_how_a_job_stands(state: JobState, standing: str) -> None:
    assert documents.standing_of(state, None) == standing
