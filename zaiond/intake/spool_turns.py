"""Whose file of the spool is next: those written first of each user, in turns, of bounded number.
Pure.
"""

from heapq import heappop, heappush
from itertools import zip_longest
from typing import NamedTuple

OF_EACH = 2048  # files of a user that are remembered
MOST = 8192  # of all


class Whole(NamedTuple):
    """A file that was put there: when it was written (ns), as its owner says it."""

    written: int
    name: str
    user: int


class Turns:
    """The files that a walk through the spool has met; more than there is room for are counted, and
    left for the next walk: the newest of those who have the most.
    """

    def __init__(self, of_each: int = OF_EACH, most: int = MOST) -> None:
        self.counts: dict[int, int] = {}  # by user: all that were met
        self._most = most
        self._share = of_each
        self._of: dict[int, list[tuple[int, str]]] = {}  # heaps, the newest on top
        self._kept = 0

    def add(self, written: int, name: str, user: int) -> None:
        """There is this file."""
        counts, heap = self.counts, self._of.get(user)
        if heap is None:
            if len(self._of) >= self._most:
                return
            heap = self._of[user] = []
            counts[user] = 0
        counts[user] += 1
        heappush(heap, (-written, name))
        self._kept += 1
        if len(heap) > self._share:
            heappop(heap)
            self._kept -= 1
        elif self._kept > self._most:
            self._shrink()

    def _shrink(self) -> None:
        # To less than there is room for, so that it is done once in many files.
        self._share = max(1, self._most * 3 // 4 // len(self._of))
        for heap in self._of.values():
            while len(heap) > self._share:
                heappop(heap)
                self._kept -= 1

    def files(self) -> list[Whole]:
        """What is remembered: each user's oldest, then each one's next, and so on."""
        of_user = [
            [Whole(-newness, name, user) for newness, name in sorted(heap, key=_age)]
            for user, heap in self._of.items()
        ]
        return [file for turn in zip_longest(*of_user) for file in turn if file is not None]

    def left_out(self, user: int) -> int:
        """How many files of a user are not remembered."""
        return self.counts[user] - len(self._of[user])


def _age(file: tuple[int, str]) -> tuple[int, str]:
    newness, name = file
    return -newness, name
