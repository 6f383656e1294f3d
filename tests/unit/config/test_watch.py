"""The kernel tells of every way in which a configuration is changed (real inotify)."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watchdog.observers.api import ObservedWatch

from zaiond.config import watch
from zaiond.config.watch import ConfigWatch
from zaiond.text import Text

DEADLINE = 20  # far more than the two seconds promised: a loaded machine must not fail the test


class Watched:
    """A directory with a main file under watch; `change()` does something and waits to be told."""

    def __init__(self, etc: Path, *more: Path) -> None:
        self.etc = etc
        self.main = etc / "zaiond.yaml"
        self.told = threading.Event()
        self.watch = ConfigWatch(self.told.set)
        self.watch.watch([str(path) for path in (self.main, etc / "conf.d", *more)])
        assert self.told.wait(DEADLINE)  # the first look: from here on everything is watched
        self.told.clear()

    def sees(self, change: Callable[[], object]) -> bool:
        change()
        seen = self.told.wait(DEADLINE)
        self.told.clear()
        return seen


@pytest.fixture(autouse=True)
def no_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "POLL", 3600.0)


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    etc = tmp_path / "above" / "etc"
    etc.mkdir(parents=True)
    (etc / "zaiond.yaml").write_text("language: ja\n")
    return etc


@pytest.fixture
def watched(etc: Path) -> Iterator[Watched]:
    found = Watched(etc)
    yield found
    found.watch.stop()


def test_the_threads_of_the_library_do_not_write_on_stderr(tmp_path: Path) -> None:
    program = (
        "import logging, sys, threading\n"
        "from zaiond.config.watch import ConfigWatch\n"
        "told = threading.Event()\n"
        "watch = ConfigWatch(told.set)\n"
        "watch.watch(sys.argv[1:])\n"
        "told.wait()\n"
        "watch.stop()\n"
        "logging.getLogger('watchdog.observers.inotify').error('the thread is inactive')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "zaiond.yaml"],
        capture_output=True,
        timeout=DEADLINE,
        check=True,
    )
    assert done.stderr == b""


def test_a_file_written_in_place_is_seen(watched: Watched) -> None:
    assert watched.sees(lambda: watched.main.write_text("language: en\n"))


def test_a_file_renamed_over_is_seen_again_and_again(watched: Watched) -> None:
    for number in range(2):
        new = watched.etc / ".zaiond.yaml.swp"
        new.write_text(f"sender: s{number}\n")
        assert watched.sees(lambda new=new: new.rename(watched.main))  # type: ignore[misc]


def test_a_change_of_permissions_is_seen(watched: Watched) -> None:
    assert watched.sees(lambda: watched.main.chmod(0o600))


def test_a_file_removed_and_written_anew_is_seen(watched: Watched) -> None:
    assert watched.sees(watched.main.unlink)
    assert watched.sees(lambda: watched.main.write_text("language: en\n"))


def test_a_drop_in_is_seen_although_its_directory_was_not_there(watched: Watched) -> None:
    drop_in = watched.etc / "conf.d" / "10.yaml"
    drop_in.parent.mkdir()
    assert watched.sees(lambda: drop_in.write_text("language: en\n"))
    assert watched.sees(lambda: drop_in.write_text("language: ja\n"))
    assert watched.sees(drop_in.unlink)


def test_the_whole_directory_replaced_is_seen_and_watched_from_then_on(watched: Watched) -> None:
    new = watched.etc.with_name("new")
    new.mkdir()
    (new / "zaiond.yaml").write_text("language: en\n")

    def swap() -> None:
        watched.etc.rename(watched.etc.with_name("old"))
        new.rename(watched.etc)

    assert watched.sees(swap)
    assert watched.sees(lambda: watched.main.write_text("language: ja\n"))


def test_a_swap_of_the_link_to_the_file_is_seen(tmp_path: Path, etc: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "zaiond.yaml").write_text(f"sender: {name}\n")
    main = etc / "zaiond.yaml"
    main.unlink()
    main.symlink_to(tmp_path / "one" / "zaiond.yaml")
    watched = Watched(etc)

    def swap() -> None:
        (etc / "new").symlink_to(tmp_path / "two" / "zaiond.yaml")
        (etc / "new").rename(main)

    assert watched.sees(swap)
    assert watched.sees(lambda: (tmp_path / "two" / "zaiond.yaml").write_text("sender: three\n"))
    watched.watch.stop()


def test_a_swap_of_kubernetes_data_directory_is_seen(etc: Path) -> None:
    def version(number: int) -> None:
        directory = etc / f"..{number}"
        directory.mkdir()
        (directory / "zaiond.yaml").write_text(f"sender: s{number}\n")
        (etc / "..data_tmp").symlink_to(f"..{number}")
        (etc / "..data_tmp").rename(etc / "..data")

    (etc / "zaiond.yaml").unlink()
    version(1)
    (etc / "zaiond.yaml").symlink_to("..data/zaiond.yaml")
    watched = Watched(etc)
    assert watched.sees(lambda: version(2))
    assert watched.sees(lambda: version(3))
    watched.watch.stop()


def test_a_secret_file_elsewhere_is_seen_even_when_it_appears_only_later(
    tmp_path: Path, etc: Path
) -> None:
    secret = tmp_path / "secrets" / "smtp" / "password"
    watched = Watched(etc, secret)
    secret.parent.mkdir(parents=True)
    assert watched.sees(lambda: secret.write_text("s"))
    assert watched.sees(lambda: secret.write_text("t"))
    watched.watch.stop()


def test_files_named_later_are_watched_too(tmp_path: Path, watched: Watched) -> None:
    secret = tmp_path / "password"
    secret.write_text("s")
    assert watched.sees(lambda: watched.watch.watch([str(watched.main), str(secret)]))
    assert watched.sees(lambda: secret.write_text("t"))


def test_what_happens_to_other_files_is_no_change(tmp_path: Path, watched: Watched) -> None:
    # Changes are told in the order in which they are made: were the strangers' one told, then
    # there would be a second call beside that of the main file's.
    calls = []
    told = threading.Event()
    other = ConfigWatch(lambda: (calls.append(1), told.set()))  # type: ignore[arg-type, func-returns-value]
    other.watch([str(watched.main)])
    assert told.wait(DEADLINE)
    (watched.etc / "zaiond.log").write_text("…")
    (tmp_path / "above" / "other").mkdir()
    told.clear()
    assert watched.sees(lambda: watched.main.write_text("language: en\n"))
    assert told.wait(DEADLINE)
    other.stop()
    assert len(calls) == 2


def test_a_file_that_is_written_to_without_a_pause_is_seen_all_the_same(watched: Watched) -> None:
    enough = threading.Event()

    def write() -> None:
        with watched.main.open("a") as stream:
            while not enough.wait(0.01):
                stream.write("#")
                stream.flush()

    writer = threading.Thread(target=write)
    try:
        assert watched.sees(writer.start)
    finally:
        enough.set()
        writer.join()


class StoppedClock:
    """Takes the place of `time`: it goes on when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def test_what_an_editor_writes_in_steps_is_looked_at_once_when_it_is_done(
    etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = StoppedClock()
    monkeypatch.setattr(watch, "time", clock)
    noticed = threading.Event()
    event = ConfigWatch._event

    def notice(self: ConfigWatch, *paths: str) -> None:
        event(self, *paths)
        noticed.set()

    monkeypatch.setattr(ConfigWatch, "_event", notice)
    seen: list[str] = []
    told = threading.Event()
    main = etc / "zaiond.yaml"

    def look() -> None:
        seen.append(main.read_text())
        told.set()

    watched = ConfigWatch(look)
    watched.watch([str(main)])
    assert told.wait(DEADLINE)
    told.clear()
    seen.clear()
    try:
        for number in range(3):
            noticed.clear()
            with main.open("a") as stream:
                stream.write(f"step{number}: 1\n")
            assert noticed.wait(DEADLINE)
            # Three quarters of the quiet time after each step: later than the first one's end.
            clock.now += watch.QUIET * 0.75
            assert not told.wait(watch.QUIET * 1.5), f"looked at after step {number}: {seen}"
        clock.now += watch.QUIET
        assert told.wait(DEADLINE)
    finally:
        watched.stop()
    assert seen == ["language: ja\nstep0: 1\nstep1: 1\nstep2: 1\n"]


def test_what_is_still_being_written_to_counts_as_changed_whatever_its_status_says(
    etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two writes within one tick of the file system's clock have one status.
    clock = StoppedClock()
    monkeypatch.setattr(watch, "time", clock)
    told = threading.Event()
    main = etc / "zaiond.yaml"
    watched = ConfigWatch(told.set)
    watched.watch([str(main)])
    assert told.wait(DEADLINE)
    told.clear()
    try:
        for _ in range(400):
            watched._event(str(main))
            clock.now += watch.QUIET * 0.75
            if told.wait(0.05):
                break
        assert told.is_set()
    finally:
        watched.stop()


def test_what_is_promised_of_time_can_be_kept() -> None:
    # Interface 2: two seconds, and 30 where the kernel tells nothing.
    assert watch.QUIET < watch.PATIENCE < 2
    assert watch.BLIND_POLL < 2


def test_where_the_kernel_tells_nothing_the_files_are_compared_now_and_then(
    etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "POLL", 0.05)
    monkeypatch.setattr(watch, "_EVENTS", ())  # as on NFS: watched, and nothing is told
    watched = Watched(etc)
    drop_in = etc / "conf.d" / "10.yaml"
    drop_in.parent.mkdir()
    assert watched.sees(lambda: watched.main.write_text("language: en\n"))
    assert watched.sees(lambda: drop_in.write_text("language: en\n"))
    watched.watch.stop()


@pytest.mark.parametrize("refused", ["Observer", "Observer.start", "Observer.schedule"])
def test_where_the_kernel_refuses_the_files_are_compared_and_that_is_told_once(
    etc: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(24, os.strerror(24))

    asked: list[str] = []
    schedule = ConfigWatch._schedule

    def count(self: ConfigWatch, directory: str) -> ObservedWatch:
        asked.append(directory)
        return schedule(self, directory)

    monkeypatch.setattr(watch, "BLIND_POLL", 0.05)
    monkeypatch.setattr(ConfigWatch, "_schedule", count)
    monkeypatch.setattr(f"watchdog.observers.{refused}", refuse)
    told = threading.Event()
    sentences: list[Text] = []
    blind = ConfigWatch(told.set, sentences.append)
    blind.watch([str(etc / "zaiond.yaml")])
    assert told.wait(DEADLINE)
    before = len(asked)
    for number in range(3):
        told.clear()
        (etc / "zaiond.yaml").write_text(f"sender: s{number}\n")
        assert told.wait(DEADLINE)
    assert len(asked) == before  # asking costs more than looking
    blind.stop()
    assert len(sentences) == 1
    assert f" ({os.strerror(24)}): " in sentences[0].en


def test_the_kernel_is_asked_again_now_and_then(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [OSError(24, os.strerror(24)), RuntimeError("can't start new thread")]
    schedule = ConfigWatch._schedule
    granted = threading.Event()

    def limited(self: ConfigWatch, directory: str) -> ObservedWatch:
        if limits:
            raise limits.pop()
        granted.set()
        return schedule(self, directory)

    monkeypatch.setattr(watch, "POLL", 1.01)
    monkeypatch.setattr(watch, "BLIND_POLL", 0.02)
    monkeypatch.setattr(ConfigWatch, "_schedule", limited)
    told = threading.Event()
    sentences: list[Text] = []
    watched = ConfigWatch(told.set, sentences.append)
    watched.watch([str(etc / "zaiond.yaml")])
    assert granted.wait(DEADLINE)
    watched.stop()
    assert "(can't start new thread): " in sentences[0].en


def test_nothing_is_told_after_the_end(etc: Path) -> None:
    told = threading.Event()
    ended = ConfigWatch(told.set)
    ended.watch([str(etc / "zaiond.yaml")])
    assert told.wait(DEADLINE)
    ended.stop()
    told.clear()
    ended.watch([str(etc / "other.yaml")])
    (etc / "zaiond.yaml").write_text("language: en\n")
    assert not told.is_set()
    assert not any(thread.name == "config" for thread in threading.enumerate())
