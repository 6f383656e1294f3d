"""Takes over what can still be read of a damaged database.

A damaged page costs its rows, not the rest. An event of which it can't be told any more what became
of it is routed anew: its mail may arrive twice, but it does arrive.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import apsw

from zaiond import wire
from zaiond.errors import EventError

# Each table with the key by which it is read from both ends.
_TABLES = {
    "meta": "name",
    "events": "rowid",
    "messages": "rowid",
    "contents": "rowid",
    "message_events": "message",
    "deliveries": "rowid",
    "attempts": "delivery",
}
_ROWS_A_CALL = 1000

# Takes away what is left without what it belongs to; the order matters. A message has its content
# as long as one of its deliveries is open: where only one of the two is left, it is made anew.
_ORPHANS = (
    "DELETE FROM deliveries WHERE message NOT IN (SELECT id FROM messages)",
    "DELETE FROM deliveries WHERE message IN (SELECT message FROM deliveries WHERE ended IS NULL"
    " EXCEPT SELECT message FROM contents)",
    "DELETE FROM deliveries WHERE message IN (SELECT message FROM contents"
    " EXCEPT SELECT message FROM deliveries WHERE ended IS NULL)",
    "DELETE FROM attempts WHERE delivery NOT IN (SELECT id FROM deliveries)",
    "DELETE FROM messages WHERE id NOT IN (SELECT message FROM deliveries)",
    "DELETE FROM contents WHERE message NOT IN (SELECT id FROM messages)",
    "DELETE FROM message_events WHERE message NOT IN (SELECT id FROM messages)"
    " OR event NOT IN (SELECT seq FROM events)",
)
_ROUTED_THROUGH = (
    "INSERT OR REPLACE INTO meta SELECT 'routed_through', max("
    "coalesce((SELECT value FROM meta WHERE name = 'routed_through'), 0),"
    " coalesce((SELECT max(event) FROM message_events), 0),"
    " coalesce((SELECT max(seq) FROM events WHERE outcome IS NOT NULL), 0))"
)
_ROUTED_TO_NOWHERE = (
    "SELECT seq FROM events WHERE outcome IS NULL"
    " AND seq <= (SELECT value FROM meta WHERE name = 'routed_through')"
    " AND seq NOT IN (SELECT event FROM message_events) ORDER BY seq"
)
_ROUTE_AGAIN = (  # behind all others, where it waits to be routed
    "UPDATE events SET seq = (SELECT max(value, (SELECT max(seq) FROM events)) + 1"
    " FROM meta WHERE name = 'routed_through') WHERE seq = ?"
)


def salvage(target: apsw.Connection, damaged: str, progress: Callable[[], None]) -> tuple[int, int]:
    """Copies what can be read of the file `damaged`, which stays as it is, into an empty database.

    Gives the number of events and of deliveries taken over; calls `progress` now and then. Raises
    apsw.Error if the target can't be written.
    """
    with contextlib.closing(apsw.Connection(damaged)) as source, target:
        with contextlib.suppress(apsw.Error):
            source.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            source.pragma("locking_mode", "EXCLUSIVE")
        for table, key in _TABLES.items():
            for number, row in enumerate(_rows(source, table, key)):
                if number % _ROWS_A_CALL == 0:
                    progress()
                _insert(target, table, row)
        for statement in (*_ORPHANS, _ROUTED_THROUGH):
            target.execute(statement)
        target.executemany(_ROUTE_AGAIN, target.execute(_ROUTED_TO_NOWHERE).fetchall())
    return _count(target, "events"), _count(target, "deliveries")


def _rows(source: apsw.Connection, table: str, key: str) -> Iterator[tuple[Any, ...]]:
    # From both ends: what lies behind a damaged page is reached from the other side.
    for order in ("ASC", "DESC"):
        with contextlib.suppress(apsw.Error):
            yield from source.execute(f"SELECT * FROM {table} ORDER BY {key} {order}")  # noqa: S608
            return


def _insert(target: apsw.Connection, table: str, row: tuple[Any, ...]) -> None:
    if not _is_sound(table, row):
        return
    marks = ",".join("?" * len(row))
    with contextlib.suppress(apsw.ConstraintError):
        target.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)  # noqa: S608


def _is_sound(table: str, row: tuple[Any, ...]) -> bool:
    """Whether the rest of the daemon can work with it: a damaged page may hold any nonsense."""
    if table == "meta":
        return row[0] != "routed_through" or isinstance(row[1], int)
    if table != "events":
        return True
    _, id_, uid, source, accepted, body, _, _ = row
    kinds = (str, int, str, float, bytes)
    if not all(map(isinstance, (id_, uid, source, accepted, body), kinds)):
        return False
    try:
        wire.parse(body)
    except EventError:
        return False
    return True


def _count(db: apsw.Connection, table: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {table}").get)  # noqa: S608
