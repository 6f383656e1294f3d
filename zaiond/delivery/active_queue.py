"""The part of the queue that is in memory: of bounded size. Pure: no I/O, no clock.

What doesn't fit stays on disk, in order. Every mail here is in exactly one of: `_ready`
(for the server in use; urgent mail apart), `_handed[i]` (for server i, since one before it said
later), the hands of a sender, or behind an earlier mail of its lane. In each of these lines users
take turns.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from zaiond.model import QueuedDelivery, QueuedMail
from zaiond.store.turns import KEPT_FOR_OTHERS, Line

MAILS = 400  # what they leave behind in memory stays, so as many as keep the senders busy
BYTES = 8 * 1024 * 1024
# Beyond MAILS and BYTES: for lines of which there is little here, urgent mails of a user or others.
MORE_MAILS = 100
MORE_BYTES = BYTES // 2
LITTLE_MAILS = 30
LITTLE_BYTES = MORE_BYTES // 8
FEW_MAILS = 10  # with fewer of its mails here, a line is not left waiting for the others
BYTES_OF_A_MAIL = 1024  # what is kept of it beside its content and its events
BYTES_OF_A_DELIVERY = 300


def size(mail: QueuedMail) -> int:
    """About how many bytes of memory a mail takes."""
    taken = len(mail.message.content) + BYTES_OF_A_DELIVERY * len(mail.deliveries)
    for event in mail.events:
        taken += len(event.body)
    return taken + BYTES_OF_A_MAIL


class Capacity(NamedTuple):
    """How many more mails fit: of all lines, of those of which there is little, and of which line;
    and how many bytes.
    """

    mails: int
    beyond: int
    bytes: int
    of_line: dict[Line, int]

    def of(self, line: Line) -> int:
        """How many more mails of this line fit."""
        return self.of_line.get(line, max(self.mails, min(LITTLE_MAILS, self.beyond)))


class _Users:
    """Mails that wait for a sender: each user has a line, and they take turns."""

    def __init__(self) -> None:
        self.lines: dict[int, deque[QueuedMail]] = {}  # none is empty; in their turns
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[QueuedMail]:
        return chain.from_iterable(self.lines.values())

    def append(self, mail: QueuedMail) -> None:
        """The last one of its user."""
        self.lines.setdefault(mail.user, deque()).append(mail)
        self._count += 1

    def put_first(self, mail: QueuedMail) -> None:
        """The next one of its user, who waits for his turn all the same."""
        self.lines.setdefault(mail.user, deque()).appendleft(mail)
        self._count += 1

    def take(self, user: int | None = None) -> QueuedMail:
        """The next mail, of the user whose turn it is or of this one."""
        if user is None:
            user = next(iter(self.lines))
        line = self.lines.pop(user)
        mail = line.popleft()
        self._count -= 1
        if line:
            self.lines[user] = line  # behind the others
        return mail

    def renew(self, mails: dict[int, QueuedMail]) -> None:
        """Has the mails that these are now, and none else, in the same order."""
        kept = [mails[mail.row] for mail in self if mail.row in mails]
        self.clear()
        for mail in kept:
            self.append(mail)

    def clear(self) -> None:
        """No mail is here any more."""
        self.lines.clear()
        self._count = 0


class ActiveQueue:
    """Mails by their rows, and whose turn it is."""

    def __init__(self) -> None:
        self._mails: dict[int, QueuedMail] = {}
        self._counted: dict[int, tuple[int, Line]] = {}  # bytes, and where, by row
        self._bytes = 0
        self._of_line: Counter[Line] = Counter()  # mails
        self._bytes_of_line: Counter[Line] = Counter()
        self._ready = (_Users(), _Users())
        self._urgent_taken = 0  # one after the other
        self._handed: list[_Users] = []
        self._lanes: dict[str, deque[int]] = {}  # rows in order: the first one may go
        self._tried: dict[int, set[int]] = {}  # servers that said later, by row
        self._sending: set[int] = set()

    def __len__(self) -> int:
        return len(self._mails)

    def __contains__(self, row: int) -> bool:
        return row in self._mails

    @property
    def capacity(self) -> int:
        """How many more mails fit."""
        return max(0, MAILS - len(self._mails)) if self._bytes < BYTES else 0

    @property
    def capacity_beyond(self) -> int:
        """How many more mails fit, where they are of lines of which there is little here."""
        most = MAILS + MORE_MAILS
        return max(0, most - len(self._mails)) if self._bytes < BYTES + MORE_BYTES else 0

    @property
    def capacities(self) -> Capacity:
        """How many more mails fit now, by line."""
        return Capacity(
            self.capacity,
            self.capacity_beyond,
            max(LITTLE_BYTES, BYTES - self._bytes),
            {line: self.capacity_of(line) for line in self._of_line},
        )

    def capacity_of(self, line: Line) -> int:
        """How many more mails of this line fit."""
        little = LITTLE_MAILS - self._of_line[line]
        if self._bytes_of_line[line] >= LITTLE_BYTES:
            little = 0
        return max(self.capacity, min(little, self.capacity_beyond))

    def has_few(self, line: Line) -> bool:
        """Whether there is so little of this line here that it need not wait for the others."""
        return self._of_line[line] < FEW_MAILS and self.capacity_of(line) > 0

    @property
    def rows(self) -> frozenset[int]:
        """The mails that are here."""
        return frozenset(self._mails)

    @property
    def sending(self) -> frozenset[int]:
        """The mails in the hands of senders."""
        return frozenset(self._sending)

    def configure(self, servers: int) -> None:
        """There are so many servers now; nobody has tried anything with them."""
        for handed in self._handed:
            self._first_in_line(handed)
        self._handed = [_Users() for _ in range(servers)]
        self._tried.clear()

    def add(self, mails: Iterable[QueuedMail]) -> None:
        """Mails whose deliveries are on disk and due, in order."""
        for mail in mails:
            self._mails[mail.row] = mail
            taken, line = size(mail), Line(mail.user, mail.urgent)
            self._counted[mail.row] = taken, line
            self._bytes += taken
            self._of_line[line] += 1
            self._bytes_of_line[line] += taken
            if mail.lane is not None:
                lane = self._lanes.setdefault(mail.lane, deque())
                lane.append(mail.row)
                if lane[0] != mail.row:
                    continue
            self._line_of(mail).append(mail)

    def first_in_lanes(self, mails: Iterable[QueuedMail]) -> list[QueuedMail]:
        """Those of these new mails that would be behind no other one of their lane."""
        first = []
        lanes: set[str] = set()
        for mail in mails:
            if mail.lane is not None:
                if mail.lane in self._lanes or mail.lane in lanes:
                    continue
                lanes.add(mail.lane)
            first.append(mail)
        return first

    def _line_of(self, mail: QueuedMail) -> _Users:
        return self._ready[not mail.urgent]

    def _first_in_line(self, mails: Iterable[QueuedMail]) -> None:
        for mail in reversed(list(mails)):
            self._line_of(mail).put_first(mail)

    def waiting_for(self, index: int) -> int:
        """How many mails the server `index` could get now."""
        return sum(map(len, self._ready)) + len(self._handed[index])

    @property
    def has_waiting(self) -> bool:
        """Whether any mail waits for a sender."""
        return any(map(len, chain(self._ready, self._handed)))

    def assigned_to(self) -> list[int]:
        """The servers to which mails were handed over."""
        return [index for index, handed in enumerate(self._handed) if handed]

    def take(self, index: int, *, in_use: bool) -> QueuedMail | None:
        """The next mail for the server `index`, into the hands of a sender; `in_use`: it is the
        server that gets what was not handed to another one.
        """
        if self._handed[index].lines:
            mail = self._handed[index].take()
        elif in_use and any(users.lines for users in self._ready):
            mail = self._take_ready()
        else:
            return None
        self._sending.add(mail.row)
        return mail

    def _take_ready(self) -> QueuedMail:
        urgent, others = self._ready
        if not urgent.lines:
            self._urgent_taken = 0
            return others.take()
        self._urgent_taken += 1
        if self._urgent_taken >= KEPT_FOR_OTHERS:
            self._urgent_taken = 0
            # No word of his own gives one user all the turns of those who have nothing urgent.
            for user in others.lines:
                if user not in urgent.lines:
                    return others.take(user)
        return urgent.take()

    def put_back(self, mail: QueuedMail) -> None:
        """Out of a sender's hands, first in line."""
        self._sending.discard(mail.row)
        self._mails[mail.row] = mail
        self._line_of(mail).put_first(mail)

    def reassign(self, mail: QueuedMail, index: int, to: int) -> None:
        """Out of the hands of a sender to server `index`, which said later, to server `to`."""
        self._sending.discard(mail.row)
        self._mails[mail.row] = mail
        self._tried.setdefault(mail.row, set()).add(index)
        self._handed[to].append(mail)

    def tried(self, row: int) -> set[int]:
        """The servers that said later to this mail in this round."""
        return self._tried.get(row, set())

    def unassign(self, index: int) -> None:
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
        taken, line = self._counted.pop(row)
        self._bytes -= taken
        self._of_line[line] -= 1
        self._bytes_of_line[line] -= taken
        if not self._of_line[line]:
            del self._of_line[line], self._bytes_of_line[line]
        if mail.lane is not None:
            lane = self._lanes[mail.lane]
            was_first = lane[0] == row
            lane.remove(row)
            if not lane:
                del self._lanes[mail.lane]
            elif was_first:
                self._first_in_line([self._mails[lane[0]]])

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
        left = mail.keeping(lambda d: d.recipient not in recipients)
        if left is None:
            self.remove(row)
        else:
            self._mails[row] = left
        return [d for d in mail.deliveries if d.recipient in recipients]

    def _renew_lines(self) -> None:
        """Mails that were replaced or removed are so in their lines, too."""
        for line in chain(self._ready, self._handed):
            line.renew(self._mails)

    def set_down(self, row: int) -> None:
        """Out of a sender's hands, and not back in line: what is behind it in its lane waits."""
        self._sending.discard(row)

    def clear(self) -> list[int]:
        """Has no mail any more but those in the hands of senders; gives those of which more
        deliveries are open.
        """
        for row in [row for row in self._mails if row not in self._sending]:
            self.remove(row)
        self._renew_lines()
        return [row for row in self._sending if not self._mails[row].whole]
