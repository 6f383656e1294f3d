"""What a member of a fleet hands on, and what becomes of it when nobody takes it."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.support.delivery import PATIENT, QUICK, Post, configuration, ids, mails, server
from tests.support.hubs import Fleet, Hubs
from tests.support.scripted_server import ScriptedServer, ordinary, refusing
from tests.support.sink import Sink
from tests.support.store import event, recount
from zaiond.config.jobs import Job
from zaiond.config.schema import RouteDefaults
from zaiond.daemon import remembered_documents
from zaiond.delivery import active_queue
from zaiond.event_rules import NOTICE_SOURCE
from zaiond.routing.due import due, reconsider
from zaiond.store import events, handed_on, queue

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
async def decent() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(ordinary()) as decent:
        yield decent


async def until(post: Post, condition: Callable[[], object]) -> None:
    """Waits, while the database works, until it is so."""
    async with asyncio.timeout(20):
        while not condition():
            await post.a_moment()


async def assert_settled(post: Post) -> None:
    """What quotas count is what waits on disk, and nothing is started."""
    usage = await post.writer.submit(events.usage)
    assert usage == await post.writer.submit(recount)
    started = "SELECT count(*) FROM deliveries WHERE started IS NOT NULL"
    assert await post.writer.submit(lambda db: db.execute(started).get) == 0


async def waiting(post: Post) -> int:
    return await post.writer.submit(handed_on.count)


def test_who_has_no_fleet_loads_nothing_of_it() -> None:
    program = "import sys, zaiond.daemon.main, zaiond.daemon.app; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    of_fleet = [m for m in done.stdout.split() if m.startswith(("zaiond.fleet", "nats", "nkeys"))]
    assert not of_fleet


# -- handed on


async def test_a_member_hands_on_and_mails_nothing(state: Path, decent: ScriptedServer) -> None:
    async with Post(state) as post:
        hubs = Hubs()
        hubs.join(post, configuration(server(decent.port)))
        await post.emit(*ids(50))
        await post.emit("p", key="k", status="problem", severity="crit")
        await post.until_ended(51)
        assert sorted(hubs.taken) == sorted([*ids(50), "p"])
        assert await post.states("p") == {"hubs of the fleet": "delivered"}
        assert not decent.peers
        await assert_settled(post)


async def test_what_is_of_one_key_is_handed_on_in_its_order(state: Path) -> None:
    async with Post(state) as post:
        hubs = Hubs()
        hubs.join(post, configuration(server(9)))
        for number in range(20):
            await post.emit(f"a{number}", key="k")
            await post.emit(f"b{number}")
        await post.until_ended(40)
        assert [id_ for id_ in hubs.taken if id_[0] == "a"] == [f"a{n}" for n in range(20)]


async def test_a_hand_over_is_not_feared_to_have_arrived_twice(state: Path) -> None:
    hubs = Hubs()
    async with Post(state) as post:
        hubs.join(post, configuration(server(9)))
        hubs.answering.clear()
        await post.emit(*ids(5))
        await until(post, lambda: hubs.asked == 5)
        started = "SELECT count(*) FROM deliveries WHERE started IS NOT NULL"
        assert await post.writer.submit(lambda db: db.execute(started).get) == 0
        found = await post.writer.submit(lambda db: queue.recover(db, post.clock()))
        assert found.started == 0
        hubs.answering.set()
        await post.until_ended(5)


async def test_the_daemons_own_word_of_being_a_member_is_mailed(
    state: Path, decent: ScriptedServer
) -> None:
    async with Post(state) as post:
        hubs = Hubs()
        hubs.join(post, configuration(server(decent.port)))
        for kind in ("zaiond.fleet.cut_off", "zaiond.other"):
            one = event(kind, uid=0, at=post.clock(), kind=kind, source=NOTICE_SOURCE)

            def accept(db: object, one: object = one) -> object:
                return events.accept(db, [one], queued=post.queue_time(), notice=True)  # type: ignore[arg-type, list-item]

            post.router.accepted(await post.writer.submit(accept))  # type: ignore[arg-type]
        await post.until_ended(2)
        assert mails(decent) == ["zaiond.fleet.cut_off"]
        assert hubs.taken == ["zaiond.other"]


# -- neither way waits for the other


async def test_hubs_that_do_not_answer_keep_no_mail_waiting(
    state: Path, decent: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_queue, "MAILS", 20)
    async with Post(state) as post:
        hubs = Hubs()
        config = configuration(server(decent.port))
        hubs.join(post, config, hands_on=False)
        hubs.answering.clear()
        await post.outbound.membership.hand_on()
        await post.emit(*ids(200))  # more than there is room for
        await until(post, lambda: hubs.asked == 8)
        under_way = len(post.outbound.ways.sending)
        await post.outbound.membership.mail_by_itself()
        await post.emit(*ids(30, "m"))
        await post.until_ended(230 - under_way)
        assert await waiting(post) == under_way <= 16
        hubs.answering.set()
        await post.until_ended(230)
        assert Counter([*mails(decent), *hubs.taken]) == Counter([*ids(200), *ids(30, "m")])
        await assert_settled(post)


async def test_mail_that_can_not_leave_keeps_nothing_from_being_handed_on(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_queue, "MAILS", 20)
    with refusing() as closed:
        async with Post(state) as post:
            hubs = Hubs()
            config = configuration(server(closed.getsockname()[1]), queue=PATIENT)
            hubs.join(post, config, hands_on=False)
            await post.emit(*ids(100))  # by itself
            await post.until(lambda: bool(post.servers_changed))
            await post.outbound.membership.hand_on()
            await until(post, lambda: len(hubs.taken) >= 50)
            await post.emit(*ids(30, "f"))
            await until(post, lambda: set(ids(30, "f")) <= set(hubs.taken))
            by_mail = [one for one in ids(100) if one not in hubs.taken]
            assert 20 <= len(by_mail) <= 50
            for id_ in by_mail[:3]:
                assert list(await post.states(id_)) == ["a@x.example"]
            await assert_settled(post)


async def test_a_hold_of_the_queue_holds_nothing_that_is_handed_on(state: Path) -> None:
    async with (
        ScriptedServer(ordinary(answers={"MAIL": "530 5.7.0 Authentication required"})) as refuses,
        Post(state) as post,
    ):
        hubs = Hubs()
        hubs.join(post, configuration(server(refuses.port)), hands_on=False)
        await post.emit("mail")
        await post.until(lambda: bool(post.holds))
        await post.outbound.membership.hand_on()
        hubs.answering.clear()
        await post.emit("a", "b")
        await until(post, lambda: hubs.asked == 2)
        counted = await post.outbound.count_waiting()
        assert (counted.waiting, counted.held) == (2, 1)
        hubs.answering.set()
        await post.until_ended(2)
        assert sorted(hubs.taken) == ["a", "b"]
        assert (await post.history("mail"))["outcome"] == "held"


# -- by itself


async def test_what_nobody_takes_is_mailed_from_here_once(
    state: Path, decent: ScriptedServer
) -> None:
    async with Post(state) as post:
        hubs = Hubs()
        hubs.join(post, configuration(server(decent.port)))
        hubs.reachable = False
        await post.emit(*ids(250))
        await until(post, lambda: hubs.changes == ["down"])
        assert not post.ended
        await post.outbound.membership.mail_by_itself()
        await post.emit(*ids(50, "m"))
        await post.until_ended(300)
        assert Counter(mails(decent)) == Counter([*ids(250), *ids(50, "m")])
        assert not hubs.taken
        assert await waiting(post) == 0
        await assert_settled(post)


async def test_what_was_under_way_is_mailed_when_it_comes_back(
    state: Path, decent: ScriptedServer
) -> None:
    async with Post(state) as post:
        hubs = Hubs()
        hubs.join(post, configuration(server(decent.port)))
        hubs.answering.clear()
        await post.emit(*ids(40))
        await until(post, lambda: hubs.asked == 8)
        under_way = len(post.outbound.ways.sending)
        await post.outbound.membership.mail_by_itself()
        await post.until_ended(40 - under_way)
        assert await waiting(post) == under_way
        hubs.reachable = False
        hubs.answering.set()
        await post.until_ended(40)
        assert Counter(mails(decent)) == Counter(ids(40))
        await assert_settled(post)


async def test_what_was_under_way_and_is_taken_all_the_same_is_not_mailed(
    state: Path, decent: ScriptedServer
) -> None:
    async with Post(state) as post:
        hubs = Hubs()
        hubs.join(post, configuration(server(decent.port)))
        hubs.answering.clear()
        await post.emit(*ids(20))
        await until(post, lambda: hubs.asked == 8)
        under_way = len(post.outbound.ways.sending)
        await post.outbound.membership.mail_by_itself()
        hubs.answering.set()
        await post.until_ended(20)
        assert 8 <= len(hubs.taken) == under_way
        assert Counter([*mails(decent), *hubs.taken]) == Counter(ids(20))
        await assert_settled(post)


async def test_what_waits_is_mailed_by_the_limit_as_what_comes_in(
    state: Path, decent: ScriptedServer
) -> None:
    async with Post(state) as post:
        hubs = Hubs()
        limited = RouteDefaults(group_by=("type",), group_wait=0.0, group_interval=3600.0)
        hubs.join(post, configuration(server(decent.port), route_defaults=limited))
        hubs.reachable = False
        await post.emit(*ids(150))
        await until(post, lambda: hubs.changes == ["down"])
        await post.outbound.membership.mail_by_itself()
        await post.until(lambda: len(decent.peers) > 0)
        await post.routed()
        assert len(mails(decent)) <= 2
        assert await waiting(post) == 0
        await assert_settled(post)


async def test_who_heard_of_a_problem_from_here_hears_of_its_end_from_here(
    state: Path, decent: ScriptedServer
) -> None:
    async with Post(state) as post:
        hubs = Hubs()
        hubs.join(post, configuration(server(decent.port)), hands_on=False)
        await post.emit("bad", key="disk", status="problem")
        await post.emit("job", kind="job.failed", job="nightly")
        await post.until_ended(2)
        await post.outbound.membership.hand_on()
        await post.emit("worse", key="disk", status="problem")
        await post.emit("good", key="disk", status="ok")
        await post.emit("done", kind="job.succeeded", job="nightly")
        await post.emit("other", key="cpu", status="ok")
        await post.until_ended(6)
        await until(post, lambda: len(mails(decent)) == 4)
        assert sorted(mails(decent)) == ["bad", "done", "good", "job"]
        assert sorted(hubs.taken) == ["done", "good", "other", "worse"]
        assert not post.router.state.problems
        await assert_settled(post)


async def test_the_hubs_hear_of_the_end_of_what_they_told_of(
    state: Path, decent: ScriptedServer
) -> None:
    """An end that is said while the member mails by itself, and one that waited when that began.
    Else the next report of the same would be counted by the hubs, and nobody told."""
    async with Post(state) as post:
        hubs, membership = Hubs(), post.outbound.membership
        hubs.join(post, configuration(server(decent.port), queue=QUICK))
        await post.emit("bad", key="disk", status="problem")
        await post.emit("worse", key="cpu", status="problem")
        await post.emit("failed", kind="job.failed", job="nightly")
        await post.until_ended(3)
        hubs.reachable = False
        await post.emit("good", key="disk", status="ok")
        await until(post, lambda: hubs.asked >= 4 and not post.outbound.ways.sending)
        await membership.mail_by_itself()
        await post.emit("better", key="cpu", status="ok")
        await post.emit("still better", key="cpu", status="ok")  # once is enough
        await post.emit("done", kind="job.succeeded", job="nightly")
        await post.emit("mailed")
        await post.until_ended(5)
        await membership.upkeep()
        assert mails(decent) == ["mailed"]
        assert await waiting(post) == 3
        hubs.reachable = True
        await membership.hand_on()
        post.outbound.ways.retry_servers()
        await post.until_ended(8)
        assert sorted(hubs.taken[3:]) == ["better", "done", "good"]
        assert mails(decent) == ["mailed"]
        await assert_settled(post)


async def test_an_end_that_is_told_from_here_reaches_the_hubs_too(
    state: Path, decent: ScriptedServer
) -> None:
    async with Post(state) as post:
        hubs, membership = Hubs(), post.outbound.membership
        hubs.join(post, configuration(server(decent.port)))
        hubs.reachable = False
        await post.emit("bad", key="disk", status="problem")
        await post.emit("good", key="disk", status="ok")
        await until(post, lambda: hubs.changes == ["down"])
        await membership.mail_by_itself()
        await until(post, lambda: sorted(mails(decent)) == ["bad", "good"])
        assert await waiting(post) == 1
        hubs.reachable = True
        await membership.hand_on()
        post.outbound.ways.retry_servers()
        await post.until_ended(2)
        assert hubs.taken == ["good"]
        await assert_settled(post)


async def test_an_end_that_only_hubs_could_make_something_of_ends_with_the_fleet(
    state: Path,
) -> None:
    async with Post(state) as post:
        hubs, membership = Hubs(), post.outbound.membership
        hubs.join(post, configuration(server(9)), hands_on=False)
        await post.emit("good", key="disk", status="ok")
        await post.routed()
        assert await waiting(post) == 1
        membership.leave()
        await post.mend(subject_prefix="[alone]")
        await membership.upkeep()
        await post.until_ended(1)
        assert await waiting(post) == 0
        assert not hubs.taken
        await assert_settled(post)


async def test_a_member_watches_no_jobs(state: Path) -> None:
    jobs = {"nightly": Job(every=60.0, grace=1.0)}
    async with Post(state) as post:
        hubs = Hubs()
        hubs.join(post, configuration(server(9), jobs=jobs))
        maker, state_ = post.router.maker, post.router.state
        assert maker is not None
        assert state_.stands_by
        reconsider(maker.table, state_, post.clock())
        assert not due(maker.table, state_, post.clock() + 3600)
        assert not remembered_documents.jobs(state_, maker.table, post.clock())
        post.outbound.membership.leave()
        assert due(maker.table, state_, post.clock() + 7200)


async def test_what_alone_is_refused_is_mailed_from_here(
    state: Path, decent: ScriptedServer
) -> None:
    async with Post(state) as post:
        hubs = Hubs()
        hubs.join(post, configuration(server(decent.port), queue=PATIENT))
        hubs.refuses = "fleet_too_big"
        await post.emit("big")
        await until(post, lambda: hubs.asked == 1)
        hubs.refuses = None
        await post.emit("small")
        await post.until_ended(1)
        membership = post.outbound.membership
        assert await membership.mail_what_is_refused(post.queue_time() - 3600) == 0
        assert await membership.mail_what_is_refused(post.queue_time()) == 1
        await post.until_ended(2)
        assert hubs.taken == ["small"]
        assert mails(decent) == ["big"]
        assert membership.hands_on
        await assert_settled(post)


async def test_a_refusal_is_tried_again_and_told_of_in_history(state: Path) -> None:
    async with Post(state) as post:
        hubs = Hubs()
        hubs.join(post, configuration(server(9), queue=QUICK))
        hubs.refuses = "fleet"
        await post.emit("e")
        await until(post, lambda: hubs.asked >= 3)
        hubs.refuses = None
        await post.until_ended(1)
        attempts = await post.attempts("e")
        assert attempts[0] == "deferred"
        assert attempts[-1] == "delivered"
        assert post.outbound.holds.queue is None


# -- other configurations, and restarts


async def test_what_waits_is_mailed_when_the_fleet_is_left(
    state: Path, decent: ScriptedServer
) -> None:
    async with Post(state) as post:
        hubs = Hubs()
        hubs.join(post, configuration(server(decent.port)))
        hubs.reachable = False
        await post.emit(*ids(30))
        await until(post, lambda: hubs.changes == ["down"])
        post.outbound.membership.leave()
        await post.mend(subject_prefix="[x]")
        await post.until_ended(30)
        assert Counter(mails(decent)) == Counter(ids(30))
        await assert_settled(post)


async def test_mail_that_waits_stays_mail_when_the_fleet_is_joined(
    state: Path, decent: ScriptedServer
) -> None:
    with refusing() as closed:
        async with Post(state, configuration(server(closed.getsockname()[1]))) as post:
            await post.emit(*ids(10))
            await post.until(lambda: bool(post.servers_changed))
            hubs = Hubs()
            membership = post.outbound.membership
            membership.join(Fleet(), hubs.transport, hubs.changed, hands_on=True)
            await post.mend(mail_server=server(decent.port))
            await post.emit("new")
            await post.until_ended(11)
            assert Counter(mails(decent)) == Counter(ids(10))
            assert hubs.taken == ["new"]


async def test_what_waits_is_handed_on_by_a_changed_configuration(state: Path) -> None:
    async with Post(state) as post:
        hubs = Hubs()
        hubs.join(post, configuration(server(9)))
        hubs.reachable = False
        await post.emit(*ids(30))
        await until(post, lambda: hubs.changes == ["down"])
        hubs.reachable = True
        await post.mend(subject_prefix="[x]")
        await post.until_ended(30)
        assert Counter(hubs.taken) == Counter(ids(30))
        await assert_settled(post)


async def test_what_waits_is_handed_on_after_a_restart(state: Path) -> None:
    hubs = Hubs()
    hubs.reachable = False
    async with Post(state) as post:
        hubs.join(post, configuration(server(9)))
        await post.emit(*ids(600))
        await until(post, lambda: hubs.changes == ["down"])
    hubs.reachable = True
    async with Post(state) as post:
        hubs.join(post, configuration(server(9)))
        await post.until_ended(600)
        assert Counter(hubs.taken) == Counter(ids(600))
        await assert_settled(post)


async def test_what_waits_is_mailed_after_a_restart_as_no_member(
    state: Path, decent: ScriptedServer
) -> None:
    hubs = Hubs()
    hubs.reachable = False
    async with Post(state) as post:
        hubs.join(post, configuration(server(decent.port)))
        await post.emit(*ids(30))
        await until(post, lambda: hubs.changes == ["down"])
    async with Post(state, configuration(server(decent.port))) as post:
        await post.until_ended(30)
        assert Counter(mails(decent)) == Counter(ids(30))
        await assert_settled(post)


async def test_what_waits_can_be_retried_and_deleted_by_hand(state: Path) -> None:
    async with Post(state) as post:
        hubs = Hubs()
        hubs.join(post, configuration(server(9), queue=PATIENT))
        hubs.refuses = "fleet_too_big"
        await post.emit("a", "b")
        await until(post, lambda: hubs.asked == 2)
        hubs.refuses = None
        way = post.outbound.ways.fleet
        assert way is not None
        await until(post, lambda: not way.active_queue.sending)
        changed = await post.delete(["a"])
        assert changed.deliveries == 1
        changed = await post.queue_admin.retry(["b"])
        assert changed.deliveries == 1
        await post.until_ended(2)
        assert hubs.taken == ["b"]
        await assert_settled(post)


async def test_a_sink_of_no_kin_gets_what_nobody_took(state: Path) -> None:
    with Sink() as sink:
        async with Post(state) as post:
            hubs = Hubs()
            hubs.join(post, configuration(server(sink.port)))
            hubs.reachable = False
            await post.emit("e", message="text")
            await until(post, lambda: hubs.changes == ["down"])
            await post.outbound.membership.mail_by_itself()
            await post.arrived(sink, 1)
