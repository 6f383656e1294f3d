"""Jobs: what was heard of them, and what should have been.

A job has slots: the times of its `schedule`, or `every` so long after it was last heard of. A slot
is heard if an event with a time from EARLY before it on has come by one grace after it. The daemon
can't hear while it is down, or the machine asleep (a gap): slots whose time to be heard a gap cuts
are judged one grace after its end, for the spool is taken in first; where it was short, those that
passed in it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import structs

from zaiond.config.schema import Job
from zaiond.model import Event
from zaiond.routing import words
from zaiond.routing.decision import Missed, Overdue
from zaiond.routing.matcher import RoutingTable
from zaiond.routing.problem import News, closed, event_time, job_key, reported
from zaiond.routing.records import NEVER, JobState, Run, Watch
from zaiond.routing.state import MOST_UNDECLARED_JOBS, State, cut
from zaiond.text import Text
from zaiond.users import NO_UID

LOOK = 30.0  # the daemon looks at the jobs at least this often
GAP = LOOK + 90.0  # since the last look: it could not
EARLY = 5.0  # a clock elsewhere may be ahead; less than the shortest time between two slots
MOST_RUNS = 20  # of a job, that are remembered
MOST_SLOTS = 100  # that one event names
_MOST_FOUND = 1000  # that are looked at for it
_SPOOL = 5.0  # in which the spool is taken in, however short a grace is
_KEPT_WITHIN = LOOK  # Watch.looked, on disk: so exactly is it known since when the daemon was down
_END_IN_SPOOL = 60.0  # after a gap, until the end of a run must have come from there
_DAY = 86400.0

STARTED, SUCCEEDED, FAILED = "job.started", "job.succeeded", "job.failed"
MISSED, OVERDUE = "job.missed", "job.overdue"
TYPES = frozenset({STARTED, SUCCEEDED, FAILED, MISSED, OVERDUE})


class Recorded(NamedTuple):
    """The event is mailed to nobody; `unless_named`: but by routes that name its type."""

    reason: Text
    unless_named: bool


def note(event: Event, table: RoutingTable, state: State, seq: int) -> News | Recorded | None:
    """What an event of a job (of TYPES) says of the job's problem; the job's state is kept. None:
    it is told of as any event.
    """
    assert event.job is not None  # noqa: S101 - else it is none of a job
    name, key = cut(event.job), job_key(event.job)
    if event.type == OVERDUE:
        return None
    if event.type == MISSED:
        return _told_again(reported(event, state, key, seq, job=name))
    settings = table.jobs.get(name)
    job = _heard(_known(state, name), event, state.watch, settings)
    _put(state, name, job)
    if event.type == STARTED:
        return Recorded(words.job_started(name), unless_named=True)
    there = state.problems.get(key)
    if event.type == SUCCEEDED:
        if there is not None:
            return closed(event, key, there)
        return Recorded(words.job_succeeded(name), unless_named=True)
    # Who stands by hears of some runs only.
    needed = settings.failures if settings is not None and not state.stands_by else 1
    if job.failures < needed and there is None:
        return Recorded(words.few_failures(name, job.failures, needed), unless_named=False)
    return _told_again(
        reported(event, state, key, seq, since=job.failing, count=job.failures, job=name)
    )


def _told_again(news: News | None) -> News | None:
    """Each failure is told of."""
    return news._replace(what="worse") if news is not None and news.what == "again" else news


def _known(state: State, name: str) -> JobState:
    known = state.jobs.get(name)
    if known is None and len(state.jobs) >= MOST_UNDECLARED_JOBS:
        undeclared = [key for key, job in state.jobs.items() if job.declared is None]
        if len(undeclared) >= MOST_UNDECLARED_JOBS:
            # The one not heard of for the longest time; one that has not failed, if there is one.
            heard = state.jobs
            oldest = min(undeclared, key=lambda k: (heard[k].failures > 0, heard[k].heard or 0.0))
            state.put_job(oldest, None)
    return known or JobState()


def _heard(job: JobState, event: Event, watch: Watch, settings: Job | None) -> JobState:
    at = event_time(event)
    heard = max(at, job.heard or at)
    if event.type == STARTED:
        is_running = job.ended is None or at >= job.ended  # what the spool had may come late
        job = structs.replace(
            job,
            heard=heard,
            started=max(at, job.started or at),
            running=max(at, job.running or at) if is_running else job.running,
        )
    else:
        ended = max(at, job.ended or at)
        is_end = job.running is not None and job.running <= at
        run = Run(
            at,
            at - job.running if job.running is not None and is_end else None,
            event.type == SUCCEEDED,
        )
        job = structs.replace(
            job,
            heard=heard,
            ended=ended,
            running=None if is_end else job.running,
            runs=(*job.runs, run)[-MOST_RUNS:],
        )
        if event.type == SUCCEEDED:
            succeeded = max(at, job.succeeded or at)
            job = structs.replace(job, succeeded=succeeded, failures=0, failing=None)
        else:
            failing = at if job.failing is None else job.failing
            job = structs.replace(job, failures=job.failures + 1, failing=failing)
    host = event.data.get("host") if event.uid > NO_UID else None  # which its hub has put there
    machine = cut(host) if isinstance(host, str) else None
    return structs.replace(job, machine=machine, due=_next_look(job, settings, watch))


def forgive(state: State, name: str) -> None:
    """The job's problem was closed by hand: its failures are counted anew, and of the slots that
    were missed somebody knows.
    """
    job = state.jobs.get(name)
    if job is not None:
        _put(state, name, structs.replace(job, failures=0, failing=None, known=job.told_through))


def _put(state: State, name: str, job: JobState) -> None:
    if state.jobs.get(name) != job:
        state.put_job(name, job)


# -- what should have been heard


def watch(table: RoutingTable, state: State, now: float) -> None:
    """The daemon looks at the jobs now: what it could not hear since the last time is a gap."""
    if not table.jobs or state.stands_by:
        return
    known = state.watch
    looked = known.looked if state.looked is None else state.looked
    is_gap = 0 < looked < (now - GAP if state.has_looked else now)  # a start is one, however short
    state.looked = now
    if is_gap:
        # What waits for its judgement after the gap before waits for that after this one.
        grace = max(settings.grace for settings in table.jobs.values())
        settled = known.gap_until + max(grace, _SPOOL)
        since = known.gap_from if looked <= settled else looked
        state.set_watch(Watch(looked=now, gap_from=since, gap_until=now))
        for name, settings in table.jobs.items():
            with state.guarded("job", name):
                if (job := state.jobs.get(name)) is not None:
                    due = _next_look(job, settings, state.watch)
                    _put(state, name, structs.replace(job, due=due))
    elif not known.looked <= now < known.looked + _KEPT_WITHIN:
        state.set_watch(structs.replace(known, looked=now))


def look(table: RoutingTable, state: State, name: str, now: float) -> list[Missed | Overdue]:
    """What is to be told of a job at `now`."""
    settings, job = table.jobs.get(name), state.jobs.get(name)
    if settings is None or job is None or state.stands_by:
        return []
    told: list[Missed | Overdue] = []
    slots = _missed(job, settings, state.watch, now)
    if slots:
        job = structs.replace(job, told_through=slots[-1])
        down = any(state.watch.gap_from < slot <= state.watch.gap_until for slot in slots)
        named = f"{MISSED}/{_in_id(name)}/{int(slots[-1])}"
        told.append(Missed(name, job, tuple(slots[-MOST_SLOTS:]), len(slots), down, named))
    limit, running = settings.max_runtime, job.running
    is_overdue = _overdue_at(job, settings, state.watch) <= now
    if is_overdue and limit is not None and running is not None:
        job = structs.replace(job, overdue=running)
        named = f"{OVERDUE}/{_in_id(name)}/{int(running)}"
        told.append(Overdue(name, job, running, limit, named))
    _put(state, name, structs.replace(job, due=_next_look(job, settings, state.watch)))
    return told


def _in_id(name: str) -> str:
    return name if len(name) <= 200 else f"{name[:160]}{cut(name + 300 * ' ')[-33:]}"


def next_slot(job: JobState, settings: Job) -> float:
    """The first slot that is not heard yet; for `zaiond-ctl jobs`, too: it may be in the past."""
    since = max(job.declared or 0.0, job.told_through or 0.0)
    if settings.schedule is not None:
        return settings.schedule.next(max(since, (job.heard or 0.0) + EARLY))
    assert settings.every is not None  # noqa: S101 - a job has the one or the other
    return max(since, job.heard or 0.0) + settings.every


def _slots(job: JobState, settings: Job, until: float) -> Iterator[float]:
    """Those from the first one on that is not heard yet."""
    slot = next_slot(job, settings)
    while slot <= until:
        yield slot
        if settings.schedule is not None:
            slot = settings.schedule.next(slot)
        else:
            slot += settings.every or NEVER


def _judged_at(slot: float, settings: Job, watch: Watch) -> float:
    """When it can be said that a slot was missed."""
    heard_by = slot + settings.grace
    if slot - EARLY > watch.gap_until or heard_by < watch.gap_from:
        return heard_by
    # A short restart delays no other judgement by more than the spool needs.
    is_long = watch.gap_until - watch.gap_from > GAP or slot > watch.gap_from
    return max(heard_by, watch.gap_until + (max(settings.grace, _SPOOL) if is_long else _SPOOL))


def _missed(job: JobState, settings: Job, watch: Watch, now: float) -> list[float]:
    """The slots that were missed and of which nobody was told, the latest ones of very many."""
    found: list[float] = []
    until = now - settings.grace
    for slot in _slots(job, settings, until):
        if _judged_at(slot, settings, watch) > now:
            break
        if len(found) == _MOST_FOUND:  # go on near the end, by how close they are
            return found + _latest(settings, found, until)
        found.append(slot)
    return found


def _latest(settings: Job, found: list[float], until: float) -> list[float]:
    """Slots up to `until`, the last one among them, of more than can be looked at one by one."""
    if settings.schedule is None:
        every = settings.every or NEVER
        number = int((until - found[-1]) // every)
        first = max(1, number - MOST_SLOTS)
        return [found[-1] + every * n for n in range(first, number + 1)]
    span = found[-1] - found[0]
    while True:
        slots = settings.schedule.slots(max(found[-1], until - span), until, 2 * _MOST_FOUND)
        if len(slots) < 2 * _MOST_FOUND:
            return slots
        span /= 2


def _overdue_at(job: JobState, settings: Job, watch: Watch) -> float:
    """When its run takes too long; its end may still be in the spool after a gap."""
    if job.running is None or settings.max_runtime is None or job.overdue == job.running:
        return NEVER
    at = job.running + settings.max_runtime
    if at >= watch.gap_from and job.running <= watch.gap_until:
        return max(at, watch.gap_until + min(settings.grace, _END_IN_SPOOL))
    return at


def _next_look(job: JobState, settings: Job | None, watch: Watch) -> float:
    if settings is None or job.declared is None:
        return NEVER
    slot = _judged_at(next_slot(job, settings), settings, watch)
    return min(slot, _overdue_at(job, settings, watch), NEVER)


# -- the configuration, and the clock


def declare(table: RoutingTable, state: State, now: float) -> None:
    """The jobs of the configuration are watched from when they came into it on."""
    for name, settings in table.jobs.items():
        with state.guarded("job", name):
            job = state.jobs.get(cut(name), JobState())
            schedule = _as_text(settings)
            if job.declared is None or job.schedule != schedule:
                job = structs.replace(job, declared=now, schedule=schedule)
            _put(state, name, structs.replace(job, due=_next_look(job, settings, state.watch)))
    for name, job in list(state.jobs.items()):
        if name not in table.jobs and job.declared is not None:
            _put(state, name, structs.replace(job, declared=None, schedule="", due=NEVER))


def _as_text(settings: Job) -> str:
    if settings.schedule is not None:
        return cut(f"{settings.schedule.expression} {settings.schedule.timezone or ''}")
    return f"every {settings.every}"


def set_back(table: RoutingTable, state: State, now: float) -> None:
    """The clock was set back to `now`. What was told of stays so, but for what is so far ahead that
    the clock must have been wrong then.
    """
    seen = state.watch
    if seen.looked > now:
        since, until = min(seen.gap_from, now), min(seen.gap_until, now)
        state.set_watch(Watch(looked=now, gap_from=since, gap_until=until))
    if state.looked is not None:
        state.looked = min(state.looked, now)
    for name, job in list(state.jobs.items()):
        with state.guarded("job", name):
            _put(state, name, _known_at(job, table.jobs.get(name), state.watch, now))


def _known_at(job: JobState, settings: Job | None, watch: Watch, now: float) -> JobState:
    times = {
        field: now
        for field in ("declared", "heard", "started", "ended", "succeeded", "running",
                      "failing", "told_through", "overdue")
        if (getattr(job, field) or 0.0) > now + _DAY
    }  # fmt: skip
    if times:
        job = structs.replace(job, **times)
    return structs.replace(job, due=_next_look(job, settings, watch))
