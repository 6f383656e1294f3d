"""A year of jobs, digests and active times in six time zones, and restarts: at every hour around
the jumps of the clocks, else at every fifth, which comes to each hour of the day."""

import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from tests.support.routed import Book, configured
from zaiond.routing.decision import Missed
from zaiond.routing.matcher import RoutingTable

HOUR, DAY = 3600, 86400
# One hour ahead in summer, half an hour, back for Ramadan, none; north and south.
ZONES = (
    "Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe",
    "Africa/Casablanca", "Asia/Tokyo",
)  # fmt: skip
YEAR = range(
    int(datetime(2025, 1, 1, tzinfo=ZoneInfo("UTC")).timestamp()),
    int(datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC")).timestamp()),
)
TEXT = (
    "times:\n"
    + "".join(f"  t{n}: {{hours: '08:30-18:00', timezone: {z}}}\n" for n, z in enumerate(ZONES))
    + "routes:\n"
    + "".join(
        f"  held{n}: {{match: {{data.zone: {n}}}, continue: true, active_time: t{n},"
        f" to: [held{n}@x.jp]}}\n"
        for n in range(len(ZONES))
    )
    + "  digest: {digest: '30 2 * * *', to: [digest@x.jp]}\n"
    + "route_defaults: {max_mails: null}\n"
    + "jobs:\n"
    + "".join(
        f"  job{n}: {{schedule: '30 2 * * *', timezone: {z}, grace: 10m}}\n"
        for n, z in enumerate(ZONES)
    )
)


def once_a_day(zone: ZoneInfo, hour: int, minute: int) -> list[float]:
    """When the wall shows it for the first time each day of YEAR, or jumps over it: minute by
    minute, with nothing of zaiond.
    """
    found: dict[date, float] = {}
    for at in range(YEAR.start - DAY, YEAR.stop, 1800):
        local = datetime.fromtimestamp(at, zone)
        if local.date() not in found and (local.hour, local.minute) >= (hour, minute):
            found[local.date()] = at
    return [at for at in found.values() if at > YEAR.start]


def around_jumps() -> set[int]:
    """The hours of YEAR up to a day before and after one of the clocks jumps."""
    offsets = [
        [datetime.fromtimestamp(at, ZoneInfo(name)).utcoffset() for name in ZONES]
        for at in range(YEAR.start, YEAR.stop, HOUR)
    ]
    jumps = [n for n, (before, after) in enumerate(pairwise(offsets)) if before != after]
    first = YEAR.start // HOUR
    return {first + n + near for n in jumps for near in range(-24, 25)}


@pytest.fixture
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The time zone of this machine, by which digests go."""
    name: str = request.param
    monkeypatch.setenv("TZ", name)
    time.tzset()
    yield name
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("machine", "restarts"),
    [("Europe/Berlin", True), ("Australia/Lord_Howe", False)],
    indirect=["machine"],
)
def test_each_slot_once_nothing_early_and_nothing_twice(machine: str, restarts: bool) -> None:
    b = Book(RoutingTable(configured(TEXT)), now=YEAR.start)
    told: dict[str, list[float]] = {f"job{n}": [] for n in range(len(ZONES))}
    each_hour = around_jumps()
    assert len(each_hour) >= 49 * 8
    for at in range(YEAR.start + HOUR, YEAR.stop, HOUR):
        if (at // HOUR) % 7 == 0:
            b.tell(data={"zone": (at // HOUR) % len(ZONES)})
        b.wait(at - b.now, is_awake=True)
        for each, when in zip(b.jobs, b.told_at, strict=True):
            assert isinstance(each, Missed)
            assert not each.daemon_down
            assert [when] == [slot + 600 for slot in each.slots]  # one grace after
            told[each.job] += each.slots
        b.jobs.clear()
        b.told_at.clear()
        if restarts and (at // HOUR in each_hour or at // HOUR % 5 == 0):
            b.restart()
    for n, name in enumerate(ZONES):
        zone = ZoneInfo(name)
        expected = [at for at in once_a_day(zone, 2, 30) if at + 600 <= b.now]
        assert told[f"job{n}"] == expected, name
        mails = [mail for mail in b.made if mail.to == (f"held{n}@x.jp",)]
        starts = once_a_day(zone, 8, 30)
        for mail in mails:
            local = datetime.fromtimestamp(mail.at, zone)
            assert timedelta(hours=8.5) <= local - local.replace(hour=0, minute=0, second=0)
            assert local.hour < 18
            if mail.routing.kind == "held":
                assert mail.at in starts
        seen = [event for mail in mails for event in mail.events]
        assert len(seen) == len(set(seen))
    digests = [mail for mail in b.made if mail.to == ("digest@x.jp",)]
    assert [mail.at for mail in digests] == once_a_day(ZoneInfo(machine), 2, 30)[-len(digests) :]
    assert len(digests) >= 364
    b.check()
