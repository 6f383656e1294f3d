"""Problems: opened, counted, reminded of, closed; those of jobs are in test_job.py."""

from typing import Any

import pytest
from msgspec import structs

from tests.support.routed import A, B, Book, configured
from zaiond.routing import problem, silence
from zaiond.routing.decision import Decision
from zaiond.routing.matcher import RoutingTable
from zaiond.text import Text

HOUR = 3600.0


def book(text: str = "", admins: str = A) -> Book:
    return Book(RoutingTable(configured(text, admins)))


def bad(b: Book, severity: str = "err", **more: Any) -> Decision:
    return b.tell(key="disk", status="problem", severity=severity, **more)


def good(b: Book, **more: Any) -> Decision:
    return b.tell(key="disk", status="ok", **more)


def reason(of: Decision) -> str:
    found: Text | None
    if of.end is not None:
        found = of.end.reason
    else:
        found = (of.tells[0].routing if of.tells else of.joins[0].group.routing).reason
    assert found is not None
    return found.en


def test_a_problem_is_mailed_once_counted_and_closed_with_how_long_it_lasted() -> None:
    b = book()
    opened = b.now
    (tell,) = bad(b).tells
    assert tell.routing.standing is not None
    assert (tell.routing.standing.since, tell.routing.standing.until) == (opened, None)
    for _ in range(3):
        b.wait(60)
        counted = bad(b)
        assert counted.joins[0].group.kind == "problem"
        assert reason(counted).startswith("counted: problem disk is open since ")
    b.wait(60)
    (tell,) = good(b).tells
    standing = tell.routing.standing
    assert standing is not None
    assert (standing.since, standing.until, standing.count) == (opened, opened + 240, 4)
    assert tell.routing.reason is not None
    assert "problem disk is over" in tell.routing.reason.en
    assert [mail.events for mail in b.made] == [(0,), (1, 2, 3, 4)]
    assert b.state.problems == {}
    assert b.state.groups == {}
    b.check()
    assert bad(b).tells  # a new one


def test_what_is_not_open_is_not_mailed_when_it_is_ok() -> None:
    b = book()
    assert reason(good(b)) == "recorded, not mailed: problem disk is not open"


def test_a_problem_that_is_worse_than_ever_is_mailed_again() -> None:
    b = book()
    for severity, is_mailed in [
        ("warning", True), ("notice", False), ("err", True), ("err", False), ("warning", False),
        ("crit", True),
    ]:  # fmt: skip
        assert bool(bad(b, severity).tells) == is_mailed, severity
    assert b.made[-1].routing.standing is not None
    assert b.made[-1].routing.standing.count == 6


def test_a_problem_is_its_users_and_its_keys() -> None:
    b = book()
    bad(b)
    assert b.tell(key="disk", status="problem", uid=1001).tells
    assert b.tell(key="other", status="problem").tells
    assert b.tell(key="disk", status="ok", uid=1002).end is not None
    assert len(b.state.problems) == 3
    assert good(b).tells
    assert len(b.state.problems) == 2


def test_keys_that_differ_far_behind_are_different_problems_and_take_little() -> None:
    b = book()
    for last in "12":
        assert b.tell(key="k" * 10_000 + last, status="problem").tells
    assert sum(map(len, b.rows.values())) < 4000
    assert b.tell(key="k" * 10_000 + "2", status="ok").tells
    assert len(b.state.problems) == 1


def test_it_is_closed_by_the_routes_that_told_of_it() -> None:
    b = book(
        "routes: {bad: {match: {severity: err+}, continue: true, to: [b@example.jp]},"
        " worse: {match: {severity: crit+}, to: [c@example.jp]},"
        " other: {match: {status: ok}, to: [d@example.jp]}}"
    )
    bad(b)
    bad(b, "crit")
    tells = good(b, severity="info").tells
    assert [(tell.route, tell.to) for tell in tells] == [
        ("bad", (B,)),
        ("worse", ("c@example.jp",)),
    ]


def test_reminds_while_it_stays_of_what_was_counted_or_else_of_what_opened_it() -> None:
    b = book("routes: {r: {repeat_interval: 4h}}")
    bad(b)
    b.wait(4 * HOUR - 1)
    assert len(b.made) == 1
    b.wait(1)
    assert [mail.events for mail in b.made] == [(0,), (0,)]
    b.wait(HOUR)
    bad(b)
    bad(b)
    b.check()
    b.wait(3 * HOUR - 1)
    assert len(b.made) == 2
    b.wait(1)
    assert b.made[-1].events == (1, 2)
    standing = b.made[-1].routing.standing
    assert standing is not None
    assert standing.reminder
    assert standing.count == 3
    assert b.made[-1].routing.reason is not None
    assert "reminds of problem disk" in b.made[-1].routing.reason.en
    good(b)
    b.wait(100 * HOUR)
    assert len(b.made) == 4


def test_without_repeat_interval_nobody_is_reminded() -> None:
    b = book()
    bad(b)
    bad(b)
    assert b.state.next_due() is None
    b.wait(1000 * HOUR)
    assert len(b.made) == 1


def test_each_route_reminds_at_its_own_interval() -> None:
    b = book(
        "routes: {one: {repeat_interval: 1h, continue: true, to: [b@example.jp]},"
        " two: {repeat_interval: 90m, to: [c@example.jp]}}"
    )
    bad(b)
    bad(b)
    b.wait(3 * HOUR)
    times = [(mail.to[0][0], (mail.at - 1_700_000_000) / HOUR) for mail in b.made]
    assert times == [("b", 0), ("c", 0), ("b", 1), ("c", 1.5), ("b", 2), ("b", 3), ("c", 3)]
    b.check()


def test_reminders_of_several_routes_that_are_late_are_made_at_once() -> None:
    b = book(
        "routes: {one: {repeat_interval: 1h, continue: true, to: [b@example.jp]},"
        " two: {repeat_interval: 90m, to: [c@example.jp]}}"
    )
    bad(b)
    bad(b)
    b.now += 2 * HOUR
    b.look()
    b.check()
    assert [mail.events for mail in b.made] == [(0,), (0,), (1,), (1,)]


def test_a_reminder_waits_for_active_time() -> None:
    b = book(
        "times: {office: {hours: '09:00-18:00', timezone: UTC}}\n"
        "routes: {r: {repeat_interval: 1h, active_time: office}}"
    )
    b.now = 86400.0 * 20_000 + 17.5 * HOUR
    bad(b)
    b.wait(10 * HOUR)
    assert len(b.made) == 1
    b.wait(5.5 * HOUR)
    assert [mail.at % 86400 / HOUR for mail in b.made] == [17.5, 9]


def test_a_reminder_waits_for_max_mails_and_loses_nothing_that_was_counted() -> None:
    b = book("routes: {r: {repeat_interval: 10m, max_mails: 1/h, to: [a@x.jp, b@x.jp]}}")
    bad(b)
    bad(b)
    b.wait(HOUR)
    assert len(b.made) == 1
    b.wait(3 * 60)
    assert b.made[-1].events == (1,)
    b.check()


def test_a_closing_mail_that_has_to_wait_takes_what_was_counted_along() -> None:
    for keys in ('digest: "0 * * * *"', "group_wait: 10s", "active_time: night", "max_mails: 1/h"):
        b = book(
            "times: {night: {hours: '00:00-01:00', timezone: UTC}}\n"
            f"routes: {{r: {{{keys}, to: [a@x.jp, b@x.jp]}}}}"
        )
        b.now = 86400.0 * 20_000 + 10 * HOUR + 1
        bad(b)
        bad(b)
        b.wait(1)
        bad(b)
        b.check()
        assert good(b).joins
        b.check()
        b.wait(24 * HOUR)
        b.check()
        assert {0, 1, 2, 3} == {event for mail in b.made for event in mail.events}, keys
        assert b.state.groups == {}


def test_a_closing_mail_takes_along_what_was_counted_by_a_route_that_is_gone() -> None:
    b = book("routes: {one: {continue: true, to: [b@x.jp]}, two: {to: [c@x.jp]}}")
    bad(b)
    bad(b)
    b.reload(configured("routes: {two: {to: [c@x.jp]}}"))
    decision = good(b)
    assert sorted(tell.to for tell in decision.tells) == [(A,), ("c@x.jp",)]
    b.check()
    assert b.state.groups == {}


def test_the_closing_mail_of_each_route_takes_along_what_was_counted() -> None:
    b = book("routes: {one: {continue: true, to: [b@x.jp]}, two: {to: [c@x.jp]}}")
    bad(b)
    bad(b)
    good(b)
    assert [mail.events for mail in b.made] == [(0,), (0,), (1, 2), (1, 2)]


def test_what_was_counted_by_a_route_that_tells_nobody_any_more_goes_with_another() -> None:
    b = book("routes: {one: {continue: true, to: [b@x.jp]}, two: {to: [c@x.jp]}}")
    bad(b)
    bad(b)
    b.reload(configured("routes: {one: {continue: true, to: []}, two: {to: [c@x.jp]}}"))
    (tell,) = good(b).tells
    assert {group.routing.route for group in tell.absorbs} == {"one", "two"}
    b.check()
    assert b.state.groups == {}


def test_what_was_counted_ends_with_a_problem_that_nobody_is_told_of_any_more() -> None:
    b = book()
    bad(b)
    bad(b)
    b.reload(configured("route_defaults: {to: []}"))
    decision = good(b)
    assert decision.end is not None
    b.check()
    assert b.ended == {1: "dropped", 2: "dropped"}


def test_the_row_of_what_was_counted_is_due_with_its_problem() -> None:
    b = book("routes: {r: {repeat_interval: 4h}}")
    bad(b)
    bad(b)
    (group,) = b.state.groups.values()
    assert group.due == b.now + 4 * HOUR
    b.wait(HOUR)
    bad(b, "crit")
    (group,) = b.state.groups.values()
    assert group.due == b.now + 4 * HOUR
    b.reload(configured("routes: {r: {repeat_interval: 2h}}"))
    (group,) = b.state.groups.values()
    assert group.due == b.now + 2 * HOUR


def test_what_was_counted_of_a_problem_that_was_lost_is_mailed() -> None:
    b = book()
    bad(b)
    bad(b)
    (key,) = b.state.problems
    del b.rows["problem", key]
    b.restart()
    b.wait(0)
    assert [mail.events for mail in b.made] == [(0,), (1,)]


def test_problems_survive_a_restart() -> None:
    b = book("routes: {r: {repeat_interval: 1h}}")
    bad(b)
    bad(b)
    for _ in range(10):
        b.wait(600)
        b.restart()
    assert [mail.events for mail in b.made] == [(0,), (1,)]
    assert good(b).tells


def test_by_a_reload_the_reminders_go_by_the_new_interval() -> None:
    b = book("routes: {r: {repeat_interval: 4h}}")
    bad(b)
    b.wait(HOUR)
    b.reload(configured("routes: {r: {repeat_interval: 2h}}"))
    b.wait(HOUR)
    assert len(b.made) == 2
    b.reload(configured("routes: {r: {}}"))
    b.wait(100 * HOUR)
    assert len(b.made) == 2


def test_a_problem_closed_by_hand_is_told_with_the_comment() -> None:
    b = book("routes: {r: {match: {type: x}, to: [b@example.jp]}}")
    bad(b)
    bad(b)
    (kept,) = b.state.problems.values()
    attributes = problem.closing(kept, "disk replaced", "root")
    assert attributes["message"] == "disk replaced"
    decision = b.tell(notice=True, uid=0, **attributes)
    assert [tell.to for tell in decision.tells] == [(B,)]
    assert b.state.problems == {}
    b.check()


def test_nobody_else_can_close_a_problem_by_that_event() -> None:
    b = book()
    bad(b)
    (kept,) = b.state.problems.values()
    b.tell(uid=1001, **problem.closing(kept, "", "x"))
    assert len(b.state.problems) == 1


def test_notices_of_the_daemon_open_no_problems() -> None:
    b = book()
    for _ in range(2):
        assert bad(b, notice=True).tells
    assert b.state.problems == {}


def test_a_problem_that_nobody_was_told_of_is_told_of_when_somebody_can_be() -> None:
    b = book("routes: {r: {to: []}}")
    assert bad(b).end is not None
    assert bad(b).end is not None
    b.reload(configured())
    (tell,) = bad(b).tells
    assert tell.routing.standing is not None
    assert tell.routing.standing.count == 3


def test_what_nobody_was_told_of_is_closed_without_a_mail() -> None:
    b = book("routes: {r: {match: {status: problem}, to: []}}")
    bad(b)
    assert reason(good(b)) == "recorded, not mailed: nobody was told of problem disk"


def test_too_many_problems_are_mailed_as_any_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zaiond.routing.problem.MOST_PROBLEMS", 4)
    b = book()
    for uid in (1, 2, 3, 4, 5, 5):
        assert b.tell(key="k", status="problem", uid=uid).tells
    assert len(b.state.problems) == 4


def test_a_user_with_very_many_problems_leaves_room_for_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zaiond.routing.problem.MOST_PROBLEMS", 8)
    b = book("route_defaults: {max_mails: null}")
    for n in range(20):
        b.tell(key=f"k{n}", status="problem", uid=1)
    assert len(b.state.problems) == 4
    for n in range(20):
        b.tell(key=f"k{n}", status="problem", uid=2)
    assert len(b.state.problems) == 6
    b.tell(key="k", status="problem", uid=3)
    b.tell(key="k", status="problem", uid=4)
    b.tell(key="k", status="problem", uid=5)
    assert len(b.state.problems) == 8


def test_very_many_reminders_over_the_limit_are_not_tried_all_the_time() -> None:
    b = book("route_defaults: {max_mails: 60/h, repeat_interval: 1h}")
    for n in range(200):
        b.tell(key=f"k{n}", status="problem")
    b.wait(2 * HOUR)
    b.now += 1
    looks = 0
    end = b.now + 2 * HOUR
    while (at := b.state.next_due()) is not None and at <= end:
        b.now = max(b.now, at)
        b.look()
        looks += 1
    assert looks < 20
    b.check()


def test_too_many_groups_leave_what_is_counted_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    b = book()
    bad(b)
    monkeypatch.setattr("zaiond.routing.decide.MOST_GROUPS", 0)
    counted = bad(b)
    assert counted.end is not None
    assert reason(counted).startswith("counted: ")
    b.check()
    (tell,) = good(b).tells
    assert tell.routing.standing is not None
    assert tell.routing.standing.count == 2


def test_a_problem_is_counted_by_the_time_that_its_producer_gives_never_the_future() -> None:
    b = book()
    bad(b, time=b.now - 500)
    (tell,) = good(b, time=b.now + 10**9).tells
    assert tell.routing.standing is not None
    assert tell.routing.standing.until == b.now
    assert tell.routing.standing.since == b.now - 500
    bad(b)
    (tell,) = good(b, time=5.0).tells
    assert tell.routing.standing is not None
    assert tell.routing.standing.until == tell.routing.standing.since


def test_text_of_strangers_in_a_reason_is_one_short_line() -> None:
    b = book()
    for _ in range(2):
        decision = b.tell(key="a\n\x1b[31mred\x07" + "x" * 500, status="problem")
    assert "\n" not in reason(decision)
    assert "\x1b" not in reason(decision)
    assert len(reason(decision)) < 200


# -- with silences


def silenced(b: Book, seconds: float = HOUR, **match: str) -> None:
    silence.add(
        b.state, id="s1", match=tuple(match.items()), seconds=seconds, comment="work", by="root",
        now=b.now,
    )  # fmt: skip


def test_a_silenced_problem_is_kept_told_of_at_the_end_and_then_mailed() -> None:
    b = book()
    silenced(b, key="disk")
    decision = bad(b)
    assert decision.end is not None
    assert decision.end.outcome == "silenced"
    assert reason(decision).startswith("silenced until ")
    assert reason(decision).endswith(" by root: work")
    assert bad(b).end is not None
    b.wait(HOUR)
    (expired,) = b.expired
    assert [hidden.count for hidden in expired.hides] == [2]
    (tell,) = bad(b).tells
    assert tell.routing.standing is not None
    assert tell.routing.standing.count == 3


def test_nobody_is_reminded_by_an_event_that_nobody_was_told_of() -> None:
    b = book("routes: {r: {repeat_interval: 2h}}")
    silenced(b)
    bad(b, subject="silenced")
    b.wait(HOUR)
    bad(b, subject="told")
    b.wait(2 * HOUR)
    assert [mail.events for mail in b.made] == [(1,), (1,)]
    (kept,) = b.state.problems.values()
    assert (kept.id, kept.subject, kept.count) == ("e1", "told", 2)
    b.check()


def test_a_silence_hides_no_problem_that_is_over() -> None:
    b = book()
    silenced(b)
    bad(b)
    good(b)
    b.wait(HOUR)
    (expired,) = b.expired
    assert expired.hides == ()
    assert b.state.problems == {}


def test_the_end_of_a_problem_that_the_end_of_a_silence_told_of_is_mailed() -> None:
    b = book()
    silenced(b)
    bad(b)
    b.wait(HOUR)
    (tell,) = good(b).tells
    assert tell.to == (A,)
    assert tell.routing.standing is not None
    assert tell.routing.standing.until == b.now
    assert bad(b).tells


def test_a_silence_that_ends_names_only_what_it_still_hides() -> None:
    b = book()
    b.tell(key="other", status="problem")
    silenced(b, severity="err")
    bad(b)
    bad(b, "crit")  # the silence is for err alone: now somebody is told of it
    b.tell(key="hidden", status="problem", severity="err")
    b.wait(HOUR)
    (expired,) = b.expired
    assert [each.key for each in expired.hides] == ["hidden"]


def test_what_was_counted_goes_silently_with_a_silenced_end() -> None:
    b = book()
    bad(b)
    bad(b)
    silenced(b)
    assert good(b).end is not None
    b.check()
    assert b.ended == {1: "silenced", 2: "silenced"}


def test_nobody_is_reminded_of_what_is_silenced() -> None:
    b = book("routes: {r: {repeat_interval: 1h}}")
    bad(b)
    silenced(b, 10 * HOUR, key="d*")
    b.wait(10 * HOUR - 1)
    assert len(b.made) == 1
    b.wait(1)
    assert len(b.made) == 2


def test_a_problem_of_the_state_is_as_it_was_written() -> None:
    b = book()
    bad(b, subject="s" * 1000)
    (kept,) = b.state.problems.values()
    assert kept.subject is not None
    assert len(kept.subject) <= 255
    assert structs.replace(kept, due=kept.due) == kept


def test_a_problem_from_where_the_calendar_begins_is_counted_like_any_other() -> None:
    b = book("route_defaults: {repeat_interval: 4h}\n")
    begin = -62135596800.0  # 0001-01-01T00:00:00Z, which has no local time
    bad(b, time=begin)
    assert "open since Mon Jan 1, 00:00" in reason(bad(b, time=begin))
    b.wait(4 * HOUR)
    assert [made.routing.kind for made in b.made] == ["event", "problem"]
    reminder = b.made[1].routing.reason
    assert reminder is not None
    assert "open since Mon Jan 1, 00:00" in reminder.en


def test_reminds_of_the_worst_that_was_told_of_it() -> None:
    b = book("routes: {r: {repeat_interval: 4h}}")
    bad(b)
    bad(b, "crit")
    bad(b, "err")
    b.wait(4 * HOUR)
    b.wait(4 * HOUR)
    assert [mail.events for mail in b.made] == [(0,), (1,), (2,), (1,)]


def test_who_was_woken_by_a_problem_hears_when_it_is_over() -> None:
    b = book(
        "times: {night: {hours: '00:00-01:00', timezone: UTC}}\nroutes: {r: {active_time: night}}"
    )
    b.now = 86400.0 * 20_000 + 10 * HOUR
    bad(b, "crit")
    assert good(b).tells


def test_of_what_is_reported_very_often_the_number_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zaiond.routing.decide.MOST_COUNTED", 10)
    b = book()
    for number in range(30):
        assert (bad(b).end is not None) == (number >= 10)
    standing = good(b).tells[0].routing.standing
    assert standing is not None
    assert standing.count == 30
    b.check()


@pytest.mark.parametrize(
    "route", ["digest: '0 8 * * *'", "active_time: morning", "group_wait: 10h"]
)
def test_nobody_is_reminded_of_what_he_is_yet_to_be_told(route: str) -> None:
    times = "times: {morning: {hours: '08:00-23:59', timezone: UTC}}\n"
    text = f"{times}route_defaults: {{{route}, repeat_interval: 1h}}\n"
    b = book(text)
    b.wait(24 * HOUR - b.now % (24 * HOUR))  # until midnight
    bad(b)
    bad(b)
    b.reload(configured(text, A))
    b.wait(12 * HOUR)
    first, reminder = b.made[:2]
    assert first.events == (0,)
    assert first.routing.kind not in ("event", "problem")
    assert reminder.routing.standing is not None
    assert reminder.at == first.at + HOUR


def test_whom_the_last_mail_about_a_problem_has_not_reached_is_not_reminded_of_it() -> None:
    b = book("route_defaults: {repeat_interval: 4h}", admins=f"{A}, {B}")
    bad(b)
    (key,) = b.state.problems
    b.unheard = {key: {A, B}}
    b.wait(4 * HOUR)
    assert len(b.made) == 1
    bad(b)
    b.unheard = {key: {B}}
    b.wait(3.9 * HOUR)
    assert len(b.made) == 1
    b.wait(0.1 * HOUR)
    assert [(mail.to, mail.events) for mail in b.made[1:]] == [((A,), (1,))]
    assert b.made[1].routing.recipients == (A,)
    b.wait(4 * HOUR)
    assert (b.made[2].to, b.made[2].routing.recipients) == ((A,), (A,))
    b.unheard = {}
    b.wait(4 * HOUR)
    assert (b.made[3].to, b.made[3].routing.recipients) == ((A, B), None)
    b.check()


def test_of_routes_that_are_gone_one_reminds_and_the_end_is_told_once() -> None:
    two = "routes: {r: {continue: true, to: [b@example.jp]}, s: {to: [c@example.jp]}}\n"
    repeat = "route_defaults: {max_mails: null, repeat_interval: 4h}\n"
    b = book(repeat + two)
    bad(b)
    b.reload(configured(repeat))
    bad(b)  # counted for both
    b.wait(9 * HOUR)
    assert [mail.to for mail in b.made[2:]] == [(A,), (A,)]
    assert [tell.to for tell in good(b).tells] == [(A,)]
    b.check()
    assert not b.state.groups
