"""Mails to come, on disk: who joins, what moves, what is made, and what else becomes of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.store import NOW, Store, event, image, mail, recount
from zaiond.model import NewEvent, QueuedMail, Routing, StoredEvent, Usage
from zaiond.store import damage, events, groups, membership, pending, prune, queue, recovery
from zaiond.store.groups import MailToCome, Move, Steps
from zaiond.store.members import Members
from zaiond.store.queue import Ended
from zaiond.text import Text

WHY = Text("理由", "why")
GROUPED = Routing("db", "grouped", Text("まとめ", "grouped"))
STATE = ("group", "g", b"{}")


def to_come(row: int, routing: Routing = GROUPED, due: float = NOW + 30) -> MailToCome:
    return MailToCome(row, f"<{row}@host.example>", NOW, 0.0, due, routing)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as store:
        yield store


def joined(store: Store, *batch: NewEvent, row: int = 1) -> list[StoredEvent]:
    """Events that are routed into a mail to come which begins with them."""
    stored = store.run(lambda db: events.accept(db, list(batch), 0.0)).events
    steps = Steps([to_come(row)], [], [(row, one.seq) for one in stored], [STATE])
    route(store, stored[-1].seq, steps)
    return stored


def route(store: Store, through: int, steps: Steps, *mails: QueuedMail) -> Usage:
    def routed(db: object) -> set[int]:
        return queue.route(store.connection, through, list(mails), [])

    _, released = store.run(lambda db: groups.route(db, routed, steps))
    assert events.usage(store.connection) == recount(store.connection)
    return released


def members(store: Store, row: int = 1) -> Members:
    known = Members()
    while (some := store.run(lambda db: membership.look(db, row, known.through))).total:
        known.add(some)
    return known


def made(store: Store, stored: list[StoredEvent], row: int = 1) -> QueuedMail:
    one = mail(row, stored)
    one.routing = GROUPED
    return one


def test_what_joins_waits_and_is_no_mail_yet(store: Store) -> None:
    joined(store, event("a"), event("b"))
    assert store.run(groups.find) == groups.Remembered([STATE], {1: GROUPED})
    assert events.usage(store.connection)[1000][0] == 2
    assert store.run(lambda db: pending.load(db, [1])) == []
    assert store.run(lambda db: events.open_with_id(db, "a", 2))


def test_its_events_are_counted_in_slices_and_the_worst_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(membership, "SLICE", 7)
    monkeypatch.setattr(membership, "MOST_SHOWN", 3)
    batch = [event(str(n), at=NOW + n, uid=1000 + n % 2) for n in range(40)]
    batch += [event("worst", at=NOW, more=',"severity":"Fatal"', urgent=True)]
    batch += [event("bad", at=NOW + 50, more=',"severity":"error"', lane="key k")]
    stored = joined(store, *batch)
    known = members(store)
    assert known.total == 42
    assert dict(known.severities) == {"info": 40, "crit": 1, "err": 1}
    assert (known.first, known.last, known.urgent) == (NOW, NOW + 50, True)
    first = store.run(lambda db: membership.read(db, known.shown))
    assert [one.id for one in first[:3]] == ["worst", "bad", "39"]
    assert known.lanes == {None, "1000 key k"}
    assert {uid: count for uid, (count, _) in known.usage.items()} == {1000: 22, 1001: 20}
    assert known.through == stored[-1].seq


def test_what_is_shown_has_a_bound_in_bytes(store: Store) -> None:
    large = f',"message":"{"x" * 50_000}"'
    joined(store, *(event(str(n), more=large) for n in range(5)))
    assert len(members(store).shown) == 2


def test_a_mail_is_made_of_it_and_its_events_wait_no_longer(store: Store) -> None:
    stored = joined(store, event("a"), event("b"))
    one = made(store, stored)
    store.run(lambda db: groups.make(db, 1, [one], [], []))
    assert events.usage(store.connection) == recount(store.connection) == {}
    (there,) = store.run(lambda db: pending.load(db, [1]))
    assert there.is_of_group
    assert store.run(groups.to_come) == {}
    assert store.run(lambda db: queue.finish(db, there, [], 0.0)) == ([], False)


def test_who_is_told_later_has_its_events_too(store: Store) -> None:
    stored = joined(store, event("a"), event("b"))
    held = to_come(2, Routing("", "suppressed", WHY, recipients=("b@x",)))
    store.run(lambda db: Steps([held]).put(db))
    store.run(lambda db: groups.make(db, 1, [made(store, stored)], [2], []))
    assert members(store, 2).total == 2
    assert events.usage(store.connection) == recount(store.connection)
    assert events.usage(store.connection)[1000][0] == 2


def test_an_event_with_a_mail_of_its_own_waits_until_both_are_done(store: Store) -> None:
    (stored,) = store.run(lambda db: events.accept(db, [event("a")], 0.0)).events
    route(store, 1, Steps([to_come(2)], [], [(2, 1)]), mail(1, [stored]))
    known = members(store, 2)
    assert (known.elsewhere, known.usage) == ([1], {})
    of_group = made(store, [stored], 2)
    _, released = store.run(lambda db: groups.make(db, 2, [of_group], [], known.elsewhere))
    assert released == {}
    (own,) = store.run(lambda db: pending.load(db, [1]))
    store.run(lambda db: queue.end(db, [own], "deleted", NOW, 0.0, "", ""))
    assert events.usage(store.connection) == recount(store.connection) == {}


def test_what_was_counted_moves_or_ends(store: Store) -> None:
    joined(store, event("a"), event("b"))
    (closing,) = store.run(lambda db: events.accept(db, [event("c")], 0.0)).events
    route(store, 3, Steps([to_come(2)], [], [(2, 3)], [], [Move(1, (2,))]))
    assert members(store, 2).total == 3
    assert list(store.run(groups.to_come)) == [2]
    ended = Ended(closing, WHY, "silenced")
    released = route(store, 3, Steps(moves=[Move(2, (), ended)]))
    assert released[1000][0] == 3
    outcomes = store.connection.execute("SELECT DISTINCT outcome FROM events").fetchall()
    assert outcomes == [("silenced",)]


def test_an_event_can_be_taken_out(store: Store) -> None:
    joined(store, event("a"), event("b"))
    places, gone, emptied = store.run(lambda db: groups.take_out(db, [1], WHY))
    assert (places, [one.id for one in gone], emptied) == (1, ["a"], [])
    assert members(store).total == 1
    assert events.usage(store.connection) == recount(store.connection)
    assert store.run(lambda db: groups.take_out(db, [2], WHY)).emptied == [1]
    store.run(lambda db: groups.forget(db, [1], [("group", "g", None)]))
    assert store.run(groups.find) == groups.Remembered([], {})


def test_history_is_not_deleted_of_what_is_to_come_nor_of_what_is_spared(store: Store) -> None:
    joined(store, event("a"), event("b"))
    stored = store.run(lambda db: events.accept(db, [event("c"), event("d")], 0.0)).events
    store.run(lambda db: queue.route(db, 4, [], [Ended(one, WHY) for one in stored]))
    store.run(lambda db: prune.too_old(db, NOW, 0, {stored[0].seq}))
    left = store.connection.execute("SELECT id FROM events ORDER BY seq").fetchall()
    assert [id_ for (id_,) in left] == ["a", "b", "c"]


def test_nothing_of_it_expires(store: Store) -> None:
    joined(store, event("a"))
    expiry = pending.Expiry(1e9, 1e9, 1e9)
    assert store.run(lambda db: pending.expired(db, expiry)).deliveries == {}


def test_damage_leaves_the_others(store: Store) -> None:
    joined(store, event("a"), event("b"))
    store.connection.execute("UPDATE routing_state SET value = 'no bytes'")
    found = damage.set_aside(store.connection, NOW)
    assert found is not None
    assert found.rows == {"routing_state": 1}
    assert store.run(groups.find).to_come == {1: GROUPED}
    assert members(store).total == 2


def test_events_whose_mail_to_come_is_damaged_are_routed_again(store: Store) -> None:
    joined(store, event("a"), event("b"))
    store.connection.execute("UPDATE messages SET routing = '{'")
    found = damage.set_aside(store.connection, NOW)
    assert found is not None
    assert store.run(groups.to_come) == {}
    through = int(events.get_meta(store.connection, "routed_through") or 0)
    waiting = store.run(lambda db: events.unrouted(db, through, 10))
    assert [one.id for one in waiting] == ["a", "b"]
    assert events.usage(store.connection) == recount(store.connection)


def test_what_is_salvaged_has_mails_to_come_and_what_routing_remembers(store: Store) -> None:
    joined(store, event("a"), event("b"))
    there = image(store.directory)
    recovery.recover(there, WHY, lambda: None)
    with Store(there) as after:
        assert after.run(groups.find) == groups.Remembered([STATE], {1: GROUPED})
        assert members(after).total == 2
