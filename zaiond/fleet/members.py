"""The members of the fleet, as the hub that works hears of them; a silent one is a problem."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from zaiond.errors import DiskFullError
from zaiond.fleet import bucket, names, roll
from zaiond.fleet.link import Connection
from zaiond.fleet.machines import Machines
from zaiond.journal import Journal
from zaiond.model import NewEvent
from zaiond.routing.state import State, cut

LOOK = 30.0  # seconds


class Members:
    """`record` puts an event on disk, `clock` gives seconds since the epoch; `grace` is
    `fleet.member_grace`.
    """

    def __init__(
        self,
        machines: Machines,
        state: State,
        journal: Journal,
        clock: Callable[[], float],
        record: Callable[[NewEvent], Awaitable[None]],
        grace: float,
    ) -> None:
        self.words: dict[str, roll.Word] = {}  # by machine
        self.backlog: dict[str, int] = {}  # messages and bytes that wait in the engine
        self.grace = grace
        self.heard_since = 0.0  # since then they can be heard (seconds since the epoch)
        self._machines = machines
        self._state = state
        self._journal = journal
        self._clock = clock
        self._record = record

    async def look(self, connection: Connection, works: Callable[[], bool]) -> None:
        """Looks by this connection until it is cancelled, and tells while this hub `works`. Raises
        FleetError.
        """
        self.heard_since = self._clock()
        while True:
            found: dict[str, roll.Word] = {}
            for subject, value in (await bucket.words(connection)).items():
                with contextlib.suppress(names.UnfitNameError):
                    found[names.machine_of(subject)] = roll.read(value.data, value.at)
            self.words = found
            info = await connection.ask(connection.jetstream.stream_info(names.STREAM))
            self.backlog = {"messages": info.state.messages, "bytes": info.state.bytes}
            if works():
                with contextlib.suppress(DiskFullError):  # told the next time
                    await self._tell(self._clock())
            await asyncio.sleep(LOOK)

    async def _tell(self, now: float) -> None:
        language = self._journal.language
        uids = {machine: self._machines.uid(machine, None, "") for machine in self.words}
        problems = self._state.problems
        silent = {machine for machine, uid in uids.items() if f"{uid} {cut(machine)}" in problems}
        for one in roll.news(self.words, silent, now, self.heard_since, self.grace):
            uid = uids[one.machine]
            if uid is not None:
                await self._record(roll.event(one, uid, now, language))
        for machine, problem in roll.gone(self.words, problems.values()):
            event = roll.forgotten(machine, problem.since, problem.uid, now, language)
            await self._record(event)
