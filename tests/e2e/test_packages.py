"""The Debian packages, as apt installs, upgrades and removes them on fresh machines."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nkeys
import pytest

from tests.support.container import WHEELS
from tests.support.installed import MEMBER, PORT, UNITS, Service, configuration
from tests.support.packages import (
    DIST,
    UNPACKED,
    Machine,
    fresh_machine,
    package,
    rebuilt,
    replace_line,
)
from tests.support.sink import Mail, Sink
from tests.support.terminal import Terminal
from zaiond import __version__
from zaiond.store import sound

RELEASES = os.environ.get("ZAIOND_RELEASES", "bookworm").split()
BOTH = ("zaiond", "zaiond-web")
FLEET = "zaiond-fleet"
ALL = (*BOTH, FLEET)
NEXT, NEWEST, NEWER = "9.1", "9.2", "9.9"
BYTECODE = "/usr/lib/python3/dist-packages/zaiond/__pycache__"
# A program that runs for long, by the system's Python; it needs the spool only after the upgrades.
CLIENT = """
import sys
from zaiond.client import emit
print(emit("disk.full", id="first").spooled, flush=True)
sys.stdin.readline()
print(emit("disk.full", id="last").spooled, "apsw" in sys.modules, flush=True)
"""
# Emits until it is told that it is enough, and says what has failed, and how many they were.
EMITTING = """
    number=0
    while [ ! -e /tmp/enough ]; do
        zaiond-ctl emit disk.full --id "during-$number" >/dev/null 2>&1 ||
            echo "$number: $?"
        number=$((number + 1))
    done
    echo "$number in all"
"""
only_deb_test = pytest.mark.skipif(len(RELEASES) < 2, reason="make deb-test does it")
each_release = pytest.mark.parametrize(
    "release", [pytest.param(one, marks=pytest.mark.xdist_group(f"deb-{one}")) for one in RELEASES]
)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages as they are, of the two next versions, of which the first has a setting with
    another default, and of one that keeps its queue in another form.
    """

    def other_default(tree: Path) -> None:
        for file in tree.rglob("zaiond.yaml"):
            file.write_text(file.read_text().replace("retry_first: 1m", "retry_first: 2m"))

    def other_queue(tree: Path) -> None:
        file = tree / UNPACKED / "store/sound.py"
        if file.exists():
            replace_line(file, r"VERSION = \d+ .*", f"VERSION = {sound.VERSION + 1}")
            replace_line(tree / "DEBIAN/preinst", r'known="\d+"', f'known="{sound.VERSION + 1}"')

    directory = tmp_path_factory.mktemp("packages")
    for name in BOTH:
        file = package(name)
        shutil.copy(DIST / file, directory)
        rebuilt(name, NEXT, directory, other_default)
        rebuilt(name, NEWEST, directory)
    shutil.copy(DIST / package(FLEET), directory)
    rebuilt("zaiond", NEWER, directory, other_queue)
    return directory


@contextmanager
def running(release: str, packages: Path, version: str = __version__) -> Iterator[Service]:
    """zaiond installed from its package on a fresh machine, and configured."""
    with fresh_machine(release, packages) as machine:
        done = machine.install(package("zaiond", version))
        assert done.returncode == 0, done.stdout + done.stderr
        machine.run("useradd", "--groups=zaiond-emit", MEMBER)
        service = Service(machine)
        service.config.write_text(configuration())
        service.systemctl("reload", "zaiond.service")
        yield service


def emitted(said: str) -> set[str]:
    """The ids of what EMITTING has emitted; AssertionError where one has failed."""
    assert said.endswith(" in all\n")
    assert said.count("\n") == 1, said
    count = int(said.split()[0])
    assert count > 20
    return {f"during-{number}" for number in range(count)}


def each_is_mailed_once(machine: Machine, ids: set[str]) -> list[Mail]:
    """The mails that come, these events in them once each; AssertionError where it is not so."""
    with Sink(listener=machine.listener(PORT)) as sink:
        machine.run("zaiond-ctl", "queue", "retry")
        found: list[str] = []
        while not ids <= set(found):
            sink.wait(len(sink.mails) + 1, timeout=60)
            found = [one for mail in sink.mails for one in mail.event_ids]
    assert len([one for one in found if one in ids]) == len(ids), "each once"
    return sink.mails


def machine_of(service: Service) -> Machine:
    assert isinstance(service.machine, Machine)
    return service.machine


def test_lintian_finds_nothing_that_is_not_explained() -> None:
    command = ["lintian", "--allow-root", "--tag-display-limit", "0"]
    done = subprocess.run(
        [*command, *(str(DIST / package(name)) for name in ALL)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.findall(r"^[EWI]: .*", done.stdout, re.MULTILINE) == []
    assert done.returncode == 0, done.stderr


@each_release
def test_from_a_fresh_machine_to_a_mail(
    release: str, packages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with fresh_machine(release, packages) as machine, Sink(listener=machine.listener(PORT)) as sink:
        assert machine.run("sh", "-c", "command -v python3", check=False).returncode != 0
        began = time.monotonic()
        done = machine.install(package("zaiond"))
        assert done.returncode == 0, done.stdout + done.stderr
        installed = time.monotonic()
        assert [machine.show(unit, "ActiveState") for unit in UNITS] == ["active"] * 2
        with Terminal(machine.command("zaiond-ctl", "setup")) as terminal:
            terminal.answer("[mailhost]: ", "127.0.0.1")
            terminal.answer("[25]: ", str(PORT))
            terminal.answer("[4]: ")
            terminal.answer("[2]: ")
            terminal.answer("[zaionnex]: ", "zaionnex@example.co.jp")
            terminal.answer("[postmaster@example.co.jp]: ", "admin@example.co.jp")
            terminal.answer("* [admin@example.co.jp]: ")
            terminal.expect("正常に送信されました")
            terminal.answer("番号: ", "1")
            terminal.expect("反映しました")
            assert terminal.ended() == 0
        machine.run("zaiond-ctl", "emit", "disk.full", "-m", "96 %", "--id", "first")
        while not any("first" in mail.event_ids for mail in sink.mails):
            sink.wait(len(sink.mails) + 1)
        ended = time.monotonic()
        with capsys.disabled():
            print(
                f"\nDebian {release}: installed in {installed - began:.0f} s,"
                f" a mail after {ended - began:.0f} s"
            )
        assert ended - began < 120

        owners = {
            "/etc/zaiond": "2750 root:zaiond",
            "/etc/zaiond/zaiond.yaml": "640 root:zaiond",
            "/etc/zaiond/conf.d": "2750 root:zaiond",
            "/run/zaiond/events.sock": "660 zaiond:zaiond-emit",
            "/run/zaiond/control.sock": "660 zaiond:zaiond-admin",
            "/var/lib/zaiond": "700 zaiond:zaiond",
            "/var/spool/zaiond": "3730 zaiond:zaiond-emit",
        }
        found = machine.run("stat", "--format=%n %a %U:%G", *owners).stdout.splitlines()
        assert dict(line.split(" ", 1) for line in found) == owners
        assert machine.run("zaiond-ctl", "check").returncode == 0
        page = machine.run("zaiond-ctl", "web", check=False)
        assert page.returncode == 69
        assert "the package zaiond-web" in page.stderr or "パッケージ zaiond-web" in page.stderr
        for name in ("man1/zaiond-ctl.1.gz", "ja/man5/zaiond.yaml.5.gz", "ja/man8/zaiond.8.gz"):
            assert machine.path(f"/usr/share/man/{name}").exists()
        assert machine.path("/usr/share/bash-completion/completions/zaiond-ctl").exists()
        conffiles = machine.run("dpkg-query", "-W", "-f", "${Conffiles}", "zaiond").stdout
        assert conffiles.split()[::2] == ["/etc/zaiond/zaiond.yaml"]
        # When Debian's Python has become another one: until then it is the one that there was.
        python = machine.path("/usr/lib/zaiond/bin/python").readlink()
        assert re.fullmatch(r"/usr/bin/python3\.\d+", str(python))
        pid = machine.show("zaiond.service", "MainPID")
        machine.run("dpkg-trigger", "--by-package=python3-minimal", "/usr/bin/python3")
        machine.run("dpkg", "--triggers-only", "--pending")
        assert machine.path("/usr/lib/zaiond").readlink() == Path(f"zaiond-{__version__}-2")
        assert machine.show("zaiond.service", "MainPID") not in (pid, "0")
        # What else Debian's Python has does not reach the daemon (structlog would load rich).
        rich = machine.path("/usr/lib/python3/dist-packages/rich")
        rich.mkdir()
        (rich / "__init__.py").touch()
        found_there = machine.run(
            "/usr/lib/zaiond/bin/python", "-c", "import rich", check=False
        ).returncode
        assert found_there == 1

        # `setup` has changed the conffile, and the next version has another default: no question
        # (it would be an error, as there is nobody to answer).
        done = machine.install(package("zaiond", NEXT))
        assert done.returncode == 0, done.stdout + done.stderr
        reference = machine.path("/usr/share/doc/zaiond/examples/zaiond.yaml").read_text()
        assert "retry_first: 2m" in reference
        assert "host: 127.0.0.1" in machine.path("/etc/zaiond/zaiond.yaml").read_text()
        assert not list(machine.path("/etc/zaiond").glob("zaiond.yaml.*"))


@each_release
def test_an_upgrade_loses_nothing_and_keeps_no_emitter_waiting_for_a_program(
    release: str, packages: Path
) -> None:
    # Where the daemon takes more than two seconds to start, events go by the spool: that is said.
    with running(release, packages) as service:
        machine = machine_of(service)
        waiting = [f"before-{number}" for number in range(2000)]
        lines = "".join(json.dumps({"type": "backup.done", "id": one}) + "\n" for one in waiting)
        machine.run("zaiond-ctl", "emit", "--from", "-", user=MEMBER, given=lines)
        socket_since = machine.show("zaiond.socket", "ActiveEnterTimestampMonotonic")
        pid = service.show("MainPID")
        # Others that last as long as two upgrades.
        job = ("zaiond-ctl", "run", "--job", "long", "--", "sh", "-c")
        wait = "until [ -e /tmp/enough ]; do sleep 0.1; done; exit 3"
        client = machine.command("/usr/bin/python3", "-I", "-c", CLIENT, user=MEMBER)
        with (
            subprocess.Popen(machine.command(*job, wait, user=MEMBER)) as running_job,
            subprocess.Popen(
                client, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as program,
            subprocess.Popen(
                machine.command("sh", "-c", EMITTING, user=MEMBER),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as emitting,
        ):
            try:
                for version in (NEXT, NEWEST):
                    files = [package(name, version) for name in BOTH]
                    done = machine.install(*files)
                    assert done.returncode == 0, done.stdout + done.stderr
            finally:
                machine.run("touch", "/tmp/enough")
            said, _ = emitting.communicate(timeout=60)
            assert running_job.wait(60) == 3
            assert machine.show("zaiond.socket", "ActiveEnterTimestampMonotonic") == socket_since
            assert service.show("MainPID") != pid
            service.systemctl("stop", *UNITS)
            told, _ = program.communicate("\n", timeout=60)
            assert told.splitlines() == ["False", "True False"]
            service.systemctl("start", *UNITS)
        assert machine.installed() == f"{NEWEST} install ok installed"
        assert machine.document("status")["version"] == NEWEST
        mails = each_is_mailed_once(machine, {"first", "last", *waiting, *emitted(said)})
        assert any("long" in mail.as_read() for mail in mails), "the job's failure"
        # Of the versions stay the one in use, the one before, and the first one, out of which the
        # job ran: the next upgrade takes it away.
        kept = machine.run("sh", "-c", "ls -d /usr/lib/zaiond-[0-9]*").stdout.split()
        assert len(kept) <= 3
        assert f"/usr/lib/zaiond-{__version__}-1" in kept
        assert f"/usr/lib/{machine.path('/usr/lib/zaiond').readlink()}" in kept


@each_release
def test_a_downgrade_that_could_not_read_the_queue_changes_nothing(
    release: str, packages: Path
) -> None:
    with running(release, packages, NEWER) as service:
        machine = machine_of(service)
        service.emit("disk.full", "--id", "first")
        done = machine.install(package("zaiond"), downgrade=True)
        assert done.returncode != 0
        said = done.stdout + done.stderr
        assert f"format {sound.VERSION + 1}; this version knows {sound.VERSION}" in said
        assert f"形式 {sound.VERSION + 1}" in said
        assert machine.installed() == f"{NEWER} install ok installed"
        assert service.show("ActiveState") == "active"
        assert service.history("first")["outcome"] == "waiting"

        # Whoever forces it all the same: events have a home, and what was queued stays.
        machine.run(
            "sh",
            "-euc",
            f"dpkg-deb -R {WHEELS}/{package('zaiond')} /tmp/forced; rm /tmp/forced/DEBIAN/preinst;"
            " dpkg-deb -Znone -b /tmp/forced /tmp/forced.deb; dpkg -i /tmp/forced.deb",
        )
        machine.until(
            lambda: "newer zaiond" in service.journal() or "新しいバージョン" in service.journal(),
            "the daemon does not say why it can't run",
        )
        assert service.emit("disk.full", "--id", "second")["spooled"]
        done = machine.install(package("zaiond", NEWER))
        assert done.returncode == 0, done.stdout + done.stderr
        machine.until(
            lambda: machine.run("zaiond-ctl", "history", "second", check=False).returncode == 0,
            "what was in the spool is not there",
        )
        assert service.history("first")["outcome"] == "waiting"

        # And the way that the message tells.
        machine.run("sh", "-euc", re.findall(r"^ +(systemctl .*)$", said, re.MULTILINE)[0])
        done = machine.install(package("zaiond"), downgrade=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert service.show("ActiveState") == "active"
        assert not service.emit("disk.full")["spooled"]


@each_release
def test_a_removal_keeps_what_is_the_users_and_a_purge_leaves_nothing(
    release: str, packages: Path
) -> None:
    # Of the machine as a whole; what other programs write meanwhile is not ours.
    everything = (
        (
            "find / -xdev ( -path /proc -o -path /run -o -path /tmp -o -path /var/cache"
            " -o -path /var/log -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /usr/src"
            " -o -name __pycache__ ) -prune -o -print"
        )
        .replace("(", "\\(")
        .replace(")", "\\)")
    )

    def files(machine: Machine) -> set[str]:
        return set(machine.run("sh", "-c", everything).stdout.splitlines())

    with fresh_machine(release, packages) as machine:
        depends = machine.run("dpkg-deb", "-f", f"{WHEELS}/{package('zaiond')}", "Depends").stdout
        machine.run(
            "apt-get", "satisfy", "-qq", "-y", f"{depends.strip()}, python3-nacl", within=150
        )
        before = files(machine)
        done = machine.install(*map(package, ALL))
        assert done.returncode == 0, done.stdout + done.stderr
        service = Service(machine)
        # As it is when it was used.
        machine.run("/usr/bin/python3", "-c", "import zaiond.client")
        assert machine.path(BYTECODE).exists()
        machine.run("zaiond-ctl", "emit", "disk.full", "--id", "first")
        machine.run("zaiond-ctl", "web", "password", "chie", given="correct horse battery\n")
        machine.path("/etc/zaiond/smtp-password").write_text("secret\n")
        machine.path("/etc/zaiond/conf.d/10.yaml").write_text("language: en\n")
        machine.run("systemctl", "start", "zaiond-web.service")

        machine.run("apt-get", "remove", "-qq", "-y", *ALL)
        kept = files(machine)
        for path in (
            "/etc/zaiond/zaiond.yaml", "/etc/zaiond/smtp-password", "/etc/zaiond/conf.d/10.yaml",
            "/var/lib/zaiond/queue.db", "/var/spool/zaiond", "/var/lib/zaiond-web/accounts.json",
        ):  # fmt: skip
            assert path in kept
        left = sorted(kept - before)
        assert [path for path in left if path.startswith("/usr/")] == []
        assert "zaiond" not in machine.run("ps", "-e", "-o", "args", check=False).stdout
        # Installed again, all is there again.
        assert machine.install(*map(package, ALL)).returncode == 0
        assert service.history("first")["outcome"] == "waiting"
        assert service.show("ActiveState") == "active"

        # A job that lasts longer than what it was started by: it ends as it should, and its end
        # is told to whoever installs zaiond again.
        job = ("zaiond-ctl", "run", "--job", "long", "--", "sh", "-c")
        wait = "touch /tmp/began; until [ -e /tmp/enough ]; do sleep 0.1; done; exit 3"
        with subprocess.Popen(machine.command(*job, wait)) as running_job:
            machine.until(lambda: machine.path("/tmp/began").exists(), "no job")
            machine.run("apt-get", "remove", "-qq", "-y", "zaiond")
            machine.run("touch", "/tmp/enough")
            assert running_job.wait(60) == 3
        spooled = machine.run("sh", "-c", "cat /var/spool/zaiond/*").stdout
        assert "job.failed" in spooled

        machine.run("apt-get", "purge", "-qq", "-y", *ALL)
        assert sorted(files(machine) - before) == []
        assert machine.run("sh", "-c", "ls -d /run/zaiond*", check=False).stdout == ""
        assert machine.run("systemctl", "--failed", "--no-legend", "--plain").stdout == ""
        # The users stay (Debian's policy leaves it open): their numbers must not be another's.
        users = machine.run("getent", "passwd", "zaiond", "zaiond-web").stdout
        assert users.count("nologin") == 2


@only_deb_test
@each_release
def test_an_upgrade_for_which_the_disk_has_no_room_leaves_what_there_was_and_can_be_ended(
    release: str, packages: Path
) -> None:
    with running(release, packages) as service:
        machine = machine_of(service)
        service.emit("disk.full", "--id", "first")
        # Enough for what is unpacked, and not for what is made of it.
        unpacked = machine.run("du", "-sk", "/usr/lib/zaiond-unpacked").stdout.split()[0]
        machine.leave(int(unpacked) + 4096)
        done = machine.install(package("zaiond", NEXT))
        assert done.returncode != 0
        assert "could not be put into its place" in done.stdout + done.stderr
        assert machine.installed() == f"{NEXT} install ok half-configured"
        assert machine.run("zaiond-ctl", "--version").stdout == f"zaiond-ctl {__version__}\n"
        assert [machine.show(unit, "ActiveState") for unit in UNITS] == ["active"] * 2

        machine.leave(None)
        machine.run("dpkg", "--configure", "-a")
        assert machine.installed() == f"{NEXT} install ok installed"
        assert machine.document("status")["version"] == NEXT
        assert not service.emit("disk.full", "--id", "second")["spooled"]
        assert service.history("first")["outcome"] == "waiting"


@each_release
def test_the_package_of_a_fleets_libraries_makes_a_machine_hand_its_events_on(
    release: str, packages: Path
) -> None:
    seed = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    public = nkeys.from_seed(bytearray(seed)).public_key.decode()
    engine = f"""
        listen: "127.0.0.1:4222"
        jetstream {{ store_dir: /var/lib/nats }}
        authorization {{ users: [ {{ nkey: {public} }} ] }}
    """
    with running(release, packages) as service:
        machine = machine_of(service)

        def outcome(event_id: str) -> str:
            return str(service.history(event_id)["outcome"])

        machine.run("apt-get", "install", "-qq", "-y", "nats-server")
        machine.path("/etc/nats-server.conf").write_text(engine)
        machine.run("install", "-d", "-o", "nats", "-g", "nats", "/var/lib/nats")
        machine.run("systemctl", "restart", "nats-server")
        machine.path("/etc/zaiond/fleet-nkey").write_bytes(bytes(seed))
        machine.run("chgrp", "zaiond", "/etc/zaiond/fleet-nkey")
        machine.run("chmod", "640", "/etc/zaiond/fleet-nkey")
        fleet = {
            "servers": ["nats://127.0.0.1:4222"],
            "role": "member",
            "nkey_file": "fleet-nkey",
        }
        service.config.write_text(configuration(fleet=fleet))

        # Without them the configuration is in error, and says which package is missing.
        said = machine.run("zaiond-ctl", "check", check=False)
        assert said.returncode == 78  # sysexits: EX_CONFIG
        assert f"the package {FLEET}" in said.stdout

        assert machine.install(package(FLEET)).returncode == 0
        machine.run("zaiond-ctl", "fleet", "init", "--replicas", "1")
        service.emit("disk.full", "--id", "first")
        machine.until(lambda: outcome("first") == "delivered", "it is not handed on")
        (delivery,) = service.history("first")["deliveries"]
        assert delivery["reply"].startswith("ZAIOND 1 "), "JetStream's word that it has it"

        # Where it is removed, the daemon says so at once, and keeps what it is told.
        machine.run("apt-get", "remove", "-qq", "-y", FLEET)
        assert machine.document("status")["config"]["state"] == "none"
        assert f"the package {FLEET}" in service.journal()
        assert not service.emit("disk.full", "--id", "second")["spooled"]
        assert outcome("second") == "waiting"
        assert machine.install(package(FLEET)).returncode == 0
        machine.until(lambda: outcome("second") == "delivered", "it is not handed on")

        # zaiond may be upgraded alone.
        assert machine.install(package("zaiond", NEXT)).returncode == 0
        assert machine.installed(FLEET) == f"{__version__} install ok installed"
        service.emit("disk.full", "--id", "third")
        machine.until(lambda: outcome("third") == "delivered", "it is not handed on")


@only_deb_test
@pytest.mark.xdist_group("deb-trixie")
def test_an_upgrade_of_debian_loses_nothing_and_ends_with_its_new_python(packages: Path) -> None:
    # As an administrator does it, with apt's cache in the place of the network.
    upgrade = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y")
    services = ("zaiond.service", "zaiond-web.service")
    with running("bookworm+trixie", packages) as service:
        machine = machine_of(service)
        done = machine.install(*map(package, ("zaiond-web", FLEET)))
        assert done.returncode == 0, done.stdout + done.stderr
        machine.run("systemctl", "start", *services)
        with subprocess.Popen(
            machine.command("sh", "-c", EMITTING, user=MEMBER),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as emitting:
            try:
                machine.run(*upgrade, "full-upgrade", within=600)
                machine.run(*upgrade, "autoremove", within=60)
            finally:
                machine.run("touch", "/tmp/enough")
            said, _ = emitting.communicate(timeout=60)
        assert machine.path("/etc/debian_version").read_text().startswith("13")
        assert not machine.path("/usr/bin/python3.11").exists()
        # Nothing else has to be done: both run by the new one. (The page ends when nobody uses it.)
        assert machine.show("zaiond.service", "ActiveState") == "active"
        machine.run("systemctl", "start", "zaiond-web.service")
        for name in services:
            program = machine.path(f"/proc/{machine.show(name, 'MainPID')}/exe")
            assert str(program.readlink()) == "/usr/bin/python3.13"
        imported = "import nats, nkeys, starlette, uvicorn"
        machine.run("/usr/lib/zaiond/bin/python", "-c", imported)
        each_is_mailed_once(machine, emitted(said))
