"""What waits and what became of it, as raw rows: what `queue list`, `history` and `status` are made
of. Each function is an operation of the writer's transaction that reads a bounded slice, so that no
reader delays an acknowledgement by more than a commit; what to go on after is its last row.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import apsw

from zaiond.store import counts

ROWS = 200  # of which an operation reads no more
BYTES = 256 * 1024  # of events' bodies, after which it reads no further one
SMALL_ROWS = 2000  # the same for rows of a few numbers
LAST_ATTEMPTS = 10  # of a delivery, where not all of them are asked for
SAME_ID = 1000  # events of one id that are found


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
    """A delivery that is open, with the ids of the events that it tells of, the first of them, and
    the last attempt in which a server said something.
    """

    delivery: DeliveryRow
    ids: Sequence[str]
    first: EventRow | None
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


_EVENT = "SELECT seq, id, uid, source, accepted, body, outcome, reason, notice FROM events"
_HEAD = "SELECT seq, accepted, uid, source FROM events"
_DELIVERY = (
    "SELECT d.id, d.message, d.recipient, d.state, d.attempts, d.next_attempt, d.ended,"
    " m.message_id, m.accepted FROM deliveries AS d JOIN messages AS m ON m.id = d.message"
)


def newest(db: apsw.Connection, after: int) -> list[Head]:
    """Events before seq `after`, the newest first."""
    query = f"{_HEAD} WHERE seq < ? ORDER BY seq DESC LIMIT ?"
    return [Head(*row) for row in _all(db, query, after, SMALL_ROWS)]


def newest_events(db: apsw.Connection, after: int) -> list[EventRow]:
    """The same, whole."""
    rows = db.execute(f"{_EVENT} WHERE seq < ? ORDER BY seq DESC", (after,))
    return _bounded((EventRow(*row) for row in rows), SMALL_ROWS)


def heads(db: apsw.Connection, seqs: Sequence[int], after: int = 0) -> list[Head]:
    """These events after seq `after`; `seqs` are in order."""
    wanted = [seq for seq in seqs if seq > after][:SMALL_ROWS]
    return [Head(*row) for seq in wanted for row in db.execute(f"{_HEAD} WHERE seq = ?", (seq,))]


def events(db: apsw.Connection, seqs: Sequence[int], after: int = 0) -> list[EventRow]:
    """The same, whole."""
    return _bounded(
        EventRow(*row)
        for seq in seqs
        if seq > after
        for row in db.execute(f"{_EVENT} WHERE seq = ?", (seq,))
    )


def with_ids(db: apsw.Connection, ids: Sequence[str]) -> list[tuple[str, int]]:
    """Id and seq of the events with these ids: several of one id, if several sources or users used
    the same.
    """
    query = "SELECT id, seq FROM events WHERE id = ? LIMIT ?"
    return [row for id_ in ids for row in sorted(_all(db, query, id_, SAME_ID))]


def unrouted(db: apsw.Connection, after: int) -> list[tuple[int, bool]]:
    """Events after seq `after`, which is where routing is, and whether they wait to be routed."""
    return _all(
        db,
        "SELECT seq, outcome IS NULL AND seq NOT IN (SELECT seq FROM routed_early) FROM events"
        " WHERE seq > ? ORDER BY seq LIMIT ?",
        after,
        SMALL_ROWS,
    )


def unrouted_among(db: apsw.Connection, seqs: Sequence[int], routed_through: int) -> list[int]:
    """Those of these events that wait to be routed."""
    query = (
        "SELECT outcome IS NULL AND seq NOT IN (SELECT seq FROM routed_early) FROM events"
        " WHERE seq = ?"
    )
    return [
        seq
        for seq in seqs
        if seq > routed_through and any(waits for (waits,) in _all(db, query, seq))
    ]


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
    found: list[DeliveryRow] = []
    # A message has its content as long as one of its deliveries is open.
    messages = _all(
        db,
        "SELECT message FROM contents WHERE message >= ? ORDER BY message LIMIT ?",
        after[0],
        ROWS + 1,
    )
    for (message,) in messages:
        rows = db.execute(
            f"{_DELIVERY} WHERE d.message = ? AND d.ended IS NULL AND d.id > ?"
            " ORDER BY d.id LIMIT ?",
            (message, after[1] if message == after[0] else 0, ROWS - len(found)),
        )
        found += [DeliveryRow(*row) for row in rows]
        if len(found) == ROWS:
            break
    return found


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


def last_attempts(
    db: apsw.Connection, deliveries: Sequence[int], after: int = 0
) -> list[AttemptRow]:
    """The last ones of each of these deliveries after delivery `after`, which are in order."""
    found: list[AttemptRow] = []
    for one in deliveries:
        if one > after and (not found or len(found) + LAST_ATTEMPTS <= ROWS):
            query = "SELECT * FROM attempts WHERE delivery = ? ORDER BY number DESC LIMIT ?"
            rows = _all(db, query, one, LAST_ATTEMPTS)
            found += [AttemptRow(*row) for row in reversed(rows)]
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


def seqs_of(
    db: apsw.Connection, messages: Sequence[int], after: tuple[int, int] = (0, 0)
) -> list[tuple[int, int]]:
    """The events that these messages tell of, each with its message; `after` are both."""
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


def ids_of(
    db: apsw.Connection, messages: Sequence[int], after: tuple[int, int] = (0, 0)
) -> list[tuple[int, int, str]]:
    """The same, with the events' ids."""
    query = "SELECT id FROM events WHERE seq = ?"
    return [
        (message, seq, id_)
        for message, seq in seqs_of(db, messages, after)
        for (id_,) in _all(db, query, seq)
    ]


def lost(db: apsw.Connection, after: tuple[float, int]) -> list[LostRow]:
    """Deliveries that have failed or expired, in the order of their end; `after` are `ended` (queue
    time) and the delivery.
    """
    columns, which = ", ".join(LostRow._fields), "state IN ('failed', 'expired')"
    query, values = counts.beyond(columns, ("ended", "id"), which, after)
    found = _all(db, f"{query} ORDER BY ended, id LIMIT ?", *values, SMALL_ROWS)
    return [LostRow(*row) for row in found]


def held(db: apsw.Connection, after: tuple[str, int] = ("", 0)) -> list[tuple[str, int, int]]:
    """Deliveries in state `held`: recipient, delivery, message; `after` are the first two."""
    key = ("recipient", "id")
    query, values = counts.beyond("recipient, id, message", key, counts.HELD, after)
    return _all(db, f"{query} ORDER BY recipient, id LIMIT ?", *values, SMALL_ROWS)


def oldest_mail(db: apsw.Connection) -> tuple[float, float] | None:
    """When the oldest event of the first mail that still waits was accepted, by the clock and in
    queue time.
    """
    found = _all(
        db,
        "SELECT accepted, queued FROM messages WHERE id ="
        " (SELECT message FROM contents ORDER BY message LIMIT 1)",
    )
    return found[0] if found else None


def accepted(db: apsw.Connection, seq: int) -> tuple[float, float] | None:
    """When an event was accepted, by the clock and in queue time."""
    found = _all(db, "SELECT accepted, queued FROM events WHERE seq = ?", seq)
    return found[0] if found else None


def _all(db: apsw.Connection, query: str, *values: Any) -> list[Any]:
    return db.execute(query, values).fetchall()


def _bounded(rows: Iterable[EventRow], most: int | None = None) -> list[EventRow]:
    """As many of the rows as may be read at once; an event's body counts."""
    found: list[EventRow] = []
    size = 0
    for row in rows:
        found.append(row)
        size += len(row.body)
        if len(found) == (most or ROWS) or size >= BYTES:
            break
    return found
