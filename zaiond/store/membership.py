"""What a mail to come tells of, as it is read to make the mail: in slices, for there may be a
hundred thousand events of it, of which the worst few are all that is shown. Operations of the
writer.
"""

from collections.abc import Iterator, Sequence
from heapq import nsmallest
from typing import Any, cast

import apsw

from zaiond.event_rules import SEVERITY_OF_WORD
from zaiond.model import MOST_IDS, MOST_LOADED, MOST_SHOWN, SEVERITIES, Severity, StoredEvent
from zaiond.store.events import COLUMNS, COLUMNS_WITHOUT_MAIL, stored
from zaiond.store.members import Beginning, Members

SLICE = 2000  # events that are looked at together


def look(db: apsw.Connection, row: int, after: int) -> Members:
    """The events of a mail to come that are after seq `after`: a slice, empty at the end."""
    found = Members()
    for (
        seq,
        uid,
        notice,
        urgent,
        lane,
        accepted,
        size,
        carried,
        severity,
        is_elsewhere,
    ) in db.execute(_MEMBERS, (row, after, SLICE)):
        word = cast(Severity, SEVERITY_OF_WORD.get(severity, "info"))
        found.total += 1
        found.severities[word] += 1
        found.first = min(found.first or accepted, accepted)
        found.last = max(found.last, accepted)
        found.worst.append((_RANKS[word], -seq, size - carried))
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
  CASE WHEN length(e.body) > 4096 AND json_valid(CAST(e.body AS TEXT))
    THEN coalesce(length(json_extract(CAST(e.body AS TEXT), '$.mail')), 0) ELSE 0 END,
  lower(CASE WHEN json_valid(CAST(e.body AS TEXT))
    THEN json_extract(CAST(e.body AS TEXT), '$.severity') END),
  EXISTS (SELECT 1 FROM message_events AS o WHERE o.event = e.seq AND o.message <> m.message)
FROM message_events AS m JOIN events AS e ON e.seq = m.event
WHERE m.message = ? AND m.event > ? ORDER BY m.event LIMIT ?
"""


def read(db: apsw.Connection, seqs: Sequence[int]) -> list[StoredEvent]:
    """These events, in that order; of several without the mails that they carry."""
    columns = COLUMNS if len(seqs) == 1 else COLUMNS_WITHOUT_MAIL
    return [
        stored(row)
        for seq in seqs
        for row in db.execute(f"SELECT {columns} FROM events WHERE seq = ?", (seq,))  # noqa: S608
    ]


def events_of(
    db: apsw.Connection, message: int, *, to_be_read: bool = True
) -> tuple[StoredEvent, ...]:
    """The first events that a message tells of, at most MOST_LOADED: of several without the mails
    that they carry. They are `to_be_read`: each line must be sound.
    """
    of_one = tuple(_first(db, message, COLUMNS, 2, to_be_read=to_be_read))
    if len(of_one) < 2:
        return of_one
    return tuple(_first(db, message, COLUMNS_WITHOUT_MAIL, MOST_LOADED, to_be_read=to_be_read))


def _first(
    db: apsw.Connection, message: int, columns: str, most: int, *, to_be_read: bool
) -> Iterator[StoredEvent]:
    for row in db.execute(f"SELECT {columns} {_OF_MESSAGE}", (message, most)):
        yield stored(row, to_be_read=to_be_read)


_OF_MESSAGE = (
    "FROM message_events JOIN events ON seq = event WHERE message = ? ORDER BY event LIMIT ?"
)


def beginning(db: apsw.Connection, row: int) -> Beginning | None:
    """None: there is no such mail."""
    found: list[Any] = db.execute("SELECT message_id FROM messages WHERE id = ?", (row,)).fetchall()
    ids = db.execute(f"SELECT id {_OF_MESSAGE}", (row, MOST_IDS))
    names = [id_ for (id_,) in ids]
    return Beginning(found[0][0], events_of(db, row), names) if found else None
