"""From accepted events to mails: asks `routing` where to, `message` for the bytes, and records both
in one transaction, so that each event is always exactly one of waiting, in a message, or dropped.

Events are routed when there is room in the dispatcher's window, not before: a long queue stays on
disk as events. What has just been accepted is taken from memory; what wasn't kept there, from disk.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from msgspec import structs

from zaiond.config.schema import Config
from zaiond.config.values import fill_names
from zaiond.daemon.dispatcher import DISK_FULL_PAUSE, Dispatcher
from zaiond.daemon.journal import Journal
from zaiond.errors import DiskFullError
from zaiond.message.address import parse_recipient
from zaiond.message.compose import check_wire, compose, message_id_for
from zaiond.model import Event
from zaiond.net.names import Names
from zaiond.routing.route import Dropped, route
from zaiond.store import events, queue
from zaiond.store.events import Acceptance, StoredEvent
from zaiond.store.queue import QueuedDelivery, QueuedMail
from zaiond.store.writer import Writer
from zaiond.text import Text

KEPT_IN_MEMORY = 1000
BATCH = 100
NOTICE_SOURCE = "zaiond"


class MailMaker:
    """Makes mails by one configuration. No I/O but the ids that it is given."""

    def __init__(self, config: Config, names: Names, make_id: Callable[[], str]) -> None:
        self._config = config
        self._names = names
        self._make_id = make_id
        self._sender = fill_names(config.sender, host=names.host, fqdn=names.fqdn)
        self._prefix = fill_names(config.subject_prefix, host=names.host, fqdn=names.fqdn)
        self._ascii: dict[str, bool] = {}

    def route(self, event: Event) -> list[tuple[str, ...]] | Dropped:
        """The recipients of the event's mails, a mail each; or why there is none."""
        config = self._config
        decision = route(
            event.type,
            admins=config.admins,
            notify_backup_auto_update=config.notify.backup_auto_update,
        )
        if isinstance(decision, Dropped):
            return decision
        # Addresses that need SMTPUTF8 get a mail of their own: where a server can't do it, the
        # others must not suffer.
        plain = tuple(r for r in decision.recipients if self._is_ascii(r))
        others = tuple(r for r in decision.recipients if not self._is_ascii(r))
        return [recipients for recipients in (plain, others) if recipients]

    def _is_ascii(self, recipient: str) -> bool:
        known = self._ascii.get(recipient)
        if known is None:
            known = self._ascii[recipient] = parse_recipient(recipient).address.isascii()
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
        the only one."""
        names = self._names
        message = compose(
            event,
            recipients=recipients,
            sender=self._sender,
            subject_prefix=self._prefix,
            language=self._config.language,
            charset=self._config.charset,
            message_id=message_id or message_id_for(self._make_id(), names.fqdn),
            date=event.accepted,
            host=names.host,
            fqdn=names.fqdn,
        )
        check_wire(message.content, smtputf8=message.smtputf8)
        deliveries = tuple(
            QueuedDelivery(first_delivery + number, recipient, 0)
            for number, recipient in enumerate(message.recipients)
        )
        notice = event.source == NOTICE_SOURCE and event.type.startswith("zaiond.")
        return QueuedMail(row, message, deliveries, stored.accepted, notice, (stored,), alone=alone)


_SEE_HISTORY = "本文を作成できませんでした / This event could not be shown: zaiond-ctl history"


class Router:
    """Takes events in order of acceptance. `maker` None: there is no configuration, all waits."""

    def __init__(
        self,
        writer: Writer,
        dispatcher: Dispatcher,
        on_dropped: Callable[[list[StoredEvent]], None],
        recovered: queue.Recovered,
        waiting: int,
        journal: Journal,
    ) -> None:
        self.maker: MailMaker | None = None
        self.waiting = waiting  # how many events are not routed yet
        self.routed_through = recovered.routed_through
        self.next_delivery = recovered.next_delivery
        self.lock = asyncio.Lock()  # held while events become mails, or are changed by hand
        self._next_message = recovered.next_message
        self._writer = writer
        self._dispatcher = dispatcher
        self._on_dropped = on_dropped
        self._journal = journal
        self._memory: deque[StoredEvent] = deque()
        self._memory_through = recovered.routed_through
        self._wake = asyncio.Event()
        self._wake.set()

    def accepted(self, acceptance: Acceptance) -> None:
        """Events that have just been put on disk."""
        new = acceptance.events
        self.waiting += len(new)
        if (
            self._memory_through == acceptance.previous
            and len(self._memory) + len(new) <= KEPT_IN_MEMORY
        ):
            self._memory.extend(new)
            self._memory_through = new[-1].seq
        self._wake.set()

    def configure(self, maker: MailMaker) -> None:
        """Makes mails by another configuration from now on."""
        self.maker = maker
        self._wake.set()

    def wake(self) -> None:
        """There is room for mails."""
        self._wake.set()

    def deleted(self, gone: list[StoredEvent]) -> None:
        """Events that wait no longer; to be called with `lock` held."""
        seqs = {event.seq for event in gone}
        self._memory = deque(event for event in self._memory if event.seq not in seqs)
        self.waiting -= len(gone)

    async def run(self) -> None:
        """Routes whenever there are events, room and a configuration; ends when cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while await self._route_some():
                pass

    async def _route_some(self) -> bool:
        room = self._dispatcher.room
        maker = self.maker
        # A full batch, or all there is: what is routed together costs one transaction.
        if maker is None or not self.waiting or room < min(BATCH, self.waiting):
            return False
        async with self.lock:
            batch = await self._next_events(min(BATCH, room))
            if not batch:
                return False
            mails: list[QueuedMail] = []
            dropped: list[queue.Dropped] = []
            for stored in batch:
                event = events.complete(stored)
                decision = maker.route(event)
                if isinstance(decision, Dropped):
                    dropped.append(queue.Dropped(stored, decision.reason))
                    continue
                for recipients in decision:
                    mail = self._make(maker, stored, event, recipients, len(decision) == 1)
                    self._next_message += 1
                    self.next_delivery += len(mail.deliveries)
                    mails.append(mail)
            route = partial(queue.route, routed_through=batch[-1].seq, mails=mails, dropped=dropped)
            self._dispatcher.expect(len(mails))
            try:
                await self._writer.submit(route)
            except DiskFullError:
                self._dispatcher.expect(0)
                self._memory.extendleft(reversed(batch))
                full = True
            else:
                full = False
                self.routed_through = batch[-1].seq
                self.waiting -= len(batch)
        if full:  # without the lock: an administrator may be about to make room
            await asyncio.sleep(DISK_FULL_PAUSE)
            return True
        if dropped:
            self._on_dropped([gone.event for gone in dropped])
        self._dispatcher.add(mails)
        return True

    def _make(
        self,
        maker: MailMaker,
        stored: StoredEvent,
        event: Event,
        recipients: tuple[str, ...],
        alone: bool,
    ) -> QueuedMail:
        make = partial(maker.make, self._next_message, stored)
        try:
            return make(event, recipients, self.next_delivery, alone=alone)
        except Exception as error:  # noqa: BLE001 - one event must never stop all the others
            self._journal.error(
                Text(
                    f"イベント {stored.id} の本文を作れません: {error!r}",
                    f"the mail about event {stored.id} can't be made as it should: {error!r}",
                ),
                event=stored.id,
            )
            bare = structs.replace(
                event,
                subject=None,
                message=_SEE_HISTORY,
                data={},
                extensions={},
                key=None,
                job=None,
            )
            return make(bare, recipients, self.next_delivery, alone=alone)

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
