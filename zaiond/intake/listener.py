"""Accepts the connections of a socket, a few in each turn of the loop: whoever connects without end
holds nobody up.
"""

import asyncio
import socket
from collections.abc import Callable

from zaiond.journal import Journal
from zaiond.os_error import in_japanese
from zaiond.text import Text

A_TURN = 16  # connections
GONE_A_TURN = 256  # that are closed already, which cost little
PAUSE = 1.0  # seconds, where there is no room for one more


class Listener:
    """Listens until it is closed; each connection has a protocol of its own."""

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.BaseProtocol],
        journal: Journal,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._protocol = protocol
        self._journal = journal
        self._pause: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[object]] = set()
        self._listen()

    def close(self) -> None:
        """Accepts nothing more; what was accepted goes on."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()

    def _listen(self) -> None:
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        accepted = gone = 0
        while accepted < A_TURN and gone < GONE_A_TURN:
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # no descriptor or no memory is left
                self._rest(error)
                return
            connection.setblocking(False)
            if _is_gone(connection):
                connection.close()
                gone += 1
                continue
            accepted += 1
            task: asyncio.Task[object] = self._loop.create_task(
                self._loop.connect_accepted_socket(self._protocol, connection)
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _rest(self, error: OSError) -> None:
        # The kernel would say again and again that somebody is there.
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(PAUSE, self._listen)
        self._journal.error(
            Text(
                f"接続を受け付けられません（1 秒後に再試行します）: {in_japanese(error)}",
                f"can't accept a connection, which is tried again in a second: {error.strerror}",
            ),
            by="accept",
        )


def _is_gone(connection: socket.socket) -> bool:
    """Whether it has ended without a word."""
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
