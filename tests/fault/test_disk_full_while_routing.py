"""The disk is full, or what waits comes in anew, between two steps of what belongs together: each
mail goes out all the same, and once.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.delivery import Post, ids
from tests.support.hubs import Hubs
from tests.support.routes import routed
from tests.support.sink import Mail, Sink
from tests.support.store import recount
from zaiond.delivery import router, scheduler
from zaiond.delivery.group_mails import AT_ONCE, Made
from zaiond.errors import DiskFullError
from zaiond.store import events, groups, queue
from zaiond.text import Text

FULL = Text("満杯", "full")
GROUPED = """
route_defaults: {max_mails: null}
routes:
  many: {match: {type: "db.*"}, group_by: [type], group_wait: 30s}
"""
PROBLEMS = "route_defaults: {max_mails: null}\n"
MANY = AT_ONCE + 5


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "DISK_FULL_PAUSE", 0.0)
    monkeypatch.setattr(scheduler, "DISK_FULL_PAUSE", 0.0)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


def told(mails: list[Mail]) -> list[tuple[str, ...]]:
    return sorted(tuple(sorted(mail.event_ids)) for mail in mails)


async def assert_counted(post: Post) -> None:
    await post.settled()
    assert await post.writer.submit(events.usage) == await post.writer.submit(recount)


async def test_mails_to_come_that_are_made_in_parts_come_once_where_a_later_part_finds_no_room(
    state: Path, sink: Sink
) -> None:
    async with Post(state, routed(sink.port, GROUPED)) as post:
        for id_ in ids(MANY):
            await post.emit(id_, kind=f"db.{id_}")
        await post.routed()
        made, calls = post.router.group_mails.make, 0

        async def make(*given: Any) -> Made:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise DiskFullError(FULL)
            return await made(*given)

        post.router.group_mails.make = make  # type: ignore[method-assign, assignment]
        post.serve(31)
        await post.arrived(sink, MANY)
        await assert_counted(post)
        assert not await post.writer.submit(groups.to_come)
    assert told(sink.mails) == sorted((id_,) for id_ in ids(MANY))


async def test_what_comes_in_from_disk_meanwhile_is_not_handed_over_again(
    state: Path, sink: Sink
) -> None:
    async with Post(state, routed(sink.port, GROUPED)) as post:
        for id_ in ids(MANY):
            await post.emit(id_, kind=f"db.{id_}")
        await post.routed()
        made, parts = post.router.group_mails.make, 0

        async def make(*given: Any) -> Made:
            nonlocal parts
            parts += 1
            if parts == 2:  # a hold ends, or the like
                post.dispatcher.reload_waiting()
                await post.arrived(sink, AT_ONCE)
            return await made(*given)

        post.router.group_mails.make = make  # type: ignore[method-assign, assignment]
        post.serve(31)
        await post.arrived(sink, MANY)
        await assert_counted(post)
    assert told(sink.mails) == sorted((id_,) for id_ in ids(MANY))


async def test_what_is_routed_with_the_end_of_a_problem_is_not_handed_over_again(
    state: Path, sink: Sink
) -> None:
    async with Post(state, routed(sink.port, PROBLEMS)) as post:
        await post.emit("1", key="disk", status="problem")
        await post.arrived(sink, 1)
        await post.emit("2", key="disk", status="problem")
        await post.routed()
        await post.settled()
        made = post.router.group_mails.make

        async def make(*given: Any) -> Made:
            post.dispatcher.reload_waiting()
            with suppress(AssertionError):  # nothing is to come in before both are there
                await asyncio.to_thread(sink.wait, 2, 0.5)
            return await made(*given)

        post.router.group_mails.make = make  # type: ignore[method-assign, assignment]
        async with post.router.lock:  # so that they are routed together
            await post.emit("3", key="disk", status="ok")
            await post.emit("4")
        await post.arrived(sink, 3)
        await assert_counted(post)
    assert told(sink.mails) == [("1",), ("2", "3"), ("4",)]


async def test_the_end_of_a_problem_is_told_of_once_the_disk_has_room(
    state: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Post(state, routed(sink.port, PROBLEMS)) as post:
        await post.emit("1", key="disk", status="problem")
        await post.arrived(sink, 1)
        await post.emit("2", key="disk", status="problem")
        await post.routed()
        await post.settled()
        made, route, left = post.router.group_mails.make, queue.route, 2

        async def make(*given: Any) -> Made:
            if left:
                raise DiskFullError(FULL)
            return await made(*given)

        def full_for_a_time(*given: Any, **more: Any) -> set[int]:
            nonlocal left
            is_other = any(mail.events[0].id == "4" for mail in more["mails"])
            if is_other and left:
                left -= 1
                raise DiskFullError(FULL)
            return route(*given, **more)

        post.router.group_mails.make = make  # type: ignore[method-assign, assignment]
        monkeypatch.setattr(queue, "route", full_for_a_time)
        await post.emit("3", key="disk", status="ok")
        await post.routed()
        await post.emit("4")
        await post.arrived(sink, 3)
        await assert_counted(post)
    assert told(sink.mails) == [("1",), ("2", "3"), ("4",)]


async def test_the_end_of_a_problem_that_no_hub_took_is_told_of_once_the_disk_has_room(
    state: Path, sink: Sink
) -> None:
    async with Post(state) as post:
        hubs = Hubs()
        hubs.reachable = False
        hubs.join(post, routed(sink.port, PROBLEMS))
        await post.emit("1", key="disk", status="problem")
        await post.emit("2", key="disk", status="problem")
        await post.emit("3", key="disk", status="ok")
        await post.routed()
        made, is_full = post.router.group_mails.make, True

        async def make(*given: Any) -> Made:
            nonlocal is_full
            if is_full:
                is_full = False
                raise DiskFullError(FULL)
            return await made(*given)

        post.router.group_mails.make = make  # type: ignore[method-assign, assignment]
        assert await post.outbound.membership.mail_by_itself() == 3
        await post.arrived(sink, 2)
        await assert_counted(post)
    assert told(sink.mails) == [("1",), ("2", "3")]


async def test_what_a_crash_left_to_be_made_is_made_though_something_was_taken_back_before(
    state: Path, sink: Sink
) -> None:
    config = routed(sink.port, GROUPED)
    async with Post(state, config) as post:
        await post.emit("1", kind="db.a")
        await post.routed()
        await post.writer.submit(lambda db: db.execute("DELETE FROM routing_state").fetchall())
    async with Post(state) as post:
        post.router.state.rollback()  # `zaiond-ctl route`, for one
        post.configure(config)
        await post.arrived(sink, 1)
        await assert_counted(post)
    assert told(sink.mails) == [("1",)]
