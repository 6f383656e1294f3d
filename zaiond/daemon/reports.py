"""What became of mails, servers, the configuration and the queue, told to the journal and, where it
matters, to the admins: by a notice, or on the terminals where no mail can leave.

A notice's own failure makes no notice.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from zaiond import wire
from zaiond.config.schema import Config, Job, MailServer
from zaiond.daemon import notices, words
from zaiond.daemon.gathered import Gathered
from zaiond.daemon.incidents import INCIDENTS, Incidents, Outage
from zaiond.daemon.notices import Failed, Notice, RefusedFile
from zaiond.daemon.words import watch
from zaiond.delivery.outbound import Outbound
from zaiond.delivery.servers import ServerState
from zaiond.errors import DiskFullError, StoreError, ZaiondError
from zaiond.event_rules import NOTICE_SOURCE
from zaiond.holds import Hold
from zaiond.intake.admission import Admission
from zaiond.journal import Journal, Kind
from zaiond.model import URGENT, AttemptResult, NewEvent, QueuedMail, StoredEvent
from zaiond.smtp.verdict import DeliveryFailure, Failure
from zaiond.store import events, pending
from zaiond.store.damage import Damage
from zaiond.store.turns import Turns
from zaiond.store.writer import Writer
from zaiond.text import Text
from zaiond.way import shown

if TYPE_CHECKING:
    from zaiond.routing.decision import ByItself

SPOOL_INTERVAL = 3600.0  # seconds between two notices of files in the spool
FAILED_INTERVAL = 3600.0  # of mails that failed: any program may name any recipient

_KINDS = {
    "deferred": Kind.DELIVERY_DEFERRED,
    "held": Kind.DELIVERY_HELD,
    "failed": Kind.DELIVERY_FAILED,
    "expired": Kind.DELIVERY_EXPIRED,
}


@dataclass(eq=False)
class Reports:
    """Hears what becomes of mails (delivery.ledger). `in_background` runs what takes a commit;
    `user_name` says who a uid is, `user_of` whose. `changed` is called when the line of `systemctl
    status` may be another one. `incidents`: of which the last run has told.
    """

    _journal: Journal
    _writer: Writer
    _turns: Turns
    _clock: Callable[[], float]
    _queue_time: Callable[[], float]
    _in_background: Callable[[Coroutine[Any, Any, None]], object]
    _user_name: Callable[[int], str]
    _user_of: Callable[[int], int]
    _changed: Callable[[], None]
    incidents: Incidents
    _wall = False

    def __post_init__(self) -> None:
        self._jobs: Mapping[str, Job] = {}
        background = self._in_background
        self._spool_files = Gathered(lambda: SPOOL_INTERVAL, self._emit_spool_refused, background)
        self._failures = Gathered(lambda: FAILED_INTERVAL, self._emit_failed, background)

    def connect(self, admission: Admission, outbound: Outbound) -> None:
        """Notices are counted and go out as other events do."""
        self.events_ended, self.events_reopened = admission.ended, admission.count
        self.released = admission.released
        self._outbound = outbound
        self.on_failure: Callable[[], object] = lambda: None  # called where mail doesn't leave

    def configure(self, config: Config) -> None:
        """Where no mail can leave, that is told as this configuration has it."""
        self._wall, self._jobs = config.notify.wall, config.jobs
        if self.incidents.forget([server.address for server in config.mail_servers]):
            self._keep_incidents()

    # -- deliveries and servers

    def not_delivered(self, mail: QueuedMail, attempted: AttemptResult) -> None:
        """An attempt that did not deliver is worth a line."""
        self.on_failure()
        ids = " ".join(event.id for event in mail.events)
        outcome = attempted.outcome if attempted.outcome in _KINDS else "deferred"
        recipient = attempted.delivery.recipient
        server, reply = attempted.server, attempted.reply
        self._journal.warning(
            words.not_delivered(
                outcome=words.OUTCOMES[outcome],
                recipient=shown(recipient),
                ids=ids,
                said=": ".join(filter(None, (server, reply))),
            ),
            _KINDS[outcome],
            by=f"delivery by {server}",
            event=ids,
            type=" ".join(wire.parse(event.body).type for event in mail.events),
            recipient=recipient,
            outcome=attempted.outcome,
            server=server,
            reply=reply,
        )

    def failed(self, mail: QueuedMail, attempted: AttemptResult) -> None:
        """A server refuses, for good, a recipient that a program named. Many within an hour are one
        notice.
        """
        self.not_delivered(mail, attempted)
        said = ": ".join(filter(None, (attempted.server, attempted.reply)))
        ids = tuple(event.id for event in mail.events)
        user = self._user_name(mail.events[0].uid) if mail.events else ""
        self._failures.add(Failed(attempted.delivery.recipient, ids, user, said))

    async def _emit_failed(self, failures: list[Failed], more: int) -> None:
        await self.emit(notices.failed(failures, more, self._clock()))

    def expired(self, mail: QueuedMail, attempted: AttemptResult) -> None:
        """A delivery has had all its time."""
        self.not_delivered(mail, attempted)
        if not mail.notice:
            self._in_background(self.emit(notices.expired(mail, attempted, self._clock())))

    def held(self, hold: Hold) -> None:
        """The admins hear of it by mail, as long as there is one whom a mail reaches."""
        self._changed()
        self.on_failure()
        why = DeliveryFailure(hold.failure).text
        if hold.scope == "queue":
            self._no_mail(hold.since)
            self._stopped(words.all_held(why=why), Kind.QUEUE_HELD, hold.failure.said)
            return
        if hold.scope == "address" and not self._outbound.may_reach_admins():
            text = words.nobody_to_tell(recipient=hold.subject, why=why)
            self._stopped(text, Kind.DELIVERY_HELD, hold.failure.said)
        self._in_background(self._emit_held(hold))

    async def _emit_held(self, hold: Hold) -> None:
        # The configuration may change and the address be held anew: that is the same incident.
        last, before = 0, sys.maxsize if hold.scope == "address" else 0
        while before and not last:
            find = partial(pending.last_delivered, recipient=hold.subject, before=before)
            last, before = await self._writer.submit(find)
        await self.emit(notices.held(hold, last, self._clock()))

    def _stopped(self, text: Text, kind: Kind, reply: str) -> None:
        self._journal.critical(text, kind, reply=reply)
        self._alarm(text)

    def _alarm(self, text: Text) -> None:
        """What no mail can tell of."""
        if self._wall:
            from zaiond.daemon.wall import wall  # only where no mail can leave

            wall(text.in_language(self._journal.language))

    def server_changed(self, state: ServerState, works: bool) -> None:
        """The admins hear of a server out of use by mail, if another one can carry it."""
        self._changed()
        self.on_failure()
        failure, address, now = state.failure, state.server.address, self._clock()
        if failure is None:
            self.server_in_use(address)
            self._journal.info(
                words.server_usable(server=address),
                Kind.SERVER_USABLE,
                by=f"{address} up",
                server=address,
            )
            return
        text = words.server_unusable(server=address, why=failure.text)
        faulty = state.state == "faulty"
        log = self._journal.error if works else self._journal.critical
        by = f"{address} down"
        log(text, Kind.SERVER_OUT_OF_USE, by=by, server=address, reply=failure.said)
        since = self.incidents.out_of_use(address, now).since
        self._keep_incidents()
        if works:
            notice = notices.server_out_of_use(address, failure, since, faulty=faulty)
            self._in_background(self.emit(notice))
        elif not faulty and self._no_mail(now):  # what holds the queue is told as such
            self._alarm(text)

    def server_in_use(self, address: str) -> None:
        """Its outage is over, if there was one."""
        if self.incidents.in_use(address, self._clock()):
            self._keep_incidents()

    def first_stays_down(self, address: str, failure: Failure, outage: Outage) -> None:
        """The first server can't be used for long; another one sends."""
        outage.stays = True
        self._keep_incidents()
        text = watch.stays_down(server=address, since=words.local(outage.since), why=failure.text)
        self._stopped(text, Kind.SERVER_STAYS_DOWN, failure.said)
        self._in_background(self.emit(notices.server_stays_down(address, failure, outage.since)))

    def no_mail_leaves(self, since: float, number: int, why: Text) -> None:
        """So many wait, and none has left since then."""
        if self._no_mail(since):
            text = watch.no_mail(since=words.local(since), number=number, why=why)
            self._stopped(text, Kind.NO_MAIL, why.en)

    def mail_leaves(self) -> None:
        """Mail leaves again, or none waits."""
        if self.incidents.no_mail is not None:
            self.incidents.no_mail = None
            self._keep_incidents()
            self._journal.info(watch.MAIL_LEAVES, Kind.SERVER_USABLE)

    def _no_mail(self, since: float) -> bool:
        """No mail can leave; says whether that is news."""
        if self.incidents.no_mail is not None:
            return False
        self.incidents.no_mail = since
        self._keep_incidents()
        return True

    def cut_off_since(self, since: float | None) -> None:
        """A member of a fleet can't hand on its events since then; None: it can."""
        if self.incidents.cut_off != since:
            self.incidents.cut_off = since
            self._keep_incidents()

    def _keep_incidents(self) -> None:
        self._in_background(self._keep(msgspec.json.encode(self.incidents).decode()))

    async def _keep(self, value: str) -> None:
        keep = partial(events.set_meta, name=INCIDENTS, value=value)
        # On a disk that is full for good, it is told once more after the next start.
        with contextlib.suppress(DiskFullError):
            await self._writer.submit(keep, essential=True)

    def event_unmade(self, event: StoredEvent, error: Exception) -> None:
        """The mail about it says no more than where to look, or has the built-in words."""
        why = error.text if isinstance(error, ZaiondError) else repr(error)
        self._journal.error(
            words.event_unmade(id=event.id, error=why),
            by=self._user_of(event.uid),
            event=event.id,
        )

    def stumbled_over(self, kind: str, key: str, error: Exception) -> None:
        """Routing can't cope with what it remembers of one thing, and leaves it."""
        self._journal.error(words.stumbled(what=f"{kind} {key}", error=repr(error)), by="routing")

    # -- what has to be mended

    async def refresh_token_ends(
        self, server: MailServer, expires: float | None, refusal: str
    ) -> None:
        """The refresh token of a server ends soon, or is refused already."""
        notice, line = notices.refresh_token_ends(server, expires, refusal, self._clock())
        self._journal.warning(line, server=server.address)
        await self.emit(notice)

    def damaged(self, damage: Damage) -> None:
        """Rows of the database could not be read, and were set aside."""
        self._in_background(self.emit(notices.damaged(damage, self._clock())))

    def spool_refused(self, path: str, uid: int, why: Text, excerpt: str) -> None:
        """Something in a file of the spool can't be taken; the file is at `path` now. Many within
        an hour are one notice.
        """
        self._spool_files.add(RefusedFile(path, self._user_name(uid), why, excerpt))

    async def _emit_spool_refused(self, files: list[RefusedFile], more: int) -> None:
        await self.emit(notices.spool_refused(files, more))

    async def by_itself(self, told: Sequence["ByItself"]) -> None:
        """What became of jobs and silences by itself; told again, it is recorded once. Raises
        StoreError: it is to be told again.
        """
        from zaiond.daemon import by_itself  # only for who has jobs or silences

        for one in told:
            notice = by_itself.notice(one, self._jobs, self._clock())
            if notice is not None:
                await self.record(notice)

    async def emit(self, notice: Notice) -> None:
        """Records a notice, in the language in force; it is mailed as any event."""
        try:
            await self.record(notice)
        except StoreError as error:
            what = notice.subject or notice.type
            self._journal.error(words.unrecorded(subject=what, why=error.text), by="notices")

    async def record(self, notice: Notice) -> None:
        """The same; raises StoreError."""
        body = notice.line(self._journal.language)
        lane, urgent = wire.parse(body).lane, notice.severity in URGENT
        new = (notice.id, os.getuid(), NOTICE_SOURCE, self._clock(), body, urgent, lane)
        await self._record(new, notice=True)

    async def record_event(self, new: NewEvent) -> None:
        """Records an event that the daemon tells as a producer; told again, it is recorded once.
        Raises StoreError.
        """
        await self._record(new, notice=False)

    async def _record(self, new: NewEvent, *, notice: bool) -> None:
        accept = partial(
            events.accept,
            batch=[new],
            queued=self._queue_time(),
            places=self._turns.give([new], notice=notice),
            notice=notice,
        )
        acceptance = await self._writer.submit(accept)
        if acceptance.events:
            self.events_reopened(acceptance.events)
            self._outbound.router.accepted(acceptance)
