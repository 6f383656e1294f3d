"""Text laid out for the terminal's width, with nothing in it that the terminal would obey.

Text of events and replies of servers may hold anything: control characters, terminal escapes and
direction overrides are shown as \\x1b and the like.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from zaiond.places import Advice
from zaiond.safe import ACTING, Replacer, code_of
from zaiond.text import Language, Text

# Also tabs, which move the cursor, and marks of direction (Unicode bidi).
UNSAFE = f"[{ACTING}\t\u061c\u200e\u200f\ufeff]"


def _shown(sign: str) -> str:
    code = ord(sign)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"  # PEP 383: one byte that was no UTF-8
    return code_of(sign)


def _json_escape(sign: str) -> str:
    """RFC 8259 7; what is beyond the Basic Multilingual Plane is a pair of surrogates there."""
    code = ord(sign)
    return json.dumps(sign)[1:-1] if code > 0xFFFF else f"\\u{code:04x}"


# The text with everything that a terminal would obey made visible; newlines stay.
printable = Replacer(UNSAFE, _shown)
# The same of a JSON document: there it can only stand inside of strings, where an escape means it.
escaped = Replacer(UNSAFE, _json_escape)


def one_line(text: str) -> str:
    """As `printable`, and newlines made visible too: for a cell of a table, or within a line."""
    return printable(text).replace("\n", "\\n")


def width(text: str) -> int:
    """Columns that the text takes on a terminal (Unicode Annex 11)."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(
        0 if category(sign) in ("Mn", "Me", "Cf") else 2 if east_asian_width(sign) in "WF" else 1
        for sign in text
    )


class Painted(NamedTuple):
    """A text in a colour, where the terminal has colours."""

    text: str | Text
    colour: str


Cell = str | Text | Painted | Advice
Fact = tuple[Text, Cell | None]  # a label and a value, if there is one


_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1"}  # ECMA-48 8.3.117
_LONGEST_WIDTH = 6  # digits; int() refuses to read too many
_NARROWEST = 20  # columns; what is less is no width to write for
_WIDEST_COLUMN = 40  # a longer cell stands out of its column instead of widening it
_NARROW_COLUMN = 26  # the same, where the last column would have no room: an id of ours fits
_BELOW = 32  # columns that the last column of a table must have to go on below itself
_BESIDE = 24  # the same to begin beside the others at all
_SHARES = 0.4, 0.3  # of a narrow terminal's width, instead of the two
_HANG = "    "  # before what goes on, or begins, on a line of its own

# What stays together on a line. Japanese has no spaces: a word is taken to be Kanji and Katakana
# with the Hiragana behind, verbs of two parts (書き戻す) included. A closing sign begins no line,
# an opening one ends none (JIS X 4051).
_NOUN = "\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\u30a1-\u30fa\u30fc-\u30ff\uff66-\uff9f"
_HIRAGANA = "\u3041-\u309f"
_STEM_ENDS = "きぎちりみびえけげせねべめれ"
_OPEN = "（「『【〔《〈［｛“‘"
_CLOSE = "、。，．・：；！？）」』】〕》〉］｝”’…‥％"
_NARROW = rf"[^\s{_NOUN}{_HIRAGANA}{_OPEN}{_CLOSE}]"
_word = re.compile(
    rf"\s+|[{_OPEN}]*(?:[{_NOUN}]+(?:[{_STEM_ENDS}][{_NOUN}]+)*"
    rf"|{_NARROW}+(?: (?=[{_HIRAGANA}]))?)?+"
    rf"[{_HIRAGANA}]*+[{_CLOSE}:;,.!?)]*+|."
)
_sign = re.compile(rf"[{_OPEN}]*+(?:{_NARROW}+|.)[\u0300-\u036f\u3099\u309a{_CLOSE}]*+")


def terminal_width() -> int | None:
    """Columns of the terminal that standard output is, or those of COLUMNS; None: it is none, and
    a line is as long as it is.
    """
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and len(given) <= _LONGEST_WIDTH and int(given):
        return max(int(given), _NARROWEST)
    try:
        columns = os.get_terminal_size(sys.stdout.fileno()).columns
    except OSError:
        return None
    return max(columns, _NARROWEST) if columns else None


def _has_colours() -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb":
        return False
    return sys.stdout is not None and sys.stdout.isatty()


def wrapped(text: str | Painted, indent: str = "", hang: str | None = None) -> list[str]:
    """A line, or as many as it takes at the terminal's width, those after the first indented by
    `hang`."""
    hang = indent if hang is None else hang
    first, *more = _broken(_plain(text), len(indent), len(hang), terminal_width())
    return [indent + _in_colour(first, text), *(hang + _in_colour(line, text) for line in more)]


def table(rows: Sequence[Sequence[str | Painted]], indent: str = "") -> list[str]:
    """Lines of aligned columns, two spaces apart; the last one takes as many lines as it needs at
    the terminal's width, and none of the others' where they leave it no room."""
    if not rows:
        return []
    texts = [[_plain(cell) for cell in row] for row in rows]
    columns = terminal_width()
    last = max(width(row[-1]) for row in texts)
    for widest in (_WIDEST_COLUMN, _NARROW_COLUMN):
        sizes = [
            max((size for size in map(width, column) if size <= widest), default=0)
            for column in list(zip(*texts, strict=True))[:-1]
        ]
        hang = indent + " " * sum(size + 2 for size in sizes)
        if columns is None:
            beside = True
            break
        room = columns - len(hang)
        below, least = (int(share * columns) for share in _SHARES)
        beside = room >= min(last, _BESIDE, least)
        if room < min(_BELOW, below):
            hang = indent + _HANG
        if beside:
            break
    lines: list[str] = []
    for row, plain in zip(rows, texts, strict=True):
        start, used = indent, len(indent)
        for cell, text, size in zip(row, plain, sizes, strict=False):
            taken = max(width(text), size)
            start += _in_colour(text, cell) + " " * (taken - width(text) + 2)
            used += taken + 2
        first, *more = _broken(plain[-1], used, len(hang), columns)
        if not beside and plain[-1]:
            first, *more = "", *_broken(plain[-1], len(hang), len(hang), columns)
        lines.append((start + _in_colour(first, row[-1])).rstrip())
        lines += [hang + _in_colour(line, row[-1]) for line in more]
    return lines


def _plain(cell: str | Painted) -> str:
    return one_line(str(cell.text) if isinstance(cell, Painted) else cell)


def _in_colour(text: str, cell: str | Painted) -> str:
    if not text or not isinstance(cell, Painted) or not _has_colours():
        return text
    return f"\x1b[{_COLOURS[cell.colour]}m{text}\x1b[0m"


def _broken(text: str, first: int, rest: int, columns: int | None) -> list[str]:
    """The text in lines, of which the first, which may be empty, begins at column `first`, the
    others at `rest`. No word is broken: one that is too long stands out."""
    if columns is None or first + width(text) <= columns:
        return [text]
    lines: list[str] = []
    line, used = "", first
    for word in _words(text, columns - rest):
        size = width(word)
        if not word.isspace() and used + size > columns and (line or used > rest):
            lines.append(line.rstrip())
            line, used = "", rest
        line += word
        used += size
    return [*lines, line.rstrip()]


def _words(text: str, room: int) -> list[str]:
    """What stays together; where Japanese has no end of a word for a whole line, its signs."""
    words: list[str] = []
    for word in _word.findall(text):
        if not word.isascii() and width(word) > room:
            words += _sign.findall(word)
        elif word:
            words.append(word)
    return words


class Page(list[str]):
    """Lines for a person, in one language."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language: Language = language

    def line(self, text: Cell, indent: str = "", hang: str | None = None) -> None:
        """As `wrapped`."""
        self.extend(wrapped(self._said(text), indent, hang))

    def labelled(self, label: Text, value: str | Text | None, indent: str) -> None:
        """`Label: value`, where there is a value."""
        if value:
            self.line(f"{self._said(label)}: {self._said(value)}", indent, indent + "  ")

    def table(
        self, rows: Iterable[Sequence[Cell]], indent: str = "", head: Iterable[Text] = ()
    ) -> None:
        """As `table`; `head` stands above the columns, in capitals."""
        heads = [Text(label.ja, label.en.upper()) for label in head]
        rows = [heads, *rows] if heads else rows
        self.extend(table([[self._said(cell) for cell in row] for row in rows], indent))

    def facts(self, rows: Iterable[Fact], indent: str = "") -> None:
        """A table of those that have a value."""
        self.table([(label, value) for label, value in rows if value], indent)

    def gap(self) -> None:
        """An empty line, but at the beginning."""
        if self:
            self.append("")

    def _said(self, cell: Cell) -> str | Painted:
        if isinstance(cell, Painted) and isinstance(cell.text, Text):
            return cell._replace(text=cell.text.in_language(self._language))
        if isinstance(cell, Advice):
            cell = cell.at_terminal()
        return cell.in_language(self._language) if isinstance(cell, Text) else cell
