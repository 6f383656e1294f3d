"""Mails to come: who joins them, and what they wait for."""

from collections.abc import Callable
from typing import NamedTuple

from msgspec import structs

from zaiond.model import Routing, Severity
from zaiond.routing import words
from zaiond.routing.decision import Join
from zaiond.routing.matcher import Labels, Rule
from zaiond.routing.records import NEVER, RANK, Group, group_key
from zaiond.routing.state import MOST_GROUPS, State


def join(
    state: State,
    key: str,
    make: Callable[[], tuple[Routing, float]],
    severity: Severity,
    now: float,
    *,
    job: str | None = None,
    problem: str | None = None,
    absorbs: tuple[Group, ...] = (),
) -> Join:
    """An event of this severity joins the group, or is its first: then `make` gives how its mail
    comes to be, and when it is due.
    """
    there = state.groups.get(key)
    if there is not None and there.is_pending:
        if RANK[severity] < RANK[there.routing.worst]:
            routing = structs.replace(there.routing, worst=severity)
            there = state.put_group(structs.replace(there, routing=routing))
        return Join(there, absorbs=absorbs)
    routing, due = make()
    group = Group(
        due=due,
        key=key,
        flushed=None if there is None or there.due <= now else there.flushed,
        routing=structs.replace(routing, job=job, worst=severity),
        message=state.new_message(),
        began=now,
        problem=problem,
    )
    return Join(state.put_group(group), is_new=True, absorbs=absorbs)


class Way(NamedTuple):
    """What passes through a rule: an event, or the events of a group. `job`: its recipients are
    those of that job. `absorbs`: groups that go along.
    """

    rule: Rule
    severity: Severity
    job: str | None = None
    absorbs: tuple[Group, ...] = ()


def to_digest(state: State, way: Way, now: float) -> Join:
    """Joins the rule's digest."""
    name, digest = way.rule.name, way.rule.digest
    assert digest is not None  # noqa: S101 - only such rules are asked

    def make() -> tuple[Routing, float]:
        reason = words.digest(name, digest.expression)
        return Routing(name, "digest", reason), min(digest.next(now), NEVER)

    key = group_key("digest", name, job=way.job)
    return join(state, key, make, way.severity, now, job=way.job, absorbs=way.absorbs)


def hold(state: State, way: Way, now: float) -> Join:
    """Joins what the rule's active_time holds."""
    name, hours = way.rule.name, way.rule.hours
    assert hours is not None  # noqa: S101 - only such rules are asked

    def make() -> tuple[Routing, float]:
        until = min(hours.next_start(now), NEVER)
        return Routing(name, "held", words.held(name, until, hours.name)), until

    key = group_key("held", name, job=way.job)
    return join(state, key, make, way.severity, now, job=way.job, absorbs=way.absorbs)


def is_closed(rule: Rule, severity: Severity, now: float) -> bool:
    """Whether active_time holds this now: emerg to crit always pass."""
    return rule.hours is not None and RANK[severity] > RANK["crit"] and not rule.hours.contains(now)


def to_group(state: State, way: Way, labels: Labels, now: float) -> Join | None:
    """Joins its group; None: it is the first one, and its own mail is made at once."""
    rule = way.rule
    key = group_key("grouped", rule.name, labels, way.job)
    if labels and key not in state.groups and len(state.groups) >= MOST_GROUPS:
        labels = ()  # one for all those that there is no more room for
        key = group_key("grouped", rule.name, labels, way.job)
    there = state.groups.get(key)
    if there is None or (not there.is_pending and there.due <= now):
        routing = Routing(rule.name, "grouped", words.grouped(rule.name, labels), labels)
        if not rule.wait:
            due = now + rule.interval
            cooled = Group(due=due, key=key, routing=routing, began=now, flushed=now)
            state.put_group(cooled)
            return None
        due = now + rule.wait
    else:
        routing, due = there.routing, there.due
    return join(
        state,
        key,
        lambda: (routing, due),
        way.severity,
        now,
        job=way.job,
        absorbs=way.absorbs,
    )
