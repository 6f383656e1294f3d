"""What a template may make in one step: Python interrupts its lines, but not one call of a function
of its own, so what such a call would make is looked at before.
"""

import re
from collections.abc import Mapping
from typing import Any

from zaiond.message.custom import MOST_BYTES

MOST_IN_ALL = 64 * 1024 * 1024  # characters, of all that is made on the way
MOST_BITS = 4096  # of a number
_WIDEST = 1000  # of what is padded, indented, rounded or cut in pieces
_GROWING = frozenset(
    {"center", "ljust", "rjust", "zfill", "expandtabs", "indent", "batch", "slice", "round",
     "tojson", "to_bytes", "wordwrap"}
)  # fmt: skip
_FORMATTING = frozenset({"format", "format_map"})
_is_wide_format = re.compile(r"[0-9]{4}|\*|\{[^{}]*\{").search


class TooLargeError(Exception):
    """It would be more than a mail has room for."""


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float))


def bound(size: float, most: int) -> None:
    if size > most:
        raise TooLargeError


def weight(value: Any) -> int:
    """How much a value takes up; what stands in a list twice is counted twice."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, (list, tuple)):
        return sum(map(weight, value), 8)
    return 8


def bits(value: Any) -> int:
    return value.bit_length() if isinstance(value, int) else 0


def guard(name: str, value: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Raises where a filter, or a method of a text or number, would make too much in one step."""
    given = (*args, *kwargs.values())
    if name in _GROWING:
        for each in given:
            bound(abs(each) if isinstance(each, (int, float)) else 0, _WIDEST)
            bound(len(each) if isinstance(each, str) else 0, _WIDEST)
    elif name in _FORMATTING:
        if _is_wide_format(str(value)):
            raise TooLargeError
        bound(len(str(value)) + sum(len(str(each)) for each in given), MOST_BYTES)
    elif name == "replace" and given:
        text, old, new = str(value), str(given[0]), str(given[1]) if len(given) > 1 else ""
        times = text.count(old) if old else len(text) + 1
        bound(len(text) + times * (len(new) - len(old)), MOST_BYTES)
    elif name == "join":
        parts, between = (given, value) if isinstance(value, str) else (value, given[:1])
        bound(weight(parts) + weight(between) * len(parts), MOST_BYTES)
    elif name == "translate" or (name == "sum" and not all(map(_is_plain, given))):
        raise TooLargeError
