"""XOAUTH2 from end to end: a daemon, a token endpoint over HTTPS, a server that checks tokens."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme

from tests.e2e.conftest import MakeDaemon
from tests.support.daemon import Daemon
from tests.support.scripted_server import ScriptedServer, ordinary, server_context
from tests.support.token_server import CLIENT_SECRET, FIRST, TokenServer
from tests.support.waiting import meanwhile

TO = "test@example.co.jp"
SENT = "正常に送信されました\n"
EVENT = {"type": "test.oauth2", "message": "hello"}
T = TypeVar("T")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs the certificates of both servers."""
    return trustme.CA()


@pytest.fixture
def tokens(authority: trustme.CA) -> Iterator[TokenServer]:
    """The token endpoint."""
    with TokenServer(server_context(authority, "localhost")) as running:
        running.url = running.url.replace("127.0.0.1", "localhost")
        yield running


@pytest.fixture
def files(authority: trustme.CA, directory: Path) -> Path:
    """The directory with the administrator's files."""
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    for name, secret in (("client-secret", CLIENT_SECRET), ("refresh-token", FIRST)):
        (directory / name).write_text(secret + "\n")
        (directory / name).chmod(0o600)
    return directory


def smtp(tokens: TokenServer, authority: trustme.CA, **more: Any) -> ScriptedServer:
    """A server for submission over TLS, as Google's."""
    more = {"tls": server_context(authority, "localhost"), **more}
    offers = ("PIPELINING", "AUTH LOGIN PLAIN XOAUTH2")
    return ScriptedServer(ordinary(offers=offers, answers={"AUTH": tokens.check}, **more))


def settings(files: Path, url: str, grant: str, **more: Any) -> dict[str, Any]:
    """mail_server of a daemon that logs in with a token."""
    oauth2: dict[str, Any] = {
        "grant": grant,
        "token_url": url,
        "client_id": "zaiond",
        "client_secret_file": str(files / "client-secret"),
        "scope": "https://mail.zaion.jp/.default",
    }
    if grant == "refresh_token":
        oauth2["refresh_token_file"] = str(files / "refresh-token")
    if grant == "token_command":
        program = files / "get-token"
        program.write_text(f"#!/bin/sh\nexec cat {files / 'token'}\n")
        program.chmod(0o700)
        oauth2 = {"token_command": [str(program)]}
    auth = {"mechanism": "xoauth2", "username": "zaion@zaion.jp", "oauth2": oauth2}
    usual = {"security": "tls", "ca_file": str(files / "ca.pem"), "keep_idle": "0s", "auth": auth}
    return {**usual, **more}


async def aside(call: Callable[..., T], *arguments: Any) -> T:
    """What blocks, while the servers of this test go on."""
    return await asyncio.to_thread(call, *arguments)


async def delivered(daemon: Daemon, number: int) -> None:
    """An event more, `number` in all, has arrived."""
    (reply,) = await aside(daemon.emit, EVENT)
    assert reply["status"] == "ok"

    def all_arrived(found: dict[str, Any]) -> bool:
        return [each["outcome"] for each in found["events"]] == ["delivered"] * number

    await aside(daemon.becomes, all_arrived, "history")


def everything_kept(daemon: Daemon) -> bytes:
    """What the daemon left on disk and in its log, but for the files that are for secrets."""
    kept = [path for path in daemon.state.iterdir() if path.suffix != ".json"]
    return b"".join(path.read_bytes() for path in [*kept, daemon.log])


@pytest.mark.parametrize("grant", ["refresh_token", "client_credentials", "token_command"])
async def test_mail_is_delivered_with_a_token_of_each_kind(
    make_daemon: MakeDaemon, tokens: TokenServer, authority: trustme.CA, files: Path, grant: str
) -> None:
    (files / "token").write_text(tokens.new_token() + "\n")
    async with smtp(tokens, authority) as server:
        daemon = make_daemon(server.port, mail_server=settings(files, tokens.url, grant))
        with daemon:
            await delivered(daemon, 1)
            await delivered(daemon, 2)
            done = await aside(daemon.ctl, "test", "-v", TO)
            assert done.stdout.startswith(SENT)
            assert "ok token" in done.stdout
            assert (
                str(files / "get-token" if grant == "token_command" else tokens.url) in done.stdout
            )
        assert [len(peer.contents) for peer in server.peers] == [1, 1, 1]
        assert len(tokens.requests) == (0 if grant == "token_command" else 1)
        secrets = [CLIENT_SECRET, FIRST, *tokens.valid]
        written = everything_kept(daemon) + done.stdout.encode()
        assert not [secret for secret in secrets if secret.encode() in written]


async def test_a_new_refresh_token_survives_a_restart_and_a_crash(
    make_daemon: MakeDaemon, tokens: TokenServer, authority: trustme.CA, files: Path
) -> None:
    tokens.rotate = True
    async with smtp(tokens, authority) as server:
        given = settings(files, tokens.url, "refresh_token")
        daemon = make_daemon(server.port, mail_server=given)
        daemon.start()
        await delivered(daemon, 1)
        daemon.restart()
        await delivered(daemon, 2)
        daemon.kill()
        done = await aside(daemon.ctl, "test", TO)  # by itself, and the daemon goes on from there
        assert done.stdout == SENT
        daemon.start()
        await delivered(daemon, 3)
        daemon.stop()
        used = [request["refresh_token"] for request in tokens.requests]
        assert used[0] == FIRST
        assert len(set(used)) == 4
        assert (files / "refresh-token").read_text() == FIRST + "\n"


async def test_what_the_endpoint_refuses_is_held_until_there_is_a_new_refresh_token(
    make_daemon: MakeDaemon, tokens: TokenServer, authority: trustme.CA, files: Path
) -> None:
    tokens.refresh_token = "1//given.anew"
    async with smtp(tokens, authority) as server:
        given = settings(files, tokens.url, "refresh_token")
        daemon = make_daemon(server.port, mail_server=given)
        with daemon:
            done = await aside(daemon.ctl, "test", TO)
            line, _, *hint = done.stdout.splitlines()
            assert line == (
                f"[Error] 送信エラー Auth failed 400 localhost:{server.port} {TO} zaionnex"
            )
            assert "invalid_grant" in hint[0]
            assert "refresh_token_file" in hint[1]
            assert FIRST not in done.stdout
            await aside(daemon.emit, EVENT)
            status = await aside(
                daemon.becomes, lambda found: found["queue"]["held"] == 1, "status"
            )
            assert "invalid_grant" in status["problems"][0]["message"]
            (files / "refresh-token").write_text("1//given.anew\n")
            await aside(
                daemon.becomes, lambda d: d["events"][0]["outcome"] == "delivered", "history"
            )


async def test_a_token_that_has_ended_or_was_revoked_is_renewed(
    make_daemon: MakeDaemon, tokens: TokenServer, authority: trustme.CA, files: Path
) -> None:
    async with smtp(tokens, authority) as server:
        given = settings(files, tokens.url, "client_credentials")
        with make_daemon(server.port, mail_server=given) as daemon:
            await delivered(daemon, 1)
            tokens.valid.clear()  # revoked before its time
            await delivered(daemon, 2)
            assert len(tokens.requests) == 2
            tokens.valid.clear()
            tokens.lifetime = 1
            await delivered(daemon, 3)
            await meanwhile(1)  # its whole life
            await delivered(daemon, 4)
            assert len(tokens.requests) == 4


async def test_a_token_that_the_server_refuses_is_told_of_in_its_words(
    make_daemon: MakeDaemon, tokens: TokenServer, authority: trustme.CA, files: Path
) -> None:
    (files / "token").write_text("wr0ng.token\n")
    async with smtp(tokens, authority) as server:
        given = settings(files, tokens.url, "token_command")
        done = await aside(make_daemon(server.port, mail_server=given).ctl, "test", "-v", TO)
        assert done.stdout.splitlines()[0] == (
            f"[Error] 送信エラー Auth failed 535 localhost:{server.port} {TO} zaionnex"
        )
        assert "scope https://mail.zaion.jp/" in done.stdout
        for secret in ("wr0ng.token", base64.b64encode(b"wr0ng.token")[:-2].decode()):
            assert secret not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("security", "server", "line"),
    [
        ("opportunistic", "plain", "Auth not possible 0"),
        ("none", "plain", "Auth not possible 0"),
        ("starttls", "plain", "Cant start TLS 0"),
        ("opportunistic", "wrong certificate", "Auth not possible 0"),
        ("starttls", "wrong certificate", "Cant start TLS 0"),
        ("starttls", "injection", "Cant start TLS 0"),
        ("starttls", "only passwords", "Auth not possible 0"),
    ],
)
async def test_not_a_byte_of_a_secret_crosses_an_unprotected_connection(
    make_daemon: MakeDaemon,
    tokens: TokenServer,
    authority: trustme.CA,
    files: Path,
    security: str,
    server: str,
    line: str,
) -> None:
    tokens.lifetime = 7200
    right = server_context(authority, "localhost")
    wrong = server_context(authority, "another.example")
    offers: tuple[str, ...] = ("AUTH XOAUTH2", "PIPELINING")
    context = {"plain": None, "wrong certificate": wrong}.get(server, right)
    answers: dict[str, Any] = {"AUTH": tokens.check}
    if server == "injection":
        answers["STARTTLS"] = "220 Go ahead\r\n250 And on"
    if server == "only passwords":
        offers = ("AUTH LOGIN PLAIN CRAM-MD5",)
    async with ScriptedServer(ordinary(offers=offers, answers=answers, starttls=context)) as there:
        given = settings(files, tokens.url, "client_credentials", security=security)
        done = await aside(make_daemon(there.port, mail_server=given).ctl, "test", "-v", TO)
        assert done.stdout.splitlines()[0] == (
            f"[Error] 送信エラー {line} localhost:{there.port} {TO} zaionnex"
        )
        await there.finished()
        assert there.peers
        for peer in there.peers:
            assert b"AUTH" not in peer.said
            for secret in (CLIENT_SECRET, *tokens.valid):
                # Neither as it is nor in base64, whatever stands before it.
                for before in (b"", b"x", b"xx"):
                    encoded = base64.b64encode(before + secret.encode())[4:-4]
                    assert encoded not in peer.said
                assert secret.encode() not in peer.said


async def test_the_last_good_configuration_has_its_refresh_token_too(
    make_daemon: MakeDaemon, tokens: TokenServer, authority: trustme.CA, files: Path
) -> None:
    async with smtp(tokens, authority) as server:
        given = settings(files, tokens.url, "refresh_token")
        daemon = make_daemon(server.port, mail_server=given)
        with daemon:
            await delivered(daemon, 1)
            (files / "refresh-token").unlink()
            broken = await aside(
                daemon.becomes, lambda d: d["config"]["state"] == "last_good", "status"
            )
            (error,) = broken["config"]["errors"]
            assert error["key"] == "mail_server.auth.oauth2.refresh_token_file"
            tokens.valid.clear()
            await aside(daemon.restart)
            (reply,) = await aside(daemon.emit, EVENT)
            await aside(
                daemon.becomes,
                lambda d: {e["id"]: e["outcome"] for e in d["events"]}[reply["id"]] == "delivered",
                "history",
            )
            shown = await aside(daemon.ctl, "config", "show", "--origin")
            assert f"refresh_token_file: {files / 'refresh-token'}" in shown.stdout
            assert FIRST not in shown.stdout
            assert CLIENT_SECRET not in json.dumps(await aside(daemon.document, "config", "show"))
