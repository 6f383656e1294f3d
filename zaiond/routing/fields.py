"""The fields of an event that routes and silences name, and patterns of what they hold.

A field is an attribute (`type`) or lies below data (`data.host`). Many routes ask the same few
fields: the Index asks each field of an event once, and remembers which routes a value may match.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import translate
from typing import Any

from zaiond.model import Event

Conditions = dict[str, tuple[str, ...]]  # field: shell patterns, of which one must match
Test = Callable[[Event], bool]
_MOST_VALUES = 4096  # of a field, and
_LONGEST_VALUE = 255  # characters, for which it is remembered what they match


class Index:
    """Finds which of several conditions an event meets; each may ask for several fields."""

    def __init__(self, conditions: Sequence[Conditions]) -> None:
        self._all = (1 << len(conditions)) - 1
        names = dict.fromkeys(name for each in conditions for name in each)
        self._fields = [_Field(name, [each.get(name) for each in conditions]) for name in names]

    def matching(self, event: Event) -> int:
        """A bit for each that is met, the lowest for the first."""
        found = self._all
        for field in self._fields:
            found &= field.matching(event)
            if not found:
                break
        return found


class _Field:
    """A field, with the patterns of each; None: it asks nothing of this field."""

    def __init__(self, name: str, patterns: Sequence[tuple[str, ...] | None]) -> None:
        self._values = values_of(name)
        self._any = sum(1 << n for n, each in enumerate(patterns) if each is None)
        self._tests = [
            (1 << n, any_of(each)) for n, each in enumerate(patterns) if each is not None
        ]
        self._known: dict[str, int] = {}

    def matching(self, event: Event) -> int:
        found = self._any
        for value in self._values(event):
            bits = self._known.get(value)
            found |= self._ask(value) if bits is None else bits
        return found

    def _ask(self, value: str) -> int:
        bits = sum(bit for bit, matches in self._tests if matches(value))
        if len(value) <= _LONGEST_VALUE:
            if len(self._known) >= _MOST_VALUES:
                self._known.clear()
            self._known[value] = bits
        return bits


def values_of(name: str) -> Callable[[Event], Sequence[str]]:
    """Gives the values of a field: several, where it is a list; none, where it is absent."""
    if name.startswith("data."):
        keys = name.split(".")[1:]
        return lambda event: _texts(_below(event.data, keys))

    def values(event: Event) -> Sequence[str]:
        value = getattr(event, name)
        return () if value is None else (str(value),)

    return values


def field_test(name: str, patterns: Iterable[str]) -> Test:
    """Whether a field has a value that one of the patterns matches."""
    matches, values = any_of(patterns), values_of(name)
    return lambda event: any(map(matches, values(event)))


def any_of(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether a text, as a whole, is matched by one of the shell patterns."""
    listed = tuple(patterns)
    exact = frozenset(p for p in listed if not any(sign in p for sign in "*?["))
    others = [p for p in listed if p not in exact]
    if not others:
        return exact.__contains__
    if any(not p.strip("*") for p in others):
        return _anything
    found = re.compile("|".join(map(translate, others))).match
    if not exact:
        return lambda text: found(text) is not None
    return lambda text: text in exact or found(text) is not None


def _anything(text: str) -> bool:  # noqa: ARG001
    return True


def label_of(event: Event, name: str) -> str:
    """The value of a field as text, "" where there is none."""
    if name.startswith("data."):
        value = _below(event.data, name.split(".")[1:])
        return value if isinstance(value, str) else "" if value is None else _as_text(value)
    value = getattr(event, name)
    return "" if value is None else str(value)


def _below(data: Any, keys: list[str]) -> Any:
    """What is below these keys, each one deeper; or below all of them as one key with dots."""
    value = data
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return data.get(".".join(keys)) if len(keys) > 1 else None
        value = value[key]
    return value


def _texts(value: Any) -> Sequence[str]:
    if value is None:
        return ()
    return [_as_text(each) for each in (value if isinstance(value, list) else [value])]


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
