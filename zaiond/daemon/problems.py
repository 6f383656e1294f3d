"""What an administrator should look at, and how it is said. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from zaiond.daemon.documents import why
from zaiond.daemon.waiting import Waiting
from zaiond.holds import Hold
from zaiond.localtime import rfc3339
from zaiond.smtp.failure import Failure
from zaiond.store.queries import NAMED, Lost
from zaiond.store.recovery import Salvage
from zaiond.text import Text

STUCK_AFTER = 2.0  # times queue.retry_max: then something that waits is no longer ordinary
HOLDS_TOLD = 3  # one by one; of more only how many
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
