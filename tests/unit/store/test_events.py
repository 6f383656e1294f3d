"""Accepting events, and what still waits to be routed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.store import NOW, Store, event, mail, recount
from zaiond.store import events, queue
from zaiond.store.events import NewEvent, StoredEvent
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


def test_a_seq_is_never_given_twice_even_when_all_events_are_pruned(store: Store) -> None:
    accept(store, event("a"), event("b"))
    stored = store.run(lambda db: events.unrouted(db, 0, 10))
    store.run(lambda db: queue.route(db, 2, [], [queue.Dropped(e, WHY) for e in stored]))
    assert store.run(lambda db: events.prune(db, NOW, 0, 100)) is None
    assert accept(store, event("a")).events[0].seq == 3


def test_prune_takes_the_whole_history_of_old_events_and_of_no_others(store: Store) -> None:
    accept(store, event("old"))
    store.run(lambda db: events.accept(db, [event("new")], 10.0))
    old, new = store.run(lambda db: events.unrouted(db, 0, 10))
    mails = [mail(1, [old], ["a@x", "b@x"]), mail(2, [new])]
    store.run(lambda db: queue.route(db, 2, mails, []))
    for one in mails:
        attempted = [
            queue.Attempted(d, "delivered", "delivered", "s:25", "250 ok", NOW, NOW)
            for d in one.deliveries
        ]
        store.run(
            lambda db, one=one, attempted=attempted: queue.finish(db, one, attempted, one.queued)  # type: ignore[misc]
        )
    store.run(lambda db: events.prune(db, 5.0, 0, 100))
    for table, left in {
        "events": 1,
        "messages": 1,
        "message_events": 1,
        "deliveries": 1,
        "attempts": 1,
        "contents": 0,
    }.items():
        assert store.connection.execute(f"SELECT count(*) FROM {table}").get == left, table
    # Its id may be used again from now on.
    assert accept(store, event("old")).outcomes is None


def test_prune_leaves_what_has_not_ended_however_old_it_is(store: Store) -> None:
    accept(store, event("dropped"), event("mailed"), event("unrouted"))
    dropped, mailed, _ = store.run(lambda db: events.unrouted(db, 0, 10))
    store.run(lambda db: queue.route(db, 2, [mail(1, [mailed])], [queue.Dropped(dropped, WHY)]))
    store.run(lambda db: events.prune(db, 1e9, 0, 100))
    left = store.connection.execute("SELECT id FROM events ORDER BY seq").fetchall()
    assert left == [("mailed",), ("unrouted",)]
    assert store.run(events.usage) == recount(store.connection)


def test_what_can_not_be_pruned_does_not_keep_what_is_behind_it(store: Store) -> None:
    accept(store, *(event(str(number)) for number in range(10)))
    first, *others = store.run(lambda db: events.unrouted(db, 0, 100))
    store.run(
        lambda db: queue.route(
            db, 10, [mail(1, [first])], [queue.Dropped(one, WHY) for one in others]
        )
    )
    after: int | None = 0
    while after is not None:
        after = store.run(lambda db, last=after: events.prune(db, 1.0, last, 3))  # type: ignore[misc]
    assert store.connection.execute("SELECT id FROM events").fetchall() == [("0",)]


def test_meta_values_outlive_a_restart(tmp_path: Path) -> None:
    with Store(tmp_path / "kept") as store:
        store.run(lambda db: events.set_meta(db, "a", "x"))
        store.run(lambda db: events.set_meta(db, "b", 7))
        store.run(lambda db: events.set_meta(db, "a", None))
    with Store(tmp_path / "kept") as store:
        assert store.run(lambda db: events.get_meta(db, "a")) is None
        assert store.run(lambda db: events.get_meta(db, "b")) == 7
