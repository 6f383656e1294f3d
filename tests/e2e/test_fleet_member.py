"""A member of a fleet towards a real nats-server: what it hands on, and what it does else."""

import asyncio
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from nats.js.api import DiscardPolicy

from tests.support.daemon import PROGRAMS, Daemon
from tests.support.emitter import Emitter
from tests.support.nats import Nats, Proxy, as_machine
from tests.support.sink import Sink
from tests.support.waiting import until
from zaiond.config.fleet import Fleet
from zaiond.fleet import letter, names
from zaiond.fleet.link import connected

MACHINE = "m1.zaion.jp"
AS_MACHINE = ["unshare", "--uts", "sh", "-c", f'hostname {MACHINE} && exec "$@"', "sh"]


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="zaiond-", dir="/tmp") as directory:
        yield Path(directory)


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


@pytest.fixture
def nats(place: Path) -> Iterator[Nats]:
    (place / "n").mkdir()
    with Nats(place / "n", accounts=True, members=[MACHINE]) as nats:
        nats.init()
        yield nats


def config(sink: Sink, fleet: dict[str, Any] | None, **more: Any) -> str:
    settings: dict[str, Any] = {
        "mail_server": {"host": "127.0.0.1", "port": sink.port, "security": "none"},
        "admins": "a@zaion.jp",
        "language": "en",
        "queue": {"retry_first": "1s", "retry_max": "2s"},
        "route_defaults": {"max_mails": None},
        **more,
    }
    if fleet is not None:
        settings["fleet"] = fleet
    return yaml.safe_dump(settings)


def member(place: Path, sink: Sink, nats: Nats, **more: Any) -> Daemon:
    fleet = nats.settings(MACHINE, **{"fallback_after": "1h", **more})
    return Daemon(place / "d", config(sink, fleet), wrapper=AS_MACHINE)


def letters(nats: Nats) -> list[letter.Letter]:
    """What the stream has, in order."""

    async def read() -> list[letter.Letter]:
        fleet = nats.settings(None)
        admin = Fleet(servers=tuple(fleet["servers"]), role="member")
        from dataclasses import replace

        from zaiond.config.kinds import Secret

        admin = replace(admin, user=fleet["user"], password=Secret(fleet["password"]))
        found = []
        async with connected(admin, "administrator", inbox="_INBOX") as connection:
            info = await connection.ask(connection.jetstream.stream_info(names.STREAM))
            for seq in range(info.state.first_seq, info.state.last_seq + 1):
                message = await connection.ask(connection.jetstream.get_msg(names.STREAM, seq))
                assert message.subject is not None
                assert message.data is not None
                found.append(letter.decode(message.subject, message.data, message.headers))
        return found

    return asyncio.run(read())


def in_stream(nats: Nats) -> list[str]:
    return [one.event[0] for one in letters(nats)]


def last_word(nats: Nats) -> dict[str, Any]:
    import json
    from dataclasses import replace

    from zaiond.config.kinds import Secret

    async def read() -> dict[str, Any]:
        fleet = nats.settings(None)
        admin = Fleet(servers=tuple(fleet["servers"]), role="member")
        admin = replace(admin, user=fleet["user"], password=Secret(fleet["password"]))
        async with connected(admin, "administrator", inbox="_INBOX") as connection:
            subject = names.alive_subject(MACHINE)
            found = connection.jetstream.get_last_msg(names.ALIVE_STREAM, subject)
            message = await connection.ask(found)
            return dict(json.loads(message.data or b""))

    return asyncio.run(read())


def events(first: int, last: int) -> list[dict[str, Any]]:
    return [{"type": "a.b", "id": f"e{n}", "source": "test"} for n in range(first, last)]


def mailed(sink: Sink) -> list[str]:
    return [id_ for mail in sink.mails for id_ in mail.event_ids]


def ended(daemon: Daemon) -> None:
    daemon.becomes(lambda queue: not queue["deliveries"], "queue", "list")


def test_a_member_hands_on_what_it_takes(place: Path, sink: Sink, nats: Nats) -> None:
    with member(place, sink, nats) as daemon:
        daemon.emit(*events(0, 200), {"type": "a.b", "id": "u", "key": "k", "status": "problem"})
        ended(daemon)
        found = letters(nats)
        assert Counter(one.event[0] for one in found) == Counter(
            [*(f"e{n}" for n in range(200)), "u"]
        )
        assert {one.machine for one in found} == {MACHINE}
        assert found[0].event[2] == "test"
        assert not sink.mails
        until(lambda: last_word(nats)["state"] == "handing_on", lambda: daemon.printed())
        status = daemon.document("status")
        assert status["fleet"]["state"] == "handing_on"
        assert status["ok"], status
        (told,) = daemon.document("history", "u")["events"]
        (delivery,) = told["deliveries"]
        assert delivery["recipient"] == "hubs of the fleet"
        # Its own place in the stream: several are under way at once, and it need not be the last.
        place_of_u = [one.event[0] for one in found].index("u") + 1
        assert delivery["attempts"][0]["reply"].startswith(f"ZAIOND {place_of_u} (127.0.0.1:")
        (event,) = daemon.document("route", "a.b")["events"]
        assert [one["to"] for one in event["decisions"]] == [["hubs of the fleet"]]
        shown = daemon.ctl("route", "a.b").stdout
        assert "route on a hub" in shown
        assert "no route matches" not in shown  # that is decided elsewhere
        for command in (
            ("problems",), ("jobs",), ("silence", "add", "--for", "1h", "--comment", "?"),
            ("silence", "list"),
        ):  # fmt: skip
            assert "looked after by the hub that works" in daemon.ctl(*command).stderr, command
            assert "remark" in daemon.document(*command)
        shown = daemon.ctl("history", "u").stdout
        assert "fleet:hubs" not in shown
        assert "handed on to the hubs" in shown
        assert "delivered" not in shown
    assert last_word(nats)["state"] == "stopped"


def test_what_waits_outlives_stops_and_kills(place: Path, sink: Sink, nats: Nats) -> None:
    daemon = member(place, sink, nats)
    with daemon:
        nats.nodes[0].kill()
        daemon.emit(*events(0, 300))
        daemon.restart()
        daemon.emit(*events(300, 400))
        daemon.kill()
        daemon.start()
        nats.start()
        daemon.emit(*events(400, 500))
        daemon.kill()
        daemon.start()
        ended(daemon)
        assert set(in_stream(nats)) == {f"e{n}" for n in range(500)}
        assert not sink.mails


def test_killed_again_and_again_under_load_nothing_is_lost(
    place: Path, sink: Sink, nats: Nats
) -> None:
    with member(place, sink, nats) as daemon:
        for round_ in range(5):
            daemon.emit(*events(round_ * 200, round_ * 200 + 200))
            daemon.kill()
            daemon.start()
        ended(daemon)
        # What was under way is there twice, for the hubs to know.
        assert set(in_stream(nats)) == {f"e{n}" for n in range(1000)}


def test_cut_off_it_mails_by_itself_and_then_hands_on_again(
    place: Path, sink: Sink, nats: Nats
) -> None:
    with member(place, sink, nats, fallback_after="3s") as daemon:
        daemon.emit(*events(0, 10))
        ended(daemon)
        nats.nodes[0].kill()
        daemon.emit(*events(10, 60))
        ended(daemon)
        daemon.emit(*events(60, 70))
        ended(daemon)
        told = [mail for mail in sink.mails if "mails by itself" in mail.subject]
        assert len(told) == 1
        assert "50" in told[0].body
        by_mail = [id_ for id_ in mailed(sink) if id_.startswith("e")]
        assert Counter(by_mail) == Counter(f"e{n}" for n in range(10, 70))
        status = daemon.document("status")
        assert status["fleet"]["state"] == "by_itself"
        assert [problem["code"] for problem in status["problems"]] == ["fleet"]
        nats.start()
        daemon.becomes(lambda status: status["fleet"]["state"] == "handing_on", "status")
        daemon.emit(*events(70, 80))
        ended(daemon)
        until(lambda: any("again" in mail.subject for mail in sink.mails), lambda: daemon.printed())
        assert Counter(in_stream(nats)) == Counter(f"e{n}" for n in [*range(10), *range(70, 80)])
        assert Counter(id_ for id_ in mailed(sink) if id_.startswith("e")) == Counter(by_mail)
        assert daemon.document("status")["ok"]


def test_a_member_that_was_cut_off_before_a_stop_says_that_it_is_back(
    place: Path, sink: Sink, nats: Nats
) -> None:
    with member(place, sink, nats, fallback_after="2s") as daemon:
        nats.nodes[0].kill()
        daemon.emit(*events(0, 3))
        ended(daemon)
        daemon.stop()
        nats.start()
        daemon.start()
        until(lambda: any("again" in mail.subject for mail in sink.mails), lambda: daemon.printed())
        assert daemon.document("status")["fleet"]["state"] == "handing_on"


def test_acknowledgement_does_not_wait_for_the_engine(place: Path, sink: Sink, nats: Nats) -> None:
    def latency(daemon: Daemon) -> float:
        with Emitter(daemon.event_socket) as emitter:
            took = sorted(emitter.emit(b'{"type":"a.b"}\n') for _ in range(100))
        return took[50]

    with member(place, sink, nats) as daemon:
        latency(daemon)
        up = latency(daemon)
        nats.nodes[0].kill()
        down = latency(daemon)
        nats.nodes[0].start()
        nats.nodes[0].stop()
        daemon.emit(*events(0, 50))
        stopped = latency(daemon)
        nats.nodes[0].go_on()
        assert max(down, stopped) < 3 * up + 0.01


def test_without_the_stream_it_says_what_to_do(place: Path, sink: Sink) -> None:
    (place / "n").mkdir()
    with (
        Nats(place / "n", accounts=True, members=[MACHINE]) as nats,
        member(place, sink, nats, fallback_after="3s") as daemon,
    ):
        daemon.emit(*events(0, 5))
        ended(daemon)
        assert Counter(id_ for id_ in mailed(sink) if id_[0] == "e") == Counter(
            f"e{n}" for n in range(5)
        )
        assert any("fleet init" in mail.body for mail in sink.mails)
        nats.init()
        daemon.becomes(lambda status: status["fleet"]["state"] != "by_itself", "status")
        daemon.emit(*events(5, 10))
        daemon.becomes(lambda status: status["fleet"]["state"] == "handing_on", "status")
        assert set(in_stream(nats)) == {f"e{n}" for n in range(5, 10)}


def test_a_full_stream_keeps_it_by_itself_without_telling_again(
    place: Path, sink: Sink, nats: Nats
) -> None:
    with member(place, sink, nats, fallback_after="3s") as daemon:
        limit(nats, 200_000)
        filler = "x" * 50_000
        for n in range(6):
            daemon.emit({"type": "a.b", "id": f"e{n}", "message": filler})
        ended(daemon)
        taken = in_stream(nats)
        assert Counter([*taken, *(i for i in mailed(sink) if i[0] == "e")]) == Counter(
            f"e{n}" for n in range(6)
        )
        assert 1 <= len(taken) < 6
        daemon.emit({"type": "a.b", "id": "e6", "message": filler})  # on trial
        ended(daemon)
        assert "e6" in mailed(sink)
        assert sum("mails by itself" in mail.subject for mail in sink.mails) == 1
        assert not any("again" in mail.subject for mail in sink.mails)
        limit(nats, 2_000_000)
        daemon.becomes(lambda status: status["fleet"]["state"] != "by_itself", "status")
        daemon.emit({"type": "a.b", "id": "e7", "message": filler})
        until(lambda: any("again" in mail.subject for mail in sink.mails), lambda: daemon.printed())
        assert "e7" in in_stream(nats)


def test_a_machine_that_got_another_name_hands_on_under_it_what_waited(
    place: Path, sink: Sink
) -> None:
    (place / "n").mkdir()
    other = "m2.zaion.jp"
    with Nats(place / "n", accounts=True, members=[MACHINE, other]) as nats:
        nats.init()
        (node,) = nats.nodes
        node.kill()
        with member(place, sink, nats) as daemon:
            daemon.emit(*events(0, 3))
        node.start()
        nats.wait_until_healthy()
        fleet = nats.settings(other, fallback_after="1h")
        with Daemon(place / "d", config(sink, fleet), wrapper=as_machine(other)) as daemon:
            ended(daemon)
            found = letters(nats)
    assert {one.machine for one in found} == {other}
    assert {one.event[0] for one in found} == {"e0", "e1", "e2"}
    assert not sink.mails


@pytest.mark.parametrize("max_payload", ["1MB", "16MB"])
def test_a_mail_that_is_larger_than_a_letter_may_be_is_mailed_from_here_and_nothing_else(
    place: Path, sink: Sink, max_payload: str
) -> None:
    (place / "n").mkdir()
    with Nats(place / "n", accounts=True, members=[MACHINE], max_payload=max_payload) as nats:
        nats.init()
        with member(place, sink, nats, fallback_after="3s") as daemon:
            mail = "Subject: large\nTo: root\n\n" + ("x" * 70 + "\n") * 30_000
            program: list[str | Path] = [PROGRAMS / "zaiond-sendmail", "root"]
            done = subprocess.run(
                program, input=mail, text=True, env={**daemon.environment, **daemon.places}
            )
            assert done.returncode == 0
            until(lambda: bool(sink.mails), lambda: f"{daemon.ctl('queue', 'list')}")
            daemon.emit(*events(0, 3))
            ended(daemon)
            assert set(in_stream(nats)) == {"e0", "e1", "e2"}
            assert daemon.document("status")["fleet"]["state"] == "handing_on"
            assert [mail.subject for mail in sink.mails] == ["large"]


def test_an_event_that_is_larger_than_the_engine_takes_cuts_nobody_off(
    place: Path, sink: Sink
) -> None:
    (place / "n").mkdir()
    with Nats(place / "n", accounts=True, members=[MACHINE], max_payload="100KB") as nats:
        nats.init()
        with member(place, sink, nats, fallback_after="3s") as daemon:
            daemon.emit({"type": "a.b", "id": "large", "message": "x" * 200_000})
            sink.wait(1)
            daemon.emit(*events(0, 3))
            ended(daemon)
            assert set(in_stream(nats)) == {"e0", "e1", "e2"}
            assert daemon.document("status")["fleet"]["state"] == "handing_on"
            assert mailed(sink) == ["large"]
            told = daemon.ctl("history", "large").stdout
            assert "max_payload to 1MB" in told, told


def test_a_member_whose_word_is_refused_at_once_waits_until_it_says_it_again(
    place: Path, sink: Sink, nats: Nats
) -> None:
    limit(nats, 1000)
    limit(nats, 10, names.ALIVE_STREAM)
    with member(place, sink, nats, fallback_after="2s") as daemon:
        daemon.emit({"type": "a.b", "id": "e1", "message": "x" * 4000})
        daemon.becomes(lambda status: status["fleet"]["state"] == "by_itself", "status")
        node = nats.nodes[0]
        before = node.asks("varz")
        began = datetime.fromisoformat(before["now"])
        until(
            lambda: datetime.fromisoformat(node.asks("varz")["now"]) - began > timedelta(seconds=2),
            daemon.printed,
        )
        assert node.asks("varz")["in_msgs"] - before["in_msgs"] < 100


def limit(nats: Nats, size: int, stream: str = names.STREAM) -> None:
    from dataclasses import replace

    from zaiond.config.kinds import Secret

    async def set_() -> None:
        fleet = nats.settings(None)
        admin = Fleet(servers=tuple(fleet["servers"]), role="member")
        admin = replace(admin, user=fleet["user"], password=Secret(fleet["password"]))
        async with connected(admin, "administrator", inbox="_INBOX") as connection:
            info = await connection.ask(connection.jetstream.stream_info(stream))
            info.config.max_bytes, info.config.discard = size, DiscardPolicy.NEW
            await connection.ask(connection.jetstream.update_stream(info.config))

    asyncio.run(set_())


def test_without_a_right_it_mails_by_itself_and_says_so(place: Path, sink: Sink) -> None:
    (place / "n").mkdir()
    with Nats(place / "n", accounts=True, members=[MACHINE]) as nats:
        nats.init()
        user = names.token(MACHINE)
        rights = nats.users[user]
        nats.users[user] = rights._replace(publish=("zaiond.other.*",))
        nats.configure()
        nats.reload()
        with member(place, sink, nats, fallback_after="3s") as daemon:
            daemon.emit(*events(0, 5))
            ended(daemon)
            assert {id_ for id_ in mailed(sink) if id_[0] == "e"} == {f"e{n}" for n in range(5)}
            assert any("permissions" in mail.body for mail in sink.mails)
            nats.users[user] = rights
            nats.configure()
            nats.reload()
            daemon.becomes(lambda status: status["fleet"]["state"] != "by_itself", "status")
            daemon.emit(*events(5, 10))
            ended(daemon)
            assert set(in_stream(nats)) == {f"e{n}" for n in range(5, 10)}


def test_a_login_that_is_refused_needs_a_look_until_it_is_mended(
    place: Path, sink: Sink, nats: Nats
) -> None:
    def needs_a_look(status: dict[str, Any]) -> bool:
        return any("refused the login" in one["message"] for one in status["problems"])

    user = names.token(MACHINE)
    rights = nats.users.pop(user)
    nats.configure()
    nats.reload()
    with member(place, sink, nats) as daemon:
        status = daemon.becomes(lambda status: bool(status["fleet"]["error"]), "status")
        assert needs_a_look(status)
        assert not status["ok"]
        nats.users[user] = rights
        nats.configure()
        nats.reload()
        status = daemon.becomes(lambda status: status["fleet"]["error"] is None, "status")
        assert status["ok"], status["problems"]


def test_the_configuration_changes_while_events_wait(place: Path, sink: Sink, nats: Nats) -> None:
    with member(place, sink, nats) as daemon:
        nats.nodes[0].kill()
        daemon.emit(*events(0, 50))
        daemon.becomes(lambda queue: len(queue["deliveries"]) == 50, "queue", "list")
        daemon.config.write_text(config(sink, None))  # no fleet any more
        daemon.process.send_signal(signal.SIGHUP)
        ended(daemon)
        assert Counter(mailed(sink)) == Counter(f"e{n}" for n in range(50))
        daemon.config.write_text(config(sink, nats.settings(MACHINE)))
        daemon.becomes(lambda status: bool(status["fleet"]), "status")
        daemon.emit(*events(50, 60))
        nats.start()
        ended(daemon)
        assert Counter(in_stream(nats)) == Counter(f"e{n}" for n in range(50, 60))
        proxy = Proxy(nats.nodes[0].port)
        try:
            other = nats.settings(MACHINE) | {"servers": [f"nats://127.0.0.1:{proxy.port}"]}
            daemon.config.write_text(config(sink, other))
            daemon.becomes(
                lambda status: str(proxy.port) in (status["fleet"]["server"] or ""), "status"
            )
            daemon.emit(*events(60, 70))
            ended(daemon)
            proxy.cut()
            daemon.emit(*events(70, 80))
            proxy.mend()
            ended(daemon)
            proxy.silence()
            daemon.emit(*events(80, 90))
            until(lambda: proxy.swallowed, lambda: daemon.printed())
            proxy.mend()
            ended(daemon)
        finally:
            proxy.close()
        assert set(in_stream(nats)) == {f"e{n}" for n in range(50, 90)}
