"""Mails of one lane (the key or job of their events) go to a recipient one after the other: what is
done for all lanes. Operations of the writer's transaction.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from zaiond.store.counts import Key, beyond
from zaiond.store.events import OF_GROUP
from zaiond.store.pending import SLICE
from zaiond.store.queue import LET_NEXT_GO


def let_all_wait(db: apsw.Connection, limit: int) -> bool:
    """Makes `limit` deliveries due that are deferred or held; says whether there are more."""
    db.execute(
        "UPDATE deliveries SET state = 'waiting', next_attempt = NULL WHERE id IN (SELECT id"
        " FROM deliveries WHERE state IN ('deferred', 'held') AND ended IS NULL LIMIT ?)",
        (limit,),
    )
    return db.changes() == limit


def let_lanes_wait(db: apsw.Connection, of: str, values: Sequence[Any]) -> None:
    """Makes due what is deferred in the lanes of open deliveries that are so, whoever the recipient
    is: what is deferred comes in before what waits, and would go before it.
    """
    db.execute(
        "UPDATE deliveries SET state = 'waiting', next_attempt = NULL WHERE state = 'deferred'"  # noqa: S608
        " AND ended IS NULL AND lane IN (SELECT lane FROM deliveries WHERE lane IS NOT NULL"
        f" AND ended IS NULL AND {of})",
        values,
    )


def let_lanes_of_events_wait(db: apsw.Connection, seqs: list[int]) -> None:
    """Makes due what is deferred in the lanes of these events."""
    for seq in seqs:
        let_lanes_wait(
            db, "message IN (SELECT message FROM message_events WHERE event = ?)", (seq,)
        )


FIRST_LANE: Key = ("", "", 0)  # before all of them


def let_lanes_go(db: apsw.Connection, now: float, after: Key = FIRST_LANE) -> Key | None:
    """Sees to it that the first of each lane waits for nobody, whatever ended the one before it: in
    a slice after lane, recipient and message. Gives where to go on after; None at the end.
    """
    key = ("lane", "recipient", "message")
    columns = "lane, recipient, message, state = 'deferred' AND next_attempt IS NULL"
    which = "lane IS NOT NULL AND ended IS NULL"
    query, values = beyond(columns, key, which, after)
    rows: list[Any] = db.execute(
        f"{query} ORDER BY lane, recipient, message LIMIT {SLICE}", values
    ).fetchall()
    lanes = {row[:2]: None for row in rows if row[3]}
    db.executemany(LET_NEXT_GO, [(now, *lane) for lane in lanes])
    return rows[-1][:3] if rows else None


def still_to_hear(db: apsw.Connection, seqs: Iterable[int]) -> dict[int, set[str]]:
    """Of each of these events that a problem is told of by, the recipients of open mails that tell
    of it, or were made of what its lane told of since.
    """
    return {seq: {recipient for (recipient,) in db.execute(_OPEN, (seq, seq))} for seq in seqs}


_OPEN = (
    "SELECT recipient FROM deliveries WHERE ended IS NULL"  # noqa: S608
    " AND message IN (SELECT message FROM message_events WHERE event = ?) UNION"
    " SELECT d.recipient FROM events AS e JOIN deliveries AS d ON d.lane = e.uid || ' ' || e.lane"
    " JOIN messages AS m ON m.id = d.message"
    f" WHERE e.seq = ? AND d.ended IS NULL AND {OF_GROUP}"
)
