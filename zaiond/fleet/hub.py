"""A hub: one of them works for the fleet, by a lease, and the others wait to take over.

Who works takes events in (`intake`), shares what routing remembers (`shared`), and tells of members
who are silent (`roll`). Who waits looks at the lease. A hub that can't reach the engine does
neither, and says so. What happens on a hub's own machine goes the way of all members (`member`).
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

import msgspec

from zaiond.errors import DiskFullError
from zaiond.fleet import bucket, consumer, names
from zaiond.fleet import hub_words as words
from zaiond.fleet.intake import Intake, Routed, keep
from zaiond.fleet.lease import Lease
from zaiond.fleet.link import Connection, FleetError, Link
from zaiond.fleet.machines import Machines
from zaiond.fleet.members import Members
from zaiond.fleet.sharing import Routing, Sharing
from zaiond.intake.admission import Admission
from zaiond.journal import Journal
from zaiond.model import NewEvent
from zaiond.store.writer import Writer
from zaiond.text import Text

SHARE = 1.0  # seconds until what changed is shared, at the latest
AGAIN = 1.0  # seconds until what failed is tried again


class Means(NamedTuple):
    """What a hub works with. `record` puts an event of the hub's own on disk; `remembered` is
    called when routing remembers something else than before, `news` when this hub begins or ends to
    work; `clock` gives seconds since the epoch.
    """

    admission: Admission
    writer: Writer
    router: Routing
    machines: Machines
    journal: Journal
    clock: Callable[[], float]
    record: Callable[[NewEvent], Awaitable[None]]
    remembered: Callable[[], None]
    news: Callable[[], None]


def awake() -> float:
    """Seconds of a clock that nobody sets and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Hub:
    """Works by `link` until it is cancelled. `grace` is `fleet.member_grace`."""

    def __init__(self, link: Link, means: Means, grace: float) -> None:
        self.link = link
        self.lease = Lease(link.machine, awake())
        self.intake: Intake | None = None  # while it works
        self.taken = 0  # events, in all
        self._lease_fault: Text | None = None
        self._work_fault: Text | None = None  # apart: the lease may be renewed all the while
        self.members = Members(
            means.machines, means.router.state, means.journal, means.clock, self._record, grace
        )
        self._means = means
        self._state = means.router.state
        self._sharing = Sharing(
            means.writer, means.router, means.machines, means.journal, means.remembered
        )
        self._routed = Routed(lambda: means.router.routed_through)
        self._lease_changed = asyncio.Event()
        self._at_lease = asyncio.Lock()
        self._tasks: asyncio.TaskGroup

    @property
    def fault_now(self) -> Text | None:
        """Why it can't do its work; None: nothing keeps it."""
        if self.link.now is None and self.link.fault is not None:
            return self.link.fault.text
        return self._lease_fault or self._work_fault

    @property
    def works(self) -> bool:
        """Whether this is the hub that works."""
        return self.intake is not None

    async def run(self) -> None:
        """Ends when cancelled; then the lease is given up."""
        self._means.router.on_routed = self._routed.told
        await self._sharing.recover(self.lease.hub)
        self.lease.run = self._sharing.known_run
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for part in (self._keep_lease(), self._work()):
                    self._tasks.create_task(part)
        finally:
            self._means.router.on_routed = lambda: None
            await self._give_up()
            self._state.on_commit = None

    async def _give_up(self) -> None:
        """Leaves the lease to others, who find all that this hub remembers. What can't be put there
        in time they do without, until the lease is over.
        """
        lease, connection = self.lease, self.link.now
        if connection is None or not lease.holds(awake()):
            return
        with contextlib.suppress(FleetError, bucket.Taken, TimeoutError):
            async with asyncio.timeout(2.0):
                await self._sharing.share_last(connection)
                await bucket.write_lease(connection, "", lease.run, lease.revision)

    # -- the lease

    async def _keep_lease(self) -> None:
        lease = self.lease
        while True:
            await asyncio.sleep(max(0.0, lease.next_at - awake()))
            held = lease.epoch
            await self._lease_step()
            if lease.epoch != held:
                self._lease_changed.set()

    async def _lease_step(self) -> None:
        """Does what is next about the lease."""
        async with self._at_lease:
            lease, connection, began = self.lease, self.link.now, awake()
            step = lease.step(began)
            if connection is None:
                lease.unanswered(began)
                return
            try:
                if step == "look":
                    before = lease.holder
                    lease.saw(await bucket.lease(connection), awake())
                    if lease.holder not in ("", before):
                        self._means.journal.info(words.waits(hub=lease.holder), by="fleet: waits")
                        await self._sharing.forget()
                else:
                    await self._write_lease(connection, began)
                self._lease_fault = None
            except bucket.Taken:
                lease.lost(awake())
            except FleetError as error:
                self._lease_fault = error.text
                lease.unanswered(awake())

    async def _write_lease(self, connection: Connection, began: float) -> None:
        """Takes or renews it. Raises Taken, FleetError."""
        lease, was = self.lease, self.lease.revision
        run = lease.run_now(f"{lease.hub}/{secrets.token_hex(8)}")
        try:
            written = await bucket.write_lease(connection, lease.hub, run, was)
        except FleetError as error:
            if error.kind != "full":
                raise
            found = await bucket.lease(connection)
            if (0 if found is None else found.revision) != was:
                raise bucket.Taken from None
            lease.unwritten(began)
        else:
            lease.wrote(written, began)

    async def _is_ours(self) -> bool:
        """Renews the lease now; says whether it was still ours."""
        if self.lease.epoch:
            await self._lease_step()
        return self.lease.holds(awake())

    # -- the work

    async def _work(self) -> None:
        while True:
            self._lease_changed.clear()
            epoch = self.lease.epoch
            if not epoch:
                await self._lease_changed.wait()
                continue
            term = asyncio.ensure_future(self._term(epoch))
            changed = asyncio.ensure_future(self._lease_changed.wait())
            try:
                await asyncio.wait((term, changed), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in (term, changed):
                    one.cancel()
                await asyncio.wait((term, changed))
                self._stop_work()
            self._work_fault = None
            self._state.begin_anew(stands_by=True)
            if not term.cancelled():
                term.result()

    def _stop_work(self) -> None:
        if self.intake is not None:
            self.taken += self.intake.taken
            self._means.journal.info(words.NO_LONGER, by="fleet: works")
            self.intake = None
            self._means.news()

    async def _term(self, epoch: int) -> None:
        """The time in which this hub works by the lease that it took with this revision."""
        means, adopted = self._means, False
        while self.lease.epoch == epoch:
            connection = await self.link.connection()
            if not self.lease.holds(awake()):  # it is about to be lost
                await asyncio.sleep(AGAIN)
                continue
            try:
                if not adopted:
                    await self._sharing.adopt(connection, self.lease.run)
                    adopted = True
                name = await consumer.take_over(connection, epoch, self._is_ours)
                self._work_fault = None
                if self.intake is None:
                    means.journal.info(words.WORKS, by="fleet: works")
                    self.intake = Intake(
                        means.admission, means.writer, means.machines, means.journal, means.clock,
                        self._routed, self._share, self._in_background,
                    )  # fmt: skip
                    means.news()
                await self._serve(connection, name, self.intake)
            except DiskFullError as error:
                self._work_fault = error.text
                await asyncio.sleep(AGAIN)
            except consumer.NotOurs:
                self.lease.lost(awake())
                self._lease_changed.set()
                return
            except FleetError as error:
                self._work_fault = error.text
                await asyncio.sleep(AGAIN)

    async def _serve(self, connection: Connection, name: str, intake: Intake) -> None:
        """Works by one connection and one consumer. Raises FleetError."""
        parts = [
            asyncio.ensure_future(part)
            for part in (
                intake.run(connection, name, lambda: self.lease.holds(awake())),
                self._watch(connection, name),
                self._keep_sharing(),
                self.members.look(connection, lambda: self.lease.holds(awake())),
            )
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.wait(parts)
        for part in done:
            part.result()

    async def _watch(self, connection: Connection, name: str) -> None:
        """Returns when the consumer is to be made anew."""
        nodes = await consumer.until_lacking(connection, name)
        text = words.lacking(nodes=", ".join(sorted(nodes)))
        self._means.journal.info(text, by="fleet: consumer")

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            self._tasks.create_task(work)
        except RuntimeError:  # the hub ends, and with it what it does in the background
            work.close()

    async def _keep_sharing(self) -> None:
        while True:
            await asyncio.sleep(SHARE)
            await self._share()

    async def _share(self) -> None:
        # Who was asleep beyond the lease finds the state of another hub there.
        if self.link.now is not None and self.lease.holds(awake()):
            await self._sharing.share(self.link.now)

    async def _record(self, event: NewEvent) -> None:
        await keep(self._means.writer, self._means.machines)
        await self._means.record(event)


async def say(connection: Connection, machine: str, word: dict[str, Any]) -> None:
    """The word of a hub, for people to see who is there. Raises FleetError."""
    key = f"{names.HUBS}.{names.token(machine)}"
    await bucket.put(connection, {key: msgspec.json.encode(word)})
