"""One who floods doesn't make the others wait behind him: users take turns, wherever their events
and mails are, and severity goes before age within that.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.support.delivery import PATIENT, QUICK, SOON, Post, configuration, ids, mails, server
from tests.support.scripted_server import Peer, Script, ScriptedServer, ordinary
from tests.support.waiting import turns
from zaiond.config.schema import MailServer
from zaiond.delivery import active_queue, memory, router
from zaiond.delivery.mail_maker import MailMaker
from zaiond.store import lanes, pending, queue

FLOOD, OTHER, THIRD = 1000, 1001, 1002


class Moody:
    """A server that says `to_greeting` and `to_recipients`, whatever that is at the moment."""

    def __init__(self) -> None:
        self.to_greeting = "220 here"
        self.to_recipients = "250 Ok"

    @property
    def script(self) -> Script:
        def answering(what: Callable[[], str]) -> Callable[[Peer], Any]:
            async def answer(peer: Peer) -> None:
                await peer.say(what())

            return answer

        return ordinary(
            answers={
                "GREETING": answering(lambda: self.to_greeting),
                "RCPT": answering(lambda: self.to_recipients),
            }
        )

    def goes_away(self) -> None:
        self.to_greeting = "421 4.3.2 Not now"

    def comes_back(self, post: Post) -> None:
        self.to_greeting = "220 here"
        post.pool.retry_servers()


@pytest.fixture
def moody() -> Moody:
    return Moody()


def one_by_one(server_: ScriptedServer) -> MailServer:
    return server(server_.port, max_connections=1)


async def until_nothing_is_routed(post: Post) -> None:
    """Waits until the active queue is full, and what may go beyond is there, too."""
    last = -1
    async with asyncio.timeout(SOON):
        while last != post.router.waiting:
            last = post.router.waiting
            for _ in range(10):
                await post.writer.submit(lambda _: None)


@pytest.mark.parametrize("kept_in_memory", [1000, 20])
async def test_who_sends_one_event_beside_a_flood_has_it_mailed_next(
    state: Path, moody: Moody, monkeypatch: pytest.MonkeyPatch, kept_in_memory: int
) -> None:
    monkeypatch.setattr(memory, "KEPT_IN_MEMORY", kept_in_memory)
    moody.goes_away()
    async with (
        ScriptedServer(moody.script) as there,
        Post(state, configuration(one_by_one(there), queue=PATIENT)) as post,
    ):
        await post.emit(*ids(700), uid=FLOOD)
        await until_nothing_is_routed(post)
        assert post.router.waiting, "they do not all fit"
        await post.emit("info", uid=OTHER, severity="info")
        await post.emit("emerg", uid=OTHER, severity="emerg")
        await post.emit("third", uid=THIRD)
        await until_nothing_is_routed(post)
        moody.comes_back(post)
        await post.until_ended(703)
        arrived = mails(there)
        assert arrived.index("emerg") == 0
        assert {arrived.index("info"), arrived.index("third")} <= set(range(1, 6))
        assert [one for one in arrived if one.startswith("n")] == ids(700)


async def test_who_comes_while_the_flood_is_being_mailed_is_next(state: Path, moody: Moody) -> None:
    async with (
        ScriptedServer(moody.script) as there,
        Post(state, configuration(one_by_one(there))) as post,
    ):
        await post.emit(*ids(800), uid=FLOOD)
        for number in range(3):
            await post.until_ended(30 * (number + 1))
            ended = len(post.ended)
            await post.emit(f"other{number}", uid=OTHER)
            await post.until(lambda id_=f"other{number}": id_ in post.ended)  # type: ignore[misc]
            # In hand, and prepared, and what is being put on disk: not what is in the active queue.
            assert post.ended.index(f"other{number}") <= ended + 20
        await post.until_ended(803)
        assert [one for one in mails(there) if one.startswith("n")] == ids(800)


@pytest.mark.parametrize("is_idle", [False, True])  # if so, one is being routed as the other comes
async def test_two_floods_go_half_and_half(state: Path, moody: Moody, is_idle: bool) -> None:
    moody.goes_away()
    async with (
        ScriptedServer(moody.script) as there,
        Post(state, configuration(one_by_one(there), queue=PATIENT)) as post,
    ):
        if is_idle:
            await until_nothing_is_routed(post)
        await post.emit(*ids(600, "a"), uid=FLOOD)
        await post.emit(*ids(600, "b"), uid=OTHER)
        await until_nothing_is_routed(post)
        moody.comes_back(post)
        await post.until_ended(1200)
        arrived = mails(there)
        for part in range(0, 1200, 100):
            first = arrived[:part]
            assert abs(sum(one.startswith("a") for one in first) - part // 2) <= 40, part
        for name in "ab":
            assert [one for one in arrived if one.startswith(name)] == ids(600, name)


async def test_an_urgent_flood_leaves_a_tenth_to_those_who_have_nothing_urgent(
    state: Path, moody: Moody
) -> None:
    moody.goes_away()
    async with (
        ScriptedServer(moody.script) as there,
        Post(state, configuration(one_by_one(there), queue=PATIENT)) as post,
    ):
        await post.emit(*ids(700), uid=FLOOD, severity="emerg")
        await post.emit(*ids(3, "other"), uid=OTHER, severity="info")
        await post.emit("urgent", uid=THIRD, severity="crit")
        await until_nothing_is_routed(post)
        moody.comes_back(post)
        await post.until_ended(704)
        arrived = mails(there)
        assert arrived.index("urgent") <= 2
        assert arrived.index("other0000") <= 11
        assert arrived.index("other0002") <= 33


async def test_what_was_deferred_comes_in_turns_too(
    state: Path, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_queue, "MAILS", 40)
    moody.to_recipients = "450 4.2.1 Later"
    async with (
        ScriptedServer(moody.script) as there,
        Post(state, configuration(server(there.port), queue=PATIENT)) as post,
    ):
        await post.emit(*ids(200), uid=FLOOD)
        await post.until(lambda: len(post.outcomes) == 200)
        await post.emit("other", uid=OTHER)
        await post.until(lambda: len(post.outcomes) == 201)
        await post.settled()
    moody.to_recipients = "250 Ok"
    async with ScriptedServer(moody.script) as there:
        post = Post(state, configuration(one_by_one(there), queue=QUICK))
        post.ahead = PATIENT.retry_max
        async with post:
            await post.until_ended(201)
            assert mails(there).index("other") <= 5


async def test_a_flood_that_was_mailed_half_is_no_wall_after_a_restart(
    state: Path, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    moody.goes_away()
    async with (
        ScriptedServer(moody.script) as there,
        Post(state, configuration(one_by_one(there), queue=PATIENT)) as post,
    ):
        await post.emit(*ids(700), uid=FLOOD)
        await until_nothing_is_routed(post)
        await post.emit("routed", uid=OTHER)
        await until_nothing_is_routed(post)
    async with Post(state) as post:  # without a configuration
        await post.emit(*ids(20, "m"), uid=FLOOD)
        await post.emit("unrouted", uid=OTHER)
        await post.emit("third", uid=THIRD)
    moody.to_greeting = "220 here"
    async with (
        ScriptedServer(moody.script) as there,
        Post(state, configuration(one_by_one(there))) as post,
    ):
        await post.until_ended(723)
        arrived = mails(there)
        assert arrived.index("routed") <= 3
        assert arrived.index("unrouted") <= 40
        assert arrived.index("third") <= 40
        assert [one for one in arrived if one[0] in "nm" and one[1:].isdigit()] == [
            *ids(700), *ids(20, "m"),
        ]  # fmt: skip


async def test_what_is_made_due_by_hand_comes_in_turns(
    state: Path, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_queue, "MAILS", 40)
    moody.to_recipients = "450 4.2.1 Later"
    async with (
        ScriptedServer(moody.script) as there,
        Post(state, configuration(one_by_one(there), queue=PATIENT)) as post,
    ):
        await post.emit(*ids(200), uid=FLOOD)
        await post.emit("other", uid=OTHER)
        await post.until(lambda: len(post.outcomes) == 201)
        await post.settled()
        before = len(there.peers)
        moody.to_recipients = "250 Ok"
        await post.queue_admin.retry()
        await post.until_ended(201)
        assert post.ended.index("other") <= 5
        assert before


async def test_no_user_fills_the_room_for_others_alone(state: Path, moody: Moody) -> None:
    moody.goes_away()
    async with (
        ScriptedServer(moody.script) as there,
        Post(state, configuration(one_by_one(there), queue=PATIENT)) as post,
    ):
        await post.emit(*ids(500), uid=FLOOD)
        await post.emit(*ids(500, "o"), uid=OTHER)
        await post.emit(*ids(500, "u"), uid=OTHER, severity="crit")
        await until_nothing_is_routed(post)
        await post.emit("third", uid=THIRD)
        await until_nothing_is_routed(post)
        of_third = await post.writer.submit(
            lambda db: db.execute("SELECT count(*) FROM deliveries WHERE user = 1002").get
        )
        assert of_third == 1
        assert len(post.dispatcher.active_queue) < active_queue.MAILS + active_queue.MORE_MAILS


async def test_large_events_fill_the_memory_by_their_bytes(
    state: Path, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_queue, "BYTES", 1_000_000)
    monkeypatch.setattr(active_queue, "MORE_BYTES", 500_000)
    monkeypatch.setattr(memory, "KEPT_BYTES", 500_000)
    monkeypatch.setattr(router, "BATCH_BYTES", 100_000)
    moody.goes_away()
    async with (
        ScriptedServer(moody.script) as there,
        Post(state, configuration(one_by_one(there), queue=PATIENT)) as post,
    ):
        for number in range(30):
            await post.emit(*ids(4, f"{number:02}"), uid=FLOOD, message="x" * 20_000)
        await until_nothing_is_routed(post)
        kept = post.router._memory.events
        assert 0 < sum(len(event.body) for event in kept) <= memory.KEPT_BYTES + router.BATCH_BYTES
        held = sum(map(active_queue.size, post.dispatcher.active_queue._mails.values()))
        assert active_queue.BYTES <= held <= active_queue.BYTES + 3 * router.BATCH_BYTES
        await post.emit("other", uid=OTHER)
        await until_nothing_is_routed(post)
        moody.comes_back(post)
        await post.until(lambda: "other" in post.ended)
        assert post.ended.index("other") <= 3
        await post.until_ended(121)


async def test_what_comes_in_from_disk_is_bounded_in_bytes(
    state: Path, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_queue, "BYTES", 1_000_000)
    moody.to_recipients = "450 4.2.1 Later"
    loaded: list[int] = []
    load = pending.load

    def counted(db: apsw.Connection, *given: Any, **more: Any) -> Any:
        found = load(db, *given, **more)
        loaded.append(sum(map(active_queue.size, found)))
        return found

    async with (
        ScriptedServer(moody.script) as there,
        Post(state, configuration(server(there.port), queue=PATIENT)) as post,
    ):
        for number in range(10):
            await post.emit(*ids(4, f"{number}-"), message="x" * 100_000)
        await post.until(lambda: len(post.outcomes) == 40)
        await post.settled()
        moody.to_recipients = "250 Ok"
        monkeypatch.setattr(pending, "load", counted)
        await post.writer.submit(lambda db: lanes.let_all_wait(db, 100))
        post.dispatcher.reload_waiting()
        await post.until_ended(40)
        assert max(loaded) <= max(1_000_000, active_queue.LITTLE_BYTES) + 300_000


async def test_what_is_made_into_mails_leaves_room_for_other_work(
    state: Path, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_in_a_row: list[int] = [0]
    make = MailMaker.make

    def counted(self: MailMaker, *given: Any, **more: Any) -> Any:
        made_in_a_row[-1] += 1
        return make(self, *given, **more)

    monkeypatch.setattr(MailMaker, "make", counted)
    going_on = True

    async def beside() -> None:
        while going_on:
            made_in_a_row.append(0)
            await turns()

    async with (
        ScriptedServer(moody.script) as there,
        Post(state, configuration(server(there.port))) as post,
    ):
        beside_it = asyncio.create_task(beside())
        await post.emit(*ids(9), message="x" * 60_000)
        await post.until_ended(9)
        going_on = False
        await beside_it
        assert sum(made_in_a_row) == 9
        assert max(made_in_a_row) <= 2


async def test_a_disk_that_is_full_while_something_goes_ahead_loses_nothing_and_doubles_nothing(
    state: Path, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(router, "DISK_FULL_PAUSE", 0.01)
    route, failures = queue.route, [0]

    def full(db: apsw.Connection, *given: Any, **more: Any) -> Any:
        if more["early"] and failures[0] < 3:
            failures[0] += 1
            raise apsw.FullError
        return route(db, *given, **more)

    moody.goes_away()
    async with (
        ScriptedServer(moody.script) as there,
        Post(state, configuration(one_by_one(there), queue=PATIENT)) as post,
    ):
        await post.emit(*ids(700), uid=FLOOD)
        await until_nothing_is_routed(post)
        monkeypatch.setattr(queue, "route", full)
        await post.emit("other", "more", uid=OTHER)
        await post.emit("urgent", uid=FLOOD, severity="crit")
        async with asyncio.timeout(SOON):
            while failures[0] < 3 or post.router.turns.ahead:
                await post.a_moment()
        moody.comes_back(post)
        await post.until_ended(703)
        arrived = mails(there)
        assert sorted(arrived) == sorted([*ids(700), "other", "more", "urgent"])
        assert max(map(arrived.index, ("other", "more", "urgent"))) <= 6


async def test_after_a_reload_no_mail_goes_over_an_old_connection(
    state: Path, moody: Moody
) -> None:
    async with ScriptedServer(moody.script) as there:
        config = configuration(server(there.port, max_connections=1, keep_idle=30.0))
        async with Post(state, config) as post:
            for number in range(3):
                await post.emit(f"e{number}")
                await post.until_ended(number + 1)
                post.configure(config)
            assert [len(peer.contents) for peer in there.peers] == [1, 1, 1]


async def test_a_connection_that_was_at_work_during_a_reload_takes_no_further_mail(
    state: Path,
) -> None:
    arrived, answer = asyncio.Event(), asyncio.Event()

    async def content(peer: Peer) -> None:
        arrived.set()
        await answer.wait()
        await peer.say("250 2.0.0 Ok")

    async with ScriptedServer(ordinary(answers={"CONTENT": content})) as slow:
        config = configuration(server(slow.port, max_connections=1, keep_idle=30.0))
        async with Post(state, config) as post:
            await post.emit("first")
            await arrived.wait()
            post.configure(config)
            await post.emit(*ids(5))
            answer.set()
            await post.until_ended(6)
            assert len(slow.peers[0].contents) == 1


async def test_an_urgent_mail_passes_none_of_its_lane_after_a_restart_or_a_retry(
    state: Path, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_queue, "MAILS", 20)
    moody.goes_away()
    async with ScriptedServer(moody.script) as there:
        config = configuration(one_by_one(there), queue=PATIENT)
        async with Post(state, config) as post:
            await post.emit(*ids(60), key="k")
            await until_nothing_is_routed(post)
            await post.emit("urgent1", key="k", severity="crit")
            await post.emit(*ids(60, "m"), key="k")
            await post.emit("urgent2", key="k", severity="crit")
            await until_nothing_is_routed(post)
        async with Post(state, config) as post:
            await post.emit("urgent3", key="k", severity="crit")
            await until_nothing_is_routed(post)
            moody.to_greeting = "220 here"
            await post.queue_admin.retry()
            await post.until_ended(123)
    assert mails(there) == [*ids(60), "urgent1", *ids(60, "m"), "urgent2", "urgent3"]
