"""Silences: what they match, how long, and that they end."""

from typing import Any

import pytest

from tests.support.routed import Book, configured
from zaiond.errors import MendableError
from zaiond.routing import silence
from zaiond.routing.matcher import RoutingTable


def book(text: str = "") -> Book:
    return Book(RoutingTable(configured(text)))


def add(b: Book, *match: str, seconds: float = 3600.0, id: str = "s1") -> None:
    pairs = tuple(map(silence.parse_match, match))
    silence.add(b.state, id=id, match=pairs, seconds=seconds, comment="c", by="root", now=b.now)


@pytest.mark.parametrize(
    ("match", "taken", "not_taken"),
    [
        (["type=backup.*"], {"type": "backup.x"}, {"type": "x"}),
        (["severity=warning+"], {"severity": "err"}, {"severity": "info"}),
        (["severity=info"], {"severity": "info"}, {"severity": "err"}),
        (["severity=critical"], {"severity": "crit"}, {"severity": "err"}),
        (["source=web*"], {"source": "web1"}, {"source": "db"}),
        (["subject=*disk*"], {"subject": "a disk"}, {"subject": None}),
        (["key=k1"], {"key": "k1"}, {"key": "k2"}),
        (["job=nightly"], {"job": "nightly"}, {}),
        (["uid=1001"], {"uid": 1001}, {"uid": 1002}),
        (["data.host=db*"], {"data": {"host": "db1"}}, {"data": {"host": ["x"]}}),
        (["data.a.b=1"], {"data": {"a": {"b": 1}}}, {"data": {"a": 1}}),
        (["type=a", "source=s"], {"type": "a", "source": "s"}, {"type": "a", "source": "t"}),
        (["type=a", "type=b"], {"type": "b"}, {"type": "c"}),
        (["subject=a=b"], {"subject": "a=b"}, {"subject": "a"}),
    ],
)
def test_a_silence_takes(
    match: list[str], taken: dict[str, Any], not_taken: dict[str, Any]
) -> None:
    b = book()
    add(b, *match)
    end = b.tell(**taken).end
    assert end is not None
    assert end.outcome == "silenced"
    assert b.tell(**not_taken).end is None


def test_a_silence_without_a_match_takes_all() -> None:
    b = book()
    add(b)
    assert b.tell(severity="emerg").end is not None


@pytest.mark.parametrize(
    "text", ["", "type", "type=", "=x", "nothing=x", "data.=x", "data..a=x", "severity=bad+"]
)
def test_what_is_no_match_is_said(text: str) -> None:
    with pytest.raises(MendableError) as raised:
        silence.parse_match(text)
    assert raised.value.texts[0].ja


def test_a_silence_always_ends() -> None:
    b = book()
    for seconds in (0.0, -1.0, 366 * 86400.0, float("inf"), float("nan")):
        with pytest.raises(MendableError):
            add(b, seconds=seconds)
    add(b)
    b.wait(3599)
    assert b.tell().end is not None
    b.wait(1)
    assert b.tell().end is None
    assert b.state.silences == {}
    assert len(b.expired) == 1


def test_a_silence_survives_a_restart_and_a_reload() -> None:
    b = book()
    add(b)
    b._commit()
    b.restart()
    b.reload(configured("routes: {r: {}}"))
    assert b.tell().end is not None


def test_a_silence_can_be_ended_by_hand_and_says_what_it_hid() -> None:
    b = book()
    add(b)
    b.tell(key="k", status="problem")
    assert silence.expire(b.state, "other", b.now) is None
    assert silence.expire(b.state, "s1", b.now) is not None
    assert b.tell().end is None
    b.wait(0)
    (expired,) = b.expired
    assert [hidden.key for hidden in expired.hides] == ["k"]


def test_the_reason_is_of_the_silence_that_lasts_longest() -> None:
    b = book()
    add(b, seconds=60, id="short")
    add(b, seconds=600, id="long")
    found = silence.silence_of(b.state, b.event(), b.now)
    assert found is not None
    assert found.id == "long"


def test_there_are_only_so_many_of_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "MOST_SILENCES", 2)
    b = book()
    add(b, id="1")
    add(b, id="2")
    with pytest.raises(MendableError) as raised:
        add(b, id="3")
    assert "end those that are not needed" in raised.value.texts[0].en
    with pytest.raises(MendableError):
        add(b, *["type=x"] * 21, id="4")
    with pytest.raises(MendableError):
        add(b, "type=" + "x" * 300, id="5")


def test_a_silence_lasts_no_longer_when_the_clock_is_set_back() -> None:
    b = book()
    add(b, seconds=600)
    b.wait(60)
    b.now -= 10**6
    assert b.tell().end is not None
    b.wait(600)
    assert b.tell().end is None
