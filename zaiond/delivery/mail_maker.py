"""The mail about an event, by one configuration: asks `routing` where to, `message` for the bytes.
Pure.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import repeat

import msgspec
from msgspec import structs

from zaiond import wire
from zaiond.config.forms import fill_names
from zaiond.config.schema import Config
from zaiond.event_rules import MAIL
from zaiond.message.address import parse_recipient
from zaiond.message.compose import check_wire, compose, message_id_for
from zaiond.model import (
    URGENT,
    Event,
    EventRecord,
    Message,
    MessageRecord,
    QueuedDelivery,
    QueuedMail,
    Remade,
    StoredEvent,
)
from zaiond.routing.named import named
from zaiond.routing.route import Dropped, route
from zaiond.store.turns import DAEMON


def complete(stored: StoredEvent) -> Event:
    """The event of a row."""
    return wire.complete(
        stored.body,
        id=stored.id,
        uid=stored.uid,
        accepted=stored.accepted,
        notice=stored.notice,
    )


def named_by_program(mail: QueuedMail) -> frozenset[str]:
    """The recipients of a mail that a program named itself, as they are in its envelope."""
    if len(mail.events) != 1 or MAIL.encode() not in mail.events[0].body:
        return frozenset()
    try:
        addresses, _ = named(complete(mail.events[0]))
    except (msgspec.DecodeError, UnicodeDecodeError):  # a damaged page
        return frozenset()
    return frozenset(map(MailMaker.address, addresses))


class MailMaker:
    """Makes mails by one configuration.

    `user_name` gives the name of a uid, '' where it has none; `on_unmade` is told of an event
    whose mail can't be made as it should; `user_of` says whose a uid is.
    """

    def __init__(
        self,
        config: Config,
        make_id: Callable[[], str],
        user_name: Callable[[int], str],
        on_unmade: Callable[[StoredEvent, Exception], None],
        user_of: Callable[[int], int] = int,
    ) -> None:
        self._config = config
        self._make_id = make_id
        self._user_name = user_name
        self._on_unmade = on_unmade
        self._user_of = user_of
        self._machine: tuple[str, str] | None = None

    def call_machine(self, host: str, fqdn: str) -> None:
        """This machine has these names now; to be called before a mail is made."""
        if self._machine == (host, fqdn):
            return
        self._machine = self._host, self._fqdn = host, fqdn
        self._sender = fill_names(self._config.sender, host=host, fqdn=fqdn)
        self._prefix = fill_names(self._config.subject_prefix, host=host, fqdn=fqdn)

    def route(self, event: Event) -> tuple[str, ...] | Dropped:
        """The recipients of the event, as the configuration or its program has them; or why there
        are none.
        """
        addresses, is_routed = named(event)
        if not is_routed:
            return addresses
        decision = route(
            event.type,
            admins=self._config.admins,
            notify_backup_auto_update=self._config.notify.backup_auto_update,
        )
        return decision if isinstance(decision, Dropped) else addresses + decision

    def recipients_now(self, event: Event) -> tuple[str, ...]:
        """Who gets a mail that there is already: no change of the configuration ends one, so where
        nobody would be left it is the admins.
        """
        decision = self.route(event)
        return self._config.admins if isinstance(decision, Dropped) else decision

    @property
    def admins(self) -> list[str]:
        """The envelope addresses of the admins."""
        return [self.address(admin) for admin in self._config.admins]

    @staticmethod
    @lru_cache(100)
    def parts(recipients: tuple[str, ...]) -> list[tuple[str, ...]]:
        """The recipients of each mail: addresses that need SMTPUTF8 get one of their own. Where a
        server can't do it, the others must not suffer.
        """
        plain = tuple(r for r in recipients if MailMaker.address(r).isascii())
        others = tuple(r for r in recipients if r not in plain)
        return [part for part in (plain, others) if part]

    @staticmethod
    @lru_cache(1000)
    def address(recipient: str) -> str:
        """The envelope address of a recipient as the configuration has it."""
        return parse_recipient(recipient).address

    def make(
        self,
        row: int,
        stored: StoredEvent,
        event: Event,
        recipients: tuple[str, ...],
        new_deliveries: Iterator[int],
        message_id: str | None = None,
        *,
        alone: bool = False,
    ) -> QueuedMail:
        """The mail about an event, with deliveries of these rows; `alone`: it is the only one."""
        message_id = message_id or message_id_for(self._make_id(), self._fqdn)
        try:
            message = self._message(event, recipients, message_id)
        except Exception as error:  # noqa: BLE001 - one event must never stop all the others
            self._on_unmade(stored, error)
            message = self._bare(event, recipients, message_id)
        deliveries = tuple(
            QueuedDelivery(next(new_deliveries), recipient, 0) for recipient in message.recipients
        )
        return QueuedMail(
            row,
            message,
            deliveries,
            stored.accepted,
            stored.queued,
            stored.notice,
            (stored,),
            urgent=event.severity in URGENT,
            lane=stored.lane and f"{stored.uid} {stored.lane}",
            user=DAEMON if stored.notice else self._user_of(stored.uid),
            alone=alone,
        )

    def _message(self, event: Event, recipients: tuple[str, ...], message_id: str) -> Message:
        if event.mail:
            return self._passed_on(event, recipients, message_id)
        message = compose(
            event,
            recipients=recipients,
            sender=self._sender,
            subject_prefix=self._prefix,
            language=self._config.language,
            charset=self._config.charset,
            message_id=message_id,
            date=event.accepted,
            host=self._host,
            fqdn=self._fqdn,
            user=self._user_name(event.uid),
        )
        check_wire(message.content, smtputf8=message.smtputf8)
        return message

    def _bare(self, event: Event, recipients: tuple[str, ...], message_id: str) -> Message:
        """The mail about an event whose own can't be made."""
        if event.mail:
            try:
                return self._message(structs.replace(event, mail=""), recipients, message_id)
            except Exception:  # noqa: BLE001, S110 - it was told of already
                pass
        bare = structs.replace(
            event,
            subject=None,
            message=_SEE_HISTORY,
            data={},
            extensions={},
            key=None,
            job=None,
            mail="",
        )
        return self._message(bare, recipients, message_id)

    def _passed_on(self, event: Event, recipients: tuple[str, ...], message_id: str) -> Message:
        from zaiond.message import local_mail  # where programs send mails

        way = local_mail.Way(
            sender=self._sender,
            recipients=recipients,
            named=bool(named(event)[0]),
            message_id=message_id,
            host=self._host,
            fqdn=self._fqdn,
            accepted=event.accepted,
        )
        return local_mail.pass_on(event, way)


_SEE_HISTORY = "本文を作成できませんでした / This event could not be shown: zaiond-ctl history"
_LOST = ("failed", "expired")


def remake(
    state: EventRecord,
    maker: MailMaker,
    new_messages: Iterator[int],
    new_deliveries: Iterator[int],
    at: float,
    *,
    reopen: bool,
) -> Remade | None:
    """What is to be put in the place of an event's mails at `at` (queue time) by the configuration
    in force; None: nothing of it is open. `reopen`: what has failed or expired is sent again, too.
    `new_messages` and `new_deliveries` give the rows of what there was not.

    Who is a recipient now gets the mail; what has arrived stays as it is, and nobody gets it twice.
    A mail that there is keeps its row and its Message-ID, a delivery its row and its attempts.
    """
    left = {d.recipient: d for d in state.deliveries if d.is_open or (reopen and d.state in _LOST)}
    if not left:
        return None
    # Who was replaced once may be a recipient again; all other ends stand.
    done = {
        d.recipient
        for d in state.deliveries
        if not d.is_open and d.state != "replaced" and d.recipient not in left
    }
    event = complete(state.event)
    old = [message for message in state.messages if message.is_open or reopen]
    mails: list[QueuedMail] = []
    added_messages: set[int] = set()
    added_deliveries: set[int] = set()
    for recipients in maker.parts(maker.recipients_now(event)):
        addresses = dict.fromkeys(map(maker.address, recipients))
        to = [address for address in addresses if address not in done]
        if not to:
            continue
        message = _nearest(to, old, state)
        if message is not None:
            old.remove(message)
            row, message_id = message.row, message.message_id
        else:
            row, message_id = next(new_messages), None
            added_messages.add(row)
        deliveries = []
        for address in to:
            there = left.get(address)
            number = next(new_deliveries) if there is None else there.row
            if there is None:
                added_deliveries.add(number)
            deliveries.append(QueuedDelivery(number, address, 0))  # what was tried stays on disk
        made = maker.make(row, state.event, event, recipients, repeat(0), message_id)
        # Who was stopped has had no time, or all of it: it has all of it from now on.
        stopped = any(d.state in ("held", *_LOST) for d in left.values())
        mails.append(
            replace(
                made,
                message=structs.replace(made.message, recipients=tuple(to)),
                deliveries=tuple(deliveries),
                queued=at if stopped else made.queued,
            )
        )
    kept = {delivery.row for mail in mails for delivery in mail.deliveries}
    return Remade(
        state.event,
        tuple(mails),
        frozenset(added_messages),
        frozenset(added_deliveries),
        tuple(d.row for d in left.values() if d.is_open and d.row not in kept),
        tuple({m.row for m in state.messages if m.is_open} - {mail.row for mail in mails}),
    )


def _nearest(
    to: list[str], messages: list[MessageRecord], state: EventRecord
) -> MessageRecord | None:
    """The message that becomes the one to these addresses: that which has most of them."""

    def common(message: MessageRecord) -> int:
        return sum(d.message == message.row and d.recipient in to for d in state.deliveries)

    return max(messages, key=common, default=None)
