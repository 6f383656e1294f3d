"""Accepting events, and what still waits to be routed."""

import json
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.support.store import Store, event, recount
from zaiond.model import NewEvent, StoredEvent
from zaiond.store import events
from zaiond.text import Text

WHY = Text("理由", "why")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as store:
        yield store


def accept(store: Store, *batch: NewEvent) -> events.Acceptance:
    return store.run(lambda db: events.accept(db, list(batch), 0.0))


def ids(found: list[StoredEvent]) -> list[str]:
    return [one.id for one in found]


def test_a_batch_is_accepted_in_its_order(store: Store) -> None:
    first = accept(store, event("b"), event("a"))
    assert first.outcomes is None
    assert [(e.seq, e.id) for e in first.events] == [(1, "b"), (2, "a")]
    assert first.previous == 0
    second = accept(store, event("c"))
    assert (second.events[0].seq, second.previous) == (3, 2)
    assert ids(store.run(lambda db: events.unrouted(db, 0, 10))) == ["b", "a", "c"]


def test_an_empty_batch_is_nothing(store: Store) -> None:
    assert accept(store) == events.Acceptance(None, [], 0)


def test_what_is_there_already_is_a_duplicate_and_leaves_no_gap(store: Store) -> None:
    accept(store, event("a"))
    again = accept(store, event("b"), event("a"), event("c"), event("c"), event("b", more=',"x":1'))
    assert again.outcomes == ["accepted", "duplicate", "accepted", "duplicate", "conflict"]
    assert [(e.seq, e.id) for e in again.events] == [(2, "b"), (3, "c")]
    assert store.run(events.usage) == recount(store.connection)
    assert store.run(events.usage)[1000][0] == 3


def test_uid_source_and_id_together_are_the_identity(store: Store) -> None:
    batch = [event("a"), event("a", uid=1001), event("a", source="x")]
    assert accept(store, *batch).outcomes is None
    assert sorted(store.run(lambda db: events.seqs_of(db, "a"))) == [1, 2, 3]
    assert store.run(lambda db: events.seqs_of(db, "b")) == []


def test_no_emitter_takes_the_place_of_a_notice_of_the_daemon(store: Store) -> None:
    accept(store, event("zaiond.delivery.failed/mail", source="zaiond"))
    own = [event("zaiond.delivery.failed/mail", source="zaiond")]
    told = store.run(lambda db: events.accept(db, own, 0.0, notice=True))
    assert told.outcomes is None
    again = store.run(lambda db: events.accept(db, own, 0.0, notice=True))
    assert again.outcomes == ["duplicate"]
    found = store.run(lambda db: events.unrouted(db, 0, 10))
    assert [one.notice for one in found] == [False, True]


def test_a_conflict_keeps_what_was_there(store: Store) -> None:
    accept(store, event("a", more=',"message":"first"'))
    accept(store, event("a", more=',"message":"second"'))
    (kept,) = store.run(lambda db: events.unrouted(db, 0, 10))
    assert json.loads(kept.body)["message"] == "first"


def test_any_text_is_an_identity(store: Store) -> None:
    strange = ["a\0b", "a", "a ", "A", "日本", "'; DROP TABLE events; --"]
    assert accept(store, *(event("x", source=one) for one in strange)).outcomes is None
    again = accept(store, *(event("x", source=one) for one in strange))
    assert again.outcomes == ["duplicate"] * len(strange)


def test_unrouted_is_read_in_parts(store: Store) -> None:
    accept(store, *(event(str(number)) for number in range(5)))
    assert ids(store.run(lambda db: events.unrouted(db, 2, 2))) == ["2", "3"]
    assert ids(store.run(lambda db: events.unrouted(db, 4, 2))) == ["4"]


def test_deleting_what_waits_to_be_routed_ends_it_once(store: Store) -> None:
    accept(store, event("a"), event("b"), event("c"))
    gone = store.run(lambda db: events.delete_unrouted(db, [1, 3, 99], WHY))
    assert ids(gone) == ["a", "c"]
    assert store.run(lambda db: events.delete_unrouted(db, [1, 3], WHY)) == []
    assert ids(store.run(lambda db: events.unrouted(db, 0, 10))) == ["b"]
    assert store.run(events.usage) == recount(store.connection)


def test_meta_values_outlive_a_restart(tmp_path: Path) -> None:
    with Store(tmp_path / "kept") as store:
        store.run(lambda db: events.set_meta(db, "a", "x"))
        store.run(lambda db: events.set_meta(db, "b", 7))
        store.run(lambda db: events.set_meta(db, "a", None))
    with Store(tmp_path / "kept") as store:
        assert store.run(lambda db: events.get_meta(db, "a")) is None
        assert store.run(lambda db: events.get_meta(db, "b")) == 7


def test_what_waits_is_counted_at_a_start_without_a_look_at_the_bodies(store: Store) -> None:
    size = 200_000
    for number in range(200):
        batch = [event(str(number), uid=1000 + number % 2, more=f',"message":"{"x" * size}"')]
        accept(store, *batch)
    apsw.memory_high_water(True)
    before = apsw.memory_used()
    lines = store.run(events.waiting_lines)
    assert apsw.memory_high_water(True) - before < 1024 * 1024
    assert [(line.uid, line.events) for line in lines] == [(1000, 100), (1001, 100)]
    store.run(lambda db: db.execute("UPDATE meta SET value = 1000 WHERE name = 'routed_through'"))
    store.run(
        lambda db: db.execute(
            "INSERT INTO message_events SELECT seq, seq FROM events;"
            "INSERT INTO messages SELECT seq, '<a@x>', '', 0, 0, 0, 0, NULL, '' FROM events;"
            "INSERT INTO deliveries (id, message, recipient, state, urgent)"
            " SELECT seq, seq, 'a@x.example', 'waiting', 0 FROM events"
        )
    )
    before = apsw.memory_used()
    apsw.memory_high_water(True)
    used = store.run(lambda db: events.usage(db, []))
    assert apsw.memory_high_water(True) - before < 1024 * 1024
    assert used.keys() == {1000, 1001}
    assert all(count == 100 and total > 100 * size for count, total in used.values())
