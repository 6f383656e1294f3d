"""How soon a mail arrives, and how long a script waits that emits."""

import subprocess
import sys
import time
from pathlib import Path

from tests.bench.figures import Row, Target
from tests.bench.run import EVENT, Run, rest, seconds_of
from tests.support.daemon import PROGRAMS, Daemon
from tests.support.postfix import Postfix
from tests.support.postfix_load import SmtpSink
from zaiond import client

SENDMAIL = "/usr/sbin/sendmail"
# As an event an hour would find it: no connection is open, neither here nor at Postfix.
NOT_KEPT = ", keep_idle: 0s"

ARRIVAL = Target(
    "arrival",
    "emit to arrival of the mail",
    "Postfix sendmail to sink",
    "ms",
    "at most",
    0.3,
)
WHOLE_PROCESS = Target(
    "emit_process",
    "zaiond-ctl emit, whole process",
    "the same interpreter's -c pass",
    "ms",
    "at most",
    2,
)


def measure(run: Run) -> list[Row]:
    """The rows `arrival` and `emit_process`."""
    arrival, process = Row(ARRIVAL), Row(WHOLE_PROCESS)
    with SmtpSink(telling=True) as sink, run.daemon(sink.port, NOT_KEPT) as daemon:
        postfix = Postfix(run.place(), sink.port, {})
        postfix.start()
        try:
            _arrivals(run, sink, daemon, postfix, arrival)
        finally:
            postfix.stop()
        _processes(run, daemon, process)
    return [arrival, process]


def _arrivals(run: Run, sink: SmtpSink, daemon: Daemon, postfix: Postfix, row: Row) -> None:
    mail = b"Subject: x\n\n" + b"x" * 76 * (run.mail_bytes // 76)
    sendmail = [SENDMAIL, "-C", str(postfix.directory / "etc"), "admin@example.co.jp"]
    arrived = 0
    for number in range(-1, len(run.rounds)):
        emitted, sent = [], []
        for _ in range(run.of(20, 10)):
            begun = time.perf_counter()
            client.emit(
                EVENT["type"],
                data=EVENT["data"],
                runtime_dir=str(daemon.runtime),
                spool_dir=str(daemon.spool),
            )
            arrived += 1
            sink.wait_for(arrived)
            emitted.append(time.perf_counter() - begun)
            rest(0.02)  # until all is idle again
            begun = time.perf_counter()
            subprocess.run(sendmail, input=mail, check=True)
            arrived += 1
            sink.wait_for(arrived)
            sent.append(time.perf_counter() - begun)
            rest(0.02)
        if number >= 0:  # before, Postfix started the processes that it keeps
            row.measured.append(sorted(emitted)[len(emitted) // 2] * 1000)
            row.reference.append(sorted(sent)[len(sent) // 2] * 1000)


def _processes(run: Run, daemon: Daemon, row: Row) -> None:
    emit: list[str | Path] = [
        PROGRAMS / "zaiond-ctl",
        *daemon.options,
        "emit",
        "job.failed",
        "-s",
        "err",
        "-m",
        "x",
    ]
    nothing: list[str | Path] = [sys.executable, "-c", "pass"]
    for command in (emit, nothing):
        seconds_of(command)  # what Python keeps of its modules is made
    for _ in run.rounds:
        emitted, passed = [], []
        for _ in range(run.of(30, 10)):
            emitted.append(seconds_of(emit))
            passed.append(seconds_of(nothing))
        row.measured.append(sorted(emitted)[len(emitted) // 2] * 1000)
        row.reference.append(sorted(passed)[len(passed) // 2] * 1000)
