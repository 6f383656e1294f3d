"""One POST over HTTP/1.1, as a token endpoint wants it: no redirect, no proxy, bounded in size and
time. http.client reads the answer; it is imported on first use.
"""

import asyncio
import io
import ssl
from urllib.parse import urlsplit

from zaiond.net.connect import cause_of, connect, resolve
from zaiond.net.tls import verifying
from zaiond.oauth import protocol
from zaiond.oauth.protocol import NoToken
from zaiond.os_error import in_japanese
from zaiond.smtp.failure import DeliveryFailure
from zaiond.text import Text

MAX_ANSWER = 128 * 1024


async def post(url: str, content: bytes, ca_file: str | None, limit: float) -> tuple[int, bytes]:
    """The answer's status and content. `limit` (seconds) is for all of it; certificates are
    verified by the system's store, and by `ca_file` too.

    Raises:
        NoToken: there is no answer.
    """
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    asked = protocol.request(parts.netloc, target, content)
    try:
        async with asyncio.timeout(limit):
            context = await asyncio.to_thread(_context, ca_file) if secure else None
            addresses = await resolve(host, port, limit)
            sock = await connect(address, addresses, limit)
            name = host if secure else None
            reader, writer = await asyncio.open_connection(
                sock=sock, ssl=context, server_hostname=name
            )
            try:
                writer.write(asked)
                return await _answer(reader, address)
            finally:
                writer.transport.abort()
    except DeliveryFailure as error:
        failure = error.failure
        said = ": ".join(filter(None, (address, failure.detail)))
        raise NoToken(failure.cause, said) from error
    except TimeoutError as error:
        raise NoToken("timeout", f"{address}, {limit:g} s") from error
    except ssl.SSLCertVerificationError as error:
        raise NoToken("certificate", f"{address}: {error.verify_message}") from error
    except ssl.SSLError as error:
        words = (error.reason or str(error)).replace("_", " ").lower()
        raise NoToken("tls", f"{address}: {words}") from error
    except OSError as error:
        told = Text(f"{address}: {in_japanese(error)}", f"{address}: {error.strerror or error}")
        raise NoToken(cause_of(error), told) from error


def _context(ca_file: str | None) -> ssl.SSLContext:
    # Made for each request and not kept: one is made an hour, and the store takes a megabyte.
    context = verifying(None)
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


async def _answer(reader: asyncio.StreamReader, address: str) -> tuple[int, bytes]:
    received = b""
    while chunk := await reader.read(65536):
        received += chunk
        if len(received) > MAX_ANSWER:
            most = MAX_ANSWER // 1024
            told = Text(
                f"{address}: 応答が {most} KiB を超えています",
                f"{address}: an answer of more than {most} KiB",
            )
            raise NoToken("token", told)
        answer = read_answer(received, ended=False)
        if answer is not None:
            return answer
    answer = read_answer(received, ended=True)
    if answer is None:
        raise NoToken(
            "token",
            Text(f"{address}: HTTP の応答ではありません", f"{address}: no answer of HTTP"),
        )
    return answer


class _Received:
    """What http.client takes for a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:  # noqa: ARG002
        return io.BytesIO(self._data)


def read_answer(received: bytes, *, ended: bool) -> tuple[int, bytes] | None:
    """Status and content of an answer; None if it isn't one, or not all of one yet. `ended`: no
    more will come."""
    import http.client

    if b"\n\r\n" not in received and b"\n\n" not in received:
        return None
    response = http.client.HTTPResponse(_Received(received), method="POST")  # type: ignore[arg-type]
    try:
        response.begin()
        # RFC 9112 6.3: neither length nor chunks: the content goes on until the connection ends.
        if response.length is None and not response.chunked and not ended:
            return None
        return response.status, response.read()
    except (http.client.HTTPException, ValueError, OverflowError):  # the last: of a chunk's size
        return None
