"""What the router does while it waits for something."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.delivery import configuration, server
from tests.support.store import NOW, Store, event
from tests.support.waiting import turns
from zaiond.delivery.mail_maker import MailMaker, complete
from zaiond.delivery.router import Router
from zaiond.net.machine import Names
from zaiond.store import events, queue
from zaiond.store.groups import Remembered
from zaiond.store.turns import Turns
from zaiond.store.writer import Writer


class SlowNames:
    """Tells the machine's names when `known` is set."""

    def __init__(self) -> None:
        self.asked, self.known = asyncio.Event(), asyncio.Event()

    async def current(self) -> Names:
        self.asked.set()
        await self.known.wait()
        return Names("host", "host.example")


class Routing:
    """A router on a store."""

    def __init__(self, directory: Path) -> None:
        self.store = Store(directory)
        self.writer = Writer(
            self.store.connection, asyncio.get_running_loop(), print, lambda: False
        )
        self.names, self.turns = SlowNames(), Turns()
        self.dispatcher = SimpleNamespace(capacity=1000)
        self.router: Router

    async def start(self) -> None:
        recovered = await self.writer.submit(lambda db: queue.recover(db, 0.0))
        observer = SimpleNamespace(events_ended=lambda dropped: None)
        self.router = Router(
            self.writer, cast(Any, self.dispatcher), cast(Any, observer), recovered, self.turns,
            cast(Any, self.names), lambda: NOW, lambda: 0.0, Remembered(),
        )  # fmt: skip

    async def accept(self, id_: str) -> events.Acceptance:
        batch = [event(id_)]
        places = self.turns.give(batch)
        return await self.writer.submit(lambda db: events.accept(db, batch, 0.0, places))


@pytest.fixture
async def routing(tmp_path: Path) -> AsyncIterator[Routing]:
    routing = Routing(tmp_path)
    await routing.start()
    yield routing
    await routing.writer.close()


def maker() -> MailMaker:
    return MailMaker(configuration(server(1)), lambda: "M", lambda uid: "", lambda *_: None)


async def test_a_configuration_that_comes_while_the_names_are_looked_up_gets_them(
    routing: Routing,
) -> None:
    (stored,) = (await routing.accept("1")).events
    routing.router.configure(maker())
    waiting = asyncio.create_task(routing.router.maker_now())
    await routing.names.asked.wait()
    routing.router.configure(maker())
    routing.names.known.set()
    new = await waiting
    assert new is not None
    assert new is routing.router.maker
    mail = new.make(1, stored, complete(stored), ("a@x.example",), count(1))
    assert b"@host.example>" in mail.message.content


async def test_what_is_told_while_it_is_read_from_disk_is_routed_once(routing: Routing) -> None:
    first, second = await routing.accept("1"), await routing.accept("2")
    routing.router.turns.accepted(first.events + second.events)  # counted, and not told yet
    reading = asyncio.create_task(routing.router._next(10, None))
    await turns()
    routing.router.accepted(first)
    routing.router.accepted(second)
    chosen = await reading
    assert [one.id for one in chosen.events] == ["1", "2"]
