"""From a server's name to its addresses, and from an address to a connected socket."""

import asyncio
import contextlib
import errno
import os
import socket
from typing import Any

from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Stage
from zaiond.sockets import Address, addresses_of, call_in_thread, unconnected, unresolved


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
