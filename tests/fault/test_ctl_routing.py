"""What zaiond-ctl asks about routes, silences, problems and jobs, and how it shows the answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_daemon import FakeDaemon
from zaiond.ctl import main

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


def answering(runtime: Path, result: Any, *, language: str = "en") -> FakeDaemon:
    reply = {"ok": True, "result": result, "language": language}
    return FakeDaemon(runtime, events=None, control=lambda request: reply)


# -- silence

SILENCE: dict[str, Any] = {
    "id": "7f3a09c2", "matchers": ["type=backup.*", "severity=warning"], "comment": "new\x1b[2J",
    "user": "root (uid 0)", "since": "2013-05-25T00:00:00Z", "until": "2013-05-25T02:00:00Z",
    "events": 3,
}  # fmt: skip


def test_a_silence_is_asked_for_by_its_matchers_and_its_seconds(
    runtime: Path, capsys: Said
) -> None:
    argv = ["--match", "type=backup.*", "--match", "data.host=db=1", "--for", "2h"]
    with answering(runtime, {"silences": [SILENCE]}) as daemon:
        assert run("silence", "add", *argv, "--comment", "c") == 0
    assert daemon.requests == [
        {
            "command": "silence.add", "matchers": ["type=backup.*", "data.host=db=1"],
            "seconds": 7200, "comment": "c",
        }
    ]  # fmt: skip
    said = capsys.readouterr().out
    assert "type=backup.*, severity=warning" in said
    assert "zaiond-ctl silence expire 7f3a09c2" in said


def test_a_silence_without_a_matcher_says_that_all_is_silent(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {"silences": [{**SILENCE, "matchers": []}]}):
        assert run("silence", "add", "--for", "1h", "--comment", "c") == 0
    assert "all events, those of emerg to crit too" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--comment", "c"), "--for DURATION is missing"),
        (("--for", "2h"), "--comment TEXT is missing"),
        (("--for", "2h", "--comment", " "), "--comment TEXT is missing"),
        (("--for", "2", "--comment", "c"), "--for takes 30m, 2h, 7d, or the like: 2"),
        (("--for", "2h", "--comment", "c", "--match", "type"), "--match takes KEY=PATTERN: type"),
        (("--for", "2h", "--comment", "c", "--match", "type="), "--match takes KEY=PATTERN: type="),
    ],
)
def test_a_wrong_silence_is_told_before_the_daemon_is_asked(
    runtime: Path, capsys: Said, argv: tuple[str, ...], words: str
) -> None:
    with answering(runtime, {}) as daemon:
        assert run("silence", "add", *argv) == 2
    assert daemon.requests == []
    assert words in capsys.readouterr().err


def test_silences_are_listed_with_what_they_have_hidden(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {"silences": [SILENCE]}):
        assert run("silence", "list") == 0
        said = capsys.readouterr().out
        assert run("silence", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"silences": [SILENCE]}
    for words in ("7f3a09c2", "root (uid 0)", "new\\x1b[2J"):
        assert words in said
    assert [line.split()[-1] for line in said.splitlines() if "Hidden" in line] == ["3"]
    with answering(runtime, {"silences": []}, language="ja"):
        assert run("silence", "list") == 0
    assert capsys.readouterr().out == "通知の一時停止はありません\n"


def test_a_silence_is_ended_by_its_id(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {"silences": [SILENCE]}) as daemon:
        assert run("silence", "expire", "7f3a09c2") == 0
    assert daemon.requests == [{"command": "silence.expire", "id": "7f3a09c2"}]
    assert capsys.readouterr().out.startswith("The silence has ended:\n")


# -- problems

PROBLEM: dict[str, Any] = {
    "key": "disk:/", "job": None, "uid": 0, "user": "root (uid 0)", "severity": "crit",
    "subject": "disk full", "since": "2013-05-25T00:00:00Z", "last": "2013-05-25T01:00:00Z",
    "count": 14, "to": ["a@example.co.jp", "b@example.co.jp"], "reminder": "2013-05-25T04:00:00Z",
    "silence": None, "event_id": "01M8",
}  # fmt: skip
JOB_PROBLEM = {
    **PROBLEM, "key": None, "job": "nightly", "to": [], "reminder": None, "silence": "7f3a09c2",
}  # fmt: skip


def test_problems_are_listed_with_all_that_is_known_of_them(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {"problems": [PROBLEM, JOB_PROBLEM]}) as daemon:
        assert run("problems") == 0
    assert daemon.requests == [{"command": "problems.list"}]
    first, second = capsys.readouterr().out.split("\n\n")
    assert first.startswith("disk:/\n")
    for words in ("disk full", "14 times", "a@example.co.jp, b@example.co.jp", "Next reminder"):
        assert words in first
    assert second.startswith("nightly\n")
    assert "by 7f3a09c2" in second
    assert "Told" not in second


def test_without_a_problem_that_is_said(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {"problems": []}):
        assert run("problems") == 0
    assert capsys.readouterr().out == "No problem is open\n"


def test_a_problem_is_closed_with_a_comment(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {"problems": [PROBLEM], "ambiguous": []}) as daemon:
        assert run("problems", "close", "disk:/", "--comment", "new disk", "--user", "root") == 0
    assert daemon.requests == [
        {"command": "problems.close", "key": "disk:/", "comment": "new disk", "uid": 0}
    ]
    assert capsys.readouterr().out.startswith("disk:/: closed after ")


def test_without_a_comment_no_problem_is_closed(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {}) as daemon:
        assert run("problems", "close", "disk:/") == 2
    assert daemon.requests == []
    assert "--comment TEXT is missing" in capsys.readouterr().err


def test_which_of_several_problems_is_meant_has_to_be_said(runtime: Path, capsys: Said) -> None:
    owners = [{"uid": 0, "user": "root (uid 0)"}, {"uid": 7, "user": "uid 7"}]
    with answering(runtime, {"problems": [], "ambiguous": owners}):
        assert run("problems", "close", "disk:/", "--comment", "c") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "2 users have a problem of this key" in said.err
    assert "\n  user root (uid 0)\n  user uid 7" in said.err


def test_a_problem_that_is_not_open_can_not_be_closed(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {"problems": [], "ambiguous": []}):
        assert run("problems", "close", "disk:/", "--comment", "c") == 1
    assert "disk:/: no problem of this key is open" in capsys.readouterr().err


# -- jobs

JOB: dict[str, Any] = {
    "job": "nightly", "declared": True, "state": "ok", "last_run": "2013-05-25T00:00:00Z",
    "last_success": "2013-05-25T00:10:00Z", "running_since": None, "failures": 0,
    "next_run": "2013-05-26T00:00:00Z",
}  # fmt: skip


def job(name: str, state: str, **more: Any) -> dict[str, Any]:
    return {**JOB, "job": name, "state": state, **more}


def test_jobs_that_need_a_look_come_first_and_make_the_exit_status_1(
    runtime: Path, capsys: Said
) -> None:
    jobs = [
        job("weekly", "unknown", last_run=None, last_success=None),
        job("nightly", "ok"),
        job("adhoc", "failed", failures=3, declared=False, next_run=None),
        job("hourly", "missed", last_run=None, last_success=None),
        job("long", "overdue", running_since="2013-05-25T00:00:00Z"),
        job("now", "running", running_since="2013-05-25T00:00:00Z"),
    ]
    with answering(runtime, {"jobs": jobs}):
        assert run("jobs") == 1
        head, *rows = capsys.readouterr().out.splitlines()
        assert run("jobs", "--json") == 1
    assert json.loads(capsys.readouterr().out) == {"jobs": jobs}
    assert head.split("  ")[0] == "JOB"
    assert [row.split()[0] for row in rows] == [
        "adhoc", "hourly", "long", "now", "weekly", "nightly",
    ]  # fmt: skip
    assert "failed 3 times in a row" in rows[0]
    assert "undeclared" in rows[0]
    assert "no success on record" in rows[1]
    assert "running since 2013-05-25" in rows[2]


@pytest.mark.parametrize("state", ["ok", "running", "unknown"])
def test_jobs_that_run_as_they_should_are_well(runtime: Path, state: str) -> None:
    with answering(runtime, {"jobs": [job("nightly", state)]}):
        assert run("jobs") == 0


def test_without_a_job_that_is_said(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {"jobs": []}, language="ja"):
        assert run("jobs") == 0
    assert capsys.readouterr().out == "ジョブはありません\n"


# -- route


def decision(outcome: str, **more: Any) -> dict[str, Any]:
    return {
        "route": "database", "outcome": outcome, "to": ["dba@example.co.jp"], "when": None,
        "reason": "why", **more,
    }  # fmt: skip


def test_route_asks_what_emit_would_send_and_sends_nothing(runtime: Path, capsys: Said) -> None:
    told = {"type": "backup.db.failed", "uid": 0, "decisions": [decision("mailed")]}
    with FakeDaemon(
        runtime,
        control=lambda request: {"ok": True, "language": "en", "result": {"events": [told]}},
    ) as daemon:
        argv = ("-s", "err", "-d", "host=db1", "--problem", "disk")
        assert run("route", "backup.db.failed", "--source", "me", *argv) == 0
    assert daemon.lines == []
    (request,) = daemon.requests
    assert request["command"] == "route"
    (line,) = request["lines"]
    assert json.loads(line) == {
        "type": "backup.db.failed", "severity": "err", "source": "me", "data": {"host": "db1"},
        "key": "disk", "status": "problem",
    }  # fmt: skip
    assert capsys.readouterr().out.splitlines() == [
        "backup.db.failed",
        "  database: mailed",
        "    To: dba@example.co.jp",
        "    Why: why",
    ]


def test_route_says_when_what_is_not_mailed_at_once_will_be(runtime: Path, capsys: Said) -> None:
    decisions = [
        decision("held", when="2013-05-25T00:00:00Z"),
        decision("grouped"),
        decision("silenced", route="", to=[]),
    ]
    told = {"type": "a.b", "uid": 0, "decisions": decisions}
    with answering(runtime, {"events": [told]}):
        assert run("route", "a.b") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "  database: held"
    assert lines[3].startswith("    Mail due: 2013-05-25 ")
    assert lines[7] == "    Mail due: open"
    assert lines[9:] == ["  silenced", "    Why: why"]


def test_route_takes_events_from_a_file_and_goes_on_behind_a_bad_one(
    runtime: Path, tmp_path: Path, capsys: Said
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text('{"type": "a.b"}\nnone\n{"type": "c d"}\n{"type": "e.f", "source": "x"}\n')

    def control(request: dict[str, Any]) -> dict[str, Any]:
        told = [{**json.loads(line), "uid": 0, "decisions": []} for line in request["lines"]]
        return {"ok": True, "language": "en", "result": {"events": told}}

    with FakeDaemon(runtime, events=None, control=control):
        assert run("route", "--from", str(file), "--json", "--source", "s") == 2
        capsys.readouterr()
        assert run("route", "--from", str(file), "--json") == 65
    said = capsys.readouterr()
    assert [one["type"] for one in json.loads(said.out)["events"]] == ["a.b", "e.f"]
    assert json.loads(said.out)["events"][1]["source"] == "x"
    assert [line.split(":")[1] for line in said.err.splitlines()] == [" line 2", " line 3"]


def test_route_asks_for_many_events_in_several_parts(
    runtime: Path, tmp_path: Path, capsys: Said
) -> None:
    file = tmp_path / "events.jsonl"
    event = {"type": "a.b", "source": "s", "message": "😀" * 20_000}
    file.write_text(f"{json.dumps(event, ensure_ascii=False)}\n" * 10)

    def control(request: dict[str, Any]) -> dict[str, Any]:
        told = [{"type": "a.b", "uid": 0, "decisions": []} for _ in request["lines"]]
        return {"ok": True, "language": "en", "result": {"events": told}}

    with FakeDaemon(runtime, events=None, control=control) as daemon:
        assert run("route", "--from", str(file)) == 0
    assert sum(len(request["lines"]) for request in daemon.requests) == 10
    assert 1 < len(daemon.requests) < 10
    assert max(len(json.dumps(request)) for request in daemon.requests) < 1024 * 1024
    assert capsys.readouterr().out == "a.b\n" * 10


def test_route_takes_a_message_that_emit_would_shorten(runtime: Path) -> None:
    with answering(runtime, {"events": []}) as daemon:
        assert run("route", "a.b", "-m", "x" * 300_000) == 0
    assert len(daemon.requests[0]["lines"][0]) <= 256 * 1024


def test_a_wrong_event_is_told_by_its_option(runtime: Path, capsys: Said) -> None:
    with answering(runtime, {"events": []}) as daemon:
        assert run("route", "a.b", "-s", "loud") == 65
    assert daemon.requests == []
    assert capsys.readouterr().err.startswith("zaiond-ctl: -s: ")


def test_where_no_daemon_runs_the_files_decide_and_that_is_said(
    runtime: Path, tmp_path: Path, capsys: Said
) -> None:
    config = tmp_path / "zaiond.yaml"
    config.write_text(
        "mail_server: {host: mailhost}\nadmins: [a@example.co.jp]\nlanguage: en\n"
        "routes: {db: {match: {type: db.*, data.host: db1}, to: [dba@example.co.jp]}}\n"
    )
    config.chmod(0o600)
    file = tmp_path / "events.jsonl"
    file.write_text(
        '{"type": "db.x", "data": {"host": "db1"}}\n{"type": "db.x", "key": "k", "status": "ok"}\n'
        + '{"type": "db.x", "key": "k", "status": "problem"}\n' * 2
    )
    assert run("route", "--config", str(config), "--from", str(file), "--json") == 0
    said = capsys.readouterr()
    assert (
        said.err.count("zaiond is not running: this is decided by the configuration on disk") == 1
    )
    first, second, *others = json.loads(said.out)["events"]
    assert [(one["route"], one["to"]) for one in first["decisions"]] == [
        ("db", ["dba@example.co.jp"])
    ]
    (recorded,) = second["decisions"]
    assert (recorded["outcome"], recorded["to"]) == ("dropped", [])
    # Each by itself.
    assert [one["decisions"][0]["outcome"] for one in others] == ["mailed", "mailed"]
    assert run("route", "--config", str(config), "a.b") == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "a.b",
        "  (no route matches): mailed",
        "    To: a@example.co.jp",
    ]


def test_where_no_daemon_runs_and_the_files_are_broken_nothing_is_decided(
    runtime: Path, tmp_path: Path, capsys: Said
) -> None:
    config = tmp_path / "zaiond.yaml"
    config.write_text("mail_server: {}\n")
    config.chmod(0o600)
    assert run("route", "--config", str(config), "a.b") == 78
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{config}:1:1: mail_server" in said.err


def test_a_daemon_without_a_configuration_says_what_is_wrong_with_it(
    runtime: Path, capsys: Said
) -> None:
    errors = [{"file": "/z.yaml", "line": 3, "column": 5, "key": "a.b", "message": "bad"}]
    refusal = {"ok": False, "exit": 78, "message": "no valid configuration"}
    answer = {**refusal, "language": "en", "result": {"state": "none", "errors": errors}}
    with FakeDaemon(runtime, events=None, control=lambda request: answer):
        assert run("route", "a.b") == 78
    said = capsys.readouterr()
    assert "no valid configuration" in said.err
    assert "/z.yaml:3:5: a.b: bad" in said.err
