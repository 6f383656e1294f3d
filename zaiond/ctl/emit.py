"""`zaiond-ctl emit`: the one command that scripts run often, so nothing slow is imported here."""

import json
import os

from zaiond import client
from zaiond.client import origin
from zaiond.ctl import output
from zaiond.ctl.commandline import Command, Example, Line, Option
from zaiond.ctl.exit_status import (
    BAD_EVENT,
    NOT_PERMITTED,
    TRY_AGAIN,
    UNREACHABLE,
    Failure,
    Fault,
    words,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from zaiond.text import Text

EVENT_OPTIONS = (
    Option(
        "-s, --severity SEVERITY",
        "重大度: emerg alert crit err warning notice info debug（既定値 info）。大文字、および "
        "emergency panic critical fatal error warn information も可",
        "severity: emerg alert crit err warning notice info debug (default: info), in any case, or"
        " emergency panic critical fatal error warn information",
    ),
    Option("--subject S", "何についてか、短く", "what it is about, in a few words"),
    Option(
        "-m, --message TEXT",
        "人が読む文。複数行可。- なら標準入力から読む。長すぎる場合は途中を省略する",
        "text for a person, may have several lines; - reads standard input. What is too long keeps"
        " its beginning and its end",
    ),
    Option(
        "-d, --data KEY=VALUE",
        "data の項目。値は常に文字列。繰り返し可",
        "a field of data, always a string; may be repeated",
    ),
    Option(
        "-D, --data-json KEY=JSON",
        "data の項目。値は JSON。繰り返し可",
        "a field of data, in JSON; may be repeated",
    ),
    Option(
        "--problem KEY",
        "KEY に障害が発生したことを知らせる",
        "the thing that KEY names has a problem",
    ),
    Option("--ok KEY", "KEY が復旧したことを知らせる", "the thing that KEY names is well again"),
    Option("--job NAME", "対象のジョブ", "the job that it tells of"),
    Option(
        "--id ID",
        "イベント ID。同じ ID で送り直してもメールは 1 通になる",
        "the event's id: sent again with the same one, it is mailed once",
    ),
    Option(
        "--source S",
        "発行元（既定値: systemd のユニット名、なければ呼び出したプログラムかスクリプトの"
        "ファイル名）",
        "what emits (default: the systemd unit, else the file name of the program or script that"
        " calls)",
    ),
    Option(
        "--time T",
        "起きた日時。RFC 3339 形式（既定値: 現在）",
        "when it happened, by RFC 3339 (default: now)",
    ),
)
COMMANDS = (
    Command(
        "emit [TYPE]",
        "イベントを送る。受け付けられたイベントの ID を表示する\n"
        "デーモンが停止中でもイベントはスプールに保存され、終了ステータスは 0 になります。",
        "emit an event; prints its id\n"
        "While the daemon is down, the event is kept in the spool, and the exit status is 0.",
        *EVENT_OPTIONS,
        Option(
            "--from FILE",
            "1 行 1 イベントの JSON を FILE から読む。- は標準入力",
            "read events from FILE, one JSON object a line; - is standard input",
        ),
        Example(
            'emit backup.job.failed -s err --subject "nightly backup" -m "$log"',
            "失敗を知らせる",
            "tell of a failure",
        ),
        Example(
            "emit backup.auto_update.finished -d target=files01 -D files=1204",
            "項目を付けて知らせる",
            "give fields along",
        ),
        Example(
            "df -h / | zaiond-ctl emit disk.low -s warning --problem disk:/ -m -",
            "コマンドの出力を本文にする",
            "mail a command's output",
        ),
        Example(
            "emit --from events.jsonl",
            "ファイルのイベントをまとめて送る",
            "emit all events of a file",
        ),
    ),
)

# What an option gives, as it is, to the event.
_ATTRIBUTES = ("severity", "subject", "message", "job", "id", "source", "time")


def run(line: Line) -> int:
    """Emits what the command line says, or the lines of a file."""
    source, tally = source_of(line), _Tally(line)
    for numbers, events in events_of(line):
        tally.add(numbers, _emit(events, line, source))
    return tally.finish()


def events_of(line: Line) -> "Iterable[tuple[list[int] | None, list[dict[str, Any] | str]]]":
    """The event of the command line, or those of `--from` as they come, with the numbers of their
    lines. Raises Fault, Failure."""
    path = line.text("from")
    if not path:
        return [(None, [event_of(line, *line.operands)])]
    from zaiond.ctl import emit_input

    beside = [option.names[0] for option in EVENT_OPTIONS if line.flag(option.name)]
    if line.operands or beside:
        raise Fault(words.not_together(one="--from", other=(*line.operands, *beside)[0]))
    return emit_input.events(path)


def source_of(line: Line) -> str:
    """What emits: as it is said, else who runs zaiond-ctl."""
    return line.text("source") or origin.unit() or origin.caller()


def _emit(
    events: "list[dict[str, Any] | str]", line: Line, source: str
) -> "list[client.Emitted | client.ClientError]":
    return client.emit_many(
        events,
        source=source,
        runtime_dir=line.text("runtime-dir"),
        spool_dir=line.text("spool-dir"),
        language=lambda: output.language(line),
    )


def one(line: Line, event: "dict[str, Any]") -> client.Emitted:
    """Emits one event, and gives where it is. Raises Failure."""
    (outcome,) = _emit([event], line, source_of(line))
    if isinstance(outcome, client.Emitted):
        return outcome
    field = outcome.field if isinstance(outcome, client.Rejected) else None
    text = outcome.text
    raise Failure(_status(outcome), type(text)(*(by_option(said, field) for said in text)))


def event_of(line: Line, type_: str | None = None) -> "dict[str, Any]":
    """The event of this type that the options tell of. Raises Fault."""
    if type_ is None:
        raise Fault(words.NAME_A_TYPE)
    event: dict[str, Any] = {"type": _argument(type_)}
    for name in _ATTRIBUTES:
        value = line.text(name)
        if value is not None:
            event[name] = _argument(value)
    data: dict[str, Any] = {}
    for pair in line.texts("data"):
        key, data[key] = _pair(_argument(pair), "-d", "VALUE")
    for pair in line.texts("data-json"):
        key, value = _pair(_argument(pair), "-D", "JSON")
        data[key] = _json(key, value)
    if data:
        event["data"] = data
    for status in ("problem", "ok"):
        key_named = line.text(status)
        if key_named is not None:
            if "status" in event:
                raise Fault(words.not_together(one="--problem", other="--ok"))
            event["key"], event["status"] = _argument(key_named), status
    if event.get("message") == "-":
        from zaiond.ctl import emit_input

        event["message"] = emit_input.message(event, lambda: output.language(line))
    return event


def _pair(pair: str, option: str, word: str) -> tuple[str, str]:
    key, equals, value = pair.partition("=")
    if not equals or not key:
        raise Fault(words.no_pair(option=option, value=word, pair=pair))
    return key, value


def _json(key: str, text: str) -> "Any":
    from zaiond import event_rules

    try:
        return event_rules.value(text)
    except (ValueError, RecursionError) as error:
        said = getattr(error, "msg", str(error))  # it is in English
        raise Fault(words.no_json(key=key, at=getattr(error, "pos", 0) + 1, why=said)) from None


def _argument(word: str) -> str:
    """A word of the command line, whatever the encoding of its bytes is."""
    if "\x1b$" not in word and word.encode(errors="ignore").decode() == word:
        return word  # UTF-8
    from zaiond.ctl import emit_input

    return emit_input.text(os.fsencode(word))


class _Tally:
    """Prints what became of the events, as it is known, and keeps the exit status."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._taken: list[client.Emitted] = []
        self._errors: list[dict[str, Any]] = []
        self._spooled = 0
        self._duplicates = 0
        self._duplicate: str | None = None  # the first one
        self._statuses: set[int] = set()

    def add(
        self, numbers: list[int] | None, outcomes: "list[client.Emitted | client.ClientError]"
    ) -> None:
        json_wanted = self._line.flag("json")
        shown: list[str] = []
        for place, outcome in enumerate(outcomes):
            if isinstance(outcome, client.Emitted):
                self._spooled += outcome.spooled
                if outcome.duplicate:
                    self._duplicates += 1
                    self._duplicate = self._duplicate or outcome.id
                shown.append(outcome.id)
                if json_wanted:
                    self._taken.append(outcome)
            else:
                self._failed(numbers[place] if numbers else None, outcome)
        if shown and not json_wanted:
            output.say("\n".join(shown))
            output.flush()

    def finish(self) -> int:
        """Says what is left to say; the exit status."""
        order = (NOT_PERMITTED, UNREACHABLE, TRY_AGAIN, BAD_EVENT)
        status = next((one for one in order if one in self._statuses), 0)
        # With these exit statuses there is no document, as of all other commands (interface 5).
        no_document = status not in (0, BAD_EVENT)
        if self._line.flag("json") and not no_document:
            events = [
                {"id": one.id, "duplicate": one.duplicate, "spooled": one.spooled}
                for one in self._taken
            ]
            result: dict[str, Any] = {"events": events}
            if self._errors:
                result["errors"] = self._errors
            output.say(json.dumps(result))
        elif self._taken:
            self._tell(words.taken_before(ids=" ".join(one.id for one in self._taken)))
        number = self._spooled
        if number:
            self._tell(words.spooled(number=number, events=_events(number)))
        number = self._duplicates
        if self._duplicate is not None:
            from zaiond import places

            command = places.event(self._duplicate).command
            self._tell(words.duplicates(number=number, events=_events(number), command=command))
        return status

    def _failed(self, number: int | None, error: client.ClientError) -> None:
        status = _status(error)
        said_before = status in (NOT_PERMITTED, UNREACHABLE) and status in self._statuses
        self._statuses.add(status)
        text, field = error.text, None
        said = text.in_language(output.language(self._line))
        described = {"line": number, "id": error.id, "message": said}
        if isinstance(error, client.Rejected):
            field = error.field
            described |= {"code": error.code, "field": field}
        self._errors.append({name: value for name, value in described.items() if value is not None})
        if said_before:
            return  # the same of every line to come
        if number is not None:
            self._tell(words.of_line(number=number, text=text))
        else:
            self._tell(type(text)(*(by_option(said, field) for said in text)))

    def _tell(self, text: "Text") -> None:
        output.complain(text, output.language(self._line))


def _status(error: client.ClientError) -> int:
    """The exit status for an event that was not taken."""
    if isinstance(error, client.NotPermitted):
        return NOT_PERMITTED
    if error.retry:
        return TRY_AGAIN
    return BAD_EVENT if isinstance(error, client.Rejected) else UNREACHABLE


def _events(number: int) -> str:
    return f"{number} event{'s' * (number != 1)}"


def by_option(said: str, field: str | None) -> str:
    """`severity: …`, as an error begins, by what that is on the command line: `-s: …`."""
    names = {one.name: one.names[0] for one in EVENT_OPTIONS if one.name in _ATTRIBUTES}
    names |= {"type": "TYPE", "data": "-d", "key": "--problem, --ok"}
    behind = said.removeprefix(f"{field}: ")
    return said if behind == said or field not in names else f"{names[field]}: {behind}"
