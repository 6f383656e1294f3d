"""What `zaiond-ctl emit` reads: text in any encoding, standard input, and files of events.

Imported where there is such a thing to read; what it needs for other text than UTF-8, only then.
"""

import os
import sys

from zaiond import client
from zaiond.ctl.exit_status import BAD_EVENT, FAILED, Failure, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from zaiond.text import Language

_READ_BYTES = 1024 * 1024
_MADE_BYTES = 2048  # at most, of what the client puts in: id, source and time


def text(data: bytes) -> str:
    """Text that somebody else wrote: in UTF-8, else by the locale, else as whatever it is."""
    for encoding in ("utf-8", None):  # None: the locale's
        if b"\x1b$" in data:  # with which ISO-2022-JP begins
            break
        try:
            if encoding is None:
                from locale import getencoding

                encoding = getencoding()
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            pass
    from zaiond import decode

    return decode.text(data)


def _json_text(data: bytes) -> str:
    r"""As `text`, of a line of JSON. That knows no `\x`: where it stands, a byte is shown."""
    try:
        if b"\x1b$" not in data:
            return data.decode()
    except UnicodeDecodeError:
        pass
    import re

    return re.sub(r"(?<!\\)((?:\\\\)*)\\x", r"\1\\\\x", text(data))


def message(event: "dict[str, Any]", language: "Callable[[], Language]") -> str:
    """What standard input has: of a long text only the two ends are kept, while it is read."""
    most = client.MAX_EVENT_BYTES
    size = lines = 0  # of what lies between the ends
    try:
        if sys.stdin is None:
            raise OSError("closed")
        read = sys.stdin.buffer.read
        data = read(2 * most + 1)
        if len(data) <= 2 * most:
            return text(data).rstrip("\n")
        head, data = data[:most], data[most:]
        tail = bytearray()
        while data:
            tail += data
            beyond = max(0, len(tail) - most)
            size += beyond
            lines += tail.count(b"\n", 0, beyond)
            del tail[:beyond]
            data = read(_READ_BYTES)
    except OSError as error:
        raise _unreadable("-", error) from None
    from zaiond.client import shorten

    ends = shorten.ends_of(head, bytes(tail.rstrip(b"\n")), size, lines, text)
    try:
        return shorten.joined(ends, shorten.room(event) - _MADE_BYTES, language())
    except shorten.TooLong:
        from zaiond.event_rules import TOO_LARGE
        from zaiond.text import Text

        raise Failure(BAD_EVENT, Text(*TOO_LARGE)) from None


def events(path: str) -> "Iterator[tuple[list[int], list[dict[str, Any] | str]]]":
    """The lines as they come, with their numbers: what is there is sent before more is awaited. A
    line too long to be shortened is cut behind the limit: it will be refused as too large."""
    number = 0
    rest = bytearray()
    try:
        standard = path == "-"
        with open(0 if standard else path, "rb", buffering=0, closefd=not standard) as file:
            read = b"\n"
            while read:
                read = os.read(file.fileno(), _READ_BYTES)
                *lines, begun = read.split(b"\n")
                if lines:
                    lines[0] = bytes(rest) + lines[0]
                    rest.clear()
                rest += begun
                del rest[client.MAX_LINE_BYTES + 1 :]
                if not read:
                    lines.append(bytes(rest))
                numbers: list[int] = []
                found: list[dict[str, Any] | str] = []
                for line in lines:
                    number += 1
                    if number == 1:
                        line = line.removeprefix(b"\xef\xbb\xbf")  # a byte order mark
                    if line.strip():
                        numbers.append(number)
                        found.append(_json_text(line))
                if found:
                    yield numbers, found
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: OSError) -> Failure:
    if path == "-":
        return Failure(FAILED, words.no_standard_input(why=error))
    return Failure(FAILED, words.no_events_from(path=path, why=error))
