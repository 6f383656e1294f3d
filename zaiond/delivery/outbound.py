"""The front door of this room: its parts, put together, and one way to configure and stop them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple

from zaiond.clock import QueueTime
from zaiond.config.schema import Config
from zaiond.delivery.dispatcher import Dispatcher
from zaiond.delivery.housekeeping import Housekeeping
from zaiond.delivery.ledger import Ledger, Observer
from zaiond.delivery.mail_maker import MailMaker
from zaiond.delivery.membership import Membership
from zaiond.delivery.queue_admin import QueueAdmin
from zaiond.delivery.router import Router
from zaiond.delivery.scheduler import Scheduler
from zaiond.delivery.transport import by_smtp
from zaiond.delivery.ways import Ways
from zaiond.holds import Hold, Holds
from zaiond.model import QueuedMail
from zaiond.net.context import ConnectionContext
from zaiond.net.machine import MachineNames
from zaiond.routing.decision import ByItself
from zaiond.store import counts, groups
from zaiond.store.counts import Key
from zaiond.store.groups import Remembered
from zaiond.store.queue import Recovered
from zaiond.store.turns import Turns
from zaiond.store.writer import Submit, Writer


class Waiting(NamedTuple):
    """What has not ended: deliveries, and events that are no mails yet and mails to come, each of
    which counts as one delivery. What is held is not among what waits.
    """

    waiting: int
    held: int

    @property
    def total(self) -> int:
        """Both."""
        return self.waiting + self.held


class Outbound:
    """`recovered`, `held` and `turns` are what a start found on disk. `clock` gives seconds since
    the epoch, `maker_for` who makes mails by a configuration. `upkeep` is what else is to be done
    whenever the housekeeping is. `remembered` is what routing has left, `tell` records events of
    the daemon's own about jobs and silences.
    """

    def __init__(
        self,
        writer: Writer,
        observer: Observer,
        recovered: Recovered,
        held: list[Hold],
        turns: Turns,
        queue_time: QueueTime,
        names: MachineNames,
        clock: Callable[[], float],
        maker_for: Callable[[Config], MailMaker],
        upkeep: Callable[[], Awaitable[None]],
        remembered: Remembered,
        tell: Callable[[Sequence[ByItself]], Awaitable[None]],
    ) -> None:
        self._submit, self._maker_for = writer.submit, maker_for
        self.holds = Holds(held)
        self.ledger = Ledger(writer, observer, clock, queue_time, self.holds)
        outdated: asyncio.Queue[QueuedMail] = asyncio.Queue()
        self.dispatcher = Dispatcher(
            writer, self.ledger, observer, clock, queue_time, outdated, observer.server_changed
        )
        self.ways = Ways(self.dispatcher, self.ledger, outdated)
        self.pool, self.loader = self.dispatcher.pool, self.dispatcher.loader
        self.router = Router(
            writer,
            self.dispatcher,
            observer,
            recovered,
            turns,
            names,
            clock,
            queue_time,
            remembered,
        )
        self.scheduler = Scheduler(writer, self.router, observer, clock, tell)
        self.router.on_put_off = self.scheduler.look
        self.dispatcher.on_capacity = self.router.wake
        self.queue_admin = QueueAdmin(writer, self.router, self.ways, observer, queue_time, clock)
        new_way = partial(Dispatcher, writer, self.ledger, observer, clock, queue_time, outdated)
        self.membership = Membership(
            self.ways, self.router, self.queue_admin, new_way, upkeep, writer.submit,
            is_to_hand_on=recovered.is_to_hand_on,
        )  # fmt: skip
        self.housekeeping = Housekeeping(
            writer,
            self.ways,
            observer,
            clock,
            queue_time,
            self.membership.upkeep,
            self.router.lock,
            self.reminded_of,
        )

    async def remake(self, config: Config) -> None:
        """Makes what waits anew by a configuration, before it is tried by it: nothing is handed out
        until `configure`. Raises DiskFullError: then it goes out as it is.
        """
        self.router.configure(self._maker(config))
        self.ways.suspend()
        await self.queue_admin.rebuild()

    def configure(self, config: Config, context: ConnectionContext) -> None:
        """Delivers by another configuration from now on."""
        self.housekeeping.configure(config.queue, config.language)
        self.router.configure(self._maker(config))
        self.dispatcher.configure(config, by_smtp(config.mail_servers, context))
        self.membership.configure(config)
        self.scheduler.configured()

    def _maker(self, config: Config) -> MailMaker:
        maker = self._maker_for(config)
        self.membership.equip(maker)
        return maker

    def reminded_of(self) -> frozenset[int]:
        """The events (seq) that opened problems: somebody may be reminded of them."""
        return frozenset(problem.event for problem in self.router.state.problems.values())

    async def reconcile(self) -> None:
        """Rows were set aside: there may be fewer mails to come, or others."""
        async with self.router.lock:
            self.router.group_mails.reconcile(await self._submit(groups.to_come))
        self.scheduler.wake()

    async def run(self) -> None:
        """Works for ever; ends when cancelled, or by the error of a part."""
        parts = (self.router, self.loader, self.queue_admin, self.housekeeping, self.scheduler)
        try:
            async with asyncio.TaskGroup() as running:
                self.membership.run_in(running)
                for part in parts:
                    running.create_task(part.run())
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def stop(self, seconds: float) -> None:
        """Takes no further mail; finishes what is between the final dot and its reply."""
        await asyncio.gather(*(each.pool.stop(seconds) for each in self.ways.all))
        # The router may go on, but no connection waits for what it makes now.
        await self.ledger.close(self.pool.unknown)

    def may_reach_admins(self) -> bool:
        """Whether an administrator is left who gets mail."""
        maker, held = self.router.maker, self.holds.addresses
        return maker is not None and any(address not in held for address in maker.admins)

    async def count_waiting(self) -> Waiting:
        """What has not ended."""
        number = await count(self._submit, counts.skip_open) + self.router.waiting
        number += await self._submit(counts.to_come)
        if self.holds.queue is not None:  # which holds mail alone
            handed_on = await self.membership.count_waiting()
            return Waiting(handed_on, max(0, number - handed_on))
        held = await count(self._submit, counts.skip_held)
        return Waiting(max(0, number - held), held)

    async def count_deferred(self) -> int:
        """How many of those that wait are deferred."""
        if self.holds.queue is not None:
            return 0
        number = await count(self._submit, counts.skip_not_waiting)
        return max(0, number - await count(self._submit, counts.skip_held))


async def count(submit: Submit, skip: Callable[..., tuple[int, Key | None]]) -> int:
    """How many there are of what `skip` skips slice by slice."""
    number, after = await submit(skip)
    while after is not None:
        more, after = await submit(partial(skip, after=after))
        number += more
    return number
