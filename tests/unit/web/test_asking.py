"""Events into the event socket: the replies that came count, whatever became of the others."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_daemon import FakeDaemon
from zaiond.journal import Journal, to_terminal
from zaiond.web import asking
from zaiond.web.asking import Daemon, NoAnswer

LINES = [b'{"id":"one"}', b'{"id":"two"}']


async def emitted(directory: Path) -> list[dict[str, Any]]:
    with (directory / "log").open("w") as log:
        return await Daemon(str(directory), Journal(to_terminal(log))).emit(LINES)


@pytest.mark.parametrize("last", [b"", b'{"status":"o', None])  # nothing more, half of one, the end
async def test_replies_that_came_before_the_daemon_fell_silent_are_given(
    tmp_path: Path, last: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "SILENCE", 0.3)

    def answer(line: bytes) -> bytes | None:
        return b'{"status":"ok"}\n' if b"one" in line else last

    with FakeDaemon(tmp_path, answer):
        assert await emitted(tmp_path) == [{"status": "ok"}]


async def test_without_any_reply_it_is_said_that_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "SILENCE", 0.3)
    with FakeDaemon(tmp_path, lambda _: b""), pytest.raises(NoAnswer, match="no answer within"):
        await emitted(tmp_path)
