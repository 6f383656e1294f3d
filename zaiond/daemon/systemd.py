"""What systemd is told (sd_notify(3)): ready, alive, how it is, stopping. Silent elsewhere."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable

from zaiond.errors import ZaiondError

CHECK_SECONDS = 120
AGAIN = 1.0  # seconds at most until a round trip that failed is tried again
STATUS_INTERVAL = 2.0  # seconds at least between two lines of status


def _notify(state: str) -> None:
    if "NOTIFY_SOCKET" in os.environ:
        from systemd.daemon import notify

        # Whoever started us may listen no more: no reason to stop.
        with contextlib.suppress(OSError):
            notify(state)


def ready() -> None:
    """The sockets are open, and what is on disk has been taken over."""
    _notify("READY=1")


def stopping() -> None:
    """No event is taken any more."""
    _notify("STOPPING=1")


def at_work() -> None:
    """The whole database is being checked: that takes longer than a start or a round trip may."""
    _notify(f"EXTEND_TIMEOUT_USEC={CHECK_SECONDS * 1_000_000}\nWATCHDOG=1")


async def answer_watchdog(round_trip: Callable[[], Awaitable[None]]) -> None:
    """Says that we live, each time after a round trip through what must work; ends if not asked.

    A round trip that fails is tried again: as long as none succeeds, nothing is said.
    """
    microseconds = int(os.environ.get("WATCHDOG_USEC", "0"))
    if not microseconds:
        return
    while True:
        try:
            await round_trip()
        except ZaiondError:
            await asyncio.sleep(min(AGAIN, microseconds / 4_000_000))
            continue
        _notify("WATCHDOG=1")
        await asyncio.sleep(microseconds / 2_000_000)


class StatusLine:
    """The line of `systemctl status`: `describe` makes it, of one line.

    It is told when it has changed, at most every STATUS_INTERVAL; while nothing changes, no timer
    runs.
    """

    def __init__(self, describe: Callable[[], Awaitable[str]]) -> None:
        self._describe = describe
        self._told = ""
        self._changed = asyncio.Event()
        self.changed = self._changed.set  # to be called when what is described may have changed

    async def tell(self) -> None:
        """Tells it now, if it is another one and somebody listens."""
        if "NOTIFY_SOCKET" not in os.environ:
            return
        self._changed.clear()
        line = await self._describe()
        if line != self._told:
            self._told = line
            _notify(f"STATUS={line}")

    async def run(self) -> None:
        """Tells it whenever it has changed; ends if nobody listens."""
        while "NOTIFY_SOCKET" in os.environ:
            await self._changed.wait()
            await asyncio.sleep(STATUS_INTERVAL)
            await self.tell()
