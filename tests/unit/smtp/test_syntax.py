"""Replies as persons see them."""

import pytest

from zaiond.smtp.syntax import ProtocolFault, Reply, ReplyParser


def test_a_reply_is_shown_as_one_printable_line() -> None:
    reply = Reply(550, (b"5.1.1 No", b"such \x1b[31muser\r", "日本語\u202e".encode(), b"\xff", b""))
    assert reply.text == "550 5.1.1 No such \\x1b[31muser 日本語\\u202e \\xff"
    assert Reply(250, (b"",)).text == "250"


def test_a_long_reply_is_shown_shortened() -> None:
    text = Reply(550, (b"x" * 10_000,)).text
    assert len(text) < 600
    assert text.endswith("…")


@pytest.mark.parametrize(
    "data",
    [b"HTTP/1.1 400 Bad Request\r\n", b"\r\n", b"25 Ok\r\n", b"2 50 Ok\r\n", b" 250 Ok\r\n",
     b"150 what\r\n", b"650 what\r\n", b"250-a\r\n251 b\r\n", b"25\r\n", b"3\r\n",
     b"250-a\r\njunk\r\n550 b\r\n"],
)  # fmt: skip
def test_what_is_no_reply_is_a_fault(data: bytes) -> None:
    with pytest.raises(ProtocolFault):
        ReplyParser().feed(data, [])


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        (b"250 OK", 250, b"OK"),
        (b"250", 250, b""),
        (b"250 ", 250, b""),
        (b"250OK", 250, b"OK"),
        (b"250\tOK", 250, b"\tOK"),
        (b"250:OK", 250, b":OK"),
        (b"2500 OK", 250, b"0 OK"),
        (b"250\xa0OK", 250, b"\xa0OK"),
        (b"250.", 250, b"."),
        (b"354go", 354, b"go"),
        (b"220_banner", 220, b"_banner"),
        (b"5505.1.1 No", 550, b"5.1.1 No"),
        (b"421", 421, b""),
    ],
)
@pytest.mark.parametrize("before", [b"", b"-first\r\n", b"-first\r\nnotice\r\n"])
def test_a_reply_is_its_first_three_digits_whatever_follows(
    line: bytes, code: int, text: bytes, before: bytes
) -> None:
    data = (b"%d%b" % (code, before) if before else b"") + line + b"\r\n220 next\r\n"
    for ending in (data, data.replace(b"\r\n", b"\n")):
        replies: list[Reply] = []
        ReplyParser().feed(ending, replies)
        assert [reply.code for reply in replies] == [code, 220]
        assert replies[0].lines[-1] == text


@pytest.mark.parametrize("encoding", ["cp932", "euc_jp", "iso2022_jp", "utf-8"])
def test_a_reply_in_a_japanese_encoding_is_shown_as_text(encoding: str) -> None:
    words = "そのようなユーザーはいません。"
    assert Reply(550, (b"5.1.1", words.encode(encoding))).text == f"550 5.1.1 {words}"
    long = Reply(550, (b"5.7.1 x", (words * 100).encode(encoding))).text
    assert long.startswith(f"550 5.7.1 x {words * 30}")


@pytest.mark.parametrize(
    "junk", [b"", b"*** notice ***", b"25", b" 250 Ok", b"650 what", b"\xff\x00"]
)
def test_junk_between_the_lines_of_a_reply_is_text_of_it(junk: bytes) -> None:
    replies: list[Reply] = []
    ReplyParser().feed(b"250-a\r\n%b\r\n250 b\r\n220 c\r\n" % junk, replies)
    assert replies == [Reply(250, (b"a", junk, b"b")), Reply(220, (b"c",))]
