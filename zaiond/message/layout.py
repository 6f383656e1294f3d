"""What a mail about an event says, and in which order; the words are the locale's.

The mails of a backup's automatic update have a layout of their own (interface 6), all other events
the general one. Nothing of an event is lost: what a subject cuts off stands in the body. What a
producer sent is cleaned on its way into a line, and can't begin a line of its own by a line end.
"""

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import lru_cache
from json import dumps
from typing import Any

from zaiond.message.clean import clean, one_line
from zaiond.message.locale.words import BackupWords, Words
from zaiond.message.moment import local_time
from zaiond.model import SEVERITIES, Event

BACKUP_AUTO_UPDATE = "backup.auto_update."
_BACKUP_KEYS = frozenset({"target", "started_at", "finished_at", "duration"})
_AT_ONCE = frozenset(SEVERITIES[:2])
_WARNING = frozenset(SEVERITIES[:5])
_NOTICE = frozenset(SEVERITIES[:6])
_LONGEST_SUBJECT = 150
_LONGEST_PLACE = 80
_LATE = 60.0  # seconds from an event to its acceptance that are worth telling
_EARLIEST = 1e8  # seconds since the epoch; a smaller number is none
_DEPTH = 5  # of data shown over several lines; what is deeper is JSON on one
_is_number = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,9})?", re.ASCII).fullmatch
_is_date_time = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
    r"(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?"
).fullmatch
_needs_no_quotes = re.compile(r"[A-Za-z0-9_.,:/@%+=-]+").fullmatch


def subject(event: Event, words: Words, host: str) -> str:
    """The subject without its prefix: one clean line."""
    backup = _backup(event, words)
    if backup is not None:
        target = event.data.get("target")
        target = "" if target is None else _cut(one_line(_scalar(target)), _LONGEST_PLACE)
        where = (host, target) if target else (host,)
        return one_line(words.subject((backup.mark,), words.backup_subject, where))
    marks: tuple[str, ...] = ()
    if event.status == "ok":
        marks = (words.recovered,)
    else:
        if event.status == "problem":
            marks = (words.problem,)
        if event.severity in _NOTICE:
            marks = (*marks, words.severity[event.severity])
    what = one_line(event.subject or "")
    if not what:
        first_line = one_line((event.message or "").strip().partition("\n")[0])
        what = f"{event.type}: {first_line}" if first_line else event.type
    return one_line(words.subject(marks, _cut(what, _LONGEST_SUBJECT), (host,)))


def body(event: Event, words: Words, fqdn: str, tz: tzinfo | None) -> str:
    """The text of the mail; its lines, the last one too, end in `\\n`."""
    backup = _backup(event, words)
    if backup is None:
        lines = _general(event, words, fqdn, tz)
    else:
        lines = _backup_auto_update(event, backup, words, fqdn, tz)
    if event.extensions:
        _section(lines, words, words.extensions)
        _fields(lines, event.extensions)
    lines += ("", words.automatic)
    if event.type.startswith(BACKUP_AUTO_UPDATE):
        lines.append(words.stop_backup)
    lines += (f"{words.event_id}: {event.id}", "")
    return "\n".join(lines)


def _backup(event: Event, words: Words) -> BackupWords | None:
    if not event.type.startswith(BACKUP_AUTO_UPDATE):
        return None
    phase = event.type[len(BACKUP_AUTO_UPDATE) :]
    if phase == "finished":
        if event.severity in _WARNING:
            return words.backup_finished_with_warning
        return words.backup_finished
    return {"started": words.backup_started, "failed": words.backup_failed}.get(phase)


def _backup_auto_update(
    event: Event, backup: BackupWords, words: Words, fqdn: str, tz: tzinfo | None
) -> list[str]:
    data = event.data
    failed = backup is words.backup_failed
    lines = [words.greeting, "", backup.sentences]
    if backup.message_first:
        _message(lines, words, backup.message, event.message)
    if failed:
        if event.message:
            lines.append("")
        else:
            _section(lines, words, backup.message)
        _field(lines, words.history, f"zaiond-ctl history {_shell_word(event.id)}")
    _section(lines, words, words.summary)
    if backup.result:
        lines.append(f"{words.result}: {backup.result}")
    lines.append(f"{words.server}: {fqdn}")
    _field(lines, words.target, data.get("target"))
    _field(lines, words.started_at, _moment(data.get("started_at"), words, tz))
    ended = _moment(data.get("finished_at"), words, tz)
    if failed and ended in (None, ""):
        ended = _shown_moment(int(event.time // 1), words, tz)
    _field(lines, backup.ended_at, ended)
    _field(lines, words.took, _duration(data.get("duration"), words))
    if not backup.message_first:
        _message(lines, words, backup.message, event.message)
    heading = len(lines)
    _field(lines, words.about, event.subject)
    _problem_and_job(lines, words, event)
    if not data.keys() <= _BACKUP_KEYS:
        _fields(lines, {name: data[name] for name in data if name not in _BACKUP_KEYS})
    if len(lines) > heading:
        lines[heading:heading] = ("", words.heading.format(words.details))
    return lines


def _general(event: Event, words: Words, fqdn: str, tz: tzinfo | None) -> list[str]:
    lines = [words.greeting, "", _advice(event, words)]
    _section(lines, words, words.summary)
    _field(lines, words.about, event.subject)
    lines.append(f"{words.type}: {event.type}")
    _field(lines, words.result, words.outcome.get(event.type.rpartition(".")[2]))
    lines.append(f"{words.severity_label}: {words.severity[event.severity]}")
    _problem_and_job(lines, words, event)
    lines.append(f"{words.server}: {fqdn}")
    _field(lines, words.source, event.source)
    if event.source != f"uid:{event.uid}":
        lines.append(f"{words.user}: uid {event.uid}")
    lines.append(f"{words.time}: {_shown_moment(int(event.time // 1), words, tz)}")
    if abs(event.accepted - event.time) >= _LATE:
        accepted = _shown_moment(int(event.accepted // 1), words, tz)
        lines.append(f"{words.accepted}: {accepted}")
    _message(lines, words, words.message, event.message)
    if event.data:
        _section(lines, words, words.details)
        _fields(lines, event.data)
    return lines


def _problem_and_job(lines: list[str], words: Words, event: Event) -> None:
    if event.status is not None:
        status = words.problem if event.status == "problem" else words.recovered
        lines.append(f"{words.status}: {status}")
    _field(lines, words.key, event.key)
    _field(lines, words.job, event.job)


def _advice(event: Event, words: Words) -> str:
    if event.status == "ok":
        return words.on_recovery
    if event.severity in _AT_ONCE:
        return words.at_once
    if event.status == "problem":
        return words.on_problem
    return words.on_warning if event.severity in _WARNING else words.to_know


def _section(lines: list[str], words: Words, heading: str) -> None:
    lines += ("", words.heading.format(heading))


def _message(lines: list[str], words: Words, heading: str, message: str | None) -> None:
    if message:
        _section(lines, words, heading)
        lines += (line.rstrip() for line in clean(message).rstrip().split("\n"))


def _field(lines: list[str], label: str, value: Any) -> None:
    if value is not None and value != "":
        _put(lines, "", f"{label}:", value, 1)


def _fields(lines: list[str], fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        _put(lines, "", f"{one_line(name)}:", value, 1)


def _put(lines: list[str], indent: str, label: str, value: Any, depth: int) -> None:
    """One value with its label: on the same line if it fits there, else indented below."""
    if isinstance(value, str):
        text = value if value.isprintable() else clean(value)
        if "\n" in text:
            lines.append(indent + label)
            lines += (f"{indent}  {line}".rstrip() for line in text.rstrip().split("\n"))
        else:
            lines.append(f"{indent}{label} {text}")
    elif value and depth < _DEPTH and isinstance(value, dict):
        lines.append(indent + label)
        for name, inner in value.items():
            _put(lines, f"{indent}  ", f"{one_line(name)}:", inner, depth + 1)
    elif value and depth < _DEPTH and isinstance(value, list):
        lines.append(indent + label)
        for inner in value:
            _put(lines, f"{indent}  ", "-", inner, depth + 1)
    else:
        lines.append(f"{indent}{label} {_scalar(value)}")


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value
    # In most events it is a number, and dumps is slow.
    return str(value) if type(value) is int else clean(dumps(value, ensure_ascii=False))


def _moment(value: Any, words: Words, tz: tzinfo | None) -> Any:
    """Local time, if the value is a date and time by RFC 3339, or seconds since the epoch."""
    try:
        seconds = value
        if isinstance(value, str):
            if _is_number(value):
                seconds = float(value)
            elif _is_date_time(value):
                moment = datetime.fromisoformat(value.upper())
                if moment.tzinfo is None:  # the producer's local time, which is ours
                    moment = moment.replace(tzinfo=tz) if tz else moment.astimezone()
                return _shown_moment(int(moment.timestamp() // 1), words, tz)
        if isinstance(seconds, (int, float)) and seconds >= _EARLIEST:
            return _shown_moment(int(seconds // 1), words, tz)
    except (ValueError, OverflowError, OSError):
        pass  # no such moment: what was sent is shown
    return value


@lru_cache(maxsize=256)
def _shown_moment(second: int, words: Words, tz: tzinfo | None) -> str:
    return words.moment(local_time(second, tz))


def _duration(value: Any, words: Words) -> Any:
    """`12分34秒`, if the value is a number of seconds."""
    if isinstance(value, str) and _is_number(value):
        value = float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e10:
        return words.duration(value)
    return value


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _shell_word(text: str) -> str:
    if _needs_no_quotes(text):
        return text
    return "'" + text.replace("'", "'\\''") + "'"
