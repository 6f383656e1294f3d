"""The control socket: one request, one reply, both a line of JSON, then the end.

Request: `{"command": NAME, …}`. Reply: `{"ok": true, "language": "ja", "result": DOCUMENT}`, or
`{"ok": false, "exit": STATUS, "message": …, "places": […]}` with the status that zaiond-ctl is to
end with, and where one goes on (names of `zaiond.places`). Of a machine that belongs to a fleet
each reply has `"fleet": true`, too. The documents are those of
`zaiond-ctl --json` (interface 5).

Who asks waits as long as something comes. So a long document comes piece by piece, and a command
that takes its time is preceded by blanks, which mean nothing in JSON. Who does not read is cut off:
no more of a document is made than he has read.
"""

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from typing import Any

import msgspec

from zaiond.config.schema import Config
from zaiond.daemon import words
from zaiond.daemon.asked import LANGUAGE
from zaiond.errors import DiskFullError, ZaiondError
from zaiond.journal import Journal
from zaiond.places import Place
from zaiond.text import Language, Text

REQUEST_BYTES = 1024 * 1024
REQUEST_SECONDS = 10.0
READER_SECONDS = 30.0  # for a reader to take what was written
MOST_CONNECTIONS = 32
SIGN_OF_LIFE = 1.0  # seconds between two blanks, while one of these takes its time
LONG = frozenset({"fleet", "queue.retry", "queue.delete", "reload", "spool.list", "test"})


class Refused(ZaiondError):  # noqa: N818 - it answers, it doesn't break
    """A request that can't be done, with zaiond-ctl's exit status; `places`: where to go on."""

    def __init__(
        self, exit_status: int, text: Text, result: Any = None, *, places: tuple[Place, ...] = ()
    ) -> None:
        super().__init__(text)
        self.exit_status = exit_status
        self.result = result
        self.places = places


class Request(msgspec.Struct):
    """What is asked, and with what; null counts as left out. `asked_by` is a uid (SO_PEERCRED),
    whatever was sent as such; `by` is on whose behalf zaiond-web asks; `uid` is whose events are
    meant, or `user`, one of another machine as documents call him; `language` is that of the texts
    in the answer, by default the configuration's.
    """

    command: str
    ids: list[str] = []
    names: list[str] = []
    addresses: list[str] = []
    uid: float | None = None
    user: str | None = None
    id: str | None = None
    source: str | None = None
    type: str | None = None
    since: float | None = None
    limit: float | None = None
    before: float | None = None
    look_at: float | None = None
    failed: bool = False
    lines: list[str] = []
    matchers: list[str] = []
    seconds: float | None = None
    comment: str | None = None
    key: str | None = None
    job: str | None = None
    by: str | None = None
    language: Language | None = None
    asked_by: int = -1


_decode = msgspec.json.Decoder(dict[str, Any]).decode
# Gives a document, or its JSON piece by piece where it may be long. Raises ZaiondError.
Command = Callable[[Request], Awaitable[Any]]
Commands = dict[str, Command]


class Control:
    """Serves commands, which `load` gives when the first one is asked for, in the language of the
    journal.
    """

    def __init__(self, load: Callable[[], Commands], journal: Journal) -> None:
        self.load = load
        self._journal = journal
        self._commands: Commands | None = None
        self._of_fleet: dict[str, Any] = {}
        self.connections = 0

    def configure(self, config: Config) -> None:
        """This configuration is about to come into force."""
        self._of_fleet = {} if config.fleet is None else {"fleet": True}

    def connection(self) -> asyncio.BaseProtocol:
        """The protocol of one more connection."""
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(REQUEST_BYTES), self.serve)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            if self.connections > MOST_CONNECTIONS:
                refused = Refused(os.EX_TEMPFAIL, words.TOO_MANY)
                writer.write(_line(self._refusal(refused)))
                return
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    line = await reader.readline()
            except (ConnectionError, TimeoutError, ValueError):
                return  # gone, or said nothing, or sent a line without end: nobody to tell
            with contextlib.suppress(ConnectionError):
                await self._serve(line, writer)
        finally:
            await _close(writer)
            self.connections -= 1

    async def _serve(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            result = await self._result(line, writer)
        except ZaiondError as error:
            await _write(writer, _line(self._refusal(error)))
            return
        # As it is now: it may be otherwise after `reload`.
        reply = {"ok": True, "language": self._journal.language, **self._of_fleet}
        if not isinstance(result, AsyncGenerator):
            await _write(writer, _line({**reply, "result": result}))
            return
        await _write(writer, json.dumps(reply)[:-1].encode() + b', "result": ')
        async with contextlib.aclosing(result):
            async for piece in result:
                await _write(writer, piece)
                await asyncio.sleep(0)  # others have their turn
        await _write(writer, b"}\n")

    async def _result(self, line: bytes, writer: asyncio.StreamWriter) -> Any:
        try:
            given = {name: value for name, value in _decode(line).items() if value is not None}
            request = msgspec.convert(given, Request)
        except msgspec.ValidationError:
            raise Refused(2, words.MALFORMED) from None
        except (msgspec.DecodeError, RecursionError):
            raise Refused(2, words.NO_REQUEST) from None
        self._commands = self._commands or self.load()
        command = self._commands.get(request.command)
        if command is None:
            raise Refused(2, words.NO_REQUEST)
        request.asked_by = _uid_of(writer)
        LANGUAGE.set(request.language)  # each connection is a task of its own
        is_long = request.command in LONG
        with _signs_of_life(writer) if is_long else contextlib.nullcontext():
            return await command(request)

    def _refusal(self, error: ZaiondError) -> dict[str, Any]:
        if not isinstance(error, Refused):
            is_full = isinstance(error, DiskFullError)
            error = Refused(os.EX_TEMPFAIL if is_full else 1, error.text)
        reply: dict[str, Any] = {
            "ok": False,
            "language": self._journal.language,
            **self._of_fleet,
            "exit": error.exit_status,
            "message": error.text.in_language(LANGUAGE.get() or self._journal.language),
        }
        if error.places:
            reply["places"] = [place.name for place in error.places]
        return reply if error.result is None else {**reply, "result": error.result}


@contextlib.contextmanager
def _signs_of_life(writer: asyncio.StreamWriter) -> Iterator[None]:
    async def blanks() -> None:
        while True:
            await asyncio.sleep(SIGN_OF_LIFE)
            writer.write(b" ")

    signs = asyncio.get_running_loop().create_task(blanks())
    try:
        yield
    finally:
        signs.cancel()


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Raises ConnectionError, also where the reader does not read."""
    writer.write(data)
    try:
        async with asyncio.timeout(READER_SECONDS):
            await writer.drain()
    except TimeoutError:
        raise ConnectionAbortedError from None


async def _close(writer: asyncio.StreamWriter) -> None:
    """Closes it when all was read; what a reader leaves unread too long is thrown away."""
    writer.close()
    try:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(READER_SECONDS):
                await writer.wait_closed()
    finally:
        writer.transport.abort()


def _line(reply: dict[str, Any]) -> bytes:
    # A file's name may be any bytes.
    return json.dumps(reply, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _uid_of(writer: asyncio.StreamWriter) -> int:
    peer: socket.socket = writer.get_extra_info("socket")
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return int(uid)
