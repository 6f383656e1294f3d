"""The way of one event through the code is short, and goes down: a stranger can read along it."""

import sys
import time
import tomllib
from pathlib import Path

from tests.support import traced_daemon
from tests.support.daemon import Daemon
from tests.support.sink import Sink
from tests.support.traced_daemon import Call
from tests.support.waiting import until_at_rest

ROOT = Path(__file__).parents[2]
MOST_FILES = 41  # of which five are routing and what it puts off; on the way to 35
MOST_UPWARD = 6


def floors() -> dict[str, int]:
    """The floor of each room and module, by import-linter's contract: 0 is the lowest."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (
        contract["layers"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers" and contract["containers"] == ["zaiond"]
    )
    return {
        name.strip(): floor
        for floor, layer in enumerate(reversed(layers))
        for name in layer.replace(":", "|").split("|")
    }


def calls_for_an_event(directory: Path) -> list[Call]:
    """What a daemon calls for one event, from its socket to the mail that has left."""
    trace = directory / "calls"
    with Sink() as sink:
        config = f"mail_server: {{host: 127.0.0.1, port: {sink.port}}}\nadmins: a@x.example\n"
        with Daemon(directory, config) as daemon:
            daemon.stop()
            daemon.program = [sys.executable, "-m", "tests.support.traced_daemon", trace]
            daemon.start()
            daemon.emit({"type": "a.b", "id": "first"})  # what is imported and made once
            sink.wait(1)
            daemon.becomes(lambda queue: not queue["deliveries"], "queue", "list")
            until_at_rest(daemon.process.pid)  # the connection of who asked has ended
            begin = time.monotonic()
            daemon.emit({"type": "a.b", "id": "traced"})
            sink.wait(2)
            # It is on disk that it has left: to ask would be traced, too.
            until_at_rest(daemon.process.pid)
            end = time.monotonic()
            daemon.stop()
    return [call for call in traced_daemon.read(trace) if begin < call.at < end]


def test_an_event_passes_few_files_and_is_seldom_called_back(tmp_path: Path) -> None:
    calls = calls_for_an_event(tmp_path)
    floor = floors()

    def of(file: str) -> int:
        return floor.get(file.split("/")[0].removesuffix(".py"), len(floor))

    # What `systemctl status` shows is told once a while, whatever came meanwhile.
    files = sorted({call.called[0] for call in calls} - {"daemon/systemd.py"})
    upward = [
        f"{call.caller} calls {call.called}"
        for call in calls
        if call.caller is not None and of(call.caller[0]) < of(call.called[0])
    ]
    assert {"intake/connection.py", "smtp/session.py"} <= set(files), files
    assert len(files) <= MOST_FILES, "\n".join((str(len(files)), *files))
    assert len(upward) <= MOST_UPWARD, "\n".join((str(len(upward)), *upward))
