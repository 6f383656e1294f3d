"""Which slots of a job were missed, compared with the rule itself: a slot is heard if an event with
a time from shortly before it on came by one grace after it; what a gap cuts, by one grace after
the gap.
"""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.routed import Book, configured
from zaiond.routing.decision import Missed
from zaiond.routing.job import EARLY
from zaiond.routing.matcher import RoutingTable

HOUR = 3600.0
START = 20_000 * 24 * HOUR + 17.0  # beside every slot, so that nothing happens at the same time
STEP = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([7 * 60.0, 31 * 60.0, 3 * HOUR])),
    st.tuples(st.just("tell"), st.sampled_from([0.0, 13.0, 40.0, 35 * 60.0, 5 * HOUR])),
    st.tuples(st.just("restart"), st.just(20.0)),
    st.tuples(st.just("down"), st.sampled_from([5 * 60.0, 50 * 60.0, 4 * HOUR])),
)


def expected(
    end: float, grace: float, heard: list[tuple[float, float]], gaps: list[tuple[float, float]]
) -> list[float]:
    """The slots that were missed and told of by `end`; `heard` are the time of each event and when
    it came.
    """
    settling = max(grace, 5.0)  # in which the spool is taken in
    merged: list[tuple[float, float]] = []
    for since, until in gaps:
        if merged and since <= merged[-1][1] + settling:
            merged[-1] = (merged[-1][0], until)
        else:
            merged.append((since, until))
    missed = []
    for number in range(int(START // HOUR) + 1, int(end // HOUR) + 1):
        slot = number * HOUR
        by = slot + grace
        for since, until in merged:
            if slot - EARLY <= until and slot + grace >= since:
                by = max(by, until + settling)
        if by <= end and not any(time >= slot - EARLY and came <= by for time, came in heard):
            missed.append(slot)
    return missed


@given(grace=st.sampled_from([0, 10, 90]), steps=st.lists(STEP, max_size=25))
def test_the_slots_that_were_missed(grace: int, steps: list[tuple[str, Any]]) -> None:
    text = f"jobs: {{n: {{schedule: '0 * * * *', timezone: UTC, grace: {grace}m}}}}"
    b = Book(RoutingTable(configured(text)), now=START)
    b.wait(0)
    heard: list[tuple[float, float]] = []
    gaps: list[tuple[float, float]] = []
    for what, how in steps:
        if what == "wait":
            b.wait(how, 30.0)
        elif what == "tell":
            b.tell(type="job.succeeded", job="n", time=b.now - how)
            heard.append((b.now - how, b.now))
        else:
            gaps.append((b.now, b.now + how))  # it can't hear while it starts afresh
            b.now += how
            b.restart()
            b.wait(0)
    b.wait(5 * HOUR, 30.0)
    told = [slot for each in b.jobs if isinstance(each, Missed) for slot in each.slots]
    assert told == expected(b.now, grace * 60.0, heard, gaps)
