"""Waiting for what tells nobody: it is looked at again and again, here and nowhere else."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

SOON = 30.0  # seconds; a bound for what hangs, not a target
_PAUSE = 0.02  # seconds between two looks, at least

_LOOKS = 10  # in a row at which a process must be at rest

T = TypeVar("T")


def until(look: Callable[[], T], complaint: Callable[[], str], seconds: float = SOON) -> T:
    """What `look` gives once it is true; AssertionError with the `complaint` after `seconds`.

    A look that takes its time, as one by zaiond-ctl does, leaves the processor to what is waited
    for.
    """
    deadline = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        if found := look():
            return found
        ended = time.monotonic()
        assert ended < deadline, complaint()
        time.sleep(max(_PAUSE, min(2 * (ended - began), deadline - ended)))


def until_at_rest(process: int) -> None:
    """Waits until all its threads sleep and have been woken by nothing during several looks."""
    before: list[str] = []
    quiet = 0

    def rests() -> bool:
        nonlocal before, quiet
        now = _threads(process)
        sleeps = all("\nState:\tS" in one for one in now)
        quiet = quiet + 1 if sleeps and now == before else 0
        before = now
        return quiet >= _LOOKS

    until(rests, lambda: f"process {process} is never at rest")


def _threads(process: int) -> list[str]:
    """Of each thread: its state, and how often it was woken (proc_pid_status(5))."""
    found = []
    for path in sorted(Path(f"/proc/{process}/task").glob("*/status")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            found.append(path.read_text())
    return found


async def meanwhile(seconds: float) -> None:
    """Lets time pass in which nothing is to happen: that is the one thing that can't be awaited."""
    await asyncio.sleep(seconds)


async def turns(count: int = 1) -> None:
    """Lets the event loop go round: whatever is ready is done."""
    for _ in range(count):
        await asyncio.sleep(0)
