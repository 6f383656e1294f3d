"""What routing decides is on disk as it was decided: whatever happens, each event is in a mail made
or to come, or has ended, and what is remembered is what is written.
"""

import asyncio
import socket
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import apsw
from hypothesis import given
from hypothesis import strategies as st

from tests.property.test_routing import routes
from tests.support.delivery import SOON, Post
from tests.support.routes import routed
from zaiond.config.schema import Config
from zaiond.model import SEVERITIES
from zaiond.routing.state import State

EVENT = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["a", "b", "job.started", "job.succeeded", "job.failed"]),
        "severity": st.sampled_from([*SEVERITIES, "err", "err"]),
        "of": st.sampled_from(
            [{}, {"key": "k", "status": "problem"}, {"key": "k", "status": "problem"},
             {"key": "k", "status": "problem"}, {"key": "k", "status": "ok"}, {"job": "j"}]
        ),
    }
)  # fmt: skip
STEP = st.one_of(
    st.tuples(st.just("emit"), st.lists(EVENT, min_size=1, max_size=6)),
    st.tuples(st.just("emit"), st.lists(EVENT, min_size=1, max_size=6)),
    st.tuples(st.just("serve"), st.sampled_from([61.0, 700.0, 4000.0, 90_000.0])),
    st.tuples(st.just("clock"), st.sampled_from([-90_000.0, -100.0, 4000.0])),
    st.tuples(st.just("mend"), st.integers(0, 2)),
    st.tuples(st.just("restart"), st.none()),
    st.tuples(st.sampled_from(["retry", "delete"]), st.integers(0, 9)),
)


async def settled(post: Post) -> None:
    """Waits until all is routed and what is due is done, and looks at what there is."""
    await post.routed()
    state = post.router.state
    async with asyncio.timeout(SOON):
        while True:
            due = state.next_due()
            async with post.router.lock:
                if (due is None or due > post.clock()) and not state.changes():
                    await check(post)
                    return
            post.outbound.scheduler.wake()
            await post.writer.submit(lambda _: None)


async def check(post: Post) -> None:
    def look(db: apsw.Connection) -> None:
        nowhere_or_twice = db.execute(
            "SELECT seq, outcome FROM events WHERE (outcome IS NULL) <>"
            " EXISTS (SELECT 1 FROM message_events WHERE event = seq)"
        ).fetchall()
        assert nowhere_or_twice == []
        assert not post.stumbled
        lost = "SELECT * FROM message_events WHERE message NOT IN (SELECT id FROM messages)"
        assert db.execute(lost).fetchall() == []
        undelivered = (
            "SELECT id FROM messages WHERE due IS NULL"
            " AND id NOT IN (SELECT message FROM deliveries)"
        )
        assert db.execute(undelivered).fetchall() == []
        to_come = {row for (row,) in db.execute("SELECT id FROM messages WHERE due IS NOT NULL")}
        groups = post.router.state.groups.values()
        assert to_come == {group.message for group in groups if group.is_pending}
        rows: Any = db.execute("SELECT kind, key, value FROM routing_state").fetchall()
        kept = State(rows, lambda: 0)
        assert not kept.unread
        for name in ("groups", "problems", "jobs", "silences", "sent"):
            assert getattr(kept, name) == getattr(post.router.state, name), name

    await post.writer.submit(look)


async def live(directory: Path, configs: list[Config], script: list[tuple[str, Any]]) -> None:
    ahead = 0.0
    number = 0
    config = configs[0]
    remaining = [*script, ("restart", None)]
    while remaining:
        post = Post(directory, config)
        post.ahead = ahead
        async with post:
            while remaining:
                what, how = remaining.pop(0)
                if what == "restart":
                    break
                if what == "emit":
                    for each in how:
                        kind, of = each["kind"], each["of"]
                        if kind.startswith("job.") and "job" not in of:
                            kind = "c"
                        await post.emit(f"e{number}", kind=kind, severity=each["severity"], **of)
                        number += 1
                elif what == "serve":
                    post.serve(how)
                elif what == "clock":
                    post.ahead += how
                elif what == "mend":
                    config = configs[how % len(configs)]
                    post.configure(config)
                elif number and what == "retry":
                    await settled(post)
                    await post.queue_admin.retry([f"e{how % number}"])
                elif number and what == "delete":
                    await settled(post)
                    await post.delete([f"e{how % number}"])
                await settled(post)
            ahead = post.ahead


@given(
    tables=st.lists(routes(), min_size=2, max_size=3),
    script=st.lists(STEP, min_size=1, max_size=12),
)
def test_what_is_decided_is_on_disk(tables: list[str], script: list[tuple[str, Any]]) -> None:
    with socket.socket() as nobody:  # no server answers at this port
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        configs = [routed(port, table) for table in tables]
        with TemporaryDirectory(prefix="zaiond-routing-") as directory:
            asyncio.run(live(Path(directory), configs, script))
