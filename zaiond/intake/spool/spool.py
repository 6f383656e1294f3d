"""The spool as the daemon runs it: sweep after sweep, and what is told of each."""

import asyncio
import contextlib
import os
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from zaiond.intake import words
from zaiond.intake.admission import Admission
from zaiond.intake.refusals import Refusals
from zaiond.intake.spool.directory import REFUSED_FILES, Kept, SpoolDirectory
from zaiond.intake.spool.file import SpoolFile, shown
from zaiond.intake.spool.sweep import Sweep
from zaiond.intake.spool.walk import Walk, walk_through
from zaiond.journal import Journal, Kind
from zaiond.text import Text, reason

BATCHES = 32  # that a sweep takes
REST = 2.0  # a walk's seconds are followed by so many times as much in which there is no other
LEAST_REST = 0.05  # seconds between two sweeps
ROOM_AFTER = 1.0  # seconds from the first event that ended to the sweep for what waits for room
GIVEN_UP_AFTER = 86400.0  # seconds: nobody writes a file for so long
CLEAN_EVERY = 3600.0


class OnRefused(Protocol):
    """Hears of a file with something that can't be taken: where it is now, whose it is, why, and
    the beginning of the first such line."""

    def __call__(self, path: str, uid: int, why: Text, excerpt: str) -> None: ...


class Wait(NamedTuple):
    """A user's files that have to wait: how many, since when (seconds since the epoch), and why."""

    files: int
    since: float
    why: Text


class Spool:
    """The spool directory. `sweep` takes in what is there.

    `user_of` gives the user that a uid belongs to, for turns and bounds; `name_of` who that is.
    """

    def __init__(
        self,
        path: str,
        admission: Admission,
        clock: Callable[[], float],
        journal: Journal,
        refusals: Refusals,
        on_refused: OnRefused,
        *,
        name_of: Callable[[int], str] = str,
        user_of: Callable[[int], int] = int,
    ) -> None:
        self.directory = SpoolDirectory(path)
        self.user_of = user_of
        self.waits: dict[int, Wait] = {}  # by user
        self.why_aside: dict[str, Text] = {}  # of files that were put aside, by name
        self.foreign: list[Kept] = []
        self.fault: Text | None = None  # of the directory itself
        self._admission = admission
        self._clock = clock
        self._journal = journal
        self._refusals = refusals
        self._on_refused = on_refused
        self._name_of = name_of
        self._begun: dict[str, SpoolFile] = {}
        self._stuck: frozenset[str] = frozenset()
        self._again = asyncio.Event()
        self._room_timer: asyncio.TimerHandle | None = None
        self._walked = 0.0  # seconds that the last walk took
        self._cleaned: float | None = None

    def prepare(self) -> None:
        """Makes the directory, with the modes that keep producers apart. Raises StoreError."""
        self.directory.prepare()
        self._tell_moved()

    def changed(self) -> None:
        self._again.set()

    def _ended(self) -> None:
        """Events have ended: there may be room for what waits."""
        if self._room_timer is None:
            loop = asyncio.get_running_loop()
            self._room_timer = loop.call_later(ROOM_AFTER, self._has_room)

    def _has_room(self) -> None:
        self._room_timer = None
        self._again.set()

    async def run(self, interval: float, arm: Callable[[], object] = lambda: None) -> None:
        """Sweeps at every change, and every `interval` seconds; ends when cancelled. `arm` is
        called before each sweep: from then on, a change calls `changed`.
        """
        while True:
            self._again.clear()
            arm()
            begun = time.monotonic()
            await self.sweep()
            await asyncio.sleep(min(rest(self._walked, time.monotonic() - begun), interval))
            # Not wait_for: before Python 3.12 it may swallow a cancellation.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._again.wait()

    async def sweep(self) -> None:
        """Takes in what is there, in turns over its users: a bounded number of files."""
        walk = await self._walk()
        if walk is None:
            return
        self.foreign = walk.foreign
        sweep = Sweep(
            self.directory, self._admission, self._clock, self.user_of, self._begun, self._stuck
        )
        for name, error in walk.obstacles.items():
            sweep.obstacles[name] = (os.geteuid(), reason(error))  # nobody knows whose it is
        files = deque(walk.turns.files())
        for _ in range(BATCHES):
            if not files:
                break
            refused = await sweep.take_some(files)
            for file, path in refused:
                self._tell(file, path)
            self._tell_moved()
            if refused:
                await self._trim()
        self._stuck = frozenset(sweep.obstacles)
        self._account(walk, sweep)
        # What waits for room waits for more than the next sweep.
        more = bool(files) or any(
            walk.turns.left_out(user) for user in walk.turns.counts if user not in sweep.no_room
        )
        if more and sweep.gone:
            self._again.set()

    async def _walk(self) -> Walk | None:
        begun, now = time.monotonic(), self._clock()
        clean_before = None
        if self._cleaned is None or abs(now - self._cleaned) >= CLEAN_EVERY:
            # What was begun before it, and never finished, is to be removed.
            self._cleaned, clean_before = now, now - GIVEN_UP_AFTER
        try:
            fault = await asyncio.to_thread(self.directory.why_unsafe)
            walk = await walk_through(self.directory.path, self.user_of, clean_before)
        except OSError as error:
            walk = None
            fault = words.unreadable(path=self.directory.path, why=error)
        if fault is not None and fault != self.fault:
            self._journal.error(fault)
        self.fault = fault
        self._walked = time.monotonic() - begun
        if walk is not None and walk.given_up:
            self._journal.info(words.cleaned(count=walk.given_up))
        return walk

    async def _trim(self) -> None:
        gone: dict[int, list[Kept]] = {}
        with contextlib.suppress(OSError):  # it is told as an obstacle
            for one in await asyncio.to_thread(self.directory.trim, self.user_of):
                gone.setdefault(self.user_of(one.uid), []).append(one)
        for user, files in gone.items():
            told = words.trimmed(
                who=self._name_of(user), files=len(files), name=shown(files[0].name)
            )
            self._journal.warning(told, by=("removed", user), uid=user)

    # -- what is told

    def _tell(self, file: SpoolFile, path: str) -> None:
        """A file has been moved aside, to `path`."""
        why = file.fault or Text("", "")
        now = self._clock()
        for error, count in file.refused.values():
            self._refusals.count(file.uid, error, now, count)
        self.why_aside[os.path.basename(path)] = why
        if len(self.why_aside) > REFUSED_FILES:
            del self.why_aside[next(iter(self.why_aside))]
        path = shown(path)
        self._journal.error(
            words.put_aside(name=shown(file.name), path=path, why=why),
            Kind.SPOOL_REFUSED,
            by=self.user_of(file.uid),
            uid=file.uid,
        )
        self._on_refused(path, file.uid, why, file.excerpt)

    def _tell_moved(self) -> None:
        moved, self.directory.moved = self.directory.moved, []
        for one in moved:
            user = self.user_of(one.uid)
            told = words.renamed(
                before=shown(one.before), name=shown(one.name), who=self._name_of(user)
            )
            self._journal.warning(told, by=("moved", user), uid=one.uid)

    def _account(self, walk: Walk, sweep: Sweep) -> None:
        """What waits after this sweep; what began to wait is told."""
        now = self._clock()
        first = dict(sweep.no_room)
        files = {user: max(1, walk.turns.counts[user] - sweep.gone[user]) for user in first}
        for name, (user, why) in sweep.obstacles.items():
            if user not in sweep.no_room:
                first.setdefault(user, (name, why))
                files[user] = files.get(user, 0) + 1
        waits: dict[int, Wait] = {}
        for user, (name, why) in first.items():
            before = self.waits.get(user)
            waits[user] = Wait(files[user], now if before is None else before.since, why)
            if before is None:
                told = words.waits(
                    files=files[user], who=self._name_of(user), name=shown(name), why=why
                )
                self._journal.warning(told, by=("waits", user), uid=user)
        self.waits = waits
        self._admission.on_room = self._ended if waits else None


def rest(walked: float, swept: float) -> float:
    """Seconds until the next sweep may begin, after a walk that took so long in a sweep that did:
    what took events in is no idle time, and counts as rest.
    """
    return max(LEAST_REST, REST * walked - (swept - walked))
