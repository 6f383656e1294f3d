"""The system's time zone as it is now: by itself the C library reads it at its first use only."""

import contextlib
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime


def rfc3339(at: float) -> str:
    """A time in seconds since the epoch, local with its offset; UTC where the calendar ends."""
    moment = datetime.fromtimestamp(at, UTC)
    with contextlib.suppress(ValueError, OverflowError):
        moment = moment.astimezone()
    return moment.isoformat(timespec="milliseconds")


class TimeZone:
    """Looks whether /etc/localtime is another one than before, and then has it read again.

    Nothing runs meanwhile. Where the environment has TZ, that counts, and nothing changes.
    """

    def __init__(
        self, path: str = "/etc/localtime", read_again: Callable[[], None] = time.tzset
    ) -> None:
        self._path = path
        self._read_again = read_again
        self._stamp = self._look()

    def refresh(self) -> None:
        """To be called before local times are made; it costs one stat(2)."""
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            self._read_again()

    def _look(self) -> tuple[int, int, int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_dev, found.st_ino, found.st_size
