"""Opening the state directory: what is there afterwards, and who is kept out."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import apsw
import pytest

from tests.support.store import Store, event, image
from zaiond.errors import StoreError
from zaiond.store import database, events, sound
from zaiond.store.database import Database


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def opened_with_checks(directory: Path) -> int:
    """How often the start said that it takes longer."""
    said: list[str] = []
    Database(str(directory), lambda: said.append("long"))
    return len(said)


def test_what_was_committed_is_there_again(state: Path) -> None:
    with Store(state) as store:
        store.run(lambda db: events.accept(db, [event("1")], 0.0))
    with Store(state) as store:
        assert store.database.salvage is None
        assert store.run(lambda db: events.seqs_of(db, "1")) == [1]


def test_what_was_committed_is_there_after_a_kill(state: Path) -> None:
    with Store(state) as store:
        store.run(lambda db: events.accept(db, [event("1")], 0.0))
        left = image(state)
    with Store(left) as store:
        assert store.database.salvage is None
        assert store.run(lambda db: events.seqs_of(db, "1")) == [1]


def test_every_commit_is_synchronous_and_only_this_connection_has_the_file(state: Path) -> None:
    with Store(state) as store:
        pragma = store.connection.pragma
        assert (pragma("journal_mode"), pragma("synchronous"), pragma("locking_mode")) == (
            "wal",
            2,
            "exclusive",
        )
        with pytest.raises(apsw.BusyError):
            apsw.Connection(str(state / "queue.db")).execute("SELECT * FROM events")


def test_a_second_daemon_is_kept_out_and_told_of_the_first(state: Path) -> None:
    with Store(state):
        with pytest.raises(StoreError) as raised:
            Database(str(state))
        assert str(state) in raised.value.text.en
        assert "another zaiond" in raised.value.text.en
    Store(state).close()


def test_a_queue_of_a_newer_version_is_left_alone(state: Path) -> None:
    with Store(state) as store:
        store.run(lambda db: events.accept(db, [event("1")], 0.0))
        store.connection.pragma("user_version", sound.VERSION + 1)
    before = (state / "queue.db").read_bytes()
    for _ in range(2):  # it does not stay locked, either
        with pytest.raises(StoreError) as raised:
            Database(str(state))
        assert "newer" in raised.value.text.en
    assert (state / "queue.db").read_bytes() == before
    assert not list(state.glob("quarantine*"))


def test_a_state_directory_that_can_not_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as raised:
        Database(str(tmp_path / "missing"))
    assert str(tmp_path / "missing") in raised.value.text.en


def test_others_can_not_read_the_queue(state: Path) -> None:
    umask = os.umask(0o022)
    try:
        with Store(state):
            assert (state / "lock").stat().st_mode & 0o077 == 0
    finally:
        os.umask(umask)


def test_after_a_clean_end_nothing_is_checked(state: Path) -> None:
    Store(state).close()
    assert opened_with_checks(state) == 0


def test_after_a_kill_in_the_same_boot_nothing_is_checked(state: Path) -> None:
    with Store(state):
        left = image(state)
    assert opened_with_checks(left) == 0


@pytest.mark.parametrize("running", ["00000000-0000-0000-0000-000000000000", ""])
def test_after_the_machine_went_down_the_whole_is_checked(state: Path, running: str) -> None:
    with Store(state):
        left = image(state)
    (left / "running").write_text(running)
    assert opened_with_checks(left) > 0


def test_after_an_io_error_the_whole_is_checked(state: Path) -> None:
    with Store(state) as store:
        store.database.must_check()
        left = image(state)
    assert opened_with_checks(left) > 0


def test_what_was_given_back_of_the_ballast_is_no_room_for_new_events(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk(_: object) -> SimpleNamespace:
        """One on which nobody else writes."""
        used = database.BALLAST_BYTES if (state / "ballast").exists() else 0
        return SimpleNamespace(f_blocks=1 << 20, f_frsize=4096, f_bavail=(1 << 19) - used // 4096)

    with Store(state) as store:
        monkeypatch.setattr(os, "fstatvfs", disk)
        before = store.database.space.free_bytes()
        assert store.database.space.release_ballast()
        assert store.database.space.free_bytes() == before
        store.database.space.lay_ballast()
        assert (state / "ballast").exists()
        assert store.database.space.free_bytes() == before


def test_the_ballast_is_real_room_and_is_given_back_once(state: Path) -> None:
    with Store(state) as store:
        ballast = state / "ballast"
        assert ballast.stat().st_blocks * 512 >= database.BALLAST_BYTES
        assert store.database.space.release_ballast()
        assert not ballast.exists()
        assert not store.database.space.release_ballast()
        store.database.space.lay_ballast()
        assert store.database.space.release_ballast()


def test_a_ballast_for_which_there_was_no_room_after_all_is_none(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    with Store(state) as store:
        space = store.database.space
        space.release_ballast()
        with monkeypatch.context() as patch:
            patch.setattr(os, "posix_fallocate", full)
            space.lay_ballast()
        assert not space.release_ballast()
        space.lay_ballast()
        assert space.release_ballast()


@pytest.mark.parametrize(("mebibytes", "wanted"), [(100, 5), (2000, 100), (100_000, 256)])
def test_the_floor_is_five_per_cent_at_most_256_mebibytes(
    state: Path, monkeypatch: pytest.MonkeyPatch, mebibytes: int, wanted: int
) -> None:
    with Store(state) as store:
        free, floor = store.database.space.free_bytes()
        space = os.statvfs(state)
        assert floor == min(space.f_blocks * space.f_frsize // 20, 256 * 1024 * 1024)
        assert 0 < free <= space.f_blocks * space.f_frsize
        # A disk of another size:
        disk = os.statvfs_result((4096, 4096, mebibytes * 256, 0, 0, 0, 0, 0, 0, 255))
        monkeypatch.setattr(os, "fstatvfs", lambda _: disk)
        assert store.database.space.free_bytes() == (0, wanted * 1024 * 1024)


def disk_of(mebibytes: int, free: int) -> os.statvfs_result:
    """A disk of so many mebibytes, of which so many are free."""
    blocks = 256  # of 4 KiB, in a mebibyte
    return os.statvfs_result(
        (4096, 4096, mebibytes * blocks, free * blocks, free * blocks, 0, 0, 0, 0, 255)
    )


@pytest.mark.parametrize(("over_the_floor", "wanted"), [(-1, False), (1, True)])
def test_the_ballast_takes_no_room_that_is_left_to_others(
    state: Path, monkeypatch: pytest.MonkeyPatch, over_the_floor: int, wanted: bool
) -> None:
    with Store(state) as store:
        assert store.database.space.release_ballast()
        free = 1000 // 20 + database.BALLAST_BYTES // (1024 * 1024) + over_the_floor
        monkeypatch.setattr(os, "fstatvfs", lambda _: disk_of(1000, free))
        store.database.space.lay_ballast()
        assert (state / "ballast").exists() is wanted


@pytest.mark.parametrize(("mebibytes", "wanted"), [(100, 10), (100_000, 1024)])
def test_history_has_a_tenth_of_the_disk_at_most_a_gibibyte(
    state: Path, monkeypatch: pytest.MonkeyPatch, mebibytes: int, wanted: int
) -> None:
    with Store(state) as store:
        monkeypatch.setattr(os, "fstatvfs", lambda _: disk_of(mebibytes, mebibytes))
        assert store.database.space.history_limit() == wanted * 1024 * 1024
