"""Where a reader goes on from what he is told: at a terminal by a command, on the page by a link.

No sentence that both may show names a command or an option: it is an Advice, which names the place.
"""

from collections.abc import Iterable
from typing import NamedTuple

from zaiond.text import Text


class Place(NamedTuple):
    """What is there, and how to get there; `page` is a path of zaiond-web, None: it has no such
    page. `name` stands for it in documents, "" : it is of one document alone.
    """

    name: str
    what: Text
    command: str
    page: str | None


class Advice(NamedTuple):
    """A sentence, and where its reader goes on."""

    text: Text
    places: tuple[Place, ...] = ()

    def at_terminal(self) -> Text:
        """With the commands behind it."""
        if not self.places:
            return self.text
        ja = "、".join(f"{one.what.ja}: {one.command}" for one in self.places)
        en = "; ".join(f"{one.what.en}: {one.command}" for one in self.places)
        return Text(f"{self.text.ja}（{ja}）", f"{self.text.en} ({en})")


MORE = Text("詳細", "more")
STATUS = Place("status", Text("状態", "status"), "zaiond-ctl status", "/status")
ACKNOWLEDGE = Place(
    "acknowledge",
    Text("確認済みにする", "Once you know of it"),
    "zaiond-ctl status --ack",
    "/status",
)
QUEUE = Place("queue", Text("キュー", "the queue"), "zaiond-ctl queue list", "/queue")
SPOOL = Place("spool", Text("スプール", "the spool"), "zaiond-ctl spool list", "/spool")
LOST = Place(
    "lost",
    Text("届かなかったもの", "what has not arrived"),
    "zaiond-ctl history --failed",
    "/history?failed=1",
)
PROBLEMS = Place(
    "problems", Text("障害の一覧", "open problems"), "zaiond-ctl problems", "/problems"
)
JOBS = Place("jobs", Text("ジョブの一覧", "the jobs"), "zaiond-ctl jobs", "/jobs")
SILENCES = Place(
    "silences",
    Text("一時停止の一覧", "the silences"),
    "zaiond-ctl silence list",
    "/silences",
)
END_SILENCE = Place(
    "end_silence", Text("終了", "to end one"), "zaiond-ctl silence expire ID", "/silences"
)
CONFIGURATION = Place(
    "configuration", Text("設定の誤り", "what is wrong with it"), "zaiond-ctl check", "/settings"
)
TEST = Place("test", Text("テスト送信", "a test"), "zaiond-ctl test", "/settings#test")
FLEET = Place("fleet", Text("フリート", "the fleet"), "zaiond-ctl fleet status", "/fleet")
JOURNAL = Place("journal", Text("ログ", "the log"), "journalctl -u zaiond", None)
JOURNAL_OF_A_DAY = Place("day", Text("ログ", "the log"), "journalctl -u zaiond --since -24h", None)

_BY_NAME = {
    one.name: one
    for one in (
        STATUS, ACKNOWLEDGE, QUEUE, SPOOL, LOST, PROBLEMS, JOBS, SILENCES, END_SILENCE,
        CONFIGURATION, TEST, FLEET, JOURNAL, JOURNAL_OF_A_DAY,
    )
}  # fmt: skip


def named(names: Iterable[str]) -> tuple[Place, ...]:
    """The places of a document; what a newer daemon names is left out."""
    return tuple(_BY_NAME[name] for name in names if name in _BY_NAME)


def event(id_: str) -> Place:
    """What became of an event."""
    from shlex import join

    command = join(["zaiond-ctl", "history", *["--"] * id_.startswith("-"), id_])
    return Place("", Text("経過", "what became of it"), command, event_page(id_))


def event_page(id_: str) -> str:
    """The path of an event's page. A browser takes . and .. out of a path."""
    from urllib.parse import quote, urlencode

    if {".", ".."} & set(id_.split("/")):
        return f"/history?{urlencode({'id': id_}, errors='replace')}"
    return f"/history/{quote(id_, errors='replace')}"
