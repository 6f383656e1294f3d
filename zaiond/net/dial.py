"""From a mail server's name to an open session: the login by POP that may come before, the look-up,
and then every address in turn (RFC 5321 5.1), until one of them gives a session.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from zaiond.net.context import ConnectionContext
from zaiond.net.credentials import SessionToken, session_settings
from zaiond.net.pump import Pump, with_certificate
from zaiond.net.tls import TlsInfo
from zaiond.net.trace import Step, Trace
from zaiond.smtp import sasl, words
from zaiond.smtp.events import Answered, Event
from zaiond.smtp.failure import DeliveryFailure, Failure, Stage
from zaiond.smtp.handshake import SessionSettings, fall_back, plain_text_will_do
from zaiond.smtp.session import Session
from zaiond.smtp.syntax import Reply
from zaiond.smtp.verdict import may_have_forgotten, refuses_login
from zaiond.sockets import Address, connect_to, resolve, shown
from zaiond.text import Text

if TYPE_CHECKING:
    from zaiond.config.schema import MailServer

_STAGES = list(Stage)  # in the order in which they come


class Link(Pump):
    """A session with one address; the steps of it go to `trace`.

    `plain_refused`: the reply by which AUTH PLAIN was refused for good.
    """

    def __init__(
        self,
        server: "MailServer",
        session: Session,
        address: Address,
        deadline: float,
        trace: Trace,
        on_event: Callable[[Event], None],
    ) -> None:
        super().__init__(server, session, deadline, on_event)
        self.address = address
        self.plain_refused: Reply | None = None
        self._mechanism = server.auth.mechanism
        self._trace = trace

    def answered(self, event: Answered) -> None:
        if event.about == "PLAIN" and event.reply.code >= 500:
            self.plain_refused = event.reply
        if not self._trace.enabled or not event.ends_step:
            return
        warning: Text | None = None
        if event.stage is Stage.AUTH and not (self.tls is not None and self.tls.verified):
            is_plaintext = sasl.is_plaintext(self._mechanism)
            told = words.password_unprotected if is_plaintext else words.login_unprotected
            warning = told(mechanism=event.about, setting="mail_server.security")
        self._trace.record(event.stage, event.ok, event.text, warning)

    def encrypted(self, info: TlsInfo) -> None:
        warning = info.certificate.warning(time.time()) if info.certificate is not None else None
        self._trace.record(Stage.TLS, True, info.text, warning)


class Dialer:
    """Opens the sessions of one connection. `deadline`, in the loop's time, is for all of them.

    `login` is the number of the login by POP that they stand on, which `log_in` gives, 0 without;
    `settings` those of the sessions, which are made by `machine`.
    """

    def __init__(
        self,
        server: "MailServer",
        context: ConnectionContext,
        deadline: float,
        on_step: Callable[[Step], None] | None,
        on_event: Callable[[Event], None],
        machine: type[Session] = Session,
        log_in: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        self.settings: SessionSettings
        self.addresses: list[Address] = []
        self.login = 0
        self._login_renewed = False
        self.trace = Trace(server.address, on_step)
        self.memory = context.servers[server.address]
        self._server = server
        self._context = context
        self._deadline = deadline
        self._on_event = on_event
        self._machine = machine
        self._log_in = log_in
        self._loop = asyncio.get_running_loop()
        self._token = SessionToken(server, context.tokens, self.trace, deadline)

    async def prepare(self) -> None:
        """What comes before the first session. Raises DeliveryFailure of stage POP or RESOLVE."""
        server, context = self._server, self._context
        mask = context.masks.of(server.address)
        helo_name = server.helo_name or (await context.names()).fqdn
        self.settings = session_settings(server, helo_name, mask, trace=self.trace.enabled)
        await self._log_in_by_pop()
        await self.look_up()

    async def look_up(self) -> None:
        """Finds the addresses of the server. Raises DeliveryFailure of stage RESOLVE."""
        server = self._server
        limit = min(server.timeout, self._deadline - self._loop.time())
        try:
            self.addresses = await resolve(server.host, server.port, limit)
        except DeliveryFailure as raised:
            self.trace.failed(raised.failure)
            raise
        self.trace.record(Stage.RESOLVE, True, ", ".join(map(shown, self.left(set()))))

    def left(self, tried: set[Address]) -> list[Address]:
        """The addresses that were not tried yet, in the order in which to try them."""
        in_order = self.memory.in_order(self.addresses, self._loop.time())
        return [address for address in in_order if address not in tried]

    async def dial(self, tried: set[Address]) -> Link:
        """A session with the first address that gives one, of those that are `left`; puts into
        `tried` which were tried. Raises DeliveryFailure: none gives one; the most telling of the
        failures.
        """

        loop, deadline = self._loop, self._deadline
        addresses = self.left(tried)
        connecting = min(self._server.timeout, deadline - loop.time())
        failures: list[Failure] = []
        for index, address in enumerate(addresses):
            now, left = loop.time(), len(addresses) - index
            if failures and now >= deadline:
                break
            tried.add(address)
            try:  # in an equal share of the time that is left
                return await self.session(address, connecting / left, now + (deadline - now) / left)
            except DeliveryFailure as raised:
                failures.append(raised.failure)
                if not _depends_on_address(raised.failure):
                    break
                self.memory.failed(address, loop.time())
                if raised.failure.stage is Stage.CONNECT:
                    connecting -= loop.time() - now
        raise DeliveryFailure(max(failures, key=_tells))

    async def session(
        self, address: Address, limit: float | None = None, until: float | None = None
    ) -> Link:
        """A session with this address. `limit`: the seconds for connecting; `until`: when it must
        be open, in the loop's time. Raises DeliveryFailure: there is none; nothing is left open.
        """
        memory, tls = self.memory, self._context.tls
        settings = replace(self.settings, pipelining=memory.pipelining, plain=memory.plain)
        ca_file, now = self._server.ca_file, self._loop.time()
        if tls.unverifiable(self._key(address), ca_file, now):
            settings = fall_back(settings, "certificate") or settings
        limit = min(self._server.timeout, self._deadline - now) if limit is None else limit
        try:
            link = await self._opened(address, settings, limit, until)
        except _LoginLeft as left:
            settings = replace(settings, plain=False)
            try:
                link = await self._opened(address, settings, limit, until)
            except DeliveryFailure:
                raise left from None
            memory.plain = False
        except DeliveryFailure as raised:
            if refuses_login(raised.failure):
                memory.plain = True
            raise
        if link.plain_refused is not None:
            memory.plain = False
        return link

    async def _opened(
        self, address: Address, settings: SessionSettings, limit: float, until: float | None
    ) -> Link:
        """A session with this address, by weaker settings and on further connections where need be.

        Raises DeliveryFailure; _LoginLeft.
        """
        tls, server = self._context.tls, self._server
        while True:
            sock = await self._connected(address, limit)
            try:
                complete = await self._token.apply_to(settings)
            except BaseException:
                sock.close()
                raise
            link = Link(
                server, self._machine(complete), address, self._deadline, self.trace, self._on_event
            )
            try:
                await link.establish(sock, tls, until)
            except DeliveryFailure as raised:
                failure = await self._looked_into(raised.failure, settings, address)
                otherwise = await self._otherwise(failure, link, settings)
                if otherwise is None:
                    raise DeliveryFailure(failure) from raised.__cause__
                settings = otherwise
            else:
                encryption = link.tls
                if (
                    encryption is None
                    or encryption.verified
                    or not tls.is_another(self._key(address), encryption.der)
                ):
                    return link
                await link.close()
                settings = replace(settings, verify=True)
            finally:
                if not link.session.opened or link.session.over:
                    link.abort()

    async def _otherwise(
        self, failure: Failure, link: Link, settings: SessionSettings
    ) -> SessionSettings | None:
        """The settings that are worth another connection to the same address; None: there are none.

        Raises DeliveryFailure; _LoginLeft.
        """
        if self.login and may_have_forgotten(failure):
            return settings if await self._logged_in_anew() else None
        if await self._token.renewed(failure):
            return settings
        if (
            link.plain_refused is not None
            and failure.stage is Stage.AUTH
            and not refuses_login(failure)
        ):
            raise _LoginLeft(replace(failure, cause="reply", reply=link.plain_refused, detail=""))
        weaker = fall_back(settings, failure.cause)
        if failure.stage is not Stage.TLS or weaker is None:
            return None
        if failure.cause == "certificate" and plain_text_will_do(settings):
            key = self._key(link.address)
            self._context.tls.remember_unverifiable(key, self._loop.time())
        return weaker

    async def _logged_in_anew(self) -> bool:
        """Whether there is another login by POP, which is worth another connection: once.

        Raises DeliveryFailure of stage POP.
        """
        now = self._loop.time()
        if self._login_renewed:
            self.memory.pop.retry_failed(now)
            return False
        if not self.memory.pop.expired(self.login, now):
            return False
        self._login_renewed = True
        await self._log_in_by_pop()
        return True

    async def _log_in_by_pop(self) -> None:
        if self._log_in is not None:
            self.login = await self._log_in()
            self.trace.begin()

    async def _connected(self, address: Address, limit: float) -> socket.socket:
        try:
            sock = await connect_to(self._server.address, address, limit)
        except DeliveryFailure as raised:
            self.trace.failed(raised.failure)
            raise
        self.trace.record(Stage.CONNECT, True, shown(address))
        return sock

    async def _looked_into(
        self, failure: Failure, settings: SessionSettings, address: Address
    ) -> Failure:
        """Tells of the step that failed; with its certificate, if that was the reason and somebody
        is told.
        """
        ended = self._loop.time()
        if self.trace.enabled:
            anonymous = self._machine(replace(settings, credentials=None, trace=False))
            failure = await with_certificate(failure, self._server, anonymous, address)
        self.trace.failed(failure, ended)
        return failure

    def _key(self, address: Address) -> object:
        return self._server.address, address[1][0]


class _LoginLeft(DeliveryFailure):
    """PLAIN was refused, and the connection lost before LOGIN was; `failure` is that refusal."""


def _depends_on_address(failure: Failure) -> bool:
    """Whether it may be otherwise at another address of the server. A login that is refused isn't
    tried at each: that gets accounts locked.
    """
    if failure.stage is Stage.TOKEN or failure.cause == "err_login":
        return False
    return not refuses_login(failure)


def _tells(failure: Failure) -> tuple[int, bool]:
    """How much a failure tells: the one that came furthest, and not so much that an IPv6 address
    can't be reached.
    """
    is_reached = failure.cause not in ("net_unreachable", "host_unreachable")
    return _STAGES.index(failure.stage), is_reached
