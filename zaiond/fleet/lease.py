"""Which of the hubs works: a lease that one of them holds, and the others watch.

Pure. The lease is a key of the engine's bucket, written anew every RENEW seconds by the hub that
works, by compare-and-set. No two clocks are compared: who waits takes the lease when he has seen it
unchanged for OVER seconds by his own clock; who holds it believes in it for HOLDS seconds since
before he last wrote it, by his. What a hub does that was asleep meanwhile, the engine refuses: its
consumer is gone. Times are in seconds of a clock that goes on while the machine sleeps.
"""

from typing import Literal, NamedTuple

RENEW = 5.0
HOLDS = 12.0
OVER = 15.0
LOOK = 2.0  # between two looks of who waits
AGAIN = 1.0  # where the engine gave no answer

Step = Literal["look", "take", "renew"]


class Found(NamedTuple):
    """What stands in the bucket: which hub has it ('' nobody), the revision with which it was
    written, and whose run it is, or was.
    """

    hub: str
    revision: int
    run: str = ""


class Lease:
    """The lease as the hub `hub` knows it, from its start at `now` on.

    `step` says what is to be done at `next_at`; who has done it says what came of it. `epoch` is
    the revision with which this hub took the lease, 0 while it has not. `holder`: who has it, ''
    nobody. A run is the time in which one hub works and no other does, be it with breaks; `run` is
    this hub's last one, '' none.
    """

    def __init__(self, hub: str, now: float, run: str = "") -> None:
        self.hub = hub
        self.run = run
        self.holder = ""
        self.epoch = 0
        self.next_at = now
        self.revision = 0  # that compare-and-set is to find; 0: no such key
        self._since = now  # when it was first seen
        self._until = now  # for so long we hold it
        self._goes_on = False  # the run, as it stands there
        self._is_known = False  # what stands there
        self._is_start = True

    def holds(self, now: float) -> bool:
        """Whether this hub is the one that works."""
        return self.epoch > 0 and now < self._until

    def step(self, now: float) -> Step:
        """What is to be done next."""
        if self.epoch and not self.holds(now):
            self.lost(now)
        if self.epoch:
            return "renew"
        is_free = not self.holder or now - self._since >= OVER
        return "take" if self._is_known and is_free else "look"

    def run_now(self, fresh: str) -> str:
        """The run with which it is written: the last one goes on, but if another hub has had it
        since, this `fresh` one begins.
        """
        if not self._goes_on:
            self.run, self._goes_on = fresh, True  # also if that is not answered
        return self.run

    def saw(self, found: Found | None, now: float) -> None:
        """This stands in the bucket; None: nothing."""
        holder, revision, run = found or Found("", 0)
        if not self._is_known or revision != self.revision:
            self._since = now
        self._is_known, self.revision, self.holder = True, revision, holder
        self._goes_on = run == self.run != ""
        if holder == self.hub and (self._goes_on or self._is_start):
            # What was written and not answered; or by this hub before its start.
            self.holder = ""
        self._is_start = False
        self.next_at = now if self.step(now) == "take" else now + LOOK

    def wrote(self, revision: int, began: float) -> None:
        """This hub has taken or renewed it, and began to at this time."""
        self.revision = revision
        self._have(revision, began)

    def _have(self, epoch: int, began: float) -> None:
        self.epoch = self.epoch or epoch
        self.holder, self._is_known = self.hub, True
        self._until, self.next_at = began + HOLDS, began + RENEW

    def unwritten(self, began: float) -> None:
        """It stands there as it was last seen, and nobody can write it: the engine's storage is
        full. Somebody must empty the stream all the same; once there is room, who writes first has
        it, and the stream's one consumer keeps the other out.
        """
        self._have(max(1, self.revision), began)

    def lost(self, now: float) -> None:
        """Another one has written it, or its time is over: what stands there is to be looked at."""
        self.epoch, self.holder, self._is_known = 0, "", False
        self.next_at = now

    def unanswered(self, now: float) -> None:
        """The engine gave no answer: whether it was written is not known."""
        self.step(now)
        self.next_at = now + AGAIN
