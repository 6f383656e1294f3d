"""Which mail goes out next, by which server: the part of the queue that is in memory.

Mails come from the router as they are made, and from disk: after a start, when a retry is due, when
an administrator asks. In memory is a window of bounded size; what doesn't fit stays on disk, in
order. Every mail in memory is in exactly one of: `_ready` (for the server in use), `_handover[i]`
(for server i, since one before it said later), or the hands of a sender.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import apsw

from zaiond.config.schema import MailServer, Queue
from zaiond.daemon.outcome import Attempt, conclude
from zaiond.daemon.sender import Answers, Sender
from zaiond.daemon.servers import Servers, ServerState
from zaiond.errors import DiskFullError
from zaiond.net.tls import TlsContexts
from zaiond.smtp.reply import Reply
from zaiond.smtp.verdict import Failure, Scope, Verdict, judge
from zaiond.store import queue
from zaiond.store.events import StoredEvent
from zaiond.store.queue import Attempted, QueuedMail
from zaiond.store.writer import Operation, Writer
from zaiond.text import Language

WINDOW_MAILS = 1000
WINDOW_BYTES = 16 * 1024 * 1024
DISK_FULL_PAUSE = 5.0  # seconds until what could not be recorded is recorded

T = TypeVar("T")


@dataclass(slots=True)
class Delivering:
    """A configuration's part that delivers."""

    mail_servers: tuple[MailServer, ...]
    queue: Queue
    helo_name: str
    language: Language
    tls: TlsContexts = field(default_factory=TlsContexts)


class Observer:
    """Who is told of what happens; each method may be overridden."""

    def events_ended(self, ended: list[StoredEvent]) -> None:
        """All deliveries of these events have ended, and that is on disk."""

    def room(self) -> None:
        """There is room for more mails."""

    def attempted(self, mail: QueuedMail, attempted: Attempted, verdict: Verdict | None) -> None:
        """An attempt's outcome is on disk."""

    def server_changed(self, state: ServerState, works: bool) -> None:
        """A server went out of use, or came back; `works`: mail can go out by some server."""


class Dispatcher:
    """Hands mails to senders, and what became of them to the disk.

    `clock` gives seconds since the epoch, `spread` random numbers from 0 to 1.
    """

    def __init__(
        self,
        writer: Writer,
        observer: Observer,
        clock: Callable[[], float],
        spread: Callable[[], float],
    ) -> None:
        self.servers: Servers | None = None
        self._delivering: Delivering | None = None
        self._writer = writer
        self._observer = observer
        self._clock = clock
        self._spread = spread
        self._loop = asyncio.get_running_loop()
        self._ready: deque[QueuedMail] = deque()
        self._handover: list[deque[QueuedMail]] = []
        self._in_memory: dict[int, QueuedMail] = {}
        self._bytes = 0
        self._sending: set[int] = set()
        self._apart: set[int] = set()  # being changed on disk
        self._tried: dict[int, set[int]] = {}
        self._senders: dict[Sender, asyncio.Task[None]] = {}
        self._idle: dict[int, deque[asyncio.Future[QueuedMail | None]]] = {}
        self._sent_at: list[deque[float]] = []
        self._wake_up: asyncio.TimerHandle | None = None
        self._load = asyncio.Event()
        self._came_round = asyncio.Event()
        self._on_disk = True  # deliveries that wait may be on disk and not in memory
        self._starved = False  # something due waits for room, or for its message to come back
        self._loaded_through = 0
        self._stopping = False
        self.delivered = 0

    # -- what the rest of the daemon asks

    def configure(self, delivering: Delivering) -> None:
        """Delivers by another configuration from now on; open connections end after their mail."""
        self._delivering = delivering
        now = self._loop.time()
        self.servers = Servers(
            delivering.mail_servers, delivering.queue.retry_first, delivering.queue.retry_max, now
        )
        for handed in self._handover:
            self._ready.extendleft(reversed(handed))
        self._handover = [deque() for _ in delivering.mail_servers]
        self._sent_at = [deque() for _ in delivering.mail_servers]
        self._tried.clear()
        for sender in self._senders:
            sender.index = -1  # takes no further mail
        for waiting in self._idle.values():
            _release(waiting)
        self._idle = {}
        self.pump()

    @property
    def room(self) -> int:
        """How many more mails fit into the window."""
        if self._bytes >= WINDOW_BYTES or self._on_disk:
            return 0
        return max(0, WINDOW_MAILS - len(self._in_memory))

    def add(self, mails: list[QueuedMail]) -> None:
        """Mails whose deliveries are on disk and due, in order."""
        for mail in mails:
            self._in_memory[mail.row] = mail
            self._bytes += len(mail.message.content)
        self._ready.extend(mails)
        self.pump()

    @property
    def connections(self) -> dict[int, int]:
        """Connections by server."""
        counts: dict[int, int] = {}
        for sender in self._senders:
            counts[sender.index] = counts.get(sender.index, 0) + 1
        return counts

    @contextmanager
    def apart(self, rows: Iterable[int]) -> Iterator[list[int]]:
        """Keeps mails out of memory while they are changed on disk; gives the rows of those that
        may be changed: none that is in the hands of a sender, or being changed already. What is
        left to be sent of them afterwards comes in by `reload_waiting`, or when it is due.
        """
        free = [row for row in rows if row not in self._sending and row not in self._apart]
        self._apart.update(free)
        for waiting in (self._ready, *self._handover):
            kept = [mail for mail in waiting if mail.row not in self._apart]
            if len(kept) != len(waiting):
                waiting.clear()
                waiting.extend(kept)
        for row in free:
            self._drop(row)
        try:
            yield free
        finally:
            self._apart.difference_update(free)
            self._load.set()

    def reload_waiting(self) -> None:
        """Deliveries on disk were made due: load them, as there is room."""
        self._on_disk = True
        self._loaded_through = 0
        self._load.set()

    def retry_servers(self) -> None:
        """An administrator asks: every server is tried again at once."""
        if self._delivering is not None:
            now = self._loop.time()
            timing = self._delivering.queue
            self.servers = Servers(
                self._delivering.mail_servers, timing.retry_first, timing.retry_max, now
            )
            self.pump()

    async def answer(self) -> None:
        """Returns when `run` has come round: it works."""
        self._came_round.clear()
        self._load.set()
        await self._came_round.wait()

    async def run(self) -> None:
        """Loads from disk what is due, as there is room; ends when cancelled."""
        while True:
            self._load.clear()
            await self._load_once()
            self._came_round.set()
            if self._load.is_set():
                continue
            next_due = await self._writer.submit(queue.next_due)
            timeout = None
            if next_due is not None and not self._starved:
                timeout = max(0.0, next_due - self._clock())
            try:
                await asyncio.wait_for(self._load.wait(), timeout)
            except TimeoutError:
                continue

    async def stop(self, seconds: float) -> None:
        """Takes no further mail; finishes what is between the final dot and its reply."""
        self._stopping = True
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
        for sender in senders:
            # Of a mail beyond its final dot nobody knows whether it has arrived: it stays started.
            if sender.mail is not None and not sender.after_dot:
                await self._writer.submit(partial(queue.put_back, mail=sender.mail))

    # -- loading

    async def _load_once(self) -> None:
        room = WINDOW_MAILS - len(self._in_memory)
        if room <= 0 or self._bytes >= WINDOW_BYTES:
            self._starved = True
            return
        now = self._clock()
        rows = await self._writer.submit(partial(queue.due, now=now, limit=room))
        self._starved = not all(map(self._may_load, rows))
        if self._on_disk and len(rows) < room:
            found = await self._writer.submit(
                partial(queue.waiting, after=self._loaded_through, limit=room - len(rows))
            )
            if found:
                self._loaded_through = found[-1]
                self._load.set()
            else:
                self._on_disk = False
                self._observer.room()
            rows += found
        wanted = [row for row in dict.fromkeys(rows) if self._may_load(row)]
        if wanted:
            mails = await self._writer.submit(partial(queue.load, messages=wanted, due_by=now))
            self.add([mail for mail in mails if self._may_load(mail.row)])

    def _may_load(self, row: int) -> bool:
        return row not in self._in_memory and row not in self._apart

    # -- senders

    def pump(self) -> None:
        """Gives mails to connections that wait for one, and opens more where they are needed."""
        if self.servers is None or self._stopping:
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
            wanted = len(self._ready) + len(self._handover[index])
            here = [sender for sender in self._senders if sender.index == index]
            opening = sum(not sender.opened for sender in here)
            for _ in range(min(wanted - opening, most - len(here))):
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
            for index, handed in enumerate(self._handover)
            if handed and index not in used and servers.may_connect(index, now)
        ]

    def _set_wake_up(self, usable: list[tuple[int, int]]) -> None:
        if self._wake_up is not None:
            self._wake_up.cancel()
            self._wake_up = None
        if self.servers is None or not (self._ready or any(self._handover)):
            return
        now = self._loop.time()
        times = [self._rate_allows_at(index) for index, _ in usable]
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
        sender = Sender(self, index, server, delivering.helo_name, delivering.tls)
        task = self._loop.create_task(sender.run())
        self._senders[sender] = task
        task.add_done_callback(lambda done: self._closed(sender, done))

    def _closed(self, sender: Sender, task: "asyncio.Task[None]") -> None:
        del self._senders[sender]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._loop.call_exception_handler(
                {"message": "a sender ended by an error", "exception": error, "task": task}
            )
        self.pump()

    def connected(self, index: int) -> None:
        """The server answers."""
        if self.servers is not None and index >= 0:
            if self.servers.connected(index, self._loop.time()):
                self._observer.server_changed(self.servers.states[index], works=True)
            # When the sender has taken its mail: else one more would be opened for the same.
            self._loop.call_soon(self.pump)

    def connection_failed(self, index: int, failure: Failure) -> None:
        """The server can't be used."""
        if self.servers is None or index < 0:
            return
        self._rule_on_server(index, failure, judge(failure))
        # What was handed to this server waits for its turn like all else.
        handed = self._handover[index]
        self._ready.extendleft(reversed(handed))
        handed.clear()

    def _rule_on_server(self, index: int, failure: Failure, verdict: Verdict) -> None:
        servers = self.servers
        if servers is None:
            return
        now = self._loop.time()
        if verdict.wait:
            others = sum(s.index == index and s.opened for s in self._senders)
            servers.busy(index, failure, now, others)
        elif verdict.outcome == "held":
            if servers.at_fault(index, failure, now):
                self._observer.server_changed(servers.states[index], servers.works)
        elif servers.unreachable(index, failure, now):
            self._observer.server_changed(servers.states[index], servers.works)

    def take(self, index: int) -> QueuedMail | None:
        """The next mail for this server, if there is one and it may go out now."""
        if self._stopping or index < 0 or self.servers is None:
            return None
        if self._rate_allows_at(index) > self._loop.time():
            return None
        handed = self._handover[index]
        if handed:
            mail = handed.popleft()
        elif self._ready and any(i == index for i, _ in self.servers.usable(self._loop.time())):
            mail = self._ready.popleft()
        else:
            return None
        self._sending.add(mail.row)
        if self.servers.states[index].server.rate is not None:
            self._sent_at[index].append(self._loop.time())
        return mail

    def _rate_allows_at(self, index: int) -> float:
        """When the next mail may go out by this server (`rate`), on the loop's clock."""
        if self.servers is None:
            return 0.0
        rate = self.servers.states[index].server.rate
        sent = self._sent_at[index]
        if rate is None or len(sent) < rate.count:
            return 0.0
        while len(sent) > rate.count:
            sent.popleft()
        return sent[0] + rate.seconds

    async def wait(self, index: int) -> QueuedMail | None:
        """The next mail, as long as an unused connection is kept; None: close it."""
        if index < 0 or self._stopping or self.servers is None:
            return None
        future: asyncio.Future[QueuedMail | None] = self._loop.create_future()
        self._idle.setdefault(index, deque()).append(future)
        keep = self.servers.states[index].server.keep_idle
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
            await self._record(partial(queue.put_back, mail=mail))
        self._sending.discard(mail.row)
        self._ready.appendleft(mail)

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
        now = self._clock()
        other = self._other_server(index, mail)
        attempt = Attempt(
            server=sender.address,
            started=started or now,
            ended=now,
            spread=self._spread(),
            other_server=other is not None,
            language=delivering.language,
        )
        concluded = list(conclude(mail, answers, attempt, delivering.queue))
        attempted = [one for one, _ in concluded]

        def record(db: apsw.Connection) -> list[StoredEvent]:
            ended = queue.finish(db, mail, attempted)
            if upcoming is not None:
                queue.start(db, upcoming, now)
            return ended

        ended = await self._record(record)
        if ended:
            self._observer.events_ended(ended)
        self._sending.discard(mail.row)
        for one, verdict in concluded:
            answer = answers[one.delivery.recipient]
            if isinstance(answer, Reply):
                self.delivered += 1
            self._heed(sender, answer, verdict)
            self._observer.attempted(mail, one, verdict)
        if any(verdict is not None and verdict.wait for _, verdict in concluded):
            other = None
        self._settle(mail, attempted, other, index)
        return now

    def _heed(self, sender: Sender, answer: Reply | Failure, verdict: Verdict | None) -> None:
        """What an answer to a mail says of the server itself."""
        index, servers = sender.index, self.servers
        if index < 0 or servers is None:
            return
        if verdict is None or verdict.scope in (Scope.MESSAGE, Scope.RECIPIENT):
            if servers.took_mail(index, self._loop.time()):
                self._observer.server_changed(servers.states[index], works=True)
        elif isinstance(answer, Failure) and (verdict.wait or verdict.outcome == "held"):
            if verdict.wait:
                sender.index = -1  # fewer connections: this one takes no further mail
            self._rule_on_server(index, answer, verdict)

    def _settle(
        self,
        mail: QueuedMail,
        attempted: list[Attempted],
        other: int | None,
        index: int,
    ) -> None:
        """Where the mail goes after its outcome is on disk: out of memory, or back in line."""
        again = [a for a in attempted if a.state == "waiting"]
        if not again:
            self._drop(mail.row)
            if any(a.state in ("deferred", "held") for a in attempted):
                self._load.set()
            return
        deliveries = tuple(a.delivery._replace(attempts=a.delivery.attempts + 1) for a in again)
        rest = replace(
            mail,
            deliveries=deliveries,
            message=replace(mail.message, recipients=tuple(d.recipient for d in deliveries)),
            whole=mail.whole and len(again) == len(attempted),
        )
        self._in_memory[mail.row] = rest
        if other is not None and other < len(self._handover):
            self._tried.setdefault(mail.row, set()).add(index)
            self._handover[other].append(rest)
        else:
            self._ready.appendleft(rest)
        self.pump()

    def _other_server(self, index: int, mail: QueuedMail) -> int | None:
        """The next server, in order, that was not tried in this round and may be connected to."""
        if self.servers is None or index < 0:
            return None
        now = self._loop.time()
        tried = self._tried.get(mail.row, set())
        for other in range(len(self.servers.states)):
            if other != index and other not in tried and self.servers.may_connect(other, now):
                return other
        return None

    def _drop(self, row: int) -> None:
        mail = self._in_memory.get(row)
        if mail is None:
            return
        was_half_empty = self._is_half_empty()
        del self._in_memory[row]
        self._tried.pop(row, None)
        self._bytes -= len(mail.message.content)
        if self._on_disk or self._starved:
            self._load.set()
        # Not at each one that leaves: what is routed together costs one transaction.
        if not self._on_disk and not was_half_empty and self._is_half_empty():
            self._observer.room()

    def _is_half_empty(self) -> bool:
        return len(self._in_memory) <= WINDOW_MAILS // 2 and self._bytes <= WINDOW_BYTES // 2


def _release(waiting: "deque[asyncio.Future[QueuedMail | None]]") -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
