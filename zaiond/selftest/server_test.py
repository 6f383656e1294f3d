"""One mail server's part in the self-test: its connection, and what it made of each mail."""

import re
from dataclasses import dataclass, field

from zaiond.config.schema import MailServer
from zaiond.model import Message
from zaiond.net.connection import SmtpConnection
from zaiond.net.context import ConnectionContext
from zaiond.net.trace import Step
from zaiond.smtp.syntax import Reply, printable
from zaiond.smtp.verdict import DeliveryFailure, Failure, Scope, judge

# RFC 5321 4.2.5 leaves the words to the server. In this order: who says two of them says the
# better one first.
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rb"\bqueued (?:as|with id):? <?([a-z0-9][\w.@+-]*)",  # Postfix, and most of the rest
        rb"\bid=([a-z0-9][\w-]*)",  # Exim
        rb"\[internalid=(\d+)",  # Exchange since 2007, Microsoft 365
        rb"(<[^<>\s]+>) queued mail for delivery",  # Exchange before, IIS
        rb"(?:^|\s)([a-z0-9]{8,}) message accepted for delivery",  # Sendmail, OpenSMTPD
        rb"\bok (\d+ qp \d+)",  # qmail
        rb"\bok +\d+ (\S+) - gsmtp\b",  # Google
        rb"\bmessage queued \(([0-9a-f][0-9a-f.-]+)\)",  # Haraka
        rb"^(?:2\.\d+\.\d+ +)?ok[.:]? +([0-9a-z][0-9a-z.-]{15,})$",  # Amazon SES, Courier
    )
)


@dataclass(slots=True)
class ServerTestResult:
    """What one server made of one mail."""

    server: str
    keys: str  # the dotted key of its settings
    failure: Failure | None = None
    queue_id: str | None = None
    steps: list[Step] = field(default_factory=list)


class ServerTest:
    """One server. Its connection is kept from address to address; if it failed, it stays so."""

    def __init__(self, server: MailServer, keys: str, context: ConnectionContext) -> None:
        self._server = server
        self._keys = keys
        self._context = context
        self._connection: SmtpConnection | None = None
        self._unusable: Failure | None = None
        self._steps: list[Step] = []

    async def run(self, mail: Message, *, only_ask: bool) -> ServerTestResult:
        """Sends the mail, or asks whether the server would take it."""
        if self._unusable is not None:
            del self._steps[:-1]  # as the last step ended, it ends for the other addresses
        else:
            self._steps = []
        tried = ServerTestResult(self._server.address, self._keys)
        tried.failure = await self._try(mail, tried, only_ask=only_ask)
        tried.steps = list(self._steps)
        return tried

    async def _try(
        self, mail: Message, tried: ServerTestResult, *, only_ask: bool
    ) -> Failure | None:
        """As the daemon's `Sender`: on a new connection at once, if it is only the kept one that is
        lost, or the server has forgotten our login by POP.
        """
        again = False
        while True:
            try:
                connection = await self._connected()
            except DeliveryFailure as error:
                self._unusable = error.failure
                return error.failure
            failures, reply = await _sent(connection, mail, only_ask=only_ask)
            if not failures:
                tried.queue_id = queue_id(reply) if reply is not None else None
                return None
            if again:
                connection.refused_all_the_same(failures)
            elif connection.login_expired(failures):
                again = True
                await self.end()
                continue
            if judge(failures[0]).scope is not Scope.SESSION:
                return failures[0]

    async def _connected(self) -> SmtpConnection:
        if self._unusable is not None:
            raise DeliveryFailure(self._unusable)
        if self._connection is None or self._connection.lost:
            await self.end()
            self._connection = await SmtpConnection.open(
                self._server, self._context, lambda step: self._steps.append(step)
            )
        return self._connection

    async def end(self) -> None:
        """Closes the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


async def _sent(
    connection: SmtpConnection, mail: Message, *, only_ask: bool
) -> tuple[list[Failure], Reply | None]:
    """What the server made of the mail, which has one recipient: its failure, or its reply, if it
    wasn't only asked.
    """
    if only_ask:
        connection.ask(mail)
    else:
        connection.prepare(mail)
    try:
        refused = await connection.ready()
        if refused or only_ask:
            return list(refused.values()), None
        (reply,) = (await connection.send_content()).values()
    except DeliveryFailure as error:
        return [error.failure], None
    return [], reply


def queue_id(reply: Reply) -> str | None:
    """The name that the server gives to a mail it has taken, by which its administrator can search;
    printable; None if there is none to be seen.
    """
    said = b" ".join(line.strip() for line in reply.shown)
    for form in _FORMS:
        found = form.search(said)
        if found is not None:
            return printable(found[1].rstrip(b"."))
    return None
