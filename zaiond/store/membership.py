"""What a mail to come tells of, as it is read to make the mail: in slices, for there may be a
hundred thousand events of it, of which the worst few are all that is shown. Operations of the
writer.
"""

from collections.abc import Sequence
from heapq import nsmallest
from typing import Any, cast

import apsw

from zaiond.event_rules import SEVERITY_OF_WORD
from zaiond.model import MOST_IDS, MOST_LOADED, MOST_SHOWN, SEVERITIES, Severity, StoredEvent
from zaiond.store.events import COLUMNS, stored
from zaiond.store.members import Beginning, Members

SLICE = 2000  # events that are looked at together


def look(db: apsw.Connection, row: int, after: int) -> Members:
    """The events of a mail to come that are after seq `after`: a slice, empty at the end."""
    found = Members()
    for seq, uid, notice, urgent, lane, accepted, size, severity, is_elsewhere in db.execute(
        _MEMBERS, (row, after, SLICE)
    ):
        word = cast(Severity, SEVERITY_OF_WORD.get(severity, "info"))
        found.total += 1
        found.severities[word] += 1
        found.first = min(found.first or accepted, accepted)
        found.last = max(found.last, accepted)
        found.worst.append((_RANKS[word], -seq, size))
        found.urgent = found.urgent or bool(urgent)
        found.through = seq
        if len(found.lanes) < 2:
            found.lanes.add(lane and f"{uid} {lane}")
        if len(found.users) < 2:
            found.users.add((uid, bool(notice)))
        if is_elsewhere:
            found.elsewhere.append(seq)
        else:
            events, known = found.usage.get(uid, (0, 0))
            found.usage[uid] = (events + 1, known + size)
    found.worst = nsmallest(MOST_SHOWN, found.worst)
    return found


_RANKS: dict[str, int] = {word: rank for rank, word in enumerate(SEVERITIES)}
_MEMBERS = """
SELECT e.seq, e.uid, e.notice, e.urgent, e.lane, e.accepted, length(e.body),
  lower(CASE WHEN json_valid(CAST(e.body AS TEXT))
    THEN json_extract(CAST(e.body AS TEXT), '$.severity') END),
  EXISTS (SELECT 1 FROM message_events AS o WHERE o.event = e.seq AND o.message <> m.message)
FROM message_events AS m JOIN events AS e ON e.seq = m.event
WHERE m.message = ? AND m.event > ? ORDER BY m.event LIMIT ?
"""


def read(db: apsw.Connection, seqs: Sequence[int]) -> list[StoredEvent]:
    """These events, in that order."""
    return [
        stored(row)
        for seq in seqs
        for row in db.execute(f"SELECT {COLUMNS} FROM events WHERE seq = ?", (seq,))  # noqa: S608
    ]


def beginning(db: apsw.Connection, row: int) -> Beginning | None:
    """None: there is no such mail."""
    found: list[Any] = db.execute("SELECT message_id FROM messages WHERE id = ?", (row,)).fetchall()
    of = "FROM message_events JOIN events ON seq = event WHERE message = ? ORDER BY event LIMIT ?"
    first = db.execute(f"SELECT {COLUMNS} {of}", (row, MOST_LOADED))
    ids = db.execute(f"SELECT id {of}", (row, MOST_IDS))
    events, names = tuple(map(stored, first)), [id_ for (id_,) in ids]
    return Beginning(found[0][0], events, names) if found else None
