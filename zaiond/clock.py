"""What never goes back, although the machine's clock may be set: queue time, and ids in the order
of time. Pure: the clock comes in.

Queue time is for how many seconds the queue has been served in all; what expires is counted in it.
It stands still while the daemon doesn't run or the machine sleeps. While nothing can be tried
(there is no configuration, or the queue is held) it goes on, but those pauses are known, and
`expire` does not count them.
"""

from collections.abc import Callable

import msgspec

LONGEST_STEP = 1800.0  # seconds: who reads it does so more often; what is beyond is a clock's leap
SHORTEST_PAUSE = 1.0  # seconds: a shorter one changes nothing
MOST_PAUSES = 1000
_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's, as in ULID
_PAIRS = tuple(high + low for high in _BASE32 for low in _BASE32)


class Kept(msgspec.Struct):
    """What outlives a restart: the time, and the pauses in order, the last one perhaps open."""

    now: float = 0.0
    pauses: list[tuple[float, float | None]] = []


class QueueTime:
    """`monotonic` gives seconds that never go back; `kept` is what the last run left."""

    def __init__(self, monotonic: Callable[[], float], kept: Kept) -> None:
        self._monotonic = monotonic
        self._read_at = monotonic()
        self._now = kept.now
        self._pauses = kept.pauses

    def __call__(self) -> float:
        at = self._monotonic()
        step = at - self._read_at
        if step > 0.0:
            self._now += step if step < LONGEST_STEP else LONGEST_STEP
        self._read_at = at
        return self._now

    @property
    def kept(self) -> Kept:
        return Kept(self(), list(self._pauses))

    @property
    def paused(self) -> bool:
        """Whether nothing can be tried now."""
        return bool(self._pauses) and self._pauses[-1][1] is None

    def pause(self) -> None:
        if not self.paused:
            self._pauses.append((self(), None))

    def resume(self) -> None:
        if not self.paused:
            return
        began, _ = self._pauses.pop()
        if self() - began >= SHORTEST_PAUSE:
            self._pauses.append((began, self._now))
        if len(self._pauses) > MOST_PAUSES:  # as one, with what lay between them
            (first, _), (_, last) = self._pauses[:2]
            self._pauses[:2] = [(first, last)]

    def since(self, seconds: float) -> float:
        """The queue time from which on mail could be tried for `seconds`: what was queued before
        has had its time.
        """
        end = self()
        for began, ended in reversed(self._pauses):
            tried = end - (end if ended is None else ended)
            if tried >= seconds:
                break
            seconds -= tried
            end = began
        return end - seconds


class UlidFactory:
    """Makes ids of 26 characters: the millisecond, 60 random bits, and a count within it. In their
    order the index of events and messages grows at its end, and not all over.

    `clock` gives seconds since the epoch, `randbits(n)` n random bits.
    """

    def __init__(self, clock: Callable[[], float], randbits: Callable[[int], int]) -> None:
        self._clock = clock
        self._randbits = randbits
        self._millisecond = 0
        self._prefix = ""
        self._count = 0

    def __call__(self) -> str:
        now = int(self._clock() * 1000)
        if now > self._millisecond or self._count >= 1 << 20:
            self._millisecond = max(now, self._millisecond + 1)
            self._prefix = _encode(self._millisecond, 10) + _encode(self._randbits(60), 12)
            self._count = 0
        count = self._count
        self._count += 1
        return self._prefix + _PAIRS[count >> 10] + _PAIRS[count & 1023]


def _encode(number: int, length: int) -> str:
    return "".join([_PAIRS[number >> place & 1023] for place in range(5 * length - 10, -1, -10)])
