"""From an event to a mail, in microseconds and without the email package, which is its oracle in
the tests.
"""

import re
from collections.abc import Sequence
from datetime import tzinfo
from functools import lru_cache
from hashlib import sha256

from zaiond.errors import MessageError
from zaiond.message import layout, mime
from zaiond.message.address import Mailbox, parse_recipient, parse_sender
from zaiond.message.mime import Charset, as_jis
from zaiond.message.words import EN, JA, Words
from zaiond.model import SEVERITIES, Event, Message
from zaiond.safe import one_line
from zaiond.text import Language, Text

_WORDS: dict[Language, Words] = {"ja": JA, "en": EN}
_TEST_SUBJECT = "[Zaionnex] Test Mail"
_GENERATED = "Auto-Submitted: auto-generated\r\n"  # RFC 3834 5.1
_MIME = "MIME-Version: 1.0\r\n"
_IMPORTANT = "Importance: high\r\nX-Priority: 1\r\n"  # RFC 2156; and as Outlook reads it
_is_important = frozenset(SEVERITIES[:3]).__contains__
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


def _thread(kind: str, name: str, fqdn: str) -> str:
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


def compose(
    event: Event,
    *,
    recipients: Sequence[str],
    sender: str,
    subject_prefix: str,
    language: Language,
    message_id: str,
    date: float,
    host: str,
    fqdn: str,
    user: str = "",
    tz: tzinfo | None = None,
    charset: Charset = "utf-8",
) -> Message:
    """The mail about `event`.

    `recipients` and `sender` are as in the configuration, with or without display names; `{host}`
    and `{fqdn}` are already replaced in `sender` and `subject_prefix`. `message_id` has its angle
    brackets. `date` is in seconds since the epoch; `tz` None is the system's zone. `host` and
    `fqdn` are this machine's names; `user` is the name of the event's uid, where it has one. Who is
    in `recipients` twice is a recipient once. What `charset` can't hold goes out as UTF-8, with a
    remark. Raises AddressError.
    """
    remark = None
    if charset != "utf-8" and not event.id.isascii():
        # An id must be exact: it is what zaiond-ctl is asked about.
        changed = next((sign for sign in event.id if as_jis(sign) != sign), None)
        if changed is not None:
            charset, remark = "utf-8", _is_not_in(charset, changed)
    words = _WORDS[language]
    user = user or f"uid {event.uid}"
    start, beginning = _subject_beginning(subject_prefix)
    fields = mime.unstructured("Zaiond-Event: ", event.id)
    if _is_important(event.severity):
        fields = _IMPORTANT + fields
    if event.key:
        fields = _thread("key", event.key, fqdn) + fields
    elif event.job:
        fields = _thread("job", event.job, fqdn) + fields
    return _message(
        charset,
        sender,
        tuple(recipients),
        mime.date(int(date), tz),
        (start, beginning + layout.subject_line(event, words, host, user)),
        message_id,
        fields,
        layout.body(event, words, fqdn, user, tz),
        remark,
    )


def test_mail(
    *,
    recipient: str,
    sender: str,
    language: Language,
    message_id: str,
    date: float,
    tz: tzinfo | None = None,  # noqa: PT028 (it is no test)
    charset: Charset = "utf-8",  # noqa: PT028
) -> Message:
    """The mail of the self-test (interface 6) to one address; arguments as for `compose`."""
    return _message(
        charset,
        sender,
        (recipient,),
        mime.date(int(date), tz),
        ("Subject: ", _TEST_SUBJECT),
        message_id,
        "",
        _WORDS[language].test_body + "\n",
    )


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
def _subject_beginning(prefix: str) -> tuple[str, str]:
    """The field's start, and what of the prefix must be encoded together with the rest."""
    prefix = one_line(prefix)
    if not prefix:
        return "Subject: ", ""
    if len(prefix) <= _LONGEST_LEGIBLE_PREFIX and mime.is_plain(prefix):
        return f"Subject: {prefix} ", ""
    return "Subject: ", f"{prefix} "


def _message(
    charset: Charset,
    sender: str,
    recipients: tuple[str, ...],
    date: str,
    subject: tuple[str, str],
    message_id: str,
    more_fields: str,
    text: str,
    remark: Text | None = None,
) -> Message:
    try:
        envelope = _envelope(sender, recipients, charset)
        content_fields, octets = mime.encode_body(text, charset)
        fields = (
            f"{envelope.fields}{date}{mime.unstructured(*subject, charset)}"
            f"Message-ID: {message_id}\r\n{more_fields}{_GENERATED}{_MIME}{content_fields}"
        )
    except UnicodeEncodeError as error:
        if charset == "utf-8":
            raise
        remark = _is_not_in(charset, error.object[error.start])
        return _message(
            "utf-8", sender, recipients, date, subject, message_id, more_fields, text, remark
        )
    return Message(
        message_id=message_id,
        reverse_path=envelope.reverse_path,
        recipients=envelope.recipients,
        content=fields.encode() + octets,
        smtputf8=envelope.smtputf8,
        remark=remark,
    )


def _is_not_in(charset: Charset, character: str) -> Text:
    name, code = charset.upper(), f"U+{ord(character):04X}"
    ja, en = (f"「{character}」", f"“{character}” ") if character.isprintable() else ("", "")
    return Text(
        f"{name} にない文字{ja}（{code}）があるため UTF-8 で作成",
        f"made in UTF-8, for {name} has no {en}({code})",
    )


_ID = r"<[!-;=?-~]+@[!-;=?-~]+>\r\n"
# A field's value over one line or more: one that begins with a space goes on the one before.
_VALUE = r"[ -~\x80-\xff]*+(?:\r\n [!-~\x80-\xff][ -~\x80-\xff]*+)*+\r\n"
_is_ours = re.compile(
    (
        f"From: {_VALUE}To: {_VALUE}Date: {_VALUE}Subject:{_VALUE}Message-ID: {_ID}"
        f"(?:In-Reply-To: {_ID}References: {_ID})?+(?:{_IMPORTANT})?+(?:Zaiond-Event: {_VALUE})*+"
        f"{_GENERATED}{re.escape(_MIME)}"
        f"Content-Type: {_VALUE}Content-Transfer-Encoding: {_VALUE}\r\n"
    ).encode()
).match


def check_wire(content: bytes, *, smtputf8: bool = False) -> None:
    """Look at a mail's bytes before they leave (RFC 5321 2.3.8, 4.5.3.1.6; RFC 5322 3.6).

    Raises MessageError unless each line ends in CRLF and has at most 998 octets, there is no NUL
    and, without `smtputf8`, no octet above 127, and the header has exactly the fields of ours.
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


def _not_a_mail(ja: str, en: str) -> MessageError:
    return MessageError(
        Text(
            f"作成したメールが不正なため送信しません: {ja}",
            f"a mail that was made must not be sent: {en}",
        )
    )
