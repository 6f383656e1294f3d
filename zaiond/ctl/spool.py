"""`zaiond-ctl spool`: files in the spool that wait, or were put aside."""

from datetime import datetime
from typing import Any

from zaiond.ctl import control, output
from zaiond.ctl.commandline import Command, Line
from zaiond.ctl.exit_status import FAILED
from zaiond.ctl.output import Painted
from zaiond.text import Language, Text

COMMANDS = (
    Command(
        "spool list",
        ja="スプールに残っているファイルを、理由とともに一覧表示する",
        en="list the files that are still in the spool, and why",
        more_ja="スプールには、デーモンの停止中に送られたイベントのファイルがあります。受け付けられない"
        "イベントのあるファイルは、拒否されたファイルとして保管されます（1000 個、64 MiB まで）。"
        "名前のうち表示できない文字は \\x0a のように表示します。この形のまま指定できます。",
        more_en="The spool has files of events that were sent while the daemon was down. A file"
        " with events that can't be taken is kept as refused (up to 1000 files and 64 MiB of them)."
        " What can't be shown of a name is shown as \\x0a; it can be given like that.",
        examples=(
            ("spool list", "何が、なぜ残っているかを見る", "see what is there, and why"),
            (
                "spool list --json",
                "監視プログラムなどで使う",
                "for a program, such as a monitor",
            ),
        ),
    ),
    Command(
        "spool retry",
        operands=("[NAME...]",),
        ja="拒否されたファイルを、もう一度受け付ける",
        en="take refused files in again",
        more_ja="NAME を省略すると、拒否されたすべてのファイルが対象になります。受け付け済みの"
        "イベントが二重に送られることはありません。",
        more_en="Without a NAME, all that were refused. Events that were taken before are not"
        " mailed twice.",
        examples=(
            ("spool retry", "すべてをもう一度受け付ける", "try all again"),
            (
                "spool retry 01M85A8PXH01WZW9XTYRCT3QVE.json",
                "1 つのファイルをもう一度受け付ける",
                "try one file again",
            ),
        ),
    ),
    Command(
        "spool delete",
        operands=("NAME...",),
        ja="スプールのファイルを、受け付けずに削除する（元に戻せません）",
        en="delete files of the spool, as they are; there is no way back",
        examples=(
            (
                "spool delete 01M85A8PXH01WZW9XTYRCT3QVE.json",
                "このファイルのイベントは不要",
                "the events of this file are not wanted",
            ),
        ),
    ),
)
_STATES = {
    "refused": Text("拒否", "refused"),
    "foreign": Text("対象外", "not ours"),
    "waiting": Text("待機中", "waiting"),
}
_HEAD = (
    Text("ユーザー", "USER"),
    Text("経過", "AGE"),
    Text("サイズ", "BYTES"),
    Text("名前", "NAME"),
)


def run(line: Line) -> int:
    """Asks the daemon, and says what it did."""
    name = line.command.name if line.command else ""
    if name == "spool list":
        return _list(line)
    reply = control.ask(line, name.replace(" ", "."), names=output.exact(line.operands))
    result: dict[str, Any] = reply.result
    unknown, failed = result["unknown"], result["failed"]
    if line.flag("json"):
        output.document(result)
    elif result["changed"] or not (unknown or failed):
        output.show(_done(name, result, reply.language))
    for each in unknown:
        output.complain(
            Text(
                f"{each}: この名前のファイルはスプールにありません",
                f"{each}: no such file in the spool",
            ),
            reply.language,
        )
    for each in failed:
        output.complain(
            Text(f"{each['name']}: {each['reason']}", f"{each['name']}: {each['reason']}"),
            reply.language,
        )
    return FAILED if unknown or failed else 0


def _done(name: str, result: dict[str, Any], language: Language) -> list[str]:
    number = result["changed"]
    if name == "spool retry":
        none = Text("もう一度受け付けるファイルはありません", "Nothing to try again")
        done = Text(f"{number} 件のファイルをもう一度受け付けます:", f"Files tried again: {number}")
    else:
        none = Text("削除するファイルはありません", "Nothing to delete")
        done = Text(f"{number} 件のファイルを削除しました:", f"Files deleted: {number}")
    said = (done if number else none).in_language(language)
    return [*output.wrapped(said), *output.table([[each] for each in result["files"]], "  ")]


def _list(line: Line) -> int:
    reply = control.ask(line, "spool.list")
    files: list[dict[str, Any]] = reply.result["files"]
    if line.flag("json"):
        output.document(reply.result)
        return 0
    output.show(listing(files, reply.language, datetime.now().astimezone()))
    total = reply.result["total"]
    if total > len(files):
        output.complain(
            Text(
                f"{total} 件のうち、{len(files)} 件だけを表示しました",
                f"only {len(files)} of {total} are shown",
            ),
            reply.language,
        )
    return 0


def listing(files: list[dict[str, Any]], language: Language, now: datetime) -> list[str]:
    """What is in the spool, each reason once above its files."""
    if not files:
        return output.wrapped(Text("スプールは空です", "The spool is empty").in_language(language))
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in files:
        groups.setdefault((one["state"], one["reason"] or ""), []).append(one)
    lines: list[str] = []
    for (state, reason), group in groups.items():
        word = _STATES.get(state, Text(state, state)).in_language(language)
        title = Text(f"{word}: {len(group)} 件", f"{word}: {len(group)}").in_language(language)
        lines += [""] if lines else []
        lines += output.wrapped(Painted(title, "bold" if state == "waiting" else "red"))
        if reason:
            why = Text("理由", "Why").in_language(language)
            lines += output.wrapped(f"{why}: {reason}", "  ", "    ")
        head = [cell.in_language(language) for cell in _HEAD]
        rows = [
            [one["user"], output.age(one["since"], now, language), str(one["bytes"]), one["name"]]
            for one in group
        ]
        lines += output.table([head, *rows], "  ")
    return lines
