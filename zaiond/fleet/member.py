"""A machine of the fleet at work: it connects, says every half minute that it is alive, and decides
whether its own events are handed on or mailed from here. A hub is one, too, and works by the same
connection (`hub`).
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from zaiond import __version__
from zaiond.config.schema import Config
from zaiond.delivery.membership import Membership
from zaiond.delivery.servers import ServerState
from zaiond.errors import DiskFullError, ZaiondError
from zaiond.fleet import hand_over, letter, member_words, names
from zaiond.fleet.cut_off import CutOff, Heard
from zaiond.fleet.faults import FleetError
from zaiond.fleet.link import Connection, Link
from zaiond.fleet.machines import Machines
from zaiond.model import StoredEvent
from zaiond.store import handed_on
from zaiond.store.writer import Writer
from zaiond.text import Text

ALIVE = 30.0  # seconds between two words
LOOK = 5.0  # seconds at most between two looks while something is wrong
LAST_WORD = 2.0  # seconds for the word that it stops
# What doesn't pass by itself, at the engine or in the configuration.
_TO_MEND = ("tls", "login", "too_old", "right", "no_jetstream", "no_stream")


class Means(NamedTuple):
    """What a member works with. `queue_time` is that of events that wait, `waiting` counts what has
    not ended, `name_of` is what a uid is called; `machines` are those that have handed events on
    to here. `say` publishes the word of this machine, and raises FleetError. `cut_off` is told
    for how many seconds it has been so, how many events were to be handed on, and why; `back`
    when that is over. `log` gets what is wrong with the connection, or None and the server that
    it is made to.
    """

    membership: Membership
    writer: Writer
    clock: Callable[[], float]
    queue_time: Callable[[], float]
    machine: Callable[[], Awaitable[str]]
    name_of: Callable[[int], str]
    machines: Machines
    say: Callable[[Connection, str, dict[str, Any]], Awaitable[None]]
    waiting: Callable[[], Awaitable[int]]
    cut_off: Callable[[float, int, Text], Awaitable[None]]
    back: Callable[[], Awaitable[None]]
    log: Callable[[Text | None, str], None]


class Member:
    """By one configuration; `told`: of being cut off, before the last stop."""

    def __init__(self, config: Config, means: Means, *, told: bool) -> None:
        assert config.fleet is not None  # noqa: S101 - else there is no member
        self.fleet = config.fleet
        self._means = means
        # Nothing expires before it is mailed from here.
        self._limit = min(self.fleet.fallback_after, config.queue.expire / 2)
        self._loop = asyncio.get_running_loop()
        self.state = CutOff(self._loop.time(), told=told)
        self.fault: ZaiondError | None = None
        self._unsaid: FleetError | None = None  # why its last word was not taken
        self._link: Link | None = None
        self._is_linked = asyncio.Event()
        self._machine = ""
        self._since = means.clock()
        self._wake = asyncio.Event()
        self._heard: list[Heard] = []
        self._last_word = float("-inf")
        self.is_stopping = False  # with the daemon

    # -- what the way out asks (hand_over.Engine, handing_on.OfFleet)

    @property
    def connection(self) -> Connection | None:
        return None if self._link is None else self._link.now

    @property
    def is_to_mend(self) -> bool:
        """Whether `fault` stays until somebody mends something."""
        fault = self.fault
        is_unfit = isinstance(fault, names.UnfitNameError)
        return is_unfit or (isinstance(fault, FleetError) and fault.kind in _TO_MEND)

    def pack(self, kept: bytes) -> letter.Packed:
        return hand_over.pack(kept, self._machine)

    def taken(self) -> None:
        self.fault = None
        self._hear(self.state.event_taken(self._loop.time()))

    def failed(self, error: FleetError) -> None:
        self.fault = error
        self.state.failed(error.kind)
        self._wake.set()

    def passed_over(self) -> None:
        self.state.passed_over(self._loop.time())
        self._wake.set()

    def letter(self, stored: StoredEvent) -> bytes:
        return hand_over.keep(stored, self._means.name_of(stored.uid))

    def message_id(self, machine: str, stored: StoredEvent, *of: str) -> str:
        return self._means.machines.message_id(machine, stored, *of)

    def _hear(self, heard: Heard) -> None:
        if heard.hands_on or heard.over:
            self._heard.append(heard)
            self._wake.set()

    # -- at work

    def join(self) -> None:
        """Hands on by the configuration that comes into force next."""
        transport = hand_over.transport(self.fleet.servers, self)
        self._means.membership.join(
            self, transport, self._changed,
            hands_on=self.state.hands_on, is_hub=self.fleet.role == "hub",
        )  # fmt: skip

    def _changed(self, state: ServerState, works: bool) -> None:
        """The way out works, or does not."""
        if works:
            self.fault = None
        elif state.failure is not None and self.fault is None:
            self.fault = ZaiondError(state.failure.details)
        self._wake.set()

    async def run(self) -> None:
        """Works until it is cancelled, and says then that it stops."""
        try:
            while True:
                self._wake.clear()
                if self._link is None:
                    await self._connect()
                await self._work()
                # Not wait_for: before Python 3.12 it may swallow a cancellation.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pause()):
                        await self._wake.wait()
        finally:
            await self._stop()

    async def _connect(self) -> None:
        """Begins to, if this machine's name is one that the fleet can have."""
        machine = await self._means.machine()
        try:
            names.token(machine)
        except names.UnfitNameError as error:
            if not isinstance(self.fault, names.UnfitNameError):
                self._means.log(error.text, "")
            self.fault = error
            return
        self._machine, self.fault = machine, None
        self._link = Link(self.fleet, machine, self._link_changed)
        self._link.start()
        self._is_linked.set()

    async def link(self) -> Link:
        """The link that it has, as soon as it has one."""
        await self._is_linked.wait()
        assert self._link is not None  # noqa: S101 - it is set behind it
        return self._link

    def say_now(self) -> None:
        """There is something new to say."""
        self._last_word = float("-inf")
        self._wake.set()

    async def _stop(self) -> None:
        if self.is_stopping:  # else another configuration goes on where this one ends
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORD):
                    await self._say("stopped")
        if self._link is not None:
            await self._link.close()

    def _link_changed(self, fault: FleetError | None) -> None:
        self.fault = fault
        if fault is None:
            connection = self.connection
            self._means.log(None, "" if connection is None else connection.server)
            self._last_word = float("-inf")
            self._means.membership.retry()
        else:
            self.state.failed(fault.kind)
            self._means.log(fault.text, "")
        self._wake.set()

    def _pause(self) -> float:
        if self.fault is None and self.state.mode == "handing_on":
            return max(0.0, min(ALIVE, self._last_word + ALIVE - self._loop.time()))
        return min(LOOK, self._limit / 4)

    async def _work(self) -> None:
        """Says what is to be said, and does what follows from how it is."""
        by_itself = self.state.mode == "by_itself"
        if by_itself or self._loop.time() - self._last_word >= ALIVE:
            if await self._say(self.state.mode):
                self._hear(self.state.word_taken(self._loop.time()))
            self._last_word = self._loop.time()
        heard, self._heard = self._heard, []
        membership = self._means.membership
        if any(each.hands_on for each in heard) and self.state.hands_on:
            await membership.hand_on()
        if any(each.over for each in heard):
            await self._means.back()
        await self._look()

    async def _look(self) -> None:
        """Mails from here what could not be handed on for long: all, or what alone is refused."""
        means, membership = self._means, self._means.membership
        oldest = await means.writer.submit(handed_on.oldest)
        if oldest is None:
            return
        age = means.queue_time() - oldest
        if self.state.is_due(self._loop.time(), age, self._limit):
            why = member_words.UNKNOWN if self.fault is None else self.fault.text
            is_news = self.state.cut()
            number = await self._mail(membership.mail_by_itself())
            if is_news:
                await means.cut_off(age, number, why)
        elif membership.hands_on and age >= self._limit:
            await self._mail(membership.mail_what_is_refused(means.queue_time() - self._limit))

    async def _mail(self, mailing: Awaitable[int]) -> int:
        try:
            return await mailing
        except DiskFullError as error:  # the housekeeping does it again
            self._means.log(member_words.not_all_yet(why=error.text), "")
            return 0

    async def _say(self, state: str) -> bool:
        """Says that it is alive, and how; says whether that was taken."""
        connection = self.connection
        if connection is None:
            return False
        word = {
            "version": __version__,
            "since": self._since,
            "waiting": await self._means.waiting(),
            "state": state,
        }
        try:
            await self._means.say(connection, self._machine, word)
        except FleetError as error:
            self._unsaid = self.fault = error
            self.state.failed(error.kind)  # nobody is woken: it is said again after a pause
            return False
        if self._unsaid is not None and self.fault is self._unsaid:
            self.fault = None
        self._unsaid = None
        return True


async def say_alive(connection: Connection, machine: str, word: dict[str, Any]) -> None:
    """The word of a member. Raises FleetError."""
    subject, text = names.alive_subject(machine), json.dumps(word).encode()
    said = connection.jetstream.publish(subject, text, stream=names.ALIVE_STREAM)
    await connection.ask(said)
