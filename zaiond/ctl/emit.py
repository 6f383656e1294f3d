"""`zaiond-ctl emit`: the one command that scripts run often, so nothing slow is imported here."""

import json
import os
import sys

from zaiond import client
from zaiond.ctl import caller, paths
from zaiond.ctl.commandline import Command, Fault, Line, Option
from zaiond.ctl.exit_status import (
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

    from zaiond.text import Language

_SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_EVENT_OPTIONS = (
    Option(
        "-s", "--severity", value="SEVERITY", choices=_SEVERITIES,
        ja="重大度: emerg alert crit err warning notice info debug（既定値 info）。大文字、および"
        " emergency panic critical fatal error warn information も可",
        en="severity: emerg alert crit err warning notice info debug (default: info), in any case,"
        " or emergency panic critical fatal error warn information",
    ),
    Option("--subject", value="S", ja="何についてか、短く", en="what it is about, in a few words"),
    Option(
        "-m", "--message", value="TEXT",
        ja="人が読む文。複数行可。- なら標準入力から読む。長すぎる場合は途中を省略する",
        en="text for a person, may have several lines; - reads standard input. What is too long"
        " keeps its beginning and its end",
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
        ja="発行元（既定値: systemd のユニット名、なければ呼び出したプログラムかスクリプトの"
        "ファイル名）",
        en="what emits (default: the systemd unit, else the file name of the program or script"
        " that calls)",
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
# What the attributes are called on the command line, for errors.
_NAMES = {
    "type": "TYPE", "severity": "-s", "subject": "--subject", "message": "-m", "data": "-d",
    "key": "--problem, --ok", "job": "--job", "id": "--id", "source": "--source", "time": "--time",
}  # fmt: skip
_READ_BYTES = 1024 * 1024
_MADE_BYTES = 2048  # at most, of what the client puts in: id, source and time


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
    events: "list[dict[str, Any] | str]", line: Line, source: str
) -> "list[client.Emitted | client.ClientError]":
    return client.emit_many(
        events,
        source=source,
        runtime_dir=paths.runtime_dir(line),
        spool_dir=line.text("spool-dir"),
        language=lambda: _language(line),
    )


def _language(line: Line) -> "Language":
    from zaiond.ctl import output

    return output.language(line)


def _event(line: Line) -> "dict[str, Any]":
    if not line.operands:
        raise Fault("TYPE か --from FILE を指定してください", "name a TYPE, or --from FILE")
    event: dict[str, Any] = {"type": _argument(line.operands[0])}
    for name in ("severity", "subject", "message", "job", "id", "source", "time"):
        value = line.text(name)
        if value is not None:
            event[name] = _argument(value)
    data: dict[str, Any] = {}
    for pair in line.texts("data"):
        key, value = _pair(_argument(pair), "-d", "VALUE")
        data[key] = value
    for pair in line.texts("data-json"):
        from zaiond import event_rules

        key, value = _pair(_argument(pair), "-D", "JSON")
        try:
            data[key] = event_rules.value(value)
        except (ValueError, RecursionError) as error:
            said = getattr(error, "msg", str(error))  # it is in English
            at = getattr(error, "pos", 0) + 1
            raise Fault(
                f"-D {key}: JSON ではありません（{at} 文字目）。文字列なら -d {key}=… を使います",
                f"-D {key}: not JSON (character {at}: {said}); for a string, use -d {key}=…",
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
            event["key"], event["status"] = _argument(key_named), status
    if event.get("message") == "-":
        event["message"] = _standard_input(event, line)
    return event


def _pair(pair: str, option: str, word: str) -> tuple[str, str]:
    key, equals, value = pair.partition("=")
    if not equals or not key:
        raise Fault(
            f"{option} は KEY={word} の形にしてください: {pair}",
            f"{option} takes KEY={word}: {pair}",
        )
    return key, value


def _argument(word: str) -> str:
    """A word of the command line, whatever the encoding of its bytes is."""
    if word.isascii() and "\x1b$" not in word:
        return word
    return _text(os.fsencode(word))


def _text(data: bytes) -> str:
    """Text that somebody else wrote: in UTF-8, else by the locale, else as whatever it is."""
    text = _utf_8(data)
    return _guessed(data) if text is None else text


def _json_text(data: bytes) -> str:
    r"""As `_text`, of a line of JSON. That knows no `\x`: where it stands, a byte is shown."""
    text = _utf_8(data)
    if text is not None:
        return text
    import re

    return re.sub(r"(?<!\\)((?:\\\\)*)\\x", r"\1\\\\x", _guessed(data))


def _utf_8(data: bytes) -> str | None:
    if b"\x1b$" in data:  # with which ISO-2022-JP begins
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _guessed(data: bytes) -> str:
    from locale import getencoding

    from zaiond import decode

    if b"\x1b$" not in data:
        try:
            return data.decode(getencoding())
        except (UnicodeDecodeError, LookupError):
            pass
    return decode.text(data)


def _standard_input(event: "dict[str, Any]", line: Line) -> str:
    """The message: of a long one only the two ends are kept, while it is read."""
    if sys.stdin is None:
        raise _unreadable("-", OSError("closed"))
    most = client.MAX_EVENT_BYTES
    size = lines = 0  # of what lies between the ends
    try:
        read = sys.stdin.buffer.read
        data = read(2 * most + 1)
        if len(data) <= 2 * most:
            return _text(data).rstrip("\n")
        head, data = data[:most], data[most:]
        tail = bytearray()
        while data:
            tail += data
            beyond = max(0, len(tail) - most)
            size += beyond
            lines += tail.count(b"\n", 0, beyond)
            del tail[:beyond]
            data = read(_READ_BYTES)
    except OSError as error:
        raise _unreadable("-", error) from None
    from zaiond import shorten

    ends = shorten.ends_of(head, bytes(tail.rstrip(b"\n")), size, lines, _text)
    try:
        return shorten.joined(ends, shorten.room(event) - _MADE_BYTES, _language(line))
    except shorten.TooLong:
        from zaiond.event_rules import TOO_LARGE

        raise Failure(BAD_EVENT, *TOO_LARGE) from None


def _opened(path: str) -> "Any":
    try:
        return open(0, "rb", buffering=0, closefd=False) if path == "-" else open(path, "rb")
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: OSError) -> Failure:
    from zaiond.os_error import in_japanese

    ja, en = ("標準入力", "standard input") if path == "-" else (f"{path} ", path)
    return Failure(
        FAILED,
        f"{ja}を読めません: {in_japanese(error)}",
        f"can't read {en}: {error.strerror or error}",
    )


def _chunks(file: int) -> "Iterator[tuple[list[int], list[dict[str, Any] | str]]]":
    """The lines as they come, with their numbers: what is there is sent before more is awaited.

    A line that can't even be shortened is cut behind the limit: it will be refused as too large.
    """
    number = 0
    rest = bytearray()
    ended = False
    while not ended:
        try:
            read = os.read(file, _READ_BYTES)
        except OSError as error:
            raise _unreadable("-" if file == 0 else "FILE", error) from None
        ended = not read
        *lines, begun = read.split(b"\n")
        if lines:
            lines[0] = bytes(rest) + lines[0]
            rest.clear()
        rest += begun
        del rest[client.MAX_LINE_BYTES + 1 :]
        if ended:
            lines.append(bytes(rest))
        numbers: list[int] = []
        events: list[dict[str, Any] | str] = []
        for text in lines:
            number += 1
            if number == 1:
                text = text.removeprefix(b"\xef\xbb\xbf")  # a byte order mark
            if text.strip():
                numbers.append(number)
                events.append(_json_text(text))
        if events:
            yield numbers, events


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
            _print("\n".join(shown))

    def finish(self) -> int:
        order = (NOT_PERMITTED, UNREACHABLE, TRY_AGAIN, BAD_EVENT)
        status = next((one for one in order if one in self._statuses), 0)
        # With these exit statuses there is no document, as of all other commands (interface 5).
        if status not in (0, BAD_EVENT):
            if self._taken:
                ids = " ".join(one.id for one in self._taken)
                self._tell(f"受け付けられたイベント: {ids}", f"events that were taken: {ids}")
        elif self._line.flag("json"):
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
                f"zaiond does not answer: {_events(self._spooled)} kept in the spool,"
                " to be mailed when it runs again",
            )
        if self._duplicates:
            id_ = self._duplicate
            self._tell(
                f"受け付け済みのイベントが {self._duplicates} 件ありました。再度メールされることは"
                f"ありません（確認: zaiond-ctl history {id_}）",
                f"zaiond had {_events(self._duplicates)} already: not mailed again"
                f" (see: zaiond-ctl history {id_})",
            )
        return status

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
            field = error.field if isinstance(error, client.Rejected) else None
            self._tell(_by_option(text.ja, field), _by_option(text.en, field))
        else:
            self._tell(f"{number} 行目: {text.ja}", f"line {number}: {text.en}")

    def _tell(self, ja: str, en: str) -> None:
        from zaiond.ctl import output
        from zaiond.text import Text

        output.complain(Text(ja, en), output.language(self._line))


def _events(number: int) -> str:
    return f"{number} event{'s' * (number != 1)}"


def _by_option(said: str, field: str | None) -> str:
    """`severity: …`, as an error begins, by what that is on the command line: `-s: …`."""
    behind = said.removeprefix(f"{field}: ")
    return said if behind == said or field not in _NAMES else f"{_NAMES[field]}: {behind}"


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
