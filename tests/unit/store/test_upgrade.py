"""A queue of the version before is taken over as it is."""

import contextlib
from pathlib import Path

import apsw
import pytest

from tests.support.store import Store, event, mail, waiting
from zaiond.errors import StoreError
from zaiond.store import events, pending, queue, sound

SUPPORT = Path(__file__).parents[2] / "support"


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
