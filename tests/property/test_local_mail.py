"""Whatever a program calls a mail, what goes out is one that any server takes: nothing of it acts
on the way, and what it says arrives.
"""

import email
import email.policy
from base64 import b64encode
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaiond.errors import MessageError
from zaiond.event_rules import MOST_RECIPIENTS
from zaiond.message import rfc5322, seven_bit
from zaiond.message.local_mail import Way, pass_on
from zaiond.model import Event, Message
from zaiond.sendmail.arguments import Call
from zaiond.sendmail.mail import Refused, event

_LINES = (
    b"From me Mon Jan  1 00:00:00 2026", b"From: a@b.example", b"from : \xff <x@y>",
    b"To: root, b@x.example", b"To: \"a", b"Bcc: hidden@x.example", b"Cc:", b"Subject:",
    "Subject: 件名".encode(), b"Subject: =?utf-8?B?4pyT?=\r\n =?x?Q?=ff?=", b"Date: yesterday",
    b"Message-ID: <a@b>", b"Message-ID: \x00", b"Received: by x (zaiond-sendmail, uid 0) id 1; d",
    b"Zaiond-Event: forged", b"Auto-Submitted: no", b"MIME-Version: 1.0", b"Reply-To: \x1b$B<a@b>",
    b"Content-Type: text/plain", b"Content-Type: text/plain; charset=\"us-ascii\"",
    b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: multipart/mixed",
    b"Content-Type: message/rfc822", b"Content-Type: image/png; name=\"\xe3\x81\x82\"",
    b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable",
    b"Content-Transfer-Encoding: 8bit", b"Content-Transfer-Encoding: x-uuencode", b"--b", b"--b--",
    b"--b  ", b"QUJD", b"Q", b"=E3=81=82=", b"=", b".", b"..", b"", b" folded", b"\t", b" ",
    b"text", "本文".encode(), "夜間の処理".encode("cp932"), b"\x1b$BFn\x1b(B", b"\r", b"\0",
    b"\xff",
    b"x" * 998, b"x" * 999, b"x" * 3000, b"a: " + b"w " * 600, b"X-\xff: x", b": x", b"no field",
)  # fmt: skip
_ENDS = (b"\n", b"\r\n", b"\r", b"\r\r\n", b"")
mails = st.lists(
    st.tuples(st.one_of(st.sampled_from(_LINES), st.binary(max_size=40)), st.sampled_from(_ENDS)),
    max_size=30,
).map(lambda lines: b"".join(line + end for line, end in lines))
CASES = (
    b"", b"\n", b"\0", b"\r", b".", b"Subject: x", b"Subject: x\n", b"Subject: x\r\n\r\n",
    b"Subject: a\rBcc: x@y.example\n\nx", b"Subject: =?utf-8?Q?a=0ABcc:_x@y.example?=\n\n\xff",
    b"Subject: \xff=?utf-8?Q?a=0D=0ABcc:_x@y.example?=\n\nx", b"X: \xff\n\t\n \nY: z\n\nx",
    b"Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\n\xff\n----\n",
    b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\xff\n--b\nX: \xff\n--b--",
    b"To: <" * 100 + b"\n\nx", b"To: " + b"(" * 1000 + b"\n\nx", b"A: b\n" * 2000,
    b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 3000 + b"\xff",
    b"Content-Type: message/rfc822\n\n" * 50 + b"\xff",
    b"a:" * 125_000, b"To: " + b"a," * 100_000, b"To: " + b"<" * 200_000, b"To: " + b'"' * 200_000,
    b"Subject: " + b"\xe9" * 250_000, b"Content-Type: text/plain" + b"; a=\xe9" * 50_000,
    b"Subject: \xff" + b"=?punycode?Q?" + b"a" * 100_000 + b"-" + b"b" * 100_000 + b"?=",
)  # fmt: skip


def sent(mail: bytes) -> Message:
    told = Event(
        id="01J0", uid=1000, type="mail.local", source="x", time=0.0, accepted=1e9,
        mail=b64encode(mail).decode(),
    )  # fmt: skip
    way = Way(
        sender="zaionnex@example.co.jp",
        recipients=("a@example.co.jp",),
        named=False,
        message_id="<m1@web1.example.co.jp>",
        host="web1",
        fqdn="web1.example.co.jp",
        accepted=1e9,
        tz=UTC,
    )
    return pass_on(told, way)


def check(mail: bytes) -> None:
    try:
        rfc5322.read(rfc5322.with_crlf(mail))
    except rfc5322.TooLong:
        with pytest.raises(MessageError):
            sent(mail)
        return
    message = sent(mail)
    lines = message.content.split(b"\r\n")
    assert lines[-1] == b""
    for line in lines:
        assert len(line) <= 998
        assert line.isascii()
        assert not set(line) & set(b"\r\n\0")
    found = email.message_from_bytes(message.content, policy=email.policy.compat32)
    assert len(found.get_all("From", [])) == 1
    assert "zaionnex@example.co.jp" in found["From"]
    assert found.get_all("Zaiond-Event") == ["01J0"]
    assert found["Bcc"] is None
    for name in ("To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version"):
        assert len(found.get_all(name, [])) <= 1
    assert found["Message-ID"].strip() == message.message_id
    assert seven_bit.is_clean(message.content)


@given(mails)
def test_what_goes_out_is_a_mail(mail: bytes) -> None:
    check(mail)


@pytest.mark.parametrize("mail", CASES, ids=lambda mail: repr(mail[:30]))
def test_what_once_was_or_might_be_a_trap_is_none(mail: bytes) -> None:
    check(mail)


@given(st.binary(max_size=3000))
def test_a_body_of_octets_arrives_to_the_octet(body: bytes) -> None:
    mail = b"Content-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n\n" + body
    as_lines = rfc5322.with_crlf(b"x\n" + body)[3:]
    found = email.message_from_bytes(sent(mail).content)
    got = found.get_payload(decode=True)
    assert isinstance(got, bytes)
    assert got.replace(b"\r\n", b"\n") == as_lines.replace(b"\r\n", b"\n")


@given(mails, st.lists(st.text(max_size=30), max_size=5), st.booleans())
def test_whoever_is_named_an_event_is_made_or_refused(
    mail: bytes, recipients: list[str], by_header: bool
) -> None:
    call = Call(tuple(recipients), by_header=by_header)
    try:
        told = event(call, mail, lambda domain: False)
    except Refused:
        return
    data = told["data"]
    assert 1 <= len(data["recipients"]) <= MOST_RECIPIENTS
    for name in ("subject", "message"):
        text = told.get(name, "")
        assert not any(sign in text for sign in "\0\r\x1b\u202e")
    for recipient in data["recipients"]:
        assert recipient.isprintable()
        assert not set(recipient) & set("\r\n<>")


@given(st.lists(st.sampled_from(("a@b.jp", "x", *', "()<>:;\\'))))
def test_a_list_of_addresses_is_read_whatever_is_in_it(pieces: list[str]) -> None:
    for one in rfc5322.addresses("".join(pieces)):
        assert one.address or one.name is not None
