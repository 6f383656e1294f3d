"""Whether a row is as the schema has it and the rest of the daemon can work with it.

SQLite checks how its pages hang together, not what stands in them: a byte that was flipped there
may have made anything of a row. What is read for its events and mails is checked by `expect`. An
operation that raises DamagedRowError, or anything else that was not foreseen, is run again when the
unsound rows have been set aside (damage.py).
"""

import contextlib
import json
import re
from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import Any, NamedTuple

import apsw

from zaiond import wire
from zaiond.errors import EventError
from zaiond.store import schema

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


class DamagedRowError(ValueError):
    """A row holds what nobody has put there."""


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


class Index(NamedTuple):
    """An index, and the statement that makes it."""

    name: str
    sql: str


def our_tables() -> tuple[Table, ...]:
    """The tables of our own schema, in its order."""
    return _ours()[0]


def our_indexes() -> tuple[Index, ...]:
    """The indexes of our own schema."""
    return _ours()[1]


@cache
def _ours() -> tuple[tuple[Table, ...], tuple[Index, ...]]:
    with contextlib.closing(apsw.Connection(":memory:")) as db:
        schema.create(db)
        indexes: list[Any] = db.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        return tables(db), tuple(Index(*index) for index in indexes)


def tables(db: apsw.Connection) -> tuple[Table, ...]:
    """The tables of a database whose schema can be read."""
    names: list[Any] = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return tuple(_table(db, name) for (name,) in names)


def has_our_tables(db: apsw.Connection) -> bool:
    """Whether the schema can be read, and has each of our tables."""
    try:
        return set(our_tables()) <= set(tables(db))
    except Exception:  # noqa: BLE001 - a damaged page raises what it likes, also in Python
        return False


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


def expect(row: tuple[Any, ...], *types: type[object] | UnionType) -> None:
    """Raises DamagedRowError unless the values of a row are of these types, and times are times."""
    if all(map(isinstance, row, types)):
        for value in row:
            if isinstance(value, float) and not _is_time(value):
                break
        else:
            return
    raise DamagedRowError(f"{row!r:.200}")


def _is_time(value: float) -> bool:
    # What is REAL is a time; beyond the year 9999 there is no calendar.
    return 0.0 <= value < 253402300800.0


def expect_event(id: str, body: bytes) -> None:
    """Raises DamagedRowError unless they are the id and the line of an event."""
    if not (0 < len(id) <= wire.MAX_ID_LENGTH and id.isprintable()):
        raise DamagedRowError(f"{id!r:.200}")
    try:
        as_kept = wire.parse(body).line
    except EventError as error:
        raise DamagedRowError(error.text.en) from error
    if as_kept != body:
        raise DamagedRowError("not clean JSON")


def expect_reason(reason: str | None) -> None:
    """Raises DamagedRowError unless it is a sentence as it is stored, or none."""
    try:
        found = {"ja": "", "en": ""} if reason is None else json.loads(reason)
    except ValueError as error:
        raise DamagedRowError(str(error)) from error
    if not isinstance(found, dict) or found.keys() != {"ja", "en"}:
        raise DamagedRowError(f"{reason:.200}")


def expect_message_id(message_id: str) -> None:
    """Raises DamagedRowError unless it is one (RFC 5322 3.6.4), with its angle brackets."""
    if _is_message_id(message_id) is None:
        raise DamagedRowError(f"{message_id!r:.200}")


_is_message_id = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>").fullmatch


def is_sound(table: Table, row: tuple[Any, ...]) -> bool:
    """Whether a whole row, its columns as declared, can be worked with."""
    for value, kind, nullable in zip(row, table.types, table.nullable, strict=True):
        if not (nullable if value is None else isinstance(value, kind)):
            return False
        if isinstance(value, float) and not _is_time(value):
            return False
    check = _CHECKS.get(table.name)
    try:
        return check is None or check(dict(zip(table.columns, row, strict=True)))
    except DamagedRowError:
        return False


def _is_event(row: dict[str, Any]) -> bool:
    expect_event(row["id"], row["body"])
    expect_reason(row["reason"])
    return row["outcome"] in (None, "dropped", "deleted")


def _is_message(row: dict[str, Any]) -> bool:
    expect_message_id(row["message_id"])
    return True


def _is_delivery(row: dict[str, Any]) -> bool:
    return row["state"] in (_OPEN if row["ended"] is None else _ENDED)


def _is_meta(row: dict[str, Any]) -> bool:
    return row["name"] != "routed_through" or isinstance(row["value"], int)


_CHECKS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "events": _is_event,
    "messages": _is_message,
    "deliveries": _is_delivery,
    "attempts": lambda row: row["outcome"] in _OUTCOMES,
    "meta": _is_meta,
}
