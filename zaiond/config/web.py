"""The settings of zaiond-web: where it listens, and by which name browsers reach it."""

import re
from dataclasses import dataclass

from zaiond.config import words
from zaiond.config.declare import Scope, Settings, setting
from zaiond.config.forms import Url
from zaiond.config.kinds import (
    CertificateFile,
    File,
    Kind,
    WrongValueError,
    filled,
    refuse_full_width,
)
from zaiond.config.outside import SourceError
from zaiond.config.tree import Node

_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9.]{7,15}|localhost)):([1-9][0-9]{0,4})")


class Listen(Kind):
    """An IP address and a port, as `127.0.0.1:8025` or `[::1]:8025`."""

    def read(self, node: Node) -> str:
        import ipaddress  # only for a user who writes one

        text = filled(node)
        refuse_full_width(text)
        match = _LISTEN.fullmatch(text)
        try:
            if match is None or int(match[3]) > 65535:
                raise ValueError
            if match[1]:
                ipaddress.IPv6Address(match[1])
            elif match[2] != "localhost":
                ipaddress.IPv4Address(match[2])
        except ValueError:
            raise WrongValueError(words.NO_LISTEN) from None
        return text


def address_of(listen: str) -> tuple[str, int]:
    """The address and the port of a valid `listen`."""
    address, _, port = listen.rpartition(":")
    return address.strip("[]"), int(port)


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches an address."""
    import ipaddress

    return address == "localhost" or ipaddress.ip_address(address).is_loopback


class PageUrl(Url):
    """Where the page is, for browsers: a URL without a path of its own."""

    def read(self, node: Node) -> str:
        from urllib.parse import urlsplit

        text: str = super().read(node)
        parts = urlsplit(text)
        if parts.path not in ("", "/") or "?" in text:
            raise WrongValueError(words.NO_PAGE_URL)
        return text.removesuffix("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Web(Settings):
    """What zaiond-web needs; the daemon itself has no use for it."""

    listen: str = setting(
        Listen(),
        "ページが待ち受ける IP アドレスとポートです。ループバック（127.0.0.1 など）以外では、"
        "cert_file と key_file が必須です。サービスとして使うときのアドレスは、"
        "zaiond-web.socket の ListenStream と同じものにします。",
        "The IP address and port of the page. Beyond loopback (127.0.0.1, for one) it needs "
        "cert_file and key_file. As a service, it is what ListenStream of zaiond-web.socket says.",
        default="127.0.0.1:8025",
    )
    cert_file: str | None = setting(
        CertificateFile(),
        "サーバー証明書のファイルです（PEM 形式。中間証明書があれば、そのあとに続けます）。",
        "The server's certificate (PEM), followed by those of intermediate authorities.",
    )
    key_file: str | None = setting(
        File(),
        "サーバー証明書の秘密鍵のファイルです（PEM 形式、パスフレーズなし）。root だけが読める権限"
        "（0600）で構いません。",
        "The certificate's private key (PEM, without a passphrase). root alone need be able to "
        "read it (0600).",
    )
    url: str | None = setting(
        PageUrl(),
        "リバースプロキシを通すときや、マシンのホスト名と違う名前で使うときに、ブラウザーで開く "
        "URL です。そのホスト名での接続を受け付け、プロキシの X-Forwarded-For で接続元を知ります。",
        "The URL in browsers, where they reach the page through a reverse proxy or by another name "
        "than the machine's own: its host is taken, and a proxy's X-Forwarded-For says who asks.",
    )

    def check(self, scope: Scope) -> None:
        files = ("cert_file", "key_file")
        missing = [name for name in files if not scope.written(name)]
        if len(missing) == 1:
            (there,) = (name for name in files if name not in missing)
            scope.error(there, words.both_files(name=there, missing=missing[0]))
        if (
            missing
            and "listen" not in scope.invalid
            and not is_loopback(address_of(self.listen)[0])
        ):
            scope.error("listen", words.listen_needs_tls(listen=self.listen))
        if self.cert_file is not None and self.key_file is not None:
            try:
                scope.sources.check_key(self.cert_file, self.key_file)
            except SourceError as error:
                scope.error("key_file", error.text)
