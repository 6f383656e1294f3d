"""A message that is too long for an event keeps its beginning and its end.

Standard library only: `zaiond.client` and `zaiond-ctl emit` import it when they need it.
"""

import json
from bisect import bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, AnyStr, NamedTuple

from zaiond import event_rules
from zaiond.client import words

if TYPE_CHECKING:
    from zaiond.text import Language

_REMARK_BYTES = 128  # at most, of what is said between the two


class TooLong(Exception):  # noqa: N818 - not an error of the program
    """There is no room for a message: what else the event has is too long."""


class Ends(NamedTuple):
    """The beginning and the end of a text, and how much of it lies between them."""

    head: str
    tail: str
    bytes: int = 0
    lines: int = 0


def line(long: bytes, language: "Language") -> bytes:
    """The line of an event, with so much less of its message that it fits.

    Raises TooLong, or event_rules.Unfit.
    """
    event = event_rules.read(long)
    message = event.get("message")
    if not isinstance(message, str):
        raise TooLong
    half = len(message) // 2
    ends = Ends(message[:half], message[half:])
    return _json({**event, "message": joined(ends, room(event), language)})


def room(event: dict[str, Any]) -> int:
    """How many bytes of JSON the message of this event may have."""
    return event_rules.MAX_EVENT_BYTES - len(_json({**event, "message": ""}))


def joined(ends: Ends, room: int, language: "Language") -> str:
    """As much of both ends as has room, in whole lines where there are lines, and between them a
    remark of how much is left out.

    Raises TooLong.
    """
    room -= _REMARK_BYTES
    if room <= 0:
        raise TooLong
    head, whole_head = _beginning(ends.head, room // 2)
    tail, whole_tail = _end(ends.tail, room - _size(head))
    between = ends.head[len(head) :] + ends.tail[: len(ends.tail) - len(tail)]
    size = f"{ends.bytes + len(between.encode()):,}"
    if whole_head and whole_tail:
        newlines = between.count("\n")
        remark = words.lines_left_out(lines=f"{ends.lines + newlines:,}", size=size)
    else:
        remark = words.bytes_left_out(size=size)
        head += "\n"
    return head + remark.in_language(language) + tail


def ends_of(
    head: bytes, tail: bytes, size: int, lines: int, decode: Callable[[bytes], str]
) -> Ends:
    """The ends of a long text as it was read: `size` bytes with `lines` newlines lie between them.

    They may be cut within a character.
    """
    begun = head[: _last_line(head, b"\n") or len(head) - _begun_character(head)]
    ended = tail[_first_line(tail, b"\n") or _ended_character(tail) :]
    cut = head[len(begun) :] + tail[: len(tail) - len(ended)]
    return Ends(decode(begun), decode(ended), size + len(cut), lines + cut.count(b"\n"))


def _beginning(text: str, room: int) -> tuple[str, bool]:
    """The longest beginning that has room, and whether it ends where a line does."""
    fits = bisect_right(range(min(len(text), room) + 1), room, key=lambda n: _size(text[:n])) - 1
    at = _last_line(text[:fits], "\n")
    return text[: at or fits], at > 0


def _end(text: str, room: int) -> tuple[str, bool]:
    """The longest end that has room, and whether it begins where a line does."""
    long = len(text)
    fits = bisect_right(range(min(long, room) + 1), room, key=lambda n: _size(text[long - n :])) - 1
    text = text[long - fits :]
    at = _first_line(text, "\n")
    return text[at:], at > 0


def _last_line(text: AnyStr, newline: AnyStr) -> int:
    """Where the last whole line ends; 0 if half of the text would be lost by it."""
    at = text.rfind(newline) + 1
    return at if at > len(text) // 2 else 0


def _first_line(text: AnyStr, newline: AnyStr) -> int:
    """Where the first whole line begins; 0 if half of the text would be lost by it."""
    at = text.find(newline) + 1
    return at if at <= len(text) // 2 else 0


def _begun_character(data: bytes) -> int:
    """How many bytes at the end are the beginning of a character of UTF-8 (RFC 3629 3)."""
    for size in (1, 2, 3):
        lead = data[-size : len(data) - size + 1]
        if lead >= b"\xc0":
            needed = 2 if lead < b"\xe0" else 3 if lead < b"\xf0" else 4
            return size if size < needed else 0
    return 0


def _ended_character(data: bytes) -> int:
    """How many bytes at the beginning can only be the rest of a character of UTF-8."""
    rest = 0
    while rest < 3 and b"\x80" <= data[rest : rest + 1] < b"\xc0":
        rest += 1
    return rest


def _json(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _size(text: str) -> int:
    """Bytes that the text takes in JSON, without its quotes."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2
