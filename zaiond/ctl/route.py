"""`zaiond-ctl route`: where an event would go, when, and why. Nothing is sent, nothing changed."""

import json
import os
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from zaiond import wire
from zaiond.client import shorten
from zaiond.ctl import check, control, documents, emit, labels, output, words
from zaiond.ctl.commandline import Command, Example, Line, Option
from zaiond.ctl.exit_status import BAD_CONFIG, BAD_EVENT, NoDaemon
from zaiond.ctl.terminal import Page, Painted
from zaiond.errors import EventError
from zaiond.event_rules import Unfit
from zaiond.text import Language, Text
from zaiond.way import HUBS, shown

# Of the lines of one question, which has 1 MiB at most and may take three times as many for a sign.
_MOST_BYTES = 300 * 1024

COMMANDS = (
    Command(
        "route [TYPE]",
        "イベントがどこへ、いつ、なぜ送られるかを表示する（何も送らない）\n"
        "デーモンが、現在の設定と状態（まとめ送信、上限、障害、通知の一時停止）で判断します。状態は"
        "変わらず、複数のイベントもそれぞれ単独で判断します。デーモンが停止中なら、ディスクの設定だけで"
        "判断し、そのことを表示します。",
        "say where an event would go, when, and why; nothing is sent\n"
        "The daemon decides it, by its configuration and by how things stand now (groups, limits,"
        " problems, silences). Nothing of that changes, and of several events each is decided by"
        " itself. Where no daemon runs, it is decided by the configuration on disk alone, which is"
        " said.",
        *emit.EVENT_OPTIONS,
        Option(
            "--from FILE",
            "1 行 1 イベントの JSON を FILE から読む。- は標準入力",
            "read events from FILE, one JSON object a line; - is standard input",
        ),
        Example(
            "route backup.db.failed -s err -d host=db1",
            "このイベントはだれに届くか",
            "who gets such an event",
        ),
        Example(
            "route --from events.jsonl",
            "新しい routes を、これまでのイベントで試す",
            "try new routes on events of a file",
        ),
    ),
)


def run(line: Line) -> int:
    """Asks the daemon, or decides by the files; prints each event's decisions."""
    source, decider = emit.source_of(line), _Decider(line)
    told: list[dict[str, Any]] = []
    bad = False
    for numbers, events in emit.events_of(line):
        lines: list[bytes] = []
        for place, event in enumerate(events):
            try:
                lines.append(as_sent(event, source, line))
            except EventError as error:
                bad = True
                output.complain(
                    wrong(error, numbers[place] if numbers else None), output.language(line)
                )
        for part in _parts(lines):
            try:
                found = decider.decide(part)
            except control.Refused as refusal:
                if refusal.status != BAD_CONFIG:
                    raise
                return check.refused(line, refusal)
            if line.flag("json"):
                told += found
            else:
                output.show(page(found, decider.language))
                output.flush()
    if line.flag("json"):
        output.document({"events": told})
    return BAD_EVENT if bad else 0


def as_sent(event: dict[str, Any] | str, source: str, line: Line) -> bytes:
    """The event as it would be sent, but for what does not matter here. Raises EventError."""
    text = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
    data = text.encode("utf-8", "backslashreplace")
    try:
        if len(data) > wire.MAX_EVENT_BYTES:
            data = shorten.line(data, output.language(line))
    except shorten.TooLong:
        raise wire.too_large() from None
    except Unfit as unfit:
        raise EventError("invalid", Text(unfit.ja, unfit.en), unfit.field) from None
    sent = wire.parse(data)
    if sent.source is not None:
        return sent.line
    return json.dumps({**json.loads(sent.line), "source": source}, ensure_ascii=False).encode()


def wrong(error: EventError, number: int | None = None) -> Text:
    """What is wrong with an event, by the option that says it, or in which line of a file."""
    if number is not None:
        return words.of_line(number=number, text=error.text)
    return Text(*(emit.by_option(said, error.field) for said in error.text))


def _parts(lines: list[bytes]) -> Iterator[list[bytes]]:
    """As many lines at a time as one question holds."""
    part: list[bytes] = []
    size = 0
    for line in lines:
        if part and size + len(line) > _MOST_BYTES:
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line)
    if part:
        yield part


class _Decider:
    """Has the daemon decide; where none runs, decides by the files, as nothing were under way."""

    def __init__(self, line: Line) -> None:
        self.language: Language = "ja"
        self._line = line
        self._by_files: Callable[[bytes], dict[str, Any]] | None = None

    def decide(self, lines: list[bytes]) -> list[dict[str, Any]]:
        """The documents of these events. Raises Failure."""
        if self._by_files is None:
            try:
                sent = [line.decode("utf-8", "replace") for line in lines]
                reply = control.ask(self._line, "route", lines=sent)
            except NoDaemon:
                self._by_files = self._load()
            else:
                self.language = reply.language
                found: list[dict[str, Any]] = reply.result["events"]
                return found
        return list(map(self._by_files, lines))

    def _load(self) -> Callable[[bytes], dict[str, Any]]:
        from zaiond.config.load import load
        from zaiond.net.machine import rfc3339
        from zaiond.routing.decide import decide
        from zaiond.routing.explain import document
        from zaiond.routing.matcher import RoutingTable
        from zaiond.routing.state import State

        path = self._line.config()
        check.demand_readable(path)
        self.language = language = output.language(self._line)
        loaded = load(path, self._line.credentials(), credentials_optional=True)
        if loaded.config is None:
            raise check.broken(loaded.errors, language, words.wrong_on_disk(path=path))
        output.complain(labels.NO_DAEMON_DECIDES, language)
        table, state = RoutingTable(loaded.config), State((), count(1).__next__)

        def moment(at: float | None) -> str | None:
            return None if at is None else rfc3339(at)

        def by_files(line: bytes) -> dict[str, Any]:
            now = time.time()
            event = wire.complete(line, id="", uid=os.getuid(), accepted=now)
            decision = decide(event, table, state, now)
            state.rollback()
            return document(event, decision, table, now, language, moment)

        return by_files


def page(events: list[dict[str, Any]], language: Language) -> Page:
    """A block for each event: each route, its outcome, to whom, when and why."""
    page = Page(language)
    for event in events:
        page.line(Painted(documents.about(event), "bold"))
        for one in event["decisions"]:
            if one["to"] == [shown(HUBS).in_language(language)]:
                page.line(labels.HUBS_DECIDE, "  ")
                continue
            outcome: Text = labels.STATES[one["outcome"]]
            if one["route"] or one["to"]:  # what ends does so by whatever route
                route = one["route"] or labels.NO_ROUTE
                outcome = labels.decided(route=route, outcome=outcome)
            page.line(outcome, "  ")
            page.labelled(labels.TO, ", ".join(one["to"]), "    ")
            page.labelled(labels.WHEN, when(one), "    ")
            page.labelled(labels.WHY, one["reason"], "    ")
    return page


def when(decision: dict[str, Any]) -> str | Text | None:
    """When its mail is made, where that is not at once."""
    if decision["outcome"] in ("mailed", "silenced", "dropped"):
        return None
    when = decision["when"]
    return documents.when(when) if when else labels.UNDATED
