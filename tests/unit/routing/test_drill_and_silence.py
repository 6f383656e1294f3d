"""What a drill leaves alone, and what a silence does."""

import pytest

from tests.support.routed import Book, configured
from zaiond.errors import MendableError
from zaiond.routing import silence
from zaiond.routing.matcher import RoutingTable


def book(text: str = "") -> Book:
    return Book(RoutingTable(configured(text)))


def silenced(b: Book, *match: str, seconds: float = 3600) -> str:
    pairs = tuple(map(silence.parse_match, match))
    added = silence.add(
        b.state, id=f"s{len(b.state.silences)}", match=pairs, seconds=seconds, comment="c",
        by="root", now=b.now,
    )  # fmt: skip
    return added.id


DRILL = {"extensions": {"drill": True}}


def test_a_drill_opens_no_problem_and_closes_none() -> None:
    b = book()
    assert b.tell(key="disk", status="problem", **DRILL).tells
    assert b.state.problems == {}
    assert b.tell(key="disk", status="problem").tells
    (before,) = b.state.problems.values()
    assert b.tell(key="disk", status="ok", **DRILL).tells
    assert list(b.state.problems.values()) == [before]


def test_a_drill_counts_for_no_job() -> None:
    b = book("jobs: {nightly: {every: 24h, failures: 3}}")
    before = b.state.jobs["nightly"]
    for type_ in ("job.failed", "job.started", "job.succeeded"):
        assert b.tell(type=type_, job="nightly", severity="err", **DRILL).tells
    assert b.state.jobs["nightly"] == before


def test_a_drill_goes_by_the_routes_and_into_silences() -> None:
    b = book("routes: {r: {match: {type: [db.*], key: [disk]}, to: [b@example.jp]}}")
    (tell,) = b.tell(type="db.x", key="disk", status="problem", **DRILL).tells
    assert tell.route == "r"
    silenced(b, "type=db.*")
    end = b.tell(type="db.x", **DRILL).end
    assert end is not None
    assert end.outcome == "silenced"


@pytest.mark.parametrize("extensions", [{"drill": "true"}, {"drill": 1}, {"drill": False}])
def test_what_is_not_marked_as_one_is_no_drill(extensions: dict[str, object]) -> None:
    b = book()
    b.tell(key="disk", status="problem", extensions=extensions)
    assert len(b.state.problems) == 1


def test_a_silence_counts_what_it_hides_and_keeps_the_count() -> None:
    b = book()
    id_ = silenced(b, "type=db.*")
    for type_ in ("db.x", "web.x", "db.y"):
        b.tell(type=type_)
    assert b.state.silences[id_].hidden == 2
    b.restart()
    b.tell(type="db.z")
    assert b.state.silences[id_].hidden == 3


def test_a_silence_of_everything_hides_the_worst_but_not_what_the_daemon_tells_of_itself() -> None:
    b = book()
    silenced(b)
    end = b.tell(severity="emerg").end
    assert end is not None
    assert b.tell(type="zaiond.server.down", severity="err", notice=True).tells
    assert b.tell(type="zaiond.server.down", severity="err").end is not None  # anybody may say so
    assert b.tell(type="job.missed", job="nightly", severity="err", notice=True).end is not None


@pytest.mark.parametrize("seconds", [0, -1, 30 * 86400 + 1, float("inf"), float("nan")])
def test_a_silence_ends_within_thirty_days(seconds: float) -> None:
    b = book()
    with pytest.raises(MendableError, match="from 1s to 30d"):
        silenced(b, seconds=seconds)
    silenced(b, seconds=30 * 86400)
