"""Delivery to a server that takes mail only after a login by POP, and forgets it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fault.test_dispatch import assert_settled
from tests.support.delivery import (
    PATIENT,
    QUICK,
    Post,
    configuration,
    connection_context,
    each_once,
    ids,
    mails,
)
from tests.support.pop_server import PASSWORD, TIMESTAMP, USER, Door, pop
from tests.support.scripted_server import Answer, Peer, ScriptedServer, late, ordinary, then
from zaiond.config.schema import Auth, MailServer, PopBeforeSmtp, Secret
from zaiond.selftest import render
from zaiond.selftest.run import self_test

A, B = "a@x.example", "b@elsewhere.example"


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
async def popper(door: Door) -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(pop(door, timestamp=TIMESTAMP)) as popper:
        yield popper


@pytest.fixture
async def smtp(door: Door) -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(door.smtp()) as smtp:
        yield smtp


def behind(
    smtp: ScriptedServer, popper: ScriptedServer, *, password: str = PASSWORD, **given: Any
) -> MailServer:
    """The mail server behind the door, and how to be let in."""
    settings: dict[str, Any] = {"timeout": 5.0, "keep_idle": 0.05, "helo_name": "client.example"}
    return MailServer(
        host="127.0.0.1",
        port=smtp.port,
        security="none",
        auth=Auth(username=USER, password=Secret(password)),
        pop_before_smtp=PopBeforeSmtp(enabled=True, port=popper.port),
        **{**settings, **given},
    )


async def test_many_mails_over_many_connections_take_one_login(
    state: Path, door: Door, smtp: ScriptedServer, popper: ScriptedServer
) -> None:
    async with Post(state, configuration(behind(smtp, popper))) as post:
        await post.emit(*ids(100))
        await post.until_ended(100)
        await post.emit(*ids(100, "m"))
        await post.until_ended(200)
        await assert_settled(post)
    assert door.logins == len(popper.peers) == 1
    assert len(smtp.peers) > 1
    assert each_once(mails(smtp), ids(100) + ids(100, "m"))


@pytest.mark.parametrize("offers", [("PIPELINING",), ()])
@pytest.mark.parametrize(
    "refusal",
    [
        "554 5.7.1 Relay access denied",
        "550 relaying denied",
        "550 no",
        "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        "530 5.7.0 Authentication required",
    ],
)
async def test_what_is_refused_for_a_login_that_is_forgotten_goes_out_after_another(
    state: Path, popper: ScriptedServer, door: Door, offers: tuple[str, ...], refusal: str
) -> None:
    door.refusal = refusal
    async with (
        ScriptedServer(door.smtp(offers=offers)) as smtp,
        Post(state, configuration(behind(smtp, popper), queue=PATIENT)) as post,
    ):
        for number in range(1, 4):
            await post.emit(*ids(20, f"n{number}"))
            await post.until_ended(20 * number)
            door.open = False
        await assert_settled(post)
    assert {state for _, _, state in post.outcomes} == {"delivered"}
    assert post.servers_changed == []
    assert door.logins == 3
    assert sorted(mails(smtp)) == sorted(ids(20, "n1") + ids(20, "n2") + ids(20, "n3"))


async def test_what_is_forgotten_while_mails_flow_stops_none_of_them(
    state: Path, door: Door, smtp: ScriptedServer, popper: ScriptedServer
) -> None:
    async with Post(state, configuration(behind(smtp, popper), queue=PATIENT)) as post:
        await post.emit(*ids(500))
        for reached in (50, 200, 350):
            await post.until_ended(reached)
            door.open = False  # behind the dot of some mail the next envelope waits already
        await post.until_ended(500)
        await assert_settled(post)
    assert {state for _, _, state in post.outcomes} == {"delivered"}
    assert each_once(mails(smtp), ids(500))
    assert door.logins == len(popper.peers) == 4


async def test_a_mail_of_which_one_recipient_is_refused_goes_to_both_once(
    state: Path, door: Door, smtp: ScriptedServer, popper: ScriptedServer
) -> None:
    door.always.add(A)
    given = configuration(behind(smtp, popper), admins=(A, B))
    async with Post(state, given) as post:
        await post.emit("1")
        await post.until_ended(1)
        door.open = False
        await post.emit("2")
        await post.until_ended(2)
        assert await post.states("2") == {A: "delivered", B: "delivered"}
        assert await post.attempts("2") == ["delivered", "delivered"]
    assert mails(smtp) == ["1", "2"]
    assert door.logins == 2


async def test_a_refusal_that_outlives_a_new_login_is_believed(
    state: Path, door: Door, smtp: ScriptedServer, popper: ScriptedServer
) -> None:
    door.never.add(B)
    given = configuration(behind(smtp, popper), admins=(A, B))
    async with Post(state, given) as post:
        await post.emit("1")
        await post.until(lambda: len(post.outcomes) == 2)
        assert await post.states("1") == {A: "delivered", B: "held"}
        assert door.logins == 2
        # From now on for a while there is no login for the like of it.
        await post.emit(*ids(30))
        await post.until(lambda: len(post.outcomes) == 32)
        await post.settled()
        await assert_settled(post)
    assert door.logins == 2
    assert {(who, state) for _, who, state in post.outcomes} == {(A, "delivered"), (B, "held")}
    assert each_once(mails(smtp), ["1", *ids(30)])


async def test_a_refusal_that_names_the_mailbox_takes_no_login(
    state: Path, popper: ScriptedServer
) -> None:
    door = Door("550 5.1.1 No such user")
    door.open = True
    door.never.add(B)
    async with (
        ScriptedServer(door.smtp()) as smtp,
        Post(state, configuration(behind(smtp, popper), admins=(A, B))) as post,
    ):
        await post.emit("1")
        await post.until(lambda: len(post.outcomes) == 2)
        assert await post.states("1") == {A: "delivered", B: "held"}
    assert len(popper.peers) == 1


async def test_a_wrong_password_holds_the_queue_and_is_not_tried_by_every_connection(
    state: Path, smtp: ScriptedServer, popper: ScriptedServer
) -> None:
    given = configuration(behind(smtp, popper, password="wrong"), queue=PATIENT)
    async with Post(state, given) as post:
        await post.emit(*ids(50))
        await post.until(lambda: bool(post.servers_changed))
        assert post.servers_changed == [(f"127.0.0.1:{smtp.port}", "faulty", False)]
        servers = post.pool.servers
        assert servers is not None
        assert servers.held_by is not None
        assert servers.held_by.server == f"127.0.0.1:{popper.port}"
        # What an administrator mends counts at once, and for what waits.
        await post.mend(mail_server=behind(smtp, popper))
        await post.until_ended(50)
    assert len(popper.peers) == 2
    assert each_once(mails(smtp), ids(50))


async def test_mail_goes_out_by_the_next_server_while_pop_is_down(
    state: Path, door: Door, smtp: ScriptedServer, popper: ScriptedServer
) -> None:
    async with ScriptedServer(pop()) as gone:
        first = behind(smtp, gone)
    async with (
        ScriptedServer(door.smtp()) as other,
        Post(state, configuration(first, behind(other, popper), queue=PATIENT)) as post,
    ):
        await post.emit(*ids(10))
        await post.until_ended(10)
        assert post.servers_changed[0][1:] == ("down", True)
    assert (smtp.peers, door.logins) == ([], 1)
    assert each_once(mails(other), ids(10))


async def test_a_pop_server_that_comes_back_lets_all_mail_go(
    state: Path, door: Door, smtp: ScriptedServer
) -> None:
    busy: dict[str, Answer] = {
        "GREETING": then("-ERR too many connections", f"+OK ready {TIMESTAMP}")
    }
    async with (
        ScriptedServer(pop(door, answers=busy)) as popper,
        Post(state, configuration(behind(smtp, popper), queue=QUICK)) as post,
    ):
        await post.emit(*ids(10))
        await post.until_ended(10)
        assert [change[1] for change in post.servers_changed] == ["down", "up"]
    assert each_once(mails(smtp), ids(10))


@pytest.mark.parametrize("second", ["-ERR [AUTH] no", "-ERR [IN-USE] later", None])
async def test_a_login_that_fails_while_a_mail_waits_for_it_leaves_the_mail_waiting(
    state: Path, door: Door, smtp: ScriptedServer, second: str | None
) -> None:
    at_pop = asyncio.Event()

    async def stall(peer: Peer) -> None:
        at_pop.set()
        await peer.rest()

    async def let_in(peer: Peer) -> None:
        door.let_in()
        await peer.say("+OK")

    answers: dict[str, Answer] = {"APOP": then(let_in, second or stall)}
    async with (
        ScriptedServer(pop(door, timestamp=TIMESTAMP, answers=answers)) as popper,
        Post(state, configuration(behind(smtp, popper), queue=PATIENT)) as post,
    ):
        await post.emit("1")
        await post.until_ended(1)
        door.open = False
        await post.emit(*ids(3))
        if second is None:
            await at_pop.wait()  # and then the daemon stops
        else:
            await post.until(lambda: bool(post.servers_changed))
            await assert_settled(post)
    assert mails(smtp) == ["1"]
    async with (
        ScriptedServer(pop(door, timestamp=TIMESTAMP)) as popper,
        Post(state, configuration(behind(smtp, popper))) as post,
    ):
        assert post.recovered.started == 0
        await post.until_ended(3)
    assert each_once(mails(smtp), ["1", *ids(3)])


async def test_a_mail_whose_new_login_fails_for_now_goes_out_when_that_works(
    state: Path, door: Door, smtp: ScriptedServer
) -> None:
    async def let_in(peer: Peer) -> None:
        door.let_in()
        await peer.say("+OK")

    answers: dict[str, Answer] = {"APOP": then(let_in, "-ERR [IN-USE] later", let_in)}
    async with (
        ScriptedServer(pop(door, timestamp=TIMESTAMP, answers=answers)) as popper,
        Post(state, configuration(behind(smtp, popper), queue=QUICK)) as post,
    ):
        await post.emit("1")
        await post.until_ended(1)
        door.open = False
        await post.emit("2")
        await post.until_ended(2)
        assert [change[1] for change in post.servers_changed] == ["down", "up"]
    assert mails(smtp) == ["1", "2"]
    assert door.logins == 2


async def test_a_mail_is_kept_though_the_new_login_has_used_up_the_session(
    state: Path, door: Door, smtp: ScriptedServer
) -> None:
    async def let_in(peer: Peer) -> None:
        door.let_in()
        await peer.say("+OK")

    answer = then(let_in, late(0.6, let_in))  # more than half of the session

    async with (
        ScriptedServer(pop(door, timestamp=TIMESTAMP, answers={"APOP": answer})) as popper,
        Post(state, configuration(behind(smtp, popper, session_timeout=1.1), queue=QUICK)) as post,
    ):
        await post.emit("1")
        await post.until_ended(1)
        door.open = False
        await post.emit("2")
        await post.until_ended(2)
    assert mails(smtp) == ["1", "2"]


async def test_a_mail_that_was_announced_behind_a_dot_and_refused_is_not_under_way(
    state: Path, door: Door
) -> None:
    at_pop, go_on = asyncio.Event(), asyncio.Event()

    async def shut(peer: Peer) -> None:
        door.open = False
        await peer.say("250 2.0.0 Queued")

    async def let_in(peer: Peer) -> None:
        if door.logins:
            at_pop.set()
            await go_on.wait()
        door.let_in()
        await peer.say("+OK")

    taking: dict[str, Answer] = {"RCPT": door.rcpt, "CONTENT": then(shut, "250 2.0.0 Queued")}
    script = ordinary(answers=taking)
    async with (
        ScriptedServer(pop(door, timestamp=TIMESTAMP, answers={"APOP": let_in})) as popper,
        ScriptedServer(script) as smtp,
        Post(state, configuration(behind(smtp, popper, max_connections=1))) as post,
    ):
        await post.emit("1", "2", "3")
        await at_pop.wait()
        await assert_settled(post)  # nothing is started
        go_on.set()
        await post.until_ended(3)
    assert mails(smtp) == ["1", "2", "3"]
    assert door.logins == 2


async def test_a_new_configuration_logs_in_anew(
    state: Path, door: Door, smtp: ScriptedServer, popper: ScriptedServer
) -> None:
    given = configuration(behind(smtp, popper))
    async with Post(state, given) as post:
        await post.emit("1")
        await post.until_ended(1)
        post.configure(given)
        await post.emit("2")
        await post.until_ended(2)
    assert door.logins == 2


# The self-test


async def self_tested(server: MailServer, language: Any = "ja") -> tuple[dict[str, Any], list[str]]:
    config = configuration(server, language=language)
    document = await self_test(config, [A], connection_context())
    return document["results"][0], render.lines(document, language, verbose=True)


async def test_the_self_test_shows_the_login_by_pop_before_the_rest(
    door: Door, smtp: ScriptedServer, popper: ScriptedServer
) -> None:
    result, lines = await self_tested(behind(smtp, popper))
    assert (result["ok"], result["server"]) == (True, f"127.0.0.1:{smtp.port}")
    step = result["steps"][0]
    assert (step["step"], step["ok"]) == ("pop", True)
    assert step["server"] == f"127.0.0.1:{popper.port}"
    assert step["detail"] == "APOP (暗号化なし): +OK Logged in."
    assert "mail_server.pop_before_smtp.security" in step["warning"]
    assert lines[2] == f"{A} (127.0.0.1:{popper.port}):"
    assert lines[3].split() == ["ok", "pop", lines[3].split()[2], *step["detail"].split()]


async def test_the_self_tests_line_names_the_pop_server_that_refuses(
    smtp: ScriptedServer, popper: ScriptedServer
) -> None:
    result, lines = await self_tested(behind(smtp, popper, password="wr0ng"))
    assert lines[0] == (
        f"[Error] 送信エラー POP login failed 0 127.0.0.1:{popper.port} {A} zaionnex"
    )
    assert (result["reason"], result["code"]) == ("POP login failed", 0)
    assert [(step["step"], step["ok"]) for step in result["steps"]] == [("pop", False)]
    assert "mail_server.pop_before_smtp" in result["hint"]
    assert "wr0ng" not in repr((result, lines))


async def test_the_self_test_names_both_ways_out_where_no_password_may_be_sent(
    door: Door, smtp: ScriptedServer
) -> None:
    async with ScriptedServer(pop(door)) as popper:
        port = popper.port
        result, lines = await self_tested(behind(smtp, popper), "en")
    assert lines[0] == f"[Error] Send error POP login failed 0 127.0.0.1:{port} {A} zaionnex"
    assert "mail_server.pop_before_smtp.security" in result["hint"]
    assert "mail_server.auth.allow_unprotected_password" in result["hint"]
    assert smtp.peers == []


async def test_the_self_test_stands_on_the_daemons_login(
    door: Door, smtp: ScriptedServer, popper: ScriptedServer
) -> None:
    config, context = configuration(behind(smtp, popper)), connection_context()
    for _ in range(2):
        (result,) = (await self_test(config, [A], context))["results"]
        assert result["ok"]
    assert result["steps"][0]["detail"].endswith("前のログインを使います")
    assert door.logins == 1


async def test_the_self_test_logs_in_anew_where_the_server_has_forgotten_the_daemons_login(
    door: Door, smtp: ScriptedServer, popper: ScriptedServer
) -> None:
    config, context = configuration(behind(smtp, popper)), connection_context()
    await self_test(config, [A], context)
    door.open = False
    (result,) = (await self_test(config, [A], context))["results"]
    assert result["ok"]
    assert door.logins == 2
    door.never.add(A)
    (result,) = (await self_test(config, [A], context))["results"]
    assert (result["reason"], result["code"]) == ("Recipient refused", 554)
    assert door.logins == 3
