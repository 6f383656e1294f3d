"""The power goes: what a disk may hold then, that keeps what was synced and any part of the rest.

SIGKILL can't show that: the kernel writes what a killed process had written. So a VFS keeps every
write, truncation and sync that SQLite asks for, and images of the files are made of them, cut
anywhere; each is opened as after a boot, and compared with what had been committed before the cut.
"""

import itertools
import os
import random
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import apsw
import pytest

from tests.support.store import NOW, Store, event
from zaiond.model import Message
from zaiond.store import events, queue
from zaiond.store.events import StoredEvent
from zaiond.store.queue import Attempted, QueuedDelivery, QueuedMail

CUTS = int(os.environ.get("ZAIOND_CRASH_CUTS", "60"))
SEED = int(os.environ.get("ZAIOND_CRASH_SEED", "0")) or random.SystemRandom().getrandbits(32)
SECTOR = 512  # what a disk writes whole; SQLite counts on no other byte being changed
ROUNDS = 30
BATCH = 10

_numbers = itertools.count()


class Call(NamedTuple):
    """What was asked of a file: `at` is where `data` goes, or the size that it is cut to."""

    file: str
    what: Literal["write", "truncate", "sync", "delete"]
    at: int = 0
    data: bytes = b""


class RecordingFile(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], calls: list[Call]) -> None:
        super().__init__("", name, flags)
        self._name = Path(name.filename() if isinstance(name, apsw.URIFilename) else name).name
        self._calls = calls

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  # SQLite's names
        self._calls.append(Call(self._name, "write", offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._calls.append(Call(self._name, "truncate", newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._calls.append(Call(self._name, "sync"))


class RecordingVfs(apsw.VFS):
    def __init__(self, name: str) -> None:
        self.calls: list[Call] = []
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> RecordingFile:  # noqa: N802
        return RecordingFile(name, flags, self.calls)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self.calls.append(Call(Path(filename).name, "delete"))


class Committed(NamedTuple):
    """What was on disk for certain after so many calls, by what the daemon had promised."""

    calls: int
    accepted: int  # events
    started: int  # deliveries, in order, as are those
    delivered: int


@pytest.fixture
def vfs(monkeypatch: pytest.MonkeyPatch) -> Iterator[RecordingVfs]:
    name = f"recording-{os.getpid()}-{next(_numbers)}"
    vfs = RecordingVfs(name)
    connect = apsw.Connection
    monkeypatch.setattr(apsw, "Connection", lambda path: connect(path, vfs=name))
    yield vfs
    vfs.unregister()


def life(directory: Path, vfs: RecordingVfs, synchronous: str | None = None) -> list[Committed]:
    """Events that are accepted, routed, started and delivered, and what was committed when."""
    kept = [Committed(0, 0, 0, 0)]
    with Store(directory) as store:
        if synchronous is not None:
            store.connection.pragma("synchronous", synchronous)
        store.connection.pragma("wal_autocheckpoint", 60)  # so that there are many
        under_way: list[QueuedMail] = []
        for number in range(ROUNDS):
            before, total = number * BATCH, (number + 1) * BATCH
            new = [event(str(n)) for n in range(before, total)]
            accepted = store.run(partial(events.accept, batch=new, queued=0.0))
            delivered = before - len(under_way)
            kept.append(Committed(len(vfs.calls), total, before, delivered))
            mails = [_mail(one) for one in accepted.events]
            store.run(partial(queue.route, routed_through=total, mails=mails, dropped=[]))
            store.run(partial(_turn, finished=under_way, started=mails))
            kept.append(Committed(len(vfs.calls), total, total, before))
            under_way = mails
        calls = list(vfs.calls)
    vfs.calls[:] = calls  # without those of the clean end
    return kept


def _turn(db: apsw.Connection, finished: list[QueuedMail], started: list[QueuedMail]) -> None:
    for mail in finished:
        queue.finish(db, mail, [_delivered(one) for one in mail.deliveries], 0.0)
    for mail in started:
        queue.start(db, mail, NOW)


def _mail(stored: StoredEvent) -> QueuedMail:
    message = Message(
        message_id=f"<{stored.seq}@zaiond.example>",
        reverse_path="zaiond@example.co.jp",
        recipients=("admin@example.co.jp",),
        content=b"Subject: x\r\n\r\n" + b"x" * (stored.seq % 7 * 300) + b"\r\n",
        smtputf8=False,
    )
    delivery = QueuedDelivery(stored.seq, "admin@example.co.jp", 0)
    return QueuedMail(stored.seq, message, (delivery,), NOW, 0.0, False, (stored,))


def _delivered(delivery: QueuedDelivery) -> Attempted:
    return Attempted(delivery, "delivered", "delivered", "mail:25", "250 OK", NOW, NOW)


def image(directory: Path, calls: list[Call], dice: random.Random) -> Path:
    """The files as a power cut after these calls may leave them."""
    last_sync = {call.file: number for number, call in enumerate(calls) if call.what == "sync"}
    odds = dice.choice((0.0, 0.5, 0.9))  # of what was not synced to be there all the same
    files: dict[str, bytearray] = {}
    for number, call in enumerate(calls):
        content = files.setdefault(call.file, bytearray())
        synced = number < last_sync.get(call.file, -1)
        if call.what == "delete":
            # Only before the first commit, of what made the database: its directory is synced then.
            del files[call.file]
        elif call.what == "truncate" and (synced or dice.random() < odds):
            del content[call.at :]
        elif call.what == "write":
            for at, data in _sectors(call):
                if synced or dice.random() < odds:
                    content.extend(bytes(max(0, at + len(data) - len(content))))
                    content[at : at + len(data)] = data
    left = directory / f"image-{next(_numbers)}"
    left.mkdir()
    for name, content in files.items():
        (left / name).write_bytes(content)
    (left / "running").write_text("an earlier boot")
    return left


def _sectors(call: Call) -> Iterator[tuple[int, bytes]]:
    at, data = call.at, call.data
    while data:
        size = SECTOR - at % SECTOR
        yield at, data[:size]
        at, data = at + size, data[size:]


def broken_promises(
    directory: Path, calls: list[Call], kept: list[Committed], dice: random.Random
) -> list[str]:
    """What is missing in images of cuts anywhere behind the first commit, one line an image."""
    broken = []
    for _ in range(CUTS):
        cut = dice.randrange(kept[1].calls, len(calls) + 1)
        promised = max(one for one in kept if one.calls <= cut)
        left = image(directory, calls[:cut], dice)
        with Store(left) as store:
            counts: list[Any] = store.connection.execute(
                "SELECT (SELECT count(*) FROM events),"
                " count(*) FILTER (WHERE started IS NOT NULL OR state = 'delivered'),"
                " count(*) FILTER (WHERE state = 'delivered') FROM deliveries"
            ).fetchall()
            found = Committed(cut, *counts[0])
            if store.database.salvage is not None:
                broken.append(f"damaged: {store.database.salvage.why.en}")
            elif any(there < least for there, least in zip(found, promised, strict=True)):
                broken.append(f"{promised} became {found}")
        shutil.rmtree(left)
    return broken


def test_what_was_committed_outlasts_a_power_cut(tmp_path: Path, vfs: RecordingVfs) -> None:
    print(f"ZAIOND_CRASH_SEED={SEED}")
    kept = life(tmp_path / "state", vfs)
    calls = list(vfs.calls)
    assert sum(call.what == "sync" and call.file == "queue.db" for call in calls) > 5
    assert broken_promises(tmp_path, calls, kept, random.Random(SEED)) == []


def test_a_commit_that_is_not_synced_is_found_out(tmp_path: Path, vfs: RecordingVfs) -> None:
    kept = life(tmp_path / "state", vfs, "NORMAL")
    assert broken_promises(tmp_path, list(vfs.calls), kept, random.Random(SEED))
