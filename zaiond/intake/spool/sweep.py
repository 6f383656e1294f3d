"""A sweep: files of the spool are taken in, some lines of each at a time, in one commit if it can
be; then each file goes, from the disk or aside.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from functools import partial

from zaiond.errors import EventError
from zaiond.intake.admission import Admission
from zaiond.intake.spool.directory import SpoolDirectory
from zaiond.intake.spool.file import LINES, SpoolFile
from zaiond.intake.spool.walk import Whole
from zaiond.model import NewEvent
from zaiond.store.events import Acceptance
from zaiond.text import Text, reason

FILES = 64  # that are committed together, or as many as are
BYTES = 1024 * 1024  # together
MOST_BEGUN = 1000  # files of which it is known how far they were taken


class Sweep:
    """Takes files of the directory in, and knows what stands in their way.

    `begun` has the files that had to wait half-way, for the sweeps behind this one; `stuck`, those
    that the sweep before it could not handle. `user_of` gives the user that a uid belongs to.
    """

    def __init__(
        self,
        directory: SpoolDirectory,
        admission: Admission,
        clock: Callable[[], float],
        user_of: Callable[[int], int],
        begun: dict[str, SpoolFile],
        stuck: frozenset[str],
    ) -> None:
        self.no_room: dict[int, tuple[str, Text]] = {}  # by user: the first file, and why
        self.obstacles: dict[str, tuple[int, Text]] = {}  # what can't be handled: by whom, and why
        self.gone = Counter[int]()  # files that were taken or put aside, by user
        self._directory = directory
        self._admission = admission
        self._clock = clock
        self._user_of = user_of
        self._begun = begun
        self._stuck = stuck

    async def take_some(self, files: deque[Whole]) -> list[tuple[SpoolFile, str]]:
        """Takes in the next files, off `files`: a bounded number of bounded size. Gives those with
        something that can't be taken, and where they are now.
        """
        some = await asyncio.to_thread(self._read_some, files)
        refused: list[tuple[SpoolFile, str]] = []
        while some:
            await asyncio.to_thread(self._parse, some)
            await self._commit(some)
            if through := [file for file in some if file.is_through]:
                refused += await asyncio.to_thread(self._clear, through)
            some = [file for file in some if not file.is_through and not self._has_to_wait(file)]
        return refused

    def _read_some(self, files: deque[Whole]) -> list[SpoolFile]:
        some: list[SpoolFile] = []
        size = 0
        while files and len(some) < FILES and size < BYTES:
            whole = files.popleft()
            if whole.user in self.no_room:
                continue
            try:
                found = self._directory.read(whole.name)
            except OSError as error:
                self.obstacles[whole.name] = (whole.user, reason(error))
                continue
            if found is None:
                self.gone[whole.user] += 1
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
            user = self._user_of(file.uid)
            if user in blocked or user in self.no_room:
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
                    self.no_room[user] = (file.name, refusal.text)
        if commits:
            await asyncio.wait(commits)

    def _settle(
        self, file: SpoolFile, events: list[NewEvent], accepted: "asyncio.Future[Acceptance]"
    ) -> None:
        try:
            outcomes = self._admission.settle(events, accepted)
        except EventError as error:
            self.no_room.setdefault(self._user_of(file.uid), (file.name, error.text))
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
        if self._user_of(file.uid) not in self.no_room:
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
            path: str | None = f"{self._directory.path}/{file.name}"
            user, is_clean = self._user_of(file.uid), file.fault is None
            try:
                if is_clean:
                    self._directory.remove(file.name)
                else:
                    path = self._directory.put_aside(file.name)
                self.gone[user] += 1
            except OSError as error:
                # Its events are known when it is read again.
                self.obstacles[file.name] = (user, reason(error))
                if file.name in self._stuck:
                    continue
            if path is not None and not is_clean:
                aside.append((file, path))
        return aside
