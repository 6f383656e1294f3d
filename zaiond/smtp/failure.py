"""What can fail on the way to a mail server, in words; and for what a failure may count.

What it means is not said here: `diagnose` recognises it, and `diagnosis` has what follows.
"""

from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import Literal

from zaiond.errors import ZaiondError
from zaiond.smtp.certificate import Certificate
from zaiond.smtp.reply import Reply
from zaiond.text import Text


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


class Scope(Enum):
    """For what a verdict holds."""

    SESSION = "session"  # this connection only: a new one to the same server may be tried at once
    SERVER = "server"  # this server: the next one; if there is none, the outcome
    MESSAGE = "message"  # this message, all of its recipients; the others go on
    RECIPIENT = "recipient"  # this recipient of this message


Outcome = Literal["deferred", "held", "ambiguous"]
Cause = Literal[
    "reply",  # the server said no: `reply` is set
    "err",  # a POP server said -ERR: `detail` has its words
    "err_login",  # a POP server said -ERR to our credentials
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
    "injection",  # bytes behind the 220 of STARTTLS (the +OK of STLS), which are not the server's
    "no_mechanism",  # `detail` has the mechanisms that the server offers
    "unprotected",  # a reusable secret would cross an unprotected connection
    "token_refused",  # by the endpoint, for our fault: `reply` has its HTTP status and words
    "token",  # no answer of the endpoint that could be used
    "token_unkept",  # none was asked for: the refresh token that may come with it can't be kept
    "command",  # token_command failed
    "command_unfit",  # token_command can't be run, or says that it is set up wrongly
    "protocol",  # no reply of SMTP (of POP), or one that fits nothing that was sent
    "smtputf8",  # an address or a header needs SMTPUTF8, which is not offered
    "too_big",  # larger than the server's SIZE
    "address",  # not an address that could be put into a command
]


_WORDS: dict[Cause, Text] = {
    "reply": Text("拒否されました", "refused"),
    "err": Text("拒否されました", "turned away"),
    "err_login": Text("ログインを拒否されました", "login refused"),
    "no_name": Text("そのような名前はありません", "no such name"),
    "dns_later": Text("DNS から応答がありません", "no answer from DNS"),
    "refused": Text("接続を拒否されました", "connection refused"),
    "timeout": Text("時間内に応答がありません", "timed out"),
    "reset": Text("接続を切断されました", "connection reset"),
    "net_unreachable": Text("ネットワークに到達できません", "network unreachable"),
    "host_unreachable": Text("ホストに到達できません", "host unreachable"),
    "os_error": Text("システムエラーが発生しました", "error of the system"),
    "closed": Text("接続が閉じられました", "connection closed"),
    "tls": Text("TLS を開始できません", "handshake failed"),
    "certificate": Text("証明書を検証できません", "certificate not verified"),
    "tls_not_offered": Text("サーバーが TLS に対応していません", "TLS not offered"),
    "injection": Text("通信に割り込まれたおそれがあります", "tampered with"),
    "no_mechanism": Text("使える認証方式がありません", "no common mechanism"),
    "unprotected": Text("パスワードが保護されません", "the password would be unprotected"),
    "token_refused": Text("トークンが発行されません", "no token is given"),
    "token": Text("トークンを取得できません", "no token could be got"),
    "token_unkept": Text("トークンを保存できません", "no place to keep a token"),
    "command": Text("コマンドが失敗しました", "token_command failed"),
    "command_unfit": Text("コマンドを使えません", "token_command can't be used"),
    "protocol": Text("応答を理解できません", "not understood"),
    "smtputf8": Text("サーバーが SMTPUTF8 に対応していません", "SMTPUTF8 not offered"),
    "too_big": Text("メールが大きすぎます", "too big for the server"),
    "address": Text("メールアドレスとして正しくありません", "not an address"),
}
_STAGES: dict[Stage, str] = {
    Stage.RESOLVE: "名前解決",
    Stage.CONNECT: "接続",
    Stage.POP: "POP ログイン",
    Stage.TLS: "TLS",
    Stage.GREETING: "最初の応答",
    Stage.EHLO: "EHLO",
    Stage.STARTTLS: "STARTTLS",
    Stage.TOKEN: "トークンの取得",
    Stage.AUTH: "SMTP 認証",
    Stage.MAIL: "送信元の指定",
    Stage.RCPT: "宛先の指定",
    Stage.DATA: "本文の送信前",
    Stage.CONTENT: "本文の送信後",
    Stage.RSET: "取り消し",
    Stage.QUIT: "終了",
    Stage.SESSION: "セッション全体",
}


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

    @property
    def said(self) -> str:
        """One printable line for `history`: the server's words if it spoke, else the cause."""
        return self.text.en

    @property
    def text(self) -> Text:
        """The same for a person: the server's words in both languages, else the cause."""
        if self.reply is not None and self.cause == "reply":
            said = f"{self.reply.text} ({self.detail})" if self.detail else self.reply.text
            return Text(said, said)
        ja, en = self.details
        if self.reply is not None and self.reply.code:
            ja, en = f"{ja}: {self.reply.text}", f"{en}: {self.reply.text}"
        ja, en = (f" ({told})" if told else "" for told in (ja, en))
        if self.certificate is not None:
            shown = self.certificate.text
            ja, en = f"{ja} {shown.ja}", f"{en} {shown.en}"
        words, stage = _WORDS[self.cause], _STAGES[self.stage]
        # Another server than that of the mail, mostly.
        where = f" {self.server}" if self.stage is Stage.POP else ""
        # Where the words say it anyway, the Japanese would say it twice: 接続: 接続を拒否されました
        at = "" if words.ja.startswith(stage) else f"{stage}{where}: "
        return Text(ja=f"{at}{words.ja}{ja}", en=f"{self.stage}{where}: {words.en}{en}")

    @property
    def details(self) -> Text:
        """`detail` in both languages, with the server's words that it is about."""
        said = self.reply.text if self.reply is not None and not self.reply.code else ""
        told = (self.detail_ja or self.detail, self.detail)
        return Text(*(": ".join(filter(None, (each, said))) for each in told))

    @property
    def masked(self) -> "Failure":
        """The failure as it may be kept."""
        return self if self.reply is None else replace(self, reply=self.reply.masked)


class DeliveryFailure(ZaiondError):  # noqa: N818  (it carries a Failure)
    """A mail or a connection failed; `failure` says how, `judge` what follows."""

    def __init__(self, failure: Failure) -> None:
        ja, en = failure.text
        super().__init__(Text(f"{failure.server}: {ja}", f"{failure.server}: {en}"))
        self.failure = failure


class NoToken(ZaiondError):  # noqa: N818  (it carries a failure's parts)
    """There is no token to log in with. `cause` and `detail` become those of a Failure; `reply` has
    an answer's status.
    """

    def __init__(self, cause: Cause, detail: Text | str, reply: Reply | None = None) -> None:
        self.detail = Text(detail, detail) if isinstance(detail, str) else detail
        super().__init__(self.detail)
        self.cause: Cause = cause
        self.reply = reply


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
    Stage.POP: "POP login failed",
    Stage.TLS: "Cant start TLS",
    Stage.STARTTLS: "Cant start TLS",
    Stage.GREETING: "Server refused",
    Stage.EHLO: "Server refused",
    Stage.TOKEN: "Auth not possible",
    Stage.AUTH: "Auth failed",
    Stage.MAIL: "Sender refused",
    Stage.RCPT: "Recipient refused",
    Stage.DATA: "Message refused",
    Stage.CONTENT: "Message refused",
    Stage.RSET: "Connection lost",
    Stage.QUIT: "Connection lost",
    Stage.SESSION: "Timed out",
}


def self_test_reason(failure: Failure) -> tuple[str, int]:
    """REASON and CODE of the self-test's error line (the table of the interface, section 6)."""
    stage, cause = failure.stage, failure.cause
    # What is no answer to anything is no refusal, whatever its code.
    code = failure.reply.code if failure.reply is not None and cause != "protocol" else 0
    if stage in (Stage.RESOLVE, Stage.CONNECT, Stage.POP):
        return _REASONS[stage], _SOCKET_CODES.get(cause, 0)
    if stage is Stage.TOKEN:
        # Who gives the tokens refuses our credentials, or there are none to be shown to the server.
        return ("Auth failed", code) if cause == "token_refused" else (_REASONS[stage], 0)
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
