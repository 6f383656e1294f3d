"""What a million events cost that wait for a mail server."""

import os
import random
import time
from pathlib import Path

from tests.bench.figures import Row, Target
from tests.bench.run import HELD, LINE, Run, rest
from tests.support.daemon import Daemon
from tests.support.emitter import Emitter, emit_many
from tests.support.postfix_load import SmtpSink
from tests.support.process import proportional_bytes
from zaiond.clock import UlidFactory
from zaiond.model import NewEvent
from zaiond.store import events
from zaiond.store.database import Database

MIB = 1024 * 1024
A_COMMIT = 10_000
# What the daemon has of them in memory as mails, full or nearly empty: the same work for both.
WINDOW = 1500

START = Target(
    "start_million",
    "start to READY=1, 1,000,000 queued",
    "the same, none queued",
    "s",
    "at most",
    5,
    of="figure",
)
ACKNOWLEDGED = Target(
    "acknowledged_million",
    "one event acknowledged, p99, 1,000,000 queued",
    "the same, none queued",
    "ms",
    "at most",
    2,
)
MEMORY = Target(
    "memory_million",
    "proportional memory, 1,000,000 queued",
    "the same, none queued",
    "MiB",
    "at most",
    32,
    of="difference",
)


def measure(run: Run) -> list[Row]:
    """The rows `start_million`, `acknowledged_million` and `memory_million`."""
    start, acknowledged, memory = Row(START), Row(ACKNOWLEDGED), Row(MEMORY)
    queued = run.of(1_000_000, 50_000)
    with SmtpSink() as sink:
        full, empty = run.daemon(sink.port, HELD), run.daemon(sink.port, HELD)
        begun = time.perf_counter()
        _fill(full.state, queued)
        start.details |= {"queued": queued, "filled_in_seconds": time.perf_counter() - begun}
        try:
            for _ in run.rounds:
                for daemon, samples in ((full, start.measured), (empty, start.reference)):
                    daemon.end()
                    begun = time.perf_counter()
                    daemon.start()
                    samples.append(time.perf_counter() - begun)
            for daemon in (full, empty):
                emit_many(daemon.event_socket, LINE, WINDOW, 8, 50)
            for _ in run.rounds:
                _acknowledge(run, full, empty, acknowledged)
            rest(1)
            memory.measured.append(proportional_bytes(full.process.pid) / MIB)
            memory.reference.append(proportional_bytes(empty.process.pid) / MIB)
            waiting = full.document("status")["queue"]["waiting"]
            waiting += full.document("status")["queue"]["held"]
            assert waiting >= queued, f"{waiting} of {queued} are queued"
        finally:
            full.end()
            empty.end()
    return [start, acknowledged, memory]


def _fill(state: Path, count: int) -> None:
    """Puts events in as the daemon does, without an fsync for each batch."""
    make_id = UlidFactory(time.time, random.SystemRandom().getrandbits)
    uid, text = os.getuid(), LINE.rstrip()
    database = Database(str(state))
    connection = database.connection
    connection.pragma("synchronous", "OFF")
    for _ in range(0, count, A_COMMIT):
        batch: list[NewEvent] = [
            (make_id(), uid, "backup.service", time.time(), text, False, None)
            for _ in range(A_COMMIT)
        ]
        with connection:
            events.accept(connection, batch, 0.0)
    connection.pragma("synchronous", "FULL")
    connection.pragma("wal_checkpoint", "TRUNCATE")
    connection.close()
    database.closed_cleanly()


def _acknowledge(run: Run, full: Daemon, empty: Daemon, row: Row) -> None:
    """In turn, so that both find the same disk."""
    times = run.of(1000, 200)
    seconds: dict[str, list[float]] = {"full": [], "empty": []}
    with Emitter(full.event_socket) as to_full, Emitter(empty.event_socket) as to_empty:
        for _ in range(times):
            seconds["full"].append(to_full.emit(LINE))
            seconds["empty"].append(to_empty.emit(LINE))
    for name, samples in (("full", row.measured), ("empty", row.reference)):
        ordered = sorted(seconds[name])
        samples.append(ordered[times * 99 // 100] * 1000)
        row.details.setdefault(f"{name}_median_ms", []).append(ordered[times // 2] * 1000)
