"""What all measurements stand on: where, how much, and the daemon as they run it."""

import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support.daemon import Daemon
from tests.support.sink import Sink

EVENT: dict[str, Any] = {
    "type": "backup.auto_update.finished",
    "source": "backup.service",
    "data": {
        "target": "営業共有",
        "started_at": "2013-05-25T00:00:00Z",
        "finished_at": "2013-05-25T00:12:34Z",
        "duration": "12分34秒",
        "files": 18342,
        "size": "51.2GiB",
    },
}
LINE = json.dumps(EVENT, ensure_ascii=False).encode() + b"\n"

_CONFIGURATION = """\
mail_server: {{host: 127.0.0.1, port: {port}{server}}}
admins: admin@example.co.jp
sender: zaionnex@example.co.jp
limits: {{events_waiting: 100000000, bytes_waiting: 100G}}
route_defaults: {{max_mails: null}}
{more}
"""
# The sink has no AUTH: a fault of the configuration, so the queue is held.
HELD = ", auth: {mechanism: basic, username: zaion, password: secret}"


def rest(seconds: float) -> None:
    """For so long nobody asks for anything."""
    time.sleep(seconds)


@dataclass
class Run:
    """One run of the bench, below `directory`, which is on a real disk."""

    directory: Path
    quick: bool
    _places: int = field(default=0, init=False)

    def of(self, full: int, quick: int) -> int:
        """How many, by how long it may take."""
        return quick if self.quick else full

    @property
    def rounds(self) -> range:
        """The interleaved rounds, of which the medians are taken."""
        return range(self.of(5, 1))

    def place(self) -> Path:
        """A new directory."""
        self._places += 1
        path = self.directory / str(self._places)
        path.mkdir()
        return path

    def daemon(
        self, port: int, server: str = "", place: Path | None = None, more: str = ""
    ) -> Daemon:
        """A daemon, not yet started, for the mail server on `port` and more of its settings; `more`
        are other top-level ones.
        """
        configuration = _CONFIGURATION.format(port=port, server=server, more=more)
        return Daemon(place or self.place(), configuration)

    @cached_property
    def mail_bytes(self) -> int:
        """How large the mail about LINE is: all others are made as large."""
        with Sink() as sink, self.daemon(sink.port) as daemon:
            daemon.emit(EVENT)
            return len(sink.wait(1)[0].content)


def seconds_of(command: Sequence[str | Path]) -> float:
    """How long a whole process takes, which must succeed."""
    arguments = [str(argument) for argument in command]
    begun = time.perf_counter()
    pid = os.posix_spawn(
        arguments[0],
        arguments,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        ],
    )
    _, status = os.waitpid(pid, 0)
    taken = time.perf_counter() - begun
    if status:
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), arguments)
    return taken
