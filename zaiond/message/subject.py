"""The subject of a mail about an event: how it stands, what it is about, on which host.

What comes first matters most: who reads it on a telephone sees half of it. What the producer says
it is about counts. Else it is told by the type and by what names the thing: the key, the job, or a
field of data; and by the message, if that reads as a title.
"""

import re
from itertools import islice
from typing import Any

from zaiond.message.locale.words import Words
from zaiond.message.template import template
from zaiond.message.value import scalar
from zaiond.model import Event
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


def subject_line(event: Event, words: Words, host: str, user: str = "") -> str:
    """The subject without its prefix: one clean line. `user`: whose event it is, for one that could
    be taken for a notice of the daemon itself.
    """
    common = template(event.type, event.severity, event.status, words)
    if common.names_target:
        target = _name(event.data.get("target")) or _name(event.key)
        where = (host, target) if target else (host,)
        return one_line(words.subject(common.mark, common.about, where))
    what = one_line(event.subject[:_READ]).strip() if event.subject else ""
    if not what:
        what = _what(event, common.about, host)
    where = (host, _cut(one_line(user), _LONGEST_NAME)) if event.poses_as_notice else (host,)
    return one_line(words.subject(common.mark, _cut(what, _LONGEST_SUBJECT), where))


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
