"""What is not told of at once comes in a mail all the same, across restarts and reloads: no event
is lost on the way, or told of twice.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.support.delivery import Post, ids
from tests.support.routes import routed
from tests.support.sink import Mail, Sink
from tests.support.store import recount
from zaiond.delivery import router, scheduler
from zaiond.store import events, groups

GROUPED = """
route_defaults: {max_mails: null}
routes:
  database:
    match: {type: "db.*"}
    group_by: [type]
    group_wait: 30s
    group_interval: 5m
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


def told(mails: list[Mail]) -> list[tuple[str, ...]]:
    """The ids of the events that each mail tells of."""
    return [tuple(sorted(mail.event_ids)) for mail in mails]


async def assert_counted(post: Post) -> None:
    """What users are said to have waiting is what waits."""
    assert await post.writer.submit(events.usage) == await post.writer.submit(recount)


async def test_events_that_agree_in_a_field_go_into_one_mail(state: Path, sink: Sink) -> None:
    async with Post(state, routed(sink.port, GROUPED)) as post:
        await post.emit("1", "2", kind="db.a")
        await post.emit("3", kind="db.b")
        await post.emit("4", kind="db.a")
        await post.routed()
        assert not sink.mails
        await assert_counted(post)
        post.serve(31)
        await post.arrived(sink, 2)
        assert sorted(told(sink.mails)) == [("1", "2", "4"), ("3",)]
        await post.settled()
        await assert_counted(post)
        assert post.released_usage[1000][0] == 4


async def test_a_group_outlives_a_restart(state: Path, sink: Sink) -> None:
    config = routed(sink.port, GROUPED)
    async with Post(state, config) as post:
        await post.emit("1", "2", kind="db.a")
        await post.routed()
    async with Post(state, config) as post:
        await assert_counted(post)
        await post.emit("3", kind="db.a")
        await post.routed()
        post.serve(31)
        await post.arrived(sink, 1)
        await post.settled()
        await assert_counted(post)
    assert told(sink.mails) == [("1", "2", "3")]


async def test_after_the_first_mail_of_a_group_further_ones_wait_for_the_interval(
    state: Path, sink: Sink
) -> None:
    routes = GROUPED.replace("group_wait: 30s", "group_wait: 0s")
    async with Post(state, routed(sink.port, routes)) as post:
        await post.emit("1", kind="db.a")
        await post.arrived(sink, 1)
        await post.emit("2", "3", kind="db.a")
        await post.routed()
        await post.settled()
        assert len(sink.mails) == 1
        post.serve(301)
        await post.arrived(sink, 2)
        assert told(sink.mails) == [("1",), ("2", "3")]


DIGEST = """
route_defaults: {max_mails: null}
routes:
  daily: {match: {type: "d.*"}, digest: "* * * * *"}
"""


async def test_a_digest_has_all_that_came_before_its_time(state: Path, sink: Sink) -> None:
    async with Post(state, routed(sink.port, DIGEST)) as post:
        await post.emit("1", kind="d.a")
        await post.emit("2", kind="d.b", severity="err")
        await post.emit("3", kind="e.f")
        await post.arrived(sink, 1)
        post.serve(61)
        await post.arrived(sink, 2)
        assert told(sink.mails) == [("3",), ("1", "2")]


HOURS = """
route_defaults: {max_mails: null, active_time: never}
times: {never: {hours: "00:00-00:01", timezone: UTC, days: mon}}
"""


async def test_outside_of_its_hours_a_mail_is_held_and_what_is_urgent_passes(
    state: Path, sink: Sink
) -> None:
    async with Post(state, routed(sink.port, HOURS)) as post:
        # Not in that minute of the week.
        post.serve(3600 * (12 - time.gmtime().tm_hour) % 86400 + 3600)
        await post.emit("1", "2")
        await post.emit("3", severity="crit")
        await post.arrived(sink, 1)
        await post.settled()
        assert told(sink.mails) == [("3",)]
        assert (await post.history("1"))["outcome"] == "held"
        week = 7 * 86400.0
        now = post.clock()
        until = (4 * 86400 - now) % week  # Monday 0:00 UTC
        post.serve(until + 1)
        await post.arrived(sink, 2)
        assert told(sink.mails)[1] == ("1", "2")


LIMITED = "route_defaults: {max_mails: 3/h}\n"


async def test_beyond_max_mails_one_mail_tells_of_the_rest_the_worst_first(
    state: Path, sink: Sink
) -> None:
    async with Post(state, routed(sink.port, LIMITED)) as post:
        await post.emit(*ids(3))
        await post.arrived(sink, 3)
        await post.emit("mild", *ids(20, "m"))
        await post.emit("bad", severity="err")
        await post.routed()
        document = await post.history("mild")
        assert document["outcome"] == "held"
        assert document["reason"]
        await assert_counted(post)
        post.serve(3700)
        await post.arrived(sink, 4)
        last = sink.mails[3]
        assert set(last.event_ids) >= {"mild", "bad", *ids(20, "m")}
        assert last.body.index("bad") < last.body.index("mild")
        assert "22" in last.subject
        (notice,) = set(last.event_ids) - {"mild", "bad", *ids(20, "m")}
        assert notice.startswith("zaiond.mails.suppressed/")
        assert (await post.history(notice))["outcome"] in ("waiting", "delivered")
        await post.emit("after", severity="crit")  # what comes behind it is routed as ever
        await post.routed()
        await post.settled()
        await assert_counted(post)
        document = await post.history("mild")
        assert document["outcome"] == "delivered"


TWO = """
route_defaults: {max_mails: null}
routes:
  first: {order: 1, match: {type: "a.*"}, continue: true, to: [b@x.example], language: ja}
  second: {order: 2, match: {type: "a.b"}, to: [c@x.example], language: en}
  nobody: {order: 3, match: {type: "n.*"}, to: []}
"""


async def test_each_route_tells_its_own_recipients_in_its_own_language(
    state: Path, sink: Sink
) -> None:
    async with Post(state, routed(sink.port, TWO)) as post:
        await post.emit("1")
        await post.emit("2", kind="a.c")
        await post.emit("3", kind="n.o")
        await post.emit("4", kind="other")
        await post.arrived(sink, 4)
        await post.until_ended(4)
        got = {(m.event_ids[0], m.recipients): m.body for m in sink.mails}
        assert sorted(got) == [
            ("1", ("b@x.example",)),
            ("1", ("c@x.example",)),
            ("2", ("b@x.example",)),
            ("4", ("a@x.example",)),
        ]
        assert "管理者各位" in got["1", ("b@x.example",)]
        assert "管理者各位" not in got["1", ("c@x.example",)]
        document = await post.history("3")
        assert document["outcome"] == "dropped"
        assert "nobody" in document["reason"]


PROBLEMS = """
route_defaults: {max_mails: null, repeat_interval: 1h}
"""


async def test_a_problem_is_told_once_counted_reminded_of_and_closed(
    state: Path, sink: Sink
) -> None:
    config = routed(sink.port, PROBLEMS)
    async with Post(state, config) as post:
        await post.emit("1", key="disk", status="problem", severity="err")
        await post.arrived(sink, 1)
        await post.settled()
        await post.emit("2", "3", key="disk", status="problem", severity="err")
        await post.routed()
        assert (await post.history("2"))["outcome"] == "grouped"
    async with Post(state, config) as post:
        await post.settled()
        assert len(sink.mails) == 1
        post.serve(3601)
        await post.arrived(sink, 2)
        assert set(sink.mails[1].event_ids) == {"2", "3"}
        await post.settled()
        post.serve(3601)
        await post.arrived(sink, 3)
        assert sink.mails[2].event_ids == ("1",)
        await post.emit("4", key="disk", status="problem", severity="err")
        await post.routed()
        await post.emit("5", key="disk", status="ok")
        await post.arrived(sink, 4)
        assert set(sink.mails[3].event_ids) == {"4", "5"}
        await post.settled()
        await assert_counted(post)
        assert (await post.history("4"))["outcome"] == "delivered"
        await post.emit("6", key="disk", status="ok")
        await post.routed()
        assert (await post.history("6"))["outcome"] == "dropped"


async def looked(post: Post) -> None:
    """Waits until the scheduler has done all that is due."""
    async with asyncio.timeout(20):
        while True:
            async with post.router.lock:
                due = post.router.state.next_due()
                if due is None or due > post.clock():
                    return
            await post.a_moment()


async def test_nobody_is_reminded_of_a_problem_before_the_last_mail_about_it_has_reached_him(
    state: Path, sink: Sink
) -> None:
    async with Post(state, routed(sink.port, PROBLEMS)) as post:
        sink.stop()
        await post.emit("1", key="disk", status="problem", severity="err")
        await post.routed()
        for _ in range(3):
            post.serve(3601)
            await looked(post)
        assert sum((await post.counts()).values()) == 1
        sink.start()
        await post.queue_admin.retry()
        await post.arrived(sink, 1)
        await post.settled()
        sink.stop()
        await post.emit("2", "3", key="disk", status="problem", severity="err")
        await post.routed()
        for number in range(3):  # the first of them tells of what was counted
            post.serve(3601)
            await looked(post)
            await post.emit(f"more{number}", key="disk", status="problem", severity="err")
            await post.routed()
        assert sum((await post.counts()).values()) == 2
        sink.start()
        await post.queue_admin.retry()
        await post.arrived(sink, 2)
        await post.settled()
        post.serve(3601)
        await post.arrived(sink, 3)
        told_of = [set(mail.event_ids) for mail in sink.mails]
        assert told_of == [{"1"}, {"2", "3"}, {"more0", "more1", "more2"}]
        await post.settled()
        await assert_counted(post)


async def test_the_mail_that_a_problem_began_outlives_the_reminders_of_others(
    state: Path, sink: Sink
) -> None:
    config = routed(sink.port, PROBLEMS, admins="a@x.example, b@x.example")
    sink.refuse["b@x.example"] = "451 4.2.1 later"
    async with Post(state, config) as post:
        await post.emit("1", key="disk", status="problem", severity="err")
        await post.arrived(sink, 1)
        await post.settled()
        post.serve(3601)
        await post.arrived(sink, 2)
        await post.settled()
        sink.refuse.clear()
        await post.queue_admin.retry()
        await post.arrived(sink, 3)
        found = [("continues" in mail.subject, mail.recipients) for mail in sink.mails]
        assert found == [
            (False, ("a@x.example",)),
            (True, ("a@x.example",)),
            (False, ("b@x.example",)),
        ]


OFFICE = """
route_defaults: {{max_mails: null, active_time: office}}
times: {{office: {{hours: "{0}-{1}", timezone: UTC}}}}
"""


async def test_what_is_held_for_longer_says_so(state: Path, sink: Sink) -> None:
    async with Post(state, routed(sink.port, OFFICE.format("12:00", "12:01"))) as post:
        day = 86400.0
        post.serve((13 * 3600 - post.clock()) % day)
        await post.emit("1")
        await post.routed()
        before = await post.history("1")
        post.configure(routed(sink.port, OFFICE.format("18:00", "18:01")))
        async with asyncio.timeout(20):
            while (now := await post.history("1"))["when"] == before["when"]:
                await post.a_moment()
        assert now["reason"] != before["reason"]
        assert "18:00" in now["reason"]
        post.serve(day + 6 * 3600)  # no mail could be made in that minute
        async with asyncio.timeout(20):
            while (later := await post.history("1"))["when"] == now["when"]:
                await post.a_moment()
        assert later["reason"] != now["reason"]


def forget_all(state: Path) -> None:
    """What routing remembered is lost, as by a bad page; the mails to come are not."""
    with apsw.Connection(str(state / "queue.db")) as db:
        db.execute("DELETE FROM routing_state")


JOBS = """
route_defaults: {max_mails: null}
routes:
  failures: {match: {type: "job.*"}, group_by: [type], group_wait: 30s}
jobs:
  nightly: {every: 24h, to: [operator@x.example]}
"""


async def test_a_mail_to_come_of_a_job_goes_to_its_recipients_though_all_else_is_forgotten(
    state: Path, sink: Sink
) -> None:
    config = routed(sink.port, JOBS)
    async with Post(state, config) as post:
        await post.emit("1", "2", kind="job.failed", job="nightly", severity="err")
        await post.routed()
    forget_all(state)
    async with Post(state, config) as post:
        await post.arrived(sink, 1)
    (mail,) = sink.mails
    assert (mail.recipients, *told([mail])) == (("operator@x.example",), ("1", "2"))


async def test_what_is_urgent_in_a_mail_to_come_passes_the_hours_though_all_else_is_forgotten(
    state: Path, sink: Sink
) -> None:
    config = routed(sink.port, OFFICE.format("12:00", "12:01").replace("null", "1/h"))
    async with Post(state, config) as post:
        ahead = (13 * 3600 - post.clock()) % 86400.0
        post.serve(ahead)
        await post.emit("1", "2", severity="warning")
        await post.emit("3", "4", severity="crit")
        await post.arrived(sink, 1)
    forget_all(state)
    post = Post(state, config)
    post.ahead = ahead
    async with post:
        await post.arrived(sink, 2)
        assert told(sink.mails) == [("3",), ("4",)]
        assert (await post.history("1"))["outcome"] == "held"


async def test_a_route_that_is_gone_leaves_what_it_grouped_to_what_counts_now(
    state: Path, sink: Sink
) -> None:
    async with Post(state, routed(sink.port, GROUPED)) as post:
        await post.emit("1", "2", kind="db.a")
        await post.routed()
        config = routed(sink.port, "route_defaults: {max_mails: null}\n")
        await post.outbound.remake(config)
        post.configure(config)
        await post.arrived(sink, 1)
        assert told(sink.mails) == [("1", "2")]


async def test_an_event_can_be_deleted_out_of_a_mail_that_tells_of_others(
    state: Path, sink: Sink
) -> None:
    sink.stop()  # so that it waits
    async with Post(state, routed(sink.port, GROUPED)) as post:
        await post.emit("1", "2", "3", kind="db.a")
        await post.routed()
        post.serve(31)
        await post.until(lambda: bool(post.released_usage))
        await post.unconnected()  # it was tried
        assert (await post.delete(["2"])).deliveries == 1
        assert (await post.history("2"))["outcome"] == "deleted"
        assert set(await post.states("1")) == {"a@x.example"}
        sink.start()
        assert (await post.queue_admin.retry()).deliveries == 1
        await post.arrived(sink, 1)
        assert told(sink.mails) == [("1", "3")]


async def test_an_event_of_a_mail_to_come_can_be_deleted_and_the_rest_be_sent_now(
    state: Path, sink: Sink
) -> None:
    async with Post(state, routed(sink.port, GROUPED)) as post:
        await post.emit("1", "2", "3", kind="db.a")
        await post.routed()
        assert (await post.delete(["2"])).deliveries == 1
        assert (await post.history("2"))["outcome"] == "deleted"
        await assert_counted(post)
        assert (await post.queue_admin.retry(["1"])).deliveries == 1
        await post.arrived(sink, 1)
        assert told(sink.mails) == [("1", "3")]
        await post.settled()
        await assert_counted(post)


async def test_a_mail_to_come_in_which_nothing_is_left_is_forgotten(
    state: Path, sink: Sink
) -> None:
    async with Post(state, routed(sink.port, GROUPED)) as post:
        await post.emit("1", kind="db.a")
        await post.routed()
        assert (await post.outbound.count_waiting()).total == 1
        await post.delete(["1"])
        assert (await post.outbound.count_waiting()).total == 0
        await post.emit("2", kind="db.a")
        await post.routed()
        post.serve(31)
        await post.arrived(sink, 1)
        assert told(sink.mails) == [("2",)]


def full_at_first(monkeypatch: pytest.MonkeyPatch, name: str, times: int = 2) -> list[int]:
    """The disk is full when this operation is run so many times; then it has room."""
    monkeypatch.setattr(scheduler, "DISK_FULL_PAUSE", 0.01)
    monkeypatch.setattr(router, "DISK_FULL_PAUSE", 0.01)
    original, failures = getattr(groups, name), [0]

    def operation(*given: Any, **more: Any) -> Any:
        if failures[0] < times:
            failures[0] += 1
            raise apsw.FullError
        return original(*given, **more)

    monkeypatch.setattr(groups, name, operation)
    return failures


async def test_a_disk_that_is_full_when_a_mail_is_due_costs_nothing_but_time(
    state: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Post(state, routed(sink.port, GROUPED)) as post:
        await post.emit("1", "2", kind="db.a")
        await post.routed()
        failures = full_at_first(monkeypatch, "make")
        post.serve(31)
        await post.arrived(sink, 1)
        assert failures == [2]
        await post.settled()
        await assert_counted(post)
        await post.emit("3", kind="db.a")  # and it is known when the mail was made
        await post.routed()
        assert (await post.history("3"))["outcome"] == "grouped"
    assert told(sink.mails) == [("1", "2")]


async def test_a_disk_that_is_full_when_events_join_loses_and_doubles_none(
    state: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Post(state, routed(sink.port, GROUPED)) as post:
        failures = full_at_first(monkeypatch, "route")
        await post.emit("1", "2", kind="db.a")
        await post.routed()
        assert failures == [2]
        await assert_counted(post)
        post.serve(31)
        await post.arrived(sink, 1)
        await post.settled()
        await assert_counted(post)
    assert told(sink.mails) == [("1", "2")]


async def test_a_closing_mail_that_could_not_be_made_at_once_is_made_by_who_finds_it(
    state: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Post(state, routed(sink.port, PROBLEMS)) as post:
        await post.emit("1", key="disk", status="problem", severity="err")
        await post.arrived(sink, 1)
        await post.emit("2", key="disk", status="problem", severity="err")
        await post.routed()
        failures = full_at_first(monkeypatch, "make", 1)
        await post.emit("3", key="disk", status="ok")
        await post.arrived(sink, 2)
        assert failures == [1]
        await post.settled()
        await assert_counted(post)
    assert told(sink.mails) == [("1",), ("2", "3")]


async def test_a_mail_to_come_that_routing_does_not_remember_is_made_at_the_start(
    state: Path, sink: Sink
) -> None:
    config = routed(sink.port, GROUPED)
    async with Post(state, config) as post:
        await post.emit("1", "2", kind="db.a")
        await post.routed()
        await post.writer.submit(lambda db: db.execute("DELETE FROM routing_state").close())
    async with Post(state, config) as post:
        await post.arrived(sink, 1)
        await post.settled()
        await assert_counted(post)
    assert told(sink.mails) == [("1", "2")]


async def test_what_routing_remembers_and_is_not_there_is_forgotten(
    state: Path, sink: Sink
) -> None:
    config = routed(sink.port, GROUPED)
    async with Post(state, config) as post:
        await post.emit("1", kind="db.a")
        await post.routed()
        gone = "DELETE FROM messages; DELETE FROM message_events"
        await post.writer.submit(lambda db: db.execute(gone).close())
    async with Post(state, config) as post:
        await post.emit("2", kind="db.a")
        await post.routed()
        post.serve(31)
        await post.arrived(sink, 1)
    assert told(sink.mails) == [("2",)]
