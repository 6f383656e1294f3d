"""The command that brings a token: no shell, a minimal environment, bounded in time and output."""

import asyncio
import contextlib
import os
import signal

from zaiond.config.sources import PROGRAMS
from zaiond.oauth import words
from zaiond.oauth.protocol import command_failed, first_line
from zaiond.smtp.failure import NoToken
from zaiond.smtp.mask import Mask
from zaiond.text import reason

_MOST_READ = 64 * 1024


class _Output(asyncio.SubprocessProtocol):
    """The beginning of what the command writes, by descriptor; the rest is read, so that nobody
    waits, and dropped. `over`: it has ended, and nobody has its pipes any more.
    """

    def __init__(self) -> None:
        self.written = {1: b"", 2: b""}
        self.over = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.written[fd] += data[: _MOST_READ - len(self.written[fd])]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.over.set()


async def token_of(command: tuple[str, ...], limit: float) -> str:
    """The token that `command` writes; it and its children are killed after `limit` seconds. Raises
    NoToken: it can't be run, fails, takes too long, or writes no token.
    """
    program = command[0]
    environment = {"PATH": PROGRAMS, "LANG": "C.UTF-8", "HOME": os.environ.get("HOME", "/")}
    try:
        process, output = await asyncio.get_running_loop().subprocess_exec(
            _Output,
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise NoToken("command_unfit", program, why) from error
    try:
        async with asyncio.timeout(limit):
            await output.over.wait()
    except TimeoutError as error:
        raise NoToken("command", program, words.not_done(limit=limit)) from error
    finally:
        if not output.over.is_set():  # be it only that a child of it keeps the pipes open
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.get_pid(), signal.SIGKILL)
        # Our ends of the pipes are closed, whoever has the others: what left the session lives on.
        process.close()
        await output.over.wait()
    status = process.get_returncode() or 0
    if status != 0:
        # What it writes to the one pipe is a secret on the other.
        mask = Mask(output.written[1].partition(b"\n")[0].strip().decode("ascii", "replace"))
        raise command_failed(status, output.written[2], program, mask)
    return first_line(output.written[1], program)
