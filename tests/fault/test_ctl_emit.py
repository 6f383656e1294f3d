"""`zaiond-ctl emit` against a daemon that answers, refuses, or isn't there."""

import errno
import io
import json
import locale
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_daemon import FakeDaemon, accept
from zaiond import client, wire
from zaiond.ctl import main

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
    return main.run(argv)


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


def test_there_is_no_document_where_some_were_not_taken_and_standard_error_has_the_ids(
    runtime: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(line: bytes) -> bytes:
        return accept(line) if b'"good"' in line else refuse(line, "quota", True)

    lines = tmp_path / "events.jsonl"
    lines.write_text("".join(f'{{"type":"a","id":"{id_}"}}\n' for id_ in ("good", "late")))
    with FakeDaemon(runtime, answer):
        assert run("emit", "--json", "--from", str(lines)) == 75
    said = capsys.readouterr()
    assert said.out == ""
    assert "events that were taken: good\n" in said.err


def test_an_event_that_is_bad_is_refused_though_nobody_is_there_to_say_so(
    spool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("emit", "a", "-s", "bad") == 65
    assert "zaiond-ctl: -s: must be one of emerg" in capsys.readouterr().err
    assert not list(spool.iterdir())


@pytest.mark.parametrize("word", ["error", "CRIT", "Fatal", "warn", "information", "panic"])
def test_the_words_that_others_use_are_severities(spool: Path, word: str) -> None:
    assert run("emit", "a", "-s", word) == 0
    (file,) = spool.iterdir()
    wire.parse(file.read_bytes().rstrip(b"\n"))


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["a b"], "TYPE"),
        (["a", "--id", ""], "--id"),
        (["a", "--source", ""], "--source"),
        (["a", "--time", "now"], "--time"),
    ],
)
def test_an_error_names_the_option(
    spool: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    argv: list[str],
    name: str,
) -> None:
    for name_of_locale in ("C", "ja_JP.UTF-8"):
        monkeypatch.setenv("LC_ALL", name_of_locale)
        assert run("emit", *argv) == 65
        assert capsys.readouterr().err.startswith(f"zaiond-ctl: {name}: ")


def test_neither_daemon_nor_spool_is_69(
    spool: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("emit", "a", "--spool-dir", "/nonexistent") == 69
    assert "the event was not taken" in capsys.readouterr().err
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    assert run("emit", "a", "--spool-dir", "/nonexistent") == 69
    assert "イベントは受け付けられていません" in capsys.readouterr().err
    assert run("emit", "a", "--spool-dir", "/nonexistent", "--json") == 69
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("number", "status"), [
    (errno.ENOSPC, 75), (errno.EDQUOT, 75), (errno.EACCES, 77), (errno.EPERM, 77),
    (errno.EROFS, 69),
])  # fmt: skip
def test_a_spool_that_takes_nothing_has_its_exit_status_and_says_why(
    spool: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    status: int,
) -> None:
    real = os.open

    def refuse(path: Any, *rest: Any, **more: Any) -> int:
        if str(path).startswith(str(spool)):
            raise OSError(number, os.strerror(number))
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    assert run("emit", "a") == status
    said = capsys.readouterr().err
    assert str(spool) in said
    assert ("zaiond-emit" if status == 77 else os.strerror(number)) in said
    assert not list(spool.iterdir())


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["emit"], "name a TYPE"),
        (["emit", "a", "-d", "novalue"], "-d takes KEY=VALUE: novalue"),
        (["emit", "a", "-d", "=x"], "-d takes KEY=VALUE: =x"),
        (["emit", "a", "-D", "k=text"], "-D k: not JSON"),
        (["emit", "a", "-D", "k={"], "-D k: not JSON (character 2: "),
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


@pytest.mark.parametrize("encoding", ["cp932", "euc_jp", "iso2022_jp"])
def test_text_in_a_japanese_encoding_is_read_wherever_it_comes_from(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    said = "表示できません: 営業共有の容量が不足しています"
    octets = said.encode(encoding)
    word = os.fsdecode(octets)
    standard_input(monkeypatch, octets + b"\n")
    file = tmp_path / "events"
    file.write_bytes(b'{"type":"a","message":"' + octets + b'"}\n' + LINE_IN_UTF_8)
    with FakeDaemon(runtime) as daemon:
        assert run("emit", "a", "-m", "-", "--subject", word, "-d", f"k={word}", "--ok", word) == 0
        assert run("emit", "a", "-m", word, "-D", f'k="{word}"', "--job", word, "--id", word) == 0
        assert run("emit", "--from", str(file)) == 0
    events = [json.loads(line) for line in daemon.lines]
    assert [event["message"] for event in events] == [said, said, said, "営業"]
    assert events[0]["subject"] == events[0]["data"]["k"] == events[0]["key"] == said
    assert events[1]["data"]["k"] == events[1]["job"] == events[1]["id"] == said


LINE_IN_UTF_8 = '{"type":"a","message":"営業"}\n'.encode()


def test_text_that_is_no_utf_8_is_read_by_the_locale(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No test can count on a machine's having such a locale.
    monkeypatch.setattr(locale, "getencoding", lambda: "ISO-8859-1")
    standard_input(monkeypatch, b"caf\xe9")
    with FakeDaemon(runtime) as daemon:
        assert run("emit", "a", "-m", "-") == 0
    assert json.loads(daemon.lines[0])["message"] == "café"


def test_a_log_may_have_lines_in_several_encodings(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["接続に失敗しました", "再起動しました", "エラーが発生しました"]
    encodings = ["utf-8", "cp932", "euc_jp"]
    standard_input(
        monkeypatch,
        b"\n".join(line.encode(each) for line, each in zip(lines, encodings, strict=True)),
    )
    with FakeDaemon(runtime) as daemon:
        assert run("emit", "a", "-m", "-") == 0
    assert json.loads(daemon.lines[0])["message"].splitlines() == lines


def test_no_letter_makes_an_event_bad(spool: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strange = os.fsdecode(b"x\xff")
    assert run("emit", "a", "--id", strange, "--source", strange, "--problem", strange) == 0
    assert run("emit", "a", "-D", "n=1e400", "-D", "m=NaN", "-D", 's="\\udce7"') == 0
    assert capsys.readouterr().out.startswith("x\\xff\n")
    first, second = sorted(spool.iterdir())
    event = json.loads(wire.parse(first.read_bytes()).line)
    assert (event["id"], event["source"], event["key"]) == (("x\\xff"),) * 3
    data = json.loads(wire.parse(second.read_bytes()).line)["data"]
    assert data == {"n": "1e400", "m": "NaN", "s": "\\udce7"}


def test_lines_of_a_file_that_python_wrote_are_taken_though_they_are_no_json(
    runtime: Path, spool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "events"
    file.write_bytes(
        b'{"type":"a.b","message":"x\\udce7"}\n{"type":"a.b","data":{"x":1e400}}\n'
        b'{"type":"a.b","message":"\xe7\\\\\xe7"}\n'
    )
    assert run("emit", "--from", str(file)) == 0
    (spooled,) = spool.iterdir()
    kept = [json.loads(wire.parse(line).line) for line in spooled.read_bytes().splitlines()]
    assert kept[0]["message"] == "x\\udce7"
    assert kept[1]["data"] == {"x": "1e400"}
    assert kept[2]["message"] == "\\xe7\\\\xe7"


def test_the_message_is_read_from_standard_input(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standard_input(monkeypatch, "一\n二\n\udcff".encode(errors="surrogateescape"))
    with FakeDaemon(runtime) as daemon:
        assert run("emit", "a", "-m", "-") == 0
    assert json.loads(daemon.lines[0])["message"] == "一\n二\n\\xff"


def test_a_long_log_is_mailed_with_its_beginning_and_its_end(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = "".join(f"{number} 行目です\n" for number in range(20_000))
    file = tmp_path / "events"
    file.write_text(json.dumps({"type": "a", "message": log.rstrip("\n")}) + "\n")
    with FakeDaemon(runtime) as daemon:
        standard_input(monkeypatch, log.encode())
        assert run("emit", "a", "-m", "-", "-d", "k=" + "v" * 10_000) == 0
        monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
        standard_input(monkeypatch, (log * 3).encode("euc_jp"))
        assert run("emit", "a", "-m", "-") == 0
        assert run("emit", "--from", str(file)) == 0
    for line, remark in zip(daemon.lines, ("lines (", "行（", "行（"), strict=True):
        assert len(wire.parse(line.rstrip(b"\n")).line) > 250_000
        message = json.loads(line)["message"]
        assert message.startswith("0 行目です\n1 行目です\n")
        assert message.endswith("\n19998 行目です\n19999 行目です")
        assert remark in message


def test_a_message_of_any_length_takes_little_memory(runtime: Path) -> None:
    with FakeDaemon(runtime) as daemon:
        measured = shell(
            "(echo first; yes | head -c 100000000; echo last) |"
            f" {sys.executable} -c 'import resource, sys; from zaiond.ctl import main;"
            ' status = main.run(["emit", "a", "-m", "-"]);'
            " print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss); sys.exit(status)'"
        )
    assert measured.returncode == 0, measured.stderr
    assert int(measured.stdout.split()[-1]) < 50_000  # KiB
    message = json.loads(daemon.lines[0])["message"]
    head, lines, tail = re.split(r"\[\.\.\. ([\d,]+) lines .*\n", message)
    assert head.startswith("first\ny\n")
    assert tail.endswith("\ny\nlast")
    assert head.count("\n") + int(lines.replace(",", "")) + tail.count("\n") + 1 == 50_000_002


def test_a_message_that_has_no_room_beside_the_rest_is_an_error(
    spool: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for log in (b"x" * 10, b"x" * 1_000_000):
        standard_input(monkeypatch, log)
        assert run("emit", "a", "-m", "-", "-d", "k=" + "v" * 262_144) == 65
        assert "256 KiB" in capsys.readouterr().err
    assert not list(spool.iterdir())


def test_what_the_daemon_had_already_is_told(
    runtime: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "events"
    file.write_text('{"type":"a","id":"I"}\n' * 3)
    with FakeDaemon(runtime, lambda line: b'{"status":"ok","id":"I","duplicate":true}\n'):
        assert run("emit", "a", "--id", "I") == 0
        assert "zaiond had 1 event already" in (said := capsys.readouterr()).err
        assert "zaiond-ctl history I" in said.err
        assert said.out == "I\n"
        assert run("emit", "--from", str(file)) == 0
        assert "zaiond had 3 events already" in capsys.readouterr().err


def test_lines_of_a_file_are_emitted_and_a_bad_one_costs_itself_alone(
    runtime: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(line: bytes) -> bytes:
        return refuse(line) if b"bad" in line else accept(line)

    file = tmp_path / "events"
    file.write_bytes(
        b'\xef\xbb\xbf{"type":"a","id":"1"}\r\n\n{broken\n{"type":"bad"}\n  \n'
        b'{"type":"b","id":"2","source":"own"}\n'
        b'{"type":"b","x":"' + b"x" * 300_000 + b'"}\n{"type":"c","id":"3"}'
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


def test_json_says_what_is_wrong_as_it_is_said_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    file = tmp_path / "events"
    file.write_text("{broken\n")
    assert run("emit", "--from", str(file), "--json") == 65
    said = capsys.readouterr()
    (error,) = json.loads(said.out)["errors"]
    assert said.err == f"zaiond-ctl: 1 行目: {error['message']}\n"


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
        "import sys; from zaiond.ctl import main; status = main.run(sys.argv[1:]);"
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
        "zaiond", "zaiond.client", "zaiond.client.origin", "zaiond.ctl", "zaiond.ctl.commandline",
        "zaiond.ctl.emit", "zaiond.ctl.exit_status", "zaiond.ctl.main", "zaiond.ctl.output",
    }  # fmt: skip
