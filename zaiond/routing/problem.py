"""Problems: opened, counted, reminded of, and closed. Those of a job are its failures."""

from typing import Any, Literal, NamedTuple

from msgspec import structs

from zaiond.model import Event, Standing
from zaiond.routing import words
from zaiond.routing.matcher import RoutingTable
from zaiond.routing.records import NEVER, RANK, Group, Problem, Told, group_key
from zaiond.routing.state import MOST_PROBLEMS, State, cut
from zaiond.text import Text

CLOSED_BY_HAND = "zaiond.problem.closed"  # the type of the event


class News(NamedTuple):
    """What an event says of a problem, whose `key` in `State.problems` it is. `problem` is as it is
    with the event; `closed`: as it was. What is `again` was told before.
    """

    what: Literal["opened", "again", "worse", "closed"]
    key: str
    problem: Problem
    until: float | None = None

    @property
    def standing(self) -> Standing:
        return structs.replace(self.problem.standing, until=self.until)


def job_key(job: str) -> str:
    """The key in `State.problems` of a job's."""
    return f"job {cut(job)}"


def name_of(problem: Problem) -> str:
    """What it is called: its key, or its job."""
    return problem.job or problem.key


def note(event: Event, state: State, seq: int) -> News | Text | None:
    """What an event with key and status says; a Text: why it says nothing new. None: it tells of no
    problem, or there are too many to follow them all.
    """
    if event.notice:  # a problem of an emitter is his alone, but for who closes it by hand
        if event.type != CLOSED_BY_HAND:
            return None
        data, job = event.data, event.job
        key = f"{data.get('uid')} {data.get('problem')}" if job is None else job_key(job)
        there = state.problems.get(key)
        return None if there is None else closed(event, key, there)
    if event.key is None or event.status is None:
        return None
    key = f"{event.uid} {cut(event.key)}"
    if event.status == "ok":
        there = state.problems.get(key)
        return closed(event, key, there) if there else words.no_problem(event.key)
    return reported(event, state, key, seq)


def reported(
    event: Event,
    state: State,
    key: str,
    seq: int,
    *,
    since: float | None = None,
    count: int = 1,
    job: str | None = None,
) -> News | None:
    """The event reports the problem; `since` and `count` as of one that is opened by it."""
    there = state.problems.get(key)
    at = event_time(event)
    if there is None:
        if _are_too_many(state, event.uid):
            return None
        problem = Problem(
            uid=event.uid,
            key=cut(event.key or ""),
            job=None if job is None else cut(job),
            since=at if since is None else since,
            last=at,
            count=count,
            worst=event.severity,
            shared=_is_shared(job, state),
        )
        return News("opened", key, _told_by(event, seq, problem))
    is_worse = RANK[event.severity] < RANK[there.worst]
    problem = structs.replace(
        there,
        count=there.count + 1,
        last=max(at, there.last),
        worst=event.severity if is_worse else there.worst,
        shared=there.shared or _is_shared(job, state),
    )
    if not there.told:
        return News("opened", key, _told_by(event, seq, problem))
    if is_worse:
        return News("worse", key, _told_by(event, seq, problem))
    return News("again", key, problem)


def _is_shared(job: str | None, state: State) -> bool:
    """Whether a problem that is reported now is the fleet's, as a job's is at the hub that works,
    though it has found that by itself.
    """
    return job is not None and state.on_commit is not None and not state.stands_by


def _are_too_many(state: State, uid: int) -> bool:
    """Whether there is no room for one more. Once half of it is taken, who has a quarter gets no
    more: no user takes it all.
    """
    number = len(state.problems)
    if number < MOST_PROBLEMS // 2:
        return False
    own = sum(problem.uid == uid for problem in state.problems.values())
    return number >= MOST_PROBLEMS or own >= MOST_PROBLEMS // 4


def _told_by(event: Event, seq: int, problem: Problem) -> Problem:
    """The problem, of which this event is the first that somebody may be told of, or the worst."""
    return structs.replace(
        problem,
        event=seq,
        id=event.id,
        type=event.type,
        source=cut(event.source),
        subject=None if event.subject is None else cut(event.subject),
    )


def closed(event: Event, key: str, there: Problem) -> News:
    """The event closes the problem."""
    return News("closed", key, there, max(there.since, event_time(event)))


def event_time(event: Event) -> float:
    """When it happened, as its producer says; what is said to be in the future happens now."""
    return min(event.time, event.accepted)


def counted_group(state: State, key: str, route: str) -> Group | None:
    """The group of the problem's events that this route has not told of."""
    return state.groups.get(group_key("problem", route, key))


def remember(table: RoutingTable, state: State, news: News, told_by: dict[str, float]) -> None:
    """Keeps the problem as it is now; these routes tell of it, at these times."""
    if news.what == "closed":
        state.put_problem(news.key, None)
        return
    told = {each.route: each for each in news.problem.told}
    for route, at in told_by.items():
        repeat = table.rule(route).repeat
        told[route] = Told(route, at, NEVER if repeat is None else min(at + repeat, NEVER))
    put(state, news.key, structs.replace(news.problem, hidden=None), tuple(told.values()))


def hide(state: State, news: News, silence: str) -> None:
    """Keeps the problem as it is now; nobody is told of it because of a silence."""
    if news.what == "closed":
        state.put_problem(news.key, None)
    else:
        put(state, news.key, structs.replace(news.problem, hidden=silence), news.problem.told)


def put(state: State, key: str, problem: Problem, told: tuple[Told, ...]) -> None:
    """Keeps the problem, and when it will be reminded of."""
    due = min((each.remind for each in told), default=NEVER)
    state.put_problem(key, structs.replace(problem, told=told, due=due))
    for each in told:
        group = counted_group(state, key, each.route)
        if group is not None and group.due != each.remind:
            state.put_group(structs.replace(group, due=each.remind))


def closing(problem: Problem, comment: str, by: str) -> dict[str, Any]:
    """The attributes of the daemon's own event (`notice`) that closes a problem by hand."""
    job = problem.job
    return {
        "type": CLOSED_BY_HAND,
        "severity": "notice",
        "message": comment,
        **({"key": problem.key, "status": "ok"} if job is None else {"job": job}),
        "data": {"problem": name_of(problem), "uid": problem.uid, "by": by},
    }
