"""A fleet of 200 members, of which this machine can't run so many: days of events, a storm and a
cut between two halves, by the model of tests/support/fleet_model.py.

`make fuzz` has more days.
"""

import random
import re
from pathlib import Path

import pytest

from tests.property.conftest import EXAMPLES
from tests.support.fleet_model import FALLBACK, GRACE, NO_ANSWER, SLOWEST, START, World
from tests.support.routed import configured
from zaiond.config.schema import Config
from zaiond.fleet import roll
from zaiond.fleet.member import LOOK

MEMBERS = 200
EACH = 40  # events of a member in a day
DAY, HOUR = 86400.0, 3600.0
TAKEN_OVER_WITHIN = 30.0  # interface 11
DOCUMENT = Path(__file__).parents[2] / "docs/fleet.md"
SWITCH = {"type": "network.switch", "key": "switch/core1", "severity": "err"}


def recommended(more: str = "") -> Config:
    """The routes that docs/fleet.md recommends for a fleet."""
    blocks = re.findall(r"^```yaml hub\n(routes:\n.*?)^```$", DOCUMENT.read_text(), re.M | re.S)
    (routes,) = blocks
    return configured(routes + more)


def a_day(world: World, luck: random.Random, each: int) -> None:
    """Half of the events come just after the hour, as by cron."""
    for member in world.members.values():
        broken: set[str] = set()
        hours = [luck.randrange(24) * HOUR + luck.uniform(0, 5) for _ in range(each // 2)]
        times = sorted([*hours, *(luck.uniform(0, DAY) for _ in range(each - len(hours)))])
        for number, at in enumerate(times):
            event: dict[str, object] = {
                "type": luck.choice(("backup.done", "disk.smart", "login.failed")),
                "id": f"{member.name}/{number}",
                "severity": luck.choice(("info", "warning", "err", "crit")),
            }
            if luck.random() < 0.2:
                key = luck.choice(("a", "b"))
                event |= {"key": key, "status": "ok" if key in broken else "problem"}
                broken ^= {key}
            world.at(START + at, lambda m=member, e=event: m.emit(**e))  # type: ignore[misc]


def incidents(world: World, luck: random.Random, number: int) -> None:
    def one() -> None:
        members = list(world.members.values())
        what = luck.choice(("kill a hub", "a hub sleeps", "kill a member", "cut", "halves"))
        if what == "kill a hub":
            world.kill(luck.choice(world.hubs), luck.choice((1, 20, 2000)))
        elif what == "a hub sleeps":
            world.put_to_sleep(luck.choice(world.hubs), luck.uniform(1, 60))
        elif what == "kill a member":
            world.kill(luck.choice(members), luck.uniform(1, 100))
        elif what == "cut":
            some = luck.sample([*members, *world.hubs], 20)
            world.cut(some, luck.choice((5, 100, 2000)))
        else:
            half = luck.sample(members, len(members) // 2)
            world.cut([*half, luck.choice(world.hubs)], luck.choice((60, 1500)))

    for _ in range(number):
        at = luck.randrange(24) * HOUR + luck.uniform(0, 8)
        world.at(START + luck.choice((at, luck.uniform(0, DAY))), one)


def live_through(world: World, luck: random.Random, each: int, number: int) -> set[str]:
    """A day and what is left of it; gives what came twice."""
    a_day(world, luck, each)
    incidents(world, luck, number)
    for hour in range(0, 25, 2):
        world.pass_until(START + hour * HOUR + 4)
        world.check()
    world.pass_until(START + DAY + 4 * HOUR)
    return world.check_end()


@pytest.mark.parametrize("day", range(max(1, EXAMPLES // 30)))
def test_in_a_day_of_incidents_no_event_is_lost_and_only_what_was_under_way_comes_twice(
    day: int,
) -> None:
    luck = random.Random(day)
    world = World(recommended("route_defaults: {max_mails: null}\n"), luck, MEMBERS)
    twice = live_through(world, luck, EACH, 60)
    assert len(world.accepted) == MEMBERS * EACH
    print(f"{len(twice)} of {len(world.accepted)} twice, {len(world.twice_allowed)} under way")


def test_a_hub_that_acknowledges_before_its_commit_loses_events() -> None:
    """The control."""
    luck = random.Random(1)
    world = World(configured(), luck, 20, acknowledges_early=True)
    with pytest.raises(AssertionError, match="lost: "):
        live_through(world, luck, 200, 200)


def storm(config: Config) -> World:
    """Within a minute each member reports the switch, twice again, and an hour later that it is
    back."""
    luck = random.Random(3)
    world = World(config, luck, MEMBERS)
    for name, member in world.members.items():
        for number, at in enumerate((60, 400, 800, HOUR)):
            status = "ok" if at == HOUR else "problem"
            event = {**SWITCH, "id": f"{name}/{number}", "status": status}
            when = START + at + luck.uniform(0, 60)
            world.at(when, lambda m=member, e=event: m.emit(**e))  # type: ignore[misc]
    world.pass_until(START + 3 * HOUR)
    assert not world.check_end()
    return world


def test_a_switch_that_all_report_is_one_mail_and_one_when_it_is_back() -> None:
    world = storm(recommended())
    down, up = [[stored.id for stored in events] for _, _, events in world.mails()]
    assert sorted(down) == sorted(f"{name}/0" for name in world.members)
    assert set(up) == world.accepted.keys() - set(down)  # and what was reported again


def test_without_that_route_it_is_as_many_as_max_mails_lets_through() -> None:
    assert len(list(storm(configured()).mails())) > 60


@pytest.mark.parametrize("working", [True, False], ids=["the hub that works", "the other hub"])
def test_a_cut_between_two_halves(working: bool) -> None:
    """Half of the members are on the side with the fewer nodes, with one of the hubs."""
    luck = random.Random(4)
    world = World(recommended("route_defaults: {max_mails: null}\n"), luck, MEMBERS)
    members = list(world.members.values())
    cut_off, others = members[: MEMBERS // 2], members[MEMBERS // 2 :]
    for member in members:
        for number in range(20):
            event = {"type": "a.b", "id": f"{member.name}/{number}"}
            at = START + luck.uniform(10, 2 * HOUR)
            world.at(at, lambda m=member, e=event: m.emit(**e))  # type: ignore[misc]
    begins, ends = START + 0.5 * HOUR, START + 1.5 * HOUR
    world.pass_until(begins)
    (hub,) = [hub for hub in world.hubs if hub.works is working]
    world.cut([*cut_off, hub], ends - begins)
    world.pass_until(ends)
    world.check()
    told = {
        stored.id: (mail.at, machine) for machine, mail, all_ in world.mails() for stored in all_
    }
    slow = 6 * SLOWEST + NO_ANSWER
    for id_, (accepted, name) in world.accepted.items():
        if not begins <= accepted < ends - slow - TAKEN_OVER_WITHIN:
            continue
        if world.members[name] in others:  # goes on, by the hub on its side
            at, by = told[id_]
            assert by in world.hubs
            assert at - accepted <= slow + TAKEN_OVER_WITHIN
        elif accepted < ends - FALLBACK - 2 * LOOK - slow:
            at, by = told[id_]
            assert by.name == name
            assert at - accepted <= FALLBACK + LOOK + slow
    world.pass_until(START + 4 * HOUR)
    world.check_end()
    for member in members:
        assert len(member.cut_offs) == member.backs == (member in cut_off)
        assert member.state.mode == "handing_on"
    notices = [
        {stored.body for stored in events}
        for _, mail, events in world.mails()
        if all(stored.id.startswith(roll.SILENT) for stored in events)
    ]
    # One mail that they are silent, one that they are back.
    assert [len(each) for each in notices] == [len(cut_off)] * 2
    assert ends - begins > GRACE
