"""The documents of `history` and `queue list` (interface 5), made of the store's rows. No I/O: what
keeps mail from going out at present comes in as `Present`, and both commands tell the same of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from zaiond import way, wire
from zaiond.daemon import words
from zaiond.daemon.mail_routes import due, routing_of, routings
from zaiond.daemon.mail_routes import outcome as outcome_of
from zaiond.delivery.words import deleted
from zaiond.holds import Hold, Holds
from zaiond.model import OPEN, Event
from zaiond.net.machine import rfc3339
from zaiond.routing.words import DEFAULT
from zaiond.smtp.failure import Failure
from zaiond.store.events import decode_text
from zaiond.store.history import (
    AttemptRow,
    DeliveryRow,
    EventHistory,
    EventRow,
    MailToCome,
    OpenDelivery,
    Telling,
)
from zaiond.store.meta import Acknowledgement, acknowledgement_of
from zaiond.text import Language, Text

_ENDS = ("failed", "expired", "delivered", "deleted", "replaced")  # the worst says it for the event


def moment(at: float | None) -> str | None:
    """A time in seconds since the epoch, as documents have it."""
    return None if at is None else rfc3339(at)


@dataclass
class Present:
    """What keeps mail from going out, and what is known of mail that was lost. `outage`: why no
    server can be used, and `next_probe` when the next one is tried (seconds since the epoch);
    `rate_until`: when `rate` lets the next mail go; of what a member hands on: `not_handed_on` and
    `next_hand_over`. `keys`: the dotted keys of servers by `host:port`. `user` says who a uid is.
    """

    language: Language
    holds: Holds
    outage: Failure | None = None
    next_probe: float | None = None
    rate_until: float | None = None
    not_handed_on: Failure | None = None
    next_hand_over: float | None = None
    acknowledged: tuple[Acknowledgement, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    user: Callable[[int], str] = "uid {}".format
    _described: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict, init=False)

    def say(self, text: Text) -> str:
        """A sentence, in the language in force."""
        return text.in_language(self.language)

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
        if key not in self._described:
            self._described[key] = {
                "scope": hold.scope,
                "since": rfc3339(hold.since),
                "reason": self.say(why(hold.failure)),
                "remedy": self.say(self.remedy(hold.failure)),
            }
        return self._described[key]

    def remedy(self, failure: Failure) -> Text:
        """What to do about a failure."""
        from zaiond.selftest.advice import advise  # only where there is something to mend

        return advise(failure, self.keys.get(failure.server, "mail_server")).remedy


def why(failure: Failure) -> Text:
    """A failure in a line, for a person: what it means, and what the server said."""
    said = failure.text
    if failure.reply is not None and failure.cause == "reply":
        # Not before something fails: its tables are large.
        from zaiond.smtp.diagnose import diagnose

        said = words.labelled(label=diagnose(failure).label, said=said)
    return words.labelled(label=failure.server, said=said)


def _standing(
    present: Present,
    state: str,
    hold: Hold | None = None,
    next_attempt: float | None = None,
    last: AttemptRow | None = None,
    by: str = "",
) -> dict[str, Any]:
    """How a delivery stands: what was said of it (`last` is the last attempt in which something
    was), and why it stands so; `by` is who has deleted it.
    """
    server, reply = (last.server or None, last.reply or None) if last else (None, None)
    failure = None
    if state not in OPEN:
        hold = next_attempt = None
    elif hold is not None or state == "held":
        state, failure = "held", present.outage if hold is None else hold.failure
        if next_attempt is None and hold is not None and hold.scope == "queue":
            next_attempt = present.next_probe
    elif state == "waiting":
        failure = present.outage
        next_attempt = present.next_probe or present.rate_until or next_attempt
    if failure is not None:
        reason: str | None = present.say(why(failure))
        server, reply = server or failure.server, reply or present.say(failure.text)
    elif state == "deleted" and by:
        reason = present.say(deleted(who=by))
    elif state in words.ENDED:
        reason = present.say(words.ENDED[state])
    elif state == "deferred" and next_attempt is None and last is None:
        reason = present.say(words.WAITS_FOR_EARLIER)
    elif state == "waiting" and present.rate_until is not None:
        reason = present.say(words.WAITS_FOR_RATE)
    else:
        reason = reply
    return {
        "state": state,
        "server": server,
        "reply": reply,
        "reason": reason,
        "next_attempt": moment(next_attempt),
        "hold": hold and present.describe(hold),
    }


def _of_delivery(
    delivery: DeliveryRow, last: AttemptRow | None, present: Present, by: str = ""
) -> dict[str, Any]:
    if delivery.recipient == way.HUBS:  # what keeps mail from going out keeps nothing from them
        of_fleet = replace(present, outage=present.not_handed_on, next_probe=present.next_hand_over)
        of_fleet = replace(of_fleet, rate_until=None)
        return _standing(of_fleet, delivery.state, None, delivery.next_attempt, last)
    hold = present.hold_of(delivery)
    return _standing(present, delivery.state, hold, delivery.next_attempt, last, by)


def history(told: EventHistory, present: Present, *, whole: bool) -> dict[str, Any]:
    """One of `events`; `whole`: with the event's own text and data."""
    row, event = told.event, _complete(told.event)
    shown = [
        _of_delivery(delivery, _last_word(tried), present, _deleted_by(tried))
        for delivery, tried in told.deliveries
    ]
    outcome, reason = _outcome(told, shown, present)
    routing = routings(told, present.say)
    # That of the default says nothing new of each event, and least where there are no routes.
    usual = present.say(DEFAULT)
    because = dict.fromkeys(one["reason"] for one in routing if one["reason"] != usual)
    of_its_mail = row.reason if row.outcome is None else None
    known = _known([delivery for delivery, _ in told.deliveries], present)
    remark = _joined(of_its_mail and present.say(decode_text(of_its_mail)), known)
    return {
        "id": row.id,
        "source": row.source or f"uid:{row.uid}",
        "uid": row.uid,
        "user": present.user(row.uid),
        "notice": bool(row.notice),
        **_members(event, "type", "severity", "subject"),
        "time": rfc3339(event.time),
        "accepted": rfc3339(row.accepted),
        "outcome": outcome,
        "reason": _joined(*dict.fromkeys((reason, *because, remark))),
        "remark": remark,
        **_members(event, "key", "status", "job"),
        "route": routing[0]["route"] if routing else None,
        "when": routing[0]["due"] if routing else None,
        "routing": routing,
        "deliveries": [
            {
                "recipient": present.say(way.shown(delivery.recipient)),
                "outcome": one.pop("state"),
                **one,
                "message_id": delivery.message_id,
                "attempts": [_attempt(attempt) for attempt in tried],
            }
            for (delivery, tried), one in zip(told.deliveries, shown, strict=True)
        ],
        **(_members(event, "message", "data", "extensions") if whole else {}),
    }


def _members(event: Event | None, *names: str) -> dict[str, Any]:
    return {name: getattr(event, name, None) for name in names}


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
            subject=words.UNREADABLE,
        )


def _outcome(
    told: EventHistory, deliveries: Sequence[dict[str, Any]], present: Present
) -> tuple[str, str | None]:
    row = told.event
    if row.outcome is not None:
        return row.outcome, present.say(decode_text(row.reason)) if row.reason else None
    if told.to_come and not any(one["state"] in OPEN for one in deliveries):
        return outcome_of(told.to_come[0]), None
    if not deliveries:
        hold = present.holds.queue
        if hold is not None:
            return "held", present.say(why(hold.failure))
        return "waiting", present.say(words.WAITS_TO_BE_ROUTED)
    states = [one["state"] for one in deliveries]
    outcome = next(one for one in ("held", "waiting", "deferred", *_ENDS) if one in states)
    outcome = "waiting" if outcome == "deferred" else outcome
    same = ("waiting", "deferred") if outcome == "waiting" else (outcome,)
    reasons = (one["reason"] for one in deliveries if one["state"] in same and one["reason"])
    return outcome, next(reasons, None)


def _last_word(attempts: Sequence[AttemptRow]) -> AttemptRow | None:
    """Who gave up is the daemon; why, is what was said the last time."""
    tried = [one for one in attempts if one.outcome != "deleted"]
    said = (one for one in reversed(tried) if one.reply)
    return next(said, tried[-1] if tried else None)


def _deleted_by(attempts: Sequence[AttemptRow]) -> str:
    """Who has deleted a delivery: the reply of its last attempt, which was none."""
    last = attempts[-1] if attempts else None
    return last.reply if last is not None and last.outcome == "deleted" else ""


def _known(deliveries: Iterable[DeliveryRow], present: Present) -> str | None:
    """Who said that all that was lost is known, and when."""
    found = [
        acknowledgement_of(present.acknowledged, one.ended)
        for one in deliveries
        if one.state in ("failed", "expired") and one.ended is not None
    ]
    last = max((one for one in found if one is not None), default=None)
    if last is None or None in found:
        return None
    at = datetime.fromtimestamp(last.at).astimezone().strftime("%Y-%m-%d %H:%M")
    return present.say(words.acknowledged(user=last.user, at=at))


def _joined(*parts: str | None) -> str | None:
    return "; ".join(part for part in parts if part) or None


def _attempt(attempt: AttemptRow) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "started": moment(attempt.started),
        "ended": rfc3339(attempt.ended),
        "outcome": attempt.outcome,
        "server": attempt.server or None,
        "reply": attempt.reply or None,
    }


def queued(waiting: OpenDelivery, present: Present) -> dict[str, Any]:
    """One of `deliveries`: what it tells of, and why it waits."""
    delivery = waiting.delivery
    return {
        "event_ids": waiting.of.ids,
        "events": waiting.of.events,
        "recipient": present.say(way.shown(delivery.recipient)),
        "attempts": delivery.attempts,
        "message_id": delivery.message_id,
        "accepted": rfc3339(delivery.accepted),
        **_of_event(waiting.of.first, present),
        **_of_delivery(delivery, waiting.last, present),
    }


def to_come(waiting: tuple[MailToCome, Telling], present: Present) -> dict[str, Any]:
    """One of `deliveries`, of a mail to come: what it tells of so far, and what it waits for."""
    mail, of = waiting
    routing = routing_of(mail.routing)
    return {
        "event_ids": of.ids,
        "events": of.events,
        "recipient": ", ".join(routing.recipients) if routing.recipients else None,
        "attempts": 0,
        "message_id": mail.message_id,
        "accepted": rfc3339(mail.accepted),
        "route": routing.route or None,
        "kind": routing.kind,
        **_of_event(of.first, present),
        # Nothing is wrong with it: what keeps mail from going out is not what it waits for.
        "state": "waiting",
        "server": None,
        "reply": None,
        "reason": present.say(routing.reason) if routing.reason else None,
        "next_attempt": due(mail),
        "when": due(mail),
        "hold": None,
    }


def unrouted(event: EventRow, present: Present) -> dict[str, Any]:
    """One of `deliveries`, of an event that is no mail yet."""
    standing = _standing(present, "waiting", present.holds.queue)
    standing["reason"] = standing["reason"] or present.say(words.WAITS_TO_BE_ROUTED)
    return {
        "event_ids": [event.id],
        "events": 1,
        "recipient": None,
        "attempts": 0,
        "message_id": None,
        "accepted": rfc3339(event.accepted),
        **_of_event(event, present),
        **standing,
    }


def _of_event(row: EventRow | None, present: Present) -> dict[str, Any]:
    event = None if row is None else _complete(row)
    named = _members(event, "type", "source", "uid", "notice", "subject", "key")
    return {**named, "user": row and present.user(row.uid)}
