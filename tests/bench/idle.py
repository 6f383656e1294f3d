"""What the daemon takes while it has nothing to do, and how soon it has started."""

import os
import signal
import subprocess
import sys
import time

from tests.bench.figures import Row, Target
from tests.bench.run import EVENT, LINE, Run, rest, seconds_of
from tests.support.emitter import emit_many
from tests.support.postfix_load import SmtpSink
from tests.support.process import proportional_bytes, resident_bytes, wake_ups

MIB = 1024 * 1024
LIBRARIES = (
    *("asyncio", "ssl", "logging", "msgspec", "yaml", "watchdog.observers", "apsw"),
    *("systemd.daemon", "systemd.journal"),
)

MEMORY = Target(
    "idle_memory",
    "idle daemon, proportional memory",
    "its libraries, imported",
    "MiB",
    "at most",
    32,
    of="figure",
)
WAKE_UPS = Target(
    "idle_wake_ups",
    "idle daemon, wake-ups beside the watchdog's",
    "",
    "in 10 s",
    "at most",
    1,
    of="figure",
)
START = Target(
    "start",
    "start to READY=1",
    "the same interpreter's -c pass",
    "ms",
    "at most",
    16,
)


def measure(run: Run) -> list[Row]:
    """The rows `idle_memory` and `idle_wake_ups`."""
    memory, wakes = Row(MEMORY), Row(WAKE_UPS)
    seconds = run.of(30, 5)
    # No watchdog here, so that none of its wake-ups has to be told from the others.
    assert "WATCHDOG_USEC" not in os.environ, "not to be run with systemd's watchdog"
    with SmtpSink(telling=True) as sink, run.daemon(sink.port, ", keep_idle: 1s") as daemon:
        pid = daemon.process.pid
        emit_many(daemon.event_socket, LINE, 1000, 8, 50)  # it has been of use before
        sink.wait_for(1000)
        rest(3)  # the connections are closed; caches have settled
        before, begun = wake_ups(pid), time.perf_counter()
        rest(seconds)
        wakes.measured.append((wake_ups(pid) - before) * 10 / (time.perf_counter() - begun))
        memory.measured.append(proportional_bytes(pid) / MIB)
        memory.details["resident_mib"] = resident_bytes(pid) / MIB
        daemon.emit(EVENT)
        sink.wait_for(1001)  # it was idle, not dead
    script = f"import {', '.join(LIBRARIES)}; print(flush=True); input()"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as imported:
        assert imported.stdout is not None
        assert imported.stdout.readline(), "the libraries can't be imported"
        memory.reference.append(proportional_bytes(imported.pid) / MIB)
        memory.details["libraries_resident_mib"] = resident_bytes(imported.pid) / MIB
        imported.send_signal(signal.SIGKILL)
    return [memory, wakes]


def measure_start(run: Run) -> list[Row]:
    """The row `start`."""
    start = Row(START)
    nothing = [sys.executable, "-c", "pass"]
    with SmtpSink() as sink:
        daemon = run.daemon(sink.port)
        with daemon:
            pass  # what a first start makes is made
        for _ in run.rounds:
            started, passed = [], []
            for _ in range(run.of(6, 3)):
                begun = time.perf_counter()
                daemon.start()
                started.append(time.perf_counter() - begun)
                daemon.stop()
                passed += [seconds_of(nothing) for _ in range(3)]
            start.measured.append(sorted(started)[len(started) // 2] * 1000)
            start.reference.append(sorted(passed)[len(passed) // 2] * 1000)
    return [start]
