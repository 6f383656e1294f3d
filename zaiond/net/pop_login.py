"""POP before SMTP: which servers we have logged in to by POP, and the logging in."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from zaiond.net.certificate import certificate_of
from zaiond.net.connect import at_each, connect_to, resolve
from zaiond.net.login import add_secrets
from zaiond.net.memory import Address, ServerMemories
from zaiond.net.pump import Pump
from zaiond.net.steps import Step, Steps
from zaiond.net.tls import TlsContexts, TlsInfo
from zaiond.pop3 import LoggedIn, Pop3, Pop3Event, Pop3Settings
from zaiond.smtp import answer
from zaiond.smtp.failure import DeliveryFailure, Failure, Stage
from zaiond.smtp.mask import Mask
from zaiond.text import Text

if TYPE_CHECKING:
    from zaiond.config.schema import MailServer

# Servers are known to remember for 5 to 60 minutes. Those that do for less cost a refusal, a login
# and a new connection now and then.
REMEMBERED = 240.0
# What a server refuses in spite of a new login is refused for another reason, and so is what
# follows: for so long no login is tried again on its account.
IN_VAIN = 30.0


@dataclass(slots=True)
class _Login:
    """What is known of one server. `number` counts the tries, `at` is when the last one succeeded,
    `failure` what became of it if it didn't.
    """

    number: int = 0
    at: float = float("-inf")
    failure: Failure | None = None
    believed_until: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class PopLogins:
    """The logins of one configuration: with a new configuration comes a new object.

    Sessions side by side, and those that follow, share a login; there is one at a time.
    """

    def __init__(self) -> None:
        self._logins: dict[str, _Login] = {}

    async def before(
        self,
        server: "MailServer",
        contexts: TlsContexts,
        memories: ServerMemories,
        mask: Mask,
        deadline: float,
        on_step: Callable[[Step], None] | None = None,
    ) -> int:
        """Logs in, unless that was done not long ago and the server hasn't forgotten it since.

        Returns the number of the login, for `forgotten`; `on_step` is told how it went.
        `deadline`: in the loop's time, for the whole of it.

        Raises:
            DeliveryFailure: of stage POP.
        """
        loop = asyncio.get_running_loop()
        login = self._logins.setdefault(server.address, _Login())
        seen = login.number
        async with login.lock:
            if login.number != seen:  # it was tried while we waited: that counts for us, too
                if login.failure is not None:
                    raise DeliveryFailure(login.failure)
                return login.number
            since = loop.time() - login.at
            if since < REMEMBERED:
                Steps(_at(server).address, on_step).tell(Stage.POP, True, _remembered(since))
                return login.number
            failure: Failure | None = None
            try:
                await _log_in(server, contexts, memories, mask, deadline, on_step)
            except DeliveryFailure as raised:
                failure = raised.failure
            login.number += 1
            login.failure = failure
            if failure is not None:
                raise DeliveryFailure(failure)
            login.at = loop.time()
            return login.number

    def forgotten(self, server: "MailServer", number: int) -> bool:
        """The server refuses us as if it had forgotten login `number`: whether a mail is worth
        another try after a new one, which the next session then brings.
        """
        login = self._logins.get(server.address)
        if login is None or asyncio.get_running_loop().time() < login.believed_until:
            return False
        if login.number == number:
            login.at = float("-inf")
        return True

    def in_vain(self, server: "MailServer") -> None:
        """The new login that `forgotten` asked for didn't help."""
        login = self._logins.get(server.address)
        if login is not None:
            login.believed_until = asyncio.get_running_loop().time() + IN_VAIN


def _at(server: "MailServer") -> "MailServer":
    """The POP server, in the shape of the mail server that wants the login."""
    pop = server.pop_before_smtp
    return replace(server, host=pop.host or server.host, port=pop.port, security=pop.security)


def _remembered(since: float) -> Text:
    return Text(
        f"{since:.0f} 秒前のログインを使います",
        f"logged in {since:.0f} s ago, which holds",
    )


async def _log_in(
    server: "MailServer",
    contexts: TlsContexts,
    memories: ServerMemories,
    mask: Mask,
    deadline: float,
    on_step: Callable[[Step], None] | None,
) -> None:
    """One login, with QUIT, at the first address that lets us. Raises DeliveryFailure of stage POP.

    A login that is refused isn't tried at each address: that gets accounts locked.
    """
    loop = asyncio.get_running_loop()
    there = _at(server)
    steps = Steps(there.address, on_step)
    memory = memories.of(there.address)
    add_secrets(server, mask)

    async def log_in(address: Address, limit: float, until: float) -> Address:
        await _log_in_at(address, server, contexts, mask, min(until, deadline), limit, steps)
        return address

    try:
        limit = min(server.timeout, deadline - loop.time())
        found = await resolve(there.host, there.port, limit)
        address = await at_each(
            memory.in_order(found, loop.time()),
            log_in,
            memory=memory,
            connecting=server.timeout,
            deadline=deadline,
            depends_on_address=lambda failure: failure.cause != "err_login",
        )
    except DeliveryFailure as raised:
        failure = replace(raised.failure, stage=Stage.POP)
        steps.failed(failure)
        raise DeliveryFailure(failure) from raised
    memory.worked(address)


async def _log_in_at(
    address: Address,
    server: "MailServer",
    contexts: TlsContexts,
    mask: Mask,
    deadline: float,
    limit: float,
    steps: Steps,
) -> None:
    """One login at one address, `limit` seconds for connecting. Raises DeliveryFailure."""
    pop, auth = server.pop_before_smtp, server.auth
    there = _at(server)
    password = pop.password or auth.password
    settings = Pop3Settings(
        server=there.address,
        security=pop.security,
        username=pop.username or auth.username or "",
        password=password.reveal() if password is not None else "",
        allow_unprotected=auth.allow_unprotected_password,
        mask=mask,
    )
    encryption: TlsInfo | None = None

    def on_tls(info: TlsInfo) -> None:
        nonlocal encryption
        encryption = info

    def on_event(event: Pop3Event) -> None:
        if isinstance(event, LoggedIn):
            steps.tell(Stage.POP, True, *_told(event, encryption))

    try:
        sock = await connect_to(there.address, address, limit)
        pump = Pump(there, Pop3(settings), deadline, on_event, on_tls)
        try:
            await pump.establish(sock, contexts)
            await pump.close()
        finally:
            pump.abort()
    except DeliveryFailure as raised:
        failure = raised.failure
        if failure.cause == "certificate" and steps.told_of:
            anonymous = Pop3(replace(settings, username="", password=""))
            certificate = await certificate_of(there, anonymous, [address])
            failure = replace(failure, certificate=certificate)
        raise DeliveryFailure(failure) from raised


def _told(login: LoggedIn, encryption: TlsInfo | None) -> tuple[Text, Text | None]:
    """How a login went, and its warning."""
    warning: Text | None = None
    if encryption is None:
        how = Text("暗号化なし", "not encrypted")
        warning = answer.unprotected(
            login.method,
            reusable=login.method != "APOP",
            setting="mail_server.pop_before_smtp.security",
        )
    else:
        how = encryption.text
        if encryption.certificate is not None:
            warning = encryption.certificate.warning(time.time())
    words = (f"{login.method} ({each}): {login.said}" for each in how)
    return Text(*words), warning
