"""Tells when the files of the configuration have changed, however the editor wrote them.

The kernel tells of changes in a directory, so it is directories that are watched: each file's, the
one above it (the whole directory may be replaced), and those of every symbolic link on the way to
it. What has happened there is not looked into: the files' status before and after is compared. The
same comparison is made every 30 seconds, because NFS tells nothing, and every second while the
kernel refuses to tell (the limits of inotify are reached).
"""

import asyncio
import contextlib
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from zaiond.config import words
from zaiond.config.access import follow
from zaiond.config.language import drop_in_names
from zaiond.text import Text

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver, ObservedWatch

QUIET = 0.2
"""Seconds without an event after which a change counts as complete: editors write in steps."""
PATIENCE = 1.0
"""Seconds after the first event when it is looked at in any case."""
POLL = 30.0
BLIND_POLL = 1.0
"""Where the kernel refuses: a change takes effect within two seconds all the same."""

_EVENTS = (
    "FileCreatedEvent", "FileModifiedEvent", "FileAttribEvent", "FileMovedEvent",
    "FileDeletedEvent", "DirCreatedEvent", "DirMovedEvent", "DirDeletedEvent", "DirAttribEvent",
)  # fmt: skip

Fingerprint = dict[str, tuple[object, ...]]
Identity = list[tuple[int, int]]  # device and inode, as another directory may take the path


class ConfigWatch:
    """Calls `on_change` some time after a change (see QUIET, PATIENCE), while `run` runs.

    `on_blind` is called with a sentence, once, when the kernel refuses a watch: changes are looked
    for every second then. The watch is asked for again every 30 seconds.
    """

    def __init__(
        self,
        on_change: Callable[[], object],
        on_blind: Callable[[Text], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_change = on_change
        self._on_blind = on_blind
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._paths: frozenset[str] = frozenset()
        self._rearm = False
        self._last_event: float | None = None
        self._observer: BaseObserver | None = None
        self._watches: dict[str, tuple[Identity, ObservedWatch]] = {}
        self._way = Way()
        self._ask_again: float | None = None  # when, while the kernel refuses
        self._refused: Text | None = None
        self._told_blind = False

    def watch(self, files: Iterable[str]) -> None:
        """Watches these files, and the `*.yaml` in those of them that are directories. New paths
        make one call of `on_change`: they may have changed between being read and being watched."""
        paths = frozenset(os.path.abspath(path) for path in files)
        self._rearm = self._rearm or bool(paths - self._paths)
        self._paths = paths
        self._wake.set()

    async def run(self) -> None:
        """Watches until it is cancelled. The disk, which may hang (NFS), is asked in a thread."""
        seen: Fingerprint = {}
        try:
            while True:
                certain = await self._wait() or self._rearm
                self._rearm = False
                now = await asyncio.to_thread(self._look, self._paths)
                if self._refused is not None and not self._told_blind:
                    self._told_blind = True
                    self._on_blind(self._refused)
                if certain or now != seen:
                    self._on_change()
                seen = now
        finally:
            if self._observer is not None:
                self._observer.stop()

    def _event(self) -> None:
        self._last_event = self._clock()
        self._wake.set()

    async def _wait(self) -> bool:
        """Waits until there is something to look at. True: it was being written to all the while,
        so that the status may not show all of it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL if self._ask_again is None else BLIND_POLL):
                await self._wake.wait()
        self._wake.clear()
        last = self._last_event
        if last is None:
            return False
        latest = last + PATIENCE
        while (now := self._clock()) < min(last + QUIET, latest):
            await asyncio.sleep(min(last + QUIET, latest) - now)
            last = self._last_event or last
        self._last_event = None
        self._wake.clear()
        return now < last + QUIET

    def _look(self, paths: frozenset[str]) -> Fingerprint:
        try:
            self._watch_directories(paths)
        except Exception as error:  # noqa: BLE001 - a fault of watching: the files are compared
            self._ask_again = self._clock() + POLL
            fault = {"message": f"watching the configuration: {error!r}", "exception": error}
            self._loop.call_soon_threadsafe(self._loop.call_exception_handler, fault)
        return fingerprint(paths)

    def _watch_directories(self, paths: Iterable[str]) -> None:
        way = Way()
        for path in paths:
            way.add(path)
        wanted = way.directories()
        self._way = way  # whole at once: events are compared with it all the while
        for directory, (identity, watch) in list(self._watches.items()):
            if wanted.get(directory) != identity:
                if self._observer is not None:
                    self._observer.unschedule(watch)
                del self._watches[directory]
        if self._ask_again is not None and self._clock() < self._ask_again:
            return
        self._ask_again = None
        for directory, identity in wanted.items():
            if directory not in self._watches:
                try:
                    watch = self._schedule(directory, recursive=len(identity) > 1)
                    self._watches[directory] = identity, watch
                except FileNotFoundError:
                    pass  # gone since: the directory above tells of its return
                except (OSError, RuntimeError) as error:  # no watch, no inotify, no thread
                    self._ask_again = self._clock() + POLL
                    self._refused = words.unwatchable(
                        directory=directory, why=error, seconds=BLIND_POLL
                    )

    def _schedule(self, directory: str, *, recursive: bool) -> "ObservedWatch":
        from watchdog import events
        from watchdog.observers import Observer

        def changed(event: events.FileSystemEvent) -> None:
            # What happens to other files there does not wake the loop.
            if any(self._way.is_on_it(os.fsdecode(p)) for p in (event.src_path, event.dest_path)):
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    self._loop.call_soon_threadsafe(self._event)

        class Changes(events.FileSystemEventHandler):
            def on_any_event(self, event: events.FileSystemEvent) -> None:
                changed(event)

        if self._observer is None:
            # Its threads complain when they are stopped, on a stderr that is the journal's, and
            # warn of a directory that they find twice while it is made, which they put right.
            logging.getLogger("watchdog").addHandler(logging.NullHandler())
            warnings.filterwarnings("ignore", module=r"watchdog\.")
            observer = Observer()
            try:
                observer.start()
            except BaseException:
                observer.stop()
                raise
            self._observer = observer
        # Opening and reading are no changes; some versions of watchdog don't have all of these.
        kinds = [getattr(events, name) for name in _EVENTS if hasattr(events, name)]
        return self._observer.schedule(
            Changes(), directory, event_filter=kinds, recursive=recursive
        )


class Way:
    """What lies on the way to the files: the symbolic links, the files, and their directories, all
    by their real paths, as the kernel's events have them."""

    def __init__(self) -> None:
        self._points: set[str] = set()
        self._listed: set[str] = set()

    def add(self, path: str) -> None:
        """Adds the way to `path`, which is absolute, and may not exist."""
        links, end = follow(path)
        self._points.update(links, (end,), map(os.path.dirname, (*links, end)))
        if os.path.isdir(end):
            self._listed.add(end)

    def is_on_it(self, path: str) -> bool:
        """Whether what happens to `path` may matter."""
        return path in self._points or os.path.dirname(path) in self._listed

    def directories(self) -> dict[str, Identity]:
        """The directories to be watched, or for one that isn't there the next above. Each watch
        costs a thread: where all directories inside one are wanted, they are watched with it."""
        found: dict[str, Identity] = {}
        for wanted in [*self._listed, *map(os.path.dirname, self._points)]:
            directory = wanted
            while not os.path.isdir(directory) and directory != "/":
                self._points.add(directory)
                directory = os.path.dirname(directory)
            with contextlib.suppress(OSError):  # gone since: the one above it is among them, too
                status = os.stat(directory)
                found[directory] = [(status.st_dev, status.st_ino)]
        whole: set[str] = set()
        for directory in sorted(found, reverse=True):  # what is inside comes first
            with contextlib.suppress(OSError), os.scandir(directory) as entries:
                inside = [each.path for each in entries if each.is_dir(follow_symlinks=False)]
                if whole.issuperset(inside):
                    whole.add(directory)
                    found[directory] += [one for each in inside for one in found.pop(each)]
        return found


def fingerprint(paths: Iterable[str]) -> Fingerprint:
    """What changes when one of `paths` is written, replaced, or reached by another link."""
    found: Fingerprint = {}
    for path in paths:
        found[path] = _status(path)
        if os.path.isdir(path):
            try:
                names = drop_in_names(path)
            except OSError:
                names = []
            found[path] = tuple(names)
            for name in names:
                each = os.path.join(path, name)
                found[each] = _status(each)
    return found


def _status(path: str) -> tuple[object, ...]:
    try:
        status = os.stat(path)
    except OSError as error:
        return (error.errno,)
    return (
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns,
        status.st_mode, status.st_uid, status.st_gid,
    )  # fmt: skip
