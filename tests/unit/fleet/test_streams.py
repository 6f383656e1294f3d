"""What differs of the streams that there are from those that a fleet needs."""

from typing import Any

from zaiond.fleet import streams
from zaiond.fleet.streams import compare, wanted


def found(**changed: Any) -> dict[str, Any]:
    return {**wanted(3, 10**9)[0], "description": None, "no_ack": False, **changed}


def test_what_is_as_it_should_be_stays() -> None:
    for stream in wanted(3, 10**9):
        assert compare(stream, dict(stream), 0) == ((), ())


def test_what_loses_nothing_is_mended() -> None:
    compared = compare(wanted(3, 10**9)[0], found(num_replicas=1, max_msgs=5), 10**6)
    assert {each.setting for each in compared.mended} == {"num_replicas", "max_msgs"}
    assert compared.refused == ()


def test_what_waits_is_never_cut_off() -> None:
    compared = compare(wanted(3, 1000)[0], found(), 1001)
    assert [each.setting for each in compared.refused] == ["max_msgs"]


def test_another_use_of_the_stream_is_refused() -> None:
    there = found(subjects=["orders.*"], retention="limits", storage="memory")
    compared = compare(wanted(3, 10**9)[0], there, 0)
    assert {each.setting for each in compared.refused} == {"subjects", "retention", "storage"}


def test_a_member_can_purge_no_stream_of_events() -> None:
    events, alive, _ = wanted(3, 10**9)
    assert not events["allow_rollup_hdrs"]
    assert not alive["allow_rollup_hdrs"]
    assert events["deny_purge"]
    assert events["deny_delete"]
    before = found(allow_rollup_hdrs=True, deny_purge=False, deny_delete=False)
    compared = compare(events, before, 0)
    assert {each.setting for each in compared.mended} == {
        "allow_rollup_hdrs", "deny_purge", "deny_delete"
    }  # fmt: skip


def test_a_full_stream_refuses_and_drops_nothing() -> None:
    events = wanted(1, streams.MAX_EVENTS)[0]
    assert events["discard"] == "new"
    assert events["max_bytes"] == -1  # by which nats-server drops what it has acknowledged
