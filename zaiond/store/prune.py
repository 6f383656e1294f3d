"""History is deleted: what is too old, and the oldest of a user where there is too much. Operations
of the writer: each looks at a slice and deletes a bounded part of it, so that no commit waits long.

Only what has ended is deleted. An event's id goes with it: sent again, it is a new event.
"""

from collections.abc import Callable, Mapping
from math import inf
from typing import Any, NamedTuple

import apsw

from zaiond.store import meta
from zaiond.store.events import get_meta, last_seq

LOOKED_AT = 2000  # events that an operation looks at
EVENTS = 200  # that it deletes at most,
ROWS = 2000  # with so many deliveries and attempts,
BYTES = 2 * 1024 * 1024  # and so much text: every page of it has to be read
_SHORTENED = "history_shortened"
MOST_USERS = 100  # of whom it is known that their history was shortened
INCIDENT = 7 * 86400.0  # seconds without a further deletion, after which the next is another one


class Pages(NamedTuple):
    """Bytes of the database's pages: those in use, and those that are free to be used again."""

    used: int
    free: int


def pages(db: apsw.Connection) -> Pages:
    """How much the database holds. SQLite keeps both counts: nothing is read for it."""
    size, free = int(db.pragma("page_size")), int(db.pragma("freelist_count"))
    return Pages((int(db.pragma("page_count")) - free) * size, free * size)


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


def too_old(db: apsw.Connection, before: float, after: int) -> Pruned:
    """Deletes events after seq `after` that were accepted and have ended before then (queue time).

    queue.keep is never less than queue.expire, and yet some may not have ended: where the queue is
    held, or nothing is routed.
    """
    return _prune(db, lambda queued, *_: queued < before, after, before)


def _prune(
    db: apsw.Connection,
    wanted: Callable[[float, int, int], bool],
    after: int,
    ended_before: float = inf,
    user_of: Callable[[int], int] = int,
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
        if left or not is_routed:
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
    " FROM message_events AS m JOIN deliveries AS d ON d.message = m.message WHERE m.event = ?"
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


class Shortened(NamedTuple):
    """What was deleted of a user's history before its time, from `since` to `last`, both in seconds
    since the epoch. `newest` is when the newest of all that was ever deleted so was accepted.
    """

    uid: int
    events: int
    size: int
    since: float
    last: float
    newest: float


def shortened(db: apsw.Connection) -> tuple[Shortened, ...]:
    """Whose history was shortened, the last one last."""
    return meta.find(db, _SHORTENED, tuple[Shortened, ...]) or ()


def shorten(
    db: apsw.Connection,
    to_free: Mapping[int, int],
    after: int,
    now: float,
    user_of: Callable[[int], int] = int,
) -> tuple[Pruned, Pages]:
    """Deletes so many bytes of each of these users of what has ended after seq `after`, the oldest
    first, and remembers that; gives what there is afterwards, too.
    """

    pruned = _prune(
        db, lambda _, user, deleted: deleted < to_free.get(user, 0), after, user_of=user_of
    )
    if pruned.deleted:
        _remember(db, pruned.deleted, now)
    return pruned, pages(db)


def _remember(db: apsw.Connection, deleted: Mapping[int, Deleted], now: float) -> None:
    known = {one.uid: one for one in shortened(db)}
    for uid, more in deleted.items():
        before, since = known.pop(uid, None), now
        if before is not None:
            is_same = abs(now - before.last) < INCIDENT
            since = before.since if is_same else now
            events, size = (before.events, before.size) if is_same else (0, 0)
            more = more.plus(events, size, before.newest)
        known[uid] = Shortened(uid, more.events, more.size, since, now, more.newest)
    meta.keep(db, _SHORTENED, list(known.values())[-MOST_USERS:])
