"""The daemon as a process, with what goes wrong around it."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, EndedBeforeReadyError
from tests.support.sink import Sink
from tests.support.waiting import until


def configuration(port: int, more: str = "") -> str:
    return f"""
mail_server: {{host: 127.0.0.1, port: {port}}}
admins: a@example.co.jp
route_defaults: {{max_mails: null}}
queue: {{retry_first: 1s}}
{more}
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture
def daemon(tmp_path: Path, sink: Sink) -> Iterator[Daemon]:
    with Daemon(tmp_path, configuration(sink.port)) as daemon:
        yield daemon
        daemon.end()


def ids_in(sink: Sink) -> list[str]:
    return [event for mail in sink.mails for event in mail.event_ids]


def test_while_the_mail_server_is_down_events_wait_across_a_restart_and_arrive_in_order(
    daemon: Daemon, sink: Sink
) -> None:
    sink.stop()
    wanted = [f"n{number:04}" for number in range(1000)]
    replies = daemon.emit(*({"type": "a.b", "id": id_} for id_ in wanted))
    assert all(reply["status"] == "ok" for reply in replies)
    daemon.restart()
    assert daemon.document("status")["queue"]["waiting"] == 1000
    sink.start()
    sink.wait(1000)
    assert sorted(ids_in(sink)) == wanted
    # Several connections side by side: as good as in order, never far from it.
    assert all(abs(wanted.index(id_) - place) <= 16 for place, id_ in enumerate(ids_in(sink)))


def test_in_iso_2022_jp_what_it_lacks_goes_out_as_utf_8_and_history_says_so_across_a_restart(
    tmp_path: Path,
) -> None:
    with Sink() as sink:
        more = "charset: iso-2022-jp\nlanguage: en"
        with Daemon(tmp_path, configuration(sink.port, more)) as daemon:
            daemon.emit(
                {"type": "a.b", "id": "old", "message": "ﾊﾞｯｸｱｯﾌﾟ～"},
                {"type": "a.b", "id": "new", "message": "髙島①"},
            )
            mails = {mail.event_ids: mail for mail in sink.wait(2)}
            old, new = mails["old",], mails["new",]
            assert old.message.get_content_charset() == "iso-2022-jp"
            assert "バックアップ〜" in old.body
            assert new.message.get_content_charset() == "utf-8"
            assert "髙島①" in new.body
            assert daemon.ctl("test").returncode == 0
            assert "us-ascii" in sink.wait(3)[2].message["Content-Type"]
            daemon.becomes(
                lambda found: [e["outcome"] for e in found["events"]] == ["delivered"] * 2,
                "history",
            )
            daemon.restart()
            reasons = {e["id"]: e["reason"] for e in daemon.document("history")["events"]}
            assert reasons == {
                "old": "250 2.0.0 OK",
                "new": "250 2.0.0 OK; made in UTF-8, for ISO-2022-JP has no “髙” (U+9AD9)",
            }
            assert "made in UTF-8" in daemon.ctl("history").stdout


def test_each_recipient_has_its_own_outcome_in_the_servers_words(tmp_path: Path) -> None:
    refuse = {
        "never@example.co.jp": "550 5.1.1 No such user here",
        "later@example.co.jp": "450 4.2.1 Mailbox busy",
    }
    more = "admins: [now@example.co.jp, never@example.co.jp, later@example.co.jp]"
    with Sink(refuse=refuse) as sink:
        text = configuration(sink.port).replace("admins: a@example.co.jp", more)
        with Daemon(tmp_path, text) as daemon:
            daemon.emit({"type": "a.b", "id": "one"})
            assert sink.wait(1)[0].recipients == ("now@example.co.jp",)
            del refuse["later@example.co.jp"]
            # The later one, and the notice about the one that is held.
            mails = [mail for mail in sink.wait(3) if mail.event_ids == ("one",)]
            assert [mail.recipients for mail in mails] == [
                ("now@example.co.jp",),
                ("later@example.co.jp",),
            ]
            assert mails[0].content == mails[1].content
            (event,) = daemon.document("history", "one")["events"]
            assert event["outcome"] == "held"
            outcomes = {d["recipient"]: (d["outcome"], d["reply"]) for d in event["deliveries"]}
            assert outcomes["now@example.co.jp"][0] == "delivered"
            assert outcomes["never@example.co.jp"] == ("held", "550 5.1.1 No such user here")
            later = next(d for d in event["deliveries"] if d["recipient"].startswith("later"))
            assert [attempt["outcome"] for attempt in later["attempts"]] == [
                "deferred",
                "delivered",
            ]
            assert later["attempts"][0]["reply"] == "450 4.2.1 Mailbox busy"


def test_a_broken_configuration_stops_nothing_and_is_told_of_once(
    daemon: Daemon, sink: Sink
) -> None:
    good = daemon.config.read_text(encoding="utf-8")
    daemon.config.write_text(good + "subject_prefx: oops\n", encoding="utf-8")
    (notice,) = sink.wait(1)
    assert "subject_prefx" in notice.body
    daemon.emit({"type": "a.b", "id": "while-broken"})
    sink.wait(2)
    status = daemon.document("status")
    assert status["ok"] is False
    assert status["config"]["state"] == "last_good"
    (error,) = status["config"]["errors"]
    assert error["key"] == "subject_prefx"

    # Broken in another way, and across a restart: the same incident.
    daemon.config.write_text(good + "languge: en\n", encoding="utf-8")
    daemon.becomes(lambda s: s["config"]["errors"][0]["key"] == "languge", "status")
    daemon.restart()
    assert daemon.document("status")["config"]["state"] == "last_good"
    daemon.emit({"type": "a.b", "id": "after-restart"})
    sink.wait(3)

    daemon.config.write_text(good + "subject_prefix: '[mended]'\n", encoding="utf-8")
    daemon.becomes(lambda s: s["config"]["state"] == "good", "status")
    daemon.emit({"type": "a.b", "id": "mended"})
    assert sink.wait(4)[3].subject.startswith("[mended]")
    assert [i for i in ids_in(sink) if not i.startswith("zaiond.")] == [
        "while-broken",
        "after-restart",
        "mended",
    ]


def test_without_any_configuration_events_are_kept_and_mailed_once_there_is_one(
    tmp_path: Path, sink: Sink
) -> None:
    with Daemon(tmp_path, "mail_server: [") as daemon:
        assert daemon.emit({"type": "a.b", "id": "early"})[0]["status"] == "ok"
        status = daemon.document("status")
        assert status["config"]["state"] == "none"
        assert status["queue"]["waiting"] == 1
        daemon.restart()
        daemon.config.write_text(configuration(sink.port), encoding="utf-8")
        assert sink.wait(1)[0].event_ids == ("early",)


def test_a_first_configuration_that_is_broken_is_told_of_in_the_language_it_names(
    tmp_path: Path,
) -> None:
    with Daemon(tmp_path, "language: en\nmail_sever: {}\n") as daemon:
        (reply,) = daemon.emit({"type": "a.b", "severity": "bad"})
        assert reply["message"].startswith("severity: must be one of")
        daemon.emit({"type": "a.b"})
        daemon.restart()
        status = daemon.document("status")
        (problem,) = status["problems"]  # and none of what waits for want of a configuration
        assert problem["message"].startswith("there is no valid configuration")
        assert status["queue"]["waiting"] == 1
        assert "no such setting" in str(status["config"]["errors"])
        assert daemon.printed().isascii()


def test_a_state_directory_that_can_not_be_made_is_told_in_words(
    tmp_path: Path, sink: Sink
) -> None:
    daemon = Daemon(tmp_path, configuration(sink.port, "language: en"))
    daemon.state.rmdir()
    daemon.state.write_text("a file")
    with pytest.raises(EndedBeforeReadyError):
        daemon.start()
    assert daemon.process.returncode == 1
    assert f"the state directory {daemon.state} can't be made: File exists" in daemon.printed()
    assert "Traceback" not in daemon.printed()


def test_a_sighup_during_the_start_is_not_the_end(tmp_path: Path, sink: Sink) -> None:
    daemon = Daemon(tmp_path, configuration(sink.port))
    starting = threading.Thread(target=daemon.start)
    starting.start()
    try:
        until((daemon.runtime / "control.sock").exists, daemon.printed)
        daemon.process.send_signal(signal.SIGHUP)
        starting.join()
        assert daemon.document("status")["ok"]
    finally:
        daemon.end()


def test_a_second_daemon_says_so_and_leaves_the_first_alone(daemon: Daemon, sink: Sink) -> None:
    program = [str(Path(sys.executable).parent / "zaiond"), *daemon.options]
    second = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    assert "zaiond" in second.stderr
    assert "Traceback" not in second.stderr
    daemon.emit({"type": "a.b"})
    sink.wait(1)


def test_what_was_spooled_while_it_was_down_arrives_once(tmp_path: Path, sink: Sink) -> None:
    daemon = Daemon(tmp_path, configuration(sink.port))
    emit = ("emit", "a.b", "--id", "spooled", "-m", "from the spool", "--json")
    done = daemon.ctl(*emit)
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["events"][0] == {
        "id": "spooled",
        "duplicate": False,
        "spooled": True,
    }
    with daemon:
        assert sink.wait(1)[0].event_ids == ("spooled",)
        again = json.loads(daemon.ctl(*emit).stdout)
        assert again["events"][0] == {"id": "spooled", "duplicate": True, "spooled": False}
        daemon.becomes(lambda _: not list(daemon.spool.glob("*.json")), "status")
    assert ids_in(sink) == ["spooled"]


def test_what_is_between_the_dot_and_its_reply_is_finished_before_it_stops(
    daemon: Daemon, sink: Sink
) -> None:
    daemon.emit(*({"type": "a.b", "id": f"n{number}"} for number in range(200)))
    sink.wait(20)
    assert daemon.stop() == 0
    daemon.start()
    sink.wait(200)
    daemon.becomes(lambda s: s["queue"]["waiting"] == 0, "status")
    assert sorted(ids_in(sink)) == sorted(f"n{number}" for number in range(200))
    assert daemon.document("status")["possible_duplicates"] == 0


def test_a_stop_behind_an_ok_has_nobody_fear_that_a_mail_arrives_twice(
    daemon: Daemon, sink: Sink
) -> None:
    wanted = []
    for number in range(8):
        daemon.emit({"type": "a.b", "id": f"before{number}"})
        sink.wait(2 * number + 1)  # a connection waits for the next one
        daemon.emit({"type": "a.b", "id": f"n{number}"})
        assert daemon.stop() == 0
        daemon.start()
        sink.wait(2 * number + 2)
        wanted += [f"before{number}", f"n{number}"]
    assert daemon.document("status")["possible_duplicates"] == 0
    assert ids_in(sink) == wanted


def test_what_only_a_failure_or_a_mistake_needs_is_not_loaded_before(
    tmp_path: Path, sink: Sink
) -> None:
    environment = {"PYTHONPROFILEIMPORTTIME": "1"}
    with Daemon(tmp_path, configuration(sink.port), environment) as daemon:
        daemon.emit({"type": "a.b"})
        sink.wait(1)
        loaded = {line.rpartition("|")[2].strip() for line in daemon.printed().splitlines()}
        assert {"zaiond.smtp.session", "zaiond.smtp.verdict"} <= loaded
        unneeded = {f"zaiond.smtp.{name}" for name in ("diagnose", "diagnosis", "signs")}
        unneeded |= {"zaiond.selftest", "zaiond.selftest.advice"}
        unneeded |= {"zaiond.decode", "zaiond.daemon.wall", "importlib.resources"}
        unneeded |= {"argparse", "gettext", "zipfile", "zaiond.intake.spool.admin"}
        unneeded |= {f"zaiond.daemon.{name}" for name in ("commands", "documents", "status")}
        unneeded |= {"zaiond.store.queries", "zaiond.store.history", "zaiond.pop3"}
        assert not loaded & unneeded


def test_an_idle_daemon_has_few_threads(daemon: Daemon, sink: Sink) -> None:
    (daemon.config.parent / "conf.d").mkdir()
    daemon.emit({"type": "a.b"})
    sink.wait(1)
    until(lambda: len(threads(daemon)) <= 6, lambda: str(threads(daemon)))


def threads(daemon: Daemon) -> list[str]:
    """The ids of its threads."""
    return [path.name for path in Path(f"/proc/{daemon.process.pid}/task").iterdir()]
