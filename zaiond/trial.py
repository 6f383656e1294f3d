"""One mail server's part in the self-test: its connection, and what it made of each mail."""

from dataclasses import dataclass, field

from zaiond.config.schema import MailServer
from zaiond.model import Message
from zaiond.net.connection import SmtpConnection
from zaiond.net.pop_login import PopLogins
from zaiond.net.steps import Step
from zaiond.net.tls import TlsContexts
from zaiond.net.tokens import Tokens
from zaiond.smtp.queue_id import queue_id
from zaiond.smtp.verdict import DeliveryFailure, Failure, Scope, judge


@dataclass(slots=True)
class Tried:
    """What one server made of one mail."""

    server: str
    keys: str  # the dotted key of its settings
    failure: Failure | None = None
    queue_id: str | None = None
    steps: list[Step] = field(default_factory=list)


class Trial:
    """One server. Its connection is kept from address to address; if it failed, it stays so."""

    def __init__(
        self, server: MailServer, keys: str, helo_name: str, contexts: TlsContexts, tokens: Tokens
    ) -> None:
        self._server = server
        self._keys = keys
        self._helo_name = helo_name
        self._contexts = contexts
        self._logins = PopLogins()
        self._tokens = tokens
        self._connection: SmtpConnection | None = None
        self._unusable: Failure | None = None
        self._steps: list[Step] = []

    async def run(self, mail: Message, *, only_ask: bool) -> Tried:
        """Sends the mail, or asks whether the server would take it."""
        if self._unusable is not None:
            del self._steps[:-1]  # as the last step ended, it ends for the other addresses
        else:
            self._steps = []
        tried = Tried(self._server.address, self._keys)
        while True:
            tried.failure = await self._try(mail, tried, only_ask=only_ask)
            # On a new connection at once, if it is only the kept one that is lost.
            if tried.failure is None or judge(tried.failure).scope is not Scope.SESSION:
                break
        tried.steps = list(self._steps)
        return tried

    async def _try(self, mail: Message, tried: Tried, *, only_ask: bool) -> Failure | None:
        try:
            connection = await self._connected()
        except DeliveryFailure as error:
            self._unusable = error.failure
            return error.failure
        if only_ask:
            connection.ask(mail)
        else:
            connection.prepare(mail)
        try:
            refused = await connection.ready()
            if refused or only_ask:
                return next(iter(refused.values()), None)
            (reply,) = (await connection.send_content()).values()
        except DeliveryFailure as error:
            return error.failure
        tried.queue_id = queue_id(reply)
        return None

    async def _connected(self) -> SmtpConnection:
        if self._unusable is not None:
            raise DeliveryFailure(self._unusable)
        if self._connection is None or self._connection.lost:
            await self.end()
            self._connection = await SmtpConnection.open(
                self._server,
                self._helo_name,
                tls=self._contexts,
                pop=self._logins,
                tokens=self._tokens,
                on_step=lambda step: self._steps.append(step),
            )
        return self._connection

    async def end(self) -> None:
        """Closes the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
