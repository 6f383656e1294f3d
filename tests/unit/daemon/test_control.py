"""The control socket's protocol: one line, one reply, whatever is asked."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from zaiond.daemon.control import REQUEST_BYTES, Control, Refused
from zaiond.errors import DiskFullError, StoreError
from zaiond.text import Text


async def echo(request: dict[str, Any]) -> Any:
    return {"asked": request["what"]}


async def refuse(request: dict[str, Any]) -> Any:
    raise Refused(78, Text("だめ", "no"), {"errors": [1]})


async def fail(request: dict[str, Any]) -> Any:
    raise StoreError(Text("壊れた", "broken"))


async def be_full(request: dict[str, Any]) -> Any:
    raise DiskFullError(Text("満杯", "full"))


async def file(request: dict[str, Any]) -> Any:
    return {"name": os.fsdecode(b"\xff.yaml")}


async def ask(path: Path, line: bytes) -> dict[str, Any]:
    control = Control({"echo": echo, "refuse": refuse, "fail": fail, "full": be_full, "file": file})
    served = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await control.serve(reader, writer)
        served.set()

    server = await asyncio.start_unix_server(serve, str(path / "c"), limit=REQUEST_BYTES)
    reader, writer = await asyncio.open_unix_connection(str(path / "c"), limit=REQUEST_BYTES)
    writer.write(line)
    writer.write_eof()
    reply = await asyncio.wait_for(reader.read(), 10)
    await served.wait()
    writer.close()
    server.close()
    assert reply.endswith(b"\n")
    document: dict[str, Any] = json.loads(reply)
    return document


async def test_a_command_has_its_result_and_the_language_in_force(tmp_path: Path) -> None:
    assert await ask(tmp_path, b'{"command":"echo","what":"\xe6\x97\xa5"}\n') == {
        "ok": True,
        "language": "ja",
        "result": {"asked": "日"},
    }


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
    reply = await ask(tmp_path, json.dumps({"command": "echo", "what": what}).encode() + b"\n")
    assert reply["result"] == {"asked": what}


async def test_a_result_that_is_no_utf_8_is_told_all_the_same(tmp_path: Path) -> None:
    reply = await ask(tmp_path, b'{"command":"file"}\n')
    assert reply["result"] == {"name": "?.yaml"}
