r"""Text of strangers, made safe to show: an event's text may come from a log, or from an attacker;
replies of servers may hold anything.

What would command a terminal, end a line, turn the order of reading around or hide text from a
reader is shown by its code: `\x1b`, `\u202e`; so is what is no Unicode (a lone surrogate). `clean`
first shows what a program wrote for a terminal as the terminal would show it at last: colours,
titles and links go, a progress line stands in its last state, an overstruck letter is one letter.
"""

import re
from functools import cache, cached_property

TYPE_CHECKING = False  # typing is not imported on the path of emit
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# The inside of a character class: C0 and C1 controls and DEL, separators that some readers take for
# a line end, bidirectional embeddings, overrides and isolates, lone surrogates (no UTF-8 has them),
# tags (invisible copies of ASCII). A tab and a line feed are not among them.
ACTING = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\U000e0000-\U000e007f"
)

_AT_ONCE = 1000  # matches: each is an object, and 90,000 leave holes in memory behind


def code_of(sign: str) -> str:
    r"""What a character is shown as that isn't shown itself: `\x1b`, `\u202e`, `\U000e0041`."""
    code = ord(sign)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


class Replacer:
    """Replaces what a pattern finds by what `by` makes of it, which must be few different things.

    No Python runs for a match whose like was seen before: text of 90,000 controls takes
    milliseconds, where a function called by re.sub takes fifty.
    """

    def __init__(self, pattern: str, by: "Callable[[str], str]") -> None:
        self._pattern = f"({pattern})"
        self._known = _Known(by).__getitem__

    # Compiled on first use: that takes a millisecond, and most programs have a use for few.

    @cached_property
    def finds(self) -> "Callable[[str], re.Match[str] | None]":
        return re.compile(self._pattern).search

    @cached_property
    def _split(self) -> "Callable[[str, int], list[Any]]":
        return re.compile(self._pattern).split

    def __call__(self, text: str) -> str:
        done: list[str] = []
        while True:
            parts = self._split(text, _AT_ONCE)
            if len(parts) == 1:
                return "".join((*done, text)) if done else text
            parts[1::2] = map(self._known, parts[1::2])
            text = parts.pop()
            done.append("".join(parts))


class _Known(dict[str, str]):
    __slots__ = ("_by",)

    def __init__(self, by: "Callable[[str], str]") -> None:
        self._by = by

    def __missing__(self, found: str) -> str:
        made = self[found] = self._by(found)
        return made


# Everything of ACTING by its code.
with_codes = Replacer(f"[{ACTING}]", code_of)
# Possessive, and none runs over a further ESC: the time is linear, whatever was sent.
_TERMINAL = (
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]"  # ECMA-48 5.4, control sequence: colours, cursor
    # ECMA-48 5.6, control string: titles, the target of a link. It ends in BEL or ST on its line,
    # or it is none: else it would hide the rest of the text.
    r"|\x1b[]PX^_][^\x00-\x08\n-\x1f\x7f-\x9f]*+(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*+[0-~]"  # ECMA-35 13.2, escape sequence: character sets, saved cursors
    r"|[\x07\x0e\x0f]"  # BEL; SO and SI, for character sets
)
_SPACES = re.compile(r"[\t\n ]+")
_MOST_OVERSTRUCK = 16 * 1024  # characters of lines with backspaces, looked at one by one
_struck_over = re.compile("[^\b\n]\b")


def clean(text: str) -> str:
    """The same text with line feeds as its only line ends, and nothing that acts on a reader."""
    if text.isprintable() or with_codes.finds(text) is None:
        return text
    text = _terminal().sub("", text).replace("\r\n", "\n").replace("\v", "\n").replace("\f", "\n")
    if "\r" in text:
        text = "\n".join(map(_last_state, text.split("\n")))
    if "\b" in text:
        text = _without_backspaces(text)
    return with_codes(text)


def one_line(text: str) -> str:
    """The same text on one line, each run of spaces, tabs and line ends as one space."""
    if not text.isprintable():
        text = _SPACES.sub(" ", clean(text))
    elif "  " in text:
        text = _SPACES.sub(" ", text)
    return text.strip(" ")


@cache
def _terminal() -> "re.Pattern[str]":
    return re.compile(_TERMINAL)


def _last_state(line: str) -> str:
    """What a terminal shows of a line that carriage returns wrote over."""
    return next(filter(str.strip, reversed(line.split("\r"))), "") if "\r" in line else line


def _without_backspaces(text: str) -> str:
    lines = text.split("\n")
    if sum(len(line) for line in lines if "\b" in line) <= _MOST_OVERSTRUCK:
        return "\n".join(_overstruck(line) if "\b" in line else line for line in lines)
    # As col(1) does it: what was written last counts. It is the same for bold and underlined ones.
    return _struck_over.sub("", text).replace("\b", "")


def _overstruck(line: str) -> str:
    """One character where several were written, as man(1) does for bold and underlined ones."""
    from unicodedata import east_asian_width  # tables of some size, for few

    columns: list[str] = []  # a wide character has two, of which the second is empty
    at = 0
    for character in line:
        if character == "\b":
            at = max(at - 1, 0)
        elif character == "_" and at < len(columns) and columns[at] != " ":
            at += 1  # underlines what stands there
        elif not character.isascii() and east_asian_width(character) in "WF":
            columns[at : at + 2] = (character, "")
            at += 2
        else:
            if columns[at + 1 : at + 2] == [""]:
                columns[at + 1] = " "
            columns[at : at + 1] = (character,)
            at += 1
    return "".join(columns)
