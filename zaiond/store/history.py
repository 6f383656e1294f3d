"""What waits and what became of it, as raw rows: what `queue list`, `history` and `status` are made
of. Each function is an operation of the writer's transaction that reads a bounded slice, so that no
reader delays an acknowledgement by more than a commit. What to go on after is what its last row
begins with: as many columns as its `after` has.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import apsw

from zaiond.store import counts
from zaiond.store.counts import AWAITED

ROWS = 200  # of which an operation reads no more
BYTES = 256 * 1024  # of events' bodies, after which it reads no further one
SMALL_ROWS = 2000  # the same for rows of a few numbers
SAME_ID = 1000  # events of one id that are found
IDS = 100  # of the events of a mail that are shown


class EventRow(NamedTuple):
    """An event; `outcome` and `reason` as the schema has them."""

    seq: int
    id: str
    uid: int
    source: str
    accepted: float
    body: bytes
    outcome: str | None
    reason: str | None
    notice: bool


class DeliveryRow(NamedTuple):
    """A delivery with its message's id; `ended` is in queue time."""

    message: int
    id: int
    recipient: str
    state: str
    attempts: int
    next_attempt: float | None
    ended: float | None
    message_id: str
    accepted: float
    routing: str


class AttemptRow(NamedTuple):
    """An attempt of a delivery."""

    delivery: int
    number: int
    started: float | None
    ended: float
    outcome: str
    server: str
    reply: str


class MailToCome(NamedTuple):
    """A mail to come, of one event of it or of all; `due` is in seconds since the epoch."""

    message: int
    message_id: str
    accepted: float
    due: float
    routing: str


class EventHistory(NamedTuple):
    """An event with its deliveries, each with its attempts, and the mails to come that it is in."""

    event: EventRow
    deliveries: Sequence[tuple[DeliveryRow, Sequence[AttemptRow]]]
    to_come: Sequence[MailToCome] = ()


class Telling(NamedTuple):
    """What a mail tells of: how many events, the ids of the first of them, and the first one."""

    events: int
    ids: Sequence[str]
    first: EventRow | None


class OpenDelivery(NamedTuple):
    """A delivery that is open, what it tells of, and the last attempt in which a server said
    something.
    """

    delivery: DeliveryRow
    of: Telling
    last: AttemptRow | None


class Head(NamedTuple):
    """An event without its line; `source` as sent."""

    seq: int
    accepted: float
    uid: int
    source: str


class LostRow(NamedTuple):
    """A delivery that has failed or expired."""

    ended: float
    id: int
    state: str
    recipient: str
    message: int


_DELIVERY = (
    "d.message, d.id, d.recipient, d.state, d.attempts, d.next_attempt, d.ended, m.message_id,"
    " m.accepted, m.routing FROM deliveries AS d JOIN messages AS m ON m.id = d.message"
)
_UNROUTED = "outcome IS NULL AND seq NOT IN (SELECT seq FROM routed_early)"


Scanned = TypeVar("Scanned", Head, EventRow)


def newest(db: apsw.Connection, after: int, of: type[Scanned]) -> list[Scanned]:
    """Events before seq `after`, the newest first: their heads, or whole."""
    query = f"SELECT {', '.join(of._fields)} FROM events WHERE seq < ? ORDER BY seq DESC"  # noqa: S608
    return _bounded(db.execute(query, (after,)), of, SMALL_ROWS)


def events(
    db: apsw.Connection, seqs: Sequence[int], of: type[Scanned], after: int = 0
) -> list[Scanned]:
    """These events after seq `after`, their heads, or whole; `seqs` are in order."""
    query = f"SELECT {', '.join(of._fields)} FROM events WHERE seq = ?"  # noqa: S608
    rows = (row for seq in seqs if seq > after for row in _all(db, query, seq))
    return _bounded(rows, of, SMALL_ROWS if of is Head else ROWS)


def with_ids(db: apsw.Connection, ids: Sequence[str]) -> list[tuple[str, int]]:
    """Id and seq of the events with these ids: several of one id, if several sources or users used
    the same.
    """
    query = "SELECT id, seq FROM events WHERE id = ? LIMIT ?"
    return [row for id_ in ids for row in sorted(_all(db, query, id_, SAME_ID))]


def unrouted(db: apsw.Connection, after: int) -> list[tuple[int, bool]]:
    """Events after seq `after`, which is where routing is, and whether they wait to be routed."""
    query = f"SELECT seq, {_UNROUTED} FROM events WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
    return _all(db, query, after, SMALL_ROWS)


def unrouted_among(db: apsw.Connection, seqs: Sequence[int], routed_through: int) -> list[int]:
    """Those of these events that wait to be routed."""
    query = f"SELECT seq FROM events WHERE seq = ? AND {_UNROUTED}"  # noqa: S608
    return [seq for seq in seqs if seq > routed_through and _all(db, query, seq)]


def deliveries(
    db: apsw.Connection, seqs: Sequence[int], after: tuple[int, int] = (0, 0)
) -> list[tuple[int, int, DeliveryRow]]:
    """The deliveries of these events: the event's seq, the delivery's id and itself."""
    query = (
        f"SELECT e.event, {_DELIVERY} JOIN message_events AS e ON e.message = d.message"
        " WHERE e.event = ? AND d.id > ? ORDER BY d.id LIMIT ?"
    )
    rows = _of_each(db, query, seqs, after, ROWS)
    return [(seq, row.id, row) for seq, *of in rows for row in [DeliveryRow(*of)]]


def to_come(
    db: apsw.Connection, seqs: Sequence[int], after: tuple[int, int] = (0, 0)
) -> list[tuple[int, int, MailToCome]]:
    """The mails to come that these events are in: the event's seq, the mail's row and itself."""
    query = (
        f"SELECT e.event, m.id, {_TO_COME} JOIN message_events AS e ON e.message = m.id"
        " WHERE e.event = ? AND m.id > ? AND m.due IS NOT NULL ORDER BY m.id LIMIT ?"
    )
    rows = _of_each(db, query, seqs, after, ROWS)
    return [(seq, row, MailToCome(*of)) for seq, row, *of in rows]


def all_to_come(
    db: apsw.Connection, after: tuple[float, int]
) -> list[tuple[float, int, MailToCome]]:
    """All mails to come that are awaited, by when they are due and their row."""
    query = (
        f"SELECT m.due, m.id, {_TO_COME} WHERE m.due IS NOT NULL AND (m.due, m.id) > (?, ?)"
        f" AND {AWAITED} ORDER BY m.due, m.id LIMIT ?"
    )
    return [(due, row, MailToCome(*of)) for due, row, *of in _all(db, query, *after, ROWS)]


_TO_COME = "m.id, m.message_id, m.accepted, m.due, m.routing FROM messages AS m"


def open_deliveries(db: apsw.Connection, after: tuple[int, int] = (0, 0)) -> list[DeliveryRow]:
    """Deliveries that have not ended, in order of message and id."""
    # A message has its content as long as one of its deliveries is open.
    query = "SELECT message FROM contents WHERE message >= ? ORDER BY message LIMIT ?"
    messages = [message for (message,) in _all(db, query, after[0], ROWS + 1)]
    query = (
        f"SELECT {_DELIVERY} WHERE d.message = ? AND d.id > ? AND d.ended IS NULL"
        " ORDER BY d.id LIMIT ?"
    )
    return [DeliveryRow(*row) for row in _of_each(db, query, messages, after, ROWS)]


def attempts(
    db: apsw.Connection, deliveries: Sequence[int], last: int, after: tuple[int, int] = (0, 0)
) -> list[AttemptRow]:
    """Of the attempts of each of these deliveries the last ones, so many of them."""
    query = (
        "SELECT * FROM (SELECT * FROM attempts WHERE delivery = ? AND number > ?"  # noqa: S608
        f" ORDER BY number DESC LIMIT {last}) ORDER BY number LIMIT ?"
    )
    return [AttemptRow(*row) for row in _of_each(db, query, deliveries, after, ROWS)]


def last_replies(db: apsw.Connection, deliveries: Sequence[int]) -> list[AttemptRow]:
    """The last attempt of each of these deliveries in which a server said something."""
    query = "SELECT * FROM attempts WHERE delivery = ? AND reply <> '' ORDER BY number DESC LIMIT 1"
    return [AttemptRow(*row) for one in deliveries for row in _all(db, query, one)]


def telling(db: apsw.Connection, messages: Sequence[int]) -> list[tuple[int, int, list[str], int]]:
    """Of each of these messages: its row, how many events it tells of, the ids of the first IDS of
    them, and the first one.
    """
    count = "SELECT count(*) FROM message_events WHERE message = ?"
    query = (
        "SELECT event, id FROM message_events JOIN events ON seq = event WHERE message = ?"
        " ORDER BY event LIMIT ?"
    )
    found = []
    for message in messages:
        first = _all(db, query, message, IDS)
        number = db.execute(count, (message,)).get
        found.append((message, number, [id_ for _, id_ in first], first[0][0] if first else 0))
    return found


def seqs_of(
    db: apsw.Connection, messages: Sequence[int], after: tuple[int, int] = (0, 0)
) -> list[tuple[int, int]]:
    """The events that these messages tell of, each behind its message."""
    query = (
        "SELECT message, event FROM message_events WHERE message = ? AND event > ?"
        " ORDER BY event LIMIT ?"
    )
    return _of_each(db, query, messages, after, SMALL_ROWS)


def lost(db: apsw.Connection, after: tuple[float, int]) -> list[LostRow]:
    """Deliveries that have failed or expired, in the order of their end (queue time) and id."""
    columns, which = ", ".join(LostRow._fields), "state IN ('failed', 'expired')"
    query, values = counts.beyond(columns, ("ended", "id"), which, after)
    found = _all(db, f"{query} ORDER BY ended, id LIMIT ?", *values, SMALL_ROWS)
    return [LostRow(*row) for row in found]


def held(db: apsw.Connection, after: tuple[str, int]) -> list[tuple[str, int, int]]:
    """Deliveries in state `held`: recipient, delivery, message."""
    key = ("recipient", "id")
    query, values = counts.beyond("recipient, id, message", key, counts.HELD, after)
    return _all(db, f"{query} ORDER BY recipient, id LIMIT ?", *values, SMALL_ROWS)


def oldest_mail(db: apsw.Connection) -> tuple[float, float] | None:
    """When the oldest event of the first mail that still waits was accepted, by the clock and in
    queue time.
    """
    at: tuple[float, float] | None = db.execute(
        "SELECT accepted, queued FROM messages WHERE id ="
        " (SELECT message FROM contents ORDER BY message LIMIT 1)"
    ).get
    return at


def accepted(db: apsw.Connection, seq: int) -> tuple[float, float] | None:
    """When an event was accepted, by the clock and in queue time."""
    query = "SELECT accepted, queued FROM events WHERE seq = ?"
    at: tuple[float, float] | None = db.execute(query, (seq,)).get
    return at


def _all(db: apsw.Connection, query: str, *values: Any) -> list[Any]:
    return db.execute(query, values).fetchall()


def _of_each(
    db: apsw.Connection, query: str, ones: Iterable[int], after: tuple[int, int], most: int
) -> list[Any]:
    """At most so many rows of a query that is made for each of these, which are in order. Its
    values are the one, what its rows are behind, and how many there may be.
    """
    first, behind = after
    found: list[Any] = []
    for one in ones:
        if one >= first and len(found) < most:
            found += _all(db, query, one, behind if one == first else 0, most - len(found))
    return found


def _bounded(rows: Iterable[Any], of: type[Scanned], most: int) -> list[Scanned]:
    """As many of them as may be read at once."""
    found: list[Scanned] = []
    size = 0
    for row in map(of._make, islice(rows, most)):
        found.append(row)
        if isinstance(row, EventRow):
            size += len(row.body)
            if size >= BYTES:
                break
    return found
