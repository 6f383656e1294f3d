"""What a server's answers mean for the deliveries of a mail. Pure.

`smtp.verdict` says what an answer means; here it is brought together with how often it was tried,
how old the mail is, what is held already, and whether another server is left.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

import msgspec
from msgspec import structs

from zaiond.config.schema import Queue
from zaiond.holds import Hold, Holds
from zaiond.model import AttemptOutcome, AttemptResult, DeliveryState, QueuedDelivery, QueuedMail
from zaiond.smtp.failure import Stage
from zaiond.smtp.syntax import Reply
from zaiond.smtp.verdict import Failure, Scope, Verdict, judge, refuses_recipient
from zaiond.text import Language

PROBE_AFTER = 3600.0  # seconds at most: what is held is tried again so often
LAST_HOUR = 3600.0  # seconds: nothing expires before it was tried for so long, nor so soon after
MOST_UNKNOWN = 3  # tries after an end that stayed unknown: each may be one more copy


class AttemptContext(msgspec.Struct, frozen=True, kw_only=True):
    """The circumstances of an attempt; times in seconds since the epoch.

    `jitter` is a random number from 0 to 1, for the jitter of retries. `other_server`: another one
    can be tried at once. `overdue`: the mail has had the time of `queue.expire`. `held`: addresses
    that are held. `others_taken`: this mail's content was refused for what would concern all mail,
    and another mail was taken since. `named`: recipients that a program named itself. `language`:
    of what a failure is called where the server said nothing.
    """

    server: str
    started: float
    ended: float
    jitter: float
    other_server: bool
    overdue: bool
    held: frozenset[str]
    language: Language
    others_taken: bool = False
    named: frozenset[str] = frozenset()


class NextState(NamedTuple):
    """How the attempt of a delivery ended; `verdict` and `failure` where it did not deliver.

    `holds`: the address or the mail is held from now on. `alone`: the mail is to be tried with this
    recipient alone, as the content was refused for several together.
    """

    attempted: AttemptResult
    verdict: Verdict | None = None
    failure: Failure | None = None
    holds: Literal["address", "mail"] | None = None
    alone: bool = False


def retry_delay(attempts: int, queue: Queue, jitter: float) -> float:
    """Seconds until the next try after `attempts` failed ones: doubling, up to `retry_max`.

    Jitter takes away up to a fifth, so that mails that failed together don't come back together.
    """
    doubled = queue.retry_first * 2.0 ** min(attempts - 1, 60)
    return min(doubled, queue.retry_max) * (1.0 - 0.2 * jitter)


def probe_delay(queue: Queue) -> float:
    """Seconds until what is held is tried again."""
    return min(queue.retry_max, PROBE_AFTER)


def last_hour(queue: Queue) -> float:
    """Seconds for which a mail is tried at least, and after a try doesn't expire."""
    return min(queue.expire, LAST_HOUR)


def next_state(
    mail: QueuedMail,
    answers: Mapping[str, Reply | Failure],
    attempt: AttemptContext,
    queue: Queue,
) -> list[NextState]:
    """How the attempt of each delivery ended: `answers` by recipient.

    A delivery that is `waiting` afterwards is to be tried by another server at once, or when the
    server that it waits for can be used again. Or at once by the same, which takes no more
    recipients a mail (`again` of the verdict); that ends, as each time some are delivered.
    """
    said = [(delivery, answers[delivery.recipient]) for delivery in mail.deliveries]
    verdicts = {d.row: judge(answer) for d, answer in said if isinstance(answer, Failure)}
    progress = len(verdicts) < len(said)
    of_us = not (progress or any(d.recipient in attempt.held for d, _ in said)) and all(
        map(_is_of_us, verdicts.values())
    )
    with_content = sum(_reached_content(answer) for _, answer in said)
    states = []
    for delivery, answer in said:
        if isinstance(answer, Reply):
            server, started, ended = attempt.server, attempt.started, attempt.ended
            states.append(_delivered(delivery, answer, server, started, ended))
            continue
        verdict = verdicts[delivery.row]
        if verdict.again and not progress:
            verdict = replace(verdict, again=False)
        is_named = delivery.recipient in attempt.named
        if _is_of_us(verdict) and answer.stage is Stage.RCPT and (is_named or not of_us):
            # It was not said to every recipient, or any program may have named it: so it is about
            # this one.
            verdict = replace(verdict, scope=Scope.RECIPIENT)
        if is_of_us_by_content(answer, verdict) and (is_named or attempt.others_taken):
            # Nor is it said to every mail, whatever words a filter has for what is in this one.
            verdict = replace(verdict, scope=Scope.MESSAGE)
        states.append(_failed(delivery, answer, verdict, attempt, queue, with_content > 1))
    return states


def _is_of_us(verdict: Verdict) -> bool:
    return verdict.outcome == "held" and verdict.scope is Scope.SERVER


def is_of_us_by_content(answer: Reply | Failure, verdict: Verdict) -> bool:
    """Whether the content was refused for something that would concern all mail."""
    return isinstance(answer, Failure) and _is_of_us(verdict) and _reached_content(answer)


def _reached_content(answer: Reply | Failure) -> bool:
    return isinstance(answer, Reply) or answer.stage in (Stage.DATA, Stage.CONTENT)


def delivered(
    mail: QueuedMail,
    answers: Mapping[str, Reply | Failure],
    server: str,
    started: float,
    now: float,
) -> list[NextState] | None:
    """How an attempt ended that every recipient got; None: not every one."""
    states = []
    for delivery in mail.deliveries:
        answer = answers[delivery.recipient]
        if not isinstance(answer, Reply):
            return None
        states.append(_delivered(delivery, answer, server, started, now))
    return states


def _delivered(
    delivery: QueuedDelivery, reply: Reply, server: str, started: float, now: float
) -> NextState:
    return NextState(
        AttemptResult(delivery, "delivered", "delivered", server, reply.text, started, now)
    )


def _failed(
    delivery: QueuedDelivery,
    failure: Failure,
    verdict: Verdict,
    attempt: AttemptContext,
    queue: Queue,
    several: bool,
) -> NextState:
    def ends(
        state: DeliveryState,
        outcome: AttemptOutcome,
        after: float | None = None,
        holds: Literal["address", "mail"] | None = None,
        alone: bool = False,
    ) -> NextState:
        attempted = AttemptResult(
            delivery,
            state,
            outcome,
            attempt.server,
            failure.text.in_language(attempt.language),
            attempt.started,
            attempt.ended,
            None if after is None else attempt.ended + after,
        )
        return NextState(attempted, verdict, failure, holds, alone)

    address_is_held = delivery.recipient in attempt.held
    later = retry_delay(delivery.attempts + 1, queue, attempt.jitter)
    if verdict.outcome == "held":
        if verdict.scope is Scope.SERVER:
            return ends("waiting", "held")
        if verdict.scope is Scope.MESSAGE:
            if several:
                return ends("waiting", "held", alone=True)
            return ends("held", "held", probe_delay(queue), "mail")
        if delivery.recipient in attempt.named and not address_is_held:
            if refuses_recipient(failure):
                return ends("failed", "failed")  # interface 8: nobody here can mend that
            # An address that anybody may name holds no other mail, and makes no notice of its own.
            return ends("held", "held", probe_delay(queue), "mail")
        # One probe an hour for the address, not one for each of its mails.
        probes = delivery.held or not address_is_held
        return ends("held", "held", probe_delay(queue) if probes else None, "address")
    if verdict.outcome == "ambiguous":
        if delivery.unknown >= MOST_UNKNOWN:
            return ends("held", "unknown", None, "mail")
        return ends("deferred", "unknown", later)
    if verdict.again or not verdict.fails_over or attempt.other_server:
        return ends("waiting", "deferred")
    if delivery.held and address_is_held:  # the probe of an address that is refused no longer
        return ends("held", "deferred", min(queue.retry_first, PROBE_AFTER), "address")
    if attempt.overdue and _was_tried_long_enough(delivery.attempts + 1, queue):
        return ends("deferred", "deferred", None)
    return ends("deferred", "deferred", later)


def _was_tried_long_enough(attempts: int, queue: Queue) -> bool:
    """Whether the tries so far took the last hour that every mail has, however old it is: after a
    long outage it may meet a server that wants to see it twice.
    """
    left = last_hour(queue)
    for number in range(1, attempts + 1):
        left -= retry_delay(number, queue, 0.0)
        if left <= 0:
            return True
    return False


def made_anew(state: NextState) -> NextState:
    """The same of a mail that is to be made anew: by today's configuration, whatever the server of
    another one had against it.
    """
    if state.attempted.outcome in ("delivered", "unknown"):
        return state
    attempted = state.attempted._replace(state="waiting", next_attempt=None)
    return state._replace(attempted=attempted, holds=None, alone=False)


def remaining(
    mail: QueuedMail, states: list[NextState], other: int | None
) -> tuple[QueuedMail | None, int | None]:
    """What of the mail is tried again at once, None: nothing; and by which server, if not by the
    one in use: by `other`, where all failures are of the kind that fails over.
    """
    waiting = [state for state in states if state.attempted.state == "waiting"]
    if not waiting and not mail.one_by_one:
        return None, None
    again = tuple(
        s.attempted.delivery._replace(attempts=s.attempted.delivery.attempts + 1) for s in waiting
    )
    if not all(s.verdict and s.verdict.fails_over and not s.verdict.again for s in waiting):
        other = None
    alone = mail.one_by_one
    if any(state.alone for state in states):
        again, alone = again[:1], again[1:] + alone
    elif alone and not again:
        again, alone, other = alone[:1], alone[1:], None
    rest = structs.replace(mail.reduced(again), one_by_one=alone)
    rest.whole = mail.whole and not alone and len(again) == len(states)
    return rest, other


def new_holds(mail: QueuedMail, states: list[NextState], now: float, at: float) -> list[Hold]:
    """What is held from now on, `at` in queue time."""
    return [
        Hold(scope, each.delivery.recipient if scope == "address" else str(mail.row), now, at, why)
        for each, _, why, scope, _ in states
        if scope is not None and why is not None
    ]


def ended_holds(mail: QueuedMail, states: list[NextState], holds: Holds) -> list[Hold]:
    """The holds that a probe has ended."""
    probes = [
        attempted.delivery.recipient
        for attempted, _, _, held_by, _ in states
        if attempted.delivery.held and held_by is None and attempted.state != "waiting"
    ]
    ended = [holds.get("address", recipient) for recipient in probes]
    if probes:
        ended.append(holds.get("mail", str(mail.row)))
    return [hold for hold in ended if hold is not None]
