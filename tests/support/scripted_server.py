"""A real server on 127.0.0.1 that does what a test tells it to, misbehaviour included.

    async with ScriptedServer(script) as server: ...

`script(peer)` is run for each connection; `ordinary` is the script of a decent SMTP server, of
which single answers can be replaced by misbehaviour:

    ScriptedServer(ordinary(answers={"RCPT": "550 5.1.1 No", "DATA": hang}))

What came over the wire is kept for each connection: `peer.plain`, in plain text, and
`peer.protected`, inside of TLS.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import TracebackType
from typing import Self

import trustme

from tests.support.waiting import meanwhile, turns

Script = Callable[["Peer"], Awaitable[None]]
Answer = str | Callable[["Peer"], Awaitable[None]]


class Peer:
    """One connection, as the server sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.plain = b""
        self.protected = b""
        self.contents: list[bytes] = []
        self.commands: list[str] = []
        self._secure = False

    @property
    def said(self) -> bytes:
        """All that the client said."""
        return self.plain + self.protected

    async def line(self) -> str:
        """The client's next line, without CRLF; ConnectionError at its end."""
        data = await self.reader.readline()
        self.keep(data)
        if not data.endswith(b"\r\n"):
            raise ConnectionError("the client is gone")
        return data[:-2].decode()

    async def content(self) -> bytes:
        """The client's content, as it came, with its dots."""
        data = line = b""
        while line != b".\r\n":
            line = await self.reader.readuntil(b"\r\n")
            data += line
        self.keep(data)
        if data != line:  # a lone dot is none
            self.contents.append(data)
        return data

    def keep(self, data: bytes) -> None:
        """Notes what the client said."""
        if self._secure:
            self.protected += data
        else:
            self.plain += data

    async def say(self, *lines: str) -> None:
        """Sends the lines in one piece."""
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self.writer.drain()

    async def send(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """The server's side of a handshake."""
        await self.writer.start_tls(context)
        self._secure = True

    async def rest(self) -> bytes:
        """Whatever else the client says, until it is gone."""
        data = b""
        with contextlib.suppress(OSError):
            while more := await self.reader.read(65536):
                data += more
        self.keep(data)
        return data


class ScriptedServer:
    """Listens on a port of its own while the `async with` lasts; `host` and `port` for a further
    address of another one.
    """

    def __init__(self, script: Script, host: str = "127.0.0.1", port: int = 0) -> None:
        self.script = script
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()
        self.peers: list[Peer] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        for peer in self.peers:
            # Python before 3.11.3 can't abort a TLS transport that is closed already.
            with contextlib.suppress(AttributeError):
                peer.writer.transport.abort()
        await turns()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        assert isinstance(port, int)
        return port

    async def stop_listening(self) -> None:
        """Who connects is refused from now on."""
        assert self._server is not None
        self._server.close()

    async def finished(self) -> None:
        """Waits until the scripts of all connections so far have ended."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running = asyncio.current_task()
        assert running is not None
        self._running.add(running)
        peer = Peer(reader, writer)
        self.peers.append(peer)
        try:
            # A client may go at any time, and with it what is being said to it.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
                await self.script(peer)
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            self._running.discard(running)
            writer.close()


def ordinary(
    *,
    offers: tuple[str, ...] = ("PIPELINING", "SIZE 1000000"),
    answers: Mapping[str, Answer] | None = None,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    protected_offers: tuple[str, ...] | None = None,
) -> Script:
    """A decent server. `answers`, by command in capitals, replace its own; `GREETING` and `CONTENT`
    stand for what they say; what can be called is called instead of answering.

    `starttls` offers STARTTLS; `tls` is TLS from the first byte; `protected_offers` is what is
    offered in place of `offers` once it is encrypted.
    """
    given = dict(answers or {})

    async def script(peer: Peer) -> None:
        offered = offers
        secure = False

        async def answer(command: str, *usual: str) -> None:
            special = given.get(command)
            if special is None:
                await peer.say(*usual)
            else:
                await give(special, peer)

        if tls is not None:
            await peer.start_tls(tls)
            secure = True
        await answer("GREETING", "220 scripted.example ESMTP")
        while True:
            line = await peer.line()
            command = line.split(" ")[0].split(":")[0].upper()
            peer.commands.append(command)
            if command == "EHLO":
                extra = ("STARTTLS",) if starttls is not None and not secure else ()
                names = ["scripted.example", *offered, *extra]
                lines = [f"250-{name}" for name in names[:-1]] + [f"250 {names[-1]}"]
                await answer(command, *lines)
            elif command == "STARTTLS" and starttls is not None:
                await answer(command, "220 2.0.0 Go ahead")
                await peer.start_tls(starttls)
                secure = True
                offered = offers if protected_offers is None else protected_offers
            elif command == "AUTH":
                await answer(command, "235 2.7.0 Welcome")
            elif command == "DATA":
                await answer(command, "354 End with a dot")
                said = given.get(command, "354")
                if isinstance(said, str) and said.startswith("3"):
                    await peer.content()
                    await answer("CONTENT", "250 2.0.0 Queued")
            elif command == "QUIT":
                await answer(command, "221 2.0.0 Bye")
                return
            else:
                await answer(command, "250 2.0.0 Ok")

    return script


# Misbehaviour, to stand in the place of an answer.


def rcpt(replies: Mapping[str, Answer]) -> Callable[[Peer], Awaitable[None]]:
    """Answers to RCPT by address, as they stand at the moment."""

    async def answer(peer: Peer) -> None:
        address = _last_line(peer).partition("<")[2].partition(">")[0]
        await give(replies.get(address, "250 2.1.5 Ok"), peer)

    return answer


def _last_line(peer: Peer) -> str:
    return peer.said.rstrip(b"\r\n").rpartition(b"\r\n")[2].decode()


async def hang(peer: Peer) -> None:
    """Says nothing more, but keeps the connection."""
    await peer.rest()


async def drop(peer: Peer) -> None:
    """Ends the connection in good order."""
    peer.writer.close()
    raise ConnectionError("dropped")


async def reset(peer: Peer) -> None:
    """Ends the connection by a RST."""
    linger = struct.pack("ii", 1, 0)
    sock = peer.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    peer.writer.transport.abort()
    raise ConnectionError("reset")


async def half_close(peer: Peer) -> None:
    """Ends its own direction only, and goes on reading."""
    peer.writer.write_eof()
    await peer.rest()


async def garbage(peer: Peer) -> None:
    """What is no SMTP."""
    await peer.send(b"\x16\x03\x01\x00\xff<html>\r\n")
    await peer.rest()


def dripping(start: bytes) -> Callable[[Peer], Awaitable[None]]:
    """An answer that begins so and never ends, byte by byte."""

    async def answer(peer: Peer) -> None:
        await peer.send(start)
        while True:
            await peer.send(b"x")
            await meanwhile(0.02)

    return answer


drip = dripping(b"250-")


async def endless_line(peer: Peer) -> None:
    """A line without end, as fast as it goes."""
    await peer.send(b"250 ")
    while True:
        await peer.send(b"x" * 65536)


async def endless_reply(peer: Peer) -> None:
    """A reply of lines without end."""
    while True:
        await peer.send(b"250-more\r\n" * 1000)


async def endless_replies(peer: Peer) -> None:
    """Replies that nobody asked for."""
    while True:
        await peer.send(b"250 Ok\r\n" * 1000)


def say(*lines: str) -> Callable[[Peer], Awaitable[None]]:
    """An answer of several lines."""

    async def answer(peer: Peer) -> None:
        await peer.say(*lines)

    return answer


def late(seconds: float, answer: Answer) -> Callable[[Peer], Awaitable[None]]:
    """An answer after a while."""

    async def answering(peer: Peer) -> None:
        await meanwhile(seconds)
        await give(answer, peer)

    return answering


async def give(answer: Answer, peer: Peer) -> None:
    """Says it, or does it."""
    if isinstance(answer, str):
        await peer.say(answer)
    else:
        await answer(peer)


def then(*answers: Answer) -> Callable[[Peer], Awaitable[None]]:
    """The first time the first answer, then the next; the last one from then on."""
    waiting: Iterator[Answer] = iter(answers)
    current: list[Answer] = []

    async def answer(peer: Peer) -> None:
        current[:] = [next(waiting, *current)]
        await give(current[0], peer)

    return answer


@contextlib.contextmanager
def refusing() -> Iterator[socket.socket]:
    """A socket of 127.0.0.1 that refuses everybody until it listens; nobody else is given its port
    meanwhile.
    """
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


@contextlib.contextmanager
def unanswering() -> Iterator[int]:
    """A port of 127.0.0.1 that answers nobody: neither taken nor refused."""
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.socket())
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        for _ in range(8):  # until its queue is full, and the kernel answers nobody any more
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(silent.getsockname())
        yield silent.getsockname()[1]


def server_context(
    authority: trustme.CA, name: str = "127.0.0.1", **certificate: object
) -> ssl.SSLContext:
    """The server's side of TLS, with a certificate for `name` by `authority`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, **certificate).configure_cert(context)  # type: ignore[arg-type]
    return context
