"""Mails by one configuration."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.support.delivery import configuration, server
from tests.support.store import event
from zaiond.delivery.mail_maker import MailMaker, complete
from zaiond.model import StoredEvent
from zaiond.routing.decision import Decision
from zaiond.routing.matcher import RoutingTable
from zaiond.routing.records import JobState
from zaiond.routing.state import State


def test_a_mail_has_the_names_that_the_machine_has_when_it_is_made() -> None:
    config = configuration(server(1), sender="zaion@{host}", subject_prefix="[{fqdn}] ")
    maker = MailMaker(config, lambda: "M", lambda uid: "", lambda *_: None)
    stored = StoredEvent(1, *event("1"), queued=0.0, notice=False, turn=0, ahead=False)
    made = []
    for host, fqdn in (("one", "one.example"), ("one", "one.example"), ("two", "two.example")):
        maker.call_machine(host, fqdn)
        message = maker.make(1, stored, complete(stored), ("a@x.example",), count(1)).message
        made.append((message.reverse_path, fqdn.encode() in message.content))
    assert made == [("zaion@one", True), ("zaion@one", True), ("zaion@two", True)]


def test_an_event_that_routing_stumbles_over_goes_to_the_admins_and_changes_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = configuration(server(1), routes={})
    told: list[Exception] = []
    maker = MailMaker(config, lambda: "M", lambda uid: "", lambda _, error: told.append(error))
    stored = StoredEvent(1, *event("1"), queued=0.0, notice=False, turn=0, ahead=False)
    rows: Iterator[int] = count(1)
    state = State((), lambda: next(rows))
    state.put_job("before", JobState(failures=1))
    before = state.changes()

    def stumble(_: Any, table: RoutingTable, state: State, now: float, **more: Any) -> Decision:
        state.put_job("before", JobState(failures=2))
        state.put_job("half done", JobState())
        raise ValueError("year 0 is out of range")

    monkeypatch.setattr("zaiond.delivery.mail_maker.decide", stumble)
    decision = maker.decide(stored, complete(stored), state, 1e9)
    assert [tell.to for tell in decision.tells] == [config.admins]
    assert [repr(error) for error in told] == ["ValueError('year 0 is out of range')"]
    assert state.changes() == before
