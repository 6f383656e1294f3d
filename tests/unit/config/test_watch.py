"""The kernel tells of every way in which a configuration is changed (real inotify)."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from watchdog.observers.api import ObservedWatch

from zaiond.config import watch
from zaiond.config.watch import ConfigWatch, Way
from zaiond.text import Text

DEADLINE = 20  # far more than the two seconds promised: a loaded machine must not fail the test


async def told_in_time(told: asyncio.Event, seconds: float = DEADLINE) -> bool:
    """Whether it was told; it can be told again."""
    try:
        async with asyncio.timeout(seconds):
            await told.wait()
    except TimeoutError:
        return False
    told.clear()
    return True


@asynccontextmanager
async def running(watch: ConfigWatch, *paths: Path) -> AsyncIterator[None]:
    """Files under watch."""
    watch.watch(map(str, paths))
    task = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Watched:
    """A directory with a main file under watch."""

    def __init__(self, etc: Path) -> None:
        self.etc = etc
        self.main = etc / "zaiond.yaml"
        self.told = asyncio.Event()
        self.watch = ConfigWatch(self.told.set)

    async def sees(self, change: Callable[[], object]) -> bool:
        """Does something and waits to be told."""
        change()
        return await told_in_time(self.told)


@asynccontextmanager
async def watching(etc: Path, *more: Path) -> AsyncIterator[Watched]:
    found = Watched(etc)
    async with running(found.watch, found.main, etc / "conf.d", *more):
        assert await told_in_time(found.told)  # the first look: from here on all is watched
        yield found


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
async def watched(etc: Path) -> AsyncIterator[Watched]:
    async with watching(etc) as found:
        yield found


def test_the_threads_of_the_library_do_not_write_on_stderr(tmp_path: Path) -> None:
    program = (
        "import asyncio, logging, sys\n"
        "from zaiond.config.watch import ConfigWatch\n"
        "async def main():\n"
        "    told = asyncio.Event()\n"
        "    watch = ConfigWatch(told.set)\n"
        "    watch.watch(sys.argv[1:])\n"
        "    running = asyncio.create_task(watch.run())\n"
        "    await told.wait()\n"
        "    running.cancel()\n"
        "asyncio.run(main())\n"
        "logging.getLogger('watchdog.observers.inotify').error('the thread is inactive')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "zaiond.yaml"],
        capture_output=True,
        timeout=DEADLINE,
        check=True,
    )
    assert done.stderr == b""


async def test_a_file_written_in_place_is_seen(watched: Watched) -> None:
    assert await watched.sees(lambda: watched.main.write_text("language: en\n"))


async def test_a_file_renamed_over_is_seen_again_and_again(watched: Watched) -> None:
    for number in range(2):
        new = watched.etc / ".zaiond.yaml.swp"
        new.write_text(f"sender: s{number}\n")
        assert await watched.sees(lambda new=new: new.rename(watched.main))  # type: ignore[misc]


async def test_a_change_of_permissions_is_seen(watched: Watched) -> None:
    assert await watched.sees(lambda: watched.main.chmod(0o600))


async def test_a_file_removed_and_written_anew_is_seen(watched: Watched) -> None:
    assert await watched.sees(watched.main.unlink)
    assert await watched.sees(lambda: watched.main.write_text("language: en\n"))


async def test_a_drop_in_is_seen_although_its_directory_was_not_there(watched: Watched) -> None:
    drop_in = watched.etc / "conf.d" / "10.yaml"
    drop_in.parent.mkdir()
    assert await watched.sees(lambda: drop_in.write_text("language: en\n"))
    assert await watched.sees(lambda: drop_in.write_text("language: ja\n"))
    assert await watched.sees(drop_in.unlink)


async def test_the_directory_replaced_is_seen_and_watched_from_then_on(
    watched: Watched,
) -> None:
    new = watched.etc.with_name("new")
    new.mkdir()
    (new / "zaiond.yaml").write_text("language: en\n")

    def swap() -> None:
        watched.etc.rename(watched.etc.with_name("old"))
        new.rename(watched.etc)

    assert await watched.sees(swap)
    assert await watched.sees(lambda: watched.main.write_text("language: ja\n"))


async def test_a_swap_of_the_link_to_the_file_is_seen(tmp_path: Path, etc: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "zaiond.yaml").write_text(f"sender: {name}\n")
    main = etc / "zaiond.yaml"
    main.unlink()
    main.symlink_to(tmp_path / "one" / "zaiond.yaml")

    def swap() -> None:
        (etc / "new").symlink_to(tmp_path / "two" / "zaiond.yaml")
        (etc / "new").rename(main)

    second = tmp_path / "two" / "zaiond.yaml"
    async with watching(etc) as watched:
        assert await watched.sees(swap)
        assert await watched.sees(lambda: second.write_text("sender: three\n"))


async def test_a_swap_of_kubernetes_data_directory_is_seen(etc: Path) -> None:
    def version(number: int) -> None:
        directory = etc / f"..{number}"
        directory.mkdir()
        (directory / "zaiond.yaml").write_text(f"sender: s{number}\n")
        (etc / "..data_tmp").symlink_to(f"..{number}")
        (etc / "..data_tmp").rename(etc / "..data")

    (etc / "zaiond.yaml").unlink()
    version(1)
    (etc / "zaiond.yaml").symlink_to("..data/zaiond.yaml")
    async with watching(etc) as watched:
        assert await watched.sees(lambda: version(2))
        assert await watched.sees(lambda: version(3))


async def test_a_secret_file_elsewhere_is_seen_even_when_it_appears_only_later(
    tmp_path: Path, etc: Path
) -> None:
    secret = tmp_path / "secrets" / "smtp" / "password"
    async with watching(etc, secret) as watched:
        secret.parent.mkdir(parents=True)
        assert await watched.sees(lambda: secret.write_text("s"))
        assert await watched.sees(lambda: secret.write_text("t"))


async def test_files_named_later_are_watched_too(tmp_path: Path, watched: Watched) -> None:
    secret = tmp_path / "password"
    secret.write_text("s")
    assert await watched.sees(lambda: watched.watch.watch([str(watched.main), str(secret)]))
    assert await watched.sees(lambda: secret.write_text("t"))


async def test_what_happens_to_other_files_is_no_change(tmp_path: Path, watched: Watched) -> None:
    # Changes are told in the order in which they are made: were the strangers' one told, then
    # there would be a second call beside that of the main file's.
    calls: list[None] = []
    told = asyncio.Event()

    def tell() -> None:
        calls.append(None)
        told.set()

    async with running(ConfigWatch(tell), watched.main):
        assert await told_in_time(told)
        (watched.etc / "zaiond.log").write_text("…")
        (tmp_path / "above" / "other").mkdir()
        assert await watched.sees(lambda: watched.main.write_text("language: en\n"))
        assert await told_in_time(told)
    assert len(calls) == 2


async def test_a_directory_that_comes_is_watched_with_what_comes_into_it(watched: Watched) -> None:
    directory = watched.etc / "conf.d"
    for _ in range(2):
        directory.mkdir()
        (directory / "10.yaml").write_text("language: en\n")
        assert await told_in_time(watched.told)
        assert await watched.sees(lambda: (directory / "10.yaml").write_text("language: ja\n"))
        assert await watched.sees(lambda: directory.rename(watched.etc.parent / "gone"))
        shutil.rmtree(watched.etc.parent / "gone")


async def test_directories_are_watched_together_where_that_is_all_there_is(etc: Path) -> None:
    (etc / "conf.d").mkdir()
    way = Way()
    way.add(str(etc / "zaiond.yaml"))
    way.add(str(etc / "conf.d"))
    assert list(way.directories()) == [str(etc.parent)]
    (etc / "many").mkdir()
    assert set(way.directories()) == {str(etc.parent), str(etc), str(etc / "conf.d")}


async def test_a_file_that_is_written_to_without_a_pause_is_seen(
    watched: Watched,
) -> None:
    enough = threading.Event()

    def write() -> None:
        with watched.main.open("a") as stream:
            while not enough.wait(0.01):
                stream.write("#")
                stream.flush()

    writer = threading.Thread(target=write)
    try:
        assert await watched.sees(writer.start)
    finally:
        enough.set()
        writer.join()


class StoppedClock:
    """It goes on when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_what_an_editor_writes_in_steps_is_looked_at_once_when_it_is_done(
    etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = StoppedClock()
    noticed, told = asyncio.Event(), asyncio.Event()
    event = ConfigWatch._event

    def notice(self: ConfigWatch) -> None:
        event(self)
        noticed.set()

    monkeypatch.setattr(ConfigWatch, "_event", notice)
    seen: list[str] = []
    main = etc / "zaiond.yaml"

    def look() -> None:
        seen.append(main.read_text())
        told.set()

    async with running(ConfigWatch(look, clock=clock), main):
        assert await told_in_time(told)
        seen.clear()
        for number in range(3):
            noticed.clear()
            with main.open("a") as stream:
                stream.write(f"step{number}: 1\n")
            assert await told_in_time(noticed)
            # Three quarters of the quiet time after each step: later than the first one's end.
            clock.now += watch.QUIET * 0.75
            assert not await told_in_time(told, watch.QUIET * 1.5), f"after {number}: {seen}"
        clock.now += watch.QUIET
        assert await told_in_time(told)
    assert seen == ["language: ja\nstep0: 1\nstep1: 1\nstep2: 1\n"]


async def test_what_is_still_being_written_to_counts_as_changed_whatever_its_status_says(
    etc: Path,
) -> None:
    # Two writes within one tick of the file system's clock have one status.
    clock = StoppedClock()
    told = asyncio.Event()
    watched = ConfigWatch(told.set, clock=clock)
    async with running(watched, etc / "zaiond.yaml"):
        assert await told_in_time(told)
        for _ in range(400):
            watched._event()
            clock.now += watch.QUIET * 0.75
            if await told_in_time(told, 0.05):
                return
    raise AssertionError("it was not told")


def test_what_is_promised_of_time_can_be_kept() -> None:
    # Interface 2: two seconds, and 30 where the kernel tells nothing.
    assert watch.QUIET < watch.PATIENCE < 2
    assert watch.BLIND_POLL < 2


async def test_where_the_kernel_tells_nothing_the_files_are_compared_now_and_then(
    etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "POLL", 0.05)
    monkeypatch.setattr(watch, "_EVENTS", ())  # as on NFS: watched, and nothing is told
    drop_in = etc / "conf.d" / "10.yaml"
    drop_in.parent.mkdir()
    async with watching(etc) as watched:
        assert await watched.sees(lambda: watched.main.write_text("language: en\n"))
        assert await watched.sees(lambda: drop_in.write_text("language: en\n"))


@pytest.mark.parametrize("refused", ["Observer", "Observer.start", "Observer.schedule"])
async def test_where_the_kernel_refuses_the_files_are_compared_and_that_is_told_once(
    etc: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(24, os.strerror(24))

    asked: list[str] = []
    schedule = ConfigWatch._schedule

    def count(self: ConfigWatch, directory: str, *, recursive: bool) -> ObservedWatch:
        asked.append(directory)
        return schedule(self, directory, recursive=recursive)

    monkeypatch.setattr(watch, "BLIND_POLL", 0.05)
    monkeypatch.setattr(ConfigWatch, "_schedule", count)
    monkeypatch.setattr(f"watchdog.observers.{refused}", refuse)
    told = asyncio.Event()
    sentences: list[Text] = []
    async with running(ConfigWatch(told.set, sentences.append), etc / "zaiond.yaml"):
        assert await told_in_time(told)
        before = len(asked)
        for number in range(3):
            (etc / "zaiond.yaml").write_text(f"sender: s{number}\n")
            assert await told_in_time(told)
        assert len(asked) == before  # asking costs more than looking
    assert len(sentences) == 1
    assert f" ({os.strerror(24)}): " in sentences[0].en


async def test_the_kernel_is_asked_again_now_and_then(
    etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = [OSError(24, os.strerror(24)), RuntimeError("can't start new thread")]
    schedule = ConfigWatch._schedule
    granted = threading.Event()

    def limited(self: ConfigWatch, directory: str, *, recursive: bool) -> ObservedWatch:
        if limits:
            raise limits.pop()
        granted.set()
        return schedule(self, directory, recursive=recursive)

    monkeypatch.setattr(watch, "POLL", 1.01)
    monkeypatch.setattr(watch, "BLIND_POLL", 0.02)
    monkeypatch.setattr(ConfigWatch, "_schedule", limited)
    sentences: list[Text] = []
    async with running(ConfigWatch(lambda: None, sentences.append), etc / "zaiond.yaml"):
        assert await asyncio.to_thread(granted.wait, DEADLINE)
    assert "(can't start new thread): " in sentences[0].en


async def test_nothing_is_told_after_the_end(etc: Path) -> None:
    told = asyncio.Event()
    ended = ConfigWatch(told.set)
    async with running(ended, etc / "zaiond.yaml"):
        assert await told_in_time(told)
    ended.watch([str(etc / "other.yaml")])
    (etc / "zaiond.yaml").write_text("language: en\n")
    assert not await told_in_time(told, 2 * watch.QUIET)
