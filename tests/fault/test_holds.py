"""What is held, for whom, and how it goes out again: nothing is given up that somebody can mend."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support.delivery import QUICK, Post, configuration, each_once, ids, mails, server
from tests.support.scripted_server import (
    Answer,
    Peer,
    ScriptedServer,
    drop,
    give,
    ordinary,
    rcpt,
    then,
)
from zaiond.config.schema import Queue
from zaiond.store import holds

GOOD, BAD = "good@x.example", "bad@x.example"
REFUSED = "550 5.1.1 No such user"
HOURLY = Queue(retry_first=3600.0, retry_max=3600.0)


def commands(scripted: ScriptedServer, name: str) -> int:
    """How many of these the server was given."""
    return sum(peer.commands.count(name) for peer in scripted.peers)


def contents(scripted: ScriptedServer) -> list[bytes]:
    """Each content that the server was given."""
    return [content for peer in scripted.peers for content in peer.contents]


async def held_on_disk(post: Post) -> list[tuple[str, str]]:
    return [(hold.scope, hold.subject) for hold in await post.writer.submit(holds.find)]


async def test_an_address_that_is_refused_is_not_asked_about_for_each_mail(state: Path) -> None:
    answers = {BAD: REFUSED}
    async with (
        ScriptedServer(ordinary(answers={"RCPT": rcpt(answers)})) as picky,
        Post(state, configuration(server(picky.port), admins=(GOOD, BAD))) as post,
    ):
        await post.emit("first")
        await post.until(lambda: bool(post.holds))
        asked = commands(picky, "RCPT")
        await post.emit(*ids(500))
        await post.until(lambda: len(post.outcomes) == 2 + 500)
        await post.settled()
        assert each_once(mails(picky), [*ids(500), "first"])
        assert commands(picky, "RCPT") == asked + 500
        assert await post.counts() == {"delivered": 501, "held": 501}
        assert await held_on_disk(post) == [("address", BAD)]
        assert len(post.holds) == 1


@pytest.mark.parametrize("how", ["configuration", "by hand", "probe", "restart and configuration"])
async def test_what_an_address_holds_goes_out_once_it_is_mended(state: Path, how: str) -> None:
    answers = {BAD: REFUSED}
    async with ScriptedServer(ordinary(answers={"RCPT": rcpt(answers)})) as picky:
        config = configuration(server(picky.port), admins=(GOOD, BAD), queue=HOURLY)
        async with Post(state, config) as post:
            await post.emit("first")
            await post.until(lambda: bool(post.holds))
            await post.emit(*ids(30))
            await post.settled()
            assert (await post.counts())["held"] == 31
            answers.clear()
            if how == "configuration":
                await post.mend(subject_prefix="[mended]")
            elif how == "by hand":
                await post.queue_admin.retry()
            elif how == "probe":
                post.ahead += 3601
                post.dispatcher.reload_waiting()
            if "restart" not in how:
                await post.until_ended(31)
        if "restart" in how:
            async with Post(state) as post:
                post.config = config
                await post.mend(subject_prefix="[mended]")
                await post.until_ended(31)
        assert await_counts(state) == {"delivered": 62}
        assert len(mails(picky)) == 62  # one transaction for each recipient


def await_counts(state: Path) -> dict[str, int]:
    from tests.support.store import rows

    return dict(rows(state, "SELECT state, count(*) FROM deliveries GROUP BY 1"))


async def test_one_mail_an_hour_asks_for_a_held_address(state: Path) -> None:
    async with (
        ScriptedServer(ordinary(answers={"RCPT": REFUSED})) as picky,
        Post(state, configuration(server(picky.port, max_connections=1), queue=HOURLY)) as post,
    ):
        await post.emit(*ids(30))
        await post.until(lambda: bool(post.holds))
        await post.settled()
        for _ in range(3):
            asked = len(post.outcomes)
            post.ahead += 3601
            post.dispatcher.reload_waiting()
            await post.until(lambda: len(post.outcomes) > asked)  # noqa: B023
            await post.settled()
            assert len(post.outcomes) == asked + 1
        assert len(post.holds) == 1  # the admins are told once


async def test_with_the_probe_gone_another_mail_becomes_it(state: Path) -> None:
    answers = {BAD: REFUSED}
    async with (
        ScriptedServer(ordinary(answers={"RCPT": rcpt(answers)})) as picky,
        Post(state, configuration(server(picky.port), admins=(BAD,), queue=HOURLY)) as post,
    ):
        await post.emit("probe")
        await post.until(lambda: bool(post.holds))
        await post.emit("other")
        await post.settled()
        await post.delete(["probe"])
        answers.clear()
        post.housekeeping.configure(HOURLY, "en")
        await post.until(lambda: "other" in post.ended)


async def test_one_bad_recipient_at_the_dot_does_not_cost_the_others_theirs(state: Path) -> None:
    async def content(peer: Peer) -> None:
        to = peer.said.rpartition(b"MAIL FROM")[2]
        bad = f"RCPT TO:<{BAD}>".encode() in to
        await peer.say("554 5.6.0 Not for bad" if bad else "250 2.0.0 Ok")

    async with (
        ScriptedServer(ordinary(answers={"CONTENT": content})) as picky,
        Post(state, configuration(server(picky.port), admins=(GOOD, BAD, "c@x.example"))) as post,
    ):
        await post.emit("1")
        await post.until(lambda: bool(post.holds))
        await post.settled()
        states = {GOOD: "delivered", BAD: "held", "c@x.example": "delivered"}
        assert await post.states("1") == states
        assert await held_on_disk(post) == [("mail", "1")]


async def test_a_mail_whose_content_is_refused_stops_no_other(state: Path) -> None:
    async with (
        ScriptedServer(ordinary(answers={"CONTENT": then("554 5.6.0 No", "250 Ok")})) as picky,
        Post(state, configuration(server(picky.port, max_connections=1), queue=HOURLY)) as post,
    ):
        await post.emit("bad", "good")
        await post.until_ended(1)
        assert post.ended == ["good"]
        assert await post.states("bad") == {"a@x.example": "held"}
        post.ahead += 3601
        post.dispatcher.reload_waiting()
        await post.until_ended(2)
        assert await held_on_disk(post) == []


# As filters say it of a link, a word, a habit in one mail; the same words may concern all mail.
AS_IF_OF_US = (
    "550 5.7.1 Blocked: it names a domain listed in dbl.example",
    "554 5.7.1 Rejected, it asks for authentication",
)


@pytest.mark.parametrize("words", AS_IF_OF_US)
@pytest.mark.parametrize("offers", [("PIPELINING",), ()])
@pytest.mark.parametrize("when", ["first", "alone"])
async def test_words_about_one_content_hold_no_other_mail(
    state: Path, words: str, offers: tuple[str, ...], when: str
) -> None:
    async def content(peer: Peer) -> None:
        await peer.say(words if b"Zaiond-Event: bad" in peer.contents[-1] else "250 2.0.0 Ok")

    async with (
        ScriptedServer(ordinary(offers=offers, answers={"CONTENT": content})) as picky,
        Post(state, configuration(server(picky.port, max_connections=1), queue=HOURLY)) as post,
    ):
        if when == "alone":
            await post.emit("bad")
            await post.until(lambda: post.outbound.holds.queue is not None)
            await post.emit(*ids(20))
        else:
            await post.emit("bad", *ids(20))
        await post.until(lambda: len(post.ended) == 20)
        await post.settled()
        assert await held_on_disk(post) == [("mail", "1")]
        await post.emit("next")  # nothing else is held, nor slowed
        await post.until(lambda: "next" in post.ended)
        assert sum(b"Zaiond-Event: bad" in content for content in contents(picky)) <= 3


@pytest.mark.parametrize("words", AS_IF_OF_US)
async def test_the_same_words_about_all_contents_hold_the_queue(state: Path, words: str) -> None:
    async with (
        ScriptedServer(ordinary(answers={"CONTENT": words})) as picky,
        Post(state, configuration(server(picky.port, max_connections=1), queue=HOURLY)) as post,
    ):
        for id_ in ids(20):
            await post.emit(id_)
        await post.until(lambda: post.outbound.holds.queue is not None)
        await post.unconnected()
        assert await held_on_disk(post) == [("queue", "")]
        assert len(contents(picky)) <= 4


@pytest.mark.parametrize("how", ["deleted", "expired"])
async def test_what_holds_nothing_any_more_is_held_no_longer(state: Path, how: str) -> None:
    async with (
        ScriptedServer(ordinary(answers={"RCPT": REFUSED})) as picky,
        Post(state, configuration(server(picky.port), queue=HOURLY)) as post,
    ):
        await post.emit("1")
        await post.until(lambda: bool(post.holds))
        if how == "deleted":
            await post.delete(["1"])
        else:
            post.serve(HOURLY.keep + 1.0)
            while post.outbound.holds.addresses:  # it may be under way, as the probe
                post.housekeeping.configure(HOURLY, "en")
                await post.a_moment()
        assert await held_on_disk(post) == []


async def test_who_is_tried_alone_is_tried_by_the_server_that_refused_them_together(
    state: Path,
) -> None:
    async with (
        ScriptedServer(ordinary(answers={"CONTENT": "554 5.6.0 No"})) as picky,
        ScriptedServer(ordinary()) as second,
        Post(
            state, configuration(server(picky.port), server(second.port), admins=(GOOD, BAD))
        ) as post,
    ):
        await post.emit("1")
        await post.until(lambda: bool(post.holds))
        await post.settled()
        assert await post.states("1") == {GOOD: "held", BAD: "held"}
        assert not second.peers


async def test_relaying_refused_to_all_holds_the_queue_and_to_one_its_address(state: Path) -> None:
    answers: dict[str, Answer] = {BAD: "554 5.7.1 Relay access denied"}
    async with (
        ScriptedServer(ordinary(answers={"RCPT": rcpt(answers)})) as picky,
        Post(state, configuration(server(picky.port), admins=(GOOD, BAD), queue=HOURLY)) as post,
    ):
        await post.emit("1")
        await post.until(lambda: bool(post.holds))
        assert await post.states("1") == {GOOD: "delivered", BAD: "held"}
        answers[GOOD] = answers[BAD]
        await post.emit("2")
        await post.until(lambda: post.outbound.holds.queue is not None)
        assert post.pool.servers is not None
        assert post.pool.servers.held_by is not None


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "CONTENT"])
async def test_what_holds_the_queue_is_over_with_the_probe_that_is_taken(
    state: Path, stage: str
) -> None:
    answers: dict[str, Answer] = {stage: then("550 5.1.8 Sender refused", "250 2.0.0 Ok")}
    async with (
        ScriptedServer(ordinary(answers=answers)) as picky,
        Post(state, configuration(server(picky.port, keep_idle=0.0), queue=QUICK)) as post,
    ):
        await post.emit("1")
        await post.until_ended(1)
        await post.settled()
        assert len(post.holds) == 1
        assert post.outbound.holds.queue is None
        assert not post.queue_time.paused
        assert await held_on_disk(post) == []


async def test_what_holds_the_queue_is_not_over_when_the_server_goes_away(state: Path) -> None:
    greeting: list[Answer] = ["220 here"]

    async def greet(peer: Peer) -> None:
        await give(greeting[0], peer)

    answers: dict[str, Answer] = {"GREETING": greet, "MAIL": "550 5.1.8 Sender refused"}
    async with (
        ScriptedServer(ordinary(answers=answers)) as picky,
        Post(state, configuration(server(picky.port, keep_idle=0.0), queue=QUICK)) as post,
    ):
        await post.emit("1")
        await post.until(lambda: bool(post.holds))
        greeting[0] = drop
        seen = len(picky.peers)
        while len(picky.peers) < seen + 3:
            await post.a_moment()
        assert post.outbound.holds.queue is not None
        assert len(post.holds) == 1


async def test_an_end_that_stays_unknown_is_tried_four_times_in_all(state: Path) -> None:
    async with (
        ScriptedServer(ordinary(answers={"CONTENT": drop})) as mute,
        Post(state, configuration(server(mute.port), queue=QUICK)) as post,
    ):
        await post.emit("1")
        await post.until(lambda: bool(post.holds))
        assert len(mails(mute)) == 4
        assert await post.attempts("1") == ["unknown"] * 4
        assert await post.states("1") == {"a@x.example": "held"}
        post.ahead += 40 * 86400
        post.dispatcher.reload_waiting()
        await post.settled()
        assert len(mails(mute)) == 4  # no probe: each would be one more copy


# -- a configuration that changes


ASCII, INTL = "z@corp.example", "財音@corp.example"


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"sender": INTL}, {"sender": ASCII}),
        ({"admins": ("a@x.example", "財@x.example")}, {"admins": ("a@x.example", "b@x.example")}),
        ({"admins": ("財@x.example",)}, {"admins": ("b@x.example",)}),
        ({"admins": ("a@x.example",), "sender": INTL}, {"admins": ("b@x.example", "c@x.example")}),
    ],
)
async def test_no_change_of_the_configuration_ends_a_mail(
    state: Path, before: dict[str, Any], after: dict[str, Any], stopped: bool
) -> None:
    async with ScriptedServer(ordinary()) as plain:  # without SMTPUTF8
        config = configuration(server(plain.port), queue=HOURLY, **before)
        post = Post(state, config)
        async with post:
            await post.emit("1")
            await post.until(lambda: bool(post.holds))
            await post.unconnected()
            had = {r for r, became in (await post.states("1")).items() if became == "delivered"}
            if not stopped:
                await post.mend(**{"sender": ASCII, **after})
                await post.until_ended(1)
                await check(post, had, after.get("admins", ("a@x.example",)))
        if stopped:
            post = Post(state)
            post.config = config
            async with post:
                await post.mend(**{"sender": ASCII, **after})
                await post.until_ended(1)
                await check(post, had, after.get("admins", ("a@x.example",)))


async def check(post: Post, had: set[str], admins: tuple[str, ...]) -> None:
    """Who is a recipient now has it, and so has who had it before."""
    document = await post.history("1")
    assert document["outcome"] == "delivered"
    got = {d["recipient"] for d in document["deliveries"] if d["outcome"] == "delivered"}
    assert got == had | set(admins)


async def test_a_mail_on_its_way_while_the_configuration_changes_is_made_anew(state: Path) -> None:
    come, go = asyncio.Event(), asyncio.Event()

    async def slow(peer: Peer) -> None:
        if not go.is_set():
            come.set()
            await go.wait()
            await give("450 4.2.1 Later", peer)
        else:
            await give("250 2.1.5 Ok", peer)

    async with (
        ScriptedServer(ordinary(answers={"RCPT": slow})) as moody,
        Post(state, configuration(server(moody.port), queue=HOURLY)) as post,
    ):
        await post.emit("1")
        await come.wait()
        await post.mend(admins=(GOOD,))
        go.set()
        await post.until_ended(1)
        assert (await post.states("1"))[GOOD] == "delivered"
        assert mails(moody) == ["1"]


async def test_what_is_no_longer_to_be_mailed_goes_to_the_admins_if_it_waits(state: Path) -> None:
    from zaiond.config.schema import Notify

    async with (
        ScriptedServer(ordinary(answers={"RCPT": then("450 4.2.1 Later", "250 Ok")})) as later,
        Post(state, configuration(server(later.port), queue=HOURLY)) as post,
    ):
        await post.emit("1", kind="backup.auto_update.failed")
        await post.until(lambda: bool(post.outcomes))
        await post.mend(notify=Notify(backup_auto_update=False))
        await post.until_ended(1)
        assert (await post.history("1"))["outcome"] == "delivered"


# -- by hand


async def test_what_has_expired_can_be_sent_all_the_same(state: Path) -> None:
    answers: dict[str, Answer] = {"a@x.example": "450 4.2.1 Later"}
    timing = Queue(retry_first=3600.0, retry_max=3600.0, expire=7200.0)
    async with (
        ScriptedServer(ordinary(answers={"RCPT": rcpt(answers)})) as moody,
        Post(state, configuration(server(moody.port), queue=timing)) as post,
    ):
        await post.emit("1")
        await post.until(lambda: bool(post.outcomes))
        post.ahead -= 12000  # so that it is not tried by itself
        post.serve(12000)
        post.housekeeping.configure(timing, "en")
        await post.until_ended(1)
        assert (await post.history("1"))["outcome"] == "expired"
        answers.clear()
        changed = await post.queue_admin.retry(["1"])
        assert changed.deliveries == 1
        await post.until_ended(2)
        assert (await post.history("1"))["outcome"] == "delivered"
        assert mails(moody) == ["1"]
        assert await post.attempts("1") == ["deferred", "delivered"]


# -- order


async def test_mails_of_one_key_arrive_in_order_whatever_is_deferred(state: Path) -> None:
    async with (
        ScriptedServer(
            ordinary(answers={"RCPT": then(*["450 4.2.1 Later", "250 Ok", "250 Ok"] * 40)})
        ) as moody,
        Post(state, configuration(server(moody.port, max_connections=8), queue=QUICK)) as post,
    ):
        await post.emit(*ids(20, "k"), key="disk")
        await post.emit(*ids(40))
        await post.emit(*ids(20, "l"), job="backup")
        await post.until_ended(80)
        assert [id_ for id_ in post.delivered if id_[0] == "k"] == ids(20, "k")
        assert [id_ for id_ in post.delivered if id_[0] == "l"] == ids(20, "l")
        assert each_once(mails(moody), [*ids(40), *ids(20, "k"), *ids(20, "l")])


async def test_a_recipient_that_is_deferred_keeps_no_other_of_its_key_waiting(state: Path) -> None:
    answers: dict[str, Answer] = {BAD: "450 4.2.1 Later"}
    async with (
        ScriptedServer(ordinary(answers={"RCPT": rcpt(answers)})) as moody,
        Post(state, configuration(server(moody.port), admins=(GOOD, BAD), queue=HOURLY)) as post,
    ):
        await post.emit(*ids(5), key="disk")
        await post.until(lambda: len(post.delivered) == 5)
        await post.emit("6", key="disk")
        await post.until(lambda: len(post.delivered) == 6)
        assert await post.counts() == {"delivered": 6, "deferred": 6}
        answers.clear()
        post.ahead += 3601
        post.dispatcher.reload_waiting()
        await post.until_ended(6)
        assert post.ended == [*ids(5), "6"]


async def test_what_only_waits_to_expire_keeps_no_other_of_its_key_waiting(state: Path) -> None:
    answers: dict[str, Answer] = {"a@x.example": "450 4.2.1 Later"}
    timing = Queue(retry_first=3600.0, retry_max=3600.0, expire=7200.0)
    async with (
        ScriptedServer(ordinary(answers={"RCPT": rcpt(answers)})) as moody,
        Post(state, configuration(server(moody.port), queue=timing)) as post,
    ):
        await post.emit("old", key="disk")
        await post.until(lambda: bool(post.outcomes))
        post.serve(8000)
        post.dispatcher.reload_waiting()
        await post.until(lambda: len(post.outcomes) == 2)  # the last try
        answers.clear()
        await post.emit("new", key="disk")
        await post.until_ended(1)
        assert post.ended == ["new"]
        post.serve(3700)
        for _ in range(2):  # neither is tried again by that
            await post.housekeeping._mend()
            await post.settled()
        await post.housekeeping._expire(timing)
        assert post.ended == ["new", "old"]
        assert (await post.history("old"))["outcome"] == "expired"


async def test_after_an_outage_urgent_mail_goes_first_and_the_rest_as_accepted(state: Path) -> None:
    up = asyncio.Event()

    async def greeting(peer: Peer) -> None:
        await peer.say("220 here" if up.is_set() else "421 4.3.2 Not now")

    async with (
        ScriptedServer(ordinary(answers={"GREETING": greeting})) as moody,
        Post(state, configuration(server(moody.port, max_connections=1), queue=QUICK)) as post,
    ):
        await post.emit(*ids(1200), severity="warning")
        await post.emit("behind", severity="warning", key="disk")
        await post.emit(*ids(3, "crit"), severity="crit")
        await post.emit("after", severity="crit", key="disk")
        await post.until(lambda: bool(post.servers_changed))
        await post.settled_routing()
        up.set()
        post.pool.retry_servers()
        await post.until_ended(1205)
        urgent = [*ids(3, "crit"), "behind", "after"]
        assert sorted(post.ended[:5]) == sorted(urgent)
        assert post.ended.index("behind") < post.ended.index("after")
        assert post.ended[5:] == ids(1200)
