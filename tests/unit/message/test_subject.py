"""The subject: what an administrator sees of a mail in the list of a telephone."""

from itertools import product
from typing import Any

import pytest

from zaiond.message.layout import subject_line, title
from zaiond.message.words import EN, JA
from zaiond.model import SEVERITIES, Event

DF = """\
Filesystem      Size  Used Avail Use% Mounted on
/dev/sda1        40G   37G  1.1G  98% /
"""


def subjects(type: str, **changes: Any) -> tuple[str, str]:
    """In Japanese and in English, without the host, which stands in each."""
    event = Event(id="1", uid=34, type=type, source="cron", time=0.0, accepted=0.0, **changes)
    in_ja = subject_line(event, JA, "fs01")
    in_en = subject_line(event, EN, "fs01")
    assert in_ja.endswith("（fs01）") or "（fs01：" in in_ja
    assert in_en.endswith(" (fs01)") or " (fs01: " in in_en
    return in_ja.removesuffix("（fs01）"), in_en.removesuffix(" (fs01)")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("残り 3%", "残り 3%"),
        ("exit status 1\n", "exit status 1"),
        ("\n\n  / is 98 % full.  Act now!  \n", "/ is 98 % full.  Act now!"),
        ("バックアップに失敗しました。", "バックアップに失敗しました"),
        ("バックアップに失敗しました。\n  見積.xlsx\n", "バックアップに失敗しました"),
        ("Permission denied.\nsee the log", "Permission denied"),
        ("Waiting for the lock...", "Waiting for the lock..."),
        ("\x1b[31mFATAL: out of memory\x1b[0m", "FATAL: out of memory"),
        (
            'rsync: write failed on "/backup/sales": No space left on device (28)',
            'rsync: write failed on "/backup/sales": No space left on device (28)',
        ),
        ("[ERROR] db01 unreachable", "[ERROR] db01 unreachable"),
        ("Nov 29 10:00:01 web01 CRON[7]: failed", "Nov 29 10:00:01 web01 CRON[7]: failed"),
        (" 10%\r100%\rcopy failed", "copy failed"),
    ],
)
def test_a_line_that_reads_as_a_title_is_one(message: str, expected: str) -> None:
    assert title(message) == expected


@pytest.mark.parametrize(
    "message",
    [
        "",
        " \n\t\n",
        "\x1b[0m",
        DF,
        DF.splitlines()[0],  # docker ps without a container prints a heading alone
        DF.splitlines()[1],
        "51G\t/var",
        "4.0K\t/var/a\n51G\t/var\n",
        "----------\n",
        "=" * 60 + "\nReport\n",
        '{"level":"error","text":"x"}',
        '[{"a": 1}]',
        "{\n  \"a\": 1\n}",
        "<html><body>502 Bad Gateway</body></html>",
        "| name | size |\n+------+------+\n",
        "| name | size |",
        "Traceback (most recent call last):\n  File \"x.py\", line 1\nKeyError: 'a'\n",
        'Exception in thread "main" java.lang.NullPointerException\n\tat A.b(A.java:1)\n',
        "panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\n",
        "Nov 29 10:00:00 web01 systemd[1]: Started Cleanup of Temporary Directories.\n"
        "Nov 29 10:00:01 web01 systemd[1]: backup.service: Failed with result 'exit-code'.\n",
        "sending incremental file list\n\nsent 65 bytes  received 12 bytes  154.00 bytes/sec\n",
        "Reading package lists...\nBuilding dependency tree...\n",
        "/dev/md0:\n           Version : 1.2\n             State : clean, degraded\n",
        "Personalities : [raid1]\nmd0 : active raid1 sdb1[1](F) sda1[0]\n",
        "This is an automatically generated mail message from mdadm\nrunning on fs01\n",
        "● nginx.service - A high performance web server\n     Loaded: loaded\n",
        "x" * 201,
        "word " * 100_000,
    ],
)  # fmt: skip
def test_what_programs_print_is_no_title(message: str) -> None:
    assert title(message) == ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # what is said to be the subject counts
        ({"subject": "sda が故障", "key": "disk:sda", "message": "x", "data": {"target": "a"}},
         "sda が故障"),
        ({"subject": "a\r\n b\t c"}, "a b c"),
        # else the thing: its key, the job, a field of data
        ({"key": "disk:/", "job": "j", "data": {"target": "t"}}, "disk.low disk:/"),
        ({"job": "nightly", "data": {"target": "t"}}, "disk.low nightly"),
        ({"data": {"mount": "/var", "percent": 98}}, "disk.low /var"),
        ({"data": {"target": ["a", "b", 3]}}, "disk.low a, b, 3"),
        ({"data": {"host": "web02", "target": "/var"}}, "disk.low /var web02"),
        ({"data": {"host": "fs01.example.co.jp"}}, "disk.low"),
        ({"data": {"target": None, "unit": "", "job": [], "host": {}}}, "disk.low"),
        ({"key": "disk.low"}, "disk.low"),
        ({"key": "\u3000", "job": " \t"}, "disk.low"),
        ({"subject": "\u3000 ", "key": "k"}, "disk.low k"),
        ({"key": "a\r\nBcc: b\x1b[1m\udce7"}, r"disk.low a Bcc: b\udce7"),
        # and what is said of it
        ({"message": "98 %"}, "disk.low: 98 %"),
        ({"message": DF}, "disk.low"),
        ({"message": DF, "key": "disk:/"}, "disk.low disk:/"),
        ({"message": "98 %", "key": "disk:/"}, "disk.low disk:/: 98 %"),
    ],
)  # fmt: skip
def test_an_event_is_told_by_what_says_most(changes: dict[str, Any], expected: str) -> None:
    assert subjects("disk.low", **changes) == (expected, expected)


@pytest.mark.parametrize(
    ("type", "changes", "in_ja", "in_en"),
    [
        ("unit.failed", {"severity": "err", "data": {"unit": "nginx.service"}},
         "【失敗】ユニット nginx.service", "Failed: Unit nginx.service"),
        ("unit.failed", {"severity": "err", "status": "ok", "key": "nginx.service"},
         "【復旧】ユニット nginx.service", "Recovered: Unit nginx.service"),
        ("unit.failed", {"severity": "err", "status": "problem", "key": "nginx.service"},
         "【障害発生・エラー】ユニット nginx.service", "Problem, error: Unit nginx.service"),
        ("job.started", {"job": "nightly"}, "【開始】ジョブ nightly", "Started: Job nightly"),
        ("job.succeeded", {"job": "nightly"}, "【成功】ジョブ nightly", "Succeeded: Job nightly"),
        ("job.failed", {"job": "nightly", "severity": "err", "message": "exit status 1"},
         "【失敗】ジョブ nightly: exit status 1", "Failed: Job nightly: exit status 1"),
        ("job.failed", {"job": "nightly", "severity": "crit"},
         "【失敗・重大】ジョブ nightly", "Failed, critical: Job nightly"),
        ("job.missed", {"job": "nightly", "severity": "err"},
         "【未実行】ジョブ nightly", "Missed: Job nightly"),
        ("job.overdue", {"job": "nightly", "severity": "warning"},
         "【実行時間超過】ジョブ nightly", "Overdue: Job nightly"),
        ("mail.local", {"severity": "notice"}, "【通知】ローカルメール", "Notice: Local mail"),
        ("backup.failed", {"severity": "err", "subject": "夜間バックアップ"},
         "【失敗】夜間バックアップ", "Failed: 夜間バックアップ"),
        ("backup.nightly.finished", {"severity": "warning"},
         "【完了・警告】backup.nightly", "Finished, warning: backup.nightly"),
        ("disk.smart.failed", {"severity": "err", "status": "ok", "key": "disk:sda"},
         "【復旧】disk.smart disk:sda", "Recovered: disk.smart disk:sda"),
        ("disk.low", {"severity": "warning", "status": "problem", "key": "disk:/", "message": DF},
         "【障害発生・警告】disk.low disk:/", "Problem, warning: disk.low disk:/"),
        # words that are no outcome
        ("failed", {"severity": "err"}, "【エラー】failed", "Error: failed"),
        ("call.missed", {}, "call.missed", "call.missed"),
        ("payment.overdue", {}, "payment.overdue", "payment.overdue"),
        ("backup.auto_update.paused", {}, "backup.auto_update.paused", "backup.auto_update.paused"),
    ],
)  # fmt: skip
def test_how_it_stands_comes_first(
    type: str, changes: dict[str, Any], in_ja: str, in_en: str
) -> None:
    assert subjects(type, **changes) == (in_ja, in_en)


@pytest.mark.parametrize(
    ("phase", "changes", "in_ja", "in_en"),
    [
        ("finished", {"data": {"target": ["営業共有", "経理共有"]}},
         "【完了】データバックアップの自動アップデート（fs01：営業共有, 経理共有）",
         "Finished: Automatic update of the data backup (fs01: 営業共有, 経理共有)"),
        ("failed", {"severity": "err", "key": "nas", "status": "problem"},
         "【失敗】データバックアップの自動アップデート（fs01：nas）",
         "Failed: Automatic update of the data backup (fs01: nas)"),
        ("failed", {"severity": "err", "key": "nas", "status": "ok", "data": {"target": "営業"}},
         "【復旧】データバックアップの自動アップデート（fs01：営業）",
         "Recovered: Automatic update of the data backup (fs01: 営業)"),
        ("started", {}, "【開始】データバックアップの自動アップデート",
         "Started: Automatic update of the data backup"),
    ],
)  # fmt: skip
def test_a_backup_is_told_in_the_words_of_the_contract(
    phase: str, changes: dict[str, Any], in_ja: str, in_en: str
) -> None:
    assert subjects(f"backup.auto_update.{phase}", **changes) == (in_ja, in_en)


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize(
    "type", ["x", "disk.low", "unit.failed", "job.missed", "backup.auto_update.failed"]
)
def test_a_recovery_says_so_and_nothing_worse(type: str, severity: Any) -> None:
    in_ja, in_en = subjects(type, severity=severity, key="k", status="ok")
    assert in_ja.startswith("【復旧】")
    assert in_en.startswith("Recovered: ")
    assert "失敗" not in in_ja
    assert "failed" not in in_en.lower()


def test_a_notice_of_the_daemon_says_itself_how_it_stands() -> None:
    held = {"subject": "a@x へのメールを保留しています", "severity": "err", "notice": True}
    in_ja, in_en = subjects("zaiond.delivery.failed", **held)
    assert in_ja == "【エラー】a@x へのメールを保留しています"
    assert in_en == "Error: a@x へのメールを保留しています"


def test_long_values_leave_room_for_each_other() -> None:
    for language in subjects("t" * 255, key="k" * 1000, message="m" * 200):
        assert language == f"{'t' * 79}… {'k' * 68}…"
    (subject, _) = subjects("disk.low", key="k" * 1000, message="98 %")
    assert subject.endswith("…: 98 %")


def test_every_combination_names_the_key_unless_a_subject_says_what_it_is_about() -> None:
    for severity, status, job, message, data in product(
        SEVERITIES, ("problem", "ok", None), (None, "j"), (None, "98 %", DF), ({}, {"target": "t"})
    ):
        for said in subjects(
            "disk.low", severity=severity, status=status, key="disk:/", job=job, message=message,
            data=data,
        ):  # fmt: skip
            assert "disk:/" in said
            assert "Filesystem" not in said
