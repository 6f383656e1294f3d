"""Servers that offer what they don't mean: PIPELINING that gets no answer, PLAIN that refuses the
right password. There is a way around, and it is remembered.
"""

import asyncio
import base64
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.support.delivery import Post, configuration, connection_context, server
from tests.support.scripted_server import Answer, Peer, ScriptedServer, drop, hang, ordinary, reset
from zaiond.config.schema import Auth, MailServer, Secret
from zaiond.model import Message
from zaiond.net.connection import SmtpConnection
from zaiond.net.context import ConnectionContext
from zaiond.selftest.run import self_test
from zaiond.smtp.failure import DeliveryFailure, Failure, Stage

SHORT = 0.3  # seconds, where a deadline is to pass
PIPELINED = "is said ahead"


def mail(number: int) -> Message:
    return Message(
        message_id=f"<{number}@x>",
        reverse_path="zaionnex",
        recipients=("a@example.jp", "b@example.jp"),
        content=b"Subject: %d\r\n\r\nx\r\n" % number,
    )


# PIPELINING

Confused = Callable[[Peer], Any]


async def only_the_first(peer: Peer) -> None:
    """Answers the first command of a packet, and has lost the others."""
    peer.keep(await peer.reader.read(65536))
    await peer.say("250 2.1.0 Ok")


async def nothing(peer: Peer) -> None:
    peer.keep(await peer.reader.read(65536))
    await hang(peer)


async def all_but_the_last(peer: Peer) -> None:
    """Answers MAIL and both RCPT, and has lost DATA."""
    peer.keep(await peer.reader.read(65536))
    await peer.say(*["250 2.1.0 Ok"] * 3)


def not_meant(confused: Confused, *, first: bool = True) -> Callable[[Peer], Any]:
    """A server whose PIPELINING confuses it; `first`: by the first envelope already, else only by
    one that comes behind a content.
    """

    async def script(peer: Peer) -> None:
        await peer.say("220 confused.example ESMTP")
        behind = False
        while True:
            line = await peer.line()
            command = line.split(" ")[0].split(":")[0].upper()
            peer.commands.append(command)
            # Whatever else has come already, in one packet as a rule.
            ahead = bool(peer.reader._buffer)  # type: ignore[attr-defined]
            if ahead and command == "MAIL" and (first or behind):
                peer.commands.append(PIPELINED)
                await confused(peer)
                await hang(peer)
            if command == "EHLO":
                await peer.say("250-confused.example", "250 PIPELINING")
            elif command == "DATA":
                await peer.say("354 Go ahead")
                await peer.content()
                behind = True
                if peer.reader._buffer and not first:  # type: ignore[attr-defined]
                    peer.commands.append(PIPELINED)
                    await confused(peer)
                    await hang(peer)
                await peer.say("250 2.0.0 Queued")
            elif command == "QUIT":
                await peer.say("221 2.0.0 Bye")
                return
            else:
                await peer.say("250 2.0.0 Ok")

    return script


async def send(given: MailServer, context: ConnectionContext, *numbers: int) -> None:
    connection = await SmtpConnection.open(given, context)
    try:
        for number in numbers:
            connection.prepare(mail(number))
            assert await connection.ready() == {}
            await connection.send_content()
    finally:
        await connection.close()


async def failed(given: MailServer, context: ConnectionContext | None = None) -> Failure:
    with pytest.raises(DeliveryFailure) as raised:
        await send(given, context or connection_context(), 1)
    return raised.value.failure


@pytest.mark.parametrize(
    "confused", [only_the_first, all_but_the_last, nothing, drop, reset],
    ids=lambda each: getattr(each, "__name__", ""),
)  # fmt: skip
async def test_where_pipelining_gets_no_answer_it_goes_without_and_that_is_remembered(
    confused: Confused,
) -> None:
    context = connection_context()
    async with ScriptedServer(not_meant(confused)) as given:
        to = server(given.port, timeout=SHORT)
        await send(to, context, 1, 2)
        await send(to, context, 3)
        assert [len(peer.contents) for peer in given.peers] == [0, 2, 1]
        assert [PIPELINED in peer.commands for peer in given.peers] == [True, False, False]
        # Another configuration looks anew.
        await send(to, connection_context(), 4)
        assert PIPELINED in given.peers[3].commands


@pytest.mark.parametrize("confused", [hang, drop], ids=["hang", "drop"])
async def test_mail_flows_where_only_the_envelope_behind_a_content_is_not_answered(
    state: Path, confused: Confused
) -> None:
    async with ScriptedServer(not_meant(confused, first=False)) as given:
        config = configuration(
            server(given.port, timeout=SHORT, final_timeout=SHORT, max_connections=1)
        )
        async with Post(state, config) as post:
            await post.emit(*(str(number) for number in range(5)))
            await post.until_ended(4)  # of one nobody knows whether it arrived
            confusions = sum(PIPELINED in peer.commands for peer in given.peers)
        assert confusions == 1


async def test_a_server_that_is_silent_without_pipelining_too_is_left_its_pipelining() -> None:
    context = connection_context()
    async with ScriptedServer(ordinary(answers={"MAIL": drop})) as given:
        await failed(server(given.port), context)
        assert len(given.peers) == 2
        assert context.servers[f"127.0.0.1:{given.port}"].pipelining


async def test_a_server_without_pipelining_is_not_asked_twice() -> None:
    async with ScriptedServer(ordinary(offers=(), answers={"MAIL": drop})) as given:
        await failed(server(given.port))
        assert len(given.peers) == 1


async def test_a_kept_connection_that_is_closed_costs_no_pipelining() -> None:
    context = connection_context()
    async with ScriptedServer(ordinary(answers={"RSET": drop, "CONTENT": "250 Ok"})) as given:
        connection = await SmtpConnection.open(server(given.port), context)
        connection.prepare(mail(1))
        await connection.ready()
        await connection.send_content()
        given.peers[0].writer.close()
        connection.prepare(mail(2))
        with pytest.raises(DeliveryFailure):
            await connection.ready()
        assert len(given.peers) == 1
        assert context.servers[f"127.0.0.1:{given.port}"].pipelining


# PLAIN and LOGIN

AUTH = Auth(
    mechanism="basic", username="zaion", password=Secret("secret"), allow_unprotected_password=True
)
NAME, PASSWORD = (base64.b64encode(word).decode() for word in (b"zaion", b"secret"))


def by_login(
    plain: Answer, *, then_closed: bool = False, right: bool = True, answer: str = "535 5.7.8 No"
) -> Callable[[Peer], Any]:
    """What a server answers to AUTH that offers PLAIN, answers it by `plain`, and takes LOGIN."""

    async def auth(peer: Peer) -> None:
        line = peer.said.rstrip(b"\r\n").rpartition(b"\r\n")[2].decode()
        peer.commands.append(line.split(" ")[1])
        if line.startswith("AUTH PLAIN"):
            if callable(plain):
                await plain(peer)
            else:
                await peer.say(plain)
            if then_closed:
                await drop(peer)
            return
        await peer.say("334 VXNlcm5hbWU6")
        assert await peer.line() == NAME
        await peer.say("334 UGFzc3dvcmQ6")
        assert await peer.line() == PASSWORD
        await peer.say("235 2.7.0 Welcome" if right else answer)

    return ordinary(offers=("AUTH LOGIN PLAIN",), answers={"AUTH": auth})


def mechanisms(given: ScriptedServer) -> list[list[str]]:
    """What was tried on each connection."""
    return [[c for c in peer.commands if c in ("PLAIN", "LOGIN")] for peer in given.peers]


@pytest.mark.parametrize("code", [535, 534, 538, 504, 500, 501, 550, 554])
@pytest.mark.parametrize("then_closed", [False, True])
async def test_where_plain_is_refused_login_is_tried_and_remembered(
    code: int, then_closed: bool
) -> None:
    context = connection_context()
    script = by_login(f"{code} 5.7.8 No", then_closed=then_closed)
    async with ScriptedServer(script) as given:
        await send(server(given.port, auth=AUTH), context, 1)
        await send(server(given.port, auth=AUTH), context, 2)
        first = [["PLAIN"], ["LOGIN"]] if then_closed else [["PLAIN", "LOGIN"]]
        assert mechanisms(given) == [*first, ["LOGIN"]]


async def test_a_server_that_says_421_behind_the_refusal_is_asked_on_a_new_connection() -> None:
    async def refused(peer: Peer) -> None:
        await peer.say("535 5.7.8 No", "421 4.7.0 Too many errors")

    async with ScriptedServer(by_login(refused, then_closed=True)) as given:
        await send(server(given.port, auth=AUTH), connection_context(), 1)
        assert mechanisms(given) == [["PLAIN"], ["LOGIN"]]


@pytest.mark.parametrize("then_closed", [False, True])
async def test_a_wrong_password_is_tried_once_by_each(then_closed: bool) -> None:
    context = connection_context()
    script = by_login("535 5.7.8 Bad credentials", then_closed=then_closed, right=False)
    async with ScriptedServer(script) as given:
        failure = await failed(server(given.port, auth=AUTH), context)
        assert (failure.stage, failure.said) == (Stage.AUTH, "535 5.7.8 Bad credentials")
        assert [*chain(*mechanisms(given))] == ["PLAIN", "LOGIN"]
        await failed(server(given.port, auth=AUTH), context)
        assert [*chain(*mechanisms(given))] == ["PLAIN", "LOGIN"] * 2


async def test_where_login_is_refused_later_plain_has_its_chance_again() -> None:
    context = connection_context()
    async with ScriptedServer(by_login("535 5.7.8 No", right=False)) as given:
        context.servers[f"127.0.0.1:{given.port}"].plain = False
        await failed(server(given.port, auth=AUTH), context)
        await failed(server(given.port, auth=AUTH), context)
        assert mechanisms(given) == [["LOGIN"], ["PLAIN", "LOGIN"]]


async def test_a_refusal_for_now_is_no_reason_to_try_login() -> None:
    async with ScriptedServer(by_login("454 4.7.0 Later")) as given:
        failure = await failed(server(given.port, auth=AUTH))
        assert failure.said == "454 4.7.0 Later"
        assert mechanisms(given) == [["PLAIN"]]


async def test_a_connection_that_is_closed_for_good_leaves_the_refusal() -> None:
    async def refused(peer: Peer) -> None:
        await peer.say("535 5.7.8 No")
        await given.stop_listening()

    async with ScriptedServer(by_login(refused, then_closed=True)) as given:
        failure = await failed(server(given.port, auth=AUTH))
        assert failure.said == "535 5.7.8 No"


async def test_the_self_test_shows_both() -> None:
    async with ScriptedServer(by_login("535 5.7.8 No")) as given:
        config = configuration(server(given.port, auth=AUTH))
        async with asyncio.timeout(30):
            (result,) = (await self_test(config, [], connection_context()))["results"]
    assert result["ok"]
    logins = [(s["ok"], s["detail"]) for s in result["steps"] if s["step"] == "auth"]
    assert logins == [(False, "PLAIN: 535 5.7.8 No"), (True, "LOGIN: 235 2.7.0 Welcome")]
