"""The mail about an event, by one configuration: asks `routing` where to, `message` for the bytes.
Pure.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

import msgspec
from msgspec import structs

from zaiond import wire
from zaiond.config.schema import Config
from zaiond.delivery import handing_on
from zaiond.delivery.composer import Composer
from zaiond.event_rules import MAIL
from zaiond.message.address import parse_recipient
from zaiond.message.custom import TemplateError
from zaiond.model import (
    MOST_IDS,
    URGENT,
    Event,
    Message,
    MessageRecord,
    QueuedDelivery,
    QueuedMail,
    Routing,
    StoredEvent,
    Together,
)
from zaiond.routing.decide import decide
from zaiond.routing.decision import Decision, Tell
from zaiond.routing.matcher import RoutingTable
from zaiond.routing.named import named
from zaiond.routing.state import State
from zaiond.store.members import Beginning, Members
from zaiond.store.turns import DAEMON
from zaiond.text import Language
from zaiond.way import HUBS, user_of_fleet

_TO_HUBS = (HUBS,)


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
    """Makes mails by one configuration; `of_fleet` where this machine belongs to one, and while it
    `hands_on` events, what its hubs get. `is_hub`: it is one of these.

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
        self.table = RoutingTable(config)
        self.composer = Composer(config, make_id, user_name)
        self.call_machine = self.composer.call_machine
        self.of_fleet: handing_on.OfFleet | None = None
        self.hands_on = self.is_hub = False
        self.ends: handing_on.Ends = {}
        self._config = config
        self._on_unmade = on_unmade
        self._user_of = user_of

    def decide(self, stored: StoredEvent, event: Event, state: State, now: float) -> Decision:
        """What becomes of the event at `now`, seconds since the epoch; `state` is to be committed,
        or rolled back.
        """
        if not self.hands_it_on(event) or len(stored.body) > handing_on.LONGEST:
            return self.decide_alone(stored, event, state, now)
        return handing_on.decided(event, state, lambda: self.decide_here(stored, event, state, now))

    def hands_it_on(self, event: Event) -> bool:
        """Whether the event goes to the hubs."""
        return self.hands_on and handing_on.is_handed_on(event, by_hub=self.is_hub)

    def decide_alone(self, stored: StoredEvent, event: Event, state: State, now: float) -> Decision:
        """The same while nothing can be handed on."""
        here = self.decide_here(stored, event, state, now)
        if self.of_fleet is None or not handing_on.is_handed_on(event, by_hub=self.is_hub):
            return here
        return handing_on.alone(event, here, stored.seq, self.ends)

    def decide_here(self, stored: StoredEvent, event: Event, state: State, now: float) -> Decision:
        """The same, whether it is handed on or not."""
        mark = state.mark()
        try:
            return decide(event, self.table, state, now, seq=stored.seq)
        except Exception as error:  # noqa: BLE001 - one event must never stop all the others
            state.undo(mark)
            self._on_unmade(stored, error)
            return Decision((Tell("", self._config.admins, self.table.default.routing),))

    def tells_now(
        self, event: Event, elsewhere: Sequence[MessageRecord], before: Sequence[Routing]
    ) -> list[tuple[Routing, tuple[str, ...]]]:
        """Who gets the mails that there are already, by each route: no change of the configuration
        ends one, so where nobody would be left it is the admins. `elsewhere` are other mails that
        tell of the event together with others, or remind of it; `before` how these mails came to
        be.
        """
        known = {routing.route: routing for routing in before}
        # Who is reminded of a problem was told of it by one of these mails.
        others = ("suppressed", "problem")
        grouped = {m.routing.route for m in elsewhere if m.routing.kind not in others}
        over = self._over(elsewhere)
        told = []
        addresses, is_routed = named(event)
        for name, to in self.table.routes_of(event) if is_routed else ():
            left = tuple(recipient for recipient in to if recipient not in over)
            if left and name not in grouped:
                left, addresses = tuple(dict.fromkeys((*addresses, *left))), ()
                told.append((known.get(name) or self.table.rule(name).routing, left))
        if addresses:
            told.append((known.get("") or Routing(recipients=addresses), addresses))
        return told

    def group_tells_now(
        self, routing: Routing, elsewhere: Sequence[MessageRecord]
    ) -> tuple[str, ...]:
        """Who gets a mail that was made of a group; `elsewhere` are other mails that tell of the
        same. Nobody: all who are its recipients now are told by those.
        """
        is_reminder = routing.standing is not None and routing.standing.reminder
        if routing.kind != "suppressed" and not is_reminder:
            # To some only because the others were over max_mails.
            routing = structs.replace(routing, recipients=None)
        to = self.table.route_now(routing).to
        if routing.kind == "suppressed":
            return to
        over = self._over(elsewhere)
        return tuple(recipient for recipient in to if recipient not in over)

    def _over(self, elsewhere: Iterable[MessageRecord]) -> set[str]:
        """Who could not be told because of max_mails, or gets that mail in his place."""
        over: set[str] = set()
        for mail in elsewhere:
            if mail.routing.kind == "suppressed":
                over.update(mail.routing.recipients or ())
                over.update(self.table.route_now(mail.routing).to if mail.is_open else ())
        return over

    @property
    def language(self) -> Language:
        """Of what people read."""
        return self._config.language

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
        return recipient if recipient == HUBS else parse_recipient(recipient).address

    def new_message_id(
        self, first: StoredEvent | None, routing: Routing | None, *, smtputf8: bool = False
    ) -> str:
        """The Message-ID of a new mail about an event, or about several of which it is the `first`.
        In a fleet whoever makes that mail gives it the same; what reminds has one of its own, for
        readers show but one mail of a Message-ID.
        """
        routing = routing or self.table.default.routing
        is_reminder = routing.standing is not None and routing.standing.reminder
        if self.of_fleet is None or first is None or is_reminder:
            return self.composer.new_message_id()
        limited = ",".join(routing.recipients or ())
        part = "smtputf8" if smtputf8 else ""
        machine = self.composer.fqdn
        return self.of_fleet.message_id(machine, first, routing.route, routing.kind, limited, part)

    def _letter(
        self, row: int, stored: StoredEvent, new_deliveries: Iterator[int], *, alone: bool
    ) -> QueuedMail:
        """What the hubs of the fleet get of an event."""
        assert self.of_fleet is not None  # noqa: S101 - else nothing is handed on
        return QueuedMail(
            row,
            Message(
                message_id=self.of_fleet.message_id(self.composer.fqdn, stored, HUBS),
                reverse_path="",
                recipients=_TO_HUBS,
                content=self.of_fleet.letter(stored),
            ),
            (QueuedDelivery(next(new_deliveries), HUBS, 0),),
            stored.accepted,
            stored.queued,
            stored.notice,
            (stored,),
            urgent=stored.urgent,
            lane=stored.lane and f"{stored.uid} {stored.lane}",
            user=user_of_fleet(DAEMON if stored.notice else self._user_of(stored.uid)),
            alone=alone,
            routing=handing_on.ROUTING,
        )

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
        routing: Routing | None = None,
        date: float | None = None,
    ) -> QueuedMail:
        """The mail about an event, with deliveries of these rows; `alone`: it is the only one.
        `routing` None: by no route, at once. `date`: when it is made (seconds since the epoch),
        None: when the event was accepted.
        """
        if recipients == _TO_HUBS:
            return self._letter(row, stored, new_deliveries, alone=alone)
        if message_id is None:
            is_plain = self.address(recipients[0]).isascii()
            message_id = self.new_message_id(stored, routing, smtputf8=not is_plain)
        about = self.composer.about
        try:
            try:
                message = about(event, recipients, message_id, routing, date)
            except TemplateError as error:
                self._on_unmade(stored, error)
                look = self.composer.built_in(routing, error)
                message = about(event, recipients, message_id, routing, date, look)
        except Exception as error:  # noqa: BLE001 - one event must never stop all the others
            self._on_unmade(stored, error)
            message = self.composer.bare(event, recipients, message_id, routing)
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
            routing=routing,
        )

    def make_together(
        self,
        row: int,
        members: Members,
        shown: Sequence[StoredEvent],
        start: Beginning,
        recipients: tuple[str, ...],
        new_deliveries: Iterator[int],
        routing: Routing,
        at: float,
        now: float,
        message_id: str | None = None,
    ) -> QueuedMail:
        """The mail about all events of a mail to come, made at `at` in queue time, `now` in seconds
        since the epoch. `shown` are those that it tells of one by one.
        """
        if members.total == 1:
            (stored,) = shown
            event = complete(stored)
            mail = self.make(
                row, stored, event, recipients, new_deliveries, message_id,
                routing=routing, date=now,
            )  # fmt: skip
            return structs.replace(mail, queued=at, accepted=members.first)
        events = tuple(map(complete, shown))
        if message_id is None:
            first = start.first[0] if start.first else None
            is_plain = self.address(recipients[0]).isascii()
            message_id = self.new_message_id(first, routing, smtputf8=not is_plain)
        several = Together(
            members.total,
            dict(members.severities),
            members.first,
            members.last,
            events,
            tuple(dict.fromkeys((*(event.id for event in events), *start.ids)))[:MOST_IDS],
        )
        together = self.composer.together
        try:
            try:
                message = together(several, routing, recipients, message_id, now)
            except TemplateError as error:
                self._on_unmade(shown[0], error)
                look = self.composer.built_in(routing, error)
                message = together(several, routing, recipients, message_id, now, look)
        except Exception as error:  # noqa: BLE001 - one event must never stop all the others
            self._on_unmade(shown[0], error)
            message = self.composer.bare(events[0], recipients, message_id, routing)
        uid, notice = min(members.users)
        of_one = len(members.users) == 1
        (lane,) = members.lanes if len(members.lanes) == 1 else (None,)
        return QueuedMail(
            row,
            message,
            tuple(QueuedDelivery(next(new_deliveries), r, 0) for r in message.recipients),
            members.first,
            at,
            notice and of_one,
            start.first,
            urgent=members.urgent,
            lane=lane,
            user=DAEMON if notice and of_one else self._user_of(uid),
            routing=routing,
        )
