"""Many mails to come that are due together: each transaction is whole by itself, so that a crash
between any two of them costs nothing, and none is told twice of the same.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from tests.support.delivery import Post
from tests.support.routes import routed
from tests.support.sink import Sink
from zaiond.delivery.group_mails import AT_ONCE
from zaiond.routing.records import Group
from zaiond.store import groups
from zaiond.store.writer import Writer

A, B = ADMINS = ["a@x.example", "b@x.example"]
MANY = """
route_defaults: {max_mails: null}
routes:
  by_type: {match: {type: "g.*"}, group_by: [type], group_wait: 30s, max_mails: 25/h}
"""
GROUPS = 60
OF_OTHERS = "SELECT message, event FROM message_events JOIN events ON seq = event WHERE notice = 0"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


def assert_whole(db: apsw.Connection) -> None:
    """What a crash would leave now: what is to come is remembered, and each event that is routed
    comes to each recipient once.
    """
    pending = {}
    for (value,) in db.execute("SELECT value FROM routing_state WHERE kind = 'group'"):
        group = msgspec.json.decode(value, type=Group)
        if group.is_pending:
            pending[group.message] = group.routing
    assert groups.to_come(db) == pending
    to: dict[int, list[str]] = {}
    for row, recipient in db.execute("SELECT message, recipient FROM deliveries"):
        to.setdefault(row, []).append(recipient)
    for row, routing in pending.items():
        to[row] = list(routing.recipients or ADMINS)
    told: dict[int, list[str]] = {}
    for row, event in db.execute(OF_OTHERS):
        told.setdefault(event, []).extend(to[row])
    assert all(sorted(recipients) == ADMINS for recipients in told.values())


def mails_made(db: apsw.Connection) -> int:
    return int(db.execute("SELECT count(*) FROM messages WHERE due IS NULL").get)


class Checked:
    """Looks at what each operation leaves, from `begin` on: no crash leaves anything else."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_on = False
        self.count = 0
        self.failures: list[AssertionError] = []
        self.most_mails = 0  # that were made in one of them
        submit = Writer.submit

        def submitted(writer: Writer, operation: Any, **more: Any) -> Any:
            return submit(writer, lambda db: self._run(operation, db), **more)

        monkeypatch.setattr(Writer, "submit", submitted)

    def _run(self, operation: Any, db: apsw.Connection) -> Any:
        changes = db.total_changes()
        before = mails_made(db)
        result = operation(db)
        self.most_mails = max(self.most_mails, mails_made(db) - before)
        if self.is_on and db.total_changes() > changes:
            self.count += 1
            try:
                assert_whole(db)
            except AssertionError as error:
                self.failures.append(error)
        return result


async def due_is_done(post: Post) -> None:
    async with asyncio.timeout(20):
        while True:
            async with post.router.lock:
                due = post.router.state.next_due()
                if due is None or due > post.clock():
                    break
            await post.a_moment()
    await post.settled()


async def emitted(post: Post) -> None:
    for number in range(GROUPS):
        await post.emit(f"{number}", f"{number}+", kind=f"g.{number}")
    await post.routed()


def came(sink: Sink) -> list[tuple[str, str]]:
    """Which event came to whom, as often as it came, but for the daemon's own."""
    found = [(id_, to) for mail in sink.mails for id_ in mail.event_ids for to in mail.recipients]
    return sorted(one for one in found if not one[0].startswith("zaiond."))


WANTED = sorted((f"{n}{end}", to) for n in range(GROUPS) for end in ("", "+") for to in ADMINS)


async def test_each_transaction_of_many_mails_that_are_due_together_is_whole(
    state: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = Checked(monkeypatch)
    async with Post(state, routed(sink.port, MANY, admins=f"{A}, {B}")) as post:
        await emitted(post)
        checked.is_on = True
        post.serve(31)
        await due_is_done(post)
        assert len(sink.mails) == 25  # and the rest is over max_mails
        post.serve(3700)
        await due_is_done(post)
    assert checked.count >= 5
    assert not checked.failures, checked.failures[0]
    assert came(sink) == WANTED


async def test_what_is_sent_by_hand_of_many_mails_to_come_is_made_some_at_a_time(
    state: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = Checked(monkeypatch)
    async with Post(state, routed(sink.port, MANY, admins=f"{A}, {B}")) as post:
        await emitted(post)
        checked.is_on = True
        ids = [f"{number}" for number in range(GROUPS)]
        assert (await post.queue_admin.retry(ids)).deliveries == 2 * GROUPS
        await post.settled()
    assert 0 < checked.most_mails <= AT_ONCE  # each may take a megabyte until it is on disk
    assert not checked.failures, checked.failures[0]
    assert came(sink) == WANTED


async def test_what_is_over_the_limit_when_its_mail_is_due_is_named_in_the_one_that_is_due_with_it(
    state: Path, sink: Sink
) -> None:
    config = routed(sink.port, MANY.replace("25/h", "1/h"))
    async with Post(state, config) as post:
        await post.emit("1", kind="g.1")
        await post.emit("2", "3", kind="g.2")
        await post.routed()
        post.serve(31)
        await due_is_done(post)
        (at,) = (g.due for g in post.router.state.groups.values() if g.kind == "suppressed")
        post.serve(at - post.clock() - 40)
        await post.emit("4", kind="g.4")
        await post.routed()
        post.serve(60)  # the machine slept: both are due
        await due_is_done(post)
        post.serve(3700)
        await due_is_done(post)
    assert sorted({id_ for id_, _ in came(sink)}) == ["1", "2", "3", "4"]
