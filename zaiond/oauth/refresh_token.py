"""The refresh token that an endpoint gave in another one's place, kept in the state directory.

The first of them is the administrator's, in the configuration's file, and is never written to. The
name under which its successor is kept is made of it: so that one counts as long as the file has the
same content, and a new token in the file begins anew.

What is kept is written before the access token that came with it is used. Yet if the process dies
after the endpoint has made the new one and before it is on disk, it is lost; whether the endpoint
takes the old one once more is up to it.
"""

import asyncio
import fcntl
import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from zaiond.atomicfile import Owner, replace

_PAUSE = 0.1  # seconds between two looks at a lock that another process holds


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One that is in force: until when, if that is known, and since when, in seconds since the
    epoch."""

    token: str = field(repr=False)
    expires: float | None = None
    since: float | None = None


def path(state_dir: str, token_url: str, client_id: str, first: str) -> str:
    """Where the successor of `first`, the token in the configuration's file, is kept."""
    whose = json.dumps([token_url, client_id, first]).encode()
    return os.path.join(state_dir, f"oauth2-{hashlib.sha256(whose).hexdigest()[:32]}.json")


def read(file: str) -> RefreshToken | None:
    """What is kept; None where nothing is, or nothing that makes sense. Raises OSError."""
    try:
        with open(file, "rb") as stream:
            found = json.load(stream)
        token, times = found["refresh_token"], (found["expires"], found["since"])
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        return None
    if not isinstance(token, str) or not all(isinstance(at, int | float | None) for at in times):
        return None
    return RefreshToken(token, *times)


def write(file: str, kept: RefreshToken) -> None:
    """Keeps it, durably, for the owner of the state directory alone; raises OSError.

    The owner: for zaiond-ctl may be run by root, and the daemon must be able to read it.
    """
    status = os.stat(os.path.dirname(file))
    document = {"refresh_token": kept.token, "expires": kept.expires, "since": kept.since}
    owner = Owner(status.st_uid, status.st_gid, 0o600)
    replace(file, json.dumps(document).encode(), owner)


@asynccontextmanager
async def alone(state_dir: str) -> AsyncIterator[None]:
    """Nobody else uses a refresh token meanwhile, in no other process either: with many endpoints
    each is good for one use. Raises OSError: the directory isn't there, or can't be written to.
    """
    descriptor = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not os.access(state_dir, os.W_OK | os.X_OK):
            raise PermissionError(None, "can't be written to")
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                await asyncio.sleep(_PAUSE)
            else:
                break
        yield
    finally:
        os.close(descriptor)
