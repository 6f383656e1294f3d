"""A mail server that keeps what it gets: aiosmtpd, a peer that shares no code with zaiond.

It runs in a thread of its own, so that tests may wait for mails without an event loop.
"""

import asyncio
import email
import email.policy
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True)
class Mail:
    """One mail as it arrived, with its envelope."""

    reverse_path: str
    recipients: tuple[str, ...]
    content: bytes

    @cached_property
    def message(self) -> EmailMessage:
        """The content, parsed by Python's own email package."""
        message = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message

    @property
    def subject(self) -> str:
        """The subject as a reader sees it."""
        return str(self.message["Subject"])

    @property
    def body(self) -> str:
        """The text as a reader sees it, lines ended by a newline."""
        return str(self.message.get_content()).replace("\r\n", "\n")

    @property
    def event_ids(self) -> tuple[str, ...]:
        """The ids of the events that it tells of."""
        return tuple(str(value) for value in self.message.get_all("Zaiond-Event", []))

    def as_read(self) -> str:
        """The mail as a reader sees it: the headers that mail programs show, then the text."""
        shown = ("From", "To", "Date", "Subject")
        headers = "".join(f"{name}: {self.message[name]}\n" for name in shown)
        return f"{headers}\n{self.body}"


@dataclass
class Sink:
    """A server on 127.0.0.1 that takes every mail but those to `refuse`d recipients.

    `refuse` maps an address to the reply that its RCPT gets, as `"550 5.1.1 No such user"`; it may
    be changed at any time. `port` 0 is any free one, which a restart keeps. With a `listener`, that
    is where it listens, once.
    """

    port: int = 0
    refuse: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)  # of aiosmtpd.smtp.SMTP
    listener: socket.socket | None = None
    mails: list[Mail] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._arrived = threading.Condition()
        self._listening = threading.Event()
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread()

    def start(self) -> None:
        """Listens; returns when it does."""
        self._listening.clear()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))
        self._thread.start()
        assert self._listening.wait(10), "the sink does not listen"

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        sessions: list[SMTP] = []

        def session() -> SMTP:
            sessions.append(SMTP(self, loop=loop, hostname="sink.example", **self.options))
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
            if isinstance(one.transport, asyncio.WriteTransport):
                one.transport.abort()

    def stop(self) -> None:
        """Listens no more, and cuts off who is connected."""
        if self._thread.is_alive():
            self._stop()
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def wait(self, count: int, timeout: float = 30) -> list[Mail]:
        """The mails so far, once there are at least `count`; AssertionError after `timeout` s."""
        with self._arrived:
            enough = self._arrived.wait_for(lambda: len(self.mails) >= count, timeout)
            assert enough, f"{len(self.mails)} of {count} mails came in {timeout} s"
            return list(self.mails)

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes or refuses one recipient."""
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keeps one mail."""
        content = envelope.original_content or b""
        mail = Mail(envelope.mail_from or "", tuple(envelope.rcpt_tos), content)
        with self._arrived:
            self.mails.append(mail)
            self._arrived.notify_all()
        return "250 2.0.0 OK"
