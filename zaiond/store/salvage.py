"""Takes over what can still be read of a damaged database.

A damaged page costs its rows, not the rest. An event of which it can't be told any more what became
of it is routed anew: its mail may arrive twice, but it does arrive.
"""

import contextlib
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any, Literal

import apsw

from zaiond.store.consistency import make_consistent
from zaiond.store.sound import Table, has_our_tables, is_sound, our_tables

_ROWS_A_CALL = 1000
_HIGHEST = 2**63 - 1
# How far behind the last row that can be read others are looked for, where the end is not known:
# there are hardly more for each page of the file.
_ROWS_A_PAGE = 8
_FRUITLESS = 20_000  # looks at a table that find nothing: then what is left of it is lost
_LONGEST = 64 * 1024 * 1024  # bytes of a value: a damaged length is no reason to read gigabytes


def salvage(target: apsw.Connection, damaged: str, progress: Callable[[], None]) -> tuple[int, int]:
    """Copies what can be read of the file `damaged`, which stays as it is, into an empty database.

    Gives the number of events and of deliveries taken over; calls `progress` now and then. Raises
    apsw.Error if the target can't be written.
    """
    with contextlib.closing(_open(damaged)) as source, target:
        for table in our_tables():
            marks = ",".join("?" * len(table.columns))
            insert = f"INSERT OR IGNORE INTO {table.name} VALUES ({marks})"  # noqa: S608
            for number, row in enumerate(_rows(source, table, progress)):
                if number % _ROWS_A_CALL == 0:
                    progress()
                if is_sound(table, row):
                    with contextlib.suppress(apsw.ConstraintError):
                        target.execute(insert, row)
        make_consistent(target)
    return _count(target, "events"), _count(target, "deliveries")


def has_schema(damaged: str) -> bool:
    """Whether the schema of the file can be read, and is ours."""
    with contextlib.closing(_open(damaged)) as source:
        return has_our_tables(source)


def _open(damaged: str) -> apsw.Connection:
    source = apsw.Connection(damaged)
    source.limit(apsw.SQLITE_LIMIT_LENGTH, _LONGEST)
    for setting in (
        lambda: source.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1),
        lambda: source.pragma("locking_mode", "EXCLUSIVE"),
        # A file that was cut off, or a schema with an error in it, is no end then.
        lambda: source.pragma("writable_schema", True),
    ):
        with contextlib.suppress(apsw.Error):
            setting()
    return source


class _Scan:
    """The rows of a table from one key to another, up to the first that can't be read."""

    def __init__(
        self,
        source: apsw.Connection,
        table: Table,
        order: Literal["ASC", "DESC"],
        between: tuple[int, int] | None = None,
    ) -> None:
        self.is_whole = False
        self.last: tuple[Any, ...] | None = None  # the key of the last one that could be read
        self._source = source
        self._table = table
        self._order = order
        self._between = between

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        table = self._table
        keys = len(table.key)
        by = ", ".join(f"{column} {self._order}" for column in table.key)
        where = "" if self._between is None else f"WHERE {table.key[0]} BETWEEN ? AND ?"
        query = f"SELECT {', '.join((*table.key, *table.columns))} FROM {table.name} {where}"  # noqa: S608
        try:
            for row in self._source.execute(f"{query} ORDER BY {by}", self._between):
                key = row[:keys]
                if not self._is_next(key):
                    return  # its pages go round in a ring
                self.last = key
                yield row[keys:]
        except Exception:  # noqa: BLE001 - a damaged page raises what it likes, also in Python
            return
        self.is_whole = True

    def _is_next(self, key: tuple[Any, ...]) -> bool:
        if self.last is None:
            return True
        return key > self.last if self._order == "ASC" else key < self.last


def _rows(
    source: apsw.Connection, table: Table, progress: Callable[[], None]
) -> Iterator[tuple[Any, ...]]:
    """Each row that can be read, some perhaps twice.

    What lies behind a damaged page is reached from the other side, and what lies between two of
    them from within what is left, the widest gap first.
    """
    if not table.is_numbered:
        yield from _Scan(source, table, "ASC")
        yield from _Scan(source, table, "DESC")
        return
    gaps = [(-_HIGHEST, 0, _HIGHEST)]  # less than nothing by its width, the first and the last key
    fruitless, far = 0, _ROWS_A_PAGE * _pages(source)
    while gaps and fruitless < _FRUITLESS:
        _, first, last = heappop(gaps)
        up = _Scan(source, table, "ASC", (first, last))
        yield from up
        if up.is_whole:
            continue
        if up.last is not None:
            first = int(up.last[0]) + 1
        down = _Scan(source, table, "DESC", (first, last))
        yield from down
        if down.last is not None:
            last = int(down.last[0]) - 1
        elif last == _HIGHEST:
            last = first + far
        if up.last is None and down.last is None:
            fruitless += 1
            if fruitless % _ROWS_A_CALL == 0:
                progress()
        if first < last:
            middle = first + (last - first) * 5 // 12  # not in line with the pages
            for gap in ((first, middle), (middle + 1, last)):
                heappush(gaps, (gap[0] - gap[1], *gap))


def _pages(source: apsw.Connection) -> int:
    with contextlib.suppress(apsw.Error):
        return int(source.pragma("page_count"))
    return 0


def _count(db: apsw.Connection, table: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM {table}").get)  # noqa: S608
