"""Whose a uid is: those that rootless containers run under (subuid(5)) are their owner's.

No name service is asked, for it may hang (LDAP), and everybody with it. The range of a name that
/etc/passwd doesn't have is a user of its own.
"""

import os
from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

SUBUID = "/etc/subuid"
PASSWD = "/etc/passwd"  # noqa: S105 - no password
LOOK_INTERVAL = 5.0  # seconds between two looks whether the file has changed
MOST_BYTES = 1024 * 1024  # of a file that are read
MOST_KNOWN = 1000


class _Range(NamedTuple):
    start: int
    end: int
    owner: int  # 0: root, or not known


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
            ranges = _read(_fields(self._path), _fields(PASSWD))
        except OSError:  # most systems have none
            stamp, ranges = None, []
        self._stamp = stamp
        self._table = _Table(ranges)


def _owner(ranges: list[_Range], uid: int) -> int:
    at = bisect_right(ranges, uid, key=lambda one: one.start) - 1
    if uid == 0 or at < 0 or uid >= ranges[at].end:
        return uid
    # What a container of root's does is not to cost root itself its share.
    return ranges[at].owner or ranges[at].start


def _fields(path: str) -> list[list[str]]:
    with open(path, "rb") as file:
        lines = file.read(MOST_BYTES).decode(errors="surrogateescape").splitlines()
    return [line.strip().split(":") for line in lines]


def _read(lines: list[list[str]], users: list[list[str]]) -> list[_Range]:
    """What of the file makes sense, in order, none over another."""
    numbers = {name: number for name, _, number, *_ in (user for user in users if len(user) > 2)}
    found: list[_Range] = []
    for line in lines:
        if len(line) != 3 or not all(line):
            continue
        owner, start, count = line
        if start.isdecimal() and count.isdecimal() and len(start + count) <= 20:
            number = owner if owner.isdecimal() else numbers.get(owner, "0")
            of = int(number) if number.isdecimal() and len(number) <= 10 else 0
            found.append(_Range(int(start), int(start) + int(count), of))
    apart: list[_Range] = []
    for one in sorted(found):
        begin = max(one.start, apart[-1].end if apart else 0)
        if begin < one.end:
            apart.append(one._replace(start=begin))
    return apart
