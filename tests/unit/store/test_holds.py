"""What holds keep, and what their ends let go."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.store import NOW, Store, event, mail
from zaiond.holds import Hold, HoldScope
from zaiond.model import Remade
from zaiond.smtp.failure import Failure, Stage
from zaiond.store import events, holds, queue
from zaiond.store import remake as remade

REFUSED = Failure(stage=Stage.RCPT, server="mail:25", cause="timeout")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """One mail to a@x and b@x, of which all is held: a@x, and the mail itself."""
    with Store(tmp_path / "state") as store:
        stored = store.run(lambda db: events.accept(db, [event("1")], 0.0)).events
        store.run(lambda db: queue.route(db, 1, [mail(1, stored, ("a@x", "b@x"))], []))
        rows = [row for (row,) in store.connection.execute("SELECT id FROM deliveries")]
        store.run(lambda db: queue.hold(db, rows))
        put(store, "address", "a@x")
        put(store, "mail", "1")
        yield store


def put(store: Store, scope: HoldScope, subject: str) -> None:
    store.run(lambda db: holds.put(db, Hold(scope, subject, NOW, 0.0, REFUSED)))


def release(store: Store, scope: HoldScope, subject: str) -> None:
    store.run(lambda db: holds.release(db, scope, subject, 7.0))


def states(store: Store) -> dict[str, str]:
    found: list[Any] = store.connection.execute(
        "SELECT recipient, state FROM deliveries ORDER BY id"
    ).fetchall()
    return dict(found)


def subjects(store: Store) -> list[str]:
    return [hold.subject for hold in store.run(holds.find)]


def test_what_two_hold_waits_when_neither_does_any_more(store: Store) -> None:
    release(store, "address", "a@x")
    assert states(store) == {"a@x": "held", "b@x": "held"}
    release(store, "mail", "1")
    assert states(store) == {"a@x": "waiting", "b@x": "waiting"}
    assert store.connection.execute("SELECT queued FROM messages").get == 7.0


def test_a_mail_that_is_released_still_waits_for_the_address(store: Store) -> None:
    release(store, "mail", "1")
    assert states(store) == {"a@x": "held", "b@x": "waiting"}


def test_a_mail_that_is_made_anew_is_held_no_longer(store: Store) -> None:
    (state,) = store.run(lambda db: remade.states(db, [1]))
    made = mail(1, [state.event], ("a@x", "b@x"), first_delivery=10)
    new = Remade(state.event, (made,), frozenset(), frozenset(), (), ())
    assert store.run(lambda db: remade.put(db, [new], 7.0)) == []
    assert subjects(store) == ["a@x"]
    assert states(store) == {"a@x": "waiting", "b@x": "waiting"}


def test_mending_says_whether_there_was_anything_to_mend(store: Store) -> None:
    mend = lambda db: holds.mend(db, NOW, 7.0)  # noqa: E731
    assert store.run(mend) is True  # nothing probed the address
    assert store.run(mend) is False
    store.run(holds.release_all)
    assert store.run(mend) is True
    assert states(store) == {"a@x": "waiting", "b@x": "waiting"}
    assert store.run(mend) is False
