"""What the body of a mail about an event says, and in which order; the words are the locale's.

The mails of a backup's automatic update have a layout of their own (interface 6), all other events
the general one. Nothing of an event is lost: what a subject cuts off stands in the body. What a
producer sent is cleaned on its way into a line, and can't begin a line of its own by a line end.
"""

import re
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from zaiond.message.clean import clean, one_line
from zaiond.message.locale.words import BackupWords, Words
from zaiond.message.subject import BACKUP_AUTO_UPDATE, about_and_outcome, backup_words
from zaiond.message.value import duration, moment, on_one_line, scalar, shown_moment
from zaiond.model import SEVERITIES, Event

_BACKUP_KEYS = frozenset({"target", "started_at", "finished_at", "duration"})
_AT_ONCE = frozenset(SEVERITIES[:2])
_WARNING = frozenset(SEVERITIES[:5])
_LATE = 60.0  # seconds from an event to its acceptance that are worth telling
_DEPTH = 5  # of data shown over several lines; what is deeper is JSON on one
_needs_no_quotes = re.compile(r"[A-Za-z0-9_.,:/@%+=-]+").fullmatch


def body(event: Event, words: Words, fqdn: str, user: str, tz: tzinfo | None) -> str:
    """The text of the mail; its lines, the last one too, end in `\\n`."""
    backup = backup_words(event, words)
    if backup is None:
        lines = _general(event, words, fqdn, user, tz)
    else:
        lines = _backup_auto_update(event, backup, words, fqdn, tz)
    if event.extensions:
        _section(lines, words.extensions)
        _fields(lines, event.extensions)
    # With an empty line between: Outlook joins a line to one of 40 characters or more before it.
    lines += ("", words.automatic, "")
    if event.type.startswith(BACKUP_AUTO_UPDATE):
        lines += (words.stop_backup, "")
    lines += (f"{words.event_id}: {event.id}", "")
    return "\n".join(lines)


def _backup_auto_update(
    event: Event, backup: BackupWords, words: Words, fqdn: str, tz: tzinfo | None
) -> list[str]:
    data = event.data
    failed = backup is words.backup_failed
    lines = [words.greeting, "", backup.sentences]
    above = len(lines)
    if backup.message_first:
        _message(lines, backup.message, event.message)
    if failed:
        if len(lines) > above:
            lines.append("")
        else:
            _section(lines, backup.message)
        _field(lines, words.history, _command(event.id))
    _section(lines, words.summary)
    if backup.result:
        lines.append(f"{words.result}: {backup.result}")
    lines.append(f"{words.server}: {fqdn}")
    _field(lines, words.target, data.get("target"))
    _field(lines, words.started_at, moment(data.get("started_at"), words, tz))
    ended = moment(data.get("finished_at"), words, tz)
    if failed and ended in (None, ""):
        ended = shown_moment(int(event.time // 1), words, tz)
    _field(lines, backup.ended_at, ended)
    _field(lines, words.took, duration(data.get("duration"), words))
    if not backup.message_first:
        _message(lines, backup.message, event.message)
    heading = len(lines)
    _field(lines, words.about, event.subject)
    _problem_and_job(lines, words, event)
    if not data.keys() <= _BACKUP_KEYS:
        _fields(lines, {name: data[name] for name in data if name not in _BACKUP_KEYS})
    if len(lines) > heading:
        lines[heading:heading] = ("", words.details)
    return lines


def _general(event: Event, words: Words, fqdn: str, user: str, tz: tzinfo | None) -> list[str]:
    lines = [words.greeting, "", _advice(event, words)]
    _section(lines, words.summary)
    _field(lines, words.about, event.subject)
    lines.append(f"{words.type}: {event.type}")
    _field(lines, words.result, _result(event, words))
    lines.append(f"{words.severity_label}: {words.severity[event.severity]}")
    _problem_and_job(lines, words, event)
    lines.append(f"{words.server}: {fqdn}")
    if event.source != f"uid:{event.uid}":  # what a producer is called that has no name
        _field(lines, words.source, event.source)
    _field(lines, words.user, user)
    lines.append(f"{words.time}: {shown_moment(int(event.time // 1), words, tz)}")
    if abs(event.accepted - event.time) >= _LATE:
        accepted = shown_moment(int(event.accepted // 1), words, tz)
        lines.append(f"{words.accepted}: {accepted}")
    _message(lines, words.message, event.message)
    if event.data:
        _section(lines, words.details)
        _fields(lines, event.data)
    return lines


def _problem_and_job(lines: list[str], words: Words, event: Event) -> None:
    if event.status is not None:
        status = words.problem if event.status == "problem" else words.recovered
        lines.append(f"{words.status}: {status}")
    _field(lines, words.key, event.key)
    _field(lines, words.job, event.job)


def _result(event: Event, words: Words) -> str | None:
    _, outcome = about_and_outcome(event.type, words)
    if outcome is None or outcome == "started":
        return None
    return words.recovered if event.status == "ok" else words.outcome[outcome]


def _advice(event: Event, words: Words) -> str:
    if event.status == "ok":
        return words.on_recovery
    if event.severity in _AT_ONCE:
        return words.at_once
    if event.status == "problem":
        return words.on_problem
    return words.on_warning if event.severity in _WARNING else words.to_know


def _section(lines: list[str], heading: str) -> None:
    lines += ("", heading)


def _message(lines: list[str], heading: str, message: str | None) -> None:
    text = clean(message).rstrip() if message else ""
    if text:
        _section(lines, heading)
        lines += (line.rstrip() for line in text.split("\n"))


def _field(lines: list[str], label: str, value: Any) -> None:
    if isinstance(value, str) and value.isprintable():  # most are
        if value:
            lines.append(f"{label}: {value}")
    elif value or isinstance(value, (int, float)):
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
        text = on_one_line(value)
        if text:
            lines.append(f"{indent}{label} {text}")
            return
        lines.append(indent + label)
        for inner in value:
            _put(lines, f"{indent}  ", "-", inner, depth + 1)
    else:
        lines.append(f"{indent}{label} {scalar(value)}")


def _command(id: str) -> str:
    word = id if _needs_no_quotes(id) else "'" + id.replace("'", "'\\''") + "'"
    return f"zaiond-ctl history {'-- ' if id.startswith('-') else ''}{word}"
