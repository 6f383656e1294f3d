"""The settings of POP before SMTP, which belong to a mail server's."""
# ruff: noqa: RUF009 (a declaration is a call that makes a dataclass field)

from dataclasses import dataclass
from typing import Literal, Self

from zaiond.config.auth import PASSWORDS, Auth, Login
from zaiond.config.declare import setting
from zaiond.config.hosts import Credential, Host
from zaiond.config.kinds import Choice, Line, Password, SecretFile, Switch
from zaiond.config.numbers import Integer
from zaiond.config.scope import Scope
from zaiond.config.service import POP
from zaiond.config.values import Secret

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
        Integer(1, 65535),
        "POP のポート番号です。",
        "The port of POP.",
        default="110",
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
        Line(),
        "ユーザー ID です。既定値は auth.username です。",
        "The user to log in as. Default: auth.username.",
    )
    password: Secret | None = setting(Password(), *_PASSWORD_HELP)
    password_file: str | None = setting(SecretFile(), *_PASSWORD_HELP)
    password_credential: str | None = setting(Credential(), *_PASSWORD_HELP)

    def inherits_password(self, scope: Scope) -> bool:
        """Whether the password is auth's."""
        return self.enabled and not scope.written(*PASSWORDS)

    def check_login(self, scope: Scope, auth: Scope) -> None:
        """What it lacks and `auth` doesn't have, either."""
        if not self.enabled:
            return
        if not scope.written("username") and not auth.written("username"):
            scope.error(
                "username",
                "POP before SMTP にはユーザー ID が必要です。username か auth.username を設定して"
                "ください",
                "POP before SMTP needs a user: set username, or auth.username",
            )
        if not scope.written(*PASSWORDS) and not auth.written(*PASSWORDS):
            scope.error(
                "password",
                "POP before SMTP にはパスワードが必要です。password_file、password_credential、"
                "password のどれか 1 つを、ここか auth に設定してください",
                "POP before SMTP needs a password: set one of password_file, password_credential "
                "and password, here or in auth",
            )

    def with_secrets(self, scope: Scope) -> Self:
        return self.with_password(scope, needed=self.enabled)

    def warn_of_login(self, scope: Scope, auth: Auth) -> None:
        """What is surely wrong beside the `auth` of the mail server."""
        if not self.enabled:
            for name in scope.written("username", *PASSWORDS)[:1]:
                scope.warn(
                    name,
                    "enabled が false なので、POP ではログインせず、この設定は使われません。"
                    "POP before SMTP を使うなら enabled を true にしてください",
                    "enabled is false: nobody logs in by POP, and this is not used; for POP before "
                    "SMTP set enabled to true",
                )
            return
        POP.warn(scope, self.host, self.port, self.security)
        if self.security != "none":
            return
        if auth.allow_unprotected_password:
            scope.warn(
                "security",
                "POP のパスワードが暗号化されずに送られることがあります（APOP でも、通信を読んだ人"
                "に割り出されるおそれがあります）。サーバーが対応していれば、security を starttls "
                "か tls にしてください",
                "POP's password may be sent without encryption (and with APOP, others on the "
                "network may find it out): if the server can, set security to starttls or tls",
            )
        else:
            scope.warn(
                "security",
                "暗号化されない接続では APOP でだけログインします。通信を読んだ人にパスワードを"
                "割り出されるおそれがあり、APOP のないサーバーにはログインできません。security を "
                "starttls か tls にしてください。それができなければ、"
                "auth.allow_unprotected_password を true にすると、パスワードをそのまま送ります",
                "without encryption only APOP is used, from which others on the network may find "
                "out the password; a server without APOP can't be logged in to. Set security to "
                "starttls or tls; where that is impossible, auth.allow_unprotected_password true "
                "sends the password as it is",
            )
