"""What is wrong with the way out, of which the admins have heard. It is kept in the database: each
incident is told of once, however often a server comes and goes, and across restarts. Pure.
"""

from collections.abc import Container

import msgspec

INCIDENTS = "incidents"  # their name in the database
SETTLED = 600.0  # seconds that a server was in use, after which its next outage is another one
STAYS_DOWN = 3600.0  # seconds until the outage of the first server is told of once more
NO_MAIL = 600.0  # seconds in which mail waits and none leaves, until that is told


class Outage(msgspec.Struct):
    """A server is out of use `since` then; `back`: when it was in use again. Times are seconds
    since the epoch. `stays`: it was told of once more.
    """

    since: float
    back: float | None = None
    stays: bool = False


class Incidents(msgspec.Struct):
    """`outages` by server (`host:port`); `no_mail`: since when no mail leaves, if that was told;
    `cut_off`: since when a member of a fleet could not hand on its events, the same.
    """

    outages: dict[str, Outage] = {}
    no_mail: float | None = None
    cut_off: float | None = None

    def out_of_use(self, server: str, now: float) -> Outage:
        """The outage of a server that can't be used."""
        known = self.outages.get(server)
        if known is None or (known.back is not None and now - known.back >= SETTLED):
            known = self.outages[server] = Outage(now)
        known.back = None
        return known

    def in_use(self, server: str, now: float) -> bool:
        """A server is in use; says whether that is news."""
        known = self.outages.get(server)
        if known is None or known.back is not None:
            return False
        known.back = now
        return True

    def stays_down(self, server: str) -> Outage | None:
        """The outage of a server that has lasted for long, and was told of once more."""
        known = self.outages.get(server)
        return known if known is not None and known.stays and known.back is None else None

    def forget(self, servers: Container[str]) -> bool:
        """Other servers than these are of no interest; says whether there were any."""
        gone = [server for server in self.outages if server not in servers]
        for server in gone:
            del self.outages[server]
        return bool(gone)
