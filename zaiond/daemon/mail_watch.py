"""Watches the way out: whether mail can leave, and the first server can be used. `reports` tells of
it what is to be told.

While all is well it sleeps until something fails. Then it looks again and again until that is over,
and has servers that are out of use probed, be there a mail for them or not.
"""

import asyncio
from collections.abc import Callable

from zaiond.daemon import words
from zaiond.daemon.incidents import NO_MAIL, STAYS_DOWN
from zaiond.daemon.reports import Reports
from zaiond.delivery.outbound import Outbound
from zaiond.delivery.servers import Servers, ServerState
from zaiond.smtp.failure import Failure
from zaiond.text import Text

LOOK = 30.0  # seconds between two looks


class MailWatch:
    """`has_config` says whether a configuration is in force, `clock` gives seconds since the
    epoch.
    """

    def __init__(
        self,
        outbound: Outbound,
        reports: Reports,
        has_config: Callable[[], bool],
        clock: Callable[[], float],
    ) -> None:
        self._outbound, self._reports = outbound, reports
        self._has_config, self._clock = has_config, clock
        self._failed = asyncio.Event()
        self.failed = self._failed.set  # to be called when something may be wrong
        self._waits_since: float | None = None  # by the loop's clock, as the next
        self._unconfigured_since: float | None = None

    async def run(self) -> None:
        """Watches; ends when cancelled."""
        while True:
            self._failed.clear()
            if await self.look():
                await self._failed.wait()
            else:
                await asyncio.sleep(LOOK)

    @property
    def can_leave(self) -> bool:
        """Whether mail can leave, as far as is known."""
        servers = self._outbound.pool.servers
        if self._outbound.holds.queue is not None or self._reports.incidents.no_mail is not None:
            return False
        if servers is None:  # while the configuration changes, too
            return self._has_config()
        return servers.any_usable

    @property
    def no_mail(self) -> tuple[float, Failure | None] | None:
        """Since when no mail leaves, if that was told, and what a server said."""
        since, servers = self._reports.incidents.no_mail, self._outbound.pool.servers
        if since is None:
            return None
        refused = servers.none_takes if servers is not None else None
        return since, None if refused is None else refused[1]

    @property
    def stays_down(self) -> tuple[str, float, Failure | None] | None:
        """The first server if it has been out of use for long: since when, and why."""
        servers = self._outbound.pool.servers
        if servers is None:
            return None
        first = servers.states[0]
        outage = self._reports.incidents.stays_down(first.server.address)
        return None if outage is None else (first.server.address, outage.since, first.failure)

    async def look(self) -> bool:
        """Looks, and tells what is news; says whether all is well."""
        servers = self._outbound.pool.servers
        if servers is not None:
            self._look_at_outages(servers)
            self._look_at_first(servers)
        refused = self._refused(servers)
        told = self._reports.incidents.no_mail is not None
        if refused is None and not told:
            self._waits_since = None
        else:
            await self._look_at_queue(refused, servers)
        return (
            refused is None
            and self._reports.incidents.no_mail is None
            and (servers is None or all(map(_is_well, servers.states)))
        )

    def _refused(self, servers: Servers | None) -> tuple[float, Text] | None:
        """Since when no mail has left though some was tried, or could not be, and why."""
        if servers is not None:
            self._unconfigured_since = None
            refused = servers.none_takes
            return None if refused is None else (refused[0], refused[1].text)
        if self._has_config():  # it is being changed
            return None
        if self._unconfigured_since is None:
            self._unconfigured_since = asyncio.get_running_loop().time()
        return self._unconfigured_since, words.CONFIG_NONE

    async def _look_at_queue(
        self, refused: tuple[float, Text] | None, servers: Servers | None
    ) -> None:
        waiting = await self._outbound.count_waiting()
        loop_now = asyncio.get_running_loop().time()
        if not waiting.waiting:
            self._waits_since = None
        elif self._waits_since is None:
            self._waits_since = loop_now
        if refused is not None and self._waits_since is not None:
            since, why = max(refused[0], self._waits_since), refused[1]
            if loop_now - since >= NO_MAIL:
                at = self._clock() - (loop_now - since)
                self._reports.no_mail_leaves(at, waiting.waiting, why)
        if servers is None or self._outbound.holds.queue is not None:
            return
        # Whether it is over, only a mail shows, if there is one.
        if (refused is None and servers.last_taken) or (servers.any_usable and not waiting.total):
            self._reports.mail_leaves()

    def _look_at_outages(self, servers: Servers) -> None:
        incidents = self._reports.incidents
        for index, state in enumerate(servers.states):
            known = incidents.outages.get(state.server.address)
            if state.state == "up":
                self._reports.server_in_use(state.server.address)
            elif known is not None and known.back is None and not state.only_a_mail_shows:
                self._outbound.pool.probe(index)

    def _look_at_first(self, servers: Servers) -> None:
        """The first server is down: that is told again after long, if it was seen to be so then."""
        first, now = servers.states[0], self._clock()
        failure, address = first.failure, first.server.address
        outage = self._reports.incidents.outages.get(address)
        if failure is None or outage is None or outage.stays or outage.back is not None:
            return
        if first.state not in ("down", "faulty") or not servers.any_usable:
            return
        if now - outage.since < STAYS_DOWN:
            return
        failed = first.last_failure[1] if first.last_failure is not None else first.since
        ago = asyncio.get_running_loop().time() - failed
        if first.state == "faulty" or now - ago - outage.since >= STAYS_DOWN:
            self._reports.first_stays_down(address, failure, outage)


def _is_well(state: ServerState) -> bool:
    return state.state in ("up", "unknown") and state.refused is None
