"""The command that brings a token: no shell, a minimal environment, bounded in time and output."""

import asyncio
import contextlib
import os
import signal

from zaiond.config.sources import PROGRAMS
from zaiond.oauth2 import NoToken, command_failed, first_line

_MOST_READ = 64 * 1024


async def token_of(command: tuple[str, ...], limit: float) -> str:
    """The token that `command` writes; it and its children are killed after `limit` seconds.

    Raises:
        NoToken: it can't be run, fails, takes too long, or writes no token.
    """
    program = command[0]
    environment = {"PATH": PROGRAMS, "LANG": "C.UTF-8", "HOME": os.environ.get("HOME", "/")}
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise NoToken("command_unfit", f"{program}: {words}") from error
    done = False
    try:
        async with asyncio.timeout(limit):
            output, complaint, status = await asyncio.gather(
                _read(process.stdout), _read(process.stderr), process.wait()
            )
        done = True
    except TimeoutError as error:
        raise NoToken("command", f"{program}: not done within {limit:g} s") from error
    finally:
        if not done:  # be it only that a child of it keeps the pipes open
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if status != 0:
        raise command_failed(status, complaint, program)
    return first_line(output, program)


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    """The beginning of what comes; the rest is read, so that nobody waits, and dropped."""
    assert stream is not None  # noqa: S101 (it is a pipe)
    kept = b""
    while piece := await stream.read(16384):
        kept += piece[: _MOST_READ - len(kept)]
    return kept
