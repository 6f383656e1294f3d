"""How we log in: a user with a password, and the settings of SMTP's AUTH."""
# ruff: noqa: RUF009 (a declaration is a call that makes a dataclass field)

from dataclasses import dataclass, replace
from typing import Literal, Self

from zaiond.config.declare import bring, group, setting
from zaiond.config.hosts import Credential
from zaiond.config.kinds import Choice, Line, Password, SecretFile, Switch
from zaiond.config.numbers import Integer
from zaiond.config.oauth2 import OAuth2
from zaiond.config.scalar import quoted
from zaiond.config.scope import Scope, Settings
from zaiond.config.values import Secret
from zaiond.smtp import sasl
from zaiond.smtp.saslprep import ProhibitedError, saslprep

Mechanism = Literal["none", "basic", "cram-md5", "ntlm", "xoauth2"]
PASSWORDS = ("password", "password_file", "password_credential")
"""The settings of which one has a login's password."""
WITHOUT_PASSWORD = frozenset({"none", "xoauth2"})
"""The mechanisms that have no use for a password."""
_LIKE_BACKSLASH = "¥￥＼"


class Login(Settings):
    """A mapping that has a user and, from one of PASSWORDS, a password."""

    __slots__ = ()
    username: str | None
    password: Secret | None

    def check(self, scope: Scope) -> None:
        named = scope.written(*PASSWORDS)
        if len(named) > 1:
            both = ", ".join(named)
            scope.error(
                max(named, key=lambda name: (scope.place(name).line, scope.place(name).column)),
                f"パスワードの指定が重複しています（{both}）。どれか 1 つだけを残してください",
                f"the password is given more than once ({both}): keep one of them",
            )

    def with_password(self, scope: Scope, *, needed: bool) -> Self:
        """The same with its password, from where it is kept; where it isn't `needed`, its file may
        be made later, together with the login."""
        given = [name for name in PASSWORDS if getattr(self, name) is not None]
        return self if len(given) > 1 else bring(self, scope, PASSWORDS[1:], needed=needed)


_CREDENTIAL_HELP = (
    "パスワードを渡す systemd クレデンシャルの名前です（ユニットの LoadCredential=）。サービスを"
    "再起動するまで値は変わりません。",
    "The name of the systemd credential that brings the password (LoadCredential= in the unit). "
    "Its value is fixed until the service is restarted.",
)
_PASSWORD_HELP = (
    "パスワードを直接書く場合の値です。引用符で囲みます。このファイルは、ほかのユーザーから読めない"
    "権限（0640 root:zaiond など）にしておく必要があります。",
    "The password itself, in quotes. The file that holds it must not be readable by other users "
    "(0640 root:zaiond, for example).",
)
_PASSWORD_FILE_HELP = (
    "パスワードだけを書いたファイルです。相対パスは、この設定ファイルの場所が基準です。末尾の"
    "改行は 1 つだけ無視されます。ほかのユーザーから読めない権限にしておきます。password、"
    "password_file、password_credential は、どれか 1 つだけを設定します。",
    "A file that holds nothing but the password; a relative path starts at the directory of the "
    "file that names it. One newline at its end is dropped. Other users must not be able to read "
    "it. Set exactly one of password, password_file and password_credential.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth(Login):
    """How we log in to a mail server; `password` is filled in from wherever it is kept."""

    mechanism: Mechanism = setting(
        Choice(Mechanism),
        "SMTP 認証の方式です。none は認証なし、basic は PLAIN または LOGIN です（サーバーが"
        "対応しているほう。両方なら PLAIN で、拒否されたときは LOGIN も一度試します）。cram-md5 は"
        "パスワードそのものを送らない古い方式、ntlm は統合 Windows 認証、xoauth2 は OAuth 2.0 の"
        "トークンです。",
        "How to log in: none doesn't; basic is PLAIN or LOGIN, whichever the server offers (of "
        "both PLAIN, and if that is refused LOGIN once); cram-md5 is an old way that doesn't send "
        "the password itself; ntlm is integrated Windows authentication; xoauth2 is a token of "
        "OAuth 2.0.",
        default="none",
    )
    username: str | None = setting(
        Line(),
        "ユーザー ID です。サーバーを使える 1 名分だけを設定します。ntlm では、ドメインを "
        "DOMAIN\\user または user@domain の形で書きます。ユーザー ID 自体に @ が含まれるときは、"
        "先頭に \\ を付けます。",
        "The user to log in as: one account that may use the server. With ntlm a domain is written "
        "as DOMAIN\\user or user@domain; if the @ is part of the user's name, put a \\ before it.",
    )
    password: Secret | None = setting(Password(), *_PASSWORD_HELP)
    password_file: str | None = setting(SecretFile(), *_PASSWORD_FILE_HELP)
    password_credential: str | None = setting(Credential(), *_CREDENTIAL_HELP)
    allow_unprotected_password: bool = setting(
        Switch(),
        "true にすると、暗号化されていない接続や、証明書を確かめられない接続でもパスワードを"
        "送ります。ネットワーク上の第三者に読まれるおそれがあります。",
        "true sends the password over a connection that is not encrypted, or whose certificate "
        "could not be verified, too. Others on the network may then read it.",
        default="false",
    )
    ntlm_version: int = setting(
        Integer(1, 2),
        "NTLM のバージョンです。1 は、2 に対応していないサーバー（Exim など）で使います。",
        "The version of NTLM: 1 is for servers that don't know 2 (Exim, for one).",
        default="2",
    )
    oauth2: OAuth2 = group(
        OAuth2,
        "XOAUTH2 のトークンの取得方法です（mechanism が xoauth2 のとき）。",
        "How the token for XOAUTH2 is got (with mechanism xoauth2).",
    )

    def check(self, scope: Scope) -> None:
        # super() knows no class that slots=True makes anew.
        Login.check(self, scope)
        if self.mechanism != "none" and not scope.written("username"):
            scope.error(
                "username",
                f"mechanism が {self.mechanism} のときは username が必要です",
                f"mechanism {self.mechanism} needs a username",
            )
        if self.mechanism not in WITHOUT_PASSWORD and not scope.written(*PASSWORDS):
            scope.error(
                "password",
                f"mechanism が {self.mechanism} のときはパスワードが必要です。password_file、"
                "password_credential、password のどれか 1 つを設定してください",
                f"mechanism {self.mechanism} needs a password: set one of password_file, "
                "password_credential and password",
            )
        if "oauth2" not in scope.invalid:
            self.oauth2.check_source(scope.below("oauth2"), wanted=self.mechanism == "xoauth2")

    def with_secrets(self, scope: Scope) -> Self:
        login = self.with_password(scope, needed=self.mechanism != "none")
        if self.mechanism in sasl.PREPARED:
            password = login.password.reveal() if login.password else ""
            for name, text in (("username", self.username or ""), ("password", password)):
                try:
                    saslprep(text)
                except ProhibitedError as error:  # no mechanism could say it (RFC 4013 2.3)
                    scope.error(scope.written(name, *PASSWORDS)[0], *error.text)
        oauth2 = self.oauth2.with_token_secrets(
            scope.below("oauth2"), needed=self.mechanism == "xoauth2"
        )
        return replace(login, oauth2=oauth2)

    def warn(self, scope: Scope) -> None:
        """What is surely wrong, whatever the server's own settings are."""
        if self.mechanism == "ntlm":
            self._warn_of_no_backslash(scope)
        elif self.ntlm_version != 2:
            scope.warn(
                "ntlm_version",
                f"mechanism が {self.mechanism} なので、ntlm_version は使われません",
                f"mechanism is {self.mechanism}: ntlm_version is not used",
            )
        if self.mechanism != "xoauth2" and scope.written("oauth2") and self.oauth2 != OAuth2():
            scope.warn(
                "oauth2",
                f"mechanism が {self.mechanism} なので、oauth2 は使われません。OAuth 2.0 を使う"
                "なら mechanism を xoauth2 にしてください",
                f"mechanism is {self.mechanism}: oauth2 is not used; for OAuth 2.0 set mechanism "
                "to xoauth2",
            )

    def _warn_of_no_backslash(self, scope: Scope) -> None:
        """A Japanese keyboard has a ¥ where others have the backslash, and some show one as the
        other. A name that has such a sign itself is written with the backslash before it."""
        username = self.username or ""
        sign = next((sign for sign in username if sign in _LIKE_BACKSLASH), None)
        if sign is None or "\\" in username:
            return
        right = quoted(username.replace(sign, "\\", 1))
        scope.warn(
            "username",
            f"「{sign}」は、ドメインを区切る「\\」（バックスラッシュ、U+005C）ではないため、"
            f"ユーザー名の一部になります。次のように書いてください: username: {right}",
            f"'{sign}' is not the backslash (U+005C) that ends a domain, and becomes a part of the "
            f"user's name; write it as: username: {right}",
        )
