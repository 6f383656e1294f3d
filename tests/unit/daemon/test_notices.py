"""What the daemon itself tells the administrators: once an incident, and never about itself."""

import os
import re
import shlex
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any

import pytest

from tests.support.store import NOW, event, mail
from tests.support.told import Told
from zaiond import wire
from zaiond.config.schema import Auth, Config, MailServer, OAuth2
from zaiond.daemon import notices, reports
from zaiond.daemon.incidents import SETTLED
from zaiond.delivery.mail_maker import MailMaker, complete
from zaiond.delivery.servers import ServerState
from zaiond.errors import Diagnostic
from zaiond.holds import Hold
from zaiond.model import AttemptResult, QueuedDelivery, QueuedMail, StoredEvent
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.syntax import Reply
from zaiond.store import events, queue
from zaiond.store.recovery import Salvage
from zaiond.text import Text

DAY = 86400.0
DOWN = Failure(stage=Stage.CONNECT, server="mailhost:25", cause="refused")


def expired(recipient: str = "a@x", *, notice: bool = False) -> tuple[QueuedMail, AttemptResult]:
    (stored,) = [StoredEvent(1, *event("the-event"))]
    one = mail(1, [stored], [recipient], notice=notice)
    reply = "451 4.7.1 Greylisted"
    return one, AttemptResult(
        one.deliveries[0], "expired", "expired", "mailhost:25", reply, NOW, NOW
    )


def held(scope: Any = "address", subject: str = "a@x") -> Hold:
    reply = Reply(550, (b"5.1.1 No such user",))
    stage = Stage.CONTENT if scope == "mail" else Stage.RCPT
    failure = Failure(stage=stage, server="mailhost:25", cause="reply", reply=reply)
    return Hold(scope, subject, NOW, 0.0, failure)


async def test_what_has_expired_is_told_of_once_a_day_with_the_way_to_send_it(told: Told) -> None:
    for _ in range(3):
        await told.tell(told.reports.expired, *expired())
    await told.tell(told.reports.expired, *expired("b@x"))
    told.clock.now += DAY
    await told.tell(told.reports.expired, *expired())
    subjects = [one["subject"] for one in told.events]
    assert subjects == [f"Not delivered in time to {name}@x" for name in "aba"]
    first = told.events[0]
    assert first["type"] == "zaiond.delivery.failed"
    assert first["severity"] == "err"
    assert "451 4.7.1 Greylisted" in first["message"]
    assert "zaiond-ctl queue retry the-event" in first["message"]


async def test_what_has_failed_is_told_of_with_who_named_it_and_what_the_server_said(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "FAILED_INTERVAL", 0.05)
    one, attempted = expired()
    refused = attempted._replace(state="failed", outcome="failed", reply="550 5.1.1 No such user")
    await told.tell(told.reports.failed, one, refused)

    def fail_many() -> None:
        for _ in range(30):
            told.reports.failed(one, refused)

    told.clock.now += 3600.0
    await told.tell(fail_many)
    first, second = told.events
    assert (first["type"], first["severity"]) == ("zaiond.delivery.failed", "err")
    assert first["subject"] == "Failed to a@x: the recipient is refused"
    assert first["data"] == {"recipient": "a@x"}
    for word in ("550 5.1.1 No such user", "mailhost:25", "zaiond-ctl queue retry the-event"):
        assert word in first["message"]
    assert second["subject"] == "Failed to a@x and 29 more: the recipients are refused"
    assert "and 10 more" in second["message"]


async def test_whatever_an_id_has_in_it_the_way_to_send_it_is_one_command(told: Told) -> None:
    of, attempted = expired()
    ids = ("a; rm -rf ~", "it's", "-x", "plain")
    of.events = tuple(of.events[0]._replace(id=id_) for id_ in ids)
    await told.tell(told.reports.expired, of, attempted)
    (command,) = re.findall(r"(?m)^zaiond-ctl queue retry (.*)$", told.events[0]["message"])
    assert shlex.split(command) == ["--", *ids]


async def test_only_what_the_daemon_itself_tells_is_never_told_of_in_turn(told: Told) -> None:
    maker = MailMaker(
        Config(mail_server=MailServer(host="mailhost"), admins=("a@x.example",)),
        lambda: "M1",
        lambda uid: "",
        lambda stored, error: None,
    )
    maker.call_machine("host", "host.example")

    async def expire(stored: StoredEvent) -> None:
        made = maker.make(1, stored, complete(stored), ("a@x.example",), count(1))
        _, attempted = expired("a@x.example")
        await told.tell(told.reports.expired, made, attempted)

    # By the daemon's own user, with the very id of the notice of the day.
    id_ = f"zaiond.delivery.failed/{datetime.fromtimestamp(NOW).date()}/expired/a@x.example"
    forged = event(id_, uid=os.getuid(), source="zaiond", kind="zaiond.delivery.failed")
    accept = partial(events.accept, batch=[forged], queued=0.0)
    await expire((await told.writer.submit(accept)).events[0])
    (notice,) = told.accepted[0].events
    assert notice.id == id_
    await expire(notice)
    assert len(told.accepted) == 1


async def test_an_address_or_a_mail_that_is_held_is_told_of_with_what_to_do(told: Told) -> None:
    for _ in range(2):
        await told.tell(told.reports.held, held())
        await told.tell(told.reports.held, held("mail", "7"), language="ja")
    address, mail_ = told.events
    assert address["subject"] == "Mail to a@x is held"
    assert address["message"].count("550 5.1.1 No such user") == 1
    assert "Mail server: mailhost:25" in address["message"]
    assert "zaiond-ctl queue retry" in address["message"]
    assert address["data"] == {"recipient": "a@x"}
    assert mail_["data"] == {}
    assert "zaiond-ctl queue list" in mail_["message"]


async def test_an_address_is_told_of_again_once_it_has_got_a_mail_in_between(told: Told) -> None:
    accept = partial(events.accept, batch=[event("the-event")], queued=0.0)
    (stored,) = (await told.writer.submit(accept)).events
    one = mail(1, [stored], ["a@x", "b@x"])
    route = partial(queue.route, routed_through=stored.seq, mails=[one], ended=[])
    await told.writer.submit(route)

    async def deliver(delivery: QueuedDelivery) -> None:
        done = AttemptResult(delivery, "delivered", "delivered", "", "", NOW, NOW)
        await told.writer.submit(partial(queue.finish, mail=one, attempted=[done], at=0.0))

    for _ in range(2):
        await told.tell(told.reports.held, held())
        told.clock.now += DAY  # the same incident, however long, and whatever was changed
    assert len(told.events) == 1
    await deliver(one.deliveries[1])
    await told.tell(told.reports.held, held())
    assert len(told.events) == 1  # another one got a mail
    await deliver(one.deliveries[0])
    for _ in range(2):
        await told.tell(told.reports.held, held())
    assert [one["subject"] for one in told.events] == ["Mail to a@x is held"] * 2


async def test_a_mail_that_may_have_arrived_is_told_of_as_such(told: Told) -> None:
    await told.tell(told.reports.held, held("mail", "7"))
    unknown = Failure(stage=Stage.CONTENT, server="mailhost:25", cause="closed")
    await told.tell(told.reports.held, Hold("mail", "8", NOW, 0.0, unknown))
    refused, ambiguous = told.events
    assert refused["subject"] == "A mail is held: its content is refused"
    assert ambiguous["subject"] == "A mail is held: it may have arrived"
    assert "once an hour" not in ambiguous["message"]  # nobody sends it again
    assert "zaiond-ctl queue retry" in ambiguous["message"]


async def test_a_notice_that_expires_makes_no_notice(told: Told) -> None:
    await told.tell(told.reports.expired, *expired(notice=True))
    assert told.events == []


async def test_a_server_out_of_use_is_told_of_once_an_outage_also_across_restarts(
    told: Told,
) -> None:
    state = ServerState(MailServer(host="mailhost"), "down", failure=DOWN)
    for _ in range(2):
        await told.tell(told.reports.server_changed, state, True, language="ja")
    told.clock.now += 500
    works = ServerState(MailServer(host="mailhost"), "up")
    for settled in (SETTLED - 1, SETTLED):  # one that comes and goes is one outage
        await told.tell(told.reports.server_changed, works, True, language="ja")
        told.clock.now += settled
        assert [one["type"] for one in told.events] == ["zaiond.server.down"]
        await told.tell(told.reports.server_changed, state, True, language="ja")
    assert [one["type"] for one in told.events] == ["zaiond.server.down"] * 2
    assert "mailhost:25" in told.events[0]["subject"]


async def test_a_broken_configuration_is_told_of_once_with_each_mistake(told: Told) -> None:
    errors = tuple(
        Diagnostic("/etc/z.yaml", n, 3, f"key{n}", Text(f"誤り{n}", f"wrong{n}")) for n in range(99)
    )
    for _ in range(2):
        broken = notices.configuration_broken("incident", errors)
        await told.tell(told.reports.emit, broken, language="ja")
    (one,) = told.events
    assert "/etc/z.yaml:0:3: key0: 誤り0" in one["message"]
    assert "zaiond-ctl config revert" in one["message"]
    assert len(one["message"]) < wire.MAX_EVENT_BYTES


async def test_a_file_that_is_no_yaml_is_told_of_without_a_key(told: Told) -> None:
    error = Diagnostic("/etc/z.yaml", 1, 6, "", Text("値が必要です", "a value is expected"))
    await told.tell(told.reports.emit, notices.configuration_broken("incident", (error,)))
    assert told.events[0]["message"].startswith("/etc/z.yaml:1:6: a value is expected\n")


async def test_a_damaged_queue_is_told_of_with_what_was_saved(told: Told) -> None:
    why = Text("壊れていました", "the queue's database was damaged")
    salvage = Salvage(NOW, why, 12, 34, "/var/lib/zaiond/quarantine-1")
    for _ in range(2):
        await told.tell(told.reports.emit, notices.salvaged(salvage))
    (one,) = told.events
    assert one["severity"] == "crit"
    for word in ("12 events", "34 deliveries", salvage.quarantine, why.en):
        assert word in one["message"]


@pytest.mark.parametrize("recipient", ["日本@x", "x" * 300 + "@x"])
async def test_any_name_can_be_told_of(told: Told, recipient: str) -> None:
    await told.tell(told.reports.expired, *expired(recipient), language="ja")
    ((accepted,),) = [each.events for each in told.accepted]
    assert 0 < len(accepted.id) <= wire.MAX_ID_LENGTH


async def test_where_it_can_not_be_recorded_the_journal_says_so(told: Told) -> None:
    connection = told.store.connection
    connection.pragma("max_page_count", connection.pragma("page_count"))
    salvage = Salvage(NOW, Text("", "x" * 300_000), 1, 1, "/q")
    await told.tell(told.reports.emit, notices.salvaged(salvage))
    assert told.events == []
    assert "can't record a notice" in told.journal.lines[0]


async def test_the_end_of_a_refresh_token_is_one_notice_with_what_to_do(told: Told) -> None:
    oauth2 = OAuth2(refresh_token_file="/etc/zaiond/refresh-token")
    server = MailServer(host="mailhost", auth=Auth(oauth2=oauth2))
    for _ in range(2):
        await told.tell(told.reports.refresh_token_ends, server, NOW + 7 * DAY, "")
        await told.tell(
            told.reports.refresh_token_ends, server, None, "400 invalid_grant", language="ja"
        )
    ends, refused = told.events
    assert (ends["severity"], refused["severity"]) == ("warning", "err")
    assert "mailhost:25" in ends["subject"]
    assert "It holds until 20" in ends["message"]
    assert "400 invalid_grant" in refused["message"]
    for enabled in (ends, refused):
        assert enabled["message"].endswith("/etc/zaiond/refresh-token")
