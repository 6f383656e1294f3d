"""What an administrator asks a real daemon about routes, silences, problems and jobs."""

import getpass
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.support.sink import Sink

CONFIGURATION = """
mail_server: {{host: 127.0.0.1, port: {port}}}
admins: [admin@example.co.jp]
language: en
routes:
  db: {{match: {{type: db.*}}, to: [dba@example.co.jp], repeat_interval: 4h}}
  many: {{match: {{type: many.*}}, group_by: [type], group_interval: 5m}}
  morning: {{match: {{type: digest.*}}, digest: "0 8 * * *"}}
  quiet: {{match: {{type: quiet.*}}, to: []}}
jobs:
  nightly: {{schedule: "0 2 * * *", timezone: Asia/Tokyo}}
  hourly: {{every: 1h}}
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture
def daemon(tmp_path: Path, sink: Sink) -> Iterator[Daemon]:
    with Daemon(tmp_path, CONFIGURATION.format(port=sink.port)) as daemon:
        yield daemon
        daemon.end()


def settled(daemon: Daemon, id_: str) -> dict[str, Any]:
    """The event, once it waits for nothing but a time."""
    document = daemon.becomes(
        lambda found: all(one["outcome"] != "waiting" for one in found["events"]), "history", id_
    )
    (event,) = document["events"]
    return dict(event)


def problem(key: str, id_: str, status: str = "problem", **more: Any) -> dict[str, Any]:
    return {"type": "db.x", "severity": "err", "id": id_, "key": key, "status": status, **more}


# -- route


def test_route_says_of_each_outcome_what_history_says_of_the_event(
    daemon: Daemon, sink: Sink
) -> None:
    for first in ({"type": "many.x"}, problem("disk", "first")):
        daemon.emit(first)
    sink.wait(2)
    for type_, more, outcome in (
        ("many.x", (), "grouped"),
        ("digest.x", (), "grouped"),
        ("quiet.x", (), "dropped"),
        ("db.x", ("--problem", "disk"), "grouped"),
        ("db.x", ("--ok", "other"), "dropped"),
        ("job.started", ("--job", "adhoc"), "dropped"),
    ):
        document = daemon.document("route", type_, *more)
        (decision,) = document["events"][0]["decisions"]
        when = decision["when"]
        assert decision["outcome"] == outcome, document
        id_ = daemon.ctl("emit", type_, *more).stdout.strip()
        event = settled(daemon, id_)
        assert (event["outcome"], event["reason"]) == (outcome, decision["reason"])
        if when is not None:
            assert "Mail due" in daemon.ctl("history", id_).stdout
        assert [one["due"] for one in event["routing"]] == ([when] if outcome == "grouped" else [])


def test_route_sends_nothing_and_changes_nothing(daemon: Daemon, sink: Sink) -> None:
    before = daemon.document("route", "many.x")
    for argv in (("db.x", "--problem", "disk"), ("job.failed", "--job", "nightly", "-s", "err")):
        assert daemon.ctl("route", *argv).returncode == 0
    assert daemon.document("problems") == {"problems": []}
    assert daemon.document("history") == {"events": []}
    after = daemon.document("route", "many.x")
    for document in (before, after):
        for one in document["events"][0]["decisions"]:
            one["when"] = None
    assert before == after
    assert sink.mails == []


def test_route_by_the_daemon_and_by_the_files_agree_where_nothing_is_under_way(
    daemon: Daemon,
) -> None:
    argv = ("route", "db.x", "-d", "host=db1", "--source", "me")
    by_daemon = daemon.document(*argv)
    daemon.stop()
    by_files = daemon.document(*argv)
    for document in (by_daemon, by_files):
        for one in document["events"][0]["decisions"]:
            assert one.pop("when") is not None
    assert by_daemon == by_files
    daemon.start()


# -- silence


def test_a_silence_hides_what_matches_until_it_is_ended(daemon: Daemon, sink: Sink) -> None:
    done = daemon.ctl(
        "silence", "add", "--match", "type=db.*", "--match", "data.host=db1", "--for", "2h",
        "--comment", "disk is replaced", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done
    (silence,) = json.loads(done.stdout)["silences"]
    assert (silence["user"], silence["events"]) == (getpass.getuser(), 0)
    daemon.restart()
    hidden = daemon.emit({"type": "db.x", "data": {"host": "db1"}})[0]["id"]
    daemon.emit({"type": "db.x", "data": {"host": "db2"}})
    (mail,) = sink.wait(1)
    assert "host: db2" in mail.body
    event = settled(daemon, hidden)
    assert event["outcome"] == "silenced"
    for words in ("disk is replaced", getpass.getuser()):
        assert words in event["reason"]
    assert daemon.document("status")["routes"]["silences"] == 1
    daemon.restart()
    (silence,) = daemon.document("silence", "list")["silences"]
    assert silence["events"] == 1
    assert daemon.ctl("silence", "expire", silence["id"]).returncode == 0
    assert daemon.document("silence", "list") == {"silences": []}
    daemon.emit({"type": "db.x", "data": {"host": "db1"}})
    sink.wait(2)
    again = daemon.ctl("silence", "expire", silence["id"])
    assert again.returncode == 1
    assert "no silence with this id" in again.stderr


WRONG_SILENCES = {
    ("--match", "colour=red"): "there is no field colour",
    ("--match", "severity=loud"): "there is no severity loud",
    ("--for", "31d"): "from 1s to 30d",
    ("--comment", "c" * 256): "may have 255 characters",
}


def test_a_wrong_silence_is_refused_and_nothing_is_silent(daemon: Daemon) -> None:
    for argv, words in WRONG_SILENCES.items():
        done = daemon.ctl("silence", "add", "--for", "2h", "--comment", "c", *argv)
        assert done.returncode == 2, argv
        assert words in done.stderr
    assert daemon.document("silence", "list") == {"silences": []}


def test_the_admins_hear_at_once_of_what_a_silence_hid_that_is_ended(
    daemon: Daemon, sink: Sink
) -> None:
    done = daemon.ctl("silence", "add", "--for", "2h", "--comment", "move", "--json")
    (silence,) = json.loads(done.stdout)["silences"]
    daemon.emit(problem("disk", "one"))
    assert settled(daemon, "one")["outcome"] == "silenced"
    (found,) = daemon.document("problems")["problems"]
    assert (found["silence"], found["to"]) == (silence["id"], [])
    assert daemon.ctl("silence", "expire", silence["id"]).returncode == 0
    (mail,) = sink.wait(1, timeout=15)  # the daemon looks twice a minute by itself
    assert mail.recipients == ("admin@example.co.jp",)
    for words in ("disk", "move", getpass.getuser()):
        assert words in mail.body


# -- problems


def test_problems_are_listed_and_closed_by_hand(daemon: Daemon, sink: Sink) -> None:
    daemon.emit(problem("disk", "one", subject="disk full"))
    (first,) = sink.wait(1)
    daemon.emit(problem("disk", "two"))
    settled(daemon, "two")
    (found,) = daemon.document("problems")["problems"]
    assert (found["key"], found["count"], found["to"]) == ("disk", 2, ["dba@example.co.jp"])
    assert (found["uid"], found["event_id"]) == (os.getuid(), "one")
    assert found["reminder"] is not None
    shown = daemon.ctl("problems")
    assert shown.returncode == 0
    assert "disk full" in shown.stdout
    status = daemon.ctl("status")
    assert status.returncode == 0  # a problem of something else is none of zaiond's
    assert "1 (open problems: zaiond-ctl problems)" in status.stdout
    done = daemon.ctl("problems", "close", "disk", "--comment", "the disk was replaced")
    assert (done.returncode, done.stderr) == (0, "")
    assert daemon.document("problems") == {"problems": []}
    _, mail = sink.wait(2)
    assert mail.recipients == ("dba@example.co.jp",)
    assert mail.message["References"] == first.message["References"] is not None
    assert "the disk was replaced" in mail.body
    assert getpass.getuser() in mail.body
    assert daemon.document("history", "two")["events"][0]["outcome"] == "delivered"
    again = daemon.ctl("problems", "close", "disk", "--comment", "c")
    assert again.returncode == 1
    assert "no problem of this key is open" in again.stderr


def test_a_failed_jobs_problem_is_closed_by_the_jobs_name(daemon: Daemon, sink: Sink) -> None:
    daemon.emit({"type": "job.failed", "job": "nightly", "severity": "err"})
    sink.wait(1)
    done = daemon.ctl("jobs")
    assert done.returncode == 1
    assert "failed" in done.stdout
    assert daemon.ctl("problems", "close", "nightly", "--comment", "known").returncode == 0
    assert daemon.document("problems") == {"problems": []}
    assert daemon.ctl("jobs").returncode == 0


def test_a_failed_job_that_a_silence_hides_is_no_alarm_until_it_ends(
    daemon: Daemon, sink: Sink
) -> None:
    daemon.emit(problem("disk", "one", id="p"))
    sink.wait(1)
    assert daemon.ctl("status").returncode == 0  # who is to mend it was told
    done = daemon.ctl(
        "silence", "add", "--match", "job=adhoc", "--for", "1h", "--comment", "c", "--json"
    )
    (silence,) = json.loads(done.stdout)["silences"]
    daemon.emit({"type": "job.failed", "job": "adhoc", "severity": "err", "id": "f"})
    settled(daemon, "f")
    listed = daemon.ctl("jobs")
    assert listed.returncode == daemon.ctl("status").returncode == 0
    assert f"silenced ({silence['id']})" in listed.stdout
    assert daemon.ctl("silence", "expire", silence["id"]).returncode == 0
    status = daemon.document("status")
    assert [one["code"] for one in status["problems"]] == ["jobs"]
    assert daemon.ctl("jobs").returncode == daemon.ctl("status").returncode == 1


def test_without_a_configuration_no_problem_is_closed(daemon: Daemon, sink: Sink) -> None:
    daemon.emit(problem("disk", "one"))
    sink.wait(1)
    daemon.stop()
    daemon.config.write_text("mail_server: {}\n")
    for kept in daemon.state.glob("last-good*"):
        kept.unlink()
    daemon.start()
    (found,) = daemon.document("problems")["problems"]
    assert found["to"] == []
    for argv in (("problems", "close", "disk", "--comment", "c"), ("route", "a.b")):
        assert daemon.ctl(*argv).returncode == 78
    assert len(daemon.document("problems")["problems"]) == 1


# -- jobs


def test_jobs_tell_their_last_and_next_run(daemon: Daemon, sink: Sink) -> None:
    daemon.emit(
        {"type": "job.started", "job": "nightly", "id": "s"},
        {"type": "job.succeeded", "job": "nightly", "id": "e"},
        {"type": "job.succeeded", "job": "adhoc", "id": "a"},
    )
    settled(daemon, "a")
    adhoc, hourly, nightly = daemon.document("jobs")["jobs"]
    assert (adhoc["job"], adhoc["declared"], adhoc["next_run"]) == ("adhoc", False, None)
    assert (hourly["state"], hourly["last_run"]) == ("unknown", None)
    assert (nightly["state"], nightly["schedule"]) == ("ok", "0 2 * * * Asia/Tokyo")
    assert nightly["next_run"].endswith("T02:00:00.000+09:00")
    done = daemon.ctl("jobs")
    assert done.returncode == 0
    assert "not heard of yet" in done.stdout
    assert daemon.document("status")["routes"]["jobs"] == {"ok": 2, "unknown": 1}


# -- a drill


def test_a_drill_takes_the_route_of_its_type_and_opens_no_problem(
    daemon: Daemon, sink: Sink
) -> None:
    done = daemon.ctl("test", "--drill", "db.x", "--problem", "disk", "-s", "crit")
    assert done.returncode == 0, done
    assert "dba@example.co.jp" in done.stdout
    assert "Why  route db: mailed at once" in done.stdout
    (mail,) = sink.wait(1)
    assert mail.recipients == ("dba@example.co.jp",)
    assert "drill" in mail.subject.lower()
    assert daemon.document("problems") == {"problems": []}
    held = daemon.ctl("test", "--drill", "digest.x")
    assert held.returncode == 1
    assert "grouped" in held.stdout
    assert "Mail due" in held.stdout
