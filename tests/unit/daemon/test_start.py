"""What a start finds on disk, and says of it."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.store import NOW, Clock, Notes, Store, event, mail
from zaiond.daemon import start
from zaiond.errors import StoreError
from zaiond.journal import Kind
from zaiond.model import StoredEvent
from zaiond.store import events, queue
from zaiond.store.writer import Writer


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Writer]:
    opened = Store(tmp_path / "state")
    writer = Writer(opened.connection, asyncio.get_running_loop(), print, lambda: False)
    yield writer
    await writer.close()
    opened.database.closed_cleanly()


async def accept(store: Writer, *ids: str) -> list[StoredEvent]:
    batch = [event(id_) for id_ in ids]
    return (await store.submit(partial(events.accept, batch=batch, queued=0.0))).events


async def test_deliveries_under_way_at_the_last_end_are_counted_at_each_start_and_told_of(
    store: Writer,
) -> None:
    stored = await accept(store, "1")
    one = mail(1, stored, ["a@x", "b@x"])
    await store.submit(lambda db: queue.route(db, routed_through=1, mails=[one], ended=[]))
    for possible in (2, 4):
        await store.submit(lambda db: queue.start(db, one, NOW))
        notes = Notes()
        found = await start.find(store, Clock(), notes)
        assert found.possible_duplicates == possible
        assert found.started == NOW
        assert notes.kinds == [Kind.POSSIBLE_DUPLICATES]
        assert notes.lines[0].startswith("deliveries that were under way at the last end: 2.")
    notes = Notes()
    assert (await start.find(store, Clock(), notes)).possible_duplicates == 4
    assert notes.lines == []


async def test_what_waits_is_found_with_whose_it_is(store: Writer) -> None:
    await accept(store, "1", "2")
    found = await start.find(store, Clock(), Notes())
    ((uid, (events, size)),) = found.usage.items()
    assert events == 2
    assert [(one.uid, one.events, one.bytes) for one in found.waiting] == [(uid, 2, size)]
    assert uid == 1000
    assert found.holds == []
    assert found.incident is None


def test_a_state_directory_that_can_not_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    state = str(tmp_path / "file" / "state")
    with pytest.raises(StoreError, match=f"the state directory {state} can't be made"):
        start.open_database(state, Notes())
