"""A WAL that is not what it was after a kill: what it has lost is told of, what is left is kept."""

import os
from pathlib import Path

import pytest

from tests.support.store import Store, event, image
from zaiond.store import events, recovery, words

EVENTS = 16  # more than the WAL had room for when the tables were made
HEADER, FRAME = 32, 24 + 4096  # bytes


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """What a kill leaves of a queue: one commit an event, all of them in the WAL."""
    state = tmp_path / "state"
    with Store(state) as store:
        for number in range(EVENTS):
            accept(store, str(number))
        assert store.database.is_in_place()  # as the writer asks after each commit
        return image(state)


def accept(store: Store, *ids: str, size: int = 0) -> None:
    more = f',"message":"{"x" * size}"'
    store.run(lambda db: events.accept(db, [event(one, more=more) for one in ids], 0.0))


def found(state: Path) -> tuple[set[str], recovery.Salvage | None]:
    """The events, and what was told of them."""
    with Store(state) as store:
        ids = {str(one) for (one,) in store.connection.execute("SELECT id FROM events")}
        return ids, store.database.salvage


def frames(state: Path) -> int:
    return ((state / "queue.db-wal").stat().st_size - HEADER) // FRAME


def flip(state: Path, at: int) -> None:
    with (state / "queue.db-wal").open("r+b") as wal:
        wal.seek(at)
        (byte,) = wal.read(1)
        wal.seek(at)
        wal.write(bytes([byte ^ 0x55]))


EVERY = {str(number) for number in range(EVENTS)}


def test_after_a_kill_a_sound_wal_is_no_reason_for_an_alarm(killed: Path) -> None:
    assert found(killed) == (EVERY, None)


@pytest.mark.parametrize("at", [0, 5, 8, 17, 21, 25, 24 + 100, 24 + 4000])
def test_a_damaged_frame_costs_no_more_than_is_on_it(killed: Path, at: int) -> None:
    for number in range(0, frames(killed) - 8, 7):  # the last commit counts as torn
        left = image(killed)
        flip(left, HEADER + number * FRAME + at)
        ids, salvage = found(left)
        assert salvage is not None
        assert salvage.why == words.WAL_DAMAGED
        assert len(EVERY - ids) <= 1, number


@pytest.mark.parametrize("lost", [1, 5, 12])
def test_frames_that_read_as_zeros_cost_no_more_than_is_on_them(killed: Path, lost: int) -> None:
    for number in range(0, frames(killed) - 8 - lost, 7):
        left = image(killed)
        with (left / "queue.db-wal").open("r+b") as wal:
            wal.seek(HEADER + number * FRAME)
            wal.write(bytes(lost * FRAME))
        ids, salvage = found(left)
        assert salvage is not None
        assert salvage.why == words.WAL_DAMAGED
        assert len(EVERY - ids) <= lost, number


@pytest.mark.parametrize("at", [0, 9, 17, 30])
def test_a_wal_without_its_header_is_told_of(killed: Path, at: int) -> None:
    flip(killed, at)
    _, salvage = found(killed)
    assert salvage is not None
    assert salvage.why == words.WAL_DAMAGED


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_wal_that_was_cut_off_is_told_of(killed: Path, share: float) -> None:
    wal = killed / "queue.db-wal"
    os.truncate(wal, int(wal.stat().st_size * share))
    _, salvage = found(killed)
    assert salvage is not None
    assert salvage.why == words.WAL_CUT


def test_a_second_kill_does_not_make_a_cut_go_unnoticed(killed: Path) -> None:
    with Store(killed):
        again = image(killed)
    os.truncate(again / "queue.db-wal", HEADER)
    _, salvage = found(again)
    assert salvage is not None
    assert salvage.why == words.WAL_CUT


def test_a_kill_while_it_is_closed_is_no_reason_for_an_alarm(killed: Path) -> None:
    with Store(killed) as store:
        assert store.database.is_in_place()
        store.database.closing()
        store.connection.close()
        left = image(killed)
        assert (left / "queue.db-wal").stat().st_size == 0
    assert found(left) == (EVERY, None)


def test_a_commit_that_was_torn_is_no_reason_for_an_alarm_nor_is_what_is_left_of_it(
    killed: Path,
) -> None:
    with Store(killed) as store:
        before = frames(killed)
        accept(store, *(f"torn-{number}" for number in range(20)), size=3000)
        left = image(killed)
    assert frames(left) > before + 20
    (left / "running").write_text("an earlier boot\n")
    flip(left, HEADER + (before + 1) * FRAME + 500)
    with Store(left) as store:
        accept(store, "one more")
        again = image(left)
    (again / "running").write_text("an earlier boot\n")
    assert found(image(again)) == (EVERY | {"one more"}, None)
    # That one is torn, too; what is left of the first one lies behind it.
    flip(again, HEADER + before * FRAME + 500)
    assert found(again) == (EVERY, None)
