"""Which mail goes out next, by which server, and what became of it.

Mails come from the router as they are made, and from disk by the loader. They wait in the window
until a sender takes them; what came of each goes to disk, and then the mail leaves the window or is
put back in line.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import apsw

from zaiond.config.schema import MailServer, Queue
from zaiond.delivery.active_queue import ActiveQueue, reduced
from zaiond.delivery.loader import Loader
from zaiond.delivery.outcome import (
    AttemptContext,
    NextState,
    is_of_us_by_content,
    next_state,
    probe_delay,
)
from zaiond.delivery.sender import Answers, Sender
from zaiond.delivery.servers import Servers, ServerState
from zaiond.errors import DiskFullError
from zaiond.holds import Hold, Holds
from zaiond.model import AttemptResult, QueuedDelivery, QueuedMail, StoredEvent
from zaiond.net.context import ConnectionContext
from zaiond.queue_time import QueueTime
from zaiond.smtp.reply import Reply
from zaiond.smtp.verdict import Failure, Scope, Stage, Verdict, judge
from zaiond.store import holds as held
from zaiond.store import queue
from zaiond.store.turns import Line
from zaiond.store.writer import Operation, Writer
from zaiond.text import Language

LONGEST_COMMIT = 1.0  # seconds that a connection waits for a mail that is being put on disk
DISK_FULL_PAUSE = 5.0  # seconds until what could not be recorded is recorded

T = TypeVar("T")


@dataclass(slots=True)
class Delivering:
    """A configuration's part that delivers."""

    mail_servers: tuple[MailServer, ...]
    queue: Queue
    language: Language
    context: ConnectionContext


class Observer:
    """Who is told of what happens; each method may be overridden."""

    def events_ended(self, ended: list[StoredEvent]) -> None:
        """All deliveries of these events have ended, and that is on disk."""

    def room(self) -> None:
        """A mail left, or all those that wait on disk have come in: there is room for more."""

    def attempted(self, mail: QueuedMail, result: AttemptResult, verdict: Verdict | None) -> None:
        """An attempt's outcome is on disk."""

    def server_changed(self, state: ServerState, works: bool) -> None:
        """A server went out of use, or came back; `works`: mail can go out by some server."""

    def held(self, hold: Hold) -> None:
        """Something is held from now on that was not."""

    def outdated(self, mail: QueuedMail) -> None:
        """This mail was being sent while the configuration changed, and is to be made anew."""


class Dispatcher:
    """Hands mails to senders, and what became of them to the disk.

    `clock` gives seconds since the epoch, `spread` random numbers from 0 to 1; `holds` is what was
    held at the last end.
    """

    def __init__(
        self,
        writer: Writer,
        observer: Observer,
        clock: Callable[[], float],
        spread: Callable[[], float],
        queue_time: QueueTime,
        holds: Holds,
    ) -> None:
        self.servers: Servers | None = None
        self.holds = holds
        self._queue_time = queue_time
        self._delivering: Delivering | None = None
        self._writer = writer
        self._observer = observer
        self._clock = clock
        self._spread = spread
        self._loop = asyncio.get_running_loop()
        self._active_queue = ActiveQueue()
        self._loader = Loader(self._active_queue, writer, clock, self.add, observer.room)
        self._recording: set[asyncio.Task[Any]] = set()
        self._outdated: set[int] = set()  # being sent since before `suspend`
        self._senders: dict[Sender, asyncio.Task[None]] = {}
        self._changing = 0  # how many change what waits
        self._in_part: set[int] = set()  # being sent to some, while the others wait on disk
        self._idle: dict[int, deque[asyncio.Future[QueuedMail | None]]] = {}
        self._wake_up: asyncio.TimerHandle | None = None
        self._expected = 0  # mails that are about to be added
        # Mails whose content was refused for what would concern all mail; whether others were taken
        self._blamed: dict[int, bool] = {}
        self.stopping = False
        self.delivered = 0

    # -- what the rest of the daemon asks

    def suspend(self) -> None:
        """Hands out no further mail until `configure`; what is being sent goes on, and the observer
        is told that it is outdated.
        """
        self.servers = None
        self._outdated |= self._active_queue.sending
        for sender in self._senders:
            sender.index = -1  # takes no further mail
        for waiting in self._idle.values():
            _release(waiting)
        self._idle = {}

    def configure(self, delivering: Delivering) -> None:
        """Delivers by another configuration from now on; open connections end after their mail."""
        self.suspend()
        self._delivering = delivering
        now = self._loop.time()
        timing = delivering.queue
        self.servers = Servers(
            delivering.mail_servers, timing.retry_first, probe_delay(timing), now
        )
        if self.holds.queue is not None:
            self.servers.resume_hold(self.holds.queue.failure, now)
        self._note_queue_hold()
        self._blamed.clear()
        self._active_queue.configure(len(delivering.mail_servers))
        self._loader.longest_delay = max(timing.retry_max, probe_delay(timing))
        self.pump()

    @property
    def room(self) -> int:
        """How many more mails may be added: none before those on disk have come in."""
        return self._active_queue.room if self._loader.caught_up else 0

    @property
    def room_beyond(self) -> int:
        """How many may be added of lines of which there is little here."""
        return self._active_queue.room_beyond

    def room_of(self, line: Line) -> int:
        """How many of this line may be added: what is not urgent, behind what is on disk."""
        ready = line.urgent or self._loader.has_all_of(line.user)
        return self._active_queue.room_of(line) if ready else 0

    def has_few(self, line: Line) -> bool:
        """Whether there is so little of this line here that it need not wait for the others."""
        return self._active_queue.has_few(line) and self.room_of(line) > 0

    def expect(self, mails: int) -> None:
        """So many will be added when they are on disk: meanwhile connections can be opened."""
        self._expected = mails
        self.pump()

    def add(self, mails: list[QueuedMail]) -> None:
        """Mails whose deliveries are on disk and due, in order. What is held is not asked about
        again: it is left on disk.
        """
        self._expected = 0
        addresses = self.holds.addresses
        if addresses:
            mails = self._without_held(mails, addresses)
        self._active_queue.add(mails)
        if mails and len(self._blamed) == 1 and self.servers is not None:
            self.servers.ask_again(self._loop.time())  # it may be about that one mail alone
        self.pump()

    def add_new(self, mails: list[QueuedMail]) -> None:
        """As `add`, but what may have an earlier mail of its lane on disk comes in behind that."""
        if not self._loader.caught_up:
            has_all_of = self._loader.has_all_of
            mails = [mail for mail in mails if mail.lane is None or has_all_of(mail.user)]
            self._loader.room()
        self.add(mails)

    def _without_held(self, mails: list[QueuedMail], addresses: frozenset[str]) -> list[QueuedMail]:
        kept: list[QueuedMail] = []
        out: list[QueuedDelivery] = []
        for mail in mails:
            # One that was held already is the probe.
            left = [d for d in mail.deliveries if d.held or d.recipient not in addresses]
            if len(left) < len(mail.deliveries):
                out += [d for d in mail.deliveries if d not in left]
                mail = reduced(mail, left)
            if left:
                kept.append(mail)
        self._hold_on_disk(out)
        return kept

    def _hold_on_disk(self, deliveries: list[QueuedDelivery]) -> None:
        if deliveries:
            rows = [d.row for d in deliveries]
            self._in_background(self._record(partial(queue.hold, deliveries=rows)))

    def _in_background(self, work: Coroutine[Any, Any, Any]) -> None:
        task = self._loop.create_task(work)
        self._recording.add(task)
        task.add_done_callback(self._recorded)

    def _recorded(self, task: "asyncio.Task[Any]") -> None:
        self._recording.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._loop.call_exception_handler(
                {"message": "a hold could not be recorded", "exception": error, "task": task}
            )

    @property
    def in_memory(self) -> int:
        """How many mails are in the window."""
        return len(self._active_queue)

    @property
    def connections(self) -> dict[int, int]:
        """Connections by server."""
        counts: dict[int, int] = {}
        for sender in self._senders:
            counts[sender.index] = counts.get(sender.index, 0) + 1
        return counts

    @property
    def sending(self) -> frozenset[int]:
        """The mails that are being sent."""
        return self._active_queue.sending

    @asynccontextmanager
    async def changing(self, lock: asyncio.Lock) -> AsyncIterator[None]:
        """Meanwhile what waits may be changed on disk, but for what is being sent: no mail is
        handed out, none comes in until it is over, and the router's `lock` is held.
        """
        self._changing += 1
        self._loader.is_paused = True
        self.reload_waiting()
        try:
            async with lock:
                yield
        finally:
            self._changing -= 1
            self._loader.is_paused = self._changing > 0
            self.reload_waiting()

    def reload_waiting(self) -> None:
        """Deliveries on disk were changed. All that waits comes in from there, as there is room:
        so it is in order again, whatever was done to which.
        """
        self._in_part.update(self._active_queue.clear())
        self._loader.start_over()

    def retry_servers(self) -> None:
        """An administrator asks: every server is tried again at once."""
        if self.servers is not None:
            self.servers.forget(self._loop.time())
            self._note_queue_hold()
            self.pump()

    async def answer(self) -> None:
        """Returns when `run` has come round: it works."""
        await self._loader.answer()

    async def run(self) -> None:
        """Loads from disk what is due, as there is room; ends when cancelled."""
        await self._loader.run()

    async def stop(self, seconds: float) -> None:
        """Takes no further mail; finishes what is between the final dot and its reply."""
        self.stopping = True
        for waiting in self._idle.values():
            _release(waiting)
        senders = dict(self._senders)
        finishing = [task for sender, task in senders.items() if sender.after_dot]
        for sender, task in senders.items():
            if not sender.after_dot:
                task.cancel()
        if finishing:
            await asyncio.wait(finishing, timeout=seconds)
        for task in senders.values():
            task.cancel()
        await asyncio.gather(*senders.values(), return_exceptions=True)
        await asyncio.gather(*self._recording, return_exceptions=True)
        for sender in senders:
            # Of a mail beyond its final dot nobody knows whether it has arrived: it stays started.
            if sender.mail is not None and not sender.after_dot:
                await self._writer.submit(partial(queue.put_back, mail=sender.mail))

    # -- senders

    def pump(self) -> None:
        """Gives mails to connections that wait for one, and opens more where they are needed."""
        if self.servers is None or self.stopping or self._changing:
            return
        usable = self._usable(self.servers)
        for index, most in usable:
            waiting = self._idle.get(index)
            while waiting:
                future = waiting.popleft()
                if future.done():
                    continue
                mail = self.take(index)
                if mail is None:
                    waiting.appendleft(future)
                    break
                future.set_result(mail)
            wanted = self._active_queue.waiting_for(index) + self._expected
            here = [sender for sender in self._senders if sender.index == index]
            ready = sum(not sender.opened for sender in here)
            ready += sum(not future.done() for future in waiting or ())
            for _ in range(min(wanted - ready, most - len(here))):
                self._open(index)
        self._set_wake_up(usable)

    def _usable(self, servers: Servers) -> list[tuple[int, int]]:
        """Servers that may get mails now, each with how many connections in all."""
        now = self._loop.time()
        usable = servers.usable(now)
        used = [index for index, _ in usable]
        # Behind the first one in use: a server to which that one's mails were handed over.
        return usable + [
            (index, servers.states[index].most)
            for index in self._active_queue.assigned_to()
            if index not in used and servers.may_connect(index, now)
        ]

    def _set_wake_up(self, usable: list[tuple[int, int]]) -> None:
        if self._wake_up is not None:
            self._wake_up.cancel()
            self._wake_up = None
        if self.servers is None or not self._active_queue.has_waiting:
            return
        now = self._loop.time()
        times = [self.servers.rate_allows_at(index) for index, _ in usable]
        probe = self.servers.next_probe(now)
        if probe is not None:
            times.append(probe)
        times = [at for at in times if at > now]
        if times:
            self._wake_up = self._loop.call_at(min(times), self.pump)

    def _open(self, index: int) -> None:
        delivering = self._delivering
        if delivering is None:
            return
        server = delivering.mail_servers[index]
        sender = Sender(self, index, server, delivering)
        task = self._loop.create_task(sender.run())
        self._senders[sender] = task
        task.add_done_callback(lambda done: self._closed(sender, done))

    def _closed(self, sender: Sender, task: "asyncio.Task[None]") -> None:
        del self._senders[sender]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._loop.call_exception_handler(
                {"message": "a sender ended by an error", "exception": error, "task": task}
            )
            # An error of our own. What it came of may come again, so not at once.
            what = type(error).__name__
            self.connection_failed(
                sender.index,
                Failure(stage=Stage.SESSION, server=sender.address, cause="os_error", detail=what),
            )
            if sender.mail is not None and not sender.after_dot:
                self._back_in_line(sender.mail)
        self.pump()

    def connected(self, index: int) -> None:
        """The server answers."""
        if self.servers is not None and index >= 0:
            if self.servers.connected(index, self._loop.time()):
                self._observer.server_changed(self.servers.states[index], works=True)
                self._note_queue_hold()
            # When the sender has taken its mail: else one more would be opened for the same.
            self._loop.call_soon(self.pump)

    def connection_failed(self, index: int, failure: Failure) -> None:
        """The server can't be used."""
        if self.servers is None or index < 0:
            return
        self._apply_verdict(index, failure, judge(failure))
        self._active_queue.unassign(index)

    def _apply_verdict(self, index: int, failure: Failure, verdict: Verdict) -> None:
        servers = self.servers
        if servers is None:
            return
        now = self._loop.time()
        if verdict.wait:
            others = sum(s.index == index and s.opened for s in self._senders)
            servers.busy(index, failure, now, others)
        elif verdict.outcome == "held":
            if servers.mark_misconfigured(index, failure, now):
                self._observer.server_changed(servers.states[index], servers.works)
        elif servers.unreachable(index, failure, now):
            self._observer.server_changed(servers.states[index], servers.works)
        self._note_queue_hold()

    def _note_queue_hold(self) -> None:
        """The queue is held, or no longer: that outlives a restart, and nothing expires by it."""
        if self.servers is None:
            return
        failure, before = self.servers.held_by, self.holds.queue
        if failure is not None:
            self._queue_time.pause()
            if before is None:
                hold = Hold("queue", "", self._clock(), self._queue_time(), failure)
                self._put(hold)
                self._in_background(self._record(partial(held.put, hold=hold)))
        else:
            self._queue_time.resume()
            if before is not None:
                self.holds.release("queue", "")
                self._in_background(
                    self._record(partial(held.release, scope="queue", subject="", at=0.0))
                )

    def _put(self, hold: Hold) -> None:
        if self.holds.put(hold):
            self._observer.held(hold)

    def holds_on_disk(self, found: list[Hold]) -> None:
        """What was mended of the holds on disk counts; what is held by none any more is loaded."""
        queue_hold = self.holds.queue
        self.holds = Holds(hold for hold in found if hold.scope != "queue")
        if queue_hold is not None:
            self.holds.put(queue_hold)
        self.reload_waiting()

    def release_holds(self) -> None:
        """Nothing is held any more, which is on disk already: what was held is to be loaded."""
        self.holds.clear()
        self._queue_time.resume()

    def take(self, index: int) -> QueuedMail | None:
        """The next mail for this server, if there is one and it may go out now."""
        servers, now = self.servers, self._loop.time()
        if self._changing or self.stopping or index < 0 or servers is None:
            return None
        if servers.rate_allows_at(index) > now:
            return None
        in_use = any(usable == index for usable, _ in servers.usable(now))
        mail = self._active_queue.take(index, in_use=in_use)
        if mail is not None:
            servers.sends(index, now)
        return mail

    async def wait(self, index: int, at_most: float) -> QueuedMail | None:
        """The next mail, as long as an unused connection is kept; None: close it. `at_most` are the
        seconds for which it can be used yet.
        """
        if index < 0 or self.stopping or self.servers is None:
            return None
        future: asyncio.Future[QueuedMail | None] = self._loop.create_future()
        self._idle.setdefault(index, deque()).append(future)
        keep = self.servers.states[index].server.keep_idle
        if self._expected:
            keep = max(keep, LONGEST_COMMIT)
        keep = min(keep, at_most)
        timer = self._loop.call_later(keep, _release, deque((future,)))
        try:
            return await future
        finally:
            timer.cancel()

    async def start(self, mail: QueuedMail) -> float:
        """Records that the mail's content may go out; gives the time of it."""
        now = self._clock()
        await self._record(partial(queue.start, mail=mail, now=now))
        return now

    async def _record(self, operation: Operation[T]) -> T:
        """What is sent must be recorded: where the disk is full, delivery waits until it isn't."""
        while True:
            try:
                return await self._writer.submit(operation, essential=True)
            except DiskFullError:
                await asyncio.sleep(DISK_FULL_PAUSE)

    async def put_back(self, mail: QueuedMail, *, started: bool) -> None:
        """The connection was lost before anything of the mail's content was sent."""
        if started:
            await self.not_started(mail)
        self._back_in_line(mail)

    def _back_in_line(self, mail: QueuedMail) -> None:
        if mail.row in self._outdated:
            self._leave(mail, deferred=True)
        else:
            self._active_queue.put_back(mail)

    async def not_started(self, mail: QueuedMail) -> None:
        """Takes back `start`: nothing of the content was sent, and the mail stays in hand."""
        await self._record(partial(queue.put_back, mail=mail))

    async def finish(
        self,
        sender: Sender,
        mail: QueuedMail,
        answers: Answers,
        started: float,
        upcoming: QueuedMail | None,
    ) -> float:
        """Records what came of `mail`, and the start of `upcoming`; gives the time of it."""
        index = sender.index
        delivering = self._delivering
        assert delivering is not None  # noqa: S101 - there is no sender without
        now, at = self._clock(), self._queue_time()
        other = self._other_server(index, mail)
        attempt = AttemptContext(
            server=sender.address,
            started=started or now,
            ended=now,
            spread=self._spread(),
            other_server=other is not None,
            overdue=mail.queued <= self._queue_time.since(delivering.queue.expire),
            held=self.holds.addresses,
            language=delivering.language,
            others_taken=self._blamed.get(mail.row, False),
        )
        concluded = next_state(mail, answers, attempt, delivering.queue)
        if mail.row in self._outdated:
            concluded = [_to_be_made_anew(each) for each in concluded]
        attempted = [each.attempted for each in concluded]
        new_holds = self._new_holds(mail, concluded, now, at)
        over = self._released(mail, concluded)

        def record(db: apsw.Connection) -> list[StoredEvent]:
            ended = queue.finish(db, mail, attempted, at)
            for hold in new_holds:
                held.put(db, hold)
            for hold in over:
                held.release(db, hold.scope, hold.subject, at)
            if upcoming is not None:
                queue.start(db, upcoming, now)
            return ended

        ended = await self._record(record)
        if ended:
            self._observer.events_ended(ended)
        for each in concluded:
            one, verdict = each.attempted, each.verdict
            answer = answers[one.delivery.recipient]
            if isinstance(answer, Reply):
                self.delivered += 1
                self._blamed.update((row, True) for row in self._blamed if row != mail.row)
            elif is_of_us_by_content(answer, verdict):
                self._blamed.setdefault(mail.row, False)
            self._update_server(sender, answer, verdict)
            self._observer.attempted(mail, one, verdict)
        if mail.row in self._outdated:  # since it was sent, perhaps: it counts for nothing else
            self._leave(mail, deferred=True)
            return now
        for hold in new_holds:
            self._put(hold)
            if hold.scope == "address":
                self._hold_on_disk(self._active_queue.without(hold.subject))
        for hold in over:
            self.holds.release(hold.scope, hold.subject)
        if over:
            self.reload_waiting()
        waiting = [each.verdict for each in concluded if each.attempted.state == "waiting"]
        if any(verdict and (verdict.again or not verdict.fails_over) for verdict in waiting):
            other = None
        self._settle(mail, concluded, other, sender)
        return now

    def _new_holds(
        self, mail: QueuedMail, concluded: list[NextState], now: float, at: float
    ) -> list[Hold]:
        holds = []
        for each in concluded:
            if each.holds is not None and each.failure is not None:
                recipient = each.attempted.delivery.recipient
                subject = recipient if each.holds == "address" else str(mail.row)
                holds.append(Hold(each.holds, subject, now, at, each.failure))
        return holds

    def _released(self, mail: QueuedMail, concluded: list[NextState]) -> list[Hold]:
        """The holds that a probe has ended."""
        over = []
        for each in concluded:
            delivery = each.attempted.delivery
            if not delivery.held or each.holds is not None or each.attempted.state == "waiting":
                continue
            for hold in (
                self.holds.get("address", delivery.recipient), self.holds.get("mail", str(mail.row))
            ):  # fmt: skip
                if hold is not None and hold not in over:
                    over.append(hold)
        return over

    def _update_server(
        self, sender: Sender, answer: Reply | Failure, verdict: Verdict | None
    ) -> None:
        """What an answer to a mail says of the server itself."""
        index, servers = sender.index, self.servers
        if index < 0 or servers is None:
            return
        if verdict is None or verdict.scope in (Scope.MESSAGE, Scope.RECIPIENT):
            if servers.took_mail(index, self._loop.time()):
                self._observer.server_changed(servers.states[index], works=True)
                self._note_queue_hold()
        elif isinstance(answer, Failure) and (verdict.wait or verdict.outcome == "held"):
            if verdict.wait:
                sender.index = -1  # fewer connections: this one takes no further mail
            self._apply_verdict(index, answer, verdict)

    def _settle(
        self, mail: QueuedMail, concluded: list[NextState], other: int | None, sender: Sender
    ) -> None:
        """Where the mail goes after its outcome is on disk: out of memory, or back in line."""
        attempted = [each.attempted for each in concluded]
        deferred = {a.delivery.recipient for a in attempted if a.is_retried}
        if deferred:
            self._active_queue.let_wait(mail, deferred)
        again = [
            a.delivery._replace(attempts=a.delivery.attempts + 1)
            for a in attempted
            if a.state == "waiting"
        ]
        alone = mail.one_by_one
        if any(each.alone for each in concluded):
            # By the same server: it was said there.
            again, alone, other = again[:1], (*again[1:], *alone), None
        if not again and alone:
            again, alone, other = [alone[0]], alone[1:], None
        if not again:
            self._leave(mail, deferred=any(a.state in ("deferred", "held") for a in attempted))
            return
        rest = replace(reduced(mail, again), one_by_one=alone)
        if mail.whole and not alone and len(again) == len(attempted):
            rest = replace(rest, whole=True)
        if other is not None and sender.index >= 0:
            self._active_queue.reassign(rest, sender.index, other)
        else:
            self._active_queue.put_back(rest)
        self.pump()

    def _leave(self, mail: QueuedMail, *, deferred: bool) -> None:
        """A mail goes out of memory: it has ended, or it is to be loaded again some day."""
        self._blamed.pop(mail.row, None)
        if mail.row in self._outdated:
            self._outdated.discard(mail.row)
            self._active_queue.set_down(
                mail.row
            )  # until it is made anew, none of its lane passes it
            self._observer.outdated(mail)
        else:
            self._active_queue.remove(mail.row)
            if mail.row in self._in_part:
                self._in_part.discard(mail.row)
                self.reload_waiting()
        self._loader.room()
        if deferred or mail.lane is not None:
            self._loader.deferred()
        self._observer.room()

    def _other_server(self, index: int, mail: QueuedMail) -> int | None:
        """The next server, in order, that was not tried in this round and may be connected to."""
        if self.servers is None or index < 0:
            return None
        now = self._loop.time()
        tried = self._active_queue.tried(mail.row)
        for other in range(len(self.servers.states)):
            if other != index and other not in tried and self.servers.may_connect(other, now):
                return other
        return None


def _to_be_made_anew(each: NextState) -> NextState:
    """By today's configuration, whatever the server of another one had against it."""
    attempted = each.attempted
    if attempted.outcome in ("delivered", "unknown"):
        return each
    attempted = attempted._replace(state="waiting", next_attempt=None)
    return replace(each, attempted=attempted, holds=None, alone=False)


def _release(waiting: "deque[asyncio.Future[QueuedMail | None]]") -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
