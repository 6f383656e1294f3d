"""What goes to standard output and standard error, safe for the terminal it is read on.

Text of events and replies of servers may hold anything: `printable` shows control characters,
terminal escapes and direction overrides as \\x1b and the like, and everything here goes through it.
"""

import json
import re
import sys

from zaiond import client
from zaiond.ctl import places
from zaiond.ctl.failure import Unwritable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TextIO

    from zaiond.ctl.commandline import Line
    from zaiond.text import Language, Text

# C0 but newline, DEL, C1; line and paragraph separators; marks, embeddings and overrides of
# direction (Unicode bidi); lone surrogates (bytes of an argument that are no UTF-8).
_UNSAFE = (
    "\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff"
)
_unsafe = re.compile(f"[{_UNSAFE}]")


def language(line: "Line", config: str | None = None) -> "Language":
    """The language to speak: the configuration's if it can be read, else the environment's.

    Japanese is the default of both.
    """
    from zaiond.config.said import said_language

    try:
        return said_language(config or line.text("file") or places.config(line))
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
    """One JSON document to standard output."""
    text = json.dumps(value, ensure_ascii=False)
    # What is unsafe can only stand inside of strings here, where an escape means the same.
    _write(sys.stdout, _unsafe.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


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
    why = error.strerror or str(error)
    return Unwritable(
        1, f"標準出力に書き込めません: {why}", f"can't write to standard output: {why}"
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
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def width(text: str) -> int:
    """Columns that the text takes on a terminal (Unicode Annex 11)."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    return sum(
        0 if category(sign) in ("Mn", "Me", "Cf") else 2 if east_asian_width(sign) in "WF" else 1
        for sign in text
    )


def pad(text: str, columns: int) -> str:
    """The text, filled with spaces up to so many columns."""
    return text + " " * (columns - width(text))


def table(rows: "Sequence[Sequence[str]]", indent: str = "") -> list[str]:
    """Lines of aligned columns, two spaces apart; nothing behind the last one."""
    shown = [[one_line(cell) for cell in row] for row in rows]
    columns = [max(width(cell) for cell in column) for column in zip(*shown, strict=True)]
    return [
        indent
        + "  ".join(pad(cell, size) for cell, size in zip(row, columns, strict=True)).rstrip()
        for row in shown
    ]


def when(moment: "str | float | None") -> str:
    """A time, as in a reply of the daemon, in local time with its offset; "-" if there is none."""
    if moment is None:
        return "-"
    from datetime import datetime

    try:
        if isinstance(moment, str):
            time = datetime.fromisoformat(moment)
        else:
            time = datetime.fromtimestamp(moment).astimezone()
        return time.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
    except (ValueError, OverflowError):
        return str(moment)
