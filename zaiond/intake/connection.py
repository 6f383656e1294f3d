"""One connection of the event socket: bytes to lines, replies to bytes (interface 4).

What was read is kept as it came. It is split into lines when they are taken into a batch, so that
nobody makes work by sending much at once.
"""

import asyncio
import socket
import struct
from collections import deque
from typing import Protocol, cast

from zaiond import wire
from zaiond.errors import EventError
from zaiond.intake import words
from zaiond.intake.quota import A_LITTLE, A_READ, ReadAhead, Share

A_PIECE = 64  # bytes that each piece costs beside its own
MANY_UNREAD = 16 * 1024  # bytes of replies; asyncio tells when there are fewer again
# All read into one place, in turn.
_buffer = memoryview(bytearray(A_READ))
_small_buffer = _buffer[:A_LITTLE]

# Of one kind there is one, however many lines are wrong.
TOO_LARGE = wire.too_large()
_TOO_SLOW = EventError("invalid", words.TOO_SLOW)


class Batches(Protocol):
    """Who takes the lines of a connection. `frame_deadline` is in seconds."""

    frame_deadline: float
    ahead: ReadAhead

    def opened(self, connection: "EventConnection", /) -> Share:
        """Counts a connection, whose user it says. Raises EventError if he has all he may have."""

    def closed(self, connection: "EventConnection", /) -> None:
        """The connection is gone, and what it had sent whole is taken."""

    def refused(self, connection: "EventConnection", error: EventError, /) -> bytes:
        """Counts what was refused, and logs it. Gives the reply."""

    def enqueue(self, connection: "EventConnection", /) -> None:
        """The connection has lines and is not in line for its turn yet."""


class EventConnection(asyncio.BufferedProtocol):
    """Keeps what was read until it is taken into a batch."""

    def __init__(self, batches: Batches) -> None:
        self.uid = self.user = -1
        self.pieces: deque[bytes | EventError] = deque()  # whole lines, or what was wrong with one
        self.kept = self.whole = 0
        self._batches = batches
        self._transport: asyncio.Transport | None = None
        self._begun = bytearray()  # of a line whose end has not come
        self._is_overlong = False
        self._deadline: asyncio.TimerHandle | None = None
        self._unanswered = 0  # lines that were taken
        self._unread = 0
        self._is_read = True
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(MANY_UNREAD)
        peer: socket.socket = transport.get_extra_info("socket")
        # unix(7), SO_PEERCRED: pid, uid, gid as they were at connect(2)
        _, self.uid, _ = struct.unpack(
            "3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        )
        self._ahead = self._batches.ahead
        try:
            self._share = self._batches.opened(self)
        except EventError as error:
            self._ended = True
            self._transport.write(self._batches.refused(self, error))
            self._transport.close()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        if self._ended or self._ahead.at_once(self._share, self) == A_READ:
            return _buffer
        return _small_buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._ended:
            return
        data = _buffer[:nbytes].tobytes()
        end = data.rfind(b"\n") + 1
        if end:
            self._cancel_deadline()
            begin = 0
            if self._is_overlong:
                self._is_overlong = False
                begin = data.find(b"\n") + 1
                self._put(TOO_LARGE)
            whole = data[begin:end]
            if self._begun:
                self._begun += whole
                whole = bytes(self._begun)
                self._begun.clear()
            if whole:
                self._put(whole)
            data = data[end:]
        if data:
            self._begun += data
            if self._is_overlong or len(self._begun) > wire.MAX_EVENT_BYTES:
                # Its end is waited for, but nothing of it is kept.
                self._is_overlong = True
                self._begun.clear()
            self._set_deadline()
        self._keeps()

    def _put(self, piece: bytes | EventError) -> None:
        self.pieces.append(piece)
        self.whole += _size(piece)
        if len(self.pieces) == 1:
            self._batches.enqueue(self)

    def _keeps(self) -> None:
        self._ahead.keeps(self._share, self, self.whole + len(self._begun), self.whole)

    def read(self, on: bool) -> None:
        if on is self._is_read or self._ended or self._transport is None:
            return
        self._is_read = on
        if on:
            self._transport.resume_reading()
            self._set_deadline()
        else:
            self._transport.pause_reading()
            self._cancel_deadline()

    def take(self, most: int, size: int) -> tuple[list[bytes | EventError], int]:
        """The next lines, at most `most`, until `size` bytes are reached, and how many they are."""
        pieces = self.pieces
        taken: list[bytes | EventError] = []
        left = size
        while pieces and len(taken) < most and left > 0:
            piece = pieces.popleft()
            self.whole -= _size(piece)
            if isinstance(piece, EventError):
                taken.append(piece)
                continue
            end = len(piece) if len(piece) <= left else piece.find(b"\n", left - 1) + 1
            *lines, rest = piece[:end].split(b"\n", most - len(taken))
            rest += piece[end:]
            taken += lines
            left -= len(piece) - len(rest)
            if rest:
                pieces.appendleft(rest)
                self.whole += _size(rest)
        self._unanswered += len(taken)
        self._keeps()
        if self._transport is None and not pieces:
            self._batches.closed(self)
        return taken, size - left

    def answer(self, replies: bytes, lines: int) -> None:
        self._unanswered -= lines
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(replies)
        unread = transport.get_write_buffer_size()
        if unread > MANY_UNREAD and self._leaves_unread(unread):
            self.cut_off()
        elif self._ended:
            self._close_if_answered()

    def _leaves_unread(self, unread: int) -> bool:
        change, self._unread = unread - self._unread, unread
        return self._ahead.leaves_unread(self._share, change) or (
            unread > wire.MAX_UNREAD_REPLY_BYTES
        )

    def resume_writing(self) -> None:
        self._leaves_unread(0)

    def cut_off(self) -> None:
        """Ends it without another word: what was not taken yet is not taken."""
        self._ended = True
        self.pieces.clear()
        self._begun.clear()
        self.whole = 0
        self._keeps()
        if self._transport is not None:
            self._transport.abort()

    def end(self) -> None:
        """Takes nothing further, and closes when all that was read whole has its reply."""
        self._ended = True
        self._cancel_deadline()
        self._close_if_answered()

    def _close_if_answered(self) -> None:
        if self._transport is not None and not self._unanswered and not self.pieces:
            self._transport.close()

    def eof_received(self) -> bool:
        if self._ended:
            return bool(self._unanswered or self.pieces)
        self._cancel_deadline()
        if self._is_overlong:
            self._put(TOO_LARGE)
        elif self._begun:
            self._put(bytes(self._begun) + b"\n")
            self._begun.clear()
        self._ended = True
        self._keeps()
        return bool(self.pieces or self._unanswered)  # True: half open until the replies are out

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._cancel_deadline()
        self._ended = True
        self._transport = None
        if self._unread:
            self._leaves_unread(0)
        if self._begun:
            self._begun.clear()
            self._keeps()
        if not self.pieces:
            self._batches.closed(self)

    def _set_deadline(self) -> None:
        # While it is we who don't read, the end of the line may have been sent long ago.
        if self._is_read and self._deadline is None and (self._begun or self._is_overlong):
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self._batches.frame_deadline, self._too_slow)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        self._begun.clear()
        self._is_overlong = False
        self._put(_TOO_SLOW)
        self._keeps()
        self._ended = True


def _size(piece: bytes | EventError) -> int:
    return A_PIECE + (len(piece) if isinstance(piece, bytes) else 0)
