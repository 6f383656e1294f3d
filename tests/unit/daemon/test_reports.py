"""What the journal says of mails and servers."""

from typing import Any

import pytest

from tests.support.store import Notes, event, mail
from zaiond.config.schema import MailServer
from zaiond.daemon.notices import Notices
from zaiond.daemon.reports import Reports
from zaiond.delivery.servers import ServerState
from zaiond.holds import Hold
from zaiond.journal import Kind
from zaiond.log_limit import BURST
from zaiond.model import AttemptResult, QueuedMail, StoredEvent
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.verdict import judge

DOWN = Failure(stage=Stage.CONNECT, server="mailhost:25", cause="refused")


class Reporting(Reports):
    """Reports whose notices go nowhere but into `notified`."""

    def __init__(self) -> None:
        self.notes = Notes()
        self.notified: list[str] = []
        notices = Notices.__new__(Notices)
        self.alarms: list[str] = []
        self.reaches = True
        super().__init__(
            self.notes,
            notices,
            lambda: 0.0,
            lambda work: self._note(work),
            lambda text: self.alarms.append(text.en),
            lambda: self.reaches,
        )

    def _note(self, work: object) -> None:
        self.notified.append(getattr(work, "__name__", ""))
        getattr(work, "close", lambda: None)()


def attempt(outcome: Any) -> tuple[QueuedMail, AttemptResult]:
    one = mail(1, [StoredEvent(1, *event("the-event"))], ["a@x"])
    state: Any = outcome if outcome in ("failed", "expired") else "deferred"
    return one, AttemptResult(
        one.deliveries[0],
        state,
        outcome,
        "mailhost:25",
        "450 later",
        0.0,
        1.0,
    )


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        ("deferred", Kind.DELIVERY_DEFERRED),
        ("held", Kind.DELIVERY_HELD),
    ],
)
def test_a_delivery_that_was_not_made_is_a_line_with_its_fields(outcome: str, kind: Kind) -> None:
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
    assert reports.notified == []


def test_a_server_that_refuses_every_mail_makes_a_few_lines_and_then_one_a_second() -> None:
    reports = Reporting()
    one, attempted = attempt("held")
    for _ in range(1000):
        reports.attempted(one, attempted, judge(DOWN))
    reports.notes.now = 1.0
    reports.attempted(one, attempted, judge(DOWN))
    assert len(reports.notes.lines) == BURST + 1
    assert f"(and {1000 - BURST} more)" in reports.notes.lines[-1]


def test_what_expires_is_a_line_and_a_notice() -> None:
    reports = Reporting()
    one, attempted = attempt("expired")
    reports.expired(one, attempted)
    assert reports.notes.kinds == [Kind.DELIVERY_EXPIRED]
    assert reports.notified == ["expired"]


def test_what_holds_the_queue_is_told_where_no_mail_is_needed() -> None:
    reports = Reporting()
    reports.held(Hold("queue", "", 0.0, 0.0, DOWN))
    assert reports.notes.kinds == [Kind.QUEUE_HELD]
    assert reports.notes.levels == ["critical"]
    assert reports.alarms == ["all mail is held: mailhost:25: connect: connection refused"]
    assert reports.notified == []


@pytest.mark.parametrize("reaches", [True, False])
def test_an_address_that_is_held_is_told_to_the_others_by_mail_if_there_are_any(
    reaches: bool,
) -> None:
    reports = Reporting()
    reports.reaches = reaches
    reports.held(Hold("address", "a@x", 0.0, 0.0, DOWN))
    assert reports.notified == ["held"]
    assert bool(reports.alarms) == (not reaches)
    assert ("critical" in reports.notes.levels) == (not reaches)


@pytest.mark.parametrize("works", [True, False])
def test_a_server_that_is_down_is_told_by_mail_if_another_one_works(works: bool) -> None:
    reports = Reporting()
    state = ServerState(MailServer(host="mailhost"), "down", failure=DOWN)
    reports.server_changed(state, works=works)
    assert bool(reports.notified) == works
    assert bool(reports.alarms) == (not works)
    assert reports.notes.levels == ["error" if works else "critical"]


def test_a_server_that_goes_and_one_that_comes_back_are_lines_by_their_server() -> None:
    reports = Reporting()
    state = ServerState(MailServer(host="mailhost"), "down", failure=DOWN)
    reports.server_changed(state, works=False)
    state.failure = None
    reports.server_changed(state, works=True)
    assert reports.notes.kinds == [Kind.SERVER_OUT_OF_USE, Kind.SERVER_USABLE]
    assert [fields["server"] for fields in reports.notes.fields] == ["mailhost:25"] * 2
