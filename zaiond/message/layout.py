"""What a mail about an event says, in its subject and its body; the words are in `words.py`.

What comes first in a subject matters most: who reads it on a telephone sees half of it. What the
producer says it is about counts. Else it is told by the type and by what names the thing: the key,
the job, or a field of data; and by the message, if that reads as a title.

The mails of a backup's automatic update have a layout of their own (interface 6), all other events
the general one. Nothing of an event is lost: what a subject cuts off stands in the body, and where
fields are left out it says how to see them. What a producer sent is cleaned on its way into a line,
and can't begin a line of its own by a line end.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from itertools import islice
from typing import Any

from zaiond.event_rules import is_drill, is_named_as_notice
from zaiond.message.fields import Fields, scalar
from zaiond.message.known import OUTPUT, SUMMARY, Field
from zaiond.message.mime import duration, moment, shown_moment
from zaiond.message.stood import Stood
from zaiond.message.template import Template, template
from zaiond.message.words import BackupWords, Words
from zaiond.message.words import known as said_of_known
from zaiond.model import Event, Standing
from zaiond.safe import clean, one_line

_NAMING = ("target", "unit", "job", "device", "mount", "host")  # keys of data that name a thing
_LONGEST_SUBJECT = 150
_LONGEST_NAME = 80
_LONGEST_TITLE = 200
_READ = 1024  # characters of a text: what is behind them stands in no subject
_has_columns = re.compile(r"(?<![.!?:])  ").search
_has_word = re.compile(r"\w").search
_has_clock_time = re.compile(r"[0-9]:[0-5][0-9]:[0-5][0-9]").search
_is_sentence = re.compile(r".*(?:[^.][.!?]|[。！？])").fullmatch
_BACKUP_KEYS = frozenset({"target", "started_at", "finished_at", "duration"})
_LATE = 60.0  # seconds from an event to its acceptance that are worth telling
_needs_no_quotes = re.compile(r"[A-Za-z0-9_.,:/@%+=-]+").fullmatch


def subject_line(
    event: Event, words: Words, host: str, user: str = "", standing: Standing | None = None
) -> str:
    """The subject without its prefix: one clean line. `user`: whose event it is, for one that could
    be taken for a notice of the daemon itself.
    """
    what, place = _what_and_place(event, words, host, user, standing)
    begin, end = words.around_place
    where = f"{host}{words.between_places}{place}" if place else host
    return one_line(f"{what}{begin}{where}{end}")


def headline(event: Event, words: Words, host: str, user: str = "") -> str:
    """The same for one event among others of this machine: without its name."""
    what, place = _what_and_place(event, words, host, user, None)
    begin, end = words.around_place
    return one_line(f"{what}{begin}{place}{end}" if place else what)


def _what_and_place(
    event: Event, words: Words, host: str, user: str, standing: Standing | None
) -> tuple[str, str]:
    """What a subject says, and beside the host: the target, the user, or ""."""
    common = (
        template(event.type, event.severity, event.status, words)
        if standing is None
        else _template_of_problem(event, words, standing)
    )
    mark = common.mark
    if event.extensions and is_drill(event.extensions):
        mark = said_of_known.DRILL_MARK.in_language(words.language) + mark
    if common.names_target:
        target = _name(event.data.get("target")) or _name(event.key)
        return mark + common.about, target
    what = one_line(event.subject[:_READ]).strip() if event.subject else ""
    if not what:
        what = _what(event, common.about, host)
    place = _cut(one_line(user), _LONGEST_NAME) if poses(event) else ""
    return mark + _cut(what, _LONGEST_SUBJECT), place


def _template_of_problem(event: Event, words: Words, standing: Standing) -> Template:
    if standing.until is None and not standing.reminder:
        return template(event.type, event.severity, event.status, words)
    status = "problem" if standing.until is None else "ok"
    return template(event.type, event.severity, status, words, standing.until is None)


def poses(event: Event) -> bool:
    """Whether it looks as if the daemon itself had made it, and it has not."""
    return not event.notice and is_named_as_notice(event.type, event.source)


def title(message: str) -> str:
    """The line of a message that can stand for it in a subject; "" if there is none.

    It is the only line, or the first one if that is a sentence. Most of what has several lines is
    a program's output, and its first line is a heading, or the oldest line of a log.
    """
    text = clean(message[: 4 * _LONGEST_TITLE]).strip()
    line, _, more = text.partition("\n")
    line = line.rstrip()
    if (
        len(line) > _LONGEST_TITLE
        or _has_word(line) is None
        or "\t" in line
        or ("  " in line and _has_columns(line))
        or line[0] + line[-1] in ("{}", "[]", "<>", "||")  # JSON, markup, a row of a table
        or (more and (not _is_sentence(line) or _has_clock_time(line)))
    ):
        return ""
    return line[:-1] if line.endswith((".", "。")) and not line.endswith("..") else line


def _what(event: Event, about: str, host: str) -> str:
    """What an event without a subject is about: its type, the thing, what is said of it."""
    thing = _thing(event, host)
    if thing and thing != about:
        about = f"{_cut(about, _LONGEST_NAME)} {thing}"
    said = title(event.message) if event.message else ""
    return f"{about}: {said}" if said else about


def _thing(event: Event, host: str) -> str:
    for name in (event.key, event.job):
        if name and (thing := _name(name)):
            return thing
    data = event.data
    if data.keys().isdisjoint(_NAMING):
        return ""
    things = [thing for name in _NAMING if name in data and (thing := _name(data[name]))]
    if things and things[-1].partition(".")[0] == host:
        things.pop()  # it stands in each subject
    return _cut(" ".join(things), _LONGEST_NAME)


def _name(value: Any) -> str:
    """A value that names something, for a subject; "" if it says nothing."""
    if isinstance(value, str):
        text = one_line(value[:_READ])
    elif isinstance(value, list):
        text = ", ".join(one_line(scalar(one)[:_READ]) for one in value[:_LONGEST_NAME])
    elif not value and not isinstance(value, (int, float)):
        return ""
    else:
        if isinstance(value, dict):
            value = dict(islice(value.items(), _LONGEST_NAME))
        text = one_line(scalar(value)[:_READ])
    return _cut(text.strip(), _LONGEST_NAME)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def body(
    event: Event,
    words: Words,
    fqdn: str,
    user: str,
    tz: tzinfo | None,
    stood: Stood | None = None,
    more: Iterable[str] = (),
) -> str:
    """The text of the mail; its lines, the last one too, end in `\\n`. `stood`: how its problem
    stands; `more`: lines that stand below what is told of the event.
    """
    common = (
        template(event.type, event.severity, event.status, words)
        if stood is None
        else _template_of_problem(event, words, stood.standing)
    )
    if event.notice and event.type == SUMMARY:
        lines = [
            words.greeting,
            "",
            *map(str.rstrip, clean(event.message or "").rstrip().split("\n")),
        ]
    elif common.backup is None:
        lines = _general(event, common, words, fqdn, user, tz, stood)
    else:
        lines = _backup_auto_update(event, common, common.backup, words, fqdn, tz, stood)
    if event.extensions:
        lines += ("", words.extensions)
        _fields(lines, event.extensions, event, words)
        if is_drill(event.extensions):
            lines[2:2] = said_of_known.DRILL.in_language(words.language), ""
    if more:
        lines += more
    lines.append(f"{common.closing}{event.id}\n")
    return "\n".join(lines)


def _backup_auto_update(
    event: Event,
    common: Template,
    backup: BackupWords,
    words: Words,
    fqdn: str,
    tz: tzinfo | None,
    stood: Stood | None,
) -> list[str]:
    data = event.data
    failed = backup is words.backup_failed
    lines = [words.greeting, "", stood.told(common.advice, words) if stood else common.advice]
    if backup.message_first:
        _message(lines, backup.message, event.message)
    if failed:
        lines += ("",) if len(lines) > 3 else ("", backup.message)
        _field(lines, words.history, _command(event.id))
    lines += ("", words.summary)
    if backup.result:
        lines.append(f"{words.result}: {backup.result}")
    lines.append(f"{words.server}: {fqdn}")
    ended = moment(data.get("finished_at"), words, tz)
    if failed and ended in (None, ""):
        ended = shown_moment(int(event.time // 1), words, tz)
    for label, value in (
        (words.target, data.get("target")),
        (words.started_at, moment(data.get("started_at"), words, tz)),
        (backup.ended_at, ended),
        (words.took, duration(data.get("duration"), words)),
    ):
        if isinstance(value, str):
            _field(lines, label, value)
        elif value or isinstance(value, (int, float)):
            _fields(lines, {label: value}, event, words)
    if not backup.message_first:
        _message(lines, backup.message, event.message)
    heading = len(lines)
    _field(lines, words.about, event.subject)
    _status_key_job(lines, event, common, words)
    if stood is not None:
        lines += stood.facts(words, tz)
    if not data.keys() <= _BACKUP_KEYS:
        others = {name: data[name] for name in data if name not in _BACKUP_KEYS}
        _fields(lines, others, event, words)
    if len(lines) > heading:
        lines[heading:heading] = ("", words.details)
    return lines


def _general(
    event: Event,
    common: Template,
    words: Words,
    fqdn: str,
    user: str,
    tz: tzinfo | None,
    stood: Stood | None,
) -> list[str]:
    lines = [words.greeting, "", stood.told(common.advice, words) if stood else common.advice]
    if poses(event):
        lines[2:2] = words.no_notice(one_line(user)), ""
    _field(lines, words.about, event.subject)
    lines.append(common.facts)
    _status_key_job(lines, event, common, words)
    if stood is not None:
        lines += stood.facts(words, tz)
    data = event.data
    if common.known and data:
        data = _known(lines, data, common.known, event, words, tz)
    lines.append(f"{words.server}: {fqdn}")
    if event.source != f"uid:{event.uid}":  # what a producer is called that has no name
        _field(lines, words.source, event.source)
    _field(lines, words.user, user)
    lines.append(f"{words.time}: {shown_moment(int(event.time // 1), words, tz)}")
    if abs(event.accepted - event.time) >= _LATE:
        accepted = shown_moment(int(event.accepted // 1), words, tz)
        lines.append(f"{words.accepted}: {accepted}")
    _message(lines, words.message, event.message)
    if common.known and isinstance(output := data.get(OUTPUT), str):
        data = {name: data[name] for name in data if name != OUTPUT}
        _message(lines, said_of_known.OUTPUT.in_language(words.language), output)
    if data:
        lines += ("", words.details)
        _fields(lines, data, event, words)
    return lines


def _known(
    lines: list[str],
    data: dict[str, Any],
    fields: Sequence[Field],
    event: Event,
    words: Words,
    tz: tzinfo | None,
) -> dict[str, Any]:
    """Puts the fields of data that have labels of their own into the summary; gives the others."""
    told = {}
    for field in fields:
        if field.name in data:
            value = told[field.name] = field.form(data[field.name], words, tz)
            label = field.label.in_language(words.language)
            if isinstance(value, str):
                _field(lines, label, value)
            elif value or isinstance(value, (int, float)):
                _fields(lines, {label: value}, event, words)
    return {name: data[name] for name in data if name not in told} if told else data


def _status_key_job(lines: list[str], event: Event, common: Template, words: Words) -> None:
    if common.status:
        lines.append(common.status)
    _field(lines, words.key, event.key)
    _field(lines, words.job, event.job)


def _message(lines: list[str], heading: str, message: str | None) -> None:
    text = clean(message).rstrip() if message else ""
    if text:
        lines += ("", heading)
        lines += map(str.rstrip, text.split("\n"))


def _field(lines: list[str], label: str, text: str | None) -> None:
    if text:
        if text.isprintable():  # most are
            lines.append(f"{label}: {text}")
        else:
            Fields(lines).put("", f"{label}:", text, 1)


def _fields(lines: list[str], fields: dict[str, Any], event: Event, words: Words) -> None:
    laid_out = Fields(lines)
    laid_out.put_all("", fields, 1)
    if laid_out.left_out:
        lines.append(words.left_out(laid_out.left_out, _command(event.id)))


def _command(id: str) -> str:
    return f"zaiond-ctl history {operands([id])}"


def operands(ids: Sequence[str]) -> str:
    """Ids as a shell takes them: an emitter may have put anything printable into one."""
    words = [
        each if _needs_no_quotes(each) else "'" + each.replace("'", "'\\''") + "'" for each in ids
    ]
    if any(each.startswith("-") for each in ids):
        words.insert(0, "--")
    return " ".join(words)
