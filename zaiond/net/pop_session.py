"""POP before SMTP: one login, over the network. Loaded only where it is configured."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from zaiond.net.certificate import certificate_of
from zaiond.net.connect import at_each, connect_to, resolve
from zaiond.net.credentials import add_secrets
from zaiond.net.memory import Address, ServerMemories
from zaiond.net.pump import Pump
from zaiond.net.tls import TlsContexts, TlsInfo
from zaiond.net.trace import Step, Trace
from zaiond.pop3 import Pop3, Pop3Event, Pop3Settings
from zaiond.smtp import step_text
from zaiond.smtp.events import LoggedIn
from zaiond.smtp.failure import DeliveryFailure, Stage
from zaiond.smtp.mask import Mask
from zaiond.text import Text

if TYPE_CHECKING:
    from zaiond.config.schema import MailServer


def pop_server(server: "MailServer") -> "MailServer":
    """The POP server, in the shape of the mail server that wants the login."""
    pop = server.pop_before_smtp
    return replace(server, host=pop.host or server.host, port=pop.port, security=pop.security)


async def log_in(
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
    there = pop_server(server)
    steps = Trace(there.address, on_step)
    memory = memories.of(there.address)
    add_secrets(server, mask)

    async def log_in_at(address: Address, limit: float, until: float) -> Address:
        await _log_in_at(address, server, contexts, mask, min(until, deadline), limit, steps)
        return address

    try:
        limit = min(server.timeout, deadline - loop.time())
        found = await resolve(there.host, there.port, limit)
        address = await at_each(
            memory.in_order(found, loop.time()),
            log_in_at,
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
    steps: Trace,
) -> None:
    """One login at one address, `limit` seconds for connecting. Raises DeliveryFailure."""
    pop, auth = server.pop_before_smtp, server.auth
    there = pop_server(server)
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
        if failure.cause == "certificate" and steps.enabled:
            anonymous = Pop3(replace(settings, username="", password=""))
            certificate = await certificate_of(there, anonymous, [address])
            failure = replace(failure, certificate=certificate)
        raise DeliveryFailure(failure) from raised


def _told(login: LoggedIn, encryption: TlsInfo | None) -> tuple[Text, Text | None]:
    """How a login went, and its warning."""
    warning: Text | None = None
    if encryption is None:
        how = Text("暗号化なし", "not encrypted")
        warning = step_text.unprotected(
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
