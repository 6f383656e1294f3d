"""From a server's name to a connected socket: look-up, every address in turn, one deadline."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from zaiond.net.context import ServerMemory
from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Stage
from zaiond.sockets import Address, addresses_of, call_in_thread, unconnected, unresolved

T = TypeVar("T")

_STAGES = list(Stage)  # in the order in which they come


async def resolve(host: str, port: int, limit: float) -> list[Address]:
    """All addresses of `host`, in the resolver's order; at least one. `limit` in seconds.

    Raises:
        DeliveryFailure: of stage RESOLVE: there is no such name, or no answer for now.
    """
    with contextlib.suppress(socket.gaierror, ValueError):
        return addresses_of(host, port, socket.AI_NUMERICHOST)  # asks nobody, so needs no thread
    try:
        return await call_in_thread(lambda: addresses_of(host, port), limit)
    except TimeoutError:
        cause: Cause = "dns_later"
        detail = f"{limit:g} s"
    except (OSError, ValueError) as error:
        cause, detail = unresolved(error)
    server = f"{host}:{port}"
    raise DeliveryFailure(Failure(stage=Stage.RESOLVE, server=server, cause=cause, detail=detail))


async def _connected(connection: socket.socket, where: tuple[Any, ...]) -> None:
    # Not the loop's sock_connect: uvloop resolves the address once more, in threads that stay.
    error = connection.connect_ex(where)
    if error == errno.EINPROGRESS:
        loop = asyncio.get_running_loop()
        writable = asyncio.Event()
        loop.add_writer(connection, writable.set)
        try:
            await writable.wait()
        finally:
            loop.remove_writer(connection)
        error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # connect(2)
    if error:
        raise OSError(error, os.strerror(error))


async def connect_to(server: str, address: Address, limit: float) -> socket.socket:
    """A socket connected to this address.

    Raises:
        DeliveryFailure: of stage CONNECT.
    """
    family, where = address
    limit = max(0.0, limit)
    try:
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            async with asyncio.timeout(limit):
                await _connected(connection, where)
        except BaseException:
            connection.close()
            raise
    except OSError as error:
        cause, detail = unconnected(error, address, limit)
        failure = Failure(stage=Stage.CONNECT, server=server, cause=cause, detail=detail)
        raise DeliveryFailure(failure) from error
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
