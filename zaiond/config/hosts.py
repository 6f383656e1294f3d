"""Names of hosts and of what is on them: servers, the own name, URLs, credentials."""

import re

from zaiond.config.scalar import WrongValueError, filled, refuse_full_width
from zaiond.config.schema import Declaration
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


def host(node: Node, _declared: Declaration) -> str:
    """A server's name or IP address, as it is written. Raises WrongValueError."""
    text = filled(node)
    refuse_full_width(text)
    if _HOST_AND_PORT.fullmatch(text):
        raise WrongValueError(
            Text(
                ja="サーバー名だけを書いてください。ポート番号は port に書きます",
                en="write the name alone: the port belongs into `port`",
            )
        )
    if ":" in text and "/" not in text:
        import ipaddress  # only for who writes an IPv6 address

        try:
            ipaddress.IPv6Address(text)
        except ValueError:
            pass
        else:
            return text
    elif len(text) <= 253 and _HOST.fullmatch(_ascii(text)) and not _bad_ipv4(text):
        return text
    raise WrongValueError(
        Text(
            ja="サーバー名が正しくありません。mail.example.co.jp や 192.0.2.1 のように、名前か "
            "IP アドレスだけを書いてください",
            en="this is no host name: write a name or an IP address alone, as "
            "mail.example.co.jp or 192.0.2.1",
        )
    )


def _ascii(text: str) -> str:
    try:
        return address.a_labels(text)
    except ValueError:
        return ""


def _bad_ipv4(text: str) -> bool:
    parts = text.split(".")
    return all(part.isdecimal() for part in parts) and (
        len(parts) != 4 or any(int(part) > 255 for part in parts)
    )


def name(node: Node, _declared: Declaration) -> str:
    """The name that this machine gives in EHLO. Raises WrongValueError."""
    text = filled(node)
    refuse_full_width(text)
    # RFC 5321 4.1.1.1: a domain, or an address literal where the client has no name.
    if len(text) <= 253 and (_HOST.fullmatch(text) or _LITERAL.fullmatch(text)):
        return text.rstrip(".")
    raise WrongValueError(
        Text(
            ja="名前が正しくありません。host.example.co.jp のような名前か、[192.0.2.1] のような"
            "角括弧付きの IP アドレスを書いてください",
            en="write a name as host.example.co.jp, or an IP address in brackets as [192.0.2.1]",
        )
    )


def credential(node: Node, _declared: Declaration) -> str:
    """The name of a systemd credential. Raises WrongValueError."""
    text = filled(node)
    if _CREDENTIAL.fullmatch(text):
        return text
    raise WrongValueError(
        Text(
            ja="クレデンシャルの名前が正しくありません。ユニットの LoadCredential= に書いた名前"
            "（パスではありません）を書いてください",
            en="this is no credential's name: write the name given in LoadCredential= (no path)",
        )
    )


def url(node: Node, _declared: Declaration) -> str:
    """A URL by https, or by http on this machine. Raises WrongValueError."""
    from urllib.parse import urlsplit  # only for who has one

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
        raise WrongValueError(
            Text(
                ja="URL が正しくありません。https://login.example.co.jp/token のように書いて"
                "ください（ユーザー名や「#」は含められません）",
                en="this is no URL that can be used: write it as https://login.example.co.jp/token "
                "(without a user's name, and without '#')",
            )
        )
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise WrongValueError(
            Text(
                ja="http の URL は、このマシン自身（localhost、127.0.0.1、::1）だけに使えます。"
                "秘密を暗号化して送るため、https にしてください",
                en="http is only for this machine itself (localhost, 127.0.0.1, ::1): secrets are "
                "sent there, so write https",
            )
        )
    return text
