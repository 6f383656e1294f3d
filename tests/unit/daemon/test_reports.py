"""What the journal says of mails and servers."""

from typing import Any

import pytest

from tests.support.store import Notes, event, mail
from zaiond.config.schema import MailServer
from zaiond.daemon.journal import Kind
from zaiond.daemon.notices import Notices
from zaiond.daemon.reports import Reports
from zaiond.daemon.servers import ServerState
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.verdict import judge
from zaiond.store import events
from zaiond.store.queue import Attempted, QueuedMail

DOWN = Failure(stage=Stage.CONNECT, server="mailhost:25", cause="refused")


class Reporting(Reports):
    """Reports whose notices go nowhere but into `notified`."""

    def __init__(self) -> None:
        self.notes = Notes()
        self.notified: list[str] = []
        notices = Notices.__new__(Notices)
        super().__init__(self.notes, notices, lambda: 0.0, lambda work: self._note(work))

    def _note(self, work: object) -> None:
        self.notified.append(getattr(work, "__name__", ""))
        getattr(work, "close", lambda: None)()


def attempt(outcome: Any) -> tuple[QueuedMail, Attempted]:
    one = mail(1, [events.StoredEvent(1, *event("the-event"))], ["a@x"])
    state: Any = outcome if outcome in ("failed", "expired") else "deferred"
    return one, Attempted(
        one.deliveries[0],
        state,
        outcome,
        "mailhost:25",
        "450 later",
        0.0,
        1.0,
    )


@pytest.mark.parametrize(
    ("outcome", "kind", "notified"),
    [
        ("deferred", Kind.DELIVERY_DEFERRED, []),
        ("held", Kind.DELIVERY_HELD, []),
        ("failed", Kind.DELIVERY_FAILED, ["delivery_lost"]),
        ("expired", Kind.DELIVERY_EXPIRED, ["delivery_lost"]),
    ],
)
def test_a_delivery_that_was_not_made_is_a_line_with_its_fields(
    outcome: str, kind: Kind, notified: list[str]
) -> None:
    reports = Reporting()
    one, attempted = attempt(outcome)
    reports.attempted(one, attempted, judge(DOWN))
    assert reports.notes.lines == [f"{outcome}: a@x (the-event): mailhost:25: 450 later"]
    assert reports.notes.kinds == [kind]
    assert reports.notes.fields == [
        {
            "event": "the-event", "type": "a.b", "recipient": "a@x", "outcome": outcome,
            "server": "mailhost:25", "reply": "450 later",
        }
    ]  # fmt: skip
    assert reports.notified == notified


def test_what_expires_while_nothing_is_tried_is_a_line_too() -> None:
    reports = Reporting()
    one, attempted = attempt("expired")
    reports.lost(one, attempted)
    assert reports.notes.kinds == [Kind.DELIVERY_EXPIRED]
    assert reports.notified == ["delivery_lost"]


def test_a_server_that_goes_and_one_that_comes_back_are_lines_by_their_server() -> None:
    reports = Reporting()
    state = ServerState(MailServer(host="mailhost"), "down", failure=DOWN)
    reports.server_changed(state, works=False)
    state.failure = None
    reports.server_changed(state, works=True)
    assert reports.notes.kinds == [Kind.SERVER_OUT_OF_USE, Kind.SERVER_USABLE]
    assert [fields["server"] for fields in reports.notes.fields] == ["mailhost:25"] * 2
