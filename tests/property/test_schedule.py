"""Every time by cron is due once, in every zone: as many as a clock on the wall shows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaiond.schedule import Cron, Hours

MINUTE, HOUR, DAY = 60, 3600, 86400
ZONES = (
    "UTC",
    "Asia/Tokyo",
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
)
# Days around which a clock jumps, in one of the zones at least; and Samoa's, which lost one.
JUMPS = [("Pacific/Apia", datetime(2011, 12, 30, tzinfo=UTC))] + [
    (zone, datetime(2023, month, day, tzinfo=UTC))
    for zone in ZONES
    for month, day in ((3, 12), (3, 19), (3, 26), (4, 2), (4, 23), (10, 1), (10, 29), (11, 5))
]


def wall(at: int, zone: ZoneInfo) -> datetime:
    """What the clock shows."""
    return datetime.fromtimestamp(at, zone).replace(tzinfo=None, fold=0)


class Times(NamedTuple):
    """A cron expression, and what it names."""

    minutes: frozenset[int] | None  # None: a star
    hours: frozenset[int] | None
    weekdays: frozenset[int] | None  # Monday is 1

    @property
    def expression(self) -> str:
        fields = [
            "*" if each is None else ",".join(map(str, sorted(each)))
            for each in (self.minutes, self.hours, self.weekdays)
        ]
        return f"{fields[0]} {fields[1]} * * {fields[2]}"

    def names(self, shown: datetime) -> bool:
        return (
            (self.minutes is None or shown.minute in self.minutes)
            and (self.hours is None or shown.hour in self.hours)
            and (self.weekdays is None or shown.isoweekday() in self.weekdays)
        )

    def due(self, zone: ZoneInfo, begin: int, end: int) -> Iterator[int]:
        """The minutes of `[begin, end)` at which it is due, each looked at."""
        has_star = self.minutes is None or self.hours is None
        # What was ever shown before; a clock goes back by less than a day.
        highest = max(wall(at, zone) for at in range(begin - DAY, begin, MINUTE))
        for at in range(begin, end, MINUTE):
            shown = wall(at, zone)
            if has_star:
                is_due = self.names(shown)
            else:
                count = (shown - highest) // timedelta(minutes=1)
                is_due = any(self.names(shown - timedelta(minutes=n)) for n in range(count))
            highest = max(highest, shown)
            if is_due:
                yield at


def some(first: int, last: int) -> st.SearchStrategy[frozenset[int] | None]:
    return st.none() | st.frozensets(st.integers(first, last), min_size=1, max_size=4)


TIMES = st.builds(Times, some(0, 59), some(0, 4), some(1, 7))


@given(TIMES, st.sampled_from(JUMPS), st.integers(-30, 10))
def test_a_time_is_due_when_the_wall_shows_it(
    times: Times, jump: tuple[str, datetime], hours: int
) -> None:
    zone, day = jump
    begin = int(day.timestamp()) + hours * HOUR
    expected = list(times.due(ZoneInfo(zone), begin, begin + 2 * DAY))
    assert Cron(times.expression, zone).slots(begin - 1, begin + 2 * DAY - 1, 10_000) == expected


@given(TIMES, st.sampled_from(JUMPS), st.integers(-40 * HOUR, 40 * HOUR))
def test_the_next_time_does_not_depend_on_when_it_was_asked_for(
    times: Times, jump: tuple[str, datetime], seconds: int
) -> None:
    zone, day = jump
    cron = Cron(times.expression, zone)
    after = int(day.timestamp()) + seconds
    due = cron.next(after)
    assert after < due
    for between in (after + (due - after) // 2, due - 1, due - 0.5):
        assert cron.next(max(between, after)) == due


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("expression", "count"),
    [
        ("30 2 * * *", 366),
        ("0,30 1,2,3 * * *", None),
        ("0 0 1 * *", 12),
        ("0 8 * * mon-fri", 262),
        ("*/30 * * * *", 366 * 48),
        ("0 */6 * * *", 366 * 4),
    ],
)
def test_in_a_year_each_time_is_due_once(zone: str, expression: str, count: int | None) -> None:
    begin = datetime(2024, 1, 1, tzinfo=ZoneInfo(zone)).timestamp()
    end = datetime(2025, 1, 1, tzinfo=ZoneInfo(zone)).timestamp()
    cron = Cron(expression, zone)
    slots = cron.slots(begin - 1, end - 1, 100_000)
    assert all(earlier < later for earlier, later in pairwise(slots))
    assert begin <= slots[0]
    assert slots[-1] < end
    if "*" not in expression[:5]:  # else it is due whenever the wall shows it
        shown = [wall(int(slot), ZoneInfo(zone)) for slot in slots]
        assert len(set(shown)) == len(shown)
    if count is not None:
        assert len(slots) == count


HOURS = st.builds(
    Hours,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 1439),
    st.integers(0, 1440),
    st.none(),
).filter(lambda hours: hours.start != hours.end)


@given(HOURS, st.sampled_from(JUMPS), st.integers(-40 * HOUR, 40 * HOUR))
def test_hours_begin_at_the_first_moment_that_is_within_them(
    hours: Hours, jump: tuple[str, datetime], seconds: int
) -> None:
    zone, day = jump
    hours = Hours(hours.days, hours.start, hours.end, zone)
    at = int(day.timestamp()) + seconds
    start = hours.next_start(at)
    assert at <= start
    assert hours.contains(start)
    first = at - at % MINUTE + MINUTE
    before = range(first, int(start), MINUTE)
    assert not any(hours.contains(each) for each in (at, *before) if each < start)
