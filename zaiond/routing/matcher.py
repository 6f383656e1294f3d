"""The routes, compiled once for each configuration, so that an event finds its own quickly."""

from zaiond.config.schema import Config
from zaiond.model import Event, Routing
from zaiond.routing.decision import Route


class RoutingTable:
    """The routes, jobs and defaults of a configuration."""

    def __init__(self, config: Config) -> None:
        raise NotImplementedError

    def routes_of(self, event: Event) -> tuple[Route, ...]:
        """The routes that match an event, as if nothing else was known: for a mail that is made
        anew. A route that tells nobody is left out; where none is left, it is the admins.
        """
        raise NotImplementedError

    def route_now(self, routing: Routing, job: str | None = None) -> Route:
        """The route of a mail that there is already, by the configuration in force: where it is
        gone, the default; where nobody is left, the admins. `job`: of its events.
        """
        raise NotImplementedError
