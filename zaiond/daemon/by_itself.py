"""What the daemon has to tell of jobs and silences when their time has come: jobs that were not
heard of, runs that take too long, silences that have ended while they hid something. Pure.

What a mail says about a job is said in the language of its route, by its type and its data.
"""

from collections.abc import Mapping
from typing import Any

from zaiond.config.schema import Job
from zaiond.daemon.notices import Notice
from zaiond.daemon.words import watch
from zaiond.net.machine import rfc3339
from zaiond.routing.decision import ByItself, Expired, Missed, Overdue
from zaiond.routing.job import MISSED, OVERDUE, next_slot
from zaiond.routing.problem import name_of
from zaiond.routing.records import JobState, Problem
from zaiond.text import Text

MOST_PROBLEMS = 20  # that are named one by one


def notice(of: ByItself, jobs: Mapping[str, Job], now: float) -> Notice | None:
    """What is to be told of it; None: nothing, or its job is no longer watched."""
    if isinstance(of, Expired):
        return silence_hides(of)
    settings = jobs.get(of.job)
    if settings is None:
        return None
    return missed(of, settings) if isinstance(of, Missed) else overdue(of, settings, now)


def missed(of: Missed, settings: Job) -> Notice:
    """A job was not heard of when it was due."""
    data: dict[str, Any] = {"slots": [rfc3339(slot) for slot in of.slots]}
    if of.count > len(of.slots):
        data["count"] = of.count  # and these are the latest of them
    if of.daemon_down:
        data["daemon_down"] = True
    data |= {"grace": settings.grace, **_known(of.state, settings)}
    return Notice(MISSED, "", "err", None, None, data, of.job, of.id)


def overdue(of: Overdue, settings: Job, now: float) -> Notice:
    """A run of a job takes too long."""
    data = {
        "started_at": rfc3339(of.started),
        "running": int(now - of.started),
        "max_runtime": of.max_runtime,
        **_known(of.state, settings),
    }
    return Notice(OVERDUE, "", "warning", None, None, data, of.job, of.id)


def _known(job: JobState, settings: Job) -> dict[str, Any]:
    known: dict[str, Any] = {}
    if settings.schedule is not None:
        known["schedule"] = settings.schedule.expression
        if settings.schedule.timezone is not None:
            known["timezone"] = settings.schedule.timezone
    else:
        known["every"] = settings.every
    times = {
        "last_started": job.started,
        "last_success": job.succeeded,
        "next_run": next_slot(job, settings),
    }
    return known | {name: rfc3339(at) for name, at in times.items() if at is not None}


def silence_hides(of: Expired) -> Notice | None:
    """A silence has ended, and problems that it hid are still there; None: there are none."""
    if not of.hides:
        return None
    silence, told = of.silence, [_line(problem) for problem in of.hides[:MOST_PROBLEMS]]
    if len(of.hides) > len(told):
        told.append(watch.more_problems(number=len(of.hides) - len(told)))
    lines = Text(*("\n".join(text[language] for text in told) for language in (0, 1)))
    return Notice(
        "zaiond.silence.hides",
        silence.id,
        "warning",
        watch.silence_hides(number=len(of.hides)),
        watch.hidden(by=silence.by, comment=silence.comment, problems=lines),
        {"silence": silence.id, "hidden": silence.hidden},
    )


def _line(problem: Problem) -> Text:
    return watch.still_open(name=name_of(problem), since=watch.local(problem.since))
