"""The program `zaiond`: what the process is, and one run of the daemon from start to end."""

import asyncio
import contextlib
import ctypes
import gc
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import apsw

from zaiond import __version__, utf8
from zaiond.config.language import wanted_language
from zaiond.daemon import start, systemd, words
from zaiond.daemon.app import App
from zaiond.daemon.options import Options, parse
from zaiond.errors import ZaiondError
from zaiond.intake import listener
from zaiond.journal import Journal, Kind, output
from zaiond.sockets import in_thread
from zaiond.store.damage import Damage
from zaiond.store.writer import Writer

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


class _Stopped(Exception):  # noqa: N818 - nothing is wrong: the work in the background ends by it
    """The daemon was asked to stop."""


class Daemon:
    """One run of the daemon, which owns its directory meanwhile."""

    def __init__(self, options: Options, journal: Journal) -> None:
        self._options = options
        self._journal = journal
        self._stop = asyncio.Event()
        self._exit_status = 0
        self._app: App | None = None
        self._damaged_before: list[Damage] = []
        self._background: asyncio.TaskGroup

    async def run(self) -> int:
        """Runs until SIGTERM or a fatal error; gives the exit status.

        Raises StoreError or UsageError where it can't start.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unexpected)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        # Until there is a configuration to reload: it is read anyway, and must not be the end.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # The control socket first: who holds it is the daemon of this directory.
        control, path = listener.control_socket(self._options.runtime_dir)
        with contextlib.closing(control):
            self._running = loop.create_task(self._run(control))
            try:
                await self._running
            except asyncio.CancelledError:
                if not self._exit_status:
                    raise
            finally:
                listener.remove(path)
        return self._exit_status

    async def _run(self, control: socket.socket) -> None:
        loop, options, journal = asyncio.get_running_loop(), self._options, self._journal
        self._database = database = start.open_database(options.state_dir, journal)
        connection, make_room = database.connection, database.space.release_ballast
        writer = Writer(connection, loop, self._fatal, make_room, database, self._damaged)
        found = await start.find(writer, time.time, journal)
        app = self._app = App(options, journal, database, writer, found, self._in_background)
        with contextlib.ExitStack() as doors:
            app.open(control, doors)
            try:
                # Whatever of it ends by an error ends the daemon.
                async with asyncio.TaskGroup() as self._background:
                    loop.add_signal_handler(signal.SIGHUP, app.configuration.request_reload)
                    left = await app.start(self._damaged_before)
                    # What there is now lives as long as the daemon: a collection that looks at all
                    # of it takes 20 ms, and more on a busy machine, in which nothing else is done.
                    gc.freeze()
                    journal.info(words.started(version=__version__, left=left), Kind.STARTED)
                    await self._stop.wait()
                    systemd.notify("STOPPING=1")
                    doors.close()
                    await app.finish()
                    raise _Stopped
            except* _Stopped:
                pass
            except* Exception as failed:  # noqa: BLE001 - whatever it is, it is told of
                self._fatal(failed.exceptions[0])
        if self._exit_status:
            return
        left = await app.close()
        await writer.close()
        database.closed_cleanly()
        journal.tell_left_out()
        journal.info(words.stopped(left=left), Kind.STOPPED)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            self._background.create_task(work)
        except RuntimeError:  # the daemon ends, and with it what it does in the background
            work.close()

    def _damaged(self, damage: Damage) -> None:
        self._journal.error(damage.text, Kind.QUEUE_RECOVERED)
        if self._app is None:  # which counts afterwards
            self._damaged_before.append(damage)
        else:
            self._app.damaged(damage)

    def _unexpected(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._journal.error(
            words.internal_error(what=context["message"]),
            by="internal error",
            error=context.get("exception"),
        )

    def _fatal(self, error: BaseException) -> None:
        if self._exit_status:  # what fails now, fails for the same reason
            return
        self._journal.critical(
            words.can_not_go_on(why=error.text if isinstance(error, ZaiondError) else str(error)),
            Kind.CAN_NOT_GO_ON,
            # What ours say is enough, and what a failing disk does.
            error=None if isinstance(error, ZaiondError | apsw.Error) else error,
        )
        self._database.must_check()
        self._exit_status = 1
        # Not self._stop: whatever it waits for, be it at its start or its end, may never come.
        self._running.cancel()
