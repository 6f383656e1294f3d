"""`zaiond-ctl history`: what became of an event, and why."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from zaiond.ctl import control, documents, labels, output, words
from zaiond.ctl.arguments import number, seconds
from zaiond.ctl.commandline import Command, Example, Line, Option, exact
from zaiond.ctl.exit_status import FAILED, Fault
from zaiond.ctl.terminal import Cell, Fact, Page, Painted
from zaiond.ctl.words import listed
from zaiond.safe import clean
from zaiond.text import Language, Text

_DEFAULT_LIMIT = 50
_MOST = 10_000  # what the daemon gives at once

COMMANDS = (
    Command(
        "history [ID]",
        "イベントがどうなったかを、その理由とともに表示する\n"
        "1 行が 1 つのイベントです。ID を指定すると、イベントの内容、宛先ごとの結果、"
        "サーバーの応答、すべての試行を表示します。--type と --source の PATTERN には、シェルと同じ"
        " * ? [] を使えます。",
        "say what became of events, and why\n"
        "One line an event. With an ID everything: the event itself, what became of it for"
        " each recipient, the server's reply, each attempt. A PATTERN is a shell's: * ? [].",
        Option(
            "--since T",
            "T 以降のもの。日時（2013-05-25、2013-05-25T09:00）または 30m 2h 7d（前から）",
            "those from T on: a date or time (2013-05-25, 2013-05-25T09:00), or 30m, 2h, 7d ago",
        ),
        Option(
            "--type PATTERN",
            "種類が PATTERN に一致するもの（例: 'backup.*'）",
            "those of such a type (as 'backup.*')",
        ),
        Option(
            "--source PATTERN",
            "発行元が PATTERN に一致するもの（例: '*.service'）",
            "those of such a source (as '*.service')",
        ),
        Option(
            "--failed",
            "届いておらず、そのままでは届かないもの: 送信失敗、期限切れ、保留",
            "those that have not arrived and won't by themselves: failed, expired, held",
        ),
        Option(
            "--limit N",
            f"新しいものから N 件（既定値 {_DEFAULT_LIMIT}）",
            f"the newest N (default: {_DEFAULT_LIMIT})",
        ),
        Example(
            "history 01M85A8PXH01WZW9XTYRCT3QVE",
            "どのサーバーが、どの宛先に、何と応答したか",
            "which server, which recipient, which reply",
        ),
        Example("history --since 24h", "この 24 時間のイベント", "the events of the last 24 hours"),
        Example(
            "history --failed", "届かなかったものと、その理由", "what has not arrived, and why"
        ),
    ),
)


def run(line: Line) -> int:
    """Asks the daemon; of an event with an ID everything is shown, of several a line each."""
    limit = _limit(line.text("limit"))
    arguments: dict[str, Any] = {"limit": limit, **line.exact("type", "source")}
    since = line.text("since")
    if since is not None:
        begin = moment(since)
        if begin is None:
            raise Fault(words.not_since(text=since))
        arguments["since"] = begin
    if line.flag("failed"):
        arguments["failed"] = True
    if line.operands:
        arguments["id"] = exact(line.operands[0])
    reply = control.ask(line, "history", **arguments)
    events: list[dict[str, Any]] = reply.result["events"]
    if line.operands:
        output.answer(line, reply.result, lambda: _whole(events, reply.language))
    else:
        now = datetime.now().astimezone()
        output.answer(line, reply.result, lambda: listing(events, reply.language, now))
    if reply.result.get("truncated"):
        output.complain(words.CUT_OFF, reply.language)
    if line.operands and not events:
        output.complain(gone(line.operands[0], reply.result), reply.language)
        return FAILED
    return 0


def gone(id_: str, result: dict[str, Any]) -> Text:
    """Why there may be no event of this id, by the document of `history`."""
    users = [
        labels.up_to(user=one["user"], newest=documents.when(one["newest"]))
        for one in result.get("shortened") or []
    ]
    return labels.gone(id=id_, shortened=labels.shortened(users=listed(users)) if users else "")


def moment(text: str) -> float | None:
    """`--since` in seconds since the epoch: a time, local if it names no offset, or so long ago;
    None: it is neither."""
    ago = seconds(text)
    try:
        if ago is not None:
            time = datetime.now().astimezone() - timedelta(seconds=ago)
        else:
            time = datetime.fromisoformat(text)
        return time.timestamp()
    except (ValueError, OverflowError):
        return None


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT_LIMIT
    limit = number(text, 1, _MOST)
    if limit is None:
        raise Fault(words.no_limit(most=_MOST, text=text))
    return limit


def _whole(events: list[dict[str, Any]], language: Language) -> Iterator[str]:
    for index, event in enumerate(events):
        yield from [""] if index else []
        yield from of(event, language)


def of(event: dict[str, Any], language: Language) -> Page:
    """Everything about one event."""
    page = Page(language)
    page.line(Painted(event["id"], "bold"))
    page.facts(facts(event), "  ")
    if event.get("message"):
        page.gap()
        page.line(labels.MESSAGE, "  ")
        for text in message(event).split("\n"):
            page.line(text, "    ")
    for name, title in (("data", labels.DATA), ("extensions", labels.EXTENSIONS)):
        fields = members(event, name)
        if fields:
            page.gap()
            page.line(title, "  ")
            page.table(fields, "    ")
    for one in event.get("deliveries") or []:
        page.gap()
        add_delivery(page, one)
    return page


def facts(event: dict[str, Any]) -> list[Fact]:
    """What is known of an event beside its own text."""
    return [
        (labels.TYPE, event["type"]),
        (labels.SUBJECT, event.get("subject")),
        (labels.SEVERITY, documents.severity(event.get("severity"))),
        (labels.TIME, documents.when(event["time"])),
        (labels.ACCEPTED, documents.when(event.get("accepted"))),
        (labels.SOURCE, event["source"]),
        (labels.USER, documents.user_of(event)),
        (labels.NOTE, labels.NO_NOTICE if documents.poses_as_notice(event) else None),
        (labels.KEY, _key(event)),
        (labels.JOB, event.get("job")),
        *outcome_facts(event),
    ]


def message(event: dict[str, Any]) -> str:
    """The event's text, as a terminal would show it at last."""
    return clean(event["message"]).expandtabs()


def members(event: dict[str, Any], name: str) -> list[tuple[str, str]]:
    """What `data` or `extensions` has, each value in a line."""
    fields: dict[str, Any] = event.get(name) or {}
    return [
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in fields.items()
    ]


def outcome_facts(event: dict[str, Any]) -> list[Fact]:
    """What became of an event, and why; and the mails of it that are to come."""
    told: list[Fact] = [(labels.OUTCOME, documents.outcome(event))]
    made = {one.get("message_id") for one in event["deliveries"]}
    for one in event.get("routing") or ():
        if one["message_id"] in made:
            continue
        told.append((labels.ROUTE, one["route"]))
        told.append((labels.WHEN, one["due"] and documents.when(one["due"])))
    why = event.get("reason") or ""
    routed = (one.get("reason") or "" for one in event.get("routing") or ())
    whole = dict.fromkeys((why, *(reason for reason in routed if reason not in why)))
    return [*told, (labels.WHY, "; ".join(filter(None, whole)) or None)]


def add_delivery(page: Page, delivery: dict[str, Any]) -> None:
    """What became of an event for one recipient."""
    state, server = documents.state_of(delivery), delivery.get("server") or ""
    page.table([(delivery["recipient"], state, server)], "  ")
    for label, value in delivery_facts(delivery):
        page.labelled(label, value, "    ")
    page.table(attempts(delivery), "    ")


def delivery_facts(delivery: dict[str, Any]) -> list[tuple[Text, str | None]]:
    """Why a delivery stands as it does, and what comes next."""
    hold, next_ = delivery.get("hold") or {}, delivery.get("next_attempt")
    label = labels.REPLY if delivery["outcome"] == "delivered" else labels.WHY
    return [
        (label, delivery.get("reason") or delivery.get("reply")),
        (labels.HELD_SINCE, documents.when(hold["since"]) if hold else None),
        (labels.REMEDY, hold.get("remedy")),
        (labels.NEXT_TRY, next_ and documents.when(next_)),
    ]


def attempts(delivery: dict[str, Any]) -> list[list[Cell]]:
    """A row for each: its number, when it ended, how, at which server, and what that said."""
    rows: list[list[Cell]] = []
    for one in delivery["attempts"]:
        ended, state = documents.when(one["ended"]), documents.state_of(delivery, one["outcome"])
        server, reply = one.get("server") or "-", one.get("reply") or ""
        rows.append([f"#{one['number']}", ended, state, server, reply])
    return rows


def _key(event: dict[str, Any]) -> Cell | None:
    key, status = event.get("key"), event.get("status")
    if key is None or status is None:
        return key
    return labels.key_in_state(key=key, state=labels.KEY_STATES.get(status, status))


def listing(events: list[dict[str, Any]], language: Language, now: datetime) -> Page:
    """A line for each event: when, its outcome, what it is about, and why it has not arrived."""
    page = Page(language)
    if not events:
        page.line(labels.NO_EVENTS)
    rows: list[list[Cell]] = []
    for event in events:
        time, outcome = documents.brief(event["time"], now), documents.outcome(event)
        rows.append([time, outcome, event["id"], about(event)])
    page.table(rows)
    return page


def about(event: dict[str, Any]) -> str | Text:
    """What an event is about, and why it has not arrived."""
    said = documents.about(event)
    # Of what has arrived a server's reply says nothing new.
    why = event.get("remark" if event["outcome"] == "delivered" else "reason")
    return labels.said_of(what=said, said=" ".join(why.split())) if why else said
