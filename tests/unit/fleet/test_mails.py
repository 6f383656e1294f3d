"""The mail about an event has the same Message-ID where it was taken in and at each hub."""

import json

import pytest

from zaiond.fleet import arrived, letter
from zaiond.fleet.machines import Machines
from zaiond.fleet.mails import MailsOfHub
from zaiond.model import StoredEvent


@pytest.mark.parametrize("others", [0, 3])
@pytest.mark.parametrize(("source", "notice"), [("", False), ("backup", False), ("zaiond", True)])
def test_a_hub_gives_it_as_the_member_does(others: int, source: str, notice: bool) -> None:
    line = json.dumps({"type": "a.b", **({"source": source} if source else {})}).encode()
    event = StoredEvent(1, "e1", 1000, source, 1.0, line, notice=notice)
    packed = letter.encode(event, "m1.zaion.jp", "tom", "salt")
    machines = Machines({})
    for number in range(others):
        machines.number(f"other{number}.zaion.jp")
    found = arrived.event_of(*packed, machines, 2.0, "en").event
    at_hub = StoredEvent(9, *found[:5])
    hub = MailsOfHub(machines)
    of = ("database", "event", "", "")
    expected = letter.message_id("m1.zaion.jp", 1000, source, "e1", notice, *of)
    assert hub.message_id("h1.zaion.jp", at_hub, *of) == expected
    assert hub.message_id("h2.zaion.jp", at_hub, *of) == expected
    assert hub.message_id("h2.zaion.jp", at_hub, "other", "event", "", "") != expected


def test_its_own_event_is_its_own() -> None:
    event = StoredEvent(1, "e1", 1000, "s", 1.0, b"{}")
    own = MailsOfHub(Machines({})).message_id("h1.zaion.jp", event, "")
    assert own == letter.message_id("h1.zaion.jp", 1000, "s", "e1", False, "")
