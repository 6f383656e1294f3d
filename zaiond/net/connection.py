"""One connection to a mail server, from the name to QUIT: the pump of the SMTP machine.

How a sender uses it, mail after mail:

    connection = await SmtpConnection.open(server, helo_name, tls=contexts)
    connection.prepare(mail)                    # MAIL, RCPT…, DATA are on their way
    while mail:
        refused = await connection.ready()      # {recipient: Failure}; may raise, see below
        (record on disk that it starts)
        finishing = connection.send_content()   # content and final dot, as one write
        if upcoming and connection.pipelining:
            connection.prepare(upcoming)        # goes out in the same write, behind the dot
        results = await finishing               # {recipient: Reply}; may raise, see below
        …

`prepare(mail, recipients)`: queues the envelope. Legal when no other envelope is under way, that
is: at the start, after `send_content()` (where `pipelining`; else after its result), and after a
`ready()` that ended the transaction. Never raises for what the network did: that comes out of
`ready()`.

`ready()`: once for each `prepare`. Returns the refused recipients. If all were refused, the
transaction is over: don't call `send_content()`, prepare the next. Raises `DeliveryFailure` if
MAIL or DATA was refused, the mail can't be sent here (too big, SMTPUTF8), or the connection is
lost: the transaction is over, nothing of its content was sent. Afterwards `lost` says whether the
connection can still be used.

`send_content()`: only after a `ready()` that left a recipient. Before this call no byte of the
content leaves. Returns a future: the server's reply for each recipient that was not refused, or
`DeliveryFailure` of stage CONTENT (refused; or `ambiguous`, if the connection was lost), or of
stage DATA if the connection was lost before it was called (nothing was sent).

Writes are gathered until the event loop's next turn: `send_content()` and `prepare()` in one turn
are one write.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from zaiond.model import Message
from zaiond.net.connect import cause_of, connect, resolve, shown
from zaiond.net.tls import TlsContexts, TlsInfo
from zaiond.smtp.events import Answered, Content, Ended, Envelope, Event
from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Stage
from zaiond.smtp.opening import Capabilities, SessionSettings, fall_back
from zaiond.smtp.reply import Reply
from zaiond.smtp.sasl import Credentials
from zaiond.smtp.session import Session

if TYPE_CHECKING:
    from zaiond.config.schema import MailServer

_GOODBYE = 5.0  # seconds that QUIT and closing may take, at most


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a session as it ended: for `test -v` and its --json."""

    step: str
    ok: bool
    seconds: float
    detail: str


class SmtpConnection(asyncio.Protocol):
    """See the module's text. All methods belong to the event loop's thread."""

    def __init__(
        self,
        server: "MailServer",
        settings: SessionSettings,
        deadline: float,
        on_step: Callable[[Stage, bool, str], None],
    ) -> None:
        """For `open` only; `deadline` is the session's, in the loop's time."""
        self.server = server
        self.tls: TlsInfo | None = None
        self._session = Session(settings)
        self._settings = settings
        self._on_step = on_step
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._turn = asyncio.Event()  # open, to be secured, or over
        self._envelopes: deque[Envelope] = deque()
        self._ready: asyncio.Future[None] | None = None
        self._finishing: asyncio.Future[dict[str, Reply]] | None = None
        self._recipients: tuple[str, ...] = ()  # of the envelope
        self._accepted: tuple[str, ...] = ()  # of the envelope that is ready
        self._sent_to: tuple[str, ...] = ()  # of the content
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._ended: Failure | None = None
        self._flushing = False
        self._quitting = False
        self._replies = 0
        # One timer serves all deadlines: it looks every `_interval` seconds while something is
        # awaited, instead of being set anew for each reply.
        self._interval = min(server.timeout, server.final_timeout)
        self._started = self._loop.time()
        self._session_deadline = deadline
        self._deadline = deadline
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def open(
        cls,
        server: "MailServer",
        helo_name: str,
        *,
        tls: TlsContexts | None = None,
        on_step: Callable[[Step], None] | None = None,
    ) -> "SmtpConnection":
        """Connects, secures and logs in as `server` says.

        `helo_name` counts where the server's settings have none; `tls` is shared by the
        connections of one configuration; `on_step` is told of every step, as long as the
        connection lives.

        Raises:
            DeliveryFailure: there is no usable session; everything is closed again.
        """
        contexts = tls or TlsContexts()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + server.session_timeout
        told = _steps(on_step)
        settings = _settings(server, helo_name, trace=on_step is not None)
        if contexts.unverifiable(server.address, loop.time()):
            settings = fall_back(settings, "certificate") or settings
        try:
            addresses = await resolve(server.host, server.port, server.timeout)
            told(Stage.RESOLVE, True, ", ".join(shown(address) for _, address in addresses))
            while True:
                sock = await connect(server.address, addresses, server.timeout)
                told(Stage.CONNECT, True, shown(sock.getpeername()))
                connection = cls(server, settings, deadline, told)
                try:
                    await connection._establish(sock, contexts)
                except DeliveryFailure as raised:
                    connection.abort()
                    failure = raised.failure
                    weaker = fall_back(settings, failure.cause)
                    if failure.stage is not Stage.TLS or weaker is None:
                        raise
                    if failure.cause == "certificate":
                        contexts.remember_unverifiable(server.address, loop.time())
                    told(Stage.TLS, False, failure.said)
                    settings = weaker
                except BaseException:
                    connection.abort()
                    raise
                else:
                    return connection
        except DeliveryFailure as raised:
            if raised.failure.cause != "reply":
                told(raised.failure.stage, False, raised.failure.said)
            raise

    # What a sender uses; the module's text says how

    @property
    def capabilities(self) -> Capabilities:
        """What the server offers."""
        return self._session.capabilities

    @property
    def pipelining(self) -> bool:
        """Whether the next envelope may be prepared before the content's result is there."""
        return self._session.capabilities.pipelining

    @property
    def lost(self) -> bool:
        """Whether the connection is of no more use: lost, refused, closing."""
        return self._session.over or self._quitting

    @property
    def reusable(self) -> bool:
        """Whether it may be kept for the next mail: not lost, not half of `session_timeout` old."""
        half = self._session_deadline - self.server.session_timeout / 2
        return not self.lost and self._loop.time() < half

    def prepare(self, mail: Message, recipients: tuple[str, ...] | None = None) -> None:
        """Queues the envelope of `mail`, to `recipients` (default: all of its own)."""
        self._recipients = mail.recipients if recipients is None else recipients
        self._happened(self._session.prepare(mail, self._recipients))
        self._flush_soon()

    async def ready(self) -> dict[str, Failure]:
        """Waits until the content may be sent; the refused recipients, each with its failure."""
        if not self._envelopes:
            self._ready = self._loop.create_future()
            try:
                await self._ready
            finally:
                self._ready = None
        envelope = self._envelopes.popleft()
        if envelope.failure is not None:
            raise DeliveryFailure(envelope.failure)
        if envelope.refused:
            self._accepted = tuple(r for r in self._recipients if r not in envelope.refused)
        else:
            self._accepted = self._recipients
        return envelope.refused

    def send_content(self) -> "asyncio.Future[dict[str, Reply]]":
        """Sends the content; the future has the reply for each recipient that was not refused."""
        finishing: asyncio.Future[dict[str, Reply]] = self._loop.create_future()
        self._finishing = finishing
        self._sent_to = self._accepted
        self._happened(self._session.send_content())
        self._flush_soon()
        return finishing

    async def close(self) -> None:
        """Says QUIT and closes; at most a few seconds. Idempotent, never raises for the network."""
        if not self._closed.done() and not self.lost and self._session.awaiting is None:
            self._quitting = True
            self._session.quit()
            self._flush()
            await asyncio.wait([self._closed], timeout=min(self.server.timeout, _GOODBYE))
        self.abort()
        if self._transport is not None:
            await asyncio.wait([self._closed], timeout=_GOODBYE)

    def abort(self) -> None:
        """Closes at once, without a word. Idempotent."""
        self._happened(self._session.lost("closed", "closed by this side"))
        if self._transport is not None:
            self._transport.abort()

    # The event loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """(asyncio)"""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """(asyncio)"""
        session = self._session
        self._happened(session.receive(data))
        self._flush()
        # Only whole replies count: bytes that drip in one by one must not put off the deadline.
        if session.replies != self._replies:
            self._replies = session.replies
            self._touch()

    def eof_received(self) -> None:
        """(asyncio) Half-closed is closed: a server that is done with us sends no replies."""
        self._happened(self._session.lost("closed"))

    def connection_lost(self, exc: Exception | None) -> None:
        """(asyncio)"""
        cause: Cause = "closed"
        if isinstance(exc, ssl.SSLError):
            cause = "tls" if self._session.awaiting is Stage.TLS else "reset"
        elif isinstance(exc, OSError):
            cause = cause_of(exc)
        self._happened(self._session.lost(cause, str(exc) if exc is not None else ""))
        if not self._closed.done():
            self._closed.set_result(None)

    # Inside

    async def _establish(self, sock: socket.socket, contexts: TlsContexts) -> None:
        """The opening, over a connected socket, which is the connection's from now on."""
        if self._settings.security == "tls":
            await self._handshake(contexts, sock)
        else:
            await self._loop.create_connection(lambda: self, sock=sock)
        self._touch()
        while True:
            await self._turn.wait()
            self._turn.clear()
            if self._ended is not None:
                raise DeliveryFailure(self._ended)
            if self._session.opened:
                return
            await self._handshake(contexts)
            self._happened(self._session.tls_started())
            self._flush()
            self._touch()

    async def _handshake(self, contexts: TlsContexts, sock: socket.socket | None = None) -> None:
        """TLS from the first byte over `sock`, or from now on over what we have."""
        verify = self._settings.verify
        limit = min(self.server.timeout, self._session_deadline - self._loop.time())
        how: dict[str, Any] = {
            "server_hostname": self.server.host.rstrip("."),
            "ssl_handshake_timeout": max(limit, 0.001),
            "ssl_shutdown_timeout": _GOODBYE,
        }
        try:
            context = contexts.verified(self.server.ca_file) if verify else contexts.unverified()
            if sock is not None:
                await self._loop.create_connection(lambda: self, sock=sock, ssl=context, **how)
            else:
                plain = cast(asyncio.Transport, self._transport)
                self._transport = await self._loop.start_tls(plain, self, context, **how)
        except (OSError, ValueError) as error:
            if sock is not None:
                sock.close()
            raise DeliveryFailure(self._tls_failure(error)) from error
        transport = cast(asyncio.Transport, self._transport)
        self.tls = TlsInfo.of(transport.get_extra_info("ssl_object"), verified=verify)
        self._on_step(Stage.TLS, True, self.tls.text)

    def _tls_failure(self, error: OSError | ValueError) -> Failure:
        cause: Cause = "tls"
        detail = str(error) or type(error).__name__
        if isinstance(error, ssl.SSLCertVerificationError):
            cause, detail = "certificate", error.verify_message
        elif isinstance(error, ssl.SSLError):
            detail = (error.reason or detail).replace("_", " ").lower()
        elif isinstance(error, ConnectionAbortedError | TimeoutError):
            cause = "timeout"  # this is how asyncio says that the handshake took too long
        return Failure(stage=Stage.TLS, server=self.server.address, cause=cause, detail=detail)

    def _happened(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Envelope):
                self._envelopes.append(event)
                if self._ready is not None and not self._ready.done():
                    self._ready.set_result(None)
            elif isinstance(event, Content):
                self._finish(event)
            elif isinstance(event, Answered):
                if event.stage is not Stage.AUTH or event.reply.code // 100 != 3:
                    self._on_step(event.stage, event.reply.code < 400, event.reply.text)
            elif isinstance(event, Ended):
                self._end(event.failure)
            else:
                self._turn.set()

    def _finish(self, content: Content) -> None:
        finishing = self._finishing
        self._finishing = None
        if finishing is None or finishing.done():
            return  # whoever waited for it was cancelled
        if content.reply is not None:
            finishing.set_result(dict.fromkeys(self._sent_to, content.reply))
        elif content.failure is not None:
            finishing.set_exception(DeliveryFailure(content.failure))

    def _end(self, failure: Failure | None) -> None:
        self._ended = failure
        self._turn.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is None:
            return
        self._flush()
        polite = failure is None or failure.cause == "reply"
        if polite and not self._transport.get_write_buffer_size():
            self._transport.close()
        else:
            self._transport.abort()

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush_now)

    def _flush_now(self) -> None:
        self._flushing = False
        self._flush()
        self._touch()

    def _flush(self) -> None:
        data = self._session.take_output()
        if data and self._transport is not None:
            self._transport.write(data)

    def _touch(self) -> None:
        """The server's time for its next reply begins now."""
        awaiting = self._session.awaiting
        if awaiting is None or awaiting is Stage.TLS:  # a handshake has its own limit
            return
        server = self.server
        now = self._loop.time()
        limit = server.final_timeout if awaiting is Stage.CONTENT else server.timeout
        self._deadline = min(now + limit, self._session_deadline)
        if self._timer is None:
            self._timer = self._loop.call_at(min(self._deadline, now + self._interval), self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._session.awaiting in (None, Stage.TLS):
            return
        if now < self._deadline:
            self._timer = self._loop.call_at(min(self._deadline, now + self._interval), self._look)
            return
        if self._deadline >= self._session_deadline:
            detail = f"the session lasted {self.server.session_timeout:g} s"
            self._happened(self._session.lost("timeout", detail, overall=True))
        else:
            waited = (
                self.server.final_timeout
                if self._session.awaiting is Stage.CONTENT
                else self.server.timeout
            )
            self._happened(self._session.lost("timeout", f"no answer within {waited:g} s"))


def _settings(server: "MailServer", helo_name: str, *, trace: bool) -> SessionSettings:
    auth = server.auth
    credentials: Credentials | None = None
    if auth.mechanism == "basic":
        credentials = Credentials(
            mechanism="basic",
            username=auth.username or "",
            password=auth.password.reveal() if auth.password is not None else "",
            allow_unprotected=auth.allow_unprotected_password,
        )
    return SessionSettings(
        server=server.address,
        helo_name=server.helo_name or helo_name,
        security=server.security,
        credentials=credentials,
        trace=trace,
    )


def _steps(on_step: Callable[[Step], None] | None) -> Callable[[Stage, bool, str], None]:
    """Tells `on_step` of each step with the seconds since the one before."""
    loop = asyncio.get_running_loop()
    last = loop.time()

    def told(stage: Stage, ok: bool, detail: str) -> None:
        nonlocal last
        now = loop.time()
        if on_step is not None:
            on_step(Step(stage.value, ok, now - last, detail))
        last = now

    return told
