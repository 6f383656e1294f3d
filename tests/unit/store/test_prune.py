"""History that is deleted: what is too old, and what is too much."""

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from tests.support.store import NOW, Store, event, mail, recount
from zaiond.model import AttemptResult, NewEvent
from zaiond.store import database, events, meta, prune, queue
from zaiond.store.meta import Shortened
from zaiond.store.prune import Deleted, Pruned
from zaiond.store.queue import Ended
from zaiond.text import Text

WHY = Text("理由", "why")
LINE = 10_000
SIZE = LINE + 1024


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as store:
        yield store


def accept(store: Store, *batch: NewEvent) -> events.Acceptance:
    return store.run(lambda db: events.accept(db, list(batch), 0.0))


def left(store: Store) -> list[str]:
    return [id_ for (id_,) in store.connection.execute("SELECT id FROM events ORDER BY seq")]


def large(id: str, uid: int, at: float = NOW) -> NewEvent:
    new = event(id, uid=uid, at=at)
    return (*new[:4], new[4].ljust(LINE), *new[5:])


def ended(store: Store, *batch: NewEvent) -> None:
    """Events that became no mail."""
    stored = accept(store, *batch).events
    dropped = [Ended(one, WHY) for one in stored]
    store.run(lambda db: queue.route(db, stored[-1].seq, [], dropped))


def shorten(store: Store, to_free: dict[int, int], now: float = NOW, after: int = 0) -> Pruned:
    return store.run(lambda db: prune.shorten(db, to_free, after, now))[0]


def test_a_seq_is_never_given_twice_even_when_all_events_are_pruned(store: Store) -> None:
    accept(store, event("a"), event("b"))
    stored = store.run(lambda db: events.unrouted(db, 0, 10))
    store.run(lambda db: queue.route(db, 2, [], [Ended(e, WHY) for e in stored]))
    assert store.run(lambda db: prune.too_old(db, NOW, 0)).after is None
    assert accept(store, event("a")).events[0].seq == 3


def test_what_was_routed_before_its_time_is_forgotten_with_its_event_and_its_seq_is_not_given_again(
    store: Store,
) -> None:
    for number in range(2, 6):
        accept(store, *([event("has no room")] if number == 2 else []), event(str(number)))
        early = store.run(lambda db: events.unrouted(db, 1, 10))
        assert [one.seq for one in early] == [number]
        gone = [Ended(one, WHY) for one in early]
        store.run(lambda db, gone=gone, n=number: queue.route(db, 0, [], gone, [n]))  # type: ignore[misc]
        store.run(lambda db: prune.too_old(db, 1.0, 0))
        kept = store.connection.execute("SELECT seq FROM routed_early").fetchall()
        assert kept == [(number,)]
    assert left(store) == ["has no room", "5"]


def test_prune_takes_the_whole_history_of_old_events_and_of_no_others(store: Store) -> None:
    accept(store, event("old"))
    store.run(lambda db: events.accept(db, [event("new")], 10.0))
    old, new = store.run(lambda db: events.unrouted(db, 0, 10))
    mails = [mail(1, [old], ["a@x", "b@x"]), mail(2, [new])]
    store.run(lambda db: queue.route(db, 2, mails, []))
    for one in mails:
        attempted = [
            AttemptResult(d, "delivered", "delivered", "s:25", "250 ok", NOW, NOW)
            for d in one.deliveries
        ]
        store.run(
            lambda db, one=one, attempted=attempted: queue.finish(db, one, attempted, one.queued)  # type: ignore[misc]
        )
    store.run(lambda db: prune.too_old(db, 5.0, 0))
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
    store.run(lambda db: queue.route(db, 2, [mail(1, [mailed])], [Ended(dropped, WHY)]))
    store.run(lambda db: prune.too_old(db, 1e9, 0))
    left = store.connection.execute("SELECT id FROM events ORDER BY seq").fetchall()
    assert left == [("mailed",), ("unrouted",)]
    assert store.run(events.usage) == recount(store.connection)


def test_what_can_not_be_pruned_does_not_keep_what_is_behind_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "LOOKED_AT", 3)
    accept(store, *(event(str(number)) for number in range(10)))
    first, *others = store.run(lambda db: events.unrouted(db, 0, 100))
    dropped = [Ended(one, WHY) for one in others]
    store.run(lambda db: queue.route(db, 10, [mail(1, [first])], dropped))
    after: int | None = 0
    while after is not None:
        after = store.run(lambda db, last=after: prune.too_old(db, 1.0, last)).after  # type: ignore[misc]
    assert left(store) == ["0"]


def test_an_operation_looks_at_a_slice_and_deletes_a_bounded_part_of_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(store, *(large(str(number), 1000) for number in range(8)))
    monkeypatch.setattr(prune, "LOOKED_AT", 6)
    for name, most, taken in (("EVENTS", 2, 2), ("BYTES", 2 * SIZE, 2), ("ROWS", 0, 1)):
        with monkeypatch.context() as patch:
            patch.setattr(prune, name, most)
            pruned = store.run(lambda db: prune.too_old(db, 1.0, 0))
        assert pruned.deleted[1000].events == taken
        assert pruned.after is not None
        assert left(store)[0] == str(pruned.after)  # what comes next is not passed over
    assert left(store) == ["5", "6", "7"]


def test_events_dated_ahead_do_not_keep_those_behind_them_however_many_they_are(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prune, "LOOKED_AT", 50)
    ahead = accept(store, *(event(f"ahead{n}", at=NOW + 1e8) for n in range(120))).events
    store.run(lambda db: db.execute("UPDATE events SET queued = 1e8") and None)
    behind = accept(store, *(event(f"behind{n}") for n in range(120))).events
    dropped = [Ended(one, WHY) for one in (*ahead, *behind)]
    store.run(lambda db: queue.route(db, behind[-1].seq, [], dropped))
    after: int | None = 0
    while after is not None:
        after = store.run(lambda db, last=after: prune.too_old(db, 10.0, last)).after  # type: ignore[misc]
    assert left(store) == [f"ahead{n}" for n in range(120)]


def test_the_oldest_of_a_user_goes_first_and_of_nobody_else_anything(store: Store) -> None:
    ended(store, *(large(f"{uid}-{n}", uid) for n in range(4) for uid in (1000, 1001, 1002)))
    pruned = shorten(store, {1001: 2 * SIZE, 1002: 1})
    assert pruned.deleted == {1001: Deleted(2, 2 * SIZE, NOW), 1002: Deleted(1, SIZE, NOW)}
    assert pruned.after is None
    assert {"1001-0", "1001-1", "1002-0"}.isdisjoint(left(store))
    assert len(left(store)) == 9
    assert sum(store.run(lambda db: prune.sizes(db, 0))[0].values()) == 9 * SIZE


def test_what_waits_is_never_deleted(store: Store) -> None:
    stored = accept(store, *(large(str(n), 1000) for n in range(4))).events
    in_flight, delivered, dropped, _ = stored
    mails = [mail(1, [in_flight], ["a@x", "b@x"]), mail(2, [delivered])]
    store.run(lambda db: queue.route(db, 3, mails, [Ended(dropped, WHY)]))
    for one in mails:  # of the first, one delivery of two
        attempted = [AttemptResult(one.deliveries[0], "delivered", "delivered", "", "", NOW, NOW)]
        part = mail(one.row, one.events, ["a@x"])
        part.whole = len(one.deliveries) == 1
        store.run(lambda db, part=part, of=attempted: queue.finish(db, part, of, 1.0))  # type: ignore[misc]
    pruned = shorten(store, {1000: 1 << 40})
    assert left(store) == ["0", "3"]
    assert pruned.met == 4
    assert store.run(events.usage) == recount(store.connection) != {}
    assert store.connection.execute("SELECT count(*) FROM deliveries WHERE message = 1").get == 2


def test_a_mail_that_tells_of_an_event_that_is_kept_is_kept(store: Store) -> None:
    both = accept(store, large("a", 1000), large("b", 1001)).events
    one = mail(1, both)
    store.run(lambda db: queue.route(db, 2, [one], []))
    attempted = [AttemptResult(one.deliveries[0], "delivered", "delivered", "", "", NOW, NOW)]
    store.run(lambda db: queue.finish(db, one, attempted, 1.0))
    shorten(store, {1000: 1})
    assert left(store) == ["b"]
    tables = ("messages", "deliveries", "attempts", "message_events")
    counts = [store.connection.execute(f"SELECT count(*) FROM {name}").get for name in tables]
    assert counts == [1, 1, 1, 1]
    shorten(store, {1001: 1})
    counts = [store.connection.execute(f"SELECT count(*) FROM {name}").get for name in tables]
    assert counts == [0, 0, 0, 0]


def test_whose_history_was_shortened_is_remembered_since_when_and_up_to_where(
    store: Store,
) -> None:
    ended(store, *(large(str(n), 1000, NOW - 100 + n) for n in range(5)), large("x", 1001))
    assert store.run(meta.shortened) == ()
    shorten(store, {1000: 1}, NOW)
    shorten(store, {1000: SIZE + 1, 1001: 1}, NOW + 60)
    expected = {
        1000: Shortened(1000, 3, 3 * SIZE, NOW, NOW + 60, NOW - 98),
        1001: Shortened(1001, 1, SIZE, NOW + 60, NOW + 60, NOW),
    }
    assert {one.uid: one for one in store.run(meta.shortened)} == expected
    later = NOW + 60 + meta.INCIDENT  # that is another incident
    shorten(store, {1000: 1}, later)
    assert store.run(meta.shortened)[-1] == Shortened(1000, 1, SIZE, later, later, NOW - 97)


def test_only_of_those_who_are_to_be_shortened_is_deleted_though_uids_change_hands_meanwhile(
    store: Store,
) -> None:
    ended(store, *(large(str(n), 100_000) for n in range(4)))
    users = cycle((5, 1000))  # as /etc/subuid is written
    pruned, _ = store.run(
        lambda db: prune.shorten(db, {1000: 9 * SIZE}, 0, NOW, lambda _: next(users))
    )
    assert set(pruned.deleted) == {1000}


def test_of_many_users_only_the_last_are_remembered(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meta, "MOST_USERS", 3)
    ended(store, *(large(str(uid), uid) for uid in range(5)))
    for uid in range(5):
        shorten(store, {uid: 1}, NOW + uid)
    assert [one.uid for one in store.run(meta.shortened)] == [2, 3, 4]


def test_pages_that_were_deleted_from_are_used_again(store: Store) -> None:
    ended(store, *(large(str(n), 1000) for n in range(300)))
    before = store.run(database.pages)
    while shorten(store, {1000: 1 << 40}).deleted:
        pass
    emptied = store.run(database.pages)
    assert emptied.free > 300 * LINE > emptied.used
    ended(store, *(large(f"again{n}", 1000) for n in range(300)))
    after = store.run(database.pages)
    assert after.used + after.free <= before.used + before.free + 20 * 4096
