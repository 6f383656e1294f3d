"""Which files of the spool are next: bounded, in turns over the users. And the walk that says."""

import asyncio
import contextlib
import os
import threading
from pathlib import Path

import pytest

from zaiond.intake.spool.walk import Turns, walk_through


def test_the_oldest_of_each_user_come_in_turns() -> None:
    turns = Turns()
    for number in range(50, 0, -1):
        turns.add(number, f"flood{number}", 1)
    turns.add(1000, "one", 2)
    turns.add(1001, "two", 2)
    names = [file.name for file in turns.files()]
    assert names[:5] == ["flood1", "one", "flood2", "two", "flood3"]
    assert len(names) == 52


def test_of_each_user_only_the_oldest_are_remembered_and_the_others_counted() -> None:
    turns = Turns(of_each=3)
    for number in (5, 1, 4, 2, 3):
        turns.add(number, str(number), 1)
    assert [file.name for file in turns.files()] == ["1", "2", "3"]
    assert turns.counts == {1: 5}
    assert turns.left_out(1) == 2


def test_however_many_files_and_users_there_are_what_is_remembered_is_bounded() -> None:
    turns = Turns(of_each=50, most=100)
    for number in range(1000):
        turns.add(number, f"flood{number}", number % 10)
    for user in range(10, 60):
        turns.add(5000, f"honest{user}", user)
    files = turns.files()
    assert len(files) <= 100
    assert {file.user for file in files} == set(range(60))
    assert sum(turns.counts.values()) == 1050
    assert [file.name for file in files if file.user == 0] == ["flood0"]


def test_more_users_than_there_is_room_for_are_left_for_the_next_time() -> None:
    turns = Turns(of_each=50, most=100)
    for user in range(1000):
        turns.add(0, f"{user}", user)
    assert len(turns.files()) == 100


def names_of_open_files() -> set[str]:
    found = set()
    for one in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(one.readlink()))
    return found


async def test_a_walk_that_is_cancelled_as_it_begins_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on, ended = threading.Event(), threading.Event(), threading.Event()
    open_directory = os.scandir

    def slow(directory: int) -> object:
        begun.set()
        goes_on.wait()
        entries = open_directory(directory)
        ended.set()
        return entries

    monkeypatch.setattr(os, "scandir", slow)
    walking = asyncio.create_task(walk_through(str(tmp_path), int))
    await asyncio.to_thread(begun.wait)
    walking.cancel()
    goes_on.set()
    with contextlib.suppress(asyncio.CancelledError):
        await walking
    ended.wait()
    monkeypatch.undo()
    assert str(tmp_path) not in names_of_open_files()
