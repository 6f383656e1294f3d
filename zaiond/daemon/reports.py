"""What became of mails, servers, the configuration and the queue, told to the journal and, where it
matters, to the admins: by a notice, or on the terminals where no mail can leave.

A notice's own failure makes no notice.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from zaiond import wire
from zaiond.config.schema import Config, MailServer
from zaiond.daemon import notices, words
from zaiond.daemon.notices import Notice, RefusedFile
from zaiond.delivery.outbound import Outbound
from zaiond.delivery.servers import ServerState
from zaiond.errors import StoreError
from zaiond.event_rules import NOTICE_SOURCE
from zaiond.holds import Hold
from zaiond.intake.admission import Admission
from zaiond.journal import Journal, Kind
from zaiond.model import URGENT, AttemptResult, QueuedMail, StoredEvent
from zaiond.smtp.verdict import DeliveryFailure
from zaiond.store import events, pending
from zaiond.store.damage import Damage
from zaiond.store.turns import Turns
from zaiond.store.writer import Writer
from zaiond.text import Text

MOST_SPOOL_FILES = 20
SPOOL_INTERVAL = 3600.0  # seconds between two notices of files in the spool

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
    status` may be another one.
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
    _wall = False
    _spool_files_more = 0
    _spool_told_at = -SPOOL_INTERVAL  # by the loop's clock

    def __post_init__(self) -> None:
        self._spool_files: list[RefusedFile] = []  # refused, and not told yet

    def connect(self, admission: Admission, outbound: Outbound) -> None:
        """Notices are counted and go out as other events do."""
        self.events_ended, self.events_reopened = admission.ended, admission.count
        self._outbound = outbound

    def configure(self, config: Config) -> None:
        """Where no mail can leave, that is told as this configuration has it."""
        self._wall = config.notify.wall

    # -- deliveries and servers

    def not_delivered(self, mail: QueuedMail, attempted: AttemptResult) -> None:
        """An attempt that did not deliver is worth a line."""
        ids = " ".join(event.id for event in mail.events)
        outcome = attempted.outcome if attempted.outcome in _KINDS else "deferred"
        recipient = attempted.delivery.recipient
        server, reply = attempted.server, attempted.reply
        self._journal.warning(
            words.not_delivered(
                outcome=words.OUTCOMES[outcome],
                recipient=recipient,
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

    def expired(self, mail: QueuedMail, attempted: AttemptResult) -> None:
        """A delivery has had all its time."""
        self.not_delivered(mail, attempted)
        if not mail.notice:
            self._in_background(self.emit(notices.expired(mail, attempted, self._clock())))

    def held(self, hold: Hold) -> None:
        """The admins hear of it by mail, as long as there is one whom a mail reaches."""
        self._changed()
        why = DeliveryFailure(hold.failure).text
        if hold.scope == "queue":
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
        failure, address = state.failure, state.server.address
        if failure is None:
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
        if works:
            notice = notices.server_out_of_use(address, failure, self._clock(), faulty=faulty)
            self._in_background(self.emit(notice))
        elif not faulty:  # what holds the queue is told as such
            self._alarm(text)

    def event_unmade(self, event: StoredEvent, error: Exception) -> None:
        """The mail about it says no more than where to look."""
        self._journal.error(
            words.event_unmade(id=event.id, error=repr(error)),
            by=self._user_of(event.uid),
            event=event.id,
        )

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
        if len(self._spool_files) >= MOST_SPOOL_FILES:
            self._spool_files_more += 1
            return
        self._spool_files.append(RefusedFile(path, self._user_name(uid), why, excerpt))
        if len(self._spool_files) == 1:
            self._in_background(self._emit_spool_refused())

    async def _emit_spool_refused(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._spool_told_at + SPOOL_INTERVAL - loop.time())
        self._spool_told_at = loop.time()
        files, more = self._spool_files, self._spool_files_more
        self._spool_files, self._spool_files_more = [], 0
        await self.emit(notices.spool_refused(files, more))

    async def emit(self, notice: Notice) -> None:
        """Records a notice, in the language in force; it is mailed as any event."""
        language, subject = self._journal.language, notice.subject
        body = json.dumps(
            {
                "type": notice.type,
                "source": NOTICE_SOURCE,
                "severity": notice.severity,
                "subject": subject.in_language(language),
                "message": notice.message.in_language(language),
                "data": notice.data,
            },
            ensure_ascii=False,
        ).encode("utf-8", "replace")
        urgent = notice.severity in URGENT
        new = (notice.id, os.getuid(), NOTICE_SOURCE, self._clock(), body, urgent, None)
        accept = partial(
            events.accept,
            batch=[new],
            queued=self._queue_time(),
            places=self._turns.give([new], notice=True),
            notice=True,
        )
        try:
            acceptance = await self._writer.submit(accept)
        except StoreError as error:
            self._journal.error(words.unrecorded(subject=subject, why=error.text), by="notices")
            return
        if acceptance.events:
            self.events_reopened(acceptance.events)
            self._outbound.router.accepted(acceptance)
