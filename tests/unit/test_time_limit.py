"""A limit of time ends what takes too long, wherever it runs, and nothing else."""

import gc
import sys
import threading
import time
from types import FrameType

import pytest

from zaiond.time_limit import TimeIsUp, within


def always(_frame: FrameType) -> bool:
    return True


def here(frame: FrameType) -> bool:
    return frame.f_code.co_name == "endless"


def endless() -> None:
    while True:
        pass


def test_what_is_in_time_gives_what_it_gives() -> None:
    assert within(1.0, lambda: 3, always) == 3


def test_what_takes_longer_is_ended_and_the_trace_of_before_is_there_again() -> None:
    before = sys.gettrace()
    begin = time.thread_time()
    with pytest.raises(TimeIsUp):
        within(0.05, endless, always)
    assert time.thread_time() - begin < 1
    assert sys.gettrace() is before
    assert not any("within" in str(callback) for callback in gc.callbacks)


def test_it_ends_in_any_thread() -> None:
    ended: list[bool] = []

    def run() -> None:
        with pytest.raises(TimeIsUp):
            within(0.05, endless, always)
        ended.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert ended == [True]


def test_time_in_which_the_thread_did_not_run_does_not_count() -> None:
    def sleeps() -> int:
        time.sleep(0.2)  # it does not run meanwhile
        return sum(n for n in range(1000))

    assert within(0.15, sleeps, always) == 499500


def test_the_collection_of_garbage_does_not_count() -> None:
    gc.freeze()  # what all the other tests have left would only be looked through again and again
    garbage = [[n] for n in range(300_000)]

    def collects() -> int:
        for _ in range(8):
            gc.collect()
        return sum(n for n in range(1000))

    begin = time.thread_time()
    collects()
    took = time.thread_time() - begin
    assert within(took / 4, collects, always) == 499500
    gc.unfreeze()
    assert len(garbage) == 300_000


def test_it_is_ended_where_that_is_allowed_alone_however_much_swallows_exceptions() -> None:
    class Slow:
        def __del__(self) -> None:
            for _ in range(200_000):
                pass

    def work() -> None:
        for _ in range(5):
            Slow()  # its destructor loses what is raised in it
        endless()

    with pytest.raises(TimeIsUp):
        within(0.02, work, here)
