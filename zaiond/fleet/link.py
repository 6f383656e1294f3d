"""The connection to the fleet's engine: one at a time, to whichever of its servers answers, made
anew for ever.

This is the one module that imports nats-py. What it raises here is ours: a `FleetError` that names
the server and says what to do. A connection that is lost is not mended but replaced: whoever has
something under way on it is told at once, and asks `connection` for the next one.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import nats.errors
from nats.aio.client import Client, RawCredentials
from nats.js import JetStreamContext

from zaiond.config.fleet import Fleet
from zaiond.fleet import names, words
from zaiond.fleet.faults import Facts, FleetError, Kind, unconnected, understood
from zaiond.sockets import host_and_port, verifying
from zaiond.text import reason

__all__ = ["Connection", "FleetError", "Kind", "Link", "Login", "connect", "connected"]

CONNECT_LIMIT = 5.0  # seconds for each of a server's steps
ANSWER_LIMIT = 5.0  # seconds for what JetStream is asked
_RETRY = (0.25, 5.0)  # seconds between two rounds over all servers: at first, at most
_CLOSE_LIMIT = 1.0  # seconds
_PING = 5  # seconds; after two without an answer the connection is given up
OLDEST = (2, 9)  # of nats-server

T = TypeVar("T")

# What it logs are exceptions that it also raises, and tracebacks.
logging.getLogger("nats").addHandler(logging.NullHandler())
logging.getLogger("nats").propagate = False
# What asyncio warns of is how nats-py ends TLS.
logging.getLogger("asyncio").setLevel(logging.ERROR)


class Login(NamedTuple):
    """How a connection logs in; nothing where the servers take anybody. Texts of files, not their
    names."""

    user: str | None = None
    password: str | None = None
    credentials: str | None = None
    nkey: str | None = None

    @classmethod
    def of(cls, fleet: Fleet) -> "Login":
        """What the configuration says."""
        secrets = (fleet.password, fleet.credentials, fleet.nkey)
        return cls(fleet.user, *(each.reveal() if each else None for each in secrets))


class _OurClient(Client):
    """nats-py's client, which goes to the server that it was given and to no other, and which sends
    nothing before TLS where the URL says tls://, whatever the server says that it wants. `lost` is
    set as soon as the connection is of no use."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = asyncio.Event()
        self.has_jetstream = False

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        del initial_connection
        if self._server_pool and self._server_pool[0].uri.scheme == "tls":
            info["tls_required"] = True  # `info` is what it decides by next
        self.has_jetstream = bool(info.get("jetstream"))

    async def _process_headers(self, headers: bytes) -> dict[str, str] | None:
        # A member may have put anything there, and what is raised here ends the connection: each
        # time that the message comes.
        try:
            return await super()._process_headers(headers)
        except (IndexError, UnicodeDecodeError):
            return None

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        self.lost.set()
        # asyncio may wait for ever for a peer that says nothing, or with whom TLS failed.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_LIMIT):
                await super()._close(status, do_cbs)


class Connection:
    """A connection that was made; `lost` is set once it is none any more."""

    def __init__(self, server: str, client: _OurClient) -> None:
        self.server = server  # host:port
        self.lost = client.lost
        self.client = client
        self.jetstream: JetStreamContext = client.jetstream(timeout=ANSWER_LIMIT)
        self._denied: list[str] = []  # what the server refused lately, in its own words

    @property
    def max_payload(self) -> int:
        """The largest message in bytes that the server takes."""
        return int(self.client.max_payload)

    @property
    def version(self) -> str:
        """The server's version."""
        version = self.client.connected_server_version
        return f"{version.major}.{version.minor}.{version.patch}"

    def denied(self, words_: str) -> None:
        self._denied = [*self._denied[-9:], words_]

    async def ask(self, question: Awaitable[T]) -> T:
        """What the engine answers: of `jetstream`, most of the time. Raises FleetError, also at
        once when the connection is lost meanwhile."""
        asked = asyncio.ensure_future(question)
        lost = asyncio.ensure_future(self.lost.wait())
        try:
            await asyncio.wait((asked, lost), return_when=asyncio.FIRST_COMPLETED)
            if not asked.done() or asked.cancelled():
                raise FleetError("lost", words.lost(server=self.server))
            return asked.result()
        except (nats.errors.Error, TimeoutError, OSError) as error:
            right = self._denied.pop() if self._denied else None
            facts = Facts(self.server, self.max_payload, self.client.has_jetstream, right)
            raise understood(error, facts) from None
        finally:
            lost.cancel()
            asked.cancel()
            await asyncio.wait((asked,))  # which, unlike `await asked`, lets us be cancelled
            if not asked.cancelled():
                asked.exception()  # it was told, or nobody wants to know


async def connect(
    fleet: Fleet, machine: str, login: Login | None = None, inbox: str | None = None
) -> Connection:
    """A connection to one of the servers, tried in any order. `inbox` is where answers come,
    that of the machine where it isn't given. Raises FleetError: that of the last one tried, or of
    one that refuses us, since the others will do the same."""
    servers = list(fleet.servers)
    random.shuffle(servers)  # so that a fleet spreads over them
    found = FleetError("unreachable", words.NO_SERVERS)
    for url in servers:
        try:
            return await _connected(url, fleet, machine, login or Login.of(fleet), inbox)
        except FleetError as error:
            if error.kind != "unreachable" or found.kind == "unreachable":
                found = error
    raise found


async def _connected(
    url: str, fleet: Fleet, machine: str, login: Login, inbox: str | None
) -> Connection:
    parts = urlsplit(url)
    server = host_and_port(parts.hostname or "", parts.port or 0)
    client, failed = _OurClient(), list[Exception]()
    connection: Connection | None = None

    async def on_error(error: Exception) -> None:
        if connection is not None and "permissions violation" in str(error).lower():
            connection.denied(str(error).removeprefix("nats: "))
        failed.append(error)
        del failed[:-5]

    try:
        context = verifying(fleet.ca_file) if parts.scheme == "tls" or fleet.ca_file else None
    except OSError as error:
        raise FleetError("tls", words.no_ca(path=fleet.ca_file, why=reason(error))) from None
    try:
        async with asyncio.timeout(3 * CONNECT_LIMIT):
            await client.connect(
                [url],
                error_cb=on_error,
                name=f"zaiond {machine}",
                allow_reconnect=False,
                connect_timeout=CONNECT_LIMIT,  # type: ignore[arg-type]
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                ping_interval=_PING,
                inbox_prefix=inbox or names.inbox(machine),
                flush_timeout=ANSWER_LIMIT,
                tls=context,
                user=login.user,
                password=login.password,
                user_credentials=RawCredentials(login.credentials) if login.credentials else None,
                nkeys_seed_str=login.nkey,
            )
        connection = Connection(server, client)
        found = connection.version
    except Exception as error:  # noqa: BLE001 - what is no NATS server, or no secret, raises anything
        with contextlib.suppress(Exception):  # it was hardly begun
            await client.close()
        last = failed[-1] if failed and isinstance(error, nats.errors.NoServersError) else error
        raise unconnected(server, last) from None
    if tuple(int(part) if part.isdigit() else 0 for part in found.split(".")[:2]) < OLDEST:
        await client.close()
        raise FleetError("too_old", words.too_old(server=server, found=found or "?"))
    return connection


class Link:
    """What a daemon has of the engine: a connection that comes again. `tell` is called, in the
    loop, when it is made (None) and when it is lost or can't be made, then once for each reason."""

    def __init__(
        self, fleet: Fleet, machine: str, tell: Callable[[FleetError | None], None]
    ) -> None:
        self.fleet = fleet
        self.machine = machine
        self.fault: FleetError | None = None  # why there is no connection
        self._tell = tell
        self._connection: Connection | None = None
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to connect, and returns at once."""
        self._task = asyncio.create_task(self._run(), name="fleet link")

    async def close(self) -> None:
        """Ends the connection, and makes no other."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._connection is not None:
            await _close(self._connection)

    @property
    def now(self) -> Connection | None:
        """The connection that there is; None: none."""
        made = self._connection
        return None if made is None or made.lost.is_set() else made

    async def connection(self) -> Connection:
        """The connection, as soon as there is one."""
        while (made := self.now) is None:
            self._up.clear()
            await self._up.wait()
        return made

    async def _run(self) -> None:
        wait = _RETRY[0]
        while True:
            try:
                made = await connect(self.fleet, self.machine)
            except FleetError as error:
                self._told(error)
                await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311 (no secret)
                wait = min(2 * wait, _RETRY[1])
                continue
            wait = _RETRY[0]
            self._connection = made
            self._up.set()
            self._told(None)
            await made.lost.wait()
            self._told(FleetError("lost", words.lost(server=made.server)))

    def _told(self, fault: FleetError | None) -> None:
        before, self.fault = self.fault, fault
        if fault is None or before is None or before.text != fault.text:
            self._tell(fault)


@contextlib.asynccontextmanager
async def connected(
    fleet: Fleet, machine: str, login: Login | None = None, inbox: str | None = None
) -> AsyncIterator[Connection]:
    """A connection for one command. Raises FleetError."""
    connection = await connect(fleet, machine, login, inbox)
    try:
        yield connection
    finally:
        await _close(connection)


async def _close(connection: Connection) -> None:
    with contextlib.suppress(nats.errors.Error, OSError, TimeoutError):
        async with asyncio.timeout(ANSWER_LIMIT):
            await connection.client.close()
