"""`zaiond-ctl queue`: what waits for the mail server."""

from datetime import datetime
from typing import Any, NamedTuple

from zaiond.ctl import control, labels, output
from zaiond.ctl.commandline import Command, Fault, Line, Option
from zaiond.ctl.exit_status import FAILED
from zaiond.ctl.output import Painted
from zaiond.text import Language, Text

COMMANDS = (
    Command(
        "queue list",
        ja="送信を待っているメールを、理由ごとに一覧表示する",
        en="list what waits to be mailed, by what it waits for",
        examples=(
            ("queue list", "何が、なぜ待っているかを見る", "see what waits, and why"),
            (
                "queue list --json",
                "監視プログラムなどで使う",
                "for a program, such as a monitor",
            ),
        ),
    ),
    Command(
        "queue retry",
        operands=("[ID...]",),
        ja="メールを現在の設定で作り直し、すぐに送る",
        en="make the mail anew by the configuration in force, and send it now",
        more_ja="ID（イベント ID）を指定すると、履歴にある間は、送信失敗や期限切れのメールも"
        "送り直します。省略すると、待っているものと保留中のものすべてが対象になります。",
        more_en="With an ID (an event's id) also what has failed or expired, as long as it is in"
        " the history; without one, all that waits or is held.",
        examples=(
            ("queue retry", "すべてをすぐに送り直す", "try all now"),
            (
                "queue retry 01M85A8PXH01WZW9XTYRCT3QVE",
                "1 つのイベントのメールを送り直す",
                "try the mail of one event, also one that has failed",
            ),
        ),
    ),
    Command(
        "queue delete",
        operands=("ID...",),
        ja="待っているメールを送らずに削除する（元に戻せません）",
        en="delete mail that waits, unsent; there is no way back",
        more_ja="ID はイベントを送ったプログラムが決めるため、複数のユーザーや発行元のイベントが、"
        "同じ ID を持つことがあります。その場合は何も削除せず、だれのイベントかを表示します。",
        more_en="Programs choose the ids of their events, so events of several users or sources may"
        " have the same. Then nothing is deleted, and it is said whose they are.",
        options=(
            Option(
                "--user",
                value="USER",
                ja="このユーザー（名前または uid）のイベントだけを対象にする",
                en="only events of this user (a name or a uid)",
            ),
            Option(
                "--source",
                value="PATTERN",
                ja="発行元が PATTERN に一致するイベントだけを対象にする（例: '*.service'）",
                en="only events of such a source (as '*.service')",
            ),
        ),
        examples=(
            (
                "queue delete 01M85A8PXH01WZW9XTYRCT3QVE",
                "このイベントのメールを送らない",
                "don't mail this event",
            ),
            (
                "queue delete --user backup nightly-2013-05-25",
                "ほかのユーザーも使っている ID のとき",
                "where another user has used the id, too",
            ),
        ),
    ),
)
_MOST_DIGITS = 10  # of a uid


def run(line: Line) -> int:
    """Asks the daemon, and says what it did."""
    name = line.command.name if line.command else ""
    if name == "queue list":
        return _list(line)
    arguments: dict[str, Any] = {"ids": output.exact(line.operands)}
    if line.flag("user"):
        arguments["uid"] = _uid(line.text("user") or "")
    if line.flag("source"):
        (arguments["source"],) = output.exact([line.text("source") or ""])
    reply = control.ask(line, name.replace(" ", "."), **arguments)
    result: dict[str, Any] = reply.result
    unknown: list[str] = result.get("unknown", [])
    ambiguous: list[dict[str, Any]] = result.get("ambiguous", [])
    if line.flag("json"):
        output.document(result)
    elif result["changed"] or not (unknown or ambiguous):
        output.show(_done(name, result, reply.language))
    _explain(unknown, result.get("under_way", []), reply.language)
    for one in ambiguous:
        output.complain(_several(one), reply.language)
    return FAILED if unknown or ambiguous else 0


def _uid(user: str) -> int:
    """The uid of a user by his name, or as it is. Raises Fault."""
    import pwd

    try:
        return pwd.getpwnam(user).pw_uid
    except (KeyError, ValueError):  # a NUL
        if user.isascii() and user.isdigit() and len(user) <= _MOST_DIGITS:
            return int(user)
    raise Fault(f"--user: ユーザー {user} はいません", f"--user: there is no user {user}")


def _several(ambiguous: dict[str, Any]) -> Text:
    """Whose the events of an id are, and how to say which is meant."""
    id_, number = ambiguous["id"], ambiguous["events"]
    owners = [
        (labels.user(one["uid"]), output.one_line(one["source"])) for one in ambiguous["owners"]
    ]
    ja = [f"ユーザー {user}、発行元 {source}" for user, source in owners]
    en = [f"of user {user}, source {source}" for user, source in owners]
    more = number - len(owners)
    if more:
        ja.append(f"ほか {more} 件")
        en.append(f"and {more} more")
    return Text(
        f"{id_}: この ID のイベントが {number} 件あるため、何も削除していません。"
        "どれを削除するかを --user と --source で指定してください:\n  " + "\n  ".join(ja),
        f"{id_}: {number} events have this id, so nothing was deleted;"
        " say which you mean with --user and --source:\n  " + "\n  ".join(en),
    )


def _done(name: str, result: dict[str, Any], language: Language) -> list[str]:
    number = result["changed"]
    if name == "queue retry":
        none = Text("送り直すものはありません", "Nothing to try again")
        done = Text(f"{number} 件の配送を送り直します:", f"Deliveries tried again now: {number}")
    else:
        none = Text("削除するものはありません", "Nothing to delete")
        done = Text(f"{number} 件の配送を削除しました:", f"Deliveries deleted: {number}")
    if not number:
        return output.wrapped(none.in_language(language))
    rows = [
        [_ids(one), one["recipient"] or "-", labels.about(one, language)]
        for one in result["deliveries"]
    ]
    said = done.in_language(language)
    return [*output.wrapped(said if rows else said.rstrip(":")), *output.table(rows, "  ")]


def _explain(unknown: list[str], in_flight: list[str], language: Language) -> None:
    for id_ in unknown:
        output.complain(
            Text(f"{id_}: この ID のイベントはありません", f"{id_}: no event with this id"),
            language,
        )
    for id_ in in_flight:
        output.complain(
            Text(
                f"{id_}: 送信中のため、変更していません（経過: zaiond-ctl history ID）",
                f"{id_}: is being sent just now, so it was left alone"
                " (what became of it: zaiond-ctl history ID)",
            ),
            language,
        )


def _list(line: Line) -> int:
    reply = control.ask(line, "queue.list")
    deliveries: list[dict[str, Any]] = reply.result["deliveries"]
    if line.flag("json"):
        output.document(reply.result)
        return 0
    output.show(listing(deliveries, reply.language, datetime.now().astimezone()))
    shown, total = len(deliveries), reply.result.get("total", 0)
    if total > shown:
        output.complain(
            Text(
                f"{total} 件のうち、はじめの {shown} 件だけを表示しました",
                f"only the first {shown} of {total} are shown",
            ),
            reply.language,
        )
    return 0


class _Waits(NamedTuple):
    """For what mail waits."""

    state: str
    reason: str
    remedy: str


class _Row(NamedTuple):
    """A mail; its recipients in one, where nothing else differs."""

    age: str
    next_try: str
    tries: str
    ids: str
    to: str
    about: str


_HEAD = {
    "age": Text("経過", "AGE"),
    "next_try": Text("次の試行", "NEXT TRY"),
    "tries": Text("試行", "TRIES"),
    "ids": Text("イベント ID", "EVENT ID"),
    "to": Text("宛先", "TO"),
    "about": Text("件名", "SUBJECT"),
}
# What stands above the rows, if it is the same in all.
_COMMON = {"next_try": Text("次の試行", "Next try"), "to": Text("宛先", "To")}
_ORDER = ("held", "deferred", "waiting")


def listing(deliveries: list[dict[str, Any]], language: Language, now: datetime) -> list[str]:
    """What waits, by what it waits for; what is the same for many is said once."""
    if not deliveries:
        return output.wrapped(
            Text("送信を待っているメールはありません", "Nothing waits").in_language(language)
        )
    groups: dict[_Waits, list[dict[str, Any]]] = {}
    for one in deliveries:
        hold = one.get("hold") or {}
        waits = _Waits(one["state"], one.get("reason") or "", hold.get("remedy") or "")
        groups.setdefault(waits, []).append(one)
    lines: list[str] = []
    for waits in sorted(groups, key=lambda waits: _ORDER.index(waits.state)):
        lines += [*([""] if lines else []), *_group(waits, groups[waits], language, now)]
    return lines


def _group(
    waits: _Waits, deliveries: list[dict[str, Any]], language: Language, now: datetime
) -> list[str]:
    state, number = labels.state(waits.state, language), len(deliveries)
    title = Text(f"{state}: {number} 件", f"{state}: {number}").in_language(language)
    lines = output.wrapped(Painted(title, "red" if waits.state == "held" else "bold"))
    rows = _rows(deliveries, language, now)
    said = [(Text("理由", "Why"), waits.reason), (Text("対処", "Remedy"), waits.remedy)]
    shown = list(_HEAD)
    for name, label in _COMMON.items():
        values = {getattr(row, name) for row in rows}
        if len(values) == 1:
            shown.remove(name)
            said.append((label, values.pop()))
    if all(row.tries == "-" for row in rows):
        shown.remove("tries")
    for label, text in said:
        if text not in ("", "-"):
            lines += output.wrapped(f"{label.in_language(language)}: {text}", "  ", "    ")
    head = [_HEAD[name].in_language(language) for name in shown]
    return lines + output.table(
        [head, *([getattr(row, name) for name in shown] for row in rows)], "  "
    )


def _rows(deliveries: list[dict[str, Any]], language: Language, now: datetime) -> list[_Row]:
    # What an address holds is tried by one delivery for all.
    probes: dict[str | None, str] = {}
    for one in deliveries:
        if one["state"] == "held" and one["next_attempt"]:
            probes.setdefault(one["recipient"], one["next_attempt"])
    merged: dict[_Row, list[str]] = {}
    for one in deliveries:
        next_try = one["next_attempt"] or probes.get(one["recipient"])
        row = _Row(
            output.age(one.get("accepted"), now, language),
            output.soon(next_try, now),
            str(one["attempts"] or "-"),
            _ids(one),
            "",
            labels.about(one, language),
        )
        merged.setdefault(row, []).append(one["recipient"] or "-")
    return [row._replace(to=", ".join(to)) for row, to in merged.items()]


def _ids(delivery: dict[str, Any]) -> str:
    ids = delivery["event_ids"]
    more = f" +{len(ids) - 1}" if len(ids) > 1 else ""
    return f"{ids[0]}{more}" if ids else "-"
