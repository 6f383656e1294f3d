"""`zaiond-ctl queue` and `spool`: what waits for the mail server, and what for the daemon."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from zaiond.ctl import control, documents, labels, output, words
from zaiond.ctl.arguments import whose
from zaiond.ctl.commandline import Command, Example, Line, Option, exact
from zaiond.ctl.exit_status import FAILED
from zaiond.ctl.terminal import Cell, Page, Painted, one_line
from zaiond.places import Advice, event
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
            "このユーザー（名前、uid、またはほかのマシンの USER@MACHINE）のイベントだけを"
            "対象にする",
            "only events of this user (a name, a uid, or USER@MACHINE of another machine)",
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
    Command(
        "spool list",
        "スプールに残っているファイルを、理由とともに一覧表示する\n"
        "スプールには、デーモンの停止中に送られたイベントのファイルがあります。受け付けられない"
        "イベントのあるファイルは、拒否されたファイルとして保管されます（1000 個、64 MiB まで）。"
        "名前のうち表示できない文字は \\x0a のように表示します。この形のまま指定できます。",
        "list the files that are still in the spool, and why\n"
        "The spool has files of events that were sent while the daemon was down. A file with"
        " events that can't be taken is kept as refused (up to 1000 files and 64 MiB of them)."
        " What can't be shown of a name is shown as \\x0a; it can be given like that.",
        Example("spool list", "何が、なぜ残っているかを見る", "see what is there, and why"),
        Example(
            "spool list --json", "監視プログラムなどで使う", "for a program, such as a monitor"
        ),
    ),
    Command(
        "spool retry [NAME...]",
        "拒否されたファイルを、もう一度受け付ける\n"
        "NAME を省略すると、拒否されたすべてのファイルが対象になります。受け付け済みのイベントが"
        "二重に送られることはありません。",
        "take refused files in again\n"
        "Without a NAME, all that were refused. Events that were taken before are not mailed"
        " twice.",
        Example("spool retry", "すべてをもう一度受け付ける", "try all again"),
        Example(
            "spool retry 01M85A8PXH01WZW9XTYRCT3QVE.json",
            "1 つのファイルをもう一度受け付ける",
            "try one file again",
        ),
    ),
    Command(
        "spool delete NAME...",
        "スプールのファイルを、受け付けずに削除する（元に戻せません）",
        "delete files of the spool, as they are; there is no way back",
        Example(
            "spool delete 01M85A8PXH01WZW9XTYRCT3QVE.json",
            "このファイルのイベントは不要",
            "the events of this file are not wanted",
        ),
    ),
)

_ORDER = {"held": "red", "deferred": "bold", "waiting": "bold"}  # the worst first; its colour


def run(line: Line) -> int:
    """Asks the daemon, and says what it did."""
    if line.name == "queue list":
        return _listed(line, "deliveries", listing)
    if line.name == "spool list":
        return _listed(line, "files", spool_listing)
    return _change_queue(line) if line.group == "queue" else _change_spool(line)


def _change_queue(line: Line) -> int:
    ids = [exact(word) for word in line.operands]
    arguments: dict[str, Any] = {"ids": ids, **line.exact("source")}
    user = line.text("user")
    if user is not None:
        arguments |= whose(user)
    reply = control.ask(line, line.name.replace(" ", "."), **arguments)
    result: dict[str, Any] = reply.result
    unknown, ambiguous = result.get("unknown", []), result.get("ambiguous", [])
    found = result["deliveries"]
    rows = [[shown_ids(one), one["recipient"] or "-", documents.about(one)] for one in found]
    left = [one.at_terminal() for one in unchanged(result)]
    if ambiguous:
        left.append(words.WHICH_EVENT)
    return _changed(line, reply, rows, left, failed=bool(unknown or ambiguous))


def unchanged(result: dict[str, Any]) -> list[Advice]:
    """What was left alone, and why, of the document of `queue retry` and `queue delete`."""
    said = [Advice(labels.no_event(id=id_)) for id_ in result.get("unknown", [])]
    for id_ in result.get("under_way", []):
        said.append(Advice(labels.in_flight(id=id_), (event(id_),)))
    return [*said, *(Advice(_ambiguous(one)) for one in result.get("ambiguous", []))]


def _change_spool(line: Line) -> int:
    names = [exact(word) for word in line.operands]
    reply = control.ask(line, line.name.replace(" ", "."), names=names)
    result: dict[str, Any] = reply.result
    left = spool_unchanged(result)
    rows = [[name] for name in result["files"]]
    return _changed(line, reply, rows, left, failed=bool(left))


def spool_unchanged(result: dict[str, Any]) -> list[Text]:
    """What was left alone, and why, of the document of `spool retry` and `spool delete`."""
    unknown = [labels.no_file(name=name) for name in result["unknown"]]
    failed = [labels.said_of(what=one["name"], said=one["reason"]) for one in result["failed"]]
    return [*unknown, *failed]


def _ambiguous(one: dict[str, Any]) -> Text:
    """Whose the events of an id are, and how to say which is meant."""
    owners = [
        labels.owner(user=documents.user_of(each), source=one_line(each["source"]))
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
    for group in groups(deliveries):
        rows = [
            (one.age, one.next_try, one.tries, one.ids, one.to, one.about)
            for one in mails(group.deliveries, now)
        ]
        number, colour = len(group.deliveries), _ORDER[group.state]
        state = labels.STATES[group.state]
        _heading(page, state, colour, number, group.reason, group.remedy)
        due = group.due
        head = labels.AGE, due, labels.TRIES, labels.EVENT_ID, labels.TO, labels.SUBJECT
        columns = dict(zip(head, zip(*rows, strict=True), strict=True))
        for label in (due, labels.TO):
            if len(set(columns[label])) == 1:  # it stands above the rows
                value = columns.pop(label)[0]
                page.labelled(label, "" if value == "-" else value, "  ")
        if set(columns[labels.TRIES]) == {"-"}:
            del columns[labels.TRIES]
        page.table(zip(*columns.values(), strict=True), "  ", head=columns)
    return page


class Group(NamedTuple):
    """Deliveries that wait for the same; `reason` and `remedy` are "" where there is none. `due` is
    what the time is at which they go on: the first try of a mail to come is no next one.
    """

    state: str
    reason: str
    remedy: str
    due: Text
    deliveries: list[dict[str, Any]]


def groups(deliveries: Iterable[dict[str, Any]]) -> list[Group]:
    """What waits, by what it waits for, the worst first."""
    found: dict[tuple[str, str, str, Text], list[dict[str, Any]]] = {}
    for one in deliveries:
        remedy = (one.get("hold") or {}).get("remedy")
        due = labels.WHEN if one.get("when") else labels.NEXT_TRY
        waits_for = one["state"], one.get("reason") or "", remedy or "", due
        found.setdefault(waits_for, []).append(one)
    order = list(_ORDER)
    return [
        Group(*waits_for, found[waits_for])
        for waits_for in sorted(found, key=lambda waits_for: order.index(waits_for[0]))
    ]


class Mail(NamedTuple):
    """A row: what is told of a mail; `ids` as shown; `of` is the document of its first delivery."""

    age: str | Text
    next_try: str
    tries: str
    ids: str
    about: str | Text
    to: str = ""
    of: dict[str, Any] | None = None


def mails(deliveries: Iterable[dict[str, Any]], now: datetime) -> list[Mail]:
    """One for each mail: its recipients are in one, where nothing else differs."""
    deliveries = list(deliveries)
    # What an address holds is tried by one delivery for all.
    probes: dict[str | None, str] = {}
    for one in deliveries:
        if one["state"] == "held" and one["next_attempt"]:
            probes.setdefault(one["recipient"], one["next_attempt"])
    merged: dict[Mail, Mail] = {}
    for one in deliveries:
        mail = Mail(
            documents.age(one.get("accepted"), now),
            documents.soon(one["next_attempt"] or probes.get(one["recipient"]), now),
            str(one["attempts"] or "-"),
            shown_ids(one),
            documents.about(one),
        )
        to, same = one["recipient"] or "-", merged.get(mail)
        to, of = (to, one) if same is None else (f"{same.to}, {to}", same.of)
        merged[mail] = mail._replace(to=to, of=of)
    return list(merged.values())


def shown_ids(delivery: dict[str, Any]) -> str:
    """The id of its event, or of the first of them and how many more there are."""
    ids = delivery["event_ids"]
    number = delivery.get("events") or len(ids)  # of a mail to many, not all ids are there
    more = f" +{number - 1}" if number > 1 else ""
    return f"{ids[0]}{more}" if ids else "-"


def spool_listing(files: list[dict[str, Any]], language: Language, now: datetime) -> Page:
    """What is in the spool, each reason once above its files."""
    page = Page(language)
    if not files:
        page.line(labels.EMPTY_SPOOL)
    for (state, reason), group in spool_groups(files).items():
        word = labels.FILE_STATES.get(state, state)
        _heading(page, word, "bold" if state == "waiting" else "red", len(group), reason)
        rows = [
            [one["user"], documents.age(one["since"], now), str(one["bytes"]), one["name"]]
            for one in group
        ]
        page.table(rows, "  ", head=(labels.USER, labels.AGE, labels.BYTES, labels.NAME))
    return page


def spool_groups(files: Iterable[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Files of the spool by their state and the reason, which is "" where there is none."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in files:
        found.setdefault((one["state"], one["reason"] or ""), []).append(one)
    return found


def _heading(
    page: Page, state: str | Text, colour: str, number: int, reason: str, remedy: str = ""
) -> None:
    """Above the rows for which all of this is the same."""
    page.gap()
    page.line(Painted(labels.number_in_state(state=state, number=number), colour))
    page.labelled(labels.WHY, reason, "  ")
    page.labelled(labels.REMEDY, remedy, "  ")


def _listed(
    line: Line, rows: str, listing: Callable[[list[dict[str, Any]], Language, datetime], Page]
) -> int:
    """Shows what the daemon lists as `rows`."""
    reply = control.ask(line, line.name.replace(" ", "."))
    found: list[dict[str, Any]] = reply.result[rows]
    now = datetime.now().astimezone()
    output.answer(line, reply.result, lambda: listing(found, reply.language, now))
    total = reply.result.get("total", 0)
    if total > len(found) and not line.flag("json"):
        text = labels.SOME_OF_ALL[line.name](total=total, shown=len(found))
        output.complain(text, reply.language)
    return 0


def said_changed(name: str, number: int, *, listed: bool) -> Text:
    """That a command has changed so many; `listed`: which, stands below."""
    done, nothing = labels.CHANGED[name]
    if not number:
        return nothing
    text = done(number=number)
    return text if listed else Text(text.ja.rstrip(":"), text.en)


def _changed(
    line: Line,
    reply: control.Reply,
    rows: Sequence[Sequence[Cell]],
    remarks: Iterable[Text],
    *,
    failed: bool,
) -> int:
    """Says what the daemon did, or that there was nothing to do, and what it left alone."""
    page, number = Page(reply.language), reply.result["changed"]
    if number or not failed:
        page.line(said_changed(line.name, number, listed=bool(rows)))
        page.table(rows, "  ")
    output.answer(line, reply.result, lambda: page)
    for remark in remarks:
        output.complain(remark, reply.language)
    return FAILED if failed else 0
