"""The control socket: one request, one reply, both a line of JSON, then the end.

Request: `{"command": NAME, …}`. Reply: `{"ok": true, "language": "ja", "result": DOCUMENT}`, or
`{"ok": false, "exit": STATUS, "message": …}` with the status that zaiond-ctl is to end with. The
documents are those of `zaiond-ctl --json` (interface 5).

Who asks waits as long as something comes. So a long document comes piece by piece, and a command
that takes its time is preceded by blanks, which mean nothing in JSON.
"""

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, NamedTuple

from zaiond.errors import DiskFullError, ZaiondError
from zaiond.text import Language, Text

REQUEST_BYTES = 1024 * 1024
REQUEST_SECONDS = 10.0
SIGN_OF_LIFE = 1.0  # seconds between two blanks

_MALFORMED = Text("要求の値が不正です", "the request is malformed")


class Refused(ZaiondError):  # noqa: N818 - it answers, it doesn't break
    """A request that can't be done; `exit_status` is zaiond-ctl's."""

    def __init__(self, exit_status: int, text: Text, result: Any = None) -> None:
        super().__init__(text)
        self.exit_status = exit_status
        self.result = result


class Request(NamedTuple):
    """What is asked, and by whom (SO_PEERCRED). Each method raises Refused for a wrong value."""

    values: dict[str, Any]
    uid: int

    def texts(self, name: str) -> list[str]:
        """A list of strings; none, if it isn't there."""
        values = self.values.get(name) or []
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise Refused(2, _MALFORMED)
        return values

    def text(self, name: str) -> str | None:
        """A string, if it is there."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise Refused(2, _MALFORMED)
        return value

    def number(self, name: str) -> float | None:
        """A number, if it is there."""
        value = self.values.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise Refused(2, _MALFORMED)
        return value


class Pieces(NamedTuple):
    """A long result: its JSON, piece by piece."""

    json: AsyncIterator[bytes]


Command = Callable[[Request], Awaitable[Any]]


class Control:
    """Serves the commands that it is given; `long` are the names of those that take their time."""

    def __init__(self, commands: dict[str, Command], long: frozenset[str] = frozenset()) -> None:
        self.language: Language = "ja"
        self._commands = commands
        self._long = long

    def connection(self) -> asyncio.BaseProtocol:
        """The protocol of one more connection."""
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(REQUEST_BYTES), self.serve)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                line = await reader.readline()
        except (ConnectionError, TimeoutError, ValueError):
            # Whoever asked is gone, said nothing, or sent a line without end: nobody to tell.
            writer.close()
            return
        try:
            with contextlib.suppress(ConnectionError):
                await self._serve(line, writer)
        finally:
            writer.close()

    async def _serve(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            values = json.loads(line)
            json.dumps(values, ensure_ascii=False, allow_nan=False).encode()  # no half characters
            name: str = values["command"]
            command = self._commands[name]
        except (ValueError, KeyError, TypeError, RecursionError):
            refused = Refused(2, Text("不明な要求です", "not a known request"))
            writer.write(_line(self._refusal(refused)))
            return
        with self._signs_of_life(writer) if name in self._long else contextlib.nullcontext():
            reply = await self._answer(command, Request(values, _uid_of(writer)))
        result = reply.get("result")
        if isinstance(result, Pieces):
            head = f'{{"ok": true, "language": "{self.language}", "result": '
            writer.write(head.encode())
            async for piece in result.json:
                writer.write(piece)
                await writer.drain()
            writer.write(b"}\n")
        else:
            writer.write(_line(reply))
            await writer.drain()

    async def _answer(self, command: Command, request: Request) -> dict[str, Any]:
        try:
            result = await command(request)
        except Refused as refused:
            return self._refusal(refused)
        except DiskFullError as error:
            return self._refusal(Refused(os.EX_TEMPFAIL, error.text))
        except ZaiondError as error:
            return self._refusal(Refused(1, error.text))
        return {"ok": True, "language": self.language, "result": result}

    def _refusal(self, refused: Refused) -> dict[str, Any]:
        reply = {
            "ok": False,
            "language": self.language,
            "exit": refused.exit_status,
            "message": refused.text.in_language(self.language),
        }
        if refused.result is not None:
            reply["result"] = refused.result
        return reply

    @contextlib.contextmanager
    def _signs_of_life(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle

        def blank() -> None:
            nonlocal timer
            writer.write(b" ")
            timer = loop.call_later(SIGN_OF_LIFE, blank)

        timer = loop.call_later(SIGN_OF_LIFE, blank)
        try:
            yield
        finally:
            timer.cancel()


def _line(reply: dict[str, Any]) -> bytes:
    # A file's name may be any bytes.
    return json.dumps(reply, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _uid_of(writer: asyncio.StreamWriter) -> int:
    peer: socket.socket = writer.get_extra_info("socket")
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return int(uid)
