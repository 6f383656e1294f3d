"""A mail server in many moods, that keeps account of what it has taken."""

import os
from dataclasses import dataclass
from typing import Any

from tests.support.fast_sink import FastSink, FastSinkSession

MOODS = (
    "well", "well", "well", "down", "says 250 and hangs up", "hangs up", "garbage", "silent",
    "later", "slow down",
)  # fmt: skip


@dataclass
class MoodySink(FastSink):
    """`mood` may be changed at any time."""

    mood: str = "well"

    def session(self) -> FastSinkSession:
        return _Session(self)


class _Session(FastSinkSession):
    _sink: MoodySink

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if self._sink.mood == "down":
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        mood = self._sink.mood
        if mood == "silent":
            self._unread += data
        elif mood in ("hangs up", "down"):
            self.transport.abort()
        elif mood == "garbage":
            self.transport.write(os.urandom(200) + b"\r\n")
        elif mood == "later":
            self.transport.write(b"451 4.3.2 Not now\r\n")
        elif mood == "slow down":
            self.transport.write(b"421 4.7.0 Too many of you\r\n")
            self.transport.close()
        else:
            before = len(self._sink.arrivals)
            super().data_received(data)
            if mood == "says 250 and hangs up" and len(self._sink.arrivals) > before:
                self.transport.abort()
