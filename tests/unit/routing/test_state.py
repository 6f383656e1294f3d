"""What routing remembers: written as rows, taken back, due, and bounded."""

from itertools import count

import msgspec
import pytest

from zaiond.model import Routing
from zaiond.routing.records import Group, Problem
from zaiond.routing.state import LONGEST_TEXT, State, cut


def state(*rows: tuple[str, str, bytes]) -> State:
    return State(rows, count(1).__next__)


def group(key: str = "g", due: float = 10.0, message: int = 1) -> Group:
    routing = Routing("r", "grouped")
    return Group(key=key, due=due, message=message, routing=routing, began=0.0)


def test_its_changes_are_rows_from_which_it_is_made_again() -> None:
    s = state()
    s.put_group(group())
    s.put_problem("p", Problem(uid=1, key="k", since=1.0, last=1.0, worst="err"))
    rows = [(kind, key, value) for kind, key, value in s.changes() if value is not None]
    again = state(*rows)
    assert (again.groups, again.problems) == (s.groups, s.problems)
    s.commit()
    assert s.changes() == []
    s.forget_group(group())
    assert s.changes() == [("group", "g", None)]


def test_a_rollback_takes_back_all_since_the_last_commit_and_no_more() -> None:
    s = state()
    s.put_group(group("kept"))
    s.commit()
    s.put_group(group("kept", due=99.0))
    s.put_group(group("new"))
    s.forget_group(group("kept"))
    s.rollback()
    assert s.groups == {"kept": group("kept")}
    assert s.changes() == []
    assert s.next_due() == 10.0


def test_what_was_found_due_is_found_again_after_a_rollback_and_not_after_a_commit() -> None:
    s = state()
    s.put_group(group("late", due=5.0))
    s.put_group(group("early", due=3.0))
    s.put_group(group("far", due=50.0))
    s.commit()
    assert s.pop_due(10.0) == [("group", "early"), ("group", "late")]
    s.rollback()
    assert s.pop_due(10.0) == [("group", "early"), ("group", "late")]
    s.commit()
    assert s.pop_due(10.0) == []
    assert s.next_due() == 50.0
    assert s._popped == []


def test_only_the_last_due_time_of_something_counts() -> None:
    s = state()
    for due in (1.0, 2.0, 30.0):
        s.put_group(group(due=due))
    assert s.pop_due(10.0) == []
    assert s.next_due() == 30.0
    s.forget_group(group())
    assert s.next_due() is None


def test_the_order_of_due_times_takes_no_more_than_what_there_is() -> None:
    s = state()
    for n in range(20_000):
        s.put_group(group(due=1000.0 + n))
    assert len(s._heap) < 2000
    assert s.next_due() == 20_999.0


@pytest.mark.parametrize(
    "row",
    [("group", "g", b"{"), ("group", "g", b"\xff"), ("group", "g", b'{"due": "x"}'),
     ("unknown", "g", b"{}")],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_left_out_and_counted(row: tuple[str, str, bytes]) -> None:
    s = state(row, ("group", "h", msgspec.json.encode(group("h"))))
    assert s.unread == 1
    assert list(s.groups) == ["h"]


def test_a_mail_to_come_without_its_group_is_taken_in_and_due() -> None:
    s = state()
    adopted = s.adopt(7, Routing("r", "digest"), 5.0)
    assert adopted.message == 7
    assert s.pop_due(0.0) == [("group", adopted.key)]


def test_rows_whose_times_have_changed_can_be_asked_for() -> None:
    s = state()
    s.put_group(group("a"))
    s.commit()
    s.put_group(group("a", due=20.0))
    s.put_group(group("b", message=0))
    assert [(g.key, g.due) for g in s.changed_groups()] == [("a", 20.0)]


def test_a_long_text_is_cut_and_stays_different_from_others() -> None:
    texts = ["a" * 255, "a" * 256, "a" * 257, "a" * 300 + "b", "\udcff" * 300]
    found = [cut(text) for text in texts]
    assert len(set(found)) == len(texts)
    assert all(len(text) <= LONGEST_TEXT for text in found)
    assert found[0] == texts[0]
    assert [cut(text) for text in found] == found
