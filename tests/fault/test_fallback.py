"""Several mail servers, or one that refuses for now: who gets a mail next, and who is told."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.daemon import Daemon
from tests.support.sink import Sink


@dataclass
class Moody(Sink):
    """Answers MAIL, RCPT or the content (DATA) as `moods` says, as long as it says something."""

    moods: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.asked.append(address)
        if "MAIL" in self.moods:
            return self.moods["MAIL"]
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "RCPT" in self.moods:
            return self.moods["RCPT"]
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        return self.moods.get("DATA") or await super().handle_DATA(server, session, envelope)


def configuration(*servers: Sink, sender: str = "old@example.co.jp", more: str = "") -> str:
    first, *others = (f"{{host: 127.0.0.1, port: {sink.port}}}" for sink in servers)
    return f"""
mail_server: {first}
fallback_mail_servers: [{", ".join(others)}]
sender: {sender}
admins: a@example.co.jp
queue: {{retry_first: 1s, retry_max: 1s}}
route_defaults: {{max_mails: null}}
{more}
"""


@pytest.fixture
def first() -> Iterator[Moody]:
    with Moody() as sink:
        yield sink


@pytest.fixture
def second() -> Iterator[Moody]:
    with Moody() as sink:
        yield sink


@pytest.fixture
def daemon(tmp_path: Path, first: Moody, second: Moody) -> Iterator[Daemon]:
    with Daemon(tmp_path, configuration(first, second)) as daemon:
        yield daemon
        daemon.end()


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
def test_what_the_first_server_does_not_take_for_now_goes_out_by_the_next(
    daemon: Daemon, first: Moody, second: Moody, stage: str
) -> None:
    first.moods[stage] = "451 4.3.0 Try again later"
    daemon.emit({"type": "a.b", "id": "one"})
    (mail,) = second.wait(1)
    assert mail.event_ids == ("one",)
    del first.moods[stage]
    daemon.emit({"type": "a.b", "id": "two"})
    assert first.wait(1)[0].event_ids == ("two",)


def test_too_many_connections_is_a_wait_and_no_failover(
    daemon: Daemon, first: Moody, second: Moody
) -> None:
    first.moods["RCPT"] = "432 4.3.2 Concurrent connections limit exceeded"
    daemon.emit({"type": "a.b", "id": "one"})
    daemon.becomes(lambda q: q["deliveries"][0]["attempts"] >= 2, "queue", "list")
    # A pause lies between two tries, so there is time for this while it is being tried again.
    assert len(first.asked) <= 4
    del first.moods["RCPT"]
    assert first.wait(1)[0].event_ids == ("one",)
    assert second.asked == []


def test_a_server_that_refuses_the_sender_is_told_of_once_however_often_it_is_probed(
    daemon: Daemon, first: Moody, second: Moody
) -> None:
    first.moods["MAIL"] = "550 5.7.1 Sender denied"
    for number in range(4):
        known = len(first.asked)
        while len(first.asked) == known:  # until it has been probed once more
            daemon.emit({"type": "a.b"})
            daemon.document("status")  # takes its time
        assert number == 0 or daemon.document("status")["servers"][0]["state"] == "faulty"
    assert daemon.printed().count("Sender denied") >= 4
    told = [event for mail in second.mails for event in mail.event_ids if "zaiond." in event]
    assert len(told) == 1
    del first.moods["MAIL"]
    while not first.mails:
        daemon.emit({"type": "a.b"})
        daemon.document("status")
    daemon.becomes(lambda s: s["servers"][0]["state"] == "up", "status")


def test_what_was_held_for_its_sender_goes_out_with_the_one_that_was_mended_while_it_was_down(
    tmp_path: Path, first: Moody
) -> None:
    first.moods["MAIL"] = "550 5.7.1 Sender denied"
    with Daemon(tmp_path, configuration(first)) as daemon:
        daemon.emit(*({"type": "a.b", "id": f"n{number}"} for number in range(20)))
        held = daemon.becomes(lambda s: s["queue"]["held"] == 20, "status")
        assert [problem["code"] for problem in held["problems"]] == ["held"]
        (event,) = daemon.document("history", "n0")["events"]
        assert event["deliveries"][0]["outcome"] == "held"
        daemon.stop()
        del first.moods["MAIL"]
        daemon.config.write_text(configuration(first, sender="new@example.co.jp"), encoding="utf-8")
        daemon.start()
        mails = first.wait(20)
    assert {mail.reverse_path for mail in mails} == {"new@example.co.jp"}
    assert {str(mail.message["From"]) for mail in mails} == {"new@example.co.jp"}


def test_a_recipient_whose_relaying_was_denied_is_tried_again_when_the_settings_change(
    tmp_path: Path, first: Moody
) -> None:
    first.moods["RCPT"] = "554 5.7.1 Relay access denied"
    often = configuration(first).replace("retry_max: 1s", "retry_max: 1h")
    with Daemon(tmp_path, often) as daemon:
        daemon.emit({"type": "a.b", "id": "one"})
        daemon.becomes(lambda s: s["queue"]["held"] == 1, "status")
        del first.moods["RCPT"]
        daemon.config.write_text(often.replace("a@example", "b@example"), encoding="utf-8")
        assert first.wait(1)[0].recipients == ("b@example.co.jp",)
