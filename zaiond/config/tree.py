"""YAML text to a tree in which every value knows its place, and the merging of such trees.

It is made from libyaml's events, not from PyYAML's nodes, so that depth and size are bounded before
anything is built: deep nesting costs no stack, and aliases can't multiply (a "billion laughs").
"""

import re
from dataclasses import dataclass, field, replace

import yaml

from zaiond.config import encoding, full_width, syntax
from zaiond.errors import ConfigError, Diagnostic
from zaiond.text import Text

MAX_DEPTH = 32
MAX_NODES = 20_000
_CORE = "tag:yaml.org,2002:"
# libyaml takes some of these for line ends that no editor shows as one, and refuses the others.
_UNFIT = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\r(?!\n)")
_RESOLVER = yaml.resolver.Resolver()
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands; `line` and `column` count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; `tag` is what YAML 1.1 takes it for: str, int, float, bool, null, …

    `plain`: it stands there without quotes.
    """

    place: Place
    tag: str
    text: str = field(repr=False)
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    place: Place
    elements: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's place and value. `name` is the key as it may be shown: `?` where it might be a
    piece of a secret that was written without quotes."""

    place: Place
    name: str
    value: "Node"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and their values, in the order of the file."""

    place: Place
    entries: dict[str, Entry]


Node = Scalar | Sequence | Mapping


def read(file: str, text: str) -> tuple[Mapping, list[Diagnostic]]:
    """The tree of `text` and what is wrong with it short of syntax (duplicate keys, odd keys).

    Raises ConfigError with one Diagnostic where the text is not YAML, or not a mapping.
    """
    text = text.removeprefix("\ufeff")
    unfit = _UNFIT.search(text)
    if unfit:
        sentence = encoding.in_jis(file, text) or _unfit_sentence(unfit[0])
        raise _fault(_place_of(file, text, unfit.start()), sentence)
    return _Reader(file, text).document()


def plain_scalar(place: Place, text: str) -> Scalar:
    """The value that `text` is where it stands without quotes."""
    return Scalar(place, _implicit_tag(text, (True, False)).removeprefix(_CORE), text, plain=True)


def _implicit_tag(text: str, implicit: tuple[bool, bool]) -> str:
    return str(_RESOLVER.resolve(yaml.ScalarNode, text, implicit))  # type: ignore[no-untyped-call]


def merge(base: Mapping, over: Mapping) -> Mapping:
    """`base` with `over` on top: mappings key by key, lists and scalars replaced, null removes."""
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries.get(key)
        value = entry.value
        if isinstance(value, Scalar) and value.tag == "null":
            entries.pop(key, None)
        elif isinstance(value, Mapping) and below and isinstance(below.value, Mapping):
            entries[key] = Entry(below.place, below.name, merge(below.value, value))
        elif isinstance(value, Mapping):
            empty = Mapping(value.place, {})
            entries[key] = Entry(entry.place, entry.name, merge(empty, value))
        else:
            entries[key] = entry
    return Mapping(base.place, entries)


def _fault(place: Place, text: Text, key: str = "") -> ConfigError:
    return ConfigError((Diagnostic(place.file, place.line, place.column, key, text),))


def _place_of(file: str, text: str, index: int) -> Place:
    """The place of `text[index]`."""
    start = text.rfind("\n", 0, index) + 1
    return Place(file, text.count("\n", 0, index) + 1, index - start + 1)


def _unfit_sentence(sign: str) -> Text:
    if sign == "\r":
        return Text(
            ja="行末が CR だけになっています。改行コードを LF（または CRLF）にして保存してください",
            en="a line ends with CR alone: save the file with LF (or CRLF) line ends",
        )
    return Text(
        ja=f"使えない文字（U+{ord(sign):04X}）があります。この文字を取り除いてください",
        en=f"U+{ord(sign):04X} can't be used in this file: take it out",
    )


class _Reader:
    """Builds the tree of one file from libyaml's events."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text
        self._loader = yaml.CLoader(text)
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._nodes = 0
        self._problems: list[Diagnostic] = []
        self._lines = text.split("\n")
        self._slips: list[Diagnostic] = []  # full-width signs that change what the file means

    def document(self) -> tuple[Mapping, list[Diagnostic]]:
        try:
            return self._mapping_document()
        except yaml.MarkedYAMLError as error:
            self._demand_no_slips(error.problem_mark.line + 1 if error.problem_mark else None)
            place, line = self._place_of_fault(error)
            raise _fault(place, syntax.sentence(error.problem, line)) from None
        except yaml.YAMLError:
            raise _fault(Place(self._file, 1, 1), syntax.sentence(None, "")) from None

    def _mapping_document(self) -> tuple[Mapping, list[Diagnostic]]:
        top = Mapping(Place(self._file, 1, 1), {})
        self._next()  # the stream's start
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):  # else the file is empty
            first = self._node(self._next(), (), 0)
            if self._slips:
                if not isinstance(first, Mapping):  # then there is more that wasn't read
                    self._demand_no_slips(None)
                raise ConfigError(tuple(dict.fromkeys(self._slips)))
            if isinstance(first, Mapping):
                top = first
            elif not (isinstance(first, Scalar) and first.tag == "null" and first.text == ""):
                raise _fault(
                    first.place,
                    Text(
                        ja="ファイルの全体が「項目: 値」の形になっていません"
                        "（「:」のあとには半角の空白が必要です）",
                        en="the file must be made of `key: value`, with a space after the ':'",
                    ),
                )
            self._next()  # the document's end
            event = self._next()
            if not isinstance(event, yaml.StreamEndEvent):
                raise _fault(
                    self._place(event),
                    Text(
                        ja="「---」で 2 つ目の文書が始まっています。1 つのファイルには 1 つの"
                        "文書だけを書いてください",
                        en="'---' begins a second document: a file holds one only",
                    ),
                )
        return top, self._problems

    def _place_of_fault(self, error: yaml.MarkedYAMLError) -> tuple[Place, str]:
        """Where to look, and the text of that line: libyaml may point behind the file's end."""
        mark = error.problem_mark
        if error.context_mark and error.problem in syntax.AT_CONTEXT:
            mark = error.context_mark
        lines = self._text.rstrip("\r\n").split("\n")
        line = min(mark.line, len(lines) - 1) if mark else 0
        column = mark.column if mark and mark.line == line else len(lines[line]) - 1
        column = max(0, min(column, len(lines[line]) - 1))
        return Place(self._file, line + 1, column + 1), lines[line]

    def _demand_no_slips(self, fault: int | None) -> None:
        """Raises ConfigError with every full-width sign, if one of them can be the reason of what
        is wrong on the line `fault`: it stands before what it breaks."""
        slips = [
            Diagnostic(self._file, number, slip.column, "", slip.text)
            for number, line in enumerate(self._lines, 1)
            for slip in full_width.in_broken_line(line)
        ]
        if any(fault is None or slip.line <= fault for slip in slips):
            raise ConfigError(tuple(slips)) from None

    def _look_for_slips(self, event: yaml.Event) -> None:
        """Full-width signs at the beginning of the lines of a text without quotes."""
        start, end = event.start_mark, event.end_mark
        assert start is not None  # noqa: S101 (libyaml gives every event its marks)
        assert end is not None  # noqa: S101
        before = self._lines[start.line][: start.column]
        first = start.line + (before.strip(" -") != "")
        for number, line in enumerate(self._lines[first : end.line + 1], first + 1):
            for slip in full_width.in_line(line):
                self._slips.append(Diagnostic(self._file, number, slip.column, "", slip.text))

    def _next(self) -> yaml.Event:
        event = self._loader.get_event()
        assert event is not None  # noqa: S101 (the stream's end is the last that is asked for)
        return event

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        assert mark is not None  # noqa: S101 (libyaml gives every event its marks)
        column = mark.column + 1
        if getattr(event, "value", None) == "" and mark.line < len(self._lines):
            # What is missing at a line's end is told of at its last sign.
            column = min(column, max(1, len(self._lines[mark.line])))
        return Place(self._file, mark.line + 1, column)

    def _node(
        self, event: yaml.Event, path: tuple[str, ...], depth: int, key: Place | None = None
    ) -> Node:
        place = self._place(event)
        if depth > MAX_DEPTH:
            raise _fault(
                place,
                Text(
                    ja=f"入れ子が深すぎます（{MAX_DEPTH} 段まで）",
                    en=f"this is nested too deeply ({MAX_DEPTH} levels at most)",
                ),
            )
        self._count(1, place)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "", place)
        before = self._nodes
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = None
        node: Node
        if isinstance(event, yaml.MappingStartEvent):
            node = self._mapping(event, place, path, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(place, path, depth)
        else:
            node = self._scalar(event, place, path, key or place)
        if anchor is not None:
            self._anchors[anchor] = (node, self._nodes - before + 1)
        return node

    def _count(self, nodes: int, place: Place) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _fault(
                place,
                Text(
                    ja=f"値が多すぎます（別名「*」の展開を含めて {MAX_NODES} 個まで）",
                    en=f"there are too many values ({MAX_NODES} at most, those of aliases '*' "
                    "counted)",
                ),
            )

    def _alias(self, anchor: str, place: Place) -> Node:
        known = self._anchors.get(anchor)
        if known is None:
            raise _fault(
                place,
                Text(
                    ja="「*」は、前に「&」で名前を付けた値を表しますが、その名前の値がありません。"
                    "「*」で始まる文字列は引用符で囲んでください",
                    en="'*' stands for a value marked by '&' before, and none has that name; if it "
                    "is meant as text, put it in quotes",
                ),
            )
        node, size = known
        self._count(size, place)
        return node

    def _mapping(
        self, event: yaml.MappingStartEvent, place: Place, path: tuple[str, ...], depth: int
    ) -> Mapping:
        entries: dict[str, Entry] = {}
        while not isinstance(head := self._next(), yaml.MappingEndEvent):
            key = self._node(head, path, depth + 1)
            text = key.text if isinstance(key, Scalar) else ""
            following = self._next()
            # In `{password: a, b}` the second key is a piece of the password.
            bare = bool(event.flow_style) and getattr(following, "value", None) == ""
            name = text if _KEY.fullmatch(text) and not bare else "?"
            value = self._node(following, (*path, name), depth + 1, key.place)
            if not isinstance(key, Scalar) or not text:
                where = key.place  # of no key at all: behind the "?", which may end the line
                self._problem(
                    replace(where, column=max(1, where.column - 1))
                    if isinstance(key, Scalar)
                    else where,
                    path,
                    Text(ja="項目名は文字で書いてください", en="a key must be text"),
                )
            elif isinstance(head, yaml.ScalarEvent) and head.implicit[0] and text == "<<":
                self._problem(
                    key.place,
                    path,
                    Text(
                        ja="「<<」（マージキー）は使えません。項目を書き並べるか、値の全体を"
                        "別名「*」で参照してください",
                        en="'<<' (a merge key) can't be used: write the settings out, or take the "
                        "whole mapping by an alias '*'",
                    ),
                )
            elif text in entries:
                first = entries[text].place.line
                self._problem(
                    key.place,
                    (*path, name),
                    Text(
                        ja=f"同じ項目が {first} 行目にもあります。どちらか 1 つにしてください",
                        en=f"this key is already on line {first}: keep one of the two",
                    ),
                )
            else:
                entries[text] = Entry(key.place, name, value)
        return Mapping(place, entries)

    def _sequence(self, place: Place, path: tuple[str, ...], depth: int) -> Sequence:
        elements: list[Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            within = (*path[:-1], f"{path[-1]}[{len(elements)}]") if path else path
            elements.append(self._node(event, within, depth + 1))
        return Sequence(place, tuple(elements))

    def _scalar(self, event: yaml.Event, place: Place, path: tuple[str, ...], at: Place) -> Scalar:
        text: str = getattr(event, "value", "")
        tag: str | None = getattr(event, "tag", None)
        plain = not getattr(event, "style", None)
        if plain and not text.isascii():
            self._look_for_slips(event)
        implicit: tuple[bool, bool] = getattr(event, "implicit", (True, False))
        if tag is None or tag == "!":
            tag = _implicit_tag(text, implicit)
        if getattr(event, "anchor", None) is not None and text == "" and implicit[0]:
            self._problem(at, path, _sign_sentence("&"))
        if not tag.startswith(_CORE):
            self._problem(at, path, _sign_sentence("!"))
            return Scalar(place, "str", text or "!")  # so that it isn't called empty, too
        return Scalar(place, tag.removeprefix(_CORE), text, plain)

    def _problem(self, place: Place, path: tuple[str, ...], text: Text) -> None:
        key = ".".join(path)
        self._problems.append(Diagnostic(place.file, place.line, place.column, key, text))


def _sign_sentence(sign: str) -> Text:
    return Text(
        ja=f"「{sign}」で始まる値は YAML では特別な意味になります。引用符で囲んでください",
        en=f"a value that begins with '{sign}' has a special meaning in YAML: put it in quotes",
    )
