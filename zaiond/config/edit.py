"""A configuration's YAML text with some values changed, and every other character as it was.

Only the stretch of a value is replaced. A setting that isn't there yet comes after the ones that
are documented before it. What was made is read again: it must say the same as before, but for what
was to change.
"""

import json
import re
from collections.abc import Mapping as Changes
from typing import Any, NamedTuple

from zaiond.config import yaml
from zaiond.config.schema import Config, declaration, declarations
from zaiond.config.tree import Mapping, Node, Scalar, Sequence
from zaiond.errors import ConfigError, ZaiondError
from zaiond.text import Text

Path = tuple[str, ...]
Value = str | int | bool | tuple[str, ...]
"""What is written; a tuple is a list of addresses, which may stand in one text with commas."""

_STEP = "  "
# What means the same in every place and to every parser, where it is no number or the like.
_PLAIN_IN_LIST = re.compile(r"[A-Za-z0-9_.@/+= -]+")
_PLAIN = re.compile(r"[A-Za-z0-9_.@/+= ,-]+")
_NO_TEXT = re.compile("[\ufeff\ufffe\uffff]")


class EditError(ZaiondError):
    """The value can't be changed without changing something else: a person must do it."""


class _New(NamedTuple):
    """A value as YAML has it, and its elements if it may be a list."""

    tag: str
    text: str
    elements: tuple[str, ...] | None


def dotted(path: Path) -> str:
    """The key as errors name it."""
    return ".".join(path)


def change(name: str, text: str, changes: Changes[Path, Value]) -> str:
    """`text` with `changes` made; `name` is how errors name the file. Raises EditError.

    The text must be one that `yaml.read` takes.
    """
    bare = text.removeprefix("\ufeff")
    mark, text = text[: len(text) - len(bare)], bare
    top, _ = yaml.read(name, text)
    wanted = _plain(top)
    for path, value in changes.items():
        kind = declaration(path).kind
        new = _New(kind.tag, kind.write(value), value if isinstance(value, tuple) else None)
        wanted = _with(wanted, path, new)
        after = _changed(text, top, path, new)
        try:
            top, problems = (top, []) if after is None else yaml.read(name, after)
        except ConfigError:
            after = None
        if after is None or problems or _plain(top) != wanted:
            written = "********" if kind.secret else _scalar(new, flow=False)
            raise _impossible(dotted(path), written)
        text = after
    return mark + text


def _impossible(key: str, written: str) -> EditError:
    return EditError(
        Text(
            ja=f"{key} は、この設定ファイルの書き方のままでは自動的に変更できません。エディターで "
            f"{key} を {written} に書き換えてください",
            en=f"{key} can't be changed automatically, the way this file is written: edit it, and "
            f"set {key} to {written}",
        )
    )


def is_shared(top: Mapping, path: Path) -> bool:
    """Whether the value, or a mapping that it is in, has a YAML name (`&`) or comes by one (`*`):
    to change it here would change it elsewhere, or cut it off from there."""
    node: Node | None = top
    for name in path:
        if not isinstance(node, Mapping) or node.mark:
            break
        node = node.value(name)
    return node is not None and node.mark != ""


def _changed(text: str, top: Mapping, path: Path, new: _New) -> str | None:
    """None where something else stands in the way."""
    node = top
    for depth, name in enumerate(path):
        inner, below = node.value(name), path[depth + 1 :]
        if inner is None:
            return _inserted(text, node, path, depth, new)
        if not below:
            return _put(text, inner, new, node.flow)
        if inner.is_null and not inner.mark:  # what would be below it is not there yet
            before, behind = text[: inner.start].rstrip(" "), text[inner.end :]
            if node.flow:
                return f"{before} {_flow(below, new)}{behind}"
            newline = _newline(text)
            lines = _lines(below, new, _indent(node) + _STEP, newline)
            return before + newline + lines.removesuffix(newline) + behind
        if not isinstance(inner, Mapping) or inner.mark == "*":
            return None
        node = inner
    raise AssertionError("a path has at least one name")


def _put(text: str, node: Node, new: _New, flow: bool) -> str:
    """A value in the place of another."""
    if new.elements is not None and isinstance(node, Sequence) and node.mark != "*":
        if not node.flow and node.elements:
            return _relisted(text, node, new.elements)
        written = f"[{', '.join(map(_quoted, new.elements))}]"
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


def _inserted(text: str, node: Mapping, path: Path, depth: int, new: _New) -> str:
    """A setting that isn't there yet, behind those that are documented before it."""
    behind = _neighbour(node, path[: depth + 1])
    if node.flow:
        inner = _flow(path[depth:], new).removeprefix("{").removesuffix("}")
        if behind is None:
            return _replaced(text, node.start + 1, node.start + 1, inner)
        return _replaced(text, behind.end, behind.end, f", {inner}")
    if behind is None:  # nothing but comments, or `null`
        text = _replaced(text, node.start, node.end, "")
    newline = _newline(text)
    indent = _indent(node)
    at = len(text) if behind is None else _behind(text, behind.end, len(indent))
    return _ended(text[:at], newline) + _lines(path[depth:], new, indent, newline) + text[at:]


def _neighbour(node: Mapping, path: Path) -> Node | None:
    settings = declaration(path[:-1]).kind.settings if path[:-1] else Config
    names = list(declarations(settings)) if settings else []
    documented = names[: names.index(path[-1])] if path[-1] in names else names
    for name in reversed((*node.entries, *documented)):
        found = node.value(name)
        if found is not None:
            return found
    return None


def _indent(node: Mapping) -> str:
    return " " * next((entry.place.column - 1 for entry in node.entries.values()), 0)


def _lines(path: Path, new: _New, indent: str, newline: str) -> str:
    lines = [f"{indent}{_STEP * n}{name}:" for n, name in enumerate(path)]
    return newline.join(lines) + f" {_scalar(new, flow=False)}{newline}"


def _flow(path: Path, new: _New) -> str:
    inner = _scalar(new, flow=True)
    for name in reversed(path):
        inner = f"{{{name}: {inner}}}"
    return inner


def _scalar(new: _New, flow: bool, style: str = "") -> str:
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


def _with(plain: Any, path: Path, new: _New) -> Any:
    """What it must say afterwards."""
    if path:
        below = plain if isinstance(plain, dict) else {}
        return {**below, path[0]: _with(below.get(path[0]), path[1:], new)}
    if new.elements is not None and isinstance(plain, list):
        return [("str", each) for each in new.elements]
    return new.tag, new.text
