"""Programs that emit, at little cost of their own: lines that are made before, one process."""

import select
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Self

WITHIN = 120.0  # seconds; a bound for what hangs


class Emitter:
    """One connection to the event socket, open."""

    def __init__(self, event_socket: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(WITHIN)
        self._socket.connect(str(event_socket))
        self._rest = b""

    def fileno(self) -> int:
        """For select(2)."""
        return self._socket.fileno()

    def send(self, lines: bytes) -> None:
        """Sends whole lines."""
        self._socket.sendall(lines)

    def receive(self) -> int:
        """How many replies have come; waits for something. AssertionError if one isn't `ok`."""
        received = self._socket.recv(65536)
        assert received, "the daemon closed the connection"
        received = self._rest + received
        end = received.rfind(b"\n") + 1
        replies, self._rest = received[:end], received[end:]
        count = replies.count(b"\n")
        if replies.count(b'{"status":"ok"') != count:
            refused = next(reply for reply in replies.split(b"\n") if b'"ok"' not in reply)
            raise AssertionError(refused.decode())
        return count

    def emit(self, line: bytes) -> float:
        """Emits one event; gives the seconds until its reply was here."""
        begun = time.perf_counter()
        self._socket.sendall(line)
        while not self.receive():
            pass
        return time.perf_counter() - begun

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()


def emit_many(event_socket: Path, line: bytes, count: int, clients: int, ahead: int) -> float:
    """Emits `count` events, each client so many lines ahead of the replies; seconds until all had
    theirs. `count` is rounded up to the same number for each client.
    """
    several = [line * number for number in range(ahead + 1)]
    emitters = [Emitter(event_socket) for _ in range(clients)]
    unsent = dict.fromkeys(emitters, -(-count // clients))
    unanswered = dict.fromkeys(emitters, 0)
    poll = select.epoll()
    try:
        of_file = {emitter.fileno(): emitter for emitter in emitters}
        begun = time.perf_counter()
        for emitter in emitters:
            poll.register(emitter.fileno(), select.EPOLLIN)
            _send_ahead(emitter, several, unsent, unanswered, ahead)
        while of_file:
            ready = poll.poll(WITHIN)
            assert ready, f"no reply in {WITHIN} s"
            for file, _ in ready:
                emitter = of_file[file]
                unanswered[emitter] -= emitter.receive()
                _send_ahead(emitter, several, unsent, unanswered, ahead)
                if not unanswered[emitter]:
                    del of_file[file]
        return time.perf_counter() - begun
    finally:
        poll.close()
        for emitter in emitters:
            emitter.__exit__(None, None, None)


def _send_ahead(
    emitter: Emitter,
    several: list[bytes],
    unsent: dict[Emitter, int],
    unanswered: dict[Emitter, int],
    ahead: int,
) -> None:
    number = min(unsent[emitter], ahead - unanswered[emitter])
    if number > 0:
        unsent[emitter] -= number
        unanswered[emitter] += number
        emitter.send(several[number])
