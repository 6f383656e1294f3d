"""The journal: one line for a person in the language in force, fields for machines.

Under systemd the fields go to the journal as they are (`ZAIOND_EVENT=…`); elsewhere the line goes
to standard error. Text of events and of servers never makes a line of its own or moves a terminal.
"""

import logging
import os
import re
import sys

from zaiond.text import Language, Text

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Journal:
    """Writes lines; `language` is that of the configuration in force."""

    def __init__(self) -> None:
        self.language: Language = "ja"
        self._logger = logging.getLogger("zaiond")
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False
        self._logger.addHandler(_to_systemd() or _to_stderr())

    def info(self, text: Text, **fields: object) -> None:
        """What an operator may want to look up."""
        self._write(logging.INFO, text, fields)

    def warning(self, text: Text, **fields: object) -> None:
        """What an operator should look at."""
        self._write(logging.WARNING, text, fields)

    def error(self, text: Text, **fields: object) -> None:
        """What stops mail."""
        self._write(logging.ERROR, text, fields)

    def _write(self, level: int, text: Text, fields: dict[str, object]) -> None:
        line = _CONTROL.sub(
            lambda found: f"\\x{ord(found[0]):02x}", text.in_language(self.language)
        )
        extra = {f"ZAIOND_{name.upper()}": value for name, value in fields.items()}
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
