"""What routing decides, of an event or of what is due, and for the one who carries it out.

Who carries it out writes all of it, and `State.changes()`, in one transaction.
"""

from typing import Literal, NamedTuple

import msgspec

from zaiond.model import Routing
from zaiond.routing.records import Group, JobState, Problem, Silence
from zaiond.text import Text


class Tell(msgspec.Struct, frozen=True):
    """The mail about the event is made now.

    `to` are its recipients as the configuration has them. `absorbs`: the events of these groups are
    in that mail, too (they were counted until the problem was closed): their rows in
    `message_events` become this message's, and their own rows in `messages` are deleted. What the
    mail tells is the event and `routing.standing`; they only belong to it.
    """

    route: str
    to: tuple[str, ...]
    routing: Routing
    absorbs: tuple[Group, ...] = ()


class Join(msgspec.Struct, frozen=True):
    """The event joins a mail to come; `is_new`: that has no row in `messages` yet.

    `absorbs`: as of a Tell; the events of these groups join, too. Several joins, and a tell, of one
    decision may absorb the same group: its events are then in each of them.
    """

    group: Group
    is_new: bool = False
    absorbs: tuple[Group, ...] = ()


class End(msgspec.Struct, frozen=True):
    """The event is told to nobody. `absorbs`: the events of these groups end with it, in the same
    way, where no other message has them; the groups' rows in `messages` are deleted.
    """

    outcome: Literal["dropped", "silenced"]
    reason: Text
    absorbs: tuple[Group, ...] = ()


class Decision(msgspec.Struct, frozen=True):
    """What becomes of an event: it is told of, it joins, or both, by one route or several; or it
    ends.
    """

    tells: tuple[Tell, ...] = ()
    joins: tuple[Join, ...] = ()
    end: End | None = None


class Flush(msgspec.Struct, frozen=True):
    """A group is due. Its mail is made of its events and goes to `to`; its row in `messages` is
    that of the mail (`due` NULL). `to` empty: nobody can be told now, and its row is deleted.

    `into`: its events are in these groups, too, as who is no longer told now is told later (INSERT
    ... SELECT of their rows in `message_events`). A group whose events were all deleted by hand
    makes no mail: its row is deleted, whatever is said here.
    """

    group: Group
    to: tuple[str, ...]
    routing: Routing
    into: tuple[Join, ...] = ()

    @property
    def is_inherited(self) -> bool:
        """Those for whom it was held are no recipients any more: others get in their place what no
        other mail tells these.
        """
        held_for = self.group.routing.recipients or ()
        return bool(held_for and self.to) and set(held_for).isdisjoint(self.to)


class Remind(msgspec.Struct, frozen=True):
    """A problem is still open, and was not reported again since its last mail: the first event
    that told of it (`problem.event` is its row) is told of again, in a new message.
    """

    problem: Problem
    route: str
    to: tuple[str, ...]
    routing: Routing


class Expired(msgspec.Struct, frozen=True):
    """A silence has ended, by time or by hand. `hides`: problems that it hid and that are open;
    if there are any, the admins are told by `zaiond.silence.hides`.
    """

    silence: Silence
    hides: tuple[Problem, ...] = ()


class Missed(msgspec.Struct, frozen=True):
    """A job was not heard of in these slots (seconds since the epoch, the latest MOST_SLOTS of
    `count`): an event `job.missed`, whose id is `id`. `daemon_down`: the daemon could not hear it
    in one of them.
    """

    job: str
    state: JobState
    slots: tuple[float, ...]
    count: int
    daemon_down: bool
    id: str


class Overdue(msgspec.Struct, frozen=True):
    """A run of a job takes longer than its `max_runtime`: an event `job.overdue`, whose id is `id`.
    `started`: when it began.
    """

    job: str
    state: JobState
    started: float
    max_runtime: float
    id: str


ByItself = Expired | Missed | Overdue  # what is told of by an event of the daemon's own
Due = Flush | Remind | ByItself


class Route(NamedTuple):
    """A route as a mail that there is already needs it: its name, "" of the default, and who gets
    what it tells of now; never nobody.
    """

    name: str
    to: tuple[str, ...]
