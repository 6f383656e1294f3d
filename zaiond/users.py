"""The users that emit: whose a uid is, and what its user is called.

A user of another machine of the fleet has a uid here that no user of this one can have: the
machine's number, and below it the user's own (`abroad`).

The uids that rootless containers run under (subuid(5)) are their owner's. For that no name service
is asked, as it may hang (LDAP), and everybody with it. The range of a name that /etc/passwd doesn't
have is a user of its own.
"""

import math
import os
import pwd
import threading
from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple

SUBUID = "/etc/subuid"
PASSWD = "/etc/passwd"  # noqa: S105 - no password
LOOK_INTERVAL = 5.0  # seconds between two looks whether the file has changed
MOST_BYTES = 1024 * 1024  # of a file that are read
MOST_KNOWN = 1000  # uids and names
NAME_KEPT_FOR = 60.0  # seconds: a name may be given or changed while the daemon runs
NO_UID = 2**32 - 1  # (uid_t) -1, which is none; of a machine it stands for the machine itself
PATIENCE = 0.5  # seconds that everybody waits for a name: most come from a file, at once


def abroad(machine: int, uid: int) -> int:
    """The uid here of a user of another machine, by the machine's number (from 1 on). With fewer
    than 2**21 machines every JSON number holds it.
    """
    return machine << 32 | uid


class _Range(NamedTuple):
    start: int
    end: int
    owner: int  # 0: root, or not known


class UserOf:
    """Asked from any thread. `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float], path: str = SUBUID) -> None:
        self._monotonic = monotonic
        self._path = path
        self._look_at = 0.0
        self._stamp: tuple[int, int, int] | None = None
        # The ranges in order, and the users found by them: replaced as a whole, for other threads.
        self._table: tuple[list[_Range], dict[int, int]] = [], {}

    def __call__(self, uid: int) -> int:
        """The uid of the user who owns `uid`: itself, where it is not subordinate. All users of
        another machine are that machine.
        """
        if uid > NO_UID:
            return uid | NO_UID
        now = self._monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_INTERVAL
            self._look()
        ranges, known = self._table
        user = known.get(uid)
        if user is None:
            if len(known) >= MOST_KNOWN:
                known.clear()
            user = known[uid] = _owner(ranges, uid)
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
        self._table = ranges, {}


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
    numbers = {user[0]: user[2] for user in users if len(user) > 2}
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


class UserNames:
    """`monotonic` gives seconds. `abroad` names the users of other machines, `uid_abroad` finds one
    by that name.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.abroad: Callable[[int], str] = lambda _: ""
        self.uid_abroad: Callable[[str], int | None] = lambda _: None
        self.asking: threading.Thread | None = None  # the name service, which may hang (LDAP)
        self._monotonic = monotonic
        self._known: dict[int, tuple[str, float]] = {}

    def __call__(self, uid: int) -> str:
        """The name of a user; '' where it has none, or none is known yet."""
        if uid > NO_UID:
            return self.abroad(uid)
        name, at = self._known.get(uid, ("", -math.inf))
        if self._monotonic() - at < NAME_KEPT_FOR or (self.asking and self.asking.is_alive()):
            return name
        self.asking = threading.Thread(target=self._look_up, args=(uid,), daemon=True)
        self.asking.start()
        self.asking.join(PATIENCE)
        return self._known.get(uid, (name, at))[0]

    def shown(self, uid: int) -> str:
        """Who a user is, for a person."""
        return self(uid) or f"uid {uid}"

    def _look_up(self, uid: int) -> None:
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            name = ""
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[uid] = name, self._monotonic()
