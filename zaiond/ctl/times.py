"""Times as people read them: local, and as short as their place allows."""

from datetime import datetime

from zaiond.ctl import labels
from zaiond.text import Text

Moment = str | float | None  # as in a reply of the daemon
_HALF_A_YEAR = 182  # days


def local(moment: Moment) -> datetime | None:
    """It in local time; None if it is none."""
    try:
        if isinstance(moment, str):
            return datetime.fromisoformat(moment).astimezone()
        return None if moment is None else datetime.fromtimestamp(moment).astimezone()
    except (ValueError, OverflowError):
        return None


def when(moment: Moment) -> str:
    """A time with its offset; "-" if there is none."""
    time = local(moment)
    if time is None:
        return "-" if moment is None else str(moment)
    return time.strftime("%Y-%m-%d %H:%M:%S %z")


def brief(moment: Moment, now: datetime) -> str:
    """A time for a list: with the day, or with the year where it is half a year away, as ls(1)."""
    time = local(moment)
    if time is None:
        return "-"
    near = abs((now - time).days) <= _HALF_A_YEAR
    return time.strftime("%m-%d %H:%M" if near else "%Y-%m-%d")


def soon(moment: Moment, now: datetime) -> str:
    """A time that is near: without the day, if that is today's."""
    time = local(moment)
    if time is None:
        return "-"
    return time.strftime("%H:%M:%S" if time.date() == now.date() else "%m-%d %H:%M")


def age(moment: Moment, now: datetime) -> Text:
    """How long ago, in its largest unit."""
    time = local(moment)
    if time is None:
        return Text("-", "-")
    seconds = max(0, int((now - time).total_seconds()))
    size, ja, en = next(unit for unit in labels.UNITS if seconds >= unit[0] or unit[0] == 1)
    return Text(f"{seconds // size}{ja}", f"{seconds // size}{en}")
