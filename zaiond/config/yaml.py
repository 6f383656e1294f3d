"""YAML text to a tree in which every value knows its place.

It is made from libyaml's events, not from PyYAML's nodes, so that depth and size are bounded before
anything is built: deep nesting costs no stack, and aliases can't multiply (a "billion laughs").
"""

import re
from dataclasses import replace
from typing import Any

import yaml

from zaiond.config import japanese, words
from zaiond.config.tree import Entry, Mapping, Node, Place, Scalar, Sequence
from zaiond.errors import ConfigError, Diagnostic
from zaiond.text import Text

MAX_DEPTH = 32
MAX_NODES = 20_000
_CORE = "tag:yaml.org,2002:"
# libyaml takes some of these for line ends that no editor shows as one, and refuses the others.
_UNFIT = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\r(?!\n)")
_RESOLVER = yaml.resolver.Resolver()
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_AT_CONTEXT = (
    "could not find expected ':'",
    "found unexpected end of stream",
    "did not find expected ',' or ']'",
    "did not find expected ',' or '}'",
)
"""Problems that are found later than where they begin: that is where a person should look."""


def read(file: str, text: str) -> tuple[Mapping, list[Diagnostic]]:
    """The tree of `text`, and what is wrong with it short of syntax (duplicate keys, odd keys). A
    byte order mark isn't counted. Raises ConfigError where it is not YAML, or not a mapping."""
    text = text.removeprefix("\ufeff")
    unfit = _UNFIT.search(text)
    if unfit:
        at = unfit.start()
        column = at - text.rfind("\n", 0, at)
        sentence = words.unfit_sign(code=ord(unfit[0])) if unfit[0] != "\r" else words.CR_ALONE
        sentence = japanese.in_jis(file, text) or sentence
        raise _fault(Place(file, text.count("\n", 0, at) + 1, column), sentence)
    return _Reader(file, text).document()


def plain_scalar(place: Place, text: str) -> Scalar:
    """The value that `text` is where it stands without quotes."""
    return Scalar(place, _implicit_tag(text, (True, False)).removeprefix(_CORE), text, "")


def _implicit_tag(text: str, implicit: tuple[bool, bool]) -> str:
    return str(_RESOLVER.resolve(yaml.ScalarNode, text, implicit))  # type: ignore[no-untyped-call]


def _fault(place: Place, text: Text) -> ConfigError:
    return ConfigError((place.diagnostic("", text),))


class _Reader:
    """Builds the tree of one file from libyaml's events."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text
        self._lines = text.split("\n")
        self._loader = yaml.CLoader(text)
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._nodes = 0
        self._problems: list[Diagnostic] = []
        self._slips: list[Diagnostic] = []  # full-width signs that change what the file means

    def document(self) -> tuple[Mapping, list[Diagnostic]]:
        try:
            return self._top(), self._problems
        except yaml.MarkedYAMLError as error:
            self._demand_no_slips(error.problem_mark.line + 1 if error.problem_mark else None)
            place, line = self._place_of_fault(error)
            by_tab = "\t" in line[: len(line) - len(line.lstrip())]
            sentence = words.TAB if by_tab else words.SYNTAX.get(error.problem or "")
            raise _fault(place, sentence or words.NOT_YAML) from None
        except yaml.YAMLError:
            raise _fault(Place(self._file, 1, 1), words.NOT_YAML) from None

    def _top(self) -> Mapping:
        self._next()  # the stream's start
        if isinstance(self._next(), yaml.StreamEndEvent):  # the file is empty
            return Mapping(Place(self._file, 1, 1), {})
        top = self._node(self._next(), "", 0)
        if self._slips:
            if not isinstance(top, Mapping):  # then there is more that wasn't read
                self._demand_no_slips(None)
            raise ConfigError(tuple(dict.fromkeys(self._slips)))
        if isinstance(top, Scalar) and top.is_null and top.text == "":
            top = Mapping(Place(self._file, 1, 1), {})
        if not isinstance(top, Mapping):
            raise _fault(top.place, words.NO_KEYS)
        self._next()  # the document's end
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise _fault(self._place(event), words.SECOND_DOCUMENT)
        return top

    def _place_of_fault(self, error: yaml.MarkedYAMLError) -> tuple[Place, str]:
        """Where to look, and the text of that line: libyaml may point behind the file's end."""
        mark = error.problem_mark
        if error.context_mark and error.problem in _AT_CONTEXT:
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
            for slip in japanese.in_broken_line(line)
        ]
        if any(fault is None or slip.line <= fault for slip in slips):
            raise ConfigError(tuple(slips)) from None

    def _look_for_slips(self, event: yaml.ScalarEvent) -> None:
        """Full-width signs at the beginning of the lines of a text without quotes."""
        start, end = _marks(event)
        before = self._lines[start.line][: start.column]
        first = start.line + (before.strip(" -") != "")
        for number, line in enumerate(self._lines[first : end.line + 1], first + 1):
            for slip in japanese.in_line(line):
                self._slips.append(Diagnostic(self._file, number, slip.column, "", slip.text))

    def _next(self) -> yaml.Event:
        event = self._loader.get_event()
        assert event is not None  # noqa: S101 (the stream's end is the last that is asked for)
        return event

    def _place(self, event: yaml.Event) -> Place:
        mark, _ = _marks(event)
        column = mark.column + 1
        if getattr(event, "value", None) == "" and mark.line < len(self._lines):
            # What is missing at a line's end is told of at its last sign.
            column = min(column, max(1, len(self._lines[mark.line])))
        return Place(self._file, mark.line + 1, column)

    def _node(self, event: yaml.Event, path: str, depth: int, key: Place | None = None) -> Node:
        place = self._place(event)
        if depth > MAX_DEPTH:
            raise _fault(place, words.too_deep(most=MAX_DEPTH))
        self._count(1, place)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, place)
        before = self._nodes
        anchor: str | None = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = None
        node: Node
        if isinstance(event, yaml.MappingStartEvent):
            node = self._mapping(event, place, path, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, place, path, depth)
        else:
            assert isinstance(event, yaml.ScalarEvent)  # noqa: S101 (no other begins a value)
            node = self._scalar(event, place, path, key or place)
        if anchor is not None:
            node = replace(node, mark="&")
            self._anchors[anchor] = (node, self._nodes - before + 1)
        return node

    def _count(self, nodes: int, place: Place) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _fault(place, words.too_many(most=MAX_NODES))

    def _alias(self, event: yaml.AliasEvent, place: Place) -> Node:
        known = self._anchors.get(event.anchor or "")
        if known is None:
            raise _fault(place, words.NO_ANCHOR)
        node, size = known
        self._count(size, place)
        start, end = _marks(event)
        return replace(node, mark="*", start=start.index, end=end.index)

    def _mapping(
        self, event: yaml.MappingStartEvent, place: Place, path: str, depth: int
    ) -> Mapping:
        flow = bool(event.flow_style)
        entries: dict[str, Entry] = {}
        start, end = (mark.index for mark in _marks(event))
        while not isinstance(head := self._next(), yaml.MappingEndEvent):
            key = self._node(head, path, depth + 1)
            text = key.text if isinstance(key, Scalar) else ""
            following = self._next()
            # In `{password: a, b}` the second key is a piece of the password.
            bare = flow and getattr(following, "value", None) == ""
            name = text if _KEY.fullmatch(text) and not bare else "?"
            within = f"{path}.{name}" if path else name
            value = self._node(following, within, depth + 1, key.place)
            end = value.end
            if not isinstance(key, Scalar) or not text:
                where = key.place
                if isinstance(key, Scalar):  # of no key at all: behind the "?" that may end a line
                    where = where._replace(column=max(1, where.column - 1))
                self._problem(where, path, words.KEY_NO_TEXT)
            elif isinstance(head, yaml.ScalarEvent) and head.implicit[0] and text == "<<":
                self._problem(key.place, path, words.MERGE_KEY)
            elif text in entries:
                first = entries[text].place.line
                self._problem(key.place, within, words.duplicate_key(first=first))
            else:
                entries[text] = Entry(key.place, name, value)
        # The end of a block is only told at what comes next, behind any comments.
        end = _marks(head)[1].index if flow else end
        return Mapping(place, entries, flow, start=start, end=end)

    def _sequence(
        self, event: yaml.SequenceStartEvent, place: Place, path: str, depth: int
    ) -> Sequence:
        flow = bool(event.flow_style)
        elements: list[Node] = []
        while not isinstance(head := self._next(), yaml.SequenceEndEvent):
            within = f"{path}[{len(elements)}]" if path else path
            elements.append(self._node(head, within, depth + 1))
        start, end = (mark.index for mark in _marks(event))
        if elements:
            end = elements[-1].end
        end = _marks(head)[1].index if flow else end
        return Sequence(place, tuple(elements), flow, start=start, end=end)

    def _scalar(self, event: yaml.ScalarEvent, place: Place, path: str, at: Place) -> Scalar:
        text, tag, style = event.value, event.tag, event.style or ""
        if not style and not text.isascii():
            self._look_for_slips(event)
        if tag is None or tag == "!":
            tag = _implicit_tag(text, event.implicit)
        if event.anchor is not None and text == "" and event.implicit[0]:
            self._problem(at, path, words.odd_sign(sign="&"))
        if not tag.startswith(_CORE):
            self._problem(at, path, words.odd_sign(sign="!"))
            tag, text, style = "str", text or "!", "!"  # so that it isn't called empty, too
        start, end = (mark.index for mark in _marks(event))
        end = start + len(self._text[start:end].rstrip())  # a block goes up to the next line
        return Scalar(place, tag.removeprefix(_CORE), text, style, start=start, end=end)

    def _problem(self, place: Place, key: str, text: Text) -> None:
        self._problems.append(place.diagnostic(key, text))


def _marks(event: yaml.Event) -> tuple[Any, Any]:
    start, end = event.start_mark, event.end_mark
    assert start is not None  # noqa: S101 (libyaml gives every event its marks)
    assert end is not None  # noqa: S101
    return start, end
