"""Messages and deliveries on disk, and what changes them (pending.py reads them). Each function is
an operation of the writer's transaction.

A delivery goes waiting → (deferred | held →)* delivered | failed | expired | deleted | replaced;
`ended` is when it came to one of the last five, NULL while it is open. `started` is set, and
committed, before its content's final dot may be sent, and cleared with the attempt's outcome: what
a crash leaves started may have arrived, and is tried again under the same Message-ID.

`at` is a queue time everywhere, `now` a time of the machine's clock.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import apsw

from zaiond.model import OPEN, AttemptResult, QueuedMail, StoredEvent
from zaiond.store.events import OF_GROUP, encode_text, set_meta
from zaiond.store.sound import encode_routing
from zaiond.text import Text
from zaiond.way import BEYOND_MAIL


class Ended(NamedTuple):
    """An event that ended without becoming a mail, and why."""

    event: StoredEvent
    reason: Text
    outcome: Literal["dropped", "silenced"] = "dropped"


class Recovered(NamedTuple):
    """What a start finds: the ids that come next, deliveries that a crash left started, and whether
    something waits to be handed on to the hubs of a fleet.
    """

    routed_through: int
    next_message: int
    next_delivery: int
    started: int
    is_to_hand_on: bool = False


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
        is_to_hand_on=bool(_get(db, _TO_HAND_ON)),
    )


def route(
    db: apsw.Connection,
    routed_through: int,
    mails: list[QueuedMail],
    ended: Sequence[Ended],
    early: Iterable[int] = (),
) -> set[int]:
    """One step of routing: events up to `routed_through` are now in a message or have ended, and
    those of `early`, which are beyond. Gives the deliveries that have to wait behind an earlier one
    of their lane.
    """
    set_meta(db, "routed_through", routed_through)
    db.execute("DELETE FROM routed_early WHERE seq <= ?", (routed_through,))
    db.executemany("INSERT OR IGNORE INTO routed_early VALUES (?)", [(seq,) for seq in early])
    db.executemany(
        "UPDATE events SET outcome = ?, reason = ? WHERE seq = ?",
        [(one.outcome, encode_text(one.reason), one.event.seq) for one in ended],
    )
    insert_messages(db, mails)
    return insert_deliveries(db, mails)


def insert_deliveries(db: apsw.Connection, mails: Sequence[QueuedMail]) -> set[int]:
    """The deliveries of new mails; gives those that have to wait behind an earlier one of their
    lane.
    """
    behind = {
        d.row
        for mail in mails
        if mail.lane is not None
        for d in mail.deliveries
        if _get(db, _DEFERRED_BEFORE, mail.lane, d.recipient, mail.row)
    }
    rows = [
        (d.row, m.row, d.recipient, "waiting", m.started, m.urgent, m.lane, m.user)
        if d.row not in behind
        else (d.row, m.row, d.recipient, "deferred", None, m.urgent, m.lane, m.user)
        for m in mails
        for d in m.deliveries
    ]
    db.executemany(
        "INSERT INTO deliveries (id, message, recipient, state, started, urgent, lane, user)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    for mail in mails:
        if mail.urgent and mail.lane is not None:
            for recipient in mail.message.recipients:
                hurry(db, mail.lane, recipient, mail.row)
    return behind


def hurry(db: apsw.Connection, lane: str, recipient: str, message: int) -> None:
    """What is before an urgent mail in its lane goes first, too: else it would be passed when both
    come in from disk.
    """
    before: list[int] = []
    for row, urgent in db.execute(_BEFORE, (lane, recipient, message)):
        if urgent:  # and so is all before it
            break
        before.append(row)
    db.executemany("UPDATE deliveries SET urgent = 1 WHERE id = ?", [(row,) for row in before])


def insert_messages(db: apsw.Connection, mails: Sequence[QueuedMail]) -> None:
    """Messages without their deliveries."""
    insert_rows(db, mails)
    db.executemany(
        "INSERT INTO message_events VALUES (?, ?)",
        [(mail.row, event.seq) for mail in mails for event in mail.events],
    )


def insert_rows(db: apsw.Connection, mails: Sequence[QueuedMail]) -> None:
    """Messages without their deliveries, and without what says of which events they tell."""
    db.executemany(
        "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)",
        [
            (
                mail.row,
                mail.message.message_id,
                mail.message.reverse_path,
                mail.message.smtputf8,
                mail.accepted,
                mail.queued,
                mail.notice,
                encode_routing(mail.routing),
            )
            for mail in mails
        ],
    )
    keep_remarks(db, [mail for mail in mails if mail.message.remark is not None])
    db.executemany(
        "INSERT INTO contents VALUES (?, ?)", [(m.row, m.message.content) for m in mails]
    )


def copy_events(db: apsw.Connection, row: int, other: int) -> None:
    """The message `other` tells of all that the message `row` does."""
    db.execute(
        "INSERT OR IGNORE INTO message_events SELECT ?, event FROM message_events"
        " WHERE message = ?",
        (other, row),
    )


def keep_remarks(db: apsw.Connection, mails: list[QueuedMail]) -> None:
    """What the history of these mails' events must say of how they were made."""
    db.executemany(
        "UPDATE events SET reason = ? WHERE seq = ?",
        [
            (mail.message.remark and encode_text(mail.message.remark), event.seq)
            for mail in mails
            for event in mail.events
        ],
    )


_TO_HAND_ON = (
    f"SELECT EXISTS (SELECT 1 FROM deliveries WHERE user >= {BEYOND_MAIL} AND ended IS NULL)"  # noqa: S608
)
# Kept of a delivery; those with an end that is not known are kept, too, for they are counted.
FIRST_ATTEMPTS, LAST_ATTEMPTS = 20, 100
_FORGET_ATTEMPTS = (
    "DELETE FROM attempts WHERE delivery = ? AND number > ? AND number <= ?"
    " AND outcome <> 'unknown'"
)
_DEFERRED_BEFORE = (
    "SELECT EXISTS (SELECT 1 FROM deliveries WHERE lane = ? AND recipient = ? AND message < ?"
    " AND ended IS NULL AND state = 'deferred')"
)
_BEFORE = (
    "SELECT id, urgent FROM deliveries WHERE lane = ? AND recipient = ? AND message < ?"
    " AND ended IS NULL ORDER BY message DESC"
)
_LET_WAIT = (
    "UPDATE deliveries SET state = 'deferred', next_attempt = NULL WHERE lane = ? AND recipient = ?"
    " AND message > ? AND ended IS NULL AND state = 'waiting'"
)
LET_NEXT_GO = (
    "UPDATE deliveries SET next_attempt = ? WHERE id = (SELECT id FROM deliveries WHERE lane = ?"
    " AND recipient = ? AND ended IS NULL AND state IN ('deferred', 'waiting')"
    " ORDER BY message LIMIT 1) AND state = 'deferred' AND next_attempt IS NULL"
)


def start(db: apsw.Connection, mail: QueuedMail, now: float) -> None:
    """Records that the content may go out, before it may."""
    db.executemany(
        "UPDATE deliveries SET started = ? WHERE id = ?", [(now, d.row) for d in mail.deliveries]
    )


def finish(
    db: apsw.Connection, mail: QueuedMail, attempted: list[AttemptResult], at: float
) -> tuple[list[StoredEvent], bool]:
    """Records how each delivery's attempt ended; gives the events that have ended with it, and
    whether a delivery behind it in its lane is due now.
    """
    for a in attempted:
        row, number = a.delivery.row, a.delivery.attempts + 1
        ended = None if a.state in OPEN else at
        db.execute(
            "UPDATE deliveries SET state = ?, attempts = ?, next_attempt = ?, tried = ?, ended = ?,"
            " started = NULL WHERE id = ?",
            (a.state, number, a.next_attempt, at, ended, row),
        )
        db.execute(
            "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?)",
            (row, number, a.started, a.ended, a.outcome, a.server, a.reply),
        )
        if number > FIRST_ATTEMPTS + LAST_ATTEMPTS:
            db.execute(_FORGET_ATTEMPTS, (row, FIRST_ATTEMPTS, number - LAST_ATTEMPTS))
    next_is_due = False
    if mail.lane is not None:
        for a in attempted:
            if a.is_retried:
                db.execute(_LET_WAIT, (mail.lane, a.delivery.recipient, mail.row))
            elif a.state != "waiting":
                if a.state == "deferred":  # until it expires: that keeps no other waiting
                    db.execute("UPDATE deliveries SET lane = NULL WHERE id = ?", (a.delivery.row,))
                db.execute(LET_NEXT_GO, (a.ended, mail.lane, a.delivery.recipient))
                next_is_due = next_is_due or db.changes() > 0
    is_open = any(a.state in OPEN for a in attempted)
    return [] if is_open else _end_if_over(db, mail), next_is_due


def _end_if_over(db: apsw.Connection, mail: QueuedMail) -> list[StoredEvent]:
    if not mail.whole and _get(
        db, "SELECT count(*) FROM deliveries WHERE message = ? AND ended IS NULL", mail.row
    ):
        return []
    db.execute("DELETE FROM contents WHERE message = ?", (mail.row,))
    if any(delivery.held for delivery in mail.deliveries):
        db.execute("DELETE FROM holds WHERE scope = 'mail' AND subject = ?", (str(mail.row),))
    if mail.is_of_group:
        return []
    if mail.alone:
        return list(mail.events)
    return [event for event in mail.events if not is_open(db, event.seq)]


def is_open(db: apsw.Connection, seq: int) -> bool:
    """Whether an event that was routed counts as one that waits: it is in a mail to come, or a
    delivery of a mail of its own is open.
    """
    return bool(_get(db, _IS_OPEN, seq))


_IS_OPEN = (
    "SELECT EXISTS (SELECT 1 FROM message_events AS e JOIN messages AS m ON m.id = e.message"  # noqa: S608
    f" WHERE e.event = ? AND (m.due IS NOT NULL OR NOT {OF_GROUP} AND EXISTS"
    " (SELECT 1 FROM deliveries AS d WHERE d.message = m.id AND d.ended IS NULL)))"
)


def put_back(db: apsw.Connection, mails: list[QueuedMail]) -> None:
    """Takes `start` back: nothing of their contents was sent, and no attempt is counted."""
    db.executemany(
        "UPDATE deliveries SET started = NULL WHERE id = ?",
        [(d.row,) for mail in mails for d in mail.deliveries],
    )


def put_all_back(db: apsw.Connection, but: list[int]) -> None:
    """As `put_back`, of all mails but these, which may have arrived."""
    db.execute(
        "UPDATE deliveries SET started = NULL WHERE started IS NOT NULL"
        " AND message NOT IN (SELECT value FROM json_each(?))",
        (json.dumps(but),),
    )


def hold(db: apsw.Connection, deliveries: list[int]) -> None:
    """These are held, and no attempt was made of them."""
    db.executemany(
        "UPDATE deliveries SET state = 'held', next_attempt = NULL, started = NULL WHERE id = ?",
        [(row,) for row in deliveries],
    )


def end(
    db: apsw.Connection,
    mails: list[QueuedMail],
    state: Literal["expired", "deleted"],
    now: float,
    at: float,
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
            [(state, at, d.row) for d in mail.deliveries],
        )
        if mail.lane is not None:
            for d in mail.deliveries:
                db.execute(LET_NEXT_GO, (now, mail.lane, d.recipient))
    return [event for mail in mails for event in _end_if_over(db, mail)]


def _get(db: apsw.Connection, query: str, *values: int | str) -> int:
    found = db.execute(query, values).get
    return int(found or 0)
