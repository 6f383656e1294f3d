"""Messages and deliveries on disk. Each function is an operation of the writer's transaction.

A delivery goes waiting → (deferred | held →)* delivered | failed | expired | deleted; `ended` is
when it came to one of the last four, NULL while it is open. `started` is set, and committed, before
its content's final dot may be sent, and cleared with the attempt's outcome: what a crash leaves
started may have arrived, and is tried again under the same Message-ID.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import apsw

from zaiond.model import Message
from zaiond.store.events import StoredEvent, encode_text, set_meta
from zaiond.text import Text

OPEN = ("waiting", "deferred", "held")
AttemptOutcome = Literal["delivered", "deferred", "held", "failed", "expired", "unknown"]


class QueuedDelivery(NamedTuple):
    """A delivery that is due; `attempts` have been made before."""

    row: int
    recipient: str
    attempts: int


@dataclass(slots=True)
class QueuedMail:
    """A message with the deliveries that are due, and the events it tells of.

    `whole`: no other delivery of the message is open. `alone`: no other message tells of its
    events.
    """

    row: int
    message: Message
    deliveries: tuple[QueuedDelivery, ...]
    accepted: float
    notice: bool
    events: tuple[StoredEvent, ...]
    whole: bool = True
    alone: bool = False  # or not known, and to be looked up


class Dropped(NamedTuple):
    """An event that becomes no mail."""

    event: StoredEvent
    reason: Text


class Attempted(NamedTuple):
    """How an attempt of one delivery ended; `next_attempt` where it is tried again."""

    delivery: QueuedDelivery
    state: Literal["waiting", "deferred", "held", "delivered", "failed", "expired"]
    outcome: AttemptOutcome
    server: str
    reply: str
    started: float
    ended: float
    next_attempt: float | None = None


class Due(NamedTuple):
    """Which deferred deliveries are due: those whose time has come, and those whose time is further
    off than `longest_delay` (seconds), which the clock has left behind: it was set back.
    """

    now: float
    longest_delay: float

    def covers(self, next_attempt: float) -> bool:
        """Whether a delivery with this `next_attempt` is due."""
        return not self.now < next_attempt <= self.now + self.longest_delay


class Recovered(NamedTuple):
    """What a start finds: the ids that come next, and deliveries that a crash left started."""

    routed_through: int
    next_message: int
    next_delivery: int
    started: int


def recover(db: apsw.Connection, now: float) -> Recovered:
    """Puts deliveries that were under way at a crash back, with an attempt that says so."""
    started = db.execute(
        "SELECT id, attempts + 1, started FROM deliveries WHERE started IS NOT NULL"
    ).fetchall()
    db.executemany(
        "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, 'unknown', '', '')",
        [(row, number, at, now) for row, number, at in started],
    )
    db.execute(
        "UPDATE deliveries SET started = NULL, attempts = attempts + 1 WHERE started IS NOT NULL"
    )
    return Recovered(
        routed_through=_get(db, "SELECT value FROM meta WHERE name = 'routed_through'"),
        next_message=_get(db, "SELECT max(id) FROM messages") + 1,
        next_delivery=_get(db, "SELECT max(id) FROM deliveries") + 1,
        started=len(started),
    )


def route(
    db: apsw.Connection, routed_through: int, mails: list[QueuedMail], dropped: list[Dropped]
) -> None:
    """One step of routing: events up to `routed_through` are now in a message or dropped."""
    set_meta(db, "routed_through", routed_through)
    for event, reason in dropped:
        db.execute(
            "UPDATE events SET outcome = 'dropped', reason = ? WHERE seq = ?",
            (encode_text(reason), event.seq),
        )
    db.executemany(
        "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                mail.row,
                mail.message.message_id,
                mail.message.reverse_path,
                mail.message.smtputf8,
                mail.accepted,
                mail.notice,
            )
            for mail in mails
        ],
    )
    _keep_remarks(db, [mail for mail in mails if mail.message.remark is not None])
    db.executemany(
        "INSERT INTO contents VALUES (?, ?)", [(m.row, m.message.content) for m in mails]
    )
    db.executemany(
        "INSERT INTO message_events VALUES (?, ?)",
        [(mail.row, event.seq) for mail in mails for event in mail.events],
    )
    db.executemany(
        "INSERT INTO deliveries (id, message, recipient, state) VALUES (?, ?, ?, 'waiting')",
        [(d.row, mail.row, d.recipient) for mail in mails for d in mail.deliveries],
    )


def _keep_remarks(db: apsw.Connection, mails: list[QueuedMail]) -> None:
    db.executemany(
        "UPDATE events SET reason = ? WHERE seq = ?",
        [
            (mail.message.remark and encode_text(mail.message.remark), event.seq)
            for mail in mails
            for event in mail.events
        ],
    )


def start(db: apsw.Connection, mail: QueuedMail, now: float) -> None:
    """Records that the content may go out, before it may."""
    db.executemany(
        "UPDATE deliveries SET started = ? WHERE id = ?", [(now, d.row) for d in mail.deliveries]
    )


def finish(db: apsw.Connection, mail: QueuedMail, attempted: list[Attempted]) -> list[StoredEvent]:
    """Records how each delivery's attempt ended; gives the events that have ended with it."""
    db.executemany(
        "UPDATE deliveries SET state = ?, attempts = ?, next_attempt = ?, started = NULL, ended = ?"
        " WHERE id = ?",
        [
            (
                a.state,
                a.delivery.attempts + 1,
                a.next_attempt,
                None if a.state in OPEN else a.ended,
                a.delivery.row,
            )
            for a in attempted
        ],
    )
    db.executemany(
        "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                a.delivery.row,
                a.delivery.attempts + 1,
                a.started,
                a.ended,
                a.outcome,
                a.server,
                a.reply,
            )
            for a in attempted
        ],
    )
    if any(a.state in OPEN for a in attempted):
        return []
    return _end_if_over(db, mail)


def _end_if_over(db: apsw.Connection, mail: QueuedMail) -> list[StoredEvent]:
    if not mail.whole and _get(
        db, "SELECT count(*) FROM deliveries WHERE message = ? AND ended IS NULL", mail.row
    ):
        return []
    db.execute("DELETE FROM contents WHERE message = ?", (mail.row,))
    if mail.alone:
        return list(mail.events)
    return [event for event in mail.events if not _get(db, _OPEN_ELSEWHERE, event.seq, mail.row)]


_OPEN_ELSEWHERE = (
    "SELECT EXISTS (SELECT 1 FROM message_events AS m JOIN deliveries AS d"
    " ON d.message = m.message WHERE m.event = ? AND m.message <> ? AND d.ended IS NULL)"
)


def put_back(db: apsw.Connection, mail: QueuedMail) -> None:
    """Takes `start` back: nothing of the content was sent, and no attempt is counted."""
    db.executemany(
        "UPDATE deliveries SET started = NULL WHERE id = ?", [(d.row,) for d in mail.deliveries]
    )


def end(
    db: apsw.Connection,
    mails: list[QueuedMail],
    state: Literal["expired", "deleted"],
    now: float,
    server: str,
    why: str,
) -> list[StoredEvent]:
    """Ends the deliveries of these mails; gives the events that have ended with them.

    `why` stands in the history as the reply of a last attempt.
    """
    for mail in mails:
        db.executemany(
            "INSERT OR REPLACE INTO attempts VALUES (?, ?, NULL, ?, ?, ?, ?)",
            [(d.row, d.attempts + 1, now, state, server, why) for d in mail.deliveries],
        )
        db.executemany(
            "UPDATE deliveries SET state = ?, ended = ?, next_attempt = NULL, started = NULL"
            " WHERE id = ? AND ended IS NULL",
            [(state, now, d.row) for d in mail.deliveries],
        )
    return [event for mail in mails for event in _end_if_over(db, mail)]


def load(db: apsw.Connection, messages: list[int], due: Due | None = None) -> list[QueuedMail]:
    """These messages with their open deliveries (only those that are due, if given), in order."""
    mails = []
    for row in messages:
        found: list[Any] = db.execute(
            "SELECT message_id, reverse_path, smtputf8, accepted, notice, content"
            " FROM messages JOIN contents ON message = id WHERE id = ?",
            (row,),
        ).fetchall()
        every: list[Any] = db.execute(
            "SELECT id, recipient, attempts, next_attempt FROM deliveries"
            " WHERE message = ? AND ended IS NULL ORDER BY id",
            (row,),
        ).fetchall()
        wanted = [d for d in every if due is None or d[3] is None or due.covers(d[3])]
        if not found or not wanted:
            continue
        message_id, reverse_path, smtputf8, accepted, notice, content = found[0]
        deliveries = tuple(QueuedDelivery(*d[:3]) for d in wanted)
        mails.append(
            QueuedMail(
                row,
                Message(
                    message_id=message_id,
                    reverse_path=reverse_path,
                    recipients=tuple(d.recipient for d in deliveries),
                    content=content,
                    smtputf8=bool(smtputf8),
                ),
                deliveries,
                accepted,
                bool(notice),
                _events_of(db, row),
                whole=len(wanted) == len(every),
            )
        )
    return mails


def _events_of(db: apsw.Connection, message: int) -> tuple[StoredEvent, ...]:
    return tuple(
        StoredEvent(*row)
        for row in db.execute(
            "SELECT seq, id, uid, source, accepted, body FROM message_events"
            " JOIN events ON seq = event WHERE message = ? ORDER BY seq",
            (message,),
        )
    )


def waiting(db: apsw.Connection, after: int, limit: int) -> list[int]:
    """Messages with a delivery that was never deferred, in order, after message `after`."""
    return [
        row
        for (row,) in db.execute(
            "SELECT DISTINCT message FROM deliveries WHERE message > ? AND state = 'waiting'"
            " AND ended IS NULL ORDER BY message LIMIT ?",
            (after, limit),
        )
    ]


def due_messages(db: apsw.Connection, due: Due, limit: int) -> list[int]:
    """Messages with a deferred delivery that is due, the longest due first."""
    return [
        row
        for (row,) in db.execute(
            "SELECT message FROM deliveries WHERE state IN ('deferred', 'held')"
            " AND (next_attempt <= ? OR next_attempt > ?)"
            " GROUP BY message ORDER BY min(next_attempt) LIMIT ?",
            (due.now, due.now + due.longest_delay, limit),
        )
    ]


def next_due(db: apsw.Connection) -> float | None:
    """When the next deferred delivery is to be tried."""
    at: float | None = db.execute(
        "SELECT min(next_attempt) FROM deliveries WHERE state IN ('deferred', 'held')"
    ).get
    return at


def open_messages(
    db: apsw.Connection,
    *,
    event_seqs: list[int] | None = None,
    accepted_before: float | None = None,
) -> list[int]:
    """Messages not yet ended: those of these events, or of events accepted before then, or all."""
    rows: list[Any] = db.execute(
        "SELECT DISTINCT d.message, m.accepted FROM deliveries AS d JOIN messages AS m"
        " ON m.id = d.message WHERE d.ended IS NULL ORDER BY d.message"
    ).fetchall()
    messages = [row for row, at in rows if accepted_before is None or at < accepted_before]
    if event_seqs is None:
        return messages
    of_events = {
        row
        for seq in event_seqs
        for (row,) in db.execute("SELECT message FROM message_events WHERE event = ?", (seq,))
    }
    return [row for row in messages if row in of_events]


def was_held(db: apsw.Connection) -> bool:
    """Whether an administrator was to mend something before a delivery that is open went out."""
    return bool(
        _get(
            db,
            "SELECT EXISTS (SELECT 1 FROM attempts JOIN deliveries ON id = delivery"
            " WHERE outcome = 'held' AND deliveries.ended IS NULL)",
        )
    )


def routed_and_open(db: apsw.Connection) -> int:
    """How many events are in messages that have not ended."""
    return _get(
        db,
        "SELECT count(DISTINCT event) FROM message_events WHERE message IN"
        " (SELECT message FROM deliveries WHERE ended IS NULL)",
    )


def ended_recipients(db: apsw.Connection, message: int) -> set[str]:
    """The recipients of a message whose deliveries have ended."""
    rows: list[Any] = db.execute(
        "SELECT recipient FROM deliveries WHERE message = ? AND ended IS NOT NULL", (message,)
    ).fetchall()
    return {recipient for (recipient,) in rows}


def remake(db: apsw.Connection, mail: QueuedMail, new: QueuedMail, now: float) -> None:
    """Puts a mail that was made anew in the place of `mail`; it is due at once.

    The row and the Message-ID stay. Recipients that the configuration no longer names are deleted;
    new ones come with delivery rows of their own.
    """
    db.execute(
        "UPDATE messages SET reverse_path = ?, smtputf8 = ? WHERE id = ?",
        (new.message.reverse_path, new.message.smtputf8, mail.row),
    )
    db.execute("UPDATE contents SET content = ? WHERE message = ?", (new.message.content, mail.row))
    _keep_remarks(db, [new])
    kept = {d.row for d in new.deliveries}
    db.executemany(
        "UPDATE deliveries SET state = 'deleted', ended = ? WHERE id = ?",
        [(now, d.row) for d in mail.deliveries if d.row not in kept],
    )
    db.executemany(
        "INSERT INTO deliveries (id, message, recipient, state) VALUES (?, ?, ?, 'waiting')"
        " ON CONFLICT (id) DO UPDATE SET state = 'waiting', next_attempt = NULL",
        [(d.row, mail.row, d.recipient) for d in new.deliveries],
    )


def _get(db: apsw.Connection, query: str, *values: int) -> int:
    found = db.execute(query, values).get
    return int(found or 0)
