"""The bytes of a mail, by one configuration: asks `message` for them. Pure."""

from collections.abc import Callable

from msgspec import structs

from zaiond.config.forms import fill_names
from zaiond.config.schema import Config
from zaiond.message.compose import check_wire, compose, message_id_for
from zaiond.model import Event, Message, Routing, Together
from zaiond.routing.named import named
from zaiond.text import Language

_SEE_HISTORY = "本文を作成できませんでした / This event could not be shown: zaiond-ctl history"


class Composer:
    """Composes mails by one configuration. `make_id` gives what makes a Message-ID unique;
    `user_name` the name of a uid, '' where it has none.
    """

    def __init__(
        self, config: Config, make_id: Callable[[], str], user_name: Callable[[int], str]
    ) -> None:
        self._config = config
        self._make_id = make_id
        self._user_name = user_name
        self._machine: tuple[str, str] | None = None

    def call_machine(self, host: str, fqdn: str) -> None:
        """This machine has these names now; to be called before a mail is made."""
        if self._machine == (host, fqdn):
            return
        self._machine = self._host, self._fqdn = host, fqdn
        self._sender = fill_names(self._config.sender, host=host, fqdn=fqdn)
        self._prefix = fill_names(self._config.subject_prefix, host=host, fqdn=fqdn)

    def new_message_id(self) -> str:
        """A Message-ID that no mail has."""
        return message_id_for(self._make_id(), self._fqdn)

    def _language(self, routing: Routing | None) -> Language:
        config = self._config
        route = config.routes.get(routing.route) if routing is not None else None
        return (route or config.route_defaults).language or config.language

    def about(
        self,
        event: Event,
        recipients: tuple[str, ...],
        message_id: str,
        routing: Routing | None,
        date: float | None = None,
    ) -> Message:
        """The mail about an event, of this date; None: of when it was accepted."""
        if event.mail:
            return self._passed_on(event, recipients, message_id)
        message = compose(
            event,
            recipients=recipients,
            sender=self._sender,
            subject_prefix=self._prefix,
            language=self._language(routing),
            charset=self._config.charset,
            message_id=message_id,
            date=event.accepted if date is None else date,
            host=self._host,
            fqdn=self._fqdn,
            user=self._user_name(event.uid),
            standing=None if routing is None else routing.standing,
        )
        check_wire(message.content, smtputf8=message.smtputf8)
        return message

    def together(
        self,
        together: Together,
        routing: Routing,
        recipients: tuple[str, ...],
        message_id: str,
        now: float,
    ) -> Message:
        """The mail about several events, made at `now` (seconds since the epoch)."""
        from zaiond.message.together import compose_together  # not before several are told of

        message = compose_together(
            together,
            routing,
            recipients=recipients,
            sender=self._sender,
            subject_prefix=self._prefix,
            language=self._language(routing),
            charset=self._config.charset,
            message_id=message_id,
            date=now,
            host=self._host,
            fqdn=self._fqdn,
            user_name=self._user_name,
        )
        check_wire(message.content, smtputf8=message.smtputf8)
        return message

    def bare(
        self,
        event: Event,
        recipients: tuple[str, ...],
        message_id: str,
        routing: Routing | None,
    ) -> Message:
        """The mail about an event whose own can't be made."""
        if event.mail:
            try:
                return self.about(structs.replace(event, mail=""), recipients, message_id, routing)
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
        return self.about(bare, recipients, message_id, routing)

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
