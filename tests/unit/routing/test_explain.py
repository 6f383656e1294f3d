"""What `zaiond-ctl route` shows is what becomes of the event, in the words of history."""

from typing import Any

import pytest

from tests.support.routed import A, B, Book, configured
from zaiond.routing import words
from zaiond.routing.decide import decide
from zaiond.routing.explain import document
from zaiond.routing.matcher import RoutingTable


def book(text: str = "") -> Book:
    return Book(RoutingTable(configured(text)))


def explained(b: Book, **attributes: object) -> list[dict[str, Any]]:
    """The decisions about an event, which nothing is changed by."""
    event = b.event(**attributes)
    before = dict(b.state.groups), dict(b.state.problems)
    decision = decide(event, b.table, b.state, b.now)
    b.state.rollback()
    assert (b.state.groups, b.state.problems) == before
    found = document(
        event, decision, b.table, b.now, "en", lambda at: None if at is None else f"{at - b.now:g}"
    )
    decisions: list[dict[str, Any]] = found["decisions"]
    return decisions


def test_without_routes_it_goes_to_the_admins_now() -> None:
    assert explained(book()) == [
        {"route": "", "outcome": "mailed", "to": [A], "when": "0", "reason": words.DEFAULT.en}
    ]


def test_each_route_that_matches_says_what_it_does() -> None:
    b = book(
        "routes:\n"
        "  first: {continue: true, to: [b@example.jp]}\n"
        "  quiet: {continue: true, to: []}\n"
        "  morning: {digest: '0 8 * * *'}\n"
    )
    first, morning = explained(b)
    assert (first["route"], first["outcome"], first["to"]) == ("first", "mailed", [B])
    assert (morning["route"], morning["outcome"], morning["to"]) == ("morning", "grouped", [A])
    assert 0 < float(morning["when"]) <= 86400
    assert "digest" in morning["reason"]


def test_what_joins_a_group_is_said_with_its_time() -> None:
    b = book("routes: {r: {group_by: [type], group_interval: 5m, to: [b@example.jp]}}")
    b.tell()
    b.now += 60
    (one,) = explained(b)
    assert (one["outcome"], one["when"], one["to"]) == ("grouped", "240", [B])
    assert "same type=x" in one["reason"]


def test_the_same_problem_again_waits_for_a_time_that_is_open() -> None:
    b = book()
    b.tell(key="disk", status="problem")
    (one,) = explained(b, key="disk", status="problem")
    assert (one["outcome"], one["when"], one["to"]) == ("grouped", None, [A])
    assert "disk" in one["reason"]


def test_who_had_too_many_mails_is_told_later() -> None:
    b = book("route_defaults: {max_mails: 1/h}")
    b.tell()
    (one,) = explained(b)
    assert (one["outcome"], one["to"]) == ("held", [A])
    assert one["when"] is not None
    assert "max_mails" in one["reason"]


@pytest.mark.parametrize("text", ["routes: {quiet: {to: []}}"])
def test_nobody_is_a_decision_with_its_reason(text: str) -> None:
    (one,) = explained(book(text))
    assert (one["outcome"], one["to"], one["when"]) == ("dropped", [], None)
    assert "quiet" in one["reason"]


def test_a_silence_is_named_by_who_made_it_and_why() -> None:
    from zaiond.routing import silence

    b = book()
    silence.add(b.state, id="s", match=(), seconds=60, comment="move", by="root", now=b.now)
    b.state.commit()
    (one,) = explained(b)
    assert one["outcome"] == "silenced"
    assert "root" in one["reason"]
    assert "move" in one["reason"]
    assert b.state.silences["s"].hidden == 0


def test_a_mail_goes_to_whom_its_program_named_and_by_the_routes_to_whom_it_named_beside() -> None:
    b = book("routes: {all: {to: [b@example.jp]}}")
    mail: dict[str, Any] = {"type": "mail.local", "mail": "aGk="}
    (one,) = explained(b, **mail, data={"recipients": ["c@example.jp"]})
    assert (one["route"], one["to"], one["reason"]) == (
        "", ["c@example.jp"], words.NAMED_BY_PROGRAM.en,
    )  # fmt: skip
    (both,) = explained(b, **mail, data={"recipients": ["c@example.jp", "root"]})
    assert both["to"] == ["c@example.jp", B]
    (by_route,) = explained(b, **mail, data={"recipients": ["root"]})
    assert by_route["to"] == [B]
    (no_mail,) = explained(b, type="mail.local", data={"recipients": ["c@example.jp"]})
    assert no_mail["to"] == [B]
