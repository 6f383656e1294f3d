"""When something is due, across the days on which clocks jump, too."""

import math
import os
import subprocess
import sys
from datetime import datetime
from importlib.util import find_spec
from zoneinfo import ZoneInfo

import pytest

from zaiond.schedule import Cron, Hours, ScheduleError, check_timezone

WEEKDAYS = frozenset(range(5))


def at(text: str, zone: str) -> float:
    """A wall time; with `*` behind it, the second time that the clock shows it."""
    second = text.endswith("*")
    moment = datetime.fromisoformat(text.rstrip("*"))
    return moment.replace(tzinfo=ZoneInfo(zone), fold=second).timestamp()


def shown(times: list[float], zone: str) -> list[str]:
    """The wall times, without the year; `*` as in `at`."""
    found = [datetime.fromtimestamp(time, ZoneInfo(zone)) for time in times]
    return [f"{each:%m-%d %H:%M}{'*' if each.fold else ''}" for each in found]


def following(expression: str, zone: str, after: str, most: int) -> list[str]:
    begin = at(after, zone)
    return shown(Cron(expression, zone).slots(begin, begin + 2e9, most), zone)


# -- cron


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 8 * * *", ["05-25 08:00", "05-26 08:00"]),
        ("0 8 * * 1", ["05-27 08:00", "06-03 08:00"]),
        ("0 8 * * mon", ["05-27 08:00", "06-03 08:00"]),
        ("30 2 1 * *", ["06-01 02:30", "07-01 02:30"]),
        ("*/20 7 * * *", ["05-25 07:00", "05-25 07:20"]),
        ("0 0 L * *", ["05-31 00:00", "06-30 00:00"]),
        ("0 0 13 * fri", ["05-31 00:00", "06-07 00:00"]),  # either, as in every cron
        ("@daily", ["05-26 00:00", "05-27 00:00"]),
        ("@Hourly", ["05-25 07:00", "05-25 08:00"]),
        ("  0   8 * *  *  ", ["05-25 08:00", "05-26 08:00"]),
    ],
)
def test_an_expression_means_what_cron_means_by_it(expression: str, expected: list[str]) -> None:
    assert following(expression, "Asia/Tokyo", "2013-05-25T06:00", 2) == expected


def test_a_time_is_later_than_the_one_asked_for_by_less_than_a_second_too() -> None:
    daily = Cron("0 8 * * *", "UTC")
    eight = at("2013-05-25T08:00", "UTC")
    assert daily.next(eight - 0.001) == eight
    assert daily.next(eight) == eight + 86400
    assert daily.next(eight + 0.5) == eight + 86400


@pytest.mark.parametrize(
    ("zone", "day", "expression", "expected"),
    [
        # A gap: what it jumps over is due at its end, once.
        ("Europe/Berlin", "2023-03-26", "30 2 * * *", ["03-26 03:00", "03-27 02:30"]),
        ("Europe/Berlin", "2023-03-26", "0,30 2 * * *", ["03-26 03:00", "03-27 02:00"]),
        ("Europe/Berlin", "2023-03-26", "0 2,4 * * *", ["03-26 03:00", "03-26 04:00"]),
        ("Europe/Berlin", "2023-03-26", "0 3 * * *", ["03-26 03:00", "03-27 03:00"]),
        ("America/New_York", "2023-03-12", "15 2 * * *", ["03-12 03:00", "03-13 02:15"]),
        ("Australia/Lord_Howe", "2023-10-01", "15 2 * * *", ["10-01 02:30", "10-02 02:15"]),
        ("America/Havana", "2023-03-12", "0 0 * * *", ["03-12 01:00", "03-13 00:00"]),
        ("Africa/Casablanca", "2023-04-23", "30 2 * * *", ["04-23 03:00", "04-24 02:30"]),
        # A day that there never was.
        ("Pacific/Apia", "2011-12-29", "0 12 * * *", ["12-29 12:00", "12-31 00:00"]),
        # A fold: once, when the clock first shows it.
        ("Europe/Berlin", "2023-10-29", "30 2 * * *", ["10-29 02:30", "10-30 02:30"]),
        ("America/New_York", "2023-11-05", "15 1 * * *", ["11-05 01:15", "11-06 01:15"]),
        ("Australia/Lord_Howe", "2023-04-02", "45 1 * * *", ["04-02 01:45", "04-03 01:45"]),
        ("Africa/Casablanca", "2023-03-19", "30 2 * * *", ["03-19 02:30", "03-20 02:30"]),
        ("Asia/Tokyo", "2023-03-26", "30 2 * * *", ["03-26 02:30", "03-27 02:30"]),
        # With a star, whenever the clock shows it.
        (
            "Europe/Berlin",
            "2023-03-26",
            "30 * * * *",
            ["03-26 00:30", "03-26 01:30", "03-26 03:30"],
        ),
        ("Europe/Berlin", "2023-03-26", "*/30 2 * * *", ["03-27 02:00", "03-27 02:30"]),
        (
            "Europe/Berlin",
            "2023-10-29",
            "*/30 2 * * *",
            ["10-29 02:00", "10-29 02:30", "10-29 02:00*", "10-29 02:30*", "10-30 02:00"],
        ),
        ("Australia/Lord_Howe", "2023-10-01", "*/15 5 * * *", ["10-01 05:00", "10-01 05:15"]),
    ],
)
def test_where_the_clock_jumps(zone: str, day: str, expression: str, expected: list[str]) -> None:
    begin = at(f"{day}T00:00", zone) - 1800
    due = [time for time in Cron(expression, zone).slots(begin, begin + 1e7, 10) if time > begin]
    assert shown(due, zone)[: len(expected)] == expected


def test_what_was_due_before_the_clock_went_back_is_not_due_again() -> None:
    once = Cron("30 2 * * *", "Europe/Berlin")
    for begin in ("2023-10-29T02:30", "2023-10-29T02:59", "2023-10-29T02:10*", "2023-10-29T02:30*"):
        later = once.next(at(begin, "Europe/Berlin"))
        assert shown([later], "Europe/Berlin") == ["10-30 02:30"], begin


def test_slots_are_at_most_so_many_and_none_is_beyond_the_end() -> None:
    hourly = Cron("0 * * * *", "UTC")
    begin = at("2026-01-01T00:30", "UTC")
    assert len(hourly.slots(begin, begin + 86400, 1000)) == 24
    assert len(hourly.slots(begin, begin + 86400, 5)) == 5
    assert hourly.slots(begin, begin, 5) == []
    assert hourly.slots(begin, begin + 1800, 5) == [begin + 1800]


def test_beyond_the_calendar_nothing_is_due() -> None:
    daily = Cron("0 8 * * *", "Asia/Tokyo")
    assert daily.next(253402300000.0) == math.inf
    assert daily.next(9e15) == math.inf


def test_the_rarest_day_is_found() -> None:
    # A 29 February that is a Sunday.
    rare = Cron("0 0 29 2 */7", "UTC")
    assert rare.next(at("2032-03-01T00:00", "UTC")) == at("2060-02-29T00:00", "UTC")


def test_without_a_time_zone_the_machines_own_counts() -> None:
    program = (
        "from zaiond.schedule import Cron, Hours; after = 1679785200\n"  # 2023-03-26T00:00
        "print(Cron('30 2 * * *').next(after), Hours(start=480, end=540).next_start(after))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TZ": "Europe/Berlin"},
        capture_output=True,
        text=True,
        check=True,
    )
    due, start = map(float, found.stdout.split())
    assert shown([due, start], "Europe/Berlin") == ["03-26 03:00", "03-26 08:00"]


@pytest.mark.parametrize(
    ("expression", "english", "japanese"),
    [
        ("", "five fields", "5 つの欄"),
        ("0 8 * *", "five fields", "5 つの欄"),
        ("0 0 8 * * *", "five fields", "5 つの欄"),
        ("0 8 * * * " + " " * 300 + "0", "five fields", "5 つの欄"),
        ("60 8 * * *", "field 1 of the cron expression (minute), '60'", "1 番目の欄（分）「60」"),
        ("0 24 * * *", "field 2 of the cron expression (hour), '24'", "2 番目の欄（時）「24」"),
        (
            "0 8 0 * *",
            "field 3 of the cron expression (day-of-month), '0'",
            "3 番目の欄（日）「0」",
        ),
        ("0 8 * 13 *", "field 4 of the cron expression (month), '13'", "4 番目の欄（月）「13」"),
        (
            "0 8 * * 8",
            "field 5 of the cron expression (day-of-week), '8'",
            "5 番目の欄（曜日）「8」",
        ),
        ("0 8 * * fri-mon", "day-of-week), 'fri-mon'", "（曜日）「fri-mon」"),
        ("*/0 * * * *", "(minute), '*/0'", "（分）「*/0」"),
        ("0 8 * * 1#6", "'1#6'", "「1#6」"),
        (f"0 {'9' * 200} * * *", "(hour)", "（時）"),
        ("0 0 31 2 *", "no day fits", "当てはまる日時はありません"),
        ("0 0 30,31 2 */2", "no day fits", "当てはまる日時はありません"),
        ("0 0 */31 * 1#5", "no day fits", "当てはまる日時はありません"),
        ("@dayly", "@hourly, @daily", "@hourly, @daily"),
        ("@reboot", "@hourly, @daily", "@hourly, @daily"),
    ],
)
def test_an_expression_that_means_nothing_is_refused(
    expression: str, english: str, japanese: str
) -> None:
    with pytest.raises(ScheduleError) as refused:
        Cron(expression)
    assert english in refused.value.text.en
    assert japanese in refused.value.text.ja


# -- hours


@pytest.mark.parametrize(
    ("hours", "moments"),
    [
        (
            Hours(WEEKDAYS, 510, 1080, "Asia/Tokyo"),
            {
                "2013-05-24T08:29:59": False,
                "2013-05-24T08:30": True,
                "2013-05-24T17:59:59": True,
                "2013-05-24T18:00": False,
                "2013-05-25T12:00": False,  # a Saturday
                "2013-05-27T12:00": True,
            },
        ),
        (
            Hours(frozenset({4}), 1320, 360, "Asia/Tokyo"),  # Friday night
            {
                "2013-05-24T05:00": False,
                "2013-05-24T21:59": False,
                "2013-05-24T22:00": True,
                "2013-05-25T05:59": True,
                "2013-05-25T06:00": False,
                "2013-05-25T23:00": False,
            },
        ),
        (
            Hours(frozenset({6}), 1200, 1440, "Asia/Tokyo"),  # until midnight
            {
                "2013-05-26T23:59:59": True,
                "2013-05-27T00:00": False,
            },
        ),
    ],
)
def test_which_moments_are_within_the_hours(hours: Hours, moments: dict[str, bool]) -> None:
    assert {each: hours.contains(at(each, "Asia/Tokyo")) for each in moments} == moments


@pytest.mark.parametrize(
    ("hours", "begin", "expected"),
    [
        (Hours(WEEKDAYS, 510, 1080, "Asia/Tokyo"), "2013-05-24T18:00", "05-27 08:30"),
        (Hours(WEEKDAYS, 510, 1080, "Asia/Tokyo"), "2013-05-27T03:00", "05-27 08:30"),
        (Hours(frozenset({4}), 1320, 360, "Asia/Tokyo"), "2013-05-25T06:00", "05-31 22:00"),
        # The clock jumps over the start: they begin where it lands.
        (Hours(start=150, end=300, timezone="Europe/Berlin"), "2023-03-26T01:00", "03-26 03:00"),
        # It jumps over the whole: not on that day.
        (Hours(start=120, end=150, timezone="Europe/Berlin"), "2023-03-26T01:00", "03-27 02:00"),
        # It shows them twice: so they are twice.
        (Hours(start=135, end=150, timezone="Europe/Berlin"), "2023-10-29T02:45", "10-29 02:15*"),
        (Hours(start=135, end=150, timezone="Europe/Berlin"), "2023-10-29T02:45*", "10-30 02:15"),
    ],
)
def test_when_the_hours_begin(hours: Hours, begin: str, expected: str) -> None:
    zone = hours.timezone or ""
    assert shown([hours.next_start(at(begin, zone))], zone) == [expected]


def test_within_the_hours_they_begin_now() -> None:
    now = at("2013-05-24T12:00", "Asia/Tokyo") + 0.25
    assert Hours(WEEKDAYS, 510, 1080, "Asia/Tokyo").next_start(now) == now


# -- time zones


def test_a_time_zone_is_known() -> None:
    check_timezone("Asia/Tokyo")
    check_timezone("UTC")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("asia/tokyo", "Asia/Tokyo"),
        ("Tokyo", "Asia/Tokyo"),
        ("JST", "Asia/Tokyo"),
        ("Asia/Tokio", "Asia/Tokyo"),
        ("America/New York", "America/New_York"),
    ],
)
def test_of_an_unknown_time_zone_a_near_one_is_named(name: str, meant: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        check_timezone(name)
    assert meant in refused.value.text.en
    assert meant in refused.value.text.ja


@pytest.mark.parametrize(
    "name", ["", "Asia", "../../etc/passwd", "/etc/localtime", "Nowhere", "\0"]
)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ScheduleError):
        check_timezone(name)


@pytest.mark.skipif(find_spec("tzdata") is not None, reason="the data are there as a package")
def test_where_the_machine_has_no_time_zones_the_remedy_is_a_package() -> None:
    program = (
        "from zaiond.schedule import ScheduleError, check_timezone\n"
        "try: check_timezone('Asia/Tokyo')\n"
        "except ScheduleError as error: print(error.text.en)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "this machine has no time zone data: install the package tzdata\n"


def test_nothing_is_loaded_until_there_is_an_expression_or_a_time_zone() -> None:
    program = (
        "import sys; from zaiond.schedule import Hours; import zaiond.config.load\n"
        "Hours().contains(0)\n"
        "print({'cronsim', 'zoneinfo'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout == "set()\n"
