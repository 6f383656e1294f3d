"""What becomes of a changed configuration. The one in force is what is on disk, if that is valid;
else the last good one.

none ──valid──▶ good ──broken──▶ last_good ──mended──▶ good
  └──broken, but a last good one was kept──▶ last_good
"""

import asyncio
import contextlib
import os
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from zaiond.config.load import Loaded, load, load_files, read_last_good, save_last_good
from zaiond.config.schema import Config
from zaiond.config.sources import Files
from zaiond.config.watch import ConfigWatch
from zaiond.daemon import notices, words
from zaiond.daemon.notices import Notice
from zaiond.daemon.options import Options
from zaiond.delivery.outbound import Outbound
from zaiond.errors import Diagnostic, DiskFullError
from zaiond.journal import Journal, Kind
from zaiond.net.context import ConnectionContext
from zaiond.store import events
from zaiond.store.writer import Writer

INCIDENT = "config_incident"  # its name in the database
HALF_WRITTEN = 0.3  # seconds until a file that is not valid is looked at once more


@dataclass(eq=False)
class Configuration:
    """Loads, keeps, and says what is in force; `context` is what its connections share.

    Each configuration that comes into force is given to `parts` and `delivery`. `emit` is given a
    notice when what is on disk can't be taken, once until it is mended; `incident` is the one of
    which was told before the last stop. `changed` is called after each look.
    """

    _options: Options
    _incident: str | None
    _writer: Writer
    _journal: Journal
    _clock: Callable[[], float]
    context: ConnectionContext
    _parts: Sequence[Callable[[Config], object]]
    _delivery: Outbound
    _emit: Callable[[Notice], Awaitable[None]]
    _changed: Callable[[], None]
    state: Literal["good", "last_good", "none"] = "none"
    in_force: Loaded | None = None
    loaded_at: float | None = None  # when what is in force was taken
    errors: tuple[Diagnostic, ...] = ()

    def __post_init__(self) -> None:
        self.path, self._state_dir = self._options.config, self._options.state_dir
        self._credentials = os.environ.get("CREDENTIALS_DIRECTORY")
        self._reloading = asyncio.Lock()
        self._requested = asyncio.Event()
        self.request_reload = self._requested.set
        self.watch = ConfigWatch(self.request_reload, self._journal.warning)

    @property
    def config(self) -> Config | None:
        """The one in force."""
        return None if self.in_force is None else self.in_force.config

    async def run(self) -> None:
        """Reloads when that is requested; ends when cancelled."""
        while True:
            await self._requested.wait()
            self._requested.clear()
            await self.reload()

    async def reload(self) -> bool:
        """Takes what is on disk if it is valid; says whether it was."""
        async with self._reloading:
            # In a thread: a file on a dead NFS server must not stop deliveries.
            loaded = await asyncio.to_thread(load, self.path, self._credentials)
            if loaded.config is None and self.in_force is not None:
                # Who writes in place leaves half a file for a moment: that is nobody's mistake.
                await asyncio.sleep(HALF_WRITTEN)
                loaded = await asyncio.to_thread(load, self.path, self._credentials)
            try:
                if loaded.config is not None:
                    await self._take(loaded, loaded.config)
                else:
                    await self._keep_last_good(loaded)
            finally:
                self.watch.watch(loaded.watched)
                self._changed()
            return loaded.config is not None

    async def _take(self, loaded: Loaded, config: Config) -> None:
        was = self.in_force
        if self._incident is not None:
            await self._remember(None)
        if was is not None and was.files == loaded.files:
            self.errors, self.state = (), "good"
            return
        before = await self._kept() if was is None else was.files
        try:
            await asyncio.to_thread(save_last_good, self._state_dir, loaded.files)
        except OSError as error:
            text = words.last_good_unkept(directory=self._state_dir, why=error)
            self._journal.warning(text)
        self.errors, self.state = (), "good"  # not behind the mails that are made anew
        await self._apply(loaded, config, is_another=before != loaded.files)
        self._journal.info(words.in_force(path=self.path), Kind.CONFIG_LOADED)

    async def _apply(self, loaded: Loaded, config: Config, *, is_another: bool) -> None:
        """`is_another`: than the one before, be it before the last stop."""
        self.in_force, self.loaded_at = loaded, self._clock()
        self._journal.language = config.language
        for part in self._parts:
            part(config)
        # What has changed counts for what waits, too, and before it is tried.
        if is_another:
            try:
                await self._delivery.remake(config)
            except DiskFullError as error:  # they go out as they are
                self._journal.error(words.not_remade(why=error.text))
        self.context = self.context.renewed()
        self._delivery.configure(config, self.context)

    async def _keep_last_good(self, broken: Loaded) -> None:
        news = broken.errors != self.errors
        self.errors = broken.errors
        if self.in_force is None:
            await self._restore()
        self.state = "none" if self.in_force is None else "last_good"
        if news:
            for error in broken.errors:
                self._journal.error(error.formatted, Kind.CONFIG_BROKEN)
            none, stays = words.NO_CONFIGURATION_YET, words.LAST_GOOD_STAYS
            self._journal.error(none if self.in_force is None else stays, Kind.CONFIG_BROKEN)
        if self._incident is None and self.in_force is not None:
            incident = uuid.uuid4().hex
            await self._emit(notices.configuration_broken(incident, broken.errors))
            await self._remember(incident)

    async def _remember(self, incident: str | None) -> None:
        self._incident = incident
        remember = partial(events.set_meta, name=INCIDENT, value=incident)
        # On a disk that is full for good, it is told once more after the next start.
        with contextlib.suppress(DiskFullError):
            await self._writer.submit(remember, essential=True)

    async def _kept(self) -> Files | None:
        try:
            return await asyncio.to_thread(read_last_good, self._state_dir)
        except OSError as error:
            text = words.last_good_unreadable(directory=self._state_dir, why=error)
            self._journal.warning(text)
            return None

    async def _restore(self) -> None:
        kept = await self._kept()
        if kept is None:
            return
        loaded = await asyncio.to_thread(load_files, kept, self._credentials)
        if loaded.config is not None:
            await self._apply(loaded, loaded.config, is_another=False)
