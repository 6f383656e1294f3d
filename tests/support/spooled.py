"""A spool directory that is swept into a real store."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.store import Clock, Notes, Store, rows
from zaiond.intake.admission import Admission
from zaiond.intake.quota import Quotas
from zaiond.intake.spool.admin import SpoolAdmin
from zaiond.intake.spool.spool import Spool
from zaiond.model import NewEvent
from zaiond.store.events import Acceptance, AcceptOutcome
from zaiond.store.turns import Turns
from zaiond.store.writer import Writer
from zaiond.text import Text


class Watched(Admission):
    """Notes what goes to disk. `spooled.error` is what the commit says instead."""

    def __init__(self, spooled: "Spooled") -> None:
        super().__init__(
            spooled.store.database.space, spooled.writer, spooled.quotas, Turns(), lambda: 0.0,
            spooled.journal, lambda acceptance: None, lambda: None,
        )  # fmt: skip
        self._spooled = spooled

    def look(self) -> None:
        pass

    def accept(self, batch: list[NewEvent]) -> "asyncio.Future[Acceptance]":
        spooled = self._spooled
        if spooled.error is not None:
            failed: asyncio.Future[Acceptance] = asyncio.get_running_loop().create_future()
            failed.set_exception(spooled.error)
            return failed
        spooled.submitted.put_nowait([new[0] for new in batch])
        return super().accept(batch)

    def settle(
        self, batch: list[NewEvent], accepted: "asyncio.Future[Acceptance]"
    ) -> list[AcceptOutcome] | None:
        if self._spooled.error is None:
            self._spooled.seen.append(self._spooled.files())
            self._spooled.committed.append([new[0] for new in batch])
        return super().settle(batch, accepted)


class Spooled:
    """A spool with a store behind it. `submitted` has the ids of each commit, `seen` what was in
    the spool when it was done.
    """

    def __init__(self, directory: Path, user_of: Callable[[int], int] = int) -> None:
        self.path = directory / "spool"
        self.state = directory / "state"
        self.store = Store(self.state)
        self.writer = Writer(
            self.store.connection, asyncio.get_running_loop(), print, lambda: False
        )
        self.journal = Notes()
        self.clock = Clock()
        self.error: Exception | None = None
        self.quotas = Quotas({}, user_of)
        self.submitted = asyncio.Queue[list[str]]()
        self.seen: list[list[str]] = []
        self.committed: list[list[str]] = []
        self.told: list[tuple[str, int, str, str]] = []
        self.admission = Watched(self)
        self.refusals = self.admission.refusals
        self.start()

    def start(self) -> None:
        """As a daemon that has just been started has it."""
        self.spool = Spool(
            str(self.path), self.admission, self.clock, self.journal, self.tell,
            lambda uid: f"user {uid}",
        )  # fmt: skip
        self.spool.prepare()
        self.admin = SpoolAdmin(self.spool)

    def tell(self, path: str, uid: int, why: Text, excerpt: str) -> None:
        self.told.append((path, uid, why.en, excerpt))

    def put(self, name: str, *lines: bytes | dict[str, Any], uid: int | None = None) -> Path:
        """Leaves a file, as `uid`."""
        path = self.path / name
        path.write_bytes(
            b"".join(
                (line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n"
                for line in lines
            )
        )
        if uid is not None:
            os.chown(path, uid, -1)
        return path

    def files(self) -> list[str]:
        """What is there, but for what was put aside."""
        return sorted(p.name for p in self.path.iterdir() if p.name != ".refused")

    def refused(self) -> list[str]:
        """What was put aside."""
        return sorted(p.name for p in (self.path / ".refused").iterdir())

    def on_disk(self) -> list[str]:
        """The ids of the events in the store, in order of acceptance."""
        return [id_ for (id_,) in rows(self.state, "SELECT id FROM events ORDER BY seq")]

    def on_disk_now(self) -> list[str]:
        """The ids of what was committed so far, by what was submitted."""
        return [id_ for ids in self.committed for id_ in ids]

    async def close(self) -> None:
        """Ends it."""
        await self.writer.close()
        self.store.database.closed_cleanly()
