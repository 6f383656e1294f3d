"""When the database can't be used as it is, what is left of it becomes a new one.

What is left lies in `salvaging/` below the state directory: queue.db, its WAL, and why. It is read
into a new database there, which takes the old one's place when it is whole; then the directory is
called `quarantine-NUMBER`. Whatever ends that half-way, the next start begins it again.
"""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import apsw

from zaiond.atomicfile import replace, sync_directory
from zaiond.store import wal
from zaiond.store.events import get_meta, set_meta
from zaiond.store.salvage import has_schema, salvage
from zaiond.store.schema import create
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

GONE = Text(
    "キューのデータベース queue.db がなくなっていました",
    "the queue's database, queue.db, was gone",
)
WAL_GONE = Text(
    "キューのデータベースの queue.db-wal がなくなっていました。"
    "最後に受け付けたイベントは失われた可能性があります",
    "queue.db-wal of the queue's database was gone, and with it perhaps what was accepted last",
)
WAL_CUT = Text(
    "キューのデータベースの queue.db-wal が短くなっていました。"
    "最後に受け付けたイベントは失われた可能性があります",
    "queue.db-wal of the queue's database was shorter than it had been, and with the rest perhaps"
    " what was accepted last is lost",
)
WAL_DAMAGED = Text(
    "キューのデータベースの queue.db-wal が途中で壊れていました",
    "queue.db-wal of the queue's database was damaged",
)
MOVED = Text(
    "zaiond の動作中に、キューのデータベースが移動、削除、切り詰め、または置き換えられました",
    "the queue's database was moved, removed or replaced, or cut off, while zaiond was running",
)


INTERRUPTED = Text("復旧の途中で終了していました", "its recovery was interrupted")


def damaged(said: Text) -> Text:
    """Why, where SQLite or a check of its own says that it is damaged."""
    return Text(
        f"キューのデータベースが壊れていました（{said.ja}）",
        f"the queue's database was damaged ({said.en})",
    )


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
        ja = f"イベント {self.events} 件、配送 {self.deliveries} 件を引き継ぎました。"
        en = f"{self.events} events and {self.deliveries} deliveries were taken over"
        if self.quarantine:
            ja += f"元のデータベースは {self.quarantine} にあります。"
            en += f"; what was there is in {self.quarantine}"
        return Text(ja, en)

    @property
    def text(self) -> Text:
        """All that a person should know of it."""
        return Text(f"{self.why.ja}。{self.taken_over.ja}", f"{self.why.en}: {self.taken_over.en}")


def last_salvage(db: apsw.Connection) -> Salvage | None:
    """The last one, as long as it is told of."""
    try:
        found = json.loads(str(get_meta(db, _META)))
        last = Salvage(**{**found, "why": Text(*found["why"])})
        return last if 0 <= time.time() - last.at < TOLD_FOR else None
    except (ValueError, TypeError):  # there is none
        return None


def is_pending(directory: Path) -> bool:
    """Whether there is something to recover that an earlier process has left."""
    return (directory / _SALVAGING).is_dir()


def leave_behind(directory: Path, connection: apsw.Connection, why: Text) -> None:
    """Copies an open database, whose files may have gone, for the next start to recover.

    Raises apsw.Error or OSError.
    """
    aside = directory / _SALVAGING
    aside.mkdir(mode=0o700, parents=True, exist_ok=True)
    _note(aside, why)
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
        shutil.rmtree(aside)
    sync_directory(str(directory))
    return done


def _note(aside: Path, why: Text) -> None:
    replace(str(aside / _WHY), json.dumps(why._asdict(), ensure_ascii=False).encode(), None)


def _noted(aside: Path) -> Text:
    try:
        return Text(**json.loads((aside / _WHY).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return damaged(INTERRUPTED)


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
                events, deliveries = salvage(new, str(old), on_long_work)
        done = Salvage(time.time(), why, events, deliveries, str(quarantine) if left else "")
        set_meta(new, _META, json.dumps(asdict(done), ensure_ascii=False))
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
    if has_schema(str(old)):
        yield old
        return
    with contextlib.closing(_make(copy)) as empty:
        pages: list[Any] = empty.execute(
            "SELECT pageno, pgsize FROM dbstat WHERE name = 'sqlite_schema'"
        ).fetchall()
    _forget_size(copy)
    ours = copy.read_bytes()
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
