"""What waits on disk comes into the window."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.store import Clock, Store, event, mail
from zaiond.daemon import loader
from zaiond.daemon.loader import Loader
from zaiond.daemon.window import Window
from zaiond.store import events, queue
from zaiond.store.queue import QueuedMail
from zaiond.store.writer import Operation, Writer

T = TypeVar("T")


class Interrupted(Writer):
    """While the answer of the `number`-th look for what waits is on its way, `then` is done."""

    number = 0
    then: Callable[[], None]

    def submit(self, operation: Operation[T], *, essential: bool = False) -> "asyncio.Future[T]":
        future = super().submit(operation, essential=essential)
        if isinstance(operation, partial) and operation.func is loader._waiting:
            self.number -= 1
            if not self.number:
                future.add_done_callback(lambda _: self.then())  # before who waits for it goes on
        return future


@pytest.mark.parametrize("number", [1, 2])
async def test_what_is_made_due_while_it_looks_is_not_overlooked(
    tmp_path: Path, number: int
) -> None:
    store = Store(tmp_path / "state")
    accepted = store.run(
        partial(events.accept, batch=[event("1"), event("2"), event("3")], queued=0.0)
    )
    mails = [mail(row, [one]) for row, one in enumerate(accepted.events, 1)]
    store.run(partial(queue.route, routed_through=3, mails=mails, dropped=[]))
    db = store.connection
    db.execute("UPDATE deliveries SET state = 'deferred' WHERE message < 3")
    writer = Interrupted(db, asyncio.get_running_loop(), print, lambda: False)
    window, loaded, all_here = Window(), set[int](), asyncio.Event()
    window.configure(1)

    def on_loaded(found: list[QueuedMail]) -> None:
        window.add(found)
        loaded.update(one.row for one in found)
        if loaded == {1, 2, 3}:
            all_here.set()

    loader = Loader(window, writer, Clock(), on_loaded, lambda: None)

    def make_due() -> None:
        db.execute("UPDATE deliveries SET state = 'waiting'")
        loader.start_over()

    writer.number, writer.then = number, make_due
    running = asyncio.create_task(loader.run())
    async with asyncio.timeout(5):
        await all_here.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await writer.close()
    store.database.closed_cleanly()
