"""Who of the members is heard of: what of it is a problem, and what is over. Pure."""

import contextlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from zaiond.fleet import hub_words as words
from zaiond.fleet import names
from zaiond.fleet.streams import LONGEST_WORD
from zaiond.model import NewEvent
from zaiond.net.machine import local, rfc3339
from zaiond.routing.records import Problem
from zaiond.safe import one_line
from zaiond.text import Language, Text
from zaiond.users import NO_UID

SILENT = "zaiond.fleet.member"  # the type of the events
STOPPED = "stopped"  # the state in the word of a member that ends in an orderly way
_TEXTS = {"version": 64, "state": 64, "hub": 253}  # what of a word is text: characters at most
_NUMBERS: dict[str, tuple[tuple[type, ...], int]] = {  # what is a number, and below what
    "waiting": ((int,), 2**53),
    "since": ((int, float), 253402300800),  # the year 10000
}


class Word(msgspec.Struct, frozen=True):
    """The last word of a member: when it came (seconds since the epoch), and what it said."""

    at: float
    since: float | None = None
    waiting: int | None = None
    state: str = ""
    version: str = ""


def said(payload: bytes) -> dict[str, Any]:
    """What a machine's word says: `version`, `state` and `hub` (a line of text), `waiting` (a
    number), `since` (seconds since the epoch). What is not as it should be is left out: a member
    may send anything at all.
    """
    found: Any = None
    if len(payload) <= LONGEST_WORD:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = msgspec.json.decode(payload)
    if not isinstance(found, dict):
        return {}
    word: dict[str, Any] = {}
    for name, most in _TEXTS.items():
        if isinstance(text := found.get(name), str):
            word[name] = one_line(text)[:most]
    for name, (kinds, end) in _NUMBERS.items():
        number: Any = found.get(name)
        if type(number) in kinds and 0 <= number < end:  # a bool is none
            word[name] = number
    return word


def read(payload: bytes, at: float) -> Word:
    """The word of a member; what it does not say, or not as it should, is left out."""
    word = said(payload)
    since = word.get("since")
    return Word(
        at,
        None if since is None else float(since),
        word.get("waiting"),
        word.get("state", ""),
        word.get("version", ""),
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


def gone(words_: Collection[str], problems: Iterable[Problem]) -> list[tuple[str, Problem]]:
    """The silent machines of which the engine has no word any more, with what was told of them."""
    return [
        (problem.key, problem)
        for problem in problems
        if problem.type == SILENT and problem.key not in words_ and problem.uid & NO_UID == NO_UID
    ]


def event(one: News, uid: int, now: float, language: Language) -> NewEvent:
    """The event that tells it, of the machine's own problem `uid`; told again it is the same."""
    at = local(one.word.at)
    if not one.is_silent:
        subject = words.member_back(machine=one.machine)
        message = words.member_heard(machine=one.machine, at=at)
    elif one.word.state == STOPPED:
        subject = words.member_stopped(machine=one.machine)
        message = words.member_stopped_since(machine=one.machine, at=at)
    else:
        subject = words.member_silent(machine=one.machine)
        message = words.member_silent_since(machine=one.machine, at=at)
    data = {
        "last": rfc3339(one.word.at),
        "waiting": one.word.waiting,
        "version": one.word.version or None,
    }
    # Of one silence: by the last word before it, or the first one behind it.
    of = f"{int(one.word.at)}/{_STATUS[one.is_silent]}"
    return _event(one.machine, one.is_silent, (subject, message), data, of, uid, now, language)


def forgotten(machine: str, since: float, uid: int, now: float, language: Language) -> NewEvent:
    """The event that ends a silence, known `since`, of whom the engine has no word any more: an
    administrator took it out. Told again it is the same.
    """
    said = words.member_forgotten(machine=machine), words.member_taken_out(machine=machine)
    return _event(machine, False, said, {}, f"{int(since)}/forgotten", uid, now, language)


_STATUS = {True: "problem", False: "ok"}


def _event(
    machine: str,
    is_silent: bool,
    said: tuple[Text, Text],
    data: Mapping[str, Any],
    of: str,
    uid: int,
    now: float,
    language: Language,
) -> NewEvent:
    subject, message = said
    line = {
        "type": SILENT,
        "source": "zaiond",
        "severity": "err" if is_silent else "notice",
        "subject": subject.in_language(language),
        "message": message.in_language(language),
        "key": machine,
        "status": _STATUS[is_silent],
        "data": {"host": machine, **data},
    }
    id_ = f"{SILENT}/{names.token(machine)[:180]}/{of}"
    body = msgspec.json.encode(line)
    return id_, uid, "zaiond", now, body, False, f"key {machine}"
