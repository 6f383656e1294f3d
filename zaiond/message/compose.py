"""From an event to a mail, in microseconds and without the email package, which is its oracle in
the tests.
"""

import re
from collections.abc import Sequence
from datetime import tzinfo

from zaiond.errors import MessageError
from zaiond.message import layout, mime
from zaiond.message.assemble import (
    GENERATED,
    IMPORTANT,
    MIME,
    WORDS,
    is_important,
    is_not_in,
    message,
    message_id_for,
    subject_beginning,
    thread,
)
from zaiond.message.mime import Charset, as_jis
from zaiond.message.stood import Stood
from zaiond.model import Event, Message, Standing
from zaiond.text import Language, Text

__all__ = ["check_wire", "compose", "message_id_for", "test_mail"]

_TEST_SUBJECT = "[Zaionnex] Test Mail"


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
    standing: Standing | None = None,
) -> Message:
    """The mail about `event`; `standing` is how its problem stands, if it is of one.

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
            charset, remark = "utf-8", is_not_in(charset, changed)
    words = WORDS[language]
    user = user or f"uid {event.uid}"
    start, beginning = subject_beginning(subject_prefix)
    fields = mime.unstructured("Zaiond-Event: ", event.id)
    if is_important(event.severity):
        fields = IMPORTANT + fields
    if event.key:
        fields = thread("key", event.key, fqdn) + fields
    elif event.job:
        fields = thread("job", event.job, fqdn) + fields
    return message(
        charset,
        sender,
        tuple(recipients),
        mime.date(int(date), tz),
        (start, beginning + layout.subject_line(event, words, host, user, standing)),
        message_id,
        fields,
        layout.body(event, words, fqdn, user, tz, Stood(standing, date) if standing else None),
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
    return message(
        charset,
        sender,
        (recipient,),
        mime.date(int(date), tz),
        ("Subject: ", _TEST_SUBJECT),
        message_id,
        "",
        WORDS[language].test_body + "\n",
    )


_ID = r"<[!-;=?-~]+@[!-;=?-~]+>\r\n"
# A field's value over one line or more: one that begins with a space goes on the one before.
_VALUE = r"[ -~\x80-\xff]*+(?:\r\n [!-~\x80-\xff][ -~\x80-\xff]*+)*+\r\n"
_is_ours = re.compile(
    (
        f"From: {_VALUE}To: {_VALUE}Date: {_VALUE}Subject:{_VALUE}Message-ID: {_ID}"
        f"(?:In-Reply-To: {_ID}References: {_ID})?+(?:{IMPORTANT})?+(?:Zaiond-Event: {_VALUE})*+"
        f"{GENERATED}{re.escape(MIME)}"
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
