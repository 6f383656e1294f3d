"""A program at a terminal of its own (pty(7)), as a person sits before it."""

import contextlib
import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.waiting import SOON, until

CTRL_C, CTRL_D = b"\x03", b"\x04"
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[=>])")  # what readline tells the terminal


class Terminal:
    """Runs `command`; `screen` is everything that it has written, and what was echoed."""

    def __init__(
        self, command: Sequence[str | Path], environment: Mapping[str, str] | None = None
    ) -> None:
        self._ours, theirs = pty.openpty()
        # setsid makes it the controlling terminal: Ctrl-C is a signal, and /dev/tty is this one.
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm", **(environment or {})},
        )
        # Kept open: the echo can be asked for, and nothing is lost at its end.
        self._theirs = theirs
        self._raw = b""
        self._seen = 0

    @property
    def pid(self) -> int:
        """The program's."""
        return self._process.pid

    @property
    def screen(self) -> str:
        """Everything so far, without escape sequences, lines ended by a newline."""
        return _ESCAPE.sub("", self._raw.decode(errors="replace")).replace("\r", "")

    @property
    def echoes(self) -> bool:
        """Whether what is typed is shown by the terminal itself."""
        return bool(termios.tcgetattr(self._theirs)[3] & termios.ECHO)

    @property
    def foreground(self) -> int:
        """The process group that has the keyboard."""
        return os.tcgetpgrp(self._ours)

    def resize(self, rows: int, columns: int) -> None:
        """Makes it of another size, as a person does with a window."""
        termios.tcsetwinsize(self._ours, (rows, columns))

    def expect(self, text: str) -> None:
        """Waits until `text` has been written, behind what was expected before."""
        deadline = time.monotonic() + SOON
        while (at := self.screen.find(text, self._seen)) < 0:
            ended = self._process.poll() is not None
            if not self._read(max(0.0, deadline - time.monotonic()) if not ended else 0.0):
                raise AssertionError(f"no {text!r} on the screen:\n{self.screen}")
        self._seen = at + len(text)

    def _read(self, seconds: float) -> bool:
        readable, _, _ = select.select([self._ours], [], [], min(seconds, 0.2))
        if readable:
            self._raw += os.read(self._ours, 65536)
            return True
        return seconds > 0.2

    def enter(self, text: str | bytes) -> None:
        """Types a line; bytes go as they are, without Enter.

        Not before the program waits: a Ctrl-C between readline's prompt and its wait is noticed
        by Python at the next key only.
        """
        stat = Path(f"/proc/{self._process.pid}/stat")
        until(lambda: stat.read_text().rpartition(") ")[2][0] in "STZ", lambda: self.screen)
        os.write(self._ours, text if isinstance(text, bytes) else f"{text}\r".encode())

    def answer(self, prompt: str, text: str | bytes = "") -> None:
        """Waits for a prompt, and types."""
        self.expect(prompt)
        self.enter(text)

    def ended(self) -> int:
        """Its exit status, once it has ended and all that it wrote has been read."""
        deadline = time.monotonic() + SOON
        while self._process.poll() is None:
            self._read(0.05)
            assert time.monotonic() < deadline, f"it goes on:\n{self.screen}"
        while self._read(0.0):
            pass
        return self._process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for descriptor in (self._ours, self._theirs):
            with contextlib.suppress(OSError):
                os.close(descriptor)
