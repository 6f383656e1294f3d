"""What routing remembers at a hub, and all hubs must know: taken from the engine's bucket by the
hub that begins to work, and put there while it does. What is to be put, and how, says `shared`.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Protocol

import apsw
import msgspec

from zaiond.errors import DiskFullError, StoreError
from zaiond.fleet import bucket, names
from zaiond.fleet import hub_words as words
from zaiond.fleet.link import Connection, FleetError
from zaiond.fleet.machines import Machines
from zaiond.fleet.shared import PREFIX, Shared
from zaiond.journal import Journal
from zaiond.routing.state import State
from zaiond.store import groups, meta
from zaiond.store.writer import Writer

RUN = "fleet_run"  # by which name the run is kept of which it is known here
SHARED = "fleet_shared"  # and how often something of it was shared


class Routing(Protocol):
    """What a hub needs of the router (delivery.router)."""

    state: State
    lock: asyncio.Lock
    routed_through: int
    on_routed: Callable[[], None]


class Sharing:
    """`remembered` is called when routing remembers something else than before. `known_run`: the
    run (fleet.lease) of which all is known here, and more than could be shared.

    How often this hub has shared is counted on its disk before it does, and beside what is shared:
    where the bucket's number is the larger one, the disk is an old one (a backup), and knows less.
    """

    def __init__(
        self,
        writer: Writer,
        router: Routing,
        machines: Machines,
        journal: Journal,
        remembered: Callable[[], None],
    ) -> None:
        self.known_run = ""
        self._times = 0  # that it has shared
        self._writer, self._router, self._machines = writer, router, machines
        self._journal, self._remembered = journal, remembered
        self._shared = Shared(router.state, machines)
        self._putting = asyncio.Lock()

    async def recover(self, hub: str) -> None:
        """Finds what the last start of this hub has left. Raises StoreError."""
        run = await self._writer.submit(partial(meta.find, name=RUN, kind=str))
        if run is not None and run.startswith(f"{hub}/"):  # else the disk is of another machine
            self.known_run = run
            times = await self._writer.submit(partial(meta.find, name=SHARED, kind=int))
            self._times = times or 0

    async def adopt(self, connection: Connection, run: str) -> None:
        """Remembers what the hub before remembered, if one was between: else what is remembered
        here is the newest, unless this hub has shared more than its disk knows of. Raises
        FleetError, DiskFullError.
        """
        values = await bucket.find(connection, PREFIX)
        found = {key: value.data for key, value in values.items()}
        last = await bucket.last_share(connection)
        state, unread = self._router.state, 0
        async with self._router.lock:
            is_old = last.run == self.known_run and last.times > self._times
            times = last.times if is_old else self._times
            if found and (is_old or run != self.known_run):
                unread = self._shared.adopt(found)
            else:  # or the first hub, or a new bucket
                self._shared.keep(found)
            await self._remember(run, times)
            self.known_run, self._times = run, times
            state.on_commit = self._shared.note
            state.begin_anew(stands_by=False)
        if unread:
            self._journal.error(words.unread_state(count=unread), by="fleet: state")
        self._remembered()

    async def forget(self) -> None:
        """What another hub looks after is forgotten here."""
        async with self._router.lock:
            self._shared.forget()
            with contextlib.suppress(DiskFullError):  # then it is shown on, and nothing comes of it
                await self._remember(self.known_run, self._times)
        self._remembered()

    async def _remember(self, run: str, times: int) -> None:
        """Puts what has changed to disk, as what is known of this run, shared so many times. Raises
        StoreError.
        """
        state, rows = self._router.state, self._machines.take()
        changes = state.changes()

        def keep(db: apsw.Connection) -> None:
            groups.remember(db, changes)
            for name, value in (*rows.items(), (RUN, run), (SHARED, times)):
                meta.keep(db, name, value)

        try:
            await self._writer.submit(keep, essential=True)
        except StoreError:
            state.rollback()
            self._machines.not_kept(rows)
            raise
        state.commit()

    async def share(self, connection: Connection) -> None:
        """Puts what has changed into the bucket; what can't be put stays to be put."""
        async with self._putting:
            try:
                await self._put(connection)
            except FleetError as error:
                text = words.state_unkept(why=error.text)
                self._journal.warning(text, by="fleet: state")

    async def share_last(self, connection: Connection) -> None:
        """The same, with what is being routed. Raises FleetError."""
        async with self._router.lock, self._putting:
            await self._put(connection)

    async def _put(self, connection: Connection) -> None:
        if not self._shared.is_changed:
            return
        values = self._shared.take()
        try:
            with contextlib.suppress(DiskFullError):  # then it is shared as of the time before
                await self._count()
            last = bucket.LastShare(self.known_run, self._times)
            mark = {names.SHARED: msgspec.json.encode(last)}
            await bucket.put(connection, mark | values)
        except BaseException:
            self._shared.note_shards(values)
            raise

    async def _count(self) -> None:
        """Counts on disk that it shares once more. Raises StoreError."""
        times = self._times + 1
        await self._writer.submit(lambda db: meta.keep(db, SHARED, times), essential=True)
        self._times = times
