"""A handed-on event: what is encoded is decoded, and nothing else is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.fleet.test_names import MACHINES
from zaiond.delivery import handing_on
from zaiond.event_rules import MAX_EVENT_BYTES, MAX_ID_LENGTH
from zaiond.fleet import letter, names, streams
from zaiond.fleet.letter import LetterError, decode, encode
from zaiond.model import StoredEvent
from zaiond.safe import one_line

_PRINTABLE = st.text(min_size=1, max_size=100).filter(str.isprintable)
_USERS = st.text(max_size=letter.LONGEST_USER).filter(
    lambda user: user.isprintable() and one_line(user) == user
)


def stored(id_: str = "e1", uid: int = 1000, notice: bool = False, **more: Any) -> StoredEvent:
    line = json.dumps({"type": "a.b", **more}).encode()
    source = more.get("source", "")
    return StoredEvent(7, id_, uid, source, 1.25, line, notice=notice)


@given(MACHINES, _PRINTABLE, st.integers(0, letter.HIGHEST_UID), _USERS, st.booleans())
def test_what_is_handed_on_arrives(
    machine: str, id_: str, uid: int, user: str, notice: bool
) -> None:
    event = stored(id_, uid, notice, source="x")
    packed = encode(event, machine, user)
    found = decode(packed.subject, packed.payload, packed.headers)
    assert found[:3] == (machine, user, notice)
    assert found.event[:5] == (id_, uid, "x", 1.25, event.body)
    for name, value in packed.headers.items():
        assert value.isascii()
        assert value == value.strip()
        assert not set(value) & set("\r\n=?"), name


def test_a_user_s_name_costs_no_event() -> None:
    for name in ("a\x1b\n", "\ud800", "あ" * 300):
        packed = encode(stored(), "m", name)
        assert decode(packed.subject, packed.payload, packed.headers).user.isprintable()


def test_no_headers_make_what_is_handed_on_larger_than_the_stream_takes() -> None:
    """Where the engine counts more than is thought, it ends the connection of all letters."""
    event = stored("\U0001f9f5" * MAX_ID_LENGTH, letter.HIGHEST_UID, notice=True)
    event = event._replace(accepted=1764500000.123456, body=b"x" * handing_on.LONGEST)
    packed = encode(event, "m", "\U0001f9f5" * 300)
    assert len(packed.headers) == 6
    block = "".join(f"{name}: {value}\r\n" for name, value in packed.headers.items())
    assert packed.size == len(f"NATS/1.0\r\n{block}\r\n") + len(packed.payload)
    assert packed.size <= streams.LONGEST_MESSAGE


def test_a_repeat_is_the_same_letter_and_that_of_another_event_is_another() -> None:
    def key(machine: str = "m", **more: Any) -> str:
        packed = encode(stored(**more), machine, "u")
        found = decode(packed.subject, packed.payload, packed.headers)
        id_, uid, source = found.event[:3]
        return letter.identity(found.machine, uid, source, id_, found.notice)

    keys = [key(), key(machine="n"), key(id_="e2"), key(uid=1), key(source="z"), key(notice=True)]
    assert key() == keys[0]
    assert len(set(keys)) == len(keys)


def test_the_engine_is_not_asked_to_know_a_repeat() -> None:
    """Nodes that did not agree on what is one have lost acknowledged events."""
    assert "Nats-Msg-Id" not in encode(stored(), "m", "u").headers


def test_the_line_says_the_id_where_it_has_one() -> None:
    packed = encode(stored("e1", id="e1"), "m", "")
    assert decode(packed.subject, packed.payload, packed.headers).event[0] == "e1"
    with pytest.raises(LetterError):
        decode(packed.subject, packed.payload, packed.headers | {letter.ID: "e2"})


@pytest.mark.parametrize(
    "wrong",
    [
        {letter.UID: "-1"}, {letter.UID: "x"}, {letter.UID: str(2**32 - 1)}, {letter.ID: ""},
        {letter.ID: "a%0Ab"}, {letter.ID: "%ff"}, {letter.ID: "x" * 256}, {letter.ACCEPTED: "nan"},
        {letter.ACCEPTED: "inf"}, {letter.USER: "%1b"}, {letter.USER: "x" * 256},
    ],
)  # fmt: skip
def test_wrong_headers_are_refused(wrong: dict[str, str]) -> None:
    packed = encode(stored(), "m", "u")
    with pytest.raises(LetterError):
        decode(packed.subject, packed.payload, packed.headers | wrong)


@pytest.mark.parametrize("name", [letter.ID, letter.UID, letter.ACCEPTED])
def test_a_header_that_is_missing_is_refused(name: str) -> None:
    packed = encode(stored(), "m", "u")
    headers = {key: value for key, value in packed.headers.items() if key != name}
    with pytest.raises(LetterError):
        decode(packed.subject, packed.payload, headers)


def test_a_line_that_the_socket_would_refuse_is_refused() -> None:
    packed = encode(stored(), "m", "u")
    for line in (b"", b"[]", b'{"type": 1}', b"x" * (MAX_EVENT_BYTES + 1)):
        with pytest.raises(LetterError):
            decode(packed.subject, line, packed.headers)


@given(st.text(), st.binary(), st.none() | st.dictionaries(st.text(), st.text()))
def test_anything_is_a_letter_or_refused(
    subject: str, payload: bytes, headers: dict[str, str] | None
) -> None:
    with pytest.raises((LetterError, names.UnfitNameError)):
        decode(subject, payload, headers)


@given(st.binary(max_size=200), st.dictionaries(
    st.sampled_from([letter.ID, letter.UID, letter.USER, letter.ACCEPTED, letter.NOTICE]), st.text()
))  # fmt: skip
def test_a_hostile_member_is_bounded(payload: bytes, headers: dict[str, str]) -> None:
    good = encode(stored(), "m", "u")
    for line in (payload, good.payload):
        try:
            found = decode(good.subject, line, good.headers | headers)
        except LetterError:
            continue
        assert found.machine == "m"
        assert 0 <= found.event[1] <= letter.HIGHEST_UID
        assert len(found.event[0]) <= 255
        assert found.event[0].isprintable()
