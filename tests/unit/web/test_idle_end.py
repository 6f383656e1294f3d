"""zaiond-web ends when nobody uses it, and loses no request by that."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import meanwhile
from zaiond.journal import Journal, to_terminal
from zaiond.web import serving as serving_module
from zaiond.web.app import build
from zaiond.web.asking import Daemon
from zaiond.web.context import Web
from zaiond.web.guard import Place
from zaiond.web.logins import Logins
from zaiond.web.serving import Server
from zaiond.web.sessions import Sessions
from zaiond.web.settings_service import SettingsService
from zaiond.web.static import Static

IDLE = 0.5
ASKED = b"GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture
def web(tmp_path: Path) -> Web:
    logins = Logins(str(tmp_path), time.time)
    with (tmp_path / "log").open("w") as log:
        journal = Journal(to_terminal(log))
        return Web(
            daemon=Daemon(str(tmp_path), journal),
            journal=journal,
            logins=logins,
            sessions=Sessions(time.time, logins.is_known, None),
            settings=SettingsService([], by_socket=False),
            asks_password=True,
            static=Static(),
            place=Place(frozenset(), None),
            cookie="zaiond",
        )


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


async def asked(listening: socket.socket, *headers: str) -> bytes:
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    lines = "".join(f"{line}\r\n" for line in headers).encode()
    writer.write(ASKED.removesuffix(b"\r\n") + lines + b"\r\n")
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_it_serves_as_long_as_it_is_used_and_then_ends(
    web: Web, listening: socket.socket
) -> None:
    serving = asyncio.create_task(Server(build(web), IDLE).serve([listening.dup()]))
    began = time.monotonic()
    while time.monotonic() - began < 3 * IDLE:
        assert b"200 OK" in await asked(listening)
        assert not serving.done()
        await meanwhile(IDLE / 20)
    await asyncio.wait_for(serving, 10)


async def test_who_is_connected_is_served_before_it_ends(
    web: Web, listening: socket.socket
) -> None:
    serving = asyncio.create_task(Server(build(web), IDLE).serve([listening.dup()]))
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    await meanwhile(3 * IDLE)  # what is tried is that time passes
    writer.write(ASKED)
    assert b"200 OK" in await reader.read()
    writer.close()
    await asyncio.wait_for(serving, 10)


async def test_who_comes_after_its_end_waits_for_the_next_one(
    web: Web, listening: socket.socket
) -> None:
    await asyncio.wait_for(Server(build(web), IDLE).serve([listening.dup()]), 10)
    waiting = asyncio.create_task(asked(listening))
    serving = asyncio.create_task(Server(build(web), IDLE).serve([listening.dup()]))
    assert b"200 OK" in await waiting
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait_for(serving, 10)


async def test_at_a_terminal_only_what_its_user_does_keeps_it(
    web: Web, listening: socket.socket
) -> None:
    web.sessions = Sessions(time.time, lambda _: True, None)
    cookie = f"Cookie: zaiond={web.sessions.begin('yamada')}"
    server = Server(build(web), IDLE, of_users=True)
    serving = asyncio.create_task(server.serve([listening.dup()]))
    began = time.monotonic()
    while time.monotonic() - began < 3 * IDLE:
        assert b"303 See Other" in await asked(listening, cookie)  # in, and led on
        assert not serving.done()
        await meanwhile(IDLE / 20)
    while not serving.done():
        with contextlib.suppress(OSError):  # nobody answers when it has ended
            async with asyncio.timeout(1):
                await asked(listening, cookie, "X-Live: 1")
                await asked(listening)
        await meanwhile(IDLE / 20)
        assert time.monotonic() - began < 20, "what a page does by itself keeps it"


async def test_at_a_terminal_it_does_not_end_while_its_user_waits_for_an_answer(
    web: Web, listening: socket.socket
) -> None:
    web.sessions = Sessions(time.time, lambda _: True, None)
    cookie = f"Cookie: zaiond={web.sessions.begin('yamada')}"
    serving = asyncio.create_task(Server(build(web), IDLE, of_users=True).serve([listening.dup()]))
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    head = ASKED.replace(b"GET", b"POST").removesuffix(b"\r\n")
    kind = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1\r\n"
    writer.write(head + kind + cookie.encode() + b"\r\n\r\n")
    await meanwhile(3 * IDLE)  # what is tried is that time passes
    async with asyncio.timeout(5):
        assert b"200 OK" in await asked(listening)
    writer.write(b"a")
    assert await reader.read()
    writer.close()
    await asyncio.wait_for(serving, 10)


async def test_a_head_that_does_not_come_and_an_answer_that_nobody_reads_end_a_connection(
    web: Web, listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_module, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(serving_module, "READER_SECONDS", 0.3)
    server = Server(build(web), None)
    serving = asyncio.create_task(server.serve([listening.dup()]))
    for before in (b"", b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(before)
        if before:
            await reader.readuntil(b"</html>")
        writer.write(b"GET /login HTTP/1.1\r\nHost: localhost\r\n")
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) in (b"", b"\n")
        writer.close()
    with socket.create_connection(listening.getsockname()) as greedy:
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        greedy.setblocking(False)
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):  # more than the kernel keeps, and none is read
            async with asyncio.timeout(20):
                while True:
                    await loop.sock_sendall(greedy, ASKED.replace(b"Connection: close\r\n", b""))
    server.should_exit = True
    await asyncio.wait_for(serving, 20)
