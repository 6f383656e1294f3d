"""What is wrong with a server's answers is said in the language of who reads it."""

import re

import pytest

from zaiond.smtp import sasl
from zaiond.smtp.events import Ended
from zaiond.smtp.failure import Failure
from zaiond.smtp.handshake import SessionSettings
from zaiond.smtp.session import Session

HELLO = b"220 mail.example\r\n250-mail.example\r\n250 AUTH XYZ\r\n"
OURS = re.compile(r"\b(?:the|server|sent|reply|bytes|behind|offers|never|line)\b")


def failure_of(said: bytes, *, security: str = "none", login: bool = False) -> Failure:
    credentials = sasl.Credentials("basic", "user", "secret", allow_unprotected=True)
    settings = SessionSettings(
        "mail:25", "client", security=security,  # type: ignore[arg-type]
        credentials=credentials if login else None,
    )  # fmt: skip
    session = Session(settings)
    events = session.receive(said)
    (ended,) = [event for event in events if isinstance(event, Ended)]
    assert ended.failure is not None
    return ended.failure


@pytest.mark.parametrize(
    ("failure", "ja"),
    [
        (failure_of(b"hello there\r\n"), "SMTP の応答の形になっていません: hello there"),
        (failure_of(b"220 " + b"x" * 5000), "1 行で 4 KiB を超えています"),
        (failure_of(b"220-a\r\n250 b\r\n"), "行ごとに異なるコードを返しています: 220-a 250 b"),
        (failure_of(b"220-" + b"x" * 4000 + b"\r\n" + (b"220-" + b"x" * 4000 + b"\r\n") * 17),
         "64 KiB を超えています"),
        (failure_of(b"220 a\r\n250 b\r\n250 c\r\n"), "何も尋ねていないのに応答がありました"),
        (failure_of(b"220 a\r\n250-b\r\n250 STARTTLS\r\n220 go\r\nmore", security="starttls"),
         "STARTTLS の 220 の後ろに平文が続いています"),
        (failure_of(HELLO, login=True), "サーバーが提供する方式: XYZ"),
        (failure_of(b"220 a\r\n250 b\r\n", login=True), "サーバーが提供する方式: なし"),
    ],
)  # fmt: skip
def test_the_japanese_of_a_fault_has_no_english_sentence_of_ours(failure: Failure, ja: str) -> None:
    assert ja in failure.text.ja
    assert OURS.search(failure.text.ja.replace("hello there", "")) is None
    assert failure.detail in failure.text.en
