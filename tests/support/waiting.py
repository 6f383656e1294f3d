"""Waiting for what tells nobody: it is looked at again and again, here and nowhere else."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

SOON = 30.0  # seconds; a bound for what hangs, not a target
_PAUSE = 0.02  # seconds between two looks, at least

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


async def meanwhile(seconds: float) -> None:
    """Lets time pass in which nothing is to happen: that is the one thing that can't be awaited."""
    await asyncio.sleep(seconds)


async def turns(count: int = 1) -> None:
    """Lets the event loop go round: whatever is ready is done."""
    for _ in range(count):
        await asyncio.sleep(0)
