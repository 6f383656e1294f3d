"""One written value to what the daemon uses, by the setting's declaration; or what is wrong.

No sentence here shows a text that could be a secret: a value is repeated only where it is one of a
few words, a number, or an address.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from zaiond.config import values
from zaiond.config.schema import Declaration
from zaiond.config.tree import Mapping, Node, Scalar, Sequence
from zaiond.errors import AddressError, ZaiondError
from zaiond.message import address
from zaiond.text import Text

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_HOST_AND_PORT = re.compile(r"[^:\[\]]+:[0-9]+|\[.*\]:[0-9]+")
_LITERAL = re.compile(r"\[(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|IPv6:[0-9A-Fa-f:.]{2,45})\]")
_CREDENTIAL = re.compile(r"[A-Za-z0-9_@:-][A-Za-z0-9_.@:-]{0,254}")
_URL = re.compile(r"[!-~]{1,2000}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# What other programs call it.
_MEANT = {
    "ssl": "tls",
    "smtps": "tls",
    "off": "none",
    "no": "none",
    "false": "none",
    "plain": "basic",
    "login": "basic",
    "jp": "ja",
    "us": "en",
}


class WrongValueError(ZaiondError):
    """A value can't be used; each of `texts` says why and what to write."""

    def __init__(self, *texts: Text) -> None:
        super().__init__(texts[0])
        self.texts = texts


def choose(name: str, names: list[str]) -> str | None:
    """The one of `names` that was probably meant by `name`, if any comes near."""
    from difflib import get_close_matches  # only for who misspelt something

    found = get_close_matches(name.lower().replace("-", "_"), names, 1, 0.6)
    return found[0] if found else None


def value(node: Node, declared: Declaration) -> Any:
    """The value of `node` for a setting so declared, no file looked at; raises WrongValueError."""
    return _BY_KIND[declared.kind](node, declared)


def written(node: Node) -> str:
    """The text of a scalar that is text, on one line; raises WrongValueError."""
    if not isinstance(node, Scalar):
        raise WrongValueError(
            Text(
                ja="文字列を 1 つだけ書いてください（リストや項目の並びは書けません）",
                en="this must be a single text, not a list or a mapping",
            )
        )
    if node.tag in ("int", "float"):
        raise WrongValueError(
            Text(
                ja='引用符がないため、数値として読み取られます。"…" のように引用符で囲んでください',
                en='without quotes this is read as a number, not as text: put it in quotes, "…"',
            )
        )
    if node.tag != "str":
        raise WrongValueError(
            Text(
                ja="引用符がないため、文字列ではない値（はい／いいえ、日付など）として"
                '読み取られます。"…" のように引用符で囲んでください',
                en="without quotes this is read as a yes or no, a date or the like, not as text: "
                'put it in quotes, "…"',
            )
        )
    for sign in node.text:
        if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") or sign in _BIDI:
            raise WrongValueError(
                Text(
                    ja=f"改行や制御文字は使えません（U+{ord(sign):04X} があります）",
                    en=f"line ends and control characters can't be used (U+{ord(sign):04X} is in "
                    "it)",
                )
            )
    return node.text


def _filled(node: Node) -> str:
    text = written(node)
    if not text.strip():
        raise WrongValueError(
            Text(
                ja="値が空です。値を書くか、この行を削除してください",
                en="this is empty: write a value, or delete the line",
            )
        )
    return text


def _text(node: Node, _declared: Declaration) -> str:
    return _filled(node)


def _secret(node: Node, _declared: Declaration) -> values.Secret:
    return values.Secret(_filled(node))


def _host(node: Node, _declared: Declaration) -> str:
    text = _filled(node)
    _refuse_full_width(text)
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


def _name(node: Node, _declared: Declaration) -> str:
    text = _filled(node)
    _refuse_full_width(text)
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


def _credential(node: Node, _declared: Declaration) -> str:
    text = _filled(node)
    if _CREDENTIAL.fullmatch(text):
        return text
    raise WrongValueError(
        Text(
            ja="クレデンシャルの名前が正しくありません。ユニットの LoadCredential= に書いた名前"
            "（パスではありません）を書いてください",
            en="this is no credential's name: write the name given in LoadCredential= (no path)",
        )
    )


def _sender(node: Node, _declared: Declaration) -> str:
    text = written(node)
    _refuse_placeholders(text)
    try:
        # A name of letters in the placeholders' stead: whether it is valid doesn't depend on it.
        address.parse_sender(values.fill_names(text, host="host", fqdn="host.invalid"))
    except AddressError as error:
        raise WrongValueError(error.text) from None
    return text.strip()


def _prefix(node: Node, _declared: Declaration) -> str:
    text = written(node)
    _refuse_placeholders(text)
    return text.strip()


def _url(node: Node, _declared: Declaration) -> str:
    from urllib.parse import urlsplit  # only for who has one

    text = _filled(node)
    _refuse_full_width(text)
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
                "ください（利用者名や「#」は含められません）",
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


def _command(node: Node, _declared: Declaration) -> tuple[str, ...]:
    if isinstance(node, Sequence) and node.elements:
        program, *arguments = node.elements
        return _filled(program), *(written(argument) for argument in arguments)
    raise WrongValueError(
        Text(
            ja="コマンドと引数をリストで書いてください（例: [/usr/local/bin/get-token, zaion]）",
            en="this must be a list, a command and its arguments, as "
            "[/usr/local/bin/get-token, zaion]",
        )
    )


def _addresses(node: Node, _declared: Declaration) -> tuple[str, ...]:
    if isinstance(node, Mapping):
        raise WrongValueError(
            Text(
                ja="アドレスのリスト、またはコンマ（,）区切りの文字列を書いてください",
                en="this must be a list of addresses, or one text with commas",
            )
        )
    wrong: list[Text] = []
    found: list[str] = []
    if isinstance(node, Sequence):
        for element in node.elements:
            try:
                found.append(written(element).strip())
            except WrongValueError as error:
                wrong += error.texts
    else:
        try:
            found = address.split_addresses(written(node))
        except AddressError as error:
            raise WrongValueError(error.text) from None
    admins: dict[str, str] = {}
    for each in found:
        try:
            admins.setdefault(address.parse_recipient(each).address.lower(), each)
        except AddressError as error:
            wrong.append(error.text)
    if wrong:
        raise WrongValueError(*wrong)
    if not found:
        raise WrongValueError(
            Text(
                ja="アドレスが 1 つもありません。少なくとも 1 つ書いてください",
                en="there is no address: write one at least",
            )
        )
    return tuple(admins.values())


def _choice(node: Node, declared: Declaration) -> str:
    choices = ", ".join(declared.choices)
    text = node.text if isinstance(node, Scalar) and node.tag in ("str", "bool") else ""
    if text not in declared.choices:
        meant = _MEANT.get(text.lower()) or choose(text, list(declared.choices))
        if meant not in declared.choices:
            meant = None
        raise WrongValueError(
            Text(
                ja=f"書けるのは {choices} です"
                + (f"（{meant} の間違いではありませんか）" if meant else ""),
                en=f"this may be {choices}" + (f": did you mean {meant}?" if meant else ""),
            )
        )
    return text


def _switch(node: Node, _declared: Declaration) -> bool:
    if isinstance(node, Scalar) and node.tag == "bool":
        return node.text.lower() in ("true", "yes", "on")
    raise WrongValueError(
        Text(
            ja="true か false を、引用符を付けずに書いてください",
            en="this must be true or false, without quotes",
        )
    )


def _integer(node: Node, declared: Declaration) -> int:
    if not isinstance(node, Scalar) or node.tag != "int" or not _INTEGER.fullmatch(node.text):
        if isinstance(node, Scalar):
            _refuse_full_width(node.text)
        raise WrongValueError(
            Text(
                ja="整数を、引用符を付けずに半角で書いてください",
                en="this must be a whole number, without quotes",
            )
        )
    number = int(node.text)
    _check_bounds(number, declared, str)
    return number


def _duration(node: Node, declared: Declaration) -> float:
    seconds = _with_unit(
        node,
        values.duration,
        Text(
            ja="時間は、数字に s（秒）、m（分）、h（時間）、d（日）のどれかを付けて書いてください"
            "（例: 30s）",
            en="a duration is a number with s, m, h or d, as 30s",
        ),
    )
    _check_bounds(seconds, declared, values.write_duration)
    return float(seconds)


def _size(node: Node, declared: Declaration) -> int:
    octets = _with_unit(
        node,
        values.size,
        Text(
            ja="大きさは、数字に K、M、G のどれかを付けて書いてください（例: 256M）",
            en="a size is a number with K, M or G, as 256M",
        ),
    )
    _check_bounds(octets, declared, lambda bound: values.write_size(int(bound)))
    return int(octets)


def _rate(node: Node, _declared: Declaration) -> values.Rate:
    found: values.Rate = _with_unit(
        node,
        values.rate,
        Text(
            ja="「数/単位」の形で書いてください。単位は s（秒）、m（分）、h（時間）、d（日）です"
            "（例: 1 分に 30 通までなら 30/m）",
            en="a rate is a number (1 or more) and s, m, h or d, as 30/m for 30 a minute",
        ),
    )
    return found


def _with_unit(node: Node, convert: Callable[[str], Any], sentence: Text) -> Any:
    if isinstance(node, Scalar):
        _refuse_full_width(node.text)
        if node.tag == "str":
            try:
                return convert(node.text)
            except ValueError:
                pass
        elif node.tag == "int" and _INTEGER.fullmatch(node.text):
            raise WrongValueError(
                Text(ja=f"単位がありません。{sentence.ja}", en=f"no unit: {sentence.en}")
            )
    raise WrongValueError(sentence)


def _check_bounds(number: float, declared: Declaration, write: Callable[[Any], str]) -> None:
    low, high = declared.minimum, declared.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        bounds = write(low), write(high)
        raise WrongValueError(
            Text(
                ja=f"{bounds[0]} 以上 {bounds[1]} 以下にしてください",
                en=f"this must be between {bounds[0]} and {bounds[1]}",
            )
        )


def _refuse_full_width(text: str) -> None:
    if not text.isascii() and unicodedata.normalize("NFKC", text).isascii():
        raise WrongValueError(
            Text(
                ja="全角の文字があります。半角で書いてください",
                en="there are full-width characters: write them in half width (ASCII)",
            )
        )


def _refuse_placeholders(text: str) -> None:
    for found in values.unknown_placeholders(text):
        shown = address.shown(found)
        raise WrongValueError(
            Text(
                ja=f"{shown} は使えません。使えるのは {{host}} と {{fqdn}} だけです",
                en=f"{shown} has no meaning here: only {{host}} and {{fqdn}} have",
            )
        )


def _mapping(node: Node, _declared: Declaration) -> Mapping:
    if isinstance(node, Mapping):
        return node
    raise WrongValueError(
        Text(
            ja="この下に、字下げした「項目: 値」の形で書いてください（「:」のあとには半角の空白が"
            "必要です）",
            en="this must be settings as `key: value`, indented below it, with a space after the "
            "':'",
        )
    )


def _servers(node: Node, _declared: Declaration) -> Sequence:
    if isinstance(node, Sequence):
        return node
    raise WrongValueError(
        Text(
            ja="メールサーバーごとに「- 」で始まるリストにしてください"
            "（例: 「- host: mail2.example.co.jp」）",
            en="this must be a list, each server begun with '- ', as `- host: mail2.example.co.jp`",
        )
    )


_BY_KIND: dict[str, Callable[[Node, Declaration], Any]] = {
    "text": _text,
    "host": _host,
    "name": _name,
    "file": _text,
    "secret": _secret,
    "credential": _credential,
    "sender": _sender,
    "prefix": _prefix,
    "addresses": _addresses,
    "choice": _choice,
    "switch": _switch,
    "integer": _integer,
    "duration": _duration,
    "size": _size,
    "rate": _rate,
    "url": _url,
    "command": _command,
    "mapping": _mapping,
    "servers": _servers,
}
