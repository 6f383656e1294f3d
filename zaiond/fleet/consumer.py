"""The hub's side of the engine: the one consumer that the stream of events has, what it brings, and
what is acknowledged.

The stream lets one consumer be. Whoever takes the lease deletes the one before it and makes his
own: from then on the former hub gets nothing, and what it acknowledges counts for nothing.
"""

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from nats.js.api import AckPolicy, ClusterInfo, ConsumerConfig

from zaiond.fleet import bucket, names
from zaiond.fleet import hub_words as words
from zaiond.fleet.link import Connection, FleetError
from zaiond.fleet.streams import LONGEST_MESSAGE

if TYPE_CHECKING:
    from nats.aio.msg import Msg

BATCH = 500  # messages that are asked for together
BATCH_BYTES = 4 * LONGEST_MESSAGE  # of them; one that alone is larger would never come
EXPIRES = 20.0  # seconds that a question waits for messages
LATE = 5.0  # seconds behind that, in which the engine says that it does not wait any more
ACK_WAIT = 30.0  # seconds until what nobody acknowledged comes again
MOST_UNACKNOWLEDGED = 4000
REMEMBERED = 32  # names of consumers that were made
WATCH = 10.0  # seconds between two looks at which nodes have a part in it
_TRIES = 5
_NEXT = "$JS.API.CONSUMER.MSG.NEXT"


class NotOurs(Exception):  # noqa: N818 - another hub works: nothing is wrong
    """Another hub has the lease."""


def name_of(epoch: int) -> str:
    """What the consumer is called of the hub that took the lease with this revision."""
    return f"{names.CONSUMER}-{epoch}"


def _epoch_of(name: str) -> int:
    number = name.removeprefix(f"{names.CONSUMER}-")
    return int(number) if number.isdecimal() else 0


async def take_over(
    connection: Connection, epoch: int, is_ours: Callable[[], Awaitable[bool]]
) -> str:
    """Sees to it that the stream's one consumer is ours; gives its name. `is_ours` renews the
    lease, and says whether it is still ours. Raises FleetError; NotOurs.
    """
    jetstream, own = connection.jetstream, name_of(epoch)
    failed: FleetError | None = None
    made = await _remember(connection, own)
    for _ in range(_TRIES):
        there = await connection.ask(jetstream.consumers_info(names.STREAM))
        found = [one.name for one in there if one.name is not None]
        # A later one may be of a bucket that there is no more; but then the lease is still ours.
        is_later = any(_epoch_of(name) > epoch for name in found)
        if (failed is not None or is_later) and not await is_ours():
            raise NotOurs
        # Ours, too: what a lost connection had under way comes again, in order.
        for name in found:
            await connection.ask(jetstream.delete_consumer(names.STREAM, name))
        if failed is not None:
            await _delete_unseen(connection, made)
        try:
            await _make(connection, own)
        except FleetError as error:  # another hub was faster, or there is one that is not seen
            failed = error
        else:
            return own
    assert failed is not None  # noqa: S101 - else it had been made
    raise failed


async def _make(connection: Connection, name: str) -> None:
    settings = ConsumerConfig(
        durable_name=name,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT,
        max_ack_pending=MOST_UNACKNOWLEDGED,
    )
    await connection.ask(connection.jetstream.add_consumer(names.STREAM, settings))


async def _delete_unseen(connection: Connection, made: Sequence[str]) -> None:
    """A node that was down when a consumer was deleted has it again when it comes back
    (nats-server 2.9, where that node led the others): nobody sees it, it can't be deleted, and that
    node refuses every other one, for ever. Made anew by its own name, it is seen, and deleted.
    """
    for name in made:
        with contextlib.suppress(FleetError):
            await _make(connection, name)
            await connection.ask(connection.jetstream.delete_consumer(names.STREAM, name))


async def _remember(connection: Connection, name: str) -> list[str]:
    """Keeps the name of a consumer that is about to be made; gives it and those before it, the last
    one first. Raises FleetError.
    """
    kept = await bucket.value(connection, names.CONSUMERS)
    try:
        made = msgspec.json.decode(kept or b"[]", type=list[str])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        made = []
    if name not in made:
        made = [name, *made][:REMEMBERED]
        with contextlib.suppress(FleetError):  # there is no room: it is not remembered
            await bucket.put(connection, {names.CONSUMERS: msgspec.json.encode(made)})
    return made


async def until_lacking(connection: Connection, name: str) -> frozenset[str]:
    """Returns the nodes that lack this consumer, as soon as two looks in a row find the same: a
    node that comes back may have an older one instead (nats-server 2.9), and refuses ours for ever.
    It drops nothing of what we acknowledge, and is of no help when another node fails.
    """
    before = frozenset[str]()
    while True:
        await asyncio.sleep(WATCH)
        jetstream = connection.jetstream
        try:
            stream = await connection.ask(jetstream.stream_info(names.STREAM))
            own = await connection.ask(jetstream.consumer_info(names.STREAM, name))
        except FleetError:  # the one who pulls says what is wrong, if it lasts
            continue
        now = lacking(stream.cluster, own.cluster)
        if both := before & now:
            return both
        before = now


def lacking(stream: ClusterInfo | None, own: ClusterInfo | None) -> frozenset[str]:
    """The nodes that have all of the stream, and of which its consumer never heard. Pure."""
    if stream is None or own is None:
        return frozenset()
    have = {stream.leader, *(peer.name for peer in stream.replicas or () if peer.current)}
    unheard = (peer for peer in own.replicas or () if not peer.current and not peer.active)
    return frozenset(peer.name for peer in unheard if peer.name and peer.name in have)


class Pull:
    """Messages of a consumer as they come: one question at a time, open until it is answered."""

    def __init__(self, connection: Connection, consumer: str) -> None:
        self._connection = connection
        self._client = connection.client
        self._subject = f"{_NEXT}.{names.STREAM}.{consumer}"
        self._inbox = self._client.new_inbox()
        self._arrived: deque[Msg] = deque()
        self._woken = asyncio.Event()
        self._left = 0  # of what was asked for
        self._until = 0.0
        self._failed: FleetError | None = None
        self._subscription: Any = None

    async def open(self) -> None:
        """Raises FleetError."""
        self._subscription = await self._connection.ask(
            self._client.subscribe(self._inbox, cb=self._on_message)
        )

    async def close(self) -> None:
        if self._subscription is not None and not self._connection.lost.is_set():
            with contextlib.suppress(FleetError):
                await self._connection.ask(self._subscription.unsubscribe())

    async def _on_message(self, message: "Msg") -> None:
        # The engine's own words have no reply; what a member put into its headers says nothing.
        if message.reply:
            self._left -= 1
            self._arrived.append(message)
        else:
            said = message.headers or {}
            self._over(said.get("Status", ""), said.get("Description", ""))
        self._woken.set()

    def _over(self, status: str, why: str) -> None:
        """The question is answered. 404, 408: there is nothing."""
        self._left = 0
        if status == "503" or "Deleted" in why:
            self._failed = FleetError("no_stream", words.gone(server=self._connection.server))

    async def next(self, seconds: float) -> "list[Msg]":
        """What has come, as soon as something has; nothing after so many seconds, or when the
        connection is lost. Raises FleetError where the consumer is gone.
        """
        if not self._arrived:
            await self._ask()
            waits = {
                asyncio.ensure_future(self._woken.wait()),
                asyncio.ensure_future(self._connection.lost.wait()),
            }
            try:
                await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waits:
                    one.cancel()
        self._woken.clear()
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed
        messages = list(self._arrived)
        self._arrived.clear()
        return messages

    async def _ask(self) -> None:
        if self._left > 0 and time.monotonic() < self._until:
            return
        self._left = BATCH
        self._until = time.monotonic() + EXPIRES + LATE
        question = {
            "batch": BATCH,
            "max_bytes": BATCH_BYTES,
            "expires": int(EXPIRES * 1_000_000_000),
        }
        publish = self._client.publish(
            self._subject, json.dumps(question).encode(), reply=self._inbox
        )
        await self._connection.ask(publish)


async def acknowledge(connection: Connection, replies: Sequence[str]) -> None:
    """Acknowledges messages, and returns when the engine has the last one's. Raises FleetError:
    they may come again.
    """
    client = connection.client

    async def tell() -> None:
        *others, last = replies
        for reply in others:
            await client.publish(reply, b"+ACK")
        await client.request(last, b"+ACK", timeout=5)

    await connection.ask(tell())


async def still_at_it(connection: Connection, replies: Sequence[str]) -> None:
    """Says that these are not forgotten, so that they don't come again. Raises FleetError."""
    client = connection.client

    async def tell() -> None:
        for reply in replies:
            await client.publish(reply, b"+WPI")
        await client.flush(timeout=5)

    await connection.ask(tell())
