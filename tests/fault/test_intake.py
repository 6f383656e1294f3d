"""The event socket with a real store behind it: what a producer may rely on, and what a bad or a
greedy one can't do to the others.
"""

import asyncio
import gc
import json
import os
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.support.store import NOW, Clock, Notes, Store, rows
from tests.support.waiting import turns
from zaiond import wire
from zaiond.clock import UlidFactory
from zaiond.errors import EventError
from zaiond.intake.admission import Admission
from zaiond.intake.batches import BATCH_BYTES, BATCH_EVENTS, Batches, _Batch
from zaiond.intake.connection import EventConnection
from zaiond.intake.listener import BACKLOG, Listener
from zaiond.intake.quota import A_LITTLE, A_READ, OF_CONNECTION, OF_USER, Quotas
from zaiond.model import NewEvent
from zaiond.store.events import Acceptance
from zaiond.store.turns import Turns
from zaiond.store.writer import Writer
from zaiond.wire import MAX_EVENT_BYTES


class Watched(Admission):
    """Notes what goes to disk, which has room as `is_full` says."""

    def __init__(self, daemon: "Daemon") -> None:
        super().__init__(
            daemon.store.database.space, daemon.writer, daemon.quotas, Turns(), lambda: 0.0,
            daemon.journal, daemon.accepted.append, lambda: None,
        )  # fmt: skip
        self.batches: list[list[NewEvent]] = []
        self.submitted = asyncio.Event()

    def look(self) -> None:
        pass

    def accept(self, batch: list[NewEvent]) -> "asyncio.Future[Acceptance]":
        self.batches.append(batch)
        self.submitted.set()
        return super().accept(batch)


class Told(Batches):
    """Tells when a connection has gone."""

    gone: asyncio.Event

    def closed(self, connection: EventConnection) -> None:
        super().closed(connection)
        self.gone.set()


class Daemon:
    """What of the daemon is behind its event socket."""

    def __init__(self, directory: Path) -> None:
        self.state = directory / "state"
        self.path = str(directory / "s")
        self.store = Store(self.state)
        self.journal = Notes()
        self.fatal: list[Exception] = []
        self.writer = Writer(
            self.store.connection,
            asyncio.get_running_loop(),
            self.fatal.append,
            self.store.database.space.release_ballast,
        )
        self.quotas = Quotas({})
        self.accepted: list[Acceptance] = []
        self.admission = Watched(self)
        self.batches = self.admission.batches
        self.submitted = self.admission.submitted
        self.refusals = self.admission.refusals
        self.intake = Told(
            self.admission,
            UlidFactory(Clock(), lambda bits: 0),
            Clock(),
            self.journal,
        )
        self.intake.gone = asyncio.Event()
        self._gates: list[threading.Event] = []
        self.unexpected: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: self.unexpected.append(context)
        )

    def on_disk(self) -> list[str]:
        """The ids that would be there after a kill -9 now, in order."""
        return [str(id_) for (id_,) in rows(self.state, "SELECT id FROM events ORDER BY seq")]

    def hold_commits(self) -> threading.Event:
        """Nothing is committed until what this returns is set."""
        gate = threading.Event()
        self._gates.append(gate)

        def wait(db: apsw.Connection) -> None:
            gate.wait(30)

        self.writer.submit(wait)
        return gate

    async def close(self) -> None:
        for gate in self._gates:
            gate.set()
        await self.writer.close()
        self.store.database.closed_cleanly()


class Client:
    """A producer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *lines: bytes | dict[str, Any]) -> None:
        for line in lines:
            text = line if isinstance(line, bytes) else json.dumps(line).encode()
            self.writer.write(text + b"\n")

    async def reply(self) -> dict[str, Any]:
        line = await asyncio.wait_for(self.reader.readline(), 30)
        assert line.endswith(b"\n"), f"no reply but {line!r}"
        reply: dict[str, Any] = json.loads(line)
        return reply

    async def replies(self, count: int) -> list[dict[str, Any]]:
        return [await self.reply() for _ in range(count)]

    async def rest(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 30)


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    daemon = Daemon(tmp_path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(daemon.path)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    server = Listener(listener, daemon.intake.connection, daemon.journal)
    yield daemon
    server.close()
    await daemon.intake.stop()
    await daemon.close()


@pytest.fixture
async def clients(daemon: Daemon) -> AsyncIterator["Clients"]:
    clients = Clients(daemon)
    yield clients
    clients.close()


class Clients:
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._open: list[Client] = []

    async def __call__(self) -> Client:
        client = Client(*await asyncio.open_unix_connection(self._daemon.path))
        self._open.append(client)
        return client

    def close(self) -> None:
        for client in self._open:
            client.writer.transport.abort()


# -- what a producer may rely on


async def test_an_event_is_on_disk_when_its_reply_comes(daemon: Daemon, clients: Clients) -> None:
    client = await clients()
    client.send({"type": "a", "id": "1"})
    assert await client.reply() == {"status": "ok", "id": "1"}
    assert daemon.on_disk() == ["1"]


async def test_no_reply_comes_before_the_commit(daemon: Daemon, clients: Clients) -> None:
    gate = daemon.hold_commits()
    client = await clients()
    client.send({"type": "a", "id": "1"})
    await daemon.submitted.wait()
    assert daemon.on_disk() == []
    reading = asyncio.ensure_future(client.reply())
    # Whatever was written would have been read within these turns of the loop.
    await turns(10)
    assert not reading.done()
    gate.set()
    assert (await reading)["status"] == "ok"


async def test_an_event_without_an_id_gets_one(daemon: Daemon, clients: Clients) -> None:
    client = await clients()
    client.send({"type": "a"}, {"type": "a"})
    first, second = await client.replies(2)
    assert first["id"] < second["id"]
    assert daemon.on_disk() == [first["id"], second["id"]]


async def test_the_uid_is_what_the_kernel_says(daemon: Daemon, clients: Clients) -> None:
    client = await clients()
    client.send({"type": "a", "id": "1", "uid": 4711})
    await client.reply()
    assert rows(daemon.state, "SELECT uid FROM events") == [(os.getuid(),)]


async def test_replies_are_in_order_however_many_lines_are_sent_ahead(
    daemon: Daemon, clients: Clients
) -> None:
    client = await clients()
    wanted = [f"{number:05}" for number in range(5000)]
    client.send(*({"type": "a", "id": id_} for id_ in wanted))
    assert [reply["id"] for reply in await client.replies(5000)] == wanted
    assert daemon.on_disk() == wanted


async def test_a_bad_line_costs_that_line_alone(daemon: Daemon, clients: Clients) -> None:
    client = await clients()
    client.send(
        {"type": "a", "id": "1"},
        b"{",
        b"",
        {"type": "a", "severity": "bad"},
        {"type": "a", "id": "2"},
    )
    replies = await client.replies(5)
    assert [reply["status"] for reply in replies] == ["ok", "error", "error", "error", "ok"]
    assert replies[3]["field"] == "severity"
    assert [reply["retry"] for reply in replies[1:4]] == [False] * 3
    assert daemon.on_disk() == ["1", "2"]


async def test_any_number_of_bad_lines_leaves_the_connection_as_it_is(clients: Clients) -> None:
    client = await clients()
    bad = b"{" + b"x" * 1000
    # More than may be sent ahead: bad lines must not be taken for unanswered ones.
    for _ in range(2 * OF_USER // len(bad) // 100):
        client.send(*[bad] * 100)
        await client.replies(100)
    client.send({"type": "a", "id": "1"})
    assert (await client.reply())["status"] == "ok"


async def test_a_line_that_is_too_long_costs_that_line_alone(
    daemon: Daemon, clients: Clients
) -> None:
    client = await clients()
    client.send(
        b'{"type":"a","message":"' + b"x" * 3_000_000 + b'"}',
        {"type": "a", "id": "1"},
        b'{"type":"a","message":"' + b"x" * (256 * 1024) + b'"}',
        {"type": "a", "id": "2"},
    )
    replies = await client.replies(4)
    assert [reply.get("code") for reply in replies] == ["too_large", None, "too_large", None]
    assert daemon.on_disk() == ["1", "2"]


async def test_an_event_of_256_kib_is_taken_and_one_byte_more_is_too_large(
    daemon: Daemon, clients: Clients
) -> None:
    begin, end = b'{"type":"a","message":"', b'"}'
    fits = begin + b"x" * (256 * 1024 - len(begin + end)) + end
    client = await clients()
    for line, code in ((fits, None), (fits + b" ", "too_large"), (fits, None)):
        client.send(line)
        assert (await client.reply()).get("code") == code
    connection, wire = connect(daemon, 1)
    receive(connection, fits + b" \n" + fits + b"\n")  # at once, as a pipe may give it
    await daemon.intake.drained()
    assert [reply["status"] for reply in wire.replies] == ["error", "ok"]


async def test_what_is_kept_of_a_line_that_is_no_clean_json_can_be_read(
    daemon: Daemon, clients: Clients
) -> None:
    client = await clients()
    client.send(
        b'{"type":"a","id":"\xff","message":"\xe7\\udce7","data":[NaN,1e400]}',
        b'{"type":"a","id":"2","severity":"error"}',
        b'{"type":"a","id":"2","severity":"err"}',
        b'{"type":"a","id":"2","severity":"ERR"}',
        b'{"type":"a","id":"2","severity":"fatal"}',
    )
    replies = await client.replies(5)
    assert [reply.get("id") for reply in replies] == [r"\xff", "2", "2", "2", None]
    assert [reply.get("duplicate") for reply in replies] == [None, None, True, True, None]
    assert replies[4]["code"] == "conflict"
    (body,) = rows(daemon.state, "SELECT body FROM events ORDER BY seq LIMIT 1")[0]
    assert json.loads(body) == {
        "type": "a", "id": r"\xff", "message": r"\xe7\udce7", "data": ["NaN", "1e400"],
    }  # fmt: skip


async def test_after_a_half_close_the_replies_still_come(daemon: Daemon, clients: Clients) -> None:
    client = await clients()
    client.send(*({"type": "a", "id": f"{number:03}"} for number in range(700)))
    client.writer.write_eof()
    assert (await client.rest()).count(b'"ok"') == 700
    assert len(daemon.on_disk()) == 700


@pytest.mark.parametrize("last", [b'{"type":"a","id":"1"}', b"{", b"x" * 300_000])
async def test_a_last_line_without_newline_counts(last: bytes, clients: Clients) -> None:
    client = await clients()
    client.writer.write(last)
    client.writer.write_eof()
    reply = json.loads(await client.rest())
    wanted = {b'{"ty': None, b"{": "invalid"}.get(last[:4], "too_large")
    assert reply.get("code") == wanted


async def test_an_end_without_a_line_is_just_an_end(clients: Clients) -> None:
    client = await clients()
    client.writer.write_eof()
    assert await client.rest() == b""


async def test_a_line_may_come_in_any_pieces(clients: Clients) -> None:
    client = await clients()
    for octet in '{"type":"a","id":"日本"}\n{"type":"a","id":"2"}\n'.encode():
        client.writer.write(bytes((octet,)))
        await client.writer.drain()
        await turns()
    assert [reply["id"] for reply in await client.replies(2)] == ["日本", "2"]


async def test_the_same_event_again_is_a_duplicate_and_other_content_a_conflict(
    daemon: Daemon, clients: Clients
) -> None:
    first = {"type": "a", "id": "1", "time": "2013-05-25T09:00:00Z"}
    client = await clients()
    client.send(
        first,
        {**first, "time": "2013-05-25T09:00:01Z"},
        {**first, "message": "other"},
        {**first, "source": "elsewhere"},
        {"type": "a", "id": "2"},
    )
    again = await clients()
    replies = await client.replies(5)
    assert replies[0] == {"status": "ok", "id": "1"}
    assert replies[1] == {"status": "ok", "id": "1", "duplicate": True}
    assert (replies[2]["code"], replies[2]["retry"]) == ("conflict", False)
    assert [reply["status"] for reply in replies[3:]] == ["ok", "ok"]
    again.send({"type": "a", "id": "2"})
    assert await again.reply() == {"status": "ok", "id": "2", "duplicate": True}
    assert daemon.on_disk() == ["1", "1", "2"]
    assert daemon.quotas.in_all.events == 3


async def test_what_was_sent_whole_is_taken_in_although_the_producer_is_gone(
    daemon: Daemon, clients: Clients
) -> None:
    gate = daemon.hold_commits()
    client = await clients()
    client.send({"type": "a", "id": "1"})
    await daemon.submitted.wait()
    client.send({"type": "a", "id": "2"})
    await client.writer.drain()
    client.writer.close()
    gate.set()
    await daemon.intake.gone.wait()
    await daemon.intake.drained()
    assert daemon.on_disk() == ["1", "2"]


# -- failures of our own


class BrokenError(Exception):
    """What nobody foresaw."""


def fail(*_: object, **__: object) -> Any:
    raise BrokenError


def never_committed(batch: list[NewEvent]) -> "asyncio.Future[Acceptance]":
    future: asyncio.Future[Acceptance] = asyncio.get_running_loop().create_future()
    future.cancel()
    return future


def without_outcomes(batch: list[NewEvent]) -> "asyncio.Future[Acceptance]":
    future: asyncio.Future[Acceptance] = asyncio.get_running_loop().create_future()
    future.set_result(Acceptance([], [], 0))
    return future


@pytest.mark.parametrize(
    ("part", "name", "does"),
    [
        ("admission", "accept", fail),
        ("admission", "accept", never_committed),
        ("admission", "accept", without_outcomes),
        ("admission", "_on_accepted", fail),
        ("intake", "_make_id", fail),
        ("intake", "_clock", fail),
        ("admission", "look", fail),
        ("quotas", "reserve", fail),
        ("quotas", "release", fail),
        ("journal", "warning", fail),
    ],
)
async def test_whatever_raises_each_line_has_its_answer_and_the_next_ones_are_taken(
    daemon: Daemon,
    clients: Clients,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    name: str,
    does: Any,
) -> None:
    sent = ({"type": "a"}, b"{", {"type": "a", "id": "1"}, {"type": "a", "id": "1"})
    client, other = await clients(), await clients()
    with monkeypatch.context() as patch:
        patch.setattr(getattr(daemon, part), name, does)
        client.send(*sent)
        other.send({"type": "a", "id": "2"})
        replies = [*await client.replies(len(sent)), await other.reply()]
    assert (replies[1]["code"], replies[1]["retry"]) == ("invalid", False)
    for reply in (replies[0], *replies[2:]):
        assert reply["status"] == "ok" or (reply["code"], reply["retry"]) == ("unavailable", True)
    assert daemon.unexpected
    assert all(isinstance(c["exception"], Exception | asyncio.CancelledError)
               for c in daemon.unexpected)  # fmt: skip

    client.send(*sent)
    other.send({"type": "a", "id": "2"})
    assert [reply["status"] for reply in await client.replies(4)] == ["ok", "error", "ok", "ok"]
    assert (await other.reply())["status"] == "ok"
    assert {"1", "2"} <= set(daemon.on_disk())
    if name != "release":
        assert daemon.quotas.in_all.events == len(daemon.on_disk())


async def test_who_can_not_be_answered_is_cut_off_and_nobody_else(
    daemon: Daemon, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = EventConnection.answer
    first, second = await clients(), await clients()
    for number, client in enumerate((first, second)):  # both are connected
        client.send({"type": "a", "id": f"before-{number}"})
        await client.reply()

    def answers(connection: EventConnection, replies: bytes, lines: int) -> None:
        if b'"first"' in replies:
            raise BrokenError
        answer(connection, replies, lines)

    monkeypatch.setattr(EventConnection, "answer", answers)
    gate = daemon.hold_commits()
    first.send({"type": "a", "id": "first"})
    second.send({"type": "a", "id": "second"})
    await daemon.submitted.wait()
    gate.set()
    with pytest.raises((ConnectionError, AssertionError)):
        await first.reply()
    assert (await second.reply())["status"] == "ok"
    assert {"first", "second"} <= set(daemon.on_disk())


async def test_who_can_not_be_read_is_cut_off_and_nobody_else(
    daemon: Daemon, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = EventConnection.take
    first, second, third = await clients(), await clients(), await clients()

    def takes(connection: EventConnection, most: int, size: int) -> Any:
        if b'"first"' in b"".join(piece for piece in connection.pieces if isinstance(piece, bytes)):
            raise BrokenError
        return take(connection, most, size)

    monkeypatch.setattr(EventConnection, "take", takes)
    for client, id_ in ((second, "second"), (first, "first"), (third, "third")):
        client.send({"type": "a", "id": id_})
    with pytest.raises((ConnectionError, AssertionError)):
        await first.reply()
    assert (await second.reply())["status"] == "ok"
    assert (await third.reply())["status"] == "ok"
    assert set(daemon.on_disk()) == {"second", "third"}
    assert daemon.unexpected


async def test_a_ping_returns_after_a_commit_and_not_before(daemon: Daemon) -> None:
    gate = daemon.hold_commits()
    ping = asyncio.ensure_future(daemon.intake.ping())
    await turns(10)
    assert not ping.done()
    gate.set()
    await ping
    assert daemon.batches == [[]]


@pytest.mark.parametrize(
    ("part", "name"), [("admission", "accept"), ("intake", "_clock"), ("admission", "look")]
)
async def test_a_ping_fails_where_events_would(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, part: str, name: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(getattr(daemon, part), name, fail)
        with pytest.raises(EventError):
            await daemon.intake.ping()
    await daemon.intake.ping()


async def test_a_ping_comes_back_while_the_disk_is_full(daemon: Daemon) -> None:
    daemon.admission.is_full = True
    await daemon.intake.ping()


# -- limits


async def test_what_is_over_the_quota_is_told_to_come_again(
    daemon: Daemon, clients: Clients
) -> None:
    daemon.quotas.limits = replace(daemon.quotas.limits, events_waiting=2)
    client = await clients()
    client.send(*({"type": "a", "id": str(number)} for number in range(4)))
    replies = await client.replies(4)
    assert [reply.get("code") for reply in replies] == [None, None, "quota", "quota"]
    assert replies[2]["retry"] is True
    assert "limits.events_waiting" in replies[2]["message"]
    daemon.quotas.release(os.getuid(), len(daemon.batches[0][0][4]))
    client.send({"type": "a", "id": "3"})
    assert (await client.reply())["status"] == "ok"


async def test_bytes_have_a_quota_of_their_own(daemon: Daemon, clients: Clients) -> None:
    daemon.quotas.limits = replace(daemon.quotas.limits, bytes_waiting=200)
    client = await clients()
    client.send({"type": "a", "message": "x" * 300}, {"type": "a"})
    replies = await client.replies(2)
    assert [reply.get("code") for reply in replies] == ["quota", None]


async def test_a_refused_duplicate_takes_nothing_of_the_quota(
    daemon: Daemon, clients: Clients
) -> None:
    client = await clients()
    client.send(*[{"type": "a", "id": "1"}] * 50, *[{"type": "b", "id": "1"}] * 50)
    await client.replies(100)
    assert daemon.quotas.in_all.events == 1


async def test_a_user_has_so_many_connections_and_the_next_is_told_why(
    daemon: Daemon, clients: Clients
) -> None:
    daemon.quotas.limits = replace(daemon.quotas.limits, connections=2)
    first = await clients()
    first.send({"type": "a"})
    await first.reply()
    second = await clients()
    second.send({"type": "a"})
    await second.reply()
    third = await clients()
    reply = json.loads(await third.rest())
    assert (reply["code"], reply["retry"]) == ("quota", True)
    assert "limits.connections" in reply["message"]
    daemon.intake.gone.clear()
    first.writer.close()
    await daemon.intake.gone.wait()
    fourth = await clients()
    fourth.send({"type": "a"})
    assert (await fourth.reply())["status"] == "ok"


async def test_without_room_on_the_disk_nothing_is_taken_and_all_is_told_to_come_again(
    daemon: Daemon, clients: Clients
) -> None:
    daemon.admission.is_full = True
    client = await clients()
    client.send({"type": "a"}, b"{")
    replies = await client.replies(2)
    assert [(r["code"], r["retry"]) for r in replies] == [("disk_full", True), ("invalid", False)]
    assert daemon.on_disk() == []
    daemon.admission.is_full = False
    client.send({"type": "a"})
    assert (await client.reply())["status"] == "ok"


async def test_a_disk_that_is_full_at_the_commit_is_told_as_that_and_the_quota_is_free_again(
    daemon: Daemon, clients: Clients
) -> None:
    pages = daemon.store.connection.pragma("page_count")
    daemon.store.connection.pragma("max_page_count", pages)
    client = await clients()
    client.send(*({"type": "a", "message": "x" * 100_000} for _ in range(3)))
    replies = await client.replies(3)
    assert {(reply["code"], reply["retry"]) for reply in replies} == {("disk_full", True)}
    assert daemon.quotas.in_all.events == 0
    daemon.store.connection.pragma("max_page_count", 1 << 30)
    client.send({"type": "a", "id": "1"})
    assert (await client.reply())["status"] == "ok"
    assert daemon.on_disk() == ["1"]


async def test_a_line_once_begun_must_end(daemon: Daemon, clients: Clients) -> None:
    daemon.intake.frame_deadline = 0.01
    slow, idle = await clients(), await clients()
    slow.send({"type": "a", "id": "1"})
    slow.writer.write(b'{"type":')
    replies = [json.loads(line) for line in (await slow.rest()).splitlines()]
    assert [reply.get("code") for reply in replies] == [None, "invalid"]
    assert "limits.frame_deadline" in replies[1]["message"]
    assert daemon.refusals.total(NOW) == 1
    # Who has begun nothing may take as long as it likes.
    idle.send({"type": "a", "id": "2"})
    assert (await idle.reply())["status"] == "ok"


async def test_who_leaves_a_mebibyte_of_replies_unread_is_cut_off_and_what_was_committed_stays(
    daemon: Daemon, clients: Clients
) -> None:
    raw = socket.socket(socket.AF_UNIX)
    raw.setblocking(False)
    raw.connect(daemon.path)
    loop = asyncio.get_running_loop()
    line = json.dumps({"type": "a", "severity": "x"}).encode() + b"\n"
    await loop.sock_sendall(raw, b'{"type":"a","id":"1"}\n')

    async def send_without_end() -> None:
        while True:
            await asyncio.wait_for(loop.sock_sendall(raw, line * 200), 30)

    with raw, pytest.raises((BrokenPipeError, ConnectionResetError)):
        await send_without_end()
    other = await clients()
    other.send({"type": "a", "id": "2"})
    assert (await other.reply())["status"] == "ok"
    assert daemon.on_disk() == ["1", "2"]


# -- connections of several users, which only the kernel can make: driven by hand


class Wire(asyncio.Transport):
    """A transport of nothing, with the peer that it says it has."""

    def __init__(self, uid: int) -> None:
        super().__init__()
        self.uid = uid
        self.replies: list[dict[str, Any]] = []
        self.unread = 0
        self.paused = self.closed = self.aborted = False
        self.ended = asyncio.Event()

    def get_extra_info(self, name: str, default: object = None) -> "Wire":
        return self

    def getsockopt(self, *_: int) -> bytes:
        return struct.pack("3i", 1, self.uid, self.uid)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.replies += [json.loads(line) for line in bytes(data).splitlines()]

    def get_write_buffer_size(self) -> int:
        return self.unread

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def close(self) -> None:
        self.closed = True
        self.ended.set()

    def abort(self) -> None:
        self.aborted = True
        self.close()


def connect(daemon: Daemon, uid: int) -> tuple[EventConnection, Wire]:
    connection, wire = daemon.intake.connection(), Wire(uid)
    connection.connection_made(wire)
    return connection, wire


def receive(connection: EventConnection, data: bytes) -> None:
    """As the event loop does, at once, whether the connection is paused or not."""
    while data:
        buffer = connection.get_buffer(-1)
        part = data[: len(buffer)]
        buffer[: len(part)] = part
        connection.buffer_updated(len(part))
        data = data[len(part) :]


def lines(prefix: str, count: int) -> bytes:
    return b"".join(b'{"type":"a","id":"%s%d"}\n' % (prefix.encode(), n) for n in range(count))


async def test_who_floods_slows_himself_alone(daemon: Daemon) -> None:
    flood = [connect(daemon, 1)[0] for _ in range(5)]
    for number, connection in enumerate(flood):
        receive(connection, lines(f"flood{number}-", 1000))
    await turns()  # the flood's first batch is on its way
    modest, _ = connect(daemon, 2)
    receive(modest, lines("modest-", 10))
    await daemon.intake.drained()
    order = daemon.on_disk()
    assert len(order) == 5010
    assert order.index("modest-9") < 2 * BATCH_EVENTS
    # One user's connections have their turns, too.
    early = {id_.partition("-")[0] for id_ in order[:BATCH_EVENTS]}
    assert early == {f"flood{number}" for number in range(5)}


async def test_while_a_batch_is_committed_half_of_the_next_one_gathers_and_half_is_left_for_others(
    daemon: Daemon,
) -> None:
    gate = daemon.hold_commits()
    receive(connect(daemon, 1)[0], lines("flood-", 5000))
    await daemon.submitted.wait()
    await turns(10)
    gathered = BATCH_EVENTS // 2
    assert daemon.quotas.waiting()[1][0] == BATCH_EVENTS + gathered
    receive(connect(daemon, 2)[0], lines("late-", 10))
    gate.set()
    await daemon.intake.drained()
    assert [new[0] for new in daemon.batches[1]].index("late-9") >= gathered
    assert len(daemon.batches[1]) == BATCH_EVENTS
    assert len(daemon.on_disk()) == 5010


async def test_a_batch_has_a_share_for_each_user_that_has_something_to_say(daemon: Daemon) -> None:
    for uid in range(4):
        receive(connect(daemon, uid)[0], lines(f"{uid}-", 600))
    await daemon.intake.drained()
    first = [new[1] for new in daemon.batches[0]]
    assert [first.count(uid) for uid in range(4)] == [BATCH_EVENTS // 4] * 4
    assert sum(map(len, daemon.batches)) == 2400


async def test_more_users_than_a_batch_has_room_for_all_have_their_turn(daemon: Daemon) -> None:
    for uid in range(BATCH_EVENTS + 100):
        receive(connect(daemon, uid)[0], lines(f"{uid}-", 2))
    await daemon.intake.drained()
    # Everyone's first event is before anyone's second.
    order = daemon.on_disk()
    firsts = [order.index(f"{uid}-0") for uid in range(BATCH_EVENTS + 100)]
    seconds = [order.index(f"{uid}-1") for uid in range(BATCH_EVENTS + 100)]
    assert max(firsts) < min(seconds) + BATCH_EVENTS
    assert len(order) == 2 * (BATCH_EVENTS + 100)


async def test_who_is_far_ahead_is_not_read_until_he_has_his_replies(daemon: Daemon) -> None:
    gate = daemon.hold_commits()
    connection, wire = connect(daemon, 1)
    receive(connection, lines("x", 3000))
    assert wire.paused
    gate.set()
    await daemon.intake.drained()
    assert len(wire.replies) == 3000
    assert not wire.paused


async def test_a_line_that_was_cut_by_our_own_pause_has_its_time_when_it_is_over(
    daemon: Daemon,
) -> None:
    daemon.intake.frame_deadline = 0.01
    gate = daemon.hold_commits()
    connection, wire = connect(daemon, 1)
    receive(connection, lines("x", 10_000) + b'{"type":"a",')
    late = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, late.set)
    await late.wait()
    daemon.intake.frame_deadline = 30
    gate.set()
    await daemon.intake.drained()
    receive(connection, b'"id":"last"}\n')
    await daemon.intake.drained()
    assert wire.replies[-1] == {"status": "ok", "id": "last"}
    receive(connection, b'{"type":')
    connection.connection_lost(None)  # and with it its deadline


async def test_a_line_whose_beginning_made_us_pause_has_its_time_later(daemon: Daemon) -> None:
    daemon.intake.frame_deadline = 0.01
    gate = daemon.hold_commits()
    connection, wire = connect(daemon, 1)
    receive(connection, lines("first", 1))
    await daemon.submitted.wait()
    receive(connect(daemon, 1)[0], lines("y", BATCH_EVENTS))
    await turns(3)  # of the next batch as much as gathers is gathered
    sent = lines("x", 10_000)
    receive(connection, sent[:A_READ])
    assert wire.paused
    late = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, late.set)
    await late.wait()
    daemon.intake.frame_deadline = 30
    gate.set()
    await daemon.intake.drained()
    receive(connection, sent[A_READ : sent.index(b"\n", A_READ) + 1])
    await daemon.intake.drained()
    assert all(reply["status"] == "ok" for reply in wire.replies)
    assert len(wire.replies) == len(daemon.on_disk()) - BATCH_EVENTS


async def test_lines_that_come_one_by_one_have_a_bound_by_what_each_costs(daemon: Daemon) -> None:
    gate = daemon.hold_commits()
    receive(connect(daemon, 1)[0], lines("first", 1))
    await daemon.submitted.wait()
    connection, wire = connect(daemon, 1)
    while not wire.paused:
        receive(connection, b"\n")
    assert len(connection.pieces) <= 1024
    gate.set()
    await daemon.intake.drained()


async def test_one_line_a_second_of_the_journal_for_each_user_that_sends_nonsense(
    daemon: Daemon,
) -> None:
    for uid in (1, 2):
        receive(connect(daemon, uid)[0], b"{\n" * 100)
    await daemon.intake.drained()
    assert len(daemon.journal.lines) == 2
    assert [refusal.events for refusal in daemon.refusals.last_day(NOW)] == [100, 100]


async def test_a_stop_answers_what_was_read_and_nothing_more(daemon: Daemon) -> None:
    gate = daemon.hold_commits()
    flood, wire = connect(daemon, 1)
    _, idle_wire = connect(daemon, 2)
    receive(flood, lines("x", 100))
    stopping = asyncio.ensure_future(daemon.intake.stop())
    await turns()
    assert idle_wire.closed
    # Who goes on sending does not keep the daemon from its end.
    receive(flood, lines("y", 100))
    gate.set()
    await stopping
    assert wire.closed
    assert len(wire.replies) == 100
    assert len(daemon.on_disk()) == 100


# -- what one user does to the others


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes of each line that is parsed."""
    sizes: list[int] = []
    parse = wire.parse

    def note(line: bytes) -> wire.Submission:
        sizes.append(len(line))
        return parse(line)

    monkeypatch.setattr(wire, "parse", note)
    return sizes


async def each_turn(parsed: list[int], until: Callable[[], bool]) -> list[list[int]]:
    """What was parsed in each turn of the loop."""
    in_turn: list[list[int]] = []
    while not until():
        parsed.clear()
        await turns()
        in_turn.append(parsed.copy())
    return in_turn


def send(connection: EventConnection, wire: Wire, data: bytes) -> bytes:
    """Sends as long as it is read; gives what is left."""
    while data and not wire.paused:
        part = data[:A_LITTLE]
        receive(connection, part)
        data = data[len(part) :]
    return data


async def test_empty_lines_by_the_hundred_thousand_are_split_and_parsed_a_share_a_turn(
    daemon: Daemon, parsed: list[int]
) -> None:
    for _ in range(16):
        send(*connect(daemon, 1), b"\n" * 208 * 1024)
    assert parsed == []  # nothing at once, as it comes
    assert daemon.intake.ahead.kept <= OF_USER + A_READ + 16 * A_LITTLE
    await turns(2)
    connection, victim = connect(daemon, 2)
    receive(connection, lines("victim-", 1))
    in_turn = await each_turn(parsed, lambda: bool(victim.replies))
    assert max(map(len, in_turn)) <= BATCH_EVENTS
    assert sum(map(len, in_turn)) <= 2 * BATCH_EVENTS + 1
    for connection in list(daemon.intake._connections):
        connection.cut_off()
        connection.connection_lost(None)
    await daemon.intake.drained()
    assert daemon.intake.ahead.kept == 0


async def test_events_that_cost_much_to_read_are_read_a_slice_a_turn(
    daemon: Daemon, parsed: list[int]
) -> None:
    costly = b'{"type":"a","data":[' + b",".join([b"{}"] * 4900) + b"]}\n"
    invalid = b'{"type":"a","message":"' + b"\xff" * 200_000 + b'"}\n'
    for line in (costly, invalid):
        for _ in range(16):
            send(*connect(daemon, 1), line * 20)
    await turns(2)
    connection, victim = connect(daemon, 2)
    receive(connection, lines("victim-", 1))
    in_turn = await each_turn(parsed, lambda: bool(victim.replies))
    assert max(map(sum, in_turn)) <= 128 * 1024 + len(invalid)
    assert sum(map(sum, in_turn)) <= 1024 * 1024
    await daemon.intake.drained()


async def test_a_batch_has_a_bound_in_bytes(daemon: Daemon) -> None:
    line = b'{"type":"a","message":"' + b"x" * 50_000 + b'"}\n'
    for _ in range(4):
        receive(connect(daemon, 1)[0], line * 10)
    await daemon.intake.drained()
    sizes = [sum(len(new[4]) for new in batch) for batch in daemon.batches]
    assert len(sizes) > 1
    assert max(sizes) <= BATCH_BYTES + len(line)


async def test_what_is_kept_of_a_bad_line_is_not_the_line(daemon: Daemon) -> None:
    gc.collect()
    gc.disable()
    try:
        for bad in (b"{", b"\xff{", b'{"type":"a","data":[' + b"1," * 20_000, b'{"type":1}'):
            error = daemon.intake._parsed(1, [bad], 0.0)[0]
            assert isinstance(error, EventError)
            assert (error.__traceback__, error.__context__, error.__cause__) == (None, None, None)
        assert gc.collect() == 0  # nor is it left for the garbage collector
    finally:
        gc.enable()
    connection, wire_ = connect(daemon, 1)
    for _ in range(3):
        receive(connection, b"x" * 600_000 + b"\n")
    assert connection.kept < A_READ
    assert len({id(piece) for piece in connection.pieces}) == 1
    await daemon.intake.drained()
    assert [reply["code"] for reply in wire_.replies] == ["too_large"] * 3


async def test_what_is_kept_of_a_refusal_for_room_is_not_the_line(daemon: Daemon) -> None:
    daemon.quotas.limits = replace(daemon.quotas.limits, events_waiting=1)
    connection, _ = connect(daemon, 1)
    gc.collect()
    gc.disable()
    try:
        batch = _Batch()
        answers = daemon.intake._admit(batch, connection, [b'{"type":"a"}'] * 3, 0.0)
        refused = [answer for answer in answers if isinstance(answer, EventError)]
        assert (len(refused), len(batch.events)) == (2, 1)
        for error in refused:
            assert (error.__traceback__, error.__context__, error.__cause__) == (None, None, None)
        del answers, refused, error, batch
        assert gc.collect() == 0  # nor is it left for the garbage collector
    finally:
        gc.enable()


async def test_lines_without_end_on_all_connections_of_a_user_end_in_turn(daemon: Daemon) -> None:
    long = b'{"type":"a","message":"' + b"x" * 255 * 1024 + b'"}\n'
    mine = [connect(daemon, 1) for _ in range(64)]
    unsent = {connection: long for connection, _ in mine}
    other, other_wire = connect(daemon, 2)
    replies = 0
    while any(unsent.values()):
        for connection, wire_ in mine:
            unsent[connection] = send(connection, wire_, unsent[connection])
            assert daemon.intake.ahead.kept <= OF_USER + MAX_EVENT_BYTES + 66 * A_LITTLE
        receive(other, lines(f"other-{replies}-", 1))
        await daemon.intake.drained()
        replies += 1
        assert len(other_wire.replies) == replies
    assert all(reply["status"] == "ok" for _, wire_ in mine for reply in wire_.replies)
    assert sum(len(wire_.replies) for _, wire_ in mine) == 64
    assert daemon.intake.ahead.kept == 0


async def test_lines_that_never_end_have_their_time_one_after_another(daemon: Daemon) -> None:
    daemon.intake.frame_deadline = 0.01
    mine = [connect(daemon, 1) for _ in range(20)]
    for connection, wire_ in mine:
        send(connection, wire_, b"x" * 255 * 1024)
    for connection, wire_ in mine:
        send(connection, wire_, b"x")
    paused = [wire_ for _, wire_ in mine if wire_.paused]
    assert len(paused) > 10
    async with asyncio.timeout(30):
        for wire_ in paused:
            await wire_.ended.wait()
    assert {reply["code"] for wire_ in paused for reply in wire_.replies} == {"invalid"}


async def test_who_sends_and_closes_again_and_again_has_no_more_connections_than_others(
    daemon: Daemon,
) -> None:
    gate = daemon.hold_commits()
    receive(connect(daemon, 1)[0], lines("first", 1))
    await daemon.submitted.wait()
    for number in range(200):
        connection, wire_ = connect(daemon, 1)
        if not wire_.closed:
            receive(connection, lines(f"{number}-", 1))
            connection.eof_received()
        connection.connection_lost(None)
    gate.set()
    await daemon.intake.drained()
    assert len(daemon.on_disk()) == daemon.quotas.limits.connections
    receive(connect(daemon, 1)[0], lines("again", 1))
    await daemon.intake.drained()
    assert daemon.on_disk()[-1] == "again0"


async def test_what_was_sent_whole_is_taken_in_although_the_connection_was_closed_over_it(
    daemon: Daemon,
) -> None:
    connection, _ = connect(daemon, 1)
    receive(connection, lines("x", 1000) + b'{"type":"a","id":"half')
    connection.connection_lost(ConnectionResetError())
    await daemon.intake.drained()
    assert len(daemon.on_disk()) == 1000
    assert daemon.intake.ahead.kept == 0
    assert not daemon.intake._connections


async def test_who_is_cut_off_leaves_nothing_behind(daemon: Daemon) -> None:
    connection, wire_ = connect(daemon, 1)
    receive(connection, lines("x", 5000))
    wire_.unread = 1024 * 1024 + 1
    await daemon.intake.drained()
    assert wire_.aborted
    # What was in the batch stays, and half of the next one, that gathered meanwhile.
    assert len(daemon.on_disk()) == BATCH_EVENTS + BATCH_EVENTS // 2
    connection.connection_lost(None)
    assert daemon.intake.ahead.kept == daemon.intake.ahead.unread == 0
    assert not daemon.intake._connections


async def test_who_is_cut_off_when_he_has_gone_leaves_nothing_behind(daemon: Daemon) -> None:
    connection, _ = connect(daemon, 1)
    receive(connection, lines("x", 10))
    connection.connection_lost(None)
    connection.cut_off()
    await daemon.intake.drained()
    assert not daemon.intake._connections
    assert daemon.on_disk() == []


async def test_what_has_ended_is_neither_paused_nor_read_on(daemon: Daemon) -> None:
    connection, wire_ = connect(daemon, 1)
    receive(connection, lines("x", 5000)[:A_READ])
    await daemon.intake.drained()
    receive(connection, b"x" * (OF_CONNECTION + 1))
    assert connection.eof_received()
    assert connection.whole > OF_CONNECTION
    assert not wire_.paused
    await daemon.intake.drained()
    assert wire_.closed


async def test_replies_left_unread_on_many_connections_of_a_user_have_a_bound(
    daemon: Daemon,
) -> None:
    mine = [connect(daemon, 1) for _ in range(10)]
    for number, (connection, wire_) in enumerate(mine):
        wire_.unread = 1000 * 1024
        receive(connection, lines(f"{number}-", 1))
        await daemon.intake.drained()
    assert [wire_.aborted for _, wire_ in mine] == [False] * 4 + [True] * 6
    connection, wire_ = connect(daemon, 2)
    receive(connection, lines("other", 1))
    await daemon.intake.drained()
    assert not wire_.aborted
    # Who has read them has room again.
    for connection, wire_ in mine:
        if wire_.aborted:
            connection.connection_lost(None)
        else:
            wire_.unread = 0
            connection.resume_writing()
    assert daemon.intake.ahead.unread == 0


async def test_the_uids_of_one_user_have_one_turn_and_one_line_of_the_journal(
    daemon: Daemon,
) -> None:
    daemon.quotas.user_of = lambda uid: 1000 if uid >= 100_000 else uid
    for uid in range(100_000, 100_020):
        receive(connect(daemon, uid)[0], lines(f"{uid}-", 100) + b"{\n" * 100)
    receive(connect(daemon, 2)[0], lines("modest-", 300))
    await daemon.intake.drained()
    first = [new[1] for new in daemon.batches[0]]
    assert first.count(2) == BATCH_EVENTS // 2
    assert first[0] == 100_000  # what is recorded is what the kernel says
    assert len(daemon.journal.lines) == 1
    assert [(one.uid, one.events) for one in daemon.refusals.last_day(NOW)] == [(1000, 2000)]
