"""How events leave a member: each published to the stream, many at a time over the one connection
that there is. What is acknowledged by JetStream is on the disks of most of its nodes.
"""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple, Protocol

import msgspec

from zaiond.delivery.transport import Transport
from zaiond.errors import ZaiondError
from zaiond.fleet import letter, member_words, words
from zaiond.fleet.faults import FleetError
from zaiond.fleet.link import Connection
from zaiond.fleet.streams import LONGEST_MESSAGE
from zaiond.model import Message, StoredEvent
from zaiond.safe import one_line
from zaiond.smtp.failure import Cause, DeliveryFailure, Failure, Stage
from zaiond.smtp.syntax import Reply
from zaiond.way import HUBS

SIDE_BY_SIDE = 64  # events that are under way together


class Line(NamedTuple):
    """What is kept of a letter until it is sent, beside the event's line: all that goes with it but
    the name of this machine.
    """

    id: str
    uid: int
    user: str
    source: str
    accepted: float
    notice: bool


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


def keep(stored: StoredEvent, user: str) -> bytes:
    """A letter as it waits: a line of what goes with it, and the event's own."""
    line = Line(stored.id, stored.uid, user, stored.source, stored.accepted, bool(stored.notice))
    return _encode(line) + b"\n" + stored.body


def pack(kept: bytes, machine: str) -> letter.Packed:
    """The same as it is published. Raises UnfitNameError."""
    first, _, body = kept.partition(b"\n")
    line = _decode(first)
    event = StoredEvent(0, line.id, line.uid, line.source, line.accepted, body, notice=line.notice)
    return letter.encode(event, machine, line.user)


class Engine(Protocol):
    """What a hand-over asks of its member: the connection that there is, or why there is none; what
    is published of a letter. It is told what came of it.
    """

    @property
    def connection(self) -> Connection | None: ...
    @property
    def fault(self) -> ZaiondError | None: ...
    def pack(self, kept: bytes) -> letter.Packed: ...
    def taken(self) -> None: ...
    def failed(self, error: FleetError) -> None: ...
    def passed_over(self) -> None: ...


class Server(NamedTuple):
    """All of the engine's servers, as one: which of them it is, the connection knows."""

    address: str
    max_connections: int = SIDE_BY_SIDE
    rate: None = None
    keep_idle: float = 5.0


def transport(servers: Iterable[str], engine: Engine) -> Transport:
    """To the servers of these URLs."""
    address = ", ".join(url.partition("://")[2] for url in servers)
    return Transport((Server(address),), (partial(_open, address, engine),), repeats=True)


async def _open(address: str, engine: Engine) -> "_Place":
    connection = engine.connection
    if connection is None:
        why = engine.fault
        detail = member_words.NO_CONNECTION if why is None else why.text
        raise DeliveryFailure(Failure.of(Stage.HAND_OVER, address, "fleet", detail=detail))
    return _Place(address, connection, engine)


class _Place:
    """One of the places side by side (delivery.transport.Connection)."""

    fresh_for = 3600.0

    def __init__(self, address: str, connection: Connection, engine: Engine) -> None:
        self._address = address
        self._connection = connection
        self._engine = engine
        self._is_closed = False
        self._prepared: asyncio.Queue[bytes] = asyncio.Queue()
        self._next: letter.Packed

    @property
    def lost(self) -> bool:
        return self._is_closed or self._connection.lost.is_set()

    @property
    def reusable(self) -> bool:
        return not self.lost

    def login_expired(self, failures: Iterable[Failure]) -> bool:
        del failures
        return False

    def refused_all_the_same(self, failures: Iterable[Failure]) -> None:
        """There is no login that is forgotten."""

    def prepare(self, mail: Message) -> None:
        self._prepared.put_nowait(mail.content)

    async def ready(self) -> dict[str, Failure]:
        kept = self._prepared.get_nowait()
        limit = min(self._connection.max_payload, LONGEST_MESSAGE)
        try:
            self._next = self._engine.pack(kept)
        except ZaiondError as error:
            raise self._failure("fleet", error) from None
        if self._next.size > limit:
            server = self._connection.server
            self._engine.passed_over()
            too_large = words.too_large(server=server, limit=f"{limit:,}")
            raise self._failure("fleet_too_big", ZaiondError(too_large))
        return {}

    def send_content(self) -> "asyncio.Future[dict[str, Reply]]":
        return asyncio.ensure_future(self._publish(self._next))

    async def _publish(self, packed: letter.Packed) -> dict[str, Reply]:
        connection = self._connection
        published = connection.jetstream.publish(
            packed.subject, packed.payload, headers=packed.headers
        )
        try:
            ack: Any = await connection.ask(published)
        except FleetError as error:
            self._engine.failed(error)
            raise self._failure("fleet", error) from None
        self._engine.taken()
        said = one_line(f"{ack.stream} {ack.seq}")
        return {HUBS: Reply(0, (f"{said} ({connection.server})".encode(),))}

    def _failure(self, cause: Cause, error: ZaiondError) -> DeliveryFailure:
        return DeliveryFailure(Failure.of(Stage.HAND_OVER, self._address, cause, detail=error.text))

    async def close(self) -> None:
        self._is_closed = True

    def abort(self) -> None:
        self._is_closed = True
