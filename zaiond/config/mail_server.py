"""The settings of one mail server: where it is, how it is spoken to, how we log in."""
# ruff: noqa: RUF009 (a declaration is a call that makes a dataclass field)

from dataclasses import dataclass, field
from typing import Literal

from zaiond.config.declare import DAY, Declaration, mapping, setting
from zaiond.config.oauth2 import OAuth2
from zaiond.config.pop_before_smtp import PopBeforeSmtp
from zaiond.config.values import Rate, Secret
from zaiond.text import Text

Security = Literal["none", "opportunistic", "starttls", "tls"]
Mechanism = Literal["none", "basic", "cram-md5", "ntlm", "xoauth2"]
PASSWORDS = ("password", "password_file", "password_credential")
"""The settings of which one has a login's password."""


def default_security(port: int) -> Security:
    """What `mail_server.security` is where it isn't set (RFC 8314 3.3: 465 is implicit TLS)."""
    if port == 465:
        return "tls"
    return "starttls" if port == 587 else "opportunistic"


_CREDENTIAL_HELP = Text(
    ja="パスワードを渡す systemd クレデンシャルの名前です（ユニットの LoadCredential=）。"
    "サービスを再起動するまで値は変わりません。",
    en="The name of the systemd credential that brings the password (LoadCredential= in the unit). "
    "Its value is fixed until the service is restarted.",
)
_PASSWORD_HELP = Text(
    ja="パスワードを直接書く場合の値です。引用符で囲みます。このファイルは、ほかのユーザーから"
    "読めない権限（0640 root:zaiond など）にしておく必要があります。",
    en="The password itself, in quotes. The file that holds it must not be readable by other "
    "users (0640 root:zaiond, for example).",
)
_PASSWORD_FILE_HELP = Text(
    ja="パスワードだけを書いたファイルです。相対パスは、この設定ファイルの場所が基準です。"
    "末尾の改行は 1 つだけ無視されます。ほかのユーザーから読めない権限にしておきます。"
    "password、password_file、password_credential は、どれか 1 つだけを設定します。",
    en="A file that holds nothing but the password; a relative path starts at the directory of the "
    "file that names it. One newline at its end is dropped. Other users must not be "
    "able to read it. Set exactly one of password, "
    "password_file and password_credential.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How we log in to a mail server; `password` is filled in from wherever it is kept."""

    mechanism: Mechanism = setting(
        "choice",
        "none",
        Text(
            ja="SMTP 認証の方式です。none は認証なし、basic は PLAIN または LOGIN です（サーバーが"
            "対応しているほう。両方なら PLAIN で、拒否されたときは LOGIN も一度試します）。"
            "cram-md5 はパスワードそのものを送らない古い方式、ntlm は統合 Windows 認証、xoauth2 は "
            "OAuth 2.0 のトークンです。",
            en="How to log in: none doesn't; basic is PLAIN or LOGIN, whichever the server offers "
            "(of both PLAIN, and if that is refused LOGIN once); cram-md5 is an old way that "
            "doesn't send the password itself; ntlm is integrated Windows authentication; xoauth2 "
            "is a token of OAuth 2.0.",
        ),
        choices=("none", "basic", "cram-md5", "ntlm", "xoauth2"),
    )
    username: str | None = setting(
        "text",
        "null",
        Text(
            ja="ユーザー ID です。サーバーを使える 1 名分だけを設定します。ntlm では、"
            "ドメインを DOMAIN\\user または user@domain の形で書きます。ユーザー ID 自体に @ が"
            "含まれるときは、先頭に \\ を付けます。",
            en="The user to log in as: one account that may use the server. With ntlm a domain is "
            "written as DOMAIN\\user or user@domain; if the @ is part of the user's name, put a \\ "
            "before it.",
        ),
    )
    password: Secret | None = setting("secret", "null", _PASSWORD_HELP)
    password_file: str | None = setting("file", "null", _PASSWORD_FILE_HELP)
    password_credential: str | None = setting("credential", "null", _CREDENTIAL_HELP)
    allow_unprotected_password: bool = setting(
        "switch",
        "false",
        Text(
            ja="true にすると、暗号化されていない接続や、証明書を確かめられない接続でも"
            "パスワードを送ります。ネットワーク上の第三者に読まれるおそれがあります。",
            en="true sends the password over a connection that is not encrypted, or whose "
            "certificate could not be verified, too. Others on the network may then read it.",
        ),
    )
    ntlm_version: int = setting(
        "integer",
        "2",
        Text(
            ja="NTLM のバージョンです。1 は、2 に対応していないサーバー（Exim など）で使います。",
            en="The version of NTLM: 1 is for servers that don't know 2 (Exim, for one).",
        ),
        minimum=1,
        maximum=2,
    )
    oauth2: OAuth2 = mapping(
        OAuth2,
        Text(
            ja="XOAUTH2 のトークンの取得方法です（mechanism が xoauth2 のとき）。",
            en="How the token for XOAUTH2 is got (with mechanism xoauth2).",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """One mail server; `security` is what is in force, resolved by the port where it isn't set."""

    host: str = setting(
        "host",
        None,
        Text(
            ja="送信メールサーバーの名前、または IP アドレスです。必ず設定します。",
            en="The mail server's name, or its IP address. Required.",
        ),
    )
    port: int = setting(
        "integer",
        "25",
        Text(
            ja="SMTP のポート番号です。",
            en="The port of SMTP.",
        ),
        minimum=1,
        maximum=65535,
    )
    security: Security = field(
        default="opportunistic",
        metadata={
            "setting": Declaration(
                "choice",
                "null",
                Text(
                    ja="接続の暗号化です。none は暗号化なし、opportunistic はサーバーが STARTTLS に"
                    "対応していれば暗号化、starttls と tls は証明書を確かめた暗号化が必須です（tls "
                    "は接続開始時から）。既定値はポートで決まり、465 は tls、587 は starttls、"
                    "ほかは opportunistic です。",
                    en="How the connection is encrypted: none isn't; opportunistic takes STARTTLS "
                    "where the server offers it; starttls and tls (from the first byte) demand "
                    "encryption with a verified certificate. Default by port: 465 tls, 587 "
                    "starttls, any other opportunistic.",
                ),
                choices=("none", "opportunistic", "starttls", "tls"),
                by_port=default_security,
            )
        },
    )
    ca_file: str | None = setting(
        "file",
        "null",
        Text(
            ja="サーバー証明書を確かめるための CA 証明書のファイルです（PEM 形式）。既定値は"
            "システムの CA 証明書です。",
            en="The certificates (PEM) of the authorities by which the server's is verified. "
            "Default: the system's.",
        ),
    )
    helo_name: str | None = setting(
        "name",
        "null",
        Text(
            ja="EHLO で名乗る名前です。既定値は、このホストの完全修飾名です。",
            en="The name that we give in EHLO. Default: this host's fully qualified name.",
        ),
    )
    timeout: float = setting(
        "duration",
        "30s",
        Text(
            ja="接続と、本文を送り終えるまでの各応答を待つ時間です。",
            en="How long to wait for the connection, and for each reply before the end of the "
            "mail.",
        ),
        minimum=0.1,
        maximum=3600,
    )
    final_timeout: float = setting(
        "duration",
        "10m",
        Text(
            ja="本文を送り終えたあとの応答を待つ時間です。短くすると、同じメールが二重に届くことが"
            "あります。テスト送信では timeout を使います。",
            en="How long to wait for the reply to the end of the mail. If it is too short, a mail "
            "may arrive twice. The test mail uses timeout instead.",
        ),
        minimum=0.1,
        maximum=DAY,
    )
    session_timeout: float = setting(
        "duration",
        "30m",
        Text(
            ja="1 つの接続を使い続ける時間の上限です。",
            en="How long one connection may last in all.",
        ),
        minimum=0.1,
        maximum=DAY,
    )
    max_connections: int = setting(
        "integer",
        "8",
        Text(
            ja="同時に使う接続の数です。停電などのときに二重に届くおそれのあるメールの数の上限でも"
            "あります。",
            en="How many connections are used side by side; also the most mails that can arrive "
            "twice after a crash.",
        ),
        minimum=1,
        maximum=1000,
    )
    keep_idle: float = setting(
        "duration",
        "5s",
        Text(
            ja="使い終わった接続を、次のメールのために開けておく時間です。",
            en="How long an unused connection is kept for the next mail.",
        ),
        minimum=0,
        maximum=3600,
    )
    rate: Rate | None = setting(
        "rate",
        "null",
        Text(
            ja="送信するメールの数の上限です。30/m は 1 分に 30 通までです（s、m、h、d）。既定値は"
            "上限なしです。",
            en="No more mails than that: 30/m is 30 a minute (s, m, h or d). Default: no limit.",
        ),
    )
    auth: Auth = mapping(Auth, Text(ja="SMTP 認証です。", en="How we log in."))
    pop_before_smtp: PopBeforeSmtp = mapping(
        PopBeforeSmtp,
        Text(
            ja="POP before SMTP です。送信の前に POP でログインします。一度ログインすると 4 分間は"
            "繰り返しません。その間でも、サーバーがログインを忘れたかのように送信を拒否したときは、"
            "もう一度ログインして送り直します。サーバーが APOP に対応していれば APOP を、対応して"
            "いなければ USER と PASS を使います。APOP を拒否されたときも、パスワードを送ってよい"
            "接続なら USER と PASS を試します。ca_file と timeout は mail_server のものを使い"
            "ます。",
            en="POP before SMTP: a login by POP, before mail is sent. Once done, it isn't repeated "
            "for 4 minutes, unless the server refuses mail as if it had forgotten it: then we log "
            "in again, and the mail is tried once more. APOP is used where the server offers it, "
            "else USER and PASS; where APOP is refused, USER and PASS follow if the password may "
            "cross the connection. ca_file and timeout are mail_server's.",
        ),
    )

    @property
    def address(self) -> str:
        """`host:port`, as the self-test and the journal name the server."""
        return f"{self.host}:{self.port}"
