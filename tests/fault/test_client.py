"""zaiond.client against a daemon that answers, refuses, keeps silent, hangs up, or isn't there."""

import contextlib
import errno
import importlib
import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_daemon import FakeDaemon, accept
from zaiond import client, wire
from zaiond.client import Emitted, NotPermitted, Rejected, Unreachable, emit, emit_many


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    path = tmp_path / "spool"
    path.mkdir()
    return path


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch, runtime: Path, spool: Path) -> None:
    monkeypatch.setenv("ZAIOND_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("ZAIOND_SPOOL_DIR", str(spool))
    monkeypatch.setattr(client, "ANSWER_WITHIN", 0.2)


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Permissions count, which they don't for root."""
    is_root = os.getuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def spooled(spool: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for file in sorted(spool.iterdir())
        for line in file.read_bytes().splitlines()
    ]


def refuse(code: str, *, retry: bool) -> Any:
    reply = {"status": "error", "code": code, "message": "いいえ", "retry": retry}
    return lambda line: json.dumps(reply).encode() + b"\n"


def test_an_event_is_emitted_with_id_source_and_time_of_the_first_try(runtime: Path) -> None:
    with FakeDaemon(runtime) as daemon:
        emitted = emit("backup.failed", severity="err", data={"target": "営業"}, key="k")
    event = json.loads(daemon.lines[0])
    assert emitted == Emitted(event["id"])
    assert event["type"] == "backup.failed"
    assert event["data"] == {"target": "営業"}
    assert event["source"]
    assert "subject" not in event
    wire.parse(daemon.lines[0])
    assert wire.complete(daemon.lines[0], id="x", uid=0, accepted=0).time > 1_700_000_000


def test_what_the_caller_names_is_not_replaced(runtime: Path) -> None:
    with FakeDaemon(runtime) as daemon:
        emit("a", id="mine", source="me", time="2013-05-25T09:00:00+09:00", extensions={"x": 1})
    assert json.loads(daemon.lines[0]) == {
        "type": "a", "id": "mine", "source": "me", "time": "2013-05-25T09:00:00+09:00", "x": 1,
    }  # fmt: skip


def test_a_duplicate_is_told(runtime: Path) -> None:
    with FakeDaemon(runtime, lambda line: b'{"status":"ok","id":"i","duplicate":true}\n'):
        assert emit("a", id="i") == Emitted("i", duplicate=True)


def test_a_refusal_is_raised_in_the_words_of_the_daemon(runtime: Path, spool: Path) -> None:
    with (
        FakeDaemon(runtime, refuse("conflict", retry=False)),
        pytest.raises(Rejected) as refusal,
    ):
        emit("a", id="i")
    assert (refusal.value.code, refusal.value.message) == ("conflict", "いいえ")
    assert not refusal.value.retry
    assert refusal.value.id == "i"
    assert not spooled(spool)


@pytest.mark.parametrize("code", ["quota", "disk_full"])
def test_a_full_disk_or_quota_is_not_cheated_by_way_of_the_spool(
    runtime: Path, spool: Path, code: str
) -> None:
    with FakeDaemon(runtime, refuse(code, retry=True)), pytest.raises(Rejected) as refusal:
        emit("a")
    assert refusal.value.retry
    assert not spooled(spool)


def test_an_event_goes_to_the_spool_while_the_daemon_is_unavailable(
    runtime: Path, spool: Path
) -> None:
    with FakeDaemon(runtime, refuse("unavailable", retry=True)):
        assert emit("a").spooled
    assert len(spooled(spool)) == 1


@pytest.mark.parametrize("answer", [None, lambda line: b"", lambda line: None, lambda line: b"x\n"])
def test_without_an_answer_the_very_line_that_was_sent_goes_to_the_spool(
    runtime: Path, spool: Path, answer: Any
) -> None:
    with FakeDaemon(runtime, answer) as daemon:
        emitted = emit("a", message="one\ntwo")
    (file,) = spool.iterdir()
    assert emitted == Emitted(emitted.id, spooled=True)
    assert file.name.endswith(".json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert json.loads(file.read_bytes())["id"] == emitted.id
    assert daemon.lines in ([], [file.read_bytes()])


def test_the_daemon_reads_a_spool_file_whatever_the_umask(spool: Path) -> None:
    before = os.umask(0o077)
    try:
        emit("a")
    finally:
        os.umask(before)
    (file,) = spool.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_full_backlog_is_waited_for_and_then_spooled(runtime: Path, spool: Path) -> None:
    runtime.mkdir()
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as other:
        listener.bind(str(runtime / "events.sock"))
        listener.listen(0)
        other.connect(str(runtime / "events.sock"))
        assert emit("a").spooled


def test_many_lines_are_sent_ahead_and_each_has_its_own_outcome(runtime: Path) -> None:
    def answer(line: bytes) -> bytes:
        return refuse("invalid", retry=False)(line) if b"bad" in line else accept(line)

    events = [{"type": "good"}, "{broken", {"type": "bad"}, b"[]", {"type": "good", "id": "last"}]
    with FakeDaemon(runtime, answer):
        outcomes = emit_many(events)  # type: ignore[arg-type]
    kinds = [type(one).__name__ for one in outcomes]
    assert kinds == ["Emitted", "Rejected", "Rejected", "Rejected", "Emitted"]
    assert outcomes[4] == Emitted("last")


def test_more_than_the_socket_holds_is_sent_and_answered(runtime: Path) -> None:
    with FakeDaemon(runtime) as daemon:
        outcomes = emit_many({"type": "a", "message": "x" * 2000} for _ in range(2000))
    assert len(daemon.lines) == 2000
    assert all(isinstance(one, Emitted) and not one.spooled for one in outcomes)
    ids = [one.id for one in outcomes]
    assert ids == sorted(set(ids))  # type: ignore[type-var]


def test_what_had_no_answer_when_the_daemon_died_goes_to_the_spool(
    runtime: Path, spool: Path
) -> None:
    seen: list[bytes] = []

    def answer(line: bytes) -> bytes | None:
        seen.append(line)
        return accept(line) if len(seen) <= 3 else None

    with FakeDaemon(runtime, answer):
        outcomes = emit_many({"type": "a", "n": n} for n in range(10))
    assert [one.spooled for one in outcomes] == [False] * 3 + [True] * 7  # type: ignore[union-attr]
    assert [event["n"] for event in spooled(spool)] == list(range(3, 10))


def test_a_refusal_before_the_daemon_hangs_up_still_counts(runtime: Path, spool: Path) -> None:
    runtime.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / "events.sock"))
        listener.listen()
        answer = refuse("quota", retry=True)(b"")

        def turn_away() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.sendall(answer)

        thread = threading.Thread(target=turn_away)
        thread.start()
        outcomes = emit_many({"type": "a", "n": n, "message": "x" * 200_000} for n in range(8))
        thread.join()
    assert isinstance(outcomes[0], Rejected)
    assert outcomes[0].code == "quota"
    assert [event["n"] for event in spooled(spool)] == list(range(1, 8))


def test_spool_files_hold_one_mebibyte_at_most(spool: Path) -> None:
    outcomes = emit_many({"type": "a", "n": n, "message": "x" * 200_000} for n in range(11))
    assert all(isinstance(one, Emitted) and one.spooled for one in outcomes)
    assert max(file.stat().st_size for file in spool.iterdir()) <= 1024 * 1024
    assert sorted(event["n"] for event in spooled(spool)) == list(range(11))


def test_a_bad_event_is_refused_before_it_gets_to_the_spool(spool: Path) -> None:
    outcomes = emit_many([{"type": "a b"}, {"type": "a", "severity": "bad"}, {"type": "ok"}])
    fields = [getattr(one, "field", None) for one in outcomes]
    assert fields == ["type", "severity", None]
    assert [event["type"] for event in spooled(spool)] == ["ok"]


def test_what_is_in_the_spool_has_the_id_that_the_daemon_will_know(spool: Path) -> None:
    emitted = emit("a", id="x\udcff", message="\ud800", data={"n": float("inf")})
    (line,) = (file.read_bytes().rstrip(b"\n") for file in spool.iterdir())
    assert emitted == Emitted("x\\udcff", spooled=True)
    assert wire.parse(line).id == emitted.id


def test_neither_daemon_nor_spool_is_unreachable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ZAIOND_SPOOL_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(Unreachable) as error:
        emit("a", id="mine")
    assert "nowhere" in error.value.text.ja
    assert not error.value.retry
    assert error.value.id == "mine"


@pytest.mark.parametrize("call", ["open", "write", "fsync", "rename", "second fsync"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_leaves_nothing_in_the_spool(
    monkeypatch: pytest.MonkeyPatch, spool: Path, call: str, number: int
) -> None:
    name = call.removeprefix("second ")
    real = getattr(os, name)
    calls = [call != name]

    def full(*arguments: Any) -> Any:
        if calls.pop() if calls else False:
            return real(*arguments)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, name, full)
    with pytest.raises(Unreachable) as error:
        emit("a")
    assert error.value.retry == (number != errno.EIO)
    assert not list(spool.iterdir())


def test_who_is_interrupted_leaves_nothing_in_the_spool(
    monkeypatch: pytest.MonkeyPatch, spool: Path
) -> None:
    def interrupt(file: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        emit("a")
    assert not list(spool.iterdir())


def test_a_spool_that_fills_up_in_between_costs_only_what_had_no_room(
    monkeypatch: pytest.MonkeyPatch, spool: Path
) -> None:
    real, calls = os.fsync, iter([False, False, True])

    def full(file: int) -> None:
        if next(calls, False):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(file)

    monkeypatch.setattr(os, "fsync", full)
    outcomes = emit_many({"type": "a", "n": n, "message": "x" * 200_000} for n in range(15))
    kept = [n for n, one in enumerate(outcomes) if isinstance(one, Emitted)]
    assert kept == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
    assert sorted(event["n"] for event in spooled(spool)) == kept


def test_a_socket_one_may_not_use_names_the_group_to_join(
    runtime: Path, spool: Path, tmp_path: Path
) -> None:
    # They are loaded when they are wanted: nobody may not, where this clone is in root's home.
    for module in ("spool", "words"):
        importlib.import_module(f"zaiond.client.{module}")
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    with FakeDaemon(runtime):
        (runtime / "events.sock").chmod(0)
        with as_nobody(), pytest.raises(NotPermitted, match="zaiond-emit"):
            emit("a")
    assert not spooled(spool)
