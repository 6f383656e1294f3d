"""How much history is kept: it has its own share of the disk, and gives way where the disk is low,
before anybody is refused. The oldest of the user with the most of it goes first.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from zaiond.errors import DiskFullError
from zaiond.journal import Journal, Kind
from zaiond.store import prune, words
from zaiond.store.database import DiskSpace
from zaiond.store.prune import Deleted, Pages
from zaiond.store.writer import Writer

# What waits: the line, the mail made of it (base64, and fields that stand in it twice), the rows.
_MAIL = 3  # times the line
_ROWS = 2048  # bytes an event
LINE_INTERVAL = 3600.0  # seconds between two lines of the journal
IN_VAIN = 60.0  # seconds until it is tried again where nothing was left to be deleted
_NAMED = 3  # users in a line


class Space(NamedTuple):
    """Bytes: of the database's pages in use and those free in it, of the disk free and the floor
    below which no event is taken; the limit of the history; what events that wait may take up.
    """

    used: int
    reusable: int
    free: int
    floor: int
    limit: int
    waiting: int

    @property
    def is_short(self) -> bool:
        """Whether history must be deleted: there is too much of it, or the disk is low."""
        return self._excess(self.limit, 2 * self.floor) > 0

    @property
    def to_free(self) -> int:
        """How much must be deleted so that it won't be needed again soon; 0: enough was."""
        return max(0, self._excess(self.limit * 9 // 10, self.floor * 9 // 4))

    def _excess(self, limit: int, room: int) -> int:
        return max(self.used - limit - self.waiting, room - self.free - self.reusable)


def shares(sizes: Mapping[int, int], to_free: int) -> dict[int, int]:
    """How much of each user's is to be deleted: the largest are cut down to what they all have."""
    total = number = 0
    ordered = sorted(sizes.values(), reverse=True)
    for number, (size, smaller) in enumerate(pairwise((*ordered, 0)), 1):
        total += size
        if total - number * smaller >= to_free:
            break
    level = max(0, (total - to_free) // max(1, number))
    return {uid: size - level for uid, size in sizes.items() if size > level}


@dataclass
class HistoryLimit:
    """Looks when it is told to, and deletes what must be deleted, a slice at a time.

    `waiting` gives how many events and bytes of each uid wait. `lock` is held meanwhile: what has
    ended may be about to be sent again. `user_of` says whose a uid is.
    """

    disk: DiskSpace
    writer: Writer
    waiting: Callable[[], Mapping[int, tuple[int, int]]]
    clock: Callable[[], float]
    journal: Journal
    name_of: Callable[[int], str]
    lock: asyncio.Lock
    user_of: Callable[[int], int] = int

    def __post_init__(self) -> None:
        self._wanted = asyncio.Event()
        self._not_before = 0.0
        self._next_line = 0.0
        self._users: dict[int, int] = {}  # whose the uids are that have events
        self._deleted: dict[int, Deleted] = {}  # and not told of yet

    def look(self) -> None:
        """There may be too much now, or too little room."""
        self._wanted.set()

    async def run(self) -> None:
        """Works for ever; ends when cancelled."""
        while True:
            # What was deleted is told of in time, though nothing more is deleted.
            line_in = max(1.0, self._next_line - time.monotonic()) if self._deleted else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(line_in):
                    await self._wanted.wait()
            self._wanted.clear()
            with contextlib.suppress(DiskFullError, OSError):  # told where it bars events
                await self.press()

    async def upkeep(self) -> None:
        """Reserves the room for what must be recorded on a full disk, and looks."""
        await asyncio.to_thread(self.disk.lay_ballast)
        self.look()

    async def press(self) -> None:
        """Deletes, if needed, until there is room again or nothing is left. Raises DiskFullError,
        and OSError where the disk can't be asked.
        """
        space = self._space(await self.writer.submit(prune.pages))
        is_wanted = space.is_short and time.monotonic() >= self._not_before
        while is_wanted and space.to_free:
            left = shares(await self._sizes(), space.to_free)
            deleted, space = await self._shorten(left, space)
            if not deleted:
                self._not_before = time.monotonic() + IN_VAIN
                break
        self._tell(space)

    async def _sizes(self) -> dict[int, int]:
        """What is there of each user that has ended."""
        found = Counter[int]()
        self._users = {}
        after: int | None = 0
        while after is not None:
            sizes, after = await self.writer.submit(partial(prune.sizes, after=after))
            for uid, size in sizes.items():
                user = self._users[uid] = self.user_of(uid)
                found[user] += size
        for uid, (events, size) in self.waiting().items():
            found[self.user_of(uid)] -= size + events * prune.ROWS_OF_ONE
        return found

    async def _shorten(self, left: dict[int, int], space: Space) -> tuple[bool, Space]:
        """Whether anything was deleted, and what there is then."""
        after: int | None = 0
        is_any = False
        while after is not None and left and space.to_free:
            async with self.lock:
                pruned, pages = await self.writer.submit(
                    partial(
                        prune.shorten,
                        to_free=dict(left),
                        after=after,
                        now=self.clock(),
                        # The writer's transaction looks at no file.
                        user_of=lambda uid: self._users.get(uid, uid),
                    ),
                    essential=True,  # it makes room
                )
            after, space = pruned.after, self._space(pages)
            is_any = is_any or bool(pruned.deleted)
            for uid, deleted in pruned.deleted.items():
                self._deleted[uid] = self._deleted.get(uid, Deleted()).plus(*deleted)
                left[uid] -= deleted.size
                if left[uid] <= 0:
                    del left[uid]
        return is_any, space

    def _space(self, pages: Pages) -> Space:
        self.disk.reusable = pages.free
        free, floor = self.disk.free_bytes()
        waiting = self.waiting().values()
        return Space(
            used=pages.used,
            reusable=pages.free,
            free=free,
            floor=floor,
            limit=self.disk.history_limit(),
            waiting=sum(_ROWS * events + _MAIL * size for events, size in waiting),
        )

    def _tell(self, space: Space) -> None:
        if not self._deleted or time.monotonic() < self._next_line:
            return
        self._next_line = time.monotonic() + LINE_INTERVAL
        most = sorted(self._deleted.items(), key=lambda one: -one[1].size)
        self._deleted = {}
        named = [(self.name_of(uid), one.events, _mb(one.size)) for uid, one in most[:_NAMED]]
        self.journal.warning(
            words.shortened(_mb(space.limit), named, more=len(most) > _NAMED),
            Kind.HISTORY_SHORTENED,
        )


def _mb(size: int) -> int:
    return -(-size // (1024 * 1024))
