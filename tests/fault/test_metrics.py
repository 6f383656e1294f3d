"""The numbers of the control command `metrics`: of a real daemon, and beside what `status` says."""

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.daemon import PROGRAMS, Daemon
from tests.support.sink import Sink
from tests.support.waiting import until
from zaiond import __version__

MakeDaemon = Callable[..., Daemon]


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


@pytest.fixture
def make_daemon(tmp_path: Path) -> Iterator[MakeDaemon]:
    made: list[Daemon] = []

    def make(port: int, **more: Any) -> Daemon:
        config = {
            "mail_server": {"host": "127.0.0.1", "port": port},
            "admins": "a@example.co.jp",
            "queue": {"retry_first": "1h", "retry_max": "2h"},
            "language": "en",
            **more,
        }
        made.append(Daemon(tmp_path / f"d{len(made)}", yaml.safe_dump(config)))
        made[-1].start()
        return made[-1]

    yield make
    for daemon in made:
        daemon.end()


def metrics(daemon: Daemon) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(30)
        asking.connect(str(daemon.runtime / "control.sock"))
        asking.sendall(b'{"command": "metrics"}\n')
        reply = json.loads(asking.makefile("rb").read())
    assert reply["ok"], reply
    found: dict[str, Any] = reply["result"]
    return found


def become(daemon: Daemon, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def look() -> bool:
        nonlocal found
        found = metrics(daemon)
        return condition(found)

    until(look, lambda: f"it stays {found}\n{daemon.printed()}")
    return found


def test_an_idle_daemon_has_every_number_and_each_is_as_it_is(
    make_daemon: MakeDaemon, sink: Sink
) -> None:
    assert metrics(make_daemon(sink.port)) == {
        "events_accepted": 0,
        "events_refused": dict.fromkeys(
            ["invalid", "too_large", "conflict", "quota", "disk_full", "unavailable"], 0
        ),
        "deliveries_ended": {"delivered": 0, "failed": 0, "expired": 0, "deleted": 0},
        "deliveries": {"waiting": 0, "deferred": 0, "held": 0},
        "oldest_delivery_seconds": 0.0,
        "mail_server_up": {f"127.0.0.1:{sink.port}": True},
        "config_state": {"good": True, "last_good": False, "none": False},
        "job_last_success": {},
        "problems": dict.fromkeys(
            ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"], 0
        ),
        "version": __version__,
    }


def test_what_is_accepted_and_what_is_refused_is_counted_where_it_happens(
    make_daemon: MakeDaemon, sink: Sink
) -> None:
    daemon = make_daemon(sink.port)
    daemon.emit(
        {"type": "a.b", "id": "1"},
        {"type": "a.b", "id": "1"},  # the same again is no other event
        {"type": "a.b", "id": "1", "subject": "other"},
        {"type": "a b"},
        {"type": "a.b", "message": "x" * 300_000},
        {"type": "c.d"},
    )
    found = become(daemon, lambda found: found["deliveries_ended"]["delivered"] == 2)
    assert found["events_accepted"] == 2
    assert found["events_refused"] == {
        "invalid": 1, "too_large": 1, "conflict": 1, "quota": 0, "disk_full": 0, "unavailable": 0
    }  # fmt: skip
    assert daemon.document("status")["refused"]["count"] == 3
    assert daemon.document("status")["delivered"] == 2


def test_what_waits_is_counted_as_in_status_and_in_the_queues_list(
    make_daemon: MakeDaemon, sink: Sink
) -> None:
    sink.refuse["a@example.co.jp"] = "451 4.3.0 Later"
    sink.refuse["b@example.co.jp"] = "550 5.1.1 No such user"
    daemon = make_daemon(
        sink.port,
        admins=["a@example.co.jp", "b@example.co.jp", "c@example.co.jp"],
        route_defaults={"max_mails": None},
        routes={"digest": {"match": {"type": "z.*"}, "digest": "0 8 1 1 *"}},
    )
    daemon.emit({"type": "a.b"}, {"type": "a.b"}, {"type": "z.z"})
    # One of them is the notice that an address is held.
    found = become(daemon, lambda found: found["deliveries"]["deferred"] == 3)
    assert found["deliveries"] == {"waiting": 1, "deferred": 3, "held": 2}
    assert found["events_accepted"] == 4
    assert 0 < found["oldest_delivery_seconds"] < 60
    status, listed = daemon.document("status"), daemon.document("queue", "list")
    assert status["queue"]["waiting"] == 4
    assert status["queue"]["held"] == 2
    states = [one["state"] for one in listed["deliveries"]]
    for state, number in found["deliveries"].items():
        assert states.count(state) == number


def test_what_ends_by_hand_is_counted_as_it_is_told(make_daemon: MakeDaemon) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        daemon = make_daemon(
            port, routes={"digest": {"match": {"type": "z.*"}, "digest": "0 8 1 1 *"}}
        )
        ids = [reply["id"] for reply in daemon.emit({"type": "a.b"}, {"type": "z.z"})]
        become(daemon, lambda found: found["mail_server_up"] == {f"127.0.0.1:{port}": False})
        deleted = daemon.document("queue", "delete", *ids)
        assert deleted["changed"] == 2
        assert metrics(daemon)["deliveries_ended"]["deleted"] == 2
        assert metrics(daemon)["deliveries"] == {"waiting": 0, "deferred": 0, "held": 0}
        assert metrics(daemon)["oldest_delivery_seconds"] == 0.0


def test_what_fails_for_good_is_counted(make_daemon: MakeDaemon, sink: Sink) -> None:
    sink.refuse["gone@example.co.jp"] = "550 5.1.1 No such user"
    daemon = make_daemon(sink.port)
    done = subprocess.run(
        [PROGRAMS / "zaiond-sendmail", "gone@example.co.jp"],
        input=b"Subject: hello\n\nx\n",
        env={**daemon.environment, **daemon.places},
        check=False,
    )
    assert done.returncode == 0
    # The other one is the notice of it.
    ended = {"delivered": 1, "failed": 1, "expired": 0, "deleted": 0}
    none = {"waiting": 0, "deferred": 0, "held": 0}  # read just before those that have ended
    become(daemon, lambda found: (found["deliveries_ended"], found["deliveries"]) == (ended, none))
    assert daemon.document("status")["queue"]["failed"] == 1


def test_problems_jobs_and_the_configuration_are_as_the_daemon_knows_them(
    make_daemon: MakeDaemon, sink: Sink
) -> None:
    daemon = make_daemon(sink.port)
    daemon.emit(
        {"type": "disk.full", "key": "/", "status": "problem", "severity": "crit"},
        {"type": "disk.slow", "key": "/a", "status": "problem", "severity": "warning"},
        {"type": "disk.slow", "key": "/b", "status": "problem", "severity": "warning"},
        {"type": "disk.slow", "key": "/b", "status": "ok"},
        {"type": "job.succeeded", "job": "backup", "time": "2026-01-02T03:04:05Z"},
        {"type": "job.failed", "job": "other", "severity": "err"},
    )
    found = become(daemon, lambda found: found["problems"]["err"] == 1)
    assert {name: number for name, number in found["problems"].items() if number} == {
        "crit": 1, "err": 1, "warning": 1
    }  # fmt: skip
    assert found["job_last_success"] == {"backup": 1767323045.0}
    daemon.config.write_text("mail_server: {host: [}")
    become(
        daemon,
        lambda found: found["config_state"] == {"good": False, "last_good": True, "none": False},
    )
