"""A daemon on a small ext4 of its own, that is filled, emptied, and fails.

That takes root, a loop device and mkfs.ext4.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.emitting import emit, told_ok
from tests.crash.trace import needs
from tests.support.daemon import PROGRAMS, Daemon, EndedBeforeReadyError
from tests.support.fast_sink import FastSink
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
MEBIBYTES = 96
CONFIGURATION = """language: en
mail_server: {{host: 127.0.0.1, port: {port}, max_connections: 2, timeout: 5s}}
admins: admin@example.co.jp
route_defaults: {{max_mails: null}}
queue: {{retry_first: 1s, retry_max: 1s}}
"""


class Volume:
    """An ext4 in a file, mounted at `at`."""

    def __init__(self, file: Path, at: Path) -> None:
        self._file = file
        self._at = at
        with file.open("wb") as new:
            new.truncate(MEBIBYTES * 1024 * 1024)
        assert os.geteuid() == 0, "only root can mount"
        needs(shutil.which("mkfs.ext4") is not None, "mkfs.ext4")
        subprocess.run(["mkfs.ext4", "-q", "-F", file], check=True)
        at.mkdir(parents=True)
        self.mount()

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", self._file, self._at], check=True)

    def fail(self) -> None:
        """What the kernel does when the disk has had an error: it can be read only."""
        subprocess.run(["mount", "-o", "remount,abort", self._at], check=True)

    def mend(self) -> None:
        """What somebody does then."""
        subprocess.run(["umount", self._at], check=True)
        mended = subprocess.run(["e2fsck", "-fp", self._file], capture_output=True, check=False)
        assert mended.returncode in (0, 1), mended
        self.mount()

    def fill(self, left: int = 0) -> None:
        """Nothing is left, but for so many bytes."""
        filler = self._at / "filler"
        with filler.open("ab") as file:
            size = os.fstat(file.fileno()).st_size
            step = 16 * 1024 * 1024
            while step >= 1024:
                try:
                    os.posix_fallocate(file.fileno(), size, step)
                    size += step
                except OSError:
                    step //= 2
            os.truncate(filler, max(0, size - left))

    def empty(self) -> None:
        (self._at / "filler").unlink()

    def end(self) -> None:
        subprocess.run(["umount", "-l", self._at], check=False)
        self._file.unlink()


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    volume = Volume(tmp_path / "disk", tmp_path / "d" / "state")
    yield volume
    volume.end()


@pytest.fixture
def sink() -> Iterator[FastSink]:
    with FastSink() as sink:
        yield sink


@pytest.fixture
def daemon(volume: Volume, tmp_path: Path, sink: FastSink) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path / "d", CONFIGURATION.format(port=sink.port))
    yield daemon
    daemon.end()


def emitted(daemon: Daemon, name: str, count: int = 20) -> tuple[set[str], set[str]]:
    """What was acknowledged, and the codes of what was not."""
    events = [{"type": "a.b", "id": f"{name}-{n}", "message": "x" * 4000} for n in range(count)]
    replies = emit(daemon.event_socket, events)
    return told_ok(replies), {reply["code"] for reply in replies if reply["status"] == "error"}


def server(daemon: Daemon, port: int) -> None:
    daemon.config.write_text(CONFIGURATION.format(port=port))
    daemon.ctl("reload")


def nothing_waits(daemon: Daemon) -> None:
    daemon.becomes(lambda status: status["queue"]["waiting"] == 0, "status")


def test_on_a_full_disk_what_is_sent_is_recorded_and_events_are_taken_again_by_themselves(
    daemon: Daemon, volume: Volume, sink: FastSink
) -> None:
    server(daemon, 1)  # nobody listens there
    daemon.start()
    acknowledged, _ = emitted(daemon, "before", 300)
    assert len(acknowledged) == 300
    volume.fill()
    taken, codes = set[str](), set[str]()
    while "disk_full" not in codes:  # it looks at the disk once a second
        more, codes = emitted(daemon, f"filling-{len(taken)}", 5)
        taken |= more
    acknowledged |= taken
    assert "disk" in {one["code"] for one in daemon.document("status")["problems"]}
    server(daemon, sink.port)
    nothing_waits(daemon)
    assert set(sink.events) == acknowledged
    # What was sent is recorded, even across a kill on a disk with nothing left.
    daemon.kill()
    volume.fill()
    daemon.start()
    assert emitted(daemon, "full")[1] == {"disk_full"}
    volume.empty()
    until(lambda: emitted(daemon, "room")[0], daemon.printed)
    nothing_waits(daemon)
    until(lambda: any(event.startswith("room") for event in sink.events), daemon.printed)
    assert acknowledged <= set(sink.events)
    assert set(sink.events.values()) == {1}
    assert (daemon.state / "ballast").exists() or daemon.stop() == 0
    assert "Traceback" not in daemon.printed()


def test_with_nothing_left_a_first_start_says_what_to_do_and_a_later_one_works(
    daemon: Daemon, volume: Volume, sink: FastSink
) -> None:
    volume.fill()
    with pytest.raises(EndedBeforeReadyError):
        daemon.start()
    assert daemon.process.returncode == 1
    said = daemon.printed()
    assert "Traceback" not in said
    assert "make room" in said
    volume.empty()
    daemon.start()
    acknowledged, _ = emitted(daemon, "one")
    assert len(acknowledged) == 20
    daemon.kill()
    (daemon.state / "ballast").unlink()
    volume.fill()
    daemon.start()
    assert emitted(daemon, "two")[1] == {"disk_full"}
    daemon.kill()
    volume.empty()
    daemon.start()
    nothing_waits(daemon)
    assert acknowledged <= set(sink.events)


def test_a_damaged_queue_on_a_full_disk_says_what_to_do_and_is_recovered_when_there_is_room(
    daemon: Daemon, volume: Volume, sink: FastSink
) -> None:
    server(daemon, 1)
    daemon.start()
    acknowledged, _ = emitted(daemon, "before", 3000)
    assert daemon.stop() == 0
    queue = daemon.state / "queue.db"
    with queue.open("r+b") as file:
        file.seek(4096 * 30)
        file.write(b"\xa5" * 4096)
    (daemon.state / "running").write_text("check")
    (daemon.state / "ballast").unlink()
    volume.fill()
    for _ in range(2):
        with pytest.raises(EndedBeforeReadyError):
            daemon.start()
        assert daemon.process.returncode == 1
    said = daemon.printed()
    assert "Traceback" not in said
    assert "make room" in said.splitlines()[-1]
    volume.empty()
    server(daemon, sink.port)
    daemon.start()
    nothing_waits(daemon)
    assert len(acknowledged - set(sink.events)) < 10
    assert {one["code"] for one in daemon.document("status")["problems"]} >= {"recovered"}


def test_a_disk_that_can_only_be_read_is_told_of_and_left_behind_when_it_is_mended(
    daemon: Daemon, volume: Volume, sink: FastSink
) -> None:
    daemon.start()
    acknowledged, _ = emitted(daemon, "before")
    nothing_waits(daemon)
    volume.fail()
    assert emitted(daemon, "after")[0] == set()
    # Restarts by systemd meanwhile:
    assert daemon.process.wait(30) == 1
    for _ in range(2):
        with pytest.raises(EndedBeforeReadyError):
            daemon.start()
        assert daemon.process.returncode == 1
    assert "Read-only file system" in daemon.printed().splitlines()[-1]
    volume.mend()
    daemon.start()
    acknowledged |= emitted(daemon, "mended")[0]
    nothing_waits(daemon)
    assert acknowledged == set(sink.events)
    assert len(acknowledged) == 40
    assert "Traceback" not in daemon.printed()


# The control: a ledger that can't see a loss proves nothing.


@pytest.mark.parametrize(
    ("refuse", "mend"), [(Volume.fill, Volume.empty), (Volume.fail, Volume.mend)]
)
def test_a_daemon_that_acknowledges_what_the_disk_refuses_is_found_out(
    daemon: Daemon,
    volume: Volume,
    sink: FastSink,
    refuse: Callable[[Volume], None],
    mend: Callable[[Volume], None],
) -> None:
    daemon.environment["PYTHONPATH"] = str(ROOT)
    fault = ("never", "0", "acknowledge-what-the-disk-refuses")
    daemon.program = (sys.executable, "-m", "tests.crash.failing_daemon", *fault)
    daemon.start()
    emitted(daemon, "before", 1)  # what a start writes by itself is written
    nothing_waits(daemon)
    refuse(volume)
    acknowledged, codes = emitted(daemon, "refused", 300)
    assert acknowledged
    assert not codes
    daemon.end()
    mend(volume)
    daemon.program = (PROGRAMS / "zaiond",)
    daemon.start()
    nothing_waits(daemon)
    assert acknowledged - set(sink.events)
