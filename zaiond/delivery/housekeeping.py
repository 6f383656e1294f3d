"""What is done now and then: mails too old are given up, history too old is deleted, room for
recording is reserved again."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Container
from functools import partial

from zaiond.clock import QueueTime
from zaiond.config.schema import Queue
from zaiond.delivery.ledger import Observer
from zaiond.delivery.outcome import last_hour
from zaiond.delivery.ways import Ways
from zaiond.errors import DiskFullError
from zaiond.model import AttemptResult
from zaiond.store import lanes, meta, pending, prune
from zaiond.store.counts import FIRST_OPEN, Key
from zaiond.store.pending import Expiry
from zaiond.store.writer import Writer
from zaiond.text import Language

INTERVAL = 600.0  # seconds at most
PRUNE_ALL = 86400.0  # seconds between two looks at the whole history for what is too old


class Housekeeping:
    """Expires and prunes by the configuration in force; without one, nothing.

    `upkeep` is what else is to be done then. `lock` is held where history is deleted: what has
    ended may be about to be sent again. `spared` gives events that are kept: somebody is to be
    reminded of them.
    """

    def __init__(
        self,
        writer: Writer,
        ways: Ways,
        observer: Observer,
        clock: Callable[[], float],
        queue_time: QueueTime,
        upkeep: Callable[[], Awaitable[None]],
        lock: asyncio.Lock,
        spared: Callable[[], Container[int]],
    ) -> None:
        self._timing: Queue | None = None
        self._language: Language = "ja"
        self._writer = writer
        self._ways = ways
        self._observer = observer
        self._clock = clock
        self._queue_time = queue_time
        self._upkeep = upkeep
        self._lock = lock
        self._spared = spared
        self._prune_all_at = 0.0
        self._changed = asyncio.Event()

    def configure(self, timing: Queue, language: Language) -> None:
        """Other times count from now on."""
        self._timing = timing
        self._language = language
        self._changed.set()

    async def run(self) -> None:
        """Works for ever; ends when cancelled."""
        while True:
            self._changed.clear()
            timing = self._timing
            interval = INTERVAL
            with contextlib.suppress(DiskFullError):  # which is told where it bars events
                await self.keep_time()
                if timing is not None:
                    interval = max(1.0, min(INTERVAL, timing.expire / 4))
                    await self._expire(timing)
                    await self._mend()
                    await self._prune(timing)
            await self._upkeep()
            # Not wait_for: before Python 3.12 it may swallow a cancellation.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._changed.wait()

    async def keep_time(self) -> None:
        """Records the queue time. Raises DiskFullError."""
        kept = self._queue_time.kept
        await self._writer.submit(partial(meta.keep_queue_time, kept=kept), essential=True)

    async def _mend(self) -> None:
        now = self._clock()
        after: Key | None = lanes.FIRST_LANE
        while after is not None:
            go = partial(lanes.let_lanes_go, now=now, after=after)
            after = await self._writer.submit(go, essential=True)
        await self._ways.mend_holds()

    async def _expire(self, timing: Queue) -> None:
        at = self._queue_time()
        expiry = Expiry(
            queued=self._queue_time.since(timing.expire),
            tried=at - last_hour(timing),
            held=at - timing.keep,
        )
        after: Key | None = FIRST_OPEN
        while after is not None:
            look = partial(pending.expired, expiry=expiry, after=after)
            found, after = await self._writer.submit(look)
            if found:
                async with self._ways.changing(self._lock):
                    await self._expire_messages(list(found), expiry)

    async def _expire_messages(self, messages: list[int], expiry: Expiry) -> None:
        servers, server, said = self._ways.mail.pool.servers, "", ""
        if servers is not None and servers.waits_for is not None:
            server = servers.waits_for.server
            said = servers.waits_for.text.in_language(self._language)
        async for chunk in self._ways.ledger.chunks(messages):
            sending = self._ways.sending
            free = [row for row in chunk if row not in sending]
            # What was in memory may have been tried since: only what is still so, expires.
            still = partial(pending.load_expired, expiry=expiry, messages=free)
            mails = await self._writer.submit(still)
            await self._ways.ledger.end(mails, "expired", server, said)
            now = self._clock()
            for mail in mails:
                for delivery in mail.deliveries:
                    result = AttemptResult(delivery, "expired", "expired", server, said, now, now)
                    self._observer.expired(mail, result)

    async def _prune(self, timing: Queue) -> None:
        at = self._queue_time()
        # They are in the order of their time, but where a part of the queue was lost.
        is_thorough = at >= self._prune_all_at
        after: int | None = 0
        while after is not None:
            operation = partial(
                prune.too_old, before=at - timing.keep, after=after, spared=self._spared()
            )
            async with self._lock:
                met, _, after = await self._writer.submit(operation, essential=True)
            if not (met or is_thorough):
                return
        self._prune_all_at = at + PRUNE_ALL
