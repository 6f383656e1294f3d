"""Bytes flipped inside of rows, where SQLite's own check finds nothing: what can't be read is set
aside, and the rest goes on.
"""

import contextlib
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.support.daemon import Daemon
from tests.support.sink import Sink
from tests.support.store import NOW, Store, event, mail
from tests.support.waiting import until
from zaiond.holds import Hold
from zaiond.model import AttemptResult
from zaiond.smtp.failure import Failure, Stage
from zaiond.store import events, holds, queue
from zaiond.store.queue import Ended
from zaiond.store.sound import is_sound, schema
from zaiond.text import Text

ADMIN = "a@example.co.jp"
HELD = "held@example.co.jp"
KINDS = ("delivered", "failed", "waiting", "deferred", "held", "dropped", "unrouted")
OF_EACH = 25
SEEDS = int(os.environ.get("ZAIOND_FUZZ_SEEDS", "3"))
MAILED = [f"{kind}-{n}" for kind in ("waiting", "deferred", "unrouted") for n in range(OF_EACH)]
TEXTS = {"events": ("id", "source", "body"), "messages": ("message_id", "reverse_path"),
         "contents": ("content",), "deliveries": ("recipient", "state", "lane"),
         "attempts": ("outcome", "server", "reply"), "holds": ("scope", "subject", "failure"),
         "meta": ("name", "value")}  # fmt: skip


def content(id_: str) -> bytes:
    return b"From: z@example.co.jp\r\nZaiond-Event: %b\r\n\r\n%b\r\n" % (id_.encode(), b"x" * 300)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A queue with events and mails in each state, closed."""
    state = tmp_path_factory.mktemp("sound") / "state"
    with Store(state) as store:
        ids = [f"{kind}-{number}" for number in range(OF_EACH) for kind in KINDS]
        ids.sort(key=lambda id_: id_.startswith("unrouted"))  # behind the others
        filling = ',"message":"' + "日本語" * 30 + '"'
        batch = [event(one, more=filling, lane=f"lane {one}", source="backup") for one in ids]
        stored = store.run(lambda db: events.accept(db, batch, 0.0)).events
        routed = [one for one in stored if not one.id.startswith("unrouted")]
        mails = {
            one.id: mail(
                one.seq, [one], [HELD if one.id.startswith("held") else ADMIN],
                content=content(one.id),
            )
            for one in routed if not one.id.startswith("dropped")
        }  # fmt: skip
        dropped = [Ended(e, Text("理由", "why")) for e in routed if e.id not in mails]
        store.run(lambda db: queue.route(db, routed[-1].seq, [*mails.values()], dropped))
        for id_, one in mails.items():
            kind = id_.partition("-")[0]
            if kind == "waiting":
                continue
            done: Any = [
                AttemptResult(d, kind, kind, "mail:25", "450 つぎ", NOW, NOW, NOW)  # type: ignore[arg-type]
                for d in one.deliveries
            ]
            store.run(lambda db, m=one, d=done: queue.finish(db, m, d, 0.0))  # type: ignore[misc]
        failure = Failure(stage=Stage.RCPT, server="mail:25", cause="refused")
        store.run(lambda db: holds.put(db, Hold("address", HELD, NOW, 0.0, failure)))
    return state


@pytest.fixture
def daemon(sound: Path, tmp_path: Path) -> Iterator[tuple[Daemon, Sink]]:
    """A daemon that is not yet started, on a copy of that queue, and its mail server."""
    with Sink() as sink:
        text = f"""
mail_server: {{host: 127.0.0.1, port: {sink.port}}}
admins: {ADMIN}
queue: {{retry_first: 1s}}
language: en
"""
        made = Daemon(tmp_path, text)
        shutil.copytree(sound, made.state, dirs_exist_ok=True)
        yield made, sink
        made.end()
        print(made.printed())


def rows_of(database: Path) -> dict[str, dict[Any, Any]]:
    """Each table's rows by their keys; None for those of which it can be seen that they are
    damaged.
    """
    found: dict[str, dict[Any, Any]] = {}
    with contextlib.closing(apsw.Connection(str(database))) as db:
        for table in schema()[0]:
            found[table.name] = {}
            keys = ", ".join(f"CAST({column} AS BLOB)" for column in table.key)
            where = " AND ".join(f"CAST({column} AS BLOB) = ?" for column in table.key)
            for key in db.execute(f"SELECT {keys} FROM {table.name} NOT INDEXED").fetchall():
                row: Any = None
                with contextlib.suppress(UnicodeDecodeError):
                    select = f"SELECT * FROM {table.name} NOT INDEXED WHERE {where}"
                    row = db.execute(select, key).fetchall()[0]
                found[table.name][key] = row if row and is_sound(table, row) else None
    return found


def whole(before: dict[str, dict[Any, Any]], after: dict[str, dict[Any, Any]]) -> set[str]:
    """The events that must be mailed: those that are as they were, and of whose mails each row is,
    or can be seen to be damaged.
    """
    found: set[str] = set()
    for key, was in before["events"].items():
        seq, id_ = was[:2]
        parts = ("messages", seq), ("contents", seq), ("deliveries", 10 * seq)
        keys = [(table, (b"%d" % row,)) for table, row in parts]
        if id_ in MAILED and after["events"].get(key) == was and all(
            after[table].get(part) in (None, before[table].get(part)) for table, part in keys
        ):  # fmt: skip
            found.add(id_)
    return found


def flip(database: Path, dice: random.Random, times: int, *, texts_only: bool) -> None:
    """Flips bits inside of cells, so that SQLite's check finds nothing."""
    before = database.read_bytes()
    db = apsw.Connection(str(database))
    leaves: list[Any] = db.execute(
        "SELECT pageno, name FROM dbstat WHERE pagetype = 'leaf' AND name <> 'sqlite_schema'"
        " AND ncell > 0"
    ).fetchall()
    texts = [
        value if isinstance(value, bytes) else value.encode()
        for table, columns in TEXTS.items()
        for column in columns
        for (value,) in db.execute(f"SELECT {column} FROM {table}")
        if isinstance(value, str | bytes) and len(value) > 3
    ]
    db.close()
    for _ in range(times):
        while True:
            content = bytearray(database.read_bytes())
            if texts_only:
                text = dice.choice(texts)
                start = content.find(text)
                if start < 4096:
                    continue
                place = start + dice.randrange(len(text))
            else:
                page, _ = dice.choice(leaves)
                start = (page - 1) * 4096
                first = int.from_bytes(content[start + 5 : start + 7], "big") or 65536
                if first >= 4096:
                    continue
                place = start + dice.randrange(first, 4096)
            content[place] ^= dice.choice((1, 2, 4, 8, 16, 32, 64, 128))
            database.write_bytes(content)
            db = apsw.Connection(str(database))
            try:
                if db.pragma("quick_check") == "ok":
                    break
            except apsw.Error:
                pass
            finally:
                db.close()
            database.write_bytes(before)
        before = database.read_bytes()


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("texts_only", [True, False])
def test_whatever_is_flipped_the_daemon_runs_and_what_is_whole_is_mailed(
    daemon: tuple[Daemon, Sink], seed: int, texts_only: bool
) -> None:
    running, sink = daemon
    dice = random.Random(seed)
    database = running.state / "queue.db"
    before = rows_of(database)
    flip(database, dice, dice.choice((1, 3, 10, 30)), texts_only=texts_only)
    wanted = {"new"}
    if texts_only:  # a number that is another one can't be told from what it was
        wanted |= whole(before, rows_of(database))
    with running:
        assert running.document("status")["version"]
        assert running.emit({"type": "a.b", "id": "new"})[0]["status"] == "ok"
        until(
            lambda: wanted <= {one for mail in list(sink.mails) for one in mail.event_ids},
            running.printed,
        )
        assert running.ctl("queue", "list").returncode == 0
        assert running.ctl("history").returncode == 0
        assert "Traceback" not in running.printed()
