"""The daemon's two Unix sockets: whose they are, who may connect, and who is let in.

Connections are accepted a few in each turn of the loop: whoever connects without end holds nobody
up.
"""

import asyncio
import contextlib
import grp
import os
import resource
import socket
import stat
from collections.abc import Callable
from pathlib import Path

from zaiond.errors import UsageError
from zaiond.intake import words
from zaiond.journal import Journal

EMITTERS = "zaiond-emit"
ADMINISTRATORS = "zaiond-admin"
BACKLOG = 1024
RESERVED_FILES = 256  # for the database, the spool, mail servers, the control socket, and root
A_TURN = 16  # connections
GONE_A_TURN = 256  # that are closed already, which cost little
PAUSE = 1.0  # seconds, where there is no room for one more


def event_socket(runtime_dir: str) -> tuple[socket.socket, Path | None]:
    """The event socket: systemd's if it hands one over, else our own, then with its path.

    Raises UsageError where it can't be made.
    """
    if "LISTEN_FDS" in os.environ:
        from systemd.daemon import listen_fds

        fds: list[int] = listen_fds()
        if len(fds) > 1:
            raise UsageError(words.too_many_sockets(count=len(fds)))
        if fds:
            listener = socket.socket(fileno=fds[0])
            listener.setblocking(False)
            return listener, None
    path = Path(runtime_dir) / "events.sock"
    listener = _bind(path, 0o660)
    give_to_emitters(path)
    return listener, path


def give_to_emitters(path: Path | str) -> None:
    """Makes it the emitters' group's; where there is none, who runs the daemon may still emit."""
    with contextlib.suppress(KeyError, PermissionError):
        os.chown(path, -1, grp.getgrnam(EMITTERS).gr_gid)


def control_socket(runtime_dir: str) -> tuple[socket.socket, Path]:
    """The control socket: for the administrators' group; where there is none, for root and the
    daemon's user. Raises UsageError.
    """
    path = Path(runtime_dir) / "control.sock"
    listener = _bind(path, 0o600)
    with contextlib.suppress(KeyError, PermissionError):
        os.chown(path, -1, grp.getgrnam(ADMINISTRATORS).gr_gid)
        path.chmod(0o660)  # not before it is theirs
    return listener, path


def room_for_connections() -> int:
    """How many connections those who emit may have, so that the daemon itself can go on."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(files - RESERVED_FILES, files // 4)


def _bind(path: Path, mode: int) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
            path.parent.chmod(0o755)  # whatever the umask: producers must reach the event socket
        if path.exists() and stat.S_ISSOCK(path.lstat().st_mode):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                if probe.connect_ex(str(path)) == 0:
                    raise UsageError(words.another_runs(path=path))
            path.unlink()
        # The mode counts from the first moment on.
        umask = os.umask(0o777 & ~mode)
        try:
            listener.bind(str(path))
        finally:
            os.umask(umask)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise UsageError(words.cant_make_socket(path=path, why=error)) from error
    return listener


def remove(path: Path) -> None:
    """Removes a socket's file, if that can be done: the next start does it otherwise."""
    with contextlib.suppress(OSError):
        path.unlink()


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
        self._journal.error(words.cant_accept(why=error), by="accept")


def _is_gone(connection: socket.socket) -> bool:
    """Whether it has ended without a word."""
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
