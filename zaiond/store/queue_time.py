"""Queue time on disk. Operations of the writer."""

import contextlib

import apsw
import msgspec

from zaiond.clock import Kept
from zaiond.store.events import get_meta, set_meta

_NAME = "queue_time"


def keep(db: apsw.Connection, kept: Kept) -> None:
    """What the next run needs of it."""
    set_meta(db, _NAME, msgspec.json.encode(kept).decode())


def find(db: apsw.Connection) -> Kept:
    """What the last run left, and never before what was accepted or has ended since."""
    kept = Kept()
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        kept = msgspec.json.decode(str(get_meta(db, _NAME) or "{}"), type=Kept)
    last = db.execute(
        "SELECT max(coalesce((SELECT queued FROM events ORDER BY seq DESC LIMIT 1), 0.0),"
        " coalesce((SELECT max(queued) FROM holds), 0.0))"
    ).get
    kept.now = max(kept.now, float(last))
    return kept
