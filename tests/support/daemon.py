"""A real zaiond as a process of its own, out of one directory, as tests and the demo run it."""

import contextlib
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest import mock

from tests.support.waiting import until
from zaiond.ctl import main as ctl_main

PROGRAMS = Path(sys.executable).parent
READY_WITHIN = 30.0  # seconds; a bound for what hangs, not a target
STOPPED_WITHIN = 45.0  # as TimeoutStopSec= in zaiond.service

# What zaiond-ctl does by asking the daemon, or by reading files. What it is as a program has tests
# of its own: encodings, signals, what it loads.
_WITHIN = (
    *("check", "config", "history", "jobs", "problems", "queue", "reload", "route", "silence"),
    *("spool", "status", "test", "web token", "web list"),
)

# What zaiond-ctl asks for a document of the daemon's own, which it prints as it comes.
_QUESTIONS = {
    ("jobs",): "jobs.list",
    ("problems",): "problems.list",
    ("queue", "list"): "queue.list",
    ("silence", "list"): "silence.list",
    ("spool", "list"): "spool.list",
    ("status",): "status",
}


def _question(arguments: tuple[str, ...]) -> tuple[str, dict[str, Any]] | None:
    """The control command and its arguments by which zaiond-ctl gets the document of `arguments`;
    None where it makes more of it, or is not known here.
    """
    if arguments in _QUESTIONS:
        return _QUESTIONS[arguments], {}
    command, *rest = arguments
    if command != "history":
        return None
    asked: dict[str, Any] = {"limit": 50}
    given = iter(rest)
    for one in given:
        match one:
            case "--limit":
                asked["limit"] = int(next(given))
            case "--type":
                asked["type"] = next(given)
            case _ if one.startswith("-"):
                return None
            case _:
                asked["id"] = one
    return command, asked


_numbers = itertools.count()


class EndedBeforeReadyError(AssertionError):
    """It ended without having said READY=1."""


class Daemon:
    """zaiond below `directory`: configuration, sockets, state and spool are all there.

    `directory` must be short, as the sockets' paths are at most 107 bytes. What the daemon prints
    is in `log`. `wrapper` is a command that runs what is appended to it, for both programs;
    `program` is what takes the place of `zaiond` at the next start.
    """

    def __init__(
        self,
        directory: Path,
        config: str,
        environment: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
    ) -> None:
        self.directory = directory
        self.config = directory / "etc" / "zaiond.yaml"
        self.runtime = directory / "run"
        self.state = directory / "state"
        self.spool = directory / "spool"
        self.log = directory / "log"
        for path in (self.config.parent, self.runtime, self.state, self.spool):
            path.mkdir(parents=True, exist_ok=True)
        self.config.write_text(config, encoding="utf-8")
        self.config.chmod(0o640)
        self.environment = {**os.environ, "TZ": "Asia/Tokyo", **(environment or {})}
        self.program: Sequence[str | Path] = (PROGRAMS / "zaiond",)
        self.wrapper = wrapper
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def options(self) -> list[str]:
        """The four options that both programs take."""
        return [
            f"--config={self.config}",
            f"--runtime-dir={self.runtime}",
            f"--state-dir={self.state}",
            f"--spool-dir={self.spool}",
        ]

    @property
    def places(self) -> dict[str, str]:
        """The same by the environment, as the unit gives the daemon none."""
        return {
            "ZAIOND_CONFIG": str(self.config),
            "ZAIOND_RUNTIME_DIR": str(self.runtime),
            "ZAIOND_STATE_DIR": str(self.state),
            "ZAIOND_SPOOL_DIR": str(self.spool),
        }

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that was started last."""
        assert self._process is not None, "not started"
        return self._process

    @property
    def event_socket(self) -> Path:
        """Where events go."""
        return self.runtime / "events.sock"

    def start(self) -> None:
        """Starts it; returns when it has said READY=1 (sd_notify(3)).

        Raises EndedBeforeReadyError.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            name = f"zaiond-ready-{os.getpid()}-{next(_numbers)}"
            ready.bind("\0" + name)
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [*self.wrapper, *self.program],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**self.environment, **self.places, "NOTIFY_SOCKET": "@" + name},
                    process_group=0,  # a Ctrl-C is for who started it, who then stops it in turn
                )
            self._await_ready(ready)

    def _await_ready(self, ready: socket.socket) -> None:
        process = self.process
        deadline = time.monotonic() + READY_WITHIN
        ended = os.pidfd_open(process.pid)
        try:
            while True:
                left = max(0.0, deadline - time.monotonic())
                readable, _, _ = select.select([ready.fileno(), ended], [], [], left)
                if ready.fileno() in readable:
                    if b"READY=1" in ready.recv(4096).split(b"\n"):
                        return
                elif ended in readable:
                    raise EndedBeforeReadyError(
                        f"zaiond ended with {process.wait()}:\n{self.printed()}"
                    )
                else:
                    raise AssertionError(f"no READY=1 in {READY_WITHIN} s:\n{self.printed()}")
        finally:
            os.close(ended)

    def printed(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="backslashreplace")

    def stop(self) -> int:
        """SIGTERM, as systemd stops it; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL: nothing of it runs any more when this returns."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Stops it and starts it again."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:  # a Ctrl-C too
            self.end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.stop()
        self.end()

    def end(self) -> None:
        """Whatever state it is in, it runs no more."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def ctl(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Runs zaiond-ctl against it, as an administrator would; `given` is its standard input.

        Within this process where that is the same: its start takes more time than all else. Not in
        one of several threads, which have one environment and one standard output together.
        """
        command = [*self.wrapper, str(PROGRAMS / "zaiond-ctl"), *self.options, *arguments]
        is_within = not {*arguments[:1], " ".join(arguments[:2])}.isdisjoint(_WITHIN)
        is_alone = threading.current_thread() is threading.main_thread()
        if is_within and is_alone and not self.wrapper and given is None:
            return _within(command, self.environment)
        return subprocess.run(
            command,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            timeout=120,
            env=self.environment,
            check=False,
        )

    def document(self, *arguments: str) -> dict[str, Any]:
        """The JSON document that zaiond-ctl prints for `arguments`.

        Asked of the daemon itself where that is the same: what zaiond-ctl prints of it has tests of
        its own, and a program for each question takes more time than all else.
        """
        question = _question(arguments)
        if question is not None:
            command, asked = question
            result: dict[str, Any] = self.ask(command, **asked)
            return result
        done = self.ctl(*arguments, "--json")
        try:
            document: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            raise AssertionError(f"{arguments}: no JSON: {done}") from None
        return document

    def ask(self, command: str, **arguments: Any) -> Any:
        """The answer to a question at the control socket, as any program may put it."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(str(self.runtime / "control.sock"))
            connection.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
            with connection.makefile("rb") as replies:
                reply = json.loads(replies.readline())
        assert reply["ok"], reply
        return reply["result"]

    def emit(self, *events: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Puts events into the event socket, all sent ahead; returns the replies, in order."""
        return emit(self.event_socket, events)

    def becomes(self, condition: Callable[[dict[str, Any]], bool], *arguments: str) -> Any:
        """The document of `arguments`, once `condition` holds of it."""
        document: dict[str, Any] = {}

        def look() -> bool:
            nonlocal document
            document = self.document(*arguments)
            return condition(document)

        until(look, lambda: f"{arguments} stays {document}\n{self.printed()}")
        return document


def _within(
    command: Sequence[str], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    with contextlib.ExitStack() as stack:
        stack.callback(time.tzset)  # last, when the environment is as it was
        stack.enter_context(mock.patch.dict(os.environ, environment, clear=True))
        stack.enter_context(mock.patch.object(sys, "argv", list(command)))
        time.tzset()
        out, err = (
            stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", newline=""))
            for _ in range(2)
        )
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = ctl_main.run(command[1:])
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess(command, status, out.read(), err.read())


def emit(event_socket: Path, events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Puts events into a socket, all sent ahead, as a program in any language would."""
    lines = [json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in events]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(event_socket))
        with connection.makefile("rb") as replies:
            got: list[dict[str, Any]] = []
            # By hundreds, for replies left unread fill the connection.
            for first in range(0, len(lines), 100):
                part = lines[first : first + 100]
                connection.sendall(b"".join(part))
                got += [json.loads(replies.readline()) for _ in part]
            return got
