"""A mail of another program as any server takes it: 7-bit, in lines of at most 998 octets (RFC 5321
2.3.8, 4.5.3.1.6). What is so already stays as it is, to the octet; only what isn't is encoded, each
part of a mail for itself (RFC 2045 6). Pure.
"""

import re
from binascii import Error, a2b_base64, a2b_qp, b2a_base64, b2a_qp

from zaiond.errors import AddressError
from zaiond.message import mime, rfc5322
from zaiond.message.address import Mailbox, parse_recipient
from zaiond.message.rfc5322 import Entity, Field, read
from zaiond.safe import one_line

_PLAIN = bytes(63 if byte in (0, *range(128, 256)) else byte for byte in range(256))
_QUOTED = bytes(byte for byte in range(256) if byte not in b"\t\r\n" and not 32 <= byte < 127)
_LONGEST_ADDRESS = 500  # characters; it has 254 octets at most (RFC 5321 4.5.3.1.3)
_MOST_READ = 256 * 1024  # bytes of a text in an encoding that is to be found out
_acting = re.compile(rb"[^\t\r\n -~]").search
_base64_lines = re.compile(rb".{1,76}").findall
_ADDRESSES = frozenset(
    [
        "from",
        "sender",
        "reply-to",
        "to",
        "cc",
        "bcc",
        "resent-from",
        "resent-sender",
        "resent-reply-to",
        "resent-to",
        "resent-cc",
        "resent-bcc",
        "disposition-notification-to",
        "errors-to",
    ]
)
_TOKENS = frozenset(["message-id", "in-reply-to", "references", "date", "received", "resent-date"])
_WITH_PARAMETERS = frozenset(("content-type", "content-disposition"))
_CHARSET = re.compile(r'(;\s*charset\s*=\s*)("[^"]*"|[^;\s]*)', re.IGNORECASE)
_VALUE = re.compile(r'([A-Za-z0-9-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s"]*))')
_unreserved = re.compile(rb"[^A-Za-z0-9._-]")
_piece = re.compile(rb"\S{1,%d}\s*" % (mime.MAX_LINE - 100)).findall


def is_clean(octets: bytes) -> bool:
    """Whether any server takes these octets as they are."""
    return (
        octets.isascii()
        and b"\0" not in octets
        and not _has_bare(octets)
        and not _is_overlong(octets)
    )


def _has_bare(octets: bytes) -> bool:
    """Whether there is a CR or LF that is no part of a line end."""
    ends = octets.count(b"\r\n")
    return not ends == octets.count(b"\n") == octets.count(b"\r")


def _is_overlong(octets: bytes) -> bool:
    at, most = 0, mime.MAX_LINE
    while len(octets) - at > most:
        at = octets.rfind(b"\n", at, at + most + 2) + 1
        if not at:
            return True
    return False


def entity(found: Entity, depth: int = rfc5322.DEPTH) -> Entity:
    """A mail, or a part of one, that is 7-bit; its lines end in CRLF where they end."""
    fields = tuple(new for field in found.fields for new in [clean_field(field)] if new)
    if is_clean(found.body):
        return Entity(fields, found.body)
    found = Entity(fields, found.body)
    kind = rfc5322.media_type(found)
    parts = rfc5322.pieces(found) if kind.startswith("multipart/") and depth else []
    if len(parts) > 1:
        body = b"".join(
            (_forced(octets) if number in (0, len(parts) - 1) else _part(octets, depth))
            + (delimiter if is_clean(delimiter) else _forced(delimiter))
            for number, (octets, delimiter) in enumerate(parts)
        )
        return Entity(_labelled(fields, "7bit"), body)
    if kind == "message/rfc822" and depth:
        return Entity(_labelled(fields, "7bit"), _part(found.body, depth))
    if kind.startswith(("multipart/", "message/")):  # RFC 2045 6.4: they can't be encoded
        return Entity(_labelled(fields, "7bit"), _forced(found.body))
    return _leaf(found, is_text=kind.startswith("text/"))


def as_bytes(found: Entity) -> bytes:
    """The whole of it."""
    return b"".join([field.line for field in found.fields]) + b"\r\n" + found.body


def _part(octets: bytes, depth: int) -> bytes:
    if is_clean(octets):
        return octets
    try:
        return as_bytes(entity(read(octets), depth - 1))
    except rfc5322.TooLong:
        return _forced(octets)


def _leaf(found: Entity, *, is_text: bool) -> Entity:
    fields, body, encoding = found.fields, found.body, rfc5322.encoding(found)
    if encoding in ("base64", "quoted-printable"):
        try:
            body = a2b_base64(body) if encoding == "base64" else a2b_qp(body)
        except Error:
            return Entity(_labelled(fields, "7bit"), _forced(body))
    elif encoding not in ("", "7bit", "8bit", "binary"):
        return Entity(fields, _forced(body))  # only who knows that encoding could change it
    elif is_text and not body.isascii():
        fields, body = _with_charset(found)
    # Quoted, such an octet takes three; base64 takes a third more of all.
    beyond = len(body) - len(body.translate(None, _QUOTED + b"="))
    if is_text and not _has_bare(body) and beyond * 2 < len(body) // 3:
        return Entity(_labelled(fields, "quoted-printable"), _quoted_printable(body))
    base64 = b2a_base64(body, newline=False)
    return Entity(_labelled(fields, "base64"), b"\r\n".join(_base64_lines(base64)) + b"\r\n")


def _with_charset(found: Entity) -> tuple[tuple[Field, ...], bytes]:
    """The part's fields with a charset in them, and its body in that. What a program called ASCII,
    or nothing, is UTF-8 mostly; of what isn't, it is made.
    """
    charset = rfc5322.parameter(found, "content-type", "charset")
    if not rfc5322.says_nothing(charset):
        return found.fields, found.body
    charset, body = "utf-8", found.body
    try:
        body.decode()
    except UnicodeDecodeError:
        if len(body) > _MOST_READ:
            charset = "unknown-8bit"  # RFC 1428 3
        else:
            body = rfc5322.as_text(body).encode("utf-8", "backslashreplace")
    before = found.first("content-type")
    if before is None:
        return (
            *found.fields,
            Field("Content-Type", b" text/plain; charset=" + charset.encode()),
        ), body
    value = before.value.decode("ascii", "replace")
    named, count = _CHARSET.subn(rf"\g<1>{charset}", value)
    new = Field(before.name, (named if count else f"{value}; charset={charset}").encode())
    return tuple(new if field is before else field for field in found.fields), body


def _quoted_printable(octets: bytes) -> bytes:
    # b2a_qp ends its soft line breaks as the text's first line ends: in CRLF, if there is any.
    quoted = b2a_qp(octets)
    return quoted if b"\r\n" in octets else quoted.replace(b"=\n", b"=\r\n")


def _labelled(fields: tuple[Field, ...], encoding: str) -> tuple[Field, ...]:
    """The same with this Content-Transfer-Encoding, in the place where one was."""
    label = Field("Content-Transfer-Encoding", b" " + encoding.encode())
    there = [n for n, field in enumerate(fields) if field.key == "content-transfer-encoding"]
    if not there:
        return fields if encoding == "7bit" else (*fields, label)
    kept = [field for n, field in enumerate(fields) if n not in there[1:]]
    kept[there[0]] = label
    return tuple(kept)


def _forced(octets: bytes) -> bytes:
    """7-bit, whatever is lost: of what stands where no encoding can be said."""
    if is_clean(octets):
        return octets
    octets = octets.translate(_PLAIN).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    octets = octets.replace(b"\n", b"\r\n")
    lines: list[bytes] = []
    at, most = 0, mime.MAX_LINE
    while len(octets) - at > most:
        end = octets.rfind(b"\n", at, at + most + 2) + 1
        lines.append(octets[at:end] if end else octets[at : at + most] + b"\r\n")
        at = end or at + most
    return b"".join((*lines, octets[at:]))


# -- fields


def clean_field(field: Field) -> Field | None:
    """The field as it came if any server takes it so; else made anew of what it says. None: nothing
    of it can be kept.
    """
    if (
        _acting(field.value) is None
        and not _has_bare(field.value)
        and max(map(len, field.line.split(b"\r\n"))) <= mime.MAX_LINE
        and all(map(bytes.strip, field.value.split(b"\r\n")[1:]))  # RFC 5322 3.2.2
    ):
        return field
    text, key = field.text, field.key
    if key in _ADDRESSES:
        return _address_field(field.name, text)
    if key in _WITH_PARAMETERS:
        return _parameter_field(field.name, text)
    if key in _TOKENS:
        octets = one_line(text).encode("ascii", "replace")
        return Field(field.name, b" " + b"\r\n ".join(_piece(octets))) if octets else None
    return _made(mime.unstructured(f"{field.name[:40]}: ", one_line(text)))


def _made(line: str) -> Field:
    name, _, value = line.removesuffix("\r\n").partition(":")
    return Field(name, value.encode("ascii", "replace"))


def _address_field(name: str, text: str) -> Field | None:
    boxes: list[Mailbox] = []
    for said in rfc5322.addresses(text):
        if len(said.address) > _LONGEST_ADDRESS:
            continue
        try:
            box = parse_recipient(said.address)
        except AddressError:
            continue
        if box.address.isascii():
            boxes.append(Mailbox(one_line(said.name), box.address))
    return _made(mime.mailboxes(name, tuple(boxes))) if boxes else None


def _parameter_field(name: str, text: str) -> Field:
    value, *_ = one_line(text).partition(";")
    lines = [value.strip().encode("ascii", "replace")[:200]]
    for key, quoted, token in _VALUE.findall(one_line(text)[len(value) :]):
        said = re.sub(r"\\(.)", r"\1", quoted) or token
        plain = said.encode("ascii", "replace").replace(b"\\", b"?").replace(b'"', b"'")
        octets = b'%s="%s"' % (key.encode(), plain)
        if not said.isascii():  # RFC 2231 4
            escaped = _unreserved.sub(lambda found: b"%%%02X" % found[0][0], said.encode())
            octets = b"%s*=utf-8''%s" % (key.encode(), escaped)
        if len(octets) < mime.MAX_LINE - 10:
            lines.append(octets)
    return Field(name, b" " + b";\r\n ".join(lines))
