"""One POST over HTTP/1.1, as a token endpoint wants it: no redirect, no proxy, bounded in size and
time.

It is http.client's, in a thread of its own. Nobody waits for that thread at exit; it ends at the
deadline, whatever the endpoint does, or when the resolver gives up.
"""

import io
import socket
import ssl
import time
from typing import Self
from urllib.parse import SplitResult, urlsplit

from zaiond import __version__, sockets
from zaiond.oauth import words
from zaiond.smtp.failure import NoToken
from zaiond.text import reason

MAX_ANSWER = 128 * 1024
_HEADERS = {
    "User-Agent": f"zaiond/{__version__}",
    "Accept": "application/json",
    "Content-Type": "application/x-www-form-urlencoded",
    "Connection": "close",
}


async def post(url: str, content: bytes, ca_file: str | None, limit: float) -> tuple[int, bytes]:
    """The answer's status and content. `limit` (seconds) is for all of it; certificates are
    verified by the system's store, and by `ca_file` too. Raises NoToken: there is no answer.
    """
    parts = urlsplit(url)
    address = sockets.host_and_port(parts.hostname or "", _port(parts))
    deadline = time.monotonic() + limit
    try:
        return await sockets.call_in_thread(
            lambda: _post(parts, content, ca_file, deadline, address), limit
        )
    except TimeoutError as error:
        raise NoToken("timeout", f"{address}, {limit:g} s") from error
    except ssl.SSLEOFError as error:  # it hung up within the handshake
        raise NoToken("reset", address) from error
    except ssl.SSLError as error:
        cause, detail = sockets.unsecured(error)
        raise NoToken(cause, address, detail) from error
    except OSError as error:
        raise NoToken(sockets.cause_of(error), address, reason(error)) from error


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _post(
    parts: SplitResult, content: bytes, ca_file: str | None, deadline: float, address: str
) -> tuple[int, bytes]:
    """The same, blocking. Raises NoToken; OSError."""
    import http.client  # only where a token is asked for, as it is large

    host = parts.hostname or ""
    context = None
    if parts.scheme == "https":
        # Made for each request and not kept: one is made an hour, and the store takes a megabyte.
        context = sockets.verifying(None)
        if ca_file is not None:
            context.load_verify_locations(cafile=ca_file)
    with _connected(host, _port(parts), deadline, address) as sock:
        sock.settimeout(_left(deadline))
        secured = sock
        if context is not None:
            secured = context.wrap_socket(sock, server_hostname=host)
        with secured:
            connection = http.client.HTTPConnection(host, _port(parts))
            connection.sock = secured  # so it opens none
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            # In one packet with its content, which http.client sends by itself: else an endpoint
            # that answers before has hung up on the content, and its answer is lost.
            secured.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            connection.request("POST", target, content, {"Host": parts.netloc, **_HEADERS})
            secured.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
            return read_answer(_Answer(secured, deadline, address), address)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _connected(host: str, port: int, deadline: float, address: str) -> socket.socket:
    """A socket connected to the first address that takes it. Each may use an equal share of the
    time that is left, so that one that never answers doesn't keep us from the next.
    """
    try:
        found = sockets.addresses_of(host, port)
    except (OSError, ValueError) as error:
        cause, detail = sockets.unresolved(error)
        raise NoToken(cause, address, detail) from error
    failures: list[NoToken] = []
    for number, each in enumerate(found):
        family, where = each
        share = _left(deadline) / (len(found) - number)
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(share)
            sock.connect(where)
        except OSError as error:
            sock.close()
            cause, detail = sockets.unconnected(error, each, share)
            failures.append(NoToken(cause, address, detail))
        else:
            return sock
    # That an IPv6 address can't be reached says little.
    raise next((each for each in failures if "unreachable" not in each.cause), failures[0])


class _Answer(io.RawIOBase):
    """What comes over a socket, until `deadline`. Raises NoToken where it is too much."""

    def __init__(self, sock: socket.socket, deadline: float, address: str) -> None:
        self._sock = sock
        self._deadline = deadline
        self._address = address
        self._room = MAX_ANSWER

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        self._sock.settimeout(_left(self._deadline))
        size = self._sock.recv_into(buffer)
        self._room -= size
        if self._room < 0:
            raise NoToken("token", self._address, words.too_large(most=MAX_ANSWER // 1024))
        return size


class _Stream(io.BufferedReader):
    """What http.client takes for a socket. `cut_off`: it ended within a line."""

    cut_off = False

    def makefile(self, mode: str) -> Self:  # noqa: ARG002
        return self

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        self.cut_off = not line.endswith(b"\n")
        return line


def read_answer(raw: io.RawIOBase, address: str) -> tuple[int, bytes]:
    """Status and content of the answer in `raw`. Raises NoToken where it isn't one."""
    from http.client import HTTPException, HTTPResponse, LineTooLong

    stream = _Stream(raw)
    response = HTTPResponse(stream, method="POST")  # type: ignore[arg-type]
    try:
        response.begin()
        is_cut_off = stream.cut_off  # for http.client that is the end of a header, too
        # Never as much as the endpoint says: http.client makes room for it at once.
        content = response.read(MAX_ANSWER)
        # Without a length it ends with the connection (RFC 9112 6.3).
        if not response.length and not is_cut_off:
            return response.status, content
    except LineTooLong:
        while stream.read(64 * 1024):  # a flood is told of as one
            pass
    except (HTTPException, ValueError, OverflowError):  # the last: of a chunk's size
        pass
    raise NoToken("token", address, words.NO_HTTP)
