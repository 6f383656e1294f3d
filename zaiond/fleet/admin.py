"""What an administrator asks the fleet's engine: to make what the fleet needs, and how it is.

Asked by zaiond-ctl, with rights of its own; the daemon has no part in it.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple, TypeVar

from nats.js import api

from zaiond.fleet import consumer, names, roll, streams
from zaiond.fleet.link import Connection, FleetError
from zaiond.fleet.streams import Comparison, Stream

T = TypeVar("T")

_ENUMS = {
    "retention": api.RetentionPolicy, "discard": api.DiscardPolicy, "storage": api.StorageType
}  # fmt: skip


# Seconds that nodes may need which have just started, to know of each other and to answer.
STARTED_WITHIN = {"no_peers": 10.0, "silent": 30.0}
AT_ONCE = 100  # words that are asked for side by side
SILENT = 5.0  # seconds in which a node that is there is heard of: it is asked each second
PAUSE = 0.5  # seconds from one try to the next


class Step(NamedTuple):
    """What became of one stream: `done` is made, mended, same or refused."""

    stream: str
    done: str
    comparison: Comparison | None = None


async def init(
    connection: Connection, replicas: int | None = None, max_events: int | None = None
) -> list[Step]:
    """Makes the streams that there are not, and mends what differs where nothing is lost by that.
    What isn't given is left as it is found, or as it is by default. Nothing is changed where
    anything is refused. Raises FleetError."""
    there = [await _patiently(partial(_found, connection, name)) for name in _NAMES]
    events = there[0]
    if events is not None:
        replicas = replicas or events[0].get("num_replicas")
        max_events = max_events or _positive(events[0].get("max_msgs"))
    wanted = streams.wanted(replicas or streams.REPLICAS, max_events or streams.MAX_EVENTS)
    steps = [_planned(each, found) for each, found in zip(wanted, there, strict=True)]
    if any(step.done == "refused" for step in steps):
        return steps
    for each, step in zip(wanted, steps, strict=True):
        if step.done == "made":
            await _patiently(partial(_make, connection, each))
        elif step.done == "mended":
            await connection.ask(connection.jetstream.update_stream(_config(each)))
    return steps


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """What nodes say to this, which have just started and may not know of each other yet."""
    began = time.monotonic()
    while True:
        try:
            return await ask()
        except FleetError as error:
            if time.monotonic() - began >= STARTED_WITHIN.get(error.kind, 0.0):
                raise
        await asyncio.sleep(PAUSE)


async def _make(connection: Connection, wanted: Stream) -> None:
    await connection.ask(connection.jetstream.add_stream(_config(wanted)))


_NAMES = (names.STREAM, names.ALIVE_STREAM, names.BUCKET_STREAM)


def _positive(number: Any) -> int | None:
    return number if isinstance(number, int) and number > 0 else None


def _planned(wanted: Stream, found: tuple[dict[str, Any], int] | None) -> Step:
    name = wanted["name"]
    if found is None:
        return Step(name, "made")
    compared = streams.compare(wanted, *found)
    done = "refused" if compared.refused else "mended" if compared.mended else "same"
    return Step(name, done, compared)


def _config(wanted: Stream) -> api.StreamConfig:
    return api.StreamConfig(
        **{name: _ENUMS[name](value) if name in _ENUMS else value for name, value in wanted.items()}
    )


async def _found(connection: Connection, name: str) -> tuple[dict[str, Any], int] | None:
    """A stream's settings and how many messages are in it; None: there is no such stream."""
    info = await _info(connection, name)
    if info is None:
        return None
    settings = asdict(info.config)
    for key in _ENUMS:
        settings[key] = getattr(settings[key], "value", settings[key])
    return settings, info.state.messages


async def _info(
    connection: Connection, name: str, subjects: str | None = None
) -> api.StreamInfo | None:
    try:
        return await connection.ask(connection.jetstream.stream_info(name, subjects))
    except FleetError as error:
        if error.kind == "no_stream":
            return None
        raise


async def status(connection: Connection) -> dict[str, Any]:
    """How the fleet is, as `fleet status --json` shows it, without what follows from that. Times
    are in seconds since the epoch, ages in seconds. Raises FleetError."""
    infos = [await _info(connection, name) for name in _NAMES]
    if infos[0] is None:  # there is no fleet yet
        raise FleetError("no_stream", _no_stream(connection))
    info = await _info(connection, names.ALIVE_STREAM, names.ALIVE)
    members = await _last_words(connection, names.ALIVE_STREAM, info)
    info = await _info(connection, names.BUCKET_STREAM, f"$KV.{names.BUCKET}.{names.HUBS}.*")
    hubs = await _last_words(connection, names.BUCKET_STREAM, info)
    lacking = await _lacking(connection, infos[0])
    account = await connection.ask(connection.jetstream.account_info())
    leader = await _word(connection, names.BUCKET_STREAM, f"$KV.{names.BUCKET}.{names.LEADER}")
    return {
        "server": connection.server,
        "version": connection.version,
        "backlog": {
            "events": infos[0].state.messages,
            "bytes": infos[0].state.bytes,
            "max_events": infos[0].config.max_msgs,
            # Of the account, on all nodes together; no limit: none is in its configuration.
            "disk": account.storage,
            "max_disk": _positive(account.limits.max_storage),
        },
        "streams": [
            health(name, info, lacking if name == names.STREAM else frozenset())
            for name, info in zip(_NAMES, infos, strict=True)
        ],
        "leader": leader,
        "hubs": hubs,
        "members": members,
    }


async def forget(connection: Connection, machine: str) -> dict[str, Any] | None:
    """Takes the last word of a machine out of the engine; what waits of it stays. Gives that word,
    as `status` has it, with `role`: member or hub; None: there is none. Raises FleetError,
    UnfitNameError."""
    token, last = names.token(machine), None
    if await _info(connection, names.ALIVE_STREAM) is None:  # there is no fleet yet
        raise FleetError("no_stream", _no_stream(connection))
    for role, stream, subject in (
        ("hub", names.BUCKET_STREAM, f"$KV.{names.BUCKET}.{names.HUBS}.{token}"),
        ("member", names.ALIVE_STREAM, names.alive_subject(machine)),
    ):
        word = await _word(connection, stream, subject)
        if word is not None:
            await connection.ask(connection.jetstream.purge_stream(stream, subject=subject))
            last = {"machine": names.machine(token), "role": role, **word}
    return last


def _no_stream(connection: Connection) -> Any:
    from zaiond.fleet import words

    return words.no_stream(server=connection.server)


async def _lacking(connection: Connection, stream: api.StreamInfo) -> frozenset[str]:
    """The nodes that have the stream of events, and lack the hub's consumer."""
    found = frozenset[str]()
    with contextlib.suppress(FleetError):  # how the streams are says enough
        found = await _lacking_now(connection, stream)
        if found:  # or it was made just now
            await asyncio.sleep(SILENT)
            found &= await _lacking_now(connection, stream)
    return found


async def _lacking_now(connection: Connection, stream: api.StreamInfo) -> frozenset[str]:
    there = await connection.ask(connection.jetstream.consumers_info(names.STREAM))
    return frozenset[str]().union(
        *(consumer.lacking(stream.cluster, each.cluster) for each in there)
    )


def health(name: str, info: api.StreamInfo | None, lacking: frozenset[str]) -> dict[str, Any]:
    """How a stream is on its nodes; `lacking`: those that lack what belongs to it. Pure."""
    if info is None:
        return {"name": name, "state": "missing", "replicas": []}
    cluster = info.cluster
    others = [] if cluster is None else cluster.replicas or []
    replicas = [
        {
            "node": peer.name,
            "current": bool(peer.current) and peer.name not in lacking,
            "offline": _is_down(peer),
        }
        for peer in others
    ]
    leader = None if cluster is None else cluster.leader
    if leader:
        replicas.append({"node": leader, "current": leader not in lacking, "offline": False})
    missing = (info.config.num_replicas or 1) - (len(replicas) or 1)
    fine = not missing and all(each["current"] for each in replicas)
    if cluster is not None and not leader:
        fine = False
    return {"name": name, "state": "ok" if fine else "degraded", "replicas": replicas}


def _is_down(peer: api.PeerInfo) -> bool:
    """Whether the stream's leader hears nothing of it: nats-server 2.9 never says `offline` of one
    that was killed, and takes it for current for ten seconds."""
    return bool(peer.offline) or (not peer.current and (peer.active or 0) >= SILENT * 10**9)


async def _last_words(
    connection: Connection, stream: str, info: api.StreamInfo | None
) -> list[dict[str, Any]]:
    subjects: Sequence[str] = () if info is None else sorted(info.state.subjects or {})
    found = []
    for start in range(0, len(subjects), AT_ONCE):
        part = subjects[start : start + AT_ONCE]
        words_ = await asyncio.gather(*(_word(connection, stream, each) for each in part))
        found += [
            {"machine": _machine(subject), **word}
            for subject, word in zip(part, words_, strict=True)
            if word is not None
        ]
    return found


def _machine(subject: str) -> str:
    """Whose word it is: `zaiond.TOKEN.alive`, or `$KV.BUCKET.hub.TOKEN`."""
    parts = subject.split(".")
    token = parts[-1] if parts[0] == "$KV" else parts[1]
    try:
        return names.machine(token)
    except names.UnfitNameError:
        return token


async def _word(connection: Connection, stream: str, subject: str) -> dict[str, Any] | None:
    """The last word that was said there, with `age`; what is not of our form is left out."""
    try:
        message = await connection.ask(connection.jetstream.get_last_msg(stream, subject))
    except FleetError as error:
        if error.kind == "no_stream":  # nor such a message
            return None
        raise
    word = roll.said(message.data or b"")
    at = None if message.time is None else message.time.timestamp()
    return {**word, "heard": at, "age": None if at is None else max(0.0, time.time() - at)}
