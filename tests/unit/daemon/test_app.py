"""What ends the daemon, and what it says of it."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

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
    tmp_path: Path, error: Exception, has_trace: bool
) -> None:
    path, notes = str(tmp_path), Notes()
    app = App(Options(path, path, path, path, "text"), notes)
    app.database = cast(Any, SimpleNamespace(must_check=lambda: None))
    app._running = asyncio.create_task(asyncio.sleep(60))

    async def fail() -> Any:
        raise error

    app._background(fail())
    await turns(3)
    assert app._running.cancelled()
    (line,) = notes.lines
    assert line.endswith(str(error))
    assert notes.levels == ["critical"]
    assert ["RuntimeError: ours" in one for one in notes.tracebacks] == [True] * has_trace
