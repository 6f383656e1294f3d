"""History is deleted: what is too old, and the oldest of the user with the most of it where there
is too much, or where the disk is low: before anybody is refused.

Each operation of the writer looks at a slice and deletes a bounded part of it, so that no commit
waits long. Only what has ended is deleted. An event's id goes with it: sent again, it is a new
event. How much must go, and of whom, is what `Space` and `shares` say; `HistoryLimit` has it done,
and tells of it.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any, NamedTuple

import apsw

from zaiond.errors import DiskFullError
from zaiond.journal import Journal, Kind
from zaiond.store import meta, words
from zaiond.store.database import DiskSpace, Pages, pages
from zaiond.store.events import get_meta, last_seq
from zaiond.store.space import Space, shares
from zaiond.store.writer import Writer
from zaiond.text import Text

LOOKED_AT = 2000  # events that an operation looks at
EVENTS = 200  # that it deletes at most,
ROWS = 2000  # with so many deliveries and attempts,
BYTES = 2 * 1024 * 1024  # and so much text: every page of it has to be read
# What waits: the line, the mail made of it (base64, and fields that stand in it twice), the rows.
_MAIL = 3  # times the line
_ROWS = 2048  # bytes an event
LINE_INTERVAL = 3600.0  # seconds between two lines of the journal
IN_VAIN = 60.0  # seconds until it is tried again where nothing was left to be deleted
_NAMED = 3  # users in a line


class Deleted(NamedTuple):
    """What was deleted of a user: how many events, bytes, and when the newest was accepted."""

    events: int = 0
    size: int = 0
    newest: float = 0.0

    def plus(self, events: int, size: int, newest: float) -> "Deleted":
        """With what was deleted besides."""
        return Deleted(self.events + events, self.size + size, max(self.newest, newest))


class Pruned(NamedTuple):
    """What an operation did: how many events it `met` that were wanted, though some may not have
    ended; what it deleted of each user; the seq to go on after, None at the end.
    """

    met: int
    deleted: dict[int, Deleted]
    after: int | None


def too_old(db: apsw.Connection, before: float, after: int, spared: Container[int] = ()) -> Pruned:
    """Deletes events after seq `after` that were accepted and have ended before then (queue time),
    but those that are `spared`.

    queue.keep is never less than queue.expire, and yet some may not have ended: where the queue is
    held, or nothing is routed.
    """
    return _prune(db, lambda queued, *_: queued < before, after, before, spared=spared)


def _prune(
    db: apsw.Connection,
    wanted: Callable[[float, int, int], bool],
    after: int,
    ended_before: float = inf,
    user_of: Callable[[int], int] = int,
    spared: Container[int] = (),
) -> Pruned:
    """Deletes the wanted ones of a slice, all of whose deliveries ended before then; `wanted` gets
    when it was accepted (queue time), its user, and the bytes that were deleted of that user so
    far. `user_of` says whose a uid is.
    """
    through = int(get_meta(db, "routed_through") or 0)
    newest = last_seq(db)  # which is kept where it was routed early: no seq is given twice
    looked_at: list[Any] = db.execute(_SLICE, (after, LOOKED_AT)).fetchall()
    last = looked_at[-1][0] if len(looked_at) == LOOKED_AT else None
    deleted: dict[int, Deleted] = {}
    seqs: list[tuple[int]] = []
    met = rows = size = 0
    for seq, uid, accepted, queued, takes_up, has_outcome in looked_at:
        user = user_of(uid)
        of_user = deleted.get(user, Deleted())
        if not wanted(queued, user, of_user.size):
            continue
        met += 1
        counts: Any = db.execute(_DELIVERIES, (ended_before, seq)).fetchall()[0]
        deliveries, attempts, left = counts
        is_routed = seq <= through or (seq < newest and (has_outcome or deliveries))
        if left or not is_routed or seq in spared:
            continue
        seqs.append((seq,))
        deleted[user] = of_user.plus(1, takes_up, accepted)
        rows += deliveries + attempts
        size += takes_up
        if len(seqs) >= EVENTS or rows >= ROWS or size >= BYTES:
            last = seq
            break
    _delete(db, seqs)
    return Pruned(met, deleted, last)


ROWS_OF_ONE = 1024  # bytes that an event takes up beside its line, in all tables, about
_SLICE = (
    f"SELECT seq, uid, accepted, queued, length(body) + {ROWS_OF_ONE}, outcome IS NOT NULL"  # noqa: S608
    " FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
)
_DELIVERIES = (
    "SELECT count(*), coalesce(sum(d.attempts), 0),"
    " count(*) FILTER (WHERE d.ended IS NULL OR d.ended >= ?)"
    " FROM message_events AS m LEFT JOIN deliveries AS d ON d.message = m.message WHERE m.event = ?"
)


def _delete(db: apsw.Connection, seqs: list[tuple[int]]) -> None:
    messages = {
        row[0]
        for seq in seqs
        for row in db.execute("SELECT message FROM message_events WHERE event = ?", seq)
    }
    db.executemany("DELETE FROM message_events WHERE event = ?", seqs)
    # A message is kept for the other events that it tells of.
    told = "SELECT EXISTS (SELECT 1 FROM message_events WHERE message = ?)"
    gone = [(row,) for row in sorted(messages) if not db.execute(told, (row,)).get]
    db.executemany(
        "DELETE FROM attempts WHERE delivery IN (SELECT id FROM deliveries WHERE message = ?)", gone
    )
    db.executemany("DELETE FROM deliveries WHERE message = ?", gone)
    db.executemany("DELETE FROM messages WHERE id = ?", gone)
    db.executemany("DELETE FROM events WHERE seq = ?", seqs)
    db.executemany("DELETE FROM routed_early WHERE seq = ?", seqs)


def sizes(db: apsw.Connection, after: int) -> tuple[dict[int, int], int | None]:
    """What the events after seq `after` take up, whether they wait or have ended, in a slice: bytes
    by uid, about; and the seq to go on after, None at the end.
    """
    found: list[Any] = db.execute(_SIZES, (after, LOOKED_AT)).fetchall()
    is_whole = sum(events for _, _, events, _ in found) == LOOKED_AT
    last = max(seq for _, _, _, seq in found) if is_whole else None
    return {uid: size for uid, size, _, _ in found}, last


_SIZES = (
    f"SELECT uid, sum(size), count(*), max(seq) FROM (SELECT uid, length(body) + {ROWS_OF_ONE}"  # noqa: S608
    " AS size, seq FROM events WHERE seq > ? ORDER BY seq LIMIT ?) GROUP BY uid"
)


def shorten(
    db: apsw.Connection,
    to_free: Mapping[int, int],
    after: int,
    now: float,
    user_of: Callable[[int], int] = int,
    spared: Container[int] = (),
) -> tuple[Pruned, Pages]:
    """Deletes so many bytes of each of these users of what has ended after seq `after`, the oldest
    first, and remembers that; gives what there is afterwards, too.
    """
    pruned = _prune(
        db,
        lambda _, user, deleted: deleted < to_free.get(user, 0),
        after,
        user_of=user_of,
        spared=spared,
    )
    if pruned.deleted:
        meta.remember_shortened(db, pruned.deleted, now)
    return pruned, pages(db)


@dataclass
class HistoryLimit:
    """Looks when it is told to, and deletes what must be deleted, a slice at a time.

    `waiting` gives how many events and bytes of each uid wait. `lock` is held meanwhile: what has
    ended may be about to be sent again. `user_of` says whose a uid is. `spared` gives the events of
    which somebody is to be reminded: they are kept.
    """

    disk: DiskSpace
    writer: Writer
    waiting: Callable[[], Mapping[int, tuple[int, int]]]
    clock: Callable[[], float]
    journal: Journal
    name_of: Callable[[int], str]
    lock: asyncio.Lock
    user_of: Callable[[int], int] = int
    spared: Callable[[], Container[int]] = frozenset

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
        space = self._space(await self.writer.submit(pages))
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
            some, after = await self.writer.submit(partial(sizes, after=after))
            for uid, size in some.items():
                user = self._users[uid] = self.user_of(uid)
                found[user] += size
        for uid, (events, size) in self.waiting().items():
            found[self.user_of(uid)] -= size + events * ROWS_OF_ONE
        return found

    async def _shorten(self, left: dict[int, int], space: Space) -> tuple[bool, Space]:
        """Whether anything was deleted, and what there is then."""
        after: int | None = 0
        is_any = False
        while after is not None and left and space.to_free:
            operation = partial(
                shorten,
                to_free=dict(left),
                after=after,
                now=self.clock(),
                # The writer's transaction looks at no file.
                user_of=lambda uid: self._users.get(uid, uid),
                spared=self.spared(),
            )
            async with self.lock:  # essential: it makes room
                pruned, held = await self.writer.submit(operation, essential=True)
            after, space = pruned.after, self._space(held)
            is_any = is_any or bool(pruned.deleted)
            for uid, deleted in pruned.deleted.items():
                self._deleted[uid] = self._deleted.get(uid, Deleted()).plus(*deleted)
                left[uid] -= deleted.size
                if left[uid] <= 0:
                    del left[uid]
        return is_any, space

    def _space(self, held: Pages) -> Space:
        self.disk.reusable = held.free
        free, floor = self.disk.free_bytes()
        waiting = self.waiting().values()
        return Space(
            used=held.used,
            reusable=held.free,
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
        named = [
            words.of_user(name=self.name_of(uid), events=one.events, size=_mb(one.size))
            for uid, one in most[:_NAMED]
        ]
        deleted = Text("、".join(one.ja for one in named), ", ".join(one.en for one in named))
        if len(most) > _NAMED:
            deleted = words.and_others(deleted=deleted)
        self.journal.warning(
            words.shortened(limit=_mb(space.limit), deleted=deleted), Kind.HISTORY_SHORTENED
        )


def _mb(size: int) -> int:
    return -(-size // (1024 * 1024))
