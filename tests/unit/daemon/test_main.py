"""How the process runs what may hang; what ends the daemon, and what it says of it."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.support.store import Notes
from tests.support.waiting import turns
from zaiond.daemon import main
from zaiond.daemon.main import Daemon
from zaiond.daemon.options import Options
from zaiond.delivery.housekeeping import Housekeeping
from zaiond.errors import StoreError
from zaiond.intake.spool.spool import Spool
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

    async def be_idle(_: Spool) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Housekeeping, "run", fail)
    monkeypatch.setattr(Spool, "run", be_idle)  # or its thread has the spool open at the end
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


def test_each_call_has_a_thread_that_ends_and_many_that_hang_have_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = threading.active_count()
    monkeypatch.setattr(main, "MOST_THREADS", before + 3)
    go_on = threading.Event()

    async def hang() -> tuple[int, list[bool]]:
        calls = [asyncio.create_task(asyncio.to_thread(go_on.wait, 20)) for _ in range(50)]
        await turns()
        most = threading.active_count()
        go_on.set()
        return most, await asyncio.gather(*calls)

    with asyncio.Runner(loop_factory=main._event_loop) as runner:
        most, done = runner.run(hang())
    assert done == [True] * 50
    assert before < most <= before + 5
    assert threading.active_count() <= before


def test_what_a_call_raises_is_raised_where_it_is_waited_for() -> None:
    async def fail() -> None:
        await asyncio.to_thread(int, "x")

    with (
        asyncio.Runner(loop_factory=main._event_loop) as runner,
        pytest.raises(ValueError, match="invalid literal"),
    ):
        runner.run(fail())
