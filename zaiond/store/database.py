"""Opens the database, so that it can be trusted: lock, schema, check, ballast.

Files in the state directory:
  queue.db, queue.db-wal   the queue
  lock                     held by the daemon that runs; it names the queue once there is one
  running                  see running.py
  ballast                  see disk_space.py
  salvaging/, quarantine-NUMBER/    a database that could not be used as it was: see recovery.py
  NAME.moved-NUMBER        what lay in the place of a file of ours, and is none
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import time
from collections.abc import Callable
from functools import partial
from operator import lt
from pathlib import Path
from typing import Any

import apsw

from zaiond.atomicfile import sync_directory
from zaiond.config.load import LAST_GOOD
from zaiond.errors import StoreError
from zaiond.store import recovery, schema, wal
from zaiond.store.disk_space import DiskSpace
from zaiond.store.prune import pages
from zaiond.store.recovery import DATABASE, WAL
from zaiond.store.running import CHECK, Running
from zaiond.store.sound import has_our_tables
from zaiond.store.writer import DISK_FULL
from zaiond.text import Text, in_japanese

_WAL_BYTES = 8 * 1024 * 1024  # to which SQLite cuts a WAL that has been longer
# EXCLUSIVE before the first access: then WAL needs no shared memory. FULL: with NORMAL an
# acknowledged event can be lost at a power cut.
_PRAGMAS = (
    ("locking_mode", "EXCLUSIVE"),
    ("journal_mode", "WAL"),
    ("synchronous", "FULL"),
    ("wal_autocheckpoint", 1000),
    ("journal_size_limit", _WAL_BYTES),
    ("cache_size", -4000),
    ("temp_store", "MEMORY"),
)
_DAMAGED = (apsw.CorruptError, apsw.NotADBError)
_EMPTY = Text("ファイルが空です", "the file is empty")


# What lies beside a queue; on a directory that never had one, none of it does.
_TRACES = ("running", "ballast", LAST_GOOD, WAL)
# Those that are no queue's; what lies in the place of its own files is kept by a recovery.
_OUR_FILES = ("lock", "running", "ballast", LAST_GOOD, f"{DATABASE}-journal")
_TOKENS = "oauth2-*.json"  # oauth/refresh_token.py
AWAY_SECONDS = 2.0  # the files of the queue may be away for so long
_LOOK_AGAIN = 0.05  # seconds


class _UnusableError(Exception):
    """The database can't be used as it is."""

    def __init__(self, why: Text) -> None:
        super().__init__(why.en)
        self.why = why


def _no_file(name: str) -> Text:
    return Text(f"{name} がファイルではありません", f"{name} is not a file")


class Database:
    """The open database of a state directory.

    `salvage` is what was taken over the last time that it could not be used as it was, for a week;
    `is_recovered` if that was at this start. Raises StoreError when another daemon runs on it, it
    can't be opened or is of a newer version.
    """

    def __init__(self, state_dir: str, on_long_check: Callable[[], None] = lambda: None) -> None:
        self._dir = Path(state_dir)
        self._path = self._dir / DATABASE
        self._paths = [os.path.join(state_dir, name) for name in (DATABASE, WAL)]
        self.tell_at_work = on_long_check  # says that what takes long goes on
        self.moved: list[str] = []  # what lay in the place of a file at this start, and is none
        self._strangers = self._clear_places()
        self._lock = self._take_lock()
        self.is_recovered = False
        self.salvage: recovery.Salvage | None = None
        self.space = DiskSpace(self._path, self._lock)
        self.running = Running(self._dir, is_stranger="running" in self._strangers)
        self._sizes = [0, 0]  # of the files of the queue, at the last look
        try:
            self.connection = self._open_sound()
            self._files = self._look()
            self.space.reusable = pages(self.connection).free
            if not os.fstat(self._lock).st_size:
                os.write(self._lock, f"{DATABASE}\n".encode())
                os.fsync(self._lock)
            self._note_running()
            self.space.lay_ballast()
            sync_directory(str(self._dir))
        except BaseException as error:
            os.close(self._lock)
            if not isinstance(error, apsw.Error | OSError):
                raise
            why = _said(error)
            raise StoreError(
                Text(
                    f"キュー {self._path} を開けません: {why.ja}",
                    f"the queue {self._path} can't be opened: {why.en}",
                )
            ) from error

    def _clear_places(self) -> set[str]:
        """Gives another name to what is no file and lies in the place of one of ours: what the
        daemon reads or writes would hang, or fail at each start. Gives the names of these places.
        """
        found: set[str] = set()
        try:
            ours = [*map(self._dir.joinpath, _OUR_FILES), *self._dir.glob(_TOKENS)]
            places = [one for one in ours if os.path.lexists(one) and not one.is_file()]
        except OSError as error:
            raise StoreError(
                Text(
                    f"状態ディレクトリ {self._dir} を読み取れません: {in_japanese(error)}",
                    f"the state directory {self._dir} can't be read: {error.strerror}",
                )
            ) from error
        for path in places:
            number = 1
            while os.path.lexists(moved := path.with_name(f"{path.name}.moved-{number}")):
                number += 1
            # Where it can't be moved, whoever needs the file says so.
            with contextlib.suppress(OSError):
                path.rename(moved)
                found.add(path.name)
                self.moved.append(str(moved))
        return found

    def _note_running(self) -> None:
        note = partial(self.running.begin, wal_is_new=self.is_recovered)
        try:
            note()
        except OSError as error:
            if error.errno != errno.ENOSPC or not self.space.release_ballast():
                raise
            note()

    def closing(self) -> None:
        """Notes that the connection will be closed."""
        self.running.closing()

    def closed_cleanly(self) -> None:
        """Notes that the connection was closed: the next start needs no check. Lets others in."""
        self.running.closed()
        os.close(self._lock)

    def is_in_place(self) -> bool:
        """Whether the next start will find what is committed: the open files are those of the
        state directory. Waits a little where they are not: they may be moved back.
        """
        until = time.monotonic() + AWAY_SECONDS
        while self._look() != self._files:
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK_AGAIN)
        self.running.note_wal(min(self._sizes[1], _WAL_BYTES))
        return True

    def is_whole(self) -> bool:
        """Whether nothing was cut off since the last look; nothing was written since."""
        before = self._sizes
        return self._look() != self._files or not any(map(lt, self._sizes, before))

    def leave_behind(self) -> None:
        """Copies the open database for the next start, as its files are not in their place.

        Raises StoreError.
        """
        try:
            recovery.leave_behind(self._dir, self.connection, recovery.MOVED)
        except (apsw.Error, OSError) as error:
            raise StoreError(
                Text(
                    f"移動または削除されたキューを {self._dir} に保存できません: {error}",
                    f"the queue that was moved or removed can't be saved in {self._dir}: {error}",
                )
            ) from error

    def _look(self) -> list[tuple[int, int] | None]:
        """The device and inode of each file of the queue."""
        found: list[tuple[int, int] | None] = []
        sizes: list[int] = []
        for path in self._paths:
            try:
                status = os.stat(path)
                found.append((status.st_dev, status.st_ino))
                sizes.append(status.st_size)
            except OSError:
                found.append(None)
        if len(sizes) == len(found):
            self._sizes = sizes
        return found

    def _take_lock(self) -> int:
        try:
            lock = os.open(self._dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                Text(
                    f"状態ディレクトリ {self._dir} に書き込めません: {in_japanese(error)}",
                    f"the state directory {self._dir} can't be written to: {error.strerror}",
                )
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise StoreError(
                Text(
                    f"別の zaiond が {self._dir} を使っています。先にそれを停止してください",
                    f"another zaiond is running on {self._dir}: stop it first",
                )
            ) from None
        return lock

    def _open_sound(self) -> apsw.Connection:
        try:
            if recovery.is_pending(self._dir):
                raise _UnusableError(recovery.damaged(recovery.INTERRUPTED))
            self._must_be_whole()
            try:
                connection = self._open_checked()
            except _DAMAGED:  # SQLite says the same of a disk that fails for a moment: once more
                connection = self._open_checked()
        except (_UnusableError, *_DAMAGED) as error:
            said = str(error)
            why = error.why if isinstance(error, _UnusableError) else None
            why = why or recovery.damaged(Text(said, said))
            self.space.release_ballast()  # a copy needs room
            self.salvage = recovery.recover(self._dir, why, self.tell_at_work)
            self.is_recovered = True
            connection = self._open()
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
        return connection

    def _open_checked(self) -> apsw.Connection:
        connection = self._open()
        try:
            self._check_if_needed(connection)
            self.salvage = recovery.last_salvage(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _must_be_whole(self) -> None:
        """Raises _UnusableError where files are missing that were there, or are no files."""
        for path in map(Path, self._paths):
            if os.path.lexists(path) and not path.is_file():
                raise _UnusableError(recovery.damaged(_no_file(path.name)))
        traces = {name for name in _TRACES if (self._dir / name).exists()}
        had_one = traces or self._strangers or os.fstat(self._lock).st_size
        if not self._path.exists():
            if had_one:
                raise _UnusableError(recovery.GONE)
        elif not self._path.stat().st_size:
            if had_one:
                raise _UnusableError(recovery.damaged(_EMPTY))
        elif "running" in traces and WAL not in traces:
            raise _UnusableError(recovery.WAL_GONE)
        elif WAL in traces and (self._dir / WAL).stat().st_size < self.running.before.wal_bytes:
            raise _UnusableError(recovery.WAL_CUT)

    def _open(self) -> apsw.Connection:
        connection = apsw.Connection(str(self._path))
        try:
            # Until it is known to be sound, closing it must leave it and its WAL as they are.
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: apsw.Connection) -> None:
        for name, value in _PRAGMAS:
            connection.pragma(name, value)
        if connection.pragma("journal_mode") != "wal":
            raise apsw.CantOpenError(f"no WAL on the file system of {self._dir}")
        # A WAL that is there as long as the database is can't go unnoticed.
        yes = ctypes.c_int(1)
        connection.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, ctypes.addressof(yes))
        if self.running.before.boot:
            # Before anything is written: for SQLite, what lies behind the damage is free.
            found: list[Any] = connection.execute("PRAGMA wal_checkpoint(NOOP)").fetchall()
            ((_, frames, _),) = found
            if wal.is_damaged(self._paths[1], max(0, frames)):
                raise _UnusableError(recovery.WAL_DAMAGED)
        version = connection.pragma("user_version")
        if version == 0:
            if connection.execute("SELECT count(*) FROM sqlite_schema").get:
                raise apsw.CorruptError("its format is not recorded")
            schema.create(connection)
        elif version != schema.VERSION:
            raise StoreError(
                Text(
                    f"キュー {self._path} は新しいバージョンの zaiond のものです（形式 {version}）",
                    f"the queue {self._path} is of a newer zaiond (format {version})",
                )
            )
        elif not has_our_tables(connection):
            raise apsw.CorruptError("its tables are not those of a queue")

    def _check_if_needed(self, connection: apsw.Connection) -> None:
        # A killed process needs only WAL recovery; a machine that went down, or a disk that failed,
        # can have left anything.
        boot = self.running.before.boot
        if boot in ("", self.running.boot):
            return
        # What was found damaged may be what an index says, which a quick check does not look at.
        check = "integrity_check" if boot == CHECK else "quick_check"

        def progress() -> bool:
            self.tell_at_work()
            return False

        progress()
        connection.set_progress_handler(progress, 10_000_000)
        found = connection.pragma(check)
        connection.set_progress_handler(None)
        if found != "ok":
            raise apsw.CorruptError(str(found))


def _said(error: apsw.Error | OSError) -> Text:
    """What went wrong, and what to do about it."""
    if isinstance(error, apsw.FullError):
        return DISK_FULL
    if isinstance(error, apsw.Error):
        return Text(str(error), str(error))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DISK_FULL
    where = f" ({error.filename})" if error.filename else ""
    return Text(f"{in_japanese(error)}{where}", f"{error.strerror or error}{where}")
