"""`zaiond-ctl test --drill` against a daemon that answers in its own ways."""

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.support.fake_daemon import FakeDaemon, accept
from tests.support.sink import Sink
from zaiond.ctl import main

CONFIGURATION = """
mail_server: {{host: 127.0.0.1, port: {port}}}
admins: [a@example.co.jp, b@example.co.jp]
language: en
queue: {{retry_first: 1h, retry_max: 2h}}
"""
Said = pytest.CaptureFixture[str]


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, runtime: Path, tmp_path: Path) -> None:
    monkeypatch.setenv("ZAIOND_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("ZAIOND_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setenv("ZAIOND_CONFIG", "/nonexistent/zaiond.yaml")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def run(*argv: str) -> int:
    return main.run(argv)


def delivery(outcome: str, **more: Any) -> dict[str, Any]:
    return {
        "recipient": "a@example.co.jp", "outcome": outcome, "server": "mailhost:25",
        "reply": "250 OK", "reason": None, "next_attempt": None, "hold": None, "attempts": [],
        **more,
    }  # fmt: skip


class Drilled:
    """A daemon that takes an event, of which these are the histories, one at each look."""

    def __init__(self, runtime: Path, *histories: dict[str, Any]) -> None:
        self._left = list(histories)
        self.daemon = FakeDaemon(runtime, events=accept, control=self._answer)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        events: list[dict[str, Any]] = []
        if "id" in request:
            event = json.loads(self.daemon.lines[0])
            events = [{"type": event["type"], "id": event["id"], "uid": 0, **self._left.pop(0)}]
        return {"ok": True, "language": "en", "result": {"events": events}}


def test_a_drill_is_a_marked_event_whose_outcome_is_waited_for(runtime: Path, capsys: Said) -> None:
    drilled = Drilled(
        runtime,
        {"outcome": "waiting", "deliveries": []},
        {"outcome": "waiting", "deliveries": [delivery("waiting"), delivery("delivered")]},
        {"outcome": "delivered", "deliveries": [delivery("delivered"), delivery("delivered")]},
    )
    with drilled.daemon:
        assert run("test", "--drill", "backup.db.failed", "-s", "crit", "-d", "host=db1") == 0
    event = json.loads(drilled.daemon.lines[0])
    assert (event["drill"], event["type"], event["severity"]) == (True, "backup.db.failed", "crit")
    said = capsys.readouterr().out
    assert said.startswith(f"Drill: backup.db.failed ({event['id']})\n")
    assert said.count("a@example.co.jp  delivered  mailhost:25\n    Reply: 250 OK") == 2


@pytest.mark.parametrize(
    ("outcome", "deliveries"),
    [
        ("held", [delivery("delivered"), delivery("held")]),
        ("waiting", [delivery("deferred", next_attempt="2013-05-25T00:00:00Z")]),
        ("waiting", [delivery("waiting", next_attempt="2013-05-25T00:00:00Z")]),
        ("grouped", []),
        ("silenced", []),
        ("dropped", []),
    ],
)
def test_a_drill_that_does_not_reach_everybody_fails(
    runtime: Path, capsys: Said, outcome: str, deliveries: list[dict[str, Any]]
) -> None:
    event = {"outcome": outcome, "reason": "for a reason", "deliveries": deliveries}
    with Drilled(runtime, event, event).daemon:
        assert run("test", "--drill", "a.b") == 1
        said = capsys.readouterr().out
        assert run("test", "--drill", "a.b", "--json") == 1
    assert (outcome if deliveries == [] else deliveries[-1]["outcome"]) in said
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["outcome"]) == (False, outcome)


def test_what_a_drill_waits_for_is_told_with_its_time(runtime: Path, capsys: Said) -> None:
    soon = datetime.now(timezone(timedelta(hours=9))) + timedelta(hours=1)
    event = {
        "outcome": "held", "reason": "outside of the hours", "deliveries": [],
        "routing": [{"route": "office", "due": soon.isoformat(), "message_id": "m"}],
    }  # fmt: skip
    with Drilled(runtime, event).daemon:
        assert run("test", "--drill", "a.b") == 1
    said = capsys.readouterr().out
    for words in ("held", "office", "outside of the hours", "Mail due"):
        assert words in said


def test_a_mail_that_comes_soon_is_waited_for(runtime: Path, capsys: Said) -> None:
    soon = datetime.now(timezone(timedelta(hours=9))) + timedelta(seconds=10)
    routing = [{"route": "grouped", "due": soon.isoformat(), "message_id": "m"}]
    drilled = Drilled(
        runtime,
        {"outcome": "grouped", "deliveries": [], "routing": routing},
        {"outcome": "grouped", "deliveries": [delivery("delivered")], "routing": routing},
        {"outcome": "delivered", "deliveries": [delivery("delivered")], "routing": []},
    )
    with drilled.daemon:
        assert run("test", "--drill", "a.b") == 0
    assert "delivered" in capsys.readouterr().out


def test_a_drill_does_not_go_to_the_spool(runtime: Path, tmp_path: Path, capsys: Said) -> None:
    (tmp_path / "spool").mkdir()
    assert run("test", "--drill", "a.b") == 69
    assert list((tmp_path / "spool").iterdir()) == []
    assert "not running" in capsys.readouterr().err


def test_a_misspelt_drill_is_no_refused_event_of_which_status_tells(tmp_path: Path) -> None:
    with Daemon(tmp_path / "d", CONFIGURATION.format(port=1)) as daemon:
        for argv, word in ((("a b",), "TYPE: must be"), (("a.b", "-s", "loud"), "-s: must be")):
            done = daemon.ctl("test", "--drill", *argv)
            assert done.returncode == 65
            assert word in done.stderr
        assert daemon.document("status")["refused"]["count"] == 0


def test_an_event_that_is_none_is_no_drill(runtime: Path, capsys: Said) -> None:
    reply = {"status": "error", "code": "invalid", "field": "severity", "message": "severity: no"}
    answer = json.dumps({**reply, "retry": False}).encode() + b"\n"
    control = Drilled(runtime)._answer
    with FakeDaemon(runtime, events=lambda line: answer, control=control):
        assert run("test", "--drill", "a.b", "-s", "err") == 65
    assert capsys.readouterr().err == "zaiond-ctl: -s: no\n"


def test_an_id_that_was_used_before_is_no_drill(runtime: Path, capsys: Said) -> None:
    known = b'{"status":"ok","id":"one","duplicate":true}\n'
    with FakeDaemon(runtime, events=lambda line: known, control=Drilled(runtime)._answer):
        assert run("test", "--drill", "a.b", "--id", "one") == 1
    assert "--id one: this id was used before" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--drill", "a.b", "x@example.co.jp"), "--drill doesn't go with x@example.co.jp"),
        (("--drill", "a.b", "--file", "f"), "--drill doesn't go with --file"),
        (("--drill", "a.b", "-v"), "--drill doesn't go with --verbose"),
        (("x@example.co.jp", "-s", "err"), "-s goes with --drill only"),
    ],
)
def test_a_drill_is_another_thing_than_the_test_mail(
    runtime: Path, capsys: Said, argv: tuple[str, ...], words: str
) -> None:
    assert run("test", *argv) == 2
    assert words in capsys.readouterr().err


def test_a_drill_goes_the_way_of_a_real_event_and_the_server_answers(tmp_path: Path) -> None:
    with Sink() as sink:
        config = CONFIGURATION.format(port=sink.port)
        with Daemon(tmp_path / "d", config) as daemon:
            done = daemon.ctl("test", "--drill", "backup.db.failed", "--json")
            assert done.returncode == 0, done
            document = json.loads(done.stdout)
            assert document["ok"] is True
            assert document["extensions"] == {"drill": True}
            assert {(one["recipient"], one["outcome"]) for one in document["deliveries"]} == {
                ("a@example.co.jp", "delivered"),
                ("b@example.co.jp", "delivered"),
            }
            sink.refuse["b@example.co.jp"] = "550 5.1.1 No such user here"
            done = daemon.ctl("test", "--drill", "backup.db.failed", "-s", "crit", "-d", "host=db1")
            assert done.returncode == 1, done
            assert "a@example.co.jp  delivered" in done.stdout
            assert "Why  no route matches: to the admins" in done.stdout
            assert "550 5.1.1 No such user here" in done.stdout


def test_where_no_server_answers_a_drill_says_so_at_once(tmp_path: Path) -> None:
    with Sink() as sink:
        config = CONFIGURATION.format(port=sink.port)
    with Daemon(tmp_path / "d", config) as daemon:
        done = daemon.ctl("test", "--drill", "backup.db.failed")
        assert done.returncode == 1
        assert "connection refused" in done.stdout
        assert "Next try" in done.stdout
