"""The kinds of settings that name hosts and what is on them: servers, URLs, credentials."""

import re

from zaiond.config.kinds import Kind
from zaiond.config.scalar import filled, refuse_full_width, wrong
from zaiond.config.scope import Sources
from zaiond.config.tree import Node
from zaiond.message import address
from zaiond.text import Text

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_HOST_AND_PORT = re.compile(r"[^:\[\]]+:[0-9]+|\[.*\]:[0-9]+")
_LITERAL = re.compile(r"\[(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|IPv6:[0-9A-Fa-f:.]{2,45})\]")
_CREDENTIAL = re.compile(r"[A-Za-z0-9_@:-][A-Za-z0-9_.@:-]{0,254}")
_URL = re.compile(r"[!-~]{1,2000}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# RFC 2606 2 and 3; JPRS keeps EXAMPLE for Japan's second levels.
_EXAMPLE = re.compile(
    r"(.*\.)?(example(\.(com|net|org|edu|jp|(ac|ad|co|ed|go|gr|lg|ne|or)\.jp))?|invalid)\.?",
    re.IGNORECASE,
)


def is_example(name: str) -> bool:
    """Whether a host or domain is kept for examples, so that there is nobody by that name."""
    return _EXAMPLE.fullmatch(name) is not None


class Host(Kind):
    """A server's name or IP address."""

    form = Text("サーバー名または IP アドレス", "name or IP address")

    def read(self, node: Node) -> str:
        text = filled(node)
        refuse_full_width(text)
        if _HOST_AND_PORT.fullmatch(text):
            raise wrong(
                "サーバー名だけを書いてください。ポート番号は port に書きます",
                "write the name alone: the port belongs into `port`",
            )
        if _is_ipv6(text) if ":" in text and "/" not in text else _is_name_or_ipv4(text):
            return text
        raise wrong(
            "サーバー名が正しくありません。mail.example.co.jp や 192.0.2.1 のように、名前か "
            "IP アドレスだけを書いてください",
            "this is no host name: write a name or an IP address alone, as mail.example.co.jp or "
            "192.0.2.1",
        )


def _is_ipv6(text: str) -> bool:
    import ipaddress  # only for a user who writes an IPv6 address

    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_name_or_ipv4(text: str) -> bool:
    try:
        ascii_name = address.a_labels(text)
    except ValueError:
        return False
    if len(text) > 253 or not _HOST.fullmatch(ascii_name):
        return False
    parts = text.split(".")
    return not all(part.isdecimal() for part in parts) or (
        len(parts) == 4 and all(int(part) <= 255 for part in parts)
    )


class HeloName(Kind):
    """The name that this machine gives in EHLO."""

    form = Text("ホスト名", "host name")

    def read(self, node: Node) -> str:
        text = filled(node)
        refuse_full_width(text)
        # RFC 5321 4.1.1.1: a domain, or an address literal where the client has no name.
        if len(text) <= 253 and (_HOST.fullmatch(text) or _LITERAL.fullmatch(text)):
            return text.rstrip(".")
        raise wrong(
            "名前が正しくありません。host.example.co.jp のような名前か、[192.0.2.1] のような"
            "角括弧付きの IP アドレスを書いてください",
            "write a name as host.example.co.jp, or an IP address in brackets as [192.0.2.1]",
        )


class Credential(Kind):
    """The name of a systemd credential, which is a secret."""

    form = Text("クレデンシャル名", "a credential's name")

    def read(self, node: Node) -> str:
        text = filled(node)
        if _CREDENTIAL.fullmatch(text):
            return text
        raise wrong(
            "クレデンシャルの名前が正しくありません。ユニットの LoadCredential= に書いた名前"
            "（パスではありません）を書いてください",
            "this is no credential's name: write the name given in LoadCredential= (no path)",
        )

    def bring(self, value: str, sources: Sources) -> str:
        return sources.credential(value)


class Url(Kind):
    """A URL by https, or by http on this machine."""

    form = Text("URL", "URL")

    def read(self, node: Node) -> str:
        from urllib.parse import urlsplit  # only for a user who has one

        text = filled(node)
        refuse_full_width(text)
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port
        except ValueError:  # a port that is none
            host = ""
        if (
            not (":" in host or _HOST.fullmatch(host))
            or not _URL.fullmatch(text)
            or port == 0
            or parts.scheme not in ("https", "http")
            or parts.username is not None
            or parts.fragment
        ):
            raise wrong(
                "URL が正しくありません。https://login.example.co.jp/token のように書いてください"
                "（ユーザー名や「#」は含められません）",
                "this is no URL that can be used: write it as https://login.example.co.jp/token "
                "(without a user's name, and without '#')",
            )
        if parts.scheme == "http" and host not in _LOOPBACK:
            raise wrong(
                "http の URL は、このマシン自身（localhost、127.0.0.1、::1）だけに使えます。"
                "秘密を暗号化して送るため、https にしてください",
                "http is only for this machine itself (localhost, 127.0.0.1, ::1): secrets are "
                "sent there, so write https",
            )
        return text
