"""The writer thread and its group commit: many operations, one transaction, one fsync.

An operation is a function of the connection. What has been submitted while a commit was under way
goes into the next transaction together; nothing waits for company. Its future resolves after the
commit, never before. An operation that raises takes nothing with it: the transaction is rolled back
and the others are run again, each by itself, so operations change nothing but the database.

DIAGNOSTICS
  - Disk full: operations that record what has already happened (`essential`) get the ballast's
    room; all others raise DiskFullError.
  - A row that can't be read: it is set aside (damage.py) and told of by `on_damaged`, and the
    operation is run again.
  - I/O error, or more damage than rows: nothing is answered. Nothing further is written: a failed
    fsync is never retried on the same handle. `on_fatal` is called; the daemon exits, systemd
    starts it afresh, and what was committed is there.
  - The files have been moved, removed, replaced or cut off: nothing that was committed is
    believed, for the next start would not find it. The open database is copied for that, what was
    submitted is refused, and `on_fatal` is called.
"""

import asyncio
import contextlib
import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

import apsw

from zaiond.errors import DiskFullError, StoreError, ZaiondError
from zaiond.store import words
from zaiond.store.damage import Damage, set_aside

T = TypeVar("T")
Operation = Callable[[apsw.Connection], T]

_Submitted = tuple[Operation[Any], bool, "asyncio.Future[Any]"]
_Outcome = tuple["asyncio.Future[Any]", Any, BaseException | None]

_STEPS_A_CALL = 10_000_000  # of SQLite's machine: a few seconds
DISK_FULL_PAUSE = 5.0  # seconds until what could not be recorded is recorded
LOOK_AGAIN = 600.0  # seconds from a look for damaged rows that found none to the next


class Submit(Protocol):
    """The writer's way to run an operation that may be refused where the disk is full."""

    def __call__(self, operation: Operation[T], /) -> Awaitable[T]: ...


class Place(Protocol):
    """Where the next start looks for what is committed (database.py)."""

    def is_in_place(self) -> bool:
        """Whether what is committed will be found there."""

    def is_whole(self) -> bool:
        """Whether nothing was cut off what is committed, since `is_in_place`."""

    def closing(self) -> None:
        """Says that the connection will be closed."""

    def leave_behind(self) -> None:
        """Copies the open database for the next start. Raises StoreError."""

    def tell_at_work(self) -> None:
        """Says that what takes long goes on."""


class Writer:
    """Runs operations on one connection, in the order of submission.

    `on_fatal` is called once, in the loop's thread, with the error after which nothing is written
    any more. `release_ballast` makes room for what must be recorded; it says whether it could.
    `place` is asked after each commit. `on_damaged` is called, in the loop's thread, when rows were
    set aside.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        loop: asyncio.AbstractEventLoop,
        on_fatal: Callable[[Exception], None],
        release_ballast: Callable[[], bool],
        place: Place | None = None,
        on_damaged: Callable[[Damage], None] | None = None,
    ) -> None:
        self._connection = connection
        self._loop = loop
        self._on_fatal = on_fatal
        self._release_ballast = release_ballast
        self._place = place
        self._on_damaged = on_damaged
        self._looked_in_vain = -LOOK_AGAIN
        self._submitted: SimpleQueue[_Submitted | None] = SimpleQueue()
        self._dead = False
        self._refusal: StoreError | None = None  # of everything, when it is dead
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, operation: Operation[T], *, essential: bool = False) -> "asyncio.Future[T]":
        """Runs `operation` in the next transaction; the future has its result after the commit.

        Raises (from the future) what the operation raised, DiskFullError, or StoreError.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        self._submitted.put((operation, essential, future))
        return future

    async def record(self, operation: Operation[T]) -> T:
        """As `submit`, of what has happened: where the disk is full, waits until it isn't."""
        while True:
            try:
                return await self.submit(operation, essential=True)
            except DiskFullError:
                await asyncio.sleep(DISK_FULL_PAUSE)

    async def close(self) -> None:
        """Commits what was submitted, then ends the thread and closes the connection."""
        self._submitted.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def _run(self) -> None:
        going_on = True
        while going_on:
            batch: list[_Submitted] = []
            first = self._submitted.get()
            waiting = self._submitted.qsize()
            for one in (first, *(self._submitted.get() for _ in range(waiting))):
                if one is None:
                    going_on = False
                else:
                    batch.append(one)
            # Afterwards the commit has made what was cut off as long as before.
            if batch and not self._dead and self._place is not None and not self._place.is_whole():
                self._leave(self._place)
            if batch and not self._dead:
                try:
                    outcomes = self._commit(batch)
                except Exception as error:  # noqa: BLE001 - whatever it is, it must be told of
                    self._dead = True
                    self._tell(self._on_fatal, error)
                else:
                    self._look_after_place()
                    if self._refusal is None:
                        self._tell(_resolve, outcomes)
            if batch and self._refusal is not None:
                outcomes = [(future, None, self._refusal) for _, _, future in batch]
                self._tell(_resolve, outcomes)
        if not self._dead:
            self._look_after_place()
            if self._place is not None and not self._dead:
                self._place.closing()
            self._connection.close()

    def _tell(self, call: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self._loop.call_soon_threadsafe(call, *arguments)

    def _look_after_place(self) -> None:
        if self._place is not None and not self._place.is_in_place():
            self._leave(self._place)

    def _leave(self, place: Place) -> None:
        self._dead = True
        self._refusal = StoreError(words.MOVED_NOW)
        try:
            place.leave_behind()
        except StoreError as error:
            self._refusal = error
        self._tell(self._on_fatal, self._refusal)

    def _commit(self, batch: list[_Submitted], *, may_be_damage: bool = True) -> list[_Outcome]:
        connection = self._connection
        outcomes: list[_Outcome] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for operation, _, future in batch:
                outcomes.append((future, operation(connection), None))
            connection.execute("COMMIT")
        except (apsw.IOError, apsw.NotADBError):
            raise
        except Exception as error:
            traceback.clear_frames(error.__traceback__)  # and with them statements half-way through
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if len(batch) > 1:
                return [outcome for one in batch for outcome in self._commit([one])]
            if may_be_damage and _may_be_damage(error) and self._set_aside(error):
                return self._commit(batch, may_be_damage=False)
            if isinstance(error, apsw.CorruptError):
                raise
            return [self._failed(batch[0], error)]
        return outcomes

    def _set_aside(self, error: Exception) -> bool:
        """Sets aside what can't be read; says whether it may be otherwise now."""
        # A fault of our own is no reason to read the whole database each time.
        if time.monotonic() - self._looked_in_vain < LOOK_AGAIN:
            return False
        connection = self._connection
        connection.set_progress_handler(self._progress, _STEPS_A_CALL)
        try:
            damage = set_aside(connection, time.time())
        except apsw.FullError:
            return False
        except apsw.ConstraintError as more:  # an index can't be made anew
            raise apsw.CorruptError(str(more)) from more
        finally:
            connection.set_progress_handler(None)
        if damage is not None and self._on_damaged is not None:
            self._tell(self._on_damaged, damage)
        if damage is None:
            self._looked_in_vain = time.monotonic()
        return damage is not None or isinstance(error, apsw.CorruptError)

    def _progress(self) -> bool:
        if self._place is not None:
            self._place.tell_at_work()
        return False  # go on

    def _failed(self, one: _Submitted, error: Exception) -> _Outcome:
        operation, essential, future = one
        if not isinstance(error, apsw.FullError):
            if isinstance(error, apsw.Error):
                error = StoreError(words.of_queue(error=str(error)))
            return (future, None, error)
        if essential and self._release_ballast():
            return self._commit([(operation, False, future)])[0]
        return (future, None, DiskFullError(words.DISK_FULL))


def _may_be_damage(error: Exception) -> bool:
    """Whether rows that can't be read may be the cause."""
    return isinstance(error, apsw.CorruptError) or not isinstance(error, apsw.Error | ZaiondError)


def _resolve(outcomes: list[_Outcome]) -> None:
    for future, result, error in outcomes:
        if future.done():  # whoever waited was cancelled; the commit stands
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
