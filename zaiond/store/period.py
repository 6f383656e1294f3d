"""What came in and what ended in a period, counted for the summary. Each function is an operation
of the writer that reads a bounded slice, from the newest row on.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import apsw

from zaiond.store.writer import Submit

ROWS = 2000  # of which an operation reads no more
_FIRST = 2**62  # beyond any row

Slice = tuple[
    dict[str, int], int | None
]  # counts, and before which row to go on; None: that is all


class Period(NamedTuple):
    """`events` accepted, by their outcome (mailed, or on the way to it: ''); `ended` deliveries, by
    how they did; `told`: events that are in mails to come or mails of several, by their kind;
    `mails`: how many of these.
    """

    events: dict[str, int]
    ended: dict[str, int]
    told: dict[str, int]
    mails: dict[str, int]


async def count(submit: Submit, since: float, at: float) -> Period:
    """All since then: in seconds since the epoch, and in queue time."""
    accepted = await _all(submit, partial(events, since=since))
    over = await _all(submit, partial(ended, at=at))
    kinds = await _all(submit, partial(together, since=since))
    mails = {kind.removeprefix("#"): n for kind, n in kinds.items() if kind.startswith("#")}
    told = {kind: n for kind, n in kinds.items() if not kind.startswith("#")}
    return Period(accepted, over, told, mails)


async def _all(submit: Submit, operation: Callable[..., Slice]) -> dict[str, int]:
    found: Counter[str] = Counter()
    before: int | None = _FIRST
    while before is not None:
        counted, before = await submit(partial(operation, before=before))
        found.update(counted)
    return {name: number for name, number in found.items() if number}


def events(db: apsw.Connection, since: float, before: int = _FIRST) -> Slice:
    """Events by their outcome. A slice that has none since then is the last one."""
    return _counted(
        db,
        "SELECT coalesce(outcome, ''), sum(accepted >= ?1), count(*), min(seq),"
        " max(accepted) >= ?1 FROM (SELECT seq, accepted, outcome FROM events"
        " WHERE seq < ?2 ORDER BY seq DESC LIMIT ?3)"
        " GROUP BY 1",
        (since, before, ROWS),
    )


def ended(db: apsw.Connection, at: float, before: int = _FIRST) -> Slice:
    """Deliveries by how they ended. An old one may have ended now: all are looked at."""
    return _counted(
        db,
        "SELECT state, sum(coalesce(ended, -1.0) > ?1), count(*), min(id), 1"
        " FROM (SELECT id, state, ended FROM deliveries WHERE id < ?2 ORDER BY id DESC LIMIT ?3)"
        " GROUP BY 1",
        (at, before, ROWS),
    )


_KINDS = (
    "(SELECT id, accepted, CASE WHEN json_valid(routing)"
    " THEN coalesce(json_extract(routing, '$.kind'), '') ELSE '' END AS kind"
    " FROM messages WHERE id < ?2 ORDER BY id DESC LIMIT ?3)"
)


def together(db: apsw.Connection, since: float, before: int = _FIRST) -> Slice:
    """Mails that are not of one event told at once (`#kind`), and their events (`kind`)."""
    values = (since, before, ROWS)
    found, goes_on = _counted(
        db,
        "SELECT '#' || kind, sum(accepted >= ?1), count(*), min(id), max(accepted) >= ?1"  # noqa: S608
        f" FROM {_KINDS} GROUP BY 1",
        values,
    )
    found.pop("#", None)
    of_each = db.execute(
        f"SELECT kind, count(*) FROM {_KINDS} AS m JOIN message_events ON message = m.id"  # noqa: S608
        " WHERE accepted >= ?1 AND kind <> '' GROUP BY 1",
        values,
    )
    return {**found, **dict(of_each)}, goes_on


def _counted(db: apsw.Connection, query: str, values: tuple[float, int, int]) -> Slice:
    """Its rows are: what is counted, how many, how many were looked at, the first of these, and
    whether any is in the period.
    """
    rows: list[Any] = db.execute(query, values).fetchall()
    found = {str(name): int(number) for name, number, *_ in rows}
    if sum(row[2] for row in rows) < ROWS or not any(row[4] for row in rows):
        return found, None
    return found, min(row[3] for row in rows)
