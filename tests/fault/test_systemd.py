"""What systemd is told, as it hears it at its end of the notification socket."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from zaiond.daemon import systemd as service_manager
from zaiond.errors import StoreError
from zaiond.text import Text


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """systemd's end; the watchdog wants an answer every 20 ms."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "20000")
        monkeypatch.setattr(service_manager, "STATUS_INTERVAL", 0.05)
        yield end


async def heard(end: socket.socket) -> str:
    loop = asyncio.get_running_loop()
    return (await asyncio.wait_for(loop.sock_recv(end, 4096), 10)).decode()


async def unheard(end: socket.socket, seconds: float) -> bool:
    """Whether nothing comes for so long."""
    try:
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_recv(end, 4096)
    except TimeoutError:
        return True
    return False


def silent(end: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        return not end.recv(4096)
    return True


async def test_the_watchdog_is_answered_once_for_each_round_trip(systemd: socket.socket) -> None:
    asked: asyncio.Queue[None] = asyncio.Queue()
    returns = asyncio.Semaphore(0)

    async def round_trip() -> None:
        asked.put_nowait(None)
        await returns.acquire()

    answering = asyncio.create_task(service_manager.answer_watchdog(round_trip))
    for _ in range(3):
        await asked.get()
        assert silent(systemd)
        returns.release()
        assert await heard(systemd) == "WATCHDOG=1"
    await asked.get()
    assert await unheard(systemd, 0.1)  # several times what the watchdog gives
    answering.cancel()


async def test_a_round_trip_that_fails_is_no_answer_and_no_end(systemd: socket.socket) -> None:
    fails = asyncio.Event()
    failed = asyncio.Semaphore(0)

    async def round_trip() -> None:
        if fails.is_set():
            failed.release()
            raise StoreError(Text("理由", "why"))

    answering = asyncio.create_task(service_manager.answer_watchdog(round_trip))
    assert await heard(systemd) == "WATCHDOG=1"
    fails.set()
    for _ in range(3):
        await failed.acquire()
    while not silent(systemd):  # what was said before
        pass
    await failed.acquire()
    assert silent(systemd)
    fails.clear()
    assert await heard(systemd) == "WATCHDOG=1"
    answering.cancel()


async def test_without_a_watchdog_nothing_is_done(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WATCHDOG_USEC")

    async def round_trip() -> None:
        raise AssertionError

    await service_manager.answer_watchdog(round_trip)
    assert silent(systemd)


async def test_many_changes_are_one_line_and_no_change_is_none(systemd: socket.socket) -> None:
    waiting = 0

    async def describe() -> str:
        return f"{waiting} waiting"

    line = service_manager.StatusLine(describe)
    await line.tell()
    assert await heard(systemd) == "STATUS=0 waiting"
    running = asyncio.create_task(line.run())
    for number in range(1, 100):
        waiting = number
        line.changed()
        assert silent(systemd)
    assert await heard(systemd) == "STATUS=99 waiting"
    line.changed()
    assert await unheard(systemd, 0.15), "the same line once more"
    running.cancel()


async def test_the_line_is_made_only_where_somebody_listens(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET")

    async def describe() -> str:
        raise AssertionError

    line = service_manager.StatusLine(describe)
    line.changed()
    await line.tell()
    await line.run()
