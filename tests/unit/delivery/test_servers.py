"""Which server is used now."""

from dataclasses import replace

import pytest

from tests.support.delivery import server
from zaiond.config.forms import Rate
from zaiond.delivery.servers import BUSY_PAUSE, RateCounter, Servers
from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.failure import Cause, Failure, Scope, Stage
from zaiond.smtp.syntax import Reply
from zaiond.smtp.verdict import Verdict

FIRST, MAX = 60.0, 3600.0


def failure(stage: Stage = Stage.CONNECT, cause: Cause = "refused") -> Failure:
    return Failure(stage=stage, server="mailhost:25", cause=cause)


def refusal(stage: Stage) -> Failure:
    return Failure(
        stage=stage, server="mailhost:25", cause="reply", reply=Reply(550, (b"5.1.8 No",))
    )


def servers(count: int = 2) -> Servers:
    return Servers(tuple(server(25 + n, max_connections=4) for n in range(count)), FIRST, MAX, 0.0)


def unreachable(made: Servers, index: int, why: Failure, now: float) -> bool:
    return made.failed(index, why, Verdict(Diagnosis.BROKEN_OFF, "deferred", Scope.SERVER), now, 1)


def mark_misconfigured(made: Servers, index: int, why: Failure, now: float) -> bool:
    return made.failed(index, why, Verdict(Diagnosis.BROKEN_OFF, "held", Scope.SERVER), now, 1)


def throttle(made: Servers, index: int, why: Failure, now: float, connections: int) -> None:
    busy = Verdict(Diagnosis.BROKEN_OFF, "deferred", Scope.SERVER, wait=True)
    assert made.failed(index, why, busy, now, connections) is False


def test_at_first_one_connection_shows_how_the_first_server_is() -> None:
    made = servers()
    assert made.usable(0.0) == [(0, 1)]
    assert made.any_usable
    assert made.held_by is None


def test_mail_waits_for_the_rate_of_the_server_in_use_alone() -> None:
    made = Servers((server(25, rate=Rate(1, 60.0)), server(26)), FIRST, MAX, 0.0)
    assert made.rate_until(0.0) is None
    made.connected(0, 0.0)
    made.sends(0, 1.0)
    assert made.rate_until(2.0) == 61.0
    assert made.rate_until(61.0) is None
    unreachable(made, 0, failure(), 3.0)
    made.connected(1, 4.0)
    assert made.rate_until(5.0) is None


def test_a_server_that_is_up_gets_all_it_may_have() -> None:
    made = servers()
    assert made.connected(0, 1.0) is False  # no outage has ended
    assert made.usable(1.0) == [(0, 4)]


def test_the_next_server_is_used_while_the_first_is_down() -> None:
    made = servers()
    assert unreachable(made, 0, failure(), 1.0) is True
    assert made.usable(1.0) == [(1, 1)]
    made.connected(1, 2.0)
    assert made.usable(2.0) == [(1, 4)]
    assert made.any_usable


def test_a_server_that_is_down_is_probed_by_one_connection_every_retry_first() -> None:
    made = servers()
    unreachable(made, 0, failure(), 1.0)
    made.connected(1, 2.0)
    assert made.next_probe(2.0) == 1.0 + FIRST
    assert made.usable(1.0 + FIRST) == [(0, 1), (1, 4)]
    assert unreachable(made, 0, failure(), 61.0) is False  # no news
    assert made.usable(62.0) == [(1, 4)]
    assert made.states[0].since == 1.0
    assert made.connected(0, 200.0) is True
    assert made.usable(200.0) == [(0, 4)]
    assert made.states[0].failure is None


def test_with_all_servers_down_nothing_works_and_it_is_known_why() -> None:
    made = servers()
    unreachable(made, 0, failure(), 1.0)
    unreachable(made, 1, failure(), 2.0)
    assert made.usable(3.0) == []
    assert not made.any_usable
    assert made.held_by is None
    assert made.waits_for == failure()
    assert made.next_probe(3.0) == 1.0 + FIRST


def test_a_server_that_wants_another_configuration_is_tried_every_retry_max_only() -> None:
    made = servers(1)
    assert mark_misconfigured(made, 0, refusal(Stage.AUTH), 1.0) is True
    assert made.held_by == refusal(Stage.AUTH)
    assert made.usable(1.0 + FIRST) == []
    assert made.usable(1.0 + MAX) == [(0, 1)]


@pytest.mark.parametrize("stage", [Stage.AUTH, Stage.POP])
def test_where_we_kept_the_password_to_ourselves_it_is_looked_again_soon(stage: Stage) -> None:
    made = servers(1)
    said_nothing = failure(stage, "unprotected")
    assert mark_misconfigured(made, 0, said_nothing, 1.0) is True
    assert made.held_by == said_nothing
    assert made.usable(1.0 + FIRST) == [(0, 1)]


def test_nothing_is_held_while_another_server_can_send() -> None:
    made = servers()
    mark_misconfigured(made, 0, refusal(Stage.AUTH), 1.0)
    assert made.held_by is None
    unreachable(made, 1, failure(), 2.0)
    assert made.held_by == refusal(Stage.AUTH)


def test_a_server_that_refused_the_sender_is_not_well_because_it_lets_us_in() -> None:
    made = servers(1)
    mark_misconfigured(made, 0, refusal(Stage.MAIL), 1.0)
    assert made.connected(0, 1.0 + MAX) is False
    assert made.held_by is not None
    assert made.took_mail(0, 2.0 + MAX) is True
    assert made.held_by is None


def test_a_busy_server_is_up_with_fewer_connections_after_a_pause() -> None:
    made = servers()
    made.connected(0, 0.0)
    throttle(made, 0, failure(), 1.0, 2)
    assert made.any_usable
    assert made.usable(1.0) == [(0, 0)]
    assert made.usable(1.0 + BUSY_PAUSE) == [(0, 2)]
    assert made.next_probe(1.0) == 1.0 + BUSY_PAUSE


def test_a_server_with_too_many_logins_gets_its_next_one_after_retry_first() -> None:
    made = servers()
    made.connected(0, 0.0)
    throttle(made, 0, failure(Stage.AUTH, "reply"), 1.0, 2)
    assert made.usable(1.0 + BUSY_PAUSE) == [(0, 0)]
    assert made.usable(1.0 + FIRST) == [(0, 2)]


def test_a_busy_server_gets_one_connection_at_least() -> None:
    made = servers()
    throttle(made, 0, failure(), 1.0, 0)
    assert made.usable(1.0 + BUSY_PAUSE) == [(0, 1)]


def test_a_busy_server_gets_its_connections_back_one_by_one() -> None:
    made = servers()
    made.connected(0, 0.0)
    throttle(made, 0, failure(), 1.0, 2)
    for most in (3, 4, 4):
        made.connected(0, 100.0)
        assert made.usable(100.0) == [(0, most)]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_whatever_fails_there_is_always_a_time_at_which_something_is_tried(count: int) -> None:
    made = servers(count)
    for index in range(count):
        (unreachable if index % 2 else mark_misconfigured)(made, index, failure(), float(index))
    probe = made.next_probe(10.0)
    assert probe is not None
    assert made.usable(probe)


def test_what_was_wrong_last_is_still_known_when_all_is_well_again() -> None:
    made = servers(1)
    unreachable(made, 0, failure(), 5.0)
    made.took_mail(0, 9.0)
    assert made.states[0].failure is None
    assert made.states[0].last_failure == (failure(), 5.0)
    made.forget(10.0)
    assert made.states[0].last_failure == (failure(), 5.0)


def test_a_hold_of_the_last_run_is_of_the_server_that_said_so_and_all_are_tried_at_once() -> None:
    made = servers()
    said = made.states[0].server.address
    made.resume_hold(replace(refusal(Stage.MAIL), server=said), 1.0)
    assert made.held_by is not None
    assert [state.state for state in made.states] == ["faulty", "down"]
    assert made.states[1].failure is None  # nothing is known of it
    assert made.usable(1.0) == [(0, 1), (1, 1)]
    assert made.connected(1, 2.0) is True
    assert made.held_by is None


def test_what_a_pop_server_said_is_of_each_server() -> None:
    made = servers()
    made.resume_hold(replace(refusal(Stage.POP), server="pop:110"), 1.0)
    assert [state.state for state in made.states] == ["faulty", "faulty"]


def test_a_server_at_fault_that_then_can_not_be_reached_is_probed_as_soon_as_any_other() -> None:
    made = servers(1)
    mark_misconfigured(made, 0, refusal(Stage.MAIL), 10.0)
    assert made.next_probe(10.0) == 10.0 + MAX
    assert unreachable(made, 0, failure(), 1000.0) is False  # what is to be mended is still so
    assert made.next_probe(1000.0) == 1000.0 + FIRST
    assert not made.may_connect(0, 1000.0 + FIRST - 1)
    assert made.may_connect(0, 1000.0 + FIRST + 1)


def test_a_hold_of_the_last_run_is_the_fault_of_the_server_that_said_so_alone() -> None:
    made = servers(3)
    made.resume_hold(replace(refusal(Stage.MAIL), server=made.states[1].server.address), 10.0)
    assert [state.state for state in made.states] == ["down", "faulty", "down"]


def test_what_passed_in_the_last_minute_and_hour_is_counted() -> None:
    flow = RateCounter()
    for second in range(7200):
        flow.count(2, float(second))
    assert flow.last(60, 7199.0) == 120
    assert flow.last(3600, 7199.0) == 7200


def test_what_passed_long_ago_counts_no_more() -> None:
    flow = RateCounter()
    flow.count(5, 100.0)
    assert (flow.last(60, 100.0), flow.last(60, 159.0), flow.last(60, 160.0)) == (5, 5, 0)
    assert (flow.last(3600, 3699.0), flow.last(3600, 3700.0)) == (5, 0)


def test_it_takes_no_more_memory_than_an_hour_needs() -> None:
    flow = RateCounter()
    for second in range(0, 100_000, 7):
        flow.count(1, float(second))
    assert len(flow._slots) <= 360


def test_nothing_passed_yet() -> None:
    assert RateCounter().last(60, 5.0) == 0


# -- whether any takes a mail


def test_servers_that_were_not_asked_may_take_mail() -> None:
    made = servers()
    assert made.none_takes is None
    unreachable(made, 0, failure(), 1.0)
    assert made.none_takes is None  # the second was not asked


def test_when_all_were_asked_and_none_took_a_mail_it_is_since_the_last_one() -> None:
    made = servers()
    unreachable(made, 0, failure(), 1.0)
    made.refused(1, failure(Stage.MAIL), 2.0)
    made.refused(1, failure(Stage.DATA), 3.0)
    assert made.none_takes == (2.0, failure(Stage.DATA))
    made.connected(1, 4.0)
    assert made.none_takes is not None  # to let us in is not to take a mail
    made.delivered(7)
    assert made.none_takes is None


def test_a_server_behind_one_that_is_up_is_in_no_question() -> None:
    made = servers()
    made.connected(0, 1.0)
    throttle(made, 0, failure(Stage.MAIL, "reply"), 2.0, 1)
    assert made.none_takes is not None


def test_a_probe_that_fails_says_nothing_of_the_server_that_sends() -> None:
    made = servers()
    unreachable(made, 0, failure(), 1.0)
    made.connected(1, 2.0)
    made.delivered(7)
    unreachable(made, 0, failure(), 100.0)
    assert made.none_takes is None


def test_after_a_request_to_try_again_nothing_is_known() -> None:
    made = servers(1)
    made.delivered(7)
    unreachable(made, 0, failure(), 1.0)
    made.forget(2.0)
    assert made.none_takes is None
    assert made.last_taken == 0
