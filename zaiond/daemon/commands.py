"""The commands of the control socket: what zaiond-ctl asks of a running daemon."""

import contextlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from zaiond.daemon import documents, status
from zaiond.daemon.control import Command, Commands, Pieces, Refused, Request
from zaiond.daemon.queries import MOST, Wanted, matcher
from zaiond.daemon.status import NO_CONFIGURATION
from zaiond.daemon.status_line import count_waiting
from zaiond.delivery.queue_admin import Changed
from zaiond.intake.spool import admin as spool_admin
from zaiond.intake.spool.file import shown
from zaiond.localtime import rfc3339
from zaiond.model import OPEN
from zaiond.store import acknowledgements
from zaiond.store.acknowledgements import Acknowledgement
from zaiond.store.events import Owner
from zaiond.text import Text

if TYPE_CHECKING:
    from zaiond.daemon.app import App

MOST_SPOOL_FILES = 1000
_LONG = frozenset({"queue.retry", "queue.delete", "reload", "spool.list", "test"})
REPLY_BYTES = 64 * 1024 * 1024
_MOST_OWNERS = 10  # of an id, named
_LONGEST_SOURCE = 80
_NOT_THE_FILES = Text(
    "設定ファイルの内容にはパスワードが含まれることがあるため、root で実行してください",
    "the configuration's files may hold passwords: run this as root",
)
_encode = msgspec.json.Encoder().encode


def commands(app: "App") -> Commands:
    """Every command."""

    def bound(command: "Callable[[App, Request], Awaitable[Any]]") -> Command:
        async def run(request: Request) -> Any:
            app.time_zone.refresh()
            return await command(app, request)

        return run

    by_name = {
        "status": bound(_status),
        "status.ack": bound(_status_ack),
        "queue.list": bound(_queue_list),
        "queue.retry": bound(_queue_retry),
        "queue.delete": bound(_queue_delete),
        "history": bound(_history),
        "spool.list": bound(_spool_list),
        "spool.retry": bound(_spool_retry),
        "spool.delete": bound(_spool_delete),
        "config.show": bound(_config_show),
        "config.last_good": bound(_config_last_good),
        "reload": bound(_reload),
        "test": bound(_test),
    }
    return Commands(by_name, _LONG)


# -- status


async def _status(app: "App", request: Request) -> dict[str, Any]:  # noqa: ARG001
    return await status.document(app)


async def _status_ack(app: "App", request: Request) -> dict[str, Any]:
    """What has failed and expired so far is known."""
    lost = await status.lost(app)
    number = sum(of.unknown for of in lost.values())
    if number:
        user = app.user_names.shown(request.uid)
        known = Acknowledgement(app.queue_time(), request.uid, user, app.clock())
        await app.writer.submit(partial(acknowledgements.add, new=known), essential=True)
    return {**await status.document(app), "acknowledged": number}


# -- queue


async def _queue_list(app: "App", request: Request) -> Pieces:  # noqa: ARG001
    number = await count_waiting(app)
    return Pieces(_pieces("deliveries", _waiting(app, MOST), b',"total":%d' % number.total))


async def _waiting(app: "App", limit: int) -> AsyncGenerator[dict[str, Any] | None, None]:
    """What waits, as documents."""
    present, queries = await status.present(app), status.queries(app)
    async for waiting in queries.waiting():
        yield None
        for one in waiting:
            if limit:
                yield documents.queued(one, present)
                limit -= 1
        if not limit:
            return
    async for events in queries.unrouted():
        yield None
        for event in events:
            if limit:
                yield documents.unrouted(event, present)
                limit -= 1
        if not limit:
            return


async def _queue_retry(app: "App", request: Request) -> dict[str, Any]:
    if app.router.maker is None:
        raise Refused(75, NO_CONFIGURATION)
    ids = request.texts("ids")
    seqs = await status.queries(app).seqs_of(ids)
    before = await _deliveries(app, seqs, (*OPEN, "failed", "expired"))
    return _changed(before, await app.queue_admin.retry(ids))


async def _queue_delete(app: "App", request: Request) -> dict[str, Any]:
    ids = request.texts("ids")
    if not ids:
        raise Refused(2, Text("ID を指定してください", "an ID is needed"))
    uid, source = request.number("uid"), request.text("source")
    chosen = await app.queue_admin.choose(
        ids,
        None if uid is None else int(uid),
        None if source is None else matcher(source),
    )
    if chosen.several:
        chosen = chosen._replace(seqs=[])
    before = await _deliveries(app, chosen.seqs, OPEN)
    done = _changed(before, await app.queue_admin.delete(chosen))
    return {**done, "ambiguous": [_ambiguous(*each) for each in chosen.several.items()]}


def _ambiguous(id_: str, owners: Sequence[Owner]) -> dict[str, Any]:
    """Whose the events of an id are, of which none was deleted."""
    return {
        "id": id_,
        "events": len(owners),
        "owners": [
            {"uid": uid, "source": source[:_LONGEST_SOURCE] or f"uid:{uid}"}
            for uid, source in owners[:_MOST_OWNERS]
        ],
    }


def _changed(before: list[dict[str, Any]], changed: Changed) -> dict[str, Any]:
    """What was changed, as it was before (of all that waits, only how many)."""
    left = set(changed.in_flight)
    return {
        "deliveries": [one for one in before if left.isdisjoint(one["event_ids"])],
        "changed": changed.deliveries,
        "unknown": list(changed.unknown),
        "under_way": list(changed.in_flight),
    }


async def _deliveries(app: "App", seqs: list[int], states: Sequence[str]) -> list[dict[str, Any]]:
    """The first MOST that are in these states of these events."""
    present, queries = await status.present(app), status.queries(app)
    seqs = sorted(set(seqs))[:MOST]
    found: list[dict[str, Any]] = []
    async for waiting in queries.deliveries_of(seqs, states):
        found += [documents.queued(one, present) for one in waiting]
        if len(found) >= MOST:
            return found[:MOST]
    async for unrouted in queries.unrouted_of(seqs):
        found += [documents.unrouted(event, present) for event in unrouted]
    return found[:MOST]


# -- history


async def _history(app: "App", request: Request) -> Pieces:
    id_ = request.text("id")
    limit = request.number("limit")
    wanted = Wanted(
        since=request.number("since"),
        type=request.text("type"),
        source=request.text("source"),
        failed=request.values.get("failed") is True,
        limit=100 if limit is None else max(0, min(int(limit), MOST)),
    )
    more = b""
    if id_ is not None and not await status.queries(app).seqs_of([id_]):
        more = b',"shortened":' + _encode(await status.shortened(app))
    return Pieces(_pieces("events", _events(app, id_, wanted), more))


async def _events(
    app: "App", id_: str | None, wanted: Wanted
) -> AsyncGenerator[dict[str, Any] | None, None]:
    """What became of events, as documents."""
    present, queries = await status.present(app), status.queries(app)
    seqs: list[int] = []
    if id_ is None:
        async for found in queries.find(wanted, all_held=present.holds.queue is not None):
            seqs = found
            yield None  # who asks sees that it goes on
    else:
        seqs = await queries.seqs_of([id_])
    whole = id_ is not None
    async for part in queries.told(seqs, whole=whole):
        yield None
        for one in part:
            yield documents.history(one, present, whole=whole)


async def _pieces(
    name: str, ones: AsyncGenerator[dict[str, Any] | None, None], more: bytes = b""
) -> AsyncGenerator[bytes, None]:
    """A document whose list `name` is made one by one; None: it goes on. Where it becomes too long,
    the rest is left out, and the document says so.
    """
    yield b'{"%b":[' % name.encode()
    size, separator = 0, b""
    async with contextlib.aclosing(ones):
        async for one in ones:
            if one is None:
                yield b" "
                continue
            piece = separator + _encode(one)
            size += len(piece)
            if size > REPLY_BYTES:
                more += b',"truncated":true'
                break
            yield piece
            separator = b","
    yield b"]%b}" % more


# -- spool


async def _spool_list(app: "App", request: Request) -> dict[str, Any]:  # noqa: ARG001
    listed = await app.intake.spool_admin.files(MOST_SPOOL_FILES)
    language = app.control.language
    return {
        "files": [
            {
                "name": shown(file.name),
                "state": file.state,
                "uid": file.uid,
                "user": app.user_names.shown(file.uid),
                "bytes": file.size,
                "since": rfc3339(file.since),
                "reason": None if why is None else why.in_language(language),
            }
            for file, why in listed.files
        ],
        "total": listed.total,
    }


async def _spool_retry(app: "App", request: Request) -> dict[str, Any]:
    return _spool_changed(app, await app.intake.spool_admin.retry(request.texts("names")))


async def _spool_delete(app: "App", request: Request) -> dict[str, Any]:
    names = request.texts("names")
    if not names:
        raise Refused(2, Text("ファイル名を指定してください", "a file's name is needed"))
    return _spool_changed(app, await app.intake.spool_admin.delete(names))


def _spool_changed(app: "App", changed: spool_admin.Changed) -> dict[str, Any]:
    language = app.control.language
    return {
        "files": changed.files,
        "changed": len(changed.files),
        "unknown": changed.unknown,
        "failed": [
            {"name": name, "reason": why.in_language(language)} for name, why in changed.failed
        ],
    }


# -- configuration


async def _config_show(app: "App", request: Request) -> dict[str, Any]:  # noqa: ARG001
    in_force = app.configuration.in_force
    settings = () if in_force is None else in_force.settings
    return {
        "state": app.configuration.state,
        "settings": [
            {"key": s.key, "value": s.value, "file": s.file, "line": s.line} for s in settings
        ],
    }


async def _config_last_good(app: "App", request: Request) -> dict[str, Any]:
    # The files' texts, secrets and all: for who may read the files themselves.
    if request.uid not in (0, os.getuid()):
        raise Refused(77, _NOT_THE_FILES)
    in_force = app.configuration.in_force
    if in_force is None:
        raise Refused(1, NO_CONFIGURATION)
    files = in_force.files
    return {
        "main": files.main,
        "yaml": list(files.yaml),
        "files": [{"path": path, "text": text} for path, text in files.texts.items()],
    }


async def _reload(app: "App", request: Request) -> dict[str, Any]:  # noqa: ARG001
    if await app.configuration.reload():
        return status.config_document(app)
    text = Text(
        "設定に誤りがあるため反映しませんでした",
        "the configuration was not taken: it is not valid",
    )
    raise Refused(78, text, status.config_document(app))


async def _test(app: "App", request: Request) -> dict[str, Any]:
    # With all its hints, which nothing else in the daemon needs.
    from zaiond.selftest.run import self_test

    in_force = app.configuration.in_force
    if in_force is None or in_force.config is None:
        raise Refused(78, NO_CONFIGURATION, status.config_document(app))
    addresses = request.texts("addresses")
    addresses = addresses or list(in_force.config.admins)
    document = await self_test(in_force.config, addresses, app.context)
    return {**document, "config": status.config_document(app)}
