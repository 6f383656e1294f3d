"""`max_mails`: never more than so many mails to a recipient in any window of so many seconds.

Mails are counted by 60ths of a window. A 60th counts for as long as one of its mails may lie in the
window, so that the limit is kept strictly; a slot is free again up to a 60th later than it could.
"""

from msgspec import structs

from zaiond.config.forms import Rate
from zaiond.model import URGENT, Routing
from zaiond.routing import words
from zaiond.routing.decision import Join
from zaiond.routing.group import Way, join
from zaiond.routing.matcher import Rule
from zaiond.routing.records import NEVER, Sent, group_key
from zaiond.routing.state import MOST_RECIPIENTS, State, cut

_PARTS = 60


def sent_key(scope: str, recipient: str) -> str:
    """`scope` is the route whose limit it is, "" for the limit of all together."""
    return f"{cut(scope)}\n{cut(recipient)}"


def free_at(state: State, key: str, rate: Rate, now: float) -> float:
    """When the next mail may go: `now`, or later."""
    known = state.sent.get(key)
    if known is None or sum(known.buckets.values()) < rate.count:
        return now
    sent = _current(known, rate, now)
    left = sum(sent.buckets.values()) - rate.count
    if left < 0:
        return now
    for bucket in sorted(sent.buckets):
        left -= sent.buckets[bucket]
        if left < 0:
            return max(now, (bucket + 1 + _PARTS) * rate.seconds / _PARTS)
    return NEVER  # there is no limit of none


def count(state: State, key: str, rate: Rate, now: float) -> None:
    """One mail goes now."""
    sent = _current(state.sent.get(key), rate, now)
    bucket = _bucket(now, rate.seconds)
    buckets = {**sent.buckets, bucket: sent.buckets.get(bucket, 0) + 1}
    if key not in state.sent and len(state.sent) >= MOST_RECIPIENTS:
        forget(state, now)
        if len(state.sent) >= MOST_RECIPIENTS:  # who got none for the longest time
            state.put_sent(min(state.sent, key=lambda k: _last(state.sent[k])), None)
    state.put_sent(key, Sent(window=rate.seconds, buckets=buckets))


def set_back(state: State, now: float) -> None:
    """The clock was set back to `now`: what was sent later counts as sent now, from here on."""
    for key, sent in list(state.sent.items()):
        with state.guarded("sent", key):
            current = _current(sent, Rate(1, sent.window), now)
            if current != sent:
                state.put_sent(key, current)


def forget(state: State, now: float) -> None:
    """Forgets the recipients who got no mail within a window."""
    for key, sent in list(state.sent.items()):
        with state.guarded("sent", key):
            if not _current(sent, Rate(1, sent.window), now).buckets:
                state.put_sent(key, None)


def _last(sent: Sent) -> float:
    return max(sent.buckets, default=0) * sent.window / _PARTS


def _bucket(at: float, seconds: float) -> int:
    return int(at * _PARTS // seconds)


def _current(sent: Sent | None, rate: Rate, now: float) -> Sent:
    """What counts at `now`. What was sent in the future was sent before the clock was set back: it
    counts as sent now. Of another window, a 60th counts as sent at its end.
    """
    if sent is None:
        return Sent(window=rate.seconds)
    here = _bucket(now, rate.seconds)
    buckets = sent.buckets
    if sent.window != rate.seconds:
        moved: dict[int, int] = {}
        for bucket, mails in buckets.items():
            at = _bucket((bucket + 1) * sent.window / _PARTS, rate.seconds)
            moved[at] = moved.get(at, 0) + mails
        buckets = moved
    if any(bucket > here or bucket < here - _PARTS for bucket in buckets):
        kept: dict[int, int] = {}
        for bucket, mails in buckets.items():
            if bucket >= here - _PARTS:
                bucket = min(bucket, here)
                kept[bucket] = kept.get(bucket, 0) + mails
        buckets = kept
    return Sent(window=rate.seconds, buckets=buckets)


def pass_limit(
    state: State, rule: Rule, to: tuple[str, ...], now: float, *, exempt: bool = False
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who gets a mail now, which is counted, and who is over `max_mails`. `exempt`: the limit of
    all together does not count.
    """
    if rule.limit is None or (exempt and not rule.scope):
        return to, ()
    passed: list[str] = []
    over: list[str] = []
    for recipient in to:
        key = sent_key(rule.scope, recipient)
        # Whose mail of what was over the limit is to come gets nothing before it.
        waits = state.groups and group_key("suppressed", rule.scope, recipient) in state.groups
        if waits or free_at(state, key, rule.limit, now) > now:
            over.append(recipient)
        else:
            count(state, key, rule.limit, now)
            passed.append(recipient)
    return tuple(passed), tuple(over)


def suppress(state: State, way: Way, recipient: str, now: float) -> Join:
    """Joins the mail of what a recipient could not get because of `max_mails`."""
    rule = way.rule
    limit = rule.limit
    assert limit is not None  # noqa: S101 - else nobody is over it
    key = group_key("suppressed", rule.scope, recipient)

    free = free_at(state, sent_key(rule.scope, recipient), limit, now)

    def make() -> tuple[Routing, float]:
        reason = words.over(limit.count, limit.seconds)
        return Routing(rule.scope, "suppressed", reason, recipients=(recipient,)), free

    joined = join(state, key, make, way.severity, now, absorbs=way.absorbs)
    if way.severity in URGENT and free < joined.group.due:  # active_time holds it no longer
        group = state.put_group(structs.replace(joined.group, due=free))
        joined = structs.replace(joined, group=group)
    return joined
