"""How a stream is on its nodes, as fleet status says it."""

from nats.js.api import ClusterInfo, PeerInfo, StreamConfig, StreamInfo, StreamState

from zaiond.fleet import names
from zaiond.fleet.admin import health

STATE = StreamState(messages=0, bytes=0, first_seq=1, last_seq=0, consumer_count=1)


def _stream() -> StreamInfo:
    peers = [PeerInfo(name=name, current=True, active=5_000_000) for name in ("n2", "n3")]
    return StreamInfo(
        config=StreamConfig(name=names.STREAM, num_replicas=3),
        state=STATE,
        cluster=ClusterInfo(leader="n1", replicas=peers),
    )


def test_a_stream_that_all_nodes_have_is_well() -> None:
    found = health(names.STREAM, _stream(), frozenset())
    assert found["state"] == "ok"
    assert {each["node"]: each["current"] for each in found["replicas"]} == {
        "n1": True, "n2": True, "n3": True
    }  # fmt: skip


def test_a_node_without_the_hub_s_consumer_is_no_whole_one_be_it_the_leader() -> None:
    for node in ("n1", "n3"):
        found = health(names.STREAM, _stream(), frozenset({node}))
        assert found["state"] == "degraded"
        assert [each["node"] for each in found["replicas"] if not each["current"]] == [node]
        assert not any(each["offline"] for each in found["replicas"])


def test_a_stream_that_is_not_there_is_missing() -> None:
    assert health(names.STREAM, None, frozenset())["state"] == "missing"
