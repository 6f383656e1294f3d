"""How much history must go, and whose. Pure."""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple


class Space(NamedTuple):
    """Bytes: of the database's pages in use and those free in it, of the disk free and the floor
    below which no event is taken; the limit of the history; what events that wait may take up.
    """

    used: int
    reusable: int
    free: int
    floor: int
    limit: int
    waiting: int

    @property
    def is_short(self) -> bool:
        """Whether history must be deleted: there is too much of it, or the disk is low."""
        return self._excess(self.limit, 2 * self.floor) > 0

    @property
    def to_free(self) -> int:
        """How much must be deleted so that it won't be needed again soon; 0: enough was."""
        return max(0, self._excess(self.limit * 9 // 10, self.floor * 9 // 4))

    def _excess(self, limit: int, room: int) -> int:
        return max(self.used - limit - self.waiting, room - self.free - self.reusable)


def shares(of_users: Mapping[int, int], to_free: int) -> dict[int, int]:
    """How much of each user's is to be deleted: the largest are cut down to what they all have."""
    total = number = 0
    ordered = sorted(of_users.values(), reverse=True)
    for number, (size, smaller) in enumerate(pairwise((*ordered, 0)), 1):
        total += size
        if total - number * smaller >= to_free:
            break
    level = max(0, (total - to_free) // max(1, number))
    return {uid: size - level for uid, size in of_users.items() if size > level}
