"""Takes events in: lines of the event socket, to the store in batches, replies after the commit.

Each connection keeps its lines in order, parsed or found wrong. A batch is filled in turns over the
users that have something to say, a share each, so that one who floods slows himself alone. While a
batch is being committed the next one gathers; when idle, a line is a batch by itself at once.

Memory is bounded: a connection that has sent far ahead is not read until its lines are answered.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
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
        self._connections: set[EventConnection] = set()
        self._logged_at: dict[int, float] = {}

    def connection(self) -> EventConnection:
        """The protocol of one more connection."""
        return EventConnection(self)

    def parse(self, text: bytes) -> Line:
        """A line, checked; its id made if it has none."""
        try:
            sent = wire.parse(text)
        except EventError as error:
            return Line(b"", "", "", error)
        return Line(
            sent.line,
            sent.id or self._make_id(),
            sent.source or "",
            None,
            sent.severity in URGENT,
            wire.lane(sent),
        )

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
        """Counts what was refused, and logs it: at most one line a second for each user."""
        self.refusals.count(uid, error, self._clock())
        now = time.monotonic()
        if now - self._logged_at.get(uid, -1.0) >= 1.0:
            self._logged_at[uid] = now
            self._journal.warning(
                Text(
                    f"uid {uid} のイベントを受け付けませんでした: {error.text.ja}",
                    f"refused an event of uid {uid}: {error.text.en}",
                ),
                Kind.EVENT_REFUSED,
                uid=uid,
                code=error.code,
            )

    def has_lines(self, connection: EventConnection) -> None:
        """The connection has lines and is not in line for its turn yet."""
        of_uid = self._turns.get(connection.uid)
        if of_uid is None:
            of_uid = self._turns[connection.uid] = deque()
        of_uid.append(connection)
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
        parts = self._fill()
        now = self._clock()
        closed_for = self._closed_for()
        batch: list[NewEvent] = []
        answers: list[tuple[EventConnection, Sequence[Line | EventError]]] = []
        for connection, lines in parts:
            admitted, of_connection = self._admit(connection.uid, lines, closed_for)
            uid = connection.uid
            batch += [
                (id_, uid, source, now, text, urgent, lane)
                for text, id_, source, _, urgent, lane in admitted
            ]
            answers.append((connection, of_connection))
        if not batch:
            self._answer(answers, None)
            return
        accepted = self._accept(batch)
        accepted.add_done_callback(lambda done: self._committed(answers, batch, done))

    def _admit(
        self, uid: int, lines: list[Line], closed_for: EventError | None
    ) -> tuple[Sequence[Line], Sequence[Line | EventError]]:
        """The lines that go into the batch, and of each line itself or why it doesn't."""
        if closed_for is None and not any(line.error for line in lines):
            # All at once, as it mostly is: one by one, it costs as much as parsing them.
            with contextlib.suppress(EventError):
                self.quotas.reserve(uid, len(lines), sum(len(line.text) for line in lines))
                return lines, lines
        admitted: list[Line] = []
        each: list[Line | EventError] = []
        for line in lines:
            error = line.error or closed_for
            if error is None:
                try:
                    self.quotas.reserve(uid, 1, len(line.text))
                except EventError as over:
                    error = over
            if error is None:
                admitted.append(line)
                each.append(line)
            else:
                self.refused(uid, error)
                each.append(error)
        return admitted, each

    def _committed(
        self,
        answers: list[tuple[EventConnection, Sequence[Line | EventError]]],
        batch: list[NewEvent],
        accepted: "asyncio.Future[Acceptance]",
    ) -> None:
        try:
            acceptance = accepted.result()
        except StoreError as error:
            full = isinstance(error, DiskFullError)
            failed = EventError("disk_full" if full else "unavailable", error.text)
            for _, uid, _, _, text, *_ in batch:
                self.quotas.release(uid, len(text))
            self._answer(
                [(connection, [failed if isinstance(a, Line) else a for a in each])
                 for connection, each in answers], None
            )  # fmt: skip
            return
        if acceptance.outcomes is not None:
            for outcome, (_, uid, _, _, text, *_) in zip(acceptance.outcomes, batch, strict=True):
                if outcome != "accepted":
                    self.quotas.release(uid, len(text))
        self._answer(answers, acceptance.outcomes)
        if acceptance.events:
            self._on_accepted(acceptance)

    def _answer(
        self,
        answers: list[tuple[EventConnection, Sequence[Line | EventError]]],
        outcomes: list[AcceptOutcome] | None,
    ) -> None:
        index = 0
        for connection, of_connection in answers:
            replies: list[bytes] = []
            for answer in of_connection:
                if isinstance(answer, EventError):
                    replies.append(wire.error_reply(answer, self.language))
                    continue
                outcome = "accepted" if outcomes is None else outcomes[index]
                index += 1
                if outcome == "conflict":
                    error = wire.conflict(answer.id)
                    self.refused(connection.uid, error)
                    replies.append(wire.error_reply(error, self.language))
                else:
                    replies.append(wire.ok_reply(answer.id, duplicate=outcome == "duplicate"))
            connection.answer(b"".join(replies), len(of_connection))
        if self._turns:
            asyncio.get_running_loop().call_soon(self._commit)
        elif self._committing is not None:
            committing, self._committing = self._committing, None
            committing.set_result(None)
