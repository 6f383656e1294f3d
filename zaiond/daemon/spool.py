"""Events left in the spool while the daemon was down: taken in, committed, then unlinked (interface
4). A producer may put anything there: only its own regular files are read, the rest moved aside.
"""

import asyncio
import contextlib
import errno
import os
import stat
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Protocol

from watchdog.events import (
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from zaiond import wire
from zaiond.daemon import sockets
from zaiond.daemon.journal import Journal, Kind
from zaiond.errors import EventError, StoreError
from zaiond.model import URGENT
from zaiond.store.events import Acceptance, NewEvent
from zaiond.text import Text

REFUSED = ".refused"
FILES = 64  # that are committed together, or as many as are
BYTES = 1024 * 1024  # together
# What says nothing of the file: it is gone again, or it is we who can't open anything now.
_OURS = (errno.ENOENT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO)


class Submit(Protocol):
    """Puts events into the store within their quotas, those of the next call behind them.

    Raises EventError at once where there is no room for them now; what it gives, StoreError.
    """

    def __call__(self, batch: list[NewEvent]) -> Awaitable[Acceptance]: ...


@dataclass(frozen=True, slots=True)
class _Found:
    uid: int
    lines: list[bytes]


@dataclass(slots=True)
class _File:
    """A file on its way in: `wrong` is why it is refused, as far as is known."""

    name: str
    uid: int
    batch: list[NewEvent]
    wrong: Text | None


class Spool:
    """The spool directory. `sweep` takes in what is there."""

    def __init__(
        self, path: str, submit: Submit, clock: Callable[[], float], journal: Journal
    ) -> None:
        self._path = Path(path)
        self._submit = submit
        self._clock = clock
        self._journal = journal
        self._again = asyncio.Event()
        self._stuck: set[str] = set()  # what could not even be moved aside
        self._full: set[int] = set()  # users for whose events there was no room in this sweep

    def prepare(self) -> None:
        """Makes the directory, with the modes that keep producers apart. Raises StoreError."""
        try:
            if not self._path.exists():
                self._path.mkdir(parents=True)
                sockets.give_to_emitters(self._path)
                # 3730: who may emit can put files there, not list it, nor touch another's.
                self._path.chmod(0o3730)
            with contextlib.suppress(FileExistsError):
                (self._path / REFUSED).mkdir(mode=0o700)
        except OSError as error:
            raise StoreError(
                Text(
                    f"スプール {self._path} を使えません: {error.strerror}",
                    f"the spool {self._path} can't be used: {error.strerror}",
                )
            ) from error

    def changed(self) -> None:
        """Something was put there."""
        self._again.set()

    async def run(self, interval: float) -> None:
        """Sweeps at every change, and every `interval` seconds; ends when cancelled."""
        while True:
            self._again.clear()
            await self.sweep()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._again.wait(), interval)

    async def sweep(self) -> None:
        """Takes in every whole file, in turns over its owners; leaves those of a user for later for
        whom there is no room now.
        """
        self._full.clear()
        names = deque(self._names())
        while names:
            await self._take(await asyncio.to_thread(self._read_some, names))

    def _names(self) -> list[str]:
        """The whole files: each owner's in the order in which they were written."""
        of_owner: dict[int, list[tuple[int, str]]] = {}
        try:
            with os.scandir(self._path) as entries:
                for entry in entries:
                    # A name that begins with a dot is one still being written, or ours.
                    if entry.name.startswith(".") or entry.name in self._stuck:
                        continue
                    # Gone again: that must not keep the others waiting.
                    with contextlib.suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        of_owner.setdefault(status.st_uid, []).append(
                            (status.st_mtime_ns, entry.name)
                        )
        except OSError as error:
            self._journal.error(
                Text(
                    f"スプール {self._path} を読めません: {error.strerror}",
                    f"can't read the spool {self._path}: {error.strerror}",
                )
            )
        turns = zip_longest(*map(sorted, of_owner.values()))
        return [file[1] for turn in turns for file in turn if file is not None]

    async def _take(self, files: list[_File]) -> None:
        """Takes in what was read, in one commit if it can be; then each file goes."""
        under_way: list[tuple[_File, asyncio.Future[Acceptance]]] = []
        done: list[_File] = []
        for file in files:
            if file.uid in self._full:
                continue
            if not file.batch:
                done.append(file)
                continue
            try:
                under_way.append((file, asyncio.ensure_future(self._submit(file.batch))))
            except EventError as error:
                self._has_to_wait(file, error)
        for file, accepted in under_way:
            try:
                acceptance = await accepted
            except (EventError, StoreError) as error:
                self._has_to_wait(file, error)
                continue
            if acceptance.outcomes is not None and "conflict" in acceptance.outcomes:
                number = acceptance.outcomes.index("conflict")
                file.wrong = wire.conflict(file.batch[number][0]).text
            done.append(file)
        if done:
            await asyncio.to_thread(self._clear, done)

    def _has_to_wait(self, file: _File, error: EventError | StoreError) -> None:
        """There is no room now for the events of this file's owner: it stays."""
        if file.uid not in self._full:
            self._full.add(file.uid)
            self._journal.warning(
                Text(
                    f"スプールの {file.name} は後で受け付けます: {error.text.ja}",
                    f"{file.name} in the spool has to wait: {error.text.en}",
                )
            )

    def _read_some(self, names: deque[str]) -> list[_File]:
        """The next files, off `names`: a bounded number of bounded size."""
        files: list[_File] = []
        size = 0
        while names and len(files) < FILES and size < BYTES:
            name = names.popleft()
            found = self._read(name)
            if isinstance(found, _Found):
                files.append(self._parsed(name, found))
                size += sum(map(len, found.lines))
            elif found is not None:
                self._refuse(name, found)
        return files

    def _parsed(self, name: str, found: _Found) -> _File:
        file = _File(name, found.uid, [], None)
        now = self._clock()
        for number, line in enumerate(found.lines, 1):
            try:
                sent = wire.parse(line)
                if sent.id is None:
                    raise EventError("invalid", Text("id がありません", "it has no id"), "id")
            except EventError as error:
                file.wrong = Text(
                    f"{number} 行目: {error.text.ja}", f"line {number}: {error.text.en}"
                )
            else:
                urgent, lane = sent.severity in URGENT, wire.lane(sent)
                new = (sent.id, found.uid, sent.source or "", now, line, urgent, lane)
                file.batch.append(new)
        return file

    def _clear(self, files: list[_File]) -> None:
        for file in files:
            if file.wrong is not None:
                self._refuse(file.name, file.wrong)
            else:
                self._unlink(file.name)

    def _read(self, name: str) -> _Found | Text | None:
        """The lines of a file, why it is refused, or None where it is gone or has to wait."""
        try:
            file = os.open(
                self._path / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            )
        except OSError as error:
            if error.errno in _OURS:
                return None
            return Text(f"開けません: {error.strerror}", f"can't be opened: {error.strerror}")
        try:
            status = os.fstat(file)
            if status.st_uid in self._full:
                return None
            if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                return Text("通常のファイルではありません", "not a regular file of its own")
            if not name.endswith(".json"):
                return Text("名前が .json で終わっていません", "its name does not end in .json")
            if status.st_size > wire.MAX_SPOOL_FILE_BYTES:
                return Text("1 MiB を超えています", "it is over 1 MiB")
            content = os.read(file, wire.MAX_SPOOL_FILE_BYTES)
        except OSError as error:
            return Text(f"読めません: {error.strerror}", f"can't be read: {error.strerror}")
        finally:
            os.close(file)
        return _Found(status.st_uid, [line for line in content.split(b"\n") if line.strip()])

    def _refuse(self, name: str, why: Text) -> None:
        aside = self._path / REFUSED / name
        number = 0
        while os.path.lexists(aside):
            number += 1
            aside = self._path / REFUSED / f"{name}.{number}"
        try:
            (self._path / name).rename(aside)
        except FileNotFoundError:
            return
        except OSError:  # a directory of somebody else's, for one
            self._stuck.add(name)
            aside = self._path / name
        self._journal.error(
            Text(
                f"スプールの {name} を受け付けませんでした（{aside} にあります）: {why.ja}",
                f"refused {name} in the spool (it is now {aside}): {why.en}",
            ),
            Kind.SPOOL_REFUSED,
        )

    def _unlink(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self._path / name).unlink()


class _Calls(FileSystemEventHandler):
    def __init__(self, on_change: Callable[[], object]) -> None:
        self._on_change = on_change

    def on_any_event(self, event: FileSystemEvent) -> None:  # noqa: ARG002
        self._on_change()


class SpoolWatch:
    """Calls `on_change`, in a thread of its own, when a file has been put into the spool.

    `on_blind` is called with a sentence when the kernel refuses a watch (its limits are reached).
    """

    def __init__(
        self, path: str, on_change: Callable[[], object], on_blind: Callable[[Text], None]
    ) -> None:
        self._observer = Observer()
        try:
            self._observer.schedule(
                _Calls(on_change), path, event_filter=[FileMovedEvent, FileCreatedEvent]
            )
            self._observer.start()
        except OSError as error:
            on_blind(
                Text(
                    f"スプール {path} の変更通知を受けられません（{error.strerror}）。"
                    "ときどき調べます",
                    f"the kernel refuses to tell of changes in the spool {path}"
                    f" ({error.strerror}): it is looked at now and then",
                )
            )

    def stop(self) -> None:
        """Ends its threads."""
        self._observer.stop()
        if self._observer.is_alive():
            self._observer.join()
