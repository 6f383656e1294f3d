"""Who connects without end, and a daemon that has no descriptor left."""

import asyncio
import itertools
import multiprocessing
import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.store import Notes
from tests.support.waiting import turns
from zaiond.intake import listener
from zaiond.intake.listener import A_TURN, GONE_A_TURN, RESERVED_FILES, Listener


class Greets(asyncio.Protocol):
    """Says that it is there."""

    open = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        type(self).open += 1
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"here")
        transport.close()


class Place:
    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.notes = Notes()
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self.path)
        listening.listen(1024)
        listening.setblocking(False)
        Greets.open = 0
        self.listener = Listener(listening, Greets, self.notes)

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.path)
        return connection


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(tmp_path / "s")
    yield place
    place.listener.close()


async def test_so_many_connections_are_accepted_in_a_turn_of_the_loop(place: Place) -> None:
    with ExitStack() as stack:
        for _ in range(5 * A_TURN):
            stack.enter_context(place.connect())
        seen = [0]
        while Greets.open < 5 * A_TURN:
            await turns()
            seen.append(Greets.open)
    assert max(now - before for before, now in itertools.pairwise(seen)) <= A_TURN


async def test_who_connects_and_closes_again_and_again_makes_no_connection(place: Place) -> None:
    for _ in range(3 * GONE_A_TURN):
        place.connect().close()
    with place.connect() as live:
        live.setblocking(False)
        received = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(live, 100), 30)
        assert received == b"here"
    assert Greets.open == 1


@pytest.fixture
def no_descriptors() -> Iterator[ExitStack]:
    """All descriptors that the process may have are open, until the stack is closed."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        yield stack


async def test_without_a_descriptor_one_line_is_logged_and_it_is_tried_again_after_a_pause(
    place: Place, no_descriptors: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "PAUSE", 0.05)
    loop = asyncio.get_running_loop()
    clients = [place.connect() for _ in range(50)]
    try:
        most = max(int(name) for name in os.listdir("/proc/self/fd")) + 2
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        fillers = []
        while True:
            try:
                fillers.append(os.dup(0))
            except OSError:
                break
        await turns(50)
        assert len(place.notes.lines) == 1
        assert "in a second" in place.notes.lines[0]
        for filler in fillers:
            os.close(filler)
        no_descriptors.close()
        for client in clients:
            client.setblocking(False)
            assert await asyncio.wait_for(loop.sock_recv(client, 100), 30) == b"here"
    finally:
        for client in clients:
            client.close()


def take_all(path: str, told: Connection) -> None:
    """Another user, who opens connections until he is refused; tells how many, and why."""
    os.chdir(os.path.dirname(path))  # the directories above it are root's
    os.setuid(65534)
    with ExitStack() as stack:
        count, reply = -1, b""
        while b'"quota"' not in reply:
            connection = stack.enter_context(socket.socket(socket.AF_UNIX))
            connection.settimeout(30)
            connection.connect(os.path.basename(path))
            connection.send(b'{"type":"a","severity":"none"}\n')
            reply = connection.recv(4096)
            count += 1
        told.send((count, reply.decode()))
        told.recv()


@pytest.mark.skipif(os.getuid() != 0, reason="needs another uid")
def test_who_takes_all_connections_leaves_the_daemon_its_own_and_root_its(tmp_path: Path) -> None:
    config = """\
mail_server: {host: 127.0.0.1, port: 1}
admins: admin@example.co.jp
sender: zaionnex@example.co.jp
language: en
limits: {connections: 1000}
"""
    context = multiprocessing.get_context("fork")
    ours, his = context.Pipe()
    with Daemon(tmp_path, config, wrapper=["prlimit", "--nofile=400"]) as daemon:
        daemon.event_socket.chmod(0o666)
        daemon.runtime.chmod(0o755)
        attacker = context.Process(target=take_all, args=(str(daemon.event_socket), his))
        attacker.start()
        his.close()
        try:
            assert ours.poll(60)
            count, reply = ours.recv()
            assert count == (400 - RESERVED_FILES) // 2
            assert "all users together" in reply
            assert daemon.emit({"type": "a", "id": "roots"})[0]["status"] == "ok"
            assert daemon.ctl("queue", "list").returncode == 0
        finally:
            ours.send(None)
            attacker.join(30)
        assert 1 <= daemon.printed().count("refused an event of uid 65534") < 20
