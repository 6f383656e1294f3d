"""zaiond, that kills itself with SIGKILL at a named point. Nothing of this is in zaiond itself:
what the point belongs to is wrapped from outside before the daemon's own main() runs.

    python -m tests.crash.failing_daemon POINT NTH FAULT ZAIOND'S-OPTIONS...

It dies when it comes to POINT for the NTH time (`never` at none, `soon` after NTH milliseconds). A
FAULT makes it a daemon that loses events (`none`: not), for the controls of the harness.
"""

import asyncio
import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import apsw

from tests.support.waiting import turns
from zaiond.clock import QueueTime
from zaiond.daemon import main as zaiond
from zaiond.delivery import outcome
from zaiond.intake.admission import Admission
from zaiond.intake.connection import EventConnection
from zaiond.net.connection import SmtpConnection
from zaiond.smtp.syntax import Reply
from zaiond.store import events, groups, queue
from zaiond.store.database import Database
from zaiond.store.writer import Writer

# What a transaction is made of, by the operation in it that matters most for what may be lost.
OPERATIONS = {
    "recover": (queue, "recover"),
    "accept": (events, "accept"),
    "route": (queue, "route"),
    "start": (queue, "start"),
    "finish": (queue, "finish"),
}
_WHEN = ("before", "after")
GROUP_OPERATIONS = {"make": (groups, "make")}
POINTS = (
    "new-schema",  # the first start of all: the tables are there, not committed
    "before-begin",
    *(f"before-commit-of-{name}" for name in OPERATIONS),  # its operations are done
    *(f"after-commit-of-{name}" for name in OPERATIONS),  # nobody has been told yet
    "answered",  # an emitter has its `ok`
    "content-sent",  # the final dot is out, its reply has not come
    "content-answered",  # the reply is here, and not recorded
    "spool-before-unlink",  # committed, still in the spool
)
# Where events are told of together.
GROUP_POINTS = tuple(f"{when}-commit-of-{name}" for name in GROUP_OPERATIONS for when in _WHEN)


class Fuse:
    """Kills this process when `point` is passed for the `nth` time."""

    def __init__(self, point: str, nth: int) -> None:
        self._point = point
        self._left = nth
        self._lock = threading.Lock()

    def passes(self, point: str) -> None:
        """Here is `point`."""
        if point == self._point:
            with self._lock:
                self._left -= 1
                if self._left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

    def burn(self, milliseconds: int) -> None:
        """Kills this process after a time, wherever it is then."""
        fuse = threading.Timer(milliseconds / 1000, os.kill, (os.getpid(), signal.SIGKILL))
        fuse.daemon = True
        fuse.start()


def wrap(owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
    """Puts `wrapper(original, *arguments)` in the place of a function or method."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        return wrapper(original, *arguments, **named)

    setattr(owner, name, wrapped)


before_commits: list[Callable[[], None]] = []  # what a fault does, in the thread that commits


def lay_in_store(fuse: Fuse) -> None:
    """The points around transactions."""
    within: set[str] = set()

    class Connection(apsw.Connection):
        def execute(self, statements: str, *arguments: Any, **named: Any) -> apsw.Cursor:
            if statements.startswith("PRAGMA user_version="):
                fuse.passes("new-schema")
            elif statements.startswith("BEGIN"):
                fuse.passes("before-begin")
                within.clear()
            elif statements.startswith("COMMIT"):
                for hold in before_commits:
                    hold()
                for operation in within:
                    fuse.passes(f"before-commit-of-{operation}")
                done = super().execute(statements, *arguments, **named)
                for operation in within:
                    fuse.passes(f"after-commit-of-{operation}")
                return done
            return super().execute(statements, *arguments, **named)

    apsw.Connection = Connection  # type: ignore[misc]

    def note(operation: str, original: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        result = original(*arguments, **named)
        within.add(operation)
        return result

    for operation, (module, name) in {**OPERATIONS, **GROUP_OPERATIONS}.items():
        wrap(module, name, functools.partial(note, operation))


def lay_around(fuse: Fuse) -> None:
    """The points where the daemon meets programs, mail servers and the spool."""

    def answer(original: Callable[..., None], *arguments: Any) -> None:
        original(*arguments)
        fuse.passes("answered")

    wrap(EventConnection, "answer", answer)

    def send_content(
        original: Callable[..., "asyncio.Future[Any]"], connection: SmtpConnection
    ) -> "asyncio.Future[Any]":
        finishing = original(connection)
        # What is said in one turn of the loop is written in the next one, before this is called.
        asyncio.get_running_loop().call_soon(fuse.passes, "content-sent")
        finishing.add_done_callback(lambda _: fuse.passes("content-answered"))
        return finishing

    wrap(SmtpConnection, "send_content", send_content)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.remove" and str(arguments[0]).endswith(".json"):
            fuse.passes("spool-before-unlink")

    sys.addaudithook(audit)


def acknowledge_before_the_commit() -> None:
    """A fault: programs have their `ok` before what they emitted is on disk."""

    loops: set[asyncio.AbstractEventLoop] = set()

    def hold() -> None:
        for loop in loops:  # until the answers are out
            asyncio.run_coroutine_threadsafe(turns(5), loop).result()

    before_commits.append(hold)

    def submit(original: Callable[..., Any], writer: Writer, operation: Any, **named: Any) -> Any:
        if getattr(operation, "func", None) is not events.accept:
            return original(writer, operation, **named)
        loop = asyncio.get_running_loop()
        loops.add(loop)
        early: asyncio.Future[Any] = loop.create_future()

        def tell(accepted: Any) -> None:
            if not early.done():  # what the disk refuses is run again by itself
                early.set_result(accepted)

        def accept(db: apsw.Connection) -> Any:
            accepted = operation(db)
            loop.call_soon_threadsafe(tell, accepted)
            return accepted

        original(writer, accept, **named)
        return early

    wrap(Writer, "submit", submit)


def acknowledge_what_the_disk_refuses() -> None:
    """A fault: nobody looks whether there is room, nor whether the disk takes it."""
    wrap(Admission, "look", lambda original, admission: None)
    acknowledge_before_the_commit()


def done_before_the_reply() -> None:
    """A fault: what the server has not answered yet counts as delivered."""

    def send_content(
        original: Callable[..., "asyncio.Future[Any]"], connection: SmtpConnection
    ) -> "asyncio.Future[Any]":
        original(connection).add_done_callback(lambda real: real.exception())
        early: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        taken = Reply(250, (b"2.0.0 So it hopes",))
        early.set_result(dict.fromkeys(connection._sent_to, taken))
        return early

    wrap(SmtpConnection, "send_content", send_content)


def expire_by_the_clock() -> None:
    """A fault: whoever sets the clock makes events expire."""
    wrap(QueueTime, "__call__", lambda original, queue_time: time.time())
    wrap(outcome, "_was_tried_long_enough", lambda original, *_: True)


def never_look_at_the_files() -> None:
    """A fault: what is committed counts as safe, whatever has become of the files."""
    wrap(Database, "is_in_place", lambda original, database: True)
    wrap(Database, "is_whole", lambda original, database: True)


def forget_who_joins() -> None:
    """A fault: of the events that join mails to come together, one does not."""

    def put(original: Callable[..., None], steps: groups.Steps, db: apsw.Connection) -> None:
        original(steps._replace(joins=steps.joins[1:]), db)

    wrap(groups.Steps, "put", put)


FAULTS = {
    "forget-who-joins": forget_who_joins,
    "never-look-at-the-files": never_look_at_the_files,
    "expire-by-the-clock": expire_by_the_clock,
    "none": lambda: None,
    "acknowledge-before-the-commit": acknowledge_before_the_commit,
    "acknowledge-what-the-disk-refuses": acknowledge_what_the_disk_refuses,
    "done-before-the-reply": done_before_the_reply,
}


def main() -> None:
    point, nth, fault = sys.argv[1:4]
    del sys.argv[1:4]
    fuse = Fuse(point, int(nth))
    if point == "soon":
        fuse.burn(int(nth))
    lay_in_store(fuse)
    FAULTS[fault]()
    lay_around(fuse)
    zaiond.main()


if __name__ == "__main__":
    main()
