"""How the token for XOAUTH2 is got: its settings, and what must hold between them."""
# ruff: noqa: RUF009 (a declaration is a call that makes a dataclass field)

from dataclasses import dataclass
from typing import Literal, Self

from zaiond.config.declare import bring, setting
from zaiond.config.hosts import Credential, Url
from zaiond.config.kinds import Choice, Command, Line, SecretFile
from zaiond.config.scope import Scope, Settings
from zaiond.config.values import Secret

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
        Line(),
        "アプリのクライアント ID です。",
        "The application's client id.",
    )
    client_secret_file: str | None = setting(
        SecretFile(),
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
        SecretFile(),
        "リフレッシュ トークンだけを書いたファイルです。決まりは password_file と同じです。新しい"
        "リフレッシュ トークンが発行されたときは、このファイルは変えず、状態ディレクトリに"
        "保存したほうを使います（このファイルを書き換えるまで）。",
        "A file that holds nothing but the refresh token; the rules are password_file's. A new one "
        "that the endpoint gives in its place is kept in the state directory and used from then "
        "on, until this file's content is changed.",
    )
    scope: str | None = setting(
        Line(),
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
                scope.error(
                    "token_command",
                    f"token_command は {others} と同時に使えません。どちらか一方だけを残して"
                    "ください",
                    f"token_command excludes {others}: keep one or the other",
                )
        elif scope.written("grant"):
            if self.grant is not None:  # else it is not valid
                self._check_grant(scope, self.grant)
        elif wanted or scope.written(*_OF_A_GRANT):
            scope.error(
                "grant" if scope.written(*_OF_A_GRANT) else "",
                "トークンの取得方法がありません。grant（refresh_token または client_credentials）か"
                " token_command を設定してください",
                "nothing says where the token comes from: set grant (refresh_token or "
                "client_credentials) or token_command",
            )

    def _check_grant(self, scope: Scope, grant: Grant) -> None:
        for name in _NEEDED[grant]:
            if not scope.written(name):
                scope.error(
                    name,
                    f"grant が {grant} のときは {name} が必要です",
                    f"grant {grant} needs {name}",
                )
        secrets = scope.written(*_CLIENT_SECRETS)
        if len(secrets) > 1:
            both = ", ".join(secrets)
            scope.error(
                secrets[-1],
                f"クライアント シークレットの指定が重複しています（{both}）。どちらか 1 つだけを"
                "残してください",
                f"the client secret is given more than once ({both}): keep one of them",
            )
        if grant == "client_credentials" and not secrets:
            scope.error(
                _CLIENT_SECRETS[0],
                "grant が client_credentials のときは client_secret_file か "
                "client_secret_credential が必要です",
                "grant client_credentials needs client_secret_file or client_secret_credential",
            )
        if grant == "client_credentials" and scope.written("refresh_token_file"):
            scope.error(
                "refresh_token_file",
                "grant が client_credentials のときは refresh_token_file は使えません。"
                "この項目を削除するか、grant を refresh_token にしてください",
                "grant client_credentials has no use for refresh_token_file: take it out, or set "
                "grant to refresh_token",
            )

    def with_token_secrets(self, scope: Scope, *, needed: bool) -> Self:
        """The same with `client_secret` and `refresh_token`."""
        if len(scope.written(*_CLIENT_SECRETS)) > 1:
            return self
        return bring(self, scope, _SECRETS, needed=needed)
