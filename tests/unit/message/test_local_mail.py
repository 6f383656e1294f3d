"""The mail that a program gave to zaiond-sendmail, as it goes out; read by Python's own package."""

import email
import email.policy
from base64 import b64encode
from datetime import UTC
from email.message import EmailMessage, MIMEPart

import pytest
from msgspec import structs

from zaiond.errors import MessageError
from zaiond.message import local_mail
from zaiond.message.local_mail import Way, pass_on
from zaiond.model import Event, Message
from zaiond.users import abroad

CRON = b"""From: root (Cron Daemon)
To: root
Subject: Cron <root@web1> /usr/local/bin/backup
MIME-Version: 1.0
Content-Type: text/plain; charset=ANSI_X3.4-1968
Content-Transfer-Encoding: 8bit
X-Cron-Env: <SHELL=/bin/sh>

done
"""


def event(mail: bytes, id_: str = "01J0") -> Event:
    return Event(
        id=id_, uid=1000, type="mail.local", source="cron", time=0.0, accepted=1e9,
        mail=b64encode(mail).decode(),
    )  # fmt: skip


def sent(mail: bytes, *recipients: str, named: bool = False, id_: str = "01J0") -> Message:
    way = Way(
        sender="Zaionnex <zaionnex@example.co.jp>",
        recipients=recipients or ("a@example.co.jp",),
        named=named,
        message_id="<m1@web1.example.co.jp>",
        host="web1",
        fqdn="web1.example.co.jp",
        accepted=1e9,
        tz=UTC,
    )
    return pass_on(event(mail, id_), way)


def read(message: Message) -> EmailMessage:
    found = email.message_from_bytes(message.content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    assert not found.defects
    return found


def text(found: MIMEPart) -> str:
    """What a person reads of it."""
    return str(found.get_content()).replace("\r\n", "\n")


def test_what_any_server_takes_goes_out_as_it_came() -> None:
    message = sent(CRON)
    fields, body = message.content.split(b"\r\n\r\n", 1)
    assert body == b"done\r\n"
    of_cron = CRON.split(b"\n\n")[0].split(b"\n")[2:]
    assert all(line in fields.split(b"\r\n") for line in of_cron)
    assert message.reverse_path == "zaionnex@example.co.jp"
    assert message.recipients == ("a@example.co.jp",)


def test_what_a_mail_must_have_is_added() -> None:
    found = read(sent(b"Subject: x\n\ny\n"))
    assert found["From"] == "Zaionnex <zaionnex@example.co.jp>"
    assert found["To"] == "a@example.co.jp"
    assert found["Date"] == "Sun, 09 Sep 2001 01:46:40 +0000"
    assert found["Message-ID"] == "<m1@web1.example.co.jp>"
    assert found["MIME-Version"] == "1.0"
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["Zaiond-Event"] == "01J0"
    assert found["Received"].startswith("by web1.example.co.jp (zaiond-sendmail, uid 1000) id 01J0")


def test_who_a_program_says_it_is_from_stands_in_the_name_and_gets_the_replies() -> None:
    found = read(sent(b"From: Shop <shop@other.example>\nSender: x@other.example\n\ny\n"))
    assert found["From"] == "Shop <zaionnex@example.co.jp>"
    assert found["Reply-To"] == "Shop <shop@other.example>"
    assert found["Original-From"] == "Shop <shop@other.example>"
    assert found["Sender"] is None


def test_on_a_hub_received_has_the_uid_that_the_user_has_on_his_own_machine() -> None:
    way = Way(
        sender="z@example.co.jp", recipients=("a@example.co.jp",), named=False,
        message_id="<m1@web1.example.co.jp>", host="web1", fqdn="web1.example.co.jp",
        accepted=1e9, tz=UTC,
    )  # fmt: skip
    found = read(pass_on(structs.replace(event(CRON), uid=abroad(3, 1000)), way))
    assert found["Received"].startswith("by web1.example.co.jp (zaiond-sendmail, uid 1000) id 01J0")


@pytest.mark.parametrize("local", ["root", "root@web1", "root@WEB1.example.co.jp", "r@localhost"])
def test_nobody_can_reply_to_a_user_of_this_machine(local: str) -> None:
    found = read(sent(f"From: Cron <{local}>\n\ny\n".encode()))
    assert found["From"] == "Cron <zaionnex@example.co.jp>"
    assert found["Reply-To"] is None


def test_who_of_this_machine_it_is_stands_in_the_name() -> None:
    assert read(sent(b"From: aiko@web1\n\ny\n"))["From"] == "aiko <zaionnex@example.co.jp>"
    found = read(sent(b"From: a@other.example\n\ny\n"))
    assert found["From"] == "Zaionnex <zaionnex@example.co.jp>"


def test_a_name_in_brackets_as_of_cron_is_one() -> None:
    assert read(sent(CRON))["From"] == "Cron Daemon <zaionnex@example.co.jp>"


def test_replies_go_where_the_program_says() -> None:
    mail = b"From: shop@other.example\nReply-To: help@other.example\n\ny\n"
    assert read(sent(mail))["Reply-To"] == "help@other.example"


def test_a_user_of_this_machine_has_its_name_elsewhere() -> None:
    mail = b'To: root, Bob <bob>, c@x.example\nCc: "odd" <root>\n\ny\n'
    found = sent(mail).content
    assert b"To: root@web1.example.co.jp, Bob <bob@web1.example.co.jp>, c@x.example\r\n" in found
    assert b'Cc: "odd" <root>\r\n' in found  # what has quotes is left as it is


def test_who_gets_a_blind_copy_stands_nowhere() -> None:
    mail = b"To: b@x.example\nBcc: c@x.example\nResent-Bcc:\n d@x.example\n\ny\n"
    content = sent(mail, "b@x.example", "c@x.example", named=True).content
    assert b"c@x.example" not in content
    assert b"d@x.example" not in content


@pytest.mark.parametrize(
    ("recipients", "to"),
    [
        (("b@x.example",), "b@x.example"),
        (("b@x.example", "c@x.example"), "undisclosed-recipients:;"),
    ],
)
def test_several_that_a_program_named_beside_the_header_are_not_told_of_each_other(
    recipients: tuple[str, ...], to: str
) -> None:
    assert read(sent(b"\ny\n", *recipients, named=True))["To"] == to


def test_the_id_of_the_mail_is_the_one_that_it_has() -> None:
    message = sent(b"Message-ID: <abc@shop.example>\n\ny\n")
    assert message.message_id == read(message)["Message-ID"] == "<abc@shop.example>"
    message = sent(b"Message-ID: none\n\ny\n")
    assert message.message_id == read(message)["Message-ID"] == "<m1@web1.example.co.jp>"


def test_nobody_speaks_for_an_event_of_another_one() -> None:
    found = read(sent(b"Zaiond-Event: 01JOTHER\nSubject: x\nzaiond-event : 01J2\n\ny\n"))
    assert found.get_all("Zaiond-Event") == ["01J0"]


def test_an_id_adds_no_field() -> None:
    found = read(sent(b"Subject: x\n\ny\n", id_="1;\r\nBcc: x@y.example".replace("\r\n", " ")))
    assert found["Bcc"] is None


def test_a_field_that_may_stand_once_stands_once() -> None:
    twice = (b"Subject: a", b"Subject: b", b"From: c@x.example", b"From: d@x.example")
    mail = b"\n".join((*twice, b"To:e@x.example", b"To:f@x.example", b"", b"y"))
    found = read(sent(mail))
    assert found.get_all("Subject") == ["a"]
    assert found.get_all("From") == ["Zaionnex <zaionnex@example.co.jp>"]
    assert found.get_all("To") == ["e@x.example, f@x.example"]


def test_text_of_any_encoding_without_a_header_that_says_so_is_read() -> None:
    assert text(read(sent("Subject: 容量\n\n残りわずか\n".encode()))) == "残りわずか\n"
    found = read(sent("Subject: 夜間処理\n\n夜間の処理が終わりました。\n".encode("cp932")))
    assert found["Subject"] == "夜間処理"
    assert text(found) == "夜間の処理が終わりました。\n"
    found = read(sent("Subject: x\n\n夜間\n".encode("iso-2022-jp")))
    assert text(found) == "夜間\n"


def test_a_charset_that_the_program_names_is_kept_to_the_octet() -> None:
    body = "夜間の処理\n".encode("euc-jp")
    mail = b"Content-Type: text/plain; charset=euc-jp\nContent-Transfer-Encoding: 8bit\n\n" + body
    found = read(sent(mail))
    assert found.get_payload(decode=True) == body.replace(b"\n", b"\r\n")
    assert found.get_content_charset() == "euc-jp"


def test_attachments_arrive_to_the_octet() -> None:
    binary = bytes(range(256)) * 40
    mail = (
        b'Content-Type: multipart/mixed; boundary="a=b"\nMIME-Version: 1.0\n'
        b"Content-Transfer-Encoding: 8bit\n\npreamble\n--a=b\n"
        b"Content-Type: text/plain; charset=utf-8\n\n" + "本文\n".encode() + b"--a=b\n"
        b'Content-Type: application/octet-stream; name="' + "記録.bin".encode() + b'"\n'
        b"Content-Transfer-Encoding: binary\n\n"
        + binary.replace(b"\r", b"").replace(b"\n", b"")
        + b"\n--a=b--\nepilogue\n"
    )
    found = read(sent(mail))
    body, attached = found.iter_parts()
    assert str(body.get_content()).strip() == "本文"
    assert attached.get_filename() == "記録.bin"
    assert attached.get_content() == binary.replace(b"\r", b"").replace(b"\n", b"")
    assert found["Content-Transfer-Encoding"] == "7bit"


def test_of_a_multipart_only_the_part_that_must_be_changed_is() -> None:
    clean = b"Content-Type: text/x-odd;  name = a\nX-Kept:  blanks \n\n  as it came  \n"
    mail = (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + clean + b"\n--b\n\n"
        b"\xff" + b"\n--b--\n"
    )
    assert clean.replace(b"\n", b"\r\n") in sent(mail).content


def test_a_mail_within_a_mail_is_repaired_within() -> None:
    inner = "Subject: 内側\n\n本文\n".encode()
    mail = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\n" + inner
    found = read(sent(mail))
    (within,) = found.iter_parts()
    assert within["Subject"] == "内側"
    assert text(within) == "本文\n"


def test_lines_of_any_length_and_what_no_line_may_have_arrive() -> None:
    body = b"x" * 5000 + b"\nbar\rbaz\0\n.\n..\nFrom me\n"
    found = read(sent(b"Subject: x\n\n" + body))
    assert found.get_payload(decode=True) == body.replace(b"\n", b"\r\n")


def test_base64_in_one_line_stays_what_it_is() -> None:
    data = bytes(range(256)) * 20
    mail = b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n" + b64encode(data)
    assert read(sent(mail)).get_content() == data


def test_a_header_of_any_length_goes_out() -> None:
    to = b", ".join(b"user%d@example.com" % n for n in range(500))
    found = read(sent(b"To: " + to + b"\nSubject: " + b"word " * 400 + b"\n\ny\n"))
    assert len(found["To"].addresses) == 500
    assert found["Subject"].split() == ["word"] * 400


def test_what_is_no_field_begins_the_body() -> None:
    assert text(read(sent(b"hello\nworld\n"))) == "hello\nworld\n"
    assert read(sent(b"From me Mon Jan  1 00:00\nSubject: x\n\ny\n"))["Subject"] == "x"


def test_what_is_no_mail_at_all_is_told_of() -> None:
    with pytest.raises(MessageError):
        pass_on(structs.replace(event(b""), mail="nonsense!"), _way())


def _way() -> Way:
    return Way(
        sender="z@example.co.jp", recipients=("a@example.co.jp",), named=False,
        message_id="<m@x>", host="h", fqdn="h.x", accepted=0.0,
    )  # fmt: skip


def test_a_mail_with_two_senders_does_not_pass() -> None:
    message = sent(CRON)
    forged = structs.replace(message, content=b"From: x@y.example\r\n" + message.content)
    with pytest.raises(MessageError):
        local_mail.check(forged)
