"""Debian's Prometheus and Alertmanager, as processes of a test's own."""

import abc
import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.ports import free_port
from tests.support.waiting import until

PROMTOOL, AMTOOL = "/usr/bin/promtool", "/usr/bin/amtool"


class _Monitor(abc.ABC):
    """One of the two, below a directory of its own; `ready` is the path that answers once it is."""

    def __init__(self, directory: Path, config: str) -> None:
        directory.mkdir()
        self.directory = directory
        self.config = directory / "config.yml"
        self.config.write_text(config)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @abc.abstractmethod
    def _command(self) -> Sequence[str | Path]: ...

    def printed(self) -> str:
        """What it has said so far."""
        return (self.directory / "log").read_text(errors="replace")

    def ask(self, path: str, **parameters: str) -> Any:
        """What its API answers."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        try:
            with urllib.request.urlopen(f"{self.url}{path}{query}", timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}{query}: {error.read().decode()}") from None

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return int(answer.status) == 200
        except OSError:
            return False

    def __enter__(self) -> Self:
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        try:
            until(self._is_ready, self.printed)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


class Prometheus(_Monitor):
    """Scrapes and evaluates by its configuration."""

    def _command(self) -> Sequence[str | Path]:
        return [
            "/usr/bin/prometheus",
            f"--config.file={self.config}",
            f"--storage.tsdb.path={self.directory}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def value(self, query: str) -> list[tuple[dict[str, str], float]]:
        """What a query finds now: labels and values."""
        found = self.ask("/api/v1/query", query=query)["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]


class Alertmanager(_Monitor):
    """Sends the alerts that it gets by its configuration."""

    def _command(self) -> Sequence[str | Path]:
        return [
            "/usr/bin/prometheus-alertmanager",
            f"--config.file={self.config}",
            f"--storage.path={self.directory}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]
