"""What each user that emits may take up, and all together, and what they take up. Pure: counts, no
I/O.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zaiond.errors import EventError
from zaiond.text import Text

USERS = 16  # all users together may have as much as so many of them


@dataclass(slots=True)
class _Usage:
    connections: int = 0
    events: int = 0
    bytes: int = 0


@dataclass(slots=True)
class _Uid:
    """Whose it is for as long as anything of it counts, whatever becomes of /etc/subuid."""

    user: int
    usage: _Usage  # of the user
    connections: int = 0
    events: int = 0
    bytes: int = 0


class Quotas:
    """Counts by user, against the limits in force (`limits` of the configuration), and over all.
    `user_of` says whose a uid is; of all connections there are `most_connections` at most.
    Root is not bound by what all have together.
    """

    def __init__(
        self,
        usage: dict[int, tuple[int, int]],
        user_of: Callable[[int], int] = int,
        most_connections: int = 1024,
    ) -> None:
        self._user_of = user_of
        self._most_connections = most_connections
        self._uids: dict[int, _Uid] = {}
        self._users: dict[int, _Usage] = {}
        self._all = _Usage()
        self.connections = 64
        self.events_waiting = 100_000
        self.bytes_waiting = 256 * 1024 * 1024
        for uid, (events, size) in usage.items():
            if events:
                self._add(self._uid(uid), events, size)

    @property
    def events(self) -> int:
        """All events accepted and not yet ended."""
        return self._all.events

    def waiting(self) -> dict[int, tuple[int, int]]:
        """Events accepted and not yet ended, and their bytes, by uid."""
        return {uid: (of.events, of.bytes) for uid, of in self._uids.items()}

    def connect(self, uid: int) -> None:
        """Counts a connection. Raises EventError `quota`."""
        of = self._uid(uid)
        try:
            if of.usage.connections >= self.connections:
                raise _too_many_connections(self.connections)
            if of.user and self._all.connections >= USERS * self.connections:
                raise _too_many_connections_in_all(
                    f"{USERS} × limits.connections", USERS * self.connections
                )
            if of.user and self._all.connections >= self._most_connections:
                raise _too_many_connections_in_all("LimitNOFILE=", self._most_connections)
        except EventError:
            self._forget(uid, of)
            raise
        self._connect(of, 1)

    def disconnect(self, uid: int) -> None:
        """A counted connection ended."""
        of = self._uids[uid]
        self._connect(of, -1)
        self._forget(uid, of)

    def reserve(self, uid: int, events: int, size: int) -> None:
        """Counts events, of `size` bytes together, that are to be accepted: all of them or none.

        Raises EventError `quota`.
        """
        of = self._uid(uid)
        usage, all_ = of.usage, self._all
        try:
            if usage.events + events > self.events_waiting:
                raise _too_much("limits.events_waiting", self.events_waiting)
            if usage.bytes + size > self.bytes_waiting:
                raise _too_much("limits.bytes_waiting", self.bytes_waiting)
            if of.user and all_.events + events > USERS * self.events_waiting:
                raise _too_much_in_all("limits.events_waiting", USERS * self.events_waiting)
            if of.user and all_.bytes + size > USERS * self.bytes_waiting:
                raise _too_much_in_all("limits.bytes_waiting", USERS * self.bytes_waiting)
        except EventError:
            self._forget(uid, of)
            raise
        self._add(of, events, size)

    def count(self, uid: int, size: int) -> None:
        """Counts an event of the daemon's own: there is always room for it."""
        self._add(self._uid(uid), 1, size)

    def release(self, uid: int, size: int) -> None:
        """An event of `size` bytes ended, or was not accepted after all."""
        of = self._uids.get(uid)
        if of is not None and of.events:
            self._add(of, -1, -size)
            self._forget(uid, of)

    def recounted(self, more: Mapping[int, tuple[int, int]]) -> None:
        """So many events and bytes more wait of each uid than was counted, or fewer."""
        for uid, (events, size) in more.items():
            of = self._uid(uid)
            self._add(of, max(events, -of.events), max(size, -of.bytes))
            self._forget(uid, of)

    def _uid(self, uid: int) -> _Uid:
        of = self._uids.get(uid)
        if of is None:
            user = self._user_of(uid)
            usage = self._users.get(user)
            if usage is None:
                usage = self._users[user] = _Usage()
            of = self._uids[uid] = _Uid(user, usage)
        return of

    def _connect(self, of: _Uid, connections: int) -> None:
        for each in (of, of.usage, self._all):
            each.connections += connections

    def _add(self, of: _Uid, events: int, size: int) -> None:
        for each in (of, of.usage, self._all):
            each.events += events
            each.bytes += size

    def _forget(self, uid: int, of: _Uid) -> None:
        if of.connections or of.events:
            return
        self._add(of, 0, -of.bytes)
        del self._uids[uid]
        if not (of.usage.connections or of.usage.events):
            del self._users[of.user]


def _too_many_connections(limit: int) -> EventError:
    return EventError(
        "quota",
        Text(
            f"このユーザーの接続数が上限（limits.connections: {limit}）に達しています",
            f"this user has as many connections as it may (limits.connections: {limit})",
        ),
    )


def _too_many_connections_in_all(by: str, limit: int) -> EventError:
    return EventError(
        "quota",
        Text(
            f"全ユーザーの接続数の合計が上限（{by}: {limit}）に達しています。"
            "後でもう一度接続してください",
            f"all users together have as many connections as there may be ({by}: {limit}): connect"
            " again later",
        ),
    )


def _too_much(key: str, limit: int) -> EventError:
    return EventError(
        "quota",
        Text(
            f"送信待ちのイベントが上限（{key}: {limit}）に達しています。後でもう一度送ってください",
            f"too much is waiting to be mailed ({key}: {limit}): send it again later",
        ),
    )


def _too_much_in_all(key: str, limit: int) -> EventError:
    return EventError(
        "quota",
        Text(
            f"全ユーザーの送信待ちのイベントの合計が上限（{USERS} × {key}: {limit}）に"
            "達しています。後でもう一度送ってください",
            f"of all users together too much is waiting to be mailed ({USERS} × {key}: {limit}):"
            " send it again later",
        ),
    )
