"""Which lines of the journal are written, of those that others can cause. Pure: the clock is an
argument.
"""

from collections.abc import Hashable

INTERVAL = 1.0  # seconds between two lines of one cause
BURST = 10  # lines of a server, or of whatever else is no user, that may come at once
MOST_A_SECOND = 10  # lines of all users together
MOST_CAUSES = 1000  # that are told apart


class LogLimit:
    """At most one line a second for each cause, and a few over all users. A cause that is no user
    (a server) may have a few at once: of several addresses that are held, each is told. What is
    left out is counted.
    """

    def __init__(self) -> None:
        # Until when a cause's lines are paid (each costs INTERVAL, and so much may be owed as is
        # allowed at once), and how many were left out. The one whose line passed last is the last.
        self._of: dict[Hashable, tuple[float, int]] = {}
        self._second = 0
        self._passed = 0  # in this second, of all users
        self._forgotten = 0  # left out, of causes that are no longer known

    def admit(self, cause: Hashable, now: float) -> int | None:
        """None where the line is left out; else how many have been before it.

        A user's `cause` is his uid, or has it; one that is a string is no user. `now` is in seconds
        of a clock that is never set.
        """
        if int(now) != self._second:
            self._second, self._passed = int(now), 0
        is_user = not isinstance(cause, str)
        owed = 0.0 if is_user else (BURST - 1) * INTERVAL
        paid_until, left_out = self._of.get(cause, (now, 0))
        if now < paid_until - owed or (is_user and self._passed >= MOST_A_SECOND):
            self._of[cause] = paid_until, left_out + 1
            self._bound()
            return None
        self._passed += is_user
        left_out += self._forgotten
        self._forgotten = 0
        self._of.pop(cause, None)
        self._of[cause] = max(now, paid_until) + INTERVAL, 0
        self._bound()
        return left_out

    def left_out(self) -> int:
        """How many have been left out and not been told of; they count as told now."""
        left_out = self._forgotten + sum(left_out for _, left_out in self._of.values())
        self._forgotten = 0
        self._of = {cause: (paid_until, 0) for cause, (paid_until, _) in self._of.items()}
        return left_out

    def _bound(self) -> None:
        if len(self._of) > MOST_CAUSES:
            self._forgotten += self._of.pop(next(iter(self._of)))[1]
