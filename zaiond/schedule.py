"""When something is due: times by cron(5), and the hours of a week.

Pure, but for one thing: where no time zone is named, the machine's own counts, which is asked each
time. Times are seconds since the epoch. What a clock on the wall shows is called a wall time here:
the same number of seconds as if that clock stood in Greenwich.

A clock on the wall jumps ahead (a gap) and back (a fold). A cron time with a `*` in the minute or
the hour is due whenever the wall shows it: in a fold twice, in a gap never. Any other is due once:
when the wall first shows it or, having jumped over it, shows a later time. So does Debian's cron.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from zaiond.errors import ZaiondError
from zaiond.text import Sentence, Text

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

MOST_SIGNS = 255
WEEK = frozenset(range(7))
_DAY = 86400
_MINUTES = 24 * 60
_EPOCH = datetime(1970, 1, 1)
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


class ScheduleError(ZaiondError):
    """What should say when something is due doesn't."""


@dataclass(frozen=True, slots=True)
class Cron:
    """The times that a cron expression of five fields (or `@daily` and the like) names, in an IANA
    time zone or, without one, the machine's. Raises ScheduleError if it names none.
    """

    expression: str
    timezone: str | None = None
    _fields: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_fields", _checked(self.expression))

    def next(self, after: float) -> float:
        """The first of the times that is later than `after`; infinite where the calendar ends."""
        offset = _offset_of(self.timezone)
        minute, hour, *_ = self._fields.split()
        follow = self._shown if "*" in (minute[0], hour[0]) else self._first_shown
        try:
            return follow(math.floor(after), offset)
        except (OverflowError, ValueError):  # beyond the year 9999
            return math.inf

    def slots(self, after: float, until: float, most: int) -> list[float]:
        """The first `most` of the times that are later than `after` and not later than `until`."""
        found: list[float] = []
        while len(found) < most:
            after = self.next(after)
            if after > until:
                break
            found.append(after)
        return found

    def _shown(self, after: int, offset: "_Offset") -> float:
        """The next moment at which the wall shows one of the times."""
        wall = after + offset(after)
        while True:
            due = self._wall(wall) - offset(after)
            jump = _jump(offset, after, due)
            if jump is None:
                return due
            after, wall = jump, jump + offset(jump) - 1

    def _first_shown(self, after: int, offset: "_Offset") -> float:
        """The next moment at which the wall shows one of the times, or has jumped over it, for the
        first time.
        """
        wall = after + offset(after)
        jump = _jump(offset, after - _DAY, after)
        if jump is not None:  # what was shown before a jump back was due then
            wall = max(wall, jump + offset(after - _DAY) - 1)
        time = self._wall(wall)
        while True:
            due = time - offset(after)
            jump = _jump(offset, after, due)
            if jump is None:
                return due
            if jump + offset(jump) >= time:
                return jump
            after = jump

    def _wall(self, after: int) -> int:
        """The first wall time of the expression that is later than `after`."""
        found = _first_match(self._fields, after)
        if found is None:
            raise OverflowError
        return found


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of some days of the week, Monday being 0, in an IANA time zone or the machine's.

    `start` and `end` are minutes since midnight, `end` up to 1440; an `end` before `start` is on
    the next day, and the days are those on which the hours begin. `name` is how the configuration
    calls them.
    """

    days: frozenset[int] = WEEK
    start: int = 0
    end: int = _MINUTES
    timezone: str | None = None
    name: str = ""

    def contains(self, at: float) -> bool:
        """Whether the moment is within the hours."""
        moment = math.floor(at)
        return self._shown(moment + _offset_of(self.timezone)(moment))

    def next_start(self, at: float) -> float:
        """The first moment from `at` on that is within the hours: `at` itself, if it is."""
        offset = _offset_of(self.timezone)
        moment = math.floor(at)
        if self._shown(moment + offset(moment)):
            return at
        for _ in range(100):  # a jump of the clock may cost them a day, and a week has one of each
            start = self._next_start_shown(moment + offset(moment)) - offset(moment)
            jump = _jump(offset, moment, start)
            moment = start if jump is None else jump
            if self._shown(moment + offset(moment)):
                return moment
        return math.inf

    def _shown(self, wall: int) -> bool:
        days, second = divmod(wall, _DAY)
        minute = second // 60
        today, yesterday = (_weekday(days - ago) in self.days for ago in (0, 1))
        if self.start < self.end:
            return today and self.start <= minute < self.end
        return (today and minute >= self.start) or (yesterday and minute < self.end)

    def _next_start_shown(self, wall: int) -> int:
        today = wall // _DAY
        return next(
            start
            for day in range(today, today + 9)
            if _weekday(day) in self.days and (start := day * _DAY + self.start * 60) > wall
        )


def _weekday(days: int) -> int:
    return (days + 3) % 7  # the epoch was a Thursday


# -- clocks on the wall

_Offset = Callable[[int], int]  # of the wall time at a moment


def _offset_of(timezone: str | None) -> _Offset:
    if timezone is None:
        return lambda at: _seconds(datetime.fromtimestamp(at, UTC).astimezone().utcoffset())
    zone = _zone(timezone)
    return lambda at: _seconds(datetime.fromtimestamp(at, zone).utcoffset())


@functools.cache
def _zone(name: str) -> "ZoneInfo":
    """Read once: that its file is gone for a moment while the system is updated does no harm."""
    from zoneinfo import ZoneInfo  # only where a zone is named

    return ZoneInfo(name)


def _seconds(offset: timedelta | None) -> int:
    return 0 if offset is None else offset.days * _DAY + offset.seconds


def _jump(offset: _Offset, after: int, until: int) -> int | None:
    """The first moment later than `after`, and not later than `until`, at which the wall jumps; two
    within a day, the second undoing the first, are none.
    """
    known = offset(after)
    while after < until:
        step = min(after + _DAY, until)
        if offset(step) != known:
            while step - after > 1:
                middle = (after + step) // 2
                after, step = (middle, step) if offset(middle) == known else (after, middle)
            return step
        after = step
    return None


def check_timezone(name: str) -> None:
    """Raises ScheduleError where this machine knows no time zone of that name."""
    from zoneinfo import available_timezones

    try:
        _zone(name)
        return
    except (LookupError, ValueError, OSError):
        names = available_timezones()
    if not names:
        raise ScheduleError(_NO_ZONES)
    meant = _meant(name, names)
    raise ScheduleError(_no_zone_but(meant=meant) if meant else _NO_ZONE)


def _meant(name: str, names: set[str]) -> str | None:
    from difflib import get_close_matches  # only for a user who misspelt something

    if name.upper() in _ABBREVIATIONS:
        return _ABBREVIATIONS[name.upper()]
    known = {each.lower(): each for each in sorted(names)}
    wanted = name.lower().replace(" ", "_").replace("-", "_")
    for each in known:
        if each.endswith(f"/{wanted}"):
            return known[each]
    found = get_close_matches(wanted, known, 1, 0.6)
    return known[found[0]] if found else None


_ABBREVIATIONS = {"JST": "Asia/Tokyo", "KST": "Asia/Seoul", "PST": "America/Los_Angeles",
                  "PDT": "America/Los_Angeles", "EDT": "America/New_York", "CEST": "Europe/Berlin",
                  "BST": "Europe/London", "IST": "Asia/Kolkata"}  # fmt: skip
_NO_ZONES = Text(
    "このマシンにタイムゾーンのデータがありません。パッケージ tzdata を入れてください",
    "this machine has no time zone data: install the package tzdata",
)
_NO_ZONE = Text(
    "このようなタイムゾーンはありません。Asia/Tokyo のような名前を書いてください",
    "there is no such time zone: write a name as Asia/Tokyo",
)
_no_zone_but = Sentence(
    "このようなタイムゾーンはありません。{meant} ではありませんか",
    "there is no such time zone: did you mean {meant}?",
)


# -- cron expressions


def _first_match(fields: str, after: int) -> int | None:
    """The first wall time later than `after`, or None where fifty years have none."""
    from cronsim import CronSim  # only where there is such an expression

    found = next(CronSim(fields, _EPOCH + timedelta(seconds=after)), None)
    if found is None:
        return None
    since = found - _EPOCH
    return since.days * _DAY + since.seconds


def _checked(expression: str) -> str:
    """The five fields; raises ScheduleError where there is something else."""
    from cronsim import CronSimError

    text = expression.strip()
    if text.startswith("@"):
        if text.lower() not in _MACROS:
            raise ScheduleError(_no_macro(names=", ".join(dict.fromkeys(_MACROS))))
        return _MACROS[text.lower()]
    fields = text.split()
    if len(fields) != len(_FIELDS) or len(text) > MOST_SIGNS:
        raise ScheduleError(_NO_CRON)
    try:
        if _first_match(text, 0) is not None:
            return " ".join(fields)
    except CronSimError as error:
        name = str(error).removeprefix("Bad ")
        at = list(_FIELDS).index(name) if name in _FIELDS else 0
        # Of a day that no month has, cronsim says the same as of a sign that means nothing.
        if _is_right_alone(at, fields[at]):
            raise ScheduleError(_NEVER) from None
        ja, form = _FIELDS[list(_FIELDS)[at]]
        named = Text(ja, name)
        raise ScheduleError(
            _bad_field(number=at + 1, name=named, written=fields[at], form=form)
        ) from None
    raise ScheduleError(_NEVER)


def _is_right_alone(at: int, written: str) -> bool:
    from cronsim import CronSimError

    try:
        _first_match(" ".join(written if n == at else "*" for n in range(len(_FIELDS))), 0)
    except CronSimError:
        return False
    return True


_FIELDS = {
    "minute": ("分", Text("0～59", "0-59")),
    "hour": ("時", Text("0～23", "0-23")),
    "day-of-month": ("日", Text("1～31、月末は L", "1-31, or L for the last")),
    "month": ("月", Text("1～12 または jan～dec", "1-12, or jan-dec")),
    "day-of-week": (
        "曜日", Text("0～7 または sun～sat。0 と 7 は日曜日", "0-7, or sun-sat; 0 and 7 are Sunday")
    ),
}  # fmt: skip
_NO_CRON = Text(
    "cron 式は「分 時 日 月 曜日」の 5 つの欄を空白で区切って書いてください（例: 毎日 8 時は "
    '"0 8 * * *"）',
    "a cron expression has five fields: minute, hour, day of the month, month, day of the week (as "
    '"0 8 * * *": each day at 8)',
)
_no_macro = Sentence(
    '「@」で始まる書き方は {names} です。ほかは "0 8 * * *" のように 5 つの欄で書いてください',
    'what begins with "@" may be {names}; else write five fields, as "0 8 * * *"',
)
_bad_field = Sentence(
    "cron 式の {number} 番目の欄（{name}）「{written}」が正しくありません（{form}。* や */2、1-5、"
    "1,3 の形も使えます）",
    "field {number} of the cron expression ({name}), '{written}', can't be used: it may be {form}, "
    "and of the forms *, */2, 1-5 and 1,3",
)
_NEVER = Text(
    "この cron 式に当てはまる日時はありません（2 月 31 日など）。日と月を確かめてください",
    "no day fits this cron expression (as February 31): check the day and the month",
)
