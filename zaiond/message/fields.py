"""The data of an event, laid out for a reader: a line each, or several below its label."""

from collections.abc import Iterable
from json import dumps
from typing import Any

from zaiond.safe import clean, one_line

MOST_FIELDS = 1000  # of data; nobody reads more of them, and each takes time
_DEPTH = 5  # of data shown over several lines; what is deeper is JSON on one
_LONGEST_LIST = 60  # of data, on one line
_CONSTANTS = {None: "null", True: "true", False: "false"}


class Fields:
    """Values with their labels, as many as a mail has room for. `left_out`: how many more there
    are; what such a value holds is not counted.
    """

    __slots__ = ("_lines", "_room", "left_out")

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._room = MOST_FIELDS
        self.left_out = 0

    def put_all(self, indent: str, values: dict[str, Any] | list[Any], depth: int) -> None:
        items: Iterable[tuple[str | None, Any]]
        items = values.items() if isinstance(values, dict) else ((None, each) for each in values)
        for number, (name, value) in enumerate(items):
            if not self._room:
                self.left_out += len(values) - number
                return
            self._room -= 1
            label = "-" if name is None else f"{one_line(name)}:"
            if isinstance(value, str) and value.isprintable():  # most are
                self._lines.append(f"{indent}{label} {value}")
            else:
                self.put(indent, label, value, depth)

    def put(self, indent: str, label: str, value: Any, depth: int) -> None:
        """One value with its label: on the same line if it fits there, else indented below."""
        lines = self._lines
        if isinstance(value, str):
            text = clean(value)
            if "\n" in text:
                lines.append(indent + label)
                below = f"{indent}  "
                text = below + text.rstrip().replace("\n", "\n" + below)
                lines += map(str.rstrip, text.split("\n"))
            else:
                lines.append(f"{indent}{label} {text}")
        elif value and depth < _DEPTH and isinstance(value, dict):
            lines.append(indent + label)
            self.put_all(f"{indent}  ", value, depth + 1)
        elif value and depth < _DEPTH and isinstance(value, list):
            text = _on_one_line(value)
            if text:
                lines.append(f"{indent}{label} {text}")
                return
            lines.append(indent + label)
            self.put_all(f"{indent}  ", value, depth + 1)
        else:
            lines.append(f"{indent}{label} {scalar(value)}")


def scalar(value: Any) -> str:
    if isinstance(value, str):
        return value
    # In most events it is a number, and dumps is slow.
    if type(value) is int or type(value) is float:
        return repr(value)
    if value is None or isinstance(value, bool):
        return _CONSTANTS[value]
    return clean(dumps(value, ensure_ascii=False))


def _on_one_line(values: list[Any]) -> str:
    """`a, b`; "" if that is too long, or wouldn't show where a value ends."""
    if len(values) > _LONGEST_LIST or any(isinstance(value, (dict, list)) for value in values):
        return ""
    texts = [scalar(value) for value in values]
    text = ", ".join(texts)
    if len(text) > _LONGEST_LIST or not text.isprintable() or text.count(",") >= len(texts):
        return ""
    return text
