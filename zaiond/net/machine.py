"""This machine as it is now: its names, for EHLO, Message-ID and the placeholders `{host}` and
`{fqdn}`, and its time zone. Nothing runs meanwhile: who needs them looks whether they have changed.
"""

import asyncio
import contextlib
import os
import re
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from zaiond.sockets import NO_NAME, call_in_thread

# After so many seconds a name is looked up again although nothing here has changed: what DNS says
# may have. Only for a host name that isn't fully qualified by itself.
_AGAIN = 5.0
# What the resolver goes by; a change of it is seen at once.
_FILES = ("/etc/hosts", "/etc/resolv.conf")


class Names(NamedTuple):
    """`host` has no dot; `fqdn` is the fully qualified name, or `host` where none is known."""

    host: str
    fqdn: str


class MachineNames:
    """This machine's names: DNS or DHCP may bring them when we run already.

    A name without a dot is completed as the resolver does it, for which `limit` seconds are given:
    DNS may be as dead as the mail server. Where nothing has changed here, a complete name is looked
    up again without anybody waiting for it.
    """

    def __init__(
        self,
        limit: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        files: tuple[str, ...] = _FILES,
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._files = files
        self._known: Names | None = None
        self._signs: tuple[object, ...] = ()
        self._at = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def current(self) -> Names:
        known, host = self._known, socket.gethostname()
        if known is not None and self._signs == self._look_around(host):
            if "." in host or self._clock() - self._at < _AGAIN:
                return known
            if "." in known.fqdn:
                self._begin_to_look()  # no mail waits for DNS to say the same again
                return known
        # Not the task itself: who waits may be cancelled, and the others wait on.
        await asyncio.wait([self._begin_to_look()])
        return self._known or Names("localhost", "localhost")

    def _look_around(self, host: str) -> tuple[object, ...]:
        """What the names depend on, as far as it can be seen here."""
        return (host,) if "." in host else (host, *map(file_stamp, self._files))

    def _begin_to_look(self) -> "asyncio.Task[None]":
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
        return self._looking

    async def _look(self) -> None:
        raw = socket.gethostname()
        signs = self._look_around(raw)
        host = _as_domain(raw)
        names = Names(host.partition(".")[0], host)
        if "." not in host:
            canonical = await _canonical(host, self._limit)
            if canonical is not None:
                names = Names(host, canonical or host)
            elif self._known is not None and self._known.host == host:
                names = self._known  # DNS doesn't answer: what it said last
        self._known, self._signs, self._at = names, signs, self._clock()


class TimeZone:
    """Has /etc/localtime read again when it is another one than before: by itself the C library
    reads it at its first use only. Where the environment has TZ, that counts, and nothing changes.
    """

    def __init__(
        self, path: str = "/etc/localtime", read_again: Callable[[], None] = time.tzset
    ) -> None:
        self._path = path
        self._read_again = read_again
        self._stamp = file_stamp(path)

    def refresh(self) -> None:
        """To be called before local times are made; it costs one stat(2)."""
        stamp = file_stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            self._read_again()


def rfc3339(at: float) -> str:
    """A time in seconds since the epoch, local with its offset; UTC where the calendar ends."""
    moment = datetime.fromtimestamp(at, UTC)
    with contextlib.suppress(ValueError, OverflowError):
        moment = moment.astimezone()
    return moment.isoformat(timespec="milliseconds")


def local(at: float, form: str = "%Y-%m-%d %H:%M:%S %z") -> str:
    """The same as this machine's people have it; 1970 where the calendar has no such time."""
    moment = datetime.fromtimestamp(0, UTC)
    with contextlib.suppress(ValueError, OverflowError, OSError):
        moment = datetime.fromtimestamp(at, UTC)
        moment = moment.astimezone()
    return moment.strftime(form)


async def _canonical(host: str, limit: float) -> str | None:
    """The name that the resolver completes `host` to; empty if it knows none, None without an
    answer.
    """

    def canonical() -> str:
        return socket.getaddrinfo(host, None, flags=socket.AI_CANONNAME)[0][3]

    try:
        found = await call_in_thread(canonical, limit)
    except socket.gaierror as error:
        return "" if error.errno in NO_NAME else None
    except (OSError, ValueError):
        return None
    # Where a hosts file gives the name as one more of localhost's, that says nothing.
    return "" if not found or found.startswith("localhost") else _as_domain(found)


def file_stamp(path: str) -> tuple[int, ...] | None:
    """What changes with a file; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_dev, found.st_ino, found.st_size


def _as_domain(name: str) -> str:
    # sethostname(2) takes any bytes; these names go into commands, addresses and Message-IDs.
    return re.sub(r"[^A-Za-z0-9._-]", "-", name).strip(".-") or "localhost"
