"""The tables of the queue, and whether a row is as the schema has it and the rest of the daemon can
work with it.

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
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple

import apsw
import msgspec

from zaiond import wire
from zaiond.errors import EventError
from zaiond.model import OPEN, Routing

VERSION = 2  # of the schema
_TYPES: dict[str, type[object] | UnionType] = {
    "INTEGER": int,
    "REAL": float,
    "TEXT": str,
    "BLOB": bytes,
    "": int | float | str | bytes,
}
# As schema.sql has them. A delivery is open or has ended, and its state says which.
_ENDED = ("delivered", "failed", "expired", "deleted", "replaced")
_OUTCOMES = ("delivered", "deferred", "held", "failed", "expired", "deleted", "unknown")


class DamagedRowError(ValueError):
    """A row holds what nobody has put there."""


class Table(NamedTuple):
    """A table as the schema declares it."""

    name: str
    columns: tuple[str, ...]
    types: tuple[type[object] | UnionType, ...]
    key: tuple[str, ...]  # of its columns, the primary key

    @property
    def is_numbered(self) -> bool:
        """Whether its key is made of numbers."""
        return all(self.types[self.columns.index(column)] is int for column in self.key)


def create(db: apsw.Connection) -> None:
    """Puts the tables and the version of the schema into an empty database, in one transaction."""
    with db:
        db.execute(statements())
        db.execute(f"PRAGMA user_version={VERSION}")


def statements() -> str:
    """Those that make the tables and indexes."""
    return Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")


@cache
def schema() -> tuple[tuple[Table, ...], dict[str, str]]:
    """Our own tables, in their order, and the statement that makes each of our indexes."""
    with contextlib.closing(apsw.Connection(":memory:")) as db:
        create(db)
        indexes: list[Any] = db.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        return _tables(db), dict(indexes)


def has_our_tables(db: apsw.Connection) -> bool:
    """Whether the schema can be read, and has each of our tables."""
    try:
        return set(schema()[0]) <= set(_tables(db))
    except Exception:  # noqa: BLE001 - a damaged page raises what it likes, also in Python
        return False


def _tables(db: apsw.Connection) -> tuple[Table, ...]:
    names: list[Any] = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return tuple(_table(db, name) for (name,) in names)


def _table(db: apsw.Connection, name: str) -> Table:
    columns: list[Any] = db.execute(f"PRAGMA table_info({name})").fetchall()
    return Table(
        name,
        tuple(column for _, column, *_ in columns),
        tuple(
            _TYPES[kind] if required or place else _TYPES[kind] | None
            for _, _, kind, required, _, place in columns
        ),
        tuple(column for place, column in sorted((one[5], one[1]) for one in columns) if place),
    )


def expect(row: tuple[Any, ...], *types: type[object] | UnionType) -> None:
    """Raises DamagedRowError unless the values of a row are of these types, and times are times."""
    if all(map(isinstance, row, types)):
        for value in row:
            # What is REAL is a time; beyond the year 9999 there is no calendar.
            if isinstance(value, float) and not 0.0 <= value < 253402300800.0:
                break
        else:
            return
    raise DamagedRowError(f"{row!r:.200}")


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


def expect_message_id(message_id: str) -> None:
    """Raises DamagedRowError unless it is one (RFC 5322 3.6.4), with its angle brackets."""
    if _is_message_id(message_id) is None:
        raise DamagedRowError(f"{message_id!r:.200}")


def decode_routing(stored: str) -> Routing:
    """How a mail came to be, as it is stored. Raises DamagedRowError."""
    if not stored:
        return _DEFAULT
    try:
        return _routing(stored)
    except msgspec.DecodeError as error:
        raise DamagedRowError(f"{stored!r:.200}") from error


def encode_routing(routing: Routing | None) -> str:
    """The same, to be stored; '' for what goes by no route, at once."""
    return "" if routing in (None, _DEFAULT) else msgspec.json.encode(routing).decode()


_DEFAULT = Routing()
_routing = msgspec.json.Decoder(Routing).decode
_is_message_id = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>").fullmatch


def is_sound(table: Table, row: tuple[Any, ...]) -> bool:
    """Whether a whole row, its columns as declared, can be worked with."""
    try:
        expect(row, *table.types)
        check = _CHECKS.get(table.name)
        return check is None or check(dict(zip(table.columns, row, strict=True)))
    except DamagedRowError:
        return False


def _is_event(row: dict[str, Any]) -> bool:
    expect_event(row["id"], row["body"])
    return row["outcome"] in (None, "dropped", "silenced", "deleted") and (
        row["reason"] is None or _is_reason(row["reason"])
    )


def _is_reason(reason: str) -> bool:
    """Whether it is a sentence as it is stored."""
    try:
        found = json.loads(reason)
    except ValueError:
        return False
    return isinstance(found, dict) and found.keys() == {"ja", "en"}


def _is_message(row: dict[str, Any]) -> bool:
    decode_routing(row["routing"])
    return _is_message_id(row["message_id"]) is not None


_CHECKS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "events": _is_event,
    "messages": _is_message,
    "deliveries": lambda row: row["state"] in (OPEN if row["ended"] is None else _ENDED),
    "attempts": lambda row: row["outcome"] in _OUTCOMES,
    "meta": lambda row: row["name"] != "routed_through" or isinstance(row["value"], int),
}
