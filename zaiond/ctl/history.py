"""`zaiond-ctl history`: what became of an event, and why."""

import re
from datetime import datetime, timedelta
from typing import Any

from zaiond.ctl import control, output, words
from zaiond.ctl.commandline import Command, Fault, Line, Option
from zaiond.ctl.failure import FAILED
from zaiond.text import Language, Text

_DEFAULT_LIMIT = 50
_MOST = 10_000  # what the daemon gives at once
COMMANDS = (
    Command(
        "history",
        operands=("[ID]",),
        ja="イベントがどうなったか、その理由とともに表示する",
        en="say what became of an event, and why",
        options=(
            Option(
                "--since",
                value="T",
                ja="T 以降のもの。日時（2013-05-25、2013-05-25T09:00）または 30m 2h 7d（前から）",
                en="those from T on: a date or time (2013-05-25, 2013-05-25T09:00), or 30m, 2h,"
                " 7d ago",
            ),
            Option(
                "--limit",
                value="N",
                ja=f"新しいものから N 件（既定値 {_DEFAULT_LIMIT}）",
                en=f"the newest N (default: {_DEFAULT_LIMIT})",
            ),
        ),
        examples=(
            (
                "history 01M85A8PXH01WZW9XTYRCT3QVE",
                "どのサーバーが、どの宛先に、何と応答したか",
                "which server, which recipient, which reply",
            ),
            ("history --since 24h", "この 24 時間のイベント", "the events of the last 24 hours"),
        ),
    ),
)
_AGO = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def run(line: Line) -> int:
    """Asks the daemon; one event is shown with its attempts, several without."""
    arguments: dict[str, Any] = {"limit": _limit(line.text("limit"))}
    since = line.text("since")
    if since is not None:
        arguments["since"] = moment(since)
    if line.operands:
        (arguments["id"],) = output.exact(line.operands)
    reply = control.ask(line, "history", **arguments)
    events: list[dict[str, Any]] = reply.result["events"]
    if line.flag("json"):
        output.document(reply.result)
    elif events:
        attempts = bool(line.operands)
        output.say("\n".join(text for one in events for text in of(one, reply.language, attempts)))
    elif not line.operands:
        output.say(Text("イベントはありません", "No events").in_language(reply.language))
    if line.operands and not events:
        output.complain(
            Text(
                f"{line.operands[0]}: この ID のイベントはありません"
                "（受け付けていないか、保存期間 queue.keep を過ぎています）",
                f"{line.operands[0]}: no event with this id"
                " (never accepted, or older than queue.keep)",
            ),
            reply.language,
        )
        return FAILED
    return 0


def moment(text: str) -> float:
    """`--since` in seconds since the epoch: a time, local if it names no offset, or so long ago.

    Raises Fault.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            time = datetime.now().astimezone() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        else:
            time = datetime.fromisoformat(text)
        return time.timestamp()
    except (ValueError, OverflowError):
        raise Fault(
            f"--since は 2013-05-25、2013-05-25T09:00、2h のように指定してください: {text}",
            f"--since takes 2013-05-25, 2013-05-25T09:00, 2h, or the like: {text}",
        ) from None


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MOST):
        raise Fault(
            f"--limit は 1 から {_MOST} までの整数にしてください: {text}",
            f"--limit takes a number from 1 to {_MOST}: {text}",
        )
    return int(text)


def of(event: dict[str, Any], language: Language, attempts: bool) -> list[str]:
    """The lines about one event; with each attempt, if wanted."""
    about = f"  {output.one_line(event['subject'])}" if event.get("subject") else ""
    origin = f"{event['source']} (uid {event['uid']})"
    outcome = words.state(event["outcome"], language)
    why = f": {output.one_line(event['reason'])}" if event.get("reason") else ""
    lines = [
        output.one_line(f"{event['id']}  {output.when(event['time'])}  {event['type']}") + about,
        f"    {output.one_line(origin)}",
        f"    {outcome}{why}",
    ]
    deliveries = event.get("deliveries") or []
    if deliveries and not attempts:
        lines += output.table([_delivery(one, language) for one in deliveries], "      ")
    elif deliveries:
        for one in deliveries:
            lines.append("      " + "  ".join(_delivery(one, language)[:2]).rstrip())
            if one["attempts"]:
                lines += output.table(
                    [_attempt(each, language) for each in one["attempts"]], " " * 8
                )
            if one.get("next_attempt"):
                next_ = Text("次回", "next").in_language(language)
                lines.append(f"        {next_}: {output.when(one['next_attempt'])}")
    return lines


def _delivery(delivery: dict[str, Any], language: Language) -> list[str]:
    return [
        delivery["recipient"],
        words.state(delivery["outcome"], language),
        delivery.get("server") or "",
        delivery.get("reply") or "",
    ]


def _attempt(attempt: dict[str, Any], language: Language) -> list[str]:
    return [
        f"#{attempt['number']}",
        output.when(attempt["ended"]),
        words.state(attempt["outcome"], language),
        attempt.get("server") or "",
        attempt.get("reply") or "",
    ]
