"""The settings page's files as zaiond-web sees them: `zaiond.setup.serve`, a real process; or the
same within this one, where only the answer counts.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from tests.support.daemon import PROGRAMS
from zaiond.setup import serve


class SettingsService:
    """One caller's process; `command` goes before it."""

    def __init__(self, config: Path, *command: str) -> None:
        self._command = [*command, str(PROGRAMS / "python"), "-I", "-X", "utf8"]
        self._command += ["-m", "zaiond.setup.serve", f"--config={config}"]
        self._command += [f"--state-dir={config.parent / 'state'}"]
        self.said = ""

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.process.kill()
        _, complaints = self.process.communicate(timeout=30)
        assert complaints == ""

    def send(self, do: str, **more: Any) -> None:
        """Asks, without waiting."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()

    def lines(self) -> Iterator[dict[str, Any]]:
        """The lines of one reply, as they come."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            reply: dict[str, Any] = json.loads(line)
            yield reply
            if "ok" in reply:
                return

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """The last line of the reply."""
        self.send(do, **more)
        *_, reply = self.lines()
        return reply


class Within:
    """Answers as the process does that a `SettingsService` has, without its start."""

    def __init__(self, config: Path) -> None:
        self._replies: list[dict[str, Any]] = []
        self._server = serve.Server(str(config), str(config.parent / "state"), self._replies.append)

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """The last line of the reply."""
        before = os.umask(0o077)
        try:
            self._server.answer(json.dumps({"do": do, **more}).encode())
        finally:
            os.umask(before)
        reply: dict[str, Any] = json.loads(msgspec.json.encode(self._replies[-1]))
        return reply
