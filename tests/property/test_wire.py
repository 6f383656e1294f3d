"""Whatever a producer sends: it is taken or refused, and what was taken can be mailed."""

import json
import time as clock
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zaiond import wire
from zaiond.daemon.documents import rfc3339
from zaiond.errors import EventError
from zaiond.message.compose import check_wire, compose
from zaiond.text import Language

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
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
        "severity": st.sampled_from(["emerg", "err", "warning", "info", "debug"]),
        "message": st.text(),
        "data": values,
        "key": st.text(),
        "job": st.text(),
        "extension": values,
    },
)
strange = st.dictionaries(st.sampled_from(ATTRIBUTES) | st.text(), values)


def mailed(line: bytes) -> None:
    """The line is refused by an EventError, or becomes a mail and a history."""
    try:
        sent = wire.parse(line)
    except EventError as error:
        json.loads(wire.error_reply(error, "ja"))
        return
    event = wire.complete(line, id=sent.id or "made", uid=1, accepted=1369440000.0)
    assert wire.same_content(line, line + b" ")
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


@given(st.binary(max_size=200))
@example(b'{"type":"a","x":"\xff"}')
@example(b'{"type":"a","x":1e999}')
def test_any_bytes_are_taken_or_refused_and_what_is_taken_can_be_mailed(line: bytes) -> None:
    mailed(line)


@given(st.binary(max_size=8), st.integers(0, 100), st.integers(0, 100))
def test_so_is_an_event_with_some_bytes_changed(junk: bytes, start: int, length: int) -> None:
    line = b'{"type":"a.b","time":"2013-05-25T09:00:00Z","data":[2.5e3,null],"y":"\xe3\x81\x82"}'
    mailed(line[:start] + junk + line[start + length :])


@given(plausible | strange)
def test_so_is_any_json(attributes: dict[str, Any]) -> None:
    mailed(json.dumps(attributes).encode())


@given(plausible)
def test_an_event_is_its_own_duplicate_however_it_is_written(attributes: dict[str, Any]) -> None:
    line = json.dumps(attributes, ensure_ascii=True).encode()
    try:
        wire.parse(line)
    except EventError:
        return
    turned = json.dumps(dict(reversed(attributes.items())), ensure_ascii=False, indent=1).encode()
    assert wire.same_content(line, turned)


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
