"""A fleet in memory: as many members as one likes, two hubs, and the engine between them, in time
that passes as fast as it is counted.

What decides is the real thing: letters, leases, who is cut off and who is silent, what waits at a
hub, what hubs share, and routing. Modelled are what carries it out (disks, which keep all that is
put on them; latencies) and the engine, as docs/fleet.md and tests/e2e/test_fleet.py say of it: most
of its nodes are on one side of a cut, and only who reaches these publishes, fetches, acknowledges.
"""

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec import structs

from tests.support.routed import Book, Made
from zaiond import wire
from zaiond.config.schema import Config
from zaiond.delivery import handing_on
from zaiond.fleet import arrived, hand_over, letter, members, roll
from zaiond.fleet.backlog import Backlog, Waiting
from zaiond.fleet.cut_off import CutOff, Heard
from zaiond.fleet.intake import BATCH, BATCH_BYTES
from zaiond.fleet.lease import Found, Lease
from zaiond.fleet.machines import Machines
from zaiond.fleet.member import ALIVE, LOOK
from zaiond.fleet.shared import Shared
from zaiond.model import NewEvent, StoredEvent
from zaiond.routing.due import reconsider
from zaiond.routing.matcher import RoutingTable

START = 1_700_000_000.0
SLOWEST = 2.0  # seconds that a disk or the network takes
NO_ANSWER = 5.0  # seconds after which who publishes gives up
FALLBACK, GRACE = 600.0, 600.0  # fallback_after, member_grace
UID = 1000


class Engine:
    """A stream with one consumer, and a bucket."""

    def __init__(self) -> None:
        self.stream: dict[int, letter.Packed] = {}
        self.bucket: dict[str, bytes] = {}
        self.lease: Found | None = None
        self.epoch = 0  # of the hub whose consumer it is
        self._sequence = count(1)
        self._undelivered: deque[int] = deque()

    def publish(self, packed: letter.Packed) -> None:
        """A repeat, too: it knows none."""
        sequence = next(self._sequence)
        self.stream[sequence] = packed
        self._undelivered.append(sequence)

    def write_lease(self, hub: str, run: str, revision: int) -> int | None:
        """Its new revision, where this one is there."""
        if revision != (0 if self.lease is None else self.lease.revision):
            return None
        self.lease = Found(hub, revision + 1, run)
        return revision + 1

    def consume(self, epoch: int) -> None:
        """A new consumer in the place of the one that there is: all comes again."""
        self.epoch = epoch
        self._undelivered = deque(self.stream)

    def fetch(self, epoch: int, most: int) -> list[tuple[int, letter.Packed]]:
        found: list[tuple[int, letter.Packed]] = []
        while epoch == self.epoch and self._undelivered and len(found) < most:
            sequence = self._undelivered.popleft()
            found.append((sequence, self.stream[sequence]))
        return found

    def acknowledge(self, epoch: int, sequences: list[int]) -> None:
        if epoch == self.epoch:
            for sequence in sequences:
                self.stream.pop(sequence, None)


class Machine:
    """What members and hubs have in common: a disk, and a routing of their own. What such a machine
    has yet to do is forgotten when it is killed, and late when it was asleep.
    """

    def __init__(self, world: "World", name: str) -> None:
        self.world, self.name = world, name
        self.book = Book(world.table, world.now)
        self.stored: list[StoredEvent] = []  # by their places in the book
        self.run = 0
        self.is_up = True
        self.is_asleep = False
        self._late: list[Callable[[], None]] = []

    def soon(self, what: Callable[[], None], seconds: float | None = None) -> None:
        """Does it after so many seconds; None: when a disk or the network is done."""
        run, world = self.run, self.world

        def done() -> None:
            if run == self.run and self.is_up:
                self._late.append(what) if self.is_asleep else what()

        late = world.luck.uniform(0, SLOWEST) if seconds is None else seconds
        world.at(world.now + late, done)

    @property
    def reaches(self) -> bool:
        return self.name not in self.world.cut_since

    def keep_time(self) -> None:
        """What is due by now is done; if it could be, in its time."""
        if self.is_up and not self.is_asleep:
            self.book.wait(self.world.now - self.book.now, is_awake=True)

    def tell(self, stored: StoredEvent) -> None:
        """An event is on disk, and routed."""
        self.keep_time()
        self.stored.append(stored)
        event = wire.complete(
            stored.body, id=stored.id, uid=stored.uid, accepted=stored.accepted,
            notice=stored.notice,
        )  # fmt: skip
        self.book.tell(**structs.asdict(event))

    def kill(self) -> None:
        self.keep_time()
        self.is_up, self.is_asleep = False, False
        self.run += 1
        self._late.clear()

    def start(self) -> None:
        self.is_up, self.book.now = True, self.world.now
        self.book.restart()
        self.book.look()

    def sleep(self) -> None:
        self.keep_time()
        self.is_asleep = self.is_up

    def wake(self) -> None:
        if self.is_asleep:
            self.is_asleep, self.book.now = False, self.world.now
            self.book.look()
            late, self._late = self._late, []
            for what in late:
                what()

    def under_way(self) -> set[str]:
        """The ids of what may be in two places if something happens to this machine now."""
        raise NotImplementedError

    def link_changed(self) -> None:
        """It is cut off, or connected again."""

    def message_id(self, stored: StoredEvent, *of: str) -> str:
        raise NotImplementedError


class Member(Machine):
    def __init__(self, world: "World", name: str) -> None:
        super().__init__(world, name)
        self.waiting: dict[str, tuple[StoredEvent, bytes]] = {}  # letters on its disk
        self.flying: set[str] = set()
        self.state = CutOff(world.now)
        self.cut_offs: list[float] = []  # when it told that it is cut off
        self.backs = 0
        self._looks = False

    def message_id(self, stored: StoredEvent, *of: str) -> str:
        return letter.message_id(self.name, stored.uid, stored.source, stored.id, False, *of)

    def emit(self, **attributes: Any) -> None:
        """A program says it again until it is taken."""
        if not self.is_up or self.is_asleep:
            self.world.at(self.world.now + 1, lambda: self.emit(**attributes))
            return
        now = self.world.now
        line = msgspec.json.encode(attributes)
        made = wire.new_event(line, UID, now, lambda: "")
        assert isinstance(made, tuple), made
        self.world.accepted[made[0]] = now, self.name
        if "status" in attributes:
            self.world.said[self.name, attributes["key"]] = made[0], attributes["status"]
        stored = StoredEvent(0, *made[:5], *made[5:])
        self.waiting[stored.id] = stored, hand_over.keep(stored, "operator")
        if self.state.hands_on:
            self._tell_end(stored)
            self._send()
        else:
            self._by_itself(stored.id)

    def _tell_end(self, stored: StoredEvent) -> bool:
        """Tells of the end of a problem that was told of from here; says whether it is an end."""
        of = stored.id, stored.uid, stored.accepted
        event = wire.complete(stored.body, id=of[0], uid=of[1], accepted=of[2])
        if handing_on.ends_here(event, self.book.state):
            self.world.told_by_both.add(stored.id)
            self.tell(stored)
        return handing_on.says_an_end(event)

    def _by_itself(self, id_: str) -> None:
        """What waits is told from here; the hubs hear of ends all the same."""
        if not self._tell_end(self.waiting[id_][0]):
            self.tell(self.waiting.pop(id_)[0])

    def _send(self) -> None:
        """Many side by side; of one key one after the other."""
        lanes = {self.waiting[id_][0].lane for id_ in self.flying} - {None}
        for id_, (stored, _) in self.waiting.items():
            if len(self.flying) >= hand_over.SIDE_BY_SIDE:
                break
            if id_ not in self.flying and stored.lane not in lanes:
                lanes |= {stored.lane} - {None}
                self.flying.add(id_)
                self.soon(lambda id_=id_: self._publish(id_))  # type: ignore[misc]
        self._look_soon()

    def _publish(self, id_: str) -> None:
        world = self.world
        if not self.reaches:
            self.soon(lambda: self._no_answer(id_), NO_ANSWER)
            return
        world.engine.publish(hand_over.pack(self.waiting[id_][1], self.name))
        world.published()
        self.soon(lambda: self._answer(id_))

    def _answer(self, id_: str) -> None:
        if not self.reaches:
            self._no_answer(id_)
            return
        self._hear(self.state.event_taken(self.world.now))
        self.flying.discard(id_)
        del self.waiting[id_]
        self._send()

    def _no_answer(self, id_: str) -> None:
        self.state.failed("silent")
        self.flying.discard(id_)
        if not self.state.hands_on:
            self._by_itself(id_)

    def _hear(self, heard: Heard) -> None:
        if heard.hands_on:
            self._send()
        self.backs += heard.over

    def _look_soon(self) -> None:
        is_wrong = self.waiting or self.state.mode != "handing_on" or not self.reaches
        if is_wrong and not self._looks:
            self._looks = True
            self.soon(self._look, LOOK)

    def _look(self) -> None:
        """As `Member._work` and `_look` of zaiond.fleet.member do."""
        self._looks = False
        now, state = self.world.now, self.state
        if self.reaches and state.mode != "handing_on":
            self._hear(state.word_taken(now))
        elif not self.reaches:
            state.failed("silent")
        age = now - next(iter(self.waiting.values()))[0].accepted if self.waiting else None
        if state.is_due(now, age, FALLBACK):
            if state.cut():
                self.cut_offs.append(now)
            for id_ in [each for each in self.waiting if each not in self.flying]:
                self._by_itself(id_)
        if state.hands_on and self.reaches:
            self._send()
        self._look_soon()

    def link_changed(self) -> None:
        self._look_soon()

    def kill(self) -> None:
        super().kill()
        self.flying.clear()
        self._looks = False

    def start(self) -> None:
        super().start()
        self.state = CutOff(self.world.now, told=not self.state.hands_on)
        self._send()

    def under_way(self) -> set[str]:
        return set(self.flying)


class Hub(Machine):
    """`acknowledges_early`: before the commit, as none may."""

    def __init__(self, world: "World", name: str, *, acknowledges_early: bool) -> None:
        super().__init__(world, name)
        self.machines = Machines({})  # kept on disk before any event
        self.lease = Lease(name, world.now)
        self.fetched: dict[int, str] = {}  # not acknowledged: the ids by sequence
        self._early = acknowledges_early
        self._known: set[tuple[str, int, str]] = set()  # its store's index
        self._works_by: tuple[int, bool] = (0, False)  # epoch, and whether it is connected
        self._backlog = Backlog()
        self._heard_since = world.now
        self._known_run = ""  # on disk
        self._begin()

    def message_id(self, stored: StoredEvent, *of: str) -> str:
        return self.machines.message_id(self.name, stored, *of)

    def _begin(self) -> None:
        self._shared = Shared(self.book.state, self.machines)
        self._stand_by()
        self.soon(self._lease_step, 0)
        self.soon(self._look, members.LOOK)

    @property
    def works(self) -> bool:
        return self.is_up and self.lease.holds(self.world.now)

    def _lease_step(self) -> None:
        lease, engine, now = self.lease, self.world.engine, self.world.now
        step = lease.step(now)
        if not self.reaches:
            lease.unanswered(now)
        elif step == "look":
            before = lease.holder
            lease.saw(engine.lease, now)
            if lease.holder not in ("", before):
                self._shared.forget()
                self._reconsider()
        else:
            run = lease.run_now(f"{self.name}/{now}")
            if (written := engine.write_lease(self.name, run, lease.revision)) is None:
                lease.lost(now)
            else:
                lease.wrote(written, now)
        works_by = lease.epoch, self.reaches
        if works_by != self._works_by:
            self._works_by, (was, _) = works_by, self._works_by
            if was and was != lease.epoch:
                self._stand_by()
            if all(works_by):
                self._work(is_new=was != lease.epoch)
        self.soon(self._lease_step, max(0.0, lease.next_at - now))

    def _stand_by(self) -> None:
        self._backlog, self.fetched = Backlog(), {}
        self.book.state.begin_anew(stands_by=True)

    def _reconsider(self) -> None:
        """As the scheduler does when routing remembers something else than before."""
        book = self.book
        reconsider(book.table, book.state, book.now)
        book._commit()

    def _work(self, *, is_new: bool) -> None:
        world, state = self.world, self.book.state
        self.keep_time()
        self._heard_since = world.now
        if is_new:
            if world.engine.bucket and self.lease.run != self._known_run:
                assert self._shared.adopt(world.engine.bucket) == 0
            else:
                self._shared.keep(world.engine.bucket)
            self.book._commit()
            self._known_run = self.lease.run
            state.on_commit = self._shared.note
            state.begin_anew(stands_by=False)
            self._reconsider()
        world.engine.consume(self.lease.epoch)
        self.soon(self.pull)

    def _share(self) -> None:
        if self.reaches and self.works and self._shared.is_changed:
            self.world.engine.bucket |= self._shared.take()

    def pull(self) -> None:
        world, epoch = self.world, self.lease.epoch
        if not (self.reaches and self.works):
            return
        for sequence, packed in world.engine.fetch(epoch, BATCH):
            found = arrived.event_of(*packed, self.machines, world.now, "en")
            assert found.event[0] in world.accepted
            self.fetched[sequence] = found.event[0]
            if not self._backlog.knows(sequence, str(epoch)):
                self._backlog.add(Waiting(sequence, found.machine, found.event), str(epoch))
        if self._early:
            world.engine.acknowledge(epoch, list(self.fetched))
        self.soon(self._commit)

    def _commit(self) -> None:
        """One batch; the rest in further ones."""
        if not self.works:
            return
        batch = self._backlog.first(BATCH, BATCH_BYTES, lambda _: True)
        for one in batch:
            self._take(one.event)
        self._backlog.taken(batch)
        if batch:
            done, epoch = [one.sequence for one in batch], self.lease.epoch
            self.soon(lambda: self._acknowledge(epoch, done))
            self.soon(self._commit)

    def _take(self, event: NewEvent) -> None:
        id_, uid, source, accepted, line, *_ = event
        if (id_, uid, source) not in self._known:
            self._known.add((id_, uid, source))
            self.tell(StoredEvent(0, id_, uid, source, accepted, line))

    def _acknowledge(self, epoch: int, done: list[int]) -> None:
        self._share()
        if self.reaches and epoch == self.lease.epoch:
            self.world.engine.acknowledge(epoch, done)
            self._backlog.acknowledged(done)
            for sequence in done:
                self.fetched.pop(sequence, None)

    def _look(self) -> None:
        """Who of the members is silent, as `Members` tells it."""
        now, world = self.world.now, self.world
        problems = self.book.state.problems
        silent = {
            problem.key for problem in problems.values() if problem.type == roll.SILENT
        }  # fmt: skip
        if self.works and self.reaches and (world.cut_since or silent):
            words = {name: roll.Word(world.heard_at(name)) for name in world.members}
            for one in roll.news(words, silent, now, self._heard_since, GRACE):
                uid = self.machines.uid(one.machine, None, "")
                assert uid is not None
                self._take(roll.event(one, uid, now, "en"))
            self._share()
        self.soon(self._look, members.LOOK)

    def kill(self) -> None:
        super().kill()
        self.fetched = {}

    def start(self) -> None:
        super().start()
        self.lease = Lease(self.name, self.world.now, self._known_run)
        self._works_by = (0, False)
        self._begin()

    def under_way(self) -> set[str]:
        return set(self.fetched.values())


class World:
    """All of them, and the time. `twice_allowed`: what was under way at an incident."""

    def __init__(
        self, config: Config, luck: random.Random, number: int, *, acknowledges_early: bool = False
    ) -> None:
        self.now, self.luck, self.table = START, luck, RoutingTable(config)
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self.engine = Engine()
        self.cut_since: dict[str, float] = {}  # by machine that does not reach most of the nodes
        self.accepted: dict[str, tuple[float, str]] = {}  # when and by whom, by id
        self.twice_allowed: set[str] = set()
        self.told_by_both: set[str] = set()
        # By machine and key the id of what was last said of it, and the status.
        self.said: dict[tuple[str, str], tuple[str, str]] = {}
        self.members = {name: Member(self, name) for name in (f"m{n}.jp" for n in range(number))}
        self.hubs = [
            Hub(self, name, acknowledges_early=acknowledges_early) for name in ("h1.jp", "h2.jp")
        ]

    @property
    def machines(self) -> Iterator[Machine]:
        yield from self.members.values()
        yield from self.hubs

    def at(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (when, next(self._order), what))

    def pass_until(self, when: float) -> None:
        while self._heap[0][0] <= when:
            self.now, _, what = heapq.heappop(self._heap)
            what()
        self.now = when

    def published(self) -> None:
        for hub in self.hubs:
            if hub.works:
                hub.soon(hub.pull)

    def heard_at(self, member: str) -> float:
        """When the last word of a member came."""
        cut = self.cut_since.get(member, self.now)
        return cut - cut % ALIVE

    # -- incidents

    def incident(self, *machines: Machine) -> None:
        """What is under way there now may come twice."""
        for machine in machines:
            self.twice_allowed |= machine.under_way()

    def kill(self, machine: Machine, seconds: float) -> None:
        if machine.is_up:
            self.incident(machine)
            machine.kill()
            self.at(self.now + seconds, machine.start)

    def put_to_sleep(self, machine: Machine, seconds: float) -> None:
        if machine.is_up and not machine.is_asleep:
            self.incident(machine)
            machine.sleep()
            self.at(self.now + seconds, machine.wake)

    def cut(self, machines: list[Machine], seconds: float) -> None:
        mine = [machine for machine in machines if machine.reaches]
        self.incident(*mine)
        for machine in mine:
            self.cut_since[machine.name] = self.now
            machine.link_changed()

        def mend() -> None:
            for machine in mine:
                del self.cut_since[machine.name]
                machine.link_changed()

        self.at(self.now + seconds, mend)

    # -- what has to hold

    def mails(self) -> Iterator[tuple[Machine, Made, list[StoredEvent]]]:
        for machine in self.machines:
            for mail in machine.book.made:
                yield machine, mail, [machine.stored[seq] for seq in mail.events]

    def check(self) -> None:
        """Each event is in one place: on its member's disk, in the stream, at a hub or in a mail of
        whoever told of it; in two only what was under way.
        """
        places: Counter[str] = Counter()
        for member in self.members.values():
            places.update(list(member.waiting))
        places.update(unquote(one.headers[letter.ID]) for one in self.engine.stream.values())
        for machine in self.machines:
            machine.keep_time()
            places.update(stored.id for stored in machine.stored)  # Book.check knows where
        lost = self.accepted.keys() - places.keys()
        assert not lost, f"lost: {sorted(lost)}"
        now = set().union(*(machine.under_way() for machine in self.machines))
        allowed = self.twice_allowed | self.told_by_both | now
        twice = {id_ for id_, number in places.items() if number > 1 and id_ in self.accepted}
        assert twice <= allowed, sorted(twice - allowed)

    def check_end(self) -> set[str]:
        """All has ended, and nothing comes twice but what was under way, with one Message-ID if it
        is told of alone. Gives what came twice.
        """
        self.check()
        assert not self.engine.stream
        assert not any(member.waiting for member in self.members.values())
        told: Counter[str] = Counter()
        ended: set[str] = set()
        ids: dict[tuple[str, str], set[str]] = {}
        for machine, mail, events in self.mails():
            told.update(stored.id for stored in events)
            if mail.routing.kind == "event" and len(events) == 1:
                (stored,) = events
                of = mail.routing.route, mail.routing.kind, ",".join(mail.routing.recipients or ())
                made = machine.message_id(stored, *of, "")
                ids.setdefault((stored.id, mail.routing.route), set()).add(made)
        for machine in self.machines:
            machine.book.check()
            # What waits on is only what was reported again of a problem that is open there.
            state = machine.book.state
            waiting = [group for group in state.groups.values() if group.is_pending]
            assert {group.kind for group in waiting} <= {"problem"}
            assert {group.problem for group in waiting} <= state.problems.keys()
            for seq in {*machine.book.ended}.union(*machine.book.coming.values()):
                ended.add(machine.stored[seq].id)
        assert self.accepted.keys() <= told.keys() | ended
        self._check_problems()
        twice = {id_ for id_, number in told.items() if number > 1 and id_ in self.accepted}
        assert twice <= self.twice_allowed | self.told_by_both
        assert all(len(each) == 1 for each in ids.values())
        return twice

    def _check_problems(self) -> None:
        """What is open is what was last said to be, at the hub that works or, of what it told, at
        its member; but for what was under way."""
        (hub,) = [hub for hub in self.hubs if hub.works]
        of_hub = hub.book.state.problems.values()
        known = {(hub.machines.machine_of(one.uid) or "", one.key) for one in of_hub}
        for member in self.members.values():
            known |= {(member.name, one.key) for one in member.book.state.problems.values()}
        is_open = {of for of, (_, status) in self.said.items() if status == "problem"}
        wrong = {self.said[of][0] for of in known ^ is_open}
        assert wrong <= self.twice_allowed, sorted(wrong - self.twice_allowed)
