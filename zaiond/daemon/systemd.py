"""What systemd is told (sd_notify(3)): ready, alive, stopping, and in a line how much mail waits.
Silent elsewhere. What else is known of how the daemon is (status.py) is not loaded before somebody
asks.
"""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from typing import Literal

from zaiond.daemon import words
from zaiond.daemon.reload import Configuration
from zaiond.delivery.outbound import Outbound, Waiting
from zaiond.errors import ZaiondError
from zaiond.journal import Journal
from zaiond.smtp.failure import Failure
from zaiond.text import Text

CHECK_SECONDS = 120
AGAIN = 1.0  # seconds at most until a round trip that failed is tried again
STATUS_INTERVAL = 2.0  # seconds at least between two lines of status


def notify(state: str) -> None:
    """Tells the state, in the words of sd_notify(3)."""
    if "NOTIFY_SOCKET" in os.environ:
        from systemd.daemon import notify as send

        # Whoever started us may listen no more: no reason to stop.
        with contextlib.suppress(OSError):
            send(state)


def at_work() -> None:
    """The whole database is being checked: that takes longer than a start or a round trip may."""
    notify(f"EXTEND_TIMEOUT_USEC={CHECK_SECONDS * 1_000_000}\nWATCHDOG=1")


async def answer_watchdog(round_trip: Callable[[], Awaitable[None]]) -> None:
    """Says that we live, each time after a round trip through what must work; ends if not asked.

    A round trip that fails is tried again: as long as none succeeds, nothing is said.
    """
    seconds = int(os.environ.get("WATCHDOG_USEC", "0")) / 1_000_000
    while seconds:
        try:
            await round_trip()
        except ZaiondError:
            await asyncio.sleep(min(AGAIN, seconds / 4))
            continue
        notify("WATCHDOG=1")
        await asyncio.sleep(seconds / 2)


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
            notify(f"STATUS={line}")

    async def run(self) -> None:
        """Tells it whenever it has changed; ends if nobody listens."""
        while "NOTIFY_SOCKET" in os.environ:
            await self._changed.wait()
            await asyncio.sleep(STATUS_INTERVAL)
            await self.tell()


async def describe(outbound: Outbound, configuration: Configuration, journal: Journal) -> str:
    """The line of `systemctl status`."""
    counted, servers = await outbound.count_waiting(), outbound.dispatcher.pool.servers
    outage = servers.waits_for if servers is not None else None
    return line(counted, configuration.state, outage).in_language(journal.language)


def line(
    counted: Waiting, config: Literal["good", "last_good", "none"], outage: Failure | None
) -> Text:
    """What an operator asks first, in one line; `outage`: why no server can be used."""
    text = words.waiting(number=counted.waiting)
    if counted.held:
        text = words.held_too(waiting=text, number=counted.held)
    text = words.besides(what=text, more=words.CONFIG_STATES[config])
    if outage is None:
        return text
    from zaiond.daemon.documents import why  # not before something fails

    return words.besides(what=text, more=why(outage))
