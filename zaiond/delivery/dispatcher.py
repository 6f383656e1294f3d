"""Which mail goes out next, by which server, and what became of it.

Mails come from the router as they are made, and from disk by the loader. They wait in the active
queue until a sender takes them. `started` is committed before a mail's final dot may go out, its
outcome after the reply; then the mail leaves the active queue or is put back in line.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import apsw

from zaiond.clock import QueueTime
from zaiond.config.schema import Config
from zaiond.delivery.active_queue import ActiveQueue
from zaiond.delivery.ledger import Ledger, Observer
from zaiond.delivery.loader import Loader
from zaiond.delivery.mail_maker import named_by_program
from zaiond.delivery.outcome import (
    AttemptContext,
    NextState,
    delivered,
    ended_holds,
    is_of_us_by_content,
    made_anew,
    new_holds,
    next_state,
    probe_delay,
    remaining,
)
from zaiond.delivery.pool import Pool
from zaiond.delivery.sender import Answers, Sender
from zaiond.delivery.servers import RateCounter, ServerState
from zaiond.delivery.transport import Transport
from zaiond.errors import DiskFullError
from zaiond.model import QueuedMail, StoredEvent
from zaiond.smtp.syntax import Reply
from zaiond.smtp.verdict import Failure
from zaiond.store import holds, queue
from zaiond.store.turns import Line
from zaiond.store.writer import Writer
from zaiond.way import Way


class Dispatcher:
    """Hands the mails of one way to senders, and records what became of them.

    `clock` gives seconds since the epoch, `changed` is the Pool's. `on_capacity` is called when a
    mail left, or those that wait on disk have come in: there is room for more. `outdated` has the
    mails that were being sent while the configuration changed, and are to be made anew.
    """

    on_capacity: Callable[[], None]

    def __init__(
        self,
        writer: Writer,
        ledger: Ledger,
        observer: Observer,
        clock: Callable[[], float],
        queue_time: QueueTime,
        outdated: asyncio.Queue[QueuedMail],
        changed: Callable[[ServerState, bool], None],
        way: Way = "mail",
    ) -> None:
        self.rate = RateCounter()  # of deliveries
        self.outdated = outdated
        self.ledger, self.holds = ledger, ledger.holds
        self._writer = writer
        self._observer = observer
        self._clock = clock
        self._queue_time = queue_time
        self._config: Config
        self.active_queue = ActiveQueue()
        self.pool = Pool(self.active_queue, ledger, changed, self, holds_queue=way == "mail")
        self.loader = Loader(
            self.active_queue, writer, clock, self.add, lambda: self.on_capacity(), way
        )
        self._repeats = False  # of the transport
        self._outdated: set[int] = set()  # being sent since before `suspend`
        self._changing = 0  # how many change what waits
        self._in_part: set[int] = set()  # being sent to some, while the others wait on disk
        # Mails whose content was refused for what would concern all mail; whether others were taken
        self._blamed: dict[int, bool] = {}

    # -- what the rest of the room asks

    def suspend(self) -> None:
        """Hands out no further mail until `configure`; what is being sent goes on, and is to be
        made anew where it is not delivered.
        """
        self._outdated |= self.active_queue.sending
        self.pool.suspend()

    def configure(self, config: Config, transport: Transport) -> None:
        """Delivers by another configuration from now on; open connections end after their mail."""
        self.suspend()
        self._config, self._repeats = config, transport.repeats
        self._blamed.clear()
        self.active_queue.configure(len(transport.servers))
        self.loader.longest_delay = max(config.queue.retry_max, probe_delay(config.queue))
        self.pool.configure(transport, config.queue)

    @property
    def capacity(self) -> int:
        """How many more mails may be added: none before those on disk have come in."""
        return self.active_queue.capacity if self.loader.caught_up else 0

    @property
    def capacity_beyond(self) -> int:
        """How many more may be added, where they are of lines of which there is little here."""
        return self.active_queue.capacity_beyond

    def capacity_of(self, line: Line) -> int:
        """How many of this line may be added: what is not urgent, behind what is on disk."""
        ready = line.urgent or self.loader.has_all_of(line.user)
        return self.active_queue.capacity_of(line) if ready else 0

    def has_few(self, line: Line) -> bool:
        """Whether there is so little of this line here that it need not wait for the others."""
        return self.active_queue.has_few(line) and self.capacity_of(line) > 0

    def add(self, mails: list[QueuedMail]) -> None:
        """Mails whose deliveries are on disk and due, in order. What is held is not asked about
        again: it is left on disk.
        """
        if self.holds.addresses:
            mails = self.ledger.without_held(mails)
        self.active_queue.add(mails)
        if mails and len(self._blamed) == 1:
            self.pool.ask_again()  # it may be about that one mail alone
        self.pool.announce(0)

    def announce(self, mails: list[QueuedMail]) -> None:
        """These will be added when they are on disk. Where a connection waits for each of them that
        is behind none of its lane, the start of the attempt is put on disk with it.
        """
        waiting = self.pool.announce(len(mails))
        first = self.active_queue.first_in_lanes(mails) if waiting else []
        if len(first) <= waiting and not self._repeats:
            now = self._clock()
            for mail in first:
                mail.started = now

    async def add_new(self, mails: list[QueuedMail]) -> None:
        """As `add`, but what may have an earlier mail of its lane on disk comes in behind that."""
        new = mails
        if not self.loader.caught_up:
            has_all_of = self.loader.has_all_of
            new = [mail for mail in mails if mail.lane is None or has_all_of(mail.user)]
            self.loader.look()
        self.add(new)
        sending = self.active_queue.sending
        left = [mail for mail in mails if mail.started is not None and mail.row not in sending]
        if left:  # the connections went meanwhile
            # They come in again from disk. The loader looks for them behind this operation, so that
            # it can't take back what another sender records: nor is it done later, on a full disk.
            self.reload_waiting()
            put_back = self._writer.submit(partial(queue.put_back, mails=left), essential=True)
            with suppress(DiskFullError):
                await put_back

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Meanwhile no mail is handed out, and none comes in until it is over."""
        self._changing += 1
        self.loader.is_paused = self.pool.is_paused = True
        self.reload_waiting()
        try:
            yield
        finally:
            self._changing -= 1
            self.loader.is_paused = self.pool.is_paused = self._changing > 0
            self.reload_waiting()

    @contextmanager
    def loading_nothing(self) -> Iterator[None]:
        """Meanwhile no mail comes in from disk: what is put there will be handed over."""
        self._changing += 1
        self.loader.is_paused = True
        try:
            yield
        finally:
            self._changing -= 1
            self.loader.is_paused = self.pool.is_paused = self._changing > 0
            self.loader.look()

    def reload_waiting(self) -> None:
        """Deliveries on disk were changed. All that waits comes in from there, as there is room:
        so it is in order again, whatever was done to which.
        """
        self._in_part.update(self.active_queue.clear())
        self.loader.start_over()

    # -- what came of mails

    async def put_back(self, mail: QueuedMail) -> None:
        """Nothing of the mail's content was sent, and no attempt is recorded."""
        await self.take_back(mail)
        if mail.row in self._outdated:
            self._leave(mail, deferred=True)
        else:
            self.active_queue.put_back(mail)

    async def start(self, mail: QueuedMail) -> None:
        """Records that the mail's content may go out."""
        now = self._clock()
        if not self._repeats:
            await self._writer.record(partial(queue.start, mail=mail, now=now))
        mail.started = now

    async def take_back(self, mail: QueuedMail) -> None:
        """Takes back `start`, if it was: nothing of the content was sent."""
        if mail.started is not None:
            if not self._repeats:
                await self._writer.record(partial(queue.put_back, mails=[mail]))
            mail.started = None

    async def finish(
        self,
        sender: Sender,
        mail: QueuedMail,
        answers: Answers,
        upcoming: QueuedMail | None,
    ) -> None:
        """Records in one transaction what came of `mail`, and the start of `upcoming`."""
        now, at, index = self._clock(), self._queue_time(), sender.index
        started, other = mail.started or now, None
        states = delivered(mail, answers, sender.address, started, now)
        if states is None:
            other = self.pool.other(index, mail)
            attempt = AttemptContext(
                server=sender.address,
                started=started,
                ended=now,
                jitter=random.random(),  # noqa: S311 - no secret
                other_server=other is not None,
                overdue=mail.queued <= self._queue_time.since(self._config.queue.expire),
                held=self.holds.addresses,
                language=self._config.language,
                others_taken=self._blamed.get(mail.row, False),
                named=named_by_program(mail),
            )
            states = next_state(mail, answers, attempt, self._config.queue)
            if mail.row in self._outdated:
                states = [made_anew(state) for state in states]
        new = new_holds(mail, states, now, at)
        over = ended_holds(mail, states, self.holds)
        results = [state.attempted for state in states]

        def record(db: apsw.Connection) -> tuple[list[StoredEvent], bool]:
            finished = queue.finish(db, mail, results, at)
            for hold in new:
                holds.put(db, hold)
            for hold in over:
                holds.release(db, hold.scope, hold.subject, at)
            if upcoming is not None and not self._repeats:
                queue.start(db, upcoming, now)
            return finished

        ended, next_is_due = await self._writer.record(record)
        mail.started = None
        if upcoming is not None:
            upcoming.started = now
        if next_is_due:
            self.loader.look()
        if ended:
            self._observer.events_ended(ended)
        for state in states:
            self._learn(sender, mail, state, answers[state.attempted.delivery.recipient])
        if mail.row in self._outdated:  # since it was sent, perhaps: it counts for nothing else
            self._leave(mail, deferred=True)
            return
        for hold in new:
            self.ledger.hold(hold)
            if hold.scope == "address":
                self.ledger.leave_held(self.active_queue.without(hold.subject))
        for hold in over:
            self.holds.release(hold.scope, hold.subject)
        if over:
            self.reload_waiting()
        self._requeue(mail, states, other if sender.index >= 0 else None, index)

    def _learn(
        self, sender: Sender, mail: QueuedMail, state: NextState, answer: Reply | Failure
    ) -> None:
        """What the outcome of one delivery says of others."""
        verdict = state.verdict
        if verdict is None:
            self.ledger.ended["delivered"] += 1
            self.rate.count(1, time.monotonic())
            if self._blamed:
                self._blamed.update((row, True) for row in self._blamed if row != mail.row)
        elif is_of_us_by_content(answer, verdict):
            self._blamed.setdefault(mail.row, False)
        self.pool.learn(sender, mail.row, answer, verdict)
        if state.attempted.state == "failed":
            self.ledger.ended["failed"] += 1
            self._observer.failed(mail, state.attempted)
        elif verdict is not None:
            self._observer.not_delivered(mail, state.attempted)

    def _requeue(
        self, mail: QueuedMail, states: list[NextState], other: int | None, index: int
    ) -> None:
        """Where the mail goes after its outcome is on disk: out of memory, or back in line."""
        waiting = [s.attempted for s in states if s.attempted.state in ("deferred", "held")]
        if waiting:
            later = {one.delivery.recipient for one in waiting if one.is_retried}
            self.active_queue.let_wait(mail, later)
        rest, other = remaining(mail, states, other)
        if rest is None:
            self._leave(mail, deferred=bool(waiting))
            return
        if other is not None:
            self.active_queue.reassign(rest, index, other)
        else:
            self.active_queue.put_back(rest)
        self.pool.pump()

    def _leave(self, mail: QueuedMail, *, deferred: bool) -> None:
        """A mail goes out of memory: it has ended, or it is to be loaded again some day."""
        self._blamed.pop(mail.row, None)
        if mail.row in self._outdated:
            self._outdated.discard(mail.row)
            # Until it is made anew, none of its lane passes it.
            self.active_queue.set_down(mail.row)
            self.outdated.put_nowait(mail)
        else:
            self.active_queue.remove(mail.row)
            if mail.row in self._in_part:
                self._in_part.discard(mail.row)
                self.reload_waiting()
        loader = self.loader
        if deferred or loader.is_starved or not loader.caught_up:
            loader.look()
        self.on_capacity()
