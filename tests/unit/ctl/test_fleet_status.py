"""How a fleet is, as zaiond-ctl says it of the documents of `fleet status` and `status`."""

from typing import Any

from zaiond.ctl import fleet_status, status
from zaiond.ctl.terminal import Fact
from zaiond.text import Text

GRACE = 600.0


def word(machine: str, age: float | None = 1.0, **more: Any) -> dict[str, Any]:
    return {"machine": machine, "age": age, "version": "1.0", **more}


def backlog(events: int, *, disk: int = 1000, max_disk: int | None = None) -> dict[str, int | None]:
    """Of 1000 events that may wait."""
    return {
        "events": events,
        "bytes": 2048,
        "max_events": 1000,
        "disk": disk,
        "max_disk": max_disk,
    }


def fleet(**more: Any) -> dict[str, Any]:
    """A fleet that is well."""
    document: dict[str, Any] = {
        "server": "n1:4222",
        "version": "2.9.10",
        "backlog": backlog(3),
        "streams": [
            {
                "name": "ZAIOND",
                "state": "ok",
                "replicas": [
                    {"node": "n2", "current": False, "offline": False},
                    {"node": "n1", "current": True, "offline": False},
                    {"node": "n3", "current": False, "offline": True},
                ],
            }
        ],
        "leader": {"hub": "h1", "age": 2.0},
        "hubs": [word("h1", state="working"), word("h2", state="waiting")],
        "members": [word("m1", state="handing_on", waiting=1200)],
    }
    return document | more


def troubles(**more: Any) -> str:
    return "\n".join(one.en for one in fleet_status.troubles(fleet(**more), GRACE))


def lines(document: dict[str, Any]) -> str:
    told = fleet_status.troubles(document, GRACE)
    return "\n".join(fleet_status.shown(document, told, GRACE, "en"))


def said(facts: list[Fact]) -> str:
    def text(cell: Any) -> str:
        return cell.en if isinstance(cell, Text) else str(cell)

    return "\n".join(f"{text(label)}: {text(value)}" for label, value in facts if value is not None)


def test_a_fleet_that_is_well_is_shown_with_who_works_and_what_waits() -> None:
    assert troubles() == ""
    shown = lines(fleet())
    for part in ("h1", "h2", "m1", "1,200", "n1:4222", "2.9.10", "3"):
        assert part in shown


def test_what_needs_a_look_is_named() -> None:
    missing = troubles(streams=[{"name": "x", "state": "missing", "replicas": []}])
    degraded = troubles(streams=[{"name": "x", "state": "degraded", "replicas": []}])
    assert "x" in missing
    assert "x" in degraded
    assert missing != degraded
    assert "90" in troubles(backlog=backlog(900))
    assert "91" in troubles(backlog=backlog(900, disk=5460, max_disk=6000))


def stream(name: str, **others: str) -> dict[str, Any]:
    """A stream that n1 leads; of other nodes how each is: `current`, `behind` or `offline`."""
    replicas = [{"node": "n1", "current": True, "offline": False}]
    for node, state in others.items():
        replicas.append(
            {"node": node, "current": state == "current", "offline": state == "offline"}
        )
    is_well = {*others.values()} <= {"current"}
    return {"name": name, "state": "ok" if is_well else "degraded", "replicas": replicas}


def test_a_node_that_is_down_is_named_once_with_what_that_means() -> None:
    # One stream's leader has not noticed yet, another one knows of the same node that it is behind.
    streams = [
        stream("ZAIOND", n2="offline", n3="current"),
        stream("ZAIOND_ALIVE", n2="behind", n3="current"),
        stream("KV_zaiond-hub", n2="current", n3="current"),
    ]
    (told,) = fleet_status.troubles(fleet(streams=streams), GRACE)
    assert told.en.startswith("node n2 is not there: the fleet goes on with 2 of 3")
    assert told.ja.startswith("ノード n2 が止まっています。フリートは 3 台中 2 台で動いています")


def test_where_most_nodes_are_down_the_fleet_does_not_go_on() -> None:
    told = troubles(streams=[stream("ZAIOND", n2="offline", n3="offline")])
    assert told.startswith("too few nodes are there, 1 of 3")
    assert told.endswith("on n2, n3")
    assert "goes on" not in told
    five = {"n2": "offline", "n3": "offline", "n4": "current", "n5": "current"}
    assert "n2, n3 are not there: the fleet goes on with 3 of 5" in troubles(
        streams=[stream("ZAIOND", **five)]
    )


def test_a_node_that_lags_is_named_as_one_that_catches_up() -> None:
    told = troubles(streams=[stream("ZAIOND", n2="behind", n3="offline")])
    down, lags = told.splitlines()
    assert down.startswith("node n3 is not there: ")
    assert lags.startswith("node n2 lags behind")


def test_a_stream_that_lacks_replicas_of_which_no_node_is_known_is_named_itself() -> None:
    lacking = stream("ZAIOND", n2="current") | {"state": "degraded"}
    assert troubles(streams=[lacking]).startswith("events (ZAIOND): ")


def test_no_hub_works_where_none_was_heard_of_within_its_lease() -> None:
    for leader in (None, {"hub": "", "age": 1.0}, {"hub": "h1", "age": 15.0}):
        assert "no hub works" in troubles(leader=leader)
        assert fleet_status.works(fleet(leader=leader)) is None
    assert fleet_status.works(fleet()) == "h1"


def test_a_fleet_with_one_hub_or_a_silent_second_one_needs_a_look() -> None:
    alone = troubles(hubs=[word("h1")])
    assert alone != ""
    assert troubles(hubs=[word("h1"), word("h2", age=GRACE)]) == alone


def test_a_hub_that_was_stopped_takes_over_from_nobody_and_one_that_mails_by_itself_is_named() -> (
    None
):
    alone = troubles(hubs=[word("h1")])
    assert troubles(hubs=[word("h1"), word("h2", state="stopped")]) == alone
    assert troubles(hubs=[word("h1"), word("h2", state="by_itself")]).startswith("h2 ")


def test_a_member_that_is_silent_or_by_itself_is_named() -> None:
    assert "m9" in troubles(members=[word("m9", age=GRACE, state="handing_on")])
    assert "m9" in troubles(members=[word("m9", age=None)])
    assert "m9" in troubles(members=[word("m9", state="by_itself")])
    assert "m9" in lines(fleet(members=[word("m9", age=None)]))
    assert lines(fleet(members=[])) != lines(fleet())


def test_a_member_that_was_stopped_is_named_once_it_is_silent_for_the_grace() -> None:
    down = troubles(members=[word("m9", age=GRACE, state="stopped")])
    assert "m9" in down
    assert down != troubles(members=[word("m9", age=GRACE, state="handing_on")])
    assert troubles(members=[word("m9", age=GRACE - 1, state="stopped")]) == ""


def test_of_many_the_same_is_said_of_some_and_of_how_many_more() -> None:
    many = [word(f"m{n:03}", age=GRACE + n, state="handing_on") for n in range(200)]
    told = fleet_status.troubles(fleet(members=many), GRACE)
    assert len(told) == 5
    assert "196 more" in told[-1].en
    assert len(fleet_status.troubles(fleet(members=many[:5]), GRACE)) == 5


MEMBERS = [
    word("a", state="handing_on", waiting=3),
    word("b", state="handing_on", waiting=40_000),
    word("c", state="stopped"),
    word("d", state="by_itself", waiting=7),
    word("e", age=GRACE, state="stopped"),
    word("f", age=GRACE, state="handing_on", waiting=0),
    word("g", state="on_trial"),
    word("h", state="handing_on", waiting=1),
]


def test_who_needs_a_look_comes_first_then_where_much_waits() -> None:
    ordered = fleet_status.by_need(MEMBERS, GRACE)
    assert "".join(one["machine"] for one in ordered) == "fedgcbah"
    # A few more or less are no reason to change places under a reader's eyes.
    assert fleet_status.by_need([MEMBERS[7], MEMBERS[0]], GRACE) == [MEMBERS[0], MEMBERS[7]]


def test_a_silent_machine_is_not_shown_as_what_it_said_last() -> None:
    document = fleet(members=MEMBERS, hubs=[word("h1"), word("h2", age=GRACE, state="waiting")])
    shown = lines(document)
    for machine, state in (("f", "silent"), ("e", "stopped, not back"), ("h2", "silent")):
        (row,) = (one for one in shown.splitlines() if one.split()[:1] == [machine])
        assert state in row
    assert "on_trial" not in shown


def test_how_many_need_a_look_and_how_much_waits_is_said_above_the_list() -> None:
    shown = said(fleet_status.facts(fleet(members=MEMBERS), GRACE))
    for part in ("8 (", "silent: 1", "mails by itself: 1", "40,011"):
        assert part in shown
    assert "200" in said(fleet_status.facts(fleet(members=[word("m")] * 200), GRACE))


def test_forgotten_machines_are_named_and_who_is_alive_comes_back() -> None:
    gone = word("m8", age=3 * 86400.0, alive=False)
    alive = word("m9", age=3.0, alive=True)
    shown = "\n".join(fleet_status.forgotten([gone, alive], "en"))
    assert "m8: taken out; it was last heard of 3d ago" in shown
    assert shown.count("30 seconds") == 1
    assert shown.index("m9") < shown.index("30 seconds")


def test_status_of_a_member_says_what_it_does_and_what_waits() -> None:
    document = {"role": "member", "state": "by_itself", "error": "gone", "server": None}
    shown = said(list(status.facts_of_fleet(document | {"waiting": 7})))
    assert "gone" in shown
    assert "7" in shown
    empty = document | {"state": "handing_on", "error": None, "server": "n1:4222", "waiting": 0}
    shown = said(list(status.facts_of_fleet(empty)))
    assert "n1:4222" in shown
    assert "0" not in shown


def test_status_of_a_hub_says_who_works_and_what_has_no_room() -> None:
    waits = {
        "role": "hub", "works": False, "hub": "h1", "server": "n1:4222", "backlog": None,
        "no_room": None, "waiting": 0, "members": None, "state": "handing_on", "to_hand_on": 56,
        "error": None,
    }  # fmt: skip
    shown = said(list(status.facts_of_fleet(waits)))
    assert "h1" in shown
    assert "56" in shown
    assert "mailed from here" not in shown
    by_itself = waits | {"state": "by_itself", "error": "n1:4222: no route"}
    assert "mailed from here: n1:4222: no route" in said(list(status.facts_of_fleet(by_itself)))
    works = waits | {
        "works": True, "backlog": {"messages": 12}, "no_room": "the disk is full", "waiting": 34,
        "members": [{"silent": True}, {"silent": False}],
    }  # fmt: skip
    shown = said(list(status.facts_of_fleet(works)))
    for part in ("12", "34", "the disk is full", "2", "1"):
        assert part in shown
