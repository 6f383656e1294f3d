"""What a clock that was set and another configuration mean for what waits."""

from typing import Any

import pytest
from msgspec import structs

from tests.support.routed import A, B, Book, configured
from zaiond.model import Routing
from zaiond.routing.decide import decide
from zaiond.routing.decision import Missed
from zaiond.routing.due import reconsider
from zaiond.routing.matcher import RoutingTable

HOUR, DAY = 3600.0, 86400.0
T0 = 20_000 * DAY + 20 * HOUR  # 20:00 UTC
TIMES = "times: {office: {hours: '09:00-18:00', timezone: UTC}}\n"


def book(text: str = "", admins: str = A) -> Book:
    return Book(RoutingTable(configured(text, admins)), now=T0)


WAITING = {
    "grouped": "routes: {r: {group_wait: 1h, to: [b@example.jp]}}",
    "digest": "routes: {r: {digest: '30 * * * *', to: [b@example.jp]}}",
    "held": TIMES + "routes: {r: {active_time: office, to: [b@example.jp]}}",
    "suppressed": "routes: {r: {max_mails: 1/h, to: [b@example.jp]}}",
}


def waiting(kind: str) -> Book:
    """A book in which one event waits."""
    b = book(WAITING[kind])
    decision = b.tell()
    if kind == "suppressed":
        decision = b.tell()
    assert [join.group.kind for join in decision.joins] == [kind]
    return b


def made_later(b: Book, kind: str) -> Any:
    return b.made[1:] if kind == "suppressed" else b.made


@pytest.mark.parametrize("kind", WAITING)
def test_what_waits_by_a_route_that_is_gone_is_mailed_to_the_admins(kind: str) -> None:
    b = waiting(kind)
    b.reload(configured())
    b.wait(0)
    b.check()
    (mail,) = made_later(b, kind)
    assert mail.to == (A,)
    assert mail.routing.route == ""


@pytest.mark.parametrize("kind", WAITING)
def test_what_waits_by_a_route_that_does_not_let_it_wait_any_more_is_mailed(kind: str) -> None:
    b = waiting(kind)
    b.reload(configured("routes: {r: {max_mails: null, to: [b@example.jp]}}"))
    b.wait(0)
    (mail,) = made_later(b, kind)
    assert mail.to == (B,)
    assert mail.routing.route == "r"


@pytest.mark.parametrize("kind", WAITING)
def test_what_waits_goes_to_who_is_a_recipient_when_it_is_mailed(kind: str) -> None:
    b = waiting(kind)
    text = WAITING[kind].replace("[b@example.jp]", "[new@example.jp]")
    b.reload(configured(text))
    b.wait(DAY)
    (mail,) = made_later(b, kind)
    assert mail.to == ("new@example.jp",)


@pytest.mark.parametrize("kind", WAITING)
def test_where_nobody_is_left_the_admins_get_it(kind: str) -> None:
    b = waiting(kind)
    b.reload(configured(WAITING[kind].replace("[b@example.jp]", "[]")))
    b.wait(DAY)
    (mail,) = made_later(b, kind)
    assert mail.to == (A,)


@pytest.mark.parametrize("kind", WAITING)
def test_a_reload_that_changes_nothing_and_a_restart_change_nothing(kind: str) -> None:
    b = waiting(kind)
    at = b.state.next_due()
    b.wait(60)
    b.reload(configured(WAITING[kind]))
    b.restart()
    assert b.state.next_due() == at
    b.wait(DAY)
    assert len(made_later(b, kind)) == 1


@pytest.mark.parametrize("kind", WAITING)
def test_a_clock_set_back_makes_nothing_wait_for_longer_than_it_may(kind: str) -> None:
    b = waiting(kind)
    b.now -= 1000 * DAY
    b.look()
    b.check()
    longest = {"grouped": HOUR, "digest": HOUR, "held": 13 * HOUR, "suppressed": HOUR + 60}[kind]
    b.wait(longest)
    assert len(made_later(b, kind)) == 1
    b.wait(2 * DAY)
    assert len(made_later(b, kind)) == 1


@pytest.mark.parametrize("kind", WAITING)
def test_so_does_one_set_back_while_the_daemon_was_down(kind: str) -> None:
    b = waiting(kind)
    b.now -= 1000 * DAY
    b.restart()
    b.wait(13 * HOUR)
    assert len(made_later(b, kind)) == 1


def test_what_comes_before_the_configuration_is_looked_at_does_not_hide_that() -> None:
    b = waiting("suppressed")
    b.now -= 1000 * DAY
    b.load()
    b.tell()  # the first thing that happens after the start
    reconsider(b.table, b.state, b.now)
    b.wait(13 * HOUR)
    assert len(made_later(b, "suppressed")) == 1
    jobs = book("jobs: {n: {every: 1h, grace: 10m}}")
    jobs.wait(0)
    jobs.now += 10 * HOUR
    jobs.load()
    jobs.tell()
    reconsider(jobs.table, jobs.state, jobs.now)
    jobs.wait(700, 30)
    (missed,) = jobs.jobs
    assert isinstance(missed, Missed)
    assert missed.daemon_down


def test_a_clock_set_back_counts_for_what_comes_after_what_was_taken_back() -> None:
    b = waiting("suppressed")
    b.wait(60)
    b.now -= 1000 * DAY
    decide(b.event(), b.table, b.state, b.now)  # as `zaiond-ctl route` asks
    b.state.rollback()
    b.tell()
    b.wait(HOUR + 60)
    assert len(made_later(b, "suppressed")) == 1


def test_a_mail_to_come_that_was_for_some_of_its_recipients_stays_so() -> None:
    b = book("routes: {r: {to: [a@x.jp, b@x.jp, c@x.jp]}}")
    b.tell()
    b.made.clear()
    b.coming[77] = {0}
    b.state.adopt(77, Routing("r", "problem", recipients=("b@x.jp", "gone@x.jp")), b.now)
    b.wait(0)
    assert [mail.to for mail in b.made] == [("b@x.jp",)]


def test_a_closing_mail_of_a_job_that_is_found_without_its_state_goes_to_its_recipients() -> None:
    b = book("jobs: {nightly: {every: 24h, to: [op@x.jp]}}")
    b.tell(type="job.failed", job="nightly", severity="err")
    b.tell(type="job.failed", job="nightly", severity="err")
    (tell,) = b.tell(type="job.succeeded", job="nightly").tells
    b.coming[77] = {2}
    b.state.adopt(77, structs.replace(tell.routing, kind="problem", recipients=tell.to), b.now)
    b.wait(0)
    assert b.made[-1].to == ("op@x.jp",)


GROUPED = "routes: {{r: {{group_by: [type], group_wait: {0}, group_interval: {1}}}}}"


def test_a_group_goes_by_a_group_wait_that_is_shorter_now() -> None:
    b = book(GROUPED.format("10m", "2h"))
    b.tell()
    b.wait(60)
    b.reload(configured(GROUPED.format("2m", "2h")))
    assert b.state.next_due() == T0 + 120
    b.reload(configured(GROUPED.format("10m", "2h")))  # none waits for longer than it was told
    b.wait(60)
    assert len(b.made) == 1


def test_what_waits_behind_a_mail_of_its_group_goes_by_a_group_interval_that_is_shorter() -> None:
    b = book(GROUPED.format("1m", "2h"))
    b.tell()
    b.wait(60)
    b.tell()
    b.wait(60)
    b.reload(configured(GROUPED.format("10m", "3m")))
    b.restart()
    assert b.state.next_due() == T0 + 60 + 180
    b.wait(120)
    assert len(b.made) == 2


def test_a_digest_goes_by_the_new_times() -> None:
    b = waiting("digest")
    b.reload(configured("routes: {r: {digest: '45 21 * * *', to: [b@example.jp]}}"))
    due = b.state.next_due()
    assert due is not None
    assert due > T0


def test_what_is_held_goes_by_the_new_hours_and_says_so() -> None:
    b = waiting("held")
    b.reload(configured(WAITING["held"].replace("09:00", "07:00")))
    assert b.state.next_due() == T0 + 11 * HOUR
    b.wait(11 * HOUR)
    (mail,) = b.made
    assert mail.routing.reason is not None
    assert "active_time office" in mail.routing.reason.en


def test_hours_that_have_just_come_to_include_now_release_what_is_held() -> None:
    b = waiting("held")
    b.reload(configured(WAITING["held"].replace("18:00", "22:00")))
    b.wait(0)
    assert len(b.made) == 1


def test_a_shorter_interval_counts_at_once() -> None:
    b = waiting("grouped")
    b.reload(configured("routes: {r: {group_wait: 10s, group_interval: 20s}}"))
    b.wait(20)
    assert len(b.made) == 1


def test_a_lower_limit_counts_what_was_sent_before() -> None:
    b = book("route_defaults: {max_mails: 60/h}")
    for _ in range(10):
        b.tell()
    b.reload(configured("route_defaults: {max_mails: 5/d}"))
    assert b.tell().joins
    b.wait(DAY)
    assert len(b.made) == 10
    b.wait(2 * HOUR)
    assert len(b.made) == 11


def test_after_the_mail_of_a_group_a_clock_set_back_costs_one_interval_at_most() -> None:
    b = book("routes: {r: {group_interval: 1h}}")
    b.tell()
    b.now -= 1000 * DAY
    assert b.tell().joins
    b.wait(HOUR)
    assert len(b.made) == 2


def test_a_group_that_is_over_its_interval_begins_anew_before_it_is_forgotten() -> None:
    b = book("routes: {r: {group_interval: 1h}}")
    b.tell()
    b.now += HOUR
    assert b.tell().tells
    b.check()


def test_a_limit_lasts_no_longer_than_its_window_when_the_clock_is_set_back() -> None:
    b = book("route_defaults: {max_mails: 1/h}")
    b.tell()
    b.now -= 1000 * DAY
    assert b.tell().joins
    b.wait(HOUR + 60)
    assert len(b.made) == 2


def test_who_is_over_the_limit_gets_nothing_before_the_mail_of_that() -> None:
    b = book("route_defaults: {max_mails: 2/h}")
    for _ in range(3):
        b.tell()
    due = b.state.next_due()
    assert due is not None
    b.now = due
    assert b.tell().joins  # a slot is free, but nobody has looked yet
    b.look()
    assert [mail.events for mail in b.made] == [(0,), (1,), (2, 3)]


def test_the_end_of_a_window_is_not_early() -> None:
    b = book("route_defaults: {max_mails: 1/m}")
    b.now = 6e8 + 0.9
    b.tell()
    b.tell()
    b.now = 6e8 + 60.5
    b.look()
    assert len(b.made) == 1
    b.now = 6e8 + 61
    b.look()
    assert len(b.made) == 2


def test_a_mail_counts_until_it_is_a_window_old() -> None:
    b = book("route_defaults: {max_mails: 1/m}")
    b.now = 6e8 + 0.9
    b.tell()
    b.now = 6e8 + 60.5
    assert b.tell().joins
    b.now = 6e8 + 0.9
    b.wait(61)
    assert len(b.made) == 2


def test_each_mail_counts_until_it_is_a_window_old() -> None:
    b = book("route_defaults: {max_mails: 2/m}")
    for at in (6e8 - 5, 6e8 + 0.9, 6e8 + 60.5):
        b.now = at
        assert b.tell().tells
    assert b.tell().joins


def test_who_got_no_mail_for_a_window_is_forgotten_by_a_reload() -> None:
    b = book()
    b.tell()
    assert b.state.sent
    b.wait(2 * HOUR)
    b.reload(configured())
    assert b.state.sent == {}


def test_recipients_that_are_counted_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zaiond.routing.throttle.MOST_RECIPIENTS", 3)
    b = book(
        "routes: {"
        + ", ".join(f"r{n}: {{match: {{type: t{n}}}, to: [u{n}@x.jp]}}" for n in range(9))
        + "}"
    )
    for n in range(9):
        b.wait(61)
        b.tell(type=f"t{n}")
    assert len(b.state.sent) == 3
    b.tell(type="t8")
    b.tell(type="t7")
    assert len(b.state.sent) == 3


def test_what_is_urgent_and_over_the_limit_waits_for_the_limit_alone() -> None:
    routes = "routes: {r: {max_mails: 1/h, active_time: office, to: [b@example.jp]}}\n"
    b = Book(RoutingTable(configured(TIMES + routes)), now=T0 - 3 * HOUR)  # 17:00
    b.tell(severity="warning")
    b.tell(severity="warning")
    b.wait(2 * HOUR)  # a slot is free again, and the office closed
    assert len(b.made) == 1
    b.tell(severity="notice")  # held with what is held
    b.tell(severity="crit")
    b.wait(0)
    assert [mail.events for mail in b.made] == [(0,), (1, 3)]
    b.tell(severity="emerg")
    b.wait(HOUR + 60)
    assert [mail.events for mail in b.made[2:]] == [(4,)]
    b.check()
