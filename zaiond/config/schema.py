"""The settings: each field of these classes is the one declaration of a setting.

Its type is what the rest of the daemon sees; its metadata (`Declaration`) is what the parser, the
man page zaiond.yaml(5), etc/zaiond.yaml and `zaiond-ctl config show` follow: how it is written, its
default, its bounds, and its help in both languages. Durations are seconds, sizes are bytes, paths
are absolute. Importing this module is cheap: the daemon's other parts use it for the types alone.
"""
# ruff: noqa: RUF009 (a declaration is a call that makes a dataclass field)

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from zaiond.config import values
from zaiond.config.values import Rate, Secret
from zaiond.text import Language, Text

__all__ = [
    "LATER_KEYS", "Auth", "Config", "Declaration", "Limits", "MailServer", "Notify",
    "PopBeforeSmtp", "Queue", "Rate", "Secret", "declarations", "default_security",
]  # fmt: skip

Security = Literal["none", "opportunistic", "starttls", "tls"]
Mechanism = Literal["none", "basic", "cram-md5", "ntlm", "xoauth2"]
Charset = Literal["utf-8", "iso-2022-jp"]
Kind = Literal[
    "text", "host", "name", "file", "secret", "credential", "sender", "prefix", "addresses",
    "choice", "switch", "integer", "duration", "size", "rate", "mapping", "servers", "absent",
]  # fmt: skip

_READ: dict[str, Callable[[str], Any]] = {
    "duration": values.duration,
    "size": values.size,
    "rate": values.rate,
    "integer": int,
    "switch": {"true": True, "false": False}.__getitem__,
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """How one setting is written.

    `default` is its default as YAML writes it (`null` where there is none); `minimum` and
    `maximum` bound numbers, durations (seconds) and sizes (bytes); `later` names the choices that
    this version doesn't have yet, or is True where only the default is possible yet.
    """

    kind: Kind
    default: str
    help: Text
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    later: tuple[str, ...] | Literal[True] = ()
    mapping: type | None = None


def _setting(kind: Kind, default: str | None, help_text: Text, **more: Any) -> Any:
    """A dataclass field that declares a setting; `default` None means that it is required."""
    written = "null" if default is None else default
    declaration = Declaration(kind, written, help_text, required=default is None, **more)
    if default is None:
        return field(metadata={"setting": declaration})
    if default == "null":
        return field(default=None, metadata={"setting": declaration})
    return field(default=_READ.get(kind, str)(default), metadata={"setting": declaration})


def _mapping(kind: type, help_text: Text) -> Any:
    """A dataclass field that is a mapping of settings, `kind` being its class."""
    declaration = Declaration("mapping", "{}", help_text, mapping=kind)
    return field(default_factory=kind, metadata={"setting": declaration})


def declarations(kind: type) -> dict[str, Declaration]:
    """The settings of a mapping by their keys, in the order in which they are documented."""
    return {each.name: each.metadata["setting"] for each in dataclasses.fields(kind)}


def default_security(port: int) -> Security:
    """What `mail_server.security` is where it isn't set (RFC 8314 3.3: 465 is implicit TLS)."""
    if port == 465:
        return "tls"
    return "starttls" if port == 587 else "opportunistic"


DAY = 86400.0
_CREDENTIAL_HELP = Text(
    ja="パスワードを渡す systemd クレデンシャルの名前です（ユニットの LoadCredential=）。"
    "サービスを再起動するまで値は変わりません。",
    en="The name of the systemd credential that brings the password (LoadCredential= in the unit). "
    "Its value is fixed until the service is restarted.",
)
_PASSWORD_HELP = Text(
    ja="パスワードを直接書く場合の値です。引用符で囲みます。このファイルは、ほかの利用者から"
    "読めない権限（0640 root:zaiond など）にしておく必要があります。",
    en="The password itself, in quotes. The file that holds it must not be readable by other "
    "users (0640 root:zaiond, for example).",
)
_PASSWORD_FILE_HELP = Text(
    ja="パスワードだけを書いたファイルです。相対パスは、この設定ファイルの場所が基準です。"
    "末尾の改行は 1 つだけ無視されます。password、password_file、password_credential は、"
    "どれか 1 つだけを設定します。",
    en="A file that holds nothing but the password; a relative path starts at the directory of the "
    "file that names it. One newline at its end is dropped. Set exactly one of password, "
    "password_file and password_credential.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How we log in to a mail server; `password` is filled in from wherever it is kept."""

    mechanism: Mechanism = _setting(
        "choice",
        "none",
        Text(
            ja="SMTP 認証の方式です。none は認証なし、basic は PLAIN または LOGIN です"
            "（サーバーが提供するほう。両方あれば PLAIN）。",
            en="How to log in: none doesn't; basic is PLAIN or LOGIN, whichever the server offers, "
            "PLAIN first.",
        ),
        choices=("none", "basic", "cram-md5", "ntlm", "xoauth2"),
        later=("cram-md5", "ntlm", "xoauth2"),
    )
    username: str | None = _setting(
        "text",
        "null",
        Text(
            ja="ユーザー ID です。サーバーを使える 1 名分だけを設定します。",
            en="The user to log in as: one account that may use the server.",
        ),
    )
    password: Secret | None = _setting("secret", "null", _PASSWORD_HELP)
    password_file: str | None = _setting("file", "null", _PASSWORD_FILE_HELP)
    password_credential: str | None = _setting("credential", "null", _CREDENTIAL_HELP)
    allow_unprotected_password: bool = _setting(
        "switch",
        "false",
        Text(
            ja="true にすると、暗号化されていない接続や、証明書を確かめられない接続でも"
            "パスワードを送ります。ネットワーク上の第三者に読まれるおそれがあります。",
            en="true sends the password over a connection that is not encrypted, or whose "
            "certificate could not be verified, too. Others on the network may then read it.",
        ),
    )
    ntlm_version: int = _setting(
        "integer",
        "2",
        Text(
            ja="NTLM のバージョンです。古いサーバーでは 1 にします。",
            en="The version of NTLM; 1 for servers that know no other.",
        ),
        minimum=1,
        maximum=2,
        later=True,
    )
    oauth2: None = _setting(
        "absent",
        "null",
        Text(ja="XOAUTH2 のトークンの取得方法です。", en="How to get the token for XOAUTH2."),
        later=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PopBeforeSmtp:
    """POP before SMTP, which this version doesn't have yet: its settings can't be changed."""

    enabled: bool = _setting(
        "switch",
        "false",
        Text(
            ja="送信の前に POP でログインするかどうかです。",
            en="Whether to log in by POP before mail is sent.",
        ),
        later=True,
    )
    host: str | None = _setting(
        "host",
        "null",
        Text(
            ja="POP サーバーです。既定値は mail_server.host です。",
            en="The POP server. Default: mail_server.host.",
        ),
        later=True,
    )
    port: int = _setting(
        "integer",
        "110",
        Text(ja="POP のポート番号です。", en="The port of POP."),
        minimum=1,
        maximum=65535,
        later=True,
    )
    security: Literal["none", "starttls", "tls"] = _setting(
        "choice",
        "none",
        Text(
            ja="接続の暗号化です。ポート 995 での既定値は tls です。",
            en="How the connection is encrypted. Default on port 995: tls.",
        ),
        choices=("none", "starttls", "tls"),
        later=True,
    )
    username: str | None = _setting(
        "text",
        "null",
        Text(
            ja="ユーザー ID です。既定値は auth.username です。",
            en="The user to log in as. Default: auth.username.",
        ),
        later=True,
    )
    password: Secret | None = _setting("secret", "null", _PASSWORD_HELP, later=True)
    password_file: str | None = _setting("file", "null", _PASSWORD_FILE_HELP, later=True)
    password_credential: str | None = _setting("credential", "null", _CREDENTIAL_HELP, later=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """One mail server; `security` is what is in force, resolved by the port where it isn't set."""

    host: str = _setting(
        "host",
        None,
        Text(
            ja="送信メールサーバーの名前、または IP アドレスです。必ず設定します。",
            en="The mail server's name, or its IP address. Required.",
        ),
    )
    port: int = _setting(
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
                    ja="接続の暗号化です。none は暗号化なし、opportunistic はサーバーが STARTTLS を"
                    "提供すれば暗号化、starttls と tls は証明書を確かめた暗号化が必須です（tls は"
                    "接続の初めから）。既定値はポートで決まり、465 は tls、587 は starttls、"
                    "ほかは opportunistic です。",
                    en="How the connection is encrypted: none isn't; opportunistic takes STARTTLS "
                    "where the server offers it; starttls and tls (from the first byte) demand "
                    "encryption with a verified certificate. Default by port: 465 tls, 587 "
                    "starttls, any other opportunistic.",
                ),
                choices=("none", "opportunistic", "starttls", "tls"),
            )
        },
    )
    ca_file: str | None = _setting(
        "file",
        "null",
        Text(
            ja="サーバー証明書を確かめるための CA 証明書のファイルです（PEM 形式）。既定値は"
            "システムの CA 証明書です。",
            en="The certificates (PEM) of the authorities by which the server's is verified. "
            "Default: the system's.",
        ),
    )
    helo_name: str | None = _setting(
        "name",
        "null",
        Text(
            ja="EHLO で名乗る名前です。既定値は、このホストの完全修飾名です。",
            en="The name that we give in EHLO. Default: this host's fully qualified name.",
        ),
    )
    timeout: float = _setting(
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
    final_timeout: float = _setting(
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
    session_timeout: float = _setting(
        "duration",
        "30m",
        Text(
            ja="1 つの接続を使い続ける時間の上限です。",
            en="How long one connection may last in all.",
        ),
        minimum=0.1,
        maximum=DAY,
    )
    max_connections: int = _setting(
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
    keep_idle: float = _setting(
        "duration",
        "5s",
        Text(
            ja="使い終わった接続を、次のメールのために開けておく時間です。",
            en="How long an unused connection is kept for the next mail.",
        ),
        minimum=0,
        maximum=3600,
    )
    rate: Rate | None = _setting(
        "rate",
        "null",
        Text(
            ja="送信するメールの数の上限です。30/m は 1 分に 30 通までです（s、m、h、d）。既定値は"
            "上限なしです。",
            en="No more mails than that: 30/m is 30 a minute (s, m, h or d). Default: no limit.",
        ),
    )
    auth: Auth = _mapping(Auth, Text(ja="SMTP 認証です。", en="How we log in."))
    pop_before_smtp: PopBeforeSmtp = _mapping(
        PopBeforeSmtp,
        Text(
            ja="POP before SMTP です。このバージョンではまだ使えません。",
            en="POP before SMTP. This version doesn't have it yet.",
        ),
    )

    @property
    def address(self) -> str:
        """`host:port`, as the self-test and the journal name the server."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Which of the built-in notifications are sent."""

    backup_auto_update: bool = _setting(
        "switch",
        "true",
        Text(
            ja="データバックアップの「自動アップデートで通知を送る」です。false にすると、"
            "backup.auto_update.* のメールを送りません。",
            en="“Notify on automatic update” of the data backup. false sends no mail of "
            "backup.auto_update.*.",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """When a mail is tried again, for how long, and what is remembered afterwards. Seconds."""

    retry_first: float = _setting(
        "duration",
        "1m",
        Text(
            ja="最初の再送までの時間です。そのあとは再送のたびに 2 倍になります"
            "（多少前後します）。",
            en="How long until the first retry; then it doubles each time, with some jitter.",
        ),
        minimum=1,
        maximum=DAY,
    )
    retry_max: float = _setting(
        "duration",
        "1h",
        Text(
            ja="再送の間隔の上限です。retry_first 以上にします。",
            en="The longest time between two retries; not less than retry_first.",
        ),
        minimum=1,
        maximum=7 * DAY,
    )
    expire: float = _setting(
        "duration",
        "5d",
        Text(
            ja="再送をあきらめるまでの時間です。",
            en="How long a mail is tried before it is given up.",
        ),
        minimum=1,
        maximum=365 * DAY,
    )
    keep: float = _setting(
        "duration",
        "30d",
        Text(
            ja="送信が終わったあとに、履歴とイベント ID を残す時間です。expire 以上にします。",
            en="How long history and event ids are kept after the end; not less than expire.",
        ),
        minimum=1,
        maximum=3650 * DAY,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What each user that emits may take up."""

    connections: int = _setting(
        "integer",
        "64",
        Text(
            ja="同時に開ける接続の数です。",
            en="How many connections may be open at the same time.",
        ),
        minimum=1,
        maximum=10_000,
    )
    events_waiting: int = _setting(
        "integer",
        "100000",
        Text(
            ja="受け付けたあと、まだメールになっていないイベントの数の上限です。",
            en="How many events may be accepted and not yet mailed.",
        ),
        minimum=1,
        maximum=100_000_000,
    )
    bytes_waiting: int = _setting(
        "size",
        "256M",
        Text(
            ja="受け付けたあと、まだメールになっていないイベントの大きさの合計の上限です（K、M、G）。",
            en="How large they may be altogether (K, M or G).",
        ),
        minimum=256 * 1024,
        maximum=1024**4,
    )
    frame_deadline: float = _setting(
        "duration",
        "10s",
        Text(
            ja="書き始めた 1 行を、書き終えるまでの時間です。",
            en="How soon a line once begun must end.",
        ),
        minimum=0.1,
        maximum=3600,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration, valid. `sender` and `subject_prefix` still have their placeholders
    (`values.fill_names`); `admins` are as written, one address each, a display name included."""

    mail_server: MailServer = field(
        metadata={
            "setting": Declaration(
                "mapping",
                "{}",
                Text(
                    ja="メールサーバーの設定です（設定画面の ①②③④）。",
                    en="The mail server (①②③④ of the settings page).",
                ),
                required=True,
                mapping=MailServer,
            )
        }
    )
    fallback_mail_servers: tuple[MailServer, ...] = field(
        default=(),
        metadata={
            "setting": Declaration(
                "servers",
                "[]",
                Text(
                    ja="予備のメールサーバーです。mail_server と同じ項目を並べ、上から順に"
                    "試します。",
                    en="More servers, each a mapping like mail_server, tried in order.",
                ),
                mapping=MailServer,
            )
        },
    )
    sender: str = _setting(
        "sender",
        "zaionnex",
        Text(
            ja="送信元メールアドレスです（⑤）。書いたとおりに送ります。メールサーバーによっては、"
            "@ 以下が必要だったり、実在するアドレスが必要だったりします。表示名も付けられます。"
            "{host} と {fqdn} は、このマシンの名前になります。",
            en="The sender's address (⑤), sent as it stands. Some servers want a domain after "
            "an @, or an address that exists. A display name is allowed. {host} and {fqdn} stand "
            "for this machine's names.",
        ),
    )
    admins: tuple[str, ...] = _setting(
        "addresses",
        None,
        Text(
            ja="管理通知用メールアドレスです（⑥）。必ず設定します。リスト、またはコンマ（,）区切りで"
            "複数を設定できます。",
            en="The administrators' addresses (⑥). Required. A list, or one text with commas.",
        ),
    )
    subject_prefix: str = _setting(
        "prefix",
        "[Zaionnex]",
        Text(
            ja="件名の先頭に付ける文字です。{host} と {fqdn} も使えます。",
            en="What every subject begins with. {host} and {fqdn} may be used.",
        ),
    )
    language: Language = _setting(
        "choice",
        "ja",
        Text(
            ja="メールと、zaiond-ctl の表示の言語です（ja または en）。",
            en="The language of the mails, and of what zaiond-ctl says: ja or en.",
        ),
        choices=("ja", "en"),
    )
    charset: Charset = _setting(
        "choice",
        "utf-8",
        Text(
            ja="メールの文字コードです。",
            en="The character set of the mails.",
        ),
        choices=("utf-8", "iso-2022-jp"),
        later=("iso-2022-jp",),
    )
    notify: Notify = _mapping(
        Notify,
        Text(ja="どの通知を送るかの設定です。", en="Which notifications are sent."),
    )
    queue: Queue = _mapping(
        Queue,
        Text(
            ja="再送の設定です。",
            en="When a mail is tried again, and for how long.",
        ),
    )
    limits: Limits = _mapping(
        Limits,
        Text(
            ja="イベントを送る利用者 1 人あたりの上限です。",
            en="What each user that emits may take up.",
        ),
    )

    @property
    def mail_servers(self) -> tuple[MailServer, ...]:
        """Every mail server, in the order in which they are tried."""
        return (self.mail_server, *self.fallback_mail_servers)


LATER_KEYS = ("route_defaults", "routes", "times", "jobs", "summary", "heartbeat")
"""Top-level keys of later versions; only `null`, `{}` or `[]`, which say nothing, are taken."""
