"""What becomes of an event: the one decision of routing, with its reason.

decide() is a function of the event, the configuration (RoutingTable), the state and the time; what
it changes in the state counts when the caller has committed it.
"""

from msgspec import structs

from zaiond.event_rules import is_drill
from zaiond.model import Event, Routing
from zaiond.routing import job, problem, words
from zaiond.routing import silence as silences
from zaiond.routing.clock import set_back
from zaiond.routing.decision import Decision, End, Join, Tell
from zaiond.routing.group import Way, hold, is_closed, join, to_digest, to_group
from zaiond.routing.matcher import RoutingTable, Rule
from zaiond.routing.named import named
from zaiond.routing.problem import News, counted_group
from zaiond.routing.records import Group, Told, group_key
from zaiond.routing.state import MOST_GROUPS, State
from zaiond.routing.throttle import pass_limit, suppress
from zaiond.text import Text

MOST_COUNTED = 1000  # reports of a problem that wait for its next mail; of more, it has the number
_BACKUP_AUTO_UPDATE = "backup.auto_update."


def decide(
    event: Event, table: RoutingTable, state: State, now: float, *, seq: int = 0
) -> Decision:
    """What becomes of an event at `now`, seconds since the epoch. `seq` is its row, which a problem
    that it opens keeps. A drill says nothing of problems and jobs.
    """
    if not event.mail:
        return _routed(event, table, state, now, seq)
    addresses, is_routed = named(event)
    found = _routed(event, table, state, now, seq) if is_routed else Decision()
    if not addresses:
        return found
    # Whom a program named gets its mail: no route, limit or silence counts for that.
    if len(found.tells) == 1 and not found.joins:  # in one mail, as it was sent
        (tell,) = found.tells
        to = tuple(dict.fromkeys((*addresses, *tell.to)))
        return Decision((structs.replace(tell, to=to),))
    routing = Routing(reason=words.NAMED_BY_PROGRAM, recipients=addresses)
    return Decision((Tell("", addresses, routing), *found.tells), found.joins)


def _routed(event: Event, table: RoutingTable, state: State, now: float, seq: int) -> Decision:
    """What the routes say of it."""
    if table.drops_backup_auto_update and event.type.startswith(_BACKUP_AUTO_UPDATE):
        return _dropped(words.BACKUP_AUTO_UPDATE_OFF)
    if not state.goes_on(now):
        set_back(table, state, now)
    if table.plain is not None and event.key is None and event.job is None and not state.silences:
        # The usual case where no routes are configured.
        rule = table.default
        passed, over = pass_limit(state, rule, rule.to, now, exempt=event.notice)
        if not over:
            return table.plain
        step = _Step(table, state, now, event)
        step.tell(Way(rule, event.severity), passed, over)
        return step.decision()
    rules: list[Rule] | None = None
    news: News | None = None
    is_real = not (event.extensions and is_drill(event.extensions))
    if is_real and (event.job is not None or event.key is not None or event.notice):
        said = _news(event, table, state, seq)
        if isinstance(said, job.Recorded):
            rules = table.naming(event) if said.unless_named else []
            if not rules:
                return _dropped(said.reason)
        elif isinstance(said, Text):
            return _dropped(said)
        else:
            news = said
    if state.silences:
        silence = silences.silence_of(state, event, now)
        if silence is not None:
            silences.count(state, silence)
            counted = () if news is None else _counted(state, news)
            if news is not None:
                problem.hide(state, news, silence.id)
            reason = words.silenced(silence.due, silence.by, silence.comment)
            return Decision(end=End("silenced", reason, counted))
    if news is None:
        step = _Step(table, state, now, event)
        for rule in table.rules_of(event) if rules is None else rules:
            step.by(rule)
        return step.decision()
    if news.what == "again":
        return _count(table, state, news, event, now)
    if news.what == "closed":
        return _close(table, state, news, event, now)
    step = _Step(table, state, now, event, news)
    for rule in table.rules_of(event):
        step.by(rule)
    problem.remember(table, state, news, step.told)
    return step.decision()


def _dropped(reason: Text) -> Decision:
    return Decision(end=End("dropped", reason))


def _news(
    event: Event, table: RoutingTable, state: State, seq: int
) -> News | job.Recorded | Text | None:
    if event.job is not None and event.type in job.TYPES:
        return job.note(event, table, state, seq)
    news = problem.note(event, state, seq)
    if isinstance(news, News) and news.what == "closed" and news.problem.job is not None:
        job.forgive(state, news.problem.job)
    return news


def _count(table: RoutingTable, state: State, news: News, event: Event, now: float) -> Decision:
    """Those who were told of the problem are told that it was reported again with their next mail
    about it.
    """
    problem.remember(table, state, news, {})
    severity = event.severity

    def reason() -> Text:
        return words.counted(problem.name_of(news.problem), news.problem.since)

    def count(told: Told) -> Join | None:
        key = group_key("problem", told.route, news.key)
        if key not in state.groups and len(state.groups) >= MOST_GROUPS:
            return None

        def make() -> tuple[Routing, float]:
            return Routing(told.route, "problem", reason()), told.remind

        rule = table.rule(told.route)
        own = event.job if table.recipients(rule, event.job) is not rule.to else None
        return join(state, key, make, severity, now, job=own, problem=news.key)

    if news.problem.count > MOST_COUNTED:  # none of them would leave its user's quota
        return _dropped(reason())
    joins = tuple(joined for told in news.problem.told if (joined := count(told)) is not None)
    return Decision(joins=joins) if joins else _dropped(reason())


def _close(table: RoutingTable, state: State, news: News, event: Event, now: float) -> Decision:
    """The routes that told of the problem tell that it is over; what was counted goes along."""
    by: dict[str, tuple[Rule, list[Group]]] = {}
    for told in news.problem.told:
        rule = table.rule(told.route)
        _, groups = by.setdefault(rule.name, (rule, []))
        group = counted_group(state, news.key, told.route)
        if group is not None:
            groups.append(group)
    if not by and news.problem.hinted:  # as any event, for who heard of it by a silence's end
        by = {rule.name: (rule, []) for rule in table.rules_of(event)}
    counted = _counted(state, news)
    step = _Step(table, state, now, event, news)
    for rule, groups in by.values():
        step.by(rule, tuple(groups))
    problem.remember(table, state, news, {})
    if not step.told:
        reason = step.nobody or words.not_told(problem.name_of(news.problem))
        return Decision(end=End("dropped", reason, counted))
    return step.decision(counted)


def _counted(state: State, news: News) -> tuple[Group, ...]:
    """The groups of what was counted, forgotten if the problem is closed."""
    if news.what != "closed":
        return ()
    found = (counted_group(state, news.key, told.route) for told in news.problem.told)
    groups = tuple(group for group in found if group is not None)
    for group in groups:
        state.forget_group(group)
    return groups


class _Step:
    """An event on its way through the rules; `told` are those by which it is told to somebody, and
    when, `nobody` why it is to nobody by another.
    """

    def __init__(
        self,
        table: RoutingTable,
        state: State,
        now: float,
        event: Event,
        news: News | None = None,
    ) -> None:
        self.told: dict[str, float] = {}
        self.nobody: Text | None = None
        self._table = table
        self._state = state
        self._now = now
        self._event = event
        self._news = news
        self._tells: list[Tell] = []
        self._joins: list[Join] = []

    def by(self, rule: Rule, absorbs: tuple[Group, ...] = ()) -> None:
        """Goes through one of them; `absorbs` goes along."""
        event, state, now = self._event, self._state, self._now
        to = self._table.recipients(rule, event.job)
        if not to:
            self.nobody = self.nobody or words.nobody(rule.name)
            return
        own = event.job if to is not rule.to else None
        news, severity = self._news, event.severity
        if news is not None and news.what == "closed":
            severity = news.problem.worst  # who was woken by it hears when it is over
        way = Way(rule, severity, own, absorbs)
        if rule.digest is not None:
            self._join(rule, to_digest(state, way, now))
            return
        if rule.hours is not None and is_closed(rule, severity, now):
            self._join(rule, hold(state, way, now))
            return
        if rule.is_grouping:
            joined = to_group(state, way, rule.labels(event), now)
            if joined is not None:
                self._join(rule, joined)
                return
        self.told[rule.name] = now
        self.tell(way, *pass_limit(state, rule, to, now, exempt=event.notice))

    def _join(self, rule: Rule, joined: Join) -> None:
        self._joins.append(joined)
        self.told[rule.name] = max(joined.group.due, self._now)

    def tell(self, way: Way, passed: tuple[str, ...], over: tuple[str, ...]) -> None:
        """Those who passed are told now, those who are over the limit later."""
        if passed:
            routing = self._routing(way.rule, way.job)
            if over:
                routing = structs.replace(routing, recipients=passed)
            self._tells.append(Tell(way.rule.name, passed, routing, way.absorbs))
        for recipient in over:
            self._joins.append(suppress(self._state, way, recipient, self._now))

    def _routing(self, rule: Rule, job: str | None) -> Routing:
        news = self._news
        if news is None and job is None:
            return rule.routing
        reason = rule.routing.reason if job is None else words.job_told(rule.name, job)
        if news is None:
            return Routing(rule.name, reason=reason, job=job)
        if news.what == "closed":
            reason = words.closed(rule.name, problem.name_of(news.problem))
        return Routing(rule.name, reason=reason, standing=news.standing, job=job)

    def decision(self, absorbs: tuple[Group, ...] = ()) -> Decision:
        """What becomes of it; `absorbs`: all that must go along with it."""
        if not self._tells and not self._joins:
            assert self.nobody is not None  # noqa: S101 - there is a rule for each event
            return _dropped(self.nobody)
        if absorbs:
            self._absorb(absorbs)
        return Decision(tuple(self._tells), tuple(self._joins))

    def _absorb(self, groups: tuple[Group, ...]) -> None:
        """What a rule was to take along that tells nobody goes with the first that does."""
        taken = {group.key for tell in self._tells for group in tell.absorbs}
        taken |= {group.key for join in self._joins for group in join.absorbs}
        left = tuple(group for group in groups if group.key not in taken)
        if not left:
            return
        if self._tells:
            first = self._tells[0]
            self._tells[0] = structs.replace(first, absorbs=first.absorbs + left)
        else:
            joined = self._joins[0]
            self._joins[0] = structs.replace(joined, absorbs=joined.absorbs + left)
