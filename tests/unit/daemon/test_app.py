"""What ends the daemon, and what it says of it."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.store import Notes
from tests.support.waiting import turns
from zaiond.daemon.app import App
from zaiond.daemon.options import Options
from zaiond.errors import StoreError
from zaiond.text import Text

FAILING = StoreError(Text("ディスク", "the disk fails"))


@pytest.mark.parametrize(("error", "has_trace"), [(FAILING, False), (RuntimeError("ours"), True)])
async def test_a_failing_disk_is_told_in_a_line_and_a_fault_of_ours_with_its_traceback(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    has_trace: bool,
) -> None:
    path = str(tmp_path)
    app = App(Options(path, path, path, path), Notes())
    fatal: list[BaseException] = []
    monkeypatch.setattr(app, "_fatal", fatal.append)

    async def fail() -> Any:
        raise error

    app._background(fail())
    await turns(3)
    assert fatal == [error]
    assert ("Traceback" in capsys.readouterr().err) == has_trace
