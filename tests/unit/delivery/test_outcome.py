"""What a server's answers mean for the deliveries of a mail."""

from typing import Any

import msgspec
import pytest

from tests.support.store import NOW
from zaiond.config.schema import Queue
from zaiond.delivery.outcome import AttemptContext, NextState, next_state, retry_delay
from zaiond.model import AttemptResult, Message, QueuedDelivery, QueuedMail
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.syntax import Reply

OK = Reply(250, (b"2.0.0 Ok",))
QUEUE = Queue(retry_first=60.0, retry_max=3600.0, expire=86400.0)


def refusal(code: int, said: str, stage: Stage = Stage.RCPT) -> Failure:
    reply = Reply(code, (said.encode(),))
    return Failure(stage=stage, server="mailhost:25", cause="reply", reply=reply)


def lost(stage: Stage = Stage.CONTENT) -> Failure:
    return Failure(stage=stage, server="mailhost:25", cause="closed")


ATTEMPT = AttemptContext(
    server="mailhost:25",
    started=NOW,
    ended=NOW,
    jitter=0.0,
    other_server=False,
    overdue=False,
    held=frozenset(),
    language="en",
)


def a_mail(*deliveries: QueuedDelivery) -> QueuedMail:
    recipients = tuple(delivery.recipient for delivery in deliveries)
    message = Message(message_id="<1@x>", reverse_path="z", recipients=recipients, content=b"")
    return QueuedMail(1, message, deliveries, NOW, 0.0, False, ())


def conclusions(*answers: Reply | Failure, **circumstances: Any) -> list[NextState]:
    """Of a mail to 0@x, 1@x…, each with its answer."""
    deliveries = [QueuedDelivery(n, f"{n}@x", 0) for n in range(len(answers))]
    attempt = msgspec.structs.replace(ATTEMPT, **circumstances)
    by_recipient = {f"{n}@x": answer for n, answer in enumerate(answers)}
    return next_state(a_mail(*deliveries), by_recipient, attempt, QUEUE)


def concluded(
    answer: Reply | Failure,
    *,
    attempts: int = 0,
    unknown: int = 0,
    probe: bool = False,
    **circumstances: Any,
) -> AttemptResult:
    """Of a mail to a@x alone."""
    delivery = QueuedDelivery(7, "a@x", attempts, unknown, probe)
    attempt = msgspec.structs.replace(ATTEMPT, **circumstances)
    (conclusion,) = next_state(a_mail(delivery), {"a@x": answer}, attempt, QUEUE)
    return conclusion.attempted


@pytest.mark.parametrize(
    ("answer", "state", "outcome"),
    [
        (OK, "delivered", "delivered"),
        (refusal(550, "5.1.1 No"), "held", "held"),
        (refusal(450, "4.2.1 Later"), "deferred", "deferred"),
        (refusal(554, "5.7.1 Relay access denied"), "waiting", "held"),
        (refusal(550, "5.1.8 Sender", Stage.MAIL), "waiting", "held"),
        (refusal(554, "5.6.0 No", Stage.CONTENT), "held", "held"),
        (refusal(451, "4.3.0 Later", Stage.CONTENT), "deferred", "deferred"),
        (refusal(432, "4.3.2 Busy", Stage.MAIL), "waiting", "deferred"),
        (lost(), "deferred", "unknown"),
        (lost(Stage.MAIL), "deferred", "deferred"),
    ],
)
def test_each_answer_has_its_outcome(answer: Any, state: str, outcome: str) -> None:
    attempted = concluded(answer)
    assert (attempted.state, attempted.outcome) == (state, outcome)


def test_what_the_server_said_is_kept() -> None:
    assert concluded(refusal(550, "5.1.1 No such user")).reply == "550 5.1.1 No such user"
    assert concluded(OK).reply == "250 2.0.0 Ok"


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.CONTENT])
def test_later_means_the_next_server_if_there_is_one(stage: Stage) -> None:
    attempted = concluded(refusal(451, "4.3.0 Later", stage), other_server=True)
    assert (attempted.state, attempted.outcome) == ("waiting", "deferred")


def test_too_many_recipients_means_at_once_only_after_some_were_taken() -> None:
    too_many = refusal(452, "4.5.3 Too many recipients")
    for other_server in (False, True):
        for first, state in ((OK, "waiting"), (refusal(550, "5.1.1 No"), "deferred")):
            (_, last) = conclusions(first, too_many, other_server=other_server)
            assert last.attempted.state == ("waiting" if other_server else state)


RELAYING = refusal(554, "5.7.1 Relay access denied")
UNKNOWN = refusal(550, "5.1.1 No such user")
CONTENT = refusal(554, "5.6.0 No", Stage.CONTENT)


def holds(found: list[NextState]) -> list[str | None]:
    return [each.holds for each in found]


def test_what_is_said_of_us_to_every_recipient_holds_the_queue() -> None:
    found = conclusions(RELAYING, RELAYING)
    assert holds(found) == [None, None]
    assert [each.attempted.state for each in found] == ["waiting", "waiting"]


@pytest.mark.parametrize("other", [OK, refusal(450, "4.2.1 Later"), UNKNOWN])
def test_what_is_said_of_us_to_one_recipient_holds_that_address(other: Any) -> None:
    _, refused = conclusions(other, RELAYING)
    assert (refused.holds, refused.attempted.state) == ("address", "held")


def test_an_address_that_is_held_and_refused_again_never_holds_the_queue() -> None:
    attempted = concluded(RELAYING, probe=True, held=frozenset(("a@x",)))
    assert (attempted.state, attempted.next_attempt) == ("held", NOW + 3600)


def test_only_one_delivery_of_an_address_is_its_probe() -> None:
    assert concluded(UNKNOWN).next_attempt == NOW + 3600
    assert concluded(UNKNOWN, held=frozenset(("a@x",))).next_attempt is None


def test_an_address_that_is_refused_no_longer_but_not_taken_yet_is_looked_at_again_soon() -> None:
    attempted = concluded(refusal(451, "4.7.1 Grey"), probe=True, held=frozenset(("a@x",)))
    assert (attempted.state, attempted.next_attempt) == ("held", NOW + 60)


def test_content_that_is_refused_for_several_is_tried_with_each_alone() -> None:
    found = conclusions(CONTENT, UNKNOWN, CONTENT)
    assert [each.alone for each in found] == [True, False, True]
    assert holds(found) == [None, "address", None]
    (alone,) = conclusions(CONTENT)
    assert (alone.alone, alone.holds, alone.attempted.state) == (False, "mail", "held")


def test_content_that_only_one_recipient_got_is_not_tried_once_more() -> None:
    refused, _ = conclusions(CONTENT, UNKNOWN)
    assert (refused.alone, refused.holds) == (False, "mail")


def test_an_end_that_stays_unknown_is_tried_again_three_times() -> None:
    for unknown in range(3):
        assert concluded(lost(), unknown=unknown).state == "deferred"
    last = concluded(lost(), unknown=3)
    # No probe: each would be one more copy.
    assert (last.state, last.outcome, last.next_attempt) == ("held", "unknown", None)


def test_what_may_have_arrived_is_never_given_to_another_server_at_once() -> None:
    attempted = concluded(lost(), other_server=True)
    assert (attempted.state, attempted.outcome) == ("deferred", "unknown")


def test_no_other_server_makes_a_good_address_of_a_bad_one() -> None:
    assert concluded(UNKNOWN, other_server=True).state == "held"


def test_a_deferred_mail_has_a_time_and_one_that_ended_has_none() -> None:
    assert concluded(refusal(450, "4.2.1 Later")).next_attempt == NOW + 60
    assert concluded(refusal(450, "4.2.1 Later"), attempts=2).next_attempt == NOW + 240
    assert concluded(OK).next_attempt is None


def test_what_has_had_its_time_is_tried_for_an_hour_all_the_same_and_then_no_more() -> None:
    tries = [
        concluded(refusal(450, "4.2.1 Later"), attempts=n, overdue=True).next_attempt
        for n in range(8)
    ]
    # 1 + 2 + 4 + 8 + 16 + 32 minutes: the sixth try is after an hour.
    assert [at is not None for at in tries] == [True] * 5 + [False] * 3
    assert all(
        concluded(refusal(450, "4.2.1 Later"), attempts=n).next_attempt is not None
        for n in range(8)
    )


def test_no_answer_ends_a_mail_but_that_it_was_taken() -> None:
    for answer in (UNKNOWN, CONTENT, RELAYING, lost(), refusal(450, "4.2.1 Later")):
        attempted = concluded(answer, attempts=1000, unknown=1000, overdue=True)
        assert attempted.state in ("waiting", "deferred", "held")


def test_delays_double_up_to_the_longest() -> None:
    delays = [retry_delay(attempts, QUEUE, 0.0) for attempts in range(1, 9)]
    assert delays == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert retry_delay(100_000, QUEUE, 0.0) == 3600
