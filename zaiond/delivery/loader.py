"""Brings mails from disk into the active queue, as there is room: after a start, when a retry is
due, when an administrator asks.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import apsw

from zaiond.delivery.active_queue import ActiveQueue, Capacity
from zaiond.model import QueuedMail
from zaiond.store import pending
from zaiond.store.pending import Due
from zaiond.store.turns import Line
from zaiond.store.writer import Writer
from zaiond.way import Way

LONGEST_WAIT = 600.0  # seconds: while we wait, the clock may be set back


class Loader:
    """Loads what is due of one way. `caught_up`: no mail of it that waits is on disk and not in the
    active queue.

    `on_loaded` gets mails in order; `on_caught_up` is called when that may have become so, if only
    for some users.
    """

    def __init__(
        self,
        active_queue: ActiveQueue,
        writer: Writer,
        clock: Callable[[], float],
        on_loaded: Callable[[list[QueuedMail]], None],
        on_caught_up: Callable[[], None],
        way: Way = "mail",
    ) -> None:
        self.caught_up = False
        self.is_paused = False
        self.is_starved = False  # something due waits for room, or for its mail to come back
        self.longest_delay = 0.0  # seconds from an attempt to the next, by the configuration
        self._active_queue = active_queue
        self._writer = writer
        self._clock = clock
        self._way = way
        self._on_loaded = on_loaded
        self._on_caught_up = on_caught_up
        self._wake = asyncio.Event()
        self._came_round = asyncio.Event()
        self._loaded_through: dict[int, int] = {}  # of each user
        self._left: set[int] | None = None  # users of whom more may wait; None: not known
        self._began_anew = 0  # how many times

    def has_all_of(self, user: int) -> bool:
        """Whether no mail of this user that waits is on disk and not in the active queue."""
        return self.caught_up or (self._left is not None and user not in self._left)

    def start_over(self) -> None:
        """What waits on disk has changed: what of it is not here comes in, in order."""
        self.caught_up = False
        self._loaded_through.clear()
        self._left = None
        self._began_anew += 1
        self._wake.set()

    def look(self) -> None:
        """There is room for what waits, or a delivery on disk has a time for its next attempt."""
        self._wake.set()

    async def ping(self) -> None:
        """Returns when `run` has come round: it works."""
        self._came_round.clear()
        self._wake.set()
        await self._came_round.wait()

    async def run(self) -> None:
        """Loads whenever something is due and there is room; ends when cancelled."""
        while True:
            self._wake.clear()
            next_due = await self._load()
            self._came_round.set()
            if self._wake.is_set():
                continue
            timeout = None
            if next_due is not None and not self.is_starved:
                timeout = min(max(0.0, next_due - self._clock()), LONGEST_WAIT)
            # Not wait_for: before Python 3.12 it may swallow a cancellation.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._wake.wait()

    async def _load(self) -> float | None:
        """Loads what is due, or else what waits; gives when the next delivery is due."""
        active_queue, began = self._active_queue, self._began_anew
        capacity = active_queue.capacities
        if self.is_paused or not capacity.beyond:
            self.is_starved = True
            return None
        after = None if self.caught_up else dict(self._loaded_through)
        due = Due(self._clock(), self.longest_delay)
        here = active_queue.rows
        look = partial(_look, due=due, capacity=capacity, here=here, after=after, way=self._way)
        found = await self._writer.submit(partial(look, left=self._left))
        # By what is here now: what has left meanwhile has woken nobody.
        still_here = any(row in active_queue for row in found.here)
        self.is_starved = still_here or not active_queue.capacity
        # Where it was begun anew meanwhile, others come before them, and more may wait.
        if began == self._began_anew:
            if found.waiting is not None:
                messages, self._left = found.waiting
                self._loaded_through.update((user, message) for message, user in messages)
                self.caught_up = not self._left
            if found.mails or (found.waiting is not None and found.waiting.messages):
                self._wake.set()  # more may be due, or wait
                self._on_loaded([mail for mail in found.mails if mail.row not in active_queue])
            if found.waiting is not None:
                self._on_caught_up()
        return found.next_due


class _Found(NamedTuple):
    """What is to be loaded; `here`: what is due of mails that were in memory. `waiting`: what was
    looked for beside what is due; `next_due`: when to look again.
    """

    mails: list[QueuedMail]
    here: list[int]
    waiting: pending.Waiting | None
    next_due: float | None


def _look(
    db: apsw.Connection,
    due: Due,
    capacity: Capacity,
    here: frozenset[int],
    after: dict[int, int] | None,
    left: set[int] | None,
    way: Way,
) -> _Found:
    """What is due, urgent mails first, or else what waits (`after` None: all of that is here), as
    far as there is room; but what is `here`.
    """
    most = capacity.mails or capacity.beyond

    def room(user: int, urgent: bool = False) -> int:
        return capacity.of(Line(user, urgent))

    urgent = pending.urgent_messages(db, due, capacity.beyond, partial(room, urgent=True), way)
    others = pending.due_messages(db, due, most, room, way)
    rows = pending.of_size(db, list(dict.fromkeys((*urgent, *others))), capacity.bytes)
    mails = pending.load(db, (row for row in rows if row not in here), due)
    waiting = None
    if after is not None and not mails:
        found = pending.waiting(db, after, left, most, room, way)
        fit = pending.of_size(db, [message for message, _ in found.messages], capacity.bytes)
        users = {user for _, user in found.messages}  # of whom more may come until that is here
        waiting = pending.Waiting(found.messages[: len(fit)], found.left | users)
        mails = pending.load(db, (row for row in fit if row not in here), due)
    return _Found(mails, [row for row in rows if row in here], waiting, pending.next_due(db, way))
