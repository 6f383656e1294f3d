"""Text of strangers, made safe to show: an event's text may come from a log, or from an attacker.

Nothing vanishes silently: what could command a terminal or turn the order of reading around is
shown as `\\x1b` or `\\u202e`. Only the colours and cursor movements of a terminal go.
"""

import re

# C0 and C1 controls and DEL, bidirectional overrides and isolates, separators that some readers
# take for a line end, lone surrogates (no UTF-8 has them). A tab and a line feed may stay.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_find_unsafe = _UNSAFE.search
_TERMINAL = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]")  # ECMA-48 5.4: a control sequence
_LINE_END = re.compile(r"\r\n?")
_SPACES = re.compile(r"[\t\n ]+")


def clean(text: str) -> str:
    """The same text with line feeds as its only line ends, and nothing that acts on a reader."""
    if _find_unsafe(text) is None:
        return text
    text = _LINE_END.sub("\n", _TERMINAL.sub("", text))
    return _UNSAFE.sub(_shown, text)


def one_line(text: str) -> str:
    """The same text on one line, each run of spaces, tabs and line ends as one space."""
    if not text.isprintable():
        text = clean(text)
    if "  " in text or "\n" in text or "\t" in text:
        text = _SPACES.sub(" ", text)
    return text.strip(" ")


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
