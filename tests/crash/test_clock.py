"""A clock that is wrong at the start, or is set while the daemon runs: events are taken and mailed
once, retries come, nothing expires or is forgotten early, and what is shown can be shown.

The clock is that of clock.c, for the daemon and for zaiond-ctl. How many of the cases are tried:
ZAIOND_CRASH_CLOCKS (`all`) and ZAIOND_CRASH_SEED in the environment.
"""

import os
import random
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.crash.emitting import emit, told_ok
from tests.support.daemon import Daemon
from tests.support.sink import Sink
from tests.support.waiting import until

CLOCKS = os.environ.get("ZAIOND_CRASH_CLOCKS", "1")
SEED = int(os.environ.get("ZAIOND_CRASH_SEED", "0")) or random.SystemRandom().getrandbits(32)
CONFIGURATION = """language: en
mail_server: {{host: 127.0.0.1, port: {port}}}
admins: admin@example.co.jp
route_defaults: {{max_mails: null}}
queue: {{retry_first: 1s, retry_max: 1s, expire: 1h, keep: 1d}}
"""
NOW = time.time()
# Seconds from now; the clock goes on from there, over the end of 32 bits, signed and not.
CLOCK = {
    "an hour ahead": 3600.0,
    "an hour behind": -3600.0,
    "a day ahead": 86400.0,
    "a day behind": -86400.0,
    "asleep for six days": 6 * 86400.0,
    "1970": 2.0 - NOW,
    "2038": 2**31 - 6 - NOW,
    "2106": 2**32 - 6 - NOW,
}
CASES = [(name, when) for name in CLOCK for when in ("at the start", "while it runs")]


class Case:
    def __init__(self, directory: Path, clock: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.daemon = Daemon(
            directory,
            CONFIGURATION.format(port=self.port),
            {
                "LD_PRELOAD": str(clock),
                "CLOCK_OFFSET": str(directory / "offset"),
            },
        )
        self._offset = directory / "offset"
        self._offset.write_bytes(bytes(8))
        self.set(0.0)
        self.ids: list[str] = []

    def set(self, offset: float) -> None:
        with self._offset.open("r+b") as file:
            file.write(struct.pack("=q", int(offset)))

    def emit(self, name: str) -> None:
        """One event with an id, one in a lane, one whose id the daemon makes."""
        known = {"type": "a.b", "id": name}
        laned = {"type": "a.b", "id": f"{name}-lane", "key": "lane"}
        replies = emit(self.daemon.event_socket, [known, laned, {"type": "a.b"}])
        self.ids += told_ok(replies)
        assert len(set(self.ids)) == len(self.ids)
        (again,) = emit(self.daemon.event_socket, [known])
        assert again.get("duplicate"), again

    def shows(self) -> None:
        """Everything that is shown can be."""
        for asked in (("status",), ("history",), ("queue", "list"), ("history", self.ids[-1])):
            for more in ((), ("--json",)):
                shown = self.daemon.ctl(*asked, *more)
                assert shown.returncode in (0, 1), shown
                assert not shown.stderr, shown

    def run(self, name: str, when: str) -> None:
        offset = CLOCK[name]
        if when == "at the start":
            self.set(offset)
        self.daemon.start()
        # Deferred by the clock of before, or of after.
        self.emit("before")
        self.daemon.becomes(lambda status: "server_down" in problems(status), "status")
        if when != "at the start":
            self.set(offset)
        self.emit("after")
        self.shows()
        # By an attempt that fails, what is thought to be overdue would expire.
        with Sink(self.port, {"admin@example.co.jp": "451 4.3.0 Later"}) as sink:
            self.daemon.becomes(was_tried, "queue", "list")
            waiting = self.daemon.document("queue", "list")["deliveries"]
            given_up = [one for one in waiting if not one["key"] and not one["next_attempt"]]
            assert not given_up, f"given up: {given_up}"
            sink.refuse.clear()
            self._arrive(sink)
            self.shows()
            for mail in sink.mails:
                sent = parsedate_to_datetime(str(mail.message["Date"])).astimezone(UTC)
                off = sent.timestamp() - time.time()
                assert abs(off - offset) < 300 or abs(off) < 300, sent
            if when == "at the start":
                self.set(0.0)
                self.emit("mended")
                self._arrive(sink)
            self.daemon.restart()
            self.emit("restarted")
            self._arrive(sink)
            self.shows()
        events = self.daemon.document("history", "--limit", "100")["events"]
        assert {event["id"] for event in events} >= set(self.ids)
        assert all(event["outcome"] == "delivered" for event in events), events
        assert self.daemon.stop() == 0

    def _arrive(self, sink: Sink) -> None:
        def arrived() -> Counter[str]:
            return Counter(one for mail in list(sink.mails) for one in mail.event_ids)

        until(lambda: set(arrived()) >= set(self.ids), lambda: f"{arrived()} {self.ids}")
        self.daemon.becomes(lambda status: status["queue"]["waiting"] == 0, "status")
        assert set(arrived().values()) == {1}


def was_tried(queue: dict[str, Any]) -> bool:
    """Whether all has been refused once, or is given up; in a lane, some waits for some other."""
    return all("Later" in str(one["reply"]) for one in queue["deliveries"] if one["key"] is None)


def problems(status: dict[str, Any]) -> set[str]:
    return {problem["code"] for problem in status["problems"]}


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a program must load, so that its clock can be set."""
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O", "-o", library, source], check=True)
    return library


def test_whatever_the_clock_says_events_are_mailed_once_and_nothing_is_given_up_early(
    clock: Path, tmp_path: Path
) -> None:
    print(f"ZAIOND_CRASH_SEED={SEED}")
    begun = time.monotonic()
    tried = CASES if CLOCKS == "all" else random.Random(SEED).sample(CASES, int(CLOCKS))

    def run(which: tuple[str, str]) -> str:
        case = Case(tmp_path / str(CASES.index(which)), clock)  # a socket's path must be short
        try:
            case.run(*which)
            assert "Traceback" not in case.daemon.printed()
        except AssertionError as error:
            return f"{' '.join(which)}: {error}\n{case.daemon.printed()}"
        finally:
            case.daemon.end()
        return ""

    with ThreadPoolExecutor(2) as pool:
        broken = [said for said in pool.map(run, tried) if said]
    print(
        f"{len(tried)} clocks, {len(broken)} broken promises, in {time.monotonic() - begun:.0f} s"
    )
    assert not broken, "\n".join(broken)


def test_a_daemon_that_gives_up_by_the_clock_is_found_out(clock: Path, tmp_path: Path) -> None:
    case = Case(tmp_path / "d", clock)
    case.daemon.environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    fault = ("never", "0", "expire-by-the-clock")
    case.daemon.program = (sys.executable, "-m", "tests.crash.failing_daemon", *fault)
    try:
        with pytest.raises(AssertionError, match="given up"):
            case.run("asleep for six days", "while it runs")
    finally:
        case.daemon.end()
