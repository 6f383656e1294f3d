"""One request over HTTP/1.1, as a token endpoint or a watcher wants it: no redirect, no proxy,
bounded in size and time.

It is http.client's, in a thread of its own. Nobody waits for that thread at exit; it ends at the
deadline, whatever the endpoint does, or when the resolver gives up.
"""

import io
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from zaiond import __version__, sockets
from zaiond.errors import ZaiondError
from zaiond.smtp.failure import Cause
from zaiond.text import Sentence, Text, reason

MAX_ANSWER = 128 * 1024
NO_HTTP = Text("HTTP の応答ではありません", "no answer of HTTP")
NO_REQUEST = Text("要求に使えない URL です", "a URL that can't be asked for")
too_large = Sentence("応答が {most} KiB を超えています", "an answer of more than {most} KiB")
_HEADERS = {"User-Agent": f"zaiond/{__version__}", "Connection": "close"}


class NoAnswer(ZaiondError):  # noqa: N818  (it carries a failure's parts)
    """`where` (`host:port`) gave no answer, for this `cause` and `why`; without a cause it gave one
    that isn't HTTP's.
    """

    def __init__(self, cause: Cause | None, where: str, why: Text | str = "") -> None:
        ja, en = why if isinstance(why, Text) else (why, why)
        self.detail = Text(*(": ".join(filter(None, (where, each))) for each in (ja, en)))
        super().__init__(self.detail)
        self.cause, self.where, self.why = cause, where, why


def where(url: str) -> str:
    """`host:port` of a URL, which may be shown where the URL is a secret."""
    parts = urlsplit(url)
    return sockets.host_and_port(parts.hostname or "", _port(parts))


async def request(
    url: str,
    content: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    ca_file: str | None = None,
    limit: float,
    most: int = MAX_ANSWER,
) -> tuple[int, bytes]:
    """The answer's status and content: of a POST with this content, else of a GET. `limit`
    (seconds) is for all of it; certificates are verified by the system's store, and by `ca_file`
    too. With `most` 0 (bytes) the content isn't read. Raises NoAnswer.
    """
    address, deadline = where(url), time.monotonic() + limit
    try:
        return await sockets.call_in_thread(
            lambda: _request(url, content, headers or {}, ca_file, deadline, most), limit
        )
    except TimeoutError as error:
        raise NoAnswer("timeout", f"{address}, {limit:g} s") from error
    except ssl.SSLEOFError as error:  # it hung up within the handshake
        raise NoAnswer("reset", address) from error
    except ssl.SSLError as error:
        cause, detail = sockets.unsecured(error)
        raise NoAnswer(cause, address, detail) from error
    except OSError as error:
        raise NoAnswer(sockets.cause_of(error), address, reason(error)) from error


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _request(
    url: str,
    content: bytes | None,
    headers: Mapping[str, str],
    ca_file: str | None,
    deadline: float,
    most: int,
) -> tuple[int, bytes]:
    """The same, blocking. Raises NoAnswer; OSError."""
    import http.client  # only where something is asked for, as it is large

    parts, address = urlsplit(url), where(url)
    host = parts.hostname or ""
    context = None
    if parts.scheme == "https":
        # Made for each request and not kept: they are few, and the store takes a megabyte.
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
            method = "GET" if content is None else "POST"
            own = {"Host": parts.netloc.rpartition("@")[2], **_login(parts), **_HEADERS}
            try:
                connection.request(method, target, content, {**headers, **own})
            except (http.client.HTTPException, ValueError) as error:  # a sign that it can't say
                raise NoAnswer(None, address, NO_REQUEST) from error
            secured.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
            return read_answer(_Answer(secured, deadline, address), address, most)


def _login(parts: SplitResult) -> dict[str, str]:
    """What a URL with a user's name asks for (RFC 7617 2)."""
    if parts.username is None:
        return {}
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {b64encode(user.encode()).decode()}"}


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
        raise NoAnswer(cause, address, detail) from error
    failures: list[NoAnswer] = []
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
            failures.append(NoAnswer(cause, address, detail))
        else:
            return sock
    # That an IPv6 address can't be reached says little.
    raise next((each for each in failures if "unreachable" not in (each.cause or "")), failures[0])


class _Answer(io.RawIOBase):
    """What comes over a socket, until `deadline`. Raises NoAnswer where it is too much."""

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
            raise NoAnswer(None, self._address, too_large(most=MAX_ANSWER // 1024))
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


def read_answer(raw: io.RawIOBase, address: str, most: int = MAX_ANSWER) -> tuple[int, bytes]:
    """Status and content of the answer in `raw`; with `most` 0 the content isn't read. Raises
    NoAnswer where it isn't one.
    """
    from http.client import HTTPException, HTTPResponse, LineTooLong

    stream = _Stream(raw)
    response = HTTPResponse(stream, method="POST")  # type: ignore[arg-type]
    try:
        response.begin()
        is_cut_off = stream.cut_off  # for http.client that is the end of a header, too
        if not most and not is_cut_off:
            return response.status, b""
        # Never as much as the endpoint says: http.client makes room for it at once.
        content = response.read(most)
        # Without a length it ends with the connection (RFC 9112 6.3).
        if not response.length and not is_cut_off:
            return response.status, content
    except LineTooLong:
        while stream.read(64 * 1024):  # a flood is told of as one
            pass
    except (HTTPException, ValueError, OverflowError):  # the last: of a chunk's size
        pass
    raise NoAnswer(None, address, NO_HTTP)
