"""Header fields: folded (RFC 5322 2.2.3), and in ASCII whatever they say (RFC 2047)."""

import re
from binascii import b2a_base64
from datetime import tzinfo
from functools import lru_cache

from zaiond.message.address import Mailbox
from zaiond.message.moment import local_time, offset

_FOLD = "\r\n "
_LINE = 78  # RFC 5322 2.1.1
_ENCODED_LINE = 76  # RFC 2047 2: a line with an encoded-word
_WORD_BEGIN, _WORD_END = "=?utf-8?B?", "?="
_AROUND = len(_WORD_BEGIN + _WORD_END)
_LONGEST_WORD = 300  # of ASCII without a space: it can't be folded, only encoded
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
# Each word with one space before it: what a reader may do to more of them is not foreseeable.
_is_plain = re.compile(rf"[!-~]{{1,{_LONGEST_WORD}}}(?: [!-~]{{1,{_LONGEST_WORD}}})*").fullmatch
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_is_phrase = re.compile(rf"{_ATOM}(?: {_ATOM})*").fullmatch
_is_ascii_name = re.compile(r"[ -~]{1,60}").fullmatch
_to_escape = re.compile(r'(["\\])')


def is_plain(text: str) -> bool:
    """Whether every reader shows these ASCII words as they stand."""
    return "=?" not in text and _is_plain(text) is not None


def unstructured(start: str, text: str) -> str:
    """A field whose reader gets `text` back; `text` has no line end, `start` is like `Subject: `.

    `start` may go on with a few words of ASCII, and ends in a space.
    """
    if not text:
        return f"{start[:-1]}\r\n"
    if not is_plain(text):
        return encoded(start, text) + "\r\n"
    if len(start) + len(text) <= _LINE:
        return f"{start}{text}\r\n"
    first, *words = text.split(" ")
    lines = [start + first]
    for word in words:
        if len(lines[-1]) + 1 + len(word) <= _LINE:
            lines[-1] += f" {word}"
        else:
            lines.append(f" {word}")
    return "\r\n".join(lines) + "\r\n"


def encoded(start: str, text: str) -> str:
    """`start`, then `text` in encoded-words over as many lines as it takes; no line end after it.

    No character is split between two words (RFC 2047 5). `start` has at most 56 characters.
    """
    octets = text.encode()
    words = []
    begin, room = 0, _ENCODED_LINE - len(start)
    while begin < len(octets):
        end = begin + (room - _AROUND) // 4 * 3
        while end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1
        words.append(b2a_base64(octets[begin:end], newline=False).decode("ascii"))
        begin, room = end, _ENCODED_LINE - 1
    separator = f"{_WORD_END}\r\n {_WORD_BEGIN}"
    return f"{start}{_WORD_BEGIN}{separator.join(words)}{_WORD_END}"


def mailboxes(name: str, boxes: tuple[Mailbox, ...]) -> str:
    """An address field, one mailbox a line."""
    lines = [_mailbox(f"{name}: " if n == 0 else " ", box) for n, box in enumerate(boxes)]
    return ",\r\n".join(lines) + "\r\n"


def _mailbox(start: str, box: Mailbox) -> str:
    if not box.name:
        return start + box.address
    if "=?" in box.name or not _is_ascii_name(box.name):
        line = encoded(start, box.name)
    elif _is_phrase(box.name):
        line = start + box.name
    else:
        line = f'{start}"' + _to_escape.sub(r"\\\1", box.name) + '"'
    fits = len(line) - line.rfind("\n") + len(box.address) + 2 <= _ENCODED_LINE
    return f"{line}{' ' if fits else _FOLD}<{box.address}>"


@lru_cache(maxsize=64)
def date(second: int, tz: tzinfo | None) -> str:
    """The Date field of a second since the epoch (RFC 5322 3.3): local time with its offset."""
    moment = local_time(second, tz)
    return (
        f"Date: {_WEEKDAYS[moment.weekday()]}, {moment.day:02d} {_MONTHS[moment.month - 1]} "
        f"{moment.year:04d} {moment:%H:%M:%S} {offset(moment)}\r\n"
    )
