"""A mail server with one fault, at one stage of a session: a cell of the matrix of stages, faults
and TLS modes.

What is usual at a stage is said in the server's script; a fault is what happens in its place.
"""

import asyncio
import contextlib
import itertools
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from tests.support.scripted_server import Peer, ScriptedServer, reset

STAGES = (
    "connect", "greeting", "EHLO", "STARTTLS", "handshake", "AUTH first", "AUTH later", "MAIL",
    "RCPT", "DATA", "content", "final dot", "QUIT",
)  # fmt: skip
FAULTS = (
    "refuse for now", "refuse for good", "421", "garbage", "endless line", "drip", "stall", "reset",
    "half-close", "early bytes", "wrong certificate",
)  # fmt: skip
MODES = ("none", "opportunistic", "starttls", "tls")


class Cell(NamedTuple):
    """One combination."""

    stage: str
    fault: str
    mode: str

    @property
    def possible(self) -> bool:
        """Whether there can be such a thing:

        - STARTTLS is said where the mode wants it, and there is a handshake where there is TLS;
        - a certificate is shown in a handshake, and nowhere else;
        - before there is a connection nobody can say anything: it is refused, or there is silence.
        """
        if self.stage == "STARTTLS" and self.mode not in ("opportunistic", "starttls"):
            return False
        if self.stage == "handshake" and self.mode == "none":
            return False
        if self.fault == "wrong certificate" and self.stage != "handshake":
            return False
        return self.stage != "connect" or self.fault in ("refuse for now", "stall")


CELLS = [cell for cell in itertools.starmap(Cell, itertools.product(STAGES, FAULTS, MODES))
         if cell.possible]  # fmt: skip

# The code of a refusal for now, and of one for good.
CODES = {"STARTTLS": (454, 502), "AUTH first": (454, 535), "AUTH later": (454, 535)}
OTHERWISE = (451, 554)


class Watched(Peer):
    """A connection of which is known when its trouble began, and when the client was gone."""

    began: float | None = None
    gone: float | None = None


class FaultyServer(ScriptedServer):
    """`certificates` by what they are: `right` and `wrong`."""

    def __init__(self, cell: Cell, certificates: Mapping[str, ssl.SSLContext]) -> None:
        super().__init__(self._watched)
        self._cell = cell
        self._certificates = certificates
        self.connections: list[Watched] = []

    @property
    def troubled(self) -> bool:
        """Whether it came to the fault."""
        return any(each.began is not None for each in self.connections)

    @property
    def overstayed(self) -> float:
        """For how many seconds the client stayed after the trouble had begun, at most."""
        return max(
            (
                (each.gone or 0.0) - each.began
                for each in self.connections
                if each.began is not None
            ),
            default=0.0,
        )

    @property
    def deliveries(self) -> int:
        """How many mails came to their final dot."""
        return sum(len(each.contents) for each in self.connections)

    async def _watched(self, plain: Peer) -> None:
        peer = Watched(plain.reader, plain.writer)
        self.connections.append(peer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._serve_mail(peer)
            await peer.rest()  # until the client is gone, too
        finally:
            peer.gone = asyncio.get_running_loop().time()

    async def _at(self, stage: str, peer: Watched, *usual: str) -> bool:
        """What happens at a stage; says whether it was what is usual."""
        if stage != self._cell.stage:
            await peer.say(*usual)
            return True
        peer.began = asyncio.get_running_loop().time()
        fault = self._cell.fault
        for_now, for_good = CODES.get(stage, OTHERWISE)
        if fault == "refuse for now":
            await peer.say(f"{for_now} 4.3.5 Not now")
        elif fault == "refuse for good":
            await peer.say(f"{for_good} 5.3.5 Not ever")
        elif fault == "421":
            await peer.say("421 4.3.2 Shutting down")
            raise ConnectionError("shut down")
        elif fault == "early bytes":
            await peer.say(*usual, "250 2.0.0 Early")
            return True
        else:
            await _BREAKS[fault](peer)
            raise ConnectionError("broken")
        return False

    async def _handshake(self, peer: Watched) -> None:
        cell = self._cell
        if cell.stage != "handshake" or cell.fault == "wrong certificate":
            wrong = cell.stage == "handshake"
            if wrong:
                peer.began = asyncio.get_running_loop().time()
            await peer.start_tls(self._certificates["wrong" if wrong else "right"])
            return
        await peer.reader.read(1)  # the client has begun
        peer.began = asyncio.get_running_loop().time()
        await _HANDSHAKE_BREAKS.get(cell.fault, _BREAKS.get(cell.fault, _plain_text))(peer)
        raise ConnectionError("no handshake")

    async def _serve_mail(self, peer: Watched) -> None:
        cell = self._cell
        secure = False
        if cell.mode == "tls":
            await self._handshake(peer)
            secure = True
        if not await self._at("greeting", peer, "220 faulty.example ESMTP"):
            return
        while True:
            line = await peer.line()
            command = line.partition(" ")[0].upper()
            if command == "EHLO":
                offers = ["250-faulty.example", "250-PIPELINING", "250 AUTH LOGIN"]
                if cell.mode in ("opportunistic", "starttls") and not secure:
                    offers.insert(1, "250-STARTTLS")
                await self._at("EHLO", peer, *offers)
            elif command == "STARTTLS":
                if await self._at("STARTTLS", peer, "220 2.0.0 Go ahead"):
                    await self._handshake(peer)
                    secure = True
            elif command == "AUTH":
                if await self._at("AUTH first", peer, "334 VXNlcm5hbWU6"):
                    await peer.line()
                    await peer.say("334 UGFzc3dvcmQ6")
                    await peer.line()
                    await self._at("AUTH later", peer, "235 2.7.0 Welcome")
            elif command == "DATA":
                if await self._at("DATA", peer, "354 End with a dot"):
                    await self._content(peer)
            elif command == "QUIT":
                await self._at("QUIT", peer, "221 2.0.0 Bye")
                return
            else:
                await self._at(command, peer, "250 2.0.0 Ok")

    async def _content(self, peer: Watched) -> None:
        taken = "250 2.0.0 Queued"
        if self._cell.stage == "content":
            # With the content on its way: not even its first line was read to the end.
            peer.keep(await peer.reader.readexactly(1))
            if self._cell.fault == "early bytes":
                peer.began = asyncio.get_running_loop().time()
                await peer.say(taken)
                await peer.content()
                return
            await self._at("content", peer)
        await peer.content()
        if self._cell.stage != "content":
            await self._at("final dot", peer, taken)


async def _garbage(peer: Peer) -> None:
    await peer.send(b"\x00\xff<html>\r\n")
    await peer.rest()


async def _endless_line(peer: Peer) -> None:
    while True:
        await peer.send(b"2" * 65536)


async def _drip(peer: Peer) -> None:
    await peer.send(b"250-")
    await _drops(peer)


async def _drops(peer: Peer) -> None:
    leaving = asyncio.ensure_future(peer.rest())
    while not leaving.done():
        await peer.send(b"x")
        await asyncio.wait([leaving], timeout=0.05)


async def _stall(peer: Peer) -> None:
    await peer.rest()


async def _half_close(peer: Peer) -> None:
    peer.writer.get_extra_info("socket").shutdown(socket.SHUT_WR)
    await peer.rest()


async def _plain_text(peer: Peer) -> None:
    await peer.send(b"220 2.0.0 Plain text in place of a handshake\r\n")
    await peer.rest()


async def _refuse_in_plain_text(peer: Peer) -> None:
    await peer.send(b"454 4.7.0 Not now\r\n")
    await peer.rest()


async def _shut_down_in_plain_text(peer: Peer) -> None:
    await peer.send(b"421 4.3.2 Shutting down\r\n")


async def _alert(peer: Peer) -> None:
    await peer.send(b"\x15\x03\x03\x00\x02\x02\x28")  # RFC 8446 6.2: fatal, handshake_failure


async def _drip_record(peer: Peer) -> None:
    await peer.send(b"\x16\x03\x03\x40\x00")  # RFC 8446 5.1: a record of 16 KiB
    await _drops(peer)


_Break = Callable[[Peer], Awaitable[None]]
_BREAKS: dict[str, _Break] = {
    "garbage": _garbage,
    "endless line": _endless_line,
    "drip": _drip,
    "stall": _stall,
    "reset": reset,
    "half-close": _half_close,
}
_HANDSHAKE_BREAKS: dict[str, _Break] = {
    "refuse for now": _refuse_in_plain_text,
    "refuse for good": _alert,
    "421": _shut_down_in_plain_text,
    "drip": _drip_record,
    "early bytes": _plain_text,
}
