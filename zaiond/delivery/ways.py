"""The ways on which mails leave, seen as one: mail's and, on a machine of a fleet, that of what is
handed on to the hubs. Each has its own place in memory and its own connections: neither waits for
the other.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

from zaiond.delivery.dispatcher import Dispatcher
from zaiond.delivery.ledger import Ledger
from zaiond.model import QueuedMail
from zaiond.store.turns import Line
from zaiond.users import NO_UID
from zaiond.way import user_of_fleet, way_of


class Ways:
    """`mail` is there always, `fleet` from the first configuration on that wants it. `hands_on`:
    new events go there, at a hub (`is_hub`) those of this machine. `outdated` has the mails that
    were being sent while what counts for them changed, and are to be made anew.
    """

    def __init__(
        self, mail: Dispatcher, ledger: Ledger, outdated: asyncio.Queue[QueuedMail]
    ) -> None:
        self.mail, self.fleet = mail, None
        self.ledger, self.holds, self.outdated = ledger, ledger.holds, outdated
        self._hands_on = self.is_hub = False
        self._all = (mail,)

    fleet: Dispatcher | None
    _all: tuple[Dispatcher, ...]

    @property
    def all(self) -> tuple[Dispatcher, ...]:
        """Each of them."""
        return self._all

    def add_way(self, fleet: Dispatcher) -> None:
        """From now on there is another one, on which events are handed on."""
        self.fleet, self._all = fleet, (self.mail, fleet)
        fleet.on_capacity = self.mail.on_capacity

    @property
    def hands_on(self) -> bool:
        """Whether new events are handed on to the hubs of a fleet."""
        return self._hands_on

    @hands_on.setter
    def hands_on(self, hands_on: bool) -> None:
        self._hands_on = hands_on
        self.mail.on_capacity()

    # -- for who makes mails: room is that of the way which new events take

    @property
    def _new(self) -> tuple[Dispatcher, ...]:
        """The ways of new events."""
        if self.fleet is None or not self._hands_on:
            return (self.mail,)
        return (self.mail, self.fleet) if self.is_hub else (self.fleet,)

    def is_handed_on(self, line: Line) -> bool:
        """Whether new events of this line are."""
        return self._hands_on and (not self.is_hub or 0 <= line.user <= NO_UID)

    def _of(self, line: Line) -> tuple[Dispatcher, Line]:
        if self.fleet is not None and self.is_handed_on(line):
            return self.fleet, Line(user_of_fleet(line.user), line.urgent)
        return self.mail, line

    @property
    def capacity(self) -> int:
        """As of the Dispatcher, and so are the next three."""
        return min(each.capacity for each in self._new)

    @property
    def capacity_beyond(self) -> int:
        return min(each.capacity_beyond for each in self._new)

    def capacity_of(self, line: Line) -> int:
        dispatcher, its = self._of(line)
        return dispatcher.capacity_of(its)

    def has_few(self, line: Line) -> bool:
        dispatcher, its = self._of(line)
        return dispatcher.has_few(its)

    def _of_each(self, mails: list[QueuedMail]) -> list[tuple[Dispatcher, list[QueuedMail]]]:
        """These mails by their ways; of each way, if only none."""
        if self.fleet is None:
            return [(self.mail, mails)]
        by_mail = [mail for mail in mails if way_of(mail.user) == "mail"]
        handed_on = [mail for mail in mails if way_of(mail.user) == "fleet"]
        return [(self.mail, by_mail), (self.fleet, handed_on)]

    def _takes(self, dispatcher: Dispatcher) -> bool:
        """Whether new mails come to it; else what is for the hubs is left on disk."""
        return dispatcher is self.mail or self._hands_on

    def announce(self, mails: list[QueuedMail]) -> None:
        """As of the Dispatcher, and so are the next two."""
        for dispatcher, own in self._of_each(mails):
            if self._takes(dispatcher):
                dispatcher.announce(own)

    async def add_new(self, mails: list[QueuedMail]) -> None:
        for dispatcher, own in self._of_each(mails):
            if self._takes(dispatcher):
                await dispatcher.add_new(own)

    @contextmanager
    def loading_nothing(self) -> Iterator[None]:
        with ExitStack() as stack:
            for dispatcher in self._all:
                stack.enter_context(dispatcher.loading_nothing())
            yield

    # -- for who changes what waits

    @asynccontextmanager
    async def changing(self, lock: asyncio.Lock) -> AsyncIterator[None]:
        """Meanwhile what waits may be changed on disk, but for what is being sent: no mail is
        handed out, none comes in until it is over, and the router's `lock` is held.
        """
        with ExitStack() as stack:
            for dispatcher in self._all:
                stack.enter_context(dispatcher.paused())
            async with lock:
                yield

    @property
    def sending(self) -> frozenset[int]:
        """The mails in the hands of senders."""
        return frozenset().union(*(each.active_queue.sending for each in self._all))

    def suspend(self) -> None:
        """As of the Dispatcher."""
        for dispatcher in self._all:
            dispatcher.suspend()

    def reload_waiting(self) -> None:
        """As of the Dispatcher."""
        for dispatcher in self._all:
            dispatcher.reload_waiting()

    def retry_servers(self) -> None:
        """As of the Pool."""
        for dispatcher in self._all:
            dispatcher.pool.retry_servers()

    async def mend_holds(self) -> None:
        """Sees to it that each hold has its probe, and that nothing is held by none."""
        if await self.ledger.mend():
            self.reload_waiting()
