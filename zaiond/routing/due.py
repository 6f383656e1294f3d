"""What becomes of what waits when its time has come."""

from collections.abc import Collection, Mapping

from msgspec import structs

from zaiond.model import Routing
from zaiond.routing import job, words
from zaiond.routing.clock import reconsider, routing_until, set_back
from zaiond.routing.decision import Due, Expired, Flush, Remind
from zaiond.routing.group import Way, hold, is_closed, join
from zaiond.routing.matcher import RoutingTable, Rule
from zaiond.routing.problem import counted_group, name_of, put
from zaiond.routing.records import NEVER, Group, Problem, Silence, Told
from zaiond.routing.silence import silence_of_problem
from zaiond.routing.state import MOST_GROUPS, Kind, State
from zaiond.routing.throttle import count, free_at, pass_limit, sent_key, suppress

__all__ = ["due", "reconsider"]
_SOON = 60.0  # a reminder that is over the limit is tried again
_MOST_HIDDEN = 100  # problems that one notice names


def due(
    table: RoutingTable,
    state: State,
    now: float,
    unheard: Mapping[str, Collection[str]] | None = None,
    most: int = MOST_GROUPS,
) -> list[Due]:
    """What is due at `now`, seconds since the epoch, in order of its time; to be carried out and
    committed, or rolled back, before anything else is decided. These are the first `most` groups,
    problems, jobs and silences: `State.next_due` says whether there are more. `unheard` are, by the
    key of a problem, recipients whom the last mail about it has not reached yet: they are not
    reminded.

    It looks at the jobs, too: to be called at least every job.LOOK seconds while there are any.
    """
    if not state.goes_on(now):
        set_back(table, state, now)
    job.watch(table, state, now)
    unheard = unheard or {}
    found: list[Due] = []
    joined: set[int] = set()  # mails to come that get more events with this
    for kind, key in state.pop_due(now, most):
        if not state.is_due(kind, key, now):  # what was done before has changed it
            continue
        if kind == "group" and (group := state.groups[key]).message in joined:
            state.put_group(group)  # is due again at the next look, when it has them
            continue
        done: list[Due] | None = None
        with state.guarded(kind, key):
            done = _done(table, state, kind, key, now, unheard)
        if done is None:
            done = _to_admins(table, state, state.groups[key]) if kind == "group" else []
        for one in done:
            if isinstance(one, Flush):
                joined.update(join.group.message for join in one.into)
        found += done
    return found


def _done(
    table: RoutingTable,
    state: State,
    kind: Kind,
    key: str,
    now: float,
    unheard: Mapping[str, Collection[str]],
) -> list[Due]:
    """What becomes of one thing that is due."""
    if kind == "group":
        flush = _flush(table, state, state.groups[key], now)
        return [] if flush is None else [flush]
    if kind == "problem" and state.is_others(state.problems[key]):
        return []
    if kind == "problem":
        return _remind(table, state, key, state.problems[key], now, unheard.get(key, ()))
    if kind == "job":
        return list(job.look(table, state, key, now))
    if kind == "silence":
        return [_expire(state, state.silences[key])]
    return []


def _to_admins(table: RoutingTable, state: State, group: Group) -> list[Due]:
    """The mail of a group that can't be made as it should: no event of it may be lost."""
    state.forget_group(group)
    routing = structs.replace(group.routing, kind="grouped", recipients=None)
    return [Flush(group, table.admins, routing)] if group.is_pending else []


def _flush(table: RoutingTable, state: State, group: Group, now: float) -> Flush | None:
    """Makes the mail of a group, or moves its events to where they wait on."""
    if group.kind == "problem" and group.problem in state.problems:
        return None  # with its problem
    if not group.is_pending:
        state.forget_group(group)
        return None
    route = table.route_now(group.routing)
    rule = table.rule(route.name)
    way = Way(rule, group.routing.worst, group.routing.job)
    if is_closed(rule, way.severity, now):
        if group.kind in ("held", "suppressed"):
            _later(table, state, group, _next_start(rule, now), now)
            return None
        state.forget_group(group)
        return Flush(group, (), group.routing, (hold(state, way, now),))
    if group.kind == "suppressed":
        return _flush_suppressed(table, state, group, rule, route.to, now)
    passed, over = pass_limit(state, rule, route.to, now)
    is_same = rule.name == group.routing.route
    if group.kind == "grouped" and rule.is_grouping and is_same:
        due = now + rule.interval
        state.put_group(structs.replace(group, message=0, due=due, flushed=now))
    else:
        state.forget_group(group)
    return _made(state, group, group.routing, way, passed, over, now)


def _made(
    state: State,
    group: Group,
    routing: Routing,
    way: Way,
    passed: tuple[str, ...],
    over: tuple[str, ...],
    now: float,
) -> Flush:
    into = tuple(suppress(state, way, recipient, now) for recipient in over)
    routing = structs.replace(
        routing, route=way.rule.name, recipients=passed if over else routing.recipients
    )
    return Flush(group, passed, routing, into)


def _flush_suppressed(
    table: RoutingTable,
    state: State,
    group: Group,
    rule: Rule,
    to: tuple[str, ...],
    now: float,
) -> Flush | None:
    limit = rule.limit
    heir = _heir(table, state, group, to)
    if heir is not None:
        state.forget_group(group)
        worst = group.routing.worst
        joined = join(state, heir.key, lambda: (heir.routing, heir.due), worst, now)
        return Flush(group, (), group.routing, (joined,))
    if limit is not None:
        keys = [sent_key(rule.scope, recipient) for recipient in to]
        free = max(free_at(state, key, limit, now) for key in keys)
        if free > now:
            _later(table, state, group, free, now)
            return None
        for key in keys:
            count(state, key, limit, now)
    state.forget_group(group)
    routing = structs.replace(group.routing, route=rule.name, recipients=to)
    return Flush(group, to, routing)


def _heir(table: RoutingTable, state: State, group: Group, to: tuple[str, ...]) -> Group | None:
    """Another mail that was held for somebody who is no recipient any more: what these others get
    in their place is one mail.
    """
    if not Flush(group, to, group.routing).is_inherited:
        return None
    for other in state.groups.values():
        if other.kind != "suppressed" or not other.is_pending or other.key == group.key:
            continue
        theirs = table.route_now(other.routing).to
        if theirs == to and Flush(other, theirs, other.routing).is_inherited:
            return other
    return None


def _later(table: RoutingTable, state: State, group: Group, due: float, now: float) -> None:
    """It waits on."""
    due = due if due > now else now + _SOON
    routing = routing_until(table, group, due)
    state.put_group(structs.replace(group, due=due, routing=routing))


def _next_start(rule: Rule, now: float) -> float:
    return now if rule.hours is None else min(rule.hours.next_start(now), NEVER)


def _remind(
    table: RoutingTable,
    state: State,
    key: str,
    problem: Problem,
    now: float,
    unheard: Collection[str],
) -> list[Due]:
    """The mails of the routes that remind of the problem now."""
    found: list[Due] = []
    told: list[Told] = []
    silence = silence_of_problem(state, problem, now)
    rules: set[str] = set()
    for each in problem.told:
        rule = table.rule(each.route)
        is_another = rule.name not in rules  # of several that are gone one reminds
        rules.add(rule.name)
        if each.remind > now:
            told.append(each)
            continue
        to = table.recipients(rule, problem.job)
        if rule.repeat is None or not to or not is_another:
            told.append(structs.replace(each, remind=NEVER))
        elif silence is not None:
            told.append(structs.replace(each, remind=silence.due))
        elif is_closed(rule, problem.worst, now):
            told.append(structs.replace(each, remind=_next_start(rule, now)))
        elif all(recipient in unheard for recipient in to):
            told.append(Told(each.route, now, now + rule.repeat))
        else:
            reminder = _reminder(state, key, problem, each.route, rule, to, now, unheard)
            if isinstance(reminder, float):
                told.append(structs.replace(each, remind=reminder))
            else:
                found.append(reminder)
                told.append(Told(each.route, now, now + rule.repeat))
    put(state, key, problem, tuple(told))
    return found


def _reminder(
    state: State,
    key: str,
    problem: Problem,
    route: str,
    rule: Rule,
    to: tuple[str, ...],
    now: float,
    unheard: Collection[str],
) -> Flush | Remind | float:
    """The mail that reminds of it; where all are over `max_mails`, when it is tried again."""
    left = tuple(recipient for recipient in to if recipient not in unheard)
    passed, over = pass_limit(state, rule, left, now)
    if not passed and rule.limit is not None:
        keys = [sent_key(rule.scope, recipient) for recipient in over]
        return max(now + _SOON, min(free_at(state, each, rule.limit, now) for each in keys))
    reason = words.reminder(rule.name, name_of(problem), problem.since)
    standing = structs.replace(problem.standing, reminder=True)
    only = passed if passed != to else None
    own = problem.job if to is not rule.to else None
    group = counted_group(state, key, route)
    if group is None:
        routing = Routing(rule.name, "event", reason, standing=standing, recipients=only, job=own)
        return Remind(problem, rule.name, passed, routing)
    state.forget_group(group)
    routing = Routing(rule.name, "problem", reason, standing=standing, recipients=only, job=own)
    return _made(state, group, routing, Way(rule, group.routing.worst, own), passed, over, now)


def _expire(state: State, silence: Silence) -> Expired:
    state.forget_silence(silence)
    found = [(key, p) for key, p in state.problems.items() if p.hidden == silence.id]
    hidden = found[:_MOST_HIDDEN]
    for key, problem in hidden:
        state.put_problem(key, structs.replace(problem, hidden=None, hinted=True))
    return Expired(silence, tuple(problem for _, problem in hidden))
