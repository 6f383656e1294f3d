"""What routing remembers of each thing: mails to come, problems, jobs, silences, and how much was
sent. `State` keeps them.
"""

from typing import NamedTuple

import msgspec

from zaiond.model import SEVERITIES, GroupKind, Routing, Severity, Standing
from zaiond.users import NO_UID

RANK = {severity: rank for rank, severity in enumerate(SEVERITIES)}  # 0 is the worst
# Seconds since the epoch, of what has no time yet; on disk `groups.NEVER` stands for it.
NEVER = 9e15


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """`due` is when something becomes of it by itself, in seconds since the epoch."""

    due: float = NEVER


class Group(Value, frozen=True, kw_only=True):
    """A mail to come, or one that was made of a group a short time ago.

    `key` is its identity. `message` is its row in `messages`; 0: its mail has been made, and it is
    kept until `due` so that the next event waits for `group_interval`. `routing` is its mail's.
    `began`: when its first event joined; `flushed`: when its mail was made, or the one
    that it waits behind for `group_interval`.
    `problem`: the key in `State.problems` of the problem that its events tell of.
    """

    key: str
    routing: Routing
    message: int = 0
    began: float
    flushed: float | None = None
    problem: str | None = None

    @property
    def kind(self) -> GroupKind:
        kind = self.routing.kind
        assert kind != "event"  # noqa: S101 - that is no group's
        return kind

    @property
    def is_pending(self) -> bool:
        """Whether events of it wait for their mail."""
        return self.message != 0


def group_key(kind: GroupKind, route: str, of: object = None, job: str | None = None) -> str:
    """The identity of a group: `of` are its labels, its recipient, or its problem."""
    return msgspec.json.encode((kind, route, of, job)).decode()


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """A route that told of a problem: when its last mail was made, or will be, or was left out as
    the one before had reached nobody; and when it will remind of it.
    """

    route: str
    at: float
    remind: float = NEVER


class Problem(Value, frozen=True, kw_only=True):
    """A problem that is open. `due`: when somebody is reminded of it.

    `uid` and `key` identify it, or `job` alone that of a job. `since`: when it was opened; `last`:
    when it was last reported; `count`: how often. `event` is the row (seq) of its first event that
    somebody was told of, `id` its id; `type`, `source` and `subject` are that event's. `told`: the
    routes that told of it; none: nobody knows of it yet. `hidden` is the silence that its last
    report ran into; `hinted`: the admins were told that a silence hid it when that ended.
    `shared`: it is the fleet's, whatever its `uid`.
    """

    uid: int
    key: str
    job: str | None = None
    since: float
    last: float
    count: int = 1
    worst: Severity
    event: int = 0
    id: str = ""
    type: str = ""
    source: str = ""
    subject: str | None = None
    told: tuple[Told, ...] = ()
    hidden: str | None = None
    hinted: bool = False
    shared: bool = False

    @property
    def standing(self) -> Standing:
        """How it stands while it is open."""
        return Standing(self.since, None, self.count)


def is_shared(problem: Problem) -> bool:
    """Whether it is the fleet's, after which the hub that works looks: all but what a machine has
    told of its own.
    """
    return problem.shared or problem.uid > NO_UID


class Run(NamedTuple):
    """A run of a job: when it ended, how long it took in seconds (None: its start is not known),
    and whether it succeeded.
    """

    ended: float
    seconds: float | None
    ok: bool


class JobState(Value, frozen=True, kw_only=True):
    """What is known of a job. Times are seconds since the epoch, None: never.

    `declared`: since when it is in the configuration, None: it is not; `schedule`: in its words.
    `heard`: the time of the last event that tells of it. `running`: when the run began that has not
    ended; `overdue`: this one, if it was told to take too long. `failures`: so many in a row, since
    `failing`. `told_through`: slots up to this one are judged, `known`: an administrator knows.
    `runs`: the last MOST_RUNS that have ended, in the order in which that was heard. `machine`: of
    a fleet, where it was last heard of; None: here.
    """

    declared: float | None = None
    schedule: str = ""
    heard: float | None = None
    started: float | None = None
    ended: float | None = None
    succeeded: float | None = None
    running: float | None = None
    failures: int = 0
    failing: float | None = None
    told_through: float | None = None
    known: float | None = None
    overdue: float | None = None
    runs: tuple[Run, ...] = ()
    machine: str | None = None


class Silence(Value, frozen=True, kw_only=True):
    """Events that match are told to nobody until `due`, which is when it ends.

    `match` holds pairs of a field and a shell pattern (silence.parse_match); all fields must match,
    a field several times means any of its patterns. `by` is who made it, `created` when; `hidden`
    is how many events it has hidden.
    """

    id: str
    match: tuple[tuple[str, str], ...] = ()
    comment: str
    by: str
    created: float
    hidden: int = 0


class Sent(Value, frozen=True, kw_only=True):
    """How many mails a recipient got in the last `window` seconds, by 60ths of it (throttle.py)."""

    window: float
    buckets: dict[int, int] = {}


class Watch(Value, frozen=True, kw_only=True):
    """When the daemon last looked at the jobs, and the last time in which it could not."""

    looked: float = 0.0
    gap_from: float = 0.0
    gap_until: float = 0.0
