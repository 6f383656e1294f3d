"""Tells when the files of the configuration have changed, however the editor wrote them.

The kernel tells of changes in a directory, so it is directories that are watched: each file's, the
one above it (the whole directory may be replaced), and those of every symbolic link on the way to
it. What has happened there is not looked into: the files' status before and after is compared. The
same comparison is made every 30 seconds, because NFS tells nothing, and every second while the
kernel refuses to tell (the limits of inotify are reached).
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from zaiond.config.links import follow
from zaiond.os_error import in_japanese
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


class ConfigWatch:
    """Calls `on_change`, in a thread of its own, some time after a change (see QUIET, PATIENCE).

    `on_blind` is called with a sentence, once, when the kernel refuses a watch: changes are looked
    for every second then. The watch is asked for again every 30 seconds.
    """

    def __init__(
        self, on_change: Callable[[], None], on_blind: Callable[[Text], object] | None = None
    ) -> None:
        self._on_change = on_change
        self._on_blind = on_blind
        self._wake = threading.Condition()
        self._paths: frozenset[str] = frozenset()
        self._rearm = False
        self._stopped = False
        self._last_event: float | None = None
        self._observer: BaseObserver | None = None
        self._watches: dict[str, tuple[tuple[int, int], ObservedWatch]] = {}
        self._way = Way()
        self._ask_again: float | None = None  # when, while the kernel refuses
        self._told_blind = False
        self._thread: threading.Thread | None = None

    def watch(self, files: Iterable[str]) -> None:
        """Watches these files, and the `*.yaml` in those of them that are directories.

        Paths that weren't watched before make one call of `on_change`: they may have changed after
        they were read and before they were watched.
        """
        with self._wake:
            paths = frozenset(os.path.abspath(path) for path in files)
            self._rearm = self._rearm or bool(paths - self._paths)
            self._paths = paths
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="config", daemon=True)
                self._thread.start()
            self._wake.notify()

    def stop(self) -> None:
        """Ends the watching; `on_change` isn't called any more once this returns."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def _event(self, *paths: str) -> None:
        if not any(self._way.is_on_it(path) for path in paths):
            return
        with self._wake:
            self._last_event = time.monotonic()
            self._wake.notify()

    def _run(self) -> None:
        seen: Fingerprint = {}
        try:
            while True:
                certain = self._wait()
                if self._stopped:
                    return
                with self._wake:
                    certain = certain or self._rearm
                    self._rearm = False
                    paths = self._paths
                self._watch_directories(paths)
                now = fingerprint(paths)
                if certain or now != seen:
                    self._on_change()
                seen = now
        finally:
            if self._observer is not None:
                self._observer.stop()
                self._observer.join()

    def _wait(self) -> bool:
        """Waits until there is something to look at.

        True: it was being written to all the while, so that the status may not show all of it.
        """
        with self._wake:
            poll = POLL if self._ask_again is None else BLIND_POLL
            self._wake.wait_for(lambda: self._stopped or self._rearm or self._last_event, poll)
            first = self._last_event
            while first is not None and not self._stopped:
                now = time.monotonic()
                quiet = (self._last_event or first) + QUIET
                if now >= quiet or now >= first + PATIENCE:
                    self._last_event = None
                    return now < quiet
                self._wake.wait(min(quiet, first + PATIENCE) - now)
            return False

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
        if self._ask_again is not None and time.monotonic() < self._ask_again:
            return
        self._ask_again = None
        for directory, identity in wanted.items():
            if directory not in self._watches:
                try:
                    self._watches[directory] = identity, self._schedule(directory)
                except FileNotFoundError:
                    pass  # gone since: the directory above tells of its return
                except (OSError, RuntimeError) as error:  # no watch, no inotify, no thread
                    self._ask_again = time.monotonic() + POLL
                    self._tell_blind(directory, error)

    def _schedule(self, directory: str) -> "ObservedWatch":
        from watchdog import events
        from watchdog.observers import Observer

        changed = self._event

        class Changes(events.FileSystemEventHandler):
            def on_any_event(self, event: events.FileSystemEvent) -> None:
                changed(os.fsdecode(event.src_path), os.fsdecode(event.dest_path))

        if self._observer is None:
            # Its threads complain when they are stopped, on a stderr that is the journal's.
            logging.getLogger("watchdog").addHandler(logging.NullHandler())
            observer = Observer()
            try:
                observer.start()
            except BaseException:
                observer.stop()
                raise
            self._observer = observer
        # Opening and reading are no changes; some versions of watchdog don't have all of these.
        kinds = [getattr(events, name) for name in _EVENTS if hasattr(events, name)]
        return self._observer.schedule(Changes(), directory, event_filter=kinds)

    def _tell_blind(self, directory: str, error: OSError | RuntimeError) -> None:
        if self._on_blind is not None and not self._told_blind:
            self._told_blind = True
            ja = in_japanese(error) if isinstance(error, OSError) else str(error)
            en = (isinstance(error, OSError) and error.strerror) or str(error)
            self._on_blind(
                Text(
                    ja=f"{directory} の変更通知をカーネルから受けられないため（{ja}）、"
                    f"設定の変更は {BLIND_POLL:g} 秒ごとに調べます。"
                    "sysctl で fs.inotify.max_user_instances と fs.inotify.max_user_watches を"
                    "増やしてください",
                    en=f"the kernel refuses to tell of changes in {directory} ({en}): the "
                    f"configuration is looked at every {BLIND_POLL:g} s. Raise "
                    "fs.inotify.max_user_instances and fs.inotify.max_user_watches (sysctl)",
                )
            )


class Way:
    """What lies on the way to the files: the symbolic links, the files, and their directories.

    Everything here is a real path, as the kernel's events have it.
    """

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

    def directories(self) -> dict[str, tuple[int, int]]:
        """The directories to be watched, or for one that isn't there the next above; with device
        and inode, for another directory may take the path."""
        found: dict[str, tuple[int, int]] = {}
        for wanted in [*self._listed, *map(os.path.dirname, self._points)]:
            directory = wanted
            while not os.path.isdir(directory) and directory != "/":
                self._points.add(directory)
                directory = os.path.dirname(directory)
            try:
                status = os.stat(directory)
            except OSError:
                continue  # gone between two looks: the one above it is among them, too
            found[directory] = status.st_dev, status.st_ino
        return found


def fingerprint(paths: Iterable[str]) -> Fingerprint:
    """What changes when one of `paths` is written, replaced, or reached by another link."""
    found: Fingerprint = {}
    for path in paths:
        found[path] = _status(path)
        if os.path.isdir(path):
            try:
                names = sorted(name for name in os.listdir(path) if name.endswith(".yaml"))
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
