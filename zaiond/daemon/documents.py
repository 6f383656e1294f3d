"""The documents of `history` and `queue list` (interface 5), made of the store's rows. No I/O: what
keeps mail from going out at present comes in as `Present`, and both commands tell the same of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from zaiond import wire
from zaiond.holds import Hold, Holds
from zaiond.localtime import rfc3339
from zaiond.model import OPEN, Event
from zaiond.smtp.failure import Failure
from zaiond.store import acknowledgements
from zaiond.store.acknowledgements import Acknowledgement
from zaiond.store.events import decode_text
from zaiond.store.history import (
    AttemptRow,
    DeliveryRow,
    EventHistory,
    EventRow,
    OpenDelivery,
)
from zaiond.text import Language, Text

_ENDS = ("failed", "expired", "delivered", "deleted", "replaced")  # the worst says it for the event
_WAITS_TO_BE_ROUTED = Text("宛先の決定待ち", "waits to be routed")
_WAITS_FOR_EARLIER = Text(
    "同じキーまたはジョブの、先のメールを待っています",
    "waits for the mail before it, of the same key or job",
)
_DELETED = Text("zaiond-ctl queue delete により削除", "deleted by zaiond-ctl queue delete")
_REPLACED = Text("宛先の変更により終了", "no longer a recipient")
_UNREADABLE = Text("イベントを読み込めません", "the event can't be read")


def _time(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)


class Present:
    """What keeps mail from going out, and what is known of mail that was lost.

    `outage`: why no server can be used, and `next_probe` when the next one is tried (seconds since
    the epoch). `keys` are the dotted keys of the servers' settings, by their `host:port`.
    """

    def __init__(
        self,
        language: Language,
        *,
        holds: Holds,
        outage: Failure | None = None,
        next_probe: float | None = None,
        acknowledged: tuple[Acknowledgement, ...] = (),
        keys: Mapping[str, str] | None = None,
    ) -> None:
        self.language = language
        self.holds = holds
        self.outage = outage
        self.next_probe = next_probe
        self.acknowledged = acknowledged
        self._keys = keys or {}
        self._described: dict[tuple[str, str], dict[str, Any]] = {}

    def hold_of(self, delivery: DeliveryRow) -> Hold | None:
        """What holds a delivery that is open."""
        holds = self.holds
        if holds.queue is not None or delivery.state != "held":
            return holds.queue
        of_address = holds.get("address", delivery.recipient)
        return of_address or holds.get("mail", str(delivery.message))

    def describe(self, hold: Hold) -> dict[str, Any]:
        """A hold as documents have it: why, and what to do."""
        key = hold.scope, hold.subject
        known = self._described.get(key)
        if known is None:
            known = self._described[key] = {
                "scope": hold.scope,
                "since": rfc3339(hold.since),
                "reason": why(hold.failure).in_language(self.language),
                "remedy": self.remedy(hold.failure).in_language(self.language),
            }
        return known

    def remedy(self, failure: Failure) -> Text:
        """What to do about a failure."""
        from zaiond.selftest.advice import advise  # only where there is something to mend

        return advise(failure, self._keys.get(failure.server, "mail_server")).remedy


def why(failure: Failure) -> Text:
    """A failure in a line, for a person: what it means, and what the server said."""
    ja, en = failure.text
    if failure.reply is not None and failure.cause == "reply":
        from zaiond.smtp.diagnose import (
            diagnose,
        )  # not before something fails: its tables are large

        label = diagnose(failure).label
        ja, en = f"{label.ja}: {ja}", f"{label.en}: {en}"
    return Text(f"{failure.server}: {ja}", f"{failure.server}: {en}")


class _Shown(NamedTuple):
    """How a delivery stands: `said` is what was said of it, `reason` why it stands so."""

    state: str
    server: str | None
    said: str | None
    reason: str | None
    next_attempt: float | None
    hold: Hold | None


def _shown(delivery: DeliveryRow, last: AttemptRow | None, present: Present) -> _Shown:
    """`last` is the last attempt in which something was said."""
    language = present.language
    state, next_attempt = delivery.state, delivery.next_attempt
    server, said = (last.server or None, last.reply or None) if last else (None, None)
    if state not in OPEN:
        reason = said
        if state == "deleted":
            reason = _DELETED.in_language(language)
        elif state == "replaced":
            reason = _REPLACED.in_language(language)
        return _Shown(state, server, said, reason, None, None)
    hold = present.hold_of(delivery)
    failure = present.outage if hold is None else hold.failure
    if hold is not None or state == "held":
        state = "held"
        if next_attempt is None and hold is not None and hold.scope == "queue":
            next_attempt = present.next_probe
    elif state == "deferred":
        failure = None  # it has its own reason
    elif failure is not None:
        next_attempt = present.next_probe
    if failure is not None:
        reason = why(failure).in_language(language)
        server, said = server or failure.server, said or failure.text.in_language(language)
    elif state == "deferred" and next_attempt is None and last is None:
        reason = _WAITS_FOR_EARLIER.in_language(language)
    else:
        reason = said
    return _Shown(state, server, said, reason, next_attempt, hold)


def history(told: EventHistory, present: Present, *, whole: bool) -> dict[str, Any]:
    """One of `events`; `whole`: with the event's own text and data."""
    row, language = told.event, present.language
    shown = [
        (delivery, tried, _shown(delivery, _last_word(tried), present))
        for delivery, tried in told.deliveries
    ]
    event = _complete(row)
    outcome, reason = _outcome(row, [one for _, _, one in shown], present)
    of_its_mail = row.reason if row.outcome is None else None
    remark = _joined(
        decode_text(of_its_mail).in_language(language) if of_its_mail else None,
        _known([delivery for delivery, _, _ in shown], present),
    )
    document: dict[str, Any] = {
        "id": row.id,
        "source": row.source or f"uid:{row.uid}",
        "uid": row.uid,
        "notice": bool(row.notice),
        "type": event.type,
        "severity": event.severity,
        "subject": event.subject,
        "time": rfc3339(event.time),
        "accepted": rfc3339(row.accepted),
        "outcome": outcome,
        "reason": _joined(reason, remark),
        "remark": remark,
        "key": event.key,
        "status": event.status,
        "job": event.job,
        "deliveries": [_delivery(delivery, tried, one, present) for delivery, tried, one in shown],
    }
    if whole:
        document |= {
            "message": event.message,
            "data": event.data,
            "extensions": event.extensions,
        }
    return document


def _complete(row: EventRow) -> Event:
    try:
        return wire.complete(
            row.body, id=row.id, uid=row.uid, accepted=row.accepted, notice=bool(row.notice)
        )
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError):  # a damaged page
        return Event(
            id=row.id,
            uid=row.uid,
            type="",
            source=row.source or f"uid:{row.uid}",
            time=row.accepted,
            accepted=row.accepted,
            subject=f"{_UNREADABLE.ja} / {_UNREADABLE.en}",
        )


def _outcome(
    row: EventRow, deliveries: Sequence[_Shown], present: Present
) -> tuple[str, str | None]:
    if row.outcome is not None:
        said = decode_text(row.reason).in_language(present.language) if row.reason else None
        return row.outcome, said
    if not deliveries:
        hold = present.holds.queue
        if hold is not None:
            return "held", why(hold.failure).in_language(present.language)
        return "waiting", _WAITS_TO_BE_ROUTED.in_language(present.language)
    states = [one.state for one in deliveries]
    if "held" in states:
        outcome = "held"
    elif any(state in OPEN for state in states):
        outcome = "waiting"
    else:
        outcome = next(state for state in _ENDS if state in states)
    same = ("waiting", "deferred") if outcome == "waiting" else (outcome,)
    return outcome, next(
        (one.reason for one in deliveries if one.state in same and one.reason), None
    )


def _last_word(attempts: Sequence[AttemptRow]) -> AttemptRow | None:
    """Who gave up is the daemon; why, is what was said the last time."""
    return next(
        (one for one in reversed(attempts) if one.reply), attempts[-1] if attempts else None
    )


def _known(deliveries: Iterable[DeliveryRow], present: Present) -> str | None:
    """Who said that all that was lost is known, and when."""
    found = [
        acknowledgements.of(present.acknowledged, one.ended)
        for one in deliveries
        if one.state in ("failed", "expired") and one.ended is not None
    ]
    last = max((one for one in found if one is not None), default=None)
    if last is None or None in found:
        return None
    at = datetime.fromtimestamp(last.at).astimezone().strftime("%Y-%m-%d %H:%M")
    text = Text(f"確認済み（{last.user}、{at}）", f"acknowledged ({last.user}, {at})")
    return text.in_language(present.language)


def _joined(*parts: str | None) -> str | None:
    return "; ".join(part for part in parts if part) or None


def _delivery(
    delivery: DeliveryRow, tried: Sequence[AttemptRow], shown: _Shown, present: Present
) -> dict[str, Any]:
    return {
        "recipient": delivery.recipient,
        "outcome": shown.state,
        "server": shown.server,
        "reply": shown.said,
        "reason": shown.reason,
        "next_attempt": _time(shown.next_attempt),
        "message_id": delivery.message_id,
        "hold": shown.hold and present.describe(shown.hold),
        "attempts": [
            {
                "number": one.number,
                "started": _time(one.started),
                "ended": rfc3339(one.ended),
                "outcome": one.outcome,
                "server": one.server or None,
                "reply": one.reply or None,
            }
            for one in tried
        ],
    }


def queued(waiting: OpenDelivery, present: Present) -> dict[str, Any]:
    """One of `deliveries`: what it tells of, and why it waits."""
    delivery = waiting.delivery
    first = None if waiting.first is None else _complete(waiting.first)
    shown = _shown(delivery, waiting.last, present)
    return _queued(waiting.ids, first, delivery.accepted, delivery, shown, present)


def unrouted(event: EventRow, present: Present) -> dict[str, Any]:
    """One of `deliveries`, of an event that is no mail yet."""
    hold = present.holds.queue
    failure = present.outage if hold is None else hold.failure
    reason = why(failure) if failure is not None else _WAITS_TO_BE_ROUTED
    shown = _Shown(
        "waiting" if hold is None else "held",
        None if failure is None else failure.server,
        None if failure is None else failure.text.in_language(present.language),
        reason.in_language(present.language),
        None if failure is None else present.next_probe,
        hold,
    )
    return _queued([event.id], _complete(event), event.accepted, None, shown, present)


def _queued(
    ids: Sequence[str],
    first: Event | None,
    accepted: float,
    delivery: DeliveryRow | None,
    shown: _Shown,
    present: Present,
) -> dict[str, Any]:
    return {
        "event_ids": list(ids),
        "recipient": delivery and delivery.recipient,
        "state": shown.state,
        "attempts": 0 if delivery is None else delivery.attempts,
        "next_attempt": _time(shown.next_attempt),
        "reply": shown.said,
        "message_id": delivery and delivery.message_id,
        "type": first and first.type,
        "source": first and first.source,
        "uid": first and first.uid,
        "notice": first and first.notice,
        "subject": first and first.subject,
        "key": first and first.key,
        "accepted": rfc3339(accepted),
        "server": shown.server,
        "reason": shown.reason,
        "hold": shown.hold and present.describe(shown.hold),
    }
