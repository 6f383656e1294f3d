"""Whose a uid is, and what its user is called, whatever the name service does."""

import os
import pwd
import threading
from pathlib import Path

import pytest

from zaiond import users
from zaiond.users import LOOK_INTERVAL, NAME_KEPT_FOR, UserNames, UserOf


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def made(path: Path, text: str | bytes) -> UserOf:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return UserOf(Time(), str(path))


def test_a_subordinate_uid_is_its_owners(tmp_path: Path) -> None:
    of = made(tmp_path / "subuid", "1000:100000:65536\nnobody:165536:65536\n")
    assert [of(uid) for uid in (0, 1, 1000, 99999, 100000, 165535)] == [
        0,
        1,
        1000,
        99999,
        1000,
        1000,
    ]
    assert [of(uid) for uid in (165536, 231071, 231072)] == [65534, 65534, 231072]


def test_where_there_is_no_such_file_each_uid_is_its_own(tmp_path: Path) -> None:
    of = UserOf(Time(), str(tmp_path / "none"))
    assert [of(uid) for uid in (0, 1000, 100000)] == [0, 1000, 100000]


def test_a_container_of_roots_is_one_user_and_not_root(tmp_path: Path) -> None:
    of = made(tmp_path / "subuid", "root:100000:65536\n0:300000:10\n")
    assert [of(uid) for uid in (0, 100000, 165535, 300005)] == [0, 100000, 100000, 300000]


def test_a_range_of_nobody_known_is_one_user(tmp_path: Path) -> None:
    of = made(tmp_path / "subuid", "no-such-user:100000:65536\n")
    assert {of(uid) for uid in range(100000, 165536, 1000)} == {100000}


@pytest.mark.parametrize(
    "broken",
    [
        "", "\0", "::", "a:b:c", "1000:5", "1000:-1:5", "1000:x:5", "1000:5:x", "1000:²:5",
        ":5:5", "1000:9" + "9" * 5000 + ":1", "1000:0:4294967296", b"\xff\xfe", "1000:200000:0",
    ],
)  # fmt: skip
def test_what_makes_no_sense_in_the_file_is_passed_over(
    broken: str | bytes, tmp_path: Path
) -> None:
    line = broken if isinstance(broken, bytes) else broken.encode()
    of = made(tmp_path / "subuid", line + b"\n1000:100000:65536\n")
    assert of(0) == 0
    assert of(100000) == 1000


def test_ranges_over_one_another_are_taken_apart(tmp_path: Path) -> None:
    of = made(tmp_path / "subuid", "1001:100000:10\n1002:100005:2\n1003:100005:10\n")
    assert [of(uid) for uid in (100004, 100006, 100009, 100012, 100015)] == [
        1001, 1001, 1001, 1003, 100015,
    ]  # fmt: skip


def test_a_change_of_the_file_counts_after_a_while(tmp_path: Path) -> None:
    path, time = tmp_path / "subuid", Time()
    of = UserOf(time, str(path))
    assert of(100000) == 100000
    for text, user in (("1000:100000:10", 1000), ("1001:100000:10\n", 1001), ("", 100000)):
        path.write_text(text)
        time.now += LOOK_INTERVAL
        assert of(100000) == user
    path.unlink()
    time.now += LOOK_INTERVAL
    assert of(100000) == 100000


def test_the_file_is_not_looked_at_for_every_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = made(tmp_path / "subuid", "1000:100000:10\n")
    assert of(100001) == 1000
    monkeypatch.setattr(os, "stat", lambda *_: pytest.fail("looked at"))
    assert [of(uid) for uid in range(100000, 100010)] == [1000] * 10


def test_what_is_kept_and_read_of_it_has_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "MOST_KNOWN", 10)
    monkeypatch.setattr(users, "MOST_BYTES", 100)
    of = made(tmp_path / "subuid", "1000:100000:100\n" * 1000)
    for uid in range(1000):
        of(uid)
    ranges, known = of._table
    assert len(known) <= 10
    assert len(ranges) == 1


def test_no_name_service_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwnam", lambda _: pytest.fail("asked"))
    of = made(tmp_path / "subuid", "nobody:100000:10\nof-ldap:200000:10\n")
    assert [of(100001), of(200001)] == [65534, 200000]


class Service:
    """A name service that can hang."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[int] = []
        self.answers = threading.Event()
        self.answers.set()
        monkeypatch.setattr(pwd, "getpwuid", self._answer)

    def _answer(self, uid: int) -> pwd.struct_passwd:
        self.asked.append(uid)
        self.answers.wait()
        if uid == 3:
            raise KeyError(uid)
        return pwd.struct_passwd((f"user{uid}", "x", uid, uid, "", "", ""))


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    return Service(monkeypatch)


def test_a_name_is_known_at_once_and_kept_for_a_while(service: Service) -> None:
    time = Time()
    names = UserNames(time)
    assert [names(1), names(1), names.shown(1), names.shown(3)] == ["user1"] * 3 + ["uid 3"]
    assert service.asked == [1, 3]
    time.now += NAME_KEPT_FOR
    assert names(1) == "user1"
    assert service.asked == [1, 3, 1]


def test_a_service_that_hangs_keeps_nobody_waiting(service: Service) -> None:
    time = Time()
    names = UserNames(time)
    assert names(1) == "user1"
    service.answers.clear()
    time.now += NAME_KEPT_FOR
    assert [names(2), names(3), names.shown(4)] == ["", "", "uid 4"]
    assert names(1) == "user1"  # as it was
    assert service.asked == [1, 2]  # nobody else is asked for meanwhile
    asking = names.asking
    assert asking is not None
    service.answers.set()
    asking.join()
    assert names(2) == "user2"
    assert names(4) == "user4"
    assert service.asked == [1, 2, 4]
