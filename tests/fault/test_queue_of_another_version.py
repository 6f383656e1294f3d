"""The daemon on a queue that another version of it has left."""

import gzip
from pathlib import Path

import apsw
import pytest

from tests.support.daemon import Daemon, EndedBeforeReadyError
from tests.support.sink import Sink
from zaiond.store.sound import VERSION

QUEUES = Path(__file__).parents[1] / "support/queues"
CONFIG = """\
mail_server: {{host: 127.0.0.1, port: {port}}}
admins: [admin@example.co.jp, second@example.co.jp]
language: en
"""


@pytest.mark.parametrize("form", ["first", "second", "third", "fourth"])
def test_what_waited_in_the_queue_of_an_earlier_one_arrives_once(form: str, tmp_path: Path) -> None:
    with Sink() as sink:
        daemon = Daemon(tmp_path, CONFIG.format(port=sink.port))
        daemon.state.mkdir(exist_ok=True)
        packed = (QUEUES / f"{form}.db.gz").read_bytes()
        (daemon.state / "queue.db").write_bytes(gzip.decompress(packed))
        with daemon:
            new = daemon.emit({"type": "disk.full", "id": "new"})
            assert [reply["status"] for reply in new] == ["ok"]
            # What was sent in is known still.
            assert daemon.emit(
                {"type": "backup.done", "id": "delivered", "message": "all well"}
            ) == [{"status": "ok", "id": "delivered", "duplicate": True}]
            daemon.becomes(lambda found: not found["queue"]["waiting"], "status")
            (delivered,) = daemon.document("history", "delivered")["events"]
            assert {one["recipient"] for one in delivered["deliveries"]} >= {
                "admin@example.co.jp", "nobody@example.co.jp",
            }  # fmt: skip
        sent = [
            (one, recipient)
            for mail in sink.mails
            for one in mail.event_ids
            for recipient in mail.recipients
        ]
        wanted = {"waiting", "urgent", "unrouted", "unrouted-urgent", "new"}
        to_both = {(one, f"{who}@example.co.jp") for one in wanted for who in ("admin", "second")}
        assert sorted(one for one in sent if one[0] in wanted) == sorted(to_both)
        assert ("delivered", "admin@example.co.jp") not in sent


def test_the_queue_of_a_newer_one_is_left_alone_and_events_stay_in_the_spool(
    tmp_path: Path,
) -> None:
    with Sink() as sink:
        daemon = Daemon(tmp_path, CONFIG.format(port=sink.port))
        with daemon:
            pass
        database = daemon.state / "queue.db"

        def set_version(version: int) -> None:
            db = apsw.Connection(str(database))
            db.pragma("user_version", version)
            db.close()

        set_version(VERSION + 1)
        before = database.read_bytes()
        with pytest.raises(EndedBeforeReadyError):
            daemon.start()
        said = daemon.printed()
        assert f"format {VERSION + 1}; this one knows {VERSION}" in said
        assert str(daemon.state) in said
        assert "Traceback" not in said
        assert database.read_bytes() == before
        emitted = daemon.ctl("emit", "disk.full", "--id", "meanwhile")
        assert emitted.returncode == 0, emitted.stderr
        set_version(VERSION)
        with daemon:
            (mail,) = sink.wait(1)
            assert mail.event_ids == ("meanwhile",)
