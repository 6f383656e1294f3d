"""`zaiond-ctl emit` against a daemon that answers, refuses, or isn't there."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_daemon import FakeDaemon, accept
from zaiond import client
from zaiond.ctl import program

PROGRAM = Path(sys.executable).with_name("zaiond-ctl")


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    path = tmp_path / "spool"
    path.mkdir()
    return path


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, runtime: Path, spool: Path) -> None:
    monkeypatch.setenv("ZAIOND_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("ZAIOND_SPOOL_DIR", str(spool))
    monkeypatch.setenv("ZAIOND_CONFIG", "/nonexistent/zaiond.yaml")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setattr(client, "ANSWER_WITHIN", 0.2)


def run(*argv: str) -> int:
    return program.run(argv)


def refuse(line: bytes, code: str = "invalid", retry: bool = False) -> bytes:
    reply = {"status": "error", "code": code, "message": f"{code}\x1b[31m", "retry": retry}
    return json.dumps(reply).encode() + b"\n"


def standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_an_event_has_what_the_command_line_says(
    runtime: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeDaemon(runtime) as daemon:
        status = run(
            "emit", "backup.failed", "-s", "err", "--subject", "夜間", "-m", "a\nb", "-d", "n=1",
            "-d", "e=", "-d", "eq=a=b", "-D", 'j={"x": [1, null]}', "--problem", "disk", "--job",
            "nightly", "--id", "ID", "--source", "me", "--time", "2013-05-25T09:00:00Z",
        )  # fmt: skip
    assert status == 0
    assert capsys.readouterr().out == "ID\n"
    assert json.loads(daemon.lines[0]) == {
        "type": "backup.failed", "severity": "err", "subject": "夜間", "message": "a\nb",
        "data": {"n": "1", "e": "", "eq": "a=b", "j": {"x": [1, None]}}, "key": "disk",
        "status": "problem", "job": "nightly", "id": "ID", "source": "me",
        "time": "2013-05-25T09:00:00Z",
    }  # fmt: skip


def test_ok_tells_that_a_key_is_well(runtime: Path) -> None:
    with FakeDaemon(runtime) as daemon:
        assert run("emit", "disk", "--ok", "disk:/") == 0
    event = json.loads(daemon.lines[0])
    assert (event["key"], event["status"]) == ("disk:/", "ok")


def test_json_tells_of_each_event(runtime: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FakeDaemon(runtime, lambda line: b'{"status":"ok","id":"I","duplicate":true}\n'):
        assert run("emit", "a", "--id", "I", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "events": [{"id": "I", "duplicate": True, "spooled": False}]
    }


def test_the_daemon_down_means_spool_a_word_about_it_and_success(
    spool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("emit", "a", "-m", "x") == 0
    said = capsys.readouterr()
    (file,) = spool.iterdir()
    event = json.loads(file.read_text())
    assert said.out == f"{event['id']}\n"
    assert "spool" in said.err
    assert event["source"]


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (("invalid", False), 65),
        (("too_large", False), 65),
        (("conflict", False), 65),
        (("quota", True), 75),
        (("disk_full", True), 75),
    ],
)
def test_a_refusal_has_its_exit_status_and_the_words_of_the_daemon(
    runtime: Path, capsys: pytest.CaptureFixture[str], reply: tuple[str, bool], status: int
) -> None:
    with FakeDaemon(runtime, lambda line: refuse(line, *reply)):
        assert run("emit", "a") == status
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"zaiond-ctl: {reply[0]}\\x1b[31m\n"


def test_an_event_that_is_bad_is_refused_though_nobody_is_there_to_say_so(
    spool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("emit", "a", "-s", "error") == 65
    assert "severity: must be one of emerg" in capsys.readouterr().err
    assert not list(spool.iterdir())


def test_neither_daemon_nor_spool_is_69(
    spool: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("emit", "a", "--spool-dir", "/nonexistent") == 69
    assert "the event was not taken" in capsys.readouterr().err
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    assert run("emit", "a", "--spool-dir", "/nonexistent") == 69
    assert "イベントは未受理です" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["emit"], "name a TYPE"),
        (["emit", "a", "-d", "novalue"], "-d takes KEY=VALUE: novalue"),
        (["emit", "a", "-d", "=x"], "-d takes KEY=VALUE: =x"),
        (["emit", "a", "-D", "k=text"], "-D k: not JSON"),
        (["emit", "a", "-D", "k=NaN"], "-D k: not JSON"),
        (["emit", "a", "--ok", "x", "--problem", "y"], "doesn't go with"),
        (["emit", "a", "--from", "-"], "--from doesn't go with a"),
        (["emit", "--from", "-", "-s", "err"], "--from doesn't go with -s"),
    ],
)
def test_wrong_usage_is_2_and_emits_nothing(
    spool: Path, capsys: pytest.CaptureFixture[str], argv: list[str], words: str
) -> None:
    assert run(*argv) == 2
    assert words in capsys.readouterr().err
    assert not list(spool.iterdir())


def test_text_in_another_encoding_is_mailed_with_its_bytes_shown(runtime: Path) -> None:
    latin = os.fsdecode(b"caf\xe9")
    with FakeDaemon(runtime) as daemon:
        assert run("emit", "a", "-m", latin, "-d", f"k={latin}") == 0
    event = json.loads(daemon.lines[0])
    assert event["message"] == event["data"]["k"] == "caf\\xe9"


def test_a_name_that_is_no_utf8_is_a_bad_event(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("emit", "a", "--id", os.fsdecode(b"\xff")) == 65
    assert "id: not UTF-8: \\xff" in capsys.readouterr().err


def test_the_message_is_read_from_standard_input(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standard_input(monkeypatch, "一\n二\n\udcff".encode(errors="surrogateescape"))
    with FakeDaemon(runtime) as daemon:
        assert run("emit", "a", "-m", "-") == 0
    assert json.loads(daemon.lines[0])["message"] == "一\n二\n\\xff"


def test_lines_of_a_file_are_emitted_and_a_bad_one_costs_itself_alone(
    runtime: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(line: bytes) -> bytes:
        return refuse(line) if b"bad" in line else accept(line)

    file = tmp_path / "events"
    file.write_bytes(
        b'\xef\xbb\xbf{"type":"a","id":"1"}\r\n\n{broken\n{"type":"bad"}\n  \n'
        b'{"type":"b","id":"2","source":"own"}\n' + b"x" * 300_000 + b'\n{"type":"c","id":"3"}'
    )
    with FakeDaemon(runtime, answer) as daemon:
        assert run("emit", "--from", str(file)) == 65
        said = capsys.readouterr()
        assert run("emit", "--from", str(file), "--json") == 65
        document = json.loads(capsys.readouterr().out)
    assert said.out == "1\n2\n3\n"
    assert [text.split(":")[1] for text in said.err.splitlines()] == [
        " line 3", " line 4", " line 7",
    ]  # fmt: skip
    assert [event["id"] for event in document["events"]] == ["1", "2", "3"]
    assert {error["line"]: error["code"] for error in document["errors"]} == {
        3: "invalid", 4: "invalid", 7: "too_large",
    }  # fmt: skip
    assert json.loads(daemon.lines[2])["source"] == "own"


def test_more_lines_than_one_read_are_all_emitted(
    runtime: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "events"
    with file.open("w") as out:
        for number in range(3000):
            out.write(json.dumps({"type": "a", "id": str(number), "message": "x" * 700}) + "\n")
    with FakeDaemon(runtime):
        assert run("emit", "--from", str(file)) == 0
    assert capsys.readouterr().out.split() == [str(number) for number in range(3000)]


def test_lines_are_emitted_as_they_come_from_a_pipe(runtime: Path) -> None:
    with FakeDaemon(runtime):
        command = [str(PROGRAM), "emit", "--from", "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            for id_ in (b"1", b"2"):
                process.stdin.write(b'{"type":"a","id":"' + id_ + b'"}\n')
                process.stdin.flush()
                assert process.stdout.readline() == id_ + b"\n"
            process.stdin.close()
        assert process.returncode == 0


def test_a_file_that_can_not_be_read_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("emit", "--from", str(tmp_path / "none")) == 1
    assert "none: No such file" in capsys.readouterr().err
    assert run("emit", "--from", str(tmp_path)) == 1
    assert "Is a directory" in capsys.readouterr().err


def test_a_daemon_that_is_away_is_told_once_for_all_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "events"
    file.write_text('{"type":"a"}\n' * 5)
    assert run("emit", "--from", str(file), "--spool-dir", "/nonexistent") == 69
    assert len(capsys.readouterr().err.splitlines()) == 1


def shell(command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-c", command.replace("CTL", str(PROGRAM))],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_a_script_that_emits_is_the_source(runtime: Path, tmp_path: Path) -> None:
    script = tmp_path / "nightly.sh"
    script.write_text(f"#!/bin/sh\n{PROGRAM} emit a\nexit 0\n")
    script.chmod(0o755)
    with FakeDaemon(runtime) as daemon:
        subprocess.run([script], check=True, capture_output=True)
    source = json.loads(daemon.lines[0])["source"]
    assert source == "nightly.sh" or source.endswith(".service")


def test_a_full_disk_behind_standard_output_is_told_without_a_traceback(runtime: Path) -> None:
    with FakeDaemon(runtime):
        ran = shell("CTL emit a > /dev/full")
    assert ran.returncode == 1
    assert ran.stderr == "zaiond-ctl: can't write to standard output: No space left on device\n"


def test_a_reader_that_has_gone_and_closed_streams_do_no_harm(runtime: Path) -> None:
    with FakeDaemon(runtime) as daemon:
        for command in (
            "trap '' PIPE; CTL emit a | true; exit ${PIPESTATUS[0]}",
            "CTL emit a >&-",
            "CTL emit a >&- 2>&- <&-",
        ):
            ran = shell(command)
            assert (ran.returncode, ran.stderr) == (0, ""), command
    assert len(daemon.lines) == 3


def test_the_way_of_an_emit_imports_nothing_slow(runtime: Path) -> None:
    code = (
        "import sys; from zaiond.ctl import program; status = program.run(sys.argv[1:]);"
        "print(' '.join(sys.modules), file=sys.stderr); sys.exit(status)"
    )
    with FakeDaemon(runtime):
        ran = subprocess.run(
            [sys.executable, "-S", "-c", code, "emit", "a.b", "-s", "err", "-m", "x", "-d", "k=v"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
    loaded = set(ran.stderr.split())
    slow = (
        "argparse logging typing dataclasses datetime asyncio ssl yaml msgspec socket zaiond.text"
    )
    assert not loaded & set(slow.split())
    assert {name for name in loaded if name.startswith("zaiond")} == {
        "zaiond", "zaiond.client", "zaiond.ctl", "zaiond.ctl.caller", "zaiond.ctl.commandline",
        "zaiond.ctl.emit", "zaiond.ctl.failure", "zaiond.ctl.places", "zaiond.ctl.program",
    }  # fmt: skip
