"""How fast events are taken in, against SQLite alone with the same tables and rows."""

import itertools
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw

from tests.bench.figures import Row, Target
from tests.bench.run import HELD, LINE, Run, rest
from tests.support.emitter import Emitter, emit_many
from tests.support.postfix_load import SmtpSink
from zaiond.store.database import Database

CLIENTS, AHEAD = 8, 50
A_COMMIT = 500
PAUSE = 0.02  # seconds after which the daemon is idle again: its mail is sent

STREAM = Target(
    "acknowledged",
    "events acknowledged, 8 clients 50 lines ahead, mails held",
    f"bare apsw, the same rows, {A_COMMIT} a commit",
    "/s",
    "at least",
    0.25,
)
SINGLE = Target(
    "acknowledged_idle",
    "one event acknowledged, idle daemon",
    "one commit of bare apsw",
    "ms",
    "at most",
    3,
)


def measure(run: Run) -> list[Row]:
    """The rows `acknowledged` and `acknowledged_idle`."""
    stream, single = Row(STREAM), Row(SINGLE)
    events = run.of(80_000, 10_000)
    with SmtpSink() as sink:
        for _ in run.rounds:
            with run.daemon(sink.port, HELD) as daemon:
                taken = emit_many(daemon.event_socket, LINE, events, CLIENTS, AHEAD)
            stream.measured.append(events / taken)
            rows = _rows_of(daemon.state)
            assert len(rows) == events, f"{len(rows)} of {events} events are on disk"
            with bare(run.place()) as put_in:
                begun = time.perf_counter()
                for first in range(0, events, A_COMMIT):
                    put_in(rows[first : first + A_COMMIT])
                stream.reference.append(events / (time.perf_counter() - begun))
        _one_by_one(run, sink.port, rows, single)
    return [stream, single]


def _one_by_one(run: Run, port: int, rows: list[Any], row: Row) -> None:
    times = run.of(80, 30)
    every = iter(rows)
    with (
        run.daemon(port) as daemon,
        Emitter(daemon.event_socket) as emitter,
        bare(run.place()) as put_in,
    ):
        for _ in run.rounds:
            acknowledged, committed = [], []
            for one in itertools.islice(every, times):
                acknowledged.append(emitter.emit(LINE))
                rest(PAUSE)
                begun = time.perf_counter()
                put_in([one])
                committed.append(time.perf_counter() - begun)
                rest(PAUSE)
            row.measured.append(sorted(acknowledged)[times // 2] * 1000)
            row.reference.append(sorted(committed)[times // 2] * 1000)


def _rows_of(state: Path) -> list[Any]:
    with closing(apsw.Connection(str(state / "queue.db"))) as connection:
        return connection.execute("SELECT * FROM events ORDER BY seq").fetchall()


class PutIn:
    """Puts rows of `events` in, in one commit."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        columns = len(connection.execute("PRAGMA table_info(events)").fetchall())
        self._insert = f"INSERT INTO events VALUES ({','.join('?' * columns)})"

    def __call__(self, rows: list[Any]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(self._insert, rows)
        self._connection.execute("COMMIT")


@contextmanager
def bare(directory: Path) -> Iterator[PutIn]:
    """SQLite alone, with the daemon's tables and its ways to keep them."""
    database = Database(str(directory))
    try:
        yield PutIn(database.connection)
    finally:
        database.connection.close()
        database.closed_cleanly()
