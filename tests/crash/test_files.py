"""Whatever becomes of a file of the state directory, while the daemon runs or before it starts: no
event is acknowledged that is lost, what is missing is told of, and the daemon goes on by itself.

How many of the cases are tried: ZAIOND_CRASH_FILES (`all`) and ZAIOND_CRASH_SEED in the
environment.
"""

import contextlib
import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import pytest

from tests.crash.emitting import emit, told_ok
from tests.support.daemon import Daemon, EndedBeforeReadyError
from tests.support.store import Store

FILES = os.environ.get("ZAIOND_CRASH_FILES", "2")
SEED = int(os.environ.get("ZAIOND_CRASH_SEED", "0")) or random.SystemRandom().getrandbits(32)
EVENTS = 40
CONFIGURATION = """language: en
mail_server: {host: 127.0.0.1, port: 1}
admins: admin@example.co.jp
route_defaults: {max_mails: null}
"""
HOLDS_EVENTS = ("queue.db", "queue.db-wal")
NAMES = (
    *HOLDS_EVENTS,
    "queue.db-journal",
    "lock",
    "running",
    "ballast",
    "last-good.json",
    "salvaging",
)


def taken_away(path: Path) -> None:
    """Whatever lies there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def cut_off(path: Path) -> None:
    if path.is_file():
        os.truncate(path, path.stat().st_size // 2)


def cut_to_nothing(path: Path) -> None:
    if path.is_file():
        os.truncate(path, 0)


def flipped(path: Path) -> None:
    if path.is_file() and (size := path.stat().st_size):
        with path.open("r+b") as file:
            file.seek(size * 2 // 5)
            byte = file.read(1)
            file.seek(size * 2 // 5)
            file.write(bytes([byte[0] ^ 0x55]))


def replaced(path: Path, make: Callable[[Path], object]) -> None:
    """Something else lies there, even if a daemon at work makes the file again meanwhile."""
    made = path.parent.parent / f"made-{path.name}"
    make(made)
    while True:
        taken_away(path)
        with contextlib.suppress(NotADirectoryError):  # a directory takes no file's place
            made.rename(path)
            return


def empty(path: Path) -> None:
    replaced(path, Path.touch)


def garbage(path: Path) -> None:
    replaced(path, lambda made: made.write_bytes(random.Random(1).randbytes(20_000)))


def directory(path: Path) -> None:
    def make(made: Path) -> None:
        made.mkdir()
        (made / "file").touch()

    replaced(path, make)


def empty_directory(path: Path) -> None:
    replaced(path, Path.mkdir)


def fifo(path: Path) -> None:
    replaced(path, os.mkfifo)


def link_to_null(path: Path) -> None:
    replaced(path, lambda made: made.symlink_to("/dev/null"))


def link_to_nowhere(path: Path) -> None:
    replaced(path, lambda made: made.symlink_to("/nowhere/at/all"))


def link_to_itself(path: Path) -> None:
    replaced(path, lambda made: made.symlink_to(path.name))


def foreign_database(path: Path) -> None:
    def make(made: Path) -> None:
        with contextlib.closing(apsw.Connection(str(made))) as db:
            db.execute("CREATE TABLE other (x); PRAGMA user_version = 1")

    replaced(path, make)


HARM = (
    taken_away,
    cut_off,
    cut_to_nothing,
    flipped,
    empty,
    garbage,
    directory,
    empty_directory,
    fifo,
    link_to_null,
    link_to_nowhere,
    link_to_itself,
    foreign_database,
)


class Case(NamedTuple):
    name: str
    harm: Callable[[Path], None]
    when: str  # running | killed | stopped


CASES = [Case(n, h, w) for n in NAMES for h in HARM for w in ("running", "killed", "stopped")]


class Life:
    def __init__(self, at: Path) -> None:
        self.daemon = Daemon(at, CONFIGURATION)
        self.acknowledged: set[str] = set()
        self.before: set[str] = set()
        self.broken: list[str] = []
        self.ends = 0
        self._seen = 0  # of what it has printed

    def emit(self, name: str) -> None:
        events = [{"type": "a.b", "id": f"{name}-{n}", "message": "x" * 500} for n in range(EVENTS)]
        self.acknowledged |= told_ok(emit(self.daemon.event_socket, events))

    def start(self) -> bool:
        """As systemd does, but not for ever."""
        for _ in range(3):
            self._seen = len(self.daemon.printed()) if self.daemon.log.exists() else 0
            try:
                self.daemon.start()
            except EndedBeforeReadyError:
                self.ends += 1
                if self.daemon.process.wait() != 1:
                    self.broken.append(f"it ended with {self.daemon.process.wait()}")
            except AssertionError:
                self.broken.append("it hangs at its start")
                self.daemon.kill()
                return False
            else:
                return True
        self.broken.append("it does not start")
        return False

    def run(self, case: Case) -> None:
        self.before = {f"before-{number}" for number in range(EVENTS)}
        self.acknowledged = set(self.before)
        if case.when == "running" and self.start():
            self.emit("first")
            self.before |= self.acknowledged
        case.harm(self.daemon.state / case.name)
        if case.when == "running":
            for number in range(4):
                self.emit(f"with-{number}")
            self._kill_if_it_runs()
        for name in ("after", "later"):
            if not self.start():
                return
            self.emit(name)
            if name == "after":
                self._kill_if_it_runs()
        self.look(case)

    def _kill_if_it_runs(self) -> None:
        if "can't go on" in self.daemon.printed()[self._seen :]:
            self.daemon.process.wait(10)
        status = self.daemon.process.poll()
        if status is None:
            self.daemon.kill()
            return
        self.ends += 1
        if status != 1:
            self.broken.append(f"it ended with {status}")

    def look(self, case: Case) -> None:
        """What must be there, and what must be told."""
        problems = {one["code"] for one in self.daemon.document("status")["problems"]}
        if self.daemon.stop():
            self.broken.append("it does not stop")
        with Store(self.daemon.state) as store:
            found: list[Any] = store.connection.execute("SELECT id FROM events").fetchall()
        known = {event for (event,) in found}
        lost = self.acknowledged - known
        told = problems & {"recovered", "damaged"}
        if lost and not told:
            self.broken.append(
                f"{len(lost)} lost, and nobody is told: {sorted(lost)[:4]} {problems}"
            )
        elif lost - self.before and case.name not in HOLDS_EVENTS:
            self.broken.append(f"acknowledged and lost: {sorted(lost - self.before)[:4]}")
        if lost and case.name not in HOLDS_EVENTS:
            self.broken.append(f"{len(lost)} lost of a file that has no events")
        later = {one for one in lost if one.startswith("after")}
        later |= {one for one in lost if one.startswith("with") and case.harm not in (flipped,)}
        if later:
            self.broken.append(f"acknowledged afterwards and lost: {sorted(later)[:4]}")
        if "Traceback" in self.daemon.printed():
            self.broken.append("a traceback")
        if self.ends > 2:
            self.broken.append(f"it ended {self.ends} times")


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The directories of daemons that have accepted events, by how they ended."""
    found: dict[str, Path] = {}
    for when in ("killed", "stopped"):
        life = Life(tmp_path_factory.mktemp(when) / "d")
        life.daemon.start()
        life.emit("before")
        assert len(life.acknowledged) == EVENTS
        # So that theirs is not the very last commit, of which damage can't be told of.
        assert told_ok(emit(life.daemon.event_socket, [{"type": "a.b", "id": "the-last"}]))
        if when == "killed":
            life.daemon.kill()
        else:
            assert life.daemon.stop() == 0
        found[when] = life.daemon.directory
    found["running"] = found["stopped"]
    return found


def test_whatever_becomes_of_a_file_the_daemon_goes_on_and_tells_what_is_missing(
    left: dict[str, Path], tmp_path: Path
) -> None:
    print(f"ZAIOND_CRASH_SEED={SEED}")
    begun = time.monotonic()
    dice = random.Random(SEED)
    tried = CASES if FILES == "all" else dice.sample(CASES, int(FILES))

    def run(numbered: tuple[int, Case]) -> str:
        number, case = numbered
        at = tmp_path / str(number)
        shutil.copytree(left[case.when] / "state", at / "state")
        life = Life(at)
        try:
            life.run(case)
        except AssertionError as error:
            life.broken.append(f"{error!r:.300}")
        finally:
            life.daemon.end()
        if not life.broken:
            shutil.rmtree(at)
            return ""
        what = f"{case.name} {case.harm.__name__} while {case.when}"
        said = f"{what}: {'; '.join(life.broken)}\n{life.daemon.printed()}"
        print(said)
        return said

    with ThreadPoolExecutor(2) as pool:
        broken = [said for said in pool.map(run, enumerate(tried)) if said]
    print(
        f"{len(tried)} files of {len(CASES)}, {len(broken)} broken promises,"
        f" in {time.monotonic() - begun:.0f} s"
    )
    assert not broken, "\n".join(broken)


def test_a_daemon_that_does_not_look_at_its_files_is_found_out(
    left: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(left["running"] / "state", tmp_path / "d" / "state")
    life = Life(tmp_path / "d")
    life.daemon.environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    fault = ("never", "0", "never-look-at-the-files")
    life.daemon.program = (sys.executable, "-m", "tests.crash.failing_daemon", *fault)
    try:
        life.run(Case("queue.db-wal", cut_to_nothing, "running"))
    finally:
        life.daemon.end()
    assert any("acknowledged afterwards and lost" in said for said in life.broken), life.broken
