"""Which lines of the journal are written, of those that others can cause. Pure: the clock is an
argument.
"""

from collections.abc import Hashable
from typing import NamedTuple

INTERVAL = 1.0  # seconds between two lines of one cause
MOST_A_SECOND = 10  # lines of all causes together
MOST_CAUSES = 1000  # that are told apart


class _Cause(NamedTuple):
    quiet_until: float
    left_out: int


class LogLimit:
    """At most one line a second for each cause (a user, a server), and a few over all. What is left
    out is counted.
    """

    def __init__(self) -> None:
        # The one whose line passed last is the last.
        self._of: dict[Hashable, _Cause] = {}
        self._second = 0
        self._passed = 0  # in this second, over all
        self._forgotten = 0  # left out, of causes that are no longer known

    def admit(self, cause: Hashable, now: float) -> int | None:
        """None where the line is left out; else how many have been before it.

        `now` is in seconds of a clock that is never set.
        """
        if int(now) != self._second:
            self._second, self._passed = int(now), 0
        quiet_until, left_out = self._of.get(cause, _Cause(now, 0))
        if now < quiet_until or self._passed >= MOST_A_SECOND:
            self._of[cause] = _Cause(quiet_until, left_out + 1)
            self._bound()
            return None
        self._passed += 1
        left_out += self._forgotten
        self._forgotten = 0
        self._of.pop(cause, None)
        self._of[cause] = _Cause(now + INTERVAL, 0)
        self._bound()
        return left_out

    def _bound(self) -> None:
        if len(self._of) > MOST_CAUSES:
            self._forgotten += self._of.pop(next(iter(self._of))).left_out
