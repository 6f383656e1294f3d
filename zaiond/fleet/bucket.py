"""The hubs' bucket in the engine: the lease, each hub's last word, and what routing remembers.

It is JetStream's key-value store, by its own subjects (ADR-8): a key's last message is its value,
and a message is taken only where the last one of its key has the revision that it names.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import nats.js.errors
from nats.js.api import Header

from zaiond.fleet import names
from zaiond.fleet.lease import Found
from zaiond.fleet.link import Connection

_SUBJECT = f"$KV.{names.BUCKET}."
_OPERATION = "KV-Operation"  # of a message that deletes its key
_WRONG_REVISION = 10071
AT_ONCE = 100  # keys that are written side by side


class Value(NamedTuple):
    """What stands there, and when the engine took it (seconds since the epoch)."""

    data: bytes
    at: float


class Taken(Exception):  # noqa: N818 - another hub wrote it: nothing is wrong
    """The key has another revision."""


class Leader(msgspec.Struct):
    """The value of the lease: which hub has it ('' nobody), and whose run it is, or was."""

    hub: str = ""
    run: str = ""


class LastShare(msgspec.Struct):
    """In which run a hub has shared last what routing remembers, and how often it had."""

    run: str = ""
    times: int = 0


async def lease(connection: Connection) -> Found | None:
    """The lease as it stands; None: nobody has ever had it. Raises FleetError."""
    jetstream = connection.jetstream
    message = await connection.ask(
        _or_none(jetstream.get_last_msg(names.BUCKET_STREAM, _SUBJECT + names.LEADER))
    )
    if message is None or message.seq is None:
        return None
    try:
        leader = msgspec.json.decode(message.data or b"{}", type=Leader)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        leader = Leader("?")
    return Found(leader.hub, message.seq, leader.run)


async def _or_none(question: Any) -> Any:
    try:
        return await question
    except nats.js.errors.NotFoundError as error:
        if error.err_code == 10037:  # no message found; 10059: no such stream
            return None
        raise


async def write_lease(connection: Connection, hub: str, run: str, revision: int) -> int:
    """Writes it where it has this revision (0: none); gives its new one. `hub` '': it is left to
    others. Raises Taken or FleetError.
    """

    async def write() -> int:
        try:
            done = await connection.jetstream.publish(
                _SUBJECT + names.LEADER,
                msgspec.json.encode(Leader(hub, run)),
                headers={Header.EXPECTED_LAST_SUBJECT_SEQUENCE: str(revision)},
            )
        except nats.js.errors.APIError as error:
            if error.err_code == _WRONG_REVISION:
                raise Taken from None
            raise
        return done.seq

    return await connection.ask(write())


async def value(connection: Connection, key: str) -> bytes | None:
    """What stands there; None: nothing. Raises FleetError."""
    question = connection.jetstream.get_last_msg(names.BUCKET_STREAM, _SUBJECT + key)
    message = await connection.ask(_or_none(question))
    return None if message is None else message.data or b""


async def last_share(connection: Connection) -> LastShare:
    """Who has shared last. Raises FleetError."""
    try:
        return msgspec.json.decode(await value(connection, names.SHARED) or b"{}", type=LastShare)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return LastShare()


async def put(connection: Connection, values: Mapping[str, bytes]) -> None:
    """Writes keys. Raises FleetError: which of them are written is not known."""
    todo = list(values.items())
    for start in range(0, len(todo), AT_ONCE):
        await connection.ask(
            asyncio.gather(
                *(
                    connection.jetstream.publish(_SUBJECT + key, value)
                    for key, value in todo[start : start + AT_ONCE]
                )
            )
        )


async def find(connection: Connection, prefix: str) -> dict[str, Value]:
    """All keys below this one, and their values. Raises FleetError."""
    found = await connection.ask(_last(connection, names.BUCKET_STREAM, f"{_SUBJECT}{prefix}.>"))
    return {subject.removeprefix(_SUBJECT): value for subject, value in found.items()}


async def words(connection: Connection) -> dict[str, Value]:
    """The last word of each member, by its subject. Raises FleetError."""
    return await connection.ask(_last(connection, names.ALIVE_STREAM, names.ALIVE))


async def _last(connection: Connection, stream: str, pattern: str) -> dict[str, Value]:
    jetstream = connection.jetstream
    info = await jetstream.stream_info(stream, subjects_filter=pattern)
    subjects = sorted(info.state.subjects or {})
    found: dict[str, Value] = {}
    for start in range(0, len(subjects), AT_ONCE):
        part = subjects[start : start + AT_ONCE]
        messages = await asyncio.gather(
            *(_or_none(jetstream.get_last_msg(stream, subject)) for subject in part)
        )
        for subject, message in zip(part, messages, strict=True):
            if message is not None and _OPERATION not in (message.headers or {}):
                at = 0.0 if message.time is None else message.time.timestamp()
                found[subject] = Value(message.data or b"", at)
    return found
