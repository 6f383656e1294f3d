"""Whatever comes in, from whom, and whenever there is room: each event is routed once, mails of a
lane in the order of their events, and those of a user as he sent them, the urgent ones first.
"""

import asyncio
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import hypothesis.strategies as st
from hypothesis import given

from tests.support.delivery import Named, configuration, server
from tests.support.store import NOW, Store, event
from zaiond.delivery import memory, router
from zaiond.delivery.mail_maker import MailMaker
from zaiond.delivery.router import Router
from zaiond.errors import DiskFullError
from zaiond.model import QueuedMail, StoredEvent
from zaiond.store import events, queue
from zaiond.store.groups import Remembered
from zaiond.store.turns import Line, Turns
from zaiond.store.writer import Writer
from zaiond.text import Text

WHY = Text("理由", "why")

new = st.tuples(
    st.integers(1, 3),  # user
    st.booleans(),  # urgent
    st.sampled_from([None, None, "key k", "key l"]),
    st.sampled_from([0, 0, 0, 300]),  # bytes more
)
steps = st.one_of(
    st.tuples(st.just("come"), st.lists(new, min_size=1, max_size=25)),
    st.tuples(st.just("route"), st.integers(0, 30), st.integers(0, 6)),
    st.tuples(st.just("delete"), st.integers(1, 60)),
    st.tuples(st.just("full")),
    st.tuples(st.just("restart")),
)


class Room:
    """A dispatcher that has so much room, and keeps what it gets."""

    def __init__(self) -> None:
        self.capacity, self.little = 0, 0
        self.mails: list[QueuedMail] = []
        self.holds = SimpleNamespace(addresses=frozenset())

    @property
    def capacity_beyond(self) -> int:
        return self.capacity + 2 * self.little

    def capacity_of(self, line: Line) -> int:
        return max(self.capacity, self.little)

    def has_few(self, line: Line) -> bool:
        return self.capacity_of(line) > 0

    def announce(self, mails: list[QueuedMail]) -> None: ...

    async def add_new(self, mails: list[QueuedMail]) -> None:
        self.mails += mails


async def live(directory: Path, script: list[tuple[Any, ...]]) -> None:
    store, room = Store(directory), Room()
    writer = Writer(store.connection, asyncio.get_running_loop(), print, lambda: False)
    config = configuration(server(1))
    maker = MailMaker(config, lambda: "M", lambda uid: "", lambda *_: None)

    async def start() -> Router:
        started = Router(
            writer,
            cast(Any, room),
            cast(Any, SimpleNamespace(events_ended=lambda dropped: None)),
            await writer.submit(lambda db: queue.recover(db, 0.0)),
            Turns(
                await writer.submit(events.waiting_lines), await writer.submit(events.last_turns)
            ),
            Named(),
            lambda: NOW,
            lambda: 0.0,
            Remembered(),
        )
        started.maker = maker
        return started

    one, number, deleted = await start(), 0, set[int]()
    for step in [*script, ("restart",), ("route", 1000, 0)]:
        match step:
            case ("come", sent):
                batch = []
                for uid, urgent, lane, size in sent:
                    number += 1
                    more = f',"x":"{"x" * size}"'
                    batch.append(event(str(number), uid=uid, urgent=urgent, lane=lane, more=more))
                places = one.turns.give(batch)
                one.accepted(await writer.submit(lambda db: events.accept(db, batch, 0.0, places)))  # noqa: B023
            case ("route", most, little):
                room.capacity, room.little = most, little
                while await one._route_some():
                    if room.capacity < 1000:
                        break
            case ("delete", seq):
                if seq > one.routed_through:
                    gone = await writer.submit(lambda db: events.delete_unrouted(db, [seq], WHY))
                    one.deleted(gone)
                    deleted |= {event.seq for event in gone}
            case ("full",):
                room.capacity, room.little = 10, 3
                with patch.object(queue, "route", side_effect=DiskFullError(WHY)):
                    await one._route_some()
            case ("restart",):
                one = await start()
    assert not one.waiting
    left = await writer.submit(events.waiting_lines)
    await writer.close()
    store.database.closed_cleanly()
    assert not left
    check([mail.events[0] for mail in room.mails], set(range(1, number + 1)) - deleted)


def check(routed: list[StoredEvent], wanted: set[int]) -> None:
    assert Counter(one.seq for one in routed) == Counter(wanted)
    lines: dict[tuple[Any, ...], list[int]] = {}
    for one in routed:
        # Who has a lane may go ahead with an urgent one behind.
        line = (one.uid, one.lane) if one.lane else (one.uid, None, one.urgent)
        lines.setdefault(line, []).append(one.seq)
    for seqs in lines.values():
        assert seqs == sorted(seqs)


@given(st.lists(steps, max_size=30))
def test_each_event_is_routed_once_and_in_its_order(script: list[tuple[Any, ...]]) -> None:
    directory = Path(tempfile.mkdtemp(prefix="zaiond-router-"))
    few: Any = {
        "BATCH": 8, "BATCH_BYTES": 2000, "DISK_FULL_PAUSE": 0.0,
    }  # fmt: skip
    little: Any = {"KEPT_IN_MEMORY": 20, "KEPT_BYTES": 3000}
    try:
        with patch.multiple(router, **few), patch.multiple(memory, **little):
            asyncio.run(live(directory / "state", script))
    finally:
        shutil.rmtree(directory)
