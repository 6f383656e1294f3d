"""The file `running`: in which boot the database was opened and not closed cleanly, and how long
its WAL was for certain. A WAL that is shorter at the next start has lost something.
"""

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

CHECK = "check"  # in place of the boot: something was found damaged, or could not be written


class Before(NamedTuple):
    """What the last run has left: in which boot it was ('': it has closed the database cleanly;
    or CHECK), and how long the WAL was at least.
    """

    boot: str
    wal_bytes: int = 0


class Running:
    """The note of this run, and `before`, that of the last one. No file of that name, but something
    else (`is_stranger`): then all is to be checked.
    """

    def __init__(self, directory: Path, *, is_stranger: bool) -> None:
        self._path = directory / "running"
        self.boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self.before = Before(CHECK) if is_stranger else self._read()
        self._wal_bytes = self.before.wal_bytes

    def _read(self) -> Before:
        try:
            said = self._path.read_text(errors="replace")
        except FileNotFoundError:
            return Before("")
        except OSError:
            return Before(CHECK)
        boot, _, size = said.partition("\n")
        size = size.strip()
        return Before(boot or "unknown", int(size) if size.isascii() and size.isdigit() else 0)

    def begin(self, *, wal_is_new: bool) -> None:
        """Notes that the database is open. Raises OSError."""
        if wal_is_new:
            self._wal_bytes = 0
        self._write(self._wal_bytes)

    def note_wal(self, wal_bytes: int) -> None:
        """Notes how long the WAL is, when it has been synced. The note itself is not: an earlier
        one is right, too.
        """
        if wal_bytes > self._wal_bytes:
            self._wal_bytes = wal_bytes
            with contextlib.suppress(OSError):
                self._write(wal_bytes)

    def must_check(self) -> None:
        """Notes that the next start must check the whole database (after an I/O error)."""
        self.boot = CHECK
        with contextlib.suppress(OSError):
            self._write(self._wal_bytes)

    def closing(self) -> None:
        """Notes that the connection will be closed: that empties the WAL."""
        with contextlib.suppress(OSError):
            self._write(0, sync=True)

    def closed(self) -> None:
        """Notes that the connection was closed: the next start needs no check."""
        with contextlib.suppress(OSError):  # then there is one check too many
            self._path.unlink()

    def _write(self, wal_bytes: int, *, sync: bool = False) -> None:
        said = f"{self.boot}\n{wal_bytes:12}\n".encode()
        # Whatever has been put there meanwhile, a pipe for one: it must not hang.
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        file = os.open(self._path, flags, 0o600)
        try:
            os.pwrite(file, said, 0)  # over what is there: that takes no room
            os.ftruncate(file, len(said))
            if sync:
                os.fsync(file)
        finally:
            os.close(file)
