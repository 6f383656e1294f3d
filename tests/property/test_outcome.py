"""Retries: never at once, never too late, and whatever a server answers has an outcome."""

from hypothesis import given
from hypothesis import strategies as st

from zaiond.config.schema import Queue
from zaiond.delivery.outcome import AttemptContext, next_state, retry_delay
from zaiond.model import OPEN, Message, QueuedDelivery, QueuedMail
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.syntax import Reply
from zaiond.smtp.verdict import Scope

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
              st.binary(max_size=40)
              | st.sampled_from((b"5.1.1 No such user", b"5.7.1 Relay access denied"))),
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
    st.integers(0, 50),
    st.integers(0, 5),
    st.booleans(),
    st.booleans(),
    st.sets(st.integers(0, 3)),
    st.sets(st.integers(0, 3)),
)
def test_whatever_a_server_answers_the_mail_is_delivered_or_kept(
    answers: list[Reply | Failure],
    queue: Queue,
    spread: float,
    attempts: int,
    unknown: int,
    other_server: bool,
    overdue: bool,
    held: set[int],
    named: set[int],
) -> None:
    recipients = tuple(f"r{number}@x" for number in range(len(answers)))
    deliveries = tuple(
        QueuedDelivery(n, r, attempts, unknown, n in held) for n, r in enumerate(recipients)
    )
    message = Message(message_id="<1@x>", reverse_path="z", recipients=recipients, content=b"")
    mail = QueuedMail(1, message, deliveries, 0.0, 0.0, False, ())
    attempt = AttemptContext(
        server="mailhost:25",
        started=1000.0,
        ended=1000.0,
        jitter=spread,
        other_server=other_server,
        overdue=overdue,
        held=frozenset(f"r{n}@x" for n in held),
        language="ja",
        named=frozenset(f"r{n}@x" for n in named),
    )
    by_recipient = dict(zip(recipients, answers, strict=True))
    concluded = next_state(mail, by_recipient, attempt, queue)
    progress = any(isinstance(answer, Reply) for answer in answers)
    assert [each.attempted.delivery for each in concluded] == list(deliveries)
    for each in concluded:
        one, verdict = each.attempted, each.verdict
        answer = by_recipient[one.delivery.recipient]
        assert (one.state == "delivered") == isinstance(answer, Reply)
        assert (verdict is None) == isinstance(answer, Reply)
        assert one.state in ("delivered", "failed", *OPEN)
        is_named = one.delivery.row in named and one.delivery.row not in held
        if one.state == "failed":  # only whom a program named, and a server knows not of
            assert is_named
            assert isinstance(answer, Failure)
            assert answer.reply is not None
            assert (answer.stage, answer.reply.code // 100) == (Stage.RCPT, 5)
        if is_named and isinstance(answer, Failure) and answer.stage is Stage.RCPT:
            assert each.holds != "address"  # nor does it hold any other mail
            assert verdict is not None
            assert verdict.outcome != "held" or verdict.scope is Scope.RECIPIENT
        assert (each.holds is not None) == (one.state == "held")
        if one.next_attempt is not None:
            assert one.state in ("deferred", "held")
            assert one.next_attempt > one.ended
        if one.state == "deferred":
            assert one.next_attempt is not None or overdue
        if one.state == "waiting":
            # Never at the same server at once, unless that is to be left alone first.
            assert verdict is not None
            assert (
                other_server
                or verdict.wait
                or verdict.outcome == "held"
                or each.alone
                or (verdict.again and progress)
            )
