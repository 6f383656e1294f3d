"""Pings of jobs as events."""

import json
from typing import Any

import pytest

from zaiond import wire
from zaiond.client import shorten
from zaiond.event_rules import MAX_EVENT_BYTES
from zaiond.web import bodies, pings
from zaiond.web.pings import Log


def log(*pieces: bytes) -> Log:
    made = Log()
    for piece in pieces:
        made.add(piece)
    return made


def event(how: str, *pieces: bytes, job: str = "backup") -> dict[str, Any]:
    assert pings.is_result(how)
    made = pings.event(job, how, log(*pieces), "en")
    line = bodies.line_of(made, "web:a")
    assert len(line) <= MAX_EVENT_BYTES
    wire.parse(line)
    return made


@pytest.mark.parametrize(
    ("how", "type_", "severity", "data"),
    [
        ("start", "job.started", "info", {}),
        ("success", "job.succeeded", "info", {}),
        ("fail", "job.failed", "err", {}),
        ("0", "job.succeeded", "info", {"exit_status": 0}),
        ("1", "job.failed", "err", {"exit_status": 1}),
        ("255", "job.failed", "err", {"exit_status": 255}),
    ],
)
def test_how_a_run_stands_is_the_type_of_its_event(
    how: str, type_: str, severity: str, data: dict[str, Any]
) -> None:
    assert event(how) == {"type": type_, "severity": severity, "job": "backup", "data": data}


@pytest.mark.parametrize("how", ["256", "-1", "", "ok", "START", "１", "0000", "1.0"])
def test_anything_else_is_no_ping(how: str) -> None:
    assert not pings.is_result(how)


def test_the_log_is_the_output_in_whatever_encoding_it_is() -> None:
    assert event("fail", "失敗\n".encode())["data"]["output"] == "失敗"
    assert event("fail", "接続に失敗しました\n".encode("euc-jp"))["data"]["output"] == (
        "接続に失敗しました"
    )
    assert event("fail", b"a\xff")["data"]["output"] == "a\\xff"


@pytest.mark.parametrize("size", [1000, 65_536, 10_000_000])
def test_a_long_log_keeps_its_beginning_and_its_end(size: int) -> None:
    number = 2_000_000 // 20
    whole = b"".join(b"%019d\n" % n for n in range(number))
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    output = event("fail", *pieces)["data"]["output"]
    assert output.startswith(f"{0:019}\n{1:019}\n")
    assert output.endswith(f"{number - 1:019}")
    shown = [line for line in output.split("\n") if line.isdigit()]
    assert f"[... {number - len(shown):,} lines ({20 * (number - len(shown)):,} bytes)" in output
    assert len(output) > 200_000


def test_a_log_that_is_long_only_as_json_is_shortened_too() -> None:
    output = event("fail", b"\x01" * 100_000)["data"]["output"]
    assert "bytes left out" in output


def test_a_name_that_leaves_no_room_is_told() -> None:
    with pytest.raises(shorten.TooLong):
        pings.event("x" * MAX_EVENT_BYTES, "fail", log(b"a"), "en")


def test_what_is_kept_of_a_log_has_a_bound() -> None:
    made = log(*[b"x" * 65_536] * 1000)
    assert len(json.dumps(made.text(10_000, "ja"))) < 20_000
    assert len(made._head) + len(made._tail) <= 2 * pings.KEPT_BYTES
