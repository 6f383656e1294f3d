"""Tokens from a real endpoint and from real commands: kept, shared, renewed; what goes wrong."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.delivery import connection_context
from tests.support.scripted_server import (
    Peer,
    Script,
    ScriptedServer,
    dripping,
    endless_line,
    ordinary,
    say,
    server_context,
)
from tests.support.store import NOW, Clock
from tests.support.token_server import CLIENT_SECRET, FIRST, TokenServer
from tests.support.waiting import turns
from zaiond.config.schema import Auth, MailServer, OAuth2, Secret
from zaiond.net.connection import SmtpConnection
from zaiond.net.trace import Step
from zaiond.oauth import tokens as module
from zaiond.oauth.tokens import Tokens
from zaiond.selftest.advice import reason
from zaiond.smtp.failure import DeliveryFailure, Failure, NoToken, Stage
from zaiond.smtp.verdict import judge
from zaiond.text import Text


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer() as running:
        yield running


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    path.mkdir(0o700)
    return path


def kept_in(state: Path) -> list[Path]:
    return list(state.iterdir())


def by_refresh_token(url: str, first: str = FIRST, **more: Any) -> OAuth2:
    return OAuth2(
        grant="refresh_token",
        token_url=url,
        client_id="zaiond",
        client_secret_file="/secret",
        client_secret=Secret(CLIENT_SECRET),
        refresh_token_file="/refresh",
        refresh_token=Secret(first),
        **more,
    )


def by_credentials(url: str, secret: str = CLIENT_SECRET) -> OAuth2:
    return OAuth2(
        grant="client_credentials",
        token_url=url,
        client_id="zaiond",
        client_secret_file="/secret",
        client_secret=Secret(secret),
        scope="https://mail.zaion.jp/.default offline",
    )


def by_command(*command: str) -> OAuth2:
    return OAuth2(token_command=command)


async def no_token(oauth2: OAuth2, tokens: Tokens | None = None, **more: Any) -> NoToken:
    with pytest.raises(NoToken) as raised:
        await (tokens or Tokens()).get(oauth2, **more)
    return raised.value


# -- grants


async def test_client_credentials_are_what_rfc_6749_wants(server: TokenServer) -> None:
    token = await Tokens().get(by_credentials(server.url))
    assert token.text in server.valid
    assert server.requests == [
        {
            "grant_type": "client_credentials",
            "client_id": "zaiond",
            "client_secret": CLIENT_SECRET,
            "scope": "https://mail.zaion.jp/.default offline",
        }
    ]


async def test_a_refresh_token_that_stays_leaves_nothing_on_disk(
    server: TokenServer, state: Path
) -> None:
    token = await Tokens(str(state)).get(by_refresh_token(server.url))
    assert token.text in server.valid
    assert server.requests[0]["refresh_token"] == FIRST
    assert kept_in(state) == []


async def test_a_new_refresh_token_is_used_from_then_on_by_the_next_process_too(
    server: TokenServer, state: Path
) -> None:
    server.rotate = True
    for _ in range(3):
        await Tokens(str(state)).get(by_refresh_token(server.url))
    used = [request["refresh_token"] for request in server.requests]
    assert len(set(used)) == 3
    assert used[0] == FIRST
    (kept,) = kept_in(state)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert server.refresh_token in kept.read_text()


async def test_a_new_refresh_token_in_the_file_begins_anew(
    server: TokenServer, state: Path
) -> None:
    server.rotate = True
    await Tokens(str(state)).get(by_refresh_token(server.url))
    await Tokens(str(state)).get(by_refresh_token(server.url))
    server.refresh_token = "1//consent.given.anew"
    await Tokens(str(state)).get(by_refresh_token(server.url, "1//consent.given.anew"))
    assert server.requests[-1]["refresh_token"] == "1//consent.given.anew"
    await Tokens(str(state)).get(by_refresh_token(server.url, "1//consent.given.anew"))
    assert server.requests[-1]["refresh_token"].startswith("1//next")


async def test_of_processes_side_by_side_one_uses_the_refresh_token_at_a_time(
    server: TokenServer, state: Path
) -> None:
    server.rotate = True
    each = [Tokens(str(state)) for _ in range(4)]
    await asyncio.gather(*(tokens.get(by_refresh_token(server.url)) for tokens in each))
    used = [request["refresh_token"] for request in server.requests]
    assert len(set(used)) == 4  # none was used twice


async def test_where_a_new_refresh_token_could_not_be_kept_none_is_asked_for(
    server: TokenServer, state: Path
) -> None:
    for tokens in (Tokens(), Tokens(str(state / "nowhere"))):
        error = await no_token(by_refresh_token(server.url), tokens)
        assert error.cause == "token_unkept"
    assert server.requests == []


async def test_that_the_state_directory_can_not_be_written_to_is_told_in_both_languages(
    server: TokenServer, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    error = await no_token(by_refresh_token(server.url), Tokens(str(state)))
    assert error.detail == Text(f"{state}: 権限がありません", f"{state}: Permission denied")
    assert server.requests == []


async def test_a_refresh_token_that_can_not_be_written_is_told_of_and_written_later(
    server: TokenServer, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.rotate = True
    told: list[Text] = []
    tokens = Tokens(str(state), told.append)

    def full(file: str, kept: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "write", full)
        first = await tokens.get(by_refresh_token(server.url))
        await tokens.get(by_refresh_token(server.url), refused=first.text)  # by the one in memory
    assert len(told) == 2
    assert server.refresh_token not in str(told)
    assert kept_in(state) == []
    await tokens.close()
    (kept,) = kept_in(state)
    assert server.refresh_token in kept.read_text()


async def test_who_asked_may_go_and_the_refresh_token_is_kept_all_the_same(
    server: TokenServer, state: Path
) -> None:
    server.rotate = True
    server.may_answer.clear()
    tokens = Tokens(str(state))
    asking = asyncio.create_task(tokens.get(by_refresh_token(server.url)))
    await asyncio.to_thread(server.asked.wait, 10)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    server.may_answer.set()
    await tokens.close()
    (kept,) = kept_in(state)
    assert server.refresh_token in kept.read_text()


async def test_what_is_kept_and_makes_no_sense_counts_as_nothing(
    server: TokenServer, state: Path
) -> None:
    server.rotate = True
    await Tokens(str(state)).get(by_refresh_token(server.url))
    (kept,) = kept_in(state)
    kept.write_text("{")
    error = await no_token(by_refresh_token(server.url), Tokens(str(state)))
    assert server.requests[-1]["refresh_token"] == FIRST
    assert error.cause == "token_refused"


# -- kept in memory


async def test_a_token_is_shared_and_used_until_shortly_before_its_end(server: TokenServer) -> None:
    clock = Clock()
    tokens = Tokens(clock=clock)
    oauth2 = by_credentials(server.url)
    side_by_side = await asyncio.gather(*(tokens.get(oauth2) for _ in range(8)))
    assert len({token.text for token in side_by_side}) == 1
    clock.now = NOW + 3500
    assert (await tokens.get(oauth2)).text == side_by_side[0].text
    assert len(server.requests) == 1
    clock.now = NOW + 3541
    assert (await tokens.get(oauth2)).text != side_by_side[0].text


async def test_a_token_of_unknown_lifetime_is_used_for_some_minutes(server: TokenServer) -> None:
    server.lifetime = None
    clock = Clock()
    tokens = Tokens(clock=clock)
    for seconds in (0, 299, 301):
        clock.now = NOW + seconds
        await tokens.get(by_credentials(server.url))
    assert len(server.requests) == 2


async def test_a_refused_token_is_renewed_once_for_all(server: TokenServer) -> None:
    tokens = Tokens()
    oauth2 = by_credentials(server.url)
    old = await tokens.get(oauth2)
    renewed = await asyncio.gather(*(tokens.get(oauth2, refused=old.text) for _ in range(4)))
    assert len({token.text for token in renewed}) == 1
    assert (await tokens.get(oauth2, refused=old.text)).text == renewed[0].text
    assert len(server.requests) == 2


async def test_other_settings_are_another_source(server: TokenServer) -> None:
    tokens = Tokens()
    await tokens.get(by_credentials(server.url))
    error = await no_token(by_credentials(server.url, "another"), tokens)
    assert error.cause == "token_refused"


# -- what endpoints say


@pytest.mark.parametrize(
    ("status", "error", "cause"),
    [
        (400, "invalid_grant", "token_refused"),
        (401, "invalid_client", "token_refused"),
        (404, "", "token_refused"),
        (400, "temporarily_unavailable", "token"),
        (429, "", "token"),
        (503, "", "token"),
    ],
)
async def test_a_refusal_is_told_in_the_endpoints_words_without_a_secret(
    server: TokenServer, status: int, error: str, cause: str
) -> None:
    server.refusal = status, {"error": error, "error_description": f"\x1b[31m {CLIENT_SECRET}"}
    found = await no_token(by_credentials(server.url))
    assert found.cause == cause
    assert found.reply is not None
    assert found.reply.code == status
    assert error in found.reply.text
    assert CLIENT_SECRET not in found.reply.text
    assert "\x1b" not in found.reply.text


def http(answer: bytes, *, hang: bool = False) -> Script:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(answer)
        if hang:
            await peer.rest()

    return script


def url(server: ScriptedServer, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{server.port}/token"


OK = b"HTTP/1.1 200 OK\r\n"
GOOD = b'{"access_token":"t0ken"}'


@pytest.mark.parametrize(
    ("answer", "hang"),
    [
        (OK + b"Content-Length: 24\r\n\r\n" + GOOD, True),
        (OK + b"Content-Length: 24\r\n\r\n" + GOOD + b"more", False),
        (OK + b"\r\n" + GOOD, False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n18\r\n" + GOOD + b"\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 24\r\n\r\n" + GOOD, True),
        (b"HTTP/1.0 200 OK\n\n" + GOOD, False),
    ],
)
async def test_answers_are_read_in_every_form_of_http(answer: bytes, hang: bool) -> None:
    async with ScriptedServer(http(answer, hang=hang)) as server:
        assert (await Tokens().get(by_credentials(url(server)))).text == "t0ken"


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"", "token"),
        (b"\x16\x03\x01 what is this\r\n\r\n", "token"),
        (OK + b"Content-Length: 100\r\n\r\n" + GOOD, "token"),
        (OK + b"\r\n<html>", "token"),
        (OK + b'\r\n{"access_token":"a b"}', "token"),
        (OK + b'\r\n{"access_token":"\xff"}', "token"),
        (OK + b'\r\n{"access_token":7}', "token"),
        (OK + b'\r\n{"access_token":"t","token_type":"mac"}', "token"),
        (OK + b"\r\n" + b"x" * 200_000, "token"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere/\r\n\r\n", "token_refused"),
        (b"HTTP/1.1 999 What\r\n\r\n", "token"),
    ],
)
async def test_an_answer_that_is_of_no_use_gives_no_token(answer: bytes, cause: str) -> None:
    async with ScriptedServer(http(answer)) as server:
        error = await no_token(by_credentials(url(server)))
        assert error.cause == cause
        assert error.detail.en.isprintable()


async def test_nothing_is_sent_after_a_redirect(server: TokenServer) -> None:
    moved = f"HTTP/1.1 307 Moved\r\nLocation: {server.url}\r\n\r\n".encode()
    async with ScriptedServer(http(moved)) as there:
        assert (await no_token(by_credentials(url(there)))).cause == "token_refused"
    assert server.requests == []


async def test_an_endpoint_may_not_keep_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENDPOINT_SECONDS", 0.3)
    async with ScriptedServer(http(OK, hang=True)) as server:
        assert (await no_token(by_credentials(url(server)))).cause == "timeout"


_drip = dripping(b"x")


async def _hang(peer: Peer) -> None:
    await peer.rest()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("misbehave", [_drip, _hang])
async def test_an_endpoint_keeps_no_thread_either(
    misbehave: Script, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENDPOINT_SECONDS", 0.3)
    before = set(threading.enumerate())
    async with ScriptedServer(misbehave) as server:
        await no_token(by_credentials(url(server, scheme)))
        for thread in set(threading.enumerate()) - before:
            await asyncio.to_thread(thread.join, 5)
            assert thread.name.startswith("asyncio") or not thread.is_alive()


async def test_an_endpoint_that_hangs_up_within_the_handshake_is_told_of_as_that() -> None:
    async def hang_up(peer: Peer) -> None:
        await peer.reader.read(1)

    async with ScriptedServer(hang_up) as server:
        error = await no_token(by_credentials(url(server, "https")))
    assert error.cause == "reset"


async def test_half_a_header_is_no_answer() -> None:
    async with ScriptedServer(http(b"HTTP/1.1 400 Bad Request\r\nContent-Le")) as server:
        assert (await no_token(by_credentials(url(server)))).cause == "token"


async def test_an_endpoint_may_not_flood_us() -> None:
    async with ScriptedServer(endless_line) as server:
        error = await no_token(by_credentials(url(server)))
        assert (error.cause, "more than 128 KiB" in error.detail.en) == ("token", True)


async def test_an_endpoint_that_is_not_there_is_a_matter_of_the_network() -> None:
    async with ScriptedServer(http(b"")) as server:
        address = url(server)
    assert (await no_token(by_credentials(address))).cause == "refused"
    assert (await no_token(by_credentials("https://no-such-host.invalid/"))).cause in (
        "no_name",
        "dns_later",
    )


async def test_the_endpoints_certificate_is_verified(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    with TokenServer(server_context(authority)) as right:
        assert (await Tokens().get(by_credentials(right.url), str(ca_file))).text in right.valid
        assert (await no_token(by_credentials(right.url))).cause == "certificate"
    for context in (server_context(stranger), server_context(authority, "another.example")):
        with TokenServer(context) as wrong:
            error = await no_token(by_credentials(wrong.url), ca_file=str(ca_file))
            assert error.cause == "certificate"
            assert wrong.requests == []
    async with ScriptedServer(say("HTTP/1.1 400 Bad Request")) as plain:
        assert (await no_token(by_credentials(url(plain, "https")))).cause == "tls"


# -- commands


def script(directory: Path, text: str) -> str:
    path = directory / "get-token"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


async def test_a_commands_first_line_is_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_DAEMON", "x")
    program = script(tmp_path, 'printf "%s\\r\\nmore\\n" "$1"; env >"$2"; pwd >>"$2"')
    seen = tmp_path / "seen"
    token = await Tokens().get(by_command(program, "t0ken;$(id)", str(seen)))
    assert token.text == "t0ken;$(id)"  # no shell looked at it
    names = {line.partition("=")[0] for line in seen.read_text().splitlines()}
    assert names <= {"PATH", "LANG", "HOME", "PWD", "_", "SHLVL", "OLDPWD", "/"}


@pytest.mark.parametrize(
    ("text", "cause", "words"),
    [
        ("echo; echo t0ken", "command", "no token in the first line"),
        ("echo 'a b'", "command", "no token in the first line"),
        ("true", "command", "no token in the first line"),
        ("echo; printf '\\n not \\033[31m now\\nmore' >&2; exit 3", "command",
         r"exit status 3: not \x1b[31m now"),
        ("echo t0ken; exit 75", "command", "exit status 75"),
        ("echo who? >&2; exit 77", "command_unfit", "exit status 77: who?"),
        ("exit 78", "command_unfit", "exit status 78"),
        ("kill -TERM $$", "command", "killed by signal 15"),
    ],
)  # fmt: skip
async def test_a_command_that_fails_says_how(
    tmp_path: Path, text: str, cause: str, words: str
) -> None:
    error = await no_token(by_command(script(tmp_path, text)))
    assert error.cause == cause
    assert words in error.detail.en
    assert "t0ken" not in error.detail.en


async def test_a_command_that_can_not_be_run_is_unfit(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.touch(0o600)
    for program in (str(nothing), str(tmp_path / "none"), "no-such-program"):
        assert (await no_token(by_command(program))).cause == "command_unfit"


async def test_a_command_that_does_not_end_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COMMAND_SECONDS", 0.5)
    pids = tmp_path / "pids"
    program = script(tmp_path, f"sleep 600 & echo $! $$ >{pids}; wait")
    async with asyncio.timeout(60):  # a child that keeps the pipes open keeps nobody
        error = await no_token(by_command(program))
    assert (error.cause, "not done within" in error.detail.en) == ("command", True)
    await asyncio.to_thread(_await_gone, [int(pid) for pid in pids.read_text().split()])


async def test_what_a_command_leaves_behind_keeps_nobody_and_no_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COMMAND_SECONDS", 0.5)
    left = tmp_path / "left"
    # In a session of its own it outlives the command, and it has the command's output.
    program = script(tmp_path, f"setsid sh -c 'echo $$ >{left}; exec sleep 600' & sleep 600")
    before = len(os.listdir("/proc/self/fd"))
    try:
        async with asyncio.timeout(60):
            error = await no_token(by_command(program))
        assert (error.cause, "not done within" in error.detail.en) == ("command", True)
        await turns()  # what is closed is let go in the next turn
        assert len(os.listdir("/proc/self/fd")) <= before
    finally:
        os.kill(int(left.read_text()), signal.SIGKILL)


def _await_gone(pids: list[int]) -> None:
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        # SIGKILL was sent: a pidfd is readable as soon as it is over.
        import select

        assert select.select([descriptor], [], [], 10)[0]
        os.close(descriptor)


async def test_a_flood_of_output_is_read_and_dropped(tmp_path: Path) -> None:
    program = script(
        tmp_path, "echo t0ken; head -c 3000000 /dev/zero; head -c 300000 /dev/zero >&2"
    )
    assert (await Tokens().get(by_command(program))).text == "t0ken"


# -- in a session


def mail_server(server: ScriptedServer, oauth2: OAuth2, **more: Any) -> MailServer:
    auth = Auth(mechanism="xoauth2", username="zaion@zaion.jp", oauth2=oauth2, **more)
    return MailServer(host="127.0.0.1", port=server.port, timeout=5.0, security="none", auth=auth)


async def failed(given: MailServer, tokens: Tokens) -> Failure:
    with pytest.raises(DeliveryFailure) as raised:
        await SmtpConnection.open(given, connection_context(tokens=tokens))
    return raised.value.failure


@pytest.mark.parametrize(
    "refusal", ["535 5.7.8 Not accepted", "454 4.7.12 A password transition is needed"]
)
async def test_a_token_that_was_revoked_is_renewed_before_the_refusal_is_believed(
    server: TokenServer, refusal: str
) -> None:
    server.not_accepted = refusal
    tokens = Tokens()
    script = ordinary(offers=("AUTH XOAUTH2",), answers={"AUTH": server.check})
    async with ScriptedServer(script) as there:
        given = mail_server(there, by_credentials(server.url), allow_unprotected_password=True)
        for _ in range(2):
            await (await SmtpConnection.open(given, connection_context(tokens=tokens))).close()
        assert len(server.requests) == 1
        server.valid.clear()
        steps: list[Step] = []
        connection = await SmtpConnection.open(
            given, connection_context(tokens=tokens), steps.append
        )
        await connection.close()
        assert len(server.requests) == 2
        assert [step.step for step in steps if step.step in ("token", "auth")] == [
            "token", "auth", "token", "auth",
        ]  # fmt: skip
        assert "t0ken" not in "".join(step.detail.en for step in steps)


async def test_a_refusal_of_a_new_token_is_believed(server: TokenServer) -> None:
    tokens = Tokens()
    script = ordinary(offers=("AUTH XOAUTH2",), answers={"AUTH": "535 5.7.8 No"})
    async with ScriptedServer(script) as there:
        given = mail_server(there, by_credentials(server.url), allow_unprotected_password=True)
        for requests in (1, 2, 3):  # the first time it is new, then it was got before
            failure = await failed(given, tokens)
            assert (failure.stage, failure.cause) == (Stage.AUTH, "reply")
            assert judge(failure).outcome == "held"
            assert reason(failure) == ("Auth failed", 535)
            assert len(server.requests) == requests


async def test_a_refused_token_is_shown_once_while_there_is_no_other(server: TokenServer) -> None:
    tokens = Tokens()
    script = ordinary(offers=("AUTH XOAUTH2",), answers={"AUTH": server.check})
    async with ScriptedServer(script) as there:
        given = mail_server(there, by_credentials(server.url), allow_unprotected_password=True)
        await (await SmtpConnection.open(given, connection_context(tokens=tokens))).close()
        server.valid.clear()
        server.refusal = 503, {}
        for _ in range(3):
            failure = await failed(given, tokens)
            assert (failure.stage, judge(failure).outcome) == (Stage.TOKEN, "deferred")
        await there.finished()
    logins = [peer for peer in there.peers if "AUTH" in peer.commands]
    assert len(logins) == 2  # the good one, and the one that showed that it is good no more


async def test_a_token_that_holds_is_used_although_no_other_can_be_got(server: TokenServer) -> None:
    tokens = Tokens()
    oauth2 = by_credentials(server.url)
    first = await tokens.get(oauth2)
    server.refusal = 503, {}
    with pytest.raises(NoToken):
        await tokens.renew(oauth2, None)
    assert (await tokens.get(oauth2)).text == first.text


async def test_without_a_token_nothing_is_said_to_the_server(server: TokenServer) -> None:
    server.refusal = 400, {"error": "invalid_grant"}
    async with ScriptedServer(ordinary(offers=("AUTH XOAUTH2",))) as there:
        failure = await failed(mail_server(there, by_credentials(server.url)), Tokens())
        assert failure.server == f"127.0.0.1:{there.port}"
        assert reason(failure) == ("Auth failed", 400)
        await there.finished()
        assert there.peers[0].said == b""
    assert reason(await failed_to_connect(there, server)) == (
        "Cant connect Server",
        10061,
    )


async def failed_to_connect(there: ScriptedServer, server: TokenServer) -> Failure:
    given = MailServer(host="127.0.0.1", port=1, auth=mail_server_auth(server))
    return await failed(given, Tokens())


def mail_server_auth(server: TokenServer) -> Auth:
    return Auth(mechanism="xoauth2", username="zaion", oauth2=by_credentials(server.url))


def test_what_only_some_logins_need_is_loaded_for_them() -> None:
    program = "import sys, zaiond.daemon.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    needed = {"http.client", "zaiond.http", "zaiond.pop3", "zaiond.smtp.ntlm"}
    assert not needed & set(loaded.decode().split())
