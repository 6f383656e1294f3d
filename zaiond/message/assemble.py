"""What a mail says and to whom, put together: its envelope, its header, its bytes."""

import re
from functools import lru_cache
from hashlib import sha256

from zaiond.message import mime, parts
from zaiond.message.address import Mailbox, parse_recipient, parse_sender
from zaiond.message.mime import Charset
from zaiond.message.parts import File
from zaiond.message.words import EN, JA, Words
from zaiond.model import URGENT, Message
from zaiond.safe import one_line
from zaiond.text import Language, Text

WORDS: dict[Language, Words] = {"ja": JA, "en": EN}
GENERATED = "Auto-Submitted: auto-generated\r\n"  # RFC 3834 5.1
MIME = "MIME-Version: 1.0\r\n"
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
    files: tuple[File, ...] = (),
) -> Message:
    """A mail, all of whose fields and texts are ready but for their encoding. What `charset` can't
    hold goes out as UTF-8, with a remark.
    """
    try:
        envelope = _envelope(sender, recipients, charset)
        if html is None and not files:
            content_fields, octets = mime.encode_body(text, charset)
        else:
            content_fields, octets = parts.content(text, html, files, charset, message_id)
        fields = (
            f"{envelope.fields}{date}{mime.unstructured(*subject, charset)}"
            f"Message-ID: {message_id}\r\n{more_fields}{GENERATED}{MIME}{content_fields}"
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
            files,
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
