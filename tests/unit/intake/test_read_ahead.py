"""Who is read, by what is kept."""

import itertools
import random
from dataclasses import dataclass, field

import pytest

from zaiond.intake.quota import (
    A_LITTLE,
    A_READ,
    OF_ALL,
    OF_CONNECTION,
    OF_USER,
    UNREAD_OF_ALL,
    UNREAD_OF_USER,
    ReadAhead,
    Share,
)
from zaiond.wire import MAX_EVENT_BYTES


@dataclass(eq=False)
class Connection:
    """Keeps whole lines, and one that was begun."""

    ahead: ReadAhead
    user: int
    kept: int = 0
    whole: int = 0
    is_read: bool = True
    share: Share = field(init=False)

    def __post_init__(self) -> None:
        self.share = self.ahead.opened(self.user)

    def read(self, on: bool) -> None:
        self.is_read = on

    def receive(self, most: int, ends: bool) -> int:
        """At most so many bytes; a line ends with them, or not."""
        assert self.is_read
        begun = self.kept - self.whole
        got = min(most, self.ahead.at_once(self.share, self), MAX_EVENT_BYTES - begun)
        kept = self.kept + got
        self.ahead.keeps(self.share, self, kept, kept if ends else self.whole)
        return got

    def take(self, most: int) -> None:
        taken = min(most, self.whole)
        self.ahead.keeps(self.share, self, self.kept - taken, self.whole - taken)

    def close(self) -> None:
        self.ahead.keeps(self.share, self, 0, 0)
        self.ahead.closed(self.user)


def test_a_connection_with_lines_enough_is_not_read_until_they_are_taken() -> None:
    ahead = ReadAhead()
    one, other = Connection(ahead, 1), Connection(ahead, 1)
    while one.is_read:
        one.receive(A_READ // 3, ends=True)
    assert OF_CONNECTION <= one.kept < OF_CONNECTION + A_READ
    assert other.is_read
    one.take(one.kept - OF_CONNECTION)
    assert not one.is_read
    one.take(1)
    assert one.is_read


def test_lines_without_end_on_all_connections_of_a_user_are_ended_one_after_another() -> None:
    ahead = ReadAhead()
    mine = [Connection(ahead, 1) for _ in range(64)]
    missing = dict.fromkeys(mine, 255 * 1024)
    other = Connection(ahead, 2)
    most = 0
    while missing:
        going_on = [one for one in missing if one.is_read]
        assert going_on
        for one in going_on:
            if one.is_read:
                missing[one] -= one.receive(missing[one], ends=False)
        most = max(most, ahead.kept)
        for one in mine:
            if one in missing and not missing[one]:
                del missing[one]
                one.receive(1, ends=True)
                one.take(one.whole)
        assert other.is_read
        assert ahead.at_once(other.share, other) == A_READ
    assert most <= OF_USER + A_READ + 64 * A_LITTLE + MAX_EVENT_BYTES
    assert ahead.kept == 0
    assert all(one.is_read for one in mine)


def test_who_has_begun_nothing_is_read_a_little_beyond_the_bound() -> None:
    ahead = ReadAhead()
    mine = [Connection(ahead, 1) for _ in range(10)]
    for one in mine[:9]:
        while one.is_read and one.kept < 250_000:
            one.receive(A_READ, ends=False)
    last = mine[9]
    assert last.is_read
    assert last.receive(A_READ, ends=True) == A_LITTLE
    assert not last.is_read
    last.take(A_LITTLE)
    assert last.is_read


def test_who_goes_on_and_says_nothing_more_gives_way_when_his_time_is_over() -> None:
    ahead = ReadAhead()
    mine = [Connection(ahead, 1) for _ in range(10)]
    for one in mine:
        while one.is_read and one.kept < 250_000:
            one.receive(A_READ, ends=False)
    for one in mine:
        if one.is_read:
            one.receive(1, ends=False)
    while ahead.kept > OF_USER:
        (going_on,) = (one for one in mine if one.is_read)
        mine.remove(going_on)
        going_on.close()  # it did not end in time
    assert all(one.is_read for one in mine)


def test_who_has_ended_a_line_gives_way_though_the_next_one_has_begun() -> None:
    ahead = ReadAhead()
    mine = [Connection(ahead, 1) for _ in range(10)]
    for one in mine:
        while one.is_read and one.kept < 250_000:
            one.receive(A_READ, ends=False)
    for one in mine:
        if one.is_read:
            one.receive(1, ends=False)
    turns = []
    for _ in range(len(mine)):
        (going_on,) = (one for one in mine if one.is_read)
        turns.append(going_on)
        ahead.keeps(going_on.share, going_on, going_on.kept + 250_000, going_on.kept)
        assert not going_on.is_read
        going_on.take(going_on.whole)
    assert set(turns) == set(mine)


def test_when_there_is_room_again_all_users_are_read() -> None:
    ahead = ReadAhead()
    users = [[Connection(ahead, user) for _ in range(3)] for user in range(30)]
    for _ in range(10):
        for connection in itertools.chain(*users):
            if connection.is_read and connection.kept < 240_000:
                connection.receive(A_READ, ends=False)
    assert sum(connection.is_read for connection in users[29]) < 3
    for connection in itertools.chain(*users[:29]):
        connection.close()
    assert all(connection.is_read for connection in users[29])


def test_all_users_together_have_a_bound_and_of_each_one_goes_on() -> None:
    ahead = ReadAhead()
    users = [[Connection(ahead, user) for _ in range(5)] for user in range(30)]
    progress = True
    while progress:
        progress = False
        for connection in itertools.chain(*users):
            if connection.is_read and connection.kept < 250_000:
                progress = bool(connection.receive(A_READ, ends=False)) or progress
    assert ahead.kept <= OF_ALL + 30 * (MAX_EVENT_BYTES + 5 * A_LITTLE)
    for mine in users:
        assert any(connection.is_read for connection in mine)
    late = Connection(ahead, 99)
    assert late.receive(A_READ, ends=True) == A_LITTLE
    for connection in itertools.chain(*users):
        connection.close()
    late.take(A_LITTLE)
    assert ahead.at_once(late.share, late) == A_READ


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_in_whatever_order_nobody_stands_still_and_nothing_is_left(
    seed: int,
) -> None:
    chance = random.Random(seed)
    ahead = ReadAhead()
    users = [[Connection(ahead, user) for _ in range(chance.randrange(1, 9))] for user in range(20)]
    all_ = [*itertools.chain(*users)]
    for _ in range(3000):
        one = chance.choice(all_)
        if one.is_read and chance.random() < 0.8:
            one.receive(chance.randrange(1, A_READ), ends=chance.random() < 0.05)
        elif chance.random() < 0.5:
            one.take(chance.randrange(1, A_READ))
        assert ahead.kept == sum(each.kept for each in all_)
        for mine in users:
            assert sum(each.kept for each in mine) <= OF_USER + 2 * A_READ + MAX_EVENT_BYTES * 2
            assert any(each.is_read or each.whole for each in mine)
    for one in all_:
        one.take(one.whole)
    while stuck := [one for one in all_ if one.kept]:
        going_on = [one for one in stuck if one.is_read]
        assert going_on
        for one in going_on:
            if one.is_read:
                one.receive(1, ends=True)
                one.take(one.whole)
    assert all(one.is_read for one in all_)
    for one in all_:
        one.close()
    assert not ahead._of


def test_replies_that_are_not_read_have_a_bound_for_each_user_and_over_all() -> None:
    ahead = ReadAhead()
    share = ahead.opened(1)
    assert not ahead.leaves_unread(share, UNREAD_OF_USER)
    assert ahead.leaves_unread(share, 1)
    assert not ahead.leaves_unread(share, -1)
    for user in range(2, 2 + UNREAD_OF_ALL // UNREAD_OF_USER - 1):
        assert not ahead.leaves_unread(ahead.opened(user), UNREAD_OF_USER)
    assert ahead.leaves_unread(ahead.opened(100), 1)
