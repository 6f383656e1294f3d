"""A queue that an earlier zaiond has made becomes one of ours, in one transaction: nothing in it is
lost, sent again or reordered.

Version 1 had several forms, of which the last differs from version 2 only in what is new there. The
tables of earlier ones are made anew, and their rows are copied.
"""

from typing import Any

import apsw

from zaiond import wire
from zaiond.clock import Kept
from zaiond.errors import EventError
from zaiond.model import URGENT
from zaiond.store import meta
from zaiond.store.sound import VERSION, schema, statements

OLDEST = 1  # what is older, there never was
_SINCE_2 = "-- Since version 2"  # in schema.sql: what is new as a whole begins there
_NEW_COLUMNS_OF_2 = """
ALTER TABLE messages ADD COLUMN due REAL;
ALTER TABLE messages ADD COLUMN routing TEXT NOT NULL DEFAULT '';
"""
# The tables that each form has.
_ALWAYS = {
    "meta", "events", "messages", "contents", "message_events", "deliveries", "attempts",
}  # fmt: skip
# What a column holds that a form lacks, of the row `old`; else it has its default.
_FILLED = {
    ("events", "urgent"): "0",
    ("events", "queued"): "old.accepted",
    ("events", "ahead"): "old.urgent",
    ("messages", "queued"): "old.accepted",
    ("deliveries", "urgent"): "0",
    ("deliveries", "user"): "coalesce((SELECT uid FROM events JOIN message_events"
    " ON seq = event WHERE message_events.message = old.message LIMIT 1), 0)",
}
# There was no queue time: times of the clock serve as such, and it goes on from the last of them.
_LAST_TIME = (
    "SELECT max(coalesce((SELECT max(accepted) FROM events), 0.0),"
    " coalesce((SELECT max(ended) FROM deliveries), 0.0))"
)
_WAITING = (
    "SELECT seq, body FROM events WHERE outcome IS NULL AND (seq >"
    " coalesce((SELECT value FROM meta WHERE name = 'routed_through'), 0) OR seq IN"
    " (SELECT event FROM message_events JOIN deliveries USING (message) WHERE ended IS NULL))"
)
# As after a change of the configuration, all of it is tried; what was held by a server's reply is
# held again, now with a scope.
_OF_EVENT = "FROM events JOIN message_events ON seq = event WHERE message = deliveries.message"
_LET_WAIT = (
    "UPDATE deliveries SET state = 'waiting', next_attempt = NULL,"  # noqa: S608
    f" urgent = (SELECT max(urgent) {_OF_EVENT}),"
    f" lane = (SELECT min(uid || ' ' || lane) {_OF_EVENT})"
    " WHERE ended IS NULL AND message IN (SELECT message FROM message_events)"
)


def upgrade(db: apsw.Connection) -> None:
    """Makes a database of an earlier version one of ours. Raises apsw.CorruptError where its tables
    are not those of a queue.
    """
    ours = {table.name: table.columns for table in schema()[0]}
    try:
        with db:
            if _columns(db, "events") == ours["events"]:
                _, since, new = statements().partition(_SINCE_2)
                db.execute(_NEW_COLUMNS_OF_2 + since + new)
                _renew_indexes(db)
            else:
                _copy(db)
            db.execute(f"PRAGMA user_version={VERSION}")
    except apsw.SQLError as error:
        raise apsw.CorruptError(str(error)) from error


def _columns(db: apsw.Connection, table: str) -> tuple[str, ...]:
    return tuple(row[1] for row in db.execute(f"PRAGMA table_info({table})"))


def _renew_indexes(db: apsw.Connection) -> None:
    there: dict[str, str] = dict(
        db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
    )
    for name, statement in schema()[1].items():
        if there.get(name) != statement:
            db.execute(f"DROP INDEX IF EXISTS {name}")
            db.execute(statement)


def _copy(db: apsw.Connection) -> None:
    found: list[Any] = db.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
    there = {name for kind, name, _ in found if kind == "table"}
    if not there >= _ALWAYS:
        raise apsw.CorruptError("its tables are not those of a queue")
    for kind, name, statement in found:
        if kind == "index" and statement is not None:
            db.execute(f"DROP INDEX {name}")
    old = {table.name: f"old_{table.name}" for table in schema()[0] if table.name in there}
    for name, renamed in old.items():
        db.execute(f"ALTER TABLE {name} RENAME TO {renamed}")
    db.execute(statements())
    has_lanes = "lane" in _columns(db, old["events"])
    for table in schema()[0]:
        if table.name not in old:
            continue
        has = _columns(db, old[table.name])
        values = {
            column: f"old.{column}" if column in has else _FILLED[table.name, column]
            for column in table.columns
            if column in has or (table.name, column) in _FILLED
        }
        if "urgent" not in has:
            values.pop("ahead", None)
        db.execute(
            f"INSERT INTO {table.name} ({', '.join(values)})"  # noqa: S608
            f" SELECT {', '.join(values.values())} FROM {old[table.name]} AS old"
        )
        db.execute(f"DROP TABLE {old[table.name]}")
    if "holds" not in there:
        meta.keep_queue_time(db, Kept(float(db.execute(_LAST_TIME).get)))
    if not has_lanes:
        _tell_lanes(db)


def _tell_lanes(db: apsw.Connection) -> None:
    """What is urgent of that which waits, and what has to go out in its order."""
    waiting: list[Any] = db.execute(_WAITING).fetchall()
    for seq, body in waiting:
        try:
            sent = wire.parse(body)
        except EventError:  # damage.py sets it aside
            continue
        urgent = sent.severity in URGENT
        db.execute(
            "UPDATE events SET urgent = ?, ahead = ?, lane = ? WHERE seq = ?",
            (urgent, urgent, sent.lane, seq),
        )
    db.execute(_LET_WAIT)
