"""By two routes, each in any way and with any limit, and whatever is changed, retried and restarted
meanwhile: each event is told once to somebody of each route, or to who is there in their place, and
to nobody twice.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from tests.property.test_conservation import World, until_all_have_ended
from tests.property.test_routing_on_disk import settled
from tests.support.delivery import Post
from tests.support.routes import routed
from tests.support.scripted_server import Answer, ScriptedServer

ADMIN, OF_ONE, OF_TWO = "a@x.example", "bcf", "deg"
WAYS = st.sampled_from(
    [
        "",
        "group_by: [type], group_wait: 30s, group_interval: 5m",
        "group_by: [severity], group_wait: 0s, group_interval: 10m",
        'digest: "*/20 * * * *"',
        "active_time: odd",
        "active_time: odd, group_by: [type], group_wait: 1m",
    ]
)
LIMITS = st.sampled_from(["", "max_mails: 1/h", "max_mails: 2/m", "max_mails: null"])


def addresses(names: str) -> set[str]:
    return {f"{name}@x.example" for name in names}


@st.composite
def tables(draw: st.DrawFn) -> str:
    def route(order: int, names: str, more: str) -> str:
        to = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        told = ", ".join(f"{name}@x.example" for name in to)
        keys = [f"order: {order}", f"to: [{told}]", more, draw(WAYS), draw(LIMITS)]
        return "{" + ", ".join(filter(None, keys)) + "}"

    return f"""
queue: {{retry_first: 1s, retry_max: 1s}}
route_defaults: {{max_mails: {draw(st.sampled_from(["1/h", "3/h", "null", "1/m"]))}}}
times: {{odd: {{days: mon-sun, hours: "00:00-12:00", timezone: UTC}}}}
routes:
  one: {route(1, OF_ONE, "continue: true")}
  two: {route(2, OF_TWO, "")}
"""


emits = st.tuples(
    st.just("emit"),
    st.integers(1, 4),
    st.sampled_from(["p", "q"]),
    st.sampled_from(["info", "err", "crit"]),
)
refusals: list[dict[str, Answer]] = [
    {}, {}, {"RCPT b": "450 4.2.1 later"}, {"RCPT d": "450 4.2.1 later"},
    {"RCPT": "450 4.2.1 later"}, {"CONTENT": "451 4.3.0 later"}, {"RCPT b": "550 5.1.1 unknown"},
]  # fmt: skip
steps = st.one_of(
    emits,
    emits,
    st.tuples(st.just("answer"), st.just(0), st.sampled_from(refusals)),
    st.tuples(st.just("change"), tables()),
    st.tuples(st.just("change"), tables()),
    st.tuples(st.just("restart with"), tables()),
    st.tuples(st.just("restart")),
    st.tuples(st.just("retry")),
    st.tuples(st.just("retry one"), st.integers(0, 8)),
    st.tuples(st.just("pass"), st.sampled_from([0.0, 10.0, 61.0, 1300.0, 3700.0, 40_000.0])),
)


async def live(world: World, table: str, script: list[tuple[Any, ...]]) -> None:
    async with ScriptedServer(world.script(0)) as server:
        remaining = [*script, ("restart",)]
        while remaining:
            post = Post(world.directory, routed(server.port, table))
            post.ahead = world.ahead
            async with post:
                while remaining and (step := remaining.pop(0)):
                    match step:
                        case ("restart",):
                            break
                        case ("restart with", changed):
                            remaining.insert(0, ("change", changed))
                            break
                        case ("change", changed):
                            table = changed
                            await post.outbound.remake(routed(server.port, table))
                            post.configure(routed(server.port, table))
                        case ("emit", number, kind, severity):
                            new = [f"e{len(world.emitted) + n}" for n in range(number)]
                            await post.emit(*new, kind=kind, severity=severity)
                            world.emitted += new
                        case ("pass", seconds):
                            post.serve(seconds)
                            await settled(post)
                        case _:
                            await world.do(post, step)
                world.ahead = post.ahead
        world.answers[0].clear()
        post = Post(world.directory, routed(server.port, table))
        post.ahead = world.ahead
        async with post:
            await post.queue_admin.retry()
            for _ in range(30):
                post.serve(4000.0)
                await settled(post)
            await until_all_have_ended(post)
            await check(world, post)


async def check(world: World, post: Post) -> None:
    unknown = await post.writer.submit(
        lambda db: db.execute("SELECT count(*) FROM attempts WHERE outcome = 'unknown'").get
    )
    assert unknown or not {which for which, times in world.arrived.items() if times > 1}
    for event in world.emitted:
        document = await post.history(event)
        assert document["outcome"] == "delivered", document
        told = {d["recipient"] for d in document["deliveries"] if d["outcome"] == "delivered"}
        for names in (OF_ONE, OF_TWO):
            assert told & {ADMIN, *addresses(names)}, document


@given(tables(), emits, st.lists(steps, max_size=12))
def test_each_event_is_told_once_by_each_of_its_routes(
    table: str, first: tuple[Any, ...], script: list[tuple[Any, ...]]
) -> None:
    with tempfile.TemporaryDirectory(prefix="zaiond-by-routes-") as directory:
        asyncio.run(live(World(Path(directory, "state")), table, [first, *script]))
