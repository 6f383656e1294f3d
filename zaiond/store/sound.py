"""Whether a row is as the schema has it and the rest of the daemon can work with it.

SQLite checks how its pages hang together, not what stands in them: a byte that was flipped there
may have made anything of a row.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import apsw

from zaiond import wire
from zaiond.errors import EventError

_TYPES: dict[str, type[object]] = {
    "INTEGER": int,
    "REAL": float,
    "TEXT": str,
    "BLOB": bytes,
    "": object,
}
# As schema.sql has them. A delivery is open or has ended, and its state says which.
_OPEN = ("waiting", "deferred", "held")
_ENDED = ("delivered", "failed", "expired", "deleted", "replaced")
_OUTCOMES = ("delivered", "deferred", "held", "failed", "expired", "deleted", "unknown")


class Table(NamedTuple):
    """A table as the schema declares it."""

    name: str
    columns: tuple[str, ...]
    types: tuple[type[object], ...]
    nullable: tuple[bool, ...]
    key: tuple[str, ...]  # of its columns, the primary key

    @property
    def is_numbered(self) -> bool:
        """Whether its key is made of numbers."""
        return all(self.types[self.columns.index(column)] is int for column in self.key)


def tables(db: apsw.Connection) -> list[Table]:
    """The tables of a database whose schema can be read."""
    names: list[Any] = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return [_table(db, name) for (name,) in names]


def _table(db: apsw.Connection, name: str) -> Table:
    columns: list[Any] = db.execute(f"PRAGMA table_info({name})").fetchall()
    keyed = sorted((place, column) for _, column, _, _, _, place in columns if place)
    key = tuple(column for _, column in keyed)
    return Table(
        name,
        tuple(column for _, column, *_ in columns),
        tuple(_TYPES[kind] for _, _, kind, *_ in columns),
        tuple(not required and column not in key for _, column, _, required, *_ in columns),
        key,
    )


def is_sound(table: Table, row: tuple[Any, ...]) -> bool:
    """Whether a whole row, its columns as declared, can be worked with."""
    for value, kind, nullable in zip(row, table.types, table.nullable, strict=True):
        if not (nullable if value is None else isinstance(value, kind)):
            return False
    check = _CHECKS.get(table.name)
    return check is None or check(dict(zip(table.columns, row, strict=True)))


def _is_event(row: dict[str, Any]) -> bool:
    try:
        wire.parse(row["body"])
    except EventError:
        return False
    return row["outcome"] in (None, "dropped", "deleted")


def _is_delivery(row: dict[str, Any]) -> bool:
    return row["state"] in (_OPEN if row["ended"] is None else _ENDED)


def _is_meta(row: dict[str, Any]) -> bool:
    return row["name"] != "routed_through" or isinstance(row["value"], int)


_CHECKS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "events": _is_event,
    "deliveries": _is_delivery,
    "attempts": lambda row: row["outcome"] in _OUTCOMES,
    "meta": _is_meta,
}
