"""Mails to come, on disk: what begins, joins, moves and is made, and what routing remembers. Each
function is an operation of the writer's transaction.

A mail to come is a row of `messages` that is `due` one day; its events are in `message_events` from
the moment on in which they are routed.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import apsw

from zaiond.model import NewEvent, QueuedMail, Routing, StoredEvent, Usage
from zaiond.store import queue
from zaiond.store.events import accept, encode_text
from zaiond.store.members import add_usage
from zaiond.store.membership import read
from zaiond.store.queue import Ended, copy_events, insert_deliveries, insert_rows, is_open
from zaiond.store.sound import decode_routing, encode_routing
from zaiond.text import Text

# When a mail is due that has no time yet: the last day that there is (sound.expect).
NEVER = 253402214400.0

State = tuple[str, str, bytes]  # kind, key, value
Change = tuple[str, str, bytes | None]  # the same; None: it is forgotten


class MailToCome(NamedTuple):
    """A mail to come as it begins: its row, when the first of its events was accepted and queued,
    when it is due (seconds since the epoch).
    """

    row: int
    message_id: str
    accepted: float
    queued: float
    due: float
    routing: Routing


class Move(NamedTuple):
    """The events of the mail to come `row` go into these others, and it is forgotten. `ended`: they
    end as this event does, where no other message has them.
    """

    row: int
    into: tuple[int, ...]
    ended: Ended | None = None


class Steps(NamedTuple):
    """What one step of routing changes beside mails that are made: mails to come that are `begun`;
    those that are due at another time (time, how they come to be, row); which event joins which
    (row, seq); what routing remembers; and whose events move.
    """

    begun: Sequence[MailToCome] = ()
    due: Sequence[tuple[float, Routing, int]] = ()
    joins: Sequence[tuple[int, int]] = ()
    changes: Sequence[Change] = ()
    moves: Sequence[Move] = ()

    def put(self, db: apsw.Connection) -> None:
        """Records it, but for the moves."""
        if self.begun:
            db.executemany(
                "INSERT INTO messages VALUES (?, ?, '', 0, ?, ?, 0, ?, ?)",
                [
                    (
                        one.row,
                        one.message_id,
                        one.accepted,
                        one.queued,
                        min(one.due, NEVER),
                        encode_routing(one.routing),
                    )
                    for one in self.begun
                ],
            )
        if self.due:
            db.executemany(
                "UPDATE messages SET due = ?, routing = ? WHERE id = ? AND due IS NOT NULL",
                [(min(at, NEVER), encode_routing(routing), row) for at, routing, row in self.due],
            )
        if self.joins:
            db.executemany("INSERT OR IGNORE INTO message_events VALUES (?, ?)", self.joins)
        if self.changes:
            remember(db, self.changes)


def move(db: apsw.Connection, moves: Iterable[Move]) -> Usage:
    """Moves the events of mails to come; gives what they took of their users' quotas, as far as
    that ends now.
    """
    released: Usage = {}
    for row, into, ended in moves:
        for other in into:
            copy_events(db, row, other)
        seqs = [seq for (seq,) in db.execute(_SEQS, (row,))] if ended is not None else []
        db.execute("DELETE FROM message_events WHERE message = ?", (row,))
        db.execute("DELETE FROM messages WHERE id = ?", (row,))
        if ended is None:
            continue
        db.executemany(
            "UPDATE events SET outcome = ?, reason = ? WHERE seq = ?"
            " AND NOT EXISTS (SELECT 1 FROM message_events WHERE event = seq)",
            [(ended.outcome, encode_text(ended.reason), seq) for seq in seqs],
        )
        _release(db, seqs, released)
    return released


_SEQS = "SELECT event FROM message_events WHERE message = ? ORDER BY event"


def _release(db: apsw.Connection, seqs: Iterable[int], released: Usage) -> None:
    """Counts what of these events does not wait any more."""
    for seq in seqs:
        if is_open(db, seq):
            continue
        for uid, size in db.execute("SELECT uid, length(body) FROM events WHERE seq = ?", (seq,)):
            add_usage(released, {uid: (1, size)})


def route(
    db: apsw.Connection, route: Callable[[apsw.Connection], set[int]], steps: Steps
) -> tuple[set[int], Usage]:
    """What `route` does (queue.route), with what else routing changes; gives, too, what took room
    in quotas until now beside the events that end.
    """
    steps.put(db)
    behind = route(db)
    return behind, move(db, steps.moves)


def remember(db: apsw.Connection, changes: Iterable[Change]) -> None:
    """Keeps what routing remembers; what is forgotten has no value."""
    kept, gone = [], []
    for kind, key, value in changes:
        if value is None:
            gone.append((kind, key))
        else:
            kept.append((kind, key, value))
    db.executemany("INSERT OR REPLACE INTO routing_state VALUES (?, ?, ?)", kept)
    db.executemany("DELETE FROM routing_state WHERE kind = ? AND key = ?", gone)


def remembered(db: apsw.Connection) -> list[State]:
    """All that routing remembers: bounded by what remembers it."""
    return list(db.execute("SELECT kind, key, value FROM routing_state ORDER BY kind, key"))


class Remembered(NamedTuple):
    """What a start finds: what routing remembers, and the mails to come by their rows."""

    rows: Sequence[State] = ()
    to_come: Mapping[int, Routing] = {}


def find(db: apsw.Connection) -> Remembered:
    """What the last run has left."""
    return Remembered(remembered(db), to_come(db))


def to_come(db: apsw.Connection) -> dict[int, Routing]:
    """The mails to come, by their rows."""
    rows = db.execute("SELECT id, routing FROM messages WHERE due IS NOT NULL ORDER BY id")
    return {row: decode_routing(routing) for row, routing in rows}


def add(db: apsw.Connection, mails: Sequence[QueuedMail]) -> set[int]:
    """New mails of events that were routed before; gives the deliveries that have to wait behind an
    earlier one of their lane.
    """
    queue.insert_messages(db, mails)
    return insert_deliveries(db, mails)


def add_notice(db: apsw.Connection, row: int, notice: NewEvent, queued: float) -> None:
    """Records an event of the daemon's own that is told of in the mail to come of this row."""
    for event in accept(db, [notice], queued, notice=True).events:
        db.execute("INSERT INTO routed_early VALUES (?)", (event.seq,))
        db.execute("INSERT INTO message_events VALUES (?, ?)", (row, event.seq))


def make(
    db: apsw.Connection,
    row: int,
    mails: Sequence[QueuedMail],
    moved_to: Sequence[int],
    elsewhere: Sequence[int],
) -> tuple[set[int], Usage]:
    """The mail to come of this row is made: `mails`, of which one may have its row; its events also
    go into the mails to come of the rows `moved_to`. Gives the deliveries that have to wait behind
    an earlier one of their lane, and what `elsewhere`, which are events of it that are in other
    messages, too, took of their users' quotas, as far as that ends now.
    """
    for other in (*moved_to, *(mail.row for mail in mails if mail.row != row)):
        copy_events(db, row, other)
    kept = [mail for mail in mails if mail.row == row]
    for mail in kept:
        message = mail.message
        db.execute(
            "UPDATE messages SET message_id = ?, reverse_path = ?, smtputf8 = ?, queued = ?,"
            " notice = ?, routing = ?, due = NULL WHERE id = ?",
            (
                message.message_id,
                message.reverse_path,
                message.smtputf8,
                mail.queued,
                mail.notice,
                encode_routing(mail.routing),
                row,
            ),
        )
        db.execute("INSERT INTO contents VALUES (?, ?)", (row, message.content))
    insert_rows(db, [mail for mail in mails if mail.row != row])
    if not kept:
        db.execute("DELETE FROM message_events WHERE message = ?", (row,))
        db.execute("DELETE FROM messages WHERE id = ?", (row,))
    behind = insert_deliveries(db, mails)
    released: Usage = {}
    _release(db, elsewhere, released)
    return behind, released


def beside(db: apsw.Connection, row: int) -> dict[int, Routing]:
    """The other mails to come that tell of an event of this one, by their rows."""
    rows = db.execute(_BESIDE, (row,))
    return {other: decode_routing(routing) for other, routing in rows}


_BESIDE = (
    "SELECT DISTINCT m.id, m.routing FROM message_events AS e"
    " JOIN message_events AS o ON o.event = e.event AND o.message <> e.message"
    " JOIN messages AS m ON m.id = o.message WHERE e.message = ? AND m.due IS NOT NULL"
)


def leave_told(
    db: apsw.Connection, row: int, to_come: Sequence[int], recipients: Sequence[str]
) -> Usage:
    """Takes those events out of the mail to come of this row that are in one of `to_come`, or of
    which another mail was made for one of these recipients; gives what they took of their users'
    quotas, as far as that ends now.
    """
    values = row, json.dumps(to_come), json.dumps(recipients)
    seqs = [seq for (seq,) in db.execute(_TOLD_ELSEWHERE, values)]
    db.executemany(
        "DELETE FROM message_events WHERE message = ? AND event = ?", [(row, seq) for seq in seqs]
    )
    released: Usage = {}
    _release(db, seqs, released)
    return released


_TOLD_ELSEWHERE = (
    "SELECT event FROM message_events AS e WHERE message = ?1 AND EXISTS (SELECT 1"
    " FROM message_events AS o WHERE o.event = e.event AND o.message <> ?1"
    " AND (o.message IN (SELECT value FROM json_each(?2)) OR EXISTS (SELECT 1"
    " FROM deliveries AS d WHERE d.message = o.message AND d.state <> 'replaced'"
    " AND d.recipient IN (SELECT value FROM json_each(?3)))))"
)


class TakenOut(NamedTuple):
    """Events that were taken out of mails to come: from how many `places`, those of which nothing
    else is open, and the mails to come in which none is left.
    """

    places: int
    ended: list[StoredEvent]
    emptied: list[int]


def take_out(db: apsw.Connection, seqs: Sequence[int], reason: Text) -> TakenOut:
    """Takes these events out of the mails to come that they are in. Who remembers one in which none
    is left has to forget it (`forget`).
    """
    places = 0
    touched: set[int] = set()
    ended: list[StoredEvent] = []
    for seq in seqs:
        rows = [row for (row,) in db.execute(_TO_COME_OF, (seq,))]
        if not rows:
            continue
        places += len(rows)
        touched.update(rows)
        _leave(db, rows, seq, reason)
        if not is_open(db, seq):
            ended += read(db, [seq])
    is_any = "SELECT EXISTS (SELECT 1 FROM message_events WHERE message = ?)"
    emptied = [row for row in sorted(touched) if not db.execute(is_any, (row,)).get]
    return TakenOut(places, ended, emptied)


def forget(db: apsw.Connection, rows: Sequence[int], changes: Iterable[Change]) -> None:
    """Forgets mails to come in which no event is left."""
    db.executemany("DELETE FROM messages WHERE id = ?", [(row,) for row in rows])
    remember(db, changes)


def leave(db: apsw.Connection, row: int, seqs: Sequence[int], reason: Text) -> int:
    """Takes these events out of a mail that was made of a group and that others are left in; gives
    how many. 0: it tells of no others.
    """
    wanted = set(seqs)
    found = [seq for (seq,) in db.execute(_SEQS, (row,)) if seq in wanted]
    all_ = int(db.execute("SELECT count(*) FROM message_events WHERE message = ?", (row,)).get)
    if len(found) == all_:
        return 0
    for seq in found:
        _leave(db, [row], seq, reason)
    return len(found)


def _leave(db: apsw.Connection, rows: Sequence[int], seq: int, reason: Text) -> None:
    db.executemany(
        "DELETE FROM message_events WHERE message = ? AND event = ?", [(row, seq) for row in rows]
    )
    db.execute(
        "UPDATE events SET outcome = 'deleted', reason = ? WHERE seq = ?"
        " AND NOT EXISTS (SELECT 1 FROM message_events WHERE event = seq)",
        (encode_text(reason), seq),
    )


def to_come_of(db: apsw.Connection, seqs: Sequence[int]) -> list[int]:
    """The rows of the mails to come that these events are in, in order."""
    return sorted({row for seq in seqs for (row,) in db.execute(_TO_COME_OF, (seq,))})


_TO_COME_OF = (
    "SELECT m.id FROM message_events AS e JOIN messages AS m ON m.id = e.message"
    " WHERE e.event = ? AND m.due IS NOT NULL ORDER BY m.id"
)
