"""`zaiond-ctl status`: what is, the worst first."""

from typing import Any

from zaiond.ctl import control, output, words
from zaiond.ctl.commandline import Command, Line
from zaiond.ctl.failure import FAILED
from zaiond.text import Language, Text

COMMANDS = (
    Command(
        "status",
        ja="今の状態を表示する。確認が必要なら終了ステータスは 1",
        en="say how things are; the exit status is 1 when an administrator should look",
        more_ja="次のとき終了ステータスは 1 です: メールの滞留、保留、7 日以内の送信失敗や期限切れ"
        "、設定の誤り、ディスクの残り不足。",
        more_en="That is when mail is stuck, held, or has failed or expired in the last 7 days,"
        " when the configuration is broken, or when disk space is low.",
        examples=(
            ("status", "状態を見る", "see how things are"),
            (
                "status --json",
                "監視プログラムなどで使う",
                "for a program, such as a monitor",
            ),
        ),
    ),
)
_CONFIG = {
    "good": Text("有効", "good"),
    "last_good": Text(
        "誤りがあるため、最後に正しかった設定で動作中",
        "broken; the last good one is in force",
    ),
    "none": Text(
        "誤りがあるため、イベントの受け付けだけを行っています",
        "broken; events are kept until there is a good one",
    ),
}
_MINUTE = Text("直近 1 分", "Last minute")
_HOUR = Text("直近 1 時間", "Last hour")
_SERVER = {
    "up": Text("正常", "up"),
    "unknown": Text("未接続", "not tried yet"),
    "trying": Text("接続を確認中", "being tried"),
    "down": Text("接続できません", "down"),
    "faulty": Text("設定の見直しが必要です", "needs another configuration"),
}


def run(line: Line) -> int:
    """Asks the daemon; renders its document."""
    reply = control.ask(line, "status")
    if line.flag("json"):
        output.document(reply.result)
    else:
        output.say("\n".join(of(reply.result, reply.language)))
    return 0 if reply.result["ok"] else FAILED


def of(status: dict[str, Any], language: Language) -> list[str]:
    """The lines about the document of `status --json`."""
    problems: list[Any] = status.get("problems", [])
    if status["ok"]:
        lines = [Text("正常に動作しています", "All is well").in_language(language)]
    else:
        lines = [Text("確認が必要です:", "This needs a look:").in_language(language)]
        lines += [f"  - {output.printable(_sentence(one))}" for one in problems]
    lines.append("")
    config, queue = status["config"], status["queue"]
    rows = [[Text("設定", "Configuration"), _configuration(config)]]
    rows.append([Text("待ち行列", "Queue"), _queue(queue)])
    rows.append([Text("7 日以内の不達", "Lost in 7 days"), _lost(queue)])
    oldest = output.when(queue.get("oldest"))
    if oldest != "-":
        rows.append([Text("最も古い待ち", "Oldest waiting"), Text(oldest, oldest)])
    rates = status.get("rates")
    if rates:
        for label, span in ((_MINUTE, "minute"), (_HOUR, "hour")):
            rows.append([label, _rate(rates["accepted"][span], rates["delivered"][span])])
    for server in status.get("servers", []):
        rows.append([Text("メールサーバー", "Mail server"), _server(server)])
        last = server.get("last_error")
        if last and not server.get("error"):
            said = f"{output.when(last['time'])}  {last['message']}"
            rows.append([Text("  最後のエラー", "  last error"), Text(said, said)])
    started = output.when(status.get("started"))
    if started != "-":
        rows.append([Text("起動", "Started"), Text(started, started)])
    version = str(status.get("version", "-"))
    rows.append([Text("版", "Version"), Text(version, version)])
    doubtful = status.get("possible_duplicates")
    if doubtful:
        rows.append(
            [Text("二重配送の可能性", "Possible duplicates"), Text(f"{doubtful} 件", str(doubtful))]
        )
    lines += output.table([[cell.in_language(language) for cell in row] for row in rows])
    errors = config.get("errors", [])
    if errors:
        lines += ["", Text("設定の誤り:", "Errors of the configuration:").in_language(language)]
        lines += [f"  {words.diagnostic(one).in_language(language)}" for one in errors]
    return lines


def _sentence(problem: Any) -> str:
    return str(problem.get("message", problem)) if isinstance(problem, dict) else str(problem)


def _configuration(config: dict[str, Any]) -> Text:
    state = _CONFIG.get(config["state"], Text(config["state"], config["state"]))
    loaded = output.when(config.get("loaded"))
    if loaded == "-":
        return state
    return Text(f"{state.ja}（{loaded} に読み込み）", f"{state.en} (loaded {loaded})")


def _rate(accepted: int, delivered: int) -> Text:
    return Text(
        f"受け付け {accepted} 件、送信 {delivered} 通",
        f"{accepted} accepted, {delivered} delivered",
    )


def _queue(queue: dict[str, Any]) -> Text:
    waiting, held = queue["waiting"], queue["held"]
    if not waiting and not held:
        return Text("空", "empty")
    ja = [f"送信待ち {waiting} 件"] if waiting else []
    en = [f"{waiting} waiting"] if waiting else []
    if held:
        ja.append(f"保留 {held} 件")
        en.append(f"{held} held")
    return Text("、".join(ja), ", ".join(en))


def _lost(queue: dict[str, Any]) -> Text:
    failed, expired = queue["failed"], queue["expired"]
    if not failed and not expired:
        return Text("なし", "none")
    return Text(
        f"送信失敗 {failed} 件、期限切れ {expired} 件", f"{failed} failed, {expired} expired"
    )


def _server(server: dict[str, Any]) -> Text:
    name = str(server["state"])
    if name == "unknown" and server.get("connections"):
        name = "trying"
    state = _SERVER.get(name, Text(name, name))
    error = f": {server['error']}" if server.get("error") else ""
    ja, en = "", ""
    if name in ("down", "faulty"):
        since = output.when(server.get("since"))
        ja, en = f"（{since} から）", f" (since {since})"
    elif server.get("connections"):
        ja, en = f"（接続 {server['connections']}）", f" (connections: {server['connections']})"
    address = server["server"]
    return Text(f"{address}  {state.ja}{ja}{error}", f"{address}  {state.en}{en}{error}")
