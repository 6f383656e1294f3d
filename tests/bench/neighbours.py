"""How soon a user has his reply, and what memory the daemon takes, while another one attacks."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import DEVNULL, Popen

from tests.bench.figures import Row, Target
from tests.bench.run import Run
from tests.support.attacks import PATIENCE, Reply
from tests.support.daemon import PROGRAMS, Daemon
from tests.support.neighbours import FLOODS, Attack, Place
from tests.support.ports import free_port
from tests.support.postfix_load import SmtpSink
from tests.support.process import forget_peak, peak_bytes

MIB = 1024 * 1024
DESCRIPTORS = 8192  # as in zaiond.service
CONFIGURATION = """\
mail_server: {{host: 127.0.0.1, port: {port}}}
admins: admin@example.co.jp
sender: zaionnex@example.co.jp
language: en
"""

ACKNOWLEDGED = Target(
    "neighbours_acknowledged",
    "an event acknowledged while another user attacks, p99, worst",
    "",
    "ms",
    "at most",
    250,
    of="figure",
)
MEMORY = Target(
    "neighbours_memory",
    "resident memory meanwhile, peak, worst",
    "idle",
    "MiB",
    "at most",
    64,
    of="difference",
)


def measure(run: Run) -> list[Row]:
    """The rows `neighbours_acknowledged` and `neighbours_memory`."""
    if os.geteuid() != 0:
        raise PermissionError("only root can be several users")
    acknowledged, memory = Row(ACKNOWLEDGED), Row(MEMORY)
    with SmtpSink() as sink:
        of_attack = [
            *((attack, sink.port) for attack in FLOODS),
            (Attack("dots", run.of(200_000, 20_000)), sink.port),
            (Attack("large", run.of(1000, 100)), free_port()),  # no server is there
            (None, sink.port),
        ]
        for attack, port in of_attack:
            name = "history" if attack is None else str(attack)
            seconds, idle, peak = _meanwhile(run, attack, port)
            p99 = seconds[(len(seconds) * 99 - 1) // 100] * 1000
            row = {"p99_ms": p99, "median_ms": seconds[len(seconds) // 2] * 1000}
            row |= {"idle_mib": idle / MIB, "peak_mib": peak / MIB}
            acknowledged.details[name] = row
            print(f"  {name}: p99 {p99:.0f} ms, {(peak - idle) / MIB:+.0f} MiB", file=sys.stderr)
    each = acknowledged.details.values()
    acknowledged.measured.append(max(row["p99_ms"] for row in each))
    worst = max(each, key=lambda row: row["peak_mib"] - row["idle_mib"])
    memory.measured.append(worst["peak_mib"])
    memory.reference.append(worst["idle_mib"])
    return [acknowledged, memory]


def _meanwhile(run: Run, attack: Attack | None, port: int) -> tuple[list[float], int, int]:
    """In order, the seconds until each reply; the daemon's memory, idle and at its peak."""
    daemon = Daemon(
        run.place(),
        CONFIGURATION.format(port=port),
        wrapper=("prlimit", f"--nofile={DESCRIPTORS}"),
    )
    with daemon:
        for path in (daemon.event_socket, daemon.spool):
            path.chmod(0o777)
        place = Place(str(daemon.runtime), str(daemon.spool), 0, lambda *command: list(command))
        place.emit(10)
        if attack is None:
            place.done(Attack("large", run.of(700, 100)))
        pid = daemon.process.pid
        forget_peak(pid)
        idle = peak_bytes(pid)
        with place.against(attack) if attack is not None else _reading(daemon):
            replies = place.emit(run.of(500, 30))
        peak = peak_bytes(pid)
        daemon.kill()  # what is queued is nobody's
    return _seconds(replies), idle, peak


def _seconds(replies: list[Reply]) -> list[float]:
    refused = [reply.refusal for reply in replies if reply.refusal]
    if refused:
        print(f"  {len(refused)} refused: {refused[0]}", file=sys.stderr)
    return sorted(PATIENCE if reply.refusal else reply.seconds for reply in replies)


@contextmanager
def _reading(daemon: Daemon) -> Iterator[None]:
    command = [str(PROGRAMS / "zaiond-ctl"), *daemon.options, "history", "--limit", "10000"]
    loop = 'while "$@"; do :; done'
    with Popen(["sh", "-c", loop, "sh", *command], stdout=DEVNULL, process_group=0) as reading:
        try:
            yield
        finally:
            os.killpg(reading.pid, 9)
