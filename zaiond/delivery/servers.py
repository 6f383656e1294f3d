"""Which mail server is used now. Pure: the clock comes in as an argument.

The first server that can be used gets the mail; one that is down or at fault is probed, by one
connection, when its time comes, and used again when it answers. That counts for outages;
`queue.retry_*` of the mails does not.

    unknown ──answers──▶ up ──can't be reached──▶ down ──probe every retry_first──▶ up
                          └──config fault──▶ faulty ──probe every retry_max──▶ up
                          └──too many connections──▶ up, fewer connections for a while
"""

from collections import deque
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from zaiond.config.forms import Rate
from zaiond.smtp.verdict import Failure, Stage, Verdict

BUSY_PAUSE = 10.0  # seconds without a further connection after "too many connections"
_OF_A_MAIL = (Stage.RSET, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.CONTENT)


class Server(Protocol):
    """What must be known of a server: `address` is `host:port`, `max_connections` how many at most
    side by side, `rate` how many mails may go out by it, `keep_idle` for how many seconds a
    connection that is not used is kept.
    """

    @property
    def address(self) -> str: ...
    @property
    def max_connections(self) -> int: ...
    @property
    def rate(self) -> Rate | None: ...
    @property
    def keep_idle(self) -> float: ...


@dataclass(slots=True)
class ServerState:
    """What is known of one server; times in seconds of the clock that is passed in.

    `failure` is what is wrong now, `last_failure` what was the last time, and when. `until`: when
    a server that is down or faulty is probed, or a busy one may be connected to again. `most`: how
    many connections it seems to bear. `refused`: since when nothing that was tried came of it while
    no other server took a mail either, and why the last time.
    """

    server: Server
    state: Literal["unknown", "up", "down", "faulty"] = "unknown"
    since: float = 0.0
    until: float = 0.0
    failure: Failure | None = None
    last_failure: tuple[Failure, float] | None = None
    refused: tuple[float, Failure] | None = None
    most: int = 0
    sent: deque[float] = field(default_factory=deque)  # when, as far as `rate` looks back

    def __post_init__(self) -> None:
        self.most = self.server.max_connections

    @property
    def only_a_mail_shows(self) -> bool:
        """Whether it let us in when it failed: a connection doesn't show whether that is over."""
        return self.failure is not None and self.failure.stage in _OF_A_MAIL


class Servers:
    """The servers of the configuration in force, in their order."""

    def __init__(
        self, servers: Sequence[Server], retry_first: float, retry_max: float, now: float
    ) -> None:
        self.states = [ServerState(server, since=now) for server in servers]
        self.last_taken = 0  # the newest mail that any of them took, by its row
        self._retry_first = retry_first
        self._retry_max = retry_max

    def usable(self, now: float) -> list[tuple[int, int]]:
        """Servers that may be connected to, each with how many connections in all, in order.

        Those before the first one that is up are probes, of one connection.
        """
        found: list[tuple[int, int]] = []
        for index, state in enumerate(self.states):
            if state.state == "up":
                found.append((index, state.most if now >= state.until else 0))
                break
            if state.state == "unknown" or now >= state.until:
                found.append((index, 1))
                if state.state == "unknown":
                    break
        return found

    def resume_hold(self, failure: Failure, now: float) -> None:
        """What was so when the last run ended: the server that said so is at fault, the others
        could not be used either. Each is tried at once, by one connection.
        """
        at_fault = [state for state in self.states if state.server.address == failure.server]
        for state in self.states:
            state.state, state.since, state.until = "down", now, now
        for state in at_fault or self.states:  # it may have been a POP server's word
            state.state, state.failure = "faulty", failure

    def forget(self, now: float) -> None:
        """Nothing is known of any server, as at the start; what was sent still counts (`rate`)."""
        self.last_taken = 0
        for state in self.states:
            state.state, state.since, state.until, state.failure = "unknown", now, 0.0, None
            state.most, state.refused = state.server.max_connections, None

    def rate_allows_at(self, index: int) -> float:
        """When the next mail may go out by this server (`rate`)."""
        state = self.states[index]
        rate = state.server.rate
        if rate is None or len(state.sent) < rate.count:
            return 0.0
        return state.sent[0] + rate.seconds

    def rate_until(self, now: float) -> float | None:
        """When the next mail may go out by any of those in use; None: one may now."""
        times = [self.rate_allows_at(index) for index, most in self.usable(now) if most]
        return min(times) if times and min(times) > now else None

    def sends(self, index: int, now: float) -> None:
        """A mail goes out by this server."""
        state = self.states[index]
        if state.server.rate is not None:
            state.sent.append(now)
            if len(state.sent) > state.server.rate.count:
                state.sent.popleft()

    def may_connect(self, index: int, now: float) -> bool:
        """Whether this server may be connected to, whichever the first one in use is."""
        state = self.states[index]
        return state.state in ("up", "unknown") or now >= state.until

    def other(self, index: int, tried: Container[int], now: float) -> int | None:
        """The first server beside `index` that was not tried and may be connected to."""
        for other in range(len(self.states)):
            if other != index and other not in tried and self.may_connect(other, now):
                return other
        return None

    def next_probe(self, now: float) -> float | None:
        """When a server that can't be used now may be tried again."""
        times = [state.until for state in self.states if state.until > now]
        return min(times, default=None)

    def connected(self, index: int, now: float) -> bool:
        """The server let us in; says whether that ends an outage."""
        state = self.states[index]
        if state.state == "up":
            # It bears one more than was thought; whether yet another one, is tried now and then.
            state.most = min(state.most + 1, state.server.max_connections)
            state.failure = None
        if state.only_a_mail_shows:
            return False
        return self.took_mail(index, now)

    def took_mail(self, index: int, now: float) -> bool:
        """The server had nothing against us and our sender; says whether that ends an outage."""
        state = self.states[index]
        ended = state.state in ("down", "faulty")
        if state.state != "up":
            state.state, state.since, state.until, state.failure = "up", now, 0.0, None
            state.most = state.server.max_connections
        return ended

    def failed(
        self, index: int, failure: Failure, verdict: Verdict, now: float, connections: int
    ) -> bool:
        """What a failure says of the server, to which there are so many connections: that it bears
        no more of them, that it can't be used for now, or that our configuration doesn't fit it.
        Says whether it went out of use, and that is news.
        """
        state = self.states[index]
        state.last_failure = failure, now
        self.refused(index, failure, now)
        if verdict.wait:  # not a failover
            # A login too many counts for minutes, and each further one prolongs that.
            pause = self._retry_first if failure.stage is Stage.AUTH else BUSY_PAUSE
            state.failure, state.until = failure, now + min(pause, self._retry_first)
            state.most = max(1, connections)
            if state.state != "up":
                state.state, state.since = "up", now
            return False
        is_fault = verdict.outcome == "held"
        # Unprotected, nothing was said that the server could count against us, and a certificate is
        # renewed, or an authority put into the store, without a word to us.
        is_told = is_fault and failure.cause != "unprotected"
        state.until = now + (self._retry_max if is_told else self._retry_first)
        if state.state == "faulty" and not is_fault:
            return False  # what somebody has to mend is not mended by that
        before = state.state
        state.state, state.failure = "faulty" if is_fault else "down", failure
        if state.state != before:
            state.since = now
        return state.state != before

    def delivered(self, mail: int) -> None:
        """Some server took this mail (its row)."""
        self.last_taken = max(self.last_taken, mail)
        for state in self.states:
            state.refused = None

    def refused(self, index: int, failure: Failure, now: float) -> None:
        """The server took no mail, and as far as is known it would take no other one either."""
        before = self.states[index].refused
        self.states[index].refused = (now if before is None else before[0], failure)

    @property
    def none_takes(self) -> tuple[float, Failure] | None:
        """Since when no server has taken a mail though all that are in question were asked, and
        what the last of these said. Those behind the first one that is up are in no question.
        """
        first_up = next((i for i, s in enumerate(self.states) if s.state == "up"), None)
        asked = self.states if first_up is None else self.states[: first_up + 1]
        refused = [state.refused for state in asked if state.refused is not None]
        return max(refused, key=lambda one: one[0]) if len(refused) == len(asked) else None

    def ask_again(self, now: float) -> None:
        """Who is at fault may be tried at once: there is reason to doubt it."""
        for state in self.states:
            if state.state == "faulty":
                state.until = min(state.until, now)

    @property
    def any_usable(self) -> bool:
        """Whether mail could go out by some server, as far as is known."""
        return any(state.state in ("up", "unknown") for state in self.states)

    @property
    def held_by(self) -> Failure | None:
        """Why the queue is held: no server can be used, and one wants another configuration."""
        if self.any_usable:
            return None
        return next((s.failure for s in self.states if s.state == "faulty"), None)

    @property
    def waits_for(self) -> Failure | None:
        """Why nothing goes out at present."""
        if self.any_usable:
            return None
        return self.held_by or next((s.failure for s in self.states if s.failure), None)


_SLOT = 10  # seconds
_SLOTS = 3600 // _SLOT


class RateCounter:
    """Tells how many passed in the last minute or hour, and in all. Nothing runs meanwhile."""

    def __init__(self) -> None:
        self.total = 0
        self._slots: dict[int, int] = {}  # how many, in order of the slots

    def count(self, number: int, now: float) -> None:
        """So many passed at `now`, in seconds of a clock that is never set."""
        self.total += number
        slot, slots = int(now) // _SLOT, self._slots
        slots[slot] = slots.get(slot, 0) + number
        if len(slots) > _SLOTS:
            del slots[next(iter(slots))]

    def last(self, seconds: int, now: float) -> int:
        """How many passed in the `seconds` before `now`, an hour at most, to ten seconds."""
        first = int(now) // _SLOT - seconds // _SLOT
        return sum(number for slot, number in self._slots.items() if slot > first)
