"""The event that carries a mail: to whom it goes, and what of it rules and history read. Pure."""

from binascii import b2a_base64
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from zaiond.errors import AddressError
from zaiond.event_rules import MAIL, MOST_RECIPIENTS
from zaiond.message import mime, rfc5322
from zaiond.message.address import Mailbox, parse_recipient, parse_sender, shown
from zaiond.message.local_mail import HOPS, is_local, passes
from zaiond.message.rfc5322 import Entity
from zaiond.safe import one_line
from zaiond.sendmail import words
from zaiond.sendmail.arguments import Call
from zaiond.text import Text

USAGE, BAD_DATA, NO_USER, UNAVAILABLE = 64, 65, 67, 69  # sysexits.h

_LONGEST_SUBJECT = 500  # characters
_LONGEST_MESSAGE = 4 * 1024  # the mail itself goes along; this is for who sees many
_LONGEST_ADDRESS = 1000  # which none is
_TO = ("to", "cc", "bcc")


class Refused(Exception):  # noqa: N818 - not an error of the program
    """A mail that can't be taken: the exit status, and why."""

    def __init__(self, status: int, text: Text) -> None:
        super().__init__(text.en)
        self.status = status
        self.text = text


def event(
    call: Call, mail: bytes, is_own: Callable[[str], bool], user: str = "root"
) -> dict[str, Any]:
    """The event of a mail as it came on standard input. `is_own` says whether a domain is this
    machine's; `user` is the name of who sends it. Raises Refused.
    """
    if not mail.strip():
        raise Refused(BAD_DATA, words.EMPTY)
    try:
        found = rfc5322.read(rfc5322.with_crlf(mail))
    except rfc5322.TooLong:
        most = f"{rfc5322.MOST_HEADER // 1024} KiB"
        raise Refused(
            BAD_DATA, words.header_too_long(fields=rfc5322.MOST_FIELDS, most=most)
        ) from None
    if passes(found) >= HOPS:
        raise Refused(UNAVAILABLE, words.LOOP)
    recipients = list(_recipients(call, found, is_own))
    if not recipients:
        raise Refused(USAGE, words.NO_RECIPIENT)
    if len(recipients) > MOST_RECIPIENTS:
        raise Refused(BAD_DATA, words.too_many(count=len(recipients), most=MOST_RECIPIENTS))
    sender = found.value("from")
    if found.first("from") is None:
        mail = rfc5322.with_field(_from(call, user).encode(), mail, found)
        sender = call.sender or user
    data = {"recipients": recipients, "from": one_line(sender)[:_LONGEST_SUBJECT]}
    told = {
        "type": MAIL,
        "severity": "notice",
        "subject": one_line(found.value("subject")[:_LONGEST_SUBJECT]),
        "message": _beginning(rfc5322.readable(found)),
    }
    kept = {name: text for name, text in told.items() if text}
    return {**kept, "data": data, "mail": b2a_base64(mail, newline=False).decode()}


def _beginning(text: str) -> str:
    """Its first lines."""
    if len(text) <= _LONGEST_MESSAGE:
        return text
    begun, _, _ = text[:_LONGEST_MESSAGE].rpartition("\n")
    return f"{begun or text[:_LONGEST_MESSAGE]}\n…"


def _recipients(call: Call, found: Entity, is_own: Callable[[str], bool]) -> Iterable[str]:
    """Each once: an address, or the name of somebody of this machine."""
    texts = [*call.recipients]
    if call.by_header:
        resent = [f for f in found.fields if f.key.removeprefix("resent-") in _TO]
        if any(field.key.startswith("resent-") for field in resent):
            resent = [field for field in resent if field.key.startswith("resent-")]
        texts += [field.text for field in resent]
    given = [one.address for text in texts for one in rfc5322.addresses(text)]
    return dict.fromkeys(_checked(address, is_own) for address in given)


def _checked(address: str, is_own: Callable[[str], bool]) -> str:
    local, at, domain = address[:_LONGEST_ADDRESS].rpartition("@")
    try:
        if not at:
            return parse_sender(domain).address
        if is_local(address) or is_own(domain):
            return parse_sender(local).address
        return parse_recipient(f"{local}@{domain}").address
    except AddressError as error:
        said = shown(address[:100])
        why = words.wrong_recipient(recipient=said, why=error.text)
        raise Refused(NO_USER, why) from None


def _from(call: Call, user: str) -> str:
    """The field of a mail that has none."""
    address = "root"
    for wanted in (user, call.sender.strip("<>")):
        with suppress(AddressError):
            parsed = parse_sender(wanted).address
            address = parsed if parsed.isascii() else address
    return mime.mailboxes("From", (Mailbox(one_line(call.name)[:200], address),))
