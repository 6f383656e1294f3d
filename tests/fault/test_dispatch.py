"""From an accepted event to its outcome on disk, against servers that refuse, vanish and come
back: dispatcher, senders and router at work together.
"""

import asyncio
import socket
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.support.delivery import (
    PATIENT,
    QUICK,
    SOON,
    Post,
    configuration,
    each_once,
    ids,
    last_line,
    mails,
    server,
)
from tests.support.scripted_server import (
    Answer,
    Peer,
    ScriptedServer,
    drop,
    ordinary,
    rcpt,
    refusing,
    say,
    then,
)
from tests.support.sink import Sink
from tests.support.store import event, recount, rows
from tests.support.waiting import turns
from zaiond.config.schema import Auth, Queue, Rate, Secret
from zaiond.delivery import active_queue, ledger, loader, memory, router
from zaiond.holds import Hold
from zaiond.model import NewEvent, QueuedMail, StoredEvent
from zaiond.net.connection import SmtpConnection
from zaiond.smtp.failure import Failure, Stage
from zaiond.store import events, lanes, pending, prune
from zaiond.store import queue as queue_on_disk
from zaiond.store.counts import FIRST_OPEN, Key
from zaiond.store.pending import Expired, Expiry, Waiting
from zaiond.store.queue import Ended
from zaiond.text import Text

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def closed() -> Iterator[socket.socket]:
    with refusing() as closed:
        yield closed


@pytest.fixture
async def decent() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(ordinary()) as decent:
        yield decent


async def assert_settled(post: Post) -> None:
    """What waits on disk is what usage says, and nothing is started."""
    usage = await post.writer.submit(events.usage)
    assert usage == await post.writer.submit(recount)
    started = await post.writer.submit(
        lambda db: db.execute("SELECT count(*) FROM deliveries WHERE started IS NOT NULL").get
    )
    assert started == 0


# -- the ordinary way


@pytest.mark.parametrize("offers", [("PIPELINING",), ()])
async def test_one_connection_mails_in_the_order_of_acceptance(
    state: Path, offers: tuple[str, ...]
) -> None:
    async with (
        ScriptedServer(ordinary(offers=offers)) as decent,
        Post(state, configuration(server(decent.port, max_connections=1))) as post,
    ):
        await post.emit(*ids(150))
        await post.emit(*ids(150, "m"))
        await post.until_ended(300)
        assert mails(decent) == ids(150) + ids(150, "m")
        assert len(decent.peers) == 1
        await assert_settled(post)


async def test_a_peer_of_no_kin_gets_every_mail_once(state: Path) -> None:
    with Sink() as sink:
        async with Post(state, configuration(server(sink.port))) as post:
            await post.emit(*ids(100))
            await post.until_ended(100)
        assert each_once([id_ for mail in sink.mails for id_ in mail.event_ids], ids(100))


async def test_one_mail_takes_one_connection(state: Path, decent: ScriptedServer) -> None:
    async with Post(state, configuration(server(decent.port))) as post:
        await post.emit("1")
        await post.until_ended(1)
    assert len(decent.peers) == 1


async def test_the_connection_is_opened_while_the_mail_is_put_on_disk(state: Path) -> None:
    said_hello, on_disk = asyncio.Queue[None](), threading.Event()

    async def ehlo(peer: Peer) -> None:
        await peer.say("250 decent")
        said_hello.put_nowait(None)

    async with (
        ScriptedServer(ordinary(answers={"EHLO": ehlo})) as decent,
        Post(state, configuration(server(decent.port, keep_idle=0.0))) as post,
        asyncio.timeout(SOON),
    ):
        await post.emit("1")
        await post.until_ended(1)
        await said_hello.get()
        await post.emit("2")
        held_up = post.writer.submit(lambda _: on_disk.wait(SOON))  # before the router's turn
        await said_hello.get()
        on_disk.set()
        assert await held_up
        await post.until_ended(2)
    assert mails(decent) == ["1", "2"]
    assert len(decent.peers) == 2


async def test_where_a_connection_waits_for_mails_no_other_is_opened_for_the_next_one(
    state: Path, decent: ScriptedServer
) -> None:
    async with Post(state, configuration(server(decent.port, keep_idle=SOON))) as post:
        for number, id_ in enumerate(ids(10), 1):
            await post.emit(id_)
            await post.until_ended(number)
    assert len(decent.peers) == 1


async def test_no_more_connections_than_configured(state: Path, decent: ScriptedServer) -> None:
    async with Post(state, configuration(server(decent.port, max_connections=3))) as post:
        await post.emit(*ids(200))
        await post.until_ended(200)
        assert len(decent.peers) <= 3
        assert each_once(mails(decent), ids(200))


async def test_each_recipient_has_its_own_outcome(state: Path) -> None:
    replies: dict[str, Answer] = {
        "never@x.example": "550 5.1.1 No such user",
        "later@x.example": "450 4.2.1 Mailbox busy",
        "relay@x.example": "554 5.7.1 Relay access denied",
    }
    admins = ("good@x.example", *replies)
    async with (
        ScriptedServer(ordinary(answers={"RCPT": rcpt(replies)})) as picky,
        Post(state, configuration(server(picky.port), admins=admins)) as post,
    ):
        await post.emit("1")
        await post.until(lambda: len(post.outcomes) == 4)
        assert await post.states("1") == {
            "good@x.example": "delivered",
            "never@x.example": "held",
            "later@x.example": "deferred",
            "relay@x.example": "held",
        }
        document = await post.history("1")
        said = {one["recipient"]: one["reply"] for one in document["deliveries"]}
        assert said["never@x.example"] == "550 5.1.1 No such user"
        assert post.ended == []
        await assert_settled(post)


async def test_a_deferred_recipient_is_tried_again_alone_with_the_same_mail(state: Path) -> None:
    replies: dict[str, Answer] = {"b@x.example": then("450 4.2.1 Later", "250 2.1.5 Ok")}
    admins = ("a@x.example", "b@x.example")
    async with (
        ScriptedServer(ordinary(answers={"RCPT": rcpt(replies)})) as picky,
        Post(state, configuration(server(picky.port), admins=admins, queue=QUICK)) as post,
    ):
        await post.emit("1")
        await post.until_ended(1)
        first, second = [content for peer in picky.peers for content in peer.contents]
        assert first == second
        said = b"".join(peer.said for peer in picky.peers)
        assert said.count(b"RCPT TO:<a@x.example>") == 1
        assert said.count(b"RCPT TO:<b@x.example>") == 2


async def test_all_recipients_refused_sends_no_content_and_asks_once(state: Path) -> None:
    async with (
        ScriptedServer(ordinary(answers={"RCPT": "550 5.1.1 No"})) as picky,
        Post(state, configuration(server(picky.port, max_connections=1))) as post,
    ):
        await post.emit(*ids(20))
        await post.until(lambda: bool(post.holds))
        await post.emit(*ids(500, "later"))
        await post.settled()
        assert mails(picky) == []
        # What was on its way with the first one may have been asked about, too.
        assert len(post.outcomes) <= 2
        assert (await post.counts())["held"] == 520
        await assert_settled(post)


async def test_who_is_named_twice_gets_one_mail(state: Path, decent: ScriptedServer) -> None:
    admins = ("a@x.example", "A <a@x.example>")
    async with Post(state, configuration(server(decent.port), admins=admins)) as post:
        await post.emit("1")
        await post.until_ended(1)
        assert decent.peers[0].commands.count("RCPT") == 1


async def test_what_the_content_was_refused_for_is_the_outcome_of_all_recipients(
    state: Path,
) -> None:
    content = then("554 5.6.0 Not this", "451 4.7.1 Not now", "250 2.0.0 Ok")
    timing = Queue(retry_first=0.02, retry_max=3600.0)  # what is held is not probed meanwhile
    async with (
        ScriptedServer(ordinary(answers={"CONTENT": content})) as picky,
        Post(state, configuration(server(picky.port, max_connections=1), queue=timing)) as post,
    ):
        await post.emit("1", "2")
        await post.until_ended(1)
        assert await post.states("1") == {"a@x.example": "held"}
        assert await post.attempts("2") == ["deferred", "delivered"]


# -- connections that end


async def test_a_kept_connection_that_is_gone_costs_nothing(state: Path) -> None:
    def script(peer: Peer) -> Any:
        return ordinary(answers={"MAIL": then("250 2.1.0 Ok", drop)})(peer)

    async with (
        ScriptedServer(script) as impatient,
        Post(state, configuration(server(impatient.port, max_connections=1))) as post,
    ):
        await post.emit(*ids(10))
        await post.until_ended(10)
        assert mails(impatient) == ids(10)
        for id_ in ids(10):
            assert await post.attempts(id_) == ["delivered"]
        await assert_settled(post)


@pytest.mark.parametrize("reply", ["421 4.3.2 Closing", "503 5.5.1 Bad sequence"])
async def test_a_server_that_takes_one_mail_a_connection_gets_one_mail_a_connection(
    state: Path, reply: str
) -> None:
    def script(peer: Peer) -> Any:
        return ordinary(answers={"MAIL": then("250 2.1.0 Ok", reply)})(peer)

    async with (
        ScriptedServer(script) as impatient,
        Post(state, configuration(server(impatient.port, max_connections=1))) as post,
    ):
        await post.emit(*ids(10))
        await post.until_ended(10)
        assert mails(impatient) == ids(10)
        assert len(impatient.peers) <= 11
        await assert_settled(post)


async def test_no_reply_to_the_final_dot_may_mean_twice_but_never_lost(state: Path) -> None:
    connections: list[Peer] = []

    def script(peer: Peer) -> Any:
        connections.append(peer)
        lost = len(connections) == 1
        return ordinary(answers={"CONTENT": drop} if lost else {})(peer)

    async with (
        ScriptedServer(script) as impatient,
        Post(state, configuration(server(impatient.port, max_connections=1), queue=QUICK)) as post,
    ):
        await post.emit("1", "2", "3")
        await post.until_ended(3)
        assert sorted(mails(impatient)) == ["1", "1", "2", "3"]
        contents = [c for peer in connections for c in peer.contents if b"Zaiond-Event: 1\r" in c]
        assert contents[0] == contents[1]  # the Message-ID, too: whoever has both can tell
        assert await post.attempts("1") == ["unknown", "delivered"]
        # What was announced behind it, but not sent, is no attempt.
        assert await post.attempts("2") == ["delivered"]
        await assert_settled(post)


async def test_an_unknown_end_is_not_tried_at_another_server_at_once(
    state: Path, decent: ScriptedServer
) -> None:
    async with (
        ScriptedServer(ordinary(answers={"CONTENT": drop})) as lossy,
        Post(state, configuration(server(lossy.port), server(decent.port))) as post,
    ):
        await post.emit("1")
        await post.until(lambda: bool(post.outcomes))
        assert post.outcomes == [("1", "a@x.example", "deferred")]
        assert mails(decent) == []


# -- several servers


async def test_the_next_server_is_used_while_the_first_is_down_and_no_longer(
    state: Path, closed: socket.socket, decent: ScriptedServer
) -> None:
    port = closed.getsockname()[1]
    config = configuration(server(port), server(decent.port), queue=QUICK)
    async with Post(state, config) as post:
        await post.emit(*ids(20))
        await post.until_ended(20)
        assert each_once(mails(decent), ids(20))
        assert post.servers_changed[0] == (f"127.0.0.1:{port}", "down", True)
        first = Sink(listener=closed)
        await asyncio.to_thread(first.start)
        try:
            number = 0
            while not first.mails:  # until its next probe
                number += 1
                await post.emit(f"later{number}")
                await post.until_ended(20 + number)
            assert post.servers_changed[-1] == (f"127.0.0.1:{port}", "up", True)
            told = len(mails(decent))
            await post.emit(*ids(10, "last"))
            await post.until_ended(30 + number)
            assert len(mails(decent)) == told
        finally:
            await asyncio.to_thread(first.stop)


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "CONTENT"])
async def test_a_mail_that_one_server_defers_goes_to_the_next_at_once(
    state: Path, decent: ScriptedServer, command: str
) -> None:
    async with (
        ScriptedServer(ordinary(answers={command: "451 4.3.0 Later"})) as later,
        Post(state, configuration(server(later.port), server(decent.port))) as post,
    ):
        await post.emit(*ids(5))
        await post.until_ended(5)
        assert each_once(mails(decent), ids(5))
        assert await post.attempts("n0000") == ["deferred", "delivered"]
        await assert_settled(post)


async def test_a_mail_that_all_servers_defer_waits(state: Path) -> None:
    script = ordinary(answers={"MAIL": "451 4.3.0 Later"})
    async with (
        ScriptedServer(script) as one,
        ScriptedServer(script) as two,
        Post(state, configuration(server(one.port), server(two.port))) as post,
    ):
        await post.emit("1")
        await post.until(lambda: ("1", "a@x.example", "deferred") in post.outcomes)
        assert await post.attempts("1") == ["deferred", "deferred"]
        document = await post.history("1")
        assert document["deliveries"][0]["server"] == f"127.0.0.1:{two.port}"


async def test_a_mail_that_was_handed_to_a_server_that_is_down_is_not_forgotten(
    state: Path,
    closed: socket.socket,
) -> None:
    async with (
        ScriptedServer(ordinary(answers={"MAIL": then(*["451 4.3.0 Later"] * 2, "250 Ok")})) as one,
        Post(
            state, configuration(server(one.port), server(closed.getsockname()[1]), queue=QUICK)
        ) as post,
    ):
        await post.emit("1")
        await post.until_ended(1)
        assert await post.states("1") == {"a@x.example": "delivered"}
        assert len(mails(one)) == 1


async def test_a_mail_that_one_server_refuses_for_good_is_not_tried_elsewhere(
    state: Path, decent: ScriptedServer
) -> None:
    async with (
        ScriptedServer(ordinary(answers={"RCPT": "550 5.1.1 No"})) as picky,
        Post(state, configuration(server(picky.port), server(decent.port))) as post,
    ):
        await post.emit("1")
        await post.until(lambda: bool(post.holds))
        assert await post.states("1") == {"a@x.example": "held"}
        assert mails(decent) == []


async def test_while_all_servers_are_down_all_waits_and_then_goes_at_once(
    state: Path, closed: socket.socket
) -> None:
    port = closed.getsockname()[1]
    # Mails wait an hour after a failure of their own; an outage is none.
    queue = Queue(retry_first=0.05, retry_max=3600.0)
    async with Post(state, configuration(server(port), queue=queue)) as post:
        await post.emit(*ids(200))
        await post.until(lambda: bool(post.servers_changed))
        assert post.servers_changed == [(f"127.0.0.1:{port}", "down", False)]
        assert post.pool.servers is not None
        assert post.pool.servers.waits_for is not None
        sink = Sink(listener=closed)
        await asyncio.to_thread(sink.start)
        try:
            await post.until_ended(200)
            assert each_once([i for mail in sink.mails for i in mail.event_ids], ids(200))
        finally:
            await asyncio.to_thread(sink.stop)
        assert await post.attempts("n0000") == ["delivered"]


async def test_too_many_connections_is_a_wait_with_fewer_of_them(
    state: Path, decent: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_now = 0

    async def script(peer: Peer) -> None:
        nonlocal open_now
        if open_now >= 2:
            await peer.say("421 4.3.2 Too many connections")
            return
        open_now += 1
        try:
            await ordinary()(peer)
        finally:
            open_now -= 1

    queue = Queue(retry_first=0.05, retry_max=3600.0)
    async with (
        ScriptedServer(script) as small,
        Post(state, configuration(server(small.port), server(decent.port), queue=queue)) as post,
    ):
        await post.emit(*ids(100))
        await post.until_ended(100)
        assert mails(decent) == []
        assert each_once(mails(small), ids(100))


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "CONTENT"])
async def test_a_server_that_is_busy_on_an_open_connection_is_left_alone_for_a_while(
    state: Path, decent: ScriptedServer, command: str
) -> None:
    busy = say("432 4.3.2 Concurrent connections limit exceeded")
    queue = Queue(retry_first=0.05, retry_max=3600.0)
    async with (
        ScriptedServer(ordinary(answers={command: then(busy, busy, "250 2.0.0 Ok")})) as small,
        Post(state, configuration(server(small.port), server(decent.port), queue=queue)) as post,
    ):
        await post.emit("1")
        await post.until_ended(1)
        assert mails(decent) == []
        assert await post.attempts("1") == ["deferred", "deferred", "delivered"]
        # Each time on a connection of its own: the one that was too many is closed.
        assert len(small.peers) == 3


# -- the configuration at fault


async def test_a_refused_sender_holds_the_queue_and_nothing_bounces(state: Path) -> None:
    def script(peer: Peer) -> Any:
        async def mail(peer: Peer) -> None:
            good = "<good@x.example>" in last_line(peer)
            await peer.say("250 2.1.0 Ok" if good else "550 5.1.8 Sender refused")

        return ordinary(answers={"MAIL": mail})(peer)

    async with (
        ScriptedServer(script) as picky,
        Post(state, configuration(server(picky.port, max_connections=1))) as post,
    ):
        await post.emit(*ids(30))
        await post.until(lambda: bool(post.servers_changed))
        assert post.pool.servers is not None
        assert post.pool.servers.held_by is not None
        assert post.ended == []
        assert set(await post.states("n0000")) == {"a@x.example"}
        first = (await post.history("n0000"))["deliveries"][0]["message_id"]
        await post.mend(sender="good@x.example")
        await post.until_ended(30)
        assert each_once(mails(picky), ids(30))
        assert (await post.history("n0000"))["deliveries"][0]["message_id"] == first
        assert b"\r\nFrom: good@x.example\r\n" in b"\r\n" + picky.peers[-1].contents[0]
        await assert_settled(post)


async def test_a_refused_password_holds_the_queue_and_the_next_server_takes_over(
    state: Path, decent: ScriptedServer
) -> None:
    login = Auth(
        mechanism="basic",
        username="zaion",
        password=Secret("wrong"),
        allow_unprotected_password=True,
    )
    script = ordinary(offers=("AUTH PLAIN",), answers={"AUTH": "535 5.7.8 No"})
    async with ScriptedServer(script) as strict:
        one = server(strict.port, auth=login)
        async with Post(state, configuration(one)) as post:
            await post.emit("1")
            await post.until(lambda: bool(post.servers_changed))
            assert post.servers_changed == [(one.address, "faulty", False)]
            assert post.pool.servers is not None
            assert post.pool.servers.held_by is not None
            # Each further try brings the account nearer to being locked.
            await post.emit(*ids(20))
            post.configure(configuration(one, server(decent.port)))
            await post.until_ended(21)
            assert each_once(mails(decent), ["1", *ids(20)])
            assert len(strict.peers) == 2


async def test_a_held_recipient_is_released_by_hand(state: Path) -> None:
    replies: dict[str, Answer] = {"a@x.example": "554 5.7.1 Relay access denied"}
    async with (
        ScriptedServer(ordinary(answers={"RCPT": rcpt(replies)})) as picky,
        Post(state, configuration(server(picky.port))) as post,
    ):
        await post.emit("1")
        await post.until(lambda: bool(post.outcomes))
        assert await post.states("1") == {"a@x.example": "held"}
        replies.clear()
        changed = await post.queue_admin.retry(["1", "unknown"])
        assert (changed.deliveries, changed.unknown) == (1, ("unknown",))
        await post.until_ended(1)
        assert await post.states("1") == {"a@x.example": "delivered"}


async def test_what_is_not_yet_a_mail_counts_as_retried_too(
    state: Path, closed: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_queue, "MAILS", 100)
    async with Post(state, configuration(server(closed.getsockname()[1]))) as post:
        await post.emit(*ids(300))
        await post.until(lambda: bool(post.servers_changed))
        assert post.router.waiting >= 200
        last = ids(300)[-1]
        assert (await post.queue_admin.retry([last])).deliveries == 1
        assert (await post.delete([last])).deliveries == 1
        assert (await post.queue_admin.retry([last])).deliveries == 0
        assert (await post.queue_admin.retry()).deliveries == 299


async def test_large_mails_are_made_anew_and_deleted_a_few_at_a_time(state: Path) -> None:
    later = ordinary(answers={"RCPT": "450 4.2.1 Later"})
    async with (
        ScriptedServer(later) as full,
        Post(state, configuration(server(full.port))) as post,
    ):
        for number in range(100):
            await post.emit(f"{number}", message="x" * 200_000)
        await post.until(lambda: len(post.outcomes) == 100)
        tracemalloc.start()
        try:
            changed = await post.queue_admin.retry()
            _, retrying = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            deleted = await post.delete(map(str, range(100)))
            _, deleting = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert (changed.deliveries, deleted.deliveries) == (100, 100)
        assert max(retrying, deleting) < 16 * 1024 * 1024, (retrying, deleting)


async def test_who_has_the_mail_does_not_get_it_again_by_hand(state: Path) -> None:
    replies: dict[str, Answer] = {"b@x.example": "450 4.2.1 Later"}
    admins = ("a@x.example", "b@x.example")
    async with (
        ScriptedServer(ordinary(answers={"RCPT": rcpt(replies)})) as picky,
        Post(state, configuration(server(picky.port), admins=admins)) as post,
    ):
        await post.emit("1")
        await post.until(lambda: len(post.outcomes) == 2)
        replies.clear()
        assert (await post.queue_admin.retry()).deliveries == 1
        await post.until_ended(1)
        said = b"".join(peer.said for peer in picky.peers)
        assert said.count(b"RCPT TO:<a@x.example>") == 1
        assert said.count(b"RCPT TO:<b@x.example>") == 2


# -- rate, expiry, active queue


async def test_no_more_mails_go_out_than_the_rate_allows(
    state: Path, decent: ScriptedServer
) -> None:
    one = server(decent.port, rate=Rate(3, 3600.0))
    async with Post(state, configuration(one)) as post:
        await post.emit(*ids(10))
        await post.until_ended(3)
    assert len(mails(decent)) == 3
    async with Post(state, configuration(server(decent.port, rate=Rate(3, 0.01)))) as post:
        await post.until_ended(7)
        assert each_once(mails(decent), ids(10))


async def test_what_is_too_old_expires_with_the_last_word_of_the_server(state: Path) -> None:
    async with (
        ScriptedServer(ordinary(answers={"RCPT": "450 4.2.1 Mailbox busy"})) as later,
        Post(state, configuration(server(later.port))) as post,
    ):
        await post.emit("1")
        await post.until(lambda: bool(post.outcomes))
        post.serve(PATIENT.expire + 1)
        post.dispatcher.reload_waiting()
        await post.until(lambda: len(post.outcomes) == 2)
        await post.housekeeping._expire(PATIENT)
        assert post.ended == []  # it was tried just now
        post.serve(3601)
        post.housekeeping.configure(PATIENT, "en")
        await post.until_ended(1)
        document = await post.history("1")
        assert document["outcome"] == "expired"
        assert post.outcomes[-1] == ("1", "a@x.example", "expired")
        assert "450 4.2.1 Mailbox busy" in str(document["deliveries"][0]["attempts"])
        await assert_settled(post)


async def test_a_clock_that_is_set_back_keeps_no_retry_waiting(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "LONGEST_WAIT", 0.02)
    busy = then(say("450 4.2.1 Mailbox busy"), say("250 2.1.5 OK"))
    async with (
        ScriptedServer(ordinary(answers={"RCPT": busy})) as greylisting,
        Post(state, configuration(server(greylisting.port))) as post,
    ):
        post.ahead = 30 * 86400.0
        await post.emit("1")
        await post.until(lambda: bool(post.outcomes))
        assert post.ended == []
        post.ahead = 0.0
        await post.until_ended(1)
        assert await post.attempts("1") == ["deferred", "delivered"]


async def test_what_waits_for_a_server_that_is_down_expires_with_the_reason(
    state: Path, closed: socket.socket
) -> None:
    port = closed.getsockname()[1]
    async with Post(state, configuration(server(port))) as post:
        await post.emit(*ids(5))
        await post.until(lambda: bool(post.servers_changed))
        post.serve(PATIENT.expire + 1)
        post.housekeeping.configure(PATIENT, "en")
        await post.until_ended(5)
        document = await post.history("n0000")
        assert document["outcome"] == "expired"
        assert "refused" in document["reason"]
        assert document["deliveries"][0]["server"] == f"127.0.0.1:{port}"


async def test_a_mail_that_is_tried_while_it_is_found_too_old_does_not_expire_and_goes_on(
    state: Path, closed: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = pending.expired
    port = closed.getsockname()[1]
    async with Post(state, configuration(server(port))) as post:
        await post.emit("1")
        await post.until(lambda: bool(post.servers_changed))
        await post.settled_routing()
        post.serve(PATIENT.expire + 1)
        found: list[int] = []

        def expired(db: apsw.Connection, expiry: Expiry, after: Key = FIRST_OPEN) -> Expired:
            result = look(db, expiry, after)
            found.extend(result.deliveries)
            db.execute("UPDATE deliveries SET tried = ?", (post.queue_time(),))  # behind its back
            return result

        with monkeypatch.context() as patch:
            patch.setattr(pending, "expired", expired)
            await post.housekeeping._expire(PATIENT)
        assert len(found) == 1
        assert post.ended == []
        async with asyncio.timeout(10):  # it is loaded again
            while not len(post.dispatcher.active_queue):
                await post.writer.submit(lambda db: None)
        await post.housekeeping._expire(PATIENT)
        assert post.ended == []
        post.serve(3601)
        await post.housekeeping._expire(PATIENT)
        assert post.ended == ["1"]


async def test_what_expires_is_looked_for_and_ended_in_parts(
    state: Path, closed: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "SLICE", 7)
    monkeypatch.setattr(ledger, "CHUNK_BYTES", 1)
    port = closed.getsockname()[1]
    ended: list[int] = []
    end = queue_on_disk.end

    def count(db: apsw.Connection, mails: list[Any], **more: Any) -> list[StoredEvent]:
        ended.append(len(mails))
        return end(db, mails, **more)

    monkeypatch.setattr(queue_on_disk, "end", count)
    async with Post(state, configuration(server(port))) as post:
        await post.emit(*ids(20))
        await post.until(lambda: bool(post.servers_changed))
        post.serve(PATIENT.expire + 1)
        await post.housekeeping._expire(PATIENT)
        assert sorted(post.ended) == ids(20)
        assert ended == [1] * 20


async def test_what_is_held_for_an_administrator_does_not_expire(state: Path) -> None:
    async with (
        ScriptedServer(ordinary(answers={"MAIL": "550 5.1.8 No"})) as picky,
        Post(state, configuration(server(picky.port))) as post,
    ):
        await post.emit("1")
        await post.until(lambda: bool(post.servers_changed))
        post.serve(PATIENT.keep - 10)
        await post.housekeeping._expire(PATIENT)
        await post.housekeeping._prune(PATIENT)
        assert post.ended == []
        post.serve(20)
        await post.housekeeping._expire(PATIENT)
        assert post.ended == ["1"]


async def test_what_holds_the_queue_outlives_a_restart_and_nothing_expires_by_it(
    state: Path,
) -> None:
    async with ScriptedServer(ordinary(answers={"MAIL": "550 5.1.8 No"})) as picky:
        config = configuration(server(picky.port))
        async with Post(state, config) as post:
            await post.emit("1")
            await post.until(lambda: bool(post.holds))
            post.serve(PATIENT.expire + 1)
            await post.housekeeping.keep_time()
        async with Post(state, config) as post:
            assert post.outbound.holds.queue is not None
            await post.housekeeping._expire(PATIENT)
            assert post.ended == []
            await post.until(lambda: len(post.outcomes) == 1)  # it is asked again at once
            await post.housekeeping._expire(PATIENT)
            assert post.ended == []
            assert post.holds == []  # and it is no news


async def test_a_clock_that_is_set_expires_and_forgets_nothing(state: Path) -> None:
    async with (
        ScriptedServer(ordinary(answers={"RCPT": "450 4.2.1 Mailbox busy"})) as later,
        Post(state, configuration(server(later.port, keep_idle=0.0), queue=QUICK)) as post,
    ):
        post.ahead = -400 * 86400.0
        await post.emit("1")
        await post.until(lambda: bool(post.outcomes))
        post.ahead = 0.0
        await post.housekeeping._expire(QUICK)
        await post.housekeeping._prune(QUICK)
        assert post.ended == []
        assert (await post.history("1"))["outcome"] == "waiting"
        later.script = ordinary()
        await post.until_ended(1)
        assert (await post.history("1"))["outcome"] == "delivered"


async def test_in_memory_is_a_window_and_the_rest_waits_on_disk(
    state: Path, closed: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_queue, "MAILS", 200)
    port = closed.getsockname()[1]
    most = 0
    queue = Queue(retry_first=0.05, retry_max=3600.0)
    async with Post(state, configuration(server(port), queue=queue)) as post:
        await post.emit(*ids(450))
        await post.until(lambda: len(post.servers_changed) > 0)

        def watch() -> bool:
            nonlocal most
            most = max(most, len(post.dispatcher.active_queue))
            return len(post.ended) >= 450

        sink = Sink(listener=closed)
        await asyncio.to_thread(sink.start)
        try:
            await post.until(watch)
        finally:
            await asyncio.to_thread(sink.stop)
        assert 0 < most <= 200
        assert each_once([i for mail in sink.mails for i in mail.event_ids], ids(450))


@pytest.mark.parametrize("gone", ["deleted", "expired"])
async def test_what_leaves_the_window_unsent_makes_room_for_what_waits(
    state: Path, closed: socket.socket, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    monkeypatch.setattr(active_queue, "MAILS", 200)
    port = closed.getsockname()[1]
    async with Post(state, configuration(server(port))) as post:
        await post.emit(*ids(450))
        await post.until(lambda: bool(post.servers_changed))
        while post.router.waiting > 250:  # until the active queue is full
            await post.writer.submit(lambda db: None)
        while post.router.waiting > 250:  # the active queue isn't full yet
            await post.a_moment()
        if gone == "deleted":
            assert (await post.delete(ids(200))).deliveries == 200
        else:
            post.serve(PATIENT.expire + 1)
            post.housekeeping.configure(PATIENT, "en")
        await post.until_ended(200)
        sink = Sink(listener=closed)
        await asyncio.to_thread(sink.start)
        try:
            post.pool.retry_servers()
            await post.until_ended(450)
        finally:
            await asyncio.to_thread(sink.stop)
        assert each_once([i for mail in sink.mails for i in mail.event_ids], ids(450)[200:])


async def test_more_that_is_deferred_than_fits_in_memory_comes_in_its_turn(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_queue, "MAILS", 200)
    tries = 0

    async def later(peer: Peer) -> None:
        nonlocal tries
        tries += 1
        await peer.say("450 4.2.1 Later" if tries <= 400 else "250 2.1.5 Ok")

    async with (
        ScriptedServer(ordinary(answers={"RCPT": later})) as picky,
        Post(state, configuration(server(picky.port, max_connections=2), queue=QUICK)) as post,
    ):
        await post.emit(*ids(300))
        await post.until_ended(300)
        assert each_once(mails(picky), ids(300))
        await assert_settled(post)


# -- ends and starts


async def test_a_restart_goes_on_where_the_last_one_stopped(
    state: Path, closed: socket.socket, decent: ScriptedServer
) -> None:
    async with Post(state, configuration(server(closed.getsockname()[1]))) as post:
        await post.emit(*ids(50))
        await post.until(lambda: bool(post.servers_changed))
    async with Post(state) as post:  # without a configuration
        await post.emit(*ids(50, "m"))
        assert post.recovered.started == 0
    async with Post(state, configuration(server(decent.port, max_connections=1))) as post:
        await post.until_ended(100)
        assert mails(decent) == ids(50) + ids(50, "m")


async def test_before_a_content_leaves_it_is_on_disk_that_it_starts(state: Path) -> None:
    started: list[list[str]] = []

    async def content(peer: Peer) -> None:
        found = await asyncio.to_thread(
            rows,
            state,
            "SELECT e.id FROM deliveries AS d JOIN message_events AS m ON m.message = d.message"
            " JOIN events AS e ON e.seq = m.event WHERE d.started IS NOT NULL",
        )
        started.append([id_ for (id_,) in found])
        await peer.say("250 2.0.0 Ok")

    async with (
        ScriptedServer(ordinary(answers={"CONTENT": content})) as watched,
        Post(state, configuration(server(watched.port, max_connections=1))) as post,
    ):
        await post.emit(*ids(10))
        await post.until_ended(10)
        assert started == [[id_] for id_ in ids(10)]


async def test_a_mail_that_was_announced_but_not_sent_is_put_back_by_a_stop(state: Path) -> None:
    announced = asyncio.Event()

    async def wait(peer: Peer) -> None:
        announced.set()
        await peer.rest()

    def script(peer: Peer) -> Any:
        return ordinary(answers={"MAIL": then("250 2.1.0 Ok", wait)})(peer)

    async with (
        ScriptedServer(script) as slow,
        Post(state, configuration(server(slow.port, max_connections=1))) as post,
    ):
        await post.emit(*ids(5))
        await announced.wait()
        await post.until_ended(1)
        await post.end(5)
    async with Post(state) as post:
        assert post.recovered.started == 0


async def test_a_stop_while_a_mail_and_its_start_are_put_on_disk_leaves_nothing_under_way(
    state: Path, decent: ScriptedServer
) -> None:
    one = server(decent.port, max_connections=1, keep_idle=SOON)
    async with Post(state, configuration(one)) as post:
        await post.emit("first")
        await post.until_ended(1)
        await post.writer.submit(lambda _: None)
        announce, announced = post.dispatcher.announce, asyncio.Event()

        def announcing(new: list[QueuedMail]) -> None:
            announce(new)
            assert all(mail.started is not None for mail in new)
            announced.set()

        post.dispatcher.announce = announcing  # type: ignore[method-assign, assignment]
        await post.emit("second")
        disk = threading.Event()  # a slow one
        post.writer.submit(lambda _: disk.wait(SOON))
        await announced.wait()
        ending = asyncio.create_task(post.end(SOON))
        await turns(5)
        disk.set()
        await ending
    assert mails(decent) == ["first"]
    async with Post(state, configuration(one)) as post:
        assert post.recovered.started == 0
        await post.until_ended(1)
    assert mails(decent) == ["first", "second"]


async def test_a_stop_while_a_start_is_put_on_disk_leaves_nothing_under_way(
    state: Path, decent: ScriptedServer
) -> None:
    async with Post(state, configuration(server(decent.port))) as post:
        submit, starts = post.writer.submit, asyncio.Event()
        disk = threading.Event()  # a slow one

        def submitted(operation: Any, **more: Any) -> Any:
            if getattr(operation, "func", None) is queue_on_disk.start:
                submit(lambda _: disk.wait(SOON))
                starts.set()
            return submit(operation, **more)

        post.writer.submit = submitted  # type: ignore[method-assign]
        await post.emit("1")
        await starts.wait()
        ending = asyncio.create_task(post.end(SOON))
        await turns(5)
        disk.set()
        await ending
    assert mails(decent) == []
    async with Post(state, configuration(server(decent.port))) as post:
        assert post.recovered.started == 0
        await post.until_ended(1)
    assert mails(decent) == ["1"]


async def test_an_event_on_an_idle_daemon_costs_three_commits(
    state: Path, decent: ScriptedServer
) -> None:
    one = server(decent.port, max_connections=1, keep_idle=SOON)
    async with Post(state, configuration(one)) as post:
        await post.emit("first")
        await post.until_ended(1)
        await post.writer.submit(lambda _: None)
        commits = []
        commit = post.writer._commit

        def counted(batch: Any, **more: Any) -> Any:
            commits.append(len(batch))
            return commit(batch, **more)

        post.writer._commit = counted  # type: ignore[method-assign]
        await post.emit("second")  # one
        await post.until_ended(2)  # routed and started; delivered
        assert commits == [1, 1, 1]
        assert len(decent.peers) == 1
        await assert_settled(post)


@pytest.mark.parametrize("gone", ["paused", "suspended", "held"])
async def test_what_was_started_and_then_taken_by_no_connection_is_not_under_way(
    state: Path, decent: ScriptedServer, gone: str
) -> None:
    one = server(decent.port, max_connections=1, keep_idle=SOON)
    async with Post(state, configuration(one)) as post:
        await post.emit("first")
        await post.until_ended(1)
        await post.writer.submit(lambda _: None)
        announce = post.dispatcher.announce

        def announced(new: list[QueuedMail]) -> None:
            announce(new)
            assert all(mail.started is not None for mail in new)
            if gone == "paused":
                post.pool.is_paused = True
            elif gone == "suspended":
                post.dispatcher.suspend()
            else:
                failure = Failure(stage=Stage.RCPT, server="mailhost:25", cause="reply")
                post.outbound.ledger.hold(Hold("address", "a@x.example", 0.0, 0.0, failure))

        post.dispatcher.announce = announced  # type: ignore[method-assign, assignment]
        await post.emit("second")
        async with asyncio.timeout(SOON):
            while post.router.waiting:
                await post.a_moment()
        post.dispatcher.announce = announce  # type: ignore[method-assign]
        for _ in range(20):
            await post.writer.submit(lambda _: None)
        await assert_settled(post)
        assert mails(decent) == ["first"]
        if gone == "held":
            return
        post.pool.is_paused = False
        assert post.config is not None
        post.configure(post.config)
        await post.until_ended(2)
    assert mails(decent) == ["first", "second"]
    async with Post(state) as post:
        assert post.recovered.started == 0


async def test_what_is_taken_back_goes_to_no_connection_before_it_is(
    state: Path, decent: ScriptedServer
) -> None:
    one = server(decent.port, max_connections=1, keep_idle=SOON)
    async with Post(state, configuration(one)) as post:
        await post.emit("first")
        await post.until_ended(1)
        await post.writer.submit(lambda _: None)
        announce, submit = post.dispatcher.announce, post.writer.submit

        def announced(new: list[QueuedMail]) -> None:
            announce(new)
            post.pool.is_paused = True  # its connection is gone when the mail is on disk

        def submitted(operation: Any, **more: Any) -> Any:
            if getattr(operation, "func", None) is queue_on_disk.put_back:
                post.pool.is_paused = False  # and there is one again
                post.pool.pump()
            return submit(operation, **more)

        post.dispatcher.announce = announced  # type: ignore[method-assign, assignment]
        post.writer.submit = submitted  # type: ignore[method-assign]
        await post.emit("second")
        await post.until_ended(2)
        assert mails(decent) == ["first", "second"]
        await assert_settled(post)


async def test_what_is_taken_back_is_so_before_it_is_started_again(
    state: Path, decent: ScriptedServer
) -> None:
    four = server(decent.port, max_connections=4, keep_idle=SOON)
    async with Post(state, configuration(four)) as post:
        await post.emit(*ids(16))
        await post.until_ended(16)
        announce, submit = post.dispatcher.announce, post.writer.submit
        done: dict[int, list[Any]] = {}

        def announced(new: list[QueuedMail]) -> None:
            announce(new)
            post.dispatcher.reload_waiting()  # as where a probe was taken

        def submitted(operation: Any, **more: Any) -> Any:
            what = getattr(operation, "func", None)
            if what is queue_on_disk.start:
                done.setdefault(operation.keywords["mail"].row, []).append(what)
            elif what is queue_on_disk.put_back:
                for one in operation.keywords["mails"]:
                    done.setdefault(one.row, []).append(what)
            return submit(operation, **more)

        post.dispatcher.announce = announced  # type: ignore[method-assign, assignment]
        post.writer.submit = submitted  # type: ignore[method-assign]
        for number in range(20):
            keys = [f"{number}{of}" for of in "abc"]
            await asyncio.gather(*(post.emit(key, key=key) for key in keys))  # in one commit
            await post.until_ended(16 + 3 * (number + 1))
        assert done
        for changes in done.values():
            assert queue_on_disk.put_back not in changes[1:]
        await assert_settled(post)


async def test_of_mails_of_one_key_those_behind_the_first_are_not_started_before_their_turn(
    state: Path, decent: ScriptedServer
) -> None:
    four = server(decent.port, max_connections=4, keep_idle=SOON)
    async with Post(state, configuration(four)) as post:
        await post.emit(*ids(16))
        await post.until_ended(16)
        taken_back = 0
        submit = post.writer.submit

        def submitted(operation: Any, **more: Any) -> Any:
            nonlocal taken_back
            taken_back += getattr(operation, "func", None) is queue_on_disk.put_back
            return submit(operation, **more)

        post.writer.submit = submitted  # type: ignore[method-assign]
        for id_ in ids(40, "k"):
            await post.emit(id_, key="k")
        await post.until_ended(56)
        assert not taken_back
        assert post.delivered[16:] == ids(40, "k")


async def test_events_are_mailed_in_order_and_once_whether_they_were_kept_in_memory_or_not(
    state: Path, decent: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "KEPT_IN_MEMORY", 50)
    async with Post(state) as post:
        await post.emit(*ids(30, "a"))
    async with Post(state) as post:
        for part in "bcdef":
            await post.emit(*ids(30, part))
        post.configure(configuration(server(decent.port, max_connections=1)))
        await post.emit(*ids(30, "g"))
        await post.until_ended(210)
        await post.emit(*ids(30, "h"))
        await post.until_ended(240)
    assert mails(decent) == [id_ for part in "abcdefgh" for id_ in ids(30, part)]


async def test_a_stop_finishes_what_is_beyond_the_final_dot_and_starts_nothing(
    state: Path,
) -> None:
    arrived, answer = asyncio.Event(), asyncio.Event()

    async def content(peer: Peer) -> None:
        arrived.set()
        await answer.wait()
        await peer.say("250 2.0.0 Ok")

    async with ScriptedServer(ordinary(answers={"CONTENT": content})) as slow:
        async with Post(state, configuration(server(slow.port, max_connections=1))) as post:
            await post.emit(*ids(20))
            await arrived.wait()
            stopping = asyncio.ensure_future(post.end(30))
            await turns()
            assert not stopping.done()
            answer.set()
            await stopping
            delivered = len(post.ended)
            assert delivered == 1
        async with Post(state, configuration(server(slow.port))) as post:
            assert post.recovered.started == 0
            await post.until_ended(20 - delivered)
            assert each_once(mails(slow), ids(20))


async def test_a_stop_does_not_wait_for_ever_and_what_may_have_arrived_is_known(
    state: Path,
) -> None:
    arrived = asyncio.Event()

    async def content(peer: Peer) -> None:
        arrived.set()
        await peer.rest()

    async with (
        ScriptedServer(ordinary(answers={"CONTENT": content})) as slow,
        Post(state, configuration(server(slow.port, max_connections=1))) as post,
    ):
        await post.emit(*ids(20))
        await arrived.wait()
        await post.end(0.01)
    async with Post(state) as post:
        assert post.recovered.started == 1


async def test_another_configuration_counts_from_the_next_mail(
    state: Path, decent: ScriptedServer
) -> None:
    async with (
        ScriptedServer(ordinary()) as other,
        Post(state, configuration(server(decent.port))) as post,
    ):
        await post.emit(*ids(10))
        await post.until_ended(10)
        post.configure(configuration(server(other.port), admins=("b@x.example",)))
        await post.emit(*ids(10, "m"))
        await post.until_ended(20)
        assert each_once(mails(decent), ids(10))
        assert each_once(mails(other), ids(10, "m"))
        assert set(await post.states("m0000")) == {"b@x.example"}


# -- by hand


async def test_delete_ends_what_waits_wherever_it_is(state: Path, closed: socket.socket) -> None:
    async with Post(state, configuration(server(closed.getsockname()[1]))) as post:
        await post.emit("mailed")
        await post.until(lambda: bool(post.servers_changed))
        changed = await post.delete(["mailed", "unknown"])
        assert (changed.deliveries, changed.unknown) == (1, ("unknown",))
        assert post.ended == ["mailed"]
        assert (await post.history("mailed"))["outcome"] == "deleted"
        assert (await post.history("mailed"))["reason"] == "deleted by x"
        await assert_settled(post)
    async with Post(state) as post:
        await post.emit("unrouted")
        assert (await post.delete(["unrouted"])).deliveries == 1
        assert (await post.history("unrouted"))["outcome"] == "deleted"
        assert (await post.history("unrouted"))["reason"] == "deleted by x"
        assert post.router.waiting == 0
        await assert_settled(post)


async def test_deleting_nothing_deletes_nothing(state: Path, closed: socket.socket) -> None:
    async with Post(state, configuration(server(closed.getsockname()[1]))) as post:
        await post.emit("1")
        await post.until(lambda: bool(post.servers_changed))
        assert (await post.delete([])).deliveries == 0
        assert post.ended == []


async def test_on_a_full_disk_deleting_makes_room_for_what_waits_to_be_routed(
    state: Path, decent: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(router, "DISK_FULL_PAUSE", 0.01)
    async with Post(state) as post:
        body = b'{"type":"a","message":"' + b"x" * 100_000 + b'"}'
        at = post.clock()
        batch: list[NewEvent] = [
            (id_, 0, "", at, body, False, None) for id_ in ("first", "second", "third")
        ]
        post.router.accepted(await post.writer.submit(lambda db: events.accept(db, batch, 0.0)))
        await post.writer.submit(
            lambda db: db.pragma("max_page_count", db.pragma("page_count") + 40)
        )
        post.configure(configuration(server(decent.port)))
        for _ in range(3):  # until the router has met the limit
            await turns()
            await post.writer.submit(lambda db: None)
        assert post.router.waiting == 3
        changed = await asyncio.wait_for(post.delete(["first"]), 10)
        assert changed.deliveries == 1
        await post.writer.submit(lambda db: db.pragma("max_page_count", 1 << 30))
        await post.until_ended(3)
        assert sorted(mails(decent)) == ["second", "third"]
        await assert_settled(post)


async def test_a_full_disk_does_not_end_the_housekeeping(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[float] = []

    def too_old(db: apsw.Connection, before: float, after: int, **_: Any) -> prune.Pruned:
        rounds.append(before)
        raise apsw.FullError

    monkeypatch.setattr(prune, "too_old", too_old)
    async with Post(state) as post, asyncio.timeout(10):
        post.housekeeping.configure(replace(PATIENT, keep=100.0), "en")
        while not rounds:
            await post.writer.submit(lambda db: None)
        post.housekeeping.configure(replace(PATIENT, keep=1000.0), "en")
        while rounds[-1] > rounds[0] - 500:
            await post.writer.submit(lambda db: None)


async def test_what_an_administrator_does_while_mails_go_out_loses_and_doubles_nothing(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active_queue, "MAILS", 200)
    turn = 0

    async def moody(peer: Peer) -> None:
        nonlocal turn
        turn += 1
        await peer.say("450 4.2.1 Later" if turn % 3 else "250 2.1.5 Ok")

    wanted, unwanted = ids(150, "w"), ids(150, "u")
    both = [id_ for pair in zip(wanted, unwanted, strict=True) for id_ in pair]
    async with (
        ScriptedServer(ordinary(answers={"RCPT": moody})) as server_,
        Post(state, configuration(server(server_.port, max_connections=4), queue=QUICK)) as post,
    ):
        await post.emit(*both)

        async def meddle() -> None:
            for start in range(0, 150, 10):
                await post.queue_admin.retry()
                await post.delete(unwanted[start : start + 10])

        await meddle()
        await post.until_ended(300)
        arrived = mails(server_)
        assert each_once([id_ for id_ in arrived if id_.startswith("w")], wanted)
        deleted = {id_ for id_ in unwanted if (await post.history(id_))["outcome"] == "deleted"}
        assert each_once([i for i in arrived if i.startswith("u")], set(unwanted) - deleted)
        assert sorted(post.ended) == sorted(both)
        await assert_settled(post)
        assert await post.writer.submit(events.usage) == {}


@pytest.mark.parametrize("where", ["open", "ready"])
async def test_an_error_of_our_own_is_tried_again_as_an_outage_and_loses_no_mail(
    where: str, state: Path, decent: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context)))

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    async with Post(state, configuration(server(decent.port))) as post:
        with monkeypatch.context() as patch:
            patch.setattr(SmtpConnection, where, broken)
            await post.emit("1")
            await post.until(lambda: bool(post.servers_changed))
            await turns(50)
        assert len(told) == 1  # and not as fast as this machine can
        post.pool.retry_servers()
        await post.until_ended(1)
        await assert_settled(post)
    assert mails(decent) == ["1"]


@pytest.mark.parametrize("where", ["open", "prepare", "ready"])
async def test_a_mail_whose_sender_ended_by_an_error_is_tried_again_by_itself(
    where: str, state: Path, decent: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    real = getattr(SmtpConnection, where)

    def broken_once(*given: Any) -> Any:
        monkeypatch.setattr(SmtpConnection, where, real)
        raise RuntimeError("can't start new thread")

    async with Post(state, configuration(server(decent.port), queue=QUICK)) as post:
        monkeypatch.setattr(SmtpConnection, where, broken_once)
        await post.emit("1")
        await post.until_ended(1)
        await assert_settled(post)
    assert mails(decent) == ["1"]


@pytest.mark.parametrize(("where", "call"), [("send_content", 1), ("prepare", 2)])
async def test_a_mail_whose_sender_ended_by_an_error_beyond_the_dot_may_have_arrived(
    where: str, call: int, state: Path, decent: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    real = getattr(SmtpConnection, where)
    calls = 0

    def broken_once(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise RuntimeError("can't start new thread")
        return real(*given)

    monkeypatch.setattr(SmtpConnection, where, broken_once)
    one = server(decent.port, max_connections=1)
    async with Post(state, configuration(one, queue=QUICK)) as post:
        await post.emit("1", "2", "3")
        await post.until_ended(3)
        attempts = [
            attempt["outcome"]
            for id_ in ("1", "2", "3")
            for delivery in (await post.history(id_))["deliveries"]
            for attempt in delivery["attempts"]
        ]
        assert sorted(attempts) == ["delivered"] * 3 + ["unknown"]
        await assert_settled(post)
    assert set(mails(decent)) == {"1", "2", "3"}
    async with Post(state) as post:
        assert post.recovered.started == 0


async def test_what_is_made_due_while_the_loader_looks_is_not_overlooked(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replies: dict[str, Answer] = {"a@x.example": "450 4.2.1 Later"}
    loop = asyncio.get_running_loop()
    look = pending.waiting
    async with (
        ScriptedServer(ordinary(answers={"RCPT": rcpt(replies)})) as moody,
        Post(state, configuration(server(moody.port))) as post,
    ):
        await post.emit("1")
        await post.until(lambda: bool(post.outcomes))
        await post.settled()
        replies.clear()
        looks: list[int] = []

        def waiting(*given: Any) -> Waiting:
            db, found = given[0], look(*given)
            looks.append(len(found.messages))
            if len(looks) == 1:  # behind its back
                lanes.let_all_wait(db, 100)
                loop.call_soon_threadsafe(post.dispatcher.reload_waiting)
            return found

        monkeypatch.setattr(pending, "waiting", waiting)
        post.dispatcher.reload_waiting()
        await post.until_ended(1)
        assert looks[:2] == [0, 1]


async def test_events_dated_ahead_keep_no_history_for_good(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "LOOKED_AT", 50)
    looks: list[int] = []
    too_old = prune.too_old

    def look(db: apsw.Connection, before: float, after: int, **more: Any) -> prune.Pruned:
        looks.append(after)
        return too_old(db, before, after, **more)

    monkeypatch.setattr(prune, "too_old", look)
    async with Post(state) as post:  # nothing is pruned by itself

        async def ended(name: str, queued: float) -> None:
            def put(db: apsw.Connection) -> None:
                batch = [event(f"{name}{number}") for number in range(250)]
                stored = events.accept(db, batch, queued).events
                gone = [Ended(one, Text("理由", "why")) for one in stored]
                queue_on_disk.route(db, stored[-1].seq, [], gone)

            await post.writer.submit(put)

        async def left() -> set[str]:
            query = "SELECT id FROM events"
            found: list[Any] = await post.writer.submit(lambda db: db.execute(query).fetchall())
            return {id_[:3] for (id_,) in found}

        await ended("far", 1e9)
        await ended("old", 0.0)
        post.serve(PATIENT.keep + 1)
        await post.housekeeping._prune(PATIENT)
        assert await left() == {"far"}
        await ended("new", 0.0)
        looks.clear()
        await post.housekeeping._prune(PATIENT)
        assert len(looks) == 1  # it does not look at all that there is each time,
        post.serve(86400)
        await post.housekeeping._prune(PATIENT)  # but now and then it does
        assert await left() == {"far"}
