"""What one mail may cost: a hostile event takes no more steps than a large honest one."""

import tracemalloc
from datetime import UTC
from typing import Any

import pytest

from tests.support.steps import steps
from zaiond.message.compose import check_wire, compose
from zaiond.message.fields import MOST_FIELDS
from zaiond.message.layout import body
from zaiond.message.mime import Charset
from zaiond.message.words import EN, JA
from zaiond.model import Event, Message

LARGEST = 256 * 1024
# An honest event with as many fields as a mail has room for takes half of them.
MOST_STEPS = 20_000


def event(**attributes: Any) -> Event:
    given = {"type": "a.b", "source": "x"} | attributes
    return Event(id="01J", uid=1000, time=1.4e9, accepted=1.4e9, **given)


def mail(of: Event, charset: Charset = "utf-8") -> Message:
    made = compose(
        of,
        recipients=["a@example.co.jp"],
        sender="zaionnex",
        subject_prefix="[Zaionnex]",
        language="ja",
        charset=charset,
        message_id="<a@b>",
        date=1.4e9,
        host="h",
        fqdn="h.example.co.jp",
        tz=UTC,
    )
    check_wire(made.content)
    return made


def nested(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = [inner]
    return inner


def filled(unit: str) -> str:
    return unit * (LARGEST // len(unit.encode(errors="surrogatepass")))


HOSTILE: dict[str, dict[str, Any]] = {
    "empty lists": {"data": {"a": [[]] * 87_000}},
    "empty objects": {"data": {"a": [{}] * 87_000}},
    "nulls": {"data": {"a": [None] * 52_000}},
    "numbers": {"data": {"a": [1] * 130_000}},
    "fractions": {"data": {"a": [1.5] * 65_000}},
    "fields": {"data": {str(n): None for n in range(20_000)}},
    "fields of fields": {"data": {str(n): {"a": {"b": {"c": n}}} for n in range(10_000)}},
    "deep": {"data": {"a": [nested(61, 1)] * 2_000}},
    "as deep as is laid out": {"data": {"a": [nested(3, [])] * 28_000}},
    "attributes": {"extensions": {str(n): [n] for n in range(20_000)}},
    "a target of many": {"data": {"target": [[]] * 87_000}},
    "a target of bidi marks": {"data": {"target": ["\u202e"] * 43_000}},
    "a target of fields": {"data": {"target": {str(n): [] for n in range(16_000)}}},
    "a backup's": {"type": "backup.auto_update.failed", "data": {"target": [[]] * 87_000}},
    "a backup's times": {
        "type": "backup.auto_update.failed",
        "data": {"started_at": [[]] * 43_000, "duration": [[]] * 43_000},
    },
    "names of bidi marks": {"data": {f"\u202e{n}": n for n in range(16_000)}},
    "lines of a field": {"data": {"a": filled("a\n")}},
    **{
        f"{name} of {unit!a}": {name: filled(unit)}
        for name in ("message", "subject", "key", "job", "source")
        for unit in (
            "\u202e", "\x1b", "\x9b1", "\0", "a\x85", "a\U000e0041", "\u202ea\u2066", "a\n", "\r",
            "\ra", "a\r\n", "a\b", "日\b", "\b", "\f", "\t", " ", "\udce7", "ｱa", "ｶﾞa", "か\u3099a",
            "～a", "From \n",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("charset", ["utf-8", "iso-2022-jp"])
@pytest.mark.parametrize("attributes", HOSTILE.values(), ids=HOSTILE)
def test_no_event_takes_more_steps_than_a_large_honest_one(
    attributes: dict[str, Any], charset: Charset
) -> None:
    hostile = event(**attributes)
    number, _ = steps(lambda: mail(hostile, charset))
    assert number < MOST_STEPS


def test_the_steps_are_counted() -> None:
    number, _ = steps(lambda: sum(n for n in range(30_000)))
    assert number > MOST_STEPS


@pytest.mark.parametrize(
    ("words", "remark"),
    [
        (JA, "（ほかに 4,000 項目を省略。すべて表示: zaiond-ctl history 01J）"),
        (EN, "(4,000 more not shown here; to see all: zaiond-ctl history 01J)"),
    ],
)
@pytest.mark.parametrize(
    "attributes",
    [
        {"data": {f"name{n}": n for n in range(MOST_FIELDS + 4000)}},
        {"extensions": {f"name{n}": n for n in range(MOST_FIELDS + 4000)}},
        {"data": {"list": [[n] for n in range(MOST_FIELDS - 1 + 4000)]}},
        {"data": {"a": {"b": [[n] for n in range(MOST_FIELDS)]}, **dict.fromkeys("xyz", 1), "A": {}}
         | {f"name{n}": n for n in range(3994)}},
    ],
)  # fmt: skip
def test_what_nobody_would_read_is_left_out_and_it_is_said_how_much_and_where_it_is(
    attributes: dict[str, Any], words: Any, remark: str
) -> None:
    lines = body(event(**attributes), words, "h.example.co.jp", "root", UTC).split("\n")
    assert lines.count(remark) == 1
    heading = lines.index(words.details if "data" in attributes else words.extensions)
    assert lines.index(remark) == heading + MOST_FIELDS + 1


@pytest.mark.parametrize(
    "attributes",
    [
        {"data": {f"name{n}": n for n in range(MOST_FIELDS)}},
        {"data": {"list": [f"/srv/file {n}" for n in range(MOST_FIELDS - 1)]}},
        {"data": {"log": "line\n" * 50_000}},
        {"message": "line\n" * 50_000},
    ],
)
def test_what_somebody_may_read_is_whole(attributes: dict[str, Any]) -> None:
    text = body(event(**attributes), EN, "h.example.co.jp", "root", UTC)
    assert "not shown" not in text
    for value in attributes.values():
        if isinstance(value, str) or "log" in value:
            assert text.count("line\n") == 50_000
        elif "list" in value:
            assert all(f"  - {name}\n" in text for name in value["list"])
        else:
            assert all(f"\n{name}: {number}\n" in text for name, number in value.items())


def test_a_key_as_long_as_an_event_is_not_kept_in_memory() -> None:
    mail(event(key="x"))
    tracemalloc.start()
    try:
        for number in range(20):
            mail(event(key=f"{number}{'x' * LARGEST}", job=None))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < LARGEST


def test_mails_of_a_long_key_are_one_thread() -> None:
    long = "x" * LARGEST
    first, second = (mail(event(key=long, message=text)).content for text in "ab")

    def references(content: bytes) -> list[bytes]:
        return [line for line in content.split(b"\r\n") if line.startswith(b"References: ")]

    assert references(first) == references(second)
    assert references(first)
