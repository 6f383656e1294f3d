"""The documents of `silence`, `problems` and `jobs`, made of what routing remembers. Pure: times
come in as seconds since the epoch.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Literal

from zaiond.config.forms import DAY, Duration
from zaiond.config.jobs import Job
from zaiond.daemon.documents import moment
from zaiond.model import SEVERITIES, Routing
from zaiond.routing.explain import recipients
from zaiond.routing.job import EARLY, next_slot
from zaiond.routing.matcher import RoutingTable
from zaiond.routing.problem import job_key
from zaiond.routing.records import NEVER, JobState, Problem, Silence
from zaiond.routing.state import State

JobStanding = Literal["failed", "missed", "overdue", "running", "unknown", "ok"]
_ILL = frozenset({"failed", "missed", "overdue"})
_EVERY = Duration(1, DAY)


def silence(one: Silence) -> dict[str, Any]:
    """One of `silences`."""
    return {
        "id": one.id,
        "matchers": [f"{field}={pattern}" for field, pattern in one.match],
        "comment": one.comment,
        "user": one.by,
        "since": moment(one.created),
        "until": moment(one.due),
        "events": one.hidden,
    }


def silences(state: State, now: float) -> list[dict[str, Any]]:
    """Those in force, the one that ends next first."""
    found = sorted(state.silences.values(), key=lambda one: (one.due, one.id))
    return [silence(one) for one in found if one.due > now]


def problem(
    one: Problem, table: RoutingTable | None, state: State, name_of: Callable[[int], str]
) -> dict[str, Any]:
    """One of `problems`; `table` is of the configuration in force, if there is one."""
    to: dict[str, None] = {}
    if table is not None:
        for told in one.told:
            to |= dict.fromkeys(recipients(Routing(told.route, job=one.job), table))
    return {
        "key": one.key or None,
        "job": one.job,
        "uid": one.uid,
        "user": name_of(one.uid),
        "type": one.type,
        "severity": one.worst,
        "subject": one.subject,
        "since": moment(one.since),
        "last": moment(one.last),
        "count": one.count,
        "to": list(to),
        "reminder": moment(one.due) if one.due < NEVER else None,
        "silence": _silence_of(one, state),
        "event_id": one.id or None,
    }


def problems(
    state: State, table: RoutingTable | None, name_of: Callable[[int], str]
) -> list[dict[str, Any]]:
    """Those that are open, the worst first, of these the oldest."""
    found = sorted(
        state.problems.values(), key=lambda one: (SEVERITIES.index(one.worst), one.since)
    )
    return [problem(one, table, state, name_of) for one in found]


def named(state: State, name: str, uid: int | None) -> dict[str, Problem]:
    """The problems of this key, of this user if it is not None; where there are none, that of the
    job of this name. By their keys in `state`.
    """
    of_user = {k: one for k, one in state.problems.items() if uid in (None, one.uid)}
    by_key = {k: one for k, one in of_user.items() if one.job is None and one.key == name}
    return by_key or {k: one for k, one in of_user.items() if one.job == name}


def standing_of(job: JobState, settings: Job | None) -> JobStanding:
    """How a job stands; `settings` None: it is undeclared."""
    if job.running is not None and job.overdue == job.running:
        return "overdue"
    if job.failures >= (1 if settings is None else settings.failures):
        return "failed"
    told = job.told_through
    if told is not None and told != job.known and (job.heard is None or job.heard < told - EARLY):
        return "missed"
    if job.running is not None:
        return "running"
    return "unknown" if job.heard is None else "ok"


def needs_a_look(job: dict[str, Any]) -> bool:
    """Whether an administrator should look at this one of `jobs`: not if a silence says that he
    knows.
    """
    return job["state"] in _ILL and not job.get("silence")


def job(name: str, one: JobState, settings: Job | None, state: State, now: float) -> dict[str, Any]:
    """One of `jobs`. `last_run` is when the last run ended, or when it began if it has not."""
    next_run = None
    there = state.problems.get(job_key(name))
    if settings is not None:
        cron = settings.schedule
        next_run = next_slot(one, settings) if cron is None else cron.next(now)
    runs = [at for at in (one.started, one.ended) if at is not None]
    schedule = one.schedule or None  # as it is kept, to see whether it was changed
    if settings is not None and settings.every is not None:
        schedule = f"every {_EVERY.write(settings.every)}"
    return {
        "job": name,
        "declared": settings is not None,
        "schedule": schedule,
        "state": standing_of(one, settings),
        "last_run": moment(max(runs, default=None)),
        "last_success": moment(one.succeeded),
        "running_since": moment(one.running),
        "failures": one.failures,
        "next_run": moment(next_run),
        "silence": None if there is None else _silence_of(there, state),
        **({} if one.machine is None else {"machine": one.machine}),
    }


def _silence_of(problem: Problem, state: State) -> str | None:
    """The silence that hides the problem, if it is still in force."""
    return problem.hidden if problem.hidden in state.silences else None


def _jobs(state: State, table: RoutingTable | None) -> dict[str, tuple[JobState, Job | None]]:
    declared: Iterable[tuple[str, Job]] = ()
    if table is not None and not state.stands_by:  # else another machine watches them
        declared = table.jobs.items()
    found: dict[str, tuple[JobState, Job | None]] = {
        name: (one, None) for name, one in state.jobs.items() if one.heard is not None
    }
    for name, settings in declared:
        found[name] = state.jobs.get(name, JobState()), settings
    return found


def jobs(state: State, table: RoutingTable | None, now: float) -> list[dict[str, Any]]:
    """All that are declared, and those that were heard of, by their names."""
    found = _jobs(state, table)
    return [job(name, *one, state, now) for name, one in sorted(found.items())]


def runs(state: State) -> dict[str, list[dict[str, Any]]]:
    """The last runs of each job that has ended one, the newest last."""
    return {
        name: [
            {"ended": moment(run.ended), "seconds": run.seconds, "ok": run.ok} for run in one.runs
        ]
        for name, one in sorted(state.jobs.items())
        if one.runs
    }


def counts(state: State, table: RoutingTable | None, now: float) -> dict[str, Any]:
    """What `status` tells of routes, problems and jobs."""
    found = _jobs(state, table)
    return {
        "problems": len(state.problems),
        "silences": sum(one.due > now for one in state.silences.values()),
        "mails_to_come": sum(group.is_pending for group in state.groups.values()),
        "jobs": dict(Counter(standing_of(*one) for one in found.values())),
    }
