"""How many deliveries have not ended, counted slice by slice of an index."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import apsw
import pytest

from tests.support.store import Store
from zaiond.store import counts
from zaiond.store.counts import Key


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as store:
        yield store


# Of two users: what waits, what is deferred until some time or behind another, held, and ended.
DELIVERIES = [
    (user, message, state, next_attempt, ended)
    for user in (0, 1000)
    for message, (state, next_attempt, ended) in enumerate(
        [
            ("waiting", None, None),
            ("deferred", None, None),
            ("deferred", None, None),
            ("deferred", 5.0, None),
            ("deferred", 5.0, None),
            ("deferred", 7.0, None),
            ("held", None, None),
            ("held", 7.0, None),
            ("delivered", None, 1.0),
            ("expired", None, 1.0),
        ]
    )
]


def filled(db: apsw.Connection) -> None:
    db.executemany(
        "INSERT INTO deliveries (user, message, recipient, state, next_attempt, ended, urgent)"
        " VALUES (?, ?, 'a@example.jp', ?, ?, ?, 0)",
        DELIVERIES,
    )


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("skip", "number"),
    [(counts.skip_open, 16), (counts.skip_held, 4), (counts.skip_not_waiting, 14)],
)
def test_each_open_delivery_is_counted_once_however_small_the_slices_are(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
    skip: Callable[..., tuple[int, Key | None]],
    number: int,
) -> None:
    store.run(filled)
    monkeypatch.setattr(counts, "INDEX_ROWS", rows)
    found, after = store.run(skip)
    while after is not None:
        more, after = store.run(partial(skip, after=after))
        assert more <= rows
        found += more
    assert found == number


@pytest.mark.parametrize(
    ("skip", "index"),
    [
        (counts.skip_open, "deliveries_open"),
        (counts.skip_held, "deliveries_held"),
        (counts.skip_not_waiting, "deliveries_due"),
    ],
)
@pytest.mark.parametrize("after", [None, (1000, None, 12), (1000, 5.0, 14)])
def test_a_slice_reads_nothing_but_its_index(
    store: Store,
    skip: Callable[..., tuple[int, Key | None]],
    index: str,
    after: Key | None,
) -> None:
    store.run(filled)
    asked: list[str] = []

    def note(_: object, query: str, __: object) -> bool:
        asked.append(query)
        return True

    store.connection.exec_trace = note
    store.run(lambda db: skip(db) if after is None else skip(db, after))
    store.connection.exec_trace = None
    plans = [
        row[3]
        for query in asked
        if query.startswith("SELECT")
        for row in store.connection.execute(f"EXPLAIN QUERY PLAN {query}", (0,) * query.count("?"))
        if "deliveries" in row[3]
    ]
    assert plans
    assert [plan for plan in plans if index not in plan] == []
