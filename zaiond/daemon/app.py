"""The composition root, which alone names concrete classes and puts them together: it builds the
daemon, starts it and stops it.

event socket ─▶ Intake ─▶ store ─▶ Router ─▶ store ─▶ Dispatcher ─▶ Senders ─▶ mail server
spool ────────────────▶      └──────── Writer (one thread, group commit) ────────┘
"""

import asyncio
import contextlib
import os
import random
import signal
import socket
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any

from zaiond import __version__
from zaiond.config.schema import Config
from zaiond.config.watch import ConfigWatch
from zaiond.daemon import start, systemd, waiting
from zaiond.daemon.control import Commands, Control
from zaiond.daemon.options import Options
from zaiond.daemon.reload import Configuration
from zaiond.daemon.reports import Reports
from zaiond.daemon.start import Found
from zaiond.delivery.outbound import Outbound
from zaiond.delivery.rate_counter import RateCounter
from zaiond.delivery.servers import ServerState
from zaiond.errors import DiskFullError, ZaiondError
from zaiond.holds import Hold
from zaiond.intake import listener as listening
from zaiond.intake.intake import Intake
from zaiond.intake.listener import Listener
from zaiond.intake.spool_watch import SpoolWatch
from zaiond.journal import Journal, Kind
from zaiond.localtime import TimeZone
from zaiond.model import AttemptResult, QueuedMail, StoredEvent
from zaiond.net.context import ConnectionContext
from zaiond.net.memory import Masks
from zaiond.net.names import MachineNames
from zaiond.net.tls import CommonNames, TlsContexts
from zaiond.oauth.tokens import Tokens
from zaiond.oauth.watch import TokenWatch
from zaiond.queue_time import QueueTime
from zaiond.store.damage import Damage
from zaiond.store.events import Acceptance
from zaiond.store.history_limit import HistoryLimit
from zaiond.store.turns import Turns
from zaiond.store.writer import Writer
from zaiond.text import Text
from zaiond.ulid import UlidFactory
from zaiond.user_names import UserNames
from zaiond.user_of import UserOf

STOP_SECONDS = 30.0  # for what is between the final dot and its reply
NAMES_SECONDS = 2.0
SPOOL_INTERVAL = 60.0  # the kernel tells of new files; this is for where it doesn't


class _Stopped(Exception):  # noqa: N818 - nothing is wrong: the work in the background ends by it
    """The daemon was asked to stop."""


class App:
    """One daemon, from start to end."""

    def __init__(self, options: Options, journal: Journal) -> None:
        self._options = options
        self._journal = journal
        self._clock = time.time
        self._stop = asyncio.Event()
        self._exit_status = 0
        self._is_built = False
        self._damaged_before: list[Damage] = []
        self._background: asyncio.TaskGroup

    async def run(self) -> int:
        """Runs until SIGTERM or a fatal error; gives the exit status.

        Raises StoreError or UsageError where it can't start.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unexpected)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        # Until there is a configuration to reload: it is read anyway, and must not be the end.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # The control socket first: who holds it is the daemon of this directory.
        control_listener, control_path = listening.control_socket(self._options.runtime_dir)
        with contextlib.closing(control_listener):
            self._running = loop.create_task(self._run(control_listener))
            try:
                await self._running
            except asyncio.CancelledError:
                if not self._exit_status:
                    raise
            finally:
                listening.remove(control_path)
        return self._exit_status

    async def _run(self, control_listener: socket.socket) -> None:
        loop, options, journal = asyncio.get_running_loop(), self._options, self._journal
        database = self._database = start.open_database(options.state_dir, journal)
        self._writer = Writer(
            database.connection,
            loop,
            self._fatal,
            database.space.release_ballast,
            database,
            self._damaged,
        )
        self._build(await start.find(self._writer, self._clock, journal))
        self._intake.spool.prepare()
        with contextlib.ExitStack() as doors:
            self._open(control_listener, doors)
            try:
                # Whatever of it ends by an error ends the daemon.
                async with asyncio.TaskGroup() as self._background:
                    await self._start()
                    await self._stop.wait()
                    systemd.stopping()
                    doors.close()
                    await self._intake.events.stop()
                    # A refresh token that is under way must not be lost.
                    await asyncio.gather(self._outbound.stop(STOP_SECONDS), self._tokens.close())
                    raise _Stopped
            except* _Stopped:
                pass
            except* Exception as failed:  # noqa: BLE001 - whatever it is, it is told of
                self._fatal(failed.exceptions[0])
        if not self._exit_status:
            await self._close()

    def _open(self, control_listener: socket.socket, doors: contextlib.ExitStack) -> None:
        """From now on events and requests are taken. Raises UsageError."""
        options, journal = self._options, self._journal
        listener, path = listening.event_socket(options.runtime_dir)
        if path is not None:
            doors.callback(listening.remove, path)
        for server in (
            Listener(listener, self._intake.events.connection, journal),
            Listener(control_listener, self._control.connection, journal),
        ):
            doors.callback(server.close)
        self._watch = ConfigWatch(self._reload, journal.warning)
        self._spool_watch = SpoolWatch(
            options.spool_dir, self._intake.spool.changed, journal.warning
        )
        doors.callback(self._spool_watch.stop)

    async def _start(self) -> None:
        """Goes to work by the configuration that there is."""
        await self._configuration.reload()
        if self._database.salvage is not None:
            await self._reports.salvaged(self._database.salvage)
        for damage in self._damaged_before:
            self._reports.damaged(damage)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
        for work in (
            self._outbound.run(),
            self._history_limit.run(),
            self._token_watch.run(),
            self._intake.spool.run(SPOOL_INTERVAL, self._spool_watch.arm),
            self._watch.run(),
            self._status_line.run(),
            systemd.answer_watchdog(self._round_trip),
        ):
            self._in_background(work)
        systemd.ready()
        await self._status_line.tell()
        left = (await self._count_waiting()).total
        self._journal.info(
            Text(
                f"zaiond {__version__} を開始しました（送信待ち {left} 件）",
                f"zaiond {__version__} has started ({left} waiting)",
            ),
            Kind.STARTED,
        )

    async def _close(self) -> None:
        left = (await self._count_waiting()).total
        with contextlib.suppress(DiskFullError):
            await self._outbound.housekeeping.keep_time()
        await self._writer.close()
        self._database.closed_cleanly()
        self._journal.tell_left_out()
        self._journal.info(
            Text(f"停止しました（送信待ち {left} 件）", f"stopped ({left} waiting)"), Kind.STOPPED
        )

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            self._background.create_task(work)
        except RuntimeError:  # the daemon ends, and with it what it does in the background
            work.close()

    def _reload(self) -> None:
        async def reload() -> None:
            await self._configuration.reload()

        self._in_background(reload())

    async def _upkeep(self) -> None:
        await asyncio.to_thread(self._database.space.lay_ballast)
        self._history_limit.look()

    async def _round_trip(self) -> None:
        """Through the intake, the writer's thread and the delivery."""
        await self._intake.events.ping()
        await self._outbound.dispatcher.ping()

    # -- the parts

    def _build(self, found: Found) -> None:
        """Makes every part, from what was found on disk."""
        options, journal, clock, writer = self._options, self._journal, self._clock, self._writer
        self._started, self._possible_duplicates = clock(), found.possible_duplicates
        self._accepted_rate = RateCounter()
        self._time_zone = TimeZone()
        self._user_names = UserNames(time.monotonic)
        self._user_of = UserOf(time.monotonic)
        self._make_id = UlidFactory(clock, random.SystemRandom().getrandbits)
        self._names = MachineNames(NAMES_SECONDS)
        self._queue_time = QueueTime(time.monotonic, found.queue_time)
        self._queue_time.pause()  # until there is a configuration
        self._turns = Turns(found.waiting, found.last_turns, self._user_of)
        self._reports = Reports(
            journal,
            writer,
            self._turns,
            clock,
            self._queue_time,
            self._notice_accepted,
            self._in_background,
            self._user_names.shown,
            lambda: self._outbound.may_reach_admins(),
        )
        self._tokens = Tokens(
            options.state_dir, journal.error, lambda oauth2: self._token_watch.used(oauth2), clock
        )
        self._masks = Masks()
        self._common_names = CommonNames(journal.warning)
        self._token_watch = TokenWatch(self._tokens, clock, self._reports.refresh_token_ends)
        self._intake = Intake(
            options.spool_dir,
            self._database.space,
            writer,
            journal,
            found.usage,
            self._turns,
            clock=clock,
            queue_time=self._queue_time,
            make_id=self._make_id,
            user_of=self._user_of,
            name_of=self._user_names.shown,
            on_accepted=self._accepted,
            on_refused_file=self._reports.spool_refused,
            look_at_history=lambda: self._history_limit.look(),
        )
        self._outbound = Outbound(
            writer,
            self,
            found.recovered,
            found.holds,
            self._turns,
            self._queue_time,
            self._names,
            clock,
            random.random,
            self._make_id,
            self._user_names,
            self._upkeep,
            self._user_of,
        )
        self._history_limit = HistoryLimit(
            self._database.space,
            writer,
            self._intake.quotas.waiting,
            clock,
            journal,
            self._user_names.shown,
            self._outbound.router.lock,
            self._user_of,
        )
        self._configuration = Configuration(
            options.config,
            options.state_dir,
            os.environ.get("CREDENTIALS_DIRECTORY"),
            found.incident,
            writer,
            journal,
            clock,
            self._configure,
            self._reports.configuration_broken,
            self._config_read,
        )
        self._control = Control(self._commands, journal)
        self._count_waiting = partial(waiting.count_waiting, writer.submit, self._outbound)
        self._status_line = systemd.StatusLine(self._describe)
        self._is_built = True

    def _commands(self) -> Commands:
        # With all that people may ask for: not before somebody does.
        from zaiond.daemon.commands import Answers
        from zaiond.daemon.status import Status
        from zaiond.store.queries import Queries

        router = self._outbound.router
        status = Status(
            started=self._started,
            possible_duplicates=self._possible_duplicates,
            state_dir=self._options.state_dir,
            journal=self._journal,
            clock=self._clock,
            queue_time=self._queue_time,
            configuration=self._configuration,
            database=self._database,
            writer=self._writer,
            queries=Queries(self._writer.submit, lambda: router.routed_through),
            count_waiting=self._count_waiting,
            dispatcher=self._outbound.dispatcher,
            accepted=self._accepted_rate,
            spool_admin=self._intake.spool_admin,
            refusals=self._intake.refusals,
            user_names=self._user_names,
        )
        return Answers(
            status,
            self._outbound.queue_admin,
            self._intake.spool_admin,
            self._configuration,
            lambda: self._context,
            self._time_zone,
        ).commands()

    async def _describe(self) -> str:
        counted, servers = await self._count_waiting(), self._outbound.dispatcher.pool.servers
        outage = servers.waits_for if servers is not None else None
        line = waiting.line(counted, self._configuration.state, outage)
        return line.in_language(self._journal.language)

    # -- configuration

    def _config_read(self, watched: tuple[str, ...]) -> None:
        self._watch.watch(watched)
        self._status_line.changed()

    async def _configure(self, config: Config, is_another: bool) -> None:
        self._journal.language = config.language
        self._intake.configure(config)
        self._reports.configure(config)
        self._token_watch.configure(config.mail_servers)
        # What has changed counts for what waits, too, and before it is tried.
        if is_another:
            try:
                await self._outbound.remake(config)
            except DiskFullError as error:  # they go out as they are
                self._journal.error(
                    Text(
                        f"保留中のメールを作り直せません: {error.text.ja}",
                        f"what is held can't be made anew: {error.text.en}",
                    )
                )
        self._context = ConnectionContext(
            self._tokens,
            self._names.current,
            TlsContexts(self._common_names),
            masks=self._masks,
        )
        self._outbound.configure(config, self._context)

    # -- events in

    def _accepted(self, acceptance: Acceptance) -> None:
        self._accepted_rate.count(len(acceptance.events), time.monotonic())
        self._outbound.router.accepted(acceptance)
        self._status_line.changed()

    def _notice_accepted(self, acceptance: Acceptance) -> None:
        self.events_reopened(acceptance.events)
        self._accepted(acceptance)

    # -- what happens to mails (delivery.observer)

    def events_ended(self, ended: list[StoredEvent]) -> None:
        self._intake.admission.ended(ended)
        self._status_line.changed()

    def events_reopened(self, reopened: list[StoredEvent]) -> None:
        self._intake.admission.count(reopened)
        self._status_line.changed()

    def held(self, hold: Hold) -> None:
        self._status_line.changed()
        self._reports.held(hold)

    def not_delivered(self, mail: QueuedMail, result: AttemptResult) -> None:
        self._reports.not_delivered(mail, result)

    def expired(self, mail: QueuedMail, result: AttemptResult) -> None:
        self._reports.expired(mail, result)

    def server_changed(self, state: ServerState, any_usable: bool) -> None:
        self._status_line.changed()
        self._reports.server_changed(state, any_usable)

    def event_unmade(self, event: StoredEvent, error: Exception) -> None:
        self._journal.error(
            Text(
                f"イベント {event.id} の本文を作れません: {error!r}",
                f"the mail about event {event.id} can't be made as it should: {error!r}",
            ),
            by=self._user_of(event.uid),
            event=event.id,
        )

    # -- failures of our own

    def _damaged(self, damage: Damage) -> None:
        self._journal.error(damage.text, Kind.QUEUE_RECOVERED)
        if not self._is_built:
            self._damaged_before.append(damage)
            return
        self._outbound.router.recounted(damage.waiting)
        self._intake.quotas.recounted(damage.usage)
        self._reports.damaged(damage)
        self._status_line.changed()

    def _unexpected(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        what = context["message"]
        self._journal.error(
            Text(f"内部エラー: {what}", f"internal error: {what}"),
            by="internal error",
            error=context.get("exception"),
        )

    def _fatal(self, error: BaseException) -> None:
        if self._exit_status:  # what fails now, fails for the same reason
            return
        said = error.text if isinstance(error, ZaiondError) else Text(str(error), str(error))
        self._journal.critical(
            Text(
                f"続行できないため終了します（systemd が再起動します）: {said.ja}",
                f"can't go on, so it ends (systemd starts it again): {said.en}",
            ),
            Kind.CAN_NOT_GO_ON,
            error=None if isinstance(error, ZaiondError) else error,  # what ours say is enough
        )
        self._database.running.must_check()
        self._exit_status = 1
        # Not self._stop: whatever it waits for, be it at its start or its end, may never come.
        self._running.cancel()
