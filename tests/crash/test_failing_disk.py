"""A disk on which a call fails, once or from then on: what was acknowledged is there afterwards,
the daemon says what is wrong in words, and starts again by itself.

The calls fail by strace's own means: the first 300 of a daemon's life that are about the state
directory, and what is around them, each with EIO and with ENOSPC. How many of these are tried:
ZAIOND_CRASH_FAULTS (`all`) and ZAIOND_CRASH_SEED in the environment.
"""

import math
import os
import random
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.crash.emitting import emit, told_ok
from tests.crash.trace import injected, needs_strace, numbered, traced, wait_for
from tests.support.daemon import PROGRAMS, Daemon, EndedBeforeReadyError
from tests.support.fast_sink import FastSink
from tests.support.waiting import until

FAULTS = os.environ.get("ZAIOND_CRASH_FAULTS", "4")
SEED = int(os.environ.get("ZAIOND_CRASH_SEED", "0")) or random.SystemRandom().getrandbits(32)
ROOT = Path(__file__).parents[2]
CALLS = 300
BEFORE = 5  # events that wait on the disk
ROUNDS, BATCH = 12, 5
AT_REST = 2.0  # seconds without a mail: a disk that fails for good lets none out
# All else that a daemon asks of a disk, these are asked of no other file.
OF_A_DISK = (
    "pwrite64",
    "fdatasync",
    "fsync",
    "ftruncate",
    "fallocate",
    "rename",
    "renameat",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "fstatfs",
)
OF_ANY_FILE = ("openat", "write", "read", "pread64")
CONFIGURATION = """language: en
mail_server: {{host: 127.0.0.1, port: {port}, max_connections: 2, timeout: 5s}}
admins: admin@example.co.jp
route_defaults: {{max_mails: null}}
queue: {{retry_first: 1s, retry_max: 1s}}
"""


class Fault(NamedTuple):
    """The `number`-th `call` of a thread fails; with `on`, all further ones, too."""

    call: str
    number: int
    error: str
    on: bool

    @property
    def injected(self) -> str:
        return f"{self.call}:error={self.error}:when={self.number}{'+' if self.on else ''}"


class Run:
    """A daemon that lives with a fault, and then without it."""

    def __init__(self, directory: Path, before: Path, sink: FastSink) -> None:
        shutil.copytree(before, directory)
        self.sink = sink
        self.daemon = Daemon(directory, CONFIGURATION.format(port=sink.port))
        self.acknowledged = {f"before-{number}" for number in range(BEFORE)}
        self.broken: list[str] = []

    def live(self, program: Sequence[str | Path]) -> None:
        """Starts it and emits, until all is mailed, or no more comes, or it has ended."""
        self.daemon.program = program
        try:
            self.daemon.start()
        except EndedBeforeReadyError:
            return
        for number in range(ROUNDS):
            ids = [f"{number}-{one}" for one in range(BATCH)]
            events = [{"type": "a.b", "id": one, "message": "x" * 2000} for one in ids]
            self.acknowledged |= told_ok(emit(self.daemon.event_socket, events))
        changed, arrived = time.monotonic(), -1

        def over() -> bool:
            nonlocal changed, arrived
            if self.has_ended() or not self.acknowledged - set(self.sink.events):
                return True
            if len(self.sink.arrivals) > arrived:
                changed, arrived = time.monotonic(), len(self.sink.arrivals)
            return time.monotonic() - changed > AT_REST

        until(over, self.daemon.printed, seconds=math.inf)

    def has_ended(self) -> bool:
        return self.daemon.process.poll() is not None

    def end(self, *, gently: bool) -> None:
        """What systemd does, or a power cut."""
        if not self.has_ended():
            if gently:
                status = self.daemon.stop()
            else:
                self.daemon.kill()
                status = 0
        else:
            status = self.daemon.process.wait()
        if status not in (0, 1):
            self.broken.append(f"it ended with {status}")
        if status == 1 and "zaiond: " not in self.daemon.printed().splitlines()[-1]:
            self.broken.append("it does not say why it ended")

    def live_without_fault(self) -> None:
        """Starts it as systemd does; everything that was acknowledged must arrive."""
        self.daemon.program = (PROGRAMS / "zaiond",)
        try:
            self.daemon.start()
            status = self.daemon.becomes(lambda status: status["queue"]["waiting"] == 0, "status")
            if lost := self.acknowledged - set(self.sink.events):
                self.broken.append(f"lost: {sorted(lost)}")
            again = [{"type": "a.b", "id": one, "message": "x" * 2000} for one in self.acknowledged]
            known = [one for one in again if not str(one["id"]).startswith("before")]
            new = [one for one in emit(self.daemon.event_socket, known) if "duplicate" not in one]
            if new:
                self.broken.append(f"acknowledged and not known: {new}")
            if any(problem["code"] == "recovered" for problem in status["problems"]):
                self.broken.append("the queue counts as damaged")
            if self.daemon.stop():
                self.broken.append("it does not stop")
        except EndedBeforeReadyError:
            self.broken.append("it does not start again")
        except AssertionError as error:
            self.broken.append(str(error))
        if "Traceback" in self.daemon.printed():
            self.broken.append("a traceback")

    def one_line(self, what: str) -> str:
        return f"{what}: {'; '.join(self.broken)}\n{self.daemon.printed()}"


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a daemon with events that wait on disk, for a server that is down."""
    needs_strace()
    directory = tmp_path_factory.mktemp("before") / "daemon"
    with Daemon(directory, CONFIGURATION.format(port=1)) as daemon:
        events = [{"type": "a.b", "id": f"before-{number}"} for number in range(BEFORE)]
        assert len(told_ok(emit(daemon.event_socket, events))) == BEFORE
        daemon.becomes(lambda status: status["queue"]["waiting"] == BEFORE, "status")
    return directory


@pytest.fixture(scope="module")
def faults(before: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Fault]:
    """Each call that can fail, as a daemon makes them with a sound disk."""
    directory = tmp_path_factory.mktemp("sound") / "daemon"
    trace = directory.with_name("trace")
    with FastSink() as sink:
        run = Run(directory, before, sink)
        run.live((*traced(trace), PROGRAMS / "zaiond"))
        run.end(gently=True)
        assert len(sink.events) == BEFORE + ROUNDS * BATCH
        wait_for(trace, run.daemon.process.pid)
    found = [one for one in numbered(trace) if one[0] in OF_A_DISK]
    assert len(found) > CALLS
    which = dict.fromkeys(found[:CALLS] + found[-20:])
    which |= dict.fromkeys((call, number) for call in OF_ANY_FILE for number in range(1, 13))
    errors = ("EIO", "ENOSPC")
    return [Fault(*one, error, on) for one in which for error in errors for on in (False, True)]


def chosen(faults: list[Fault], dice: random.Random) -> list[Fault]:
    """The first call of each kind with each error, and others as many as are wanted."""
    if FAULTS == "all":
        return faults
    first = [one for one in faults if one.number == 1 and one.on == (one.error == "ENOSPC")]
    dice.shuffle(first)
    rest = [one for one in faults if one not in first]
    return (first + dice.sample(rest, len(rest)))[: int(FAULTS)]


def test_whatever_call_fails_nothing_acknowledged_is_lost_and_the_next_start_goes_on(
    before: Path, faults: list[Fault], tmp_path: Path
) -> None:
    print(f"ZAIOND_CRASH_SEED={SEED}")
    dice = random.Random(SEED)
    begun = time.monotonic()
    tried = list(enumerate(chosen(faults, dice)))

    def run_with(numbered: tuple[int, Fault]) -> tuple[int, int, str]:
        number, fault = numbered
        directory = tmp_path / str(number)
        with FastSink() as sink:
            run = Run(directory, before, sink)
            only = files_of(run.daemon) if fault.call in OF_ANY_FILE else ()
            run.live((*injected(fault.injected, only=only), PROGRAMS / "zaiond"))
            run.end(gently=number % 2 == 0)
            run.live_without_fault()
            run.daemon.end()
            twice = len(sink.arrivals) - len(sink.events)
        if not run.broken:
            shutil.rmtree(directory)
        return len(run.acknowledged), twice, run.one_line(fault.injected) if run.broken else ""

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(run_with, tried))
    broken = [said for _, _, said in done if said]
    print(
        f"{len(tried)} faults of {len(faults)}, {sum(told for told, _, _ in done)} events"
        f" acknowledged, {sum(twice for _, twice, _ in done)} mails twice, {len(broken)} broken"
        f" promises, in {time.monotonic() - begun:.0f} s"
    )
    assert not broken, "\n".join(broken)


def files_of(daemon: Daemon) -> list[Path]:
    names = ("queue.db", "queue.db-wal", "queue.db-journal", "lock", "running", "ballast")
    return [*(daemon.state / one for one in (*names, "last-good.json")), daemon.state, daemon.spool]


def test_an_acknowledgement_before_the_commit_is_found_out(before: Path, tmp_path: Path) -> None:
    early = ("never", "0", "acknowledge-before-the-commit")
    said: list[str] = []
    # Which write fails first is chance: it may be one on which no acknowledgement depends.
    for first in range(40, 58, 3):
        with FastSink() as sink:
            run = Run(tmp_path / str(first), before, sink)
            run.daemon.environment["PYTHONPATH"] = str(ROOT)
            fails = injected(f"pwrite64:error=EIO:when={first}+")
            run.live((*fails, sys.executable, "-m", "tests.crash.failing_daemon", *early))
            run.end(gently=False)
            run.live_without_fault()
            run.daemon.end()
        if any("lost" in each for each in run.broken):
            return
        said.append(run.one_line(""))
    raise AssertionError("\n".join(said))
