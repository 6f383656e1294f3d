"""`zaiond-ctl silence`: mails that are not wanted for a while."""

from typing import Any

from zaiond.ctl import control, documents, labels, output, words
from zaiond.ctl.arguments import seconds
from zaiond.ctl.commandline import Command, Example, Line, Option, exact
from zaiond.ctl.exit_status import Fault
from zaiond.ctl.terminal import Fact, Page, Painted
from zaiond.text import Language, Text

COMMANDS = (
    Command(
        "silence add",
        "一致するイベントの通知を、しばらくの間止める\n"
        "止まるのはメールだけです。イベントは受け付けられ、履歴に残り、障害とジョブの状態も記録"
        "されます。--match を省略すると、すべてのイベントが対象になります。zaiond 自身の通知は"
        "止まりません。通知の一時停止は必ず終わります（最長 30 日）。その時点でまだ解決していない"
        "障害は、管理者にメールで知らせます。",
        "mail nothing of such events for a while\n"
        "Only the mails stop: events are taken, history has them, and the state of problems and"
        " jobs is kept. Without --match it is about all events. The daemon's own notices are never"
        " silenced. A silence always ends, after 30 days at most; of problems that it still hides"
        " then, the admins are told.",
        Option(
            "--match KEY=PATTERN",
            "対象のイベント。KEY は routes の match と同じ（type、severity、source、data.x など）。"
            "PATTERN はシェルと同じ * ? []。severity は warning+（以上）も可。繰り返すとすべてに"
            "一致するもの。同じ KEY はどれかに一致するもの",
            "which events: KEY as in a route's match (type, severity, source, data.x, …), PATTERN"
            " as a shell's (* ? []), a severity as warning or warning+ (and worse); repeated, all"
            " must hold, of the same KEY any",
        ),
        Option(
            "--for DURATION",
            "止める期間（30m、2h、7d など）。必須",
            "for how long: 30m, 2h, 7d, or the like; required",
        ),
        Option(
            "--comment TEXT",
            "理由。一覧と履歴に表示される。必須",
            "why; shown in the list and in the history; required",
        ),
        Example(
            'silence add --match data.host=db1 --for 2h --comment "new disk"',
            "db1 のディスク交換の間",
            "while the disk of db1 is replaced",
        ),
        Example(
            'silence add --match "type=backup.*" --for 1d --comment "new server"',
            "バックアップのサーバーの入れ替えの間",
            "while the backup server is replaced",
        ),
    ),
    Command(
        "silence list",
        "通知の一時停止を、止めたイベントの数とともに一覧表示する",
        "list the silences in force, and how many events each has hidden",
        Example("silence list", "何が、いつまで止まっているかを見る", "see what is silenced"),
        Example(
            "silence list --json", "監視プログラムなどで使う", "for a program, such as a monitor"
        ),
    ),
    Command(
        "silence expire ID",
        "通知の一時停止を、今すぐ終える",
        "end a silence now",
        Example("silence expire 7f3a09c2", "作業が早く終わったとき", "when the work is done early"),
    ),
)


def run(line: Line) -> int:
    """Asks the daemon, and says what is silenced."""
    if line.name == "silence list":
        reply = control.ask(line, "silence.list")
        found: list[dict[str, Any]] = reply.result["silences"]
        output.answer(line, reply.result, lambda: listing(found, reply.language))
        output.say_who_knows(reply)
        return 0
    if line.name == "silence expire":
        reply = control.ask(line, "silence.expire", id=exact(line.operands[0]))
        title = labels.SILENCE_EXPIRED
    else:
        reply = control.ask(line, "silence.add", **_wanted(line))
        title = labels.SILENCE_ADDED
    output.answer(line, reply.result, lambda: _told(title, reply))
    output.say_who_knows(reply)
    return 0


def _wanted(line: Line) -> dict[str, Any]:
    """What `silence.add` is given. Raises Fault."""
    for name, value in (("for", "DURATION"), ("comment", "TEXT")):
        if not (line.text(name) or "").strip():
            raise Fault(words.required(name=name, value=value))
    given = line.text("for") or ""
    length = seconds(given)
    if length is None:
        raise Fault(words.no_duration(text=given))
    matchers = [exact(word) for word in line.texts("match")]
    for word in matchers:
        key, equals, pattern = word.partition("=")
        if not (key and equals and pattern):
            raise Fault(words.no_matcher(text=word))
    return {"matchers": matchers, "seconds": length, **line.exact("comment")}


def _told(title: Text, reply: control.Reply) -> Page:
    page = Page(reply.language)
    page.line(title)
    for one in reply.result["silences"]:
        page.facts(facts(one), "  ")
    if title is labels.SILENCE_ADDED:
        ids = " ".join(one["id"] for one in reply.result["silences"])
        page.line(words.how_to_expire(id=ids))
    return page


def listing(silences: list[dict[str, Any]], language: Language) -> Page:
    """Each silence, the one that ends next first."""
    page = Page(language)
    if not silences:
        page.line(labels.NO_SILENCES)
    for one in silences:
        page.gap()
        page.line(Painted(one["id"], "bold"))
        page.facts(facts(one), "  ")
    return page


def facts(silence: dict[str, Any]) -> list[Fact]:
    """What is known of a silence beside its id."""
    return [
        (labels.MATCHES, ", ".join(silence["matchers"]) or Painted(labels.EVERY_EVENT, "yellow")),
        (labels.UNTIL, documents.when(silence["until"])),
        (labels.COMMENT, silence["comment"]),
        (labels.BY, silence["user"]),
        (labels.SINCE, documents.when(silence["since"])),
        (labels.HIDDEN, str(silence["events"])),
    ]
