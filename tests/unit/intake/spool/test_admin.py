"""What an administrator sees of the spool, and does with its files."""

import errno
import os
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.spooled import Spooled
from zaiond.errors import StoreError
from zaiond.intake.spool.file import LINES

OTHER = 4711 if os.geteuid() == 0 else os.getuid()
GOOD = {"type": "a", "id": "1"}


async def listed(spooled: Spooled) -> list[tuple[str, str, int, str]]:
    found = await spooled.admin.files(1000)
    return [(f.name, f.state, f.uid, "" if why is None else why.en) for f, why in found.files]


async def test_what_was_refused_is_listed_with_its_owner_and_why_also_after_a_restart(
    spooled: Spooled,
) -> None:
    spooled.put("one.json", GOOD, b"{", uid=OTHER)
    spooled.put("two.txt", GOOD, uid=OTHER)
    await spooled.spool.sweep()
    before = await listed(spooled)
    assert [row[:3] for row in before] == [
        ("one.json", "refused", OTHER), ("two.txt", "refused", OTHER),
    ]  # fmt: skip
    assert before[0][3].startswith("line 2: not JSON")
    spooled.start()
    assert await listed(spooled) == before


async def test_why_a_file_was_refused_is_known_after_a_restart_however_far_down_the_reason_stands(
    spooled: Spooled,
) -> None:
    lines = [{"type": "a", "id": str(number)} for number in range(2 * LINES)]
    spooled.put("long.json", *lines, b"{")
    await spooled.spool.sweep()
    before = await listed(spooled)
    assert before[0][3].startswith(f"line {2 * LINES + 1}: not JSON")
    spooled.start()
    assert await listed(spooled) == before


async def test_what_waits_is_listed_with_why(spooled: Spooled) -> None:
    spooled.quotas.limits = replace(spooled.quotas.limits, events_waiting=0)
    spooled.put("one.json", GOOD)
    await spooled.spool.sweep()
    ((name, state, _, why),) = await listed(spooled)
    assert (name, state) == ("one.json", "waiting")
    assert "events_waiting: 0" in why


async def test_of_many_files_some_are_listed_and_all_counted(spooled: Spooled) -> None:
    for number in range(20):
        spooled.put(f"{number}.json", b"{")
    await spooled.spool.sweep()
    for number in range(20):
        spooled.put(f"{number}.json", b"{")
    found = await spooled.admin.files(10)
    assert (len(found.files), found.total) == (10, 40)


async def test_a_refused_file_that_was_mended_is_taken_in_as_its_owners(spooled: Spooled) -> None:
    spooled.put("one.json", GOOD, b"{", uid=OTHER)
    spooled.put("two.json", b"{")
    await spooled.spool.sweep()
    path = spooled.path / ".refused" / "one.json"
    with path.open("r+b") as file:  # the same file
        file.write(b'{"type":"a","id":"1"}\n{"type":"a","id":"2"}\n')
        file.truncate()
    changed = await spooled.admin.retry(["one.json", "gone.json"])
    assert (changed.files, changed.unknown, changed.failed) == (["one.json"], ["gone.json"], [])
    assert spooled.spool._again.is_set()
    await spooled.spool.sweep()
    assert spooled.on_disk() == ["1", "2"]
    assert spooled.refused() == ["two.json"]
    assert spooled.files() == []


async def test_without_names_all_that_was_refused_is_tried_again(spooled: Spooled) -> None:
    for number in range(3):
        spooled.put(f"{number}.json", b"{")
    await spooled.spool.sweep()
    changed = await spooled.admin.retry([])
    assert sorted(changed.files) == ["0.json", "1.json", "2.json"]
    assert spooled.refused() == []


async def test_refused_and_waiting_files_can_be_deleted(spooled: Spooled) -> None:
    spooled.put("bad\n.json", b"{")
    await spooled.spool.sweep()
    spooled.put("waits.json", GOOD)
    changed = await spooled.admin.delete([r"bad\x0a.json", "waits.json", "waits.json", "gone"])
    assert (changed.files, changed.unknown) == ([r"bad\x0a.json", "waits.json"], ["gone"])
    assert (spooled.files(), spooled.refused()) == ([], [])


async def test_the_command_that_root_is_told_runs_nothing_that_an_emitter_has_put_into_a_name(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = ".foreign-;touch owned"
    (spooled.path / name).mkdir()

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr("shutil.rmtree", denied)
    ((failed, why),) = (await spooled.admin.delete([name])).failed
    assert failed == name
    command = why.en.partition("as root, ")[2]
    assert shlex.split(command) == ["rm", "-r", f"{spooled.path}/{name}"]


async def test_status_tells_how_many_were_refused_of_whom_and_since_when(spooled: Spooled) -> None:
    assert not list((await spooled.admin.account()).problems(0.0, str))
    for number in range(3):
        spooled.put(f"{number}.json", b"{", uid=OTHER)
    await spooled.spool.sweep()
    account = await spooled.admin.account()
    ((code, text),) = account.problems(0.0, lambda uid: f"user {uid}")
    assert code == "spool_refused"
    assert f"3 of user {OTHER}" in text.en
    assert "直したらもう一度受け付け" in text.ja
    assert re.search(r"、20\d\d-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} から", text.ja)
    (of_user,) = account.document(str, "en")["refused"]
    assert (of_user["uid"], of_user["files"], of_user["bytes"]) == (OTHER, 3, 6)
    await spooled.admin.delete(["0.json", "1.json", "2.json"])
    assert not list((await spooled.admin.account()).problems(0.0, str))


async def test_a_spool_that_is_gone_is_an_answer_and_not_the_end(
    spooled: Spooled, tmp_path: Path
) -> None:
    spooled.path.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="can't be used: No such file"):
        await spooled.admin.files(1)
    changed = await spooled.admin.delete(["x"])
    assert [name for name, _ in changed.failed] == ["x"]


async def test_what_had_the_name_of_the_place_for_refused_files_is_told_with_its_owner(
    spooled: Spooled,
) -> None:
    (spooled.path / ".refused").rmdir()
    os.symlink("..", spooled.path / ".refused")
    os.chown(spooled.path / ".refused", OTHER, -1, follow_symlinks=False)
    spooled.put("one.json", b"{")
    await spooled.spool.sweep()
    assert spooled.refused() == ["one.json"]
    (line,) = [line for line in spooled.journal.lines if "not made by zaiond" in line]
    assert f"user {OTHER}" in line
    await spooled.spool.sweep()
    names = [row for row in await listed(spooled) if row[1] == "foreign"]
    assert [row[2] for row in names] == [OTHER]


async def test_refused_files_beyond_the_bound_are_removed_and_that_is_said(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zaiond.intake.spool.directory.REFUSED_FILES", 2)
    for number in range(4):
        path = spooled.put(f"{number}.json", b"{", uid=OTHER)
        os.utime(path, ns=(number, number))
    await spooled.spool.sweep()
    assert len(spooled.refused()) == 2
    said = [line for line in spooled.journal.lines if "no room for more" in line]
    assert said
    assert f"user {OTHER}" in said[0]
