"""The journal: what an operator reads. One line in the language in force, fields for machines.

Each line goes through one pipeline of structlog's processors: the limit, the language, safe text,
its fields; and then to systemd's journal, to a terminal, or to JSON. Text of events and of servers
never makes a line of its own and never moves a terminal.

In systemd's journal the fields keep their names (`ZAIOND_EVENT=…`), and MESSAGE_ID says what kind
of line it is; zaiond(8) lists them.

A line that others can cause in numbers says `by` whom (a uid, a server): at most one a second is
written for each of them, and a few over all. The next line says how many were left out; where none
follows, a line of its own does, after a while.
"""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Hashable
from enum import Enum
from functools import partial
from typing import Any, NamedTuple, TextIO

from zaiond.log_limit import LogLimit
from zaiond.safe import ACTING, Replacer, code_of, with_codes
from zaiond.text import Language, Sentence, Text

# structlog imports rich where that is installed: 5 MiB for colours that no daemon shows.
sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
import structlog  # noqa: E402
from structlog.typing import EventDict, Processor  # noqa: E402

LEFT_OUT_INTERVAL = 60.0  # seconds after which what was left out is told at the latest
_PRIORITIES = {"info": 6, "warning": 4, "error": 3, "critical": 2}  # syslog(3)

_and_more = Sentence("{line}（ほかに {number} 行）", "{line} (and {number} more)")
_left_out = Sentence(
    "同じ原因の行が続いたため、{number} 行を省きました",
    "{number} lines were left out, as there were too many of one cause",
)
_on_one_line = Replacer(f"[\t\n{ACTING}]", code_of)


class Kind(Enum):
    """What a line tells of, by its MESSAGE_ID (sd_journal_print(3)): never changed, never used
    again."""

    STARTED = "88dcfa2fb4114ed18f9c881ec2f9692b"
    STOPPED = "dd1d55f883ca4efd834f958ca5cd8544"
    CAN_NOT_GO_ON = "1b4c6a8ce0164be29b3494f32cd2f48f"
    CONFIG_LOADED = "5cc2f1f5719a4806ae9ae5603b028565"
    CONFIG_BROKEN = "982303a083d24cc38c5886a6b34e68d9"
    EVENT_REFUSED = "3de23405378f44bdbfffbb13e8dcaf9f"
    SPOOL_REFUSED = "8555d2ed4a0f486a8bcd44209a33494d"
    DISK_FULL = "4bfc842210ec4b51b589bb81d7cb9eae"
    HISTORY_SHORTENED = "b32b23183654463b9329df90b2e0c17f"
    DELIVERY_DEFERRED = "16560100fb2440c8b1578905ba7685b6"
    DELIVERY_HELD = "f64b949bc5f6430c80aee4c7da78865c"
    DELIVERY_FAILED = "913eefbeaefc47f89990ac6b02f1119e"
    DELIVERY_EXPIRED = "94db5a8f8d7044c095c1079059363665"
    SERVER_OUT_OF_USE = "77c598523aea4a77ab70b95e6ca8455f"
    SERVER_USABLE = "fdb970d3209e4268b3046df734370db4"
    POSSIBLE_DUPLICATES = "f404f449c78d4cf9acb0fe58cbae816b"
    QUEUE_HELD = "b2d27229f56e4236884c02de3ef8af37"
    NO_MAIL = "43f6291110a8443e866d5a2c92e55e8c"
    SERVER_STAYS_DOWN = "ea35428924464e089350a5d84a0197e3"
    QUEUE_RECOVERED = "97ac13ed417e400aa466574fa70d1653"
    DONE_BY_HAND = "2caa1701c8844c53b105391b4ff10804"


class Output(NamedTuple):
    """Where lines go: `write` has a method for each level, which takes what the last of
    `processors` returns (structlog, "Processors").
    """

    write: object
    processors: tuple[Processor, ...]


class Journal:
    """Writes lines; `language` is that of the configuration in force.

    Each method takes the sentence, the kind of line, `by` whom it was caused, the `error` whose
    traceback belongs to it, and fields.
    """

    def __init__(self, output: Output, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.language: Language = "ja"
        self._monotonic = monotonic
        self._limit = LogLimit()
        self._telling: asyncio.TimerHandle | None = None
        with_traceback = structlog.processors.format_exc_info
        pipeline: list[Processor] = [self._admit, with_traceback, self._plain, *output.processors]
        self._lines = structlog.BoundLogger(output.write, pipeline, {})

    def info(self, text: Text, kind: Kind | None = None, **more: Any) -> None:
        """What an operator may want to look up."""
        self._write("info", text, kind, **more)

    def warning(self, text: Text, kind: Kind | None = None, **more: Any) -> None:
        """What an operator should look at."""
        self._write("warning", text, kind, **more)

    def error(self, text: Text, kind: Kind | None = None, **more: Any) -> None:
        """What stops mail."""
        self._write("error", text, kind, **more)

    def critical(self, text: Text, kind: Kind | None = None, **more: Any) -> None:
        """What stops all mail, so that no mail can tell of it."""
        self._write("critical", text, kind, **more)

    def _write(
        self,
        level: str,
        text: Text,
        kind: Kind | None,
        by: Hashable = None,
        error: BaseException | None = None,
        **fields: object,
    ) -> None:
        write = getattr(self._lines, level)
        write(text, kind=kind, by=by, exc_info=error, fields=fields)

    def tell_left_out(self) -> None:
        """Says how many lines were left out, where no later line has said so."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        left_out = self._limit.left_out()
        if left_out:
            self.warning(_left_out(number=left_out))

    # -- processors

    def _admit(self, _: object, __: str, line: EventDict) -> EventDict:
        by = line.pop("by")
        if by is None:
            return line
        left_out = self._limit.admit(by, self._monotonic())
        if left_out is None:
            self._tell_later()
            raise structlog.DropEvent
        if left_out:
            line["event"] = _and_more(line=line["event"], number=left_out)
        return line

    def _tell_later(self) -> None:
        if self._telling is None:
            with contextlib.suppress(RuntimeError):  # no loop runs: the next line tells
                loop = asyncio.get_running_loop()
                self._telling = loop.call_later(LEFT_OUT_INTERVAL, self.tell_left_out)

    def _plain(self, _: object, __: str, line: EventDict) -> EventDict:
        line["event"] = _on_one_line(line["event"].in_language(self.language))
        if "exception" in line:
            line["exception"] = with_codes(line["exception"])
        kind = line.pop("kind")
        if kind is not None:
            line["message_id"] = kind.value
        return line


# -- outputs


def output(log_format: str, program: str = "zaiond") -> Output:
    """`json`: an object a line on standard error. `text`: to systemd's journal where standard error
    is that, else a line on standard error.
    """
    if log_format == "json":
        return to_json(sys.stderr)
    # systemd.exec(5): JOURNAL_STREAM names the device and inode of the journal's own stderr.
    stderr = os.fstat(sys.stderr.fileno())
    if os.environ.get("JOURNAL_STREAM") == f"{stderr.st_dev}:{stderr.st_ino}":
        return to_systemd(program)
    return to_terminal(sys.stderr, program)


def to_terminal(stream: TextIO, program: str = "zaiond") -> Output:
    """Lines for a person, each after the program's name."""
    return Output(_Stream(stream), (lambda _, __, line: f"{program}: {_message(line)}",))


def to_json(stream: TextIO) -> Output:
    """Lines of JSON: `timestamp` (RFC 3339, UTC), `level`, `message`, `message_id`, fields."""
    return Output(
        _Stream(stream),
        (
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _members,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ),
    )


def to_systemd(program: str = "zaiond") -> Output:
    """systemd's journal by its native protocol."""
    return Output(_Systemd(), (partial(_journal_fields, program),))


def _message(line: EventDict) -> str:
    return "\n".join(line[name] for name in ("event", "exception") if name in line)


def _members(_: object, __: str, line: EventDict) -> EventDict:
    names = ("timestamp", "level", "message", "message_id", "exception")
    line["message"] = line["event"]
    return {**{name: line[name] for name in names if name in line}, **line["fields"]}


def _journal_fields(
    program: str, _: object, level: str, line: EventDict
) -> tuple[tuple[str, ...], EventDict]:
    fields = {"MESSAGE": _message(line), "PRIORITY": _PRIORITIES[level]}
    fields["SYSLOG_IDENTIFIER"] = program
    if "message_id" in line:
        fields["MESSAGE_ID"] = line["message_id"]
    fields |= {f"ZAIOND_{name.upper()}": value for name, value in line["fields"].items()}
    return tuple(f"{name}={with_codes(str(value))}" for name, value in fields.items()), {}


class _Stream:
    """Lines to a stream. A line that can't be written is lost: there is nowhere to say so."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def info(self, line: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    warning = error = critical = info


class _Systemd:
    """Fields (`NAME=value`) to systemd's journal; lost where it can't be reached, as above."""

    def __init__(self) -> None:
        from systemd.journal import sendv

        self._send = sendv

    def info(self, *fields: str) -> None:
        with contextlib.suppress(OSError):
            self._send(*fields)

    warning = error = critical = info
