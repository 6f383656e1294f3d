"""Text of strangers, made safe to show: an event's text may come from a log, or from an attacker.

What a program wrote for a terminal is shown as the terminal would show it at last: colours, titles
and links go, a progress line stands in its last state, an overstruck letter is one letter. Anything
else that acts on a reader is shown by its code (`zaiond.safe`); so is what is no Unicode (a lone
surrogate, as `\\udce7`).
"""

import re
from unicodedata import east_asian_width

from zaiond.safe import ACTING, Replacer, code_of

_with_codes = Replacer(f"[{ACTING}]", code_of)
# Possessive, and none runs over a further ESC: the time is linear, whatever was sent.
_TERMINAL = re.compile(
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
    if text.isprintable() or _with_codes.finds(text) is None:
        return text
    text = _TERMINAL.sub("", text).replace("\r\n", "\n").replace("\v", "\n").replace("\f", "\n")
    if "\r" in text:
        text = "\n".join(map(_last_state, text.split("\n")))
    if "\b" in text:
        text = _without_backspaces(text)
    return _with_codes(text)


def one_line(text: str) -> str:
    """The same text on one line, each run of spaces, tabs and line ends as one space."""
    if not text.isprintable():
        text = _SPACES.sub(" ", clean(text))
    elif "  " in text:
        text = _SPACES.sub(" ", text)
    return text.strip(" ")


def _last_state(line: str) -> str:
    """What a terminal shows of a line that carriage returns wrote over."""
    if "\r" in line:
        states = line.split("\r")
        line = next(filter(str.strip, reversed(states)), "")
    return line


def _without_backspaces(text: str) -> str:
    lines = text.split("\n")
    if sum(len(line) for line in lines if "\b" in line) <= _MOST_OVERSTRUCK:
        return "\n".join(_overstruck(line) if "\b" in line else line for line in lines)
    # As col(1) does it: what was written last counts. It is the same for bold and underlined ones.
    return _struck_over.sub("", text).replace("\b", "")


def _overstruck(line: str) -> str:
    """One character where several were written, as man(1) does for bold and underlined ones."""
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
