"""Everything at once, for a while: floods, kills, reloads, a moody mail server, a full disk.

Programs emit meanwhile, and keep account of what was acknowledged; the server keeps account of what
it has taken. When the storm is over, the two must agree. What happens when is drawn from a seed.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import apsw

from tests.crash.harness import LostError, unknown_ends
from tests.soak.emitter import ledger_of
from tests.soak.server import MOODS, MoodySink
from tests.support.daemon import Daemon, EndedBeforeReadyError
from tests.support.neighbours import SUBORDINATE, Attack, Place
from tests.support.process import peak_bytes, resident_bytes
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
ADMIN = "admin@example.co.jp"
DESCRIPTORS = 8192  # as in zaiond.service
DISK = "256m"
EMITTERS = 3
CALM_WITHIN = 180.0  # seconds until nothing waits any more; a bound for what hangs

CONFIGURATION = """\
mail_server: {{host: 127.0.0.1, port: {port}, timeout: 2s, final_timeout: 4s}}
admins: {admin}
route_defaults: {{max_mails: null}}
subject_prefix: "[{number}]"
language: en
queue: {{retry_first: 1s, retry_max: 2s}}
limits: {{events_waiting: 3000}}
"""
ATTACKS = (
    Attack("newlines", 8),
    Attack("costly", 2),
    Attack("connects"),
    Attack("refused", 1, 5, SUBORDINATE),
    Attack("everywhere", 2, 5, SUBORDINATE),
    Attack("descriptors", 64, 80, SUBORDINATE),
    Attack("dots", 2000),
    Attack("bad_files", 100),
    Attack("large", 40),
    Attack("flood", 1000),
)


@dataclass
class Outcome:
    """What is left when the storm is over and nothing waits any more."""

    acknowledged: list[str]
    arrived: Counter[str]  # how often each event, for the one recipient
    unknown: Counter[tuple[str, str]]
    remembered: set[str]  # what history still has: a full disk shortens it
    possible_duplicates: int
    problems: list[str]  # of `status`
    waiting: int
    left: list[str]  # whole files in the spool
    more_memory: int  # than an idle daemon's, bytes, at most
    more_descriptors: int  # than an idle daemon's, at the end
    happened: Counter[str]

    @property
    def lost(self) -> list[str]:
        """Acknowledged, and not arrived."""
        return [event for event in self.acknowledged if not self.arrived[event]]

    @property
    def duplicates(self) -> int:
        """How many arrivals of what was acknowledged were too many."""
        return sum(max(0, self.arrived[event] - 1) for event in self.acknowledged)

    def check(self) -> None:
        """The promises. Raises LostError, or AssertionError for what else is broken."""
        if self.lost:
            raise LostError(f"{len(self.lost)} of {len(self.acknowledged)}: {self.lost[:10]}")
        assert len(self.acknowledged) == len(set(self.acknowledged))
        untold = {
            event: self.arrived[event]
            for event in self.remembered.intersection(self.acknowledged)
            if self.arrived[event] - 1 > self.unknown[event, ADMIN]
        }
        assert not untold, f"came again, and history does not say so: {untold}"
        assert self.duplicates <= self.possible_duplicates
        # What has been refused of the attackers is told, that here everybody may write there, and
        # that the small disk is low: a queue that was long has room in its file, not beside it.
        ours = {"refused", "spool_refused", "spool_directory", "disk"}
        assert set(self.problems) <= ours, self.problems
        assert self.waiting == 0
        assert self.left == []
        assert self.more_memory <= 64 * 1024 * 1024, f"{self.more_memory / 2**20:+.0f} MiB"
        assert self.more_descriptors <= 4, self.more_descriptors

    def told(self) -> str:
        """The figures, for people."""
        return (
            f"{len(self.acknowledged)} acknowledged, {len(self.lost)} lost, {self.duplicates} twice"
            f" ({self.possible_duplicates} feared), {self.arrived.total()} mails,"
            f" {self.more_memory / 2**20:+.0f} MiB, {self.more_descriptors:+d} descriptors\n"
            f"{dict(sorted(self.happened.items()))}"
        )


@dataclass
class Storm:
    """One run below `directory`. `fault` is `failing_daemon`'s; `point` is where it is killed, and
    it lasts until that has happened `deaths` times.
    """

    directory: Path
    seconds: float
    seed: int
    fault: str = "none"
    point: str | None = None
    deaths: int = 0
    happened: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> Self:
        self._dice = random.Random(self.seed)
        self._open = contextlib.ExitStack()
        self._sink = self._open.enter_context(MoodySink())
        self._configured = 0
        self._daemon = Daemon(
            self.directory,
            self._configuration(),
            {"PYTHONPATH": str(ROOT)},
            wrapper=("prlimit", f"--nofile={DESCRIPTORS}"),
        )
        for path in (self.directory, self._daemon.runtime):
            path.chmod(0o755)
        self._daemon.spool.chmod(0o777)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", self._daemon.state], check=True
        )
        self._open.callback(lambda: subprocess.run(["umount", self._daemon.state], check=True))
        self._open.callback(self._daemon.end)
        self._place = Place(
            str(self._daemon.runtime), str(self._daemon.spool), 0, lambda *command: list(command)
        )
        self._attack: contextlib.ExitStack = self._open.enter_context(contextlib.ExitStack())
        self._peak = 0
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _configuration(self) -> str:
        return CONFIGURATION.format(port=self._sink.port, admin=ADMIN, number=self._configured)

    def _start(self) -> None:
        nth = self._dice.randint(5, 30)
        life = (self.point, str(nth)) if self.point else ("never", "0")
        self._daemon.program = (
            *(sys.executable, "-m", "tests.crash.failing_daemon", *life, self.fault),
        )
        try:
            self._daemon.start()
            self._daemon.event_socket.chmod(0o777)
        except (EndedBeforeReadyError, FileNotFoundError):
            self.happened["start failed"] += 1

    @property
    def _runs(self) -> bool:
        return self._daemon.process.poll() is None

    def _look(self) -> None:
        """Starts it again where it has ended, as systemd does."""
        if self._runs:
            with contextlib.suppress(AssertionError, OSError):  # it dies this moment
                self._peak = max(self._peak, peak_bytes(self._daemon.process.pid))
            return
        died = self._daemon.process.returncode
        self.happened["killed" if died == -signal.SIGKILL else f"exit status {died}"] += 1
        self._start()

    def _kill(self) -> None:
        self._look()
        self._daemon.kill()
        self._look()

    def _reload(self) -> None:
        self._configured += 1
        broken = self._dice.random() < 0.3
        text = "mail_server: [\n" if broken else self._configuration()
        self._daemon.config.write_text(text)
        if self._runs:
            self._daemon.process.send_signal(signal.SIGHUP)
        self.happened["broken configuration" if broken else "reload"] += 1

    def _change_mood(self) -> None:
        self._sink.mood = self._dice.choice(MOODS)
        self.happened[f"server: {self._sink.mood}"] += 1

    def _fill_disk(self) -> None:
        filler = self._daemon.state / "filler"
        if filler.exists():
            filler.unlink()
            return
        status = os.statvfs(self._daemon.state)
        free = status.f_bavail * status.f_bsize - self._dice.choice((0, 1 << 20, 8 << 20))
        with contextlib.suppress(OSError), filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(4096, free))
        self.happened["disk full"] += 1

    def _change_attack(self) -> None:
        self._end_attack()
        attack = self._dice.choice(ATTACKS)
        with contextlib.suppress(AssertionError):  # it may have no daemon to begin with
            self._attack.enter_context(self._place.against(attack))
        self.happened[f"attack: {attack.name}"] += 1

    def _end_attack(self) -> None:
        with contextlib.suppress(AssertionError):  # nor one to end with
            self._attack.close()
        for file in self._daemon.spool.glob(".dot-*"):
            file.unlink()

    def run(self) -> Outcome:
        """The storm, then the calm, then the account."""
        self._start()
        self._daemon.emit({"type": "warm.up"})
        descriptors, idle = self._descriptors(), resident_bytes(self._daemon.process.pid)
        emitters = [self._open.enter_context(self._emitter(n)) for n in range(EMITTERS)]
        self._blow()
        refusals = [emitter.communicate()[0] for emitter in emitters]
        assert [emitter.returncode for emitter in emitters] == [0] * EMITTERS, "an emitter failed"
        self.happened["refused, and sent again"] = sum(map(int, refusals))
        status = self._calm()
        more_descriptors = self._descriptors() - descriptors
        self._look()
        assert self._daemon.stop() == 0, self._daemon.printed()
        with contextlib.closing(apsw.Connection(str(self._daemon.state / "queue.db"))) as db:
            unknown = unknown_ends(db)
            remembered = {str(event) for (event,) in db.execute("SELECT id FROM events")}
        return Outcome(
            acknowledged=[
                event for number in range(EMITTERS) for event in ledger_of(self._ledger(number))
            ],
            arrived=Counter(self._sink.events),
            unknown=unknown,
            remembered=remembered,
            possible_duplicates=status["possible_duplicates"],
            problems=[problem["code"] for problem in status["problems"]],
            waiting=status["queue"]["waiting"] + status["queue"]["held"],
            left=self._spooled(),
            more_memory=self._peak - idle,
            more_descriptors=more_descriptors,
            happened=self.happened,
        )

    def _blow(self) -> None:
        every: dict[Callable[[], None], float] = {
            self._kill: 6.0,
            self._reload: 2.0,
            self._change_mood: 1.5,
            self._fill_disk: 4.0,
            self._change_attack: 3.0,
        }
        if self.point:  # then it dies by itself, and what it loses is to be the emitters'
            del every[self._kill], every[self._change_attack]
        begun = time.monotonic()
        due = {each: begun + self._dice.random() * period for each, period in every.items()}
        end = begun + self.seconds
        while (now := time.monotonic()) < end or self.happened["killed"] < self.deaths:
            assert now < end + CALM_WITHIN, "it does not come to its point"
            for each, at in due.items():
                if at <= now:
                    due[each] = now + every[each] * self._dice.uniform(0.5, 1.5)
                    each()
            self._look()
            time.sleep(0.05)  # the storm keeps its own time

    def _calm(self) -> dict[str, Any]:
        """All is well again, and an administrator has seen to what was held: the status then."""
        self._end_attack()
        self._sink.mood = "well"
        self.point = None
        (self._daemon.state / "filler").unlink(missing_ok=True)
        self._configured += 1
        self._daemon.config.write_text(self._configuration())
        self._daemon.kill()
        self._look()
        queue: dict[str, Any] = {}

        def nothing_waits() -> bool:
            self._look()
            self._daemon.ctl("queue", "retry")
            queue.update(self._daemon.document("status")["queue"])
            return not queue["waiting"] and not queue["held"] and not self._spooled()

        until(nothing_waits, lambda: f"{queue}, {self._spooled()[:5]}", CALM_WITHIN)
        time.sleep(6)  # connections are kept for five seconds, and nobody tells when they end
        self._daemon.ctl("status", "--ack")
        return self._daemon.document("status")

    def _emitter(self, number: int) -> "subprocess.Popen[str]":
        place = (self._daemon.runtime, self._daemon.spool, self._ledger(number))
        return subprocess.Popen(
            [sys.executable, "-m", "tests.soak.emitter", f"emitter{number}", *place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )

    def _ledger(self, number: int) -> Path:
        return self.directory / f"ledger{number}"

    def _spooled(self) -> list[str]:
        return [path.name for path in self._daemon.spool.glob("*.json")]

    def _descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self._daemon.process.pid}/fd"))
