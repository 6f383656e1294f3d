"""What routing has put off is done when its time has come: mails to come are made, problems are
reminded of, and what becomes of jobs and silences by itself is told.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from heapq import nsmallest

import msgspec
from msgspec import structs

from zaiond.delivery.batch import Wanted
from zaiond.delivery.group_mails import AT_ONCE, Made
from zaiond.delivery.ledger import Observer
from zaiond.delivery.mail_maker import MailMaker, complete
from zaiond.delivery.router import Router
from zaiond.errors import StoreError
from zaiond.model import QueuedMail, StoredEvent
from zaiond.routing import job
from zaiond.routing.decision import ByItself, Due, Flush, Remind
from zaiond.routing.due import due, reconsider
from zaiond.store import lanes, membership
from zaiond.store.writer import DISK_FULL_PAUSE, Writer

LOOK = job.LOOK  # seconds, also where nothing but mails is put off: the clock may be set


class Scheduler:
    """Works by the router's state and configuration. `clock` gives seconds since the epoch; `tell`
    records an event of the daemon's own for each of these, whatever was recorded before.
    """

    def __init__(
        self,
        writer: Writer,
        router: Router,
        observer: Observer,
        clock: Callable[[], float],
        tell: Callable[[Sequence[ByItself]], Awaitable[None]],
    ) -> None:
        self._writer = writer
        self._router = router
        self._observer = observer
        self._clock = clock
        self._tell = tell
        self._wake = asyncio.Event()
        self._planned: float | None = None
        self._is_changed = False  # the configuration
        self._stumbled = 0  # over how many things, as far as that was told

    def look(self) -> None:
        """Something may be due earlier than before."""
        at, planned = self._router.state.next_due(), self._planned
        if at is not None and (planned is None or at < planned):
            self.wake()

    def configured(self) -> None:
        """Another configuration is in force."""
        self._is_changed = True
        self.wake()

    def wake(self) -> None:
        """Something may be due now."""
        self._wake.set()

    async def run(self) -> None:
        """Works for ever; ends when cancelled."""
        while True:
            self._wake.clear()
            maker, at = self._router.maker, self._router.state.next_due()
            self._planned = at
            if maker is not None:
                now = self._clock()
                is_due = at is not None and at <= now
                if self._is_changed or is_due or maker.table.jobs:
                    await self._work()
                    at = self._planned = self._router.state.next_due()
            timeout = None
            if maker is not None and (at is not None or maker.table.jobs):
                timeout = LOOK if at is None else min(LOOK, max(0.0, at - self._clock()))
            # Not wait_for: before Python 3.12 it may swallow a cancellation.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._wake.wait()

    async def _work(self) -> None:
        """Does what is due now, or the first of it: each time what is whole by itself."""
        router, state = self._router, self._router.state
        is_done = False
        async with router.lock:
            maker = await router.maker_now()
            assert maker is not None  # noqa: S101 - once there is one, there always is
            is_changed, self._is_changed = self._is_changed, False
            now = self._clock()
            if is_changed:
                reconsider(maker.table, state, now)
            try:
                found = due(maker.table, state, now, await self._unheard(maker, now), AT_ONCE)
                # First, for what is told twice is recorded once.
                told = [one for one in found if isinstance(one, ByItself)]
                if told:
                    await self._tell(told)
                await self._carry_out(maker, found)
                is_done = True
            except StoreError:
                state.rollback()
                self._is_changed = self._is_changed or is_changed
        for (kind, key), error in list(state.stumbled.items())[self._stumbled :]:
            self._observer.stumbled_over(kind, key, error)
        self._stumbled = len(state.stumbled)
        if not is_done:  # without the lock: an administrator may be about to make room
            await asyncio.sleep(DISK_FULL_PAUSE)
            self._wake.set()

    async def _unheard(self, maker: MailMaker, now: float) -> dict[str, set[str]]:
        """Of the problems that somebody is to be reminded of, those whom the last mail about it has
        not reached yet.
        """
        table, known = maker.table, self._router.state.problems
        due_now = ((one.due, key) for key, one in known.items() if one.due <= now)
        problems = {key: known[key] for _, key in nsmallest(AT_ONCE, due_now)}
        if not problems:
            return {}
        read = partial(lanes.still_to_hear, seqs={one.event for one in problems.values()})
        waits = await self._writer.submit(read)
        return {
            key: {
                recipient
                for each in problem.told
                for recipient in table.recipients(table.rule(each.route), problem.job)
                if maker.address(recipient) in waits[problem.event]
            }
            for key, problem in problems.items()
        }

    async def _carry_out(self, maker: MailMaker, found: Sequence[Due]) -> None:
        """Makes what is due to be made, and records with it what routing remembers: whatever a
        crash leaves undone is due again. Raises StoreError: nothing is recorded.
        """
        router, state = self._router, self._router.state
        batch = router.batch(maker)
        wanted: list[Wanted] = []
        reminders: list[QueuedMail] = []
        for one in found:
            if isinstance(one, Flush):
                at = router.queue_time()
                for join in one.into:
                    if join.is_new:
                        group = join.group
                        batch.begin(group.message, group.began, at, group.due, group.routing)
                wanted.append(Wanted.of(one))
            elif isinstance(one, Remind):
                reminders += await self._reminders(maker, one)
        steps = batch.steps(state.changed_groups(), state.changes())
        made = Made([], {})
        if wanted or reminders or steps:
            made = await router.group_mails.make(maker, wanted, steps, reminders)
        state.commit()
        await router.hand_over(made)

    async def _reminders(self, maker: MailMaker, remind: Remind) -> list[QueuedMail]:
        """The mails that remind of a problem by the event that told of it at its worst."""
        problem = remind.problem
        find = partial(membership.read, seqs=[problem.event])
        found = await self._writer.submit(find)
        stored = found[0] if found else None
        if stored is None or stored.id != problem.id:  # history has it no more
            line = {
                "type": problem.type or "problem",
                "source": problem.source or None,
                "severity": problem.worst,
                "subject": problem.subject,
                "key": problem.key or None,
                "status": "problem" if problem.key else None,
                "job": problem.job,
            }
            stored = StoredEvent(
                0, problem.id, problem.uid, "", problem.since, msgspec.json.encode(line)
            )
        # Its event ended when it was told of: it is not to do so again.
        routing = structs.replace(remind.routing, kind="problem")
        router, event = self._router, complete(stored)
        made = [
            maker.make(
                next(router.new_messages),
                stored,
                event,
                recipients,
                router.new_deliveries,
                routing=routing,
                date=self._clock(),
            )
            for recipients in maker.parts(router.reached(maker, stored, remind.to))
        ]
        of = (stored,) if stored.seq else ()
        return [structs.replace(mail, queued=router.queue_time(), events=of) for mail in made]
