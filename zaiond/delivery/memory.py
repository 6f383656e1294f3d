"""The events that come next and are not read from disk again. Pure."""

from collections import deque
from collections.abc import Iterable

from zaiond.model import StoredEvent

KEPT_IN_MEMORY = 1000
KEPT_BYTES = 4 * 1024 * 1024


class Memory:
    """The events that wait and were taken in first: all of them up to `through`."""

    def __init__(self, through: int) -> None:
        self.through = through
        self.events: deque[StoredEvent] = deque()
        self._bytes = 0

    def extend(self, events: list[StoredEvent]) -> None:
        """Those that come next."""
        self.events.extend(events)
        self._bytes += _size(events)
        self.through = events[-1].seq

    def has_room_for(self, events: list[StoredEvent]) -> bool:
        """Whether they can be kept, too."""
        return (
            len(self.events) + len(events) <= KEPT_IN_MEMORY
            and self._bytes + _size(events) <= KEPT_BYTES
        )

    def remove(self, gone: Iterable[int]) -> None:
        """These wait no longer."""
        seqs = set(gone)
        while self.events and self.events[0].seq in seqs:
            seqs.discard(self.events[0].seq)
            self._bytes -= len(self.events.popleft().body)
        if seqs:
            self.events = deque(event for event in self.events if event.seq not in seqs)
            self._bytes = _size(self.events)

    def first(self, most: int, size: int) -> list[StoredEvent]:
        """The first ones, at most so many, none beyond the one with which they are `size` bytes."""
        found: list[StoredEvent] = []
        for event in self.events:
            if len(found) >= most or size <= 0:
                break
            found.append(event)
            size -= len(event.body)
        return found


def _size(events: Iterable[StoredEvent]) -> int:
    return sum(len(event.body) for event in events)
