"""Whether an event may be taken now: the disk has room, and its user has not had his share."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from functools import partial

from zaiond.errors import DiskFullError, EventError, StoreError
from zaiond.intake.quota import Quotas
from zaiond.journal import Journal, Kind
from zaiond.model import NewEvent
from zaiond.store import events
from zaiond.store.database import Database
from zaiond.store.events import Acceptance
from zaiond.store.turns import Turns
from zaiond.store.writer import DISK_FULL, Writer

SPACE_INTERVAL = 1.0  # seconds between two looks at the free space


class Admission:
    """The ways of an event to disk, and what bars them."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        quotas: Quotas,
        journal: Journal,
        queue_time: Callable[[], float],
        turns: Turns,
        look_at_history: Callable[[], None],
    ) -> None:
        self._look_at_history = look_at_history
        self._queue_time = queue_time
        self._database = database
        self._writer = writer
        self._quotas = quotas
        self._journal = journal
        self._turns = turns
        self._space_checked = 0.0
        self._is_full = False

    def refusal(self) -> EventError | None:
        """Why no event at all is taken now, or None."""
        now = time.monotonic()
        if now - self._space_checked >= SPACE_INTERVAL:
            self._space_checked = now
            was_full = self._is_full
            with contextlib.suppress(OSError):  # what can't be seen is no bar: the commit tells
                free, floor = self._database.free_bytes()
                self._is_full = free + self._database.reusable < floor
                if free < 2 * floor or self._database.size() > self._database.history_limit():
                    self._look_at_history()
            if self._is_full and not was_full:
                self._journal.error(DISK_FULL, Kind.DISK_FULL)
        return EventError("disk_full", DISK_FULL) if self._is_full else None

    def accept(self, batch: list[NewEvent]) -> asyncio.Future[Acceptance]:
        """Puts a batch to disk whose quotas are reserved; resolves after the commit."""
        places = self._turns.give(batch)
        accept = partial(events.accept, batch=batch, queued=self._queue_time(), places=places)
        return self._writer.submit(accept)

    def submit(self, batch: list[NewEvent]) -> Awaitable[Acceptance]:
        """Puts a batch to disk within the quotas of its users, all of it or nothing.

        Raises EventError: `quota` or `disk_full` at once, `disk_full` or `unavailable` from what it
        gives, too.
        """
        refusal = self.refusal()
        if refusal is not None:
            raise refusal
        reserved: list[NewEvent] = []
        try:
            for new in batch:
                self._quotas.reserve(new[1], 1, len(new[4]))
                reserved.append(new)
        except EventError:
            self._release(reserved)
            raise
        return self._settled(batch, self.accept(batch))

    async def _settled(self, batch: list[NewEvent], accepted: Awaitable[Acceptance]) -> Acceptance:
        try:
            acceptance = await accepted
        except StoreError as error:
            self._release(batch)
            full = isinstance(error, DiskFullError)
            raise EventError("disk_full" if full else "unavailable", error.text) from error
        if acceptance.outcomes is not None:
            self._release(
                [n for n, o in zip(batch, acceptance.outcomes, strict=True) if o != "accepted"]
            )
        return acceptance

    def _release(self, batch: list[NewEvent]) -> None:
        for new in batch:
            self._quotas.release(new[1], len(new[4]))
