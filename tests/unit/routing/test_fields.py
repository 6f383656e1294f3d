"""Fields of events, and which of many conditions they meet."""

from typing import Any

import pytest

from tests.support.routed import Book, configured
from zaiond.model import Event
from zaiond.routing.fields import Index, any_of, label_of
from zaiond.routing.matcher import RoutingTable


def event(**attributes: Any) -> Event:
    given = {"id": "e", "uid": 0, "type": "x", "source": "s", "time": 0.0, "accepted": 0.0}
    return Event(**{**given, **attributes})


def test_each_condition_that_is_met_has_its_bit() -> None:
    index = Index(
        [
            {},
            {"type": ("a.*",)},
            {"type": ("a.*",), "data.n": ("1",)},
            {"data.n": ("1", "2")},
            {"severity": ("err", "crit")},
        ]
    )
    assert index.matching(event()) == 0b00001
    assert index.matching(event(type="a.b", severity="crit")) == 0b10011
    for _ in range(2):  # what is remembered is what was found
        assert index.matching(event(type="a.b", data={"n": 1})) == 0b01111
        assert index.matching(event(data={"n": [2, "x"]})) == 0b01001
    assert index.matching(event(data={"n": []})) == 0b00001
    assert Index([]).matching(event()) == 0


def test_numbers_and_truth_are_the_text_that_json_has() -> None:
    index = Index([{"data.v": (text,)} for text in ("true", "1", "1.0", "null", "x", '{"a": 1}')])
    found = [index.matching(event(data={"v": value})) for value in (True, 1, 1.0, {"a": 1})]
    assert found == [0b1, 0b10, 0b100, 0b100000]
    assert index.matching(event(data={"v": None})) == 0


def test_what_is_remembered_of_a_field_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zaiond.routing.fields._MOST_VALUES", 10)
    index = Index([{"source": ("s*",)}])
    for n in range(100):
        assert index.matching(event(source=f"s{n}"))
        assert not index.matching(event(source=f"x{n}"))
        index.matching(event(source="s" * 1000))
    (field,) = index._fields
    assert len(field._known) <= 10
    assert max(map(len, field._known)) < 10


@pytest.mark.parametrize(
    ("patterns", "taken", "not_taken"),
    [
        (["a"], "a", "b"),
        (["a*"], "abc", "ba"),
        (["?"], "x", "xy"),
        (["[ab]x"], "bx", "cx"),
        (["[!a]"], "b", "a"),
        (["a", "b*"], "a", "c"),
        (["a", "*"], "anything\nof lines", None),
        (["A"], "A", "a"),
        ([], None, "a"),
        (["a.b"], "a.b", "axb"),
    ],
)
def test_shell_patterns(patterns: list[str], taken: str | None, not_taken: str | None) -> None:
    matches = any_of(patterns)
    assert taken is None or matches(taken)
    assert not_taken is None or not matches(not_taken)


def test_a_field_that_is_absent_groups_as_an_empty_text() -> None:
    assert label_of(event(), "subject") == ""
    assert label_of(event(), "data.a.b") == ""
    assert label_of(event(data={"a": {"b": [1, "x"]}}), "data.a.b") == '[1, "x"]'
    assert label_of(event(uid=5), "uid") == "5"


def test_a_route_before_that_takes_just_anything_does_not_take_what_it_does_not_name() -> None:
    b = Book(
        RoutingTable(
            configured("routes: {all: {}, starts: {match: {type: job.started}, to: [b@x.jp]}}")
        )
    )
    (tell,) = b.tell(type="job.started", job="j").tells
    assert tell.route == "starts"
    assert b.tell(type="job.failed", job="j").tells[0].route == "all"
