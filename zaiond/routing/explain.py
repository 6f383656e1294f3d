"""A decision as it is shown to people, in the words of `history`: by which route, what becomes of
the event, to whom, when, and why.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from zaiond.model import Event, Routing
from zaiond.routing import words
from zaiond.routing.decision import Decision
from zaiond.routing.matcher import RoutingTable
from zaiond.routing.records import NEVER
from zaiond.text import Language, Text
from zaiond.way import shown

Outcome = Literal["mailed", "grouped", "held", "silenced", "dropped"]
# What an event is that waits in a mail to come, by the kind of that. What goes beyond max_mails is
# held, too (interface 7).
OUTCOMES: dict[str, Outcome] = {
    "grouped": "grouped", "digest": "grouped", "problem": "grouped", "held": "held",
    "suppressed": "held",
}  # fmt: skip


class Explained(NamedTuple):
    """What one route makes of an event. `route` is "" where none has matched, or where none was
    asked. `when`: when its mail is made, in seconds since the epoch; None: never, or not known yet.
    """

    route: str
    outcome: Outcome
    to: tuple[str, ...]
    when: float | None
    reason: Text | None


def explain(decision: Decision, table: RoutingTable, now: float) -> Iterator[Explained]:
    """Each part of the decision; `table` is what it was made by."""
    for tell in decision.tells:
        yield Explained(tell.route, "mailed", tell.to, now, tell.routing.reason)
    for join in decision.joins:
        group = join.group
        to = recipients(group.routing, table)
        when = group.due if group.due < NEVER else None
        outcome = OUTCOMES[group.kind]
        yield Explained(group.routing.route, outcome, to, when, group.routing.reason)
    end = decision.end
    if end is not None:
        yield Explained("", end.outcome, (), None, end.reason)


def recipients(routing: Routing, table: RoutingTable) -> tuple[str, ...]:
    """Who gets a mail that is to come, by the configuration in force."""
    return routing.recipients or table.route_now(routing).to


def document(
    event: Event,
    decision: Decision,
    table: RoutingTable,
    now: float,
    language: Language,
    moment: Callable[[float | None], str | None],
) -> dict[str, Any]:
    """What is decided of an event as `route --json` has it; `moment` writes a time."""
    return {
        "type": event.type,
        "id": event.id or None,
        "source": event.source,
        "uid": event.uid,
        "severity": event.severity,
        "subject": event.subject,
        "key": event.key,
        "decisions": [
            {
                "route": one.route,
                "outcome": one.outcome,
                "to": [shown(recipient).in_language(language) for recipient in one.to],
                "when": moment(one.when),
                "reason": (one.reason or words.DEFAULT).in_language(language),
            }
            for one in explain(decision, table, now)
        ],
    }
