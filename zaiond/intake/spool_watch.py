"""Tells when a file has been put into the spool, by inotify(7): once, until it is armed again. So
nobody can make it tell faster than it is asked, and nothing piles up.
"""

import asyncio
import contextlib
import ctypes
import os
from collections.abc import Callable

from zaiond.text import Text, in_japanese

_IN_MOVED_TO = 0x80  # interface 4: what is whole is renamed into place
_IN_ONLYDIR = 0x1000000
_IN_ONESHOT = 0x80000000
_ROOM = 65536  # for what the kernel has to tell
_libc = ctypes.CDLL(None, use_errno=True)


class SpoolWatch:
    """Calls `on_change`, in the loop, when a file has been put into `path` since it was armed.

    `on_blind` is called once, with a sentence, when the kernel refuses a watch (its limits are
    reached).
    """

    def __init__(
        self, path: str, on_change: Callable[[], object], on_blind: Callable[[Text], object]
    ) -> None:
        self._path = path
        self._on_change = on_change
        self._on_blind = on_blind
        self._loop = asyncio.get_running_loop()
        self._told = False
        self._inotify = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._inotify < 0:
            self._blind(ctypes.get_errno())
        else:
            self._loop.add_reader(self._inotify, self._tell)

    def arm(self) -> None:
        """From now on the next change is told; what was before is to be looked for."""
        if self._inotify < 0:
            return
        what = _IN_MOVED_TO | _IN_ONLYDIR | _IN_ONESHOT
        path = os.fsencode(self._path)
        if _libc.inotify_add_watch(self._inotify, path, ctypes.c_uint32(what)) < 0:
            self._blind(ctypes.get_errno())

    def _tell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._inotify, _ROOM)
        self._on_change()

    def _blind(self, number: int) -> None:
        if self._told:
            return
        self._told = True
        error = OSError(number, os.strerror(number))
        self._on_blind(
            Text(
                f"スプール {self._path} の変更通知を受けられません（{in_japanese(error)}）。"
                "ときどき調べます",
                f"the kernel refuses to tell of changes in the spool {self._path}"
                f" ({error.strerror}): it is looked at now and then",
            )
        )

    def stop(self) -> None:
        """Ends it."""
        if self._inotify >= 0:
            self._loop.remove_reader(self._inotify)
            os.close(self._inotify)
            self._inotify = -1
