"""What is asked of the store for people to read, in slices that let everything else have its turn
between them: `queue list`, `history`, and what `status` has of both.

Of the line of an event no more is kept than is shown (`wire.outline`), however many events there
are in a slice.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from functools import partial
from heapq import nlargest
from re import compile as compiled
from typing import Any, NamedTuple, TypeVar

import msgspec

from zaiond import wire
from zaiond.model import OPEN
from zaiond.store import acknowledgements, history, prune
from zaiond.store.acknowledgements import Acknowledgement
from zaiond.store.events import get_meta
from zaiond.store.history import (
    AttemptRow,
    DeliveryRow,
    EventHistory,
    EventRow,
    Head,
    OpenDelivery,
)
from zaiond.store.prune import Shortened
from zaiond.store.writer import Submit

T = TypeVar("T")
_BEYOND = 2**62  # any seq
MOST = 10_000  # events or deliveries that are told of at once
EVENTS = 50  # of which documents are made at a time: other connections are served in between


def matcher(pattern: str) -> Callable[[str], Any]:
    """Says whether a text is as this pattern of a shell."""
    return compiled(translate(pattern)).match


class Lost(NamedTuple):
    """Deliveries of one state that were lost: how many, how many of them nobody knows of yet, and
    to whom these were to go (the first few recipients)."""

    total: int = 0
    unknown: int = 0
    recipients: tuple[str, ...] = ()


class _Type(msgspec.Struct):
    type: str


_type = msgspec.json.Decoder(_Type).decode
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

    def has(self, row: Head | EventRow) -> bool:
        """Whether it is one of them, but for `failed`; of a row without its line, and for the type.

        All times are compared: a clock that was set leaves no order.
        """
        if self.since is not None and row.accepted < self.since:
            return False
        if self.source is not None and not self._is_source(row.source or f"uid:{row.uid}"):
            return False
        if self.type is None or isinstance(row, Head):
            return True
        try:
            return bool(self._is_type(_type(row.body).type))
        except (msgspec.DecodeError, UnicodeDecodeError):  # a damaged page
            return False


class Queries:
    """Asks the writer; `routed_through` says up to which event all are mails."""

    def __init__(self, submit: Submit, routed_through: Callable[[], int]) -> None:
        self._submit = submit
        self._routed_through = routed_through

    async def _pages(
        self, operation: Callable[..., Sequence[T]], first: Any, key: Callable[[T], Any]
    ) -> AsyncIterator[Sequence[T]]:
        after = first
        while rows := await self._submit(partial(operation, after=after)):
            yield rows
            after = key(rows[-1])

    async def _all(
        self, operation: Callable[..., Sequence[T]], first: Any, key: Callable[[T], Any]
    ) -> list[T]:
        return [row async for page in self._pages(operation, first, key) for row in page]

    # -- history

    async def seqs_of(self, ids: Sequence[str]) -> list[int]:
        """The first MOST of the events with these ids, in order."""
        found: set[int] = set()
        for start in range(0, len(ids), history.ROWS):
            part = ids[start : start + history.ROWS]
            found.update(seq for _, seq in await self._submit(partial(history.with_ids, ids=part)))
            if len(found) >= MOST:
                break
        return sorted(found)[:MOST]

    async def find(self, wanted: Wanted, *, all_held: bool) -> AsyncIterator[list[int]]:
        """The newest of the events that are wanted, oldest first: as far as they are found, and in
        the end all. `all_held`: the queue is held.
        """
        found: list[int] = []
        if wanted.failed:
            async for seqs in self._not_arriving(all_held=all_held):
                async for rows in self._known(wanted, seqs):
                    found += [row.seq for row in rows if wanted.has(row)]
                found = nlargest(wanted.limit, set(found))
                yield found[::-1]
            return
        pages: AsyncIterator[Sequence[Head | EventRow]]
        if wanted.type is None:
            pages = self._pages(history.newest, _BEYOND, _seq)
        else:
            pages = self._pages(history.newest_events, _BEYOND, _seq)
        async for page in pages:
            found += [row.seq for row in page if wanted.has(row)]
            yield found[: wanted.limit][::-1]
            if len(found) >= wanted.limit:
                return

    def _known(
        self, wanted: Wanted, seqs: Sequence[int]
    ) -> AsyncIterator[Sequence[Head | EventRow]]:
        """These events, with their lines only where these are asked for."""
        if wanted.type is None:
            return self._pages(partial(history.heads, seqs=seqs), 0, _seq)
        return self._pages(partial(history.events, seqs=seqs), 0, _seq)

    async def _not_arriving(self, *, all_held: bool) -> AsyncIterator[list[int]]:
        """Events of which something was lost or is held, in parts."""
        async for lost in self._pages(history.lost, (-1.0, 0), lambda row: (row.ended, row.id)):
            yield await self._seqs_of_messages({row.message for row in lost})
        if all_held:
            async for open_ in self._open():
                yield await self._seqs_of_messages({row.message for row in open_})
            async for seqs in self._unrouted():
                yield seqs
            return
        async for held in self._pages(history.held, ("", 0), lambda row: row[:2]):
            yield await self._seqs_of_messages({message for _, _, message in held})

    async def _seqs_of_messages(self, messages: Iterable[int]) -> list[int]:
        operation = partial(history.seqs_of, messages=sorted(messages))
        return sorted({seq for _, seq in await self._all(operation, (0, 0), lambda row: row)})

    async def told(
        self, seqs: Sequence[int], *, whole: bool = False
    ) -> AsyncIterator[list[EventHistory]]:
        """These events and what became of them, a few at a time; `seqs` are in order. `whole`: with
        all of their lines and all attempts.
        """
        for start in range(0, len(seqs), EVENTS):
            part = seqs[start : start + EVENTS]
            async for events in self._pages(partial(history.events, seqs=part), 0, _seq):
                rows = events if whole else list(map(_outlined, events))
                yield await self._with_deliveries(rows, whole=whole)

    async def _outlines(self, seqs: Sequence[int]) -> list[EventRow]:
        pages = self._pages(partial(history.events, seqs=seqs), 0, _seq)
        return [_outlined(row) async for page in pages for row in page]

    async def _with_deliveries(
        self, events: Sequence[EventRow], *, whole: bool
    ) -> list[EventHistory]:
        deliveries = await self._all(
            partial(history.deliveries, seqs=[row.seq for row in events]),
            (0, 0),
            lambda row: (row[0], row[1].id),
        )
        tried = sorted({row.id for _, row in deliveries if row.attempts or row.state not in OPEN})
        attempts: dict[int, list[AttemptRow]] = {}
        for attempt in await self._attempts(tried, whole=whole):
            attempts.setdefault(attempt.delivery, []).append(attempt)
        of: dict[int, list[tuple[DeliveryRow, list[AttemptRow]]]] = {}
        for seq, delivery in deliveries:
            of.setdefault(seq, []).append((delivery, attempts.get(delivery.id, [])))
        return [EventHistory(event, of.get(event.seq, [])) for event in events]

    async def _attempts(self, deliveries: Sequence[int], *, whole: bool) -> list[AttemptRow]:
        if whole:
            of_all = partial(history.attempts, deliveries=deliveries)
            return await self._all(of_all, (0, 0), lambda row: (row.delivery, row.number))
        last = partial(history.last_attempts, deliveries=deliveries)
        return await self._all(last, 0, lambda row: row.delivery)

    # -- the queue

    def _open(self) -> AsyncIterator[Sequence[DeliveryRow]]:
        return self._pages(history.open_deliveries, (0, 0), lambda row: (row.message, row.id))

    async def _unrouted(self) -> AsyncIterator[list[int]]:
        pages = self._pages(history.unrouted, self._routed_through(), lambda row: row[0])
        async for rows in pages:
            yield [seq for seq, waits in rows if waits]

    async def waiting(self) -> AsyncIterator[list[OpenDelivery]]:
        """The deliveries that are open, in order, a few at a time."""
        async for deliveries in self._open():
            for start in range(0, len(deliveries), EVENTS):
                yield await self._waiting(deliveries[start : start + EVENTS])

    async def deliveries_of(
        self, seqs: Sequence[int], states: Sequence[str]
    ) -> AsyncIterator[list[OpenDelivery]]:
        """Those of these events that are in one of these states, a few at a time."""
        for start in range(0, len(seqs), EVENTS):
            rows = await self._all(
                partial(history.deliveries, seqs=seqs[start : start + EVENTS]),
                (0, 0),
                lambda row: (row[0], row[1].id),
            )
            wanted = {row.id: row for _, row in rows if row.state in states}
            yield await self._waiting(list(wanted.values()))

    async def _waiting(self, deliveries: Sequence[DeliveryRow]) -> list[OpenDelivery]:
        ids: dict[int, list[str]] = {}
        first: dict[int, int] = {}
        messages = sorted({row.message for row in deliveries})
        for message, seq, id_ in await self._all(
            partial(history.ids_of, messages=messages), (0, 0), lambda row: row[:2]
        ):
            ids.setdefault(message, []).append(id_)
            first.setdefault(message, seq)
        events = {row.seq: row for row in await self._outlines(sorted(set(first.values())))}
        tried = [row.id for row in deliveries if row.attempts]
        last = {
            row.delivery: row
            for start in range(0, len(tried), history.ROWS)
            for row in await self._submit(
                partial(history.last_replies, deliveries=tried[start : start + history.ROWS])
            )
        }
        return [
            OpenDelivery(
                row,
                ids.get(row.message, []),
                events.get(first.get(row.message, -1)),
                last.get(row.id),
            )
            for row in deliveries
        ]

    async def unrouted(self) -> AsyncIterator[list[EventRow]]:
        """The events that are no mails yet, a few at a time."""
        async for seqs in self._unrouted():
            for start in range(0, len(seqs), EVENTS):
                yield await self._outlines(seqs[start : start + EVENTS])

    async def unrouted_of(self, seqs: Sequence[int]) -> AsyncIterator[list[EventRow]]:
        """Those of these events that are no mails yet, a few at a time."""
        through = self._routed_through()
        for start in range(0, len(seqs), EVENTS):
            part = seqs[start : start + EVENTS]
            yield await self._outlines(
                await self._submit(
                    partial(history.unrouted_among, seqs=part, routed_through=through)
                )
            )

    # -- for status

    async def acknowledged(self) -> tuple[Acknowledgement, ...]:
        """Who has said that what was lost is known, in order."""
        kept = await self._submit(partial(get_meta, name=acknowledgements.META))
        return acknowledgements.decode(kept)

    async def shortened(self) -> tuple[Shortened, ...]:
        """Whose history was shortened, the last one last."""
        return prune.decode(await self._submit(partial(get_meta, name=prune.META)))

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
        of_mail = await self._submit(history.oldest_mail)
        if of_mail is not None:
            return of_mail
        async for seqs in self._unrouted():
            if seqs:
                return await self._submit(partial(history.accepted, seq=seqs[0]))
        return None


def _seq(row: Head | EventRow) -> int:
    return row.seq


def _outlined(row: EventRow) -> EventRow:
    return row._replace(body=wire.outline(row.body))
