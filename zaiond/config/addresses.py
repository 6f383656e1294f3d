"""The kinds of settings that stand in a mail's header: who sends it, who gets it, its prefix."""

import re

from zaiond.config import values
from zaiond.config.kinds import Kind
from zaiond.config.scalar import WrongValueError, text_of, written, wrong
from zaiond.config.tree import Mapping, Node, Sequence
from zaiond.errors import AddressError, AddressListError
from zaiond.message import address
from zaiond.text import Text

_PLACEHOLDER = re.compile(r"\{(?!host\}|fqdn\})[^{}]*\}")


class Prefix(Kind):
    """A text that may have `{host}` and `{fqdn}` in it."""

    def read(self, node: Node) -> str:
        text = written(node)
        unknown = _PLACEHOLDER.search(text)
        if unknown:
            shown = address.shown(unknown[0])
            raise wrong(
                f"{shown} は使えません。使えるのは {{host}} と {{fqdn}} だけです",
                f"{shown} has no meaning here: only {{host}} and {{fqdn}} have",
            )
        return text.strip()


class Sender(Prefix):
    """An address, which may lack a domain."""

    form = Text("アドレス", "address")

    def read(self, node: Node) -> str:
        super().read(node)
        text = written(node)
        try:
            # A name of letters in the placeholders' stead: if it is valid doesn't depend on it.
            address.parse_sender(values.fill_names(text, host="host", fqdn="host.invalid"))
        except AddressError as error:
            meant = address.mended(text, needs_domain=False) or []
            instead = meant[0] if len(meant) == 1 else None
            raise WrongValueError(error.text, instead=instead) from None
        return text.strip()


class Addresses(Kind):
    """A list of addresses, or one text with commas."""

    form = Text("アドレスのリスト", "addresses")
    listed = True

    def read(self, node: Node) -> tuple[str, ...]:
        if isinstance(node, Mapping):
            raise wrong(
                "アドレスのリスト、またはコンマ（,）区切りの文字列を書いてください",
                "this must be a list of addresses, or one text with commas",
            )
        faults: list[Text] = []
        try:
            if isinstance(node, Sequence):
                faults, texts = _texts(node)
                found = address.parse_elements(texts)
            else:
                found = address.parse_list(text_of(node))
        except AddressListError as error:
            instead = None if faults else error.instead
            raise WrongValueError(*faults, *error.texts, instead=instead) from None
        if faults:
            raise WrongValueError(*faults)
        if not found:
            raise wrong(
                "アドレスが 1 つもありません。少なくとも 1 つ書いてください",
                "there is no address: write one at least",
            )
        # Nobody's mailboxes differ by case alone, though they might (RFC 5321 2.4).
        admins = {address.parse_recipient(each).key.lower(): each for each in reversed(found)}
        return tuple(reversed(admins.values()))

    def write(self, value: tuple[str, ...]) -> str:
        return ", ".join(value)


def _texts(node: Sequence) -> tuple[list[Text], list[str]]:
    """What is wrong with the elements of a list of texts, and those that are one."""
    faults: list[Text] = []
    found: list[str] = []
    for element in node.elements:
        try:
            found.append(text_of(element))
        except WrongValueError as error:
            faults += error.texts
    return faults, found
