"""`zaiond-ctl history`: what became of an event, and why."""

import json
import re
from datetime import datetime, timedelta
from typing import Any

from zaiond.ctl import control, labels, output
from zaiond.ctl.commandline import Command, Fault, Line, Option
from zaiond.ctl.exit_status import FAILED
from zaiond.ctl.output import Painted
from zaiond.message.clean import clean
from zaiond.text import Language, Text

_DEFAULT_LIMIT = 50
_MOST = 10_000  # what the daemon gives at once
COMMANDS = (
    Command(
        "history",
        operands=("[ID]",),
        ja="イベントがどうなったかを、その理由とともに表示する",
        en="say what became of events, and why",
        more_ja="1 行が 1 つのイベントです。ID を指定すると、イベントの内容、宛先ごとの結果、"
        "サーバーの応答、すべての試行を表示します。--type と --source の PATTERN には、シェルと同じ"
        " * ? [] を使えます。",
        more_en="One line an event. With an ID everything: the event itself, what became of it for"
        " each recipient, the server's reply, each attempt. A PATTERN is a shell's: * ? [].",
        options=(
            Option(
                "--since",
                value="T",
                ja="T 以降のもの。日時（2013-05-25、2013-05-25T09:00）または 30m 2h 7d（前から）",
                en="those from T on: a date or time (2013-05-25, 2013-05-25T09:00), or 30m, 2h,"
                " 7d ago",
            ),
            Option(
                "--type",
                value="PATTERN",
                ja="種類が PATTERN に一致するもの（例: 'backup.*'）",
                en="those of such a type (as 'backup.*')",
            ),
            Option(
                "--source",
                value="PATTERN",
                ja="発行元が PATTERN に一致するもの（例: '*.service'）",
                en="those of such a source (as '*.service')",
            ),
            Option(
                "--failed",
                ja="届いておらず、そのままでは届かないもの: 送信失敗、期限切れ、保留",
                en="those that have not arrived and won't by themselves: failed, expired, held",
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
            ("history --failed", "届かなかったものと、その理由", "what has not arrived, and why"),
        ),
    ),
)
_AGO = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def run(line: Line) -> int:
    """Asks the daemon; of an event with an ID everything is shown, of several a line each."""
    arguments: dict[str, Any] = {"limit": _limit(line.text("limit"))}
    since = line.text("since")
    if since is not None:
        arguments["since"] = moment(since)
    for name in ("type", "source"):
        if line.flag(name):
            (arguments[name],) = output.exact([line.text(name) or ""])
    if line.flag("failed"):
        arguments["failed"] = True
    if line.operands:
        (arguments["id"],) = output.exact(line.operands)
    reply = control.ask(line, "history", **arguments)
    events: list[dict[str, Any]] = reply.result["events"]
    if line.flag("json"):
        output.document(reply.result)
    elif line.operands:
        for number, event in enumerate(events):
            output.show([*([""] if number else []), *of(event, reply.language)])
    elif events:
        output.show(listing(events, reply.language, datetime.now().astimezone()))
    else:
        output.say(Text("イベントはありません", "No events").in_language(reply.language))
    if reply.result.get("truncated"):
        output.complain(
            Text(
                "すべてを表示するには長すぎるため、ここより新しいものを省きました"
                "（続き: --since、または --limit で減らす）",
                "too long to be shown whole: what is newer than the last of these is left out"
                " (to go on: --since; for less: --limit)",
            ),
            reply.language,
        )
    if line.operands and not events:
        output.complain(_gone(line.operands[0], reply.result), reply.language)
        return FAILED
    return 0


def _gone(id_: str, result: dict[str, Any]) -> Text:
    ja = "この ID のイベントはありません（受け付けていないか、保存期間 queue.keep を過ぎています"
    en = "no event with this id (never accepted, or older than queue.keep"
    shortened: list[dict[str, Any]] = result.get("shortened") or []
    if shortened:
        of = [(one["user"], output.when(one["newest"])) for one in shortened]
        users_ja = "、".join(f"{user} の {newest} までのもの" for user, newest in of)
        users_en = ", ".join(f"of {user} up to {newest}" for user, newest in of)
        ja += f"。または、履歴が多すぎたため終了後に削除されました: {users_ja}"
        en += f"; or deleted after its end, as there was too much history: {users_en}"
    return Text(f"{id_}: {ja}）", f"{id_}: {en})")


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


def of(event: dict[str, Any], language: Language) -> list[str]:
    """Everything about one event."""

    def row(ja: str, en: str, value: Any) -> list[list[str | Painted]]:
        if value in (None, "", {}):
            return []
        return [[Text(ja, en).in_language(language), value]]

    state = labels.painted_state(event["outcome"], language)
    no_notice = Text(
        "zaiond 自身の通知ではなく、このユーザーが送ったイベントです",
        "no notice of zaiond itself: this user sent the event",
    ).in_language(language)
    rows = [
        *row("種類", "Type", event["type"]),
        *row("件名", "Subject", event.get("subject")),
        *row("重大度", "Severity", _severity(event.get("severity"), language)),
        *row("日時", "Time", output.when(event["time"])),
        *row("受け付け", "Accepted", output.when(event.get("accepted"))),
        *row("発行元", "Source", event["source"]),
        *row("ユーザー", "User", labels.user(event["uid"])),
        *row("注意", "Note", no_notice if labels.poses_as_notice(event) else None),
        *row("キー", "Key", _key(event, language)),
        *row("ジョブ", "Job", event.get("job")),
        *row("結果", "Outcome", state),
        *row("理由", "Why", event.get("reason")),
    ]
    lines = [*output.wrapped(Painted(event["id"], "bold")), *output.table(rows, "  ")]
    if event.get("message"):
        lines += ["", *output.wrapped(Text("メッセージ:", "Message:").in_language(language), "  ")]
        for text in clean(event["message"]).split("\n"):
            lines += output.wrapped(text.expandtabs(), "    ")
    for name, title in (
        ("data", Text("データ:", "Data:")),
        ("extensions", Text("拡張:", "Extensions:")),
    ):
        fields: dict[str, Any] = event.get(name) or {}
        if fields:
            lines += ["", *output.wrapped(title.in_language(language), "  ")]
            lines += output.table([[key, _value(value)] for key, value in fields.items()], "    ")
    for one in event.get("deliveries") or []:
        lines += ["", *_delivery(one, language)]
    return lines


def _delivery(delivery: dict[str, Any], language: Language) -> list[str]:
    state = labels.painted_state(delivery["outcome"], language)
    server = delivery.get("server") or ""
    lines = output.table([[delivery["recipient"], state, server]], "  ")
    hold = delivery.get("hold") or {}
    next_ = delivery.get("next_attempt")
    for label, text in (
        (
            Text("応答", "Reply") if delivery["outcome"] == "delivered" else Text("理由", "Why"),
            delivery.get("reason") or delivery.get("reply"),
        ),
        (Text("保留の開始", "Held since"), hold and output.when(hold["since"])),
        (Text("対処", "Remedy"), hold and hold.get("remedy")),
        (Text("次の試行", "Next try"), next_ and output.when(next_)),
    ):
        if text:
            lines += output.wrapped(f"{label.in_language(language)}: {text}", "    ", "      ")
    attempts = [
        [
            f"#{one['number']}",
            output.when(one["ended"]),
            labels.painted_state(one["outcome"], language),
            one.get("server") or "-",
            one.get("reply") or "",
        ]
        for one in delivery["attempts"]
    ]
    return lines + output.table(attempts, "    ")


def _severity(severity: str | None, language: Language) -> str | None:
    if severity is None or language == "en":
        return severity
    from zaiond.message.locale.ja import WORDS

    return f"{WORDS.severity.get(severity, severity)} ({severity})"  # type: ignore[call-overload]


def _key(event: dict[str, Any], language: Language) -> str | None:
    key, status = event.get("key"), event.get("status")
    if key is None or status is None:
        return key
    ja, en = {"ok": ("復旧", "ok"), "problem": ("障害発生", "problem")}.get(
        status, (status, status)
    )
    return Text(f"{key}（{ja}）", f"{key} ({en})").in_language(language)


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def listing(events: list[dict[str, Any]], language: Language, now: datetime) -> list[str]:
    """A line for each event: when, its outcome, what it is about, and why it has not arrived."""
    rows: list[list[str | Painted]] = []
    for event in events:
        about = labels.about(event, language)
        # Of what has arrived a server's reply says nothing new.
        why = event.get("remark" if event["outcome"] == "delivered" else "reason")
        if why:
            about = f"{about}: {' '.join(why.split())}"
        rows.append(
            [
                output.brief(event["time"], now),
                labels.painted_state(event["outcome"], language),
                event["id"],
                about,
            ]
        )
    return output.table(rows)
