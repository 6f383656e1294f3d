"""The front door of intake/: what the daemon makes and configures at once."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.store import Clock, Notes, Store
from zaiond.config.schema import Config, Limits, MailServer
from zaiond.errors import EventError
from zaiond.intake.intake import Intake
from zaiond.store.events import Acceptance
from zaiond.store.turns import Turns
from zaiond.store.writer import Writer


class Made:
    """An intake with a store behind it, and what it told."""

    def __init__(self, directory: Path) -> None:
        self.store = Store(directory / "state")
        self.spool = directory / "spool"
        loop = asyncio.get_running_loop()
        self.writer = Writer(self.store.connection, loop, print, lambda: False)
        self.accepted: list[Acceptance] = []
        self.intake = Intake(
            str(self.spool),
            self.store.database.space,
            self.writer,
            Notes(),
            {7: (3, 300)},
            Turns(),
            clock=Clock(),
            queue_time=lambda: 0.0,
            make_id=lambda: "made",
            user_of=lambda uid: 1000 if uid >= 100_000 else uid,
            name_of=str,
            on_accepted=self.accepted.append,
            on_refused_file=lambda path, uid, why, excerpt: None,
            look_at_history=lambda: None,
            on_change=lambda: None,
        )
        self.intake.spool.prepare()


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Made]:
    made = Made(tmp_path)
    yield made
    await made.intake.events.stop()
    await made.writer.close()
    made.store.database.closed_cleanly()


def config(**limits: Any) -> Config:
    server = MailServer(host="mailhost")
    return Config(mail_server=server, admins=("a@x.example",), limits=Limits(**limits))


async def test_a_configuration_is_in_force_at_once(made: Made) -> None:
    made.intake.configure(
        config(connections=2, events_waiting=4, bytes_waiting=5000, frame_deadline=3.0)
    )
    quotas = made.intake.quotas.limits
    assert (quotas.connections, quotas.events_waiting, quotas.bytes_waiting) == (2, 4, 5000)
    assert made.intake.events.frame_deadline == 3.0


async def test_what_waited_before_counts_within_the_quota(made: Made) -> None:
    made.intake.configure(config(events_waiting=4))
    made.intake.quotas.reserve(7, 1, 10)
    with pytest.raises(EventError):
        made.intake.quotas.reserve(7, 1, 10)


async def test_an_event_of_the_socket_and_one_of_the_spool_take_the_same_way(made: Made) -> None:
    made.intake.configure(config())
    (made.spool / "one.json").write_text('{"type":"a.b","id":"spooled"}\n')
    await made.intake.spool.sweep()
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with theirs:
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(made.intake.events.connection, ours)
        theirs.setblocking(False)
        await loop.sock_sendall(theirs, b'{"type":"a.b"}\n{"type":"a.b","id":"spooled"}\n')
        replies = b""
        while replies.count(b"\n") < 2:
            replies += await loop.sock_recv(theirs, 1000)
    assert [json.loads(line) for line in replies.splitlines()] == [
        {"status": "ok", "id": "made"},
        {"status": "ok", "id": "spooled", "duplicate": True},
    ]
    assert [event.id for each in made.accepted for event in each.events] == ["spooled", "made"]
    assert made.intake.quotas.in_all.events == 3 + 2
