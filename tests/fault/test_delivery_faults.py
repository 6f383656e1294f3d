"""A connection against servers that misbehave: each fault is told as what it is, in time, and no
secret crosses a connection that doesn't protect it.
"""

import asyncio
import base64
import datetime
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.delivery import connection_context
from tests.support.scripted_server import (
    Answer,
    Peer,
    ScriptedServer,
    drip,
    drop,
    endless_line,
    endless_replies,
    endless_reply,
    garbage,
    half_close,
    hang,
    late,
    ordinary,
    reset,
    say,
    server_context,
    then,
    unanswering,
)
from tests.support.waiting import turns
from zaiond.config.schema import Auth, MailServer, Secret
from zaiond.model import Message
from zaiond.net.connection import SmtpConnection
from zaiond.net.dial import Dialer, Link
from zaiond.net.tls import TlsContexts
from zaiond.net.trace import Step
from zaiond.smtp.failure import DeliveryFailure, Failure, Stage
from zaiond.smtp.handshake import SessionSettings
from zaiond.smtp.syntax import Reply
from zaiond.smtp.verdict import judge
from zaiond.sockets import Address, resolve

TO = "a@example.jp"
SHORT = 0.3  # seconds, where a deadline is to pass


def mail(*recipients: str, content: bytes = b"Subject: x\r\n\r\n.x\r\n") -> Message:
    return Message(
        message_id="<1@x>",
        reverse_path="zaionnex",
        recipients=recipients or (TO,),
        content=content,
    )


def settings(server: ScriptedServer, **given: Any) -> MailServer:
    defaults: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "timeout": 5.0}
    return MailServer(**{**defaults, **given})


async def attempt(server: MailServer, *mails: Message) -> list[dict[str, Reply | Failure]]:
    """Sends the mails over one connection; raises what the first of them fails with."""
    connection = await SmtpConnection.open(server, connection_context())
    results: list[dict[str, Reply | Failure]] = []
    try:
        for each in mails or (mail(),):
            connection.prepare(each)
            refused = await connection.ready()
            if len(refused) == len(each.recipients):
                results.append({**refused})
            else:
                results.append({**refused, **await connection.send_content()})
    finally:
        await connection.close()
    return results


async def failed(server: MailServer, *mails: Message) -> Failure:
    with pytest.raises(DeliveryFailure) as raised:
        await attempt(server, *mails)
    return raised.value.failure


async def until_lost(connection: SmtpConnection) -> None:
    while not connection.lost:  # nobody tells of it: the sender looks, too
        await turns()


def meaning(failure: Failure) -> str:
    verdict = judge(failure)
    return f"{verdict.outcome} {verdict.scope.value}{' wait' if verdict.wait else ''}"


# What goes well


@pytest.mark.parametrize("offers", [("PIPELINING", "SIZE 1000"), ()])
async def test_mails_go_over_one_connection_which_ends_with_quit(offers: tuple[str, ...]) -> None:
    async with ScriptedServer(ordinary(offers=offers)) as server:
        results = await attempt(settings(server), mail(), mail("b@example.jp", "c@example.jp"))
        await server.finished()
        (peer,) = server.peers
    assert [list(each) for each in results] == [[TO], ["b@example.jp", "c@example.jp"]]
    assert peer.contents == [b"Subject: x\r\n\r\n..x\r\n.\r\n"] * 2
    assert peer.commands[-1] == "QUIT"


async def test_recipients_have_results_of_their_own() -> None:
    answers: dict[str, Answer] = {"RCPT": then("550 5.1.1 No", "450 4.2.0 Later", "250 Ok")}
    async with ScriptedServer(ordinary(answers=answers)) as server:
        (results,) = await attempt(settings(server), mail("a@x", "b@x", "c@x"))
    refused, later, taken = results["a@x"], results["b@x"], results["c@x"]
    assert isinstance(refused, Failure)
    assert meaning(refused) == "held recipient"
    assert isinstance(later, Failure)
    assert meaning(later) == "deferred recipient"
    assert isinstance(taken, Reply)
    assert taken.text == "250 2.0.0 Queued"


async def test_nothing_of_the_content_leaves_before_it_is_told_to() -> None:
    async with ScriptedServer(ordinary()) as server:
        connection = await SmtpConnection.open(settings(server), connection_context())
        connection.prepare(mail())
        await connection.ready()
        assert b"Subject" not in server.peers[0].plain
        assert server.peers[0].commands[-1] == "DATA"
        connection.abort()
        await server.finished()
        assert server.peers[0].contents == []


async def test_the_next_envelope_travels_behind_the_content() -> None:
    behind: list[bytes] = []

    async def content_then_wait(peer: Peer) -> None:
        # RCPT of the next mail must be there although this content has no reply yet.
        behind.append(await peer.reader.readuntil(b"DATA\r\n"))
        await peer.say("250 first", "250 Ok", "250 Ok", "354 go")
        await peer.content()
        await peer.say("250 second")

    answers: dict[str, Answer] = {"CONTENT": content_then_wait}
    async with ScriptedServer(ordinary(answers=answers)) as server:
        connection = await SmtpConnection.open(settings(server), connection_context())
        connection.prepare(mail())
        await connection.ready()
        finishing = connection.send_content()
        connection.prepare(mail("b@example.jp"))
        assert (await finishing)[TO].text == "250 first"
        assert await connection.ready() == {}
        assert (await connection.send_content())["b@example.jp"].text == "250 second"
        await connection.close()
    assert behind[0].startswith(b"MAIL FROM:<zaionnex>")


async def test_the_reply_to_the_final_dot_may_take_longer_than_the_others() -> None:
    slow = late(2 * SHORT, "250 2.0.0 Queued at last")
    async with ScriptedServer(ordinary(answers={"CONTENT": slow})) as server:
        (result,) = await attempt(settings(server, timeout=SHORT, final_timeout=30.0))
    assert isinstance(result[TO], Reply)


# Before a session


async def test_a_port_where_nobody_listens_is_refused() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        server = MailServer(host="127.0.0.1", port=sock.getsockname()[1], timeout=5.0)
        failure = await failed(server)
    assert (failure.stage, failure.cause) == (Stage.CONNECT, "refused")
    assert failure.server == server.address


async def connect(addresses: list[Address], limit: float) -> Link:
    """A session with the first address that gives one; `limit` seconds are for connecting."""
    server = MailServer(host="x", security="none", timeout=limit)
    deadline = asyncio.get_running_loop().time() + 10 * limit
    dialer = Dialer(server, connection_context(), deadline, None, lambda _: None)
    dialer.settings = SessionSettings(server.address, "client.example", "none")
    dialer.addresses = addresses
    return await dialer.dial(set())


async def test_the_next_address_is_tried_where_one_refuses() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        async with ScriptedServer(ordinary()) as server:
            addresses = [
                (socket.AF_INET, sock.getsockname()),
                (socket.AF_INET, ("127.0.0.1", server.port)),
            ]
            connection = await connect(addresses, 5.0)
            assert connection.address == addresses[1]
            await connection.close()


async def test_an_address_that_never_answers_leaves_time_for_the_next() -> None:
    with unanswering() as silent:
        async with ScriptedServer(ordinary()) as server:
            addresses = [
                (socket.AF_INET, ("127.0.0.1", silent)),
                (socket.AF_INET, ("127.0.0.1", server.port)),
            ]
            connection = await connect(addresses, 4 * SHORT)
            assert connection.address == addresses[1]
            await connection.close()
        with pytest.raises(DeliveryFailure) as raised:
            await connect(addresses[:1], SHORT)
    assert raised.value.failure.cause == "timeout"


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (socket.EAI_NONAME, "no_name"),
        (socket.EAI_NODATA, "no_name"),
        (socket.EAI_AGAIN, "dns_later"),
        (socket.EAI_FAIL, "dns_later"),
        (socket.EAI_SYSTEM, "dns_later"),
    ],
)
async def test_what_the_resolver_says_is_told_apart(
    number: int, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(*args: object, **more: object) -> None:
        raise socket.gaierror(number, "words of the resolver")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(DeliveryFailure) as raised:
        await resolve("mailhost", 25, 5.0)
    assert (raised.value.failure.stage, raised.value.failure.cause) == (Stage.RESOLVE, cause)


async def test_a_name_that_can_be_none_does_not_exist() -> None:
    failure = await failed(MailServer(host="a..b", timeout=5.0))
    assert (failure.stage, failure.cause) == (Stage.RESOLVE, "no_name")


async def test_a_resolver_that_does_not_answer_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()

    def asks_in_vain(*_: object, flags: int, **__: object) -> list[Any]:
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "not a number")  # nobody is asked
        release.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", asks_in_vain)
    try:
        with pytest.raises(DeliveryFailure) as raised:
            await resolve("mailhost", 25, SHORT)
    finally:
        release.set()
    assert raised.value.failure.cause == "dns_later"


# At each stage of a session

STAGES = ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT"]
Misbehaviour = Callable[[Peer], Any]


@pytest.mark.parametrize("where", STAGES)
@pytest.mark.parametrize(
    ("what", "causes"),
    [
        (drop, {"closed", "reset"}),
        (reset, {"reset", "closed"}),
        (half_close, {"closed"}),
        (hang, {"timeout"}),
        (drip, {"timeout"}),
        (garbage, {"protocol"}),
        (endless_line, {"protocol"}),
        (endless_reply, {"protocol"}),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
async def test_misbehaviour_is_told_with_its_stage_and_in_time(
    where: str, what: Misbehaviour, causes: set[str]
) -> None:
    timeout = SHORT if causes == {"timeout"} else 5.0
    async with ScriptedServer(ordinary(answers={where: what})) as server:
        failure = await failed(settings(server, timeout=timeout, final_timeout=timeout))
    assert failure.stage.value == where.lower()
    assert failure.cause in causes
    expected = "ambiguous message" if where == "CONTENT" else "deferred server"
    assert meaning(failure) == expected


@pytest.mark.parametrize(
    ("where", "reply", "expected"),
    [
        ("GREETING", "554 5.7.1 Go away", "deferred server"),
        ("GREETING", "421 4.7.0 too many connections", "deferred server wait"),
        ("EHLO", "550 5.7.1 Go away", "deferred server"),
        ("MAIL", "421 4.3.0 Shutting down", "deferred server"),
        ("MAIL", "553 5.1.8 Domain not found", "held server"),
        ("RCPT", "421 4.3.0 Shutting down", "deferred server"),
        ("DATA", "451 4.3.0 Later", "deferred server"),
        ("CONTENT", "554 5.7.1 Spam", "held message"),
        ("CONTENT", "451 4.7.1 Later", "deferred message"),
    ],
)
async def test_a_refusal_is_told_with_the_servers_words(
    where: str, reply: str, expected: str
) -> None:
    async with ScriptedServer(ordinary(answers={where: reply})) as server:
        failure = await failed(settings(server))
    assert failure.stage.value == where.lower()
    assert failure.said == reply
    assert meaning(failure) == expected


async def test_replies_that_nobody_asked_for_end_the_session() -> None:
    async with ScriptedServer(ordinary(answers={"MAIL": endless_replies})) as server:
        failure = await failed(settings(server))
    assert failure.cause == "protocol"


async def test_the_session_has_a_deadline_in_all() -> None:
    answers: dict[str, Answer] = {"RCPT": late(SHORT / 2, "250 Ok")}
    many = mail(*(f"r{i}@x" for i in range(20)))
    async with ScriptedServer(ordinary(offers=(), answers=answers)) as server:
        failure = await failed(settings(server, session_timeout=3 * SHORT), many)
    assert (failure.stage, failure.cause) == (Stage.SESSION, "timeout")


async def test_a_kept_connection_that_is_closed_says_nothing_about_the_server() -> None:
    async with ScriptedServer(
        ordinary(answers={"RSET": drop, "MAIL": then("250", drop)})
    ) as server:
        failure = await failed(settings(server), mail(), mail())
    assert meaning(failure) == "deferred session"


async def test_a_connection_that_is_closed_while_idle_is_lost() -> None:
    closing = asyncio.Event()

    async def last_words(peer: Peer) -> None:
        await peer.say("250 2.0.0 Queued")
        await closing.wait()
        await peer.say("421 4.4.2 Idle")

    async with ScriptedServer(ordinary(answers={"CONTENT": last_words})) as server:
        connection = await SmtpConnection.open(settings(server), connection_context())
        connection.prepare(mail())
        await connection.ready()
        await connection.send_content()
        assert not connection.lost
        assert connection.reusable
        closing.set()
        await until_lost(connection)
        connection.prepare(mail())
        with pytest.raises(DeliveryFailure) as raised:
            await connection.ready()
        await connection.close()
    assert meaning(raised.value.failure) == "deferred session"


async def test_lost_after_the_dot_leaves_the_next_mail_safe_to_try_again() -> None:
    async with ScriptedServer(ordinary(answers={"CONTENT": drop})) as server:
        connection = await SmtpConnection.open(settings(server), connection_context())
        connection.prepare(mail())
        await connection.ready()
        finishing = connection.send_content()
        connection.prepare(mail("b@x"))
        with pytest.raises(DeliveryFailure) as sent:
            await finishing
        with pytest.raises(DeliveryFailure) as prepared:
            await connection.ready()
        await connection.close()
    assert meaning(sent.value.failure) == "ambiguous message"
    assert meaning(prepared.value.failure) == "deferred session"


async def test_lost_between_ready_and_content_leaves_no_doubt() -> None:
    async with ScriptedServer(ordinary(answers={"DATA": say("354 go", "421 4.3.0 Bye")})) as server:
        connection = await SmtpConnection.open(settings(server), connection_context())
        connection.prepare(mail())
        await connection.ready()
        await until_lost(connection)
        with pytest.raises(DeliveryFailure) as raised:
            await connection.send_content()
        await connection.close()
        await server.finished()
    assert raised.value.failure.stage is Stage.DATA
    assert meaning(raised.value.failure) == "deferred server"
    assert b"Subject" not in server.peers[0].said


async def test_closing_waits_no_longer_than_its_deadline() -> None:
    async with ScriptedServer(ordinary(answers={"QUIT": hang})) as server:
        connection = await SmtpConnection.open(
            settings(server, timeout=SHORT), connection_context()
        )
        await connection.close()
        await connection.close()  # and once more does nothing
        await server.finished()
        assert connection.lost
        assert server.peers[0].commands == ["EHLO", "QUIT"]


# TLS, and what crosses it

PASSWORD = "ひみつ-p4ss"
AUTH = Auth(mechanism="basic", username="zaion", password=Secret(PASSWORD))
UNPROTECTED = Auth(
    mechanism="basic",
    username="zaion",
    password=Secret(PASSWORD),
    allow_unprotected_password=True,
)
FORMS = (
    PASSWORD.encode(),
    base64.b64encode(PASSWORD.encode()),
    base64.b64encode(f"\0zaion\0{PASSWORD}".encode()),
)


def has_secret(data: bytes) -> bool:
    return any(form in data for form in FORMS)


CERTIFICATES = ["right", "expired", "other name", "other authority"]


def context(authority: trustme.CA, certificate: str) -> ssl.SSLContext:
    if certificate == "expired":
        ended = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        return server_context(authority, not_after=ended)
    if certificate == "other name":
        return server_context(authority, "mail.example")
    return server_context(trustme.CA() if certificate == "other authority" else authority)


@pytest.mark.parametrize("mode", ["starttls", "tls"])
@pytest.mark.parametrize("certificate", CERTIFICATES)
async def test_demanded_tls_needs_the_right_certificate(
    mode: str, certificate: str, authority: trustme.CA, ca_file: str
) -> None:
    tls = context(authority, certificate)
    offers = ("PIPELINING", "AUTH PLAIN")
    script = ordinary(offers=offers, **{mode: tls})  # type: ignore[arg-type]
    async with ScriptedServer(script) as server:
        given = settings(server, security=mode, ca_file=ca_file, auth=AUTH)
        if certificate == "right":
            connection = await SmtpConnection.open(given, connection_context())
            assert connection.tls is not None
            assert connection.tls.verified
            assert connection.tls.version == "TLSv1.3"
            assert connection.tls.certificate is not None
            assert connection.tls.certificate.names == ("127.0.0.1",)
            connection.prepare(mail())
            await connection.ready()
            await connection.send_content()
            await connection.close()
            await server.finished()
            assert has_secret(server.peers[0].protected)
        else:
            failure = await failed(given)
            assert (failure.stage, failure.cause) == (Stage.TLS, "certificate")
            assert meaning(failure) == "deferred server"
            await server.finished()
            assert not has_secret(server.peers[0].protected)
            assert len(server.peers) == 1
        assert not has_secret(server.peers[0].plain)


@pytest.mark.parametrize("certificate", CERTIFICATES)
@pytest.mark.parametrize("auth", [Auth(), AUTH, UNPROTECTED], ids=["none", "auth", "unprotected"])
async def test_opportunistic_tls_is_verified_if_it_can_be(
    certificate: str, auth: Auth, authority: trustme.CA, ca_file: str
) -> None:
    script = ordinary(offers=("AUTH PLAIN",), starttls=context(authority, certificate))
    contexts = TlsContexts()
    async with ScriptedServer(script) as server:
        given = settings(server, ca_file=ca_file, auth=auth)
        right = certificate == "right"
        if auth is AUTH and not right:
            failure = await failed(given)
            assert (failure.stage, failure.cause) == (Stage.AUTH, "unprotected")
            assert meaning(failure) == "held server"
        else:
            for _ in range(2):
                connection = await SmtpConnection.open(given, connection_context(tls=contexts))
                assert connection.tls is not None
                assert connection.tls.verified == right
                await connection.close()
            # What could not be verified is remembered: one connection more, not two.
            assert len(server.peers) == (2 if right else 3)
        await server.finished()
        for peer in server.peers:
            assert not has_secret(peer.plain)
            if auth is AUTH and not right:
                assert not has_secret(peer.protected)


@pytest.mark.parametrize("mode", ["opportunistic", "starttls"])
async def test_bytes_behind_the_220_of_starttls_are_an_attack(
    mode: str, authority: trustme.CA, ca_file: str
) -> None:
    async def inject(peer: Peer) -> None:
        await peer.send(b"220 Go ahead\r\n250-scripted.example\r\n250 AUTH PLAIN\r\n")
        await peer.rest()

    script = ordinary(starttls=server_context(authority), answers={"STARTTLS": inject})
    async with ScriptedServer(script) as server:
        given = settings(server, security=mode, ca_file=ca_file, auth=AUTH)
        failure = await failed(given)
        await server.finished()
        assert (failure.stage, failure.cause) == (Stage.STARTTLS, "injection")
        assert len(server.peers) == 1
        assert not has_secret(server.peers[0].said)


async def broken_handshake(peer: Peer) -> None:
    await peer.say("220 Go ahead")
    await peer.reader.read(1)
    await peer.send(b"no TLS here, sorry\r\n")
    await peer.rest()


async def test_opportunistic_goes_on_in_plain_text_where_the_handshake_fails(
    authority: trustme.CA,
) -> None:
    script = ordinary(starttls=server_context(authority), answers={"STARTTLS": broken_handshake})
    steps: list[Step] = []
    async with ScriptedServer(script) as server:
        connection = await SmtpConnection.open(settings(server), connection_context(), steps.append)
        assert connection.tls is None
        await connection.close()
        await server.finished()
        assert len(server.peers) == 2
        assert "STARTTLS" not in server.peers[1].commands
    assert [step.step for step in steps if not step.ok] == ["tls"]


@pytest.mark.parametrize("mode", ["opportunistic", "starttls"])
async def test_no_password_follows_a_handshake_that_fails(mode: str, authority: trustme.CA) -> None:
    script = ordinary(
        offers=("AUTH PLAIN LOGIN",),
        starttls=server_context(authority),
        answers={"STARTTLS": broken_handshake},
    )
    async with ScriptedServer(script) as server:
        failure = await failed(settings(server, security=mode, auth=AUTH))
        await server.finished()
        assert (failure.stage, failure.cause) == (Stage.TLS, "tls")
        assert len(server.peers) == 1
        assert not has_secret(server.peers[0].said)


@pytest.mark.parametrize("mode", ["starttls", "tls"])
async def test_a_handshake_that_hangs_ends_in_time(mode: str, authority: trustme.CA) -> None:
    async def go_and_hang(peer: Peer) -> None:
        await peer.say("220 Go ahead")
        await peer.rest()

    script = ordinary(starttls=server_context(authority), answers={"STARTTLS": go_and_hang})
    async with ScriptedServer(hang if mode == "tls" else script) as server:
        failure = await failed(settings(server, security=mode, timeout=SHORT))
    assert (failure.stage, failure.cause) == (Stage.TLS, "timeout")


async def test_tls_from_the_first_byte_towards_a_server_of_plain_text_fails() -> None:
    async with ScriptedServer(ordinary()) as server:
        failure = await failed(settings(server, security="tls", auth=AUTH))
        await server.finished()
        assert (failure.stage, failure.cause) == (Stage.TLS, "tls")
        assert not has_secret(server.peers[0].said)


async def test_demanded_starttls_that_is_not_offered_sends_nothing() -> None:
    async with ScriptedServer(ordinary(offers=("AUTH PLAIN",))) as server:
        failure = await failed(settings(server, security="starttls", auth=AUTH))
        await server.finished()
        assert failure.cause == "tls_not_offered"
        assert server.peers[0].commands == ["EHLO", "QUIT"]


@pytest.mark.parametrize("offers", [("AUTH PLAIN",), ("AUTH LOGIN",), ("AUTH=LOGIN PLAIN",)])
@pytest.mark.parametrize("mode", ["none", "opportunistic"])
async def test_a_password_is_not_said_in_plain_text(mode: str, offers: tuple[str, ...]) -> None:
    async with ScriptedServer(ordinary(offers=offers)) as server:
        failure = await failed(settings(server, security=mode, auth=AUTH))
        await server.finished()
        assert failure.cause == "unprotected"
        assert meaning(failure) == "held server"
        assert "AUTH" not in server.peers[0].commands
        assert not has_secret(server.peers[0].said)


async def test_a_password_is_said_in_plain_text_where_that_is_allowed() -> None:
    async with ScriptedServer(ordinary(offers=("AUTH PLAIN",))) as server:
        await attempt(settings(server, security="none", auth=UNPROTECTED))
        assert has_secret(server.peers[0].plain)


async def test_a_refused_password_is_in_no_error(authority: trustme.CA, ca_file: str) -> None:
    async def quote(peer: Peer) -> None:
        await peer.say(f"535 5.7.8 Wrong: {PASSWORD} {FORMS[1].decode()} {FORMS[2].decode()}")

    script = ordinary(
        offers=("AUTH PLAIN",), tls=server_context(authority), answers={"AUTH": quote}
    )
    async with ScriptedServer(script) as server:
        given = settings(server, security="tls", ca_file=ca_file, auth=AUTH)
        steps: list[Step] = []
        with pytest.raises(DeliveryFailure) as raised:
            await SmtpConnection.open(given, connection_context(), steps.append)
    assert meaning(raised.value.failure) == "held server"
    told = f"{raised.value!r} {raised.value.failure!r} {raised.value.failure.said} {steps!r}"
    assert not has_secret(told.encode())
    assert "********" in told


async def test_a_missing_ca_file_verifies_nothing(authority: trustme.CA, tmp_path: Path) -> None:
    script = ordinary(starttls=server_context(authority))
    missing = str(tmp_path / "no-such.pem")
    async with ScriptedServer(script) as server:
        failure = await failed(settings(server, security="starttls", ca_file=missing))
        assert (failure.stage, failure.cause) == (Stage.TLS, "certificate")
        assert missing in failure.detail
