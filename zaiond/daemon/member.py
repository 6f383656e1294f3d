"""This machine as a member of a fleet, where the configuration says so: made, wired, and made anew
when that changes. Nothing of it is loaded where it doesn't.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from zaiond.config.schema import Config
from zaiond.daemon import words
from zaiond.daemon.notices import Notice
from zaiond.daemon.reports import Reports
from zaiond.delivery.outbound import Outbound
from zaiond.journal import Journal, Kind
from zaiond.net.machine import MachineNames, rfc3339
from zaiond.store.writer import Writer
from zaiond.text import Language, Text

if TYPE_CHECKING:
    from zaiond.fleet.member import Member

KEY = "fleet"  # of the two notices
CUT_OFF, BACK = "zaiond.fleet.cut_off", "zaiond.fleet.back"


class MemberOfFleet:
    """`member` is there while the configuration says that this machine is one."""

    def __init__(
        self,
        outbound: Outbound,
        reports: Reports,
        writer: Writer,
        journal: Journal,
        clock: Callable[[], float],
        queue_time: Callable[[], float],
        names: MachineNames,
        name_of: Callable[[int], str],
        in_background: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._outbound, self._reports, self._writer = outbound, reports, writer
        self._journal, self._clock, self._queue_time = journal, clock, queue_time
        self._names, self._name_of, self._in_background = names, name_of, in_background
        self.member: Member | None = None
        self._settings: tuple[object, ...] | None = None
        self._running: asyncio.Task[None] | None = None

    def configure(self, config: Config) -> None:
        """This configuration is about to come into force."""
        fleet = config.fleet if config.fleet is not None and config.fleet.role == "member" else None
        settings = None if fleet is None else (fleet, config.queue.expire)
        if settings == self._settings:
            return
        self._settings = settings
        if self._running is not None:
            self._running.cancel()
        if settings is None:
            self.member = self._running = None
            self._outbound.membership.leave()
            self._reports.cut_off_since(None)
            return
        from zaiond.fleet.member import Means, Member  # what one machine never needs

        means = Means(
            self._outbound.membership, self._writer, self._clock, self._queue_time, self._machine,
            self._name_of, self._waiting, self._cut_off, self._back, self._log,
        )  # fmt: skip
        told = self._reports.incidents.cut_off is not None
        member = self.member = Member(config, means, told=told)
        member.join()
        running = self._running = asyncio.ensure_future(member.run())
        self._in_background(_watched(running))

    async def close(self) -> None:
        """Says that it stops, and ends the connection."""
        if self._running is not None and self.member is not None:
            self.member.is_stopping = True
            self._running.cancel()
            await asyncio.wait((self._running,))

    async def _machine(self) -> str:
        return (await self._names.current()).fqdn.lower()

    async def _waiting(self) -> int:
        return (await self._outbound.count_waiting()).total

    def _log(self, fault: Text | None, server: str) -> None:
        from zaiond.fleet import member_words

        if fault is None:
            self._journal.info(member_words.connected(server=server), Kind.SERVER_USABLE)
        else:
            self._journal.warning(fault, Kind.SERVER_OUT_OF_USE, by="fleet")

    async def _cut_off(self, seconds: float, number: int, why: Text) -> None:
        from zaiond.fleet import member_words

        since = self._clock() - seconds
        self._reports.cut_off_since(since)
        self._journal.error(member_words.CUT_OFF, Kind.SERVER_OUT_OF_USE)
        message = member_words.cut_off(since=words.local(since), number=number, why=why)
        data = {"since": rfc3339(since), "events": number}
        notice = Notice(
            CUT_OFF, str(int(since)), "err", member_words.CUT_OFF, message, data, opens=KEY
        )
        await self._reports.emit(notice)

    async def _back(self) -> None:
        from zaiond.fleet import member_words

        since = self._reports.incidents.cut_off
        self._reports.cut_off_since(None)
        if since is None:
            return
        self._journal.info(member_words.BACK, Kind.SERVER_USABLE)
        message = member_words.back(since=words.local(since))
        notice = Notice(
            BACK, str(int(since)), "notice", member_words.BACK, message,
            {"since": rfc3339(since)}, closes=KEY,
        )  # fmt: skip
        await self._reports.emit(notice)

    @property
    def cut_off(self) -> tuple[float, Text | None] | None:
        """Since when we are cut off from the fleet, if that was told, and why we still are."""
        since, member = self._reports.incidents.cut_off, self.member
        if since is None or member is None:
            return None
        return since, None if member.fault is None else member.fault.text

    async def document(self, language: Language) -> dict[str, Any] | None:
        """`fleet` of the status, for a member."""
        member = self.member
        if member is None:
            return None
        connection, since = member.connection, self._reports.incidents.cut_off
        return {
            "role": "member",
            "state": member.state.mode,
            "since": None if since is None else rfc3339(since),
            "server": None if connection is None else connection.server,
            "waiting": await self._outbound.membership.count_waiting(),
            "error": None if member.fault is None else member.fault.text.in_language(language),
        }


async def _watched(running: "asyncio.Task[None]") -> None:
    """Ends as it does, but for who ends it."""
    try:
        await asyncio.wait((running,))
    except asyncio.CancelledError:
        running.cancel()
        raise
    if not running.cancelled():
        running.result()
