"""The composition root, which alone names concrete classes and puts them together: it builds the
daemon's parts, starts them and stops them.

event socket ─▶ Intake ─▶ store ─▶ Outbound: Router ─▶ store ─▶ Dispatcher ─▶ Senders ─▶ mail server
spool ────────────────▶      └────── Writer (one thread, group commit) ──────┘
"""

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from zaiond.clock import QueueTime, UlidFactory
from zaiond.daemon import notices, systemd
from zaiond.daemon.control import Commands, Control
from zaiond.daemon.fleet import InFleet
from zaiond.daemon.options import Options
from zaiond.daemon.reload import Configuration
from zaiond.daemon.reports import Reports
from zaiond.daemon.start import Found
from zaiond.daemon.watcher import Watcher
from zaiond.delivery.mail_maker import MailMaker
from zaiond.delivery.outbound import Outbound
from zaiond.errors import DiskFullError
from zaiond.intake.intake import Intake
from zaiond.intake.listener import Listener
from zaiond.journal import Journal
from zaiond.net.context import ConnectionContext
from zaiond.net.machine import MachineNames
from zaiond.net.tls import CommonNames, TlsContexts
from zaiond.oauth.tokens import Tokens
from zaiond.oauth.watch import TokenWatch
from zaiond.store.damage import Damage
from zaiond.store.database import Database
from zaiond.store.prune import HistoryLimit
from zaiond.store.turns import Turns
from zaiond.store.writer import Writer
from zaiond.users import UserNames, UserOf

if TYPE_CHECKING:
    from zaiond.daemon.status import Status
    from zaiond.daemon.summary_text import Facts

STOP_SECONDS = 30.0  # for what is between the final dot and its reply


class App:
    """The parts of a daemon that found this on disk. `in_background` runs what takes its time."""

    def __init__(
        self,
        options: Options,
        journal: Journal,
        database: Database,
        writer: Writer,
        found: Found,
        in_background: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._runtime_dir, self._journal = options.runtime_dir, journal
        self._database, self._in_background = database, in_background
        clock, user_names = time.time, UserNames(time.monotonic)
        user_of, user_name = UserOf(time.monotonic), user_names.shown
        make_id, names = UlidFactory(clock, random.SystemRandom().getrandbits), MachineNames()
        queue_time = QueueTime(time.monotonic, found.queue_time)
        queue_time.pause()  # until there is a configuration
        turns = Turns(found.waiting, found.last_turns, user_of)
        self._status_line = systemd.StatusLine(
            lambda: systemd.describe(self._outbound, self.configuration, journal)
        )
        changed = self._status_line.changed
        self._reports = Reports(
            journal, writer, turns, clock, queue_time, in_background, user_name, user_of, changed,
            found.incidents,
        )  # fmt: skip
        tokens = self._tokens = Tokens(
            options.state_dir, journal.error, lambda oauth2: self._token_watch.used(oauth2), clock
        )
        self._token_watch = TokenWatch(tokens, clock, self._reports.refresh_token_ends)
        unmade = self._reports.event_unmade
        self._outbound = Outbound(
            writer, self._reports, found.recovered, found.holds, turns, queue_time, names, clock,
            lambda config: MailMaker(config, make_id, user_names, unmade, user_of),
            lambda: self._history_limit.upkeep(), found.remembered, self._reports.by_itself,
        )  # fmt: skip
        self._intake = Intake(
            options.spool_dir, database.space, writer, journal, found.usage, turns, clock=clock,
            queue_time=queue_time, make_id=make_id, user_of=user_of, name_of=user_name,
            on_accepted=self._outbound.router.accepted,
            on_refused_file=self._reports.spool_refused,
            look_at_history=lambda: self._history_limit.look(), on_change=changed,
        )  # fmt: skip
        self._fleet = InFleet(
            self._intake, self._outbound, self._reports, writer, journal, clock, queue_time, names,
            user_names, found.machines, in_background,
        )  # fmt: skip
        self._reports.connect(self._intake.admission, self._outbound)
        counts, lock = self._intake.quotas.waiting, self._outbound.router.lock
        self._history_limit = HistoryLimit(
            database.space, writer, counts, clock, journal, user_name, lock, user_of,
            self._outbound.reminded_of,
        )  # fmt: skip

        def status() -> "Status":
            # With all that people may ask for: not before somebody does.
            from zaiond.daemon.status import Status

            return Status(
                found=found, state_dir=options.state_dir, journal=journal, clock=clock,
                queue_time=queue_time, configuration=self.configuration, database=database,
                writer=writer, outbound=self._outbound, intake=self._intake,
                user_names=user_names, watcher=self._watcher, fleet=self._fleet,
            )  # fmt: skip

        async def facts(since: float, queued: float) -> "Facts":
            from zaiond.daemon.summary_facts import gather

            return await gather(status(), since, queued)

        def commands() -> Commands:
            from zaiond.daemon.commands import Answers

            return Answers(status(), emit).commands()

        self.control = Control(commands, journal)
        self._watcher = Watcher(
            self._outbound, self._reports, journal, database, writer, clock, queue_time,
            lambda: self.configuration, self._round_trip, facts, in_background,
        )  # fmt: skip
        tls = TlsContexts(CommonNames(journal.warning))
        context = ConnectionContext(tokens, names.current, tls)
        configured = self._intake, self._reports, self._token_watch, self._watcher
        parts = [part.configure for part in (*configured, self._fleet, self.control)]
        emit, outbound = self._reports.emit, self._outbound
        self.configuration = Configuration(
            options, found.incident, writer, journal, clock, context, parts, outbound, emit, changed
        )

    def open(self, control: socket.socket, doors: contextlib.ExitStack) -> None:
        """Takes events and requests until the doors are closed. Raises StoreError, UsageError."""
        self._intake.open(self._runtime_dir, doors)
        doors.callback(Listener(control, self.control.connection, self._journal).close)

    async def start(self, damaged: Iterable[Damage]) -> int:
        """Goes to work; gives how many deliveries wait. `damaged`: rows that were set aside."""
        await self.configuration.reload()
        if self._database.salvage is not None:
            await self._reports.emit(notices.salvaged(self._database.salvage))
        for each in damaged:
            self._reports.damaged(each)
        for work in (
            self._outbound.run(),
            self._history_limit.run(),
            self._token_watch.run(),
            self._watcher.run(),
            self._intake.spool.run(),
            self.configuration.run(),
            self.configuration.watch.run(),
            self._status_line.run(),
            systemd.answer_watchdog(self._round_trip),
        ):
            self._in_background(work)
        systemd.notify("READY=1")
        await self._status_line.tell()
        return (await self._outbound.count_waiting()).total

    async def _round_trip(self) -> None:
        """Through the intake, the writer's thread and the delivery."""
        await self._intake.events.ping()
        await self._outbound.loader.ping()

    def damaged(self, damage: Damage) -> None:
        """Rows of the database were set aside while it works."""
        self._outbound.router.recounted(damage.waiting)
        self._in_background(self._outbound.reconcile())
        self._intake.quotas.recounted(damage.usage)
        self._reports.damaged(damage)

    async def finish(self) -> None:
        """Answers what was read, and finishes what is being sent. The doors are closed."""
        await self._fleet.stop_work()
        await self._intake.events.stop()
        # A refresh token that is under way must not be lost.
        await asyncio.gather(self._outbound.stop(STOP_SECONDS), self._tokens.close())
        await self._fleet.close()

    async def close(self) -> int:
        """Keeps what the next start needs; gives how many deliveries wait for it."""
        left = await self._outbound.count_waiting()
        with contextlib.suppress(DiskFullError):
            await self._outbound.housekeeping.keep_time()
        return left.total
