"""What a machine of a fleet hands on, and by which Message-IDs its mails are known everywhere."""

import itertools
import json
from typing import Any

import pytest

from tests.support.delivery import configuration, server
from tests.support.hubs import Fleet
from zaiond.config.schema import Match, Route
from zaiond.delivery.handing_on import waits_for_hubs
from zaiond.delivery.mail_maker import MailMaker, complete
from zaiond.model import Event, QueuedMail, Routing, Standing, StoredEvent
from zaiond.routing.decision import Decision
from zaiond.routing.state import State
from zaiond.users import NO_UID, abroad
from zaiond.way import HUBS, way_of

NUMBERS = itertools.count(1)


def maker(*, hands_on: bool = False, in_fleet: bool = True) -> MailMaker:
    routes = {"db": Route(match=Match(type=("db.*",)), to=("dba@x.example", "財@x.example"))}
    made = MailMaker(
        configuration(server(25), routes=routes), lambda: f"M{next(NUMBERS)}", lambda _: "",
        lambda *_: None,
    )  # fmt: skip
    made.of_fleet = Fleet() if in_fleet else None
    made.hands_on = hands_on
    made.call_machine("member", "member.example")
    return made


def event(kind: str = "a.b", *, notice: bool = False, **more: Any) -> StoredEvent:
    line = json.dumps({"type": kind, "id": "e", **more}).encode()
    return StoredEvent(1, "e", 1000, "", 1.0, line, notice=notice)


def decided(by: MailMaker, stored: StoredEvent, state: State | None = None) -> Decision:
    return by.decide(stored, complete(stored), state or State((), lambda: 1), 1.0)


def mails(by: MailMaker, stored: StoredEvent) -> list[QueuedMail]:
    told: Event = complete(stored)
    return [
        by.make(1, stored, told, part, iter(range(9)), routing=tell.routing)
        for tell in decided(by, stored).tells
        for part in by.parts(tell.to)
    ]


def test_what_a_member_takes_goes_to_the_hubs_by_a_way_of_its_own() -> None:
    (letter,) = mails(maker(hands_on=True), event())
    assert letter.message.recipients == (HUBS,)
    assert way_of(letter.user) == "fleet"
    (mail,) = mails(maker(), event())
    assert mail.message.recipients == ("a@x.example",)
    assert way_of(mail.user) == "mail"


def test_a_member_tells_of_itself_by_itself() -> None:
    by = maker(hands_on=True)
    assert decided(by, event("zaiond.fleet.cut_off", notice=True)).tells[0].to == ("a@x.example",)
    assert decided(by, event("zaiond.fleet.cut_off")).tells[0].to == (HUBS,)  # anybody's word
    assert decided(by, event("zaiond.other", notice=True)).tells[0].to == (HUBS,)


def test_everybody_gives_a_mail_the_same_message_id() -> None:
    first, second = (
        [mail.message.message_id for mail in mails(maker(), event("db.full"))] for _ in range(2)
    )
    assert first == second
    assert len(set(first)) == 2  # one of them by SMTPUTF8
    (other,) = mails(maker(), event())
    (letter,) = mails(maker(hands_on=True), event())
    assert len({*first, other.message.message_id, letter.message.message_id}) == 4


def test_what_reminds_has_a_message_id_of_its_own() -> None:
    by, stored = maker(), event()
    reminder = Routing(standing=Standing(1.0, reminder=True))
    assert by.new_message_id(stored, reminder) != by.new_message_id(stored, reminder)
    assert by.new_message_id(stored, Routing()) == by.new_message_id(stored, Routing())


def test_what_waits_for_different_reasons_has_different_message_ids() -> None:
    by, stored = maker(), event()
    routings = [
        Routing(),
        Routing("db"),
        Routing("db", "grouped"),
        Routing("db", "suppressed", recipients=("a@x.example",)),
        Routing("db", "suppressed", recipients=("b@x.example",)),
        Routing("db", recipients=("a@x.example",)),
    ]
    assert len({by.new_message_id(stored, routing) for routing in routings}) == len(routings)


def test_one_machine_has_message_ids_of_no_fleet() -> None:
    by = maker(in_fleet=False)
    assert by.new_message_id(event(), Routing()) != by.new_message_id(event(), Routing())


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        ({"key": "disk", "status": "ok"}, True),
        ({"kind": "job.succeeded", "job": "nightly"}, True),
        ({"status": "ok"}, False),
        ({"key": "disk", "status": "ok", "drill": True}, False),
        ({"key": "disk", "status": "problem"}, False),
        ({"kind": "job.failed", "job": "nightly"}, False),
        ({"kind": "zaiond.fleet.back", "key": "fleet", "status": "ok", "notice": True}, False),
    ],
)
def test_who_mails_by_itself_keeps_for_the_hubs_only_what_ends_a_problem(
    said: dict[str, Any], waits: bool
) -> None:
    by = maker()
    decision = decided(by, event(**said))
    assert waits_for_hubs(decision) is waits
    assert any(tell.to == (HUBS,) for tell in decision.tells) is waits
    by.of_fleet = None
    assert not any(tell.to == (HUBS,) for tell in decided(by, event(**said)).tells)


@pytest.mark.parametrize("hands_on", [False, True])
def test_a_hub_hands_on_what_programs_on_its_machine_say_and_nothing_else(hands_on: bool) -> None:
    by = maker(hands_on=hands_on)
    by.is_hub = True

    def goes_on(stored: StoredEvent) -> bool:
        return any(tell.to == (HUBS,) for tell in decided(by, stored).tells)

    own = event(key="k", status="ok")
    assert goes_on(own)
    # What has come from the stream would go around for ever, and its notices with it.
    assert not goes_on(own._replace(uid=abroad(1, own.uid)))
    assert not goes_on(own._replace(uid=abroad(1, NO_UID)))
    assert not goes_on(event(notice=True))


def test_the_end_of_what_the_fleet_knows_is_told_by_the_hub_that_works_alone() -> None:
    state = State((), lambda: 1)
    by = maker(hands_on=True)
    failed, succeeded = (
        event(kind, job="nightly") for kind in ("job.failed", "job.succeeded")
    )  # fmt: skip
    for is_the_fleets in (True, False):
        state.begin_anew(stands_by=not is_the_fleets)
        state.on_commit = (lambda _: None) if is_the_fleets else None
        by.decide_here(failed, complete(failed), state, 1.0)
        assert len(decided(by, succeeded, state).tells) == (1 if is_the_fleets else 2)
        state.undo()
