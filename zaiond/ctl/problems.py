"""`zaiond-ctl problems`: what is open, and ending it by hand."""

from datetime import datetime
from typing import Any

from zaiond.ctl import control, documents, labels, output, words
from zaiond.ctl.arguments import whose
from zaiond.ctl.commandline import Command, Example, Line, Option, exact
from zaiond.ctl.exit_status import FAILED, Fault
from zaiond.ctl.terminal import Fact, Page, Painted
from zaiond.places import PROBLEMS, Advice
from zaiond.text import Language, Text, times

COMMANDS = (
    Command(
        "problems",
        "解決していない障害を一覧表示する\n"
        "障害は、キーと状態 problem のあるイベントで始まり、状態 ok のイベントで終わります。"
        "失敗したジョブの障害は、次の成功で終わります。手動で終えるには problems close を使います。"
        "解決していない障害があっても、終了ステータスは 0 です。",
        "list the problems that are open\n"
        "An event with a key and the status problem opens one, and one with the status ok closes"
        " it; that of a failed job ends with its next success. To end one by hand: problems close."
        " The exit status is 0, whatever is open.",
        Example("problems", "何が、いつから続いているかを見る", "see what is open, and since when"),
        Example("problems --json", "監視プログラムなどで使う", "for a program, such as a monitor"),
    ),
    Command(
        "problems close KEY",
        "障害を手動で終える（KEY はキー、またはジョブの名前）\n"
        "知らせを受けた宛先に、終わったことをメールで知らせます。複数のユーザーに同じキーの障害が"
        "ある場合は何も終えず、だれの障害かを表示します。",
        "end a problem by hand; KEY is its key, or its job's name\n"
        "Those who were told of the problem are told of its end. Where several users have a problem"
        " of this key, nothing is ended, and it is said whose they are.",
        Option(
            "--comment TEXT",
            "理由。メールと履歴に表示される。必須",
            "why; shown in the mail and in the history; required",
        ),
        Option(
            "--user USER",
            "このユーザー（名前、uid、またはほかのマシンの USER@MACHINE）の障害",
            "the problem of this user (a name, a uid, or USER@MACHINE of another machine)",
        ),
        Example(
            'problems close disk:/ --comment "the disk was replaced"',
            "復旧を知らせるイベントが来ないとき",
            "where no event will tell of its end",
        ),
    ),
)

COLOURS = {"emerg": "red", "alert": "red", "crit": "red", "err": "red", "warning": "yellow"}


def run(line: Line) -> int:
    """Asks the daemon, and says what is open, or what was closed."""
    if line.name == "problems close":
        return _close(line)
    reply = control.ask(line, "problems.list")
    found: list[dict[str, Any]] = reply.result["problems"]
    now = datetime.now().astimezone()
    output.answer(line, reply.result, lambda: listing(found, reply.language, now))
    output.say_who_knows(reply)
    return 0


def _close(line: Line) -> int:
    if not (line.text("comment") or "").strip():
        raise Fault(words.required(name="comment", value="TEXT"))
    arguments: dict[str, Any] = {"key": exact(line.operands[0]), **line.exact("comment")}
    user = line.text("user")
    if user is not None:
        arguments |= whose(user)
    reply = control.ask(line, "problems.close", **arguments)
    result: dict[str, Any] = reply.result
    closed: list[dict[str, Any]] = result["problems"]
    now = datetime.now().astimezone()
    output.answer(line, result, lambda: _closed(closed, reply.language, now))
    if result["ambiguous"]:
        output.complain(ambiguous(arguments["key"], result["ambiguous"]), reply.language)
        output.complain(words.WHOSE_PROBLEM, reply.language)
    elif not closed:
        told = Advice(labels.no_problem(key=arguments["key"]), (PROBLEMS,))
        output.complain(told.at_terminal(), reply.language)
    return 0 if closed else FAILED


def ambiguous(key: str, others: list[dict[str, Any]]) -> Text:
    """That nothing was closed, as several users have a problem of this key."""
    owners = [labels.owner_of_problem(user=one["user"]) for one in others]
    joined = Text("".join(each.ja for each in owners), "".join(each.en for each in owners))
    return labels.ambiguous_problem(key=key, number=len(others), owners=joined)


def _closed(closed: list[dict[str, Any]], language: Language, now: datetime) -> Page:
    page = Page(language)
    for one in closed:
        page.line(said_closed(one, now))
    return page


def said_closed(problem: dict[str, Any], now: datetime) -> Text:
    """That a problem was closed, and how long it lasted."""
    lasted = documents.age(problem["since"], now)
    return labels.problem_closed(key=problem["key"] or problem["job"], lasted=lasted)


def listing(problems: list[dict[str, Any]], language: Language, now: datetime) -> Page:
    """Each problem with what is known of it, in the order in which they come."""
    page = Page(language)
    if not problems:
        page.line(labels.NO_PROBLEMS)
    for one in problems:
        page.gap()
        page.line(Painted(one["key"] or one["job"], COLOURS.get(one["severity"], "bold")))
        page.facts(facts(one, now), "  ")
    return page


def facts(problem: dict[str, Any], now: datetime) -> list[Fact]:
    """What is known of a problem beside its key."""
    since = documents.when(problem["since"])
    silence = problem["silence"]
    return [
        (labels.SUBJECT, problem["subject"]),
        (labels.SEVERITY, documents.severity(problem["severity"])),
        (labels.JOB, problem["job"] if problem["key"] else None),
        (labels.SINCE, labels.for_so_long(time=since, age=documents.age(problem["since"], now))),
        (labels.REPORTED, times(problem["count"])),
        (labels.LAST_REPORT, documents.when(problem["last"])),
        (labels.TOLD, ", ".join(problem["to"])),
        (labels.NEXT_REMINDER, problem["reminder"] and documents.when(problem["reminder"])),
        (labels.SILENCE, silence and Painted(labels.in_silence(id=silence), "yellow")),
        (labels.USER, problem["user"]),
        (labels.EVENT_ID, problem["event_id"]),
    ]
