"""What the journal says of mails and servers."""

from typing import Any

import pytest

from tests.support.store import event, mail
from tests.support.told import Told
from zaiond.config.schema import Config, MailServer, Notify
from zaiond.daemon import wall
from zaiond.delivery.servers import ServerState
from zaiond.holds import Hold
from zaiond.journal import Kind
from zaiond.log_limit import BURST
from zaiond.model import AttemptResult, QueuedMail, StoredEvent
from zaiond.smtp.failure import Failure, Stage

DOWN = Failure(stage=Stage.CONNECT, server="mailhost:25", cause="refused")


@pytest.fixture
def alarms(told: Told, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What appears on the terminals."""
    shown: list[str] = []
    monkeypatch.setattr(wall, "wall", shown.append)
    server = MailServer(host="mailhost")
    told.reports.configure(Config(mail_server=server, admins=("a@x",), notify=Notify(wall=True)))
    return shown


def notified(told: Told) -> list[str]:
    """What the admins are told by mail."""
    return [one["subject"] for one in told.events]


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
async def test_a_delivery_that_was_not_made_is_a_line_with_its_fields(
    told: Told, outcome: str, kind: Kind
) -> None:
    one, attempted = attempt(outcome)
    await told.tell(told.reports.not_delivered, one, attempted)
    assert told.journal.lines == [f"{outcome}: a@x (the-event): mailhost:25: 450 later"]
    assert told.journal.kinds == [kind]
    assert told.journal.fields == [
        {
            "event": "the-event", "type": "a.b", "recipient": "a@x", "outcome": outcome,
            "server": "mailhost:25", "reply": "450 later",
        }
    ]  # fmt: skip
    assert notified(told) == []


async def test_a_server_that_refuses_every_mail_makes_a_few_lines_and_then_one_a_second(
    told: Told,
) -> None:
    one, attempted = attempt("held")
    for _ in range(1000):
        await told.tell(told.reports.not_delivered, one, attempted)
    told.journal.now = 1.0
    await told.tell(told.reports.not_delivered, one, attempted)
    assert len(told.journal.lines) == BURST + 1
    assert f"(and {1000 - BURST} more)" in told.journal.lines[-1]


async def test_what_expires_is_a_line_and_a_notice(told: Told) -> None:
    one, attempted = attempt("expired")
    await told.tell(told.reports.expired, one, attempted)
    assert told.journal.kinds == [Kind.DELIVERY_EXPIRED]
    assert notified(told) == ["Not delivered in time to a@x"]


async def test_what_holds_the_queue_is_told_where_no_mail_is_needed(
    told: Told, alarms: list[str]
) -> None:
    await told.tell(told.reports.held, Hold("queue", "", 0.0, 0.0, DOWN))
    assert told.journal.kinds == [Kind.QUEUE_HELD]
    assert told.journal.levels == ["critical"]
    assert alarms == ["all mail is held: mailhost:25: connect: connection refused"]
    assert notified(told) == []


@pytest.mark.parametrize("reaches", [True, False])
async def test_an_address_that_is_held_is_told_to_the_others_by_mail_if_there_are_any(
    told: Told, alarms: list[str], reaches: bool
) -> None:
    told.reaches = reaches
    await told.tell(told.reports.held, Hold("address", "a@x", 0.0, 0.0, DOWN))
    assert notified(told) == ["Mail to a@x is held"]
    assert bool(alarms) == (not reaches)
    assert ("critical" in told.journal.levels) == (not reaches)


@pytest.mark.parametrize("works", [True, False])
async def test_a_server_that_is_down_is_told_by_mail_if_another_one_works(
    told: Told, alarms: list[str], works: bool
) -> None:
    state = ServerState(MailServer(host="mailhost"), "down", failure=DOWN)
    await told.tell(told.reports.server_changed, state, works)
    assert bool(notified(told)) == works
    assert bool(alarms) == (not works)
    assert told.journal.levels == ["error" if works else "critical"]


async def test_a_server_that_goes_and_one_that_comes_back_are_lines_by_their_server(
    told: Told,
) -> None:
    state = ServerState(MailServer(host="mailhost"), "down", failure=DOWN)
    await told.tell(told.reports.server_changed, state, False)
    state.failure = None
    await told.tell(told.reports.server_changed, state, True)
    assert told.journal.kinds == [Kind.SERVER_OUT_OF_USE, Kind.SERVER_USABLE]
    assert [fields["server"] for fields in told.journal.fields] == ["mailhost:25"] * 2
