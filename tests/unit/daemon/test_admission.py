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

    def free_bytes(self) -> tuple[int, int]:
        if isinstance(self.free, OSError):
            raise self.free
        return self.free, FLOOR


def test_a_look_at_the_disk_that_fails_bars_nothing_and_lets_nothing_in(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(admission, "SPACE_INTERVAL", 0.0)
    disk, notes = Disk(), Notes()
    of = Admission(cast(Any, disk), cast(Any, SimpleNamespace()), Quotas({}), notes, float, Turns())
    said: list[str | None] = []
    for free in (OSError("away"), FLOOR - 1, OSError("away"), FLOOR, OSError("away")):
        disk.free = free
        closed_for = of.closed_for()
        said.append(None if closed_for is None else closed_for.code)
    assert said == [None, "disk_full", "disk_full", None, None]
    assert len(notes.lines) == 1
