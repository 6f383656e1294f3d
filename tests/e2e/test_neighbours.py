"""One user of zaiond-emit does what he can against the others, under the unit as it is shipped.

Meanwhile another one emits: nothing of his is refused, each event has its reply, and its mail
arrives; and the daemon is the same process all the while, of bounded memory, with bounded words.
"""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.attacks import Reply
from tests.support.container import SOURCE, Container
from tests.support.fast_sink import FastSink
from tests.support.installed import PORT, UNITS, Service, configuration, installed
from tests.support.neighbours import ATTACKER, FLOODS, VICTIM, Attack, Place
from tests.support.process import forget_peak, peak_bytes
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("neighbours")  # they share one container

EVENTS = 25  # of the victim, while an attack goes on
MORE_MEMORY = 64 * 1024 * 1024  # than idle
LINES_A_SECOND = 10  # in the journal, over all that others can cause
SPOOL = "/var/spool/zaiond"
STATE = "/var/lib/zaiond"


@pytest.fixture(scope="module")
def machine() -> Iterator[Container]:
    with installed() as container:
        for name, uid in (("mallory", ATTACKER), ("victoria", VICTIM)):
            container.run("useradd", f"--uid={uid}", "--groups=zaiond-emit", name)
        yield container


@pytest.fixture
def service(machine: Container) -> Iterator[Service]:
    """A running service that has no past, and leaves none."""
    made = Service(machine)
    made.start_afresh()
    yield made
    made.systemctl("stop", *UNITS)
    machine.run("find", SPOOL, "-mindepth", "1", "-delete")


@pytest.fixture
def place(machine: Container) -> Place:
    group = machine.run("getent", "group", "zaiond-emit").stdout.split(":")[2]
    script = f"{SOURCE}/tests/support/attacks.py"
    return Place("/run/zaiond", SPOOL, int(group), machine.command, "/usr/bin/python3", script)


@contextlib.contextmanager
def mail_server(machine: Container, refused: bytes | None = None) -> Iterator[FastSink]:
    """The container's mail server."""
    with FastSink(refused=refused, listener=machine.listener(PORT)) as sink:
        yield sink


@pytest.fixture
def sink(machine: Container) -> Iterator[FastSink]:
    with mail_server(machine) as running:
        yield running


class Health:
    """How the daemon is before an attack, and whether it still is so."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._pid = int(service.show("MainPID"))
        self._proc = service.machine.path("/proc")
        forget_peak(self._pid, self._proc)
        self._idle = peak_bytes(self._pid, self._proc)
        self._begun = time.monotonic()
        self._before = len(self._lines())

    def _lines(self) -> list[str]:
        command = ("journalctl", "-o", "cat", f"_PID={self._pid}")
        return self._service.machine.run(*command).stdout.splitlines()

    def assert_unimpaired(self) -> None:
        """The same process, its memory and its words within their bounds."""
        assert self._service.show("NRestarts") == "0", self._service.journal()
        assert int(self._service.show("MainPID")) == self._pid
        peak = peak_bytes(self._pid, self._proc)
        assert peak - self._idle <= MORE_MEMORY, f"{self._idle} became {peak} bytes"
        lines = self._lines()[self._before :]
        most = LINES_A_SECOND * (time.monotonic() - self._begun + 2)
        assert len(lines) <= most, "\n".join(lines[:20])


def taken(replies: list[Reply]) -> list[str]:
    """The ids, of which none was refused."""
    assert [reply.refusal for reply in replies if reply.refusal] == []
    return [reply.id for reply in replies]


def arrive(sink: FastSink, ids: list[str]) -> None:
    until(
        lambda: set(ids) <= set(sink.events),
        lambda: f"{set(ids) - set(sink.events)} did not arrive, {len(sink.arrivals)} others did",
    )


def places(sink: FastSink, *beginnings: str) -> list[int]:
    """In which place, of all mails, those of events with such ids came."""
    return [n for n, mail in enumerate(sink.arrivals) if mail.event.startswith(beginnings)]


@pytest.mark.parametrize("attack", FLOODS, ids=str)
def test_who_floods_the_socket_keeps_nobody_from_his_reply_and_his_mail(
    service: Service, place: Place, sink: FastSink, attack: Attack
) -> None:
    health = Health(service)
    with place.against(attack) as flood:
        ids = taken(place.emit(EVENTS))
        arrive(sink, ids)
    assert flood.done > 0
    health.assert_unimpaired()


def test_many_large_events_wait_on_disk_and_not_in_memory(
    service: Service, place: Place, machine: Container
) -> None:
    health = Health(service)
    with place.against(Attack("large", 400)) as large:
        ids = taken(place.emit(EVENTS))
        assert large.finish() == 400
    with mail_server(machine) as sink:
        arrive(sink, ids)
    health.assert_unimpaired()


def test_who_reads_a_long_history_of_large_events_keeps_nobody_waiting(
    service: Service, place: Place, sink: FastSink
) -> None:
    assert place.done(Attack("large", 150)) == 150
    until(lambda: len(sink.arrivals) >= 150, lambda: f"{len(sink.arrivals)} large mails arrived")
    health = Health(service)
    reading = [
        subprocess.Popen(
            service.machine.command("zaiond-ctl", "history", "--limit", "10000", "--json"),
            stdout=subprocess.DEVNULL,
        )
        for _ in range(3)
    ]
    ids = taken(place.emit(EVENTS))
    assert [each.wait(60) for each in reading] == [0, 0, 0]
    arrive(sink, ids)
    health.assert_unimpaired()


def test_unfinished_files_in_the_spool_keep_nobody_waiting(
    service: Service, place: Place, sink: FastSink
) -> None:
    health = Health(service)
    with place.against(Attack("dots", 100_000)) as dots:
        ids = taken(place.emit(EVENTS))
        arrive(sink, ids)
    assert dots.done > 100_000
    health.assert_unimpaired()


def test_bad_files_in_the_spool_are_told_of_in_few_words(
    service: Service, place: Place, sink: FastSink
) -> None:
    health = Health(service)
    assert place.done(Attack("bad_files", 1000)) == 1000
    ids = taken(place.emit(EVENTS))
    arrive(sink, ids)
    until(lambda: not list(service.machine.path(SPOOL).glob("*.json")), lambda: "files are left")
    health.assert_unimpaired()


def test_mails_whose_content_is_refused_are_told_of_in_few_words(
    service: Service, place: Place, machine: Container
) -> None:
    health = Health(service)
    with mail_server(machine, refused=b"Zaiond-Event: flood-") as sink:
        assert place.done(Attack("flood", 1000)) == 1000
        ids = taken(place.emit(EVENTS))
        arrive(sink, ids)
        service.machine.until(
            lambda: service.machine.document("status")["queue"]["held"] >= 1000, "they are not held"
        )
    health.assert_unimpaired()


def emit(service: Service, *arguments: str, user: str = "victoria") -> str:
    return str(service.emit(*arguments, user=user)["id"])


def test_another_users_mail_does_not_wait_behind_a_flood(
    service: Service, place: Place, machine: Container
) -> None:
    assert place.done(Attack("flood", 4000)) == 4000
    urgent = emit(service, "disk.full", "-s", "emerg")
    plain = emit(service, "backup.done")
    with mail_server(machine) as sink:
        arrive(sink, [urgent, plain])
        (urgent_place,) = places(sink, urgent)
        (plain_place,) = places(sink, plain)
        until(lambda: len(sink.events) > 4000, lambda: f"only {len(sink.events)} mails")
    # What eight connections have under way, twice.
    assert urgent_place <= 32
    assert plain_place <= 400
    assert len(places(sink, "flood-")) == 4000


def test_history_of_large_events_does_not_fill_the_disk(
    service: Service, place: Place, sink: FastSink, machine: Container
) -> None:
    service.systemctl("stop", *UNITS)
    machine.run("mount", "-t", "tmpfs", "-o", "size=96m,mode=700,uid=zaiond,gid=zaiond",
                "tmpfs", STATE)  # fmt: skip
    try:
        service.systemctl("start", *UNITS)
        for number in range(4):
            # What of it finds no room is refused; what was taken is mailed.
            place.done(Attack("large", 120))
            ids = taken(place.emit(5))
            arrive(sink, ids)
            assert machine.document("status")["queue"]["failed"] == 0, number
        assert len(sink.arrivals) > 4 * 60
        assert service.show("NRestarts") == "0"
    finally:
        service.systemctl("stop", *UNITS)
        machine.run("umount", STATE)


def leave(place: Place, machine: Container, user: str, name: str, lines: list[str]) -> None:
    """A whole file in the spool, as clients write it."""
    script = f"umask 027; cat >{SPOOL}/.tmp-{name}; mv {SPOOL}/.tmp-{name} {SPOOL}/{name}.json"
    machine.run("sh", "-c", script, user=user, given="".join(line + "\n" for line in lines))


def test_a_spool_file_with_more_events_than_there_is_room_for_is_taken_in_as_room_comes(
    service: Service, place: Place, machine: Container
) -> None:
    service.config.write_text(configuration(limits={"events_waiting": 100}))
    service.systemctl("reload", "zaiond.service")
    service.systemctl("stop", *UNITS)
    events = [json.dumps({"type": "backup.done", "id": f"file-{n}"}) for n in range(150)]
    leave(place, machine, "mallory", "many", events)
    leave(place, machine, "victoria", "one", ['{"type":"backup.done","id":"other"}'])
    service.systemctl("start", *UNITS)
    with mail_server(machine) as sink:
        arrive(sink, ["other", *(f"file-{n}" for n in range(150))])
    until(lambda: not list(machine.path(SPOOL).glob("*.json")), lambda: "a file is left")


@pytest.mark.parametrize("made", ["link", "directory", "link to nothing"])
def test_a_place_for_refused_files_that_an_emitter_made_is_not_used(
    service: Service, place: Place, sink: FastSink, machine: Container, made: str
) -> None:
    service.systemctl("stop", *UNITS)
    machine.run("find", SPOOL, "-mindepth", "1", "-delete")
    trap = "/tmp/trap"
    machine.run("sh", "-c", f"rm -rf {trap}")
    if made == "directory":
        machine.run("mkdir", "-m", "777", f"{SPOOL}/.refused", user="mallory")
        trap = f"{SPOOL}/.refused"
    else:
        if made == "link":
            machine.run("mkdir", "-m", "777", trap, user="mallory")
        machine.run("ln", "-s", trap, f"{SPOOL}/.refused", user="mallory")
    leave(place, machine, "victoria", "secret", ['{"type":"no good type","id":"secret"}'])
    leave(place, machine, "victoria", "good", ['{"type":"backup.done","id":"good"}'])
    service.systemctl("start", *UNITS)
    arrive(sink, ["good"])
    ids = taken(place.emit(3))
    arrive(sink, ids)
    found = machine.run("sh", "-c", f"cat {trap}/* {trap}", user="mallory", check=False)
    assert "secret" not in found.stdout
    assert service.show("NRestarts") == "0"
    problems = [problem["code"] for problem in machine.document("status")["problems"]]
    assert "refused" in problems, "who looks is told"


def test_an_emitter_can_not_take_the_place_of_the_daemons_own_notices(
    service: Service, place: Place, sink: FastSink
) -> None:
    forged = emit(
        service, "zaiond.config.broken", "--source", "zaiond", "-s", "err", user="mallory"
    )
    arrive(sink, [forged])
    service.config.write_text("mail_server: [\n")
    until(lambda: len(sink.events) > 1, lambda: f"no notice of our own: {service.journal()}")
    uids = {event["id"]: event["uid"] for event in service.machine.document("history")["events"]}
    assert uids.pop(forged) == ATTACKER
    assert ATTACKER not in uids.values()


def test_replies_tell_each_user_of_his_own_events_alone(
    service: Service, place: Place, sink: FastSink, tmp_path: Path
) -> None:
    for user in ("mallory", "victoria"):
        emitted = service.emit("backup.done", "--id", "the-same", "-m", user, user=user)
        assert emitted == {"id": "the-same", "duplicate": False, "spooled": False}
