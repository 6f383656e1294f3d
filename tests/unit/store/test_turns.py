"""In which order events are routed: in turns over their users."""

from collections.abc import Iterable

from tests.support.store import event
from zaiond.model import NewEvent, StoredEvent, WaitingLine
from zaiond.store.turns import DAEMON, Line, Turns, choose


class Queue:
    """Events that wait, as they are stored."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.waiting: list[StoredEvent] = []
        self.seq = 0

    def take_in(self, *batch: NewEvent, notice: bool = False) -> list[StoredEvent]:
        new = []
        for index, turn, ahead in self.turns.give(list(batch), notice=notice):
            self.seq += 1
            new.append(StoredEvent(self.seq, *batch[index], 0.0, notice, turn, ahead))
        self.waiting += new
        self.turns.accepted(new)
        return new

    def route(self, most: int, size: int = 10**6) -> list[str]:
        choice = choose(self.waiting, [], self.turns.line, most, size)
        gone = {one.seq for one in choice.events}
        self.waiting = [one for one in self.waiting if one.seq not in gone]
        self.turns.gone(choice.events)
        self.turns.routed_in_turn(choice.in_turn)
        return [one.id for one in choice.events]


def some(name: str, number: int, uid: int, **more: object) -> list[NewEvent]:
    return [event(f"{name}{n}", uid=uid, **more) for n in range(number)]  # type: ignore[arg-type]


def users(found: Iterable[StoredEvent]) -> list[int]:
    return [one.uid for one in found]


def test_who_is_alone_is_routed_as_he_came_and_nobody_is_ahead() -> None:
    queue = Queue(Turns())
    for part in "abc":
        assert not any(one.ahead for one in queue.take_in(*some(part, 3, 1)))
        queue.route(2)
    assert queue.turns.waiting == {Line(1, False): 3}


def test_who_comes_beside_a_flood_is_next_and_then_like_everybody() -> None:
    queue = Queue(Turns())
    queue.take_in(*some("flood", 1000, 1))
    queue.route(100)
    (one,) = queue.take_in(*some("other", 1, 2))
    assert one.ahead
    assert "other0" in queue.route(2)
    queue.take_in(*some("more", 50, 2))
    assert sum(id_.startswith("more") for id_ in queue.route(60)) in (29, 30, 31)


def test_floods_that_come_together_alternate_and_nobody_is_ahead() -> None:
    taken = Queue(Turns()).take_in(*some("a", 5, 1), *some("b", 3, 2))
    assert users(taken) == [1, 2, 1, 2, 1, 2, 1, 1]
    assert not any(one.ahead for one in taken)


def test_who_has_flooded_does_not_wait_for_it_once_it_is_over() -> None:
    queue = Queue(Turns())
    queue.take_in(*some("flood", 1000, 1))
    queue.route(1000)
    queue.take_in(*some("a", 10, 1))
    queue.take_in(*some("b", 10, 2))
    assert sorted(queue.route(4)) == ["a0", "a1", "b0", "b1"]


def test_a_user_has_one_turn_whatever_uids_are_his() -> None:
    queue = Queue(Turns(user_of=lambda uid: uid // 1000))
    queue.take_in(*some("a", 30, 1000), *some("b", 30, 1001), *some("c", 30, 1002))
    queue.take_in(*some("other", 10, 2000))
    routed = queue.route(20)
    assert sum(one.startswith("other") for one in routed) == 10


def test_a_notice_of_the_daemon_waits_for_no_flood_of_its_own_user() -> None:
    queue = Queue(Turns())
    queue.take_in(*some("flood", 100, 0))
    (one,) = queue.take_in(event("notice", uid=0), notice=True)
    assert queue.turns.line(one) == Line(DAEMON, False)
    assert "notice" in queue.route(2)


def test_what_is_urgent_goes_first_with_what_is_before_it_in_its_lane() -> None:
    queue = Queue(Turns())
    queue.take_in(*some("a", 50, 1), event("before", uid=1, lane="key k"), *some("b", 50, 1))
    queue.take_in(event("urgent", uid=1, lane="key k", urgent=True))
    choice = choose(queue.waiting, [], queue.turns.line, 3, 10**6)
    assert [one.id for one in choice.events] == ["a0", "before", "urgent"]
    assert choice.urgent == {one.seq for one in choice.events[1:]}


def test_a_long_lane_before_an_urgent_event_does_not_take_all_the_room() -> None:
    queue = Queue(Turns())
    queue.take_in(*some("a", 50, 1, lane="key k"))
    queue.take_in(event("urgent", uid=1, lane="key k", urgent=True))
    queue.take_in(*some("other", 3, 2, urgent=True))
    routed = queue.route(20)
    assert {"other0", "other1", "other2"} <= set(routed)
    assert [one for one in routed if one.startswith("a")] == [f"a{n}" for n in range(17)]
    for _ in range(5):
        routed += queue.route(10)
    assert routed.index("urgent") > routed.index("a49")


def test_what_is_urgent_leaves_a_tenth_to_who_has_nothing_urgent() -> None:
    queue = Queue(Turns())
    queue.take_in(*some("flood", 200, 1, urgent=True), *some("mine", 50, 1))
    queue.take_in(*some("other", 50, 2))
    routed = queue.route(100)
    assert sum(one.startswith("flood") for one in routed) == 90
    assert sum(one.startswith("other") for one in routed) == 10


def test_few_large_events_are_a_batch() -> None:
    queue = Queue(Turns())
    queue.take_in(*some("a", 10, 1, more=',"x":"' + "x" * 1000 + '"'), *some("b", 2, 2))
    assert len(queue.route(10, size=2500)) <= 5


def test_a_start_goes_on_with_the_turns_that_were_given() -> None:
    before = Queue(Turns())
    before.take_in(*some("a", 100, 1), *some("b", 10, 2))
    before.route(30)
    a, b = ([one for one in before.waiting if one.uid == uid] for uid in (1, 2))
    found = [
        WaitingLine(line[0].uid, False, False, len(line), 1, 0, line[0].turn, line[-1].turn)
        for line in (a, b)
        if line
    ]
    after = Turns(found)
    assert after.waiting == before.turns.waiting
    assert after.give(some("b", 1, 2)) == before.turns.give(some("b", 1, 2))
    assert after.give(some("a", 1, 1)) == before.turns.give(some("a", 1, 1))


def test_users_who_are_gone_are_forgotten() -> None:
    queue = Queue(Turns())
    for uid in range(5000):
        queue.take_in(*some("a", 1, uid))
        queue.route(1)
    assert len(queue.turns._last) <= 1001
