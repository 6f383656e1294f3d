"""One thing that routing can't cope with does not stop the others: it is kept or told of, and the
journal says so once.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from tests.fault.test_due_together import due_is_done
from tests.support.delivery import Post
from tests.support.routes import routed
from tests.support.sink import Sink
from zaiond.routing.records import Problem

CONFIG = """
route_defaults: {max_mails: 60/h, repeat_interval: 1h}
routes:
  db: {match: {type: "db.*"}, group_by: [type], group_wait: 30s, to: [operator@x.example]}
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


def change(state: Path, kind: str, having: str, **values: Any) -> None:
    """What routing remembers of the one thing of this kind whose key has this text is as no version
    has written it.
    """
    with apsw.Connection(str(state / "queue.db")) as db:
        ((key, value),) = db.execute(
            "SELECT key, value FROM routing_state WHERE kind = ? AND instr(key, ?)", (kind, having)
        )
        changed = msgspec.json.encode({**msgspec.json.decode(value), **values})
        db.execute("UPDATE routing_state SET value = ? WHERE key = ?", (changed, key))


async def test_a_mail_to_come_that_routing_stumbles_over_goes_to_the_admins_and_others_as_ever(
    state: Path, sink: Sink
) -> None:
    config = routed(sink.port, CONFIG)
    async with Post(state, config) as post:
        await post.emit("1", "2", kind="db.bad")
        await post.emit("3", "4", kind="db.good")
        await post.routed()
    change(state, "group", "db.bad", routing={"route": "db"})  # of no kind
    async with Post(state, config) as post:
        post.serve(31)
        await due_is_done(post)
        assert [kind for kind, _, _ in post.stumbled] == ["group"]
        assert (await post.history("1"))["outcome"] == "delivered"
    found = sorted((mail.recipients[0], *sorted(mail.event_ids)) for mail in sink.mails)
    assert found == [("a@x.example", "1", "2"), ("operator@x.example", "3", "4")]


async def test_a_problem_that_routing_stumbles_over_is_kept_and_others_are_reminded_of(
    state: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def name_of(problem: Problem) -> str:
        return problem.key[problem.key.index("g") :]  # a bug

    monkeypatch.setattr("zaiond.routing.due.name_of", name_of)
    config = routed(sink.port, CONFIG)
    async with Post(state, config) as post:
        await post.emit("1", key="bad", status="problem", severity="err")
        await post.emit("2", key="good", status="problem", severity="err")
        await post.arrived(sink, 2)
        await post.settled()
        for number in range(2):
            post.serve(3601)
            await post.arrived(sink, 3 + number)
            await due_is_done(post)
        assert set(post.router.state.problems) == {"1000 bad", "1000 good"}
        assert [kind for kind, _, _ in post.stumbled] == ["problem"]
    assert [mail.event_ids for mail in sink.mails[2:]] == [("2",), ("2",)]


async def test_a_count_that_routing_stumbles_over_keeps_no_mail_back(
    state: Path, sink: Sink
) -> None:
    config = routed(sink.port, CONFIG)
    async with Post(state, config) as post:
        await post.emit("1")
        await post.emit("2", kind="db.a")
        await post.arrived(sink, 1)
    change(state, "sent", "a@x.example", window=0)
    async with Post(state, config) as post:
        await post.emit("3")
        post.serve(31)
        await post.arrived(sink, 3)
        assert {kind for kind, _, _ in post.stumbled} == {"sent"}
    assert sorted(mail.event_ids[0] for mail in sink.mails) == ["1", "2", "3"]
