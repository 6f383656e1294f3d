"""What waits to be handed on to the hubs of a fleet. Operations of the writer's transaction."""

from collections.abc import Iterable, Sequence

import apsw

from zaiond.store.queue import LET_NEXT_GO
from zaiond.way import BEYOND_MAIL, HUBS

_OPEN = f"user >= {BEYOND_MAIL} AND ended IS NULL"


def waiting(db: apsw.Connection) -> list[int]:
    """The messages that are to be handed on, in order."""
    query = f"SELECT DISTINCT message FROM deliveries WHERE {_OPEN} ORDER BY message"  # noqa: S608
    return [row for (row,) in db.execute(query)]


def count(db: apsw.Connection) -> int:
    """How many there are."""
    return int(db.execute(f"SELECT count(*) FROM deliveries WHERE {_OPEN}").get)  # noqa: S608


def oldest(db: apsw.Connection) -> float | None:
    """When the oldest event of those was accepted, in queue time."""
    at: float | None = db.execute(
        "SELECT min(queued) FROM messages WHERE id IN"  # noqa: S608
        f" (SELECT min(message) FROM deliveries WHERE {_OPEN} GROUP BY user)"
    ).get
    return at


def waiting_of(db: apsw.Connection, seqs: Sequence[int]) -> list[int]:
    """Those of these events."""
    query = (
        "SELECT m.message FROM message_events AS m JOIN deliveries AS d ON d.message = m.message"  # noqa: S608
        f" WHERE m.event = ? AND {_OPEN}"
    )
    return sorted({row for seq in seqs for (row,) in db.execute(query, (seq,))})


def refused(db: apsw.Connection, before: float) -> list[int]:
    """Those that were tried in vain and were accepted before this queue time."""
    query = (
        f"SELECT DISTINCT d.message FROM deliveries AS d JOIN messages AS m ON m.id = d.message"  # noqa: S608
        f" WHERE d.{_OPEN} AND d.state = 'deferred' AND d.next_attempt IS NOT NULL"
        " AND m.queued <= ? ORDER BY d.message"
    )
    return [row for (row,) in db.execute(query, (before,))]


def let_wait(db: apsw.Connection, seqs: Sequence[int]) -> int:
    """Those of these events are due at once; gives how many there are."""
    rows = waiting_of(db, seqs)
    db.executemany(
        "UPDATE deliveries SET state = 'waiting', next_attempt = NULL WHERE message = ?"
        " AND ended IS NULL",
        [(row,) for row in rows],
    )
    return len(rows)


def replace(db: apsw.Connection, rows: Iterable[int], at: float, now: float) -> None:
    """These messages are handed on no more, from `at` (queue time) on: something else has been made
    of their events.
    """
    for row in rows:
        lane = db.execute(
            "SELECT lane FROM deliveries WHERE message = ? AND ended IS NULL", (row,)
        ).get
        db.execute(
            "UPDATE deliveries SET state = 'replaced', ended = ?, next_attempt = NULL,"
            " started = NULL WHERE message = ? AND ended IS NULL",
            (at, row),
        )
        db.execute("DELETE FROM contents WHERE message = ?", (row,))
        if lane is not None:
            db.execute(LET_NEXT_GO, (now, lane, HUBS))
