"""The routes, compiled once for each configuration, so that an event finds its own quickly."""

import json
import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from typing import Any

from zaiond.config.forms import Rate
from zaiond.config.routes import Match, RouteDefaults
from zaiond.config.routes import Route as RouteSettings
from zaiond.config.schema import Config, Job
from zaiond.model import Event, Routing
from zaiond.routing import words
from zaiond.routing.decision import Route
from zaiond.routing.state import cut
from zaiond.schedule import Cron, Hours

_MOST_TYPES = 4096  # of which it is remembered which routes they may match
Labels = tuple[tuple[str, str], ...]
Test = Callable[[Event], bool]


class Rule:
    """A route, or the default (`name` ""), with what it has of the defaults.

    `to` are its recipients, () for nobody. `limit` and `scope`: how many mails a recipient gets,
    and of which route's count they are, "" of that of all together.
    """

    def __init__(self, name: str, settings: RouteDefaults, config: Config) -> None:
        own = bool(name) and settings.own_max_mails
        self.name = name
        self.to = config.admins if settings.to is None else settings.to
        self.is_grouping = settings.is_grouping
        self.group_by = tuple(dict.fromkeys(settings.group_by or ()))
        self.wait: float = settings.group_wait or 0.0
        self.interval: float = settings.group_interval or 0.0
        self.repeat: float | None = settings.repeat_interval
        self.hours: Hours | None = settings.hours
        self.digest: Cron | None = settings.digest
        self.scope = name if own else ""
        self.limit: Rate | None = (settings if own else config.route_defaults).max_mails
        self.routing = Routing(name, reason=words.told(name)) if name else Routing()
        if not name and settings.to is not None:
            self.routing = Routing(reason=words.BY_DEFAULTS)

    def labels(self, event: Event) -> Labels:
        """The fields in which events of a group agree, and their values in this one."""
        return tuple((name, cut(label_of(event, name))) for name in self.group_by)


class RoutingTable:
    """The routes, jobs and defaults of a configuration."""

    def __init__(self, config: Config) -> None:
        self.admins = config.admins
        self.drops_backup_auto_update = not config.notify.backup_auto_update
        self.jobs: dict[str, Job] = config.jobs
        self.default = Rule("", config.route_defaults, config)
        self._routes = [
            _Compiled(Rule(name, route, config), route) for name, route in config.routes.items()
        ]
        self.rules = {each.rule.name: each.rule for each in self._routes}
        self._by_type: dict[str, list[_Compiled]] = {}

    def rule(self, name: str) -> Rule:
        """The rule of a route; the default where there is none of that name any more."""
        return self.rules.get(name, self.default)

    def rules_of(self, event: Event) -> list[Rule]:
        """The rules by which the event is routed, in their order."""
        if not self._routes:
            return [self.default]
        candidates = self._by_type.get(event.type)
        if candidates is None:
            if len(self._by_type) >= _MOST_TYPES:
                self._by_type.clear()
            candidates = [each for each in self._routes if each.takes_type(event.type)]
            self._by_type[event.type] = candidates
        found = []
        for each in candidates:
            if each.matches(event):
                found.append(each.rule)
                if not each.continues:
                    break
        return found or [self.default]

    def naming(self, event: Event) -> list[Rule]:
        """Those of the event's rules that name its type: which do not match just any."""
        named = {each.rule.name for each in self._routes if each.names_type(event.type)}
        return [rule for rule in self.rules_of(event) if rule.name in named]

    def recipients(self, rule: Rule, job: str | None) -> tuple[str, ...]:
        """Who is told by a rule; of a job with recipients of its own, they are."""
        settings = self.jobs.get(job) if job is not None else None
        return (settings.to if settings is not None else None) or rule.to

    def routes_of(self, event: Event) -> tuple[Route, ...]:
        """The routes that match an event, as if nothing else was known: for a mail that is made
        anew. A route that tells nobody is left out; where none is left, it is the admins.
        """
        found = [
            Route(rule.name, to)
            for rule in self.rules_of(event)
            if (to := self.recipients(rule, event.job))
        ]
        return tuple(found) or (Route("", self.admins),)

    def route_now(self, routing: Routing, job: str | None = None) -> Route:
        """The route of a mail that there is already, by the configuration in force: where it is
        gone, the default; where nobody is left, the admins. `job`: of its events.
        """
        rule = self.rule(routing.route)
        to = self.recipients(rule, job) or self.admins
        if routing.kind != "suppressed" or routing.recipients is None:
            return Route(rule.name, to)
        # One recipient's mail of several routes: his, as long as any route or job names him.
        known = {*self.admins, *self.default.to}
        for each in self.rules.values():
            known.update(each.to)
        for job_settings in self.jobs.values():
            known.update(job_settings.to or ())
        left = tuple(r for r in routing.recipients if r in known)
        return Route(rule.name, left or self.admins)


class _Compiled:
    """A route's match: `takes_type` is asked once a type, `matches` of each event of such a type.

    The tests that cost least come first.
    """

    def __init__(self, rule: Rule, route: RouteSettings) -> None:
        match = route.match
        self.rule = rule
        self.continues = route.continue_
        self.takes_type: Callable[[str], bool] = any_of(match.type) if match.type else _anything
        self._names = any_of(p for p in match.type if p.strip("*"))
        self._tests = _tests(match)

    def names_type(self, type: str) -> bool:
        return self._names(type)

    def matches(self, event: Event) -> bool:
        return all(test(event) for test in self._tests)


def _tests(match: Match) -> list[Test]:
    tests: list[Test] = []
    if match.severity:
        tests.append(lambda event: event.severity in match.severity)
    for name in ("status", "source", "job", "key", "subject"):
        if patterns := getattr(match, name):
            tests.append(field_test(name, patterns))
    return tests + [field_test(name, patterns) for name, patterns in match.data]


def field_test(name: str, patterns: Iterable[str]) -> Test:
    """Whether a field has a value that one of the patterns matches; an absent one has none."""
    matches = any_of(patterns)
    if name.startswith("data."):
        keys = name.split(".")[1:]
        return lambda event: any(map(matches, _texts(_below(event.data, keys))))

    def test(event: Event) -> bool:
        value = getattr(event, name)
        return value is not None and matches(str(value))

    return test


def any_of(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Whether a text, as a whole, is matched by one of the shell patterns."""
    listed = tuple(patterns)
    exact = frozenset(p for p in listed if not any(sign in p for sign in "*?["))
    others = [p for p in listed if p not in exact]
    if not others:
        return exact.__contains__
    if any(not p.strip("*") for p in others):
        return _anything
    found = re.compile("|".join(map(translate, others))).match
    if not exact:
        return lambda text: found(text) is not None
    return lambda text: text in exact or found(text) is not None


def _anything(text: str) -> bool:  # noqa: ARG001
    return True


def label_of(event: Event, name: str) -> str:
    """The value of a field as text, "" where there is none."""
    if name.startswith("data."):
        value = _below(event.data, name.split(".")[1:])
        return value if isinstance(value, str) else "" if value is None else _as_text(value)
    value = getattr(event, name)
    return "" if value is None else str(value)


def _below(data: Any, keys: list[str]) -> Any:
    """What is below these keys, each one deeper; or below all of them as one key with dots."""
    value = data
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return data.get(".".join(keys)) if len(keys) > 1 else None
        value = value[key]
    return value


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [_as_text(each) for each in (value if isinstance(value, list) else [value])]


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
