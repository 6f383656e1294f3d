"""To one recipient, mails of one key arrive in the order of their events, whatever is done to those
that wait meanwhile: by hand, by another configuration, by a probe.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from tests.support.delivery import PATIENT, SOON, Post, configuration, ids, server
from tests.support.scripted_server import Answer, Peer, ScriptedServer, ordinary, rcpt
from zaiond.config.schema import Config
from zaiond.delivery import active_queue, ledger
from zaiond.model import QueuedMail
from zaiond.store import lanes

LATER = "450 4.2.1 Later"
A, B = "a@x.example", "b@x.example"


class Moody:
    """A server that says `greeting`, `recipients` by address, and `content` when it may: what these
    are at the moment.
    """

    def __init__(self) -> None:
        self.greeting = "421 4.3.2 Not now"
        self.recipients: dict[str, Answer] = {}
        self.content = "250 2.0.0 Ok"
        self.has_content = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def _greet(self, peer: Peer) -> None:
        await peer.say(self.greeting)

    async def _take(self, peer: Peer) -> None:
        content = self.content
        self.has_content.set()
        await self.may_answer.wait()
        await peer.say(content)

    def server(self) -> ScriptedServer:
        answers = {"GREETING": self._greet, "RCPT": rcpt(self.recipients), "CONTENT": self._take}
        return ScriptedServer(ordinary(answers=answers))

    def comes_back(self, post: Post) -> None:
        self.greeting = "220 here"
        post.pool.retry_servers()


@pytest.fixture
def moody() -> Moody:
    return Moody()


def to(there: ScriptedServer, *admins: str) -> Config:
    return configuration(server(there.port), queue=PATIENT, admins=admins or (A,))


async def seen(post: Post, condition: Callable[[], bool]) -> None:
    """Waits until it is so, and nothing is under way to the disk."""
    async with asyncio.timeout(SOON):
        while not condition():
            await post.a_moment()
        for _ in range(3):
            await post.writer.submit(lambda _: None)


async def in_memory(post: Post, number: int) -> None:
    await seen(post, lambda: len(post.dispatcher.active_queue) == number)


async def test_a_mail_that_is_retried_while_others_of_its_key_are_in_memory_is_not_passed(
    state: Path, moody: Moody
) -> None:
    async with moody.server() as there, Post(state, to(there)) as post:
        await post.emit(*ids(5), key="k")
        await in_memory(post, 5)
        moody.greeting = "220 here"
        await post.queue_admin.retry(ids(1))
        await post.until_ended(5)
    assert post.delivered == ids(5)


async def test_a_mail_that_is_retried_passes_none_of_its_key_that_is_deferred(
    state: Path, moody: Moody
) -> None:
    moody.recipients[A] = LATER
    async with moody.server() as there, Post(state, to(there)) as post:
        moody.comes_back(post)
        await post.emit(*ids(5), key="k")
        await post.until(lambda: bool(post.outcomes))
        await post.settled()
        moody.recipients.clear()
        await post.queue_admin.retry(["n0002"])
        await post.until_ended(5)
    assert post.delivered == ids(5)


@pytest.mark.parametrize("is_deferred", [False, True])
async def test_a_mail_that_had_expired_goes_before_those_of_its_key_that_wait(
    state: Path, moody: Moody, *, is_deferred: bool
) -> None:
    async with moody.server() as there, Post(state, to(there)) as post:
        await post.emit("old", key="k")
        await in_memory(post, 1)
        post.serve(PATIENT.expire + 1)
        await post.housekeeping._expire(PATIENT)
        assert post.ended == ["old"]
        if is_deferred:
            moody.recipients[A] = LATER
            moody.comes_back(post)
        await post.emit(*ids(3), key="k")
        await in_memory(post, 0 if is_deferred else 3)
        await post.until(lambda: len(post.outcomes) == 1 + is_deferred)
        moody.recipients.clear()
        moody.greeting = "220 here"
        post.ahead += PATIENT.retry_max  # what was deferred is due, too
        await post.queue_admin.retry(["old"])
        await post.until_ended(5)
    assert post.delivered == ["old", *ids(3)]


async def test_while_all_are_retried_none_passes_one_of_its_key(
    state: Path, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with moody.server() as there:
        async with Post(state, to(there)) as post:
            await post.emit(*ids(60), key="k")
            await post.emit(*ids(60, "urgent"), key="another", severity="crit")
            await in_memory(post, 120)
        # What is urgent leaves room for a few others: most of them are made anew on disk.
        for name, number in (("MAILS", 20), ("MORE_MAILS", 5), ("LITTLE_MAILS", 5)):
            monkeypatch.setattr(active_queue, name, number)
        monkeypatch.setattr(ledger, "CHUNK", 20)
        async with Post(state, to(there)) as post:
            await in_memory(post, 25)
            moody.greeting = "220 here"
            await post.queue_admin.retry()
            await post.until_ended(120)
    arrived = post.delivered
    assert [id_ for id_ in arrived if id_.startswith("n")] == ids(60)
    assert [id_ for id_ in arrived if id_.startswith("u")] == ids(60, "urgent")


@pytest.mark.parametrize("answer", ["451 4.3.0 Later", "554 5.6.0 No"])
async def test_what_was_being_sent_while_the_configuration_changed_is_not_passed(
    state: Path, moody: Moody, answer: str
) -> None:
    moody.content = answer
    moody.may_answer.clear()
    async with moody.server() as there, Post(state, to(there)) as post:
        moody.comes_back(post)
        await post.emit(*ids(5), key="k")
        await moody.has_content.wait()
        moody.content = "250 2.0.0 Ok"
        await post.mend(admins=(A,))
        moody.may_answer.set()
        await post.until_ended(5)
    assert post.delivered == ids(5)


async def test_what_is_to_be_made_anew_is_not_passed_before_that_begins(
    state: Path, moody: Moody, monkeypatch: pytest.MonkeyPatch
) -> None:
    moody.content = "451 4.3.0 Later"
    moody.may_answer.clear()
    async with moody.server() as there:
        config = configuration(server(there.port, keep_idle=30.0), queue=PATIENT)
        async with Post(state, config) as post:
            moody.comes_back(post)
            await post.emit(*ids(2), key="k")
            await moody.has_content.wait()
            moody.content, first_may_answer = "250 2.0.0 Ok", moody.may_answer
            moody.may_answer = asyncio.Event()
            moody.may_answer.set()
            await post.mend(admins=(A,))
            await post.emit("another")  # its connection waits for the next mail
            await post.until_ended(1)
            put = post.dispatcher.outdated.put_nowait

            def put_and_pumped(mail: QueuedMail) -> None:
                put(mail)
                post.pool.pump()

            monkeypatch.setattr(post.dispatcher.outdated, "put_nowait", put_and_pumped)
            first_may_answer.set()
            await post.until_ended(3)
    assert post.delivered == ["another", *ids(2)]


async def test_a_recipient_that_waits_again_while_the_mail_is_sent_to_another_is_not_passed(
    state: Path, moody: Moody
) -> None:
    moody.may_answer.clear()
    async with moody.server() as there, Post(state, to(there, A, B)) as post:
        await post.emit("first", key="k")
        await in_memory(post, 1)

        def defer(db: apsw.Connection) -> None:
            db.execute(
                "UPDATE deliveries SET state = 'deferred', next_attempt = ? WHERE recipient = ?",
                (post.clock() + 100.0, A),
            )

        await post.writer.submit(defer)
        post.dispatcher.reload_waiting()
        await in_memory(post, 1)
        moody.comes_back(post)
        await moody.has_content.wait()
        await post.writer.submit(lambda db: lanes.let_all_wait(db, 10))
        post.dispatcher.reload_waiting()
        await post.emit("second", key="k")
        await seen(post, lambda: not post.router.waiting)
        moody.may_answer.set()
        await post.until_ended(2)
    to_a = [event for event, recipient, _ in post.outcomes if recipient == A]
    assert to_a == ["first", "second"]


async def test_who_is_a_recipient_now_gets_the_mails_of_a_key_in_their_order(
    state: Path, moody: Moody
) -> None:
    async with moody.server() as there, Post(state, to(there)) as post:
        await post.emit("first", key="k")
        await post.emit("urgent", key="k", severity="crit")
        await in_memory(post, 2)
        await post.mend(admins=(B,))
        moody.comes_back(post)
        await post.until_ended(2)
    assert post.delivered == ["first", "urgent"]


async def test_a_mail_that_had_expired_goes_before_an_urgent_one_of_its_key(
    state: Path, moody: Moody
) -> None:
    async with moody.server() as there, Post(state, to(there)) as post:
        await post.emit("old", key="k")
        await in_memory(post, 1)
        post.serve(PATIENT.expire + 1)
        await post.housekeeping._expire(PATIENT)
        await post.emit("urgent", key="k", severity="crit")
        await in_memory(post, 1)
        await post.queue_admin.retry(["old"])
        moody.comes_back(post)
        await post.until_ended(3)
    assert post.delivered == ["old", "urgent"]


async def test_what_is_held_no_longer_goes_before_those_of_its_key_that_wait(
    state: Path, moody: Moody
) -> None:
    async with moody.server() as there, Post(state, to(there)) as post:
        await post.emit(*ids(3), key="k")
        await in_memory(post, 3)

        def hold(db: apsw.Connection) -> None:  # by a hold that is gone
            db.execute("UPDATE deliveries SET state = 'held' WHERE message = 1")

        await post.writer.submit(hold)
        post.dispatcher.reload_waiting()
        await in_memory(post, 2)
        await post.housekeeping._mend()
        await in_memory(post, 3)
        moody.comes_back(post)
        await post.until_ended(3)
    assert post.delivered == ids(3)


@pytest.mark.parametrize("how", ["retry", "release"])
async def test_a_mail_that_is_due_for_another_recipient_passes_none_of_its_key(
    state: Path, moody: Moody, how: str
) -> None:
    async with moody.server() as there, Post(state, to(there, A, B)) as post:
        await post.emit("first", "second", key="k")
        await in_memory(post, 2)

        def leave(db: apsw.Connection) -> None:  # the first one has arrived at A
            db.execute("UPDATE deliveries SET state = 'delivered', ended = 1.0 WHERE id = 1")
            left = "held" if how == "release" else "deferred"
            db.execute("UPDATE deliveries SET state = ? WHERE recipient = ?", (left, B))
            db.execute("UPDATE deliveries SET state = 'deferred', next_attempt = 1.0 WHERE id = 3")

        async with post.outbound.ways.changing(asyncio.Lock()):
            await post.writer.submit(leave)
            if how == "release":
                await post.housekeeping._mend()
        if how == "retry":
            await post.queue_admin.retry(["first"])
        moody.comes_back(post)
        await post.until_ended(2)
    assert [id_ for id_, recipient, _ in post.outcomes if recipient == B] == ["first", "second"]
