"""What came in and ended in a period."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.store import NOW, Store
from zaiond.store import period
from zaiond.store.period import Period
from zaiond.store.writer import Operation


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.database.closed_cleanly()


async def counted(store: Store, since: float = NOW, at: float = 100.0) -> Period:
    async def submit(operation: Operation[Any], /) -> Any:
        return operation(store.connection)

    return await period.count(submit, since, at)


def event(store: Store, accepted: float, outcome: str | None = None) -> int:
    store.connection.execute(
        "INSERT INTO events (id, uid, source, accepted, urgent, queued, outcome, body)"
        " VALUES (?, 1, '', ?, 0, 0, ?, '{}')",
        (f"e{store.connection.last_insert_rowid()}-{accepted}-{outcome}", accepted, outcome),
    )
    return store.connection.last_insert_rowid()


def message(store: Store, accepted: float, routing: str, *events: int) -> None:
    store.connection.execute(
        "INSERT INTO messages (message_id, reverse_path, smtputf8, accepted, queued, notice,"
        " routing) VALUES ('', '', 0, ?, 0, 0, ?)",
        (accepted, routing),
    )
    row = store.connection.last_insert_rowid()
    for each in events:
        store.connection.execute("INSERT INTO message_events VALUES (?, ?)", (row, each))


def delivery(store: Store, state: str, ended: float | None) -> None:
    store.connection.execute(
        "INSERT INTO deliveries (message, recipient, state, ended, urgent)"
        " VALUES (1, 'a@x', ?, ?, 0)",
        (state, ended),
    )


@pytest.fixture(params=[1, 2, 3, 5000])
def _rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many rows a slice."""
    monkeypatch.setattr(period, "ROWS", request.param)


@pytest.mark.usefixtures("_rows")
async def test_what_came_in_and_ended_since_then_is_counted_whatever_the_slices(
    store: Store,
) -> None:
    for accepted, outcome in ((NOW - 2, None), (NOW - 1, "dropped")):
        event(store, accepted, outcome)
    for outcome in (None, None, "dropped", "silenced", "deleted", None):
        event(store, NOW, outcome)
    delivery(store, "expired", 101.0)  # an old one that has ended now
    delivery(store, "delivered", 99.0)
    delivery(store, "delivered", 100.5)
    delivery(store, "delivered", 102.0)
    delivery(store, "held", None)
    assert await counted(store) == Period(
        {"": 3, "dropped": 1, "silenced": 1, "deleted": 1},
        {"delivered": 2, "expired": 1},
        {},
        {},
    )


@pytest.mark.usefixtures("_rows")
async def test_mails_of_several_are_counted_by_kind_with_their_events(store: Store) -> None:
    one, two, three = (event(store, NOW) for _ in range(3))
    message(store, NOW - 1, '{"kind":"digest"}', one)
    message(store, NOW, '{"kind":"suppressed"}', one, two, three)
    message(store, NOW, '{"kind":"held"}', one, two)
    message(store, NOW, '{"kind":"held"}', three)
    message(store, NOW, '{"route":"x"}', one)
    message(store, NOW, "", two)
    message(store, NOW, "no json", two)
    found = await counted(store)
    assert found.mails == {"suppressed": 1, "held": 2}
    assert found.told == {"suppressed": 3, "held": 3}


async def test_what_is_older_than_the_period_is_not_looked_through(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(period, "ROWS", 2)
    for accepted in (NOW - 9, NOW - 8, NOW - 7, NOW - 6, NOW - 5, NOW):
        event(store, accepted)
    looked: list[int] = []
    real = period.events

    def look(db: Any, since: float, before: int) -> period.Slice:
        looked.append(before)
        return real(db, since, before)

    monkeypatch.setattr(period, "events", look)
    assert (await counted(store)).events == {"": 1}
    assert len(looked) == 2


async def test_a_store_with_nothing_in_it_has_nothing_to_count(store: Store) -> None:
    assert await counted(store) == Period({}, {}, {}, {})
    assert partial(period.events, since=0.0)(store.connection) == ({}, None)
