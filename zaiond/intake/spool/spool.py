"""The spool as the daemon runs it. A sweep takes files in, some lines of each at a time, in one
commit if it can be; then each file goes, from the disk or aside, and what it met is told.
"""

import asyncio
import contextlib
import os
import time
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from zaiond.errors import EventError
from zaiond.intake import words
from zaiond.intake.admission import Admission
from zaiond.intake.spool.directory import REFUSED_FILES, Kept, SpoolDirectory
from zaiond.intake.spool.file import LINES, SpoolFile, shown
from zaiond.intake.spool.walk import SpoolWatch, Walk, Whole, walk_through
from zaiond.journal import Journal, Kind
from zaiond.model import NewEvent
from zaiond.store.events import Acceptance
from zaiond.text import Text, reason

INTERVAL = 60.0  # seconds: the kernel tells of new files; this is for where it doesn't
BATCHES = 32  # that a sweep takes
FILES = 64  # that are committed together, or as many as are
BYTES = 1024 * 1024  # together
MOST_BEGUN = 1000  # files of which it is known how far they were taken
REST = 2.0  # a walk's seconds are followed by so many times as much in which there is no other
LEAST_REST = 0.05  # seconds between two sweeps
ROOM_AFTER = 1.0  # seconds from the first event that ended to the sweep for what waits for room
GIVEN_UP_AFTER = 86400.0  # seconds: nobody writes a file for so long
CLEAN_EVERY = 3600.0

# Hears of a file with something that can't be taken: where it is now, whose it is, why, and the
# beginning of the first such line.
OnRefused = Callable[[str, int, Text, str], None]


class Wait(NamedTuple):
    """A user's files that have to wait: how many, since when (seconds since the epoch), and why."""

    files: int
    since: float
    why: Text


class Spool:
    """Takes in by `admission` what is left in the directory at `path`, and knows what has to wait
    there, what was put aside, and why. `clock` gives seconds since the epoch, `name_of` a user's
    name.
    """

    def __init__(
        self,
        path: str,
        admission: Admission,
        clock: Callable[[], float],
        journal: Journal,
        on_refused: OnRefused,
        name_of: Callable[[int], str],
    ) -> None:
        self.directory = SpoolDirectory(path)
        self.user_of = admission.quotas.user_of
        self.waits: dict[int, Wait] = {}  # by user
        self.why_aside: dict[str, Text] = {}  # of files that were put aside, by name
        self.foreign: list[Kept] = []
        self.fault: Text | None = None  # of the directory itself
        self._admission = admission
        self._clock = clock
        self._journal = journal
        self._on_refused = on_refused
        self._name_of = name_of
        self._begun: dict[str, SpoolFile] = {}  # files that had to wait half-way
        self._again = asyncio.Event()
        self._walked = 0.0  # seconds that the last walk took
        self._cleaned: float | None = None
        # Of the last sweep, also while it runs: by user, the first file that had no room, and why;
        # whose file can't be handled, and why; by user, how many were taken or put aside.
        self._no_room: dict[int, tuple[str, Text]] = {}
        self._obstacles: dict[str, tuple[int, Text]] = {}
        self._gone = Counter[int]()
        self._stuck: set[str] = set()  # what the sweep before it could not handle

    def prepare(self) -> None:
        """Makes the directory, with the modes that keep producers apart. Raises StoreError."""
        self.directory.prepare()
        self._tell_moved()

    def changed(self) -> None:
        self._again.set()

    def _has_no_room(self, file: SpoolFile, why: Text) -> None:
        """The file waits. Whatever ends from now on, also while the sweep runs, may make room."""
        self._no_room.setdefault(self.user_of(file.uid), (file.name, why))
        self._admission.on_room = self._ended

    def _ended(self) -> None:
        self._admission.on_room = None
        asyncio.get_running_loop().call_later(ROOM_AFTER, self._again.set)

    async def run(self) -> None:
        """Sweeps at every change, and every INTERVAL seconds; ends when cancelled."""
        watch = SpoolWatch(self.directory.path, self._again.set, self._journal.warning)
        try:
            while True:
                self._again.clear()
                watch.arm()
                begun = time.monotonic()
                await self.sweep()
                await asyncio.sleep(min(rest(self._walked, time.monotonic() - begun), INTERVAL))
                # Not wait_for: before Python 3.12 it may swallow a cancellation.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(INTERVAL):
                        await self._again.wait()
        finally:
            watch.stop()

    async def sweep(self) -> None:
        """Takes in what is there, in turns over its users: a bounded number of files."""
        walk = await self._walk()
        if walk is None:
            return
        self.foreign = walk.foreign
        self._stuck, unknown = set(self._obstacles), os.geteuid()  # nobody knows whose it is
        self._obstacles = {each: (unknown, reason(why)) for each, why in walk.obstacles.items()}
        self._no_room, self._gone = {}, Counter()
        files = deque(walk.turns.files())
        for _ in range(BATCHES):
            if files:
                await self._take_some(files)
        self._account(walk)
        # What waits for room waits for more than the next sweep.
        more = bool(files) or any(
            walk.turns.left_out(user) for user in walk.turns.counts if user not in self._no_room
        )
        if more and self._gone:
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

    # -- files that are taken in

    async def _take_some(self, files: deque[Whole]) -> None:
        """Takes in the next files, off `files`: a bounded number of bounded size."""
        some = await asyncio.to_thread(self._read_some, files)
        while some:
            await asyncio.to_thread(self._parse, some)
            await self._commit(some)
            if through := [file for file in some if file.is_through]:
                aside = await asyncio.to_thread(self._clear, through)
                for file, path in aside:
                    self._tell(file, path)
                self._tell_moved()
                if aside:
                    await self._trim()
            some = [file for file in some if not file.is_through and not self._has_to_wait(file)]

    def _read_some(self, files: deque[Whole]) -> list[SpoolFile]:
        some: list[SpoolFile] = []
        size = 0
        while files and len(some) < FILES and size < BYTES:
            whole = files.popleft()
            if whole.user in self._no_room:
                continue
            try:
                found = self.directory.read(whole.name)
            except OSError as error:
                self._obstacles[whole.name] = (whole.user, reason(error))
                continue
            if found is None:
                self._gone[whole.user] += 1
                continue
            file = self._begun.pop(whole.name, None)
            if file is not None and file.inode == found.inode and found.why is None:
                file.read_again(found)
            else:
                file = SpoolFile(whole.name, found)
            some.append(file)
            size += len(found.content)
        return some

    def _parse(self, files: list[SpoolFile]) -> None:
        share, now = max(1, LINES // len(files)), self._clock()
        for file in files:
            file.parse(share, now)

    async def _commit(self, files: list[SpoolFile]) -> None:
        self._admission.look()
        commits: list[asyncio.Future[Acceptance]] = []
        busy: set[int] = set()  # users of whom something is under way
        blocked: set[int] = set()
        for file in files:
            user = self.user_of(file.uid)
            if user in blocked or user in self._no_room:
                continue
            file.settle()  # lines before the first event
            events, refusal = self._reserve(file)
            if events:
                busy.add(user)
                commits.append(self._admission.accept(events))
                # At once: what is new on disk is told in the order of its commits.
                commits[-1].add_done_callback(partial(self._settle, file, events))
            if refusal is not None:
                blocked.add(user)
                # What is under way may be duplicates, which take no room: then it goes on.
                if user not in busy:
                    self._has_no_room(file, refusal.text)
        if commits:
            await asyncio.wait(commits)

    def _settle(
        self, file: SpoolFile, events: list[NewEvent], accepted: "asyncio.Future[Acceptance]"
    ) -> None:
        try:
            outcomes = self._admission.settle(events, accepted)
        except EventError as error:
            self._has_no_room(file, error.text)
        else:
            file.settle(outcomes or ["accepted"] * len(events))

    def _reserve(self, file: SpoolFile) -> tuple[list[NewEvent], EventError | None]:
        """As many of the file's next events as there is room for, and why not the others."""
        events, reserve = file.events, self._admission.reserve
        try:
            reserve(file.uid, events)
        except EventError:
            for number, event in enumerate(events):
                try:
                    reserve(file.uid, [event])
                except EventError as error:
                    return events[:number], error
        return events, None

    def _has_to_wait(self, file: SpoolFile) -> bool:
        """Whether there is no room now for more of its user: it is known how far it was taken."""
        if self.user_of(file.uid) not in self._no_room:
            return False
        if file.line:
            file.forget_content()
            self._begun[file.name] = file
            if len(self._begun) > MOST_BEGUN:
                del self._begun[next(iter(self._begun))]
        return True

    def _clear(self, files: list[SpoolFile]) -> list[tuple[SpoolFile, str]]:
        """Each file goes: from the disk, or aside. Gives those, and where they are now."""
        aside: list[tuple[SpoolFile, str]] = []
        for file in files:
            path: str | None = f"{self.directory.path}/{file.name}"
            user, is_clean = self.user_of(file.uid), file.fault is None
            try:
                if is_clean:
                    self.directory.remove(file.name)
                else:
                    path = self.directory.put_aside(file.name)
                self._gone[user] += 1
            except OSError as error:
                # Its events are known when it is read again.
                self._obstacles[file.name] = (user, reason(error))
                if file.name in self._stuck:
                    continue
            if path is not None and not is_clean:
                aside.append((file, path))
        return aside

    # -- what is told

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

    def _tell(self, file: SpoolFile, path: str) -> None:
        """A file has been moved aside, to `path`."""
        why = file.fault or Text("", "")
        now = self._clock()
        for error, count in file.refused.values():
            self._admission.refusals.count(file.uid, error, now, count)
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
        for before, name, uid in moved:
            user = self.user_of(uid)
            told = words.renamed(before=shown(before), name=shown(name), who=self._name_of(user))
            self._journal.warning(told, by=("moved", user), uid=uid)

    def _account(self, walk: Walk) -> None:
        """What waits after this sweep; what began to wait is told."""
        now = self._clock()
        first = dict(self._no_room)
        files = {user: max(1, walk.turns.counts[user] - self._gone[user]) for user in first}
        for name, (user, why) in self._obstacles.items():
            if user not in self._no_room:
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


def rest(walked: float, swept: float) -> float:
    """Seconds until the next sweep may begin, after a walk that took so long in a sweep that did:
    what took events in is no idle time, and counts as rest.
    """
    return max(LEAST_REST, REST * walked - (swept - walked))
