"""One written value to what the daemon uses, by the setting's declaration; or what is wrong.

No sentence here shows a text that could be a secret: a value is repeated only where it is one of a
few words, a number, or an address.
"""

import unicodedata
from collections.abc import Callable
from typing import Any, TypeGuard

from zaiond.config import full_width, hosts, numbers, values
from zaiond.config.scalar import WrongValueError, filled, text_of, written
from zaiond.config.schema import Declaration
from zaiond.config.tree import Mapping, Node, Scalar, Sequence
from zaiond.config.yaml import plain_scalar
from zaiond.errors import AddressError, AddressListError
from zaiond.message import address
from zaiond.text import Text

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


def choose(name: str, names: list[str]) -> str | None:
    """The one of `names` that was probably meant by `name`, if any comes near."""
    from difflib import get_close_matches  # only for who misspelt something

    found = get_close_matches(name.lower().replace("-", "_"), names, 1, 0.6)
    return found[0] if found else None


def is_plain(node: Node) -> TypeGuard[Scalar]:
    """Whether it is a text without quotes."""
    return isinstance(node, Scalar) and not node.style


def value(node: Node, declared: Declaration) -> Any:
    """The value of `node` for a setting so declared, no file looked at; raises WrongValueError."""
    return _BY_KIND[declared.kind](node, declared)


def checked(node: Node, declared: Declaration) -> tuple[Any, list[Text]]:
    """The value, and what is surely wrong with it although it can be used.

    Raises WrongValueError; where only full-width signs are wrong, of nothing but these.
    """
    try:
        return value(node, declared), _slips(node, full_width.in_value)[0]
    except WrongValueError:
        slips, meant = _slips(node, full_width.in_wrong_value)
        if not slips:
            raise
    if not meant.is_null:
        try:
            value(meant, declared)
        except WrongValueError as error:
            raise WrongValueError(*slips, *error.texts, instead=error.instead) from None
    raise WrongValueError(*slips)


def _slips(node: Node, find: Callable[[str], tuple[list[Text], str]]) -> tuple[list[Text], Node]:
    """What `find` finds in a text or a list of them, and what is meant."""
    if is_plain(node):
        slips, text = find(node.text)
        return slips, plain_scalar(node.place, text) if slips else node
    if isinstance(node, Sequence):
        found = [_slips(element, find) for element in node.elements]
        slips = list(dict.fromkeys(slip for each, _ in found for slip in each))
        return slips, Sequence(node.place, tuple(meant for _, meant in found))
    return [], node


def _text(node: Node, _declared: Declaration) -> str:
    return filled(node)


def _secret(node: Node, _declared: Declaration) -> values.Secret:
    return values.Secret(filled(node))


def _sender(node: Node, _declared: Declaration) -> str:
    text = written(node)
    _refuse_placeholders(text)
    try:
        # A name of letters in the placeholders' stead: whether it is valid doesn't depend on it.
        address.parse_sender(values.fill_names(text, host="host", fqdn="host.invalid"))
    except AddressError as error:
        meant = address.mended(text, needs_domain=False) or []
        instead = meant[0] if len(meant) == 1 else None
        raise WrongValueError(error.text, instead=instead) from None
    return text.strip()


def _prefix(node: Node, _declared: Declaration) -> str:
    text = written(node)
    _refuse_placeholders(text)
    return text.strip()


def _command(node: Node, _declared: Declaration) -> tuple[str, ...]:
    if isinstance(node, Sequence) and node.elements:
        program, *arguments = node.elements
        for element in node.elements:
            slip = full_width.in_element(element.text) if is_plain(element) else None
            if slip is not None:
                raise WrongValueError(slip)
        return filled(program), *(written(argument) for argument in arguments)
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
    try:
        if isinstance(node, Sequence):
            wrong, texts = _texts(node)
            found = address.parse_elements(texts)
        else:
            found = address.parse_list(text_of(node))
    except AddressListError as error:
        instead = None if wrong else error.instead
        raise WrongValueError(*wrong, *error.texts, instead=instead) from None
    if wrong:
        raise WrongValueError(*wrong)
    if not found:
        raise WrongValueError(
            Text(
                ja="アドレスが 1 つもありません。少なくとも 1 つ書いてください",
                en="there is no address: write one at least",
            )
        )
    # Nobody's mailboxes differ by case alone, though they might (RFC 5321 2.4).
    admins = {address.parse_recipient(each).key.lower(): each for each in reversed(found)}
    return tuple(reversed(admins.values()))


def _texts(node: Sequence) -> tuple[list[Text], list[str]]:
    """What is wrong with the elements of a list of texts, and those that are one."""
    wrong: list[Text] = []
    found: list[str] = []
    for element in node.elements:
        try:
            found.append(text_of(element))
        except WrongValueError as error:
            wrong += error.texts
    return wrong, found


def _choice(node: Node, declared: Declaration) -> str:
    choices = ", ".join(declared.choices)
    text = node.text if isinstance(node, Scalar) and node.tag in ("str", "bool") else ""
    if text not in declared.choices:
        name = unicodedata.normalize("NFKC", text).lower()
        meant = _MEANT.get(name) or choose(name, list(declared.choices))
        if meant not in declared.choices:
            meant = None
        raise WrongValueError(
            Text(
                ja=f"書けるのは {choices} です"
                + (f"（{meant} ではありませんか）" if meant else ""),
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
    "host": hosts.host,
    "name": hosts.name,
    "file": _text,
    "secret": _secret,
    "credential": hosts.credential,
    "sender": _sender,
    "prefix": _prefix,
    "addresses": _addresses,
    "choice": _choice,
    "switch": _switch,
    "integer": numbers.integer,
    "duration": numbers.duration,
    "size": numbers.size,
    "rate": numbers.rate,
    "url": hosts.url,
    "command": _command,
    "mapping": _mapping,
    "servers": _servers,
}
