"""Mails of several parts (RFC 2046): the text with HTML beside it, and files that go along."""

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from json import dumps
from typing import Any, NamedTuple

from zaiond.message.mime import Charset, base64, encode_body
from zaiond.model import Event
from zaiond.safe import clean

_PLAIN = "text/plain"
_MOST_PLAIN = 1024 * 1024  # bytes of all files that go as text; what is beyond is compressed
_MOST_FILES, _MOST_BYTES = 100, 8 * 1024 * 1024
_LONGEST_NAME = 60
_not_in_a_name = re.compile(r"[^\w.,+@=-]+")
_is_text_name = re.compile(r".*\.(?:txt|log|csv)", re.IGNORECASE).fullmatch


class File(NamedTuple):
    """A file that goes along: a name, and its text."""

    name: str
    text: str


def files_of(events: Sequence[Event], fields: Iterable[str]) -> tuple[File, ...]:
    """The files that events have in these fields (`data.log`); what there isn't is left out. Of
    several events each has its number before the name, and they are bounded in all.
    """
    found: list[File] = []
    names: set[str] = set()
    room = _MOST_BYTES
    for number, event in enumerate(events, 1):
        for field in fields:
            value = _value(event.data, field)
            if value is None or value == "":
                continue
            if isinstance(value, str):
                text, end = clean(value), ".txt"
            else:
                text, end = clean(dumps(value, ensure_ascii=False, indent=2)), ".json"
            room -= len(text.encode(errors="surrogatepass"))
            if room < 0 or len(found) == _MOST_FILES:
                return tuple(found)
            name = _name(field, end, f"{number}-" if len(events) > 1 else "", names)
            names.add(name.lower())
            found.append(File(name, text))
    return tuple(found)


def _value(data: Any, field: str) -> Any:
    """The value below `data`: `data.log.text` is a key of that name, or one in another."""
    path = field.removeprefix("data.").split(".")
    return _below(data, path)


def _below(value: Any, path: list[str]) -> Any:
    if not path:
        return value
    if not isinstance(value, dict):
        return None
    for end in range(len(path), 0, -1):  # a key may have dots of its own
        key = ".".join(path[:end])
        if key in value and (found := _below(value[key], path[end:])) is not None:
            return found
    return None


def _name(field: str, end: str, before: str, taken: set[str]) -> str:
    """A name that no system takes for anything but a file of text."""
    stem = (
        _not_in_a_name.sub("_", field.removeprefix("data.")).strip("._")[:_LONGEST_NAME] or "data"
    )
    if end == ".txt" and _is_text_name(stem):
        stem, dot, last = stem.rpartition(".")
        end = dot + last
    name, number = f"{before}{stem}{end}", 1
    while name.lower() in taken:
        number += 1
        name = f"{before}{stem}-{number}{end}"
    return name


def content(
    text: str, html: str | None, files: Sequence[File], charset: Charset, unique: str
) -> tuple[str, bytes]:
    """The last fields of the header with the empty line behind them, and the body; `unique` makes
    the boundaries. Raises UnicodeEncodeError as `encode_body` does.
    """
    whole = encode_body(text, charset)
    if html is not None:
        fields, octets = encode_body(html, charset)
        as_html = fields.replace(_PLAIN, "text/html", 1), octets
        # RFC 2046 5.1.4: the plainest comes first.
        whole = _multipart("alternative", [whole, as_html], unique)
    if files:
        whole = _multipart("mixed", [whole, *_attached(files)], unique)
    return whole


def _multipart(kind: str, parts: list[tuple[str, bytes]], unique: str) -> tuple[str, bytes]:
    octets = [fields.encode() + body for fields, body in parts]
    number = 0
    while True:
        name = sha256(f"{unique}\0{kind}\0{number}".encode()).hexdigest()[:24]
        boundary = f"=_{name}"  # neither quoted-printable nor base64 has such a line (RFC 2045 6.7)
        if not any(boundary.encode() in part for part in octets):
            break
        number += 1
    line = f"--{boundary}".encode()
    # RFC 2046 5.1.1: the line end before a boundary is the boundary's.
    body = line + b"\r\n" + (b"\r\n" + line + b"\r\n").join(octets) + b"\r\n" + line + b"--\r\n"
    fields = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n'
    return f"{fields}Content-Transfer-Encoding: 7bit\r\n\r\n", body


def _attached(files: Sequence[File]) -> Iterator[tuple[str, bytes]]:
    room = _MOST_PLAIN
    for file in files:
        octets = file.text.encode(errors="backslashreplace")
        if len(octets) <= room:
            room -= len(octets)
            ended = file.text if file.text.endswith("\n") else f"{file.text}\n"
            fields, body = encode_body(ended)
            yield fields[:-2] + _disposition(file.name), body
        else:
            import gzip  # for few

            fields = "Content-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n"
            body = base64(gzip.compress(octets, mtime=0))
            yield fields + _disposition(f"{file.name}.gz"), body


def _disposition(name: str) -> str:
    if name.isascii():
        return f'Content-Disposition: attachment; filename="{name}"\r\n\r\n'
    # RFC 2231 4: as many octets as it takes, in parts of a line each.
    coded = "".join(f"%{octet:02X}" for octet in name.encode())
    lines = [coded[at : at + 54] for at in range(0, len(coded), 54)]
    if len(lines) == 1:
        return f"Content-Disposition: attachment;\r\n filename*=utf-8''{coded}\r\n\r\n"
    folded = ";".join(
        f"\r\n filename*{n}*={chr(39).join(('utf-8', '', part)) if n == 0 else part}"
        for n, part in enumerate(lines)
    )
    return f"Content-Disposition: attachment;{folded}\r\n\r\n"
