"""Pings of jobs: how a run stands is the last part of the address, its log is the body. Pure."""

import json
from typing import Any

from zaiond.client import shorten
from zaiond.event_rules import MAX_EVENT_BYTES
from zaiond.text import Language
from zaiond.web.bodies import text

KEPT_BYTES = MAX_EVENT_BYTES  # of the beginning and of the end of a log
_MADE_BYTES = 1024  # at most, of what is put in beside: the source, and what the text is called
_RESULTS = {
    "start": ("job.started", "info"),
    "success": ("job.succeeded", "info"),
    "fail": ("job.failed", "err"),
}


class Log:
    """A log as it is read: of a long one only its two ends are kept."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0  # bytes between them
        self._lines = 0

    def add(self, piece: bytes) -> None:
        """What comes next."""
        room = KEPT_BYTES - len(self._head)
        if room > 0:
            self._head += piece[:room]
            piece = piece[room:]
        self._tail += piece
        beyond = len(self._tail) - KEPT_BYTES
        if beyond > 0:
            self._left_out += beyond
            self._lines += self._tail.count(b"\n", 0, beyond)
            del self._tail[:beyond]

    def text(self, room: int, language: Language) -> str:
        """The log, whatever its encoding is, so that it has room in so many bytes of JSON: where it
        is too long, how much was left out is said in it in `language`.
        """
        if not self._left_out:
            whole = text(bytes(self._head + self._tail)).rstrip("\r\n")
            if len(json.dumps(whole, ensure_ascii=False).encode("utf-8", "replace")) <= room:
                return whole
            half = len(whole) // 2
            ends = shorten.Ends(whole[:half], whole[half:])
        else:
            tail = bytes(self._tail.rstrip(b"\r\n"))
            ends = shorten.ends_of(bytes(self._head), tail, self._left_out, self._lines, text)
        return shorten.joined(ends, room, language)


def is_result(how: str) -> bool:
    """Whether that is how a run may stand: start, success, fail or an exit status."""
    is_status = how.isascii() and how.isdigit() and len(how) <= 3 and int(how) <= 255
    return is_status or how in _RESULTS


def event(job: str, how: str, log: Log, language: Language) -> dict[str, Any]:
    """The event of a ping; `how` is what `is_result` takes. Raises shorten.TooLong: the job's name
    leaves no room.
    """
    data: dict[str, Any] = {}
    if how.isdigit():
        data["exit_status"] = int(how)
        how = "fail" if int(how) else "success"
    type_, severity = _RESULTS[how]
    told = {"type": type_, "severity": severity, "job": job, "data": data}
    room = MAX_EVENT_BYTES - len(json.dumps(told, ensure_ascii=False).encode()) - _MADE_BYTES
    output = log.text(room, language)
    if output:
        data["output"] = output
    return told
