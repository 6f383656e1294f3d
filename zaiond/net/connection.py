"""One connection to a mail server, from its name to QUIT.

How a sender uses it, mail after mail:

    connection = await SmtpConnection.open(server, context)
    connection.prepare(mail)                    # MAIL, RCPT…, DATA are on their way
    while mail:
        refused = await connection.ready()      # {recipient: Failure}; may raise, see below
        (record on disk that it starts)
        finishing = connection.send_content()   # content and final dot, as one write
        if upcoming:
            connection.prepare(upcoming)        # MAIL, RCPT…, DATA: see below when they go out
        results = await finishing               # {recipient: Reply}; may raise, see below
        …

`prepare(mail)`: queues the envelope. Legal when no other envelope is under way, that
is: at the start, after `send_content()`, and after a `ready()` that ended the transaction. Behind a
content it goes out in the same write where the server offers PIPELINING; else after the reply to
the dot. Never raises for what the network did: that comes out of `ready()`.

`ready()`: once for each `prepare`. Returns the refused recipients. If all were refused, the
transaction is over: don't call `send_content()`, prepare the next. Raises `DeliveryFailure` if
MAIL or DATA was refused, the mail can't be sent here (too big, SMTPUTF8), or the connection is
lost: the transaction is over, nothing of its content was sent. Afterwards `lost` says whether the
connection can still be used. What fails before MAIL is taken has then failed at every address of
the server; and what got no answer, without PIPELINING, too: within `ready()` the envelope goes out
on a new connection in the place of this one.

`send_content()`: only after a `ready()` that left a recipient. Before this call no byte of the
content leaves. Returns a future: the server's reply for each recipient that was not refused, or
`DeliveryFailure` of stage CONTENT (refused; or `ambiguous`, if the connection was lost), or of
stage DATA if the connection was lost before it was called (nothing was sent).

Writes are gathered until the event loop's next turn: `send_content()` and `prepare()` in one turn
are one write.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from zaiond.model import Message
from zaiond.net.context import ConnectionContext
from zaiond.net.dial import Dialer, Link
from zaiond.net.tls import TlsInfo
from zaiond.net.trace import Step
from zaiond.smtp.events import Content, Envelope, Event
from zaiond.smtp.failure import DeliveryFailure, Failure, Stage
from zaiond.smtp.syntax import Capabilities, Reply
from zaiond.smtp.verdict import Scope, judge, may_have_forgotten
from zaiond.sockets import Address

if TYPE_CHECKING:
    from zaiond.config.schema import MailServer


class SmtpConnection:
    """See the module's text. All methods belong to the event loop's thread."""

    def __init__(
        self,
        server: "MailServer",
        context: ConnectionContext,
        on_step: Callable[[Step], None] | None,
    ) -> None:
        """For `open` only."""
        self.server = server
        self._loop = asyncio.get_running_loop()
        deadline = self._loop.time() + server.session_timeout
        log_in = None
        if server.pop_before_smtp.enabled:
            from zaiond.net import pop_login  # only where it is configured

            log_in = partial(pop_login.log_in, server, context, deadline, on_step)
        on_event = self._on_event
        self._dialer = Dialer(server, context, deadline, on_step, on_event, log_in=log_in)
        self._trace = self._dialer.trace
        self._memory = self._dialer.memory
        self._link: Link
        self._fresh_until = deadline - server.session_timeout / 2
        self._closing = False
        self._envelopes: deque[Envelope] = deque()
        self._ready: asyncio.Future[None] | None = None
        self._finishing: asyncio.Future[dict[str, Reply]] | None = None
        self._envelope_behind = False  # the next one is on its way behind the content
        self._mail: Message  # of the envelope
        self._asking = False
        self._accepted: tuple[str, ...] = ()  # of the envelope that is ready
        self._sent_to: tuple[str, ...] = ()  # of the content

    @classmethod
    async def open(
        cls,
        server: "MailServer",
        context: ConnectionContext,
        on_step: Callable[[Step], None] | None = None,
    ) -> "SmtpConnection":
        """Connects, secures and logs in as `server` says. `on_step` is told of every step, as long
        as the connection lives. Raises DeliveryFailure: there is no usable session; everything is
        closed again.
        """
        connection = cls(server, context, on_step)
        await connection._dialer.prepare()
        connection._link = await connection._dialer.dial(set())
        return connection

    @property
    def capabilities(self) -> Capabilities:
        return self._link.session.capabilities

    @property
    def tls(self) -> TlsInfo | None:
        return self._link.tls

    @property
    def lost(self) -> bool:
        """Whether the connection is of no more use: lost, refused, closing."""
        return self._link.session.over or self._closing

    @property
    def reusable(self) -> bool:
        """Whether it may be kept for the next mail: not lost, not half of `session_timeout` old."""
        return not self.lost and self.fresh_for > 0

    @property
    def fresh_for(self) -> float:
        """For how many seconds further mails may be begun; negative if that is over."""
        return self._fresh_until - self._loop.time()

    def login_expired(self, failures: Iterable[Failure]) -> bool:
        """Whether a mail that is refused so is worth another try on a new connection, as the server
        may have forgotten our login by POP: the next connection logs in again.
        """
        return (
            bool(self._dialer.login)
            and any(map(may_have_forgotten, failures))
            and self._memory.pop.expired(self._dialer.login, self._loop.time())
        )

    def refused_all_the_same(self, failures: Iterable[Failure]) -> None:
        """That other try was refused so, too."""
        if self._dialer.login and any(map(may_have_forgotten, failures)):
            self._memory.pop.retry_failed(self._loop.time())

    def prepare(self, mail: Message, *, asking: bool = False) -> None:
        """Queues the envelope of `mail`. `asking`: only the question whether the server would take
        it; its `ready()` ends the transaction.
        """
        if self._trace.enabled:
            self._trace.begin()
        self._envelope_behind = self._finishing is not None
        self._mail, self._asking = mail, asking
        self._link.happened(self._link.session.prepare(mail, asking=asking))

    async def ready(self) -> dict[str, Failure]:
        """Waits until the content may be sent; the refused recipients, each with its failure."""
        envelope = await self._envelope()
        if envelope.failure is not None:
            envelope = await self._another_way(envelope, envelope.failure)
        if envelope.failure is not None:
            raise DeliveryFailure(envelope.failure)
        if self._memory.address != self._link.address:
            self._memory.worked(self._link.address)
        self._accepted = self._mail.recipients
        if envelope.refused:
            self._accepted = tuple(r for r in self._accepted if r not in envelope.refused)
        return envelope.refused

    async def _envelope(self) -> Envelope:
        if not self._envelopes:
            self._ready = self._loop.create_future()
            try:
                await self._ready
            finally:
                self._ready = None
        return self._envelopes.popleft()

    async def _another_way(self, envelope: Envelope, failure: Failure) -> Envelope:
        """The same envelope where else it may go, as long as it fails: without PIPELINING, and by
        each other address of the server. Nothing of the content has been sent.
        """
        tried: set[Address] = {self._link.address}
        while True:
            address = self._link.address
            if self.capabilities.pipelining and _unanswered(failure):
                self._memory.pipelining = False
                again = await self._elsewhere(partial(self._dialer.session, address))
                if again is None or (again.failure is not None and _unanswered(again.failure)):
                    self._memory.pipelining = True  # it wasn't that
                envelope = again or envelope
            elif failure.stage is Stage.MAIL and self._depends_on_address(failure):
                now = self._loop.time()
                self._memory.failed(address, now)
                left = self._dialer.left(tried)
                tried.update(each for each in left if self._memory.failed_just_now(each, now))
                if not self._dialer.left(tried):
                    return envelope
                again = await self._elsewhere(partial(self._dialer.dial, tried))
                # Where one address says "later", another one's "never" is not the end.
                if again is not None and (again.failure is None or not _later(envelope)):
                    envelope = again
            else:
                return envelope
            if again is None or again.failure is None:
                return envelope
            failure = again.failure

    def _depends_on_address(self, failure: Failure) -> bool:
        if self._dialer.login and may_have_forgotten(failure):
            return False  # another login comes first
        if failure.cause in ("smtputf8", "too_big", "address"):
            return False
        # What ends a kept connection says nothing about the address: a new one tells.
        return judge(failure).scope is not Scope.SESSION

    async def _elsewhere(self, dial: Callable[[], Awaitable[Link]]) -> Envelope | None:
        """The same envelope's end on the connection that `dial` gives; None if it gives none."""
        await self._link.close()
        try:
            self._link = await dial()
        except DeliveryFailure:
            return None
        self._link.happened(self._link.session.prepare(self._mail, asking=self._asking))
        return await self._envelope()

    def send_content(self) -> "asyncio.Future[dict[str, Reply]]":
        """Sends the content; the future has the reply for each recipient that was not refused."""
        finishing: asyncio.Future[dict[str, Reply]] = self._loop.create_future()
        self._finishing = finishing
        self._sent_to = self._accepted
        self._link.happened(self._link.session.send_content())
        return finishing

    async def close(self) -> None:
        """Says QUIT and closes; at most a few seconds. Idempotent, never raises for the network."""
        self._closing = True
        await self._link.close()

    def abort(self) -> None:
        """Closes at once, without a word. Idempotent."""
        self._closing = True
        self._link.abort()

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Envelope):
            for failure in event.refused.values():
                self._trace.failed(failure)
            if event.failure is not None:
                self._trace.failed(event.failure)
            self._envelopes.append(event)
            if self._ready is not None and not self._ready.done():
                self._ready.set_result(None)
        elif isinstance(event, Content):
            if event.failure is not None:
                self._trace.failed(event.failure)
                if self._envelope_behind and _lost(event.failure):
                    self._memory.pipelining = False
            self._finish(event)

    def _finish(self, content: Content) -> None:
        finishing = self._finishing
        self._finishing = None
        if finishing is None or finishing.done():
            return  # whoever waited for it was cancelled
        if content.reply is not None:
            finishing.set_result(dict.fromkeys(self._sent_to, content.reply))
        elif content.failure is not None:
            finishing.set_exception(DeliveryFailure(content.failure))


def _unanswered(failure: Failure) -> bool:
    """Whether commands of an envelope got no answer: so it is where a server that offers PIPELINING
    doesn't mean it. That a kept connection is closed is nothing new (RFC 5321 4.5.3.2.7).
    """
    if failure.stage not in (Stage.RSET, Stage.MAIL, Stage.RCPT, Stage.DATA):
        return False
    return _lost(failure) and (failure.cause == "timeout" or not failure.reused)


def _later(envelope: Envelope) -> bool:
    return envelope.failure is not None and judge(envelope.failure).outcome == "deferred"


def _lost(failure: Failure) -> bool:
    return failure.cause in ("timeout", "closed", "reset")
