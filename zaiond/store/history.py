"""What waits and what became of it, read for people: the documents of `queue list`, `history` and
`status` (interface 5). Each function is an operation of the writer's transaction.
"""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import apsw

from zaiond.store.events import StoredEvent, complete, decode_text
from zaiond.store.queue import OPEN
from zaiond.text import Language, Text

LOOK_BACK = 7 * 86400.0  # status tells of what failed or expired in the last seven days

_OUTCOME_ORDER = ("failed", "expired", "delivered", "deleted")  # the worst says it for the event
_WAITING_FOR_ROUTE = Text("宛先の決定待ち", "waits to be routed")
_DELETED = Text(
    "zaiond-ctl queue delete または設定の変更により削除",
    "deleted by zaiond-ctl queue delete, or by a change of the configuration",
)


_OPEN_DELIVERIES = (
    "SELECT d.id, d.message, d.recipient, d.state, d.attempts, d.next_attempt, m.message_id"
    " FROM deliveries AS d JOIN messages AS m ON m.id = d.message WHERE d.ended IS NULL"
)
_UNROUTED = "SELECT id FROM events WHERE seq > ? AND outcome IS NULL"
_OF_EVENT = "AND id IN (SELECT value FROM json_each(?))"
_OF_MESSAGE = (
    "AND d.message IN (SELECT message FROM events JOIN message_events ON event = seq"
    " WHERE id IN (SELECT value FROM json_each(?)))"
)


def rfc3339(at: float) -> str:
    """A time in seconds since the epoch, local with its offset; UTC where the calendar ends."""
    moment = datetime.fromtimestamp(at, UTC)
    with contextlib.suppress(ValueError, OverflowError):
        moment = moment.astimezone()
    return moment.isoformat(timespec="milliseconds")


def queue(
    db: apsw.Connection,
    held: bool,
    waits_for: str | None,
    unrouted_after: int,
    limit: int,
    ids: tuple[str, ...] | None = None,
) -> list[dict[str, Any]]:
    """The deliveries that are open, in order, at most `limit`; then events not yet routed.

    `waits_for` is why nothing goes out now; `held`: because the configuration is at fault. With
    `ids` only those of events with such an id.
    """
    deliveries: list[dict[str, Any]] = []
    of_event, of_message = ("", "") if ids is None else (_OF_EVENT, _OF_MESSAGE)
    wanted = () if ids is None else (json.dumps(ids),)
    rows: list[Any] = db.execute(
        f"{_OPEN_DELIVERIES} {of_message} ORDER BY d.message, d.id LIMIT ?", (*wanted, limit)
    ).fetchall()
    for row, message, recipient, state, attempts, next_attempt, message_id in rows:
        last = _last_reply(db, row)
        deliveries.append(
            {
                "event_ids": [event.id for event in _events_of(db, message)],
                "recipient": recipient,
                "state": "held" if held and state == "waiting" else state,
                "attempts": attempts,
                "next_attempt": None if next_attempt is None else rfc3339(next_attempt),
                "reply": last or waits_for,
                "message_id": message_id,
            }
        )
    rows = db.execute(
        f"{_UNROUTED} {of_event} ORDER BY seq LIMIT ?",
        (unrouted_after, *wanted, limit - len(deliveries)),
    ).fetchall()
    for (id_,) in rows:
        deliveries.append(
            {
                "event_ids": [id_],
                "recipient": None,
                "state": "held" if held else "waiting",
                "attempts": 0,
                "next_attempt": None,
                "reply": waits_for,
                "message_id": None,
            }
        )
    return deliveries


def _last_reply(db: apsw.Connection, delivery: int) -> str | None:
    reply: str | None = db.execute(
        "SELECT reply FROM attempts WHERE delivery = ? ORDER BY number DESC LIMIT 1", (delivery,)
    ).get
    return reply or None


def _events_of(db: apsw.Connection, message: int) -> list[StoredEvent]:
    return [
        StoredEvent(*row)
        for row in db.execute(
            "SELECT seq, id, uid, source, accepted, body FROM message_events"
            " JOIN events ON seq = event WHERE message = ? ORDER BY seq",
            (message,),
        )
    ]


def history(
    db: apsw.Connection,
    language: Language,
    *,
    id: str | None = None,
    since: float | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """What became of events: of those with this id, else the newest `limit`, oldest first."""
    columns = "SELECT seq, id, uid, source, accepted, body, outcome, reason FROM events"
    if id is not None:
        rows = db.execute(
            f"{columns} WHERE id = ? ORDER BY seq DESC LIMIT ?", (id, limit)
        ).fetchall()
    else:
        rows = db.execute(
            f"{columns} WHERE accepted >= ? ORDER BY seq DESC LIMIT ?", (since or 0.0, limit)
        ).fetchall()
    return [
        _history_of(db, StoredEvent(*row[:6]), row[6], row[7], language) for row in reversed(rows)
    ]


def _history_of(
    db: apsw.Connection,
    stored: StoredEvent,
    outcome: str | None,
    reason: str | None,
    language: Language,
) -> dict[str, Any]:
    event = complete(stored)
    deliveries = _deliveries_of(db, stored.seq)
    said = decode_text(reason).in_language(language) if reason else None
    if outcome is not None:
        why = said
    elif not deliveries:
        outcome, why = "waiting", _WAITING_FOR_ROUTE.in_language(language)
    else:
        states = [delivery["outcome"] for delivery in deliveries]
        outcome = (
            "waiting"
            if any(state in OPEN for state in states)
            else next(state for state in _OUTCOME_ORDER if state in states)
        )
        telling = [d for d in deliveries if d["outcome"] in (outcome, "deferred", "held")]
        why = next((d["reply"] for d in telling if d["reply"]), None)
        if outcome == "deleted":
            why = _DELETED.in_language(language)
        if said is not None:  # a remark on how the mail was made
            why = f"{why}; {said}" if why else said
    return {
        "id": event.id,
        "source": event.source,
        "uid": event.uid,
        "type": event.type,
        "severity": event.severity,
        "subject": event.subject,
        "time": rfc3339(event.time),
        "accepted": rfc3339(event.accepted),
        "outcome": outcome,
        "reason": why,
        "deliveries": deliveries,
    }


def _deliveries_of(db: apsw.Connection, seq: int) -> list[dict[str, Any]]:
    rows: list[Any] = db.execute(
        "SELECT d.id, d.recipient, d.state, m.message_id, d.next_attempt FROM message_events AS e"
        " JOIN deliveries AS d ON d.message = e.message JOIN messages AS m ON m.id = e.message"
        " WHERE e.event = ? ORDER BY d.id",
        (seq,),
    ).fetchall()
    deliveries = []
    for row, recipient, state, message_id, next_attempt in rows:
        attempts = [
            {
                "number": number,
                "started": None if started is None else rfc3339(started),
                "ended": rfc3339(ended),
                "outcome": outcome,
                "server": server or None,
                "reply": reply or None,
            }
            for number, started, ended, outcome, server, reply in _attempts_of(db, row)
        ]
        last = attempts[-1] if attempts else {}
        # Who gave up is the daemon; why, is what was said the last time.
        said = next((attempt for attempt in reversed(attempts) if attempt["reply"]), last)
        deliveries.append(
            {
                "recipient": recipient,
                "outcome": "held" if (state, last.get("outcome")) == ("waiting", "held") else state,
                "server": said.get("server"),
                "reply": said.get("reply"),
                "next_attempt": None if next_attempt is None else rfc3339(next_attempt),
                "message_id": message_id,
                "attempts": attempts,
            }
        )
    return deliveries


def _attempts_of(db: apsw.Connection, delivery: int) -> list[Any]:
    return db.execute(
        "SELECT number, started, ended, outcome, server, reply FROM attempts"
        " WHERE delivery = ? ORDER BY number",
        (delivery,),
    ).fetchall()


def counts(db: apsw.Connection, now: float, unrouted_after: int) -> dict[str, Any]:
    """Deliveries by what they are: `waiting`, `deferred`, `failed` and `expired` (last 7 days);
    `oldest`, when the oldest event that still waits was accepted, in seconds since the epoch.
    """
    found: dict[str, Any] = {"waiting": 0, "deferred": 0, "held": 0, "failed": 0, "expired": 0}
    rows: list[Any] = db.execute(
        "SELECT state, count(*) FROM deliveries WHERE ended IS NULL GROUP BY 1"
    ).fetchall()
    rows += db.execute(
        "SELECT state, count(*) FROM deliveries WHERE state IN ('failed', 'expired')"
        " AND ended >= ? GROUP BY 1",
        (now - LOOK_BACK,),
    ).fetchall()
    for state, number in rows:
        found[state] += number
    oldest = db.execute(
        "SELECT m.accepted FROM deliveries AS d JOIN messages AS m ON m.id = d.message"
        " WHERE d.ended IS NULL ORDER BY d.message LIMIT 1"
    ).get
    if oldest is None:
        oldest = db.execute(
            "SELECT accepted FROM events WHERE seq > ? AND outcome IS NULL ORDER BY seq LIMIT 1",
            (unrouted_after,),
        ).get
    found["oldest"] = oldest
    return found
