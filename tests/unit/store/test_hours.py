"""Deliveries by the hour in which their mail was accepted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.store import NOW, Store
from zaiond.store import hours
from zaiond.store.hours import Hours
from zaiond.store.writer import Operation


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.database.closed_cleanly()


async def counted(store: Store, number: int = 3) -> Hours:
    async def submit(operation: Operation[Any], /) -> Any:
        return operation(store.connection)

    return await hours.count(submit, NOW, number)


def mail(store: Store, accepted: float, *states: str) -> None:
    store.connection.execute(
        "INSERT INTO messages (message_id, reverse_path, smtputf8, accepted, queued, notice,"
        " routing) VALUES ('', '', 0, ?, 0, 0, '')",
        (accepted,),
    )
    row = store.connection.last_insert_rowid()
    for state in states:
        store.connection.execute(
            "INSERT INTO deliveries (message, recipient, state, urgent) VALUES (?, 'a@x', ?, 0)",
            (row, state),
        )


@pytest.mark.parametrize("rows", [1, 2, 3, 5000])
async def test_each_hour_has_its_deliveries_by_state_whatever_the_slices(
    store: Store, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(hours, "ROWS", rows)
    mail(store, NOW - 1, "delivered")
    mail(store, NOW, "delivered", "failed")
    mail(store, NOW + 3599, "delivered")
    mail(store, NOW + 7200, "waiting")
    mail(store, NOW + 99 * 3600, "waiting")  # the clock was set back since
    assert await counted(store) == ({0: {"delivered": 2, "failed": 1}, 2: {"waiting": 2}}, 0)


async def test_of_too_many_only_the_hours_are_told_of_which_all_were_looked_at(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hours, "ROWS", 2)
    monkeypatch.setattr(hours, "MOST_ROWS", 4)
    for hour in (0, 0, 1, 1, 2, 2):
        mail(store, NOW + hour * 3600, "delivered")
    assert await counted(store) == ({2: {"delivered": 2}}, 2)


async def test_a_delivery_whose_mail_is_damaged_stops_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hours, "ROWS", 2)
    mail(store, NOW, "delivered")
    mail(store, NOW, "delivered")
    store.connection.execute(
        "INSERT INTO deliveries (message, recipient, state, urgent) VALUES (999, 'a@x', 'held', 0)"
    )
    assert await counted(store) == ({0: {"delivered": 2}}, 0)


async def test_an_empty_queue_has_no_hours(store: Store) -> None:
    assert await counted(store) == ({}, 0)


def test_it_reads_by_the_order_of_the_table_and_sorts_no_more_than_a_slice(store: Store) -> None:
    plan = store.connection.execute(
        "EXPLAIN QUERY PLAN SELECT id, message, state FROM deliveries WHERE id < ?"
        " ORDER BY id DESC LIMIT ?",
        (5, 5),
    ).fetchall()
    assert "USING INTEGER PRIMARY KEY" in str(plan)
