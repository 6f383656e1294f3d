"""Mails in ISO-2022-JP, as a reader sees them, and what makes one go out as UTF-8 after all."""

import email
import email.policy
from email.message import EmailMessage
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.message.test_compose import EVENTS, FINISHED, JST, NINE, body, mail, read, subject
from zaiond.message import compose as composing
from zaiond.message.mime import as_jis, encode_body, encode_jis, unstructured
from zaiond.model import Event, Message


def old(event: Event = FINISHED, **more: Any) -> Message:
    return mail(event, charset="iso-2022-jp", **more)


def telling(message: str) -> Event:
    return Event(
        id="1", uid=0, type="a.b", source="cron", time=NINE, accepted=NINE, message=message
    )


def lines_of(text: str) -> list[bytes]:
    return encode_body(f"{text}\n", "iso-2022-jp")[1].split(b"\r\n")


@pytest.mark.parametrize("name", ["finished", "started", "warning", "failed"])
def test_an_old_reader_sees_the_same_mail_as_in_utf_8(name: str) -> None:
    made = old(EVENTS[name])
    assert made.remark is None
    message = read(made)
    assert str(message["Subject"]) == subject(EVENTS[name])
    assert message.get_content().replace("\r\n", "\n") == body(EVENTS[name])
    assert message["Content-Type"] == 'text/plain; charset="iso-2022-jp"'
    assert message["Content-Transfer-Encoding"] == "7bit"
    assert b"=?iso-2022-jp?B?" in made.content
    assert b"utf-8" not in made.content


def test_names_of_people_are_in_the_charset_too() -> None:
    made = old(sender="監視 <zaionnex@example.co.jp>", recipients=["山田 太郎 <a@example.co.jp>"])
    message = read(made)
    assert message["From"].addresses[0].display_name == "監視"
    assert message["To"].addresses[0].display_name == "山田 太郎"
    assert b"utf-8" not in made.content


def test_a_mail_in_ascii_is_labelled_as_ascii() -> None:
    fields, octets = encode_body("plain\n", "iso-2022-jp")
    assert 'charset="us-ascii"' in fields
    assert octets == b"plain\r\n"


def test_each_line_of_the_body_begins_and_ends_in_ascii() -> None:
    japanese, mixed, _ = lines_of("日本語\n語 and more 語")
    assert japanese == b"\x1b$BF|K\\8l\x1b(B"
    assert mixed.startswith(b"\x1b$B")
    assert mixed.endswith(b"\x1b(B")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ﾊﾞｯｸｱｯﾌﾟ", "バックアップ"),
        ("ｳﾞｧ ﾜﾞ ｱﾞ ﾟ", "ヴァ ワ゛ ア゛ ゜"),
        ("｢ｶﾞ､ﾂ｣｡･ｰ", "「ガ、ツ」。・ー"),
        ("カﾞ", "ガ"),
        ("か\u3099き", "がき"),  # as macOS writes names of files
        ("10～20、－5、∥、—", "10〜20、−5、‖、―"),
        ("￠￡￢", "¢£¬"),
        ("¥100 ‾", "￥100 ￣"),
        ("＼￥￣―‖−〜", "＼￥￣―‖−〜"),
    ],
)
def test_what_jis_x_0208_has_under_another_code_point_goes_out_as_that(
    text: str, shown: str
) -> None:
    assert as_jis(text) == shown
    octets = encode_jis(shown)
    assert octets.decode("iso2022_jp") == shown
    assert b"\x1b(J" not in octets
    made = old(telling(text))
    assert made.remark is None
    assert shown in read(made).get_content()


@pytest.mark.parametrize("character", ["①", "Ⅲ", "㈱", "髙", "﨑", "é", "€", "😀", "𠮷", "￤"])
def test_one_character_beyond_makes_the_whole_mail_utf_8_and_the_remark_names_it(
    character: str,
) -> None:
    made = old(telling(f"日本語 {character} と {character}"))
    message = read(made)
    assert message.get_content_charset() == "utf-8"
    assert b"iso-2022-jp" not in made.content
    assert f"日本語 {character} と {character}" in message.get_content()
    assert made.remark is not None
    for text in made.remark:
        assert "UTF-8" in text
        assert "ISO-2022-JP" in text
        assert character in text
    assert f"(U+{ord(character):04X})" in made.remark.en


@pytest.mark.parametrize(
    "more",
    [
        {"subject_prefix": "[髙島]"},
        {"sender": "髙島 <a@example.co.jp>"},
        {"recipients": ["髙島 <a@example.co.jp>"]},
        {"event": replace(FINISHED, id="髙")},
    ],
)
def test_a_name_or_prefix_beyond_does_so_too(more: dict[str, Any]) -> None:
    made = old(**more)
    assert b"iso-2022-jp" not in made.content
    assert made.remark is not None
    assert "髙" in made.remark.ja


def test_a_long_line_is_encoded_and_comes_back_to_the_letter() -> None:
    text = "語" * 600 + "\nshort"
    fields, octets = encode_body(f"{text}\n", "iso-2022-jp")
    assert 'charset="iso-2022-jp"' in fields
    assert "7bit" not in fields
    assert max(map(len, octets.split(b"\r\n"))) <= 76
    message = email.message_from_bytes(fields.encode() + octets, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert message.get_content().replace("\r\n", "\n") == f"{text}\n"
    # Two octets each, and an escape sequence of three before and behind them.
    assert "7bit" in encode_body("語" * 496 + "\n", "iso-2022-jp")[0]
    assert "7bit" not in encode_body("語" * 497 + "\n", "iso-2022-jp")[0]


def test_a_line_that_begins_with_from_is_safe_from_mailboxes() -> None:
    fields, octets = encode_body("語\nFrom 語\n", "iso-2022-jp")
    assert b"\nFrom " not in octets
    assert "7bit" not in fields


def test_a_long_prefix_leaves_room_on_the_next_line() -> None:
    start = f"Subject: {'p' * 40} "
    field = unstructured(start, "語" * 40, "iso-2022-jp")
    assert field.startswith(f"{start[:-1]}\r\n =?")
    assert all(len(line) <= 76 for line in field.split("\r\n"))


def test_the_test_mail_is_in_the_charset() -> None:
    made = composing.test_mail(
        recipient="a@example.co.jp",
        sender="zaionnex",
        language="ja",
        charset="iso-2022-jp",
        message_id="<1@fileserver01>",
        date=NINE,
        tz=JST,
    )
    composing.check_wire(made.content)
    assert read(made).get_content_charset() == "iso-2022-jp"
    assert read(made).get_content().splitlines() == ["Zaionnex からのメール送信テストです。"]
