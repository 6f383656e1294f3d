"""What ends the daemon, and what it says of it."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.support.store import Notes
from zaiond.daemon.lifecycle import Daemon
from zaiond.daemon.options import Options
from zaiond.delivery.housekeeping import Housekeeping
from zaiond.errors import StoreError
from zaiond.intake.intake import Intake
from zaiond.text import Text

FAILING = StoreError(Text("ディスク", "the disk fails"))
DISK = apsw.IOError("disk I/O error")


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """As they were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("error", "has_trace"), [(FAILING, False), (DISK, False), (RuntimeError("ours"), True)]
)
async def test_a_failing_disk_is_told_in_a_line_and_a_fault_of_ours_with_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, has_trace: bool
) -> None:
    async def fail(_: Housekeeping) -> None:
        raise error

    async def be_idle(_: Intake) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Housekeeping, "run", fail)
    monkeypatch.setattr(Intake, "run", be_idle)  # or its thread has the spool open at the end
    config, run, state, spool = (str(tmp_path / name) for name in ("z", "run", "state", "spool"))
    notes = Notes()
    daemon = Daemon(Options(config, run, state, spool, "text"), notes)
    async with asyncio.timeout(20):
        assert await daemon.run() == 1
    (line,) = [line for line in notes.lines if line.startswith("can't go on")]
    assert line.endswith(str(error))
    assert notes.levels[-1] == "critical"
    assert ["RuntimeError: ours" in one for one in notes.tracebacks] == [True] * has_trace
    assert not (tmp_path / "run" / "control.sock").exists()
