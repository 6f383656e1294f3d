"""What becomes of a changed configuration. The one in force is what is on disk, if that is valid;
else the last good one.

none ──valid──▶ good ──broken──▶ last_good ──mended──▶ good
  └──broken, but a last good one was kept──▶ last_good
"""

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal

from zaiond.config.load import (
    Files,
    Loaded,
    load,
    load_files,
    read_last_good,
    save_last_good,
)
from zaiond.config.schema import Config
from zaiond.errors import Diagnostic, DiskFullError
from zaiond.journal import Journal, Kind
from zaiond.os_error import in_japanese
from zaiond.store import events
from zaiond.store.writer import Writer
from zaiond.text import Text

INCIDENT = "config_incident"  # its name in the database
HALF_WRITTEN = 0.3  # seconds until a file that is not valid is looked at once more

_STAYS = Text(
    "設定に誤りがあるため、直前の有効な設定を使い続けます",
    "the configuration is not valid: the last good one stays in force",
)
_NONE = Text(
    "有効な設定がありません。イベントは受け付けて保管し、設定が直り次第メールにします",
    "there is no valid configuration: events are accepted and kept, and mailed once there is one",
)


class Configuration:
    """Loads, keeps, and says what is in force.

    `configure` is called with each configuration that comes into force, and whether it is another
    one than before, be it before the last stop; `on_broken` with the incident's id when what is on
    disk can't be taken, once until it is mended. `incident` is the one of which was told before the
    last stop. `on_read` is called with the paths whose change may change what is in force, each
    time that they were read.
    """

    def __init__(
        self,
        path: str,
        state_dir: str,
        credentials_directory: str | None,
        incident: str | None,
        writer: Writer,
        journal: Journal,
        clock: Callable[[], float],
        configure: Callable[[Config, bool], Awaitable[None]],
        on_broken: Callable[[str, tuple[Diagnostic, ...]], Awaitable[None]],
        on_read: Callable[[tuple[str, ...]], None],
    ) -> None:
        self.state: Literal["good", "last_good", "none"] = "none"
        self.in_force: Loaded | None = None
        self.loaded_at: float | None = None  # when what is in force was taken
        self.errors: tuple[Diagnostic, ...] = ()
        self.path = path
        self._incident = incident
        self._writer = writer
        self._state_dir = state_dir
        self._credentials = credentials_directory
        self._journal = journal
        self._clock = clock
        self._configure = configure
        self._on_broken = on_broken
        self._on_read = on_read
        self._reloading = asyncio.Lock()

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
                self._on_read(loaded.watched)
            return loaded.config is not None

    async def _take(self, loaded: Loaded, config: Config) -> None:
        was = self.in_force
        self.errors = ()
        self.state = "good"
        if self._incident is not None:
            await self._remember(None)
        if was is not None and was.files == loaded.files:
            return
        if was is None:
            before = await self._kept()
        else:
            before = was.files
        self.in_force = loaded
        self.loaded_at = self._clock()
        try:
            await asyncio.to_thread(save_last_good, self._state_dir, loaded.files)
        except OSError as error:
            self._journal.warning(
                Text(
                    f"有効な設定の控えを {self._state_dir} に保存できません: {in_japanese(error)}",
                    f"can't keep the last good configuration in {self._state_dir}:"
                    f" {error.strerror}",
                )
            )
        await self._configure(config, before != loaded.files)
        self._journal.info(
            Text(f"設定 {self.path} を反映しました", f"configuration {self.path} is in force"),
            Kind.CONFIG_LOADED,
        )

    async def _keep_last_good(self, broken: Loaded) -> None:
        news = broken.errors != self.errors
        self.errors = broken.errors
        if self.in_force is None:
            await self._restore()
        self.state = "none" if self.in_force is None else "last_good"
        if news:
            for error in broken.errors:
                self._journal.error(error.formatted, Kind.CONFIG_BROKEN)
            self._journal.error(_STAYS if self.in_force is not None else _NONE, Kind.CONFIG_BROKEN)
        if self._incident is None and self.in_force is not None:
            incident = uuid.uuid4().hex
            await self._on_broken(incident, broken.errors)
            await self._remember(incident)

    async def _remember(self, incident: str | None) -> None:
        self._incident = incident
        # On a disk that is full for good, it is told once more after the next start.
        with contextlib.suppress(DiskFullError):
            remember = partial(events.set_meta, name=INCIDENT, value=incident)
            await self._writer.submit(remember, essential=True)

    async def _kept(self) -> Files | None:
        try:
            return await asyncio.to_thread(read_last_good, self._state_dir)
        except OSError as error:
            self._journal.warning(
                Text(
                    f"{self._state_dir} に保存した有効な設定の控えを読めません:"
                    f" {in_japanese(error)}",
                    f"can't read the last good configuration that was kept in {self._state_dir}:"
                    f" {error.strerror}",
                )
            )
            return None

    async def _restore(self) -> None:
        kept = await self._kept()
        if kept is None:
            return
        loaded = await asyncio.to_thread(load_files, kept, self._credentials)
        if loaded.config is not None:
            self.in_force = loaded
            self.loaded_at = self._clock()
            await self._configure(loaded.config, False)
