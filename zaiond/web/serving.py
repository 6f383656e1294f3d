"""One run of zaiond-web: the listening sockets, the HTTP server over them, and when it ends."""

import asyncio
import asyncio.constants
import contextlib
import logging
import os
import pwd
import secrets
import signal
import ssl
import time
from collections.abc import Iterator

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from zaiond.client import origin
from zaiond.config.language import wanted_language
from zaiond.journal import Journal, output
from zaiond.web import guard, words
from zaiond.web.app import build
from zaiond.web.asking import Daemon, NoAnswer, Refused
from zaiond.web.context import Web
from zaiond.web.gate import Gate
from zaiond.web.listening import (
    CannotListen,
    Listening,
    as_configured,
    for_one_user,
    from_systemd,
    renew,
)
from zaiond.web.logins import Logins
from zaiond.web.options import Options
from zaiond.web.sessions import Sessions
from zaiond.web.settings_service import SettingsService
from zaiond.web.static import Static

IDLE_SECONDS = 60.0  # without a request, where systemd starts us again for the next one
IDLE_SECONDS_OF_LINK = 30 * 60.0
LINK_SECONDS = 10 * 60.0  # in which it must be opened (OWASP ASVS 5 6.5.5)
LANGUAGE_INTERVAL = 60.0  # seconds between two looks whether the daemon speaks another one
HEAD_SECONDS = 10.0  # in which the head of a request, or what is left of one, must have come
READER_SECONDS = 30.0  # in which what was written must be read
KEEP_ALIVE_SECONDS = 5
MOST_CONNECTIONS = 64
HEAD_BYTES = 32 * 1024


def serve(options: Options) -> int:
    """Serves until it is told to end or has been idle; gives the exit status."""
    os.umask(0o077)
    # A minute else, of which uvicorn says nothing: each takes a descriptor and a quarter of a MiB.
    asyncio.constants.SSL_HANDSHAKE_TIMEOUT = HEAD_SECONDS
    logging.disable()  # what uvicorn would tell, the journal is told by us
    journal = Journal(output("text", "zaiond-web"))
    try:
        journal.language = wanted_language(options.config)
    except OSError:  # as a service; the daemon says it later
        journal.language = origin.language()
    try:
        asyncio.run(_serve(options, journal))
    except CannotListen as error:
        journal.error(error.text)
        return error.exit_status
    journal.tell_left_out()
    return 0


async def _serve(options: Options, journal: Journal) -> None:
    sockets = [] if options.link else from_systemd()
    settings = SettingsService(options.given, by_socket=bool(sockets))
    logins = Logins(options.state_dir, time.time)
    idle: float | None = IDLE_SECONDS_OF_LINK
    if options.link:
        listening = for_one_user()
        sessions = Sessions(time.time, lambda _: True, None)
    else:
        idle = IDLE_SECONDS if sockets else None
        listening = await as_configured(sockets, settings, journal)
        kept = os.path.join(options.state_dir, "sessions.json")
        sessions = Sessions(time.time, logins.is_known, kept)
    web = Web(
        daemon=Daemon(options.runtime_dir, journal),
        journal=journal,
        logins=logins,
        sessions=sessions,
        settings=settings,
        asks_password=not options.link,
        static=Static(),
        place=listening.place,
        cookie=_cookie(listening),
    )
    server = Server(build(web), idle, listening.context, of_users=options.link)
    if options.link:
        web.link, web.link_name = secrets.token_urlsafe(32), _own_name()
        asyncio.get_running_loop().call_later(LINK_SECONDS, web.forget_link)
        said = words.link(minutes=int(LINK_SECONDS / 60)), words.ENDS
        above, below = (one.in_language(journal.language) for one in said)
        print(above, f"{listening.url}/once/{web.link}", "", below, sep="\n", flush=True)
    elif idle is None:
        journal.info(words.listens(url=listening.url))
    beside = [
        asyncio.create_task(_learn_language(web.daemon)),
        asyncio.create_task(renew(listening, settings, journal)),
    ]
    try:
        await server.serve(listening.sockets)
    finally:
        for task in beside:
            task.cancel()
        sessions.save()


async def _learn_language(daemon: Daemon) -> None:
    """The language is the daemon's also while nobody asks it anything, as before a login."""
    while True:
        with contextlib.suppress(NoAnswer, Refused):
            await daemon.ask("silence.list")
        await asyncio.sleep(LANGUAGE_INTERVAL)


def _cookie(listening: Listening) -> str:
    """The name of ours: a browser has the same cookies for all ports of a host."""
    name = f"zaiond-{listening.sockets[0].getsockname()[1]}"
    # RFC 6265bis 4.1.3.2: no other host, and nobody without TLS, can have set it.
    return f"__Host-{name}" if listening.place.is_under_tls(listening.scheme) else name


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


# What can't be read as HTTP gets this, with the headers of every answer.
_NO_HTTP = b"".join(
    (
        b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n",
        *(f"{name}: {value}\r\n".encode() for name, value in guard.HEADERS.items()),
        b"content-length: 12\r\nconnection: close\r\n\r\nBad Request\n",
    )
)


class _Protocol(H11Protocol):
    """Closes a connection on which the head of a request, or what is left of one that has its
    answer, takes too long, or nobody reads the answer. Neither of these two waits ends the other.
    """

    _coming: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > 2 * MOST_CONNECTIONS:
            transport.abort()
        else:
            self._coming = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def on_response_complete(self) -> None:
        _cancel(self._coming)
        self._coming = self.loop.call_later(HEAD_SECONDS, self._too_slow)
        super().on_response_complete()

    def _too_slow(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()  # once the end of the answer is read, if there is such a reader
            self._coming = self.loop.call_later(READER_SECONDS, self.transport.abort)

    def pause_writing(self) -> None:
        """What was written last waits for its reader."""
        super().pause_writing()
        self._reader = self.loop.call_later(READER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It was read."""
        super().resume_writing()
        _cancel(self._reader)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        _cancel(self._coming)
        _cancel(self._reader)
        super().connection_lost(exc)

    def send_400_response(self, _: str) -> None:
        """What came is no HTTP."""
        if self.cycle is None or self.cycle.response_complete:  # else it would be within another
            self.transport.write(_NO_HTTP)
        self.transport.close()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


class Server(uvicorn.Server):
    """Ends when there was no request for `idle` seconds (None: never); `of_users`: none of somebody
    who has logged in, whatever his browser asks by itself. `context`: it speaks TLS.
    """

    def __init__(
        self,
        gate: Gate,
        idle: float | None,
        context: ssl.SSLContext | None = None,
        *,
        of_users: bool = False,
    ) -> None:
        self._gate = gate
        super().__init__(
            uvicorn.Config(
                self._answer,
                interface="asgi3",
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
                h11_max_incomplete_event_size=HEAD_BYTES,
            )
        )
        self.config.load()
        self.config.ssl = context
        self._idle = idle
        self._of_users = of_users

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. Where there are too many connections, each is told to end."""
        is_full = len(self.server_state.connections) >= MOST_CONNECTIONS
        await (self._gate.turn_away if is_full else self._gate)(scope, receive, send)

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
        if self._idle is None:
            return ends
        gate, now = self._gate, time.monotonic()
        if gate.open_requests or (self.server_state.connections and not self._of_users):
            return ends
        last = gate.last_use if self._of_users else gate.last_request
        return ends or now - last >= self._idle
