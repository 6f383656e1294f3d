"""What a real Postfix bears no more than so much of: recipients a mail, octets, addresses."""

from tests.e2e.conftest import MakeDaemon, MakePostfix
from tests.support.sink import Sink

ADMINS = [f"admin{number:02}@example.co.jp" for number in range(25)]
UTF8 = "管理@example.co.jp"


def test_more_recipients_than_the_server_takes_at_once_get_their_mail_at_once(
    make_daemon: MakeDaemon, make_postfix: MakePostfix, sink: Sink
) -> None:
    postfix = make_postfix(smtpd_recipient_limit="10")
    # Were the others tried later, that would be in an hour.
    queue = {"retry_first": "1h", "retry_max": "1h"}
    with make_daemon(postfix.port, admins=ADMINS, queue=queue) as daemon:
        daemon.emit({"type": "disk.full", "id": "e1"})
        daemon.becomes(lambda found: found["events"][0]["outcome"] == "delivered", "history", "e1")
        (event,) = daemon.document("history", "e1")["events"]
        assert {one["recipient"] for one in event["deliveries"]} == set(ADMINS)
        assert len(set(postfix.accepted())) == 1  # the same mail, three times
        assert len(postfix.accepted()) == 3
        said = [
            attempt["reply"]
            for one in event["deliveries"]
            for attempt in one["attempts"]
            if attempt["outcome"] == "deferred"
        ]
        assert set(said) == {"452 4.5.3 Error: too many recipients"}


def test_a_mail_beyond_the_servers_size_is_held_unsent_and_the_others_go_out(
    make_daemon: MakeDaemon, make_postfix: MakePostfix, sink: Sink
) -> None:
    postfix = make_postfix(message_size_limit="20000")
    with make_daemon(postfix.port) as daemon:
        daemon.emit(
            {"type": "log.tail", "id": "long", "message": "x" * 40_000},
            {"type": "log.tail", "id": "short", "message": "x"},
        )
        daemon.becomes(lambda found: found["events"][0]["outcome"] == "held", "history", "long")
        (event,) = daemon.document("history", "long")["events"]
        assert "サーバーの上限は 20000 バイト" in event["deliveries"][0]["reply"]
        assert "short" in {id_ for mail in sink.wait(1) for id_ in mail.event_ids}
        assert "Message size exceeds" not in postfix.log()


def test_who_needs_smtputf8_gets_mail_where_the_server_has_it_and_is_told_of_where_not(
    make_daemon: MakeDaemon, make_postfix: MakePostfix, sink: Sink
) -> None:
    admins = [UTF8, ADMINS[0]]
    without = make_postfix(smtputf8_enable="no")
    with make_daemon(without.port, admins=admins) as daemon:
        daemon.emit({"type": "disk.full", "id": "e1"})
        daemon.becomes(lambda found: found["events"][0]["outcome"] == "held", "history", "e1")
        (event,) = daemon.document("history", "e1")["events"]
        outcomes = {one["recipient"]: one["outcome"] for one in event["deliveries"]}
        assert outcomes == {UTF8: "held", ADMINS[0]: "delivered"}
        done = daemon.ctl("test", UTF8)
        assert done.stdout.splitlines()[0] == (
            f"[Error] 送信エラー Recipient refused 0 localhost:{without.port} {UTF8} zaionnex"
        )
        assert daemon.document("status")["queue"]["held"] == 1
    having = make_postfix()
    with make_daemon(having.port, admins=admins) as daemon:
        daemon.emit({"type": "disk.full", "id": "e2"})
        daemon.becomes(lambda found: found["events"][0]["outcome"] == "delivered", "history", "e2")
        (event,) = daemon.document("history", "e2")["events"]
        ours = {one["message_id"] for one in event["deliveries"]}
        assert len(ours) == 2  # one for each kind of address
        assert ours <= set(having.accepted())
