"""What bars an event from the disk."""

from types import SimpleNamespace
from typing import Any, cast

from tests.support.store import Notes
from zaiond.daemon import admission
from zaiond.daemon.admission import Admission
from zaiond.daemon.quota import Quotas
from zaiond.daemon.turns import Turns

FLOOR = 1000


class Disk:
    """Has so many bytes free, or raises."""

    def __init__(self) -> None:
        self.free: int | OSError = 2 * FLOOR
        self.reusable = 0
        self.bytes = 0

    def free_bytes(self) -> tuple[int, int]:
        if isinstance(self.free, OSError):
            raise self.free
        return self.free, FLOOR

    def size(self) -> int:
        return self.bytes

    def history_limit(self) -> int:
        return 10 * FLOOR


def admission_of(disk: Disk, notes: Notes, looks: list[str]) -> Admission:
    return Admission(
        cast(Any, disk),
        cast(Any, SimpleNamespace()),
        Quotas({}),
        notes,
        float,
        Turns(),
        lambda: looks.append("look"),
    )


def test_a_look_at_the_disk_that_fails_bars_nothing_and_lets_nothing_in(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(admission, "SPACE_INTERVAL", 0.0)
    disk, notes = Disk(), Notes()
    of = admission_of(disk, notes, [])
    said: list[str | None] = []
    for free in (OSError("away"), FLOOR - 1, OSError("away"), FLOOR, OSError("away")):
        disk.free = free
        closed_for = of.closed_for()
        said.append(None if closed_for is None else closed_for.code)
    assert said == [None, "disk_full", "disk_full", None, None]
    assert len(notes.lines) == 1


def test_room_within_the_database_is_room(monkeypatch: Any) -> None:
    monkeypatch.setattr(admission, "SPACE_INTERVAL", 0.0)
    disk = Disk()
    of = admission_of(disk, Notes(), [])
    disk.free = FLOOR // 2
    assert of.closed_for() is not None
    disk.reusable = FLOOR // 2
    assert of.closed_for() is None


def test_history_is_looked_at_before_anybody_is_refused_and_when_the_database_is_large(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(admission, "SPACE_INTERVAL", 0.0)
    disk, looks = Disk(), list[str]()
    of = admission_of(disk, Notes(), looks)
    assert of.closed_for() is None
    assert looks == []
    disk.free = 2 * FLOOR - 1
    assert of.closed_for() is None
    assert looks == ["look"]
    disk.free, disk.bytes = 2 * FLOOR, 10 * FLOOR + 1
    assert of.closed_for() is None
    assert looks == ["look", "look"]
