"""Questions to the program that reads and writes the configuration (`zaiond.setup.serve`).

As a service zaiond-web may do neither: systemd runs that program as root, for each connection to a
socket. Started by hand, it runs it by itself, so that it has the rights of who started it.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from zaiond.text import Text
from zaiond.web.words import settings as words

SOCKET = "/run/zaiond-web/settings.sock"
REPLY_SECONDS = 30.0  # for all but a test, which lasts as long as the mail server takes
REPLY_BYTES = 16 * 1024 * 1024
MOST = 8  # side by side: each is a process
MOST_TESTS = 4  # beside them, for these take their time
_OPTIONS = ("--config=", "--state-dir=")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class NoSettings(Exception):  # noqa: N818 - the other program's failure, not one of this
    """There is no reply; `text` says why, and what to do."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class _Line(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class SettingsService:
    """`options` are those that we were given; `by_socket`: systemd runs the other program."""

    def __init__(self, options: Sequence[str], *, by_socket: bool) -> None:
        self._options = [one for one in options if one.startswith(_OPTIONS)]
        self._by_socket = by_socket
        self._turn = asyncio.Semaphore(MOST)
        self._turn_of_tests = asyncio.Semaphore(MOST_TESTS)

    async def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """The reply to one request. Raises NoSettings."""
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                *_, reply = [line async for line in self.lines(do, **more)]
        except TimeoutError:
            raise NoSettings(words.NO_REPLY) from None
        return reply

    async def lines(self, do: str, **more: Any) -> AsyncGenerator[dict[str, Any], None]:
        """Each line of the reply as it comes; the last one has `ok`. Raises NoSettings."""
        turn = self._turn_of_tests if do == "try" else self._turn
        async with turn, self._connected() as (reader, writer):
            try:
                writer.write(_encode({"do": do, **more}) + b"\n")
                await writer.drain()
                while True:
                    line = await reader.readline()
                    reply = _decode(line)
                    yield reply
                    if "ok" in reply:
                        return
            except (OSError, ValueError):  # ended before its time, or said too much
                raise NoSettings(words.NO_REPLY) from None

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Line]:
        try:
            if self._by_socket:
                reader, writer = await asyncio.open_unix_connection(SOCKET, limit=REPLY_BYTES)
                process = None
            else:
                process = await self._started()
                reader, writer = cast(_Line, (process.stdout, process.stdin))
        except OSError as error:
            raise NoSettings(words.no_service(why=error)) from None
        try:
            yield _Line(reader, writer)
        finally:
            if not writer.is_closing():  # a pipe whose reader has ended is gone, and can't be twice
                writer.transport.abort()
            if process is not None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    async def _started(self) -> asyncio.subprocess.Process:
        program = (sys.executable, "-I", "-X", "utf8", "-m", "zaiond.setup.serve")
        return await asyncio.create_subprocess_exec(
            *program,
            *self._options,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=REPLY_BYTES,
            process_group=0,  # a Ctrl-C is for us, who end it in turn
        )
