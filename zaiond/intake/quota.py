"""What each user that emits may take up, and all together, and what they take up: `Quotas` counts
connections and events that wait, `ReadAhead` what is in memory and not answered yet. Pure.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from zaiond.config.schema import Limits
from zaiond.errors import EventError
from zaiond.intake import words
from zaiond.text import Text
from zaiond.users import NO_UID

USERS = 16  # all users together may have as much as so many of them
FEW = 256  # of half of that, as much as a user may have who has little, is one of so many parts

OF_CONNECTION = 64 * 1024  # of whole lines
OF_USER = 1024 * 1024
OF_ALL = 16 * 1024 * 1024
A_READ = 64 * 1024
A_LITTLE = 4 * 1024  # a read beyond the bound
UNREAD_OF_USER = 4 * 1024 * 1024  # replies that his connections have not read
UNREAD_OF_ALL = 16 * 1024 * 1024


class _Usage(msgspec.Struct):
    connections: int = 0
    events: int = 0
    bytes: int = 0


class _Uid(msgspec.Struct):
    """Whose it is for as long as anything of it counts, whatever becomes of /etc/subuid."""

    user: int
    usage: _Usage  # of the user
    connections: int = 0
    events: int = 0
    bytes: int = 0


class Quotas:
    """Counts by user, against `limits`, those in force, and over all.
    `user_of` says whose a uid is; of all connections there are `most_connections` at most.
    Root is not bound by what all have together. Another machine of the fleet is bound by that
    alone: its events were admitted there, and what of it waits in the stream holds up all others.
    """

    def __init__(
        self,
        usage: dict[int, tuple[int, int]],
        user_of: Callable[[int], int] = int,
        most_connections: int = 1024,
    ) -> None:
        self.user_of = user_of
        self._most_connections = most_connections
        self._uids: dict[int, _Uid] = {}
        self._users: dict[int, _Usage] = {}
        self.in_all = _Usage()
        self.limits = Limits()
        for uid, (events, size) in usage.items():
            if events:
                self._add(uid, self._uid(uid), 0, events, size)

    def waiting(self) -> dict[int, tuple[int, int]]:
        """Events accepted and not yet ended, and their bytes, by uid."""
        return {uid: (of.events, of.bytes) for uid, of in self._uids.items()}

    def connect(self, uid: int) -> None:
        """Counts a connection. Raises EventError `quota`."""
        of = self._uid(uid)
        most = self.limits.connections
        if of.usage.connections >= most:
            raise _quota(words.too_many_connections(most=most))
        most, by = USERS * most, f"{USERS} × limits.connections"
        if self._most_connections < most:
            most, by = self._most_connections, "LimitNOFILE="
        if of.user and not _has_room(of.usage.connections + 1, self.in_all.connections + 1, most):
            raise _quota(words.too_many_connections_in_all(by=by, most=most))
        self._add(uid, of, 1, 0, 0)

    def disconnect(self, uid: int) -> None:
        self._add(uid, self._uids[uid], -1, 0, 0)

    def reserve(self, uid: int, events: int, size: int) -> None:
        """Counts events, of `size` bytes together, that are to be accepted: all of them or none.

        Raises EventError `quota`.
        """
        of = self._uid(uid)
        usage, all_ = of.usage, self.in_all
        each = (
            ("events", usage.events + events, all_.events + events, self.limits.events_waiting),
            ("bytes", usage.bytes + size, all_.bytes + size, self.limits.bytes_waiting),
        )
        for what, own, _, most in each:
            if own > most and of.user <= NO_UID:
                raise _quota(words.too_much(what=what, most=most))
        for what, own, in_all, most in each if of.user else ():
            if not _has_room(own, in_all, USERS * most):
                raise _quota(words.too_much_in_all(what=what, users=USERS, most=USERS * most))
        self._add(uid, of, 0, events, size)

    def count(self, uid: int, size: int) -> None:
        """Counts an event of the daemon's own: there is always room for it."""
        self._add(uid, self._uid(uid), 0, 1, size)

    def release(self, uid: int, size: int) -> None:
        """An event of `size` bytes ended, or was not accepted after all."""
        of = self._uids.get(uid)
        if of is not None and of.events:
            self._add(uid, of, 0, -1, -size)

    def recounted(self, more: Mapping[int, tuple[int, int]]) -> None:
        """So many events and bytes more wait of each uid than was counted, or fewer."""
        for uid, (events, size) in more.items():
            of = self._uid(uid)
            self._add(uid, of, 0, max(events, -of.events), max(size, -of.bytes))

    def _uid(self, uid: int) -> _Uid:
        of = self._uids.get(uid)
        if of is None:
            user = self.user_of(uid)
            of = _Uid(user, self._users.get(user) or _Usage())
        return of

    def _add(self, uid: int, of: _Uid, connections: int, events: int, size: int) -> None:
        """What nothing is left of is forgotten."""
        if connections:
            for each in (of, of.usage, self.in_all):
                each.connections += connections
        if events or size:
            for each in (of, of.usage, self.in_all):
                each.events += events
                each.bytes += size
        if of.events or of.connections:
            if uid not in self._uids:
                self._uids[uid] = of
                self._users[of.user] = of.usage
            return
        self.in_all.bytes -= of.bytes
        of.usage.bytes -= of.bytes
        self._uids.pop(uid, None)
        if not (of.usage.connections or of.usage.events):
            self._users.pop(of.user, None)


def _has_room(own: int, all_: int, most: int) -> bool:
    """Whether a user may have so much, when all have so much then. The first half is for whoever
    comes; the second one for those who have little, so that nobody finds it full of others'.
    """
    half = most // 2
    return all_ <= half or (all_ <= most and own <= max(1, half // FEW))


def _quota(text: Text) -> EventError:
    return EventError("quota", text)


class Read(Protocol):
    """A connection that is read: how many bytes it keeps, and how many of them are whole lines."""

    kept: int
    whole: int

    def read(self, on: bool, /) -> None: ...


class Share(msgspec.Struct, eq=False):
    """What of one user is here."""

    kept: int = 0
    unread: int = 0
    connections: int = 0
    goes_on: Read | None = None  # beyond the bound, until the line that it has begun is taken
    waiting: dict[Read, None] = {}


class ReadAhead:
    """Which connections of the event socket are read, so that what is read ahead of the commits has
    a bound in bytes: for each connection, for each user, and over all.

    Beyond the bound, who has begun a line waits for his turn to end it: of each user one connection
    goes on, so that nothing stands still. Who has nothing here is read a little, which may be a
    line.
    """

    def __init__(self) -> None:
        self.kept = 0
        self.unread = 0
        self._is_tight = False  # there is too much of all users together
        self._of: dict[int, Share] = {}

    def opened(self, user: int) -> Share:
        """The share of a user who has one more connection."""
        share = self._of.setdefault(user, Share())
        share.connections += 1
        return share

    def closed(self, user: int) -> None:
        """One of the user's connections is gone, and keeps nothing."""
        share = self._of[user]
        share.connections -= 1
        if not share.connections:
            del self._of[user]

    def at_once(self, share: Share, connection: Read) -> int:
        """How many bytes may be read now."""
        if connection is share.goes_on or not self._is_over(share):
            return A_READ
        return A_LITTLE

    def keeps(self, share: Share, connection: Read, kept: int, whole: int) -> None:
        """A connection keeps so many bytes now, of which so many are whole lines: it has been read,
        or they were taken from it.
        """
        change = kept - connection.kept
        connection.kept, connection.whole = kept, whole
        share.kept += change
        self.kept += change
        if self.kept > OF_ALL:
            self._is_tight = True
        elif self._is_tight and self.kept <= OF_ALL // 2:
            self._is_tight = False
            for each in list(self._of.values()):
                self._let_in(each)
        if connection is share.goes_on and change < 0 and not whole:
            share.goes_on = None
            share.waiting.pop(connection, None)  # behind the others
        if (self._is_over(share) and kept) or whole >= OF_CONNECTION:
            share.waiting.setdefault(connection)
            connection.read(connection is share.goes_on and not whole)
        else:
            share.waiting.pop(connection, None)
            connection.read(True)
        if share.waiting:
            self._let_in(share)

    def leaves_unread(self, share: Share, change: int) -> bool:
        """So many bytes of replies more are not read. Whether that is too much in all."""
        share.unread += change
        self.unread += change
        return share.unread > UNREAD_OF_USER or self.unread > UNREAD_OF_ALL

    def _is_over(self, share: Share) -> bool:
        return self._is_tight or share.kept > OF_USER

    def _let_in(self, share: Share) -> None:
        is_over = self._is_over(share)
        if is_over and share.goes_on is not None:
            return
        for connection in list(share.waiting):
            if is_over and not connection.whole:
                share.goes_on = connection
                del share.waiting[connection]
                connection.read(True)
                return
            if not is_over and connection.whole < OF_CONNECTION:
                del share.waiting[connection]
                connection.read(True)
