"""What each user may take up."""

import contextlib
from dataclasses import replace

import pytest

from zaiond.config.schema import Limits
from zaiond.errors import EventError
from zaiond.intake.quota import USERS, Quotas
from zaiond.users import NO_UID, abroad


def quotas() -> Quotas:
    made = Quotas({1: (2, 100)})
    made.limits = Limits(connections=2, events_waiting=4, bytes_waiting=1000)
    return made


def refused(made: Quotas, uid: int, size: int) -> EventError:
    with pytest.raises(EventError) as raised:
        made.reserve(uid, 1, size)
    return raised.value


def not_connected(made: Quotas, uid: int) -> str:
    with pytest.raises(EventError) as raised:
        made.connect(uid)
    assert raised.value.code == "quota"
    return raised.value.text.en


def test_what_was_waiting_at_the_start_counts() -> None:
    made = quotas()
    made.reserve(1, 1, 10)
    made.reserve(1, 1, 10)
    error = refused(made, 1, 10)
    assert (error.code, error.field) == ("quota", None)
    assert "limits.events_waiting" in error.text.en
    assert "4" in error.text.ja


def test_bytes_are_bounded_to_the_byte() -> None:
    made = quotas()
    made.reserve(1, 1, 900)
    assert "limits.bytes_waiting" in refused(made, 1, 1).text.en


def test_what_was_refused_takes_nothing() -> None:
    made = quotas()
    refused(made, 1, 10_000)
    made.reserve(1, 1, 900)
    assert made.in_all.events == 3


def test_each_user_has_his_own() -> None:
    made = quotas()
    for _ in range(2):
        made.reserve(1, 1, 1)
    refused(made, 1, 1)
    made.reserve(2, 1, 1)
    assert made.in_all.events == 5


def test_what_ended_makes_room() -> None:
    made = quotas()
    made.reserve(1, 1, 900)
    made.release(1, 900)
    made.reserve(1, 1, 900)


def test_the_daemons_own_events_always_have_room() -> None:
    made = quotas()
    for _ in range(10):
        made.count(1, 1000)
    refused(made, 1, 1)


def test_connections_are_bounded_and_come_back() -> None:
    made = quotas()
    made.connect(5)
    made.connect(5)
    assert "limits.connections" in not_connected(made, 5)
    made.disconnect(5)
    made.connect(5)


def test_other_limits_count_at_once() -> None:
    made = quotas()
    made.limits = replace(made.limits, events_waiting=2)
    refused(made, 1, 1)
    made.limits = replace(made.limits, events_waiting=3)
    made.reserve(1, 1, 1)


def test_who_has_nothing_takes_no_memory() -> None:
    made = Quotas({})
    for uid in range(1000):
        made.connect(uid)
        made.reserve(uid, 1, 10)
        made.release(uid, 10)
        made.disconnect(uid)
    assert not made._uids
    assert not made._users


def test_several_events_are_reserved_together_or_not_at_all() -> None:
    made = quotas()  # 2 of 4 events are waiting, of 100 bytes
    for events, size in ((3, 30), (2, 901)):
        with pytest.raises(EventError):
            made.reserve(1, events, size)
    made.reserve(1, 2, 900)
    assert made.in_all.events == 4


def test_all_users_together_have_a_bound_of_events_and_bytes_that_is_none_for_root() -> None:
    made = Quotas({})
    made.limits = Limits(events_waiting=4, bytes_waiting=1000)
    for uid in range(1, USERS // 2 + 1):
        made.reserve(uid, 4, 8)
    for uid in range(100, 100 + 32):
        made.reserve(uid, 1, 1)
    assert "16 × limits.events_waiting: 64" in refused(made, 99, 1).text.en
    for _ in range(4):
        made.reserve(0, 1, 8)
        made.count(99, 1)  # a notice of our own
    assert "(limits.events_waiting: 4)" in refused(made, 0, 1).text.en
    made.release(1, 8)
    assert "16 × limits" in refused(made, 98, 1).text.en  # root's and our own count
    for _ in range(4):
        made.release(2, 8)
        made.release(3, 8)
    made.reserve(98, 1, 1)

    made = Quotas(dict.fromkeys(range(1, USERS + 1), (1, 1000)))
    made.limits = replace(made.limits, bytes_waiting=1000)
    assert "16 × limits.bytes_waiting: 16000" in refused(made, 99, 1).text.en


def test_another_machine_has_the_bound_of_all_together_alone_and_leaves_others_room() -> None:
    one, other, user = abroad(1, 1000) | NO_UID, abroad(2, 1000), 1000
    made = Quotas({}, lambda uid: uid | NO_UID if uid > NO_UID else uid)
    made.limits = Limits(events_waiting=1000, bytes_waiting=1_000_000)
    made.reserve(one, USERS * 1000 // 2, 1)  # more than a user of this machine may have
    error = refused(made, one, 1)
    assert str(USERS * 1000) in error.text.en
    made.reserve(other, 1, 1)
    made.reserve(user, 1, 1)


def test_all_connections_together_have_a_bound_that_does_not_count_for_root() -> None:
    made = Quotas({}, most_connections=30)
    made.limits = replace(made.limits, connections=3)
    for connection in range(15):
        made.connect(1 + connection // 3)
    for uid in range(100, 115):
        made.connect(uid)
    assert "(at most LimitNOFILE=: 30)" in not_connected(made, 99)
    made.connect(0)
    made.disconnect(1)
    assert "(at most LimitNOFILE=: 30)" in not_connected(made, 99)  # root's count
    made.disconnect(1)
    made.connect(99)


@pytest.mark.parametrize("uids", [16, 160, 250])
def test_who_has_many_uids_can_take_nobody_his_first_connection_and_event(uids: int) -> None:
    made = Quotas({})
    for uid in range(100_000, 100_000 + uids):
        with contextlib.suppress(EventError):
            for _ in range(made.limits.connections):
                made.connect(uid)
        with contextlib.suppress(EventError):
            while True:
                made.reserve(uid, 500, 1024 * 1024)
    made.connect(1)
    made.connect(1)
    for _ in range(1000):
        made.reserve(1, 1, 8192)


def test_the_uids_of_one_user_have_one_share() -> None:
    made = Quotas({100_000: (1, 100), 100_001: (1, 100), 2: (1, 100)}, lambda uid: min(uid, 1000))
    made.limits = Limits(connections=2, events_waiting=4, bytes_waiting=1000)
    made.reserve(100_002, 1, 100)
    made.reserve(1000, 1, 100)
    assert "limits.events_waiting" in refused(made, 100_003, 1).text.en
    made.connect(100_004)
    made.connect(100_005)
    assert "limits.connections" in not_connected(made, 1000)
    made.release(100_000, 100)
    made.reserve(100_003, 1, 1)
    made.reserve(2, 3, 100)


def test_what_waits_is_released_of_whom_it_was_counted_for() -> None:
    user_of = {5: 1000}
    made = Quotas({}, lambda uid: user_of.get(uid, uid))
    made.limits = replace(made.limits, events_waiting=2)
    made.connect(5)
    made.reserve(5, 2, 20)
    user_of.clear()  # /etc/subuid has changed
    refused(made, 5, 1)
    refused(made, 1000, 1)
    made.release(5, 10)
    made.reserve(1000, 1, 1)
    made.release(5, 10)
    made.disconnect(5)
    made.release(1000, 1)
    assert not made._uids
    assert not made._users
    assert made.in_all.events == 0
    made.reserve(5, 2, 20)
    made.reserve(1000, 2, 20)


def test_what_was_never_counted_releases_nothing() -> None:
    made = quotas()
    made.connect(5)
    for uid in (5, 6, 1):
        for _ in range(10):
            made.release(uid, 50)
    assert made.in_all.events == 0
    made.reserve(1, 4, 1000)
    refused(made, 1, 1)


def test_what_is_recounted_is_the_uids_and_never_less_than_nothing() -> None:
    made = Quotas({100_000: (1, 100), 2: (1, 100)}, lambda uid: min(uid, 1000))
    made.recounted({100_000: (-5, -1000), 2: (2, 50), 3: (-1, -10)})
    assert made.waiting() == {2: (3, 150)}
    assert made.in_all.events == 3
    made.limits = replace(made.limits, events_waiting=1)
    made.reserve(100_000, 1, 100)
    refused(made, 1000, 1)


def test_who_was_refused_takes_no_memory() -> None:
    made = Quotas({}, most_connections=0)
    refused(made, 5, 10**9)
    not_connected(made, 6)
    assert not made._uids
    assert not made._users


def test_a_user_without_events_has_no_bytes() -> None:
    made = quotas()
    made.recounted({1: (-2, 0)})
    assert made.in_all.bytes == 0
    made.reserve(1, 1, 1000)
