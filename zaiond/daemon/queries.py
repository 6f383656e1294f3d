"""What is asked of the store for people to read, in slices that let everything else have its turn
between them: `queue list`, `history`, and the counts of `status`.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from functools import partial
from heapq import nlargest
from re import compile as compiled
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from zaiond.store import history
from zaiond.store.history import (
    AttemptRow,
    DeliveryRow,
    EventHistory,
    EventRow,
    OpenDelivery,
)
from zaiond.store.queue import OPEN
from zaiond.store.writer import Operation

T = TypeVar("T")
_BEYOND = 2**62  # any seq
EVENTS = 50  # of which documents are made at a time: other connections are served in between


def matcher(pattern: str) -> Callable[[str], Any]:
    """Says whether a text is as this pattern of a shell."""
    return compiled(translate(pattern)).match


class Submit(Protocol):
    """The writer's way to run an operation."""

    def __call__(self, operation: Operation[T], /) -> Awaitable[T]: ...


class Lost(NamedTuple):
    """Deliveries of one state that were lost: how many, how many of them nobody knows of yet, and
    to whom these were to go (the first few recipients)."""

    total: int = 0
    unknown: int = 0
    recipients: tuple[str, ...] = ()


class _Head(msgspec.Struct):
    type: str
    source: str | None = None


_head = msgspec.json.Decoder(_Head).decode
NAMED = 4  # recipients that are told by name, and one more


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events are asked for: patterns are those of a shell."""

    since: float | None = None
    type: str | None = None
    source: str | None = None
    failed: bool = False
    limit: int
    _is_type: Callable[[str], Any] = field(init=False)
    _is_source: Callable[[str], Any] = field(init=False)

    def __post_init__(self) -> None:
        for name, pattern in (("_is_type", self.type), ("_is_source", self.source)):
            object.__setattr__(self, name, matcher("*" if pattern is None else pattern))

    def has(self, row: EventRow) -> bool:
        """Whether it is one of them, but for `failed`."""
        if self.since is not None and row.accepted < self.since:
            return False
        if self.type is None and self.source is None:
            return True
        try:
            head = _head(row.body)
        except (msgspec.DecodeError, UnicodeDecodeError):  # a damaged page
            return False
        source = head.source or f"uid:{row.uid}"
        return bool(self._is_type(head.type) and self._is_source(source))


class Queries:
    """Asks the writer; `routed_through` says up to which event all are mails."""

    def __init__(self, submit: Submit, routed_through: Callable[[], int]) -> None:
        self._submit = submit
        self._routed_through = routed_through

    async def _pages(
        self, operation: Callable[..., list[T]], first: Any, key: Callable[[T], Any]
    ) -> AsyncIterator[list[T]]:
        after = first
        while rows := await self._submit(partial(operation, after=after)):
            yield rows
            after = key(rows[-1])

    async def _all(
        self, operation: Callable[..., list[T]], first: Any, key: Callable[[T], Any]
    ) -> list[T]:
        return [row async for page in self._pages(operation, first, key) for row in page]

    # -- history

    async def seqs_of(self, ids: Sequence[str]) -> dict[str, list[int]]:
        """The events with these ids; an id that no event has isn't there."""
        found: dict[str, list[int]] = {}
        for start in range(0, len(ids), history.ROWS):
            part = ids[start : start + history.ROWS]
            for id_, seq in await self._submit(partial(history.with_ids, ids=part)):
                found.setdefault(id_, []).append(seq)
        return found

    async def find(self, wanted: Wanted, *, all_held: bool) -> AsyncIterator[list[int]]:
        """The newest of the events that are wanted, oldest first: as far as they are found, and in
        the end all. `all_held`: the queue is held.
        """
        found: list[int] = []
        if wanted.failed:
            async for seqs in self._not_arriving(all_held=all_held):
                found += [row.seq for row in await self._events(seqs) if wanted.has(row)]
                found = nlargest(wanted.limit, set(found))
                yield found[::-1]
            return
        pages: AsyncIterator[list[int]]
        if wanted.type is None and wanted.source is None:
            pages = self._accepted_since(wanted.since)
        else:
            pages = self._matching(wanted)
        async for seqs in pages:
            found += seqs
            yield found[: wanted.limit][::-1]
            if len(found) >= wanted.limit:
                return

    async def _accepted_since(self, since: float | None) -> AsyncIterator[list[int]]:
        # All of them: a clock that was set leaves no order.
        async for rows in self._pages(history.newest, _BEYOND, lambda row: row[0]):
            yield [seq for seq, accepted in rows if since is None or accepted >= since]

    async def _matching(self, wanted: Wanted) -> AsyncIterator[list[int]]:
        async for rows in self._pages(history.newest_events, _BEYOND, lambda row: row.seq):
            yield [row.seq for row in rows if wanted.has(row)]

    async def _not_arriving(self, *, all_held: bool) -> AsyncIterator[list[int]]:
        """Events of which something was lost or is held, in parts."""
        async for lost in self._pages(history.lost, (-1.0, 0), lambda row: (row.ended, row.id)):
            yield await self._seqs_of_messages({row.message for row in lost})
        if all_held:
            async for open_ in self._open():
                yield await self._seqs_of_messages({row.message for row in open_})
            async for events in self._unrouted():
                yield [row.seq for row in events]
            return
        async for held in self._pages(history.held, ("", 0), lambda row: row[:2]):
            yield await self._seqs_of_messages({message for _, _, message in held})

    async def _seqs_of_messages(self, messages: Iterable[int]) -> list[int]:
        operation = partial(history.seqs_of, messages=sorted(messages))
        return sorted({seq for _, seq in await self._all(operation, (0, 0), lambda row: row)})

    async def _events(self, seqs: Sequence[int]) -> list[EventRow]:
        operation = partial(history.events, seqs=seqs)
        return await self._all(operation, 0, lambda row: row.seq)

    async def told(self, seqs: Sequence[int]) -> AsyncIterator[list[EventHistory]]:
        """These events and what became of them, a few at a time; `seqs` are in order."""
        for start in range(0, len(seqs), EVENTS):
            part = seqs[start : start + EVENTS]
            async for events in self._pages(
                partial(history.events, seqs=part), 0, lambda row: row.seq
            ):
                yield await self._with_deliveries(events)

    async def _with_deliveries(self, events: Sequence[EventRow]) -> list[EventHistory]:
        deliveries = await self._all(
            partial(history.deliveries, seqs=[row.seq for row in events]),
            (0, 0),
            lambda row: (row[0], row[1].id),
        )
        attempts: dict[int, list[AttemptRow]] = {}
        tried = sorted({row.id for _, row in deliveries if row.attempts or row.state not in OPEN})
        for attempt in await self._all(
            partial(history.attempts, deliveries=tried),
            (0, 0),
            lambda row: (row.delivery, row.number),
        ):
            attempts.setdefault(attempt.delivery, []).append(attempt)
        of: dict[int, list[tuple[DeliveryRow, list[AttemptRow]]]] = {}
        for seq, delivery in deliveries:
            of.setdefault(seq, []).append((delivery, attempts.get(delivery.id, [])))
        return [EventHistory(event, of.get(event.seq, [])) for event in events]

    # -- the queue

    def _open(self) -> AsyncIterator[list[DeliveryRow]]:
        return self._pages(history.open_deliveries, (0, 0), lambda row: (row.message, row.id))

    async def _unrouted(self) -> AsyncIterator[list[EventRow]]:
        pages = self._pages(history.unrouted, self._routed_through(), lambda row: row.seq)
        async for rows in pages:
            yield [row for row in rows if row.outcome is None]

    async def waiting(self) -> AsyncIterator[list[OpenDelivery]]:
        """The deliveries that are open, in order, a few at a time."""
        async for deliveries in self._open():
            for start in range(0, len(deliveries), EVENTS):
                yield await self._waiting(deliveries[start : start + EVENTS])

    async def deliveries_of(self, seqs: Sequence[int], states: Sequence[str]) -> list[OpenDelivery]:
        """Those of these events that are in one of these states."""
        found: list[OpenDelivery] = []
        for start in range(0, len(seqs), EVENTS):
            rows = await self._all(
                partial(history.deliveries, seqs=seqs[start : start + EVENTS]),
                (0, 0),
                lambda row: (row[0], row[1].id),
            )
            wanted = {row.id: row for _, row in rows if row.state in states}
            found += await self._waiting(list(wanted.values()))
        return found

    async def _waiting(self, deliveries: Sequence[DeliveryRow]) -> list[OpenDelivery]:
        messages = sorted({row.message for row in deliveries})
        events: dict[int, list[EventRow]] = {}
        for message, event in await self._all(
            partial(history.events_of, messages=messages),
            (0, 0),
            lambda row: (row[0], row[1].seq),
        ):
            events.setdefault(message, []).append(event)
        tried = [row.id for row in deliveries if row.attempts]
        last = {
            row.delivery: row
            for start in range(0, len(tried), history.ROWS)
            for row in await self._submit(
                partial(history.last_replies, deliveries=tried[start : start + history.ROWS])
            )
        }
        return [
            OpenDelivery(row, events.get(row.message, []), last.get(row.id)) for row in deliveries
        ]

    async def unrouted(self) -> AsyncIterator[list[EventRow]]:
        """The events that are no mails yet, a few at a time."""
        async for rows in self._unrouted():
            for start in range(0, len(rows), EVENTS):
                yield rows[start : start + EVENTS]

    async def unrouted_of(self, seqs: Sequence[int]) -> list[EventRow]:
        """Those among these events, of which no delivery is open."""
        rows = await self._events(seqs)
        through = self._routed_through()
        return [row for row in rows if row.seq > through and row.outcome is None]

    # -- counts

    async def count_open(self) -> int:
        """How many deliveries have not ended."""
        return await self._count(history.skip_open, (0, 0))

    async def count_held(self) -> int:
        """How many are in state `held`; what the queue's hold holds isn't."""
        return await self._count(history.skip_held, ("", 0))

    async def _count(
        self, operation: Callable[..., tuple[int, tuple[T, int] | None]], first: tuple[T, int]
    ) -> int:
        counted, after = await self._submit(partial(operation, after=first))
        while after is not None:
            more, after = await self._submit(partial(operation, after=after))
            counted += more
        return counted

    async def lost(self, since: float, known_through: float) -> dict[str, Lost]:
        """What has failed or expired after `since`, by its state; up to `known_through` it is
        known. Both are queue times.
        """
        counts: Counter[tuple[str, bool]] = Counter()
        named: dict[str, dict[str, None]] = {"failed": {}, "expired": {}}
        async for rows in self._pages(history.lost, (since, 0), lambda row: (row.ended, row.id)):
            for row in rows:
                known = row.ended <= known_through
                counts[row.state, known] += 1
                if not known and len(named[row.state]) <= NAMED:
                    named[row.state][row.recipient] = None
        return {
            state: Lost(counts[state, True] + counts[state, False], counts[state, False], tuple(of))
            for state, of in named.items()
        }

    async def oldest(self) -> tuple[float, float] | None:
        """When the oldest event that waits was accepted, by the clock and in queue time."""
        operation = partial(history.oldest, routed_through=self._routed_through())
        return await self._submit(operation)
