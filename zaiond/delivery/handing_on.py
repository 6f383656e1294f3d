"""What a machine of a fleet hands on to its hubs instead of mailing it, and what it tells by itself
all the same. Pure.
"""

from collections.abc import Callable
from typing import Protocol

from msgspec import structs

from zaiond.delivery import words
from zaiond.event_rules import is_drill
from zaiond.model import Event, Routing, StoredEvent
from zaiond.routing.decision import Decision, Tell
from zaiond.routing.job import SUCCEEDED
from zaiond.routing.problem import CLOSED_BY_HAND, job_key
from zaiond.routing.records import is_shared
from zaiond.routing.state import MOST_PROBLEMS, State, cut
from zaiond.users import NO_UID
from zaiond.way import HUBS

# Bytes of an event's line: with its headers the fleet's stream takes no more. Only a mail that a
# program wrote can be longer.
LONGEST = 1024**2 - 4096
OWN = "zaiond.fleet."  # what the types of notices of being a member begin with
ROUTING = Routing(reason=words.HANDED_ON)
_HAND_ON = Decision((Tell("", (HUBS,), ROUTING),))
# The rows of events that say an end and wait for the hubs, by uid, job and key.
Ends = dict[tuple[int, str | None, str | None], int]


class OfFleet(Protocol):
    """What the mails of a machine that belongs to a fleet need to know of it."""

    def letter(self, stored: StoredEvent) -> bytes:
        """The event as a member hands it on."""

    def message_id(self, machine: str, stored: StoredEvent, *of: str) -> str:
        """The Message-ID, with its angle brackets, of the mail `of` this kind about an event, or
        about several of which it is the first: the same on every machine of the fleet. `machine`
        is the name of this one.
        """


def decided(event: Event, state: State, here: Callable[[], Decision]) -> Decision:
    """What becomes of an event that is handed on; `here` says what would, if it was told of from
    here.
    """
    return handed_on(here() if ends_here(event, state) else None)


def alone(event: Event, here: Decision, seq: int, ends: Ends) -> Decision:
    """What becomes of an event that would be handed on, while nothing is, as `here` says. The end
    of a problem goes to the hubs all the same, when they are there again: they may have told of its
    beginning, and what is reported after its end would else be counted to it, and nobody told.
    """
    if not says_an_end(event):
        return here
    if len(ends) >= MOST_PROBLEMS:
        ends.clear()
    if ends.setdefault((event.uid, event.job, event.key), seq) != seq:
        return here  # one is enough
    if here.end is not None and here.end.outcome == "dropped":
        return _HAND_ON  # nobody heard of it from here
    return handed_on(here)


def says_an_end(event: Event) -> bool:
    """Whether it says that something is well that may have been a problem."""
    if event.extensions and is_drill(event.extensions):
        return False
    if event.job is not None:
        return event.type == SUCCEEDED
    return event.key is not None and event.status == "ok"


def waits_for_hubs(decision: Decision) -> bool:
    """Whether it goes to the hubs, and is told to nobody here."""
    return decision is _HAND_ON


def is_handed_on(event: Event, *, by_hub: bool) -> bool:
    """Whether an event goes to the hubs. Of a member all but what it tells of being one, and what
    is said of a problem that it knows of itself. Of a hub what programs on its own machine say.
    """
    if by_hub:
        return not event.notice and event.uid <= NO_UID
    return not (event.notice and (event.type == CLOSED_BY_HAND or event.type.startswith(OWN)))


def ends_here(event: Event, state: State) -> bool:
    """Whether it ends a problem that was told of from here: then who heard of it from here hears
    of its end from here, too.
    """
    if event.job is not None:
        key, is_end = job_key(event.job), event.type == SUCCEEDED
    else:
        key, is_end = f"{event.uid} {cut(event.key or '')}", event.status == "ok"
    there = state.problems.get(key) if is_end else None
    return there is not None and not is_shared(there)


def handed_on(here: Decision | None = None) -> Decision:
    """It goes to the hubs, and is told `here` as this says."""
    if here is None:
        return _HAND_ON
    return structs.replace(here, tells=(*_HAND_ON.tells, *here.tells))
