"""Takes events in: lines of the event socket, to the store in batches, replies after the commit.

Each connection keeps what was read as it came. A batch is filled in turns over the users that have
something to say, a share each, so that one who floods slows himself alone; and slice by slice, a
turn of the loop each, so that nobody makes it stand still by what costs much to read. While a batch
is being committed half of the next one gathers, and the other half is left for who comes meanwhile;
when idle, a line is a batch by itself at once.

Memory is bounded: see `read_ahead`.

Whatever raises on the way, each line of the batch has its answer, and the next batch is taken.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice, repeat
from typing import Protocol

from zaiond import wire
from zaiond.errors import DiskFullError, EventError, StoreError
from zaiond.intake.connection import TOO_LARGE, EventConnection
from zaiond.intake.quota import Quotas
from zaiond.intake.read_ahead import ReadAhead, Share
from zaiond.intake.refusals import Refusals
from zaiond.journal import Journal, Kind
from zaiond.model import URGENT, NewEvent
from zaiond.store.events import Acceptance, AcceptOutcome
from zaiond.text import Language, Text

BATCH_EVENTS = 512  # lines, right or wrong
BATCH_BYTES = 512 * 1024
SLICE_BYTES = 128 * 1024  # that are parsed in one turn of the loop


class Accept(Protocol):
    """Puts a batch into the store; resolves after the commit, with what became of it."""

    def __call__(self, batch: list[NewEvent]) -> "asyncio.Future[Acceptance]": ...


@dataclass(slots=True)
class _Batch:
    """What goes to disk together, and who is waiting for it."""

    pings: "list[asyncio.Future[None]]" = field(default_factory=list)
    lines: int = 0
    size: int = 0  # bytes
    events: list[NewEvent] = field(default_factory=list)  # their quotas are reserved
    # Of each line its event, if it is among the events, or why it isn't.
    answers: list[tuple[EventConnection, list[NewEvent | EventError]]] = field(default_factory=list)
    # What was taken from the connections and is neither yet.
    taken: deque[tuple[EventConnection, list[bytes | EventError]]] = field(default_factory=deque)
    failed: Exception | None = None


_OUR_FAULT = EventError(
    "unavailable",
    Text(
        "内部エラーのため受け付けられません。後でもう一度送ってください",
        "an internal error: send it again later",
    ),
)


class Intake:
    """The event socket's side that decides what goes into a batch, and answers it.

    `refusal` says why no event is taken now (the disk is full), or None.
    """

    def __init__(
        self,
        accept: Accept,
        on_accepted: Callable[[Acceptance], None],
        quotas: Quotas,
        make_id: Callable[[], str],
        clock: Callable[[], float],
        refusal: Callable[[], EventError | None],
        journal: Journal,
        refusals: Refusals,
        user_of: Callable[[int], int] = int,
    ) -> None:
        self.language: Language = "ja"
        self.frame_deadline = 10.0
        self.quotas = quotas
        self.ahead = ReadAhead()
        self.user_of = user_of
        self._accept = accept
        self._on_accepted = on_accepted
        self._make_id = make_id
        self._clock = clock
        self._closed_for = refusal
        self._journal = journal
        self.refusals = refusals
        # Users in turn; each one's connections that have lines.
        self._turns: dict[int, deque[EventConnection]] = {}
        self._batch = _Batch()  # that is being filled
        self._is_committing = False  # the one before it
        self._goes_on = False  # in the next turn of the loop
        self._working: asyncio.Future[None] | None = None  # until all that was read is answered
        self._pings: list[asyncio.Future[None]] = []
        self._connections: set[EventConnection] = set()

    def connection(self) -> EventConnection:
        """The protocol of one more connection."""
        return EventConnection(self)

    def _parse(self, text: bytes, uid: int, now: float) -> NewEvent | EventError:
        """The event of a line, its id made if it has none; or what is wrong with it."""
        try:
            if len(text) > wire.MAX_EVENT_BYTES:
                return TOO_LARGE
            sent = wire.parse(text)
            return (
                sent.id or self._make_id(),
                uid,
                sent.source or "",
                now,
                sent.line,
                sent.severity in URGENT,
                wire.lane(sent),
            )
        except EventError as error:
            return error.with_traceback(None)  # which would keep the line, and all that read it
        except Exception as error:  # noqa: BLE001 - one line must never stop the others
            _tell(error)
            return _OUR_FAULT

    def opened(self, connection: EventConnection) -> Share:
        """Counts a connection. Raises EventError if its user has all it may have."""
        self.quotas.connect(connection.uid)
        self._connections.add(connection)
        return self.ahead.opened(connection.user)

    def closed(self, connection: EventConnection) -> None:
        """The connection is gone, and what it had sent whole is taken."""
        if connection in self._connections:
            self._connections.discard(connection)
            self.ahead.closed(connection.user)
            self.quotas.disconnect(connection.uid)

    def refused(self, connection: EventConnection, error: EventError) -> None:
        """Counts what was refused, and logs it."""
        user = connection.user
        with _going_on():
            self.refusals.count(user, error, self._clock())
            self._journal.warning(
                Text(
                    f"uid {user} のイベントを受け付けませんでした: {error.text.ja}",
                    f"refused an event of uid {user}: {error.text.en}",
                ),
                Kind.EVENT_REFUSED,
                by=user,
                uid=connection.uid,
                code=error.code,
            )

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

    def _begin(self) -> None:
        if self._working is None:
            self._working = asyncio.get_running_loop().create_future()
        if not self._is_full:
            self._go_on_soon()

    def _go_on_soon(self) -> None:
        # At the end of this turn of the loop, so that what arrived in it goes together.
        if not self._goes_on:
            self._goes_on = True
            asyncio.get_running_loop().call_soon(self._go_on)

    @property
    def _is_full(self) -> bool:
        """Whether nothing more goes into the batch for now."""
        batch, parts = self._batch, 2 if self._is_committing else 1
        return (
            batch.failed is not None
            or batch.lines >= BATCH_EVENTS // parts
            or batch.size >= BATCH_BYTES // parts
        )

    async def drained(self) -> None:
        """Waits until every line that was read has its answer."""
        while self._working is not None:
            await asyncio.shield(self._working)

    async def stop(self) -> None:
        """Answers what was read, then closes every connection."""
        for connection in list(self._connections):
            connection.end()
        await self.drained()

    def _go_on(self) -> None:
        """Fills the batch, by a slice; commits it, where it is full or nobody has more to say."""
        self._goes_on = False
        batch = self._batch
        try:
            if not self._is_full:
                self._fill(batch)
        except Exception as error:  # noqa: BLE001 - nothing about one batch may stop the next
            batch.failed = error
        if self._turns and not self._is_full:
            self._go_on_soon()
        elif not self._is_committing:
            self._commit(batch)

    def _commit(self, batch: _Batch) -> None:
        self._close_batch()
        if batch.failed is None and (batch.events or batch.pings):
            try:
                accepted = self._accept(batch.events)
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
            self._fail(batch, batch.failed)

    def _close_batch(self) -> None:
        self._batch.pings, self._pings = self._pings, []
        self._batch = _Batch()

    def _fill(self, batch: _Batch) -> None:
        """A slice: a share for each user that has lines, taken from its connections in turn."""
        turns = self._turns
        parts = 2 if self._is_committing else 1
        most = BATCH_EVENTS // parts
        size = min(SLICE_BYTES, BATCH_BYTES // parts - batch.size)
        share = max(1, (most - batch.lines) // max(1, len(turns)))
        for user in list(turns):
            left = min(share, most - batch.lines)
            if left <= 0 or size <= 0:
                break
            connections = turns.pop(user)
            while connections and left > 0 and size > 0:
                connection = connections.popleft()
                try:
                    lines, taken = connection.take(max(1, left // (len(connections) + 1)), size)
                except Exception as error:  # noqa: BLE001 - nobody else is to suffer for it
                    _tell(error)
                    connection.cut_off()
                    continue
                if connection.pieces:
                    connections.append(connection)
                left -= len(lines)
                size -= taken
                batch.lines += len(lines)
                batch.size += taken
                batch.taken.append((connection, lines))
            if connections:
                turns[user] = connections  # behind the others
        now, refusal = self._clock(), self._closed_for()
        while batch.taken:
            self._admit(batch, *batch.taken[0], now, refusal)
            batch.taken.popleft()

    def _admit(
        self,
        batch: _Batch,
        connection: EventConnection,
        lines: list[bytes | EventError],
        now: float,
        refusal: EventError | None,
    ) -> None:
        """Puts those of the lines into the batch that go there."""
        uid = connection.uid
        answers = self._parsed(uid, lines, now)
        events = [answer for answer in answers if not isinstance(answer, EventError)]
        if refusal is None and len(events) == len(answers):
            # All at once, as it mostly is: one by one, it costs as much as parsing them.
            with contextlib.suppress(EventError):
                self.quotas.reserve(uid, len(events), sum(len(event[4]) for event in events))
                batch.events += events
                batch.answers.append((connection, answers))
                return
        for number, event in enumerate(answers):
            error = event if isinstance(event, EventError) else refusal
            if error is None and not isinstance(event, EventError):
                try:
                    self.quotas.reserve(uid, 1, len(event[4]))
                except EventError as over:
                    error = over.with_traceback(None)
                else:
                    batch.events.append(event)
                    continue
            if error is not None:
                self.refused(connection, error)
                answers[number] = error
        batch.answers.append((connection, answers))

    def _parsed(
        self, uid: int, lines: list[bytes | EventError], now: float
    ) -> list[NewEvent | EventError]:
        parse = self._parse
        return [line if isinstance(line, EventError) else parse(line, uid, now) for line in lines]

    def _committed(self, batch: _Batch, accepted: "asyncio.Future[Acceptance]") -> None:
        self._is_committing = False
        try:
            acceptance = accepted.result()
            outcomes = acceptance.outcomes
            if outcomes is not None:
                told = zip(batch.events, outcomes, strict=True)
                self._release([new for new, outcome in told if outcome != "accepted"])
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - as above
            self._fail(batch, error)
            return
        self._answer(batch, outcomes)
        if acceptance.events:
            with _going_on():
                self._on_accepted(acceptance)

    def _fail(self, batch: _Batch, error: BaseException) -> None:
        """Nothing of the batch counts: what of it was right is told to come again."""
        if isinstance(error, StoreError):
            full = isinstance(error, DiskFullError)
            failed = EventError("disk_full" if full else "unavailable", error.text)
        else:
            _tell(error)
            failed = _OUR_FAULT
        self._release(batch.events)
        batch.answers += [
            (connection, self._parsed(connection.uid, lines, 0.0))
            for connection, lines in batch.taken
        ]
        batch.answers = [
            (connection, [a if isinstance(a, EventError) else failed for a in each])
            for connection, each in batch.answers
        ]
        for ping in batch.pings:
            if not ping.done():
                ping.set_exception(failed)
        self._answer(batch, None)

    def _release(self, refused: list[NewEvent]) -> None:
        for _, uid, _, _, text, *_ in refused:
            with _going_on():
                self.quotas.release(uid, len(text))

    def _answer(self, batch: _Batch, outcomes: list[AcceptOutcome] | None) -> None:
        of_lines: Iterator[AcceptOutcome] = (
            repeat("accepted") if outcomes is None else iter(outcomes)
        )
        for connection, each in batch.answers:
            taken = sum(not isinstance(answer, EventError) for answer in each)
            of_each = list(islice(of_lines, taken))
            answered = False
            with _going_on():
                replies = self._replies(connection, each, of_each)
                connection.answer(replies, len(each))
                answered = True
            if not answered:
                connection.cut_off()  # which is an answer, too: it is not known
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
        each: list[NewEvent | EventError],
        outcomes: Iterable[AcceptOutcome],
    ) -> bytes:
        replies: list[bytes] = []
        of_lines = iter(outcomes)
        for answer in each:
            if isinstance(answer, EventError):
                replies.append(wire.error_reply(answer, self.language))
                continue
            outcome = next(of_lines)
            if outcome == "conflict":
                error = wire.conflict(answer[0])
                self.refused(connection, error)
                replies.append(wire.error_reply(error, self.language))
            else:
                replies.append(wire.ok_reply(answer[0], duplicate=outcome == "duplicate"))
        return b"".join(replies)


@contextlib.contextmanager
def _going_on() -> Iterator[None]:
    """What is done in it may fail, and is told of; what comes behind it is done all the same."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is
        _tell(error)


def _tell(error: BaseException) -> None:
    asyncio.get_running_loop().call_exception_handler(
        {"message": f"taking events in: {error!r}", "exception": error}
    )
