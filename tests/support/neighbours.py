"""Attacks and their victim as processes, wherever the daemon runs: see `attacks.py` beside this."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from tests.support.attacks import Reply

SCRIPT = Path(__file__).with_name("attacks.py")
UNDER_WAY_WITHIN = 120.0  # seconds; bounds for what hangs
ATTACKER, VICTIM = 7001, 7002
SUBORDINATE = 100_000  # the first uid of a user's subordinate ones, as useradd(8) gives them


class Attack(NamedTuple):
    """One kind: `count` is what the script makes of it, of each of `users` from `uid` on."""

    name: str
    amount: int = 1
    users: int = 1
    uid: int = ATTACKER

    def __str__(self) -> str:
        many = f" of {self.users} users" if self.users > 1 else ""
        return f"{self.name} {self.amount}{many}"


# Those that go on while others emit; the others are told of where they are used.
FLOODS = (
    Attack("newlines", 1),
    Attack("newlines", 16),
    Attack("newlines", 32),
    Attack("costly", 8),
    Attack("connects"),
    Attack("refused"),
    Attack("everywhere", 5, users=200, uid=SUBORDINATE),
    Attack("descriptors", 64, users=160, uid=SUBORDINATE),
)


class Place(NamedTuple):
    """A daemon: its directories, the group of its emitters, and what runs a command beside it."""

    runtime: str
    spool: str
    group: int
    command: Callable[..., list[str]]  # of a command line, as root
    python: str = sys.executable
    script: str = str(SCRIPT)

    def _command(self, attack: Attack) -> list[str]:
        return self.command(
            *(self.python, self.script, attack.name, self.runtime, self.spool),
            *(str(attack.uid), str(attack.users), str(self.group), str(attack.amount)),
        )

    def against(self, attack: Attack) -> "UnderWay":
        """The attack, which is under way within the context."""
        return UnderWay(self._command(attack))

    def done(self, attack: Attack) -> int:
        """Carries out one that has an end, to the end; gives how much it did."""
        with UnderWay(self._command(attack)) as in_flight:
            return in_flight.finish()

    def emit(self, count: int, uid: int = VICTIM) -> list[Reply]:
        """What becomes of the events of a victim."""
        done = subprocess.run(
            self._command(Attack("victim", count, uid=uid)),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stderr
        return [Reply(*reply) for reply in json.loads(done.stdout)]


class UnderWay:
    """An attack as a process."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self.done = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "under way\n":
            raise AssertionError(f"no attack: {self._process.communicate()[1]}")
        return self

    def finish(self) -> int:
        """How much it has done at its end, which it comes to by itself."""
        assert self._process.stdout is not None
        self.done = int(self._process.stdout.readline())
        return self.done

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            said, complaint = self._process.communicate(timeout=UNDER_WAY_WITHIN)
        except BaseException:
            self._process.kill()
            raise
        if kind is None:
            assert self._process.returncode == 0, complaint
            self.done = int(said or self.done)
