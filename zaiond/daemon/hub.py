"""This machine as a hub of a fleet, where the configuration says so: made, wired, and made anew
when that changes. Nothing of it is loaded where it doesn't.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from zaiond.config.schema import Config
from zaiond.daemon.reports import Reports
from zaiond.delivery.outbound import Outbound
from zaiond.intake.intake import Intake
from zaiond.journal import Journal, Kind
from zaiond.model import NewEvent
from zaiond.net.machine import MachineNames
from zaiond.store.writer import Writer
from zaiond.text import Language, Text
from zaiond.users import UserNames

if TYPE_CHECKING:
    from zaiond.config.fleet import Fleet
    from zaiond.fleet.hub import Hub
    from zaiond.fleet.link import FleetError
    from zaiond.fleet.machines import Machines
    from zaiond.fleet.of_hub import OfHub

CUT_OFF_AFTER = 120.0  # seconds without the engine until people hear of it
UNFIT_PAUSE = 30.0  # seconds until the machine's name is looked at again
CUT_OFF, BACK = "zaiond.fleet.cut_off", "zaiond.fleet.back"


class HubOfFleet:
    """`machines` are the rows of those that are known (fleet.machines). `hub` is there while the
    configuration has one.
    """

    def __init__(
        self,
        intake: Intake,
        outbound: Outbound,
        reports: Reports,
        writer: Writer,
        journal: Journal,
        clock: Callable[[], float],
        names: MachineNames,
        user_names: UserNames,
        machines: Mapping[str, str],
        in_background: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._intake, self._outbound, self._reports = intake, outbound, reports
        self._writer, self._journal, self._clock = writer, journal, clock
        self._names, self._user_names, self._rows = names, user_names, machines
        self._in_background = in_background
        self._machines: Machines | None = None
        self._of_hub: OfHub | None = None  # what its mails know of it
        self._fleet: Fleet | None = None
        self._running: asyncio.Task[None] | None = None
        self._unfit: Text | None = None  # why this machine's name can't be used
        self.hub: Hub | None = None
        if machines:
            self._know_machines()

    def _know_machines(self) -> "Machines":
        if self._machines is None:
            from zaiond.fleet.machines import Machines  # only where there are some

            self._machines = Machines(dict(self._rows))
            self._user_names.abroad = self._machines.called
        return self._machines

    def configure(self, config: Config) -> None:
        """This configuration is in force now."""
        fleet = config.fleet if config.fleet is not None and config.fleet.role == "hub" else None
        if fleet == self._fleet:
            return
        self._fleet, before, membership = fleet, self._running, self._outbound.membership
        if membership.of_fleet is self._of_hub:
            membership.of_fleet = self._of_hub = None
        if before is not None:
            before.cancel()
        if fleet is not None:
            from zaiond.fleet.of_hub import OfHub

            membership.of_fleet = self._of_hub = OfHub(self._know_machines())
            running = self._running = asyncio.ensure_future(self._run(fleet, before))
            self._in_background(_watched(running))

    async def _run(self, fleet: "Fleet", before: "asyncio.Task[None] | None") -> None:
        """Runs a hub by this configuration, behind the one before it."""
        if before is not None:
            await asyncio.wait((before,))
        from zaiond.fleet.hub import Hub, Means  # what one machine never needs
        from zaiond.fleet.link import Link

        machine = await self._machine()
        link = Link(fleet, machine, self._link_changed)
        means = Means(
            self._intake.admission, self._writer, self._outbound.router, self._know_machines(),
            self._journal, self._clock, self._reports.record_event,
            self._outbound.scheduler.configured,
        )  # fmt: skip
        self.hub = Hub(link, means, fleet.member_grace)
        link.start()
        watch = asyncio.ensure_future(self._watch(self.hub))
        try:
            await self.hub.run()
        finally:
            self.hub = None
            watch.cancel()
            await link.close()

    async def _machine(self) -> str:
        """This machine's name, once it is one that the fleet can have."""
        from zaiond.fleet import names

        while True:
            machine = (await self._names.current()).fqdn.lower()
            try:
                names.token(machine)
            except names.UnfitNameError as error:
                self._unfit = error.text
                self._journal.error(error.text, by="fleet: name")
                await asyncio.sleep(UNFIT_PAUSE)
            else:
                self._unfit = None
                return machine

    def _link_changed(self, fault: "FleetError | None") -> None:
        from zaiond.fleet import hub_words as words

        if fault is None:
            self._journal.info(words.CONNECTED, Kind.SERVER_USABLE, by="fleet: connection")
        else:
            text = words.cut_off(why=fault.text)
            self._journal.error(text, Kind.SERVER_OUT_OF_USE, by="fleet: connection")

    async def _watch(self, hub: "Hub") -> None:
        """Tells people of it when the engine is of no use for long."""
        since: float | None = None
        told: float | None = None
        while True:
            await asyncio.sleep(5.0)
            why = hub.fault_now
            if why is None:
                if told is not None:
                    await self._tell_of_cut(told, None)
                since = told = None
            elif since is None:
                since = self._clock()
            elif told is None and self._clock() - since >= CUT_OFF_AFTER:
                told = since
                await self._tell_of_cut(since, why)

    async def _tell_of_cut(self, since: float, why: Text | None) -> None:
        from zaiond.fleet import hub_words as words

        if why is None:
            subject, message = words.BACK_SUBJECT, words.BACK
        else:
            subject = words.CUT_OFF_SUBJECT
            message = words.cut_off_for(at=words.local(since), why=why)
        language = self._journal.language
        line = {
            "type": BACK if why is None else CUT_OFF,
            "source": "zaiond",
            "severity": "notice" if why is None else "err",
            "subject": subject.in_language(language),
            "message": message.in_language(language),
            "key": "fleet",
            "status": "ok" if why is None else "problem",
        }
        id_ = f"{line['type']}/{int(since)}"
        body = msgspec.json.encode(line)
        now = self._clock()
        new: NewEvent = (id_, os.getuid(), "zaiond", now, body, False, "key fleet")
        await self._reports.record_event(new)

    def document(self, language: Language) -> dict[str, Any] | None:
        """What `status` says of it; None: this is no hub."""
        hub = self.hub
        if hub is None:
            return None
        from zaiond.fleet.documents import document

        return document(hub, self._clock(), language)

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
    def fault(self) -> Text | None:
        """Why it can't do its work; None: nothing keeps it, or this is no hub."""
        return self._unfit if self.hub is None else self.hub.fault_now

    async def close(self) -> None:
        """Gives up the lease, so that another hub takes over at once."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait((self._running,), timeout=5.0)


async def _watched(running: "asyncio.Task[None]") -> None:
    """Ends as it does, but for who ends it."""
    try:
        await asyncio.wait((running,))
    except asyncio.CancelledError:
        running.cancel()
        raise
    if not running.cancelled():
        running.result()
