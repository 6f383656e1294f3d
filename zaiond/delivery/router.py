"""From accepted events to mails: has them made, and records both in one transaction, so that each
event is always exactly one of waiting, in a message, or dropped.

Events are routed when there is room in the active queue, not before: a long queue stays on
disk as events. What has just been accepted is taken from memory; what wasn't kept there, from disk.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import count

from zaiond.delivery.batch import Batch, Wanted
from zaiond.delivery.dispatcher import Dispatcher
from zaiond.delivery.group_mails import GroupMails, Made
from zaiond.delivery.ledger import Observer
from zaiond.delivery.mail_maker import MailMaker, complete
from zaiond.delivery.memory import Memory
from zaiond.delivery.servers import RateCounter
from zaiond.delivery.ways import Ways
from zaiond.errors import DiskFullError
from zaiond.model import StoredEvent, Usage, WaitingLine
from zaiond.net.machine import MachineNames, TimeZone
from zaiond.routing.state import State
from zaiond.store import events, groups, queue
from zaiond.store.events import Acceptance
from zaiond.store.turns import MOST_OF_A_LANE, Choice, Line, Turns, choose
from zaiond.store.writer import DISK_FULL_PAUSE, Writer

BATCH = 100
BATCH_BYTES = 1024 * 1024  # of their events
SLICE_BYTES = 64 * 1024  # of the events that become mails in one turn of the loop


class Router:
    """Takes events in turns over their users, urgent ones first, else in order of acceptance.
    `maker` None: there is no configuration, all waits. `out`: where mails go. `on_put_off` is
    called when something is due at another time than before, `on_routed` when more is routed.
    """

    def __init__(
        self,
        writer: Writer,
        out: Dispatcher | Ways,
        observer: Observer,
        recovered: queue.Recovered,
        turns: Turns,
        names: MachineNames,
        clock: Callable[[], float],
        queue_time: Callable[[], float],
        remembered: groups.Remembered,
    ) -> None:
        self.maker: MailMaker | None = None
        self.on_put_off: Callable[[], None] = lambda: None
        self.on_routed: Callable[[], None] = lambda: None
        self.routed_through = recovered.routed_through
        self.new_messages = count(recovered.next_message)  # rows of those about to be made
        self.new_deliveries = count(recovered.next_delivery)
        self._clock = clock
        self.state = State(remembered.rows, lambda: next(self.new_messages))
        self.group_mails = GroupMails(
            writer, self.state, self.new_messages, self.new_deliveries, queue_time, clock
        )
        self.group_mails.reconcile(remembered.to_come)
        self.queue_time = queue_time
        self.lock = asyncio.Lock()  # held while events become mails, or are changed by hand
        self.turns = turns
        self.rate = RateCounter()  # of events accepted
        self._writer = writer
        self.out = out
        self._observer = observer
        self._names = names
        self._time_zone = TimeZone()
        self._memory = Memory(recovered.routed_through)
        self._times_accepted = 0
        self._wake = asyncio.Event()
        self._wake.set()

    @property
    def waiting(self) -> int:
        """How many events are not routed yet."""
        return self.turns.total

    def accepted(self, acceptance: Acceptance) -> None:
        """Events that have just been put on disk."""
        new = acceptance.events
        self.rate.count(len(new), time.monotonic())
        self.turns.accepted(new)
        self._times_accepted += 1
        memory = self._memory
        if memory.through == acceptance.previous and memory.has_room_for(new):
            memory.extend(new)
        self._wake.set()

    async def maker_now(self) -> MailMaker | None:
        """Who makes mails, and knows what this machine is called now."""
        if self.maker is None:
            return None
        self._time_zone.refresh()
        names = await self._names.current()
        self.maker.call_machine(*names)  # who is in force now: meanwhile it may be another one
        return self.maker

    def configure(self, maker: MailMaker) -> None:
        """Makes mails by another configuration from now on."""
        self.maker = maker
        self._wake.set()

    def wake(self) -> None:
        """There is room for a mail more, or for many."""
        if self.turns.waiting and self._capacity()[0]:
            self._wake.set()

    def recounted(self, waiting: list[WaitingLine]) -> None:
        """So many events more wait on disk than before, or fewer, and perhaps others."""
        self.turns.recounted(waiting)
        self._memory = Memory(self.routed_through)  # all is read from disk again
        self._wake.set()

    def deleted(self, gone: list[StoredEvent]) -> None:
        """Events that wait no longer; to be called with `lock` held."""
        self._memory.remove(event.seq for event in gone)
        self.turns.gone(gone)

    async def run(self) -> None:
        """Routes whenever there are events, room and a configuration; ends when cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while await self._route_some():
                pass

    def _capacity(self) -> tuple[int, Callable[[Line], int] | None]:
        """For how many mails there is room; where there isn't for many, for how many of which line:
        who has hardly any mail in memory need not wait for the others.
        """
        out = self.out
        room = out.capacity
        # A full batch, or all there is: what is routed together costs one transaction.
        if room >= BATCH or room >= self.turns.total:
            return room, None
        for line in self.turns.waiting:
            if out.has_few(line):
                return out.capacity_beyond, out.capacity_of
        return 0, None

    async def _route_some(self) -> bool:
        if self.maker is None or not self.turns.waiting or not self._capacity()[0]:
            return False
        async with self.lock:
            # Who had the lock may have put mails back on disk: those come in first.
            room, of_line = self._capacity()
            if not room:
                return False
            choice = await self._next(min(BATCH, room), of_line)
            if not choice.events:
                return False
            # Now: what is taken in meanwhile may have earlier turns, and says so.
            self.turns.routed_in_turn(choice.in_turn)
            done = await self._route(choice)
        if done is None:
            self.turns.not_routed(choice.in_turn)
            # Without the lock: an administrator may be about to make room.
            await asyncio.sleep(DISK_FULL_PAUSE)
            return True
        await self.hand_over(done)
        return True

    async def hand_over(self, made: Made) -> None:
        """These mails are on disk, and go out."""
        self.ended((), made.released)
        if len(made.mails) > max(BATCH, self.out.capacity):
            self.out.reload_waiting()  # they come in from disk, as there is room
        else:
            await self.out.add_new(made.mails)

    async def _next(self, most: int, of_line: Callable[[Line], int] | None) -> Choice:
        """The events that are routed next."""
        memory, turns = self._memory, self.turns
        known, beyond = memory.events, turns.total > len(memory.events)
        if beyond and len(known) < BATCH:
            times = self._times_accepted
            through = memory.through
            after = through if known else self.routed_through
            found = await self._writer.submit(
                partial(events.unrouted, after=after, limit=BATCH, size=BATCH_BYTES)
            )
            if memory is not self._memory:
                return Choice([], [], set())
            if memory.through != through:  # some of them have been told of meanwhile
                found = [event for event in found if event.seq > memory.through]
            if found:
                memory.extend(found)
            elif not known and times == self._times_accepted:
                turns.none_waits()  # whatever was counted
        if len(turns.waiting) < 2 and not turns.ahead:
            rooms = [most] if of_line is None else [most, *map(of_line, turns.waiting)]
            alone = memory.first(min(rooms), BATCH_BYTES)
            return Choice(alone, alone, set())
        ahead: list[list[StoredEvent]] = []
        if beyond and turns.ahead:
            find = partial(
                events.unrouted_ahead,
                after=self.routed_through,
                turns=turns.now,
                limit=most,
                of_lane=MOST_OF_A_LANE,
                size=BATCH_BYTES,
            )
            ahead = await self._writer.submit(find)
        return choose(known, ahead, turns.line, most, BATCH_BYTES, of_line)

    async def _route(self, choice: Choice) -> Made | None:
        """Makes the mails of these events and puts them on disk; None: it is full."""
        maker = await self.maker_now()
        assert maker is not None  # noqa: S101 - once there is one, there always is
        batch, now, read = self.batch(maker), self._clock(), 0
        mails, planned = batch.mails, self.state.next_due()
        for stored in choice.events:
            if read >= SLICE_BYTES:  # whatever else there is to do comes in between
                await asyncio.sleep(0)
                read = 0
            read += len(stored.body)
            event = complete(stored)
            decision = maker.decide(stored, event, self.state, now)
            # What is before an urgent one in its lane is so, too.
            batch.add(stored, event, decision, urgent=stored.seq in choice.urgent)
        through = self._through(choice.events)
        steps = batch.steps(self.state.changed_groups(), self.state.changes())
        route = partial(
            queue.route,
            routed_through=through,
            mails=mails,
            ended=batch.ended,
            early=[event.seq for event in choice.events if event.seq > through],
        )
        with self.out.loading_nothing() if batch.wanted else nullcontext():
            self.out.announce(mails)
            try:
                behind, released = (
                    (await self._writer.submit(route), {})
                    if steps is None
                    else await self._writer.submit(partial(groups.route, route=route, steps=steps))
                )
            except DiskFullError:
                self.state.rollback()
                self.out.announce([])
                return None
            self.state.commit()
            self.routed_through = through
            self._memory.remove(event.seq for event in choice.events)
            self.turns.gone(choice.events)
            self.on_routed()
            self.ended(batch.ended)
            left = [m.keeping(lambda d: d.row not in behind) if behind else m for m in mails]
            made = Made([mail for mail in left if mail is not None], released)
            if batch.wanted:
                made.add(await self.make_wanted(maker, batch.wanted))
                made.mails.sort(key=lambda mail: mail.row)
            if self.state.next_due() != planned:
                self.on_put_off()
            return made

    async def make_wanted(self, maker: MailMaker, wanted: Sequence[Wanted]) -> Made:
        """Makes these mails to come, which are on disk; to be called with `lock` held. Where that
        is full, they are due, and the scheduler finds them.
        """
        try:
            return await self.group_mails.make(maker, wanted)
        except DiskFullError:
            for one in wanted:
                self.state.adopt(one.row, one.kept_routing, self._clock())
            return Made([], {})

    def ended(self, ended: Sequence[queue.Ended], released: Usage | None = None) -> None:
        """These events have ended, which is on disk, and what else is released in quotas."""
        if ended:
            self._observer.events_ended([one.event for one in ended])
        if released:
            self._observer.released(released)

    def batch(self, maker: MailMaker) -> Batch:
        """What becomes of some events is collected in it."""
        reached = partial(self.reached, maker)
        return Batch(maker, self.new_messages, self.new_deliveries, reached)

    def _through(self, batch: list[StoredEvent]) -> int:
        """Up to where every event is routed, once these are."""
        seqs = {event.seq for event in batch}
        left = (event.seq for event in self._memory.events if event.seq not in seqs)
        return max(self.routed_through, next(left, self._memory.through + 1) - 1)

    def reached(
        self, maker: MailMaker, stored: StoredEvent, recipients: tuple[str, ...]
    ) -> tuple[str, ...]:
        """The recipients, but for a notice only those who are reached, if there are any."""
        held = self.out.holds.addresses
        if not (held and stored.notice):
            return recipients
        return tuple(r for r in recipients if maker.address(r) not in held) or recipients
