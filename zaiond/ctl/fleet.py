"""`zaiond-ctl fleet`: makes what a fleet needs in its engine, and shows how the fleet is."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from zaiond.ctl import check, fleet_status, fleet_words, output
from zaiond.ctl.arguments import number
from zaiond.ctl.commandline import Command, Example, Line, Option
from zaiond.ctl.exit_status import BAD_CONFIG, FAILED, NOT_PERMITTED, UNREACHABLE, Failure, Fault
from zaiond.ctl.terminal import Cell, Page, Painted
from zaiond.text import Language

TYPE_CHECKING = False
if TYPE_CHECKING:
    from zaiond.config.fleet import Fleet
    from zaiond.fleet.link import Connection, Login

_CREDENTIALS = Option(
    "--credentials FILE",
    "設定ファイルの代わりに、この資格情報でログインする（NATS のクレデンシャル ファイル、NKey の"
    "シード、または「ユーザー名」と「パスワード」を 1 行ずつ書いたファイル）",
    "log in by these instead of the configuration's: a credentials file of NATS, the seed of an"
    " NKey, or a file with a user on its first line and a password on its second",
)
COMMANDS = (
    Command(
        "fleet init",
        "フリートのストリームとバケットを NATS に作る\n"
        "すでにあるものは示し、違いがあれば、失われるものがない場合だけ直します。何度実行しても"
        "かまいません。管理者の権限が必要です（docs/fleet.ja.md）。",
        "make the fleet's streams and its bucket in NATS\n"
        "It says what there is already, and mends what differs where nothing is lost by that; run"
        " it as often as you like. It needs an administrator's rights (docs/fleet.md).",
        _CREDENTIALS,
        Option(
            "--replicas NUMBER",
            "複製の数（1、3、5）。既定値は、すでにある数か 3",
            "how many nodes keep each event: 1, 3 or 5. Default: as it is, else 3",
        ),
        Option(
            "--max-events NUMBER",
            "ハブを待つイベントの数の上限。いっぱいになると、メンバーが自分で持ち続ける。"
            "既定値は、すでにある上限か 1000 万",
            "how many events may wait for a hub; beyond that the members keep what they have."
            " Default: as it is, else ten million",
        ),
        Example(
            "fleet init --credentials ./admin",
            "3 台のノードのフリートを用意する",
            "prepare a fleet of three nodes",
        ),
    ),
    Command(
        "fleet status",
        "フリートの状態を表示する。確認が必要なら終了ステータスは 1\n"
        "メンバー（最後の連絡、待ち件数、状態）、ハブ、待っているイベント、ストリームの"
        "複製を表示します。ハブか管理者の権限が必要です。",
        "show how the fleet is; the exit status is 1 when something needs a look\n"
        "Members (when they were last heard of, what waits there, their state), hubs, what waits"
        " for a hub, and the streams' replicas. It needs the rights of a hub or an administrator.",
        _CREDENTIALS,
        Example("fleet status", "ハブで、全体を見る", "on a hub, see all of it"),
        Example(
            "fleet status --json", "監視プログラムなどで使う", "for a program, such as a monitor"
        ),
    ),
    Command(
        "fleet forget MACHINE...",
        "もう使わないマシンをフリートの一覧から外す\n"
        "最後の連絡を NATS から削除します。連絡がないことによる障害は、動作中のハブが 30 秒以内に"
        "終えます。引き継がれて待っているイベントは削除しません。動いているマシンは、30 秒以内の"
        "次の連絡でまた一覧に戻るため、先に zaiond を停止してください。管理者の権限が必要です。",
        "take a machine that is gone for good out of the fleet's list\n"
        "Its last word is deleted in NATS, and the hub that works ends the problem of its silence"
        " within 30 seconds. Events of it that wait for a hub are kept. A machine that is alive is"
        " back with its next word, within 30 seconds: stop zaiond there first. It needs an"
        " administrator's rights.",
        _CREDENTIALS,
        Example(
            "fleet forget web7.example.co.jp --credentials ./admin",
            "廃棄したマシンを外す",
            "take out a machine that was scrapped",
        ),
    ),
)

_ALIVE = 90.0  # seconds: who said something within these will do so again
_NEEDS_RIGHTS = ("login", "right")
_UNREACHED = ("unreachable", "lost", "silent", "tls")
T = TypeVar("T")


def run(line: Line) -> int:
    """One of fleet init, fleet status, fleet forget."""
    return {"fleet init": _init, "fleet status": _status, "fleet forget": _forget}[line.name](line)


def _init(line: Line) -> int:
    replicas, max_events = _replicas(line), _max_events(line)
    language = output.language(line)

    async def make(connection: "Connection") -> list[Any]:
        from zaiond.fleet import admin

        return await admin.init(connection, replicas, max_events)

    steps = _asked(line, _fleet(line), make)
    refused = any(step.done == "refused" for step in steps)
    document = {
        "ok": not refused,
        "streams": [
            {
                "name": step.stream,
                "done": step.done,
                "differences": [
                    each._asdict() for each in (*step.comparison.mended, *step.comparison.refused)
                ]
                if step.comparison
                else [],
            }
            for step in steps
        ],
    }
    output.answer(line, document, lambda: _made(document, language))
    if refused:
        output.complain(fleet_words.REFUSED, language)
    return FAILED if refused else 0


def _made(document: dict[str, Any], language: Language) -> Page:
    page = Page(language)
    rows: list[list[Cell]] = []
    for each in document["streams"]:
        rows.append(
            [fleet_words.STREAMS.get(each["name"], each["name"]), fleet_words.DONE[each["done"]]]
        )
    page.table(rows)
    for each in document["streams"]:
        for one in each["differences"]:
            page.line(fleet_words.differs(**one), "  ")
            if one["setting"] == "num_replicas" and one["wanted"] == 1:
                page.line(Painted(fleet_words.ONE_REPLICA, "yellow"), "  ")
    return page


def _replicas(line: Line) -> int | None:
    given = line.text("replicas")
    if given is None:
        return None
    if given not in ("1", "3", "5"):
        raise Fault(fleet_words.NOT_A_NUMBER)
    return int(given)


def _max_events(line: Line) -> int | None:
    given = line.text("max-events")
    if given is None:
        return None
    events = number(given, 1000, 10**9)
    if events is None:
        raise Fault(fleet_words.NO_NUMBER_OF_EVENTS)
    return events


def _fleet(line: Line) -> "Fleet":
    """The section of the configuration. Raises Failure."""
    path = line.config()
    check.demand_readable(path)
    from zaiond.config.load import load

    loaded = load(path, line.credentials(), credentials_optional=True)
    if loaded.config is None:
        language = output.language(line)
        raise check.broken(loaded.errors, language, fleet_words.broken(path=path))
    if loaded.config.fleet is None:
        raise Failure(BAD_CONFIG, fleet_words.no_fleet(path=path))
    return loaded.config.fleet


def _login(line: Line) -> "Login | None":
    """What --credentials names. Raises Failure."""
    path = line.text("credentials")
    if path is None:
        return None
    from zaiond.config.outside import SourceError
    from zaiond.config.sources import DiskSources
    from zaiond.fleet.link import Login

    try:
        text = DiskSources(os.getcwd(), None, True).secret_text(os.path.abspath(path))
    except SourceError as error:
        raise Failure(FAILED, error.text) from None
    lines = text.split("\n")
    if "NATS USER JWT" in text and "USER NKEY SEED" in text:
        return Login(credentials=text)
    if text.startswith("SU") and text.strip().isalnum():
        return Login(nkey=text.strip())
    if len(lines) >= 2 and all(lines[:2]) and not any(lines[2:]):
        return Login(user=lines[0].strip(), password=lines[1])
    raise Failure(FAILED, fleet_words.no_credentials(path=path))


def _asked(line: Line, fleet: "Fleet", question: Callable[["Connection"], Awaitable[T]]) -> T:
    """What the engine answers. Raises Failure."""
    from zaiond.fleet.link import FleetError, connected
    from zaiond.net.machine import MachineNames

    login = _login(line)

    async def ask() -> T:
        machine = (await MachineNames().current()).fqdn
        inbox = None if login is None else "_INBOX"  # an administrator's answers
        async with connected(fleet, machine, login, inbox) as connection:
            return await question(connection)

    try:
        return asyncio.run(ask())
    except FleetError as error:
        kind = error.kind
        status = (
            NOT_PERMITTED if kind in _NEEDS_RIGHTS else UNREACHABLE if kind in _UNREACHED else 1
        )
        text = error.text
        if kind == "unreachable" and len(fleet.servers) > 1:
            text = fleet_words.none_of(number=len(fleet.servers), why=text)
        elif kind == "login" and login is not None:
            text = fleet_words.login_refused(path=line.text("credentials"), why=text)
        elif kind == "right" and login is None:
            if line.name != "fleet status":
                text = fleet_words.needs_administrator(why=text)
            elif fleet.role == "member":
                text = fleet_words.needs_hub(why=text)
        raise Failure(status, text) from None


# -- forget


def _forget(line: Line) -> int:
    language = output.language(line)
    fleet = _fleet(line)

    async def forget(connection: "Connection") -> dict[str, dict[str, Any] | None]:
        from zaiond.fleet import admin
        from zaiond.fleet.names import UnfitNameError

        found: dict[str, dict[str, Any] | None] = {}
        for machine in line.operands:
            try:
                found[machine] = await admin.forget(connection, machine)
            except UnfitNameError:  # nor is there any machine of this name
                found[machine] = None
        return found

    found = _asked(line, fleet, forget)
    unknown = [name for name, word in found.items() if word is None]
    words = [word for word in found.values() if word is not None]
    for each in words:
        each["heard"] = _moment(each["heard"])
        each["alive"] = (each["age"] or 0.0) < _ALIVE and each.get("state") != "stopped"
    document = {"ok": not unknown, "forgotten": words, "unknown": unknown}
    output.answer(line, document, lambda: fleet_status.forgotten(words, language))
    for name in unknown:
        output.complain(fleet_words.no_machine(machine=name), language)
    return FAILED if unknown else 0


# -- status


def _status(line: Line) -> int:
    language = output.language(line)
    fleet = _fleet(line)

    async def ask(connection: "Connection") -> dict[str, Any]:
        from zaiond.fleet import admin

        return await admin.status(connection)

    found = _asked(line, fleet, ask)
    troubles = fleet_status.troubles(found, fleet.member_grace)
    document = {
        "ok": not troubles,
        "problems": [one.in_language(language) for one in troubles],
        **found,
    }
    grace = fleet.member_grace
    for each in (*document["members"], *document["hubs"]):
        each["heard"] = _moment(each["heard"])
        each["silent"] = fleet_status.is_silent(each, grace)
    output.answer(line, document, lambda: fleet_status.shown(document, troubles, grace, language))
    return FAILED if troubles else 0


def _moment(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
