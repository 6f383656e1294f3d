"""What is done now and then: mails too old are given up, history too old is deleted, room for
recording is reserved again."""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

from zaiond.config.schema import Queue
from zaiond.daemon.dispatcher import Dispatcher
from zaiond.errors import DiskFullError
from zaiond.smtp.verdict import Failure
from zaiond.store import events, queue
from zaiond.store.events import StoredEvent
from zaiond.store.queue import Attempted, QueuedMail
from zaiond.store.writer import Writer
from zaiond.text import Language

CHUNK = 200
INTERVAL = 600.0  # seconds at most


class Housekeeping:
    """Expires and prunes by `timing`, `queue` of the configuration in force; without, nothing."""

    def __init__(
        self,
        writer: Writer,
        dispatcher: Dispatcher,
        clock: Callable[[], float],
        on_expired: Callable[[QueuedMail, Attempted], None],
        on_ended: Callable[[list[StoredEvent]], None],
        lay_ballast: Callable[[], None],
    ) -> None:
        self.timing: Queue | None = None
        self._language: Language = "ja"
        self._writer = writer
        self._dispatcher = dispatcher
        self._clock = clock
        self._on_expired = on_expired
        self._on_ended = on_ended
        self._lay_ballast = lay_ballast
        self._changed = asyncio.Event()

    def configure(self, timing: Queue, language: Language) -> None:
        """Other times count from now on."""
        self.timing = timing
        self._language = language
        self._changed.set()

    async def run(self) -> None:
        """Works for ever; ends when cancelled."""
        while True:
            self._changed.clear()
            timing = self.timing
            interval = INTERVAL
            if timing is not None:
                interval = max(1.0, min(INTERVAL, timing.expire / 4))
                with contextlib.suppress(DiskFullError):  # which is told where it bars events
                    await self._expire(timing)
                    await self._prune(timing)
            await asyncio.to_thread(self._lay_ballast)
            try:
                await asyncio.wait_for(self._changed.wait(), interval)
            except TimeoutError:
                continue

    async def _expire(self, timing: Queue) -> None:
        # What waits for an administrator isn't tried, so its time doesn't run: nothing bounces
        # because of a password that was changed during a holiday.
        servers = self._dispatcher.servers
        if servers is None or servers.held_by is not None:
            return
        before = self._clock() - timing.expire
        rows = await self._writer.submit(partial(queue.open_messages, accepted_before=before))
        for start in range(0, len(rows), CHUNK):
            with self._dispatcher.apart(rows[start : start + CHUNK]) as free:
                await self._expire_some(free, servers.waits_for)

    async def _expire_some(self, rows: list[int], failure: Failure | None) -> None:
        now = self._clock()
        mails = await self._writer.submit(partial(queue.load, messages=rows))
        server, said = "", ""
        if failure is not None:
            server, said = failure.server, failure.text.in_language(self._language)
        ended = await self._writer.submit(
            partial(queue.end, mails=mails, state="expired", now=now, server=server, why=said),
            essential=True,  # it makes room
        )
        for mail in mails:
            for delivery in mail.deliveries:
                self._on_expired(
                    mail,
                    Attempted(delivery, "expired", "expired", server, said, now, now),
                )
        self._on_ended(ended)

    async def _prune(self, timing: Queue) -> None:
        before = self._clock() - timing.keep
        prune = partial(events.prune, before=before, limit=CHUNK)
        while await self._writer.submit(prune, essential=True):
            pass
