"""The summary: at each of its times an event that proves life, and tells what came of the period.

Each time is told of once, across restarts too. Of those that passed while the daemon was down, the
last one is made up for after the start.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

import msgspec

from zaiond.config.schema import Config, Cron
from zaiond.daemon.notices import Notice
from zaiond.daemon.summary_text import Facts, compose, numbers
from zaiond.daemon.words import summary as words
from zaiond.errors import StoreError
from zaiond.message.known import SUMMARY
from zaiond.store import meta
from zaiond.store.writer import Writer
from zaiond.text import Text

AFTER_START = 10.0  # seconds: what came in meanwhile is counted
LOOK = 30.0  # seconds at most between two looks, for the clock may be set
AGAIN = 60.0  # seconds, where it could not be recorded
_DAY = 86400.0
_KEPT = "summary"  # its name in the database


class Kept(msgspec.Struct):
    """`expression`: the configuration's words, in force since `declared`. `told`: the last time of
    which was told, and `at`: when that was. All are seconds since the epoch. `queued` is `at` in
    queue time, or `declared` as long as nothing was told.
    """

    expression: str = ""
    declared: float = 0.0
    told: float = 0.0
    at: float | None = None
    queued: float = 0.0


def due(cron: Cron, kept: Kept, now: float) -> tuple[float | None, float]:
    """The last of its times that has passed and was not told of, and when the next one is."""
    after = max(kept.told, kept.declared)
    first = cron.next(after)
    if first > now:
        return None, first
    for back in (3600.0, _DAY, 31 * _DAY, 366 * _DAY):  # not one by one, of very many
        passed = cron.slots(max(after, now - back), now, 10_000)
        if passed:
            return passed[-1], cron.next(now)
    return first, cron.next(now)


def expected(kept: Kept, cron: Cron, now: float, queued: float) -> Kept:
    """As it counts now, in queue time at `queued`: for a configuration that is another one, or a
    clock that was set back.
    """
    expression = f"{cron.expression} {cron.timezone or ''}"
    if kept.expression != expression:
        kept = msgspec.structs.replace(kept, expression=expression, declared=now)
        if kept.at is None:
            kept.queued = queued
    ahead = now + _DAY
    return msgspec.structs.replace(
        kept,
        declared=now if kept.declared > ahead else kept.declared,
        told=now if kept.told > ahead else kept.told,
    )


class Gather(Protocol):
    """Gives what there is to tell of the time from `since` on, in queue time from `queued` on."""

    def __call__(self, since: float, queued: float, /) -> Awaitable[Facts]: ...


class Summary:
    """`record` takes the event, or raises StoreError; `clock` gives seconds since the epoch."""

    def __init__(
        self,
        writer: Writer,
        gather: Gather,
        record: Callable[[Notice], Awaitable[None]],
        clock: Callable[[], float],
        queue_time: Callable[[], float],
    ) -> None:
        self._writer, self._gather, self._record = writer, gather, record
        self._clock, self._queue_time = clock, queue_time
        self._cron: Cron | None = None
        self._kept: Kept | None = None
        self._changed = asyncio.Event()

    def configure(self, config: Config) -> None:
        """This configuration is in force now."""
        self._cron = config.summary
        self._changed.set()

    async def run(self) -> None:
        """Tells; ends when cancelled."""
        loop = asyncio.get_running_loop()
        begin = loop.time() + AFTER_START
        while True:
            self._changed.clear()
            wait = None
            if self._cron is not None:
                wait = await self._look(self._cron, tells=loop.time() >= begin)
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _look(self, cron: Cron, *, tells: bool) -> float:
        """Tells, if it is time and it `tells` already; after how many seconds to look again."""
        before = self._kept
        if before is None:
            before = await self._writer.submit(partial(meta.find, name=_KEPT, kind=Kept))
        now = self._clock()
        kept = self._kept = expected(before or Kept(), cron, now, self._queue_time())
        slot, following = due(cron, kept, now)
        try:
            if slot is not None and tells:
                await self._tell(kept, slot, now)
                kept.told, kept.at, kept.queued = slot, now, self._queue_time()
            if kept != before:
                await self._writer.submit(partial(meta.keep, name=_KEPT, value=kept))
        except StoreError:  # which is told where it bars events
            self._kept = before
            return AGAIN
        if slot is not None and not tells:
            return 1.0
        return min(LOOK, max(0.0, following - self._clock()))

    async def _tell(self, kept: Kept, slot: float, now: float) -> None:
        since = kept.declared if kept.at is None else kept.at
        facts = await self._gather(min(since, now), kept.queued)
        text = compose(facts)
        await self._record(
            Notice(
                SUMMARY,
                str(int(slot)),
                "info",
                words.SUBJECT,
                Text(text, text),
                numbers(facts),
            )
        )
