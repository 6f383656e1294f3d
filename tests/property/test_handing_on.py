"""Whatever becomes of its hubs, of its configuration and of itself, a member loses no event: each
is exactly one of waiting, handed on and mailed, and in the end it is handed on or mailed, once.
"""

import asyncio
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import apsw
import hypothesis.strategies as st
from hypothesis import given

from tests.support.delivery import Post, configuration, mails, server
from tests.support.hubs import Fleet, Hubs
from tests.support.scripted_server import ScriptedServer, ordinary
from tests.support.store import recount
from tests.support.waiting import turns
from zaiond.config.schema import Queue
from zaiond.store import events

TIMING = Queue(retry_first=0.01, retry_max=0.02)
# Of each event: whether it waits to be routed, is to be handed on, was, is to be mailed, was.
PLACES = """
SELECT e.id, e.seq > coalesce((SELECT value FROM meta WHERE name = 'routed_through'), 0)
    AND e.seq NOT IN (SELECT seq FROM routed_early),
  count(*) FILTER (WHERE d.recipient = 'fleet:hubs' AND d.ended IS NULL),
  count(*) FILTER (WHERE d.recipient = 'fleet:hubs' AND d.state = 'delivered'),
  count(*) FILTER (WHERE d.recipient <> 'fleet:hubs' AND d.ended IS NULL),
  count(*) FILTER (WHERE d.recipient <> 'fleet:hubs' AND d.state = 'delivered')
FROM events AS e LEFT JOIN message_events AS m ON m.event = e.seq
  LEFT JOIN deliveries AS d ON d.message = m.message
GROUP BY e.seq
"""

steps = st.lists(
    st.one_of(
        st.tuples(st.just("emit"), st.integers(1, 8)),
        st.tuples(
            st.sampled_from(
                [
                    "unreachable", "refuse", "refuse one", "mend", "hang", "answer", "by itself",
                    "hand on", "refused", "another configuration", "leave", "join", "restart",
                    "turn",
                ]
            ),
            st.just(0),
        ),
    ),
    max_size=25,
)  # fmt: skip


class Member:
    """A daemon, and its hubs."""

    def __init__(self, state: Path, port: int) -> None:
        self._state, self._number = state, 0
        self.config = configuration(server(port), queue=TIMING)
        self.hubs = Hubs()
        self.emitted: list[str] = []

    async def open(self) -> None:
        self.post = await Post(self._state).__aenter__()
        self.hubs.join(self.post, self.config)

    async def close(self) -> None:
        self.hubs.answering.set()
        await self.post.__aexit__()

    async def do(self, what: str, number: int) -> None:
        hubs, membership = self.hubs, self.post.outbound.membership
        match what:
            case "emit":
                for _ in range(number):
                    self._number += 1
                    self.emitted.append(f"e{self._number}")
                    if self._number % 2:
                        await self.post.emit(self.emitted[-1], key=f"k{self._number % 3}")
                    else:
                        await self.post.emit(self.emitted[-1])
            case "unreachable":
                hubs.reachable = False
            case "refuse":
                hubs.refuses = "fleet"
            case "refuse one":
                hubs.refuses = "fleet_too_big"
            case "mend":
                hubs.reachable, hubs.refuses = True, None
            case "hang":
                hubs.answering.clear()
            case "answer":
                hubs.answering.set()
            case "by itself":
                await membership.mail_by_itself()
            case "hand on":
                if membership.transport is not None:
                    await membership.hand_on()
            case "refused":
                await membership.mail_what_is_refused(self.post.queue_time())
            case "another configuration":
                await self.post.mend(subject_prefix=f"[{self._number}]")
            case "leave":
                membership.leave()
                await self.post.mend(subject_prefix="[alone]")
            case "join":
                membership.join(Fleet(), hubs.transport, hubs.changed, hands_on=True)
                await self.post.mend(subject_prefix="[member]")
            case "restart":
                await self.close()
                await self.open()
            case "turn":
                for _ in range(20):
                    await self.post.writer.submit(lambda _: None)

    async def assert_each_is_in_one_place(self) -> None:
        found = await self.post.writer.submit(_places)
        assert [row[0] for row in found] == self.emitted
        wrong = [row for row in found if sum(row[1:]) != 1]
        assert not wrong, wrong
        usage, counted = await self.post.writer.submit(lambda db: (events.usage(db), recount(db)))
        assert usage == counted

    async def end(self) -> None:
        """All is well again: all goes out."""
        self.hubs.reachable, self.hubs.refuses = True, None
        self.hubs.answering.set()
        self.post.outbound.ways.retry_servers()
        async with asyncio.timeout(20):
            while await self.post.writer.submit(_open) or self.post.router.waiting:
                await turns(20)


def _places(db: apsw.Connection) -> list[Any]:
    return db.execute(PLACES).fetchall()


def _open(db: apsw.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM deliveries WHERE ended IS NULL").get)


@given(steps)
def test_a_member_loses_no_event_and_tells_none_twice(steps: list[tuple[str, int]]) -> None:
    async def run(directory: Path) -> None:
        async with ScriptedServer(ordinary()) as decent:
            member = Member(directory / "state", decent.port)
            await member.open()
            for step in steps:
                await member.do(*step)
                await member.assert_each_is_in_one_place()
            await member.end()
            await member.assert_each_is_in_one_place()
            await member.close()
            told = Counter([*member.hubs.taken, *mails(decent)])
            assert told == Counter(member.emitted)

    directory = Path(tempfile.mkdtemp())
    try:
        asyncio.run(run(directory))
    finally:
        shutil.rmtree(directory)
