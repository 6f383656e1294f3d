"""The control socket as anything that may open it can use it: each request gets an answer."""

import contextlib
import grp
import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon
from zaiond.intake.listener import control_socket


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("control"), "mail_server: {}") as daemon:
        yield daemon


def answer(runtime: Path, request: bytes) -> Any:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(runtime / "control.sock"))
        connection.sendall(request + b"\n")
        with connection.makefile("rb") as replies:
            return json.loads(replies.read())


@pytest.mark.parametrize(
    "request_line",
    [
        b"",
        b"garbage",
        b"\xff",
        b"[]",
        b'{"command":["status"]}',
        b'{"command":"history","limit":NaN}',
        b'{"command":"history","limit":1e400}',
        b'{"command":"history","since":"yesterday"}',
        b'{"command":"history","id":"\\ud800"}',
        b'{"command":"queue.delete","ids":["\\udcff"]}',
        b'{"command":"queue.delete","ids":5}',
    ],
)
def test_a_request_that_makes_no_sense_is_refused_as_wrong_usage(
    daemon: Daemon, request_line: bytes
) -> None:
    refused = answer(daemon.runtime, request_line)
    assert (refused["ok"], refused["exit"]) == (False, 2)
    assert "Traceback" not in daemon.printed()


def test_as_many_ids_as_a_command_line_holds_are_looked_up(daemon: Daemon) -> None:
    ids = [f"{number:026}" for number in range(4000)]
    done = daemon.ctl("queue", "delete", *ids)
    assert done.returncode == 1
    assert ids[0] in done.stderr
    assert ids[-1] in done.stderr


@pytest.mark.parametrize(("group", "mode"), [("zaiond-admin", 0o660), ("other", 0o600)])
def test_the_administrators_group_may_open_it_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str, mode: int
) -> None:
    groups = {group: grp.struct_group((group, "x", 54321, []))}
    monkeypatch.setattr(grp, "getgrnam", lambda name: groups[name])
    listener, path = control_socket(str(tmp_path))
    with contextlib.closing(listener):
        found = path.stat()
        assert stat.S_IMODE(found.st_mode) == mode
        assert (found.st_gid == 54321) == (mode == 0o660)
