"""Mails to come are made: of what they tell of, by the configuration in force."""

import asyncio
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import NamedTuple

import apsw
import msgspec
from msgspec import structs

from zaiond.delivery import words
from zaiond.delivery.batch import Wanted
from zaiond.delivery.mail_maker import MailMaker
from zaiond.delivery.remake import anew
from zaiond.errors import DiskFullError
from zaiond.event_rules import NOTICE_SOURCE
from zaiond.model import NewEvent, QueuedMail, Remade, Routing, StoredEvent, Usage
from zaiond.net.machine import rfc3339
from zaiond.routing.decision import Flush
from zaiond.routing.state import State
from zaiond.store import groups, membership
from zaiond.store import remake as remade
from zaiond.store.groups import Steps
from zaiond.store.members import Beginning, Members, add_usage
from zaiond.store.writer import Writer

SUPPRESSED = "zaiond.mails.suppressed"  # the notice that some events were held
AT_ONCE = 20  # mails that are made together: each may take a megabyte until it is on disk


class Made(NamedTuple):
    """Mails that are on disk and due, and what ends with them in the quotas of users."""

    mails: list[QueuedMail]
    released: Usage

    def add(self, more: "Made") -> None:
        """With those that were made behind them."""
        self.mails.extend(more.mails)
        add_usage(self.released, more.released)


class _Ready(NamedTuple):
    """What is to be put on disk of a mail to come; `left` has ended in quotas before."""

    wanted: Wanted
    mails: list[QueuedMail]
    known: Members
    left: Usage
    notice: NewEvent | None = None  # that something was held, which the mail tells of, too


class GroupMails:
    """Makes mails to come, which `state` remembers, and forgets them. `new_messages` and
    `new_deliveries` give rows; `queue_time` when what is made now is queued, `clock` seconds since
    the epoch.
    """

    def __init__(
        self,
        writer: Writer,
        state: State,
        new_messages: Iterator[int],
        new_deliveries: Iterator[int],
        queue_time: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._submit = writer.submit
        self._state = state
        self._new_messages, self._new_deliveries = new_messages, new_deliveries
        self._queue_time, self._clock = queue_time, clock

    async def make(
        self,
        maker: MailMaker,
        wanted: Sequence[Wanted],
        steps: Steps | None = None,
        others: Sequence[QueuedMail] = (),
    ) -> Made:
        """Makes these, and records `steps` and the mails `others`, which tell of events that were
        told of before, with them. Nothing may join them meanwhile: the router's lock is held.
        Raises DiskFullError.
        """
        ready = [await self._ready(maker, one) for one in wanted]
        at = self._queue_time()

        def put(db: apsw.Connection) -> tuple[set[int], Usage]:
            if steps is not None:
                steps.put(db)
            behind = groups.add(db, others)
            released: Usage = {}
            for one in ready:
                row, into = one.wanted.row, one.wanted.into
                if one.notice is not None:
                    groups.add_notice(db, row, one.notice, at)
                more, ended = groups.make(db, row, one.mails, into, one.known.elsewhere)
                behind |= more
                add_usage(released, ended)
            return behind, released

        behind, released = await self._submit(put)
        for one in ready:
            add_usage(released, one.left)
            if not one.wanted.into:
                add_usage(released, one.known.usage)
        mails = [*others, *(mail for one in ready for mail in one.mails)]
        mails.sort(key=lambda mail: mail.row)
        left = [mail.keeping(lambda d: d.row not in behind) for mail in mails]
        return Made([mail for mail in left if mail is not None], released)

    async def make_now(self, maker: MailMaker, rows: Collection[int]) -> Made:
        """Makes these mails to come, whatever they wait for, but for those that were made
        meanwhile; to be called with `lock` held. Raises DiskFullError.
        """
        wanted = []
        for group in [one for one in self._state.groups.values() if one.message in rows]:
            self._state.forget_group(group)
            to = maker.table.route_now(group.routing).to
            wanted.append(Wanted.of(Flush(group, to, group.routing)))
        try:
            made = await self.make(maker, wanted, Steps(changes=self._state.changes()))
        except DiskFullError:
            self._state.rollback()
            raise
        self._state.commit()
        return made

    async def forget(self, rows: Sequence[int]) -> None:
        """Forgets these mails to come, in which no event is left; to be called with `lock` held."""
        for group in [one for one in self._state.groups.values() if one.message in rows]:
            self._state.forget_group(group)
        if rows:
            forget = partial(groups.forget, rows=rows, changes=self._state.changes())
            await self._submit(forget, essential=True)
            self._state.commit()

    def reconcile(self, to_come: Mapping[int, Routing]) -> None:
        """Remembers these mails to come, which are those on disk: what was lost of either is due at
        once, or forgotten. To be called with `lock` held, or before anything is routed.
        """
        known = {group.message: group for group in self._state.groups.values() if group.is_pending}
        for group in [one for row, one in known.items() if row not in to_come]:
            self._state.forget_group(group)
        self._state.commit()  # so it is on disk, whatever is taken back later
        for row, routing in to_come.items():
            if row not in known:
                self._state.adopt(row, routing, self._clock())

    async def remake(self, maker: MailMaker, row: int, *, reopen: bool) -> Remade | None:
        """What is to be put in the place of a mail that was made of a group, by the configuration
        in force; None: nothing of it is open. `reopen`: as of `remake`.
        """
        record = await self._submit(partial(remade.group_state, row=row))
        if record is None or not (
            record.message.is_open or (reopen and any(d.is_lost for d in record.deliveries))
        ):
            return None
        routing = record.message.routing
        is_told = await self._leave_told_anew(maker, row, routing)
        known = await self._known(row)
        read = await self._read(row, known, routing)
        if read is None and not is_told:
            return None
        events = [] if read is None else read[1]
        # Then nothing is left of it, or but the notice that it was held.
        is_told = is_told and all(e.notice and e.id.startswith(f"{SUPPRESSED}/") for e in events)
        lane = next(iter(known.lanes)) if len(known.lanes) == 1 else None
        _, _, job = (lane or "").partition(" job ")  # it may have recipients of its own now
        now_of = structs.replace(routing, job=routing.job or job or None)
        parts = maker.parts(maker.group_tells_now(now_of, record.elsewhere))
        if is_told:
            parts = []
        if record.has_other:  # which has the others
            is_plain = all(d.recipient.isascii() for d in record.deliveries)
            parts = [part for part in parts if MailMaker.address(part[0]).isascii() == is_plain]
        at, now = self._queue_time(), self._clock()

        def make(of: int, to: tuple[str, ...], message_id: str | None) -> QueuedMail:
            assert read is not None  # noqa: S101 - else there are no parts
            return maker.make_together(
                of, known, events, read[0], to, repeat(0), routing, at, now, message_id
            )

        done = anew(
            [record.message],
            record.deliveries,
            parts,
            make,
            self._new_messages,
            self._new_deliveries,
            at,
            reopen=reopen,
        )
        return done._replace(of=row)

    async def _known(self, row: int) -> Members:
        known = Members()
        some: Members | None = None
        while some is None or some.total:
            some = await self._submit(partial(membership.look, row=row, after=known.through))
            known.add(some)
        return known

    async def _read(
        self, row: int, known: Members, routing: Routing
    ) -> tuple[Beginning, list[StoredEvent]] | None:
        """What its text needs of it; None: it tells of nothing."""
        if not known.total:
            return None
        start = await self._submit(partial(membership.beginning, row=row))
        if start is None:
            return None
        shown = known.shown
        if routing.kind == "problem":  # the last one may say that it is over
            shown = [known.through, *(seq for seq in shown if seq != known.through)]
        events = await self._submit(partial(membership.read, seqs=shown))
        await asyncio.sleep(0)
        return start, events

    async def _ready(self, maker: MailMaker, wanted: Wanted) -> _Ready:
        row, to, routing = wanted.row, wanted.to, wanted.routing
        left = await self._leave_told(maker, row, to) if wanted.inherited else {}
        known = await self._known(row)
        read = await self._read(row, known, routing) if to else None
        if read is None:
            return _Ready(wanted, [], known, left)
        start, events = read
        notice = None
        if routing.kind == "suppressed" and known.total > 1:
            notice = self._notice(maker, wanted, known)
            events.append(StoredEvent(0, *notice, notice=True))
            known.total += 1
            known.severities["warning"] += 1
        mails: list[QueuedMail] = []
        for recipients in maker.parts(to):
            first = not mails
            mails.append(
                maker.make_together(
                    row if first else next(self._new_messages),
                    known,
                    events,
                    start,
                    recipients,
                    self._new_deliveries,
                    routing,
                    self._queue_time(),
                    self._clock(),
                    start.message_id if first else None,
                )
            )
        return _Ready(wanted, mails, known, left, notice)

    async def _leave_told_anew(self, maker: MailMaker, row: int, routing: Routing) -> bool:
        """The same of a mail that is made anew, if it was held for somebody who is gone; says so.
        What it tells of has ended in quotas.
        """
        to = maker.table.route_now(routing).to
        held_for = routing.recipients if routing.kind == "suppressed" else None
        if not held_for or not set(held_for).isdisjoint(to):
            return False
        await self._leave_told(maker, row, to)
        return True

    async def _leave_told(self, maker: MailMaker, row: int, to: Sequence[str]) -> Usage:
        """Who gets this mail in the place of others gets nothing by it that another tells him."""
        beside = await self._submit(partial(groups.beside, row=row))
        theirs = [
            other
            for other, routing in beside.items()
            if not set(to).isdisjoint(maker.table.route_now(routing).to)
        ]
        addresses = [maker.address(recipient) for recipient in to]
        leave = partial(groups.leave_told, row=row, to_come=theirs, recipients=addresses)
        return await self._submit(leave)

    def _notice(self, maker: MailMaker, wanted: Wanted, known: Members) -> NewEvent:
        recipient, now = ", ".join(wanted.to), self._clock()
        said = words.suppressed(recipient=recipient, held=known.total)
        line = {
            "type": SUPPRESSED,
            "source": NOTICE_SOURCE,
            "severity": "warning",
            "subject": said.in_language(maker.language),
            "data": {"recipient": recipient, "held": known.total, "since": rfc3339(known.first)},
        }
        id_, body = f"{SUPPRESSED}/{int(now)}/{wanted.row}", msgspec.json.encode(line)
        return id_, os.getuid(), NOTICE_SOURCE, now, body, False, None
