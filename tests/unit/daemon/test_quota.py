"""What each user may take up."""

import pytest

from zaiond.daemon.quota import Quotas
from zaiond.errors import EventError


def quotas() -> Quotas:
    made = Quotas({1: (2, 100)})
    made.connections, made.events_waiting, made.bytes_waiting = 2, 4, 1000
    return made


def refused(made: Quotas, uid: int, size: int) -> EventError:
    with pytest.raises(EventError) as raised:
        made.reserve(uid, 1, size)
    return raised.value


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
    assert made.events == 3


def test_each_user_has_his_own() -> None:
    made = quotas()
    for _ in range(2):
        made.reserve(1, 1, 1)
    refused(made, 1, 1)
    made.reserve(2, 1, 1)
    assert made.events == 5


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
    assert [made.connect(5) for _ in range(3)] == [True, True, False]
    made.disconnect(5)
    assert made.connect(5)


def test_other_limits_count_at_once() -> None:
    made = quotas()
    made.events_waiting = 2
    refused(made, 1, 1)
    made.events_waiting = 3
    made.reserve(1, 1, 1)


def test_who_has_nothing_takes_no_memory() -> None:
    made = Quotas({})
    for uid in range(1000):
        assert made.connect(uid)
        made.reserve(uid, 1, 10)
        made.release(uid, 10)
        made.disconnect(uid)
    assert not made._of


def test_several_events_are_reserved_together_or_not_at_all() -> None:
    made = quotas()  # 2 of 4 events are waiting, of 100 bytes
    for events, size in ((3, 30), (2, 901)):
        with pytest.raises(EventError):
            made.reserve(1, events, size)
    made.reserve(1, 2, 900)
    assert made.events == 4
