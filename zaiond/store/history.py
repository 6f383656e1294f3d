"""What waits and what became of it, as raw rows: what `queue list`, `history` and `status` are made
of. Each function is an operation of the writer's transaction that reads a bounded slice, so that no
reader delays an acknowledgement by more than a commit; what to go on after is its last row.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import apsw

ROWS = 200  # of which an operation reads no more
BYTES = 1024 * 1024  # of events' bodies, after which it reads no further one
SMALL_ROWS = 2000  # the same for rows of a few numbers
INDEX_ROWS = 20_000  # the same where only an index is read

T = TypeVar("T")


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

    id: int
    message: int
    recipient: str
    state: str
    attempts: int
    next_attempt: float | None
    ended: float | None
    message_id: str
    accepted: float


class AttemptRow(NamedTuple):
    """An attempt of a delivery."""

    delivery: int
    number: int
    started: float | None
    ended: float
    outcome: str
    server: str
    reply: str


class EventHistory(NamedTuple):
    """An event with its deliveries, each with its attempts."""

    event: EventRow
    deliveries: Sequence[tuple[DeliveryRow, Sequence[AttemptRow]]]


class OpenDelivery(NamedTuple):
    """A delivery that is open, with the events that it tells of, and the last attempt in which a
    server said something.
    """

    delivery: DeliveryRow
    events: Sequence[EventRow]
    last: AttemptRow | None


class LostRow(NamedTuple):
    """A delivery that has failed or expired."""

    ended: float
    id: int
    state: str
    recipient: str
    message: int


_EVENT = "SELECT seq, id, uid, source, accepted, body, outcome, reason, notice FROM events"
_DELIVERY = (
    "SELECT d.id, d.message, d.recipient, d.state, d.attempts, d.next_attempt, d.ended,"
    " m.message_id, m.accepted FROM deliveries AS d JOIN messages AS m ON m.id = d.message"
)
_UNROUTED = "seq > ? AND seq NOT IN (SELECT seq FROM routed_early)"


def newest(db: apsw.Connection, after: int) -> list[tuple[int, float]]:
    """Events before seq `after`, the newest first: seq, and when they were accepted."""
    return _all(
        db,
        "SELECT seq, accepted FROM events WHERE seq < ? ORDER BY seq DESC LIMIT ?",
        after,
        SMALL_ROWS,
    )


def newest_events(db: apsw.Connection, after: int) -> list[EventRow]:
    """The same, whole."""
    return _bounded(
        EventRow(*row) for row in db.execute(f"{_EVENT} WHERE seq < ? ORDER BY seq DESC", (after,))
    )


def events(db: apsw.Connection, seqs: Sequence[int], after: int = 0) -> list[EventRow]:
    """These events after seq `after`; `seqs` are in order."""
    return _bounded(
        EventRow(*row)
        for seq in seqs
        if seq > after
        for row in db.execute(f"{_EVENT} WHERE seq = ?", (seq,))
    )


def with_ids(db: apsw.Connection, ids: Sequence[str]) -> list[tuple[str, int]]:
    """Id and seq of the events with these ids: several of one id, if several sources or users used
    the same."""
    return [
        row
        for id_ in ids
        for row in db.execute("SELECT id, seq FROM events WHERE id = ? ORDER BY seq", (id_,))
    ]


def unrouted(db: apsw.Connection, after: int) -> list[EventRow]:
    """Events after seq `after`, which is where routing is: no mails yet, unless they have an
    outcome.
    """
    return _bounded(
        EventRow(*row) for row in db.execute(f"{_EVENT} WHERE {_UNROUTED} ORDER BY seq", (after,))
    )


def deliveries(
    db: apsw.Connection, seqs: Sequence[int], after: tuple[int, int] = (0, 0)
) -> list[tuple[int, DeliveryRow]]:
    """The deliveries of these events, each with the event's seq; `after` are seq and delivery."""
    seq, delivery = after
    found: list[tuple[int, DeliveryRow]] = []
    for event in seqs:
        if event < seq or len(found) == ROWS:
            continue
        rows = db.execute(
            f"{_DELIVERY} JOIN message_events AS e ON e.message = d.message"
            " WHERE e.event = ? AND d.id > ? ORDER BY d.id LIMIT ?",
            (event, delivery if event == seq else 0, ROWS - len(found)),
        )
        found += [(event, DeliveryRow(*row)) for row in rows]
    return found


def open_deliveries(db: apsw.Connection, after: tuple[int, int] = (0, 0)) -> list[DeliveryRow]:
    """Deliveries that have not ended, in order; `after` are message and delivery."""
    found = _after(db, "message, id", "message", "ended IS NULL", after, ROWS)
    return [
        DeliveryRow(*row)
        for _, delivery in found
        for row in db.execute(f"{_DELIVERY} WHERE d.id = ?", (delivery,))
    ]


def attempts(
    db: apsw.Connection, deliveries: Sequence[int], after: tuple[int, int] = (0, 0)
) -> list[AttemptRow]:
    """All attempts of these deliveries; `after` are delivery and number."""
    delivery, number = after
    found: list[AttemptRow] = []
    for one in deliveries:
        if one < delivery or len(found) == ROWS:
            continue
        rows = db.execute(
            "SELECT * FROM attempts WHERE delivery = ? AND number > ? ORDER BY number LIMIT ?",
            (one, number if one == delivery else 0, ROWS - len(found)),
        )
        found += [AttemptRow(*row) for row in rows]
    return found


def last_replies(db: apsw.Connection, deliveries: Sequence[int]) -> list[AttemptRow]:
    """The last attempt of each of these deliveries in which a server said something."""
    return [
        AttemptRow(*row)
        for delivery in deliveries
        for row in db.execute(
            "SELECT * FROM attempts WHERE delivery = ? AND reply <> ''"
            " ORDER BY number DESC LIMIT 1",
            (delivery,),
        )
    ]


def events_of(
    db: apsw.Connection, messages: Sequence[int], after: tuple[int, int] = (0, 0)
) -> list[tuple[int, EventRow]]:
    """The events that these messages tell of; `after` are message and seq."""
    message, seq = after
    return _bounded(
        (
            (one, EventRow(*row))
            for one in messages
            if one >= message
            for row in db.execute(
                f"{_EVENT} JOIN message_events ON seq = event WHERE message = ? AND seq > ?"
                " ORDER BY seq",
                (one, seq if one == message else 0),
            )
        ),
    )


def seqs_of(
    db: apsw.Connection, messages: Sequence[int], after: tuple[int, int] = (0, 0)
) -> list[tuple[int, int]]:
    """The same, only message and seq."""
    message, seq = after
    found: list[tuple[int, int]] = []
    for one in messages:
        if one < message or len(found) == SMALL_ROWS:
            continue
        found += _all(
            db,
            "SELECT message, event FROM message_events WHERE message = ? AND event > ?"
            " ORDER BY event LIMIT ?",
            one,
            seq if one == message else 0,
            SMALL_ROWS - len(found),
        )
    return found


def lost(db: apsw.Connection, after: tuple[float, int]) -> list[LostRow]:
    """Deliveries that have failed or expired, in the order of their end; `after` are `ended` (queue
    time) and the delivery."""
    columns = ", ".join(LostRow._fields)
    which = "state IN ('failed', 'expired')"
    return [LostRow(*row) for row in _after(db, columns, "ended", which, after, SMALL_ROWS)]


def held(db: apsw.Connection, after: tuple[str, int] = ("", 0)) -> list[tuple[str, int, int]]:
    """Deliveries in state `held`: recipient, delivery, message; `after` are the first two."""
    return _after(db, "recipient, id, message", "recipient", _HELD, after, SMALL_ROWS)


def skip_open(db: apsw.Connection, after: tuple[int, int]) -> tuple[int, tuple[int, int] | None]:
    """How many open deliveries a slice after message and delivery has, and where it ends; None:
    there are no more."""
    return _skip(db, "message", "ended IS NULL", after)


def skip_held(db: apsw.Connection, after: tuple[str, int]) -> tuple[int, tuple[str, int] | None]:
    """The same for those in state `held`, after recipient and delivery."""
    return _skip(db, "recipient", _HELD, after)


_HELD = "state = 'held' AND ended IS NULL"


def _skip(
    db: apsw.Connection, key: str, which: str, after: tuple[T, int]
) -> tuple[int, tuple[T, int] | None]:
    values = (*after, after[0])
    ends = f"{_beyond(f'{key}, id', key, which)} ORDER BY {key}, id LIMIT 1 OFFSET ?"
    last = _all(db, ends, *values, INDEX_ROWS - 1)
    if last:
        return INDEX_ROWS, last[0]
    rest = _all(db, f"SELECT count(*) FROM ({_beyond('1', key, which)})", *values)  # noqa: S608
    return rest[0][0], None


def _after(
    db: apsw.Connection, columns: str, key: str, which: str, after: tuple[Any, int], limit: int
) -> list[Any]:
    """Deliveries after this key and id, in the order of both, by the index over the key."""
    query = f"{_beyond(columns, key, which)} ORDER BY {key}, id LIMIT ?"
    return _all(db, query, *after, after[0], limit)


def _beyond(columns: str, key: str, which: str) -> str:
    # (key, id) > (?, ?) would walk over all that have the same key.
    rest = f"SELECT {columns} FROM deliveries WHERE {which} AND {key}"  # noqa: S608
    return f"{rest} = ? AND id > ? UNION ALL {rest} > ?"


def oldest(db: apsw.Connection, routed_through: int) -> tuple[float, float] | None:
    """When the oldest event that still waits was accepted, by the clock and in queue time."""
    rows = _all(
        db,
        "SELECT accepted, queued FROM messages WHERE id ="
        " (SELECT message FROM deliveries WHERE ended IS NULL ORDER BY message LIMIT 1)",
    ) or _all(
        db,
        f"SELECT accepted, queued FROM events WHERE {_UNROUTED}"  # noqa: S608
        " AND outcome IS NULL ORDER BY seq LIMIT 1",
        routed_through,
    )
    return rows[0] if rows else None


def _all(db: apsw.Connection, query: str, *values: Any) -> list[Any]:
    return db.execute(query, values).fetchall()


def _bounded(rows: Iterable[Any]) -> list[Any]:
    """As many of the rows as may be read at once; an event's body counts."""
    found: list[Any] = []
    size = 0
    for row in rows:
        found.append(row)
        event = row if isinstance(row, EventRow) else row[1]
        size += len(event.body)
        if len(found) == ROWS or size >= BYTES:
            break
    return found
