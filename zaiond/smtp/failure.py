"""What can fail on the way to a mail server, in words; and for what a failure may count.

What it means is not said here: `diagnose` recognises it, and `diagnosis` has what follows.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Literal, Self

from zaiond.errors import ZaiondError
from zaiond.smtp import words
from zaiond.smtp.syntax import Reply
from zaiond.text import Text

SOON = 21 * 86400.0  # seconds before its end from which on a certificate is warned of


class Stage(StrEnum):
    """How far it came: the step whose answer failed, or failed to come."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    POP = "pop"  # POP before SMTP, all of it: the look-up, the connection, TLS, the login
    TLS = "tls"  # the handshake, whether implicit or after STARTTLS
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"  # the command and its reply
    TOKEN = "token"  # noqa: S105 (getting one for AUTH)
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"  # from the final dot to its reply
    RSET = "rset"
    QUIT = "quit"
    SESSION = "session"  # the deadline of the session in all
    HAND_OVER = "hand-over"  # of an event, from a member of a fleet to its hubs: no mail at all


class Scope(Enum):
    """For what a verdict holds."""

    SESSION = "session"  # this connection only: a new one to the same server may be tried at once
    SERVER = "server"  # this server: the next one; if there is none, the outcome
    MESSAGE = "message"  # this message, all of its recipients; the others go on
    RECIPIENT = "recipient"  # this recipient of this message


Outcome = Literal["deferred", "held", "ambiguous"]
Cause = Literal[
    "reply", "err", "err_login", "no_name", "dns_later", "refused", "timeout", "reset",
    "net_unreachable", "host_unreachable", "os_error", "closed", "tls", "certificate",
    "tls_not_offered", "injection", "no_mechanism", "unprotected", "token_refused", "token",
    "token_unkept", "command", "command_unfit", "protocol", "smtputf8", "too_big", "address",
    "fleet", "fleet_too_big",
]  # what each is, is said in `words.CAUSES`  # fmt: skip


@dataclass(frozen=True, slots=True)
class Certificate:
    """`names` are its DNS names and IP addresses (subjectAltName, RFC 5280 4.2.1.6); it holds from
    `not_before` to `not_after`, seconds since the epoch. `common_name` is set where it is taken for
    the name in its subject alone, as it has no DNS name.
    """

    names: tuple[str, ...]
    not_before: float
    not_after: float
    common_name: str = ""

    @property
    def text(self) -> Text:
        """In one line: the names and the last day (UTC)."""
        names = ", ".join(self.names) or self.common_name or words.NO_NAME
        return words.certificate(names=names, until=day(self.not_after))

    def warning(self, now: float) -> Text | None:
        """What to say of a certificate that is taken at `now`, but isn't as it should be."""
        told = []
        if self.common_name:
            told.append(self.old_name)
        left = self.not_after - now
        if left < SOON:
            days = max(0, int(left // 86400))
            told.append(words.certificate_expires(days=days, until=day(self.not_after)))
        if not told:
            return None
        return Text("".join(text.ja for text in told), " ".join(text.en for text in told))

    @property
    def old_name(self) -> Text:
        """What to say of a certificate that is taken for its common name."""
        # RFC 9525 2: the common name says nothing any more. OpenSSL, and so Postfix, looks at it
        # where there is no DNS name: the servers of many a company have nothing else.
        return words.only_common_name(name=self.common_name)


def day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What happened. `server` is `host:port` (of the POP server at stage POP); `detail` has more of
    it in English, never a secret; `detail_ja` the same in Japanese where it is a sentence. `reply`
    is what the server said; with code 0 the `detail` is said of it.

    `certificate` is the one that did not hold, where it was looked at; `mechanism` the one by which
    the login was refused.
    `reused` says that the connection had carried a mail before: then its loss says nothing about
    the server.
    """

    stage: Stage
    server: str
    cause: Cause
    reply: Reply | None = None
    detail: str = ""
    detail_ja: str = ""
    certificate: Certificate | None = None
    mechanism: str = ""
    reused: bool = False

    @classmethod
    def of(
        cls,
        stage: Stage,
        server: str,
        cause: Cause = "reply",
        reply: Reply | None = None,
        detail: str | Text = "",
        *,
        reused: bool = False,
    ) -> Self:
        """A failure whose `detail` is a sentence in both languages, or no sentence."""
        ja, en = detail if isinstance(detail, Text) else ("", detail)
        return cls(
            stage=stage, server=server, cause=cause, reply=reply, detail=en, detail_ja=ja,
            reused=reused,
        )  # fmt: skip

    @property
    def said(self) -> str:
        """One printable line for `history`: the server's words if it spoke, else the cause."""
        return self.text.en

    @property
    def text(self) -> Text:
        """The same for a person: the server's words in both languages, else the cause."""
        if self.reply is not None and self.cause == "reply":
            line = f"{self.reply.text} ({self.detail})" if self.detail else self.reply.text
            return Text(line, line)
        ja, en = self.details
        if self.reply is not None and self.reply.code:
            ja, en = f"{ja}: {self.reply.text}", f"{en}: {self.reply.text}"
        ja, en = (f" ({told})" if told else "" for told in (ja, en))
        if self.certificate is not None:
            shown = self.certificate.text
            ja, en = f"{ja} {shown.ja}", f"{en} {shown.en}"
        said, stage = words.CAUSES[self.cause], words.STAGES[self.stage]
        # Another server than that of the mail, mostly.
        where = f" {self.server}" if self.stage is Stage.POP else ""
        # Where the words say it anyway, the Japanese would say it twice: 接続: 接続を拒否されました
        at = "" if said.ja.startswith(stage) else f"{stage}{where}: "
        return Text(ja=f"{at}{said.ja}{ja}", en=f"{self.stage}{where}: {said.en}{en}")

    @property
    def details(self) -> Text:
        """`detail` in both languages, with the server's words that it is about."""
        said = self.reply.text if self.reply is not None and not self.reply.code else ""
        of_tls = self.cause in ("certificate", "tls")
        in_japanese = words.of_openssl(self.detail) if of_tls else self.detail
        told = (self.detail_ja or in_japanese, self.detail)
        return Text(*(": ".join(filter(None, (each, said))) for each in told))

    @property
    def masked(self) -> "Failure":
        return self if self.reply is None else replace(self, reply=self.reply.masked)


class DeliveryFailure(ZaiondError):  # noqa: N818  (it carries a Failure)
    """A mail or a connection failed; `failure` says how, `judge` what follows."""

    def __init__(self, failure: Failure) -> None:
        ja, en = failure.text
        super().__init__(Text(f"{failure.server}: {ja}", f"{failure.server}: {en}"))
        self.failure = failure


class ChallengeError(ZaiondError):
    """The server's challenge can't be answered."""


class NoToken(ZaiondError):  # noqa: N818  (it carries a failure's parts)
    """There is no token to log in with: `where` it was looked for, and why there is none.

    `cause` and `detail` become those of a Failure; `reply` has an answer's status.
    """

    def __init__(
        self, cause: Cause, where: str, why: Text | str = "", reply: Reply | None = None
    ) -> None:
        ja, en = why if isinstance(why, Text) else (why, why)
        self.detail = Text(*(": ".join(filter(None, (where, each))) for each in (ja, en)))
        super().__init__(self.detail)
        self.cause: Cause = cause
        self.reply = reply
