"""`zaiond-ctl jobs`: whether what should run does."""

from datetime import datetime
from typing import Any, NamedTuple

from zaiond.ctl import control, documents, labels, output
from zaiond.ctl.commandline import Command, Example, Line
from zaiond.ctl.exit_status import FAILED
from zaiond.ctl.terminal import Cell, Page, Painted
from zaiond.ctl.words import listed
from zaiond.text import Language, Text

COMMANDS = (
    Command(
        "jobs",
        "ジョブを、前回と次回の実行とともに一覧表示する。確認が必要なら終了ステータスは 1\n"
        "失敗、未実行、実行時間超過のジョブがあるとき、終了ステータスは 1 です（status"
        " も同じです）。通知の一時停止中のジョブと、problems close"
        " で障害を終えたジョブは除きます。設定 jobs"
        " にないジョブ（未登録）も、知らせがあれば表示します。未登録のジョブは、実行されなくても分"
        "かりません。",
        "list the jobs, with their last and next run; the exit status is 1 when one needs a look\n"
        "That is when one has failed, was missed, or runs for too long, and so it is with status;"
        " but not when a silence hides it, or its problem was closed by hand (problems close). A"
        " job that the setting jobs lacks (undeclared) is listed once it was heard of; nobody"
        " watches whether it runs.",
        Example("jobs", "すべて実行されているかを見る", "see whether all have run"),
        Example("jobs --json", "監視プログラムなどで使う", "for a program, such as a monitor"),
    ),
)

# The worst first, with its colour; one that needs a look is red.
_STATES = {
    "failed": "red", "missed": "red", "overdue": "red", "running": "bold", "unknown": "yellow",
    "ok": "green",
}  # fmt: skip


def run(line: Line) -> int:
    """Asks the daemon; the exit status is 1 where a job needs a look."""
    reply = control.ask(line, "jobs.list")
    jobs: list[dict[str, Any]] = reply.result["jobs"]
    now = datetime.now().astimezone()
    output.answer(line, reply.result, lambda: listing(jobs, reply.language, now))
    output.say_who_knows(reply)
    return FAILED if any(map(_needs_a_look, jobs)) else 0


def _needs_a_look(job: dict[str, Any]) -> bool:
    return _STATES.get(job["state"]) == "red" and not job.get("silence")


def listing(jobs: list[dict[str, Any]], language: Language, now: datetime) -> Page:
    """A line for each job, those that need a look first."""
    page = Page(language)
    if not jobs:
        page.line(labels.NO_JOBS)
        return page
    rows = [[one.name, one.state, one.last, one.next, one.remark] for one in standing(jobs, now)]
    head = labels.JOB, labels.STATE, labels.LAST_RUN, labels.NEXT_RUN, labels.REMARK
    page.table(rows, head=head)
    return page


class Standing(NamedTuple):
    """How a job stands: when its last run ended or began, and when the next one is due."""

    name: str
    state: Cell
    last: str
    next: str
    remark: Text


def standing(jobs: list[dict[str, Any]], now: datetime) -> list[Standing]:
    """Each job, those that need a look first."""
    order = list(_STATES)
    return [
        Standing(
            one["job"],
            Painted(labels.JOB_STATES[one["state"]], _STATES[one["state"]]),
            documents.brief(one["last_run"], now) if one["last_run"] else "-",
            documents.brief(one["next_run"], now) if one["next_run"] else "-",
            _remark(one, now),
        )
        for one in sorted(jobs, key=lambda one: (order.index(one["state"]), one["job"]))
    ]


def _remark(job: dict[str, Any], now: datetime) -> Text:
    """What is to be known of it beside its state."""
    said: list[Text] = []
    if job["failures"]:
        number = job["failures"]
        said.append(labels.FAILED_ONCE if number == 1 else labels.failed_in_a_row(number=number))
    if job["state"] in ("failed", "missed", "overdue"):
        success = job["last_success"]
        said.append(
            labels.last_success(time=documents.brief(success, now))
            if success
            else labels.NEVER_SUCCEEDED
        )
    if job["running_since"]:
        said.append(labels.running_since(time=documents.brief(job["running_since"], now)))
    if job.get("silence"):
        said.append(labels.silenced(id=job["silence"]))
    if job.get("machine"):
        said.append(labels.on_machine(machine=job["machine"]))
    if not job["declared"]:
        said.append(labels.UNDECLARED)
    return listed(said)
