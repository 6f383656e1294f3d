"""How an SMTP session opens: greeting, EHLO, STARTTLS, EHLO again, AUTH.

One thing after the other, so it is written as one generator: it yields what is to be said (or that
TLS is to start), and is sent what came of it. `Session` drives it.
"""

import base64
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Literal

from zaiond.smtp import sasl, words
from zaiond.smtp.events import Opened, Opening, Say, StartTls
from zaiond.smtp.failure import Cause, ChallengeError, DeliveryFailure, Failure, Stage
from zaiond.smtp.mask import Mask
from zaiond.smtp.syntax import Capabilities, Reply, printable
from zaiond.smtp.verdict import refuses_login
from zaiond.text import Text

MAX_COMMAND = 512  # RFC 5321 4.5.3.1.4, with its CRLF


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What the machine knows of its server; `server` is `host:port`.

    `verify`: whether certificates are verified; False only after `fall_back`.
    `pipelining`: whether it is used where it is offered.
    `plain`: whether AUTH PLAIN is tried where AUTH LOGIN is offered, too.
    `trace`: whether every reply of a transaction is an event, for the self-test.
    `mask`: what else than the password the server must not be quoted with.
    """

    server: str
    helo_name: str
    security: Literal["none", "opportunistic", "starttls", "tls"] = "opportunistic"
    credentials: sasl.Credentials | None = None
    verify: bool = True
    pipelining: bool = True
    plain: bool = True
    trace: bool = False
    mask: Mask = field(default_factory=Mask, repr=False, compare=False)


def fall_back(settings: SessionSettings, cause: Cause) -> SessionSettings | None:
    """The settings to try on a fresh connection after the TLS handshake failed; None: give up.

    `opportunistic` means: verified if it can be, else unverified, else without TLS (as Postfix's
    `may`). But plain text is of no use where a password must be protected: there the failed
    handshake is the better thing to report.
    """
    if settings.security != "opportunistic":
        return None
    if cause == "certificate" and settings.verify:
        return replace(settings, verify=False)
    return replace(settings, security="none") if plain_text_will_do(settings) else None


def plain_text_will_do(settings: SessionSettings) -> bool:
    """Whether nothing is to be sent that a connection must protect."""
    credentials = settings.credentials
    return credentials is None or sasl.may_send_secret(credentials, verified=False)


def opening(settings: SessionSettings) -> Opening:
    """The dialogue up to the point where mail can be sent.

    It is sent the reply to each `Say`; never one with 421, which ends a session anywhere. Raises
    DeliveryFailure: the session is of no use.
    """
    encrypted = settings.security == "tls"
    greeting = yield Say(Stage.GREETING, b"")
    if greeting.code // 100 != 2:
        raise failed(settings, Stage.GREETING, reply=greeting)
    capabilities = yield from _hello(settings)

    if settings.security in ("opportunistic", "starttls"):
        if capabilities.starttls:
            reply = yield Say(Stage.STARTTLS, b"STARTTLS")
            if reply.code // 100 == 2:
                yield StartTls()
                encrypted = True
                # RFC 3207 4.2: what was learnt before TLS must be forgotten.
                capabilities = yield from _hello(settings)
            elif settings.security == "starttls" or not plain_text_will_do(settings):
                raise failed(settings, Stage.STARTTLS, reply=reply)
        elif settings.security == "starttls":
            raise failed(settings, Stage.STARTTLS, "tls_not_offered")

    if settings.credentials is not None:
        verified = encrypted and settings.verify
        yield from _log_in(settings, settings.credentials, capabilities, verified=verified)
    if not settings.pipelining:
        capabilities = replace(capabilities, pipelining=False)
    return Opened(capabilities)


def _hello(settings: SessionSettings) -> Generator[Say, Reply, Capabilities]:
    name = settings.helo_name.encode("ascii", "replace")
    reply = yield Say(Stage.EHLO, b"EHLO " + name)
    if reply.code // 100 == 2:
        return Capabilities.of(reply)
    # RFC 5321 3.2: it may be a server that knows only HELO. 4.2.1: 50z is said of a command, 55z
    # of who gives it.
    if reply.code // 10 == 50:
        reply = yield Say(Stage.EHLO, b"HELO " + name)
        if reply.code // 100 == 2:
            return Capabilities()
    raise failed(settings, Stage.EHLO, reply=reply)


def _log_in(
    settings: SessionSettings,
    credentials: sasl.Credentials,
    capabilities: Capabilities,
    *,
    verified: bool,
) -> Generator[Say, Reply, None]:
    chosen = sasl.choose(credentials, capabilities.auth)
    if not chosen:
        hide = settings.mask.text
        names = (name if name in sasl.NAMES else hide(name) for name in capabilities.auth)
        detail = words.offers(mechanisms=printable(", ".join(names)) or words.NOTHING)
        raise failed(settings, Stage.AUTH, "no_mechanism", detail=detail)
    if not sasl.may_send_secret(credentials, verified=verified):
        raise failed(settings, Stage.AUTH, "unprotected")
    if not settings.plain:
        chosen = chosen[-1:]
    # Servers are known to offer PLAIN, refuse the right password by it, and take it by LOGIN.
    first: DeliveryFailure | None = None
    for name, exchange in chosen:
        try:
            yield from _authenticate(settings, name, exchange)
        except DeliveryFailure as refused:
            if not refuses_login(refused.failure):
                raise first or refused from None
            # RFC 4954 6: 535 is said of the credentials, all else may be about the mechanism.
            if first is None or (_code(first) != 535 and _code(refused) == 535):
                first = refused
        else:
            return
    if first is not None:
        raise first


def _code(refused: DeliveryFailure) -> int:
    return refused.failure.reply.code if refused.failure.reply is not None else 0


def _authenticate(
    settings: SessionSettings, name: str, exchange: sasl.Exchange
) -> Generator[Say, Reply, None]:
    """One AUTH; returns when the server has taken it."""
    command = b"AUTH " + name.encode()
    response = _base64(next(exchange))
    # RFC 4954 4: an empty initial response is written as "=".
    said = (command,) if response is None else (command, response or b"=")
    if sum(map(len, said)) + len(said) >= MAX_COMMAND:
        # RFC 4954 4: too long to be one; so the server asks for it first.
        reply = yield Say(Stage.AUTH, command, about=name)
        if reply.code // 100 == 3:
            reply = yield Say(Stage.AUTH, response or b"", response or b"", name)
    else:
        reply = yield Say(Stage.AUTH, b" ".join(said), response or b"", name)
    asked = b""
    while reply.code // 100 == 3:
        try:
            asked = sasl.challenge(reply)
            response = _base64(exchange.send(asked)) or b""
        except ChallengeError as error:
            yield Say(Stage.AUTH, b"*", about=name)
            raise failed(settings, Stage.AUTH, "protocol", detail=error.text) from None
        except StopIteration:
            # RFC 4954 4: "*" cancels; the server must answer with 501.
            reply = yield Say(Stage.AUTH, b"*", about=name)
            if reply.code < 400:
                raise failed(settings, Stage.AUTH, "protocol", detail=words.ENDLESS_AUTH) from None
            break
        reply = yield Say(Stage.AUTH, response, response, name)
    if reply.code // 100 != 2:
        detail = sasl.explained(name, asked, settings.mask)
        refused = failed(settings, Stage.AUTH, reply=reply, detail=detail).failure
        raise DeliveryFailure(replace(refused, mechanism=name))


def _base64(response: bytes | None) -> bytes | None:
    return None if response is None else base64.b64encode(response)


def failed(
    settings: SessionSettings,
    stage: Stage,
    cause: Cause = "reply",
    *,
    reply: Reply | None = None,
    detail: str | Text = "",
) -> DeliveryFailure:
    """That it failed with the settings' server."""
    return DeliveryFailure(Failure.of(stage, settings.server, cause, reply, detail))
