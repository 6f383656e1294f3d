"""The routes, compiled once for each configuration, so that an event finds its own quickly."""

from zaiond.config.forms import Rate
from zaiond.config.routes import Match, RouteDefaults
from zaiond.config.schema import Config, Job
from zaiond.model import Event, Routing
from zaiond.routing import words
from zaiond.routing.decision import Decision, Route, Tell
from zaiond.routing.fields import Conditions, Index, label_of
from zaiond.routing.state import cut
from zaiond.schedule import Cron, Hours

Labels = tuple[tuple[str, str], ...]


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
        self.limit: Rate | None = settings.max_mails
        self.routing = Routing(name, reason=words.told(name)) if name else Routing()
        if not name and settings.to is not None:
            self.routing = Routing(reason=words.BY_DEFAULTS)
        # What becomes of an event of which nothing counts but that it comes this way.
        is_plain = self.to and not (self.is_grouping or self.hours or self.digest)
        tell = Tell(name, self.to, self.routing)
        self.plain: Decision | None = Decision((tell,)) if is_plain else None

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
        self.rules = {name: Rule(name, route, config) for name, route in config.routes.items()}
        self._rules = tuple(self.rules.values())
        matches = [route.match for route in config.routes.values()]
        self._index = Index([_conditions(match) for match in matches])
        self._naming = Index([{"type": _names(match)} for match in matches])
        self.plain = None if self.rules else self.default.plain
        # Behind a route that does not continue no other counts.
        self._last = sum(not r.continue_ and 1 << n for n, r in enumerate(config.routes.values()))

    def rule(self, name: str) -> Rule:
        """The rule of a route; the default where there is none of that name any more."""
        return self.rules.get(name, self.default)

    def rules_of(self, event: Event) -> list[Rule]:
        """The rules by which the event is routed, in their order."""
        if not self._rules:
            return [self.default]
        return self._first(self._index.matching(event)) or [self.default]

    def naming(self, event: Event) -> list[Rule]:
        """The rules by which an event goes that only routes count for that name its type: which
        match not just any.
        """
        return self._first(self._index.matching(event) & self._naming.matching(event))

    def _first(self, matching: int) -> list[Rule]:
        """Of the rules that match, one for each bit, those up to the first that is the last."""
        found = []
        while matching:
            bit = matching & -matching
            found.append(self._rules[bit.bit_length() - 1])
            if bit & self._last:
                break
            matching ^= bit
        return found

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

    def route_now(self, routing: Routing) -> Route:
        """The route of a mail that there is already, by the configuration in force: where it is
        gone, the default; where nobody is left, the admins.
        """
        rule = self.rule(routing.route)
        to, only = self.recipients(rule, routing.job) or self.admins, routing.recipients
        if only is None:
            return Route(rule.name, to)
        if routing.kind != "suppressed":
            return Route(rule.name, tuple(r for r in to if r in only) or to)
        # One recipient's mail of several routes: his, as long as any route or job names him.
        known = {*self.admins, *self.default.to}
        for each in self.rules.values():
            known.update(each.to)
        for job_settings in self.jobs.values():
            known.update(job_settings.to or ())
        left = tuple(r for r in only if r in known)
        # In his place those of the route whose limit it is. That of all together has events of
        # several routes, where there are any.
        is_of_one = rule.name == routing.route and (rule.name or not self.rules)
        return Route(rule.name, left or (to if is_of_one else self.admins))


def _conditions(match: Match) -> Conditions:
    """What a match asks of each field of an event."""
    conditions: Conditions = {}
    if match.severity:
        conditions["severity"] = tuple(match.severity)
    for name in ("type", "source", "subject", "key", "status", "job"):
        if patterns := getattr(match, name):
            conditions[name] = patterns
    return conditions | dict(match.data)


def _names(match: Match) -> tuple[str, ...]:
    """Its patterns of a type that do not match just any."""
    return tuple(pattern for pattern in match.type if pattern.strip("*"))
