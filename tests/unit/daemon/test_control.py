"""The control socket's protocol: one line, one reply, whatever is asked."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.store import Notes
from tests.support.waiting import turns
from zaiond.config.fleet import Fleet
from zaiond.config.schema import Config, MailServer
from zaiond.daemon import control
from zaiond.daemon.control import REQUEST_BYTES, Commands, Control, Refused, Request
from zaiond.errors import DiskFullError, StoreError
from zaiond.text import Text


async def echo(request: Request) -> Any:
    return {"asked": request.source}


async def refuse(request: Request) -> Any:
    raise Refused(78, Text("だめ", "no"), {"errors": [1]})


async def fail(request: Request) -> Any:
    raise StoreError(Text("壊れた", "broken"))


async def be_full(request: Request) -> Any:
    raise DiskFullError(Text("満杯", "full"))


async def file(request: Request) -> Any:
    return {"name": os.fsdecode(b"\xff.yaml")}


async def who(request: Request) -> Any:
    return {"uid": request.asked_by}


async def pieces(request: Request) -> Any:
    async def some() -> AsyncGenerator[bytes, None]:
        yield b'{"list":['
        yield '"日"'.encode()
        yield b"]}"

    return some()


COMMANDS: dict[str, control.Command] = {
    "echo": echo, "refuse": refuse, "fail": fail, "full": be_full, "file": file, "who": who,
    "pieces": pieces,
}  # fmt: skip


def journal() -> Notes:
    """That of a daemon whose language is Japanese."""
    notes = Notes()
    notes.language = "ja"
    return notes


async def ask(path: Path, line: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(await answer(path, line))
    return document


async def answer(path: Path, line: bytes) -> bytes:
    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await Control(lambda: COMMANDS, journal()).serve(reader, writer)
        finally:
            served.set()

    server = await asyncio.start_unix_server(serve, str(path / "c"), limit=REQUEST_BYTES)
    reader, writer = await asyncio.open_unix_connection(str(path / "c"), limit=REQUEST_BYTES)
    writer.write(line)
    writer.write_eof()
    reply = await asyncio.wait_for(reader.read(), 10)
    await served.wait()
    writer.close()
    server.close()
    assert reply.count(b"\n") == 1
    assert reply.endswith(b"\n")
    return reply


async def test_a_command_has_its_result_and_the_language_in_force(tmp_path: Path) -> None:
    assert await ask(tmp_path, b'{"command":"echo","source":"\xe6\x97\xa5"}\n') == {
        "ok": True,
        "language": "ja",
        "result": {"asked": "日"},
    }


async def test_a_command_that_changes_the_language_is_answered_in_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = journal()

    async def change(request: Request) -> Any:
        notes.language = "en"

    monkeypatch.setitem(globals(), "journal", lambda: notes)
    monkeypatch.setitem(COMMANDS, "change", change)
    assert (await ask(tmp_path, b'{"command":"change"}\n'))["language"] == "en"


async def test_a_refusal_has_its_exit_status_and_says_why(tmp_path: Path) -> None:
    assert await ask(tmp_path, b'{"command":"refuse"}\n') == {
        "ok": False,
        "language": "ja",
        "exit": 78,
        "message": "だめ",
        "result": {"errors": [1]},
    }


async def test_an_error_of_ours_is_told_as_such(tmp_path: Path) -> None:
    reply = await ask(tmp_path, b'{"command":"fail"}\n')
    assert (reply["ok"], reply["exit"], reply["message"]) == (False, 1, "壊れた")


async def test_a_full_disk_is_worth_another_try(tmp_path: Path) -> None:
    reply = await ask(tmp_path, b'{"command":"full"}\n')
    assert (reply["ok"], reply["exit"], reply["message"]) == (False, 75, "満杯")


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"echo\n",
        b"[]\n",
        b"null\n",
        b'"echo"\n',
        b"{}\n",
        b'{"command":"nothing"}\n',
        b'{"command":["echo"]}\n',
        b"\xff\n",
        b"[" * 100_000 + b"\n",
    ],
)
async def test_what_is_no_request_is_told_so(tmp_path: Path, line: bytes) -> None:
    reply = await ask(tmp_path, line)
    assert (reply["ok"], reply["exit"]) == (False, 2)


async def test_a_long_request_is_read_whole(tmp_path: Path) -> None:
    what = "x" * 900_000
    reply = await ask(tmp_path, json.dumps({"command": "echo", "source": what}).encode() + b"\n")
    assert reply["result"] == {"asked": what}


async def test_a_result_that_is_no_utf_8_is_told_all_the_same(tmp_path: Path) -> None:
    reply = await ask(tmp_path, b'{"command":"file"}\n')
    assert reply["result"] == {"name": "?.yaml"}


async def test_who_asks_is_known_by_the_kernel(tmp_path: Path) -> None:
    reply = await ask(tmp_path, b'{"command":"who","uid":12345,"asked_by":12345}\n')
    assert reply["result"] == {"uid": os.getuid()}


async def test_a_long_result_comes_in_pieces_that_make_one_reply(tmp_path: Path) -> None:
    assert await ask(tmp_path, b'{"command":"pieces"}\n') == {
        "ok": True,
        "language": "ja",
        "result": {"list": ["日"]},
    }


@pytest.fixture
async def place(tmp_path: Path) -> AsyncGenerator[tuple[Control, str], None]:
    """A control socket that several can ask, and its path."""
    served = Control(lambda: COMMANDS, journal())
    path = str(tmp_path / "c")
    server = await asyncio.start_unix_server(served.serve, path, limit=REQUEST_BYTES)
    yield served, path
    server.close()


async def test_a_command_that_takes_its_time_gives_signs_of_life(
    place: tuple[Control, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = asyncio.Event()

    async def take_time(request: Request) -> Any:
        await seen.wait()
        return "done"

    monkeypatch.setitem(COMMANDS, "test", take_time)
    monkeypatch.setattr(control, "SIGN_OF_LIFE", 0.01)
    reader, writer = await asyncio.open_unix_connection(place[1])
    writer.write(b'{"command":"test"}\n')
    async with asyncio.timeout(10):
        assert await reader.readexactly(2) == b"  "
        seen.set()
        reply = await reader.read()
    assert reply.count(b"\n") == 1
    assert json.loads(reply)["result"] == "done"
    writer.close()


async def test_commands_are_loaded_when_the_first_is_asked_for(tmp_path: Path) -> None:
    loaded: list[str] = []

    def load() -> Commands:
        loaded.append("once")
        return COMMANDS

    served = Control(load, journal())
    path = str(tmp_path / "c")
    server = await asyncio.start_unix_server(served.serve, path, limit=REQUEST_BYTES)
    for line in (b"", b"\n", b"{}\n"):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(line)
        writer.write_eof()
        assert not json.loads(await reader.read())["ok"]
        writer.close()
    assert loaded == []
    for _ in range(2):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"command":"who"}\n')
        assert json.loads(await reader.read())["ok"]
        writer.close()
    assert loaded == ["once"]
    server.close()


async def test_more_connections_than_there_may_be_are_told_to_come_again(
    place: tuple[Control, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "MOST_CONNECTIONS", 3)
    _, path = place
    silent = [await asyncio.open_unix_connection(path) for _ in range(3)]
    reader, writer = await asyncio.open_unix_connection(path)
    refused = json.loads(await asyncio.wait_for(reader.read(), 10))
    assert (refused["ok"], refused["exit"]) == (False, 75)
    writer.close()
    for _, one in silent:
        one.close()
    async with asyncio.timeout(10):
        while place[0].connections:
            await turns()
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b'{"command":"who"}\n')
    assert json.loads(await asyncio.wait_for(reader.read(), 10))["ok"]
    writer.close()


@pytest.mark.parametrize("said", [b"", b"x" * (REQUEST_BYTES + 1)])
async def test_who_asks_nothing_or_without_end_is_cut_off_and_is_no_error(
    place: tuple[Control, str], monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(control, "REQUEST_SECONDS", 0.05 if not said else 60)
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    reader, writer = await asyncio.open_unix_connection(place[1])
    writer.write(said)
    with contextlib.suppress(ConnectionError):  # it did not read all of it
        assert await asyncio.wait_for(reader.read(), 10) == b""
    async with asyncio.timeout(10):
        while place[0].connections:
            await turns()
    writer.close()
    assert errors == []


@pytest.mark.parametrize("command", ["endless", "large"])
async def test_who_does_not_read_is_cut_off_and_nothing_is_made_for_him_meanwhile(
    place: tuple[Control, str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(control, "READER_SECONDS", 0.2)
    made: list[int] = []
    ended: list[str] = []

    async def endless(request: Request) -> Any:
        async def some() -> AsyncGenerator[bytes, None]:
            try:
                while True:
                    made.append(10_000)
                    yield b" " * 10_000
            finally:
                ended.append("closed")

        return some()

    async def large(request: Request) -> Any:
        ended.append("closed")
        return "x" * 600_000

    monkeypatch.setitem(COMMANDS, "endless", endless)
    monkeypatch.setitem(COMMANDS, "large", large)
    served, path = place
    with socket.socket(socket.AF_UNIX) as reader:
        reader.setblocking(False)
        await asyncio.get_running_loop().sock_connect(reader, path)
        reader.send(json.dumps({"command": command}).encode() + b"\n")
        async with asyncio.timeout(10):
            while not ended or served.connections:
                await turns()
    assert sum(made) < 2_000_000  # what the kernel took, and a little


VALUES = {"source": "a", "ids": ["a"], "since": 1.5, "failed": True}


@pytest.mark.parametrize("name", VALUES)
async def test_each_value_of_a_request_is_of_its_kind_or_refused(tmp_path: Path, name: str) -> None:
    others = (value for other, value in VALUES.items() if other != name)
    for value in (VALUES[name], {"a": 1}, [1], [["a"]], *others):
        reply = await ask(tmp_path, json.dumps({"command": "who", name: value}).encode() + b"\n")
        assert (reply["ok"], reply.get("exit")) == (
            (True, None) if value == VALUES[name] else (False, 2)
        )


@pytest.mark.parametrize("name", [*VALUES, "uid", "names", "addresses"])
async def test_a_value_that_is_null_counts_as_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def tell(request: Request) -> Any:
        return getattr(request, name) == getattr(Request("tell"), name)

    monkeypatch.setitem(COMMANDS, "tell", tell)
    reply = await ask(tmp_path, json.dumps({"command": "tell", name: None}).encode() + b"\n")
    assert reply["result"] is True


async def test_each_answer_says_whether_the_machine_is_of_a_fleet(
    place: tuple[Control, str],
) -> None:
    control_, path = place

    async def answers() -> list[dict[str, Any]]:
        found = []
        for line in (b'{"command":"who"}\n', b'{"command":"pieces"}\n', b"{}\n"):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(line)
            found.append(json.loads(await reader.read()))
            writer.close()
        return found

    mail_server = MailServer(host="127.0.0.1")
    alone = Config(mail_server=mail_server, admins=("a@example.jp",))
    of_fleet = Fleet(servers=("nats://127.0.0.1:4222",), role="hub")
    control_.configure(replace(alone, fleet=of_fleet))
    assert [reply["fleet"] for reply in await answers()] == [True] * 3
    control_.configure(alone)
    assert not any("fleet" in reply for reply in await answers())
