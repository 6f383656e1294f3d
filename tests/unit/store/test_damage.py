"""Rows of which a byte was flipped: set aside, and what belonged to them put right."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.store import NOW, Store, event, mail, recount
from tests.support.store import waiting as all_waiting
from zaiond.intake.quota import Quotas
from zaiond.model import AttemptResult
from zaiond.store import damage, events, queue
from zaiond.store.damage import Damage

BROKEN = "CAST(x'61ff62' AS TEXT)"  # no UTF-8


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Events 1 to 4: delivered, waiting in a mail, waiting in another, not yet routed."""
    with Store(tmp_path / "state") as store:
        batch = [event(str(n)) for n in range(1, 5)]
        stored = store.run(lambda db: events.accept(db, batch, 0.0)).events
        mails = [mail(one.seq, [one]) for one in stored[:3]]
        store.run(lambda db: queue.route(db, 3, mails, []))
        done = [AttemptResult(d, "delivered", "delivered", "s:25", "250", NOW, NOW)
                for d in mails[0].deliveries]  # fmt: skip
        store.run(lambda db: queue.finish(db, mails[0], done, 0.0))
        yield store


def set_aside(store: Store) -> Damage | None:
    found = damage.set_aside(store.connection, NOW)
    assert store.connection.pragma("integrity_check") == "ok"
    assert events.usage(store.connection) == recount(store.connection)
    return found


def waiting(store: Store) -> tuple[list[str], list[int]]:
    """The events that wait to be routed, and the mails that wait."""
    through = store.run(lambda db: events.get_meta(db, "routed_through"))
    assert isinstance(through, int)
    unrouted = store.run(lambda db: events.unrouted(db, through, 10))
    return [one.id for one in unrouted], store.run(all_waiting)


def test_where_every_row_is_sound_nothing_changes(store: Store) -> None:
    before = store.connection.execute("SELECT * FROM events, deliveries").fetchall()
    assert set_aside(store) is None
    assert store.connection.execute("SELECT * FROM events, deliveries").fetchall() == before
    assert waiting(store) == (["4"], [2, 3])


@pytest.mark.parametrize(
    ("table", "change", "unrouted", "mails"),
    [
        # An event that is not yet a mail is gone; of one that is, its mail goes out.
        ("events", f"source = {BROKEN} WHERE seq = 4", [], [2, 3]),
        ("events", "body = x'7b' WHERE seq = 4", [], [2, 3]),
        ("events", "body = CAST(body AS TEXT) WHERE seq = 4", [], [2, 3]),
        ("events", "id = '4' || char(10) WHERE seq = 4", [], [2, 3]),
        ("events", "accepted = 1e300 WHERE seq = 4", [], [2, 3]),
        ("events", "uid = 'x' WHERE seq = 4", [], [2, 3]),
        ("events", "outcome = 'dropqed' WHERE seq = 4", [], [2, 3]),
        ("events", "reason = '{' WHERE seq = 4", [], [2, 3]),
        ("events", f"source = {BROKEN} WHERE seq = 2", ["4"], [2, 3]),
        # A mail of which a part is gone is made anew.
        ("messages", f"reverse_path = {BROKEN} WHERE id = 2", ["4", "2"], [3]),
        ("messages", "message_id = '<2@host' WHERE id = 2", ["4", "2"], [3]),
        ("contents", "content = 5 WHERE message = 2", ["4", "2"], [3]),
        ("deliveries", f"recipient = {BROKEN} WHERE message = 2", ["4", "2"], [3]),
        ("deliveries", "state = 'waitinf' WHERE message = 2", ["4", "2"], [3]),
        ("deliveries", "state = 'delivered' WHERE message = 2", ["4", "2"], [3]),
        # What has ended has ended, whatever its history has lost.
        ("attempts", f"reply = {BROKEN}", ["4"], [2, 3]),
        ("attempts", "outcome = ''", ["4"], [2, 3]),
        ("events", f"source = {BROKEN} WHERE seq = 1", ["4"], [2, 3]),
        # How far events were routed is found by what became of them.
        ("meta", "value = 'x' WHERE name = 'routed_through'", ["4"], [2, 3]),
        ("meta", f"name = {BROKEN} WHERE name = 'routed_through'", ["4"], [2, 3]),
    ],
)
def test_a_row_that_can_not_be_read_is_set_aside_and_its_mail_made_anew(
    store: Store, table: str, change: str, unrouted: list[str], mails: list[int]
) -> None:
    store.connection.execute(f"UPDATE {table} SET {change}")
    before = sum(line.events for line in events.waiting_lines(store.connection))
    found = set_aside(store)
    assert found is not None
    assert found.rows == {table: 1}
    assert waiting(store) == (unrouted, mails)
    assert before + sum(line.events for line in found.waiting) == len(unrouted)
    assert damage.count(store.connection, NOW) == 1
    rows: list[Any] = store.connection.execute("SELECT of, row FROM damaged").fetchall()
    assert rows[0][0] == table
    assert json.loads(rows[0][1])
    assert set_aside(store) is None, "once"


def test_two_events_whose_ids_have_become_the_same_are_both_kept(store: Store) -> None:
    store.connection.execute("DROP INDEX events_identity")  # which does not see what is flipped
    store.connection.execute("UPDATE events SET id = '3' WHERE seq = 4")
    set_aside(store)
    assert waiting(store) == (["3/4"], [2, 3])


def test_what_is_kept_of_them_has_a_bound(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damage, "MOST_KEPT", 2)
    store.connection.execute(f"UPDATE events SET source = {BROKEN}")
    found = set_aside(store)
    assert found is not None
    assert found.rows == {"events": 4}
    assert damage.count(store.connection, NOW) == 2


@pytest.mark.parametrize(
    ("table", "change", "waiting"),
    [
        ("events", f"source = {BROKEN} WHERE seq = 4", 2),
        ("events", "accepted = 1e300 WHERE seq = 2", 2),
        ("deliveries", f"recipient = {BROKEN} WHERE message = 1", 4),  # it is sent again
        ("contents", "content = 5 WHERE message = 2", 3),
    ],
)
def test_what_was_set_aside_is_no_longer_counted_for_its_user(
    store: Store, table: str, change: str, waiting: int
) -> None:
    counted = Quotas(events.usage(store.connection))
    store.connection.execute(f"UPDATE {table} SET {change}")
    found = set_aside(store)
    assert found is not None
    counted.recounted(found.usage)
    assert counted.waiting() == recount(store.connection)
    assert counted.in_all.events == waiting
