"""The connection to a fleet's engine, towards what is none, and what members may have sent through
it: whatever comes, it is said and tried again, and who waits is never left waiting.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from zaiond.config.fleet import Fleet
from zaiond.config.kinds import Secret
from zaiond.fleet.link import Connection, FleetError, Link, connected

INFO = b'INFO {"server_id":"x","version":"2.9.10","headers":true,"max_payload":1048576}\r\n'
MEMBER = "m1.zaion.jp"
Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def engine(peer: Peer) -> AsyncIterator[Fleet]:
    """A server on loopback that does this with each connection, and the section for it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await peer(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield Fleet(servers=(f"nats://127.0.0.1:{port}",), role="member")


async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes a connection, as nats-server does."""
    writer.write(INFO)
    await reader.readuntil(b"PING\r\n")
    writer.write(b"PONG\r\n")


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await take(reader, writer)
    await reader.read()


@pytest.mark.parametrize(
    "headers",
    [
        b"NATS/1.0", b"NATS/1.0 \xff\xff\xff\r\n\r\n", b"NATS/1.0 200 \xff\r\n\r\n",
        b"NATS/1.0 200 \xff\r\nA: b\r\n\r\n", b"\xff", b"NATS/1.0\r\n\xff: \xff\r\n\r\n",
    ],
)  # fmt: skip
async def test_no_headers_that_a_member_may_send_end_the_connection(headers: bytes) -> None:
    async def deliver(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await take(reader, writer)
        await reader.readuntil(b"SUB ")
        for block, payload in ((headers, b"odd"), (b"NATS/1.0\r\nA: b\r\n\r\n", b"next")):
            size = len(block)
            writer.write(b"HMSG letters 1 ack %d %d\r\n" % (size, size + len(payload)))
            writer.write(block + payload + b"\r\n")
        await reader.read()

    async with engine(deliver) as fleet, connected(fleet, MEMBER) as connection:
        letters = await connection.client.subscribe("letters")
        assert [(await letters.next_msg(5)).data for _ in range(2)] == [b"odd", b"next"]
        assert not connection.lost.is_set()


@pytest.mark.parametrize(
    "said",
    [
        b"INFO []\r\n", b'INFO {"version":5,"max_payload":1}\r\n', b"x" * 200_000 + b"\r\n",
        b"\xff\r\n", b"220 mail.example.co.jp ESMTP\r\n",
    ],
)  # fmt: skip
async def test_what_is_no_nats_server_is_said_to_be_none_and_asked_again(said: bytes) -> None:
    asked = 0

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            writer.write(said)
            await reader.readuntil(b"PING\r\n")
            writer.write(b"PONG\r\n")
            await reader.read()
        else:
            await answer(reader, writer)

    told = list[FleetError | None]()
    async with engine(speak) as fleet:
        link = Link(fleet, MEMBER, told.append)
        link.start()
        try:
            async with asyncio.timeout(20):
                await link.connection()
        finally:
            await link.close()
    assert [fault and fault.kind for fault in told] == ["unreachable", None]
    assert told[0] is not None
    assert "doesn't answer as a NATS server" in told[0].text.en


async def test_a_damaged_seed_is_said() -> None:
    seed = "SUAS3CRET"
    told: asyncio.Queue[FleetError | None] = asyncio.Queue()
    async with engine(answer) as fleet:
        link = Link(
            Fleet(servers=fleet.servers, role="member", nkey=Secret(seed)), MEMBER, told.put_nowait
        )
        link.start()
        try:
            async with asyncio.timeout(20):
                fault = await told.get()
        finally:
            await link.close()
    assert fault is not None
    assert fault.kind == "login"
    assert "nkey_file" in fault.text.en
    assert seed not in fault.text.en


async def keep_asking(connection: Connection) -> None:
    async def unanswered() -> None:
        await asyncio.gather(asyncio.Event().wait(), asyncio.Event().wait())

    while True:
        with contextlib.suppress(FleetError):
            await connection.ask(unanswered())


@pytest.mark.parametrize("turns", range(8))
async def test_who_is_cancelled_when_the_connection_is_lost_ends(turns: int) -> None:
    """However many turns of the loop lie between."""
    async with engine(answer) as fleet, connected(fleet, MEMBER) as connection:
        asking = asyncio.create_task(keep_asking(connection))
        await asyncio.sleep(0.01)  # meanwhile it asks
        connection.lost.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        done, _ = await asyncio.wait((asking,), timeout=2)
        assert done
        assert asking.cancelled()


async def test_what_nats_py_gives_up_by_itself_is_lost_and_cancels_nobody() -> None:
    async with engine(answer) as fleet, connected(fleet, MEMBER) as connection:

        async def given_up() -> None:
            raise asyncio.CancelledError

        with pytest.raises(FleetError) as caught:
            await connection.ask(given_up())
        assert caught.value.kind == "lost"
