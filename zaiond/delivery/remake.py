"""A mail that there is already, made anew by the configuration in force. Pure."""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import repeat

from msgspec import structs

from zaiond.delivery.mail_maker import MailMaker, complete
from zaiond.model import (
    DeliveryRecord,
    EventRecord,
    MessageRecord,
    QueuedDelivery,
    QueuedMail,
    Remade,
    Routing,
)
from zaiond.way import HUBS

_LOST = ("failed", "expired")
# The mail of a message's row to some of the recipients; with this Message-ID, None: a new one.
Make = Callable[[int, tuple[str, ...], str | None], QueuedMail]


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

    Who is a recipient now gets the mail; what has arrived stays as it is, and nobody gets it twice
    by the same route. A mail that there is keeps its row and its Message-ID, a delivery its row and
    its attempts.
    """
    state = _without_letters(state)
    if not _left(state.deliveries, reopen=reopen):
        return None
    event = complete(state.event)
    told = maker.tells_now(event, state.elsewhere, [one.routing for one in state.messages])
    names = [routing.route for routing, _ in told]
    # The mails of a route that is none of these any more become those of the first.
    route_of = {
        one.row: one.routing.route if one.routing.route in names else next(iter(names), "")
        for one in state.messages
    }
    every = _ended(state.deliveries)
    found = Remade(state.event, (), frozenset(), frozenset(), (), ())
    for routing, to in told:
        messages = [one for one in state.messages if route_of[one.row] == routing.route]
        deliveries = [d for d in state.deliveries if route_of[d.message] == routing.route]
        if messages and not _left(deliveries, reopen=reopen):
            continue

        def make(
            row: int,
            recipients: tuple[str, ...],
            message_id: str | None,
            routing: Routing = routing,
        ) -> QueuedMail:
            return maker.make(
                row, state.event, event, recipients, repeat(0), message_id, routing=routing
            )

        parts = maker.parts(to)
        done = () if messages else every
        found = found.plus(
            anew(
                messages,
                deliveries,
                parts,
                make,
                new_messages,
                new_deliveries,
                at,
                reopen=reopen,
                done=done,
            )
        )
    kept = {mail.row for mail in found.mails}
    gone = tuple(
        d.row for d in state.deliveries if d.is_open and d.message not in kept and not told
    )
    emptied = {one.row for one in state.messages if one.is_open} - kept
    return found._replace(replaced=(*found.replaced, *gone), emptied=tuple(sorted(emptied)))


def _without_letters(state: EventRecord) -> EventRecord:
    """Of an event that was handed on, too, what it became here."""
    letters = {d.message for d in state.deliveries if d.recipient == HUBS}
    if not letters:
        return state
    return state._replace(
        messages=tuple(one for one in state.messages if one.row not in letters),
        deliveries=tuple(one for one in state.deliveries if one.message not in letters),
    )


def anew(
    messages: Sequence[MessageRecord],
    deliveries: Sequence[DeliveryRecord],
    parts: Sequence[tuple[str, ...]],
    make: Make,
    new_messages: Iterator[int],
    new_deliveries: Iterator[int],
    at: float,
    *,
    reopen: bool,
    done: Collection[str] = (),
) -> Remade:
    """What is to be put in the place of these mails, which are of one route: one to each of the
    `parts` of its recipients. Who is `done` gets none, nor who had one of these.
    """
    left = _left(deliveries, reopen=reopen)
    # Who was replaced once may be a recipient again; all other ends stand.
    done = {*done, *(one for one in _ended(deliveries) if one not in left)}
    old = [message for message in messages if message.is_open or reopen]
    mails: list[QueuedMail] = []
    added_messages: set[int] = set()
    added_deliveries: set[int] = set()
    for recipients in parts:
        addresses = dict.fromkeys(map(MailMaker.address, recipients))
        to = [address for address in addresses if address not in done]
        if not to:
            continue
        message = _nearest(to, old, deliveries)
        if message is not None:
            old.remove(message)
            row, message_id = message.row, message.message_id
        else:
            row, message_id = next(new_messages), None
            added_messages.add(row)
        of_mail = []
        for address in to:
            there = left.get(address)
            number = next(new_deliveries) if there is None else there.row
            if there is None:
                added_deliveries.add(number)
            of_mail.append(QueuedDelivery(number, address, 0))  # what was tried stays on disk
        made = make(row, recipients, message_id)
        # Who was stopped has had no time, or all of it: it has all of it from now on.
        stopped = any(d.state in ("held", *_LOST) for d in left.values())
        mails.append(
            structs.replace(
                made,
                message=structs.replace(made.message, recipients=tuple(to)),
                deliveries=tuple(of_mail),
                queued=at if stopped else made.queued,
            )
        )
    kept = {delivery.row for mail in mails for delivery in mail.deliveries}
    return Remade(
        None,
        tuple(mails),
        frozenset(added_messages),
        frozenset(added_deliveries),
        tuple(d.row for d in deliveries if d.is_open and d.row not in kept),
        tuple({m.row for m in messages if m.is_open} - {mail.row for mail in mails}),
    )


def _left(deliveries: Sequence[DeliveryRecord], *, reopen: bool) -> dict[str, DeliveryRecord]:
    return {d.recipient: d for d in deliveries if d.is_open or (reopen and d.state in _LOST)}


def _ended(deliveries: Sequence[DeliveryRecord]) -> set[str]:
    return {d.recipient for d in deliveries if not d.is_open and d.state != "replaced"}


def _nearest(
    to: list[str], messages: list[MessageRecord], deliveries: Sequence[DeliveryRecord]
) -> MessageRecord | None:
    """The message that becomes the one to these addresses: that which has most of them."""

    def common(message: MessageRecord) -> int:
        return sum(d.message == message.row and d.recipient in to for d in deliveries)

    return max(messages, key=common, default=None)
