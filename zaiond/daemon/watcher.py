"""The watcher watched: who sees to it that somebody hears of it when the daemon can't do its work,
put together.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from zaiond.config.schema import Config
from zaiond.daemon.mail_watch import MailWatch
from zaiond.daemon.reload import Configuration
from zaiond.daemon.reports import Reports
from zaiond.delivery.outbound import Outbound
from zaiond.errors import ZaiondError
from zaiond.journal import Journal
from zaiond.store.database import Database
from zaiond.store.writer import Writer

if TYPE_CHECKING:
    from zaiond.daemon.heartbeat import Health, Heartbeat
    from zaiond.daemon.summary import Gather, Summary


class Watcher:
    """`configuration` gives the daemon's; `round_trip` goes through all that must work, or raises
    ZaiondError. `facts` gives what a summary has to tell.
    """

    def __init__(
        self,
        outbound: Outbound,
        reports: Reports,
        journal: Journal,
        database: Database,
        writer: Writer,
        clock: Callable[[], float],
        queue_time: Callable[[], float],
        configuration: Callable[[], Configuration],
        round_trip: Callable[[], Awaitable[None]],
        facts: "Gather",
        in_background: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._configuration, self._database = configuration, database
        self._journal, self._clock, self._outbound = journal, clock, outbound
        self._round_trip, self._in_background = round_trip, in_background
        self.incidents = reports.incidents
        self.mail = MailWatch(outbound, reports, lambda: configuration().config is not None, clock)
        self.heartbeat: Heartbeat | None = None
        self._summary: Summary | None = None
        self._for_summary = writer, facts, reports.record, clock, queue_time
        reports.on_failure = self.mail.failed
        self.run = self.mail.run

    def configure(self, config: Config) -> None:
        """This configuration is in force now."""
        if config.heartbeat is not None and self.heartbeat is None:
            from zaiond.daemon.heartbeat import Heartbeat  # only for who has one

            self.heartbeat = Heartbeat(self.health, self._clock, self._journal)
            self._in_background(self.heartbeat.run())
        if self.heartbeat is not None:
            self.heartbeat.configure(config)
        if config.summary is not None and self._summary is None:
            from zaiond.daemon.summary import Summary  # as above

            self._summary = Summary(*self._for_summary)
            self._in_background(self._summary.run())
        if self._summary is not None:
            self._summary.configure(config)

    async def health(self) -> "Health":
        """How we are."""
        from zaiond.daemon.heartbeat import Health

        # Before anything is waited for: another configuration holds nobody, until mail is tried.
        outbound = self._outbound
        admins_hear = outbound.router.maker is None or outbound.may_reach_admins()
        await self.mail.look()
        free, floor = self._database.space.free_bytes()
        try:
            await self._round_trip()
        except ZaiondError:
            writable = False
        else:
            writable = True
        return Health(
            config_good=self._configuration().state == "good",
            mail_leaves=self.mail.can_leave,
            admins_hear=admins_hear,
            first_server=self.mail.stays_down is None,
            disk_free=free >= floor,
            disk_writable=writable,
        )
