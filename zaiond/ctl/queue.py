"""`zaiond-ctl queue`: what waits for the mail server."""

from typing import Any

from zaiond.ctl import control, output, words
from zaiond.ctl.commandline import Command, Line
from zaiond.ctl.failure import FAILED
from zaiond.text import Language, Text

COMMANDS = (
    Command(
        "queue list",
        ja="送信を待っているメールの一覧を表示する",
        en="list what waits to be mailed",
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
        ja="待っているメールを今の設定で作り直し、すぐに送る",
        en="make the mail anew by the configuration in force, and send it now",
        more_ja="ID（イベント ID）を省略すると、待っているものすべてが対象になります。",
        more_en="Without an ID (an event's id), all that waits.",
        examples=(
            ("queue retry", "すべてをすぐに送り直す", "try all now"),
            (
                "queue retry 01M85A8PXH01WZW9XTYRCT3QVE",
                "1 件だけを送り直す",
                "try the mail of one event",
            ),
        ),
    ),
    Command(
        "queue delete",
        operands=("ID...",),
        ja="待っているメールを送らずに削除する（元に戻せません）",
        en="delete mail that waits, unsent; there is no way back",
        examples=(
            (
                "queue delete 01M85A8PXH01WZW9XTYRCT3QVE",
                "このイベントのメールを送らない",
                "don't mail this event",
            ),
        ),
    ),
)


def run(line: Line) -> int:
    """Asks the daemon, and says what it did."""
    name = line.command.name if line.command else ""
    if name == "queue list":
        return _list(line)
    command = name.replace(" ", ".")
    reply = control.ask(line, command, patient=True, ids=output.exact(line.operands))
    result: dict[str, Any] = reply.result
    unknown: list[str] = result.get("unknown", [])
    if line.flag("json"):
        output.document(result)
    else:
        number = result["changed"]
        if not number:
            done = Text("対象の配送はありません", "Nothing was waiting")
        elif name == "queue retry":
            done = Text(f"{number} 件の配送を送り直します", f"Deliveries tried again now: {number}")
        else:
            done = Text(f"{number} 件の配送を削除しました", f"Deliveries deleted: {number}")
        if number or not unknown:
            output.say(done.in_language(reply.language))
    _explain(unknown, result.get("under_way", []), reply.language)
    return FAILED if unknown else 0


def _explain(unknown: list[str], under_way: list[str], language: Language) -> None:
    for id_ in unknown:
        output.complain(
            Text(f"{id_}: この ID のイベントはありません", f"{id_}: no event with this id"),
            language,
        )
    for id_ in under_way:
        output.complain(
            Text(
                f"{id_}: 送信の最中なので、そのままにしました（経過: zaiond-ctl history ID）",
                f"{id_}: is being sent just now, so it was left alone"
                " (what became of it: zaiond-ctl history ID)",
            ),
            language,
        )


def _list(line: Line) -> int:
    reply = control.ask(line, "queue.list")
    if line.flag("json"):
        output.document(reply.result)
    else:
        deliveries = reply.result["deliveries"]
        output.say("\n".join(listing(deliveries, reply.language)))
        if reply.result.get("more"):
            shown = len(deliveries)
            output.complain(
                Text(f"はじめの {shown} 件だけを表示しました", f"only the first {shown} are shown"),
                reply.language,
            )
    return 0


def listing(deliveries: list[dict[str, Any]], language: Language) -> list[str]:
    """The table of what waits, one delivery a line."""
    if not deliveries:
        return [Text("待っているメールはありません", "Nothing waits").in_language(language)]
    head = Text(
        "イベント ID\t宛先\t状態\t試行\t次回\t理由", "EVENT ID\tRECIPIENT\tSTATE\tTRIES\tNEXT\tWHY"
    )
    rows = [head.in_language(language).split("\t")]
    for delivery in deliveries:
        ids = delivery["event_ids"]
        more = f" +{len(ids) - 1}" if len(ids) > 1 else ""
        rows.append(
            [
                f"{ids[0]}{more}" if ids else "-",
                delivery["recipient"] or "-",
                words.state(delivery["state"], language),
                str(delivery["attempts"]),
                output.when(delivery["next_attempt"]),
                delivery["reply"] or "-",
            ]
        )
    return output.table(rows)
