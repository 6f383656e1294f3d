"""The control socket: one request, one reply, both a line of JSON, then the end.

Request: `{"command": NAME, …}`. Reply: `{"ok": true, "language": "ja", "result": DOCUMENT}`, or
`{"ok": false, "exit": STATUS, "message": …}` with the status that zaiond-ctl is to end with. The
documents are those of `zaiond-ctl --json` (interface 5).
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from zaiond.errors import DiskFullError, ZaiondError
from zaiond.text import Language, Text

REQUEST_BYTES = 1024 * 1024
REQUEST_SECONDS = 10.0

Command = Callable[[dict[str, Any]], Awaitable[Any]]


class Refused(ZaiondError):  # noqa: N818 - it answers, it doesn't break
    """A request that can't be done; `exit_status` is zaiond-ctl's."""

    def __init__(self, exit_status: int, text: Text, result: Any = None) -> None:
        super().__init__(text)
        self.exit_status = exit_status
        self.result = result


class Control:
    """Serves the commands that it is given."""

    def __init__(self, commands: dict[str, Command]) -> None:
        self.language: Language = "ja"
        self._commands = commands

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
            reply = json.dumps(await self._answer(line), ensure_ascii=False)
            # A file's name may be any bytes.
            writer.write(reply.encode("utf-8", "replace") + b"\n")
            with contextlib.suppress(ConnectionError):
                await writer.drain()
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            json.dumps(request, ensure_ascii=False, allow_nan=False).encode()  # no half characters
            command = self._commands[request["command"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            return self._refusal(Refused(2, Text("不明な要求です", "not a known request")))
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
