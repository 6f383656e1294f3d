"""What zaiond-ctl makes of the daemon's answers, and of a daemon that gives none."""

import grp
import json
import os
import re
import resource
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.daemon import PROGRAMS, Daemon
from tests.support.fake_daemon import FakeDaemon
from tests.support.process import MODES_COUNT
from tests.support.sink import Sink
from zaiond.ctl import control, main
from zaiond.ctl.exit_status import NOT_PERMITTED, Failure
from zaiond.text import Text

Said = pytest.CaptureFixture[str]


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    path.mkdir()
    return path


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, runtime: Path) -> Iterator[None]:
    monkeypatch.setenv("ZAIOND_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("ZAIOND_CONFIG", "/nonexistent/zaiond.yaml")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def run(*argv: str) -> int:
    return main.run(argv)


def answering(
    runtime: Path, result: Any = None, *, language: str = "en", **refusal: Any
) -> FakeDaemon:
    reply = {"ok": not refusal, "result": result, "language": language, **refusal}
    return FakeDaemon(runtime, events=None, control=lambda request: reply)


def test_a_core_dump_of_neither_program_holds_a_secret(runtime: Path, tmp_path: Path) -> None:
    def allow_core_dumps() -> None:
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (most, most))

    started: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
    limits: list[str] = []

    def control(_: dict[str, Any]) -> dict[str, Any]:
        limits.append(Path(f"/proc/{started.get().pid}/limits").read_text())
        return {"ok": True, "result": WELL, "language": "en"}

    with FakeDaemon(runtime, events=None, control=control):
        process = subprocess.Popen(
            [PROGRAMS / "zaiond-ctl", "status"],
            stdout=subprocess.DEVNULL,
            preexec_fn=allow_core_dumps,
        )
        started.put(process)
        assert process.wait(30) == 0
    with Daemon(tmp_path / "daemon", "mail_server: {}") as daemon:
        limits.append(Path(f"/proc/{daemon.process.pid}/limits").read_text())
    for text in limits:
        (line,) = [line for line in text.splitlines() if line.startswith("Max core file size")]
        assert line.split()[4] == "0"


SERVER: dict[str, Any] = {
    "server": "mailhost:25", "state": "unknown", "since": None, "connections": 0, "error": None,
    "next_attempt": None, "last_error": None,
}  # fmt: skip
WELL: dict[str, Any] = {
    "ok": True,
    "problems": [],
    "config": {"state": "good", "loaded": None, "errors": []},
    "queue": {"waiting": 0, "held": 0, "failed": 0, "expired": 0, "oldest": None},
    "known": None,
    "history": {"shortened": []},
    "spool": {"waiting": [], "refused": []},
    "servers": [SERVER],
    "heartbeat": None,
    "rates": {"accepted": {"minute": 0, "hour": 0}, "delivered": {"minute": 0, "hour": 0}},
    "possible_duplicates": 0,
    "routes": {"problems": 0, "silences": 0, "mails_to_come": 0, "jobs": {}},
    "started": "2013-05-25T00:00:00Z",
    "version": "0.1.0",
}
ILL: dict[str, Any] = {
    **WELL,
    "ok": False,
    "problems": [
        {
            "code": "held", "message": "mail is held (3)\x1b[2J", "remedy": "log in",
            "command": "zaiond-ctl queue list",
        },
        {
            "code": "failed", "message": "1 has failed", "remedy": None,
            "command": "zaiond-ctl history --failed", "places": ["lost", "acknowledge"],
        },
    ],
    "config": {
        "state": "last_good",
        "loaded": None,
        "errors": [{"file": "/z.yaml", "line": 3, "column": 5, "key": "a.b", "message": "bad"}],
    },
    "queue": {
        "waiting": 2, "held": 3, "failed": 1, "expired": 0, "oldest": "2013-05-25T00:00:00Z",
    },
    "servers": [
        {**SERVER, "server": "a:25", "state": "up", "connections": 2},
        {
            **SERVER, "server": "b:587", "state": "down", "since": "2013-05-25T00:00:00Z",
            "error": "refused", "next_attempt": "2013-05-25T00:01:00Z",
        },
    ],
}  # fmt: skip


def test_status_is_well_at_a_glance(runtime: Path, capsys: Said) -> None:
    with answering(runtime, WELL):
        assert run("status") == 0
    assert capsys.readouterr().out.splitlines()[0] == "All is well"


def test_status_counts_what_is_open_and_to_come_and_all_may_be_well(
    runtime: Path, capsys: Said
) -> None:
    routes = {"problems": 2, "silences": 1, "mails_to_come": 3, "jobs": {"failed": 1, "ok": 4}}
    with answering(runtime, {**WELL, "routes": routes}):
        assert run("status") == 0
    facts = [re.split("  +", line) for line in capsys.readouterr().out.splitlines()]
    assert ["Open problems", "2 (open problems: zaiond-ctl problems)"] in facts
    assert ["Silences", "1 (the silences: zaiond-ctl silence list)"] in facts
    assert ["Mails to come", "3"] in facts
    assert ["Jobs", "4 ok, 1 failed"] in facts
    with answering(runtime, WELL):
        assert run("status") == 0
    assert "Open problems" not in capsys.readouterr().out


def test_status_says_first_what_is_wrong_and_exits_1(runtime: Path, capsys: Said) -> None:
    with answering(runtime, ILL):
        assert run("status") == 1
    text = capsys.readouterr().out
    assert text.splitlines()[:7] == [
        "This needs a look:",
        "  - mail is held (3)\\x1b[2J",
        "    Remedy: log in",
        "    More: zaiond-ctl queue list",
        "  - 1 has failed",
        "    More: zaiond-ctl history --failed",
        "    Once you know of it: zaiond-ctl status --ack",
    ]
    for words in ("2 waiting, 3 held", "1 failed", "b:587  down", "/z.yaml:3:5: a.b: bad"):
        assert words in text
    assert re.search(r"next try +2013-05-25 09:01:00 \+0900", text)
    with answering(runtime, ILL, language="ja"):
        assert run("status") == 1
    text = capsys.readouterr().out
    for words in ("確認が必要です:", "送信待ち 2 件、保留 3 件", "2013-05-25"):
        assert words in text


def test_status_tells_how_much_passes_since_when_and_what_went_wrong_last(
    runtime: Path, capsys: Said
) -> None:
    at = "2013-05-25T00:00:00Z"
    server = {
        **SERVER, "server": "a:25", "state": "up", "since": at, "connections": 2,
        "last_error": {"time": at, "message": "421 4.3.2 later"},
    }  # fmt: skip
    passes = {"minute": 12, "hour": 345}, {"minute": 6, "hour": 78}
    document = {
        **WELL,
        "config": {**WELL["config"], "loaded": at},
        "rates": {"accepted": passes[0], "delivered": passes[1]},
        "servers": [server],
        "started": at,
    }
    with answering(runtime, document):
        run("status")
    text = capsys.readouterr().out
    for words in (
        "good (loaded 2013-05-25", "12 accepted, 6 delivered", "345 accepted, 78 delivered",
        "421 4.3.2 later", "Started",
    ):  # fmt: skip
        assert words in text
    with answering(runtime, document, language="ja"):
        run("status")
    text = capsys.readouterr().out
    for words in ("に読み込み", "受け付け 12 件、送信 6 件", "直近 1 時間", "最後のエラー"):
        assert words in text


def test_what_was_lost_and_is_known_says_to_whom(runtime: Path, capsys: Said) -> None:
    known = {"known": {"user": "hanako", "time": "2013-05-25T00:00:00Z"}}
    queue = {**WELL["queue"], "failed": 2}
    with answering(runtime, {**WELL, **known, "queue": queue}):
        assert run("status") == 0
    assert (
        "2 failed, 0 expired (acknowledged by hanako, 2013-05-25 09:00" in capsys.readouterr().out
    )
    lost = {"code": "failed", "message": "failed: 1", "command": "x", "remedy": None}
    with answering(runtime, {**WELL, **known, "queue": queue, "problems": [lost], "ok": False}):
        assert run("status") == 1
    assert "hanako" not in capsys.readouterr().out


def test_what_was_lost_is_acknowledged(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {**WELL, "acknowledged": 2}) as daemon:
        assert run("status", "--ack") == 0
    assert daemon.requests == [{"command": "status.ack"}]
    assert capsys.readouterr().out.startswith("Acknowledged: 2\n\nAll is well\n")


def test_status_as_json_is_the_document_of_the_daemon(runtime: Path, capsys: Said) -> None:
    with answering(runtime, ILL):
        assert run("--json", "status") == 1
    assert json.loads(capsys.readouterr().out) == ILL


@pytest.mark.parametrize(
    "argv", [["status"], ["queue", "list"], ["queue", "retry"], ["history"], ["reload"]]
)
def test_without_a_daemon_it_is_69_and_says_how_to_start_one(capsys: Said, argv: list[str]) -> None:
    assert run(*argv) == 69
    assert "systemctl start zaiond" in capsys.readouterr().err


def test_the_command_that_starts_a_daemon_elsewhere_starts_that_one(tmp_path: Path) -> None:
    class Bare(Daemon):
        """One that knows its places by its options alone."""

        @property
        def places(self) -> dict[str, str]:
            return {}

    daemon = Bare(tmp_path / "a place", "language: en\n")
    by_environment = subprocess.run(
        [PROGRAMS / "zaiond-ctl", "status"],
        env={**daemon.environment, **Daemon.places.__get__(daemon)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    for done in (daemon.ctl("status"), by_environment):
        assert done.returncode == 69
        told = re.search(r"To start it: (.*) \(where", done.stderr)
        assert told, done.stderr
        _, *options = shlex.split(told[1])
        daemon.program = [PROGRAMS / "zaiond", *options]
        daemon.start()
        assert daemon.document("status")["config"]["state"] == "none"
        daemon.stop()


def test_a_stale_socket_is_no_daemon(runtime: Path, capsys: Said) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / "control.sock"))
    assert run("status") == 69


def test_who_may_not_use_the_control_socket_is_told_which_group_to_join(
    runtime: Path,
) -> None:
    has_group = any(group.gr_name == "zaiond-admin" for group in grp.getgrall())
    with answering(runtime, WELL):
        (runtime / "control.sock").chmod(0)
        for words in (["status"], ["test", "a@example.co.jp"]):
            done = subprocess.run(
                [*MODES_COUNT, PROGRAMS / "zaiond-ctl", *words],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert (done.returncode, done.stdout) == (77, "")
            assert "usermod -aG zaiond-admin" in done.stderr
            assert ("groupadd --system zaiond-admin" in done.stderr) is not has_group
            assert "root" in done.stderr


@pytest.mark.parametrize("answer", [b"", b'{"ok": tr', b"[]\n", b'{"ok": true}\n', b"\xff\n"])
def test_an_answer_that_breaks_off_is_told(runtime: Path, capsys: Said, answer: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / "control.sock"))
        listener.listen()

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.makefile("rb").readline()
                peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert run("status") == 69
        thread.join()
    assert "broke off" in capsys.readouterr().err


def test_a_daemon_that_keeps_silent_is_try_again(
    runtime: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_SILENCE", 0.1)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / "control.sock"))
        listener.listen()
        for argv in (["status"], ["queue", "retry"], ["test"], ["reload", "--json"]):
            assert run(*argv) == 75
            said = capsys.readouterr()
            assert "hangs" in said.err
            assert said.out == ""


def test_a_daemon_that_hangs_and_has_more_callers_than_it_listens_for_is_try_again(
    runtime: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_SILENCE", 0.1)
    path = str(runtime / "control.sock")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as caller:
        listener.bind(path)
        listener.listen(0)
        caller.connect(path)
        assert run("status") == 75
    assert "hangs" in capsys.readouterr().err


def test_a_daemon_from_which_something_comes_now_and_then_is_waited_for(
    runtime: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_SILENCE", 0.5)
    reply = json.dumps({"ok": True, "language": "en", "result": WELL}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / "control.sock"))
        listener.listen()
        go_on = threading.Event()

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.makefile("rb").readline()
                for _ in range(6):
                    go_on.wait(0.1)
                    peer.sendall(b" ")
                peer.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        assert run("status") == 0
        thread.join()
    assert "All is well" in capsys.readouterr().out


def test_a_daemon_that_refuses_before_it_is_asked_is_heard(
    runtime: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = {"ok": False, "exit": 75, "message": "too many others ask", "language": "en"}
    closed = threading.Event()
    there = socket.socket(socket.AF_UNIX)
    there.bind(str(runtime / "control.sock"))
    there.listen()

    def refuse() -> None:
        peer, _ = there.accept()
        peer.sendall(json.dumps(refusal).encode() + b"\n")
        peer.close()
        closed.set()

    real = socket.socket.sendall

    def late(peer: socket.socket, data: bytes) -> None:
        if b'"command"' in data:
            assert closed.wait(10)
        real(peer, data)

    monkeypatch.setattr(socket.socket, "sendall", late)
    server = threading.Thread(target=refuse)
    server.start()
    try:
        assert run("status") == 75
    finally:
        server.join()
        there.close()
    assert capsys.readouterr().err == "zaiond-ctl: too many others ask\n"


@pytest.mark.parametrize("status", [2, 69, 75, 77])
@pytest.mark.parametrize(
    "argv", [["status"], ["queue", "list"], ["queue", "retry"], ["history"], ["reload"], ["test"]]
)
def test_a_refusal_leaves_standard_output_empty(
    runtime: Path, capsys: Said, argv: list[str], status: int
) -> None:
    with answering(runtime, exit=status, message="no"):
        assert run(*argv, "--json") == status
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "zaiond-ctl: no\n")


def test_a_refusal_has_the_status_and_words_of_the_daemon(runtime: Path, capsys: Said) -> None:
    with answering(runtime, exit=75, message="今は無理です"):
        assert run("queue", "retry") == 75
    assert capsys.readouterr().err == "zaiond-ctl: 今は無理です\n"


NOW = datetime.now(ZoneInfo("Asia/Tokyo"))
AT = f"{NOW:%Y-%m-%dT%H:%M:%S%z}"
WAITING: dict[str, Any] = {
    "event_ids": ["E1", "E2"], "recipient": "a@example.co.jp", "state": "deferred", "attempts": 2,
    "next_attempt": AT, "reply": "450 4.2.0 \x1b[31mlater", "message_id": "<m>", "type": "a.b",
    "subject": "夜間バックアップ", "key": None, "accepted": AT, "server": "mailhost:25",
    "reason": "450 4.2.0 \x1b[31mlater", "hold": None,
}  # fmt: skip
UNROUTED = WAITING | {
    "event_ids": ["E3"], "recipient": None, "state": "waiting", "attempts": 0, "subject": None,
    "next_attempt": None, "reply": None, "message_id": None, "reason": "waits to be routed",
}  # fmt: skip
HOLD = {"scope": "address", "since": AT, "reason": "550 Nobody", "remedy": "mend the address"}
HELD = WAITING | {
    "event_ids": ["E4"], "recipient": "b@example.co.jp", "state": "held", "reason": "550 Nobody",
    "hold": HOLD,
}  # fmt: skip
CLOCK = f"{NOW:%H:%M:%S}"


def test_the_queue_is_listed_by_what_it_waits_for(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {"deliveries": [WAITING, UNROUTED, HELD], "total": 3}, language="ja"):
        assert run("queue", "list") == 0
    held, deferred, waiting = capsys.readouterr().out.split("\n\n")
    assert held.splitlines()[:5] == [
        "保留: 1 件",
        "  理由: 550 Nobody",
        "  対処: mend the address",
        f"  次の試行: {CLOCK}",
        "  宛先: b@example.co.jp",
    ]
    assert deferred.splitlines()[:2] == ["再送待ち: 1 件", "  理由: 450 4.2.0 \\x1b[31mlater"]
    head, row = deferred.splitlines()[-2:]
    assert head.split() == ["経過", "試行", "イベント", "ID", "件名"]
    assert row.split()[1:] == ["2", "E1", "+1", "夜間バックアップ"]
    assert waiting.splitlines()[-1].split()[1:] == ["E3", "a.b"]


def test_of_a_mail_to_come_it_is_said_of_how_many_events_it_tells(
    runtime: Path, capsys: Said
) -> None:
    to_come = UNROUTED | {"event_ids": ["E1", "E2"], "events": 5000, "next_attempt": AT, "when": AT}
    with answering(runtime, {"deliveries": [to_come], "total": 1}):
        assert run("queue", "list") == 0
    said = capsys.readouterr().out
    assert "E1 +4999" in said
    # It was never tried: so it has no next try.
    assert f"  Mail due: {CLOCK}\n" in said
    assert "Next try" not in said


def test_what_is_the_same_for_many_is_said_once(runtime: Path, capsys: Said) -> None:
    def row(number: int, **more: Any) -> dict[str, Any]:
        return WAITING | {"event_ids": [f"E{number:04}"]} | more

    deliveries = [
        row(number, recipient=recipient) for number in range(500) for recipient in ("a@x", "b@x")
    ]
    with answering(runtime, {"deliveries": deliveries, "total": 1000}):
        assert run("queue", "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "deferred: 1000",
        "  Why: 450 4.2.0 \\x1b[31mlater",
        f"  Next try: {CLOCK}",
        "  To: a@x, b@x",
    ]
    assert len(lines) == 5 + 500  # a line for each mail, below a heading
    deliveries[7]["recipient"] = "c@x"
    deliveries[8]["next_attempt"] = None
    with answering(runtime, {"deliveries": deliveries, "total": 1000}):
        run("queue", "list")
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["AGE", "NEXT", "TRY", "TRIES", "EVENT", "ID", "TO", "SUBJECT"]
    assert "a@x, b@x" in lines[3]


def test_what_an_address_holds_is_tried_by_one_for_all(runtime: Path, capsys: Said) -> None:
    others = [HELD | {"event_ids": [f"F{n}"], "next_attempt": None, "attempts": 0} for n in (1, 2)]
    with answering(runtime, {"deliveries": [HELD, *others], "total": 3}):
        run("queue", "list")
    assert f"  Next try: {CLOCK}\n" in capsys.readouterr().out


def test_a_queue_that_is_cut_short_says_so(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {"deliveries": [WAITING], "total": 12345}):
        assert run("queue", "list") == 0
    assert "only the first 1 of 12345 are shown" in capsys.readouterr().err


def test_an_empty_queue_says_so(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {"deliveries": []}):
        assert run("queue", "list") == 0
    assert capsys.readouterr().out == "Nothing waits\n"


@pytest.mark.parametrize("command", ["retry", "delete"])
def test_what_was_done_is_counted_and_unknown_ids_are_named(
    runtime: Path, capsys: Said, command: str
) -> None:
    result = {"deliveries": [WAITING], "changed": 2, "unknown": ["X"], "under_way": ["Y"]}
    with answering(runtime, result) as daemon:
        assert run("queue", command, "A", "X", "Y") == 1
    assert daemon.requests == [{"command": f"queue.{command}", "ids": ["A", "X", "Y"]}]
    said = capsys.readouterr()
    assert ": 2" in said.out
    assert said.out.splitlines()[1].split() == ["E1", "+1", "a@example.co.jp", "夜間バックアップ"]
    assert "X: no event" in said.err
    assert "Y: is being sent" in said.err


@pytest.mark.parametrize("argv", [("history",), ("queue", "retry"), ("queue", "delete")])
def test_an_id_of_bytes_that_are_no_utf_8_is_asked_for_as_it_is_shown(
    runtime: Path, capsys: Said, argv: tuple[str, ...]
) -> None:
    unknown = {"events": [], "deliveries": [], "changed": 0, "unknown": ["a\\xff"], "under_way": []}
    with answering(runtime, unknown) as daemon:
        assert run(*argv, os.fsdecode(b"a\xff")) == 1
    (request,) = daemon.requests
    assert "a\\xff" in (request.get("id"), *request.get("ids", ()))
    assert "a\\xff: " in capsys.readouterr().err


EVENT: dict[str, Any] = {
    "id": "E1", "source": "backup.service", "uid": 0, "user": "root", "type": "backup.failed",
    "subject": "夜間\n",
    "severity": "err", "time": "2013-05-25T00:00:00Z", "accepted": "2013-05-25T00:00:01Z",
    "outcome": "failed", "reason": "550 5.1.1 no such user", "key": "disk:/", "status": "problem",
    "job": None, "message": "line 1\n\tline\x1b[31m 2\x1b[2J", "data": {"target": "fs1", "n": [1]},
    "extensions": {}, "deliveries": [
        {
            "recipient": "a@example.co.jp", "outcome": "failed", "server": "mailhost:25",
            "reply": "550 5.1.1 no such user", "reason": "550 5.1.1 no such user",
            "next_attempt": None, "hold": None, "attempts": [
                {
                    "number": 1, "started": None, "ended": "2013-05-25T00:00:01Z",
                    "outcome": "deferred", "server": "mailhost:25", "reply": "450 later",
                },
            ],
        },
        {
            "recipient": "b@example.co.jp", "outcome": "held", "server": "mailhost:25",
            "reply": None, "reason": "550 Nobody", "next_attempt": AT, "hold": HOLD,
            "attempts": [],
        },
    ],
}  # fmt: skip


def test_history_of_an_id_says_everything(runtime: Path, capsys: Said) -> None:
    with answering(
        runtime, {"events": [EVENT, EVENT | {"uid": 4242, "user": "uid 4242"}]}
    ) as daemon:
        assert run("history", "E1") == 0
    assert daemon.requests == [{"command": "history", "limit": 50, "id": "E1"}]
    text = capsys.readouterr().out
    for words in (
        "Type      backup.failed", "Subject   夜間\\n", "Severity  err", "Source    backup.service",
        "User      root (uid 0)", "User      uid 4242", "Key       disk:/ (problem)",
        "Outcome   failed", "Why       550 5.1.1", "Time      2013-05-25 09:00:00 +0900",
        "    line 1\n            line 2\n", "target  fs1", "n       [1]",
        "a@example.co.jp  failed  mailhost:25", "#1  2013-05-25 09:00:01 +0900  deferred  ",
        "450 later", "b@example.co.jp  held", "Remedy: mend the address", "Next try: ",
    ):  # fmt: skip
        assert words in text, words
    assert "\x1b" not in text
    with answering(runtime, {"events": [EVENT]}, language="ja"):
        run("history", "E1")
    text = capsys.readouterr().out
    for words in ("エラー (err)", "disk:/（障害発生）", "送信失敗", "対処: ", "次の試行: "):
        assert words in text, words


def test_history_is_a_line_for_each_event(runtime: Path, capsys: Said) -> None:
    sent = EVENT | {"id": "E2", "outcome": "delivered", "reason": "250 OK", "subject": None}
    remark = {"id": "E3", "remark": "made in UTF-8", "time": AT}
    with answering(runtime, {"events": [EVENT, sent | {"time": AT}, sent | remark]}):
        assert run("history") == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert third.endswith("  E3  backup.failed disk:/: made in UTF-8")
    assert first == "2013-05-25   failed     E1  夜間: 550 5.1.1 no such user"
    assert second == f"{NOW:%m-%d %H:%M}  delivered  E2  backup.failed disk:/"


def test_history_is_asked_for_what_is_wanted(runtime: Path, capsys: Said) -> None:
    argv = (
        "--type",
        "backup.*",
        "--source",
        "",
        "--failed",
        "--limit",
        "7",
        "--since",
        "2013-05-25",
    )
    with answering(runtime, {"events": []}) as daemon:
        assert run("history", *argv) == 0
    assert daemon.requests == [
        {
            "command": "history", "limit": 7, "type": "backup.*", "source": "", "failed": True,
            "since": 1369407600.0,
        }
    ]  # fmt: skip


def test_history_of_an_unknown_id_is_1(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {"events": []}):
        assert run("history", "E9") == 1
        assert "E9: no event" in capsys.readouterr().err
        assert run("history") == 0
    assert capsys.readouterr().out == "No events\n"


@pytest.mark.parametrize("argv", [["--since", "yesterday"], ["--limit", "0"], ["--limit", "x"]])
def test_history_with_a_wrong_value_is_wrong_usage(
    runtime: Path, capsys: Said, argv: list[str]
) -> None:
    assert run("history", *argv) == 2
    assert argv[1] in capsys.readouterr().err


def test_a_reload_that_is_not_taken_is_78_with_the_errors(runtime: Path, capsys: Said) -> None:
    with answering(runtime, ILL["config"], exit=78, message="not taken"):
        assert run("reload") == 78
    assert capsys.readouterr().err == "zaiond-ctl: not taken\n/z.yaml:3:5: a.b: bad\n"
    with answering(runtime, WELL["config"]):
        assert run("reload") == 0


def result(address: str, ok: bool) -> dict[str, Any]:
    told = {
        "server": "mailhost:25", "ok": ok,
        "reason": None if ok else "Cant connect Server", "code": None if ok else 11001,
        "line": "正常に送信されました" if ok else
        f"[Error] 送信エラー Cant connect Server 11001 mailhost:25 {address} zaionnex",
        "hint": None if ok else "なぜなら",
    }  # fmt: skip
    return {"address": address, **told, "queue_id": None, "steps": [], "servers": [told]}


@pytest.mark.parametrize("json_", [False, True])
def test_the_self_test_says_by_what_it_was_sent_where_the_files_are_broken(
    tmp_path: Path, json_: bool
) -> None:
    with Sink() as sink:
        good = f"mail_server: {{host: 127.0.0.1, port: {sink.port}}}\nadmins: a@example.co.jp\n"
        with Daemon(tmp_path / "daemon", good) as daemon:
            assert daemon.ctl("test").stderr == ""
            daemon.config.write_text(good + "langage: ja\n", encoding="utf-8")
            daemon.becomes(lambda status: status["config"]["state"] == "last_good", "status")
            done = daemon.ctl("test", *(["--json"] if json_ else []))
            assert done.returncode == 0
            assert [mail.subject for mail in sink.mails].count("[Zaionnex] Test Mail") == 2
            fault, sent = done.stderr.splitlines()
            assert fault.startswith(f"{daemon.config}:3:1: langage: ")
            assert sent.startswith(f"zaiond-ctl: {daemon.config}: ")
            assert "直前の有効な設定" in sent
            assert daemon.config.name not in done.stdout or json_


@pytest.mark.parametrize(("ok", "status"), [(True, 0), (False, 1)])
def test_the_self_test_goes_through_the_daemon(
    runtime: Path, capsys: Said, ok: bool, status: int
) -> None:
    document = {"results": [result("a@example.co.jp", ok)]}
    with answering(runtime, document, language="ja") as daemon:
        assert run("test", "a@example.co.jp") == status
    assert daemon.requests == [{"command": "test", "addresses": ["a@example.co.jp"]}]
    assert capsys.readouterr().out.splitlines()[0] == document["results"][0]["line"]


def test_a_broken_fallback_is_told_of_on_standard_error(runtime: Path, capsys: Said) -> None:
    sent = result("a@example.co.jp", ok=True)
    sent["servers"] += result("a@example.co.jp", ok=False)["servers"]
    with answering(runtime, {"results": [sent]}, language="ja"):
        assert run("test") == 0
    said = capsys.readouterr()
    assert said.out == "正常に送信されました\n"
    assert said.err.splitlines() == [
        "警告: 送信エラー Cant connect Server 11001 mailhost:25 a@example.co.jp zaionnex",
        "なぜなら",
    ]


def test_an_address_that_is_none_is_wrong_usage(capsys: Said) -> None:
    assert run("test", "nobody") == 2
    assert "nobody" in capsys.readouterr().err


def test_an_interrupt_is_130_without_a_traceback(
    runtime: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any, **more: Any) -> Callable[[], None]:
        raise KeyboardInterrupt

    monkeypatch.setattr(control, "ask", interrupted)
    assert run("status") == 130
    assert capsys.readouterr().err == ""


def test_an_id_of_which_nothing_waits_is_no_failure(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {"deliveries": [], "changed": 0, "unknown": [], "under_way": []}):
        assert run("queue", "retry", "A") == 0
    assert capsys.readouterr().out == "Nothing to send now\n"


def test_who_may_not_ask_the_daemon_is_told_so_before_the_page_starts(
    runtime: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, program: started.append(program))
    run("web")  # no daemon: the page says so itself, and waits for one
    assert capsys.readouterr().err == ""

    def refused(*_: Any, **__: Any) -> None:
        raise Failure(NOT_PERMITTED, Text("だめ", "join the group"))

    monkeypatch.setattr(control, "ask", refused)
    run("web")
    assert "join the group" in capsys.readouterr().err
    assert len(started) == 2


def test_a_history_that_was_cut_off_says_how_to_go_on(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {"events": [], "truncated": True}):
        assert run("history") == 0
    assert "to go on: --since" in capsys.readouterr().err


def test_an_id_that_is_gone_may_have_been_deleted_and_whose_that_were_is_said(
    runtime: Path, capsys: Said
) -> None:
    shortened = [{"user": "alice (uid 1000)", "newest": "2013-05-25T09:00:00+09:00"}]
    with answering(runtime, {"events": [], "shortened": shortened}):
        assert run("history", "X") == 1
    said = capsys.readouterr().err
    assert "or deleted after its end" in said
    assert "of alice (uid 1000) up to 2013-05-25 09:00" in said
    with answering(runtime, {"events": [], "shortened": shortened}, language="ja"):
        assert run("history", "X") == 1
    assert "alice (uid 1000) の 2013-05-25 09:00" in capsys.readouterr().err
    with answering(runtime, {"events": [], "shortened": []}):
        assert run("history", "X") == 1
    assert "deleted" not in capsys.readouterr().err
