"""How much history is kept, and whose goes first when it is too much."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.store import NOW, Notes, Store, event
from zaiond.errors import DiskFullError
from zaiond.intake.quota import Quotas
from zaiond.journal import Kind
from zaiond.store import database, events, prune
from zaiond.store.prune import HistoryLimit
from zaiond.store.space import Space, shares
from zaiond.store.writer import Writer
from zaiond.text import Text

MIB = 1024 * 1024
LINE = 100_000
WHY = Text("理由", "why")


def test_nothing_is_deleted_while_history_is_below_its_limit_and_the_disk_has_room() -> None:
    space = Space(used=900, reusable=0, free=500, floor=100, limit=1000, waiting=0)
    assert not space.is_short
    assert space._replace(used=1001).is_short
    assert not space._replace(used=1001, waiting=500).is_short  # it is no history
    assert space._replace(free=199).is_short
    assert not space._replace(free=99, reusable=101).is_short


def test_more_is_deleted_than_must_be_so_that_it_is_not_needed_again_at_once() -> None:
    space = Space(used=1001, reusable=0, free=500, floor=100, limit=1000, waiting=0)
    assert space.to_free == 101
    assert space._replace(used=0, free=199).to_free == 225 - 199
    assert space._replace(used=900, free=225).to_free == 0


@pytest.mark.parametrize(
    ("to_free", "expected"),
    [
        (1, {1: 1}),
        (50, {1: 50}),
        (60, {1: 55, 2: 5}),
        (150, {1: 100, 2: 50}),
        (210, {1: 120, 2: 70, 3: 20}),
        (999, {1: 150, 2: 100, 3: 50}),
        (0, {}),
    ],
)
def test_the_largest_are_cut_down_to_what_all_have(to_free: int, expected: dict[int, int]) -> None:
    assert shares({1: 150, 2: 100, 3: 50}, to_free) == expected


def test_nobody_has_anything() -> None:
    assert shares({}, 10) == {}
    assert shares({1: -5}, 10) == {}


class World:
    """A database with a small limit, and what keeps to it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.notes = Notes()
        self.quotas = Quotas({})
        self.operations: list[str] = []
        loop = asyncio.get_running_loop()
        fatal: list[Exception] = []
        self.writer = Writer(
            store.connection, loop, fatal.append, store.database.space.release_ballast
        )
        submit = self.writer.submit

        def counted(operation: Any, *, essential: bool = False) -> Any:
            self.operations.append(getattr(operation, "func", operation).__name__)
            return submit(operation, essential=essential)

        self.writer.submit = counted  # type: ignore[method-assign]
        self.limit = HistoryLimit(
            store.database.space,
            self.writer,
            self.quotas.waiting,
            lambda: NOW,
            self.notes,
            lambda uid: f"u{uid}",
            asyncio.Lock(),
        )

    async def accept(self, uid: int, count: int, *, ended: bool = True) -> None:
        size = len(self.operations)
        batch = [event(f"{uid}-{size}-{n}", uid=uid) for n in range(count)]
        batch = [(*one[:4], one[4].ljust(LINE), *one[5:]) for one in batch]

        def put(db: Any) -> None:
            stored = events.accept(db, batch, 0.0).events
            if ended:
                events.delete_unrouted(db, [one.seq for one in stored], WHY)

        await self.writer.submit(put)
        if not ended:
            for one in batch:
                self.quotas.count(uid, len(one[4]))

    async def counts(self) -> dict[int, int]:
        query = "SELECT uid, count(*) FROM events GROUP BY uid"
        found: Any = await self.writer.submit(lambda db: db.execute(query).fetchall())
        return dict(found)


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(database, "HISTORY_BYTES", 10 * MIB)
    monkeypatch.setattr(database.DiskSpace, "free_bytes", lambda self: (1 << 40, 1 << 20))
    store = Store(tmp_path / "state")
    world = World(store)
    yield world
    await world.writer.close()
    store.database.closed_cleanly()


async def test_below_the_limit_nothing_is_read(world: World) -> None:
    await world.accept(1000, 90)
    world.operations.clear()
    await world.limit.press()
    assert world.operations == ["pages"]
    assert world.notes.lines == []


async def test_the_largest_user_pays_and_the_others_keep_all(world: World) -> None:
    await world.accept(1001, 10)
    await world.accept(1000, 110)
    await world.accept(1002, 10)
    await world.limit.press()
    counts = await world.counts()
    assert (counts[1001], counts[1002]) == (10, 10)
    assert 60 < counts[1000] < 80
    pages = await world.writer.submit(database.pages)
    assert pages.used <= 9 * MIB
    (line,) = world.notes.lines
    assert f"{110 - counts[1000]} of u1000" in line
    assert "u1001" not in line
    assert world.notes.kinds == [Kind.HISTORY_SHORTENED]
    assert world.store.database.space.reusable == pages.free > 0


async def test_what_waits_is_no_history_and_stays(world: World) -> None:
    await world.accept(1001, 150, ended=False)
    await world.accept(1000, 50)
    await world.limit.press()
    assert await world.counts() == {1000: 50, 1001: 150}
    await world.accept(1000, 450)
    await world.limit.press()
    counts = await world.counts()
    assert counts[1001] == 150
    assert counts[1000] < 500


async def test_where_the_disk_is_low_history_goes_although_it_is_small(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.accept(1000, 80)
    floor = 2 * MIB
    free = 4 * MIB - 200_000
    monkeypatch.setattr(database.DiskSpace, "free_bytes", lambda self: (free, floor))
    await world.limit.press()
    counts = await world.counts()
    assert 70 < counts[1000] < 80
    # The file does not shrink: what was freed in it is room, and nothing more has to go.
    await world.limit.press()
    assert await world.counts() == counts


async def test_nothing_left_is_not_looked_for_again_and_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.accept(1001, 20, ended=False)
    await world.accept(1000, 10)
    monkeypatch.setattr(database.DiskSpace, "free_bytes", lambda self: (0, 1 << 30))
    await world.limit.press()
    assert await world.counts() == {1000: 1, 1001: 20}  # the newest, whose seq would be given again
    world.operations.clear()
    await world.limit.press()
    assert world.operations == ["pages"]


async def test_who_goes_on_flooding_while_it_is_deleted_is_not_left_alone_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.accept(1000, 110)
    shorten = prune.shorten
    more = iter([40])

    def meanwhile(db: Any, **arguments: Any) -> Any:
        result = shorten(db, **arguments)
        for number in more:  # as much as was deleted, and more
            batch = [event(f"more-{n}", uid=1000) for n in range(number)]
            batch = [(*one[:4], one[4].ljust(LINE), *one[5:]) for one in batch]
            stored = events.accept(db, batch, 0.0).events
            events.delete_unrouted(db, [one.seq for one in stored], WHY)
            return result[0], database.pages(db)
        return result

    monkeypatch.setattr(prune, "shorten", meanwhile)
    await world.limit.press()
    assert (await world.writer.submit(database.pages)).used <= 9 * MIB


async def test_one_line_an_hour_tells_of_all_that_was_deleted_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await world.accept(1000, 110)
        await world.limit.press()
    assert len(world.notes.lines) == 1
    monkeypatch.setattr(world.limit, "_next_line", 0.0)
    for uid in (1003, 1004, 1005, 1006):
        await world.accept(uid, 110)
    await world.limit.press()
    assert len(world.notes.lines) == 2
    assert world.notes.lines[1].endswith(", …")


async def test_what_was_deleted_last_is_told_though_nothing_more_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        await world.accept(1000, 110)
        await world.limit.press()
    assert len(world.notes.lines) == 1
    told = asyncio.Event()
    warning = world.notes.warning

    def tell(*arguments: Any) -> None:
        told.set()
        warning(*arguments)

    monkeypatch.setattr(world.notes, "warning", tell)
    monkeypatch.setattr(world.limit, "_next_line", 0.0)
    running = asyncio.create_task(world.limit.run())
    await asyncio.wait_for(told.wait(), 10)
    assert len(world.notes.lines) == 2
    running.cancel()


async def test_an_operation_deletes_no_more_than_a_slice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "EVENTS", 5)
    monkeypatch.setattr(prune, "LOOKED_AT", 7)
    await world.accept(1000, 130)
    world.operations.clear()
    await world.limit.press()
    gone = 130 - (await world.counts())[1000]
    assert world.operations.count("shorten") >= gone / 5
    assert world.operations.count("sizes") >= 130 // 7


async def test_it_works_when_it_is_told_to_and_a_full_disk_does_not_end_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pressed = asyncio.Queue[None]()

    async def press() -> None:
        pressed.put_nowait(None)
        raise DiskFullError(WHY)

    monkeypatch.setattr(world.limit, "press", press)
    running = asyncio.create_task(world.limit.run())
    for _ in range(2):
        world.limit.look()
        await asyncio.wait_for(pressed.get(), 10)
    assert not running.done()
    running.cancel()
