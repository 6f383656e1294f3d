"""How the daemon is, asked of its parts, and what is only loaded for who wants it."""

from collections.abc import Coroutine
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.store import Clock, Notes
from tests.support.waiting import turns
from zaiond.config.schema import Config, Cron, Heartbeat, MailServer, Secret
from zaiond.daemon.incidents import Incidents, Outage
from zaiond.daemon.watcher import Watcher
from zaiond.daemon.words import watch
from zaiond.delivery.outbound import Waiting
from zaiond.delivery.servers import Servers
from zaiond.errors import StoreError
from zaiond.holds import Holds
from zaiond.text import Text

CONFIG = Config(mail_server=MailServer(host="mailhost"), admins=("a@x",))
HEARTBEAT = Heartbeat(url_file="/ping", every=60.0, url=Secret("http://127.0.0.1:1/"))


class Parts:
    """A daemon's parts, as healthy as the test has them."""

    def __init__(self) -> None:
        self.configuration = SimpleNamespace(state="good", config=CONFIG)
        self.free, self.is_writable, self.reachable = (1000, 100), True, True
        self.incidents = Incidents()
        self.begun: list[Coroutine[Any, Any, None]] = []
        servers = Servers(CONFIG.mail_servers, 60.0, 3600.0, 0.0)
        self.outbound = SimpleNamespace(
            pool=SimpleNamespace(servers=servers, probe=lambda _: None),
            holds=Holds(),
            count_waiting=self.count,
            router=SimpleNamespace(maker="one"),
            may_reach_admins=lambda: self.reachable,
        )
        reports = SimpleNamespace(incidents=self.incidents, record=None)
        database = SimpleNamespace(space=SimpleNamespace(free_bytes=lambda: self.free))
        self.watcher = Watcher(
            cast(Any, self.outbound), cast(Any, reports), Notes(), cast(Any, database),
            cast(Any, None), Clock(), lambda: 0.0, lambda: cast(Any, self.configuration),
            self.round_trip, cast(Any, None), self.begun.append,
        )  # fmt: skip

    async def count(self) -> Waiting:
        return Waiting(1, 0)

    async def round_trip(self) -> None:
        if not self.is_writable:
            raise StoreError(Text("書けません", "can't write"))

    async def ill(self) -> Text | None:
        return (await self.watcher.health()).ill


@pytest.fixture
async def parts() -> Parts:
    return Parts()


async def test_a_daemon_whose_parts_are_well_is_healthy(parts: Parts) -> None:
    assert await parts.ill() is None
    parts.free = (100, 100)
    assert await parts.ill() is None


async def test_what_is_wrong_with_any_of_them_makes_it_ill(parts: Parts) -> None:
    parts.is_writable = False
    assert await parts.ill() == watch.NOT_WRITABLE
    parts.free = (99, 100)
    assert await parts.ill() == watch.DISK_LOW
    parts.incidents.outages["mailhost:25"] = Outage(0.0, stays=True)
    assert await parts.ill() == watch.FIRST_SERVER_DOWN
    parts.reachable = False
    assert await parts.ill() == watch.NO_ADMIN_HEARS
    parts.incidents.no_mail = 1.0
    assert await parts.ill() == watch.NO_MAIL_LEAVES
    parts.configuration.state = "last_good"
    assert await parts.ill() == watch.NOT_CONFIGURED_WELL


async def test_heartbeat_and_summary_are_made_once_they_are_configured(parts: Parts) -> None:
    parts.watcher.configure(CONFIG)
    assert parts.begun == []
    assert parts.watcher.heartbeat is None
    for _ in range(2):
        parts.watcher.configure(replace(CONFIG, heartbeat=HEARTBEAT, summary=Cron("0 8 * * *")))
    assert len(parts.begun) == 2
    assert parts.watcher.heartbeat is not None
    assert parts.watcher.heartbeat.host == "127.0.0.1:1"
    parts.watcher.configure(CONFIG)
    assert parts.watcher.heartbeat.host == ""
    for work in parts.begun:
        work.close()
    await turns()
