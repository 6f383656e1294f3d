"""`zaiond-ctl status`: what is, the worst first."""

from collections.abc import Iterator
from typing import Any

from zaiond.ctl import control, documents, labels, output
from zaiond.ctl.commandline import Command, Example, Line, Option
from zaiond.ctl.exit_status import FAILED
from zaiond.ctl.terminal import Fact, Page, Painted
from zaiond.ctl.words import listed
from zaiond.places import Advice, named
from zaiond.text import Language, Text

COMMANDS = (
    Command(
        "status",
        "現在の状態を表示する。確認が必要なら終了ステータスは 1\n"
        "次のとき終了ステータスは 1 です: メールの保留や滞留、使えるメールサーバーがない、"
        "10 分間 1 通も送信できない、最初のサーバーが 1 時間使えない、フリートのハブに引き"
        "継げない、ハートビートを送れない、7"
        " 日以内の送信失敗や期限切れ、24"
        " 時間以内に受け付けなかったイベント（どちらも確認済みのものを除く）、失敗・未実行・実行時"
        "間超過のジョブ（jobs を参照）、スプールの拒否されたファイルや 1"
        " 時間以上待っているファイル、スプールの所有者やモードの誤り、設定の誤り、キューのデータベ"
        "ースの破損、ディスクの残り不足。件数は配送の数です（1 通のメールを 2 人に送るなら 2"
        " 件）。宛先がまだ決まっていないイベントは 1"
        " 件と数えます。解決していない障害は表示するだけで、終了ステータスは変わりません（problems"
        " を参照）。",
        "say how things are; the exit status is 1 when an administrator should look\n"
        "That is when mail is held or stuck or no server takes it, when none has left for ten"
        " minutes, when the first server has been out of use for an hour, when nothing can be"
        " handed on to the hubs of a fleet, when the heartbeat can't be sent, when some has"
        " failed or expired in the last 7 days or events were refused in the last day"
        " and nobody has acknowledged it, when a job has failed, was missed or runs"
        " for too long (see jobs), when files of the spool were refused or have waited for more"
        " than an hour, when others may do in the spool what only the daemon should, when the"
        " configuration is not valid, when the queue's database was damaged, or when disk space"
        " is low. Deliveries are counted: a mail to two recipients is two. An event that is not"
        " routed yet counts as one. Open problems are counted too, and make no exit status: who"
        " watches them was told (see problems).",
        Option(
            "--ack",
            "これまでの送信失敗、期限切れ、受け付けなかったイベントを確認済みにする（だれがいつ確認"
            "したかは履歴に残る）",
            "what has failed, has expired and was refused so far is known (who said so, and when,"
            " stands in the history)",
        ),
        Example("status", "状態を見る", "see how things are"),
        Example(
            "status --ack",
            "原因が分かった送信失敗を確認済みにする",
            "once you know why mail was lost",
        ),
        Example("status --json", "監視プログラムなどで使う", "for a program, such as a monitor"),
    ),
)


def run(line: Line) -> int:
    """Asks the daemon; renders its document."""
    reply = control.ask(line, "status.ack" if line.flag("ack") else "status")
    status: dict[str, Any] = reply.result
    output.answer(line, status, lambda: of(status, reply.language))
    return 0 if status["ok"] else FAILED


def of(status: dict[str, Any], language: Language) -> Page:
    """The lines about the document of `status --json`."""
    page = Page(language)
    if "acknowledged" in status:
        page.line(labels.acknowledged(number=status["acknowledged"]))
        page.gap()
    page.line(Painted(labels.WELL, "green") if status["ok"] else Painted(labels.LOOK, "red"))
    for problem in status["problems"]:
        page.line(problem["message"], "  - ", "    ")
        page.labelled(labels.REMEDY, problem["remedy"], "    ")
        page.labelled(labels.MORE, problem["command"], "    ")
        for place in named(problem.get("places", ()))[1:]:
            page.labelled(place.what, place.command, "    ")
    page.gap()
    page.facts(facts(status))
    errors = status["config"]["errors"]
    if errors:
        page.gap()
        page.line(labels.ERRORS)
        for error in errors:
            page.line(documents.diagnostic(error), "  ", "    ")
    return page


def facts(status: dict[str, Any]) -> Iterator[Fact]:
    """What the document says, a label and a value each."""
    queue, config, rates = status["queue"], status["config"], status["rates"]
    state, loaded = labels.CONFIGURATION_STATES[config["state"]], config["loaded"]
    time = documents.when(loaded)
    yield labels.CONFIGURATION, labels.loaded(state=state, time=time) if loaded else state
    unsent = [state for state in ("waiting", "held") if queue[state]]
    yield labels.QUEUE, _counts(queue, *unsent) if unsent else labels.EMPTY
    yield labels.LOST, _lost(status)
    yield labels.OLDEST, queue["oldest"] and documents.when(queue["oldest"])
    files = [
        labels.spooled(state=labels.FILE_STATES[state], files=one["files"], user=one["user"])
        for state in ("waiting", "refused")
        for one in status["spool"][state]
    ]
    yield labels.SPOOL, listed(files) if files else None
    yield from _facts_of_routes(status["routes"])
    for one in status["history"]["shortened"]:
        told = {"size": -(-one["bytes"] // (1024 * 1024)), "since": documents.when(one["since"])}
        yield labels.HISTORY_DELETED, labels.history_deleted(**one | told)
    for span, label in labels.RATES.items():
        yield label, labels.rate(**{name: rates[name][span] for name in rates})
    for server in status["servers"]:
        yield from _facts_of_server(server)
    if status.get("fleet") is not None:
        yield from facts_of_fleet(status["fleet"])
    yield labels.HEARTBEAT, _heartbeat(status["heartbeat"])
    yield labels.STARTED, documents.when(status["started"])
    yield labels.VERSION, status["version"]
    number = status["possible_duplicates"]
    yield labels.POSSIBLE_DUPLICATES, labels.number(number=number) if number else None


def _facts_of_routes(routes: dict[str, Any]) -> Iterator[Fact]:
    for name, label in labels.OF_ROUTES.items():
        number = routes[name]
        said = Advice(labels.number(number=number), named([name]))
        yield label, said if number else None
    jobs = routes["jobs"]
    counts = [
        labels.counted(state=word, number=jobs[state])
        for state, word in labels.JOB_STATES.items()
        if state in jobs
    ]
    yield labels.JOBS, listed(counts) if counts else None


def _counts(queue: dict[str, Any], *states: str) -> Text:
    return listed(
        [labels.counted(state=labels.STATES[state], number=queue[state]) for state in states]
    )


def _lost(status: dict[str, Any]) -> Text:
    queue, known = status["queue"], status["known"]
    if not queue["failed"] and not queue["expired"]:
        return labels.NONE
    lost = _counts(queue, "failed", "expired")
    if not known or {"failed", "expired"} & {one["code"] for one in status["problems"]}:
        return lost
    return labels.known(lost=lost, user=known["user"], time=documents.when(known["time"]))


def _heartbeat(heartbeat: dict[str, Any] | None) -> Text | None:
    if heartbeat is None:
        return None
    more = heartbeat["stopped"] or heartbeat["error"]
    last = documents.when(heartbeat["last"]) if heartbeat["last"] else labels.NONE
    return labels.heartbeat(host=heartbeat["host"], last=last, more=f": {more}" if more else "")


def facts_of_fleet(fleet: dict[str, Any]) -> Iterator[Fact]:
    """What the document's `fleet` says."""
    return _facts_of_member(fleet) if fleet["role"] == "member" else _facts_of_hub(fleet)


def _facts_of_member(fleet: dict[str, Any]) -> Iterator[Fact]:
    more = f": {fleet['error']}" if fleet["error"] else ""
    yield labels.FLEET, labels.member(state=labels.MEMBER_STATES[fleet["state"]], more=more)
    yield labels.FLEET_SERVER, fleet["server"]
    number = fleet["waiting"]
    yield labels.TO_HAND_ON, labels.number(number=number) if number else None


def _facts_of_hub(fleet: dict[str, Any]) -> Iterator[Fact]:
    state = labels.HUB_WORKS if fleet["works"] else labels.hub_waits(hub=fleet["hub"] or "-")
    yield labels.FLEET, state
    yield labels.FLEET_SERVER, fleet["server"]
    if fleet["state"] == "by_itself":
        more = f": {fleet['error']}" if fleet["error"] else ""
        yield labels.OWN_EVENTS, labels.member(state=labels.HUB_BY_ITSELF, more=more)
    number = fleet["to_hand_on"]
    yield labels.TO_HAND_ON, labels.number(number=number) if number else None
    if fleet["backlog"]:
        number = fleet["backlog"]["messages"]
        yield labels.FLEET_BACKLOG, labels.number(number=number) if number else None
    if fleet["no_room"]:
        text = labels.no_room(number=fleet["waiting"], why=fleet["no_room"])
        yield labels.NOT_TAKEN_IN, text
    if fleet["members"] is not None:
        silent = sum(one["silent"] for one in fleet["members"])
        yield labels.MEMBERS, labels.members(number=len(fleet["members"]), silent=silent)


def _facts_of_server(server: dict[str, Any]) -> Iterator[Fact]:
    name, error, number = server["state"], server["error"], server["connections"]
    if name == "unknown" and number:
        name = "trying"
    more: str | Text = f": {error}" if error else ""
    if name in ("down", "faulty"):
        more = labels.since(time=documents.when(server["since"]), error=more)
    elif number:
        more = labels.connections(number=number, error=more)
    state = labels.SERVER_STATES[name]
    yield labels.SERVER, labels.server(name=server["server"], state=state, more=more)
    next_ = server["next_attempt"]
    yield labels.SERVER_NEXT_TRY, next_ and documents.when(next_)
    last = server["last_error"]
    if last and not error:
        yield labels.SERVER_LAST_ERROR, f"{documents.when(last['time'])}  {last['message']}"
