"""The watch on the spool: one change is told, until it is armed again."""

import asyncio
import ctypes
import errno
from pathlib import Path

import pytest

from tests.support.waiting import turns
from zaiond.intake.spool import walk
from zaiond.intake.spool.walk import SpoolWatch
from zaiond.text import Text


def put(path: Path, name: str) -> None:
    (path / f".tmp-{name}").write_text("")
    (path / f".tmp-{name}").rename(path / f"{name}.json")


async def test_a_file_that_is_put_there_is_told(tmp_path: Path) -> None:
    told = asyncio.Event()
    watch = SpoolWatch(str(tmp_path), told.set, print)
    for number in range(3):
        watch.arm()
        put(tmp_path, str(number))
        await asyncio.wait_for(told.wait(), 10)
        told.clear()
    watch.stop()


async def test_however_many_there_are_they_are_told_once_until_it_is_armed_again(
    tmp_path: Path,
) -> None:
    told: list[int] = []
    first = asyncio.Event()

    def tell() -> None:
        told.append(1)
        first.set()

    watch = SpoolWatch(str(tmp_path), tell, print)
    watch.arm()
    for number in range(1000):
        put(tmp_path, str(number))
    await asyncio.wait_for(first.wait(), 10)
    await turns(10)  # what else there were to be read would be read by now
    assert told == [1]
    watch.stop()


async def test_what_is_only_being_written_is_not_told(tmp_path: Path) -> None:
    told: list[str] = []
    event = asyncio.Event()

    def tell() -> None:
        told.append(" ".join(sorted(path.name for path in tmp_path.iterdir())))
        event.set()

    watch = SpoolWatch(str(tmp_path), tell, print)
    watch.arm()
    for number in range(100):
        (tmp_path / f".tmp-{number}").write_text("")
    await turns(10)
    assert told == []
    put(tmp_path, "whole")
    await asyncio.wait_for(event.wait(), 10)
    assert len(told) == 1
    assert "whole.json" in told[0]
    watch.stop()


async def test_a_spool_that_was_made_anew_is_watched(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    told = asyncio.Event()
    watch = SpoolWatch(str(spool), told.set, print)
    watch.arm()
    spool.rename(tmp_path / "old")
    spool.mkdir()
    watch.arm()
    put(spool, "a")
    await asyncio.wait_for(told.wait(), 10)
    watch.stop()


@pytest.mark.parametrize("refused", ["inotify_init1", "inotify_add_watch"])
async def test_a_kernel_that_refuses_to_watch_is_told_of_once_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    def refuse(*_: object) -> int:
        ctypes.set_errno(errno.ENOSPC)
        return -1

    monkeypatch.setattr(walk._libc, refused, refuse)
    told: list[Text] = []
    watch = SpoolWatch(str(tmp_path), lambda: None, told.append)
    watch.arm()
    watch.arm()
    watch.stop()
    (text,) = told
    assert str(tmp_path) in text.ja
    assert "No space left" in text.en
