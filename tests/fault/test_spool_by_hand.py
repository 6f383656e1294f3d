"""The spool of a running daemon: what waits, what was refused, and `zaiond-ctl spool`."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.support.sink import Sink

VICTIM = 54002
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="files of other users need root")


def configuration(sink: Sink, more: str = "") -> str:
    return f"""
mail_server: {{host: 127.0.0.1, port: {sink.port}}}
admins: a@example.co.jp
language: en
{more}
"""


def put(daemon: Daemon, name: str, *lines: dict[str, Any] | bytes, uid: int | None = None) -> None:
    """As a client does it."""
    temporary = daemon.spool / f".tmp-{os.getpid()}"
    temporary.write_bytes(
        b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    )
    if uid is not None:
        os.chown(temporary, uid, -1)
    temporary.rename(daemon.spool / name)


def codes(daemon: Daemon) -> list[str]:
    return [one["code"] for one in daemon.document("status")["problems"]]


def test_a_refused_file_is_listed_told_in_status_mended_and_taken_again(tmp_path: Path) -> None:
    name = "one\n\udcff.json"
    with Sink() as sink, Daemon(tmp_path, configuration(sink)) as daemon:
        put(daemon, name, {"type": "a.b", "id": "1"}, b'{"type":"a b","id":"2"}')
        sink.wait(2)  # the event, and that the file is refused
        (mail,) = [mail for mail in sink.mails if "1" not in mail.event_ids]
        shown = r"one\x0a\xff.json"
        assert shown in mail.body
        assert "zaiond-ctl spool retry" in mail.body
        done = daemon.ctl("status")
        assert done.returncode == 1
        assert "files of the spool that were refused are kept" in done.stdout
        (file,) = daemon.document("spool", "list")["files"]
        assert (file["name"], file["state"], file["uid"]) == (shown, "refused", os.getuid())
        assert "line 2: type: must be" in file["reason"]
        listed = daemon.ctl("spool", "list").stdout
        assert shown in listed
        assert "Why: line 2: type" in listed
        (daemon.spool / ".refused" / name).write_text(
            '{"type":"a.b","id":"1"}\n{"type":"a.c","id":"2"}\n'
        )
        assert shown in daemon.ctl("spool", "retry", shown).stdout
        sink.wait(3)
        assert [mail.event_ids for mail in sink.mails].count(("1",)) == 1
        assert ("2",) in [mail.event_ids for mail in sink.mails]
        daemon.becomes(lambda shown: not shown["files"], "spool", "list")
        assert "spool_refused" not in codes(daemon)


def test_a_refused_file_can_be_deleted_and_a_wrong_name_is_told(tmp_path: Path) -> None:
    with Sink() as sink, Daemon(tmp_path, configuration(sink)) as daemon:
        put(daemon, "one.json", b"{")
        sink.wait(1)
        done = daemon.ctl("spool", "delete", "two.json")
        assert done.returncode == 1
        assert "two.json: no such file in the spool" in done.stderr
        done = daemon.ctl("spool", "delete", "one.json")
        assert (done.returncode, "one.json" in done.stdout) == (0, True)
        assert daemon.ctl("spool", "list").stdout == "The spool is empty\n"
        assert list((daemon.spool / ".refused").iterdir()) == []
        assert daemon.ctl("spool", "retry").stdout == "Nothing to try again\n"
        assert daemon.ctl("spool", "delete", "--json").returncode == 2


@as_root
def test_more_events_than_the_quota_has_room_for_all_arrive_and_status_tells_of_those_that_wait(
    tmp_path: Path,
) -> None:
    with Sink() as sink:
        config = configuration(sink, "limits: {events_waiting: 3}\nqueue: {retry_first: 1s}")
        daemon = Daemon(tmp_path, config)
        lines = tmp_path / "lines"
        lines.write_text("".join(f'{{"type":"a.b","id":"{n}"}}\n' for n in range(10)))
        done = daemon.ctl("emit", "--from", str(lines))
        assert (done.returncode, done.stdout.split()) == (0, [str(n) for n in range(10)])
        (file,) = daemon.spool.glob("*.json")
        os.chown(file, VICTIM, -1)
        sink.refuse["a@example.co.jp"] = "450 4.2.0 later"
        with daemon:
            found = daemon.becomes(
                lambda shown: shown["spool"]["waiting"] and shown["queue"]["waiting"] == 3, "status"
            )
            (waits,) = found["spool"]["waiting"]
            assert (waits["uid"], waits["files"]) == (VICTIM, 1)
            assert "limits.events_waiting: 3" in waits["message"]
            assert found["queue"]["waiting"] == 3
            (listed,) = daemon.document("spool", "list")["files"]
            assert (listed["state"], listed["name"]) == ("waiting", file.name)
            daemon.restart()
            daemon.becomes(lambda shown: shown["spool"]["waiting"], "status")
            sink.refuse.clear()
            daemon.ctl("queue", "retry")
            sink.wait(10)
            assert sorted(mail.event_ids[0] for mail in sink.mails) == [str(n) for n in range(10)]
            daemon.becomes(lambda shown: not shown["spool"]["waiting"], "status")
        assert list(daemon.spool.glob("*")) == [daemon.spool / ".refused"]


@as_root
def test_who_made_the_place_for_refused_files_beforehand_gains_nothing(tmp_path: Path) -> None:
    his = tmp_path / "his"
    his.mkdir(mode=0o777)
    with Sink() as sink:
        daemon = Daemon(tmp_path, configuration(sink))
        (daemon.spool / ".refused").symlink_to(daemon.state)
        os.chown(daemon.spool / ".refused", VICTIM, -1, follow_symlinks=False)
        put(daemon, "queue.db", b"not a database", uid=VICTIM)
        with daemon:
            daemon.emit({"type": "a.b", "id": "1"})
            sink.wait(2)
            assert [one["name"] for one in daemon.document("spool", "list")["files"]][:1] == [
                "queue.db"
            ]
        assert (daemon.spool / ".refused" / "queue.db").read_bytes() == b"not a database"
        assert (daemon.state / "queue.db").read_bytes().startswith(b"SQLite format 3")
        assert "was not made by zaiond" in daemon.printed()
