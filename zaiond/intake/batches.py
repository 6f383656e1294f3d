"""Events of the socket: lines to batches, each batch to disk, replies after its commit.

Each connection keeps what was read as it came. A batch is filled in turns over the users that have
something to say, a share each, so that one who floods slows himself alone; and slice by slice, a
turn of the loop each, so that nobody makes it stand still by what costs much to read. While a batch
is being committed half of the next one gathers, and the other half is left for who comes meanwhile;
when idle, a line is a batch by itself at once.

Memory is bounded: see `quota.ReadAhead`.

Whatever raises on the way, each line of the batch has its answer, and the next batch is taken.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice, repeat

import msgspec

from zaiond import wire
from zaiond.errors import EventError
from zaiond.intake import words
from zaiond.intake.admission import OUR_FAULT, Admission, going_on, report
from zaiond.intake.connection import EventConnection
from zaiond.intake.quota import ReadAhead, Share
from zaiond.journal import Journal, Kind
from zaiond.model import NewEvent
from zaiond.store.events import Acceptance, AcceptOutcome

BATCH_EVENTS = 512  # lines, right or wrong
BATCH_BYTES = 512 * 1024
SLICE_BYTES = 128 * 1024  # that are parsed in one turn of the loop


class _Batch(msgspec.Struct):
    """What goes to disk together, and who is waiting for it."""

    pings: "list[asyncio.Future[None]]" = []
    lines: int = 0
    size: int = 0  # bytes
    events: list[NewEvent] = []  # their quotas are reserved
    # Of each line its event, if it is among the events, or why it isn't.
    answers: list[tuple[EventConnection, list[NewEvent | EventError]]] = []
    # What was taken from the connections and is neither yet.
    taken: deque[tuple[EventConnection, list[bytes | EventError]]] = msgspec.field(
        default_factory=deque
    )
    failed: Exception | None = None


class Batches:
    """Fills a batch, hands it to `admission`, and answers it.

    `make_id` gives an id to a line that has none; `clock` is in seconds since the epoch.
    """

    def __init__(
        self,
        admission: Admission,
        make_id: Callable[[], str],
        clock: Callable[[], float],
        journal: Journal,
    ) -> None:
        self.frame_deadline = 10.0
        self.ahead = ReadAhead()
        self._admission = admission
        self._make_id = make_id
        self._clock = clock
        self._journal = journal
        # Users in turn; each one's connections that have lines.
        self._turns: dict[int, deque[EventConnection]] = {}
        self._batch = _Batch()  # that is being filled
        self._is_committing = False  # the one before it
        self._goes_on = False  # in the next turn of the loop
        self._working: asyncio.Future[None] | None = None  # until all that was read is answered
        self._pings: list[asyncio.Future[None]] = []
        self._connections: set[EventConnection] = set()

    def connection(self) -> EventConnection:
        return EventConnection(self)

    def opened(self, connection: EventConnection) -> Share:
        """Counts a connection, whose user it says. Raises EventError if he has all he may have."""
        connection.user = self._admission.quotas.user_of(connection.uid)
        self._admission.quotas.connect(connection.uid)
        self._connections.add(connection)
        return self.ahead.opened(connection.user)

    def closed(self, connection: EventConnection) -> None:
        """The connection is gone, and what it had sent whole is taken."""
        if connection in self._connections:
            self._connections.discard(connection)
            self.ahead.closed(connection.user)
            self._admission.quotas.disconnect(connection.uid)

    def refused(self, connection: EventConnection, error: EventError) -> bytes:
        user = connection.user
        with going_on():
            self._admission.refusals.count(user, error, self._clock())
            self._journal.warning(
                words.refused(user=user, why=error.text),
                Kind.EVENT_REFUSED,
                by=user,
                uid=connection.uid,
                code=error.code,
            )
        return wire.error_reply(error, self._journal.language)

    def enqueue(self, connection: EventConnection) -> None:
        """The connection has lines and is not in line for its turn yet."""
        of_user = self._turns.get(connection.user)
        if of_user is None:
            of_user = self._turns[connection.user] = deque()
        of_user.append(connection)
        self._begin()

    async def ping(self) -> None:
        """Returns when a batch has gone to disk and been answered: events are taken. Raises
        EventError where it has not.
        """
        done = asyncio.get_running_loop().create_future()
        self._pings.append(done)
        self._begin()
        await done

    async def drained(self) -> None:
        """Waits until every line that was read has its answer."""
        while self._working is not None:
            await asyncio.shield(self._working)

    async def stop(self) -> None:
        """Answers what was read, then closes every connection."""
        for connection in list(self._connections):
            connection.end()
        await self.drained()

    def _begin(self) -> None:
        if self._working is None:
            self._working = asyncio.get_running_loop().create_future()
        if not self._is_full():
            self._go_on_soon()

    def _go_on_soon(self) -> None:
        # At the end of this turn of the loop, so that what arrived in it goes together.
        if not self._goes_on:
            self._goes_on = True
            asyncio.get_running_loop().call_soon(self._go_on)

    def _room(self) -> tuple[int, int]:
        """How many lines and bytes more go into the batch for now."""
        batch, parts = self._batch, 2 if self._is_committing else 1
        return BATCH_EVENTS // parts - batch.lines, BATCH_BYTES // parts - batch.size

    def _is_full(self) -> bool:
        return self._batch.failed is not None or min(self._room()) <= 0

    def _go_on(self) -> None:
        """Fills the batch, by a slice; commits it, where it is full or nobody has more to say."""
        self._goes_on = False
        batch = self._batch
        try:
            if not self._is_full():
                self._fill(batch)
        except Exception as error:  # noqa: BLE001 - nothing about one batch may stop the next
            batch.failed = error
        if self._turns and not self._is_full():
            self._go_on_soon()
        elif not self._is_committing:
            self._commit(batch)

    def _fill(self, batch: _Batch) -> None:
        """A slice: a share for each user that has lines, taken from its connections in turn."""
        turns = self._turns
        most, size = self._room()
        size = min(SLICE_BYTES, size)
        share = max(1, most // max(1, len(turns)))
        for user in list(turns):
            left = min(share, most)
            if left <= 0 or size <= 0:
                break
            connections = turns.pop(user)
            while connections and left > 0 and size > 0:
                connection = connections.popleft()
                try:
                    lines, taken = connection.take(max(1, left // (len(connections) + 1)), size)
                except Exception as error:  # noqa: BLE001 - nobody else is to suffer for it
                    report(error)
                    connection.cut_off()
                    continue
                if connection.pieces:
                    connections.append(connection)
                left -= len(lines)
                most -= len(lines)
                size -= taken
                batch.lines += len(lines)
                batch.size += taken
                batch.taken.append((connection, lines))
            if connections:
                turns[user] = connections  # behind the others
        self._admission.look()
        now = self._clock()
        while batch.taken:
            connection, lines = batch.taken[0]
            batch.answers.append((connection, self._admit(batch, connection, lines, now)))
            batch.taken.popleft()

    def _admit(
        self,
        batch: _Batch,
        connection: EventConnection,
        lines: list[bytes | EventError],
        now: float,
    ) -> list[NewEvent | EventError]:
        """Puts those of the lines into the batch that go there; of each its event, or why not."""
        uid, reserve = connection.uid, self._admission.reserve
        answers = self._parsed(uid, lines, now)
        events = [answer for answer in answers if not isinstance(answer, EventError)]
        has_room = False
        with contextlib.suppress(EventError):
            # All at once, as it mostly is: one by one, it costs as much as parsing them.
            reserve(uid, events)
            batch.events += events
            has_room = True
        if has_room and len(events) == len(answers):
            return answers
        for number, answer in enumerate(answers):
            if not (has_room or isinstance(answer, EventError)):
                try:
                    reserve(uid, [answer])
                    batch.events.append(answer)
                except EventError as error:
                    answers[number] = answer = error.with_traceback(None)
            if isinstance(answer, EventError):
                self.refused(connection, answer)
        return answers

    def _parsed(
        self, uid: int, lines: list[bytes | EventError], now: float
    ) -> list[NewEvent | EventError]:
        answers: list[NewEvent | EventError] = []
        for line in lines:
            try:
                answers.append(
                    line
                    if isinstance(line, EventError)
                    else wire.new_event(line, uid, now, self._make_id)
                )
            except Exception as error:  # noqa: BLE001 - one line must never stop the others
                report(error)
                answers.append(OUR_FAULT)
        return answers

    def _commit(self, batch: _Batch) -> None:
        batch.pings, self._pings = self._pings, []
        self._batch = _Batch()
        if batch.failed is None and (batch.events or batch.pings):
            try:
                accepted = self._admission.accept(batch.events)
            except Exception as error:  # noqa: BLE001 - as above
                batch.failed = error
            else:
                self._is_committing = True
                accepted.add_done_callback(lambda done: self._committed(batch, done))
                if self._turns:
                    self._go_on_soon()
                return
        if batch.failed is None:
            self._answer(batch, None)
        else:
            self._fail(batch, self._admission.failed(batch.events, batch.failed))

    def _committed(self, batch: _Batch, accepted: "asyncio.Future[Acceptance]") -> None:
        self._is_committing = False
        try:
            outcomes = self._admission.settle(batch.events, accepted)
        except EventError as error:
            self._fail(batch, error)
        else:
            self._answer(batch, outcomes)

    def _fail(self, batch: _Batch, error: EventError) -> None:
        """Nothing of the batch counts: what of it was right is told to come again."""
        batch.answers += [
            (connection, self._parsed(connection.uid, lines, 0.0))
            for connection, lines in batch.taken
        ]
        batch.answers = [
            (connection, [a if isinstance(a, EventError) else error for a in each])
            for connection, each in batch.answers
        ]
        for ping in batch.pings:
            if not ping.done():
                ping.set_exception(error)
        self._answer(batch, None)

    def _answer(self, batch: _Batch, outcomes: list[AcceptOutcome] | None) -> None:
        of_lines: Iterator[AcceptOutcome] = iter(outcomes or repeat("accepted"))
        for connection, answers in batch.answers:
            accepted = sum([not isinstance(answer, EventError) for answer in answers])
            of_each = iter([*islice(of_lines, accepted)])
            with going_on():
                try:
                    replies = self._replies(connection, answers, of_each)
                    connection.answer(replies, len(answers))
                except BaseException:
                    connection.cut_off()  # which is an answer, too: it is not known
                    raise
        for ping in batch.pings:
            if not ping.done():
                ping.set_result(None)
        if self._turns or self._pings or self._batch.lines:
            self._go_on_soon()
        elif self._working is not None:
            working, self._working = self._working, None
            working.set_result(None)

    def _replies(
        self,
        connection: EventConnection,
        answers: list[NewEvent | EventError],
        outcomes: Iterator[AcceptOutcome],
    ) -> bytes:
        replies: list[bytes] = []
        for answer in answers:
            if isinstance(answer, EventError):
                replies.append(wire.error_reply(answer, self._journal.language))
                continue
            outcome = next(outcomes)
            if outcome == "conflict":
                replies.append(self.refused(connection, wire.conflict(answer[0])))
            else:
                replies.append(wire.ok_reply(answer[0], duplicate=outcome == "duplicate"))
        return b"".join(replies)
