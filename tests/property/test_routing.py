"""Routing by any configuration and whatever happens: each event is where it must be, once."""

import math
from collections import Counter, defaultdict
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.routed import Book, Made, configured
from zaiond.config.schema import Config
from zaiond.model import SEVERITIES, URGENT
from zaiond.routing import problem, silence
from zaiond.routing.decide import decide
from zaiond.routing.matcher import RoutingTable

# 2023-10-29: clocks are put back in Europe one hour later.
START = 1_698_537_600.0
TIMES = """
times:
  day: {hours: '09:00-17:00', timezone: Europe/Berlin}
  night: {hours: '23:00-01:00', timezone: UTC, days: sat-sun}
"""


@cache
def config(text: str) -> Config:
    return configured(text, admins="admin@x.jp")


@st.composite
def routes(draw: st.DrawFn) -> str:
    """Up to three routes and defaults, each with recipients of its own."""

    def keys(of: str) -> list[str]:
        found = []
        kind = draw(st.sampled_from(["", "", "group", "digest"]))
        if kind == "group":
            found.append(
                draw(st.sampled_from(["group_wait: 0s", "group_wait: 30s", "group_by: []"]))
            )
            found.append(draw(st.sampled_from(["group_interval: 1m", "group_interval: 1h"])))
            found.append(draw(st.sampled_from(["group_by: [data.host]", "group_by: [type]"])))
            found = list({each.partition(":")[0]: each for each in found}.values())
        if kind == "digest":
            found.append(draw(st.sampled_from(["digest: '*/20 * * * *'", "digest: '30 2 * * *'"])))
        for more in (
            ["repeat_interval: 10m", "repeat_interval: 1d"],
            ["active_time: day", "active_time: night"],
            ["max_mails: 1/m", "max_mails: 3/h", "max_mails: null"],
        ):
            one = draw(st.sampled_from([None, None, *more]))
            found += [one] if one else []
        if of != "defaults":
            to = draw(st.sampled_from([f"[{of}1@x.jp]", f"[{of}1@x.jp, {of}2@x.jp]", "[]"]))
            found.append(f"to: {to}")
        return found

    lines = [f"route_defaults: {{{', '.join(keys('defaults'))}}}", "routes:"]
    for name in draw(st.sampled_from(["", "p", "pq", "pqr", "pqr", "qr"])):
        match = draw(
            st.sampled_from(["", "type: a", "severity: err+", "type: job.*", "data.host: h1"])
        )
        goes_on = draw(st.sampled_from(["continue: true", "continue: false"]))
        written = ", ".join([f"match: {{{match}}}" if match else "order: 50", goes_on, *keys(name)])
        lines.append(f"  {name}: {{{written}}}")
    if len(lines) == 2:
        lines.pop()
    job = draw(
        st.sampled_from(
            ["", "every: 1h, grace: 10m, failures: 2", "schedule: '30 2 * * *', to: [j@x.jp]"]
        )
    )
    return TIMES + "\n".join(lines) + (f"\njobs: {{j: {{{job}}}}}" if job else "")


EVENTS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["a", "b", "job.started", "job.succeeded", "job.failed"]),
        "severity": st.sampled_from([*SEVERITIES, "info", "info", "err"]),
        "data": st.sampled_from([{}, {"host": "h1"}, {"host": "h2"}]),
        "of": st.sampled_from(
            [
                {},
                {},
                {"key": "k", "status": "problem"},
                {"key": "k", "status": "problem"},
                {"key": "k", "status": "ok"},
                {"key": "l", "status": "problem"},
                {"job": "j"},
                {"notice": True},
            ]
        ),
    }
)
SECONDS = st.sampled_from([0.0, 1.0, 30.0, 61.0, 600.0, 3601.0, 20_000.0, 90_000.0])
TELL = st.tuples(st.just("event"), EVENTS)
WAIT = st.tuples(st.just("wait"), SECONDS)
BY_ONE_TABLE = st.one_of(
    TELL,
    TELL,
    WAIT,
    st.tuples(st.just("clock"), SECONDS.map(lambda s: -s) | SECONDS),
    st.tuples(st.sampled_from(["restart", "look", "rollback", "close", "expire"]), st.none()),
    st.tuples(st.just("silence"), st.sampled_from(["type=a", "key=k", "severity=err+"])),
)
STEP = BY_ONE_TABLE | st.tuples(st.just("reload"), st.integers(0, 2))


def do(b: Book, what: str, how: Any, tables: list[str]) -> None:
    if what == "event":
        attributes = {**how, **how["of"]}
        del attributes["of"]
        if attributes["type"].startswith("job.") and "job" not in attributes:
            attributes["type"] = "c"
        b.tell(**attributes)
    elif what == "wait":
        b.wait(how)
    elif what == "clock":
        b.now += how
    elif what == "restart":
        b.restart()
    elif what == "look":
        b.look()
    elif what == "rollback":
        before = dict(b.rows), b.state.next_due()
        decide(b.event(severity="crit"), b.table, b.state, b.now)
        decide(b.event(key="k", status="ok"), b.table, b.state, b.now)
        b.state.rollback()
        assert b.state.changes() == []
        assert (b.rows, b.state.next_due()) == before
    elif what == "close":
        for each in list(b.state.problems.values()):
            b.tell(notice=True, **problem.closing(each, "c", "root"))
    elif what == "expire":
        for id_ in list(b.state.silences):
            silence.expire(b.state, id_, b.now)
        b._commit()
    elif what == "silence":
        pair = (silence.parse_match(how),)
        id_ = f"s{len(b.events)}.{len(b.state.silences)}.{len(b.expired)}"
        silence.add(b.state, id=id_, match=pair, seconds=900, comment="", by="", now=b.now)
        b._commit()
    elif what == "reload":
        b.reload(config(tables[how % len(tables)]))


def closes_all(b: Book) -> None:
    """Time goes on until nothing is left that waits."""
    do(b, "expire", None, [])
    b.look()
    do(b, "close", None, [])
    for _ in range(20):
        b.wait(86400)
    b.check()
    assert b.coming == {}


@given(tables=st.lists(routes(), min_size=2, max_size=3), steps=st.lists(STEP, max_size=40))
def test_each_event_is_in_a_mail_made_or_to_come_or_has_ended_and_at_last_none_waits(
    tables: list[str], steps: list[tuple[str, Any]]
) -> None:
    b = Book(RoutingTable(config(tables[0])), now=START)
    for what, how in steps:
        do(b, what, how, tables)
        b.check()
    closes_all(b)


def by_recipient(b: Book) -> dict[str, list[Made]]:
    found = defaultdict(list)
    for mail in b.made:
        for recipient in mail.to:
            found[recipient].append(mail)
    return found


@given(table=routes(), steps=st.lists(BY_ONE_TABLE, max_size=40))
def test_nobody_gets_an_event_twice_but_to_be_reminded_of_it(
    table: str, steps: list[tuple[str, Any]]
) -> None:
    b = Book(RoutingTable(config(table)), now=START)
    for what, how in steps:
        do(b, what, how, [])
    closes_all(b)
    for recipient, mails in by_recipient(b).items():
        if recipient == "j@x.jp":  # all routes tell him of his job
            continue
        told = Counter(
            event
            for mail in mails
            if not (mail.routing.standing and mail.routing.standing.reminder)
            for event in mail.events
        )
        assert all(times == 1 for times in told.values()), (recipient, told)


@given(
    limit=st.sampled_from([(1, "m", 60), (3, "m", 60), (2, "h", 3600)]),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("event"), st.integers(1, 5)),
            st.tuples(st.just("wait"), st.floats(0, 100) | SECONDS),
            st.tuples(st.just("clock"), st.floats(-5000, 100)),
            st.tuples(st.just("restart"), st.none()),
        ),
        max_size=60,
    ),
)
def test_never_more_than_max_mails_in_any_window(
    limit: tuple[int, str, int], steps: list[tuple[str, Any]]
) -> None:
    most, unit, window = limit
    b = Book(RoutingTable(config(f"route_defaults: {{max_mails: {most}/{unit}}}")), now=START)
    sent: list[float] = []
    set_back = 0.0  # what the clock was set back by in all: time only passes
    for what, how in steps:
        if what == "event":
            for _ in range(how):
                b.tell(severity="crit")
        else:
            do(b, what, how, [])
        set_back -= min(how, 0.0) if what == "clock" else 0.0
        sent += [mail.at + set_back for mail in b.made[len(sent) :]]
        gaps = zip(sent, sent[most:], strict=False)
        assert all(later - at >= window - 1e-6 for at, later in gaps)


def is_urgent(b: Book, mail: Made) -> bool:
    """Whether it may be told at any time: who was woken by a problem hears of its end, too."""
    told = [b.events[seq] for seq in mail.events]
    for seq, own in zip(mail.events, tuple(told), strict=True):
        if own.key is None and own.job is None:
            continue
        alike = [
            (at, one)
            for at, one in enumerate(b.events)
            if (one.key, one.job) == (own.key, own.job) and one.accepted <= mail.at
        ]
        ends = [at for at, one in alike if one.status == "ok" or one.type == "job.succeeded"]
        begun = max((at for at in ends if at < seq), default=-1)
        told += [one for at, one in alike if at > begun]
    return any(one.severity in URGENT for one in told)


@given(table=routes(), steps=st.lists(TELL | WAIT | st.tuples(st.just("restart"), st.none())))
def test_nothing_is_told_before_its_time(table: str, steps: list[tuple[str, Any]]) -> None:
    b = Book(RoutingTable(config(table)), now=START)
    for what, how in steps:
        do(b, what, how, [])
    b.wait(3 * 86400)
    told_at: dict[tuple[Any, ...], float] = {}  # of each group, the last time
    for mail in b.made:
        rule = b.table.rule(mail.routing.route)
        accepted = [b.events[seq].accepted for seq in mail.events]
        if rule.hours is not None and mail.routing.kind != "suppressed" and not is_urgent(b, mail):
            assert rule.hours.contains(mail.at)
        if mail.routing.kind == "digest":
            assert rule.digest is not None
            assert mail.at >= rule.digest.next(min(accepted))
        if mail.routing.kind == "grouped":
            group = mail.routing.route, mail.routing.labels, mail.to
            before = told_at.get(group, -math.inf)
            assert mail.at >= min(accepted) + rule.wait or mail.at >= before + rule.interval
            told_at[group] = mail.at


def test_a_loss_would_be_seen() -> None:
    """The control of these tests: an event that is forgotten breaks the law."""
    b = Book(RoutingTable(config("routes: {p: {group_wait: 30s}}")), now=START)
    b.tell()
    b.check()
    (events,) = b.coming.values()
    events.clear()
    with pytest.raises(AssertionError):
        b.check()
