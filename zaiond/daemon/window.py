"""The part of the queue that is in memory: a window of bounded size. Pure: no I/O, no clock.

What doesn't fit stays on disk, in order. Every mail in the window is in exactly one of: `_ready`
(for the server in use; urgent mail apart), `_handed[i]` (for server i, since one before it said
later), the hands of a sender, or behind an earlier mail of its lane.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain

from msgspec import structs

from zaiond.store.queue import QueuedDelivery, QueuedMail

MAILS = 400  # what they leave behind in memory stays, so as many as keep the senders busy
BYTES = 16 * 1024 * 1024
URGENT_MAILS = 100  # beyond MAILS, and BYTES half as much again, for what is urgent


def reduced(mail: QueuedMail, deliveries: Iterable[QueuedDelivery]) -> QueuedMail:
    """The same mail to some of its recipients; others of it are open."""
    left = tuple(deliveries)
    message = structs.replace(mail.message, recipients=tuple(d.recipient for d in left))
    return replace(mail, deliveries=left, message=message, whole=False)


class Window:
    """Mails by their rows, and whose turn it is."""

    def __init__(self) -> None:
        self._mails: dict[int, QueuedMail] = {}
        self._bytes = 0
        self._ready: tuple[deque[QueuedMail], deque[QueuedMail]] = (deque(), deque())
        self._handed: list[deque[QueuedMail]] = []
        self._lanes: dict[str, deque[int]] = {}  # rows in order: the first one may go
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
    def room_for_urgent(self) -> int:
        """How many more urgent mails fit."""
        most = MAILS + URGENT_MAILS
        return max(0, most - len(self._mails)) if self._bytes < BYTES * 1.5 else 0

    @property
    def is_half_empty(self) -> bool:
        """Whether it is worth while to fill it up."""
        return len(self._mails) <= MAILS // 2 and self._bytes <= BYTES // 2

    @property
    def sending(self) -> frozenset[int]:
        """The mails in the hands of senders."""
        return frozenset(self._sending)

    def may_come_in(self, row: int) -> bool:
        """Whether this mail may be taken from disk: not if it is here, or being changed there."""
        return row not in self._mails and row not in self._apart

    def configure(self, servers: int) -> None:
        """There are so many servers now; nobody has tried anything with them."""
        for handed in self._handed:
            self._first_in_line(handed)
        self._handed = [deque() for _ in range(servers)]
        self._tried.clear()

    def add(self, mails: Iterable[QueuedMail]) -> None:
        """Mails whose deliveries are on disk and due, in order."""
        for mail in mails:
            self._mails[mail.row] = mail
            self._bytes += len(mail.message.content)
            if mail.lane is not None:
                lane = self._lanes.setdefault(mail.lane, deque())
                lane.append(mail.row)
                if lane[0] != mail.row:
                    continue
            self._line_of(mail).append(mail)

    def _line_of(self, mail: QueuedMail) -> deque[QueuedMail]:
        return self._ready[not mail.urgent]

    def _first_in_line(self, mails: Iterable[QueuedMail]) -> None:
        for mail in reversed(list(mails)):
            self._line_of(mail).appendleft(mail)

    def waiting_for(self, index: int) -> int:
        """How many mails the server `index` could get now."""
        return sum(map(len, self._ready)) + len(self._handed[index])

    @property
    def has_waiting(self) -> bool:
        """Whether any mail waits for a sender."""
        return any(self._ready) or any(self._handed)

    def handed_to(self) -> list[int]:
        """The servers to which mails were handed over."""
        return [index for index, handed in enumerate(self._handed) if handed]

    def take(self, index: int, *, in_use: bool) -> QueuedMail | None:
        """The next mail for the server `index`, into the hands of a sender; `in_use`: it is the
        server that gets what was not handed to another one.
        """
        lines = [self._handed[index], *self._ready] if in_use else [self._handed[index]]
        for line in lines:
            if line:
                mail = line.popleft()
                self._sending.add(mail.row)
                return mail
        return None

    def put_back(self, mail: QueuedMail) -> None:
        """Out of a sender's hands, first in line."""
        self._sending.discard(mail.row)
        self._mails[mail.row] = mail
        self._line_of(mail).appendleft(mail)

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
        self._first_in_line(self._handed[index])
        self._handed[index].clear()

    def remove(self, row: int) -> None:
        """A mail that has ended, or is due later."""
        self._sending.discard(row)
        self._tried.pop(row, None)
        mail = self._mails.pop(row, None)
        if mail is None:
            return
        self._bytes -= len(mail.message.content)
        if mail.lane is not None:
            lane = self._lanes[mail.lane]
            was_first = lane[0] == row
            lane.remove(row)
            if not lane:
                del self._lanes[mail.lane]
            elif was_first:
                following = self._mails[lane[0]]
                self._line_of(following).appendleft(following)

    def let_wait(self, mail: QueuedMail, recipients: set[str]) -> None:
        """Mails behind `mail` in its lane don't go to these recipients: on disk they wait."""
        if mail.lane is None:
            return
        for row in [row for row in self._lanes.get(mail.lane, ()) if row > mail.row]:
            self._without(row, recipients)
        self._renew_lines()

    def without(self, recipient: str) -> list[QueuedDelivery]:
        """No mail goes to this address any more, but those that are being sent; gives the
        deliveries that were waiting.
        """
        rows = [row for row in self._mails if row not in self._sending]
        out = [delivery for row in rows for delivery in self._without(row, {recipient})]
        self._renew_lines()
        return out

    def _without(self, row: int, recipients: set[str]) -> list[QueuedDelivery]:
        mail = self._mails[row]
        out = [d for d in mail.deliveries if d.recipient in recipients]
        if len(out) == len(mail.deliveries):
            self.remove(row)
        elif out:
            left = [d for d in mail.deliveries if d.recipient not in recipients]
            self._mails[row] = reduced(mail, left)
        return out

    def _renew_lines(self) -> None:
        """Mails that were replaced or removed are so in their lines, too."""
        for line in chain(self._ready, self._handed):
            kept = [self._mails[mail.row] for mail in line if mail.row in self._mails]
            line.clear()
            line.extend(kept)

    @contextmanager
    def apart(self, rows: Iterable[int]) -> Iterator[list[int]]:
        """Keeps mails out of the window while they are changed on disk; gives the rows of those
        that may be changed: none that is in a sender's hands, or being changed already.
        """
        free = [row for row in rows if row not in self._sending and row not in self._apart]
        self._apart.update(free)
        for row in free:
            self.remove(row)
        self._renew_lines()
        try:
            yield free
        finally:
            self._apart.difference_update(free)
