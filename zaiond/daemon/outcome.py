"""What a server's answers mean for the deliveries of a mail. Pure.

`smtp.verdict` says what an answer means; here it is brought together with how often it was tried,
how old the mail is, and whether another server is left.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import msgspec

from zaiond.config.schema import Queue
from zaiond.smtp.reply import Reply
from zaiond.smtp.verdict import Failure, Scope, Verdict, judge
from zaiond.store.queue import Attempted, QueuedDelivery, QueuedMail
from zaiond.text import Language


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """The circumstances of an attempt; times in seconds since the epoch.

    `spread` is a random number from 0 to 1, for the jitter of retries. `other_server`: another one
    can be tried at once. `language`: of what a failure is called where the server said nothing.
    """

    server: str
    started: float
    ended: float
    spread: float
    other_server: bool
    language: Language


def retry_delay(attempts: int, queue: Queue, spread: float) -> float:
    """Seconds until the next try after `attempts` failed ones: doubling, up to `retry_max`.

    Jitter takes away up to a fifth, so that mails that failed together don't come back together.
    """
    doubled = queue.retry_first * 2.0 ** min(attempts - 1, 60)
    return min(doubled, queue.retry_max) * (1.0 - 0.2 * spread)


def conclude(
    mail: QueuedMail,
    answers: Mapping[str, Reply | Failure],
    attempt: Attempt,
    queue: Queue,
) -> Iterator[tuple[Attempted, Verdict | None]]:
    """How the attempt of each delivery ended: `answers` by recipient; the verdict where one failed.

    A delivery that is `waiting` afterwards is to be tried by another server at once, or when the
    server that it waits for can be used again. Or at once by the same, which takes no more
    recipients a mail (`again` of the verdict); that ends, as each time some are delivered.
    """
    progress = any(isinstance(answers[each.recipient], Reply) for each in mail.deliveries)
    for delivery in mail.deliveries:
        answer = answers[delivery.recipient]
        if isinstance(answer, Reply):
            yield _delivered(delivery, answer, attempt), None
        else:
            verdict = judge(answer)
            if verdict.again and not progress:
                verdict = replace(verdict, again=False)
            yield _failed(delivery, mail, answer, verdict, attempt, queue), verdict


def _delivered(delivery: QueuedDelivery, reply: Reply, attempt: Attempt) -> Attempted:
    return Attempted(
        delivery,
        "delivered",
        "delivered",
        attempt.server,
        reply.text,
        attempt.started,
        attempt.ended,
    )


def _failed(
    delivery: QueuedDelivery,
    mail: QueuedMail,
    failure: Failure,
    verdict: Verdict,
    attempt: Attempt,
    queue: Queue,
) -> Attempted:
    def attempted(state: str, outcome: str, next_attempt: float | None = None) -> Attempted:
        return Attempted(
            delivery,
            state,  # type: ignore[arg-type]
            outcome,  # type: ignore[arg-type]
            attempt.server,
            failure.text.in_language(attempt.language),
            attempt.started,
            attempt.ended,
            next_attempt,
        )

    if verdict.outcome == "held":
        if verdict.scope is Scope.SERVER:
            return attempted("waiting", "held")
        return attempted("held", "held", attempt.ended + queue.retry_max)
    outcome = "unknown" if verdict.outcome == "ambiguous" else "deferred"
    if verdict.wait or verdict.again:
        return attempted("waiting", outcome)
    # Not after an ambiguous end: another server could not know that it has the mail already.
    if attempt.other_server and verdict.outcome != "ambiguous":
        return attempted("waiting", outcome)
    expires = mail.accepted + queue.expire
    if attempt.ended >= expires:
        return attempted("expired", "expired")
    due = attempt.ended + retry_delay(delivery.attempts + 1, queue, attempt.spread)
    return attempted("deferred", outcome, min(due, expires))
