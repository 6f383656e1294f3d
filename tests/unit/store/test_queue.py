"""Messages and deliveries on disk, from route to their end."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest
from msgspec import structs

from tests.support.store import NOW, Store, due_messages, event, mail, recount
from tests.support.store import waiting as all_waiting
from zaiond.model import AttemptResult, QueuedMail, StoredEvent
from zaiond.store import events, pending, queue
from zaiond.store.queue import Ended
from zaiond.text import Text

HOUR = 3600.0

WHY = Text("理由", "why")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state") as store:
        yield store


def accepted(store: Store, *ids: str, at: float = NOW) -> list[StoredEvent]:
    batch = [event(id_, at=at) for id_ in ids]
    return store.run(lambda db: events.accept(db, batch, 0.0)).events


def routed(store: Store, *mails: QueuedMail, through: int | None = None) -> None:
    last = through or max(e.seq for one in mails for e in one.events)
    store.run(lambda db: queue.route(db, last, list(mails), []))


def attempted(one: QueuedMail, *states: str, at: float = NOW) -> list[AttemptResult]:
    """An attempt of each delivery, by what became of it."""
    return [
        AttemptResult(
            delivery,
            state,  # type: ignore[arg-type]
            state if state != "waiting" else "deferred",  # type: ignore[arg-type]
            "mailhost:25",
            f"250 {state}",
            at,
            at + 1,
            at + 60 if state in ("deferred", "held") else None,
        )
        for delivery, state in zip(one.deliveries, states, strict=True)
    ]


def finish(store: Store, one: QueuedMail, *states: str, at: float = NOW) -> list[str]:
    ended, _ = store.run(lambda db: queue.finish(db, one, attempted(one, *states, at=at), at))
    assert store.run(events.usage) == recount(store.connection)
    return [e.id for e in ended]


def load(store: Store, *rows: int, at: float | None = None) -> list[QueuedMail]:
    due = None if at is None else pending.Due(at, HOUR)
    return store.run(lambda db: pending.load(db, list(rows), due))


def due(store: Store, at: float, limit: int = 10) -> list[int]:
    return store.run(lambda db: due_messages(db, pending.Due(at, HOUR), limit))


def waiting(store: Store) -> list[int]:
    return store.run(all_waiting)


def get(store: Store, query: str) -> Any:
    return store.connection.execute(query).get


def test_what_was_routed_is_loaded_as_it_was(store: Store) -> None:
    one, two = accepted(store, "1", "2")
    first = mail(1, [one], ["a@x", "日本@x"], content=bytes(range(256)))
    second = mail(2, [two], notice=True)
    second.message = structs.replace(second.message, smtputf8=True)
    routed(store, first, second)
    assert waiting(store) == [1, 2]
    assert load(store, 2, 1, 99) == [second, first]


def test_waiting_is_read_in_parts_and_in_order(store: Store) -> None:
    routed(store, *(mail(e.seq, [e]) for e in accepted(store, *map(str, range(5)))))
    first = store.run(lambda db: pending.waiting(db, {}, None, 2, lambda _: 2))
    assert first == ([(1, 0), (2, 0)], {0})
    rest = store.run(lambda db: pending.waiting(db, {0: 2}, {0}, 10, lambda _: 10))
    assert rest == ([(3, 0), (4, 0), (5, 0)], set())


def test_a_dropped_event_has_ended_with_its_reason(store: Store) -> None:
    stored = accepted(store, "1", "2")
    dropped = [Ended(stored[0], WHY)]
    store.run(lambda db: queue.route(db, 2, [mail(1, [stored[1]])], dropped))
    assert get(store, "SELECT outcome FROM events WHERE id = '1'") == "dropped"
    assert events.decode_text(get(store, "SELECT reason FROM events WHERE id = '1'")) == WHY
    assert store.run(events.usage) == recount(store.connection)
    assert store.run(events.waiting_lines) == []


def test_the_event_ends_and_its_content_goes_with_the_last_delivery(store: Store) -> None:
    (e,) = accepted(store, "1")
    one = mail(1, [e], ["a@x", "b@x", "c@x"])
    routed(store, one)
    assert finish(store, one, "delivered", "deferred", "failed") == []
    assert get(store, "SELECT count(*) FROM contents") == 1
    (again,) = load(store, 1)
    assert [d.recipient for d in again.deliveries] == ["b@x"]
    assert again.message.recipients == ("b@x",)
    assert again.deliveries[0].attempts == 1
    assert finish(store, again, "delivered") == ["1"]
    assert get(store, "SELECT count(*) FROM contents") == 0
    assert store.run(events.usage) == {}
    assert load(store, 1) == []


def test_a_part_of_a_mail_that_ends_does_not_end_the_rest(store: Store) -> None:
    (e,) = accepted(store, "1")
    one = mail(1, [e], ["a@x", "b@x"])
    routed(store, one)
    finish(store, one, "deferred", "deferred")
    store.connection.execute("UPDATE deliveries SET next_attempt = ? WHERE id = 11", (NOW + 600,))
    (part,) = load(store, 1, at=NOW + 60)
    assert ([d.recipient for d in part.deliveries], part.whole) == (["a@x"], False)
    assert finish(store, part, "delivered") == []
    (rest,) = load(store, 1, at=NOW + 600)
    assert rest.whole
    assert finish(store, rest, "delivered") == ["1"]


def test_an_event_in_two_mails_ends_with_the_second(store: Store) -> None:
    (e,) = accepted(store, "1")
    one, two = mail(1, [e]), mail(2, [e])
    routed(store, one, two)
    assert finish(store, one, "delivered") == []
    assert finish(store, two, "failed") == ["1"]
    assert store.run(events.usage) == {}


def test_a_mail_of_two_events_ends_both(store: Store) -> None:
    one = mail(1, accepted(store, "1", "2"))
    routed(store, one)
    assert finish(store, one, "delivered") == ["1", "2"]


def test_what_is_deferred_is_due_in_its_time_the_longest_due_first(store: Store) -> None:
    mails = [mail(e.seq, [e]) for e in accepted(store, "1", "2", "3")]
    routed(store, *mails)
    assert store.run(pending.next_due) is None
    for one, at in zip(mails, (NOW + 2, NOW, NOW + 1), strict=True):
        finish(store, one, "deferred", at=at)
    assert waiting(store) == []
    assert store.run(pending.next_due) == NOW + 60
    assert due(store, NOW + 59) == []
    assert due(store, NOW + 61) == [2, 3]
    assert due(store, NOW + 99) == [2, 3, 1]
    assert due(store, NOW + 99, limit=1) == [2]
    assert load(store, 2, at=NOW + 59) == []


def test_what_a_clock_that_was_set_back_has_left_behind_is_due(store: Store) -> None:
    (e,) = accepted(store, "1")
    routed(store, mail(1, [e]))
    finish(store, mail(1, [e]), "deferred", at=NOW)
    assert due(store, NOW + 60 - HOUR) == []
    assert load(store, 1, at=NOW + 60 - HOUR) == []
    assert due(store, NOW + 59 - HOUR) == [1]
    (one,) = load(store, 1, at=NOW + 59 - HOUR)
    assert one.row == 1


def test_every_attempt_is_kept(store: Store) -> None:
    (e,) = accepted(store, "1")
    routed(store, mail(1, [e]))
    for number in range(3):
        (one,) = load(store, 1)
        finish(store, one, "deferred" if number < 2 else "failed", at=NOW + number)
    found = store.connection.execute("SELECT number, started, outcome FROM attempts").fetchall()
    assert found == [(1, NOW, "deferred"), (2, NOW + 1, "deferred"), (3, NOW + 2, "failed")]


def test_what_a_crash_left_started_is_tried_again_and_the_attempt_is_recorded(
    store: Store,
) -> None:
    mails = [mail(e.seq, [e]) for e in accepted(store, "1", "2", "3")]
    routed(store, *mails)
    store.run(lambda db: queue.start(db, mails[0], NOW + 5))
    store.run(lambda db: queue.start(db, mails[1], NOW + 5))
    finish(store, mails[1], "delivered")
    recovered = store.run(lambda db: queue.recover(db, NOW + 9))
    assert recovered == queue.Recovered(
        routed_through=3, next_message=4, next_delivery=31, started=1
    )
    assert waiting(store) == [1, 3]
    assert load(store, 1)[0].deliveries[0].attempts == 1
    assert store.connection.execute(
        "SELECT delivery, started, ended, outcome FROM attempts WHERE outcome = 'unknown'"
    ).fetchall() == [(10, NOW + 5, NOW + 9, "unknown")]
    assert store.run(lambda db: queue.recover(db, NOW + 9)).started == 0


def test_an_empty_queue_has_nothing_to_recover(store: Store) -> None:
    assert store.run(lambda db: queue.recover(db, NOW)) == queue.Recovered(0, 1, 1, 0)


def test_what_is_put_back_was_never_started_nor_tried(store: Store) -> None:
    (e,) = accepted(store, "1")
    one = mail(1, [e])
    routed(store, one)
    store.run(lambda db: queue.start(db, one, NOW))
    store.run(lambda db: queue.put_back(db, [one]))
    assert store.run(lambda db: queue.recover(db, NOW)).started == 0
    assert load(store, 1) == [one]


def test_all_that_is_started_is_put_back_but_what_may_have_arrived(store: Store) -> None:
    mails = [mail(e.seq, [e]) for e in accepted(store, "1", "2", "3")]
    routed(store, *mails)
    for one in mails:
        store.run(partial(queue.start, mail=one, now=NOW))
    store.run(lambda db: queue.put_all_back(db, [2]))
    started = "SELECT message FROM deliveries WHERE started IS NOT NULL"
    assert store.connection.execute(started).fetchall() == [(2,)]
    store.run(lambda db: queue.put_all_back(db, []))
    assert store.run(lambda db: queue.recover(db, NOW)).started == 0


@pytest.mark.parametrize("state", ["expired", "deleted"])
def test_ending_a_mail_by_hand_or_age_is_in_its_history(store: Store, state: Any) -> None:
    (e,) = accepted(store, "1")
    one = mail(1, [e], ["a@x", "b@x"])
    routed(store, one)
    finish(store, one, "delivered", "held")
    mails = load(store, 1)
    ended = store.run(lambda db: queue.end(db, mails, state, NOW, 9.0, "server:25", "why"))
    assert [e.id for e in ended] == ["1"]
    found = store.connection.execute("SELECT recipient, state, ended FROM deliveries").fetchall()
    assert found == [("a@x", "delivered", NOW), ("b@x", state, 9.0)]
    assert get(store, "SELECT outcome || reply FROM attempts WHERE number = 2") == state + "why"
    assert store.run(events.usage) == recount(store.connection) == {}
    assert get(store, "SELECT count(*) FROM contents") == 0


def test_open_messages_are_found_by_event(store: Store) -> None:
    mails = [mail(e.seq, [e]) for e in accepted(store, "1", "2", "3")]
    routed(store, *mails)
    finish(store, mails[0], "delivered")
    finish(store, mails[1], "deferred")
    assert store.run(lambda db: pending.open_messages(db, [3, 1, 2, 3])) == [2, 3]
    assert store.run(lambda db: pending.open_messages(db, [3, 1])) == [3]
    assert store.run(lambda db: pending.open_messages(db, [])) == []


def test_what_a_crash_cut_off_is_no_end_that_stayed_unknown(store: Store) -> None:
    (stored,) = accepted(store, "1")
    one = mail(1, [stored])
    routed(store, one)
    store.run(lambda db: queue.start(db, one, NOW))
    store.run(lambda db: queue.recover(db, NOW))
    assert load(store, 1)[0].deliveries[0][2:4] == (1, 0)
    (again,) = load(store, 1)
    (unknown,) = attempted(again, "deferred")
    answered = unknown._replace(outcome="unknown")
    store.run(lambda db: queue.finish(db, again, [answered], NOW))
    assert load(store, 1)[0].deliveries[0][2:4] == (2, 1)


def test_of_a_delivery_that_is_tried_for_ever_a_bounded_number_of_attempts_is_kept(
    store: Store,
) -> None:
    (stored,) = store.run(lambda db: events.accept(db, [event("a")], 0.0)).events
    one = mail(1, [stored])
    store.run(lambda db: queue.route(db, 1, [one], []))
    for number in range(150):
        tried = one.deliveries[0]._replace(attempts=number)
        outcome: Any = "unknown" if number == 30 else "deferred"
        done = [AttemptResult(tried, "deferred", outcome, "s:25", "450", NOW, NOW, NOW)]
        store.run(lambda db, done=done: queue.finish(db, one, done, 0.0))  # type: ignore[misc]
    kept = store.connection.execute("SELECT number FROM attempts ORDER BY number").fetchall()
    assert [number for (number,) in kept] == [*range(1, 21), 31, *range(51, 151)]


def test_what_is_due_comes_in_turns_over_the_users_and_no_more_than_asked_for(store: Store) -> None:
    mails = [mail(e.seq, [e]) for e in accepted(store, *map(str, range(12)))]
    for one in mails[9:]:
        one.user = 7
    routed(store, *mails)
    store.connection.execute("UPDATE deliveries SET state = 'deferred', next_attempt = id")
    assert due(store, NOW, 4) == [1, 10, 2, 11]
    store.connection.execute("UPDATE deliveries SET state = 'waiting', next_attempt = NULL")
    found = store.run(lambda db: pending.waiting(db, {}, None, 4, lambda user: 1 if user else 9))
    assert found == ([(1, 0), (10, 7), (2, 0)], {0, 7})


def steps(store: Store, operation: Callable[[apsw.Connection], Any]) -> int:
    """How many hundreds of steps of SQLite's machine it takes."""
    count = 0

    def step() -> bool:
        nonlocal count
        count += 1
        return False

    store.connection.set_progress_handler(step, 100)
    store.run(operation)
    store.connection.set_progress_handler(None)
    return count


def urgent_due(db: apsw.Connection) -> list[int]:
    return pending.urgent_messages(db, pending.Due(NOW, 2 * HOUR), 5, lambda _: 5)


def test_urgent_mails_that_are_not_due_cost_nothing_to_those_that_are(store: Store) -> None:
    there = accepted(store, *map(str, range(6000)))
    mails = [structs.replace(mail(n, [one]), urgent=n > 3000) for n, one in enumerate(there, 1)]
    routed(store, *mails)
    assert store.run(urgent_due) == [3001, 3002, 3003, 3004, 3005]

    def defer(db: apsw.Connection) -> None:
        db.execute("UPDATE deliveries SET state = 'deferred', next_attempt = ? + message", (NOW,))
        times = {3001: NOW, 3002: NOW + 3 * HOUR, 4500: NOW - 1, 5900: None, 6000: NOW - 2}
        for message, at in times.items():
            state = "waiting" if at is None else "held" if message == 4500 else "deferred"
            db.execute(
                "UPDATE deliveries SET state = ?, next_attempt = ? WHERE message = ?",
                (state, at, message),
            )

    store.run(defer)
    assert store.run(urgent_due) == [3001, 3002, 4500, 5900, 6000]
    assert steps(store, urgent_due) <= 10


def test_the_last_mail_of_a_recipient_is_looked_for_in_slices(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "SLICE", 4)
    for row, one in enumerate(accepted(store, *map(str, range(6))), 1):
        made = mail(row, [one], ["a@x" if row == 2 else "b@x"])
        routed(store, made)
        finish(store, made, "delivered")

    def last(recipient: str) -> list[tuple[int, int]]:
        found, before = [(0, 1 << 62)], 1 << 62
        while before and not found[-1][0]:
            found.append(store.run(lambda db, b=before: pending.last_delivered(db, recipient, b)))  # type: ignore[misc]
            before = found[-1][1]
        return found[1:]

    assert last("b@x") == [(60, 30)]
    assert last("a@x") == [(0, 30), (20, 10)]
    assert last("c@x") == [(0, 30), (0, 10), (0, 0)]
