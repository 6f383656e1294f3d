"""What is read for people is read in slices: none of them grows with the queue or the history."""

import json
import tracemalloc
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.support.queries import at_once, histories, immediately, queued
from tests.support.store import NOW, Store, event
from zaiond.daemon.documents import Present
from zaiond.delivery.outbound import count
from zaiond.holds import Hold, Holds
from zaiond.smtp.failure import Failure, Stage
from zaiond.store import counts, events, history, meta
from zaiond.store.meta import Acknowledgement
from zaiond.store.queries import Found, Lost, Queries, Wanted
from zaiond.store.writer import Operation, Submit
from zaiond.wire import MAX_EVENT_BYTES

T = TypeVar("T")
REFUSED = Failure(stage=Stage.AUTH, server="mailhost:587", cause="unprotected")
QUEUE_HELD = Holds([Hold("queue", "", NOW, 0.0, REFUSED)])
STATES = ("waiting", "deferred", "held", "delivered", "failed", "expired")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as store:
        yield store


def fill(store: Store, number: int, body: bytes = b'{"type":"a.b","subject":"x"}') -> None:
    """So many events, routed, of two deliveries with three attempts each; and as many unrouted."""
    every = range(1, number + 1)
    ended = {"delivered", "failed", "expired"}
    states = {n: STATES[n % len(STATES)] for n in every}

    def put(db: Any) -> None:
        db.executemany(
            "INSERT INTO events (seq, id, uid, source, accepted, body, urgent, queued)"
            " VALUES (?, ?, 1000, '', ?, ?, 0, ?)",
            [(n, f"id{n}", NOW + n, body, float(n)) for n in range(1, 2 * number + 1)],
        )
        db.executemany(
            "INSERT INTO messages VALUES (?, ?, 'z', 0, ?, ?, 0, NULL, '')",
            [(n, f"<{n}@x>", NOW + n, float(n)) for n in every],
        )
        db.executemany("INSERT INTO message_events VALUES (?, ?)", [(n, n) for n in every])
        db.executemany(
            "INSERT INTO deliveries (id, message, recipient, state, attempts, ended, urgent, user)"
            " VALUES (?, ?, ?, ?, 3, ?, 0, ?)",
            [
                (
                    2 * n + of,
                    n,
                    f"{of}@x",
                    states[n],
                    float(n) if states[n] in ended else None,
                    n % 3 - 1,
                )
                for n in every
                for of in (0, 1)
            ],
        )
        open_ = [(n, b"") for n in every if states[n] not in ended]
        db.executemany("INSERT INTO contents VALUES (?, ?)", open_)
        db.executemany(
            "INSERT INTO attempts VALUES (?, ?, ?, ?, 'deferred', 'mailhost:25', '450 later')",
            [
                (
                    2 * n + of,
                    k,
                    NOW,
                    NOW,
                )
                for n in every
                for of in (0, 1)
                for k in (1, 2, 3)
            ],
        )
        db.execute("INSERT INTO meta VALUES ('routed_through', ?)", (number,))

    store.run(put)


class Counting:
    """Counts what each operation does: rows given, and steps of SQLite's machine."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.operations = 0
        self.most_rows = 0
        self.most_steps = 0
        self.most_bytes = 0

    async def submit(self, operation: Operation[T]) -> T:
        steps = 0

        def step() -> bool:
            nonlocal steps
            steps += 1
            return False

        self._store.connection.set_progress_handler(step, 100)
        result = self._store.run(operation)
        self._store.connection.set_progress_handler(None)
        self.operations += 1
        self.most_steps = max(self.most_steps, steps)
        if isinstance(result, list):
            self.most_rows = max(self.most_rows, len(result))
            bodies = [part.body for row in result for part in (row, *row[:2])
                      if isinstance(part, history.EventRow)]  # fmt: skip
            self.most_bytes = max(self.most_bytes, sum(map(len, bodies)))
        return result


def asked(submit: Submit, number: int) -> dict[str, Callable[[], Coroutine[Any, Any, Any]]]:
    held = Present("en", holds=QUEUE_HELD)
    queries = Queries(submit, lambda: number)

    async def exhausted(**wanted: Any) -> int:
        return len(await histories(submit, **wanted))

    return {
        "history": lambda: exhausted(),
        "history of a type": lambda: exhausted(type="b.*"),
        "history of a source": lambda: exhausted(source="nobody"),
        "history since": lambda: exhausted(since=NOW + number * 3),
        "history of what failed": lambda: exhausted(failed=True),
        "the same with all held": lambda: exhausted(failed=True, limit=10, present=held),
        "queue list": lambda: queued(submit),
        "open": lambda: count(submit, counts.skip_open),
        "held": lambda: count(submit, counts.skip_held),
        "lost": lambda: queries.lost(-1.0, -1.0),
        "oldest": queries.oldest,
    }


def test_no_operation_grows_with_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ROWS", "SMALL_ROWS"):  # several slices of each, and quickly
        monkeypatch.setattr(history, name, 50)
    monkeypatch.setattr(counts, "INDEX_ROWS", 50)
    found: dict[int, dict[str, Counting]] = {}
    for number in (600, 1200):
        with Store(tmp_path / str(number)) as store:
            fill(store, number)
            found[number] = {}
            for name in asked(immediately(store), number):
                counting = found[number][name] = Counting(store)
                at_once(asked(counting.submit, number)[name]())
    for name, few in found[600].items():
        many = found[1200][name]
        assert many.most_steps <= few.most_steps * 1.1 + 2, name
        assert many.most_rows <= 50, name


def test_events_of_the_largest_kind_are_read_a_few_at_a_time(store: Store) -> None:
    body = json.dumps({"type": "a.b", "message": "x" * (MAX_EVENT_BYTES - 100)}).encode()
    fill(store, 20, body)
    for name in asked(immediately(store), 20):
        counting = Counting(store)
        at_once(asked(counting.submit, 20)[name]())
        assert counting.most_bytes < history.BYTES + MAX_EVENT_BYTES, name


def test_of_the_largest_events_little_is_in_memory_whatever_is_asked(store: Store) -> None:
    body = json.dumps({"type": "a.b", "message": "x" * (MAX_EVENT_BYTES - 100)}).encode()
    fill(store, 50, body)
    whole = 100 * MAX_EVENT_BYTES
    for name in asked(immediately(store), 50):
        tracemalloc.start()
        at_once(asked(immediately(store), 50)[name]())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < whole / 10, name


def test_of_a_delivery_that_was_tried_often_a_list_has_the_last_attempts(store: Store) -> None:
    fill(store, 1)
    store.run(
        lambda db: (
            db.executemany(
                "INSERT INTO attempts VALUES (2, ?, ?, ?, 'deferred', 's:25', ?)",
                [(n, NOW, NOW, f"450 {n}") for n in range(4, 401)],
            )
            and None
        )
    )
    (told, _) = at_once(histories(immediately(store)))
    (often, once) = told["deliveries"]
    assert [one["number"] for one in often["attempts"]] == list(range(391, 401))
    assert [one["number"] for one in once["attempts"]] == [1, 2, 3]
    (told,) = at_once(histories(immediately(store), id="id1"))
    assert len(told["deliveries"][0]["attempts"]) == 400


def test_an_id_that_many_events_have_is_not_read_without_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "SAME_ID", 5)
    batch = [event("same", source=f"s{n}") for n in range(20)]
    store.run(lambda db: events.accept(db, batch, 0.0) and None)
    assert len(at_once(Queries(immediately(store), lambda: 0).seqs_of(["same"]))) == 5


def test_what_is_counted_is_what_is_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, 60)
    for rows in (1, 7, 20, 40, 60, 61, 1000):  # the ends of slices, too
        monkeypatch.setattr(counts, "INDEX_ROWS", rows)
        monkeypatch.setattr(history, "SMALL_ROWS", rows)
        queries = Queries(immediately(store), lambda: 60)
        assert at_once(count(immediately(store), counts.skip_open)) == 60
        assert at_once(count(immediately(store), counts.skip_held)) == 20
        lost = at_once(queries.lost(-1.0, -1.0))
        assert lost == {state: Lost(20, 20, ("0@x", "1@x")) for state in ("failed", "expired")}


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 1000])
def test_slices_of_any_size_make_the_same_documents(
    store: Store, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    fill(store, 24)
    submit = immediately(store)
    whole = [at_once(histories(submit)), at_once(histories(submit, failed=True))]
    list_ = at_once(queued(submit))
    for name in ("ROWS", "SMALL_ROWS", "BYTES"):
        monkeypatch.setattr(history, name, rows)
    assert [at_once(histories(submit)), at_once(histories(submit, failed=True))] == whole
    assert at_once(queued(submit)) == list_
    assert [len(part) for part in whole] == [48, 12]
    assert len(list_) == 24 + 24


async def parts(submit: Submit, **wanted: Any) -> list[list[int]]:
    """What is found part by part, to the beginning."""
    queries, told, before = Queries(submit, lambda: 24), list[list[int]](), 2**62
    while True:
        asked = queries.find(Wanted(before=before, **wanted), all_held=False)
        found = [Found([]), *[one async for one in asked]][-1]
        told.append(found.seqs)
        if found.older is None:
            return told
        assert found.older < before
        before = found.older


@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize("limit", [1, 4, 5, 100])
def test_part_by_part_everything_is_found_once(store: Store, failed: bool, limit: int) -> None:
    fill(store, 24)
    submit = immediately(store)
    found = at_once(parts(submit, failed=failed, limit=limit))
    assert all(len(part) <= limit for part in found)
    (whole,) = at_once(parts(submit, failed=failed, limit=1000))
    assert [seq for part in found[::-1] for seq in part] == whole
    assert len(whole) == (12 if failed else 48)


def test_a_part_looks_at_so_many_events_whatever_matches(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "SMALL_ROWS", 10)
    fill(store, 24)
    counting = Counting(store)
    found = at_once(parts(counting.submit, type="no.*", look_at=20, limit=5))
    assert found == [[], [], []]  # 20, 20 and 8 of 48
    assert at_once(parts(counting.submit, type="no.*", limit=5)) == [[]]


def test_lost_mail_is_what_ended_lately_and_what_nobody_knows_of(store: Store) -> None:
    fill(store, 60)
    queries = Queries(immediately(store), lambda: 60)
    # Of the states, 4 and 5 modulo 6 are failed and expired; `ended` is the event's number.
    lost = at_once(queries.lost(30.0, 45.0))
    assert (lost["failed"].total, lost["failed"].unknown) == (2 * 5, 2 * 3)
    assert (lost["expired"].total, lost["expired"].unknown) == (2 * 5, 2 * 3)


def test_of_many_recipients_only_a_few_are_named(store: Store) -> None:
    fill(store, 60)
    store.run(lambda db: db.execute("UPDATE deliveries SET recipient = id || '@x'") and None)
    lost = at_once(Queries(immediately(store), lambda: 60).lost(-1.0, -1.0))
    assert lost["failed"].total == 20
    assert len(lost["failed"].recipients) == 5


def test_the_oldest_is_a_mail_or_else_an_event_that_is_none_yet(store: Store) -> None:
    queries = Queries(immediately(store), lambda: 6)
    assert at_once(queries.oldest()) is None
    fill(store, 6)
    assert at_once(queries.oldest()) == (NOW + 1, 1.0)
    store.run(lambda db: db.execute("DELETE FROM contents") and None)
    assert at_once(queries.oldest()) == (NOW + 7, 7.0)
    store.run(lambda db: db.execute("UPDATE events SET outcome = 'deleted' WHERE seq = 7") and None)
    store.run(lambda db: db.execute("INSERT INTO routed_early VALUES (8)") and None)
    assert at_once(queries.oldest()) == (NOW + 9, 9.0)


def test_acknowledgements_are_kept_in_order_and_the_first_that_counts_is_told(
    store: Store,
) -> None:
    assert store.run(meta.acknowledgements) == ()
    for number in range(meta.MOST_ACKNOWLEDGED + 5):
        new = Acknowledgement(float(number), number, f"u{number}", NOW)
        store.run(lambda db, new=new: meta.acknowledge(db, new))  # type: ignore[misc]
    kept = store.run(meta.acknowledgements)
    assert [one.uid for one in kept] == list(range(5, meta.MOST_ACKNOWLEDGED + 5))
    told = meta.acknowledgement_of(kept, 50.5)
    assert told is not None
    assert told.user == "u51"
    assert meta.acknowledgement_of(kept, 1e9) is None
    before = meta.acknowledgement_of(kept, 0.0)
    assert before is not None
    assert before.user == "u5"
