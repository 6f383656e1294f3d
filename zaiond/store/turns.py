"""In which order events are routed: in turns over their users, what is urgent first. Pure.

This is start-time fair queueing (Goyal, Vin, Cheng 1996). Each event gets a `turn` when it is taken
in: one more than the last one of its user, and more than that of what was routed last. Who sends
one event beside a flood has it routed next; who floods slows himself alone. Urgent events have
turns of their own.

An event that is `ahead` is routed before others that were taken in before it. All others are in
order of their turns by their `seq`, too, so it is these few alone that have to be looked for, from
`now` on. That is the turn of what is being routed; but where events with an earlier turn come to
disk meanwhile, or the routing fails, it goes back to theirs.
"""

from collections import Counter, deque
from collections.abc import Callable, Container, Iterable, Sequence
from itertools import repeat
from operator import attrgetter, itemgetter
from typing import NamedTuple

from zaiond.model import NewEvent, Place, StoredEvent, WaitingLine

DAEMON = -1  # the user whose events are the daemon's own notices
MOST_USERS = 1000  # of whom the last turn is remembered, though it is over
MOST_OF_A_LANE = 10  # events that go before one of their lane, in its turn
KEPT_FOR_OTHERS = 10  # one of so many is not urgent, where another user has nothing urgent


class Line(NamedTuple):
    """The events or mails of a user, urgent or not."""

    user: int
    urgent: bool


class Turns:
    """Gives turns, and knows how many events wait in each line."""

    def __init__(
        self,
        found: Iterable[WaitingLine] = (),
        last: tuple[int, int] = (0, 0),
        user_of: Callable[[int], int] = int,
    ) -> None:
        """`found` waits at the start; `last` are the highest turns of those ahead in all history,
        of what is not urgent and of what is. `user_of` says whose a uid is.
        """
        self.waiting: Counter[Line] = Counter()
        self.total = 0  # how many events wait
        self.ahead = 0  # how many of those that wait
        self._user_of = user_of
        self._last: dict[Line, int] = {}
        self._highest = list(last)
        self._now = list(last)  # `now`, by urgency
        lines = list(found)
        for one in lines:
            line = self._line(one.uid, one.notice, one.urgent)
            self._last[line] = max(self._last.get(line, 0), one.last_turn)
            self._highest[line.urgent] = max(self._highest[line.urgent], one.last_turn)
        for urgent in (False, True):
            first = [one.first_turn - 1 for one in lines if bool(one.urgent) == urgent]
            self._now[urgent] = max(0, min(first, default=self._highest[urgent]))
        self.recounted(lines)

    @property
    def now(self) -> tuple[int, int]:
        """No event that is ahead and waits has an earlier turn: what is not urgent, what is."""
        return self._now[0], self._now[1]

    def line(self, event: StoredEvent) -> Line:
        """Whose the event is, and whether it is urgent."""
        return self._line(event.uid, event.notice, event.urgent)

    def _line(self, uid: int, notice: bool, urgent: bool) -> Line:
        return Line(DAEMON if notice else self._user_of(uid), bool(urgent))

    def give(self, batch: list[NewEvent], *, notice: bool = False) -> list[Place]:
        """Turns for events that are about to be taken in, in the order in which they are to be:
        where they are of several users, alternating.
        """
        uids = set(map(_UID, batch))
        if len(uids) == 1 and not any(map(_URGENT, batch)):
            # As it mostly is, and so it must cost next to nothing.
            return self._give_to_one(self._line(batch[0][1], notice, urgent=False), len(batch))
        order = range(len(batch)) if len(uids) < 2 else _alternating(batch)
        lines: dict[tuple[int, bool], Line] = {}
        highest, places = self._highest, []
        for index in order:
            _, uid, _, _, _, urgent, _ = batch[index]
            line = lines.get((uid, urgent))
            if line is None:
                line = lines[uid, urgent] = self._line(uid, notice, urgent)
                self._last[line] = self._last_turn(line)
            turn = self._last[line] = self._last[line] + 1
            places.append((index, turn, urgent or turn < highest[0]))
            if turn > highest[urgent]:
                highest[urgent] = turn
        return places

    def _give_to_one(self, line: Line, number: int) -> list[Place]:
        first = self._last_turn(line) + 1
        turns, highest = range(first, first + number), self._highest[0]
        self._last[line] = turns[-1]
        self._highest[0] = max(highest, turns[-1])
        ahead = repeat(False) if first >= highest else (turn < highest for turn in turns)
        return list(zip(range(number), turns, ahead, strict=False))

    def _last_turn(self, line: Line) -> int:
        return max(self._now[line.urgent], self._last.get(line, 0))

    def accepted(self, events: Sequence[StoredEvent]) -> None:
        """These wait from now on."""
        # Counted by what they are as they are stored: that is much faster.
        for (uid, notice, urgent), number in Counter(map(_LINE, events)).items():
            self.waiting[self._line(uid, notice, urgent)] += number
        self.total += len(events)
        ahead = sum(map(_AHEAD, events))
        if ahead:
            self.ahead += ahead
            self.not_routed(events)

    def gone(self, events: Sequence[StoredEvent]) -> None:
        """These wait no longer."""
        for (uid, notice, urgent), number in Counter(map(_LINE, events)).items():
            line = self._line(uid, notice, urgent)
            self.waiting[line] -= number
            if not self.waiting[line]:
                del self.waiting[line]
        self.total -= len(events)
        self.ahead -= sum(map(_AHEAD, events))
        if len(self._last) > MOST_USERS:
            self._last = {
                line: turn for line, turn in self._last.items() if turn > self._now[line.urgent]
            }

    def none_waits(self) -> None:
        """No event waits, whatever was known."""
        self.waiting.clear()
        self.total = self.ahead = 0

    def recounted(self, found: Iterable[WaitingLine]) -> None:
        """So many more wait than was known, or fewer."""
        for one in found:
            self.waiting[self._line(one.uid, one.notice, one.urgent)] += one.events
            self.ahead += one.ahead
        self.waiting = +self.waiting
        self.total = self.waiting.total()
        self.ahead = max(0, self.ahead)

    def routed_in_turn(self, events: Iterable[StoredEvent]) -> None:
        """All that are known, and whose turn is before that of these, are being routed."""
        for event in events:
            self._now[event.urgent] = max(self._now[event.urgent], event.turn)

    def not_routed(self, events: Iterable[StoredEvent]) -> None:
        """These wait, although later turns are being routed: they were not known, or it failed."""
        for event in events:
            self._now[event.urgent] = min(self._now[event.urgent], event.turn)


_UID, _URGENT = itemgetter(1), itemgetter(5)  # of a NewEvent
_LINE = itemgetter(*map(StoredEvent._fields.index, ("uid", "notice", "urgent")))
_AHEAD = attrgetter("ahead")


def _alternating(batch: list[NewEvent]) -> Sequence[int]:
    counts: Counter[int] = Counter()
    ranks = []
    for new in batch:
        counts[new[1]] += 1
        ranks.append(counts[new[1]])
    return sorted(range(len(batch)), key=ranks.__getitem__)


class Choice(NamedTuple):
    """Events to be routed together, in order: those before one in its lane go with it. `urgent` are
    the `seq` of those that are so, or go with one that is. All events with the turns of `in_turn`,
    or earlier ones, are among them.
    """

    events: list[StoredEvent]
    in_turn: list[StoredEvent]
    urgent: set[int]


def choose(
    first: Sequence[StoredEvent],
    ahead: Sequence[Sequence[StoredEvent]],
    line_of: Callable[[StoredEvent], Line],
    most: int,
    size: int,
    room: Callable[[Line], int] | None = None,
) -> Choice:
    """Which of the events that wait are routed next: at most `most`, of about `size` bytes.

    `first` are those that were taken in first, in order; `ahead` others that are so, each behind
    those before it in its lane. `room` says how many of a line there is room for; None: for all.
    """
    in_order = _in_order(first, ahead)
    with_lanes = _Lanes(first, ahead)
    chosen: dict[int, StoredEvent] = {}
    urgent: set[int] = set()
    left: dict[Line, int] = {}
    for event in _with_others(in_order, line_of, most):
        if most <= len(chosen) or size <= 0:
            break
        if event.seq in chosen:
            continue
        line = line_of(event)
        if room is not None and left.setdefault(line, room(line)) <= 0:
            continue
        for one in with_lanes.unit(event, chosen)[: most - len(chosen)]:
            chosen[one.seq] = one
            size -= len(one.body)
            left[line] = left.get(line, 0) - 1
            if event.urgent:
                urgent.add(one.seq)
    in_turn: list[StoredEvent] = []
    skipped: set[bool] = set()
    for event in in_order:
        if event.seq not in chosen:
            skipped.add(bool(event.urgent))
        elif bool(event.urgent) not in skipped:
            in_turn.append(event)
    return Choice([chosen[seq] for seq in sorted(chosen)], in_turn, urgent)


def _in_order(
    first: Sequence[StoredEvent], ahead: Sequence[Sequence[StoredEvent]]
) -> list[StoredEvent]:
    """All of them, in order of their turns, up to the last one of `first`: what is beyond comes
    among others, which are not known yet.
    """
    known = {event.seq for event in first}
    order = [*first, *(unit[-1] for unit in ahead if unit[-1].seq not in known)]
    order.sort(key=lambda event: (not event.urgent, event.turn, event.seq))
    while order and order[-1].seq not in known:
        order.pop()
    return order


def _with_others(
    in_order: list[StoredEvent], line_of: Callable[[StoredEvent], Line], most: int
) -> list[StoredEvent]:
    """The same, but that what is urgent leaves a little to users who have nothing urgent."""
    hurried = {line_of(event).user for event in in_order if event.urgent}
    others = [event for event in in_order if line_of(event).user not in hurried]
    if not hurried or not others:
        return in_order
    kept = most // KEPT_FOR_OTHERS
    urgent = [event for event in in_order if event.urgent]
    return [*urgent[: most - kept], *others[:kept], *in_order]


class _Lanes:
    """What goes with an event, in its turn: what is before it in its lane."""

    def __init__(
        self, first: Sequence[StoredEvent], ahead: Sequence[Sequence[StoredEvent]]
    ) -> None:
        self._units = {unit[-1].seq: unit for unit in ahead}
        self._lanes: dict[tuple[int, str], deque[StoredEvent]] = {}
        for event in first:
            if event.lane is not None:
                self._lanes.setdefault((event.uid, event.lane), deque()).append(event)
            self._units.pop(event.seq, None)

    def unit(self, event: StoredEvent, but: Container[int]) -> list[StoredEvent]:
        """The event and those before it in its lane, without those `but`; of many, the first."""
        if event.lane is None:
            return [event]
        found = self._units.get(event.seq)
        if found is not None:
            return [one for one in found[:MOST_OF_A_LANE] if one.seq not in but]
        unit: list[StoredEvent] = []
        lane = self._lanes[event.uid, event.lane]
        while lane and lane[0].seq <= event.seq and len(unit) < MOST_OF_A_LANE:
            one = lane.popleft()
            if one.seq not in but:
                unit.append(one)
        return unit
