"""The commands of the control socket: what zaiond-ctl asks of a running daemon."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from zaiond.daemon import status
from zaiond.daemon.administration import Changed
from zaiond.daemon.control import Command, Refused
from zaiond.daemon.status import NO_CONFIGURATION
from zaiond.smtp.verdict import DeliveryFailure
from zaiond.store import history
from zaiond.text import Text

if TYPE_CHECKING:
    from zaiond.daemon.app import App

MOST_ROWS = 10_000
_MALFORMED = Text("要求の値が不正です", "the request is malformed")


def commands(app: "App") -> dict[str, Command]:
    """Every command by its name."""

    def bound(command: "Callable[[App, dict[str, Any]], Awaitable[Any]]") -> Command:
        return partial(command, app)

    return {
        "status": bound(_status),
        "queue.list": bound(_queue_list),
        "queue.retry": bound(_queue_retry),
        "queue.delete": bound(_queue_delete),
        "history": bound(_history),
        "config.show": bound(_config_show),
        "config.last_good": bound(_config_last_good),
        "reload": bound(_reload),
        "test": bound(_test),
    }


def _strings(request: dict[str, Any], name: str) -> list[str]:
    values = request.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Refused(2, _MALFORMED)
    return values


def _number(request: dict[str, Any], name: str) -> float | None:
    value = request.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise Refused(2, _MALFORMED)
    return value


async def _status(app: "App", request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    return await status.document(app)


async def _queue_list(app: "App", request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    deliveries = await _waiting(app, None)
    return {"deliveries": deliveries[:MOST_ROWS], "more": len(deliveries) > MOST_ROWS}


async def _waiting(app: "App", ids: tuple[str, ...] | None) -> list[dict[str, Any]]:
    """What waits (of the events with these ids), and one more than is told of, to tell of that."""
    language = app.control.language
    servers = app.dispatcher.servers
    held_by = servers.held_by if servers is not None else None
    waits_for = servers.waits_for if servers is not None else None
    return await app.writer.submit(
        partial(
            history.queue,
            held=held_by is not None,
            waits_for=None
            if waits_for is None
            else DeliveryFailure(waits_for).text.in_language(language),
            unrouted_after=app.router.routed_through,
            limit=MOST_ROWS + 1,
            ids=ids,
        )
    )


async def _queue_retry(app: "App", request: dict[str, Any]) -> dict[str, Any]:
    if app.router.maker is None:
        raise Refused(75, NO_CONFIGURATION)
    ids = _strings(request, "ids")
    return await _changed(app, ids, app.administration.retry)


async def _queue_delete(app: "App", request: dict[str, Any]) -> dict[str, Any]:
    ids = _strings(request, "ids")
    if not ids:
        raise Refused(2, _MALFORMED)
    return await _changed(app, ids, app.administration.delete)


async def _changed(
    app: "App", ids: list[str], change: Callable[[list[str]], Awaitable[Changed]]
) -> dict[str, Any]:
    """Changes it; says what was changed, as it was before."""
    before = await _waiting(app, tuple(ids) if ids else None)
    changed = await change(ids)
    left = set(changed.under_way)
    return {
        "deliveries": [one for one in before[:MOST_ROWS] if left.isdisjoint(one["event_ids"])],
        "changed": changed.deliveries,
        "unknown": list(changed.unknown),
        "under_way": list(changed.under_way),
    }


async def _history(app: "App", request: dict[str, Any]) -> dict[str, Any]:
    id_ = request.get("id")
    if id_ is not None and not isinstance(id_, str):
        raise Refused(2, _MALFORMED)
    limit = _number(request, "limit")
    found = await app.writer.submit(
        partial(
            history.history,
            language=app.control.language,
            id=id_,
            since=_number(request, "since"),
            limit=100 if limit is None else max(0, min(int(limit), MOST_ROWS)),
        )
    )
    return {"events": found}


async def _config_show(app: "App", request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    in_force = app.configuration.in_force
    settings = () if in_force is None else in_force.settings
    return {
        "state": app.configuration.state,
        "settings": [
            {"key": s.key, "value": s.value, "file": s.file, "line": s.line} for s in settings
        ],
    }


async def _config_last_good(app: "App", request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    in_force = app.configuration.in_force
    if in_force is None:
        raise Refused(1, NO_CONFIGURATION)
    files = in_force.files
    return {
        "main": files.main,
        "yaml": list(files.yaml),
        "files": [{"path": path, "text": text} for path, text in files.texts.items()],
    }


async def _reload(app: "App", request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    if await app.configuration.reload():
        return status.config_document(app)
    text = Text(
        "設定に誤りがあるため反映しませんでした",
        "the configuration was not taken: it is not valid",
    )
    raise Refused(78, text, status.config_document(app))


async def _test(app: "App", request: dict[str, Any]) -> dict[str, Any]:
    from zaiond import selftest  # with all its hints, which nothing else in the daemon needs

    in_force = app.configuration.in_force
    if in_force is None or in_force.config is None:
        raise Refused(78, NO_CONFIGURATION, status.config_document(app))
    addresses = _strings(request, "addresses")
    addresses = addresses or list(in_force.config.admins)
    document = await selftest.run(in_force.config, addresses, app.context)
    return {**document, "config": status.config_document(app)}
