"""A hub's part of the document of `status`. Pure but for what it is given."""

from typing import TYPE_CHECKING, Any

from zaiond.net.machine import rfc3339
from zaiond.text import Language

if TYPE_CHECKING:
    from zaiond.fleet.hub import Hub


_NAMES = ("machine", "works", "hub", "taken", "waiting", "no_room", "backlog", "members")


def document(hub: "Hub | None", now: float, language: Language) -> dict[str, Any]:
    """What a hub has in `fleet` of the status beside what a member has. `hub` is the hub that
    works, as far as is known; `backlog` what waits in the engine, `members` who was heard of: both
    None at a hub that waits.
    """
    if hub is None:  # without a name that the fleet can have
        return {**dict.fromkeys(_NAMES), "works": False, "taken": 0, "waiting": 0}
    intake = hub.intake
    no_room = None if intake is None else intake.no_room
    return {
        "machine": hub.link.machine,
        "works": hub.works,
        "hub": hub.lease.holder or None,
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
