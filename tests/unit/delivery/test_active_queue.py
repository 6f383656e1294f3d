import pytest

from tests.support.store import mail
from zaiond.delivery.active_queue import ActiveQueue
from zaiond.model import QueuedMail, StoredEvent


def made(row: int, *recipients: str, lane: str | None = None) -> QueuedMail:
    one = mail(row, [StoredEvent(row, str(row), 0, "", 0.0, b"{}")], recipients)
    one.lane = lane
    return one


def active_queue(*mails: QueuedMail, servers: int = 1) -> ActiveQueue:
    queue = ActiveQueue()
    queue.configure(servers)
    queue.add(mails)
    return queue


def taken(queue: ActiveQueue, index: int = 0) -> list[int]:
    rows = []
    while (one := queue.take(index, in_use=True)) is not None:
        rows.append(one.row)
    return rows


def test_mails_of_a_lane_go_one_after_the_other() -> None:
    here = active_queue(made(1, "a@x", lane="k"), made(2, "a@x", lane="k"), made(3, "a@x"))
    assert taken(here) == [1, 3]
    here.remove(1)
    assert taken(here) == [2]


def test_of_new_mails_those_go_at_once_that_are_behind_none_of_their_lane() -> None:
    here = active_queue(made(1, "a@x", lane="k"))
    new = [made(2, "a@x", lane="k"), made(3, "a@x"), made(4, "a@x", lane="l"), made(5, "a@x")]
    new.append(made(6, "a@x", lane="l"))
    assert [one.row for one in here.first_in_lanes(new)] == [3, 4, 5]


def test_who_is_deferred_waits_in_the_mails_behind_and_not_in_this_one() -> None:
    first, second = made(1, "a@x", "b@x", lane="k"), made(2, "a@x", "b@x", lane="k")
    here = active_queue(first, second)
    assert taken(here) == [1]
    here.let_wait(first, {"a@x"})
    here.put_back(first)
    one = here.take(0, in_use=True)
    assert one is not None
    assert [d.recipient for d in one.deliveries] == ["a@x", "b@x"]
    here.remove(1)
    one = here.take(0, in_use=True)
    assert one is not None
    assert [d.recipient for d in one.deliveries] == ["b@x"]


def test_a_mail_that_is_gone_has_tried_no_server_when_it_comes_again() -> None:
    one = made(1, "a@x")
    here = active_queue(one, servers=2)
    assert taken(here) == [1]
    here.reassign(one, 0, 1)
    assert here.tried(1) == {0}
    here.remove(1)
    assert here.tried(1) == set()


def test_what_is_being_sent_stays_and_the_others_come_in_behind_it_in_order() -> None:
    one, two, three = (made(row, "a@x", lane="k") for row in (1, 2, 3))
    here = active_queue(two, three)
    assert here.take(0, in_use=True) is two
    assert here.clear() == []
    assert [row in here for row in (2, 3)] == [True, False]
    here.add([one, three])
    assert taken(here) == []
    here.remove(2)
    assert taken(here) == [1]


def test_of_what_is_being_sent_in_part_it_is_told() -> None:
    here = active_queue(made(1, "a@x", "b@x").reduced(made(1, "a@x").deliveries), made(2, "a@x"))
    assert taken(here) == [1, 2]
    assert here.clear() == [1]


def test_none_passes_a_mail_of_its_lane_that_is_set_down() -> None:
    here = active_queue(made(1, "a@x", lane="k"), made(2, "a@x", lane="k"))
    assert taken(here) == [1]
    here.set_down(1)
    assert here.sending == set()
    assert taken(here) == []
    here.clear()
    assert len(here) == 0


def test_an_address_that_is_held_is_left_to_who_is_sending_to_it() -> None:
    here = active_queue(made(1, "a@x", "b@x"), made(2, "a@x"), made(3, "a@x", "b@x"))
    assert here.take(0, in_use=True) is not None
    out = here.without("a@x")
    assert len(out) == 2
    left = here.take(0, in_use=True)
    assert left is not None
    assert (left.row, [d.recipient for d in left.deliveries]) == (3, ["b@x"])
    assert not left.whole


def test_few_mails_that_are_large_fill_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one = made(1, "a@x")
    monkeypatch.setattr("zaiond.delivery.active_queue.BYTES", len(one.message.content))
    here = active_queue(one)
    assert here.capacity == 0
    assert here.capacity_beyond > 0
    here.remove(1)
    assert here.capacity > 0


def test_a_mail_that_is_handed_to_another_server_may_be_changed_again() -> None:
    one = made(1, "a@x")
    here = active_queue(one, servers=2)
    assert taken(here) == [1]
    assert here.sending == {1}
    here.reassign(one, 0, 1)
    assert here.sending == set()
    here.clear()
    assert taken(here, 1) == []


def test_users_take_turns_and_each_has_its_own_order() -> None:
    mails = [made(row, "a@x") for row in range(1, 8)]
    for one in mails[5:]:
        one.user = 7
    here = active_queue(*mails)
    assert taken(here) == [1, 6, 2, 7, 3, 4, 5]


def test_a_mail_behind_one_of_its_lane_does_not_get_its_user_another_turn() -> None:
    first, second, other = made(1, "a@x", lane="k"), made(2, "a@x", lane="k"), made(3, "a@x")
    more = made(4, "a@x")
    other.user = more.user = 7
    here = active_queue(first, second, other, more)
    assert here.take(0, in_use=True) is first
    here.remove(1)
    assert taken(here) == [3, 2, 4]
