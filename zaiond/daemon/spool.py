"""Events left in the spool while the daemon was down: taken in, committed, then unlinked (interface
4). A producer may put anything there: only its own regular files are read, the rest moved aside.

A line that can't be taken costs itself alone: the other lines of its file are taken, and the whole
file is kept aside. What can't be read now is left for the next time.
"""

import asyncio
import contextlib
import errno
import os
import stat
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Protocol, cast

from watchdog.events import (
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from zaiond import wire
from zaiond.daemon import sockets
from zaiond.daemon.journal import Journal, Kind
from zaiond.daemon.refusals import Refusals
from zaiond.errors import EventError, StoreError
from zaiond.model import URGENT
from zaiond.os_error import in_japanese
from zaiond.store.events import Acceptance, NewEvent
from zaiond.text import Text

REFUSED = ".refused"
FILES = 64  # that are committed together, or as many as are
BYTES = 1024 * 1024  # together
EXCERPT_BYTES = 2000  # of a refused line, to be told
# A link, a pipe or socket, a device, or what its owner has not let us read. All else that can go
# wrong says nothing of the file.
_FOREIGN = (errno.ELOOP, errno.ENXIO, errno.ENODEV, errno.EACCES, errno.EPERM)


class Submit(Protocol):
    """Puts events into the store within their quotas, those of the next call behind them.

    Raises EventError at once where there is no room for them now; what it gives, StoreError.
    """

    def __call__(self, batch: list[NewEvent]) -> Awaitable[Acceptance]: ...


class OnRefused(Protocol):
    """Hears of a file with something that can't be taken: where it is now, whose it is, why, and
    the beginning of the first such line."""

    def __call__(self, path: str, uid: int, why: Text, excerpt: str) -> None: ...


@dataclass(slots=True)
class _File:
    """A file on its way in, and what of it can't be taken."""

    name: str
    uid: int
    batch: list[NewEvent] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)  # of the lines of the batch, from 1
    why: Text | None = None  # of the first line that is refused, or of the whole file
    excerpt: str = ""
    refused: dict[tuple[str, str | None], tuple[EventError, int]] = field(default_factory=dict)

    def refuse(self, error: EventError, number: int, line: bytes) -> None:
        """The line with this number can't be taken."""
        if self.why is None:
            self.why = Text(f"{number} 行目: {error.text.ja}", f"line {number}: {error.text.en}")
            self.excerpt = _shown(line)
        key = (error.code, error.field)
        self.refused[key] = (error, self.refused.get(key, (error, 0))[1] + 1)


class Spool:
    """The spool directory. `sweep` takes in what is there."""

    def __init__(
        self,
        path: str,
        submit: Submit,
        clock: Callable[[], float],
        journal: Journal,
        refusals: Refusals,
        on_refused: OnRefused,
    ) -> None:
        self._path = Path(path)
        self._submit = submit
        self._clock = clock
        self._journal = journal
        self._refusals = refusals
        self._on_refused = on_refused
        self._again = asyncio.Event()
        self._stuck: set[str] = set()  # what could not even be moved aside
        self._obstacles: dict[str, OSError] = {}  # what can't be read or removed in this sweep
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
                    f"スプール {self._path} を使えません: {in_japanese(error)}",
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
            # Not wait_for: before Python 3.12 it may swallow a cancellation.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._again.wait()

    async def sweep(self) -> None:
        """Takes in every whole file, in turns over its owners; leaves those of a user for later for
        whom there is no room now.
        """
        self._full.clear()
        told, self._obstacles = self._obstacles, {}
        names = deque(self._names())
        while names:
            await self._take(await asyncio.to_thread(self._read_some, names))
        for name, error in self._obstacles.items():
            if name not in told:
                count = len(self._obstacles)
                self._journal.warning(
                    Text(
                        f"スプールの {count} 件のファイルをまだ処理できません"
                        f"（{name}: {in_japanese(error)}）。後でもう一度処理します",
                        f"{count} file(s) in the spool can't be read or removed yet"
                        f" ({name}: {error.strerror}): they are tried again",
                    )
                )
                break

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
                    f"スプール {self._path} を読めません: {in_japanese(error)}",
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
            if not file.batch:
                done.append(file)
                continue
            if file.uid in self._full:
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
            if acceptance.outcomes is not None:
                each = zip(acceptance.outcomes, file.numbers, file.batch, strict=True)
                for outcome, number, new in each:
                    if outcome == "conflict":
                        file.refuse(wire.conflict(new[0]), number, new[4])
            done.append(file)
        if done:
            for file, path in await asyncio.to_thread(self._clear, done):
                self._tell(file, path)

    def _tell(self, file: _File, path: str) -> None:
        """A file has been moved aside, to `path`."""
        why = cast(Text, file.why)
        now = self._clock()
        more = sum(count for _, count in file.refused.values()) - 1
        if more:
            s = "s" * (more > 1)
            why = Text(f"{why.ja}（ほかに {more} 行）", f"{why.en} (and {more} more line{s})")
        for error, count in file.refused.values():
            self._refusals.count(file.uid, error, now, count)
        self._journal.error(
            Text(
                f"スプールの {file.name} に受け付けられないものがあります（{path} に保管）:"
                f" {why.ja}",
                f"refused {file.name} in the spool (it is now {path}): {why.en}",
            ),
            Kind.SPOOL_REFUSED,
            uid=file.uid,
        )
        self._on_refused(path, file.uid, why, file.excerpt)

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
            try:
                file = self._read(name)
            except FileNotFoundError:
                continue
            except OSError as error:
                self._obstacles[name] = error
                continue
            if file is not None:
                files.append(file)
                size += sum(len(new[4]) for new in file.batch)
        return files

    def _read(self, name: str) -> _File | None:
        """A file with its lines, or why it is refused; None where it has to wait. Raises OSError
        where it can't be read now.
        """
        path = self._path / name
        try:
            opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno not in _FOREIGN:
                raise
            why = Text(f"開けません: {in_japanese(error)}", f"can't be opened: {error.strerror}")
            return _foreign(name, path.lstat().st_uid, why)
        try:
            status = os.fstat(opened)
            uid = status.st_uid
            foreign = _why_foreign(name, status)
            if foreign is not None:
                return _foreign(name, uid, foreign)
            if uid in self._full:
                return None
            with open(opened, "rb", closefd=False) as file:
                content = file.read(wire.MAX_SPOOL_FILE_BYTES)
        finally:
            os.close(opened)
        return self._parsed(_File(name, uid), content.split(b"\n"))

    def _parsed(self, file: _File, lines: list[bytes]) -> _File:
        now = self._clock()
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                if len(line) > wire.MAX_EVENT_BYTES:
                    raise wire.too_large()
                sent = wire.parse(line)
                if sent.id is None:
                    raise EventError("invalid", Text("id がありません", "it has no id"), "id")
            except EventError as error:
                file.refuse(error, number, line)
            else:
                urgent, lane = sent.severity in URGENT, wire.lane(sent)
                new = (sent.id, file.uid, sent.source or "", now, sent.line, urgent, lane)
                file.batch.append(new)
                file.numbers.append(number)
        return file

    def _clear(self, files: list[_File]) -> list[tuple[_File, str]]:
        """Each file goes: from the disk, or aside. Gives those, and where they are now."""
        aside: list[tuple[_File, str]] = []
        for file in files:
            if file.why is None:
                self._unlink(file.name)
            elif (path := self._move_aside(file.name)) is not None:
                aside.append((file, str(path)))
        return aside

    def _move_aside(self, name: str) -> Path | None:
        aside = self._path / REFUSED / name
        number = 0
        while os.path.lexists(aside):
            number += 1
            aside = self._path / REFUSED / f"{name}.{number}"
        try:
            aside.parent.mkdir(mode=0o700, exist_ok=True)
            (self._path / name).rename(aside)
        except FileNotFoundError:
            return None
        except OSError:  # a directory of somebody else's, for one
            self._stuck.add(name)
            return self._path / name
        return aside

    def _unlink(self, name: str) -> None:
        try:
            (self._path / name).unlink(missing_ok=True)
        except OSError as error:
            self._obstacles[name] = error  # its events are known when it is read again


def _why_foreign(name: str, status: os.stat_result) -> Text | None:
    """Why a file is none that a producer should leave here, or None."""
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        return Text("通常のファイルではありません", "not a regular file of its own")
    if not name.endswith(".json"):
        return Text("名前が .json で終わっていません", "its name does not end in .json")
    if status.st_size > wire.MAX_SPOOL_FILE_BYTES:
        return Text("1 MiB を超えています", "it is over 1 MiB")
    return None


def _foreign(name: str, uid: int, why: Text) -> _File:
    """A file that is refused as a whole, unread."""
    error = EventError("invalid", why)
    return _File(name, uid, why=why, refused={("invalid", None): (error, 1)})


def _shown(line: bytes) -> str:
    """The beginning of a line, as text."""
    from zaiond import decode

    shown = decode.text(line[:EXCERPT_BYTES])
    return shown if len(line) <= EXCERPT_BYTES else f"{shown}…"


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
        self, path: str, on_change: Callable[[], object], on_blind: Callable[[Text], object]
    ) -> None:
        self._observer: BaseObserver | None = None
        try:
            self._observer = Observer()
            self._observer.schedule(
                _Calls(on_change), path, event_filter=[FileMovedEvent, FileCreatedEvent]
            )
            self._observer.start()
        except OSError as error:
            on_blind(
                Text(
                    f"スプール {path} の変更通知を受けられません（{in_japanese(error)}）。"
                    "ときどき調べます",
                    f"the kernel refuses to tell of changes in the spool {path}"
                    f" ({error.strerror}): it is looked at now and then",
                )
            )

    def stop(self) -> None:
        """Ends its threads."""
        if self._observer is None:
            return
        self._observer.stop()
        if self._observer.is_alive():
            self._observer.join()
