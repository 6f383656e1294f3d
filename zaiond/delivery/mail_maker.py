"""The mail about an event, by one configuration: asks `routing` where to, `message` for the bytes.
Pure.
"""

from collections.abc import Callable, Sequence

from msgspec import structs

from zaiond import wire
from zaiond.config.schema import Config
from zaiond.config.values import fill_names
from zaiond.message.address import parse_recipient
from zaiond.message.compose import check_wire, compose, message_id_for
from zaiond.model import URGENT, Event, Message, QueuedDelivery, QueuedMail, StoredEvent
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
        self._addresses: dict[str, str] = {}

    def call_machine(self, host: str, fqdn: str) -> None:
        """This machine has these names now; to be called before a mail is made."""
        if self._machine == (host, fqdn):
            return
        self._machine = self._host, self._fqdn = host, fqdn
        self._sender = fill_names(self._config.sender, host=host, fqdn=fqdn)
        self._prefix = fill_names(self._config.subject_prefix, host=host, fqdn=fqdn)

    def route(self, event: Event) -> Sequence[str] | Dropped:
        """The recipients of the event, as the configuration has them; or why there are none."""
        return route(
            event.type,
            admins=self._config.admins,
            notify_backup_auto_update=self._config.notify.backup_auto_update,
        )

    def recipients_now(self, event: Event) -> Sequence[str]:
        """Who gets a mail that there is already: no change of the configuration ends one, so where
        nobody would be left it is the admins.
        """
        decision = self.route(event)
        return self._config.admins if isinstance(decision, Dropped) else decision

    @property
    def admins(self) -> list[str]:
        """The envelope addresses of the admins."""
        return [self.address(admin) for admin in self._config.admins]

    def parts(self, recipients: Sequence[str]) -> list[tuple[str, ...]]:
        """The recipients of each mail: addresses that need SMTPUTF8 get one of their own. Where a
        server can't do it, the others must not suffer.
        """
        plain = tuple(r for r in recipients if self.address(r).isascii())
        others = tuple(r for r in recipients if not self.address(r).isascii())
        return [part for part in (plain, others) if part]

    def address(self, recipient: str) -> str:
        """The envelope address of a recipient as the configuration has it."""
        known = self._addresses.get(recipient)
        if known is None:
            known = self._addresses[recipient] = parse_recipient(recipient).address
        return known

    def make(
        self,
        row: int,
        stored: StoredEvent,
        event: Event,
        recipients: tuple[str, ...],
        first_delivery: int,
        message_id: str | None = None,
        *,
        alone: bool = False,
    ) -> QueuedMail:
        """The mail about an event, with its deliveries from row `first_delivery` on; `alone`: it is
        the only one.
        """
        message_id = message_id or message_id_for(self._make_id(), self._fqdn)
        try:
            message = self._message(event, recipients, message_id)
        except Exception as error:  # noqa: BLE001 - one event must never stop all the others
            self._on_unmade(stored, error)
            bare = structs.replace(
                event,
                subject=None,
                message=_SEE_HISTORY,
                data={},
                extensions={},
                key=None,
                job=None,
            )
            message = self._message(bare, recipients, message_id)
        deliveries = tuple(
            QueuedDelivery(first_delivery + number, recipient, 0)
            for number, recipient in enumerate(message.recipients)
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


_SEE_HISTORY = "本文を作成できませんでした / This event could not be shown: zaiond-ctl history"
