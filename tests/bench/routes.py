"""What routes cost: many events of one group, told of in two mails; and fifty routes that do not
match.
"""

import threading
import time

from tests.bench.figures import Row, Target
from tests.bench.run import HELD, LINE, Run
from tests.support.daemon import Daemon
from tests.support.emitter import emit_many
from tests.support.postfix_load import SmtpSink
from tests.support.process import proportional_bytes
from tests.support.sink import Sink

CLIENTS, AHEAD = 8, 50
MIB = 1024 * 1024
INTERVAL = 30  # seconds between the mails of a group: in that time all of its events come
LOOK = 0.5  # seconds from one look at the memory to the next
GROUPED = f"routes: {{all: {{group_by: [type], group_interval: {INTERVAL}s}}}}"
OTHERS = "routes:\n" + "".join(
    f"  route{n}: {{match: {{type: ['other{n}.*', '*.{n}'], severity: err+, data.x: 'y*'}}}}\n"
    for n in range(50)
)

IN_A_GROUP = Target(
    "group",
    "events of one group acknowledged, told of in two mails",
    "the same, mails held",
    "/s",
    "at least",
    0.7,
)
MEMORY = Target(
    "group_memory",
    "proportional memory meanwhile, at most",
    "before the first of them",
    "MiB",
    "at most",
    32,
    of="difference",
)
FIFTY = Target(
    "routes",
    "events in, one mail each out, 50 routes",
    "the same without routes",
    "/s",
    "at least",
    0.75,
)


def measure(run: Run) -> list[Row]:
    """The rows `group`, `group_memory` and `routes`."""
    group, memory, fifty = Row(IN_A_GROUP), Row(MEMORY), Row(FIFTY)
    events = run.of(100_000, 10_000)
    for _ in run.rounds:
        with Sink() as sink, run.daemon(sink.port, more=GROUPED) as daemon:
            pid = daemon.process.pid
            memory.reference.append(proportional_bytes(pid) / MIB)
            with _Peak(pid) as peak:
                group.measured.append(events / _taken(daemon, events))
                _, last = sink.wait(2, timeout=INTERVAL + 60)
                daemon.becomes(lambda status: not status["queue"]["waiting"], "status")
            memory.measured.append(peak.bytes / MIB)
            said = "".join(filter(str.isdigit, last.subject))
            assert str(events - 1) in said, f"it tells of {last.subject!r}"
        with SmtpSink() as held, run.daemon(held.port, HELD) as daemon:
            group.reference.append(events / _taken(daemon, events))
        fifty.measured.append(_mailed(run, OTHERS))
        fifty.reference.append(_mailed(run, ""))
    return [group, memory, fifty]


def _taken(daemon: Daemon, events: int) -> float:
    return emit_many(daemon.event_socket, LINE, events, CLIENTS, AHEAD)


def _mailed(run: Run, routes: str) -> float:
    events = run.of(20_000, 2_000)
    with SmtpSink(quit_after=events) as sink:
        daemon = run.daemon(sink.port, more=routes)
        daemon.start()
        try:
            begun = time.perf_counter()
            _taken(daemon, events)
            sink.wait_until_full()
            return events / (time.perf_counter() - begun)
        finally:
            daemon.end()


class _Peak:
    """The most memory that a process takes meanwhile."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._over.wait(LOOK):
            self.bytes = max(self.bytes, proportional_bytes(self._pid))

    def __enter__(self) -> "_Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
