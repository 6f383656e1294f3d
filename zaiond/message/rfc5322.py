"""Reads mails that other programs wrote, whatever is wrong with them: the fields of a header, lists
of addresses as programs write them (RFC 5322 3.4: groups, comments, names), and the text that a
person would read. Pure.
"""

import re
from binascii import Error, a2b_base64, a2b_qp
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from zaiond.event_rules import MOST_RECIPIENTS
from zaiond.safe import clean, one_line

DEPTH = 8  # of parts within parts; what is deeper is not looked into
MOST_FIELDS = 1000  # of a header
MOST_HEADER = 256 * 1024  # bytes of it
_PARTS = 1000  # of a mail
_ADDRESSES = MOST_RECIPIENTS + 1
MOST_READ = 64 * 1024  # bytes of a part, of which a person reads the beginning

_is_name = re.compile(rb"[!-9;-~]{1,200}[ \t]*:").match
_fold = re.compile(rb"\r\n(?=[ \t])")
_ENCODED_WORD = re.compile(r"=\?([A-Za-z0-9_.:*-]+)\?([BbQq])\?([!->@-~ ]{0,1000})\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)[ \t\r\n]+(?==\?[A-Za-z0-9_.:*-]+\?[BbQq]\?)")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|<[^<>]*>?|\[[^\[\]]*\]|[,;:]|\s+|[^"<>\[\],;:\s]+|.')
_ROUTE = re.compile(r"@[^<>:]*:")  # RFC 5322 4.4
_quoted_pair = re.compile(r"\\(.)")
_PARAMETER = re.compile(r';\s*([A-Za-z0-9-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]*)')
_rest_of_delimiter = re.compile(rb"(--)?[ \t]{0,100}(?:\r\n|\Z)").match
_TAG = re.compile(
    r"<(style|script)\b[^<]*+(?:<(?!/\1)[^<]*+)*+(?:</\1>|\Z)|<[^<>]*+>", re.IGNORECASE
)


class Field(NamedTuple):
    """A field of a header: its name as it stands, and its value with its folds, without the line
    end behind it.
    """

    name: str
    value: bytes

    @property
    def key(self) -> str:
        return self.name.lower()

    @property
    def line(self) -> bytes:
        """As it came, with its line end."""
        return b"%s:%s\r\n" % (self.name.encode(), self.value)

    @property
    def text(self) -> str:
        """The value as a person reads it, on one line; not safe to be shown as it is."""
        return decoded_words(as_text(_fold.sub(b"", self.value)).strip())


class TooLong(ValueError):  # noqa: N818 - not an error of the program
    """A header has more fields, or bytes, than anybody needs."""


class Entity(NamedTuple):
    """A mail, or a part of one (RFC 2045 2.4)."""

    fields: tuple[Field, ...]
    body: bytes

    def first(self, key: str) -> Field | None:
        """The first field of this name, in lower case."""
        return next((field for field in self.fields if field.key == key), None)

    def value(self, key: str) -> str:
        """The text of the first field of this name; '' if there is none."""
        field = self.first(key)
        return "" if field is None else field.text


def with_crlf(mail: bytes) -> bytes:
    """Each line ends in CRLF, the last one too. A CR that is no part of a line end stays."""
    mail = mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return mail if not mail or mail.endswith(b"\r\n") else mail + b"\r\n"


def _header_at(mail: bytes) -> int:
    """Behind a line `From …` of an mbox. Without a field behind it, it is somebody's text."""
    at = mail.find(b"\n") + 1 if mail.startswith((b"From ", b">From ")) else 0
    return at if _is_name(mail, at) else 0


def with_field(line: bytes, mail: bytes, found: Entity) -> bytes:
    """The mail, as it came and as `read`, with one more field, the line of which ends in CRLF."""
    if not found.fields and not mail.startswith((b"\n", b"\r\n")):
        line += b"\r\n"  # else its first line might be the rest of this field
    return line + mail[_header_at(mail) :]


def read(mail: bytes) -> Entity:
    """A mail with lines that end in CRLF. The header ends with the first empty line, or before what
    is no field; a line `From …` of an mbox before it is none of it. Raises TooLong.
    """
    fields: list[Field] = []
    at = _header_at(mail)
    while at < len(mail):
        if mail.startswith(b"\r\n", at):
            return Entity(tuple(fields), mail[at + 2 :])
        named = _is_name(mail, at)
        if named is None:
            break
        if len(fields) >= MOST_FIELDS or at > MOST_HEADER:
            raise TooLong
        end = mail.find(b"\r\n", at)
        while end >= 0 and mail[end + 2 : end + 3] in (b" ", b"\t"):
            if end > 2 * MOST_HEADER:
                raise TooLong
            end = mail.find(b"\r\n", end + 2)
        end = len(mail) if end < 0 else end
        name = named[0][:-1].rstrip().decode()
        fields.append(Field(name, mail[named.end() : end]))
        if end - at > 2 * MOST_HEADER:
            raise TooLong
        at = end + 2
    return Entity(tuple(fields), mail[at:])


def as_text(octets: bytes) -> str:
    """Octets of a header or a body as text, whatever they are."""
    if octets.isascii() and b"\x1b$" not in octets:
        return octets.decode()
    try:
        if b"\x1b$" not in octets:
            return octets.decode()
    except UnicodeDecodeError:
        pass
    from zaiond import decode  # only for who needs it

    return decode.text(octets)


def decoded_words(text: str) -> str:
    """The text with its encoded-words (RFC 2047) as they read."""
    if "=?" not in text:
        return text
    return _ENCODED_WORD.sub(_decoded_word, _BETWEEN_WORDS.sub(r"\1", text))


def _decoded_word(found: re.Match[str]) -> str:
    charset, encoding, said = found.groups()
    octets = said.encode()
    try:
        octets = a2b_base64(octets) if encoding in "Bb" else a2b_qp(octets, header=True)
    except Error:
        return found[0]
    return in_charset(octets, charset.partition("*")[0])


def in_charset(octets: bytes, charset: str) -> str:
    """Octets as text of this charset, as far as they are."""
    try:
        return octets.decode(charset)
    except (LookupError, ValueError):  # ValueError: an embedded NUL, a codec for no text
        return as_text(octets)


# -- addresses


class Address(NamedTuple):
    """A display name ('' if none) and what stands for the address, which may be no valid one."""

    name: str
    address: str


def addresses(text: str) -> list[Address]:
    """The addresses of a list, those in groups too (RFC 5322 3.4); `text` has no folds. Of more
    than a mail can have recipients only as many, and one more.
    """
    found: list[Address] = []
    words: list[str] = []
    angle: str | None = None
    for sign in (*_TOKEN.findall(_without_comments(text)), ","):
        if len(found) >= _ADDRESSES:
            break
        if sign in (",", ";"):
            said = "".join(words).strip()
            if angle is not None:
                found.append(Address(_phrase(said), _ROUTE.sub("", angle, count=1).strip()))
            elif said:
                found.append(Address("", _joined(said)))
            words, angle = [], None
        elif sign == ":" and angle is None and "@" not in "".join(words):
            words = []  # what stood there is the name of a group
        elif sign.startswith("<"):
            angle = sign.strip("<>") if angle is None else "<>"  # of two none is valid
        else:
            words.append(sign)
    return found


def _joined(said: str) -> str:
    """Blanks around a dot or an at sign are no part of an address (RFC 5322 4.4)."""
    return re.sub(r"\s*([.@])\s*", r"\1", said) if " " in said and '"' not in said else said


def _phrase(said: str) -> str:
    parts = [
        _quoted_pair.sub(r"\1", word[1:].removesuffix('"')) if word.startswith('"') else word
        for word in _TOKEN.findall(said)
    ]
    return one_line(decoded_words("".join(parts)))


def _without_comments(text: str) -> str:
    if "(" not in text:
        return text
    kept: list[str] = []
    depth, is_quoted, is_escaped = 0, False, False
    for sign in text:
        if is_escaped or sign == "\\":
            is_escaped = not is_escaped
        elif sign == '"' and not depth:
            is_quoted = not is_quoted
        elif sign == "(" and not is_quoted:
            depth += 1
        elif sign == ")" and depth:
            depth -= 1
            continue
        if not depth:
            kept.append(sign)
    return "".join(kept)


# -- parts


def media_type(entity: Entity, default: str = "text/plain") -> str:
    """Its type and subtype, in lower case (RFC 2045 5.1)."""
    found = entity.value("content-type").partition(";")[0].strip().lower()
    return found if found.count("/") == 1 else default


def parameter(entity: Entity, field: str, name: str) -> str:
    """A parameter of a field; '' if there is none."""
    for found, value in _PARAMETER.findall(f"{entity.value(field)};"):
        if found.lower() == name:
            return _quoted_pair.sub(r"\1", value[1:-1]) if value.startswith('"') else str(value)
    return ""


def encoding(entity: Entity) -> str:
    """Its Content-Transfer-Encoding, in lower case; '' if there is none."""
    return entity.value("content-transfer-encoding").partition(";")[0].strip().lower()


class Piece(NamedTuple):
    """What stands before a delimiter of a multipart, without the line end that belongs to that
    (RFC 2046 5.1.1), and the delimiter with its line ends: empty behind the last one.
    """

    octets: bytes
    delimiter: bytes


def pieces(entity: Entity) -> list[Piece]:
    """A multipart taken apart: the preamble, the parts, the epilogue. Nothing of it is lost. There
    is one piece of what is no such multipart, or has too many parts.
    """
    boundary = parameter(entity, "content-type", "boundary").encode("utf-8", "replace")
    body = entity.body
    found: list[Piece] = []
    if media_type(entity).startswith("multipart/") and 0 < len(boundary) <= 200:
        begun = 0
        for start, end, is_last in _delimiters(body, b"--" + boundary):
            before = body[begun:start]
            line_end = b"\r\n" if before.endswith(b"\r\n") else b""
            found.append(Piece(before.removesuffix(b"\r\n"), line_end + body[start:end]))
            begun = end
            if is_last:
                break
            if len(found) > _PARTS:
                return [Piece(body, b"")]
        body = body[begun:]
    return [*found, Piece(body, b"")]


def _delimiters(body: bytes, boundary: bytes) -> Iterator[tuple[int, int, bool]]:
    """Where each line is that is a delimiter, and whether it is the last one."""
    at = body.find(boundary)
    while at >= 0:
        rest = _rest_of_delimiter(body, at + len(boundary))
        if rest is not None and (at == 0 or body[at - 2 : at] == b"\r\n"):
            yield at, rest.end(), bool(rest[1])
            at = body.find(boundary, rest.end())
        else:
            # To the next line: there may be many of these in one.
            line = body.find(b"\r\n", at)
            at = -1 if line < 0 else body.find(boundary, line)


def content(entity: Entity, most: int | None = None) -> bytes:
    """The octets of a part, without their transfer encoding; at most about so many of them."""
    body = entity.body[: most and 2 * most]
    try:
        if encoding(entity) == "base64":
            # As many whole groups as there are.
            octets = body.translate(None, b"\r\n\t ")
            return a2b_base64(octets[: len(octets) // 4 * 4])[:most]
        if encoding(entity) == "quoted-printable":
            return a2b_qp(body)[:most]
    except Error:
        pass
    return body[:most]


def readable(mail: Entity) -> str:
    """The beginning of what a person reads of a mail: its first text, plain if there is such."""
    texts = list(islice(_texts(mail, DEPTH), _PARTS))
    plain = [part for part in texts if media_type(part) != "text/html"]
    for part in (plain or texts)[:1]:
        octets = content(part, MOST_READ).replace(b"\r\n", b"\n")
        charset = parameter(part, "content-type", "charset")
        text = as_text(octets) if says_nothing(charset) else in_charset(octets, charset)
        return clean(text if plain else _without_markup(text)).strip("\n")
    return ""


def says_nothing(charset: str) -> bool:
    """Whether a charset is one that programs give for text of any other, or none."""
    return charset.lower() in ("", "us-ascii", "ascii", "ansi_x3.4-1968", "unknown-8bit")


def _without_markup(html: str) -> str:
    from html import unescape

    return re.sub(r"\n\s*\n\s*", "\n\n", unescape(_TAG.sub("", html)))


def _texts(entity: Entity, depth: int) -> Iterator[Entity]:
    kind = media_type(entity)
    if kind.startswith("text/"):
        if "attachment" not in entity.value("content-disposition").lower():
            yield entity
    elif depth and (kind.startswith("multipart/") or kind == "message/rfc822"):
        parts = [piece.octets for piece in pieces(entity)[1:-1]] or [entity.body]
        for part in parts if kind != "message/rfc822" else [entity.body]:
            with suppress(TooLong):
                yield from _texts(read(part), depth - 1)
