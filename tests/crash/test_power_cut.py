"""The power goes: what a disk may hold then, that keeps what was synced and any part of the rest.

SIGKILL can't show that: the kernel writes what a killed process had written. So the daemon runs
under strace, and images of its directories are made of what it asked of the kernel, cut anywhere;
each is opened as after a boot, and compared with what the daemon had told others before the cut.

How many: ZAIOND_CRASH_CUTS and ZAIOND_CRASH_SEED in the environment (`make crash` sets it higher).
"""

import json
import os
import random
import re
import shutil
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.crash.disk import Disk, Image
from tests.crash.emitting import emit, told_ok
from tests.crash.trace import Call, calls, needs_strace, traced, wait_for
from tests.support.daemon import Daemon
from tests.support.fast_sink import FastSink
from tests.support.store import Store
from tests.support.waiting import until

CUTS = int(os.environ.get("ZAIOND_CRASH_CUTS", "60"))
SEED = int(os.environ.get("ZAIOND_CRASH_SEED", "0")) or random.SystemRandom().getrandbits(32)
ROOT = Path(__file__).parents[2]
ONE_IN = 100  # so many images are mailed from, too
ROUNDS = 12 if CUTS >= 500 else 4
BATCH = 20

CONFIGURATION = """language: en
mail_server: {{host: 127.0.0.1, port: {port}, max_connections: 3, keep_idle: 1s}}
admins: admin@example.co.jp
route_defaults: {{max_mails: null}}
queue: {{retry_first: 1s, retry_max: 1s}}
{more}"""


_Connection = tuple[int, int]  # its descriptor, and since when it is that


@dataclass
class Told:
    """What a daemon has told others, by the place in the trace at which it began to."""

    acknowledged: list[tuple[int, str]] = field(default_factory=list)  # events
    beyond_the_dot: list[tuple[int, _Connection, str]] = field(default_factory=list)

    def hear(self, sent: list[Call]) -> None:
        """What one process has sent."""
        opened: dict[int, int] = {}
        unended: defaultdict[int, bytes] = defaultdict(bytes)
        for call in sent:
            if call.name == "close":
                unended.pop(call.file, None)
                opened[call.file] = call.begun
            elif call.name in ("sendto", "write", "writev"):  # as the event loop has it
                unended[call.file] = self._hear(
                    unended[call.file] + b"".join(call.strings)[: call.result],
                    call.begun,
                    (call.file, opened.get(call.file, sent[0].begun)),
                )

    def _hear(self, said: bytes, at: int, connection: _Connection) -> bytes:
        """Gives what is still to be ended."""
        if said.startswith(b'{"status"'):
            *lines, rest = said.split(b"\n")
            for reply in map(json.loads, lines):
                if reply["status"] == "ok":
                    self.acknowledged.append((at, reply["id"]))
            return rest
        *mails, rest = said.split(b"\r\n.\r\n")
        for mail in mails:
            for event in re.findall(rb"^Zaiond-Event: *(.+?)\r$", mail, re.MULTILINE):
                self.beyond_the_dot.append((at, connection, event.decode()))
        return rest

    def unended_at(self, cut: int) -> tuple[set[str], set[str]]:
        """The events that had gone beyond a dot: all, and those whose connection has gone on to
        another one since.
        """
        heard = [(connection, event) for at, connection, event in self.beyond_the_dot if at <= cut]
        last = dict(heard)
        return {e for _, e in heard}, {e for c, e in heard if last[c] != e}


@dataclass
class Life:
    """A daemon's life, from its first start on, under strace."""

    directory: Path
    pragmas: str
    disk: Disk = field(init=False)
    told: Told = field(default_factory=Told)
    length: int = 0

    def __post_init__(self) -> None:
        self.sink = FastSink()
        self.ledger: list[str] = []
        self.spooled: list[tuple[int, str]] = []

    def run(self) -> None:
        """Three runs: one that is killed, one that begins with what it has left, one more."""
        with self.sink:
            text = CONFIGURATION.format(port=self.sink.port, more="")
            self.daemon = Daemon(self.directory, text, {"PYTHONPATH": str(ROOT)})
            self.disk = Disk((self.daemon.state, self.daemon.spool))
            try:
                self._first()
                self._spool()
                self._start()
                self._emit("second")
                self._reload(
                    CONFIGURATION.format(port=self.sink.port, more="sender: z@b.example\n")
                )
                self._emit("third")
                self._stop()
                self._start()
                self._emit("fourth", rounds=1)
                self._stop()
            finally:
                self.daemon.end()
        heard = [event for _, event in self.told.acknowledged]
        assert set(heard) == set(self.ledger), "the trace has not what the programs were told"

    def _start(self, *more: str) -> None:
        self._trace = self.directory / f"trace-{self.length}"
        self.daemon.program = (
            *traced(self._trace, *more),
            *(sys.executable, "-m", "tests.crash.other_pragmas", self.pragmas),
        )
        self.daemon.start()

    def _first(self) -> None:
        # When it is about to sync, so that nothing is half-way in the kernel.
        self._start("-e", f"inject=fdatasync:signal=KILL:when={ROUNDS * 3}")
        while self._emit("first", rounds=1):
            pass
        self._take_trace()

    def _emit(self, name: str, rounds: int = ROUNDS) -> bool:
        """Whether all was answered."""
        for _ in range(rounds):
            first = len(self.ledger)
            texts = [f"number {n}\n" * (300 if n % 7 == 0 else 1) for n in range(BATCH)]
            events = [
                {"type": "a.b", "id": f"{name}-{first + number}", "message": text}
                for number, text in enumerate(texts)
            ]
            replies = emit(self.daemon.event_socket, events)
            self.ledger += told_ok(replies)
        return len(replies) == BATCH

    def _spool(self) -> None:
        for number in range(5):
            ids = [f"spooled-{number}-{line}" for line in range(3)]
            path = self.daemon.spool / f"{number}.json"
            content = "".join(json.dumps({"type": "a.b", "id": one}) + "\n" for one in ids)
            path.write_text(content)
            self.length += 10
            self.disk.put(path, content.encode(), self.length)
            self.spooled += [(self.length, one) for one in ids]

    def _reload(self, text: str) -> None:
        self.daemon.config.write_text(text)
        assert self.daemon.ctl("reload").returncode == 0

    def _stop(self) -> None:
        self.daemon.becomes(lambda status: status["queue"]["waiting"] == 0, "status")
        assert self.daemon.stop() == 0, self.daemon.printed()
        self._take_trace()

    def _take_trace(self) -> None:
        pid = self.daemon.process.pid
        self.daemon.process.wait()
        wait_for(self._trace, pid)
        made = list(calls(self._trace, self.length))
        self.told.hear(made)
        self.disk.lives(made)
        self.length = made[-1].ended + 1000
        self._trace.unlink()

    # -- what must be there

    def promised(self, cut: int) -> set[str]:
        """The events that programs had been told to be safe."""
        told = (*self.told.acknowledged, *self.spooled)
        return {event for at, event in told if at <= cut}

    def broken_by(self, image: dict[str, Image], cut: int, at: Path) -> str | None:
        """Which promise this image breaks, if any."""
        lay(image, at, self.daemon)
        with Store(at / "state") as store:
            if store.database.salvage is not None:
                return f"an alarm: {store.database.salvage.why.en}"
            rows: list[Any] = store.connection.execute(
                "SELECT e.id, d.started IS NOT NULL OR d.attempts > 0, d.state = 'delivered'"
                " FROM events AS e LEFT JOIN message_events AS m ON m.event = e.seq"
                " LEFT JOIN deliveries AS d ON d.message = m.message"
            ).fetchall()
        there = {event for event, _, _ in rows}
        begun = {event for event, is_begun, _ in rows if is_begun}
        delivered = {event for event, _, is_delivered in rows if is_delivered}
        sent, ended = self.told.unended_at(cut)
        if lost := self.promised(cut) - there - in_spool(at / "spool"):
            return f"{len(lost)} acknowledged events lost: {sorted(lost)[:3]}"
        if unknown := sent - begun:
            return f"{len(unknown)} sent and nobody knows: {sorted(unknown)[:3]}"
        if again := ended - delivered:
            return f"{len(again)} delivered and sent again: {sorted(again)[:3]}"
        return None


def lay(image: dict[str, Image], at: Path, daemon: Daemon) -> None:
    image[str(daemon.state)].lay(at / "state")
    image[str(daemon.spool)].lay(at / "spool")
    running = at / "state" / "running"
    if running.exists():
        boot, newline, rest = running.read_bytes().partition(b"\n")
        running.write_bytes((boot and b"an earlier boot") + newline + rest)


def in_spool(spool: Path) -> set[str]:
    """The ids of the events in whole files there."""
    lines = (path.read_text().splitlines() for path in spool.glob("*.json"))
    return {json.loads(line)["id"] for text in lines for line in text}


def cuts(life: Life, count: int, dice: random.Random) -> list[int]:
    """Half of them anywhere, half right behind something that was told to others."""
    told = [at for at, _ in life.told.acknowledged] + [at for at, *_ in life.told.beyond_the_dot]
    return [
        dice.choice(told) if number % 2 else dice.randrange(life.length) for number in range(count)
    ]


def broken_promises(life: Life, count: int, dice: random.Random) -> list[str]:
    """What is missing in images, one line an image."""
    broken = []
    for number, cut in enumerate(cuts(life, count, dice)):
        at = life.directory / f"image-{number}"
        said = life.broken_by(life.disk.image(cut, dice), cut, at)
        if said is not None:
            broken.append(f"cut at {cut} of {life.length}: {said}")
        shutil.rmtree(at)
    return broken


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    needs_strace()
    # A page is 4 KiB: so small, that there are many checkpoints.
    life = Life(tmp_path_factory.mktemp("life"), "wal_autocheckpoint=60")
    life.run()
    return life


def test_what_was_told_to_others_outlasts_a_power_cut(life: Life) -> None:
    print(f"ZAIOND_CRASH_SEED={SEED}")
    begun = time.monotonic()
    checkpoints = sum(len(n.syncs) for n in life.disk.nodes[:4])
    broken = broken_promises(life, CUTS, random.Random(SEED))
    print(
        f"{CUTS} images of {life.length} lines of trace, {len(life.told.acknowledged)} events"
        f" acknowledged, {len(life.told.beyond_the_dot)} sent, {checkpoints} syncs:"
        f" {len(broken)} broken promises, in {time.monotonic() - begun:.0f} s"
    )
    assert broken == []


def test_a_daemon_goes_on_from_what_a_power_cut_has_left(life: Life, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    for number, cut in enumerate(cuts(life, max(2, CUTS // ONE_IN), dice)):
        at = tmp_path / str(number)
        lay(life.disk.image(cut, dice), at, life.daemon)
        sent, _ = life.told.unended_at(cut)
        promised = life.promised(cut)
        with FastSink() as sink:
            daemon = Daemon(at, CONFIGURATION.format(port=sink.port, more=""))
            with daemon:
                daemon.becomes(lambda status: status["queue"]["waiting"] == 0, "status")
                until(lambda: not list(daemon.spool.glob("*.json")), daemon.printed)  # noqa: B023
                daemon.becomes(lambda status: status["queue"]["waiting"] == 0, "status")
            assert promised <= sent | set(sink.events), (cut, daemon.printed())
            assert set(sink.events.values()) <= {1}
            assert "Traceback" not in daemon.printed()


def test_a_commit_that_is_not_synced_is_found_out(tmp_path: Path) -> None:
    needs_strace()
    life = Life(tmp_path, "wal_autocheckpoint=60,synchronous=NORMAL")
    life.run()
    assert broken_promises(life, 30, random.Random(SEED))
