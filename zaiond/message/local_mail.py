"""The mail that a program on this machine gave to zaiond-sendmail, as it goes out: as it came, to
the octet where RFC 5321 and 5322 allow it (`seven_bit` has where they don't), but for these fields.

- `From` is the sender of the configuration, with the name that the program gave, for a server that
  has us log in takes no other one (Exchange Online: 5.2.252, and that would hold the whole queue),
  and DMARC wants the domain of the envelope. What it was is in `Original-From` (RFC 5703 6), and is
  where replies go if it has a domain of others.
- `Sender`, `Return-Path` and `Bcc` go; so does what only we may say: `Zaiond-Event`.
- `Received` is added (RFC 5321 4.4), and what is missing: `Date`, `Message-ID`, `MIME-Version`,
  `To`, `Auto-Submitted`.
- `root` in `To` or `Cc` becomes `root@` and this machine's name: others have a root, too.

Pure.
"""

import re
from binascii import Error, a2b_base64
from datetime import tzinfo

import msgspec

from zaiond.errors import AddressError, MessageError
from zaiond.message import mime, rfc5322, seven_bit
from zaiond.message.address import Mailbox, parse_recipient, parse_sender
from zaiond.message.rfc5322 import Entity, Field
from zaiond.model import Event, Message
from zaiond.safe import one_line
from zaiond.text import Text
from zaiond.users import NO_UID

HOPS = 5  # times that a mail may come from us to us: more is a loop
_OURS = "(zaiond-sendmail"  # in our Received
_GONE = frozenset(
    ("from", "sender", "return-path", "bcc", "resent-bcc", "apparently-to", "zaiond-event",
     "original-from", "content-length")
)  # fmt: skip
_ONCE = frozenset(  # RFC 5322 3.6, RFC 2045 3
    ("to", "cc", "subject", "date", "message-id", "reply-to", "in-reply-to", "references",
     "mime-version", "content-type", "content-transfer-encoding", "content-disposition",
     "content-id", "content-description", "auto-submitted")
)  # fmt: skip
_OURS_ALONE = frozenset(("from", "date", "message-id", "zaiond-event"))
_high = re.compile(rb"[\x80-\xff]")
_is_message_id = re.compile(r"<[!-;=?-~]{1,120}@[!-;=?-~]{1,120}>").fullmatch
_DATE = r"(?:[A-Z][a-z]{2}, )?[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
_is_date = re.compile(rf"{_DATE} (?:[+-][0-9]{{4}}|[A-Z]{{1,5}})(?: \([^()]*\))?").fullmatch
_is_simple = re.compile(rb"[^\"()\\:;\[\]]*").fullmatch  # a list with nothing but names, <> and ,
_local_part = re.compile(rb"(?<![^\s,<])[A-Za-z0-9_.+-]+(?=\s*(?:[,>]|\Z))")
_comment = re.compile(r"\(([^()]+)\)\s*\Z").search
_names = re.compile(rb"^([!-9;-~]+):", re.MULTILINE).findall
_header = re.compile(rb"(?:[!-9;-~]+:[ -~\t]*+\r\n(?:[ \t][ -~\t]*+\r\n)*+)*+\r\n").match


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How a mail goes out: its `sender` as in the configuration, its `recipients`, `named` by the
    program itself or by the routes; this machine's names; when it was accepted, in seconds since
    the epoch, and the zone in which that is shown (None: the system's).
    """

    sender: str
    recipients: tuple[str, ...]
    named: bool
    message_id: str
    host: str
    fqdn: str
    accepted: float
    tz: tzinfo | None = None


def pass_on(event: Event, way: Way) -> Message:
    """The mail that `event` carries. Raises MessageError where it can't go out, or AddressError."""
    try:
        mail = a2b_base64(event.mail.encode("ascii"), strict_mode=True)
    except (Error, UnicodeEncodeError):
        raise _cannot(Text("mail が base64 ではありません", "its `mail` is no base64")) from None
    try:
        found = rfc5322.read(rfc5322.with_crlf(mail))
    except rfc5322.TooLong:
        raise _cannot(Text("ヘッダーが長すぎます", "its header is too long")) from None
    with_domains = [_with_domains(field, way.fqdn) for field in found.fields]
    found = seven_bit.entity(Entity(tuple(with_domains), found.body))
    sender = parse_sender(way.sender)
    boxes = {box.key: box for box in map(parse_recipient, way.recipients)}
    given = found.value("message-id")
    fields = _renewed(found, event, way, sender, tuple(boxes.values()))
    message = Message(
        message_id=given if _is_message_id(given) else way.message_id,
        reverse_path=sender.address,
        recipients=tuple(box.address for box in boxes.values()),
        content=seven_bit.as_bytes(Entity(tuple(fields), found.body)),
        smtputf8=sender.smtputf8 or any(box.smtputf8 for box in boxes.values()),
    )
    check(message)
    return message


def _renewed(
    found: Entity, event: Event, way: Way, sender: Mailbox, to: tuple[Mailbox, ...]
) -> list[Field]:
    """The header as it goes out."""
    kept: dict[str, Field] = {}
    others: list[Field] = []
    fields = [_received(event, way)]
    for field in found.fields:
        key = field.key
        if key in _GONE or (key in kept and key not in ("to", "cc")):
            continue
        if key in ("to", "cc"):
            value = field.value.strip()
            if not value:
                continue
            if key in kept:  # RFC 5322 3.6: one field for all
                field = Field(kept[key].name, b"%s,\r\n %s" % (kept[key].value, value))
        if key == "message-id" and not _is_message_id(field.text):
            continue
        if key == "date" and not _is_date(field.text):
            continue
        if key == "auto-submitted" and not field.text.lower().startswith("auto-"):
            continue
        if key in _ONCE:
            kept[key] = field
        else:
            others.append(field)
    # The order is nobody's business but that of what was on the way (RFC 5322 3.6).
    trace = [field for field in others if field.key in ("received", "delivered-to")]
    fields += trace
    fields += _from(found, way, sender, "reply-to" in kept)
    fields += kept.values()
    fields += [field for field in others if field not in trace]
    if not kept.keys() & {"to", "cc"}:
        shown = to if not way.named or len(to) == 1 else ()
        shown = tuple(box for box in shown if not box.smtputf8)
        made = mime.mailboxes("To", shown) if shown else "To: undisclosed-recipients:;\r\n"
        fields.append(_field(made))
    if "date" not in kept:
        fields.append(_field(mime.date(int(way.accepted), way.tz)))
    if "message-id" not in kept:
        fields.append(_field(f"Message-ID: {way.message_id}\r\n"))
    if "mime-version" not in kept:
        fields.append(_field("MIME-Version: 1.0\r\n"))
        if "content-type" not in kept and b"\x1b$" in found.body:  # RFC 1468
            fields.append(_field("Content-Type: text/plain; charset=iso-2022-jp\r\n"))
    if "auto-submitted" not in kept:
        fields.append(_field("Auto-Submitted: auto-generated\r\n"))  # RFC 3834 5.1
    return [*fields, _field(mime.unstructured("Zaiond-Event: ", event.id))]


def _received(event: Event, way: Way) -> Field:
    id_ = f" id {event.id};" if re.fullmatch(r"[A-Za-z0-9.-]{1,60}", event.id) else ";"
    date = mime.date(int(way.accepted), way.tz).removeprefix("Date: ")
    # The uid is that of the machine by which it was received (`users.abroad`).
    return _field(f"Received: by {way.fqdn} {_OURS}, uid {event.uid & NO_UID}){id_}\r\n {date}")


def _from(found: Entity, way: Way, sender: Mailbox, has_reply_to: bool) -> list[Field]:
    """`From`, and what it was."""
    said = found.first("from")
    given = next(iter(rfc5322.addresses(said.text)), None) if said is not None else None
    if said is None or given is None:
        return [_field(mime.mailboxes("From", (sender,)))]
    comment = _comment(said.text)  # root (Cron Daemon)
    is_of_us = is_local(given.address, way.host, way.fqdn)
    name = given.name or (comment[1] if comment else "")
    if is_of_us:  # then it is no address, which a name must not look like
        name = name or given.address.partition("@")[0]
    name = one_line(name)[:200] or sender.name
    fields = [_field(mime.mailboxes("From", (Mailbox(name, sender.address),)))]
    if given.address.lower() == sender.address.lower():
        return fields
    fields.append(_field(mime.unstructured("Original-From: ", one_line(said.text)[:1000])))
    if not has_reply_to and not is_of_us:
        try:
            box = parse_recipient(given.address)
        except AddressError:
            return fields
        if not box.smtputf8:
            replies = Mailbox(one_line(given.name)[:200], box.address)
            fields.append(_field(mime.mailboxes("Reply-To", (replies,))))
    return fields


def is_local(address: str, *names: str) -> bool:
    """Whether an address is one of this machine, whose names these are: then it has no domain, or
    one of them.
    """
    _, at, domain = address.lower().rpartition("@")
    own = {"localhost", "localhost.localdomain", *(name.lower() for name in names)}
    return not at or domain.rstrip(".") in own


def passes(found: Entity) -> int:
    """How often a mail has come through here already."""
    ours = _OURS.encode()
    return sum(field.key == "received" and ours in field.value for field in found.fields)


def _with_domains(field: Field, fqdn: str) -> Field:
    """An address field in which each address has a domain."""
    value = field.value
    if field.key not in ("to", "cc") or not value.isascii() or _is_simple(value) is None:
        return field
    domain = b"@" + fqdn.encode("ascii", "replace")
    parts = [
        _local_part.sub(lambda found: found[0] + domain, part)
        if b"@" not in part and (b"<" in part or len(part.split()) == 1)
        else part
        for part in value.split(b",")
    ]
    return Field(field.name, b",".join(parts))


def _field(line: str) -> Field:
    """A field of our own, of its line."""
    name, _, value = line.removesuffix("\r\n").partition(":")
    return Field(name, value.encode())


def check(message: Message) -> None:
    """Looks at a mail's bytes before they leave (RFC 5321 2.3.8, 4.5.3.1.6; RFC 5322 3.6). Raises
    MessageError unless any server takes them, but for the addresses of one with `smtputf8`, and
    each field that may stand in the header once does so.
    """
    content = message.content
    plain = content if not message.smtputf8 else _high.sub(b"?", content)
    header = _header(plain)
    if not seven_bit.is_clean(plain) or not plain.endswith(b"\r\n") or header is None:
        raise _cannot(Text("RFC 5321 の形式にできません", "it can't be put as RFC 5321 wants it"))
    keys = [name.lower().decode() for name in _names(header[0])]
    once = [key for key in keys if key in _ONCE or key in _OURS_ALONE]
    if len(once) != len(set(once)) or not set(keys) >= _OURS_ALONE:
        raise _cannot(Text("ヘッダーが不正です", "its header isn't as it must be"))


def _cannot(why: Text) -> MessageError:
    return MessageError(
        Text(
            f"プログラムから受け取ったメールをそのまま送れません: {why.ja}",
            f"a program's mail can't go out as it came: {why.en}",
        )
    )
