"""What a server's answers mean for the deliveries of a mail."""

from typing import Any

import msgspec
import pytest

from tests.support.store import NOW
from zaiond.config.schema import Queue
from zaiond.daemon.outcome import Attempt, conclude, retry_delay
from zaiond.model import Message
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.reply import Reply
from zaiond.store.queue import Attempted, QueuedDelivery, QueuedMail

OK = Reply(250, (b"2.0.0 Ok",))
QUEUE = Queue(retry_first=60.0, retry_max=3600.0, expire=86400.0)


def refusal(code: int, said: str, stage: Stage = Stage.RCPT) -> Failure:
    reply = Reply(code, (said.encode(),))
    return Failure(stage=stage, server="mailhost:25", cause="reply", reply=reply)


def lost(stage: Stage = Stage.CONTENT) -> Failure:
    return Failure(stage=stage, server="mailhost:25", cause="closed")


ATTEMPT = Attempt(
    server="mailhost:25",
    started=NOW,
    ended=NOW,
    spread=0.0,
    other_server=False,
    language="en",
)


def concluded(
    answer: Reply | Failure,
    *,
    attempts: int = 0,
    other_server: bool = False,
    age: float = 1.0,
) -> Attempted:
    delivery = QueuedDelivery(7, "a@x", attempts)
    message = Message(message_id="<1@x>", reverse_path="z", recipients=("a@x",), content=b"")
    mail = QueuedMail(1, message, (delivery,), NOW, False, ())
    attempt = msgspec.structs.replace(ATTEMPT, ended=NOW + age, other_server=other_server)
    ((attempted, _),) = conclude(mail, {"a@x": answer}, attempt, QUEUE)
    return attempted


@pytest.mark.parametrize(
    ("answer", "state", "outcome"),
    [
        (OK, "delivered", "delivered"),
        (refusal(550, "5.1.1 No"), "failed", "failed"),
        (refusal(450, "4.2.1 Later"), "deferred", "deferred"),
        (refusal(554, "5.7.1 Relay access denied"), "held", "held"),
        (refusal(550, "5.1.8 Sender", Stage.MAIL), "waiting", "held"),
        (refusal(554, "5.6.0 No", Stage.CONTENT), "failed", "failed"),
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
    deliveries = tuple(QueuedDelivery(n, f"{n}@x", 0) for n in range(2))
    message = Message(message_id="<1@x>", reverse_path="z", recipients=("0@x", "1@x"), content=b"")
    mail = QueuedMail(1, message, deliveries, NOW, False, ())
    for other_server in (False, True):
        attempt = msgspec.structs.replace(ATTEMPT, other_server=other_server)
        for first, state in ((OK, "waiting"), (refusal(550, "5.1.1 No"), "deferred")):
            answers = {"0@x": first, "1@x": refusal(452, "4.5.3 Too many recipients")}
            (_, (attempted, _)) = conclude(mail, answers, attempt, QUEUE)
            assert attempted.state == ("waiting" if other_server else state)


def test_what_may_have_arrived_is_never_given_to_another_server_at_once() -> None:
    attempted = concluded(lost(), other_server=True)
    assert (attempted.state, attempted.outcome) == ("deferred", "unknown")


def test_no_other_server_makes_a_good_address_of_a_bad_one() -> None:
    assert concluded(refusal(550, "5.1.1 No"), other_server=True).state == "failed"


def test_a_deferred_mail_has_a_time_and_one_that_ended_has_none() -> None:
    assert concluded(refusal(450, "4.2.1 Later")).next_attempt == NOW + 1 + 60
    assert concluded(refusal(450, "4.2.1 Later"), attempts=2).next_attempt == NOW + 1 + 240
    for answer in (OK, refusal(550, "5.1.1 No")):
        assert concluded(answer).next_attempt is None


def test_a_held_mail_is_looked_at_again_after_retry_max() -> None:
    attempted = concluded(refusal(554, "5.7.1 Relay access denied"))
    assert attempted.next_attempt == NOW + 1 + 3600


def test_the_last_try_is_when_it_expires() -> None:
    attempted = concluded(refusal(450, "4.2.1 Later"), attempts=9, age=86400.0 - 10)
    assert attempted.next_attempt == NOW + 86400.0
    assert concluded(refusal(450, "4.2.1 Later"), age=86400.0).state == "expired"
    assert concluded(lost(), age=86400.0).state == "expired"


@pytest.mark.parametrize("answer", [OK, refusal(550, "5.1.1 No")])
def test_what_ended_has_ended_however_old_it_was(answer: Any) -> None:
    assert concluded(answer, age=1e9).state == ("delivered" if answer is OK else "failed")


def test_delays_double_up_to_the_longest() -> None:
    delays = [retry_delay(attempts, QUEUE, 0.0) for attempts in range(1, 9)]
    assert delays == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert retry_delay(100_000, QUEUE, 0.0) == 3600
