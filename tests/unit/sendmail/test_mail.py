"""Whom a mail goes to, and what its event says."""

from base64 import b64decode, b64encode
from typing import Any

import pytest

from zaiond import event_rules
from zaiond.message import rfc5322
from zaiond.sendmail.arguments import Call
from zaiond.sendmail.mail import Refused, event


def made(
    mail: str | bytes, *recipients: str, by_header: bool = False, **more: Any
) -> dict[str, Any]:
    given = mail.encode() if isinstance(mail, str) else mail
    user = more.pop("user", "root")
    call = Call(recipients, by_header=by_header, **more)
    found = event(call, given, lambda domain: domain == "web1.example.co.jp", user)
    event_rules.check({**found, "id": "1"})
    return found


def to(mail: str, *recipients: str, by_header: bool = False) -> list[str]:
    found: list[str] = made(mail, *recipients, by_header=by_header)["data"]["recipients"]
    return found


def refused(mail: str | bytes, *recipients: str, by_header: bool = False) -> int:
    with pytest.raises(Refused) as why:
        made(mail, *recipients, by_header=by_header)
    assert all(why.value.text)
    return why.value.status


def test_the_mail_is_carried_to_the_octet() -> None:
    mail = b"From: a\nSubject: x\r\n\n\0\xff\r.\n"
    assert b64decode(made(mail, "root")["mail"]) == mail


@pytest.mark.parametrize(
    ("mail", "subject", "body"),
    [
        ("  Filesystem  Use%\n/dev/sda1  95%\n", "", "  Filesystem  Use%\n/dev/sda1  95%\n"),
        (" \n\nx\n", "", " \n\nx\n"),
        ("\nx\n", "", "x\n"),
        ("From now on the disk is full.\n", "", "From now on the disk is full.\n"),
        ("From now on\n\nthe disk is full.\n", "", "From now on\n\nthe disk is full.\n"),
        ("From root Mon Jan  1 00:00:00 2024\nSubject: x\n\ny\n", "x", "y\n"),
    ],
)
def test_a_mail_without_a_sender_gets_one_and_stays_what_it_is(
    mail: str, subject: str, body: str
) -> None:
    carried = b64decode(made(mail, "root")["mail"])
    found = rfc5322.read(rfc5322.with_crlf(carried))
    assert (found.value("from"), found.value("subject")) == ("root", subject)
    assert found.body == rfc5322.with_crlf(body.encode())


def test_the_event_says_what_rules_and_history_read() -> None:
    mail = "From: Cron <root>\nSubject: =?utf-8?B?5a656YeP?=\n =?utf-8?Q?_95%?=\n\nline\nother\n"
    found = made(mail, "root")
    assert found["type"] == "mail.local"
    assert found["severity"] == "notice"
    assert found["subject"] == "容量 95%"
    assert found["message"] == "line\nother"
    assert found["data"] == {"recipients": ["root"], "from": "Cron <root>"}


def test_of_several_parts_the_text_is_read() -> None:
    mail = (
        "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n"
        "<p>no</p>\n--b\nContent-Transfer-Encoding: base64\n\n5pys5paH\n--b--\n"
    )
    assert made(mail, "root")["message"] == "本文"
    html = "Content-Type: text/html\n\n<style>p {}</style><p>a &amp; b</p>\n"
    assert made(html, "root")["message"] == "a & b"


def test_of_a_long_text_in_base64_the_beginning_is_read() -> None:
    text = "本文の行です。\n" * 20_000
    encoded = b64encode(text.encode()).decode()
    lines = "\n".join(encoded[at : at + 75] for at in range(0, len(encoded), 75))
    mail = f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{lines}"
    assert made(mail, "root")["message"].startswith("本文の行です。\n本文の行です。\n")


def test_a_name_without_a_domain_or_with_that_of_this_machine_is_one_of_this_machine() -> None:
    assert to("\nx", "root") == ["root"]
    assert to("\nx", "bob@web1.example.co.jp", "al@localhost") == ["bob", "al"]
    assert to("\nx", "root@example.com") == ["root@example.com"]


def test_the_header_names_recipients_where_it_is_asked() -> None:
    mail = (
        'To: "Doe, Jane" <j@x.jp>, root (the admin),\n b@x.jp\nCc: team: c@x.jp, d@x.jp;\n'
        "Bcc: <e@x.jp>\nSubject: x\n\nTo: no@x.jp\n"
    )
    everyone = ["j@x.jp", "root", "b@x.jp", "c@x.jp", "d@x.jp", "e@x.jp"]
    assert to(mail, by_header=True) == everyone
    assert to(mail, "f@x.jp", by_header=True) == ["f@x.jp", *everyone]
    assert to(mail, "f@x.jp") == ["f@x.jp"]
    assert to(f"Resent-To: r@x.jp\n{mail}", by_header=True) == ["r@x.jp"]


def test_addresses_as_they_are_on_command_lines() -> None:
    assert to("\nx", "a@x.jp,b@x.jp", "<c@x.jp>") == ["a@x.jp", "b@x.jp", "c@x.jp"]
    assert to("\nx", '"a b"@x.jp', "a..b@docomo.ne.jp") == ['"a b"@x.jp', "a..b@docomo.ne.jp"]
    assert to("\nx", "<@relay.jp:a@x.jp>", "a@x.jp") == ["a@x.jp"]


@pytest.mark.parametrize("wrong", ["a@@x.jp", "a@", "@x.jp", "a b@x.jp", "<a@x.jp> <b@x.jp>"])
def test_nothing_is_sent_where_a_recipient_is_none(wrong: str) -> None:
    assert refused("\nx", "good@x.jp", wrong) == 67


def test_what_is_no_mail_is_refused() -> None:
    assert refused("", "root") == 65
    assert refused("\n \n", "root") == 65
    assert refused("Subject: x\n\nx") == 64
    assert refused("Subject: x\n\nx", by_header=True) == 64
    assert refused("\nx", *(f"u{n}@x.jp" for n in range(10_001))) == 65


def test_what_mdadm_gives_to_sendmail_is_a_mail_to_root() -> None:
    """`mdadm --monitor --test` (4.2), which runs `sendmail -t`; it needs an array to be tried."""
    mail = (
        "From: mdadm monitoring <root>\nTo: root\nSubject: TestMessage event on /dev/md0:web1\n\n"
        "This is an automatically generated mail message from mdadm\nrunning on web1\n\n"
        "A TestMessage event had been detected on md device /dev/md0.\n\n"
        "Faithfully yours, etc.\n"
    )
    found = made(mail, by_header=True)
    assert found["data"] == {"recipients": ["root"], "from": "mdadm monitoring <root>"}
    assert found["subject"] == "TestMessage event on /dev/md0:web1"
    assert found["message"].startswith("This is an automatically generated mail message")


def test_a_mail_that_goes_round_ends() -> None:
    once = "Received: by web1 (zaiond-sendmail, uid 0) id 1;\n date\n"
    assert to(f"{once * 4}Subject: x\n\nx", "root") == ["root"]
    assert refused(f"{once * 5}Subject: x\n\nx", "root") == 69


def test_the_sender_of_the_command_line_is_that_of_a_mail_without_one() -> None:
    found = made("Subject: x\n\nx", "root", sender="app@shop.jp", name="Shop, Inc")
    assert b64decode(found["mail"]).startswith(b'From: "Shop, Inc" <app@shop.jp>\r\nSubject: x')
    assert found["data"]["from"] == "app@shop.jp"
    found = made("From: a@x.jp\n\nx", "root", sender="app@shop.jp")
    assert b64decode(found["mail"]) == b"From: a@x.jp\n\nx"
    assert found["data"]["from"] == "a@x.jp"
    found = made("Subject: x\n\nx", "root", name="x\r\nBcc: evil@x.jp")
    assert b"\nBcc" not in b64decode(found["mail"])


def test_a_mail_without_a_sender_is_of_the_user() -> None:
    found = made("Subject: x\n\nx", "root", user="aiko")
    assert b64decode(found["mail"]) == b"From: aiko\r\nSubject: x\n\nx"
    assert found["data"]["from"] == "aiko"
    assert b64decode(made("\nx", "root", user="a b")["mail"]).startswith(b"From: root\r\n\n")


def test_an_event_is_bounded() -> None:
    found = made("Subject: " + "s" * 100_000 + "\n\n" + "x" * 1_000_000, "root")
    assert len(found["subject"]) <= 500
    assert len(found["message"]) <= 4 * 1024 + 2
    told = made("\n" + "line\n" * 10_000, "root")["message"]
    assert told.endswith("line\n…")
