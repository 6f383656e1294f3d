"""A silence that ends, by its time or by hand, while a problem that it hid is still there."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.clocked_daemon import Clocked
from tests.support.sink import Sink

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
CONFIG = """
mail_server: {{host: 127.0.0.1, port: {port}}}
sender: zaionnex@example.co.jp
admins: a@example.co.jp
language: en
"""
DISK = {"type": "disk.low", "key": "disk /var", "severity": "err"}


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


@pytest.fixture
def daemon(tmp_path: Path, sink: Sink) -> Iterator[Clocked]:
    with Clocked(tmp_path, CONFIG.format(port=sink.port), NOON) as made:
        yield made


def silence(daemon: Clocked) -> str:
    done = daemon.ctl(
        "silence", "add", "--match", "type=disk.*", "--for", "1h", "--comment", "moving", "--json"
    )
    assert done.returncode == 0, done
    (made,) = json.loads(done.stdout)["silences"]
    return str(made["id"])


@pytest.mark.parametrize("by_hand", [True, False])
def test_the_admins_are_told_of_a_problem_that_it_has_hidden(
    daemon: Clocked, sink: Sink, by_hand: bool
) -> None:
    id_ = silence(daemon)
    daemon.emit({**DISK, "status": "problem"})
    daemon.becomes(lambda h: h["events"][-1]["outcome"] == "silenced", "history")
    if by_hand:
        assert daemon.ctl("silence", "expire", id_).returncode == 0
    else:
        daemon.set(NOON + 3700)
    (mail,) = sink.wait(1)
    assert mail.event_ids == (f"zaiond.silence.hides/{id_}",)
    assert "- disk /var (since 2026-06-01 12:00:" in mail.body
    assert "moving" in mail.body
    daemon.restart()
    daemon.emit({"type": "a.b", "id": "after"})
    assert [mail.event_ids for mail in sink.wait(2)][1:] == [("after",)]


def test_nobody_is_told_of_one_that_hides_nothing_that_is_left(daemon: Clocked, sink: Sink) -> None:
    silence(daemon)
    daemon.emit({**DISK, "status": "problem"}, {**DISK, "status": "ok"})
    daemon.becomes(lambda h: {e["outcome"] for e in h["events"]} == {"silenced"}, "history")
    daemon.set(NOON + 3700)
    daemon.becomes(lambda listed: listed["silences"] == [], "silence", "list")
    daemon.emit({"type": "a.b", "id": "after"})
    assert [mail.event_ids for mail in sink.wait(1)] == [("after",)]
