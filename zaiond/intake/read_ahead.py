"""Which connections of the event socket are read, so that what is read ahead of the commits has a
bound in bytes: for each connection, for each user, and over all. Pure: it says who is to be read.

Beyond the bound, who has begun a line waits for his turn to end it: of each user one connection
goes on, so that nothing stands still. Who has nothing here is read a little, which may be a line.
"""

from dataclasses import dataclass, field
from typing import Protocol

OF_CONNECTION = 64 * 1024  # of whole lines
OF_USER = 1024 * 1024
OF_ALL = 16 * 1024 * 1024
A_READ = 64 * 1024
A_LITTLE = 4 * 1024  # a read beyond the bound
UNREAD_OF_USER = 4 * 1024 * 1024  # replies that his connections have not read
UNREAD_OF_ALL = 16 * 1024 * 1024


class Read(Protocol):
    """A connection that is read: how many bytes it keeps, and how many of them are whole lines."""

    kept: int
    whole: int

    def read(self, on: bool, /) -> None:
        """Is to be read, or not."""


@dataclass(slots=True, eq=False)
class Share:
    """What of one user is here."""

    kept: int = 0
    unread: int = 0
    connections: int = 0
    goes_on: Read | None = None  # beyond the bound, until the line that it has begun is taken
    waiting: dict[Read, None] = field(default_factory=dict)


class ReadAhead:
    """Counts what is kept by user."""

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
        """Those that wait and may be read."""
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
