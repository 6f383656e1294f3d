"""The commands of the control socket: what zaiond-ctl asks of a running daemon."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from zaiond import __version__, selftest
from zaiond.daemon.administration import Changed
from zaiond.daemon.control import Command, Refused
from zaiond.smtp.verdict import DeliveryFailure
from zaiond.store import history
from zaiond.text import Text

if TYPE_CHECKING:
    from zaiond.daemon.app import App

MOST_ROWS = 10_000
_STUCK_AFTER = 2.0  # times queue.retry_max: then something that waits is no longer ordinary

_NO_CONFIGURATION = Text(
    "有効な設定がないため実行できません。zaiond-ctl check で誤りを確認してください",
    "there is no valid configuration: see what is wrong with zaiond-ctl check",
)
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
    language = app.control.language
    now = app.clock()
    counts = await app.writer.submit(
        partial(history.counts, now=now, unrouted_after=app.router.routed_through)
    )
    servers = app.dispatcher.servers
    held_by = servers.held_by if servers is not None else None
    waits_for = servers.waits_for if servers is not None else None
    waiting, deferred, held = counts["waiting"], counts["deferred"], counts["held"]
    waiting += app.router.waiting
    if held_by is not None:
        held, waiting = held + waiting, 0
    oldest = counts["oldest"]
    document: dict[str, Any] = {
        "ok": True,
        "problems": [],
        "config": config_document(app),
        "queue": {
            "waiting": waiting + deferred,
            "deferred": deferred,
            "held": held,
            "failed": counts["failed"],
            "expired": counts["expired"],
            "oldest": None if oldest is None else history.rfc3339(oldest),
        },
        "servers": _servers(app),
        "possible_duplicates": app.possible_duplicates,
        "delivered": app.dispatcher.delivered,
        "started": history.rfc3339(app.started),
        "version": __version__,
    }

    def problem(code: str, text: Text) -> None:
        document["ok"] = False
        document["problems"].append({"code": code, "message": text.in_language(language)})

    if app.configuration.state == "none":
        problem("config_none", _NO_CONFIGURATION)
    elif app.configuration.state == "last_good":
        problem(
            "config_broken",
            Text(
                "設定ファイルに誤りがあり、直前の有効な設定で動作しています",
                "the configuration on disk is not valid; the last good one is in force",
            ),
        )
    if held_by is not None:
        problem(
            "held",
            Text(
                f"送信を保留しています（{held} 件）。{held_by.server} の応答: {held_by.text.ja}",
                f"mail is held ({held}); {held_by.server} said: {held_by.text.en}",
            ),
        )
    elif held:
        problem("held", Text(f"保留中の配送: {held} 件", f"deliveries held: {held}"))
    elif waits_for is not None and waiting + deferred:
        problem(
            "server_down",
            Text(
                f"メールサーバーに送信できません: {waits_for.server}: {waits_for.text.ja}",
                f"no mail server can be used: {waits_for.server}: {waits_for.text.en}",
            ),
        )
    in_force = app.configuration.in_force
    if (
        oldest is not None
        and in_force is not None
        and in_force.config is not None
        and now - oldest > _STUCK_AFTER * in_force.config.queue.retry_max
    ):
        at = history.rfc3339(oldest)
        problem("stuck", Text(f"{at} から送信待ちのメールがあります", f"mail waits since {at}"))
    for code, ja in (("failed", "送信失敗"), ("expired", "期限切れ")):
        if counts[code]:
            problem(
                code,
                Text(
                    f"過去 7 日間の{ja}: {counts[code]} 件",
                    f"{code} in the last 7 days: {counts[code]}",
                ),
            )
    free, floor = app.database.free_bytes()
    if free < 2 * floor:
        megabytes = free // (1024 * 1024)
        problem(
            "disk",
            Text(
                f"ディスクの空きが {megabytes} MB しかありません",
                f"only {megabytes} MB are free on the disk",
            ),
        )
    return document


def config_document(app: "App") -> dict[str, Any]:
    """`config` of the status: its state, and what is wrong with what is on disk."""
    language = app.control.language
    return {
        "state": app.configuration.state,
        "path": app.options.config,
        "errors": [
            {
                "file": error.file,
                "line": error.line,
                "column": error.column,
                "key": error.key,
                "message": error.text.in_language(language),
            }
            for error in app.configuration.errors
        ],
    }


def _servers(app: "App") -> list[dict[str, Any]]:
    servers = app.dispatcher.servers
    if servers is None:
        return []
    connections = app.dispatcher.connections
    language = app.control.language
    now, loop_now = app.clock(), asyncio.get_running_loop().time()
    return [
        {
            "server": state.server.address,
            "state": state.state,
            "since": history.rfc3339(now - (loop_now - state.since)),
            "connections": connections.get(index, 0),
            "error": None if state.failure is None else state.failure.text.in_language(language),
        }
        for index, state in enumerate(servers.states)
    ]


async def _queue_list(app: "App", request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    language = app.control.language
    servers = app.dispatcher.servers
    held_by = servers.held_by if servers is not None else None
    waits_for = servers.waits_for if servers is not None else None
    deliveries = await app.writer.submit(
        partial(
            history.queue,
            held=held_by is not None,
            waits_for=""
            if waits_for is None
            else DeliveryFailure(waits_for).text.in_language(language),
            unrouted_after=app.router.routed_through,
            limit=MOST_ROWS + 1,
        )
    )
    return {"deliveries": deliveries[:MOST_ROWS], "more": len(deliveries) > MOST_ROWS}


async def _queue_retry(app: "App", request: dict[str, Any]) -> dict[str, Any]:
    if app.router.maker is None:
        raise Refused(75, _NO_CONFIGURATION)
    return _changed(await app.administration.retry(_strings(request, "ids")))


async def _queue_delete(app: "App", request: dict[str, Any]) -> dict[str, Any]:
    ids = _strings(request, "ids")
    if not ids:
        raise Refused(2, _MALFORMED)
    return _changed(await app.administration.delete(ids))


def _changed(changed: Changed) -> dict[str, Any]:
    return {
        "deliveries": changed.deliveries,
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
        raise Refused(1, _NO_CONFIGURATION)
    files = in_force.files
    return {
        "main": files.main,
        "yaml": list(files.yaml),
        "files": [{"path": path, "text": text} for path, text in files.texts.items()],
    }


async def _reload(app: "App", request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    if await app.configuration.reload():
        return config_document(app)
    text = Text(
        "設定に誤りがあるため反映しませんでした",
        "the configuration was not taken: it is not valid",
    )
    raise Refused(78, text, config_document(app))


async def _test(app: "App", request: dict[str, Any]) -> dict[str, Any]:
    in_force = app.configuration.in_force
    if in_force is None or in_force.config is None:
        raise Refused(78, _NO_CONFIGURATION, config_document(app))
    addresses = _strings(request, "addresses")
    return await selftest.run(in_force.config, addresses or list(in_force.config.admins))
