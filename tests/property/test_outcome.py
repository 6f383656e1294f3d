"""Retries: never at once, never too late, and whatever a server answers has an outcome."""

from hypothesis import given
from hypothesis import strategies as st

from zaiond.config.schema import Queue
from zaiond.daemon.outcome import Attempt, conclude, retry_delay
from zaiond.model import Message
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.reply import Reply
from zaiond.store.queue import OPEN, QueuedDelivery, QueuedMail

queues = st.builds(
    lambda first, more, expire: Queue(
        retry_first=first, retry_max=first + more, expire=expire, keep=expire
    ),
    first=st.floats(1, 86400),
    more=st.floats(0, 86400),
    expire=st.floats(1, 86400 * 30),
)
spreads = st.floats(0, 1)
replies = st.builds(
    lambda code, said: Reply(code, (said,)), st.integers(200, 599), st.binary(max_size=40)
)
failures = st.builds(
    lambda stage, reply, reused: Failure(
        stage=stage, server="mailhost:25", cause="reply", reply=reply, reused=reused
    ),
    st.sampled_from(list(Stage)),
    st.builds(lambda code, said: Reply(code, (said,)), st.integers(400, 599),
              st.binary(max_size=40)),
    st.booleans(),
) | st.builds(
    lambda stage, cause, reused: Failure(
        stage=stage, server="mailhost:25", cause=cause, reused=reused
    ),
    st.sampled_from(list(Stage)),
    st.sampled_from(["timeout", "closed", "reset", "protocol", "too_big", "smtputf8", "tls"]),
    st.booleans(),
)  # fmt: skip


@given(st.integers(1, 10_000), queues, spreads)
def test_a_delay_is_at_most_a_fifth_shorter_than_the_doubling_says(
    attempts: int, queue: Queue, spread: float
) -> None:
    doubled = min(queue.retry_first * 2.0 ** min(attempts - 1, 60), queue.retry_max)
    assert 0.8 * doubled - 1e-6 <= retry_delay(attempts, queue, spread) <= doubled


@given(st.integers(1, 100), queues, spreads)
def test_delays_never_get_shorter(attempts: int, queue: Queue, spread: float) -> None:
    assert retry_delay(attempts + 1, queue, spread) >= retry_delay(attempts, queue, spread)


@given(
    st.lists(replies.filter(lambda r: r.code < 400) | failures, min_size=1, max_size=4),
    queues,
    spreads,
    st.floats(0, 86400 * 40),
    st.integers(0, 50),
    st.booleans(),
)
def test_every_answer_has_an_outcome_for_its_recipient_alone(
    answers: list[Reply | Failure],
    queue: Queue,
    spread: float,
    age: float,
    attempts: int,
    other_server: bool,
) -> None:
    recipients = tuple(f"r{number}@x" for number in range(len(answers)))
    deliveries = tuple(QueuedDelivery(n, r, attempts) for n, r in enumerate(recipients))
    message = Message(message_id="<1@x>", reverse_path="z", recipients=recipients, content=b"")
    mail = QueuedMail(1, message, deliveries, 0.0, False, ())
    attempt = Attempt(
        server="mailhost:25",
        started=age,
        ended=age,
        spread=spread,
        other_server=other_server,
        language="ja",
    )
    by_recipient = dict(zip(recipients, answers, strict=True))
    concluded = list(conclude(mail, by_recipient, attempt, queue))
    progress = any(isinstance(answer, Reply) for answer in answers)
    assert [one.delivery for one, _ in concluded] == list(deliveries)
    for one, verdict in concluded:
        answer = by_recipient[one.delivery.recipient]
        assert (one.state == "delivered") == isinstance(answer, Reply)
        assert (verdict is None) == isinstance(answer, Reply)
        if verdict is not None and verdict.again and progress:
            assert one.state == "waiting"  # there were too many; that ends, as some were delivered
            continue
        # Alone it would have had the same outcome.
        (alone,) = conclude(
            QueuedMail(1, message, (one.delivery,), 0.0, False, ()), by_recipient, attempt, queue
        )
        assert alone == (one, verdict)
        assert (one.next_attempt is not None) == (one.state in ("deferred", "held"))
        if one.state == "deferred":
            assert one.next_attempt is not None
            assert age < one.next_attempt <= queue.expire
        if one.state == "expired":
            assert age >= queue.expire
        if one.state == "waiting":
            assert one.state in OPEN
            # Else never at the same server at once, unless that is to be left alone first.
            assert verdict is not None
            assert other_server or verdict.wait or verdict.outcome == "held"
