"""A configuration's YAML text with some values changed, and every other character as it was.

Only the stretch of a value is replaced. A setting that isn't there yet comes after the ones that
are documented before it. What was made is read again: it must say the same as before, but for what
was to change.
"""

import json
import re
from collections.abc import Mapping as Changes
from typing import Any

from zaiond.config import words, yaml
from zaiond.config.kinds import Kind
from zaiond.config.schema import Config, declaration, declarations
from zaiond.config.tree import Mapping, Node, Scalar, Sequence
from zaiond.errors import ConfigError, ZaiondError
from zaiond.text import Text

_STEP = "  "
# What means the same in every place and to every parser, where it is no number or the like.
_PLAIN_IN_LIST = re.compile(r"[A-Za-z0-9_.@/+= -]+")
_PLAIN = re.compile(r"[A-Za-z0-9_.@/+= ,-]+")
# Behind an element in brackets, on its line: a comma, and a comment.
_BEHIND_IN_FLOW = re.compile(r"(?:[ \t]*,)?([ \t]*#[^\r\n]*)?")
_COMMENT = re.compile(r"#[^\r\n]*")
_NO_TEXT = re.compile("[\ufeff\ufffe\uffff]")


class EditError(ZaiondError):
    """The value can't be changed without changing something else: a person must do it. `key` is the
    setting's."""

    def __init__(self, text: Text, key: str) -> None:
        super().__init__(text)
        self.key = key


def change(name: str, text: str, changes: Changes[str, str]) -> str:
    """`text`, which `yaml.read` takes, with `changes` made: by dotted key, the value as its kind
    writes it. `name` is how errors name the file. Raises EditError."""
    bare = text.removeprefix("\ufeff")
    mark, text = text[: len(text) - len(bare)], bare
    top, _ = yaml.read(name, text)
    wanted = _plain(top)
    for key, value in changes.items():
        kind = declaration(key).kind
        new = Scalar(top.place, kind.tag, value)
        wanted = _with(wanted, key.split("."), new, kind)
        after = _changed(text, top, key, new, kind)
        try:
            top, problems = (top, []) if after is None else yaml.read(name, after)
        except ConfigError:
            after = None
        if after is None or problems or _plain(top) != wanted:
            shown = "********" if kind.secret else _scalar(new)
            raise EditError(words.cannot_change(key=key, written=shown), key)
        text = after
    return mark + text


def is_shared(top: Mapping, key: str) -> bool:
    """Whether the value, or a mapping that it is in, has a YAML name (`&`) or comes by one (`*`):
    to change it here would change it elsewhere, or cut it off from there."""
    node: Node | None = top
    for name in key.split("."):
        if not isinstance(node, Mapping) or node.mark:
            break
        node = node.value(name)
    return node is not None and node.mark != ""


def _changed(text: str, top: Mapping, key: str, new: Scalar, kind: Kind) -> str | None:
    """None where something else stands in the way."""
    node, within, names = top, "", key.split(".")
    while True:
        name, *below = names
        inner = node.value(name)
        if inner is None:
            return _inserted(text, node, within, names, new)
        if not below:
            return _put(text, inner, new, kind, node.flow)
        if inner.is_null and not inner.mark:  # what would be below it is not there yet
            before, behind = text[: inner.start].rstrip(" "), text[inner.end :]
            if node.flow:
                return f"{before} {_flow(below, new)}{behind}"
            newline = _newline(text)
            lines = _lines(below, new, _indent(node) + _STEP, newline)
            return before + newline + lines.removesuffix(newline) + behind
        if not isinstance(inner, Mapping) or inner.mark == "*":
            return None
        node, within, names = inner, f"{within}.{name}" if within else name, below


def _put(text: str, node: Node, new: Scalar, kind: Kind, flow: bool) -> str:
    """A value in the place of another."""
    if kind.listed and isinstance(node, Sequence) and node.mark != "*":
        elements = kind.parse(new.text)
        if not node.flow and node.elements:
            return _relisted(text, node, elements)
        written = _flow_list(text, node, elements)
    else:
        written = _scalar(new, flow, node.style if isinstance(node, Scalar) else "")
    blank = " " if node.start == node.end else ""  # `key:` with nothing behind it
    return _replaced(text, node.start, node.end, blank + written)


def _relisted(text: str, node: Sequence, values: tuple[str, ...]) -> str:
    """A block list anew: who stays keeps the line, with the comments before and behind."""
    chunks: dict[str, str] = {}
    begin = at = text.rfind("\n", 0, node.elements[0].start) + 1
    for element in node.elements:
        end = _line_end(text, element.end)
        if isinstance(element, Scalar):
            chunks[element.text.strip()] = text[at:end]
        at = end
    indent = text[begin : text.index("-", begin)]
    newline = _newline(text)
    new = "".join(
        _ended(chunks[v], newline) if v in chunks else f"{indent}- {_quoted(v)}{newline}"
        for v in values
    )
    return _replaced(text, begin, at, new)


def _flow_list(text: str, node: Sequence, values: tuple[str, ...]) -> str:
    """A list in brackets anew: who stays keeps the comments before and behind."""
    plain = f"[{', '.join(map(_quoted, values))}]"
    if not node.elements or "#" not in text[node.start : node.end]:
        return plain
    before: dict[str, str] = {}  # an element, and what is between its line and the one before
    behind: dict[str, str] = {}
    at = node.start + 1
    for element in node.elements:
        if isinstance(element, Scalar):
            before[element.text] = text[at : element.start]
        found = _BEHIND_IN_FLOW.match(text, element.end)
        at = found.end() if found else element.end
        if isinstance(element, Scalar) and found and found[1]:
            behind[element.text] = found[1]
    if any(_COMMENT.sub("", one).strip() for one in before.values()):  # a comma, on the next line
        return plain
    newline = _newline(text)
    first = text[node.start + 1 : node.elements[0].start]
    new = "["
    for number, value in enumerate(values):
        lead = before.get(value, " ") if number else first
        if number and lead == first:
            lead = newline + _STEP if "\n" in first else " "
        if "#" in new.rpartition("\n")[2] and "\n" not in lead:
            lead = newline + _STEP
        comma = "" if number + 1 == len(values) else ","
        new += lead + _quoted(value) + comma + behind.get(value, "")
    end = text[at : node.end]
    return new + (newline + end if "#" in new.rpartition("\n")[2] and "\n" not in end else end)


def _inserted(text: str, node: Mapping, within: str, names: list[str], new: Scalar) -> str:
    """A setting that isn't there yet, behind those that are documented before it in `within`."""
    behind = _neighbour(node, within, names[0])
    if node.flow:
        inner = _flow(names, new).removeprefix("{").removesuffix("}")
        if behind is None:
            return _replaced(text, node.start + 1, node.start + 1, inner)
        return _replaced(text, behind.end, behind.end, f", {inner}")
    newline = _newline(text)
    indent = _indent(node)
    at = len(text) if behind is None else _behind(text, behind.end, len(indent))
    return _ended(text[:at], newline) + _lines(names, new, indent, newline) + text[at:]


def _neighbour(node: Mapping, within: str, name: str) -> Node | None:
    settings = declaration(within).kind.settings if within else Config
    known = list(declarations(settings or Config))
    for other in reversed((*node.entries, *known[: known.index(name)])):
        found = node.value(other)
        if found is not None:
            return found
    return None


def _indent(node: Mapping) -> str:
    return " " * next((entry.place.column - 1 for entry in node.entries.values()), 0)


def _lines(names: list[str], new: Scalar, indent: str, newline: str) -> str:
    lines = [f"{indent}{_STEP * n}{name}:" for n, name in enumerate(names)]
    return newline.join(lines) + f" {_scalar(new)}{newline}"


def _flow(names: list[str], new: Scalar) -> str:
    inner = _scalar(new, flow=True)
    for name in reversed(names):
        inner = f"{{{name}: {inner}}}"
    return inner


def _scalar(new: Scalar, flow: bool = False, style: str = "") -> str:
    if new.tag != "str":
        return new.text
    if style == "'":
        return "'" + new.text.replace("'", "''") + "'"
    if style == '"' or (flow and set(new.text) & set(",[]{}")):
        return _double_quoted(new.text)
    return in_yaml(new.text)


def in_yaml(text: str) -> str:
    """A text as it may stand behind a key, without quotes if it is the same without them."""
    return _quoted(text, _PLAIN)


def _quoted(value: str, plain: re.Pattern[str] = _PLAIN_IN_LIST) -> str:
    if plain.fullmatch(value):
        try:
            node, problems = yaml.read("", f"a: {value}\n")
        except ConfigError:
            pass
        else:
            if not problems and _plain(node) == {"a": ("str", value)}:
                return value
    return _double_quoted(value)


def _double_quoted(value: str) -> str:
    """As in JSON, whose strings YAML takes but for signs that it has no place for in a text."""
    dumped = json.dumps(value, ensure_ascii=False)
    return _NO_TEXT.sub(lambda found: f"\\u{ord(found[0]):04x}", dumped)


def _replaced(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _line_end(text: str, at: int) -> int:
    """Where the line ends that `at` is on, its newline with it."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _behind(text: str, at: int, column: int) -> int:
    """Behind the line that `at` is on, and the comments after it that are indented deeper than
    `column`: they belong to what stands there."""
    found = at = _line_end(text, at)
    while at < len(text):
        end = _line_end(text, at)
        line = text[at:end]
        bare = line.lstrip(" ")
        if bare.startswith("#") and len(line) - len(bare) > column:
            found = end
        elif bare.strip():
            break
        at = end
    return found


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _ended(text: str, newline: str) -> str:
    return text if not text or text.endswith("\n") else text + newline


def _plain(node: Node) -> Any:
    """What a tree says, without its places."""
    if isinstance(node, Mapping):
        return {key: _plain(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, Sequence):
        return [_plain(element) for element in node.elements]
    return node.tag, node.text


def _with(plain: Any, names: list[str], new: Scalar, kind: Kind) -> Any:
    """What it must say afterwards."""
    if names:
        below = plain if isinstance(plain, dict) else {}
        return {**below, names[0]: _with(below.get(names[0]), names[1:], new, kind)}
    if kind.listed and isinstance(plain, list):
        return [("str", each) for each in kind.parse(new.text)]
    return new.tag, new.text
