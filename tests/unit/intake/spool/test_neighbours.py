"""What one user leaves in the spool holds up neither the loop nor another user."""

import asyncio
import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.spooled import Spooled
from tests.support.store import Clock
from tests.support.waiting import turns
from zaiond.errors import EventError
from zaiond.intake.spool import spool, walk
from zaiond.intake.spool.file import SpoolFile
from zaiond.intake.spool.spool import rest
from zaiond.text import Text

ATTACKER, VICTIM = 4711, 4712
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="files of other users need root")


def event(id_: object) -> dict[str, Any]:
    return {"type": "a", "id": str(id_)}


def users_of(spooled: Spooled) -> dict[int, int]:
    return {user: wait.files for user, wait in spooled.spool.waits.items()}


# -- a spool full of names


def fill(path: Path, name: str, number: int, uid: int) -> None:
    """Hard to tell from `number` files: one inode, many names."""
    first = path / name.format(0)
    first.write_text("")
    os.chown(first, uid, -1)
    for each in range(1, number):
        os.link(first, path / name.format(each))


@pytest.mark.parametrize("name", [".tmp-{}", ".{}", "{}.json"])
async def test_however_many_names_there_are_the_loop_runs_on_and_an_honest_file_is_found(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fill(spooled.path, name, 20_000, ATTACKER)
    spooled.put("honest.json", event("honest"), uid=VICTIM)
    looked_at: list[int] = []
    loops = threading.get_ident()
    meet = walk.Walk._meet

    def count(self: Any, entry: Any) -> None:
        assert threading.get_ident() != loops
        looked_at[-1] += 1
        meet(self, entry)

    monkeypatch.setattr(walk.Walk, "_meet", count)
    sweep = asyncio.ensure_future(spooled.spool.sweep())
    while not sweep.done() and "honest" not in spooled.on_disk_now():
        looked_at.append(0)
        await turns()
    assert sum(looked_at) == 20_001 + 1  # and .refused
    assert max(looked_at) <= 2 * walk.CHUNK  # from one turn of the loop to the next
    await sweep
    assert spooled.on_disk() == ["honest"]


@pytest.mark.parametrize(("walked", "swept", "expected"), [
    (0.001, 0.002, spool.LEAST_REST),  # an ordinary one
    (1.0, 1.0, 2.0),  # nothing but names: a third of the time at most goes into walking
    (1.0, 2.5, 0.5),  # what took events in is no idle time
    (1.0, 60.0, spool.LEAST_REST),
])  # fmt: skip
def test_a_long_walk_is_followed_by_a_rest(walked: float, swept: float, expected: float) -> None:
    assert rest(walked, swept) == pytest.approx(expected)


async def test_who_puts_files_there_all_the_time_causes_no_more_sweeps_than_make_sense(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    three = asyncio.Event()
    sleep = asyncio.sleep

    async def rested(seconds: float) -> None:
        rests.append(seconds)
        spooled.spool.changed()
        if len(rests) == 3:
            three.set()
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", rested)
    armed: list[int] = []
    monkeypatch.setattr(walk.SpoolWatch, "arm", lambda _: armed.append(len(rests)))
    running = asyncio.ensure_future(spooled.spool.run())
    await asyncio.wait_for(three.wait(), 10)
    running.cancel()
    assert armed[:3] == [0, 1, 2]  # a rest between two sweeps, always
    assert min(rests) >= spool.LEAST_REST


# -- turns


@as_root
async def test_ten_thousand_files_of_one_user_do_not_hold_up_one_of_another(
    spooled: Spooled,
) -> None:
    for number in range(300):
        path = spooled.put(f"{number}.json", event(number), uid=ATTACKER)
        os.utime(path, ns=(number, number))
    spooled.put("honest.json", event("honest"), uid=VICTIM)
    await spooled.spool.sweep()
    on_disk = spooled.on_disk()
    assert len(on_disk) == 301
    assert on_disk.index("honest") <= 1


@as_root
async def test_uids_of_one_user_are_one_in_the_turns_and_in_what_waits(tmp_path: Path) -> None:
    spooled = Spooled(tmp_path, user_of=lambda uid: ATTACKER if uid > 100_000 else uid)
    for number in range(50):
        spooled.put(f"{number}.json", event(number), uid=100_001 + number)
    path = spooled.put("honest.json", event("honest"), uid=VICTIM)
    os.utime(path, ns=(2**62, 2**62))
    await spooled.spool.sweep()
    assert spooled.on_disk().index("honest") <= 1
    spooled.error = EventError("disk_full", Text("満杯", "full"))
    for number in range(50):
        spooled.put(f"more{number}.json", event(f"more{number}"), uid=100_001 + number)
    await spooled.spool.sweep()
    assert users_of(spooled) == {ATTACKER: 50}
    await spooled.close()


async def test_a_sweep_ends_after_a_bounded_number_of_files_and_the_next_one_comes_at_once(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "BATCHES", 2)
    monkeypatch.setattr(spool, "FILES", 3)
    for number in range(8):
        spooled.put(f"{number}.json", event(number))
    await spooled.spool.sweep()
    assert len(spooled.on_disk()) == 6
    assert spooled.spool._again.is_set()
    spooled.spool._again.clear()
    await spooled.spool.sweep()
    assert len(spooled.on_disk()) == 8
    assert not spooled.spool._again.is_set()


async def test_a_file_of_many_lines_is_committed_some_at_a_time(spooled: Spooled) -> None:
    spooled.put("one.json", *[event(number) for number in range(2000)])
    await spooled.spool.sweep()
    assert spooled.on_disk() == [str(number) for number in range(2000)]
    sizes = [len(spooled.submitted.get_nowait()) for _ in range(spooled.submitted.qsize())]
    assert max(sizes) <= 500


@as_root
async def test_an_honest_file_beside_one_of_many_lines_is_committed_with_its_first(
    spooled: Spooled,
) -> None:
    spooled.put("many.json", *[event(number) for number in range(2000)], uid=ATTACKER)
    spooled.put("honest.json", event("honest"), uid=VICTIM)
    await spooled.spool.sweep()
    assert spooled.on_disk().index("honest") <= 250
    assert "honest.json" not in spooled.seen[2]  # and went at once


# -- more than there is room for


async def test_a_file_with_more_events_than_its_user_has_room_for_is_taken_part_by_part(
    spooled: Spooled,
) -> None:
    spooled.quotas.limits = replace(spooled.quotas.limits, events_waiting=7)
    spooled.put("one.json", *[event(number) for number in range(20)])
    uid = os.getuid()
    taken = 0
    while spooled.files():
        await spooled.spool.sweep()
        on_disk = spooled.on_disk()
        assert on_disk == [str(number) for number in range(min(20, taken + 7))]
        for number in range(taken, len(on_disk)):  # they are mailed
            spooled.quotas.release(uid, len(b'{"type": "a", "id": "%d"}' % number))
        taken = len(on_disk)
    assert taken == 20
    submitted = [
        i for _ in range(spooled.submitted.qsize()) for i in spooled.submitted.get_nowait()
    ]
    assert sorted(submitted, key=int) == [str(number) for number in range(20)]  # none twice
    assert len([line for line in spooled.journal.lines if "have to wait" in line]) == 1


async def test_after_a_restart_it_goes_on_with_room_for_a_single_event_and_nothing_is_twice(
    spooled: Spooled,
) -> None:
    spooled.quotas.limits = replace(spooled.quotas.limits, events_waiting=7)
    spooled.put("one.json", *[event(number) for number in range(9)])
    await spooled.spool.sweep()
    assert len(spooled.on_disk()) == 7
    spooled.start()
    uid, size = os.getuid(), len(b'{"type": "a", "id": "0"}')
    await spooled.spool.sweep()  # no room at all, not even to see that they are known
    assert len(spooled.on_disk()) == 7
    for _ in range(2):
        spooled.quotas.release(uid, size)
        spooled.start()
        await spooled.spool.sweep()
    assert spooled.on_disk() == [str(number) for number in range(9)]
    assert spooled.files() == []
    assert spooled.refused() == []


async def test_bad_lines_of_a_file_that_is_taken_in_parts_are_told_once_at_its_end(
    spooled: Spooled,
) -> None:
    spooled.quotas.limits = replace(spooled.quotas.limits, events_waiting=2)
    lines: list[Any] = [b"{", event(1), b"{", event(2), b"{", event(3), b"{"]
    spooled.put("one.json", *lines)
    await spooled.spool.sweep()
    assert spooled.on_disk() == ["1", "2"]
    assert spooled.told == []
    spooled.quotas.limits = replace(spooled.quotas.limits, events_waiting=3)
    await spooled.spool.sweep()
    assert spooled.on_disk() == ["1", "2", "3"]
    assert spooled.refused() == ["one.json"]
    ((_, _, why, _),) = spooled.told
    assert why.startswith("line 1: ")
    assert why.endswith("(and 3 more lines)")
    assert spooled.refusals.total(spooled.clock()) == 4


async def test_a_file_of_the_same_name_that_is_another_one_is_taken_from_its_start(
    spooled: Spooled,
) -> None:
    spooled.quotas.limits = replace(spooled.quotas.limits, events_waiting=2)
    path = spooled.put("one.json", *[event(number) for number in range(4)])
    await spooled.spool.sweep()
    path.rename(spooled.path / ".kept")  # so that its inode isn't given again
    spooled.put("one.json", *[event(number) for number in range(10, 14)])
    spooled.quotas.limits = replace(spooled.quotas.limits, events_waiting=100)
    await spooled.spool.sweep()
    assert spooled.on_disk() == ["0", "1", "10", "11", "12", "13"]


@as_root
async def test_who_has_no_room_waits_alone_and_is_told_of(spooled: Spooled) -> None:
    spooled.quotas.limits = replace(spooled.quotas.limits, events_waiting=3)
    for number in range(10):
        spooled.put(f"{number}.json", event(number), uid=ATTACKER)
    spooled.put("honest.json", event("honest"), uid=VICTIM)
    await spooled.spool.sweep()
    assert "honest" in spooled.on_disk()
    assert users_of(spooled) == {ATTACKER: 7}
    begun = spooled.clock()
    spooled.clock.now += 1800
    await spooled.spool.sweep()
    (line,) = spooled.journal.lines
    assert line.startswith("files of user 4711 in the spool have to wait: 7")
    assert "events_waiting: 3" in line
    account = await spooled.admin.account()
    assert account.waits[ATTACKER].since == begun
    assert not list(account.problems(begun + 1800, str))
    ((code, text),) = account.problems(begun + 3601, str)
    assert code == "spool_waits"
    assert "7 of 4711" in text.en
    assert "events_waiting: 3" in text.en
    for each in (line, *text):  # nobody need do anything
        assert "again" not in each
        assert "もう一度" not in each
    assert text.en.endswith("they are taken in by themselves once that is over")
    assert text.ja.endswith("解消しだい自動的に受け付けます")
    spooled.quotas.limits = replace(spooled.quotas.limits, events_waiting=100)
    await spooled.spool.sweep()
    assert users_of(spooled) == {}
    assert not list((await spooled.admin.account()).problems(begun + 3601, str))


async def test_room_that_comes_wakes_the_sweep_but_once_in_a_while(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "ROOM_AFTER", 0.0)
    spooled.admission.ended([])
    await turns(10)
    assert not spooled.spool._again.is_set()  # nothing waits
    spooled.quotas.limits = replace(spooled.quotas.limits, events_waiting=0)
    spooled.put("one.json", event(1))
    await spooled.spool.sweep()
    for _ in range(1000):
        spooled.admission.ended([])
    await asyncio.wait_for(spooled.spool._again.wait(), 10)


async def test_room_that_comes_while_a_sweep_is_at_work_wakes_the_next(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "ROOM_AFTER", 0.0)
    swept, again = spooled.spool, spooled.spool._again
    spooled.quotas.limits = replace(spooled.quotas.limits, events_waiting=0)
    spooled.put("one.json", event(1))
    await swept.sweep()
    spooled.admission.ended([])
    await asyncio.wait_for(again.wait(), 10)
    again.clear()
    commit = swept._commit

    async def commit_and_have_room(files: list[SpoolFile]) -> None:
        await commit(files)
        spooled.admission.ended([])

    monkeypatch.setattr(swept, "_commit", commit_and_have_room)
    await swept.sweep()
    assert swept.waits
    await asyncio.wait_for(again.wait(), 10)


# -- what can't be read


@as_root
async def test_one_file_that_can_not_be_read_keeps_no_other_of_its_user_and_is_told_of(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    spooled.put("bad.json", event("bad"), uid=ATTACKER)
    spooled.put("good.json", event("good"), uid=ATTACKER)
    real = os.open

    def fail(path: Any, *rest: Any, **more: Any) -> int:
        if path == "bad.json":
            raise OSError(errno.EIO, "Input/output error")
        return real(path, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", fail)
        await spooled.spool.sweep()
        assert spooled.on_disk() == ["good"]
        assert users_of(spooled) == {ATTACKER: 1}
        (line,) = spooled.journal.lines
        assert "Input/output error" in line
    await spooled.spool.sweep()
    assert spooled.on_disk() == ["good", "bad"]
    assert users_of(spooled) == {}


async def test_a_spool_that_can_not_be_read_is_told_once_and_in_status(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", fail)
        await spooled.spool.sweep()
        await spooled.spool.sweep()
        assert len(spooled.journal.lines) == 1
        ((code, text),) = (await spooled.admin.account()).problems(Clock()(), str)
        assert (code, "can't read the spool" in text.en) == ("spool_directory", True)
    await spooled.spool.sweep()
    assert not list((await spooled.admin.account()).problems(Clock()(), str))


def test_a_walk_does_not_end_under_the_chunk_that_is_being_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.json").touch()
    looking, may_go_on = threading.Event(), threading.Event()

    def user_of(uid: int) -> int:
        looking.set()
        assert may_go_on.wait(30)
        return uid

    walking = walk.Walk(str(tmp_path), user_of)
    with ThreadPoolExecutor(2) as pool:
        chunk = pool.submit(walking.go_on)
        assert looking.wait(30)
        closing = pool.submit(walking.close)
        assert closing in wait([closing], timeout=0.1).not_done
        may_go_on.set()
        assert chunk.result(30) is False
        closing.result(30)
