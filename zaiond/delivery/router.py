"""From accepted events to mails: has them made, and records both in one transaction, so that each
event is always exactly one of waiting, in a message, or dropped.

Events are routed when there is room in the active queue, not before: a long queue stays on
disk as events. What has just been accepted is taken from memory; what wasn't kept there, from disk.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count

from zaiond.delivery.dispatcher import Dispatcher
from zaiond.delivery.ledger import Observer
from zaiond.delivery.mail_maker import MailMaker, complete
from zaiond.delivery.servers import RateCounter
from zaiond.errors import DiskFullError
from zaiond.model import QueuedMail, StoredEvent, WaitingLine
from zaiond.net.machine import MachineNames, TimeZone
from zaiond.routing.route import Dropped
from zaiond.store import events, queue
from zaiond.store.events import Acceptance
from zaiond.store.turns import MOST_OF_A_LANE, Choice, Line, Turns, choose
from zaiond.store.writer import DISK_FULL_PAUSE, Writer
from zaiond.text import Text

KEPT_IN_MEMORY = 1000
KEPT_BYTES = 4 * 1024 * 1024
BATCH = 100
BATCH_BYTES = 1024 * 1024  # of their events
SLICE_BYTES = 64 * 1024  # of the events that become mails in one turn of the loop


class _Memory:
    """The events that wait and were taken in first: all of them up to `through`."""

    def __init__(self, through: int) -> None:
        self.through = through
        self.events: deque[StoredEvent] = deque()
        self._bytes = 0

    def extend(self, events: list[StoredEvent]) -> None:
        """Those that come next."""
        self.events.extend(events)
        self._bytes += _size(events)
        self.through = events[-1].seq

    def has_room_for(self, events: list[StoredEvent]) -> bool:
        """Whether they can be kept, too."""
        return (
            len(self.events) + len(events) <= KEPT_IN_MEMORY
            and self._bytes + _size(events) <= KEPT_BYTES
        )

    def remove(self, gone: Iterable[int]) -> None:
        """These wait no longer."""
        seqs = set(gone)
        while self.events and self.events[0].seq in seqs:
            seqs.discard(self.events[0].seq)
            self._bytes -= len(self.events.popleft().body)
        if seqs:
            self.events = deque(event for event in self.events if event.seq not in seqs)
            self._bytes = _size(self.events)


def _size(events: Iterable[StoredEvent]) -> int:
    return sum(len(event.body) for event in events)


class Router:
    """Takes events in turns over their users, urgent ones first, else in order of acceptance.
    `maker` None: there is no configuration, all waits.
    """

    def __init__(
        self,
        writer: Writer,
        dispatcher: Dispatcher,
        observer: Observer,
        recovered: queue.Recovered,
        turns: Turns,
        names: MachineNames,
    ) -> None:
        self.maker: MailMaker | None = None
        self.routed_through = recovered.routed_through
        self.new_messages = count(recovered.next_message)  # rows of those about to be made
        self.new_deliveries = count(recovered.next_delivery)
        self.lock = asyncio.Lock()  # held while events become mails, or are changed by hand
        self.turns = turns
        self.rate = RateCounter()  # of events accepted
        self._writer = writer
        self._dispatcher = dispatcher
        self._observer = observer
        self._names = names
        self._time_zone = TimeZone()
        self._memory = _Memory(recovered.routed_through)
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
        self._memory = _Memory(self.routed_through)  # all is read from disk again
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
        dispatcher = self._dispatcher
        room = dispatcher.capacity
        # A full batch, or all there is: what is routed together costs one transaction.
        if room >= BATCH or room >= self.turns.total:
            return room, None
        for line in self.turns.waiting:
            if dispatcher.has_few(line):
                return dispatcher.active_queue.capacity_beyond, dispatcher.capacity_of
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
        mails, dropped = done
        if dropped:
            self._observer.events_ended([event for event, _ in dropped])
        await self._dispatcher.add_new(mails)
        return True

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
            alone = _first(known, min(rooms))
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

    async def _route(
        self, choice: Choice
    ) -> tuple[list[QueuedMail], list[tuple[StoredEvent, Text]]] | None:
        """Makes the mails of these events and puts them on disk; None: it is full."""
        maker = await self.maker_now()
        assert maker is not None  # noqa: S101 - once there is one, there always is
        batch = choice.events
        mails: list[QueuedMail] = []
        dropped: list[tuple[StoredEvent, Text]] = []
        made = 0
        for stored in batch:
            if made >= SLICE_BYTES:  # whatever else there is to do comes in between
                await asyncio.sleep(0)
                made = 0
            made += len(stored.body)
            event = complete(stored)
            decision = maker.route(event)
            if isinstance(decision, Dropped):
                dropped.append((stored, decision.reason))
                continue
            parts = maker.parts(self._reached(maker, stored, decision))
            for recipients in parts:
                row, rows = next(self.new_messages), self.new_deliveries
                alone = len(parts) == 1
                mail = maker.make(row, stored, event, recipients, rows, alone=alone)
                # What is before an urgent one in its lane is so, too.
                mail.urgent = mail.urgent or stored.seq in choice.urgent
                mails.append(mail)
        through = self._through(batch)
        route = partial(
            queue.route,
            routed_through=through,
            mails=mails,
            dropped=dropped,
            early=[event.seq for event in batch if event.seq > through],
        )
        self._dispatcher.announce(mails)
        try:
            behind = await self._writer.submit(route)
        except DiskFullError:
            self._dispatcher.announce([])
            return None
        self.routed_through = through
        self._memory.remove(event.seq for event in batch)
        self.turns.gone(batch)
        left = [mail.keeping(lambda d: d.row not in behind) for mail in mails] if behind else mails
        return [mail for mail in left if mail is not None], dropped

    def _through(self, batch: list[StoredEvent]) -> int:
        """Up to where every event is routed, once these are."""
        seqs = {event.seq for event in batch}
        left = (event.seq for event in self._memory.events if event.seq not in seqs)
        return max(self.routed_through, next(left, self._memory.through + 1) - 1)

    def _reached(
        self, maker: MailMaker, stored: StoredEvent, recipients: tuple[str, ...]
    ) -> tuple[str, ...]:
        """The recipients, but for a notice only those who are reached, if there are any."""
        held = self._dispatcher.holds.addresses
        if not (held and stored.notice):
            return recipients
        return tuple(r for r in recipients if maker.address(r) not in held) or recipients


def _first(known: Iterable[StoredEvent], most: int) -> list[StoredEvent]:
    first: list[StoredEvent] = []
    size = 0
    for event in known:
        if len(first) >= most or size >= BATCH_BYTES:
            break
        first.append(event)
        size += len(event.body)
    return first
