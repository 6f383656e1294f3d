"""What waits on disk comes into the active queue."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.store import NOW, Clock, Store, event, mail
from zaiond.delivery import loader
from zaiond.delivery.active_queue import ActiveQueue
from zaiond.delivery.loader import Loader
from zaiond.model import QueuedMail
from zaiond.store import events, queue
from zaiond.store.writer import Operation, Writer

T = TypeVar("T")


class Interrupted(Writer):
    """While the answer of the `number`-th look is on its way, `then` is done."""

    number = 0
    then: Callable[[], None]

    def submit(self, operation: Operation[T], *, essential: bool = False) -> "asyncio.Future[T]":
        future = super().submit(operation, essential=essential)
        if isinstance(operation, partial) and operation.func is loader._look:
            self.number -= 1
            if not self.number:
                future.add_done_callback(lambda _: self.then())  # before who waits for it goes on
        return future


class Loading:
    """Three mails on disk, and a loader that is about to bring them in."""

    def __init__(self, state: Path) -> None:
        self.store = Store(state)
        batch = [event("1"), event("2"), event("3")]
        accepted = self.store.run(partial(events.accept, batch=batch, queued=0.0))
        mails = [mail(row, [one]) for row, one in enumerate(accepted.events, 1)]
        self.store.run(partial(queue.route, routed_through=3, mails=mails, ended=[]))
        self.db = self.store.connection
        self.writer = Interrupted(self.db, asyncio.get_running_loop(), print, lambda: False)
        self.active_queue, self.loaded = ActiveQueue(), list[int]()
        self.active_queue.configure(1)
        self.all_here = asyncio.Event()
        self.loader = Loader(
            self.active_queue, self.writer, Clock(), self._on_loaded, lambda: self.on_caught_up()
        )
        self.on_caught_up: Callable[[], None] = lambda: None

    def _on_loaded(self, found: list[QueuedMail]) -> None:
        self.active_queue.add(found)
        self.loaded += [one.row for one in found]
        if set(self.loaded) == {1, 2, 3}:
            self.all_here.set()

    async def until_all_here(self) -> None:
        running = asyncio.create_task(self.loader.run())
        async with asyncio.timeout(5):
            await self.all_here.wait()
            await self.loader.ping()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await self.writer.close()
        self.store.database.closed_cleanly()


async def test_what_is_new_does_not_come_in_before_what_is_on_its_way_from_disk(
    tmp_path: Path,
) -> None:
    loading = Loading(tmp_path / "state")
    had: list[tuple[bool, int]] = []
    loading.on_caught_up = lambda: had.append((loading.loader.has_all_of(0), len(loading.loaded)))
    await loading.until_all_here()
    assert (True, 3) in had
    assert all(number == 3 for has_all, number in had if has_all)


async def test_where_it_begins_anew_while_mails_come_in_all_are_in_order(tmp_path: Path) -> None:
    loading = Loading(tmp_path / "state")
    loading.db.execute("UPDATE deliveries SET state = 'deferred' WHERE message = 1")

    def change() -> None:
        loading.db.execute("UPDATE deliveries SET state = 'waiting'")
        loading.active_queue.clear()
        loading.loader.start_over()

    loading.writer.number, loading.writer.then = 1, change
    await loading.until_all_here()
    assert loading.loaded == [1, 2, 3]


@pytest.mark.parametrize("number", [1, 2])
async def test_what_is_made_due_while_it_looks_is_not_overlooked(
    tmp_path: Path, number: int
) -> None:
    loading = Loading(tmp_path / "state")
    loading.db.execute("UPDATE deliveries SET state = 'deferred' WHERE message < 3")

    def make_due() -> None:
        loading.db.execute("UPDATE deliveries SET state = 'waiting'")
        loading.loader.start_over()

    loading.writer.number, loading.writer.then = number, make_due
    await loading.until_all_here()


async def test_what_left_memory_while_it_looked_comes_in_again(tmp_path: Path) -> None:
    loading = Loading(tmp_path / "state")
    loading.db.execute("UPDATE deliveries SET state = 'deferred', next_attempt = ?", (NOW - 5,))
    loading.loader.longest_delay = 60.0
    again = asyncio.Event()

    def leave() -> None:
        loading.active_queue.remove(1)
        if loading.loader.is_starved or not loading.loader.caught_up:  # as the dispatcher does it
            loading.loader.look()

    def loaded(found: list[QueuedMail]) -> None:
        loading.active_queue.add(found)
        if [one.row for one in found] == [1]:
            again.set()

    running = asyncio.create_task(loading.loader.run())
    async with asyncio.timeout(5):
        while not loading.loader.caught_up:
            await loading.loader.ping()
        for _ in range(5):  # until it looks no more
            await loading.writer.submit(lambda _: None)
        loading.db.execute("UPDATE deliveries SET next_attempt = ? WHERE message > 1", (NOW + 5,))
        # One delivery of a mail is due, which is still being sent to another recipient.
        loading.loader.is_starved = False
        loading.loader._on_loaded = loaded
        loading.writer.number, loading.writer.then = 1, leave
        loading.loader.look()
        await again.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await loading.writer.close()
    loading.store.database.closed_cleanly()
