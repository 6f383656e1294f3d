"""What stays of a mail that is made anew."""

from itertools import count
from typing import Any, cast

from zaiond.delivery.mail_maker import MailMaker
from zaiond.delivery.remake import remake
from zaiond.model import (
    DeliveryRecord,
    EventRecord,
    Message,
    MessageRecord,
    QueuedMail,
    Remade,
    Routing,
    StoredEvent,
)

EVENT = StoredEvent(1, "E1", 0, "", 1.0, b'{"type":"a.b"}')


class Maker:
    """Makes one mail to `admins`."""

    def __init__(self, *admins: str) -> None:
        self.admins = admins

    def tells_now(self, *_: object) -> list[tuple[Routing, tuple[str, ...]]]:
        return [(Routing(), self.admins)]

    def parts(self, recipients: tuple[str, ...]) -> list[tuple[str, ...]]:
        return [recipients]

    def make(self, row: int, *given: Any, routing: Routing) -> QueuedMail:
        message_id = given[-1] or "<new@x>"
        message = Message(message_id=message_id, reverse_path="", recipients=(), content=b"")
        return QueuedMail(row, message, (), 1.0, 1.0, False, (EVENT,))


def remade(to: str, *states: str, reopen: bool) -> Remade | None:
    """Of two messages, each with one delivery: to a@x and to b@x."""
    pairs = list(zip((1, 2), ("a@x", "b@x"), states, strict=True))
    state = EventRecord(
        EVENT,
        tuple(
            MessageRecord(row, f"<{row}@x>", state in ("held", "waiting"))
            for row, _, state in pairs
        ),
        tuple(DeliveryRecord(10 + row, row, whom, state) for row, whom, state in pairs),
    )
    numbers = count(100)
    maker = cast(MailMaker, Maker(to))
    return remake(state, maker, numbers, numbers, 5.0, reopen=reopen)


def test_what_has_failed_is_reopened_as_the_mail_that_it_was() -> None:
    again = remade("a@x", "failed", "delivered", reopen=True)
    assert again is not None
    assert [mail.message.message_id for mail in again.mails] == ["<1@x>"]
    assert not again.new_messages


def test_an_ended_mail_is_never_the_one_that_is_made_anew_unless_it_is_reopened() -> None:
    again = remade("c@x", "delivered", "held", reopen=False)
    assert again is not None
    assert [mail.row for mail in again.mails] == [2]


def test_what_has_ended_stays_as_it_is_where_its_recipient_is_none_any_more() -> None:
    again = remade("b@x", "failed", "held", reopen=True)
    assert again is not None
    assert (again.replaced, again.emptied) == ((), ())


def test_an_open_mail_of_which_nothing_is_left_is_emptied() -> None:
    again = remade("b@x", "held", "held", reopen=False)
    assert again is not None
    assert (again.replaced, again.emptied) == ((11,), (1,))


def test_what_has_been_delivered_is_not_reopened() -> None:
    assert remade("a@x", "delivered", "deleted", reopen=True) is None
