"""Hubs of a fleet with real nats-servers: what members hand on becomes mail, once, whichever hub
works, whatever is killed.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from nats.aio.client import Client
from nats.js import JetStreamContext

from tests.support import letters
from tests.support.daemon import Daemon
from tests.support.letters import leader, publish, say_alive, waiting
from tests.support.nats import Nats, Proxy
from tests.support.sink import Mail, Sink
from tests.support.store import rows
from tests.support.waiting import until
from tests.support.web import Browser, Web
from zaiond.fleet import names

WEB1, WEB2 = "web1.example.jp", "web2.example.jp"
HUB1, HUB2 = "hub1.example.jp", "hub2.example.jp"
TAKEN_OVER_WITHIN = 30.0  # interface 11
ROOT = Path(__file__).parents[2]


class Hub:
    """A hub with a mail server of its own, so that it is seen which one mails."""

    def __init__(self, directory: Path, name: str, fleet: dict[str, Any], **settings: Any) -> None:
        self.sink = Sink()
        self.sink.start()
        self.settings = {
            "mail_server": {"host": "localhost", "port": self.sink.port},
            "sender": "zaionnex",
            "admins": "postmaster@example.co.jp",
            "queue": {"retry_first": "1s", "retry_max": "2s"},
            "route_defaults": {"max_mails": None},
            "language": "en",
            "fleet": fleet,
            **settings,
        }
        text = yaml.safe_dump(self.settings, allow_unicode=True, sort_keys=False)
        self.name = name
        self.daemon = Daemon(directory, text, wrapper=letters.machine(name))

    def patched(self, patch: str) -> None:
        """At the next start the daemon runs with this change of its code."""
        code = f"{patch}\nfrom zaiond.daemon.main import main\nmain()"
        self.daemon.program = (sys.executable, "-c", code)
        self.daemon.environment["PYTHONPATH"] = str(ROOT)

    def whole(self) -> None:
        self.daemon.program = (Path(sys.executable).parent / "zaiond",)

    @property
    def mails(self) -> list[Mail]:
        return list(self.sink.mails)

    def ids(self) -> list[str]:
        """The events that were mailed from here, as often as they were."""
        return [id_ for mail in self.mails for id_ in mail.event_ids]


MakeHub = Callable[..., Hub]


@pytest.fixture
def nats(directory: Path) -> Iterator[Nats]:
    with Nats(directory / "nats") as running:
        running.init()
        yield running


@pytest.fixture
def make_hub(directory: Path) -> Iterator[MakeHub]:
    with ExitStack() as ended:

        def make(nats: Nats, name: str = HUB1, **settings: Any) -> Hub:
            fleet = nats.settings(name, **{"role": "hub", **settings.pop("fleet", {})})
            hub = Hub(directory / name.partition(".")[0], name, fleet, **settings)
            ended.callback(hub.sink.stop)
            ended.callback(hub.daemon.end)
            return hub

        yield make


def events(*numbers: int, **more: Any) -> list[dict[str, Any]]:
    return [{"type": "backup.failed", "id": f"e{n}", "message": f"no {n}", **more} for n in numbers]


def works(nats: Nats, hub: Hub, seconds: float = TAKEN_OVER_WITHIN) -> None:
    until(
        lambda: leader(nats) == hub.name, lambda: f"{leader(nats)}\n{hub.daemon.printed()}", seconds
    )


@contextmanager
def first_and_second(nats: Nats, one: Hub, other: Hub) -> Iterator[None]:
    """Both run, and the first works: it does before the second is started."""
    with one.daemon:
        works(nats, one)
        with other.daemon:
            yield


def taken_in(nats: Nats, hub: Hub, seconds: float = 30.0) -> None:
    """Waits until all is acknowledged."""
    until(lambda: waiting(nats) == 0, lambda: f"{waiting(nats)}\n{hub.daemon.printed()}", seconds)


def test_what_a_member_hands_on_is_mailed_with_its_machine_and_its_user(
    nats: Nats, make_hub: MakeHub
) -> None:
    hub = make_hub(nats)
    with hub.daemon:
        publish(nats, WEB1, events(1, severity="err"))
        (mail,) = hub.sink.wait(1)
        taken_in(nats, hub)
        (told,) = hub.daemon.document("history", "e1")["events"]
    assert f"host: {WEB1}" in mail.body
    assert f"User: tom@{WEB1}" in mail.body
    assert f"Server: {WEB1}" in mail.body
    assert told["data"]["host"] == WEB1


def test_whose_an_event_of_another_machine_is_is_said_everywhere_as_in_its_mail(
    nats: Nats, make_hub: MakeHub
) -> None:
    """A uid of this hub's own says nothing to a person, and nothing at all on another hub."""
    hub = make_hub(nats)
    hub.sink.stop()  # the mail waits
    hub.daemon.environment["LC_ALL"] = "C.UTF-8"
    forged = events(1, type="zaiond.config.broken", source="backup")
    with hub.daemon, Web(hub.daemon) as web:
        publish(nats, WEB1, forged)
        publish(nats, WEB2, forged)
        taken_in(nats, hub)
        (told, _), listed = (
            hub.daemon.document("history", "e1")["events"],
            hub.daemon.document("queue", "list")["deliveries"],
        )
        said = [
            hub.daemon.ctl(*command)
            for command in (("history", "e1"), ("queue", "list"), ("queue", "delete", "e1"))
        ]
        browser = Browser(web.base)
        browser.get(web.link)
        page = browser.get("/history/e1").text
    tom = f"tom@{WEB1}"
    assert told["user"] == tom
    assert {one["user"] for one in listed} == {tom, f"tom@{WEB2}"}
    for text in (*(one.stdout + one.stderr for one in said), page):
        assert tom in text
        assert f"uid {told['uid']}" not in text


def test_the_same_event_twice_is_one_and_that_of_another_machine_is_another(
    nats: Nats, make_hub: MakeHub
) -> None:
    hub = make_hub(nats)
    with hub.daemon:
        publish(nats, WEB1, events(1))
        hub.sink.wait(1)
        taken_in(nats, hub)
        publish(nats, WEB1, events(1))
        publish(nats, WEB2, events(1))
        publish(nats, WEB1, events(1), uid=0, user="root")
        publish(nats, WEB1, events(2))
        hub.sink.wait(4)
        taken_in(nats, hub)
    assert sorted(hub.ids()) == ["e1", "e1", "e1", "e2"]


def test_a_hub_s_own_events_are_mailed_as_always(nats: Nats, make_hub: MakeHub) -> None:
    hub = make_hub(nats, fleet={"fallback_after": "5s"})
    with hub.daemon:
        hub.daemon.emit({"type": "a.b", "id": "own"})
        hub.sink.wait(1)
        nats.close()
        hub.daemon.emit({"type": "a.b", "id": "own, without the engine"})
        hub.sink.wait(2)


def test_what_happens_on_a_hub_that_waits_is_the_fleet_s(
    directory: Path, make_hub: MakeHub
) -> None:
    with Nats(directory / "nats", accounts=True, hubs=(HUB1, HUB2)) as nats:
        nats.init()  # and hubs have a hub's rights
        _what_happens_on_a_hub_that_waits(nats, make_hub)


def _what_happens_on_a_hub_that_waits(nats: Nats, make_hub: MakeHub) -> None:
    one, other = make_hub(nats, HUB1), make_hub(nats, HUB2)
    with first_and_second(nats, one, other):
        other.daemon.becomes(lambda now: now["fleet"]["hub"] == HUB1, "status")
        for hub in (one, other):  # who would get it, not that a hub does
            (event,) = hub.daemon.document("route", "a.b")["events"]
            assert [part["to"] for part in event["decisions"]] == [["postmaster@example.co.jp"]]
            said = hub.daemon.ctl("problems").stderr
            assert said == "" if hub is one else HUB1 in said
        other.daemon.emit({"type": "disk.full", "id": "d1", "key": "/", "status": "problem"})
        (mail,) = one.sink.wait(1)
        assert f"host: {HUB2}" in mail.body
        other.daemon.emit({"type": "job.failed", "id": "j1", "job": "nightly"})
        one.sink.wait(2)
        (job,) = one.daemon.document("jobs")["jobs"]
        assert (job["state"], job["machine"]) == ("failed", HUB2)
        taken_in(nats, one)
        # Whichever hub works: these are the same problem and job there.
        one.daemon.stop()
        works(nats, other, 10)
        other.daemon.emit({"type": "disk.full", "id": "d2", "key": "/", "status": "ok"})
        other.daemon.emit({"type": "job.succeeded", "id": "j2", "job": "nightly"})
        told = other.sink.wait(2)
        assert {id_ for mail in told for id_ in mail.event_ids} == {"d2", "j2"}
        assert not other.daemon.document("problems")["problems"]
        one.daemon.start()
        one.daemon.emit({"type": "a.b", "id": "of the one that waits now"})
        other.sink.wait(3)
    assert sorted(one.ids()) == ["d1", "j1"]


def test_a_hub_that_waits_and_is_cut_off_mails_its_own_events_by_itself(
    nats: Nats, make_hub: MakeHub
) -> None:
    with Proxy(nats.nodes[0].port) as link:
        way = {"servers": [f"nats://127.0.0.1:{link.port}"], "fallback_after": "5s"}
        one, other = make_hub(nats, HUB1), make_hub(nats, HUB2, fleet=way)
        with first_and_second(nats, one, other):
            other.daemon.becomes(lambda now: now["fleet"]["hub"] == HUB1, "status")
            link.cut()
            other.daemon.emit({"type": "disk.full", "id": "d1", "key": "/", "status": "problem"})
            status = other.daemon.becomes(lambda now: now["fleet"]["to_hand_on"] == 1, "status")
            assert status["fleet"]["state"] == "handing_on"
            until(lambda: "d1" in other.ids(), lambda: other.daemon.printed())
            status = other.daemon.document("status")
            assert status["fleet"]["state"] == "by_itself"
            assert [each["code"] for each in status["problems"]] == ["fleet"]
            assert "mailed from here" in other.daemon.ctl("status").stdout
            link.mend()
            other.daemon.becomes(lambda now: now["ok"], "status")
            # Who was told from here hears of the end from here; the fleet did not know of it.
            other.daemon.emit({"type": "disk.full", "id": "d2", "key": "/", "status": "ok"})
            other.daemon.emit({"type": "a.b", "id": "handed on again"})
            until(lambda: "d2" in other.ids(), lambda: other.daemon.printed())
            until(lambda: one.ids() == ["handed on again"], lambda: one.daemon.printed())
    subjects = [mail.subject for mail in other.mails if not mail.event_ids[0].startswith("d")]
    assert len(subjects) == 2  # that it mails by itself, and that it is over
    assert any("mails by itself" in each for each in subjects)
    assert any("reaches the fleet again" in each for each in subjects)


def test_what_a_hub_has_handed_on_comes_back_to_it_when_it_takes_over(
    nats: Nats, make_hub: MakeHub
) -> None:
    one, other = make_hub(nats, HUB1), make_hub(nats, HUB2)
    one.daemon.start()
    works(nats, one)
    with other.daemon:
        other.daemon.becomes(lambda now: now["fleet"]["hub"] == HUB1, "status")
        os.kill(one.daemon.process.pid, signal.SIGSTOP)
        until(lambda: waiting(nats) == 0, lambda: "")
        sent = {"type": "a.b", "source": "s", "data": {"host": "said", "n": 1}}
        other.daemon.emit({**sent, "id": "e1", "severity": "err"}, {"type": "a.b", "id": "e2"})
        until(lambda: waiting(nats) == 2, lambda: other.daemon.printed())
        mails = other.sink.wait(2)
        taken_in(nats, other)
        one.daemon.kill()
    assert sorted(id_ for mail in mails for id_ in mail.event_ids) == ["e1", "e2"]
    assert all(f"host: {HUB2}" in mail.body for mail in mails)


def test_while_nobody_works_what_waits_at_a_hub_is_counted_and_shown(
    nats: Nats, make_hub: MakeHub
) -> None:
    one, other = make_hub(nats, HUB1), make_hub(nats, HUB2)
    with first_and_second(nats, one, other):
        one.daemon.becomes(lambda now: now["fleet"]["works"], "status")

        def words() -> dict[str, tuple[str, int]]:
            found = letters.hub_words(nats)
            return {name: (word["state"], word["waiting"]) for name, word in found.items()}

        wanted = {HUB1: ("working", 0), HUB2: ("waiting", 0)}
        until(lambda: words() == wanted, lambda: str(words()))
        other.daemon.stop()
        wanted[HUB2] = ("stopped", 0)
        until(lambda: words() == wanted, lambda: str(words()))


def test_what_can_not_be_read_is_told_and_holds_up_nothing(nats: Nats, make_hub: MakeHub) -> None:
    hub = make_hub(nats)
    with hub.daemon:
        letters.publish_raw(nats, "zaiond.web1_example_jp.event", b"\xff no event", {})
        letters.publish_raw(nats, "zaiond.Web-1.event", b"{}", {"Zaiond-Id": "x"})
        publish(nats, WEB1, events(1))
        mails = hub.sink.wait(3)
        taken_in(nats, hub)
    told = [mail for mail in mails if mail.event_ids != ("e1",)]
    assert len(told) == 2
    assert any("\\xff no event" in mail.body for mail in told)


def test_an_id_with_other_content_is_kept_as_what_can_not_be_read(
    nats: Nats, make_hub: MakeHub
) -> None:
    hub = make_hub(nats)
    with hub.daemon:
        publish(nats, WEB1, events(1))
        hub.sink.wait(1)
        publish(nats, WEB1, [{"type": "other", "id": "e1", "message": "something else"}])
        mails = hub.sink.wait(2)
        taken_in(nats, hub)
    assert "something else" in mails[1].body


def test_killed_between_its_commit_and_its_acknowledgement_it_loses_nothing(
    nats: Nats, make_hub: MakeHub
) -> None:
    one, other = make_hub(nats, HUB1), make_hub(nats, HUB2)
    one.patched(
        "import os, signal\nfrom zaiond.fleet import consumer\n"
        "async def acknowledge(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
        "consumer.acknowledge = acknowledge; consumer.BATCH = 7"
    )
    publish(nats, WEB1, events(*range(20)))
    one.daemon.start()
    assert one.daemon.process.wait(30) == -signal.SIGKILL
    assert waiting(nats) == 20  # none was acknowledged
    # What it had when it committed: the engine may send messages in parts, and does here.
    kept = [id_ for (id_,) in rows(one.daemon.state, "SELECT id FROM events")]
    assert kept
    killed = time.monotonic()
    other.daemon.start()
    other.sink.wait(20)
    assert time.monotonic() - killed < TAKEN_OVER_WITHIN
    taken_in(nats, other)
    one.whole()
    one.daemon.start()
    mails = one.sink.wait(len(kept))  # which were under way there
    # And never again: they are known at both.
    publish(nats, WEB1, events(99))
    other.sink.wait(21)
    ids = {f"e{n}" for n in range(20)}
    assert sorted(one.ids()) == sorted(kept)
    # So readers show one: whichever hub mails an event, it is the same mail.
    known = {str(mail.message["Message-ID"]) for mail in other.mails}
    assert {str(mail.message["Message-ID"]) for mail in mails} < known
    assert len(known) == 21
    assert sorted(other.ids()) == sorted(ids | {"e99"})


def test_the_other_hub_takes_over_from_one_that_is_killed(nats: Nats, make_hub: MakeHub) -> None:
    one, other = make_hub(nats, HUB1), make_hub(nats, HUB2)
    with other.daemon:
        works(nats, other)
        one.daemon.start()
        publish(nats, WEB1, events(1))
        other.sink.wait(1)
        other.daemon.becomes(lambda now: now["delivered"] == 1, "status")  # not under way
        other.daemon.kill()
        killed = time.monotonic()
        publish(nats, WEB1, events(2))
        one.sink.wait(1)
        assert time.monotonic() - killed < TAKEN_OVER_WITHIN
        other.daemon.start()  # which waits now
        publish(nats, WEB1, events(3))
        one.sink.wait(2)
    assert (one.ids(), other.ids()) == (["e2", "e3"], ["e1"])


def test_an_orderly_stop_hands_over_at_once(nats: Nats, make_hub: MakeHub) -> None:
    one, other = make_hub(nats, HUB1), make_hub(nats, HUB2)
    one.daemon.start()
    works(nats, one)
    with other.daemon:
        one.daemon.stop()
        stopped = time.monotonic()
        publish(nats, WEB1, events(1))
        other.sink.wait(1)
        assert time.monotonic() - stopped < 10


def test_a_hub_that_was_asleep_beyond_its_lease_can_do_nothing_any_more(
    nats: Nats, make_hub: MakeHub
) -> None:
    one, other = make_hub(nats, HUB1), make_hub(nats, HUB2)
    one.daemon.start()
    works(nats, one)
    other.daemon.start()
    publish(nats, WEB1, events(1))
    one.sink.wait(1)
    taken_in(nats, one)
    os.kill(one.daemon.process.pid, signal.SIGSTOP)
    publish(nats, WEB1, events(*range(100, 150)))
    works(nats, other)
    other.sink.wait(50)
    os.kill(one.daemon.process.pid, signal.SIGCONT)
    publish(nats, WEB1, events(*range(200, 250)))
    other.sink.wait(100)
    taken_in(nats, other)
    assert leader(nats) == HUB2
    assert one.ids() == ["e1"]
    now = one.daemon.becomes(lambda now: now["fleet"]["hub"] == HUB2, "status")["fleet"]
    assert (now["role"], now["works"]) == ("hub", False)


def test_a_hub_that_is_cut_off_stops_by_its_own_clock_and_comes_back(
    nats: Nats, make_hub: MakeHub
) -> None:
    with Proxy(nats.nodes[0].port) as link:
        way = {"servers": [f"nats://127.0.0.1:{link.port}"]}
        one, other = make_hub(nats, HUB1, fleet=way), make_hub(nats, HUB2)
        one.daemon.start()
        works(nats, one)
        other.daemon.start()
        link.silence()  # nobody is told
        publish(nats, WEB1, events(1))
        works(nats, other)
        other.sink.wait(1)
        until(
            lambda: not one.daemon.document("status")["fleet"]["works"],
            lambda: one.daemon.printed(),
        )
        link.mend()
        until(
            lambda: one.daemon.document("status")["fleet"]["hub"] == HUB2,
            lambda: one.daemon.printed(),
        )
        other.daemon.kill()
        publish(nats, WEB1, events(2))
        one.sink.wait(1)
        assert one.ids() == ["e2"]


def test_a_problem_that_one_hub_opened_is_closed_at_the_other(
    nats: Nats, make_hub: MakeHub
) -> None:
    one, other = make_hub(nats, HUB1), make_hub(nats, HUB2)
    one.daemon.start()
    works(nats, one)
    other.daemon.start()
    publish(nats, WEB1, events(1, key="disk", status="problem"))
    one.sink.wait(1)
    taken_in(nats, one)
    one.daemon.kill()
    publish(nats, WEB1, events(2, key="disk", status="problem"))  # known: it is counted
    publish(nats, WEB1, events(3, key="disk", status="ok"))
    (mail,) = other.sink.wait(1)
    assert set(mail.event_ids) == {"e2", "e3"}
    assert "Recovered" in mail.subject
    assert not other.daemon.document("problems")["problems"]


def test_whose_problem_is_meant_is_said_as_it_is_shown(nats: Nats, make_hub: MakeHub) -> None:
    hub = make_hub(nats)
    close = ("problems", "close", "disk:/", "--comment", "a new disk")
    with hub.daemon:
        for machine in (WEB1, WEB2):
            publish(nats, machine, events(1, key="disk:/", status="problem"), uid=0, user="root")
        hub.sink.wait(2)
        taken_in(nats, hub)
        asked = hub.daemon.ctl(*close)
        assert asked.returncode == 1
        assert f"user root@{WEB2}\n" in asked.stderr
        wrong = hub.daemon.ctl(*close, "--user", f"nobody@{WEB2}")
        assert (wrong.returncode, f"nobody@{WEB2}" in wrong.stderr) == (2, True)
        done = hub.daemon.ctl(*close, "--user", f"root@{WEB2}")
        assert (done.returncode, done.stderr) == (0, "")
        (left,) = hub.daemon.document("problems")["problems"]
        assert left["user"] == f"root@{WEB1}"
        hub.sink.stop()
        publish(nats, WEB1, events(7))
        publish(nats, WEB2, events(7))
        taken_in(nats, hub)
        done = hub.daemon.ctl("queue", "delete", "e7", "--user", f"tom@{WEB1}")
        assert (done.returncode, done.stderr) == (0, "")
        (left,) = hub.daemon.document("queue", "list")["deliveries"]
        assert left["user"] == f"tom@{WEB2}"


def test_the_mail_of_a_problem_closed_by_hand_names_its_machine_and_its_user(
    nats: Nats, make_hub: MakeHub
) -> None:
    hub = make_hub(nats)
    with hub.daemon:
        publish(nats, WEB1, events(1, key="disk:/", status="problem"), uid=0, user="root")
        (opened,) = hub.sink.wait(1)
        taken_in(nats, hub)
        done = hub.daemon.ctl("problems", "close", "disk:/", "--comment", "a new disk")
        assert done.returncode == 0, done.stderr
        (closed,) = hub.sink.wait(2)[1:]
        assert not hub.daemon.document("problems")["problems"]
    assert f"Server: {WEB1}" in closed.body
    assert "problem: disk:/" in closed.body
    assert f"user: root@{WEB1}" in closed.body
    assert closed.message["References"] == opened.message["References"] is not None


# Kills the hub when it is about to share a problem that is on its disk.
KILLED_BEFORE_SHARING = """
import os, signal
from zaiond.fleet import bucket
real = bucket.put
async def put(connection, values):
    if any(key.startswith("state.problem.") for key in values):
        os.kill(os.getpid(), signal.SIGKILL)
    await real(connection, values)
bucket.put = put
"""


@pytest.mark.parametrize("was_open", [False, True])
def test_killed_before_it_shares_a_problem_it_knows_it_when_it_works_again(
    nats: Nats, make_hub: MakeHub, was_open: bool
) -> None:
    hub, other = make_hub(nats, HUB1), make_hub(nats, HUB2)
    opened, ended = ({"key": "disk", "status": each} for each in ("problem", "ok"))
    if was_open:
        with hub.daemon:
            publish(nats, WEB1, events(1, **opened))
            hub.sink.wait(1)
            taken_in(nats, hub)
    hub.patched(KILLED_BEFORE_SHARING)
    hub.daemon.start()
    publish(nats, WEB1, events(2, **(ended if was_open else opened)))
    assert hub.daemon.process.wait(30) == -signal.SIGKILL
    hub.whole()
    with hub.daemon:
        works(nats, hub)
        taken_in(nats, hub)
        known = hub.daemon.document("problems")["problems"]
        assert [one["key"] for one in known] == ([] if was_open else ["disk"])
    # And the other one has it from here, though this one shared nothing more.
    with other.daemon:
        publish(nats, WEB1, events(3, **ended))
        taken_in(nats, other)
        assert len(other.mails) == (0 if was_open else 1)


def test_what_another_hub_knows_counts_though_it_is_gone(nats: Nats, make_hub: MakeHub) -> None:
    one, other = make_hub(nats, HUB1), make_hub(nats, HUB2)
    one.patched(KILLED_BEFORE_SHARING)
    one.daemon.start()
    works(nats, one)
    publish(nats, WEB1, events(1, key="disk", status="problem"))
    assert one.daemon.process.wait(30) == -signal.SIGKILL
    with other.daemon:
        publish(nats, WEB1, events(2, key="disk", status="ok"))
        other.sink.wait(2, 60)
        taken_in(nats, other)
    one.whole()
    with one.daemon:
        works(nats, one)
        one.daemon.becomes(lambda now: now["fleet"]["works"], "status")
        assert not one.daemon.document("problems")["problems"]


def test_a_hub_whose_disk_is_an_old_backup_takes_what_it_has_shared_since(
    nats: Nats, make_hub: MakeHub, directory: Path
) -> None:
    hub, state, backup = make_hub(nats, HUB1), directory / "hub1" / "state", directory / "backup"
    with hub.daemon:
        publish(nats, WEB1, events(1, key="disk", status="problem"))
        hub.sink.wait(1)
        taken_in(nats, hub)
    shutil.copytree(state, backup)
    with hub.daemon:  # no other hub works between: it is the same run
        publish(nats, WEB1, events(2, key="disk", status="ok"))
        publish(nats, WEB1, events(3, key="fan", status="problem"))
        hub.sink.wait(3)
        taken_in(nats, hub)
    shutil.rmtree(state)
    backup.rename(state)
    for _ in range(2):  # and what it took is its own from then on
        with hub.daemon:
            works(nats, hub)
            taken_in(nats, hub)
            hub.daemon.becomes(lambda now: now["fleet"]["works"], "status")
            known = hub.daemon.document("problems")["problems"]
            assert [one["key"] for one in known] == ["fan"]


def test_an_orderly_stop_leaves_the_other_hub_all_that_is_known(
    nats: Nats, make_hub: MakeHub
) -> None:
    one, other = make_hub(nats, HUB1), make_hub(nats, HUB2)
    one.patched("from zaiond.fleet import hub\nhub.SHARE = 3600.0")
    with one.daemon:
        works(nats, one)
        one.daemon.becomes(lambda now: now["fleet"]["works"], "status")
        add = ("silence", "add", "--match", "type=x", "--for", "1h", "--comment", "c")
        assert one.daemon.ctl(*add).returncode == 0
    with other.daemon:
        works(nats, other, 10)
        other.daemon.becomes(lambda found: len(found["silences"]) == 1, "silence", "list")


def test_what_was_counted_of_a_problem_is_told_where_another_hub_has_it_now(
    nats: Nats, make_hub: MakeHub
) -> None:
    one, other = make_hub(nats, HUB1), make_hub(nats, HUB2)
    one.daemon.start()
    works(nats, one)
    other.daemon.start()
    problem = {"key": "disk", "status": "problem"}
    publish(nats, WEB1, [*events(1, **problem), *events(2, **problem)])
    one.sink.wait(1)
    taken_in(nats, one)
    os.kill(one.daemon.process.pid, signal.SIGSTOP)
    works(nats, other)
    os.kill(one.daemon.process.pid, signal.SIGCONT)
    mails = one.sink.wait(2)  # which nothing else would ever send
    assert mails[1].event_ids == ("e2",)
    publish(nats, WEB1, events(3, key="disk", status="ok"))
    (mail,) = other.sink.wait(1)
    assert mail.event_ids == ("e3",)
    one.daemon.becomes(lambda now: not now["routes"]["mails_to_come"], "status")


def test_a_machine_that_has_as_much_as_all_may_have_lets_the_stream_wait_and_no_other_machine(
    nats: Nats, make_hub: MakeHub
) -> None:
    hub = make_hub(nats, limits={"events_waiting": 10})  # 160 of all, half of it for whoever comes
    hub.sink.stop()
    with hub.daemon:
        works(nats, hub)
        publish(nats, WEB1, events(*range(100)))
        until(lambda: waiting(nats) == 20, lambda: f"{waiting(nats)}\n{hub.daemon.printed()}")
        publish(nats, WEB2, events(100))
        hub.daemon.becomes(lambda found: len(found["events"]) == 81, "history", "--limit", "200")
        assert waiting(nats) == 20
        hub.sink.start()
        hub.sink.wait(101, 60)
        taken_in(nats, hub)
    assert sorted(hub.ids()) == sorted(f"e{n}" for n in range(101))


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_a_full_disk_lets_the_stream_wait_and_loses_nothing(nats: Nats, make_hub: MakeHub) -> None:
    hub = make_hub(nats)
    state = hub.daemon.state
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", state], check=True)
    try:
        hub.daemon.start()
        works(nats, hub)
        fill = state / "fill"
        free = os.statvfs(state)
        with fill.open("wb") as file:
            file.write(b"\0" * (free.f_bavail * free.f_frsize - 1024 * 1024))
        time.sleep(1.1)  # it looks at the disk once a second at most
        publish(nats, WEB1, events(*range(100)))
        hub.daemon.becomes(lambda found: bool(found["fleet"]["no_room"]), "status")
        assert waiting(nats) == 100
        fill.unlink()
        hub.sink.wait(100, 60)
        taken_in(nats, hub)
        hub.daemon.stop()
    finally:
        hub.daemon.end()
        subprocess.run(["umount", state], check=True)
    assert sorted(hub.ids()) == sorted(f"e{n}" for n in range(100))


def test_a_node_may_be_killed_at_any_time(directory: Path, make_hub: MakeHub) -> None:
    with Nats(
        directory / "nats", 3, tls=True, accounts=True, members=(WEB1,), hubs=(HUB1,)
    ) as nats:
        nats.init()
        hub = make_hub(nats, HUB1)
        with hub.daemon:
            sent = 0
            for node in nats.nodes:
                publish(nats, WEB1, events(*range(sent, sent + 100)))
                node.kill()
                publish(nats, WEB1, events(*range(sent + 100, sent + 200)))
                sent += 200
                hub.sink.wait(sent, 60)
                node.start()
                nats.wait_until_healthy()
    assert set(hub.ids()) == {f"e{n}" for n in range(sent)}
    assert len(hub.ids()) == sent


def test_a_node_that_was_down_at_a_take_over_keeps_no_hub_from_its_work(
    directory: Path, make_hub: MakeHub
) -> None:
    """nats-server 2.9: a node that led the others, and comes back, has again what was deleted
    meanwhile."""
    with Nats(directory / "nats", 3) as nats:
        nats.init()
        hub = make_hub(nats)
        with hub.daemon:
            works(nats, hub)
            publish(nats, WEB1, events(1))
            hub.sink.wait(1)
            leads = nats.nodes[0].asks("jsz")["meta_cluster"]["leader"]
            next(node for node in nats.nodes if node.name == leads).kill()
            for number in (2, 3):
                hub.daemon.restart()
                publish(nats, WEB1, events(number))
                hub.sink.wait(number, 60)
                nats.start()
    assert hub.ids() == ["e1", "e2", "e3"]


def test_a_node_that_has_a_former_consumer_gets_the_one_of_now(
    directory: Path, make_hub: MakeHub
) -> None:
    """nats-server 2.9: such a node refuses every other one for ever, more often than not if it
    forgot what the nodes had agreed on, and now and then if it just was down."""
    with Nats(directory / "nats", 3) as nats:
        nats.init()
        hub = make_hub(nats)
        with hub.daemon:
            works(nats, hub)
            node = nats.nodes[2]
            store = node.directory / "store/jetstream"
            until(lambda: list(store.glob("*/streams/ZAIOND/obs/*/meta.inf")), node.log.read_text)
            node.kill()
            hub.daemon.restart()
            publish(nats, WEB1, events(1))
            hub.sink.wait(1, 60)
            (agreed,) = store.glob("*/_js_/_meta_")
            shutil.rmtree(agreed)
            node.start()
            until(lambda: _the_same_consumer(nats), node.log.read_text, 120)
    assert hub.ids() == ["e1"]


def _the_same_consumer(nats: Nats) -> bool:
    """Whether each node has one, and all the same."""
    found = list[str]()
    for node in nats.nodes:
        for account in node.asks("jsz?consumers=true")["account_details"]:
            for stream in account["stream_detail"]:
                found += [one["name"] for one in stream.get("consumer_detail", ())]
    return len(found) == len(nats.nodes) and len(set(found)) == 1


def test_a_member_that_is_silent_is_a_problem_until_it_is_back(
    nats: Nats, make_hub: MakeHub
) -> None:
    hub = make_hub(nats, fleet={"member_grace": "60s"})
    hub.patched("from zaiond.fleet import members\nmembers.LOOK = 1.0")
    with hub.daemon:
        works(nats, hub)
        say_alive(nats, WEB1, version="0.1.0", since=1, waiting=2, state="handing_on")
        (mail,) = hub.sink.wait(1, 90)
        assert WEB1 in mail.subject
        (problem,) = hub.daemon.document("problems")["problems"]
        assert problem["key"] == WEB1
        say_alive(nats, WEB1, version="0.1.0", since=1, waiting=0, state="handing_on")
        hub.sink.wait(2)
        assert not hub.daemon.document("problems")["problems"]
    assert hub.mails[1].event_ids != mail.event_ids


# Members are looked at each second, and silent after three.
_IMPATIENT = """
from zaiond.fleet import members
members.LOOK = 1.0
made = members.Members.__init__
members.Members.__init__ = lambda self, *means: made(self, *means[:-1], 3.0)
"""


def test_a_member_that_was_stopped_is_a_problem_until_it_is_back_or_forgotten(
    nats: Nats, make_hub: MakeHub
) -> None:
    hub = make_hub(nats)
    hub.patched(_IMPATIENT)
    with hub.daemon:
        works(nats, hub)
        say_alive(nats, WEB1, version="0.1.0", since=1, waiting=0, state="stopped")
        (mail,) = hub.sink.wait(1)
        assert f"zaiond on the member {WEB1} has not come up again" in mail.subject
        found = hub.daemon.becomes(lambda now: now["fleet"]["members"][0]["silent"], "status")
        assert found["fleet"]["members"][0]["state"] == "stopped"
        done = hub.daemon.document("fleet", "forget", WEB1)
        assert [one["machine"] for one in done["forgotten"]] == [WEB1]
        (_, end) = hub.sink.wait(2)
        assert "is no member of the fleet any more" in end.subject
        assert not hub.daemon.document("problems")["problems"]
        # It was not: its next word makes it one again.
        say_alive(nats, WEB1, version="0.1.0", since=1, waiting=0, state="handing_on")
        hub.daemon.becomes(lambda now: bool(now["fleet"]["members"]), "status")


def test_people_see_members_hubs_and_the_backlog_by_command_and_on_the_page(
    nats: Nats, make_hub: MakeHub
) -> None:
    one, other = make_hub(nats, HUB1), make_hub(nats, HUB2)
    one.patched("from zaiond.fleet import members\nmembers.LOOK = 0.5")
    with one.daemon, ExitStack() as ended:
        works(nats, one)
        say_alive(nats, WEB1, version="0.1.0", since=1, waiting=2, state="handing_on")
        other.daemon.start()
        found = one.daemon.becomes(lambda now: bool(now["fleet"]["members"]), "status")["fleet"]
        (member,) = found["members"]
        assert (member["machine"], member["waiting"], member["silent"]) == (WEB1, 2, False)
        shown = one.daemon.ctl("status").stdout
        assert "a hub, works" in shown
        until(lambda: HUB1 in other.daemon.ctl("status").stdout, lambda: other.daemon.printed())
        # What is changed at a hub that waits would be lost: it says where to go.
        add = ("silence", "add", "--match", "type=x", "--for", "1h", "--comment", "c")
        refused = other.daemon.ctl(*add)
        assert (refused.returncode, HUB1 in refused.stderr) == (75, True)
        assert one.daemon.ctl(*add).returncode == 0
        for hub in (one, other):  # each hub shows the same page
            web = ended.enter_context(Web(hub.daemon))
            browser = Browser(web.base)
            browser.get(web.link)
            assert 'href="/fleet"' in browser.get("/status").text
            page = browser.get("/fleet").text
            for each in (HUB1, HUB2, WEB1, "hands on", "works"):
                assert each in page


def test_a_hub_that_can_not_reach_the_engine_says_so_and_when_it_can_again(
    nats: Nats, make_hub: MakeHub
) -> None:
    hub = make_hub(nats)
    hub.patched("from zaiond.daemon import fleet\nfleet.CUT_OFF_AFTER = 1.0")
    with hub.daemon:
        works(nats, hub)
        nats.close()
        (mail,) = hub.sink.wait(1)
        assert "cut off from the fleet" in mail.subject
        status = hub.daemon.document("status")
        assert [one["code"] for one in status["problems"]] == ["fleet"]
        nats.start()
        mails = hub.sink.wait(2)
        assert "reaches the fleet again" in mails[1].subject
        hub.daemon.becomes(lambda now: now["ok"] and now["fleet"]["works"], "status")


def test_who_is_no_hub_any_more_hands_over_at_once_without_a_restart(
    nats: Nats, make_hub: MakeHub
) -> None:
    one, other = make_hub(nats, HUB1), make_hub(nats, HUB2)
    with one.daemon, other.daemon:
        until(lambda: leader(nats) in (HUB1, HUB2), lambda: one.daemon.printed())
        if leader(nats) == HUB2:
            one, other = other, one
        text = one.daemon.config.read_text()
        alone = {name: value for name, value in one.settings.items() if name != "fleet"}
        one.daemon.config.write_text(yaml.safe_dump(alone))
        until(lambda: leader(nats) == other.name, lambda: one.daemon.printed(), 10)
        publish(nats, WEB1, events(1))
        other.sink.wait(1)
        assert one.daemon.document("status")["fleet"] is None
        one.daemon.config.write_text(text)
        one.daemon.becomes(lambda now: (now["fleet"] or {}).get("hub") == other.name, "status")
        assert one.mails == []


def test_storage_that_is_full_is_emptied_though_no_lease_can_be_written(
    directory: Path, make_hub: MakeHub
) -> None:
    with Nats(directory / "nats", max_file="330MB") as nats:
        nats.init()
        sent = letters.publish_until_full(nats, WEB1, size=900_000)
        assert 5 < sent < 2000
        hub = make_hub(nats)
        with hub.daemon:
            taken_in(nats, hub, 120)
            works(nats, hub)  # now that there is room
            publish(nats, WEB1, events(9999))
            taken_in(nats, hub)
            hub.daemon.becomes(lambda now: now["fleet"]["taken"] == sent + 1, "status")


def test_a_program_at_a_member_is_heard_by_mail_from_the_hub(nats: Nats, make_hub: MakeHub) -> None:
    hub, member = make_hub(nats), make_hub(nats, WEB1, fleet={"role": "member"})
    with hub.daemon, member.daemon:
        works(nats, hub)
        member.daemon.emit({"type": "disk.full", "key": "/", "status": "problem", "id": "d1"})
        (mail,) = hub.sink.wait(1)
        assert WEB1 in mail.body
        member.daemon.emit({"type": "disk.full", "key": "/", "status": "ok", "id": "d2"})
        hub.sink.wait(2)
        member.daemon.emit({"type": "job.failed", "job": "nightly", "severity": "err"})
        hub.sink.wait(3)
        (job,) = hub.daemon.document("jobs")["jobs"]
        assert (job["state"], job["machine"]) == ("failed", WEB1)
        assert f"runs on {WEB1}" in hub.daemon.ctl("jobs").stdout
        status = hub.daemon.becomes(lambda now: bool(now["fleet"]["members"]), "status")
        assert status["fleet"]["members"][0]["machine"] == WEB1
    assert member.mails == []


def test_a_mail_of_a_program_at_a_member_is_of_that_machine(nats: Nats, make_hub: MakeHub) -> None:
    hub = make_hub(nats)
    sent = b"From: root (Cron Daemon)\nTo: root\nSubject: done\n\ndone\n"
    data = {"from": "root", "recipients": ["root"]}
    with hub.daemon:
        one = {"type": "mail.local", "data": data, "mail": b64encode(sent).decode(), "id": "m1"}
        publish(nats, WEB1, [one], uid=0, user="root")
        (mail,) = hub.sink.wait(1)
    assert mail.message["Received"].startswith(f"by {WEB1} (zaiond-sendmail, uid 0) id m1")
    assert f"root@{WEB1}" in mail.message["To"]


def test_a_hub_that_can_not_work_says_so_although_it_renews_its_lease(
    nats: Nats, make_hub: MakeHub
) -> None:
    async def delete(_: Client, jetstream: JetStreamContext) -> bool:
        return await jetstream.delete_stream(names.STREAM)

    async def renewal(_: Client, jetstream: JetStreamContext) -> int:
        key = f"$KV.{names.BUCKET}.{names.LEADER}"
        return (await jetstream.get_last_msg(names.BUCKET_STREAM, key)).seq or 0

    hub = make_hub(nats)
    with hub.daemon:
        works(nats, hub)
        letters.with_jetstream(nats, delete)
        hub.daemon.becomes(lambda found: "fleet init" in (found["fleet"]["error"] or ""), "status")
        seen = {letters.with_jetstream(nats, renewal)}
        while len(seen) < 4:
            seen.add(letters.with_jetstream(nats, renewal))
            assert hub.daemon.document("status")["fleet"]["error"]
        nats.init()
        hub.daemon.becomes(lambda found: found["fleet"]["error"] is None, "status")
