r"""Characters that act on who reads them, and what is shown in their place.

Event text and replies of servers may hold anything. What would command a terminal, end a line, turn
the order of reading around or hide text from a reader is shown by its code: `\x1b`, `\u202e`.
"""

import re

TYPE_CHECKING = False  # typing is not imported on the path of emit
if TYPE_CHECKING:
    from collections.abc import Callable

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
        pattern_ = re.compile(f"({pattern})")
        self._split = pattern_.split
        self._known = _Known(by).__getitem__
        self.finds = pattern_.search

    def __call__(self, text: str) -> str:
        """The text with everything replaced."""
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
        super().__init__()
        self._by = by

    def __missing__(self, found: str) -> str:
        made = self[found] = self._by(found)
        return made
