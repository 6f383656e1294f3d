"""zaiond.client without sockets: lines, sources, and what it imports."""

import json
import subprocess
import sys
from typing import Any

import pytest

from zaiond import client, wire
from zaiond.client import origin

MADE = {"id": "ID", "source": "S", "time": "2013-05-25T09:00:00Z"}


def written(event: Any) -> bytes:
    return client._written(event, MADE, lambda: "en")[1]


def kept(event: Any) -> dict[str, Any]:
    """The event, as the daemon keeps it."""
    submission = wire.parse(written(event))
    kept: dict[str, Any] = json.loads(submission.line)
    return kept


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"a"}',
        b'{"type":"a"}',
        ' { "type" : "a" } ',
        '{\n  "type": "a"\r\n}',
        '{"type":"a","id":null,"time":null}',
    ],
)
def test_a_json_text_is_completed(text: str | bytes) -> None:
    line = written(text)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {"type": "a", **MADE}


def test_a_json_text_keeps_what_the_producer_wrote_to_the_letter() -> None:
    line = written('{"type": "a", "data": {"n": 1.10, "big": 12345678901234567890123}}')
    assert b'"data": {"n": 1.10, "big": 12345678901234567890123}}' in line
    assert written('{"type":"a","id":"x","source":"y","time":"z"}') == (
        b'{"type":"a","id":"x","source":"y","time":"z"}\n'
    )
    assert json.loads(written("{}")) == MADE


@pytest.mark.parametrize("text", ["", "{", "[]", "1", b"\xff", "\udcff", "[" * 100000])
def test_what_is_no_json_object_is_invalid(text: str | bytes) -> None:
    with pytest.raises(client.Rejected) as error:
        written(text)
    assert error.value.code == "invalid"


@pytest.mark.parametrize("event", [{"a": object()}, {"a": {1, 2}}])
def test_what_json_can_not_hold_is_invalid(event: dict[str, Any]) -> None:
    with pytest.raises(client.Rejected):
        written(event)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"x": "caf\udce9"}, "caf\\udce9"),
        ({"x": "\ud83d"}, "\\ud83d"),
        ('{"x":"caf\\udce9"}', "caf\\udce9"),
        ('{"x":"caf\udce9"}', "caf\\udce9"),
        (b'{"x":"caf\xe9"}', "caf\\xe9"),
        ({"x": float("nan")}, "NaN"),
        ({"x": float("-inf")}, "-Infinity"),
        ('{"x":1e400}', "1e400"),
        ('{"x":-Infinity}', "-Infinity"),
        (f'{{"x":{"9" * 5000}}}', "9" * 5000),
    ],
)
def test_whatever_can_be_shown_goes_out_and_is_shown(event: Any, text: str) -> None:
    whole = {"type": "a", **event} if isinstance(event, dict) else event.replace(
        *('{"x"', '{"type":"a","x"') if isinstance(event, str) else (b'{"x"', b'{"type":"a","x"')
    )  # fmt: skip
    assert kept(whole)["x"] == text


def test_a_message_that_makes_an_event_too_long_is_shortened() -> None:
    log = "\n".join(f"line {number}" for number in range(40_000))
    for event in (
        {"type": "a", "message": log},
        json.dumps({"type": "a", "message": log}),
        json.dumps({"message": log, "type": "a", "data": {"n": "x" * 100_000}}),
        {"type": "a", "message": log, "data": {"n": "x" * 260_000}},
    ):
        line = written(event)
        assert len(line) - 1 <= wire.MAX_EVENT_BYTES
        message = kept(event)["message"]
        assert message.startswith("line 0\nline 1\n")
        assert message.endswith("\nline 39998\nline 39999")
        assert "bytes) left out ...]" in message


@pytest.mark.parametrize(
    "event",
    [
        {"type": "a", "data": {"x": "x" * 262144}},
        {"type": "a", "message": "log\n" * 100, "subject": "x" * 262100},
        json.dumps({"type": "a", "x": "x" * 262144}),
        "x" * (client.MAX_LINE_BYTES + 1),
        {"message": ["x" * 262144]},
    ],
)
def test_what_is_too_large_without_its_message_stays_an_error(event: Any) -> None:
    with pytest.raises(client.Rejected) as error:
        written(event)
    assert error.value.code == "too_large"
    assert "256 KiB" in error.value.text.ja


def test_client_and_daemon_have_the_same_limit() -> None:
    assert client.MAX_EVENT_BYTES == wire.MAX_EVENT_BYTES


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "ja"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "C"}, "en"),
        ({"LC_ALL": "en_GB.UTF-8", "LANG": "ja_JP.UTF-8"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "ja_JP.eucJP", "LANG": "C"}, "ja"),
    ],
)
def test_the_environment_says_the_language(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], language: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert origin.language() == language


@pytest.mark.parametrize(
    ("lines", "unit"),
    [
        (["0::/system.slice/backup.service"], "backup.service"),
        (["0::/system.slice/system-backup.slice/backup@a.service"], "backup@a.service"),
        (["0::/system.slice/box.service/payload/x"], "box.service"),
        (["0::/user.slice/user-0.slice/session-3.scope"], None),
        (["0::/user.slice/user-0.slice/user@0.service/init.scope"], None),
        (["0::/user.slice/user-0.slice/user@0.service/app.slice/mine.service"], "mine.service"),
        (["0::/user.slice/user-0.slice/user@0.service/app.slice/run-1.scope"], None),
        (["4:memory:/a.service", "1:name=systemd:/system.slice/b.service"], "b.service"),
        (["0::/"], None),
        ([], None),
    ],
)  # fmt: skip
def test_the_source_is_the_systemd_service_but_no_session(
    lines: list[str], unit: str | None
) -> None:
    assert origin._unit_of(lines) == unit


def test_the_runtime_directory_of_another_service_is_not_taken_for_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ZAIOND_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/backup:/run/other")
    monkeypatch.setattr("os.path.exists", lambda path: path == "/run/zaiond/events.sock")
    assert origin.default_runtime_dir() == "/run/zaiond"
    monkeypatch.setattr("os.path.exists", lambda path: False)
    assert origin.default_runtime_dir() == "/run/backup"
    monkeypatch.setenv("ZAIOND_RUNTIME_DIR", "/tmp/mine")
    assert origin.default_runtime_dir() == "/tmp/mine"


def test_importing_the_client_imports_nothing_slow() -> None:
    code = (
        "import sys; before = set(sys.modules); import zaiond.client;"
        "print(' '.join(set(sys.modules) - before))"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True
    )
    slow = {"typing", "dataclasses", "logging", "argparse", "datetime", "ssl", "asyncio", "msgspec"}
    slow |= {"zaiond.text", "zaiond.errors", "zaiond.client.spool", "pathlib", "tempfile"}
    slow |= {"zaiond.event_rules", "zaiond.client.shorten", "zaiond.decode"}
    assert not slow & set(ran.stdout.split())
