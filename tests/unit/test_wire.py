"""The lines of the event socket: what is taken, what is refused, and the replies to the letter."""

import json
from typing import Any

import pytest

from zaiond import event_rules, wire
from zaiond.errors import EventError
from zaiond.event_rules import SEVERITY_OF_WORD
from zaiond.model import SEVERITIES, Event
from zaiond.text import Text


def line(**attributes: Any) -> bytes:
    return json.dumps({"type": "a.b", **attributes}, ensure_ascii=False).encode()


def refusal(text: bytes) -> EventError:
    with pytest.raises(EventError) as raised:
        wire.parse(text)
    return raised.value


def event(text: bytes, *, uid: int = 1000, accepted: float = 100.0) -> Event:
    sent = wire.parse(text)
    return wire.complete(sent.line, id=sent.id or "made", uid=uid, accepted=accepted)


def test_a_type_alone_is_an_event_and_the_rest_has_its_defaults() -> None:
    assert event(b'{"type":"backup.auto_update.finished"}') == Event(
        id="made",
        uid=1000,
        type="backup.auto_update.finished",
        source="uid:1000",
        time=100.0,
        accepted=100.0,
        severity="info",
    )


def test_every_attribute_arrives_as_it_was_sent() -> None:
    got = event(
        line(
            id="注文 7",
            source="backup.service",
            time="2013-05-25T09:00:00+09:00",
            subject="営業共有",
            severity="warning",
            message="1\n2",
            data={"target": "営業共有", "n": [1, None, {"a": 1.5}]},
            key="disk",
            status="problem",
            job="nightly",
        )
    )
    assert got == Event(
        id="注文 7",
        uid=1000,
        type="a.b",
        source="backup.service",
        time=1369440000.0,
        accepted=100.0,
        subject="営業共有",
        severity="warning",
        message="1\n2",
        data={"target": "営業共有", "n": [1, None, {"a": 1.5}]},
        key="disk",
        status="problem",
        job="nightly",
    )


def test_an_event_in_cloudevents_json_is_taken_as_it_stands() -> None:
    got = event(
        line(
            specversion="1.0",
            id="A234-1234-1234",
            source="/mycontext",
            time="2018-04-05T17:31:00Z",
            datacontenttype="application/json",
            dataschema="https://example.com/schema",
            comexampleextension1="value",
            comexampleothervalue=5,
            data={"appinfoA": "abc"},
        )
    )
    assert (got.id, got.source, got.data) == ("A234-1234-1234", "/mycontext", {"appinfoA": "abc"})
    assert got.extensions == {"comexampleextension1": "value", "comexampleothervalue": 5}


def test_null_is_as_good_as_left_out() -> None:
    names = [
        "id",
        "source",
        "time",
        "subject",
        "severity",
        "message",
        "data",
        "data_base64",
        "key",
        "status",
        "job",
        "specversion",
        "datacontenttype",
        "dataschema",
    ]
    assert event(line(**dict.fromkeys(names))) == event(line())


@pytest.mark.parametrize("data", [0, 7, False, "", "text", [], [1, 2]])
def test_data_that_is_no_object_becomes_a_value(data: object) -> None:
    assert event(line(data=data)).data == {"value": data}


@pytest.mark.parametrize("type_", ["a", "A-1_b/c.d", "x" * 255])
def test_a_type_of_the_allowed_letters_is_taken(type_: str) -> None:
    assert event(line(type=type_)).type == type_


@pytest.mark.parametrize(
    "type_", ["", "x" * 256, "a b", "a\n", "é", "バックアップ", "a:b", "a\0", 1]
)
def test_any_other_type_is_refused(type_: object) -> None:
    error = refusal(line(type=type_))
    assert (error.code, error.field) == ("invalid", "type")


@pytest.mark.parametrize("text", [b"{}", b'{"type":null}', b'{"id":"x"}', b'{"typ":"a"}'])
def test_an_event_without_a_type_is_refused(text: bytes) -> None:
    error = refusal(text)
    assert (error.code, error.field) == ("invalid", "type")


@pytest.mark.parametrize("id_", ["x", "x" * 255, "あ" * 255, "a b", "日本 語", "😀"])
def test_an_id_of_1_to_255_printable_characters_is_taken(id_: str) -> None:
    assert event(line(id=id_)).id == id_


@pytest.mark.parametrize("id_", ["", "x" * 256, "a\nb", "\x1b[0m", "\u202e", "\x00", "\x7f", 7, []])
def test_any_other_id_is_refused(id_: object) -> None:
    error = refusal(line(id=id_))
    assert (error.code, error.field) == ("invalid", "id")


@pytest.mark.parametrize("severity", SEVERITIES)
def test_the_severities_of_rfc_5424_are_taken(severity: str) -> None:
    assert event(line(severity=severity)).severity == severity


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("emergency", "emerg"),
        ("panic", "emerg"),
        ("critical", "crit"),
        ("fatal", "crit"),
        ("error", "err"),
        ("warn", "warning"),
        ("information", "info"),
    ],
)
def test_the_words_that_others_use_mean_one_of_the_eight(word: str, severity: str) -> None:
    for written in (word, word.upper(), word.title(), severity.upper()):
        assert event(line(severity=written)).severity == severity
        assert wire.same_content(line(severity=written), line(severity=severity))
    assert not wire.same_content(line(severity=word), line(severity="debug"))


def test_every_word_means_one_of_the_eight() -> None:
    assert set(SEVERITY_OF_WORD.values()) == set(SEVERITIES)


@pytest.mark.parametrize("severity", ["erro", "", " err", "err ", "0", 3, True, ["err"], "\u212a"])
def test_any_other_severity_is_refused(severity: object) -> None:
    error = refusal(line(severity=severity))
    assert (error.code, error.field) == ("invalid", "severity")


@pytest.mark.parametrize("field", ["source", "subject", "message", "key", "job", "time"])
@pytest.mark.parametrize("value", [1, True, ["x"], {"x": "y"}])
def test_what_must_be_text_is_refused_as_anything_else(field: str, value: object) -> None:
    error = refusal(line(**{field: value}))
    assert (error.code, error.field) == ("invalid", field)


def test_an_empty_source_is_refused() -> None:
    assert refusal(line(source="")).field == "source"


def test_a_status_goes_with_a_key() -> None:
    assert event(line(key="disk", status="ok")).status == "ok"
    assert refusal(line(status="ok")).field == "status"
    assert refusal(line(key="", status="ok")).field == "status"
    assert refusal(line(key="disk", status="bad")).field == "status"


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01t00:00:01z", 1.0),
        ("1970-01-01 00:00:01Z", 1.0),
        ("2013-05-25T09:00:00.25+09:00", 1369440000.25),
        ("2013-05-24T19:00:00-05:00", 1369440000.0),
        ("2013-05-25T00:00:00-00:00", 1369440000.0),
        ("2016-12-31T23:59:60Z", 1483228800.0),
        ("2017-01-01T08:59:60.5+09:00", 1483228800.5),
        ("2000-01-01T00:00:00.123456789123Z", 946684800.123456789123),
        ("0001-01-01T00:00:00Z", -62135596800.0),
        ("9999-12-31T23:59:59Z", 253402300799.0),
    ],
)
def test_a_time_of_rfc_3339_is_taken(time: str, seconds: float) -> None:
    assert event(line(time=time)).time == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    "time",
    [
        "",
        "now",
        "2013-05-25",
        "2013-05-25T09:00:00",  # no offset: when that is, nobody knows
        "2013-05-25T09:00Z",
        "20130525T090000Z",
        "2013-W21-6T09:00:00Z",
        "2013-05-25T09:00:00+0900",
        "2013-05-25T09:00:00,5Z",
        "2013-05-25T09:00:00.Z",
        "2013-02-30T09:00:00Z",
        "2013-13-01T09:00:00Z",
        "2013-05-25T24:00:00Z",
        "2013-05-25T09:60:00Z",
        "2013-05-25T09:00:61Z",
        "2013-05-25T09:00:00+24:00",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+09:00",  # before the calendar
        "9999-12-31T23:59:59-09:00",  # after it
        "9999-12-31T23:59:60Z",
        "2013-05-25T09:00:00Z\n",
        " 2013-05-25T09:00:00Z",
        "２０１３-05-25T09:00:00Z",
    ],
)
def test_any_other_time_is_refused(time: str) -> None:
    error = refusal(line(time=time))
    assert (error.code, error.field) == ("invalid", "time")


def test_binary_data_is_refused() -> None:
    error = refusal(line(data_base64="AAAA"))
    assert (error.code, error.field) == ("invalid", "data_base64")
    assert refusal(line(data_base64="")).field == "data_base64"


def test_only_cloudevents_1_0_is_taken() -> None:
    assert refusal(line(specversion="0.3")).field == "specversion"
    assert refusal(line(specversion=1.0)).field == "specversion"


@pytest.mark.parametrize("text", [b"[]", b"null", b"1", b'"x"', b'[{"type":"a"}]'])
def test_what_is_no_object_is_refused(text: bytes) -> None:
    error = refusal(text)
    assert (error.code, error.field) == ("invalid", None)
    assert error.text.en == "an event must be one JSON object"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"type=a",
        b'{"type":"a"',
        b'{"type":"a"}{"type":"b"}',
        b"{'type':'a'}",
        b'{"type":"a",}',
        b'{"type":"a","x":nan}',
        b'{"type":"a","x":"\\\xff"}',
        b'{"type":"a",\xff}',
        b'{"type":"a","x":01}',
        b'{"type":"a",\x00}',
        '{"type":"a"}'.encode("utf-16"),
    ],
)
def test_what_is_no_json_is_refused(text: bytes) -> None:
    error = refusal(text)
    assert (error.code, error.field) == ("invalid", None)


OCTETS = [
    (b"\xff", r"\xff"),
    (b"caf\xe9s", r"caf\xe9s"),
    (b"\xe3\x81", r"\xe3\x81"),
    (b"\xc0\x80", r"\xc0\x80"),
    (b"\xed\xa0\x80", r"\xed\xa0\x80"),
    (b"\\ud800", r"\ud800"),
    (b"x\\udce7", r"x\udce7"),
    (b"\\ude00\\ud83d", r"\ude00\ud83d"),
    ("あ".encode() + b"\xff", r"あ\xff"),
    (b"\\\\\xff", r"\\xff"),
]


@pytest.mark.parametrize(("octets", "shown"), OCTETS)
def test_what_is_no_unicode_is_taken_wherever_it_stands_and_shown_by_its_code(
    octets: bytes, shown: str
) -> None:
    text = b'{"type":"a","id":"%","subject":"%","message":"%","source":"%","key":"%","job":"%",'
    text += b'"data":{"%":["%"]},"%":"%"}'
    got = event(text.replace(b"%", octets))
    named = (got.id, got.subject, got.message, got.source, got.key, got.job)
    assert named == (shown,) * 6
    assert got.data == {shown: [shown]}
    assert got.extensions == {shown: shown}


def test_a_type_of_other_letters_is_refused_in_whatever_encoding() -> None:
    assert refusal(b'{"type":"\xff"}').field == "type"


@pytest.mark.parametrize("letter", [*map(chr, range(0x20)), "\x7f", "\x85", "\u2028"])
def test_a_control_character_may_stand_in_a_string_as_it_is(letter: str) -> None:
    got = event(f'{{"type":"a","message":"1{letter}2","data":{{"{letter}":"{letter}"}}}}'.encode())
    assert (got.message, got.data) == (f"1{letter}2", {letter: letter})


def test_a_byte_order_mark_is_no_part_of_a_line() -> None:
    assert event(b'\xef\xbb\xbf{"type":"a","id":"1"}').id == "1"


@pytest.mark.parametrize("where", ['"data":[%s]', '"x":[%s]'])
@pytest.mark.parametrize(
    "number", ["1e999", "-1e999", "9" * 5000, "-" + "9" * 5000, "NaN", "Infinity", "-Infinity"]
)
def test_a_number_that_nothing_can_hold_is_kept_as_its_text(where: str, number: str) -> None:
    got = event(f'{{"type":"a",{where % number}}}'.encode())
    assert got.data.get("value", got.extensions.get("x")) == [number]


@pytest.mark.parametrize("name", ["subject", "severity", "time"])
def test_such_a_number_where_text_belongs_is_refused_or_taken_as_its_text(name: str) -> None:
    number = f'{{"type":"a","{name}":1e999}}'.encode()
    if name == "subject":
        assert event(number).subject == "1e999"
    else:
        assert refusal(number).field == name


@pytest.mark.parametrize(
    "text",
    [
        b'{"type":"a"}',
        b' {"type" : "a","x":1.10, "big": 12345678901234567890123,"e":1E5,"s":"\\u3042/\\/"} ',
        b'{"type":"a","severity":"ERROR"}',
        '{"type":"a","message":"財音 \x7f"}'.encode(),
    ],
)
def test_a_clean_line_is_kept_to_the_letter(text: bytes) -> None:
    assert wire.parse(text).line == text


def test_a_line_that_is_cleaned_is_clean_from_then_on() -> None:
    text = b'{"type":"a","s":"\xff \\ud800","n":[NaN,1e400,1.5,12345678901234567890123,null,true]}'
    cleaned = wire.parse(text).line
    assert wire.parse(cleaned).line == cleaned
    assert json.loads(cleaned) == {
        "type": "a", "s": r"\xff \ud800",
        "n": ["NaN", "1e400", 1.5, 12345678901234567890123, None, True],
    }  # fmt: skip


def test_a_line_may_end_in_cr_and_have_blanks_around() -> None:
    assert event(b' \t{ "type" : "a" } \r').type == "a"


def nested(levels: int, inner: str, extension: bool = False) -> bytes:
    """An event of which the innermost array is at that level."""
    name = "x" if extension else "data"
    arrays = levels - 1
    return f'{{"type":"a","{name}":{"[" * arrays}{inner}{"]" * arrays}}}'.encode()


@pytest.mark.parametrize("inner", ["", "1", '"[[{{"'])
@pytest.mark.parametrize("extension", [False, True])
def test_64_levels_are_taken_and_one_more_is_refused(inner: str, extension: bool) -> None:
    event(nested(64, inner, extension))
    error = refusal(nested(65, inner, extension))
    assert error.code == "invalid"
    assert "64" in error.text.en


def test_a_hundred_thousand_levels_are_refused_like_any_other() -> None:
    assert "64" in refusal(nested(9_900, "")).text.en
    assert refusal(nested(100_000, "")).code == "invalid"
    assert "64" in refusal(nested(9_900, "", extension=True)).text.en


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert event(line(data=[[]] * 1000, message="[{" * 1000)).data == {"value": [[]] * 1000}


def test_the_same_attributes_in_another_order_or_spacing_are_the_same_content() -> None:
    one = b'{"type":"a","data":{"x":1,"y":[2]},"id":"1"}'
    other = b'{ "data" : {"y":[2], "x":1}, "id":"2", "type":"a" }'
    assert wire.same_content(one, other)


def test_time_may_differ_and_null_may_be_left_out() -> None:
    assert wire.same_content(line(time="2013-05-25T09:00:00Z", subject=None), line())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (line(message="a"), line(message="b")),
        (line(), line(message="")),
        (line(data={"x": 1}), line(data={"x": 2})),
        (line(data={"x": 1}), line(data={"x": True})),
        (line(data={"x": 0}), line(data={"x": False})),
        (line(data={"x": None}), line(data={})),
        (line(data=[1, 2]), line(data=[2, 1])),
        (line(), line(extension=1)),
        (line(severity="info"), line(severity="err")),
    ],
)
def test_anything_else_that_differs_is_other_content(one: bytes, other: bytes) -> None:
    assert not wire.same_content(one, other)
    assert not wire.same_content(other, one)


def test_replies_of_success_are_to_the_letter() -> None:
    assert wire.ok_reply("01J") == b'{"status":"ok","id":"01J"}\n'
    assert wire.ok_reply("01J", duplicate=True) == (
        b'{"status":"ok","id":"01J","duplicate":true}\n'
    )
    assert json.loads(wire.ok_reply('"\\日本')) == {"status": "ok", "id": '"\\日本'}


def test_a_reply_of_failure_is_to_the_letter_and_in_the_language_of_the_configuration() -> None:
    error = EventError("invalid", Text("だめ", "no"), "severity")
    assert wire.error_reply(error, "en") == (
        b'{"status":"error","code":"invalid","field":"severity","message":"no","retry":false}\n'
    )
    assert json.loads(wire.error_reply(error, "ja"))["message"] == "だめ"


def test_a_reply_without_a_field_has_none() -> None:
    assert wire.error_reply(EventError("quota", Text("多", "much")), "en") == (
        b'{"status":"error","code":"quota","message":"much: send it again later","retry":true}\n'
    )


@pytest.mark.parametrize(
    ("code", "retry"),
    [
        ("invalid", False),
        ("too_large", False),
        ("conflict", False),
        ("quota", True),
        ("disk_full", True),
        ("unavailable", True),
    ],
)
def test_each_code_says_whether_it_is_worth_another_try(code: Any, retry: bool) -> None:
    reply = json.loads(wire.error_reply(EventError(code, Text("", "")), "en"))
    assert (reply["code"], reply["retry"]) == (code, retry)


def test_a_conflict_names_the_id() -> None:
    error = wire.conflict("order-7")
    assert (error.code, error.field) == ("conflict", "id")
    assert "order-7" in error.text.ja
    assert "order-7" in error.text.en


@pytest.mark.parametrize(
    ("id", "command"),
    [
        ("a;reboot", "zaiond-ctl history 'a;reboot'"),
        ("$(reboot)", "zaiond-ctl history '$(reboot)'"),
        ("--help", "zaiond-ctl history -- --help"),
    ],
)
def test_the_command_that_a_conflict_tells_of_is_safe_to_run(id: str, command: str) -> None:
    error = wire.conflict(id)
    assert f"({command}):" in error.text.en
    assert f"（{command}）" in error.text.ja


@pytest.mark.parametrize("inner", ["1", '"a,[{"', "[]", "{}", '{"x":1}', "null", '"\\""'])
@pytest.mark.parametrize("unclean", ["", "\udcff"])
def test_an_event_has_ten_thousand_values_at_most(inner: str, unclean: str) -> None:
    each = {"[]": 2, "{}": 2, '{"x":1}': 2}.get(inner, 1)

    def line(values: int) -> bytes:
        text = f'{{"type":"a","message":"{unclean}","data":[{",".join([inner] * values)}]}}'
        return text.encode("utf-8", "surrogateescape")

    room = (event_rules.MAX_VALUES - 3) // each
    wire.parse(line(room))
    error = refusal(line(room + 1))
    assert (error.code, error.field) == ("invalid", None)
    assert "10000" in error.text.en
    assert "10000" in error.text.ja


@pytest.mark.parametrize("end", ["", "\\\\", '\\"', "\n"])
def test_text_of_many_commas_and_brackets_is_one_value(end: str) -> None:
    message = "a, b [x] {y}\t" * 5000
    line = json.dumps({"type": "a", "message": message + end}).encode()
    assert event(line).message == message + end


def test_client_and_daemon_count_values_alike() -> None:
    for values in (event_rules.MAX_VALUES - 2, event_rules.MAX_VALUES - 1):
        line = json.dumps({"type": "a", "data": [0] * values}).encode()
        try:
            event_rules.read(line)
        except event_rules.Unfit:
            refusal(line)
            assert values == event_rules.MAX_VALUES - 1
        else:
            wire.parse(line)


def test_the_outline_of_a_line_has_what_a_list_shows_and_nothing_else() -> None:
    sent = {
        "type": "a.b", "id": "1", "source": "s", "time": "2013-05-25T00:00:00Z", "severity": "WARN",
        "subject": "x" * 5000, "message": "long" * 1000, "data": {"a": [[]] * 100}, "key": "k",
        "status": "ok", "job": "j", "more": 1,
    }  # fmt: skip
    line = wire.parse(json.dumps(sent).encode()).line
    outline = wire.outline(line)
    assert len(outline) < wire.MAX_OUTLINE_TEXT + 200
    whole, short = (wire.complete(one, id="1", uid=7, accepted=0.0) for one in (line, outline))
    assert short.subject == "x" * wire.MAX_OUTLINE_TEXT + "…"
    assert (short.message, short.data, short.extensions) == (None, {}, {})
    for name in ("type", "source", "time", "severity", "key", "status", "job"):
        assert getattr(short, name) == getattr(whole, name), name


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"\xff", b'{"type":5}', b'{"subject":"x"}'])
def test_what_is_no_event_has_no_outline(line: bytes) -> None:
    assert wire.outline(line) == b""
