"""The names of the users that emit, whatever the name service does."""

import pwd
import threading

import pytest

from zaiond.user_names import KEPT_FOR, UserNames


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


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
    time.now += KEPT_FOR
    assert names(1) == "user1"
    assert service.asked == [1, 3, 1]


def test_a_service_that_hangs_keeps_nobody_waiting(service: Service) -> None:
    time = Time()
    names = UserNames(time)
    assert names(1) == "user1"
    service.answers.clear()
    time.now += KEPT_FOR
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
