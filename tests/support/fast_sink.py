"""A mail server for thousands of mails a second: it keeps what tells mails apart, not the mails.

It runs in a thread of its own, and outlives the daemons that are killed around it.
"""

import asyncio
import os
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple, Self, cast

_EVENT = re.compile(rb"^Zaiond-Event: *(.+?)\r$", re.MULTILINE)
_MESSAGE_ID = re.compile(rb"^Message-ID: *(.+?)\r$", re.MULTILINE | re.IGNORECASE)
_ADDRESS = re.compile(rb"<([^>]*)>")


class Arrival(NamedTuple):
    """An event that a mail tells of which was taken, for one recipient; `at` by the monotonic
    clock; `by`: what the client called itself in EHLO.
    """

    event: str
    recipient: str
    message_id: str
    at: float
    by: str


@dataclass
class FastSink:
    """A server on 127.0.0.1 with PIPELINING that takes all, but `drops` every so-many-th mail: it
    hangs up after the final dot, without having taken it. 0: none. Mails that contain `refused` are
    refused for good. With a `listener`, that is where it listens.
    """

    drops: int = 0
    port: int = 0
    refused: bytes | None = None
    listener: socket.socket | None = None
    arrivals: list[Arrival] = field(default_factory=list)
    mails: list[tuple[str, str]] = field(default_factory=list)  # Message-ID, recipient
    offered: int = 0
    dropped: int = 0

    def __post_init__(self) -> None:
        self.events: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._awaited: int | None = None
        self._reached = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._listening = threading.Event()
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def await_events(self, count: int) -> int:
        """A file that becomes readable once mails about `count` different events are there; one
        such waiting at a time.
        """
        with self._lock:
            os.eventfd_write(self._reached, 1)  # so that the read below never blocks
            os.eventfd_read(self._reached)
            self._awaited = count
            self._tell()
        return self._reached

    def take(self, recipients: list[str], content: bytes, by: str) -> bool:
        """Takes a mail; False: it is dropped."""
        events, message_id = _EVENT.findall(content), _MESSAGE_ID.search(content)
        assert events, content
        assert message_id is not None, content
        with self._lock:
            self.offered += 1
            if self.drops and self.offered % self.drops == 0:
                self.dropped += 1
                return False
            given, now = message_id[1].decode(), time.monotonic()
            self.mails += [(given, recipient) for recipient in recipients]
            for name in map(bytes.decode, events):
                self.arrivals += [Arrival(name, each, given, now, by) for each in recipients]
                self.events[name] += 1
            self._tell()
        return True

    def _tell(self) -> None:
        if self._awaited is not None and len(self.events) >= self._awaited:
            self._awaited = None
            os.eventfd_write(self._reached, 1)

    def session(self) -> "FastSinkSession":
        """The protocol of one more connection."""
        return FastSinkSession(self)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        sessions: list[FastSinkSession] = []

        def session() -> FastSinkSession:
            sessions.append(self.session())
            return sessions[-1]

        if self.listener is not None:
            server = await loop.create_server(session, sock=self.listener)
        else:
            server = await loop.create_server(session, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        self._listening.set()
        await stopped.wait()
        server.close()
        for one in sessions:
            one.transport.abort()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(10), "the sink does not listen"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()
        self._thread.join()
        os.close(self._reached)


class FastSinkSession(asyncio.Protocol):
    """One connection of it."""

    transport: asyncio.Transport

    def __init__(self, sink: FastSink) -> None:
        self._sink = sink
        self._unread = b""
        self._recipients: list[str] = []
        self._client = ""
        self._in_content = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(b"220 sink.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._unread += data
        replies = b""
        while not self.transport.is_closing():
            if self._in_content:
                content, dot, rest = self._unread.partition(b"\r\n.\r\n")
                if not dot:
                    break
                self._unread, self._in_content = rest, False
                if self._sink.refused is not None and self._sink.refused in content:
                    self._recipients = []
                    replies += b"554 5.6.0 Not this content\r\n"
                    continue
                if not self._sink.take(self._recipients, content, self._client):
                    self.transport.abort()
                    return
                self._recipients = []
                replies += b"250 2.0.0 Taken\r\n"
            else:
                line, end, rest = self._unread.partition(b"\r\n")
                if not end:
                    break
                self._unread = rest
                replies += self._answer(line)
        self.transport.write(replies)

    def _answer(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"EHLO":
            self._client = line[5:].decode()
            return b"250-sink.example\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n"
        if verb == b"RCPT":
            address = _ADDRESS.search(line)
            assert address is not None, line
            self._recipients.append(address[1].decode())
            return b"250 2.1.5 OK\r\n"
        if verb == b"DATA":
            self._in_content = True
            return b"354 Go on\r\n"
        if verb == b"QUIT":
            return b"221 2.0.0 Bye\r\n"
        assert verb in (b"MAIL", b"RSET"), line
        self._recipients = []
        return b"250 2.0.0 OK\r\n"
