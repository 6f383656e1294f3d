"""A long message keeps its beginning and its end, and says how much lies between."""

import json
import re

import pytest

from zaiond.client import shorten
from zaiond.client.shorten import Ends, TooLong
from zaiond.event_rules import MAX_EVENT_BYTES
from zaiond.text import Language


def halves(text: str) -> Ends:
    return Ends(text[: len(text) // 2], text[len(text) // 2 :])


def json_size(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2


@pytest.mark.parametrize(
    ("language", "remark"),
    [
        ("en", r"\[\.\.\. ([\d,]+) lines \(([\d,]+) bytes\) left out \.\.\.\]\n"),
        ("ja", r"［… ([\d,]+) 行（([\d,]+) バイト）を省略 …］\n"),
    ],
)
def test_whole_lines_are_kept_and_counted_in_the_language_of_the_user(
    language: Language, remark: str
) -> None:
    log = "".join(f"行{number:06}\n" for number in range(2000))
    head, lines, size, tail = re.split(remark, shorten.joined(halves(log), 1000, language))
    assert log.startswith(head)
    assert log.endswith(tail)
    assert head.endswith("\n")
    assert tail.startswith("行")
    assert head.count("\n") > 30
    assert tail.count("\n") > 30
    left_out = 2000 - head.count("\n") - tail.count("\n")
    assert (lines, size) == (f"{left_out:,}", f"{10 * left_out:,}")


def test_one_long_line_is_cut_within_and_its_bytes_are_counted() -> None:
    text = "".join(chr(0x4E00 + number) for number in range(1000))
    short = shorten.joined(halves(text), 500, "en")
    head, _, rest = short.partition("\n[... ")
    size, _, tail = rest.partition(" bytes left out ...]\n")
    assert text.startswith(head)
    assert text.endswith(tail)
    left_out = 3 * (1000 - len(head) - len(tail))
    assert size == f"{left_out:,}"


@pytest.mark.parametrize("sign", ["x", "\n", '"', "\x00", "あ", "😀", "\\", "x\n"])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_it_fits_whatever_it_takes_in_json_and_hardly_less_than_fits(
    sign: str, language: Language
) -> None:
    for room in (1000, 1001, 1007, 20_000):
        short = shorten.joined(halves(sign * 30_000), room, language)
        assert room - shorten._REMARK_BYTES - 24 <= json_size(short) <= room


def test_a_short_beginning_leaves_its_room_to_the_end() -> None:
    short = shorten.joined(Ends("begin\n", "end\n" * 1000), 1000, "en")
    assert short.startswith("begin\n[...")
    assert json_size(short) > 850


def test_where_there_is_no_room_it_is_too_long() -> None:
    for room in (-5, 0, 100):
        with pytest.raises(TooLong):
            shorten.joined(halves("x" * 1000), room, "en")


def test_a_line_of_json_is_shortened_to_the_limit_and_nothing_else_of_it_is_touched() -> None:
    event = {"type": "a", "message": "log\n" * 200_000, "data": {"n": [1.5, None]}, "x": "あ"}
    line = shorten.line(json.dumps(event).encode(), "ja")
    assert MAX_EVENT_BYTES - 200 < len(line) <= MAX_EVENT_BYTES
    assert {**json.loads(line), "message": ""} == {**event, "message": ""}


@pytest.mark.parametrize(
    ("encoding", "part"),
    [
        ("utf-8", "財務部のログ😀é"),  # no line ends in it
        ("utf-8", "財務部のログ😀\n"),
        ("cp932", "財務部のログ\n"),
        ("euc_jp", "財務部のログ\n"),
        ("iso2022_jp", "財務部のログ\n"),
    ],
)
def test_ends_that_were_cut_anywhere_are_read(encoding: str, part: str) -> None:
    text = part * 100
    octets = text.encode(encoding)
    for at in range(200, 230):
        middle = octets[at : at + 300]
        ends = shorten.ends_of(
            octets[:at],
            octets[at + 300 :],
            len(middle),
            middle.count(b"\n"),
            lambda data: data.decode(encoding),
        )
        assert text.startswith(ends.head)
        assert text.endswith(ends.tail)
        kept = len(ends.head.encode(encoding)) + len(ends.tail.encode(encoding))
        assert kept + ends.bytes == len(octets)
        assert ends.head.count("\n") + ends.lines + ends.tail.count("\n") == text.count("\n")
