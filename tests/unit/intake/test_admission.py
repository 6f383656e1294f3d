"""What bars an event from the disk."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.store import Notes, event
from zaiond.errors import DiskFullError, EventError, StoreError
from zaiond.intake import admission
from zaiond.intake.admission import Admission
from zaiond.intake.quota import Quotas
from zaiond.store.events import Acceptance
from zaiond.store.turns import Turns
from zaiond.text import Text

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
        refusal = of.refusal()
        said.append(None if refusal is None else refusal.code)
    assert said == [None, "disk_full", "disk_full", None, None]
    assert len(notes.lines) == 1


class Writer:
    """Resolves each batch as it is told to."""

    def __init__(self) -> None:
        self.submitted: list[asyncio.Future[Acceptance]] = []

    def submit(self, _: Any) -> "asyncio.Future[Acceptance]":
        self.submitted.append(asyncio.get_running_loop().create_future())
        return self.submitted[-1]


def admitting(writer: Writer, quotas: Quotas) -> Admission:
    turns = Turns()
    return Admission(
        cast(Any, Disk()), cast(Any, writer), quotas, Notes(), lambda: 0.0, turns, lambda: None
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreError(Text("壊", "broken")), "unavailable"),
        (DiskFullError(Text("満", "full")), "disk_full"),
    ],
)
async def test_what_did_not_come_to_disk_takes_nothing_of_the_quota(
    error: StoreError, code: str
) -> None:
    writer, quotas = Writer(), Quotas({})
    quotas.events_waiting = 3
    submitted = admitting(writer, quotas).submit([event("1"), event("2")])
    assert quotas.events == 2
    writer.submitted[0].set_exception(error)
    with pytest.raises(EventError) as raised:
        await submitted
    assert raised.value.code == code
    assert quotas.events == 0
    quotas.reserve(1000, 3, 1)


async def test_of_a_batch_that_came_to_disk_what_was_there_before_takes_nothing() -> None:
    writer, quotas = Writer(), Quotas({})
    submitted = admitting(writer, quotas).submit([event("1"), event("2"), event("3")])
    writer.submitted[0].set_result(Acceptance(["accepted", "duplicate", "conflict"], [], 0))
    await submitted
    assert quotas.events == 1
    quotas.bytes_waiting = len(event("1")[4]) + 10
    quotas.reserve(1000, 1, 10)
    with pytest.raises(EventError):
        quotas.reserve(1000, 1, 1)


async def test_a_batch_goes_within_the_quotas_as_a_whole_or_not_at_all() -> None:
    writer, quotas = Writer(), Quotas({})
    quotas.events_waiting = 2
    of = admitting(writer, quotas)
    with pytest.raises(EventError):
        of.submit([event("1", uid=5), event("2"), event("3"), event("4")])
    assert quotas.events == 0
    assert writer.submitted == []
    of.submit([event("1", uid=5), event("2"), event("3")]).close()  # type: ignore[attr-defined]
    assert quotas.events == 3


def test_room_within_the_database_is_room(monkeypatch: Any) -> None:
    monkeypatch.setattr(admission, "SPACE_INTERVAL", 0.0)
    disk = Disk()
    of = admission_of(disk, Notes(), [])
    disk.free = FLOOR // 2
    assert of.refusal() is not None
    disk.reusable = FLOOR // 2
    assert of.refusal() is None


def test_history_is_looked_at_before_anybody_is_refused_and_when_the_database_is_large(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(admission, "SPACE_INTERVAL", 0.0)
    disk, looks = Disk(), list[str]()
    of = admission_of(disk, Notes(), looks)
    assert of.refusal() is None
    assert looks == []
    disk.free = 2 * FLOOR - 1
    assert of.refusal() is None
    assert looks == ["look"]
    disk.free, disk.bytes = 2 * FLOOR, 10 * FLOOR + 1
    assert of.refusal() is None
    assert looks == ["look", "look"]
