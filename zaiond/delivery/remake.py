"""What the mails of an event are by the configuration in force. Pure.

Who is a recipient now gets the mail; what has arrived stays as it is, and nobody gets it twice. A
mail that there is keeps its row and its Message-ID, a delivery its row and its attempts.
"""

from collections.abc import Callable
from dataclasses import replace

from msgspec import structs

from zaiond.delivery.mail_maker import MailMaker, complete
from zaiond.model import (
    DeliveryRecord,
    EventRecord,
    MessageRecord,
    QueuedDelivery,
    QueuedMail,
    Remade,
)

_LOST = ("failed", "expired")


def remake(
    state: EventRecord,
    maker: MailMaker,
    new_message: Callable[[], int],
    new_delivery: Callable[[], int],
    at: float,
    *,
    reopen: bool,
) -> Remade | None:
    """What is to be put in the place of an event's mails at `at` (queue time); None: nothing of it
    is open. `reopen`: what has failed or expired is sent again, too. `new_message` and
    `new_delivery` give the rows of what there was not.
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
    new_messages: set[int] = set()
    new_deliveries: set[int] = set()
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
            row, message_id = new_message(), None
            new_messages.add(row)
        deliveries = []
        for address in to:
            there = left.get(address)
            number = new_delivery() if there is None else there.row
            if there is None:
                new_deliveries.add(number)
            deliveries.append(QueuedDelivery(number, address, 0))  # what was tried stays on disk
        made = maker.make(row, state.event, event, recipients, 0, message_id)
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
        frozenset(new_messages),
        frozenset(new_deliveries),
        tuple(d.row for d in left.values() if d.is_open and d.row not in kept),
        tuple({m.row for m in state.messages if m.is_open} - {mail.row for mail in mails}),
    )


def _nearest(
    to: list[str], messages: list[MessageRecord], state: EventRecord
) -> MessageRecord | None:
    """The message that becomes the one to these addresses: that which has most of them."""

    def common(message: MessageRecord) -> int:
        return sum(_is_of(d, message) and d.recipient in to for d in state.deliveries)

    return max(messages, key=common, default=None)


def _is_of(delivery: DeliveryRecord, message: MessageRecord) -> bool:
    return delivery.message == message.row
