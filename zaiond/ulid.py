"""Ids of events and messages, ordered by time: their index grows at its end, not all over."""

from collections.abc import Callable

_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's, as in ULID
_PAIRS = tuple(high + low for high in _BASE32 for low in _BASE32)


class UlidFactory:
    """Makes ids of 26 characters: the millisecond, 60 random bits, and a count within it.

    `clock` gives seconds since the epoch, `randbits(n)` n random bits. Never goes back, even if the
    clock does.
    """

    def __init__(self, clock: Callable[[], float], randbits: Callable[[int], int]) -> None:
        self._clock = clock
        self._randbits = randbits
        self._millisecond = 0
        self._prefix = ""
        self._count = 0

    def __call__(self) -> str:
        """The next id."""
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
