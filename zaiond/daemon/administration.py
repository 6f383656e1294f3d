"""What an administrator does to the queue by hand: retry and delete (`zaiond-ctl queue`)."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from zaiond.daemon.dispatcher import Dispatcher
from zaiond.daemon.router import MailMaker, Router
from zaiond.routing.route import Dropped
from zaiond.store import events, queue
from zaiond.store.events import StoredEvent
from zaiond.store.queue import QueuedDelivery, QueuedMail
from zaiond.store.writer import Writer
from zaiond.text import Text

CHUNK = 200
_BY_HAND = Text("zaiond-ctl queue delete で削除", "deleted by zaiond-ctl queue delete")


@dataclass(frozen=True, slots=True)
class Changed:
    """What was done: how many deliveries, the ids that no event has, those being sent just now."""

    deliveries: int
    unknown: tuple[str, ...] = ()
    under_way: tuple[str, ...] = ()


class Administration:
    """Changes what waits. Mails that are being sent just now are left alone."""

    def __init__(
        self,
        writer: Writer,
        router: Router,
        dispatcher: Dispatcher,
        clock: Callable[[], float],
        on_ended: Callable[[list[StoredEvent]], None],
    ) -> None:
        self._writer = writer
        self._router = router
        self._dispatcher = dispatcher
        self._clock = clock
        self._on_ended = on_ended

    async def retry(self, ids: Iterable[str] = ()) -> Changed:
        """Makes the mails of these events (default: all that wait) anew, and due at once.

        Every server is tried again, too. The Message-ID stays, and so does what has arrived.
        """
        try:
            return await self.make_anew(ids)
        finally:
            self._dispatcher.retry_servers()
            self._dispatcher.reload_waiting()

    async def make_anew(self, ids: Iterable[str] = ()) -> Changed:
        """Makes the mails of these events (default: all that wait) by the configuration in force;
        they are on disk afterwards, and to be loaded from there.
        """
        async with self._router.lock:
            maker = self._router.maker
            if maker is None:
                return Changed(0)
            seqs, unknown = await self._find(ids)
            made, under_way = await self._change(
                await self._open(seqs), partial(self._remake, maker)
            )
            # What is not yet a mail becomes one by this configuration anyway.
            if seqs is None:
                made += self._router.waiting
            else:
                after = self._router.routed_through
                count = partial(events.count_unrouted, among=seqs, after=after)
                made += await self._writer.submit(count)
        return Changed(made, unknown, under_way)

    async def delete(self, ids: Iterable[str]) -> Changed:
        """Ends what waits of these events."""
        async with self._router.lock:
            seqs, unknown = await self._find(ids)
            gone = await self._writer.submit(
                partial(
                    events.delete_unrouted,
                    seqs=[seq for seq in seqs or [] if seq > self._router.routed_through],
                    reason=_BY_HAND,
                ),
                essential=True,  # it makes room
            )
            self._router.deleted(gone)
            self._on_ended(gone)
            deleted, under_way = await self._change(await self._open(seqs or []), self._delete)
        return Changed(len(gone) + deleted, unknown, under_way)

    async def _change(
        self, rows: list[int], change: Callable[[list[QueuedMail]], Awaitable[int]]
    ) -> tuple[int, tuple[str, ...]]:
        """Changes what isn't being sent just now; gives the number of deliveries changed, and the
        ids of the events that are being sent.
        """
        changed = 0
        others: list[int] = []
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            with self._dispatcher.apart(chunk) as free:
                mails = await self._writer.submit(partial(queue.load, messages=free))
                changed += await change(mails)
            others += set(chunk) - set(free)
        left = await self._writer.submit(partial(queue.load, messages=sorted(others)))
        return changed, tuple(event.id for mail in left for event in mail.events)

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

    async def _open(self, seqs: list[int] | None) -> list[int]:
        return await self._writer.submit(partial(queue.open_messages, event_seqs=seqs))

    async def _delete(self, mails: list[QueuedMail]) -> int:
        ended = await self._writer.submit(
            partial(queue.end, mails=mails, state="deleted", now=self._clock(), server="", why=""),
            essential=True,
        )
        self._on_ended(ended)
        return sum(len(mail.deliveries) for mail in mails)

    async def _remake(self, maker: MailMaker, mails: list[QueuedMail]) -> int:
        made = 0
        for mail in mails:
            new = await self._made_anew(maker, mail)
            if new is None:
                await self._delete([mail])
                continue
            await self._writer.submit(partial(queue.remake, mail=mail, new=new, now=self._clock()))
            made += len(new.deliveries)
        return made

    async def _made_anew(self, maker: MailMaker, mail: QueuedMail) -> QueuedMail | None:
        if not mail.events:  # lost with a damaged page: the mail is all that is left of it
            return mail
        (stored,) = mail.events
        event = events.complete(stored)
        decision = maker.route(event)
        if isinstance(decision, Dropped):
            return None
        ended = await self._writer.submit(partial(queue.ended_recipients, message=mail.row))
        rows = {delivery.recipient: delivery for delivery in mail.deliveries}
        for recipients in decision:
            new = maker.make(
                mail.row, stored, event, recipients, 0, message_id=mail.message.message_id
            )
            if new.message.smtputf8 != mail.message.smtputf8:
                continue
            deliveries = tuple(
                rows.get(recipient) or self._new_delivery(recipient)
                for recipient in new.message.recipients
                if recipient not in ended
            )
            if deliveries:
                return replace(new, deliveries=deliveries)
        return None

    def _new_delivery(self, recipient: str) -> QueuedDelivery:
        row = self._router.next_delivery
        self._router.next_delivery += 1
        return QueuedDelivery(row, recipient, 0)
