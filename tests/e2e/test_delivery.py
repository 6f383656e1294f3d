"""Events become mails in a real Postfix, whatever happens to it and to the daemon between."""

from typing import Any

import pytest

from tests.e2e.conftest import MakeDaemon
from tests.support.postfix import Postfix
from tests.support.sink import Sink


def event(number: int) -> dict[str, Any]:
    """One event of a thousand."""
    return {
        "type": "backup.auto_update.finished",
        "id": f"e{number:04}",
        "data": {"target": f"共有{number}"},
    }


@pytest.mark.parametrize("max_connections", [1, 8])
def test_a_thousand_events_outlast_a_stopped_server_and_a_restart_in_order(
    make_daemon: MakeDaemon, postfix: Postfix, sink: Sink, max_connections: int
) -> None:
    postfix.stop()
    daemon = make_daemon(postfix.port, mail_server={"max_connections": max_connections})
    sent = [event(number) for number in range(1000)]
    with daemon:
        assert [reply["status"] for reply in daemon.emit(*sent)] == ["ok"] * 1000
        assert daemon.document("status")["queue"]["waiting"] == 1000
        daemon.restart()
        postfix.start()
        mails = sink.wait(1000, timeout=60)
        daemon.becomes(lambda status: status["queue"]["waiting"] == 0, "status")

    event_of = {str(mail.message["Message-ID"]): mail.event_ids[0] for mail in mails}
    accepted = [event_of[message_id] for message_id in postfix.accepted() if message_id in event_of]
    expected = [one["id"] for one in sent]
    assert sorted(accepted) == expected, "each arrives once"
    displaced = [abs(place - int(one[1:])) for place, one in enumerate(accepted)]
    if max_connections == 1:
        assert max(displaced) == 0
    # Side by side, what is under way at the same time may change places.
    assert sum(displaced) / len(displaced) <= 2 * max_connections


def test_each_of_three_recipients_has_its_own_outcome_with_the_servers_words(
    make_daemon: MakeDaemon, postfix: Postfix, sink: Sink
) -> None:
    at_once, later, never = (f"{name}@example.co.jp" for name in ("at-once", "later", "never"))
    gone = {never: "550 5.1.1 No such user here"}
    postfix.refuse({**gone, later: "450 4.2.2 Mailbox full for now"})
    # A kept connection is answered by the rules of when it began.
    daemon = make_daemon(
        postfix.port, admins=[at_once, later, never], mail_server={"keep_idle": "0s"}
    )

    def of_the_event() -> list[tuple[str, str]]:
        mails = [mail for mail in sink.mails if mail.event_ids == ("e1",)]
        return [(str(mail.message["Message-ID"]), to) for mail in mails for to in mail.recipients]

    def arrived(count: int) -> list[tuple[str, str]]:
        # Postfix has a way of its own to the sink, and notices of ours arrive too.
        seen = 0
        while len(mails := of_the_event()) < count:
            seen = len(sink.wait(seen + 1))
        return mails

    def deliveries(history: dict[str, Any]) -> dict[str, dict[str, Any]]:
        (told,) = history["events"]
        return {delivery["recipient"]: delivery for delivery in told["deliveries"]}

    with daemon:
        daemon.emit({"type": "disk.full", "id": "e1", "severity": "err", "message": "98 %"})
        waiting = daemon.becomes(
            lambda history: (
                bool(history["events"])
                and {to: one["outcome"] for to, one in deliveries(history).items()}
                == {at_once: "delivered", later: "deferred", never: "held"}
            ),
            *("history", "e1"),
        )
        assert [to for _, to in arrived(1)] == [at_once]
        assert deliveries(waiting)[never]["reply"] == (
            f"550 5.1.1 <{never}>: Recipient address rejected: No such user here"
        )
        assert deliveries(waiting)[later]["reply"] == (
            f"450 4.2.2 <{later}>: Recipient address rejected: Mailbox full for now"
        )

        postfix.refuse(gone)
        done = daemon.becomes(
            lambda history: deliveries(history)[later]["outcome"] == "delivered",
            *("history", "e1"),
        )
        assert deliveries(done)[later]["reply"].startswith("250 2.0.0 Ok: queued as ")
        mails = arrived(2)
    assert [to for _, to in mails] == [at_once, later]
    assert len({message_id for message_id, _ in mails}) == 1, "the same mail to the letter"
