"""One run of zaiond-web: the listening sockets, the HTTP server over them, and when it ends."""

import asyncio
import contextlib
import logging
import os
import pwd
import secrets
import signal
import socket
import time
from collections.abc import Iterator

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from zaiond.client import origin
from zaiond.config.language import wanted_language
from zaiond.journal import Journal, output
from zaiond.sockets import host_and_port
from zaiond.web import words
from zaiond.web.app import build
from zaiond.web.asking import Daemon, NoAnswer, Refused
from zaiond.web.context import Web
from zaiond.web.gate import Gate
from zaiond.web.guard import Place
from zaiond.web.logins import Logins
from zaiond.web.options import Options
from zaiond.web.sessions import Sessions
from zaiond.web.settings_service import SettingsService
from zaiond.web.static import Static

IDLE_SECONDS = 60.0  # without a request, where systemd starts us again for the next one
IDLE_SECONDS_OF_LINK = 30 * 60.0
HEAD_SECONDS = 10.0  # in which a connection's first request must have come
KEEP_ALIVE_SECONDS = 5
MOST_CONNECTIONS = 64
HEAD_BYTES = 32 * 1024
DEFAULT_PORT = 8025
_FIRST_OF_SYSTEMD = 3  # sd_listen_fds(3)


def serve(options: Options) -> int:
    """Serves until it is told to end or has been idle; gives the exit status."""
    os.umask(0o077)
    logging.disable()  # what uvicorn would tell, the journal is told by us
    journal = Journal(output("text", "zaiond-web"))
    try:
        journal.language = wanted_language(options.config)
    except OSError:  # as a service; the daemon says it below
        journal.language = origin.language()
    sockets = _from_systemd()
    is_activated = bool(sockets)
    try:
        sockets = sockets or [_listening()]
    except OSError as error:
        journal.error(words.cant_listen(address=f"127.0.0.1:{DEFAULT_PORT}", why=error))
        return 1
    host, port = sockets[0].getsockname()[:2]
    url = f"http://{host_and_port(host, port)}"
    logins = Logins(options.state_dir, time.time)
    sessions = Sessions(
        time.time,
        (lambda _: True) if options.link else logins.is_known,
        None if options.link else os.path.join(options.state_dir, "sessions.json"),
    )
    web = Web(
        daemon=Daemon(options.runtime_dir),
        journal=journal,
        logins=logins,
        sessions=sessions,
        settings=SettingsService(options.given, by_socket=is_activated),
        asks_password=not options.link,
        static=Static(),
        place=Place(frozenset({socket.gethostname().lower()}), None),
        cookie=f"zaiond-{port}",
    )
    if options.link:
        web.link, web.link_name = secrets.token_urlsafe(32), _own_name()
        language = journal.language
        print(words.LINK.in_language(language), f"{url}/once/{web.link}", "",
              words.ENDS.in_language(language), sep="\n", flush=True)  # fmt: skip
    idle = IDLE_SECONDS_OF_LINK if options.link else IDLE_SECONDS if is_activated else None
    server = Server(build(web), idle)
    asyncio.run(_run(server, sockets, web))
    sessions.save()
    journal.tell_left_out()
    return 0


async def _run(server: "Server", sockets: list[socket.socket], web: Web) -> None:
    web.daemon.language = web.journal.language
    learning = asyncio.create_task(_learn_language(web))
    try:
        await server.serve(sockets)
    finally:
        learning.cancel()


async def _learn_language(web: Web) -> None:
    with contextlib.suppress(NoAnswer, Refused):
        web.journal.language = (await web.daemon.ask("silence.list")).language


def _from_systemd() -> list[socket.socket]:
    """The sockets that systemd listens on for us (sd_listen_fds(3)); none where it does not."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    return [socket.socket(fileno=_FIRST_OF_SYSTEMD + one) for one in range(count)]


def _listening() -> socket.socket:
    """A socket at the default port, or at any that is free: the service may have that one."""
    try:
        return socket.create_server(("127.0.0.1", DEFAULT_PORT), backlog=128)
    except OSError:
        return socket.create_server(("127.0.0.1", 0), backlog=128)


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


class _Protocol(H11Protocol):
    """A connection on which the head of a request does not come in time is closed."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > 2 * MOST_CONNECTIONS:
            transport.abort()
            return
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _too_slow(self) -> None:
        if self.cycle is None:
            self.transport.close()


class Server(uvicorn.Server):
    """Ends when nobody has used it for `idle` seconds; None: never."""

    def __init__(self, gate: Gate, idle: float | None) -> None:
        super().__init__(
            uvicorn.Config(
                gate,
                http=_Protocol,
                ws="none",
                lifespan="off",
                loop="none",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=10,
                limit_concurrency=MOST_CONNECTIONS,
                h11_max_incomplete_event_size=HEAD_BYTES,
            )
        )
        self._gate = gate
        self._idle = idle

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ends by SIGTERM and SIGINT as by itself; the second one does not wait for answers."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Whether to end now. No connection is accepted between this and the end of listening: what
        comes meanwhile waits at systemd's socket, and starts us again.
        """
        ends = await super().on_tick(counter)
        if self._idle is None or self._gate.open_requests or self.server_state.connections:
            return ends
        return ends or time.monotonic() - self._gate.last_use >= self._idle
