"""Deliveries by the hour in which their mail was accepted, and how they stand now. Counted from the
newest on, by the table's own order: each operation reads a bounded slice, and all together do.
"""

from collections import Counter, defaultdict
from functools import partial
from typing import Any, NamedTuple

import apsw

from zaiond.store.writer import Submit

ROWS = 2000  # of which an operation reads no more
MOST_ROWS = 50_000  # that are looked at in all
HOUR = 3600.0  # seconds
_FIRST = 2**62  # beyond any row


class Hours(NamedTuple):
    """`by_hour`: numbers by state, by the hour's place, 0 for the one that begins at `since`.
    `first`: the first hour of which all were looked at.
    """

    by_hour: dict[int, dict[str, int]]
    first: int


class Slice(NamedTuple):
    """`found`: hour, state and number; before which row to go on, None: that is all; and the oldest
    hour in it, -1 where that is before all.
    """

    found: list[tuple[int, str, int]]
    before: int | None
    oldest: int


async def count(submit: Submit, since: float, hours: int) -> Hours:
    """Those of so many hours from `since` on, in seconds since the epoch."""
    by_hour: dict[int, Counter[str]] = defaultdict(Counter)
    before: int | None = _FIRST
    looked_at, oldest = 0, hours
    while before is not None:
        if looked_at >= MOST_ROWS:
            return Hours(_plain(by_hour, oldest + 1, hours), min(oldest + 1, hours))
        part = await submit(partial(_slice, since=since, hours=hours, before=before))
        for hour, state, number in part.found:
            by_hour[hour][state] += number
        before, oldest = part.before, min(oldest, part.oldest)
        looked_at += ROWS
    return Hours(_plain(by_hour, 0, hours), 0)


def _plain(by_hour: dict[int, Counter[str]], first: int, hours: int) -> dict[int, dict[str, int]]:
    return {hour: dict(by_hour[hour]) for hour in range(first, hours) if hour in by_hour}


def _slice(db: apsw.Connection, since: float, hours: int, before: int = _FIRST) -> Slice:
    """One slice. One that has none since then is the last one."""
    rows: list[Any] = db.execute(
        "SELECT CASE WHEN coalesce(m.accepted, 0) < ?1 THEN -1"
        " ELSE min(CAST((m.accepted - ?1) / ?4 AS INTEGER), ?5 - 1) END AS hour,"
        " d.state, count(*), min(d.id)"
        " FROM (SELECT id, message, state FROM deliveries WHERE id < ?2 ORDER BY id DESC LIMIT ?3)"
        " AS d LEFT JOIN messages AS m ON m.id = d.message GROUP BY hour, d.state",
        (since, before, ROWS, HOUR, hours),
    ).fetchall()
    found = [(int(hour), str(state), int(number)) for hour, state, number, _ in rows if hour >= 0]
    goes_on = bool(found) and sum(row[2] for row in rows) >= ROWS
    oldest = min((int(row[0]) for row in rows), default=-1)
    return Slice(found, min(row[3] for row in rows) if goes_on else None, oldest)
