"""The summary: when it is told, and what it says."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.support.store import NOW, Store
from tests.support.waiting import turns
from zaiond.config.schema import Config, Cron, MailServer
from zaiond.daemon import summary as module
from zaiond.daemon.notices import Notice
from zaiond.daemon.summary import Kept, Summary, due, expected
from zaiond.daemon.summary_text import MOST, Facts, compose, numbers
from zaiond.daemon.words import summary as words
from zaiond.errors import DiskFullError
from zaiond.store.period import Period
from zaiond.store.writer import Writer
from zaiond.text import Language, Text

DAILY = Cron("0 8 * * *", "UTC")
DAY = 86400.0
EIGHT = NOW + 8 * 3600  # NOW is midnight


def kept(**more: Any) -> Kept:
    return Kept(**{"expression": "0 8 * * * UTC", "declared": NOW - 30 * DAY, **more})


def test_a_time_is_due_once_it_has_passed() -> None:
    of = kept(told=EIGHT - DAY)
    assert due(DAILY, of, EIGHT - 1) == (None, EIGHT)
    assert due(DAILY, of, EIGHT) == (EIGHT, EIGHT + DAY)
    assert due(DAILY, kept(told=EIGHT), EIGHT + 1) == (None, EIGHT + DAY)


@pytest.mark.parametrize("days", [2, 30, 300, 5000])
def test_of_times_that_passed_while_it_was_down_only_the_last_one_is_due(days: int) -> None:
    assert due(DAILY, kept(told=EIGHT - days * DAY), EIGHT + 5) == (EIGHT, EIGHT + DAY)


def test_many_times_that_passed_are_not_gone_through_one_by_one() -> None:
    each_minute = Cron("* * * * *", "UTC")
    assert due(each_minute, kept(told=NOW - 3000 * DAY), NOW + 5) == (NOW, NOW + 60)


def test_no_time_before_it_was_configured_is_due() -> None:
    new = expected(Kept(), DAILY, EIGHT + 60, 0.0)
    assert due(DAILY, new, EIGHT + 60) == (None, EIGHT + DAY)
    weekly = Cron("0 8 * * 1", "UTC")
    of = expected(kept(told=EIGHT - 5 * DAY), weekly, EIGHT + 60, 0.0)
    slot, _ = due(weekly, of, EIGHT + 60)
    assert slot is None


def test_a_clock_that_was_set_back_stops_it_for_no_more_than_a_day() -> None:
    of = expected(kept(told=EIGHT + 1000 * DAY), DAILY, EIGHT + 60, 0.0)
    assert due(DAILY, of, EIGHT + DAY)[0] == EIGHT + DAY
    assert expected(kept(told=EIGHT), DAILY, EIGHT - 7200, 0.0).told == EIGHT  # told is told


# -- at work


class Telling:
    """A summary with a store behind it, by a clock that is set by hand."""

    def __init__(self, store: Store) -> None:
        self.writer = Writer(store.connection, asyncio.get_running_loop(), print, lambda: False)
        self.now = NOW
        self.recorded: list[Notice] = []
        self.asked: list[tuple[float, float]] = []
        self.is_full = False
        self.came = asyncio.Event()
        self.start()

    def start(self) -> None:
        """As a start of the daemon does."""
        self.summary = Summary(
            self.writer, self.gather, self.record, lambda: self.now, lambda: self.now - NOW
        )

    async def gather(self, since: float, queued: float) -> Facts:
        self.asked.append((since, queued))
        return facts()

    async def record(self, notice: Notice) -> None:
        if self.is_full:
            raise DiskFullError(Text("満杯", "full"))
        self.recorded.append(notice)
        self.came.set()

    async def look(self, cron: Cron = DAILY) -> float:
        return await self.summary._look(cron, tells=True)

    async def settle(self) -> None:
        """Lets a look that is under way end: it reads from the store, and then writes to it."""
        for _ in range(3):
            await turns(20)
            await self.writer.submit(lambda _: None)

    @property
    def ids(self) -> list[str]:
        return [notice.id for notice in self.recorded]


@pytest.fixture
async def telling(tmp_path: Path) -> AsyncIterator[Telling]:
    store = Store(tmp_path)
    made = Telling(store)
    yield made
    await made.writer.close()
    store.database.closed_cleanly()


async def test_each_time_is_told_of_once_across_restarts_too(telling: Telling) -> None:
    for hours in range(0, 24 * 4, 2):
        telling.now = NOW + hours * 3600
        assert 0 <= await telling.look() <= module.LOOK
        await telling.look()
        telling.start()
    assert telling.ids == [f"zaiond.summary/{int(EIGHT + n * DAY)}" for n in range(4)]
    # The first one tells of the time since it was configured, each other since the one before.
    assert telling.asked[:2] == [(NOW, 0.0), (EIGHT, EIGHT - NOW)]


async def test_what_was_before_it_was_configured_is_not_counted(telling: Telling) -> None:
    telling.now = NOW + 3600
    await telling.look()
    telling.now = EIGHT
    await telling.look()
    assert telling.asked == [(NOW + 3600, 3600.0)]


async def test_a_time_that_passed_while_it_was_down_is_made_up_for_once(telling: Telling) -> None:
    await telling.look()
    telling.now = EIGHT + 3 * DAY + 3600
    telling.start()
    await telling.look()
    telling.start()
    await telling.look()
    assert telling.ids == [f"zaiond.summary/{int(EIGHT + 3 * DAY)}"]


async def test_what_a_full_disk_did_not_take_is_told_later(telling: Telling) -> None:
    await telling.look()
    telling.now, telling.is_full = EIGHT, True
    assert await telling.look() == module.AGAIN
    telling.is_full = False
    await telling.look()
    assert len(telling.ids) == 1


async def test_it_is_told_at_its_time_by_the_configuration_in_force(
    telling: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AFTER_START", 0.0)
    config = Config(mail_server=MailServer(host="mailhost"), admins=("a@x",))
    working = asyncio.create_task(telling.summary.run())
    telling.summary.configure(config)
    await telling.settle()
    telling.summary.configure(replace(config, summary=DAILY))
    await telling.settle()
    assert telling.ids == []
    telling.now = EIGHT
    telling.summary.configure(replace(config, summary=DAILY))  # as any reload
    async with asyncio.timeout(30):
        await telling.came.wait()
    working.cancel()


# -- what it says


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


STATUS: dict[str, Any] = {
    "problems": [],
    "config": {"state": "good"},
    "queue": {"waiting": 0, "held": 0},
    "refused": {"count": 0},
    "servers": [{"server": "mailhost:25", "state": "up"}],
    "heartbeat": None,
    "version": "1.0",
}


def facts(language: Language = "en", **more: Any) -> Facts:
    status = STATUS | more.pop("status", {})
    given: dict[str, Any] = {
        "language": language, "since": NOW - 7 * DAY, "until": NOW, "started": NOW - 40 * DAY,
        "status": status, "period": Period({}, {}, {}, {}), "jobs": [], "problems": [],
        "silences": [], "to_come": 0, "free": 4096 * 1024 * 1024,
    }  # fmt: skip
    return Facts(**{**given, **more})


def job(name: str, state: str, last: float | None = NOW) -> dict[str, Any]:
    return {
        "job": name,
        "state": state,
        "last_run": None if last is None else moment(last),
        "next_run": moment(NOW + DAY),
    }


def problem(key: str, **more: Any) -> dict[str, Any]:
    return {
        "key": key, "job": None, "type": "a.b", "severity": "err", "since": moment(NOW - 60),
        "count": 3, "silence": None, **more,
    }  # fmt: skip


def test_a_quiet_week_is_short_and_says_that_all_is_well() -> None:
    text = compose(facts())
    assert text.startswith("zaiond is at work and well (since 2013-04-15 ")
    assert "Period: 2013-05-18 00:00:00 +0000 to 2013-05-25 00:00:00 +0000" in text
    assert "Accepted: 0\n" in text
    assert "Delivered: 0\nFailed: 0\nExpired: 0\nWaiting now: 0\nHeld now: 0\n" in text
    assert "Mail server: mailhost:25: up" in text
    assert "Free on the disk: 4,096 MB" in text
    for absent in (words.JOBS, words.PROBLEMS, words.TO_LOOK_AT):
        assert absent.en not in text


FULL: dict[str, Any] = {
    "status": {
        "problems": [
            {"code": "held", "message": "it is held", "command": "zaiond-ctl queue list"},
            {"code": "failed", "message": "2 failed", "command": "zaiond-ctl history --failed",
             "places": ["lost", "acknowledge"]},
        ],
        "queue": {"waiting": 3, "held": 4},
        "refused": {"count": 5},
        "servers": [{"server": "a:25", "state": "down"}, {"server": "b:25", "state": "unknown"}],
        "heartbeat": {"host": "hc.example", "last": None, "stopped": "mail can't leave",
                      "error": None},
    },
    "period": Period(
        {"": 1000, "dropped": 20, "silenced": 3}, {"delivered": 990, "expired": 2},
        {"digest": 40, "suppressed": 900}, {"digest": 7, "suppressed": 2},
    ),
    "jobs": [job("ok-job", "ok"), job("gone", "missed", None), job("new", "unknown", None)],
    "problems": [problem("disk\x1b[2J"), problem("", job="nightly", silence="S1")],
    "silences": [{}],
    "to_come": 6,
}  # fmt: skip


def test_a_week_in_which_something_was_is_told_the_worst_first() -> None:
    text = compose(facts(**FULL))
    assert "something needs a look" in text
    assert "- it is held\n  More: zaiond-ctl queue list" in text
    assert (
        "- 2 failed\n  More: zaiond-ctl history --failed\n"
        "  Once you know of it: zaiond-ctl status --ack\n"
    ) in text
    assert "- disk (error, since 2013-05-24 23:59:00 +0000, reported 3 times)\n" in text
    assert "- nightly (error, since 2013-05-24 23:59:00 +0000, reported 3 times) (silenced)" in text
    assert text.index("- gone: missed (last none, next 2013-05-26") < text.index(
        "- new: not heard of yet"
    )
    assert text.index("- new:") < text.index("- ok-job: ok (last 2013-05-25 00:00:00 +0000, next")
    assert "Accepted: 1,023\nDropped: 20\nSilenced: 3\n" in text
    assert "In digests: 40 (in mails: 7)\n" in text
    assert "Held back over max_mails: 900 (in mails: 2)\n" in text
    assert "Refused in the last day: 5\n" in text
    assert "Delivered: 990\nFailed: 0\nExpired: 2\nWaiting now: 3\nHeld now: 4\n" in text
    assert "Mails to come: 6\n" in text
    assert "Mail server: a:25: down\nMail server: b:25: not tried yet\n" in text
    assert "Heartbeat: hc.example (last none) (mail can't leave)\n" in text
    assert "Silences: 1\n" in text


def test_both_languages_say_the_same() -> None:
    ja, en = (compose(facts(language, **FULL)) for language in get_args(Language))
    assert ja.count("\n") == en.count("\n")
    assert "未実行" in ja
    assert "zaiond-ctl queue list" in ja


def test_programs_get_the_numbers() -> None:
    told = numbers(facts(**FULL))
    assert told["events"] == {"accepted": 1023, "dropped": 20, "silenced": 3}
    assert told["deliveries"] == {"delivered": 990, "expired": 2, "waiting": 3, "held": 4}
    assert told["jobs"] == {"ok-job": "ok", "gone": "missed", "new": "unknown"}
    assert told["to_look_at"] == ["held", "failed"]


def test_of_very_many_only_the_first_are_named() -> None:
    text = compose(facts(jobs=[job(f"j{n}", "missed") for n in range(MOST + 9)]))
    assert text.count(": missed") == MOST
    assert "- and 9 more\n" in text


def test_what_is_dated_to_the_year_1_does_not_keep_the_summary_back() -> None:
    text = compose(facts(problems=[problem("old", since="0001-01-01T00:00:00.000+00:00")]))
    assert "- old (error, since 1-01-01 00:00:00 +0000, reported 3 times)" in text


def test_a_problem_that_was_reported_once_says_so() -> None:
    text = compose(facts(problems=[problem("disk", count=1)]))
    assert "reported once)" in text
    text = compose(facts("ja", problems=[problem("disk", count=1)]))
    assert "から、1 回）" in text
