"""The spool: what is taken in, what is refused, and when a file goes."""

import asyncio
import errno
import grp
import json
import os
import socket
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.spooled import Spooled
from tests.support.store import NOW, Clock, Notes, event, rows
from zaiond.errors import EventError, StoreError
from zaiond.intake.quota import Quotas
from zaiond.intake.spool import spool as sweeping
from zaiond.intake.spool.spool import Spool
from zaiond.text import Text


def bare(path: Path) -> Spool:
    """A spool that nothing is put into."""
    unused: Any = None
    admission: Any = SimpleNamespace(quotas=Quotas({}))
    return Spool(str(path), admission, Clock(), Notes(), unused, str)


def test_the_directory_lets_producers_put_files_and_keeps_them_apart(tmp_path: Path) -> None:
    path = tmp_path / "a" / "spool"
    spool = bare(path)
    spool.prepare()
    assert path.stat().st_mode & 0o7777 == 0o3730
    assert (path / ".refused").stat().st_mode & 0o777 == 0o700
    spool.prepare()


def test_a_directory_of_its_own_making_is_the_emitters_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gid = 54321 if os.geteuid() == 0 else os.getgid()
    group = grp.struct_group(("zaiond-emit", "x", gid, []))
    monkeypatch.setattr(grp, "getgrnam", lambda name: {"zaiond-emit": group}[name])
    bare(tmp_path / "spool").prepare()
    status = (tmp_path / "spool").stat()
    assert (status.st_gid, status.st_mode & 0o7777) == (gid, 0o3730)


def test_a_directory_that_can_not_be_made_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    spool = bare(tmp_path / "file" / "spool")
    with pytest.raises(StoreError) as raised:
        spool.prepare()
    assert str(tmp_path / "file" / "spool") in raised.value.text.ja


async def test_events_are_taken_in_and_the_file_goes_after_the_commit(spooled: Spooled) -> None:
    spooled.put("one.json", {"type": "a", "id": "1"}, {"type": "a", "id": "2"})
    await spooled.spool.sweep()
    assert spooled.on_disk() == ["1", "2"]
    assert spooled.seen == [["one.json"]]  # it was still there when the commit was done
    assert spooled.files() == []
    assert spooled.refused() == []


async def test_the_owner_of_the_file_is_the_user_and_source_and_time_are_as_sent(
    spooled: Spooled,
) -> None:
    event = {"type": "a", "id": "1", "source": "s", "time": "2013-05-25T09:00:00Z"}
    path = spooled.put("one.json", event)
    uid = os.getuid()
    if uid == 0:
        uid = 4711
        os.chown(path, uid, -1)
    await spooled.spool.sweep()
    ((found_uid, source, accepted, body),) = rows(
        spooled.state, "SELECT uid, source, accepted, body FROM events"
    )
    assert (found_uid, source, accepted) == (uid, "s", NOW)
    assert json.loads(body) == event


async def test_a_file_that_was_taken_in_before_a_crash_is_no_second_event(
    spooled: Spooled,
) -> None:
    for _ in range(2):
        spooled.put("one.json", {"type": "a", "id": "1"})
        await spooled.spool.sweep()
    assert spooled.on_disk() == ["1"]
    assert spooled.files() == []
    assert spooled.refused() == []


async def test_files_are_taken_in_the_order_in_which_they_were_written(spooled: Spooled) -> None:
    for number, name in enumerate(("c", "a", "b")):
        path = spooled.put(f"{name}.json", {"type": "a", "id": name})
        os.utime(path, (NOW + number, NOW + number))
    await spooled.spool.sweep()
    assert spooled.on_disk() == ["c", "a", "b"]


async def test_files_that_wait_are_committed_together_up_to_a_bound(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "FILES", 3)
    for number in range(5):
        path = spooled.put(f"{number}.json", {"type": "a", "id": str(number)})
        os.utime(path, ns=(number, number))
    on_disk = threading.Event()
    held_up = spooled.writer.submit(lambda _: on_disk.wait(30))
    sweep = asyncio.create_task(spooled.spool.sweep())
    together = [await spooled.submitted.get() for _ in range(3)]
    assert together == [["0"], ["1"], ["2"]]
    assert spooled.files() == [f"{number}.json" for number in range(5)]
    on_disk.set()
    assert await held_up
    await sweep
    assert spooled.on_disk() == ["0", "1", "2", "3", "4"]
    assert spooled.files() == []


async def test_blank_lines_and_empty_files_are_nothing(spooled: Spooled) -> None:
    spooled.put("one.json", b"", {"type": "a", "id": "1"}, b"  ")
    spooled.put("two.json")
    (spooled.path / "three.json").write_bytes(b'{"type":"a","id":"3"}')  # no newline at its end
    await spooled.spool.sweep()
    assert sorted(spooled.on_disk()) == ["1", "3"]
    assert spooled.files() == []
    assert spooled.refused() == []


async def test_what_is_still_being_written_is_left_alone(spooled: Spooled) -> None:
    spooled.put(".tmp-abc", {"type": "a", "id": "1"})
    spooled.put(".tmp-abc.json", {"type": "a", "id": "2"})
    await spooled.spool.sweep()
    assert spooled.on_disk() == []
    assert spooled.files() == [".tmp-abc", ".tmp-abc.json"]


async def test_a_bad_line_costs_that_line_and_the_file_is_moved_aside(spooled: Spooled) -> None:
    spooled.put("one.json", {"type": "a", "id": "1"}, b"{", {"type": "a", "id": "2"})
    await spooled.spool.sweep()
    assert spooled.on_disk() == ["1", "2"]
    assert spooled.files() == []
    assert spooled.refused() == ["one.json"]
    (line,) = spooled.journal.lines
    assert "one.json" in line
    assert "line 2" in line


@pytest.mark.parametrize(
    ("line", "why", "excerpt"),
    [
        (b'{"type":"a b","id":"2"}', "line 3: type: must be", '{"type":"a b","id":"2"}'),
        (b'{"type":"a"}', "line 3: it has no id", '{"type":"a"}'),
        (b'{"type":"a","id":"1","x":2}', "line 3: id 1 was used before", '{"type":"a","id":"1",'),
        ("エラーです".encode("cp932"), "line 3: not JSON", "エラーです"),
        (b"caf\xe9", "line 3: not JSON", r"caf\xe9"),
        (
            b'{"type":"a","id":"2","message":"' + b"x" * 262_144 + b'"}',
            "line 3: the event is over 256 KiB",
            '{"type":"a","id":"2","message":"xxx',
        ),
    ],
)
async def test_a_line_that_can_not_be_taken_is_told_with_its_text(
    spooled: Spooled, line: bytes, why: str, excerpt: str
) -> None:
    spooled.put("one.json", {"type": "a", "id": "1"}, b"", line, {"type": "a", "id": "3"})
    uid = (spooled.path / "one.json").stat().st_uid
    await spooled.spool.sweep()
    assert spooled.on_disk() == ["1", "3"]
    ((path, of, said, shown),) = spooled.told
    assert (path, of) == (str(spooled.path / ".refused" / "one.json"), uid)
    assert said.startswith(why)
    assert shown.startswith(excerpt)
    assert len(shown) < 2100
    assert spooled.refusals.total(NOW) == 1


async def test_a_file_of_nothing_but_bad_lines_is_told_once_and_each_line_counted(
    spooled: Spooled,
) -> None:
    spooled.put("one.json", *[b"{"] * 1000, b'{"type":"a","id":""}')
    await spooled.spool.sweep()
    ((_, _, why, excerpt),) = spooled.told
    assert why.startswith("line 1: ")
    assert why.endswith(" (and 1000 more lines)")
    assert excerpt == "{"
    counted = [(one.code, one.field, one.events) for one in spooled.refusals.last_day(NOW)]
    assert counted == [("invalid", None, 1000), ("invalid", "id", 1)]


async def test_what_is_no_file_of_ours_is_told_unread(spooled: Spooled, tmp_path: Path) -> None:
    elsewhere = tmp_path / "secret.json"
    elsewhere.write_text('{"type":"a","id":"secret"}\n')
    (spooled.path / "link.json").symlink_to(elsewhere)
    await spooled.spool.sweep()
    ((path, uid, _, excerpt),) = spooled.told
    assert (path, excerpt) == (str(spooled.path / ".refused" / "link.json"), "")
    assert uid == os.getuid()
    assert spooled.refusals.total(NOW) == 1


async def test_letters_that_are_no_unicode_are_taken_as_a_client_has_left_them(
    spooled: Spooled,
) -> None:
    spooled.put(
        "one.json",
        b'{"type":"a.b","id":"1","message":"x\\udce7"}',
        b'{"type":"a.b","id":"2","message":"x\xe7"}',
        b'{"type":"a.b","id":"3","data":{"x":1e400},"severity":"ERROR"}',
    )
    await spooled.spool.sweep()
    assert spooled.refused() == []
    bodies = rows(spooled.state, "SELECT body FROM events ORDER BY seq")
    shown = [json.loads(body) for (body,) in bodies]
    assert [one.get("message") for one in shown] == [r"x\udce7", r"x\xe7", None]
    assert shown[2]["data"] == {"x": "1e400"}


@pytest.mark.parametrize("at", ["stat", "open", "fstat", "unlink"])
@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.ENOMEM, errno.ESTALE])
async def test_one_error_of_the_file_system_costs_no_file(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch, at: str, number: int
) -> None:
    spooled.put("one.json", {"type": "a", "id": "1"})

    real: Any = getattr(os, at)

    def fail(what: object, *rest: object, **more: object) -> Any:
        if at == "fstat" or what == "one.json":
            raise OSError(number, os.strerror(number))
        return real(what, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, at, fail)
        for _ in range(3):
            await spooled.spool.sweep()
    assert spooled.files() == ["one.json"]
    assert spooled.refused() == []
    (line,) = spooled.journal.lines  # once, not at each sweep
    assert "one.json" in line
    await spooled.spool.sweep()
    assert spooled.on_disk() == ["1"]
    assert spooled.files() == []
    assert spooled.told == []


async def test_where_the_place_for_refused_files_is_gone_it_is_made_again(
    spooled: Spooled,
) -> None:
    (spooled.path / ".refused").rmdir()
    spooled.put("one.json", b"{")
    await spooled.spool.sweep()
    assert spooled.refused() == ["one.json"]


async def test_an_event_without_an_id_is_refused(spooled: Spooled) -> None:
    # Without one, a crash between commit and unlink would make two of it.
    spooled.put("one.json", {"type": "a"})
    await spooled.spool.sweep()
    assert spooled.on_disk() == []
    assert spooled.refused() == ["one.json"]


async def test_a_conflict_is_moved_aside_and_the_other_events_are_in(spooled: Spooled) -> None:
    spooled.put("one.json", {"type": "a", "id": "1"})
    await spooled.spool.sweep()
    spooled.put("two.json", {"type": "b", "id": "1"}, {"type": "b", "id": "2"})
    await spooled.spool.sweep()
    assert spooled.on_disk() == ["1", "2"]
    assert spooled.refused() == ["two.json"]
    assert "id 1" in spooled.journal.lines[-1]


def link(path: Path, elsewhere: Path) -> None:
    path.symlink_to(elsewhere)


def hard_link(path: Path, elsewhere: Path) -> None:
    path.hardlink_to(elsewhere)


def pipe(path: Path, elsewhere: Path) -> None:
    os.mkfifo(path)


def directory(path: Path, elsewhere: Path) -> None:
    path.mkdir()


def full_directory(path: Path, elsewhere: Path) -> None:
    path.mkdir()
    (path / "inside").write_text("x")


def unix_socket(path: Path, elsewhere: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        here = os.open(path.parent, os.O_RDONLY)
        try:
            bound.bind(f"/proc/self/fd/{here}/{path.name}")
        finally:
            os.close(here)


def broken_link(path: Path, elsewhere: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    "kind", [link, hard_link, broken_link, pipe, directory, full_directory, unix_socket]
)
async def test_links_and_foreign_kinds_are_moved_aside_unread_and_keep_nobody_waiting(
    spooled: Spooled, tmp_path: Path, kind: Any
) -> None:
    elsewhere = tmp_path / "secret.json"
    elsewhere.write_text('{"type":"a","id":"secret"}\n')
    kind(spooled.path / "bad.json", elsewhere)
    os.utime(spooled.path / "bad.json", (NOW, NOW), follow_symlinks=False)
    spooled.put("good.json", {"type": "a", "id": "good"})
    await asyncio.wait_for(spooled.spool.sweep(), 10)
    assert spooled.on_disk() == ["good"]
    assert spooled.files() == []
    assert spooled.refused() == ["bad.json"]
    assert elsewhere.exists()
    assert "bad.json" in spooled.journal.lines[0]


async def test_a_file_over_a_mebibyte_is_moved_aside(spooled: Spooled) -> None:
    event = b'{"type":"a","id":"1"}'
    (spooled.path / "fits.json").write_bytes(event.ljust(1024 * 1024, b"\n"))
    (spooled.path / "over.json").write_bytes(b"\n" * (1024 * 1024 + 1))
    await spooled.spool.sweep()
    assert spooled.on_disk() == ["1"]
    assert spooled.files() == []
    assert spooled.refused() == ["over.json"]


async def test_a_name_that_is_not_json_is_moved_aside(spooled: Spooled) -> None:
    spooled.put("one.txt", {"type": "a", "id": "1"})
    await spooled.spool.sweep()
    assert spooled.refused() == ["one.txt"]


async def test_refused_files_of_the_same_name_are_all_kept(spooled: Spooled) -> None:
    for number in range(3):
        spooled.put("one.json", b"{%d" % number)
        await spooled.spool.sweep()
    assert spooled.refused() == ["one.1.json", "one.2.json", "one.json"]


async def test_a_name_of_any_bytes_is_moved_aside_too(spooled: Spooled) -> None:
    for name in (b"\xff\xfe", b"a\nb", b"x" * 255):
        os.close(os.open(os.fsencode(spooled.path) + b"/" + name, os.O_CREAT | os.O_WRONLY))
    await spooled.spool.sweep()
    assert sorted(path.rpartition("/")[2] for path, *_ in spooled.told) == [
        r"\xff\xfe", r"a\x0ab", "x" * 255,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "error",
    [
        EventError("disk_full", Text("満杯", "full")),
        EventError("quota", Text("上限", "quota")),
        StoreError(Text("読み取り専用", "read-only")),
    ],
)
async def test_where_there_is_no_room_the_file_stays_for_later(
    spooled: Spooled, error: Exception
) -> None:
    spooled.put("one.json", {"type": "a", "id": "1"})
    spooled.error = error
    await spooled.spool.sweep()
    assert spooled.files() == ["one.json"]
    assert "one.json" in spooled.journal.lines[0]
    spooled.error = None
    await spooled.spool.sweep()
    assert spooled.on_disk() == ["1"]
    assert spooled.files() == []


async def test_who_has_no_room_is_told_of_once_a_sweep(spooled: Spooled) -> None:
    for number in range(50):
        spooled.put(f"{number}.json", {"type": "a", "id": str(number)})
    spooled.error = EventError("quota", Text("上限", "quota"))
    await spooled.spool.sweep()
    assert len(spooled.journal.lines) == 1
    spooled.error = None
    await spooled.spool.sweep()
    assert len(spooled.on_disk()) == 50


async def test_without_a_free_descriptor_nothing_is_refused(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    spooled.put("one.json", {"type": "a", "id": "1"})

    def full(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full)
        await spooled.spool.sweep()
    assert spooled.files() == ["one.json"]
    await spooled.spool.sweep()
    assert spooled.on_disk() == ["1"]


async def test_a_spool_that_is_gone_is_told_of_and_not_the_end(
    spooled: Spooled,
) -> None:
    (spooled.path / ".refused").rmdir()
    spooled.path.rmdir()
    await spooled.spool.sweep()
    assert "can't read the spool" in spooled.journal.lines[0]


async def test_it_sweeps_at_its_start_and_when_something_was_put_there(spooled: Spooled) -> None:
    spooled.put("one.json", {"type": "a", "id": "1"})
    sweeps: asyncio.Queue[None] = asyncio.Queue()
    sweep = spooled.spool.sweep

    async def told() -> None:
        await sweep()
        sweeps.put_nowait(None)

    spooled.spool.sweep = told  # type: ignore[method-assign]
    running = asyncio.ensure_future(spooled.spool.run())
    await asyncio.wait_for(sweeps.get(), 10)
    assert spooled.on_disk() == ["1"]
    spooled.put("two.json", {"type": "a", "id": "2"})
    spooled.spool.changed()
    await asyncio.wait_for(sweeps.get(), 10)
    assert spooled.on_disk() == ["1", "2"]
    running.cancel()


async def test_what_is_new_on_disk_is_told_in_the_order_of_its_commits(
    spooled: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    admission = spooled.admission
    monkeypatch.setattr(
        admission, "_on_accepted", lambda accepted: told.extend(one.id for one in accepted.events)
    )
    for name in "ab":
        spooled.put(f"{name}.json", {"type": "a", "id": name})
    gate = threading.Event()
    held_up = spooled.writer.submit(lambda _: gate.wait(30))
    sweep = asyncio.create_task(spooled.spool.sweep())
    for _ in "ab":
        await spooled.submitted.get()
    of_the_socket = [event("socket")]
    admission.reserve(1000, of_the_socket)
    admission.accept(of_the_socket).add_done_callback(
        lambda done: admission.settle(of_the_socket, done) and None
    )
    gate.set()
    await held_up
    await sweep
    assert told[-1] == "socket"
    assert sorted(told) == ["a", "b", "socket"]
