"""What systemd is told: ready, stopping, still alive (sd_notify(3)). Silent where it isn't."""

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import apsw

    from zaiond.store.writer import Writer

CHECK_SECONDS = 120


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


def extend_start() -> None:
    """The start takes longer: the whole database is being checked."""
    _notify(f"EXTEND_TIMEOUT_USEC={CHECK_SECONDS * 1_000_000}")


async def answer_watchdog(writer: "Writer") -> None:
    """Says that we live, after a round trip through the loop and the writer; ends if not asked."""
    microseconds = int(os.environ.get("WATCHDOG_USEC", "0"))
    if not microseconds:
        return
    while True:
        await writer.submit(_nothing)
        _notify("WATCHDOG=1")
        await asyncio.sleep(microseconds / 2_000_000)


def _nothing(db: "apsw.Connection") -> None:
    """An operation that changes nothing."""
