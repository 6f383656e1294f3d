"""`zaiond-ctl emit`: the one command that scripts run often, so nothing slow is imported here."""

import json
import os
import sys

from zaiond import client
from zaiond.ctl import caller, places
from zaiond.ctl.commandline import Command, Fault, Line, Option
from zaiond.ctl.failure import (
    BAD_EVENT,
    FAILED,
    NOT_PERMITTED,
    TRY_AGAIN,
    UNREACHABLE,
    Failure,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_EVENT_OPTIONS = (
    Option(
        "-s", "--severity", value="SEVERITY", choices=_SEVERITIES,
        ja="重大度: emerg alert crit err warning notice info debug（既定値 info）",
        en="severity: emerg alert crit err warning notice info debug (default: info)",
    ),
    Option("--subject", value="S", ja="何についてか、短く", en="what it is about, in a few words"),
    Option(
        "-m", "--message", value="TEXT",
        ja="人が読む文。複数行可。- なら標準入力から読む",
        en="text for a person, may have several lines; - reads standard input",
    ),
    Option(
        "-d", "--data", value="KEY=VALUE", many=True,
        ja="data の項目。値は常に文字列。繰り返し可",
        en="a field of data, always a string; may be repeated",
    ),
    Option(
        "-D", "--data-json", value="KEY=JSON", many=True,
        ja="data の項目。値は JSON。繰り返し可",
        en="a field of data, in JSON; may be repeated",
    ),
    Option(
        "--problem", value="KEY",
        ja="KEY に障害が発生したことを知らせる",
        en="the thing that KEY names has a problem",
    ),
    Option(
        "--ok", value="KEY",
        ja="KEY が復旧したことを知らせる",
        en="the thing that KEY names is well again",
    ),
    Option("--job", value="NAME", ja="対象のジョブ", en="the job that it tells of"),
    Option(
        "--id", value="ID",
        ja="イベント ID。同じ ID で送り直してもメールは 1 通になる",
        en="the event's id: sent again with the same one, it is mailed once",
    ),
    Option(
        "--source", value="S",
        ja="送り元（既定値: systemd のユニット名、なければ呼び出したプログラムの名前）",
        en="what emits (default: the systemd unit, else the program that calls)",
    ),
    Option(
        "--time", value="T",
        ja="起きた日時。RFC 3339 形式（既定値: 現在）",
        en="when it happened, by RFC 3339 (default: now)",
    ),
)  # fmt: skip
COMMANDS = (
    Command(
        "emit",
        operands=("[TYPE]",),
        ja="イベントを送る。受け付けられたイベントの ID を表示する",
        en="emit an event; prints its id",
        more_ja="デーモンが停止中でもイベントはスプールに保存され、終了ステータスは 0 になります。",
        more_en="While the daemon is down, the event is kept in the spool, and the exit status"
        " is 0.",
        options=(
            *_EVENT_OPTIONS,
            Option(
                "--from", value="FILE",
                ja="1 行 1 イベントの JSON を FILE から読む。- は標準入力",
                en="read events from FILE, one JSON object a line; - is standard input",
            ),
        ),
        examples=(
            (
                'emit backup.job.failed -s err --subject "nightly backup" -m "$log"',
                "失敗を知らせる",
                "tell of a failure",
            ),
            (
                "emit backup.auto_update.finished -d target=fileserver01 -D files=1204",
                "項目を付けて知らせる",
                "give fields along",
            ),
            (
                "df -h / | zaiond-ctl emit disk.low -s warning --problem disk:/ -m -",
                "コマンドの出力を本文にする",
                "mail a command's output",
            ),
            (
                "emit --from events.jsonl",
                "ファイルのイベントをまとめて送る",
                "emit all events of a file",
            ),
        ),
    ),
)  # fmt: skip
_READ_BYTES = 1024 * 1024


def run(line: Line) -> int:
    """Emits what the command line says, or the lines of a file."""
    source = line.text("source") or client.unit() or caller.name()
    tally = _Tally(line)
    if line.flag("from"):
        extra = [option.names[0] for option in _EVENT_OPTIONS if line.flag(option.name)]
        if line.operands or extra:
            what = line.operands[0] if line.operands else extra[0]
            raise Fault(
                f"--from と {what} は同時に指定できません", f"--from doesn't go with {what}"
            )
        with _opened(line.text("from") or "") as file:
            for first, lines in _chunks(file.fileno()):
                tally.add(first, _emit(lines, line, source))
    else:
        tally.add(None, _emit([_event(line)], line, source))
    return tally.finish()


def _emit(
    events: "list[dict[str, Any] | bytes]", line: Line, source: str
) -> "list[client.Emitted | client.ClientError]":
    return client.emit_many(
        events,
        source=source,
        runtime_dir=places.runtime_dir(line),
        spool_dir=line.text("spool-dir"),
    )


def _event(line: Line) -> "dict[str, Any]":
    if not line.operands:
        raise Fault("TYPE か --from FILE を指定してください", "name a TYPE, or --from FILE")
    event: dict[str, Any] = {"type": line.operands[0]}
    for name in ("severity", "subject", "message", "job", "id", "source", "time"):
        value = line.text(name)
        if value is not None:
            event[name] = value
    if event.get("message") == "-":
        event["message"] = _standard_input()
    data: dict[str, Any] = {}
    for pair in line.texts("data"):
        key, value = _pair(pair, "-d", "VALUE")
        data[key] = value
    for pair in line.texts("data-json"):
        key, value = _pair(pair, "-D", "JSON")
        try:
            data[key] = json.loads(value, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise Fault(
                f"-D {key}: JSON ではありません: {error}（文字列なら -d {key}=… を使います）",
                f"-D {key}: not JSON: {error} (for a string, use -d {key}=…)",
            ) from None
    if data:
        event["data"] = data
    for status in ("problem", "ok"):
        key_named = line.text(status)
        if key_named is not None:
            if "status" in event:
                raise Fault(
                    "--problem と --ok は同時に指定できません", "--problem doesn't go with --ok"
                )
            event["key"], event["status"] = key_named, status
    return {name: _readable(name, value) for name, value in event.items()}


def _pair(pair: str, option: str, word: str) -> tuple[str, str]:
    key, equals, value = pair.partition("=")
    if not equals or not key:
        raise Fault(
            f"{option} は KEY={word} の形にしてください: {pair}",
            f"{option} takes KEY={word}: {pair}",
        )
    return key, value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _readable(name: str, value: "Any") -> "Any":
    """A text whose bytes are no UTF-8 (a log in another encoding) shows them as \\xff.

    A notice that looks odd is better than none; only names must be exact.
    """
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            if name in ("subject", "message", "data"):
                return value.encode(errors="surrogateescape").decode(errors="backslashreplace")
            shown = value.encode(errors="surrogateescape").decode(errors="backslashreplace")
            raise Failure(
                BAD_EVENT,
                f"{name}: UTF-8 ではありません: {shown}",
                f"{name}: not UTF-8: {shown}",
            ) from None
    if isinstance(value, dict):
        return {_readable("data", key): _readable("data", inner) for key, inner in value.items()}
    return value


def _standard_input() -> str:
    if sys.stdin is None:
        raise _unreadable("-", OSError("closed"))
    try:
        text = sys.stdin.buffer.read(client.MAX_EVENT_BYTES + 1)
    except OSError as error:
        raise _unreadable("-", error) from None
    return text.decode(errors="backslashreplace").rstrip("\n")


def _opened(path: str) -> "Any":
    try:
        return open(0, "rb", buffering=0, closefd=False) if path == "-" else open(path, "rb")
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: OSError) -> Failure:
    why = error.strerror or str(error)
    ja, en = ("標準入力", "standard input") if path == "-" else (f"{path} ", path)
    return Failure(FAILED, f"{ja}を読めません: {why}", f"can't read {en}: {why}")


def _chunks(file: int) -> "Iterator[tuple[list[int], list[dict[str, Any] | bytes]]]":
    """The lines as they come, with their numbers: what is there is sent before more is awaited.

    A line too large to be an event is cut short behind the limit: it will be refused as such.
    """
    number = 0
    rest = b""
    ended = False
    while not ended:
        try:
            read = os.read(file, _READ_BYTES)
        except OSError as error:
            raise _unreadable("-" if file == 0 else "FILE", error) from None
        ended = not read
        *lines, rest = (rest + read).split(b"\n")
        if ended:
            lines.append(rest)
        elif len(rest) > client.MAX_EVENT_BYTES:
            rest = rest[: client.MAX_EVENT_BYTES + 1]
        numbers: list[int] = []
        events: list[dict[str, Any] | bytes] = []
        for text in lines:
            number += 1
            if number == 1:
                text = text.removeprefix(b"\xef\xbb\xbf")  # a byte order mark
            if text.strip():
                numbers.append(number)
                events.append(text)
        if events:
            yield numbers, events


class _Tally:
    """Prints what became of the events, as it is known, and keeps the exit status."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._taken: list[client.Emitted] = []
        self._errors: list[dict[str, Any]] = []
        self._spooled = 0
        self._statuses: set[int] = set()

    def add(
        self, numbers: list[int] | None, outcomes: "list[client.Emitted | client.ClientError]"
    ) -> None:
        json_wanted = self._line.flag("json")
        shown: list[str] = []
        for place, outcome in enumerate(outcomes):
            if isinstance(outcome, client.Emitted):
                self._spooled += outcome.spooled
                shown.append(outcome.id)
                if json_wanted:
                    self._taken.append(outcome)
            else:
                self._failed(numbers[place] if numbers else None, outcome)
        if shown and not json_wanted:
            _print("\n".join(shown))

    def finish(self) -> int:
        if self._line.flag("json"):
            result: dict[str, Any] = {
                "events": [
                    {"id": one.id, "duplicate": one.duplicate, "spooled": one.spooled}
                    for one in self._taken
                ]
            }
            if self._errors:
                result["errors"] = self._errors
            _print(json.dumps(result))
        if self._spooled:
            self._tell(
                f"zaiond が応答しないため、{self._spooled} 件をスプールに保存しました。"
                "zaiond の起動後に送られます",
                f"zaiond does not answer: {self._spooled} event(s) kept in the spool,"
                " to be mailed when it runs again",
            )
        for status in (NOT_PERMITTED, UNREACHABLE, TRY_AGAIN, BAD_EVENT):
            if status in self._statuses:
                return status
        return 0

    def _failed(self, number: int | None, error: client.ClientError) -> None:
        if isinstance(error, client.NotPermitted):
            status = NOT_PERMITTED
        elif error.retry:
            status = TRY_AGAIN
        else:
            status = BAD_EVENT if isinstance(error, client.Rejected) else UNREACHABLE
        said_before = status in (NOT_PERMITTED, UNREACHABLE) and status in self._statuses
        self._statuses.add(status)
        text = error.text
        described = {"line": number, "id": error.id, "message": text.en}
        if isinstance(error, client.Rejected):
            described |= {"code": error.code, "field": error.field, "message": error.message}
        self._errors.append({name: value for name, value in described.items() if value is not None})
        if said_before:
            return  # the same of every line to come
        if number is None:
            self._tell(text.ja, text.en)
        else:
            self._tell(f"{number} 行目: {text.ja}", f"line {number}: {text.en}")

    def _tell(self, ja: str, en: str) -> None:
        from zaiond.ctl import output
        from zaiond.text import Text

        output.complain(Text(ja, en), output.language(self._line))


def _print(text: str) -> None:
    if text.isascii() and text.replace("\n", "").isprintable():
        if sys.stdout is not None:
            try:
                sys.stdout.write(text + "\n")
                sys.stdout.flush()
            except BrokenPipeError:
                raise
            except OSError as error:
                from zaiond.ctl.output import unwritable

                raise unwritable(error) from None
    else:
        from zaiond.ctl import output

        output.say(text)
        output.flush()
