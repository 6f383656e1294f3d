"""What routing must remember: groups, problems, jobs, silences, and how many mails were sent.

All of it is in memory, and each change is written in the transaction of the decision that made it:
`State.changes` gives the rows of `routing_state`, then `commit` or `rollback` says how that ended.
The values are never changed in place, so that a rollback is to put the old ones back.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from math import ceil
from typing import Any, Literal, cast

import msgspec

from zaiond.model import Routing
from zaiond.routing.records import (
    NEVER,
    Group,
    JobState,
    Problem,
    Sent,
    Silence,
    Value,
    Watch,
    is_shared,
)

MOST_GROUPS = 10_000
MOST_PROBLEMS = 10_000
MOST_RECIPIENTS = 10_000
MOST_SILENCES = 1_000
MOST_UNDECLARED_JOBS = 1_000
LONGEST_TEXT = 255

Kind = Literal["group", "problem", "job", "silence", "sent", "meta"]
Change = tuple[Kind, str, bytes | None]  # a row of routing_state; None: it is deleted
Row = tuple[str, str, bytes]

_TYPES: dict[str, type[Value]] = {
    "group": Group, "problem": Problem, "job": JobState, "silence": Silence, "sent": Sent,
    "meta": Watch,
}  # fmt: skip
_WATCH = "watch"
_BACK = 1.0  # seconds by which a clock may be put right without consequences


def _wake(value: Value) -> float:
    """When it is to be looked at because it is due. What is only to be forgotten is so with others,
    once a minute.
    """
    if isinstance(value, Group) and not value.is_pending:
        return ceil(value.due / 60) * 60.0
    return value.due


def cut(text: str) -> str:
    """The text, with a bound on its length: what is left out of a long one is in a hash at its end,
    so that different ones stay different.
    """
    if len(text) <= LONGEST_TEXT:
        return text
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{text[: LONGEST_TEXT - 33]}…{digest}"


class State:
    """`rows` are those of `routing_state`; one that can't be read is left out, and `unread` counts
    them. `new_message` gives the row in `messages` of a group to come.
    """

    def __init__(self, rows: Iterable[Row], new_message: Callable[[], int]) -> None:
        self.new_message = new_message
        self.groups: dict[str, Group] = {}
        self.problems: dict[str, Problem] = {}
        self.jobs: dict[str, JobState] = {}
        self.silences: dict[str, Silence] = {}
        self.sent: dict[str, Sent] = {}
        self.seen: float | None = None  # the latest time at which something was decided
        self._committed_seen: float | None = None
        self.looked: float | None = None  # as Watch.looked, which is not written each time
        self.has_looked = False  # since the start
        self.unread = 0
        self.stumbled: dict[tuple[Kind, str], Exception] = {}  # over what, since the start
        # Another machine looks after the fleet's jobs and problems (`is_shared`): this one is a
        # member, or a hub that waits.
        self.stands_by = False
        self.on_commit: Callable[[Iterable[tuple[Kind, str]]], None] | None = None
        self._meta: dict[str, Watch] = {}
        self._of: dict[Kind, dict[str, Any]] = {
            "group": self.groups, "problem": self.problems, "job": self.jobs,
            "silence": self.silences, "sent": self.sent, "meta": self._meta,
        }  # fmt: skip
        self._undo: list[tuple[Kind, str, Value | None]] = []  # what has changed was this
        self._heap: list[tuple[float, Kind, str]] = []
        self._popped: list[tuple[Kind, str]] = []  # since the last commit
        for kind, key, value in rows:
            try:
                self._of[cast(Kind, kind)][key] = msgspec.json.decode(value, type=_TYPES[kind])
            except (KeyError, msgspec.MsgspecError, UnicodeDecodeError):
                self.unread += 1
        self._rebuild()

    @property
    def watch(self) -> Watch:
        return self._meta.get(_WATCH) or Watch()

    def set_watch(self, watch: Watch) -> None:
        self._put("meta", _WATCH, watch)

    def put(self, kind: Kind, key: str, value: Value | None) -> None:
        """Remembers this, whatever was known; None: forgets it."""
        self._put(kind, key, value)

    def values(self, kind: Kind) -> Mapping[str, Any]:
        """All that is remembered of this kind."""
        return self._of[kind]

    def begin_anew(self, *, stands_by: bool) -> None:
        """As after a start: what passed since the last look at the jobs is a gap."""
        self.stands_by = stands_by
        self.looked, self.has_looked = None, False
        self._rebuild()

    def is_others(self, problem: Problem) -> bool:
        """Whether another machine looks after this problem."""
        return self.stands_by and is_shared(problem)

    def put_group(self, group: Group) -> Group:
        self._put("group", group.key, group)
        return group

    def put_problem(self, key: str, problem: Problem | None) -> None:
        self._put("problem", key, problem)

    def put_job(self, name: str, job: JobState | None) -> None:
        self._put("job", name, job)

    def put_silence(self, silence: Silence) -> None:
        self._put("silence", silence.id, silence)

    def put_sent(self, key: str, sent: Sent | None) -> None:
        self._put("sent", key, sent)

    def adopt(self, message: int, routing: Routing, began: float) -> Group:
        """Takes in a mail to come that is on disk without its group, as after salvage: it is due at
        once. No rollback takes that back: the disk has it.
        """
        group = Group(
            due=0.0, key=f"adopted {message}", routing=routing, message=message, began=began
        )
        self._set("group", group.key, group)
        return group

    def forget_group(self, group: Group) -> None:
        self._put("group", group.key, None)

    def forget_silence(self, silence: Silence) -> None:
        self._put("silence", silence.id, None)

    def _put(self, kind: Kind, key: str, value: Value | None) -> None:
        self._undo.append((kind, key, self._of[kind].get(key)))
        self._set(kind, key, value)

    def _set(self, kind: Kind, key: str, value: Value | None) -> None:
        if value is None:
            self._of[kind].pop(key, None)
            return
        self._of[kind][key] = value
        if value.due < NEVER:
            heapq.heappush(self._heap, (_wake(value), kind, key))
            if len(self._heap) > 1000 + 4 * sum(map(len, self._of.values())):
                self._rebuild()

    def _rebuild(self) -> None:
        self._heap = [
            (_wake(value), kind, key)
            for kind, values in self._of.items()
            for key, value in values.items()
            if value.due < NEVER
        ]
        heapq.heapify(self._heap)

    def _changed(self) -> Iterable[tuple[Kind, str]]:
        return dict.fromkeys((kind, key) for kind, key, _ in self._undo)

    def changes(self) -> list[Change]:
        """What is to be written for all that was decided since the last commit or rollback."""
        encode, of = msgspec.json.encode, self._of
        return [
            (kind, key, None if (value := of[kind].get(key)) is None else encode(value))
            for kind, key in self._changed()
        ]

    def changed_groups(self) -> list[Group]:
        """The mails to come among what has changed: their rows in `messages` may be due anew."""
        found = (self.groups.get(key) for kind, key in self._changed() if kind == "group")
        return [group for group in found if group is not None and group.is_pending]

    def commit(self) -> None:
        """The changes are on disk."""
        if self.on_commit is not None and self._undo:
            self.on_commit(self._changed())
        self._committed_seen = self.seen
        self.has_looked = self.has_looked or self.looked is not None
        self._undo.clear()
        self._popped.clear()

    def goes_on(self, now: float) -> bool:
        """Whether `now`, at which something is to be decided, is not before what was seen; nothing
        was seen yet: the clock may have been set back while the daemon was down.
        """
        if self.seen is None or now < self.seen - _BACK:
            return False
        self.seen = max(self.seen, now)
        return True

    @contextmanager
    def guarded(self, kind: Kind, key: str) -> Iterator[None]:
        """What is done about one thing: where that fails, it stays as it was, and all the others
        must not suffer.
        """
        mark = self.mark()
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is
            self.undo(mark)
            self.stumbled.setdefault((kind, key), error)

    def mark(self) -> int:
        return len(self._undo)

    def undo(self, mark: int = 0) -> None:
        """Takes back what was decided since `mark` gave that."""
        while len(self._undo) > mark:
            self._set(*self._undo.pop())

    def rollback(self) -> None:
        """The changes are not on disk, nor is what was decided with them."""
        self.undo()
        for popped in self._popped:
            self._set(*popped, self._of[popped[0]].get(popped[1]))
        self._popped.clear()
        self.looked = None
        self.seen = self._committed_seen  # whether the clock was set back is to be seen again

    def next_due(self) -> float | None:
        """When something becomes due, in seconds since the epoch; None: nothing does by itself."""
        while self._heap:
            due, kind, key = self._heap[0]
            value = self._of[kind].get(key)
            if value is not None and _wake(value) == due:
                return due
            heapq.heappop(self._heap)
        return None

    def is_due(self, kind: Kind, key: str, now: float) -> bool:
        """Whether there is such a thing, and its time has come."""
        value = self._of[kind].get(key)
        return value is not None and value.due <= now

    def pop_due(self, now: float, most: int = MOST_GROUPS) -> list[tuple[Kind, str]]:
        """Kind and key of the first of what is due at `now`, in order of its time, each once. After
        a rollback it is found again.
        """
        found: dict[tuple[Kind, str], None] = {}
        while len(found) < most and (due := self.next_due()) is not None and due <= now:
            _, kind, key = heapq.heappop(self._heap)
            found[kind, key] = None
        self._popped += found
        return list(found)
