"""The program `zaiond`: what the process is, before and after it runs the daemon."""

import asyncio
import contextlib
import ctypes
import os
import resource
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from zaiond import utf8
from zaiond.config.language import wanted_language
from zaiond.daemon.lifecycle import Daemon
from zaiond.daemon.options import parse
from zaiond.errors import ZaiondError
from zaiond.journal import Journal, Kind, output
from zaiond.sockets import in_thread

T = TypeVar("T")
MOST_THREADS = 40


def main() -> None:
    """The program `zaiond`."""
    utf8.enforce()
    options = parse(sys.argv[1:])
    os.umask(0o077)
    # No secret in a core dump, nor for another process of our user (PR_SET_DUMPABLE): a limit of 0
    # does not keep the kernel from handing one to a program (core(5), "Piping core dumps").
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None)
    libc.prctl(4, 0, 0, 0, 0)
    # M_MMAP_THRESHOLD (mallopt(3)): what is large goes back to the system once it is freed, instead
    # of leaving holes in the heap.
    libc.mallopt(-3, 128 * 1024)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    journal = Journal(output(options.log_format))
    with contextlib.suppress(OSError):  # until there is a configuration in force
        journal.language = wanted_language(options.config)
    try:
        with asyncio.Runner(loop_factory=_event_loop) as runner:
            exit_status = runner.run(Daemon(options, journal).run())
    except ZaiondError as error:
        journal.error(error.text, Kind.CAN_NOT_GO_ON)
        exit_status = 1
    # Not sys.exit: after a fatal error the writer's thread may hang in a failing disk.
    sys.stderr.flush()
    os._exit(exit_status)


class _ThreadForEach(ThreadPoolExecutor):
    """Runs each call of `to_thread` in a thread of its own: they are few, and threads that wait for
    the next one would take memory. Where many hang (in a dead file system), one thread has to do.
    """

    def submit(self, call: Callable[..., T], /, *args: Any, **more: Any) -> Future[T]:
        if threading.active_count() > MOST_THREADS:
            return super().submit(call, *args, **more)
        return in_thread(partial(call, *args, **more))


def _event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # asyncio's own does the same, in more time
        loop = asyncio.new_event_loop()
    else:
        loop = uvloop.new_event_loop()
    loop.set_default_executor(_ThreadForEach(max_workers=1))
    return loop
