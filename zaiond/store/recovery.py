"""When the database can't be used as it is, what is left of it becomes a new one.

What is left lies in `salvaging/` below the state directory: queue.db, its WAL, and why. It is read
into a new database there, which takes the old one's place when it is whole; then the directory is
called `quarantine-NUMBER`. Whatever ends that half-way, the next start begins it again.

A damaged page costs its rows, not the rest. An event of which it can't be told any more what became
of it is routed anew: its mail may arrive twice, but it does arrive.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, Literal

import apsw

from zaiond.atomicfile import replace, sync_directory
from zaiond.store import meta, wal, words
from zaiond.store.damage import make_consistent
from zaiond.store.sound import Table, create, has_our_tables, is_sound, schema
from zaiond.text import Text

DATABASE = "queue.db"
WAL = "queue.db-wal"
TOLD_FOR = 7 * 86400.0  # seconds: so long a salvage is told of in the status
_SALVAGING = "salvaging"
_WHY = "why.json"
_NEW = "new.db"
_COPY = "copy.db"  # of a database whose place was taken, as far as it is copied
_REPLACED = "replaced.db"  # what lay in that place
_META = "salvage"
_PAGES_A_STEP = 2000
_ROWS_A_CALL = 1000
_HIGHEST = 2**63 - 1
# How far behind the last row that can be read others are looked for, where the end is not known:
# there are hardly more for each page of the file.
_ROWS_A_PAGE = 8
_FRUITLESS = 20_000  # looks at a table that find nothing: then what is left of it is lost
_LONGEST = 64 * 1024 * 1024  # bytes of a value: a damaged length is no reason to read gigabytes


@dataclass(frozen=True, slots=True)
class Salvage:
    """What was taken over out of a database that could not be used as it was, when and why."""

    at: float
    why: Text
    events: int
    deliveries: int
    quarantine: str  # '' where nothing is left to look at

    @property
    def taken_over(self) -> Text:
        """What is there again, and what is left of the old one."""
        taken_over = words.taken_over(events=self.events, deliveries=self.deliveries)
        if not self.quarantine:
            return taken_over
        return words.in_quarantine(taken_over=taken_over, quarantine=self.quarantine)

    @property
    def text(self) -> Text:
        """All that a person should know of it."""
        return words.salvaged(why=self.why, taken_over=self.taken_over)


def last_salvage(db: apsw.Connection) -> Salvage | None:
    """The last one, as long as it is told of."""
    try:
        last = meta.find(db, _META, Salvage)
    except UnicodeDecodeError:
        return None
    return last if last and 0 <= time.time() - last.at < TOLD_FOR else None


def is_pending(directory: Path) -> bool:
    """Whether there is something to recover that an earlier process has left."""
    return (directory / _SALVAGING).is_dir()


def leave_behind(directory: Path, connection: apsw.Connection) -> None:
    """Copies an open database, whose files were moved, for the next start to recover.

    Raises apsw.Error or OSError.
    """
    aside = directory / _SALVAGING
    aside.mkdir(mode=0o700, parents=True, exist_ok=True)
    _note(aside, words.MOVED)
    copy = aside / _COPY
    copy.unlink(missing_ok=True)
    with (
        contextlib.closing(apsw.Connection(str(copy))) as target,
        target.backup("main", connection, "main") as backup,
    ):
        while not backup.done:
            backup.step(_PAGES_A_STEP)
    copy.rename(aside / DATABASE)
    sync_directory(str(aside))
    sync_directory(str(directory))


def recover(directory: Path, why: Text, on_long_work: Callable[[], None]) -> Salvage:
    """Puts a new database in the place of the old one, with what can be read of that.

    Raises apsw.Error or OSError where there is no room for it.
    """
    aside = directory / _SALVAGING
    aside.mkdir(mode=0o700, exist_ok=True)
    if not (aside / _WHY).exists():
        _note(aside, why)
    # What lies in the place of a database that was copied, or read already, is another one.
    is_another = (aside / DATABASE).exists()
    for end in ("-wal", ""):
        there = directory / f"{DATABASE}{end}"
        is_file = there.is_file() or not os.path.lexists(there)
        name = _REPLACED if is_another or not is_file else DATABASE
        with contextlib.suppress(FileNotFoundError):
            there.rename(aside / f"{name}{end}")
    sync_directory(str(directory))
    if _size(aside / WAL):
        wal.mend(str(aside / WAL))
    if _size(aside / WAL) and not _size(aside / DATABASE):
        _make(aside / _COPY).close()
        _forget_size(aside / _COPY)
        # SQLite then reads the pages that the WAL has, and empty tables where it has none.
        (aside / _COPY).rename(aside / DATABASE)
    done = _rebuild(directory, aside, on_long_work)
    (aside / _NEW).rename(directory / DATABASE)
    if done.quarantine:
        aside.rename(done.quarantine)
    else:
        import shutil  # as seldom as a database is not sound

        shutil.rmtree(aside)
    sync_directory(str(directory))
    return done


def _note(aside: Path, why: Text) -> None:
    replace(str(aside / _WHY), json.dumps(why._asdict(), ensure_ascii=False).encode(), None)


def _noted(aside: Path) -> Text:
    try:
        return Text(**json.loads((aside / _WHY).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return words.damaged(said=words.INTERRUPTED)


def _rebuild(directory: Path, aside: Path, on_long_work: Callable[[], None]) -> Salvage:
    number = 1
    while (quarantine := directory / f"quarantine-{number}").exists():
        number += 1
    why = _noted(aside)
    left = (aside / DATABASE).exists() or (aside / _REPLACED).exists()
    events = deliveries = 0
    with contextlib.closing(_make(aside / _NEW)) as new:
        if (aside / DATABASE).exists():
            with _with_a_schema(aside) as old:
                _salvage(new, old, on_long_work)
            events, deliveries = (
                int(new.execute(f"SELECT count(*) FROM {table}").get)  # noqa: S608
                for table in ("events", "deliveries")
            )
        done = Salvage(time.time(), why, events, deliveries, str(quarantine) if left else "")
        meta.keep(new, _META, done)
    return done


def _make(path: Path) -> apsw.Connection:
    """A new and empty database, whatever an earlier start has left there."""
    _unlink(path)
    connection = apsw.Connection(str(path))
    try:
        create(connection)
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _with_a_schema(aside: Path) -> Iterator[Path]:
    """The old database; a copy of it with our own schema in it, where its own can't be read."""
    old, copy = aside / DATABASE, aside / _COPY
    with contextlib.closing(_open(old)) as source:
        has_schema = has_our_tables(source)
    if has_schema:
        yield old
        return
    with contextlib.closing(_make(copy)) as empty:
        pages: list[Any] = empty.execute(
            "SELECT pageno, pgsize FROM dbstat WHERE name = 'sqlite_schema'"
        ).fetchall()
    _forget_size(copy)
    ours = copy.read_bytes()
    import shutil  # as seldom as a database is not sound

    shutil.copyfile(old, copy)
    with copy.open("r+b") as file:
        if _size(aside / WAL):
            wal.put_into(str(aside / WAL), file)
        for number, size in pages:
            start = (number - 1) * size
            file.seek(start)
            file.write(ours[start : start + size])
    yield copy
    _unlink(copy)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _forget_size(database: Path) -> None:
    with database.open("r+b") as file:
        # File format 1.3.8: a size of 0 is not believed; there are as many pages as are there.
        file.seek(28)
        file.write(bytes(4))


def _unlink(database: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        database.with_name(database.name + end).unlink(missing_ok=True)


def _salvage(target: apsw.Connection, damaged: Path, progress: Callable[[], None]) -> None:
    """Copies what can be read of a database, which stays as it is, into an empty one."""
    with contextlib.closing(_open(damaged)) as source, target:
        for table in schema()[0]:
            marks = ",".join("?" * len(table.columns))
            insert = f"INSERT OR IGNORE INTO {table.name} VALUES ({marks})"  # noqa: S608
            for number, row in enumerate(_rows(source, table, progress)):
                if number % _ROWS_A_CALL == 0:
                    progress()
                if is_sound(table, row):
                    with contextlib.suppress(apsw.ConstraintError):
                        target.execute(insert, row)
        make_consistent(target)


def _open(damaged: Path) -> apsw.Connection:
    source = apsw.Connection(str(damaged))
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


_Row = tuple[Any, ...]


def _rows(source: apsw.Connection, table: Table, progress: Callable[[], None]) -> Iterator[_Row]:
    """Each row that can be read, some perhaps twice.

    What lies behind a damaged page is reached from the other side, and what lies between two of
    them from within what is left, the widest gap first.
    """
    if not table.is_numbered:
        yield from _scan(source, table, "ASC")
        yield from _scan(source, table, "DESC")
        return
    pages = 0
    with contextlib.suppress(apsw.Error):
        pages = int(source.pragma("page_count"))
    gaps = [(-_HIGHEST, 0, _HIGHEST)]  # less than nothing by its width, the first and the last key
    fruitless = 0
    while gaps and fruitless < _FRUITLESS:
        _, first, last = heappop(gaps)
        is_whole, lower = yield from _scan(source, table, "ASC", (first, last))
        if is_whole:
            continue
        if lower is not None:
            first = int(lower[0]) + 1
        _, upper = yield from _scan(source, table, "DESC", (first, last))
        if upper is not None:
            last = int(upper[0]) - 1
        elif last == _HIGHEST:
            last = first + _ROWS_A_PAGE * pages
        if lower is None and upper is None:
            fruitless += 1
            if fruitless % _ROWS_A_CALL == 0:
                progress()
        if first < last:
            middle = first + (last - first) * 5 // 12  # not in line with the pages
            for gap in ((first, middle), (middle + 1, last)):
                heappush(gaps, (gap[0] - gap[1], *gap))


def _scan(
    source: apsw.Connection,
    table: Table,
    order: Literal["ASC", "DESC"],
    between: tuple[int, int] | None = None,
) -> Generator[_Row, None, tuple[bool, _Row | None]]:
    """The rows of a table from one key to another, up to the first that can't be read. In the end
    it says whether there was none such, and the last key that could be read.
    """
    keys = len(table.key)
    by = ", ".join(f"{column} {order}" for column in table.key)
    where = "" if between is None else f"WHERE {table.key[0]} BETWEEN ? AND ?"
    query = f"SELECT {', '.join((*table.key, *table.columns))} FROM {table.name} {where}"  # noqa: S608
    last: _Row | None = None
    try:
        for row in source.execute(f"{query} ORDER BY {by}", between):
            key = row[:keys]
            if last is not None and not (key > last if order == "ASC" else key < last):
                return False, last  # its pages go round in a ring
            if between is not None and not between[0] <= key[0] <= between[1]:
                return False, last  # a page that is cut off: its keys are all 0
            last = key
            yield row[keys:]
    except Exception:  # noqa: BLE001 - a damaged page raises what it likes, also in Python
        return False, last
    return True, last
