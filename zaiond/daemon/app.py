"""The composition root: the only place that names concrete classes and puts them together.

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
from typing import Any, NamedTuple

import apsw

from zaiond import __version__
from zaiond.config.schema import Config, MailServer
from zaiond.config.watch import ConfigWatch
from zaiond.daemon import status_line, systemd
from zaiond.daemon.configuration import Configuration
from zaiond.daemon.control import Commands, Control
from zaiond.daemon.history_limit import HistoryLimit
from zaiond.daemon.notices import Notices
from zaiond.daemon.options import Options
from zaiond.daemon.reports import Reports
from zaiond.daemon.ulid import UlidFactory
from zaiond.daemon.user_names import UserNames
from zaiond.delivery.dispatcher import Delivering, Dispatcher, Observer
from zaiond.delivery.housekeeping import Housekeeping
from zaiond.delivery.queue_admin import QueueAdmin
from zaiond.delivery.rate_counter import RateCounter
from zaiond.delivery.router import MailMaker, Router
from zaiond.delivery.servers import ServerState
from zaiond.errors import Diagnostic, DiskFullError, StoreError, ZaiondError
from zaiond.holds import Hold, Holds
from zaiond.intake import sockets
from zaiond.intake.intake import Intake
from zaiond.intake.listener import Listener
from zaiond.intake.spool_watch import SpoolWatch
from zaiond.journal import Journal, Kind
from zaiond.localtime import TimeZone
from zaiond.model import AttemptResult, QueuedMail, StoredEvent, WaitingLine
from zaiond.net.context import ConnectionContext
from zaiond.net.memory import Masks
from zaiond.net.names import MachineNames, Names
from zaiond.net.tls import CommonNames, TlsContexts
from zaiond.oauth.tokens import Tokens
from zaiond.oauth.watch import TokenWatch
from zaiond.os_error import in_japanese
from zaiond.queue_time import QueueTime
from zaiond.smtp.verdict import Verdict
from zaiond.store import events, holds, queue, queue_time
from zaiond.store.damage import Damage
from zaiond.store.database import Database
from zaiond.store.events import Acceptance
from zaiond.store.turns import Turns
from zaiond.store.writer import Writer
from zaiond.text import Text
from zaiond.user_of import UserOf

STOP_SECONDS = 30.0  # for what is between the final dot and its reply
NAMES_SECONDS = 2.0
SPOOL_INTERVAL = 60.0  # the kernel tells of new files; this is for where it doesn't
INCIDENT = "config_incident"
POSSIBLE_DUPLICATES = "possible_duplicates"


class App(Observer):
    """One daemon, from start to end."""

    def __init__(self, options: Options, journal: Journal) -> None:
        self.options = options
        self.journal = journal
        self.clock = time.time
        self.started = time.time()
        self.events_in, self.deliveries_out = (
            RateCounter(),
            RateCounter(),
        )  # events accepted, deliveries made
        self.possible_duplicates = 0
        self.time_zone = TimeZone()
        self.user_names = UserNames(time.monotonic)
        self.user_of = UserOf(time.monotonic)
        self._alarm_on_terminals = False
        self._stop = asyncio.Event()
        self._exit_status = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._salvage_told = False
        self._counted = False
        self._assembled = asyncio.Event()
        self._status = systemd.StatusLine(partial(status_line.line, self))
        self._running: asyncio.Task[None]
        self.database: Database
        self.writer: Writer
        self.dispatcher: Dispatcher
        self.tokens: Tokens
        self.names: MachineNames
        self.context: ConnectionContext  # of the configuration in force
        self.router: Router
        self.intake: Intake
        self.configuration: Configuration
        self.queue_admin: QueueAdmin
        self.control: Control

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
        control_listener, control_path = sockets.control_socket(self.options.runtime_dir)
        with contextlib.closing(control_listener):
            self._running = loop.create_task(self._run(control_listener))
            try:
                await self._running
            except asyncio.CancelledError:
                if not self._exit_status:
                    raise
            finally:
                sockets.remove(control_path)
        return self._exit_status

    async def _run(self, control_listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        state_dir = self.options.state_dir
        try:
            os.makedirs(state_dir, mode=0o700, exist_ok=True)
        except OSError as error:
            raise StoreError(
                Text(
                    f"状態ディレクトリ {state_dir} を作れません: {in_japanese(error)}",
                    f"the state directory {state_dir} can't be made: {error.strerror}",
                )
            ) from None
        self.database = Database(self.options.state_dir, systemd.at_work)
        salvage = self.database.salvage
        if salvage is not None and self.database.is_recovered:
            self.journal.error(salvage.text, Kind.QUEUE_RECOVERED)
        for moved in self.database.moved:
            self.journal.warning(
                Text(
                    f"ファイルがあるべき場所に別のものがあったため、名前を変えました: {moved}",
                    f"what lay in the place of a file, and is none, has another name now: {moved}",
                )
            )
        self.writer = Writer(
            self.database.connection,
            loop,
            self._fatal,
            self.database.release_ballast,
            self.database,
            self._damaged,
        )
        await self._assemble()
        event_listener, event_path = sockets.event_socket(self.options.runtime_dir)
        event_server = Listener(event_listener, self.intake.events.connection, self.journal)
        control_server = Listener(control_listener, self.control.connection, self.journal)

        self._watch = ConfigWatch(self._reload, self.journal.warning)
        spool_watch = SpoolWatch(
            self.options.spool_dir,
            self.intake.spool.changed,
            self.journal.warning,
        )
        try:
            await self.configuration.reload()
            self._rewatch()
            loop.add_signal_handler(signal.SIGHUP, self._reload)
            for work in (
                self.router.run(),
                self.dispatcher.run(),
                self._housekeeping.run(),
                self._history_limit.run(),
                self._token_watch.run(),
                self.intake.spool.run(SPOOL_INTERVAL, spool_watch.arm),
                self._status.run(),
                self._watch.run(),
                systemd.answer_watchdog(self._round_trip),
            ):
                self._background(work)
            systemd.ready()
            await self._status.tell()
            waiting = (await status_line.count_waiting(self)).total
            self.journal.info(
                Text(
                    f"zaiond {__version__} を開始しました（送信待ち {waiting} 件）",
                    f"zaiond {__version__} has started ({waiting} waiting)",
                ),
                Kind.STARTED,
            )
            await self._stop.wait()
            systemd.stopping()
        finally:
            spool_watch.stop()
            event_server.close()
            control_server.close()
            if event_path is not None:
                sockets.remove(event_path)
        waiting = await self._stop_gently()
        self.journal.tell_left_out()
        self.journal.info(
            Text(f"停止しました（送信待ち {waiting} 件）", f"stopped ({waiting} waiting)"),
            Kind.STOPPED,
        )

    async def _assemble(self) -> None:
        """Makes every part, from what is on disk."""
        clock, writer = self.clock, self.writer
        self.queue_time = QueueTime(time.monotonic, await writer.submit(queue_time.find))
        self.queue_time.pause()  # until there is a configuration
        incident = await writer.submit(partial(events.get_meta, name=INCIDENT))
        held = await writer.submit(holds.find)
        # All counts at once and at the end, so that they agree, also with what `_damaged` hears.
        found = await writer.submit(partial(_find, now=clock()), essential=True)
        recovered = found.recovered
        self.possible_duplicates = found.possible_duplicates
        if recovered.started:
            self.journal.warning(
                Text(
                    f"前回の停止時に送信中だった配送 {recovered.started} 件を再送します"
                    "（重複して届くことがあります）",
                    f"{recovered.started} deliveries were under way at the last end: sent again,"
                    " so they may arrive twice",
                ),
                Kind.POSSIBLE_DUPLICATES,
            )
        self.turns = Turns(found.waiting, found.last_turns, self.user_of)
        self.make_id = UlidFactory(clock, random.SystemRandom().getrandbits)
        self.intake = Intake(
            self.options.spool_dir,
            self.database,
            writer,
            self.journal,
            found.usage,
            self.turns,
            clock=clock,
            queue_time=self.queue_time,
            make_id=self.make_id,
            user_of=self.user_of,
            name_of=self.user_names.shown,
            on_accepted=self._accepted,
            on_refused_file=self._spool_refused,
            look_at_history=lambda: self._history_limit.look(),
        )
        self._notices = Notices(
            writer,
            self._notice_accepted,
            clock,
            self.queue_time,
            self.journal,
            self.user_names.shown,
            self.turns,
        )
        self._reports = Reports(
            self.journal, self._notices, clock, self._background, self._alarm, self._may_reach
        )
        self.dispatcher = Dispatcher(
            writer,
            self,
            clock,
            random.random,
            self.queue_time,
            Holds(held),
        )
        self.tokens = Tokens(
            self.options.state_dir,
            self.journal.error,
            lambda oauth2: self._token_watch.used(oauth2),
            clock,
        )
        self._masks = Masks()
        self._common_names = CommonNames(self.journal.warning)
        self._token_watch = TokenWatch(self.tokens, clock, self._refresh_token_ends)
        self.router = Router(
            writer,
            self.dispatcher,
            self.events_ended,
            recovered,
            self.turns,
            self._names_now,
        )
        self._counted = True
        self._housekeeping = Housekeeping(
            writer,
            self.dispatcher,
            clock,
            self.queue_time,
            self._reports.expired,
            self.events_ended,
            self.database.lay_ballast,
            lambda: self._history_limit.look(),
            self.router.lock,
        )
        self._history_limit = HistoryLimit(
            self.database,
            writer,
            self.intake.quotas,
            clock,
            self.journal,
            self.user_names.shown,
            self.router.lock,
            self.user_of,
        )
        self.queue_admin = QueueAdmin(
            writer,
            self.router,
            self.dispatcher,
            clock,
            self.queue_time,
            self._events_reopened,
            self.events_ended,
        )
        self.intake.spool.prepare()
        self.configuration = Configuration(
            self.options.config,
            self.options.state_dir,
            os.environ.get("CREDENTIALS_DIRECTORY"),
            incident if isinstance(incident, str) else None,
            self.journal,
            clock,
            self._apply,
            self._config_broken,
            self._config_mended,
        )
        self.control = Control(self._commands)
        self.control.language = self.journal.language
        self.names = MachineNames(NAMES_SECONDS)
        self._assembled.set()

    def _commands(self) -> Commands:
        from zaiond.daemon.commands import commands  # with all that people may ask for

        return commands(self)

    async def _round_trip(self) -> None:
        """Through the intake, the writer's thread and the delivery."""
        await self.intake.events.ping()
        await self.dispatcher.answer()

    async def _stop_gently(self) -> int:
        """Gives how many deliveries are left for the next start."""
        await self.intake.events.stop()
        # A refresh token that is under way must not be lost.
        await asyncio.gather(self.dispatcher.stop(STOP_SECONDS), self.tokens.close())
        for running in list(self._tasks):
            running.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        waiting = (await status_line.count_waiting(self)).total
        with contextlib.suppress(DiskFullError):
            await self._housekeeping.keep_time()
        await self.writer.close()
        self.database.closed_cleanly()
        return waiting

    # -- configuration

    def _reload(self) -> None:
        self._background(self._reload_and_watch())

    async def _reload_and_watch(self) -> None:
        await self.configuration.reload()
        self._rewatch()

    def _rewatch(self) -> None:
        self._watch.watch(self.configuration.watched)

    async def _apply(self, config: Config, is_another: bool) -> None:
        self.journal.language = self.control.language = config.language
        self.intake.configure(config)
        self._alarm_on_terminals = config.notify.wall
        self._housekeeping.configure(config.queue, config.language)
        self._token_watch.configure(config.mail_servers)
        self.router.configure(
            MailMaker(
                config,
                await self.names.current(),
                self.make_id,
                self.user_names,
                self._unmade,
                self.user_of,
            )
        )
        # What has changed counts for what waits, too, and before it is tried.
        if is_another:
            self.dispatcher.suspend()
            try:
                await self.queue_admin.rebuild()
            except DiskFullError as error:  # they go out as they are
                self.journal.error(
                    Text(
                        f"保留中のメールを作り直せません: {error.text.ja}",
                        f"what is held can't be made anew: {error.text.en}",
                    )
                )
        self.context = ConnectionContext(
            self.tokens,
            self.names.current,
            TlsContexts(self._common_names),
            masks=self._masks,
        )
        self.dispatcher.configure(
            Delivering(config.mail_servers, config.queue, config.language, self.context)
        )
        salvage = self.database.salvage
        if salvage is not None and not self._salvage_told:
            self._salvage_told = True
            self._background(self._notices.salvaged(salvage, config.language))
        self._status.changed()

    def _config_broken(self, incident: str, errors: tuple[Diagnostic, ...]) -> None:
        async def tell() -> None:
            await self._notices.configuration_broken(incident, errors, self.control.language)
            await self._remember(INCIDENT, incident)

        self._background(tell())
        self._status.changed()

    def _config_mended(self) -> None:
        self._background(self._remember(INCIDENT, None))
        self._status.changed()

    async def _remember(self, name: str, value: str | int | None) -> None:
        # On a disk that is full for good, it is told once more after the next start.
        with contextlib.suppress(DiskFullError):
            await self.writer.submit(
                partial(events.set_meta, name=name, value=value), essential=True
            )

    # -- events in

    def _spool_refused(self, path: str, uid: int, why: Text, excerpt: str) -> None:
        language = self.control.language
        self._background(self._notices.spool_refused(path, uid, why, excerpt, language))

    def _accepted(self, acceptance: Acceptance) -> None:
        self.events_in.count(len(acceptance.events), time.monotonic())
        self.router.accepted(acceptance)
        self._status.changed()

    def _notice_accepted(self, acceptance: Acceptance) -> None:
        self.intake.admission.count(acceptance.events)
        self._accepted(acceptance)

    # -- what happens to mails (Observer)

    def events_ended(self, ended: list[StoredEvent]) -> None:
        self.intake.admission.ended(ended)
        self._status.changed()

    async def _names_now(self) -> Names:
        self.time_zone.refresh()
        return await self.names.current()

    def _events_reopened(self, reopened: list[StoredEvent]) -> None:
        self.intake.admission.count(reopened)
        self._status.changed()

    def room(self) -> None:
        self.router.wake()

    def held(self, hold: Hold) -> None:
        self._status.changed()
        self._reports.held(hold)

    def outdated(self, mail: QueuedMail) -> None:
        self._background(self._rebuild([event.seq for event in mail.events]))

    async def _rebuild(self, seqs: list[int]) -> None:
        with contextlib.suppress(DiskFullError):  # it goes out as it is
            await self.queue_admin.rebuild(seqs)

    def attempted(
        self, mail: QueuedMail, attempted: AttemptResult, verdict: Verdict | None
    ) -> None:
        if verdict is None:
            self.deliveries_out.count(1, time.monotonic())
        else:
            self._reports.attempted(mail, attempted, verdict)

    def server_changed(self, state: ServerState, works: bool) -> None:
        self._status.changed()
        self._reports.server_changed(state, works)

    async def _refresh_token_ends(
        self, server: MailServer, expires: float | None, refusal: str
    ) -> None:
        language = self.control.language
        await self._notices.refresh_token_ends(server, expires, refusal, language)

    def _alarm(self, text: Text) -> None:
        """What no mail can tell of."""
        if self._alarm_on_terminals:
            from zaiond.daemon.wall import wall  # only where no mail can leave

            wall(text.in_language(self.journal.language))

    def _may_reach(self) -> bool:
        """Whether an administrator is left who gets mail."""
        maker, held = self.router.maker, self.dispatcher.holds.addresses
        return maker is not None and any(a not in held for a in maker.admins)

    def _unmade(self, event: StoredEvent, error: Exception) -> None:
        self.journal.error(
            Text(
                f"イベント {event.id} の本文を作れません: {error!r}",
                f"the mail about event {event.id} can't be made as it should: {error!r}",
            ),
            by=self.user_of(event.uid),
            event=event.id,
        )

    # -- failures of our own

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._background_ended)

    def _background_ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fatal(error)

    def _damaged(self, damage: Damage) -> None:
        self.journal.error(damage.text, Kind.QUEUE_RECOVERED)
        if self._counted:
            self.router.recounted(damage.waiting)
            self.intake.quotas.recounted(damage.usage)

        async def tell() -> None:
            await self._assembled.wait()
            await self._notices.damaged(damage, self.control.language)

        self._background(tell())
        self._status.changed()

    def _unexpected(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        what = context["message"]
        text = Text(f"内部エラー: {what}", f"internal error: {what}")
        self.journal.error(text, by="internal error", error=error)

    def _fatal(self, error: BaseException) -> None:
        if self._exit_status:  # what fails now, fails for the same reason
            return
        said = error.text if isinstance(error, ZaiondError) else Text(str(error), str(error))
        self.journal.critical(
            Text(
                f"続行できないため終了します（systemd が再起動します）: {said.ja}",
                f"can't go on, so it ends (systemd starts it again): {said.en}",
            ),
            Kind.CAN_NOT_GO_ON,
            error=None if isinstance(error, ZaiondError) else error,  # what ours say is enough
        )
        self.database.must_check()
        self._exit_status = 1
        # Not self._stop: whatever it waits for, be it at its start or its end, may never come.
        self._running.cancel()


class _Found(NamedTuple):
    """What a start finds on disk."""

    recovered: queue.Recovered
    possible_duplicates: int
    usage: dict[int, tuple[int, int]]
    waiting: list[WaitingLine]
    last_turns: tuple[int, int]


def _find(db: apsw.Connection, now: float) -> _Found:
    """One transaction, for a crash in between would forget what the crash before it has left."""
    recovered = queue.recover(db, now)
    known = int(events.get_meta(db, POSSIBLE_DUPLICATES) or 0)
    if recovered.started:
        events.set_meta(db, POSSIBLE_DUPLICATES, known + recovered.started)
    waiting = events.waiting_lines(db)
    return _Found(
        recovered,
        known + recovered.started,
        events.usage(db, waiting),
        waiting,
        events.last_turns(db),
    )
