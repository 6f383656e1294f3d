"""How the token for XOAUTH2 is got: its settings, and what must hold between them."""
# ruff: noqa: RUF009 (a declaration is a call that makes a dataclass field)

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Literal

from zaiond.config.declare import setting
from zaiond.config.values import Secret
from zaiond.text import Text

Grant = Literal["refresh_token", "client_credentials"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2:
    """Where a token comes from: a grant of a token endpoint (RFC 6749), or a command; neither where
    nothing is set. `client_secret` and `refresh_token` are filled in from their files."""

    grant: Grant | None = setting(
        "choice",
        "null",
        Text(
            ja="トークンの取得方法です。refresh_token はユーザーが許可したときに得たリフレッシュ "
            "トークンを使い、client_credentials はアプリ自身の権限で取得します（多数のマシンに"
            "向いています）。",
            en="How the token is got: refresh_token by the refresh token that a user's consent "
            "brought; client_credentials by the application's own rights (for many machines).",
        ),
        choices=("refresh_token", "client_credentials"),
    )
    token_url: str | None = setting(
        "url",
        "null",
        Text(
            ja="トークン エンドポイントの URL です（https）。証明書は、システムの CA 証明書と "
            "ca_file で確かめます。プロキシは使いません。",
            en="The token endpoint's URL (https). Its certificate is verified by the system's "
            "authorities and those of ca_file. No proxy is used.",
        ),
    )
    client_id: str | None = setting(
        "text",
        "null",
        Text(
            ja="アプリのクライアント ID です。",
            en="The application's client id.",
        ),
    )
    client_secret_file: str | None = setting(
        "file",
        "null",
        Text(
            ja="クライアント シークレットだけを書いたファイルです。決まりは password_file と同じ"
            "です。client_credentials では、これか client_secret_credential が必須です。",
            en="A file that holds nothing but the client secret; the rules are password_file's. "
            "client_credentials requires it, or client_secret_credential.",
        ),
    )
    client_secret_credential: str | None = setting(
        "credential",
        "null",
        Text(
            ja="クライアント シークレットを渡す systemd クレデンシャルの名前です。"
            "client_secret_file の代わりに設定します。",
            en="The name of the systemd credential that brings the client secret, in place of "
            "client_secret_file.",
        ),
    )
    refresh_token_file: str | None = setting(
        "file",
        "null",
        Text(
            ja="リフレッシュ トークンだけを書いたファイルです。決まりは password_file と同じです。"
            "新しいリフレッシュ トークンが発行されたときは、このファイルは変えず、状態"
            "ディレクトリに保存したほうを使います（このファイルを書き換えるまで）。",
            en="A file that holds nothing but the refresh token; the rules are password_file's. "
            "A new one that the endpoint gives in its place is kept in the state directory and "
            "used from then on, until this file's content is changed.",
        ),
    )
    scope: str | None = setting(
        "text",
        "null",
        Text(
            ja="要求するスコープです（空白区切り）。既定値は、サーバーの既定のスコープです。",
            en="The scope to ask for, separated by spaces. Default: the endpoint's own.",
        ),
    )
    token_command: tuple[str, ...] | None = setting(
        "command",
        "null",
        Text(
            ja="トークンを標準出力の 1 行目に書くコマンドと引数のリストです。シェルは使わず、"
            "30 秒以内に終わる必要があります。引数はほかのユーザーから見えることがあるので、秘密を"
            "書かないでください。ほかの oauth2 の項目とは同時に使えません。",
            en="A command and its arguments, as a list, that writes the token as the first line "
            "of its standard output. No shell is used, and it must end within 30 seconds. Others "
            "may see its arguments: put no secret there. It excludes the other settings of oauth2.",
        ),
    )
    client_secret: Secret | None = field(default=None)
    refresh_token: Secret | None = field(default=None)


CLIENT_SECRETS = ("client_secret_file", "client_secret_credential")
"""The settings of which at most one has the client secret."""
SECRETS = (*CLIENT_SECRETS, "refresh_token_file")
_OF_A_GRANT = ("grant", "token_url", "client_id", *SECRETS, "scope")
_NEEDED = {
    "refresh_token": ("token_url", "client_id", "refresh_token_file"),
    "client_credentials": ("token_url", "client_id"),
}


def oauth2_faults(
    found: OAuth2, written: Collection[str], *, wanted: bool
) -> Iterator[tuple[str, str, Text]]:
    """What the settings of `oauth2` lack or have too much of: the setting at which it stands, the
    one it is about ('' for the mapping itself), the text.

    `written` are the names of the settings that are set, valid or not; `wanted` says that the
    mechanism is xoauth2.
    """
    if "token_command" in written:
        others = [name for name in _OF_A_GRANT if name in written]
        if others:
            yield (
                "token_command",
                "token_command",
                Text(
                    ja=f"token_command は {', '.join(others)} と同時に使えません。"
                    "どちらか一方だけを残してください",
                    en=f"token_command excludes {', '.join(others)}: keep one or the other",
                ),
            )
        return
    if "grant" not in written:
        if written or wanted:
            yield "", "grant" if written else "", _NO_SOURCE
        return
    if found.grant is None:  # written, and not valid
        return
    for name in _NEEDED[found.grant]:
        if name not in written:
            yield (
                "",
                name,
                Text(
                    ja=f"grant が {found.grant} のときは {name} が必要です",
                    en=f"grant {found.grant} needs {name}",
                ),
            )
    secrets = [name for name in CLIENT_SECRETS if name in written]
    if len(secrets) > 1:
        yield (
            secrets[-1],
            secrets[-1],
            Text(
                ja=f"クライアント シークレットの指定が重複しています（{', '.join(secrets)}）。"
                "どちらか 1 つだけを残してください",
                en=f"the client secret is given more than once ({', '.join(secrets)}): keep one "
                "of them",
            ),
        )
    if found.grant == "client_credentials" and not secrets:
        yield (
            "",
            CLIENT_SECRETS[0],
            Text(
                ja="grant が client_credentials のときは client_secret_file か "
                "client_secret_credential が必要です",
                en="grant client_credentials needs client_secret_file or client_secret_credential",
            ),
        )
    if found.grant == "client_credentials" and "refresh_token_file" in written:
        yield (
            "refresh_token_file",
            "refresh_token_file",
            Text(
                ja="grant が client_credentials のときは refresh_token_file は使えません。"
                "この項目を削除するか、grant を refresh_token にしてください",
                en="grant client_credentials has no use for refresh_token_file: take it out, or "
                "set grant to refresh_token",
            ),
        )


_NO_SOURCE = Text(
    ja="トークンの取得方法がありません。grant（refresh_token または client_credentials）か "
    "token_command を設定してください",
    en="nothing says where the token comes from: set grant (refresh_token or client_credentials) "
    "or token_command",
)
