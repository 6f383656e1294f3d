"""From a server's name to a connected socket: look-up, every address in turn, one deadline."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from zaiond.message.address import a_labels
from zaiond.net.lookup import look_up
from zaiond.net.memory import Address, ServerMemory
from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Stage

T = TypeVar("T")

_STAGES = list(Stage)  # in the order in which they come

# Some libcs don't have all of them.
_NO_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_CAUSES: dict[int, Cause] = {
    errno.ECONNREFUSED: "refused",
    errno.ETIMEDOUT: "timeout",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ECONNABORTED: "reset",
    errno.ENETUNREACH: "net_unreachable",
    errno.ENETDOWN: "net_unreachable",
    errno.EADDRNOTAVAIL: "net_unreachable",  # what IPv6 says where there is none
    errno.EAFNOSUPPORT: "net_unreachable",
    errno.EHOSTUNREACH: "host_unreachable",
    errno.EHOSTDOWN: "host_unreachable",
}


def cause_of(error: OSError) -> Cause:
    """Which of our causes an error of a socket is."""
    if isinstance(error, TimeoutError):
        return "timeout"
    return _CAUSES.get(error.errno or 0, "os_error")


async def resolve(host: str, port: int, limit: float) -> list[Address]:
    """All addresses of `host`, in the resolver's order; at least one. `limit` in seconds.

    Raises:
        DeliveryFailure: of stage RESOLVE: there is no such name, or no answer for now.
    """
    server = f"{host}:{port}"

    def addresses(flags: int = 0) -> list[Address]:
        rows = socket.getaddrinfo(a_labels(host), port, type=socket.SOCK_STREAM, flags=flags)
        return list(dict.fromkeys((row[0], row[4]) for row in rows))

    with contextlib.suppress(socket.gaierror, ValueError):
        return addresses(socket.AI_NUMERICHOST)  # asks nobody, so it needs no thread
    try:
        return await look_up(addresses, limit)
    except TimeoutError:
        cause: Cause = "dns_later"
        detail = f"{limit:g} s"
    except socket.gaierror as error:
        # EAI_AGAIN, EAI_FAIL and the rest say nothing about whether the name exists.
        cause = "no_name" if error.errno in _NO_NAME else "dns_later"
        # What the cause says already, in both languages, is not said again in English.
        detail = "" if error.errno in (*_NO_NAME, socket.EAI_AGAIN) else error.strerror or ""
    except ValueError as error:
        cause, detail = "no_name", str(error)
    except OSError as error:
        cause, detail = "dns_later", str(error)
    raise DeliveryFailure(Failure(stage=Stage.RESOLVE, server=server, cause=cause, detail=detail))


async def connect(server: str, addresses: list[Address], limit: float) -> socket.socket:
    """A socket connected to the first address that takes it. `limit` is for all together.

    Each address may use an equal share of the time that is left, so that one that never answers
    doesn't keep us from the next.

    Raises:
        DeliveryFailure: of stage CONNECT: none took it; the most telling of the failures.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit
    failures: list[Failure] = []
    for index, address in enumerate(addresses):
        share = (deadline - loop.time()) / (len(addresses) - index)
        try:
            return await connect_to(server, address, share)
        except DeliveryFailure as raised:
            failures.append(raised.failure)
    raise DeliveryFailure(most_telling(failures))


async def connect_to(server: str, address: Address, limit: float) -> socket.socket:
    """A socket connected to this address.

    Raises:
        DeliveryFailure: of stage CONNECT.
    """
    family, where = address
    limit = max(0.0, limit)
    connection: socket.socket | None = None
    try:
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.setblocking(False)
        async with asyncio.timeout(limit):
            await asyncio.get_running_loop().sock_connect(connection, where)
    except OSError as error:
        if connection is not None:
            connection.close()
        cause = cause_of(error)
        detail = shown(where)
        if cause == "timeout" and not error.errno:
            detail += f", {limit:.3g} s"
        elif cause == "os_error":
            detail += f": {error.strerror or error}"
        failure = Failure(stage=Stage.CONNECT, server=server, cause=cause, detail=detail)
        raise DeliveryFailure(failure) from error
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return connection


async def at_each(
    addresses: list[Address],
    attempt: Callable[[Address, float, float], Awaitable[T]],
    *,
    memory: ServerMemory,
    connecting: float,
    deadline: float,
    depends_on_address: Callable[[Failure], bool],
) -> T:
    """What `attempt` gives at the first address where it doesn't fail (RFC 5321 5.1).

    It is given the address, the seconds for connecting there, and until when it must be through
    with all, in the loop's time: an equal share of what is left of `connecting`, the seconds for
    connecting to all addresses, and of the time to `deadline`.

    Raises:
        DeliveryFailure: it failed at all, or so that it doesn't depend on the address; the most
            telling of the failures.
    """
    loop = asyncio.get_running_loop()
    connecting = min(connecting, deadline - loop.time())
    failures: list[Failure] = []
    for index, address in enumerate(addresses):
        now, left = loop.time(), len(addresses) - index
        if failures and now >= deadline:
            break
        try:
            return await attempt(address, connecting / left, now + (deadline - now) / left)
        except DeliveryFailure as raised:
            failures.append(raised.failure)
            if not depends_on_address(raised.failure):
                break
            memory.failed(address, loop.time())
            if raised.failure.stage is Stage.CONNECT:
                connecting -= loop.time() - now
    raise DeliveryFailure(most_telling(failures))


def most_telling(failures: list[Failure]) -> Failure:
    """Of the failures of several addresses the one that came furthest; of several such ones the
    first that is not "unreachable": that an IPv6 address can't be reached says little.
    """
    return max(
        failures,
        key=lambda each: (
            _STAGES.index(each.stage),
            each.cause not in ("net_unreachable", "host_unreachable"),
        ),
    )


def shown(address: tuple[Any, ...]) -> str:
    """A socket address for a person: `192.0.2.1:25`, `[2001:db8::1]:25`."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
