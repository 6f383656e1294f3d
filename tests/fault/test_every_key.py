"""Each key of routes, times, jobs and what goes with them does what it says: from the event socket
of a real daemon, whose clock is set by hand, to the mail.

What is tried is listed by the declarations themselves: a key that is added has no test, and fails.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.support.clocked_daemon import Clocked
from tests.support.http_server import HttpServer
from tests.support.sink import Mail, Sink
from tests.support.waiting import until
from zaiond.config.declare import declarations
from zaiond.config.jobs import Heartbeat, Job, Time
from zaiond.config.routes import Match, Route, RouteDefaults

HOUR, MINUTE = 3600.0, 60.0
START = datetime(2026, 6, 5, 8, tzinfo=UTC).timestamp()  # a Friday
ADMINS = {"admin@x.example"}
SLACK = 90.0  # seconds: what max_mails is late, and a busy machine takes
ONCE = itertools.count()


class World:
    """One daemon, all that it has mailed, and the time that it believes to be."""

    def __init__(self, directory: Path, sink: Sink, server: HttpServer) -> None:
        self.sink = sink
        self.server = server
        self.daemon = Clocked(directory, self.text(""), START)
        self.daemon.environment["TZ"] = "UTC"
        (directory / "ping-url").write_text(f"{server.url}/ping\n")
        (directory / "ping-url").chmod(0o600)
        templates = self.daemon.config.parent / "templates"
        templates.mkdir()
        (templates / "ours.subject.j2").write_text("ours: {{ event.type }}")
        (templates / "ours.txt.j2").write_text("{{ total }} in our words\n")

    def text(self, more: str) -> str:
        return (
            f"mail_server: {{host: 127.0.0.1, port: {self.sink.port}}}\n"
            f"admins: admin@x.example\nlanguage: en\n{more}"
        )

    def configure(self, more: str) -> None:
        """These top-level settings are in force."""
        text = self.text(more)
        if text != self.daemon.config.read_text():
            self.daemon.config.write_text(text)
            self.daemon.ask("reload")

    @property
    def now(self) -> float:
        return self.daemon.now

    def later(self, seconds: float) -> None:
        self.daemon.set(self.now + seconds)

    def until(self, time: str, day: str = "") -> float:
        """The clock shows this time of day (of this day of the week) when it comes next."""
        hour, minute = map(int, time.split(":"))
        at = datetime.fromtimestamp(self.now, UTC).replace(second=0, microsecond=0)
        while at.timestamp() <= self.now or (at.hour, at.minute) != (hour, minute) or (
            day and f"{at:%a}".lower() != day
        ):  # fmt: skip
            at += timedelta(minutes=1)
        self.daemon.set(at.timestamp())
        return at.timestamp()

    def emit(self, *events: dict[str, Any]) -> list[str]:
        """Their ids."""
        given = [{"id": f"e{next(ONCE)}", **event} for event in events]
        replies = self.daemon.emit(*given)
        assert all(reply["status"] == "ok" for reply in replies), replies
        return [reply["id"] for reply in replies]

    def becomes(self, outcome: str, ids: list[str]) -> list[str]:
        """The same ids, once it is on disk that this has become of the events."""
        for id_ in ids:
            until(
                lambda: self.history(id_)["outcome"] == outcome,  # noqa: B023
                lambda: f"not {outcome}: {self.history(id_)}",  # noqa: B023
            )
        return ids

    def history(self, id_: str) -> dict[str, Any]:
        (event,) = self.daemon.ask("history", id=id_)["events"]
        return dict(event)

    def mails(self, ids: list[str], count: int) -> list[Mail]:
        """The mails that tell of some of these events, once they are so many."""
        while True:
            all_mails = list(self.sink.mails)
            found = [mail for mail in all_mails if not set(ids).isdisjoint(mail.event_ids)]
            if len(found) >= count:
                assert len(found) == count, [mail.as_read() for mail in found]
                return found
            self.sink.wait(len(all_mails) + 1)

    def mail(self, ids: list[str]) -> Mail:
        """The one mail that tells of all these events."""
        (found,) = self.mails(ids, 1)
        assert set(ids) <= set(found.event_ids)
        return found


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as directory,
        Sink() as sink,
        HttpServer() as server,
    ):
        made = World(Path(directory), sink, server)
        made.daemon.config.write_text(made.text(ROUTES))
        with made.daemon:
            yield made


def recipients(mail: Mail) -> set[str]:
    return set(mail.recipients)


def date(mail: Mail) -> float:
    return float(mail.message["Date"].datetime.timestamp())


def assert_made(mail: Mail, at: float) -> None:
    """It was made at this time, and not before; `Date` has no parts of a second."""
    assert int(at) <= date(mail) <= at + SLACK


# -- the keys of a route, which are those of route_defaults, too. Each function tries one, by events
# of a type for which it counts.

Emit = Callable[..., list[str]]


def to(world: World, emit: Emit) -> None:
    assert recipients(world.mail(emit({}))) == {"one@x.example", "two@x.example"}


def language(world: World, emit: Emit) -> None:
    assert "管理者各位" in world.mail(emit({})).body


def template(world: World, emit: Emit) -> None:
    mail = world.mail(emit({}))
    assert mail.subject.startswith("[Zaionnex] ours: ")
    assert "1 in our words" in mail.body


def attach(world: World, emit: Emit) -> None:
    mail = world.mail(emit({"data": {"log": "what it said\n", "other": "o"}}))
    (file,) = mail.message.iter_attachments()
    assert isinstance(file, EmailMessage)
    assert file.get_filename() == "log.txt"
    assert str(file.get_content()).splitlines() == ["what it said"]


def group_by(world: World, emit: Emit) -> None:
    one, two, three = ({"data": {"host": host}} for host in ("h1", "h2", "h1"))
    ids = world.becomes("grouped", emit(one, two, three))
    world.later(5)
    told = {frozenset(mail.event_ids) for mail in world.mails(ids, 2)}
    assert told == {frozenset((ids[0], ids[2])), frozenset((ids[1],))}


def group_wait(world: World, emit: Emit) -> None:
    at = world.now
    ids = world.becomes("grouped", emit({}, {}))
    world.later(30)
    mail = world.mail(ids)
    assert "2 events" in mail.subject
    assert_made(mail, at + 30)


def group_interval(world: World, emit: Emit) -> None:
    world.later(HOUR)  # since any mail of this group
    first = world.mail(emit({}))
    ids = world.becomes("grouped", emit({}, {}))
    world.later(600)
    mail = world.mail(ids)
    assert "2 events" in mail.subject
    assert_made(mail, date(first) + 600)


def repeat_interval(world: World, emit: Emit) -> None:
    ids = emit({"key": "disk", "status": "problem", "severity": "err"})
    first = world.mail(ids)
    world.later(HOUR)
    _, reminder = world.mails(ids, 2)
    assert "The problem has lasted 1 h " in reminder.body
    assert_made(reminder, date(first) + HOUR)
    assert recipients(reminder) == recipients(first)
    closing = world.mail(emit({"key": "disk", "status": "ok"}))
    assert "The problem lasted 1 h," in closing.body


def active_time(world: World, emit: Emit) -> None:
    world.until("18:00", "fri")
    held = world.becomes("held", emit({"severity": "err"}, {}))
    at = world.now
    assert_made(world.mail(emit({"severity": "crit"})), at)
    at = world.until("08:30", "mon")
    mail = world.mail(held)
    assert "2 events" in mail.subject
    assert_made(mail, at)


def digest(world: World, emit: Emit) -> None:
    world.until("07:10")
    ids = world.becomes("grouped", emit({"severity": "crit"}, {}, {}))
    at = world.until("08:00")
    mail = world.mail(ids)
    assert "3 events" in mail.subject
    assert_made(mail, at)


def max_mails(world: World, emit: Emit) -> None:
    world.later(2 * HOUR)  # since any mail to him
    at = world.now
    for _ in range(2):
        assert_made(world.mail(emit({})), at)
    over = emit({"subject": "mild"}, {"subject": "severe", "severity": "err"}, {})
    world.becomes("held", over)
    world.later(HOUR + MINUTE)  # a mail counts for up to a 60th of the hour longer
    mail = world.mail(over)
    assert "3 events" in mail.subject
    assert mail.body.index("severe") < mail.body.index("mild")
    assert_made(mail, at + HOUR)


KEYS: dict[str, tuple[str, Callable[[World, Emit], None]]] = {
    "to": ("to: [one@x.example, two@x.example]", to),
    "language": ("language: ja", language),
    "template": ("template: ours", template),
    "attach": ("attach: [data.log]", attach),
    "group_by": ("group_by: [type, data.host], group_wait: 5s", group_by),
    "group_wait": ("group_wait: 30s", group_wait),
    "group_interval": ("group_interval: 10m", group_interval),
    "repeat_interval": ("repeat_interval: 1h", repeat_interval),
    "active_time": ("active_time: office", active_time),
    "digest": ('digest: "0 8 * * *"', digest),
    "max_mails": ("max_mails: 2/h, to: [few@x.example]", max_mails),
}

# -- what an event must have for a route to count: what matches, and what doesn't.

MATCHES: dict[str, tuple[str, list[dict[str, Any]], list[dict[str, Any]]]] = {
    "type": ('["match.type.*", "match.?.x"]', [{"type": "match.type.a"}, {"type": "match.a.x"}],
             [{"type": "match.types"}, {"type": "match.ab.x"}]),
    "severity": ("warning+", [{"severity": "warning"}, {"severity": "emerg"}],
                 [{"severity": "notice"}]),
    "source": ('"*/web*"', [{"source": "host/web1"}], [{"source": "web1"}]),
    "subject": ('["*disk*", exactly]', [{"subject": "a disk is"}, {"subject": "exactly"}],
                [{"subject": "not exactly"}, {}]),
    "key": ("k*", [{"key": "kay"}], [{"key": "akay"}, {}]),
    "status": ("problem", [{"key": "match", "status": "problem"}], [{}]),
    "job": ('"night*"', [{"job": "nights"}], [{"job": "day"}, {}]),
    "data": ("", [{"data": {"dataset": "prod/a", "disk": {"port": 80}}},
                  {"data": {"dataset": "prod/", "disk.port": "80"}}],
             [{"data": {"dataset": "prod/a"}}, {"data": {"disk": {"port": 80}}},
              {"data": {"dataset": "test/a", "disk": {"port": 80}}}]),
}  # fmt: skip


def condition(field: str, pattern: str) -> str:
    if field == "type":
        return f"type: {pattern}"
    if field == "data":  # any field below it, at any depth
        return 'type: match.data, data.dataset: "prod/*", data.disk.port: 80'
    return f"type: match.{field}, {field}: {pattern}"


# -- when it is sent: a `times` entry; when the event comes, and when its mail is made.

TIMES = {
    "days": ("{days: sat}", "12:00", "fri", "00:00"),
    "hours": ('{hours: "22:00-06:00"}', "06:00", "wed", "22:00"),
    "timezone": ('{hours: "09:00-10:00", timezone: America/New_York}', "12:59", "wed", "13:00"),
}

JOBS = {
    "schedule": '{schedule: "0 2 * * *", grace: 1s}',
    "timezone": '{schedule: "0 2 * * *", timezone: Asia/Tokyo, grace: 1s}',
    "every": "{every: 100s, grace: 1s}",
    "grace": '{schedule: "0 3 * * *", grace: 1m}',
    "max_runtime": "{every: 30d, max_runtime: 90s}",
    "failures": "{every: 30d, failures: 3}",
    "to": "{every: 30d, to: [boss@x.example]}",
}

ROUTES = (
    """
route_defaults: {max_mails: null}
summary: "0 1 * * 1"
heartbeat: {url_file: ../ping-url, every: 1s}
times:
  office: {days: mon-fri, hours: "08:30-18:00"}
"""
    + "".join(f"  {key}: {time[0]}\n" for key, time in TIMES.items())
    + "jobs:\n"
    + "".join(f"  {key}: {job}\n" for key, job in JOBS.items())
    + "routes:\n"
    + "".join(f"  {key}: {{match: {{type: own.{key}}}, {text}}}\n"
              for key, (text, _) in KEYS.items())
    + "".join(f"  match-{field}: {{match: {{{condition(field, text)}}}, to: [match@x.example]}}\n"
              for field, (text, *_) in MATCHES.items())
    + "".join(f"  times-{key}: {{match: {{type: times.{key}}}, active_time: {key}}}\n"
              for key in TIMES)
    + """\
  last: {match: {type: order.*}, order: 51, to: [last@x.example]}
  then: {match: {type: order.*}, to: [then@x.example]}
  never: {match: {type: order.*}, to: [never@x.example]}
  first: {match: {type: order.first}, order: -1, to: [first@x.example]}
  both: {match: {type: order.both}, order: -2, continue: true, to: [both@x.example]}
  nobody: {match: {type: nobody}, to: []}
"""
)  # fmt: skip


def test_no_key_is_without_a_test() -> None:
    of_defaults = set(declarations(RouteDefaults))
    assert set(KEYS) == of_defaults
    assert set(declarations(Route)) - of_defaults == {"order", "match", "continue"}
    assert set(MATCHES) == set(declarations(Match))
    assert set(TIMES) == set(declarations(Time))
    assert set(JOBS) == set(declarations(Job))
    assert set(declarations(Heartbeat)) == {"url_file", "every"}


@pytest.mark.parametrize("key", KEYS)
def test_a_key_of_a_route_counts_for_what_the_route_matches(world: World, key: str) -> None:
    world.configure(ROUTES)
    KEYS[key][1](world, emitting(world, f"own.{key}"))


@pytest.mark.parametrize("key", KEYS)
def test_a_key_of_route_defaults_counts_for_routes_without_it_and_for_what_none_matches(
    world: World, key: str
) -> None:
    text, check = KEYS[key]
    limit = "" if key == "max_mails" else "max_mails: null, "
    world.configure(
        f"route_defaults: {{{limit}{text}}}\n"
        "times: {office: {days: mon-fri, hours: '08:30-18:00'}}\n"
        "routes: {inherits: {match: {type: inherits}}}\n"
    )
    world.later(2 * HOUR)  # since any mail of a test before
    for type_ in ("inherits", "default"):
        check(world, emitting(world, type_))


def emitting(world: World, type_: str) -> Emit:
    return lambda *events: world.emit(*({"type": type_, **event} for event in events))


def test_without_route_defaults_a_recipient_gets_60_mails_an_hour(world: World) -> None:
    world.configure("")
    world.later(2 * HOUR)
    ids, at = world.emit(*[{"type": "many"}] * 63), world.now
    for one in ids[:60]:
        assert recipients(world.mail([one])) == ADMINS
    world.becomes("held", ids[60:])
    world.later(HOUR + MINUTE)
    mail = world.mail(ids[60:])
    assert "3 events" in mail.subject
    assert_made(mail, at + HOUR)


@pytest.mark.parametrize("field", MATCHES)
def test_a_route_is_for_what_matches_and_the_admins_get_the_rest(world: World, field: str) -> None:
    world.configure(ROUTES)
    _, matching, others = MATCHES[field]
    kind = {"type": f"match.{field}"}
    good = world.emit(*({**kind, **event} for event in matching))
    bad = world.emit(*({**kind, **event} for event in others))
    if field not in ("type", "status"):  # all must hold; the same problem goes the same way
        bad += world.emit({**matching[0], "type": "foreign"})
    for id_ in good:
        assert recipients(world.mail([id_])) == {"match@x.example"}
    for id_ in bad:
        assert recipients(world.mail([id_])) == ADMINS


@pytest.mark.parametrize(
    ("type_", "to"),
    [("order.x", ["then"]), ("order.first", ["first"]), ("order.both", ["both", "then"])],
)
def test_routes_are_tried_by_order_then_as_written_up_to_the_first_that_does_not_continue(
    world: World, type_: str, to: list[str]
) -> None:
    world.configure(ROUTES)
    found = world.mails(world.emit({"type": type_}), len(to))
    assert sorted(one for mail in found for one in mail.recipients) == [
        f"{name}@x.example" for name in to
    ]


def test_what_a_route_tells_to_nobody_is_dropped_and_history_says_by_which(world: World) -> None:
    world.configure(ROUTES)
    (id_,) = world.emit({"type": "nobody"})
    world.becomes("dropped", [id_])
    event = world.history(id_)
    assert (event["outcome"], event["reason"]) == (
        "dropped", "route nobody: to nobody (to: [])",
    )  # fmt: skip


@pytest.mark.parametrize("key", TIMES)
def test_outside_of_its_times_a_mail_is_held_until_they_begin(world: World, key: str) -> None:
    world.configure(ROUTES)
    _, closed, day, begins = TIMES[key]
    world.until(closed, day)
    held = world.becomes("held", world.emit({"type": f"times.{key}"}))
    at = world.until(begins)
    assert_made(world.mail(held), at)
    now = world.emit({"type": f"times.{key}"})
    assert_made(world.mail(now), at)


# -- jobs


def job_event(world: World, type_: str, job: str) -> tuple[list[str], int]:
    """An event of a job, and its time."""
    at = int(world.now)
    time = datetime.fromtimestamp(at, UTC).isoformat()
    return world.emit({"type": type_, "job": job, "severity": "err", "time": time}), at


def looks(world: World, set_clock: Callable[[], object]) -> None:
    """The clock is set; returns when the daemon has looked at its jobs since."""
    ids = world.becomes("grouped", world.emit({"type": "own.group_wait"}))
    set_clock()
    world.mail(ids)


@pytest.mark.parametrize(
    ("key", "before", "slot", "grace"),
    [
        ("schedule", "01:59", "02:00", 1),
        ("timezone", "16:59", "17:00", 1),
        ("grace", "02:59", "03:00", 60),
    ],
)
def test_a_job_that_is_not_heard_of_by_one_grace_after_its_time_is_mailed(
    world: World, key: str, before: str, slot: str, grace: float
) -> None:
    world.configure(ROUTES)
    looks(world, lambda: world.until(before))
    at = world.until(slot)
    world.later(grace - 0.2)
    mail = world.mail([f"job.missed/{key}/{int(at)}"])
    assert_made(mail, at + grace)
    assert key in mail.subject
    assert recipients(mail) == ADMINS


def test_a_job_that_is_not_heard_of_for_as_long_as_every_says_is_mailed(world: World) -> None:
    world.configure(ROUTES)
    looks(world, lambda: world.later(HOUR))
    ids, at = job_event(world, "job.started", "every")
    world.becomes("dropped", ids)
    world.later(100)
    assert_made(world.mail([f"job.missed/every/{at + 100}"]), at + 101)


def test_a_job_that_runs_longer_than_max_runtime_is_mailed(world: World) -> None:
    world.configure(ROUTES)
    looks(world, lambda: world.later(HOUR))
    ids, at = job_event(world, "job.started", "max_runtime")
    world.becomes("dropped", ids)
    world.later(89)
    mail = world.mail([f"job.overdue/max_runtime/{at}"])
    assert_made(mail, at + 90)
    assert "max_runtime" in mail.subject


def test_a_job_is_mailed_from_the_failure_on_that_failures_says(world: World) -> None:
    world.configure(ROUTES)
    ids = [job_event(world, "job.failed", "failures")[0][0] for _ in range(3)]
    assert world.mail(ids[2:]).event_ids == (ids[2],)
    world.becomes("dropped", ids[:2])


def test_a_job_with_recipients_of_its_own_is_told_of_to_them(world: World) -> None:
    world.configure(ROUTES)
    assert recipients(world.mail(job_event(world, "job.failed", "to")[0])) == {"boss@x.example"}


# -- problems, proof of life


def test_a_problem_is_mailed_once_counted_and_closed_in_one_thread(world: World) -> None:
    world.configure(ROUTES)
    bad = {"type": "disk", "severity": "err", "key": "sda", "status": "problem"}
    (first, *again) = world.emit(bad, bad, bad)
    opening = world.mail([first])
    world.later(2 * HOUR)
    closing = world.mail([*again, *world.emit({"type": "disk", "key": "sda", "status": "ok"})])
    assert "The problem lasted 2 h," in closing.body
    assert "reported 3 times" in closing.body
    assert opening.message["References"] == closing.message["References"] is not None


def test_the_summary_comes_at_its_time(world: World) -> None:
    world.configure(ROUTES)
    world.mail(job_event(world, "job.failed", "to")[0])
    at = world.until("01:00", "mon")
    mail = world.mail([f"zaiond.summary/{int(at)}"])
    assert recipients(mail) == ADMINS
    assert "to: failed" in mail.body


def test_the_heartbeat_is_fetched_as_often_as_every_says(world: World) -> None:
    world.configure(ROUTES)
    asked = world.server.wait(len(world.server.asked) + 2)  # else it were minutes
    assert set(asked) == {"/ping"}
