"""What `zaiond-notify@.service` runs, for `OnFailure=`: tells that a systemd unit has failed, with
its last lines in the journal.

systemd says how it ended (`MONITOR_…`, systemd.exec(5)) where it is a service; of the others the
journal knows.
"""

import os
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from signal import Signals
from time import monotonic
from typing import Any

import systemd.journal

from zaiond import decode
from zaiond.client import ClientError, emit, origin

_MOST_LINES = 50
_MOST_BYTES = 32 * 1024  # of all lines; the last ones count
_LONGEST_LINE = 2000  # characters
_LOGGED_WITHIN = 2.0  # seconds: the journal may be a moment behind


def main() -> None:
    """Emits `unit.failed` of the unit that the command line names."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m zaiond.notify UNIT")
    unit = sys.argv[1]
    try:
        entries = _logged(unit, os.environ.get("MONITOR_INVOCATION_ID", ""))
    except OSError:  # a journal that can't be read is no reason to say nothing
        entries = []
    event = event_of(unit, os.environ, entries)
    try:
        emit(**event)
    except ClientError as error:
        sys.exit(error.text.in_language(origin.language()))


def event_of(
    unit: str, monitored: Mapping[str, str], entries: list[dict[str, Any]]
) -> dict[str, Any]:
    """The event, by what systemd says in the environment, and by the unit's journal."""
    data: dict[str, Any] = {"unit": unit}
    results = (entry.get("UNIT_RESULT") for entry in reversed(entries))
    result = monitored.get("MONITOR_SERVICE_RESULT") or next(filter(None, results), None)
    if result:
        data["result"] = str(result)
    status = monitored.get("MONITOR_EXIT_STATUS", "")
    if status.isdecimal():
        data["exit_status"] = int(status)
    elif status:  # the name of a signal
        data["signal"] = f"SIG{status}"
        if data["signal"] in Signals.__members__:
            data["exit_status"] = 128 + Signals[data["signal"]]
    invocation = monitored.get("MONITOR_INVOCATION_ID")
    event: dict[str, Any] = {
        "type": "unit.failed",
        "severity": "err",
        "source": unit,
        "key": unit,
        "data": data,
    }
    if invocation:
        data["invocation_id"] = invocation
        event["id"] = f"unit.failed/{unit}/{invocation}"[:255]  # it failed once
    if entries:
        event["message"] = _text(entries)
    return event


def of_invocation(entries: list[dict[str, Any]], invocation: str) -> list[dict[str, Any]]:
    """Those of one run of the unit. Lines of what ended at once may not say whose they are, and may
    come before that of its start.
    """

    def said_of(entry: dict[str, Any]) -> str | None:
        return entry.get("INVOCATION_ID") or entry.get("_SYSTEMD_INVOCATION_ID")

    times = [_moment(entry) for entry in entries if said_of(entry) == invocation]
    if not times:
        return entries
    begin = min(times) - timedelta(seconds=1)
    return [
        entry
        for entry in entries
        if said_of(entry) == invocation or (said_of(entry) is None and _moment(entry) >= begin)
    ]


def _moment(entry: dict[str, Any]) -> datetime:
    moment: datetime = entry["__REALTIME_TIMESTAMP"]
    return moment


def _logged(unit: str, invocation: str) -> list[dict[str, Any]]:
    """The unit's last entries, the oldest first, as soon as that of its failure is among them."""
    with systemd.journal.Reader() as reader:
        # As journalctl -u: what the unit wrote, and what systemd says of it.
        reader.add_match(_SYSTEMD_UNIT=unit)
        reader.add_disjunction()
        reader.add_match(UNIT=unit, _PID="1")
        deadline = monotonic() + _LOGGED_WITHIN
        while True:
            entries = of_invocation(_last(reader), invocation)
            left = deadline - monotonic()
            if left <= 0 or any("UNIT_RESULT" in entry for entry in entries):
                return entries
            reader.wait(left)


def _last(reader: "systemd.journal.Reader") -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    reader.seek_tail()
    while len(entries) < _MOST_LINES and (entry := reader.get_previous()):
        entries.append(entry)
    entries.reverse()
    return entries


def _text(entries: list[dict[str, Any]]) -> str:
    """Lines as journalctl(1) shows them; the last ones, where there are too many."""
    lines: list[str] = []
    room = _MOST_BYTES
    for entry in reversed(entries):
        message = entry.get("MESSAGE", "")
        if isinstance(message, bytes):
            message = decode.text(message)
        name = entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM") or "?"
        line = f"{_moment(entry):%H:%M:%S} {name}[{entry.get('_PID', '?')}]: {message}"[
            :_LONGEST_LINE
        ]
        room -= len(line.encode(errors="backslashreplace")) + 1
        if room < 0:
            break
        lines.append(line)
    lines.reverse()
    return "\n".join(lines)


if __name__ == "__main__":
    main()
