"""Hubs and what reaches them, for the tests of the fleet: daemons that think that they are machines
of their own, and letters put into the stream without a member.
"""

import asyncio
import contextlib
import json
import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from tests.support.nats import Nats
from zaiond.fleet import letter, names
from zaiond.model import StoredEvent

T = TypeVar("T")


def machine(name: str) -> tuple[str, ...]:
    """The wrapper in which a program runs on a machine of this name (a UTS namespace)."""
    script = f'hostname {name} && exec "$@"'
    return ("unshare", "--uts", "sh", "-c", script, "sh")


def with_jetstream(
    nats: Nats,
    do: Callable[[Client, JetStreamContext], Awaitable[T]],
    of: str | None = None,
) -> T:
    """What `do` gives of a connection, as the machine `of` makes it, else the administrator."""
    login = nats.settings(of)
    more: dict[str, Any] = (
        {"tls": ssl.create_default_context(cafile=nats.ca_file)} if nats.tls else {}
    )
    if nats.accounts:
        more |= {"user": login["user"], "password": login["password"]}
    if of is not None:
        more["inbox_prefix"] = names.inbox(of)

    async def run() -> T:
        client = Client()
        servers = [nats.url(node) for node in nats.nodes if node.runs]
        await client.connect(servers, allow_reconnect=False, **more)
        try:
            return await do(client, client.jetstream(timeout=10))
        finally:
            await client.close()

    return asyncio.run(run())


def publish(
    nats: Nats,
    of: str,
    events: Iterable[dict[str, Any]],
    *,
    uid: int = 1000,
    user: str = "tom",
) -> None:
    """Hands events on as the member `of` does."""

    async def put(_: Client, jetstream: JetStreamContext) -> None:
        for event in events:
            stored = StoredEvent(
                1, event["id"], uid, event.get("source", ""), 1.8e9, json.dumps(event).encode()
            )
            packed = letter.encode(stored, of, user)
            await _put(jetstream, packed)

    with_jetstream(nats, put, of)


async def _put(jetstream: JetStreamContext, packed: letter.Packed) -> None:
    """Publishes until that is acknowledged, as a member does."""
    for _ in range(20):
        try:
            await jetstream.publish(packed.subject, packed.payload, headers=packed.headers)
        except NatsError:
            await asyncio.sleep(0.5)  # as a member does, until the nodes have a leader
        else:
            return
    raise AssertionError("no acknowledgement in 10 s")


def say_alive(nats: Nats, of: str, **said: Any) -> None:
    """A member's word."""

    async def say(_: Client, jetstream: JetStreamContext) -> None:
        await jetstream.publish(names.alive_subject(of), json.dumps(said).encode())

    with_jetstream(nats, say, of)


def waiting(nats: Nats) -> int:
    """How many messages nobody has acknowledged."""

    async def count(_: Client, jetstream: JetStreamContext) -> int:
        return (await jetstream.stream_info(names.STREAM)).state.messages

    return with_jetstream(nats, count)


def leader(nats: Nats) -> str:
    """The hub that has the lease; '' none."""

    async def look(_: Client, jetstream: JetStreamContext) -> str:
        with contextlib.suppress(Exception):
            found = await jetstream.get_last_msg(
                names.BUCKET_STREAM, f"$KV.{names.BUCKET}.{names.LEADER}"
            )
            return str(json.loads(found.data or b"{}").get("hub", ""))
        return ""

    return with_jetstream(nats, look)


def hub_words(nats: Nats) -> dict[str, dict[str, Any]]:
    """The last word of each hub, by its name."""

    async def look(_: Client, jetstream: JetStreamContext) -> dict[str, dict[str, Any]]:
        prefix = f"$KV.{names.BUCKET}.{names.HUBS}."
        info = await jetstream.stream_info(names.BUCKET_STREAM, subjects_filter=f"{prefix}*")
        found = {}
        for subject in info.state.subjects or {}:
            message = await jetstream.get_last_msg(names.BUCKET_STREAM, subject)
            found[names.machine(subject.removeprefix(prefix))] = json.loads(message.data or b"{}")
        return found

    return with_jetstream(nats, look)


def publish_raw(nats: Nats, subject: str, payload: bytes, headers: dict[str, str]) -> None:
    """Anything at all."""

    async def put(_: Client, jetstream: JetStreamContext) -> None:
        await jetstream.publish(subject, payload, headers=headers)

    with_jetstream(nats, put)


def publish_until_full(nats: Nats, of: str, size: int) -> int:
    """Hands on events of this size until the engine takes no more, of the hubs neither; gives how
    many it took.
    """

    async def fill(_: Client, jetstream: JetStreamContext) -> int:
        number = 0
        while number < 2000:
            text = json.dumps({"type": "a.b", "id": f"f{number}", "message": "x" * size})
            stored = StoredEvent(1, f"f{number}", 0, "", 1.8e9, text.encode())
            packed = letter.encode(stored, of, "")
            try:
                await jetstream.publish(packed.subject, packed.payload, headers=packed.headers)
            except NatsError:
                break
            number += 1
        for less in (size, 10_000, 1000):
            with contextlib.suppress(NatsError):
                for other in range(1000):
                    await jetstream.publish(f"$KV.{names.BUCKET}.o{less}.{other}", b"x" * less)
        return number

    return with_jetstream(nats, fill)
