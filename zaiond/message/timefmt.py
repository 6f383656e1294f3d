"""Moments in local time, cheaply: what falls into the same second is worked out once."""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=256)
def local_time(second: int, tz: tzinfo | None) -> datetime:
    """A second since the epoch in `tz`, or in the system's zone, with its offset.

    In UTC where the calendar ends (years 1 and 9999). Raises OverflowError beyond.
    """
    moment = _EPOCH + timedelta(seconds=second)
    try:
        return moment.astimezone(tz)
    except (ValueError, OverflowError, OSError):
        return moment


def offset(moment: datetime) -> str:
    """`+0900`, as RFC 5322 3.3 writes it."""
    minutes = round((moment.utcoffset() or timedelta()).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}{rest:02d}"


def units(seconds: float, names: tuple[str, str, str, str], separator: str) -> str:
    """A length of time, at least 0 s, in days, hours, minutes and seconds, by their names."""
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.2g}{names[3]}"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    counts = (days, hour, minute, second)
    first, last = 0, 3
    while first < 3 and not counts[first]:
        first += 1
    while last > first and not counts[last]:
        last -= 1
    return separator.join([f"{counts[n]}{names[n]}" for n in range(first, last + 1)])
