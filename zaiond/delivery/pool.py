"""The connections to the servers of a transport: how many to which, who gets the next mail, which
of them waits.

Each connection is a Sender's. What the servers' answers mean for the servers is kept by Servers.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from zaiond.config.schema import Queue
from zaiond.delivery.active_queue import ActiveQueue
from zaiond.delivery.ledger import Ledger
from zaiond.delivery.outcome import probe_delay
from zaiond.delivery.sender import Outcomes, Sender
from zaiond.delivery.servers import Servers, ServerState
from zaiond.delivery.transport import Transport
from zaiond.model import QueuedMail
from zaiond.smtp.syntax import Reply
from zaiond.smtp.verdict import Failure, Scope, Stage, Verdict, judge

LONGEST_COMMIT = 1.0  # seconds that a connection waits for a mail that is being put on disk


class Pool:
    """`servers` is None where none is to be used: there is no configuration, or it is suspended.
    While it `is_paused`, no mail is handed out. `unknown` are the mails whose sender was stopped
    between their final dot and its reply: nobody knows whether they have arrived. `changed` is told
    as the Observer's `server_changed`; `holds_queue`: where no server can be used until somebody
    mends something, all mail is held.
    """

    def __init__(
        self,
        active_queue: ActiveQueue,
        ledger: Ledger,
        changed: Callable[[ServerState, bool], None],
        outcomes: Outcomes,
        *,
        holds_queue: bool = True,
    ) -> None:
        self.servers: Servers | None = None
        self.is_paused = False
        self.stopping = False
        self.unknown: list[int] = []
        self._active_queue = active_queue
        self._ledger = ledger
        self._server_changed, self._holds_queue = changed, holds_queue
        self._outcomes = outcomes
        self._loop = asyncio.get_running_loop()
        self._senders: dict[Sender, asyncio.Task[None]] = {}
        self._idle: dict[Sender, asyncio.Future[QueuedMail | None]] = {}
        self._announced = 0  # mails that are about to be added
        self._wake_up: asyncio.TimerHandle | None = None
        self._transport: Transport

    def suspend(self) -> None:
        """Connections take no further mail, and none is opened until `configure`."""
        self.servers = None
        for sender in self._senders:
            sender.index = -1
        self._release()

    def configure(self, transport: Transport, timing: Queue) -> None:
        """Connects to the servers of this transport from now on."""
        self._transport, now = transport, self._loop.time()
        servers, first = transport.servers, timing.retry_first
        self.servers = Servers(servers, first, probe_delay(timing), now)
        hold = self._ledger.holds.queue
        if hold is not None and self._holds_queue:
            self.servers.resume_hold(hold.failure, now)
        self._hold_queue(self.servers)
        self.pump()

    def _hold_queue(self, servers: Servers) -> None:
        if self._holds_queue:
            self._ledger.hold_queue(servers.held_by)

    def announce(self, mails: int) -> int:
        """So many will be added when they are on disk: meanwhile connections can be opened. Gives
        how many are open and would take one at once.
        """
        self._announced = mails
        self.pump()
        servers, now = self.servers, self._loop.time()
        if not mails or servers is None or self.stopping or self.is_paused:
            return 0
        usable = [i for i, _ in servers.usable(now) if servers.rate_allows_at(i) <= now]
        return sum(sender.index in usable and not f.done() for sender, f in self._idle.items())

    def ask_again(self) -> None:
        """There is reason to doubt that a server is at fault."""
        if self.servers is not None:
            self.servers.ask_again(self._loop.time())

    def retry_servers(self) -> None:
        """An administrator asks: every server is tried again at once."""
        if self.servers is not None:
            self.servers.forget(self._loop.time())
            self._hold_queue(self.servers)
            self.pump()

    def probe(self, index: int) -> None:
        """Looks without a mail whether a server can be used, if its time has come."""
        servers, now = self.servers, self._loop.time()
        if servers is None or self.stopping or self.is_paused or self.connections[index]:
            return
        if servers.may_connect(index, now):
            self._open(index)

    @property
    def connections(self) -> Counter[int]:
        """Connections by server."""
        return Counter(sender.index for sender in self._senders)

    def other(self, index: int, mail: QueuedMail) -> int | None:
        """Another server than `index` that can be tried at once."""
        if self.servers is None or index < 0:
            return None
        tried = self._active_queue.tried(mail.row)
        return self.servers.other(index, tried, self._loop.time())

    # -- who gets a mail

    def pump(self) -> None:
        """Gives mails to connections that wait for one, and opens more where they are needed."""
        if self.servers is None or self.stopping or self.is_paused:
            return
        usable = self._usable(self.servers)
        for index, most in usable:
            here = [sender for sender in self._senders if sender.index == index]
            ready = sum(not sender.opened for sender in here) + self._hand_out(index)
            wanted = self._active_queue.waiting_for(index) + self._announced - ready
            for _ in range(min(wanted, most - len(here))):
                self._open(index)
        self._set_wake_up(self.servers, usable)

    def _usable(self, servers: Servers) -> list[tuple[int, int]]:
        """Servers that may get mails now, each with how many connections in all."""
        now = self._loop.time()
        usable = dict(servers.usable(now))
        # Behind the first one in use: a server to which that one's mails were handed over.
        for index in self._active_queue.assigned_to():
            if index not in usable and servers.may_connect(index, now):
                usable[index] = servers.states[index].most
        return list(usable.items())

    def _hand_out(self, index: int) -> int:
        """Gives mails to connections that wait for one; how many wait yet."""
        waiting = [f for s, f in self._idle.items() if s.index == index and not f.done()]
        for number, future in enumerate(waiting):
            mail = self.take(index)
            if mail is None:
                return len(waiting) - number
            future.set_result(mail)
        return 0

    def _set_wake_up(self, servers: Servers, usable: list[tuple[int, int]]) -> None:
        if self._wake_up is not None:
            self._wake_up.cancel()
            self._wake_up = None
        if not self._active_queue.has_waiting:
            return
        now = self._loop.time()
        times = [servers.rate_allows_at(index) for index, _ in usable]
        times.append(servers.next_probe(now) or 0.0)
        times = [at for at in times if at > now]
        if times:
            self._wake_up = self._loop.call_at(min(times), self.pump)

    def take(self, index: int) -> QueuedMail | None:
        """The next mail for this server, if there is one and it may go out now."""
        servers, now = self.servers, self._loop.time()
        if self.is_paused or self.stopping or index < 0 or servers is None:
            return None
        if servers.rate_allows_at(index) > now:
            return None
        in_use = index in dict(servers.usable(now))
        mail = self._active_queue.take(index, in_use=in_use)
        if mail is not None:
            servers.sends(index, now)
        return mail

    async def wait(self, sender: Sender, at_most: float) -> QueuedMail | None:
        """The next mail, as long as an unused connection is kept; None: close it. `at_most` are the
        seconds for which it can be used yet.
        """
        if sender.index < 0 or self.stopping or self.servers is None:
            return None
        keep = self.servers.states[sender.index].server.keep_idle
        if self._announced:
            keep = max(keep, LONGEST_COMMIT)
        future: asyncio.Future[QueuedMail | None] = self._loop.create_future()
        self._idle[sender] = future
        timer = self._loop.call_later(min(keep, at_most), _give_none, future)
        try:
            return await future
        finally:
            timer.cancel()
            del self._idle[sender]

    def _release(self) -> None:
        for future in self._idle.values():
            _give_none(future)

    # -- connections

    def _open(self, index: int) -> None:
        transport = self._transport
        address = transport.servers[index].address
        sender = Sender(self, self._outcomes, index, address, transport.open[index])
        task = self._senders[sender] = self._loop.create_task(sender.run())
        task.add_done_callback(lambda done: self._ended(sender, done))

    def _ended(self, sender: Sender, task: "asyncio.Task[None]") -> None:
        del self._senders[sender]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._loop.call_exception_handler(
                {"message": "a sender ended by an error", "exception": error, "task": task}
            )
            # An error of our own. What it came of may come again, so not at once.
            what = type(error).__name__
            failure = Failure.of(Stage.SESSION, sender.address, "os_error", detail=what)
            self.connection_failed(sender.index, failure)
            self._ledger.in_background(self._take_from(sender, failure))
        elif sender.mail is not None and sender.after_dot:
            self.unknown.append(sender.mail.row)
        self.pump()

    async def _take_from(self, sender: Sender, failure: Failure) -> None:
        """The mails in the hands of a sender that failed so are tried again; one that may have
        arrived is, as if the connection had been lost.
        """
        mail = sender.mail
        sender.index = -1  # its server has been told of; the configuration may change meanwhile
        if sender.upcoming is not None:
            await self._outcomes.put_back(sender.upcoming)
        if mail is not None and (not sender.after_dot or self._transport.repeats):
            await self._outcomes.put_back(mail)
        elif mail is not None and mail.started is not None:  # else its outcome is on disk
            unanswered = replace(failure, stage=Stage.CONTENT)
            answers = dict.fromkeys(mail.message.recipients, unanswered)
            await self._outcomes.finish(sender, mail, answers, None)
        self.pump()

    async def stop(self, seconds: float) -> None:
        """Ends all; waits so long for what is between the final dot and its reply."""
        self.stopping = True
        self._release()
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

    # -- what is said of servers

    def connected(self, index: int) -> None:
        """The server let us in."""
        if self.servers is not None and index >= 0:
            if self.servers.connected(index, self._loop.time()):
                self._changed(self.servers, index)
            # When the sender has taken its mail: else one more would be opened for the same.
            self._loop.call_soon(self.pump)

    def connection_failed(self, index: int, failure: Failure) -> None:
        """The server can't be used."""
        if self.servers is not None and index >= 0:
            self._failed(self.servers, index, failure, judge(failure))
            self._active_queue.unassign(index)

    def learn(
        self, sender: Sender, mail: int, answer: Reply | Failure, verdict: Verdict | None
    ) -> None:
        """What an answer to a mail (its row) says of the server itself."""
        index, servers = sender.index, self.servers
        if index < 0 or servers is None:
            return
        if verdict is None:
            servers.delivered(mail)
        elif isinstance(answer, Failure) and _may_be_of_all(verdict, mail, servers.last_taken):
            servers.refused(index, answer, self._loop.time())
        if verdict is None or verdict.scope in (Scope.MESSAGE, Scope.RECIPIENT):
            if servers.took_mail(index, self._loop.time()):
                self._changed(servers, index)
        elif isinstance(answer, Failure) and (verdict.wait or verdict.outcome == "held"):
            if verdict.wait:
                sender.index = -1  # fewer connections: this one takes no further mail
            self._failed(servers, index, answer, verdict)

    def _failed(self, servers: Servers, index: int, failure: Failure, verdict: Verdict) -> None:
        others = sum(sender.index == index and sender.opened for sender in self._senders)
        if servers.failed(index, failure, verdict, self._loop.time(), others):
            self._changed(servers, index)
        else:
            self._hold_queue(servers)

    def _changed(self, servers: Servers, index: int) -> None:
        self._server_changed(servers.states[index], servers.any_usable)
        self._hold_queue(servers)


def _may_be_of_all(verdict: Verdict, mail: int, last_taken: int) -> bool:
    """Whether what became of a mail may become of all: a filter behind the server that is out of
    order says "later" to each at its end. If newer ones are taken all the same, it is the mail's.
    """
    if mail <= last_taken:
        return False
    return verdict.scope is Scope.SERVER or (
        verdict.scope is Scope.MESSAGE and verdict.outcome != "held"
    )


def _give_none(future: "asyncio.Future[QueuedMail | None]") -> None:
    if not future.done():
        future.set_result(None)
