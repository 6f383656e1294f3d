"""How we log in: a user with a password, or a token (OAuth 2.0); the settings of SMTP's AUTH."""
# ruff: noqa: RUF009 (a declaration is a call that makes a dataclass field)

from dataclasses import dataclass, replace
from typing import Literal, Self

from zaiond.config import words
from zaiond.config.declare import Scope, Settings, bring, setting
from zaiond.config.forms import Credential, Integer, Url
from zaiond.config.kinds import Choice, Command, File, Group, Kind, Password, Secret, Switch, quoted
from zaiond.smtp import sasl
from zaiond.smtp.saslprep import ProhibitedError, saslprep

Grant = Literal["refresh_token", "client_credentials"]
_CLIENT_SECRETS = ("client_secret_file", "client_secret_credential")
_SECRETS = (*_CLIENT_SECRETS, "refresh_token_file")
_OF_A_GRANT = ("grant", "token_url", "client_id", *_SECRETS, "scope")
_NEEDED = {
    "refresh_token": ("token_url", "client_id", "refresh_token_file"),
    "client_credentials": ("token_url", "client_id"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2(Settings):
    """Where a token comes from: a grant of a token endpoint (RFC 6749), or a command; neither where
    nothing is set. `client_secret` and `refresh_token` are filled in from their files."""

    grant: Grant | None = setting(
        Choice(Grant),
        "トークンの取得方法です。refresh_token はユーザーが許可したときに得たリフレッシュ "
        "トークンを使い、client_credentials はアプリ自身の権限で取得します（多数のマシンに"
        "向いています）。",
        "How the token is got: refresh_token by the refresh token that a user's consent brought; "
        "client_credentials by the application's own rights (for many machines).",
    )
    token_url: str | None = setting(
        Url(),
        "トークン エンドポイントの URL です（https）。証明書は、システムの CA 証明書と ca_file で"
        "確かめます。プロキシは使いません。",
        "The token endpoint's URL (https). Its certificate is verified by the system's authorities "
        "and those of ca_file. No proxy is used.",
    )
    client_id: str | None = setting(
        Kind(), "アプリのクライアント ID です。", "The application's client id."
    )
    client_secret_file: str | None = setting(
        File(),
        "クライアント シークレットだけを書いたファイルです。決まりは password_file と同じです。"
        "client_credentials では、これか client_secret_credential が必須です。",
        "A file that holds nothing but the client secret; the rules are password_file's. "
        "client_credentials requires it, or client_secret_credential.",
    )
    client_secret_credential: str | None = setting(
        Credential(),
        "クライアント シークレットを渡す systemd クレデンシャルの名前です。client_secret_file の"
        "代わりに設定します。",
        "The name of the systemd credential that brings the client secret, in place of "
        "client_secret_file.",
    )
    refresh_token_file: str | None = setting(
        File(),
        "リフレッシュ トークンだけを書いたファイルです。決まりは password_file と同じです。新しい"
        "リフレッシュ トークンが発行されたときは、このファイルは変えず、状態ディレクトリに"
        "保存したほうを使います（このファイルを書き換えるまで）。",
        "A file that holds nothing but the refresh token; the rules are password_file's. A new one "
        "that the endpoint gives in its place is kept in the state directory and used from then "
        "on, until this file's content is changed.",
    )
    scope: str | None = setting(
        Kind(),
        "要求するスコープです（空白区切り）。既定値は、サーバーの既定のスコープです。",
        "The scope to ask for, separated by spaces. Default: the endpoint's own.",
    )
    token_command: tuple[str, ...] | None = setting(
        Command(),
        "トークンを標準出力の 1 行目に書くコマンドと引数のリストです。シェルは使わず、30 秒以内に"
        "終わる必要があります。引数はほかのユーザーから見えることがあるので、秘密を"
        "書かないでください。ほかの oauth2 の項目とは同時に使えません。",
        "A command and its arguments, as a list, that writes the token as the first line of its "
        "standard output. No shell is used, and it must end within 30 seconds. Others may see its "
        "arguments: put no secret there. It excludes the other settings of oauth2.",
    )
    client_secret: Secret | None = None
    refresh_token: Secret | None = None

    def check_source(self, scope: Scope, *, wanted: bool) -> None:
        """What is lacking or too much where a token must come from; `wanted` says that the
        mechanism is xoauth2."""
        if scope.written("token_command"):
            others = ", ".join(scope.written(*_OF_A_GRANT))
            if others:
                scope.error("token_command", words.command_and_grant(others=others))
        elif scope.written("grant"):
            if self.grant is not None:  # else it is not valid
                self._check_grant(scope, self.grant)
        elif wanted or scope.written(*_OF_A_GRANT):
            scope.error("grant" if scope.written(*_OF_A_GRANT) else "", words.NO_TOKEN_SOURCE)

    def _check_grant(self, scope: Scope, grant: Grant) -> None:
        for name in _NEEDED[grant]:
            if not scope.written(name):
                scope.error(name, words.grant_needs(grant=grant, name=name))
        secrets = scope.written(*_CLIENT_SECRETS)
        if len(secrets) > 1:
            both = ", ".join(secrets)
            scope.error(secrets[-1], words.two_client_secrets(both=both))
        if grant == "client_credentials" and not secrets:
            scope.error(_CLIENT_SECRETS[0], words.NO_CLIENT_SECRET)
        if grant == "client_credentials" and scope.written("refresh_token_file"):
            scope.error("refresh_token_file", words.NO_REFRESH_TOKEN_FILE)

    def with_token_secrets(self, scope: Scope, *, needed: bool) -> Self:
        """The same with `client_secret` and `refresh_token`."""
        if len(scope.written(*_CLIENT_SECRETS)) > 1:
            return self
        return bring(self, scope, _SECRETS, needed=needed)


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
                words.two_passwords(both=both),
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
        Kind(),
        "ユーザー ID です。サーバーを使える 1 名分だけを設定します。ntlm では、ドメインを "
        "DOMAIN\\user または user@domain の形で書きます。ユーザー ID 自体に @ が含まれるときは、"
        "先頭に \\ を付けます。",
        "The user to log in as: one account that may use the server. With ntlm a domain is written "
        "as DOMAIN\\user or user@domain; if the @ is part of the user's name, put a \\ before it.",
    )
    password: Secret | None = setting(Password(), *_PASSWORD_HELP)
    password_file: str | None = setting(File(), *_PASSWORD_FILE_HELP)
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
    oauth2: OAuth2 = setting(
        Group(OAuth2),
        "XOAUTH2 のトークンの取得方法です（mechanism が xoauth2 のとき）。",
        "How the token for XOAUTH2 is got (with mechanism xoauth2).",
    )

    def check(self, scope: Scope) -> None:
        # super() knows no class that slots=True makes anew.
        Login.check(self, scope)
        if self.mechanism != "none" and not scope.written("username"):
            scope.error("username", words.no_username(mechanism=self.mechanism))
        if self.mechanism not in WITHOUT_PASSWORD and not scope.written(*PASSWORDS):
            scope.error("password", words.no_password(mechanism=self.mechanism))
        if "oauth2" not in scope.invalid:
            self.oauth2.check_source(scope.below("oauth2"), wanted=self.mechanism == "xoauth2")

    def completed(self, scope: Scope) -> Self:
        login = self.with_password(scope, needed=self.mechanism != "none")
        if self.mechanism in sasl.PREPARED:
            password = login.password.reveal() if login.password else ""
            for name, text in (("username", self.username or ""), ("password", password)):
                try:
                    saslprep(text)
                except ProhibitedError as error:  # no mechanism could say it (RFC 4013 2.3)
                    scope.error(scope.written(name, *PASSWORDS)[0], error.text)
        oauth2 = self.oauth2.with_token_secrets(
            scope.below("oauth2"), needed=self.mechanism == "xoauth2"
        )
        return replace(login, oauth2=oauth2)

    def warn(self, scope: Scope) -> None:
        """What is surely wrong, whatever the server's own settings are."""
        if self.mechanism == "ntlm":
            self._warn_of_no_backslash(scope)
        elif self.ntlm_version != 2:
            scope.warn("ntlm_version", words.unused(mechanism=self.mechanism, name="ntlm_version"))
        if self.mechanism != "xoauth2" and scope.written("oauth2") and self.oauth2 != OAuth2():
            scope.warn("oauth2", words.oauth2_unused(mechanism=self.mechanism))

    def _warn_of_no_backslash(self, scope: Scope) -> None:
        """A Japanese keyboard has a ¥ where others have the backslash, and some show one as the
        other. A name that has such a sign itself is written with the backslash before it."""
        username = self.username or ""
        sign = next((sign for sign in username if sign in _LIKE_BACKSLASH), None)
        if sign is None or "\\" in username:
            return
        right = quoted(username.replace(sign, "\\", 1))
        scope.warn("username", words.no_backslash(sign=sign, right=right))
