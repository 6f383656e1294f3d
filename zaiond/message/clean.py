"""Text of strangers, made safe to show: an event's text may come from a log, or from an attacker.

What a program wrote for a terminal is shown as the terminal would show it at last: colours, titles
and links go, a progress line stands in its last state, an overstruck letter is one letter. Anything
else that could command a terminal, or turn the order of reading around, is shown by its code, as
`\\x1b` or `\\u202e`; so is what is no Unicode (a lone surrogate, as `\\udce7`).
"""

import re
from unicodedata import east_asian_width

# C0 and C1 controls and DEL, bidirectional overrides and isolates, separators that some readers
# take for a line end, lone surrogates (no UTF-8 has them). A tab and a line feed may stay.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_find_unsafe = _UNSAFE.search
# Possessive, and none runs over a further ESC: the time is linear, whatever was sent.
_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]"  # ECMA-48 5.4, control sequence: colours, cursor
    # ECMA-48 5.6, control string: titles, the target of a link. It ends in BEL or ST on its line,
    # or it is none: else it would hide the rest of the text.
    r"|\x1b[]PX^_][^\x00-\x08\n-\x1f\x7f-\x9f]*+(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*+[0-~]"  # ECMA-35 13.2, escape sequence: character sets, saved cursors
    r"|[\x07\x0e\x0f]"  # BEL; SO and SI, for character sets
)
_PAGE_ENDS = str.maketrans("\v\f", "\n\n")
_SPACES = re.compile(r"[\t\n ]+")


def clean(text: str) -> str:
    """The same text with line feeds as its only line ends, and nothing that acts on a reader."""
    if text.isprintable() or _find_unsafe(text) is None:
        return text
    text = _TERMINAL.sub("", text).replace("\r\n", "\n").translate(_PAGE_ENDS)
    if "\r" in text or "\b" in text:
        text = "\n".join(map(_last_state, text.split("\n")))
    return _UNSAFE.sub(code_of, text)


def one_line(text: str) -> str:
    """The same text on one line, each run of spaces, tabs and line ends as one space."""
    if not text.isprintable():
        text = _SPACES.sub(" ", clean(text))
    elif "  " in text:
        text = _SPACES.sub(" ", text)
    return text.strip(" ")


def _last_state(line: str) -> str:
    """What a terminal shows of a line that carriage returns and backspaces wrote over."""
    if "\r" in line:
        states = line.split("\r")
        line = next((state for state in reversed(states) if state.strip()), "")
    return _overstruck(line) if "\b" in line else line


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


def code_of(found: re.Match[str]) -> str:
    """A character that isn't shown itself."""
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
