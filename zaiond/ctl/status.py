"""`zaiond-ctl status`: what is, the worst first."""

from typing import Any

from zaiond.ctl import control, labels, output
from zaiond.ctl.commandline import Command, Line, Option
from zaiond.ctl.exit_status import FAILED
from zaiond.ctl.output import Painted
from zaiond.text import Language, Text

COMMANDS = (
    Command(
        "status",
        ja="現在の状態を表示する。確認が必要なら終了ステータスは 1",
        en="say how things are; the exit status is 1 when an administrator should look",
        more_ja="次のとき終了ステータスは 1 です: メールの保留や滞留、使えるメールサーバーがない、"
        "7 日以内の送信失敗や期限切れ（確認済みのものを除く）、24 時間以内に受け付けなかった"
        "イベント、スプールの拒否されたファイルや 1 時間以上待っているファイル、スプールの所有者や"
        "モードの誤り、設定の誤り、キューのデータベースの破損、ディスクの残り不足。件数は"
        "配送の数です（1 通のメールを 2 人に送るなら 2 件）。宛先がまだ決まっていない"
        "イベントは 1 件と数えます。",
        more_en="That is when mail is held or stuck or no server takes it, when some has failed or"
        " expired in the last 7 days and nobody has acknowledged it, when events were refused in"
        " the last day, when files of the spool were refused or have waited for more than an hour,"
        " when others may do in the spool what only the daemon should, when the configuration is"
        " not valid, when the queue's database was damaged,"
        " or when disk space is low. Deliveries are counted: a mail to two recipients is two. An"
        " event that is not routed yet counts as one.",
        options=(
            Option(
                "--ack",
                ja="これまでの送信失敗と期限切れを確認済みにする（だれがいつ確認したかは履歴に残る）",
                en="what has failed and expired so far is known (who said so, and when, stands in"
                " the history)",
            ),
        ),
        examples=(
            ("status", "状態を見る", "see how things are"),
            (
                "status --ack",
                "原因が分かった送信失敗を確認済みにする",
                "once you know why mail was lost",
            ),
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
        "誤りがあるため、直前の有効な設定で動作中",
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
    reply = control.ask(line, "status.ack" if line.flag("ack") else "status")
    status: dict[str, Any] = reply.result
    if line.flag("json"):
        output.document(status)
    else:
        number = status.get("acknowledged")
        if number is not None:
            done = Text(f"{number} 件を確認済みにしました", f"Acknowledged: {number}")
            output.show([*output.wrapped(done.in_language(reply.language)), ""])
        output.show(of(status, reply.language))
    return 0 if status["ok"] else FAILED


def of(status: dict[str, Any], language: Language) -> list[str]:
    """The lines about the document of `status --json`."""
    problems: list[Any] = status.get("problems", [])
    if status["ok"]:
        well = Text("正常に動作しています", "All is well").in_language(language)
        lines = output.wrapped(Painted(well, "green"))
    else:
        look = Text("確認が必要です:", "This needs a look:").in_language(language)
        lines = output.wrapped(Painted(look, "red"))
        lines += [part for one in problems for part in _problem(one, language)]
    lines.append("")
    config, queue = status["config"], status["queue"]
    rows = [[Text("設定", "Configuration"), _configuration(config)]]
    rows.append([Text("キュー", "Queue"), _queue(queue)])
    rows.append([Text("7 日以内の不達", "Lost in 7 days"), _lost(status)])
    oldest = output.when(queue.get("oldest"))
    if oldest != "-":
        rows.append([Text("最も古い未送信メール", "Oldest waiting"), Text(oldest, oldest)])
    spool = _spool(status.get("spool") or {})
    if spool is not None:
        rows.append([Text("スプール", "Spool"), spool])
    rows += [
        [Text("履歴の削除", "History deleted"), _shortened(one)]
        for one in status.get("history", {}).get("shortened", [])
    ]
    rates = status.get("rates")
    if rates:
        for label, span in ((_MINUTE, "minute"), (_HOUR, "hour")):
            rows.append([label, _rate(rates["accepted"][span], rates["delivered"][span])])
    for server in status.get("servers", []):
        rows += _server_rows(server)
    started = output.when(status.get("started"))
    if started != "-":
        rows.append([Text("起動", "Started"), Text(started, started)])
    version = str(status.get("version", "-"))
    rows.append([Text("バージョン", "Version"), Text(version, version)])
    doubtful = status.get("possible_duplicates")
    if doubtful:
        rows.append(
            [Text("二重配送の可能性", "Possible duplicates"), Text(f"{doubtful} 件", str(doubtful))]
        )
    lines += output.table([[cell.in_language(language) for cell in row] for row in rows])
    errors = config.get("errors", [])
    if errors:
        lines += ["", Text("設定の誤り:", "Errors of the configuration:").in_language(language)]
        for one in errors:
            lines += output.wrapped(labels.diagnostic(one).in_language(language), "  ", "    ")
    return lines


def _problem(problem: Any, language: Language) -> list[str]:
    if not isinstance(problem, dict):
        return output.wrapped(str(problem), "  - ", "    ")
    lines = output.wrapped(str(problem.get("message", problem)), "  - ", "    ")
    for label, key in ((Text("対処", "Remedy"), "remedy"), (Text("詳細", "More"), "command")):
        if problem.get(key):
            text = f"{label.in_language(language)}: {problem[key]}"
            lines += output.wrapped(text, "    ", "      ")
    return lines


def _configuration(config: dict[str, Any]) -> Text:
    state = _CONFIG.get(config["state"], Text(config["state"], config["state"]))
    loaded = output.when(config.get("loaded"))
    if loaded == "-":
        return state
    return Text(f"{state.ja}（{loaded} に読み込み）", f"{state.en} (loaded {loaded})")


def _shortened(one: dict[str, Any]) -> Text:
    size, since = -(-one["bytes"] // (1024 * 1024)), output.when(one["since"])
    return Text(
        f"履歴が多すぎるか、ディスクの空きが少ないため、{since} から {one['user']} の"
        f"終了したイベントを {one['events']} 件（{size} MB）削除",
        f"{one['events']} events of {one['user']} that had ended ({size} MB), since {since}: too"
        " much history, or too little room on the disk",
    )


def _rate(accepted: int, delivered: int) -> Text:
    return Text(
        f"受け付け {accepted} 件、送信 {delivered} 件",
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


def _spool(spool: dict[str, Any]) -> Text | None:
    ja: list[str] = []
    en: list[str] = []
    for key, word in (("waiting", Text("待機中", "waiting")), ("refused", Text("拒否", "refused"))):
        for one in spool.get(key, []):
            ja.append(f"{word.ja} {one['files']} 件（{one['user']}）")
            en.append(f"{one['files']} {word.en} ({one['user']})")
    return Text("、".join(ja), ", ".join(en)) if ja else None


def _lost(status: dict[str, Any]) -> Text:
    failed, expired = status["queue"]["failed"], status["queue"]["expired"]
    if not failed and not expired:
        return Text("なし", "none")
    ja, en = f"送信失敗 {failed} 件、期限切れ {expired} 件", f"{failed} failed, {expired} expired"
    known = status.get("known")
    codes = [one.get("code") for one in status["problems"] if isinstance(one, dict)]
    if known and "failed" not in codes and "expired" not in codes:
        at = output.when(known["time"])
        ja = f"{ja}（確認済み: {known['user']}、{at}）"
        en = f"{en} (acknowledged by {known['user']}, {at})"
    return Text(ja, en)


def _server_rows(server: dict[str, Any]) -> list[list[Text]]:
    rows = [[Text("メールサーバー", "Mail server"), _server(server)]]
    next_ = server.get("next_attempt")
    if next_:
        at = output.when(next_)
        rows.append([Text("  次の試行", "  next try"), Text(at, at)])
    last = server.get("last_error")
    if last and not server.get("error"):
        said = f"{output.when(last['time'])}  {last['message']}"
        rows.append([Text("  最後のエラー", "  last error"), Text(said, said)])
    return rows


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
