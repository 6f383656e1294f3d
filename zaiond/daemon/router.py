"""From accepted events to mails: asks `routing` where to, `message` for the bytes, and records both
in one transaction, so that each event is always exactly one of waiting, in a message, or dropped.

Events are routed when there is room in the dispatcher's window, not before: a long queue stays on
disk as events. What has just been accepted is taken from memory; what wasn't kept there, from disk.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from msgspec import structs

from zaiond.config.schema import Config
from zaiond.config.values import fill_names
from zaiond.daemon.dispatcher import DISK_FULL_PAUSE, Dispatcher
from zaiond.daemon.window import reduced
from zaiond.errors import DiskFullError
from zaiond.message.address import parse_recipient
from zaiond.message.compose import check_wire, compose, message_id_for
from zaiond.model import URGENT, Event, Message
from zaiond.net.names import Names
from zaiond.routing.route import Dropped, route
from zaiond.store import events, queue
from zaiond.store.events import Acceptance, StoredEvent
from zaiond.store.queue import QueuedDelivery, QueuedMail
from zaiond.store.writer import Writer

KEPT_IN_MEMORY = 1000
BATCH = 100


class MailMaker:
    """Makes mails by one configuration.

    `user_name` gives the name of a uid, '' where it has none; `on_unmade` is told of an event
    whose mail can't be made as it should.
    """

    def __init__(
        self,
        config: Config,
        names: Names,
        make_id: Callable[[], str],
        user_name: Callable[[int], str],
        on_unmade: Callable[[StoredEvent, Exception], None],
    ) -> None:
        self._config = config
        self._make_id = make_id
        self._user_name = user_name
        self._on_unmade = on_unmade
        self.call_machine(names)
        self._addresses: dict[str, str] = {}

    def call_machine(self, names: Names) -> None:
        """This machine has these names now."""
        self._names = names
        host, fqdn = names
        self._sender = fill_names(self._config.sender, host=host, fqdn=fqdn)
        self._prefix = fill_names(self._config.subject_prefix, host=host, fqdn=fqdn)

    def route(self, event: Event) -> Sequence[str] | Dropped:
        """The recipients of the event, as the configuration has them; or why there are none."""
        decision = route(
            event.type,
            admins=self._config.admins,
            notify_backup_auto_update=self._config.notify.backup_auto_update,
        )
        return decision if isinstance(decision, Dropped) else decision.recipients

    def recipients_now(self, event: Event) -> Sequence[str]:
        """Who gets a mail that there is already: no change of the configuration ends one, so where
        nobody would be left it is the admins.
        """
        decision = self.route(event)
        return self._config.admins if isinstance(decision, Dropped) else decision

    @property
    def admins(self) -> list[str]:
        """The envelope addresses of the admins."""
        return [self.address(admin) for admin in self._config.admins]

    def parts(self, recipients: Sequence[str]) -> list[tuple[str, ...]]:
        """The recipients of each mail: addresses that need SMTPUTF8 get one of their own. Where a
        server can't do it, the others must not suffer.
        """
        plain = tuple(r for r in recipients if self.address(r).isascii())
        others = tuple(r for r in recipients if not self.address(r).isascii())
        return [part for part in (plain, others) if part]

    def address(self, recipient: str) -> str:
        """The envelope address of a recipient as the configuration has it."""
        known = self._addresses.get(recipient)
        if known is None:
            known = self._addresses[recipient] = parse_recipient(recipient).address
        return known

    def make(
        self,
        row: int,
        stored: StoredEvent,
        event: Event,
        recipients: tuple[str, ...],
        first_delivery: int,
        message_id: str | None = None,
        *,
        alone: bool = False,
    ) -> QueuedMail:
        """The mail about an event, with its deliveries from row `first_delivery` on; `alone`: it is
        the only one.
        """
        message_id = message_id or message_id_for(self._make_id(), self._names.fqdn)
        try:
            message = self._message(event, recipients, message_id)
        except Exception as error:  # noqa: BLE001 - one event must never stop all the others
            self._on_unmade(stored, error)
            bare = structs.replace(
                event,
                subject=None,
                message=_SEE_HISTORY,
                data={},
                extensions={},
                key=None,
                job=None,
            )
            message = self._message(bare, recipients, message_id)
        deliveries = tuple(
            QueuedDelivery(first_delivery + number, recipient, 0)
            for number, recipient in enumerate(message.recipients)
        )
        return QueuedMail(
            row,
            message,
            deliveries,
            stored.accepted,
            stored.queued,
            stored.notice,
            (stored,),
            urgent=event.severity in URGENT,
            lane=stored.lane and f"{stored.uid} {stored.lane}",
            user=stored.uid,
            alone=alone,
        )

    def _message(self, event: Event, recipients: tuple[str, ...], message_id: str) -> Message:
        names = self._names
        message = compose(
            event,
            recipients=recipients,
            sender=self._sender,
            subject_prefix=self._prefix,
            language=self._config.language,
            charset=self._config.charset,
            message_id=message_id,
            date=event.accepted,
            host=names.host,
            fqdn=names.fqdn,
            user=self._user_name(event.uid),
        )
        check_wire(message.content, smtputf8=message.smtputf8)
        return message


_SEE_HISTORY = "本文を作成できませんでした / This event could not be shown: zaiond-ctl history"


class Router:
    """Takes urgent events first, then the others, in order of acceptance. `maker` None: there is no
    configuration, all waits. `names_now` is asked for this machine's names before mails are made.
    """

    def __init__(
        self,
        writer: Writer,
        dispatcher: Dispatcher,
        on_dropped: Callable[[list[StoredEvent]], None],
        recovered: queue.Recovered,
        waiting: int,
        urgent_waiting: int,
        names_now: Callable[[], Awaitable[Names]],
    ) -> None:
        self.maker: MailMaker | None = None
        self.waiting = waiting  # how many events are not routed yet
        self.routed_through = recovered.routed_through
        self.next_message = recovered.next_message
        self.next_delivery = recovered.next_delivery
        self.lock = asyncio.Lock()  # held while events become mails, or are changed by hand
        self._writer = writer
        self._dispatcher = dispatcher
        self._on_dropped = on_dropped
        self._names_now = names_now
        self.urgent_waiting = urgent_waiting  # how many of those that wait
        self._memory: deque[StoredEvent] = deque()
        self._memory_through = recovered.routed_through
        self._wake = asyncio.Event()
        self._wake.set()

    def accepted(self, acceptance: Acceptance) -> None:
        """Events that have just been put on disk."""
        new = acceptance.events
        self.waiting += len(new)
        self.urgent_waiting += sum(event.urgent for event in new)
        if (
            self._memory_through == acceptance.previous
            and len(self._memory) + len(new) <= KEPT_IN_MEMORY
        ):
            self._memory.extend(new)
            self._memory_through = new[-1].seq
        self._wake.set()

    async def maker_now(self) -> MailMaker | None:
        """Who makes mails, and knows what this machine is called."""
        if self.maker is not None:
            self.maker.call_machine(await self._names_now())
        return self.maker

    def configure(self, maker: MailMaker) -> None:
        """Makes mails by another configuration from now on."""
        self.maker = maker
        self._wake.set()

    def new_message(self) -> int:
        """The row of a message that is about to be made."""
        self.next_message += 1
        return self.next_message - 1

    def new_delivery(self) -> int:
        """The row of a delivery that is about to be made."""
        self.next_delivery += 1
        return self.next_delivery - 1

    def wake(self) -> None:
        """There is room for mails."""
        self._wake.set()

    def recounted(self, waiting: int, urgent: int) -> None:
        """So many events more wait on disk than before, so many of them urgent."""
        self.waiting = max(0, self.waiting + waiting)
        self.urgent_waiting = max(0, self.urgent_waiting + urgent)
        self._wake.set()

    def deleted(self, gone: list[StoredEvent]) -> None:
        """Events that wait no longer; to be called with `lock` held."""
        self._out_of_memory(gone)
        self._count_out(gone)

    def _out_of_memory(self, gone: list[StoredEvent]) -> None:
        seqs = {event.seq for event in gone}
        self._memory = deque(event for event in self._memory if event.seq not in seqs)

    def _count_out(self, gone: list[StoredEvent]) -> None:
        self.waiting -= len(gone)
        self.urgent_waiting -= sum(event.urgent for event in gone)

    async def run(self) -> None:
        """Routes whenever there are events, room and a configuration; ends when cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while await self._route_urgent() or await self._route_some():
                pass

    async def _route_urgent(self) -> bool:
        """Before their turn, where there is no room for all, or many are before them."""
        room = self._dispatcher.room_for_urgent
        ahead = self.waiting > min(BATCH, self._dispatcher.room)
        if self.maker is None or not (self.urgent_waiting and ahead and room):
            return False
        async with self.lock:
            after, limit = self.routed_through, min(BATCH, room)
            find = partial(events.urgent_unrouted, after=after, limit=limit)
            batch = await self._writer.submit(find)
            if not batch:
                self.urgent_waiting = 0
                return False
            self._out_of_memory(batch)
            done = await self._route(self.maker, batch, early=True)
        return await self._routed(done)

    async def _route_some(self) -> bool:
        room = self._dispatcher.room
        # A full batch, or all there is: what is routed together costs one transaction.
        if self.maker is None or not self.waiting or room < min(BATCH, self.waiting):
            return False
        async with self.lock:
            batch = await self._next_events(min(BATCH, room))
            if not batch:
                return False
            done = await self._route(self.maker, batch, early=False)
        return await self._routed(done)

    async def _route(
        self, maker: MailMaker, batch: list[StoredEvent], *, early: bool
    ) -> tuple[list[QueuedMail], list[queue.Dropped]] | None:
        """Makes the mails of these events and puts them on disk; None: it is full."""
        maker.call_machine(await self._names_now())
        mails: list[QueuedMail] = []
        dropped: list[queue.Dropped] = []
        for stored in batch:
            event = events.complete(stored)
            decision = maker.route(event)
            if isinstance(decision, Dropped):
                dropped.append(queue.Dropped(stored, decision.reason))
                continue
            parts = maker.parts(self._reached(maker, stored, decision))
            for recipients in parts:
                alone = len(parts) == 1
                row, first = self.new_message(), self.next_delivery
                mail = maker.make(row, stored, event, recipients, first, alone=alone)
                mail.urgent = mail.urgent or early  # what is before an urgent one in its lane, too
                self.next_delivery += len(mail.deliveries)
                mails.append(mail)
        through = self.routed_through if early else batch[-1].seq
        route = partial(
            queue.route, routed_through=through, mails=mails, dropped=dropped, early=early
        )
        self._dispatcher.expect(len(mails))
        try:
            behind = await self._writer.submit(route)
        except DiskFullError:
            self._dispatcher.expect(0)
            if early:  # they are in no order with what is in memory: all is read from disk again
                self._memory.clear()
                self._memory_through = self.routed_through
            else:
                self._memory.extendleft(reversed(batch))
            return None
        self.routed_through = through
        self._count_out(batch)
        return _without(mails, behind) if behind else mails, dropped

    def _reached(
        self, maker: MailMaker, stored: StoredEvent, recipients: Sequence[str]
    ) -> Sequence[str]:
        """The recipients, but for a notice only those who are reached, if there are any."""
        held = self._dispatcher.holds.addresses
        if not (held and stored.notice):
            return recipients
        return [r for r in recipients if maker.address(r) not in held] or recipients

    async def _routed(self, done: tuple[list[QueuedMail], list[queue.Dropped]] | None) -> bool:
        if done is None:  # without the lock: an administrator may be about to make room
            await asyncio.sleep(DISK_FULL_PAUSE)
            return True
        mails, dropped = done
        if dropped:
            self._on_dropped([gone.event for gone in dropped])
        self._dispatcher.add(mails)
        return True

    async def _next_events(self, most: int) -> list[StoredEvent]:
        memory = self._memory
        if memory:
            return [memory.popleft() for _ in range(min(most, len(memory)))]
        found = await self._writer.submit(
            partial(events.unrouted, after=self.routed_through, limit=most)
        )
        if found and self._memory_through < found[-1].seq:
            self._memory_through = found[-1].seq
        return found


def _without(mails: list[QueuedMail], behind: set[int]) -> list[QueuedMail]:
    """These mails without the deliveries that wait behind others."""
    left = []
    for mail in mails:
        deliveries = [d for d in mail.deliveries if d.row not in behind]
        if len(deliveries) == len(mail.deliveries):
            left.append(mail)
        elif deliveries:
            left.append(reduced(mail, deliveries))
    return left
