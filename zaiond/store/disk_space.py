"""Room on the disk of the queue: how much is free, how much the queue takes up, and the ballast,
which is room for recording what was sent when nothing else is left.
"""

import contextlib
import os
from pathlib import Path

# Enough for a checkpoint of the whole WAL: afterwards the WAL's own room serves for recording.
BALLAST_BYTES = 16 * 1024 * 1024
HISTORY_BYTES = 1024 * 1024 * 1024  # and not more than a tenth of the disk


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
        with contextlib.suppress(OSError), self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)
            self._given_back = 0
