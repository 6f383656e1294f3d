"""What a letter becomes at a hub."""

import json
from typing import Any

from zaiond import wire
from zaiond.fleet import letter
from zaiond.fleet.arrived import UNREADABLE, Arrived, event_of
from zaiond.fleet.machines import Machines
from zaiond.model import StoredEvent
from zaiond.users import NO_UID

NOW = 2_000_000_000.0


def sent(
    event: dict[str, Any],
    machines: Machines | None = None,
    of: str = "web1.example.jp",
    **more: Any,
) -> tuple[Arrived, dict[str, Any]]:
    columns: dict[str, Any] = {"id": "e1", "uid": 1000, "source": event.get("source", "")}
    columns |= {"accepted": 1.9e9, **more}
    stored = StoredEvent(seq=1, body=json.dumps(event).encode(), **columns)
    packed = letter.encode(stored, of, "tom")
    found = event_of(
        packed.subject, packed.payload, packed.headers, machines or Machines({}), NOW, "en"
    )
    return found, json.loads(found.event[4])


def test_it_has_its_machine_as_data_host_and_its_identity() -> None:
    machines = Machines({})
    found, line = sent({"type": "a.b", "data": {"x": 1}, "key": "k", "severity": "crit"}, machines)
    id_, uid, source, accepted, _, urgent, lane = found.event
    assert (id_, accepted, urgent, lane) == ("e1", 1.9e9, True, "key k")
    assert line["data"] == {"host": "web1.example.jp", "x": 1}
    assert machines.called(uid) == "tom@web1.example.jp"
    assert source == line["source"] == "uid:1000"  # the member's, not the number here


def test_the_same_of_two_machines_or_two_users_are_several_events() -> None:
    machines = Machines({})
    uids = {
        sent({"type": "a.b"}, machines, of, uid=uid)[0].event[1]
        for of in ("web1.example.jp", "web2.example.jp")
        for uid in (0, 1000)
    }
    assert len(uids) == 4
    assert min(uids) > NO_UID


def test_the_engine_vouches_for_the_machine_and_what_the_event_says_is_kept_beside_it() -> None:
    _, line = sent({"type": "a.b", "data": {"host": "elsewhere", "x": 1}})
    assert line["data"] == {"host": "web1.example.jp", "x": 1, "host_said": "elsewhere"}
    _, line = sent({"type": "a.b", "data": {"host": "web1.example.jp"}})
    assert line["data"] == {"host": "web1.example.jp"}
    _, line = sent({"type": "a.b", "data": {"host": "x", "host_said": "y"}})
    assert line["data"] == {"host": "web1.example.jp", "host_said": "y"}


def test_data_that_is_no_object_and_none_at_all_have_the_machine_too() -> None:
    assert sent({"type": "a.b", "data": [1]})[1]["data"] == {
        "host": "web1.example.jp",
        "value": [1],
    }
    assert sent({"type": "a.b", "data": None})[1]["data"] == {"host": "web1.example.jp"}
    assert sent({"type": "a.b"})[1]["data"] == {"host": "web1.example.jp"}


def test_a_member_s_notice_is_an_event_of_that_machine_and_no_notice_here() -> None:
    machines = Machines({})
    found, line = sent({"type": "zaiond.server.down", "source": "zaiond"}, machines, notice=True)
    assert machines.called(found.event[1]) == "web1.example.jp"
    assert line["type"] == "zaiond.server.down"
    # An emitter there who takes the same id has another identity.
    other, _ = sent({"type": "zaiond.server.down", "source": "zaiond"}, machines)
    assert other.event[1] != found.event[1]


def test_the_future_is_now() -> None:
    found, _ = sent({"type": "a.b"}, accepted=NOW + 86400)
    assert found.event[3] == NOW


def test_what_can_not_be_read_becomes_an_event_that_shows_its_beginning() -> None:
    machines = Machines({})
    payload = b"\xff\x00no json" + b"x" * 5000
    found = event_of("zaiond.web1_example_jp.event", payload, {"A": "b"}, machines, NOW, "en")
    line = json.loads(found.event[4])
    assert line["type"] == UNREADABLE
    assert line["data"]["host"] == "web1.example.jp"
    assert line["data"]["bytes"] == len(payload)
    assert line["data"]["beginning"].startswith("\\xff\x00no json")
    assert len(found.event[4]) < 10_000
    assert not isinstance(wire.new_event(found.event[4], 0, NOW, str), Exception)
    again = event_of("zaiond.web1_example_jp.event", payload, {"A": "b"}, machines, NOW, "en")
    other = event_of("zaiond.web1_example_jp.event", payload + b"y", {}, machines, NOW, "en")
    assert again.event[0] == found.event[0] != other.event[0]


def test_a_subject_that_names_no_machine_blocks_nothing() -> None:
    machines = Machines({})
    found = event_of("zaiond.WEB 1.event", b"{}", None, machines, NOW, "ja")
    assert json.loads(found.event[4])["data"]["host"] == "?"
    assert machines.called(found.event[1]) == "?"
