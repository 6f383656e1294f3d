"""The state directory with the queue's database: one daemon at a time, and no file of it moved,
removed or cut off without notice.

Files in the state directory:
  queue.db, queue.db-wal   the queue
  lock                     held by the daemon that runs; it names the queue once there is one
  running                  in which boot the database was opened and not closed cleanly, and how
                           long its WAL was for certain: a shorter one has lost something
  ballast                  room for recording what was sent, when nothing else is left
  salvaging/, quarantine-NUMBER/    a database that could not be used as it was: see recovery.py
  NAME.moved-NUMBER        what lay in the place of a file of ours, and is none
"""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable
from operator import lt
from pathlib import Path
from typing import NamedTuple

import apsw

from zaiond.atomicfile import sync_directory
from zaiond.config.load import LAST_GOOD
from zaiond.errors import StoreError
from zaiond.store import recovery, words
from zaiond.store.opening import WAL_BYTES, LastRun, open_database
from zaiond.store.recovery import DATABASE, WAL
from zaiond.text import Text, reason

# Enough for a checkpoint of the whole WAL: afterwards the WAL's own room serves for recording.
BALLAST_BYTES = 16 * 1024 * 1024
HISTORY_BYTES = 1024 * 1024 * 1024  # and not more than a tenth of the disk
# Those that are no queue's; what lies in the place of its own files is kept by a recovery.
_OUR_FILES = ("lock", "running", "ballast", LAST_GOOD, f"{DATABASE}-journal")
_TOKENS = "oauth2-*.json"  # oauth/tokens.py
_CHECK = "check"  # in place of the boot: something was found damaged, or could not be written
AWAY_SECONDS = 2.0  # the files of the queue may be away for so long
_LOOK_AGAIN = 0.05  # seconds


class Pages(NamedTuple):
    """Bytes of the database's pages: those in use, and those that are free to be used again."""

    used: int
    free: int


def pages(db: apsw.Connection) -> Pages:
    """How much the database holds. SQLite keeps both counts: nothing is read for it."""
    size, free = int(db.pragma("page_size")), int(db.pragma("freelist_count"))
    return Pages((int(db.pragma("page_count")) - free) * size, free * size)


class DiskSpace:
    """The room on the disk of which `descriptor` is an open file, wherever that has gone.

    `reusable` is how many bytes were free within the database when it was looked at last.
    """

    def __init__(self, database: Path, descriptor: int) -> None:
        self.reusable = 0
        self._database = database
        self._ballast = database.with_name("ballast")
        self._descriptor = descriptor
        self._given_back = 0  # bytes of the ballast

    def free_bytes(self) -> tuple[int, int]:
        """Bytes free for new events, and the floor below which none is taken.

        What was given back of the ballast is for recording: on a small disk it is above the floor.
        """
        space = os.fstatvfs(self._descriptor)
        floor = min(space.f_blocks * space.f_frsize // 20, 256 * 1024 * 1024)
        return max(0, space.f_bavail * space.f_frsize - self._given_back), floor

    def history_limit(self) -> int:
        """Bytes that history may take up."""
        space = os.fstatvfs(self._descriptor)
        return min(space.f_blocks * space.f_frsize // 10, HISTORY_BYTES)

    def size(self) -> int:
        """Bytes of the database's file."""
        return os.stat(self._database).st_size

    def release_ballast(self) -> bool:
        """Gives the ballast back to the file system; says whether there was one."""
        try:
            self._ballast.unlink()
        except OSError:
            return False
        self._given_back = BALLAST_BYTES
        return True

    def lay_ballast(self) -> None:
        """Reserves room for recording what was sent, if there is none reserved and room for it."""
        free, floor = self.free_bytes()
        if self._ballast.exists() or free + self._given_back < floor + BALLAST_BYTES:
            return
        try:
            with self._ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
            self._given_back = 0
        except OSError:  # as of a quota: what was begun reserves nothing
            with contextlib.suppress(OSError):
                self._ballast.unlink()


class Database:
    """The open database of a state directory.

    `salvage` is what was taken over the last time that it could not be used as it was, for a week;
    `is_recovered` if that was at this start. `moved` is what lay in the place of a file at this
    start, and is none. Raises StoreError when another daemon runs on it, it can't be opened or is
    of a newer version.
    """

    def __init__(self, state_dir: str, on_long_check: Callable[[], None] = lambda: None) -> None:
        self._dir = Path(state_dir)
        self._paths = [os.path.join(state_dir, name) for name in (DATABASE, WAL)]
        self.tell_at_work = on_long_check  # says that what takes long goes on
        self.moved: list[str] = []
        strangers = self._clear_places()
        self._lock = self._take_lock()
        self.space = DiskSpace(self._dir / DATABASE, self._lock)
        self._note = self._dir / "running"
        self._boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        last = self._last_run(strangers)
        self._sizes = [0, 0]  # of the files of the queue at the last look, of the WAL up to a hole
        try:
            self.connection, self.salvage, self.is_recovered = open_database(
                self._dir, last, self.space.release_ballast, self.tell_at_work
            )
            self._files = self._look()
            self.space.reusable = pages(self.connection).free
            if not os.fstat(self._lock).st_size:
                os.write(self._lock, f"{DATABASE}\n".encode())
                os.fsync(self._lock)
            self._noted_bytes = 0 if self.is_recovered else last.wal_bytes
            try:
                self._write_note(self._noted_bytes)
            except OSError as error:
                if error.errno != errno.ENOSPC or not self.space.release_ballast():
                    raise
                self._write_note(self._noted_bytes)
            self.space.lay_ballast()
            sync_directory(str(self._dir))
        except BaseException as error:
            os.close(self._lock)
            if not isinstance(error, apsw.Error | OSError):
                raise
            raise StoreError(
                words.not_opened(path=self._dir / DATABASE, why=_said(error))
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
            raise StoreError(words.not_read(path=self._dir, why=error)) from error
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

    def _take_lock(self) -> int:
        try:
            lock = os.open(self._dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(words.not_written(path=self._dir, why=error)) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise StoreError(words.in_use(path=self._dir)) from None
        return lock

    def _last_run(self, strangers: set[str]) -> LastRun:
        try:
            said = self._note.read_text(errors="replace")
            boot, _, size = said.partition("\n")
            boot, size = boot or "unknown", size.strip()
        except FileNotFoundError:
            boot = size = ""
        except OSError:
            boot, size = _CHECK, ""
        if self._note.name in strangers:
            boot = _CHECK
        check = "quick_check"
        if boot in ("", self._boot):
            # A killed process needs only WAL recovery; a machine that went down, or a disk that
            # failed, can have left anything.
            check = ""
        elif boot == _CHECK:
            # What was found damaged may be what an index says: a quick check does not look there.
            check = "integrity_check"
        return LastRun(
            is_closed=not boot,
            check=check,
            wal_bytes=int(size) if size.isascii() and size.isdigit() else 0,
            had_database=bool(strangers or os.fstat(self._lock).st_size),
        )

    def is_in_place(self) -> bool:
        """Whether the next start will find what is committed: the open files are those of the
        state directory, and nothing was cut off. Waits a little where they are not: they may be
        moved back.
        """
        until = time.monotonic() + AWAY_SECONDS
        database, log = self._sizes
        while self._look() != self._files:
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK_AGAIN)
        # SQLite itself shortens nothing but a WAL that has been longer than that.
        if any(map(lt, self._sizes, (database, min(log, WAL_BYTES)))):
            return False
        # It was synced, so it is that long for certain. The note is not: an earlier one is right.
        wal_bytes = min(self._sizes[1], WAL_BYTES)
        if wal_bytes > self._noted_bytes:
            self._noted_bytes = wal_bytes
            with contextlib.suppress(OSError):
                self._write_note(wal_bytes)
        return True

    def is_whole(self) -> bool:
        """Whether nothing was cut off since the last look; nothing was written since."""
        before = self._sizes
        return self._look() != self._files or not any(map(lt, self._sizes, before))

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
            self._sizes = [sizes[0], _before_a_hole(self._paths[1], sizes[1])]
        return found

    def leave_behind(self) -> None:
        """Copies the open database for the next start, as its files are not in their place.

        Raises StoreError.
        """
        try:
            recovery.leave_behind(self._dir, self.connection)
        except (apsw.Error, OSError) as error:
            raise StoreError(words.not_left_behind(path=self._dir, why=str(error))) from error

    def must_check(self) -> None:
        """Notes that the next start must check the whole database (after an I/O error)."""
        self._boot = _CHECK
        with contextlib.suppress(OSError):
            self._write_note(self._noted_bytes)

    def closing(self) -> None:
        """Notes that the connection will be closed: that empties the WAL."""
        with contextlib.suppress(OSError):
            self._write_note(0, sync=True)

    def closed_cleanly(self) -> None:
        """Notes that the connection was closed: the next start needs no check. Lets others in."""
        with contextlib.suppress(OSError):  # then there is one check too many
            self._note.unlink()
        os.close(self._lock)

    def _write_note(self, wal_bytes: int, *, sync: bool = False) -> None:
        said = f"{self._boot}\n{wal_bytes:12}\n".encode()
        # Whatever has been put there meanwhile, a pipe for one: it must not hang.
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        file = os.open(self._note, flags, 0o600)
        try:
            os.pwrite(file, said, 0)  # over what is there: that takes no room
            os.ftruncate(file, len(said))
            if sync:
                os.fsync(file)
        finally:
            os.close(file)


def _before_a_hole(log: str, size: int) -> int:
    """How many bytes of the WAL were written, up to the first that nobody wrote: where it is cut
    off while a commit is under way, that makes it as long as before.
    """
    try:
        # Whatever has been put there meanwhile, a pipe for one: it must not hang.
        file = os.open(log, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return size
    try:
        return os.lseek(file, 0, os.SEEK_HOLE)
    except OSError:  # it is empty, or no file
        return size
    finally:
        os.close(file)


def _said(error: apsw.Error | OSError) -> Text:
    """What went wrong, and what to do about it."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return words.DISK_FULL
    if isinstance(error, apsw.Error):
        is_full = isinstance(error, apsw.FullError)
        return words.DISK_FULL if is_full else Text(str(error), str(error))
    return words.at_file(why=error, file=error.filename) if error.filename else reason(error)
