"""The Message-ID of a mail in a fleet."""

import json

from zaiond.fleet import letter
from zaiond.fleet.arrived import event_of
from zaiond.fleet.machines import Machines
from zaiond.model import StoredEvent

WEB1, HUB1 = "web1.example.jp", "hub1.example.jp"


def at_member(source: str = "", *, notice: bool = False) -> StoredEvent:
    uid = 998 if notice else 1000
    line = {"type": "a.b", **({"source": source} if source else {})}
    return StoredEvent(1, "e1", uid, source, 1.9e9, json.dumps(line).encode(), notice=notice)


def at_hub(of: StoredEvent, machines: Machines) -> StoredEvent:
    packed = letter.encode(of, WEB1, "tom")
    found = event_of(packed.subject, packed.payload, packed.headers, machines, 2e9, "en")
    return StoredEvent(77, *found.event)


def of_member(stored: StoredEvent, *of: str) -> str:
    return letter.message_id(WEB1, stored.uid, stored.source, stored.id, bool(stored.notice), *of)


def test_a_hub_gives_a_mail_what_the_member_would_and_every_hub_the_same() -> None:
    others = Machines({})
    others.number("web0.example.jp")  # its numbers are others
    for stored in (at_member(), at_member("cron"), at_member("zaiond", notice=True)):
        for machines in (Machines({}), others):
            found = machines.message_id(HUB1, at_hub(stored, machines), "route", "event")
            assert found == of_member(stored, "route", "event")
            assert found.endswith(f"@{WEB1}>")


def test_a_hub_s_own_event_is_of_that_hub() -> None:
    hub = Machines({})
    found = hub.message_id(HUB1, at_member(), "route")
    assert found == letter.message_id(HUB1, 1000, "", "e1", False, "route")


def test_what_comes_from_no_known_machine_has_a_message_id_all_the_same() -> None:
    machines = Machines({})
    found = event_of("zaiond.WEB 1.event", b"{}", None, machines, 2e9, "en")
    stored = StoredEvent(1, *found.event)
    assert machines.message_id(HUB1, stored).endswith(f"@{HUB1}>")
    assert json.loads(stored.body)["data"]["host"] == "?"
