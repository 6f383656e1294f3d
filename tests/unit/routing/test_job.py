"""Jobs: what is mailed of them, what was missed, what takes too long."""

from typing import Any

import pytest

from tests.support.routed import A, B, Book, configured
from zaiond.routing import job
from zaiond.routing.decision import Decision, Missed, Overdue
from zaiond.routing.job import GAP, next_slot
from zaiond.routing.matcher import RoutingTable

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
T0 = 20_000 * DAY  # midnight UTC
NIGHTLY = 'jobs: {n: {schedule: "0 2 * * *", timezone: UTC, grace: 2h, max_runtime: 6h%s}}\n'


def book(text: str = NIGHTLY % "") -> Book:
    return Book(RoutingTable(configured(text)), now=T0)


def told(b: Book, what: str, **more: Any) -> Decision:
    return b.tell(
        type=f"job.{what}", job="n", severity="err" if what == "failed" else "info", **more
    )


def reason(of: Decision) -> str:
    assert of.end is not None
    return of.end.reason.en


def hours(b: Book, at: float) -> float:
    return (at - T0) / HOUR


def until(b: Book, hour: float, step: float = 30.0) -> None:
    b.wait(T0 + hour * HOUR - b.now, step)


def missed(b: Book) -> list[tuple[float, list[float], bool]]:
    """When it was told (unknown here), slots in hours, whether the daemon was down."""
    return [
        ((each.state.told_through or 0.0) - T0, [hours(b, s) for s in each.slots], each.daemon_down)
        for each in b.jobs
        if isinstance(each, Missed)
    ]


def slots(b: Book) -> list[list[float]]:
    return [each for _, each, _ in missed(b)]


# -- what is mailed


def test_started_and_a_success_that_ends_no_failure_are_recorded_not_mailed() -> None:
    b = book()
    assert reason(told(b, "started")) == "recorded, not mailed: job n has started"
    assert reason(told(b, "succeeded")) == "recorded, not mailed: job n has succeeded"
    b.check()


def test_unless_a_route_names_their_type() -> None:
    b = book(
        "routes: {all: {match: {type: '*'}, continue: true}, other: {match: {type: backup.*},"
        " continue: true}, jobs: {match: {type: job.*}, to: [b@example.jp]}}"
    )
    for what in ("started", "succeeded"):
        (tell,) = told(b, what).tells
        assert (tell.route, tell.to) == ("jobs", (B,))
    assert len(told(b, "failed").tells) == 2


def test_each_failure_is_mailed_and_the_success_that_ends_them() -> None:
    b = book()
    for _ in range(2):
        b.wait(60)
        assert told(b, "failed").tells
    b.wait(60)
    (tell,) = told(b, "succeeded").tells
    standing = tell.routing.standing
    assert standing is not None
    assert (standing.since, standing.until, standing.count) == (T0 + 60, T0 + 180, 2)
    assert told(b, "succeeded").end is not None


def test_from_the_nth_failure_in_a_row_on() -> None:
    b = book(NIGHTLY % ", failures: 3" + "routes: {j: {match: {type: job.failed}}}")
    assert reason(told(b, "failed")) == (
        "recorded, not mailed: failure 1 in a row of job n (mailed from 3 on)"
    )
    told(b, "failed")
    told(b, "succeeded")
    for n in (1, 2, 3, 4):
        b.wait(60)
        assert bool(told(b, "failed").tells) == (n >= 3)
    (tell,) = told(b, "succeeded").tells
    assert tell.routing.standing is not None
    assert tell.routing.standing.since == T0 + 60
    assert tell.routing.standing.count == 4


def test_failures_that_were_too_few_to_be_mailed_end_without_a_mail() -> None:
    b = book(NIGHTLY % ", failures: 2")
    told(b, "failed")
    assert told(b, "succeeded").end is not None


def test_an_undeclared_jobs_failures_are_mailed_and_its_silence_is_not_watched() -> None:
    b = book("")
    assert told(b, "failed").tells
    assert told(b, "succeeded").tells
    b.wait(1000 * DAY, DAY)
    assert b.jobs == []


def test_recipients_of_a_job_take_the_place_of_its_routes() -> None:
    b = book(NIGHTLY % ", to: [b@example.jp]" + "routes: {j: {to: []}}")
    (tell,) = told(b, "failed").tells
    assert (tell.route, tell.to) == ("j", (B,))
    b.reload(configured(NIGHTLY % ", to: []"))
    assert told(b, "failed").tells[0].to == (A,)  # as routed


def test_recipients_of_a_job_have_groups_of_their_own() -> None:
    b = book(NIGHTLY % ", to: [b@example.jp]" + "routes: {j: {group_wait: 10s}}")
    told(b, "failed")
    b.tell()
    b.wait(10)
    assert sorted(mail.to for mail in b.made) == [(A,), (B,)]


def test_a_jobs_problem_is_reminded_of_and_closed_by_hand() -> None:
    from zaiond.routing.problem import closing

    b = book("routes: {r: {repeat_interval: 1h}}")
    told(b, "failed")
    b.wait(HOUR)
    assert len(b.made) == 2
    (kept,) = b.state.problems.values()
    assert b.tell(notice=True, uid=0, **closing(kept, "known", "root")).tells
    assert b.state.problems == {}
    assert b.state.jobs["n"].failures == 0
    assert told(b, "succeeded").end is not None


def test_a_job_is_one_whoever_tells_of_it() -> None:
    b = book()
    told(b, "failed", uid=1)
    assert told(b, "succeeded", uid=2).tells


def test_the_state_of_undeclared_jobs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zaiond.routing.job.MOST_UNDECLARED_JOBS", 10)
    b = book(NIGHTLY % "")
    for n in range(100):
        b.wait(1)
        b.tell(type="job.started", job=f"j{n}")
    assert len(b.state.jobs) == 11
    assert {"n", "j99", "j98", "j90"} <= set(b.state.jobs)
    b.tell(type="job.failed", job="bad", severity="err")
    for n in range(100):
        b.wait(1)
        b.tell(type="job.started", job=f"j{n}")
    assert {"bad", "j99"} <= set(b.state.jobs)


# -- missed


def test_a_slot_that_is_heard_in_time_is_not_missed() -> None:
    b = book()
    for at in (2 - 3 / 3600, 24 + 3.9, 48 + 2.5):
        until(b, at)
        told(b, "started")
    until(b, 76)
    assert slots(b) == [[74]]


def test_a_slot_is_missed_one_grace_after_it_and_told_of_once() -> None:
    b = book()
    until(b, 4 - 1 / 3600)
    assert b.jobs == []
    until(b, 4)
    assert missed(b) == [(2 * HOUR, [2], False)]
    (one,) = b.jobs
    assert one.id == f"job.missed/n/{int(T0 + 2 * HOUR)}"
    until(b, 25)
    assert len(b.jobs) == 1
    until(b, 28)
    assert slots(b) == [[2], [26]]


def test_what_was_missed_is_mailed_and_ended_by_the_next_success() -> None:
    b = book()
    until(b, 4)
    decision = b.tell(type="job.missed", job="n", severity="err", notice=True, uid=0)
    assert decision.tells
    assert told(b, "started").end is not None
    (tell,) = told(b, "succeeded").tells
    assert tell.routing.standing is not None


def test_an_event_much_earlier_than_the_slot_does_not_count_for_it() -> None:
    b = book()
    until(b, 1.5)
    told(b, "succeeded")
    until(b, 4)
    assert slots(b) == [[2]]


def test_what_comes_out_of_the_spool_counts_by_its_own_time() -> None:
    b = book()
    until(b, 3.9)
    told(b, "succeeded", time=T0 + 2.1 * HOUR)
    until(b, 4)
    assert b.jobs == []
    until(b, 27)
    told(b, "succeeded", time=T0 + 1 * HOUR)
    until(b, 28)
    assert slots(b) == [[26]]


def test_an_event_that_says_it_is_of_the_future_counts_as_of_now() -> None:
    b = book()
    told(b, "started", time=T0 + 1000 * DAY)
    until(b, 4)
    assert slots(b) == [[2]]


def test_every_counts_from_when_it_was_last_heard_of() -> None:
    b = book("jobs: {n: {every: 1h, grace: 10m}}")
    until(b, 0.5)
    told(b, "succeeded")
    until(b, 1.6)
    assert b.jobs == []
    until(b, 1.7)
    assert slots(b) == [[1.5]]
    until(b, 3)
    assert slots(b) == [[1.5], [2.5]]
    told(b, "succeeded")
    until(b, 4.1)
    assert len(b.jobs) == 2


def test_a_job_is_watched_from_when_it_is_declared_on() -> None:
    b = book("")
    until(b, 2.5)
    b.reload(configured(NIGHTLY % ""))
    until(b, 25, HOUR)
    assert b.jobs == []
    until(b, 29)
    assert slots(b) == [[26]]


def test_a_reload_in_the_grace_loses_no_slot_and_another_schedule_begins_anew() -> None:
    b = book()
    until(b, 3)
    b.reload(configured(NIGHTLY % ", failures: 2"))
    b.restart()
    until(b, 4)
    assert slots(b) == [[2]]
    until(b, 27)
    b.reload(configured(NIGHTLY.replace("0 2", "0 1") % ""))
    until(b, 30)
    assert slots(b) == [[2]]
    until(b, 52)
    assert slots(b) == [[2], [49]]


def test_a_job_that_is_no_longer_declared_is_not_watched() -> None:
    b = book()
    until(b, 1)
    b.reload(configured())
    until(b, 200, HOUR)
    assert b.jobs == []
    assert b.state.jobs["n"].declared is None


def test_slots_of_when_the_daemon_was_down_are_told_in_one_after_one_grace() -> None:
    b = book()
    until(b, 1)
    b.now = T0 + 75 * HOUR
    b.restart()
    b.wait(0)
    until(b, 77 - 1 / 60)
    assert b.jobs == []
    until(b, 77)
    assert missed(b) == [(74 * HOUR, [2, 26, 50, 74], True)]


def test_what_is_in_the_spool_after_that_counts() -> None:
    b = book()
    until(b, 1)
    b.now = T0 + 29 * HOUR
    b.restart()
    b.wait(0)
    until(b, 29.1)
    told(b, "succeeded", time=T0 + 26.2 * HOUR)
    until(b, 32)
    assert b.jobs == []


def test_a_short_restart_is_no_gap() -> None:
    b = book()
    until(b, 2)
    b.now += 20
    b.restart()
    until(b, 4)
    assert missed(b) == [(2 * HOUR, [2], False)]


def test_a_machine_that_slept_and_a_clock_set_forward_are_as_a_daemon_that_was_down() -> None:
    b = book()
    until(b, 1)
    b.now += 5 * HOUR
    b.wait(0)
    until(b, 8 - 1 / 60)
    assert b.jobs == []
    until(b, 8)
    assert missed(b) == [(2 * HOUR, [2], True)]


def test_a_second_gap_within_the_grace_of_the_first_lets_all_wait_for_its_own_end() -> None:
    b = book()
    until(b, 1)
    b.now = T0 + 10 * HOUR
    b.wait(0)
    until(b, 11)
    b.now += 2 * GAP
    b.restart()
    b.wait(0)
    until(b, 13)
    assert b.jobs == []
    until(b, 13.2)
    assert slots(b) == [[2]]


def test_very_many_slots_are_told_of_by_the_latest() -> None:
    b = book('jobs: {n: {schedule: "* * * * *", timezone: UTC, grace: 1m}}')
    b.wait(0)
    b.now += 30 * DAY
    b.wait(0)
    b.wait(60)
    (one,) = b.jobs
    assert isinstance(one, Missed)
    assert len(one.slots) == 100
    assert one.slots[-1] == T0 + 30 * DAY
    assert one.count > 1000
    b.wait(60)
    assert len(b.jobs) == 2
    every = book("jobs: {n: {every: 1m, grace: 1m}}")
    every.wait(0)
    every.now += 300 * DAY
    every.wait(0)
    every.wait(60)
    (one,) = every.jobs
    assert isinstance(one, Missed)
    assert len(one.slots) == 100
    assert every.now - 120 <= one.slots[-1] <= every.now


def test_a_clock_set_back_tells_no_slot_twice() -> None:
    b = book()
    until(b, 5)
    assert len(b.jobs) == 1
    b.now = T0
    b.restart()
    until(b, 24)
    assert len(b.jobs) == 1
    until(b, 28)
    assert slots(b) == [[2], [26]]


def test_a_clock_that_was_far_ahead_and_is_put_right_does_not_stop_the_watch() -> None:
    b = book()
    b.wait(0)
    b.now += 3000 * DAY
    b.wait(0)
    b.wait(4 * HOUR)
    told(b, "started")
    until(b, 3000 * 24 + 30)
    assert len(b.jobs) == 2
    b.jobs.clear()
    b.now = T0 + 8 * HOUR
    until(b, 28)
    assert slots(b) == [[26]]


def test_the_state_is_written_at_most_twice_a_minute_while_nothing_happens() -> None:
    b = book()
    writes = 0
    for _ in range(40):
        b.now += 15
        from zaiond.routing.due import due

        due(b.table, b.state, b.now)
        writes += len(b.state.changes())
        b._commit()
    assert writes <= 21


# -- overdue


def test_a_run_that_takes_too_long_is_told_of_once() -> None:
    b = book()
    until(b, 2)
    told(b, "started")
    until(b, 8 - 1 / 60)
    assert b.jobs == []
    until(b, 8)
    (one,) = b.jobs
    assert isinstance(one, Overdue)
    assert (one.started, one.max_runtime) == (T0 + 2 * HOUR, 6 * HOUR)
    assert one.id == f"job.overdue/n/{int(T0 + 2 * HOUR)}"
    until(b, 25)
    b.restart()
    until(b, 26)
    assert len(b.jobs) == 1
    assert told(b, "succeeded").end is not None
    told(b, "started")
    until(b, 33)
    assert len(b.jobs) == 2


def test_a_run_that_has_ended_is_not_overdue_in_whatever_order_it_is_heard_of() -> None:
    b = book()
    until(b, 2.2)
    told(b, "succeeded", time=T0 + 2.1 * HOUR)
    told(b, "started", time=T0 + 2 * HOUR)
    until(b, 20)
    assert b.jobs == []


def test_the_end_of_an_earlier_run_does_not_end_the_one_that_runs() -> None:
    b = book()
    until(b, 2)
    told(b, "started")
    told(b, "failed", time=T0 + HOUR)
    until(b, 8)
    assert len(b.jobs) == 1


def test_overdue_is_mailed_and_opens_no_problem() -> None:
    b = book()
    assert b.tell(type="job.overdue", job="n", severity="warning", notice=True).tells
    assert b.state.problems == {}


def test_a_run_whose_end_may_be_in_the_spool_is_not_overdue_at_once() -> None:
    b = book()
    until(b, 2)
    told(b, "started")
    b.now = T0 + 12 * HOUR
    b.restart()
    b.wait(0)
    assert b.jobs == []
    b.wait(30)
    told(b, "succeeded", time=T0 + 3 * HOUR)
    b.wait(HOUR)
    assert b.jobs == []


def test_the_next_slot_of_a_job_can_be_asked() -> None:
    b = book()
    settings = b.table.jobs["n"]
    assert next_slot(b.state.jobs["n"], settings) == T0 + 2 * HOUR
    until(b, 2)
    told(b, "started")
    assert next_slot(b.state.jobs["n"], settings) == T0 + 26 * HOUR


def test_of_a_job_of_each_minute_each_minute_counts() -> None:
    b = book('jobs: {n: {schedule: "* * * * *", timezone: UTC, grace: 5s}}\n')
    b.wait(20)
    told(b, "succeeded")
    b.wait(50, 1.0)
    assert slots(b) == [[1 / 60]]


def test_the_last_runs_are_remembered_with_how_long_they_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job, "MOST_RUNS", 2)
    b = book()
    told(b, "started")
    b.now += 30
    told(b, "succeeded")
    told(b, "failed")  # of which no start is known
    (first, second) = b.state.jobs["n"].runs
    assert (first.seconds, first.ok) == (30.0, True)
    assert (second.seconds, second.ok) == (None, False)
    told(b, "succeeded")
    assert [run.ok for run in b.state.jobs["n"].runs] == [False, True]
