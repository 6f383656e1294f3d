"""What routes, times, jobs, the summary and the heartbeat mean, and what is warned of."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.config.test_parse import Sources
from zaiond.config.load import load, load_files
from zaiond.config.parse import Parsed, YamlText, parse
from zaiond.config.schema import Config, Cron, Hours, Job, Match, Rate, Route, RouteDefaults, Secret

HEAD = "mail_server: {host: mailhost}\nadmins: admin@zaion.jp\n"
# The contract's own (docs/interface.md, section 7).
COMPLETE = """\
route_defaults: {max_mails: 60/h}
routes:
  database:
    order: 50
    match:
      type: ["backup.db.*"]
      severity: warning+
      source: "*/web*"
      data.dataset: "prod/*"
    continue: false
    to: [dba@zaion.jp]
    language: en
    template: database
    attach: [data.log]
    group_by: [type, data.host]
    group_wait: 30s
    group_interval: 5m
    repeat_interval: 4h
    active_time: office
    max_mails: 20/h
times:
  office: {days: mon-fri, hours: "08:30-18:00", timezone: Asia/Tokyo}
jobs:
  nightly-backup:
    schedule: "0 2 * * *"
    timezone: Asia/Tokyo
    grace: 2h
    max_runtime: 6h
    failures: 1
    to: []
summary: "0 8 * * 1"
heartbeat: {url_file: ping-url, every: 5m}
"""
OFFICE = Hours(frozenset(range(5)), 510, 1080, "Asia/Tokyo", "office")


class Urls(Sources):
    """Gives a URL for every file."""

    def secret_file(self, path: str) -> str:
        return f"https://ping.zaion.jp{path}"


def parsed(*texts: str) -> Parsed:
    files = [YamlText(f"{n}.yaml", "/etc/zaiond", text) for n, text in enumerate(texts)]
    return parse(files, Urls())


def valid(*texts: str) -> Config:
    first, *drop_ins = texts
    found = parsed(HEAD + first, *drop_ins)
    assert found.errors == ()
    assert found.config is not None
    return found.config


def route(text: str) -> Route:
    return valid(f"routes:\n  one: {text}\ntimes: {{office: {{}}}}\n").routes["one"]


def warned(text: str) -> list[str]:
    found = parsed(HEAD + text)
    assert found.errors == ()
    return [warning.key for warning in found.warnings]


def wrong(text: str) -> list[str]:
    return [error.key for error in parsed(HEAD + text).errors]


def test_the_complete_example_is_read() -> None:
    config = valid(COMPLETE)
    (route,) = config.routes.values()
    assert route.template_files is not None
    assert {"database": replace(route, template_files=None)} == {
        "database": Route(
            match=Match(
                type=("backup.db.*",),
                severity=frozenset({"emerg", "alert", "crit", "err", "warning"}),
                source=("*/web*",),
                data=(("data.dataset", ("prod/*",)),),
            ),
            to=("dba@zaion.jp",),
            language="en",
            template="/etc/zaiond/templates/database",
            attach=("data.log",),
            group_by=("type", "data.host"),
            group_wait=30.0,
            group_interval=300.0,
            repeat_interval=14400.0,
            active_time="office",
            hours=OFFICE,
            max_mails=Rate(20, 3600.0),
            own_max_mails=True,
        )
    }
    assert config.times == {"office": OFFICE}
    assert config.jobs == {
        "nightly-backup": Job(
            schedule=Cron("0 2 * * *", "Asia/Tokyo"),
            timezone="Asia/Tokyo",
            grace=7200.0,
            max_runtime=21600.0,
        )
    }
    assert config.summary == Cron("0 8 * * 1")
    assert config.heartbeat is not None
    assert config.heartbeat.every == 300.0
    assert config.heartbeat.url == Secret("https://ping.zaion.jp/etc/zaiond/ping-url")
    assert warned(COMPLETE) == []


def test_without_them_there_are_none_and_no_storm() -> None:
    config = valid("")
    assert (config.routes, config.times, config.jobs) == ({}, {}, {})
    assert config.summary is None
    assert config.heartbeat is None
    assert config.route_defaults == RouteDefaults(max_mails=Rate(60, 3600.0))
    assert not config.route_defaults.own_max_mails
    assert config == valid("routes: {}\ntimes: {}\njobs: {}\nroute_defaults: {}\nheartbeat: null\n")


# -- what a route has of the defaults


def test_a_route_has_what_it_does_not_say_of_the_defaults() -> None:
    config = valid(
        "route_defaults: {to: [a@zaion.jp], language: en, repeat_interval: 4h, max_mails: 5/m}\n"
        "routes:\n  one: {to: [b@zaion.jp], match: {type: b.*}}\n  two: {language: ja}\n"
    )
    one, two = config.routes.values()
    assert (one.to, one.language, one.repeat_interval) == (("b@zaion.jp",), "en", 14400.0)
    assert (two.to, two.language, two.repeat_interval) == (("a@zaion.jp",), "ja", 14400.0)
    assert one.max_mails == two.max_mails == Rate(5, 60.0)
    assert not one.own_max_mails  # so that it counts together with the others
    assert config.route_defaults.own_max_mails


def test_nobody_is_not_the_same_as_the_admins() -> None:
    assert route("{to: []}").to == ()
    assert route("{order: 1}").to is None
    assert route("{to: null}").to is None
    assert wrong("routes: {one: {to: ''}}\n") == ["routes.one.to"]


def test_no_limit_is_not_the_same_as_none_of_its_own() -> None:
    none = route("{max_mails: null}")
    assert (none.max_mails, none.own_max_mails) == (None, True)
    default = route("{order: 1}")
    assert (default.max_mails, default.own_max_mails) == (Rate(60, 3600.0), False)
    assert valid("route_defaults: {max_mails: null}\n").route_defaults.max_mails is None
    assert (
        valid("route_defaults: {max_mails: null}\nroutes: {a: {}}\n").routes["a"].max_mails is None
    )


@pytest.mark.parametrize(
    ("text", "by", "wait", "interval"),
    [
        ("{group_by: [type]}", ("type",), 0.0, 300.0),
        ("{group_by: type}", ("type",), 0.0, 300.0),
        ("{group_by: []}", (), 0.0, 300.0),
        ("{group_wait: 1m}", None, 60.0, 300.0),
        ("{group_wait: 0s}", None, 0.0, 300.0),
        ("{group_interval: 1h}", None, 0.0, 3600.0),
        ("{order: 1}", None, None, None),
        ("{digest: 0 8 * * *, group_wait: 1m}", None, None, None),
    ],
)
def test_a_route_groups_where_one_of_three_says_so(
    text: str, by: tuple[str, ...] | None, wait: float | None, interval: float | None
) -> None:
    found = route(text)
    assert (found.group_by, found.group_wait, found.group_interval) == (by, wait, interval)
    assert found.is_grouping == (interval is not None)


def test_of_groups_and_digests_that_of_the_route_counts() -> None:
    config = valid(
        "route_defaults: {digest: 0 8 * * *}\nroutes:\n  one: {group_wait: 1m}\n  two: {}\n"
    )
    assert config.routes["one"].digest is None
    assert config.routes["one"].is_grouping
    assert config.routes["two"].digest == Cron("0 8 * * *") == config.route_defaults.digest
    config = valid("route_defaults: {group_by: [type]}\nroutes: {one: {digest: '@daily'}}\n")
    assert config.routes["one"].digest == Cron("@daily")
    assert not config.routes["one"].is_grouping
    assert config.route_defaults.is_grouping


def test_routes_are_tried_by_their_order_and_then_as_they_are_written() -> None:
    config = valid(
        "routes:\n  c: {}\n  a: {order: 50}\n  last: {order: 51}\n  first: {order: -1}\n  b: {}\n"
    )
    assert list(config.routes) == ["first", "c", "a", "b", "last"]
    assert [each.order for each in config.routes.values()] == [-1, 50, 50, 50, 51]


def test_continue_is_a_word_of_python_and_of_the_configuration() -> None:
    assert route("{continue: true}").continue_
    assert not route("{continue: false}").continue_


def test_the_defaults_may_name_a_time_of_which_routes_have_the_hours() -> None:
    config = valid(
        "route_defaults: {active_time: office}\nroutes: {one: {}}\n"
        "times: {office: {hours: 22:00-06:00}}\n"
    )
    night = Hours(start=1320, end=360, name="office")
    assert config.route_defaults.hours == config.routes["one"].hours == night
    assert wrong("route_defaults: {active_time: of}\nroutes: {one: {}}\n") == [
        "route_defaults.active_time"
    ]


@pytest.mark.parametrize(
    ("head", "key"),
    [
        ("admins: admin@zaion.jp\n", "mail_server.host"),
        ("mail_server: {host: mailhost}\n", "admins"),
        ("mail_server: {host: mailhost}\nadmins: nobody\n", "admins"),
    ],
)
def test_what_is_required_and_missing_or_wrong_hides_no_other_mistake(head: str, key: str) -> None:
    errors = parsed(f"{head}routes: {{one: {{active_time: office}}}}\n").errors
    assert sorted(error.key for error in errors) == sorted([key, "routes.one.active_time"])


def test_a_time_that_is_wrong_is_not_called_missing_too() -> None:
    text = "routes: {one: {active_time: office}}\ntimes: {office: {days: [x]}}\n"
    assert wrong(text) == ["times.office.days"]


def test_a_time_that_may_be_in_a_file_that_cannot_be_read_is_not_called_missing() -> None:
    files = [
        YamlText("0.yaml", "/", f"{HEAD}routes: {{one: {{active_time: office}}}}\n"),
        YamlText("1.yaml", "/", "times: {office: {}\n"),
    ]
    (error,) = parse(files, Sources()).errors
    assert error.file == "1.yaml"


# -- what an event must have


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{type: backup.*}", Match(type=("backup.*",))),
        ("{type: [backup.*, disk.full]}", Match(type=("backup.*", "disk.full"))),
        ("{type: [a, a]}", Match(type=("a",))),
        ("{severity: error}", Match(severity=frozenset({"err"}))),
        ("{severity: crit+}", Match(severity=frozenset({"emerg", "alert", "crit"}))),
        ("{severity: CRITICAL +}", Match(severity=frozenset({"emerg", "alert", "crit"}))),
        ("{severity: [warn, debug]}", Match(severity=frozenset({"warning", "debug"}))),
        ("{severity: [alert+, debug]}", Match(severity=frozenset({"emerg", "alert", "debug"}))),
        ("{job: nightly-*, key: 'pool/*'}", Match(job=("nightly-*",), key=("pool/*",))),
        ("{status: problem}", Match(status=("problem",))),
        ("{subject: '*満杯*'}", Match(subject=("*満杯*",))),
        ("{data.port: 80}", Match(data=(("data.port", ("80",)),))),
        ("{data.load: [0.5, -3]}", Match(data=(("data.load", ("0.5", "-3")),))),
        ("{data.down: true}", Match(data=(("data.down", ("true",)),))),
        (
            "{data.disk.name: sd*, data.host: [a, b]}",
            Match(data=(("data.disk.name", ("sd*",)), ("data.host", ("a", "b")))),
        ),
    ],
)
def test_a_match_is_patterns_or_a_list_of_them(text: str, expected: Match) -> None:
    assert route(f"{{match: {text}}}").match == expected


# -- files on top of one another


def test_a_drop_in_adds_routes_and_changes_keys_of_one() -> None:
    config = valid(
        "routes:\n  one: {to: [a@zaion.jp], match: {type: a.*, severity: err+}}\n",
        "routes:\n  one: {match: {type: b.*, data.host: x}, max_mails: 1/m}\n  two: {order: 1}\n",
    )
    assert list(config.routes) == ["two", "one"]
    one = config.routes["one"]
    assert one.to == ("a@zaion.jp",)
    assert one.match.type == ("b.*",)
    assert one.match.severity == {"emerg", "alert", "crit", "err"}
    assert one.match.data == (("data.host", ("x",)),)
    assert one.max_mails == Rate(1, 60.0)


def test_null_removes_what_was_written_before_but_for_a_limit() -> None:
    config = valid(
        "routes:\n"
        "  one: {to: [], match: {type: a.*, data.x: y}, max_mails: 1/m}\n"
        "  two: {to: []}\n"
        "jobs: {a: {every: 1h}, b: {every: 1h, max_runtime: 1h}}\n"
        "summary: '@daily'\nheartbeat: {url_file: x}\nroute_defaults: {max_mails: 1/h}\n",
        "routes:\n  one: {to: null, match: {data.x: null}, max_mails: null}\n  two: null\n"
        "jobs: {a: null, b: {max_runtime: null}}\nsummary: null\nheartbeat: null\n"
        "route_defaults: {max_mails: null}\n",
    )
    assert list(config.routes) == ["one"]
    one = config.routes["one"]
    assert (one.to, one.match, one.max_mails) == (None, Match(type=("a.*",)), None)
    assert config.jobs == {"b": Job(every=3600.0)}
    assert (config.summary, config.heartbeat) == (None, None)
    assert config.route_defaults.max_mails is None


def test_null_in_a_route_is_none_of_what_the_defaults_say() -> None:
    config = valid(
        "route_defaults: {to: [a@zaion.jp], language: en, template: database, attach: [data.log],"
        " group_by: [type], group_wait: 1m, repeat_interval: 4h, active_time: office}\n"
        "times: {office: {}}\n"
        "routes:\n"
        "  one: {to: null, language: null, template: null, attach: null, group_by: null,"
        " group_wait: null, group_interval: null, repeat_interval: null, active_time: null}\n"
        "  two: {repeat_interval: null}\n"
    )
    assert config.routes["one"] == Route(max_mails=Rate(60, 3600.0))
    two = config.routes["two"]
    assert (two.repeat_interval, two.to, two.active_time) == (None, ("a@zaion.jp",), "office")
    assert two.template_files is not None


def test_null_in_a_route_of_a_drop_in_is_none_too() -> None:
    config = valid(
        "route_defaults: {digest: '@daily'}\nroutes:\n  one: {digest: '@hourly'}\n  two: {}\n",
        "routes:\n  one: {digest: null}\n",
    )
    assert config.routes["one"].digest is None
    assert config.routes["two"].digest == Cron("@daily")


def test_null_for_groups_leaves_the_digest_of_the_defaults() -> None:
    config = valid("route_defaults: {digest: '@daily'}\nroutes:\n  one: {group_by: null}\n")
    assert config.routes["one"].digest == Cron("@daily")
    text = "routes:\n  one: {digest: null, group_by: [type]}\n"
    assert warned(f"route_defaults: {{digest: '@daily'}}\n{text}") == []
    assert valid(f"route_defaults: {{digest: '@daily'}}\n{text}").routes["one"].is_grouping


def test_a_route_of_that_name_is_removed_as_any_other() -> None:
    config = valid("routes: {max_mails: {to: []}}\n", "routes: {max_mails: null}\n")
    assert config.routes == {}


# -- jobs


def test_a_job_has_a_schedule_in_its_time_zone_or_an_interval() -> None:
    config = valid(
        "jobs:\n  a: {every: 1d}\n  b: {schedule: '@hourly', timezone: UTC, to: b@zaion.jp}\n"
    )
    assert config.jobs["a"] == Job(every=86400.0, grace=3600.0, failures=1)
    assert config.jobs["b"].schedule == Cron("@hourly", "UTC")
    assert config.jobs["b"].to == ("b@zaion.jp",)


# -- times


@pytest.mark.parametrize(
    ("days", "expected", "shown"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}, "mon-fri"),
        ("sat-mon", {5, 6, 0}, "sat-mon"),
        ("mon,wed,fri", {0, 2, 4}, "mon,wed,fri"),
        ("[mon, wed-thu]", {0, 2, 3}, "mon,wed-thu"),
        ("Monday - Friday", {0, 1, 2, 3, 4}, "mon-fri"),
        ("tues", {1}, "tue"),
        ("月-金", {0, 1, 2, 3, 4}, "mon-fri"),
        ("[土曜, 日曜日]", {5, 6}, "sat-sun"),
        ("日", {6}, "sun"),
        ("mon-sun", set(range(7)), "mon-sun"),
        ("fri-thu", set(range(7)), "mon-sun"),
    ],
)
def test_days_are_names_or_ranges_of_them(days: str, expected: set[int], shown: str) -> None:
    found = parsed(f"{HEAD}times: {{a: {{days: {days if days[0] == '[' else repr(days)}}}}}\n")
    assert found.errors == ()
    assert found.config is not None
    assert found.config.times["a"].days == expected
    assert ("times.a.days", shown) in [(each.key, each.value) for each in found.settings]


@pytest.mark.parametrize(
    ("hours", "start", "end"),
    [
        ("08:30-18:00", 510, 1080),
        ("8:30 - 18:00", 510, 1080),
        ("22:00-06:00", 1320, 360),
        ("00:00-24:00", 0, 1440),
        ("18:00-24:00", 1080, 1440),
        ("18:00-00:00", 1080, 0),
    ],
)
def test_hours_are_from_and_to(hours: str, start: int, end: int) -> None:
    found = valid(f"times: {{a: {{hours: '{hours}'}}}}\n").times["a"]
    assert (found.start, found.end) == (start, end)


# -- what is surely wrong


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("routes: {a: {to: []}, b: {match: {type: x}}}", ["routes.b"]),
        ("routes: {a: {match: {type: '*'}}, b: {match: {type: x}}}", ["routes.b"]),
        ("routes: {a: {to: [], continue: true}, b: {}}", []),
        ("routes: {a: {order: 90}, b: {match: {type: x}}}", []),
        ("routes: {a: {match: {type: b.*}}, b: {match: {type: [b.x, b.y.*]}}}", ["routes.b"]),
        ("routes: {a: {match: {type: b.*}}, b: {match: {type: [b.x, c]}}}", []),
        ("routes: {a: {match: {type: b.?*}}, b: {match: {type: b.x}}}", []),
        ("routes: {a: {match: {severity: err+}}, b: {match: {severity: crit}}}", ["routes.b"]),
        ("routes: {a: {match: {severity: err+}}, b: {match: {severity: warning+}}}", []),
        ("routes: {a: {match: {severity: err+}}, b: {match: {type: x}}}", []),
        ("routes: {a: {match: {data.x: y}}, b: {match: {data.x: y, type: x}}}", ["routes.b"]),
        ("routes: {a: {match: {data.x: y}}, b: {match: {data.y: y}}}", []),
        ("routes: {a: {match: {job: '*'}}, b: {match: {type: x}}}", []),
        (
            "routes: {a: {digest: '@daily', group_by: [type], group_wait: 1s}}",
            ["routes.a.group_by", "routes.a.group_wait"],
        ),
        (
            "routes: {a: {digest: 0 3 * * *, active_time: day}}\ntimes: {day: {hours: 8:00-18:00}}",
            ["routes.a.digest"],
        ),
        (
            "routes: {a: {digest: '0 3,9 * * *', active_time: day}}\n"
            "times: {day: {hours: 8:00-18:00}}",
            [],
        ),
        (
            "routes: {a: {digest: '*/5 * * * *', active_time: day}}\n"
            "times: {day: {hours: 8:00-18:00}}",
            [],
        ),
        (
            "routes: {a: {digest: '0 * * * *', active_time: rest}}\ntimes: {rest: {days: sun}}",
            [],
        ),
        ("jobs: {a: {every: 1h, timezone: Asia/Tokyo}}", ["jobs.a.timezone"]),
        ("jobs:\n  nightly:\n", ["jobs.nightly"]),
        ("jobs: {a: {every: 1h, to: [a@example.com]}}", ["jobs.a.to"]),
        ("routes: {a.b: {to: [a@example.com]}}", ['routes."a.b".to']),
        ("route_defaults: {to: [a@example.com]}\nroutes: {a: {}}", ["route_defaults.to"]),
    ],
)
def test_what_is_legal_and_surely_wrong_is_warned_of(text: str, expected: list[str]) -> None:
    assert warned(f"{text}\n") == expected


# -- as it is shown and kept


def test_what_is_written_is_shown_with_its_place() -> None:
    shown = {each.key: (each.value, each.line) for each in parsed(HEAD + COMPLETE).settings}
    assert shown["routes.database.match.data.dataset"] == ("prod/*", 11)
    assert shown["routes.database.match.severity"] == ("warning+", 9)
    assert shown["routes.database.group_by"] == ("type, data.host", 17)
    assert shown["times.office.hours"] == ("08:30-18:00", 24)
    assert shown["jobs.nightly-backup.failures"] == ("1", 31)
    assert shown["summary"] == ("0 8 * * 1", 33)
    assert "routes.database.match.job" not in shown  # any is no value
    shown = {each.key: (each.value, each.line) for each in parsed(HEAD).settings}
    assert shown["routes"] == ("{}", None)
    assert shown["heartbeat"] == ("null", None)
    assert shown["route_defaults.max_mails"] == ("60/h", None)
    found = parsed(f"{HEAD}routes: {{a: {{max_mails: null, to: []}}}}\n")
    shown = {each.key: (each.value, each.line) for each in found.settings}
    assert shown["routes.a.max_mails"] == ("null", 3)
    assert shown["routes.a.to"] == ("[]", 3)


@pytest.mark.parametrize(
    ("severity", "shown"),
    [
        ("error+", "err+"),
        ("emerg+", "emerg"),
        ("[debug, WARN]", "warning, debug"),
        ("[alert, emerg]", "alert+"),
    ],
)
def test_severities_are_shown_by_the_words_of_the_contract(severity: str, shown: str) -> None:
    found = parsed(f"{HEAD}routes: {{a: {{match: {{severity: {severity}}}}}}}\n")
    assert [each.value for each in found.settings if each.key.endswith("severity")] == [shown]


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://", "ping.zaion.jp", "http://a b/", "http://a:0/", "http://ａ/"]
)
def test_a_heartbeat_needs_a_url(url: str) -> None:
    class Wrong(Sources):
        def secret_file(self, path: str) -> str:
            return url

    text = f"{HEAD}heartbeat: {{url_file: x}}\n"
    (error,) = parse([YamlText("zaiond.yaml", "/etc/zaiond", text)], Wrong()).errors
    assert error.key == "heartbeat.url_file"
    assert "/etc/zaiond/x" in error.text.en
    assert url not in error.text.en.replace("http://", "", 1)


def test_the_url_of_the_heartbeat_is_never_shown() -> None:
    found = parsed(HEAD + COMPLETE)
    assert "ping.zaion.jp" not in repr(found)


def test_the_last_good_one_has_them_too(tmp_path: Path) -> None:
    (tmp_path / "zaiond.yaml").write_text(HEAD + COMPLETE)
    (tmp_path / "templates").mkdir()
    for end in ("subject", "txt"):
        (tmp_path / "templates" / f"database.{end}.j2").write_text("{{ event.title }}")
    url = tmp_path / "ping-url"
    url.write_text("https://ping.zaion.jp/x\n")
    url.chmod(0o600)
    found = load(str(tmp_path / "zaiond.yaml"))
    assert found.errors == ()
    assert str(url) in found.watched
    url.unlink()
    assert load_files(found.files).config == found.config


def test_neither_cron_nor_time_zones_are_loaded_where_nothing_needs_them() -> None:
    text = f"{HEAD}routes: {{a: {{match: {{type: x}}, active_time: day}}}}\ntimes: {{day: {{}}}}\n"
    program = (
        "import sys; from zaiond.config.parse import YamlText, parse\n"
        f"found = parse([YamlText('a', '/', {text!r})], None)\n"
        "assert found.config.routes['a'].hours.contains(0)\n"
        "print({'cronsim', 'zoneinfo', 'difflib'} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout == "set()\n"
