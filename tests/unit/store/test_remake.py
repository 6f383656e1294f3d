"""What is put on disk in the place of mails that are made anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from tests.support.store import Store, event, mail
from zaiond.model import EventRecord, Remade
from zaiond.store import events, queue
from zaiond.store import remake as remade
from zaiond.text import Text

REMARK = Text("注", "remark")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """One mail to a@x and b@x."""
    with Store(tmp_path / "state") as store:
        stored = store.run(lambda db: events.accept(db, [event("1")], 0.0)).events
        store.run(lambda db: queue.route(db, 1, [mail(1, stored, ("a@x", "b@x"))], []))
        yield store


def state_of(store: Store) -> EventRecord:
    (state,) = store.run(lambda db: remade.states(db, [1]))
    return state


def get(store: Store, query: str) -> Any:
    return store.connection.execute(query).get


def test_of_a_mail_of_which_nothing_is_left_no_content_stays(store: Store) -> None:
    state = state_of(store)
    rows = tuple(delivery.row for delivery in state.deliveries)
    new = Remade(state.event, (), frozenset(), frozenset(), rows, (1,))
    assert store.run(lambda db: remade.put(db, [new], 7.0)) == [state.event]
    assert get(store, "SELECT count(*) FROM contents") == 0
    assert get(store, "SELECT count(*) FROM deliveries WHERE state = 'replaced' AND ended = 7") == 2


def test_how_a_mail_was_made_this_time_is_kept_with_its_event(store: Store) -> None:
    state = state_of(store)
    made = mail(1, [state.event], ("a@x", "b@x"))
    for remark, shown in ((REMARK, 1), (None, 0)):
        new_mail = structs.replace(made, message=structs.replace(made.message, remark=remark))
        new = Remade(state.event, (new_mail,), frozenset(), frozenset(), (), ())
        store.run(lambda db, new=new: remade.put(db, [new], 7.0))  # type: ignore[misc]
        found = get(store, "SELECT count(*) FROM events WHERE reason LIKE '%remark%'")
        assert found == shown
