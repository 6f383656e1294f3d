"""What is known of the events of a mail to come when it is made. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import islice
from typing import NamedTuple, TypeVar

from zaiond.model import MOST_SHOWN, SHOWN_BYTES, Severity, StoredEvent, Usage

T = TypeVar("T")


def add_usage(known: Usage, more: Usage) -> None:
    """Counts what more users take of their quotas, in `known`."""
    for uid, (events, size) in more.items():
        before = known.get(uid, (0, 0))
        known[uid] = (before[0] + events, before[1] + size)


@dataclass
class Members:
    """What is known of the events of a mail to come, as far as they were looked at.

    `worst` are those of the worst severity, of these the newest first, at most MOST_SHOWN: rank of
    the severity (0 is the worst), the negative of the seq, its bytes but for a mail that it
    carries. `lanes` are at most two of theirs. `usage` is what they take of their users' quotas;
    those in `elsewhere` are also in another message, and not counted in it.
    """

    total: int = 0
    severities: Counter[Severity] = field(default_factory=Counter)
    first: float = 0.0
    last: float = 0.0
    worst: list[tuple[int, int, int]] = field(default_factory=list)
    lanes: set[str | None] = field(default_factory=set)
    users: set[tuple[int, bool]] = field(default_factory=set)  # uid, notice; at most two
    urgent: bool = False
    usage: Usage = field(default_factory=dict)
    elsewhere: list[int] = field(default_factory=list)
    through: int = 0  # the last seq that was looked at

    def add(self, more: "Members") -> None:
        """Those that come next."""
        if more.total:
            self.first = min(self.first, more.first) if self.total else more.first
            self.last = max(self.last, more.last)
            self.through = more.through
        self.total += more.total
        self.severities += more.severities
        self.worst = nsmallest(MOST_SHOWN, (*self.worst, *more.worst))
        self.lanes = _two((*self.lanes, *more.lanes))
        self.users = _two((*self.users, *more.users))
        self.urgent = self.urgent or more.urgent
        add_usage(self.usage, more.usage)
        self.elsewhere += more.elsewhere

    @property
    def shown(self) -> list[int]:
        """The seqs of those that are shown, in that order: as many as SHOWN_BYTES bear, one at
        least.
        """
        left = SHOWN_BYTES
        seqs: list[int] = []
        for _, minus_seq, size in self.worst:
            left -= size
            if left < 0 and seqs:
                break
            seqs.append(-minus_seq)
        return seqs


def _two(of: Iterable[T]) -> set[T]:
    return set(islice(dict.fromkeys(of), 2))


class Beginning(NamedTuple):
    """Of a mail to come: its Message-ID; the first of its events, as many as are loaded with a mail
    that was made of a group; and the ids of the first MOST_IDS.
    """

    message_id: str
    first: tuple[StoredEvent, ...]
    ids: list[str]
