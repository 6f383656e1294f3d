"""The summary, as a person reads it: that the daemon lives, what came of the period, and what is
missing. Pure.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zaiond.daemon import words as common
from zaiond.daemon.remembered_documents import needs_a_look
from zaiond.daemon.words import local
from zaiond.daemon.words import summary as words
from zaiond.message.assemble import WORDS
from zaiond.places import named
from zaiond.safe import one_line
from zaiond.store.period import Period
from zaiond.text import Language, Text, times

MOST = 50  # jobs, problems and things to look at, of each
_WORST_JOBS = ("missed", "overdue", "failed", "unknown", "running", "ok")
_LONGEST = 200  # characters of a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the summary follows from. Times are seconds since the epoch. `status` is the document of
    `status`, in `language`; `jobs`, `problems` and `silences` are those of the commands of these
    names. `to_come`: mails to come; `free`: bytes on the disk.
    """

    language: Language
    since: float
    until: float
    started: float
    status: dict[str, Any]
    period: Period
    jobs: list[dict[str, Any]]
    problems: list[dict[str, Any]]
    silences: list[dict[str, Any]]
    to_come: int
    free: int


def compose(facts: Facts) -> str:
    """The text, in the language of its facts."""
    said: list[Text | str] = []
    for part in (_head, _to_look_at, _problems, _jobs, _events, _mails, _system):
        lines = list(part(facts))
        if lines:
            said += ["", *lines] if said else lines
    return "\n".join(
        line if isinstance(line, str) else line.in_language(facts.language) for line in said
    )


def numbers(facts: Facts) -> dict[str, Any]:
    """The same for programs."""
    queue, period = facts.status["queue"], facts.period
    return {
        "since": _rfc3339(facts.since),
        "until": _rfc3339(facts.until),
        "started": _rfc3339(facts.started),
        "events": {"accepted": sum(period.events.values()), **_named(period.events)},
        "deliveries": {**period.ended, "waiting": queue["waiting"], "held": queue["held"]},
        "mails_of_several": period.mails,
        "mails_to_come": facts.to_come,
        "problems": len(facts.problems),
        "silences": len(facts.silences),
        "jobs": {one["job"]: one["state"] for one in facts.jobs[:MOST]},
        "to_look_at": [one["code"] for one in facts.status["problems"]],
    }


def _named(events: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in events.items() if name}


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds")


def _head(facts: Facts) -> Iterator[Text]:
    is_well = not facts.status["problems"] and not any(map(needs_a_look, facts.jobs))
    say = words.well if is_well else words.not_well
    yield say(since=_at(facts.started), version=facts.status["version"])
    yield words.period(since=_at(facts.since), until=_at(facts.until))


def _to_look_at(facts: Facts) -> Iterator[Text]:
    found = facts.status["problems"]
    if found:
        yield words.TO_LOOK_AT
    for one in found[:MOST]:
        yield words.item(text=one["message"])
        yield words.command(command=one["command"])
        for place in named(one.get("places", ()))[1:]:
            yield words.further(what=place.what, command=place.command)
    yield from _more(found)


def _problems(facts: Facts) -> Iterator[Text]:
    if facts.problems:
        yield words.PROBLEMS
    severities = WORDS[facts.language].severity
    for one in facts.problems[:MOST]:
        told = words.problem(
            name=_name(one["job"] or one["key"] or one["type"]),
            severity=severities[one["severity"]],
            since=_shown(one["since"]),
            times=times(one["count"]),
        )
        yield words.silenced_problem(problem=told) if one["silence"] else told
    yield from _more(facts.problems)


def _jobs(facts: Facts) -> Iterator[Text]:
    if facts.jobs:
        yield words.JOBS
    ordered = sorted(facts.jobs, key=lambda one: _WORST_JOBS.index(one["state"]))
    for one in ordered[:MOST]:
        yield words.job(
            name=_name(one["job"]),
            state=words.JOB_STATES[one["state"]],
            last=_shown(one["last_run"]),
            next=_shown(one["next_run"]),
        )
    yield from _more(ordered)


def _events(facts: Facts) -> Iterator[Text]:
    period = facts.period
    yield words.EVENTS
    yield words.count(label=words.ACCEPTED, number=sum(period.events.values()))
    for outcome, label in words.OUTCOMES.items():
        if outcome in period.events:
            yield words.count(label=label, number=period.events[outcome])
    for kind, label in words.KINDS.items():
        if kind in period.mails:
            number = period.told.get(kind, 0)
            yield words.of_kind(label=label, events=number, mails=period.mails[kind])
    if facts.status["refused"]["count"]:
        yield words.count(label=words.REFUSED, number=facts.status["refused"]["count"])


def _mails(facts: Facts) -> Iterator[Text]:
    queue, ended = facts.status["queue"], facts.period.ended
    yield words.MAILS
    for state, label in words.ENDED.items():
        if state in words.ALWAYS_TOLD or state in ended:
            yield words.count(label=label, number=ended.get(state, 0))
    yield words.count(label=words.WAITING, number=queue["waiting"])
    yield words.count(label=words.HELD, number=queue["held"])
    if facts.to_come:
        yield words.count(label=words.TO_COME, number=facts.to_come)


def _system(facts: Facts) -> Iterator[Text]:
    status = facts.status
    yield words.SYSTEM
    yield common.CONFIG_STATES[status["config"]["state"]]
    for one in status["servers"]:
        told = words.server(name=one["server"], state=words.SERVER_STATES[one["state"]])
        yield words.fact(label=words.SERVER, value=told)
    heartbeat = status["heartbeat"]
    if heartbeat is not None:
        told = words.heartbeat(host=heartbeat["host"], last=_shown(heartbeat["last"]))
        why = heartbeat["stopped"] or heartbeat["error"]
        if why:
            told = common.aside(what=told, more=why)
        yield words.fact(label=words.HEARTBEAT, value=told)
    if facts.silences:
        yield words.count(label=words.SILENCES, number=len(facts.silences))
    free = words.mebibytes(number=facts.free // (1024 * 1024))
    yield words.fact(label=words.DISK, value=free)


def _more(found: Iterable[object]) -> Iterator[Text]:
    number = sum(1 for _ in found)
    if number > MOST:
        yield words.more(number=number - MOST)


def _name(text: str) -> str:
    return one_line(text)[:_LONGEST]


def _at(at: float) -> str:
    return local(at, "%Y-%m-%d %H:%M:%S %z")


def _shown(moment: str | None) -> str | Text:
    """A moment of a document (RFC 3339)."""
    return words.NONE if moment is None else _at(datetime.fromisoformat(moment).timestamp())
