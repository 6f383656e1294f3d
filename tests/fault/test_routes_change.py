"""The configuration changes while mails wait: who is a recipient now gets each, by the routes of
now, and nobody twice.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.delivery import SOON, Post
from tests.support.routes import routed
from tests.support.sink import Mail, Sink
from tests.support.store import recount
from zaiond.config.schema import Config
from zaiond.store import events

NO_LIMIT = "route_defaults: {max_mails: null}\n"
TWO = (
    NO_LIMIT
    + """
routes:
  first: {order: 1, match: {type: "a.*"}, continue: true, to: [b@x.example], language: ja}
  second: {order: 2, match: {type: "a.*"}, to: [c@x.example]}
"""
)
GROUPED = (
    NO_LIMIT
    + """
routes:
  together: {match: {type: "a.*"}, group_wait: 30s, to: [b@x.example, d@x.example]}
"""
)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


def got(mails: list[Mail]) -> list[tuple[str, tuple[str, ...]]]:
    """Who got which events, once for each mail."""
    return sorted((one, tuple(sorted(mail.event_ids))) for mail in mails for one in mail.recipients)


async def change(post: Post, config: Config) -> None:
    """Puts another configuration in force, as the daemon does it."""
    await post.outbound.remake(config)
    post.configure(config)


async def waiting(post: Post, sink: Sink, *ids: str) -> None:
    """Events whose mails are made and wait, since nobody takes them."""
    sink.stop()
    await post.emit(*ids)
    await post.routed()
    await post.unconnected()


async def assert_counted(post: Post) -> None:
    await post.settled()
    assert await post.writer.submit(events.usage) == await post.writer.submit(recount) == {}


async def none_is_to_come(post: Post) -> None:
    """Waits until every mail to come is made."""
    async with asyncio.timeout(SOON):
        while True:
            async with post.router.lock:  # what is decided is on disk
                if not any(group.is_pending for group in post.router.state.groups.values()):
                    return
            await post.a_moment()


async def test_each_route_that_told_tells_who_is_a_recipient_of_it_now(
    state: Path, sink: Sink
) -> None:
    async with Post(state, routed(sink.port, TWO)) as post:
        await waiting(post, sink, "1")
        sink.start()
        await change(post, routed(sink.port, TWO.replace("c@x.example", "e@x.example")))
        await post.arrived(sink, 2)
        await assert_counted(post)
    assert got(sink.mails) == [("b@x.example", ("1",)), ("e@x.example", ("1",))]
    assert ["管理者各位" in mail.body for mail in sink.mails if "b@" in mail.recipients[0]] == [
        True
    ]


async def test_what_a_route_has_delivered_comes_not_again_when_another_s_is_made_anew(
    state: Path, sink: Sink
) -> None:
    sink.refuse["c@x.example"] = "450 4.2.1 later"
    async with Post(state, routed(sink.port, TWO)) as post:
        await post.emit("1")
        await post.arrived(sink, 1)
        await post.until(lambda: ("1", "c@x.example", "deferred") in post.outcomes)
        await post.settled()
        sink.refuse.clear()
        await change(post, routed(sink.port, TWO.replace("language: ja", "language: en")))
        await post.arrived(sink, 2)
        await assert_counted(post)
    assert got(sink.mails) == [("b@x.example", ("1",)), ("c@x.example", ("1",))]


async def test_where_the_routes_are_gone_the_admins_get_it_once(state: Path, sink: Sink) -> None:
    async with Post(state, routed(sink.port, TWO)) as post:
        await waiting(post, sink, "1")
        sink.start()
        await change(post, routed(sink.port, NO_LIMIT))
        await post.arrived(sink, 1)
        await assert_counted(post)
    assert got(sink.mails) == [("a@x.example", ("1",))]


async def test_where_a_route_tells_nobody_now_what_waits_goes_to_the_admins(
    state: Path, sink: Sink
) -> None:
    async with Post(state, routed(sink.port, GROUPED.replace("group_wait: 30s, ", ""))) as post:
        await waiting(post, sink, "1")
        sink.start()
        nobody = NO_LIMIT + "routes: {together: {to: []}}\n"
        await change(post, routed(sink.port, nobody))
        await post.arrived(sink, 1)
        await assert_counted(post)
    assert got(sink.mails) == [("a@x.example", ("1",))]


async def test_a_mail_of_a_group_is_made_anew_of_its_events(state: Path, sink: Sink) -> None:
    sink.refuse["d@x.example"] = "450 4.2.1 later"
    async with Post(state, routed(sink.port, GROUPED)) as post:
        await post.emit("1", "2", "3")
        await post.routed()
        post.serve(31)
        await post.arrived(sink, 1)
        await post.until(lambda: ("1", "d@x.example", "deferred") in post.outcomes)
        await post.settled()
        changed = GROUPED.replace("d@x.example]", "e@x.example], language: ja")
        await change(post, routed(sink.port, changed))
        await post.arrived(sink, 2)
        await assert_counted(post)
        document = await post.history("2")
        assert {one["recipient"]: one["outcome"] for one in document["deliveries"]} == {
            "b@x.example": "delivered", "d@x.example": "replaced", "e@x.example": "delivered",
        }  # fmt: skip
        (routing,) = document["routing"]
        assert (routing["route"], routing["kind"]) == ("together", "grouped")
    three = ("1", "2", "3")
    assert got(sink.mails) == [("b@x.example", three), ("e@x.example", three)]
    assert "3" in sink.mails[1].subject
    assert "管理者各位" in sink.mails[1].body


async def test_a_mail_to_come_goes_to_who_is_a_recipient_when_it_is_made(
    state: Path, sink: Sink
) -> None:
    async with Post(state, routed(sink.port, GROUPED)) as post:
        await post.emit("1", "2")
        await post.routed()
        await change(post, routed(sink.port, GROUPED.replace("d@x.example", "e@x.example")))
        await post.emit("3")
        await post.routed()
        post.serve(31)
        await post.arrived(sink, 1)
        await assert_counted(post)
    three = ("1", "2", "3")
    assert got(sink.mails) == [("b@x.example", three), ("e@x.example", three)]


async def test_an_address_beyond_ascii_gets_the_same_in_a_mail_of_its_own(
    state: Path, sink: Sink
) -> None:
    routes = GROUPED.replace("d@x.example", "dö@x.example")
    sink.options["enable_SMTPUTF8"] = True
    sink.stop()
    sink.start()
    async with Post(state, routed(sink.port, routes)) as post:
        await post.emit("1", "2")
        await post.routed()
        sink.stop()
        post.serve(31)
        await post.until(lambda: bool(post.released_usage))
        await post.unconnected()
        await change(post, routed(sink.port, routes))  # each is made anew as what it is
        sink.start()
        await post.queue_admin.retry()
        await post.arrived(sink, 2)
        await assert_counted(post)
    assert got(sink.mails) == [("b@x.example", ("1", "2")), ("dö@x.example", ("1", "2"))]


async def test_what_has_expired_of_a_group_goes_out_again_by_hand(state: Path, sink: Sink) -> None:
    async with Post(state, routed(sink.port, GROUPED)) as post:
        await post.emit("1", "2")
        await post.routed()
        sink.stop()
        post.serve(31)
        await post.until(lambda: bool(post.released_usage))
        await post.unconnected()
        assert post.config is not None
        post.serve(post.config.queue.expire + 7200)
        await post.housekeeping._expire(post.config.queue)
        assert (await post.history("1"))["outcome"] == "expired"
        sink.start()
        assert (await post.queue_admin.retry(["2"])).deliveries == 2
        await post.arrived(sink, 1)
        await assert_counted(post)
    assert got(sink.mails) == [("b@x.example", ("1", "2")), ("d@x.example", ("1", "2"))]


async def test_who_takes_the_place_of_others_gets_what_was_held_for_one_of_them_once(
    state: Path, sink: Sink
) -> None:
    limit = "route_defaults: {max_mails: 1/h, to: [b@x.example, d@x.example]}"
    async with Post(state, routed(sink.port, limit)) as post:
        only_d = limit.replace("b@x.example, ", "")
        await change(post, routed(sink.port, only_d))
        await post.emit("first")  # now d has had all that he gets
        await post.arrived(sink, 1)
        await change(post, routed(sink.port, limit))
        await waiting(post, sink, "1")
        assert set(await post.states("1")) == {"b@x.example"}
        sink.start()
        await change(post, routed(sink.port, "route_defaults: {max_mails: null}"))
        await post.arrived(sink, 2)
        await assert_counted(post)
    assert got(sink.mails) == [("a@x.example", ("1",)), ("d@x.example", ("first",))]


BOTH = "route_defaults: {max_mails: 1/h, to: [b@x.example, d@x.example]}"


@pytest.mark.parametrize(
    ("now", "gets"),
    [("to: [d@x.example], ", "d@x.example"), ("to: [e@x.example], ", "e@x.example")],
)
async def test_what_was_held_for_somebody_who_is_gone_comes_once_to_who_is_left(
    state: Path, sink: Sink, now: str, gets: str
) -> None:
    async with Post(state, routed(sink.port, BOTH)) as post:
        await post.emit("first")
        await post.arrived(sink, 1)
        await post.emit("1", "2")  # held for both
        await post.routed()
        await change(post, routed(sink.port, f"route_defaults: {{{now}max_mails: null}}"))
        await post.arrived(sink, 2)
        await post.emit("last")  # what comes behind all that was to come
        await post.arrived(sink, 3)
        await assert_counted(post)
    held = [(to, ids) for to, ids in got(sink.mails) if "1" in ids]
    assert [to for to, _ in held] == [gets]
    assert {"1", "2"} <= set(held[0][1])


async def test_what_a_route_held_for_somebody_who_is_gone_goes_to_its_recipients_now(
    state: Path, sink: Sink
) -> None:
    limited = "routes: {one: {match: {type: '*'}, to: [b@x.example, d@x.example], max_mails: 1/h}}"
    async with Post(state, routed(sink.port, limited)) as post:
        await post.emit("first")
        await post.arrived(sink, 1)
        await post.emit("1", "2")  # held for both
        await post.routed()
        await change(post, routed(sink.port, limited.replace("[b@x.example, d@", "[e@")))
        post.serve(3700)
        await none_is_to_come(post)
        await assert_counted(post)
    assert [to for to, ids in got(sink.mails) if {"1", "2"} <= set(ids)] == ["e@x.example"]


@pytest.mark.parametrize(
    ("limit", "gets"), [("", "a@x.example"), (", max_mails: 1/h", "e@x.example")]
)
async def test_what_was_held_for_somebody_who_is_gone_is_told_though_another_route_tells_others(
    state: Path, sink: Sink, limit: str, gets: str
) -> None:
    limited = f"""
route_defaults: {{max_mails: 1/h}}
routes:
  one: {{order: 1, continue: true, to: [b@x.example]}}
  two: {{order: 2, to: [d@x.example]{limit}}}
"""
    async with Post(state, routed(sink.port, limited)) as post:
        await post.emit("first")
        await post.arrived(sink, 2)
        await post.emit("1")  # held for both
        await post.routed()
        await change(post, routed(sink.port, limited.replace("d@x", "e@x")))
        post.serve(3700)
        await none_is_to_come(post)
        await assert_counted(post)
    assert sorted(to for to, ids in got(sink.mails) if "1" in ids) == sorted([gets, "b@x.example"])


async def test_what_was_held_for_several_who_are_gone_is_sent_by_hand_once(
    state: Path, sink: Sink
) -> None:
    async with Post(state, routed(sink.port, BOTH)) as post:
        await post.emit("first")
        await post.arrived(sink, 1)
        await post.emit("1", "2")  # held for both
        await post.routed()
        await change(post, routed(sink.port, BOTH.replace("[b@x.example, d@", "[e@")))
        await post.queue_admin.retry(["1", "2"])
        await assert_counted(post)
    assert [to for to, ids in got(sink.mails) if {"1", "2"} <= set(ids)] == ["e@x.example"]


@pytest.mark.parametrize("now", ["[e@", "[d@x.example, e@"])
async def test_mails_of_what_was_held_that_wait_reach_who_is_there_now_once(
    state: Path, sink: Sink, now: str
) -> None:
    async with Post(state, routed(sink.port, BOTH)) as post:
        await post.emit("first")
        await post.arrived(sink, 1)
        await post.emit("1", "2")  # held for both
        await post.routed()
        sink.stop()
        post.serve(3700)
        await none_is_to_come(post)
        await post.unconnected()
        assert set(await post.states("1")) == {"b@x.example", "d@x.example"}
        sink.start()
        changed = BOTH.replace("[b@x.example, d@", now)
        await change(post, routed(sink.port, changed))
        await post.queue_admin.retry()
        await post.arrived(sink, 2)
        await assert_counted(post)
    gets = "e@x.example" if now == "[e@" else "d@x.example"
    assert [to for to, ids in got(sink.mails) if ids != ("first",)] == [gets]


async def test_what_one_got_and_was_held_for_another_who_is_gone_comes_not_again(
    state: Path, sink: Sink
) -> None:
    async with Post(state, routed(sink.port, BOTH.replace(", d@x.example", ""))) as post:
        await post.emit("first")
        await post.arrived(sink, 1)
        await change(post, routed(sink.port, BOTH))
        await post.emit("1")  # held for b alone
        await post.arrived(sink, 2)
        only_d = "route_defaults: {to: [d@x.example], max_mails: null}"
        await change(post, routed(sink.port, only_d))
        await post.emit("last")
        await post.arrived(sink, 3)
        await assert_counted(post)
        assert (await post.history("1"))["outcome"] == "delivered"
    assert got(sink.mails) == [
        ("b@x.example", ("first",)), ("d@x.example", ("1",)), ("d@x.example", ("last",)),
    ]  # fmt: skip


OVER_IN_A_GROUP = """
route_defaults: {max_mails: 1/h}
routes:
  other: {order: 1, match: {type: "x.*"}, to: [d@x.example]}
  together: {order: 2, match: {type: "a.*"}, group_wait: 30s, to: [b@x.example, d@x.example]}
"""


@pytest.mark.parametrize(
    ("to", "get_it"), [("[d@x.example, e@x.example]", "de"), ("[d@x.example]", "d"),
                       ("[b@x.example, d@x.example, e@x.example]", "bde")],
)  # fmt: skip
async def test_a_mail_of_a_group_that_some_may_not_get_yet_reaches_each_who_is_a_recipient_now_once(
    state: Path, sink: Sink, to: str, get_it: str
) -> None:
    async with Post(state, routed(sink.port, OVER_IN_A_GROUP)) as post:
        await post.emit("first", kind="x.y")  # now d has had all that he gets
        await post.arrived(sink, 1)
        sink.stop()
        await post.emit("1", "2")
        await post.routed()
        post.serve(31)
        async with asyncio.timeout(SOON):
            while not await post.states("1"):  # to b; what d gets is held
                await post.a_moment()
        await post.unconnected()
        sink.start()
        changed = OVER_IN_A_GROUP.replace("[b@x.example, d@x.example]", to)
        await change(post, routed(sink.port, changed))
        post.serve(3700)
        await none_is_to_come(post)
        await assert_counted(post)
    assert sorted(one for one, ids in got(sink.mails) if "1" in ids) == [
        f"{name}@x.example" for name in get_it
    ]
