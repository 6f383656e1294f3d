"""On which nodes the consumer is that the hub reads by."""

from nats.js.api import ClusterInfo, PeerInfo

from zaiond.fleet.consumer import lacking

HEARD = PeerInfo(current=True, active=5_000_000)
LATE = PeerInfo(current=False, active=5_000_000)
UNHEARD = PeerInfo(current=False, active=0)


def _led_by(leader: str, **replicas: PeerInfo) -> ClusterInfo:
    """As its leader tells of it."""
    peers = [
        PeerInfo(name=name, current=peer.current, active=peer.active)
        for name, peer in replicas.items()
    ]
    return ClusterInfo(leader=leader, replicas=peers)


def test_a_node_lacks_the_consumer_that_has_the_stream_and_was_never_heard_by_it() -> None:
    stream = _led_by("n1", n2=HEARD, n3=HEARD)
    assert lacking(stream, _led_by("n1", n2=HEARD, n3=UNHEARD)) == {"n3"}
    assert lacking(stream, _led_by("n2", n1=UNHEARD, n3=HEARD)) == {"n1"}


def test_a_node_that_is_down_or_behind_lacks_nothing_that_could_be_made_there() -> None:
    is_down = _led_by("n1", n2=HEARD, n3=UNHEARD)
    assert not lacking(is_down, _led_by("n1", n2=HEARD, n3=UNHEARD))
    is_there = _led_by("n1", n2=HEARD, n3=HEARD)
    assert not lacking(is_there, _led_by("n1", n2=HEARD, n3=LATE))
    assert not lacking(is_there, _led_by("n1", n2=HEARD, n3=HEARD))


def test_one_node_alone_lacks_nothing() -> None:
    assert not lacking(None, None)
