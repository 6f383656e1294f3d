"""What bars an event from the disk."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.support.store import Notes, event
from zaiond.errors import DiskFullError, EventError, StoreError
from zaiond.intake import admission
from zaiond.intake.admission import Admission
from zaiond.intake.quota import Quotas
from zaiond.model import StoredEvent
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


def admitting(
    disk: Disk,
    *,
    notes: Notes | None = None,
    looks: list[str] | None = None,
    writer: "Writer | None" = None,
    quotas: Quotas | None = None,
    accepted: list[Acceptance] | None = None,
) -> Admission:
    told: list[Acceptance] = [] if accepted is None else accepted
    looked: list[str] = [] if looks is None else looks
    return Admission(
        cast(Any, disk),
        cast(Any, writer),
        quotas or Quotas({}),
        Turns(),
        lambda: 0.0,
        notes or Notes(),
        told.append,
        lambda: looked.append("look"),
    )


def barred(admission: Admission) -> str | None:
    """Why nothing is taken, after a look at the disk."""
    admission.look()
    try:
        admission.reserve(1000, [])
    except EventError as error:
        return error.code
    return None


def test_a_look_at_the_disk_that_fails_bars_nothing_and_lets_nothing_in(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(admission, "LOOK_INTERVAL", 0.0)
    disk, notes = Disk(), Notes()
    of = admitting(disk, notes=notes)
    said: list[str | None] = []
    for free in (OSError("away"), FLOOR - 1, OSError("away"), FLOOR, OSError("away")):
        disk.free = free
        said.append(barred(of))
    assert said == [None, "disk_full", "disk_full", None, None]
    assert len(notes.lines) == 1


class Writer:
    """Resolves each batch as it is told to."""

    def __init__(self) -> None:
        self.submitted: list[asyncio.Future[Acceptance]] = []

    def submit(self, _: Any) -> "asyncio.Future[Acceptance]":
        self.submitted.append(asyncio.get_running_loop().create_future())
        return self.submitted[-1]


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
    quotas.limits = replace(quotas.limits, events_waiting=3)
    of = admitting(Disk(), writer=writer, quotas=quotas)
    batch = [event("1"), event("2")]
    of.reserve(1000, batch)
    accepted = of.accept(batch)
    assert quotas.in_all.events == 2
    writer.submitted[0].set_exception(error)
    with pytest.raises(EventError) as raised:
        of.settle(batch, accepted)
    assert (raised.value.code, raised.value.text) == (code, error.text)
    assert quotas.in_all.events == 0
    quotas.reserve(1000, 3, 1)


async def test_of_a_batch_that_came_to_disk_what_was_there_before_takes_nothing() -> None:
    writer, quotas = Writer(), Quotas({})
    told: list[Acceptance] = []
    of = admitting(Disk(), writer=writer, quotas=quotas, accepted=told)
    batch = [event("1"), event("2"), event("3")]
    of.reserve(1000, batch)
    accepted = of.accept(batch)
    new = StoredEvent(1, *batch[0], queued=0.0)
    acceptance = Acceptance(["accepted", "duplicate", "conflict"], [new], 0)
    writer.submitted[0].set_result(acceptance)
    assert of.settle(batch, accepted) == ["accepted", "duplicate", "conflict"]
    assert told == [acceptance]
    assert quotas.in_all.events == 1
    quotas.limits = replace(quotas.limits, bytes_waiting=len(event("1")[4]) + 10)
    quotas.reserve(1000, 1, 10)
    with pytest.raises(EventError):
        quotas.reserve(1000, 1, 1)


async def test_a_fault_of_our_own_keeps_nothing_of_the_batch_that_met_it() -> None:
    writer = Writer()
    of = admitting(Disk(), writer=writer)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: None)
    for _ in range(2):
        of.reserve(1000, [event("1")])
        accepted = of.accept([event("1")])
        writer.submitted.pop().set_exception(ZeroDivisionError())
        with pytest.raises(EventError) as raised:
            of.settle([event("1")], accepted)
        assert raised.value.code == "unavailable"
    assert admission.OUR_FAULT.__traceback__ is None
    assert of.quotas.in_all.events == 0


async def test_a_batch_that_was_all_known_before_is_no_news() -> None:
    writer = Writer()
    told: list[Acceptance] = []
    of = admitting(Disk(), writer=writer, accepted=told)
    of.reserve(1000, [event("1")])
    accepted = of.accept([event("1")])
    writer.submitted[0].set_result(Acceptance(["duplicate"], [], 0))
    assert of.settle([event("1")], accepted) == ["duplicate"]
    assert told == []


async def test_events_come_in_within_the_quota_as_a_whole_or_not_at_all() -> None:
    quotas = Quotas({})
    quotas.limits = replace(quotas.limits, events_waiting=2)
    of = admitting(Disk(), quotas=quotas)
    with pytest.raises(EventError):
        of.reserve(1000, [event("2"), event("3"), event("4")])
    assert quotas.in_all.events == 0
    of.reserve(1000, [event("2"), event("3")])
    of.reserve(5, [event("1", uid=5)])
    assert quotas.in_all.events == 3


async def test_what_has_ended_takes_nothing_and_who_waits_for_room_is_told() -> None:
    of = admitting(Disk())
    waiting = [StoredEvent(1, *event("1"), queued=0.0), StoredEvent(2, *event("2"), queued=0.0)]
    of.count(waiting)
    assert of.quotas.in_all.events == 2
    told: list[int] = []
    of.ended(waiting[:1])
    of.on_room = lambda: told.append(of.quotas.in_all.events)
    of.ended(waiting[1:])
    assert told == [0]


def test_room_within_the_database_is_room(monkeypatch: Any) -> None:
    monkeypatch.setattr(admission, "LOOK_INTERVAL", 0.0)
    disk = Disk()
    of = admitting(disk)
    disk.free = FLOOR // 2
    assert barred(of) == "disk_full"
    disk.reusable = FLOOR // 2
    assert barred(of) is None


def test_history_is_looked_at_before_anybody_is_refused_and_when_the_database_is_large(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(admission, "LOOK_INTERVAL", 0.0)
    disk, looks = Disk(), list[str]()
    of = admitting(disk, looks=looks)
    assert barred(of) is None
    assert looks == []
    disk.free = 2 * FLOOR - 1
    assert barred(of) is None
    assert looks == ["look"]
    disk.free, disk.bytes = 2 * FLOOR, 10 * FLOOR + 1
    assert barred(of) is None
    assert looks == ["look", "look"]
