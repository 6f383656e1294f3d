"""From a server's name to a connected socket: look-up, every address in turn, one deadline."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable
from typing import Any

from zaiond.message.address import a_labels
from zaiond.net.lookup import look_up
from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Stage

Address = tuple[socket.AddressFamily, tuple[Any, ...]]

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
        detail = f"the resolver did not answer within {limit:g} s"
    except socket.gaierror as error:
        # EAI_AGAIN, EAI_FAIL and the rest say nothing about whether the name exists.
        cause = "no_name" if error.errno in _NO_NAME else "dns_later"
        detail = error.strerror or str(error)
    except ValueError as error:
        cause, detail = "no_name", str(error)
    except OSError as error:
        cause, detail = "dns_later", str(error)
    raise DeliveryFailure(Failure(stage=Stage.RESOLVE, server=server, cause=cause, detail=detail))


async def connect(
    server: str,
    addresses: list[Address],
    limit: float,
    on_failure: Callable[[Failure], None] | None = None,
) -> socket.socket:
    """A socket connected to the first address that takes it. `limit` is for all together;
    `on_failure` is told of each address that doesn't.

    Each address may use an equal share of the time that is left, so that one that never answers
    doesn't keep us from the next.

    Raises:
        DeliveryFailure: of stage CONNECT: none took it. Of several causes it is the first that is
            not "unreachable": that an IPv6 address can't be reached says little.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit
    failures: list[Failure] = []
    for index, (family, address) in enumerate(addresses):
        share = max(0.0, deadline - loop.time()) / (len(addresses) - index)
        connection: socket.socket | None = None
        try:
            connection = socket.socket(family, socket.SOCK_STREAM)
            connection.setblocking(False)
            async with asyncio.timeout(share):
                await loop.sock_connect(connection, address)
        except OSError as error:
            if connection is not None:
                connection.close()
            cause = cause_of(error)
            words = os.strerror(error.errno) if error.errno else f"no answer within {share:.3g} s"
            detail = f"{shown(address)}: {words}"
            failure = Failure(stage=Stage.CONNECT, server=server, cause=cause, detail=detail)
            failures.append(failure)
            if on_failure is not None:
                on_failure(failure)
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        else:
            return connection
    telling = [f for f in failures if f.cause not in ("net_unreachable", "host_unreachable")]
    raise DeliveryFailure((telling or failures)[0])


def shown(address: tuple[Any, ...]) -> str:
    """A socket address for a person: `192.0.2.1:25`, `[2001:db8::1]:25`."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
