"""Whose a uid is: those that rootless containers run under (subuid(5)) are their owner's."""

import contextlib
import os
import pwd
from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

SUBUID = "/etc/subuid"
LOOK_INTERVAL = 5.0  # seconds between two looks whether the file has changed
MOST_BYTES = 1024 * 1024  # of the file that are read
MOST_KNOWN = 1000


class _Range(NamedTuple):
    start: int
    end: int
    owner: str  # a name or a number


class _Table:
    """The ranges of the file, in order, and the users found by them."""

    def __init__(self, ranges: list[_Range]) -> None:
        self.ranges = ranges
        self.known: dict[int, int] = {}


class UserOf:
    """Asked from any thread. `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float], path: str = SUBUID) -> None:
        self._monotonic = monotonic
        self._path = path
        self._look_at = 0.0
        self._stamp: tuple[int, int, int] | None = None
        self._table = _Table([])

    def __call__(self, uid: int) -> int:
        """The uid of the user who owns `uid`: itself, where it is not subordinate."""
        now = self._monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_INTERVAL
            self._look()
        # It is asked from several threads: what it answers by is replaced as a whole.
        table = self._table
        user = table.known.get(uid)
        if user is None:
            if len(table.known) >= MOST_KNOWN:
                table.known.clear()
            user = table.known[uid] = _owner(table.ranges, uid)
        return user

    def _look(self) -> None:
        try:
            found = os.stat(self._path)
            stamp = found.st_mtime_ns, found.st_size, found.st_ino
            if stamp == self._stamp:
                return
            with open(self._path, "rb") as file:
                lines = file.read(MOST_BYTES)
        except OSError:  # most systems have none
            stamp, lines = None, b""
        self._stamp = stamp
        self._table = _Table(_read(lines))


def _owner(ranges: list[_Range], uid: int) -> int:
    at = bisect_right(ranges, uid, key=lambda one: one.start) - 1
    if uid == 0 or at < 0 or uid >= ranges[at].end:
        return uid
    of = ranges[at]
    owner = None
    with contextlib.suppress(KeyError, ValueError):
        owner = int(of.owner) if of.owner.isdecimal() else pwd.getpwnam(of.owner).pw_uid
    # What a container of root's does is not to cost root itself its share.
    return owner or of.start


def _read(lines: bytes) -> list[_Range]:
    """What of the file makes sense, in order, none over another."""
    found: list[_Range] = []
    for line in lines.decode(errors="surrogateescape").splitlines():
        owner, _, numbers = line.strip().partition(":")
        start, _, count = numbers.partition(":")
        if owner and start.isdecimal() and count.isdecimal() and len(start + count) <= 20:
            found.append(_Range(int(start), int(start) + int(count), owner))
    apart: list[_Range] = []
    for one in sorted(found):
        begin = max(one.start, apart[-1].end if apart else 0)
        if begin < one.end:
            apart.append(one._replace(start=begin))
    return apart
