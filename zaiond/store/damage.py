"""Rows that can't be read any more are set aside, and the rest goes on. Operations of the writer.

They are kept in the table `damaged`, as far as they could be read. What belonged to them is put
right: a mail of which a part is lost is made anew from its event.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import apsw

from zaiond.model import Usage, WaitingLine
from zaiond.store import words
from zaiond.store.events import usage, waiting_lines
from zaiond.store.sound import Table, is_sound, schema
from zaiond.text import Text

MOST_KEPT = 1000  # rows set aside: beyond, the oldest are forgotten
_NOBODY = -2  # whose an event seemed to be
# An id that has become that of another event: both are kept.
_TELL_APART = (
    "UPDATE events SET id = substr(id, 1, 200) || '/' || seq"
    " WHERE seq NOT IN (SELECT min(seq) FROM events GROUP BY id, uid, source, notice)"
)
_FORGET = "DELETE FROM damaged WHERE id <= (SELECT max(id) FROM damaged) - ?"


class Damage(NamedTuple):
    """What was set aside: how many rows of which tables. `waiting` is how many events more wait to
    be routed than before, or fewer, in parts; `usage` is the same for all that have not ended, and
    their bytes, by uid, as far as it could be read.
    """

    rows: dict[str, int]
    waiting: list[WaitingLine]
    usage: Usage

    @property
    def text(self) -> Text:
        """What a person should know of it."""
        where = ", ".join(f"{name}: {number}" for name, number in self.rows.items())
        return words.set_aside(count=sum(self.rows.values()), where=where)


def set_aside(db: apsw.Connection, now: float) -> Damage | None:
    """Sets every unsound row aside and makes the indexes anew; None: there was no such row.

    To be called outside of a transaction. Raises apsw.Error where more is damaged than rows.
    """
    tables, indexes = schema()
    with db:
        before, used = waiting_lines(db), _usage(db)
        # What an index says of a damaged row keeps it from being deleted.
        for name in indexes:
            db.execute(f"DROP INDEX IF EXISTS {name}")
        counted = {table.name: _set_aside(db, table, now) for table in tables}
        rows = {name: number for name, number in counted.items() if number}
        db.execute(_TELL_APART)
        for statement in indexes.values():
            db.execute(statement)
        db.execute(_FORGET, (MOST_KEPT,))
        if rows:
            make_consistent(db)
        after, uses = waiting_lines(db), _usage(db)
    less = [
        line._replace(
            uid=line.uid if isinstance(line.uid, int) else _NOBODY,
            events=-line.events,
            ahead=-line.ahead,
        )
        for line in before
    ]
    return Damage(rows, [*less, *after], _difference(used, uses)) if rows else None


def _usage(db: apsw.Connection) -> Usage | None:
    try:
        return usage(db)
    except (apsw.CorruptError, TypeError):  # what stood in a damaged row
        return None


def _difference(before: Usage | None, after: Usage | None) -> Usage:
    if before is None or after is None:
        return {}
    none = (0, 0)
    pairs = {
        uid: (before.get(uid, none), after.get(uid, none))
        for uid in before.keys() | after.keys()
        if isinstance(uid, int)
    }
    return {
        uid: (now[0] - then[0], now[1] - then[1])
        for uid, (then, now) in pairs.items()
        if now != then
    }


def count(db: apsw.Connection, since: float) -> int:
    """How many rows were set aside since then."""
    return int(db.execute("SELECT count(*) FROM damaged WHERE at >= ?", (since,)).get)


def _set_aside(db: apsw.Connection, table: Table, now: float) -> int:
    unsound = _unsound(db, table)
    for key, raw in unsound:
        shown = {
            column: value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
            for column, value in raw.items()
        }
        db.execute(
            "INSERT INTO damaged (at, of, row) VALUES (?, ?, ?)",
            (now, table.name, json.dumps(shown, ensure_ascii=False)),
        )
        # As bytes, for a damaged text is none that could be compared.
        is_number = all(isinstance(value, int) for value in key)
        equal = "{} IS ?" if is_number else "CAST({} AS BLOB) IS CAST(? AS BLOB)"
        which = " AND ".join(map(equal.format, table.key))
        db.execute(f"DELETE FROM {table.name} WHERE {which}", key)  # noqa: S608
    return len(unsound)


_Unsound = tuple[tuple[Any, ...], dict[str, Any]]  # key, and what could be read


def _unsound(db: apsw.Connection, table: Table) -> list[_Unsound]:
    try:
        return list(_unsound_among(db, table))
    except apsw.CorruptError:
        if len(table.key) > 1 or not table.is_numbered:
            raise
    # A row may be so damaged that it ends the reading of all others: one by one, by their numbers.
    (key,) = table.key
    found: list[_Unsound] = []
    for number in db.execute(f"SELECT {key} FROM {table.name}").fetchall():  # noqa: S608
        try:
            found += _unsound_among(db, table, f"WHERE {key} = ?", number)
        except apsw.CorruptError:
            found.append((number, {key: number[0]}))
    return found


def _unsound_among(
    db: apsw.Connection, table: Table, where: str = "", values: tuple[Any, ...] = ()
) -> Iterator[_Unsound]:
    # Texts as bytes, and beside each column whether it is a text: what is none can be read, too.
    columns = [
        f"CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END,"
        f" typeof({name}) = 'text'"
        for name in table.columns
    ]
    select = f"SELECT {', '.join(columns)} FROM {table.name} {where}"  # noqa: S608
    for found in db.execute(select, values):
        raw = dict(zip(table.columns, found[::2], strict=True))
        row = tuple(
            _decoded(value) if is_text else value
            for value, is_text in zip(found[::2], found[1::2], strict=True)
        )
        if not is_sound(table, row):
            yield tuple(raw[column] for column in table.key), raw


def _decoded(text: bytes) -> str | bytes:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text


# Takes away what is left without what it belongs to, then says how far events were routed, by what
# became of them; the order matters. A message has its content as long as one of its deliveries is
# open: where only one of the two is left, it is made anew. A mail to come has neither of them.
_CONSISTENT = (
    "DELETE FROM deliveries WHERE message NOT IN (SELECT id FROM messages)",
    "DELETE FROM deliveries WHERE message IN (SELECT message FROM deliveries WHERE ended IS NULL"
    " EXCEPT SELECT message FROM contents)",
    "DELETE FROM deliveries WHERE message IN (SELECT message FROM contents"
    " EXCEPT SELECT message FROM deliveries WHERE ended IS NULL)",
    "DELETE FROM attempts WHERE delivery NOT IN (SELECT id FROM deliveries)",
    "UPDATE messages SET due = NULL WHERE due IS NOT NULL"
    " AND id IN (SELECT message FROM deliveries)",
    "DELETE FROM messages WHERE due IS NULL AND id NOT IN (SELECT message FROM deliveries)",
    "DELETE FROM contents WHERE message NOT IN (SELECT id FROM messages)",
    "DELETE FROM message_events WHERE message NOT IN (SELECT id FROM messages)"
    " OR event NOT IN (SELECT seq FROM events WHERE outcome IS NULL)",
    "DELETE FROM messages WHERE due IS NOT NULL AND id NOT IN (SELECT message FROM message_events)",
    "DELETE FROM routed_early WHERE seq NOT IN (SELECT event FROM message_events)"
    " AND seq NOT IN (SELECT seq FROM events WHERE outcome IS NOT NULL)",
    "INSERT OR REPLACE INTO meta SELECT 'routed_through', max("
    "coalesce((SELECT value FROM meta WHERE name = 'routed_through'), 0),"
    " coalesce((SELECT max(event) FROM message_events"
    " WHERE event NOT IN (SELECT seq FROM routed_early)), 0),"
    " coalesce((SELECT max(seq) FROM events WHERE outcome IS NOT NULL"
    " AND seq NOT IN (SELECT seq FROM routed_early)), 0))",
    "DELETE FROM routed_early WHERE seq <= (SELECT value FROM meta WHERE name = 'routed_through')",
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


def make_consistent(db: apsw.Connection) -> None:
    """Makes what is left of a queue one that could be: each event waits to be routed, is in a mail
    to come or in a message with deliveries, or has ended. An event of which it can't be told any
    more what became of it waits to be routed again.
    """
    for statement in _CONSISTENT:
        db.execute(statement)
    db.executemany(_ROUTE_AGAIN, db.execute(_ROUTED_TO_NOWHERE).fetchall())
