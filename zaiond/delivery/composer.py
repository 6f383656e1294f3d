"""The bytes of a mail, by one configuration: asks `message` for them. Pure."""

from collections.abc import Callable

from msgspec import structs

from zaiond.config.forms import fill_names
from zaiond.config.schema import Config, RouteDefaults
from zaiond.message.compose import BY_DEFAULT, check_wire, compose, message_id_for
from zaiond.message.custom import PLAIN, Look, TemplateError, in_built_in_words
from zaiond.model import Event, Message, Routing, Together
from zaiond.routing.named import named
from zaiond.routing.problem import CLOSED_BY_HAND
from zaiond.text import Language
from zaiond.users import NO_UID

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

        def form(route: RouteDefaults) -> tuple[Language, Look]:
            look = Look(route.template_files, route.attach)
            return route.language or config.language, PLAIN if look == PLAIN else look

        self._default_form = form(config.route_defaults)
        self._forms = {name: form(route) for name, route in config.routes.items()}

    def call_machine(self, host: str, fqdn: str) -> None:
        """This machine has these names now; to be called before a mail is made."""
        if self._machine == (host, fqdn):
            return
        self._machine = self._host, self.fqdn = host, fqdn
        self._sender = fill_names(self._config.sender, host=host, fqdn=fqdn)
        self._prefix = fill_names(self._config.subject_prefix, host=host, fqdn=fqdn)

    def new_message_id(self) -> str:
        """A Message-ID that no mail has."""
        return message_id_for(self._make_id(), self.fqdn)

    def _form(self, routing: Routing | None) -> tuple[Language, Look]:
        if routing is None:
            return self._default_form
        return self._forms.get(routing.route, self._default_form)

    def built_in(self, routing: Routing | None, error: TemplateError) -> Look:
        """How a mail looks whose template has failed."""
        return in_built_in_words(self._form(routing)[1], error)

    def _machine_of(self, *events: Event) -> tuple[str, str]:
        """The names of the machine that all of these come from, or tell of, which the hub has put
        there; of several, this one's.
        """
        first, *others = {_other_machine(event) for event in events} or {None}
        if first is None or others:
            return self._host, self.fqdn
        return first.partition(".")[0], first

    def about(
        self,
        event: Event,
        recipients: tuple[str, ...],
        message_id: str,
        routing: Routing | None,
        date: float | None = None,
        look: Look | None = None,
    ) -> Message:
        """The mail about an event, of this date; None: of when it was accepted. `look` None: as its
        route wants it. Raises TemplateError.
        """
        if event.mail:
            return self._passed_on(event, recipients, message_id)
        language, own = self._form(routing)
        host, fqdn = self._machine_of(event)
        message = compose(
            event,
            recipients=recipients,
            sender=self._sender,
            subject_prefix=self._prefix,
            language=language,
            charset=self._config.charset,
            message_id=message_id,
            date=event.accepted if date is None else date,
            host=host,
            fqdn=fqdn,
            user=self._user_name(event.uid),
            standing=None if routing is None else routing.standing,
            look=own if look is None else look,
            routing=routing or BY_DEFAULT,
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
        look: Look | None = None,
    ) -> Message:
        """The mail about several events, made at `now` (seconds since the epoch); `look` as for
        `about`. Raises TemplateError.
        """
        from zaiond.message.together import compose_together  # not before several are told of

        language, own = self._form(routing)
        host, fqdn = self._machine_of(*together.shown)
        message = compose_together(
            together,
            routing,
            recipients=recipients,
            sender=self._sender,
            subject_prefix=self._prefix,
            language=language,
            charset=self._config.charset,
            message_id=message_id,
            date=now,
            host=host,
            fqdn=fqdn,
            user_name=self._user_name,
            look=own if look is None else look,
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
        return self.about(bare, recipients, message_id, routing, look=PLAIN)

    def _passed_on(self, event: Event, recipients: tuple[str, ...], message_id: str) -> Message:
        from zaiond.message import local_mail  # where programs send mails

        host, fqdn = self._machine_of(event)
        way = local_mail.Way(
            sender=self._sender,
            recipients=recipients,
            named=bool(named(event)[0]),
            message_id=message_id,
            host=host,
            fqdn=fqdn,
            accepted=event.accepted,
        )
        return local_mail.pass_on(event, way)


def _other_machine(event: Event) -> str | None:
    """The machine of the fleet that it comes from, or whose problem it ends; None: this one."""
    is_put_there = event.uid > NO_UID or (event.notice and event.type == CLOSED_BY_HAND)
    host = event.data.get("host") if is_put_there else None
    return host if isinstance(host, str) else None
