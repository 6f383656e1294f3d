"""A limit on the time that a function may take, in whichever thread it runs.

Python looks at the clock on its way through the lines of what is called: no signal is needed, which
the main thread alone could take, and nothing happens when it is over. What counts is the time in
which this thread ran, so that a machine that is busy, or was asleep, ends nothing.
"""

import sys
from collections.abc import Callable
from time import thread_time
from types import FrameType
from typing import Any, TypeVar

_R = TypeVar("_R")
_SELDOM = 31  # lines from one look at the clock to the next


class TimeIsUp(BaseException):
    """It took longer than it may; no Exception, for nothing on its way is to catch it."""


def within(seconds: float, function: Callable[[], _R]) -> _R:
    """What `function` gives; raises TimeIsUp where it takes longer. One call of a function that is
    not written in Python is not interrupted.
    """
    due = thread_time() + seconds
    lines = 0

    def look(_frame: FrameType, _event: str, _argument: Any) -> Any:
        nonlocal lines
        lines += 1
        if not lines & _SELDOM and thread_time() > due:
            raise TimeIsUp
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        return function()
    finally:
        sys.settrace(before)
