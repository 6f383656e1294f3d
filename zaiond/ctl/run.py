"""`zaiond-ctl run`: runs a command as if it were not there, and tells how it went.

The command comes first. It is started before anything is sent; what it writes goes another way
(`relay`); and whatever becomes of the events, its exit status is ours.
"""

import _thread
import os
from errno import ENOENT, ENOTDIR
from time import monotonic, time_ns

from zaiond.ctl import child, output
from zaiond.ctl.commandline import Command, Example, Line, Option, exact
from zaiond.ctl.exit_status import Fault, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from zaiond.client import ClientError, Emitted
    from zaiond.ctl import relay

COMMANDS = (
    Command(
        "run COMMAND...",
        "コマンドを実行し、開始と結果をイベントで知らせる（cron やスクリプト用）\n"
        "出力と終了ステータスは元のコマンドのままです。job.started に続けて、job.succeeded または"
        " job.failed（エラー）を、終了ステータス、所要時間、出力の先頭と末尾とともに送ります。"
        "引数と環境変数は、秘密を含むことがあるため送りません。zaiond が停止中でも待たされず、"
        "イベントはスプールに保存されます。",
        "run a command, and tell of its start and its result (for cron and scripts)\n"
        "Output and exit status are the command's own. job.started is emitted, then job.succeeded"
        " or job.failed (err), with exit status, duration, and the beginning and the end of the"
        " output; not the arguments and the environment, which may hold secrets. While the daemon"
        " is down, nothing waits, and the events are kept in the spool.",
        Option(
            "--job NAME",
            "ジョブの名前（既定値: コマンドのファイル名）",
            "the job's name (default: the file name of the command)",
        ),
        Option(
            "--warning-exit N",
            "終了ステータス N を、失敗ではなく警告付きの成功とみなす。繰り返し可",
            "the exit status N is a success with a warning, no failure; may be repeated",
        ),
        Option(
            "--timeout T",
            "T（例 90s、6h）を過ぎたら、コマンドが起動したものも含めて SIGTERM、"
            "さらに 10 秒後に SIGKILL で終わらせる。終了ステータスは 124",
            "after T (as 90s, 6h), end it and all that it started by SIGTERM, and 10 s later by"
            " SIGKILL; the exit status is 124",
        ),
        Example(
            "run --job nightly-backup -- rsync -a /srv/ backup:/srv/",
            "夜間のバックアップを crontab から実行する",
            "run the nightly backup, in a crontab",
        ),
        Example(
            "run --job srv --warning-exit 3 --timeout 6h -- restic backup /srv",
            "一部のファイルを読めなかった場合は警告とする",
            "some files that could not be read are a warning",
        ),
    ),
)

TIMED_OUT, NOT_RUNNABLE, NOT_FOUND = 124, 126, 127  # as timeout(1) and the shell have them
_ROOM = 64 * 1024  # bytes that the output may have in the event
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MOST_SECONDS = 366 * 86400.0
_JUST_NOW = 60.0  # seconds: who did not answer then is not waited for as long again
_A_MOMENT = 0.2
_LONGEST = 10.0  # seconds; a disk that hangs may take any time


def run(line: Line) -> int:
    """Runs the command; gives its exit status, or ends as it did where a signal ended it."""
    warnings = [_exit_status(text) for text in line.texts("warning-exit")]
    limit = line.text("timeout")
    seconds = None if limit is None else _seconds(limit)
    telling = _Telling(line)
    try:
        command = child.Child(line.operands, seconds)
    except OSError as error:
        status = NOT_FOUND if error.errno in (ENOENT, ENOTDIR) else NOT_RUNNABLE
        why = words.cant_run(command=exact(line.operands[0]), why=error)
        output.complain(why, output.language(line))
        telling.begin()
        said = f"zaiond-ctl: {why.in_language(output.language(line))}"
        telling.end("failed", "err", {"exit_status": status}, said)
        return status
    telling.begin()
    ended = command.wait()
    telling.stop_the_clock()
    written = command.output(hurry=ended.timed_out)
    if written.unwritten:
        obstacle = OSError(written.errno, os.strerror(written.errno))
        lost = words.output_lost(size=f"{written.unwritten:,}", why=obstacle)
        output.complain(lost, output.language(line))

    status = TIMED_OUT if ended.timed_out else ended.status
    data: dict[str, Any] = {"exit_status": status}
    if ended.signal:
        data["signal"] = _name_of(ended.signal)
    if ended.timed_out:
        data["timed_out"] = True
    if status in warnings:
        result = ("succeeded", "warning")
    else:
        result = ("failed", "err") if status else ("succeeded", "info")
    telling.end(*result, data, _text(written, line))
    if ended.signal and not ended.timed_out:
        child.end_by(ended.signal)
    return status


class _Telling:
    """The events of one run. The first is sent while the command runs."""

    def __init__(self, line: Line) -> None:
        self._line = line
        name = exact(os.path.basename(line.operands[0].rstrip("/")) or "command")
        self._job = exact(line.text("job") or name)
        self._command = name  # without its arguments: `mysqldump -pSECRET`
        self._source: str | None = None
        self._started_at = time_ns()
        self._clock = monotonic()
        self._took: float | None = None
        self._beginning = _thread.allocate_lock()  # held until the first event is somewhere
        self._unheard: float | None = None  # when it was not taken by the daemon

    def begin(self) -> None:
        """Sends `job.started`, in the background, or where there is no room for another thread (a
        limit of tasks), in the foreground: signals wait for `Child.wait`.
        """
        self._beginning.acquire()
        try:
            _thread.start_new_thread(self._tell_of_start, ())
        except RuntimeError:
            self._tell_of_start()

    def stop_the_clock(self) -> None:
        """The command has ended."""
        self._took = monotonic() - self._clock

    def end(self, result: str, severity: str, data: "dict[str, Any]", text: str) -> None:
        """Sends how it went. Where that can be told nowhere, standard error has it."""
        from zaiond import client
        from zaiond.client import origin

        took = monotonic() - self._clock if self._took is None else self._took
        event: dict[str, Any] = {
            "type": f"job.{result}",
            "severity": severity,
            "job": self._job,
            "data": {
                "command": self._command,
                **data,
                "started_at": origin.rfc3339(self._started_at),
                "finished_at": origin.rfc3339(self._started_at + round(took * 1e9)),
                "duration": round(took, 3),
                **({"output": text} if text else {}),
            },
        }
        self._beginning.acquire(timeout=_LONGEST)
        if self._unheard is not None and monotonic() - self._unheard < _JUST_NOW:
            client.ANSWER_WITHIN = _A_MOMENT
        taken = self._emit(event)
        if isinstance(taken, client.ClientError):
            output.complain(taken.text, output.language(self._line))

    def _tell_of_start(self) -> None:
        from zaiond import client
        from zaiond.client import origin

        try:
            self._source = origin.unit() or origin.caller()
            event = {
                "type": "job.started",
                "time": origin.rfc3339(self._started_at),
                "job": self._job,
                "data": {"command": self._command},
            }
            taken = self._emit(event)
            if isinstance(taken, client.ClientError) or taken.spooled:
                self._unheard = monotonic()
        finally:
            self._beginning.release()

    def _emit(self, event: "dict[str, Any]") -> "Emitted | ClientError":
        from zaiond import client

        (taken,) = client.emit_many(
            [event],
            source=self._source,
            runtime_dir=self._line.text("runtime-dir"),
            spool_dir=self._line.text("spool-dir"),
        )
        return taken


def _text(written: "relay.Output", line: Line) -> str:
    """The output as text that has room in the event: its beginning and its end."""
    from json import dumps

    from zaiond.ctl import emit_input

    tail = bytes(written.tail).rstrip(b"\n")
    if not written.size:
        text = emit_input.text(bytes(written.head) + tail).rstrip("\n")
        if len(dumps(text, ensure_ascii=False).encode()) <= _ROOM:
            return text
    from zaiond.client import shorten

    if written.size:
        head = bytes(written.head)
        ends = shorten.ends_of(head, tail, written.size, written.lines, emit_input.text)
    else:
        half = len(text) // 2
        ends = shorten.Ends(text[:half], text[half:])
    return shorten.joined(ends, _ROOM, output.language(line))


def _exit_status(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= 255):
        raise Fault(words.no_exit_status(given=exact(text)))
    return int(text)


def _seconds(text: str) -> float:
    """A duration as the configuration has it, or a number of seconds as timeout(1) takes it."""
    number, unit = (text[:-1], _UNITS[text[-1]]) if text[-1:] in _UNITS else (text, 1.0)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _MOST_SECONDS:
        raise Fault(words.no_time_limit(given=exact(text)))
    return seconds


def _name_of(number: int) -> str:
    from signal import Signals

    try:
        return Signals(number).name
    except ValueError:  # a real-time signal
        return str(number)
