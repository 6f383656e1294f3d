"""The daemon's delivering half, on a real store, towards whatever servers a test has."""

import asyncio
import itertools
import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from tests.support.queries import histories
from tests.support.scripted_server import Peer, ScriptedServer
from tests.support.sink import Sink
from tests.support.store import Notes, Store, event
from zaiond.clock import LONGEST_STEP, Kept, QueueTime
from zaiond.config.schema import Config, MailServer, Queue, RouteDefaults
from zaiond.daemon.documents import Present
from zaiond.delivery.mail_maker import MailMaker
from zaiond.delivery.outbound import Outbound
from zaiond.delivery.outcome import NextState
from zaiond.delivery.queue_admin import Changed
from zaiond.delivery.sender import Sender
from zaiond.delivery.servers import ServerState
from zaiond.holds import Hold
from zaiond.model import URGENT, AttemptResult, QueuedMail, StoredEvent, Usage
from zaiond.net.context import ConnectionContext
from zaiond.net.machine import MachineNames, Names
from zaiond.oauth.tokens import Tokens
from zaiond.routing.decision import ByItself
from zaiond.store import events, groups, holds, meta, queue
from zaiond.store.members import add_usage
from zaiond.store.turns import Turns
from zaiond.store.writer import Writer
from zaiond.text import Language

QUICK = Queue(retry_first=0.02, retry_max=0.05)
PATIENT = Queue(retry_first=3600.0, retry_max=7200.0)
SOON = 20.0  # seconds; a bound for what hangs, not a target


def server(port: int, **settings: Any) -> MailServer:
    """A mail server's settings."""
    given: dict[str, Any] = {"timeout": 5.0, "keep_idle": 0.05, "helo_name": "client.example"}
    return MailServer(host="127.0.0.1", port=port, security="none", **{**given, **settings})


def connection_context(**given: Any) -> ConnectionContext:
    """What connections share; this machine is called `host.example`."""

    return ConnectionContext(**{"tokens": Tokens(), "names": Named().current, **given})


def configuration(*servers: MailServer, **settings: Any) -> Config:
    """A configuration with these servers, and without a limit of mails an hour."""
    given: dict[str, Any] = {"sender": "zaionnex", "admins": ("a@x.example",), "queue": PATIENT}
    given["route_defaults"] = RouteDefaults(max_mails=None)
    return Config(
        mail_server=servers[0], fallback_mail_servers=servers[1:], **{**given, **settings}
    )


def mails(server: ScriptedServer) -> list[str]:
    """The ids of the events whose mails a server got to their final dot, in order."""
    found = (re.findall(rb"Zaiond-Event: (\S+)", content) for peer in server.peers
             for content in peer.contents)  # fmt: skip
    return [id_.decode() for ids in found for id_ in ids]


def last_line(peer: Peer) -> str:
    """The command that is being answered."""
    return peer.said.rstrip(b"\r\n").rpartition(b"\r\n")[2].decode()


class Post:
    """The delivering half at work in a directory, which tells this of what becomes of mails."""

    def __init__(
        self, state: Path, config: Config | None = None, language: Language = "en"
    ) -> None:
        self.store = Store(state)
        self.fatal: list[Exception] = []
        self.ahead = 0.0  # of the real time
        self.served = 0.0  # beyond the real time
        self.queue_time = QueueTime(time.monotonic, Kept())
        self.holds: list[Hold] = []
        self.by_itself: list[ByItself] = []
        self.stumbled: list[tuple[str, str, Exception]] = []
        self.released_usage: Usage = {}
        self.outcomes: list[tuple[str, str, str]] = []  # event, recipient, state; in their order
        self.ended: list[str] = []
        self.servers_changed: list[tuple[str, str, bool]] = []
        self.journal = Notes()
        self.config = config
        self._language = language
        self._happened = asyncio.Event()
        self._numbers = itertools.count(1)

    def clock(self) -> float:
        return time.time() + self.ahead

    async def delete(self, ids: Iterable[str]) -> Changed:
        """`queue delete` of these."""
        return await self.queue_admin.delete(await self.queue_admin.choose(ids), "x")

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self.writer = Writer(
            self.store.connection,
            loop,
            self.fatal.append,
            self.store.database.space.release_ballast,
        )
        self.recovered = await self.writer.submit(lambda db: queue.recover(db, self.clock()))
        self.queue_time = QueueTime(
            lambda: time.monotonic() + self.served, await self.writer.submit(meta.queue_time)
        )
        self.turns = Turns(
            await self.writer.submit(events.waiting_lines),
            await self.writer.submit(events.last_turns),
        )
        self.outbound = Outbound(
            self.writer,
            self,
            self.recovered,
            await self.writer.submit(holds.find),
            self.turns,
            self.queue_time,
            Named(),
            self.clock,
            lambda config: MailMaker(
                config, lambda: f"M{next(self._numbers)}", lambda _: "", self.event_unmade
            ),
            self._upkeep,
            await self.writer.submit(groups.find),
            self._tell,
        )
        self.router, self.dispatcher = self.outbound.router, self.outbound.dispatcher
        self.pool, self.queue_admin = self.outbound.pool, self.outbound.queue_admin
        self.housekeeping = self.outbound.housekeeping
        self._note_attempts()
        if self.config is not None:
            self.configure(self.config)
        self._running: asyncio.Task[None] | None = loop.create_task(self.outbound.run())
        return self

    async def _upkeep(self) -> None: ...

    async def _tell(self, told: Sequence[ByItself]) -> None:
        self.by_itself += told
        self._happened.set()

    def _note_attempts(self) -> None:
        """Notes the outcomes of attempts as they come to disk."""
        learn = self.dispatcher._learn

        def noted(sender: Sender, mail: QueuedMail, state: NextState, *more: Any) -> None:
            self._note(mail, state.attempted)
            learn(sender, mail, state, *more)

        self.dispatcher._learn = noted  # type: ignore[method-assign, assignment]

    def _note(self, mail: QueuedMail, result: AttemptResult) -> None:
        self.outcomes += [(one.id, result.delivery.recipient, result.state) for one in mail.events]
        self._happened.set()

    async def __aexit__(self, *_: object) -> None:
        await self.end(SOON)

    async def end(self, seconds: float) -> None:
        """A stop, as the daemon does it."""
        if self._running is None:
            return
        await self.outbound.stop(seconds)
        self._running.cancel()
        (end,) = await asyncio.gather(self._running, return_exceptions=True)
        self._running = None
        await self.writer.close()
        self.store.database.closed_cleanly()
        assert isinstance(end, asyncio.CancelledError), end
        assert not self.fatal

    def configure(self, config: Config) -> None:
        """Puts a configuration in force."""
        self.config = config
        given = replace(config, language=self._language)
        self.outbound.configure(given, connection_context())

    async def mend(self, **settings: Any) -> None:
        """Puts the configuration in force with some settings changed, which counts for what waits,
        as the daemon does it.
        """
        assert self.config is not None
        config = replace(self.config, **settings)
        await self.outbound.remake(config)
        self.configure(config)

    def serve(self, seconds: float) -> None:
        """The daemon has run for so long, and its clock has gone on."""
        self.ahead += seconds
        while seconds > 0:
            self.served += min(seconds, LONGEST_STEP)
            seconds -= LONGEST_STEP
            self.queue_time()
        self.outbound.scheduler.wake()  # as it does by itself twice a minute

    async def emit(
        self, *ids: str, message: str | None = None, kind: str = "a.b", uid: int = 1000, **more: str
    ) -> None:
        """Accepts events of a user, all in one commit."""
        given = more if message is None else {**more, "message": message}
        told = "".join(f",{json.dumps(name)}:{json.dumps(value)}" for name, value in given.items())
        urgent = given.get("severity") in URGENT
        lane = next((f"{n} {given[n]}" for n in ("key", "job") if n in given), None)
        at, queued = self.clock(), self.queue_time()
        batch = [
            event(id_, uid=uid, at=at, more=told, urgent=urgent, lane=lane, kind=kind)
            for id_ in ids
        ]
        places = self.turns.give(batch)
        accept = partial(events.accept, batch=batch, queued=queued, places=places)
        self.router.accepted(await self.writer.submit(accept))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until something happens that makes `condition` true."""
        async with asyncio.timeout(SOON):
            while not condition():
                self._happened.clear()
                await self._happened.wait()

    async def until_ended(self, count: int) -> None:
        """Waits until so many events have ended."""
        try:
            await self.until(lambda: len(self.ended) >= count)
        except TimeoutError:
            last = self.outcomes[-9:]
            raise AssertionError(f"{len(self.ended)} of {count} ended, the last: {last}") from None

    async def a_moment(self) -> None:
        """What was submitted to the writer is on disk, and a little later: who looks again and
        again by this leaves the processor to what is looked for.
        """
        await self.writer.submit(lambda _: None)
        await asyncio.sleep(0.002)

    async def routed(self) -> None:
        """Waits until every event is routed, and that is on disk."""
        async with asyncio.timeout(SOON):
            while self.router.waiting:
                await self.a_moment()

    async def arrived(self, sink: Sink, count: int) -> None:
        """Waits until so many mails have arrived."""
        await asyncio.to_thread(sink.wait, count)

    async def settled(self) -> None:
        """Waits until every event is routed, and no mail is in memory any more."""
        await self.unconnected()
        async with asyncio.timeout(SOON):
            while self.router.waiting or len(self.dispatcher.active_queue):
                await self.a_moment()
            await asyncio.gather(*self.outbound.ledger._recording)

    async def unconnected(self) -> None:
        """Waits until no mail can be under way any more."""
        async with asyncio.timeout(SOON):
            while self.pool.connections:
                await self.a_moment()

    async def settled_routing(self) -> None:
        """Waits until what is urgent is routed."""
        async with asyncio.timeout(SOON):
            while any(line.urgent for line in self.router.turns.waiting):
                await self.a_moment()

    async def counts(self) -> dict[str, int]:
        """How many deliveries there are in each state."""
        return await self.writer.submit(
            lambda db: dict(db.execute("SELECT state, count(*) FROM deliveries GROUP BY 1"))
        )

    async def history(self, id: str) -> dict[str, Any]:
        """What became of an event."""
        (document,) = await histories(
            self.writer.submit, id=id, present=Present("en", holds=self.outbound.holds)
        )
        return document

    async def states(self, id: str) -> dict[str, str]:
        """The outcomes of an event's deliveries, by recipient."""
        document = await self.history(id)
        return {one["recipient"]: one["outcome"] for one in document["deliveries"]}

    async def attempts(self, id: str) -> list[str]:
        """The outcomes of all attempts of an event's deliveries."""
        document = await self.history(id)
        return [a["outcome"] for one in document["deliveries"] for a in one["attempts"]]

    @property
    def delivered(self) -> list[str]:
        """The events whose mails were delivered, once for each recipient, in order."""
        return [id_ for id_, _, state in self.outcomes if state == "delivered"]

    # -- Observer

    def events_ended(self, ended: list[StoredEvent]) -> None:
        self.ended += [one.id for one in ended]
        self._happened.set()

    def released(self, released: Usage) -> None:
        add_usage(self.released_usage, released)
        self._happened.set()

    def events_reopened(self, reopened: list[StoredEvent]) -> None: ...

    def event_unmade(self, event: StoredEvent, error: Exception) -> None:
        raise AssertionError(f"{event.id} can't be made") from error

    def stumbled_over(self, kind: str, key: str, error: Exception) -> None:
        self.stumbled.append((kind, key, error))

    def not_delivered(self, mail: QueuedMail, result: AttemptResult) -> None: ...

    def failed(self, mail: QueuedMail, result: AttemptResult) -> None:
        self._note(mail, result)

    def expired(self, mail: QueuedMail, result: AttemptResult) -> None:
        self._note(mail, result)

    def held(self, hold: Hold) -> None:
        self.holds.append(hold)
        self._happened.set()

    def server_changed(self, state: ServerState, any_usable: bool) -> None:
        self.servers_changed.append((state.server.address, state.state, any_usable))
        self._happened.set()


class Named(MachineNames):
    """A machine that is called `host.example`."""

    def __init__(self) -> None: ...

    async def current(self) -> Names:
        return Names("host", "host.example")


def ids(count: int, prefix: str = "n") -> list[str]:
    """Ids of events, in order."""
    return [f"{prefix}{number:04}" for number in range(count)]


def each_once(found: Iterable[str], wanted: Iterable[str]) -> bool:
    """Whether every mail arrived, and none twice."""
    return sorted(found) == sorted(wanted)
