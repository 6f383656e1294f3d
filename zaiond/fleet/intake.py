"""Letters in: from the stream to the hub's own disk, by the same admission as the event socket's
lines, and acknowledged after the commit.

What has no room waits here, unacknowledged, and the stream keeps what is behind it. What tells of a
problem or a job is acknowledged when it is routed and what routing remembers of it is in the
bucket, where the next hub finds it; but it is not waited for longer than ROUTED_WITHIN, for mail
may not leave.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import apsw

from zaiond.errors import DiskFullError, EventError
from zaiond.fleet import arrived, consumer, letter
from zaiond.fleet import hub_words as words
from zaiond.fleet.backlog import Backlog, Waiting
from zaiond.fleet.link import Connection, FleetError
from zaiond.fleet.machines import Machines
from zaiond.fleet.words import lost
from zaiond.intake.admission import OUR_FAULT, Admission, report
from zaiond.journal import Journal
from zaiond.model import NewEvent
from zaiond.store import meta
from zaiond.store.events import Acceptance
from zaiond.store.writer import Writer
from zaiond.text import Text

if TYPE_CHECKING:
    from nats.aio.msg import Msg

BATCH = 500  # that are committed together
BATCH_BYTES = 512 * 1024
SLICE = 128 * 1024  # bytes of letters that are read in one turn of the loop
A_LETTER = 1024  # bytes that each counts for beside its line
ROUTED_WITHIN = 2.0
NO_ROOM_PAUSE = 1.0  # seconds from one look for room to the next
AT_IT = 10.0  # seconds between two signs that what waits is not forgotten


class Routed:
    """Wakes who waits until the events up to a row are routed."""

    def __init__(self, through: Callable[[], int]) -> None:
        self._through = through
        self._waiting: set[asyncio.Future[None]] = set()

    def told(self) -> None:
        """Some were routed."""
        for one in self._waiting:
            if not one.done():
                one.set_result(None)

    async def wait(self, row: int, seconds: float) -> None:
        """Returns when all up to this row are routed, or after so many seconds."""
        until = time.monotonic() + seconds
        while self._through() < row and (left := until - time.monotonic()) > 0:
            one: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(one)
            try:
                await asyncio.wait((one,), timeout=left)
            finally:
                self._waiting.discard(one)


class Intake:
    """One time in which this hub works. `share` puts into the bucket what routing remembers;
    `in_background` runs what takes its time.
    """

    def __init__(
        self,
        admission: Admission,
        writer: Writer,
        machines: Machines,
        journal: Journal,
        clock: Callable[[], float],
        routed: Routed,
        share: Callable[[], Awaitable[None]],
        in_background: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self.backlog = Backlog()
        self.no_room: Text | None = None  # why something waits
        self.taken = 0  # events
        self._admission = admission
        self._writer = writer
        self._machines = machines
        self._journal = journal
        self._clock = clock
        self._routed = routed
        self._share = share
        self._in_background = in_background
        self._said = time.monotonic()
        self._failed: Text | None = None  # why the last batch is not on disk
        self._accepting: asyncio.Future[Acceptance] | None = None  # the last batch

    async def run(self, connection: Connection, name: str, holds: Callable[[], bool]) -> None:
        """Takes in what the consumer of this name brings, while `holds`. Raises FleetError."""
        pull = consumer.Pull(connection, name)
        await pull.open()
        try:
            while holds():
                await self._step(connection, pull, holds)
        finally:
            await pull.close()

    async def _step(
        self, connection: Connection, pull: consumer.Pull, holds: Callable[[], bool]
    ) -> None:
        backlog = self.backlog
        if backlog.is_full:
            await asyncio.sleep(NO_ROOM_PAUSE if backlog.waiting else 0.01)
        else:
            seconds = NO_ROOM_PAUSE if backlog.waiting else consumer.EXPIRES
            read = 0
            for message in await pull.next(seconds):
                self._receive(message)
                read += len(message.data) + A_LETTER
                if read >= SLICE:  # whatever else there is to do comes in between
                    await asyncio.sleep(0)
                    read = 0
        if connection.lost.is_set():
            raise FleetError("lost", lost(server=connection.server))
        # Who was asleep beyond the lease finds others' work done: what he does is done twice.
        try:
            while holds() and await self._take_in(connection):
                pass
        except DiskFullError as error:
            self._has_no_room(error.text)
        if backlog.waiting and time.monotonic() - self._said >= AT_IT:
            self._said = time.monotonic()
            await consumer.still_at_it(connection, backlog.all_replies())

    def _receive(self, message: "Msg") -> None:
        sequence = message.metadata.sequence.stream
        if self.backlog.knows(sequence, message.reply):
            return
        # nats-py gives a header's values as a list, or the only one alone.
        headers = {
            name: value[0] if isinstance(value, list) else value
            for name, value in (message.headers or {}).items()
        }
        common = self._machines, self._clock(), self._journal.language
        try:
            found = arrived.event_of(message.subject, message.data, headers, *common)
        except Exception as error:  # noqa: BLE001 - one message must never stop the others
            report(error)
            fault = letter.LetterError(OUR_FAULT.text)
            found = arrived.unreadable(message.subject, message.data, headers, fault, *common)
        self.backlog.add(Waiting(sequence, found.machine, found.event), message.reply)

    async def _take_in(self, connection: Connection) -> bool:
        """Puts to disk what there is room for; says whether there may be more."""
        if self._accepting is not None:
            # Whoever waited for it was cancelled, as with a connection, and these are in it.
            await asyncio.wait((self._accepting,))
            self._accepting = None
        if not self.backlog.waiting:
            self.no_room = None
            return False
        await keep(self._writer, self._machines)
        self._admission.look()
        refused: list[EventError] = []

        def has_room(one: Waiting) -> bool:
            try:
                self._admission.reserve(one.event[1], [one.event])
            except EventError as error:
                refused.append(error)
                return False
            return True

        batch = self.backlog.first(BATCH, BATCH_BYTES, has_room)
        if not batch:
            self._has_no_room(refused[0].text)
            return False
        events = [one.event for one in batch]
        accepted = self._accepting = self._admission.accept(events)
        # At once: what is on disk counts, whatever becomes of this hub.
        accepted.add_done_callback(partial(self._settle, connection, batch, events))
        await asyncio.wait((accepted,))
        self._accepting = None
        if self._failed is not None:
            self._has_no_room(self._failed)
        elif not refused:
            self.no_room = None
        return self._failed is None

    def _settle(
        self,
        connection: Connection,
        batch: Sequence[Waiting],
        events: list[NewEvent],
        accepted: "asyncio.Future[Acceptance]",
    ) -> None:
        try:
            outcomes = self._admission.settle(events, accepted)
        except EventError as error:
            self._failed = error.text
            return
        self._failed = None
        new = accepted.result().events
        self.backlog.taken(batch)
        self.taken += len(new)
        done = [one.sequence for one in batch]
        for one, outcome in zip(batch, outcomes or (), strict=False):
            if outcome == "conflict":
                self.backlog.again(self._conflict(one))
                done.remove(one.sequence)
        last = max((event.seq for event in new if event.lane is not None), default=0)
        if done:
            self._in_background(self._finish(connection, done, last))

    def _conflict(self, one: Waiting) -> Waiting:
        """An event that has the identity of another one is kept as what can't be read."""
        error = letter.LetterError(words.conflict(machine=one.machine, id=one.event[0]))
        common = self._machines, self._clock(), self._journal.language
        event = arrived.about(one.machine, one.event[4], {}, error, *common)
        return one._replace(event=event)

    def _has_no_room(self, why: Text) -> None:
        if self.no_room is None:
            text = words.no_room(count=self.backlog.waiting, why=why)
            self._journal.warning(text, by="fleet: no room")
        self.no_room = why

    async def _finish(self, connection: Connection, done: Sequence[int], row: int) -> None:
        """Acknowledges what is on disk."""
        if row:
            await self._routed.wait(row, ROUTED_WITHIN)
            await self._share()
        replies = self.backlog.replies(done)
        with contextlib.suppress(FleetError):  # then they come again, and are known
            await consumer.acknowledge(connection, replies)
        self.backlog.acknowledged(done)


async def keep(writer: Writer, machines: Machines) -> None:
    """Puts new machines and users to disk: before the first event of theirs, which would else be
    nobody's, or after a crash another one's. Raises StoreError.
    """
    rows = machines.take()
    if not rows:
        return

    def put(db: apsw.Connection) -> None:
        for name, machine in rows.items():
            meta.keep(db, name, machine)

    try:
        await writer.submit(put, essential=True)
    except BaseException:
        machines.not_kept(rows)
        raise
