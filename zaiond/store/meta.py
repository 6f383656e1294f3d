"""What outlives a restart beside the queue itself, as JSON in the table `meta`: queue time, who has
said that mail which failed or expired is known (`status --ack`), and whose history was shortened.
Operations of the writer.
"""

import contextlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

import apsw
import msgspec

from zaiond.clock import Kept
from zaiond.store.events import get_meta, set_meta

T = TypeVar("T")
MOST_ACKNOWLEDGED = 100  # older ones are forgotten: what they were about counts for the next one
MOST_USERS = 100  # of whom it is known that their history was shortened
INCIDENT = 7 * 86400.0  # seconds without a further deletion, after which the next is another one
_ACKNOWLEDGED = "acknowledged"
_SHORTENED = "history_shortened"
_QUEUE_TIME = "queue_time"


def find(db: apsw.Connection, name: str, kind: type[T]) -> T | None:
    """The value of this name; None: there is none, or none of this kind."""
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(str(get_meta(db, name) or ""), type=kind)
    return None


def below(db: apsw.Connection, prefix: str) -> dict[str, str]:
    """The values of all names that begin with it and a blank."""
    rows = db.execute(
        "SELECT name, value FROM meta WHERE name > ? AND name < ?", (f"{prefix} ", f"{prefix}!")
    )
    return {name: str(value) for name, value in rows}


def keep(db: apsw.Connection, name: str, value: object) -> None:
    """Keeps a value for `find`."""
    set_meta(db, name, msgspec.json.encode(value).decode())


class Acknowledgement(NamedTuple):
    """What had ended up to `through` (queue time) is known to the user; `at` is by the clock."""

    through: float
    uid: int
    user: str
    at: float


def acknowledgements(db: apsw.Connection) -> tuple[Acknowledgement, ...]:
    """All that there are, in order."""
    return find(db, _ACKNOWLEDGED, tuple[Acknowledgement, ...]) or ()


def acknowledge(db: apsw.Connection, new: Acknowledgement) -> None:
    """Records one."""
    keep(db, _ACKNOWLEDGED, (*acknowledgements(db), new)[-MOST_ACKNOWLEDGED:])


def acknowledgement_of(kept: Iterable[Acknowledgement], ended: float) -> Acknowledgement | None:
    """The first one that counts for a delivery that has ended then."""
    return next((one for one in kept if ended <= one.through), None)


def keep_queue_time(db: apsw.Connection, kept: Kept) -> None:
    """What the next run needs of it."""
    keep(db, _QUEUE_TIME, kept)


def queue_time(db: apsw.Connection) -> Kept:
    """What the last run left, and never before what was accepted or has ended since."""
    kept = None
    with contextlib.suppress(UnicodeDecodeError):
        kept = find(db, _QUEUE_TIME, Kept)
    kept = kept or Kept()
    last = db.execute(
        "SELECT max(coalesce((SELECT queued FROM events ORDER BY seq DESC LIMIT 1), 0.0),"
        " coalesce((SELECT max(queued) FROM holds), 0.0))"
    ).get
    kept.now = max(kept.now, float(last))
    return kept


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
    return find(db, _SHORTENED, tuple[Shortened, ...]) or ()


def remember_shortened(
    db: apsw.Connection, deleted: Mapping[int, tuple[int, int, float]], now: float
) -> None:
    """Records how many events and bytes were deleted of each user, and when the newest was
    accepted.
    """
    known = {one.uid: one for one in shortened(db)}
    for uid, (events, size, newest) in deleted.items():
        before, since = known.pop(uid, None), now
        if before is not None:
            newest = max(newest, before.newest)
            if abs(now - before.last) < INCIDENT:
                since, events, size = before.since, events + before.events, size + before.size
        known[uid] = Shortened(uid, events, size, since, now, newest)
    keep(db, _SHORTENED, list(known.values())[-MOST_USERS:])
