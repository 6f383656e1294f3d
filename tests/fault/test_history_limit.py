"""A real daemon with room for little history, and one who floods it."""

import sys
from pathlib import Path
from typing import Any

from tests.support.daemon import Daemon
from tests.support.sink import Sink
from tests.support.waiting import until

LIMIT = 4 * 1024 * 1024
PROGRAM = (
    sys.executable,
    "-c",
    "from zaiond.store import database;"
    f"database.HISTORY_BYTES = {LIMIT};"
    "from zaiond.daemon.main import main;"
    "main()",
)


def large(id_: str) -> dict[str, Any]:
    return {"type": "a.b", "id": id_, "message": "x" * 200_000}


def test_a_flood_that_was_mailed_costs_its_own_oldest_history_and_nobody_is_refused(
    tmp_path: Path,
) -> None:
    with Sink() as sink:
        config = (
            f"mail_server: {{host: 127.0.0.1, port: {sink.port}}}\n"
            "admins: a@example.jp\nlanguage: en\nroute_defaults: {max_mails: null}\n"
        )
        daemon = Daemon(tmp_path, config)
        daemon.program = PROGRAM
        with daemon:
            number = 0

            def flood() -> list[Any]:
                nonlocal number
                ids = [f"n{number + more:04}" for more in range(10)]
                number += 10
                assert {one["status"] for one in daemon.emit(*map(large, ids))} == {"ok"}
                status = daemon.document("status")
                assert status["ok"], status  # nothing that an administrator has to mend
                shortened: list[Any] = status["history"]["shortened"]
                return shortened

            (shortened,) = until(flood, daemon.printed)
            assert shortened["events"] > 0
            assert daemon.state.joinpath("queue.db").stat().st_size < 10 * LIMIT
            gone = daemon.ctl("history", "n0000")
            assert gone.returncode == 1
            assert "or deleted after its end, as there was too much history" in gone.stderr
            assert shortened["user"] in gone.stderr
            last = f"n{number - 1:04}"
            assert daemon.ctl("history", last).returncode == 0
            told = daemon.ctl("status")
            assert told.returncode == 0
            assert "History deleted" in told.stdout
            assert daemon.printed().count("there was too much history") == 1
            # Its id went with it: it is a new event.
            (again,) = daemon.emit(large("n0000"))
            assert again == {"status": "ok", "id": "n0000"}
            sink.wait(number + 1)
            never = daemon.ctl("history", "never")
            assert "never accepted" in never.stderr
