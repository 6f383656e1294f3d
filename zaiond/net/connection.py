"""One connection to a mail server, from its name to QUIT.

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
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from zaiond.model import Message
from zaiond.net.certificate import certificate_of
from zaiond.net.connect import Address, connect, resolve, shown
from zaiond.net.login import SessionToken, session_settings
from zaiond.net.pop_login import PopLogins
from zaiond.net.pump import Pump
from zaiond.net.steps import Step, Steps
from zaiond.net.tls import TlsContexts, TlsInfo
from zaiond.net.tokens import Tokens
from zaiond.smtp import answer, ntlm, sasl
from zaiond.smtp.events import Answered, Content, Envelope, Event
from zaiond.smtp.failure import DeliveryFailure, Failure, Stage
from zaiond.smtp.opening import Capabilities, SessionSettings, fall_back
from zaiond.smtp.reply import Reply
from zaiond.smtp.session import Session
from zaiond.smtp.verdict import may_have_forgotten
from zaiond.text import Text

if TYPE_CHECKING:
    from zaiond.config.schema import MailServer


class SmtpConnection:
    """See the module's text. All methods belong to the event loop's thread."""

    def __init__(
        self,
        server: "MailServer",
        settings: SessionSettings,
        deadline: float,
        steps: Steps,
    ) -> None:
        """For `open` only; `deadline` is the session's, in the loop's time."""
        self.server = server
        self._loop = asyncio.get_running_loop()
        self._steps = steps
        self._session = Session(settings)
        self._pump = Pump(
            server, self._session, deadline, self._on_event, self._on_tls, verify=settings.verify
        )
        self._fresh_until = deadline - server.session_timeout / 2
        self._closing = False
        self._envelopes: deque[Envelope] = deque()
        self._ready: asyncio.Future[None] | None = None
        self._finishing: asyncio.Future[dict[str, Reply]] | None = None
        self._logins: PopLogins | None = None
        self._login = 0  # the login by POP that the session stands on
        self._recipients: tuple[str, ...] = ()  # of the envelope
        self._accepted: tuple[str, ...] = ()  # of the envelope that is ready
        self._sent_to: tuple[str, ...] = ()  # of the content

    @classmethod
    async def open(
        cls,
        server: "MailServer",
        helo_name: str,
        *,
        tls: TlsContexts | None = None,
        pop: PopLogins | None = None,
        tokens: Tokens | None = None,
        on_step: Callable[[Step], None] | None = None,
    ) -> "SmtpConnection":
        """Connects, secures and logs in as `server` says.

        `helo_name` counts where the server's settings have none; `tls` and `pop` are shared by the
        connections of one configuration, `tokens` by all; `on_step` is told of every step, as long
        as the connection lives.

        Raises:
            DeliveryFailure: there is no usable session; everything is closed again.
        """
        contexts, logins, login = tls or TlsContexts(), pop or PopLogins(), 0
        loop = asyncio.get_running_loop()
        deadline = loop.time() + server.session_timeout
        steps = Steps(server.address, on_step)
        settings = session_settings(server, helo_name, trace=steps.told_of)
        token = SessionToken(server, tokens or Tokens(), steps, deadline)
        if contexts.unverifiable(server.address, loop.time()):
            settings = fall_back(settings, "certificate") or settings
        if server.pop_before_smtp.enabled:
            login = await logins.before(server, contexts, deadline, on_step)
            steps.begin()
        if server.auth.mechanism == "ntlm":
            await asyncio.to_thread(ntlm.primitives)  # may import them, which takes a while
        addresses = await _resolved(server, deadline, steps)
        while True:
            limit = min(server.timeout, deadline - loop.time())
            sock = await connect(server.address, addresses, limit, steps.failed)
            steps.tell(Stage.CONNECT, True, shown(sock.getpeername()))
            try:
                complete = await token.into(settings)
            except BaseException:
                sock.close()
                raise
            connection = cls(server, complete, deadline, steps)
            try:
                await connection._pump.establish(sock, contexts)
            except DeliveryFailure as raised:
                failure = await _looked_into(raised.failure, server, settings, addresses, steps)
                if login and may_have_forgotten(failure):
                    logins.forgotten(server, login)
                if await token.renewed(failure):
                    continue
                weaker = fall_back(settings, failure.cause)
                if failure.stage is not Stage.TLS or weaker is None:
                    raise DeliveryFailure(failure) from raised.__cause__
                if failure.cause == "certificate":
                    contexts.remember_unverifiable(server.address, loop.time())
                settings = weaker
            else:
                if login:
                    connection._logins, connection._login = logins, login
                return connection
            finally:
                if not connection._session.opened or connection.lost:
                    connection.abort()

    @property
    def capabilities(self) -> Capabilities:
        """What the server offers."""
        return self._session.capabilities

    @property
    def pipelining(self) -> bool:
        """Whether the next envelope goes out behind the content, without waiting for its result."""
        return self._session.capabilities.pipelining

    @property
    def tls(self) -> TlsInfo | None:
        """What is known of the encryption; None without."""
        return self._pump.tls

    @property
    def lost(self) -> bool:
        """Whether the connection is of no more use: lost, refused, closing."""
        return self._session.over or self._closing

    @property
    def reusable(self) -> bool:
        """Whether it may be kept for the next mail: not lost, not half of `session_timeout` old."""
        return not self.lost and self.fresh_for > 0

    @property
    def fresh_for(self) -> float:
        """For how many seconds further mails may be begun; negative if that is over."""
        return self._fresh_until - self._loop.time()

    def forgotten(self, failures: Iterable[Failure]) -> bool:
        """Whether a mail that is refused so is worth another try on a new connection, as the server
        may have forgotten our login by POP: the next connection logs in again.
        """
        return (
            self._logins is not None
            and any(map(may_have_forgotten, failures))
            and self._logins.forgotten(self.server, self._login)
        )

    def refused_all_the_same(self, failures: Iterable[Failure]) -> None:
        """That other try was refused so, too."""
        if self._logins is not None and any(map(may_have_forgotten, failures)):
            self._logins.in_vain(self.server)

    def prepare(self, mail: Message, recipients: tuple[str, ...] | None = None) -> None:
        """Queues the envelope of `mail`, to `recipients` (default: all of its own)."""
        self._steps.begin()
        self._recipients = mail.recipients if recipients is None else recipients
        self._pump.happened(self._session.prepare(mail, self._recipients))

    def ask(self, mail: Message) -> None:
        """Queues the question whether the server would take `mail`: an envelope without DATA. Its
        `ready()` ends the transaction.
        """
        self._steps.begin()
        self._recipients = mail.recipients
        self._pump.happened(self._session.ask(mail, mail.recipients))

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
        self._accepted = self._recipients
        if envelope.refused:
            self._accepted = tuple(r for r in self._recipients if r not in envelope.refused)
        return envelope.refused

    def send_content(self) -> "asyncio.Future[dict[str, Reply]]":
        """Sends the content; the future has the reply for each recipient that was not refused."""
        finishing: asyncio.Future[dict[str, Reply]] = self._loop.create_future()
        self._finishing = finishing
        self._sent_to = self._accepted
        self._pump.happened(self._session.send_content())
        return finishing

    async def close(self) -> None:
        """Says QUIT and closes; at most a few seconds. Idempotent, never raises for the network."""
        self._closing = True
        await self._pump.close()

    def abort(self) -> None:
        """Closes at once, without a word. Idempotent."""
        self._closing = True
        self._pump.abort()

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Envelope):
            for failure in event.refused.values():
                self._steps.failed(failure)
            if event.failure is not None:
                self._steps.failed(event.failure)
            self._envelopes.append(event)
            if self._ready is not None and not self._ready.done():
                self._ready.set_result(None)
        elif isinstance(event, Content):
            if event.failure is not None:
                self._steps.failed(event.failure)
            self._finish(event)
        elif isinstance(event, Answered) and self._steps.told_of:
            self._answered(event.stage, event.reply, event.about)

    def _answered(self, stage: Stage, reply: Reply, mechanism: str) -> None:
        if not answer.is_step(stage, reply):
            return
        warning: Text | None = None
        if stage is Stage.AUTH and not (self.tls is not None and self.tls.verified):
            warning = answer.unprotected(
                mechanism, reusable=sasl.reusable(self.server.auth.mechanism)
            )
        shown = answer.shown(stage, reply, mechanism)
        self._steps.tell(stage, answer.is_yes(stage, reply), shown, warning)

    def _on_tls(self, info: TlsInfo) -> None:
        warning = info.certificate.warning(time.time()) if info.certificate is not None else None
        self._steps.tell(Stage.TLS, True, info.text, warning)

    def _finish(self, content: Content) -> None:
        finishing = self._finishing
        self._finishing = None
        if finishing is None or finishing.done():
            return  # whoever waited for it was cancelled
        if content.reply is not None:
            finishing.set_result(dict.fromkeys(self._sent_to, content.reply))
        elif content.failure is not None:
            finishing.set_exception(DeliveryFailure(content.failure))


async def _resolved(server: "MailServer", deadline: float, steps: Steps) -> list[Address]:
    """The server's addresses; the step is told of. Raises DeliveryFailure."""
    limit = min(server.timeout, deadline - asyncio.get_running_loop().time())
    try:
        addresses = await resolve(server.host, server.port, limit)
    except DeliveryFailure as raised:
        steps.failed(raised.failure)
        raise
    steps.tell(Stage.RESOLVE, True, ", ".join(shown(address) for _, address in addresses))
    return addresses


async def _looked_into(
    failure: Failure,
    server: "MailServer",
    settings: SessionSettings,
    addresses: list[Address],
    steps: Steps,
) -> Failure:
    """Tells of the step that failed; with its certificate, if that was the reason and somebody is
    told.
    """
    ended = asyncio.get_running_loop().time()
    if failure.cause == "certificate" and steps.told_of:
        anonymous = Session(replace(settings, credentials=None, trace=False))
        failure = replace(failure, certificate=await certificate_of(server, anonymous, addresses))
    steps.failed(failure, ended)
    return failure
