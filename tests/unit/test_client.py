"""zaiond.client without sockets: lines, sources, and the rules before the spool."""

import json
import subprocess
import sys
from typing import Any

import pytest

from zaiond import client, wire
from zaiond.client_spool import fault
from zaiond.errors import EventError

MADE = {"id": "ID", "source": "S", "time": "2013-05-25T09:00:00Z"}


def written(event: Any) -> bytes:
    return client._written(event, MADE)[1]


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


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"a":NaN}', b"\xff", "\udcff", "[" * 100000])
def test_what_is_no_json_object_is_invalid(text: str | bytes) -> None:
    with pytest.raises(client.Rejected) as error:
        written(text)
    assert error.value.code == "invalid"


@pytest.mark.parametrize("event", [{"a": float("nan")}, {"a": object()}, {"a": "\udcff"}])
def test_what_json_can_not_hold_is_invalid(event: dict[str, Any]) -> None:
    with pytest.raises(client.Rejected):
        written(event)


def test_an_event_over_256_kib_is_too_large() -> None:
    for event in ({"m": "x" * 262144}, json.dumps({"m": "x" * 262144}), "x" * 1_000_000):
        with pytest.raises(client.Rejected) as error:
            written(event)
        assert error.value.code == "too_large"


VALID: dict[str, Any] = {"type": "a", **MADE}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, None),
        ({"data": {"a": [1]}, "subject": "s", "key": "k", "status": "ok", "job": "j"}, None),
        ({"data": 5, "extension": {}, "severity": None, "specversion": "1.0"}, None),
        ({"time": "2013-05-25T09:00:60.123+09:00"}, None),
        ({"time": "2013-05-25t09:00:00z"}, None),
        ({"type": None}, "type"),
        ({"type": "a b"}, "type"),
        ({"type": "a\n"}, "type"),
        ({"type": "x" * 256}, "type"),
        ({"type": 1}, "type"),
        ({"id": ""}, "id"),
        ({"id": "a\nb"}, "id"),
        ({"id": "x" * 256}, "id"),
        ({"id": 1}, "id"),
        ({"source": ""}, "source"),
        ({"source": 1}, "source"),
        ({"time": "now"}, "time"),
        ({"time": "2013-05-25T09:00:00"}, "time"),
        ({"time": "2013-13-25T09:00:00Z"}, "time"),
        ({"time": 1}, "time"),
        ({"severity": "error"}, "severity"),
        ({"severity": 3}, "severity"),
        ({"subject": 1}, "subject"),
        ({"message": []}, "message"),
        ({"key": 1}, "key"),
        ({"job": {}}, "job"),
        ({"status": "problem"}, "status"),
        ({"status": "bad", "key": "k"}, "status"),
        ({"data_base64": "aGk="}, "data_base64"),
        ({"specversion": "0.3"}, "specversion"),
        ({"datacontenttype": 1}, "datacontenttype"),
    ],
)
def test_the_spool_takes_what_the_daemon_takes(change: dict[str, Any], field: str | None) -> None:
    event = VALID | change
    found = fault(event)
    assert (found and found[0]) == field
    line = json.dumps(event).encode()
    if field is None:
        wire.parse(line)
    else:
        with pytest.raises(EventError) as error:
            wire.parse(line)
        assert error.value.field == field


def test_the_spool_takes_the_depth_that_the_daemon_takes() -> None:
    for depth in (62, 63, 64, 65, 70):
        event = VALID | {"data": json.loads("[" * depth + "]" * depth)}
        try:
            wire.parse(json.dumps(event).encode())
            taken = True
        except EventError:
            taken = False
        assert (fault(event) is None) == taken, depth


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
    assert client._unit_of(lines) == unit


def test_the_runtime_directory_of_another_service_is_not_taken_for_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ZAIOND_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/backup:/run/other")
    monkeypatch.setattr("os.path.exists", lambda path: path == "/run/zaiond/events.sock")
    assert client.default_runtime_dir() == "/run/zaiond"
    monkeypatch.setattr("os.path.exists", lambda path: False)
    assert client.default_runtime_dir() == "/run/backup"
    monkeypatch.setenv("ZAIOND_RUNTIME_DIR", "/tmp/mine")
    assert client.default_runtime_dir() == "/tmp/mine"


def test_importing_the_client_imports_nothing_slow() -> None:
    code = (
        "import sys; before = set(sys.modules); import zaiond.client;"
        "print(' '.join(set(sys.modules) - before))"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True
    )
    slow = {"typing", "dataclasses", "logging", "argparse", "datetime", "ssl", "asyncio", "msgspec"}
    slow |= {"zaiond.text", "zaiond.errors", "zaiond.client_spool", "pathlib", "tempfile"}
    assert not slow & set(ran.stdout.split())
