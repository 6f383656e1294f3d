"""What was refused in the last day."""

from zaiond.errors import EventError
from zaiond.intake.refusals import MOST, Refusals
from zaiond.text import Text

HOUR = 3600.0
NOW = 1_369_440_000.0


def error(code: str = "invalid", field: str | None = "severity", why: str = "why") -> EventError:
    return EventError(code, Text(f"理由 {why}", why), field)  # type: ignore[arg-type]


def test_it_says_how_many_of_whom_and_why_the_most_frequent_first() -> None:
    refusals = Refusals()
    refusals.count(7, error("quota", None, "too much"), NOW)
    for _ in range(3):
        refusals.count(1000, error(), NOW + 1)
    refusals.count(1000, error(why="lately"), NOW + 2, 5)
    assert refusals.document(NOW + 3, "en") == {
        "count": 9,
        "reasons": [
            {
                "uid": 1000, "code": "invalid", "field": "severity", "count": 8,
                "last": "2013-05-25T00:00:02.000+00:00", "message": "lately",
            },
            {
                "uid": 7, "code": "quota", "field": None, "count": 1,
                "last": "2013-05-25T00:00:00.000+00:00", "message": "too much",
            },
        ],
    }  # fmt: skip
    assert refusals.document(NOW + 3, "ja")["reasons"][0]["message"] == "理由 lately"


def test_after_a_day_it_is_forgotten() -> None:
    refusals = Refusals()
    refusals.count(1, error(), NOW)
    refusals.count(1, error(), NOW + 12 * HOUR)
    refusals.count(2, error(), NOW + 12 * HOUR)
    assert refusals.total(NOW + 23 * HOUR) == 3
    assert refusals.total(NOW + 24 * HOUR) == 2
    assert [one.events for one in refusals.last_day(NOW + 24 * HOUR)] == [1, 1]
    assert refusals.total(NOW + 36 * HOUR) == 0
    assert refusals.last_day(NOW + 36 * HOUR) == []
    assert refusals.problem(NOW + 36 * HOUR, str) is None


def test_what_is_kept_has_a_bound_and_the_total_has_all() -> None:
    refusals = Refusals()
    for uid in range(10 * MOST):
        refusals.count(uid, error(), NOW)
    for hour in range(1000):
        refusals.count(10 * MOST, error(), NOW - (1000 - hour) * HOUR)
    assert len(refusals.last_day(NOW)) == MOST
    assert refusals.total(NOW) == 10 * MOST + 23
    assert {one.uid for one in refusals.last_day(NOW)} == set(range(9 * MOST + 1, 10 * MOST + 1))


def test_what_is_known_is_no_problem_and_still_counted() -> None:
    refusals = Refusals()
    refusals.count(1, error(why="first"), NOW, 3)
    refusals.acknowledge()
    assert refusals.unknown.problem(NOW, str) is None
    assert refusals.document(NOW, "en")["count"] == 3
    refusals.count(2, error(why="later"), NOW)
    text = refusals.unknown.problem(NOW, str)
    assert text is not None
    assert text.en == "events refused in the last day: 1 (1 of 2: later)"


def test_an_administrator_reads_names() -> None:
    refusals = Refusals()
    for uid in range(5):
        refusals.count(uid, error(why=f"why {uid}"), NOW, 5 - uid)
    names = ["root", "backup", "www-data", "d", "e"]
    text = refusals.problem(NOW, names.__getitem__)
    assert text is not None
    assert text.en == (
        "events refused in the last day: 15 (5 of root: why 0; 4 of backup: why 1;"
        " 3 of www-data: why 2; …)"
    )
    assert "15 件" in text.ja
    assert "backup 4 件「理由 why 1」" in text.ja


def test_all_that_was_ever_refused_is_counted_by_its_code() -> None:
    refusals = Refusals()
    for uid in range(2 * MOST):
        refusals.count(uid, EventError("quota", Text("", "")), uid * 86400.0, 2)
    refusals.count(0, EventError("invalid", Text("", "")), 0.0)
    assert refusals.by_code == {"quota": 4 * MOST, "invalid": 1}
