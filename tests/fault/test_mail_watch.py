"""Mail that can't leave, a first server that stays down: told once, on every way that is left."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.fault.test_fallback import Moody
from tests.support.delivery import QUICK, SOON, Post, configuration, connection_context, server
from tests.support.store import Notes
from tests.support.waiting import meanwhile
from zaiond.config.schema import Config, Notify
from zaiond.daemon import mail_watch, wall
from zaiond.daemon.incidents import INCIDENTS, Incidents
from zaiond.daemon.mail_watch import MailWatch
from zaiond.daemon.reports import Reports
from zaiond.delivery.servers import ServerState
from zaiond.holds import Hold
from zaiond.journal import Kind
from zaiond.model import AttemptResult, QueuedMail
from zaiond.store import meta

NO_MAIL = 0.3  # seconds, in place of minutes


class Watched(Post):
    """The delivering half, with reports that tell of it, and the watch."""

    notes: Notes
    reports: Reports
    watch: MailWatch

    async def prepare(self) -> None:
        loop, self.notes = asyncio.get_running_loop(), Notes()
        self._working: set[asyncio.Task[None]] = set()
        found = await self.writer.submit(lambda db: meta.find(db, INCIDENTS, Incidents))
        self.reports = Reports(
            self.notes, self.writer, self.turns, self.clock, self.queue_time,
            lambda work: self._working.add(loop.create_task(work)), str, int, lambda: None,
            found or Incidents(),
        )  # fmt: skip
        nothing = dict.fromkeys(("ended", "count", "released"), lambda _: None)
        admission = SimpleNamespace(**nothing)
        self.reports.connect(cast(Any, admission), self.outbound)
        self.watch = MailWatch(
            self.outbound, self.reports, lambda: self.config is not None, self.clock
        )
        self.reports.on_failure = self.watch.failed
        if self.config is not None:
            self.reports.configure(self.config)
        self.watching = loop.create_task(self.watch.run())

    async def end(self, seconds: float) -> None:
        self.watching.cancel()
        await asyncio.gather(self.watching, return_exceptions=True)
        await asyncio.gather(*self._working)
        await super().end(seconds)

    async def sees(self, condition: Callable[[], object]) -> None:
        """Waits until a look has made it true; a look tells nobody that it was one."""
        async with asyncio.timeout(SOON):
            while not condition():
                await self.a_moment()

    async def delivers(self, id: str) -> None:
        """Waits until the mail about this event has gone out."""
        await self.until(lambda: id in self.delivered)

    def told(self, kind: Kind) -> list[str]:
        """What the journal has of this kind, at `crit`."""
        found = zip(self.notes.kinds, self.notes.levels, self.notes.lines, strict=True)
        return [line for each, level, line in found if (each, level) == (kind, "critical")]

    # -- Observer

    def not_delivered(self, mail: QueuedMail, result: AttemptResult) -> None:
        self.reports.not_delivered(mail, result)

    def held(self, hold: Hold) -> None:
        super().held(hold)
        self.reports.held(hold)

    def server_changed(self, state: ServerState, any_usable: bool) -> None:
        super().server_changed(state, any_usable)
        self.reports.server_changed(state, any_usable)


@asynccontextmanager
async def watched(state: Path, config: Config | None) -> AsyncIterator[Watched]:
    async with Watched(state) as post:
        post.config = config
        await post.prepare()
        if config is not None:
            post.outbound.configure(config, connection_context())
        yield post


@pytest.fixture(autouse=True)
def alarms(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What appears on the terminals; what takes minutes takes moments."""
    shown: list[str] = []
    monkeypatch.setattr(wall, "wall", shown.append)
    monkeypatch.setattr(mail_watch, "LOOK", 0.02)
    monkeypatch.setattr(mail_watch, "NO_MAIL", NO_MAIL)
    return shown


@pytest.fixture
def first() -> Iterator[Moody]:
    with Moody() as sink:
        yield sink


@pytest.fixture
def second() -> Iterator[Moody]:
    with Moody() as sink:
        yield sink


def settings(*sinks: Moody) -> Config:
    servers = [server(sink.port) for sink in sinks]
    return configuration(*servers, queue=QUICK, notify=Notify(wall=True))


@pytest.mark.parametrize("stage", ["MAIL", "DATA"])
async def test_a_server_that_says_later_to_all_is_told_of_when_it_has_done_so_for_long(
    tmp_path: Path, first: Moody, alarms: list[str], stage: str
) -> None:
    first.moods[stage] = "451 4.3.0 Try again later"
    async with watched(tmp_path, settings(first)) as post:
        await post.emit("one")
        await post.sees(lambda: first.asked)
        assert post.told(Kind.NO_MAIL) == []  # not at once
        assert post.watch.can_leave
        await post.sees(lambda: alarms)
        (line,) = post.told(Kind.NO_MAIL)
        assert "(1 waiting): " in line
        assert "4.3.0 Try again later" in line
        assert not post.watch.can_leave
        assert post.watch.no_mail is not None
        assert "later" in str(post.watch.no_mail[1])
        asked = len(first.asked)
        await post.sees(lambda: len(first.asked) > asked + 5)
        assert alarms == [line]
        first.moods.clear()
        await post.delivers("one")
        await post.sees(lambda: post.watch.can_leave)
        assert post.notes.lines[-1] == "mail can leave again"


async def test_what_was_told_is_told_no_more_after_a_restart(
    tmp_path: Path, first: Moody, alarms: list[str]
) -> None:
    first.moods["MAIL"] = "451 4.3.0 Try again later"
    async with watched(tmp_path, settings(first)) as post:
        await post.emit("one")
        await post.sees(lambda: alarms)
    asked = len(first.asked)
    async with watched(tmp_path, settings(first)) as post:
        await post.sees(lambda: len(first.asked) > asked + 5)
        await meanwhile(2 * NO_MAIL)
        assert not post.watch.can_leave
        assert post.told(Kind.NO_MAIL) == []
        first.moods.clear()
        await post.delivers("one")
        await post.sees(lambda: post.watch.can_leave)
        first.moods["MAIL"] = "451 4.3.0 Try again later"
        await post.emit("two")
        await post.sees(lambda: len(alarms) == 2)  # that is another one


class Picky(Moody):
    """Takes all but the mail about `odd`, of which it thinks again and again."""

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if b"Zaiond-Event: odd" in (envelope.original_content or b""):
            return "451 4.3.0 Not this one"
        return await super().handle_DATA(server, session, envelope)


async def test_a_mail_that_others_overtake_is_no_sign_that_none_leaves(
    tmp_path: Path, alarms: list[str]
) -> None:
    with Picky() as picky:
        async with watched(tmp_path, settings(picky)) as post:
            await post.emit("odd")
            await post.sees(lambda: post.notes.lines)
            await post.emit("good")
            await post.delivers("good")
            asked = len(picky.asked)
            await post.sees(lambda: len(picky.asked) > asked + 5)
            assert post.pool.servers is not None
            assert post.pool.servers.none_takes is None
            assert post.watch.can_leave
    assert alarms == []


async def test_a_recipient_whose_mail_is_put_off_is_no_sign_that_none_leaves(
    tmp_path: Path, first: Moody, alarms: list[str]
) -> None:
    first.moods["RCPT"] = "450 4.2.0 Greylisted"
    async with watched(tmp_path, settings(first)) as post:
        await post.emit("one")
        asked = len(first.asked)
        await post.sees(lambda: len(first.asked) > asked + 8)
        assert post.watch.can_leave
    assert alarms == []


async def test_without_a_configuration_events_that_wait_for_long_are_told_of(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path, None) as post:
        await meanwhile(NO_MAIL)  # nothing waits, so nothing is to be told
        assert post.told(Kind.NO_MAIL) == []
        await post.emit("one", "two")
        await post.sees(lambda: post.told(Kind.NO_MAIL))
        (line,) = post.told(Kind.NO_MAIL)
        assert "(2 waiting)" in line
        assert "no valid configuration" in line


async def test_mail_can_leave_while_the_configuration_changes(tmp_path: Path, first: Moody) -> None:
    async with watched(tmp_path, settings(first)) as post:
        post.dispatcher.suspend()
        assert post.watch.can_leave
    async with watched(tmp_path, None) as post:
        assert not post.watch.can_leave


async def test_an_outage_is_told_at_once_and_not_again_when_it_lasts_or_the_daemon_starts_anew(
    tmp_path: Path, first: Moody, alarms: list[str]
) -> None:
    first.stop()
    async with watched(tmp_path, settings(first)) as post:
        await post.emit("one")
        await post.sees(lambda: alarms)
        await meanwhile(2 * NO_MAIL)
    async with watched(tmp_path, settings(first)) as post:
        await post.sees(lambda: post.servers_changed)
        await meanwhile(2 * NO_MAIL)
        assert not post.watch.can_leave
        assert len(alarms) == 1
        assert post.told(Kind.NO_MAIL) == []
        first.start()
        await post.delivers("one")
        await post.sees(lambda: post.watch.can_leave)


async def test_an_outage_that_ends_while_nothing_waits_is_seen_all_the_same(
    tmp_path: Path, first: Moody
) -> None:
    first.stop()
    async with watched(tmp_path, settings(first)) as post:
        await post.emit("one")
        await post.sees(lambda: not post.watch.can_leave)
        await post.delete(["one"])
        first.start()
        await post.sees(lambda: post.watch.can_leave)


async def test_a_first_server_that_stays_down_is_told_of_once_more_by_the_other(
    tmp_path: Path,
    first: Moody,
    second: Moody,
    alarms: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first.stop()
    async with watched(tmp_path, settings(first, second)) as post:
        await post.emit("one")
        await post.sees(lambda: len(second.mails) == 2)  # with the notice that it is down
        assert post.watch.stays_down is None
        monkeypatch.setattr(mail_watch, "STAYS_DOWN", 0.5)
        await post.sees(lambda: post.watch.stays_down)
        await post.sees(lambda: len(second.mails) == 3)
        assert "is still out of use" in str(second.mails[2].message["Subject"])
        assert post.watch.can_leave
        (line,) = post.told(Kind.SERVER_STAYS_DOWN)
        assert alarms == [line]
    async with watched(tmp_path, settings(first, second)) as post:
        assert post.watch.stays_down is not None  # known at once
        await post.emit("two")
        await post.delivers("two")
        await meanwhile(0.1)
        assert len(second.mails) == 4
        assert len(alarms) == 1
        first.start()
        await post.sees(lambda: post.watch.stays_down is None)


async def test_a_server_that_comes_and_goes_is_one_incident(
    tmp_path: Path, first: Moody, second: Moody
) -> None:
    async with watched(tmp_path, settings(first, second)) as post:
        for number in range(3):
            first.stop()
            post.ahead += 60
            await post.emit(f"a{number}")
            await post.delivers(f"a{number}")
            first.start()
            await post.sees(lambda: "up" in post.servers_changed[-1])
        notices = [id_ for mail in second.mails + first.mails for id_ in mail.event_ids]
        assert len([id_ for id_ in notices if id_.startswith("zaiond.server.down/")]) == 1
