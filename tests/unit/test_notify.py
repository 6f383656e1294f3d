"""What is told of a systemd unit that has failed."""

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import MODES_COUNT
from zaiond import event_rules
from zaiond.notify import event_of, of_invocation

EXITED = {
    "MONITOR_SERVICE_RESULT": "exit-code",
    "MONITOR_EXIT_CODE": "exited",
    "MONITOR_EXIT_STATUS": "3",
    "MONITOR_INVOCATION_ID": "0123456789abcdef0123456789abcdef",
    "MONITOR_UNIT": "backup.service",
}


def entry(message: str | bytes, second: int = 1, **fields: Any) -> dict[str, Any]:
    at = datetime(2013, 5, 25, 9, 0, second)
    return {"__REALTIME_TIMESTAMP": at, "_PID": 7, "_COMM": "sh", "MESSAGE": message, **fields}


def made(monitored: dict[str, str], *entries: dict[str, Any]) -> dict[str, Any]:
    event = event_of("backup.service", monitored, list(entries))
    event_rules.check({"id": "ID", **event})
    return event


def test_it_says_which_unit_and_how_it_ended_and_its_last_lines() -> None:
    failed = entry("Failed with result 'exit-code'.", SYSLOG_IDENTIFIER="systemd", _PID=1)
    event = made(EXITED, entry("disk full"), failed)
    assert event == {
        "type": "unit.failed",
        "severity": "err",
        "source": "backup.service",
        "key": "backup.service",
        "id": "unit.failed/backup.service/0123456789abcdef0123456789abcdef",
        "message": "09:00:01 sh[7]: disk full\n"
        "09:00:01 systemd[1]: Failed with result 'exit-code'.",
        "data": {
            "unit": "backup.service",
            "result": "exit-code",
            "exit_status": 3,
            "invocation_id": "0123456789abcdef0123456789abcdef",
        },
    }


def test_a_signal_has_its_name_and_the_exit_status_that_a_shell_says() -> None:
    monitored = EXITED | {"MONITOR_EXIT_CODE": "killed", "MONITOR_EXIT_STATUS": "KILL"}
    data = made(monitored)["data"]
    assert (data["signal"], data["exit_status"]) == ("SIGKILL", 137)
    monitored["MONITOR_EXIT_STATUS"] = "RTMIN+3"
    data = made(monitored)["data"]
    assert data["signal"] == "SIGRTMIN+3"
    assert "exit_status" not in data


def test_of_what_is_no_service_the_journal_says_the_result() -> None:
    event = made({}, entry("Mounting…"), entry("Failed", UNIT_RESULT="timeout"))
    assert event["data"] == {"unit": "backup.service", "result": "timeout"}
    assert "id" not in event


def test_without_anything_in_the_journal_it_is_told_all_the_same() -> None:
    event = made({})
    assert event["data"] == {"unit": "backup.service"}
    assert "message" not in event


@pytest.mark.parametrize("line", ["x" * 1900, "あ" * 1900, "\udcff" * 1900, b"\xff" * 1900])
def test_many_long_lines_are_cut_to_the_last_ones(line: str | bytes) -> None:
    lines = [entry(line)] * 49 + [entry("the last")]
    message = made(EXITED, *lines)["message"]
    assert len(message.encode(errors="backslashreplace")) <= 32 * 1024
    assert message.endswith("\n09:00:01 sh[7]: the last")
    assert message.count("\n") >= 2


def test_text_in_another_encoding_is_read() -> None:
    event = made(EXITED, entry("容量が不足しています".encode("euc_jp")))
    assert event["message"].endswith("容量が不足しています")


def test_without_a_journal_that_can_be_read_the_unit_is_told_of(tmp_path: Path) -> None:
    environment = {**os.environ, **EXITED, "ZAIOND_SPOOL_DIR": str(tmp_path)}
    environment |= {"ZAIOND_RUNTIME_DIR": str(tmp_path)}
    command = [sys.executable, "-I", "-m", "zaiond.notify", "none-of-this-machine.service"]
    subprocess.run([*MODES_COUNT, *command], env=environment, check=True)
    (file,) = tmp_path.glob("*.json")
    event = event_rules.read(file.read_bytes())
    event_rules.check(event)
    assert event["data"]["unit"] == "none-of-this-machine.service"
    assert event["source"] == "none-of-this-machine.service"


def test_lines_of_one_run_are_told_also_those_that_do_not_say_so() -> None:
    entries = [
        entry("before", 10, _SYSTEMD_INVOCATION_ID="a"),
        entry("before, without an id", 11),
        entry("failed before", 12, INVOCATION_ID="a"),
        entry("first, earlier than its start", 30),
        entry("Starting", 30, INVOCATION_ID="b"),
        entry("second", 30, _SYSTEMD_INVOCATION_ID="b"),
        entry("third", 31),
        entry("failed", 31, INVOCATION_ID="b"),
    ]
    assert of_invocation(entries, "b") == entries[3:]
    assert of_invocation(entries, "") == of_invocation(entries, "c") == entries
