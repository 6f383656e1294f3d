"""What a clock that was set back, and another configuration, mean for what waits."""

from msgspec import structs

from zaiond.model import Routing
from zaiond.routing import job, silence, throttle, words
from zaiond.routing.matcher import RoutingTable, Rule
from zaiond.routing.problem import put
from zaiond.routing.records import NEVER, Group, Told
from zaiond.routing.state import State


def set_back(table: RoutingTable, state: State, now: float) -> None:
    """The clock was set back to `now`: it does not go on from what was seen (`State.goes_on`)."""
    silence.set_back(state, now)
    throttle.set_back(state, now)
    job.set_back(table, state, now)
    _bring_near(table, state, now)
    state.seen = now


def reconsider(table: RoutingTable, state: State, now: float) -> None:
    """Brings the state in line with another configuration: at the start, and when it has changed.
    What is due by it comes with the next `due`.
    """
    if not state.goes_on(now):
        set_back(table, state, now)
    _bring_near(table, state, now)
    job.declare(table, state, now)
    throttle.forget(state, now)


def _bring_near(table: RoutingTable, state: State, now: float) -> None:
    """Nothing waits for longer than the configuration says."""
    for group in list(state.groups.values()):
        with state.guarded("group", group.key):
            due = _due_of(table, state, group, now)
            if due is None:
                state.forget_group(group)
            elif due != group.due:
                routing = routing_until(table, group, due)
                state.put_group(structs.replace(group, due=due, routing=routing))
    for key, problem in list(state.problems.items()):
        with state.guarded("problem", key):
            told = tuple(_reminder(table, each, now) for each in problem.told)
            if told != problem.told:
                put(state, key, problem, told)


def _reminder(table: RoutingTable, told: Told, now: float) -> Told:
    rule = table.rule(told.route)
    at = min(told.at, _latest(rule, now))
    return Told(told.route, at, NEVER if rule.repeat is None else min(at + rule.repeat, NEVER))


def _latest(rule: Rule, now: float) -> float:
    """When what a rule has told of by now is mailed, at the latest."""
    if rule.digest is not None:
        return min(rule.digest.next(now), NEVER)
    if rule.hours is not None:
        return min(rule.hours.next_start(now), NEVER)
    return now + max(rule.wait, rule.interval) if rule.is_grouping else now


def _due_of(table: RoutingTable, state: State, group: Group, now: float) -> float | None:
    """When the group is due; None: it is to be forgotten."""
    route = group.routing.route
    rule = table.rule(route)
    is_gone = rule.name != route
    kind = group.kind
    if not group.is_pending:
        if is_gone or not rule.is_grouping:
            return None
        return min(group.flushed or now, now) + rule.interval
    if group.due <= now:
        return group.due
    if kind == "problem":  # with the problem (problem.put), if there is one
        return group.due if group.problem in state.problems else now
    if kind == "suppressed":
        return _slot(state, group, rule, now)
    if is_gone:
        return now
    if kind == "held":
        return now if rule.hours is None else min(rule.hours.next_start(now), NEVER)
    if kind == "digest":
        return now if rule.digest is None else min(rule.digest.next(now), NEVER)
    if not rule.is_grouping:
        return now
    if group.flushed is None:
        return min(group.due, min(group.began, now) + rule.wait)
    return min(group.due, min(group.flushed, now) + rule.interval)


def _slot(state: State, group: Group, rule: Rule, now: float) -> float:
    """When the recipient of a suppressed mail may get one by the limit that counts now."""
    if rule.limit is None or group.routing.recipients is None:
        return now
    key = throttle.sent_key(rule.scope, group.routing.recipients[0])
    return throttle.free_at(state, key, rule.limit, now)


def routing_until(table: RoutingTable, group: Group, due: float) -> Routing:
    """The routing of its mail, whose reason says until when it is held."""
    hours = table.rule(group.routing.route).hours
    if group.kind != "held" or hours is None:
        return group.routing
    return structs.replace(group.routing, reason=words.held(group.routing.route, due, hours.name))
