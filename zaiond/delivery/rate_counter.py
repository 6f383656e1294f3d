"""How many there were lately. Pure: the clock comes in as an argument."""

from collections import deque

_SLOT = 10  # seconds
_KEPT = 3600 // _SLOT


class RateCounter:
    """Counts what passes, and tells how many it was in the last minute or hour.

    Nothing runs meanwhile: slots of ten seconds are made when something passes.
    """

    def __init__(self) -> None:
        self._slots: deque[tuple[int, int]] = deque()  # number of the slot, how many

    def count(self, number: int, now: float) -> None:
        """So many passed at `now`, in seconds of a clock that is never set."""
        slot = int(now) // _SLOT
        slots = self._slots
        if slots and slots[-1][0] == slot:
            number += slots.pop()[1]
        slots.append((slot, number))
        while slots[0][0] <= slot - _KEPT:
            slots.popleft()

    def last(self, seconds: int, now: float) -> int:
        """How many passed in the `seconds` before `now`, an hour at most, to ten seconds."""
        first = int(now) // _SLOT - seconds // _SLOT
        return sum(number for slot, number in self._slots if slot > first)
