"""What becomes of an event: the one decision of routing, with its reason.

decide() is a function of the event, the configuration (RoutingTable), the state and the time; what
it changes in the state counts when the caller has committed it.
"""

from zaiond.model import Event
from zaiond.routing.decision import Decision
from zaiond.routing.matcher import RoutingTable
from zaiond.routing.state import State


def decide(
    event: Event,
    table: RoutingTable,
    state: State,
    now: float,
    *,
    seq: int = 0,
    recipients: tuple[str, ...] | None = None,
) -> Decision:
    """What becomes of an event at `now`, seconds since the epoch.

    `seq` is its row, which a problem that it opens keeps. `recipients`: a program named them; no
    route, limit or silence counts then.
    """
    raise NotImplementedError
