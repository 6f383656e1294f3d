"""What can fail on the way to a mail server, and the self-test's words for it.

What follows from a failure is not said here but in `verdict.py`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from zaiond.errors import ZaiondError
from zaiond.smtp.reply import Reply
from zaiond.text import Text


class Stage(StrEnum):
    """How far it came: the step whose answer failed, or failed to come."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"  # the handshake, whether implicit or after STARTTLS
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"  # the command and its reply
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"  # from the final dot to its reply
    QUIT = "quit"
    SESSION = "session"  # the deadline of the session in all


Cause = Literal[
    "reply",  # the server said no: `reply` is set
    "no_name",
    "dns_later",
    "refused",
    "timeout",
    "reset",
    "net_unreachable",
    "host_unreachable",
    "os_error",  # another error of the system: `detail` has its words
    "closed",  # the server ended the connection
    "tls",  # the handshake failed
    "certificate",  # its certificate could not be verified
    "tls_not_offered",
    "injection",  # bytes behind the 220 of STARTTLS, which are not the server's
    "no_mechanism",  # `detail` has the mechanisms that the server offers
    "unprotected",  # a reusable secret would cross an unprotected connection
    "protocol",  # no SMTP reply, or one that fits nothing that was sent
    "smtputf8",  # an address or a header needs SMTPUTF8, which is not offered
    "too_big",  # larger than the server's SIZE
    "address",  # not an address that could be put into a command
]


_WORDS: dict[Cause, str] = {
    "reply": "refused",
    "no_name": "no such name",
    "dns_later": "no answer from DNS",
    "refused": "connection refused",
    "timeout": "timed out",
    "reset": "connection reset",
    "net_unreachable": "network unreachable",
    "host_unreachable": "host unreachable",
    "os_error": "error of the system",
    "closed": "connection closed",
    "tls": "handshake failed",
    "certificate": "certificate not verified",
    "tls_not_offered": "TLS not offered",
    "injection": "tampered with",
    "no_mechanism": "no common mechanism",
    "unprotected": "the password would be unprotected",
    "protocol": "not understood",
    "smtputf8": "SMTPUTF8 not offered",
    "too_big": "too big for the server",
    "address": "not an address",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What happened. `server` is `host:port`; `detail` more of it in English, never a secret.

    `reused` says that the connection had carried a mail before: then its loss says nothing about
    the server.
    """

    stage: Stage
    server: str
    cause: Cause
    reply: Reply | None = None
    detail: str = ""
    reused: bool = False

    @property
    def said(self) -> str:
        """One printable line for `history`: the server's words if it spoke, else the cause."""
        if self.reply is None:
            detail = self.detail
        elif self.cause == "reply":
            return self.reply.text
        else:
            detail = f"{self.detail}: {self.reply.text}"
        words = f"{self.stage}: {_WORDS[self.cause]}"
        return f"{words} ({detail})" if detail else words


class DeliveryFailure(ZaiondError):  # noqa: N818  (it carries a Failure)
    """A mail or a connection failed; `failure` says how, `judge` what follows."""

    def __init__(self, failure: Failure) -> None:
        line = f"{failure.server}: {failure.said}"
        super().__init__(Text(ja=line, en=line))
        self.failure = failure


_SOCKET_CODES: dict[Cause, int] = {
    "no_name": 11001,
    "dns_later": 11002,
    "refused": 10061,
    "timeout": 10060,
    "reset": 10054,
    "closed": 10054,
    "net_unreachable": 10051,
    "host_unreachable": 10065,
}
_REASONS: dict[Stage, str] = {
    Stage.RESOLVE: "Cant connect Server",
    Stage.CONNECT: "Cant connect Server",
    Stage.TLS: "Cant start TLS",
    Stage.STARTTLS: "Cant start TLS",
    Stage.GREETING: "Server refused",
    Stage.EHLO: "Server refused",
    Stage.AUTH: "Auth failed",
    Stage.MAIL: "Sender refused",
    Stage.RCPT: "Recipient refused",
    Stage.DATA: "Message refused",
    Stage.CONTENT: "Message refused",
    Stage.QUIT: "Connection lost",
    Stage.SESSION: "Timed out",
}


def self_test_reason(failure: Failure) -> tuple[str, int]:
    """REASON and CODE of the self-test's error line (the table of the interface, section 6)."""
    stage, cause = failure.stage, failure.cause
    code = failure.reply.code if failure.reply is not None else 0
    if stage in (Stage.RESOLVE, Stage.CONNECT):
        return _REASONS[stage], _SOCKET_CODES.get(cause, 0)
    if cause in ("no_mechanism", "unprotected"):
        return "Auth not possible", 0
    if stage in (Stage.TLS, Stage.STARTTLS) or cause in ("tls", "certificate", "tls_not_offered"):
        return "Cant start TLS", code
    if cause == "timeout":
        return "Timed out", 10060
    if cause in ("closed", "reset", "os_error"):
        return "Connection lost", 10054
    if cause == "too_big":
        return "Message refused", 0
    return _REASONS[stage], code
