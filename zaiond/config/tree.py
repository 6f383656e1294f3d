"""The values of a YAML file, each of which knows its place, and the merging of files."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import NamedTuple

from zaiond.errors import Diagnostic
from zaiond.text import Text


class Place(NamedTuple):
    """Where something stands; `line` and `column` count from 1."""

    file: str
    line: int
    column: int

    def diagnostic(self, key: str, text: Text) -> Diagnostic:
        """What is wrong there with the setting `key`, '' being the file itself."""
        return Diagnostic(self.file, self.line, self.column, key, text)


@dataclass(frozen=True, slots=True)
class _Value:
    """What every value has.

    `place` is for errors; the value itself is `[start:end]` of the file's text. `mark` is "&" where
    it has a name in YAML, and "*" where it comes by one: then its `place`, and what is in it, is
    where it has the name.
    """

    place: Place
    _: KW_ONLY
    start: int = 0
    end: int = 0
    mark: str = ""

    @property
    def is_null(self) -> bool:
        return isinstance(self, Scalar) and self.tag == "null"


@dataclass(frozen=True, slots=True)
class Scalar(_Value):
    """A single value; `tag` is what YAML 1.1 takes it for: str, int, float, bool, null, …

    `style` is how it is quoted: ', ", | or >; '' where it stands there without quotes, ! where it
    has a tag of its own.
    """

    tag: str
    text: str = field(repr=False)
    style: str = "'"


@dataclass(frozen=True, slots=True)
class Sequence(_Value):
    """A list; `flow`: in brackets."""

    elements: tuple["Node", ...]
    flow: bool = False


class Entry(NamedTuple):
    """A key's place and value. `name` is the key as it may be shown: `?` where it might be a
    piece of a secret that was written without quotes."""

    place: Place
    name: str
    value: "Node"


@dataclass(frozen=True, slots=True)
class Mapping(_Value):
    """Keys and their values, in the order of the file; `flow`: in braces."""

    entries: dict[str, Entry]
    flow: bool = False

    def value(self, key: str) -> "Node | None":
        """The value of a key."""
        entry = self.entries.get(key)
        return entry.value if entry else None


Node = Scalar | Sequence | Mapping


def merge(
    base: Mapping,
    over: Mapping,
    null_counts: Callable[[tuple[str, ...]], bool] = lambda _: False,
    path: tuple[str, ...] = (),
) -> Mapping:
    """`base` with `over` on top, both at the keys `path`: mappings key by key, lists and scalars
    replaced; null removes, unless it is a value there."""
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries.get(key)
        value = entry.value
        within = (*path, key)
        if value.is_null and not null_counts(within):
            entries.pop(key, None)
        elif isinstance(value, Mapping) and below and isinstance(below.value, Mapping):
            inner = merge(below.value, value, null_counts, within)
            entries[key] = Entry(below.place, below.name, inner)
        elif isinstance(value, Mapping):
            empty = Mapping(value.place, {})
            inner = merge(empty, value, null_counts, within)
            entries[key] = Entry(entry.place, entry.name, inner)
        else:
            entries[key] = entry
    return Mapping(base.place, entries)
