"""What becomes of a changed configuration: which one is in force, and what is told of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.delivery import connection_context
from tests.support.store import Clock, Notes, Store
from zaiond.config.load import Loaded, load
from zaiond.config.schema import Config
from zaiond.daemon import reload, start
from zaiond.daemon.notices import Notice
from zaiond.daemon.options import Options
from zaiond.daemon.reload import Configuration
from zaiond.errors import DiskFullError
from zaiond.journal import Kind
from zaiond.net.context import ConnectionContext
from zaiond.store.words import DISK_FULL
from zaiond.store.writer import Writer

GOOD = "mail_server: {host: mailhost}\nadmins: a@example.jp\nlanguage: en\n"
BROKEN = "mail_server: {host: mailhost, security: perhaps}\nadmins: a@example.jp\n"


class Reloading:
    """A configuration on disk, and what was done with it."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "zaiond.yaml"
        self.state = directory / "state"
        self.store = Store(self.state)
        self.writer = Writer(
            self.store.connection, asyncio.get_running_loop(), print, lambda: False
        )
        self.notes = Notes()
        self.configured: list[str] = []  # the first admin of each one
        self.came: asyncio.Queue[str] = asyncio.Queue()  # the same, to be waited for
        self.remade: list[str] = []  # of those that counted for what waited
        self.contexts: list[ConnectionContext] = []
        self.is_full = False  # the disk
        self.meanwhile: Callable[[], object] = lambda: None  # while mails are made anew
        self.broken: list[tuple[str, int]] = []  # the incident, and how many mistakes

    async def daemon(self) -> Configuration:
        """That of a daemon that has just started."""
        found = await start.find(self.writer, Clock(), self.notes)
        options = Options(str(self.path), "", str(self.state), "", "text")
        return Configuration(
            options, found.incident, self.writer, self.notes, Clock(), connection_context(), (),
            cast(Any, self), self._tell, lambda: None,
        )  # fmt: skip

    async def remake(self, config: Config) -> None:
        self.remade.append(config.admins[0])
        self.meanwhile()
        if self.is_full:
            raise DiskFullError(DISK_FULL)

    def configure(self, config: Config, context: ConnectionContext) -> None:
        self.configured.append(config.admins[0])
        self.came.put_nowait(config.admins[0])
        self.contexts.append(context)

    async def _tell(self, notice: Notice) -> None:
        assert notice.message is not None
        self.broken.append((notice.incident, notice.message.en.count("zaiond.yaml:")))


@pytest.fixture
async def reloading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Reloading]:
    monkeypatch.setattr(reload, "HALF_WRITTEN", 0.0)
    reloading = Reloading(tmp_path)
    yield reloading
    await reloading.writer.close()
    reloading.store.database.closed_cleanly()


async def test_what_is_valid_comes_into_force_once_and_is_watched(reloading: Reloading) -> None:
    reloading.path.write_text(GOOD)
    configuration = await reloading.daemon()
    states = [configuration.state]
    assert await configuration.reload()
    assert await configuration.reload()
    assert reloading.configured == reloading.remade == ["a@example.jp"]
    assert [*states, configuration.state] == ["none", "good"]
    assert configuration.loaded_at == Clock()()
    assert reloading.notes.kinds == [Kind.CONFIG_LOADED]
    assert reloading.notes.language == "en"


async def test_a_change_of_the_file_or_a_request_brings_the_new_one_into_force(
    reloading: Reloading,
) -> None:
    reloading.path.write_text(GOOD)
    configuration = await reloading.daemon()
    await configuration.reload()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = [group.create_task(configuration.run())]
        reloading.path.write_text(GOOD.replace("a@", "b@"))
        configuration.request_reload()
        assert [await reloading.came.get() for _ in "ab"] == ["a@example.jp", "b@example.jp"]
        running.append(group.create_task(configuration.watch.run()))
        reloading.path.write_text(GOOD.replace("a@", "c@"))
        assert await reloading.came.get() == "c@example.jp"
        for task in running:
            task.cancel()


async def test_what_connections_have_found_out_does_not_count_for_another_configuration(
    reloading: Reloading,
) -> None:
    configuration = await reloading.daemon()
    for admin in "ab":
        reloading.path.write_text(GOOD.replace("a@", f"{admin}@"))
        await configuration.reload()
    first, second = reloading.contexts
    assert first.servers is not second.servers
    assert first.tokens is second.tokens
    assert configuration.context is second


async def test_on_a_full_disk_what_waits_goes_out_as_it_is(reloading: Reloading) -> None:
    reloading.is_full = True
    reloading.path.write_text(GOOD)
    assert await (await reloading.daemon()).reload()
    assert reloading.configured == ["a@example.jp"]
    assert "what is held can't be made anew" in reloading.notes.lines[0]


async def test_the_same_one_after_a_restart_is_no_other_one(reloading: Reloading) -> None:
    reloading.path.write_text(GOOD)
    await (await reloading.daemon()).reload()
    await (await reloading.daemon()).reload()
    reloading.path.write_text(GOOD.replace("a@", "b@"))
    await (await reloading.daemon()).reload()
    assert reloading.configured == ["a@example.jp", "a@example.jp", "b@example.jp"]
    assert reloading.remade == ["a@example.jp", "b@example.jp"]


async def test_what_is_broken_changes_nothing_and_is_told_of_once_until_it_is_mended(
    reloading: Reloading,
) -> None:
    reloading.path.write_text(GOOD)
    configuration = await reloading.daemon()
    await configuration.reload()
    reloading.path.write_text(BROKEN)
    for _ in range(2):
        assert not await configuration.reload()
    assert configuration.state == "last_good"
    assert [error.key for error in configuration.errors] == ["mail_server.security"]
    assert len(reloading.notes.kinds) == 3  # in force; the mistake, and that the other one stays
    reloading.path.write_text(GOOD)
    assert await configuration.reload()
    assert configuration.errors == ()
    reloading.path.write_text(BROKEN)
    await configuration.reload()
    (first, number), (second, _) = reloading.broken
    assert number == 1
    assert first != second
    assert reloading.configured == ["a@example.jp"]


async def test_what_is_mended_is_said_to_be_good_as_soon_as_it_is_in_force(
    reloading: Reloading,
) -> None:
    configuration = await reloading.daemon()
    for text in (GOOD, BROKEN):
        reloading.path.write_text(text)
        await configuration.reload()
    assert configuration.state == "last_good"
    seen: list[Any] = []
    reloading.meanwhile = lambda: seen.append(
        (configuration.config, configuration.state, configuration.errors)
    )
    reloading.path.write_text(GOOD.replace("a@", "b@"))
    await configuration.reload()
    assert seen == [(configuration.config, "good", ())]


async def test_an_incident_stays_the_same_across_a_restart_with_the_last_good_one_in_force(
    reloading: Reloading,
) -> None:
    reloading.path.write_text(GOOD)
    configuration = await reloading.daemon()
    await configuration.reload()
    reloading.path.write_text(BROKEN)
    await configuration.reload()
    configuration = await reloading.daemon()
    assert not await configuration.reload()
    assert configuration.state == "last_good"
    assert len(reloading.broken) == 1
    assert reloading.configured == ["a@example.jp", "a@example.jp"]
    assert reloading.remade == ["a@example.jp"]
    reloading.path.write_text(GOOD)
    await configuration.reload()
    assert await reloading.writer.submit(lambda db: start._find(db, 0.0).incident) is None


async def test_where_there_never_was_one_the_journal_says_what_becomes_of_events(
    reloading: Reloading,
) -> None:
    configuration = await reloading.daemon()
    assert not await configuration.reload()
    assert configuration.state == "none"
    assert configuration.in_force is None
    assert reloading.broken == []  # nobody could be mailed
    assert "there is no valid configuration" in reloading.notes.lines[-1]


async def test_a_file_that_is_half_written_is_nobodys_mistake(
    reloading: Reloading, monkeypatch: pytest.MonkeyPatch
) -> None:
    reloading.path.write_text(GOOD)
    configuration = await reloading.daemon()
    await configuration.reload()
    reloading.path.write_text(GOOD[:20])

    def read_while_it_is_written(path: str, credentials: str | None) -> Loaded:
        found = load(path, credentials)
        reloading.path.write_text(GOOD.replace("a@", "b@"))
        return found

    monkeypatch.setattr(reload, "load", read_while_it_is_written)
    assert await configuration.reload()
    assert reloading.broken == []
    assert reloading.configured[-1] == "b@example.jp"
