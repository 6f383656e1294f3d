"""The pump between a socket and a machine, SMTP's or POP's: bytes, deadlines, TLS. It decides
nothing.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from zaiond.message.address import a_labels
from zaiond.net.tls import TlsContexts, TlsInfo
from zaiond.smtp.events import Answered, Ended, Event, LoggedIn, Opened, StartTls
from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Stage
from zaiond.smtp.session import Session
from zaiond.sockets import Address, cause_of, connect_to, unsecured, verifying
from zaiond.text import Text, reason

if TYPE_CHECKING:
    from zaiond.config.schema import MailServer

GOODBYE = 5.0  # seconds that QUIT and closing may take, at most
A_READ = 8 * 1024  # bytes: for data_received, asyncio would make 256 KiB anew for every reply
_NO_CHECK_TIME = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for


class Pump(asyncio.BufferedProtocol):
    """One session over one socket. Every event of the machine goes to `on_event`, in order; single
    replies go to `answered`, and what a handshake brought to `encrypted`.

    What the machine wants to say is gathered until the event loop's next turn: what is said in one
    turn is one write.
    """

    def __init__(
        self,
        server: "MailServer",
        machine: Session,
        deadline: float,
        on_event: Callable[[Event], None],
    ) -> None:
        """`deadline`: when the session must be over, in the loop's time."""
        self.session = machine
        self.tls: TlsInfo | None = None
        self.ended: Failure | None = None
        self._server = server
        self._verify = machine.verify  # whether the server's certificate must hold
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._read = memoryview(bytearray(A_READ))
        self._turn = asyncio.Event()  # the opening is done, over, or needs TLS
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._flushing = False
        self._replies = 0
        # One timer serves the deadlines of all replies: it looks every `_interval` seconds while
        # something is awaited, instead of being set anew for each. The session's has its own, as
        # it holds while nothing is awaited, too.
        self._interval = min(server.timeout, server.final_timeout)
        self._begun = self._loop.time()
        self._too_long = f"{server.session_timeout:g} s"
        self._session_deadline = deadline
        self._deadline = deadline
        self._timer: asyncio.TimerHandle | None = None
        self._overdue: asyncio.TimerHandle | None = None

    async def establish(
        self, sock: socket.socket, contexts: TlsContexts, until: float | None = None
    ) -> None:
        """The opening, over a connected socket, which is the pump's from now on. `until`: when it
        must be done, in the loop's time, if that is before the session's deadline. Raises
        DeliveryFailure: no session; `abort` what is left.
        """
        session_deadline = self._session_deadline
        if until is not None and until < session_deadline:
            self._limit_all(until, f"{until - self._begun:.3g} s")
        else:
            self._limit_all(session_deadline, self._too_long)
        if self._server.security == "tls":
            await self._handshake(contexts, sock)
        else:
            await self._loop.create_connection(lambda: self, sock=sock)
        self._touch()
        while self.ended is None and not self.session.opened:
            await self._turn.wait()
            self._turn.clear()
            if self.session.awaiting is Stage.TLS:
                await self._handshake(contexts)
                self.happened(self.session.tls_started())
        if self.ended is not None:
            raise DeliveryFailure(self.ended)
        self._limit_all(session_deadline, self._too_long)

    def happened(self, events: list[Event]) -> None:
        """Passes on what calling the machine brought, and soon what it wants to say."""
        self._pass_on(events)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush_now)

    async def close(self) -> None:
        """Closes; if the session is open and idle, after QUIT. At most some seconds, and not beyond
        the session's deadline.
        """
        session = self.session
        if not session.over and session.opened and session.awaiting is None:
            session.quit()
            self._flush()
            left = max(0.0, self._session_deadline - self._loop.time())
            await asyncio.wait([self._closed], timeout=min(self._server.timeout, GOODBYE, left))
        self.abort()
        if self._transport is not None:
            await asyncio.wait([self._closed], timeout=GOODBYE)

    def abort(self) -> None:
        self.happened(self.session.lost("closed", "closed by this side"))
        if self._transport is not None:
            self._transport.abort()

    def answered(self, event: Answered) -> None:
        """Is told of every reply; a link passes it on where steps are told."""

    def encrypted(self, info: TlsInfo) -> None:
        """Is told of TLS once it is there; a link keeps what it is."""

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there, with TLS where it is implicit."""
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return self._read

    def buffer_updated(self, nbytes: int) -> None:
        session = self.session
        self._pass_on(session.receive(self._read[:nbytes].tobytes()))
        self._flush()
        # Only whole replies count: bytes that drip in one by one must not put off the deadline.
        if session.replies != self._replies:
            self._replies = session.replies
            self._touch()

    def eof_received(self) -> None:
        """Half-closed is closed: a server that is done with us sends no replies."""
        self.happened(self.session.lost("closed"))

    def connection_lost(self, exc: Exception | None) -> None:
        cause: Cause = "closed"
        if isinstance(exc, OSError):
            cause = "reset" if isinstance(exc, ssl.SSLError) else cause_of(exc)
        self.happened(self.session.lost(cause, str(exc) if exc is not None else ""))
        if not self._closed.done():
            self._closed.set_result(None)

    # Inside

    def _pass_on(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Answered):
                self.answered(event)
                continue
            if isinstance(event, Ended):
                self._end(event.failure)
            elif isinstance(event, Opened | LoggedIn | StartTls):
                self._turn.set()
            self._on_event(event)

    async def _handshake(self, contexts: TlsContexts, sock: socket.socket | None = None) -> None:
        """TLS from the first byte over `sock`, or from now on over what we have."""
        limit = min(self._server.timeout, self._session_deadline - self._loop.time())
        how: dict[str, Any] = {
            "server_hostname": a_labels(self._server.host).rstrip("."),
            "ssl_handshake_timeout": max(limit, 0.001),
            "ssl_shutdown_timeout": GOODBYE,
        }
        try:
            context = self._context(contexts)
            if sock is not None:
                await self._loop.create_connection(lambda: self, sock=sock, ssl=context, **how)
            else:
                plain = cast(asyncio.Transport, self._transport)
                self._transport = await self._loop.start_tls(plain, self, context, **how)
        except ssl.SSLError as error:
            raise self._failed(*unsecured(error)) from error
        except (ConnectionAbortedError, TimeoutError) as error:
            # So asyncio says that the handshake took too long.
            raise self._failed("timeout", str(error)) from error
        except (OSError, ValueError) as error:
            raise self._failed("tls", str(error) or "the connection was closed") from error
        finally:
            if sock is not None and self._transport is None:
                sock.close()
        transport = cast(asyncio.Transport, self._transport)
        self.tls = TlsInfo.of(
            transport.get_extra_info("ssl_object"), self.session.mask, verified=self._verify
        )
        contexts.common_names.seen(self._server.address, self.tls)
        self.encrypted(self.tls)

    def _context(self, contexts: TlsContexts) -> ssl.SSLContext:
        if not self._verify:
            return contexts.unverified()
        ca_file = self._server.ca_file
        try:
            return contexts.verified(ca_file)
        except OSError as error:  # no such file, or no certificates in it
            detail = Text(*(f"{ca_file}: {why}" for why in reason(error)))
            raise self._failed("certificate", detail) from error

    def _failed(self, cause: Cause, detail: str | Text) -> DeliveryFailure:
        return DeliveryFailure(Failure.of(Stage.TLS, self._server.address, cause, detail=detail))

    def _end(self, failure: Failure | None) -> None:
        self.ended = failure
        self._turn.set()
        for timer in filter(None, (self._timer, self._overdue)):
            timer.cancel()
        self._timer = self._overdue = None
        if self._transport is None:
            return
        self._flush()
        polite = failure is None or (failure.reply is not None and failure.reply.code > 0)
        if polite and not self._transport.get_write_buffer_size():
            self._transport.close()
        else:
            self._transport.abort()

    def _flush_now(self) -> None:
        self._flushing = False
        self._flush()
        self._touch()

    def _flush(self) -> None:
        data = self.session.take_output()
        if data and self._transport is not None:
            self._transport.write(data)

    def _touch(self) -> None:
        """The server's time for its next reply begins now."""
        awaiting = self.session.awaiting
        if awaiting is None or awaiting is Stage.TLS:  # a handshake has its own limit
            return
        now = self._loop.time()
        self._deadline = now + self._limit(awaiting)
        if self._timer is None:
            self._timer = self._loop.call_at(min(self._deadline, now + self._interval), self._look)

    def _limit(self, awaiting: Stage) -> float:
        server = self._server
        return server.final_timeout if awaiting is Stage.CONTENT else server.timeout

    def _look(self) -> None:
        self._timer = None
        awaiting, now = self.session.awaiting, self._loop.time()
        if awaiting is None or awaiting is Stage.TLS:
            return
        if now < self._deadline:
            self._timer = self._loop.call_at(min(self._deadline, now + self._interval), self._look)
            return
        self.happened(self.session.lost("timeout", f"{self._limit(awaiting):g} s"))

    def _limit_all(self, deadline: float, words: str) -> None:
        """The session ends at `deadline`, for the reason `words`."""

        def overdue() -> None:
            self.happened(self.session.lost("timeout", words, overall=True))

        if self._overdue is not None:
            self._overdue.cancel()
        self._session_deadline = deadline
        self._overdue = self._loop.call_at(deadline, overdue)


class _Look(Pump):
    def encrypted(self, info: TlsInfo) -> None:  # noqa: ARG002
        self.abort()


class _Looking(TlsContexts):
    def verified(self, ca_file: str | None) -> ssl.SSLContext:
        """A context that takes a known authority's certificate for any name, at any time."""
        context = verifying(ca_file)
        context.check_hostname = False
        context.verify_flags |= _NO_CHECK_TIME
        return context


async def with_certificate(
    failure: Failure, server: "MailServer", machine: Session, address: Address
) -> Failure:
    """The failure, with the server's certificate if it is that which did not hold: Python tells
    nothing of it once its verification has failed.

    So it is looked at a second time, by a connection of its own that ends with the handshake. It
    stays unknown if it isn't by a known authority, or isn't shown again. `machine` brings the
    connection that far, and knows no secret.
    """
    if failure.cause != "certificate":
        return failure
    deadline = asyncio.get_running_loop().time() + server.timeout
    pump = _Look(server, machine, deadline, lambda _: None)
    try:
        sock = await connect_to(server.address, address, server.timeout)
        await pump.establish(sock, _Looking())
    except DeliveryFailure:
        pass  # for one, that we ended it
    finally:
        await pump.close()
    return replace(failure, certificate=pump.tls.certificate if pump.tls is not None else None)
