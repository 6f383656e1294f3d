"""What came from the stream and is not acknowledged: order, turns, and bounds."""

from zaiond.fleet.backlog import MOST, MOST_BYTES, Backlog, Waiting


def letter(sequence: int, machine: str = "web1", size: int = 10) -> Waiting:
    event = (f"e{sequence}", 1 << 32, "", 0.0, b"x" * size, False, None)
    return Waiting(sequence, machine, event)


def backlog(*letters: Waiting) -> Backlog:
    made = Backlog()
    for one in letters:
        made.add(one, f"ack {one.sequence}")
    return made


def numbers(of: list[Waiting]) -> list[int]:
    return [one.sequence for one in of]


def test_machines_take_turns_and_each_keeps_its_order() -> None:
    flood = [letter(n) for n in range(1, 6)]
    b = backlog(*flood, letter(6, "web2"), letter(7, "web3"), letter(8, "web2"))
    assert numbers(b.first(5, 1000, lambda _: True)) == [1, 6, 7, 2, 8]


def test_what_has_no_room_holds_up_its_own_machine_and_no_other() -> None:
    b = backlog(letter(1), letter(2), letter(3, "web2"), letter(4, "web2"))
    found = b.first(10, 1000, lambda one: one.sequence != 1)
    assert numbers(found) == [3, 4]
    b.taken(found)
    assert b.waiting == 2
    assert numbers(b.first(10, 1000, lambda _: True)) == [1, 2]


def test_a_batch_has_a_bound_in_letters_and_in_bytes() -> None:
    b = backlog(*(letter(n, size=100) for n in range(1, 11)))
    assert numbers(b.first(3, 10_000, lambda _: True)) == [1, 2, 3]
    assert numbers(b.first(10, 250, lambda _: True)) == [1, 2, 3]


def test_what_comes_again_is_here_once_and_acknowledged_where_it_came_last() -> None:
    b = backlog(letter(1))
    assert b.knows(1, "ack 1 again")
    assert not b.knows(2, "ack 2")
    assert b.waiting == 1
    assert b.replies([1]) == ["ack 1 again"]
    b.taken(b.first(1, 1000, lambda _: True))
    assert b.knows(1, "ack 1 once more")  # on disk, and not acknowledged yet
    b.acknowledged([1])
    assert not b.knows(1, "ack 1")


def test_it_is_full_at_its_bound_in_letters_on_disk_or_not() -> None:
    b = backlog(*(letter(n, size=1) for n in range(MOST)))
    assert b.is_full
    b.taken(b.first(MOST, MOST_BYTES, lambda _: True))
    assert b.is_full
    b.acknowledged([0])
    assert not b.is_full


def test_it_is_full_at_its_bound_in_bytes() -> None:
    b = backlog(letter(1, size=MOST_BYTES))
    assert b.is_full
    b.taken(b.first(1, 1, lambda _: True))
    assert not b.is_full
