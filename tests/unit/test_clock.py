"""Ids: different, in order, and never going back."""

import random

from tests.support.store import NOW, Clock
from zaiond.clock import UlidFactory


def test_ids_are_26_characters_of_crockfords_base32() -> None:
    made = UlidFactory(Clock(), random.Random(1).getrandbits)()
    assert len(made) == 26
    assert set(made) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_ids_of_one_millisecond_differ_and_are_in_order() -> None:
    source = UlidFactory(Clock(), random.Random(1).getrandbits)
    made = [source() for _ in range(5000)]
    assert made == sorted(set(made))


def test_later_ids_are_greater() -> None:
    clock = Clock()
    source = UlidFactory(clock, random.Random(1).getrandbits)
    made = []
    for _ in range(1000):
        clock.now += 0.0007
        made.append(source())
    assert made == sorted(set(made))


def test_ids_do_not_go_back_when_the_clock_does() -> None:
    clock = Clock()
    source = UlidFactory(clock, random.Random(1).getrandbits)
    made = [source()]
    for step in (-3600.0, 1.0, -1.0, 7200.0, 0.0):
        clock.now += step
        made += [source(), source()]
    assert made == sorted(set(made))


def test_more_than_a_million_ids_in_a_millisecond_are_still_in_order() -> None:
    source = UlidFactory(Clock(), lambda bits: 0)
    first = source()
    source._count = (1 << 20) - 1
    last, next_ = source(), source()
    assert first < last < next_


def test_two_daemons_at_the_same_moment_make_different_ids() -> None:
    one = UlidFactory(Clock(NOW), random.Random(1).getrandbits)()
    other = UlidFactory(Clock(NOW), random.Random(2).getrandbits)()
    assert one[:10] == other[:10]  # the moment
    assert one != other
