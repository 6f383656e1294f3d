"""A hub's way to its disk: each letter once, in order, acknowledged when it is there."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest
from nats.aio.msg import Msg

from tests.support.store import Notes
from zaiond.errors import StoreError
from zaiond.fleet import intake as module
from zaiond.fleet import letter
from zaiond.fleet.intake import Intake, Routed, keep
from zaiond.fleet.link import Connection
from zaiond.fleet.machines import Machines
from zaiond.intake.admission import Admission
from zaiond.intake.quota import Quotas
from zaiond.model import NewEvent, StoredEvent
from zaiond.store.events import Acceptance, AcceptOutcome
from zaiond.store.turns import Turns
from zaiond.text import Text


class Disk:
    """Has room."""

    reusable = 0

    def free_bytes(self) -> tuple[int, int]:
        return 10, 1

    def size(self) -> int:
        return 0

    def history_limit(self) -> int:
        return 10


class Writer:
    """Puts batches to disk in order, each when it is told to."""

    def __init__(self) -> None:
        self.submitted: list[tuple[Any, asyncio.Future[Any]]] = []
        self.rows: dict[str, NewEvent] = {}  # by id, as they came

    def submit(self, operation: Any, **_: Any) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.submitted.append((operation, future))
        if not hasattr(operation, "keywords"):  # of machines
            future.set_result(None)
            self.submitted.pop()
        return future

    def commit(self) -> None:
        operation, future = self.submitted.pop(0)
        batch: list[NewEvent] = operation.keywords["batch"]
        outcomes: list[AcceptOutcome] = [
            "duplicate" if new[0] in self.rows else "accepted" for new in batch
        ]
        self.rows |= {new[0]: new for new in batch}
        new = [
            StoredEvent(n, *event)
            for n, (event, outcome) in enumerate(zip(batch, outcomes, strict=True))
            if outcome == "accepted"
        ]
        future.set_result(Acceptance(None if len(new) == len(batch) else outcomes, new, 0))


class Engine:
    """A connection whose engine delivers each of these letters once, and keeps what is acknowledged
    there.
    """

    def __init__(self, *messages: Msg) -> None:
        self.lost = asyncio.Event()
        self.client, self.server = self, "nats:4222"
        self.acknowledged: list[str] = []
        self._messages = messages

    def new_inbox(self) -> str:
        return "inbox"

    async def subscribe(self, _: str, cb: Any) -> "Engine":
        for message in self._messages:
            await cb(message)
        return self

    async def unsubscribe(self) -> None: ...

    async def publish(self, subject: str, payload: bytes, reply: str = "") -> None:
        if payload == b"+ACK":
            self.acknowledged.append(subject)

    async def request(self, subject: str, payload: bytes, **_: Any) -> None:
        await self.publish(subject, payload)

    async def ask(self, question: Any) -> Any:
        return await question


def message(number: int) -> Msg:
    line = json.dumps({"type": "a.b", "id": f"e{number}", "message": "x" * 200_000})
    packed = letter.encode(
        StoredEvent(1, f"e{number}", 1000, "", 1.0, line.encode()), "web1", "tom"
    )
    reply = f"$JS.ACK.ZAIOND.hub-1.1.{number}.{number}.1.0"
    return Msg(cast(Any, None), packed.subject, reply, packed.payload, dict(packed.headers))


def taking_in(writer: Writer) -> Intake:
    admission = Admission(
        cast(Any, Disk()), cast(Any, writer), Quotas({}), Turns(), lambda: 0.0, Notes(),
        lambda _: None, lambda: None,
    )  # fmt: skip

    async def share() -> None: ...

    background: set[asyncio.Task[None]] = set()

    def in_background(work: Coroutine[Any, Any, None]) -> None:
        background.add(asyncio.create_task(work))

    return Intake(
        admission, cast(Any, writer), Machines({}), Notes(), lambda: 0.0,
        Routed(lambda: 1000), share, in_background,
    )  # fmt: skip


def run(intake: Intake, engine: Engine) -> "asyncio.Task[None]":
    return asyncio.create_task(intake.run(cast(Connection, engine), "hub-1", lambda: True))


async def become(true: Callable[[], object]) -> None:
    """Waits until it is."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)


async def test_what_is_on_its_way_to_disk_when_the_connection_is_lost_is_put_there_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "NO_ROOM_PAUSE", 0.0)
    writer, before, after = Writer(), Engine(*map(message, range(1, 5))), Engine()
    intake = taking_in(writer)
    first = run(intake, before)
    await become(lambda: writer.submitted)  # three of the four
    first.cancel()
    await asyncio.wait((first,))
    second = run(intake, after)
    for _ in range(20):  # turns of the loop, in which it would give them to the writer again
        await asyncio.sleep(0)
    writer.commit()
    await become(lambda: writer.submitted)
    writer.commit()
    await become(lambda: len(before.acknowledged) + len(after.acknowledged) == 4)
    second.cancel()
    assert list(writer.rows) == ["e1", "e2", "e3", "e4"]
    assert intake.taken == 4
    assert intake.backlog.waiting == 0
    assert not writer.submitted


async def test_while_large_letters_are_read_the_loop_does_something_else_too() -> None:
    writer = Writer()
    intake = taking_in(writer)
    running, seen = run(intake, Engine(*map(message, range(1, 5)))), set[int]()
    while not writer.submitted:
        seen.add(intake.backlog.waiting)
        await asyncio.sleep(0)
    running.cancel()
    assert seen >= {1, 2, 3}


async def test_machines_that_could_not_be_put_to_disk_are_put_there_the_next_time() -> None:
    class Full(Writer):
        def submit(self, operation: Any, **_: Any) -> "asyncio.Future[Any]":
            future = super().submit(operation)
            if not self.rows:
                future = asyncio.get_running_loop().create_future()
                future.set_exception(StoreError(Text("壊", "broken")))
            return future

    machines = Machines({})
    machines.uid("web1", 1000, "tom")
    with pytest.raises(StoreError):
        await keep(cast(Any, Full()), machines)
    assert list(machines.take()) == ["machine 1"]


async def test_a_machine_is_put_to_disk_before_its_first_event() -> None:
    class InOrder(Writer):
        def __init__(self) -> None:
            super().__init__()
            self.order: list[str] = []

        def submit(self, operation: Any, **_: Any) -> "asyncio.Future[Any]":
            self.order.append("events" if hasattr(operation, "keywords") else "machine")
            return super().submit(operation)

    writer = InOrder()
    running = run(taking_in(writer), Engine(message(1)))
    await become(lambda: writer.submitted)
    running.cancel()
    assert writer.order == ["machine", "events"]
