"""What becomes of what waits when its time has come, and when the configuration has changed."""

from zaiond.routing.decision import Due
from zaiond.routing.matcher import RoutingTable
from zaiond.routing.state import State


def due(table: RoutingTable, state: State, now: float) -> list[Due]:
    """What is due at `now`, seconds since the epoch, in order of its time; to be carried out and
    committed, or rolled back, before anything else is decided.

    It looks at the jobs, too: to be called at least every LOOK seconds while there are any.
    """
    raise NotImplementedError


def reconsider(table: RoutingTable, state: State, now: float) -> None:
    """Brings the state in line with another configuration: at the start, and when it has changed.
    What is due by it comes with the next `due`.
    """
    raise NotImplementedError
