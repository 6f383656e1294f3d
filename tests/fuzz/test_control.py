"""Whatever comes to the control socket: the daemon answers, or closes, and goes on."""

import json
import os
import socket
import time
from pathlib import Path

from tests.fuzz.fuzzing import inputs, kept
from tests.support.daemon import Daemon

CONFIG = """
mail_server: {host: 127.0.0.1, port: 1}
admins: admin@example.co.jp
language: en
"""
SECONDS = float(os.environ.get("ZAIOND_FUZZ_SECONDS", "0"))
COUNT = 150


def answer(daemon: Daemon, request: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(daemon.runtime / "control.sock"))
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def test_any_request_is_answered_and_harms_nothing(tmp_path: Path) -> None:
    seed = time.time_ns() if SECONDS else 0
    print(f"seed {seed}")
    end = time.monotonic() + SECONDS
    with Daemon(tmp_path, CONFIG) as daemon:
        daemon.emit({"type": "a.b", "id": "1"}, {"type": "a.c", "id": "2"})
        for request in kept("control").values():
            reply = json.loads(answer(daemon, request + b"\n"))
            assert reply["ok"] or reply["exit"] in (1, 2), (request, reply)
        for number, request in enumerate(inputs("control", seed)):
            if number >= COUNT and time.monotonic() >= end:
                break
            reply = answer(daemon, request.replace(b"\n", b" ") + b"\n")
            assert isinstance(json.loads(reply)["ok"], bool), (request, reply)
        assert daemon.process.poll() is None
        assert "Traceback" not in daemon.printed()
        assert "internal error" not in daemon.printed()
