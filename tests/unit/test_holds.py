from zaiond.holds import Hold, Holds, HoldScope
from zaiond.smtp.failure import Failure, Stage

REFUSED = Failure(stage=Stage.RCPT, server="mail:25", cause="timeout")
REFUSED_ANEW = Failure(stage=Stage.MAIL, server="mail:25", cause="timeout")


def hold(scope: HoldScope, subject: str, failure: Failure = REFUSED, since: float = 1.0) -> Hold:
    return Hold(scope, subject, since, since, failure)


def test_the_addresses_are_those_that_are_held_now() -> None:
    holds = Holds([hold("queue", ""), hold("address", "a@x"), hold("mail", "7")])
    assert holds.addresses == {"a@x"}
    assert holds.put(hold("address", "b@x"))
    assert holds.put(hold("mail", "8"))
    assert holds.addresses == {"a@x", "b@x"}
    assert holds.release("address", "a@x")
    assert not holds.release("address", "a@x")
    assert not holds.release("mail", "b@x")
    assert holds.addresses == {"b@x"}
    holds.clear()
    assert holds.addresses == set()
    assert list(holds) == []


def test_a_hold_stays_as_old_as_it_is_and_has_the_last_failure() -> None:
    holds = Holds([hold("address", "a@x")])
    assert not holds.put(hold("address", "a@x", REFUSED_ANEW, since=2.0))
    (found,) = holds
    assert (found.since, found.failure) == (1.0, REFUSED_ANEW)
    assert holds.queue is None
    holds.put(hold("queue", ""))
    assert holds.queue == hold("queue", "")
