"""Postfix's own load programs (Debian's package): smtp-sink, which takes, and smtp-source."""

import os
import re
import select
import socket
import subprocess
import time
from types import TracebackType
from typing import Self

from tests.support.ports import free_port
from tests.support.waiting import until

SINK = "/usr/sbin/smtp-sink"
SOURCE = "/usr/sbin/smtp-source"
BACKLOG = 1000
WITHIN = 120.0  # seconds; a bound for what hangs


class SmtpSink:
    """smtp-sink on a port of 127.0.0.1 (`port` 0: any free one). Give one of these:

    `quit_after`: it ends when that many messages have come, so that to learn of it costs nothing.
    `telling`: `wait_for` returns at once when a message has come.
    """

    def __init__(self, port: int = 0, quit_after: int = 0, telling: bool = False) -> None:
        self.port = port or free_port()
        self.cpu_seconds = 0.0  # once it has ended
        self._options = ["-c"] if telling else []
        if quit_after:
            self._options += ["-M", str(quit_after)]
        if os.geteuid() == 0:
            self._options += ["-u", "postfix"]  # it will not be root
        self._process: subprocess.Popen[bytes] | None = None
        self._told = b""

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that was started last."""
        assert self._process is not None, "not started"
        return self._process

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [SINK, *self._options, f"127.0.0.1:{self.port}", str(BACKLOG)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            process_group=0,
        )
        until(self._listens, lambda: "smtp-sink does not listen")
        return self

    def _listens(self) -> bool:
        assert self.process.poll() is None, f"smtp-sink ended: {self.process.returncode}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def wait_until_full(self) -> None:
        """Returns when `quit_after` messages have come; AssertionError if they don't."""
        ended = os.pidfd_open(self.process.pid)
        try:
            readable, _, _ = select.select([ended], [], [], WITHIN)
            assert readable, f"the messages did not all come in {WITHIN} s"
            _, status, used = os.wait4(self.process.pid, 0)
        finally:
            os.close(ended)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_seconds = used.ru_utime + used.ru_stime
        assert self.process.returncode == 0, f"smtp-sink ended with {self.process.returncode}"

    def wait_for(self, messages: int) -> None:
        """Returns when so many messages have come since the start; AssertionError if not."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + WITHIN
        while True:
            counts = re.findall(rb"mesg=(\d+)\r", self._told)
            if counts and int(counts[-1]) >= messages:
                return
            left = max(0.0, deadline - time.monotonic())
            readable, _, _ = select.select([self.process.stdout], [], [], left)
            assert readable, f"{counts[-1:]} of {messages} messages came in {WITHIN} s"
            self._told = self._told[-100:] + os.read(self.process.stdout.fileno(), 65536)


class SmtpSource:
    """smtp-source: `messages` of `size` bytes in all to a port, over `sessions` connections."""

    def __init__(self, port: int, messages: int, size: int, sessions: int) -> None:
        headers = 200  # which it adds
        self._command = [
            *(SOURCE, "-d", "-s", str(sessions), "-m", str(messages)),
            *("-l", str(max(80, size - headers))),
            *("-f", "zaionnex@example.co.jp", "-t", "admin@example.co.jp"),
            f"127.0.0.1:{port}",
        ]

    def __enter__(self) -> Self:
        # The sink ends with the last message, which smtp-source complains of.
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
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
