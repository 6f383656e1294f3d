"""Opens the database, so that it can be trusted: lock, schema, check, quarantine, ballast.

Files in the state directory:
  queue.db, queue.db-wal   the queue
  lock                     held by the daemon that runs
  running                  the boot in which the database was opened and not closed cleanly
  ballast                  room for recording what was sent, given back when the disk is full
  salvaging/               a database that was found damaged, moved there whole; it has this name as
                           long as what can still be read of it has not been taken over
  quarantine-NUMBER/       the same afterwards
"""

import contextlib
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import apsw

from zaiond.errors import StoreError
from zaiond.store.salvage import salvage
from zaiond.text import Text

SCHEMA_VERSION = 1
# Enough for a checkpoint of the whole WAL: afterwards the WAL's own room serves for recording.
BALLAST_BYTES = 16 * 1024 * 1024
# EXCLUSIVE before the first access: then WAL needs no shared memory. FULL: with NORMAL an
# acknowledged event can be lost at a power cut.
_PRAGMAS = (
    ("locking_mode", "EXCLUSIVE"),
    ("journal_mode", "WAL"),
    ("synchronous", "FULL"),
    ("wal_autocheckpoint", 1000),
    ("journal_size_limit", 8 * 1024 * 1024),
    ("cache_size", -4000),
    ("temp_store", "MEMORY"),
)
_DAMAGED = (apsw.CorruptError, apsw.NotADBError)


@dataclass(frozen=True, slots=True)
class Salvage:
    """What was taken over out of a damaged database; `reason` is SQLite's word."""

    quarantine: str
    events: int
    deliveries: int
    reason: str

    @property
    def text(self) -> Text:
        """What a person should know of it."""
        return Text(
            f"キューのデータベースが壊れていました（{self.reason}）。"
            f"イベント {self.events} 件、配送 {self.deliveries} 件を引き継ぎました。"
            f"壊れたデータベースは {self.quarantine} にあります",
            f"the queue's database was damaged ({self.reason}): {self.events} events and"
            f" {self.deliveries} deliveries were taken over; what was there is in"
            f" {self.quarantine}",
        )


class Database:
    """The open database of a state directory; `salvage` is set if it had been damaged.

    Raises StoreError when another daemon runs on it, it can't be opened or is of a newer version.
    """

    def __init__(self, state_dir: str, on_long_check: Callable[[], None] = lambda: None) -> None:
        self._dir = Path(state_dir)
        self._path = self._dir / "queue.db"
        self._lock = self._take_lock()
        self.salvage: Salvage | None = None
        self._given_back = 0  # bytes of the ballast
        try:
            self.connection = self._open_sound(on_long_check)
            (self._dir / "running").write_text(_boot_id())
            self.lay_ballast()
            _fsync_directory(self._dir)
        except (apsw.Error, OSError) as error:
            os.close(self._lock)
            raise StoreError(
                Text(
                    f"キュー {self._path} を開けません: {error}",
                    f"the queue {self._path} can't be opened: {error}",
                )
            ) from error
        except BaseException:
            os.close(self._lock)
            raise

    def closed_cleanly(self) -> None:
        """Notes that the connection was closed: the next start needs no check. Lets others in."""
        (self._dir / "running").unlink(missing_ok=True)
        os.close(self._lock)

    def must_check(self) -> None:
        """Notes that the next start must check the whole database (after an I/O error)."""
        with contextlib.suppress(OSError):
            (self._dir / "running").write_text("check")

    def release_ballast(self) -> bool:
        """Gives the ballast back to the file system; says whether there was one."""
        try:
            (self._dir / "ballast").unlink()
        except OSError:
            return False
        self._given_back = BALLAST_BYTES
        return True

    def lay_ballast(self) -> None:
        """Reserves room for recording what was sent, if there is none reserved and room for it."""
        ballast = self._dir / "ballast"
        free, floor = self.free_bytes()
        if ballast.exists() or free + self._given_back < floor + BALLAST_BYTES:
            return
        with contextlib.suppress(OSError), ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
            self._given_back = 0

    def free_bytes(self) -> tuple[int, int]:
        """Bytes free for new events, and the floor below which none is taken.

        What was given back of the ballast is for recording: on a small disk it is above the floor.
        """
        space = os.fstatvfs(self._lock)  # wherever the directory has gone
        floor = min(space.f_blocks * space.f_frsize // 20, 256 * 1024 * 1024)
        return max(0, space.f_bavail * space.f_frsize - self._given_back), floor

    def _take_lock(self) -> int:
        try:
            lock = os.open(self._dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                Text(
                    f"状態ディレクトリ {self._dir} に書き込めません: {error.strerror}",
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

    def _open_sound(self, on_long_check: Callable[[], None]) -> apsw.Connection:
        if (self._dir / "salvaging").exists():
            return self._start_afresh("interrupted", on_long_check)
        try:
            connection = self._open()
            try:
                self._check_if_needed(connection, on_long_check)
            except BaseException:
                connection.close()
                raise
        except _DAMAGED as error:
            return self._start_afresh(str(error), on_long_check)
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
        return connection

    def _open(self) -> apsw.Connection:
        used = (self._dir / "running").exists() or (self._dir / "ballast").exists()
        if used and self._path.exists() and not self._path.stat().st_size:
            raise apsw.NotADBError("the file is empty")
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
        version = connection.pragma("user_version")
        if version == 0:
            if connection.execute("SELECT count(*) FROM sqlite_schema").get:
                raise apsw.CorruptError("its format is not recorded")
            schema = files("zaiond.store").joinpath("schema.sql").read_text()
            with connection:
                connection.execute(schema)
                connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        elif version != SCHEMA_VERSION:
            raise StoreError(
                Text(
                    f"キュー {self._path} は新しい版の zaiond のものです（形式 {version}）",
                    f"the queue {self._path} is of a newer zaiond (format {version})",
                )
            )

    def _check_if_needed(
        self, connection: apsw.Connection, on_long_check: Callable[[], None]
    ) -> None:
        # A killed process needs only WAL recovery; a machine that went down, or a disk that failed,
        # can have left anything.
        try:
            running = (self._dir / "running").read_text()
        except FileNotFoundError:
            return
        if running == _boot_id():
            return

        def progress() -> bool:
            on_long_check()
            return False

        progress()
        connection.set_progress_handler(progress, 10_000_000)
        found = connection.pragma("quick_check")
        connection.set_progress_handler(None)
        if found != "ok":
            raise apsw.CorruptError(str(found))

    def _start_afresh(self, reason: str, on_long_check: Callable[[], None]) -> apsw.Connection:
        """Moves the damaged database aside whole and takes over what can still be read.

        Whatever ends it half-way, the next start begins it again.
        """
        aside = self._dir / "salvaging"
        aside.mkdir(mode=0o700, exist_ok=True)
        moved = (aside / "queue.db").exists()  # by a start that was interrupted
        for name in ("queue.db-wal", "queue.db-shm", "queue.db"):
            with contextlib.suppress(FileNotFoundError):
                if moved:  # then this is the new one, as far as it came
                    (self._dir / name).unlink()
                else:
                    (self._dir / name).rename(aside / name)
        _fsync_directory(self._dir)
        connection = self._open()
        try:
            events, deliveries = salvage(connection, str(aside / "queue.db"), on_long_check)
        except BaseException:
            connection.close()
            raise
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
        number = 1
        while (quarantine := self._dir / f"quarantine-{number}").exists():
            number += 1
        aside.rename(quarantine)
        self.salvage = Salvage(str(quarantine), events, deliveries, reason)
        return connection


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _fsync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
