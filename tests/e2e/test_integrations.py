"""What tells zaiond of its work, as docs/integrations.md says: each the real program, in a system
of its own where zaiond is installed as a service.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.container import SOURCE, Container, disk, unpacked
from tests.support.installed import PORT, Service, installed
from tests.support.sink import Sink

pytestmark = pytest.mark.xdist_group("integrations")  # they share one container

EXAMPLES = Path(__file__).parents[2] / "etc/examples"
PROGRAMS = f"{SOURCE}/build/programs"


@pytest.fixture(scope="module")
def machine() -> Iterator[Container]:
    """A booted system with zaiond installed."""
    with installed() as container:
        yield container


@pytest.fixture
def service(machine: Container) -> Service:
    """A running service that has no past."""
    made = Service(machine)
    made.start_afresh()
    return made


@pytest.fixture
def sink(machine: Container) -> Iterator[Sink]:
    """The container's mail server."""
    with Sink(listener=machine.listener(PORT)) as running:
        yield running


def told(service: Service, count: int) -> list[dict[str, Any]]:
    """The events that were taken, in order, once there are so many; each with everything."""

    def found() -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = service.machine.document("history")["events"]
        return events if len(events) >= count else []

    service.machine.until(
        lambda: bool(found()), f"there are not {count} events: {service.journal()}"
    )
    events = [service.history(event["id"]) for event in found()]
    assert len(events) == count
    return events


def write_unit(machine: Container, name: str, text: str) -> None:
    machine.path(f"/run/systemd/system/{name}").write_text(text)
    machine.run("systemctl", "daemon-reload")


@pytest.mark.parametrize(
    "name",
    ["nightly.service", "copy@.service", r"copy@srv-data\x2dold.service", "sch\\xf6n.service"],
)
def test_a_unit_that_fails_is_told_of_by_its_name_with_its_last_lines(
    service: Service, name: str
) -> None:
    machine = service.machine
    instance = name.replace("@.", "@bar-baz.")
    template = name if "@" not in name else "copy@.service"
    write_unit(
        machine,
        template,
        "[Unit]\nOnFailure=zaiond-notify@%n.service\n[Service]\nType=oneshot\n"
        "ExecStart=/bin/sh -c 'echo first; echo 容量が足りません; exit 3'\n",
    )
    machine.run("systemctl", "start", instance, check=False)
    (event,) = told(service, 1)
    assert event["type"] == "unit.failed"
    assert event["severity"] == "err"
    data = event["data"]
    assert data["unit"] == event["source"] == instance
    assert (data["result"], data["exit_status"]) == ("exit-code", 3)
    assert data["invocation_id"] == machine.show(instance, "InvocationID")
    lines = event["message"].splitlines()
    said = [line.partition("]: ")[2] for line in lines]
    assert said.index("first") < said.index("容量が足りません")
    assert any("Failed with result" in line for line in said)
    user = machine.run("id", "--user", "zaiond-notify").stdout
    assert event["uid"] == int(user)


def test_a_unit_that_a_signal_ended_is_told_of_also_while_the_daemon_is_stopped(
    service: Service,
) -> None:
    write_unit(
        service.machine,
        "killed.service",
        "[Unit]\nOnFailure=zaiond-notify@%n.service\n[Service]\nType=oneshot\n"
        "ExecStart=/bin/sh -c 'kill -SEGV $$$$'\n",
    )
    service.systemctl("stop", "zaiond.socket", "zaiond.service")
    service.machine.run("systemctl", "start", "killed.service", check=False)
    spooled = service.machine.path("/var/spool/zaiond")
    service.machine.until(lambda: bool(list(spooled.glob("*.json"))), "nothing is in the spool")
    service.systemctl("start", "zaiond.socket", "zaiond.service")
    (event,) = told(service, 1)
    assert event["data"]["signal"] == "SIGSEGV"
    assert event["data"]["result"] in ("signal", "core-dump")


def test_every_service_can_be_told_of_and_the_notification_itself_is_not(service: Service) -> None:
    machine = service.machine
    etc = machine.path("/etc/systemd/system")
    for name in ("service.d", "zaiond-notify@.service.d"):
        (etc / name).mkdir()
    example(machine, "onfailure.conf", "/etc/systemd/system/service.d/zaiond.conf")
    (etc / "zaiond-notify@.service.d/zaiond.conf").symlink_to("/dev/null")
    try:
        write_unit(machine, "any.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
        assert machine.show("any.service", "OnFailure") == "zaiond-notify@any.service.service"
        assert machine.show("zaiond-notify@any.service.service", "OnFailure") == ""
        machine.run("systemctl", "start", "any.service", check=False)
        (event,) = told(service, 1)
        assert event["data"]["unit"] == "any.service"
    finally:
        for name in ("service.d", "zaiond-notify@.service.d"):
            machine.run("rm", "-r", f"/etc/systemd/system/{name}")
        machine.run("systemctl", "daemon-reload")


def example(machine: Container, name: str, place: str) -> None:
    """Puts an example, as it was installed, to where it says that it belongs."""
    machine.run("install", "-D", f"/usr/local/share/doc/zaiond/examples/{name}", place)


def test_restic_by_a_timer_is_a_job_and_its_failure_is_told(service: Service) -> None:
    machine = service.machine
    for name in ("restic-backup.service", "restic-backup.timer"):
        example(machine, name, f"/etc/systemd/system/{name}")
    machine.path("/etc/restic-password").write_text("secret\n")
    machine.path("/etc/restic-backup").write_text(
        "RESTIC_REPOSITORY=/var/restic\nRESTIC_PASSWORD_FILE=/etc/restic-password\n"
        "RESTIC_CACHE_DIR=/var/cache/restic\nBACKUP=/etc/zaiond\n"
    )
    machine.run("sh", "-ac", ". /etc/restic-backup; exec restic init")
    soon = machine.path("/run/systemd/system/restic-backup.timer.d/soon.conf")
    soon.parent.mkdir()
    soon.write_text("[Timer]\nOnCalendar=\nOnActiveSec=10ms\nAccuracySec=1ms\nPersistent=no\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "restic-backup.timer")
    begun, ended = told(service, 2)
    assert (begun["type"], ended["type"]) == ("job.started", "job.succeeded")
    assert begun["job"] == ended["job"] == "restic-backup"
    assert ended["source"] == "restic-backup.service"
    assert "snapshot" in ended["data"]["output"]

    service.start_afresh()
    machine.path("/etc/restic-password").write_text("wrong\n")
    machine.run("systemctl", "start", "restic-backup.service", check=False)
    events = {event["type"]: event for event in told(service, 3)}
    assert "wrong password" in events["job.failed"]["data"]["output"]
    assert events["unit.failed"]["data"]["unit"] == "restic-backup.service"
    assert "wrong password" in events["unit.failed"]["message"]


def test_borgmatic_is_a_job_by_its_hooks_and_its_failure_is_told(service: Service) -> None:
    machine = service.machine
    unpacked(machine, PROGRAMS)
    hooks = (EXAMPLES / "borgmatic.yaml").read_text()
    settings = machine.path("/etc/borgmatic/config.yaml")
    settings.parent.mkdir()
    settings.write_text(
        "location:\n    source_directories: [/etc/zaiond]\n    repositories: [/var/borg]\n"
        "retention:\n    keep_daily: 7\n" + hooks
    )
    machine.run("borgmatic", "init", "--encryption", "none")
    machine.run("borgmatic")
    begun, ended = told(service, 2)
    assert (begun["type"], ended["type"]) == ("job.started", "job.succeeded")
    assert begun["job"] == ended["job"] == "borgmatic"
    assert len(json.loads(machine.run("borg", "list", "--json", "/var/borg").stdout)["archives"])
    machine.run("mv", "/var/borg", "/var/elsewhere")
    assert machine.run("borgmatic", check=False).returncode != 0
    failed = told(service, 3)[2]  # it prunes first, before the hook before the backup
    assert (failed["type"], failed["job"]) == ("job.failed", "borgmatic")
    assert (failed["severity"], failed["data"]["repository"]) == ("err", "/var/borg")


def test_a_job_of_cron_that_failed_is_mailed_with_its_output(service: Service, sink: Sink) -> None:
    machine = service.machine
    example(machine, "backup.cron", "/etc/cron.d/backup")
    text = machine.path("/etc/cron.d/backup").read_text()
    machine.path("/etc/cron.d/backup").write_text(text.replace("0 2 * * *", "@reboot"))
    script = machine.path("/usr/local/sbin/backup")
    script.write_text("#!/bin/sh\necho copying; echo no space left >&2; exit 5\n")
    script.chmod(0o755)
    machine.run("systemctl", "start", "cron.service")
    begun, ended = told(service, 2)
    assert (begun["type"], ended["type"]) == ("job.started", "job.failed")
    assert ended["job"] == "nightly-backup"
    assert ended["data"]["exit_status"] == 5
    assert ended["data"]["output"] == "copying\nno space left"
    machine.until(
        lambda: any(ended["id"] in mail.event_ids for mail in sink.mails), "it is not mailed"
    )
    (mail,) = [mail for mail in sink.mails if ended["id"] in mail.event_ids]
    assert "Job nightly-backup" in mail.subject
    assert "Exit status: 5" in mail.body
    assert "\ncopying\nno space left\n" in mail.body


def test_rsnapshot_and_rsync_are_jobs_and_their_warnings_no_failures(service: Service) -> None:
    machine = service.machine
    lines = [
        ("config_version", "1.2"), ("snapshot_root", "/var/snapshots/"),
        ("cmd_rsync", "/usr/bin/rsync"), ("retain", "alpha", "6"), ("retain", "beta", "7"),
        ("backup", "/etc/zaiond/", "localhost/"), ("backup", "/nonexistent/", "localhost/"),
    ]  # fmt: skip
    written = "".join("\t".join(line) + "\n" for line in lines)
    machine.path("/etc/rsnapshot.conf").write_text(written)
    text = (EXAMPLES / "rsnapshot.cron").read_text()
    (command,) = [line.partition("root  ")[2] for line in text.splitlines() if "alpha" in line]
    machine.run("sh", "-c", command, check=False)
    example(machine, "rsync-backup", "/usr/local/sbin/rsync-backup")
    machine.run("rsync-backup", "/etc/zaiond/", "/var/copy")
    events = [event for event in told(service, 4) if event["type"] != "job.started"]
    snapshot, copy = events
    assert snapshot["job"] == "rsnapshot-alpha"
    assert (snapshot["type"], copy["type"]) == ("job.failed", "job.succeeded")
    assert "/nonexistent/" in snapshot["data"]["output"]
    assert "Number of files" in copy["data"]["output"]


def package(machine: Container, name: str, postinst: str) -> str:
    folder = machine.path(f"/srv/{name}/DEBIAN")
    folder.mkdir(parents=True)
    (folder / "control").write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.com>\n"
        "Description: x\n"
    )
    (folder / "postinst").write_text(f"#!/bin/sh\n{postinst}\n")
    (folder / "postinst").chmod(0o755)
    machine.run("dpkg-deb", "--build", f"/srv/{name}")
    return f"/srv/{name}.deb"


def test_apt_tells_of_packages_that_it_left_broken_and_when_they_are_well(service: Service) -> None:
    machine = service.machine
    example(machine, "apt.conf", "/etc/apt/apt.conf.d/90zaiond")
    example(machine, "apt-event", "/usr/local/sbin/zaiond-apt-event")
    apt = (
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-o",
        "APT::Sandbox::User=root",
        "-y",
    )
    good = package(machine, "zaiond-test-good", "exit 0")
    bad = package(machine, "zaiond-test-bad", "exit 1")
    machine.run(*apt, "install", good)
    (event,) = told(service, 1)
    assert (event["key"], event["status"]) == ("apt", "ok")
    assert machine.run(*apt, "install", bad, check=False).returncode != 0
    event = told(service, 2)[-1]
    assert (event["key"], event["status"], event["severity"]) == ("apt", "problem", "err")
    assert "zaiond-test-bad" in event["message"]
    machine.run(*apt, "purge", "zaiond-test-bad")
    assert told(service, 3)[-1]["status"] == "ok"

    # Whatever becomes of the event, apt goes on.
    service.systemctl("stop", "zaiond.socket", "zaiond.service")
    machine.run("chmod", "0", "/usr/local/lib/zaiond/bin/zaiond-ctl")
    try:
        machine.run(*apt, "purge", "zaiond-test-good")
    finally:
        machine.run("chmod", "755", "/usr/local/lib/zaiond/bin/zaiond-ctl")


def test_smartd_tells_of_a_disk_and_tries_the_way_before(service: Service) -> None:
    machine = service.machine
    example(machine, "smartd-event", "/etc/smartmontools/run.d/20zaiond")
    machine.run("rm", "/etc/smartmontools/run.d/10mail")
    loaded = disk(machine, "/dev/nvme7")
    runner = "/usr/share/smartmontools/smartd-runner"
    settings = machine.path("/etc/smartd-test.conf")
    smartd = ("smartd", "-q", "onecheck", "-c", "/etc/smartd-test.conf")
    settings.write_text(f"/dev/nvme7 -d nvme -H -m root -M exec {runner} -M test\n")
    machine.run(*loaded, *smartd)
    (tried,) = told(service, 1)
    assert (tried["type"], tried["severity"], tried["key"]) == ("disk.smart", "notice", None)
    assert "TEST EMAIL from smartd for device: /dev/nvme7" in tried["message"]
    settings.write_text(f"/dev/nvme7 -d nvme -H -m root -M exec {runner}\n")
    machine.run(*loaded, "DISK_WARNING=4", *smartd, check=False)
    failing = told(service, 2)[-1]
    assert (failing["key"], failing["status"]) == ("smart:/dev/nvme7", "problem")
    assert failing["severity"] == "err"
    assert "Critical Warning (0x04): Reliability" in failing["message"]


def test_mdadm_tries_the_way_and_tells_of_an_array(service: Service) -> None:
    machine = service.machine
    unpacked(machine, PROGRAMS)
    example(machine, "mdadm-event", "/usr/local/sbin/zaiond-mdadm-event")
    settings = machine.path("/etc/mdadm/mdadm.conf")
    settings.parent.mkdir(exist_ok=True)
    settings.write_text("PROGRAM /usr/local/sbin/zaiond-mdadm-event\n")
    # No array is there, which it sees after it has tried the way.
    machine.run("mdadm", "--monitor", "--oneshot", "--test", "/dev/md0")
    tried, gone = told(service, 2)
    assert (tried["type"], tried["status"]) == ("raid.TestMessage", None)
    assert (gone["type"], gone["severity"]) == ("raid.DeviceDisappeared", "err")
    assert (gone["key"], gone["status"]) == ("raid:/dev/md0", "problem")
    assert gone["data"]["array"] == "/dev/md0"
    # What it calls of an array that is there.
    for event in (("DegradedArray", "/dev/md0"), ("SpareActive", "/dev/md0", "/dev/sdb1")):
        machine.run("zaiond-mdadm-event", *event)
    degraded, active = told(service, 4)[2:]
    assert (degraded["key"], degraded["status"]) == ("raid:/dev/md0", "problem")
    assert (active["status"], active["data"]["component"]) == ("ok", "/dev/sdb1")
