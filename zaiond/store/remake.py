"""Mails that are made anew, by another configuration or by hand: what there is of an event, and
what is put in its place. Operations of the writer.
"""

from typing import Any

import apsw

from zaiond.model import DeliveryRecord, EventRecord, MessageRecord, Remade, StoredEvent
from zaiond.store.events import COLUMNS, stored
from zaiond.store.queue import hurry, insert_messages, keep_remarks
from zaiond.store.sound import expect, expect_message_id


def open_events(db: apsw.Connection) -> list[int]:
    """The events with a delivery that has not ended, in order."""
    return [
        seq
        for (seq,) in db.execute(
            "SELECT DISTINCT event FROM message_events WHERE message IN"
            " (SELECT message FROM deliveries WHERE ended IS NULL) ORDER BY event"
        )
    ]


def of_size(db: apsw.Connection, seqs: list[int], size: int) -> list[int]:
    """The first of these events, none beyond the one with which their lines have `size` bytes."""
    for number, seq in enumerate(seqs, 1):
        for (length,) in db.execute("SELECT length(body) FROM events WHERE seq = ?", (seq,)):
            size -= length
        if size <= 0:
            return seqs[:number]
    return seqs


def states(db: apsw.Connection, seqs: list[int]) -> list[EventRecord]:
    """These events, as far as they became mails that tell of no other event."""
    found = []
    for seq in seqs:
        rows: list[Any] = db.execute(
            f"SELECT {COLUMNS} FROM events WHERE seq = ? AND outcome IS NULL",  # noqa: S608
            (seq,),
        ).fetchall()
        messages: list[Any] = db.execute(_MESSAGES, (seq,)).fetchall()
        for row in messages:
            expect(row, int, str, int)
            expect_message_id(row[1])
        deliveries: list[Any] = db.execute(_DELIVERIES, (seq,)).fetchall()
        for row in deliveries:
            expect(row, int, int, str, str)
        if rows and messages:
            of_event = tuple(map(MessageRecord._make, messages))
            to = tuple(map(DeliveryRecord._make, deliveries))
            found.append(EventRecord(stored(rows[0]), of_event, to))
    return found


_MESSAGES = (
    "SELECT id, message_id, EXISTS (SELECT 1 FROM deliveries AS d"
    " WHERE d.message = m.id AND d.ended IS NULL) FROM messages AS m WHERE id IN"
    " (SELECT message FROM message_events WHERE event = ?) ORDER BY id"
)
_DELIVERIES = (
    "SELECT id, message, recipient, state FROM deliveries WHERE message IN"
    " (SELECT message FROM message_events WHERE event = ?) ORDER BY id"
)


def put(db: apsw.Connection, remade: list[Remade], at: float) -> list[StoredEvent]:
    """Puts mails in the place of what there was of their events; they are due at once. Gives the
    events of which nothing is left to be sent.
    """
    for one in remade:
        insert_messages(db, [m for m in one.mails if m.row in one.new_messages])
        for mail in one.mails:
            if mail.row not in one.new_messages:
                db.execute(
                    "UPDATE messages SET reverse_path = ?, smtputf8 = ?, queued = ? WHERE id = ?",
                    (mail.message.reverse_path, mail.message.smtputf8, mail.queued, mail.row),
                )
                db.execute(
                    "INSERT OR REPLACE INTO contents VALUES (?, ?)",
                    (mail.row, mail.message.content),
                )
                keep_remarks(db, [mail])
            db.executemany(
                "INSERT INTO deliveries (id, message, recipient, state, urgent, lane, user, ended)"
                " VALUES (?, ?, ?, '', ?, ?, ?, 0)",  # opened below
                [
                    (d.row, mail.row, d.recipient, mail.urgent, mail.lane, mail.user)
                    for d in mail.deliveries
                    if d.row in one.new_deliveries
                ],
            )
            for d in mail.deliveries:
                db.execute(_OPEN, (mail.row, mail.lane, d.row, d.recipient))
                if mail.urgent and mail.lane is not None:
                    hurry(db, mail.lane, d.recipient, mail.row)
        db.executemany(
            "UPDATE deliveries SET state = 'replaced', ended = ?, next_attempt = NULL WHERE id = ?",
            [(at, row) for row in one.replaced],
        )
        db.executemany("DELETE FROM contents WHERE message = ?", [(row,) for row in one.emptied])
        db.executemany(
            "DELETE FROM holds WHERE scope = 'mail' AND subject = ?",
            [(str(row),) for row in (*(mail.row for mail in one.mails), *one.emptied)],
        )
    return [one.event for one in remade if not one.mails]


# What was not open may come in before an urgent one of its lane.
_OPEN = (
    "UPDATE deliveries SET message = ?1, state = 'waiting', next_attempt = NULL, ended = NULL,"
    " lane = ?2, urgent = urgent OR ended IS NOT NULL AND EXISTS (SELECT 1 FROM deliveries AS d"
    " WHERE d.lane = ?2 AND d.recipient = ?4 AND d.message > ?1 AND d.ended IS NULL AND d.urgent)"
    " WHERE id = ?3"
)
