"""A queue of an earlier version is taken over as it is.

`tests/support/queues` has one of each form that version 1 had, made by the zaiond of its time
(the first one at the end of the first day): two mails had arrived, one address was refused, two
mails waited for the mail server, and two events came while the configuration was broken.
`schema-1.sql` is the last of these forms.
"""

import contextlib
import gzip
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.support.store import Store, event, mail, waiting
from zaiond.errors import StoreError
from zaiond.store import damage, events, meta, pending, queue, sound
from zaiond.store.upgrade import upgrade

SUPPORT = Path(__file__).parents[2] / "support"
FORMS = ("first", "second", "third", "fourth")
each_form = pytest.mark.parametrize("form", FORMS)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A queue of version 1 with an event in a mail, one that waits, and one that was dropped."""
    directory = tmp_path / "old"
    directory.mkdir()
    with contextlib.closing(apsw.Connection(str(directory / "queue.db"))) as db:
        db.pragma("journal_mode", "WAL")
        db.execute((SUPPORT / "schema-1.sql").read_text(encoding="utf-8"))
        db.pragma("user_version", 1)
        events.accept(db, [event("a"), event("b"), event("c")], 7.0)
        db.execute(
            "UPDATE events SET outcome = 'dropped', reason = ? WHERE id = 'b'",
            ('{"ja":"","en":""}',),
        )
        events.set_meta(db, "routed_through", 2)
        db.execute(
            "INSERT INTO messages VALUES (1, '<1@host.example>', 'zaionnex', 0, 7.0, 7.0, 0)"
        )
        db.execute("INSERT INTO contents VALUES (1, x'410d0a')")
        db.execute("INSERT INTO message_events VALUES (1, 1)")
        db.execute(
            "INSERT INTO deliveries (id, message, recipient, state, urgent)"
            " VALUES (5, 1, 'a@example.jp', 'waiting', 0)"
        )
    return directory


def test_what_is_in_it_waits_as_before(old: Path) -> None:
    with Store(old) as store:
        assert not store.database.is_recovered
        assert store.connection.pragma("user_version") == sound.VERSION
        assert [one.id for one in store.run(lambda db: events.unrouted(db, 2, 10))] == ["c"]
        assert store.run(waiting) == [1]
        (there,) = store.run(lambda db: pending.load(db, [1]))
        assert (there.message.content, there.routing, there.deliveries[0].row) == (
            b"A\r\n",
            None,
            5,
        )
        assert store.run(events.usage) == {
            1000: (2, sum(len(one[4]) for one in (event("a"), event("c"))))
        }


def test_it_goes_on_as_a_new_one_would(old: Path) -> None:
    with Store(old) as store:
        more = store.run(lambda db: events.accept(db, [event("d")], 8.0)).events
        store.run(lambda db: queue.route(db, 4, [mail(2, more)], []))
    with Store(old) as store:
        assert store.run(waiting) == [1, 2]


def test_it_is_upgraded_once_and_whole(old: Path) -> None:
    with Store(old) as store:
        assert sound.has_our_tables(store.connection)
        there = dict(store.connection.execute("SELECT name, type FROM sqlite_schema"))
        assert {"messages_due", "routing_state"} <= there.keys()
    with Store(old) as store:
        assert not store.database.is_recovered


def test_one_that_lacks_a_table_is_recovered_and_not_made_up(old: Path) -> None:
    with contextlib.closing(apsw.Connection(str(old / "queue.db"))) as db:
        db.execute("DROP TABLE holds")
    with Store(old) as store:
        assert store.database.is_recovered


def test_what_can_be_read_of_a_damaged_one_is_taken_over(old: Path) -> None:
    with contextlib.closing(apsw.Connection(str(old / "queue.db"))) as db:
        db.pragma("writable_schema", True)
        db.execute("UPDATE sqlite_schema SET sql = 'CREATE TABLE x' WHERE name = 'messages'")
    with Store(old) as store:
        assert store.database.is_recovered
        assert [one.id for one in store.run(lambda db: events.unrouted(db, 2, 10))] == ["c"]
        assert store.run(waiting) == [1]


def test_one_of_a_newer_version_is_left_alone(old: Path) -> None:
    with contextlib.closing(apsw.Connection(str(old / "queue.db"))) as db:
        db.pragma("user_version", sound.VERSION + 1)
    with pytest.raises(StoreError):
        Store(old)


def laid(form: str, directory: Path) -> Path:
    """A state directory with the queue of an earlier version, and nothing beside it."""
    directory.mkdir(exist_ok=True)
    packed = SUPPORT / "queues" / f"{form}.db.gz"
    (directory / "queue.db").write_bytes(gzip.decompress(packed.read_bytes()))
    return directory


def rows(store: Store, query: str) -> list[Any]:
    return store.connection.execute(query).fetchall()


@each_form
def test_each_form_that_there_was_is_taken_over_whole(form: str, tmp_path: Path) -> None:
    state = laid(form, tmp_path / form)
    with contextlib.closing(apsw.Connection(str(state / "queue.db"))) as db:
        tables = ("events", "messages", "contents", "message_events", "deliveries", "attempts")
        before = {table: db.execute(f"SELECT count(*) FROM {table}").get for table in tables}
        bodies = db.execute("SELECT seq, id, uid, source, accepted, body FROM events").fetchall()
        mails = db.execute("SELECT message, content FROM contents").fetchall()
    with Store(state) as store:
        assert not store.database.is_recovered
        assert {table: rows(store, f"SELECT count(*) FROM {table}")[0][0] for table in tables} == (
            before
        )
        assert rows(store, "SELECT seq, id, uid, source, accepted, body FROM events") == bodies
        assert rows(store, "SELECT message, content FROM contents") == mails
        unrouted = store.run(lambda db: events.unrouted(db, 5, 10))
        assert [(one.id, one.urgent, one.lane) for one in unrouted] == [
            ("unrouted", 0, "job nightly"),
            ("unrouted-urgent", 1, None),
        ]
        found = "SELECT DISTINCT e.id, d.state, d.urgent, d.lane, d.user FROM deliveries AS d"
        found += " JOIN message_events USING (message) JOIN events AS e ON e.seq = event"
        assert {row[0]: row[1:] for row in rows(store, f"{found} WHERE d.ended IS NULL")} | {
            "delivered": (), "more": (),
        } == {
            "waiting": ("waiting", 0, None, 0),
            "urgent": ("waiting", 1, "0 key md0", 0),
            "delivered": (),
            "more": (),
        }  # fmt: skip
        # No row is unsound, no index is of another form, and nothing seems to be of the future.
        assert damage.set_aside(store.connection, 0.0) is None
        there = rows(store, "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql > ''")
        assert dict(there) == sound.schema()[1]
        time = meta.queue_time(store.connection).now
        assert rows(store, f"SELECT count(*) FROM deliveries WHERE ended > {time}") == [(0,)]
        assert store.connection.pragma("integrity_check") == "ok"
    with Store(state) as store:
        assert not store.database.is_recovered


@each_form
def test_the_files_header_tells_the_version_while_the_daemon_runs(
    form: str, tmp_path: Path
) -> None:
    def told(state: Path) -> int:
        return int.from_bytes((state / "queue.db").read_bytes()[60:64], "big")

    assert told(laid(form, tmp_path / form)) == 1
    for state in (tmp_path / form, tmp_path / "new"):
        state.mkdir(exist_ok=True)
        with Store(state):
            assert told(state) == sound.VERSION


@each_form
def test_an_upgrade_that_is_cut_short_is_done_again(form: str, tmp_path: Path) -> None:
    state = laid(form, tmp_path / form)
    # All is done but the commit.
    with contextlib.closing(apsw.Connection(str(state / "queue.db"))) as db:
        db.pragma("journal_mode", "WAL")
        before = db.execute("SELECT name, sql FROM sqlite_schema").fetchall()
        db.set_commit_hook(lambda: True)
        with pytest.raises(apsw.ConstraintError):
            upgrade(db)
        db.set_commit_hook(None)
        assert db.execute("SELECT name, sql FROM sqlite_schema").fetchall() == before
        assert db.pragma("user_version") == 1
    with Store(state) as store:
        assert not store.database.is_recovered
        assert len(store.run(lambda db: events.unrouted(db, 5, 10))) == 2
