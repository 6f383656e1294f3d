"""The kinds of settings that say when: cron expressions, days, hours, time zones."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace

from zaiond.config import words
from zaiond.config.kinds import Kind, WrongValueError, filled, refuse_full_width
from zaiond.config.tree import Node, Scalar, Sequence
from zaiond.schedule import WEEK, Cron, ScheduleError, check_timezone
from zaiond.text import Text

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_JAPANESE_DAYS = "月火水木金土日"
_HOURS = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")


class CronTimes(Kind):
    """A cron expression."""

    form = Text("cron 式", "cron expression")

    def read(self, node: Node) -> Cron:
        text = filled(node).strip()
        refuse_full_width(text)
        try:
            return Cron(text)
        except ScheduleError as error:
            raise WrongValueError(error.text) from None

    def write(self, value: Cron) -> str:
        return value.expression


class TimeZone(Kind):
    """An IANA time zone."""

    form = Text("タイムゾーン名", "time zone")

    def read(self, node: Node) -> str:
        text = filled(node).strip()
        refuse_full_width(text)
        try:
            check_timezone(text)
        except ScheduleError as error:
            raise WrongValueError(error.text) from None
        return text


class Days(Kind):
    """Days of the week, Monday being 0."""

    form = Text("曜日", "days")
    listed = True

    def read(self, node: Node) -> frozenset[int]:
        try:
            return self._read(node)
        except WrongValueError as error:
            raise _mended(node, self._read) or error from None

    def _read(self, node: Node) -> frozenset[int]:
        texts = [filled(each) for each in node.elements] if isinstance(node, Sequence) else (
            filled(node).split(",")
        )  # fmt: skip
        if not texts:
            raise WrongValueError(words.NO_ELEMENT)
        return frozenset().union(*(_days(text.strip()) for text in texts))

    def write(self, value: frozenset[int]) -> str:
        if value == WEEK:
            return "mon-sun"
        # A range that begins on one of the days, on the day before which there is none.
        starts = [day for day in sorted(value) if (day - 1) % 7 not in value]
        ranges = []
        for start in starts:
            end = start
            while (end + 1) % 7 in value:
                end = (end + 1) % 7
            first, last = _DAYS[start][:3], _DAYS[end][:3]
            ranges.append(first if start == end else f"{first}-{last}")
        return ",".join(ranges)


def _days(text: str) -> frozenset[int]:
    first, dash, last = text.partition("-")
    start = _day(first.strip())
    end = _day(last.strip()) if dash else start
    return frozenset((start + n) % 7 for n in range((end - start) % 7 + 1))


def _day(text: str) -> int:
    name = text.lower()
    for number, full in enumerate(_DAYS):
        if len(name) >= 3 and full.startswith(name):
            return number
    japanese = name.removesuffix("日").removesuffix("曜") if len(name) > 1 else name
    if len(japanese) == 1 and japanese in _JAPANESE_DAYS:
        return _JAPANESE_DAYS.index(japanese)
    raise WrongValueError(words.no_day(written=text[:40]))


class HoursOfDay(Kind):
    """From when to when, in minutes since midnight."""

    form = Text("時刻-時刻", "from-to")

    def read(self, node: Node) -> tuple[int, int]:
        try:
            return self._read(node)
        except WrongValueError as error:
            raise _mended(node, self._read) or error from None

    def _read(self, node: Node) -> tuple[int, int]:
        text = node.text.strip() if isinstance(node, Scalar) else ""
        found = _HOURS.fullmatch(text)
        if not found:
            raise WrongValueError(words.NO_HOURS)
        hour, minute, last_hour, last_minute = map(int, found.groups())
        start, end = hour * 60 + minute, last_hour * 60 + last_minute
        if max(minute, last_minute) > 59 or start >= 1440 or end > 1440:
            raise WrongValueError(words.NO_HOURS)
        if start == end:
            raise WrongValueError(words.HOURS_OF_NO_LENGTH)
        return start, end

    def write(self, value: tuple[int, int]) -> str:
        return "-".join(f"{minutes // 60:02}:{minutes % 60:02}" for minutes in value)


_TO = str.maketrans(dict.fromkeys("~〜‐‑–—−", "-") | {"、": ","})


def _mended(node: Node, read: Callable[[Node], object]) -> WrongValueError | None:
    """The error that shows how a single text is to be written, where only its width is wrong."""
    if not isinstance(node, Scalar):
        return None
    text = unicodedata.normalize("NFKC", node.text).translate(_TO).strip()
    if text == node.text:
        return None
    try:
        read(replace(node, tag="str", text=text))
    except WrongValueError:
        return None
    return WrongValueError(words.FULL_WIDTH, instead=text)
