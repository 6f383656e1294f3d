"""A value of an event's data, as a reader wants to see it; moments and lengths of time."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from json import dumps
from typing import Any

from zaiond.message.words import Words
from zaiond.safe import clean

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_LIST = 60  # on one line
_CONSTANTS = {None: "null", True: "true", False: "false"}
_EARLIEST = 1e8  # seconds since the epoch; a smaller number is none
_is_number = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,9})?", re.ASCII).fullmatch
_is_date_time = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
    r"(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?"
).fullmatch


def scalar(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, str):
        return value
    # In most events it is a number, and dumps is slow.
    if type(value) is int or type(value) is float:
        return repr(value)
    if value is None or isinstance(value, bool):
        return _CONSTANTS[value]
    return (
        clean(dumps(value, ensure_ascii=False))
        if value
        else "{}"
        if isinstance(value, dict)
        else "[]"
    )


def on_one_line(values: list[Any]) -> str:
    """`a, b`; "" if that is too long, or wouldn't show where a value ends."""
    if len(values) > _LONGEST_LIST or any(isinstance(value, (dict, list)) for value in values):
        return ""
    texts = [scalar(value) for value in values]
    text = ", ".join(texts)
    if len(text) > _LONGEST_LIST or not text.isprintable() or text.count(",") >= len(texts):
        return ""
    return text


def moment(value: Any, words: Words, tz: tzinfo | None) -> Any:
    """Local time, if the value is a date and time by RFC 3339, or seconds since the epoch."""
    try:
        seconds = value
        if isinstance(value, str):
            if _is_number(value):
                seconds = float(value)
            elif _is_date_time(value):
                moment = datetime.fromisoformat(value.upper())
                if moment.tzinfo is None:  # the producer's local time, which is ours
                    moment = moment.replace(tzinfo=tz) if tz else moment.astimezone()
                return shown_moment(int(moment.timestamp() // 1), words, tz)
        if isinstance(seconds, (int, float)) and seconds >= _EARLIEST:
            return shown_moment(int(seconds // 1), words, tz)
    except (ValueError, OverflowError, OSError):
        pass  # no such moment: what was sent is shown
    return value


@lru_cache(maxsize=256)
def shown_moment(second: int, words: Words, tz: tzinfo | None) -> str:
    """A second since the epoch in local time."""
    return words.moment(local_time(second, tz))


def duration(value: Any, words: Words) -> Any:
    """`12分34秒`, if the value is a number of seconds."""
    if isinstance(value, str) and _is_number(value):
        value = float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e10:
        return words.duration(value)
    return value


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
