"""The journal: one line for a person in the language in force, fields for machines.

Under systemd the fields go to the journal as they are (`ZAIOND_EVENT=…`), and what kind of line it
is as its MESSAGE_ID; zaiond(8) lists them. Elsewhere the line goes to standard error. Text of
events and of servers never makes a line of its own or moves a terminal.

Every line that others can cause in numbers says `by` whom (a uid, a server): of these at most one a
second is written for each, and a few over all. The next one says how many were left out, or a line
of its own after a while, where none follows.
"""

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable, Hashable
from enum import Enum

from zaiond.log_limit import LogLimit
from zaiond.safe import ACTING, Replacer, code_of
from zaiond.text import Language, Text

_on_one_line = Replacer(f"[\t\n{ACTING}]", code_of)

LEFT_OUT_INTERVAL = 60.0  # seconds after which what was left out is told at the latest


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
    QUEUE_RECOVERED = "97ac13ed417e400aa466574fa70d1653"


class Journal:
    """Writes lines; `language` is that of the configuration in force.

    Each method says whether the line was written: one that others cause may be left out.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.language: Language = "ja"
        self._monotonic = monotonic
        self._limit = LogLimit()
        self._telling: asyncio.TimerHandle | None = None
        self._logger = logging.getLogger("zaiond")
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False
        self._logger.addHandler(_to_systemd() or _to_stderr())

    def info(
        self, text: Text, kind: Kind | None = None, *, by: Hashable = None, **fields: object
    ) -> bool:
        """What an operator may want to look up."""
        return self._log(logging.INFO, text, kind, by, fields)

    def warning(
        self, text: Text, kind: Kind | None = None, *, by: Hashable = None, **fields: object
    ) -> bool:
        """What an operator should look at."""
        return self._log(logging.WARNING, text, kind, by, fields)

    def error(
        self, text: Text, kind: Kind | None = None, *, by: Hashable = None, **fields: object
    ) -> bool:
        """What stops mail."""
        return self._log(logging.ERROR, text, kind, by, fields)

    def critical(
        self, text: Text, kind: Kind | None = None, *, by: Hashable = None, **fields: object
    ) -> bool:
        """What stops all mail, so that no mail can tell of it."""
        return self._log(logging.CRITICAL, text, kind, by, fields)

    def _log(
        self, level: int, text: Text, kind: Kind | None, by: Hashable, fields: dict[str, object]
    ) -> bool:
        if by is not None:
            left_out = self._limit.admit(by, self._monotonic())
            if left_out is None:
                self._tell_later()
                return False
            if left_out:
                text = Text(
                    f"{text.ja}（ほかに {left_out} 行）", f"{text.en} (and {left_out} more)"
                )
        self._write(level, text, kind, fields)
        return True

    def _tell_later(self) -> None:
        if self._telling is None:
            with contextlib.suppress(RuntimeError):  # no loop runs: the next line tells
                loop = asyncio.get_running_loop()
                self._telling = loop.call_later(LEFT_OUT_INTERVAL, self.tell_left_out)

    def tell_left_out(self) -> None:
        """Says how many lines were left out, of which no later one has told."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        left_out = self._limit.left_out()
        if left_out:
            self._write(
                logging.WARNING,
                Text(
                    f"同じ原因の行が続いたため、{left_out} 行を省きました",
                    f"{left_out} lines were left out, as there were too many of one cause",
                ),
                None,
                {},
            )

    def _write(self, level: int, text: Text, kind: Kind | None, fields: dict[str, object]) -> None:
        line = _on_one_line(text.in_language(self.language))
        extra = {f"ZAIOND_{name.upper()}": value for name, value in fields.items()}
        if kind is not None:
            extra["MESSAGE_ID"] = kind.value
        self._logger.log(level, "%s", line, extra=extra)


def _to_systemd() -> logging.Handler | None:
    # systemd.exec(5): JOURNAL_STREAM names the device and inode of the journal's own stderr.
    stderr = os.fstat(sys.stderr.fileno())
    if os.environ.get("JOURNAL_STREAM") != f"{stderr.st_dev}:{stderr.st_ino}":
        return None
    from systemd.journal import JournalHandler

    handler: logging.Handler = JournalHandler(SYSLOG_IDENTIFIER="zaiond")
    return handler


def _to_stderr() -> logging.Handler:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("zaiond: %(message)s"))
    return handler
