"""What is done to mails that wait: made anew by hand (`zaiond-ctl queue retry`) or when the
configuration has changed, and deleted (`zaiond-ctl queue delete`).
"""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import apsw
import msgspec

from zaiond.clock import QueueTime
from zaiond.delivery import words
from zaiond.delivery.group_mails import AT_ONCE
from zaiond.delivery.hand_back import hand_back
from zaiond.delivery.ledger import Observer
from zaiond.delivery.mail_maker import MailMaker
from zaiond.delivery.remake import remake
from zaiond.delivery.router import Router
from zaiond.delivery.ways import Ways
from zaiond.errors import DiskFullError
from zaiond.model import EventRecord, Remade, StoredEvent
from zaiond.store import events, groups, handed_on, holds, lanes, membership, pending
from zaiond.store import remake as remade
from zaiond.store.events import Owner
from zaiond.store.writer import Writer
from zaiond.text import Text


class Changed(msgspec.Struct, frozen=True):
    """What was done: how many deliveries, the ids that no event has, those being sent just now."""

    deliveries: int
    unknown: tuple[str, ...] = ()
    in_flight: tuple[str, ...] = ()


class Chosen(NamedTuple):
    """What is to be deleted: events; the ids that no event has; and where an id means events of
    several owners that are not told apart, those.
    """

    seqs: list[int]
    unknown: tuple[str, ...]
    several: dict[str, tuple[Owner, ...]]


class QueueAdmin:
    """Changes what waits. Mails that are being sent just now are left alone."""

    def __init__(
        self,
        writer: Writer,
        router: Router,
        ways: Ways,
        observer: Observer,
        queue_time: QueueTime,
        clock: Callable[[], float],
    ) -> None:
        self._hand_back = partial(hand_back, writer, router, ways, now=clock)
        self._writer = writer
        self._router = router
        self._ways = ways
        self._queue_time = queue_time
        self._observer = observer

    async def retry(self, ids: Iterable[str] = ()) -> Changed:
        """Makes the mails of these events (default: all that wait) anew, and due at once; of these
        also what has failed or expired, and the mails to come that they are in.

        Every server is tried again, too. The Message-ID stays, and so does what has arrived.
        """
        seqs, unknown = await self._find(ids)
        try:
            made, in_flight = await self.rebuild(seqs, by_hand=seqs is not None)
            if seqs is not None:
                made += await self._send_now(seqs)
            # What is not yet a mail becomes one by this configuration anyway.
            if seqs is None:
                made += self._router.waiting
            else:
                after = self._router.routed_through
                count = partial(events.count_unrouted, among=seqs, after=after)
                made += await self._writer.submit(count)
        finally:
            self._ways.retry_servers()
        return Changed(made, unknown, in_flight)

    async def _send_now(self, seqs: list[int]) -> int:
        """Makes the mails to come of these events; gives how many deliveries."""
        router, number = self._router, 0
        rows = await self._writer.submit(partial(groups.to_come_of, seqs=seqs))
        for first in range(0, len(rows), AT_ONCE):
            async with router.lock:
                maker = await router.maker_now()
                if maker is None:
                    break
                some = rows[first : first + AT_ONCE]
                made = await router.group_mails.make_now(maker, some)
            await router.hand_over(made)
            number += sum(len(mail.deliveries) for mail in made.mails)
        return number

    async def run(self) -> None:
        """Makes anew what was being sent while the configuration changed; ends when cancelled."""
        while True:
            mail = await self._ways.outdated.get()
            with contextlib.suppress(DiskFullError):  # it goes out as it is
                if mail.is_of_group:
                    await self.rebuild([], of_groups=[mail.row])
                else:
                    await self.rebuild([event.seq for event in mail.events])

    async def rebuild(
        self,
        seqs: list[int] | None = None,
        *,
        of_groups: list[int] | None = None,
        by_hand: bool = False,
    ) -> tuple[int, tuple[str, ...]]:
        """Makes the mails of these events, and those of these rows that were made of groups
        (default: all that wait) as the configuration has it; gives how many deliveries, and the ids
        of the events that are being sent. `by_hand`: what holds them no longer does, and what has
        failed or expired is sent again.
        """
        async with self._ways.changing(self._router.lock):
            maker = await self._router.maker_now()
            if maker is None:
                return 0, ()
            if seqs is None:
                wanted = await self._writer.submit(remade.open_events)
                of_groups = await self._writer.submit(remade.open_groups)
                await self._ways.ledger.release_all()
            else:
                wanted = seqs
                if by_hand:
                    of_groups = await self._writer.submit(partial(remade.groups_of, seqs=seqs))
            made, in_flight = await self._letters(maker, seqs), list[str]()
            async for chunk in self._ways.ledger.chunks(wanted, remade.of_size):
                sending = self._ways.sending
                states = await self._writer.submit(partial(remade.states, seqs=chunk))
                free: list[EventRecord] = []
                for state in states:
                    if sending.isdisjoint(message.row for message in state.messages):
                        free.append(state)
                    else:
                        in_flight.append(state.event.id)
                made += await self._put(free, maker, by_hand=by_hand)
            for row in of_groups or ():
                if row in self._ways.sending:
                    in_flight += await self._ids(row)
                else:
                    new = await self._router.group_mails.remake(maker, row, reopen=by_hand)
                    made += await self._put_all([new] if new else [], [], by_hand=by_hand)
            if seqs is None:
                while await self._writer.submit(partial(lanes.let_all_wait, limit=pending.SLICE)):
                    pass
            else:
                await self._writer.submit(partial(lanes.let_lanes_of_events_wait, seqs=seqs))
        return made, tuple(in_flight)

    async def hand_back(
        self, of: Callable[[apsw.Connection], list[int]], before: Callable[[], None] = lambda: None
    ) -> int:
        """Routes what waits to be handed on again, as far as it is among `of` these messages; gives
        how much it is. `before` is called when nothing is routed or sent meanwhile. Raises
        DiskFullError.
        """
        async with self._ways.changing(self._router.lock):
            before()
            maker = await self._router.maker_now()
            rows = [] if maker is None else await self._writer.submit(of)
            return 0 if maker is None else await self._hand_back(maker, rows)

    async def _letters(self, maker: MailMaker, seqs: list[int] | None) -> int:
        """What waits to be handed on of these events (None: of all) is due at once, or routed again
        where nothing is handed on any more; gives how many.
        """
        if maker.hands_on:
            if seqs is None:  # it is made due with the mails
                return await self._writer.submit(handed_on.count)
            return await self._writer.submit(partial(handed_on.let_wait, seqs=seqs))
        of = handed_on.waiting if seqs is None else partial(handed_on.waiting_of, seqs=seqs)
        rows = await self._writer.submit(of)
        return await self._hand_back(maker, rows) if rows else 0

    async def _ids(self, row: int) -> Sequence[str]:
        found = await self._writer.submit(partial(membership.beginning, row=row))
        return () if found is None else found.ids

    async def _put(self, states: list[EventRecord], maker: MailMaker, *, by_hand: bool) -> int:
        at = self._queue_time()
        new = [
            one
            for state in states
            if (
                one := remake(
                    state,
                    maker,
                    self._router.new_messages,
                    self._router.new_deliveries,
                    at,
                    reopen=by_hand,
                )
            )
        ]
        return await self._put_all(new, states, by_hand=by_hand)

    async def _put_all(self, new: list[Remade], states: list[EventRecord], *, by_hand: bool) -> int:
        if not new:
            return 0
        at = self._queue_time()
        recipients = {d.recipient for one in new for mail in one.mails for d in mail.deliveries}
        over = recipients & self._ways.holds.addresses if by_hand else set()

        def put(db: apsw.Connection) -> list[StoredEvent]:
            for address in over:
                holds.release(db, "address", address, at)
            return remade.put(db, new, at)

        ended = await self._writer.submit(put)
        for address in over:
            self._ways.holds.release("address", address)
        for row in (mail.row for one in new for mail in one.mails):
            self._ways.holds.release("mail", str(row))
        were_open = {s.event.seq for s in states if any(d.is_open for d in s.deliveries)}
        self._observer.events_reopened(
            [one.event for one in new if one.event is not None and one.event.seq not in were_open]
        )
        self._observer.events_ended(ended)
        return sum(len(mail.deliveries) for one in new for mail in one.mails)

    async def choose(
        self,
        ids: Iterable[str],
        uid: int | None = None,
        is_source: Callable[[str], bool] | None = None,
    ) -> Chosen:
        """What waits of the events with these ids, of this user and of such a source. An id is one
        event's only together with the two: emitters choose it.
        """
        chosen = Chosen([], (), {})
        unknown: list[str] = []
        for id_ in dict.fromkeys(ids):
            if not await self._writer.submit(partial(events.seqs_of, id=id_)):
                unknown.append(id_)
                continue
            after = self._router.routed_through
            found = [
                (seq, owner)
                for seq, owner in await self._writer.submit(
                    partial(events.open_with_id, id=id_, after=after)
                )
                if uid in (None, owner.uid)
                and (is_source is None or is_source(owner.source or f"uid:{owner.uid}"))
            ]
            owners = dict.fromkeys(owner for _, owner in found)
            if len(owners if is_source is None else {owner.uid for owner in owners}) > 1:
                chosen.several[id_] = tuple(owners)
            chosen.seqs.extend(seq for seq, _ in found)
        return chosen._replace(unknown=tuple(unknown))

    async def delete(self, chosen: Chosen, by: str) -> Changed:
        """Ends what waits of these events; `by` is who wants that, for the history."""
        seqs, reason = chosen.seqs, words.deleted(who=by)
        async with self._ways.changing(self._router.lock):
            gone = await self._writer.submit(
                partial(
                    events.delete_unrouted,
                    seqs=[seq for seq in seqs if seq > self._router.routed_through],
                    reason=reason,
                ),
                essential=True,  # it makes room
            )
            self._router.deleted(gone)
            self._observer.events_ended(gone)
            taken_out = await self._writer.submit(
                partial(groups.take_out, seqs=seqs, reason=reason), essential=True
            )
            self._observer.events_ended(taken_out.ended)
            await self._router.group_mails.forget(taken_out.emptied)
            left = await self._leave_groups(seqs, reason)
            rows = await self._writer.submit(partial(pending.open_messages, event_seqs=seqs))
            deleted, in_flight = await self._delete(rows, by)
            # An address or a mail of which nothing is left is held no longer.
            await self._ways.mend_holds()
        # What was no mail yet counts as one delivery, as everywhere.
        no_mails = len(gone) + taken_out.places + left
        self._ways.ledger.ended["deleted"] += no_mails
        return Changed(no_mails + deleted, chosen.unknown, in_flight)

    async def _leave_groups(self, seqs: list[int], reason: Text) -> int:
        """Takes events out of mails that were made of groups, which tell of the others all the
        same; gives how many.
        """
        maker = await self._router.maker_now()
        rows = await self._writer.submit(partial(remade.groups_of, seqs=seqs))
        number = 0
        for row in rows if maker is not None else ():
            if row in self._ways.sending:
                continue
            state = await self._writer.submit(partial(remade.group_state, row=row))
            if state is None or not state.message.is_open:
                continue
            leave = partial(groups.leave, row=row, seqs=seqs, reason=reason)
            gone = await self._writer.submit(leave, essential=True)
            if gone and maker is not None:
                new = await self._router.group_mails.remake(maker, row, reopen=False)
                await self._put_all([new] if new else [], [], by_hand=False)
            number += gone
        return number

    async def _delete(self, rows: list[int], by: str) -> tuple[int, tuple[str, ...]]:
        """Deletes what isn't being sent just now; gives the number of deliveries, and the ids of
        the events that are being sent.
        """
        deleted = 0
        others: list[int] = []
        async for chunk in self._ways.ledger.chunks(rows):
            sending = self._ways.sending
            free = [row for row in chunk if row not in sending]
            mails = await self._writer.submit(partial(pending.load, messages=free))
            await self._ways.ledger.end(mails, "deleted", "", by)
            deleted += sum(len(mail.deliveries) for mail in mails)
            others += [row for row in chunk if row in sending]
        left = await self._writer.submit(partial(pending.load, messages=others))
        return deleted, tuple(event.id for mail in left for event in mail.events)

    async def _find(self, ids: Iterable[str]) -> tuple[list[int] | None, tuple[str, ...]]:
        seqs: list[int] = []
        unknown: list[str] = []
        wanted = tuple(ids)
        for id_ in wanted:
            found = await self._writer.submit(partial(events.seqs_of, id=id_))
            seqs += found
            if not found:
                unknown.append(id_)
        return (seqs if wanted else None), tuple(unknown)
