"""One connection of the event socket: bytes to lines, replies to bytes (interface 4)."""

import asyncio
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, cast

from zaiond import wire
from zaiond.errors import EventError
from zaiond.text import Text

if TYPE_CHECKING:
    from zaiond.daemon.intake import Intake

AHEAD_LINES = 1024
AHEAD_BYTES = 1024 * 1024


class Line(NamedTuple):
    """A line as it waits: the event's text and its identity, or what is wrong with it."""

    text: bytes
    id: str
    source: str
    error: EventError | None
    urgent: bool = False
    lane: str | None = None


class EventConnection(asyncio.Protocol):
    """Keeps its lines in order, parsed or found wrong, until the intake takes them into a batch."""

    def __init__(self, intake: "Intake") -> None:
        self.uid = -1
        self.lines: deque[Line] = deque()
        self._intake = intake
        self._transport: asyncio.Transport | None = None
        self._begun = bytearray()  # of a line whose end has not come
        self._overlong = False
        self._deadline: asyncio.TimerHandle | None = None
        self._unanswered = 0
        self._ahead_bytes = 0
        self._reading = True
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer: socket.socket = transport.get_extra_info("socket")
        # unix(7), SO_PEERCRED: pid, uid, gid as they were at connect(2)
        _, self.uid, _ = struct.unpack(
            "3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        )
        if not self._intake.opened(self):
            error = _too_many_connections(self._intake.quotas.connections)
            self._intake.refused(self.uid, error)
            self._transport.write(wire.error_reply(error, self._intake.language))
            self._ended = True
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        *whole, rest = data.split(b"\n")
        if whole:
            if self._begun or self._overlong:
                self._begun += whole[0]
                whole[0] = bytes(self._begun)
                self._begun.clear()
            self._cancel_deadline()
            self._take_lines(whole)
        if rest:
            self._begin(rest)

    def _begin(self, rest: bytes) -> None:
        self._begun += rest
        if len(self._begun) > wire.MAX_EVENT_BYTES:
            # Its end is waited for, but nothing of it is kept.
            self._overlong = True
            self._begun.clear()
        self._set_deadline()

    def _set_deadline(self) -> None:
        # While it is we who don't read, the end of the line may have been sent long ago.
        if self._reading and self._deadline is None and (self._begun or self._overlong):
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self._intake.frame_deadline, self._too_slow)

    def _take_lines(self, whole: list[bytes]) -> None:
        was_empty = not self.lines
        parse = self._intake.parse
        for text in whole:
            if self._overlong or len(text) > wire.MAX_EVENT_BYTES:
                self._overlong = False
                line = Line(b"", "", "", wire.too_large())
            else:
                line = parse(text)
            self.lines.append(line)
            self._ahead_bytes += len(line.text)
        self._unanswered += len(whole)
        if self._reading and self._is_far_ahead() and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()
        if was_empty:
            self._intake.has_lines(self)

    def take(self, most: int, size: int) -> tuple[list[Line], int]:
        """At most `most` lines, until `size` bytes are reached, and how many bytes they have."""
        if len(self.lines) <= most and self._ahead_bytes <= size:  # all, as it mostly is
            taken, taken_bytes = list(self.lines), self._ahead_bytes
            self.lines.clear()
            self._ahead_bytes = 0
            return taken, taken_bytes
        taken = []
        taken_bytes = 0
        while self.lines and len(taken) < most and taken_bytes < size:
            line = self.lines.popleft()
            taken.append(line)
            taken_bytes += len(line.text)
        self._ahead_bytes -= taken_bytes
        return taken, taken_bytes

    def answer(self, replies: bytes, lines: int) -> None:
        """Sends the replies to `lines` lines."""
        self._unanswered -= lines
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(replies)
        if transport.get_write_buffer_size() > wire.MAX_UNREAD_REPLY_BYTES:
            self.cut_off()
            return
        if self._ended:
            if not self._unanswered:
                transport.close()
        elif not self._reading and not self._is_far_ahead():
            self._reading = True
            self._set_deadline()
            transport.resume_reading()

    def cut_off(self) -> None:
        """Ends it without another word."""
        self._ended = True
        if self._transport is not None:
            self._transport.abort()

    def end(self) -> None:
        """Takes nothing further, and closes when all that was read whole has its reply."""
        self._ended = True
        self._cancel_deadline()
        if self._transport is not None and not self._unanswered:
            self._transport.close()

    def eof_received(self) -> bool:
        self._cancel_deadline()
        self._ended = True
        if self._begun or self._overlong:
            text = bytes(self._begun)
            self._begun.clear()
            self._take_lines([text])
        return self._unanswered > 0  # True: keep it half open until the replies are out

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._cancel_deadline()
        self._ended = True
        self._transport = None
        self._intake.closed(self)

    def _is_far_ahead(self) -> bool:
        return self._unanswered > AHEAD_LINES or self._ahead_bytes > AHEAD_BYTES

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        error = EventError(
            "invalid",
            Text(
                "行の終わり（改行）が limits.frame_deadline までに届きませんでした",
                "the line did not end (newline) within limits.frame_deadline",
            ),
        )
        self._deadline = None
        self._begun.clear()
        self._overlong = False
        self._ended = True
        self.lines.append(Line(b"", "", "", error))
        self._unanswered += 1
        if len(self.lines) == 1:
            self._intake.has_lines(self)


def _too_many_connections(limit: int) -> EventError:
    return EventError(
        "quota",
        Text(
            f"このユーザーの接続数が上限（limits.connections: {limit}）に達しています",
            f"this user has as many connections as it may (limits.connections: {limit})",
        ),
    )
