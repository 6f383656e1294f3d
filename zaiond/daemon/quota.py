"""What each user that emits may take up, and what it takes up. Pure: counts, no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass

from zaiond.errors import EventError
from zaiond.text import Text


@dataclass(slots=True)
class _Usage:
    connections: int = 0
    events: int = 0
    bytes: int = 0


class Quotas:
    """Counts by uid, against the limits in force (`limits` of the configuration)."""

    def __init__(self, usage: dict[int, tuple[int, int]]) -> None:
        self._of = {uid: _Usage(0, events, size) for uid, (events, size) in usage.items()}
        self.connections = 64
        self.events_waiting = 100_000
        self.bytes_waiting = 256 * 1024 * 1024

    @property
    def events(self) -> int:
        """All events accepted and not yet ended."""
        return sum(usage.events for usage in self._of.values())

    def waiting(self) -> dict[int, tuple[int, int]]:
        """Events accepted and not yet ended, and their bytes, by uid."""
        return {uid: (usage.events, usage.bytes) for uid, usage in self._of.items()}

    def connect(self, uid: int) -> bool:
        """Counts a connection, unless the user has all it may have."""
        usage = self._usage(uid)
        if usage.connections >= self.connections:
            return False
        usage.connections += 1
        return True

    def disconnect(self, uid: int) -> None:
        """A counted connection ended."""
        usage = self._usage(uid)
        usage.connections -= 1
        self._forget(uid, usage)

    def reserve(self, uid: int, events: int, size: int) -> None:
        """Counts events, of `size` bytes together, that are to be accepted: all of them or none.

        Raises EventError `quota`.
        """
        usage = self._usage(uid)
        if usage.events + events > self.events_waiting:
            raise _quota("limits.events_waiting", self.events_waiting)
        if usage.bytes + size > self.bytes_waiting:
            raise _quota("limits.bytes_waiting", self.bytes_waiting)
        usage.events += events
        usage.bytes += size

    def count(self, uid: int, size: int) -> None:
        """Counts an event of the daemon's own: there is always room for it."""
        usage = self._usage(uid)
        usage.events += 1
        usage.bytes += size

    def release(self, uid: int, size: int) -> None:
        """An event of `size` bytes ended, or was not accepted after all."""
        usage = self._usage(uid)
        usage.events -= 1
        usage.bytes -= size
        self._forget(uid, usage)

    def recounted(self, more: Mapping[int, tuple[int, int]]) -> None:
        """So many events and bytes more wait of each user than was counted, or fewer."""
        for uid, (events, size) in more.items():
            usage = self._usage(uid)
            usage.events = max(0, usage.events + events)
            usage.bytes = max(0, usage.bytes + size)
            self._forget(uid, usage)

    def _usage(self, uid: int) -> _Usage:
        usage = self._of.get(uid)
        if usage is None:
            usage = self._of[uid] = _Usage()
        return usage

    def _forget(self, uid: int, usage: _Usage) -> None:
        if not (usage.connections or usage.events or usage.bytes):
            del self._of[uid]


def _quota(key: str, limit: int) -> EventError:
    return EventError(
        "quota",
        Text(
            f"送信待ちのイベントが上限（{key}: {limit}）に達しています。後でもう一度送ってください",
            f"too much is waiting to be mailed ({key}: {limit}): send it again later",
        ),
    )
