"""What a start finds on disk: the database, which it may have to recover, and what waits in it."""

import os
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import apsw

from zaiond.clock import Kept
from zaiond.daemon import systemd, words
from zaiond.daemon.incidents import INCIDENTS, Incidents
from zaiond.daemon.reload import INCIDENT
from zaiond.errors import StoreError
from zaiond.holds import Hold
from zaiond.journal import Journal, Kind
from zaiond.model import WaitingLine
from zaiond.store import events, groups, holds, meta, queue
from zaiond.store.database import Database
from zaiond.store.writer import Writer

_POSSIBLE_DUPLICATES = "possible_duplicates"


def open_database(state_dir: str, journal: Journal) -> Database:
    """The queue's database, made or recovered where it must be. Raises StoreError."""
    try:
        os.makedirs(state_dir, mode=0o700, exist_ok=True)
    except OSError as error:
        raise StoreError(words.no_state_dir(path=state_dir, why=error)) from None
    database = Database(state_dir, systemd.at_work)
    if database.salvage is not None and database.is_recovered:
        journal.error(database.salvage.text, Kind.QUEUE_RECOVERED)
    for moved in database.moved:
        journal.warning(words.moved(name=moved))
    return database


class Found(NamedTuple):
    """`started` is when, in seconds since the epoch; `incident` the broken configuration of which
    the admins were told, `incidents` what else they were.
    """

    started: float
    queue_time: Kept
    incident: str | None
    holds: list[Hold]
    recovered: queue.Recovered
    possible_duplicates: int
    usage: dict[int, tuple[int, int]]
    waiting: list[WaitingLine]
    last_turns: tuple[int, int]
    incidents: Incidents
    remembered: groups.Remembered
    machines: dict[str, str]  # of a fleet, that have handed events on to here (fleet.machines)


async def find(writer: Writer, clock: Callable[[], float], journal: Journal) -> Found:
    """What was left at the last end. Raises StoreError."""
    found = await writer.submit(partial(_find, now=clock()), essential=True)
    if found.recovered.started:
        text = words.possible_duplicates(number=found.recovered.started)
        journal.warning(text, Kind.POSSIBLE_DUPLICATES)
    return found


def _find(db: apsw.Connection, now: float) -> Found:
    """One transaction, for a crash in between would forget what the crash before it has left."""
    recovered = queue.recover(db, now)
    duplicates = int(events.get_meta(db, _POSSIBLE_DUPLICATES) or 0) + recovered.started
    if recovered.started:
        events.set_meta(db, _POSSIBLE_DUPLICATES, duplicates)
    waiting = events.waiting_lines(db)
    incident = events.get_meta(db, INCIDENT)
    return Found(
        now,
        meta.queue_time(db),
        incident if isinstance(incident, str) else None,
        holds.find(db),
        recovered,
        duplicates,
        events.usage(db, waiting),
        waiting,
        events.last_turns(db),
        meta.find(db, INCIDENTS, Incidents) or Incidents(),
        groups.find(db),
        meta.below(db, "machine"),
    )
