"""A hub's part of the document of `status`. Pure but for what it is given."""

from typing import TYPE_CHECKING, Any

from zaiond.net.machine import rfc3339
from zaiond.text import Language

if TYPE_CHECKING:
    from zaiond.fleet.hub import Hub


def document(hub: "Hub", now: float, language: Language) -> dict[str, Any]:
    """`fleet` of the status. `hub` is the hub that works, as far as is known; `backlog` what waits
    in the engine, `members` who was heard of: both None at a hub that waits.
    """
    fault, intake = hub.fault_now, hub.intake
    connection = hub.link.now
    no_room = None if intake is None else intake.no_room
    return {
        "role": "hub",
        "machine": hub.link.machine,
        "works": hub.works,
        "hub": hub.lease.holder or None,
        "server": None if connection is None else connection.server,
        "error": None if fault is None else fault.in_language(language),
        "taken": hub.taken + (0 if intake is None else intake.taken),
        "waiting": 0 if intake is None else intake.backlog.waiting,
        "no_room": None if no_room is None else no_room.in_language(language),
        "backlog": hub.members.backlog if hub.works else None,
        "members": members(hub, now) if hub.works else None,
    }


def members(hub: "Hub", now: float) -> list[dict[str, Any]]:
    """The members that were heard of, by name."""
    heard_since, grace = hub.members.heard_since, hub.members.grace
    return [
        {
            "machine": machine,
            "last": rfc3339(word.at),
            "silent": now - max(word.at, heard_since) >= grace,
            "waiting": word.waiting,
            "state": word.state or None,
            "since": None if word.since is None else rfc3339(word.since),
            "version": word.version or None,
        }
        for machine, word in sorted(hub.members.words.items())
    ]
