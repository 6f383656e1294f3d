"""The settings of POP before SMTP, which belong to a mail server's."""
# ruff: noqa: RUF009 (a declaration is a call that makes a dataclass field)

from dataclasses import dataclass, field
from typing import Literal

from zaiond.config.declare import Declaration, setting
from zaiond.config.values import Secret
from zaiond.text import Text

PopSecurity = Literal["none", "starttls", "tls"]


def default_pop_security(port: int) -> PopSecurity:
    """What `security` is where it isn't set (RFC 8314 3.2: 995 is implicit TLS)."""
    return "tls" if port == 995 else "none"


_PASSWORD_HELP = Text(
    ja="パスワードです。書き方は auth のものと同じで、どれも設定しなければ auth のパスワードを"
    "使います。",
    en="The password, as in auth; where none of the three is set, auth's.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PopBeforeSmtp:
    """Whether and where we log in by POP before mail is sent; what is None is the mail server's, or
    its auth's. `security` is what is in force, resolved by the port where it isn't set.
    """

    enabled: bool = setting(
        "switch",
        "false",
        Text(
            ja="true にすると、送信の前に POP でログインします。そうしないと送信を許可しない"
            "サーバーのための設定です。",
            en="true logs in by POP before mail is sent, for servers that don't take it otherwise.",
        ),
    )
    host: str | None = setting(
        "host",
        "null",
        Text(
            ja="POP サーバーの名前、または IP アドレスです。既定値は mail_server.host です。",
            en="The POP server's name, or its IP address. Default: mail_server.host.",
        ),
    )
    port: int = setting(
        "integer",
        "110",
        Text(ja="POP のポート番号です。", en="The port of POP."),
        minimum=1,
        maximum=65535,
    )
    security: PopSecurity = field(
        default="none",
        metadata={
            "setting": Declaration(
                "choice",
                "null",
                Text(
                    ja="接続の暗号化です。none は暗号化なし、starttls（STLS コマンド）と tls（接続"
                    "開始時から）は、証明書を確かめた暗号化が必須です。none では、サーバーが APOP "
                    "に対応していなければ、auth.allow_unprotected_password が true のときだけ"
                    "ログインできます。既定値は、ポート 995 では tls、ほかは none です。",
                    en="How the connection is encrypted: none isn't; starttls (the command STLS) "
                    "and tls (from the first byte) demand encryption with a verified certificate. "
                    "With none, a server that has no APOP can be logged in to only if "
                    "auth.allow_unprotected_password is true. Default by port: 995 tls, any other "
                    "none.",
                ),
                choices=("none", "starttls", "tls"),
                by_port=default_pop_security,
            )
        },
    )
    username: str | None = setting(
        "text",
        "null",
        Text(
            ja="ユーザー ID です。既定値は auth.username です。",
            en="The user to log in as. Default: auth.username.",
        ),
    )
    password: Secret | None = setting("secret", "null", _PASSWORD_HELP)
    password_file: str | None = setting("file", "null", _PASSWORD_HELP)
    password_credential: str | None = setting("credential", "null", _PASSWORD_HELP)
