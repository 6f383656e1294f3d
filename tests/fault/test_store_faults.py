"""The queue on a disk that fails: damage is taken aside and what is left goes on; after an I/O
error nothing is answered and nothing written.
"""

import asyncio
import contextlib
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.support.daemon import Daemon
from tests.support.sink import Sink
from tests.support.store import NOW, Store, event, image, mail, recount, waiting
from tests.support.waiting import until
from zaiond.errors import StoreError
from zaiond.model import AttemptResult
from zaiond.store import database, events, pending, queue, recovery
from zaiond.store.queue import Ended
from zaiond.store.writer import Writer
from zaiond.text import Text

EVENTS = 500
THIS_BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
CONFIGURATION = (
    "{mail_server: {host: 127.0.0.1, port: 1}, admins: a@example.co.jp,"
    " route_defaults: {max_mails: null}}"
)
ENGLISH = """language: en
mail_server: {host: 127.0.0.1, port: 1}
admins: a@example.co.jp
"""
WHY = Text("理由", "why")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A big queue as it lies on disk: delivered, deferred, dropped, waiting, not yet routed, and
    routed before others.
    """
    state = tmp_path_factory.mktemp("sound") / "state"
    filling = "x" * 400
    with Store(state) as store:
        batch = [event(f"{n:05}", more=f',"message":"{filling}"') for n in range(EVENTS)]
        stored = store.run(lambda db: events.accept(db, batch, 0.0)).events
        routed = stored[: EVENTS // 2]
        dropped = [Ended(one, WHY) for one in routed[::10]]
        mails = [
            mail(one.seq, [one], ["a@x", "b@x"], content=b"content %d " % one.seq + b"y" * 500)
            for one in routed
            if one.seq % 10 != 1
        ]
        store.run(lambda db: queue.route(db, routed[-1].seq, mails, dropped))
        for one in mails:
            state_of = ("delivered", "delivered", "deferred")[one.row % 3]
            if one.row % 5:
                attempted = [
                    AttemptResult(d, state_of, state_of, "s:25", "reply", NOW, NOW, NOW + 60)  # type: ignore[arg-type]
                    for d in one.deliveries
                ]
                store.run(lambda db, m=one, a=attempted: queue.finish(db, m, a, 0.0))  # type: ignore[misc]
        early = [mail(one.seq, [one]) for one in stored[-100::2]]
        why = [Ended(one, WHY) for one in stored[-99:-50:2]]
        store.run(
            lambda db: queue.route(
                db,
                routed[-1].seq,
                early,
                why,
                [*(m.row for m in early), *(gone.event.seq for gone in why)],
            )
        )
    return state


@pytest.fixture
def damaged(sound: Path, tmp_path: Path) -> Path:
    """A copy of it to damage, of a machine that went down."""
    copy = tmp_path / "state"
    shutil.copytree(sound, copy)
    (copy / "running").write_text("another boot")
    return copy


def overwrite(state: Path, page: int, data: bytes = b"\xa5" * 4096) -> None:
    """Damages a page, counted from 0."""
    with (state / "queue.db").open("r+b") as file:
        file.seek(page * 4096)
        file.write(data)


def pages_of(state: Path, table: str) -> list[int]:
    """The leaf pages of a table, counted from 0."""
    copy = image(state)
    with Store(copy) as store:
        found = store.connection.execute(
            "SELECT pageno - 1 FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path",
            (table,),
        )
        pages: list[Any] = found.fetchall()
    return [page for (page,) in pages]


def assert_whole(db: apsw.Connection) -> None:
    """Whatever was lost: what is there fits together."""

    def nothing(query: str) -> None:
        assert db.execute(query).fetchall() == [], query

    assert db.pragma("integrity_check") == "ok"
    assert events.usage(db) == recount(db)
    nothing("SELECT * FROM deliveries WHERE message NOT IN (SELECT id FROM messages)")
    nothing(
        "SELECT * FROM deliveries WHERE ended IS NULL"
        " AND message NOT IN (SELECT message FROM contents)"
    )
    nothing(
        "SELECT * FROM contents WHERE message NOT IN"
        " (SELECT message FROM deliveries WHERE ended IS NULL)"
    )
    nothing("SELECT * FROM attempts WHERE delivery NOT IN (SELECT id FROM deliveries)")
    nothing(
        "SELECT seq FROM events WHERE outcome IS NULL AND seq IN (SELECT seq FROM routed_early)"
        " AND seq NOT IN (SELECT event FROM message_events)"
    )
    # Each event is waiting to be routed, in a message, or dropped.
    nothing(
        "SELECT seq FROM events WHERE outcome IS NULL"
        " AND seq <= (SELECT value FROM meta WHERE name = 'routed_through')"
        " AND seq NOT IN (SELECT event FROM message_events)"
    )


def assert_usable(store: Store) -> None:
    """The daemon can go on with it."""
    store.run(lambda db: queue.recover(db, NOW))
    accepted = store.run(lambda db: events.accept(db, [event(f"new-{events.last_seq(db)}")], 0.0))
    assert accepted.outcomes is None
    found = store.run(lambda db: waiting(db, EVENTS))
    assert len(store.run(lambda db: pending.load(db, found))) == len(found)


def test_a_sound_queue_passes_the_check_after_a_power_cut(damaged: Path) -> None:
    with Store(damaged) as store:
        assert not store.database.is_recovered
        assert_whole(store.connection)


@pytest.mark.parametrize("table", ["events", "messages", "contents", "deliveries", "attempts"])
def test_a_damaged_page_costs_what_was_on_it_and_nothing_else(damaged: Path, table: str) -> None:
    pages = pages_of(damaged, table)
    overwrite(damaged, pages[len(pages) // 2])
    before = (damaged / "queue.db").read_bytes()
    with Store(damaged) as store:
        salvage = store.database.salvage
        assert salvage is not None
        assert "the queue's database was damaged" in salvage.why.en
        there = store.connection.execute("SELECT count(*) FROM events").get
        assert salvage.events == there
        assert salvage.deliveries == store.connection.execute("SELECT count(*) FROM deliveries").get
        if table == "events":
            assert EVENTS - 20 < there < EVENTS
        else:
            assert there == EVENTS
        assert_whole(store.connection)
        assert_usable(store)
    # The damaged file is kept as it was.
    assert (Path(salvage.quarantine) / "queue.db").read_bytes() == before
    with Store(damaged) as store:
        assert not store.database.is_recovered
        assert store.database.salvage == salvage  # it is told of


def test_a_damaged_page_of_an_index_costs_nothing(damaged: Path) -> None:
    overwrite(damaged, pages_of(damaged, "events_identity")[1])
    with Store(damaged) as store:
        salvage = store.database.salvage
        assert salvage is not None
        assert salvage.events == EVENTS
        assert_whole(store.connection)
        again = store.run(lambda db: events.accept(db, [event("00003", more=',"x":1')], 0.0))
        assert again.outcomes == ["conflict"]


@pytest.mark.parametrize("table", ["meta", "message_events"])
def test_without_the_record_of_what_was_routed_events_are_mailed_again_rather_than_never(
    damaged: Path, table: str
) -> None:
    for page in pages_of(damaged, table):
        overwrite(damaged, page)
    with Store(damaged) as store:
        salvage = store.database.salvage
        assert salvage is not None
        assert salvage.events == EVENTS
        assert_whole(store.connection)
        assert_usable(store)


def test_an_open_mail_whose_content_is_lost_is_made_anew(damaged: Path) -> None:
    for page in pages_of(damaged, "contents"):
        overwrite(damaged, page)
    with Store(damaged) as store:
        through = store.run(lambda db: events.get_meta(db, "routed_through"))
        assert isinstance(through, int)
        waiting = store.run(lambda db: events.unrouted(db, through, 2 * EVENTS))
        assert len(waiting) > EVENTS // 2
        assert_whole(store.connection)
        assert_usable(store)


def test_damage_at_any_page_leaves_a_queue_that_fits_together(damaged: Path) -> None:
    size = (damaged / "queue.db").stat().st_size // 4096
    dice = random.Random(7)
    for _ in range(8):
        for page in dice.sample(range(1, size), 5):
            overwrite(damaged, page, dice.randbytes(4096))
        (damaged / "running").write_text("another boot")
        with Store(damaged) as store:
            assert store.database.is_recovered
            assert_whole(store.connection)
            assert_usable(store)
            size = store.connection.pragma("page_count")


@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_of_a_queue_that_was_cut_off_what_lies_before_the_cut_is_taken_over(
    damaged: Path, part: float
) -> None:
    file = damaged / "queue.db"
    size = int(file.stat().st_size * part)
    pages = pages_of(damaged, "events")
    kept = sum((page + 1) * 4096 <= size for page in pages)
    os.truncate(file, size)
    with Store(damaged) as store:
        salvage = store.database.salvage
        assert salvage is not None
        assert salvage.events >= EVENTS * kept / len(pages) * 0.9  # they are of much the same size
        assert_whole(store.connection)
        assert_usable(store)


@pytest.mark.parametrize("table", ["events", "messages", "contents", "deliveries", "attempts"])
@pytest.mark.parametrize("part", [0.2, 0.4])
def test_of_a_queue_that_was_cut_off_within_a_page_what_lies_before_the_cut_is_taken_over(
    damaged: Path, table: str, part: float
) -> None:
    pages = pages_of(damaged, table)
    # All keys of the page at the cut are 0 then, and where they should be nothing can be read.
    os.truncate(damaged / "queue.db", pages[int(len(pages) * part)] * 4096 + 2048)
    looks = 0

    def looked() -> None:
        nonlocal looks
        looks += 1
        assert looks < 1000, "it goes round and round"

    database.Database(str(damaged), looked).connection.close()
    with Store(image(damaged)) as store:
        assert store.database.salvage is not None
        assert_whole(store.connection)
        assert_usable(store)


def test_good_pages_between_damaged_ones_are_found(damaged: Path) -> None:
    pages = pages_of(damaged, "events")
    for page in pages[1::2]:
        overwrite(damaged, page)
    with Store(damaged) as store:
        salvage = store.database.salvage
        assert salvage is not None
        assert salvage.events > EVENTS * 0.45
        assert_whole(store.connection)
        assert_usable(store)


def test_without_a_first_page_the_others_are_read_by_our_own_schema(damaged: Path) -> None:
    overwrite(damaged, 0, bytes(4096))
    with Store(damaged) as store:
        salvage = store.database.salvage
        assert salvage is not None
        assert salvage.events == EVENTS
        assert_whole(store.connection)
        assert_usable(store)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_bytes_are_wrong_what_is_left_fits_together(damaged: Path, seed: int) -> None:
    dice = random.Random(seed)
    file = damaged / "queue.db"
    content = bytearray(file.read_bytes())
    for _ in range(4 ** (seed % 6)):
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    if seed % 5 == 4:  # pages that are other pages
        for _ in range(10):
            to, source = (4096 * dice.randrange(len(content) // 4096) for _ in range(2))
            content[to : to + 4096] = content[source : source + 4096]
    file.write_bytes(content)
    (damaged / "queue.db-wal").unlink()  # in any case a new one is to be made
    with Store(damaged) as store:
        assert store.database.is_recovered
        assert_whole(store.connection)
        assert_usable(store)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[: len(content) // 2 + 77],
        lambda content: content[:100],
        lambda content: b"",
        lambda content: b"\0" * len(content),
        lambda content: random.Random(1).randbytes(10_000),
        lambda content: b"\0" * 4096 + content[4096:],
        lambda content: content[:60] + b"\0\0\0\0" + content[64:],  # its format
    ],
)
@pytest.mark.parametrize("running", ["another boot", "this boot"])
def test_no_damage_of_the_file_keeps_the_daemon_from_its_start(
    damaged: Path, damage: Callable[[bytes], bytes], running: str
) -> None:
    file = damaged / "queue.db"
    content = damage(file.read_bytes())
    file.write_bytes(content)
    if running == "this boot":
        (damaged / "running").write_text(THIS_BOOT)
    try:
        with Store(damaged) as store:
            # In this boot it may be opened unchecked: then the first operation finds the damage.
            if not store.database.is_recovered:
                assert running == "this boot"
                assert_usable(store)
                store.database.must_check()
                raise apsw.CorruptError("not found yet")
    except apsw.Error:
        (damaged / "running").write_text("check")
    with Store(damaged) as store:
        assert_whole(store.connection)
        assert_usable(store)
    (quarantine,) = damaged.glob("quarantine-*")
    assert (quarantine / "queue.db").read_bytes() == content


def is_a_directory(path: Path) -> None:
    path.mkdir()
    (path / "file").touch()


def is_another_database(path: Path) -> None:
    made = path.with_name("other")  # not in its place, where SQLite would look at our WAL
    with contextlib.closing(apsw.Connection(str(made))) as db:
        db.execute("CREATE TABLE other (x); PRAGMA user_version = 1")
    made.rename(path)


@pytest.mark.parametrize("name", ["queue.db", "queue.db-wal"])
@pytest.mark.parametrize(
    "put",
    [
        is_a_directory,
        os.mkfifo,
        lambda path: path.symlink_to("/dev/null"),
        lambda path: path.symlink_to("/nowhere"),
        is_another_database,
    ],
)
@pytest.mark.parametrize("is_killed", [False, True])
def test_whatever_lies_in_the_place_of_a_file_what_the_other_one_has_is_there(
    tmp_path: Path, name: str, put: Callable[[Path], None], is_killed: bool
) -> None:
    state = tmp_path / "state"
    with Store(state) as store:
        store.run(lambda db: events.accept(db, [event("one")], 0.0))
        killed = image(state)
    state = killed if is_killed else state
    (state / name).unlink()
    put(state / name)
    with Store(state) as store:
        assert_whole(store.connection)
        assert_usable(store)
        # Of a queue that was closed the WAL has nothing, of one that was killed it has all.
        if is_killed == (name == "queue.db"):
            assert store.run(lambda db: events.seqs_of(db, "one"))


def test_a_note_of_what_ran_that_is_damaged_makes_the_next_start_look(damaged: Path) -> None:
    overwrite(damaged, pages_of(damaged, "attempts")[0])
    (damaged / "running").write_bytes(b"\xff\xfe")
    with Store(damaged) as store:
        assert store.database.is_recovered
        assert_whole(store.connection)


def test_a_queue_without_one_of_its_tables_is_made_anew(damaged: Path) -> None:
    with Store(image(damaged)) as store:
        store.connection.execute("DROP TABLE holds")
        left = image(store.directory)
    (left / "running").unlink()
    with Store(left) as store:
        assert store.database.is_recovered
        assert_whole(store.connection)
        assert_usable(store)
        assert events.last_seq(store.connection) >= EVENTS


def test_what_is_only_in_the_wal_is_taken_over_too(damaged: Path) -> None:
    with Store(damaged) as store:
        store.run(lambda db: events.accept(db, [event("in the wal")], 0.0))
        left = image(damaged)
    overwrite(left, pages_of(damaged, "attempts")[0])
    (left / "running").write_text("check")
    wal = (left / "queue.db-wal").read_bytes()
    assert wal
    with Store(left) as store:
        salvage = store.database.salvage
        assert salvage is not None
        assert store.run(lambda db: events.seqs_of(db, "in the wal"))
    assert (Path(salvage.quarantine) / "queue.db-wal").read_bytes() == wal


def test_a_salvage_that_was_interrupted_is_begun_again(
    damaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overwrite(damaged, pages_of(damaged, "attempts")[0])
    images: list[Path] = []

    def stop_here(_: apsw.Connection) -> None:
        images.append(image(damaged))
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(recovery, "make_consistent", stop_here)
        for _ in range(2):
            with pytest.raises(StoreError) as raised:
                Store(damaged)
            assert "No space left" in raised.value.text.en
    for left in (*images, damaged):
        with Store(left) as store:
            assert store.database.salvage is not None
            assert store.database.salvage.events == EVENTS
            assert_whole(store.connection)
        assert len(list(left.glob("quarantine-*"))) == 1
        assert not (left / "salvaging").exists()


def test_a_start_that_takes_long_says_so_all_the_time(damaged: Path) -> None:
    overwrite(damaged, pages_of(damaged, "attempts")[0])
    said: list[str] = []
    database.Database(str(damaged), lambda: said.append("still at it")).connection.close()
    assert len(said) > 5


# -- I/O errors, by a VFS that fails at the will of a test


class FailingFile(apsw.VFSFile):
    def __init__(self, vfs: "FailingVfs", name: Any, flags: list[int]) -> None:
        super().__init__(vfs.base_vfs, name, flags)
        self._vfs = vfs

    def xSync(self, flags: int) -> None:  # noqa: N802  # SQLite's name
        self._vfs.at("sync")
        super().xSync(flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._vfs.at("read")
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._vfs.at("write")
        super().xWrite(data, offset)


class FailingVfs(apsw.VFS):
    """Fails with EIO at every `fails`, or only the `only`th; keeps what was asked of it."""

    def __init__(self, name: str) -> None:
        self.base_vfs = ""
        self.fails = ""
        self.only = 0
        self.calls: list[str] = []
        super().__init__(name, self.base_vfs)

    def xOpen(self, name: Any, flags: list[int]) -> FailingFile:  # noqa: N802
        return FailingFile(self, name, flags)

    def at(self, call: str) -> None:
        self.calls.append(call)
        if call == self.fails and self.only in (0, self.calls.count(call)):
            if call == "read":  # what SQLite makes of EIO then (SQLITE_IOERR_CORRUPTFS)
                raise apsw.CorruptError("database disk image is malformed")
            raise apsw.IOError(f"{call}: Input/output error")


@pytest.fixture
def vfs(monkeypatch: pytest.MonkeyPatch) -> Iterator[FailingVfs]:
    vfs = FailingVfs(f"failing-{os.getpid()}")
    connect = apsw.Connection
    monkeypatch.setattr(
        apsw, "Connection", lambda name: connect(name, vfs=f"failing-{os.getpid()}")
    )
    yield vfs
    vfs.unregister()


def test_a_read_that_fails_once_at_the_start_is_no_damage(
    damaged: Path, tmp_path: Path, vfs: FailingVfs
) -> None:
    vfs.fails = "read"
    went_on = 0
    for number in range(1, 21):
        copy = tmp_path / str(number)
        shutil.copytree(damaged, copy)
        vfs.only, vfs.calls = number, []
        try:
            with Store(copy) as store:
                assert not store.database.is_recovered
                went_on += 1
        except StoreError:
            vfs.fails, again = "", Store(copy)
            with again as store:
                assert not store.database.is_recovered
            vfs.fails = "read"
    assert went_on


@pytest.mark.parametrize("fails", ["sync", "write"])
async def test_after_an_io_error_nothing_is_answered_and_nothing_written(
    tmp_path: Path, vfs: FailingVfs, fails: str
) -> None:
    store = Store(tmp_path / "state")
    died = asyncio.get_running_loop().create_future()
    writer = Writer(
        store.connection,
        asyncio.get_running_loop(),
        died.set_result,  # a second call would fail
        store.database.space.release_ballast,
    )
    await writer.submit(lambda db: events.accept(db, [event("1")], 0.0))
    vfs.fails = fails
    futures = [
        writer.submit(lambda db: events.accept(db, [event("2")], 0.0)),
        writer.submit(lambda db: events.accept(db, [event("3")], 0.0), essential=True),
    ]
    assert isinstance(await died, apsw.IOError)
    vfs.calls.clear()
    # Not even when the disk is well again: what the failed fsync has lost, no later one finds.
    vfs.fails = ""
    futures.append(writer.submit(lambda db: events.accept(db, [event("4")], 0.0)))
    await writer.close()
    assert vfs.calls == []
    assert not any(future.done() for future in futures)
    store.database.must_check()
    left = image(store.directory)
    with Store(left) as after:
        assert after.run(lambda db: events.seqs_of(db, "1")) == [1]
        assert after.run(lambda db: events.seqs_of(db, "4")) == []
        assert_whole(after.connection)


async def test_damage_found_while_running_ends_the_daemon_as_an_io_error_does(
    damaged: Path,
) -> None:
    (damaged / "running").write_text(THIS_BOOT)
    for page in pages_of(damaged, "contents"):
        overwrite(damaged, page)
    store = Store(damaged)
    died = asyncio.get_running_loop().create_future()
    writer = Writer(store.connection, asyncio.get_running_loop(), died.set_result, lambda: False)
    future = writer.submit(lambda db: pending.load(db, waiting(db, EVENTS)))
    assert isinstance(await died, apsw.CorruptError)
    assert not future.done()
    await writer.close()
    store.database.must_check()
    with Store(image(damaged)) as after:
        assert after.database.salvage is not None
        assert_whole(after.connection)


# -- the whole daemon


def test_damage_found_at_the_start_ends_it_and_the_next_start_saves_what_is_left(
    damaged: Path, tmp_path: Path
) -> None:
    (damaged / "running").write_text(THIS_BOOT)  # in this boot nothing is checked beforehand
    for page in pages_of(damaged, "deliveries"):
        overwrite(damaged, page)
    daemon = Daemon(tmp_path, CONFIGURATION)
    assert daemon.state == damaged
    with pytest.raises(AssertionError, match="zaiond ended with 1"):
        daemon.start()
    with daemon:
        assert "quarantine-1" in daemon.printed()
        assert daemon.document("status")["queue"]["waiting"] >= EVENTS // 2


def test_a_queue_that_is_moved_away_ends_it_and_the_next_start_has_everything(
    tmp_path: Path,
) -> None:
    daemon = Daemon(tmp_path, ENGLISH)
    daemon.start()
    try:
        ids = [f"{number:03}" for number in range(100)]
        replies = daemon.emit(*({"type": "a.b", "id": one} for one in ids))
        assert {reply["status"] for reply in replies} == {"ok"}
        (daemon.state / "queue.db").rename(tmp_path / "elsewhere.db")
        (reply,) = daemon.emit({"type": "a.b", "id": "late"})
        assert (reply["code"], reply["retry"]) == ("unavailable", True)
        assert daemon.process.wait(30) == 1
        assert "moved, removed or replaced" in daemon.printed()
        daemon.start()
        assert daemon.emit({"type": "a.b", "id": "099"})[0]["duplicate"]
        status = daemon.document("status")
        (problem,) = [one for one in status["problems"] if one["code"] == "recovered"]
        assert "moved, removed or replaced" in problem["message"]
        known = {one["id"]: one for one in daemon.document("history", "--limit", "200")["events"]}
        assert set(ids) <= known.keys()
        assert [one["type"] for id_, one in known.items() if id_.startswith("zaiond.store")] == [
            "zaiond.store.recovered"
        ]
    finally:
        daemon.end()


def test_a_state_directory_that_is_away_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    with Daemon(tmp_path, CONFIGURATION) as daemon:
        away = tmp_path / "away"
        daemon.state.rename(away)
        back = threading.Timer(0.3, away.rename, (daemon.state,))
        back.start()
        assert daemon.emit({"type": "a.b", "id": "meanwhile"})[0]["status"] == "ok"
        back.join()
        daemon.restart()
        assert daemon.emit({"type": "a.b", "id": "meanwhile"})[0]["duplicate"]
        assert not list(daemon.state.glob("quarantine-*"))


def test_a_queue_that_is_gone_is_told_of_in_the_journal_and_by_mail(tmp_path: Path) -> None:
    with Sink() as sink:
        text = ENGLISH.replace("port: 1", f"port: {sink.port}")
        daemon = Daemon(tmp_path, text)
        with daemon:
            daemon.emit({"type": "a.b"})
            daemon.becomes(lambda found: found["delivered"] == 1, "status")
            daemon.kill()
            (daemon.state / "queue.db").unlink()
            daemon.start()
            gone = "queue.db, was gone"
            told = until(
                lambda: next((m for m in list(sink.mails) if gone in m.body), None), daemon.printed
            )
            assert told is not None
            assert told.message["Importance"] == "high"
            assert gone in daemon.printed()
