"""What goes to standard output and standard error: safe for the terminal it is read on, and laid
out for its width.

Text of events and replies of servers may hold anything: `printable` shows control characters,
terminal escapes and direction overrides as \\x1b and the like, and everything here goes through it.
"""

import json
import os
import re
import sys

from zaiond import client
from zaiond.ctl import paths
from zaiond.ctl.exit_status import Unwritable
from zaiond.os_error import in_japanese
from zaiond.safe import ACTING, code_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from typing import Any, TextIO

    from zaiond.ctl.commandline import Line
    from zaiond.text import Language, Text

# Also tabs, which move the cursor, and marks of direction (Unicode bidi).
_UNSAFE = f"{ACTING}\t\u061c\u200e\u200f\ufeff"
_unsafe = re.compile(f"[{_UNSAFE}]")


def language(line: "Line", config: str | None = None) -> "Language":
    """The language to speak: the configuration's if it can be read, else the environment's.

    Japanese is the default of both.
    """
    from zaiond.config.language import wanted_language

    try:
        return wanted_language(config or line.text("file") or paths.config(line))
    except OSError:
        return client.language()


def say(text: str) -> None:
    """One or more lines to standard output. Raises Unwritable, BrokenPipeError."""
    _write(sys.stdout, printable(text) + "\n")


def complain(text: "Text", language: "Language") -> None:
    """An error or a remark, to standard error, behind the name of the program."""
    remark(f"zaiond-ctl: {text.in_language(language)}")


def remark(text: str) -> None:
    """One or more lines to standard error. Where that can't be written, there is none to tell."""
    try:
        flush()
        _write(sys.stderr, printable(text) + "\n")
        if sys.stderr is not None:
            sys.stderr.flush()
    except (OSError, Unwritable):
        pass


def document(value: "Any") -> None:
    """One JSON document to standard output: in UTF-8 (RFC 8259 8.1), or in ASCII."""
    encoding = sys.stdout.encoding if sys.stdout is not None else "utf-8"
    text = json.dumps(value, ensure_ascii=encoding.lower() != "utf-8")
    # What is unsafe can only stand inside of strings here, where an escape means the same.
    _write(sys.stdout, _unsafe.sub(_json_escape, text) + "\n")


def flush() -> None:
    """Everything said so far is out. Raises Unwritable, BrokenPipeError."""
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise unwritable(error) from None


def _write(stream: "TextIO | None", text: str) -> None:
    if stream is None:  # closed before we started: `>&-`
        return
    try:
        try:
            stream.write(text)
        except UnicodeEncodeError:
            stream.write(with_signs_of(stream, text))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(error) from None


def with_signs_of(stream: "TextIO", text: str) -> str:
    """The text as a terminal can show it that has not all signs."""
    return text.encode(stream.encoding, "backslashreplace").decode(stream.encoding)


def unwritable(error: OSError) -> Unwritable:
    """Standard output failed: a full disk, most of the time."""
    return Unwritable(
        1,
        f"標準出力に書き込めません: {in_japanese(error)}",
        f"can't write to standard output: {error.strerror or error}",
    )


def printable(text: str) -> str:
    """The text with everything that a terminal would obey made visible; newlines stay."""
    return _unsafe.sub(_shown, text)


def one_line(text: str) -> str:
    """As `printable`, and newlines made visible too: for a cell of a table, or within a line."""
    return printable(text).replace("\n", "\\n")


def exact(words: "Sequence[str]") -> list[str]:
    """Arguments as JSON can hold them: bytes that are no UTF-8 visible, so that nothing is meant by
    them that there is."""
    return [
        word.encode(errors="surrogateescape").decode(errors="backslashreplace") for word in words
    ]


def _shown(found: "re.Match[str]") -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"  # PEP 383: one byte that was no UTF-8
    return code_of(found[0])


def _json_escape(found: "re.Match[str]") -> str:
    """RFC 8259 7; what is beyond the Basic Multilingual Plane is a pair of surrogates there."""
    code = ord(found[0])
    return json.dumps(found[0])[1:-1] if code > 0xFFFF else f"\\u{code:04x}"


def width(text: str) -> int:
    """Columns that the text takes on a terminal (Unicode Annex 11)."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(
        0 if category(sign) in ("Mn", "Me", "Cf") else 2 if east_asian_width(sign) in "WF" else 1
        for sign in text
    )


# -- layout


class Painted:
    """A text in a colour, where the terminal has colours."""

    __slots__ = ("colour", "text")

    def __init__(self, text: str, colour: str) -> None:
        self.text = text
        self.colour = colour


_COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1"}  # ECMA-48 8.3.117
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


def terminal_width() -> "int | None":
    """Columns of the terminal that standard output is, or those of COLUMNS; None: it is none, and
    a line is as long as it is.
    """
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given):
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


def show(lines: "Iterable[str]") -> None:
    """Lines of `table` and `wrapped` to standard output. Raises Unwritable, BrokenPipeError."""
    _write(sys.stdout, "".join(f"{line}\n" for line in lines))


def wrapped(text: "str | Painted", indent: str = "", hang: "str | None" = None) -> list[str]:
    """A line, or as many as it takes at the terminal's width, those after the first indented by
    `hang`."""
    hang = indent if hang is None else hang
    colours = _has_colours()
    first, *more = _broken(_plain(text), len(indent), len(hang), terminal_width())
    lines = [indent + _in_colour(first, text, colours)]
    return lines + [hang + _in_colour(line, text, colours) for line in more]


def table(rows: "Sequence[Sequence[str | Painted]]", indent: str = "") -> list[str]:
    """Lines of aligned columns, two spaces apart; the last one takes as many lines as it needs at
    the terminal's width, and none of the others' where they leave it no room."""
    if not rows:
        return []
    texts = [[_plain(cell) for cell in row] for row in rows]
    columns, colours = terminal_width(), _has_colours()
    last = max(width(row[-1]) for row in texts)
    for widest in (_WIDEST_COLUMN, _NARROW_COLUMN):
        sizes = [_size(column, widest) for column in list(zip(*texts, strict=True))[:-1]]
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
            start += _in_colour(text, cell, colours) + " " * (taken - width(text) + 2)
            used += taken + 2
        first, *more = _broken(plain[-1], used, len(hang), columns)
        if not beside and plain[-1]:
            first, *more = "", *_broken(plain[-1], len(hang), len(hang), columns)
        lines.append((start + _in_colour(first, row[-1], colours)).rstrip())
        lines += [hang + _in_colour(line, row[-1], colours) for line in more]
    return lines


def _plain(cell: "str | Painted") -> str:
    return one_line(cell.text if isinstance(cell, Painted) else cell)


def _in_colour(text: str, cell: "str | Painted", colours: bool) -> str:
    if not colours or not text or not isinstance(cell, Painted):
        return text
    return f"\x1b[{_COLOURS[cell.colour]}m{text}\x1b[0m"


def _size(column: "Iterable[str]", widest: int) -> int:
    return max((size for size in map(width, column) if size <= widest), default=0)


def _broken(text: str, first: int, rest: int, columns: "int | None") -> list[str]:
    """The text in lines, of which the first begins at column `first`, the others at `rest`.

    No word is broken: one that is too long stands out. The first line may be empty.
    """
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


# -- times


def local(moment: "str | float | None") -> "datetime | None":
    """A time, as in a reply of the daemon, in local time; None if it is none."""
    from datetime import datetime

    try:
        if isinstance(moment, str):
            return datetime.fromisoformat(moment).astimezone()
        return None if moment is None else datetime.fromtimestamp(moment).astimezone()
    except (ValueError, OverflowError):
        return None


def when(moment: "str | float | None") -> str:
    """A time with its offset; "-" if there is none."""
    time = local(moment)
    if time is None:
        return "-" if moment is None else str(moment)
    return time.strftime("%Y-%m-%d %H:%M:%S %z")


def brief(moment: "str | float | None", now: "datetime") -> str:
    """A time for a list: with the day, or with the year where it is half a year away, as ls(1)."""
    time = local(moment)
    if time is None:
        return "-"
    if abs((now - time).days) > _HALF_A_YEAR:
        return time.strftime("%Y-%m-%d")
    return time.strftime("%m-%d %H:%M")


def soon(moment: "str | float | None", now: "datetime") -> str:
    """A time that is near: without the day, if that is today's."""
    time = local(moment)
    if time is None:
        return "-"
    return time.strftime("%H:%M:%S" if time.date() == now.date() else "%m-%d %H:%M")


def age(moment: "str | float | None", now: "datetime", language: "Language") -> str:
    """How long ago, in its largest unit."""
    time = local(moment)
    if time is None:
        return "-"
    seconds = max(0, int((now - time).total_seconds()))
    for size, ja, en in _UNITS:
        if seconds >= size:
            return f"{seconds // size}{ja if language == 'ja' else en}"
    return f"{seconds}{'秒' if language == 'ja' else 's'}"


_HALF_A_YEAR = 182  # days
_UNITS = ((86400, "日", "d"), (3600, "時間", "h"), (60, "分", "m"))
