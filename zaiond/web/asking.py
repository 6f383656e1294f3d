"""Questions to the daemon by its control socket, and events into its event socket.

One question is one connection: a line of JSON each way. What takes the daemon long comes piece by
piece, or with blanks before it: a daemon of which nothing comes for five seconds hangs.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from zaiond.journal import Journal
from zaiond.places import Advice, Place, named
from zaiond.text import Text
from zaiond.web import words

SILENCE = 5.0  # seconds without a byte
REPLY_BYTES = 65 * 1024 * 1024  # of a document; the daemon keeps below by itself
EVENT_REPLY_BYTES = 64 * 1024
MOST_QUESTIONS = 16  # side by side: the daemon has room for twice as many
_CHUNK = 256 * 1024
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Reply(NamedTuple):
    """What the daemon answers."""

    result: Any


class NoAnswer(Exception):  # noqa: N818 - the daemon's failure, not one of the program
    """The daemon gave no answer; `text` says why, and what to do."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class Refused(Exception):  # noqa: N818
    """The daemon said no: `message` in the language that was asked for, `advice` that and where to
    go on; `exit_status` as zaiond-ctl would end with it, `result` what it gave along.
    """

    def __init__(
        self, exit_status: int, message: str, result: Any, places: tuple[Place, ...] = ()
    ) -> None:
        super().__init__(message)
        self.exit_status = exit_status
        self.message = message
        self.advice = Advice(Text(message, message), places)
        self.result = result


class Daemon:
    """The daemon whose sockets are in `runtime_dir`. Its language, which each answer has, is that
    of our `journal`, too; `is_of_fleet` is whether its machine belongs to one, by the last answer.
    """

    def __init__(self, runtime_dir: str, journal: Journal) -> None:
        self._journal = journal
        self._control = os.path.join(runtime_dir, "control.sock")
        self._events = os.path.join(runtime_dir, "events.sock")
        self._turn = asyncio.Semaphore(MOST_QUESTIONS)
        self.is_of_fleet = False

    async def ask(self, command: str, **arguments: Any) -> Reply:
        """One question. Raises NoAnswer, Refused."""
        line = _encode({"command": command, **arguments}) + b"\n"
        async with self._turn:
            with _explained(self._control, "zaiond-admin"):
                async with _connected(self._control, _CHUNK) as (reader, writer):
                    with contextlib.suppress(ConnectionError):  # who hangs up has said why
                        writer.write(line)
                        await writer.drain()
                    reply = _decode(await _to_the_end(reader))
                    # It may be another one since.
                    self._journal.language = "en" if reply["language"] == "en" else "ja"
                    self.is_of_fleet = reply.get("fleet") is True
                    if reply["ok"] is True:
                        return Reply(reply["result"])
                    status, message = int(reply["exit"]), str(reply["message"])
        raise Refused(status, message, reply.get("result"), named(reply.get("places", ())))

    async def emit(self, lines: Sequence[bytes]) -> list[dict[str, Any]]:
        """Puts events, each a line of JSON without its newline, into the event socket; gives the
        replies in order, as many as came (no reply means unknown). Raises NoAnswer if none came.
        """
        replies: list[dict[str, Any]] = []
        with _explained(self._events, "zaiond-emit"):
            async with _connected(self._events, EVENT_REPLY_BYTES) as (reader, writer):
                sending = asyncio.ensure_future(_send(writer, lines))
                try:
                    for _ in lines:
                        async with asyncio.timeout(SILENCE):
                            reply = await reader.readline()
                        if not reply.endswith(b"\n"):
                            break
                        replies.append(_decode(reply))
                except (TimeoutError, ConnectionError):
                    if not replies:
                        raise
                finally:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
        if lines and not replies:
            raise NoAnswer(words.broke_off(path=self._events))
        return replies


async def _send(writer: asyncio.StreamWriter, lines: Sequence[bytes]) -> None:
    for line in lines:
        writer.write(line + b"\n")
        await writer.drain()


@contextlib.asynccontextmanager
async def _connected(
    path: str, limit: int
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with asyncio.timeout(SILENCE):
        reader, writer = await asyncio.open_unix_connection(path, limit=limit)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _to_the_end(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the other side closes. Raises TimeoutError, ValueError (too much)."""
    pieces: list[bytes] = []
    size = 0
    while True:
        async with asyncio.timeout(SILENCE):
            piece = await reader.read(_CHUNK)
        if not piece:
            return b"".join(pieces)
        size += len(piece)
        if size > REPLY_BYTES:
            raise ValueError
        pieces.append(piece)


@contextlib.contextmanager
def _explained(path: str, group: str) -> Iterator[None]:
    """What may go wrong at a socket, which is for a group, as NoAnswer."""
    try:
        yield
    except PermissionError:
        text = words.not_permitted(path=path, group=group)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        text = words.not_running(path=path, why=error)
    except (TimeoutError, BlockingIOError):
        text = words.hangs(path=path, seconds=SILENCE)
    except OSError as error:
        text = words.no_talk(path=path, why=error)
    except (ValueError, KeyError, TypeError):
        text = words.broke_off(path=path)
    else:
        return
    raise NoAnswer(text)
