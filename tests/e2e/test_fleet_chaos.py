"""Four members, two hubs and three nodes, while nodes, hubs, members and links are killed, stopped
and cut at random, also two in turn: each event is mailed; what comes twice has one Message-ID.

`make fleet-chaos` does it with 20,000 events, and says what it did (pytest's -rP).
"""

import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.daemon import EndedBeforeReadyError
from tests.support.fast_sink import Arrival
from tests.support.fleet import Fleet, Machine, Program
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("fleet")
EVENTS = int(os.environ.get("ZAIOND_FLEET_EVENTS", "2000"))  # at least
RATE = float(os.environ.get("ZAIOND_FLEET_RATE", "60"))  # events a second, of all members
SEED = int(os.environ.get("ZAIOND_FLEET_SEED", str(random.randrange(10**6))))
ROUNDS = 2  # of all kinds of incidents, at least
AT_ONCE = 2  # incidents
ALL_WITHIN = 150.0  # seconds behind the last incident; a bound for what hangs
TAKEN_OVER_WITHIN = 30.0  # interface 11
FALLBACK = 8
# Seconds in which what a mail was made of is acknowledged, and its end is on disk.
SETTLED = 2.0
ELECTION = 10.0  # seconds that nats-server's nodes take to elect another leader: 4 to 9
ROOT = Path(__file__).parents[2]


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="zaiond-", dir="/tmp") as directory:
        yield Path(directory)


class Incident(NamedTuple):
    """What happens to which node or machine, how long it lasts in seconds, and how it ends."""

    of: str
    seconds: float
    begin: Callable[[], object]
    end: Callable[[], object]


def _killed(machine: Machine, seconds: float) -> Incident:
    return Incident(machine.name, seconds, machine.daemon.kill, machine.daemon.start)


def _stopped(machine: Machine, seconds: float) -> Incident:
    daemon = machine.daemon
    return Incident(
        machine.name,
        seconds,
        lambda: daemon.process.send_signal(signal.SIGSTOP),
        lambda: daemon.process.send_signal(signal.SIGCONT),
    )


def _node_killed(fleet: Fleet, luck: random.Random) -> Incident:
    node = luck.choice(fleet.nats.nodes)
    return Incident(node.name, luck.uniform(0.5, 6), node.kill, node.start)


def _node_stopped(fleet: Fleet, luck: random.Random) -> Incident:
    node = luck.choice(fleet.nats.nodes)
    return Incident(node.name, luck.uniform(1, 8), node.stop, node.go_on)


def _hub(fleet: Fleet, luck: random.Random) -> Machine:
    """Most times the one that works."""
    return fleet.mailed_last() if luck.random() < 0.8 else luck.choice(fleet.hubs)


def _cut(machine: Machine, luck: random.Random) -> Incident:
    return Incident(machine.name, luck.uniform(0.5, 1.5 * FALLBACK), machine.cut, machine.mend)


def _silent(machine: Machine, luck: random.Random) -> Incident:
    return Incident(machine.name, luck.uniform(0.5, 2 * FALLBACK), machine.silence, machine.mend)


KINDS: dict[str, Callable[[Fleet, random.Random], Incident]] = {
    "node killed": _node_killed,
    "node stopped": _node_stopped,
    "hub killed": lambda fleet, luck: _killed(_hub(fleet, luck), luck.uniform(0, 5)),
    # A lease is over after 15 s, and the other one looks every 2 s.
    "hub stopped past its lease": lambda fleet, luck: _stopped(
        fleet.mailed_last(), luck.uniform(17.5, 22)
    ),
    "member killed": lambda fleet, luck: _killed(luck.choice(fleet.members), luck.uniform(0, 5)),
    "member stopped": lambda fleet, luck: _stopped(luck.choice(fleet.members), luck.uniform(1, 5)),
    "hub's link cut": lambda fleet, luck: _cut(_hub(fleet, luck), luck),
    "hub's link silent": lambda fleet, luck: _silent(_hub(fleet, luck), luck),
    "member's link cut": lambda fleet, luck: _cut(luck.choice(fleet.members), luck),
    "member's link silent": lambda fleet, luck: _silent(luck.choice(fleet.members), luck),
}


class Told(NamedTuple):
    """An incident that was: it `began`, was there from `begun` on, and `ended`, by the monotonic
    clock. `within`: it began while another one lasted.
    """

    kind: str
    of: str
    within: bool
    began: float
    begun: float
    ended: float

    def doubles(self, sent: float, first: Arrival, again: Arrival) -> bool:
        """Whether it may be that an event, first `sent` at that time, comes twice because of it.

        It must have been under way at the incident: from `sent` on until shortly after its first
        mail. How it comes twice, the two that mailed it tell:

        - One machine: it was killed after the final dot, before that was on its disk.
        - A member and a hub: the member was not told that it had handed it on. Its own incident, or
          one of a node.
        - Two hubs: the first one was not heard acknowledging it. Its incident, or one of a node; or
          the member's, which handed it on again when another hub worked.

        What is sent when an incident is there can't be doubled by it, but by a node's: until the
        nodes have a leader again.
        """
        if first.by == again.by:
            dot = self.began - SETTLED <= first.at <= self.begun + SETTLED
            return self.kind.endswith("killed") and self.of == first.by and dot
        of_node = self.kind.startswith("node")
        if sent > (self.ended + ELECTION if of_node else self.begun):
            return False
        if first.at + SETTLED < self.began:
            return False
        sender = first.event.partition("/")[0]
        if of_node or self.of == sender:
            return True
        return sender not in (first.by, again.by) and self.kind.startswith("hub")


class Chaos:
    """Incidents of all kinds, a round of them after the other in any order, at most two at a time
    and never two of one node or machine; until `goes_on` says no, of the number of rounds that are
    through. `run` gives all that was.
    """

    def __init__(self, fleet: Fleet, luck: random.Random) -> None:
        self._fleet, self._luck = fleet, luck
        self._next: list[str] = []
        self._lasting: list[tuple[float, Incident, Told]] = []  # with its end, as it is to be
        self._told: list[Told] = []

    def run(self, goes_on: Callable[[int], bool]) -> list[Told]:
        rounds, due = -1, 0.0
        while True:
            for one in [one for one in self._lasting if one[0] <= time.monotonic()]:
                self._end(*one)
            if not self._next:
                rounds += 1
                if goes_on(rounds):
                    self._next = self._luck.sample(list(KINDS), len(KINDS))
                elif not self._lasting:
                    return self._told
            if len(self._lasting) < AT_ONCE and time.monotonic() >= due and self._begin():
                due = time.monotonic() + self._luck.uniform(0, 4)
            time.sleep(0.02)  # chaos keeps its own time, whatever the fleet does

    def _begin(self) -> bool:
        """Begins the next one that is of nobody of whom one lasts; False: there is none."""
        busy = {one.of for _, one, _ in self._lasting}
        for kind in self._next:
            one = KINDS[kind](self._fleet, self._luck)
            if one.of not in busy:
                began = time.monotonic()
                one.begin()
                begun = time.monotonic()
                told = Told(kind, one.of, bool(busy), began, begun, 0.0)
                self._lasting.append((begun + one.seconds, one, told))
                self._next.remove(kind)
                return True
        return False

    def _end(self, at: float, one: Incident, told: Told) -> None:
        self._lasting.remove((at, one, told))
        one.end()
        self._told.append(told._replace(ended=time.monotonic()))


def all_mailed(fleet: Fleet, programs: list[Program]) -> None:
    """Waits until each event that was taken is in a mail."""
    taken = {id_ for program in programs for id_ in program.taken}

    def lost() -> set[str]:
        return taken - fleet.mailed()

    def complaint() -> str:
        return f"seed {SEED}: {len(lost())} not mailed: {sorted(lost())[:20]}\n{fleet.status()}"

    until(lambda: not lost(), complaint, ALL_WITHIN)


def of_programs(fleet: Fleet) -> dict[str, list[Arrival]]:
    """The mails about the events of programs that were mailed more than once. (What members tell of
    themselves has ids that are theirs alone.)"""
    return {event: mails for event, mails in fleet.twice().items() if event.startswith("m")}


def differing(fleet: Fleet) -> dict[str, list[Arrival]]:
    """Those of them that have several Message-IDs."""
    return {
        event: mails
        for event, mails in of_programs(fleet).items()
        if len({one.message_id for one in mails}) > 1
    }


def unexplained(fleet: Fleet, programs: list[Program], told: list[Told]) -> dict[str, str]:
    """The events that came twice though they were not under way at an incident that explains it,
    and what came when."""
    sent = {event: at for program in programs for event, at in program.sent.items()}
    found = {}
    for event, mails in of_programs(fleet).items():
        pairs = [(first, again) for n, again in enumerate(mails) for first in mails[:n]]
        last = {again for _, again in pairs}
        explained = {
            again
            for first, again in pairs
            for one in told
            if one.doubles(sent[event], first, again)
        }
        if last - explained:
            when = "; ".join(f"by {one.by} at {one.at:.2f}" for one in mails)
            found[event] = f"sent at {sent[event]:.2f}: {when}"
    return found


def said(fleet: Fleet, told: list[Told], programs: list[Program]) -> str:
    """What there was: incidents of each kind, and who mailed how much, and what twice."""
    kinds = Counter(one.kind for one in told)
    kinds["two in turn"] = sum(one.within for one in told)
    by = Counter(one.by for one in fleet.sink.arrivals if one.event.startswith("m"))
    twice = Counter(
        " and ".join(one.by.partition(".")[0] for one in mails)
        for mails in of_programs(fleet).values()
    )
    lines = [
        f"seed {SEED}: {len(told)} incidents, {sum(len(one.taken) for one in programs)} events,"
        f" {twice.total()} of them twice",
        "incidents: " + ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items())),
        "mailed by: " + ", ".join(f"{name} {number}" for name, number in sorted(by.items())),
        "twice by: " + ", ".join(f"{names} {number}" for names, number in sorted(twice.items())),
        *(
            f"{one.began:.2f} to {one.ended:.2f}: {one.kind} ({one.of})"
            for one in sorted(told, key=lambda one: one.began)
        ),
    ]
    return "\n".join(lines)


def test_whatever_is_killed_and_cut_each_event_is_mailed(place: Path) -> None:
    with Fleet(place, fallback_after=f"{FALLBACK}s") as fleet:
        programs = [Program(machine, RATE / len(fleet.members)) for machine in fleet.members]
        for program in programs:
            program.start()

        def goes_on(rounds: int) -> bool:
            assert all(program.is_alive() for program in programs)
            return rounds < ROUNDS or sum(len(program.taken) for program in programs) < EVENTS

        told = Chaos(fleet, random.Random(SEED)).run(goes_on)
        for program in programs:
            program.stop()
        fleet.nats.wait_until_healthy()
        try:
            all_mailed(fleet, programs)
        finally:
            print(said(fleet, told, programs))
        kinds = Counter(one.kind for one in told)
        assert min(kinds[kind] for kind in KINDS) >= ROUNDS
        assert sum(one.within for one in told) >= ROUNDS, "never two in turn"
        assert not differing(fleet)
        assert not unexplained(fleet, programs, told)


def works(fleet: Fleet) -> Machine:
    """The hub that works, once there is one, the other one knows it, and nothing waits for it."""

    def at_rest() -> Machine | None:
        hub, status = fleet.working_hub(), fleet.status()
        if hub is None or not status or status["backlog"]["events"]:
            return None
        known = {(one.daemon.ask("status")["fleet"] or {}).get("hub") for one in fleet.hubs}
        return hub if known == {hub.name} else None

    found = until(at_rest, lambda: f"{fleet.status()}\n{fleet.hubs[0].daemon.printed()}", 60)
    assert found is not None
    return found


def test_the_other_hub_takes_over_and_the_former_one_is_of_no_harm(place: Path) -> None:
    """The hub that works is killed; then the one that took over is stopped beyond its lease, and
    goes on when the first one works again."""
    with Fleet(place, members=1) as fleet:
        (member,) = fleet.members
        for number in range(2):
            hub = works(fleet)
            if number:
                hub.daemon.process.send_signal(signal.SIGSTOP)
            else:
                hub.daemon.kill()
            began = time.monotonic()
            member.daemon.emit({"type": "a.b", "id": f"e{number}"})
            until(
                lambda: f"e{number}" in fleet.mailed(),  # noqa: B023
                lambda: str(fleet.status()),
                TAKEN_OVER_WITHIN,
            )
            print(f"taken over and mailed after {time.monotonic() - began:.1f} s")
            if number:
                hub.daemon.process.send_signal(signal.SIGCONT)
            else:
                hub.daemon.start()
        member.daemon.emit(*({"type": "a.b", "id": f"f{n}"} for n in range(50)))
        wanted = {f"f{n}" for n in range(50)}
        until(lambda: wanted <= fleet.mailed(), lambda: str(fleet.status()))
        works(fleet)
        assert not fleet.twice()


def test_every_member_mails_by_itself_when_all_are_cut_off(place: Path) -> None:
    with Fleet(place, fallback_after="5s") as fleet:
        names = {machine.name for machine in fleet.members}

        def mailed(ids: set[str]) -> set[tuple[str, str]]:
            """By whom, once all are."""
            until(lambda: ids <= fleet.mailed(), lambda: str(ids - fleet.mailed()), 60)
            return {(one.event, one.by) for one in fleet.sink.arrivals if one.event in ids}

        for machine in fleet.machines:
            machine.silence()
        for machine in fleet.members:
            machine.daemon.emit({"type": "a.b", "id": machine.name})
        assert mailed(names) == {(name, name) for name in names}
        for machine in fleet.machines:
            machine.mend()
        for machine in fleet.members:
            until(
                lambda: machine.daemon.ask("status")["fleet"]["state"] == "handing_on",  # noqa: B023
                lambda: machine.daemon.printed(),  # noqa: B023
                60,
            )
            machine.daemon.emit({"type": "a.b", "id": f"{machine.name} again"})
        again = {f"{name} again" for name in names}
        assert {by for _, by in mailed(again)} <= {hub.name for hub in fleet.hubs}
        assert not differing(fleet)


# Kills the hub as soon as it has got some messages, before they are on its disk.
KILLED = """
import os, signal
from zaiond.fleet import consumer
real = consumer.Pull.next
async def killed(self, seconds):
    found = await real(self, seconds)
    if found:
        {early}
        os.kill(os.getpid(), signal.SIGKILL)
    return found
consumer.Pull.next = killed
from zaiond.daemon.main import main
main()
"""
EARLY = "await consumer.acknowledge(self._connection, [one.reply for one in found])"


@pytest.mark.parametrize("early", [False, True])
def test_it_is_the_acknowledgement_after_the_commit_that_loses_nothing(
    place: Path, early: bool
) -> None:
    """The control: a hub that acknowledges before it has an event on disk loses it."""
    with Fleet(place, members=1, fallback_after="1h") as fleet:
        (member,) = fleet.members
        first, second = fleet.hubs
        second.daemon.stop()
        first.daemon.kill()
        code = KILLED.format(early=EARLY if early else "pass")
        second.daemon.program = (sys.executable, "-c", code)
        second.daemon.environment["PYTHONPATH"] = str(ROOT)
        member.daemon.emit(*({"type": "a.b", "id": f"e{n}"} for n in range(20)))
        member.daemon.becomes(lambda queue: not queue["deliveries"], "queue", "list")
        with contextlib.suppress(EndedBeforeReadyError):  # it may be as fast as that
            second.daemon.start()
        assert second.daemon.process.wait(60) == -signal.SIGKILL
        first.daemon.start()
        member.daemon.emit({"type": "a.b", "id": "last"})
        until(lambda: "last" in fleet.mailed(), lambda: str(fleet.status()), 60)
        wanted = {f"e{n}" for n in range(20)}
        if early:
            until(lambda: fleet.status()["backlog"]["events"] == 0, lambda: str(fleet.status()))
            assert wanted - fleet.mailed()
        else:
            until(lambda: wanted <= fleet.mailed(), lambda: str(wanted - fleet.mailed()), 60)
