"""How a mail came to be, or will, in the documents of `history` and `queue list`. No I/O."""

from collections.abc import Callable
from typing import Any

from zaiond.model import Routing
from zaiond.net.machine import rfc3339
from zaiond.routing import words
from zaiond.routing.explain import OUTCOMES
from zaiond.store.groups import NEVER
from zaiond.store.history import DeliveryRow, EventHistory, MailToCome
from zaiond.store.sound import DamagedRowError, decode_routing
from zaiond.text import Text


def routed(one: MailToCome | DeliveryRow, say: Callable[[Text], str]) -> dict[str, Any]:
    """One of `routing`: by which route, how, and in which mail."""
    routing = routing_of(one.routing)
    return {
        "route": routing.route or None,
        "kind": routing.kind,
        "reason": say(routing.reason or words.DEFAULT),
        "message_id": one.message_id,
        "due": due(one) if isinstance(one, MailToCome) else None,
    }


def routings(told: EventHistory, say: Callable[[Text], str]) -> list[dict[str, Any]]:
    """`routing` of an event: of each mail about it, made or to come."""
    of = {row.message: row for row, _ in told.deliveries}
    mails: list[MailToCome | DeliveryRow] = [*told.to_come, *of.values()]
    return [routed(one, say) for one in mails]


def routing_of(stored: str) -> Routing:
    """How a mail came to be; nothing is known of it where that can't be read."""
    try:
        return decode_routing(stored)
    except DamagedRowError:
        return Routing()


def due(mail: MailToCome) -> str | None:
    """When a mail to come is made, if that is known."""
    return rfc3339(mail.due) if mail.due < NEVER else None


def outcome(mail: MailToCome) -> str:
    """What has become of the events of a mail to come."""
    return OUTCOMES.get(routing_of(mail.routing).kind, "grouped")
