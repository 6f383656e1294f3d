"""How many deliveries have not ended. Operations of the writer, each of which reads a bounded slice
of an index.
"""

from typing import Any

import apsw

INDEX_ROWS = 20_000  # of which an operation reads no more

Key = tuple[Any, ...]  # of a row: what the index has, then the row's id
FIRST_OPEN: Key = (-(2**62), 0, 0)  # before all of them
HELD = "state = 'held' AND ended IS NULL"
NOT_WAITING = "state IN ('deferred', 'held')"

# A mail to come `m` that comes of itself: what counts the reports of a problem may tell nobody.
AWAITED = 'instr(m.routing, \'"kind":"problem"\') = 0'


def to_come(db: apsw.Connection) -> int:
    """How many mails to come there are that are awaited: routing bounds it."""
    query = f"SELECT count(*) FROM messages AS m WHERE due IS NOT NULL AND {AWAITED}"  # noqa: S608
    return int(db.execute(query).get)


def skip_open(db: apsw.Connection, after: Key = FIRST_OPEN) -> tuple[int, Key | None]:
    """How many open deliveries a slice after user, message and id has, and where it ends; None:
    there are no more."""
    return _skip(db, ("user", "message", "id"), "ended IS NULL", after)


def skip_held(db: apsw.Connection, after: Key = ("", 0)) -> tuple[int, Key | None]:
    """The same for those in state `held`, after recipient and id."""
    return _skip(db, ("recipient", "id"), HELD, after)


def skip_not_waiting(db: apsw.Connection, after: Key = FIRST_OPEN) -> tuple[int, Key | None]:
    """The same for those that are deferred or held, after user, the next attempt and id."""
    return _skip(db, ("user", "next_attempt", "id"), NOT_WAITING, after)


def _skip(
    db: apsw.Connection, key: tuple[str, ...], which: str, after: Key
) -> tuple[int, Key | None]:
    columns = ", ".join(key)
    query, values = beyond(columns, key, which, after)
    last = db.execute(f"{query} ORDER BY {columns} LIMIT 1 OFFSET ?", (*values, INDEX_ROWS - 1))
    found: list[Any] = last.fetchall()
    if found:
        return INDEX_ROWS, found[0]
    query, values = beyond("1", key, which, after)
    return int(db.execute(f"SELECT count(*) FROM ({query})", values).get), None  # noqa: S608


def beyond(columns: str, key: tuple[str, ...], which: str, after: Key) -> tuple[str, Key]:
    """The query for deliveries whose key is beyond `after`, and its values. NULL is before all."""
    # (a, b) > (?, ?) would walk over all that have the same a.
    parts: list[str] = []
    values: list[Any] = []
    for number in reversed(range(len(key))):
        same = "".join(f" AND {column} IS ?" for column in key[:number])
        column, value = key[number], after[number]
        more = f"{column} > ?" if value is not None else f"{column} IS NOT NULL"
        parts.append(f"SELECT {columns} FROM deliveries WHERE {which}{same} AND {more}")  # noqa: S608
        values += after[:number] if value is None else after[: number + 1]
    return " UNION ALL ".join(parts), tuple(values)
