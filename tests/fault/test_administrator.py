"""What an administrator sees of a real daemon when something is wrong: the same everywhere, and
what to do.
"""

import getpass
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import apsw
import pytest

from tests.support.daemon import Daemon
from tests.support.sink import Sink

CONFIGURATION = """
mail_server: {{host: 127.0.0.1, port: {port}}}
admins: [now@example.co.jp, never@example.co.jp]
route_defaults: {{max_mails: null}}
language: en
queue: {{retry_first: 1h, retry_max: 2h}}
"""
REPLY = "550 5.1.1 No such user here"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink(refuse={"never@example.co.jp": REPLY}) as sink:
        yield sink


@pytest.fixture
def daemon(tmp_path: Path, sink: Sink) -> Iterator[Daemon]:
    with Daemon(tmp_path, CONFIGURATION.format(port=sink.port)) as daemon:
        yield daemon
        daemon.end()


def change(daemon: Daemon, statement: str) -> None:
    """Changes the queue on disk while the daemon is stopped."""
    daemon.stop()
    connection = apsw.Connection(str(daemon.state / "queue.db"))
    connection.execute(statement)
    connection.close()
    daemon.start()


def test_held_mail_is_the_same_in_history_queue_list_and_status(daemon: Daemon, sink: Sink) -> None:
    daemon.emit({"type": "a.b", "id": "one", "subject": "nightly"})
    (waiting, *_) = daemon.becomes(
        lambda found: any(one["state"] == "held" for one in found["deliveries"]), "queue", "list"
    )["deliveries"]
    (event,) = daemon.document("history", "one")["events"]
    (delivery,) = (one for one in event["deliveries"] if one["recipient"] == "never@example.co.jp")
    assert (waiting["state"], delivery["outcome"], event["outcome"]) == ("held",) * 3
    assert waiting["reason"] == delivery["reason"] == event["reason"]
    assert REPLY in event["reason"]
    assert waiting["hold"] == delivery["hold"]
    assert waiting["next_attempt"] == delivery["next_attempt"] is not None
    assert [one["id"] for one in daemon.document("history", "--failed")["events"]] == ["one"]
    status = daemon.document("status")
    assert status["queue"]["held"] == 1
    (problem,) = status["problems"]
    assert problem["code"] == "held"
    assert "never@example.co.jp" in problem["message"]
    assert problem["remedy"] == waiting["hold"]["remedy"]
    shown = daemon.ctl(*problem["command"].split()[1:])
    assert shown.returncode == 0
    for words in ("held: 1", REPLY, problem["remedy"], "never@example.co.jp", "nightly"):
        assert words in shown.stdout
    # Said once it is mended.
    sink.refuse.clear()
    daemon.ctl("queue", "retry", "one")
    (event,) = daemon.becomes(
        lambda found: found["events"][0]["outcome"] == "delivered", "history", "one"
    )["events"]
    assert event["reason"] == "250 2.0.0 OK"
    daemon.becomes(lambda found: found["ok"], "status")


def test_during_an_outage_everything_says_when_the_server_is_tried_next(
    daemon: Daemon, sink: Sink
) -> None:
    sink.stop()
    daemon.emit({"type": "a.b", "id": "one"})
    status = daemon.becomes(lambda found: not found["ok"], "status")
    (problem,), (server,) = status["problems"], status["servers"]
    assert problem["code"] == "server_down"
    assert status["queue"]["waiting"] == 2
    at = datetime.fromisoformat(server["next_attempt"])
    assert at > datetime.fromisoformat(status["queue"]["oldest"]) + timedelta(minutes=30)
    waiting = daemon.document("queue", "list")["deliveries"]
    (event,) = daemon.document("history", "one")["events"]
    for one in (*waiting, *event["deliveries"]):
        # It is counted by another clock.
        assert abs(datetime.fromisoformat(one["next_attempt"]) - at) < timedelta(seconds=5)
    assert {one["reason"] for one in (*waiting, event)} == {event["reason"]}
    assert "connection refused" in event["reason"]
    for command in ("status", "queue list", "history one"):
        assert "ext try" in daemon.ctl(*command.split()).stdout, command


def test_what_was_refused_is_a_problem_until_somebody_knows_of_it(daemon: Daemon) -> None:
    daemon.emit({"type": "a b"}, {"type": "a.b", "severity": "loud"})
    looked = daemon.ctl("status")
    assert looked.returncode == 1
    assert "events refused in the last day: 2 (" in looked.stdout
    done = daemon.ctl("status", "--ack")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Acknowledged: 2")
    status = daemon.document("status")
    assert (status["ok"], status["refused"]["count"]) == (True, 2)
    daemon.emit({"type": "a b"})
    status = daemon.document("status")
    assert [one["code"] for one in status["problems"]] == ["refused"]
    assert "last day: 1 (" in status["problems"][0]["message"]


def test_what_was_lost_is_a_problem_until_somebody_knows_of_it(daemon: Daemon, sink: Sink) -> None:
    sink.refuse.clear()
    daemon.emit({"type": "a.b", "id": "one"}, {"type": "a.b", "id": "two"})
    sink.wait(2)
    change(
        daemon,
        "UPDATE deliveries SET state = 'failed' WHERE recipient LIKE 'never%' AND id ="
        " (SELECT min(id) FROM deliveries WHERE recipient LIKE 'never%')",
    )
    looked = daemon.ctl("status")
    assert looked.returncode == 1
    assert "failed in the last 7 days: 1 (to never@example.co.jp)" in looked.stdout
    assert daemon.document("status")["queue"]["failed"] == 1
    done = daemon.ctl("status", "--ack")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Acknowledged: 1")
    status = daemon.document("status")
    assert (status["ok"], status["queue"]["failed"]) == (True, 1)
    (event,) = daemon.document("history", "--failed")["events"]
    assert f"acknowledged ({getpass.getuser()}, " in event["reason"]
    assert daemon.document("status", "--ack")["acknowledged"] == 0
    daemon.restart()
    assert daemon.document("status")["ok"]
    # What is lost from now on is another matter.
    change(daemon, "UPDATE deliveries SET state = 'expired', ended = 1e9 WHERE id = 1")
    (problem,) = daemon.document("status")["problems"]
    assert problem["code"] == "expired"


def test_a_long_queue_and_history_come_whole_and_are_printed(daemon: Daemon, sink: Sink) -> None:
    sink.stop()
    ids = [f"n{number:04}" for number in range(1000)]
    daemon.emit(*({"type": "a.b", "id": id_, "subject": f"夜間 {id_}"} for id_ in ids))
    document = daemon.document("queue", "list")
    deliveries = document["deliveries"]
    # Of an event that is no mail yet, one.
    assert len(deliveries) == document["total"] == daemon.document("status")["queue"]["waiting"]
    assert list(dict.fromkeys(id_ for one in deliveries for id_ in one["event_ids"])) == ids
    events = daemon.document("history", "--limit", "1000")["events"]
    assert [one["id"] for one in events] == ids
    assert len(daemon.document("history", "--type", "a.?", "--limit", "7")["events"]) == 7
    assert daemon.document("history", "--type", "b.*")["events"] == []
    lines = daemon.ctl("queue", "list").stdout.splitlines()
    assert sum("夜間" in line for line in lines) == 1000
    deleted = daemon.ctl("queue", "delete", "n0000", "n0001")
    assert "Deliveries deleted: 4" in deleted.stdout
    assert sum("夜間" in line for line in deleted.stdout.splitlines()) == 4
