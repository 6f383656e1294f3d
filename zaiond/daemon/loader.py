"""Brings mails from disk into the window, as there is room: after a start, when a retry is due,
when an administrator asks.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

import apsw

from zaiond.daemon.window import Window
from zaiond.store import queue
from zaiond.store.queue import Due, QueuedMail
from zaiond.store.writer import Writer

LONGEST_WAIT = 600.0  # seconds: while we wait, the clock may be set back


class Loader:
    """Loads what is due. `caught_up`: no mail that waits is on disk and not in the window.

    `on_loaded` gets mails in order; `on_caught_up` is called when that has become so.
    """

    def __init__(
        self,
        window: Window,
        writer: Writer,
        clock: Callable[[], float],
        on_loaded: Callable[[list[QueuedMail]], None],
        on_caught_up: Callable[[], None],
    ) -> None:
        self.caught_up = False
        self.longest_delay = 0.0  # seconds from an attempt to the next, by the configuration
        self._window = window
        self._writer = writer
        self._clock = clock
        self._on_loaded = on_loaded
        self._on_caught_up = on_caught_up
        self._wake = asyncio.Event()
        self._came_round = asyncio.Event()
        self._starved = False  # something due waits for room, or for its mail to come back
        self._loaded_through = 0
        self._round = 0  # counts `start_over`: what was asked before it says nothing any more

    def start_over(self) -> None:
        """Deliveries on disk were made due: load them."""
        self.caught_up = False
        self._loaded_through = 0
        self._round += 1
        self._wake.set()

    def deferred(self) -> None:
        """A delivery on disk has a time for its next attempt."""
        self._wake.set()

    def room(self) -> None:
        """A mail left the window."""
        if self._starved or not self.caught_up:
            self._wake.set()

    async def answer(self) -> None:
        """Returns when `run` has come round: it works."""
        self._came_round.clear()
        self._wake.set()
        await self._came_round.wait()

    async def run(self) -> None:
        """Loads whenever something is due and there is room; ends when cancelled."""
        while True:
            self._wake.clear()
            await self._load()
            self._came_round.set()
            if self._wake.is_set():
                continue
            next_due = await self._writer.submit(queue.next_due)
            timeout = None
            if next_due is not None and not self._starved:
                timeout = min(max(0.0, next_due - self._clock()), LONGEST_WAIT)
            # Not wait_for: before Python 3.12 it may swallow a cancellation.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._wake.wait()

    async def _load(self) -> None:
        window, room = self._window, self._window.room
        urgent_room = window.room_for_urgent
        if not urgent_room:
            self._starved = True
            return
        due = Due(self._clock(), self.longest_delay)
        urgent, rows = await self._writer.submit(
            partial(_due, due=due, urgent_limit=urgent_room, limit=room)
        )
        self._starved = not room or not all(map(window.may_come_in, rows))
        if not self.caught_up and len(rows) < room:
            asked_in = self._round
            found = await self._writer.submit(
                partial(queue.waiting, after=self._loaded_through, limit=room - len(rows))
            )
            if asked_in != self._round:
                pass  # it is looked for anew
            elif found:
                self._loaded_through = found[-1]
                self._wake.set()
            else:
                self.caught_up = True
                self._on_caught_up()
            rows += found
        wanted = [row for row in dict.fromkeys((*urgent, *rows)) if window.may_come_in(row)]
        if wanted:
            mails = await self._writer.submit(partial(queue.load, messages=wanted, due=due))
            self._on_loaded([mail for mail in mails if window.may_come_in(mail.row)])


def _due(
    db: apsw.Connection, due: Due, urgent_limit: int, limit: int
) -> tuple[list[int], list[int]]:
    return (
        queue.urgent_messages(db, due, urgent_limit),
        queue.due_messages(db, due, limit) if limit else [],
    )
