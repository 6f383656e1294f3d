"""What is asked of the store for people to read, in slices that let everything else have its turn
between them: `queue list`, `history`, and what `status` has of both.

Of the line of an event no more is kept than is shown (`wire.outline`), however many events there
are in a slice.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import partial
from heapq import nlargest
from re import compile as compiled
from typing import Any, NamedTuple, TypeVar

import msgspec

from zaiond import wire
from zaiond.model import OPEN
from zaiond.store import history
from zaiond.store.history import (
    AttemptRow,
    DeliveryRow,
    EventHistory,
    EventRow,
    Head,
    MailToCome,
    OpenDelivery,
    Telling,
)
from zaiond.store.writer import Submit

T = TypeVar("T")
Row = TypeVar("Row", bound=tuple[Any, ...])
_BEYOND = 2**62  # any seq
MOST = 10_000  # events or deliveries that are told of at once
LAST_ATTEMPTS = 10  # of a delivery, where not all of them are asked for
_ALL_ATTEMPTS = 2**62
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


class Found(NamedTuple):
    """Events by their seq, oldest first; `older`: before which there may be more, None:
    nowhere.
    """

    seqs: list[int]
    older: int | None = None


class _Named(msgspec.Struct):
    type: str
    key: str | None = None
    job: str | None = None


_named = msgspec.json.Decoder(_Named).decode
NAMED = 4  # recipients that are told by name, and one more


@dataclass(kw_only=True)
class Wanted:
    """Which events are asked for: patterns (`type`, `source`) are those of a shell; `before` is
    a seq, and `look_at` says how many events are looked at, more or less (what has `failed` is
    found without). With an `id` none of `failed`, `limit` and these two counts.
    """

    id: str | None = None
    before: int = _BEYOND
    look_at: int | None = None
    since: float | None = None
    type: str | None = None
    source: str | None = None
    key: str | None = None
    job: str | None = None
    failed: bool = False
    limit: int

    def __post_init__(self) -> None:
        self._is_type = matcher(self.type or "")
        self._is_source = matcher(self.source or "")

    @property
    def of_line(self) -> bool:
        """Whether it takes an event's line to know."""
        return any(one is not None for one in (self.type, self.key, self.job))

    def has(self, row: Head | EventRow) -> bool:
        """Whether it is one of them, but for `failed`; of a row without its line, also but
        for what that says.

        All times are compared: a clock that was set leaves no order.
        """
        if self.since is not None and row.accepted < self.since:
            return False
        if self.source is not None and not self._is_source(row.source or f"uid:{row.uid}"):
            return False
        return not self.of_line or isinstance(row, Head) or self._has_line(row.body)

    def _has_line(self, body: bytes) -> bool:
        try:
            named = _named(body)
        except (msgspec.DecodeError, UnicodeDecodeError):  # a damaged page
            return False
        return (
            (self.type is None or bool(self._is_type(named.type)))
            and self.key in (None, named.key)
            and self.job in (None, named.job)
        )


class Queries:
    """Asks the writer; `routed_through` says up to which event all are mails."""

    def __init__(self, submit: Submit, routed_through: Callable[[], int]) -> None:
        self._submit = submit
        self._routed_through = routed_through

    async def _pages(
        self, operation: Callable[..., Sequence[Row]], first: Any
    ) -> AsyncIterator[Sequence[Row]]:
        after = first
        while rows := await self._submit(partial(operation, after=after)):
            yield rows
            after = rows[-1][: len(first)] if isinstance(first, tuple) else rows[-1][0]

    async def _all(self, operation: Callable[..., Sequence[Row]], first: Any = (0, 0)) -> list[Row]:
        return [row async for page in self._pages(operation, first) for row in page]

    # -- history

    async def seqs_of(self, ids: Sequence[str]) -> list[int]:
        """The first MOST of the events with these ids, in order."""
        found: set[int] = set()
        for part in _parts(ids, history.ROWS):
            found.update(seq for _, seq in await self._submit(partial(history.with_ids, ids=part)))
            if len(found) >= MOST:
                break
        return sorted(found)[:MOST]

    async def find(self, wanted: Wanted, *, all_held: bool) -> AsyncIterator[Found]:
        """The newest of the events that are wanted, oldest first: as far as they are found, and in
        the end all. `all_held`: the queue is held.
        """
        of: Any = EventRow if wanted.of_line else Head
        found: list[int] = []
        if wanted.id is not None:
            seqs = await self.seqs_of([wanted.id])
            rows = self._pages(partial(history.events, seqs=seqs, of=of), 0)
            yield Found([row.seq async for page in rows for row in page if wanted.has(row)])
            return
        most = wanted.limit
        if wanted.failed:
            async for seqs in self._not_arriving(all_held=all_held):
                seqs = [seq for seq in seqs if seq < wanted.before]
                rows = self._pages(partial(history.events, seqs=seqs, of=of), 0)
                found += [row.seq async for page in rows for row in page if wanted.has(row)]
                found = nlargest(most + 1, set(found))
                yield Found(found[:most][::-1], found[most - 1] if len(found) > most > 0 else None)
            return
        looked_at = 0
        async for page in self._pages(partial(history.newest, of=of), wanted.before):
            found += [row.seq for row in page if wanted.has(row)]
            looked_at += len(page)
            if len(found) >= most:
                yield Found(found[:most][::-1], found[most - 1] if most else None)
                return
            if wanted.look_at is not None and looked_at >= wanted.look_at:
                yield Found(found[::-1], page[-1].seq)
                return
            yield Found(found[::-1])

    async def _not_arriving(self, *, all_held: bool) -> AsyncIterator[list[int]]:
        """Events of which something was lost or is held, in parts."""
        async for lost in self._pages(history.lost, (-1.0, 0)):
            yield await self._seqs_of_messages(row.message for row in lost)
        if all_held:
            async for open_ in self._pages(history.open_deliveries, (0, 0)):
                yield await self._seqs_of_messages(row.message for row in open_)
            async for seqs in self._unrouted():
                yield seqs
            return
        async for held in self._pages(history.held, ("", 0)):
            yield await self._seqs_of_messages(message for _, _, message in held)

    async def _seqs_of_messages(self, messages: Iterable[int]) -> list[int]:
        found = await self._all(partial(history.seqs_of, messages=sorted(set(messages))))
        return sorted({seq for _, seq in found})

    async def told(
        self, seqs: Sequence[int], *, whole: bool = False
    ) -> AsyncIterator[list[EventHistory]]:
        """These events and what became of them, a few at a time; `seqs` are in order. `whole`: with
        all of their lines and all attempts.
        """
        for part in _parts(seqs):
            async for events in self._pages(partial(history.events, seqs=part, of=EventRow), 0):
                rows = events if whole else list(map(_outlined, events))
                yield await self._with_deliveries(rows, whole=whole)

    async def _outlines(self, seqs: Sequence[int]) -> list[EventRow]:
        pages = self._pages(partial(history.events, seqs=seqs, of=EventRow), 0)
        return [_outlined(row) async for page in pages for row in page]

    async def _with_deliveries(
        self, events: Sequence[EventRow], *, whole: bool
    ) -> list[EventHistory]:
        deliveries = await self._all(partial(history.deliveries, seqs=[row.seq for row in events]))
        tried = sorted({id_ for _, id_, row in deliveries if row.attempts or row.state not in OPEN})
        attempts = partial(
            history.attempts, deliveries=tried, last=_ALL_ATTEMPTS if whole else LAST_ATTEMPTS
        )
        of_delivery: dict[int, list[AttemptRow]] = defaultdict(list)
        for attempt in await self._all(attempts):
            of_delivery[attempt.delivery].append(attempt)
        of_event: dict[int, list[tuple[DeliveryRow, list[AttemptRow]]]] = defaultdict(list)
        for seq, id_, delivery in deliveries:
            of_event[seq].append((delivery, of_delivery[id_]))
        to_come: dict[int, list[MailToCome]] = defaultdict(list)
        awaited = partial(history.to_come, seqs=[row.seq for row in events])
        for seq, _, mail in await self._all(awaited):
            to_come[seq].append(mail)
        return [EventHistory(event, of_event[event.seq], to_come[event.seq]) for event in events]

    # -- the queue

    async def _unrouted(self) -> AsyncIterator[list[int]]:
        async for rows in self._pages(history.unrouted, self._routed_through()):
            yield [seq for seq, waits in rows if waits]

    async def waiting(self) -> AsyncIterator[list[OpenDelivery]]:
        """The deliveries that are open, in order, a few at a time."""
        async for deliveries in self._pages(history.open_deliveries, (0, 0)):
            for part in _parts(deliveries):
                yield await self._waiting(part)

    async def deliveries_of(
        self, seqs: Sequence[int], states: Sequence[str]
    ) -> AsyncIterator[list[OpenDelivery]]:
        """Those of these events that are in one of these states, a few at a time."""
        for part in _parts(seqs):
            rows = await self._all(partial(history.deliveries, seqs=part))
            wanted = {id_: row for _, id_, row in rows if row.state in states}
            for deliveries in _parts(list(wanted.values())):
                yield await self._waiting(deliveries)

    async def _waiting(self, deliveries: Sequence[DeliveryRow]) -> list[OpenDelivery]:
        tellings = await self._tellings(row.message for row in deliveries)
        tried = [row.id for row in deliveries if row.attempts]
        replies = await self._submit(partial(history.last_replies, deliveries=tried))
        last = {row.delivery: row for row in replies}
        return [OpenDelivery(row, tellings[row.message], last.get(row.id)) for row in deliveries]

    async def _tellings(self, messages: Iterable[int]) -> dict[int, Telling]:
        wanted = sorted(set(messages))
        found = await self._submit(partial(history.telling, messages=wanted))
        firsts = sorted({first for *_, first in found})
        events = {row.seq: row for row in await self._outlines(firsts)}
        return {row: Telling(number, ids, events.get(first)) for row, number, ids, first in found}

    async def to_come(self) -> AsyncIterator[list[tuple[MailToCome, Telling]]]:
        """The mails to come that are awaited, by when they are due, a few at a time."""
        async for page in self._pages(history.all_to_come, (-1.0, 0)):
            for part in _parts(page):
                yield await self._told_of([mail for *_, mail in part])

    async def to_come_of(
        self, seqs: Sequence[int]
    ) -> AsyncIterator[list[tuple[MailToCome, Telling]]]:
        """Those of these events, a few at a time."""
        rows = await self._all(partial(history.to_come, seqs=seqs))
        for part in _parts(list({row: mail for _, row, mail in rows}.values())):
            yield await self._told_of(part)

    async def _told_of(self, mails: Sequence[MailToCome]) -> list[tuple[MailToCome, Telling]]:
        tellings = await self._tellings(mail.message for mail in mails)
        # Of which all were deleted, it is forgotten when it is due.
        return [(mail, of) for mail in mails if (of := tellings[mail.message]).events]

    async def unrouted(self) -> AsyncIterator[list[EventRow]]:
        """The events that are no mails yet, a few at a time."""
        async for seqs in self._unrouted():
            for part in _parts(seqs):
                yield await self._outlines(part)

    async def unrouted_of(self, seqs: Sequence[int]) -> AsyncIterator[list[EventRow]]:
        """Those of these events that are no mails yet, a few at a time."""
        among = partial(history.unrouted_among, routed_through=self._routed_through())
        for part in _parts(seqs):
            yield await self._outlines(await self._submit(partial(among, seqs=part)))

    # -- for status

    async def lost(self, since: float, known_through: float) -> dict[str, Lost]:
        """What has failed or expired after `since`, by its state; up to `known_through` it is
        known. Both are queue times.
        """
        counts: Counter[tuple[str, bool]] = Counter()
        named: dict[str, dict[str, None]] = {"failed": {}, "expired": {}}
        async for rows in self._pages(history.lost, (since, 0)):
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


def _parts(of: Sequence[T], size: int = EVENTS) -> Iterator[Sequence[T]]:
    return (of[start : start + size] for start in range(0, len(of), size))


def _outlined(row: EventRow) -> EventRow:
    return row._replace(body=wire.outline(row.body))
