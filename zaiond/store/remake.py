"""Mails that are made anew, by another configuration or by hand: what there is of an event, and
what is put in its place. Operations of the writer.
"""

from collections.abc import Iterable
from typing import Any

import apsw

from zaiond.model import (
    DeliveryRecord,
    EventRecord,
    GroupRecord,
    MessageRecord,
    Remade,
    StoredEvent,
)
from zaiond.store.events import COLUMNS, OF_GROUP, stored
from zaiond.store.queue import (
    copy_events,
    hurry,
    insert_messages,
    insert_rows,
    is_open,
    keep_remarks,
)
from zaiond.store.sound import decode_routing, encode_routing, expect, expect_message_id
from zaiond.way import BEYOND_MAIL


def open_events(db: apsw.Connection) -> list[int]:
    """The events with mails of their own of which a delivery has not ended, in order; what waits to
    be handed on is no mail.
    """
    return [
        seq
        for (seq,) in db.execute(
            "SELECT DISTINCT event FROM message_events WHERE message IN (SELECT m.id"  # noqa: S608
            " FROM deliveries AS d JOIN messages AS m ON m.id = d.message"
            f" WHERE d.ended IS NULL AND d.user < {BEYOND_MAIL} AND NOT {OF_GROUP}) ORDER BY event"
        )
    ]


def open_groups(db: apsw.Connection) -> list[int]:
    """The mails that were made of a group and of which a delivery has not ended, in order."""
    rows = db.execute(
        "SELECT DISTINCT m.id FROM deliveries AS d JOIN messages AS m ON m.id = d.message"  # noqa: S608
        f" WHERE d.ended IS NULL AND {OF_GROUP} ORDER BY m.id"
    )
    return [row for (row,) in rows]


def groups_of(db: apsw.Connection, seqs: list[int]) -> list[int]:
    """The mails that were made of a group and tell of these events, in order."""
    query = (
        "SELECT m.id FROM message_events AS e JOIN messages AS m ON m.id = e.message"  # noqa: S608
        f" WHERE e.event = ? AND m.due IS NULL AND {OF_GROUP}"
    )
    return sorted({row for seq in seqs for (row,) in db.execute(query, (seq,))})


def group_state(db: apsw.Connection, row: int) -> GroupRecord | None:
    """A mail that was made of a group; None: there is no such mail."""
    messages: list[Any] = db.execute(_MESSAGES.format("id = ?"), (row,)).fetchall()
    if not messages:
        return None
    deliveries: list[Any] = db.execute(_DELIVERIES.format("message = ?"), (row,)).fetchall()
    other = db.execute(
        "SELECT EXISTS (SELECT 1 FROM messages AS m JOIN message_events AS e ON e.message = m.id"
        " WHERE m.id <> ?1 AND m.routing = (SELECT routing FROM messages WHERE id = ?1)"
        " AND m.due IS NULL AND e.event ="
        " (SELECT event FROM message_events WHERE message = ?1 ORDER BY event LIMIT 1))",
        (row,),
    )
    # Whom max_mails kept from it is told of all of its events in another.
    first = db.execute("SELECT min(event) FROM message_events WHERE message = ?", (row,)).get
    beside = tuple(
        one for one in map(_message, db.execute(_MESSAGES_OF, (first,))) if one.row != row
    )
    return GroupRecord(_message(messages[0]), _deliveries(deliveries), bool(other.get), beside)


def of_size(db: apsw.Connection, seqs: list[int], size: int) -> list[int]:
    """The first of these events, none beyond the one with which their lines have `size` bytes."""
    for number, seq in enumerate(seqs, 1):
        for (length,) in db.execute("SELECT length(body) FROM events WHERE seq = ?", (seq,)):
            size -= length
        if size <= 0:
            return seqs[:number]
    return seqs


def states(db: apsw.Connection, seqs: list[int]) -> list[EventRecord]:
    """These events, as far as they became mails of their own."""
    found = []
    for seq in seqs:
        rows: list[Any] = db.execute(
            f"SELECT {COLUMNS} FROM events WHERE seq = ? AND outcome IS NULL",  # noqa: S608
            (seq,),
        ).fetchall()
        messages = list(map(_message, db.execute(_MESSAGES_OF, (seq,))))
        own = [one for one in messages if one.routing.kind == "event"]
        if rows and own:
            deliveries = _deliveries(db.execute(_DELIVERIES_OF, (seq,)))
            ours = {one.row for one in own}
            found.append(
                EventRecord(
                    stored(rows[0]),
                    tuple(own),
                    tuple(d for d in deliveries if d.message in ours),
                    tuple(one for one in messages if one.row not in ours),
                )
            )
    return found


def _message(row: tuple[Any, ...]) -> MessageRecord:
    expect(row, int, str, int, str)
    id_, message_id, is_open, routing = row
    expect_message_id(message_id)
    return MessageRecord(id_, message_id, bool(is_open), decode_routing(routing))


def _deliveries(rows: Iterable[tuple[Any, ...]]) -> tuple[DeliveryRecord, ...]:
    found = tuple(map(DeliveryRecord._make, rows))
    for row in found:
        expect(row, int, int, str, str)
    return found


_MESSAGES = (
    "SELECT id, message_id, due IS NOT NULL OR EXISTS (SELECT 1 FROM deliveries AS d"
    " WHERE d.message = m.id AND d.ended IS NULL), routing FROM messages AS m WHERE {} ORDER BY id"
)
_DELIVERIES = "SELECT id, message, recipient, state FROM deliveries WHERE {} ORDER BY id"
_OF_EVENT = "{} IN (SELECT message FROM message_events WHERE event = ?)"
_MESSAGES_OF = _MESSAGES.format(_OF_EVENT.format("id"))
_DELIVERIES_OF = _DELIVERIES.format(_OF_EVENT.format("message"))


def put(db: apsw.Connection, remade: list[Remade], at: float) -> list[StoredEvent]:
    """Puts mails in the place of what there was of their events; they are due at once. Gives the
    events of which nothing is left to be sent.
    """
    for one in remade:
        new = [mail for mail in one.mails if mail.row in one.new_messages]
        if one.event is None:
            insert_rows(db, new)
            for mail in new:
                copy_events(db, one.of, mail.row)
        else:
            insert_messages(db, new)
        for mail in one.mails:
            if mail.row not in one.new_messages:
                message, routing = mail.message, encode_routing(mail.routing)
                db.execute(
                    "UPDATE messages SET reverse_path = ?, smtputf8 = ?, queued = ?, routing = ?"
                    " WHERE id = ?",
                    (message.reverse_path, message.smtputf8, mail.queued, routing, mail.row),
                )
                db.execute(
                    "INSERT OR REPLACE INTO contents VALUES (?, ?)",
                    (mail.row, mail.message.content),
                )
                if one.event is not None:
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
    return [
        one.event
        for one in remade
        if one.event is not None and not one.mails and not is_open(db, one.event.seq)
    ]


# What was not open may come in before an urgent one of its lane.
_OPEN = (
    "UPDATE deliveries SET message = ?1, state = 'waiting', next_attempt = NULL, ended = NULL,"
    " lane = ?2, urgent = urgent OR ended IS NOT NULL AND EXISTS (SELECT 1 FROM deliveries AS d"
    " WHERE d.lane = ?2 AND d.recipient = ?4 AND d.message > ?1 AND d.ended IS NULL AND d.urgent)"
    " WHERE id = ?3"
)
