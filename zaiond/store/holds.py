"""Holds on disk: what somebody has to mend before mail goes out again. Operations of the writer.

A hold has a scope: the queue, an address, or one mail. What an address or a mail holds is in state
`held`; what the queue holds stays as it is, for it goes on where it was. Of what an address holds,
one delivery at a time has a `next_attempt`: it is the probe.
"""

from collections.abc import Iterable
from typing import Any

import apsw
import msgspec

from zaiond.holds import Hold, HoldScope
from zaiond.smtp.failure import Failure
from zaiond.store.counts import HELD
from zaiond.store.lanes import let_lanes_wait

_SUBJECTS = "SELECT subject FROM holds WHERE scope = '{}'"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Failure).decode


def find(db: apsw.Connection) -> list[Hold]:
    """All that there are; one whose failure can't be read any more is none."""
    found = []
    rows: Iterable[Any] = db.execute("SELECT scope, subject, since, queued, failure FROM holds")
    for scope, subject, since, queued, failure in rows:
        try:
            found.append(Hold(scope, subject, since, queued, _decode(failure)))
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
            continue
    return found


def put(db: apsw.Connection, hold: Hold) -> None:
    """Records a hold; one that is there stays as old as it is."""
    db.execute(
        "INSERT INTO holds VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET failure = excluded.failure",
        (*hold[:4], _encode(hold.failure.masked)),
    )


def release(db: apsw.Connection, scope: HoldScope, subject: str, at: float) -> None:
    """Ends a hold: what it held waits, and has all its time from `at` (queue time) on."""
    db.execute("DELETE FROM holds WHERE scope = ? AND subject = ?", (scope, subject))
    if scope == "address":
        of = f"recipient = ? AND CAST(message AS TEXT) NOT IN ({_SUBJECTS.format('mail')})"
    elif scope == "mail":
        of = f"message = CAST(? AS INTEGER) AND recipient NOT IN ({_SUBJECTS.format('address')})"
    else:
        return
    _let_wait(db, of, (subject,), at)


def release_all(db: apsw.Connection) -> None:
    """Ends all holds; what they held is made anew."""
    db.execute("DELETE FROM holds")


def mend(db: apsw.Connection, now: float, at: float) -> bool:
    """Sees to it that each hold has its probe, and that nothing is held by none: whatever happened
    in between. Says whether anything changed.
    """
    before = db.total_changes()
    _let_wait(
        db,
        f"recipient NOT IN ({_SUBJECTS.format('address')})"
        f" AND CAST(message AS TEXT) NOT IN ({_SUBJECTS.format('mail')})",
        (),
        at,
    )
    for scope, subject in (("address", "recipient"), ("mail", "CAST(message AS TEXT)")):
        db.execute(
            f"DELETE FROM holds WHERE scope = '{scope}' AND subject NOT IN"  # noqa: S608
            f" (SELECT {subject} FROM deliveries WHERE {HELD})"
        )
    db.execute(
        "UPDATE deliveries SET next_attempt = ? WHERE id IN (SELECT min(id) FROM deliveries"  # noqa: S608
        f" WHERE {HELD} AND recipient IN ({_SUBJECTS.format('address')})"
        " GROUP BY recipient HAVING max(next_attempt) IS NULL)",
        (now,),
    )
    return db.total_changes() != before


def _let_wait(db: apsw.Connection, of: str, values: tuple[str, ...], at: float) -> None:
    held = f"{HELD} AND {of}"
    db.execute(
        f"UPDATE messages SET queued = ? WHERE id IN (SELECT message FROM deliveries WHERE {held})",  # noqa: S608
        (at, *values),
    )
    let_lanes_wait(db, f"state = 'held' AND {of}", values)
    db.execute(
        f"UPDATE deliveries SET state = 'waiting', next_attempt = NULL WHERE {held}",  # noqa: S608
        values,
    )
