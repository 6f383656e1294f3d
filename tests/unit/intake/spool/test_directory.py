"""The spool directory, with the users and rights that it has on a real system."""

import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zaiond.intake.spool import directory as spool_directory
from zaiond.intake.spool import walk as spool_walk
from zaiond.intake.spool.directory import SpoolDirectory
from zaiond.intake.spool.walk import Walk

DAEMON, ATTACKER, VICTIM, EMITTERS = 54000, 54001, 54002, 54999
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="other users need root")


@contextlib.contextmanager
def acting_as(uid: int) -> Iterator[None]:
    """What is done here is done by this user, a member of the emitters' group."""
    groups = os.getgroups()
    os.setgroups([EMITTERS])
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@pytest.fixture
def path() -> Iterator[Path]:
    """A spool as the package makes it: 3730 zaiond:zaiond-emit."""
    above = Path(tempfile.mkdtemp(prefix="zaiond-spool-"))
    above.chmod(0o755)
    spool = above / "spool"
    spool.mkdir()
    os.chown(spool, DAEMON, EMITTERS)
    spool.chmod(0o3730)
    yield spool
    shutil.rmtree(above)


@pytest.fixture
def directory(path: Path) -> SpoolDirectory:
    return SpoolDirectory(str(path))


def put(path: Path, name: str | bytes, uid: int = VICTIM, mode: int = 0o640) -> None:
    with acting_as(uid):
        file = os.open(os.fsencode(path) + b"/" + os.fsencode(name), os.O_CREAT | os.O_WRONLY)
        os.write(file, b"{")
        os.fchmod(file, mode)
        os.close(file)


def foreign(path: Path) -> list[str]:
    return [name for name in os.listdir(path) if name.startswith(".foreign-")]


def test_a_spool_as_the_package_makes_it_is_safe(directory: SpoolDirectory) -> None:
    with acting_as(DAEMON):
        directory.prepare()
        assert directory.why_unsafe() is None


def test_who_owns_the_spool_without_being_the_daemon_is_named(
    directory: SpoolDirectory, path: Path
) -> None:
    os.chown(path, ATTACKER, EMITTERS)
    path.chmod(0o3730)
    with acting_as(DAEMON):
        why = directory.why_unsafe()
    assert why is not None
    assert f"it belongs to {ATTACKER}" in why.en


# -- `.refused`, made beforehand by somebody else


def link_to_his_own(spool: Path, above: Path) -> None:
    (above / "his").mkdir(mode=0o777)
    (spool / ".refused").symlink_to(above / "his")


def his_own_directory(spool: Path, _: Path) -> None:
    os.umask(0)
    (spool / ".refused").mkdir(mode=0o777)


def his_own_full_directory(spool: Path, _: Path) -> None:
    (spool / ".refused").mkdir(mode=0o755)
    (spool / ".refused" / "one.json").write_text("his")


def his_file(spool: Path, _: Path) -> None:
    (spool / ".refused").write_text("")


def his_pipe(spool: Path, _: Path) -> None:
    os.mkfifo(spool / ".refused")


Attack = Callable[[Path, Path], None]


@pytest.mark.parametrize(
    "attack",
    [link_to_his_own, his_own_directory, his_own_full_directory, his_file, his_pipe],
)
def test_what_somebody_else_made_as_the_place_of_refused_files_is_not_used(
    directory: SpoolDirectory, path: Path, attack: Attack
) -> None:
    os.chown(path.parent, ATTACKER, ATTACKER)  # so that he has a place of his own
    with acting_as(ATTACKER):
        umask = os.umask(0)
        attack(path, path.parent)
        os.umask(umask)
    put(path, "one.json", VICTIM)
    with acting_as(DAEMON):
        assert directory.put_aside("one.json") == f"{path}/.refused/one.json"
    refused = (path / ".refused").lstat()
    assert stat.S_ISDIR(refused.st_mode)
    assert (refused.st_uid, refused.st_mode & 0o777) == (DAEMON, 0o700)
    assert (path / ".refused" / "one.json").read_text() == "{"
    with acting_as(ATTACKER), pytest.raises(PermissionError):
        (path / ".refused" / "one.json").read_text()
    ((before, now, uid),) = directory.moved
    assert (before, uid) == (".refused", ATTACKER)
    assert foreign(path) == [now]


def test_a_file_with_the_name_of_the_queue_does_not_take_its_place(
    directory: SpoolDirectory, path: Path
) -> None:
    state = path.parent / "state"
    state.mkdir(mode=0o700)
    (state / "queue.db").write_text("the queue")
    os.chown(state, DAEMON, DAEMON)
    with acting_as(ATTACKER):
        (path / ".refused").symlink_to(state)
    put(path, "queue.db", ATTACKER)
    with acting_as(DAEMON):
        directory.prepare()
        assert directory.put_aside("queue.db") == f"{path}/.refused/queue.db"
    assert (state / "queue.db").read_text() == "the queue"


def test_a_directory_of_ours_is_ours_alone_whatever_its_mode_was(
    directory: SpoolDirectory, path: Path
) -> None:
    with acting_as(DAEMON):
        directory.prepare()
        (path / ".refused").chmod(0o755)
        directory.refused()
    assert (path / ".refused").stat().st_mode & 0o777 == 0o700
    assert directory.moved == []


# -- what is there


@pytest.mark.parametrize(("mode", "group"), [(0o600, None), (0o640, VICTIM)])
def test_a_file_that_its_owner_keeps_from_us_is_refused(
    directory: SpoolDirectory, path: Path, mode: int, group: int | None
) -> None:
    put(path, "one.json", mode=mode)
    if group is not None:
        os.chown(path / "one.json", -1, group)
    with acting_as(DAEMON):
        found = directory.read("one.json")
    assert found is not None
    assert found.why is not None


def test_a_file_that_somebody_else_keeps_from_us_is_not(
    directory: SpoolDirectory, path: Path
) -> None:
    put(path, "one.json")
    os.chown(path / "one.json", -1, VICTIM)
    path.chmod(0o1730)  # by an administrator: so no file has the spool's group
    with acting_as(DAEMON), pytest.raises(PermissionError):
        directory.read("one.json")


def test_a_directory_of_somebody_else_is_put_out_of_the_way_and_can_be_deleted_when_it_is_empty(
    directory: SpoolDirectory, path: Path
) -> None:
    with acting_as(ATTACKER):
        (path / "one.json").mkdir()
        (path / "one.json" / "x").write_text("")
    with acting_as(DAEMON):
        found = directory.read("one.json")
        assert found is not None
        assert found.why is not None
        new = directory.put_aside("one.json")
        assert new is not None
        assert os.path.exists(new)
        assert os.listdir(path) != ["one.json"]
        name = os.path.basename(new)
        assert foreign(path) == [name]
        with pytest.raises(OSError):  # noqa: PT011 - which one depends on the file system
            directory.delete(name)
        assert os.path.exists(new)
    os.unlink(f"{new}/x")
    with acting_as(DAEMON):
        assert directory.delete(name) == name
    assert foreign(path) == []


def walked(path: Path, clean_before: float | None = None) -> Walk:
    with acting_as(DAEMON):
        walk = Walk(str(path), int, clean_before)
        while walk.go_on():
            pass
        walk.close()
    return walk


def test_what_is_out_of_the_way_is_bounded_as_far_as_it_can_be_removed(
    directory: SpoolDirectory, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_walk, "MOST_FOREIGN", 3)
    for number in range(10):
        with acting_as(ATTACKER):
            (path / f"{number}.json").mkdir()
            (path / f"{number}.json" / "x").write_text("")
        with acting_as(DAEMON):
            directory.put_aside(f"{number}.json")
    walk = walked(path)
    assert (len(walk.foreign), walk.foreign_more, walk.given_up) == (3, 7, 0)
    for each in foreign(path):  # what is in a directory is its owner's alone to remove
        os.unlink(path / each / "x")
    walk = walked(path)
    assert (len(walk.foreign), walk.foreign_more, walk.given_up) == (3, 0, 7)
    assert len(foreign(path)) == 3


def test_what_is_out_of_the_way_is_bounded_in_bytes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_walk, "MOST_FOREIGN_BYTES", 10_000)
    for number in range(5):
        put(path, f".foreign-{number}", ATTACKER)
        os.truncate(path / f".foreign-{number}", 4000)
    assert walked(path).given_up == 3
    assert len(foreign(path)) == 2


def test_what_nobody_has_finished_for_a_day_is_removed_and_nothing_else(
    directory: SpoolDirectory, path: Path
) -> None:
    put(path, ".tmp-a")
    put(path, "b.json")
    put(path, ".other")
    os.utime(path / ".tmp-a", (0, 0))  # that is its owner's to say
    for before, left in ((time.time() - 86400, True), (time.time() + 1, False)):
        walk = walked(path, before)
        assert (walk.given_up, (path / ".tmp-a").exists()) == (int(not left), left)
    assert sorted(os.listdir(path)) == [".other", "b.json"]


# -- what was put aside


def test_refused_files_are_bounded_in_number_and_the_oldest_of_who_has_the_most_go(
    directory: SpoolDirectory, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_directory, "REFUSED_FILES", 5)
    put(path, "honest.json", VICTIM)
    with acting_as(DAEMON):
        directory.put_aside("honest.json")
    for number in range(10):
        put(path, f"{number}.json", ATTACKER)
        with acting_as(DAEMON):
            directory.put_aside(f"{number}.json")
            gone = directory.trim(int)
        if number >= 4:
            assert [one.name for one in gone] == [f"{number - 4}.json"]
    with acting_as(DAEMON):
        names = [one.name for one in directory.refused()]
    assert names == ["honest.json", "6.json", "7.json", "8.json", "9.json"]


def test_refused_files_are_bounded_in_bytes(
    directory: SpoolDirectory, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_directory, "REFUSED_BYTES", 10_000)
    put(path, "honest.json", VICTIM)
    with acting_as(DAEMON):
        directory.put_aside("honest.json")
    for number in range(5):
        put(path, f"{number}.json", ATTACKER)
        os.truncate(path / f"{number}.json", 4000)
        with acting_as(DAEMON):
            directory.put_aside(f"{number}.json")
            directory.trim(int)
    with acting_as(DAEMON):
        assert [one.name for one in directory.refused()] == ["honest.json", "3.json", "4.json"]


def test_a_file_that_is_taken_again_keeps_its_owner_and_takes_nobodys_place(
    directory: SpoolDirectory, path: Path
) -> None:
    put(path, "one.json", VICTIM)
    with acting_as(DAEMON):
        directory.put_aside("one.json")
    put(path, "one.json", ATTACKER)
    with acting_as(DAEMON):
        assert directory.put_back("one.json") == "one.1.json"
    assert (path / "one.1.json").stat().st_uid == VICTIM
    assert (path / "one.json").stat().st_uid == ATTACKER


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"a\nb.json", r"a\x0ab.json"),
        (b"\xff.json", r"\xff.json"),
        (rb"\xff.json", r"\x5cxff.json"),
    ],
)
def test_a_file_of_any_name_can_be_taken_again_and_deleted_by_what_is_shown(
    directory: SpoolDirectory, path: Path, name: bytes, shown: str
) -> None:
    put(path, name)
    with acting_as(DAEMON):
        directory.put_aside(os.fsdecode(name))
        assert directory.put_back(shown) == os.fsdecode(name)
        assert os.fsdecode(name) in os.listdir(path)
        assert directory.delete(shown) == os.fsdecode(name)
        assert directory.refused() == []
        assert os.listdir(path) == [".refused"]


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "..", ".", "", ".refused", ".tmp-a", r"\x2e."]
)
def test_nothing_but_files_of_the_spool_can_be_named(
    directory: SpoolDirectory, path: Path, name: str
) -> None:
    (path.parent / "x").write_text("")
    put(path, ".tmp-a")
    with acting_as(DAEMON):
        assert directory.delete(name) is None
        assert directory.put_back(name) is None
    assert (path.parent / "x").exists()
    assert (path / ".tmp-a").exists()
