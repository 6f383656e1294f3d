"""The daemon's parts put together, and what zaiond-ctl is answered by them. Nothing is at work."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.store import Notes, Store, event
from zaiond.daemon import start
from zaiond.daemon.app import App
from zaiond.daemon.control import Refused, Request
from zaiond.daemon.options import Options
from zaiond.store import events
from zaiond.store.damage import Damage
from zaiond.store.turns import Turns
from zaiond.store.writer import Writer

GOOD = "mail_server: {host: mailhost.invalid}\nadmins: a@example.jp\nlanguage: en\n"


class Built:
    """An App with a store of its own."""

    def __init__(self, directory: Path) -> None:
        self.config = directory / "zaiond.yaml"
        self.store = Store(directory / "state")
        self.writer = Writer(
            self.store.connection, asyncio.get_running_loop(), print, lambda: False
        )
        self.options = Options(
            str(self.config), "", str(self.store.directory), str(directory / "spool"), "text"
        )
        (directory / "spool").mkdir()
        self.begun: list[Coroutine[Any, Any, None]] = []

    async def build(self) -> None:
        found = await start.find(self.writer, lambda: 0.0, Notes())
        self.notes = Notes()
        self.app = App(
            self.options, self.notes, self.store.database, self.writer, found, self.begun.append
        )

    async def accept(self, *ids: str) -> None:
        batch = [event(id_) for id_ in ids]
        accept = partial(events.accept, batch=batch, queued=0.0, places=Turns().give(batch))
        await self.writer.submit(accept)
        await self.build()  # as a start finds them

    async def ask(self, command: str, uid: int = 4711, **values: Any) -> Any:
        """The result of a command."""
        result = await self.app.control.load()[command](Request(command, asked_by=uid, **values))
        if isinstance(result, AsyncGenerator):
            result = json.loads(b"".join([piece async for piece in result]))
        return result

    async def refused(self, command: str, **values: Any) -> int:
        """The exit status with which a command is refused."""
        with pytest.raises(Refused) as refused:
            await self.ask(command, **values)
        return refused.value.exit_status


@pytest.fixture
async def built(tmp_path: Path) -> AsyncIterator[Built]:
    built = Built(tmp_path)
    await built.build()
    yield built
    for work in built.begun:
        work.close()
    await built.writer.close()
    built.store.database.closed_cleanly()


async def test_without_a_configuration_it_says_so_and_refuses_what_needs_one(built: Built) -> None:
    document = await built.ask("status")
    assert [problem["code"] for problem in document["problems"]] == ["config_none"]
    assert document["servers"] == []
    assert await built.refused("queue.retry") == 75
    assert await built.refused("test") == 78
    assert await built.refused("config.last_good", uid=os.getuid()) == 1
    assert await built.refused("reload") == 78
    assert (await built.ask("config.show"))["settings"] == []


async def test_what_is_loaded_is_shown_and_the_files_only_to_who_may_read_them(
    built: Built,
) -> None:
    built.config.write_text(GOOD)
    assert (await built.ask("reload"))["state"] == "good"
    settings = {one["key"]: one["value"] for one in (await built.ask("config.show"))["settings"]}
    assert "a@example.jp" in str(settings["admins"])
    assert (await built.ask("config.last_good", uid=os.getuid()))["files"][0]["text"] == GOOD
    assert await built.refused("config.last_good", uid=os.getuid() + 1) == 77
    (server,) = (await built.ask("status"))["servers"]
    assert (server["server"], server["state"]) == ("mailhost.invalid:25", "unknown")


async def test_what_waits_is_counted_listed_and_deleted(built: Built) -> None:
    await built.accept("1", "2")
    document = await built.ask("status")
    assert document["queue"]["waiting"] == 2
    listed = await built.ask("queue.list")
    assert listed["total"] == 2
    assert [one["event_ids"] for one in listed["deliveries"]] == [["1"], ["2"]]
    assert await built.refused("queue.delete") == 2
    deleted = await built.ask("queue.delete", ids=["1", "3"])
    assert (deleted["changed"], deleted["unknown"]) == (1, ["3"])
    (told,) = (await built.ask("history", id="1"))["events"]
    assert (told["outcome"], told["reason"]) == ("deleted", "deleted by uid 4711")
    assert [one["id"] for one in (await built.ask("history"))["events"]] == ["1", "2"]
    assert (await built.ask("status"))["queue"]["waiting"] == 1
    assert (await built.ask("status.ack"))["acknowledged"] == 0


async def test_who_has_done_something_by_hand_is_in_the_journal_and_in_history(
    built: Built,
) -> None:
    await built.accept(*"123456789")
    by_whom: list[tuple[dict[str, Any], str]] = [
        ({"uid": 0, "by": "yamada"}, "yamada (zaiond-web)"),  # as root and zaiond-web may
        ({"uid": 0, "by": "a\nb\u202e" + 100 * "x"}, "a b\\u202e"),
        ({"uid": 4711, "by": "yamada"}, "uid 4711"),  # nobody else may pretend
        ({"uid": 0}, "root"),
    ]
    for id_, (asked, who) in enumerate(by_whom, 1):
        await built.ask("queue.delete", ids=[str(id_)], **asked)
        (told,) = (await built.ask("history", id=str(id_)))["events"]
        assert told["reason"].startswith(f"deleted by {who}")
        assert len(told["reason"]) < 100
        assert any(line.startswith(who) for line in built.notes.lines), built.notes.lines
    assert "root: deleted from the queue: 1 (4)" in built.notes.lines
    asked = {"uid": 0, "by": "yamada"}
    await built.ask("queue.delete", ids=list("56789"), **asked)
    assert "yamada (zaiond-web): deleted from the queue: 5 (5, 6, 7, 8, 9)" in built.notes.lines
    await built.ask("queue.delete", ids=["5"], **asked)
    assert "deleted from the queue: 0" not in "".join(built.notes.lines), "nothing was done"
    added = await built.ask("silence.add", seconds=60, comment="a\nb", **asked)
    (silence,) = added["silences"]
    assert f"yamada (zaiond-web): silenced events: a\\x0ab ({silence['id']})" in built.notes.lines
    await built.ask("silence.expire", id=silence["id"], uid=4711, by="yamada")
    assert f"uid 4711: ended a silence ({silence['id']})" in built.notes.lines


async def test_rows_that_are_set_aside_count_no_longer_and_are_told_of(built: Built) -> None:
    await built.accept("1", "2")
    found = await start.find(built.writer, lambda: 0.0, Notes())
    gone = [one._replace(events=-1, bytes=-10) for one in found.waiting]
    built.app.damaged(Damage({"events": 1}, gone, {1000: (-1, -10)}))
    assert (await built.ask("status"))["queue"]["waiting"] == 1
    while built.begun:
        await built.begun.pop()
    *_, notice = (await built.ask("history"))["events"]
    assert (notice["type"], notice["notice"]) == ("zaiond.store.recovered", True)
    assert (await built.ask("status"))["queue"]["waiting"] == 2
