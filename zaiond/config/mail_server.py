"""The settings of a mail server: where it is, how it is spoken to, and POP before SMTP."""
# ruff: noqa: RUF009 (a declaration is a call that makes a dataclass field)

from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Self

from zaiond.config import words
from zaiond.config.auth import PASSWORDS, WITHOUT_PASSWORD, Auth, Login
from zaiond.config.declare import Scope, Settings, setting
from zaiond.config.forms import (
    DAY,
    Credential,
    Duration,
    HeloName,
    Host,
    Integer,
    MailRate,
    Rate,
    is_example,
)
from zaiond.config.kinds import CertificateFile, Choice, File, Group, Kind, Password, Secret, Switch
from zaiond.smtp import sasl
from zaiond.text import Text

_NAMES = {
    25: "SMTP", 465: "SMTP", 587: "SMTP", 110: "POP", 995: "POP", 143: "IMAP", 993: "IMAP",
    80: "HTTP", 443: "HTTPS",
}  # fmt: skip


class Service(NamedTuple):
    """`server` is what the Japanese sentences call it. `ports` has what `security` may be on each
    of its usual ports, the default first; the first port's is that of any other port, too."""

    name: str
    server: str
    ports: dict[int, tuple[str, ...]]

    def default_security(self, port: int) -> Any:
        """What `security` is where it isn't set."""
        return self.ports.get(port, next(iter(self.ports.values())))[0]

    def warn(self, scope: Scope, host: str | None, port: int, security: str) -> None:
        """Tells of what is surely wrong with the `host`, `port` and `security` of a mapping."""
        if host is not None and is_example(host):
            scope.warn("host", words.example_host(host=host, server=self.server))
        service = _NAMES.get(port, self.name)
        if service != self.name:
            *most, last = map(str, self.ports)
            ports = Text("、".join((*most, last)), f"{', '.join(most)} or {last}")
            name = self.name
            text = words.port_of_other(port=port, service=service, name=name, ports=ports)
            scope.warn("port", text)
        usual = self.ports.get(port, (security,))
        if (security == "tls") != ("tls" in usual):
            (tls,) = (port for port, usual in self.ports.items() if "tls" in usual)
            names = Text("、".join(usual), " or ".join(usual))
            text = words.odd_security(port=port, security=security, usual=names, tls=tls)
            scope.warn("security", text)


# RFC 8314 3.2 and 3.3: TLS from the first byte is on 995 and 465.
SMTP = Service(
    "SMTP", "メールサーバー", {25: ("opportunistic",), 587: ("starttls",), 465: ("tls",)}
)
POP = Service("POP", " POP サーバー", {110: ("none", "starttls"), 995: ("tls",)})


PopSecurity = Literal["none", "starttls", "tls"]
_PASSWORD_HELP = (
    "パスワードです。書き方は auth のものと同じで、どれも設定しなければ auth のパスワードを"
    "使います。",
    "The password, as in auth; where none of the three is set, auth's.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PopBeforeSmtp(Login):
    """Whether and where we log in by POP before mail is sent; what is None is the mail server's, or
    its auth's. `security` is what is in force, resolved by the port where it isn't set."""

    enabled: bool = setting(
        Switch(),
        "true にすると、送信の前に POP でログインします。そうしないと送信を許可しない"
        "サーバーのための設定です。",
        "true logs in by POP before mail is sent, for servers that don't take it otherwise.",
        default="false",
    )
    host: str | None = setting(
        Host(),
        "POP サーバーの名前、または IP アドレスです。既定値は mail_server.host です。",
        "The POP server's name, or its IP address. Default: mail_server.host.",
    )
    port: int = setting(
        Integer(1, 65535), "POP のポート番号です。", "The port of POP.", default="110"
    )
    security: PopSecurity = setting(
        Choice(PopSecurity),
        "接続の暗号化です。none は暗号化なし、starttls（STLS コマンド）と tls（接続開始時から）は、"
        "証明書を確かめた暗号化が必須です。none では、サーバーが APOP に対応していなければ、"
        "auth.allow_unprotected_password が true のときだけログインできます。既定値は、ポート 995 "
        "では tls、ほかは none です。",
        "How the connection is encrypted: none isn't; starttls (the command STLS) and tls (from "
        "the first byte) demand encryption with a verified certificate. With none, a server that "
        "has no APOP can be logged in to only if auth.allow_unprotected_password is true. Default "
        "by port: 995 tls, any other none.",
        by_port=POP.default_security,
    )
    username: str | None = setting(
        Kind(),
        "ユーザー ID です。既定値は auth.username です。",
        "The user to log in as. Default: auth.username.",
    )
    password: Secret | None = setting(Password(), *_PASSWORD_HELP)
    password_file: str | None = setting(File(), *_PASSWORD_HELP)
    password_credential: str | None = setting(Credential(), *_PASSWORD_HELP)

    def check_login(self, scope: Scope, auth: Scope) -> None:
        """What it lacks and `auth` doesn't have, either."""
        if not self.enabled:
            return
        if not scope.written("username") and not auth.written("username"):
            scope.error("username", words.NO_POP_USER)
        if not scope.written(*PASSWORDS) and not auth.written(*PASSWORDS):
            scope.error("password", words.NO_POP_PASSWORD)

    def completed(self, scope: Scope) -> Self:
        return self.with_password(scope, needed=self.enabled)

    def warn_of_login(self, scope: Scope, auth: Auth) -> None:
        """What is surely wrong beside the `auth` of the mail server."""
        if not self.enabled:
            for name in scope.written("username", *PASSWORDS)[:1]:
                scope.warn(name, words.POP_DISABLED)
            return
        POP.warn(scope, self.host, self.port, self.security)
        if self.security != "none":
            return
        if auth.allow_unprotected_password:
            scope.warn("security", words.POP_PASSWORD_EXPOSED)
        else:
            scope.warn("security", words.ONLY_APOP)


Security = Literal["none", "opportunistic", "starttls", "tls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer(Settings):
    """One mail server; `security` is what is in force, resolved by the port where it isn't set."""

    host: str = setting(
        Host(),
        "送信メールサーバーの名前、または IP アドレスです。必ず設定します。",
        "The mail server's name, or its IP address. Required.",
        required=True,
    )
    port: int = setting(
        Integer(1, 65535), "SMTP のポート番号です。", "The port of SMTP.", default="25"
    )
    security: Security = setting(
        Choice(Security),
        "接続の暗号化です。none は暗号化なし、opportunistic はサーバーが STARTTLS に対応していれば"
        "暗号化、starttls と tls は証明書を確かめた暗号化が必須です（tls は接続開始時から）。"
        "既定値はポートで決まり、465 は tls、587 は starttls、ほかは opportunistic です。",
        "How the connection is encrypted: none isn't; opportunistic takes STARTTLS where the "
        "server offers it; starttls and tls (from the first byte) demand encryption with a "
        "verified certificate. Default by port: 465 tls, 587 starttls, any other opportunistic.",
        by_port=SMTP.default_security,
    )
    ca_file: str | None = setting(
        CertificateFile(),
        "サーバー証明書を確かめるための CA 証明書のファイルです（PEM 形式）。既定値はシステムの CA "
        "証明書です。",
        "The certificates (PEM) of the authorities by which the server's is verified. Default: the "
        "system's.",
    )
    helo_name: str | None = setting(
        HeloName(),
        "EHLO で名乗る名前です。既定値は、このホストの完全修飾名です。",
        "The name that we give in EHLO. Default: this host's fully qualified name.",
    )
    timeout: float = setting(
        Duration(0.1, 3600),
        "接続と、本文を送り終えるまでの各応答を待つ時間です。",
        "How long to wait for the connection, and for each reply before the end of the mail.",
        default="30s",
    )
    final_timeout: float = setting(
        Duration(0.1, DAY),
        "本文を送り終えたあとの応答を待つ時間です。短くすると、同じメールが二重に"
        "届くことがあります。テスト送信では timeout を使います。",
        "How long to wait for the reply to the end of the mail. If it is too short, a mail may "
        "arrive twice. The test mail uses timeout instead.",
        default="10m",
    )
    session_timeout: float = setting(
        Duration(0.1, DAY),
        "1 つの接続を使い続ける時間の上限です。",
        "How long one connection may last in all.",
        default="30m",
    )
    max_connections: int = setting(
        Integer(1, 1000),
        "同時に使う接続の数です。停電などのときに二重に届くおそれのあるメールの数の"
        "上限でもあります。",
        "How many connections are used side by side; also the most mails that can arrive twice "
        "after a crash.",
        default="8",
    )
    keep_idle: float = setting(
        Duration(0, 3600),
        "使い終わった接続を、次のメールのために開けておく時間です。",
        "How long an unused connection is kept for the next mail.",
        default="5s",
    )
    rate: Rate | None = setting(
        MailRate(),
        "送信するメールの数の上限です。30/m は 1 分に 30 通までです（s、m、h、d）。既定値は"
        "上限なしです。",
        "No more mails than that: 30/m is 30 a minute (s, m, h or d). Default: no limit.",
    )
    auth: Auth = setting(Group(Auth), "SMTP 認証です。", "How we log in.")
    pop_before_smtp: PopBeforeSmtp = setting(
        Group(PopBeforeSmtp),
        "POP before SMTP です。送信の前に POP でログインします。一度ログインすると 4 分間は繰り"
        "返しません。その間でも、サーバーがログインを忘れたかのように送信を拒否したときは、もう"
        "一度ログインして送り直します。サーバーが APOP に対応していれば APOP を、"
        "対応していなければ USER と PASS を使います。APOP を拒否されたときも、パスワードを"
        "送ってよい接続なら USER と PASS を試します。ca_file と timeout は mail_server のものを"
        "使います。",
        "POP before SMTP: a login by POP, before mail is sent. Once done, it isn't repeated for 4 "
        "minutes, unless the server refuses mail as if it had forgotten it: then we log in again, "
        "and the mail is tried once more. APOP is used where the server offers it, else USER and "
        "PASS; where APOP is refused, USER and PASS follow if the password may cross the "
        "connection. ca_file and timeout are mail_server's.",
    )

    @property
    def address(self) -> str:
        """`host:port`, as the self-test and the journal name the server."""
        return f"{self.host}:{self.port}"

    def check(self, scope: Scope) -> None:
        self.pop_before_smtp.check_login(scope.below("pop_before_smtp"), scope.below("auth"))

    def completed(self, scope: Scope) -> Self:
        if self.auth.password is not None or not self._lends_password(scope):
            return self
        return replace(self, auth=self.auth.with_password(scope.below("auth"), needed=True))

    def _lends_password(self, scope: Scope) -> bool:
        """Whether POP's password is auth's."""
        pop = scope.below("pop_before_smtp")
        return self.pop_before_smtp.enabled and not pop.written(*PASSWORDS)

    def warn(self, scope: Scope) -> None:
        SMTP.warn(scope, self.host, self.port, self.security)
        pop = self.pop_before_smtp
        pop_verifies = pop.enabled and pop.security != "none"
        if self.ca_file is not None and self.security == "none" and not pop_verifies:
            scope.warn("ca_file", words.CA_FILE_UNUSED)
        auth = scope.below("auth")
        self.auth.warn(auth)
        if self.auth.mechanism in WITHOUT_PASSWORD and not self._lends_password(scope):
            self._warn_of_unused_passwords(auth)
        if self.auth.mechanism != "none":
            self._warn_of_exposed_password(auth)
        pop.warn_of_login(scope.below("pop_before_smtp"), self.auth)

    def _warn_of_unused_passwords(self, auth: Scope) -> None:
        named = auth.written(*PASSWORDS)
        if self.auth.mechanism == "xoauth2":
            for name in named:
                auth.warn(name, words.unused(mechanism="xoauth2", name=name))
        elif named:
            auth.warn(named[0], words.LOGIN_DISABLED)

    def _warn_of_exposed_password(self, auth: Scope) -> None:
        mechanism = self.auth.mechanism
        is_encrypted = self.security in ("starttls", "tls")
        if not sasl.is_plaintext(mechanism):
            if not is_encrypted:
                auth.warn("mechanism", words.hash_exposed(mechanism=mechanism))
        elif self.auth.allow_unprotected_password:
            if not is_encrypted:
                auth.warn("allow_unprotected_password", words.PASSWORD_EXPOSED)
        elif self.security == "none":
            auth.warn("mechanism", words.PASSWORD_NEVER_SENT)
