"""A hub of a fleet that stands by: another one looks after jobs, and after the problems of other
machines.
"""

from tests.support.routed import Book, configured
from zaiond.routing.matcher import RoutingTable
from zaiond.users import abroad

HOUR = 3600.0
T0 = 20_000 * 86400.0
JOB = "jobs: {n: {every: 1h, grace: 10m}}"
REMINDS = "routes: {r: {repeat_interval: 1h}}"


def book(text: str) -> Book:
    return Book(RoutingTable(configured(text)), now=T0)


def test_no_job_is_missed_until_it_works_and_then_what_was_missed_meanwhile() -> None:
    b = book(JOB)
    b.wait(60.0, 30.0)
    b.state.begin_anew(stands_by=True)
    b.wait(5 * HOUR, 30.0)
    assert b.jobs == []
    b.state.begin_anew(stands_by=False)
    b.reload(configured(JOB))
    b.wait(1.0)
    assert b.jobs == []  # one grace first: what members have kept comes in now
    b.wait(11 * 60.0, 30.0)
    (told,) = b.jobs
    assert told.job == "n"


def test_a_job_that_is_heard_of_within_the_grace_was_not_missed() -> None:
    b = book(JOB)
    b.wait(60.0, 30.0)
    b.state.begin_anew(stands_by=True)
    b.wait(30 * 60.0, 30.0)
    b.state.begin_anew(stands_by=False)
    b.reload(configured(JOB))
    b.tell(type="job.succeeded", job="n")
    b.wait(HOUR, 30.0)
    assert b.jobs == []


def test_of_others_problems_nobody_is_reminded_and_of_its_own_as_ever() -> None:
    b = book(REMINDS)
    b.tell(uid=abroad(1, 1000), key="theirs", status="problem", severity="err")
    b.tell(uid=1000, key="own", status="problem", severity="err")
    b.state.begin_anew(stands_by=True)
    b.wait(3.5 * HOUR, 60.0)
    assert [b.events[mail.events[0]].key for mail in b.made] == ["theirs", "own", *["own"] * 3]
    b.state.begin_anew(stands_by=False)
    b.wait(1.0)
    assert b.events[b.made[-1].events[0]].key == "theirs"


def test_a_job_of_another_machine_is_known_by_that() -> None:
    b = book(JOB)
    b.tell(uid=abroad(1, 0), type="job.succeeded", job="n", data={"host": "web1.example.jp"})
    assert b.state.jobs["n"].machine == "web1.example.jp"
    b.tell(uid=0, type="job.succeeded", job="n", data={"host": "what an event says"})
    assert b.state.jobs["n"].machine is None
