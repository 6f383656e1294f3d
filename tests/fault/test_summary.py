"""The summary of a real daemon, whose clock is set by hand: it comes at its times, each once, and
says what came of the period.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.clocked_daemon import Clocked
from tests.support.sink import Mail, Sink

HOUR, DAY, WEEK = 3600.0, 86400.0, 7 * 86400.0
MONDAY = datetime(2026, 6, 1, 8, tzinfo=UTC).timestamp()
CONFIG = """
mail_server: {{host: 127.0.0.1, port: {port}}}
sender: zaionnex@example.co.jp
admins: a@example.co.jp
language: {language}
summary: "0 8 * * 1"
routes:
  quiet: {{match: {{type: "noise.*"}}, to: []}}
jobs:
  nightly: {{schedule: "0 2 * * *", timezone: UTC, grace: 1s}}
  unheard: {{schedule: "0 3 1 1 *", timezone: UTC}}
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


@pytest.fixture
def daemon(tmp_path: Path, sink: Sink) -> Iterator[Clocked]:
    config = CONFIG.format(port=sink.port, language="en")
    made = Clocked(tmp_path, config, MONDAY - 3 * HOUR)
    yield made
    made.end()


def summaries(sink: Sink) -> list[Mail]:
    return [mail for mail in sink.mails if mail.event_ids[0].startswith("zaiond.summary/")]


def summary(sink: Sink, number: int) -> Mail:
    while len(summaries(sink)) < number:
        sink.wait(len(sink.mails) + 1, 60)
    return summaries(sink)[number - 1]


def test_it_comes_each_week_and_tells_of_jobs_events_and_mails(daemon: Clocked, sink: Sink) -> None:
    daemon.start()
    daemon.emit(
        {"type": "job.succeeded", "job": "nightly"},
        {"type": "noise.a"}, {"type": "noise.b"}, {"type": "a.b", "subject": "told"},
        {"type": "disk.low", "key": "disk /var", "status": "problem", "severity": "err"},
    )  # fmt: skip
    sink.wait(2)
    daemon.set(MONDAY)
    body = summary(sink, 1).body
    assert "zaiond is at work and well (since 2026-06-01 05:00:" in body
    assert "Accepted: 5\nDropped: 3\n" in body  # the success of the job, too
    assert "Delivered: 2\nFailed: 0\nExpired: 0\n" in body
    assert "- nightly: ok (last 2026-06-01 05:00:" in body
    assert ", next 2026-06-02 02:00:00 +0000)\n" in body
    assert "- unheard: not heard of yet (last none, next 2027-01-01 03:00:00 +0000)\n" in body
    assert "- disk /var (error, since 2026-06-01 05:00:" in body
    assert f"Mail server: 127.0.0.1:{sink.port}: up\n" in body
    daemon.set(MONDAY + 2 * DAY)
    daemon.becomes(lambda h: h["events"], "history", "--type", "job.missed")
    daemon.set(MONDAY + WEEK + HOUR)
    body = summary(sink, 2).body
    assert "something needs a look" in body
    assert "- nightly: missed (last 2026-06-01 05:00:" in body
    assert "\nPeriod: 2026-06-01 08:00:" in body


def test_one_that_passed_while_the_daemon_was_down_is_made_up_for_once(
    daemon: Clocked, sink: Sink
) -> None:
    daemon.start()
    daemon.stop()
    daemon.set(MONDAY + 2 * WEEK + 5 * HOUR)
    daemon.start()
    first = summary(sink, 1)
    assert first.event_ids == (f"zaiond.summary/{int(MONDAY + 2 * WEEK)}",)
    assert "\nPeriod: 2026-06-01 05:00:" in first.body  # since it is configured
    daemon.restart()
    daemon.set(MONDAY + 3 * WEEK)
    assert summary(sink, 2).event_ids == (f"zaiond.summary/{int(MONDAY + 3 * WEEK)}",)


def test_in_japanese_it_is_japanese(daemon: Clocked, sink: Sink) -> None:
    daemon.config.write_text(CONFIG.format(port=sink.port, language="ja"))
    daemon.start()
    daemon.set(MONDAY)
    mail = summary(sink, 1)
    assert mail.subject.startswith("[Zaionnex] 定期レポート（")
    assert "zaiond は正常に動作しています" in mail.body
    assert "・nightly: まだ知らせがありません（前回 なし、" in mail.body
