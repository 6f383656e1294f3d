"""What is posted, as lines for the event socket."""

import json
from typing import Any

import pytest

from zaiond import event_rules, wire
from zaiond.web import bodies
from zaiond.web.bodies import BATCH, MOST_EVENTS, Unreadable

EVENT = {"type": "a.b", "data": {"n": 1}}


def posted(body: bytes | str, kind: str = "application/json", **headers: str) -> list[Any]:
    """The events of a body, which the daemon would all take."""
    data = body if isinstance(body, bytes) else body.encode()
    given = {"content-type": kind, **{name.replace("_", "-"): v for name, v in headers.items()}}
    found = bodies.lines(given, data, "web:a")
    assert not any(b"\n" in line or b"\r" in line for line in found)
    for line in found:
        wire.parse(line)
    return [json.loads(line) for line in found]


@pytest.mark.parametrize(
    "kind",
    [
        "application/json", "application/cloudevents+json; charset=UTF-8",
        "application/x-www-form-urlencoded", "text/plain", "",
    ],
)  # fmt: skip
def test_one_event_is_taken_whatever_its_content_type_is(kind: str) -> None:
    event = {**EVENT, "source": "web:a"}
    assert posted(json.dumps(EVENT), kind) == [event]
    assert posted("\ufeff" + json.dumps(EVENT, indent=2) + "\r\n", kind) == [event]


def test_each_line_is_an_event_and_empty_ones_are_none() -> None:
    body = '\n{"type": "a", "id": "1"}\r\n\n  {"type": "b"}\n{"type": "c"}'
    assert [event["type"] for event in posted(body, "application/x-ndjson")] == ["a", "b", "c"]


@pytest.mark.parametrize("kind", [BATCH, f"{BATCH.upper()}; charset=utf-8", "application/json"])
def test_a_batch_is_an_array_of_events(kind: str) -> None:
    batch = json.dumps([{"type": "a"}, {"type": "b", "data": [1, {"x": "]"}]}], indent=1)
    assert [event["type"] for event in posted(batch, kind)] == ["a", "b"]


@pytest.mark.parametrize("body", ["[]", " [\r\n ]\n"])
def test_a_batch_may_be_empty(body: str) -> None:
    assert posted(body, BATCH) == posted(body) == []


@pytest.mark.parametrize("text", ["\\ud83d", "\\udce7 \\ud83d\\ude00", "\t"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_text_that_is_no_unicode_is_shown_by_its_code_wherever_it_stands(
    text: str, end: str
) -> None:
    event = f'{{{end}"type": "a", "message": "{text}", "data": {{"n": NaN}}}}'
    (alone,) = posted(event)
    first, second = posted(f"[{event},{end}{event}]", BATCH)
    (in_headers,) = posted(event, ce_type="b", ce_specversion="1.0")
    assert alone == first == second == {**in_headers["data"], "source": "web:a"}
    assert alone["message"] == text.replace("\\ud83d\\ude00", "\U0001f600")


def test_an_event_that_just_has_its_room_goes_without_a_source_of_ours() -> None:
    whole = b'{"type":"a","message":"%b"}'
    whole %= b"x" * (event_rules.MAX_EVENT_BYTES - len(whole) + 2)
    assert bodies.lines({}, whole, "web:a") == [whole]
    assert bodies.lines({}, whole.replace(b"x" * 20, b""), "web:a")[0].startswith(b'{"source":"web')


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (BATCH, '[{"type": "a"},'), (BATCH, '{"type": "a"}'), (BATCH, ""),
        ("application/json", ""), ("application/json", " \n\n "), ("text/plain", "[" * 10_000),
    ],
)  # fmt: skip
def test_a_body_without_an_event_says_so(kind: str, body: str) -> None:
    with pytest.raises(Unreadable) as refused:
        posted(body, kind)
    assert not refused.value.too_large


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", '{"type":"a"}\n' * (MOST_EVENTS + 1)),
        (BATCH, "[" + ",".join(['{"type":"a"}'] * (MOST_EVENTS + 1)) + "]"),
        (BATCH, "[" + ",".join(["1"] * 1_000_000) + "]"),
    ],
)
def test_a_body_of_too_many_events_is_not_taken_apart(kind: str, body: str) -> None:
    with pytest.raises(Unreadable) as refused:
        posted(body, kind)
    assert refused.value.too_large


@pytest.mark.parametrize(
    ("sent", "source"),
    [
        ({"type": "a", "source": "mine"}, "mine"),
        ({"type": "a", "source": None}, "web:a"),
        ({"type": "a"}, "web:a"),
    ],
)
def test_an_event_that_names_no_source_is_of_the_token_that_sent_it(
    sent: dict[str, Any], source: str
) -> None:
    assert posted(json.dumps(sent))[0]["source"] == source


def test_what_was_sent_is_not_changed_by_the_source_that_is_put_in() -> None:
    line = b'  {"data": {"n": 1.50, "big": 123456789012345678901234567890}, "type": "a"}'
    assert bodies.with_source(line, "web:a") == b'{"source":"web:a",' + line.lstrip()[1:]
    assert bodies.with_source(b"{}", "web:a") == b'{"source":"web:a"}'


@pytest.mark.parametrize(
    "line", [b"{", b"[1]", b"null", b'"x"', b'{"a":' * 5000, b"[" + b"1," * 20_000 + b"1]", b"\xff"]
)
def test_what_is_no_event_goes_to_the_daemon_as_it_is(line: bytes) -> None:
    assert bodies.with_source(line, "web:a") == line


def test_bytes_that_are_no_utf_8_are_shown_by_their_code() -> None:
    (event,) = posted(b'{"type": "a", "message": "caf\xe9"}')
    assert event == {"type": "a", "message": "caf\\xe9", "source": "web:a"}


# -- CloudEvents' binary mode


def test_a_cloudevent_in_headers_has_its_data_in_the_body() -> None:
    assert posted(
        b'{"n": 1.50,\n "x": "y"}',
        "application/json; charset=utf-8",
        ce_specversion="1.0",
        ce_type="a.b",
        ce_id="7",
        ce_source="/mine",
        ce_severity="warning",
        ce_subject="Euro %E2%82%AC %F0%9F%98%80",
        ce_key='"a \\"b\\""',
    ) == [
        {
            "specversion": "1.0", "type": "a.b", "id": "7", "source": "/mine",
            "severity": "warning", "subject": "Euro € 😀", "key": 'a "b"',
            "datacontenttype": "application/json", "data": {"n": 1.5, "x": "y"},
        }
    ]  # fmt: skip


def test_text_in_the_body_of_a_cloudevent_is_its_data() -> None:
    (event,) = posted("日本語".encode("cp932"), "text/plain", ce_type="a", ce_specversion="1.0")
    assert event["data"] == "日本語"
    (event,) = posted(b"", "", ce_type="a", ce_specversion="1.0")
    assert event == {"type": "a", "specversion": "1.0", "source": "web:a"}


def test_other_data_of_a_cloudevent_is_for_the_daemon_to_refuse() -> None:
    given = {"content-type": "image/png", "ce-type": "a", "ce-specversion": "1.0"}
    (line,) = bodies.lines(given, b"\x89PNG", "web:a")
    assert json.loads(line)["data_base64"] == "iVBORw=="
    with pytest.raises(Unreadable):
        posted("{", "application/json", ce_type="a")
