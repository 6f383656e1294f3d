"""The kinds of settings that choose among events: patterns, severities, fields of an event."""

import re
from typing import Any

from zaiond.config import words
from zaiond.config.kinds import Kind, WrongValueError, choose, filled, refuse_full_width, text_of
from zaiond.config.tree import Node, Scalar, Sequence
from zaiond.event_rules import SEVERITY_OF_WORD
from zaiond.model import SEVERITIES
from zaiond.text import Text

ATTRIBUTES = ("type", "severity", "source", "subject", "key", "status", "job")
"""What of an event can be named beside `data.`."""
# As JSON has the same number and nobody writes it otherwise, so that it is what matches it.
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}|-?(?:0|[1-9][0-9]{0,8})\.[0-9]{0,5}[1-9]|[0-9]\.0")
_TYPE_PATTERN = re.compile(r"[A-Za-z0-9._/*?\[\]!-]+")
_FIELD = re.compile(r"data(?:\.[^.]+)+")
_KEY = re.compile(r"[\w-]{1,60}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")


class Several(Kind):
    """A list, or a single element of it."""

    listed = True
    may_be_empty = False

    def read(self, node: Node) -> Any:
        if not isinstance(node, Sequence):
            return self.collected((self.element(node),))
        if not node.elements and not self.may_be_empty:
            raise WrongValueError(words.NO_ELEMENT)
        faults: list[Text] = []
        found = []
        for each in node.elements:
            try:
                found.append(self.element(each))
            except WrongValueError as error:
                faults += [text for text in error.told(lambda value: value) if text not in faults]
        if faults:
            raise WrongValueError(*faults)
        return self.collected(tuple(dict.fromkeys(found)))

    def parse(self, text: str) -> Any:
        return self.collected(()) if text == "[]" else super().parse(text)

    def element(self, node: Node) -> Any:
        """One of them; raises WrongValueError."""
        raise NotImplementedError

    def collected(self, elements: tuple[Any, ...]) -> Any:
        """The value of them all."""
        return elements

    def write(self, value: Any) -> str:
        return ", ".join(value) if value else "[]"


class Patterns(Several):
    """Shell patterns, of which one must match."""

    form = Text("パターン、またはそのリスト", "pattern, or list of them")

    def element(self, node: Node) -> str:
        if isinstance(node, Scalar) and not node.style:
            is_as_in_json = node.tag in ("int", "float") and _NUMBER.fullmatch(node.text)
            if is_as_in_json or (node.tag == "bool" and node.text in ("true", "false")):
                return node.text
        return filled(node)


class TypePatterns(Patterns):
    """Patterns of the type of an event, which has few signs (`event_rules`)."""

    def element(self, node: Node) -> str:
        text = super().element(node)
        refuse_full_width(text)
        several = re.split(r"[,、，\s\u3000]+", text.strip(",、， \u3000"))
        if len(several) > 1:
            listed = f"[{', '.join(map(_quoted, several))}]"
            raise WrongValueError(words.types_in_one_text(listed=listed))
        if not _TYPE_PATTERN.fullmatch(text):
            raise WrongValueError(words.NO_TYPE)
        return text


class StatusPatterns(Patterns):
    """What an event may say of a problem."""

    form = Text("problem、ok", "problem, ok")

    def element(self, node: Node) -> str:
        text = super().element(node)
        if text in ("problem", "ok"):
            return text
        raise WrongValueError(words.may_be(names="problem, ok"))


class Severities(Several):
    """Severities: some by name, or one and all that are worse."""

    form = Text("重大度（warning+ は、それ以上）、またはそのリスト",
                "severity (warning+: or worse), or list of them")  # fmt: skip

    def element(self, node: Node) -> frozenset[str]:
        text = text_of(node).strip()
        refuse_full_width(text)
        word = text.lower().removesuffix("+").rstrip()
        plus = "+" if text.endswith("+") else ""
        name = SEVERITY_OF_WORD.get(word)
        if name is not None:
            at = SEVERITIES.index(name)
            return frozenset(SEVERITIES[: at + 1] if plus else (name,))
        plus = "+" if word.startswith(">") else plus
        meant = choose(word.strip("<>= "), list(SEVERITY_OF_WORD))
        names = ", ".join(SEVERITIES)
        if meant:
            raise WrongValueError(words.severity_meant(names=names, meant=f"{meant}{plus}"))
        raise WrongValueError(words.severity_may_be(names=names))

    def collected(self, elements: tuple[frozenset[str], ...]) -> frozenset[str]:
        return frozenset().union(*elements)

    def write(self, value: Any) -> str:
        found = [each for each in SEVERITIES if each in value]
        if len(found) > 1 and tuple(found) == SEVERITIES[: len(found)]:
            return f"{found[-1]}+"
        return ", ".join(found) if found else "[]"


class Fields(Several):
    """Fields of an event: its attributes, and what is below `data`."""

    form = Text("イベントの項目のリスト", "list of an event's fields")
    may_be_empty = True
    attributes: tuple[str, ...] = ATTRIBUTES

    def element(self, node: Node) -> str:
        text = filled(node).strip()
        refuse_full_width(text)
        if text in self.attributes or _FIELD.fullmatch(text):
            return text
        names = ", ".join((*self.attributes, "data.NAME"))
        meant = choose(text, list(self.attributes)) if "." not in text else None
        if meant:
            raise WrongValueError(words.may_be_meant(names=names, meant=meant))
        below = text if _KEY.fullmatch(text) else "NAME"
        raise WrongValueError(words.no_field(names=names, below=below))


class DataFields(Fields):
    """Fields below `data` alone."""

    form = Text("data の中の項目のリスト", "list of fields of data")
    attributes: tuple[str, ...] = ()


class PlainName(Kind):
    """The name of a file without its directory and ending."""

    form = Text("名前", "name")

    def read(self, node: Node) -> str:
        text = filled(node)
        refuse_full_width(text)
        if _PLAIN_NAME.fullmatch(text):
            return text
        raise WrongValueError(words.NO_PLAIN_NAME)


def _quoted(text: str) -> str:
    return f'"{text}"'
