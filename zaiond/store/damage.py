"""Rows that can't be read any more are set aside, and the rest goes on. Operations of the writer.

They are kept in the table `damaged`, as far as they could be read. What belonged to them is put
right as after a salvage: a mail of which a part is lost is made anew from its event.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import apsw

from zaiond.store.consistency import make_consistent
from zaiond.store.sound import Table, is_sound, our_tables
from zaiond.text import Text

MOST_KEPT = 1000  # rows set aside: beyond, the oldest are forgotten


class Damage(NamedTuple):
    """What was set aside: how many rows of which tables. `waiting` is how many events more wait to
    be routed than before, `urgent_waiting` how many of these are urgent.
    """

    rows: dict[str, int]
    waiting: int
    urgent_waiting: int

    @property
    def text(self) -> Text:
        """What a person should know of it."""
        count = sum(self.rows.values())
        where = ", ".join(f"{name}: {number}" for name, number in self.rows.items())
        return Text(
            f"キューのデータベースに読めない行が {count} 件あり（{where}）、別に保管しました。"
            "残りの処理は続けています",
            f"{count} rows of the queue's database could not be read, and were set aside ({where});"
            " the rest goes on",
        )


def set_aside(db: apsw.Connection, now: float) -> Damage | None:
    """Sets every unsound row aside and makes the indexes anew; None: there was no such row.

    To be called outside of a transaction. Raises apsw.Error where more is damaged than rows.
    """
    # Without it, what an index says of a damaged row can't be deleted any more.
    db.pragma("writable_schema", True)
    try:
        with db:
            before = _waiting(db)
            rows = {table.name: _set_aside(db, table, now) for table in our_tables()}
            db.execute(
                "DELETE FROM damaged WHERE id <= (SELECT max(id) FROM damaged) - ?", (MOST_KEPT,)
            )
            db.execute("REINDEX")
            if any(rows.values()):
                make_consistent(db)
            after = _waiting(db)
    finally:
        db.pragma("writable_schema", False)
    rows = {name: number for name, number in rows.items() if number}
    return Damage(rows, after[0] - before[0], after[1] - before[1]) if rows else None


def count(db: apsw.Connection, since: float) -> int:
    """How many rows were set aside since then."""
    return int(db.execute("SELECT count(*) FROM damaged WHERE at >= ?", (since,)).get)


def _set_aside(db: apsw.Connection, table: Table, now: float) -> int:
    unsound = [raw for raw, row in _rows(db, table) if not is_sound(table, row)]
    places = [table.columns.index(column) for column in table.key]
    for raw in unsound:
        key = [raw[place] for place in places]
        # As bytes, for a damaged text is none that could be compared.
        is_number = all(isinstance(value, int) for value in key)
        equal = "{} IS ?" if is_number else "CAST({} AS BLOB) IS CAST(? AS BLOB)"
        which = " AND ".join(map(equal.format, table.key))
        shown = {
            column: value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
            for column, value in zip(table.columns, raw, strict=True)
        }
        db.execute(
            "INSERT INTO damaged (at, of, row) VALUES (?, ?, ?)",
            (now, table.name, json.dumps(shown, ensure_ascii=False)),
        )
        db.execute(f"DELETE FROM {table.name} WHERE {which}", key)  # noqa: S608
    return len(unsound)


def _rows(db: apsw.Connection, table: Table) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Each row twice: with its texts as bytes, and as it should be, where None or bytes stand for
    what is no text.
    """
    columns = [
        f"CASE typeof({name}) WHEN 'text' THEN CAST({name} AS BLOB) ELSE {name} END,"
        f" typeof({name}) = 'text'"
        for name in table.columns
    ]
    for found in db.execute(f"SELECT {', '.join(columns)} FROM {table.name}"):  # noqa: S608
        raw = found[::2]
        row = tuple(
            _decoded(value) if is_text else value
            for value, is_text in zip(raw, found[1::2], strict=True)
        )
        yield raw, row


def _decoded(text: bytes) -> str | bytes:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text


def _waiting(db: apsw.Connection) -> tuple[int, int]:
    found: list[Any] = db.execute(
        "SELECT count(*), count(*) FILTER (WHERE urgent = 1) FROM events WHERE outcome IS NULL"
        " AND seq > coalesce((SELECT value FROM meta WHERE name = 'routed_through'), 0)"
        " AND seq NOT IN (SELECT seq FROM routed_early)"
    ).fetchall()
    return found[0][0], found[0][1]
