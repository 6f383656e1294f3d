"""What the fleet keeps in its engine, and what of that differs from what there is. Pure.

A stream is described by the engine's own words (JetStream's API): a mapping of the settings that
matter to us. Sizes in bytes, times in seconds.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from zaiond.fleet import names

# Events that may wait for a hub, unless another number is given: so many that the account's
# max_disk (docs/fleet.md) refuses before. By a stream's own bounds nats-server (2.9, at least)
# drops what it has acknowledged: at max_bytes, of which it counts a message smaller than it is, the
# oldest for one more; at max_msgs all of it, when nodes are killed one after the other while it
# refuses: on what a stream refuses the nodes had agreed, and a killed one forgets how often.
MAX_EVENTS = 10_000_000
LONGEST_MESSAGE = 1024**2  # bytes: of an event with its headers
LONGEST_WORD = 4096  # bytes: those of all members must have room beside each other
REPLICAS = 3
_SMALL = 64 * 1024**2  # bytes of what is kept beside the events: of 200 machines it is 100 KiB
# What can be changed while the stream is in use: nothing that waits in it is lost by that.
_CHANGED_LIVE = {
    "max_msgs", "max_bytes", "max_msg_size", "num_replicas", "discard",
    "max_msgs_per_subject", "allow_rollup_hdrs", "max_age", "deny_delete", "deny_purge",
}  # fmt: skip

Stream = dict[str, Any]


class Difference(NamedTuple):
    """A setting of a stream that is not as it should be."""

    setting: str
    found: Any
    wanted: Any


class Comparison(NamedTuple):
    """What of a stream can be mended while it is in use, and what can't."""

    mended: tuple[Difference, ...]
    refused: tuple[Difference, ...]


def wanted(replicas: int, max_events: int) -> tuple[Stream, ...]:
    """The streams of a fleet: events, last words, and the hubs' bucket (ADR-8: a bucket is a stream
    of a certain form)."""
    common = {"storage": "file", "num_replicas": replicas, "max_age": 0}
    return (
        {
            "name": names.STREAM,
            "subjects": [names.EVENTS],
            "retention": "workqueue",  # what a hub has acknowledged is gone
            "discard": "new",  # full: the members keep their events
            "max_msgs": max_events,
            "max_bytes": -1,
            "max_msg_size": LONGEST_MESSAGE,
            # Or a member could purge the stream with a header of its own, or by the subject to
            # which it has the engine acknowledge what it publishes.
            "allow_rollup_hdrs": False,
            "deny_delete": True,
            "deny_purge": True,
            **common,
        },
        {
            "name": names.ALIVE_STREAM,
            "subjects": [names.ALIVE],
            "retention": "limits",
            "discard": "old",
            "max_bytes": _SMALL,
            "max_msg_size": LONGEST_WORD,
            "max_msgs_per_subject": 1,
            "allow_rollup_hdrs": False,
            **common,
        },
        {
            "name": names.BUCKET_STREAM,
            "subjects": [f"$KV.{names.BUCKET}.>"],
            "retention": "limits",
            "discard": "new",
            "max_bytes": 4 * _SMALL,
            "max_msgs_per_subject": 1,
            "allow_rollup_hdrs": True,  # a bucket has it
            **common,
        },
    )


def compare(wanted: Stream, found: Mapping[str, Any], waiting: int) -> Comparison:
    """What of a stream differs; `found` are its settings, `waiting` how many messages are
    in it. What would lose an event is refused."""
    differs = [
        Difference(name, found.get(name), value)
        for name, value in wanted.items()
        if not _same(found.get(name), value)
    ]
    refused = [
        each
        for each in differs
        if each.setting not in _CHANGED_LIVE
        or (each.setting == "max_msgs" and each.wanted < waiting)
    ]
    return Comparison(tuple(each for each in differs if each not in refused), tuple(refused))


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        return sorted(found or []) == sorted(wanted)
    return (found or 0) == (wanted or 0) if not isinstance(wanted, str) else found == wanted
