"""Two mail programs that share no code with zaiond, nor with each other: what they make of a mail,
and what is wrong with it.
"""

import email
import email.policy
from collections.abc import Callable, Iterator, Sequence
from email.message import EmailMessage
from typing import NamedTuple

from fast_mail_parser import ParseError, parse_email

from tests.support.hostile import acting

OUR_FIELDS = (
    "From", "To", "Date", "Subject", "Message-ID", "In-Reply-To", "References", "Importance",
    "X-Priority", "Zaiond-Event", "Auto-Submitted", "MIME-Version", "Content-Type",
    "Content-Transfer-Encoding",
)  # fmt: skip
_OPTIONAL = {"In-Reply-To", "References", "Importance", "X-Priority"}


class Read(NamedTuple):
    """What a reader sees: the fields, in order, and the texts of all parts."""

    fields: Sequence[tuple[str, str]]
    texts: Sequence[str]
    defects: Sequence[str]

    def field(self, name: str) -> str:
        """The value of a field."""
        return next((value for known, value in self.fields if known == name), "")


def by_python(content: bytes) -> Read:
    """Python's email package."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    parts = [part for part in message.walk() if not part.is_multipart()]
    defects = [str(defect) for part in message.walk() for defect in part.defects]
    fields = [(name, str(value)) for name, value in message.items()]
    return Read(fields, [_text(part) for part in parts], defects)


def _text(part: EmailMessage) -> str:
    try:
        return str(part.get_content())
    except LookupError:  # of a type or in a charset that it doesn't know
        return str(part.get_payload())


def by_rust(content: bytes) -> Read:
    """mailparse, of Rust."""
    try:
        mail = parse_email(content)
    except ParseError as error:
        return Read([], [], [str(error)])
    fields = [(name, value) for name, values in mail.headers.items() for value in values]
    texts = [*mail.text_plain, *mail.text_html, *(repr(part) for part in mail.attachments)]
    return Read(fields, texts, [str(warning) for warning in mail.warnings])


READERS: dict[str, Callable[[bytes], Read]] = {"email": by_python, "mailparse": by_rust}


def faults(read: Read, id: str, recipients: str) -> Iterator[str]:
    """What is wrong with the mail about an event."""
    names = [name for name, _ in read.fields]
    if [name for name in OUR_FIELDS if name in names] != names or not (
        set(OUR_FIELDS) - set(names) <= _OPTIONAL
    ):
        yield f"fields: {names}"
    if (read.field("Zaiond-Event"), read.field("To")) != (id, recipients):
        yield f"event {read.field('Zaiond-Event')!a} to {read.field('To')!a}"
    for name, value in read.fields:
        if acting(value):
            yield f"{name}: {acting(value)}"
    if len(read.texts) != 1:
        yield f"{len(read.texts)} parts"
    for text in read.texts:
        text = text.replace("\r\n", "\n")
        if acting(text, "\n\t"):
            yield f"body: {acting(text)}"
        if not text.endswith(f": {id}\n"):
            yield f"the body ends with {text[-100:]!a}"
    yield from read.defects
