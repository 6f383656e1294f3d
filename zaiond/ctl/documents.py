"""What several commands make of parts of the daemon's documents: states, users, faults, times."""

from datetime import datetime
from typing import Any

from zaiond.ctl import labels
from zaiond.ctl.terminal import Cell, Painted
from zaiond.event_rules import is_named_as_notice
from zaiond.text import Text
from zaiond.users import NO_UID
from zaiond.way import HUBS, shown

_HALF_A_YEAR = 182  # days
_LONGEST_ABOUT = 300  # of what an event is about, in a list
_COLOURS = {"held": "red", "failed": "red", "expired": "red", "deferred": "yellow"}


def state(name: str) -> Cell:
    """A delivery's state, or an outcome; in red where somebody must look."""
    word = labels.STATES.get(name, name)
    return Painted(word, _COLOURS[name]) if name in _COLOURS else word


def state_of(delivery: dict[str, Any], name: str | None = None) -> Cell:
    """The state of a delivery, or of this name of one of its attempts: what a fleet's hubs have
    got is not mailed yet.
    """
    name = name or delivery["outcome"]
    is_handed_on = name == "delivered" and delivery["recipient"] in shown(HUBS)
    return labels.HANDED_ON if is_handed_on else state(name)


def outcome(event: dict[str, Any]) -> Cell:
    """What became of an event; one that its route holds waits for a time, not for somebody."""
    name, states = event["outcome"], {one["outcome"] for one in event["deliveries"]}
    if name == "delivered":
        ends = [state_of(one) for one in event["deliveries"] if one["outcome"] == name]
        return ends[0] if len({*ends}) == 1 else state(name)
    if name == "held" and name not in states and event.get("routing"):
        return labels.STATES[name]
    return state(name)


def about(event: dict[str, Any]) -> str | Text:
    """What an event is about, in a line; and whose it is, if it looks like the daemon's own."""
    said = " ".join((event.get("subject") or "").split())
    if not said:
        said = " ".join(part for part in (event.get("type"), event.get("key")) if part) or "-"
    said = said if len(said) <= _LONGEST_ABOUT else said[:_LONGEST_ABOUT] + "…"
    return labels.posing(said=said, user=user_of(event)) if poses_as_notice(event) else said


def poses_as_notice(event: dict[str, Any]) -> bool:
    """Whether it looks as if the daemon itself had made it, and it has not."""
    return event.get("notice") is False and is_named_as_notice(event["type"], event["source"])


def user(uid: int) -> str:
    """Who a user is."""
    import pwd

    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"


def user_of(event: dict[str, Any]) -> str:
    """Whose something is: by `user`, as the daemon calls him, and his `uid`, but where that is none
    of this machine's, and says nothing.
    """
    called, number = event["user"], f"uid {event['uid']}"
    return called if called == number or event["uid"] > NO_UID else f"{called} ({number})"


def severity(name: str | None) -> Text | None:
    """A severity in words; in Japanese with its name."""
    if name is None:
        return None
    from zaiond.message.words import JA as WORDS

    word = WORDS.severity.get(name, name)  # type: ignore[call-overload]
    return Text(f"{word} ({name})", name)


def diagnostic(error: dict[str, Any], warning: str = "") -> str:
    """One fault of the configuration, as `FILE:LINE:COLUMN: key: what is wrong`."""
    key = f"{error['key']}: " if error.get("key") else ""
    return f"{error['file']}:{error['line']}:{error['column']}: {key}{warning}{error['message']}"


# -- times as people read them: local, and as short as their place allows


def local(moment: str | None) -> datetime | None:
    """It in local time; None if it is none."""
    try:
        return None if moment is None else datetime.fromisoformat(moment).astimezone()
    except (ValueError, OverflowError):
        return None


def when(moment: str | None) -> str:
    """A time with its offset; "-" if there is none."""
    time = local(moment)
    if time is None:
        return moment or "-"
    return time.strftime("%Y-%m-%d %H:%M:%S %z")


def brief(moment: str | None, now: datetime) -> str:
    """A time for a list: with the day, or with the year where it is half a year away, as ls(1)."""
    time = local(moment)
    if time is None:
        return "-"
    near = abs((now - time).days) <= _HALF_A_YEAR
    return time.strftime("%m-%d %H:%M" if near else "%Y-%m-%d")


def soon(moment: str | None, now: datetime) -> str:
    """A time that is near: without the day, if that is today's."""
    time = local(moment)
    if time is None:
        return "-"
    return time.strftime("%H:%M:%S" if time.date() == now.date() else "%m-%d %H:%M")


def age(moment: str | None, now: datetime) -> Text:
    """How long ago, in its largest unit."""
    time = local(moment)
    if time is None:
        return Text("-", "-")
    seconds = max(0, int((now - time).total_seconds()))
    size, ja, en = next(unit for unit in labels.UNITS if seconds >= unit[0] or unit[0] == 1)
    return Text(f"{seconds // size}{ja}", f"{seconds // size}{en}")
