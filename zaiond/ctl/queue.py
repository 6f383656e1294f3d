"""`zaiond-ctl queue`: what waits for the mail server."""

from datetime import datetime
from typing import Any

from zaiond.ctl import control, documents, labels, times
from zaiond.ctl.commandline import Command, Example, Line, Option, exact
from zaiond.ctl.exit_status import Fault
from zaiond.ctl.terminal import Page, one_line
from zaiond.text import Language, Text

COMMANDS = (
    Command(
        "queue list",
        "送信を待っているメールを、理由ごとに一覧表示する",
        "list what waits to be mailed, by what it waits for",
        Example("queue list", "何が、なぜ待っているかを見る", "see what waits, and why"),
        Example(
            "queue list --json", "監視プログラムなどで使う", "for a program, such as a monitor"
        ),
    ),
    Command(
        "queue retry [ID...]",
        "メールを現在の設定で作り直し、すぐに送る\n"
        "ID（イベント ID）を指定すると、履歴にある間は、送信失敗や期限切れのメールも送り直します。"
        "省略すると、待っているものと保留中のものすべてが対象になります。",
        "make the mail anew by the configuration in force, and send it now\n"
        "With an ID (an event's id) also what has failed or expired, as long as it is in the"
        " history; without one, all that waits or is held.",
        Example("queue retry", "すべてをすぐに送り直す", "try all now"),
        Example(
            "queue retry 01M85A8PXH01WZW9XTYRCT3QVE",
            "1 つのイベントのメールを送り直す",
            "try the mail of one event, also one that has failed",
        ),
    ),
    Command(
        "queue delete ID...",
        "待っているメールを送らずに削除する（元に戻せません）\n"
        "ID はイベントを送ったプログラムが決めるため、複数のユーザーや発行元のイベントが、同じ "
        "ID を持つことがあります。その場合は何も削除せず、だれのイベントかを表示します。",
        "delete mail that waits, unsent; there is no way back\n"
        "Programs choose the ids of their events, so events of several users or sources may have"
        " the same. Then nothing is deleted, and it is said whose they are.",
        Option(
            "--user USER",
            "このユーザー（名前または uid）のイベントだけを対象にする",
            "only events of this user (a name or a uid)",
        ),
        Option(
            "--source PATTERN",
            "発行元が PATTERN に一致するイベントだけを対象にする（例: '*.service'）",
            "only events of such a source (as '*.service')",
        ),
        Example(
            "queue delete 01M85A8PXH01WZW9XTYRCT3QVE",
            "このイベントのメールを送らない",
            "don't mail this event",
        ),
        Example(
            "queue delete --user backup nightly-2013-05-25",
            "ほかのユーザーも使っている ID のとき",
            "where another user has used the id, too",
        ),
    ),
)

_COLUMNS = (
    labels.AGE, labels.NEXT_TRY, labels.TRIES, labels.EVENT_ID, labels.TO, labels.SUBJECT,
)  # fmt: skip
_MOST_DIGITS = 10  # of a uid
_ORDER = {"held": "red", "deferred": "bold", "waiting": "bold"}  # the worst first; its colour


def run(line: Line) -> int:
    """Asks the daemon, and says what it did."""
    if line.name == "queue list":
        return documents.listed(line, "deliveries", listing)
    ids = [exact(word) for word in line.operands]
    arguments: dict[str, Any] = {"ids": ids, **line.exact("source")}
    user = line.text("user")
    if user is not None:
        arguments["uid"] = _uid(user)
    reply = control.ask(line, line.name.replace(" ", "."), **arguments)
    result: dict[str, Any] = reply.result
    unknown, ambiguous = result.get("unknown", []), result.get("ambiguous", [])
    return documents.changed(
        line,
        reply,
        [
            [_ids(one), one["recipient"] or "-", documents.about(one)]
            for one in result["deliveries"]
        ],
        [
            *(labels.no_event(id=id_) for id_ in unknown),
            *(labels.in_flight(id=id_) for id_ in result.get("under_way", [])),
            *map(_ambiguous, ambiguous),
        ],
        failed=bool(unknown or ambiguous),
    )


def _uid(user: str) -> int:
    """The uid of a user by his name, or as it is. Raises Fault."""
    import pwd

    try:
        return pwd.getpwnam(user).pw_uid
    except (KeyError, ValueError):  # a NUL
        if user.isascii() and user.isdigit() and len(user) <= _MOST_DIGITS:
            return int(user)
    raise Fault(labels.no_user(user=user))


def _ambiguous(one: dict[str, Any]) -> Text:
    """Whose the events of an id are, and how to say which is meant."""
    owners = [
        labels.owner(user=documents.user(each["uid"]), source=one_line(each["source"]))
        for each in one["owners"]
    ]
    more = one["events"] - len(owners)
    if more:
        owners.append(labels.more_owners(number=more))
    joined = Text("".join(each.ja for each in owners), "".join(each.en for each in owners))
    return labels.ambiguous(id=one["id"], number=one["events"], owners=joined)


def listing(deliveries: list[dict[str, Any]], language: Language, now: datetime) -> Page:
    """What waits, by what it waits for; what is the same for many is said once."""
    page = Page(language)
    if not deliveries:
        page.line(labels.NOTHING_WAITS)
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for one in deliveries:
        remedy = (one.get("hold") or {}).get("remedy")
        waits_for = one["state"], one.get("reason") or "", remedy or ""
        groups.setdefault(waits_for, []).append(one)
    order = list(_ORDER)
    for waits_for in sorted(groups, key=lambda waits_for: order.index(waits_for[0])):
        _group(page, *waits_for, groups[waits_for], now)
    return page


def _group(
    page: Page,
    state: str,
    reason: str,
    remedy: str,
    deliveries: list[dict[str, Any]],
    now: datetime,
) -> None:
    documents.heading(page, labels.STATES[state], _ORDER[state], len(deliveries))
    page.labelled(labels.WHY, reason, "  ")
    page.labelled(labels.REMEDY, remedy, "  ")
    columns = dict(zip(_COLUMNS, zip(*_rows(deliveries, now), strict=True), strict=True))
    for label in (labels.NEXT_TRY, labels.TO):
        if len(set(columns[label])) == 1:  # it stands above the rows
            value = columns.pop(label)[0]
            page.labelled(label, "" if value == "-" else value, "  ")
    if set(columns[labels.TRIES]) == {"-"}:
        del columns[labels.TRIES]
    page.table(zip(*columns.values(), strict=True), "  ", head=columns)


def _rows(deliveries: list[dict[str, Any]], now: datetime) -> list[tuple[str | Text, ...]]:
    """One for each mail: its recipients are in one, where nothing else differs."""
    # What an address holds is tried by one delivery for all.
    probes: dict[str | None, str] = {}
    for one in deliveries:
        if one["state"] == "held" and one["next_attempt"]:
            probes.setdefault(one["recipient"], one["next_attempt"])
    merged: dict[tuple[str | Text, ...], list[str]] = {}
    for one in deliveries:
        next_try = times.soon(one["next_attempt"] or probes.get(one["recipient"]), now)
        tries = str(one["attempts"] or "-")
        mail = times.age(one.get("accepted"), now), next_try, tries, _ids(one), documents.about(one)
        merged.setdefault(mail, []).append(one["recipient"] or "-")
    return [(*mail[:-1], ", ".join(to), mail[-1]) for mail, to in merged.items()]


def _ids(delivery: dict[str, Any]) -> str:
    ids = delivery["event_ids"]
    more = f" +{len(ids) - 1}" if len(ids) > 1 else ""
    return f"{ids[0]}{more}" if ids else "-"
