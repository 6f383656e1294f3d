"""Whether this machine belongs to a fleet, and hands on what comes in; who does not has one way on
which mails leave, and nothing of this costs it anything.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from zaiond.config.schema import Config
from zaiond.delivery.dispatcher import Dispatcher
from zaiond.delivery.handing_on import OfFleet
from zaiond.delivery.mail_maker import MailMaker
from zaiond.delivery.queue_admin import QueueAdmin
from zaiond.delivery.router import Router
from zaiond.delivery.servers import ServerState
from zaiond.delivery.transport import Transport
from zaiond.delivery.ways import Ways
from zaiond.errors import DiskFullError
from zaiond.store import handed_on
from zaiond.store.writer import Submit


class Membership:
    """`of_fleet` and `transport` are there while it belongs to one. `new_way` makes a Dispatcher,
    `upkeep` is what else is done whenever the housekeeping is. `is_to_hand_on`: a start found
    something that is.
    """

    def __init__(
        self,
        ways: Ways,
        router: Router,
        queue_admin: QueueAdmin,
        new_way: Callable[..., Dispatcher],
        upkeep: Callable[[], Awaitable[None]],
        submit: Submit,
        *,
        is_to_hand_on: bool,
    ) -> None:
        self.of_fleet: OfFleet | None = None
        self.transport: Transport | None = None
        self._ways, self._router, self._queue_admin = ways, router, queue_admin
        self._new_way, self._upkeep, self._submit = new_way, upkeep, submit
        self._is_to_hand_on = is_to_hand_on  # by the last run
        self._config: Config | None = None
        self._running: asyncio.TaskGroup | None = None

    @property
    def hands_on(self) -> bool:
        """Whether new events go to the hubs."""
        return self._ways.hands_on

    def join(
        self,
        of_fleet: OfFleet,
        transport: Transport,
        changed: Callable[[ServerState, bool], None],
        *,
        hands_on: bool,
        is_hub: bool = False,
    ) -> None:
        """This machine is a member, or a hub, with the configuration that comes into force next:
        another one looks after the fleet's jobs and problems, until a hub works itself. `changed`
        is told when `transport` works or does not (pool.Pool).
        """
        ways = self._ways
        self.of_fleet, self.transport = of_fleet, transport
        self._router.state.begin_anew(stands_by=True)
        ways.is_hub = is_hub
        if ways.fleet is None:
            way = self._new_way(changed=changed, way="fleet")
            ways.add_way(way)
            self._router.out = ways
            if self._running is not None:
                self._running.create_task(way.loader.run())
        ways.hands_on = hands_on

    def leave(self) -> None:
        """It is none any more with the configuration that comes into force next."""
        self.of_fleet = self.transport = None
        self._ways.hands_on = self._ways.is_hub = False
        self._router.state.begin_anew(stands_by=False)

    def equip(self, maker: MailMaker) -> None:
        """Who makes mails makes them as one of the fleet."""
        maker.of_fleet, maker.hands_on = self.of_fleet, self._ways.hands_on
        maker.is_hub = self._ways.is_hub

    def configure(self, config: Config) -> None:
        """This configuration is in force now."""
        self._config = config
        self._open_way()

    def _open_way(self) -> None:
        fleet = self._ways.fleet
        if fleet is None:
            return
        if self.transport is not None and self._config is not None and self._ways.hands_on:
            fleet.configure(self._config, self.transport)
        else:
            fleet.suspend()

    async def count_waiting(self) -> int:
        """How many events wait to be handed on; of those that are not routed yet, too."""
        if self._ways.fleet is None:
            return 0
        lines = self._router.turns.waiting
        unrouted = sum(lines[line] for line in lines if self._ways.is_handed_on(line))
        return unrouted + await self._submit(handed_on.count)

    def retry(self) -> None:
        """There is reason to hope that the transport works: it is tried again at once."""
        if self._ways.fleet is not None:
            self._ways.fleet.pool.retry_servers()

    async def hand_on(self) -> None:
        """New events go to the hubs from now on; what is a mail by now goes out as one."""
        async with self._router.lock:
            if self._ways.fleet is not None:
                self._ways.fleet.reload_waiting()  # what came meanwhile for the hubs
            self._set(hands_on=True)
        self._open_way()

    async def mail_by_itself(self) -> int:
        """New events are mailed from here from now on, and so is what waits to be handed on, but
        for what only the hubs can make something of; gives how much was mailed. Raises
        DiskFullError: not all is, yet (`upkeep`).
        """
        if self._ways.fleet is not None:
            self._ways.fleet.suspend()
        off = partial(self._set, hands_on=False)
        return await self._queue_admin.hand_back(handed_on.waiting, off)

    async def mail_what_is_refused(self, before: float) -> int:
        """Mails from here what was tried in vain and was accepted before this queue time. Raises
        DiskFullError.
        """
        refused = partial(handed_on.refused, before=before)
        return await self._queue_admin.hand_back(refused) if await self._submit(refused) else 0

    def _set(self, *, hands_on: bool) -> None:
        self._ways.hands_on = hands_on
        if self._router.maker is not None:
            self._router.maker.hands_on = hands_on
            self._router.maker.ends.clear()

    def run_in(self, running: asyncio.TaskGroup) -> None:
        """The parts of a member work there, from when it is one."""
        self._running = running
        if self._ways.fleet is not None:
            running.create_task(self._ways.fleet.loader.run())

    async def upkeep(self) -> None:
        """Routes again what waits to be handed on by nobody: after an end on a full disk, or with a
        configuration that was changed while the daemon was down.
        """
        is_possible = self._is_to_hand_on or self._ways.fleet is not None
        if is_possible and not self._ways.hands_on and self._router.maker is not None:
            with suppress(DiskFullError):
                if await self._submit(handed_on.count):
                    await self.mail_by_itself()
                self._is_to_hand_on = False
        await self._upkeep()
