"""The two sockets of a daemon, answered by functions of a test: what zaiond's clients talk to."""

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

EventAnswer = Callable[[bytes], bytes | None]
ControlAnswer = Callable[[dict[str, Any]], dict[str, Any]]


def accept(line: bytes) -> bytes:
    """Answers ok, with the event's own id."""
    return json.dumps({"status": "ok", "id": json.loads(line)["id"]}).encode() + b"\n"


class FakeDaemon:
    """Listens in `runtime` as long as the context lasts.

    `events` answers each line (None: hangs up); `control` each request. What came in is in
    `lines` and `requests`.
    """

    def __init__(
        self,
        runtime: Path,
        events: EventAnswer | None = accept,
        control: ControlAnswer | None = None,
    ) -> None:
        runtime.mkdir(parents=True, exist_ok=True)
        self.runtime = runtime
        self.lines: list[bytes] = []
        self.requests: list[dict[str, Any]] = []
        self._events = events
        self._control = control
        self._listeners: list[socket.socket] = []
        self._peers: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        if self._events is not None:
            self._listen("events.sock", self._serve_events)
        if self._control is not None:
            self._listen("control.sock", self._serve_control)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for open_socket in (*self._listeners, *self._peers):
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
            open_socket.close()
        for name in ("events.sock", "control.sock"):
            (self.runtime / name).unlink(missing_ok=True)
        for thread in self._threads:
            thread.join()

    def _listen(self, name: str, serve: Callable[[socket.socket], None]) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.runtime / name))
        listener.listen()
        self._listeners.append(listener)
        self._start(lambda: self._accept(listener, serve))

    def _start(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run)
        thread.start()
        self._threads.append(thread)

    def _accept(self, listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        with suppress(OSError):  # shut down at the end
            while True:
                peer, _ = listener.accept()
                self._peers.append(peer)
                self._start(lambda peer=peer: self._serve(peer, serve))  # type: ignore[misc]

    def _serve(self, peer: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        with peer, suppress(OSError):
            serve(peer)

    def _serve_events(self, peer: socket.socket) -> None:
        assert self._events is not None
        for line in peer.makefile("rb"):
            self.lines.append(line)
            reply = self._events(line)
            if reply is None:
                return
            peer.sendall(reply)

    def _serve_control(self, peer: socket.socket) -> None:
        assert self._control is not None
        request = json.loads(peer.makefile("rb").readline())
        self.requests.append(request)
        peer.sendall(json.dumps(self._control(request)).encode() + b"\n")
