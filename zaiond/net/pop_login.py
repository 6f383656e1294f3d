"""POP before SMTP: the login, unless one is remembered. Loaded only where it is configured."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from zaiond.net.context import ConnectionContext
from zaiond.net.credentials import add_secrets
from zaiond.net.dial import Dialer
from zaiond.net.tls import TlsInfo
from zaiond.net.trace import Step, Trace
from zaiond.pop3 import Pop3
from zaiond.smtp import words
from zaiond.smtp.events import Event, LoggedIn
from zaiond.smtp.failure import DeliveryFailure, Stage
from zaiond.smtp.handshake import SessionSettings
from zaiond.smtp.sasl import Credentials
from zaiond.text import Text

if TYPE_CHECKING:
    from zaiond.config.schema import MailServer

# Servers are known to remember for 5 to 60 minutes. Those that do for less cost a refusal, a login
# and a new connection now and then.
REMEMBERED = 240.0


async def log_in(
    server: "MailServer",
    context: ConnectionContext,
    deadline: float,
    on_step: Callable[[Step], None] | None,
) -> int:
    """Logs in, unless that was done not long ago and the server hasn't forgotten it since.

    Returns the number of the login, for `PopLogin.expired`; `on_step` is told how it went.
    `deadline`: in the loop's time, for the whole of it. Raises DeliveryFailure of stage POP.
    """
    loop = asyncio.get_running_loop()
    pop = server.pop_before_smtp
    there = replace(server, host=pop.host or server.host, port=pop.port, security=pop.security)
    trace = Trace(there.address, on_step)
    login = context.servers[server.address].pop
    seen = login.number
    async with login.lock:
        if login.number != seen:  # it was tried while we waited: that counts for us, too
            if login.failure is not None:
                raise DeliveryFailure(login.failure)
            return login.number
        since = loop.time() - login.at
        if since < REMEMBERED:
            told = (
                f"{since:.0f} 秒前のログインを使います",
                f"logged in {since:.0f} s ago, which holds",
            )
            trace.record(Stage.POP, True, Text(*told))
            return login.number
        login.failure = None
        try:
            await _log_in(server, there, context, deadline, trace)
        except DeliveryFailure as raised:
            login.failure = replace(raised.failure, stage=Stage.POP)
            trace.failed(login.failure)
            login.number += 1
            raise DeliveryFailure(login.failure) from raised
        login.number += 1
        login.at = loop.time()
        return login.number


async def _log_in(
    server: "MailServer",
    there: "MailServer",
    context: ConnectionContext,
    deadline: float,
    trace: Trace,
) -> None:
    """One login, with QUIT, at the first address of `there`, the POP server, that lets us. Raises
    DeliveryFailure.
    """
    auth, pop = server.auth, server.pop_before_smtp
    mask = context.masks.of(server.address)
    add_secrets(server, mask)
    password = pop.password or auth.password
    credentials = Credentials(
        mechanism="basic",
        username=pop.username or auth.username or "",
        password=password.reveal() if password is not None else "",
        allow_unprotected=auth.allow_unprotected_password,
    )
    logged_in: list[Event] = []
    # The session's own steps are not told, but only with a trace is the certificate looked at, of
    # which the one step that is told may have to warn.
    on_step = (lambda _: None) if trace.enabled else None
    dialer = Dialer(there, context, deadline, on_step, logged_in.append, Pop3)
    dialer.settings = SessionSettings(there.address, "", pop.security, credentials, mask=mask)
    await dialer.look_up()
    link = await dialer.dial(set())
    dialer.memory.worked(link.address)
    for event in logged_in:
        if isinstance(event, LoggedIn):
            trace.record(Stage.POP, True, *_told(event, link.tls))
    try:
        await link.close()
    finally:
        link.abort()


def _told(login: LoggedIn, encryption: TlsInfo | None) -> tuple[Text, Text | None]:
    """How a login went, and its warning."""
    warning: Text | None = None
    if encryption is None:
        how = Text("暗号化なし", "not encrypted")
        told = words.login_unprotected if login.method == "APOP" else words.password_unprotected
        setting = "mail_server.pop_before_smtp.security"
        warning = told(mechanism=login.method, setting=setting)
    else:
        how = encryption.text
        if encryption.certificate is not None:
            warning = encryption.certificate.warning(time.time())
    said = (f"{login.method} ({each}): {login.said}" for each in how)
    return Text(*said), warning
