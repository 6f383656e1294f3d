"""The part of the queue that is in memory: a window of bounded size. Pure: no I/O, no clock.

What doesn't fit stays on disk, in order. Every mail in the window is in exactly one of: `_ready`
(for the server in use), `_handed[i]` (for server i, since one before it said later), or the hands
of a sender.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from zaiond.store.queue import QueuedMail

MAILS = 400  # what they leave behind in memory stays, so as many as keep the senders busy
BYTES = 16 * 1024 * 1024


class Window:
    """Mails by their rows, and whose turn it is."""

    def __init__(self) -> None:
        self._mails: dict[int, QueuedMail] = {}
        self._bytes = 0
        self._ready: deque[QueuedMail] = deque()
        self._handed: list[deque[QueuedMail]] = []
        self._tried: dict[int, set[int]] = {}  # servers that said later, by row
        self._sending: set[int] = set()
        self._apart: set[int] = set()

    def __len__(self) -> int:
        return len(self._mails)

    @property
    def room(self) -> int:
        """How many more mails fit."""
        return max(0, MAILS - len(self._mails)) if self._bytes < BYTES else 0

    @property
    def is_half_empty(self) -> bool:
        """Whether it is worth while to fill it up."""
        return len(self._mails) <= MAILS // 2 and self._bytes <= BYTES // 2

    def may_come_in(self, row: int) -> bool:
        """Whether this mail may be taken from disk: not if it is here, or being changed there."""
        return row not in self._mails and row not in self._apart

    def configure(self, servers: int) -> None:
        """There are so many servers now; nobody has tried anything with them."""
        for handed in self._handed:
            self._ready.extendleft(reversed(handed))
        self._handed = [deque() for _ in range(servers)]
        self._tried.clear()

    def add(self, mails: list[QueuedMail]) -> None:
        """Mails whose deliveries are on disk and due, in order."""
        for mail in mails:
            self._mails[mail.row] = mail
            self._bytes += len(mail.message.content)
        self._ready.extend(mails)

    def waiting_for(self, index: int) -> int:
        """How many mails the server `index` could get now."""
        return len(self._ready) + len(self._handed[index])

    @property
    def has_waiting(self) -> bool:
        """Whether any mail waits for a sender."""
        return bool(self._ready) or any(self._handed)

    def handed_to(self) -> list[int]:
        """The servers to which mails were handed over."""
        return [index for index, handed in enumerate(self._handed) if handed]

    def take(self, index: int, *, in_use: bool) -> QueuedMail | None:
        """The next mail for the server `index`, into the hands of a sender; `in_use`: it is the
        server that gets what was not handed to another one.
        """
        if self._handed[index]:
            mail = self._handed[index].popleft()
        elif in_use and self._ready:
            mail = self._ready.popleft()
        else:
            return None
        self._sending.add(mail.row)
        return mail

    def put_back(self, mail: QueuedMail) -> None:
        """Out of a sender's hands, first in line."""
        self._sending.discard(mail.row)
        self._mails[mail.row] = mail
        self._ready.appendleft(mail)

    def hand_over(self, mail: QueuedMail, index: int, to: int) -> None:
        """Out of the hands of a sender to server `index`, which said later, to server `to`."""
        self._sending.discard(mail.row)
        self._mails[mail.row] = mail
        self._tried.setdefault(mail.row, set()).add(index)
        self._handed[to].append(mail)

    def tried(self, row: int) -> set[int]:
        """The servers that said later to this mail in this round."""
        return self._tried.get(row, set())

    def recall(self, index: int) -> None:
        """What was handed to server `index` waits for its turn like all else."""
        self._ready.extendleft(reversed(self._handed[index]))
        self._handed[index].clear()

    def remove(self, row: int) -> None:
        """A mail that has ended, or is due later."""
        self._sending.discard(row)
        self._tried.pop(row, None)
        mail = self._mails.pop(row, None)
        if mail is not None:
            self._bytes -= len(mail.message.content)

    @contextmanager
    def apart(self, rows: Iterable[int]) -> Iterator[list[int]]:
        """Keeps mails out of the window while they are changed on disk; gives the rows of those
        that may be changed: none that is in a sender's hands, or being changed already.
        """
        free = [row for row in rows if row not in self._sending and row not in self._apart]
        self._apart.update(free)
        for waiting in (self._ready, *self._handed):
            kept = [mail for mail in waiting if mail.row not in self._apart]
            if len(kept) != len(waiting):
                waiting.clear()
                waiting.extend(kept)
        for row in free:
            self.remove(row)
        try:
            yield free
        finally:
            self._apart.difference_update(free)
