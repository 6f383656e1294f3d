"""Sends the test mail, and says in exact words how that went (interface 6): the document of
`zaiond-ctl test --json`.

The daemon runs it for the control socket, zaiond-ctl runs it by itself where no daemon runs.

The mail goes out as the daemon would send it: by the first server that takes it. The servers behind
that one are tested too, up to the answer to the recipient and without a second mail, so that the
one that is needed some day is not found broken on that day.
"""

import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from zaiond.config.forms import fill_names
from zaiond.config.schema import Config, MailServer
from zaiond.message.compose import message_id_for, test_mail
from zaiond.model import Message
from zaiond.net.connection import SmtpConnection
from zaiond.net.context import ConnectionContext
from zaiond.net.trace import Step
from zaiond.selftest import words
from zaiond.selftest.advice import hint, of_server, reason
from zaiond.smtp.syntax import Reply, printable
from zaiond.smtp.verdict import DeliveryFailure, Failure, Scope, judge
from zaiond.text import Language

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


async def self_test(
    config: Config,
    addresses: Sequence[str],
    context: ConnectionContext,
    *,
    language: Language | None = None,
    on_step: Callable[[dict[str, Any]], None] = lambda _: None,
) -> dict[str, Any]:
    """Sends the test mail to each address in turn (none: to the admins), by `config`.

    The mail servers are tried in their order, as the daemon would. Returns the document of
    `test --json`; `line`, `hint`, `detail` and `warning` are in `language` (None: the
    configuration's, as the mails are). `on_step` is told of each step as it ends.
    `context` is the one of the daemon's own connections by `config`, if there is a daemon: so the
    test goes the way that its mail goes. Raises AddressError where an address is none; then nothing
    was sent.
    """
    language = language or config.language
    names = await context.names()
    sender = fill_names(config.sender, host=names.host, fqdn=names.fqdn)
    mails = [
        test_mail(
            recipient=address,
            sender=sender,
            language=config.language,
            charset=config.charset,
            message_id=message_id_for(f"test.{secrets.token_hex(12)}", names.fqdn),
            date=time.time(),
        )
        for address in addresses or config.admins
    ]
    tests = [
        _ServerTest(
            # The reply to the final dot is waited for by a person here.
            replace(server, final_timeout=server.timeout),
            f"fallback_mail_servers[{index - 1}]" if index else "mail_server",
            context,
            language,
            on_step,
        )
        for index, server in enumerate(config.mail_servers)
    ]
    try:
        return {"results": [await _result(mail, tests, language) for mail in mails]}
    finally:
        for test in tests:
            await test.end()


class _Tried(NamedTuple):
    """What one server made of one mail; `keys` is the dotted key of its settings."""

    server: str
    keys: str
    failure: Failure | None
    queue_id: str | None
    steps: list[dict[str, Any]]


class _ServerTest:
    """One server. Its connection is kept from address to address; if it failed, it stays so."""

    def __init__(
        self,
        server: MailServer,
        keys: str,
        context: ConnectionContext,
        language: Language,
        on_step: Callable[[dict[str, Any]], None],
    ) -> None:
        self._server = server
        self._keys = keys
        self._context = context
        self._language: Language = language
        self._on_step = on_step
        self._connection: SmtpConnection | None = None
        self._unusable: Failure | None = None
        self._steps: list[dict[str, Any]] = []

    def _took(self, step: Step) -> None:
        self._steps.append(_step(step, self._keys, self._language))
        self._on_step(self._steps[-1])

    async def run(self, mail: Message, *, only_ask: bool) -> _Tried:
        if self._unusable is not None:
            del self._steps[:-1]  # as the last step ended, it ends for the other addresses
        else:
            self._steps = []
        failure, reply = await self._try(mail, only_ask=only_ask)
        queued = None if reply is None else queue_id(reply)
        return _Tried(self._server.address, self._keys, failure, queued, list(self._steps))

    async def _try(self, mail: Message, *, only_ask: bool) -> tuple[Failure | None, Reply | None]:
        """As the daemon's `Sender`: on a new connection at once, if it is only the kept one that is
        lost, or the server has forgotten our login by POP.
        """
        again = False
        while True:
            try:
                connection = await self._connected()
            except DeliveryFailure as error:
                self._unusable = error.failure
                return error.failure, None
            failures, reply = await _sent(connection, mail, only_ask=only_ask)
            if not failures:
                return None, reply
            if again:
                connection.refused_all_the_same(failures)
            elif connection.login_expired(failures):
                again = True
                await self.end()
                continue
            if judge(failures[0]).scope is not Scope.SESSION:
                return failures[0], None

    async def _connected(self) -> SmtpConnection:
        if self._unusable is not None:
            raise DeliveryFailure(self._unusable)
        if self._connection is None or self._connection.lost:
            await self.end()
            self._connection = await SmtpConnection.open(self._server, self._context, self._took)
        return self._connection

    async def end(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


async def _result(
    mail: Message, tests: Sequence[_ServerTest], language: Language
) -> dict[str, Any]:
    tried: list[_Tried] = []
    decided: _Tried | None = None
    for test in tests:
        one = await test.run(mail, only_ask=decided is not None)
        tried.append(one)
        if decided is None and (one.failure is None or not judge(one.failure).fails_over):
            decided = one
    last = decided or tried[-1]
    told = _told(last, mail, language)
    return {
        "address": mail.recipients[0],
        **{key: told[key] for key in ("ok", "server", "reason", "code")},
        "line": told["line"] or words.SENT.in_language(language),
        "hint": told["hint"],
        "queue_id": last.queue_id,
        "steps": [step for each in tried for step in each.steps],
        "servers": [_told(each, mail, language) for each in tried],
    }


def _told(tried: _Tried, mail: Message, language: Language) -> dict[str, Any]:
    failure = tried.failure
    if failure is None:
        return {
            "server": tried.server, "ok": True, "reason": None, "code": None,
            "line": None, "hint": None,
        }  # fmt: skip
    why, code = reason(failure)
    server = failure.server  # the POP server, if it was that
    envelope = f"{server} {mail.recipients[0]} {mail.reverse_path}"
    return {
        "server": server,
        "ok": False,
        "reason": why,
        "code": code,
        "line": f"[Error] {words.SEND_ERROR.in_language(language)} {why} {code} {envelope}",
        "hint": hint(failure, tried.keys).in_language(language),
    }


def _step(step: Step, keys: str, language: Language) -> dict[str, Any]:
    warning = None if step.warning is None else of_server(step.warning, keys)
    return {
        "step": step.step,
        "ok": step.ok,
        "seconds": step.seconds,
        "detail": step.detail.in_language(language),
        "server": step.server,
        "warning": warning.in_language(language) if warning is not None else None,
    }


async def _sent(
    connection: SmtpConnection, mail: Message, *, only_ask: bool
) -> tuple[list[Failure], Reply | None]:
    """What the server made of the mail, which has one recipient: its failure, or its reply, if it
    wasn't only asked.
    """
    connection.prepare(mail, asking=only_ask)
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
