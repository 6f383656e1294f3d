"""What is held, and what ends without an attempt: on disk first, then in memory. And who is told of
what becomes of mails.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any, Literal, Protocol

import apsw

from zaiond.clock import QueueTime
from zaiond.delivery.servers import ServerState
from zaiond.errors import DiskFullError
from zaiond.holds import Hold, Holds
from zaiond.model import AttemptResult, QueuedDelivery, QueuedMail, StoredEvent, Usage
from zaiond.smtp.verdict import Failure
from zaiond.store import holds, pending, queue
from zaiond.store.writer import Writer

CHUNK = 200  # mails that are ended, or made anew, together
CHUNK_BYTES = 1024 * 1024  # of their contents or events; a mail takes several times that


class Observer(Protocol):
    """Who is told of what nobody could ask for in time. All of it is on disk already."""

    def events_ended(self, ended: list[StoredEvent]) -> None:
        """All deliveries of these events have ended, or they are dropped or deleted."""

    def released(self, released: Usage) -> None:
        """So many events of users have ended, as they are told of together, and their bytes."""

    def events_reopened(self, reopened: list[StoredEvent]) -> None:
        """What had ended of these events is to be sent again."""

    def stumbled_over(self, kind: str, key: str, error: Exception) -> None:
        """Routing can't cope with what it remembers of one thing: once since the start."""

    def not_delivered(self, mail: QueuedMail, result: AttemptResult) -> None:
        """An attempt did not deliver."""

    def failed(self, mail: QueuedMail, result: AttemptResult) -> None:
        """A server refuses the recipient for good, and it is a program that named it."""

    def expired(self, mail: QueuedMail, result: AttemptResult) -> None:
        """A delivery was given up."""

    def server_changed(self, state: ServerState, any_usable: bool) -> None:
        """A server went out of use, or came back; `any_usable`: mail can go out by some server."""

    def held(self, hold: Hold) -> None:
        """Something is held from now on that was not."""


Outcome = Literal["delivered", "failed", "expired", "deleted"]  # interface 8


class Ledger:
    """`clock` gives seconds since the epoch; `found` is what was held at the last end. `ended`: how
    many deliveries have ended since the start, by how they did.
    """

    def __init__(
        self,
        writer: Writer,
        observer: Observer,
        clock: Callable[[], float],
        queue_time: QueueTime,
        found: Holds,
    ) -> None:
        self.holds = found
        self.ended: dict[Outcome, int] = {"delivered": 0, "failed": 0, "expired": 0, "deleted": 0}
        self._writer = writer
        self._observer = observer
        self._clock = clock
        self._queue_time = queue_time
        self._recording: set[asyncio.Task[Any]] = set()

    async def chunks(
        self,
        rows: list[int],
        of_size: Callable[[apsw.Connection, list[int], int], list[int]] = pending.of_size,
    ) -> AsyncIterator[list[int]]:
        """These rows in chunks, each of as many as memory bears. `of_size` gives the first of some
        rows, about as many as take so many bytes; by default they are messages.
        """

        def first(db: apsw.Connection) -> list[int]:
            return of_size(db, rows[:CHUNK], CHUNK_BYTES)

        while rows:
            chunk = await self._writer.submit(first)
            yield chunk
            rows = rows[len(chunk) :]

    async def end(
        self, mails: list[QueuedMail], state: Literal["expired", "deleted"], server: str, why: str
    ) -> None:
        """Ends the deliveries of these mails, which are not tried any more."""
        now, at = self._clock(), self._queue_time()
        end = partial(queue.end, mails=mails, state=state, now=now, at=at, server=server, why=why)
        # Essential, for it makes room.
        ended = await self._writer.submit(end, essential=True)
        self.ended[state] += sum(len(mail.deliveries) for mail in mails)
        self._observer.events_ended(ended)

    def without_held(self, mails: list[QueuedMail]) -> list[QueuedMail]:
        """These mails, without their deliveries to addresses that are held."""
        kept: list[QueuedMail] = []
        out: list[QueuedDelivery] = []
        addresses = self.holds.addresses
        for mail in mails:
            # One that was held already is the probe.
            left = mail.keeping(lambda d: d.held or d.recipient not in addresses)
            if left is not None:
                kept.append(left)
            if left is not mail:
                out += [d for d in mail.deliveries if left is None or d not in left.deliveries]
        self.leave_held(out)
        return kept

    def leave_held(self, deliveries: list[QueuedDelivery]) -> None:
        """These are held by an address, and no attempt was made of them."""
        if deliveries:
            rows = [delivery.row for delivery in deliveries]
            self.in_background(self._writer.record(partial(queue.hold, deliveries=rows)))

    def hold(self, hold: Hold) -> None:
        """This is held, which is on disk."""
        if self.holds.put(hold):
            self._observer.held(hold)

    def hold_queue(self, failure: Failure | None) -> None:
        """The whole queue is held for this, None: no longer. It outlives a restart, and nothing
        expires by it.
        """
        before = self.holds.queue
        if failure is not None:
            self._queue_time.pause()
            if before is None:
                hold = Hold("queue", "", self._clock(), self._queue_time(), failure)
                self.hold(hold)
                self.in_background(self._writer.record(partial(holds.put, hold=hold)))
            return
        self._queue_time.resume()
        if before is not None:
            self.holds.release("queue", "")
            release = partial(holds.release, scope="queue", subject="", at=0.0)
            self.in_background(self._writer.record(release))

    async def mend(self) -> bool:
        """Mends the holds on disk, as far as that is due; says whether anything changed. Raises
        DiskFullError.
        """
        mend = partial(holds.mend, now=self._clock(), at=self._queue_time())
        is_changed = await self._writer.submit(mend, essential=True)
        if is_changed:
            self.holds.renew(await self._writer.submit(holds.find))
        return is_changed

    async def release_all(self) -> None:
        """Nothing is held any more. Raises DiskFullError."""
        await self._writer.submit(holds.release_all)
        self.holds.clear()
        self._queue_time.resume()

    async def close(self, unknown: list[int]) -> None:
        """Waits until all is recorded; takes back the start of all mails but these, of which nobody
        knows whether they have arrived. No start is recorded any more.
        """
        await asyncio.gather(*self._recording, return_exceptions=True)
        put_all_back = partial(queue.put_all_back, but=unknown)
        with contextlib.suppress(DiskFullError):  # then more is feared than has to be
            await self._writer.submit(put_all_back, essential=True)

    def in_background(self, work: Coroutine[Any, Any, Any]) -> None:
        """Records something, for which the end waits."""
        task = asyncio.get_running_loop().create_task(work)
        self._recording.add(task)
        task.add_done_callback(self._recorded)

    def _recorded(self, task: "asyncio.Task[Any]") -> None:
        self._recording.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            task.get_loop().call_exception_handler(
                {"message": "a change could not be recorded", "exception": error, "task": task}
            )
