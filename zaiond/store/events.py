"""Events on disk: accepting them, and what still waits to be routed. Each function is an operation
of the writer's transaction.
"""

import json
import math
from itertools import chain
from typing import Any, Literal, NamedTuple

import apsw

from zaiond import wire
from zaiond.model import NewEvent, Place, StoredEvent, Usage, WaitingLine
from zaiond.store.sound import expect, expect_event
from zaiond.text import Text

AcceptOutcome = Literal["accepted", "duplicate", "conflict"]


def stored(row: tuple[Any, ...], *, to_be_read: bool = True) -> StoredEvent:
    """A row with the columns COLUMNS. Raises DamagedRowError, also where the event is `to_be_read`
    and its line is none.
    """
    event = StoredEvent(*row)
    expect(event, int, str, int, str, float, bytes, int, str | None, float, int, int, int)
    if to_be_read:
        expect_event(event.id, event.body)
    return event


class Acceptance(NamedTuple):
    """What became of a batch: one outcome a row, in order, and the events that are new.

    `previous` is the last seq before them: who has everything up to it misses nothing.
    """

    outcomes: list[AcceptOutcome] | None  # None: every one was accepted
    events: list[StoredEvent]
    previous: int


COLUMNS = "seq, id, uid, source, accepted, body, urgent, lane, queued, notice, turn, ahead"
# The same of events that are told of together: the mail that one carries goes out with that alone.
COLUMNS_WITHOUT_MAIL = COLUMNS.replace(
    "body",
    "CASE WHEN length(body) > 4096 AND json_valid(CAST(body AS TEXT))"
    " AND json_extract(CAST(body AS TEXT), '$.type') = 'mail.local'"
    " THEN CAST(json_remove(CAST(body AS TEXT), '$.mail') AS BLOB) ELSE body END",
)
_INSERT = (
    f"INSERT INTO events ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
    " ON CONFLICT DO NOTHING"
)
_LAST_SEQ = (
    "SELECT max(coalesce((SELECT max(seq) FROM events), 0),"
    " coalesce((SELECT value FROM meta WHERE name = 'routed_through'), 0))"
)


def last_seq(db: apsw.Connection) -> int:
    """The highest seq of those that are there or were routed: the next ones come behind it."""
    return int(db.execute(_LAST_SEQ).get)


def accept(
    db: apsw.Connection,
    batch: list[NewEvent],
    queued: float,
    places: list[Place] | None = None,
    *,
    notice: bool = False,
) -> Acceptance:
    """Inserts a batch, accepted at `queued` in queue time; an identity (id, uid, source, notice)
    that is there already is told of, and kept. `places` has a place for each; None: they are taken
    in as they are. `notice`: the daemon's own.
    """
    previous = last_seq(db)
    if places is None:
        places = [(index, 0, new[5]) for index, new in enumerate(batch)]
    rows = [
        StoredEvent(seq, *batch[index], queued, notice, turn, ahead)
        for seq, (index, turn, ahead) in enumerate(places, previous + 1)
    ]
    before = db.total_changes()
    db.execute("SAVEPOINT batch")
    db.executemany(_INSERT, rows)
    outcomes: list[AcceptOutcome] | None = None
    if db.total_changes() - before != len(rows):
        # Rare: someone tried again. Once more one by one, so that seq has no gaps.
        db.execute("ROLLBACK TO batch")
        each, rows = _accept_each(db, rows, previous)
        of_place = {index: outcome for (index, *_), outcome in zip(places, each, strict=True)}
        outcomes = [of_place[index] for index in range(len(batch))]
    db.execute("RELEASE batch")
    return Acceptance(outcomes, rows, previous)


def _accept_each(
    db: apsw.Connection, rows: list[StoredEvent], seq: int
) -> tuple[list[AcceptOutcome], list[StoredEvent]]:
    outcomes: list[AcceptOutcome] = []
    accepted: list[StoredEvent] = []
    for new in rows:
        row = new._replace(seq=seq + 1)
        db.execute(_INSERT, row)
        if db.changes():
            seq += 1
            accepted.append(row)
            outcomes.append("accepted")
            continue
        there = db.execute(
            "SELECT body FROM events WHERE id = ? AND uid = ? AND source = ? AND notice = ?",
            (new.id, new.uid, new.source, new.notice),
        ).get
        outcomes.append("duplicate" if wire.same_content(there, new.body) else "conflict")
    return outcomes, accepted


def waiting_lines(db: apsw.Connection) -> list[WaitingLine]:
    """All that waits to be routed: counted once, at a start. A line may come in several parts."""
    through = get_meta(db, "routed_through") or 0
    if not isinstance(through, int):
        return []  # who reads it next finds the damage
    first, last = through + 1, last_seq(db)
    # In parts, for SQLite sorts what it groups, and that is to be bounded.
    return [
        WaitingLine(*row)
        for start in range(first, last + 1, _LINES_PART)
        for row in db.execute(_LINES, (start, start + _LINES_PART))
    ]


_LINES_PART = 10_000
_LINES = (
    "SELECT uid, notice, urgent, count(*), sum(size), sum(ahead), min(turn), max(turn) FROM"
    # With a limit SQLite takes the length before it sorts: else it sorts the bodies, in memory.
    " (SELECT uid, notice, urgent, length(body) AS size, ahead, turn"
    " FROM events WHERE seq >= ? AND seq < ? AND outcome IS NULL"
    " AND seq NOT IN (SELECT seq FROM routed_early) LIMIT -1) GROUP BY uid, notice, urgent"
)


def last_turns(db: apsw.Connection) -> tuple[int, int]:
    """The highest turn of those that are or were ahead: not urgent, urgent."""
    plain, urgent = (
        db.execute("SELECT max(turn) FROM events WHERE ahead = 1 AND urgent = ?", (which,)).get
        for which in (0, 1)
    )
    return plain or 0, urgent or 0


def usage(db: apsw.Connection, waiting: list[WaitingLine] | None = None) -> Usage:
    """Events accepted and not yet ended, and their bytes, by uid: counted once, at a start. What a
    mail tells of that was made of a group has ended with that.
    `waiting`: what `waiting_lines` gave.
    """
    counted: Usage = {}
    waiting = waiting_lines(db) if waiting is None else waiting
    unrouted = ((line.uid, line.events, line.bytes) for line in waiting)
    # Not by GROUP BY: SQLite would sort the bodies, in memory.
    for uid, events, size in chain(db.execute(_USAGE_ROUTED), unrouted):
        known_events, known_size = counted.get(uid, (0, 0))
        counted[uid] = (known_events + events, known_size + size)
    return counted


# A message `m` that was made of a group: its events counted until then (sound.encode_routing).
OF_GROUP = "instr(m.routing, '\"kind\":')"
_USAGE_ROUTED = (
    "SELECT uid, 1, length(body) FROM events WHERE seq IN (SELECT event FROM message_events"  # noqa: S608
    " WHERE message IN (SELECT d.message FROM deliveries AS d JOIN messages AS m"
    f" ON m.id = d.message WHERE d.ended IS NULL AND NOT {OF_GROUP}"
    " UNION ALL SELECT id FROM messages WHERE due IS NOT NULL))"
)


def unrouted(
    db: apsw.Connection, after: int, limit: int, size: float = math.inf
) -> list[StoredEvent]:
    """The events after seq `after` that wait to be routed, in order of acceptance: at most `limit`,
    and none beyond the one with which they have `size` bytes.
    """
    found: list[StoredEvent] = []
    rows = db.execute(_UNROUTED.format("", "seq"), (after, limit))
    for row in rows:
        found.append(stored(row))
        size -= len(found[-1].body)
        if size <= 0:
            rows.close()
            break
    return found


def unrouted_ahead(
    db: apsw.Connection, after: int, turns: tuple[int, int], limit: int, of_lane: int, size: int
) -> list[list[StoredEvent]]:
    """Those after seq `after` that are ahead and wait, by their turns from `turns` on (not urgent,
    urgent): at most `limit` of each, of about `size` bytes. Each stands behind those that are
    before it in its lane, the first `of_lane` of them.
    """
    units: list[list[StoredEvent]] = []
    for urgent, turn in enumerate(turns):
        left = size
        rows = db.execute(_AHEAD, (after, urgent, turn, limit))
        for event in map(stored, rows):
            unit = [event]
            if event.lane is not None:
                before = db.execute(_IN_LANE, (after, event.lane, event.uid, event.seq, of_lane))
                unit = [*map(stored, before), event]
            units.append(unit)
            left -= sum(len(one.body) for one in unit)
            if left <= 0:
                rows.close()
                break
    return units


_UNROUTED = (
    f"SELECT {COLUMNS} FROM events WHERE seq > ? {{}} AND outcome IS NULL"  # noqa: S608
    " AND seq NOT IN (SELECT seq FROM routed_early) ORDER BY {} LIMIT ?"
)
_IN_LANE = _UNROUTED.format("AND lane = ? AND uid = ? AND seq < ?", "seq")
_AHEAD = _UNROUTED.format("AND ahead = 1 AND urgent = ? AND turn >= ?", "turn, seq")


def count_unrouted(db: apsw.Connection, among: list[int], after: int) -> int:
    """How many of these events have not become mails and are to."""
    count: int = db.execute(
        "SELECT count(*) FROM json_each(?) JOIN events ON seq = value"
        " WHERE seq > ? AND outcome IS NULL AND seq NOT IN (SELECT seq FROM routed_early)",
        (json.dumps(among), after),
    ).get
    return count


def delete_unrouted(db: apsw.Connection, seqs: list[int], reason: Text) -> list[StoredEvent]:
    """Deletes events that have not become mails; gives those that had not ended before."""
    ended: list[StoredEvent] = []
    for seq in seqs:
        rows: list[Any] = db.execute(
            "UPDATE events SET outcome = 'deleted', reason = ? WHERE seq = ? AND outcome IS NULL"  # noqa: S608
            f" AND seq NOT IN (SELECT seq FROM routed_early) RETURNING {COLUMNS}",
            (encode_text(reason), seq),
        ).fetchall()
        ended += map(stored, rows)
    return ended


class Owner(NamedTuple):
    """Whose an event is; `source` is '' where none was sent."""

    uid: int
    source: str


def open_with_id(db: apsw.Connection, id: str, after: int) -> list[tuple[int, Owner]]:
    """The events with this id that have not ended, and whose they are; after seq `after` none is
    routed in its turn.
    """
    rows = db.execute(_OPEN_WITH_ID, (id, after))
    return [(seq, Owner(uid, source)) for seq, uid, source in rows]


_OPEN_WITH_ID = (
    "SELECT seq, uid, source FROM events WHERE id = ? AND outcome IS NULL"
    " AND (seq > ? AND seq NOT IN (SELECT seq FROM routed_early) OR EXISTS (SELECT 1"
    " FROM message_events AS m JOIN deliveries AS d ON d.message = m.message"
    " WHERE m.event = seq AND d.ended IS NULL) OR EXISTS (SELECT 1 FROM message_events AS m"
    " JOIN messages AS g ON g.id = m.message WHERE m.event = seq AND g.due IS NOT NULL))"
    " ORDER BY seq"
)


def seqs_of(db: apsw.Connection, id: str) -> list[int]:
    """The events with this id: several, if several sources or users used the same."""
    return [seq for (seq,) in db.execute("SELECT seq FROM events WHERE id = ?", (id,))]


def encode_text(text: Text) -> str:
    """A Text as it is stored."""
    return json.dumps(text._asdict(), ensure_ascii=False)


def decode_text(stored: str) -> Text:
    """A stored Text."""
    return Text(**json.loads(stored))


def get_meta(db: apsw.Connection, name: str) -> str | int | float | None:
    """A value that outlives a restart."""
    value: str | int | float | None = db.execute(
        "SELECT value FROM meta WHERE name = ?", (name,)
    ).get
    return value


def set_meta(db: apsw.Connection, name: str, value: str | float | None) -> None:
    """Keeps a value across restarts; None removes it."""
    if value is None:
        db.execute("DELETE FROM meta WHERE name = ?", (name,))
    else:
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
