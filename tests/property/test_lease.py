"""However late their messages are, and wherever their clocks stand, no two hubs hold the lease."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from zaiond.fleet.lease import OVER, Found, Lease

HUBS = 2


class Bucket:
    """One key, by compare-and-set."""

    def __init__(self) -> None:
        self.found: Found | None = None
        self.last = 0
        self.writers: list[str] = []  # by revision

    def write(self, hub: str, revision: int, run: str) -> int | None:
        if revision != (0 if self.found is None else self.found.revision):
            return None
        self.last += 1
        self.found = Found(hub, self.last, run)
        self.writers.append(hub)
        return self.last


class Hub:
    """A hub with a clock of its own; what it asks arrives and is answered when the test says so."""

    def __init__(self, name: str, offset: float, bucket: Bucket) -> None:
        self.name = name
        self.offset = offset
        self.bucket = bucket
        self.lease = Lease(name, offset)
        self.asked: tuple[str, int, float] | None = None
        self.answer: tuple[str, object, float] | None = None
        self.known = "", 0  # its last run, and the revision that it wrote last

    def now(self, at: float) -> float:
        return at + self.offset

    def go_on(self, at: float, *, is_lost: bool) -> None:
        """Asks, or what it asked arrives, or it hears the answer."""
        now = self.now(at)
        if self.answer is not None:
            (what, found, began), self.answer = self.answer, None
            if is_lost:
                self.lease.unanswered(now)
            elif what == "look":
                assert found is None or isinstance(found, Found)
                self.lease.saw(found, now)
            elif isinstance(found, int):
                self.lease.wrote(found, began)
                run, last = self.known
                if self.lease.run == run:  # what it remembers is the newest that there is
                    assert set(self.bucket.writers[last:found]) == {self.name}
                self.known = self.lease.run, found
            else:
                self.lease.lost(now)
        elif self.asked is not None:
            (what, revision, began), self.asked = self.asked, None
            if what == "look":
                self.answer = what, self.bucket.found, began
            else:
                self.answer = what, self._write(revision), began
        elif now >= self.lease.next_at:
            step = self.lease.step(now)
            self.asked = step, self.lease.revision, now

    def _write(self, revision: int) -> int | None:
        run = self.lease.run_now(f"{self.name}/{len(self.bucket.writers)}")
        return self.bucket.write(self.name, revision, run)


STEPS = st.lists(
    st.tuples(
        st.integers(0, HUBS - 1),
        st.sampled_from((0.0, 0.5, 2.0, 4.0, 11.9, 15.5)),
        st.integers(1, 6),  # how far it comes before time passes: it may take long to hear
        st.booleans(),
    ),
    max_size=100,
)


@settings(max_examples=300)
@example(  # who waits has seen it at once, and takes it as soon as he may
    offsets=(0.0, 5.0),
    steps=[(0, 0.0, 6, False), (1, 0.0, 3, False), (1, OVER, 3, False)],
    loses=False,
)
@example(  # and the former one takes over from that one: another's work lies between
    offsets=(0.0, 0.0),
    steps=[(0, 0.0, 6, False), *[(1, 4.0, 3, False)] * 6, *[(0, 4.0, 3, False)] * 8],
    loses=False,
)
@given(offsets=st.tuples(*[st.floats(0, 1e6)] * HUBS), steps=STEPS, loses=st.booleans())
def test_no_two_hubs_hold_the_lease(
    offsets: tuple[float, ...], steps: list[tuple[int, float, int, bool]], *, loses: bool
) -> None:
    bucket, at = Bucket(), 0.0
    hubs = [Hub(f"hub{n}", offset, bucket) for n, offset in enumerate(offsets)]
    for number, passes, times, is_lost in steps:
        at += passes
        for _ in range(times):
            hubs[number].go_on(at, is_lost=loses and is_lost)
        holders = [hub.name for hub in hubs if hub.lease.holds(hub.now(at))]
        assert len(holders) <= 1, holders


def test_one_takes_over_within_thirty_seconds() -> None:
    bucket = Bucket()
    dies, lives = Hub("hub0", 500.0, bucket), Hub("hub1", 0.0, bucket)
    at = 0.0
    while at < 60.0:
        for hub in (dies, lives):
            hub.go_on(at, is_lost=False)
        at += 0.1
    assert dies.lease.holds(dies.now(at))
    died = at
    while not lives.lease.holds(lives.now(at)):
        lives.go_on(at, is_lost=False)
        at += 0.1
    assert at - died <= 20.0
