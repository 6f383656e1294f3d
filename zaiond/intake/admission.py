"""Whether an event may come in, and its one way to disk: for the socket and the spool alike."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from zaiond.errors import DiskFullError, EventError, StoreError
from zaiond.intake import words
from zaiond.intake.quota import Quotas
from zaiond.intake.refusals import Refusals
from zaiond.journal import Journal, Kind
from zaiond.model import NewEvent, StoredEvent, Usage
from zaiond.store import events
from zaiond.store.database import DiskSpace
from zaiond.store.events import Acceptance, AcceptOutcome
from zaiond.store.turns import Turns
from zaiond.store.words import DISK_FULL
from zaiond.store.writer import Writer

LOOK_INTERVAL = 1.0  # seconds between two looks at the free space
OUR_FAULT = EventError("unavailable", words.OUR_FAULT)


class Admission:
    """An event comes in if the disk, as it was at the last `look`, and its user's quota have room
    for it (`reserve`); `accept` puts a batch to disk, and `settle` says what became of it.

    `on_accepted` gets what is new on disk; `look_at_history` is called when room grows short;
    `on_room`, where somebody waits for room, each time that events have ended; `on_change` when
    more or fewer wait than before.
    """

    def __init__(
        self,
        space: DiskSpace,
        writer: Writer,
        quotas: Quotas,
        turns: Turns,
        queue_time: Callable[[], float],
        journal: Journal,
        on_accepted: Callable[[Acceptance], None],
        look_at_history: Callable[[], None],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_change = on_change
        self.quotas = quotas
        self.refusals = Refusals()
        self.is_full = False  # the disk
        self.on_room: Callable[[], None] | None = None
        self._space = space
        self._writer = writer
        self._turns = turns
        self._queue_time = queue_time
        self._journal = journal
        self._on_accepted = on_accepted
        self._look_at_history = look_at_history
        self._looked = 0.0

    def look(self) -> None:
        """Sees whether the disk has room, once a second at most."""
        now = time.monotonic()
        if now - self._looked < LOOK_INTERVAL:
            return
        self._looked = now
        was_full = self.is_full
        with contextlib.suppress(OSError):  # what can't be seen is no bar: the commit tells
            free, floor = self._space.free_bytes()
            self.is_full = free + self._space.reusable < floor
            if free < 2 * floor or self._space.size() > self._space.history_limit():
                self._look_at_history()
        if self.is_full and not was_full:
            self._journal.error(DISK_FULL, Kind.DISK_FULL)

    def reserve(self, uid: int, batch: Sequence[NewEvent]) -> None:
        """Counts events of one uid that are to be accepted: all of them or none.

        Raises EventError `disk_full` or `quota`.
        """
        if self.is_full:
            raise EventError("disk_full", DISK_FULL)
        self.quotas.reserve(uid, len(batch), sum([len(new[4]) for new in batch]))

    def accept(self, batch: list[NewEvent]) -> "asyncio.Future[Acceptance]":
        """Puts events to disk that were reserved. The future is done after the commit; its done
        callback is to call `settle`, so that all is settled in the order of the commits.
        """
        places = self._turns.give(batch)
        accept = partial(events.accept, batch=batch, queued=self._queue_time(), places=places)
        return self._writer.submit(accept)

    def settle(
        self, batch: list[NewEvent], accepted: "asyncio.Future[Acceptance]"
    ) -> list[AcceptOutcome] | None:
        """What became of a batch whose future is done; None: every event was accepted. What was
        not accepted takes nothing of its user's quota.

        Raises EventError `disk_full` or `unavailable` where nothing of it is on disk.
        """
        try:
            acceptance = accepted.result()
            outcomes, gone = acceptance.outcomes, list[NewEvent]()
            if outcomes is not None:
                each = zip(batch, outcomes, strict=True)
                gone = [new for new, outcome in each if outcome != "accepted"]
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - each needs an answer
            raise self.failed(batch, error) from None
        self._release(gone)
        if acceptance.events:
            with going_on():
                self._on_accepted(acceptance)
            self._on_change()
        return outcomes

    def failed(self, batch: list[NewEvent], error: BaseException) -> EventError:
        """Nothing of the batch is on disk: the reply to each of its events."""
        self._release(batch)
        if isinstance(error, DiskFullError):
            return EventError("disk_full", error.text)
        if isinstance(error, StoreError):
            return EventError("unavailable", error.text)
        report(error)
        return EventError(OUR_FAULT.code, OUR_FAULT.text)  # raised, it keeps where that was

    def count(self, more: Iterable[StoredEvent]) -> None:
        """Counts events that wait now although nobody sent them: the daemon's own, and those that
        are to be sent again. There is always room for them.
        """
        for event in more:
            self.quotas.count(event.uid, len(event.body))
        self._on_change()

    def ended(self, ended: Iterable[StoredEvent]) -> None:
        """These events have ended, and take nothing of their users' quotas any more."""
        for event in ended:
            self.quotas.release(event.uid, len(event.body))
        if self.on_room is not None:
            self.on_room()
        self._on_change()

    def released(self, released: Usage) -> None:
        """So many events of each uid, and their bytes, have ended."""
        self.quotas.recounted({uid: (-events, -size) for uid, (events, size) in released.items()})
        if self.on_room is not None:
            self.on_room()
        self._on_change()

    def _release(self, refused: list[NewEvent]) -> None:
        for _, uid, _, _, line, *_ in refused:
            with going_on():
                self.quotas.release(uid, len(line))


@contextlib.contextmanager
def going_on() -> Iterator[None]:
    """What is done in it may fail, which is reported; what comes behind it is done all the same."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is
        report(error)


def report(error: BaseException) -> None:
    """Tells the operator of a fault of our own."""
    asyncio.get_running_loop().call_exception_handler(
        {"message": f"taking events in: {error!r}", "exception": error}
    )
