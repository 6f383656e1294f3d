"""How the daemon is: the document of `zaiond-ctl status`."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from zaiond import __version__
from zaiond.config.schema import Queue
from zaiond.daemon.documents import Present, why
from zaiond.daemon.queries import NAMED, Lost, Queries
from zaiond.daemon.status_line import Waiting, count_waiting
from zaiond.delivery.rate_counter import RateCounter
from zaiond.holds import Hold
from zaiond.localtime import rfc3339
from zaiond.smtp.failure import Failure
from zaiond.store import acknowledgements, damage, prune
from zaiond.store.recovery import Salvage
from zaiond.text import Text

if TYPE_CHECKING:
    from zaiond.daemon.app import App

LOOK_BACK = 7 * 86400.0  # seconds that status looks back for what failed or expired
STUCK_AFTER = 2.0  # times queue.retry_max: then something that waits is no longer ordinary
HOLDS_TOLD = 3  # one by one; of more only how many

NO_CONFIGURATION = Text(
    "有効な設定がないため実行できません。zaiond-ctl check で誤りを確認してください",
    "there is no valid configuration: see what is wrong with zaiond-ctl check",
)
_QUEUE_LIST = "zaiond-ctl queue list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the problems follow from. Times are seconds since the epoch, ages seconds."""

    config: Literal["good", "last_good", "none"]
    waiting: Waiting
    holds: tuple[Hold, ...]
    failed: Lost
    expired: Lost
    oldest: float | None  # when it was accepted
    oldest_age: float  # in queue time
    retry_max: float
    outage: Failure | None  # why no server can be used
    next_probe: float | None  # when the next one is tried
    refused: Text | None  # which events were refused in the last day, of whom, and why
    free: int  # bytes
    floor: int  # below which no event is taken
    state_dir: str
    salvage: Salvage | None = None  # in the last days
    damaged: int = 0  # rows set aside in the last days
    spool: tuple[tuple[str, Text], ...] = ()  # what is wrong with what is there


class Problem(NamedTuple):
    """What an administrator should look at: a code for programs, a sentence, the command that shows
    more, and the failure of which the advice tells what to do."""

    code: str
    text: Text
    command: str
    failure: Failure | None = None


def problems(facts: Facts) -> Iterator[Problem]:
    """What should be looked at, the worst first."""
    if facts.config == "none":
        yield Problem(
            "config_none",
            Text(
                "有効な設定がありません。イベントは受け付けて保管しています",
                "there is no valid configuration: events are accepted and kept",
            ),
            "zaiond-ctl check",
        )
    elif facts.config == "last_good":
        yield Problem(
            "config_broken",
            Text(
                "設定ファイルに誤りがあり、直前の有効な設定で動作しています",
                "the configuration on disk is not valid; the last good one is in force",
            ),
            "zaiond-ctl check",
        )
    yield from _of_holds(facts)
    if facts.outage is not None and facts.waiting.total and not _holds_all(facts.holds):
        cause, at = why(facts.outage), _next_try(facts.next_probe)
        yield Problem(
            "server_down",
            Text(
                f"メールサーバーに送信できません: {cause.ja}{at.ja}",
                f"no mail server can be used: {cause.en}{at.en}",
            ),
            "zaiond-ctl test",
            facts.outage,
        )
    if facts.oldest is not None and facts.oldest_age > STUCK_AFTER * facts.retry_max:
        since = datetime.fromtimestamp(facts.oldest).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
        yield Problem(
            "stuck",
            Text(f"{since} から送信できていないメールがあります", f"mail waits since {since}"),
            _QUEUE_LIST,
        )
    for code, ja, lost in (
        ("failed", "送信失敗", facts.failed),
        ("expired", "期限切れ", facts.expired),
    ):
        if lost.unknown:
            to = _few(lost.recipients)
            yield Problem(
                code,
                Text(
                    f"過去 7 日間の{ja}: {lost.unknown} 件（宛先: {to.ja}）。"
                    "確認済みにするには zaiond-ctl status --ack を実行してください",
                    f"{code} in the last 7 days: {lost.unknown} (to {to.en});"
                    " once you know of them: zaiond-ctl status --ack",
                ),
                "zaiond-ctl history --failed",
            )
    if facts.refused is not None:
        yield Problem("refused", facts.refused, "journalctl -u zaiond --since -24h")
    for code, text in facts.spool:
        yield Problem(code, text, "zaiond-ctl spool list")
    if facts.salvage is not None:
        found = rfc3339(facts.salvage.at)
        ja, en = facts.salvage.text
        yield Problem("recovered", Text(f"{found}: {ja}", f"{found}: {en}"), "journalctl -u zaiond")
    if facts.damaged:
        yield Problem(
            "damaged",
            Text(
                f"過去 7 日間に別に保管した読めない行: {facts.damaged} 件"
                "（ディスクを確認してください）",
                f"rows that could not be read and were set aside in the last 7 days:"
                f" {facts.damaged} (check the disk)",
            ),
            "journalctl -u zaiond",
        )
    if facts.free < 2 * facts.floor:
        free = facts.free // (1024 * 1024)
        yield Problem(
            "disk",
            Text(
                f"ディスクの空きが {free} MB しかありません（{facts.state_dir}）",
                f"only {free} MB are free on the disk of {facts.state_dir}",
            ),
            f"df -h {facts.state_dir}",
        )


def _holds_all(holds: Sequence[Hold]) -> bool:
    return any(hold.scope == "queue" for hold in holds)


def _of_holds(facts: Facts) -> Iterator[Problem]:
    for hold in facts.holds:
        if hold.scope == "queue":
            cause, at = why(hold.failure), _next_try(facts.next_probe)
            number = facts.waiting.held
            held = Text(f"（{number} 件）", f"mail is held ({number})")
            if not number:
                held = Text(
                    "（待っているメールはありません）", "no mail can go out (none waits now)"
                )
            yield Problem(
                "held",
                Text(
                    f"送信を保留しています{held.ja}: {cause.ja}{at.ja}",
                    f"{held.en}: {cause.en}{at.en}",
                ),
                _QUEUE_LIST,
                hold.failure,
            )
            return  # what else is held is tried first when this is mended
    if len(facts.holds) > HOLDS_TOLD:
        to = _few([hold.subject for hold in facts.holds if hold.scope == "address"])
        ja, en = (f"（宛先: {to.ja}）", f" (to {to.en})") if to.ja else ("", "")
        yield Problem(
            "held",
            Text(
                f"保留中の配送: {facts.waiting.held} 件{ja}",
                f"deliveries held: {facts.waiting.held}{en}",
            ),
            _QUEUE_LIST,
        )
        return
    for hold in facts.holds:
        cause = why(hold.failure)
        if hold.scope == "address":
            what = Text(f"{hold.subject} 宛ての配送", f"mail to {hold.subject}")
        else:
            what = Text("1 通のメール", "one mail")
        yield Problem(
            "held",
            Text(f"{what.ja}を保留しています: {cause.ja}", f"{what.en} is held: {cause.en}"),
            _QUEUE_LIST,
            hold.failure,
        )


def _few(recipients: Sequence[str]) -> Text:
    """The recipients by name, where they are few."""
    named = sorted(recipients)[: NAMED - 1] if len(recipients) > NAMED else sorted(recipients)
    more = ("…",) if len(recipients) > len(named) else ()
    return Text("、".join((*named, *more)), ", ".join((*named, *more)))


def _next_try(at: float | None) -> Text:
    if at is None:
        return Text("", "")
    time = datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")
    return Text(f"（次の試行: {time}）", f" (next try: {time})")


# -- asked of the daemon's parts


def queries(app: "App") -> Queries:
    """What is asked of the store for people."""
    return Queries(app.writer.submit, lambda: app.router.routed_through)


async def lost(app: "App") -> dict[str, Lost]:
    """What has failed or expired lately, by its state."""
    known = await app.writer.submit(acknowledgements.find)
    through = known[-1].through if known else -1.0
    return await queries(app).lost(app.queue_time() - LOOK_BACK, through)


async def shortened(app: "App", since: float = 0.0) -> list[dict[str, Any]]:
    """Whose history was shortened since then, as documents have it."""
    return [
        {
            "uid": one.uid,
            "user": app.user_names.shown(one.uid),
            "events": one.events,
            "bytes": one.size,
            "since": rfc3339(one.since),
            "last": rfc3339(one.last),
            "newest": rfc3339(one.newest),
        }
        for one in await app.writer.submit(prune.shortened)
        if one.last >= since
    ]


async def present(app: "App") -> Present:
    """What keeps mail from going out now."""
    servers = app.dispatcher.servers
    outage, probe, keys = None, None, {}
    if servers is not None:
        outage = servers.waits_for
        keys = {
            state.server.address: f"fallback_mail_servers[{index - 1}]" if index else "mail_server"
            for index, state in reversed(list(enumerate(servers.states)))
        }
        if outage is not None:
            probe = _at(app, min(state.until for state in servers.states))
    return Present(
        app.control.language,
        holds=app.dispatcher.holds,
        outage=outage,
        next_probe=probe,
        acknowledged=await app.writer.submit(acknowledgements.find),
        keys=keys,
    )


def _at(app: "App", loop_time: float) -> float:
    """A time of the loop in seconds since the epoch; what is past is now."""
    now = asyncio.get_running_loop().time()
    return app.clock() + max(0.0, loop_time - now)


async def document(app: "App") -> dict[str, Any]:
    """The document of `status --json` (interface 5)."""
    waiting, lately, now = await count_waiting(app), await lost(app), await present(app)
    oldest = await queries(app).oldest()
    in_force = app.configuration.in_force
    free, floor = app.database.free_bytes()
    spool, name_of = await app.intake.spool_admin.account(), app.user_names.shown
    facts = Facts(
        config=app.configuration.state,
        waiting=waiting,
        holds=tuple(now.holds),
        failed=lately["failed"],
        expired=lately["expired"],
        oldest=None if oldest is None else oldest[0],
        oldest_age=0.0 if oldest is None else app.queue_time() - oldest[1],
        retry_max=(in_force.config.queue if in_force and in_force.config else Queue()).retry_max,
        outage=now.outage,
        next_probe=now.next_probe,
        refused=app.intake.refusals.problem(app.clock(), app.user_names.shown),
        free=free,
        floor=floor,
        state_dir=app.options.state_dir,
        salvage=app.database.salvage,
        spool=tuple(spool.problems(app.clock(), name_of)),
        damaged=await app.writer.submit(partial(damage.count, since=app.clock() - LOOK_BACK)),
    )
    found = [_told(problem, now) for problem in problems(facts)]
    return {
        "ok": not found,
        "problems": found,
        "config": config_document(app),
        "queue": {
            "waiting": waiting.waiting,
            "held": waiting.held,
            "failed": lately["failed"].total,
            "expired": lately["expired"].total,
            "oldest": None if oldest is None else rfc3339(oldest[0]),
        },
        "known": _known(now),
        "history": {"shortened": await shortened(app, since=app.clock() - LOOK_BACK)},
        "refused": app.intake.refusals.document(app.clock(), app.control.language),
        "spool": spool.document(name_of, app.control.language),
        "servers": _servers(app),
        "rates": {"accepted": _rate(app.events_in), "delivered": _rate(app.deliveries_out)},
        "possible_duplicates": app.possible_duplicates,
        "delivered": app.dispatcher.delivered,
        "started": rfc3339(app.started),
        "version": __version__,
    }


def _told(problem: Problem, present: Present) -> dict[str, Any]:
    language, failure = present.language, problem.failure
    return {
        "code": problem.code,
        "message": problem.text.in_language(language),
        "command": problem.command,
        "remedy": None if failure is None else present.remedy(failure).in_language(language),
    }


def _known(present: Present) -> dict[str, Any] | None:
    """Who said last that what had been lost is known."""
    if not present.acknowledged:
        return None
    last = present.acknowledged[-1]
    return {"user": last.user, "time": rfc3339(last.at)}


def config_document(app: "App") -> dict[str, Any]:
    """`config` of the status: its state, and what is wrong with what is on disk."""
    language, loaded = app.control.language, app.configuration.loaded_at
    return {
        "state": app.configuration.state,
        "path": app.options.config,
        "loaded": None if loaded is None else rfc3339(loaded),
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


def _rate(flow: RateCounter) -> dict[str, int]:
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
        return rfc3339(now - (loop_now - loop_time))

    return [
        {
            "server": state.server.address,
            "state": state.state,
            "since": at(state.since),
            "connections": connections.get(index, 0),
            "error": None if state.failure is None else state.failure.text.in_language(language),
            "next_attempt": rfc3339(_at(app, state.until))
            if state.state in ("down", "faulty")
            else None,
            "last_error": None
            if state.last_failure is None
            else {
                "time": at(state.last_failure[1]),
                "message": state.last_failure[0].text.in_language(language),
            },
        }
        for index, state in enumerate(servers.states)
    ]
