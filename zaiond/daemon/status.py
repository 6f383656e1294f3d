"""How the daemon is: the document of `zaiond-ctl status`, and the line of `systemctl status`."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from zaiond import __version__
from zaiond.config.schema import Queue
from zaiond.daemon.flow import Flow
from zaiond.smtp.verdict import Failure
from zaiond.store import damage, history
from zaiond.store.recovery import Salvage
from zaiond.text import Text

if TYPE_CHECKING:
    from zaiond.daemon.app import App

STUCK_AFTER = 2.0  # times queue.retry_max: then something that waits is no longer ordinary

NO_CONFIGURATION = Text(
    "有効な設定がないため実行できません。zaiond-ctl check で誤りを確認してください",
    "there is no valid configuration: see what is wrong with zaiond-ctl check",
)
_CONFIG_STATES = {
    "good": Text("設定は正常", "configuration good"),
    "last_good": Text(
        "設定に誤りがあり、直前の有効な設定で動作中",
        "configuration not valid, the last good one in force",
    ),
    "none": Text("有効な設定なし", "no valid configuration"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the problems follow from. Deliveries are counted; times and ages are seconds."""

    config: Literal["good", "last_good", "none"]
    waiting: int
    held: int
    failed: int
    expired: int
    oldest: float | None  # when it was accepted
    oldest_age: float
    retry_max: float
    held_by: Failure | None  # holds the whole queue
    waits_for: Failure | None  # lets nothing out
    free: int  # bytes
    floor: int  # below which no event is taken
    salvage: Salvage | None = None  # in the last days
    damaged: int = 0  # rows set aside in the last days


def problems(facts: Facts) -> Iterator[tuple[str, Text]]:
    """What an administrator should look at: a code for programs, a sentence for him."""
    if facts.config == "none":
        yield (
            "config_none",
            Text(
                "有効な設定がありません。イベントは受け付けて保管しています"
                "（誤りの確認: zaiond-ctl check）",
                "there is no valid configuration: events are accepted and kept (what is wrong:"
                " zaiond-ctl check)",
            ),
        )
    elif facts.config == "last_good":
        yield (
            "config_broken",
            Text(
                "設定ファイルに誤りがあり、直前の有効な設定で動作しています",
                "the configuration on disk is not valid; the last good one is in force",
            ),
        )
    held, held_by, waits_for = facts.held, facts.held_by, facts.waits_for
    if held_by is not None:
        ja, en = held_by.text
        yield (
            "held",
            Text(
                f"送信を保留しています（{held} 件）。原因: {held_by.server}: {ja}",
                f"mail is held ({held}): {held_by.server}: {en}",
            ),
        )
    elif held:
        yield (
            "held",
            Text(
                f"保留中の配送: {held} 件（理由: zaiond-ctl queue list）",
                f"deliveries held: {held} (why: zaiond-ctl queue list)",
            ),
        )
    elif waits_for is not None and facts.waiting:
        ja, en = waits_for.text
        yield (
            "server_down",
            Text(
                f"メールサーバーに送信できません: {waits_for.server}: {ja}",
                f"no mail server can be used: {waits_for.server}: {en}",
            ),
        )
    if facts.oldest is not None and facts.oldest_age > STUCK_AFTER * facts.retry_max:
        at = datetime.fromtimestamp(facts.oldest).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
        yield "stuck", Text(f"{at} から送信待ちのメールがあります", f"mail waits since {at}")
    for code, ja, count in (
        ("failed", "送信失敗", facts.failed),
        ("expired", "期限切れ", facts.expired),
    ):
        if count:
            yield (
                code,
                Text(f"過去 7 日間の{ja}: {count} 件", f"{code} in the last 7 days: {count}"),
            )
    if facts.salvage is not None:
        day = datetime.fromtimestamp(facts.salvage.at).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
        ja, en = facts.salvage.text
        yield "recovered", Text(f"{day}: {ja}", f"{day}: {en}")
    if facts.damaged:
        yield (
            "damaged",
            Text(
                f"過去 7 日間に別に保管した読めない行: {facts.damaged} 件"
                "（ディスクを確認してください）",
                f"rows that could not be read and were set aside in the last 7 days:"
                f" {facts.damaged} (check the disk)",
            ),
        )
    if facts.free < 2 * facts.floor:
        free = facts.free // (1024 * 1024)
        yield (
            "disk",
            Text(
                f"ディスクの空きが {free} MB しかありません",
                f"only {free} MB are free on the disk",
            ),
        )


async def document(app: "App") -> dict[str, Any]:
    """The document of `status --json` (interface 5)."""
    counts = await app.writer.submit(
        partial(history.counts, now=app.clock(), unrouted_after=app.router.routed_through)
    )
    servers, in_force = app.dispatcher.servers, app.configuration.in_force
    held_by = servers.held_by if servers is not None else None
    waiting, held = counts["waiting"] + app.router.waiting, counts["held"]
    if held_by is not None:
        waiting, held = 0, held + waiting
    waiting += counts["deferred"]
    oldest: float | None = counts["oldest"]
    free, floor = app.database.free_bytes()
    facts = Facts(
        config=app.configuration.state,
        waiting=waiting,
        held=held,
        failed=counts["failed"],
        expired=counts["expired"],
        oldest=oldest,
        oldest_age=0.0 if oldest is None else app.clock() - oldest,
        retry_max=(in_force.config.queue if in_force and in_force.config else Queue()).retry_max,
        held_by=held_by,
        waits_for=servers.waits_for if servers is not None else None,
        free=free,
        floor=floor,
        salvage=app.database.salvage,
        damaged=await app.writer.submit(
            partial(damage.count, since=app.clock() - history.LOOK_BACK)
        ),
    )
    found = [
        {"code": code, "message": text.in_language(app.control.language)}
        for code, text in problems(facts)
    ]
    return {
        "ok": not found,
        "problems": found,
        "config": config_document(app),
        "queue": {
            "waiting": waiting,
            "deferred": counts["deferred"],
            "held": held,
            "failed": counts["failed"],
            "expired": counts["expired"],
            "oldest": None if oldest is None else history.rfc3339(oldest),
        },
        "servers": _servers(app),
        "rates": {"accepted": _rate(app.flow_in), "delivered": _rate(app.flow_out)},
        "possible_duplicates": app.possible_duplicates,
        "delivered": app.dispatcher.delivered,
        "started": history.rfc3339(app.started),
        "version": __version__,
    }


def config_document(app: "App") -> dict[str, Any]:
    """`config` of the status: its state, and what is wrong with what is on disk."""
    language, loaded = app.control.language, app.configuration.loaded_at
    return {
        "state": app.configuration.state,
        "path": app.options.config,
        "loaded": None if loaded is None else history.rfc3339(loaded),
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


def _rate(flow: Flow) -> dict[str, int]:
    now = time.monotonic()
    return {"minute": flow.last(60, now), "hour": flow.last(3600, now)}


def _servers(app: "App") -> list[dict[str, Any]]:
    servers = app.dispatcher.servers
    if servers is None:
        return []
    connections = app.dispatcher.connections
    language = app.control.language
    now, loop_now = app.clock(), asyncio.get_running_loop().time()

    def at(loop_time: float) -> str:
        return history.rfc3339(now - (loop_now - loop_time))

    return [
        {
            "server": state.server.address,
            "state": state.state,
            "since": at(state.since),
            "connections": connections.get(index, 0),
            "error": None if state.failure is None else state.failure.text.in_language(language),
            "last_error": None
            if state.last_failure is None
            else {
                "time": at(state.last_failure[1]),
                "message": state.last_failure[0].text.in_language(language),
            },
        }
        for index, state in enumerate(servers.states)
    ]


def line(app: "App") -> str:
    """What an operator asks first, in one line."""
    servers, count = app.dispatcher.servers, app.quotas.events
    held = servers is not None and servers.held_by is not None
    ja, en = ("保留", "held") if held else ("送信待ち", "waiting")
    config = _CONFIG_STATES[app.configuration.state]
    text = Text(f"{ja} {count} 件、{config.ja}", f"{count} {en}; {config.en}")
    cause = servers.waits_for if servers is not None else None
    if cause is not None:
        text = Text(
            f"{text.ja}、{cause.server}: {cause.text.ja}",
            f"{text.en}; {cause.server}: {cause.text.en}",
        )
    return text.in_language(app.control.language)
