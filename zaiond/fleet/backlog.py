"""What has come from the stream and is not acknowledged: by machine in order, in turns over the
machines. Pure.

What has no room (its machine's quota, the disk) waits here, and what is behind it of the same
machine with it: a problem's end never overtakes its beginning. When it is full, no more is fetched
and the stream keeps the rest.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from zaiond.model import NewEvent

MOST = 2000  # letters
MOST_BYTES = 16 * 1024 * 1024


class Waiting(NamedTuple):
    """A letter that waits: its sequence in the stream, and the event that it is."""

    sequence: int
    machine: str
    event: NewEvent

    @property
    def size(self) -> int:
        return len(self.event[4])


class Backlog:
    """All that was fetched and not acknowledged, once each however often it comes."""

    def __init__(self) -> None:
        self._of: dict[str, deque[Waiting]] = {}
        self._replies: dict[int, str] = {}  # where each is acknowledged, by sequence
        self._bytes = 0
        self._waiting = 0

    @property
    def is_full(self) -> bool:
        """Whether no more is to be fetched."""
        return len(self._replies) >= MOST or self._bytes >= MOST_BYTES

    @property
    def waiting(self) -> int:
        """How many are not on disk."""
        return self._waiting

    def knows(self, sequence: int, reply: str) -> bool:
        """Whether this one is here already: it came again, and is acknowledged there."""
        if sequence not in self._replies:
            return False
        self._replies[sequence] = reply
        return True

    def add(self, one: Waiting, reply: str) -> None:
        """It came, behind all others of its machine."""
        self._replies[one.sequence] = reply
        self._of.setdefault(one.machine, deque()).append(one)
        self._bytes += one.size
        self._waiting += 1

    def first(self, most: int, size: int, has_room: Callable[[Waiting], bool]) -> list[Waiting]:
        """The next ones that there is room for, at most so many, of about so many bytes: one of
        each machine, then the next of each. They stay until they are `taken`.
        """
        found: list[Waiting] = []
        turns = deque(iter(list(each)) for each in self._of.values())
        while turns and len(found) < most and size > 0:
            line = turns.popleft()
            one = next(line, None)
            if one is None or not has_room(one):
                continue
            found.append(one)
            size -= one.size
            turns.append(line)
        return found

    def taken(self, taken: Iterable[Waiting]) -> None:
        """These, as `first` gave them, are on disk; they are to be acknowledged."""
        for one in taken:
            line = self._of[one.machine]
            line.popleft()
            self._waiting -= 1
            self._bytes -= one.size
            if not line:
                del self._of[one.machine]
        # Whose turn it was first is the last one the next time.
        if self._of:
            first = next(iter(self._of))
            self._of[first] = self._of.pop(first)

    def again(self, one: Waiting) -> None:
        """One that was taken has become this, which is to be on disk, too."""
        self._of.setdefault(one.machine, deque()).appendleft(one)
        self._bytes += one.size
        self._waiting += 1

    def replies(self, sequences: Sequence[int]) -> list[str]:
        """Where these are acknowledged."""
        return [self._replies[sequence] for sequence in sequences]

    def all_replies(self) -> list[str]:
        """Where each is acknowledged that is here."""
        return list(self._replies.values())

    def acknowledged(self, sequences: Iterable[int]) -> None:
        """These are forgotten; if the engine has not heard of it, they come again."""
        for sequence in sequences:
            self._replies.pop(sequence, None)
