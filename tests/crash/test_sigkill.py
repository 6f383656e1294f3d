"""SIGKILL while programs emit, at random and at every commit: what was acknowledged arrives, what
arrives twice is bounded, and a daemon that loses something is found out.

How hard: ZAIOND_CRASH_EVENTS, ZAIOND_CRASH_KILLS and ZAIOND_CRASH_SEED in the environment (`make
crash` sets them higher).
"""

import os
import random
import time
from pathlib import Path

import pytest

from tests.crash.failing_daemon import GROUP_POINTS, POINTS
from tests.crash.harness import GROUPED, End, LostError, Run, plan

EVENTS = int(os.environ.get("ZAIOND_CRASH_EVENTS", "800"))
GROUPED_EVENTS = min(EVENTS, 900)  # a mail's header has room for their names, if all come in one
KILLS = int(os.environ.get("ZAIOND_CRASH_KILLS", "5"))
SEED = int(os.environ.get("ZAIOND_CRASH_SEED", "0")) or random.SystemRandom().getrandbits(32)


def test_every_acknowledged_event_arrives_whenever_the_daemon_is_killed(tmp_path: Path) -> None:
    print(f"ZAIOND_CRASH_SEED={SEED}")
    begun = time.monotonic()
    ends = plan(KILLS, EVENTS, random.Random(SEED))
    with Run(tmp_path, EVENTS, ends, drops=200) as run:
        outcome = run.finish()
    print(
        f"{outcome.kills} kills, {EVENTS} events to 2 recipients: {outcome.duplicates} deliveries"
        f" twice, {outcome.possible_duplicates} feared, {outcome.dropped} dropped by the server,"
        f" in {time.monotonic() - begun:.0f} s\n{dict(sorted(outcome.reached.items()))}"
    )
    outcome.check()
    assert set(outcome.reached) == {end.point for end in ends} & set(POINTS)


def test_no_event_arrives_twice_without_a_kill(tmp_path: Path) -> None:
    with Run(tmp_path, 600, []) as run:
        for _ in range(2):
            run.restart(200)
        outcome = run.finish()
    outcome.check()
    assert (outcome.duplicates, outcome.possible_duplicates) == (0, 0)


def test_what_may_come_twice_is_counted_even_if_the_daemon_is_killed_while_it_counts(
    tmp_path: Path,
) -> None:
    ends = [End("content-sent", 5)]
    ends += [End(f"{when}-commit-of-recover", 1) for when in ("before", "after")]
    with Run(tmp_path, 200, ends) as run:
        outcome = run.finish()
    outcome.check()
    assert len(outcome.reached) == 3
    assert outcome.duplicates > 0


def test_what_is_told_of_together_is_told_of_once_whenever_the_daemon_is_killed(
    tmp_path: Path,
) -> None:
    print(f"ZAIOND_CRASH_SEED={SEED}")
    ends = [End(point, 1) for point in GROUP_POINTS]
    ends += plan(
        KILLS, GROUPED_EVENTS, random.Random(SEED), [*GROUP_POINTS, "before-commit-of-route"]
    )
    with Run(tmp_path, GROUPED_EVENTS, ends, drops=20, configuration=GROUPED) as run:
        outcome = run.finish()
    outcome.check()
    assert len(outcome.mails) < GROUPED_EVENTS, "nothing was told of together"
    assert set(GROUP_POINTS) <= set(outcome.reached)


# Controls: a harness that can't see a loss proves nothing.


def test_an_acknowledgement_before_the_commit_is_found_out(tmp_path: Path) -> None:
    fault = "acknowledge-before-the-commit"
    with Run(tmp_path, 200, [End("before-commit-of-accept", 2)], fault=fault) as run:
        outcome = run.finish()
    with pytest.raises(LostError):
        outcome.check()


def test_a_delivery_marked_done_before_the_reply_is_found_out(tmp_path: Path) -> None:
    fault = "done-before-the-reply"
    with Run(tmp_path, 200, [End("content-sent", 20)], fault=fault, drops=50) as run:
        outcome = run.finish()
    with pytest.raises(LostError):
        outcome.check()


def test_an_event_that_does_not_join_is_found_out(tmp_path: Path) -> None:
    with Run(tmp_path, 200, [], fault="forget-who-joins", configuration=GROUPED) as run:
        outcome = run.finish()
    with pytest.raises(LostError):
        outcome.check()
