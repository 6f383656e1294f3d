"""What decent servers do where the standard leaves it open, and what odd ones do all the same: mail
gets through, or has the outcome that it deserves.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.delivery import (
    PATIENT,
    QUICK,
    SOON,
    Post,
    configuration,
    connection_context,
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
    late,
    ordinary,
    then,
    unanswering,
)
from zaiond.config.schema import Auth, OAuth2, PopBeforeSmtp, Queue, Secret
from zaiond.model import Message
from zaiond.net.connection import SmtpConnection
from zaiond.selftest import render
from zaiond.selftest.run import self_test
from zaiond.smtp.failure import DeliveryFailure, Stage
from zaiond.smtp.verdict import judge

MAIL = Message(
    message_id="<1@x>",
    reverse_path="zaionnex",
    recipients=("a@x.example",),
    content=b"Subject: x\r\n\r\nx\r\n",
)
# Recipients a mail, of a server that has a limit.
TEN = 10
ADMINS = tuple(f"admin{number:02}@x.example" for number in range(25))


def no_more_than(
    limit: int, refusal: str, offers: tuple[str, ...] = ("PIPELINING",)
) -> Callable[[Peer], Awaitable[None]]:
    """A server that takes so many recipients a mail, and says `refusal` to the others."""

    def script(peer: Peer) -> Awaitable[None]:
        taken = 0

        async def mail(peer: Peer) -> None:
            nonlocal taken
            taken = 0
            await peer.say("250 2.1.0 Ok")

        async def rcpt(peer: Peer) -> None:
            nonlocal taken
            taken += 1
            await peer.say("250 2.1.5 Ok" if taken <= limit else refusal)

        return ordinary(offers=offers, answers={"MAIL": mail, "RCPT": rcpt})(peer)

    return script


@pytest.mark.parametrize("offers", [("PIPELINING",), ()], ids=["pipelined", "serial"])
@pytest.mark.parametrize(
    "refusal",
    [
        "452 4.5.3 Error: too many recipients",
        "552 Too many recipients",
        "452 Enough",
        "550 5.5.3 No",
    ],
)
async def test_ten_recipients_a_mail_means_the_rest_at_once_in_further_mails(
    state: Path, refusal: str, offers: tuple[str, ...]
) -> None:
    async with (
        ScriptedServer(no_more_than(TEN, refusal, offers)) as small,
        Post(state, configuration(server(small.port, max_connections=1), admins=ADMINS)) as post,
    ):
        await post.emit("1", "2")
        await post.until_ended(2)  # the queue is patient: what was deferred would take an hour
        assert set((await post.states("1")).values()) == {"delivered"}
        assert len(small.peers) == 1
        assert len(mails(small)) == 2 * 3  # of 10, 10 and 5 recipients
        said = small.peers[0].said
        # Each is asked about until it is taken, and is sent the same mail as the others.
        assert [said.count(b"RCPT TO:<%b>" % who.encode()) for who in (ADMINS[0], ADMINS[-1])] == [
            2, 2 * 3,
        ]  # fmt: skip
        assert len(set(small.peers[0].contents)) == 2


async def test_the_rest_is_not_given_to_another_server(state: Path) -> None:
    async with (
        ScriptedServer(no_more_than(TEN, "452 4.5.3 Too many recipients")) as small,
        ScriptedServer(ordinary()) as other,
        Post(state, configuration(server(small.port), server(other.port), admins=ADMINS)) as post,
    ):
        await post.emit("1")
        await post.until_ended(1)
        assert other.peers == []


async def test_a_server_that_takes_nobody_is_not_asked_again_at_once(state: Path) -> None:
    async with (
        ScriptedServer(no_more_than(0, "452 4.5.3 Too many recipients")) as none,
        Post(state, configuration(server(none.port), admins=ADMINS)) as post,
    ):
        await post.emit("1")
        await post.until(lambda: len(post.outcomes) == len(ADMINS))
        assert set((await post.states("1")).values()) == {"deferred"}
        assert mails(none) == []


async def test_a_mailbox_that_stays_full_is_asked_once_more_and_then_waits(state: Path) -> None:
    async def rcpt(peer: Peer) -> None:
        await peer.say("452 full" if "admin01" in last_line(peer) else "250 2.1.5 Ok")

    async with (
        ScriptedServer(ordinary(answers={"RCPT": rcpt})) as picky,
        Post(state, configuration(server(picky.port), admins=ADMINS[:3])) as post,
    ):
        await post.emit("1")
        await post.until(lambda: ("1", ADMINS[1], "deferred") in post.outcomes)
        document = await post.history("1")
        attempts = {one["recipient"]: len(one["attempts"]) for one in document["deliveries"]}
        assert attempts == {ADMINS[0]: 1, ADMINS[1]: 2, ADMINS[2]: 1}


# -- connections


async def closes(peer: Peer) -> None:
    """Takes the mail and goes, without a word."""
    await peer.say("250 2.0.0 Queued")
    await drop(peer)


@pytest.mark.parametrize("offers", [("PIPELINING",), ()], ids=["pipelined", "serial"])
@pytest.mark.parametrize(
    ("command", "second"),
    [
        ("CONTENT", closes),
        ("MAIL", drop),
        ("MAIL", "421 4.7.0 Too many messages"),
        ("MAIL", "452 4.5.3 Too many messages in this session"),
        ("MAIL", "550 5.7.0 Too many messages per connection"),
    ],
    ids=["closes", "closes later", "421", "452", "550"],
)
async def test_one_mail_a_connection_costs_no_attempt(
    state: Path, command: str, second: Answer, offers: tuple[str, ...]
) -> None:
    def script(peer: Peer) -> Awaitable[None]:
        answer = then("250 2.1.0 Ok", second) if command == "MAIL" else second
        return ordinary(offers=offers, answers={command: answer})(peer)

    async with (
        ScriptedServer(script) as impatient,
        Post(state, configuration(server(impatient.port, max_connections=2))) as post,
    ):
        await post.emit(*ids(10))
        await post.until_ended(10)
        assert each_once(mails(impatient), ids(10))
        for id_ in ids(10):
            assert await post.attempts(id_) == ["delivered"]


async def test_where_not_one_recipient_is_taken_the_next_server_gets_the_mail(state: Path) -> None:
    full = ScriptedServer(no_more_than(0, "452 4.5.3 Too many recipients"))
    async with full, ScriptedServer(ordinary()) as spare:
        servers = configuration(server(full.port), server(spare.port), admins=ADMINS[:2])
        async with Post(state, servers) as post:
            await post.emit("1")
            await post.until_ended(1)
            assert await post.attempts("1") == ["deferred", "delivered"] * 2
    assert mails(spare) == ["1"]


async def test_a_login_too_many_waits_for_fewer_connections_and_holds_nothing(state: Path) -> None:
    logged_in: set[Peer] = set()
    refused = 0

    async def auth(peer: Peer) -> None:
        nonlocal refused
        if len(logged_in) >= 2:
            refused += 1
            await peer.say("454 4.7.0 Too many login attempts, please try again later.")
        else:
            logged_in.add(peer)
            await peer.say("235 2.7.0 Welcome")

    async def script(peer: Peer) -> None:
        try:
            await ordinary(offers=("AUTH PLAIN",), answers={"AUTH": auth})(peer)
        finally:
            logged_in.discard(peer)

    login = Auth(
        mechanism="basic",
        username="zaion",
        password=Secret("secret"),
        allow_unprotected_password=True,
    )
    queue = Queue(retry_first=0.05, retry_max=3600.0)
    async with ScriptedServer(script) as strict, ScriptedServer(ordinary()) as other:
        servers = server(strict.port, auth=login), server(other.port)
        async with Post(state, configuration(*servers, queue=queue)) as post:
            await post.emit(*ids(100))
            await post.until_ended(100)
            assert each_once(mails(strict), ids(100))
            assert post.servers_changed == []
            assert other.peers == []
            assert refused < 20  # eight were wanted; it is not stormed


# -- greylisting


@pytest.mark.parametrize(
    "reply", ["450 4.2.0 Greylisted", "451 4.7.1 Come back later", "450 Later"]
)
async def test_who_is_greylisted_is_tried_again_later_and_the_others_are_not_kept_waiting(
    state: Path, reply: str
) -> None:
    seen: set[str] = set()

    async def rcpt(peer: Peer) -> None:
        line = last_line(peer)
        known = "new" not in line or line in seen
        seen.add(line)
        await peer.say("250 2.1.5 Ok" if known else reply)

    admins = ("known@x.example", "new@x.example")
    async with (
        ScriptedServer(ordinary(answers={"RCPT": rcpt})) as grey,
        Post(state, configuration(server(grey.port), admins=admins, queue=QUICK)) as post,
    ):
        await post.emit("1")
        await post.until_ended(1)
        assert post.outcomes == [
            ("1", "known@x.example", "delivered"),
            ("1", "new@x.example", "deferred"),
            ("1", "new@x.example", "delivered"),
        ]


async def test_a_content_that_is_greylisted_is_tried_again_later(state: Path) -> None:
    content = then("451 4.7.1 Greylisted, please try again", "250 2.0.0 Queued")
    async with (
        ScriptedServer(ordinary(answers={"CONTENT": content})) as grey,
        Post(state, configuration(server(grey.port), queue=QUICK)) as post,
    ):
        await post.emit("1")
        await post.until_ended(1)
        assert await post.attempts("1") == ["deferred", "delivered"]


# -- what servers can't do


@pytest.mark.parametrize("refusal", ["500 What?", "502 5.5.1 Not implemented", "504 No"])
async def test_a_server_of_helo_alone_gets_mail(state: Path, refusal: str) -> None:
    async with (
        ScriptedServer(ordinary(answers={"EHLO": refusal})) as old,
        Post(state, configuration(server(old.port))) as post,
    ):
        await post.emit("1", "2")
        await post.until_ended(2)
        assert mails(old) == ["1", "2"]
        assert old.peers[0].commands[:3] == ["EHLO", "HELO", "MAIL"]
        assert b"MAIL FROM:<zaionnex>\r\n" in old.peers[0].said  # without any parameter


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("短い。", "base64"),
        ("あ" * 20_000, "base64"),
        ("é" + "x" * 5_000, "quoted-printable"),
        ("x" * 20_000 + "\n.\n..\n", "quoted-printable"),
    ],
    ids=["short", "Japanese", "French", "one line"],
)
async def test_without_8bitmime_the_wire_is_of_7_bits_and_no_line_is_too_long(
    state: Path, text: str, encoding: str
) -> None:
    async with (
        ScriptedServer(ordinary(offers=())) as old,
        Post(state, configuration(server(old.port)), language="ja") as post,
    ):
        await post.emit("1", message=text)
        await post.until_ended(1)
        (content,) = old.peers[0].contents
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998  # RFC 5321 4.5.3.1.6
    # Whichever is shorter.
    assert f"\r\nContent-Transfer-Encoding: {encoding}\r\n".encode() in content


async def test_a_size_too_small_is_told_before_anything_is_sent(state: Path) -> None:
    async with (
        ScriptedServer(ordinary(offers=("PIPELINING", "SIZE 100"))) as small,
        Post(state, configuration(server(small.port))) as post,
    ):
        await post.emit("1")
        await post.until(lambda: bool(post.holds))
        assert await post.states("1") == {"a@x.example": "held"}
        (delivery,) = (await post.history("1"))["deliveries"]
        assert delivery["reply"].startswith("mail: too big for the server (")
        assert delivery["reply"].endswith("and the server takes 100)")
        assert "MAIL" not in small.peers[0].commands


UTF8 = "管理@x.example"


@pytest.mark.parametrize("offers", [("PIPELINING",), ()], ids=["pipelined", "serial"])
async def test_without_smtputf8_who_needs_it_is_told_so_and_nobody_else_suffers(
    state: Path, offers: tuple[str, ...]
) -> None:
    admins = (UTF8, "a@x.example", "b@例え.jp")
    async with (
        ScriptedServer(ordinary(offers=offers)) as old,
        Post(state, configuration(server(old.port), admins=admins)) as post,
    ):
        await post.emit("1", "2")
        await post.until(lambda: bool(post.holds))
        await post.settled()
        for event in ("1", "2"):
            assert await post.states(event) == {
                "a@x.example": "delivered", "b@xn--r8jz45g.jp": "delivered", UTF8: "held",
            }  # fmt: skip
        said = {one["recipient"]: one["reply"] for one in (await post.history("1"))["deliveries"]}
        assert said[UTF8] == "rcpt: SMTPUTF8 not offered"
        assert post.servers_changed == []
        assert old.peers[0].said.isascii()


async def test_with_smtputf8_it_is_asked_for_where_it_is_needed(state: Path) -> None:
    offers = ("PIPELINING", "8BITMIME", "SMTPUTF8")
    async with (
        ScriptedServer(ordinary(offers=offers)) as modern,
        Post(
            state,
            configuration(server(modern.port, max_connections=1), admins=(UTF8, "a@x.example")),
        ) as post,
    ):
        await post.emit("1", message="ご確認ください。")
        await post.until_ended(1)
        said = modern.peers[0].said.decode()
        assert "MAIL FROM:<zaionnex>\r\nRCPT TO:<a@x.example>\r\n" in said
        assert f"MAIL FROM:<zaionnex> BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<{UTF8}>\r\n" in said
        wanting = next(c for c in modern.peers[0].contents if UTF8.encode() in c)
        header, _, body = wanting.partition(b"\r\n\r\n")
        assert f"To: {UTF8}\r\n".encode() in header
        assert body.isascii()  # what isn't needed isn't used


async def test_the_self_test_tells_a_recipient_that_needs_smtputf8_from_a_sender() -> None:
    async with ScriptedServer(ordinary()) as old:
        where = f"127.0.0.1:{old.port}"
        given = configuration(server(old.port), language="en")
        (line, *_) = render.lines(await self_test(given, [UTF8], connection_context()), "en")
        assert line == f"[Error] Send error Recipient refused 0 {where} {UTF8} zaionnex"
        given = configuration(server(old.port), sender="管理@x.example", language="en")
        (line, *_) = render.lines(
            await self_test(given, ["a@x.example"], connection_context()), "en"
        )
        assert line == f"[Error] Send error Sender refused 0 {where} a@x.example {UTF8}"


# -- replies as they come


def in_pieces(script: Callable[[Peer], Awaitable[None]]) -> Callable[[Peer], Awaitable[None]]:
    """The same server, whose every byte comes by itself."""

    async def pieces(peer: Peer) -> None:
        async def say(*lines: str) -> None:
            for byte in "".join(f"{line}\r\n" for line in lines).encode():
                peer.writer.write(bytes((byte,)))
                await peer.writer.drain()

        peer.say = say  # type: ignore[method-assign]
        await script(peer)

    return pieces


@pytest.mark.parametrize("offers", [("PIPELINING",), ()], ids=["pipelined", "serial"])
async def test_replies_in_pieces_are_replies(state: Path, offers: tuple[str, ...]) -> None:
    async with (
        ScriptedServer(in_pieces(ordinary(offers=offers))) as slow,
        Post(state, configuration(server(slow.port, max_connections=1))) as post,
    ):
        await post.emit(*ids(5))
        await post.until_ended(5)
        assert mails(slow) == ids(5)


async def test_long_replies_with_junk_between_their_lines_are_replies(state: Path) -> None:
    long = "\r\n".join([
        *(f"250-{'x' * 4000} {number}" for number in range(15)),
        "*** put in by hand ***",
        "250 2.0.0 Ok",
    ])  # fmt: skip
    greeting = "220-mail.example\r\nAuthorized use only\r\n\r\n220 ESMTP"
    ehlo = "250-mail.example\r\nnotice\r\n250-X-WHAT \x00\x7f\r\n250 PIPELINING"
    answers: dict[str, Answer] = {"GREETING": greeting, "EHLO": ehlo}
    answers |= dict.fromkeys(("MAIL", "RCPT", "CONTENT"), long)
    async with (
        ScriptedServer(ordinary(answers=answers)) as wordy,
        Post(state, configuration(server(wordy.port, max_connections=1))) as post,
    ):
        await post.emit(*ids(3))
        await post.until_ended(3)
        assert mails(wordy) == ids(3)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("550 5.1.1 宛先不明".encode(), "550 5.1.1 宛先不明"),
        (b"550 5.1.1 " + "宛先".encode("shift_jis"), "550 5.1.1 宛先"),
        (b"550 5.1.1 " + "宛".encode("iso-2022-jp"), "550 5.1.1 宛"),
        (b"550 5.1.1 \x1b]0;title\x07\x00\xc2\x9b2J", r"550 5.1.1 \x1b]0;title\x07\x00\x9b2J"),
    ],
    ids=["utf-8", "shift_jis", "iso-2022-jp", "terminal"],
)
async def test_what_is_not_ascii_is_shown_where_it_can_be_and_escaped_where_not(
    state: Path, said: bytes, shown: str
) -> None:
    async def refuse(peer: Peer) -> None:
        await peer.send(said + b"\r\n")

    async with ScriptedServer(ordinary(answers={"RCPT": refuse})) as foreign:
        given = configuration(server(foreign.port), queue=PATIENT)
        async with Post(state, given) as post:
            await post.emit("1")
            await post.until(lambda: bool(post.holds))
            (delivery,) = (await post.history("1"))["deliveries"]
        assert delivery["reply"] == shown
        assert json.loads(json.dumps(delivery))["reply"] == shown
        document = await self_test(given, ["a@x.example"], connection_context())
    (result,) = document["results"]
    assert (result["reason"], result["code"]) == ("Recipient refused", 550)
    assert shown in result["hint"]
    assert shown in [step["detail"] for step in result["steps"]]
    assert all(line.isprintable() for line in render.lines(document, "en", verbose=True))


# -- time


async def test_a_connection_that_is_kept_is_kept_no_longer_than_a_session_may_last(
    state: Path,
) -> None:
    one = {"session_timeout": 0.5, "keep_idle": 3600.0}
    async with (
        ScriptedServer(ordinary()) as decent,
        Post(state, configuration(server(decent.port, **one))) as post,
    ):
        await post.emit("1")
        await post.until_ended(1)
        async with asyncio.timeout(SOON):
            await decent.finished()
        assert decent.peers[0].commands[-1] == "QUIT"


@pytest.mark.parametrize("waits", ["for a mail", "for our disk"])
async def test_a_session_ends_in_time_whoever_is_waited_for(waits: str) -> None:
    async with ScriptedServer(ordinary()) as decent:
        given = server(decent.port, session_timeout=0.3)
        connection = await SmtpConnection.open(given, connection_context())
        if waits == "for our disk":
            connection.prepare(MAIL)
            assert await connection.ready() == {}
        async with asyncio.timeout(SOON):
            await decent.finished()
        assert connection.lost
        if waits == "for our disk":
            with pytest.raises(DeliveryFailure) as raised:
                await connection.send_content()
            assert raised.value.failure.stage is Stage.SESSION
            assert judge(raised.value.failure).outcome == "deferred"
        assert decent.peers[0].contents == []
        await connection.close()


@pytest.mark.parametrize("offers", [("PIPELINING",), ()], ids=["pipelined", "serial"])
async def test_a_server_that_is_slow_but_in_time_is_left_at_the_sessions_deadline(
    state: Path, offers: tuple[str, ...]
) -> None:
    loop = asyncio.get_running_loop()
    stayed = 0.0

    slow = late(0.1, "250 2.1.5 Ok")

    async def script(peer: Peer) -> None:
        nonlocal stayed
        began = loop.time()
        try:
            await ordinary(offers=offers, answers={"RCPT": slow})(peer)
        finally:
            await peer.rest()
            stayed = loop.time() - began

    one = {"timeout": 5.0, "session_timeout": 1.0}
    async with (
        ScriptedServer(script) as lazy,
        Post(state, configuration(server(lazy.port, **one), admins=ADMINS)) as post,
    ):
        await post.emit("1")
        await post.until(lambda: len(post.outcomes) == len(ADMINS))
        assert set((await post.states("1")).values()) == {"deferred"}
        (reply, *_) = {one["reply"] for one in (await post.history("1"))["deliveries"]}
        assert reply == "session: timed out (1 s)"
        async with asyncio.timeout(SOON):
            await lazy.finished()
    assert 0 < stayed < 1.0 + 1.0


@pytest.mark.parametrize("what", ["the server", "its POP server", "a token"])
async def test_what_comes_before_a_session_takes_no_longer_than_it_may_last(what: str) -> None:
    async with ScriptedServer(ordinary()) as decent:
        with unanswering() as silent:
            given = server(
                silent if what == "the server" else decent.port,
                timeout=3600.0,
                session_timeout=0.3,
            )
            if what == "its POP server":
                pop = PopBeforeSmtp(
                    enabled=True, host="127.0.0.1", port=silent, username="u", password=Secret("p")
                )
                given = replace(given, pop_before_smtp=pop)
            if what == "a token":
                oauth2 = OAuth2(token_command=("/bin/sleep", "20"))
                given = replace(given, auth=Auth(mechanism="xoauth2", username="u", oauth2=oauth2))
            async with asyncio.timeout(SOON / 2):
                document = await self_test(
                    configuration(given), ["a@x.example"], connection_context()
                )
    (result,) = document["results"]
    assert (result["reason"], result["code"]) == {
        "the server": ("Cant connect Server", 10060),
        "its POP server": ("POP login failed", 10060),
        "a token": ("Auth not possible", 0),
    }[what]
