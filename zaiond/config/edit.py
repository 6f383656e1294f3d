"""A configuration's YAML text with some values changed, and every other character as it was.

Only the stretch of a value is replaced. A setting that isn't there yet comes after the ones that
are documented before it. What was made is read again: it must say the same as before, but for what
was to change.
"""

import json
import re
from collections.abc import Mapping as Changes
from typing import Any

from zaiond.config import yaml
from zaiond.config.keys import dotted
from zaiond.config.schema import Config, declarations
from zaiond.config.tree import Mapping, Node, Scalar, Sequence
from zaiond.errors import ConfigError, ZaiondError
from zaiond.text import Text

Path = tuple[str, ...]
Value = str | int | bool | tuple[str, ...]
"""What is written; a tuple is a list of addresses, which may stand in one text with commas."""

_STEP = "  "
# What means the same in every place and to every parser, where it is no number or the like.
_PLAIN_IN_LIST = re.compile(r"[A-Za-z0-9_.@/+= -]+")
_NO_TEXT = re.compile("[\ufeff\ufffe\uffff]")
_PLAIN = re.compile(r"[A-Za-z0-9_.@/+= ,-]+")


class EditError(ZaiondError):
    """The value can't be changed without changing something else: a person must do it."""


def change(name: str, text: str, changes: Changes[Path, Value]) -> str:
    """`text` with `changes` made; `name` is how errors name the file. Raises EditError.

    The text must be one that `yaml.read` takes.
    """
    bare = text.removeprefix("\ufeff")
    mark, text = text[: len(text) - len(bare)], bare
    top, _ = yaml.read(name, text)
    wanted = _plain(top)
    for path, value in changes.items():
        text = _changed(text, top, path, value)
        wanted = _with(wanted, path, value)
        try:
            top, problems = yaml.read(name, text)
        except ConfigError:
            raise _impossible(path, value) from None
        if problems or _plain(top) != wanted:
            raise _impossible(path, value)
    return mark + text


def is_shared(top: Mapping, path: Path) -> bool:
    """Whether the value, or a mapping that it is in, has a YAML name (`&`) or comes by one (`*`):
    to change it here would change it elsewhere, or cut it off from there."""
    node: Node | None = top
    for name in path:
        if not isinstance(node, Mapping) or node.mark:
            break
        node = node.value(name)
    return node is not None and node.mark != ""


def _impossible(path: Path, value: Value) -> EditError:
    key = dotted(path)
    written = "********" if path[-1] == "password" else _scalar(value, flow=False)
    return EditError(
        Text(
            ja=f"{key} は、この設定ファイルの書き方のままでは自動的に変更できません。エディターで "
            f"{key} を {written} に書き換えてください",
            en=f"{key} can't be changed automatically, the way this file is written: edit it, and "
            f"set {key} to {written}",
        )
    )


def _changed(text: str, top: Mapping, path: Path, value: Value) -> str:
    node = top
    for depth, name in enumerate(path):
        inner = node.value(name)
        if inner is None:
            return _inserted(text, node, path, depth, value)
        if depth + 1 == len(path):
            return _put(text, inner, value, node.flow)
        if inner.is_null and not inner.mark:  # what would be below it is not there yet
            before = text[: inner.start].rstrip(" ")
            if node.flow:
                below = " " + _flow(path[depth + 1 :], value)
            else:
                newline = _newline(text)
                indent = _indent(node) + _STEP
                below = newline + _lines(path[depth + 1 :], value, indent, newline).rstrip("\r\n")
            return before + below + text[inner.end :]
        if not isinstance(inner, Mapping) or inner.mark == "*":
            break
        node = inner
    raise _impossible(path, value)


def _put(text: str, node: Node, value: Value, flow: bool) -> str:
    """A value in the place of another."""
    if isinstance(value, tuple) and isinstance(node, Sequence) and node.mark != "*":
        if not node.flow and node.elements:
            return _relisted(text, node, value)
        return _replaced(text, node.start, node.end, f"[{', '.join(_quoted(v) for v in value)}]")
    written = _scalar(value, flow, node.style if isinstance(node, Scalar) else "")
    if node.start == node.end:  # `key:` with nothing behind it
        written = f" {written}"
    return _replaced(text, node.start, node.end, written)


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


def _inserted(text: str, node: Mapping, path: Path, depth: int, value: Value) -> str:
    """A setting that isn't there yet, behind those that are documented before it."""
    behind = _neighbour(node, path[: depth + 1])
    if node.flow:
        new = _flow(path[depth:], value).removeprefix("{").removesuffix("}")
        if behind is None:
            return _replaced(text, node.start + 1, node.start + 1, new)
        return _replaced(text, behind.end, behind.end, f", {new}")
    if behind is None:  # nothing but comments, or `null`
        text = _replaced(text, node.start, node.end, "")
    newline = _newline(text)
    indent = _indent(node)
    at = len(text) if behind is None else _behind(text, behind.end, len(indent))
    return _ended(text[:at], newline) + _lines(path[depth:], value, indent, newline) + text[at:]


def _indent(node: Mapping) -> str:
    return " " * next((entry.place.column - 1 for entry in node.entries.values()), 0)


def _neighbour(node: Mapping, path: Path) -> Node | None:
    kind: type | None = Config
    for name in path[:-1]:
        kind = declarations(kind)[name].mapping if kind is not None else None
    before: list[str] = []
    for name in declarations(kind) if kind is not None else ():
        if name == path[-1]:
            break
        before.append(name)
    for name in reversed((*node.entries, *before)):
        found = node.value(name)
        if found is not None:
            return found
    return None


def _lines(path: Path, value: Value, indent: str, newline: str) -> str:
    lines = [f"{indent}{_STEP * n}{name}:" for n, name in enumerate(path)]
    return newline.join(lines) + f" {_scalar(value, flow=False)}{newline}"


def _flow(path: Path, value: Value) -> str:
    inner = _scalar(value, flow=True)
    for name in reversed(path):
        inner = f"{{{name}: {inner}}}"
    return inner


def _scalar(value: Value, flow: bool, style: str = "") -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        value = ", ".join(value)
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    if style == '"' or (flow and set(value) & set(",[]{}")):
        return _double_quoted(value)
    return _quoted(value, listed=False)


def _quoted(value: str, *, listed: bool = True) -> str:
    """A text without quotes, if it is the same without them, in a list too if it is `listed`."""
    if (_PLAIN_IN_LIST if listed else _PLAIN).fullmatch(value):
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


def _with(plain: Any, path: Path, value: Value) -> Any:
    """What it must say afterwards."""
    if path:
        below = plain if isinstance(plain, dict) else {}
        return {**below, path[0]: _with(below.get(path[0]), path[1:], value)}
    if isinstance(value, tuple) and isinstance(plain, list):
        return [("str", each) for each in value]
    if isinstance(value, bool):
        return "bool", _scalar(value, flow=False)
    if isinstance(value, int):
        return "int", str(value)
    return "str", ", ".join(value) if isinstance(value, tuple) else value
