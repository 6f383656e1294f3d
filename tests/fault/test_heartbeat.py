"""The heartbeat: fetched from a real server while the daemon is healthy, and only then."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.daemon import Daemon
from tests.support.http_server import HttpServer
from tests.support.scripted_server import server_context
from tests.support.sink import Sink
from tests.support.store import NOW, Clock, Notes
from tests.support.waiting import meanwhile
from zaiond.config.schema import Config, Heartbeat, MailServer, Secret
from zaiond.daemon import heartbeat as module
from zaiond.daemon.heartbeat import Health

WELL = Health(
    config_good=True,
    mail_leaves=True,
    admins_hear=True,
    first_server=True,
    disk_free=True,
    disk_writable=True,
)
CONFIG = Config(mail_server=MailServer(host="mailhost"), admins=("a@x",))
SECRET = "pr1vate-p1ng"


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as running:
        yield running


class Beating:
    """A heartbeat at work, in a daemon whose health is as the test has it."""

    def __init__(self) -> None:
        self.health = WELL
        self.notes = Notes()
        self.clock = Clock()
        self.heartbeat = module.Heartbeat(self._health, self.clock, self.notes)

    async def _health(self) -> Health:
        return self.health

    def fetch(self, url: str, every: float = 0.01) -> None:
        """This is the URL from now on."""
        heartbeat = Heartbeat(url_file="/ping", every=every, url=Secret(url))
        self.heartbeat.configure(replace(CONFIG, heartbeat=heartbeat))

    async def sees(self, look: Any) -> None:
        """Waits until it is so: a fetch tells nobody."""
        async with asyncio.timeout(30):
            while not look():
                await asyncio.to_thread(lambda: None)

    @property
    def document(self) -> dict[str, Any]:
        document = self.heartbeat.document("en")
        assert document is not None
        return document


@pytest.fixture
async def beating() -> AsyncIterator[Beating]:
    made = Beating()
    working = asyncio.create_task(made.heartbeat.run())
    yield made
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working


async def test_it_is_fetched_again_and_again(server: HttpServer, beating: Beating) -> None:
    beating.fetch(f"{server.url}/{SECRET}?a=b")
    await beating.sees(lambda: len(server.asked) >= 3)
    assert set(server.asked) == {f"/{SECRET}?a=b"}
    assert server.heard[0]["Host"] == server.host
    assert server.heard[0]["User-Agent"].startswith("zaiond/")
    await beating.sees(lambda: beating.heartbeat.last == NOW)
    assert beating.document == {
        "host": server.host, "every": 0.01, "error": None, "stopped": None,
        "last": "2013-05-25T00:00:00Z",
    } | {"last": beating.document["last"]}  # fmt: skip
    assert beating.notes.lines == []


async def test_who_is_named_in_the_url_logs_in(server: HttpServer, beating: Beating) -> None:
    beating.fetch(server.url.replace("//", "//zaion:p%40ss@") + "/")
    await beating.sees(lambda: server.heard)
    assert server.heard[0]["Authorization"] == "Basic emFpb246cEBzcw=="
    assert server.heard[0]["Host"] == server.host


async def test_another_url_is_fetched_at_once(server: HttpServer, beating: Beating) -> None:
    beating.fetch(f"{server.url}/one", every=3600)
    await beating.sees(lambda: beating.heartbeat.last)
    beating.fetch(f"{server.url}/two", every=3600)
    await beating.sees(lambda: len(server.asked) == 2)
    assert server.asked == ["/one", "/two"]


async def test_what_came_of_a_url_that_was_changed_meanwhile_counts_for_nothing(
    server: HttpServer, beating: Beating
) -> None:
    server.may_answer.clear()
    server.status = 500
    beating.fetch(f"{server.url}/one", every=3600)
    await beating.sees(lambda: server.asked)
    beating.fetch(f"{server.url}/two", every=3600)
    server.status = 200
    server.may_answer.set()
    await beating.sees(lambda: beating.heartbeat.last)
    assert server.asked == ["/one", "/two"]
    assert beating.notes.lines == []


async def test_none_is_fetched_once_it_is_configured_no_more(
    server: HttpServer, beating: Beating
) -> None:
    beating.fetch(f"{server.url}/one")
    await beating.sees(lambda: beating.heartbeat.last)
    beating.heartbeat.configure(CONFIG)
    await meanwhile(0.05)  # one may be under way
    asked = len(server.asked)
    await meanwhile(0.1)
    assert len(server.asked) == asked
    assert beating.heartbeat.document("en") is None


@pytest.mark.parametrize("part", list(Health.__slots__))
async def test_nothing_is_fetched_while_the_daemon_is_not_healthy(
    server: HttpServer, beating: Beating, part: str
) -> None:
    beating.health = replace(WELL, **{part: False})
    beating.fetch(f"{server.url}/{SECRET}")
    await beating.sees(lambda: beating.heartbeat.ill)
    await meanwhile(0.1)
    assert server.asked == []
    assert len(beating.notes.lines) == 1
    assert beating.notes.lines[0].startswith(f"the heartbeat is stopped ({server.host}): ")
    assert beating.document["stopped"]
    beating.health = WELL
    await beating.sees(lambda: server.asked)
    await beating.sees(lambda: beating.notes.lines[1:])
    assert beating.notes.lines[1:] == [f"the heartbeat is sent again ({server.host})"]


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_an_answer_that_is_not_of_success_is_a_fault_told_of_once(
    server: HttpServer, beating: Beating, status: int
) -> None:
    server.status, server.headers = status, {"Location": f"{server.url}/elsewhere"}
    beating.fetch(f"{server.url}/{SECRET}")
    await beating.sees(lambda: len(server.asked) >= 4)
    assert set(server.asked) == {f"/{SECRET}"}
    why = f"an answer with status {status}"
    assert beating.notes.lines == [f"the heartbeat can't be sent ({server.host}): {why}"]
    assert beating.document["error"] == why
    assert beating.document["last"] is None
    server.status = 204
    await beating.sees(lambda: beating.document["error"] is None)


async def test_what_is_in_an_answer_is_not_read(server: HttpServer, beating: Beating) -> None:
    server.content = b"x" * 50_000_000
    beating.fetch(f"{server.url}/")
    await beating.sees(lambda: beating.heartbeat.last)
    assert beating.heartbeat.failure is None


async def test_a_server_that_gives_no_answer_is_left_after_a_while_and_asked_by_one_at_a_time(
    server: HttpServer, beating: Beating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST", 0.3)
    server.may_answer.clear()
    beating.fetch(f"{server.url}/{SECRET}")
    await beating.sees(lambda: server.asked)
    await meanwhile(0.1)  # ten times as long as until the next one
    assert len(server.asked) == 1
    await beating.sees(lambda: beating.heartbeat.failure)
    assert "timed out" in beating.document["error"]
    server.may_answer.set()
    await beating.sees(lambda: beating.heartbeat.failure is None)


async def test_a_server_that_is_not_there_is_a_fault(beating: Beating) -> None:
    with HttpServer() as gone:
        url = f"{gone.url}/{SECRET}"
    beating.fetch(url)
    await beating.sees(lambda: beating.heartbeat.failure)
    assert "connection refused" in beating.document["error"]
    assert SECRET not in json.dumps([beating.notes.lines, beating.document])


@pytest.mark.parametrize("path", ["a\x01b", "a b", "a\x7f", "\x00"])
async def test_a_url_that_can_not_be_asked_for_is_a_fault_and_ends_nothing(
    server: HttpServer, beating: Beating, path: str
) -> None:
    beating.fetch(f"{server.url}/{SECRET}{path}")
    await beating.sees(lambda: beating.heartbeat.failure)
    assert beating.document["error"] == "a URL that can't be asked for"
    assert SECRET not in json.dumps([beating.notes.lines, beating.document])
    beating.fetch(f"{server.url}/well")
    await beating.sees(lambda: server.asked)


async def test_a_server_without_a_certificate_that_holds_is_a_fault(
    beating: Beating, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    with HttpServer(server_context(authority)) as server:
        beating.fetch(f"{server.url}/{SECRET}")
        await beating.sees(lambda: beating.heartbeat.failure)
        assert "certificate" in beating.document["error"]
        assert server.asked == []
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        await beating.sees(lambda: server.asked)
        await beating.sees(lambda: beating.heartbeat.last)


async def test_a_fault_that_lasts_is_told_of_again_after_long(
    server: HttpServer, beating: Beating, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.status = 500
    monkeypatch.setattr(module, "TOLD_EVERY", 0.05)
    beating.fetch(f"{server.url}/")
    await beating.sees(lambda: len(beating.notes.lines) >= 2)
    assert len(set(beating.notes.lines)) == 1


# -- by the daemon


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


def configuration(sink: Sink, more: str = "") -> str:
    return f"""
mail_server: {{host: 127.0.0.1, port: {sink.port}}}
sender: zaionnex@example.co.jp
admins: a@example.co.jp
language: en
queue: {{retry_first: 1s, retry_max: 1s}}
heartbeat: {{url_file: ping-url, every: 10s}}
{more}
"""


@pytest.fixture
def daemon(tmp_path: Path, sink: Sink, server: HttpServer) -> Iterator[Daemon]:
    made = Daemon(tmp_path, configuration(sink))
    url = made.config.parent / "ping-url"
    url.write_text(f"{server.url}/{SECRET}\n")
    url.chmod(0o600)
    with made:
        yield made


def test_the_daemon_fetches_it_at_the_start_and_when_it_is_another_one(
    daemon: Daemon, server: HttpServer
) -> None:
    server.wait(1)
    status = daemon.becomes(lambda s: s["heartbeat"]["last"] is not None, "status")
    assert status["ok"]
    assert status["heartbeat"]["host"] == server.host
    (daemon.config.parent / "ping-url").write_text(f"{server.url}/{SECRET}-two\n")
    assert server.wait(2) == [f"/{SECRET}", f"/{SECRET}-two"]
    for asked in (("status",), ("status", "--json"), ("config", "show")):
        said = daemon.ctl(*asked)
        assert SECRET not in said.stdout + said.stderr
    assert server.host in daemon.ctl("status").stdout
    assert SECRET not in daemon.printed()


def test_what_can_not_be_fetched_is_in_the_journal_and_in_the_status(
    daemon: Daemon, server: HttpServer
) -> None:
    server.wait(1)
    server.status = 503
    (daemon.config.parent / "ping-url").write_text(f"{server.url}/{SECRET}-two\n")
    status = daemon.becomes(lambda s: not s["ok"], "status")
    (problem,) = status["problems"]
    assert problem["code"] == "heartbeat"
    assert problem["message"] == "the heartbeat can't be sent: an answer with status 503"
    assert f"the heartbeat can't be sent ({server.host})" in daemon.printed()


def test_a_daemon_whose_configuration_is_broken_or_whose_mail_can_not_leave_is_silent(
    daemon: Daemon, server: HttpServer, sink: Sink
) -> None:
    server.wait(1)
    sink.stop()
    daemon.emit({"type": "a.b"})
    daemon.becomes(lambda s: s["servers"][0]["state"] == "down", "status")
    (daemon.config.parent / "ping-url").write_text(f"{server.url}/{SECRET}-two\n")
    status = daemon.becomes(lambda s: s["heartbeat"]["stopped"], "status")
    assert status["heartbeat"]["stopped"] == "mail can't leave"
    assert server.asked == [f"/{SECRET}"]
    sink.start()
    assert server.wait(2)[1] == f"/{SECRET}-two"


def test_a_daemon_whose_administrators_are_all_refused_is_silent(
    daemon: Daemon, server: HttpServer, sink: Sink
) -> None:
    server.wait(1)
    sink.refuse["a@example.co.jp"] = "550 5.1.1 No such user here"
    daemon.emit({"type": "a.b"})
    daemon.becomes(lambda s: s["queue"]["held"], "status")
    (daemon.config.parent / "ping-url").write_text(f"{server.url}/{SECRET}-two\n")
    status = daemon.becomes(lambda s: s["heartbeat"]["stopped"], "status")
    assert status["heartbeat"]["stopped"] == "every administrator's address is refused"
    assert server.asked == [f"/{SECRET}"]
    sink.refuse.clear()
    daemon.ctl("queue", "retry")
    daemon.becomes(lambda s: s["queue"]["held"] == 0, "status")
    assert server.wait(2)[1] == f"/{SECRET}-two"
