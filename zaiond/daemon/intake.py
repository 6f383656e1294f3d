"""Takes events in: lines of the event socket, to the store in batches, replies after the commit.

Each connection keeps its lines in order, parsed or found wrong. A batch is filled in turns over the
users that have something to say, a share each, so that one who floods slows himself alone. While a
batch is being committed the next one gathers; when idle, a line is a batch by itself at once.

Memory is bounded: a connection that has sent far ahead is not read until its lines are answered.

Whatever raises on the way, each line of the batch has its answer, and the next batch is taken.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat
from typing import Protocol

from zaiond import wire
from zaiond.daemon.event_connection import EventConnection, Line
from zaiond.daemon.journal import Journal, Kind
from zaiond.daemon.quota import Quotas
from zaiond.daemon.refusals import Refusals
from zaiond.errors import DiskFullError, EventError, StoreError
from zaiond.model import URGENT
from zaiond.store.events import Acceptance, AcceptOutcome, NewEvent
from zaiond.text import Language, Text

BATCH_EVENTS = 512
BATCH_BYTES = 1024 * 1024


class Accept(Protocol):
    """Puts a batch into the store; resolves after the commit, with what became of it."""

    def __call__(self, batch: list[NewEvent]) -> "asyncio.Future[Acceptance]": ...


@dataclass(slots=True)
class _Batch:
    """What goes to disk together, and who is waiting for it."""

    pings: "list[asyncio.Future[None]]"
    parts: list[tuple[EventConnection, list[Line]]] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)  # their quotas are reserved
    # Of each line itself, if it is among the events, or why it isn't.
    answers: list[tuple[EventConnection, Sequence[Line | EventError]]] = field(default_factory=list)


_OUR_FAULT = EventError(
    "unavailable",
    Text(
        "内部エラーのため受け付けられません。後でもう一度送ってください",
        "an internal error: send it again later",
    ),
)


class Intake:
    """The event socket's side that decides what goes into a batch, and answers it.

    `closed_for` says why no event is taken now (the disk is full), or None.
    """

    def __init__(
        self,
        accept: Accept,
        on_accepted: Callable[[Acceptance], None],
        quotas: Quotas,
        make_id: Callable[[], str],
        clock: Callable[[], float],
        closed_for: Callable[[], EventError | None],
        journal: Journal,
        refusals: Refusals,
    ) -> None:
        self.language: Language = "ja"
        self.frame_deadline = 10.0
        self.quotas = quotas
        self._accept = accept
        self._on_accepted = on_accepted
        self._make_id = make_id
        self._clock = clock
        self._closed_for = closed_for
        self._journal = journal
        self.refusals = refusals
        self._turns: dict[int, deque[EventConnection]] = {}  # users in turn; each one's connections
        self._committing: asyncio.Future[None] | None = None
        self._pings: list[asyncio.Future[None]] = []
        self._connections: set[EventConnection] = set()

    def connection(self) -> EventConnection:
        """The protocol of one more connection."""
        return EventConnection(self)

    def parse(self, text: bytes) -> Line:
        """A line, checked; its id made if it has none."""
        try:
            sent = wire.parse(text)
            return Line(
                sent.line,
                sent.id or self._make_id(),
                sent.source or "",
                None,
                sent.severity in URGENT,
                wire.lane(sent),
            )
        except EventError as error:
            return Line(b"", "", "", error)
        except Exception as error:  # noqa: BLE001 - one line must never stop the others
            _tell(error)
            return Line(b"", "", "", _OUR_FAULT)

    def opened(self, connection: EventConnection) -> bool:
        """Counts a connection; False if its user has all it may have."""
        if not self.quotas.connect(connection.uid):
            return False
        self._connections.add(connection)
        return True

    def closed(self, connection: EventConnection) -> None:
        """The connection is gone; what it sent whole is taken in all the same."""
        if connection in self._connections:
            self._connections.discard(connection)
            self.quotas.disconnect(connection.uid)

    def refused(self, uid: int, error: EventError) -> None:
        """Counts what was refused, and logs it."""
        with _going_on():
            self.refusals.count(uid, error, self._clock())
            self._journal.warning(
                Text(
                    f"uid {uid} のイベントを受け付けませんでした: {error.text.ja}",
                    f"refused an event of uid {uid}: {error.text.en}",
                ),
                Kind.EVENT_REFUSED,
                by=uid,
                uid=uid,
                code=error.code,
            )

    def has_lines(self, connection: EventConnection) -> None:
        """The connection has lines and is not in line for its turn yet."""
        of_uid = self._turns.get(connection.uid)
        if of_uid is None:
            of_uid = self._turns[connection.uid] = deque()
        of_uid.append(connection)
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
        if self._committing is None:
            # At the end of this turn of the loop, so that what arrived in it goes together.
            loop = asyncio.get_running_loop()
            self._committing = loop.create_future()
            loop.call_soon(self._commit)

    async def drained(self) -> None:
        """Waits until every line that was read has its answer."""
        while self._committing is not None:
            await asyncio.shield(self._committing)

    async def stop(self) -> None:
        """Answers what was read, then closes every connection."""
        for connection in list(self._connections):
            connection.end()
        await self.drained()

    def _fill(self) -> list[tuple[EventConnection, list[Line]]]:
        """A batch: a share for each user that has lines, taken from its connections in turn."""
        parts: list[tuple[EventConnection, list[Line]]] = []
        events, size = BATCH_EVENTS, BATCH_BYTES
        turns = self._turns
        share = max(1, events // max(1, len(turns)))
        for uid in list(turns):
            if events <= 0 or size <= 0:
                break
            connections = turns.pop(uid)
            left = min(share, events)
            while connections and left > 0 and size > 0:
                connection = connections.popleft()
                lines, taken = connection.take(max(1, left // (len(connections) + 1)), size)
                left -= len(lines)
                events -= len(lines)
                size -= taken
                parts.append((connection, lines))
                if connection.lines:
                    connections.append(connection)
            if connections:
                turns[uid] = connections  # behind the others
        return parts

    def _commit(self) -> None:
        batch = _Batch(self._pings)
        self._pings = []
        try:
            batch.parts = self._fill()
            now, closed_for = self._clock(), self._closed_for()
            for connection, lines in batch.parts:
                self._admit(batch, connection, lines, now, closed_for)
            if batch.events or batch.pings:
                accepted = self._accept(batch.events)
                accepted.add_done_callback(lambda done: self._committed(batch, done))
                return
        except Exception as error:  # noqa: BLE001 - nothing about one batch may stop the next
            self._fail(batch, error)
            return
        self._answer(batch, None)

    def _admit(
        self,
        batch: _Batch,
        connection: EventConnection,
        lines: list[Line],
        now: float,
        closed_for: EventError | None,
    ) -> None:
        """Puts those of the lines into the batch that go there."""
        uid = connection.uid
        if closed_for is None and not any(line.error for line in lines):
            # All at once, as it mostly is: one by one, it costs as much as parsing them.
            with contextlib.suppress(EventError):
                self.quotas.reserve(uid, len(lines), sum(len(line.text) for line in lines))
                batch.events += [
                    (id_, uid, source, now, text, urgent, lane)
                    for text, id_, source, _, urgent, lane in lines
                ]
                batch.answers.append((connection, lines))
                return
        each: list[Line | EventError] = []
        for line in lines:
            error = line.error or closed_for
            if error is None:
                try:
                    self.quotas.reserve(uid, 1, len(line.text))
                except EventError as over:
                    error = over
            if error is None:
                batch.events.append(
                    (line.id, uid, line.source, now, line.text, line.urgent, line.lane)
                )
                each.append(line)
            else:
                self.refused(uid, error)
                each.append(error)
        batch.answers.append((connection, each))

    def _committed(self, batch: _Batch, accepted: "asyncio.Future[Acceptance]") -> None:
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
        left = batch.parts[len(batch.answers) :]
        batch.answers = [
            (connection, [failed if isinstance(answer, Line) else answer for answer in each])
            for connection, each in batch.answers
        ]
        batch.answers += [
            (connection, [line.error or failed for line in lines]) for connection, lines in left
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
            lines = len(each) if outcomes is None else sum(isinstance(a, Line) for a in each)
            of_each = list(islice(of_lines, lines))
            answered = False
            with _going_on():
                replies = self._replies(connection.uid, each, of_each)
                connection.answer(replies, len(each))
                answered = True
            if not answered:
                connection.cut_off()  # which is an answer, too: it is not known
        for ping in batch.pings:
            if not ping.done():
                ping.set_result(None)
        if self._turns or self._pings:
            asyncio.get_running_loop().call_soon(self._commit)
        elif self._committing is not None:
            committing, self._committing = self._committing, None
            committing.set_result(None)

    def _replies(
        self, uid: int, each: Sequence[Line | EventError], outcomes: Iterable[AcceptOutcome]
    ) -> bytes:
        replies: list[bytes] = []
        of_lines = iter(outcomes)
        for answer in each:
            if isinstance(answer, EventError):
                replies.append(wire.error_reply(answer, self.language))
                continue
            outcome = next(of_lines)
            if outcome == "conflict":
                error = wire.conflict(answer.id)
                self.refused(uid, error)
                replies.append(wire.error_reply(error, self.language))
            else:
                replies.append(wire.ok_reply(answer.id, duplicate=outcome == "duplicate"))
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
