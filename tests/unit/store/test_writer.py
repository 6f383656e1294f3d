"""The writer: group commit, in order, and one operation's failure is its own."""

import asyncio
import threading
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import apsw
import pytest

from tests.support.store import Store, event, rows
from zaiond.errors import DiskFullError, StoreError
from zaiond.store import events
from zaiond.store.damage import Damage
from zaiond.store.writer import Operation, Writer


class Writing(Writer):
    """A writer on a store of its own."""

    def __init__(self, directory: Path) -> None:
        self.store = Store(directory)
        self.fatal: list[Exception] = []
        self.damaged: list[Damage] = []
        self.ballast: list[str] = []
        self._gates: list[threading.Event] = []
        super().__init__(
            self.store.connection,
            asyncio.get_running_loop(),
            self.fatal.append,
            lambda: bool(self.ballast and self.ballast.pop()),
            on_damaged=self.damaged.append,
        )

    def hold(self) -> threading.Event:
        """Nothing is committed until what this returns is set: what is submitted goes together."""
        gate = threading.Event()
        self._gates.append(gate)
        self.submit(lambda db: gate.wait(30))
        return gate

    async def close(self) -> None:
        for gate in self._gates:
            gate.set()
        await super().close()
        self.store.database.closed_cleanly()


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writing]:
    writer = Writing(tmp_path / "state")
    yield writer
    await writer.close()
    assert not writer.fatal


def note(value: int) -> Operation[int]:
    def operation(db: apsw.Connection) -> int:
        db.execute("INSERT INTO meta VALUES (?, ?)", (f"{value:04}", value))
        return value

    return operation


def fail(error: Exception) -> Operation[None]:
    def operation(db: apsw.Connection) -> None:
        db.execute("INSERT INTO meta VALUES ('wrong', 1)")
        raise error

    return operation


async def test_a_result_comes_after_the_commit(writer: Writing) -> None:
    assert await writer.submit(note(1)) == 1
    assert rows(writer.store.directory, "SELECT value FROM meta") == [(1,)]


async def test_operations_run_in_the_order_in_which_they_were_submitted(writer: Writing) -> None:
    ran: list[int] = []
    gate = writer.hold()

    def run(number: int, db: apsw.Connection) -> int:
        ran.append(number)
        return number

    futures = [writer.submit(partial(run, number)) for number in range(100)]
    done: list[int] = []

    def told(future: "asyncio.Future[int]") -> None:
        done.append(future.result())

    for future in futures:
        future.add_done_callback(told)
    gate.set()
    await asyncio.gather(*futures)
    assert ran == list(range(100))
    assert done == list(range(100))


async def test_what_was_submitted_during_a_commit_goes_into_the_next_together(
    writer: Writing,
) -> None:
    commits: list[int] = []

    def committing() -> bool:
        commits.append(1)
        return False

    writer.store.connection.set_commit_hook(committing)
    gate = writer.hold()
    futures = [writer.submit(note(number)) for number in range(100)]
    gate.set()
    assert await asyncio.gather(*futures) == list(range(100))
    assert len(commits) <= 2


async def test_an_operation_that_fails_takes_nothing_with_it(writer: Writing) -> None:
    gate = writer.hold()
    before = writer.submit(note(1))
    wrong = writer.submit(fail(ValueError("mine")))
    after = writer.submit(note(2))
    gate.set()
    with pytest.raises(ValueError, match="mine"):
        await wrong
    assert (await before, await after) == (1, 2)
    found = rows(writer.store.directory, "SELECT name FROM meta ORDER BY name")
    assert found == [("0001",), ("0002",)]


async def test_what_sqlite_refuses_is_a_store_error_in_both_languages(writer: Writing) -> None:
    with pytest.raises(StoreError) as raised:
        await writer.submit(lambda db: db.execute("SELECT * FROM nowhere"))
    assert not isinstance(raised.value, DiskFullError)
    assert "nowhere" in raised.value.text.ja
    assert await writer.submit(note(1)) == 1


async def test_not_even_a_transaction_that_can_not_begin_ends_the_writer(writer: Writing) -> None:
    connection = writer.store.connection
    connection.authorizer = lambda *_: apsw.SQLITE_DENY
    with pytest.raises(StoreError):
        await writer.submit(note(1))
    connection.authorizer = None
    assert await writer.submit(note(2)) == 2


async def test_who_no_longer_waits_does_not_disturb_the_others(writer: Writing) -> None:
    gate = writer.hold()
    gone, stays = writer.submit(note(1)), writer.submit(note(2))
    gone.cancel()
    gate.set()
    assert await stays == 2
    assert len(rows(writer.store.directory, "SELECT value FROM meta")) == 2


async def test_what_was_submitted_before_the_end_is_committed(tmp_path: Path) -> None:
    writer = Writing(tmp_path / "state")
    futures = [writer.submit(note(number)) for number in range(10)]
    await writer.close()
    assert await asyncio.gather(*futures) == list(range(10))
    with Store(tmp_path / "state") as store:
        assert store.connection.execute("SELECT count(*) FROM meta").get == 10


# -- rows that can't be read


async def damage(writer: Writing) -> None:
    """Events 1 to 3, of which 2 can't be read."""
    await writer.submit(lambda db: events.accept(db, [event(str(n)) for n in range(1, 4)], 0.0))
    change = "UPDATE events SET source = CAST(x'ff' AS TEXT) WHERE seq = 2"
    await writer.submit(lambda db: db.execute(change).fetchall())


async def test_an_operation_that_meets_a_row_that_can_not_be_read_is_run_again_without_it(
    writer: Writing,
) -> None:
    await damage(writer)
    gate = writer.hold()
    beside = writer.submit(note(1))
    reading = writer.submit(lambda db: events.unrouted(db, 0, 10))
    again = writer.submit(lambda db: events.unrouted(db, 0, 10))
    gate.set()
    for found in (await reading, await again):
        assert [one.id for one in found] == ["1", "3"]
    assert await beside == 1
    (told,) = writer.damaged
    assert told.rows == {"events": 1}


async def test_what_an_index_says_of_a_damaged_row_is_no_end_either(writer: Writing) -> None:
    await damage(writer)
    writer.store.connection.execute("PRAGMA writable_schema = ON")
    root = writer.store.connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'events_identity'"
    ).get
    empty = writer.store.connection.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'events_ahead'"
    ).get
    # The index of ids is now one without entries: no row can be deleted any more.
    writer.store.connection.execute(
        "UPDATE sqlite_schema SET rootpage = CASE name WHEN 'events_identity' THEN ? ELSE ? END"
        " WHERE name IN ('events_identity', 'events_ahead')",
        (empty, root),
    )
    writer.store.connection.execute("PRAGMA writable_schema = RESET")
    await writer.submit(lambda db: db.execute("DELETE FROM events WHERE seq = 1").fetchall())
    found = await writer.submit(lambda db: events.unrouted(db, 0, 10))
    assert [one.id for one in found] == ["3"]


async def test_a_fault_of_our_own_is_not_looked_for_in_the_rows_each_time(
    writer: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[float] = []

    def set_aside(db: apsw.Connection, now: float) -> None:
        looked.append(now)

    monkeypatch.setattr("zaiond.store.writer.set_aside", set_aside)
    for _ in range(3):
        with pytest.raises(ValueError, match="mine"):
            await writer.submit(fail(ValueError("mine")))
    assert len(looked) == 1
    assert writer.damaged == []


# -- a full disk, which SQLite finds as it finds ENOSPC


def full(writer: Writing) -> None:
    connection = writer.store.connection
    connection.pragma("max_page_count", connection.pragma("page_count"))


def room(writer: Writing) -> None:
    writer.store.connection.pragma("max_page_count", 1 << 30)


def big(id_: str) -> Operation[events.Acceptance]:
    one = event(id_, more=',"message":"' + "x" * 100_000 + '"')
    return lambda db: events.accept(db, [one], 0.0)


async def test_a_full_disk_is_told_as_that_and_is_not_the_end(writer: Writing) -> None:
    full(writer)
    with pytest.raises(DiskFullError):
        await writer.submit(big("1"))
    room(writer)
    await writer.submit(big("2"))
    assert rows(writer.store.directory, "SELECT id FROM events") == [("2",)]


async def test_what_has_room_is_committed_beside_what_has_none(writer: Writing) -> None:
    full(writer)
    gate = writer.hold()
    small, large, other = writer.submit(note(1)), writer.submit(big("1")), writer.submit(note(2))
    gate.set()
    with pytest.raises(DiskFullError):
        await large
    assert (await small, await other) == (1, 2)
    assert rows(writer.store.directory, "SELECT id FROM events") == []


async def test_the_ballast_is_for_what_has_already_happened(writer: Writing) -> None:
    full(writer)
    writer.ballast.append("ballast")
    with pytest.raises(DiskFullError):
        await writer.submit(big("1"))
    assert writer.ballast
    released: list[bool] = []

    def release() -> bool:
        released.append(True)
        room(writer)
        return True

    writer._release_ballast = release
    await writer.submit(big("2"), essential=True)
    assert released == [True]
    assert rows(writer.store.directory, "SELECT id FROM events") == [("2",)]


async def test_without_a_ballast_left_even_that_is_told_that_the_disk_is_full(
    writer: Writing,
) -> None:
    full(writer)
    with pytest.raises(DiskFullError):
        await writer.submit(big("1"), essential=True)
    writer.ballast.append("too small")
    with pytest.raises(DiskFullError):
        await writer.submit(big("1"), essential=True)
