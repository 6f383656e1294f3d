"""The settings of a fleet: where its engine is, how to log in there, and what this machine is."""
# ruff: noqa: RUF009 (a declaration is a call that makes a dataclass field)

import re
from dataclasses import dataclass, replace
from typing import Literal

from zaiond.config import words
from zaiond.config.auth import PASSWORDS
from zaiond.config.declare import Scope, Settings, bring, setting
from zaiond.config.forms import DAY, Credential, Duration, is_host
from zaiond.config.kinds import (
    CertificateFile,
    Choice,
    File,
    Kind,
    Password,
    Secret,
    WrongValueError,
    filled,
    refuse_full_width,
)
from zaiond.config.outside import SourceError
from zaiond.config.tree import Node, Sequence
from zaiond.text import Text

Role = Literal["member", "hub"]
PORT = 4222  # of NATS
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_WAYS = ("credentials_file", "user", "nkey_file")
_OF_HUBS = ("member_grace",)
_SEED = re.compile("SU[A-Z2-7]{56}")  # base32 of a user's prefix, 32 bytes, and a checksum
# Each line end alone, as nats-py counts; without the first part it reads for ever.
_CREDENTIALS = (
    re.compile(r"BEGIN NATS USER JWT-*\n[^\s-]\S*\n"),
    re.compile(rf"BEGIN USER NKEY SEED-*\n{_SEED.pattern}\n"),
)


class EngineServers(Kind):
    """URLs of the engine's servers: `tls://HOST:PORT`, `nats://HOST:PORT`."""

    form = Text("URL のリスト", "URLs")
    listed = True

    def read(self, node: Node) -> tuple[str, ...]:
        if isinstance(node, Sequence):
            found = [_url(filled(element)) for element in node.elements]
        else:
            found = [_url(each.strip()) for each in filled(node).split(",")]
        if not found:
            raise WrongValueError(words.NO_ENGINE_SERVERS)
        return tuple(dict.fromkeys(found))

    def write(self, value: tuple[str, ...]) -> str:
        return ", ".join(value)


def _url(text: str) -> str:
    """The URL with its port; raises WrongValueError."""
    from urllib.parse import urlsplit  # only for a user who has a fleet

    refuse_full_width(text)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise WrongValueError(words.NO_ENGINE_SERVER) from None
    if parts.username is not None or parts.password is not None:
        raise WrongValueError(words.NO_LOGIN_IN_URL)
    if (
        parts.scheme not in ("nats", "tls")
        or not is_host(host)
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or port == 0
    ):
        raise WrongValueError(words.NO_ENGINE_SERVER)
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port or PORT}"


def is_open(url: str) -> bool:
    """Whether others on the network can read what goes to a server."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts.scheme == "nats" and parts.hostname not in _LOOPBACK


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet(Settings):
    """What a member or a hub needs. `password`, `credentials` (the text of the file) and `nkey`
    (the seed) are filled in from where they are kept."""

    servers: tuple[str, ...] = setting(
        EngineServers(),
        "フリートの NATS サーバーの URL です（例: tls://nats1.example.co.jp:4222）。リスト、または"
        "コンマ（,）区切りで、すべてのノードを書きます。",
        "The URLs of the fleet's NATS servers, as tls://nats1.example.co.jp:4222: every node, as a "
        "list or as one text with commas.",
        required=True,
    )
    role: Role = setting(
        Choice(Role),
        "このマシンの役割です。member はイベントをハブに引き継ぎ、hub はそれを受け取ってメールを"
        "送ります。",
        "What this machine is: a member hands its events on, a hub takes them and mails them.",
        required=True,
    )
    ca_file: str | None = setting(
        CertificateFile(),
        "サーバー証明書を確かめるための CA 証明書のファイルです（PEM 形式）。既定値は、システムの "
        "CA 証明書です。",
        "The certificate authority that the servers' certificates are verified by (PEM). Default: "
        "the system's.",
    )
    credentials_file: str | None = setting(
        File(),
        "NATS のクレデンシャル ファイル（.creds）です。ほかのユーザーから読めない権限にしておき"
        "ます。credentials_file、user、nkey_file は、どれか 1 つだけを設定します。",
        "The credentials file (.creds) of NATS. Other users must not be able to read it. Set one "
        "of credentials_file, user and nkey_file.",
    )
    user: str | None = setting(
        Kind(),
        "NATS にログインするユーザー名です。パスワードも設定します。",
        "The user to log in to NATS as; it needs a password.",
    )
    password: Secret | None = setting(
        Password(),
        "パスワードを直接書く場合の値です。決まりは mail_server.auth.password と同じです。",
        "The password itself; the rules are those of mail_server.auth.password.",
    )
    password_file: str | None = setting(
        File(),
        "パスワードだけを書いたファイルです。決まりは mail_server.auth.password_file と同じです。",
        "A file that holds nothing but the password; the rules are those of "
        "mail_server.auth.password_file.",
    )
    password_credential: str | None = setting(
        Credential(),
        "パスワードを渡す systemd クレデンシャルの名前です。",
        "The name of the systemd credential that brings the password.",
    )
    nkey_file: str | None = setting(
        File(),
        "NKey のシード（SU で始まる 1 行）だけを書いたファイルです。秘密そのものは送りません。",
        "A file that holds nothing but the seed of an NKey (a line that begins with SU). The "
        "secret itself is not sent.",
    )
    fallback_after: float = setting(
        Duration(1, 30 * DAY),
        "ハブにこの時間引き継げないと、引き継げるようになるまで、このマシンからメールを送ります。"
        "ハブでは、そのマシン自身のイベントについての設定です。",
        "What could not be handed on for so long is mailed from here, until the hubs can be "
        "reached again. For a hub: of the events of its own machine.",
        default="10m",
    )
    member_grace: float = setting(
        Duration(60, 30 * DAY),
        "ハブ用です。この時間連絡のないメンバーを、障害として知らせます（zaiond.fleet.member）。",
        "For a hub: a member that is silent for so long is told of as a problem "
        "(zaiond.fleet.member).",
        default="10m",
    )
    credentials: Secret | None = None
    nkey: Secret | None = None

    def check(self, scope: Scope) -> None:
        ways = [name for name in _WAYS if scope.written(name)]
        if len(ways) > 1:
            scope.error(ways[-1], words.two_logins(both=", ".join(ways)))
        passwords = scope.written(*PASSWORDS)
        if len(passwords) > 1:
            scope.error(passwords[-1], words.two_passwords(both=", ".join(passwords)))
        if scope.written("user") and not passwords:
            scope.error("user", words.NO_ENGINE_PASSWORD)
        if passwords and not scope.written("user"):
            scope.error(passwords[0], words.NO_ENGINE_USER)
        try:
            scope.sources.check_fleet()
        except SourceError as error:
            scope.error("", error.text)
        if passwords and self.servers:
            for url in filter(is_open, self.servers):
                scope.error("servers", words.password_in_the_clear(url=url))

    def completed(self, scope: Scope) -> "Fleet":
        login = self
        if len(scope.written(*PASSWORDS)) == 1:
            login = bring(login, scope, PASSWORDS[1:], needed=True)
        text = _secret(scope, "credentials_file", self.credentials_file)
        if text is not None and not all(part.search(text) for part in _CREDENTIALS):
            scope.error("credentials_file", words.no_credentials(path=self.credentials_file))
        seed = _secret(scope, "nkey_file", self.nkey_file)
        if seed is not None and _SEED.fullmatch(seed.strip()) is None:
            scope.error("nkey_file", words.no_nkey(path=self.nkey_file))
        return replace(
            login,
            credentials=None if text is None else Secret(text),
            nkey=None if seed is None else Secret(seed.strip()),
        )

    def warn(self, scope: Scope) -> None:
        for name in scope.written(*_OF_HUBS) if self.role == "member" else ():
            scope.warn(name, words.of_another_role(name=name, role=self.role))
        opened = [url for url in self.servers if is_open(url)]
        if opened:
            scope.warn("servers", words.events_in_the_clear(url=opened[0]))
        elif not scope.written(*_WAYS) and any(url.startswith("tls:") for url in self.servers):
            scope.warn("", words.NO_ENGINE_LOGIN)
        if self.ca_file is not None and all(url.startswith("nats:") for url in self.servers):
            scope.warn("ca_file", words.ENGINE_CA_UNUSED)


def _secret(scope: Scope, name: str, path: str | None) -> str | None:
    """The text of a file of the engine's own form; None where there is none."""
    if path is None:
        return None
    try:
        return scope.sources.secret_text(path)
    except SourceError as error:
        scope.error(name, error.text)
        return None
