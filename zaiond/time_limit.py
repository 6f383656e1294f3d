"""A limit on the time that code of somebody else may take, in whichever thread it runs.

Python looks at the clock on its way through the lines of what is called: no signal is needed, which
the main thread alone could take, and nothing happens when it is over. What counts is the time in
which this thread ran, so that a machine that is busy, or was asleep, ends nothing; nor does the
collection of garbage, which may come at any time, and takes as long as the program is large.
"""

import gc
import sys
from collections.abc import Callable
from time import thread_time
from types import FrameType
from typing import Any, TypeVar

_R = TypeVar("_R")
_SELDOM = 31  # lines from one look at the clock to the next


class TimeIsUp(BaseException):
    """It took longer than it may; no Exception, for nothing on its way is to catch it."""


def within(seconds: float, function: Callable[[], _R], may_end: Callable[[FrameType], bool]) -> _R:
    """What `function` gives; raises TimeIsUp where it takes longer. It is only ended in a frame of
    which `may_end` is true, which must be one that lets the exception through: what a destructor
    raises would be lost, and the limit with it. A call that is not written in Python is not ended.
    """
    due = thread_time() + seconds
    lines, is_up, began = 0, False, 0.0

    def look(frame: FrameType, _event: str, _argument: Any) -> Any:
        nonlocal lines, is_up
        lines += 1
        if not lines & _SELDOM:
            is_up = thread_time() > due
        if is_up and may_end(frame):
            raise TimeIsUp
        return look

    def collected(phase: str, _info: dict[str, int]) -> None:
        nonlocal due, began
        if phase == "start":
            began = thread_time()
        else:
            due += thread_time() - began

    before = sys.gettrace()
    gc.callbacks.append(collected)
    sys.settrace(look)
    try:
        return function()
    finally:
        sys.settrace(before)
        gc.callbacks.remove(collected)
