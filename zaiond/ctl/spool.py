"""`zaiond-ctl spool`: files in the spool that wait, or were put aside."""

from datetime import datetime
from typing import Any

from zaiond.ctl import control, documents, labels, times
from zaiond.ctl.commandline import Command, Example, Line, exact
from zaiond.ctl.terminal import Page
from zaiond.text import Language

COMMANDS = (
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


def run(line: Line) -> int:
    """Asks the daemon, and says what it did."""
    if line.name == "spool list":
        return documents.listed(line, "files", listing)
    names = [exact(word) for word in line.operands]
    reply = control.ask(line, line.name.replace(" ", "."), names=names)
    result: dict[str, Any] = reply.result
    unchanged = [labels.no_file(name=name) for name in result["unknown"]]
    unchanged += [labels.said_of(what=one["name"], said=one["reason"]) for one in result["failed"]]
    return documents.changed(
        line,
        reply,
        [[name] for name in result["files"]],
        unchanged,
        failed=bool(unchanged),
    )


def listing(files: list[dict[str, Any]], language: Language, now: datetime) -> Page:
    """What is in the spool, each reason once above its files."""
    page = Page(language)
    if not files:
        page.line(labels.EMPTY_SPOOL)
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in files:
        groups.setdefault((one["state"], one["reason"] or ""), []).append(one)
    for (state, reason), group in groups.items():
        word = labels.FILE_STATES.get(state, state)
        documents.heading(page, word, "bold" if state == "waiting" else "red", len(group))
        page.labelled(labels.WHY, reason, "  ")
        rows = [
            [one["user"], times.age(one["since"], now), str(one["bytes"]), one["name"]]
            for one in group
        ]
        page.table(rows, "  ", head=(labels.USER, labels.AGE, labels.BYTES, labels.NAME))
    return page
