"""A mail put together of what it says and to whom: its envelope, its header, its bytes; and the
last look at these before they leave.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

from zaiond.errors import MessageError
from zaiond.message import mime, parts
from zaiond.message.address import Mailbox, parse_recipient, parse_sender
from zaiond.message.custom import PLAIN, Look
from zaiond.message.mime import Charset
from zaiond.message.words import EN, JA, Words
from zaiond.model import URGENT, Event, Message
from zaiond.safe import one_line
from zaiond.text import Language, Text

WORDS: dict[Language, Words] = {"ja": JA, "en": EN}
_GENERATED = "Auto-Submitted: auto-generated\r\n"  # RFC 3834 5.1
_MIME = "MIME-Version: 1.0\r\n"
IMPORTANT = "Importance: high\r\nX-Priority: 1\r\n"  # RFC 2156; and as Outlook reads it
is_important = frozenset(URGENT).__contains__
_LONGEST_LEGIBLE_PREFIX = 40
_LONGEST_KEPT_NAME = 256
_not_in_message_id = re.compile(r"[^A-Za-z0-9._-]+|^\.+|\.+$|(?<=\.)\.+")


def message_id_for(unique: str, fqdn: str) -> str:
    """A Message-ID with its angle brackets (RFC 5322 3.6.4), of `unique` and this machine's name.

    What neither may have there is left out.
    """
    left = unique if unique.isalnum() and unique.isascii() else _not_in_message_id.sub("", unique)
    return f"<{left}@{_message_id_domain(fqdn)}>"


@lru_cache(maxsize=4)
def _message_id_domain(fqdn: str) -> str:
    return _not_in_message_id.sub("", fqdn) or "localhost"


def thread(kind: str, name: str, fqdn: str) -> str:
    # A name may be as long as an event: such ones aren't kept.
    make = _make_thread if len(name) <= _LONGEST_KEPT_NAME else _make_thread.__wrapped__
    return make(kind, name, fqdn)


@lru_cache(maxsize=256)
def _make_thread(kind: str, name: str, fqdn: str) -> str:
    """The fields that make one thread of the mails of a key, or of a job, of this machine.

    They are replies to a mail that never was: each mail stands below it, in whichever order they
    arrive, and none must know another's Message-ID (RFC 5322 3.6.4).
    """
    said = "\0".join((kind, name, fqdn)).encode(errors="surrogatepass")
    root = message_id_for(f"thread.{sha256(said).hexdigest()[:24]}", fqdn)
    return f"In-Reply-To: {root}\r\nReferences: {root}\r\n"


class _Envelope:
    """What depends on the sender and the recipients only."""

    __slots__ = ("fields", "recipients", "reverse_path", "smtputf8")

    def __init__(self, sender: str, recipients: tuple[str, ...], charset: Charset) -> None:
        origin = parse_sender(sender)
        once: dict[str, Mailbox] = {}
        for box in map(parse_recipient, recipients):
            once.setdefault(box.key, box)
        boxes = tuple(once.values())
        self.fields = mime.mailboxes("From", (origin,), charset)
        self.fields += mime.mailboxes("To", boxes, charset)
        self.reverse_path = origin.address
        self.recipients = tuple(box.address for box in boxes)
        self.smtputf8 = origin.smtputf8 or any(box.smtputf8 for box in boxes)


_envelope = lru_cache(maxsize=64)(_Envelope)


@lru_cache(maxsize=8)
def subject_beginning(prefix: str) -> tuple[str, str]:
    """The field's start, and what of the prefix must be encoded together with the rest."""
    prefix = one_line(prefix)
    if not prefix:
        return "Subject: ", ""
    if len(prefix) <= _LONGEST_LEGIBLE_PREFIX and mime.is_plain(prefix):
        return f"Subject: {prefix} ", ""
    return "Subject: ", f"{prefix} "


def message(
    charset: Charset,
    sender: str,
    recipients: tuple[str, ...],
    date: str,
    subject: tuple[str, str],
    message_id: str,
    more_fields: str,
    text: str,
    remark: Text | None = None,
    html: str | None = None,
    look: Look = PLAIN,
    events: Sequence[Event] = (),
) -> Message:
    """A mail, all of whose fields and texts are ready but for their encoding. `events` are those
    that it tells of, from which `look` may take files. What `charset` can't hold goes out as UTF-8,
    with a remark.
    """
    files = parts.files_of(events, look.attach) if look.attach else ()
    try:
        envelope = _envelope(sender, recipients, charset)
        if html is None and not files:
            content_fields, octets = mime.encode_body(text, charset)
        else:
            content_fields, octets = parts.content(text, html, files, charset, message_id)
        fields = (
            f"{envelope.fields}{date}{mime.unstructured(*subject, charset)}"
            f"Message-ID: {message_id}\r\n{more_fields}{_GENERATED}{_MIME}{content_fields}"
        )
    except UnicodeEncodeError as error:
        if charset == "utf-8":
            raise
        remark = both(remark, is_not_in(charset, error.object[error.start]))
        return message(
            "utf-8",
            sender,
            recipients,
            date,
            subject,
            message_id,
            more_fields,
            text,
            remark,
            html,
            look,
            events,
        )
    return Message(
        message_id=message_id,
        reverse_path=envelope.reverse_path,
        recipients=envelope.recipients,
        content=fields.encode() + octets,
        smtputf8=envelope.smtputf8,
        remark=remark,
    )


def both(first: Text | None, second: Text) -> Text:
    """Two remarks in one."""
    if first is None:
        return second
    return Text(f"{first.ja}。{second.ja}", f"{first.en}; {second.en}")


def is_not_in(charset: Charset, character: str) -> Text:
    name, code = charset.upper(), f"U+{ord(character):04X}"
    ja, en = (f"「{character}」", f"“{character}” ") if character.isprintable() else ("", "")
    return Text(
        f"{name} にない文字{ja}（{code}）があるため UTF-8 で作成",
        f"made in UTF-8, for {name} has no {en}({code})",
    )


# -- the last look at what was made

_ID = r"<[!-;=?-~]+@[!-;=?-~]+>\r\n"
# A field's value over one line or more: one that begins with a space goes on the one before.
_VALUE = r"[ -~\x80-\xff]*+(?:\r\n [!-~\x80-\xff][ -~\x80-\xff]*+)*+\r\n"
_TEXT = r'text/plain; charset="(?:us-ascii|utf-8|iso-2022-jp)"'
_MULTIPART = r'multipart/(?:alternative|mixed); boundary="(=_[0-9a-f]{24})"'
_ENCODING = r"Content-Transfer-Encoding: (?:7bit|quoted-printable|base64)\r\n"
_DISPOSITION = (
    r"Content-Disposition: attachment;(?: filename=\"[A-Za-z0-9_.,+@=-]+\"|"
    r"(?:\r\n filename\*(?:[0-9]{1,2}\*)?=(?:utf-8'')?[0-9A-F%]+;?)+)\r\n"
)
_is_alternative = re.compile(
    rf"Content-Type: {_MULTIPART.replace('(?:alternative|mixed)', 'alternative')}\r\n"
    rf"{_ENCODING}\r\n".encode()
).match
_is_text = re.compile(rf"Content-Type: {_TEXT}\r\n{_ENCODING}\r\n".encode()).match
_is_html = re.compile(
    rf"Content-Type: {_TEXT.replace('plain', 'html')}\r\n{_ENCODING}\r\n".encode()
).match
_is_file = re.compile(
    rf"Content-Type: (?:{_TEXT}|application/gzip)\r\n{_ENCODING}{_DISPOSITION}\r\n".encode()
).match
_is_ours = re.compile(
    (
        f"From: {_VALUE}To: {_VALUE}Date: {_VALUE}Subject:{_VALUE}Message-ID: {_ID}"
        f"(?:In-Reply-To: {_ID}References: {_ID})?+(?:{IMPORTANT})?+(?:Zaiond-Event: {_VALUE})*+"
        f"{_GENERATED}{re.escape(_MIME)}"
        rf"Content-Type: (?:{_TEXT}|{_MULTIPART})\r\n{_ENCODING}\r\n"
    ).encode()
).match


def check_wire(content: bytes, *, smtputf8: bool = False) -> None:
    """Look at a mail's bytes before they leave (RFC 5321 2.3.8, 4.5.3.1.6; RFC 5322 3.6).

    Raises MessageError unless each line ends in CRLF and has at most 998 octets, there is no NUL
    and, without `smtputf8`, no octet above 127, the header has exactly the fields of ours, and the
    body the parts.
    """
    lines = content.split(b"\r\n")
    within = b"".join(lines)
    if b"\n" in within or b"\r" in within:
        raise _not_a_mail("CR か LF が単独で含まれています", "it has a CR or LF on its own")
    if lines[-1]:
        raise _not_a_mail("最後の行が CRLF で終わっていません", "its last line has no CRLF")
    if b"\0" in within:
        raise _not_a_mail("NUL が含まれています", "it has a NUL")
    if max(map(len, lines)) > mime.MAX_LINE:
        raise _not_a_mail(
            f"{mime.MAX_LINE} バイトを超える行があります", f"a line is over {mime.MAX_LINE} octets"
        )
    found = _is_ours(content)
    if found is None:
        raise _not_a_mail("zaiond が作るヘッダーと異なります", "its header isn't zaiond's")
    if not content.isascii() and not (smtputf8 and content[found.end() :].isascii()):
        raise _not_a_mail("7 ビットでない文字があります", "it has octets above 127")
    if found[1] is not None and not _are_parts(content[found.end() :], found[1]):
        raise _not_a_mail("zaiond が作るパートと異なります", "its parts aren't zaiond's")


def _are_parts(body: bytes, boundary: bytes, *, within: bool = False) -> bool:
    """Whether a body is exactly the parts that ours has: a text and HTML; or one of these, or a
    text, and files.
    """
    parts = _parts(body, boundary)
    if len(parts) < 2:
        return False
    if _is_text(parts[0]) and len(parts) == 2 and _is_html(parts[1]):
        return True
    if within or not all(map(_is_file, parts[1:])):
        return False
    inner = _is_alternative(parts[0])
    if inner:
        return _are_parts(parts[0][inner.end() :], inner[1], within=True)
    return _is_text(parts[0]) is not None


def _parts(body: bytes, boundary: bytes) -> list[bytes]:
    """The parts of a body (RFC 2046 5.1.1) without a word before, between or behind them; none
    where it is anything else.
    """
    line = b"--" + boundary
    begin, end = line + b"\r\n", b"\r\n" + line + b"--\r\n"
    if not (body.startswith(begin) and body.endswith(end)) or len(body) < len(begin) + len(end):
        return []
    parts = body[len(begin) : -len(end)].split(b"\r\n" + begin)
    return [] if any(boundary in part for part in parts) else parts


def _not_a_mail(ja: str, en: str) -> MessageError:
    return MessageError(
        Text(
            f"作成したメールが不正なため送信しません: {ja}",
            f"a mail that was made must not be sent: {en}",
        )
    )
