"""A queue whose files are not all there, or are no longer those that are open."""

import asyncio
import os
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import apsw
import pytest

from tests.support.store import Store, event, image
from zaiond.errors import StoreError
from zaiond.store import database, events, recovery, words
from zaiond.store.writer import Writer
from zaiond.text import Text

MANY = 300


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def accept(store: Store, *ids: str) -> None:
    store.run(lambda db: events.accept(db, [event(one) for one in ids], 0.0))


def ids_in(store: Store) -> list[str]:
    return [str(one) for (one,) in store.connection.execute("SELECT id FROM events ORDER BY seq")]


def why(store: Store) -> Text | None:
    """Why it was recovered, at this start."""
    if not store.database.is_recovered:
        return None
    assert store.database.salvage is not None
    return store.database.salvage.why


def killed(state: Path, *ids: str) -> Path:
    """What a kill -9 leaves of a queue with these events; all of them are in the WAL."""
    Store(state).close()
    with Store(state) as store:
        accept(store, *ids)
        return image(state)


# -- nothing is wrong


def test_a_first_start_is_told_of_nothing(state: Path) -> None:
    with Store(state) as store:
        assert why(store) is None
        assert store.database.salvage is None


@pytest.mark.parametrize("left", [(), ("lock",), ("queue.db",), ("lock", "queue.db")])
def test_nor_is_one_after_a_first_start_that_was_killed_half_way(
    state: Path, left: tuple[str, ...]
) -> None:
    state.mkdir()
    for name in left:
        (state / name).touch()
    with Store(state) as store:
        assert why(store) is None


def test_nor_is_one_after_an_end_of_any_kind(state: Path) -> None:
    store = Store(state)
    at_the_start = image(state)
    accept(store, "1")
    store.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    after_a_checkpoint = image(state)
    store.connection.close()
    closed = image(state)
    store.database.closed_cleanly()
    for left in (at_the_start, after_a_checkpoint, closed, state):
        with Store(left) as store:
            assert why(store) is None


# -- files are gone


def remove(state: Path, *names: str) -> None:
    for name in names:
        (state / name).unlink(missing_ok=True)


@pytest.mark.parametrize(
    "left", ["lock", "running", "ballast", "last-good.json", recovery.WAL, "all of it"]
)
def test_a_queue_that_is_gone_is_told_of_whatever_says_that_there_was_one(
    state: Path, left: str
) -> None:
    copy = killed(state, "1")
    (copy / "last-good.json").write_text("{}")
    for path in copy.iterdir():
        if path.name == "queue.db" or left not in (path.name, "all of it"):
            path.unlink()
    with Store(copy) as store:
        assert why(store) == words.GONE
        salvage = store.database.salvage
        assert salvage is not None
        assert salvage.events == (1 if left in (recovery.WAL, "all of it") else 0)
        accept(store, "2")
    with Store(copy) as store:
        assert why(store) is None
        assert store.database.salvage == salvage, "it is told of in the status"
        assert "2" in ids_in(store)
    assert not (copy / "salvaging").exists()


def test_it_is_told_of_after_a_clean_end_too(state: Path) -> None:
    Store(state).close()
    remove(state, "queue.db", recovery.WAL)
    with Store(state) as store:
        assert why(store) == words.GONE
    assert not list(state.glob("quarantine-*")), "nothing is left to look at"


def test_what_the_wal_has_of_a_queue_that_is_gone_is_taken_over(state: Path) -> None:
    ids = [f"{number:03}" for number in range(MANY)]
    copy = killed(state, *ids)
    wal = (copy / recovery.WAL).read_bytes()
    remove(copy, "queue.db")
    with Store(copy) as store:
        assert ids_in(store) == ids
        salvage = store.database.salvage
        assert salvage is not None
        assert salvage.events == MANY
    assert (Path(salvage.quarantine) / recovery.WAL).read_bytes() == wal


def test_an_empty_file_beside_a_wal_is_no_reason_to_throw_that_away(state: Path) -> None:
    copy = killed(state, "1", "2")
    (copy / "queue.db").write_bytes(b"")
    with Store(copy) as store:
        assert ids_in(store) == ["1", "2"]
        assert why(store) is not None


def test_of_a_big_queue_that_is_gone_the_wal_still_has_a_part(state: Path) -> None:
    filling = ',"message":"' + "x" * 500 + '"'
    with Store(state) as store:
        for part in range(20):  # several times what makes a checkpoint
            batch = [event(f"{part}-{n}", more=filling) for n in range(MANY)]
            store.run(lambda db, b=batch: events.accept(db, b, 0.0))  # type: ignore[misc]
        copy = image(state)
    remove(copy, "queue.db")
    with Store(copy) as store:
        assert f"19-{MANY - 1}" in ids_in(store)
        assert store.connection.pragma("integrity_check") == "ok"


def test_a_wal_that_is_gone_is_told_of_and_the_rest_stays(state: Path) -> None:
    with Store(state) as store:
        accept(store, "1")
    copy = killed(state, "2")
    remove(copy, recovery.WAL)
    with Store(copy) as store:
        assert why(store) == words.WAL_GONE
        assert ids_in(store) == ["1"]


def test_what_is_told_of_once_is_told_of_for_a_week(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store(state).close()
    remove(state, "queue.db")
    with Store(state) as store:
        salvage = store.database.salvage
    assert salvage is not None
    monkeypatch.setattr(time, "time", lambda: salvage.at + recovery.TOLD_FOR + 1)
    with Store(state) as store:
        assert store.database.salvage is None


# -- files are moved while they are open


class Served:
    """A queue with its writer, as the daemon has it."""

    def __init__(self, state: Path) -> None:
        self.store = Store(state)
        self.fatal: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self.writer = Writer(
            self.store.connection,
            asyncio.get_running_loop(),
            self.fatal.set_result,  # a second call would fail
            self.store.database.space.release_ballast,
            self.store.database,
        )

    def accept(self, *ids: str) -> "asyncio.Future[events.Acceptance]":
        return self.writer.submit(lambda db: events.accept(db, [event(one) for one in ids], 0.0))

    async def end(self) -> None:
        await self.writer.close()
        self.store.database.closed_cleanly()


@pytest.fixture
async def served(state: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setattr(database, "AWAY_SECONDS", 0.0)
    served = Served(state)
    await served.accept("1")
    yield served
    await served.end()


async def test_a_look_at_every_row_says_that_it_is_at_work(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[None] = []
    monkeypatch.setattr("zaiond.store.writer._STEPS_A_CALL", 100)
    monkeypatch.setattr(served.store.database, "tell_at_work", lambda: told.append(None))
    await served.accept(*(str(number) for number in range(10, 100)))
    change = "UPDATE events SET source = CAST(x'ff' AS TEXT) WHERE seq = 2"
    await served.writer.submit(lambda db: db.execute(change).fetchall())
    assert len(await served.writer.submit(lambda db: events.unrouted(db, 0, 100))) == 90
    assert len(told) > 10


def move(state: Path) -> None:
    (state / "queue.db").rename(state / "mine.db")


def move_both(state: Path) -> None:
    move(state)
    (state / recovery.WAL).rename(state / "mine.db-wal")


def delete(state: Path) -> None:
    remove(state, "queue.db", recovery.WAL)


def replace(state: Path) -> None:
    backup = state / "backup"
    shutil.copyfile(state / "queue.db", backup)
    backup.rename(state / "queue.db")


def delete_wal(state: Path) -> None:
    remove(state, recovery.WAL)


def replace_wal(state: Path) -> None:
    remove(state, recovery.WAL)
    (state / recovery.WAL).touch()


def move_directory(state: Path) -> None:
    state.rename(state.with_name("elsewhere"))


def empty_directory(state: Path) -> None:
    shutil.rmtree(state)
    state.mkdir()


@pytest.mark.parametrize(
    "how",
    [
        move,
        move_both,
        delete,
        replace,
        delete_wal,
        replace_wal,
        move_directory,
        empty_directory,
    ],
)
async def test_nothing_is_believed_of_files_that_are_no_longer_ours_and_nothing_is_lost(
    served: Served, state: Path, how: Callable[[Path], None]
) -> None:
    how(state)
    refused = [served.accept("2"), served.accept("3")]
    for future in refused:
        with pytest.raises(StoreError, match="moved"):
            await future
    assert isinstance(await served.fatal, StoreError)
    with pytest.raises(StoreError):
        await served.accept("4")
    served.store.database.must_check()
    with Store(image(state)) as after:
        assert why(after) == words.MOVED
        # Of what was refused the first is there, and the other if both came to one commit.
        assert ids_in(after) in (["1", "2"], ["1", "2", "3"])
        assert after.connection.pragma("integrity_check") == "ok"


@pytest.mark.parametrize(
    ("name", "size"),
    [("queue.db", 0), ("queue.db", 40), *(("queue.db-wal", size) for size in (0, 40, 5000))],
)
async def test_nothing_is_acknowledged_into_a_file_that_was_cut_off(
    served: Served, state: Path, name: str, size: int
) -> None:
    os.truncate(state / name, size)
    for one in ("2", "3"):
        with pytest.raises(StoreError, match="cut off"):
            await served.accept(one)
    assert isinstance(await served.fatal, StoreError)
    served.store.database.must_check()
    with Store(image(state)) as after:
        assert why(after) == words.MOVED
        assert set(ids_in(after)) <= {"1"}
        assert after.connection.pragma("integrity_check") == "ok"


@pytest.mark.parametrize(
    ("name", "part"),
    [("queue.db", 0.0), ("queue.db", 0.5), *(("queue.db-wal", part) for part in (0.0, 0.5, 0.9))],
)
async def test_nor_where_it_is_cut_off_while_a_commit_is_under_way(
    served: Served, state: Path, name: str, part: float
) -> None:
    for number in range(20):
        await served.accept(f"more-{number}")
    path = state / name

    def accept(db: apsw.Connection) -> None:
        os.truncate(path, int(path.stat().st_size * part))
        events.accept(db, [event("2")], 0.0)

    accepted = served.writer.submit(accept), served.accept("3")
    for one in accepted:
        with pytest.raises(StoreError, match="cut off"):
            await one
    assert isinstance(await served.fatal, StoreError)


async def test_an_end_of_the_wal_that_nobody_wrote_is_none(state: Path) -> None:
    """A loss of power may leave a file that is longer than what was written."""
    left = killed(state, "1")
    log = left / recovery.WAL
    os.truncate(log, log.stat().st_size + 1024 * 1024)
    served = Served(left)
    for number in range(2, 20):
        await served.accept(str(number))
    assert not served.fatal.done()
    await served.end()
    with Store(left) as after:
        assert len(ids_in(after)) == 19


async def test_what_was_put_in_its_place_is_kept(served: Served, state: Path) -> None:
    (state / "queue.db").unlink()
    (state / "queue.db").write_text("another")
    with pytest.raises(StoreError):
        await served.accept("2")
    left = image(state)
    with Store(left) as after:
        assert ids_in(after) == ["1", "2"]
    (quarantine,) = left.glob("quarantine-*")
    assert (quarantine / "replaced.db").read_text() == "another"


async def test_what_is_away_for_a_moment_only_is_waited_for(
    served: Served, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "AWAY_SECONDS", 30.0)
    elsewhere = state.with_name("elsewhere")
    looked = threading.Event()
    look = served.store.database._look

    def looks() -> object:
        found = look()
        looked.set()
        return found

    monkeypatch.setattr(served.store.database, "_look", looks)
    await asyncio.to_thread(state.rename, elsewhere)
    accepted = served.accept("2")
    await asyncio.to_thread(looked.wait, 30)
    await asyncio.to_thread(elsewhere.rename, state)
    await accepted
    assert not served.fatal.done()
    with Store(image(state)) as after:
        assert why(after) is None
        assert ids_in(after) == ["1", "2"]


async def test_what_is_moved_while_nothing_comes_is_found_at_the_end(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "AWAY_SECONDS", 0.0)
    served = Served(state)
    await served.accept("1")
    delete(state)
    await served.end()
    assert isinstance(await served.fatal, StoreError)
    with Store(state) as after:
        assert why(after) == words.MOVED
        assert ids_in(after) == ["1"]


async def test_a_copy_for_which_there_is_no_room_is_told_of(
    served: Served, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave_behind(*_: object) -> None:
        raise apsw.FullError("database or disk is full")

    monkeypatch.setattr(recovery, "leave_behind", leave_behind)
    move(state)
    with pytest.raises(StoreError, match="can't be saved"):
        await served.accept("2")
    assert "disk is full" in str(await served.fatal)


async def test_a_copy_that_was_interrupted_is_no_copy(served: Served, state: Path) -> None:
    delete(state)
    (state / "salvaging").mkdir()
    (state / "salvaging" / "copy.db").write_bytes(b"half of it")
    left = image(state)
    with Store(left) as after:
        assert after.database.is_recovered
        assert ids_in(after) == []
