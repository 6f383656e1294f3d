"""Sockets, whoever opens them: a host's addresses, a connection to one, contexts for TLS, what
their errors mean; and calls that block, each in a thread of its own.
"""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from zaiond.message.address import a_labels
from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Stage

T = TypeVar("T")
Address = tuple[socket.AddressFamily, tuple[Any, ...]]

# Some libcs don't have all of them.
NO_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
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


def in_thread(call: Callable[[], T]) -> Future[T]:
    """What `call` returns or raises, in a thread of its own: who waits may go, it goes on."""
    answer: Future[T] = Future()
    answer.set_running_or_notify_cancel()  # from now on it can't be cancelled, only left alone

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 (it is raised where the call is waited for)
            answer.set_exception(error)

    threading.Thread(target=run, name="call", daemon=True).start()
    return answer


async def call_in_thread(call: Callable[[], T], limit: float) -> T:
    """What `call` returns or raises; TimeoutError after `limit` seconds, where it goes on in its
    thread.

    Not in the event loop's executor: that is waited for at exit, whatever becomes of the call, and
    keeps its threads.
    """
    async with asyncio.timeout(limit):
        return await asyncio.wrap_future(in_thread(call))


def addresses_of(host: str, port: int, flags: int = 0) -> list[Address]:
    """The addresses of `host`, in the resolver's order; at least one. It blocks. Raises OSError or
    ValueError where there is none: see `unresolved`.
    """
    rows = socket.getaddrinfo(a_labels(host), port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys((row[0], row[4]) for row in rows))


def unresolved(error: OSError | ValueError) -> tuple[Cause, str]:
    """What an error of `addresses_of` is to us, with its details."""
    if not isinstance(error, socket.gaierror):
        return "dns_later" if isinstance(error, OSError) else "no_name", str(error)
    # EAI_AGAIN, EAI_FAIL and the rest say nothing about whether the name exists.
    cause: Cause = "no_name" if error.errno in NO_NAME else "dns_later"
    # What the cause says already, in both languages, is not said again in English.
    return cause, "" if error.errno in (*NO_NAME, socket.EAI_AGAIN) else error.strerror or ""


def unconnected(error: OSError, address: Address, limit: float) -> tuple[Cause, str]:
    """What an error of connecting to `address` is to us, with its details; `limit` in seconds."""
    cause, detail = cause_of(error), shown(address)
    if cause == "timeout" and not error.errno:
        detail += f", {limit:.3g} s"
    elif cause == "os_error":
        detail += f": {error.strerror or error}"
    return cause, detail


async def resolve(host: str, port: int, limit: float) -> list[Address]:
    """All addresses of `host`, in the resolver's order; at least one. `limit` in seconds. Raises
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
    """A socket connected to this address. Raises DeliveryFailure: of stage CONNECT."""
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


def unsecured(error: ssl.SSLError) -> tuple[Cause, str]:
    """What an error of a handshake is to us, with its details."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate", error.verify_message
    return "tls", (error.reason or str(error)).replace("_", " ").lower()


def cause_of(error: OSError) -> Cause:
    if isinstance(error, TimeoutError):
        return "timeout"
    return _CAUSES.get(error.errno or 0, "os_error")


def shown(address: Address) -> str:
    """An address for a person: `192.0.2.1:25`, `[2001:db8::1]:25`."""
    return host_and_port(*address[1][:2])


def host_and_port(host: str, port: int) -> str:
    """`mail.example.jp:25`, `[2001:db8::1]:25`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def verifying(ca_file: str | None) -> ssl.SSLContext:
    """A context that demands a certificate for the name, from `ca_file` or the system's store.
    Raises OSError where `ca_file` can't be read or holds no certificate (`ssl.SSLError` is one).
    """
    context = ssl.create_default_context(cafile=ca_file)
    # The same certificates hold on every Python: 3.13 began to refuse what private CAs often leave
    # out, and to take a server's own certificate as an anchor.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # As Postfix does, whatever a later Python thinks of it; `Certificate.old_name` is told.
    context.hostname_checks_common_name = True
    return context
