"""What is in the spool directory: that a file was put there (`SpoolWatch`), which ones are there
(`Walk`), and whose is next (`Turns`).

However much it holds, each chunk of a walk takes a moment, and what is remembered is bounded.
"""

import asyncio
import contextlib
import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import islice, zip_longest
from typing import NamedTuple

from zaiond.intake import words
from zaiond.intake.spool.directory import DIRECTORY, FOREIGN, Kept, kept
from zaiond.text import Text

TEMPORARY = ".tmp-"  # what a client is still writing, or has given up
CHUNK = 1000  # names of the directory that are looked at in one go
OF_EACH = 2048  # files of a user that are remembered
MOST = 8192  # of all
MOST_FOREIGN = 100  # that are kept, where they can be removed, and told one by one
MOST_FOREIGN_BYTES = 64 * 1024 * 1024
_IN_MOVED_TO = 0x80  # interface 4: what is whole is renamed into place
_IN_ONLYDIR = 0x1000000
_IN_ONESHOT = 0x80000000
_ROOM = 65536  # for what the kernel has to tell
_libc = ctypes.CDLL(None, use_errno=True)


class Whole(NamedTuple):
    """A file that was put there: when it was written (ns), as its owner says it."""

    written: int
    name: str
    user: int


class Turns:
    """The files that a walk has met, in turns over their users, those written first of each. More
    than there is room for are counted, and left for the next walk: the newest of those who have the
    most. Pure.
    """

    def __init__(self, of_each: int = OF_EACH, most: int = MOST) -> None:
        self.counts: dict[int, int] = {}  # by user: all that were met
        self._most = most
        self._share = of_each
        self._of: dict[int, list[tuple[int, str]]] = {}  # heaps, the newest on top
        self._kept = 0

    def add(self, written: int, name: str, user: int) -> None:
        heap = self._of.get(user)
        if heap is None:
            if len(self._of) >= self._most:
                return
            heap = self._of[user] = []
            self.counts[user] = 0
        self.counts[user] += 1
        heappush(heap, (-written, name))
        self._kept += 1
        self._shrink(heap)
        if self._kept > self._most:
            # To less than there is room for, so that it is done once in many files.
            self._share = max(1, self._most * 3 // 4 // len(self._of))
            for each in self._of.values():
                self._shrink(each)

    def _shrink(self, heap: list[tuple[int, str]]) -> None:
        while len(heap) > self._share:
            heappop(heap)
            self._kept -= 1

    def files(self) -> list[Whole]:
        """What is remembered: each user's oldest, then each one's next, and so on."""
        of_user = [
            sorted(Whole(-newness, name, user) for newness, name in heap)
            for user, heap in self._of.items()
        ]
        return [file for turn in zip_longest(*of_user) for file in turn if file is not None]

    def left_out(self, user: int) -> int:
        return self.counts[user] - len(self._of[user])


async def walk_through(
    path: str, user_of: Callable[[int], int], clean_before: float | None = None
) -> "Walk":
    """A walk from start to end; the loop runs on between its chunks. Raises OSError."""
    walk = Walk(path, user_of, clean_before)
    try:
        while await asyncio.to_thread(walk.go_on):
            pass
    finally:
        walk.close()
    return walk


class Walk:
    """One walk through the directory `path`, and what was met so far; it must be closed.

    `user_of` gives the user that a uid belongs to. What clients were writing before `clean_before`
    (seconds since the epoch) is removed.
    """

    def __init__(
        self, path: str, user_of: Callable[[int], int], clean_before: float | None = None
    ) -> None:
        self.turns = Turns()
        self.foreign: list[Kept] = []  # out of the way
        self.foreign_more = 0
        self._foreign_bytes = 0
        self.given_up = 0  # of what clients were writing, or is out of the way: removed
        self.obstacles: dict[str, OSError] = {}  # what can't be looked at
        self._path = path
        self._user_of = user_of
        self._clean_before = clean_before
        # Who waits for a chunk may be cancelled, and the thread that looks at it goes on.
        self._at_work = threading.Lock()
        self._opened = contextlib.ExitStack()
        self._entries: Iterator[os.DirEntry[str]] | None = None

    def go_on(self) -> bool:
        """Looks at a chunk more; says whether there may be another. Raises OSError."""
        seen = 0
        with self._at_work:
            if self._entries is None:
                self._spool = os.open(self._path, DIRECTORY)
                self._opened.callback(os.close, self._spool)
                self._entries = self._opened.enter_context(os.scandir(self._spool))
            for entry in islice(self._entries, CHUNK):
                seen += 1
                try:
                    self._meet(entry)
                except FileNotFoundError:
                    continue  # gone again
                except OSError as error:
                    self.obstacles[entry.name] = error
        return seen == CHUNK

    def close(self) -> None:
        """Ends it, when no chunk is being looked at: else the C library reads what is gone."""
        with self._at_work:
            self._entries = iter(())  # a chunk that begins now finds nothing
            self._opened.close()

    def _meet(self, entry: "os.DirEntry[str]") -> None:
        name = entry.name
        if not name.startswith("."):  # else it is still being written, or has a name of ours
            status = entry.stat(follow_symlinks=False)
            self.turns.add(status.st_mtime_ns, name, self._user_of(status.st_uid))
        elif name.startswith(FOREIGN):
            self._meet_foreign(kept(name, "foreign", self._spool))
        elif (
            self._clean_before is not None
            and name.startswith(TEMPORARY)
            # ctime: nobody can set it.
            and entry.stat(follow_symlinks=False).st_ctime < self._clean_before
        ):
            with contextlib.suppress(OSError):  # a directory, for one: it is nobody's event
                os.unlink(name, dir_fd=self._spool)
                self.given_up += 1

    def _meet_foreign(self, one: Kept) -> None:
        if (
            len(self.foreign) < MOST_FOREIGN
            and self._foreign_bytes + one.size <= MOST_FOREIGN_BYTES
        ):
            self.foreign.append(one)
            self._foreign_bytes += one.size
            return
        for remove in (os.unlink, os.rmdir):
            with contextlib.suppress(OSError):  # a directory that isn't empty is its owner's
                remove(one.name, dir_fd=self._spool)
                self.given_up += 1
                return
        self.foreign_more += 1


class SpoolWatch:
    """Calls `on_change`, in the loop, when a file has been put into `path` since it was armed
    (inotify(7)): once, until it is armed again, so that nobody can make it tell faster. Not by
    watchdog, as the configuration is: its threads read and keep every change that anybody makes.

    `on_blind` is called once, with a sentence, when the kernel refuses a watch (its limits are
    reached).
    """

    def __init__(
        self, path: str, on_change: Callable[[], object], on_blind: Callable[[Text], object]
    ) -> None:
        self._path = path
        self._on_change = on_change
        self._on_blind = on_blind
        self._loop = asyncio.get_running_loop()
        self._told = False
        self._inotify = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._inotify < 0:
            self._blind(ctypes.get_errno())
        else:
            self._loop.add_reader(self._inotify, self._tell)

    def arm(self) -> None:
        """From now on the next change is told; what was before is to be looked for."""
        if self._inotify < 0:
            return
        what = _IN_MOVED_TO | _IN_ONLYDIR | _IN_ONESHOT
        path = os.fsencode(self._path)
        if _libc.inotify_add_watch(self._inotify, path, ctypes.c_uint32(what)) < 0:
            self._blind(ctypes.get_errno())

    def _tell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._inotify, _ROOM)
        self._on_change()

    def _blind(self, number: int) -> None:
        if self._told:
            return
        self._told = True
        why = OSError(number, os.strerror(number))
        self._on_blind(words.not_watched(path=self._path, why=why))

    def stop(self) -> None:
        if self._inotify >= 0:
            self._loop.remove_reader(self._inotify)
            os.close(self._inotify)
            self._inotify = -1
