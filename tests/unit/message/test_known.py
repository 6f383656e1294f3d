"""Mails about events of our own types: jobs, units, local mail, problems, drills, summaries."""

from itertools import pairwise, product
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from tests.unit.message.test_compose import NINE, body, mail, read, subject
from zaiond.message.words import known
from zaiond.message.words import standing as said
from zaiond.model import Event, Standing
from zaiond.text import Language, Text

GOLDEN = Path(__file__).parent / "golden"
MISSED = [NINE - 86400, "2013-05-25T02:00:00+09:00"]


def event(type: str, **more: Any) -> Event:
    given: dict[str, Any] = {"source": "zaiond", "notice": True, "id": "1"} | more
    return Event(uid=0, type=type, time=NINE, accepted=NINE, **given)


RUN = {
    "command": ["/usr/local/bin/backup", "--all"],
    "exit_status": 3,
    "started_at": NINE - 754,
    "duration": 754,
    "output": "送信中…\nrsync: write failed: No space left on device (28)\n",
    "next_run": "2013-05-26T02:00:00+09:00",
    "host": "fileserver01",
}
CASES: dict[str, tuple[Event, Standing | None]] = {
    "job-failed": (event("job.failed", severity="err", job="nightly", data=RUN), None),
    "job-failed-again": (
        event("job.failed", severity="err", job="nightly", data={"exit_status": 1, "failures": 3}),
        Standing(NINE - 11520, None, 3, reminder=True),
    ),
    "job-missed": (
        event(
            "job.missed", severity="err", job="nightly",
            data={
                "slots": MISSED, "daemon_down": True, "grace": 7200, "last_success": NINE - 200000,
                "schedule": "0 2 * * *",
            },
        ),
        None,
    ),
    "job-overdue": (
        event(
            "job.overdue", severity="warning", job="nightly",
            data={"started_at": NINE - 30000, "running": 30000, "max_runtime": 21600},
        ),
        None,
    ),
    "job-recovered": (
        event("job.succeeded", job="nightly", data={"exit_status": 0, "duration": 60}),
        Standing(NINE - 187920, NINE, 4),
    ),
    "unit-failed": (
        event(
            "unit.failed", severity="err", message="nginx.service: bind() to 0.0.0.0:80 failed",
            data={
                "unit": "nginx.service", "result": "exit-code", "exit_status": 1,
                "invocation_id": "0123456789abcdef0123456789abcdef",
            },
        ),
        None,
    ),
    "mail-local": (
        event(
            "mail.local", severity="notice", subject="Cron <root@fileserver01> run-parts",
            message="run-parts: exited\n", data={"from": "root", "to": "root"}, notice=False,
            source="cron",
        ),
        None,
    ),
    "suppressed": (
        event(
            "zaiond.mails.suppressed", severity="warning", subject="メールを保留しています",
            data={"recipient": "a@example.co.jp", "held": 12, "since": NINE},
        ),
        None,
    ),
    "summary": (
        event("zaiond.summary", subject="定期レポート", message="ジョブ 3 件\n  nightly: 正常\n"),
        None,
    ),
    "drill": (
        event(
            "disk.full", severity="crit", subject="満杯", key="c", status="problem",
            extensions={"drill": True}, source="df", notice=False,
        ),
        None,
    ),
}  # fmt: skip


def seen(name: str, language: Language) -> str:
    of, standing = CASES[name]
    about = str(read(mail(of, language, standing=standing))["Subject"])
    return f"Subject: {about}\n\n{body(of, language, standing=standing)}"


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("name", CASES)
def test_the_mail_as_a_reader_sees_it(name: str, language: Language) -> None:
    assert seen(name, language) == (GOLDEN / f"{name}.{language}.txt").read_text()


def test_a_problem_that_is_told_of_for_the_first_time_is_told_of_as_before() -> None:
    of = event("disk.full", key="c", status="problem", severity="err")
    assert body(of, standing=Standing(NINE)) == body(of)


def test_a_problem_that_has_become_worse_says_since_when_it_stays() -> None:
    of = event("disk.full", key="c", status="problem", severity="crit")
    text = body(of, standing=Standing(NINE - 3600, None, 5))
    assert "\n障害発生日時: 2013/05/25(土) 08:00:00 +0900\n報告回数: 5 回\n" in text
    assert "【障害発生・重大】" in str(
        read(mail(of, standing=Standing(NINE - 3600, None, 5)))["Subject"]
    )


@pytest.mark.parametrize(
    ("seconds", "count", "ja", "en"),
    [
        (0, 1, "障害は 0秒 続きました。", "The problem lasted 0 s, and was reported once."),
        (754, 1, "障害は 12分34秒 続きました。", "The problem lasted 12 min 34 s, and was"),
        (11527, 2, "障害は 3時間12分 続きました（報告 2 回）。", "min, and was reported 2 times."),
        (187920, 9, "障害は 2日4時間12分 続きました", "The problem lasted 2 d 4 h 12 min"),
        (2.5, 1, "障害は 2秒 続きました。", "The problem lasted 2 s, and was"),
        (-5, 2, "障害は 0秒 続きました", "The problem lasted 0 s"),
    ],
)  # fmt: skip
def test_the_closing_mail_says_how_long_it_lasted_and_how_often_it_was_reported(
    seconds: float, count: int, ja: str, en: str
) -> None:
    of = event("disk.full", key="c", status="ok")
    standing = Standing(NINE, NINE + seconds, count)
    assert f"\n{ja}" in body(of, standing=standing)
    assert en in body(of, "en", standing=standing)


def test_the_mails_of_a_backup_that_stays_bad_say_so_too() -> None:
    of = event("backup.auto_update.failed", key="nas", status="problem", severity="err")
    standing = Standing(NINE - 7200, None, 2, reminder=True)
    about = str(read(mail(of, standing=standing))["Subject"])
    assert about.startswith("[Zaionnex] 【障害継続中・失敗】データバックアップ")
    assert "\n障害は 2時間 続いています（報告 2 回）。\n" in body(of, date=NINE, standing=standing)


def test_a_summary_of_somebody_else_is_told_of_as_any_event() -> None:
    forged = replace(CASES["summary"][0], notice=False)
    assert "これは zaiond 自身の通知ではありません" in body(forged)


def test_a_drill_is_one_only_where_that_is_said_by_true() -> None:
    of, _ = CASES["drill"]
    assert subject(of).startswith("[Zaionnex] 【訓練】【障害発生・重大】満杯")
    for other in (False, "true", 1, None):
        assert "訓練" not in subject(replace(of, extensions={"drill": other}))


@pytest.mark.parametrize("value", [None, "", [], {}, "x", [[]], {"a": [1]}, -1, True, 10**400])
@pytest.mark.parametrize("type", ["job.failed", "job.missed", "unit.failed", "mail.local"])
def test_whatever_an_event_of_a_known_type_says_is_shown(type: str, value: object) -> None:
    names = ["command", "exit_status", "started_at", "duration", "slots", "daemon_down", "unit"]
    for language in get_args(Language):
        text = body(event(type, data={**dict.fromkeys(names, value), "output": value}), language)
        if value == "x":
            assert text.count(": x\n") + text.count("\nx\n") >= len(names)


def test_many_slots_are_not_all_named() -> None:
    text = body(event("job.missed", data={"slots": [NINE + n for n in range(5000)]}))
    assert text.count("\n  2013/") == 20
    assert "\n  ほか 4,980 回\n" in text


def test_outlook_joins_no_two_lines_of_ours() -> None:
    standings = [None, Standing(NINE, NINE + 99, 3), Standing(NINE, None, 3, reminder=True)]
    types = [*known.ADVICE, "backup.auto_update.failed", "disk.full"]
    for language, named, standing in product(get_args(Language), types, standings):
        of = event(named, job="j", message="m", extensions={"drill": True})
        lines = body(of, language, standing=standing).splitlines()
        if named.startswith("backup."):
            lines = lines[:-3]
        for line, following in pairwise(lines):
            assert len(line) < 40 or not following, line


def test_all_words_are_in_both_languages() -> None:
    for module in (known, said):
        texts = [value for value in vars(module).values() if isinstance(value, Text)]
        assert len(texts) > 4
        for text in [*texts, *known.ADVICE.values()]:
            assert text.ja != text.en
            assert not text.ja.isascii()
            assert text.en.isascii()
