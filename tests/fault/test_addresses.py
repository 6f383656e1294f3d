"""A server's name with several addresses (RFC 5321 5.1): each is tried, whatever failed at the one
before, until MAIL is taken.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.delivery import Post, configuration, connection_context
from tests.support.pop_server import PASSWORD, TIMESTAMP, USER, Door, pop
from tests.support.scripted_server import (
    Answer,
    Peer,
    Script,
    ScriptedServer,
    drip,
    drop,
    garbage,
    hang,
    late,
    ordinary,
    reset,
    server_context,
)
from tests.support.waiting import turns
from zaiond.config.schema import Auth, MailServer, PopBeforeSmtp, Secret
from zaiond.model import Message
from zaiond.net.connection import SmtpConnection
from zaiond.net.context import ConnectionContext
from zaiond.selftest.run import self_test
from zaiond.smtp.failure import DeliveryFailure, Failure, Stage

NAME = "mail.example.jp"
SHORT = 0.3  # seconds, where a deadline is to pass
LOGIN = Auth(
    mechanism="basic", username="zaion", password=Secret("secret"), allow_unprotected_password=True
)
MAIL = Message(
    message_id="<1@x>",
    reverse_path="zaionnex",
    recipients=("a@example.jp",),
    content=b"Subject: x\r\n\r\nx\r\n",
)


@pytest.fixture(autouse=True)
def resolver(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses, in their order, of the one name that the resolver knows: those of the two
    servers of `both`.
    """
    addresses = ["127.0.0.1", "127.0.0.2"]
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *, type: int, flags: int = 0) -> list[Any]:
        if host != NAME:
            return real(host, port, type=type, flags=flags)
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "not a number")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return addresses


@asynccontextmanager
async def both(first: Script, second: Script) -> AsyncIterator[tuple[ScriptedServer, ...]]:
    """Two servers behind the one name."""
    async with (
        ScriptedServer(first) as one,
        ScriptedServer(second, "127.0.0.2", one.port) as two,
    ):
        yield one, two


def settings(port: int, **given: Any) -> MailServer:
    defaults: dict[str, Any] = {"timeout": 5.0, "security": "none"}
    return MailServer(host=NAME, port=port, **{**defaults, **given})


async def send(server: MailServer, context: ConnectionContext | None = None) -> None:
    """One mail over one connection; raises what it fails with."""
    connection = await SmtpConnection.open(server, context or connection_context())
    try:
        connection.prepare(MAIL)
        refused = await connection.ready()
        if refused:
            raise DeliveryFailure(next(iter(refused.values())))
        await connection.send_content()
    finally:
        await connection.close()


async def failed(server: MailServer, context: ConnectionContext | None = None) -> Failure:
    with pytest.raises(DeliveryFailure) as raised:
        await send(server, context)
    return raised.value.failure


def mails(*servers: ScriptedServer) -> list[int]:
    """How many mails came to each."""
    return [sum(len(peer.contents) for peer in server.peers) for server in servers]


BEFORE_MAIL_IS_TAKEN: dict[str, dict[str, Answer]] = {
    "closed at once": {"GREETING": drop},
    "reset at once": {"GREETING": reset},
    "silent": {"GREETING": hang},
    "greeting 421": {"GREETING": "421 4.3.2 Shutting down"},
    "greeting 421, busy": {"GREETING": "421 4.7.0 Too many connections"},
    "greeting 554": {"GREETING": "554 5.7.1 Go away"},
    "no SMTP": {"GREETING": garbage},
    "EHLO refused": {"EHLO": "550 5.7.1 Go away"},
    "EHLO dropped": {"EHLO": drop},
    "EHLO silent": {"EHLO": hang},
    "AUTH for now": {"AUTH": "454 4.7.0 Temporary authentication failure"},
    "AUTH dropped": {"AUTH": drop},
    "MAIL for now": {"MAIL": "451 4.3.0 Try again later"},
    "MAIL for good": {"MAIL": "550 5.7.1 Sender denied"},
    "MAIL 421": {"MAIL": "421 4.3.2 Shutting down"},
    "MAIL 432": {"MAIL": "432 4.3.2 Concurrent connections limit exceeded"},
    "MAIL dropped": {"MAIL": drop},
    "MAIL silent": {"MAIL": hang},
    "MAIL answered by nonsense": {"MAIL": "354 What?"},
}


@pytest.mark.parametrize("offers", [("AUTH PLAIN",), ("AUTH PLAIN", "PIPELINING")])
@pytest.mark.parametrize("fault", BEFORE_MAIL_IS_TAKEN)
async def test_what_fails_before_mail_is_taken_goes_out_by_the_next_address_at_once(
    fault: str, offers: tuple[str, ...]
) -> None:
    broken = ordinary(offers=offers, answers=BEFORE_MAIL_IS_TAKEN[fault])
    context = connection_context()
    async with both(broken, ordinary(offers=offers)) as (one, two):
        timeout = SHORT if "silent" in fault else 5.0
        given = settings(one.port, auth=LOGIN, timeout=timeout)
        await send(given, context)
        assert mails(one, two) == [0, 1]
        known = len(one.peers)
        await send(given, context)  # by the address that worked
        assert mails(one, two) == [0, 2]
        assert len(one.peers) == known >= 1


async def test_the_addresses_order_is_the_resolvers_and_nothing_else_is_asked() -> None:
    async with both(ordinary(), ordinary()) as (one, two):
        await send(settings(one.port))
        assert (mails(one, two), len(two.peers)) == ([1, 0], 0)


@pytest.mark.parametrize("fault", ["refused", "reset", "plain text", "certificate"])
@pytest.mark.parametrize("mode", ["starttls", "tls"])
async def test_a_handshake_that_fails_goes_on_at_the_next_address(
    mode: str, fault: str, authority: trustme.CA, ca_file: str
) -> None:
    async def no_handshake(peer: Peer) -> None:
        if mode == "starttls":
            if fault == "refused":
                await peer.say("454 4.7.0 TLS not available")
                await peer.rest()
                return
            await peer.say("220 2.0.0 Go ahead")
        elif fault == "refused":
            raise ConnectionError("nobody here")
        await peer.reader.read(1)
        if fault == "reset":
            await reset(peer)
        await peer.send(b"no TLS here, sorry\r\n")
        await peer.rest()

    def script(context: ssl.SSLContext, **answers: Answer) -> Script:
        return ordinary(answers=answers, **{mode: context})  # type: ignore[arg-type]

    if fault == "certificate":
        broken = script(server_context(trustme.CA(), NAME))
    elif mode == "starttls":
        broken = script(server_context(authority, NAME), STARTTLS=no_handshake)
    else:
        broken = no_handshake
    async with both(broken, script(server_context(authority, NAME))) as (one, two):
        await send(settings(one.port, security=mode, ca_file=ca_file))
        assert mails(one, two) == [0, 1]


async def test_opportunistic_is_weaker_at_one_address_without_being_so_at_the_next(
    authority: trustme.CA, ca_file: str
) -> None:
    offers = ("AUTH PLAIN",)
    allowed = replace(LOGIN, allow_unprotected_password=False)
    bad = ordinary(offers=offers, starttls=server_context(trustme.CA(), NAME))
    good = ordinary(offers=offers, starttls=server_context(authority, NAME))
    async with both(bad, good) as (one, two):
        given = settings(one.port, security="opportunistic", ca_file=ca_file, auth=allowed)
        await send(given)
        assert mails(one, two) == [0, 1]
        await one.finished()
        assert all(b"AUTH" not in peer.said for peer in one.peers)


@pytest.mark.parametrize("code", [535, 534, 530, 501, 550])
async def test_a_login_that_is_refused_is_not_tried_at_each_address(code: int) -> None:
    refusing = ordinary(offers=("AUTH PLAIN",), answers={"AUTH": f"{code} 5.7.8 No"})
    async with both(refusing, ordinary(offers=("AUTH PLAIN",))) as (one, two):
        failure = await failed(settings(one.port, auth=LOGIN))
        assert (failure.stage, failure.said) == (Stage.AUTH, f"{code} 5.7.8 No")
        assert len(two.peers) == 0


async def test_after_mail_was_taken_no_other_address_is_asked() -> None:
    answers: dict[str, Answer] = {"RCPT": "451 4.7.1 Greylisted"}
    async with both(ordinary(answers=answers), ordinary()) as (one, two):
        failure = await failed(settings(one.port))
        assert (failure.stage, len(two.peers)) == (Stage.RCPT, 0)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({"GREETING": "554 No"}, {"GREETING": drop}, "554 No"),
        ({"GREETING": drop}, {"EHLO": "550 No"}, "550 No"),
        ({"MAIL": "451 Later"}, {"GREETING": "554 No"}, "451 Later"),
        ({"GREETING": "554 No"}, {"MAIL": "451 Later"}, "451 Later"),
        ({"MAIL": "451 Later"}, {"MAIL": "550 Never"}, "451 Later"),
        ({"MAIL": "550 Never"}, {"MAIL": "451 Later"}, "451 Later"),
        ({"MAIL": "550 Never"}, {"MAIL": "553 Not here"}, "553 Not here"),
    ],
)
async def test_where_all_fail_the_one_that_came_furthest_is_told(
    first: dict[str, Answer], second: dict[str, Answer], said: str
) -> None:
    async with both(ordinary(answers=first), ordinary(answers=second)) as (one, two):
        failure = await failed(settings(one.port))
        assert failure.said == said
        assert len(one.peers) == len(two.peers) == 1


async def test_an_address_that_failed_is_tried_again_when_the_one_that_worked_fails() -> None:
    moods: dict[str, Answer] = {"GREETING": "421 4.3.2 Later"}
    first, second = dict(moods), dict[str, Answer]()
    context = connection_context()

    def script(answers: dict[str, Answer]) -> Script:
        async def now(peer: Peer) -> None:
            await ordinary(answers=answers)(peer)

        return now

    async with both(script(first), script(second)) as (one, two):
        given = settings(one.port)
        await send(given, context)
        first.clear()
        second.update(moods)
        await send(given, context)
        assert mails(one, two) == [1, 1]


async def test_the_address_that_worked_comes_first_though_the_resolver_turns_them_round(
    resolver: list[str],
) -> None:
    context = connection_context()
    async with both(ordinary(), ordinary()) as (one, two):
        await send(settings(one.port), context)
        resolver.reverse()
        await send(settings(one.port), context)
        assert mails(one, two) == [2, 0]


async def test_a_kept_connection_that_is_closed_leads_to_no_other_address() -> None:
    async with both(ordinary(), ordinary()) as (one, two):
        connection = await SmtpConnection.open(settings(one.port), connection_context())
        connection.prepare(MAIL)
        await connection.ready()
        await connection.send_content()
        one.peers[0].writer.close()
        connection.prepare(MAIL)
        with pytest.raises(DeliveryFailure) as raised:
            await connection.ready()
        assert raised.value.failure.reused
        assert len(two.peers) == 0


async def test_who_is_cancelled_while_connecting_leaves_nothing_open() -> None:
    silent = ordinary(answers={"EHLO": hang})
    async with both(silent, silent) as (one, _):
        opening = asyncio.ensure_future(
            SmtpConnection.open(settings(one.port, timeout=600.0), connection_context())
        )
        while not (one.peers and one.peers[0].commands):
            await turns()
        opening.cancel()
        await asyncio.wait([opening])
        async with asyncio.timeout(30):
            await one.finished()  # which it is when the client is gone


@pytest.mark.parametrize("silence", [hang, drip], ids=["hang", "drip"])
async def test_all_addresses_together_have_the_sessions_time_and_each_its_share(
    silence: Answer,
) -> None:
    async def connected(peer: Peer) -> None:
        assert callable(silence)
        await silence(peer)

    async with both(connected, connected) as (one, two):
        begun = time.monotonic()
        failure = await failed(settings(one.port, timeout=5.0, session_timeout=2 * SHORT))
        assert failure.cause == "timeout"
        assert SHORT < time.monotonic() - begun < 4 * SHORT
        assert len(one.peers) == len(two.peers) == 1
    async with both(connected, ordinary()) as (one, two):
        await send(settings(one.port, timeout=5.0, session_timeout=4 * SHORT))
        assert mails(one, two) == [0, 1]


async def test_the_share_of_the_opening_does_not_cut_the_session_short() -> None:
    answers: dict[str, Answer] = {"CONTENT": late(2 * SHORT, "250 Ok")}
    async with both(ordinary(answers=answers), ordinary()) as (one, two):
        await send(settings(one.port, session_timeout=3 * SHORT))
        assert (mails(one, two), len(two.peers)) == ([1, 0], 0)


async def test_no_mail_makes_a_round_of_addresses_that_have_just_failed() -> None:
    answers: dict[str, Answer] = {"MAIL": "451 4.3.0 Later"}
    async with both(ordinary(answers=answers), ordinary(answers=answers)) as (one, two):
        context = connection_context()
        connection = await SmtpConnection.open(settings(one.port), context)
        for _ in range(5):
            connection.prepare(MAIL)
            with pytest.raises(DeliveryFailure):
                await connection.ready()
            assert not connection.lost
        await connection.close()
        assert len(one.peers) == len(two.peers) == 1


# Seen by the daemon, and by the self-test


@pytest.mark.parametrize("fault", ["closed at once", "greeting 421", "MAIL for now"])
async def test_the_daemons_mail_goes_by_the_second_address_before_the_second_server(
    state: Path, fault: str
) -> None:
    broken = ordinary(answers=BEFORE_MAIL_IS_TAKEN[fault])
    async with both(broken, ordinary()) as (one, two), ScriptedServer(ordinary()) as fallback:
        other = MailServer(host="127.0.0.1", port=fallback.port, security="none")
        async with Post(state, configuration(settings(one.port), other)) as post:
            await post.emit("1")
            await post.until_ended(1)
            (delivery,) = (await post.history("1"))["deliveries"]
            assert [each["outcome"] for each in delivery["attempts"]] == ["delivered"]
            await post.emit("2")
            await post.until_ended(2)
            assert post.servers_changed == []
        assert mails(one, two) == [0, 2]
        assert len(fallback.peers) == 0


async def test_the_self_test_tells_of_each_address() -> None:
    async with both(ordinary(answers={"GREETING": drop}), ordinary()) as (one, two):
        config = configuration(settings(one.port))
        context = connection_context()
        (result,) = (await self_test(config, ["a@x.jp"], context))["results"]
        assert result["ok"]
        steps = [(step["step"], step["ok"]) for step in result["steps"]]
        assert steps[:5] == [
            ("resolve", True), ("connect", True), ("greeting", False),
            ("connect", True), ("greeting", True),
        ]  # fmt: skip
        await send(settings(one.port), context)  # the daemon's next mail goes that way, too
        assert mails(one, two) == [0, 2]
        assert len(one.peers) == 1


# POP before SMTP


async def test_a_silent_address_of_the_pop_server_leaves_the_next_its_share() -> None:
    door = Door()
    async with (
        both(hang, pop(door, timestamp=TIMESTAMP)) as (one, _),
        ScriptedServer(door.smtp()) as smtp,
    ):
        login = PopBeforeSmtp(enabled=True, host=NAME, port=one.port)
        auth = Auth(username=USER, password=Secret(PASSWORD))
        await send(
            MailServer(
                host="127.0.0.1", port=smtp.port, security="none", auth=auth,
                pop_before_smtp=login, timeout=5.0, session_timeout=4 * SHORT,
            )
        )  # fmt: skip
        assert door.logins == 1


async def test_a_login_by_pop_that_was_forgotten_is_made_anew_before_another_address_is_asked() -> (
    None
):
    door = Door()

    async def mail(peer: Peer) -> None:
        await peer.say("250 Ok" if door.open else "550 Log in by POP first")

    async with (
        both(ordinary(answers={"MAIL": mail}), ordinary()) as (one, two),
        ScriptedServer(pop(door, timestamp=TIMESTAMP)) as popper,
    ):
        login = PopBeforeSmtp(enabled=True, host="127.0.0.1", port=popper.port)
        auth = Auth(username=USER, password=Secret(PASSWORD))
        config = configuration(settings(one.port, auth=auth, pop_before_smtp=login))
        context = connection_context()
        for _ in range(2):
            (result,) = (await self_test(config, ["a@x.jp"], context))["results"]
            assert result["ok"]
            door.open = False
        assert (door.logins, len(two.peers)) == (2, 0)


@pytest.mark.parametrize("fault", ["closed at once", "not for now", "refuses the login"])
async def test_every_address_of_the_pop_server_is_tried_but_for_a_login_that_is_refused(
    fault: str,
) -> None:
    doors = Door(), Door()

    async def broken(peer: Peer) -> None:
        if fault == "not for now":
            await peer.say("-ERR [SYS/TEMP] Later")

    refuses = fault == "refuses the login"
    first = pop(doors[0], timestamp=TIMESTAMP) if refuses else broken
    async with (
        both(first, pop(doors[1], timestamp=TIMESTAMP)) as (one, two),
        ScriptedServer(ordinary()) as smtp,
    ):
        login = PopBeforeSmtp(enabled=True, host=NAME, port=one.port)
        auth = Auth(username=USER, password=Secret("wrong" if refuses else PASSWORD))
        given = MailServer(
            host="127.0.0.1", port=smtp.port, security="none", auth=auth, pop_before_smtp=login
        )
        async with asyncio.timeout(30):
            if refuses:
                failure = await failed(given)
                assert (failure.stage, failure.cause) == (Stage.POP, "err_login")
                assert len(two.peers) == 0
            else:
                await send(given)
                assert doors[1].logins == 1
