"""Who of the members is heard of: what of it is a problem, and what is over. Pure."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import msgspec

from zaiond.fleet import hub_words as words
from zaiond.fleet import names
from zaiond.model import NewEvent
from zaiond.net.machine import rfc3339
from zaiond.safe import one_line
from zaiond.text import Language, Text

SILENT = "zaiond.fleet.member"  # the type of the events
_MOST_TEXT = 64


class Word(msgspec.Struct, frozen=True):
    """The last word of a member: when it came (seconds since the epoch), and what it said."""

    at: float
    since: float | None = None
    waiting: int | None = None
    state: str = ""
    version: str = ""


def read(payload: bytes, at: float) -> Word:
    """The word of a member; what it does not say, or not as it should, is left out."""
    try:
        said: Any = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = None
    said = said if isinstance(said, dict) else {}
    since, waiting = said.get("since"), said.get("waiting")
    state, version = (
        one_line(text)[:_MOST_TEXT] if isinstance(text := said.get(name), str) else ""
        for name in ("state", "version")
    )
    return Word(
        at,
        float(since) if isinstance(since, int | float) and not isinstance(since, bool) else None,
        waiting if isinstance(waiting, int) and not isinstance(waiting, bool) else None,
        state,
        version,
    )


class News(NamedTuple):
    """A member is silent, or is back; `word` is its last."""

    machine: str
    is_silent: bool
    word: Word


def news(
    words_: Mapping[str, Word],
    silent: Collection[str],
    now: float,
    heard_since: float,
    grace: float,
) -> list[News]:
    """What is to be told at `now`: of members by name. `silent` are those of whom it was told that
    they are; `heard_since`: since then this hub could hear them.
    """
    told: list[News] = []
    for machine, word in sorted(words_.items()):
        is_silent = now - max(word.at, heard_since) >= grace
        if is_silent and machine not in silent:
            told.append(News(machine, True, word))
        elif machine in silent and now - word.at < grace:
            told.append(News(machine, False, word))
    return told


def event(one: News, uid: int, now: float, language: Language) -> NewEvent:
    """The event that tells it, of the machine's own problem `uid`; told again it is the same."""
    at = words.local(one.word.at)
    if one.is_silent:
        subject = words.member_silent(machine=one.machine)
        message: Text = words.member_silent_since(machine=one.machine, at=at)
    else:
        subject = words.member_back(machine=one.machine)
        message = words.member_heard(machine=one.machine, at=at)
    line = {
        "type": SILENT,
        "source": "zaiond",
        "severity": "err" if one.is_silent else "notice",
        "subject": subject.in_language(language),
        "message": message.in_language(language),
        "key": one.machine,
        "status": "problem" if one.is_silent else "ok",
        "data": {
            "host": one.machine,
            "last": rfc3339(one.word.at),
            "waiting": one.word.waiting,
            "version": one.word.version or None,
        },
    }
    # Of one silence: by the last word before it, or the first one behind it.
    id_ = f"{SILENT}/{names.token(one.machine)[:180]}/{int(one.word.at)}/{line['status']}"
    body = msgspec.json.encode(line)
    return id_, uid, "zaiond", now, body, False, f"key {one.machine}"
