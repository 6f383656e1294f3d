"""Whatever a producer sends: it is taken or refused, and what was taken can be mailed."""

import json
import time as clock
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zaiond import client, event_rules, wire
from zaiond.errors import EventError
from zaiond.message.compose import check_wire, compose
from zaiond.model import SEVERITIES
from zaiond.net.machine import rfc3339
from zaiond.text import Language

SIGNS = st.characters() | st.characters(categories=["Cs"])  # lone surrogates, too
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**4299, 10**300, -(2**63), 2**64])
scalars = st.none() | st.booleans() | NUMBERS | st.text() | st.text(SIGNS)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
LANGUAGES: tuple[Language, ...] = ("ja", "en")
ATTRIBUTES = [
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
]
plausible = st.fixed_dictionaries(
    {
        "type": st.from_regex(r"[A-Za-z0-9._/-]{1,20}", fullmatch=True)
        | st.just("backup.auto_update.failed")
    },
    optional={
        "id": st.text(min_size=1, max_size=30),
        "source": st.text(min_size=1),
        "time": st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat())
        | st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2016-12-31T23:59:60Z"]),
        "subject": st.text(),
        "severity": st.sampled_from(["emerg", "err", "Warning", "info", "FATAL", "error"]),
        "message": st.text(SIGNS),
        "data": values,
        "key": st.text(),
        "job": st.text(),
        "extension": values,
    },
)
strange = st.dictionaries(st.sampled_from(ATTRIBUTES) | st.text(), values)


def by_the_client(line: bytes) -> tuple[str | None, str] | dict[str, Any]:
    """What a client's check says of a line before it puts it into the spool."""
    try:
        event = event_rules.read(line)
        event_rules.check(event)
    except event_rules.Unfit as unfit:
        return unfit.field, unfit.ja
    return event


def mailed(line: bytes) -> None:
    """The line is refused by an EventError, or becomes a mail and a history; the client knows."""
    foreseen = by_the_client(line)
    if not isinstance(foreseen, dict):
        with pytest.raises(EventError) as refused:
            wire.parse(line)
        assert refused.value.field == foreseen[0]
        if line.count(b"[") + line.count(b"{") < 200:
            # Which fault of a line nested that deep is met first depends on the room on the stack.
            assert refused.value.text.ja == foreseen[1]
        json.loads(wire.error_reply(refused.value, "ja"))
        return
    sent = wire.parse(line)
    assert (foreseen["type"], foreseen.get("id"), foreseen.get("source")) == (
        sent.type, sent.id, sent.source,
    )  # fmt: skip
    again = wire.parse(sent.line)
    assert again == sent  # what is stored can be read again, and means the same
    line = sent.line
    event = wire.complete(line, id=sent.id or "made", uid=1, accepted=1369440000.0)
    assert wire.same_content(line, line + b" ")
    assert event.severity in SEVERITIES
    assert isinstance(event.data, dict)
    assert rfc3339(event.time)
    for language in LANGUAGES:
        message = compose(
            event,
            recipients=("a@example.co.jp",),
            sender="zaionnex",
            subject_prefix="[Zaionnex]",
            language=language,
            message_id="<1@host.example>",
            date=event.accepted,
            host="host",
            fqdn="host.example",
        )
        check_wire(message.content)


@given(plausible | strange)
def test_any_json_is_taken_or_refused_and_what_is_taken_can_be_mailed(
    attributes: dict[str, Any],
) -> None:
    mailed(json.dumps(attributes).encode())
    mailed(json.dumps(attributes, ensure_ascii=False).encode("utf-8", "backslashreplace"))
    mailed(json.dumps(attributes, ensure_ascii=False).encode("cp932", "replace"))


@given(plausible | strange)
def test_what_a_client_has_spooled_is_taken(attributes: dict[str, Any]) -> None:
    made = {"id": "ID", "source": "S", "time": "2013-05-25T09:00:00Z"}
    try:
        _, line = client._written(attributes, made, lambda: "ja")
    except client.Rejected:
        return
    foreseen = by_the_client(line)
    if isinstance(foreseen, dict):
        assert wire.parse(line.rstrip(b"\n")).id == foreseen["id"]
    else:
        with pytest.raises(EventError) as error:
            wire.parse(line.rstrip(b"\n"))
        assert error.value.field == foreseen[0]


@given(plausible)
def test_an_event_is_its_own_duplicate_however_it_is_written(attributes: dict[str, Any]) -> None:
    turned = dict(reversed(attributes.items()))
    lines = (
        json.dumps(attributes, ensure_ascii=True).encode(),
        json.dumps(turned, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace"),
    )
    try:
        one, other = (wire.parse(line).line for line in lines)
    except EventError:
        return
    assert wire.same_content(one, other)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_time_at_the_calendars_end_can_be_shown_in_any_zone(
    zone: str, time: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        clock.tzset()
        mailed(f'{{"type":"a","time":"{time}"}}'.encode())
    clock.tzset()


@given(st.binary())
@example(b"\xff\\udcff\xed\xb3\xbf\\uDCFF\\udce7")
def test_bytes_that_are_no_text_are_shown_by_their_codes_and_all_else_is_as_it_was(
    octets: bytes,
) -> None:
    octets = octets.replace(b"\0", b"").replace(b'"', b"")
    text = octets.decode("utf-8", "surrogateescape")
    if text.isprintable():
        return
    one_by_one = "".join(
        f"\\\\x{ord(sign) - 0xDC00:02x}" if "\udc80" <= sign <= "\udcff" else sign for sign in text
    )
    try:
        expected = json.loads(f'"{one_by_one}"', strict=False)
    except ValueError:
        return
    shown = event_rules.read(b'{"m":"' + octets + b'"}')["m"]
    assert shown == expected.encode("utf-8", "backslashreplace").decode()
