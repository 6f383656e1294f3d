"""This machine as one of a fleet, where the configuration says so: made, wired, and made anew when
that changes. Nothing of it is loaded where it doesn't.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from zaiond.config.schema import Config
from zaiond.daemon import words
from zaiond.daemon.notices import Notice
from zaiond.daemon.reports import Reports
from zaiond.daemon.words import fleet
from zaiond.delivery.outbound import Outbound
from zaiond.intake.intake import Intake
from zaiond.journal import Journal, Kind
from zaiond.net.machine import MachineNames, rfc3339
from zaiond.store.writer import Writer
from zaiond.text import Language, Text
from zaiond.users import UserNames

if TYPE_CHECKING:
    from zaiond.fleet.hub import Hub
    from zaiond.fleet.link import Connection
    from zaiond.fleet.machines import Machines
    from zaiond.fleet.member import Member

KEY = "fleet"  # of the two notices
CUT_OFF, BACK = "zaiond.fleet.cut_off", "zaiond.fleet.back"
CUT_OFF_AFTER = 120.0  # seconds in which a hub can't do its work until people hear of it
LOOK = 5.0  # seconds


class InFleet:
    """`machines` are the rows of those that are known (fleet.machines). `member` is there while the
    configuration has a fleet, `hub` while this machine is one and has a name that the fleet can
    have.
    """

    def __init__(
        self,
        intake: Intake,
        outbound: Outbound,
        reports: Reports,
        writer: Writer,
        journal: Journal,
        clock: Callable[[], float],
        queue_time: Callable[[], float],
        names: MachineNames,
        user_names: UserNames,
        machines: Mapping[str, str],
        in_background: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._intake, self._outbound, self._reports = intake, outbound, reports
        self._writer, self._journal = writer, journal
        self._clock, self._queue_time = clock, queue_time
        self._names, self._user_names, self._rows = names, user_names, machines
        self._in_background = in_background
        self._machines: Machines | None = None
        self._settings: tuple[object, ...] | None = None
        self._running: asyncio.Task[None] | None = None
        self._working: asyncio.Task[None] | None = None  # the hub's part of it
        self.member: Member | None = None
        self.hub: Hub | None = None
        if machines:
            self._know_machines()

    def _know_machines(self) -> "Machines":
        if self._machines is None:
            from zaiond.fleet.machines import Machines  # only where there are some

            self._machines = Machines(dict(self._rows))
            self._user_names.abroad = self._machines.called
            self._user_names.uid_abroad = self._machines.uid_of
        return self._machines

    def configure(self, config: Config) -> None:
        """This configuration is about to come into force."""
        settings = None if config.fleet is None else (config.fleet, config.queue.expire)
        if settings == self._settings:
            return
        self._settings, before = settings, self._running
        if before is not None:
            before.cancel()
        if config.fleet is None:
            self.member = self._running = None
            self._outbound.membership.leave()
            self._reports.cut_off_since(None)
            return
        from zaiond.fleet.hub import say
        from zaiond.fleet.member import Means, Member, say_alive  # what one machine never needs

        is_hub = config.fleet.role == "hub"

        async def say_as_hub(connection: "Connection", machine: str, word: dict[str, Any]) -> None:
            if word["state"] in ("handing_on", "on_trial"):
                word["state"] = "waiting" if self.hub is None or not self.hub.works else "working"
            await say(connection, machine, word)

        means = Means(
            self._outbound.membership, self._writer, self._clock, self._queue_time, self._machine,
            self._user_names, self._know_machines(), say_as_hub if is_hub else say_alive,
            self._waiting, self._tell_by_itself, self._tell_back, self._log,
        )  # fmt: skip
        told = self._reports.incidents.cut_off is not None
        member = self.member = Member(config, means, told=told)
        member.join()
        self._running = asyncio.ensure_future(self._run(member, before))
        self._in_background(_watched(self._running))

    async def _run(self, member: "Member", before: "asyncio.Task[None] | None") -> None:
        """Runs a machine of a fleet by this configuration, behind the one before it."""
        if before is not None:
            await asyncio.wait((before,))
        parts = [asyncio.ensure_future(member.run())]
        if member.fleet.role == "hub":
            self._working = asyncio.ensure_future(self._run_hub(member))
            parts.insert(0, self._working)
        try:
            left = set(parts)
            while left:
                done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
                for part in done:
                    if not part.cancelled():  # as a hub's is that gives up its work first
                        part.result()
        finally:
            for part in parts:  # in this order: the link is needed to the end
                part.cancel()
                await asyncio.wait((part,))

    async def _run_hub(self, member: "Member") -> None:
        from zaiond.fleet.hub import Hub, Means

        means = Means(
            self._intake.admission, self._writer, self._outbound.router, self._know_machines(),
            self._journal, self._clock, self._reports.record_event,
            self._outbound.scheduler.configured, member.say_now,
        )  # fmt: skip
        hub = self.hub = Hub(await member.link(), means, member.fleet.member_grace)
        watch = asyncio.ensure_future(self._watch(hub, member))
        self._in_background(_watched(watch))
        try:
            await hub.run()
        finally:
            self.hub = None
            watch.cancel()

    async def stop_work(self) -> None:
        """Gives up the lease, so that another hub takes over at once."""
        if self._working is not None:
            self._working.cancel()
            await asyncio.wait((self._working,), timeout=5.0)

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
            text = member_words.connected(server=server)
            self._journal.info(text, Kind.SERVER_USABLE, by="fleet: connection")
        else:
            self._journal.warning(fault, Kind.SERVER_OUT_OF_USE, by="fleet: connection")

    # -- what people hear of it: one incident, whatever of it was seen first

    async def _tell_by_itself(self, seconds: float, number: int, why: Text) -> None:
        from zaiond.fleet import member_words

        self._journal.error(member_words.CUT_OFF, Kind.SERVER_OUT_OF_USE)
        since = self._clock() - seconds
        message = member_words.cut_off(since=words.local(since), number=number, why=why)
        await self._tell_of_cut(since, member_words.CUT_OFF, message, {"events": number})

    async def _watch(self, hub: "Hub", member: "Member") -> None:
        """Tells people of it when a hub can't do its work for long, and when it can again."""
        from zaiond.fleet import hub_words

        since: float | None = None
        while True:
            await asyncio.sleep(LOOK)
            why, now = hub.fault_now, self._clock()
            if why is None:
                since = None
                if member.state.mode == "handing_on":
                    await self._tell_back()
            elif since is None:
                since = now
            elif now - since >= CUT_OFF_AFTER:
                message = hub_words.cut_off_for(at=words.local(since), why=why)
                await self._tell_of_cut(since, hub_words.CUT_OFF_SUBJECT, message, {})

    async def _tell_of_cut(
        self, since: float, subject: Text, message: Text, more: Mapping[str, object]
    ) -> None:
        if self._reports.incidents.cut_off is not None:
            return
        self._reports.cut_off_since(since)
        data = {"since": rfc3339(since), **more}
        notice = Notice(CUT_OFF, str(int(since)), "err", subject, message, data, opens=KEY)
        await self._reports.emit(notice)

    async def _tell_back(self) -> None:
        from zaiond.fleet import hub_words, member_words

        since = self._reports.incidents.cut_off
        if since is None or self.fault is not None:
            return
        self._reports.cut_off_since(None)
        if self.hub is None:
            subject, message = member_words.BACK, member_words.back(since=words.local(since))
        else:
            subject, message = hub_words.BACK_SUBJECT, hub_words.BACK
        self._journal.info(subject, Kind.SERVER_USABLE)
        data = {"since": rfc3339(since)}
        notice = Notice(BACK, str(int(since)), "notice", subject, message, data, closes=KEY)
        await self._reports.emit(notice)

    @property
    def fault(self) -> Text | None:
        """Why a hub can't do its work; None: nothing keeps it, or this is no hub."""
        if self.hub is not None:
            return self.hub.fault_now
        member = self.member
        is_hub = member is not None and member.fleet.role == "hub"
        return member.fault.text if is_hub and member and member.fault else None

    @property
    def cut_off(self) -> tuple[float, Text | None] | None:
        """Since when we are cut off from the fleet, if that was told, and why we still are; `fault`
        says more.
        """
        since, member = self._reports.incidents.cut_off, self.member
        if since is None or member is None or self.fault is not None:
            return None
        return since, None if member.fault is None else member.fault.text

    @property
    def not_handed_on(self) -> Text | None:
        """Why what this machine hands on is not taken; None: nothing is known to be wrong."""
        return None if self.member is None or not self.member.fault else self.member.fault.text

    @property
    def is_to_mend(self) -> bool:
        """Whether `not_handed_on` stays until somebody mends it."""
        return self.member is not None and self.member.is_to_mend

    # -- what is asked

    async def document(self, language: Language) -> dict[str, Any] | None:
        """`fleet` of the status."""
        member = self.member
        if member is None:
            return None
        connection, since = member.connection, self._reports.incidents.cut_off
        fault = self.fault or (None if member.fault is None else member.fault.text)
        waiting = await self._outbound.membership.count_waiting()
        told = {
            "role": member.fleet.role,
            "state": member.state.mode,
            "since": None if since is None else rfc3339(since),
            "server": None if connection is None else connection.server,
            "error": None if fault is None else fault.in_language(language),
        }
        if member.fleet.role == "member":
            return {**told, "waiting": waiting}
        from zaiond.fleet.documents import document

        return {**told, "to_hand_on": waiting, **document(self.hub, self._clock(), language)}

    async def found(self) -> dict[str, Any] | None:
        """How the fleet is, as its engine says (fleet.admin), and `grace`; None: this is no hub.
        Raises FleetError.
        """
        hub = self.hub
        if hub is None:
            return None
        from zaiond.fleet import admin
        from zaiond.fleet import hub_words as words
        from zaiond.fleet.faults import FleetError

        connection = hub.link.now
        if connection is None:
            fault = hub.link.fault
            raise fault or FleetError("lost", words.NOT_CONNECTED)
        return {**await admin.status(connection), "grace": hub.members.grace}

    @property
    def works_elsewhere(self) -> str | None:
        """The hub that looks after the fleet's problems, jobs and silences, '' if none is known;
        None: it is this one, or this is no hub.
        """
        return None if self.hub is None or self.hub.works else self.hub.lease.holder

    @property
    def looked_after_elsewhere(self) -> Text | None:
        """Who looks after the fleet's problems, jobs and silences; None: this machine does."""
        if self.member is not None and self.member.fleet.role == "member":
            return fleet.HUBS_LOOK
        hub = self.works_elsewhere
        return None if hub is None else fleet.look_at(hub=hub or fleet.NOBODY)


async def _watched(running: "asyncio.Task[None]") -> None:
    """Ends as it does, but for who ends it."""
    try:
        await asyncio.wait((running,))
    except asyncio.CancelledError:
        running.cancel()
        raise
    if not running.cancelled():
        running.result()
