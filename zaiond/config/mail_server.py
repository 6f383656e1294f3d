"""The settings of one mail server: where it is, how it is spoken to, how we log in."""
# ruff: noqa: RUF009 (a declaration is a call that makes a dataclass field)

from dataclasses import dataclass, replace
from typing import Literal, Self

from zaiond.config import values
from zaiond.config.auth import PASSWORDS, WITHOUT_PASSWORD, Auth
from zaiond.config.declare import group, setting
from zaiond.config.hosts import HeloName, Host
from zaiond.config.kinds import CertificateFile, Choice
from zaiond.config.numbers import DAY, Duration, Integer, Rate
from zaiond.config.pop_before_smtp import PopBeforeSmtp
from zaiond.config.scope import Scope, Settings
from zaiond.config.service import SMTP
from zaiond.smtp import sasl

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
        Integer(1, 65535),
        "SMTP のポート番号です。",
        "The port of SMTP.",
        default="25",
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
    rate: values.Rate | None = setting(
        Rate(),
        "送信するメールの数の上限です。30/m は 1 分に 30 通までです（s、m、h、d）。既定値は"
        "上限なしです。",
        "No more mails than that: 30/m is 30 a minute (s, m, h or d). Default: no limit.",
    )
    auth: Auth = group(Auth, "SMTP 認証です。", "How we log in.")
    pop_before_smtp: PopBeforeSmtp = group(
        PopBeforeSmtp,
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

    def with_secrets(self, scope: Scope) -> Self:
        if self.auth.password is not None or not self._lends_password(scope):
            return self
        return replace(self, auth=self.auth.with_password(scope.below("auth"), needed=True))

    def _lends_password(self, scope: Scope) -> bool:
        return self.pop_before_smtp.inherits_password(scope.below("pop_before_smtp"))

    def warn(self, scope: Scope) -> None:
        SMTP.warn(scope, self.host, self.port, self.security)
        pop = self.pop_before_smtp
        pop_verifies = pop.enabled and pop.security != "none"
        if self.ca_file is not None and self.security == "none" and not pop_verifies:
            scope.warn(
                "ca_file",
                "security が none なので、ca_file は使われません",
                "ca_file is not used with security none",
            )
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
                auth.warn(
                    name,
                    f"mechanism が xoauth2 なので、{name} は使われません",
                    f"mechanism is xoauth2: {name} is not used",
                )
        elif named:
            auth.warn(
                named[0],
                "mechanism が none なので、ログインせず、パスワードは使われません。SMTP 認証を使う"
                "なら mechanism を basic にしてください",
                "mechanism is none: nobody logs in, and the password is not used; for a login set "
                "mechanism to basic",
            )

    def _warn_of_exposed_password(self, auth: Scope) -> None:
        mechanism = self.auth.mechanism
        is_encrypted = self.security in ("starttls", "tls")
        if not sasl.is_plaintext(mechanism):
            if not is_encrypted:
                auth.warn(
                    "mechanism",
                    f"{mechanism} の認証は、暗号化されない接続でも行います。通信を読んだ人に"
                    "パスワードを割り出されるおそれがあります。サーバーが対応していれば、security"
                    " を starttls か tls にしてください",
                    f"a login by {mechanism} crosses unencrypted connections, too, and others on "
                    "the network may find out the password from it: if the server can, set "
                    "security to starttls or tls",
                )
        elif self.auth.allow_unprotected_password:
            if not is_encrypted:
                auth.warn(
                    "allow_unprotected_password",
                    "パスワードが暗号化されずに送られることがあります。サーバーが対応していれば、"
                    "security を starttls か tls にし、この設定を false にしてください",
                    "the password may be sent without encryption: if the server can, set security "
                    "to starttls or tls, and this to false",
                )
        elif self.security == "none":
            auth.warn(
                "mechanism",
                "security が none のままではパスワードを送れず、ログインできません。security を "
                "starttls か tls にするか、allow_unprotected_password を true にしてください",
                "with security none the password is never sent, so that no login succeeds: set "
                "security to starttls or tls, or allow_unprotected_password to true",
            )
