"""How files of the spool are taken in: some lines of each at a time, in one commit if it can be;
then each file goes, from the disk or aside.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from zaiond.errors import EventError, StoreError
from zaiond.intake.spool_directory import SpoolDirectory
from zaiond.intake.spool_file import LINES, Faults, SpoolFile
from zaiond.intake.spool_turns import Whole
from zaiond.model import NewEvent
from zaiond.os_error import in_japanese
from zaiond.store.events import Acceptance, AcceptOutcome
from zaiond.text import Text

FILES = 64  # that are committed together, or as many as are
BYTES = 1024 * 1024  # together
MOST_BEGUN = 1000  # files of which it is known how far they were taken


class Submit(Protocol):
    """Puts events into the store within their quotas, those of the next call behind them.

    Raises EventError at once where there is no room for them now; what it gives, StoreError.
    """

    def __call__(self, batch: list[NewEvent]) -> Awaitable[Acceptance]: ...


class _Begun(NamedTuple):
    """How far a file was taken: which one (its inode), lines behind us, and what was refused."""

    inode: int
    line: int
    faults: Faults


class Sweep:
    """What a sweep has met."""

    def __init__(self, stuck: frozenset[str] = frozenset()) -> None:
        self.no_room: dict[int, tuple[str, Text]] = {}  # by user: the first file, and why
        self.obstacles: dict[str, tuple[int, Text]] = {}  # what can't be handled: by whom, and why
        self.gone = Counter[int]()  # files that were taken or put aside, by user
        self.stuck: frozenset[str] = stuck  # what could not be handled the last time


class SpoolIntake:
    """Takes files of the directory in. `user_of` gives the user that a uid belongs to."""

    def __init__(
        self,
        directory: SpoolDirectory,
        submit: Submit,
        clock: Callable[[], float],
        user_of: Callable[[int], int],
    ) -> None:
        self._directory = directory
        self._submit = submit
        self._clock = clock
        self._user_of = user_of
        self._begun: dict[str, _Begun] = {}
        self.sweep = Sweep()

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
            some = [
                file
                for file in some
                if not file.is_through and self._user_of(file.uid) not in self.sweep.no_room
            ]
        return refused

    def _read_some(self, files: deque[Whole]) -> list[SpoolFile]:
        some: list[SpoolFile] = []
        size = 0
        while files and len(some) < FILES and size < BYTES:
            whole = files.popleft()
            if whole.user in self.sweep.no_room:
                continue
            try:
                found = self._directory.read(whole.name)
            except OSError as error:
                self.sweep.obstacles[whole.name] = (whole.user, said(error))
                continue
            if found is None:
                self.sweep.gone[whole.user] += 1
                continue
            begun = self._begun.get(whole.name)
            if found.why is not None:
                file = SpoolFile(whole.name, found.uid, found.inode, b"", Faults(found.why))
            elif begun is not None and begun.inode == found.inode:
                file = SpoolFile(
                    whole.name, found.uid, found.inode, found.content, begun.faults, begun.line
                )
            else:
                file = SpoolFile(whole.name, found.uid, found.inode, found.content)
            some.append(file)
            size += len(found.content)
        return some

    def _parse(self, files: list[SpoolFile]) -> None:
        share, now = max(1, LINES // len(files)), self._clock()
        for file in files:
            file.parse(share, now)

    async def _commit(self, files: list[SpoolFile]) -> None:
        """Commits what was parsed, in one go if it can be."""
        in_flight: list[tuple[SpoolFile, list[asyncio.Future[Acceptance]], list[int]]] = []
        busy: set[int] = set()  # users of whom something is under way
        blocked: set[int] = set()
        for file in files:
            user = self._user_of(file.uid)
            if user in blocked or user in self.sweep.no_room:
                continue
            commits, sizes, refusal = self._offer(file)
            if commits:
                busy.add(user)
            if refusal is not None:
                blocked.add(user)
                # What is under way may be duplicates, which take no room: then it goes on.
                if user not in busy:
                    self._has_to_wait(file, refusal.text)
            in_flight.append((file, commits, sizes))
        for file, commits, sizes in in_flight:
            file.settle()  # lines before the first event
            for commit, size in zip(commits, sizes, strict=True):
                try:
                    acceptance = await commit
                except (EventError, StoreError) as error:
                    self._has_to_wait(file, error.text)
                    # What was behind it is a duplicate the next time.
                    await asyncio.gather(*commits, return_exceptions=True)
                    break
                accepted: list[AcceptOutcome] = ["accepted"] * size
                file.settle(acceptance.outcomes or accepted)
            self._remember(file)

    def _offer(
        self, file: SpoolFile
    ) -> tuple[list[asyncio.Future[Acceptance]], list[int], EventError | None]:
        """Submits the file's events: all, or as many as there is room for, and why not the others.
        Gives the commits with the number of events of each.
        """
        commits: list[asyncio.Future[Acceptance]] = []
        sizes: list[int] = []
        events = file.events
        at, step = 0, len(events)
        while at < len(events):
            part = events[at : at + step]
            try:
                commits.append(asyncio.ensure_future(self._submit(part)))
            except EventError as error:
                if error.code != "quota" or len(part) == 1:
                    return commits, sizes, error
                step = len(part) // 2
                continue
            sizes.append(len(part))
            at += len(part)
        return commits, sizes, None

    def _has_to_wait(self, file: SpoolFile, why: Text) -> None:
        """There is no room now for the events of this file's user: they stay."""
        self.sweep.no_room.setdefault(self._user_of(file.uid), (file.name, why))

    def _remember(self, file: SpoolFile) -> None:
        """How far it was taken."""
        self._begun.pop(file.name, None)
        if file.line and not file.is_through:
            self._begun[file.name] = _Begun(file.inode, file.line, file.faults)
            if len(self._begun) > MOST_BEGUN:
                del self._begun[next(iter(self._begun))]

    def _clear(self, files: list[SpoolFile]) -> list[tuple[SpoolFile, str]]:
        """Each file goes: from the disk, or aside. Gives those, and where they are now."""
        aside: list[tuple[SpoolFile, str]] = []
        for file in files:
            user = self._user_of(file.uid)
            path: str | None = f"{self._directory.path}/{file.name}"
            try:
                if file.faults.text is None:
                    self._directory.remove(file.name)
                    path = None
                else:
                    path = self._directory.put_aside(file.name)
                self.sweep.gone[user] += 1
            except OSError as error:
                # Its events are known when it is read again.
                self.sweep.obstacles[file.name] = (user, said(error))
                if file.faults.text is None or file.name in self.sweep.stuck:
                    continue
            if path is not None:
                aside.append((file, path))
        return aside


def said(error: OSError) -> Text:
    """Why the system could not do it."""
    return Text(in_japanese(error), error.strerror or str(error))
